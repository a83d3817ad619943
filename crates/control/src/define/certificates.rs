//! `certificates:` to the engine's definitions, and `gateway.openId`.
//!
//! What must stay true: a private key is a secret, also when it stands in the file.

use super::Reader;
use crate::model::{Certificate, Gateway, Lists, Secret as Written};
use crate::yaml::At;
use std::sync::Arc;
use tollgate_engine::definition::{CertificateDefinition, MISSING, Secret};
use tollgate_engine::snapshot::BaseUrl;
use tollgate_lang::certificate::{decode_base64, open_pkcs12};

/// How a PEM text begins.
const PEM: &str = "-----BEGIN";

/// The file that a value names: by its path, or as `file: PATH`.
fn named_file(value: &At<Written>) -> Option<&str> {
    match &value.value {
        Written::Literal(text) if !text.contains(PEM) && !text.contains("{{") => Some(text),
        Written::File(path) => Some(path),
        _ => None,
    }
}

fn is_pkcs12(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.ends_with(".pfx") || path.ends_with(".p12")
}

impl Reader<'_, '_> {
    pub(super) fn certificate_definitions(
        &mut self,
        lists: Lists<'_>,
    ) -> Vec<CertificateDefinition> {
        self.once(lists.certificates.iter().map(|c| &c.id), "certificate");
        let mut definitions = Vec::new();
        for item in lists.certificates {
            let pair = self.certificate_pair(item);
            let (certificate, key) = pair.map_or((None, None), |(c, k)| (Some(c), k));
            definitions.push(CertificateDefinition {
                span: Some(self.span(item.id.place)),
                workspace: self.workspace.clone(),
                id: Arc::from(item.id.as_str()),
                certificate,
                key,
            });
        }
        definitions
    }

    /// The texts of certificate and key; `None` when one was refused.
    fn certificate_pair(&mut self, item: &Certificate) -> Option<(Arc<str>, Option<Secret>)> {
        let certificate = match (&item.certificate, &item.data, &item.key_vault) {
            (Some(certificate), None, None) => certificate,
            (None, Some(data), None) => {
                let bytes = self.pkcs12_bytes(data)?;
                return self.pkcs12(item, &bytes, data.place);
            }
            (None, None, Some(secret)) => {
                let text = Secret::new(self.key_vault_secret(secret, &item.id));
                return self.of_vault(item, &text, secret.secret_identifier.place);
            }
            (None, None, None) => {
                self.fault(
                    item.id.place,
                    format!("certificate `{}` has no certificate", item.id.value),
                    "expected `certificate`, `data` or `keyVault` beside it",
                    "",
                );
                return None;
            }
            (_, data, vault) => {
                let vault = vault.as_ref().map(|v| v.secret_identifier.place);
                let second = data.as_ref().map(|d| d.place).or(vault);
                self.fault(
                    second.unwrap_or(item.id.place),
                    format!("certificate `{}` stands here twice", item.id.value),
                    "expected one of `certificate`, `data` and `keyVault`",
                    "",
                );
                return None;
            }
        };
        if named_file(certificate).is_some_and(is_pkcs12) {
            let bytes = self.pkcs12_bytes(certificate)?;
            return self.pkcs12(item, &bytes, certificate.place);
        }
        let text = self.pem_text(certificate, "certificate")?;
        let key = match &item.key {
            None => None,
            Some(key) => Some(self.pem_text(key, "key")?),
        };
        if let Some(password) = &item.password {
            self.fault(
                password.place,
                "a `password` without PKCS #12",
                "expected PEM whose key is not encrypted",
                "`openssl pkey -in key.pem -out plain.pem` takes the encryption off",
            );
            return None;
        }
        Some((text.expose().clone(), key))
    }

    /// Certificate and key out of the secret that a Key Vault keeps of a certificate: PKCS #12 in Base64, or PEM.
    fn of_vault(
        &mut self,
        item: &Certificate,
        text: &Secret,
        place: crate::yaml::Place,
    ) -> Option<(Arc<str>, Option<Secret>)> {
        let text = text.expose();
        if text.starts_with(MISSING) {
            return None;
        }
        if text.contains(PEM) {
            let (mut certificates, mut key) = (String::new(), String::new());
            for block in text.split(PEM).skip(1) {
                let to = if block.starts_with(" CERTIFICATE") {
                    &mut certificates
                } else {
                    &mut key
                };
                *to += PEM;
                *to += block;
            }
            let key = (!key.is_empty()).then(|| Secret::new(key));
            return Some((Arc::from(certificates), key));
        }
        let Some(bytes) = decode_base64(text) else {
            self.fault(
                place,
                format!(
                    "the secret of certificate `{}` is no certificate",
                    item.id.value
                ),
                "expected the secret of a certificate: PKCS #12 in Base64, or PEM",
                "a certificate's secret has the certificate's name, below `/secrets/`",
            );
            return None;
        };
        self.pkcs12(item, &bytes, place)
    }

