//! `RSAParameters`: the numbers of a key, one by one, and in .NET's XML. What must stay true: they never print.

use super::der;
use crate::expr::eval::{Args, R, Throw, throw};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// Names of the numbers in the order of .NET's XML.
const NAMES: [&str; 8] = ["Modulus", "Exponent", "P", "Q", "DP", "DQ", "InverseQ", "D"];

/// The numbers of a key in the order of [`NAMES`]; none for a part that is not there.
#[derive(Clone, Default)]
pub(super) struct Numbers([Option<Bytes>; 8]);

impl Numbers {
    /// PKCS #1 public key.
    pub(super) fn public_der(&self) -> Vec<u8> {
        self.sequence(&[0, 1], &[])
    }

    /// PKCS #1 private key, when all of it is there.
    pub(super) fn private_der(&self) -> Option<Vec<u8>> {
        self.0
            .iter()
            .all(Option::is_some)
            .then(|| self.sequence(&[0, 1, 7, 2, 3, 4, 5, 6], &der::integer(&[0])))
    }

    fn sequence(&self, which: &[usize], version: &[u8]) -> Vec<u8> {
        let mut inner = version.to_vec();
        for i in which {
            inner.extend(der::integer(self.0[*i].as_deref().unwrap_or_default()));
        }
        der::wrapped(der::SEQUENCE, &inner)
    }

    pub(super) fn of_spki(spki: &[u8]) -> Option<Numbers> {
        let mut numbers = der::integers(der::of_spki(spki)?)?.into_iter();
        let mut out = Numbers::default();
        out.0[0] = Some(numbers.next()?.into());
        out.0[1] = Some(numbers.next()?.into());
        Some(out)
    }

    pub(super) fn of_pkcs8(pkcs8: &[u8]) -> Option<Numbers> {
        // Behind the version; each as long as .NET has it: half the modulus, and `D` as the modulus.
        let numbers = der::integers(der::of_pkcs8(pkcs8)?)?;
        let modulus = numbers.get(1)?.len();
        let mut out = Numbers::default();
        for (place, (number, length)) in [0, 1, 7, 2, 3, 4, 5, 6].into_iter().zip(
            numbers
                .get(1..)?
                .iter()
                .zip([0, 0, modulus, 0, 0, 0, 0, 0].map(|n| if n == 0 { modulus / 2 } else { n })),
        ) {
            let length = if place < 2 { number.len() } else { length };
            let mut digits = vec![0; length.saturating_sub(number.len())];
            digits.extend_from_slice(number);
            out.0[place] = Some(digits.into());
        }
        out.0.iter().all(Option::is_some).then_some(out)
    }

    /// `ToXmlString`.
    pub(super) fn xml(&self) -> String {
        let mut out = String::from("<RSAKeyValue>");
        for (name, number) in NAMES.iter().zip(&self.0) {
            if let Some(number) = number {
                out.push_str(&format!("<{name}>{}</{name}>", STANDARD.encode(number)));
            }
        }
        out.push_str("</RSAKeyValue>");
        out
    }

    /// `FromXmlString`; none when there is no public key in it.
    pub(super) fn of_xml(text: &str) -> Result<Option<Numbers>, Throw> {
        let mut out = Numbers::default();
        for (name, place) in NAMES.iter().zip(&mut out.0) {
            let part = text
                .split_once(&format!("<{name}>"))
                .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
            if let Some((digits, _)) = part {
                let digits: String = digits.split_whitespace().collect();
                let number = STANDARD.decode(digits).map_err(|_| {
                    throw(
                        "FormatException",
                        "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.",
                    )
                })?;
                *place = Some(number.into());
            }
        }
        Ok((out.0[0].is_some() && out.0[1].is_some()).then_some(out))
    }
}

/// An `RSAParameters`.
#[derive(Default)]
pub(super) struct Parameters(RefCell<Numbers>);

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RSAParameters")
    }
}

impl Object for Parameters {
    fn ty(&self) -> Ty {
        Ty::class("RSAParameters")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    /// A struct is equal to another with the same arrays.
    fn equals(&self, other: &dyn Object) -> bool {
        let Some(other) = other.as_any().downcast_ref::<Parameters>() else {
            return false;
        };
        let (own, theirs) = (self.0.borrow(), other.0.borrow());
        own.0.iter().zip(&theirs.0).all(|(a, b)| match (a, b) {
            (Some(a), Some(b)) => std::ptr::eq(a.as_ptr(), b.as_ptr()),
            (a, b) => a.is_none() && b.is_none(),
        })
    }
    fn hash_text(&self) -> Option<String> {
        Some("RSAParameters".into())
    }
}

impl Parameters {
    pub(super) fn value(numbers: Numbers) -> Value {
        Value::Object(Rc::new(Parameters(RefCell::new(numbers))))
    }

    pub(super) fn numbers(&self) -> Numbers {
        self.0.borrow().clone()
    }
}

/// `default(RSAParameters)`: a struct whose numbers are all null.
pub(crate) fn no_parameters() -> Value {
    Parameters::value(Numbers::default())
}

fn get(a: &Args<'_>, i: usize) -> R {
    let parameters = a.object::<Parameters>(0)?.0.borrow();
    Ok(parameters.0[i].clone().map_or(Value::Null, Value::Bytes))
}

fn set(a: &Args<'_>, i: usize) -> R {
    let value = if a.is_null(1) {
        None
    } else {
        Some(a.bytes(1)?)
    };
    a.object::<Parameters>(0)?.0.borrow_mut().0[i] = value;
    Ok(Value::Null)
}

macro_rules! rows {
    ($($i:literal $name:literal)*) => {
        &[
            m("new()", |_, _| Ok(no_parameters())),
            $(
                m(concat!("byte[] ", $name), |_, a| get(a, $i)),
                m(concat!("set byte[] ", $name), |_, a| set(a, $i)),
            )*
        ]
    };
}

pub(super) const ROWS: &[Row] =
    rows!(0 "Modulus" 1 "Exponent" 2 "P" 3 "Q" 4 "DP" 5 "DQ" 6 "InverseQ" 7 "D");
