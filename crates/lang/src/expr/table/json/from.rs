//! Values into JSON tokens: `FromObject` and `SerializeObject`.
//!
//! Source: Json.NET 13's `JsonSerializer` with a `JTokenWriter`. What must stay true: a value becomes the token whose text
//! is what the serializer writes; the depth of what is written is bounded.

use super::settings::Writing;
use crate::expr::eval::{Cx, Record, Throw, iterate, null_reference, throw, types};
use crate::expr::table::dictionaries::untyped::Entries;
use crate::expr::table::{regex, strings::builder};
use crate::expr::types::Ty;
use crate::value::token::number::BigInteger;
use crate::value::token::{Fields, Form, Kind};
use crate::value::{DateTime, EnumType, Kind as DateKind, Str, Token, Value, time};

const DEPTH: usize = 100;

/// A value that a `JValue` holds as it is, or `None`.
pub(super) fn scalar(v: &Value) -> Option<Token> {
    Some(Token::scalar(match v {
        Value::Enum(..)
        | Value::Null
        | Value::Bool(_)
        | Value::SByte(_)
        | Value::Byte(_)
        | Value::Short(_)
        | Value::UShort(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Long(_)
        | Value::ULong(_)
        | Value::Float(_)
        | Value::Double(_)
        | Value::Decimal(_)
        | Value::Str(_)
        | Value::Bytes(_)
        | Value::DateTime(_)
        | Value::DateTimeOffset(_)
        | Value::TimeSpan(_)
        | Value::Guid(_) => v.clone(),
        Value::List(l) if l.ty() == &Ty::array(Ty::Byte) => {
            v.as_bytes().map_or(Value::Null, Value::Bytes)
        }
        Value::Object(o) if o.ty().is_class("Uri") || o.as_any().is::<BigInteger>() => v.clone(),
        _ => return None,
    }))
}

/// `JToken.FromObject`.
pub(crate) fn object(cx: &mut Cx<'_>, v: &Value, depth: usize) -> Result<Token, Throw> {
    let how = &Writing::default();
    Writer { cx, how }.object(v, depth)
}

/// A serializer with its settings.
pub(super) struct Writer<'c, 'h, 's> {
    pub(super) cx: &'c mut Cx<'h>,
    pub(super) how: &'s Writing,
}

