//! Dictionaries: `Dictionary<K, V>`, and the read-only views that `context` lends (headers, query, variables, claims).

mod class;
pub(crate) mod untyped;

pub(crate) use class::view;
pub(super) use class::{added, comparer_of, ensured, equality};

use super::context::Part;
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, equals, null_argument, throw, types, weigh};
use crate::expr::host::{Message, UrlOf};
use crate::expr::types::Ty;
use crate::value::{HostObject, Lent, Object, Str, Value};
use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;
use std::any::Any;
use std::rc::Rc;

/// `KeyValuePair<K, V>`.
#[derive(Debug)]
pub(crate) struct Pair {
    ty: Ty,
    key: Value,
    value: Value,
    weight: usize,
}

impl Object for Pair {
    fn weight(&self) -> usize {
        self.weight
    }
    fn ty(&self) -> Ty {
        self.ty.clone()
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        format!("[{}, {}]", self.key.to_text(), self.value.to_text())
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<Pair>()
            .is_some_and(|o| equals(&self.key, &o.key) && equals(&self.value, &o.value))
    }
}

/// A pair of values that are no pairs themselves: texts, numbers, lists.
pub(crate) fn pair(k: Ty, v: Ty, key: Value, value: Value) -> Value {
    Value::Object(Rc::new(Pair {
        ty: Ty::generic("KeyValuePair", vec![k, v]),
        key,
        value,
        weight: 2,
    }))
}

/// A pair of any values.
pub(crate) fn pair_of(k: Ty, v: Ty, key: Value, value: Value) -> R {
    let weight = weigh([&key, &value])?;
    Ok(Value::Object(Rc::new(Pair {
        ty: Ty::generic("KeyValuePair", vec![k, v]),
        key,
        value,
        weight,
    })))
}

/// Key and value of a pair.
pub(crate) fn parts(v: &Value) -> Option<(Value, Value)> {
    let Value::Object(o) = v else { return None };
    o.as_any()
        .downcast_ref::<Pair>()
        .map(|p| (p.key.clone(), p.value.clone()))
}

pub(crate) fn is_dictionary(ty: &Ty) -> bool {
    matches!(ty, Ty::Class(n, _) if n.ends_with("Dictionary"))
}

fn header_text(v: &http::HeaderValue) -> Str {
    // Bytes beyond ASCII are read as Latin-1, as the service does.
    match v.to_str() {
        Ok(s) => Str::from(s),
        Err(_) => v
            .as_bytes()
            .iter()
            .map(|b| char::from(*b))
            .collect::<String>()
            .into(),
    }
}

fn header_values(map: &HeaderMap, name: &str) -> Option<Vec<Str>> {
    let mut all = map.get_all(name).iter().map(header_text).peekable();
    all.peek()?;
    Some(all.collect())
}

/// Values of a header joined by commas, without a list in between.
pub(crate) fn header_joined<N: http::header::AsHeaderName>(
    map: &HeaderMap,
    name: N,
) -> Option<Str> {
    let mut all = map.get_all(name).iter();
    let text = header_text(all.next()?);
    match all.next() {
        None => Some(text),
        Some(second) => {
            let mut out = text.to_string();
            for v in std::iter::once(second).chain(all) {
                out.push(',');
                out.push_str(&header_text(v));
            }
            Some(out.into())
        }
    }
}

/// As [`header_joined`], lent where the header has one value.
pub(crate) fn header_lent<'a>(map: &'a HeaderMap, name: &HeaderName) -> Option<Lent<'a>> {
    let mut all = map.get_all(name).iter();
    let first = all.next()?;
    match (first.to_str(), all.next()) {
        (Ok(s), None) => Some(Lent::Part(s)),
        _ => header_joined(map, name).map(|s| Lent::Own(Value::Str(s))),
    }
}

/// Whether a header's value, joined, is the text; `None` when there is no such header.
pub(crate) fn header_equals(map: &HeaderMap, name: &HeaderName, text: &str) -> Option<bool> {
    let mut all = map.get_all(name).iter();
    let first = all.next()?;
    Some(match (first.to_str(), all.next()) {
        (Ok(s), None) => s == text,
        _ => header_joined(map, name).as_deref() == Some(text),
    })
}

fn headers<'c>(cx: &'c Cx<'_>, v: &'c Value) -> Option<&'c HeaderMap> {
    match v {
        Value::Host(HostObject(Part::RequestHeaders)) => Some(cx.host.headers(Message::Request)),
        Value::Host(HostObject(Part::ResponseHeaders)) => Some(cx.host.headers(Message::Response)),
        Value::Object(o) => o
            .as_any()
            .downcast_ref::<super::context::ResponseHeaders>()
            .map(|h| &h.0.headers),
        _ => None,
    }
}

fn query_pairs(cx: &Cx<'_>, v: &Value) -> Option<Vec<(String, String)>> {
    let Value::Host(HostObject(Part::Query(url))) = v else {
        return None;
    };
    Some(super::web::query_pairs(&cx.host.url(*url).query_string))
}

