//! Values of a message that its HTTP head repeats: `Mcp-Name` and `Mcp-Param-*` of 2026-07-28.
//!
//! What must stay true: [`decode`] gives back what [`encode`] was given, and nothing but what stands in the header is
//! believed. Source: MCP 2026-07-28, "Streamable HTTP", custom headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use std::borrow::Cow;

const BEGIN: &str = "=?base64?";
const END: &str = "?=";

/// Why a header's value is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadValue {
    /// A byte that is not visible ASCII, space or tab.
    Characters,
    /// Between the markers stands no Base64, or none of UTF-8.
    Base64,
}

impl std::fmt::Display for BadValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BadValue::Characters => "holds a character that is not visible ASCII",
            BadValue::Base64 => "holds no Base64 of UTF-8 between its markers",
        })
    }
}

/// A text as a header's value: as it is, or between markers as Base64.
pub fn encode(text: &str) -> Cow<'_, str> {
    let outer_space = text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
    if text.bytes().all(is_plain) && !outer_space && marked(text).is_none() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{BEGIN}{}{END}", STANDARD.encode(text)))
    }
}

/// The text that a header's value means; space around it does not count.
pub fn decode(value: &[u8]) -> Result<Cow<'_, str>, BadValue> {
    let text = std::str::from_utf8(value.trim_ascii())
        .ok()
        .filter(|text| text.bytes().all(is_plain))
        .ok_or(BadValue::Characters)?;
    let Some(coded) = marked(text) else {
        return Ok(Cow::Borrowed(text));
    };
    let bytes = STANDARD.decode(coded).map_err(|_| BadValue::Base64)?;
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| BadValue::Base64)
}

/// Whether a header's value means a scalar of the message: a string, whole number or truth value, as JSON.
pub fn means(header: &str, json: &RawValue) -> bool {
    match scalar(json) {
        Some(Scalar::Text(text)) => text == header,
        Some(Scalar::Integer(number)) => number == header || same_number(&number, header),
        Some(Scalar::Bool(value)) => header == if value { "true" } else { "false" },
        None => false,
    }
}

/// The header's text for a scalar; `None` for what is not mirrored (`null`, fractions, objects, arrays).
pub fn text_of(json: &RawValue) -> Option<String> {
    match scalar(json)? {
        Scalar::Text(text) | Scalar::Integer(text) => Some(text),
        Scalar::Bool(value) => Some(value.to_string()),
    }
}

enum Scalar {
    Text(String),
    Integer(String),
    Bool(bool),
}

fn scalar(json: &RawValue) -> Option<Scalar> {
    let text = json.get();
    match text.as_bytes() {
        [b'"', ..] => serde_json::from_str(text).ok().map(Scalar::Text),
        b"true" => Some(Scalar::Bool(true)),
        b"false" => Some(Scalar::Bool(false)),
        [b'-', digits @ ..] | digits
            if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) =>
        {
            Some(Scalar::Integer(text.to_owned()))
        }
        _ => None,
    }
}

/// Compares decimal integers by value: `07` is `7`, `-0` is `0`.
fn same_number(a: &str, b: &str) -> bool {
    let parts = |text: &str| -> Option<(bool, String)> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        whole.then(|| {
            let digits = digits.trim_start_matches('0');
            (negative && !digits.is_empty(), digits.to_owned())
        })
    };
    parts(a).is_some() && parts(a) == parts(b)
}

fn marked(text: &str) -> Option<&str> {
    text.strip_prefix(BEGIN)?.strip_suffix(END)
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_specification_says() {
        assert_eq!(encode("us-west1"), "us-west1");
        assert_eq!(encode(""), "");
        assert_eq!(encode("Zürich"), "=?base64?WsO8cmljaA==?=");
        assert_eq!(encode(" x"), "=?base64?IHg=?=");
        assert_eq!(encode("a\nb"), "=?base64?YQpi?=");
        assert_eq!(encode("=?base64?x?="), "=?base64?PT9iYXNlNjQ/eD89?=");
        assert_eq!(encode("=?base64?x"), "=?base64?x");
        assert_eq!(decode(b"  =?base64?WsO8cmljaA==?= ").unwrap(), "Zürich");
        assert_eq!(decode(b"=?BASE64?x?=").unwrap(), "=?BASE64?x?=");
        assert_eq!(decode(b"=?base64?x?="), Err(BadValue::Base64));
        assert_eq!(decode(b"=?base64?/w==?="), Err(BadValue::Base64));
        assert_eq!(decode("ü".as_bytes()), Err(BadValue::Characters));
        assert_eq!(decode(b"a\x01"), Err(BadValue::Characters));
    }

    #[test]
    fn scalars_are_compared_by_what_they_mean() {
        let json = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        assert!(means("7", &json("7")) && means("07", &json("7")) && means("0", &json("-0")));
        assert!(!means("7", &json("8")) && !means("7", &json("7.0")) && !means("", &json("7")));
        assert!(means("true", &json("true")) && !means("True", &json("true")));
        assert!(means("a\u{fc}", &json(r#""a\u00fc""#)) && !means("null", &json("null")));
        assert!(!means("7", &json("[7]")));
        assert_eq!(text_of(&json(r#""7""#)).as_deref(), Some("7"));
        assert_eq!(text_of(&json("1.5")), None);
    }

    #[test]
    fn decoding_undoes_encoding() {
        arbtest::arbtest(|u| {
            let text: String = u.arbitrary()?;
            let header = encode(&text);
            assert!(header.bytes().all(is_plain));
            assert_eq!(header.trim_ascii(), &*header, "no outer space");
            assert_eq!(decode(header.as_bytes()).unwrap(), text);
            let any: Vec<u8> = u.arbitrary()?;
            if let Ok(text) = decode(&any) {
                assert_eq!(decode(encode(&text).as_bytes()).unwrap(), text);
            }
            Ok(())
        });
    }
}
