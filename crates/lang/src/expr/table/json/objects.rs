//! `JContainer`, `JObject` and `JProperty`.

use super::content::{add, fixed, insert, is_multi, nested, of, set_named, taken};
use super::merge::merge;
use super::settings::merging;
use super::{built, live, maybe, null, parse_row};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::table::strings::ignores_case;
use crate::expr::table::{Row, Type, m, ty};
use crate::expr::types::Ty;
use crate::value::token::{Fields, Kind};
use crate::value::{Str, Token, Value};

/// A container made of content: `params object[]`, or one object.
pub(super) fn of_content(cx: &mut Cx<'_>, a: &Args<'_>, to: Token) -> R {
    for v in a.values.iter() {
        add(cx, &to, v)?;
    }
    built(cx, to)
}

/// A copy of another container; a `JValue` of null has none.
pub(super) fn copied(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let other = a.token(0).map_err(|_| null("other"))?;
    cx.charge(other.descendants(true).len().saturating_mul(96))?;
    built(cx, other.deep_clone())
}

/// `FromObject` of a class.
pub(super) fn from_object(cx: &mut Cx<'_>, a: &Args<'_>, class: &str) -> R {
    if a.is_null(0) {
        return Err(null("o"));
    }
    let t = super::from::object(cx, &a.get(0), 0)?;
    if t.class() != class {
        return Err(throw(
            "ArgumentException",
            format!(
                "Object serialized to {}. {class} instance expected.",
                super::convert::type_name(&t)
            ),
        ));
    }
    built(cx, t)
}

pub(super) fn bool_of(found: bool) -> R {
    Ok(Value::Bool(found))
}

fn name_at(a: &Args<'_>, i: usize, what: &str) -> Result<Str, Throw> {
    a.str(i).map_err(|_| null(what))
}

fn field_of(a: &Args<'_>, i: usize) -> Result<Option<Token>, Throw> {
    let t = a.token(0)?;
    Ok(a.text(i).ok().and_then(|name| t.field(name)))
}

fn named(a: &Args<'_>) -> Result<Option<Token>, Throw> {
    let t = a.token(0)?;
    let Ok(name) = a.text(1) else { return Ok(None) };
    Ok(t.field_property(name, ignores_case(a.int(2))))
}

/// Adds a property under a name that must be free.
fn add_field(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let name = name_at(a, 1, "name")?;
    let v = of(cx, &a.get(2))?;
    let t = a.token(0)?;
    if t.has_field(&name) {
        return Err(taken(&name));
    }
    set_named(cx, &t, &name, v)?;
    Ok(Value::Null)
}

/// Takes out a property, which its value has for a parent still.
fn removed(cx: &mut Cx<'_>, t: &Token, name: &str) -> bool {
    let found = t.field_property(name, false);
    let at = found.as_ref().and_then(|p| t.position_of(p));
    if let Some(property) = &found {
        cx.keep(property);
    }
    at.is_some_and(|i| t.remove_at(i).is_some())
}

const OBJECT: &[Row] = &[
    m("new()", |cx, _| built(cx, Token::object(Fields::default()))),
    m("new(JObject other)", |cx, a| copied(cx, a)),
    m("new(object content)", |cx, a| {
        of_content(cx, a, Token::object(Fields::default()))
    }),
    m("new(params object[] content)", |cx, a| {
        of_content(cx, a, Token::object(Fields::default()))
    }),
    m("static JObject Parse(string json)", |cx, a| {
        parse_row(cx, a, "JObject")
    }),
    m(
        "static JObject Parse(string json, JsonLoadSettings settings)",
        |cx, a| parse_row(cx, a, "JObject"),
    ),
    m("static JObject FromObject(object o)", |cx, a| {
        from_object(cx, a, "JObject")
    }),
    m("JToken this[string propertyName]", |_, a| {
        name_at(a, 1, "propertyName")?;
        maybe(field_of(a, 1)?)
    }),
    m("set JToken this[string propertyName]", |cx, a| {
        let name = name_at(a, 1, "propertyName")?;
        let v = of(cx, &a.get(2))?;
        set_named(cx, &a.token(0)?, &name, v)?;
        Ok(Value::Null)
    }),
    m("void Add(string propertyName, JToken value)", |cx, a| {
        add_field(cx, a)
    }),
    m("bool Remove(string propertyName)", |cx, a| {
        let t = a.token(0)?;
        bool_of(a.text(1).is_ok_and(|name| removed(cx, &t, name)))
    }),
    m("bool ContainsKey(string propertyName)", |_, a| {
        name_at(a, 1, "propertyName")?;
        let t = a.token(0)?;
        bool_of(a.text(1).is_ok_and(|name| t.has_field(name)))
    }),
    m(
        "bool TryGetValue(string propertyName, out JToken value)",
        |_, a| {
            let t = a.token(0)?;
            let ok = a.text(1).is_ok_and(|name| t.has_field(name));
            a.values[2] = maybe(field_of(a, 1)?)?;
            bool_of(ok)
        },
    ),
    m(
        "bool TryGetValue(string propertyName, StringComparison comparison, out JToken value)",
        |_, a| {
            let found = named(a)?;
            let ok = found.is_some();
            a.values[3] = maybe(found.and_then(|p| p.content()))?;
            bool_of(ok)
        },
    ),
    m("JToken GetValue(string propertyName)", |_, a| {
        maybe(field_of(a, 1)?)
    }),
    m(
        "JToken GetValue(string propertyName, StringComparison comparison)",
        |_, a| maybe(named(a)?.and_then(|p| p.content())),
    ),
    m("JProperty Property(string name)", |_, a| {
        let t = a.token(0)?;
        maybe(a.text(1).ok().and_then(|n| t.field_property(n, false)))
    }),
    m(
        "JProperty Property(string name, StringComparison comparison)",
        |_, a| maybe(named(a)?),
    ),
    m("IEnumerable<JProperty> Properties()", |cx, a| {
        super::super::linq::seen_as(cx, a.get(0), Ty::class("JProperty"))
    }),
    m("JEnumerable<JToken> PropertyValues()", |cx, a| {
        live::tokens(cx, a.get(0), Ty::class("JToken"), live::contents)
    }),
    // What `foreach` over an object goes through.
    m(
        "[Explicit] IEnumerable<KeyValuePair<string, JToken>> GetEnumerator()",
        |cx, a| pairs(cx, a),
    ),
    m(
        "IEnumerator<KeyValuePair<string, JToken>> GetEnumerator()",
        |cx, a| {
            let all = pairs(cx, a)?;
            super::super::collections::enumerator_of(cx, all, pair())
        },
    ),
];

