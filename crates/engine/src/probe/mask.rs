//! What a trace or a debugger must not show: secrets of the configuration, credentials of the caller, tokens on the way.
//!
//! Three nets: values that are known to be secret (of the configuration, or learned while the exchange runs: what came in
//! a header of credentials, what an expression made of a secret), wherever they occur and in their usual encodings; names
//! whose values are secret (headers, JSON members, query parameters, variables); and shapes that only credentials have
//! (`Bearer ...`, JWT, PEM). What must stay true: every text of a probe that leaves the gateway has been through
//! [`Mask::text`] or [`Mask::named`]; masking comes before cutting, so that no half of a secret is left.

use crate::definition::{BackendKind, Definition};
use crate::exchange::Exchange;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_lang::value::Str;

/// Stands for what is not shown.
pub const HIDDEN: &str = "***";

/// Shorter values are hidden only where they are the whole text: they would tear holes into words.
const SHORTEST: usize = 4;

/// Most values that are learned in one exchange.
const MOST_LEARNED: usize = 256;

/// Most bytes of a text that are looked at; what is shown is cut far before.
const LONGEST: usize = 64 << 10;

/// Names whose values are secret, in lower case without `-`, `_` and `.`.
const NAMES: &[&str] = &[
    "authorization",
    "proxyauthorization",
    "apimdebugauthorization",
    "cookie",
    "setcookie",
    "password",
    "passwd",
    "pwd",
    "secret",
    "sig",
    "signature",
    "sharedaccesskey",
    "accountkey",
    "token",
    "assertion",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "clientassertion",
    "clientcert",
    "clientcertificate",
    "xforwardedclientcert",
    "xarrclientcert",
    "ocpapimtracelocation",
    "privatekey",
    "connectionstring",
    "credential",
    "credentials",
];

/// Ends of such names.
const ENDS: &[&str] = &[
    "apikey",
    "accesskey",
    "subscriptionkey",
    "functionskey",
    "primarykey",
    "secondarykey",
    "sharedkey",
    "secretkey",
    "privatekey",
    "password",
    "secret",
    "token",
    "clientassertion",
    "authorization",
];

/// Secrets that the configuration holds, in every form that is looked for.
#[derive(Default)]
pub struct Secrets(Arc<BTreeSet<Str>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    /// Those of a definition: secret named values, credentials of backends, loggers and proxies, stored connections, keys
    /// of certificates.
    /// Keys of subscriptions are learned when one is used.
    pub(crate) fn of(definition: &Definition) -> Secrets {
        let mut all = BTreeSet::new();
        let mut add = |text: &str| {
            forms(text, |form| {
                all.insert(form);
            });
        };
        let workspaces = definition.workspaces.iter();
        let named = workspaces.flat_map(|w| w.named_values.values());
        let named = named.chain(definition.named_values.values());
        for value in named.filter(|v| v.secret) {
            let value = value.value.expose();
            // What comes from the environment counts as secret; an address is none.
            if !is_origin(value) {
                add(value);
            }
        }
        for backend in &definition.backends {
            match &backend.kind {
                BackendKind::Single(single) => {
                    let parts = single.headers.iter().chain(&single.query);
                    parts.for_each(|(_, value)| add(value.expose()));
                    if let Some((_, parameter)) = &single.authorization {
                        add(parameter.expose());
                    }
                    let proxy = single.proxy.as_ref();
                    if let Some(password) = proxy.and_then(|p| p.password.as_ref()) {
                        add(password.expose());
                    }
                }
                BackendKind::Pool(pool) => {
                    let affinity = pool.session_affinity.as_ref();
                    if let Some(key) = affinity.and_then(|a| a.key.as_ref()) {
                        add(key.expose());
                    }
                }
            }
        }
        for logger in &definition.loggers {
            let parts = logger.credentials.values();
            parts.for_each(|value| add(value.expose()));
        }
        for stored in definition.authorization_providers.values() {
            stored.values().for_each(|a| add(a.access_token.expose()));
        }
        for key in definition
            .certificates
            .iter()
            .filter_map(|c| c.key.as_ref())
        {
            add(key.expose());
        }
        Secrets(Arc::new(all))
    }
}

