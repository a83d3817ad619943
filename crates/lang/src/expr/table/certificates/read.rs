//! Reads a certificate: what it says, by x509-parser, and the private key that came with it.
//!
//! What must stay true: nothing here trusts a certificate; a private key never prints.

use super::{oid, pkcs12};
use crate::certificate::Described;
use crate::expr::eval::{Cx, Throw, throw};
use crate::expr::table::rsa::{self, Key};
use crate::expr::types::Ty;
use crate::value::{DateTime, Kind, Object, Str, Value};
use aws_lc_rs::digest;
use base64::Engine as _;
use bytes::Bytes;
use std::any::Any;
use std::rc::Rc;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate, X509Name};

fn no_certificate() -> Throw {
    throw(
        "CryptographicException",
        "Cannot find the requested object: this is no X.509 certificate in DER, PEM or PKCS #12.",
    )
}

/// Parameters of an algorithm as DER.
fn parameters(any: &x509_parser::der_parser::asn1_rs::Any<'_>) -> Bytes {
    let header = &any.header;
    // A sequence is made of others; an identifier of a curve and null are not.
    let tag = if header.tag().0 == 16 {
        0x30
    } else {
        header.tag().0 as u8
    };
    rsa::der::wrapped(tag, any.data).into()
}

/// An `X509Certificate2`.
pub(crate) struct Certificate {
    pub(super) der: Bytes,
    pub(super) subject: Str,
    pub(super) issuer: Str,
    /// Upper hexadecimal.
    pub(super) serial: Str,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) version: i32,
    pub(super) signature: String,
    pub(super) key_algorithm: String,
    pub(super) public: Bytes,
    pub(super) private: Option<Key>,
    /// Kind of name, name: what `GetNameInfo` looks for.
    pub(super) names: Vec<(NameKind, Str)>,
    /// Distinguished names as DER.
    pub(super) subject_der: Bytes,
    pub(super) issuer_der: Bytes,
    /// Bits of the public key, and the parameters of its algorithm, DER.
    pub(super) key_bits: Bytes,
    pub(super) key_parameters: Bytes,
    pub(super) extensions: Vec<Extension>,
    /// What a PKCS #12 file calls it.
    pub(super) friendly: Str,
}

/// An extension of a certificate.
#[derive(Clone, Debug)]
pub(super) struct Extension {
    pub(super) oid: String,
    pub(super) critical: bool,
    pub(super) value: Bytes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    Common { issuer: bool },
    Unit { issuer: bool },
    Organization { issuer: bool },
    Email { issuer: bool },
    Dns,
    Url,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", self.subject)
    }
}

