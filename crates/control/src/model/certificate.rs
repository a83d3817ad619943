//! `certificates:` of the configuration. Source: API Management's `certificates/{id}`.

use super::KeyVaultSecret;
use super::scalar::Secret;
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// A certificate that policies name by `certificate-id`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// Its id: what `certificate-id` names.
    pub id: At<String>,
    /// The certificate: path of a file in PEM, or in PKCS #12 (`.pfx`, `.p12`) with its key; `env: NAME`, or the PEM text itself. Of a
    /// chain the first is the certificate, and the others are shown with it.
    pub certificate: Option<At<Secret>>,
    /// Its private key, PEM and not encrypted: path of a file, `env: NAME`, or the text itself. Needed to decrypt tokens and to be
    /// shown to backends.
    pub key: Option<At<Secret>>,
    /// Certificate and key as API Management has them: PKCS #12 (PFX) in Base64, as text, `env: NAME` or `file: PATH`.
    pub data: Option<At<Secret>>,
    /// The same, from a Key Vault: the secret of a certificate there, in PKCS #12 or PEM.
    pub key_vault: Option<At<KeyVaultSecret>>,
    /// The password of a PKCS #12 file: `env: NAME`, `file: PATH`, or the text itself.
    pub password: Option<At<Secret>>,
}

/// OpenID providers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenId {
    /// Beginnings of OpenID configuration URLs, and what is asked in their place: documents that name
    /// `https://login.microsoftonline.com` then run against a simulator.
    #[serde(default)]
    pub authorities: std::collections::BTreeMap<String, At<String>>,
}
