//! `JToken.Parse`: Json.NET's reader, which takes more than JSON (comments, single quotes, bare names, trailing commas,
//! `undefined`, constructors) and turns ISO dates into dates.
//!
//! What must stay true: a text is read, or refused with the message, path, line and position that Json.NET 13 gives; no
//! tree is nested deeper than [`MAX_DEPTH`], so the recursion here is bounded; the work grows with the text.

mod text;

use super::dates::date;
use super::number::parse_number;
use super::{Fields, Form, Token, path_name};
use crate::value::{Str, Value};

/// `JsonReader.MaxDepth` since Json.NET 13.
pub(crate) const MAX_DEPTH: usize = 64;

/// `DuplicatePropertyNameHandling`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Duplicates {
    /// The last one wins, at the place of the first.
    #[default]
    Replace,
    /// The last one wins, at its own place: what a deserializer does.
    Last,
    /// All are kept: what a converter sees that reads on and on.
    All,
    Ignore,
    Error,
}

/// `JsonLoadSettings`, and what the text must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Whether ISO dates become dates (`DateParseHandling`).
    pub(crate) dates: bool,
    /// Whether comments are kept among the items of arrays.
    pub(crate) comments: bool,
    pub(crate) duplicates: Duplicates,
    /// Whether numbers with a fraction are kept as decimals (`FloatParseHandling`).
    pub(crate) decimals: bool,
    /// Whether a comment that the text begins with is passed over, as a deserializer does, instead of being what is read.
    pub(crate) content: bool,
    /// `JObject`, `JArray`, `JConstructor` or `JToken`.
    pub(crate) class: &'static str,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading {
            dates: true,
            comments: false,
            duplicates: Duplicates::Replace,
            decimals: false,
            content: false,
            class: "JToken",
        }
    }
}

/// Parses one token; the error is Json.NET's message.
pub(crate) fn parse(text: &str) -> Result<Token, String> {
    load(text, Reading::default())
}

/// As [`parse`]; `dates` false leaves ISO dates as text (`DateParseHandling.None`).
pub(crate) fn parse_with(text: &str, dates: bool) -> Result<Token, String> {
    load(
        text,
        Reading {
            dates,
            ..Reading::default()
        },
    )
}

/// Parses a text that must be of one class.
pub(crate) fn load(text: &str, reading: Reading) -> Result<Token, String> {
    load_pausing(text, reading, &mut || true)
}

/// Asked about every millisecond of reading: `false` ends it, with an error that means nothing.
pub(crate) type Pause<'p> = &'p mut dyn FnMut() -> bool;

/// As [`load`], with pauses.
pub(crate) fn load_pausing(
    text: &str,
    reading: Reading,
    pause: Pause<'_>,
) -> Result<Token, String> {
    match first(text, reading, pause)? {
        (token, None) => Ok(token),
        (_, Some(fault)) => Err(fault),
    }
}

/// The value that a text begins with, and the fault of what stands behind it.
pub(crate) fn first(
    text: &str,
    reading: Reading,
    pause: Pause<'_>,
) -> Result<(Token, Option<String>), String> {
    let mut p = Parser {
        text,
        at: 0,
        pause,
        pause_at: PAUSE,
        reading,
        open: Vec::new(),
        fresh: true,
        begun: false,
        root: reading.class,
    };
    let token = p.root()?;
    let rest = p.nothing().err();
    Ok((token, rest))
}

/// A container that has begun: what the path of a fault is made of.
enum Open {
    Object(Option<Str>),
    /// Index of the last item that was read.
    Items(i64),
}

