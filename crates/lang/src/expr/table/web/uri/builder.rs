//! `System.UriBuilder`, an extension to what API Management allows.

use super::super::super::dates::{bad_argument, null_argument};
use super::super::super::{Row, core, m};
use super::escape::escaped;
use super::parts::path_byte;
use super::syntax::{MAIL, MUST_HAVE_AUTHORITY, OPTIONAL_AUTHORITY, Syntax, is_scheme};
use super::{Uri, Wrong, not_relative, of_kind, uri};
use crate::expr::eval::{Args, R, Throw, equal, throw, write_text};
use crate::expr::types::Ty;
use crate::value::object::Unwritten;
use crate::value::{Object, Value};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Clone, Debug)]
struct Fields {
    scheme: String,
    user: String,
    password: String,
    host: String,
    /// -1: none.
    port: i64,
    path: String,
    /// With its `?`.
    query: String,
    /// With its `#`.
    fragment: String,
}

#[derive(Debug)]
struct Builder(RefCell<Fields>);

impl Object for Builder {
    fn ty(&self) -> Ty {
        Ty::class("UriBuilder")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Builder>();
        other.is_some_and(|o| match (self.settled(), o.settled()) {
            (Ok(a), Ok(b)) => equal(&a, &b),
            _ => std::ptr::eq(self, o),
        })
    }
    fn hash_text(&self) -> Option<String> {
        match self.settled().ok()? {
            Value::Object(uri) => uri.hash_text(),
            _ => None,
        }
    }
    fn written(&self) -> Result<String, Unwritten> {
        let f = self.0.borrow();
        if f.user.is_empty() && !f.password.is_empty() {
            return Err(Unwritten {
                class: "UriFormatException",
                message: "Invalid URI: The username:password construct is badly formed.".into(),
            });
        }
        drop(f);
        Ok(self.text())
    }
    fn text(&self) -> String {
        let f = self.0.borrow();
        let syntax = Syntax::of(&f.scheme);
        let may = syntax.has(OPTIONAL_AUTHORITY) && !syntax.has(MAIL);
        let mark = if f.scheme.is_empty() {
            ""
        } else if syntax.has(MUST_HAVE_AUTHORITY) || (may && !f.host.is_empty()) {
            "://"
        } else {
            ":"
        };
        let mut out = format!("{}{mark}", f.scheme);
        if !f.user.is_empty() {
            out.push_str(&f.user);
            if !f.password.is_empty() {
                out.push(':');
                out.push_str(&f.password);
            }
            out.push('@');
        }
        out.push_str(&f.host);
        if f.port >= 0 && !f.host.is_empty() {
            out.push_str(&format!(":{}", f.port));
        }
        if !f.path.is_empty() && !f.path.starts_with('/') && !f.host.is_empty() {
            out.push('/');
        }
        out.push_str(&f.path);
        out.push_str(&f.query);
        out.push_str(&f.fragment);
        out
    }
}