impl Writer<'_, '_, '_> {
    pub(super) fn object(&mut self, v: &Value, depth: usize) -> Result<Token, Throw> {
        if depth > DEPTH {
            return Err(throw(
                "JsonSerializationException",
                "Self referencing loop detected.",
            ));
        }
        self.cx.step(1)?;
        self.cx.charge(96)?;
        match v {
            // A serializer writes the number, or the name if it is told to.
            Value::Enum(e, n) => return Ok(Token::scalar(self.enumerated(e, *n))),
            Value::Char(_) => return Ok(Token::scalar(Value::Str(v.to_text()))),
            Value::DateTime(_) | Value::DateTimeOffset(_) => {
                return Ok(self.date(v));
            }
            _ => {}
        }
        if let Some(t) = scalar(v) {
            return Ok(t);
        }
        if let Some(t) = super::xml::token_of(self.cx, v, self.how.text) {
            return t;
        }
        match v {
            Value::Token(t) => {
                // A tree has no place for a constructor without a name, and its writer fails when it is left.
                let nameless = |t: &Token| matches!(t.kind(), Kind::Constructor(name, _) if name.borrow().is_empty());
                if !self.how.text && nameless(t) {
                    return Err(null_reference());
                }
                if !self.how.text {
                    return rewritten(self.cx, t);
                }
                self.cx
                    .charge(t.descendants(true).len().saturating_mul(96))?;
                Ok(t.deep_clone())
            }
            Value::Dict(d) if matches!(d.ty(), Ty::Class("Dictionary" | "SortedDictionary", _)) => {
                let mut fields = Fields::default();
                for (k, value) in d.entries() {
                    let value = self.object(&value, depth + 1)?;
                    fields.push(Token::property(self.named(&key(&k)), value));
                }
                Ok(Token::object(fields))
            }
            Value::Object(o) => {
                if let Some(r) = o.as_any().downcast_ref::<Record>() {
                    let mut fields = Fields::default();
                    for (i, (name, value)) in r.members().into_iter().enumerate() {
                        let ty = match &r.ty {
                            Ty::Anonymous(a) => a.fields.get(i).map(|(_, ty)| ty.clone()),
                            _ => None,
                        };
                        let ty = ty.unwrap_or_else(|| value.ty());
                        self.member(&mut fields, &name, &ty, value, depth)?;
                    }
                    return Ok(Token::object(fields));
                }
                if let Some(entries) = o.as_any().downcast_ref::<Entries>() {
                    let mut fields = Fields::default();
                    for (k, value) in entries.pairs() {
                        let value = self.object(&value, depth + 1)?;
                        fields.push(Token::property(self.named(&key(&k)), value));
                    }
                    return Ok(Token::object(fields));
                }
                if o.is_sequence() {
                    let items = iterate(self.cx, v)?;
                    return self.array(&items, depth);
                }
                self.members(v, o.ty(), depth)
            }
            Value::Host(h) if super::super::dictionaries::is_dictionary(&h.0.ty()) => {
                let mut fields = Fields::default();
                for e in iterate(self.cx, v)? {
                    if let Some((k, value)) = super::super::dictionaries::parts(&e) {
                        let value = self.object(&value, depth + 1)?;
                        fields.push(Token::property(key(&k), value));
                    }
                }
                Ok(Token::object(fields))
            }
            Value::Host(h) => self.members(v, h.0.ty(), depth),
            Value::List(l) if l.lengths().is_some() => {
                // A copy: a delegate that an item calls may change the array.
                let items = iterate(self.cx, v)?;
                self.rows(l.lengths().unwrap_or_default(), &mut items.iter(), depth)
            }
            Value::List(_) | Value::Dict(_) => {
                let items = iterate(self.cx, v)?;
                self.array(&items, depth)
            }
            Value::Response(_) => self.members(v, Ty::class("IResponse"), depth),
            _ => Err(throw(
                "JsonSerializationException",
                format!(
                    "Cannot write a value of type '{}' as JSON.",
                    v.ty().full_name()
                ),
            )),
        }
    }

    fn enumerated(&self, e: &'static EnumType, n: i64) -> Value {
        if self.how.enum_names {
            Value::from(crate::value::text::enum_text(e, n))
        } else {
            match i32::try_from(n) {
                Ok(n) => Value::Int(n),
                Err(_) => Value::Long(n),
            }
        }
    }

    fn date(&self, v: &Value) -> Token {
        let mut v = v.clone();
        if let (Some(zone), Value::DateTime(d)) = (self.how.zone, &v) {
            // The service's local time is UTC: only the kind changes.
            let kind = match zone {
                0 => DateKind::Local,
                1 => DateKind::Utc,
                2 => DateKind::Unspecified,
                _ => d.kind,
            };
            v = Value::DateTime(DateTime {
                ticks: d.ticks,
                kind,
            });
        }
        let (ticks, offset) = match &v {
            Value::DateTime(d) => (d.ticks, (d.kind != DateKind::Utc).then_some(0)),
            Value::DateTimeOffset(d) => (d.utc_ticks(), Some(d.offset_minutes)),
            _ => return Token::scalar(v),
        };
        if self.how.microsoft_dates {
            let since = (ticks - time::UNIX_EPOCH).div_euclid(10_000);
            let offset = offset.map_or_else(String::new, |o| time::offset_text(o).replace(':', ""));
            return Token::formed(
                Value::from(format!("\"\\/Date({since}{offset})\\/\"")),
                Form::Raw,
            );
        }
        match &self.how.date_format {
            Some(format) => {
                let parts = match &v {
                    Value::DateTimeOffset(d) => time::Parts::of_offset(*d),
                    Value::DateTime(d) => time::Parts::of_date(*d),
                    _ => return Token::scalar(v),
                };
                let text = time::format(&parts, format).unwrap_or_default();
                Token::scalar(Value::from(text))
            }
            None => Token::scalar(v),
        }
    }

    fn array(&mut self, items: &[Value], depth: usize) -> Result<Token, Throw> {
        let mut out = Vec::with_capacity(items.len());
        for i in items {
            out.push(self.object(i, depth + 1)?);
        }
        Ok(Token::array(out))
    }

    /// An array of more dimensions: arrays in arrays.
    fn rows(
        &mut self,
        lengths: &[usize],
        items: &mut std::slice::Iter<'_, Value>,
        depth: usize,
    ) -> Result<Token, Throw> {
        let Some((length, inner)) = lengths.split_first() else {
            let item = items.next().unwrap_or(&Value::Null);
            return self.object(item, depth);
        };
        let mut out = Vec::new();
        for _ in 0..*length {
            // There may be many rows without an item.
            self.cx.step(1)?;
            self.cx.charge(size_of::<Token>())?;
            out.push(self.rows(inner, items, depth + 1)?);
        }
        Ok(Token::array(out))
    }

    /// A member of an object, unless the settings leave it out.
    fn member(
        &mut self,
        fields: &mut Fields,
        name: &str,
        ty: &Ty,
        value: &Value,
        depth: usize,
    ) -> Result<(), Throw> {
        let default = || crate::expr::eval::equal(value, &types::default_of(ty));
        if (self.how.no_nulls && value.is_null()) || (self.how.no_defaults && default()) {
            return Ok(());
        }
        let value = self.object(value, depth + 1)?;
        fields.push(Token::property(self.named(name), value));
        Ok(())
    }

    /// A name as the settings write it.
    fn named(&self, name: &str) -> Str {
        if self.how.camel_case {
            camel_case(name).into()
        } else {
            name.into()
        }
    }

    /// Objects that Json.NET writes in a way of their own, and not as their properties: by a converter, or as
    /// `ISerializable`.
    fn special(&mut self, v: &Value, ty: &Ty) -> Result<Option<Token>, Throw> {
        let members: Vec<(&str, Value)> = match ty {
            Ty::Class("Regex", _) => {
                let Some(options) = regex::options(v) else {
                    return Ok(None);
                };
                vec![
                    ("Pattern", Value::Str(v.to_text())),
                    ("Options", Value::Int(options)),
                ]
            }
            Ty::Class("StringBuilder", _) => {
                let Some(capacity) = builder::capacity(v) else {
                    return Ok(None);
                };
                vec![
                    ("m_MaxCapacity", Value::Int(i32::MAX)),
                    ("Capacity", Value::Int(capacity)),
                    ("m_StringValue", Value::Str(v.to_text())),
                    ("m_currentThread", Value::Int(0)),
                ]
            }
            Ty::Class("XName", _) => {
                return Err(throw(
                    "PlatformNotSupportedException",
                    "Operation is not supported on this platform.",
                ));
            }
            _ => return Ok(None),
        };
        let mut fields = Fields::default();
        for (name, value) in members {
            fields.push(Token::property(self.named(name), Token::scalar(value)));
        }
        Ok(Some(Token::object(fields)))
    }

    /// The public properties of an object, by the rows of its type.
    fn members(&mut self, v: &Value, ty: Ty, depth: usize) -> Result<Token, Throw> {
        use crate::expr::table::{MemberKind, table};
        if let Some(own) = self.special(v, &ty)? {
            return Ok(own);
        }
        let mut fields = Fields::default();
        let info = table().of(&ty);
        for member in info
            .iter()
            .flat_map(|i| &i.members)
            .filter(|m| m.kind == MemberKind::Property && !m.is_static && m.name != "Body")
        {
            let mut args = [v.clone()];
            let value = (member.run)(
                self.cx,
                &mut crate::expr::eval::Args {
                    values: &mut args,
                    types: &[],
                },
            )
            .map_err(|why| match why {
                Throw::Exception(_) => throw(
                    "JsonSerializationException",
                    format!(
                        "Error getting value from '{}' on '{}'.",
                        member.name,
                        ty.full_name()
                    ),
                ),
                bound @ Throw::Bound(_) => bound,
            })?;
            self.member(&mut fields, member.name, &member.result, &value, depth)?;
        }
        Ok(Token::object(fields))
    }
}

