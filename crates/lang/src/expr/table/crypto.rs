//! `System.Security.Cryptography`: hashes and keyed hashes.
//!
//! aws-lc-rs does the work; MD5, which it does not have, comes from RustCrypto's `md-5`. These are for expressions that
//! sign or compare; nothing of the gateway itself uses the legacy algorithms. What must stay true: keys never print, and
//! a key that is made up here cannot be predicted.

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use Algorithm::{Md5 as MD5, Sha1 as SHA1, Sha256 as SHA256, Sha384 as SHA384, Sha512 as SHA512};
use aws_lc_rs::{digest, hmac};
use bytes::Bytes;
use md5::{Digest, Md5};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// Bytes hashed per step of the evaluation.
pub(super) const BYTES_PER_STEP: usize = 256;
/// Block of MD5 (RFC 1321), which HMAC pads the key to.
const MD5_BLOCK: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    /// Class and algorithm of a name that `HashAlgorithm.Create` takes.
    fn named(name: &str) -> Option<(&'static str, Algorithm)> {
        let name = name
            .strip_prefix("System.Security.Cryptography.")
            .unwrap_or(name);
        Some(match name.to_ascii_uppercase().as_str() {
            "MD5" => ("MD5", MD5),
            "SHA" | "SHA1" => ("SHA1", SHA1),
            "SHA256" | "SHA-256" => ("SHA256", SHA256),
            "SHA384" | "SHA-384" => ("SHA384", SHA384),
            "SHA512" | "SHA-512" => ("SHA512", SHA512),
            _ => return None,
        })
    }

    fn bits(self) -> i32 {
        match self {
            MD5 => 128,
            SHA1 => 160,
            SHA256 => 256,
            SHA384 => 384,
            SHA512 => 512,
        }
    }

    /// Length that .NET gives a key it makes up: the block of the algorithm.
    fn key_length(self) -> usize {
        if matches!(self, SHA384 | SHA512) {
            128
        } else {
            64
        }
    }

    fn hash(self, data: &[u8]) -> Bytes {
        let algorithm = match self {
            MD5 => return md5_of(&[data]),
            SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            SHA256 => &digest::SHA256,
            SHA384 => &digest::SHA384,
            SHA512 => &digest::SHA512,
        };
        Bytes::copy_from_slice(digest::digest(algorithm, data).as_ref())
    }

    fn keyed(self, key: &[u8], data: &[u8]) -> Bytes {
        let algorithm = match self {
            MD5 => return hmac_md5(key, data),
            SHA1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            SHA256 => hmac::HMAC_SHA256,
            SHA384 => hmac::HMAC_SHA384,
            SHA512 => hmac::HMAC_SHA512,
        };
        Bytes::copy_from_slice(hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref())
    }
}

fn md5_of(parts: &[&[u8]]) -> Bytes {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    Bytes::copy_from_slice(&hash.finalize())
}

/// RFC 2104 over MD5.
fn hmac_md5(key: &[u8], data: &[u8]) -> Bytes {
    let mut block = [0; MD5_BLOCK];
    if key.len() > MD5_BLOCK {
        block[..16].copy_from_slice(&md5_of(&[key]));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = md5_of(&[&block.map(|b| b ^ 0x36), data]);
    md5_of(&[&block.map(|b| b ^ 0x5c), &inner])
}

/// Any `HashAlgorithm`.
struct Hasher {
    class: &'static str,
    algorithm: Algorithm,
    /// Key of an HMAC.
    key: Option<RefCell<Bytes>>,
    /// `Hash`: the last result.
    last: RefCell<Option<Bytes>>,
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.class)
    }
}