    /// Certificate and key of a PKCS #12 file.
    fn pkcs12(
        &mut self,
        item: &Certificate,
        bytes: &[u8],
        place: crate::yaml::Place,
    ) -> Option<(Arc<str>, Option<Secret>)> {
        if let Some(key) = &item.key {
            self.fault(
                key.place,
                "a `key` beside PKCS #12, which holds it",
                "remove it",
                "",
            );
            return None;
        }
        let password = item
            .password
            .as_ref()
            .map(|p| self.secret(p, p.place, "password"));
        let password = password.as_ref().map_or("", |p| &**p.expose());
        if password.starts_with(MISSING) {
            return None;
        }
        let why = match open_pkcs12(bytes, password) {
            Some(Ok(opened)) => {
                let (certificates, key) = opened.to_pem();
                return Some((Arc::from(certificates), key.map(Secret::new)));
            }
            Some(Err(why)) => format!("the PKCS #12 file does not open: {why}"),
            None => String::from("this is no PKCS #12 (PFX)"),
        };
        self.fault(
            place,
            why.trim_end_matches('.'),
            "expected a PFX with its `password`",
            "`openssl pkcs12 -info -in file.pfx` shows what is in it",
        );
        None
    }

    /// The bytes of a PKCS #12 file: the file itself, or Base64.
    fn pkcs12_bytes(&mut self, value: &At<Written>) -> Option<Vec<u8>> {
        if let Some(path) = named_file(value).filter(|p| is_pkcs12(p)) {
            let path = self.files.resolve(path);
            return match self.files.read_bytes(&path) {
                Ok(bytes) => Some(bytes),
                Err(why) => {
                    self.missing_file(value.place, &path, &why);
                    None
                }
            };
        }
        let text = self.secret(&value.value, value.place, "data");
        let text = text.expose();
        if text.starts_with(MISSING) {
            return None;
        }
        let bytes = decode_base64(text);
        if bytes.is_none() {
            self.fault(
                value.place,
                "`data` is not Base64",
                "expected a PKCS #12 file in Base64",
                "`base64 file.pfx` writes it",
            );
        }
        bytes
    }

    /// A PEM text, or the one of the file that is named.
    fn pem_text(&mut self, value: &At<Written>, name: &str) -> Option<Secret> {
        let text = match named_file(value) {
            Some(path) => self.secret(&Written::File(path.to_owned()), value.place, name),
            // A certificate is public: only its key is a secret where it stands in the file.
            None => match &value.value {
                Written::Literal(text) if name == "certificate" && !text.contains("{{") => {
                    Secret::new(text.as_str())
                }
                written => self.secret(written, value.place, name),
            },
        };
        // What is missing has been told.
        text.expose()
            .contains(PEM)
            .then(|| text.clone())
            .or_else(|| {
                let missing = text.expose().starts_with(MISSING);
                if !missing {
                    self.fault(
                        value.place,
                        format!("`{name}` is not PEM"),
                        "expected a text with `-----BEGIN`",
                        "",
                    );
                }
                None
            })
    }

    /// `gateway.openId.authorities`.
    pub(super) fn openid_authorities(&mut self, gateway: &Gateway) -> Vec<(Arc<str>, Arc<str>)> {
        let mut authorities: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for (public, own) in &gateway.open_id.authorities {
            if let Err(why) = BaseUrl::parse(public, None) {
                self.fault(
                    own.place,
                    format!("`{public}`: {why}"),
                    "expected a URL before it, such as https://login.microsoftonline.com",
                    "",
                );
                continue;
            }
            let own = self.url(own);
            authorities.push((Arc::from(public.as_str()), Arc::from(own)));
        }
        // The longest first: a more special beginning wins.
        authorities.sort_by_key(|(public, _)| std::cmp::Reverse(public.len()));
        authorities
    }
}
