//! `certificates:` of the configuration. Source: API Management's `certificates/{id}`.

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
    /// The certificate, PEM: path of a file, `env: NAME`, or the text itself. Of a chain the first counts.
    pub certificate: Option<At<Secret>>,
    /// Its private key, PEM and not encrypted: path of a file, `env: NAME`, or the text itself. Needed to decrypt tokens.
    pub key: Option<At<Secret>>,
    /// API Management's PKCS #12 (PFX) as Base64. Not read in this version.
    pub data: Option<At<String>>,
    /// The password of `data`. Not read in this version.
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
