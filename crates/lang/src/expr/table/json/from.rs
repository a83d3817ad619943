//! Values into JSON tokens: what constructors and `Add` take, and `FromObject`/`SerializeObject`.

use crate::expr::eval::{Cx, Record, Throw, iterate, throw};
use crate::expr::types::Ty;
use crate::value::token::Fields;
use crate::value::{Str, Token, Value};

const DEPTH: usize = 100;

/// A scalar of JSON, or `None`.
fn scalar(v: &Value) -> Option<Token> {
    Some(Token::scalar(match v {
        Value::Enum(_, n) => Value::Long(*n),
        Value::Null
        | Value::Bool(_)
        | Value::Char(_)
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
        Value::Object(o) if o.ty().is_class("Uri") => v.clone(),
        _ => return None,
    }))
}

/// Content of a container: a token as it is, a scalar as a value.
pub(crate) fn content(cx: &mut Cx<'_>, v: &Value) -> Result<Token, Throw> {
    cx.charge(96)?;
    if let Value::Token(t) = v {
        return Ok(t.clone());
    }
    scalar(v).ok_or_else(|| {
        throw(
            "ArgumentException",
            format!(
                "Could not determine JSON object type for type {}.",
                v.ty().full_name()
            ),
        )
    })
}

/// Whether content counts as several: a sequence that is neither text nor a token.
pub(crate) fn is_multi(v: &Value) -> bool {
    match v {
        Value::List(l) => l.ty() != &Ty::array(Ty::Byte),
        Value::Dict(_) => true,
        Value::Object(o) => o.is_sequence(),
        _ => false,
    }
}

fn field_name(v: &Value) -> Str {
    v.to_text()
}

/// `JToken.FromObject`: how `JsonSerializer` writes a value.
pub(crate) fn object(cx: &mut Cx<'_>, v: &Value, depth: usize) -> Result<Token, Throw> {
    if depth > DEPTH {
        return Err(throw(
            "JsonSerializationException",
            "Self referencing loop detected.",
        ));
    }
    cx.step(1)?;
    cx.charge(96)?;
    if let Some(t) = scalar(v) {
        return Ok(t);
    }
    match v {
        Value::Token(t) => {
            cx.charge(t.descendants(true).len().saturating_mul(96))?;
            Ok(t.deep_clone())
        }
        Value::Dict(d) if matches!(d.ty(), Ty::Class("Dictionary", _)) => {
            let mut fields = Fields::default();
            for (k, value) in d.entries() {
                fields.push(Token::property(
                    field_name(&k),
                    object(cx, &value, depth + 1)?,
                ));
            }
            Ok(Token::object(fields))
        }
        Value::Object(o) => {
            if let Some(r) = o.as_any().downcast_ref::<Record>() {
                let mut fields = Fields::default();
                for (name, value) in r.members() {
                    fields.push(Token::property(name, object(cx, value, depth + 1)?));
                }
                return Ok(Token::object(fields));
            }
            if o.is_sequence() {
                let items = iterate(cx, v)?;
                return array(cx, &items, depth);
            }
            members(cx, v, o.ty(), depth)
        }
        Value::Host(h) if super::super::dictionaries::is_dictionary(&h.0.ty()) => {
            let mut fields = Fields::default();
            for e in iterate(cx, v)? {
                if let Some((k, value)) = super::super::dictionaries::parts(&e) {
                    fields.push(Token::property(
                        field_name(&k),
                        object(cx, &value, depth + 1)?,
                    ));
                }
            }
            Ok(Token::object(fields))
        }
        Value::Host(h) => members(cx, v, h.0.ty(), depth),
        Value::List(_) | Value::Dict(_) => {
            let items = iterate(cx, v)?;
            array(cx, &items, depth)
        }
        Value::Response(_) => members(cx, v, Ty::class("IResponse"), depth),
        _ => Err(throw(
            "JsonSerializationException",
            format!(
                "Cannot write a value of type '{}' as JSON.",
                v.ty().full_name()
            ),
        )),
    }
}

fn array(cx: &mut Cx<'_>, items: &[Value], depth: usize) -> Result<Token, Throw> {
    let mut out = Vec::with_capacity(items.len());
    for i in items {
        out.push(object(cx, i, depth + 1)?);
    }
    Ok(Token::array(out))
}

/// The public properties of an object, by the rows of its type.
fn members(cx: &mut Cx<'_>, v: &Value, ty: Ty, depth: usize) -> Result<Token, Throw> {
    use crate::expr::table::{MemberKind, table};
    let mut fields = Fields::default();
    let info = table().of(&ty);
    for member in info
        .iter()
        .flat_map(|i| &i.members)
        .filter(|m| m.kind == MemberKind::Property && !m.is_static && m.name != "Body")
    {
        let mut args = [v.clone()];
        let value = (member.run)(
            cx,
            &mut crate::expr::eval::Args {
                values: &mut args,
                types: &[],
            },
        )?;
        fields.push(Token::property(
            member.name.into(),
            object(cx, &value, depth + 1)?,
        ));
    }
    Ok(Token::object(fields))
}
