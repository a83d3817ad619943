//! Dictionaries: `Dictionary<K, V>`, and the read-only views that `context` lends (headers, query, variables, claims).

use super::context::Part;
use super::{Row, Type, m, ty};
use crate::expr::eval::sequence::View;
use crate::expr::eval::{Args, Cx, R, Throw, equals, null_argument, throw, types, weigh};
use crate::expr::host::{Message, UrlOf};
use crate::expr::types::Ty;
use crate::value::collections::Equality;
use crate::value::{Dict, HostObject, Object, Str, Value};
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

/// The dictionary behind a collection of its keys or values.
pub(crate) fn view(o: &Rc<dyn Object>) -> Option<(&Rc<Dict>, View)> {
    let v = o.as_any().downcast_ref::<Column>()?;
    Some((&v.dict, if v.values { View::Values } else { View::Keys }))
}

/// `KeyCollection` and `ValueCollection`: what stands in the dictionary now.
#[derive(Debug)]
struct Column {
    dict: Rc<Dict>,
    values: bool,
}

impl Object for Column {
    fn ty(&self) -> Ty {
        let args = match self.dict.ty() {
            Ty::Class(_, a) => a.to_vec(),
            _ => Vec::new(),
        };
        Ty::generic(
            if self.values {
                "ValueCollection"
            } else {
                "KeyCollection"
            },
            args,
        )
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        let all = self.dict.entries().into_iter();
        Some(all.map(|(k, v)| if self.values { v } else { k }).collect())
    }
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
        Value::Host(HostObject(Part::Variables)) => Ok(cx.host.variable(name)),
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
                    let v = cx.host.variable(&n).unwrap_or_default();
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

fn keys(cx: &mut Cx<'_>, a: &Args<'_>, values: bool) -> R {
    if let Value::Dict(dict) = &a.values[0] {
        let dict = dict.clone();
        return Ok(Value::Object(Rc::new(Column { dict, values })));
    }
    let ty = a.ty(usize::from(values));
    let all = entries(cx, &a.get(0))?
        .iter()
        .filter_map(parts)
        .map(|(k, v)| if values { v } else { k })
        .collect();
    cx.list(Ty::generic("List", vec![ty]), all)
}

/// `Add`: a key that is there already is refused.
pub(super) fn added(d: &Dict, key: Value, value: Value) -> Result<(), Throw> {
    let key = not_null(key)?;
    if d.contains(&key) {
        return Err(super::linq::duplicate(&key));
    }
    d.insert(key, value);
    Ok(())
}

fn not_null(key: Value) -> Result<Value, Throw> {
    if key.is_null() {
        return Err(null_argument("key"));
    }
    Ok(key)
}

fn count(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    Ok(Value::Int(match &a.values[0] {
        Value::Dict(d) => d.len() as i32,
        v => entries(cx, v)?.len() as i32,
    }))
}

fn item(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    get(cx, &a.values[0], &a.values[1])?.ok_or_else(|| missing(&a.values[1]))
}

fn contains_key(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    Ok(Value::Bool(get(cx, &a.values[0], &a.values[1])?.is_some()))
}

fn try_get(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let found = get(cx, &a.values[0], &a.values[1])?;
    let ok = found.is_some();
    a.values[2] = found.unwrap_or_else(|| types::default_of(&a.ty(1)));
    Ok(Value::Bool(ok))
}

fn set(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let (d, key) = (a.dict(0)?, not_null(a.get(1))?);
    cx.charge(128)?;
    let old = d.insert(key, a.get(2));
    drop(old);
    Ok(Value::Null)
}

fn add(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    cx.charge(128)?;
    added(&*a.dict(0)?, a.get(1), a.get(2))?;
    Ok(Value::Null)
}

fn remove(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let key = not_null(a.get(1))?;
    Ok(Value::Bool(a.dict(0)?.remove(&key).is_some()))
}

const READ: &[Row] = &[
    m("V this[K key]", item),
    m("bool ContainsKey(K key)", contains_key),
    m("bool TryGetValue(K key, out V value)", try_get),
    m("IEnumerable<K> Keys", |cx, a| keys(cx, a, false)),
    m("IEnumerable<V> Values", |cx, a| keys(cx, a, true)),
    m("int Count", count),
];

const WRITE: &[Row] = &[
    m("V this[K key]", item),
    m("set V this[K key]", set),
    m("bool ContainsKey(K key)", contains_key),
    m("bool TryGetValue(K key, out V value)", try_get),
    m("ICollection<K> Keys", |cx, a| keys(cx, a, false)),
    m("ICollection<V> Values", |cx, a| keys(cx, a, true)),
    m("int Count", count),
    m("void Add(K key, V value)", add),
    m("bool Remove(K key)", remove),
];

fn new_dict(a: &Args<'_>, how: Equality) -> Rc<Dict> {
    Dict::with(Ty::generic("Dictionary", vec![a.ty(0), a.ty(1)]), how)
}

/// A new dictionary: of pairs if an argument gives them, with a comparer if one does.
fn created(cx: &mut Cx<'_>, a: &Args<'_>, from: &str, comparer: usize) -> R {
    let d = new_dict(a, equality(a, comparer));
    if !from.is_empty() {
        if a.is_null(0) {
            return Err(null_argument(from));
        }
        let mut all = a.iter(cx, 0)?;
        while let Some(e) = all.next(cx)? {
            if let Some((k, v)) = parts(&e) {
                cx.charge(128)?;
                added(&d, k, v)?;
            }
        }
    }
    Ok(Value::Dict(d))
}

fn with_capacity(cx: &mut Cx<'_>, a: &Args<'_>, comparer: usize) -> R {
    let n = super::collections::span::capacity(cx, a, 0)?;
    let d = new_dict(a, equality(a, comparer));
    d.reserve(n);
    Ok(Value::Dict(d))
}

/// `EnsureCapacity` of sets and dictionaries.
pub(super) fn ensured(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let wanted = super::collections::span::capacity(cx, a, 1)?;
    let d = a.dict(0)?;
    if wanted > d.capacity() {
        d.reserve(wanted);
    }
    Ok(Value::Int(i32::try_from(d.capacity()).unwrap_or(i32::MAX)))
}

/// How the comparer at an argument compares; the default without one.
pub(super) fn equality(a: &Args<'_>, i: usize) -> Equality {
    a.values
        .get(i)
        .map_or(Equality::Default, super::comparers::equality)
}

/// `Comparer` of a set or dictionary.
pub(super) fn comparer_of(a: &Args<'_>) -> R {
    super::comparers::of_equality(a.ty(0), a.dict(0)?.equality())
}

const DICTIONARY: &[Row] = &[
    m("new()", |cx, a| created(cx, a, "", usize::MAX)),
    m("new(int capacity)", |cx, a| {
        with_capacity(cx, a, usize::MAX)
    }),
    m("new(IEqualityComparer<K> comparer)", |cx, a| {
        created(cx, a, "", 0)
    }),
    m(
        "new(int capacity, IEqualityComparer<K> comparer)",
        |cx, a| with_capacity(cx, a, 1),
    ),
    m("new(IDictionary<K, V> dictionary)", |cx, a| {
        created(cx, a, "dictionary", usize::MAX)
    }),
    m(
        "new(IDictionary<K, V> dictionary, IEqualityComparer<K> comparer)",
        |cx, a| created(cx, a, "dictionary", 1),
    ),
    m(
        "new(IEnumerable<KeyValuePair<K, V>> collection)",
        |cx, a| created(cx, a, "collection", usize::MAX),
    ),
    m(
        "new(IEnumerable<KeyValuePair<K, V>> collection, IEqualityComparer<K> comparer)",
        |cx, a| created(cx, a, "collection", 1),
    ),
    m("V this[K key]", item),
    m("set V this[K key]", set),
    m("int Count", count),
    m("IEqualityComparer<K> Comparer", |_, a| comparer_of(a)),
    m("KeyCollection<K, V> Keys", |cx, a| keys(cx, a, false)),
    m("ValueCollection<K, V> Values", |cx, a| keys(cx, a, true)),
    m("void Add(K key, V value)", add),
    m("void Clear()", |_, a| {
        a.dict(0)?.clear();
        Ok(Value::Null)
    }),
    m("bool ContainsKey(K key)", contains_key),
    m("bool ContainsValue(V value)", |cx, a| {
        let (d, v) = (a.dict(0)?, a.get(1));
        cx.step(d.len() / 8)?;
        Ok(Value::Bool(d.entries().iter().any(|(_, x)| equals(x, &v))))
    }),
    m("bool Remove(K key)", remove),
    m("bool Remove(K key, out V value)", |_, a| {
        let key = not_null(a.get(1))?;
        let old = a.dict(0)?.remove(&key);
        let found = old.is_some();
        a.values[2] = old.unwrap_or_else(|| types::default_of(&a.ty(1)));
        Ok(Value::Bool(found))
    }),
    m("bool TryAdd(K key, V value)", |cx, a| {
        let (d, key) = (a.dict(0)?, not_null(a.get(1))?);
        cx.charge(128)?;
        Ok(Value::Bool(d.add(key, a.get(2))))
    }),
    m("bool TryGetValue(K key, out V value)", try_get),
    m("void TrimExcess()", |_, _| Ok(Value::Null)),
    m("int EnsureCapacity(int capacity)", |cx, a| ensured(cx, a)),
];

/// Rows of `KeyCollection` and `ValueCollection`.
macro_rules! column {
    ($of:literal) => {
        &[
            m("int Count", count),
            m(
                concat!("void CopyTo(", $of, "[] array, int index)"),
                |cx, a| {
                    super::collections::place_in(a, 2)?;
                    let items = a.items(cx, 0)?;
                    super::collections::span::copy_to(cx, &items, a, 1, a.int(2), "array")
                },
            ),
        ]
    };
}

const KEYS: &[Row] = column!("K");
const VALUES: &[Row] = column!("V");

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
        KEYS,
    ),
    ty(
        "class System.Collections.Generic.ValueCollection<K, V> : ICollection<V>, IReadOnlyCollection<V>",
        VALUES,
    ),
    ty("struct System.Collections.Generic.KeyValuePair<K, V>", PAIR),
    ty(
        "interface System.Collections.Generic.IReadOnlyDictionary<K, V> : IReadOnlyCollection<KeyValuePair<K, V>>",
        READ,
    ),
    ty(
        "interface System.Collections.Generic.IDictionary<K, V> : ICollection<KeyValuePair<K, V>>, IReadOnlyDictionary<K, V>",
        WRITE,
    ),
    ty(
        "class System.Collections.Generic.Dictionary<K, V> : IDictionary<K, V>",
        DICTIONARY,
    ),
    ty(
        "static Microsoft.Azure.ApiManagement.DictionaryExtensions",
        EXTENSIONS,
    ),
];
