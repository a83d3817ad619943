//! `JObject`, `JArray`, `JProperty`, `JValue`.

use super::super::{Row, Type, m, ty};
use super::from::{content, is_multi};
use super::{maybe, parsed_as, tokens};
use crate::expr::eval::{Args, Cx, R, Throw, iterate, throw};
use crate::expr::types::Ty;
use crate::value::token::{Fields, Kind};
use crate::value::{Token, Value};

/// Adds content to a container, spreading sequences.
fn add(cx: &mut Cx<'_>, to: &Token, v: &Value, depth: usize) -> Result<(), Throw> {
    cx.step(1)?;
    if is_multi(v) && depth < 32 {
        for item in iterate(cx, v)? {
            add(cx, to, &item, depth + 1)?;
        }
        return Ok(());
    }
    let t = content(cx, v)?;
    match (to.kind(), t.kind()) {
        (Kind::Object(_), Kind::Property(name, _)) => {
            if !to.add_property(t.clone())? {
                return Err(taken(name));
            }
        }
        // An object given to an object's constructor spreads nothing: Json.NET refuses it.
        (Kind::Object(_), _) => {
            return Err(throw(
                "ArgumentException",
                format!(
                    "Can not add Newtonsoft.Json.Linq.{} to Newtonsoft.Json.Linq.JObject.",
                    t.class()
                ),
            ));
        }
        (Kind::Array(_), Kind::Property(..)) => {
            return Err(throw(
                "ArgumentException",
                "Can not add Newtonsoft.Json.Linq.JProperty to Newtonsoft.Json.Linq.JArray.",
            ));
        }
        _ => to.push(t)?,
    }
    Ok(())
}

fn taken(name: &str) -> Throw {
    throw(
        "ArgumentException",
        format!(
            "Can not add property {name} to Newtonsoft.Json.Linq.JObject. Property with the same name already exists on object."
        ),
    )
}

fn built(cx: &mut Cx<'_>, a: &Args<'_>, to: Token) -> R {
    for v in a.values.iter() {
        match v {
            // `params object[]` or one content object.
            Value::List(_) => {
                for item in iterate(cx, v)? {
                    add(cx, &to, &item, 0)?;
                }
            }
            v => add(cx, &to, v, 0)?,
        }
    }
    Ok(Value::Token(to))
}

fn bool_of(found: bool) -> R {
    Ok(Value::Bool(found))
}

