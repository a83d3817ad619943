//! Names of algorithms, as `CryptoConfig.CreateFromName` reads them.
//!
//! Called by every `Create(name)`. What must stay true: a name that is not known gives null; one of another kind of
//! algorithm makes that one, which then is no value of the type that was asked for.

use super::{Hasher, null, random};
use crate::expr::eval::{Args, R, throw, types};
use crate::expr::table::{Member, MemberKind, TypeKind, rsa, symmetric, table};
use crate::expr::types::Ty;
use crate::value::Value;

/// Where the algorithms are.
const NAMESPACE: &str = "System.Security.Cryptography.";

/// Classes by the names that .NET registers for them, with the namespace and without; case does not count.
const NAMED: [(&str, &str); 20] = [
    ("RandomNumberGenerator", "RNGCryptoServiceProvider"),
    ("SHA1", "SHA1CryptoServiceProvider"),
    ("MD5", "MD5CryptoServiceProvider"),
    ("SHA256", "SHA256Managed"),
    ("SHA384", "SHA384Managed"),
    ("SHA512", "SHA512Managed"),
    ("HMACMD5", "HMACMD5"),
    ("HMACSHA1", "HMACSHA1"),
    ("HMACSHA256", "HMACSHA256"),
    ("HMACSHA384", "HMACSHA384"),
    ("HMACSHA512", "HMACSHA512"),
    ("RSA", "RSACryptoServiceProvider"),
    ("DSA", "DSACryptoServiceProvider"),
    ("ECDsaCng", "ECDsaCng"),
    ("DES", "DESCryptoServiceProvider"),
    ("TripleDES", "TripleDESCryptoServiceProvider"),
    ("RC2", "RC2CryptoServiceProvider"),
    ("Rijndael", "RijndaelManaged"),
    ("AesCryptoServiceProvider", "AesCryptoServiceProvider"),
    ("AesManaged", "AesManaged"),
];

/// The same for names without the namespace only.
const PLAIN: [(&str, &str); 21] = [
    ("SHA", "SHA1CryptoServiceProvider"),
    ("SHA-256", "SHA256Managed"),
    ("SHA-384", "SHA384Managed"),
    ("SHA-512", "SHA512Managed"),
    ("ECDsa", "ECDsaCng"),
    ("3DES", "TripleDESCryptoServiceProvider"),
    ("Triple DES", "TripleDESCryptoServiceProvider"),
    ("AES", "AesCryptoServiceProvider"),
    ("X509Chain", "X509Certificates.X509Chain"),
    (
        "http://www.w3.org/2000/09/xmldsig#sha1",
        "SHA1CryptoServiceProvider",
    ),
    ("http://www.w3.org/2001/04/xmlenc#sha256", "SHA256Managed"),
    ("http://www.w3.org/2001/04/xmlenc#sha512", "SHA512Managed"),
    (
        "http://www.w3.org/2001/04/xmlenc#des-cbc",
        "DESCryptoServiceProvider",
    ),
    (
        "http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
        "TripleDESCryptoServiceProvider",
    ),
    (
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
        "RijndaelManaged",
    ),
    (
        "http://www.w3.org/2001/04/xmlenc#aes192-cbc",
        "RijndaelManaged",
    ),
    (
        "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        "RijndaelManaged",
    ),
    ("http://www.w3.org/2000/09/xmldsig#hmac-sha1", "HMACSHA1"),
    (
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "HMACSHA256",
    ),
    (
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha384",
        "HMACSHA384",
    ),
    (
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512",
        "HMACSHA512",
    ),
];

/// Base classes by their full names, and what they are made as.
const BASES: [(&str, &str); 5] = [
    ("HashAlgorithm", "SHA1CryptoServiceProvider"),
    ("HMAC", "HMACSHA1"),
    ("KeyedHashAlgorithm", "HMACSHA1"),
    ("AsymmetricAlgorithm", "RSACryptoServiceProvider"),
    ("SymmetricAlgorithm", "RijndaelManaged"),
];

/// The class that a name means: registered for it, or its own full name.
pub(in crate::expr::table) fn class(name: &str) -> Option<&str> {
    let found = |all: &[(&'static str, &'static str)], name: &str| {
        all.iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, class)| *class)
    };
    let within = name
        .get(..NAMESPACE.len())
        .filter(|start| start.eq_ignore_ascii_case(NAMESPACE))
        .and_then(|_| name.get(NAMESPACE.len()..));
    let Some(simple) = within else {
        return found(&NAMED, name).or_else(|| found(&PLAIN, name));
    };
    found(&NAMED, simple)
        .or_else(|| found(&BASES, simple))
        .or_else(|| name.starts_with(NAMESPACE).then_some(simple))
}

/// What `Create(name)` of a class gives: what the name means, if it is a value of the class.
pub(in crate::expr::table) fn create(a: &Args<'_>, parameter: &str, base: &'static str) -> R {
    let name = a.text(0).map_err(|_| null(parameter))?;
    let other = |class: &str| {
        Err(throw(
            "InvalidCastException",
            format!("Unable to cast object of type '{class}' to type '{base}'."),
        ))
    };
    let Some(class) = class(name) else {
        // An object of any class can be made, which is no algorithm.
        return if is_class(name) {
            other(name)
        } else {
            Ok(Value::Null)
        };
    };
    let made = match Hasher::of_class(class)? {
        Some(hasher) => Some(hasher),
        None => symmetric::of_class(class).or_else(|| random::of_class(class)),
    };
    match made {
        Some(made) => types::cast(&Ty::class(base), Value::Object(made)),
        None => match rsa::of_class(class) {
            Some(made) => types::cast(&Ty::class(base), made?),
            None => match (class, base) {
                ("RC2CryptoServiceProvider", "SymmetricAlgorithm")
                | ("DSACryptoServiceProvider" | "ECDsaCng", "AsymmetricAlgorithm") => Err(throw(
                    "PlatformNotSupportedException",
                    format!("The algorithm {class} is not made here."),
                )),
                (
                    "RC2CryptoServiceProvider"
                    | "DSACryptoServiceProvider"
                    | "ECDsaCng"
                    | "X509Certificates.X509Chain",
                    _,
                ) => other(&format!("{NAMESPACE}{class}")),
                _ if is_class(name) => other(name),
                _ => Ok(Value::Null),
            },
        },
    }
}

/// Whether a name is that of a class of .NET's core library, or of its cryptography, that can be made of nothing. A struct
/// has no constructor for that.
fn is_class(name: &str) -> bool {
    // What a generic class is of stands in brackets behind its name, and nothing behind them; an array is made of its length.
    let generic = name.contains('`');
    let full = match name.split_once(['`', '[']) {
        Some(_) if !generic || !name.ends_with(']') => return false,
        Some((full, _)) => full,
        None => name,
    };
    // In libraries of their own.
    let other = [
        "System.Xml.",
        "System.Net.",
        "System.Linq.",
        "System.Uri",
        "System.Numerics.",
        "System.Text.RegularExpressions.",
        "System.Collections.Specialized.",
        "System.Collections.Generic.Stack",
        "System.Collections.Generic.Linked",
        "System.Collections.Generic.Sorted",
        "Newtonsoft.",
    ];
    if other.iter().any(|of| full.starts_with(of)) {
        return false;
    }
    let simple = full.rsplit('.').next().unwrap_or(full);
    table().get(simple).is_some_and(|t| {
        let empty = |m: &Member| m.kind == MemberKind::Constructor && m.params.is_empty();
        let class = t.kind == TypeKind::Class && (t.arity > 0) == generic;
        t.full == full && class && t.members.iter().any(empty)
    })
}