impl Builder {
    /// The URI that the fields make; they take its normal form, as in .NET, which asks for it also to compare and to hash.
    fn settled(&self) -> R {
        let uri = uri(&self.written()?)?;
        let mut fields = fields_of(&uri)?;
        let mut old = self.0.borrow_mut();
        if fields.user.is_empty() && fields.password.is_empty() {
            // A URI without a user leaves the one that was there.
            fields.user = std::mem::take(&mut old.user);
            fields.password = std::mem::take(&mut old.password);
        }
        *old = fields;
        drop(old);
        Ok(uri)
    }
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a RefCell<Fields>, Throw> {
    Ok(&a.object::<Builder>(0)?.0)
}

fn made(fields: Fields) -> R {
    Ok(Value::Object(Rc::new(Builder(RefCell::new(fields)))))
}

fn fields(u: &Uri) -> Result<Fields, Throw> {
    u.seen.set(true);
    let p = u.parts.as_ref().ok_or_else(not_relative)?;
    let user = p.user.clone().unwrap_or_default();
    let (user, password) = user.split_once(':').unwrap_or((&user, ""));
    Ok(Fields {
        scheme: p.scheme.clone(),
        user: user.to_string(),
        password: password.to_string(),
        host: p.host.name.clone(),
        port: i64::from(p.port),
        path: p.absolute_path().to_string(),
        query: p.query.clone(),
        fragment: p.fragment.clone(),
    })
}

/// A scheme, also with what stands behind it.
fn scheme(s: &str) -> Result<String, Throw> {
    let name = s.split(':').next().unwrap_or("");
    if name.is_empty() || is_scheme(name) {
        return Ok(name.to_ascii_lowercase());
    }
    Err(bad_argument(
        "Invalid URI: The URI scheme is not valid.",
        "value",
    ))
}

fn port(n: i64) -> Result<i64, Throw> {
    if (-1..=65_535).contains(&n) {
        Ok(n)
    } else {
        Err(throw(
            "ArgumentOutOfRangeException",
            "Specified argument was out of the range of valid values. (Parameter 'value')",
        ))
    }
}

fn path(s: &str) -> String {
    if s.is_empty() {
        return String::from("/");
    }
    escaped(&s.replace('\\', "/"), false, path_byte)
}

/// A query or fragment with its mark; empty for nothing.
fn marked(s: &str, mark: char) -> String {
    if s.is_empty() || s.starts_with(mark) {
        s.to_string()
    } else {
        format!("{mark}{s}")
    }
}

fn host(s: &str) -> String {
    // An IPv6 address stands in brackets.
    if s.contains(':') && !s.starts_with('[') {
        format!("[{s}]")
    } else {
        s.to_string()
    }
}

/// `new UriBuilder(scheme, host[, port[, path[, extra]]])`.
fn of_parts(a: &Args<'_>, n: usize) -> R {
    let text = |i: usize| if i < n { a.text(i).unwrap_or("") } else { "" };
    let scheme = scheme(text(0))?;
    let port = if n > 2 { port(a.int(2))? } else { -1 };
    let extra = text(4);
    let (query, fragment) = match extra.chars().next() {
        None => ("", ""),
        Some('#') => ("", extra),
        Some('?') => extra.find('#').map_or((extra, ""), |i| extra.split_at(i)),
        Some(_) => {
            return Err(throw(
                "ArgumentException",
                "Extra portion of URI not valid. (Parameter 'extraValue')",
            ));
        }
    };
    // A mark alone is none.
    let some = |s: &str| {
        if s.len() > 1 {
            s.to_string()
        } else {
            String::new()
        }
    };
    made(Fields {
        scheme,
        user: String::new(),
        password: String::new(),
        host: host(text(1)),
        port,
        path: path(text(3)),
        query: some(query),
        fragment: some(fragment),
    })
}

fn set(a: &Args<'_>, change: impl FnOnce(&mut Fields, String)) -> R {
    let text = a.text(1).unwrap_or("").to_string();
    change(&mut this(a)?.borrow_mut(), text);
    Ok(Value::Null)
}

/// The fields of a value that is a URI.
fn fields_of(uri: &Value) -> Result<Fields, Throw> {
    let mut one = [uri.clone()];
    let args = Args {
        values: &mut one,
        types: &[],
    };
    fields(args.object::<Uri>(0)?)
}

pub(in super::super) const ROWS: &[Row] = &[
    m("new()", |_, _| {
        made(Fields {
            scheme: "http".into(),
            user: String::new(),
            password: String::new(),
            host: "localhost".into(),
            port: -1,
            path: "/".into(),
            query: String::new(),
            fragment: String::new(),
        })
    }),
    m("new(string uri)", |_, a| {
        let text = a.str(0).map_err(|_| null_argument("uri"))?;
        let given = of_kind(&text, 0).map_err(Wrong::throw)?;
        // What has no scheme is taken for a host.
        let fields = match fields_of(&given) {
            Ok(fields) => fields,
            Err(_) => fields_of(&uri(&format!("http://{text}"))?)?,
        };
        made(fields)
    }),
    m("new(Uri uri)", |_, a| {
        made(fields(
            a.object::<Uri>(0).map_err(|_| null_argument("uri"))?,
        )?)
    }),
    m("new(string schemeName, string hostName)", |_, a| {
        of_parts(a, 2)
    }),
    m("new(string scheme, string host, int portNumber)", |_, a| {
        of_parts(a, 3)
    }),
    m(
        "new(string scheme, string host, int port, string pathValue)",
        |_, a| of_parts(a, 4),
    ),
    m(
        "new(string scheme, string host, int port, string path, string extraValue)",
        |_, a| of_parts(a, 5),
    ),
    m("Uri Uri", |_, a| a.object::<Builder>(0)?.settled()),
    m("string Scheme", |_, a| {
        Ok(Value::from(this(a)?.borrow().scheme.clone()))
    }),
    m("set string Scheme", |_, a| {
        let name = scheme(a.text(1).unwrap_or(""))?;
        set(a, |f, _| f.scheme = name)
    }),
    m("string Host", |_, a| {
        Ok(Value::from(this(a)?.borrow().host.clone()))
    }),
    m("set string Host", |_, a| set(a, |f, s| f.host = host(&s))),
    m("int Port", |_, a| {
        Ok(Value::Int(this(a)?.borrow().port as i32))
    }),
    m("set int Port", |_, a| {
        let n = port(a.int(1))?;
        this(a)?.borrow_mut().port = n;
        Ok(Value::Null)
    }),
    m("string Path", |_, a| {
        Ok(Value::from(this(a)?.borrow().path.clone()))
    }),
    m("set string Path", |_, a| set(a, |f, s| f.path = path(&s))),
    m("string Query", |_, a| {
        Ok(Value::from(this(a)?.borrow().query.clone()))
    }),
    m("set string Query", |_, a| {
        set(a, |f, s| f.query = marked(&s, '?'))
    }),
    m("string Fragment", |_, a| {
        Ok(Value::from(this(a)?.borrow().fragment.clone()))
    }),
    m("set string Fragment", |_, a| {
        set(a, |f, s| f.fragment = marked(&s, '#'))
    }),
    m("string UserName", |_, a| {
        Ok(Value::from(this(a)?.borrow().user.clone()))
    }),
    m("set string UserName", |_, a| set(a, |f, s| f.user = s)),
    m("string Password", |_, a| {
        Ok(Value::from(this(a)?.borrow().password.clone()))
    }),
    m("set string Password", |_, a| set(a, |f, s| f.password = s)),
    m("bool Equals(object rparam)", |cx, a| {
        let other = a.get(1);
        if other.is_null() {
            return Ok(Value::Bool(false));
        }
        // Anything is compared by its text, read as a URI.
        let uri = a.object::<Builder>(0)?.settled()?;
        let mut text = String::new();
        write_text(cx, other, &mut text)?;
        let other = of_kind(&text.into(), 0).unwrap_or_default();
        Ok(Value::Bool(equal(&uri, &other)))
    }),
    m("int GetHashCode()", |_, a| {
        let uri = a.object::<Builder>(0)?.settled()?;
        Ok(Value::Int(core::hash(&uri)))
    }),
    m("string ToString()", |cx, a| {
        let s = a.object::<Builder>(0)?.written()?;
        cx.text(s)
    }),
];
