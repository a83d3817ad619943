//! `System.Security.Cryptography`: symmetric ciphers, and `Encrypt` and `Decrypt` of API Management.
//!
//! AES in the modes and paddings of .NET; aws-lc-rs does the work. What must stay true: keys never print; what cannot be
//! decrypted gives one error whatever was wrong with it; the padding is not compared byte by byte with an early end.

use super::crypto::{BYTES_PER_STEP, null, random_bytes};
use super::enums::{CIPHER_MODE, PADDING_MODE};
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{List, Object, Value};
use aws_lc_rs::aead;
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use bytes::Bytes;
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// Block of AES in bytes.
const BLOCK: usize = 16;
/// `CipherMode`.
const CBC: i64 = 1;
const ECB: i64 = 2;
/// `PaddingMode`.
const NO_PADDING: i64 = 1;
const PKCS7: i64 = 2;
const ZEROS: i64 = 3;
const ANSI_X923: i64 = 4;
const ISO_10126: i64 = 5;

/// A `SymmetricAlgorithm`.
struct Symmetric {
    class: &'static str,
    settings: RefCell<Settings>,
}

#[derive(Clone)]
struct Settings {
    /// Made up on first use.
    key: Option<Bytes>,
    /// The same.
    iv: Option<Bytes>,
    /// In bytes: the length of a key that is made up.
    key_size: usize,
    mode: i64,
    padding: i64,
}

impl std::fmt::Debug for Symmetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.class)
    }
}

impl Object for Symmetric {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Symmetric {
    fn new(class: &'static str) -> Symmetric {
        Symmetric {
            class,
            settings: RefCell::new(Settings {
                key: None,
                iv: None,
                key_size: 32,
                mode: CBC,
                padding: PKCS7,
            }),
        }
    }

    /// By a name that `SymmetricAlgorithm.Create` takes.
    fn named(name: &str) -> Option<Symmetric> {
        let name = name
            .strip_prefix("System.Security.Cryptography.")
            .unwrap_or(name);
        Some(Symmetric::new(match name.to_ascii_lowercase().as_str() {
            "aes" | "aescryptoserviceprovider" => "AesCryptoServiceProvider",
            "aesmanaged" => "AesManaged",
            "rijndael" | "rijndaelmanaged" | "symmetricalgorithm" => "RijndaelManaged",
            _ => return None,
        }))
    }

    fn key(&self) -> Result<Bytes, Throw> {
        let mut settings = self.settings.borrow_mut();
        match &settings.key {
            Some(key) => Ok(key.clone()),
            None => {
                let key = Bytes::from(random_bytes(settings.key_size)?);
                settings.key = Some(key.clone());
                Ok(key)
            }
        }
    }

    fn iv(&self) -> Result<Bytes, Throw> {
        let mut settings = self.settings.borrow_mut();
        match &settings.iv {
            Some(iv) => Ok(iv.clone()),
            None => {
                let iv = Bytes::from(random_bytes(BLOCK)?);
                settings.iv = Some(iv.clone());
                Ok(iv)
            }
        }
    }

    /// A transform with the algorithm's own key, or these.
    fn transform(
        &self,
        encrypts: bool,
        given: Option<(Bytes, Option<Bytes>)>,
    ) -> Result<Transform, Throw> {
        let (key, iv) = match given {
            Some((key, iv)) => {
                if !valid_key(key.len()) {
                    return Err(argument(
                        "Specified key is not a valid size for this algorithm. (Parameter 'rgbKey')",
                    ));
                }
                if iv.as_ref().is_some_and(|iv| iv.len() != BLOCK) {
                    return Err(argument(
                        "Specified initialization vector (IV) does not match the block size for this algorithm. (Parameter 'rgbIV')",
                    ));
                }
                (key, iv)
            }
            None => (self.key()?, Some(self.iv()?)),
        };
        let settings = self.settings.borrow();
        if settings.mode == CBC && iv.is_none() {
            return Err(cryptographic(
                "The cipher mode specified requires that an initialization vector (IV) be used.",
            ));
        }
        Ok(Transform {
            encrypts,
            key,
            iv,
            mode: settings.mode,
            padding: settings.padding,
        })
    }
}

fn valid_key(bytes: usize) -> bool {
    matches!(bytes, 16 | 24 | 32)
}

fn cryptographic(message: &str) -> Throw {
    throw("CryptographicException", message)
}

fn argument(message: &str) -> Throw {
    throw("ArgumentException", message)
}

/// What an encryption or a decryption of broken input says, whatever was broken.
fn broken() -> Throw {
    cryptographic("Padding is invalid and cannot be removed.")
}

/// An `ICryptoTransform`.
struct Transform {
    encrypts: bool,
    key: Bytes,
    iv: Option<Bytes>,
    mode: i64,
    padding: i64,
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CryptoTransform")
    }
}