fn query_values(cx: &Cx<'_>, url: UrlOf, name: &str) -> SmallVec<[Str; 1]> {
    let mut all = SmallVec::new();
    cx.host
        .query(url, &mut |q| all.extend(super::web::query_values(q, name)));
    all
}

/// A value by its key.
pub(crate) fn get(cx: &mut Cx<'_>, of: &Value, key: &Value) -> Result<Option<Value>, Throw> {
    if of.is_null() {
        return Err(crate::expr::eval::null_reference());
    }
    if key.is_null() {
        return Err(null_argument("key"));
    }
    if let Value::Dict(d) = of {
        return Ok(d.get(key));
    }
    let Some(name) = key.as_str() else {
        return Ok(None);
    };
    if let Some(map) = headers(cx, of) {
        return Ok(header_values(map, name).map(Value::strings));
    }
    match of {
        Value::Host(HostObject(Part::Variables)) => Ok(cx.host.variable(name).cloned()),
        Value::Host(HostObject(Part::MatchedParameters)) => Ok(cx
            .host
            .matched_parameters()
            .iter()
            .find(|(k, _)| k.eq_ignore_ascii_case(name))
            .map(|(_, v)| Value::Str(v.clone()))),
        Value::Host(HostObject(Part::Query(url))) => {
            let all = query_values(cx, *url, name);
            Ok((!all.is_empty()).then(|| Value::strings(all)))
        }
        Value::Host(HostObject(Part::Certificates)) => {
            let all = cx.host.certificates();
            match all.into_iter().find(|(id, _, _)| **id == *name) {
                Some((_, found, key)) => certificate_of(cx, &found, key.as_deref()).map(Some),
                None => Ok(None),
            }
        }
        Value::Null => Err(crate::expr::eval::null_reference()),
        _ => Ok(None),
    }
}

fn certificate_of(cx: &mut Cx<'_>, text: &[u8], key: Option<&str>) -> R {
    cx.step(2_000)?;
    Ok(super::certificates::Certificate::of_host(text, key))
}

/// All pairs.
pub(crate) fn entries(cx: &mut Cx<'_>, of: &Value) -> Result<Vec<Value>, Throw> {
    let strings = Ty::array(Ty::String);
    if let Some(map) = headers(cx, of) {
        let names: Vec<String> = map.keys().map(|k| k.as_str().to_string()).collect();
        let out = names
            .iter()
            .map(|n| {
                pair(
                    Ty::String,
                    strings.clone(),
                    Value::from(n.as_str()),
                    Value::strings(header_values(map, n).unwrap_or_default()),
                )
            })
            .collect();
        return Ok(out);
    }
    if let Some(pairs) = query_pairs(cx, of) {
        let mut out: Vec<(String, Vec<Str>)> = Vec::new();
        for (k, v) in pairs {
            match out.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(&k)) {
                Some((_, list)) => list.push(v.into()),
                None => out.push((k, vec![v.into()])),
            }
        }
        return Ok(out
            .into_iter()
            .map(|(k, v)| {
                pair(
                    Ty::String,
                    strings.clone(),
                    Value::from(k),
                    Value::strings(v),
                )
            })
            .collect());
    }
    match of {
        Value::Host(HostObject(Part::Variables)) => {
            let names = cx.host.variable_names();
            Ok(names
                .into_iter()
                .map(|n| {
                    let v = cx.host.variable(&n).cloned().unwrap_or_default();
                    pair(Ty::String, Ty::Object, Value::Str(n), v)
                })
                .collect())
        }
        Value::Host(HostObject(Part::MatchedParameters)) => Ok(cx
            .host
            .matched_parameters()
            .iter()
            .map(|(k, v)| {
                pair(
                    Ty::String,
                    Ty::String,
                    Value::Str(k.clone()),
                    Value::Str(v.clone()),
                )
            })
            .collect()),
        Value::Host(HostObject(Part::Certificates)) => {
            let all = cx.host.certificates();
            let mut out = Vec::with_capacity(all.len());
            for (id, certificate, key) in all {
                let value = certificate_of(cx, &certificate, key.as_deref())?;
                let ty = Ty::class("X509Certificate2");
                out.push(pair(Ty::String, ty, Value::Str(id), value));
            }
            Ok(out)
        }
        Value::Dict(_) => crate::expr::eval::iterate(cx, of),
        Value::Object(o) => Ok(o.items().unwrap_or_default()),
        _ => Err(crate::expr::eval::null_reference()),
    }
}

pub(crate) fn missing(key: &Value) -> Throw {
    throw(
        "KeyNotFoundException",
        format!(
            "The given key '{}' was not present in the dictionary.",
            key.to_text()
        ),
    )
}

fn joined(v: Value) -> Value {
    match &v {
        Value::List(l) => {
            let items: Vec<String> = l.items().iter().map(|x| x.to_text().to_string()).collect();
            Value::from(items.join(","))
        }
        _ => v,
    }
}