/// Bytes that are read between two pauses.
const PAUSE: usize = 64 << 10;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    pause: Pause<'a>,
    /// Where it is asked next.
    pause_at: usize,
    reading: Reading,
    open: Vec<Open>,
    /// Nothing of the innermost container has been read.
    fresh: bool,
    /// A token has been read.
    begun: bool,
    /// Class that is being loaded.
    root: &'static str,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn path(&self) -> String {
        let mut out = String::new();
        let known = self.open.len() - usize::from(self.fresh && !self.open.is_empty());
        for open in &self.open[..known] {
            match open {
                Open::Object(Some(name)) => path_name(name, &mut out),
                Open::Object(None) => {}
                Open::Items(at) => out.push_str(&format!("[{at}]")),
            }
        }
        out
    }

    /// A message with its place.
    fn error(&self, what: &str) -> String {
        self.error_at(self.at, what)
    }

    fn error_at(&self, at: usize, what: &str) -> String {
        let before = self
            .text
            .get(..at.min(self.text.len()))
            .unwrap_or(self.text);
        // `\r\n` is one line end.
        let lines = before.matches('\n').count()
            + before
                .bytes()
                .enumerate()
                .filter(|(i, b)| *b == b'\r' && before.as_bytes().get(i + 1) != Some(&b'\n'))
                .count();
        let start = before.rfind(['\n', '\r']).map_or(0, |i| i + 1);
        let column = before[start..].encode_utf16().count();
        let line = if column == 0 && lines == 0 && !self.begun {
            0
        } else {
            lines + 1
        };
        let dot = if what.ends_with('.') { "" } else { "." };
        format!(
            "{what}{dot} Path '{}', line {line}, position {column}.",
            self.path()
        )
    }

    /// The text ends where more must come.
    fn end(&self) -> String {
        let class = self.root;
        if self.fresh && self.open.len() <= 1 {
            self.error(&format!("Error reading {class} from JsonReader."))
        } else {
            self.error(&format!("Unexpected end of content while loading {class}."))
        }
    }

    fn unexpected(&self) -> String {
        let c = self.peek().unwrap_or('\0');
        self.error(&format!(
            "Unexpected character encountered while parsing value: {c}."
        ))
    }

    fn blank(&mut self) {
        while let Some(b) = self.byte() {
            match b {
                b' ' | b'\t' | b'\n' | b'\r' | 0 => self.at += 1,
                b if b.is_ascii_graphic() => return,
                _ => match self.peek() {
                    Some(c) if c.is_whitespace() => self.at += c.len_utf8(),
                    _ => return,
                },
            }
        }
    }

    /// A comment, which begins here.
    fn comment(&mut self) -> Result<Token, String> {
        self.at += 1;
        let rest = &self.text[self.at..];
        let (body, after) = match rest.chars().next() {
            None => return Err(self.error("Unexpected end while parsing comment.")),
            Some('/') => {
                let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
                (&rest[1..end], end)
            }
            Some('*') => match rest[1..].find("*/") {
                Some(end) => (&rest[1..=end], end + 3),
                None => {
                    self.at = self.text.len();
                    return Err(self.error("Unexpected end while parsing comment."));
                }
            },
            Some(c) => {
                return Err(self.error(&format!("Error parsing comment. Expected: *, got {c}.")));
            }
        };
        self.at += after;
        self.begun = true;
        Ok(Token::formed(Value::from(body), Form::Comment))
    }

    /// White space and comments that nobody keeps.
    fn skip(&mut self) -> Result<(), String> {
        self.blank();
        while self.byte() == Some(b'/') {
            self.comment()?;
            self.blank();
        }
        Ok(())
    }

    /// Comments, and the end.
    fn nothing(&mut self) -> Result<(), String> {
        self.blank();
        while self.byte() == Some(b'/') {
            self.comment()?;
            self.blank();
        }
        match self.peek() {
            None => Ok(()),
            Some(c) => Err(self.error(&format!(
                "Additional text encountered after finished reading JSON content: {c}."
            ))),
        }
    }

    fn root(&mut self) -> Result<Token, String> {
        self.blank();
        let class = self.root;
        let mut comment = None;
        while self.byte() == Some(b'/') {
            // `JToken.Parse` gives the comment that the text begins with, the others pass over it.
            let read = self.comment()?;
            comment.get_or_insert(read);
            self.blank();
        }
        if self.byte().is_none() {
            if let Some(comment) = comment.filter(|_| class == "JToken") {
                return Ok(comment);
            }
            return Err(self.error(&format!("Error reading {class} from JsonReader.")));
        }
        let wanted = match class {
            "JObject" => Some((b'{', "an object")),
            "JArray" => Some((b'[', "an array")),
            "JConstructor" => Some((b'n', "a constructor")),
            _ => None,
        };
        if let Some((_, kind)) = wanted.filter(|(first, _)| {
            self.byte() != Some(*first)
                || (*first == b'n' && self.text.as_bytes().get(self.at + 1) != Some(&b'e'))
        }) {
            let item = match self.byte() {
                Some(b @ (b'{' | b'[')) => {
                    self.at += 1;
                    self.begun = true;
                    if b == b'{' {
                        "StartObject"
                    } else {
                        "StartArray"
                    }
                }
                _ => self.value()?.reader_name(),
            };
            return Err(self.error(&format!(
                "Error reading {class} from JsonReader. Current JsonReader item is not {kind}: {item}."
            )));
        }
        let token = self.value()?;
        let passed = self.reading.comments || self.reading.content;
        match comment.filter(|_| class == "JToken" && !passed) {
            Some(comment) => Ok(comment),
            None => Ok(token),
        }
    }

    /// A container begins.
    fn enter(&mut self, open: Open) -> Result<(), String> {
        if self.open.is_empty() && self.root == "JToken" {
            self.root = match open {
                Open::Object(_) => "JObject",
                Open::Items(_) => "JArray",
            };
        }
        self.counted();
        self.open.push(open);
        self.fresh = true;
        if self.open.len() > MAX_DEPTH {
            return Err(self.error(&format!(
                "The reader's MaxDepth of {MAX_DEPTH} has been exceeded."
            )));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.open.pop();
        self.fresh = false;
    }

    /// A value of the innermost container was read, or begins as a container.
    fn counted(&mut self) {
        self.begun = true;
        if let Some(Open::Items(at)) = self.open.last_mut() {
            *at += 1;
        }
        self.fresh = false;
    }

    fn scalar(&mut self, value: Value) -> Token {
        self.counted();
        Token::scalar(value)
    }

    /// The token that closes a container is not the one that opened it.
    fn mismatched(&mut self) -> String {
        let end = match self.byte() {
            Some(b'}') => "EndObject",
            Some(b']') => "EndArray",
            _ => "EndConstructor",
        };
        self.at += 1;
        self.begun = true;
        let kind = match self.open.pop() {
            None => "None",
            Some(Open::Object(_)) => "Object",
            Some(Open::Items(_)) if self.root == "JConstructor" && self.open.is_empty() => {
                "Constructor"
            }
            Some(Open::Items(_)) => "Array",
        };
        self.fresh = false;
        self.error(&format!(
            "JsonToken {end} is not valid for closing JsonType {kind}."
        ))
    }

    fn value(&mut self) -> Result<Token, String> {
        if self.at >= self.pause_at {
            self.pause_at = self.at + PAUSE;
            if !(self.pause)() {
                return Err(String::new());
            }
        }
        match self.byte() {
            None => Err(self.end()),
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(q @ (b'"' | b'\'')) => {
                let s = self.string(q)?;
                if self.reading.dates
                    && let Some(date) = date(&s)
                {
                    return Ok(self.scalar(date));
                }
                Ok(self.scalar(Value::from(s)))
            }
            Some(b'-') if self.text.as_bytes().get(self.at + 1) == Some(&b'I') => self.word(
                "-Infinity",
                "-Infinity value",
                Value::Double(f64::NEG_INFINITY),
            ),
            Some(b'-' | b'0'..=b'9' | b'.') => self.number(),
            Some(b't') => self.word("true", "boolean value", Value::Bool(true)),
            Some(b'f') => self.word("false", "boolean value", Value::Bool(false)),
            Some(b'N') => self.word("NaN", "NaN value", Value::Double(f64::NAN)),
            Some(b'I') => self.word("Infinity", "Infinity value", Value::Double(f64::INFINITY)),
            Some(b'n') => match self.text.as_bytes().get(self.at + 1) {
                Some(b'u') => self.word("null", "null value", Value::Null),
                Some(b'e') => self.constructor(),
                Some(_) => Err(self.unexpected()),
                None => {
                    self.at += 1;
                    Err(self.error("Unexpected end when reading JSON."))
                }
            },
            Some(b'u') => {
                self.word("undefined", "undefined value", Value::Null)?;
                Ok(Token::formed(Value::Null, Form::Undefined))
            }
            // An item that is left out; the comma is read after it.
            Some(b',') => {
                self.counted();
                Ok(Token::formed(Value::Null, Form::Undefined))
            }
            Some(b']' | b')') => Err(self.mismatched()),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn object(&mut self) -> Result<Token, String> {
        self.at += 1;
        self.enter(Open::Object(None))?;
        let mut fields = Fields::default();
        loop {
            self.skip()?;
            match self.byte() {
                None => return Err(self.end()),
                Some(b'}') => {
                    self.at += 1;
                    self.leave();
                    return Ok(Token::object(fields));
                }
                Some(_) => {}
            }
            let name = self.name()?;
            self.skip()?;
            let value = self.value()?;
            match fields.position(&name) {
                None => fields.push(Token::property(name, value)),
                Some(i) => match self.reading.duplicates {
                    Duplicates::Ignore => {}
                    Duplicates::All => fields.push(Token::property(name, value)),
                    Duplicates::Error => {
                        return Err(self.error(&format!(
                            "Property with the name '{name}' already exists in the current JSON object."
                        )));
                    }
                    Duplicates::Last => {
                        fields.remove(i);
                        fields.push(Token::property(name, value));
                    }
                    // Both are bounded in depth, so this does not fail.
                    Duplicates::Replace => drop(fields.list()[i].set_content(value)),
                },
            }
            if self.after_value(b'}')? {
                self.leave();
                return Ok(Token::object(fields));
            }
        }
    }

    fn name(&mut self) -> Result<Str, String> {
        let identifier = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let name: Str = match self.peek() {
            Some(q @ ('"' | '\'')) => self.string(q as u8)?.into(),
            Some(c) if identifier(c) => {
                let rest = &self.text[self.at..];
                let end = rest.find(|c| !identifier(c)).unwrap_or(rest.len());
                self.at += end;
                match rest[end..].chars().next() {
                    None => {
                        return Err(
                            self.error("Unexpected end while parsing unquoted property name.")
                        );
                    }
                    Some(c) if c == ':' || c.is_whitespace() => {}
                    Some(c) => {
                        return Err(self.error(&format!(
                            "Invalid JavaScript property identifier character: {c}."
                        )));
                    }
                }
                rest[..end].into()
            }
            c => {
                let c = c.unwrap_or('\0');
                return Err(self.error(&format!("Invalid property identifier character: {c}.")));
            }
        };
        self.blank();
        if self.byte() != Some(b':') {
            let c = self.peek().unwrap_or('\0');
            return Err(self.error(&format!(
                "Invalid character after parsing property name. Expected ':' but got: {c}."
            )));
        }
        self.at += 1;
        self.fresh = false;
        if let Some(Open::Object(last)) = self.open.last_mut() {
            *last = Some(name.clone());
        }
        Ok(name)
    }

    /// What follows a value: `true` at the end of the container, `false` after a comma.
    fn after_value(&mut self, close: u8) -> Result<bool, String> {
        self.skip()?;
        match self.byte() {
            None => Err(self.end()),
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(b) if b == close => {
                self.at += 1;
                Ok(true)
            }
            Some(b'}' | b']' | b')') => Err(self.mismatched()),
            Some(_) => {
                let c = self.peek().unwrap_or('\0');
                Err(self.error(&format!(
                    "After parsing a value an unexpected character was encountered: {c}."
                )))
            }
        }
    }

    fn array(&mut self) -> Result<Token, String> {
        self.at += 1;
        self.enter(Open::Items(-1))?;
        self.items(b']').map(Token::array)
    }

    /// Items up to the end of their container.
    fn items(&mut self, close: u8) -> Result<Vec<Token>, String> {
        let mut items = Vec::new();
        loop {
            self.kept(&mut items)?;
            match self.byte() {
                None => return Err(self.end()),
                Some(b) if b == close => {
                    self.at += 1;
                    self.leave();
                    return Ok(items);
                }
                Some(_) => items.push(self.value()?),
            }
            if self.reading.comments {
                self.kept(&mut items)?;
            }
            if self.after_value(close)? {
                self.leave();
                return Ok(items);
            }
        }
    }

    /// Comments among items, kept if they are to be.
    fn kept(&mut self, items: &mut Vec<Token>) -> Result<(), String> {
        self.blank();
        while self.byte() == Some(b'/') {
            let comment = self.comment()?;
            if self.reading.comments {
                items.push(comment);
            }
            self.blank();
        }
        Ok(())
    }

    /// `new Name(items)`.
    fn constructor(&mut self) -> Result<Token, String> {
        if !self.matched("new")? || !self.separated() {
            return Err(self.error("Unexpected content while parsing JSON."));
        }
        self.blank();
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(rest.len());
        self.at += end;
        let name = Str::from(&rest[..end]);
        match rest[end..].chars().next() {
            None => return Err(self.error("Unexpected end while parsing constructor.")),
            Some(c) if c == '(' || c.is_whitespace() => {}
            Some(c) => {
                return Err(self.error(&format!(
                    "Unexpected character while parsing constructor: {c}."
                )));
            }
        }
        self.blank();
        if self.byte() != Some(b'(') {
            let c = self.peek().unwrap_or('\0');
            return Err(self.error(&format!(
                "Unexpected character while parsing constructor: {c}."
            )));
        }
        self.at += 1;
        if self.open.is_empty() && self.root == "JToken" {
            self.root = "JConstructor";
        }
        self.enter(Open::Items(-1))?;
        self.items(b')')
            .map(|items| Token::constructor(name, items))
    }

    /// Whether the word stands here; the place is left where it differs.
    fn matched(&mut self, word: &str) -> Result<bool, String> {
        let rest = &self.text.as_bytes()[self.at..];
        let same = rest
            .iter()
            .zip(word.bytes())
            .take_while(|(a, b)| **a == *b)
            .count();
        if rest.len() < word.len() {
            self.at = self.text.len();
            return Err(self.error("Unexpected end when reading JSON."));
        }
        self.at += same;
        Ok(same == word.len())
    }

    /// Whether a value may end here.
    fn separated(&self) -> bool {
        match self.peek() {
            None => true,
            Some('}' | ']' | ')' | ',' | '\0') => true,
            Some('/') => matches!(self.text.as_bytes().get(self.at + 1), Some(b'*' | b'/')),
            Some(c) => c.is_whitespace(),
        }
    }

    fn word(&mut self, word: &str, kind: &str, value: Value) -> Result<Token, String> {
        if self.matched(word)? && self.separated() {
            return Ok(self.scalar(value));
        }
        // The place is the start of a character: what matched is ASCII.
        Err(self.error(&format!("Error parsing {kind}.")))
    }

    fn number(&mut self) -> Result<Token, String> {
        let rest = &self.text[self.at..];
        let part = |c: char| matches!(c, '-' | '+' | '.' | 'x' | 'X') || c.is_ascii_hexdigit();
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let s = &rest[..end];
        self.at += end;
        match rest[end..].chars().next() {
            None | Some(',' | '}' | ']' | ')' | '/' | '\0') => {}
            Some(c) if c.is_whitespace() => {}
            Some(c) => {
                return Err(self.error(&format!(
                    "Unexpected character encountered while parsing number: {c}."
                )));
            }
        }
        match parse_number(s, self.reading.decimals) {
            Ok(value) => Ok(self.scalar(value)),
            Err(why) => Err(self.error(&why)),
        }
    }
}
