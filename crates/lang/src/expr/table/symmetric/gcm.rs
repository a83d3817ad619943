//! `AesGcm`: authenticated encryption, with tags of 16 bytes.

use super::{argument, cryptographic};
use crate::expr::eval::{Args, R, Throw, throw};
use crate::expr::table::crypto::{BYTES_PER_STEP, null};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::{List, Object, Value};
use aws_lc_rs::aead;
use bytes::Bytes;
use std::any::Any;
use std::rc::Rc;

/// `AesGcm`, with tags of 16 bytes.
struct Gcm(aead::LessSafeKey);

impl std::fmt::Debug for Gcm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AesGcm")
    }
}

impl Object for Gcm {
    fn ty(&self) -> Ty {
        Ty::class("AesGcm")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn gcm(a: &Args<'_>) -> R {
    let key = a.bytes(0).map_err(|_| null("key"))?;
    let algorithm = match key.len() {
        16 => &aead::AES_128_GCM,
        24 => &aead::AES_192_GCM,
        32 => &aead::AES_256_GCM,
        _ => {
            return Err(cryptographic(
                "Specified key is not a valid size for this algorithm.",
            ));
        }
    };
    let key = aead::UnboundKey::new(algorithm, &key)
        .map_err(|_| cryptographic("Specified key is not a valid size for this algorithm."))?;
    Ok(Value::Object(Rc::new(Gcm(aead::LessSafeKey::new(key)))))
}

fn nonce(a: &Args<'_>) -> Result<aead::Nonce, Throw> {
    let nonce = a.bytes(1).map_err(|_| null("nonce"))?;
    aead::Nonce::try_assume_unique_for_key(&nonce).map_err(|_| {
        argument("The specified nonce is not a valid size for this algorithm. (Parameter 'nonce')")
    })
}

fn associated(a: &Args<'_>) -> Result<aead::Aad<Bytes>, Throw> {
    Ok(aead::Aad::from(if a.is_null(5) {
        Bytes::new()
    } else {
        a.bytes(5)?
    }))
}

/// Fills an array of the caller's, which must have the length.
fn fill(place: &List, bytes: &[u8]) -> Result<(), Throw> {
    if place.items().len() != bytes.len() {
        return Err(argument(
            "Plaintext and ciphertext must have the same length.",
        ));
    }
    *place.items_mut() = bytes.iter().copied().map(Value::Byte).collect();
    Ok(())
}

pub(super) const GCM: &[Row] = &[
    m("new(byte[] key)", |_, a| gcm(a)),
    m("new(byte[] key, int tagSizeInBytes)", |_, a| {
        if a.int(1) == 16 {
            gcm(a)
        } else {
            Err(argument(
                "The specified tag is not a valid size: tags have 16 bytes here. (Parameter 'tagSizeInBytes')",
            ))
        }
    }),
    m(
        "void Encrypt(byte[] nonce, byte[] plaintext, byte[] ciphertext, byte[] tag, byte[] associatedData = null)",
        |cx, a| {
            let plain = a.bytes(2).map_err(|_| null("plaintext"))?;
            cx.step(1 + plain.len() / BYTES_PER_STEP)?;
            cx.charge(plain.len().saturating_mul(size_of::<Value>() + 1))?;
            let (cipher, tag) = (a.list(3)?, a.list(4)?);
            let mut buffer = plain.to_vec();
            let key = &a.object::<Gcm>(0)?.0;
            let made = key
                .seal_in_place_separate_tag(nonce(a)?, associated(a)?, &mut buffer)
                .map_err(|_| cryptographic("Error occurred during a cryptographic operation."))?;
            if tag.items().len() != made.as_ref().len() {
                return Err(argument(
                    "The specified tag is not a valid size for this algorithm. (Parameter 'tag')",
                ));
            }
            fill(&cipher, &buffer)?;
            fill(&tag, made.as_ref())?;
            Ok(Value::Null)
        },
    ),
    m(
        "void Decrypt(byte[] nonce, byte[] ciphertext, byte[] tag, byte[] plaintext, byte[] associatedData = null)",
        |cx, a| {
            let cipher = a.bytes(2).map_err(|_| null("ciphertext"))?;
            cx.step(1 + cipher.len() / BYTES_PER_STEP)?;
            cx.charge(cipher.len().saturating_mul(size_of::<Value>() + 1))?;
            let tag = a.bytes(3).map_err(|_| null("tag"))?;
            let place = a.list(4)?;
            let mut buffer = cipher.to_vec();
            buffer.extend_from_slice(&tag);
            let key = &a.object::<Gcm>(0)?.0;
            let plain = key
                .open_in_place(nonce(a)?, associated(a)?, &mut buffer)
                .map_err(|_| {
                    throw(
                        "AuthenticationTagMismatchException",
                        "The computed authentication tag did not match the input authentication tag.",
                    )
                })?;
            fill(&place, plain)?;
            Ok(Value::Null)
        },
    ),
    m("void Dispose()", |_, _| Ok(Value::Null)),
];
