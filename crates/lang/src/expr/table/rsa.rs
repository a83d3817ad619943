//! `System.Security.Cryptography`: RSA keys, signatures and encryption.
//!
//! aws-lc-rs does the work. A key is that of a certificate, imported, or made up. What must stay true: private keys never
//! print; a signature that cannot be checked is a wrong one.

mod asymmetric;
pub(super) mod der;
mod names;
mod parameters;

use super::crypto::{self, BYTES_PER_STEP, null, part};
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384,
    OAEP_SHA512_MGF1SHA512, OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{self, KeyPair as _, RsaEncoding, RsaKeyPair, RsaParameters};
use base64::Engine as _;
use bytes::Bytes;
use names::is_pss;
pub(crate) use names::no_hash_name;
pub(super) use names::{has_no_name, hash_name, value_of as hash_name_value};
use parameters::Numbers;
pub(crate) use parameters::no_parameters;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// Work of a private key, in steps.
const PRIVATE: usize = 20_000;
/// Work of a public key.
const PUBLIC: usize = 1_000;
/// Work of making a key.
const MAKING: usize = 1_000_000;

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
struct Rsa {
    class: &'static str,
    /// Made up on first use.
    key: RefCell<Option<Key>>,
    /// Of a key that is made up.
    bits: Cell<i32>,
    /// `Dispose`: no key is had any more.
    disposed: Cell<bool>,
}

impl std::fmt::Debug for Rsa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RSA")
    }
}

impl Object for Rsa {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
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

    /// From its numbers.
    fn of_numbers(numbers: &Numbers) -> Option<Key> {
        match numbers.private_der() {
            Some(der) => Key::private(&der),
            None => Key::public(&der::spki(&numbers.public_der())),
        }
    }

    /// Its numbers, those of the private key only when asked for.
    fn numbers(&self, private: bool) -> Result<Numbers, Throw> {
        let unreadable = || failed("Error occurred during a cryptographic operation.");
        if !private {
            return Numbers::of_spki(&self.public).ok_or_else(unreadable);
        }
        let der = &self::private(self)?.der;
        Numbers::of_pkcs8(der).ok_or_else(unreadable)
    }

    /// Whether a public key (SubjectPublicKeyInfo, DER) is its own.
    pub(super) fn belongs_to(&self, spki: &[u8]) -> bool {
        *self.public == *spki
    }

    /// As an expression sees it: what API Management's runtime gives, and documents cast to.
    pub(super) fn value(self) -> Value {
        self.value_of("RSACng")
    }

    /// The same by the older members, which gave the older class.
    pub(super) fn provider(self) -> Value {
        self.value_of("RSACryptoServiceProvider")
    }

    fn value_of(self, class: &'static str) -> Value {
        Value::Object(Rc::new(Rsa {
            class,
            key: RefCell::new(Some(self)),
            bits: Cell::new(2048),
            disposed: Cell::new(false),
        }))
    }
}

/// The key of an `RSA` that is an argument.
pub(super) fn of_argument(cx: &mut Cx<'_>, a: &Args<'_>, i: usize) -> Result<Key, Throw> {
    let rsa = a.object::<Rsa>(i).map_err(|_| null("privateKey"))?;
    cx.step(PUBLIC)?;
    let key = rsa.key.borrow().clone();
    key.filter(|k| k.private.is_some())
        .ok_or_else(|| failed("The key does not exist: there is no private key."))
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
    let rsa = open(a)?;
    if let Some(key) = &*rsa.key.borrow() {
        return Ok(key.clone());
    }
    // What making a key costs grows with the fourth power of its length: 50 ms for the shortest, which cannot be interrupted.
    let bits = rsa.bits.get();
    if bits != 2048 {
        return Err(failed(format!(
            "A key of {bits} bits takes too long to make in an expression, or is too short: keys of 2048 bits are made."
        )));
    }
    cx.step(MAKING)?;
    let wrong = || failed("Error occurred during a cryptographic operation.");
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| wrong())?;
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().map_err(|_| wrong())?;
    let key = Key::private(der.as_ref()).ok_or_else(wrong)?;
    rsa.key.replace(Some(key.clone()));
    Ok(key)
}

fn private(key: &Key) -> Result<&Private, Throw> {
    key.private
        .as_deref()
        .ok_or_else(|| failed("The key does not exist: there is no private key."))
}

