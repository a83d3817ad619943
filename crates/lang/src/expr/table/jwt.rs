//! `Jwt`, `BasicAuthCredentials`, `Authorization`: what the helpers on `string` give. Nothing is validated here.

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R};
use crate::expr::types::Ty;
use crate::value::token::{Kind, parse};
use crate::value::{Dict, Object, Str, Token, Value, text, time};
use base64::Engine;
use std::any::Any;
use std::rc::Rc;

#[derive(Debug)]
struct Jwt {
    header: Token,
    body: Token,
}

impl Object for Jwt {
    fn ty(&self) -> Ty {
        Ty::class("Jwt")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn segment(s: &str) -> Option<Token> {
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(s.trim_end_matches('='))
        .ok()?;
    object(std::str::from_utf8(&bytes).ok()?)
}

fn object(json: &str) -> Option<Token> {
    let t = parse::parse_with(json, false).ok()?;
    matches!(t.kind(), Kind::Object(_)).then_some(t)
}

/// Reads a token without checking anything; a leading `Bearer ` is passed over.
pub(crate) fn jwt(s: &str) -> Option<Value> {
    let t = match s.get(..7) {
        Some(p) if p.eq_ignore_ascii_case("bearer ") => &s[7..],
        _ => s,
    };
    let mut parts = t.trim().split('.');
    let (h, b, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    Some(Value::Object(Rc::new(Jwt {
        header: segment(h)?,
        body: segment(b)?,
    })))
}

/// A token of a header and claims, both JSON.
pub(crate) fn unsigned(header: &str, body: &str) -> Option<Value> {
    Some(Value::Object(Rc::new(Jwt {
        header: object(header)?,
        body: object(body)?,
    })))
}

fn scalar_text(t: &Token) -> Str {
    match t.value() {
        Some(Value::Str(s)) => s,
        // Numbers, booleans and objects as JSON.
        _ => t.to_json().into(),
    }
}

fn texts(t: &Token) -> Vec<Str> {
    match t.kind() {
        Kind::Array(items) => items.borrow().iter().map(scalar_text).collect(),
        _ => vec![scalar_text(t)],
    }
}

fn body_text(a: &Args<'_>, name: &str) -> R {
    Ok(a.object::<Jwt>(0)?
        .body
        .field(name)
        .map_or(Value::Null, |t| Value::Str(scalar_text(&t))))
}

fn header_text(a: &Args<'_>, name: &str) -> R {
    Ok(a.object::<Jwt>(0)?
        .header
        .field(name)
        .map_or(Value::Null, |t| Value::Str(scalar_text(&t))))
}

fn moment(a: &Args<'_>, name: &str) -> R {
    let v = a.object::<Jwt>(0)?.body.field(name).and_then(|t| t.value());
    let seconds = v
        .and_then(|v| crate::value::number::as_f64(&v))
        .filter(|s| s.abs() < 2e11);
    Ok(seconds.map_or(Value::Null, |s| {
        Value::utc(time::UNIX_EPOCH + (s as i64) * time::TICKS_PER_SECOND)
    }))
}

const JWT: &[Row] = &[
    m("string Algorithm", |_, a| header_text(a, "alg")),
    m("IEnumerable<string> Audiences", |cx, a| {
        let all = a
            .object::<Jwt>(0)?
            .body
            .field("aud")
            .map_or_else(Vec::new, |t| texts(&t));
        cx.sequence(Ty::String, all.into_iter().map(Value::Str).collect())
    }),
    m("IReadOnlyDictionary<string, string[]> Claims", |cx, a| {
        let d = Dict::new(
            Ty::generic("Dictionary", vec![Ty::String, Ty::array(Ty::String)]),
            false,
        );
        for p in a.object::<Jwt>(0)?.body.children() {
            if let (Some(name), Some(value)) = (p.name(), p.content()) {
                cx.charge(128)?;
                d.insert(Value::Str(name.clone()), Value::strings(texts(&value)));
            }
        }
        Ok(Value::Dict(d))
    }),
    m("DateTime? ExpirationTime", |_, a| moment(a, "exp")),
    m("string Id", |_, a| body_text(a, "jti")),
    m("string Issuer", |_, a| body_text(a, "iss")),
    m("DateTime? IssuedAt", |_, a| moment(a, "iat")),
    m("DateTime? NotBefore", |_, a| moment(a, "nbf")),
    m("string Subject", |_, a| body_text(a, "sub")),
    m("string Type", |_, a| header_text(a, "typ")),
];

#[derive(Debug)]
struct Basic {
    user: Str,
    password: Str,
}

impl Object for Basic {
    fn ty(&self) -> Ty {
        Ty::class("BasicAuthCredentials")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn basic(s: &str) -> Option<Value> {
    let encoded = s
        .get(..6)
        .filter(|p| p.eq_ignore_ascii_case("basic "))
        .map(|_| s[6..].trim())?;
    let bytes = text::from_base64(encoded)?;
    let decoded = String::from_utf8_lossy(&bytes);
    let (user, password) = decoded.split_once(':')?;
    Some(Value::Object(Rc::new(Basic {
        user: user.into(),
        password: password.into(),
    })))
}

const BASIC: &[Row] = &[
    m("string UserId", |_, a| {
        Ok(Value::Str(a.object::<Basic>(0)?.user.clone()))
    }),
    m("string Username", |_, a| {
        Ok(Value::Str(a.object::<Basic>(0)?.user.clone()))
    }),
    m("string Password", |_, a| {
        Ok(Value::Str(a.object::<Basic>(0)?.password.clone()))
    }),
];

/// What `get-authorization-context` stores.
#[derive(Debug)]
struct Authorization {
    token: Str,
    claims: Rc<Dict>,
}

impl Object for Authorization {
    fn ty(&self) -> Ty {
        Ty::class("Authorization")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Value {
    /// A `Jwt` for a variable (`validate-jwt`), if the text is one. Nothing is validated here.
    pub fn jwt(token: &str) -> Option<Value> {
        jwt(token)
    }

    /// The `Jwt` of these two JSON texts, header and claims of a token that was checked.
    pub fn jwt_of(header: &str, claims: &str) -> Option<Value> {
        Some(Value::Object(Rc::new(Jwt {
            header: object(header)?,
            body: object(claims)?,
        })))
    }

    /// The texts that `Jwt.Claims` gives for a claim of this JSON; none when it is not JSON.
    pub fn claim_texts(json: &str) -> Vec<Str> {
        parse::parse_with(json, false).map_or_else(|_| Vec::new(), |token| texts(&token))
    }

    /// An `Authorization` for a variable (`get-authorization-context`).
    pub fn authorization(
        access_token: impl Into<Str>,
        claims: impl IntoIterator<Item = (Str, Value)>,
    ) -> Value {
        let dict = Dict::new(
            Ty::generic("Dictionary", vec![Ty::String, Ty::Object]),
            false,
        );
        for (k, v) in claims {
            dict.insert(Value::Str(k), v);
        }
        Value::Object(Rc::new(Authorization {
            token: access_token.into(),
            claims: dict,
        }))
    }
}

const AUTHORIZATION: &[Row] = &[
    m("string AccessToken", |_, a| {
        Ok(Value::Str(a.object::<Authorization>(0)?.token.clone()))
    }),
    m("IReadOnlyDictionary<string, object> Claims", |_, a| {
        Ok(Value::Dict(a.object::<Authorization>(0)?.claims.clone()))
    }),
];

fn try_with(a: &mut Args<'_>, f: fn(&str) -> Option<Value>) -> R {
    let made = a.values[0].as_str().and_then(f);
    let ok = made.is_some();
    a.values[1] = made.unwrap_or_default();
    Ok(Value::Bool(ok))
}

fn counted(cx: &mut Cx<'_>, a: &Args<'_>, f: fn(&str) -> Option<Value>) -> R {
    let s = a.values[0].as_str().unwrap_or("");
    cx.charge(s.len().saturating_mul(3))?;
    cx.step(16 + s.len() / 16)?;
    Ok(f(s).unwrap_or_default())
}

const EXTENSIONS: &[Row] = &[
    m("static Jwt AsJwt(this string input)", |cx, a| {
        counted(cx, a, jwt)
    }),
    m(
        "static bool TryParseJwt(this string input, out Jwt result)",
        |_, a| try_with(a, jwt),
    ),
    m(
        "static BasicAuthCredentials AsBasic(this string input)",
        |cx, a| counted(cx, a, basic),
    ),
    m(
        "static bool TryParseBasic(this string input, out BasicAuthCredentials result)",
        |_, a| try_with(a, basic),
    ),
];

pub(super) const TYPES: &[Type] = &[
    ty("class Microsoft.Azure.ApiManagement.Jwt", JWT),
    ty(
        "class Microsoft.Azure.ApiManagement.BasicAuthCredentials",
        BASIC,
    ),
    ty(
        "class Microsoft.Azure.ApiManagement.Authorization",
        AUTHORIZATION,
    ),
    ty(
        "static Microsoft.Azure.ApiManagement.StringExtensions",
        EXTENSIONS,
    ),
];
