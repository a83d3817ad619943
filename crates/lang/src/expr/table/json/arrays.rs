//! `JArray` and `JConstructor`.

use super::content::{insert_token, of, set_at};
use super::objects::{bool_of, copied, from_object, of_content};
use super::{item, null, parse_row};
use crate::expr::eval::{Args, Cx, R, Throw, out_of_range, throw};
use crate::expr::table::{Row, Type, m, ty};
use crate::value::token::Kind;
use crate::value::{Str, Token, Value};

/// Where a token stands, itself and not one like it.
fn position(a: &Args<'_>) -> Result<Option<usize>, Throw> {
    let t = a.token(0)?;
    Ok(a.token(1).ok().and_then(|item| t.position_of(&item)))
}

fn add_item(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let v = of(cx, &a.get(1))?;
    let t = a.token(0)?;
    let end = t.len();
    insert_token(cx, &t, end, v)?;
    Ok(Value::Null)
}

const ARRAY: &[Row] = &[
    m("new()", |cx, _| super::built(cx, Token::array(Vec::new()))),
    m("new(JArray other)", |cx, a| copied(cx, a)),
    m("new(object content)", |cx, a| {
        of_content(cx, a, Token::array(Vec::new()))
    }),
    m("new(params object[] content)", |cx, a| {
        of_content(cx, a, Token::array(Vec::new()))
    }),
    m("static JArray Parse(string json)", |cx, a| {
        parse_row(cx, a, "JArray")
    }),
    m(
        "static JArray Parse(string json, JsonLoadSettings settings)",
        |cx, a| parse_row(cx, a, "JArray"),
    ),
    m("static JArray FromObject(object o)", |cx, a| {
        from_object(cx, a, "JArray")
    }),
    m("JToken this[int index]", |_, a| {
        item(&a.token(0)?, &a.get(1))
    }),
    m("set JToken this[int index]", |cx, a| {
        let v = of(cx, &a.get(2))?;
        set_at(&a.token(0)?, a.int(1), v)?;
        Ok(Value::Null)
    }),
    m("void Add(JToken item)", |cx, a| add_item(cx, a)),
    m("void Insert(int index, JToken item)", |cx, a| {
        let v = of(cx, &a.get(2))?;
        let at = usize::try_from(a.int(1)).map_err(|_| out_of_range("index"))?;
        insert_token(cx, &a.token(0)?, at, v)?;
        Ok(Value::Null)
    }),
    // Items are compared by reference, so a text given here is never found.
    m("bool Remove(JToken item)", |_, a| {
        let t = a.token(0)?;
        bool_of(position(a)?.is_some_and(|i| t.remove_at(i).is_some()))
    }),
    m("void RemoveAt(int index)", |_, a| {
        let t = a.token(0)?;
        let why = match usize::try_from(a.int(1)) {
            Ok(at) if t.remove_at(at).is_some() => return Ok(Value::Null),
            Ok(_) => "Index is equal to or greater than Count.",
            Err(_) => "Index is less than 0.",
        };
        Err(throw(
            "ArgumentOutOfRangeException",
            format!("{why} (Parameter 'index')"),
        ))
    }),
    m("void Clear()", |_, a| {
        a.token(0)?.clear();
        Ok(Value::Null)
    }),
    m("int IndexOf(JToken item)", |_, a| {
        Ok(Value::Int(
            position(a)?.map_or(-1, |i| i32::try_from(i).unwrap_or(i32::MAX)),
        ))
    }),
    m("bool Contains(JToken item)", |_, a| {
        bool_of(position(a)?.is_some())
    }),
    m("bool IsReadOnly", |_, _| bool_of(false)),
    m("void CopyTo(JToken[] array, int arrayIndex)", |cx, a| {
        let array = a.list(1).map_err(|_| null("array"))?;
        let at = usize::try_from(a.int(2)).map_err(|_| {
            throw(
                "ArgumentOutOfRangeException",
                "arrayIndex is less than 0. (Parameter 'arrayIndex')",
            )
        })?;
        let all = a.token(0)?.children();
        cx.step(all.len() / 8)?;
        let mut items = array.items_mut();
        if at >= items.len() && at != 0 {
            return Err(throw(
                "ArgumentException",
                "arrayIndex is equal to or greater than the length of array.",
            ));
        }
        if all.len() > items.len() - at {
            return Err(throw(
                "ArgumentException",
                "The number of elements in the source JObject is greater than the available space from arrayIndex to the end of the destination array.",
            ));
        }
        for (place, t) in items[at..].iter_mut().zip(all) {
            *place = Value::Token(t);
        }
        Ok(Value::Null)
    }),
];

/// Runs a member of `JArray` for what sees one as an `IList<JToken>`; `set` is the indexer.
pub(crate) fn member(cx: &mut Cx<'_>, a: &mut Args<'_>, name: &str) -> R {
    use crate::expr::table::{MemberKind, table};
    let members = table().get("JArray").map(|t| &t.members);
    let found = members.into_iter().flatten().find(|m| match name {
        "set" => m.kind == MemberKind::SetIndex,
        name => m.kind == MemberKind::Method && m.name == name,
    });
    match found {
        Some(member) => (member.run)(cx, a),
        None => Err(crate::expr::eval::null_reference()),
    }
}

fn constructor(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let name = a.str(0).map_err(|_| null("name"))?;
    if name.is_empty() {
        return Err(throw(
            "ArgumentException",
            "Constructor name cannot be empty. (Parameter 'name')",
        ));
    }
    let made = Token::constructor(name, Vec::new());
    for v in a.values.iter().skip(1) {
        super::content::add(cx, &made, v)?;
    }
    super::built(cx, made)
}

const CONSTRUCTOR: &[Row] = &[
    m("new()", |cx, _| {
        super::built(cx, Token::constructor(Str::from(""), Vec::new()))
    }),
    m("new(JConstructor other)", |cx, a| copied(cx, a)),
    m("new(string name)", |cx, a| constructor(cx, a)),
    m("new(string name, object content)", |cx, a| {
        constructor(cx, a)
    }),
    m("new(string name, params object[] content)", |cx, a| {
        constructor(cx, a)
    }),
    m("string Name", |_, a| match a.token(0)?.kind() {
        // An empty name stands for none, which is null.
        Kind::Constructor(name, _) if !name.borrow().is_empty() => {
            Ok(Value::Str(name.borrow().clone()))
        }
        _ => Ok(Value::Null),
    }),
    m("set string Name", |_, a| {
        if let Kind::Constructor(name, _) = a.token(0)?.kind() {
            name.replace(a.str(1).unwrap_or_else(|_| Str::from("")));
        }
        Ok(Value::Null)
    }),
];

pub(in crate::expr::table) const TYPES: &[Type] = &[
    ty(
        "class Newtonsoft.Json.Linq.JArray : JContainer, IList<JToken>",
        ARRAY,
    ),
    ty(
        "class Newtonsoft.Json.Linq.JConstructor : JContainer",
        CONSTRUCTOR,
    ),
];