/// Algorithms of a hash and a padding: to sign, to verify, to hash.
type Algorithms = (
    Option<&'static dyn RsaEncoding>,
    &'static RsaParameters,
    &'static digest::Algorithm,
);

fn algorithms(hash: &str, pss: bool) -> Result<Algorithms, Throw> {
    use signature::{
        RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
        RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
        RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    };
    let (sign, verify, hash): (&'static dyn RsaEncoding, &'static RsaParameters, _) = match (
        hash, pss,
    ) {
        ("SHA1", false) => {
            return Ok((
                None,
                &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
                &digest::SHA1_FOR_LEGACY_USE_ONLY,
            ));
        }
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
                "'{other}' is not a known hash algorithm for such signatures here: expected SHA256, SHA384 or SHA512; PKCS #1 signatures with SHA1 can be verified."
            )));
        }
    };
    Ok((Some(sign), verify, hash))
}

/// Hash and padding of an overload that says them.
fn said(a: &Args<'_>, hash: usize) -> Result<Algorithms, Throw> {
    names::given_name(a, hash)?;
    let pss = is_pss(a, hash + 1)?;
    algorithms(hash_name(a, hash)?, pss)
}

/// Signs data, or a hash.
fn sign(cx: &mut Cx<'_>, a: &Args<'_>, data: &[u8], by: Algorithms, hashed: bool) -> R {
    let (Some(encoding), _, hash) = by else {
        return Err(throw(
            "NotSupportedException",
            "Signatures with SHA1 are not made here, only verified: sign with SHA256.",
        ));
    };
    let key = key(cx, a)?;
    cx.step(PRIVATE + data.len() / BYTES_PER_STEP)?;
    let pair = &private(&key)?.pair;
    let mut out = vec![0; pair.public_modulus_len()];
    cx.charge(out.len())?;
    let signed = if hashed {
        pair.sign_digest(encoding, &of_hash(data, hash)?, &mut out)
    } else {
        let random = aws_lc_rs::rand::SystemRandom::new();
        pair.sign(encoding, &random, data, &mut out)
    };
    signed.map_err(|_| failed("Error occurred during a cryptographic operation."))?;
    Ok(Value::Bytes(out.into()))
}

fn of_hash(data: &[u8], hash: &'static digest::Algorithm) -> Result<Digest, Throw> {
    Digest::import_less_safe(data, hash)
        .map_err(|_| failed("The provided hash value is not the expected size."))
}

fn verify(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    data: &[u8],
    signature: &[u8],
    by: Algorithms,
    hashed: bool,
) -> R {
    let (_, parameters, hash) = by;
    let key = key(cx, a)?;
    cx.step(PUBLIC + data.len() / BYTES_PER_STEP)?;
    let public = signature::UnparsedPublicKey::new(parameters, &key.public);
    let good = if hashed {
        public.verify_digest(&of_hash(data, hash)?, signature)
    } else {
        public.verify(data, signature)
    };
    Ok(Value::Bool(good.is_ok()))
}

/// Without an algorithm it is PKCS #1.
fn encrypt(cx: &mut Cx<'_>, a: &Args<'_>, oaep: Option<&'static OaepAlgorithm>) -> R {
    let data = a.bytes(1).map_err(|_| null("data"))?;
    let key = key(cx, a)?;
    cx.step(PUBLIC)?;
    let wrong = || failed("The data is too large for the key, or the key cannot encrypt.");
    let public = PublicEncryptingKey::from_der(&key.public).map_err(|_| wrong())?;
    let mut out = vec![0; public.key_size_bytes()];
    cx.charge(out.len())?;
    match oaep {
        Some(algorithm) => OaepPublicEncryptingKey::new(public)
            .and_then(|k| k.encrypt(algorithm, &data, &mut out, None).map(drop)),
        None => {
            Pkcs1PublicEncryptingKey::new(public).and_then(|k| k.encrypt(&data, &mut out).map(drop))
        }
    }
    .map_err(|_| wrong())?;
    Ok(Value::Bytes(out.into()))
}

