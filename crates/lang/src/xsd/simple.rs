//! Simple types: varieties and facets (XML Schema, Part 2, section 4).
//!
//! What must stay true: a text is held to every facet in .NET's order, and the first that fails is the one that is told.

use super::builtin::{self, Builtin, Space, Value};
use crate::expr::eval::Cx;
use crate::expr::host::Nowhere;
use crate::expr::table::regex;
use crate::value::Str;
use crate::value::xml::{Name, Node};
use std::cmp::Ordering;

/// Types in types: unions and lists of restrictions.
const MAX_NESTED: usize = 32;

#[derive(Clone, Debug)]
pub(super) enum Variety {
    /// Any text.
    Any,
    Atomic(usize),
    List(usize),
    Union(Vec<usize>),
}

/// The facets that are in force, those of the base included.
#[derive(Clone, Debug, Default)]
pub(super) struct Facets {
    pub(super) length: Option<usize>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    /// One of each step has to fit.
    pub(super) patterns: Vec<Vec<Str>>,
    pub(super) enumeration: Option<Vec<Value>>,
    pub(super) max_inclusive: Option<Value>,
    pub(super) max_exclusive: Option<Value>,
    pub(super) min_inclusive: Option<Value>,
    pub(super) min_exclusive: Option<Value>,
    pub(super) total_digits: Option<usize>,
    pub(super) fraction_digits: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Simple {
    pub(super) name: Option<Name>,
    pub(super) base: Option<usize>,
    pub(super) variety: Variety,
    pub(super) space: Space,
    pub(super) facets: Facets,
}

/// What a simple value says of identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refers {
    No,
    Id,
    IdRef,
}

/// A pattern of schemas as one of .NET.
pub(super) fn translated(pattern: &str) -> String {
    let mut out = String::from("^(");
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            // These stand for themselves in schemas.
            if matches!(c, '^' | '$') {
                out.push('\\');
            }
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('i') => out.push_str("[\\p{L}\\p{Nl}_:]"),
            Some('I') => out.push_str("[^\\p{L}\\p{Nl}_:]"),
            Some('c') => out.push_str("[\\p{L}\\p{Nl}\\p{Mn}\\p{Mc}\\p{Nd}\\p{Lm}._:\\-\u{b7}]"),
            Some('C') => out.push_str("[^\\p{L}\\p{Nl}\\p{Mn}\\p{Mc}\\p{Nd}\\p{Lm}._:\\-\u{b7}]"),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    // A caret begins a negated class.
    let out = out.replace("[\\^", "[^");
    format!("{out})$")
}

/// Whether a pattern can be used; the error is .NET's.
pub(super) fn check_pattern(pattern: &Str) -> Result<(), String> {
    regex::check(pattern, 0).map_err(|(why, _)| why)
}

fn fits_pattern(text: &str, pattern: &Str) -> bool {
    let mut host = Nowhere::default();
    let mut cx = Cx::new(&mut host);
    // A search that takes too long fits nothing.
    regex::is_match(&mut cx, text, pattern, 0).unwrap_or(false)
}

fn length(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Name(text) => text.encode_utf16().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        _ => 0,
    }
}

impl Simple {
    /// A built-in type.
    pub(super) fn builtin(at: usize, base: Option<usize>) -> Simple {
        let of = &builtin::ALL[at];
        Simple {
            name: Some(Name {
                namespace: builtin::XS.into(),
                local: of.name.into(),
            }),
            base,
            variety: Variety::Atomic(at),
            space: of.space,
            facets: Facets::default(),
        }
    }

    /// What .NET calls the type in messages when it has no name.
    pub(super) fn code(&self, all: &[Simple]) -> String {
        match &self.variety {
            Variety::Any => String::from("AnyAtomicType"),
            Variety::Atomic(builtin) => builtin::ALL[*builtin].code.to_owned(),
            Variety::List(item) => {
                let item = all
                    .get(*item)
                    .map_or_else(String::new, |i| match &i.variety {
                        Variety::List(_) => String::new(),
                        _ => i.code(all),
                    });
                format!("List of {item}")
            }
            Variety::Union(_) => String::from("Union"),
        }
    }

