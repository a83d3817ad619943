//! `JToken`: what all JSON tokens share. The classes below it are in `json/objects.rs`, `json/arrays.rs` and
//! `json/values.rs`, conversions in `json/convert.rs`, `JsonConvert` in `json/serialize.rs`, JSONPath in `json/path.rs`.
//!
//! What must stay true: a tree is kept until the evaluation ends, so that a token finds its parent.

pub(crate) mod arrays;
pub(crate) mod content;
pub(crate) mod convert;
pub(crate) mod deserialize;
mod extensions;
pub(crate) mod from;
mod live;
mod merge;
pub(crate) mod objects;
pub(crate) mod path;
pub(crate) mod serialize;
pub(crate) mod settings;
pub(crate) mod values;
mod xml;

pub(crate) use xml::encoded;

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::token::parse::{self, Reading};
use crate::value::token::{Kind, number, write};
use crate::value::{Object, Str, Token, Value};

pub(super) fn json_error(message: impl Into<Str>) -> Throw {
    throw("JsonReaderException", message)
}

/// An argument that must not be null.
fn null(name: &str) -> Throw {
    throw(
        "ArgumentNullException",
        format!("Value cannot be null. (Parameter '{name}')"),
    )
}

/// What an object that stands in a token is written as: a `Uri` as it was given.
pub(crate) fn object_text(object: &dyn Object) -> Str {
    super::web::original(object).unwrap_or_else(|| object.text().into())
}

/// Parses, counting the memory of the tree.
pub(crate) fn parsed(cx: &mut Cx<'_>, text: &str, reading: Reading) -> Result<Token, Throw> {
    cx.charge(text.len().saturating_mul(3))?;
    cx.step(16 + text.len() / 16)?;
    let token = pausing(cx, |pause| parse::load_pausing(text, reading, pause))?;
    let token = token.map_err(json_error)?;
    cx.keep(&token);
    Ok(token)
}

