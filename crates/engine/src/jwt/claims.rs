//! The claims of a token whose signature was checked, read once.
//!
//! Called by [`super::check`]. What must stay true: a claim's texts are those that `Jwt.Claims` gives to expressions
//! (`tollgate_lang`); standard claims of another type than RFC 7519's make the token invalid; a name stands once.

use super::refusal::Refusal;
use super::token::{Name, once, plain};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;
use tollgate_lang::value::{Str, Value};

/// Most claims of a token.
const MOST_CLAIMS: usize = 512;

/// Deepest nest of claims: well below what the reader for expressions takes.
const MOST_DEPTH: usize = 64;

/// Last second that a `DateTime` can hold (end of the year 9999): .NET refuses later ones.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// The claims of one token.
#[derive(Debug)]
pub(super) struct Claims {
    text: Str,
    claims: Vec<Claim>,
    pub(super) issuer: Option<Str>,
    pub(super) audiences: SmallVec<[Str; 1]>,
    /// Unix milliseconds.
    pub(super) expires: Option<f64>,
    /// Unix milliseconds.
    pub(super) not_before: Option<f64>,
}

#[derive(Debug)]
struct Claim {
    name: ClaimName,
    /// Its JSON in `text`.
    json: Range<usize>,
    /// Read when they are asked for: a token is checked many times.
    texts: OnceCell<Box<[Str]>>,
}

#[derive(Debug)]
enum ClaimName {
    Plain(Range<usize>),
    Escaped(Box<str>),
}

struct Members<'a>(Vec<(Name<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut names: Vec<Name<'de>> = Vec::with_capacity(24);
                let mut values = Vec::with_capacity(24);
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    once(&name, &names, MOST_CLAIMS)?;
                    names.push(name);
                    values.push(map.next_value::<&RawValue>()?);
                }
                Ok(Members(names.into_iter().zip(values).collect()))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Claims {
    /// Reads a decoded payload.
    pub(super) fn parse(text: String) -> Result<Claims, Refusal> {
        let refused =
            |why: String| Refusal::invalid(format!("The claims of the token are refused: {why}"));
        let text = Str::from(text);
        if depth(&text) > MOST_DEPTH {
            return Err(refused(String::from("they are nested too deep.")));
        }
        let Members(members) = serde_json::from_str(&text).map_err(|e| refused(plain(&e)))?;
        let mut claims = Vec::with_capacity(members.len());
        let mut found = (None, SmallVec::new(), None, None);
        for (name, raw) in members {
            let json = raw.get();
            match &*name.0 {
                "iss" => {
                    let issuer =
                        one(json).ok_or_else(|| refused(String::from("`iss` is not a string.")))?;
                    found.0 = Some(issuer);
                }
                "aud" => {
                    found.1 = audiences(json).ok_or_else(|| {
                        refused(String::from(
                            "`aud` is neither a string nor an array of strings.",
                        ))
                    })?;
                }
                "exp" => {
                    found.2 = Some(
                        date(json).ok_or_else(|| refused(String::from("`exp` is not a date.")))?,
                    )
                }
                "nbf" => {
                    found.3 = Some(
                        date(json).ok_or_else(|| refused(String::from("`nbf` is not a date.")))?,
                    )
                }
                _ => {}
            }
            claims.push(Claim {
                name: match name.0 {
                    std::borrow::Cow::Borrowed(name) => ClaimName::Plain(place(&text, name)),
                    std::borrow::Cow::Owned(name) => ClaimName::Escaped(name.into()),
                },
                json: place(&text, json),
                texts: OnceCell::new(),
            });
        }
        let (issuer, audiences, expires, not_before) = found;
        Ok(Claims {
            claims,
            issuer,
            audiences,
            expires,
            not_before,
            text,
        })
    }

    /// The payload.
    pub(super) fn json(&self) -> &Str {
        &self.text
    }

    /// Whether the token is valid at a time; all in milliseconds. `exp` is the first moment that it is not (RFC 7519
    /// §4.1.4).
    pub(super) fn check_lifetime(
        &self,
        now: f64,
        skew: f64,
        required: bool,
    ) -> Result<(), Refusal> {
        if self.expires.is_none() && required {
            return Err(Refusal::invalid(
                "IDX10225: Lifetime validation failed. The token is missing an Expiration Time.",
            ));
        }
        if let (Some(from), Some(until)) = (self.not_before, self.expires)
            && from > until
        {
            return Err(Refusal::invalid(
                "IDX10224: Lifetime validation failed. The NotBefore is after Expires.",
            ));
        }
        match (self.not_before, self.expires) {
            (Some(from), _) if from > now + skew => Err(Refusal::not_yet(from, now)),
            (_, Some(until)) if until <= now - skew => Err(Refusal::expired(until, now)),
            _ => Ok(()),
        }
    }

    /// A claim's texts as `Jwt.Claims` gives them: one for each entry of an array. Empty when it is not there, when it
    /// is `null` and when it is an empty array: none of them says anything.
    pub(super) fn texts(&self, name: &str) -> &[Str] {
        let claim = self.claims.iter().find(|c| match &c.name {
            ClaimName::Plain(range) => self.text.get(range.clone()) == Some(name),
            ClaimName::Escaped(text) => **text == *name,
        });
        claim.map_or(&[], |claim| {
            claim.texts.get_or_init(|| {
                let json = self.text.get(claim.json.clone()).unwrap_or_default();
                match json.as_bytes().first() {
                    Some(b'"') => one(json).into_iter().collect(),
                    Some(b'n') => Box::default(),
                    Some(b't' | b'f') => Box::from([Str::from(json)]),
                    _ => Value::claim_texts(json).into(),
                }
            })
        })
    }
}

/// How deep brackets are nested, those in texts left out.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Where a part stands in its text.
fn place(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

fn one(json: &str) -> Option<Str> {
    serde_json::from_str::<Name<'_>>(json)
        .ok()
        .map(|s| Str::from(&*s.0))
}

fn audiences(json: &str) -> Option<SmallVec<[Str; 1]>> {
    if json.starts_with('[') {
        let all: Vec<Name<'_>> = serde_json::from_str(json).ok()?;
        return Some(all.iter().map(|s| Str::from(&*s.0)).collect());
    }
    one(json).map(|s| SmallVec::from_iter([s]))
}

/// A NumericDate (RFC 7519 §2): seconds, also fractions, as Unix milliseconds.
fn date(json: &str) -> Option<f64> {
    let seconds: f64 = serde_json::from_str(json).ok()?;
    (-LAST_SECOND..=LAST_SECOND)
        .contains(&seconds)
        .then_some(seconds * 1000.0)
}