impl Object for Hasher {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Hasher {
    fn compute(&self, cx: &mut Cx<'_>, data: &[u8]) -> R {
        cx.step(1 + data.len() / BYTES_PER_STEP)?;
        cx.charge(64)?;
        let hash = match &self.key {
            Some(key) => self.algorithm.keyed(&key.borrow(), data),
            None => self.algorithm.hash(data),
        };
        self.last.replace(Some(hash.clone()));
        Ok(Value::Bytes(hash))
    }
}

fn made(class: &'static str, algorithm: Algorithm, key: Option<Bytes>) -> R {
    Ok(Value::Object(Rc::new(Hasher {
        class,
        algorithm,
        key: key.map(RefCell::new),
        last: RefCell::default(),
    })))
}

/// Bytes that nobody can predict; the host's random numbers are not for keys.
pub(super) fn random_bytes(n: usize) -> Result<Vec<u8>, Throw> {
    let mut bytes = vec![0; n];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        throw(
            "CryptographicException",
            "Error occurred during a cryptographic operation.",
        )
    })?;
    Ok(bytes)
}

pub(super) fn null(name: &str) -> Throw {
    throw(
        "ArgumentNullException",
        format!("Value cannot be null. (Parameter '{name}')"),
    )
}

/// Part of a buffer: offset and count follow it.
pub(super) fn part(a: &Args<'_>, i: usize) -> Result<Bytes, Throw> {
    let all = a.bytes(i).map_err(|_| null("buffer"))?;
    let from = usize::try_from(a.int(i + 1));
    let from = from.map_err(|_| {
        throw(
            "ArgumentOutOfRangeException",
            "Non-negative number required. (Parameter 'offset')",
        )
    })?;
    let to = usize::try_from(a.int(i + 2))
        .ok()
        .and_then(|n| from.checked_add(n))
        .filter(|to| *to <= all.len());
    to.map(|to| all.slice(from..to)).ok_or_else(|| {
        throw(
            "ArgumentException",
            "Value was invalid. (Parameter 'count')",
        )
    })
}

fn one_shot(cx: &mut Cx<'_>, a: &Args<'_>, algorithm: Algorithm) -> R {
    let data = a.bytes(0).map_err(|_| null("source"))?;
    cx.step(1 + data.len() / BYTES_PER_STEP)?;
    Ok(Value::Bytes(algorithm.hash(&data)))
}

fn one_shot_keyed(cx: &mut Cx<'_>, a: &Args<'_>, algorithm: Algorithm) -> R {
    let (key, data) = (
        a.bytes(0).map_err(|_| null("key"))?,
        a.bytes(1).map_err(|_| null("source"))?,
    );
    cx.step(1 + data.len() / BYTES_PER_STEP)?;
    Ok(Value::Bytes(algorithm.keyed(&key, &data)))
}

const HASH_ALGORITHM: &[Row] = &[
    m("byte[] ComputeHash(byte[] buffer)", |cx, a| {
        let data = a.bytes(1).map_err(|_| null("buffer"))?;
        a.object::<Hasher>(0)?.compute(cx, &data)
    }),
    m(
        "byte[] ComputeHash(byte[] buffer, int offset, int count)",
        |cx, a| {
            let data = part(a, 1)?;
            a.object::<Hasher>(0)?.compute(cx, &data)
        },
    ),
    m("byte[] Hash", |_, a| {
        Ok(a.object::<Hasher>(0)?
            .last
            .borrow()
            .clone()
            .map_or(Value::Null, Value::Bytes))
    }),
    m("int HashSize", |_, a| {
        Ok(Value::Int(a.object::<Hasher>(0)?.algorithm.bits()))
    }),
    m("void Initialize()", |_, a| {
        a.object::<Hasher>(0)?.last.replace(None);
        Ok(Value::Null)
    }),
    m("void Clear()", |_, _| Ok(Value::Null)),
    m("void Dispose()", |_, _| Ok(Value::Null)),
    m(
        "static HashAlgorithm Create(string hashName)",
        |_, a| match Algorithm::named(a.text(0).map_err(|_| null("hashName"))?) {
            Some((class, algorithm)) => made(class, algorithm, None),
            None => Ok(Value::Null),
        },
    ),
];