/// Whether a text is scheme, host and port of a URL and nothing else.
fn is_origin(text: &str) -> bool {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|s| text.trim().strip_prefix(s));
    rest.is_some_and(|rest| {
        let host = rest.strip_suffix('/').unwrap_or(rest);
        !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'))
    })
}

/// A text as it may occur: plain, Base64, percent-encoded, as a JSON string.
fn forms(text: &str, mut take: impl FnMut(Str)) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    take(Str::from(text));
    take(Str::from(STANDARD.encode(text)));
    let encoded = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
    take(Str::from(encoded.to_string()));
    let quoted = serde_json::Value::from(text).to_string();
    take(Str::from(&quoted[1..quoted.len() - 1]));
}

/// Hides secrets of one exchange.
#[derive(Debug, Default)]
pub struct Mask {
    known: Secrets,
    learned: RefCell<Vec<Str>>,
}

impl Mask {
    /// With the secrets of the exchange's configuration.
    pub fn new(secrets: &Secrets) -> Mask {
        Mask {
            known: Secrets(secrets.0.clone()),
            learned: RefCell::default(),
        }
    }

    /// Hides a value from now on.
    pub fn learn(&self, text: &str) {
        if text.len() > LONGEST {
            return;
        }
        let mut learned = self.learned.borrow_mut();
        forms(text, |form| {
            if learned.len() < MOST_LEARNED && !learned.contains(&form) {
                learned.push(form);
            }
        });
    }

    /// Hides the credentials that came with a message.
    pub fn learn_headers(&self, headers: &HeaderMap) {
        for (name, value) in headers {
            let Ok(value) = value.to_str() else { continue };
            if !is_secret_name(name.as_str()) {
                continue;
            }
            if matches!(name.as_str(), "cookie" | "set-cookie") {
                let pairs = value.split(';').filter_map(|pair| pair.split_once('='));
                pairs
                    .map(|(_, v)| v)
                    .filter(|v| v.len() >= 8)
                    .for_each(|v| self.learn(v));
                continue;
            }
            self.learn(value);
            // `Bearer TOKEN`: the token alone, too.
            if let Some((_, token)) = value.split_once(' ') {
                self.learn(token);
            }
        }
    }

    /// Hides what the exchange knows of its caller: the headers, the key, the keys of the subscription.
    pub fn learn_caller(&self, rq: &Exchange) {
        self.learn_headers(&rq.request.headers);
        if let Some(key) = &rq.key {
            self.learn(key.expose());
        }
        if let Some(subscription) = rq.subscription() {
            self.learn(subscription.primary_key.expose());
            if let Some(key) = &subscription.secondary_key {
                self.learn(key.expose());
            }
        }
    }

    /// A value that has a name: a header, a variable, a member.
    pub fn named(&self, name: &str, value: &str) -> String {
        if !is_secret_name(name) || value.is_empty() {
            return self.text(value);
        }
        // The scheme says what was sent and is no secret.
        match value.split_once(' ') {
            Some((scheme, _)) if is_scheme(scheme) => format!("{scheme} {HIDDEN}"),
            _ => String::from(HIDDEN),
        }
    }

    /// Any text.
    pub fn text(&self, text: &str) -> String {
        let text = &text[..text.floor_char_boundary(LONGEST)];
        let mut out = Cow::Borrowed(text);
        let learned = self.learned.borrow();
        for secret in self.known.0.iter().chain(learned.iter()) {
            if *out == **secret {
                return String::from(HIDDEN);
            }
            if secret.len() >= SHORTEST && out.contains(&**secret) {
                out = Cow::Owned(out.replace(&**secret, HIDDEN));
            }
        }
        shapes(&members(&out))
    }
}

fn is_scheme(word: &str) -> bool {
    [
        "bearer",
        "basic",
        "digest",
        "negotiate",
        "sharedaccesssignature",
        "dpop",
    ]
    .iter()
    .any(|s| word.eq_ignore_ascii_case(s))
}

/// Whether the values of a name are secret.
pub fn is_secret_name(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    NAMES.contains(&plain.as_str()) || ENDS.iter().any(|end| plain.ends_with(end))
}