impl Object for Transform {
    fn ty(&self) -> Ty {
        Ty::class("ICryptoTransform")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Transform {
    fn run(&self, cx: &mut Cx<'_>, data: &[u8]) -> R {
        cx.step(1 + data.len() / BYTES_PER_STEP)?;
        cx.charge(data.len() + 2 * BLOCK)?;
        let mut buffer = data.to_vec();
        if self.encrypts {
            self.pad(&mut buffer)?;
            self.encrypt(&mut buffer)?;
        } else {
            if !buffer.len().is_multiple_of(BLOCK) {
                return Err(cryptographic("The input data is not a complete block."));
            }
            self.decrypt(&mut buffer)?;
            self.strip(&mut buffer)?;
        }
        Ok(Value::Bytes(buffer.into()))
    }

    fn unbound(&self) -> Result<UnboundCipherKey, Throw> {
        let algorithm = match self.key.len() {
            16 => &AES_128,
            24 => &AES_192,
            _ => &AES_256,
        };
        UnboundCipherKey::new(algorithm, &self.key).map_err(|_| broken())
    }

    fn vector(&self) -> Result<FixedLength<BLOCK>, Throw> {
        let iv = self.iv.as_deref().unwrap_or_default();
        FixedLength::<BLOCK>::try_from(iv).map_err(|_| broken())
    }

    fn encrypt(&self, buffer: &mut [u8]) -> Result<(), Throw> {
        if buffer.is_empty() {
            return Ok(());
        }
        let key = self.unbound()?;
        let (key, context) = match self.mode {
            ECB => (EncryptingKey::ecb(key), EncryptionContext::None),
            _ => (
                EncryptingKey::cbc(key),
                EncryptionContext::Iv128(self.vector()?),
            ),
        };
        let sealed = key.and_then(|key| key.less_safe_encrypt(buffer, context));
        sealed.map(drop).map_err(|_| broken())
    }

    fn decrypt(&self, buffer: &mut [u8]) -> Result<(), Throw> {
        if buffer.is_empty() {
            return Ok(());
        }
        let key = self.unbound()?;
        let (key, context) = match self.mode {
            ECB => (DecryptingKey::ecb(key), DecryptionContext::None),
            _ => (
                DecryptingKey::cbc(key),
                DecryptionContext::Iv128(self.vector()?),
            ),
        };
        let opened = key.and_then(|key| key.decrypt(buffer, context).map(|_| ()));
        opened.map_err(|_| broken())
    }

    fn pad(&self, buffer: &mut Vec<u8>) -> Result<(), Throw> {
        let over = buffer.len() % BLOCK;
        let missing = BLOCK - over;
        // Never more than a block, so that it fits a byte.
        let told = missing as u8;
        match self.padding {
            NO_PADDING if over != 0 => {
                return Err(cryptographic("The input data is not a complete block."));
            }
            NO_PADDING => {}
            ZEROS if over == 0 => {}
            ZEROS => buffer.resize(buffer.len() + missing, 0),
            ANSI_X923 => {
                buffer.resize(buffer.len() + missing - 1, 0);
                buffer.push(told);
            }
            ISO_10126 => {
                buffer.extend(random_bytes(missing - 1)?);
                buffer.push(told);
            }
            _ => buffer.resize(buffer.len() + missing, told),
        }
        Ok(())
    }

    fn strip(&self, buffer: &mut Vec<u8>) -> Result<(), Throw> {
        if matches!(self.padding, NO_PADDING | ZEROS) || buffer.is_empty() {
            return Ok(());
        }
        let told = buffer.last().copied().unwrap_or(0);
        let count = usize::from(told);
        let mut good = (1..=BLOCK).contains(&count) && count <= buffer.len();
        let last = &buffer[buffer.len() - BLOCK..];
        for (at, byte) in last.iter().enumerate() {
            let inside = at + count >= BLOCK;
            good &= match self.padding {
                PKCS7 => !inside | (*byte == told),
                ANSI_X923 => !inside | (at + 1 == BLOCK) | (*byte == 0),
                _ => true,
            };
        }
        if !good {
            return Err(broken());
        }
        buffer.truncate(buffer.len() - count);
        Ok(())
    }
}

fn made(class: &'static str) -> R {
    Ok(Value::Object(Rc::new(Symmetric::new(class))))
}

/// Key and vector of an overload that takes them.
fn given(a: &Args<'_>, at: usize) -> Result<Option<(Bytes, Option<Bytes>)>, Throw> {
    let key = a.bytes(at).map_err(|_| null("rgbKey"))?;
    let iv = if a.is_null(at + 1) {
        None
    } else {
        Some(a.bytes(at + 1)?)
    };
    Ok(Some((key, iv)))
}

fn transform(a: &Args<'_>, encrypts: bool, own: bool) -> R {
    let given = if own { None } else { given(a, 1)? };
    let transform = a.object::<Symmetric>(0)?.transform(encrypts, given)?;
    Ok(Value::Object(Rc::new(transform)))
}

const SYMMETRIC: &[Row] = &[
    m("byte[] Key", |_, a| {
        Ok(Value::Bytes(a.object::<Symmetric>(0)?.key()?))
    }),
    m("set byte[] Key", |_, a| {
        let key = a.bytes(1).map_err(|_| null("value"))?;
        if !valid_key(key.len()) {
            return Err(cryptographic(
                "Specified key is not a valid size for this algorithm.",
            ));
        }
        let mut settings = a.object::<Symmetric>(0)?.settings.borrow_mut();
        settings.key_size = key.len();
        settings.key = Some(key);
        Ok(Value::Null)
    }),
    m("byte[] IV", |_, a| {
        Ok(Value::Bytes(a.object::<Symmetric>(0)?.iv()?))
    }),
    m("set byte[] IV", |_, a| {
        let iv = a.bytes(1).map_err(|_| null("value"))?;
        if iv.len() != BLOCK {
            return Err(cryptographic(
                "Specified initialization vector (IV) does not match the block size for this algorithm.",
            ));
        }
        a.object::<Symmetric>(0)?.settings.borrow_mut().iv = Some(iv);
        Ok(Value::Null)
    }),
    m("int KeySize", |_, a| {
        let bytes = a.object::<Symmetric>(0)?.settings.borrow().key_size;
        Ok(Value::Int(bytes as i32 * 8))
    }),
    m("set int KeySize", |_, a| {
        let bits = a.int(1);
        if !matches!(bits, 128 | 192 | 256) {
            return Err(cryptographic(
                "Specified key is not a valid size for this algorithm.",
            ));
        }
        let mut settings = a.object::<Symmetric>(0)?.settings.borrow_mut();
        settings.key_size = bits as usize / 8;
        settings.key = None;
        Ok(Value::Null)
    }),
    m("int BlockSize", |_, _| Ok(Value::Int(8 * BLOCK as i32))),
    m("set int BlockSize", |_, a| {
        if a.int(1) == 8 * BLOCK as i64 {
            Ok(Value::Null)
        } else {
            Err(cryptographic(
                "Specified block size is not valid for this algorithm.",
            ))
        }
    }),
    m("CipherMode Mode", |_, a| {
        let mode = a.object::<Symmetric>(0)?.settings.borrow().mode;
        Ok(Value::Enum(&CIPHER_MODE, mode))
    }),
    m("set CipherMode Mode", |_, a| {
        let mode = a.int(1);
        if !matches!(mode, CBC | ECB) {
            return Err(cryptographic(
                "Specified cipher mode is not valid for this algorithm.",
            ));
        }
        a.object::<Symmetric>(0)?.settings.borrow_mut().mode = mode;
        Ok(Value::Null)
    }),
    m("PaddingMode Padding", |_, a| {
        let padding = a.object::<Symmetric>(0)?.settings.borrow().padding;
        Ok(Value::Enum(&PADDING_MODE, padding))
    }),
    m("set PaddingMode Padding", |_, a| {
        let padding = a.int(1);
        if !(NO_PADDING..=ISO_10126).contains(&padding) {
            return Err(cryptographic(
                "Specified padding mode is not valid for this algorithm.",
            ));
        }
        a.object::<Symmetric>(0)?.settings.borrow_mut().padding = padding;
        Ok(Value::Null)
    }),
    m("ICryptoTransform CreateEncryptor()", |_, a| {
        transform(a, true, true)
    }),
    m(
        "ICryptoTransform CreateEncryptor(byte[] rgbKey, byte[] rgbIV)",
        |_, a| transform(a, true, false),
    ),
    m("ICryptoTransform CreateDecryptor()", |_, a| {
        transform(a, false, true)
    }),
    m(
        "ICryptoTransform CreateDecryptor(byte[] rgbKey, byte[] rgbIV)",
        |_, a| transform(a, false, false),
    ),
    m("void GenerateKey()", |_, a| {
        let algorithm = a.object::<Symmetric>(0)?;
        algorithm.settings.borrow_mut().key = None;
        algorithm.key().map(|_| Value::Null)
    }),
    m("void GenerateIV()", |_, a| {
        let algorithm = a.object::<Symmetric>(0)?;
        algorithm.settings.borrow_mut().iv = None;
        algorithm.iv().map(|_| Value::Null)
    }),
    m("bool ValidKeySize(int bitLength)", |_, a| {
        Ok(Value::Bool(matches!(a.int(1), 128 | 192 | 256)))
    }),
    m("void Clear()", |_, _| Ok(Value::Null)),
    m("void Dispose()", |_, _| Ok(Value::Null)),
    m(
        "static SymmetricAlgorithm Create(string algName)",
        |_, a| {
            let name = a.text(0).map_err(|_| null("algName"))?;
            Ok(Symmetric::named(name).map_or(Value::Null, |made| Value::Object(Rc::new(made))))
        },
    ),
];

const TRANSFORM: &[Row] = &[
    m(
        "byte[] TransformFinalBlock(byte[] inputBuffer, int inputOffset, int inputCount)",
        |cx, a| {
            let data = super::crypto::part(a, 1)?;
            a.object::<Transform>(0)?.run(cx, &data)
        },
    ),
    m("int InputBlockSize", |_, _| Ok(Value::Int(BLOCK as i32))),
    m("int OutputBlockSize", |_, _| Ok(Value::Int(BLOCK as i32))),
    m("bool CanReuseTransform", |_, _| Ok(Value::Bool(true))),
    m("bool CanTransformMultipleBlocks", |_, _| {
        Ok(Value::Bool(true))
    }),
    m("void Dispose()", |_, _| Ok(Value::Null)),
];

/// `Encrypt` and `Decrypt` with an algorithm's name.
fn by_name(cx: &mut Cx<'_>, a: &Args<'_>, encrypts: bool) -> R {
    let data = a.bytes(0).map_err(|_| null("input"))?;
    let name = a.text(1).map_err(|_| null("alg"))?;
    let algorithm = Symmetric::named(name).ok_or_else(|| {
        argument("The symmetric algorithm is not known: expected `Aes`. (Parameter 'alg')")
    })?;
    algorithm.transform(encrypts, given(a, 2)?)?.run(cx, &data)
}

/// The same with an algorithm, and its own key or another.
fn by_algorithm(cx: &mut Cx<'_>, a: &Args<'_>, encrypts: bool, own: bool) -> R {
    let data = a.bytes(0).map_err(|_| null("input"))?;
    let algorithm = a.object::<Symmetric>(1).map_err(|_| null("alg"))?;
    let given = if own { None } else { given(a, 2)? };
    algorithm.transform(encrypts, given)?.run(cx, &data)
}

const EXTENSIONS: &[Row] = &[
    m(
        "static byte[] Encrypt(this byte[] input, string alg, byte[] key, byte[] iv)",
        |cx, a| by_name(cx, a, true),
    ),
    m(
        "static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg)",
        |cx, a| by_algorithm(cx, a, true, true),
    ),
    m(
        "static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg, byte[] key, byte[] iv)",
        |cx, a| by_algorithm(cx, a, true, false),
    ),
    m(
        "static byte[] Decrypt(this byte[] input, string alg, byte[] key, byte[] iv)",
        |cx, a| by_name(cx, a, false),
    ),
    m(
        "static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg)",
        |cx, a| by_algorithm(cx, a, false, true),
    ),
    m(
        "static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg, byte[] key, byte[] iv)",
        |cx, a| by_algorithm(cx, a, false, false),
    ),
];

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

const GCM: &[Row] = &[
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

pub(super) const TYPES: &[Type] = &[
    ty(
        "class System.Security.Cryptography.SymmetricAlgorithm : IDisposable",
        SYMMETRIC,
    ),
    ty(
        "class System.Security.Cryptography.Aes : SymmetricAlgorithm",
        &[m("static Aes Create()", |_, _| {
            made("AesCryptoServiceProvider")
        })],
    ),
    ty(
        "class System.Security.Cryptography.AesManaged : Aes",
        &[m("new()", |_, _| made("AesManaged"))],
    ),
    ty(
        "class System.Security.Cryptography.AesCryptoServiceProvider : Aes",
        &[m("new()", |_, _| made("AesCryptoServiceProvider"))],
    ),
    ty(
        "class System.Security.Cryptography.RijndaelManaged : SymmetricAlgorithm",
        &[m("new()", |_, _| made("RijndaelManaged"))],
    ),
    ty(
        "interface System.Security.Cryptography.ICryptoTransform : IDisposable",
        TRANSFORM,
    ),
    ty(
        "class System.Security.Cryptography.AesGcm : IDisposable",
        GCM,
    ),
    ty(
        "static Microsoft.Azure.ApiManagement.CryptographyExtensions",
        EXTENSIONS,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_print() {
        let algorithm = Symmetric::new("AesManaged");
        algorithm.settings.borrow_mut().key = Some(Bytes::from_static(b"0123456789abcdef"));
        assert_eq!(format!("{algorithm:?}"), "AesManaged");
        let transform = algorithm.transform(true, None);
        assert_eq!(format!("{:?}", transform.ok()), "Some(CryptoTransform)");
    }
}
