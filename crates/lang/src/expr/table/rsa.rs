//! `System.Security.Cryptography`: RSA keys, signatures and encryption.
//!
//! aws-lc-rs does the work. A key is that of a certificate, imported, or made up. What must stay true: private keys never
//! print; a signature that cannot be checked is a wrong one.

use super::crypto::{BYTES_PER_STEP, null};
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey,
    Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{self, KeyPair as _, RsaEncoding, RsaKeyPair, RsaParameters};
use base64::Engine as _;
use bytes::Bytes;
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Work of a private key, in steps.
const PRIVATE: usize = 20_000;
/// Work of a public key.
const PUBLIC: usize = 1_000;

/// What an `RSA` object holds.
#[derive(Clone)]
pub(super) struct Key {
    /// SubjectPublicKeyInfo, DER.
    public: Bytes,
    private: Option<Arc<Private>>,
}

struct Private {
    pair: RsaKeyPair,
    /// PKCS #8, for decryption.
    der: Bytes,
}

/// An `RSA`.
struct Rsa(RefCell<Option<Key>>);

impl std::fmt::Debug for Rsa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RSA")
    }
}

impl Object for Rsa {
    fn ty(&self) -> Ty {
        // What API Management's runtime gives; documents cast to it.
        Ty::class("RSACng")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn failed(message: impl Into<Str>) -> Throw {
    throw("CryptographicException", message)
}

impl Key {
    /// A public key (SubjectPublicKeyInfo, DER).
    pub(super) fn public(spki: &[u8]) -> Option<Key> {
        PublicEncryptingKey::from_der(spki).ok()?;
        Some(Key {
            public: Bytes::copy_from_slice(spki),
            private: None,
        })
    }

    /// A private key: PKCS #8 or PKCS #1, DER.
    pub(super) fn private(der: &[u8]) -> Option<Key> {
        let pair = RsaKeyPair::from_pkcs8(der)
            .or_else(|_| RsaKeyPair::from_der(der))
            .ok()?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
        let public = Bytes::copy_from_slice(public.as_ref());
        let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().ok()?;
        let der = Bytes::copy_from_slice(pkcs8.as_ref());
        Some(Key {
            public,
            private: Some(Arc::new(Private { pair, der })),
        })
    }

    /// As an expression sees it.
    pub(super) fn value(self) -> Value {
        Value::Object(Rc::new(Rsa(RefCell::new(Some(self)))))
    }
}

/// The bytes of a PEM text's first block of one of these kinds.
pub(super) fn pem(text: &str, kinds: &[&str]) -> Option<Vec<u8>> {
    kinds.iter().find_map(|kind| {
        let (_, rest) = text.split_once(&format!("-----BEGIN {kind}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {kind}-----"))?;
        let body: String = body.split_whitespace().collect();
        base64::engine::general_purpose::STANDARD.decode(body).ok()
    })
}

/// The key of the receiver; a new one where there is none yet, as in .NET.
fn key(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Key, Throw> {
    let rsa = a.object::<Rsa>(0)?;
    if let Some(key) = &*rsa.0.borrow() {
        return Ok(key.clone());
    }
    cx.step(400_000)?;
    let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048)
        .map_err(|_| failed("Error occurred during a cryptographic operation."))?;
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair
        .as_der()
        .map_err(|_| failed("Error occurred during a cryptographic operation."))?;
    let key = Key::private(der.as_ref())
        .ok_or_else(|| failed("Error occurred during a cryptographic operation."))?;
    rsa.0.replace(Some(key.clone()));
    Ok(key)
}

fn private(key: &Key) -> Result<&Private, Throw> {
    key.private
        .as_deref()
        .ok_or_else(|| failed("The key does not exist: there is no private key."))
}

/// A `HashAlgorithmName`.
#[derive(Debug)]
struct HashName(Str);

/// An `RSASignaturePadding`.
#[derive(Debug)]
struct SignaturePadding {
    pss: bool,
}

/// An `RSAEncryptionPadding`; without an algorithm it is PKCS #1.
#[derive(Debug)]
struct EncryptionPadding(Option<&'static OaepAlgorithm>, &'static str);

macro_rules! plain_object {
    ($type:ty, $class:literal, |$it:ident| $text:expr) => {
        impl Object for $type {
            fn ty(&self) -> Ty {
                Ty::class($class)
            }
            fn as_any(&self) -> &dyn Any {
                self
            }
            fn text(&self) -> String {
                let $it = self;
                $text.to_string()
            }
            fn hash_text(&self) -> Option<String> {
                Some(self.text())
            }
            fn equals(&self, other: &dyn Object) -> bool {
                other.as_any().is::<$type>() && other.text() == self.text()
            }
        }
    };
}

plain_object!(HashName, "HashAlgorithmName", |n| n.0);
plain_object!(SignaturePadding, "RSASignaturePadding", |p| if p.pss {
    "Pss"
} else {
    "Pkcs1"
});
plain_object!(EncryptionPadding, "RSAEncryptionPadding", |p| p.1);

/// Algorithms of a hash and a padding: to sign, to verify, to hash.
type Algorithms = (
    &'static dyn RsaEncoding,
    &'static RsaParameters,
    &'static digest::Algorithm,
);

fn algorithms(a: &Args<'_>, hash: usize) -> Result<Algorithms, Throw> {
    let name = a
        .object::<HashName>(hash)
        .map_err(|_| null("hashAlgorithm"))?;
    let padding = a
        .object::<SignaturePadding>(hash + 1)
        .map_err(|_| null("padding"))?;
    use signature::{
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
        RSA_PSS_SHA512,
    };
    Ok(match (&*name.0, padding.pss) {
        ("SHA256", false) => (
            &RSA_PKCS1_SHA256,
            &RSA_PKCS1_2048_8192_SHA256,
            &digest::SHA256,
        ),
        ("SHA384", false) => (
            &RSA_PKCS1_SHA384,
            &RSA_PKCS1_2048_8192_SHA384,
            &digest::SHA384,
        ),
        ("SHA512", false) => (
            &RSA_PKCS1_SHA512,
            &RSA_PKCS1_2048_8192_SHA512,
            &digest::SHA512,
        ),
        ("SHA256", true) => (&RSA_PSS_SHA256, &RSA_PSS_2048_8192_SHA256, &digest::SHA256),
        ("SHA384", true) => (&RSA_PSS_SHA384, &RSA_PSS_2048_8192_SHA384, &digest::SHA384),
        ("SHA512", true) => (&RSA_PSS_SHA512, &RSA_PSS_2048_8192_SHA512, &digest::SHA512),
        (other, _) => {
            return Err(failed(format!(
                "'{other}' is not a known hash algorithm for signatures: expected SHA256, SHA384 or SHA512."
            )));
        }
    })
}

fn sign(cx: &mut Cx<'_>, a: &Args<'_>, hashed: bool) -> R {
    let data = a.bytes(1).map_err(|_| null("data"))?;
    let (encoding, _, hash) = algorithms(a, 2)?;
    let key = key(cx, a)?;
    cx.step(PRIVATE + data.len() / BYTES_PER_STEP)?;
    let pair = &private(&key)?.pair;
    let mut out = vec![0; pair.public_modulus_len()];
    cx.charge(out.len())?;
    let signed = if hashed {
        pair.sign_digest(encoding, &of_hash(&data, hash)?, &mut out)
    } else {
        let random = aws_lc_rs::rand::SystemRandom::new();
        pair.sign(encoding, &random, &data, &mut out)
    };
    signed.map_err(|_| failed("Error occurred during a cryptographic operation."))?;
    Ok(Value::Bytes(out.into()))
}

fn of_hash(data: &[u8], hash: &'static digest::Algorithm) -> Result<Digest, Throw> {
    Digest::import_less_safe(data, hash)
        .map_err(|_| failed("The provided hash value is not the expected size."))
}

fn verify(cx: &mut Cx<'_>, a: &Args<'_>, hashed: bool) -> R {
    let data = a.bytes(1).map_err(|_| null("data"))?;
    let signature = a.bytes(2).map_err(|_| null("signature"))?;
    let (_, parameters, hash) = algorithms(a, 3)?;
    let key = key(cx, a)?;
    cx.step(PUBLIC + data.len() / BYTES_PER_STEP)?;
    let public = signature::UnparsedPublicKey::new(parameters, &key.public);
    let good = if hashed {
        public.verify_digest(&of_hash(&data, hash)?, &signature)
    } else {
        public.verify(&data, &signature)
    };
    Ok(Value::Bool(good.is_ok()))
}

fn encrypt(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let data = a.bytes(1).map_err(|_| null("data"))?;
    let padding = a
        .object::<EncryptionPadding>(2)
        .map_err(|_| null("padding"))?;
    let key = key(cx, a)?;
    cx.step(PUBLIC)?;
    let wrong = || failed("The data is too large for the key, or the key cannot encrypt.");
    let public = PublicEncryptingKey::from_der(&key.public).map_err(|_| wrong())?;
    let mut out = vec![0; public.key_size_bytes()];
    cx.charge(out.len())?;
    match padding.0 {
        Some(algorithm) => OaepPublicEncryptingKey::new(public)
            .and_then(|k| k.encrypt(algorithm, &data, &mut out, None).map(drop)),
        None => {
            Pkcs1PublicEncryptingKey::new(public).and_then(|k| k.encrypt(&data, &mut out).map(drop))
        }
    }
    .map_err(|_| wrong())?;
    Ok(Value::Bytes(out.into()))
}

fn decrypt(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let data = a.bytes(1).map_err(|_| null("data"))?;
    let padding = a
        .object::<EncryptionPadding>(2)
        .map_err(|_| null("padding"))?;
    let key = key(cx, a)?;
    cx.step(PRIVATE)?;
    let wrong = || failed("Error occurred while decoding padding.");
    let private = PrivateDecryptingKey::from_pkcs8(&private(&key)?.der).map_err(|_| wrong())?;
    let mut out = vec![0; private.key_size_bytes()];
    let plain = match padding.0 {
        Some(algorithm) => {
            let key = OaepPrivateDecryptingKey::new(private).map_err(|_| wrong())?;
            key.decrypt(algorithm, &data, &mut out, None)
                .map(|p| Bytes::copy_from_slice(p))
        }
        None => {
            let key = Pkcs1PrivateDecryptingKey::new(private).map_err(|_| wrong())?;
            key.decrypt(&data, &mut out)
                .map(|p| Bytes::copy_from_slice(p))
        }
    };
    Ok(Value::Bytes(plain.map_err(|_| wrong())?))
}

fn import(a: &Args<'_>, found: Option<Key>) -> R {
    let key = found.ok_or_else(|| failed("ASN1 corrupted data: this is no RSA key."))?;
    a.object::<Rsa>(0)?.0.replace(Some(key));
    Ok(Value::Null)
}

const RSA: &[Row] = &[
    m("static RSA Create()", |_, _| {
        Ok(Value::Object(Rc::new(Rsa(RefCell::default()))))
    }),
    m("int KeySize", |cx, a| {
        let key = key(cx, a)?;
        let bits = PublicEncryptingKey::from_der(&key.public).map_or(0, |k| k.key_size_bits());
        Ok(Value::Int(i32::try_from(bits).unwrap_or(0)))
    }),
    m(
        "byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
        |cx, a| sign(cx, a, false),
    ),
    m(
        "byte[] SignHash(byte[] hash, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
        |cx, a| sign(cx, a, true),
    ),
    m(
        "bool VerifyData(byte[] data, byte[] signature, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
        |cx, a| verify(cx, a, false),
    ),
    m(
        "bool VerifyHash(byte[] hash, byte[] signature, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
        |cx, a| verify(cx, a, true),
    ),
    m(
        "byte[] Encrypt(byte[] data, RSAEncryptionPadding padding)",
        |cx, a| encrypt(cx, a),
    ),
    m(
        "byte[] Decrypt(byte[] data, RSAEncryptionPadding padding)",
        |cx, a| decrypt(cx, a),
    ),
    m("void ImportFromPem(string input)", |_, a| {
        let text = a.text(1).map_err(|_| null("input"))?;
        let private = pem(text, &["PRIVATE KEY", "RSA PRIVATE KEY"]);
        let found = match private {
            Some(der) => Key::private(&der),
            None => pem(text, &["PUBLIC KEY", "RSA PUBLIC KEY"]).and_then(|d| Key::public(&d)),
        };
        import(a, found)
    }),
    m("void ImportPkcs8PrivateKey(byte[] source)", |_, a| {
        let der = a.bytes(1).map_err(|_| null("source"))?;
        import(a, Key::private(&der))
    }),
    m("void ImportRSAPrivateKey(byte[] source)", |_, a| {
        let der = a.bytes(1).map_err(|_| null("source"))?;
        import(a, Key::private(&der))
    }),
    m("void ImportSubjectPublicKeyInfo(byte[] source)", |_, a| {
        let der = a.bytes(1).map_err(|_| null("source"))?;
        import(a, Key::public(&der))
    }),
    m("byte[] ExportSubjectPublicKeyInfo()", |cx, a| {
        Ok(Value::Bytes(key(cx, a)?.public))
    }),
    m("void Clear()", |_, _| Ok(Value::Null)),
    m("void Dispose()", |_, _| Ok(Value::Null)),
];

macro_rules! hash_names {
    ($($name:literal)*) => {
        &[
            m("new(string name)", |_, a| Ok(Value::Object(Rc::new(HashName(a.str(0)?))))),
            m("string Name", |_, a| Ok(Value::Str(a.object::<HashName>(0)?.0.clone()))),
            $(m(concat!("static HashAlgorithmName ", $name), |_, _| {
                Ok(Value::Object(Rc::new(HashName(Str::from($name)))))
            }),)*
        ]
    };
}

fn encryption(algorithm: Option<&'static OaepAlgorithm>, name: &'static str) -> R {
    Ok(Value::Object(Rc::new(EncryptionPadding(algorithm, name))))
}

pub(super) const TYPES: &[Type] = &[
    ty(
        "class System.Security.Cryptography.AsymmetricAlgorithm : IDisposable",
        &[],
    ),
    ty(
        "class System.Security.Cryptography.RSA : AsymmetricAlgorithm",
        RSA,
    ),
    ty("class System.Security.Cryptography.RSACng : RSA", &[]),
    ty(
        "class System.Security.Cryptography.HashAlgorithmName",
        hash_names!("MD5" "SHA1" "SHA256" "SHA384" "SHA512"),
    ),
    ty(
        "class System.Security.Cryptography.RSASignaturePadding",
        &[
            m("static RSASignaturePadding Pkcs1", |_, _| {
                Ok(Value::Object(Rc::new(SignaturePadding { pss: false })))
            }),
            m("static RSASignaturePadding Pss", |_, _| {
                Ok(Value::Object(Rc::new(SignaturePadding { pss: true })))
            }),
        ],
    ),
    ty(
        "class System.Security.Cryptography.RSAEncryptionPadding",
        &[
            m("static RSAEncryptionPadding Pkcs1", |_, _| {
                encryption(None, "Pkcs1")
            }),
            m("static RSAEncryptionPadding OaepSHA1", |_, _| {
                encryption(Some(&OAEP_SHA1_MGF1SHA1), "OaepSHA1")
            }),
            m("static RSAEncryptionPadding OaepSHA256", |_, _| {
                encryption(Some(&OAEP_SHA256_MGF1SHA256), "OaepSHA256")
            }),
            m("static RSAEncryptionPadding OaepSHA384", |_, _| {
                encryption(Some(&OAEP_SHA384_MGF1SHA384), "OaepSHA384")
            }),
            m("static RSAEncryptionPadding OaepSHA512", |_, _| {
                encryption(Some(&OAEP_SHA512_MGF1SHA512), "OaepSHA512")
            }),
        ],
    ),
];
