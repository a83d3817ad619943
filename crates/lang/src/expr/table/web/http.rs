//! `System.Web.HttpUtility` and the `NameValueCollection` it makes, extensions to what API Management allows.

use super::super::dates::null_argument;
use super::super::{Row, m};
use super::{html_decode, html_encode, mapped, text_of, url_decode, url_decode_bytes, url_encode};
use crate::expr::eval::{Args, Cx, R, Throw};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// As `WebUtility.UrlEncode`, with escapes in small letters.
fn url_encode_small(s: &str) -> String {
    let encoded = url_encode(s);
    let mut out = String::with_capacity(encoded.len());
    let mut in_escape = 0;
    for c in encoded.chars() {
        if c == '%' {
            in_escape = 3;
        }
        out.push(if in_escape > 0 {
            c.to_ascii_lowercase()
        } else {
            c
        });
        in_escape = (in_escape - 1i32).max(0);
    }
    out
}

/// As `WebUtility.UrlDecode`, and `%uXXXX`.
fn url_decode_wide(s: &str) -> String {
    let mut out = Vec::with_capacity(s.len());
    let mut rest = s;
    while let Some(at) = rest.find("%u") {
        out.extend(url_decode_bytes(&rest.as_bytes()[..at]));
        let wide = rest
            .get(at + 2..at + 6)
            .and_then(|h| u32::from_str_radix(h, 16).ok())
            .and_then(char::from_u32);
        match wide {
            Some(c) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[at + 6..];
            }
            None => {
                out.extend_from_slice(b"%u");
                rest = &rest[at + 2..];
            }
        }
    }
    out.extend(url_decode_bytes(rest.as_bytes()));
    text_of(out)
}

