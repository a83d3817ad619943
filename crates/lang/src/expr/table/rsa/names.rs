//! `HashAlgorithmName` and the paddings of RSA: values that only name something.

use crate::expr::eval::{Args, R, Throw, throw};
use crate::expr::table::crypto::null;
use crate::expr::table::enums::{RSA_ENCRYPTION_PADDING_MODE, RSA_SIGNATURE_PADDING_MODE};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use std::any::Any;
use std::rc::Rc;

/// A value of one of these types: what it names. A `HashAlgorithmName` may name nothing.
#[derive(Debug)]
struct Name {
    class: &'static str,
    name: Option<Str>,
    /// Whether a property gives it, the same object always.
    single: bool,
}

const HASH_NAME: &str = "HashAlgorithmName";
const OAEP: &str = "Oaep";

impl Object for Name {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.name.as_deref().unwrap_or_default().to_owned()
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Name>();
        other.is_some_and(|o| o.class == self.class && o.name == self.name)
    }
    // A HashAlgorithmName is a struct.
    fn is_single(&self) -> bool {
        self.single
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
}

fn value(class: &'static str, name: Option<Str>) -> Value {
    Value::Object(Rc::new(Name {
        class,
        name,
        single: class != HASH_NAME,
    }))
}

/// A `HashAlgorithmName`.
pub(in super::super) fn value_of(name: &'static str) -> Value {
    value(HASH_NAME, Some(Str::from(name)))
}

/// `default(HashAlgorithmName)`: names nothing.
pub(crate) fn no_hash_name() -> Value {
    value(HASH_NAME, None)
}

fn named<'a>(a: &'a Args<'_>, i: usize, parameter: &str) -> Result<&'a str, Throw> {
    let name = a.object::<Name>(i).map_err(|_| null(parameter))?;
    Ok(name.name.as_deref().unwrap_or_default())
}

/// The name of a hash algorithm, which must not be empty.
pub(super) fn given_name<'a>(a: &'a Args<'_>, i: usize) -> Result<&'a str, Throw> {
    let name = named(a, i, "hashAlgorithm")?;
    if name.is_empty() {
        return Err(throw(
            "ArgumentException",
            "The hash algorithm name cannot be null or empty. (Parameter 'hashAlgorithm')",
        ));
    }
    Ok(name)
}

/// Whether argument `i` is a name of a hash algorithm without text.
pub(in super::super) fn has_no_name(a: &Args<'_>, i: usize) -> bool {
    named(a, i, "hashAlgorithm").is_ok_and(str::is_empty)
}

/// The algorithm that argument `i` names.
pub(in super::super) fn hash_name(a: &Args<'_>, i: usize) -> Result<&'static str, Throw> {
    let name = given_name(a, i)?;
    ["MD5", "SHA1", "SHA256", "SHA384", "SHA512"]
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| {
            throw(
                "CryptographicException",
                format!("'{name}' is not a known hash algorithm."),
            )
        })
}

/// Whether argument `i` is `RSASignaturePadding.Pss`.
pub(super) fn is_pss(a: &Args<'_>, i: usize) -> Result<bool, Throw> {
    Ok(named(a, i, "padding")? == "Pss")
}

/// The hash of OAEP; none is PKCS #1.
pub(super) fn oaep<'a>(a: &'a Args<'_>, i: usize) -> Result<Option<&'a str>, Throw> {
    Ok(named(a, i, "padding")?.strip_prefix(OAEP))
}

fn equal(a: &Args<'_>, not: bool) -> R {
    let same = match (a.get(0), a.get(1)) {
        (Value::Object(x), Value::Object(y)) => x.equals(&*y),
        (x, y) => x.is_null() && y.is_null(),
    };
    Ok(Value::Bool(same != not))
}

macro_rules! rows {
    ($class:literal, [$($text:literal = $name:literal)*], [$($row:expr),* $(,)?]) => {
        &[
            $(m(concat!("static ", $class, " ", $text), |_, _| {
                Ok(value($class, Some(Str::from($name))))
            }),)*
            m(concat!("static bool operator ==(", $class, " left, ", $class, " right)"), |_, a| {
                equal(a, false)
            }),
            m(concat!("static bool operator !=(", $class, " left, ", $class, " right)"), |_, a| {
                equal(a, true)
            }),
            m(concat!("bool Equals(", $class, " other)"), |_, a| equal(a, false)),
            $($row,)*
        ]
    };
}

fn shown(a: &Args<'_>) -> R {
    if a.is_null(0) {
        return Ok(Value::from(""));
    }
    Ok(Value::from(a.object::<Name>(0)?.text()))
}

pub(super) const HASH: &[Row] = rows!(
    "HashAlgorithmName",
    ["MD5" = "MD5" "SHA1" = "SHA1" "SHA256" = "SHA256" "SHA384" = "SHA384" "SHA512" = "SHA512"],
    [
        m("new(string name)", |_, a| Ok(value(
            HASH_NAME,
            a.str(0).ok()
        ))),
        m("string Name", |_, a| {
            // `default(HashAlgorithmName)` names nothing.
            if a.is_null(0) {
                return Ok(Value::Null);
            }
            let name = a.object::<Name>(0)?.name.clone();
            Ok(name.map_or(Value::Null, Value::Str))
        }),
        m("string ToString()", |_, a| shown(a)),
    ]
);

pub(super) const SIGNATURE: &[Row] = rows!(
    "RSASignaturePadding",
    ["Pkcs1" = "Pkcs1" "Pss" = "Pss"],
    [
        m("RSASignaturePaddingMode Mode", |_, a| {
            let pss = i64::from(is_pss(a, 0)?);
            Ok(Value::Enum(&RSA_SIGNATURE_PADDING_MODE, pss))
        }),
        m("string ToString()", |_, a| shown(a)),
    ]
);

pub(super) const ENCRYPTION: &[Row] = rows!(
    "RSAEncryptionPadding",
    ["Pkcs1" = "Pkcs1" "OaepSHA1" = "OaepSHA1" "OaepSHA256" = "OaepSHA256" "OaepSHA384" = "OaepSHA384" "OaepSHA512" = "OaepSHA512"],
    [
        m(
            "static RSAEncryptionPadding CreateOaep(HashAlgorithmName hashAlgorithm)",
            |_, a| {
                // An unknown one is refused where it is used.
                let hash = given_name(a, 0)?;
                Ok(Value::Object(Rc::new(Name {
                    class: "RSAEncryptionPadding",
                    name: Some(Str::from(format!("{OAEP}{hash}"))),
                    single: false,
                })))
            }
        ),
        m("RSAEncryptionPaddingMode Mode", |_, a| {
            let oaep = i64::from(oaep(a, 0)?.is_some());
            Ok(Value::Enum(&RSA_ENCRYPTION_PADDING_MODE, oaep))
        }),
        m("HashAlgorithmName OaepHashAlgorithm", |_, a| {
            let hash = oaep(a, 0)?.map(Str::from);
            Ok(value(HASH_NAME, hash))
        }),
        m("string ToString()", |_, a| shown(a)),
    ]
);
