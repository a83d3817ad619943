//! `System.Security.Cryptography`: symmetric ciphers, and `Encrypt` and `Decrypt` of API Management.
//!
//! The algorithms with their settings; the work is done in [`cipher`]. What must stay true: keys never print, and a key that
//! is made up here cannot be predicted.

mod cipher;
mod derive;
mod gcm;
mod transform;

use super::crypto::{config, null, random_bytes};
use super::enums::{CIPHER_MODE, PADDING_MODE};
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use bytes::Bytes;
use cipher::{Family, Mode};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use transform::Transform;

/// `CipherMode`.
const CBC: i64 = 1;
const ECB: i64 = 2;
const CFB: i64 = 4;

/// `PaddingMode`.
mod padding {
    pub(super) const NONE: i64 = 1;
    pub(super) const PKCS7: i64 = 2;
    pub(super) const ZEROS: i64 = 3;
    pub(super) const ANSI_X923: i64 = 4;
    pub(super) const ISO_10126: i64 = 5;
}

/// A `SymmetricAlgorithm`.
struct Symmetric {
    class: &'static str,
    family: Family,
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
    /// In bits.
    feedback: i64,
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

/// Key and vector that a call brings along.
type Given = Option<(Bytes, Option<Bytes>)>;

impl Symmetric {
    fn new(class: &'static str) -> Symmetric {
        let family = match class {
            "DESCryptoServiceProvider" => Family::Des,
            "TripleDESCryptoServiceProvider" => Family::TripleDes,
            _ => Family::Aes,
        };
        let feedback = if matches!(class, "AesManaged" | "RijndaelManaged") {
            128
        } else {
            8
        };
        Symmetric {
            class,
            family,
            settings: RefCell::new(Settings {
                key: None,
                iv: None,
                key_size: family.keys().1,
                mode: CBC,
                padding: padding::PKCS7,
                feedback,
            }),
        }
    }

    /// By the name of its class.
    fn of_class(class: &str) -> Option<Symmetric> {
        [
            "AesCryptoServiceProvider",
            "AesManaged",
            "RijndaelManaged",
            "TripleDESCryptoServiceProvider",
            "DESCryptoServiceProvider",
        ]
        .into_iter()
        .find(|known| *known == class)
        .map(Symmetric::new)
    }

    fn key(&self) -> Result<Bytes, Throw> {
        let mut settings = self.settings.borrow_mut();
        if let Some(key) = &settings.key {
            return Ok(key.clone());
        }
        let key = loop {
            let key = Bytes::from(random_bytes(settings.key_size)?);
            if self.accepts(&key).is_ok() {
                break key;
            }
        };
        settings.key = Some(key.clone());
        Ok(key)
    }

    fn iv(&self) -> Result<Bytes, Throw> {
        let mut settings = self.settings.borrow_mut();
        match &settings.iv {
            Some(iv) => Ok(iv.clone()),
            None => {
                let iv = Bytes::from(random_bytes(self.family.block())?);
                settings.iv = Some(iv.clone());
                Ok(iv)
            }
        }
    }

    /// Whether a key is one that .NET takes: of a length that fits, and not known to be weak.
    fn accepts(&self, key: &[u8]) -> Result<(), Throw> {
        const SIZE: &str = "Specified key is not a valid size for this algorithm.";
        let weak = |how: &str, name: &str| {
            Err(cryptographic(&format!(
                "Specified key is a known {how} key for '{name}' and cannot be used."
            )))
        };
        match self.family {
            Family::Des if !self.family.takes(key.len()) => Err(argument(SIZE)),
            Family::Des if cipher::is_weak(key) => weak("weak", "DES"),
            Family::Des if cipher::is_semi_weak(key) => weak("semi-weak", "DES"),
            family if !family.takes(key.len()) => Err(cryptographic(SIZE)),
            Family::TripleDes if cipher::is_weak_triple(key) => weak("weak", "TripleDES"),
            _ => Ok(()),
        }
    }