/// Reads with pauses: megabytes take longer than a thread may be kept from its other calls.
pub(super) fn pausing<T>(
    cx: &mut Cx<'_>,
    read: impl FnOnce(parse::Pause<'_>) -> T,
) -> Result<T, Throw> {
    let mut left = Ok(());
    let made = read(&mut || {
        left = cx.pause();
        left.is_ok()
    });
    left.map(|()| made)
}

/// Parses what must be of a class.
pub(crate) fn parsed_as(cx: &mut Cx<'_>, text: &str, class: &'static str) -> R {
    let reading = Reading {
        class,
        ..Reading::default()
    };
    parsed(cx, text, reading).map(Value::Token)
}

/// `Parse(json)` and `Parse(json, settings)` of a class.
fn parse_row(cx: &mut Cx<'_>, a: &Args<'_>, class: &'static str) -> R {
    let text = a.str(0).map_err(|_| null("s"))?;
    let mut reading = settings::loading(a, 1);
    reading.class = class;
    parsed(cx, &text, reading).map(Value::Token)
}

/// A token's text, counted.
pub(crate) fn printed(cx: &mut Cx<'_>, t: &Token, indented: bool) -> R {
    let out = written(cx, t, write::Style::of(indented))?;
    cx.step(out.len() / 16)?;
    cx.text(out)
}

/// A token's text, written with pauses as [`pausing`] reads.
fn written(cx: &mut Cx<'_>, t: &Token, style: write::Style) -> Result<String, Throw> {
    /// Bytes that are written between two pauses.
    const PAUSE: usize = 256 << 10;
    let mut out = String::new();
    let mut next = PAUSE;
    let mut left = Ok(());
    let done = write::write_pausing(t, style, &mut out, &mut |len| {
        if len >= next {
            next = len + PAUSE;
            left = cx.pause();
        }
        left.is_ok()
    });
    left?;
    done?;
    Ok(out)
}

/// An optional token.
pub(super) fn maybe(t: Option<Token>) -> R {
    Ok(t.map_or(Value::Null, Value::Token))
}

pub(super) fn tokens(cx: &mut Cx<'_>, of: &'static str, list: Vec<Token>) -> R {
    cx.sequence(Ty::class(of), list.into_iter().map(Value::Token).collect())
}

/// A new container: kept, so that what stands in it finds it.
fn built(cx: &mut Cx<'_>, token: Token) -> R {
    cx.charge(128)?;
    cx.keep(&token);
    Ok(Value::Token(token))
}

/// What a value has none of.
fn childless(t: &Token, verb: &str) -> Throw {
    throw(
        "InvalidOperationException",
        format!(
            "Cannot {verb} child value on Newtonsoft.Json.Linq.{}.",
            t.class()
        ),
    )
}

/// What an indexer of the class takes.
fn bad_key(t: &Token, verb: &str, key: &Value) -> Throw {
    let class = t.class();
    let wants = match t.kind() {
        Kind::Object(_) => "Object property name",
        Kind::Array(_) => "Int32 array index",
        _ => "Argument position index",
    };
    let key = match key {
        Value::Str(s) => format!("\"{s}\""),
        v => v.to_text().to_string(),
    };
    throw(
        "ArgumentException",
        format!("{verb} {class} values with invalid key value: {key}. {wants} expected."),
    )
}

/// `token[key]`.
pub(super) fn item(t: &Token, key: &Value) -> R {
    if matches!(t.kind(), Kind::Property(..) | Kind::Scalar(_)) {
        return Err(childless(t, "access"));
    }
    match (t.kind(), key) {
        (_, Value::Null) => Err(null("key")),
        (Kind::Object(_), Value::Str(name)) => maybe(t.field(name)),
        (Kind::Array(_) | Kind::Constructor(..), Value::Int(i)) => usize::try_from(*i)
            .ok()
            .and_then(|i| t.child(i))
            .map(Value::Token)
            .ok_or_else(|| crate::expr::eval::out_of_range("index")),
        _ => Err(bad_key(t, "Accessed", key)),
    }
}

fn set_item(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let t = a.token(0)?;
    if matches!(t.kind(), Kind::Property(..) | Kind::Scalar(_)) {
        return Err(childless(&t, "set"));
    }
    let value = content::of(cx, &a.get(2))?;
    cx.charge(64)?;
    match (t.kind(), &a.values[1]) {
        (_, Value::Null) => return Err(null("key")),
        (Kind::Object(_), Value::Str(name)) => content::set_named(cx, &t, name, value)?,
        (Kind::Array(_) | Kind::Constructor(..), Value::Int(i)) => {
            content::set_at(&t, i64::from(*i), value)?;
        }
        (_, key) => return Err(bad_key(&t, "Set", key)),
    }
    Ok(Value::Null)
}

fn no_parent() -> Throw {
    throw("InvalidOperationException", "The parent is missing.")
}

/// What changing the surroundings of a token means when nothing can see them any more.
fn orphaned(t: &Token) -> R {
    if t.lost_parent() {
        Ok(Value::Null)
    } else {
        Err(no_parent())
    }
}

fn beside(cx: &mut Cx<'_>, a: &Args<'_>, after: bool) -> R {
    let t = a.token(0)?;
    let Some(parent) = t.parent() else {
        return orphaned(&t);
    };
    let at = parent.position_of(&t).ok_or_else(no_parent)?;
    let new = a.get(1);
    content::insert(cx, &parent, at + usize::from(after), &new)?;
    Ok(Value::Null)
}

fn sibling(a: &Args<'_>, step: isize) -> R {
    let t = a.token(0)?;
    let Some(parent) = t.parent() else {
        return Ok(Value::Null);
    };
    let at = parent
        .position_of(&t)
        .and_then(|i| i.checked_add_signed(step));
    maybe(at.and_then(|i| parent.child(i)))
}

/// Those that stand after the token, or before it.
fn siblings(cx: &mut Cx<'_>, a: &Args<'_>, after: bool) -> R {
    let t = a.token(0)?;
    let mut all = Vec::new();
    if let Some(parent) = t.parent()
        && let Some(at) = parent.position_of(&t)
    {
        all = parent.children();
        if after {
            all.drain(..=at);
        } else {
            all.truncate(at);
        }
    }
    tokens(cx, "JToken", all)
}

/// Takes a token out of its parent. It is kept: what stands in it has it for a parent still.
fn remove(cx: &mut Cx<'_>, t: &Token) -> Result<(), Throw> {
    let Some(parent) = t.parent() else {
        return orphaned(t).map(|_| ());
    };
    if let Kind::Property(..) = parent.kind() {
        return Err(content::fixed());
    }
    if let Some(i) = parent.position_of(t) {
        cx.keep(t);
        parent.remove_at(i);
    }
    Ok(())
}

fn replace(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let t = a.token(0)?;
    let Some(parent) = t.parent() else {
        return orphaned(&t);
    };
    let new = content::of(cx, &a.get(1))?;
    if let Some(i) = parent.position_of(&t) {
        content::set_at(&parent, i as i64, new)?;
    }
    Ok(Value::Null)
}

/// `First` or `Last` of a container.
fn edge(a: &Args<'_>, last: bool) -> R {
    let t = a.token(0)?;
    if let Kind::Scalar(_) = t.kind() {
        return Err(childless(&t, "access"));
    }
    maybe(if last {
        t.len().checked_sub(1).and_then(|i| t.child(i))
    } else {
        t.child(0)
    })
}

pub(super) fn ancestors(t: &Token, own: bool) -> Vec<Token> {
    let first = if own { Some(t.clone()) } else { t.parent() };
    std::iter::successors(first, Token::parent).collect()
}

fn clone_row(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let t = a.token(0)?;
    cx.charge(t.descendants(true).len().saturating_mul(96))?;
    built(cx, t.deep_clone())
}

/// The annotations of a token that are of a type.
fn annotations(a: &Args<'_>) -> Result<Vec<Value>, Throw> {
    let ty = a.ty(0);
    let t = a.token(0)?;
    let all = t.annotations().borrow();
    let fits = |v: &&Value| crate::expr::eval::types::is(&ty, v);
    Ok(all.iter().filter(fits).cloned().collect())
}

const TOKEN: &[Row] = &[
    m("static JToken Parse(string json)", |cx, a| {
        parse_row(cx, a, "JToken")
    }),
    m(
        "static JToken Parse(string json, JsonLoadSettings settings)",
        |cx, a| parse_row(cx, a, "JToken"),
    ),
    m("static JToken FromObject(object o)", |cx, a| {
        if a.is_null(0) {
            return Err(null("o"));
        }
        let made = from::object(cx, &a.get(0), 0)?;
        built(cx, made)
    }),
    m("static bool DeepEquals(JToken t1, JToken t2)", |_, a| {
        Ok(Value::Bool(match (a.token(0), a.token(1)) {
            (Ok(x), Ok(y)) => x.deep_equals(&y),
            (Err(_), Err(_)) => true,
            _ => false,
        }))
    }),
    m("static JTokenEqualityComparer EqualityComparer", |_, _| {
        Ok(values::comparer())
    }),
    m("JTokenType Type", |_, a| {
        Ok(Value::Enum(
            &super::enums::JTOKEN_TYPE,
            a.token(0)?.type_number(),
        ))
    }),
    m("bool HasValues", |_, a| {
        Ok(Value::Bool(a.token(0)?.len() > 0))
    }),
    m("string Path", |cx, a| {
        let p = a.token(0)?.path();
        cx.step(p.len() / 16)?;
        cx.text(p)
    }),
    m("JContainer Parent", |_, a| maybe(a.token(0)?.parent())),
    m("JToken Root", |_, a| Ok(Value::Token(a.token(0)?.root()))),
    m("JToken First", |_, a| edge(a, false)),
    m("JToken Last", |_, a| edge(a, true)),
    m("JToken Next", |_, a| sibling(a, 1)),
    m("JToken Previous", |_, a| sibling(a, -1)),
    m("JToken this[object key]", |_, a| {
        item(&a.token(0)?, &a.get(1))
    }),
    m("set JToken this[object key]", |cx, a| set_item(cx, a)),
    m("T Value<T>(object key)", |cx, a| {
        match item(&a.token(0)?, &a.get(1))? {
            Value::Token(t) => convert::value_as(cx, &t, &a.ty(0)),
            _ => Ok(crate::expr::eval::types::default_of(&a.ty(0))),
        }
    }),
    m("T ToObject<T>()", |cx, a| {
        deserialize::to_object(cx, &a.token(0)?, &a.ty(0))
    }),
    m("JToken SelectToken(string path)", |cx, a| {
        path::select_one(cx, a, false)
    }),
    m(
        "JToken SelectToken(string path, bool errorWhenNoMatch)",
        |cx, a| path::select_one(cx, a, a.bool(2)),
    ),
    m(
        "JToken SelectToken(string path, JsonSelectSettings settings)",
        |cx, a| path::select_one(cx, a, settings::strict(a, 2)),
    ),
    m("IEnumerable<JToken> SelectTokens(string path)", |cx, a| {
        selected(cx, a, false)
    }),
    m(
        "IEnumerable<JToken> SelectTokens(string path, bool errorWhenNoMatch)",
        |cx, a| selected(cx, a, a.bool(2)),
    ),
    m(
        "IEnumerable<JToken> SelectTokens(string path, JsonSelectSettings settings)",
        |cx, a| selected(cx, a, settings::strict(a, 2)),
    ),
    m("JEnumerable<JToken> Children()", |cx, a| {
        super::linq::enumerable_of_tokens(cx, a.get(0), Ty::class("JToken"))
    }),
    m("JEnumerable<T> Children<T>() where T : JToken", |cx, a| {
        live::tokens(cx, a.get(0), a.ty(0), live::of_type)
    }),
    m("IEnumerable<T> Values<T>()", |cx, a| {
        let t = a.token(0)?;
        if let Kind::Scalar(_) = t.kind() {
            return Err(childless(&t, "access"));
        }
        live::over(cx, a.get(0), a.ty(0), live::converted)
    }),
    m("IEnumerable<JToken> Ancestors()", |cx, a| {
        live::over(cx, a.get(0), Ty::class("JToken"), live::ancestors)
    }),
    m("IEnumerable<JToken> AncestorsAndSelf()", |cx, a| {
        live::over(cx, a.get(0), Ty::class("JToken"), live::ancestors_and_self)
    }),
    m("IEnumerable<JToken> AfterSelf()", |cx, a| {
        siblings(cx, a, true)
    }),
    m("IEnumerable<JToken> BeforeSelf()", |cx, a| {
        siblings(cx, a, false)
    }),
    m("JToken DeepClone()", clone_row),
    m("string ToString()", |cx, a| {
        let t = a.token(0)?;
        match t.value() {
            Some(v) => {
                let s = v.to_text();
                cx.text(s)
            }
            None => printed(cx, &t, true),
        }
    }),
    m("string ToString(Formatting formatting)", |cx, a| {
        let indented = a.int(1) == 1;
        printed(cx, &a.token(0)?, indented)
    }),
    m(
        "string ToString(Formatting formatting, params JsonConverter[] converters)",
        |cx, a| {
            let t = a.token(0)?;
            // A converter that is null is asked about the first value.
            let null = a
                .items(cx, 2)
                .is_ok_and(|all| all.iter().any(Value::is_null));
            let value = |t: &Token| t.value().is_some_and(|v| !v.is_null());
            if null && t.descendants(true).iter().any(value) {
                return Err(crate::expr::eval::null_reference());
            }
            let indented = a.int(1) == 1;
            printed(cx, &t, indented)
        },
    ),
    m("void Remove()", |cx, a| {
        remove(cx, &a.token(0)?).map(|()| Value::Null)
    }),
    m("void Replace(JToken value)", |cx, a| replace(cx, a)),
    m("void AddAfterSelf(object content)", |cx, a| {
        beside(cx, a, true)
    }),
    m("void AddBeforeSelf(object content)", |cx, a| {
        beside(cx, a, false)
    }),
    m("void AddAnnotation(object annotation)", |cx, a| {
        if a.is_null(1) {
            return Err(null("annotation"));
        }
        cx.charge(64)?;
        let annotation = a.get(1);
        let t = a.token(0)?;
        t.annotations().borrow_mut().push(annotation);
        Ok(Value::Null)
    }),
    m("T Annotation<T>() where T : class", |_, a| {
        Ok(annotations(a)?.into_iter().next().unwrap_or_default())
    }),
    m(
        "IEnumerable<T> Annotations<T>() where T : class",
        |cx, a| {
            let all = annotations(a)?;
            cx.sequence(a.ty(0), all)
        },
    ),
    m("void RemoveAnnotations<T>() where T : class", |_, a| {
        let ty = a.ty(0);
        let t = a.token(0)?;
        t.annotations()
            .borrow_mut()
            .retain(|v| !crate::expr::eval::types::is(&ty, v));
        Ok(Value::Null)
    }),
];

/// `SelectTokens`: the path is read now, the tree is searched when the sequence is gone through.
fn selected(cx: &mut Cx<'_>, a: &Args<'_>, strict: bool) -> R {
    let path = a.str(1).map_err(|_| null("expression"))?;
    cx.step(1 + path.len() / 16)?;
    path::parse(&path)?;
    live::selected(cx, a.get(0), path, strict)
}

/// For fuzzing and property tests: reads a text and writes it again, twice the same.
pub(crate) fn probe(text: &str) {
    let read = |text: &str| parse::load(text, Reading::default());
    let first = match read(text) {
        Ok(first) => first,
        Err(why) => {
            assert!(why.ends_with('.') && why.contains("Path '"), "{why}");
            return;
        }
    };
    // A comment alone is no JSON when it is written.
    if first.type_number() == 5 {
        return;
    }
    for indented in [false, true] {
        let (mut one, mut two) = (String::new(), String::new());
        write::write(&first, indented, &mut one).expect("what was read has no comment for a value");
        let again = read(&one).unwrap_or_else(|why| panic!("{one}: {why}"));
        write::write(&again, indented, &mut two).expect("what was read has no comment for a value");
        assert_eq!(one, two);
        assert_eq!(first.descendants(true).len(), again.descendants(true).len());
    }
    assert!(first.deep_equals(&first.deep_clone()));
}

/// `System.Numerics.BigInteger`: what integers of JSON beyond `long` are. It has no arithmetic here.
const BIG_INTEGER: &[Row] = &[m("int CompareTo(BigInteger other)", |_, a| {
    let order = a
        .object::<number::BigInteger>(0)?
        .cmp(a.object::<number::BigInteger>(1)?);
    Ok(Value::Int(order as i32))
})];

pub(super) const TYPES: &[Type] = &[
    ty(
        "class Newtonsoft.Json.Linq.JToken : IJEnumerable<JToken>",
        TOKEN,
    ),
    ty(
        "interface Newtonsoft.Json.Linq.IJEnumerable<T> : IEnumerable<T>",
        extensions::ENUMERABLE,
    ),
    ty(
        "struct Newtonsoft.Json.Linq.JEnumerable<T> : IJEnumerable<T>",
        &[],
    ),
    ty("static Newtonsoft.Json.Linq.Extensions", extensions::ROWS),
    ty("static Newtonsoft.Json.JsonConvert", serialize::ROWS),
    ty(
        "class Newtonsoft.Json.Linq.JTokenConversions",
        convert::ROWS,
    ),
    ty("class Newtonsoft.Json.JsonConverter", &[]),
    ty("struct System.Numerics.BigInteger", BIG_INTEGER),
];