const KEYED: &[Row] = &[
    m("byte[] Key", |_, a| {
        Ok(a.object::<Hasher>(0)?
            .key
            .as_ref()
            .map_or(Value::Null, |k| Value::Bytes(k.borrow().clone())))
    }),
    m("set byte[] Key", |_, a| {
        let key = a.bytes(1).map_err(|_| null("value"))?;
        if let Some(place) = &a.object::<Hasher>(0)?.key {
            place.replace(key);
        }
        Ok(Value::Null)
    }),
];

/// A generator of random bytes.
#[derive(Debug)]
struct Generator;

impl Object for Generator {
    fn ty(&self) -> Ty {
        Ty::class("RNGCryptoServiceProvider")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An `int` from a range, each as likely as another.
fn random_between(low: i64, high: i64) -> R {
    if low >= high {
        return Err(throw(
            "ArgumentException",
            "Range of random number does not contain at least one possibility.",
        ));
    }
    // What is above the largest multiple would make the low numbers likelier: drawn again.
    let range = (high - low) as u64;
    let most = u64::MAX - u64::MAX % range;
    loop {
        let bytes = random_bytes(8)?;
        let drawn = bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b));
        if drawn < most {
            return Ok(Value::Int((low + (drawn % range) as i64) as i32));
        }
    }
}

/// Fills an array, without zeros if wished.
fn fill(cx: &mut Cx<'_>, a: &Args<'_>, zeros: bool) -> R {
    let list = a.list(1).map_err(|_| null("data"))?;
    let n = list.items().len();
    cx.step(n)?;
    let mut bytes = random_bytes(n)?;
    while !zeros && let Some(at) = bytes.iter().position(|b| *b == 0) {
        bytes[at] = random_bytes(1)?[0];
    }
    *list.items_mut() = bytes.into_iter().map(Value::Byte).collect();
    Ok(Value::Null)
}

const GENERATOR: &[Row] = &[
    m("static RandomNumberGenerator Create()", |_, _| {
        Ok(Value::Object(Rc::new(Generator)))
    }),
    m("void GetBytes(byte[] data)", |cx, a| fill(cx, a, true)),
    m("void GetNonZeroBytes(byte[] data)", |cx, a| {
        fill(cx, a, false)
    }),
    m("static byte[] GetBytes(int count)", |cx, a| {
        let n = a.size(0, "count")?;
        cx.charge(n)?;
        cx.step(n / BYTES_PER_STEP)?;
        Ok(Value::Bytes(random_bytes(n)?.into()))
    }),
    m("static int GetInt32(int toExclusive)", |_, a| {
        random_between(0, a.int(0))
    }),
    m(
        "static int GetInt32(int fromInclusive, int toExclusive)",
        |_, a| random_between(a.int(0), a.int(1)),
    ),
    m("void Dispose()", |_, _| Ok(Value::Null)),
];

macro_rules! hash {
    ($class:literal, $algorithm:expr) => {
        &[
            m(concat!("static ", $class, " Create()"), |_, _| {
                made($class, $algorithm, None)
            }),
            m("static byte[] HashData(byte[] source)", |cx, a| {
                one_shot(cx, a, $algorithm)
            }),
        ]
    };
}

macro_rules! managed {
    ($class:literal, $algorithm:expr) => {
        &[m("new()", |_, _| made($class, $algorithm, None))]
    };
}

macro_rules! keyed {
    ($class:literal, $algorithm:expr) => {
        &[
            m("new()", |_, _| {
                made(
                    $class,
                    $algorithm,
                    Some(random_bytes($algorithm.key_length())?.into()),
                )
            }),
            m("new(byte[] key)", |_, a| {
                made(
                    $class,
                    $algorithm,
                    Some(a.bytes(0).map_err(|_| null("key"))?),
                )
            }),
            m(
                "static byte[] HashData(byte[] key, byte[] source)",
                |cx, a| one_shot_keyed(cx, a, $algorithm),
            ),
        ]
    };
}