    /// A transform with the algorithm's own key, or these.
    fn transform(&self, encrypts: bool, given: Given) -> Result<Transform, Throw> {
        let (key, iv) = match given {
            Some((key, iv)) => {
                if !self.family.takes(key.len()) {
                    return Err(argument(
                        "Specified key is not a valid size for this algorithm. (Parameter 'rgbKey')",
                    ));
                }
                self.accepts(&key)?;
                let wrong = |iv: &Bytes| iv.len() != self.family.block();
                if iv.as_ref().is_some_and(wrong) {
                    return Err(argument(
                        "Specified initialization vector (IV) does not match the block size for this algorithm. (Parameter 'rgbIV')",
                    ));
                }
                (key, iv)
            }
            None => (self.key()?, Some(self.iv()?)),
        };
        let settings = self.settings.borrow();
        if settings.mode != ECB && iv.is_none() {
            return Err(cryptographic(
                "The cipher mode specified requires that an initialization vector (IV) be used.",
            ));
        }
        let block_bits = 8 * self.family.block() as i64;
        let mode = match (settings.mode, settings.feedback) {
            (ECB, _) => Mode::Ecb,
            (CFB, 8) => Mode::Cfb8,
            (CFB, bits) if bits == block_bits => Mode::CfbBlock,
            (CFB, bits) => {
                return Err(cryptographic(&format!(
                    "The specified feedback size '{bits}' for CipherMode 'CFB' is not supported: expected 8 or {block_bits}."
                )));
            }
            _ => Mode::Cbc,
        };
        let iv = iv.unwrap_or_default();
        let start = transform::Start {
            family: self.family,
            encrypts,
            key,
            iv,
            mode,
            padding: settings.padding,
        };
        Ok(Transform::new(start))
    }
}

fn cryptographic(message: &str) -> Throw {
    throw("CryptographicException", message)
}

fn argument(message: &str) -> Throw {
    throw("ArgumentException", message)
}

fn made(class: &'static str) -> R {
    Ok(Value::Object(Rc::new(Symmetric::new(class))))
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Symmetric, Throw> {
    a.object::<Symmetric>(0)
}

/// Key and vector of an overload that takes them.
fn given(a: &Args<'_>, at: usize) -> Result<Given, Throw> {
    let key = a.bytes(at).map_err(|_| null("rgbKey"))?;
    let iv = if a.is_null(at + 1) {
        None
    } else {
        Some(a.bytes(at + 1)?)
    };
    Ok(Some((key, iv)))
}

fn make(a: &Args<'_>, encrypts: bool, own: bool) -> R {
    let given = if own { None } else { given(a, 1)? };
    let transform = this(a)?.transform(encrypts, given)?;
    Ok(Value::Object(Rc::new(transform)))
}

/// `KeySizes`: least, most, step, in bits.
#[derive(Debug)]
struct Sizes(i32, i32, i32);

impl Object for Sizes {
    fn ty(&self) -> Ty {
        Ty::class("KeySizes")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn sizes(cx: &mut Cx<'_>, least: usize, most: usize, step: usize) -> R {
    let bits = |bytes: usize| 8 * bytes as i32;
    let sizes = Sizes(bits(least), bits(most), bits(step));
    cx.list(
        Ty::array(Ty::class("KeySizes")),
        vec![Value::Object(Rc::new(sizes))],
    )
}

const SIZES: &[Row] = &[
    m("new(int minSize, int maxSize, int skipSize)", |_, a| {
        let n = |i| a.int(i) as i32;
        Ok(Value::Object(Rc::new(Sizes(n(0), n(1), n(2)))))
    }),
    m("int MinSize", |_, a| {
        Ok(Value::Int(a.object::<Sizes>(0)?.0))
    }),
    m("int MaxSize", |_, a| {
        Ok(Value::Int(a.object::<Sizes>(0)?.1))
    }),
    m("int SkipSize", |_, a| {
        Ok(Value::Int(a.object::<Sizes>(0)?.2))
    }),
];

/// `Clear` and `Dispose`: the key goes; .NET makes up another when it is asked for.
fn forget(a: &Args<'_>) -> R {
    let mut settings = this(a)?.settings.borrow_mut();
    settings.key = None;
    settings.iv = None;
    Ok(Value::Null)
}

/// The algorithm of a class.
pub(super) fn of_class(class: &str) -> Option<Rc<dyn Object>> {
    Symmetric::of_class(class).map(|made| Rc::new(made) as Rc<dyn Object>)
}

const SYMMETRIC: &[Row] = &[
    // A copy each time.
    m("byte[] Key", |_, a| {
        Ok(Value::Bytes(Bytes::copy_from_slice(&this(a)?.key()?)))
    }),
    m("set byte[] Key", |_, a| {
        let key = a.bytes(1).map_err(|_| null("value"))?;
        this(a)?.accepts(&key)?;
        let mut settings = this(a)?.settings.borrow_mut();
        settings.key_size = key.len();
        settings.key = Some(key);
        Ok(Value::Null)
    }),
    m("byte[] IV", |_, a| {
        Ok(Value::Bytes(Bytes::copy_from_slice(&this(a)?.iv()?)))
    }),
    m("set byte[] IV", |_, a| {
        let iv = a.bytes(1).map_err(|_| null("value"))?;
        if iv.len() != this(a)?.family.block() {
            return Err(cryptographic(
                "Specified initialization vector (IV) does not match the block size for this algorithm.",
            ));
        }
        this(a)?.settings.borrow_mut().iv = Some(iv);
        Ok(Value::Null)
    }),
    m("int KeySize", |_, a| {
        Ok(Value::Int(this(a)?.settings.borrow().key_size as i32 * 8))
    }),
    m("set int KeySize", |_, a| {
        let bytes = usize::try_from(a.int(1))
            .ok()
            .filter(|n| n.is_multiple_of(8));
        let Some(bytes) = bytes
            .map(|n| n / 8)
            .filter(|n| this(a).is_ok_and(|s| s.family.takes(*n)))
        else {
            return Err(cryptographic(
                "Specified key is not a valid size for this algorithm.",
            ));
        };
        let mut settings = this(a)?.settings.borrow_mut();
        settings.key_size = bytes;
        settings.key = None;
        Ok(Value::Null)
    }),
    m("int BlockSize", |_, a| {
        Ok(Value::Int(8 * this(a)?.family.block() as i32))
    }),
    m("set int BlockSize", |_, a| {
        if a.int(1) == 8 * this(a)?.family.block() as i64 {
            Ok(Value::Null)
        } else {
            Err(cryptographic(
                "Specified block size is not valid for this algorithm.",
            ))
        }
    }),
    m("int FeedbackSize", |_, a| {
        Ok(Value::Int(this(a)?.settings.borrow().feedback as i32))
    }),
    m("set int FeedbackSize", |_, a| {
        let bits = a.int(1);
        let most = 8 * this(a)?.family.block() as i64;
        if bits <= 0 || bits > most || bits % 8 != 0 {
            return Err(cryptographic("Specified feedback size is invalid."));
        }
        this(a)?.settings.borrow_mut().feedback = bits;
        Ok(Value::Null)
    }),
    m("CipherMode Mode", |_, a| {
        Ok(Value::Enum(&CIPHER_MODE, this(a)?.settings.borrow().mode))
    }),
    m("set CipherMode Mode", |_, a| {
        let mode = a.int(1);
        let managed = this(a)?.class == "AesManaged";
        if !matches!(mode, CBC | ECB | CFB) || (managed && mode == CFB) {
            return Err(cryptographic(
                "Specified cipher mode is not valid for this algorithm.",
            ));
        }
        this(a)?.settings.borrow_mut().mode = mode;
        Ok(Value::Null)
    }),
    m("PaddingMode Padding", |_, a| {
        Ok(Value::Enum(
            &PADDING_MODE,
            this(a)?.settings.borrow().padding,
        ))
    }),
    m("set PaddingMode Padding", |_, a| {
        let mode = a.int(1);
        if !(padding::NONE..=padding::ISO_10126).contains(&mode) {
            return Err(cryptographic(
                "Specified padding mode is not valid for this algorithm.",
            ));
        }
        this(a)?.settings.borrow_mut().padding = mode;
        Ok(Value::Null)
    }),
    m("KeySizes[] LegalKeySizes", |cx, a| {
        let (least, most, step) = this(a)?.family.keys();
        sizes(cx, least, most, step)
    }),
    m("KeySizes[] LegalBlockSizes", |cx, a| {
        let block = this(a)?.family.block();
        sizes(cx, block, block, 0)
    }),
    m("ICryptoTransform CreateEncryptor()", |_, a| {
        make(a, true, true)
    }),
    m(
        "ICryptoTransform CreateEncryptor(byte[] rgbKey, byte[] rgbIV)",
        |_, a| make(a, true, false),
    ),
    m("ICryptoTransform CreateDecryptor()", |_, a| {
        make(a, false, true)
    }),
    m(
        "ICryptoTransform CreateDecryptor(byte[] rgbKey, byte[] rgbIV)",
        |_, a| make(a, false, false),
    ),
    m("void GenerateKey()", |_, a| {
        this(a)?.settings.borrow_mut().key = None;
        this(a)?.key().map(|_| Value::Null)
    }),
    m("void GenerateIV()", |_, a| {
        this(a)?.settings.borrow_mut().iv = None;
        this(a)?.iv().map(|_| Value::Null)
    }),
    m("bool ValidKeySize(int bitLength)", |_, a| {
        let bits = usize::try_from(a.int(1)).unwrap_or(0);
        Ok(Value::Bool(
            bits.is_multiple_of(8) && this(a)?.family.takes(bits / 8),
        ))
    }),
    m("void Clear()", |_, a| forget(a)),
    m("void Dispose()", |_, a| forget(a)),
    m("static SymmetricAlgorithm Create()", |_, _| {
        made("RijndaelManaged")
    }),
    m(
        "static SymmetricAlgorithm Create(string algName)",
        |_, a| config::create(a, "algName", "SymmetricAlgorithm"),
    ),
];

/// `Encrypt` and `Decrypt` with an algorithm's name.
fn run_by_name(cx: &mut Cx<'_>, a: &Args<'_>, encrypts: bool) -> R {
    let data = a.bytes(0).map_err(|_| null("input"))?;
    let name = a.text(1).map_err(|_| null("alg"))?;
    let algorithm = config::class(name).and_then(Symmetric::of_class).ok_or_else(|| {
        argument("The symmetric algorithm is not known: expected `Aes`, `TripleDES` or `DES`. (Parameter 'alg')")
    })?;
    algorithm
        .transform(encrypts, given(a, 2)?)?
        .finish(cx, &data)
}

/// The same with an algorithm, and its own key or another.
fn by_algorithm(cx: &mut Cx<'_>, a: &Args<'_>, encrypts: bool, own: bool) -> R {
    let data = a.bytes(0).map_err(|_| null("input"))?;
    let algorithm = a.object::<Symmetric>(1).map_err(|_| null("alg"))?;
    let given = if own { None } else { given(a, 2)? };
    algorithm.transform(encrypts, given)?.finish(cx, &data)
}

const EXTENSIONS: &[Row] = &[
    m(
        "static byte[] Encrypt(this byte[] input, string alg, byte[] key, byte[] iv)",
        |cx, a| run_by_name(cx, a, true),
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
        |cx, a| run_by_name(cx, a, false),
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

/// A key whose weakness is asked for.
fn judged(a: &Args<'_>, family: Family, weak: fn(&[u8]) -> bool) -> R {
    // Null is no key of a valid size either.
    let key = a.bytes(0).unwrap_or_default();
    if !family.takes(key.len()) {
        return Err(cryptographic(
            "Specified key is not a valid size for this algorithm.",
        ));
    }
    Ok(Value::Bool(weak(&key)))
}

/// A type that is only created.
macro_rules! created {
    ($base:literal, $class:literal) => {
        &[
            m(concat!("static ", $base, " Create()"), |_, _| made($class)),
            m(
                concat!("static ", $base, " Create(string algName)"),
                |_, a| config::create(a, "algName", $base),
            ),
        ]
    };
}

pub(super) const TYPES: &[Type] = &[
    ty(
        "class System.Security.Cryptography.SymmetricAlgorithm : IDisposable",
        SYMMETRIC,
    ),
    ty("class System.Security.Cryptography.KeySizes", SIZES),
    ty(
        "class System.Security.Cryptography.Aes : SymmetricAlgorithm",
        created!("Aes", "AesCryptoServiceProvider"),
    ),
    ty(
        "class System.Security.Cryptography.Rijndael : SymmetricAlgorithm",
        created!("Rijndael", "RijndaelManaged"),
    ),
    super::ty_of(
        "class System.Security.Cryptography.DES : SymmetricAlgorithm",
        &[
            created!("DES", "DESCryptoServiceProvider"),
            &[
                m("static bool IsWeakKey(byte[] rgbKey)", |_, a| {
                    judged(a, Family::Des, cipher::is_weak)
                }),
                m("static bool IsSemiWeakKey(byte[] rgbKey)", |_, a| {
                    judged(a, Family::Des, cipher::is_semi_weak)
                }),
            ],
        ],
    ),
    super::ty_of(
        "class System.Security.Cryptography.TripleDES : SymmetricAlgorithm",
        &[
            created!("TripleDES", "TripleDESCryptoServiceProvider"),
            &[m("static bool IsWeakKey(byte[] rgbKey)", |_, a| {
                judged(a, Family::TripleDes, cipher::is_weak_triple)
            })],
        ],
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
        "class System.Security.Cryptography.RijndaelManaged : Rijndael",
        &[m("new()", |_, _| made("RijndaelManaged"))],
    ),
    ty(
        "class System.Security.Cryptography.DESCryptoServiceProvider : DES",
        &[m("new()", |_, _| made("DESCryptoServiceProvider"))],
    ),
    ty(
        "class System.Security.Cryptography.TripleDESCryptoServiceProvider : TripleDES",
        &[m("new()", |_, _| made("TripleDESCryptoServiceProvider"))],
    ),
    ty(
        "interface System.Security.Cryptography.ICryptoTransform : IDisposable",
        transform::ROWS,
    ),
    ty(
        "class System.Security.Cryptography.AesGcm : IDisposable",
        gcm::GCM,
    ),
    ty(
        "class System.Security.Cryptography.Rfc2898DeriveBytes : IDisposable",
        derive::DERIVE,
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
