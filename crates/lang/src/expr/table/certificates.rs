//! `X509Certificate2`: what a certificate says, and its keys.
//!
//! x509-parser reads it. What must stay true: nothing here trusts a certificate - `Verify()` is the host's answer, and a
//! host that cannot check says no; a private key never prints.

use super::crypto::null;
use super::rsa::{self, Key};
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{DateTime, Kind, Object, Str, Value};
use aws_lc_rs::digest;
use bytes::Bytes;
use std::any::Any;
use std::rc::Rc;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate, X509Name};

/// An `X509Certificate2`.
pub(crate) struct Certificate {
    der: Bytes,
    subject: Str,
    issuer: Str,
    /// Upper hexadecimal.
    serial: Str,
    not_before: i64,
    not_after: i64,
    version: i32,
    signature: String,
    key_algorithm: String,
    public: Bytes,
    private: Option<Key>,
    /// Kind of name, name: what `GetNameInfo` looks for.
    names: Vec<(NameKind, Str)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NameKind {
    Common { issuer: bool },
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
        format!(
            "[Subject]\n  {}\n\n[Issuer]\n  {}\n\n[Serial Number]\n  {}\n\n[Thumbprint]\n  {}\n",
            self.subject,
            self.issuer,
            self.serial,
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

/// Short names of the parts of a distinguished name, as Windows writes them.
const PARTS: [(&str, &str); 13] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "S"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "T"),
    ("2.5.4.42", "G"),
    ("1.2.840.113549.1.9.1", "E"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

/// A distinguished name, the last part first.
fn distinguished(name: &X509Name<'_>) -> Str {
    let mut parts: Vec<String> = Vec::new();
    for set in name.iter_rdn() {
        let one: Vec<String> = set
            .iter()
            .map(|part| {
                let oid = part.attr_type().to_id_string();
                let known = PARTS.iter().find(|(o, _)| *o == oid);
                let key = known.map_or_else(|| format!("OID.{oid}"), |(_, k)| (*k).to_owned());
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
        for (issuer, of) in [(false, parsed.subject()), (true, parsed.issuer())] {
            let common = of.iter_common_name().last().map(text_of);
            names.extend(common.map(|n| (NameKind::Common { issuer }, Str::from(n))));
            let email = of.iter_email().last().map(text_of);
            names.extend(email.map(|n| (NameKind::Email { issuer }, Str::from(n))));
        }
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
            der: Bytes::copy_from_slice(der),
        })
    }

    /// From DER, PEM, or the Base64 of DER.
    fn read(data: &[u8]) -> Result<Certificate, Throw> {
        let text = std::str::from_utf8(data).ok();
        let pem = text.and_then(|t| rsa::pem(t, &["CERTIFICATE"]));
        let coded = || {
            use base64::Engine as _;
            let plain: String = text?.split_whitespace().collect();
            base64::engine::general_purpose::STANDARD.decode(plain).ok()
        };
        let der = match pem {
            Some(der) => der,
            None if data.first() == Some(&0x30) => data.to_vec(),
            None => coded().unwrap_or_default(),
        };
        Certificate::of_der(&der, None).ok_or_else(|| {
            throw(
                "CryptographicException",
                "Cannot find the requested object: this is no X.509 certificate. PKCS #12 (PFX) is not read here.",
            )
        })
    }

    /// A certificate of the host: PEM or DER, with its private key in PEM.
    pub(crate) fn of_host(certificate: &[u8], key: Option<&str>) -> Value {
        let Ok(mut read) = Certificate::read(certificate) else {
            return Value::Null;
        };
        let kinds = ["PRIVATE KEY", "RSA PRIVATE KEY"];
        read.private = key
            .and_then(|k| rsa::pem(k, &kinds))
            .and_then(|der| Key::private(&der));
        Value::Object(Rc::new(read))
    }

    fn thumbprint(&self) -> String {
        hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der).as_ref())
    }

    fn name(&self, kind: impl Fn(NameKind) -> bool) -> Option<Str> {
        let found = self.names.iter().find(|(k, _)| kind(*k));
        found.map(|(_, n)| n.clone())
    }
}

fn of<'a>(a: &'a Args<'_>) -> Result<&'a Certificate, Throw> {
    a.object::<Certificate>(0)
        .map_err(|_| crate::expr::eval::null_reference())
}

fn local(ticks: i64) -> R {
    Ok(Value::DateTime(DateTime {
        ticks,
        kind: Kind::Local,
    }))
}

/// An `Oid`.
#[derive(Debug)]
struct Oid(String);

impl Object for Oid {
    fn ty(&self) -> Ty {
        Ty::class("Oid")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Names of Windows for the algorithms that certificates have.
const FRIENDLY: [(&str, &str); 8] = [
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.5", "sha1RSA"),
    ("1.2.840.113549.1.1.11", "sha256RSA"),
    ("1.2.840.113549.1.1.12", "sha384RSA"),
    ("1.2.840.113549.1.1.13", "sha512RSA"),
    ("1.2.840.10045.2.1", "ECC"),
    ("1.2.840.10045.4.3.2", "sha256ECDSA"),
    ("1.2.840.10045.4.3.3", "sha384ECDSA"),
];

/// An `X500DistinguishedName`.
#[derive(Debug)]
struct Distinguished(Str);

impl Object for Distinguished {
    fn ty(&self) -> Ty {
        Ty::class("X500DistinguishedName")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A certificate of bytes.
fn raw(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let data = a.bytes(0).unwrap_or_default();
    if data.is_empty() {
        return Err(throw(
            "ArgumentException",
            "Array may not be empty or null. (Parameter 'rawData')",
        ));
    }
    cx.step(500 + data.len() / 16)?;
    cx.charge(data.len().saturating_mul(4))?;
    Ok(Value::Object(Rc::new(Certificate::read(&data)?)))
}

const CERTIFICATE: &[Row] = &[
    m("new(byte[] rawData)", |cx, a| raw(cx, a)),
    m("new(byte[] rawData, string password)", |cx, a| raw(cx, a)),
    m(
        "static X509Certificate2 CreateFromPem(string certPem, string keyPem)",
        |cx, a| {
            let text = a.text(0).map_err(|_| null("certPem"))?;
            cx.step(2_000 + text.len() / 16)?;
            let mut made = Certificate::read(text.as_bytes())?;
            let key = a.text(1).map_err(|_| null("keyPem"))?;
            let der = rsa::pem(key, &["PRIVATE KEY", "RSA PRIVATE KEY"]);
            made.private = der.and_then(|der| Key::private(&der));
            Ok(Value::Object(Rc::new(made)))
        },
    ),
    m("string Subject", |_, a| {
        Ok(Value::Str(of(a)?.subject.clone()))
    }),
    m("string Issuer", |_, a| {
        Ok(Value::Str(of(a)?.issuer.clone()))
    }),
    m("X500DistinguishedName SubjectName", |_, a| {
        Ok(Value::Object(Rc::new(Distinguished(
            of(a)?.subject.clone(),
        ))))
    }),
    m("X500DistinguishedName IssuerName", |_, a| {
        Ok(Value::Object(Rc::new(Distinguished(of(a)?.issuer.clone()))))
    }),
    m("string Thumbprint", |_, a| {
        Ok(Value::from(of(a)?.thumbprint()))
    }),
    m("string GetCertHashString()", |_, a| {
        Ok(Value::from(of(a)?.thumbprint()))
    }),
    m("byte[] GetCertHash()", |_, a| {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &of(a)?.der);
        Ok(Value::Bytes(Bytes::copy_from_slice(hash.as_ref())))
    }),
    m("string SerialNumber", |_, a| {
        Ok(Value::Str(of(a)?.serial.clone()))
    }),
    m("string GetSerialNumberString()", |_, a| {
        Ok(Value::Str(of(a)?.serial.clone()))
    }),
    m("DateTime NotBefore", |_, a| local(of(a)?.not_before)),
    m("DateTime NotAfter", |_, a| local(of(a)?.not_after)),
    m("int Version", |_, a| Ok(Value::Int(of(a)?.version))),
    m("string FriendlyName", |_, _| Ok(Value::from(""))),
    m("byte[] RawData", |_, a| {
        Ok(Value::Bytes(of(a)?.der.clone()))
    }),
    m("byte[] GetRawCertData()", |_, a| {
        Ok(Value::Bytes(of(a)?.der.clone()))
    }),
    m("bool HasPrivateKey", |_, a| {
        Ok(Value::Bool(of(a)?.private.is_some()))
    }),
    m("Oid SignatureAlgorithm", |_, a| {
        Ok(Value::Object(Rc::new(Oid(of(a)?.signature.clone()))))
    }),
    m("string GetKeyAlgorithm()", |_, a| {
        Ok(Value::from(of(a)?.key_algorithm.clone()))
    }),
    m("RSA GetRSAPublicKey()", |_, a| {
        Ok(Key::public(&of(a)?.public).map_or(Value::Null, Key::value))
    }),
    m("RSA GetRSAPrivateKey()", |_, a| {
        let private = of(a)?.private.clone();
        Ok(private.map_or(Value::Null, Key::value))
    }),
    m(
        "string GetNameInfo(X509NameType nameType, bool forIssuer)",
        |_, a| {
            let (certificate, issuer) = (of(a)?, a.bool(2));
            let common = NameKind::Common { issuer };
            let email = NameKind::Email { issuer };
            let found = match a.int(1) {
                0 => certificate
                    .name(|k| k == common)
                    .or_else(|| certificate.name(|k| k == email)),
                1 => certificate.name(|k| k == email),
                3 if !issuer => certificate
                    .name(|k| k == NameKind::Dns)
                    .or_else(|| certificate.name(|k| k == common)),
                3 => certificate.name(|k| k == common),
                4 if !issuer => certificate.name(|k| k == NameKind::Dns),
                5 if !issuer => certificate.name(|k| k == NameKind::Url),
                _ => None,
            };
            Ok(found.map_or_else(|| Value::from(""), Value::Str))
        },
    ),
    m("bool Verify()", |cx, a| {
        let der = of(a)?.der.clone();
        Ok(Value::Bool(cx.host.trusts(&der)))
    }),
    m("bool VerifyNoRevocation()", |cx, a| {
        let der = of(a)?.der.clone();
        Ok(Value::Bool(cx.host.trusts(&der)))
    }),
    m("void Dispose()", |_, _| Ok(Value::Null)),
];

pub(super) const TYPES: &[Type] = &[
    ty(
        "class System.Security.Cryptography.X509Certificates.X509Certificate2 : IDisposable",
        CERTIFICATE,
    ),
    ty(
        "class System.Security.Cryptography.X509Certificates.X500DistinguishedName",
        &[m("string Name", |_, a| {
            Ok(Value::Str(a.object::<Distinguished>(0)?.0.clone()))
        })],
    ),
    ty(
        "class System.Security.Cryptography.Oid",
        &[
            m("string Value", |_, a| {
                Ok(Value::from(a.object::<Oid>(0)?.0.clone()))
            }),
            m("string FriendlyName", |_, a| {
                let oid = &a.object::<Oid>(0)?.0;
                let known = FRIENDLY.iter().find(|(o, _)| o == oid);
                Ok(known.map_or(Value::Null, |(_, n)| Value::from(*n)))
            }),
        ],
    ),
];