const OBJECT: &[Row] = &[
    m("new()", |cx, _| {
        cx.charge(128)?;
        Ok(Value::Token(Token::object(Fields::default())))
    }),
    m("new(JObject other)", |cx, a| {
        cx.charge(128)?;
        Ok(Value::Token(a.token(0)?.deep_clone()))
    }),
    m("new(object content)", |cx, a| {
        built(cx, a, Token::object(Fields::default()))
    }),
    m("new(params object[] content)", |cx, a| {
        built(cx, a, Token::object(Fields::default()))
    }),
    m("static JObject Parse(string json)", |cx, a| {
        parsed_as(cx, &a.str(0)?, "JObject")
    }),
    m("static JObject FromObject(object o)", |cx, a| {
        let t = super::from::object(cx, &a.get(0), 0)?;
        match t.kind() {
            Kind::Object(_) => Ok(Value::Token(t)),
            _ => Err(throw(
                "ArgumentException",
                format!(
                    "Object serialized to {}. JObject instance expected.",
                    t.class()
                ),
            )),
        }
    }),
    m("int Count", |_, a| Ok(Value::Int(a.token(0)?.len() as i32))),
    m("JToken this[string propertyName]", |_, a| {
        maybe(a.token(0)?.field(a.text(1)?))
    }),
    m("set JToken this[string propertyName]", |cx, a| {
        let v = content(cx, &a.get(2))?;
        a.token(0)?.set_field(&a.str(1)?, v)?;
        Ok(Value::Null)
    }),
    m("void Add(string propertyName, JToken value)", |cx, a| {
        let v = content(cx, &a.get(2))?;
        let name = a.str(1)?;
        let t = a.token(0)?;
        if t.field(&name).is_some() {
            return Err(taken(&name));
        }
        t.set_field(&name, v)?;
        Ok(Value::Null)
    }),
    m("void Add(object content)", |cx, a| {
        let v = a.get(1);
        add(cx, &a.token(0)?, &v, 0)?;
        Ok(Value::Null)
    }),
    m("bool TryAdd(string propertyName, JToken value)", |cx, a| {
        let v = content(cx, &a.get(2))?;
        let (t, name) = (a.token(0)?, a.str(1)?);
        let free = t.field(&name).is_none();
        if free {
            t.set_field(&name, v)?;
        }
        bool_of(free)
    }),
    m("bool Remove(string propertyName)", |_, a| {
        let t = a.token(0)?;
        let found = t
            .field_property(a.text(1)?, false)
            .and_then(|p| t.position_of(&p));
        bool_of(found.is_some_and(|i| t.remove_at(i).is_some()))
    }),
    m("bool ContainsKey(string propertyName)", |_, a| {
        bool_of(a.token(0)?.field(a.text(1)?).is_some())
    }),
    m(
        "bool TryGetValue(string propertyName, out JToken value)",
        |_, a| {
            let found = a.token(0)?.field(a.text(1)?);
            let ok = found.is_some();
            a.values[2] = maybe(found)?;
            bool_of(ok)
        },
    ),
    m(
        "bool TryGetValue(string propertyName, StringComparison comparison, out JToken value)",
        |_, a| {
            let found = named(&a.token(0)?, a.text(1)?, a.int(2));
            let ok = found.is_some();
            a.values[3] = maybe(found)?;
            bool_of(ok)
        },
    ),
    m("JToken GetValue(string propertyName)", |_, a| {
        maybe(a.token(0)?.field(a.text(1)?))
    }),
    m(
        "JToken GetValue(string propertyName, StringComparison comparison)",
        |_, a| maybe(named(&a.token(0)?, a.text(1)?, a.int(2))),
    ),
    m("JProperty Property(string name)", |_, a| {
        maybe(a.token(0)?.field_property(a.text(1)?, false))
    }),
    m(
        "JProperty Property(string name, StringComparison comparison)",
        |_, a| {
            maybe(
                a.token(0)?
                    .field_property(a.text(1)?, super::super::strings::ignores_case(a.int(2))),
            )
        },
    ),
    m("IEnumerable<JProperty> Properties()", |cx, a| {
        super::super::linq::seen_as(cx, a.get(0), Ty::class("JProperty"))
    }),
    m("IEnumerable<JToken> PropertyValues()", |cx, a| {
        let all = a
            .token(0)?
            .children()
            .iter()
            .filter_map(Token::content)
            .collect();
        tokens(cx, "JToken", all)
    }),
    m("void Merge(object content)", |cx, a| {
        let v = content(cx, &a.get(1))?;
        merge(cx, &a.token(0)?, &v)?;
        Ok(Value::Null)
    }),
    // What `foreach` over an object goes through.
    m(
        "IEnumerable<KeyValuePair<string, JToken>> GetEnumerator()",
        |cx, a| {
            let pair = |p: &Token| {
                let key = p.name().cloned().map_or(Value::Null, Value::Str);
                super::super::dictionaries::pair(
                    Ty::String,
                    Ty::class("JToken"),
                    key,
                    p.content().map_or(Value::Null, Value::Token),
                )
            };
            let all: Vec<Value> = a.token(0)?.children().iter().map(pair).collect();
            cx.sequence(
                Ty::generic("KeyValuePair", vec![Ty::String, Ty::class("JToken")]),
                all,
            )
        },
    ),
];

fn named(t: &Token, name: &str, comparison: i64) -> Option<Token> {
    t.field_property(name, super::super::strings::ignores_case(comparison))
        .and_then(|p| p.content())
}

/// `Merge` with the default settings: objects merge, arrays concatenate, null does not replace.
fn merge(cx: &mut Cx<'_>, into: &Token, from: &Token) -> Result<(), Throw> {
    cx.step(1)?;
    match (into.kind(), from.kind()) {
        (Kind::Object(_), Kind::Object(_)) => {
            for p in from.children() {
                let (Some(name), Some(value)) = (p.name(), p.content()) else {
                    continue;
                };
                match into.field(name) {
                    Some(own) if own.class() == value.class() && own.class() != "JValue" => {
                        merge(cx, &own, &value)?
                    }
                    Some(_) if value.value().is_some_and(|v| v.is_null()) => {}
                    _ => into.set_field(name, value.deep_clone())?,
                }
            }
        }
        (Kind::Array(_), Kind::Array(_)) => {
            for t in from.children() {
                cx.charge(96)?;
                into.push(t.deep_clone())?;
            }
        }
        _ => {}
    }
    Ok(())
}