/// The same backwards.
fn decrypt(cx: &mut Cx<'_>, a: &Args<'_>, oaep: Option<&'static OaepAlgorithm>) -> R {
    let data = a.bytes(1).map_err(|_| null("data"))?;
    let key = key(cx, a)?;
    cx.step(PRIVATE)?;
    let wrong = || failed("Error occurred while decoding padding.");
    let private = PrivateDecryptingKey::from_pkcs8(&private(&key)?.der).map_err(|_| wrong())?;
    let mut out = vec![0; private.key_size_bytes()];
    let plain = match oaep {
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

/// Puts a key that was read into the receiver.
fn import(a: &Args<'_>, found: Option<Key>) -> R {
    let key = found.ok_or_else(|| failed("ASN1 corrupted data: this is no RSA key."))?;
    open(a)?.key.replace(Some(key));
    Ok(Value::Null)
}

/// Imports all of `der`, and says in the third place that all was read.
fn read(a: &mut Args<'_>, der: &Bytes, found: Option<Key>) -> R {
    let done = import(a, found)?;
    a.values[2] = Value::Int(i32::try_from(der.len()).unwrap_or(i32::MAX));
    Ok(done)
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Rsa, Throw> {
    a.object::<Rsa>(0)
}

/// The object of a call that needs its key.
fn open<'a>(a: &'a Args<'_>) -> Result<&'a Rsa, Throw> {
    let rsa = this(a)?;
    if rsa.disposed.get() {
        return Err(throw(
            "ObjectDisposedException",
            "Cannot access a disposed object.",
        ));
    }
    Ok(rsa)
}

fn dispose(a: &Args<'_>) -> R {
    this(a)?.disposed.set(true);
    Ok(Value::Null)
}

fn data(a: &Args<'_>) -> Result<Bytes, Throw> {
    a.bytes(1).map_err(|_| null("data"))
}

/// Part of the data: offset and count follow it.
fn piece(a: &Args<'_>) -> Result<Bytes, Throw> {
    let all = data(a)?;
    let within = |i: usize, most: usize, name: &str| {
        usize::try_from(a.int(i))
            .ok()
            .filter(|n| *n <= most)
            .ok_or_else(|| {
                throw(
                    "ArgumentOutOfRangeException",
                    format!("Specified argument was out of the range of valid values. (Parameter '{name}')"),
                )
            })
    };
    let from = within(2, all.len(), "offset")?;
    let count = within(3, all.len() - from, "count")?;
    Ok(all.slice(from..from + count))
}

/// The padding at `i`.
fn encryption(a: &Args<'_>, i: usize) -> Result<Option<&'static OaepAlgorithm>, Throw> {
    Ok(match names::oaep(a, i)? {
        None => None,
        Some("SHA1") => Some(&OAEP_SHA1_MGF1SHA1),
        Some("SHA256") => Some(&OAEP_SHA256_MGF1SHA256),
        Some("SHA384") => Some(&OAEP_SHA384_MGF1SHA384),
        Some("SHA512") => Some(&OAEP_SHA512_MGF1SHA512),
        Some(other) => {
            return Err(failed(format!(
                "OAEP with '{other}' is not there: expected SHA1, SHA256, SHA384 or SHA512."
            )));
        }
    })
}

const RSA: &[Row] = &[
    m("static RSA Create()", |_, _| made("RSACng", 2048)),
    m("static RSA Create(int keySizeInBits)", |_, a| {
        made("RSACng", a.int(0))
    }),
    m("static RSA Create(RSAParameters parameters)", |_, a| {
        let key = Key::of_numbers(&a.object::<parameters::Parameters>(0)?.numbers())
            .ok_or_else(|| failed("The specified RSA parameters are not valid."))?;
        Ok(key.value())
    }),
    m("static RSA Create(string algName)", |_, a| {
        crypto::config::create(a, "name", "RSA")
    }),
    m(
        "byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
        |cx, a| sign(cx, a, &data(a)?, said(a, 2)?, false),
    ),
    m(
        "byte[] SignData(byte[] data, int offset, int count, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
        |cx, a| sign(cx, a, &piece(a)?, said(a, 4)?, false),
    ),
    m(
        "byte[] SignHash(byte[] hash, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
        |cx, a| sign(cx, a, &data(a)?, said(a, 2)?, true),
    ),
    m(
        "bool VerifyData(byte[] data, byte[] signature, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
        |cx, a| verify(cx, a, &data(a)?, &signature_at(a, 2)?, said(a, 3)?, false),
    ),
    m(
        "bool VerifyData(byte[] data, int offset, int count, byte[] signature, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
        |cx, a| verify(cx, a, &piece(a)?, &signature_at(a, 4)?, said(a, 5)?, false),
    ),
    m(
        "bool VerifyHash(byte[] hash, byte[] signature, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)",
        |cx, a| verify(cx, a, &data(a)?, &signature_at(a, 2)?, said(a, 3)?, true),
    ),
    m(
        "byte[] Encrypt(byte[] data, RSAEncryptionPadding padding)",
        |cx, a| {
            let oaep = encryption(a, 2)?;
            encrypt(cx, a, oaep)
        },
    ),
    m(
        "byte[] Decrypt(byte[] data, RSAEncryptionPadding padding)",
        |cx, a| {
            let oaep = encryption(a, 2)?;
            decrypt(cx, a, oaep)
        },
    ),
    m(
        "RSAParameters ExportParameters(bool includePrivateParameters)",
        |cx, a| {
            let key = key(cx, a)?;
            let numbers = key.numbers(a.bool(1))?;
            Ok(parameters::Parameters::value(numbers))
        },
    ),
    m("void ImportParameters(RSAParameters parameters)", |_, a| {
        let numbers = a.object::<parameters::Parameters>(1)?.numbers();
        let key = Key::of_numbers(&numbers)
            .ok_or_else(|| failed("The specified RSA parameters are not valid."))?;
        open(a)?.key.replace(Some(key));
        Ok(Value::Null)
    }),
    m("void ImportFromPem(string input)", |_, a| {
        let text = a.text(1).map_err(|_| null("input"))?;
        let private = pem(text, &["PRIVATE KEY", "RSA PRIVATE KEY"]);
        let found = match private {
            Some(der) => Key::private(&der),
            None => pem(text, &["PUBLIC KEY"])
                .or_else(|| pem(text, &["RSA PUBLIC KEY"]).map(|d| der::spki(&d)))
                .and_then(|d| Key::public(&d)),
        };
        import(a, found)
    }),
    m(
        "void ImportPkcs8PrivateKey(byte[] source, out int bytesRead)",
        |_, a| {
            let der = a.bytes(1).map_err(|_| null("source"))?;
            read(a, &der, Key::private(&der))
        },
    ),
    m(
        "void ImportRSAPrivateKey(byte[] source, out int bytesRead)",
        |_, a| {
            let der = a.bytes(1).map_err(|_| null("source"))?;
            read(a, &der, Key::private(&der))
        },
    ),
    m(
        "void ImportRSAPublicKey(byte[] source, out int bytesRead)",
        |_, a| {
            let der = a.bytes(1).map_err(|_| null("source"))?;
            read(a, &der, Key::public(&der::spki(&der)))
        },
    ),
    m(
        "void ImportSubjectPublicKeyInfo(byte[] source, out int bytesRead)",
        |_, a| {
            let der = a.bytes(1).map_err(|_| null("source"))?;
            read(a, &der, Key::public(&der))
        },
    ),
    m("byte[] ExportSubjectPublicKeyInfo()", |cx, a| {
        Ok(Value::Bytes(key(cx, a)?.public))
    }),
    m("byte[] ExportRSAPublicKey()", |cx, a| {
        let numbers = key(cx, a)?.numbers(false)?;
        Ok(Value::Bytes(numbers.public_der().into()))
    }),
    m("byte[] ExportPkcs8PrivateKey()", |cx, a| {
        let key = key(cx, a)?;
        Ok(Value::Bytes(private(&key)?.der.clone()))
    }),
];

fn signature_at(a: &Args<'_>, i: usize) -> Result<Bytes, Throw> {
    a.bytes(i).map_err(|_| null("signature"))
}

/// A key that is not there yet, when that is what the class is.
pub(super) fn of_class(class: &str) -> Option<R> {
    match class {
        "RSACryptoServiceProvider" => Some(made("RSACryptoServiceProvider", 2048)),
        "RSACng" => Some(made("RSACng", 2048)),
        _ => None,
    }
}

/// The size of a key, when the class has such keys.
fn legal(class: &str, bits: i64) -> Result<i32, Throw> {
    let (least, step) = match class {
        "RSACryptoServiceProvider" => (384, 8),
        _ => (512, 64),
    };
    i32::try_from(bits)
        .ok()
        .filter(|bits| (least..=16_384).contains(bits) && (bits - least) % step == 0)
        .ok_or_else(|| failed("Specified key is not a valid size for this algorithm."))
}

fn made(class: &'static str, bits: i64) -> R {
    let bits = legal(class, bits)?;
    Ok(Value::Object(Rc::new(Rsa {
        class,
        key: RefCell::default(),
        bits: Cell::new(bits),
        disposed: Cell::new(false),
    })))
}

/// The hash that `RSACryptoServiceProvider` takes as an object: a name, or an algorithm.
fn object_hash(a: &Args<'_>, i: usize) -> Result<Algorithms, Throw> {
    let name = match a.get(i) {
        Value::Null => return Err(null("halg")),
        Value::Str(s) => crypto::hash_named(&s),
        Value::Object(o) if let Some(name) = crypto::hash_of(&*o) => Some(name),
        _ => return Err(throw("ArgumentException", "Value was invalid.")),
    };
    algorithms(name.unwrap_or("?"), false)
}

/// The hash that it takes by name; none is SHA-1.
fn named_hash(a: &Args<'_>, i: usize) -> Result<Algorithms, Throw> {
    let name = match a.text(i) {
        Ok(name) => crypto::hash_named(name).unwrap_or("?"),
        Err(_) => "SHA1",
    };
    algorithms(name, false)
}

/// OAEP with SHA-1, or PKCS #1.
fn by_flag(a: &Args<'_>) -> Option<&'static OaepAlgorithm> {
    a.bool(2).then_some(&OAEP_SHA1_MGF1SHA1)
}

const PROVIDER: &[Row] = &[
    m("new()", |_, _| made("RSACryptoServiceProvider", 2048)),
    m("new(int dwKeySize)", |_, a| {
        made("RSACryptoServiceProvider", a.int(0))
    }),
    m("byte[] SignData(byte[] buffer, object halg)", |cx, a| {
        sign(cx, a, &data(a)?, object_hash(a, 2)?, false)
    }),
    m(
        "byte[] SignData(byte[] buffer, int offset, int count, object halg)",
        |cx, a| sign(cx, a, &part(a, 1)?, object_hash(a, 4)?, false),
    ),
    m(
        "bool VerifyData(byte[] buffer, object halg, byte[] signature)",
        |cx, a| {
            verify(
                cx,
                a,
                &data(a)?,
                &signature_at(a, 3)?,
                object_hash(a, 2)?,
                false,
            )
        },
    ),
    m("byte[] SignHash(byte[] rgbHash, string str)", |cx, a| {
        sign(cx, a, &data(a)?, named_hash(a, 2)?, true)
    }),
    m(
        "bool VerifyHash(byte[] rgbHash, string str, byte[] rgbSignature)",
        |cx, a| {
            verify(
                cx,
                a,
                &data(a)?,
                &signature_at(a, 3)?,
                named_hash(a, 2)?,
                true,
            )
        },
    ),
    m("byte[] Encrypt(byte[] rgb, bool fOAEP)", |cx, a| {
        encrypt(cx, a, by_flag(a))
    }),
    m("byte[] Decrypt(byte[] rgb, bool fOAEP)", |cx, a| {
        decrypt(cx, a, by_flag(a))
    }),
    m("bool PersistKeyInCsp", |_, _| Ok(Value::Bool(false))),
    m("set bool PersistKeyInCsp", |_, _| Ok(Value::Null)),
    m("bool PublicOnly", |_, a| {
        let key = this(a)?.key.borrow();
        Ok(Value::Bool(
            key.as_ref().is_some_and(|k| k.private.is_none()),
        ))
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty(
        "class System.Security.Cryptography.AsymmetricAlgorithm : IDisposable",
        asymmetric::ROWS,
    ),
    ty(
        "class System.Security.Cryptography.RSA : AsymmetricAlgorithm",
        RSA,
    ),
    ty(
        "class System.Security.Cryptography.RSACng : RSA",
        &[
            m("new()", |_, _| made("RSACng", 2048)),
            m("new(int keySize)", |_, a| made("RSACng", a.int(0))),
        ],
    ),
    ty(
        "class System.Security.Cryptography.RSACryptoServiceProvider : RSA",
        PROVIDER,
    ),
    ty(
        "struct System.Security.Cryptography.RSAParameters",
        parameters::ROWS,
    ),
    ty(
        "struct System.Security.Cryptography.HashAlgorithmName",
        names::HASH,
    ),
    ty(
        "class System.Security.Cryptography.RSASignaturePadding",
        names::SIGNATURE,
    ),
    ty(
        "class System.Security.Cryptography.RSAEncryptionPadding",
        names::ENCRYPTION,
    ),
];