    /// Whether it is what names are given or referred to by.
    pub(super) fn refers(&self) -> Refers {
        match &self.variety {
            Variety::Atomic(at) => match builtin::ALL[*at].kind {
                builtin::Kind::Id => Refers::Id,
                builtin::Kind::IdRef => Refers::IdRef,
                _ => Refers::No,
            },
            _ => Refers::No,
        }
    }

    pub(super) fn kind(&self) -> Option<&'static Builtin> {
        match &self.variety {
            Variety::Atomic(at) => builtin::ALL.get(*at),
            _ => None,
        }
    }

    /// The value of a text; the error is .NET's.
    pub(super) fn value(
        &self,
        all: &[Simple],
        text: &str,
        at: Option<&Node>,
    ) -> Result<Value, String> {
        self.value_in(all, text, at, 0)
    }

    fn value_in(
        &self,
        all: &[Simple],
        text: &str,
        at: Option<&Node>,
        nested: usize,
    ) -> Result<Value, String> {
        if nested > MAX_NESTED {
            return Err(String::from("The type is nested too deeply."));
        }
        let text = self.space.apply(text);
        for step in &self.facets.patterns {
            if !step.iter().any(|pattern| fits_pattern(&text, pattern)) {
                return Err(String::from("The Pattern constraint failed."));
            }
        }
        let value = match &self.variety {
            Variety::Any => Value::Text(text),
            Variety::Atomic(builtin) => builtin::ALL[*builtin].value(&text, at)?,
            Variety::List(item) => {
                let Some(item) = all.get(*item) else {
                    return Ok(Value::List(Vec::new()));
                };
                let mut items = Vec::new();
                for word in text.split_ascii_whitespace() {
                    items.push(item.value_in(all, word, at, nested + 1)?);
                }
                Value::List(items)
            }
            Variety::Union(members) => {
                let found = members
                    .iter()
                    .filter_map(|m| all.get(*m))
                    .find_map(|m| m.value_in(all, &text, at, nested + 1).ok());
                found.ok_or_else(|| {
                    format!(
                        "The value '{text}' is not valid according to any of the memberTypes of the union."
                    )
                })?
            }
        };
        self.facets.check(&value)?;
        Ok(value)
    }
}

impl Facets {
    fn check(&self, value: &Value) -> Result<(), String> {
        let failed = |facet: &str| Err(format!("The {facet} constraint failed."));
        let lengths = [self.length, self.min_length, self.max_length];
        if lengths.iter().any(Option::is_some) {
            let length = length(value);
            if self.length.is_some_and(|l| l != length) {
                return Err("The actual length is not equal to the specified length.".into());
            }
            if self.min_length.is_some_and(|l| length < l) {
                return Err("The actual length is less than the MinLength value.".into());
            }
            if self.max_length.is_some_and(|l| length > l) {
                return Err("The actual length is greater than the MaxLength value.".into());
            }
        }
        let order = |bound: &Option<Value>| bound.as_ref().map(|b| value.order(b));
        if order(&self.max_inclusive)
            .is_some_and(|o| !matches!(o, Some(Ordering::Less | Ordering::Equal)))
        {
            return failed("MaxInclusive");
        }
        if order(&self.max_exclusive).is_some_and(|o| o != Some(Ordering::Less)) {
            return failed("MaxExclusive");
        }
        if order(&self.min_inclusive)
            .is_some_and(|o| !matches!(o, Some(Ordering::Greater | Ordering::Equal)))
        {
            return failed("MinInclusive");
        }
        if order(&self.min_exclusive).is_some_and(|o| o != Some(Ordering::Greater)) {
            return failed("MinExclusive");
        }
        if let Some(all) = &self.enumeration
            && !all.contains(value)
        {
            return failed("Enumeration");
        }
        if let Value::Number(number) = value {
            let number = number.normalize();
            let scale = number.scale() as usize;
            let digits = number.mantissa().unsigned_abs().to_string().len();
            let digits = if number.is_zero() {
                1
            } else {
                digits.max(scale)
            };
            if self.total_digits.is_some_and(|most| digits > most) {
                return failed("TotalDigits");
            }
            if self.fraction_digits.is_some_and(|most| scale > most) {
                return failed("FractionDigits");
            }
        }
        Ok(())
    }
}
