//! `JContainer.Merge`.

use super::content::{add, is_multi, of, set_named, undetermined};
use super::settings::Merging;
use crate::expr::eval::{Cx, Iter, Throw};
use crate::expr::table::strings::ignores_case;
use crate::value::token::Kind;
use crate::value::{Token, Value};

/// How arrays merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrays {
    Concat,
    Union,
    Replace,
    Merge,
}

/// Merges content into a container.
pub(super) fn merge(
    cx: &mut Cx<'_>,
    into: &Token,
    from: &Value,
    settings: Merging,
) -> Result<(), Throw> {
    cx.step(1)?;
    let token = match from {
        Value::Null => return Ok(()),
        Value::Token(t) => Some(t),
        v if is_multi(v) => None,
        v => return Err(undetermined(v)),
    };
    match (into.kind(), token.map(Token::kind)) {
        (Kind::Object(_), Some(Kind::Object(_))) => {
            let from = token.map(Token::children).unwrap_or_default();
            for p in from {
                match (p.name(), p.content()) {
                    (Some(name), Some(value)) => field(cx, into, name, value, settings)?,
                    // One without a value is null where it is new.
                    (Some(name), None) if !into.has_field(name) => {
                        set_named(cx, into, name, Token::null())?;
                    }
                    _ => {}
                }
            }
        }
        (Kind::Array(_), Some(Kind::Array(_)) | None) => items(cx, into, from, settings)?,
        (Kind::Constructor(name, _), Some(Kind::Constructor(other, _))) => {
            let other = other.borrow().clone();
            name.replace(other);
            items(cx, into, from, settings)?;
        }
        (Kind::Property(..), Some(Kind::Property(..))) => {
            if let Some(value) = token.and_then(Token::content)
                && value.type_number() != 10
            {
                into.set_content(value)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn is_null(t: &Token) -> bool {
    t.value().is_some_and(|v| v.is_null())
}

fn field(
    cx: &mut Cx<'_>,
    into: &Token,
    name: &crate::value::Str,
    value: Token,
    settings: Merging,
) -> Result<(), Throw> {
    let own = into.field_property(name, ignores_case(settings.comparison));
    let Some(own) = own else {
        cx.charge(96 * value.descendants(true).len())?;
        set_named(cx, into, name, value)?;
        return Ok(());
    };
    let there = own.content();
    match there {
        Some(there) if there.value().is_none() && there.type_number() == value.type_number() => {
            merge(cx, &there, &Value::Token(value), settings)?;
        }
        _ if is_null(&value) && !settings.nulls => {}
        _ => {
            cx.charge(96 * value.descendants(true).len())?;
            own.set_content(value)?;
        }
    }
    Ok(())
}

fn items(cx: &mut Cx<'_>, into: &Token, from: &Value, settings: Merging) -> Result<(), Throw> {
    if settings.arrays == Arrays::Replace {
        if matches!(from, Value::Token(t) if t.same(into)) {
            return Ok(());
        }
        into.clear();
    }
    // One at a time: a sequence may look at the container that it is added to.
    let mut all = Iter::of(cx, from)?;
    match settings.arrays {
        Arrays::Concat | Arrays::Replace => {
            while let Some(item) = all.next(cx)? {
                let item = of(cx, &item)?;
                add(cx, into, &Value::Token(item))?;
            }
        }
        Arrays::Union => {
            while let Some(item) = all.next(cx)? {
                let item = of(cx, &item)?;
                let there = into.children();
                cx.step(there.len())?;
                if !there.iter().any(|t| t.deep_equals(&item)) {
                    add(cx, into, &Value::Token(item))?;
                }
            }
        }
        Arrays::Merge => {
            let mut i = 0;
            while let Some(item) = all.next(cx)? {
                match into.child(i) {
                    Some(there) if there.value().is_none() => {
                        merge(cx, &there, &item, settings)?;
                    }
                    Some(_) => {
                        let item = of(cx, &item)?;
                        if item.type_number() != 10 {
                            super::content::set_at(into, i as i64, item)?;
                        }
                    }
                    None => add(cx, into, &item)?,
                }
                i += 1;
            }
        }
    }
    Ok(())
}
