//! Whether a text is well-formed XML 1.0 as it stands.
//!
//! It decides which form a document has: in the escaped `xml` form entities inside expressions are decoded, in
//! `rawxml` they are code as typed. What must stay true: strict, linear, and it says yes only to what every XML
//! parser accepts (a DOCTYPE is refused; the reader allows none).

use super::entity::{self, Entity};
use std::collections::HashSet;

/// `Err` with the first byte that is not well-formed.
pub(super) fn check(text: &str) -> Result<(), usize> {
    let mut checker = Checker {
        text,
        bytes: text.as_bytes(),
        pos: 0,
    };
    if text.starts_with('\u{feff}') {
        checker.pos = '\u{feff}'.len_utf8();
    }
    if let Some((at, _)) = text.char_indices().find(|(_, c)| !entity::allowed(*c)) {
        return Err(at);
    }
    checker.document()
}

/// Whether `ch` may begin an XML name (a little wider than the standard outside ASCII).
pub(super) fn name_start(ch: char) -> bool {
    ch.is_ascii_alphabetic() || matches!(ch, '_' | ':') || (!ch.is_ascii() && ch.is_alphabetic())
}

/// Whether `ch` may stand in an XML name.
pub(super) fn name_char(ch: char) -> bool {
    name_start(ch) || ch.is_ascii_digit() || matches!(ch, '-' | '.' | '\u{b7}')
}

/// How many bytes of `text` are an XML name.
pub(super) fn name_length(text: &str) -> usize {
    match text.chars().next() {
        Some(first) if name_start(first) => text.find(|c| !name_char(c)).unwrap_or(text.len()),
        _ => 0,
    }
}

struct Checker<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Checker<'a> {
    fn starts(&self, with: &str) -> bool {
        self.bytes[self.pos..].starts_with(with.as_bytes())
    }

    fn expect(&mut self, with: &str) -> Result<(), usize> {
        if self.starts(with) {
            self.pos += with.len();
            return Ok(());
        }
        Err(self.pos)
    }

    /// Skips white space; whether there was any.
    fn space(&mut self) -> bool {
        let from = self.pos;
        while matches!(self.bytes.get(self.pos), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
        self.pos > from
    }

    fn name(&mut self) -> Result<&'a str, usize> {
        let length = name_length(&self.text[self.pos..]);
        if length == 0 {
            return Err(self.pos);
        }
        let name = &self.text[self.pos..self.pos + length];
        self.pos += length;
        Ok(name)
    }

    /// Steps past the next `end`.
    fn past(&mut self, end: &str) -> Result<(), usize> {
        let found =
            memchr::memmem::find(&self.bytes[self.pos..], end.as_bytes()).ok_or(self.pos)?;
        self.pos += found + end.len();
        Ok(())
    }

    fn document(&mut self) -> Result<(), usize> {
        let mut open: Vec<&str> = Vec::new();
        let mut root = false;
        let first = self.pos;
        loop {
            if open.is_empty() {
                self.space();
            }
            if self.pos == self.bytes.len() {
                return if root && open.is_empty() {
                    Ok(())
                } else {
                    Err(self.pos)
                };
            }
            if self.bytes[self.pos] != b'<' {
                if open.is_empty() {
                    return Err(self.pos);
                }
                self.characters()?;
            } else if self.starts("<!--") {
                self.comment()?;
            } else if self.starts("<![CDATA[") && !open.is_empty() {
                self.past("]]>")?;
            } else if self.starts("<?") {
                let at = self.pos;
                self.pos += 2;
                let target = self.name()?;
                if target.eq_ignore_ascii_case("xml") && at != first {
                    return Err(at);
                }
                self.past("?>")?;
            } else if self.starts("</") {
                let at = self.pos;
                self.pos += 2;
                let name = self.name()?;
                if open.pop() != Some(name) {
                    return Err(at);
                }
                self.space();
                self.expect(">")?;
            } else {
                let at = self.pos;
                self.pos += 1;
                let name = self.name()?;
                if open.is_empty() && std::mem::replace(&mut root, true) {
                    return Err(at);
                }
                if self.attributes()? {
                    open.push(name);
                }
            }
        }
    }

    fn comment(&mut self) -> Result<(), usize> {
        self.pos += 4;
        self.past("--")?;
        self.expect(">")
    }

    /// The rest of a start tag; whether it opens an element (`>`, not `/>`).
    fn attributes(&mut self) -> Result<bool, usize> {
        let mut names = HashSet::new();
        loop {
            let space = self.space();
            if self.starts("/>") {
                self.pos += 2;
                return Ok(false);
            }
            if self.starts(">") {
                self.pos += 1;
                return Ok(true);
            }
            let at = self.pos;
            if !space || !names.insert(self.name()?) {
                return Err(at);
            }
            self.space();
            self.expect("=")?;
            self.space();
            let quote = match self.bytes.get(self.pos) {
                Some(quote @ (b'"' | b'\'')) => *quote,
                _ => return Err(self.pos),
            };
            self.pos += 1;
            loop {
                let rest = &self.bytes[self.pos..];
                let n = memchr::memchr3(quote, b'<', b'&', rest).ok_or(self.pos)?;
                self.pos += n;
                match self.bytes[self.pos] {
                    b'&' => self.reference()?,
                    b'<' => return Err(self.pos),
                    _ => break,
                }
            }
            self.pos += 1;
        }
    }

    fn characters(&mut self) -> Result<(), usize> {
        while let Some(byte) = self.bytes.get(self.pos) {
            match byte {
                b'<' => break,
                b'&' => self.reference()?,
                b']' if self.starts("]]>") => return Err(self.pos),
                _ => self.pos += 1,
            }
        }
        Ok(())
    }

    fn reference(&mut self) -> Result<(), usize> {
        match entity::read(self.text, self.pos) {
            Entity::Char(_, length) => {
                self.pos += length;
                Ok(())
            }
            _ => Err(self.pos),
        }
    }
}

#[cfg(test)]
mod tests;