/// Hides values behind secret names: `"access_token": "..."`, `client_secret=...&`.
fn members(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b':', b'=', &bytes[at..]) {
        let sign = at + found;
        at = sign + 1;
        let Some(name) = name_before(text, sign) else {
            continue;
        };
        if !is_secret_name(name) {
            continue;
        }
        let (start, end) = value_after(bytes, sign + 1);
        if start >= end || start < copied {
            continue;
        }
        out.push_str(&text[copied..start]);
        out.push_str(HIDDEN);
        copied = end;
        at = end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// The word that ends before `sign`, quoted or not.
fn name_before(text: &str, sign: usize) -> Option<&str> {
    let before = text[..sign].trim_end_matches([' ', '\t', '"', '\'', '\\']);
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let start = before.rfind(|c: char| !word(c)).map_or(0, |i| {
        i + before[i..].chars().next().map_or(1, char::len_utf8)
    });
    Some(&before[start..]).filter(|w| !w.is_empty() && w.len() <= 64)
}

/// Where a value stands: up to the end of its quotes, or of the word.
fn value_after(bytes: &[u8], from: usize) -> (usize, usize) {
    let blank = |b: &&u8| matches!(**b, b' ' | b'\t');
    let mut start = from + bytes[from..].iter().take_while(blank).count();
    let escaped = bytes.get(start) == Some(&b'\\');
    let quote = bytes.get(start + usize::from(escaped)).copied();
    if let Some(quote @ (b'"' | b'\'')) = quote {
        start += 1 + usize::from(escaped);
        let mut end = start;
        while end < bytes.len() && bytes[end] != quote {
            // In a JSON string inside a string, the end itself is escaped.
            end += if bytes[end] == b'\\' && !escaped {
                2
            } else {
                1
            };
        }
        return (start, end.min(bytes.len()));
    }
    let stop = |b: &u8| {
        matches!(
            b,
            b'&' | b';' | b',' | b'}' | b']' | b'"' | b'\'' | b'<' | b'\r' | b'\n'
        )
    };
    let mut end = start;
    while end < bytes.len() && !stop(&bytes[end]) {
        // `authorization: Bearer TOKEN` goes on behind the scheme.
        if bytes[end] == b' ' && !is_scheme(&String::from_utf8_lossy(&bytes[start..end])) {
            break;
        }
        end += 1;
    }
    // `[`, `{`: a structure, whose own members are looked at.
    if matches!(bytes.get(start), Some(b'{' | b'[')) {
        return (start, start);
    }
    (start, end)
}

/// Hides what looks like a credential.
fn shapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let Some((at, length)) = credential(rest) else {
            out.push_str(rest);
            break;
        };
        out.push_str(&rest[..at]);
        out.push_str(HIDDEN);
        rest = &rest[at + length..];
    }
    out
}

/// The first credential: where it begins, and its length, at least 1.
fn credential(text: &str) -> Option<(usize, usize)> {
    let token =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+' | '/' | '=');
    let run = |from: usize| {
        let rest = &text[from..];
        rest.find(|c: char| !token(c)).unwrap_or(rest.len())
    };
    let mut first: Option<(usize, usize)> = None;
    let mut take = |at: usize, length: usize| {
        if first.is_none_or(|(f, _)| at < f) {
            first = Some((at, length));
        }
    };
    for scheme in ["Bearer ", "bearer ", "Basic ", "basic "] {
        for (at, _) in text.match_indices(scheme) {
            let begin = at + scheme.len();
            let length = run(begin);
            // Shorter ones are words of a sentence.
            if length >= 12 {
                take(begin, length);
                break;
            }
        }
    }
    for (at, _) in text.match_indices("eyJ") {
        let length = run(at);
        let word = &text[at..at + length];
        if word.matches('.').count() >= 2 && length >= 20 {
            take(at, length);
            break;
        }
    }
    if let Some(at) = text.find("-----BEGIN ") {
        let rest = &text[at..];
        let end = rest.find("-----END ").map_or(rest.len(), |end| {
            let tail = &rest[end + 9..];
            end + 9 + tail.find("-----").map_or(tail.len(), |e| e + 5)
        });
        take(at, end);
    }
    first
}

#[cfg(test)]
mod tests;
