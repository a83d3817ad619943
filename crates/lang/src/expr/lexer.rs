//! C# tokens of an expression.
//!
//! Called by the parser. What must stay true: every byte offset is one of the text given, so that a fault can be located;
//! no input makes it panic or loop.

use crate::value::Str;
use std::ops::Range;

/// A fault in the text.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
    pub(crate) label: String,
    pub(crate) help: Option<String>,
}

impl Fault {
    pub(crate) fn new(
        at: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Fault {
        Fault {
            at,
            message: message.into(),
            label: label.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }
}

/// One token.
#[derive(Clone, Debug)]
pub(crate) struct Lexeme {
    pub(crate) at: Range<usize>,
    pub(crate) kind: Lex,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lex {
    /// Identifier or keyword.
    Word(Str),
    /// `@name`: never a keyword.
    Name(Str),
    /// Integer literal and its lower-case suffix.
    Int(u64, Suffix),
    /// Real literal text and suffix.
    Real(Str, Suffix),
    Str(Str),
    Char(u16),
    Interpolated(Vec<Part>),
    Punct(&'static str),
    End,
}

/// Suffix of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suffix {
    None,
    U,
    L,
    Ul,
    F,
    D,
    M,
}

/// Piece of an interpolated string.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Hole {
        /// The expression, with the alignment when there is one.
        code: Range<usize>,
        format: Option<String>,
    },
}

const PUNCTUATION: [&str; 48] = [
    "<<=", "??=", "...", "..", "=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "++", "--",
    "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", "::", "->", "{", "}", "(", ")", "[", "]",
    ";", ",", ".", "?", ":", "+", "-", "*", "/", "%", "<", ">", "=", "!", "&", "|",
];
const MORE: [&str; 2] = ["^", "~"];

/// Tokens of `text[range]`; offsets count from the start of `text`.
pub(crate) fn lex(text: &str, range: Range<usize>) -> Result<Vec<Lexeme>, Fault> {
    let mut lexer = Lexer {
        text: &text[..range.end],
        at: range.start,
    };
    let mut out = Vec::new();
    loop {
        lexer.blank()?;
        let start = lexer.at;
        let kind = lexer.next()?;
        let end = kind == Lex::End;
        out.push(Lexeme {
            at: start..lexer.at,
            kind,
        });
        if end {
            return Ok(out);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whether only blanks stand before on the line: `#region` and its kin stand alone.
    fn at_line_start(&self) -> bool {
        let before = &self.text[..self.at];
        before[before.rfind('\n').map_or(0, |n| n + 1)..]
            .trim()
            .is_empty()
    }

    fn blank(&mut self) -> Result<(), Fault> {
        loop {
            let rest = self.rest();
            if rest.starts_with("//") || (rest.starts_with('#') && self.at_line_start()) {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(inside) = rest.strip_prefix("/*") {
                match inside.find("*/") {
                    Some(n) => self.at += n + 4,
                    None => {
                        return Err(Fault::new(
                            self.at..self.at + 2,
                            "comment is not closed",
                            "`*/` is missing",
                        ));
                    }
                }
            } else {
                match rest.chars().next() {
                    Some(c) if c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}' => {
                        self.at += c.len_utf8()
                    }
                    _ => return Ok(()),
                }
            }
        }
    }

    fn next(&mut self) -> Result<Lex, Fault> {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else {
            return Ok(Lex::End);
        };
        if rest.starts_with("$@\"") || rest.starts_with("@$\"") {
            self.at += 3;
            return self.interpolated(true);
        }
        if rest.starts_with("\"\"\"") {
            return self.raw();
        }
        if rest.starts_with("$\"") {
            self.at += 2;
            return self.interpolated(false);
        }
        if rest.starts_with("@\"") {
            self.at += 2;
            return self.verbatim();
        }
        match c {
            '"' => self.string(),
            '\'' => self.character(),
            '@' => {
                self.at += 1;
                match self.word() {
                    Some(w) => Ok(Lex::Name(w)),
                    None => Err(Fault::new(self.at - 1..self.at, "unexpected `@`", "expected an expression").help(
                        "`@(` and `@{` only open an expression at the start of a value; inside one, leave the `@` out",
                    )),
                }
            }
            c if c.is_alphabetic() || c == '_' => {
                self.word().map(Lex::Word).ok_or_else(|| self.odd(c))
            }
            c if c.is_ascii_digit() => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            _ => {
                // `a?.5:b` is a conditional with a real literal.
                let conditional =
                    rest.starts_with("?.") && rest[2..].starts_with(|c: char| c.is_ascii_digit());
                for p in PUNCTUATION.into_iter().chain(MORE) {
                    if rest.starts_with(p) && !(conditional && p == "?.") {
                        self.at += p.len();
                        return Ok(Lex::Punct(p));
                    }
                }
                Err(self.odd(c))
            }
        }
    }

    fn odd(&self, c: char) -> Fault {
        let fault = Fault::new(
            self.at..self.at + c.len_utf8(),
            format!("unexpected character `{c}`"),
            "not part of C#",
        );
        match c {
            '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' => fault
                .help("a word processor turned a quote into a typographic one; type `\"` or `'`"),
            _ => fault,
        }
    }

    fn word(&mut self) -> Option<Str> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        if end == 0 {
            return None;
        }
        let word = Str::from(&rest[..end]);
        self.at += end;
        Some(word)
    }

    fn number(&mut self) -> Result<Lex, Fault> {
        let start = self.at;
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let radix = match rest.get(..2) {
            Some("0x" | "0X") => 16,
            Some("0b" | "0B") => 2,
            _ => 10,
        };
        let mut real = false;
        let mut i = if radix == 10 { 0 } else { 2 };
        while let Some(&b) = bytes.get(i) {
            let digit = if radix == 16 {
                b.is_ascii_hexdigit()
            } else {
                b.is_ascii_digit()
            };
            if digit || b == b'_' {
                i += 1;
            } else if b == b'.'
                && radix == 10
                && !real
                && bytes.get(i + 1).is_some_and(u8::is_ascii_digit)
            {
                real = true;
                i += 1;
            } else if matches!(b, b'e' | b'E') && radix == 10 {
                let sign = usize::from(matches!(bytes.get(i + 1), Some(b'+' | b'-')));
                if !bytes.get(i + 1 + sign).is_some_and(u8::is_ascii_digit) {
                    break;
                }
                real = true;
                i += 2 + sign;
                while bytes.get(i).is_some_and(u8::is_ascii_digit) {
                    i += 1;
                }
                break;
            } else {
                break;
            }
        }
        let digits: String = rest[..i].chars().filter(|c| *c != '_').collect();
        let tail = &rest[i..];
        let word_end = tail
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(tail.len());
        let suffix = match tail[..word_end].to_ascii_lowercase().as_str() {
            "" => Suffix::None,
            "u" => Suffix::U,
            "l" => Suffix::L,
            "ul" | "lu" => Suffix::Ul,
            "f" => Suffix::F,
            "d" => Suffix::D,
            "m" => Suffix::M,
            other => {
                return Err(Fault::new(
                    start + i..start + i + word_end,
                    format!("`{other}` cannot follow a number"),
                    "expected one of the suffixes L, U, UL, F, D, M",
                ));
            }
        };
        self.at += i + word_end;
        if real || matches!(suffix, Suffix::F | Suffix::D | Suffix::M) {
            return Ok(Lex::Real(digits.into(), suffix));
        }
        let parsed = u64::from_str_radix(if radix == 10 { &digits } else { &digits[2..] }, radix);
        parsed.map(|n| Lex::Int(n, suffix)).map_err(|_| {
            Fault::new(
                start..self.at,
                "integer literal is too large",
                "more than `ulong` holds",
            )
        })
    }

    /// After a backslash.
    fn escape(&mut self, out: &mut Vec<u16>) -> Result<(), Fault> {
        let start = self.at - 1;
        let Some(c) = self.peek() else {
            return Err(Fault::new(
                start..self.at,
                "text is not closed",
                "`\"` is missing",
            ));
        };
        self.at += c.len_utf8();
        let hex = |this: &mut Self, min: usize, max: usize| -> Option<u32> {
            let n = this
                .rest()
                .bytes()
                .take(max)
                .take_while(u8::is_ascii_hexdigit)
                .count();
            if n < min {
                return None;
            }
            let value = u32::from_str_radix(&this.rest()[..n], 16).ok();
            this.at += n;
            value
        };
        let unit = match c {
            '\'' | '"' | '\\' => c as u16,
            '0' => 0,
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'u' | 'x' | 'U' => {
                let found = match c {
                    'u' => hex(self, 4, 4),
                    'x' => hex(self, 1, 4),
                    _ => hex(self, 8, 8),
                };
                match found {
                    Some(n) if n <= 0xffff => n as u16,
                    Some(n) => {
                        let mut pair = [0; 2];
                        let Some(ch) = char::from_u32(n) else {
                            return Err(Fault::new(
                                start..self.at,
                                "no such Unicode character",
                                "beyond 10FFFF",
                            ));
                        };
                        out.extend_from_slice(ch.encode_utf16(&mut pair));
                        return Ok(());
                    }
                    None => {
                        return Err(Fault::new(
                            start..self.at,
                            "bad escape",
                            "expected hexadecimal digits",
                        ));
                    }
                }
            }
            _ => {
                return Err(Fault::new(
                    start..self.at,
                    format!("unknown escape `\\{c}`"),
                    "not a C# escape",
                )
                .help("write `\\\\` for a backslash, or use a verbatim string @\"…\""));
            }
        };
        out.push(unit);
        Ok(())
    }

    fn string(&mut self) -> Result<Lex, Fault> {
        let start = self.at;
        self.at += 1;
        let mut units = Vec::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(Lex::Str(String::from_utf16_lossy(&units).into()));
                }
                None | Some('\n') => {
                    return Err(Fault::new(
                        start..self.at,
                        "text is not closed",
                        "`\"` is missing on this line",
                    ));
                }
                Some('\\') => {
                    self.at += 1;
                    self.escape(&mut units)?;
                }
                Some(c) => {
                    self.at += c.len_utf8();
                    units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
                }
            }
        }
    }

    fn verbatim(&mut self) -> Result<Lex, Fault> {
        let start = self.at;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let Some(quote) = rest.find('"') else {
                return Err(Fault::new(
                    start - 2..start,
                    "text is not closed",
                    "`\"` is missing",
                ));
            };
            out.push_str(&rest[..quote]);
            let doubled = rest[quote + 1..].starts_with('"');
            self.at += quote + 1;
            if !doubled {
                return Ok(Lex::Str(out.into()));
            }
            out.push('"');
            self.at += 1;
        }
    }

    /// `"""text"""`, on one line or on lines of its own.
    fn raw(&mut self) -> Result<Lex, Fault> {
        let start = self.at;
        let rest = self.rest();
        let quotes = rest.bytes().take_while(|b| *b == b'"').count();
        let fence = &rest[..quotes];
        let open = || {
            Fault::new(
                start..start + quotes,
                "text is not closed",
                "`\"\"\"` is missing",
            )
        };
        let inner = &rest[quotes..];
        let end = inner.find(fence).ok_or_else(open)?;
        // More quotes than the fence belong to the text before it.
        let more = inner[end + quotes..]
            .bytes()
            .take_while(|b| *b == b'"')
            .count();
        let text = &inner[..end + more];
        let out = match text.split_once('\n') {
            None => text.to_string(),
            Some((first, lines)) if first.trim().is_empty() => {
                let (body, indent) = lines.rsplit_once('\n').unwrap_or(("", lines));
                let bare = |line: &str| {
                    let line = line.strip_suffix('\r').unwrap_or(line);
                    line.strip_prefix(indent)
                        .or(line.trim().is_empty().then_some(""))
                        .map(str::to_string)
                };
                let lines: Option<Vec<String>> = body.split('\n').map(bare).collect();
                match lines.filter(|_| indent.trim().is_empty()) {
                    Some(l) => l.join("\n"),
                    None => {
                        return Err(Fault::new(
                            start..start + quotes,
                            "a line of the text is less indented than its end",
                            "expected the same blanks before every line",
                        ));
                    }
                }
            }
            Some(_) => return Err(open()),
        };
        self.at = start + quotes * 2 + text.len();
        Ok(Lex::Str(out.into()))
    }

    fn character(&mut self) -> Result<Lex, Fault> {
        let start = self.at;
        self.at += 1;
        let mut units = Vec::new();
        match self.peek() {
            Some('\\') => {
                self.at += 1;
                self.escape(&mut units)?;
            }
            Some(c) if c != '\'' && c != '\n' => {
                self.at += c.len_utf8();
                units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            }
            _ => {}
        }
        if self.peek() != Some('\'') || units.len() != 1 {
            return Err(Fault::new(
                start..self.at,
                "bad character literal",
                "expected one character between `'`",
            )
            .help("text stands between `\"`"));
        }
        self.at += 1;
        Ok(Lex::Char(units[0]))
    }

    fn interpolated(&mut self, verbatim: bool) -> Result<Lex, Fault> {
        let start = self.at;
        let open = |at: usize| {
            Fault::new(
                start.saturating_sub(2)..at,
                "text is not closed",
                "`\"` is missing",
            )
        };
        let mut parts = Vec::new();
        let mut units: Vec<u16> = Vec::new();
        let push = |units: &mut Vec<u16>, parts: &mut Vec<Part>| {
            if !units.is_empty() {
                parts.push(Part::Text(String::from_utf16_lossy(units)));
                units.clear();
            }
        };
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else {
                return Err(open(self.at));
            };
            match c {
                '"' if verbatim && rest[1..].starts_with('"') => {
                    units.push(u16::from(b'"'));
                    self.at += 2;
                }
                '"' => {
                    self.at += 1;
                    push(&mut units, &mut parts);
                    return Ok(Lex::Interpolated(parts));
                }
                '\n' if !verbatim => return Err(open(self.at)),
                '\\' if !verbatim => {
                    self.at += 1;
                    self.escape(&mut units)?;
                }
                '{' | '}' if rest[1..].starts_with(c) => {
                    units.push(c as u16);
                    self.at += 2;
                }
                '}' => {
                    return Err(Fault::new(
                        self.at..self.at + 1,
                        "lone `}` in an interpolated text",
                        "write `}}` for a brace",
                    ));
                }
                '{' => {
                    push(&mut units, &mut parts);
                    self.at += 1;
                    parts.push(self.hole(verbatim)?);
                }
                c => {
                    self.at += c.len_utf8();
                    units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
                }
            }
        }
    }

    /// After `{`: up to and with `}`.
    fn hole(&mut self, verbatim: bool) -> Result<Part, Fault> {
        let start = self.at;
        let open = |i: usize| {
            Fault::new(
                start - 1..i.max(start),
                "`{` in an interpolated text is not closed",
                "`}` is missing",
            )
        };
        let bytes = self.text.as_bytes();
        let (mut i, colon) = end_of_hole(bytes, start, verbatim, 0);
        let code_end = i;
        let mut format = None;
        if colon {
            let mut units = Vec::new();
            self.at = i + 1;
            loop {
                match self.peek() {
                    Some('}') => break,
                    Some('\\') if !verbatim => {
                        self.at += 1;
                        self.escape(&mut units)?;
                    }
                    None | Some('"' | '\n') => return Err(open(self.at)),
                    Some(ch) => {
                        self.at += ch.len_utf8();
                        units.extend_from_slice(ch.encode_utf16(&mut [0; 2]));
                    }
                }
            }
            if units.is_empty() {
                return Err(Fault::new(
                    self.at.saturating_sub(1)..self.at,
                    "empty format specifier",
                    "expected a format after `:`",
                ));
            }
            format = Some(String::from_utf16_lossy(&units));
            i = self.at;
        }
        if bytes.get(i) != Some(&b'}') || !self.text.is_char_boundary(code_end) {
            return Err(open(i.min(self.text.len())));
        }
        self.at = i + 1;
        Ok(Part::Hole {
            code: start..code_end,
            format,
        })
    }
}