impl Object for Certificate {
    fn ty(&self) -> Ty {
        Ty::class("X509Certificate2")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        let date = |ticks| {
            Value::DateTime(DateTime {
                ticks,
                kind: Kind::Local,
            })
            .to_text()
        };
        format!(
            "[Subject]\n  {}\n\n[Issuer]\n  {}\n\n[Serial Number]\n  {}\n\n[Not Before]\n  {}\n\n[Not After]\n  {}\n\n[Thumbprint]\n  {}\n",
            self.subject,
            self.issuer,
            self.serial,
            date(self.not_before),
            date(self.not_after),
            self.thumbprint()
        )
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Certificate>();
        other.is_some_and(|o| o.issuer == self.issuer && o.serial == self.serial)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

/// A distinguished name, the last part first.
fn distinguished(name: &X509Name<'_>) -> Str {
    let mut parts: Vec<String> = Vec::new();
    for set in name.iter_rdn() {
        let one: Vec<String> = set
            .iter()
            .map(|part| {
                let number = part.attr_type().to_id_string();
                let key = oid::part(&number).map_or_else(|| format!("OID.{number}"), str::to_owned);
                format!("{key}={}", quoted(&text_of(part)))
            })
            .collect();
        parts.push(one.join(" + "));
    }
    parts.reverse();
    parts.join(", ").into()
}

fn text_of(part: &x509_parser::x509::AttributeTypeAndValue<'_>) -> String {
    match part.as_str() {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(part.as_slice()).into_owned(),
    }
}

fn quoted(text: &str) -> String {
    let needs = text.is_empty()
        || text.starts_with(' ')
        || text.ends_with(' ')
        || text.contains([',', '+', '=', '"', '\n', '<', '>', '#', ';']);
    if needs {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

impl Certificate {
    /// From DER.
    fn of_der(der: &[u8], private: Option<Key>) -> Option<Certificate> {
        let (rest, parsed) = X509Certificate::from_der(der).ok()?;
        let der = &der[..der.len() - rest.len()];
        let ticks = |seconds: i64| crate::value::time::UNIX_EPOCH + seconds * 10_000_000;
        let mut names = Vec::new();
        for extension in parsed.extensions() {
            let ParsedExtension::SubjectAlternativeName(all) = extension.parsed_extension() else {
                continue;
            };
            for name in &all.general_names {
                names.push(match name {
                    GeneralName::DNSName(n) => (NameKind::Dns, Str::from(*n)),
                    GeneralName::RFC822Name(n) => {
                        (NameKind::Email { issuer: false }, Str::from(*n))
                    }
                    GeneralName::URI(n) => (NameKind::Url, Str::from(*n)),
                    _ => continue,
                });
            }
        }
        // The alternative names come first, where there is a choice.
        for (issuer, of) in [(false, parsed.subject()), (true, parsed.issuer())] {
            let mut add = |kind, found: Option<&_>| {
                names.extend(found.map(|n| (kind, Str::from(text_of(n)))));
            };
            add(NameKind::Common { issuer }, of.iter_common_name().last());
            add(
                NameKind::Unit { issuer },
                of.iter_organizational_unit().last(),
            );
            add(
                NameKind::Organization { issuer },
                of.iter_organization().last(),
            );
            add(NameKind::Email { issuer }, of.iter_email().last());
        }
        Some(Certificate {
            subject: distinguished(parsed.subject()),
            issuer: distinguished(parsed.issuer()),
            serial: hex(parsed.raw_serial()).into(),
            not_before: ticks(parsed.validity().not_before.timestamp()),
            not_after: ticks(parsed.validity().not_after.timestamp()),
            version: i32::try_from(parsed.version().0).unwrap_or(2) + 1,
            signature: parsed.signature_algorithm.algorithm.to_id_string(),
            key_algorithm: parsed.public_key().algorithm.algorithm.to_id_string(),
            public: Bytes::copy_from_slice(parsed.public_key().raw),
            private,
            names,
            subject_der: Bytes::copy_from_slice(parsed.subject().as_raw()),
            issuer_der: Bytes::copy_from_slice(parsed.issuer().as_raw()),
            key_bits: Bytes::copy_from_slice(&parsed.public_key().subject_public_key.data),
            key_parameters: parsed
                .public_key()
                .algorithm
                .parameters
                .as_ref()
                .map_or_else(Bytes::new, parameters),
            extensions: parsed
                .extensions()
                .iter()
                .map(|e| Extension {
                    oid: e.oid.to_id_string(),
                    critical: e.critical,
                    value: Bytes::copy_from_slice(e.value),
                })
                .collect(),
            friendly: Str::from(""),
            der: Bytes::copy_from_slice(der),
        })
    }

    /// From DER, PEM, the Base64 of DER, or PKCS #12.
    pub(super) fn read(
        cx: &mut Cx<'_>,
        data: &[u8],
        password: Option<&str>,
    ) -> Result<Certificate, Throw> {
        let text = std::str::from_utf8(data).ok();
        let pem = text.and_then(|t| rsa::pem(t, &["CERTIFICATE"]));
        let coded = || {
            let plain: String = text?.split_whitespace().collect();
            base64::engine::general_purpose::STANDARD.decode(plain).ok()
        };
        let der = match pem {
            Some(der) => der,
            None if data.first() == Some(&0x30) => data.to_vec(),
            None => coded().unwrap_or_default(),
        };
        if let Some(read) = Certificate::of_der(&der, None) {
            return Ok(read);
        }
        if let Some(store) = pkcs12::Store::of(&der) {
            cx.step(store.work())?;
            let opened = store
                .open(password.unwrap_or_default())
                .map_err(|why| throw("CryptographicException", why))?;
            let mut read =
                Certificate::of_der(&opened.certificate, None).ok_or_else(no_certificate)?;
            read.private = opened.key.as_deref().and_then(Key::private);
            read.friendly = opened.friendly.into();
            return Ok(read);
        }
        Err(no_certificate())
    }

    /// A certificate of the host: PEM or DER, with its private key in PEM.
    pub(crate) fn of_host(certificate: &[u8], key: Option<&str>) -> Value {
        let pem = std::str::from_utf8(certificate)
            .ok()
            .and_then(|t| rsa::pem(t, &["CERTIFICATE"]));
        let der = pem.as_deref().unwrap_or(certificate);
        let Some(mut read) = Certificate::of_der(der, None) else {
            return Value::Null;
        };
        let kinds = ["PRIVATE KEY", "RSA PRIVATE KEY"];
        read.private = key
            .and_then(|k| rsa::pem(k, &kinds))
            .and_then(|der| Key::private(&der));
        Value::Object(Rc::new(read))
    }

    /// How many bytes of DER it has.
    pub(super) fn length(der: &[u8]) -> Option<usize> {
        let (rest, _) = X509Certificate::from_der(der).ok()?;
        Some(der.len() - rest.len())
    }

    /// For the gateway itself.
    pub(super) fn described(der: &[u8]) -> Option<Described> {
        let read = Certificate::of_der(der, None)?;
        let unix = |ticks: i64| (ticks - crate::value::time::UNIX_EPOCH).div_euclid(10_000_000);
        let dns = read.names.iter().filter(|(k, _)| *k == NameKind::Dns);
        Some(Described {
            thumbprint: read.thumbprint(),
            common_name: read.name(|k| k == NameKind::Common { issuer: false }),
            dns_names: dns.map(|(_, n)| n.clone()).collect(),
            not_before: unix(read.not_before),
            not_after: unix(read.not_after),
            public_key: read.key_bits.to_vec(),
            subject: read.subject,
            issuer: read.issuer,
            serial_number: read.serial,
        })
    }

    /// Whether bytes are a certificate in DER.
    pub(super) fn is_der(der: &[u8]) -> bool {
        X509Certificate::from_der(der).is_ok()
    }

    pub(super) fn thumbprint(&self) -> String {
        hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der).as_ref())
    }

    pub(super) fn name(&self, kind: impl Fn(NameKind) -> bool) -> Option<Str> {
        let found = self.names.iter().find(|(k, _)| kind(*k));
        found.map(|(_, n)| n.clone())
    }
}
