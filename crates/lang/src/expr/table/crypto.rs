//! Hashes and keyed hashes. Certificates, RSA and AES follow with the rest of the language.

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use aws_lc_rs::{digest, hmac};
use bytes::Bytes;
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// A hash algorithm, with a key or not.
#[derive(Debug)]
struct Hash {
    class: &'static str,
    key: RefCell<Option<Bytes>>,
}

impl Object for Hash {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn plain(class: &'static str) -> R {
    Ok(Value::Object(Rc::new(Hash {
        class,
        key: RefCell::new(None),
    })))
}

fn keyed(class: &'static str, key: Bytes) -> R {
    Ok(Value::Object(Rc::new(Hash {
        class,
        key: RefCell::new(Some(key)),
    })))
}

fn random_key(cx: &mut Cx<'_>, class: &'static str) -> R {
    let mut key = Vec::new();
    for _ in 0..8 {
        key.extend_from_slice(&cx.host.random().to_be_bytes());
    }
    keyed(class, key.into())
}

fn hashed(class: &str, key: Option<&Bytes>, data: &[u8]) -> Result<Bytes, Throw> {
    if let Some(key) = key {
        let algorithm = match class {
            "HMACSHA1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            "HMACSHA384" => hmac::HMAC_SHA384,
            "HMACSHA512" => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        let key = hmac::Key::new(algorithm, key);
        return Ok(Bytes::copy_from_slice(hmac::sign(&key, data).as_ref()));
    }
    let algorithm = match class {
        "SHA1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "SHA256" => &digest::SHA256,
        "SHA384" => &digest::SHA384,
        "SHA512" => &digest::SHA512,
        _ => {
            return Err(throw(
                "NotSupportedException",
                format!("{class} is not available."),
            ));
        }
    };
    Ok(Bytes::copy_from_slice(
        digest::digest(algorithm, data).as_ref(),
    ))
}

fn compute(cx: &mut Cx<'_>, a: &Args<'_>, data: &[u8]) -> R {
    cx.step(data.len() / 64)?;
    let h = a.object::<Hash>(0)?;
    hashed(h.class, h.key.borrow().as_ref(), data).map(Value::Bytes)
}

const HASH: &[Row] = &[
    m("byte[] ComputeHash(byte[] buffer)", |cx, a| {
        let b = a.bytes(1)?;
        compute(cx, a, &b)
    }),
    m(
        "byte[] ComputeHash(byte[] buffer, int offset, int count)",
        |cx, a| {
            let (b, at, n) = (a.bytes(1)?, a.size(2, "offset")?, a.size(3, "count")?);
            let part = b
                .get(at..at.saturating_add(n))
                .ok_or_else(|| crate::expr::eval::out_of_range("count"))?;
            compute(cx, a, part)
        },
    ),
    m("int HashSize", |_, a| {
        let h = a.object::<Hash>(0)?;
        Ok(Value::Int(
            hashed(h.class, h.key.borrow().as_ref(), b"")?.len() as i32 * 8,
        ))
    }),
    m("void Dispose()", |_, _| Ok(Value::Null)),
    m("void Clear()", |_, _| Ok(Value::Null)),
];

const KEYED: &[Row] = &[
    m("byte[] Key", |_, a| {
        Ok(a.object::<Hash>(0)?
            .key
            .borrow()
            .clone()
            .map_or(Value::Null, Value::Bytes))
    }),
    m("set byte[] Key", |_, a| {
        *a.object::<Hash>(0)?.key.borrow_mut() = Some(a.bytes(1)?);
        Ok(Value::Null)
    }),
];

macro_rules! algorithm {
    ($name:literal) => {
        &[
            m(concat!("static ", $name, " Create()"), |_, _| plain($name)),
            m("static byte[] HashData(byte[] source)", |_, a| {
                hashed($name, None, &a.bytes(0)?).map(Value::Bytes)
            }),
        ]
    };
}

macro_rules! managed {
    ($name:literal) => {
        &[m("new()", |_, _| plain($name))]
    };
}

macro_rules! hmac {
    ($name:literal) => {
        &[
            m("new()", |cx, _| random_key(cx, $name)),
            m("new(byte[] key)", |_, a| keyed($name, a.bytes(0)?)),
        ]
    };
}

pub(super) const TYPES: &[Type] = &[
    ty(
        "class System.Security.Cryptography.HashAlgorithm : IDisposable",
        HASH,
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
        "class System.Security.Cryptography.SHA1 : HashAlgorithm",
        algorithm!("SHA1"),
    ),
    ty(
        "class System.Security.Cryptography.SHA256 : HashAlgorithm",
        algorithm!("SHA256"),
    ),
    ty(
        "class System.Security.Cryptography.SHA384 : HashAlgorithm",
        algorithm!("SHA384"),
    ),
    ty(
        "class System.Security.Cryptography.SHA512 : HashAlgorithm",
        algorithm!("SHA512"),
    ),
    ty(
        "class System.Security.Cryptography.SHA1Managed : SHA1",
        managed!("SHA1"),
    ),
    ty(
        "class System.Security.Cryptography.SHA256Managed : SHA256",
        managed!("SHA256"),
    ),
    ty(
        "class System.Security.Cryptography.SHA384Managed : SHA384",
        managed!("SHA384"),
    ),
    ty(
        "class System.Security.Cryptography.SHA512Managed : SHA512",
        managed!("SHA512"),
    ),
    ty(
        "class System.Security.Cryptography.HMACSHA1 : HMAC",
        hmac!("HMACSHA1"),
    ),
    ty(
        "class System.Security.Cryptography.HMACSHA256 : HMAC",
        hmac!("HMACSHA256"),
    ),
    ty(
        "class System.Security.Cryptography.HMACSHA384 : HMAC",
        hmac!("HMACSHA384"),
    ),
    ty(
        "class System.Security.Cryptography.HMACSHA512 : HMAC",
        hmac!("HMACSHA512"),
    ),
    // Certificates have no members yet: `context.Request.Certificate` can be compared with null.
    ty(
        "class System.Security.Cryptography.X509Certificates.X509Certificate2",
        &[],
    ),
];