const CONTAINER: &[Row] = &[
    m("int Count", |_, a| Ok(Value::Int(a.token(0)?.len() as i32))),
    m("void Add(object content)", |cx, a| {
        let v = a.get(1);
        add(cx, &a.token(0)?, &v, 0)?;
        Ok(Value::Null)
    }),
    m("void AddFirst(object content)", |cx, a| {
        let v = content(cx, &a.get(1))?;
        a.token(0)?.insert(0, v)?;
        Ok(Value::Null)
    }),
    m("void RemoveAll()", |_, a| {
        a.token(0)?.clear();
        Ok(Value::Null)
    }),
    m("IEnumerable<JToken> Descendants()", |cx, a| {
        let all = a.token(0)?.descendants(false);
        cx.step(all.len())?;
        tokens(cx, "JToken", all)
    }),
    m("IEnumerable<JToken> DescendantsAndSelf()", |cx, a| {
        let all = a.token(0)?.descendants(true);
        cx.step(all.len())?;
        tokens(cx, "JToken", all)
    }),
];

const ARRAY: &[Row] = &[
    m("new()", |cx, _| {
        cx.charge(128)?;
        Ok(Value::Token(Token::array(Vec::new())))
    }),
    m("new(JArray other)", |cx, a| {
        cx.charge(128)?;
        Ok(Value::Token(a.token(0)?.deep_clone()))
    }),
    m("new(object content)", |cx, a| {
        built(cx, a, Token::array(Vec::new()))
    }),
    m("new(params object[] content)", |cx, a| {
        built(cx, a, Token::array(Vec::new()))
    }),
    m("static JArray Parse(string json)", |cx, a| {
        parsed_as(cx, &a.str(0)?, "JArray")
    }),
    m("static JArray FromObject(object o)", |cx, a| {
        let t = super::from::object(cx, &a.get(0), 0)?;
        match t.kind() {
            Kind::Array(_) => Ok(Value::Token(t)),
            _ => Err(throw(
                "ArgumentException",
                format!(
                    "Object serialized to {}. JArray instance expected.",
                    t.class()
                ),
            )),
        }
    }),
    m("JToken this[int index]", |_, a| {
        usize::try_from(a.int(1))
            .ok()
            .and_then(|i| a.token(0).ok()?.child(i))
            .map(Value::Token)
            .ok_or_else(|| crate::expr::eval::out_of_range("index"))
    }),
    m("set JToken this[int index]", |cx, a| {
        let v = content(cx, &a.get(2))?;
        let i = usize::try_from(a.int(1)).ok();
        match i.map_or(Ok(false), |i| {
            a.token(0)?.replace_at(i, v).map_err(Throw::from)
        })? {
            true => Ok(Value::Null),
            false => Err(crate::expr::eval::out_of_range("index")),
        }
    }),
    m("void Add(JToken item)", |cx, a| {
        let v = content(cx, &a.get(1))?;
        add(cx, &a.token(0)?, &Value::Token(v), 0)?;
        Ok(Value::Null)
    }),
    m("void Insert(int index, JToken item)", |cx, a| {
        let (t, i) = (a.token(0)?, a.size(1, "index")?);
        if i > t.len() {
            return Err(crate::expr::eval::out_of_range("index"));
        }
        let v = content(cx, &a.get(2))?;
        t.insert(i, v)?;
        Ok(Value::Null)
    }),
    // Items are compared by reference, so a text given here is never found.
    m("bool Remove(JToken item)", |_, a| {
        let t = a.token(0)?;
        let Ok(item) = a.token(1) else {
            return bool_of(false);
        };
        let found = t.children().iter().position(|c| c.same(&item));
        bool_of(found.is_some_and(|i| t.remove_at(i).is_some()))
    }),
    m("void RemoveAt(int index)", |_, a| {
        match usize::try_from(a.int(1))
            .ok()
            .and_then(|i| a.token(0).ok()?.remove_at(i))
        {
            Some(_) => Ok(Value::Null),
            None => Err(crate::expr::eval::out_of_range("index")),
        }
    }),
    m("void Clear()", |_, a| {
        a.token(0)?.clear();
        Ok(Value::Null)
    }),
    m("int IndexOf(JToken item)", |_, a| {
        let Ok(item) = a.token(1) else {
            return Ok(Value::Int(-1));
        };
        Ok(Value::Int(
            a.token(0)?
                .children()
                .iter()
                .position(|c| c.same(&item))
                .map_or(-1, |i| i as i32),
        ))
    }),
    m("bool Contains(JToken item)", |_, a| {
        let Ok(item) = a.token(1) else {
            return bool_of(false);
        };
        bool_of(a.token(0)?.children().iter().any(|c| c.same(&item)))
    }),
    m("void Merge(object content)", |cx, a| {
        let v = content(cx, &a.get(1))?;
        merge(cx, &a.token(0)?, &v)?;
        Ok(Value::Null)
    }),
];

