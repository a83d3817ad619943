//! `X509Certificate2` and what belongs to it.
//!
//! What must stay true: nothing here trusts a certificate - `Verify()` is the host's answer, and a host that cannot check says
//! no; a private key never leaves it but through `GetRSAPrivateKey`.

mod oid;
mod pkcs12;
mod read;

pub(crate) use read::Certificate;

use super::crypto::null;
use super::enums::X509_CONTENT_TYPE;
use super::rsa::{self, Key};
use super::{Row, Type, m, ty};
use crate::certificate::{Described, MOST_WORK, Opened};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{DateTime, Kind, Object, Value};
use aws_lc_rs::digest;
use bytes::Bytes;
use read::{Extension, NameKind, hex};
use std::any::Any;
use std::rc::Rc;

/// What a certificate says, for the gateway itself.
pub(crate) fn describe(der: &[u8]) -> Option<Described> {
    Certificate::described(der)
}

/// How long the certificate is that bytes begin with.
pub(crate) fn length(der: &[u8]) -> Option<usize> {
    Certificate::length(der)
}

/// Opens a PKCS #12 file for the gateway itself; `None` when it is none.
pub(crate) fn open_pkcs12(der: &[u8], password: &str) -> Option<Result<Opened, &'static str>> {
    let store = pkcs12::Store::of(der)?;
    if store.work() > MOST_WORK {
        return Some(Err("The PKCS #12 file asks for too many iterations."));
    }
    Some(store.open(password).map(|opened| {
        let mut chain = vec![opened.certificate];
        chain.extend(opened.others);
        Opened {
            chain,
            key: opened.key,
        }
    }))
}

/// `X509ContentType`.
const UNKNOWN: i64 = 0;
const CERT: i64 = 1;
const PFX: i64 = 3;

fn of<'a>(a: &'a Args<'_>) -> Result<&'a Certificate, Throw> {
    a.object::<Certificate>(0)
        .map_err(|_| crate::expr::eval::null_reference())
}

/// The receiver of an extension method.
fn extended<'a>(a: &'a Args<'_>) -> Result<&'a Certificate, Throw> {
    a.object::<Certificate>(0).map_err(|_| null("certificate"))
}

fn local(ticks: i64) -> R {
    Ok(Value::DateTime(DateTime {
        ticks,
        kind: Kind::Local,
    }))
}

fn bytes(b: &Bytes) -> R {
    Ok(Value::Bytes(b.clone()))
}

/// An `X500DistinguishedName`: as text, and DER.
#[derive(Debug)]
struct Distinguished(crate::value::Str, Bytes);