/// Most texts that may stand in the holes of each other.
const MAX_NESTED: usize = 16;

/// Where the expression in a hole ends: at its `}`, or at the `:` of its format (then true).
fn end_of_hole(bytes: &[u8], start: usize, verbatim: bool, nested: usize) -> (usize, bool) {
    let mut depth = 0usize;
    let mut i = start;
    while let Some(&b) = bytes.get(i) {
        match b {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'}' if depth > 0 => depth -= 1,
            b'}' => break,
            b':' if depth == 0 && bytes.get(i + 1) == Some(&b':') => i += 1,
            b':' if depth == 0 => return (i, true),
            b'\n' if !verbatim => break,
            b'"' => i = end_of_text(bytes, i, nested + 1),
            b'\'' => {
                i += if bytes.get(i + 1) == Some(&b'\\') {
                    2
                } else {
                    1
                };
                while bytes.get(i).is_some_and(|c| *c != b'\'') {
                    i += 1;
                }
            }
            _ => {}
        }
        i += 1;
    }
    (i, false)
}

/// The closing quote of a text inside a hole, whose opening quote is at `quote`.
fn end_of_text(bytes: &[u8], quote: usize, nested: usize) -> usize {
    let before = |n: usize| quote.checked_sub(n).and_then(|i| bytes.get(i)).copied();
    let marks = [before(1), before(2)];
    let near = marks[0].is_some_and(|b| matches!(b, b'@' | b'$'));
    let has = |m: u8| marks[0] == Some(m) || (near && marks[1] == Some(m));
    let (verbatim, interpolated) = (has(b'@'), has(b'$'));
    let mut i = quote + 1;
    while let Some(&c) = bytes.get(i) {
        match c {
            b'\\' if !verbatim => i += 1,
            b'"' if verbatim && bytes.get(i + 1) == Some(&b'"') => i += 1,
            b'"' => break,
            b'{' if interpolated && bytes.get(i + 1) == Some(&b'{') => i += 1,
            b'{' if interpolated && nested < MAX_NESTED => {
                let (end, colon) = end_of_hole(bytes, i + 1, verbatim, nested);
                i = end;
                if colon {
                    while bytes.get(i).is_some_and(|b| !matches!(b, b'}' | b'"')) {
                        i += 1;
                    }
                }
            }
            _ => {}
        }
        i += 1;
    }
    i
}
