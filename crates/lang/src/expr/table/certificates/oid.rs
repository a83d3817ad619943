//! `Oid`: object identifiers and the names that Windows has for them.

use crate::expr::eval::{Args, R, Throw};
use crate::expr::table::crypto::null;
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// An `Oid`: value and name.
#[derive(Debug)]
pub(super) struct Oid(RefCell<(Option<Str>, Option<Str>)>);

impl Object for Oid {
    fn ty(&self) -> Ty {
        Ty::class("Oid")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Identifiers and their names.
const NAMES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.4", "md5RSA"),
    ("1.2.840.113549.1.1.5", "sha1RSA"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.11", "sha256RSA"),
    ("1.2.840.113549.1.1.12", "sha384RSA"),
    ("1.2.840.113549.1.1.13", "sha512RSA"),
    ("1.2.840.113549.1.7.1", "PKCS 7 Data"),
    ("1.2.840.113549.1.9.1", "E"),
    ("1.2.840.113549.2.5", "md5"),
    ("1.2.840.113549.3.7", "3des"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.10045.2.1", "ECC"),
    ("1.2.840.10045.3.1.7", "ECDSA_P256"),
    ("1.2.840.10045.4.3.2", "sha256ECDSA"),
    ("1.2.840.10045.4.3.3", "sha384ECDSA"),
    ("1.2.840.10045.4.3.4", "sha512ECDSA"),
    ("1.3.132.0.34", "ECDSA_P384"),
    ("1.3.132.0.35", "ECDSA_P521"),
    ("1.3.14.3.2.7", "des"),
    ("1.3.14.3.2.26", "sha1"),
    ("2.16.840.1.101.3.4.1.2", "aes128"),
    ("2.16.840.1.101.3.4.1.22", "aes192"),
    ("2.16.840.1.101.3.4.1.42", "aes256"),
    ("2.16.840.1.101.3.4.2.1", "sha256"),
    ("2.16.840.1.101.3.4.2.2", "sha384"),
    ("2.16.840.1.101.3.4.2.3", "sha512"),
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "S"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "T"),
    ("2.5.4.42", "G"),
    ("2.5.4.43", "I"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("2.5.29.14", "Subject Key Identifier"),
    ("2.5.29.15", "Key Usage"),
    ("2.5.29.17", "Subject Alternative Name"),
    ("2.5.29.18", "Issuer Alternative Name"),
    ("2.5.29.19", "Basic Constraints"),
    ("2.5.29.31", "CRL Distribution Points"),
    ("2.5.29.32", "Certificate Policies"),
    ("2.5.29.35", "Authority Key Identifier"),
    ("2.5.29.37", "Enhanced Key Usage"),
    ("1.3.6.1.5.5.7.1.1", "Authority Information Access"),
    ("1.3.6.1.5.5.7.3.1", "Server Authentication"),
    ("1.3.6.1.5.5.7.3.2", "Client Authentication"),
    ("1.3.6.1.5.5.7.3.3", "Code Signing"),
    ("1.3.6.1.5.5.7.3.4", "Secure Email"),
    ("1.3.6.1.5.5.7.3.8", "Time Stamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSP Signing"),
];

fn name_of(value: &str) -> Option<&'static str> {
    NAMES.iter().find(|(v, _)| *v == value).map(|(_, n)| *n)
}

/// Short name of a part of a distinguished name, as Windows writes it.
pub(super) fn part(value: &str) -> Option<&'static str> {
    let is_part = value.starts_with("2.5.4.")
        || matches!(value, "1.2.840.113549.1.9.1" | "0.9.2342.19200300.100.1.25");
    is_part.then(|| name_of(value)).flatten()
}

fn value_of(name: &str) -> Option<&'static str> {
    let found = NAMES.iter().find(|(_, n)| n.eq_ignore_ascii_case(name));
    found.map(|(v, _)| *v)
}

fn made(value: Option<Str>, name: Option<Str>) -> Value {
    Value::Object(Rc::new(Oid(RefCell::new((value, name)))))
}

/// An `Oid` with the name that is known for it.
pub(super) fn value(oid: &str) -> Value {
    made(Some(Str::from(oid)), None)
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Oid, Throw> {
    a.object::<Oid>(0)
}

fn optional(a: &Args<'_>, i: usize) -> Option<Str> {
    a.str(i).ok()
}

fn shown(text: Option<Str>) -> R {
    Ok(text.map_or(Value::Null, Value::Str))
}

pub(super) const ROWS: &[Row] = &[
    m("new()", |_, _| Ok(made(None, None))),
    m("new(string oid)", |_, a| {
        let given = Some(a.str(0).map_err(|_| null("friendlyName"))?);
        // A name is looked up.
        let known = given.as_deref().and_then(value_of).map(Str::from);
        Ok(made(known.or(given), None))
    }),
    m("new(string value, string friendlyName)", |_, a| {
        Ok(made(optional(a, 0), optional(a, 1)))
    }),
    m("new(Oid oid)", |_, a| {
        let other = a.object::<Oid>(0).map_err(|_| null("oid"))?.0.borrow();
        Ok(made(other.0.clone(), other.1.clone()))
    }),
    m(
        "static Oid FromFriendlyName(string friendlyName, OidGroup group)",
        |_, a| {
            let name = a.text(0).map_err(|_| null("friendlyName"))?;
            match value_of(name) {
                Some(found) => Ok(value(found)),
                None => Err(crate::expr::eval::throw(
                    "CryptographicException",
                    "The OID value is invalid.",
                )),
            }
        },
    ),
    m("string Value", |_, a| shown(this(a)?.0.borrow().0.clone())),
    m("set string Value", |_, a| {
        this(a)?.0.borrow_mut().0 = optional(a, 1);
        Ok(Value::Null)
    }),
    m("string FriendlyName", |_, a| {
        let (value, name) = this(a)?.0.borrow().clone();
        let known = || value.as_deref().and_then(name_of).map(Str::from);
        shown(name.or_else(known))
    }),
    m("set string FriendlyName", |_, a| {
        let name = optional(a, 1);
        let mut oid = this(a)?.0.borrow_mut();
        // A known name brings its value.
        if let Some(found) = name.as_deref().and_then(value_of) {
            oid.0 = Some(Str::from(found));
        }
        oid.1 = name;
        Ok(Value::Null)
    }),
];