/// `HtmlAttributeEncode`: only what ends an attribute.
fn attribute_encode(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 16);
    for c in s.chars() {
        match c {
            '"' => out.push_str("&quot;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// `UrlPathEncode`: spaces and what is not ASCII in the path, behind a host and up to the query.
fn path_encode(s: &str) -> String {
    let (before, rest) = s.find(['?', '#']).map_or((s, ""), |i| s.split_at(i));
    // Upper and lower case have the same length here.
    let small = before.to_ascii_lowercase();
    let host = super::uri::authority_of(before)
        .filter(|host| !host.is_empty())
        .and_then(|host| Some(small.find(&host.to_ascii_lowercase())? + host.len()));
    let (host, path, rest) = match host {
        Some(end) => (&before[..end], &before[end..], rest),
        // What is no URI has no fragment.
        None => {
            let (path, query) = s.find('?').map_or((s, ""), |i| s.split_at(i));
            ("", path, query)
        }
    };
    let mut out = String::with_capacity(s.len() + 16);
    out.push_str(host);
    for b in path.bytes() {
        if (0x21..0x7f).contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02x}"));
        }
    }
    out + rest
}

fn script_encode(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 16);
    for c in s.chars() {
        match c {
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '\'' | '<' | '>' | '&' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

/// A name, which may be null, with its values. Nothing is added for a null, but one that is set is a value.
type Named = (Option<Str>, Vec<Option<Str>>);

/// Names with their values, in order. Names are the same in any case. Whether it came from a query, which is what it
/// prints as then.
#[derive(Debug, Default)]
struct Collection(RefCell<Vec<Named>>, bool);

impl Object for Collection {
    fn ty(&self) -> Ty {
        Ty::class("NameValueCollection")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        if !self.1 {
            return self.ty().full_name();
        }
        let mut out = Vec::new();
        for (name, values) in &*self.0.borrow() {
            let name = name
                .as_ref()
                .filter(|n| !n.is_empty())
                .map_or_else(String::new, |n| url_encode_small(n) + "=");
            out.extend(
                values
                    .iter()
                    .map(|v| format!("{name}{}", url_encode_small(v.as_deref().unwrap_or("")))),
            );
        }
        out.join("&")
    }
    fn items(&self) -> Option<Vec<Value>> {
        let all = self.0.borrow();
        Some(all.iter().map(|(n, _)| text(n.as_ref())).collect())
    }
}

fn text(s: Option<&Str>) -> Value {
    s.map_or(Value::Null, |s| Value::Str(s.clone()))
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Collection, Throw> {
    a.object::<Collection>(0)
}

fn name(a: &Args<'_>, i: usize) -> Option<Str> {
    a.str(i).ok()
}

fn same(a: Option<&Str>, b: Option<&Str>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    }
}

impl Collection {
    fn add(&self, name: Option<Str>, value: Option<Str>) {
        let mut all = self.0.borrow_mut();
        match all
            .iter_mut()
            .find(|(n, _)| same(n.as_ref(), name.as_ref()))
        {
            Some((_, values)) => values.extend(value.map(Some)),
            None => all.push((name, value.map(Some).into_iter().collect())),
        }
    }

    fn set(&self, name: Option<Str>, value: Option<Str>) {
        let mut all = self.0.borrow_mut();
        let value = vec![value];
        match all
            .iter_mut()
            .find(|(n, _)| same(n.as_ref(), name.as_ref()))
        {
            Some((_, values)) => *values = value,
            None => all.push((name, value)),
        }
    }

    fn values(&self, name: Option<&Str>) -> Option<Vec<Option<Str>>> {
        let all = self.0.borrow();
        let found = all.iter().find(|(n, _)| same(n.as_ref(), name));
        found.map(|(_, v)| v.clone()).filter(|v| !v.is_empty())
    }

    /// Name and values at a place.
    fn at(&self, i: i64) -> Result<Named, Throw> {
        usize::try_from(i)
            .ok()
            .and_then(|i| self.0.borrow().get(i).cloned())
            .ok_or_else(|| crate::expr::eval::out_of_range("index"))
    }
}

/// The values behind one another; the only one as it is.
fn joined(cx: &mut Cx<'_>, values: Option<Vec<Option<Str>>>) -> R {
    match values.as_deref() {
        None | Some([]) => Ok(Value::Null),
        Some([one]) => Ok(text(one.as_ref())),
        Some(all) => {
            let all: Vec<&str> = all.iter().map(|v| v.as_deref().unwrap_or("")).collect();
            cx.text(all.join(","))
        }
    }
}

fn strings(cx: &mut Cx<'_>, values: Option<Vec<Option<Str>>>) -> R {
    match values {
        None => Ok(Value::Null),
        Some(all) => {
            let all = all.iter().map(|v| text(v.as_ref())).collect();
            cx.list(Ty::array(Ty::String), all)
        }
    }
}

fn parsed(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let query = a.text(0).map_err(|_| null_argument("query"))?;
    cx.step(query.len() / 8)?;
    cx.charge(query.len().saturating_mul(4))?;
    let out = Collection(RefCell::default(), true);
    let query = query.strip_prefix('?').unwrap_or(query);
    for pair in query.split('&').filter(|_| !query.is_empty()) {
        // Each look for a name goes through all before.
        cx.step(1 + out.0.borrow().len() / 8)?;
        match pair.split_once('=') {
            Some((n, v)) => out.add(Some(url_decode(n).into()), Some(url_decode(v).into())),
            None => out.add(None, Some(url_decode(pair).into())),
        }
    }
    Ok(Value::Object(Rc::new(out)))
}

pub(super) const ROWS: &[Row] = &[
    m("static string UrlEncode(string str)", |cx, a| {
        mapped(cx, a, url_encode_small)
    }),
    m("static string UrlDecode(string str)", |cx, a| {
        mapped(cx, a, url_decode_wide)
    }),
    m("static string HtmlEncode(string s)", |cx, a| {
        mapped(cx, a, html_encode)
    }),
    m("static string HtmlDecode(string s)", |cx, a| {
        mapped(cx, a, html_decode)
    }),
    m("static string HtmlAttributeEncode(string s)", |cx, a| {
        mapped(cx, a, attribute_encode)
    }),
    m("static string UrlPathEncode(string str)", |cx, a| {
        mapped(cx, a, path_encode)
    }),
    m(
        "static string JavaScriptStringEncode(string value)",
        |cx, a| {
            let s = script_encode(a.text(0).unwrap_or(""));
            cx.text(s)
        },
    ),
    m(
        "static string JavaScriptStringEncode(string value, bool addDoubleQuotes)",
        |cx, a| {
            let s = script_encode(a.text(0).unwrap_or(""));
            cx.text(if a.bool(1) { format!("\"{s}\"") } else { s })
        },
    ),
    m(
        "static NameValueCollection ParseQueryString(string query)",
        |cx, a| parsed(cx, a),
    ),
];

pub(super) const COLLECTION: &[Row] = &[
    m("new()", |_, _| {
        Ok(Value::Object(Rc::new(Collection::default())))
    }),
    m("string this[string name]", |cx, a| {
        let v = this(a)?.values(name(a, 1).as_ref());
        joined(cx, v)
    }),
    m("set string this[string name]", |cx, a| {
        cx.charge(64)?;
        this(a)?.set(name(a, 1), name(a, 2));
        Ok(Value::Null)
    }),
    m("string this[int index]", |cx, a| {
        let (_, v) = this(a)?.at(a.int(1))?;
        joined(cx, Some(v))
    }),
    m("string Get(string name)", |cx, a| {
        let v = this(a)?.values(name(a, 1).as_ref());
        joined(cx, v)
    }),
    m("string Get(int index)", |cx, a| {
        let (_, v) = this(a)?.at(a.int(1))?;
        joined(cx, Some(v))
    }),
    m("string GetKey(int index)", |_, a| {
        Ok(text(this(a)?.at(a.int(1))?.0.as_ref()))
    }),
    m("string[] GetValues(string name)", |cx, a| {
        let values = this(a)?.values(name(a, 1).as_ref());
        strings(cx, values)
    }),
    m("string[] GetValues(int index)", |cx, a| {
        let (_, values) = this(a)?.at(a.int(1))?;
        strings(cx, Some(values).filter(|v| !v.is_empty()))
    }),
    m("void Add(string name, string value)", |cx, a| {
        cx.charge(64)?;
        cx.step(1 + this(a)?.0.borrow().len() / 8)?;
        this(a)?.add(name(a, 1), name(a, 2));
        Ok(Value::Null)
    }),
    m("void Set(string name, string value)", |cx, a| {
        cx.charge(64)?;
        cx.step(1 + this(a)?.0.borrow().len() / 8)?;
        this(a)?.set(name(a, 1), name(a, 2));
        Ok(Value::Null)
    }),
    m("void Remove(string name)", |_, a| {
        let name = name(a, 1);
        this(a)?
            .0
            .borrow_mut()
            .retain(|(n, _)| !same(n.as_ref(), name.as_ref()));
        Ok(Value::Null)
    }),
    m("void Clear()", |_, a| {
        this(a)?.0.borrow_mut().clear();
        Ok(Value::Null)
    }),
    m("bool HasKeys()", |_, a| {
        let all = this(a)?.0.borrow();
        Ok(Value::Bool(all.iter().any(|(n, _)| n.is_some())))
    }),
    m("int Count", |_, a| {
        Ok(Value::Int(this(a)?.0.borrow().len() as i32))
    }),
    m("string[] AllKeys", |cx, a| {
        let all = this(a)?.items().unwrap_or_default();
        cx.list(Ty::array(Ty::String), all)
    }),
    m("string ToString()", |cx, a| {
        let s = this(a)?.text();
        cx.text(s)
    }),
];