impl Object for Distinguished {
    fn ty(&self) -> Ty {
        Ty::class("X500DistinguishedName")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A `PublicKey` of a certificate.
#[derive(Debug)]
struct PublicKey {
    algorithm: String,
    spki: Bytes,
    bits: Bytes,
    parameters: Bytes,
}

impl Object for PublicKey {
    fn ty(&self) -> Ty {
        Ty::class("PublicKey")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An `AsnEncodedData`.
#[derive(Debug)]
struct Encoded {
    oid: String,
    data: Bytes,
}

impl Object for Encoded {
    fn ty(&self) -> Ty {
        Ty::class("AsnEncodedData")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for Extension {
    fn ty(&self) -> Ty {
        Ty::class("X509Extension")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The bytes of a certificate; there must be some.
fn data_of(a: &Args<'_>) -> Result<Bytes, Throw> {
    let data = a.bytes(0).unwrap_or_default();
    if data.is_empty() {
        return Err(throw(
            "ArgumentException",
            "Array may not be empty or null. (Parameter 'rawData')",
        ));
    }
    Ok(data)
}

/// A certificate of bytes.
fn raw(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let data = data_of(a)?;
    cx.step(500 + data.len() / 16)?;
    cx.charge(data.len().saturating_mul(4))?;
    let password = a.text(1).ok();
    Ok(Value::Object(Rc::new(Certificate::read(
        cx, &data, password,
    )?)))
}

fn raw_row(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    raw(cx, a)
}

fn hash(a: &Args<'_>, name: &str) -> Result<Bytes, Throw> {
    let algorithm = match name {
        "SHA256" => &digest::SHA256,
        "SHA384" => &digest::SHA384,
        "SHA512" => &digest::SHA512,
        _ => &digest::SHA1_FOR_LEGACY_USE_ONLY,
    };
    let hash = digest::digest(algorithm, &of(a)?.der);
    Ok(Bytes::copy_from_slice(hash.as_ref()))
}

/// A date as `ToString()` writes it.
fn date(cx: &mut Cx<'_>, ticks: i64) -> R {
    let date = local(ticks)?.to_text();
    cx.text(date)
}

/// A name with its parts in the order of the certificate, as the old members give it.
fn in_order(name: &str) -> String {
    // The parts were put in the other order when the certificate was read.
    let mut parts: Vec<&str> = Vec::new();
    let (mut from, mut quoted) = (0, false);
    for (i, c) in name.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(name[from..i].trim());
                from = i + 1;
            }
            _ => {}
        }
    }
    parts.push(name[from..].trim());
    parts.reverse();
    parts.join(", ")
}

/// What the bytes are.
fn content_type(data: &[u8]) -> i64 {
    let text = std::str::from_utf8(data).ok();
    let pem = text.and_then(|t| rsa::pem(t, &["CERTIFICATE"]));
    let der = pem.as_deref().unwrap_or(data);
    if Certificate::is_der(der) {
        CERT
    } else if pkcs12::Store::of(data).is_some() {
        PFX
    } else {
        UNKNOWN
    }
}

fn export(a: &Args<'_>) -> R {
    match a.int(1) {
        CERT => bytes(&of(a)?.der),
        PFX => Err(throw(
            "CryptographicException",
            "Certificates are not exported as PKCS #12 here: private keys do not leave the gateway.",
        )),
        _ => Err(throw("CryptographicException", "Invalid content type.")),
    }
}

/// What both classes of certificates have.
const BASE: &[Row] = &[
    m("new(byte[] data)", raw_row),
    m("new(byte[] rawData, string password)", raw_row),
    m("string Subject", |_, a| {
        Ok(Value::Str(of(a)?.subject.clone()))
    }),
    m("string Issuer", |_, a| {
        Ok(Value::Str(of(a)?.issuer.clone()))
    }),
    m("string GetName()", |cx, a| {
        cx.text(in_order(&of(a)?.subject))
    }),
    m("string GetIssuerName()", |cx, a| {
        cx.text(in_order(&of(a)?.issuer))
    }),
    m("string GetCertHashString()", |_, a| {
        Ok(Value::from(of(a)?.thumbprint()))
    }),
    m(
        "string GetCertHashString(HashAlgorithmName hashAlgorithm)",
        |_, a| Ok(Value::from(hex(&hash(a, rsa::hash_name(a, 1)?)?))),
    ),
    m("byte[] GetCertHash()", |_, a| {
        Ok(Value::Bytes(hash(a, "SHA1")?))
    }),
    m(
        "byte[] GetCertHash(HashAlgorithmName hashAlgorithm)",
        |_, a| Ok(Value::Bytes(hash(a, rsa::hash_name(a, 1)?)?)),
    ),
    m("string GetSerialNumberString()", |_, a| {
        Ok(Value::Str(of(a)?.serial.clone()))
    }),
    m("byte[] GetSerialNumber()", |_, a| {
        // The least byte first.
        let digits = of(a)?.serial.as_bytes();
        let pairs = digits.rchunks(2).map(|pair| {
            let text = std::str::from_utf8(pair).unwrap_or("0");
            u8::from_str_radix(text, 16).unwrap_or(0)
        });
        Ok(Value::Bytes(pairs.collect::<Vec<u8>>().into()))
    }),
    m("string GetEffectiveDateString()", |cx, a| {
        date(cx, of(a)?.not_before)
    }),
    m("string GetExpirationDateString()", |cx, a| {
        date(cx, of(a)?.not_after)
    }),
    m("string GetFormat()", |_, _| Ok(Value::from("X509"))),
    m("byte[] GetRawCertData()", |_, a| bytes(&of(a)?.der)),
    m("string GetRawCertDataString()", |cx, a| {
        cx.charge(of(a)?.der.len())?;
        cx.text(hex(&of(a)?.der))
    }),
    m("string GetKeyAlgorithm()", |_, a| {
        Ok(Value::from(of(a)?.key_algorithm.clone()))
    }),
    m("byte[] GetKeyAlgorithmParameters()", |_, a| {
        bytes(&of(a)?.key_parameters)
    }),
    m("string GetKeyAlgorithmParametersString()", |_, a| {
        Ok(Value::from(hex(&of(a)?.key_parameters)))
    }),
    m("byte[] GetPublicKey()", |_, a| bytes(&of(a)?.key_bits)),
    m("string GetPublicKeyString()", |cx, a| {
        cx.text(hex(&of(a)?.key_bits))
    }),
    m("byte[] Export(X509ContentType contentType)", |_, a| {
        export(a)
    }),
    m(
        "byte[] Export(X509ContentType contentType, string password)",
        |_, a| export(a),
    ),
    m("bool Equals(X509Certificate other)", |_, a| {
        let same = match a.get(1) {
            Value::Object(other) => of(a)?.equals(&*other),
            _ => false,
        };
        Ok(Value::Bool(same))
    }),
    m("string ToString()", |cx, a| cx.text(of(a)?.text())),
    m("string ToString(bool fVerbose)", |cx, a| {
        cx.text(of(a)?.text())
    }),
    m("void Dispose()", |_, _| Ok(Value::Null)),
];

const CERTIFICATE: &[Row] = &[
    m("new(byte[] rawData)", raw_row),
    m("new(byte[] rawData, string password)", raw_row),
    m(
        "new(byte[] rawData, string password, X509KeyStorageFlags keyStorageFlags)",
        raw_row,
    ),
    m("new(X509Certificate certificate)", |_, a| {
        if a.is_null(0) {
            return Err(null("certificate"));
        }
        Ok(a.get(0))
    }),
    m(
        "static X509Certificate2 CreateFromPem(string certPem)",
        |cx, a| {
            let text = a.str(0).map_err(|_| null("certPem"))?;
            cx.step(500 + text.len() / 16)?;
            let made = Certificate::read(cx, text.as_bytes(), None)?;
            Ok(Value::Object(Rc::new(made)))
        },
    ),
    m(
        "static X509Certificate2 CreateFromPem(string certPem, string keyPem)",
        |cx, a| {
            let text = a.str(0).map_err(|_| null("certPem"))?;
            cx.step(2_000 + text.len() / 16)?;
            let mut made = Certificate::read(cx, text.as_bytes(), None)?;
            let key = a.text(1).map_err(|_| null("keyPem"))?;
            let der = rsa::pem(key, &["PRIVATE KEY", "RSA PRIVATE KEY"]);
            made.private = der.and_then(|der| Key::private(&der));
            Ok(Value::Object(Rc::new(made)))
        },
    ),
    m(
        "static X509ContentType GetCertContentType(byte[] rawData)",
        |cx, a| {
            let data = data_of(a)?;
            cx.step(500 + data.len() / 16)?;
            match content_type(&data) {
                UNKNOWN => Err(throw(
                    "CryptographicException",
                    "Cannot find the requested object.",
                )),
                kind => Ok(Value::Enum(&X509_CONTENT_TYPE, kind)),
            }
        },
    ),
    m("X500DistinguishedName SubjectName", |_, a| {
        let c = of(a)?;
        Ok(Value::Object(Rc::new(Distinguished(
            c.subject.clone(),
            c.subject_der.clone(),
        ))))
    }),
    m("X500DistinguishedName IssuerName", |_, a| {
        let c = of(a)?;
        Ok(Value::Object(Rc::new(Distinguished(
            c.issuer.clone(),
            c.issuer_der.clone(),
        ))))
    }),
    m("string Thumbprint", |_, a| {
        Ok(Value::from(of(a)?.thumbprint()))
    }),
    m("string SerialNumber", |_, a| {
        Ok(Value::Str(of(a)?.serial.clone()))
    }),
    m("DateTime NotBefore", |_, a| local(of(a)?.not_before)),
    m("DateTime NotAfter", |_, a| local(of(a)?.not_after)),
    m("int Version", |_, a| Ok(Value::Int(of(a)?.version))),
    m("bool Archived", |_, _| Ok(Value::Bool(false))),
    m("string FriendlyName", |_, a| {
        Ok(Value::Str(of(a)?.friendly.clone()))
    }),
    m("byte[] RawData", |_, a| bytes(&of(a)?.der)),
    m("bool HasPrivateKey", |_, a| {
        Ok(Value::Bool(of(a)?.private.is_some()))
    }),
    m("AsymmetricAlgorithm PrivateKey", |_, a| {
        let private = of(a)?.private.clone();
        Ok(private.map_or(Value::Null, Key::provider))
    }),
    m("PublicKey PublicKey", |_, a| {
        let c = of(a)?;
        Ok(Value::Object(Rc::new(PublicKey {
            algorithm: c.key_algorithm.clone(),
            spki: c.public.clone(),
            bits: c.key_bits.clone(),
            parameters: c.key_parameters.clone(),
        })))
    }),
    m("Oid SignatureAlgorithm", |_, a| {
        Ok(oid::value(&of(a)?.signature))
    }),
    m("X509ExtensionCollection Extensions", |cx, a| {
        let all = of(a)?.extensions.clone();
        let items = all.into_iter().map(|e| Value::Object(Rc::new(e))).collect();
        cx.list(Ty::class("X509ExtensionCollection"), items)
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
                    .or_else(|| certificate.name(|k| k == NameKind::Unit { issuer }))
                    .or_else(|| certificate.name(|k| k == NameKind::Organization { issuer }))
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
];

const EXTENSION_METHODS: &[Row] = &[m(
    "static bool VerifyNoRevocation(this X509Certificate2 certificate)",
    |cx, a| {
        let der = extended(a)?.der.clone();
        Ok(Value::Bool(cx.host.trusts(&der)))
    },
)];

const RSA_EXTENSIONS: &[Row] = &[
    m(
        "static RSA GetRSAPublicKey(this X509Certificate2 certificate)",
        |_, a| Ok(Key::public(&extended(a)?.public).map_or(Value::Null, Key::value)),
    ),
    m(
        "static RSA GetRSAPrivateKey(this X509Certificate2 certificate)",
        |_, a| {
            let private = extended(a)?.private.clone();
            Ok(private.map_or(Value::Null, Key::value))
        },
    ),
    m(
        "static X509Certificate2 CopyWithPrivateKey(this X509Certificate2 certificate, RSA privateKey)",
        |cx, a| {
            let own = extended(a)?;
            let key = rsa::of_argument(cx, a, 1)?;
            if own.private.is_some() {
                return Err(throw(
                    "InvalidOperationException",
                    "The certificate already has an associated private key.",
                ));
            }
            if !key.belongs_to(&own.public) {
                return Err(throw(
                    "ArgumentException",
                    "The provided key does not match the public key for this certificate. (Parameter 'privateKey')",
                ));
            }
            let mut made = Certificate::read(cx, &own.der.clone(), None)?;
            made.private = Some(key);
            Ok(Value::Object(Rc::new(made)))
        },
    ),
];

fn public<'a>(a: &'a Args<'_>) -> Result<&'a PublicKey, Throw> {
    a.object::<PublicKey>(0)
}

fn encoded(oid: &str, data: &Bytes) -> R {
    Ok(Value::Object(Rc::new(Encoded {
        oid: oid.to_owned(),
        data: data.clone(),
    })))
}

fn rsa_of(a: &Args<'_>) -> R {
    Key::public(&public(a)?.spki)
        .map(Key::provider)
        .ok_or_else(|| {
            throw(
                "NotSupportedException",
                "The certificate key algorithm is not supported.",
            )
        })
}

const PUBLIC_KEY: &[Row] = &[
    m("Oid Oid", |_, a| Ok(oid::value(&public(a)?.algorithm))),
    m("AsymmetricAlgorithm Key", |_, a| rsa_of(a)),
    m("RSA GetRSAPublicKey()", |_, a| {
        Ok(Key::public(&public(a)?.spki).map_or(Value::Null, Key::value))
    }),
    m("AsnEncodedData EncodedKeyValue", |_, a| {
        let key = public(a)?;
        encoded(&key.algorithm, &key.bits)
    }),
    m("AsnEncodedData EncodedParameters", |_, a| {
        let key = public(a)?;
        encoded(&key.algorithm, &key.parameters)
    }),
    m("byte[] ExportSubjectPublicKeyInfo()", |_, a| {
        bytes(&public(a)?.spki)
    }),
];

fn extension<'a>(a: &'a Args<'_>) -> Result<&'a Extension, Throw> {
    a.object::<Extension>(0)
}

const EXTENSION: &[Row] = &[
    m("bool Critical", |_, a| {
        Ok(Value::Bool(extension(a)?.critical))
    }),
    m("Oid Oid", |_, a| Ok(oid::value(&extension(a)?.oid))),
    m("byte[] RawData", |_, a| bytes(&extension(a)?.value)),
];

const EXTENSIONS: &[Row] = &[
    m("int Count", |_, a| {
        Ok(Value::Int(a.list(0)?.items().len() as i32))
    }),
    m("X509Extension this[int index]", |_, a| {
        let found = usize::try_from(a.int(1))
            .ok()
            .and_then(|i| a.list(0).ok()?.items().get(i).cloned());
        found.ok_or_else(|| crate::expr::eval::out_of_range("index"))
    }),
    m("X509Extension this[string oid]", |_, a| {
        let wanted = a.text(1).map_err(|_| null("oid"))?;
        let list = a.list(0)?;
        let items = list.items();
        let found = items.iter().find(|v| match v {
            Value::Object(o) => o
                .as_any()
                .downcast_ref::<Extension>()
                .is_some_and(|e| e.oid == wanted),
            _ => false,
        });
        Ok(found.cloned().unwrap_or_default())
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty(
        "class System.Security.Cryptography.X509Certificates.X509Certificate : IDisposable",
        BASE,
    ),
    ty(
        "class System.Security.Cryptography.X509Certificates.X509Certificate2 : X509Certificate",
        CERTIFICATE,
    ),
    ty(
        "class System.Security.Cryptography.X509Certificates.X500DistinguishedName",
        &[
            m("string Name", |_, a| {
                Ok(Value::Str(a.object::<Distinguished>(0)?.0.clone()))
            }),
            m("byte[] RawData", |_, a| {
                bytes(&a.object::<Distinguished>(0)?.1)
            }),
        ],
    ),
    ty(
        "class System.Security.Cryptography.X509Certificates.PublicKey",
        PUBLIC_KEY,
    ),
    ty(
        "class System.Security.Cryptography.AsnEncodedData",
        &[
            m("Oid Oid", |_, a| {
                Ok(oid::value(&a.object::<Encoded>(0)?.oid))
            }),
            m("byte[] RawData", |_, a| {
                bytes(&a.object::<Encoded>(0)?.data)
            }),
        ],
    ),
    ty(
        "class System.Security.Cryptography.X509Certificates.X509Extension",
        EXTENSION,
    ),
    ty(
        "class System.Security.Cryptography.X509Certificates.X509ExtensionCollection : IEnumerable<X509Extension>",
        EXTENSIONS,
    ),
    ty(
        "static System.Security.Cryptography.X509Certificates.RSACertificateExtensions",
        RSA_EXTENSIONS,
    ),
    ty(
        "static Microsoft.Azure.ApiManagement.CertificateExtensions",
        EXTENSION_METHODS,
    ),
    ty("class System.Security.Cryptography.Oid", oid::ROWS),
];
