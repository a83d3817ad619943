//! What a backslash begins: places, sets, references, single characters; and `Regex.Escape` and `Regex.Unescape`.

use super::{Anchor, Class, Node, Parser, S, option};
use crate::expr::table::regex::class;
use crate::expr::table::regex::syntax::Refusal;

impl Parser<'_> {
    pub(super) fn backslash(&mut self) -> S<Node> {
        let c = self.ahead(0);
        if self.left() == 0 {
            return self.ends_in_backslash();
        }
        let ecma = self.has(option::ECMA_SCRIPT);
        let anchor = match c {
            b'b' if ecma => Anchor::EcmaBoundary,
            b'B' if ecma => Anchor::NotEcmaBoundary,
            b'b' => Anchor::Boundary,
            b'B' => Anchor::NotBoundary,
            b'A' => Anchor::Beginning,
            b'G' => Anchor::Start,
            b'Z' => Anchor::EndOrNewline,
            b'z' => Anchor::End,
            b'w' | b'W' | b's' | b'S' | b'd' | b'D' => {
                self.at += 1;
                let mut set = Class::default();
                set.add_shorthand(c, ecma);
                return Ok(self.set_node(set));
            }
            b'p' | b'P' => {
                self.at += 1;
                let name = self.property_name()?;
                let fold = self.has(option::IGNORE_CASE);
                let mut set = Class::default();
                if !set.add_property(&name, c == b'P', fold) {
                    return self.syntax(format!("Unknown property '{name}'."));
                }
                if fold {
                    set.fold();
                }
                return Ok(self.set_node(set));
            }
            _ => return self.reference(),
        };
        self.at += 1;
        Ok(Node::Anchor(anchor))
    }

    fn ends_in_backslash<T>(&self) -> S<T> {
        self.syntax("Illegal \\ at end of pattern.")
    }

    fn to_group(&self, group: Option<usize>, called: impl Fn() -> String) -> S<Node> {
        match group {
            Some(group) => Ok(Node::Reference(group, self.mode())),
            None => self.syntax(format!("Reference to undefined group {}.", called())),
        }
    }

    /// `\1`, `\k<name>`, `\<name>`, or else one character.
    fn reference(&mut self) -> S<Node> {
        let from = self.at;
        let mut close = None;
        let closing = |c: u8| match c {
            b'<' => Some(b'>'),
            b'\'' => Some(b'\''),
            _ => None,
        };
        let c = self.ahead(0);
        if c == b'k' {
            if self.left() >= 2 {
                self.at += 1;
                close = closing(self.ahead(0));
                self.at += 1;
            }
            if close.is_none() || self.left() == 0 {
                return self.syntax("Malformed \\k<...> named back reference.");
            }
        } else if let Some(end) = closing(c).filter(|_| self.left() > 1) {
            close = Some(end);
            self.at += 1;
        }
        let c = self.ahead(0);
        match close {
            Some(close) if c.is_ascii_digit() => {
                let number = self.decimal()?;
                if self.eat(close) {
                    return self
                        .to_group(self.numbered_group(number), || format!("number {number}"));
                }
            }
            None if (b'1'..=b'9').contains(&c) => {
                if let Some(node) = self.number_reference()? {
                    return Ok(node);
                }
            }
            Some(close) if self.peek().is_some_and(class::is_word) => {
                let name = self.name();
                if self.eat(close) {
                    return self.to_group(self.named_group(&name), || format!("name '{name}'"));
                }
            }
            _ => {}
        }
        self.at = from;
        let unit = self.char_escape()?;
        Ok(self.one(unit))
    }

    fn number_reference(&mut self) -> S<Option<Node>> {
        if !self.has(option::ECMA_SCRIPT) {
            let number = self.decimal()?;
            let group = self.numbered_group(number);
            if group.is_none() && number > 9 {
                return Ok(None);
            }
            return self
                .to_group(group, || format!("number {number}"))
                .map(Some);
        }
        // As many digits as name a group that began before.
        let from = self.at.saturating_sub(1);
        let top = self.groups.numbers.last().map_or(0, |n| n + 1);
        let mut found = None;
        let mut number = usize::from(self.ahead(0) - b'0');
        while number <= top {
            if self.slots.get(&number).is_some_and(|began| *began < from) {
                found = self.groups.by_number(number);
            }
            self.at += 1;
            if !self.ahead(0).is_ascii_digit() {
                break;
            }
            number = number * 10 + usize::from(self.ahead(0) - b'0');
        }
        Ok(found.map(|group| Node::Reference(group, self.mode())))
    }

    /// What follows a backslash and means one character.
    pub(super) fn char_escape(&mut self) -> S<u16> {
        let ecma = self.has(option::ECMA_SCRIPT);
        let Some(unit) = self.take() else {
            return self.ends_in_backslash();
        };
        let c = u8::try_from(unit).unwrap_or(0xff);
        Ok(match c {
            b'0'..=b'7' => {
                self.at -= 1;
                let mut n = 0;
                for _ in 0..3 {
                    if !(b'0'..=b'7').contains(&self.ahead(0)) {
                        break;
                    }
                    n = n * 8 + u16::from(self.ahead(0) - b'0');
                    self.at += 1;
                    if ecma && n >= 0x20 {
                        break;
                    }
                }
                n & 0xff
            }
            b'x' => self.hex(2)?,
            b'u' => self.hex(4)?,
            b'a' => 7,
            b'b' => 8,
            b'e' => 0x1b,
            b'f' => 0xc,
            b'n' => 0xa,
            b'r' => 0xd,
            b't' => 9,
            b'v' => 0xb,
            b'c' => match self.take().map(|u| u8::try_from(u).unwrap_or(0xff)) {
                None => return self.syntax("Missing control character."),
                Some(c) => match c.to_ascii_uppercase() {
                    c @ b'@'..=b'_' => u16::from(c - b'@'),
                    _ => return self.syntax("Unrecognized control character."),
                },
            },
            _ if !ecma && class::is_word(unit) => {
                let letter = String::from_utf16_lossy(&[unit]);
                return self.syntax(format!("Unrecognized escape sequence \\{letter}."));
            }
            _ => unit,
        })
    }

    fn hex(&mut self, digits: usize) -> S<u16> {
        let mut n: u16 = 0;
        for _ in 0..digits {
            match char::from(self.ahead(0)).to_digit(16) {
                Some(d) if self.left() > 0 => n = n << 4 | d as u16,
                _ => return self.syntax("Insufficient or invalid hexadecimal digits."),
            }
            self.at += 1;
        }
        Ok(n)
    }
}

/// `Regex.Unescape`.
pub(in super::super) fn unescape(text: &str) -> Result<String, Refusal> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut parser = Parser::new(&units, 0);
    let mut out = Vec::with_capacity(units.len());
    while let Some(unit) = parser.take() {
        if unit != u16::from(b'\\') {
            out.push(unit);
        } else if parser.left() > 0 {
            out.push(parser.char_escape()?);
        }
    }
    Ok(String::from_utf16_lossy(&out))
}

/// `Regex.Escape`.
pub(in super::super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' | '*' | '+' | '?' | '|' | '{' | '[' | '(' | ')' | '^' | '$' | '.' | '#' | ' ' => {
                out.extend(['\\', c]);
            }
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            c => out.push(c),
        }
    }
    out
}