fn property(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let v = a.get(1);
    let value = match &v {
        v if is_multi(v) => {
            let array = Token::array(Vec::new());
            add(cx, &array, v, 0)?;
            array
        }
        v => content(cx, v)?,
    };
    let value = if value.parent().is_some() {
        value.deep_clone()
    } else {
        value
    };
    if let Kind::Property(..) = value.kind() {
        return Err(throw(
            "ArgumentException",
            "Can not add Newtonsoft.Json.Linq.JProperty to Newtonsoft.Json.Linq.JProperty.",
        ));
    }
    cx.charge(96)?;
    let made = Token::property(a.str(0)?, Token::null());
    made.set_content(value)?;
    Ok(Value::Token(made))
}

const PROPERTY: &[Row] = &[
    m("new(string name, object content)", |cx, a| property(cx, a)),
    m("new(string name, params object[] content)", |cx, a| {
        property(cx, a)
    }),
    m("string Name", |_, a| {
        Ok(a.token(0)?.name().cloned().map_or(Value::Null, Value::Str))
    }),
    m("JToken Value", |_, a| maybe(a.token(0)?.content())),
    m("set JToken Value", |cx, a| {
        let v = content(cx, &a.get(1))?;
        a.token(0)?.set_content(v)?;
        Ok(Value::Null)
    }),
];

const VALUE: &[Row] = &[
    m("new(object value)", |cx, a| match a.get(0) {
        Value::Token(t) => Ok(Value::Token(t.deep_clone())),
        v => content(cx, &v).map(Value::Token),
    }),
    m("static JValue CreateNull()", |_, _| {
        Ok(Value::Token(Token::null()))
    }),
    m("static JValue CreateUndefined()", |_, _| {
        Ok(Value::Token(Token::null()))
    }),
    m("static JValue CreateString(string value)", |_, a| {
        Ok(Value::Token(Token::text(a.get(0))))
    }),
    m("object Value", |_, a| {
        Ok(a.token(0)?.value().unwrap_or_default())
    }),
    m("set object Value", |_, a| {
        let v = a.get(1);
        a.token(0)?.set_value(v);
        Ok(Value::Null)
    }),
    m("bool Equals(JValue other)", |_, a| match a.token(1) {
        Ok(o) => bool_of(a.token(0)?.value_equals(&o)),
        Err(_) => bool_of(false),
    }),
    m("string ToString(string format)", |_, a| {
        let v = a.token(0)?.value().unwrap_or_default();
        crate::expr::eval::formatted(&v, Some(a.text(1)?)).map(Value::from)
    }),
    m("int CompareTo(object obj)", |_, a| {
        let v = a.token(0)?.value().unwrap_or_default();
        let other = match a.get(1) {
            Value::Token(t) => t.value().unwrap_or_default(),
            v => v,
        };
        Ok(Value::Int(
            crate::expr::eval::compare(&v, &other).map_or(0, |o| o as i32),
        ))
    }),
];

pub(in crate::expr::table) const TYPES: &[Type] = &[
    ty("class Newtonsoft.Json.Linq.JContainer : JToken", CONTAINER),
    ty("class Newtonsoft.Json.Linq.JObject : JContainer", OBJECT),
    ty(
        "class Newtonsoft.Json.Linq.JArray : JContainer, IList<JToken>",
        ARRAY,
    ),
    ty(
        "class Newtonsoft.Json.Linq.JProperty : JContainer",
        PROPERTY,
    ),
    ty(
        "class Newtonsoft.Json.Linq.JValue : JToken, IComparable",
        VALUE,
    ),
];
