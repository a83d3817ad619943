//! Media types of messages: JSON or XML, in which encoding, and which of them the caller asks for.
//!
//! The conversion policies and templates use it. Sources: RFC 9110 (12.5.1), RFC 6839 and RFC 7303 (suffixes `+json`
//! and `+xml`). What must stay true: a header that cannot be read says nothing.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use tollgate_agents::operation::contract::essence;

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/json`, `text/json`, `+json`.
    Json,
    /// `application/xml`, `text/xml`, `+xml`.
    Xml,
}

impl Format {
    /// By a media type without parameters, in lower case.
    fn of_essence(essence: &str) -> Option<Format> {
        let is = |name: &str| {
            essence
                .strip_prefix("application/")
                .or(essence.strip_prefix("text/"))
                == Some(name)
                || essence
                    .rsplit_once('+')
                    .is_some_and(|(_, suffix)| suffix == name)
        };
        if is("json") {
            Some(Format::Json)
        } else if is("xml") {
            Some(Format::Xml)
        } else {
            None
        }
    }

    /// What the `Content-Type` of a message says.
    pub fn of(headers: &HeaderMap) -> Option<Format> {
        Format::of_essence(&essence(content_type(headers)?))
    }

    /// The `Content-Type` of a body that is made, where nobody asked for another one.
    fn usual(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Xml => "text/xml",
        }
    }
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

/// The `charset` of a message's `Content-Type`.
pub fn charset(headers: &HeaderMap) -> Option<&str> {
    charset_of(content_type(headers)?)
}

fn charset_of(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"'))
    })
}

/// The text of a body that is plain; `None` in an encoding that is not known.
pub fn text(body: &Bytes, headers: &HeaderMap) -> Option<String> {
    tollgate_lang::interchange::decode(body, charset(headers))
}

/// The `Content-Type` of a body of a format that takes the place of another one: `asked` for, or the usual one. A
/// charset stays said, and is then what we write.
pub fn converted(headers: &HeaderMap, to: Format, asked: Option<&'static str>) -> HeaderValue {
    let kind = asked.unwrap_or(to.usual());
    match charset(headers) {
        Some(_) => HeaderValue::from_str(&format!("{kind}; charset=utf-8"))
            .unwrap_or(HeaderValue::from_static("application/octet-stream")),
        None => HeaderValue::from_static(kind),
    }
}

/// Puts `charset=utf-8` in the place of another charset in a `Content-Type`.
pub fn say_utf8(headers: &mut HeaderMap) {
    say_charset(headers, "utf-8");
}

/// Puts a charset in the place of another one in a `Content-Type`.
pub fn say_charset(headers: &mut HeaderMap, name: &str) {
    let Some(said) = charset(headers).filter(|c| !c.eq_ignore_ascii_case(name)) else {
        return;
    };
    let Some(old) = content_type(headers) else {
        return;
    };
    // The first of several is what was found.
    let new = old.replacen(said, name, 1);
    if let Ok(value) = HeaderValue::from_str(&new)
        && charset_of(&new) == Some(name)
    {
        headers.insert(header::CONTENT_TYPE, value);
    }
}

/// Whether an `Accept` asks for a format by name, and prefers the other one nowhere: then the type to answer with.
/// Ranges (`*/*`) ask for nothing in particular.
pub fn requested(headers: &HeaderMap, format: Format) -> Option<&'static str> {
    let mut best: Option<(f32, &'static str)> = None;
    let mut other = 0.0_f32;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or("").split(',') {
            let kind = essence(range);
            let Some(named) = Format::of_essence(&kind) else {
                continue;
            };
            let q = quality(range);
            if named != format {
                other = other.max(q);
            } else if q > best.map_or(0.0, |(q, _)| q) {
                let kind = match kind.as_str() {
                    "text/json" => "text/json",
                    "application/xml" => "application/xml",
                    _ => format.usual(),
                };
                best = Some((q, kind));
            }
        }
    }
    best.filter(|(q, _)| *q >= other).map(|(_, kind)| kind)
}

/// The weight of a range; 1 when it says none.
fn quality(range: &str) -> f32 {
    let said = range.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("q")
            .then(|| value.trim().parse().unwrap_or(0.0))
    });
    said.unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn formats_by_content_type() {
        for (value, format) in [
            ("application/json", Some(Format::Json)),
            ("Text/JSON; charset=utf-8", Some(Format::Json)),
            ("application/problem+json", Some(Format::Json)),
            ("application/xml", Some(Format::Xml)),
            ("text/xml", Some(Format::Xml)),
            ("application/soap+xml;action=x", Some(Format::Xml)),
            ("text/plain", None),
            ("application/jsonp", None),
            ("image/json", None),
        ] {
            assert_eq!(
                Format::of(&headers(header::CONTENT_TYPE, value)),
                format,
                "{value}"
            );
        }
        assert_eq!(Format::of(&HeaderMap::new()), None);
    }

    #[test]
    fn what_an_accept_asks_for() {
        for (accept, json, xml) in [
            ("application/json", Some("application/json"), None),
            ("text/xml", None, Some("text/xml")),
            (
                "application/xml, text/xml;q=0.5",
                None,
                Some("application/xml"),
            ),
            ("application/soap+xml", None, Some("text/xml")),
            (
                "application/json, application/xml",
                Some("application/json"),
                Some("application/xml"),
            ),
            (
                "application/json;q=0.5, application/xml",
                None,
                Some("application/xml"),
            ),
            ("application/json;q=0", None, None),
            ("application/json;q=x", None, None),
            ("text/json", Some("text/json"), None),
            ("*/*", None, None),
            ("text/html, */*;q=0.8", None, None),
            ("", None, None),
        ] {
            let accept = headers(header::ACCEPT, accept);
            assert_eq!(requested(&accept, Format::Json), json, "{accept:?}");
            assert_eq!(requested(&accept, Format::Xml), xml, "{accept:?}");
        }
    }

    #[test]
    fn a_text_is_utf8_and_says_so() {
        for (value, expected) in [
            (
                "text/plain; charset=iso-8859-1",
                "text/plain; charset=utf-8",
            ),
            (
                "text/plain; x=y; CHARSET=\"latin1\"; z",
                "text/plain; x=y; CHARSET=\"utf-8\"; z",
            ),
            ("text/plain; charset=UTF-8", "text/plain; charset=UTF-8"),
            ("text/plain", "text/plain"),
            // A charset that stands elsewhere too is left alone.
            ("text/t; charset=t", "text/t; charset=t"),
        ] {
            let mut headers = headers(header::CONTENT_TYPE, value);
            say_utf8(&mut headers);
            assert_eq!(headers[header::CONTENT_TYPE], expected);
        }
    }

    #[test]
    fn a_charset_stays_said() {
        let with = headers(
            header::CONTENT_TYPE,
            "text/xml; x=y; Charset=\"iso-8859-1\"",
        );
        assert_eq!(charset(&with), Some("iso-8859-1"));
        assert_eq!(
            converted(&with, Format::Json, None),
            "application/json; charset=utf-8"
        );
        assert_eq!(converted(&HeaderMap::new(), Format::Xml, None), "text/xml");
        assert_eq!(
            converted(&with, Format::Xml, Some("application/xml")),
            "application/xml; charset=utf-8"
        );
    }
}