/// A tree as the writer of trees makes it from another: values are those that JSON knows, nothing is kept beside them.
fn rewritten(cx: &mut Cx<'_>, t: &Token) -> Result<Token, Throw> {
    let copy = t.deep_clone();
    let all = copy.descendants(true);
    cx.charge(all.len().saturating_mul(96))?;
    for t in all {
        t.annotations().borrow_mut().clear();
        match (t.value(), t.form()) {
            (Some(v @ Value::Char(_)), _) => t.put(Value::Str(v.to_text()), Form::Plain),
            (Some(Value::Enum(_, n)), Form::Plain) => t.put(Value::Long(n), Form::Plain),
            (Some(v), Form::RawValue) => t.put(Value::Str(v.to_text()), Form::Raw),
            (Some(Value::Null), Form::Text | Form::Undefined) => t.put(Value::Null, Form::Plain),
            _ => {}
        }
    }
    Ok(copy)
}

/// The name of a property that stands for a key of a dictionary.
fn key(v: &Value) -> Str {
    match v {
        Value::DateTime(_) | Value::DateTimeOffset(_) => {
            let mut out = String::new();
            crate::value::token::write::scalar(v, &mut out);
            out.trim_matches('"').into()
        }
        v => v.to_text(),
    }
}

/// As `CamelCaseNamingStrategy`: capitals at the start become small, but the last one before a small letter.
fn camel_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len());
    let mut first = true;
    for (i, c) in chars.iter().enumerate() {
        let upper = c.is_uppercase();
        let next_small = chars.get(i + 1).is_some_and(|n| !n.is_uppercase());
        if first && upper && !(i > 0 && next_small) {
            out.extend(c.to_lowercase());
        } else {
            first = false;
            out.push(*c);
        }
    }
    out
}