pub(super) const TYPES: &[Type] = &[
    ty(
        "class System.Security.Cryptography.HashAlgorithm : IDisposable",
        HASH_ALGORITHM,
    ),
    ty(
        "class System.Security.Cryptography.RandomNumberGenerator : IDisposable",
        GENERATOR,
    ),
    ty(
        "class System.Security.Cryptography.RNGCryptoServiceProvider : RandomNumberGenerator",
        &[m("new()", |_, _| Ok(Value::Object(Rc::new(Generator))))],
    ),
    ty(
        "class System.Security.Cryptography.KeyedHashAlgorithm : HashAlgorithm",
        KEYED,
    ),
    ty(
        "class System.Security.Cryptography.HMAC : KeyedHashAlgorithm",
        &[],
    ),
    ty(
        "class System.Security.Cryptography.MD5 : HashAlgorithm",
        hash!("MD5", MD5),
    ),
    ty(
        "class System.Security.Cryptography.SHA1 : HashAlgorithm",
        hash!("SHA1", SHA1),
    ),
    ty(
        "class System.Security.Cryptography.SHA256 : HashAlgorithm",
        hash!("SHA256", SHA256),
    ),
    ty(
        "class System.Security.Cryptography.SHA384 : HashAlgorithm",
        hash!("SHA384", SHA384),
    ),
    ty(
        "class System.Security.Cryptography.SHA512 : HashAlgorithm",
        hash!("SHA512", SHA512),
    ),
    ty(
        "class System.Security.Cryptography.SHA1Managed : SHA1",
        managed!("SHA1Managed", SHA1),
    ),
    ty(
        "class System.Security.Cryptography.SHA256Managed : SHA256",
        managed!("SHA256Managed", SHA256),
    ),
    ty(
        "class System.Security.Cryptography.SHA384Managed : SHA384",
        managed!("SHA384Managed", SHA384),
    ),
    ty(
        "class System.Security.Cryptography.SHA512Managed : SHA512",
        managed!("SHA512Managed", SHA512),
    ),
    ty(
        "class System.Security.Cryptography.HMACMD5 : HMAC",
        keyed!("HMACMD5", MD5),
    ),
    ty(
        "class System.Security.Cryptography.HMACSHA1 : HMAC",
        keyed!("HMACSHA1", SHA1),
    ),
    ty(
        "class System.Security.Cryptography.HMACSHA256 : HMAC",
        keyed!("HMACSHA256", SHA256),
    ),
    ty(
        "class System.Security.Cryptography.HMACSHA384 : HMAC",
        keyed!("HMACSHA384", SHA384),
    ),
    ty(
        "class System.Security.Cryptography.HMACSHA512 : HMAC",
        keyed!("HMACSHA512", SHA512),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    // RFC 2202, test cases 1, 2 and 6.
    #[test]
    fn hmac_md5_agrees_with_the_rfc() {
        assert_eq!(
            hex(&hmac_md5(&[0x0b; 16], b"Hi There")),
            "9294727a3638bb1c13f48ef8158bfc9d"
        );
        assert_eq!(
            hex(&hmac_md5(b"Jefe", b"what do ya want for nothing?")),
            "750c783e6ab0b503eaa86e310a5db738"
        );
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(
            hex(&hmac_md5(&[0xaa; 80], long)),
            "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"
        );
    }

    #[test]
    fn a_hasher_does_not_print_its_key() {
        let key = Some(RefCell::new(Bytes::from_static(b"secret")));
        let h = Hasher {
            class: "HMACSHA256",
            algorithm: SHA256,
            key,
            last: RefCell::default(),
        };
        assert_eq!(format!("{h:?}"), "HMACSHA256");
    }
}
