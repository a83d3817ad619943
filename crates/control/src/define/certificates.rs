//! `certificates:` to the engine's definitions, and `gateway.openId`.
//!
//! What must stay true: a private key is a secret, also when it stands in the file.

use super::Reader;
use crate::model::{Certificate, Configuration, Gateway, Secret as Written};
use crate::yaml::At;
use std::sync::Arc;
use tollgate_engine::definition::{CertificateDefinition, Secret};
use tollgate_engine::snapshot::BaseUrl;

/// How a PEM text begins.
const PEM: &str = "-----BEGIN";

impl Reader<'_, '_> {
    pub(super) fn certificate_definitions(
        &mut self,
        model: &Configuration,
    ) -> Vec<CertificateDefinition> {
        self.once(model.certificates.iter().map(|c| &c.id), "certificate");
        let mut definitions = Vec::new();
        for item in &model.certificates {
            let pair = self.certificate_pair(item);
            let (certificate, key) = pair.map_or((None, None), |(c, k)| (Some(c), k));
            definitions.push(CertificateDefinition {
                span: Some(self.span(item.id.place)),
                id: Arc::from(item.id.as_str()),
                certificate,
                key,
            });
        }
        definitions
    }

    /// The texts of certificate and key; `None` when one was refused.
    fn certificate_pair(&mut self, item: &Certificate) -> Option<(Arc<str>, Option<Secret>)> {
        if let Some(place) = item.data.as_ref().map(|d| d.place) {
            self.no_pkcs12(place);
            return None;
        }
        let Some(certificate) = &item.certificate else {
            self.fault(
                item.id.place,
                format!("certificate `{}` has no certificate", item.id.value),
                "expected `certificate` beside it",
                "",
            );
            return None;
        };
        let text = self.pem_text(certificate, "certificate")?;
        let key = match &item.key {
            None => None,
            Some(key) => Some(self.pem_text(key, "key")?),
        };
        Some((text.expose().clone(), key))
    }

    /// A PEM text, or the one of the file that is named.
    fn pem_text(&mut self, value: &At<Written>, name: &str) -> Option<Secret> {
        let named_file = match &value.value {
            Written::Literal(text) if !text.contains(PEM) && !text.contains("{{") => Some(text),
            Written::File(path) => Some(path),
            _ => None,
        };
        let path = named_file.map(|p| p.to_ascii_lowercase());
        if path.is_some_and(|p| p.ends_with(".pfx") || p.ends_with(".p12")) {
            self.no_pkcs12(value.place);
            return None;
        }
        let text = match named_file {
            Some(path) => self.secret(&Written::File(path.clone()), value.place, name),
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
                let missing = text
                    .expose()
                    .starts_with(tollgate_engine::definition::MISSING);
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

    fn no_pkcs12(&mut self, place: crate::yaml::Place) {
        self.fault(
            place,
            "PKCS #12 (PFX) is not read in this version",
            "expected PEM in `certificate` and `key`",
            "`openssl pkcs12 -in file.pfx -out file.pem -nodes` writes both as PEM",
        );
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