/// What every `IDictionary` has by an extension.
const COLLECTION: &[Row] = &[m(
    "static bool TryAdd(this JObject dictionary, string key, JToken value)",
    |cx, a| {
        if a.is_null(0) {
            return Err(null("dictionary"));
        }
        let v = of(cx, &a.get(2))?;
        let (t, name) = (a.token(0)?, name_at(a, 1, "propertyName")?);
        let free = !t.has_field(&name);
        if free {
            set_named(cx, &t, &name, v)?;
        }
        bool_of(free)
    },
)];

/// The type of what an object consists of.
fn pair() -> Ty {
    Ty::generic("KeyValuePair", vec![Ty::String, Ty::class("JToken")])
}

fn pairs(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    live::over(cx, a.get(0), pair(), live::pairs)
}

/// Removes all that a container has; a property keeps its value.
fn cleared(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Token, Throw> {
    let t = a.token(0)?;
    if let Kind::Property(..) = t.kind() {
        return Err(fixed());
    }
    for child in t.children() {
        if child.len() > 0 {
            cx.keep(&child);
        }
    }
    t.clear();
    Ok(t)
}

const CONTAINER: &[Row] = &[
    m("int Count", |_, a| {
        Ok(Value::Int(
            i32::try_from(a.token(0)?.len()).unwrap_or(i32::MAX),
        ))
    }),
    m("void Add(object content)", |cx, a| {
        let v = a.get(1);
        add(cx, &a.token(0)?, &v)?;
        Ok(Value::Null)
    }),
    m("void AddFirst(object content)", |cx, a| {
        let v = a.get(1);
        insert(cx, &a.token(0)?, 0, &v)?;
        Ok(Value::Null)
    }),
    m("void ReplaceAll(object content)", |cx, a| {
        let t = cleared(cx, a)?;
        let v = a.get(1);
        add(cx, &t, &v)?;
        Ok(Value::Null)
    }),
    m("void RemoveAll()", |cx, a| {
        cleared(cx, a)?;
        Ok(Value::Null)
    }),
    m("void Merge(object content)", |cx, a| {
        let v = a.get(1);
        merge(cx, &a.token(0)?, &v, merging(a, 2))?;
        Ok(Value::Null)
    }),
    m(
        "void Merge(object content, JsonMergeSettings settings)",
        |cx, a| {
            let v = a.get(1);
            merge(cx, &a.token(0)?, &v, merging(a, 2))?;
            Ok(Value::Null)
        },
    ),
    m("IEnumerable<JToken> Descendants()", |cx, a| {
        live::over(cx, a.get(0), Ty::class("JToken"), live::descendants)
    }),
    m("IEnumerable<JToken> DescendantsAndSelf()", |cx, a| {
        live::over(
            cx,
            a.get(0),
            Ty::class("JToken"),
            live::descendants_and_self,
        )
    }),
];

fn property(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let name = name_at(a, 0, "name")?;
    let v = a.get(1);
    let value = if is_multi(&v) {
        let array = Token::array(Vec::new());
        add(cx, &array, &v)?;
        array
    } else {
        of(cx, &v)?
    };
    if value.name().is_some() {
        return Err(nested());
    }
    built(cx, Token::property_of(name, value)?)
}

const PROPERTY: &[Row] = &[
    m("new(JProperty other)", |cx, a| copied(cx, a)),
    m("new(string name, object content)", |cx, a| property(cx, a)),
    m("new(string name, params object[] content)", |cx, a| {
        property(cx, a)
    }),
    m("string Name", |_, a| {
        Ok(a.token(0)?.name().cloned().map_or(Value::Null, Value::Str))
    }),
    m("JToken Value", |_, a| maybe(a.token(0)?.content())),
    m("set JToken Value", |cx, a| {
        let v = of(cx, &a.get(1))?;
        if v.name().is_some() {
            return Err(nested());
        }
        a.token(0)?.set_content(v)?;
        Ok(Value::Null)
    }),
];

pub(in crate::expr::table) const TYPES: &[Type] = &[
    ty("class Newtonsoft.Json.Linq.JContainer : JToken", CONTAINER),
    ty("class Newtonsoft.Json.Linq.JObject : JContainer", OBJECT),
    ty(
        "static System.Collections.Generic.CollectionExtensions",
        COLLECTION,
    ),
    ty(
        "class Newtonsoft.Json.Linq.JProperty : JContainer",
        PROPERTY,
    ),
];
