//! `System.Security.Cryptography.AsymmetricAlgorithm`: what every RSA object has.
//!
//! Rows of the table of types. What must stay true: a disposed object gives no key.

use super::{Key, dispose, failed, key, legal, made, open, parameters, this};
use crate::expr::table::crypto::{config, null};
use crate::expr::table::{Row, m};
use crate::value::Value;
use aws_lc_rs::rsa::PublicEncryptingKey;

pub(super) const ROWS: &[Row] = &[
    m("static AsymmetricAlgorithm Create()", |_, _| {
        made("RSACryptoServiceProvider", 2048)
    }),
    m(
        "static AsymmetricAlgorithm Create(string algName)",
        |_, a| config::create(a, "algName", "AsymmetricAlgorithm"),
    ),
    m("int KeySize", |_, a| {
        let rsa = this(a)?;
        let bits = rsa.key.borrow().as_ref().and_then(|key| {
            let public = PublicEncryptingKey::from_der(&key.public).ok()?;
            i32::try_from(public.key_size_bits()).ok()
        });
        Ok(Value::Int(bits.unwrap_or(rsa.bits.get())))
    }),
    m("set int KeySize", |_, a| {
        let rsa = this(a)?;
        rsa.bits.set(legal(rsa.class, a.int(1))?);
        rsa.key.replace(None);
        Ok(Value::Null)
    }),
    m("string SignatureAlgorithm", |_, a| {
        Ok(Value::from(match this(a)?.class {
            "RSACryptoServiceProvider" => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            _ => "RSA",
        }))
    }),
    m("string KeyExchangeAlgorithm", |_, a| {
        Ok(Value::from(match this(a)?.class {
            "RSACryptoServiceProvider" => "RSA-PKCS1-KeyEx",
            _ => "RSA",
        }))
    }),
    m(
        "string ToXmlString(bool includePrivateParameters)",
        |cx, a| {
            let numbers = key(cx, a)?.numbers(a.bool(1))?;
            cx.text(numbers.xml())
        },
    ),
    m("void FromXmlString(string xmlString)", |_, a| {
        let text = a.text(1).map_err(|_| null("xmlString"))?;
        let key = parameters::Numbers::of_xml(text)?.and_then(|n| Key::of_numbers(&n));
        let key = key.ok_or_else(|| {
            failed("Input string does not contain a valid encoding of the 'RSA' parameters.")
        })?;
        open(a)?.key.replace(Some(key));
        Ok(Value::Null)
    }),
    m("void Clear()", |_, a| dispose(a)),
    m("void Dispose()", |_, a| dispose(a)),
];
