//! `JToken.Parse`: Json.NET's reader, which takes more than JSON (comments, single quotes, bare names, trailing commas)
//! and turns ISO dates into dates.

use super::{Fields, Token};
use crate::value::{Str, Value, time};

/// `JsonReader.MaxDepth`.
const MAX_DEPTH: usize = 128;

/// Parses one token; the error is close to Json.NET's message.
pub(crate) fn parse(text: &str) -> Result<Token, String> {
    parse_with(text, true)
}

/// As [`parse`]; `dates` false leaves ISO dates as text (`DateParseHandling.None`).
pub(crate) fn parse_with(text: &str, dates: bool) -> Result<Token, String> {
    let mut p = Parser { text, at: 0, dates };
    p.blank()?;
    if p.peek().is_none() {
        return Err("Error reading JToken from JsonReader. Path '', line 0, position 0.".into());
    }
    let token = p.value(0)?;
    p.blank()?;
    match p.peek() {
        None => Ok(token),
        Some(c) => Err(p.error(&format!(
            "Additional text encountered after finished reading JSON content: {c}."
        ))),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    dates: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&self, what: &str) -> String {
        let before = &self.text[..self.at];
        let line = before.matches('\n').count() + 1;
        let column = before.rfind('\n').map_or(self.at, |n| self.at - n - 1);
        format!("{what} Path '', line {line}, position {column}.")
    }

    fn end(&self) -> String {
        self.error("Unexpected end of content while loading JSON.")
    }

    fn blank(&mut self) -> Result<(), String> {
        loop {
            match self.peek() {
                Some(c) if c.is_whitespace() || c == '\u{feff}' => self.at += c.len_utf8(),
                Some('/') => {
                    let rest = &self.text[self.at..];
                    if rest.starts_with("//") {
                        self.at += rest.find('\n').unwrap_or(rest.len());
                    } else if rest.starts_with("/*") {
                        let end = rest
                            .find("*/")
                            .ok_or_else(|| self.error("Unexpected end while parsing comment."))?;
                        self.at += end + 2;
                    } else {
                        return Err(
                            self.error("Error parsing comment. Expected: *, got something else.")
                        );
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Token, String> {
        if depth > MAX_DEPTH {
            return Err(self.error(&format!(
                "The reader's MaxDepth of {MAX_DEPTH} has been exceeded."
            )));
        }
        match self.byte() {
            None => Err(self.end()),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(q @ (b'"' | b'\'')) => {
                let s = self.string(q)?;
                if self.dates
                    && let Some(date) = time::json_date(&s)
                {
                    return Ok(Token::scalar(date));
                }
                Ok(Token::scalar(Value::from(s)))
            }
            Some(b'-' | b'0'..=b'9' | b'.') => self.number(),
            Some(_) => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Token, String> {
        self.at += 1;
        let mut fields = Fields::default();
        loop {
            self.blank()?;
            match self.byte() {
                None => return Err(self.end()),
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Token::object(fields));
                }
                Some(_) => {}
            }
            let name: Str = match self.byte() {
                Some(q @ (b'"' | b'\'')) => self.string(q)?.into(),
                _ => {
                    let rest = &self.text[self.at..];
                    let end = rest
                        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                        .unwrap_or(rest.len());
                    if end == 0 {
                        let c = rest.chars().next().unwrap_or(' ');
                        return Err(
                            self.error(&format!("Invalid property identifier character: {c}."))
                        );
                    }
                    self.at += end;
                    rest[..end].into()
                }
            };
            self.blank()?;
            if self.byte() != Some(b':') {
                return Err(match self.peek() {
                    None => self.end(),
                    Some(c) => self.error(&format!(
                        "Invalid character after parsing property name. Expected ':' but got: {c}."
                    )),
                });
            }
            self.at += 1;
            self.blank()?;
            let value = self.value(depth + 1)?;
            // The last of two equal names wins, at the place of the first.
            match fields.position(&name) {
                Some(i) => {
                    if fields.list()[i].set_content(value).is_err() {
                        return Err(self.error("The JSON is nested too deeply."));
                    }
                }
                None => fields.push(Token::property(name, value)),
            }
            self.blank()?;
            match self.byte() {
                Some(b',') => self.at += 1,
                Some(b'}') => {}
                None => return Err(self.end()),
                Some(_) => return Err(self.after_value()),
            }
        }
    }

    fn after_value(&self) -> String {
        let c = self.peek().unwrap_or(' ');
        self.error(&format!(
            "After parsing a value an unexpected character was encountered: {c}."
        ))
    }

    fn array(&mut self, depth: usize) -> Result<Token, String> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blank()?;
            match self.byte() {
                None => return Err(self.end()),
                Some(b']') => {
                    self.at += 1;
                    return Ok(Token::array(items));
                }
                Some(_) => items.push(self.value(depth + 1)?),
            }
            self.blank()?;
            match self.byte() {
                Some(b',') => self.at += 1,
                Some(b']') => {}
                None => return Err(self.end()),
                Some(_) => return Err(self.after_value()),
            }
        }
    }

    fn string(&mut self, quote: u8) -> Result<String, String> {
        self.at += 1;
        let bytes = self.text.as_bytes();
        let start = self.at;
        while let Some(&b) = bytes.get(self.at) {
            if b == quote {
                let s = self.text[start..self.at].to_string();
                self.at += 1;
                return Ok(s);
            }
            if b == b'\\' {
                return self.escaped(start, quote);
            }
            self.at += 1;
        }
        Err(self.error(&format!(
            "Unterminated string. Expected delimiter: {}.",
            quote as char
        )))
    }

    fn escaped(&mut self, start: usize, quote: u8) -> Result<String, String> {
        let mut units: Vec<u16> = Vec::new();
        let mut out = self.text[start..self.at].to_string();
        loop {
            let Some(c) = self.peek() else {
                return Err(self.error(&format!(
                    "Unterminated string. Expected delimiter: {}.",
                    quote as char
                )));
            };
            self.at += c.len_utf8();
            if c != '\\' {
                flush(&mut units, &mut out);
                if c as u32 == u32::from(quote) {
                    return Ok(out);
                }
                out.push(c);
                continue;
            }
            let Some(e) = self.peek() else {
                return Err(self.end());
            };
            self.at += e.len_utf8();
            if e == 'u' {
                let hex = self
                    .text
                    .get(self.at..self.at + 4)
                    .and_then(|h| u16::from_str_radix(h, 16).ok());
                let Some(unit) = hex else {
                    return Err(self.error("Invalid Unicode escape sequence."));
                };
                self.at += 4;
                units.push(unit);
                continue;
            }
            flush(&mut units, &mut out);
            out.push(match e {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                '"' | '\'' | '/' | '\\' => e,
                _ => return Err(self.error(&format!("Bad JSON escape sequence: \\{e}."))),
            });
        }
    }

    fn number(&mut self) -> Result<Token, String> {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')))
            .unwrap_or(rest.len());
        let s = &rest[..end];
        if s == "-Infinity" {
            self.at += end;
            return Ok(Token::scalar(Value::Double(f64::NEG_INFINITY)));
        }
        let value = if let Some(hex) = s.strip_prefix("0x").or_else(|| s.strip_prefix("0X")) {
            i64::from_str_radix(hex, 16).ok().map(Value::Long)
        } else if s.len() > 1 && s.starts_with('0') && s.bytes().all(|b| b.is_ascii_digit()) {
            i64::from_str_radix(s, 8).ok().map(Value::Long)
        } else if !s.contains(['.', 'e', 'E']) {
            // Beyond long Json.NET keeps a BigInteger; decimal carries 28 digits, a double the rest.
            s.parse::<i64>()
                .map(Value::Long)
                .ok()
                .or_else(|| s.parse::<u64>().ok().map(Value::ULong))
                .or_else(|| {
                    s.bytes()
                        .skip(1)
                        .all(|b| b.is_ascii_digit())
                        .then(|| s.parse().ok().map(Value::Decimal))
                        .flatten()
                })
                .or_else(|| {
                    s.bytes()
                        .skip(1)
                        .all(|b| b.is_ascii_digit())
                        .then(|| s.parse().ok().map(Value::Double))
                        .flatten()
                })
        } else {
            s.parse::<f64>()
                .ok()
                .filter(|f| f.is_finite())
                .map(Value::Double)
        };
        match value {
            Some(v) => {
                self.at += end;
                Ok(Token::scalar(v))
            }
            None => Err(self.error(&format!("Input string '{s}' is not a valid number."))),
        }
    }

    fn word(&mut self) -> Result<Token, String> {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let value = match &rest[..end] {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" | "undefined" => Value::Null,
            "NaN" => Value::Double(f64::NAN),
            "Infinity" => Value::Double(f64::INFINITY),
            _ => {
                let c = rest.chars().next().unwrap_or(' ');
                return Err(self.error(&format!(
                    "Unexpected character encountered while parsing value: {c}."
                )));
            }
        };
        self.at += end;
        Ok(Token::scalar(value))
    }
}

fn flush(units: &mut Vec<u16>, out: &mut String) {
    if !units.is_empty() {
        out.push_str(&String::from_utf16_lossy(units));
        units.clear();
    }
}