/// `GetValueOrDefault` of multi-valued views: joined by commas.
fn multi(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    if let (Some(map), Some(name)) = (headers(cx, &a.values[0]), a.values[1].as_str()) {
        return Ok(header_joined(map, name).map_or_else(|| a.get(2), Value::Str));
    }
    if let (Value::Host(HostObject(Part::Query(url))), Some(name)) =
        (&a.values[0], a.values[1].as_str())
    {
        let mut all = query_values(cx, *url, name);
        return match all.len() {
            0 => Ok(a.get(2)),
            1 => Ok(all.pop().map_or(Value::Null, Value::Str)),
            _ => cx.text(all.join(",")),
        };
    }
    Ok(match get(cx, &a.values[0], &a.values[1])? {
        Some(v) => joined(v),
        None => a.get(2),
    })
}

fn single(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    Ok(get(cx, &a.values[0], &a.values[1])?.unwrap_or_else(|| a.get(2)))
}

/// A variable of a type: another stored type is an error, as at the service.
fn typed(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    match get(cx, &a.values[0], &a.values[1])? {
        Some(v) => types::cast(&a.ty(0), v),
        None if a.len() > 2 => Ok(a.get(2)),
        None => Ok(types::default_of(&a.ty(0))),
    }
}

fn form(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<String, Throw> {
    if a.is_null(0) {
        return Err(null_argument("source"));
    }
    let mut out = String::new();
    for e in entries(cx, &a.get(0))? {
        let Some((k, v)) = parts(&e) else { continue };
        for item in crate::expr::eval::iterate(cx, &v)? {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(&super::web::url_encode(&k.to_text()));
            out.push('=');
            out.push_str(&super::web::url_encode(&item.to_text()));
        }
    }
    Ok(out)
}

const EXTENSIONS: &[Row] = &[
    m(
        "static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> d, string key)",
        |cx, a| multi(cx, a),
    ),
    m(
        "static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> d, string key, string defaultValue)",
        |cx, a| multi(cx, a),
    ),
    m(
        "static string GetValueOrDefault(this IReadOnlyDictionary<string, string> d, string key)",
        |cx, a| single(cx, a),
    ),
    m(
        "static string GetValueOrDefault(this IReadOnlyDictionary<string, string> d, string key, string defaultValue)",
        |cx, a| single(cx, a),
    ),
    m(
        "static object GetValueOrDefault(this IReadOnlyDictionary<string, object> d, string key)",
        |cx, a| single(cx, a),
    ),
    m(
        "static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> d, string key)",
        |cx, a| typed(cx, a),
    ),
    m(
        "static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> d, string key, T defaultValue)",
        |cx, a| typed(cx, a),
    ),
    m(
        "static object GetValueOrDefault(this IReadOnlyDictionary<string, object> d, string key, object defaultValue)",
        |cx, a| single(cx, a),
    ),
    m(
        "static V GetValueOrDefault<K, V>(this IReadOnlyDictionary<K, V> d, K key)",
        |cx, a| {
            Ok(get(cx, &a.values[0], &a.values[1])?.unwrap_or_else(|| types::default_of(&a.ty(1))))
        },
    ),
    m(
        "static V GetValueOrDefault<K, V>(this IReadOnlyDictionary<K, V> d, K key, V defaultValue)",
        |cx, a| single(cx, a),
    ),
    m(
        "static string ToQueryString(this IDictionary<string, IList<string>> d)",
        |cx, a| {
            let f = form(cx, a)?;
            cx.text(if f.is_empty() { f } else { format!("?{f}") })
        },
    ),
    m(
        "static string ToFormUrlEncodedContent(this IDictionary<string, IList<string>> d)",
        |cx, a| {
            let f = form(cx, a)?;
            cx.text(f)
        },
    ),
];

const PAIR: &[Row] = &[
    m("new(K key, V value)", |_, a| {
        pair_of(a.ty(0), a.ty(1), a.get(0), a.get(1))
    }),
    m("K Key", |_, a| Ok(a.object::<Pair>(0)?.key.clone())),
    m("V Value", |_, a| Ok(a.object::<Pair>(0)?.value.clone())),
    m("void Deconstruct(out K key, out V value)", |_, a| {
        let pair = a.object::<Pair>(0)?;
        let (key, value) = (pair.key.clone(), pair.value.clone());
        a.values[1] = key;
        a.values[2] = value;
        Ok(Value::Null)
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty(
        "class System.Collections.Generic.KeyCollection<K, V> : ICollection<K>, IReadOnlyCollection<K>",
        class::KEYS,
    ),
    ty(
        "class System.Collections.Generic.ValueCollection<K, V> : ICollection<V>, IReadOnlyCollection<V>",
        class::VALUES,
    ),
    ty("struct System.Collections.Generic.KeyValuePair<K, V>", PAIR),
    ty(
        "interface System.Collections.Generic.IReadOnlyDictionary<K, V> : IReadOnlyCollection<KeyValuePair<K, V>>",
        class::READ,
    ),
    ty(
        "interface System.Collections.Generic.IDictionary<K, V> : ICollection<KeyValuePair<K, V>>, IReadOnlyDictionary<K, V>",
        class::WRITE,
    ),
    ty(
        "class System.Collections.Generic.Dictionary<K, V> : IDictionary<K, V>",
        class::DICTIONARY,
    ),
    ty(
        "static Microsoft.Azure.ApiManagement.DictionaryExtensions",
        EXTENSIONS,
    ),
];
