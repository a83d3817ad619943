//! The cursor that the grammars share.

use super::Version;
use std::fmt;

/// Deepest nesting of expressions and of options in options.
pub(super) const DEEPEST: usize = 64;

/// Where a text leaves the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Characters before it.
    pub position: usize,
    /// What was expected.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "At position {}: {}.", self.position, self.message)
    }
}

/// What a rule gives.
pub(super) type Parsed<T = ()> = Result<T, Fault>;

/// A text and how far it was read.
pub(super) struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    pub(super) version: Version,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, version: Version) -> Parser<'t> {
        Parser {
            text,
            at: 0,
            depth: 0,
            version,
        }
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn done(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn mark(&self) -> usize {
        self.at
    }

    pub(super) fn back(&mut self, mark: usize) {
        self.at = mark;
    }

    /// Goes over so many bytes, which end a character.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    /// A character that must be there.
    pub(super) fn need(&mut self, wanted: char) -> Parsed {
        if self.eat(wanted) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{wanted}`")))
        }
    }

    /// Spaces and tabs; whether there were any.
    pub(super) fn spaces(&mut self) -> bool {
        let rest = self.rest();
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        self.at += blank;
        blank > 0
    }

    /// Goes over what fits.
    pub(super) fn while_is(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// An identifier (`odataIdentifier`); `None`: there is none.
    pub(super) fn identifier(&mut self) -> Option<&'t str> {
        if !self.peek().is_some_and(|c| c == '_' || c.is_alphabetic()) {
            return None;
        }
        let name = self.while_is(|c| c == '_' || c.is_alphanumeric());
        (name.chars().count() <= 128).then_some(name)
    }

    /// Identifiers with dots between them.
    pub(super) fn qualified(&mut self) -> Option<&'t str> {
        let start = self.at;
        self.identifier()?;
        while self.peek() == Some('.') {
            let mark = self.at;
            self.at += 1;
            if self.identifier().is_none() {
                self.at = mark;
                break;
            }
        }
        Some(&self.text[start..self.at])
    }

    /// A word of the grammar: as written in 4.0, of any case since.
    pub(super) fn is_word(&self, found: &str, wanted: &str) -> bool {
        found == wanted || self.version >= Version::V401 && found.eq_ignore_ascii_case(wanted)
    }

    /// `'it''s'`, at its first quote.
    pub(super) fn quoted(&mut self) -> Parsed {
        let mark = self.at;
        self.need('\'')?;
        loop {
            self.while_is(|c| c != '\'');
            if !self.eat('\'') {
                self.at = mark;
                return Err(self.fault("the text has no closing `'`"));
            }
            if !self.eat('\'') {
                return Ok(());
            }
        }
    }

    /// A JSON array or object.
    pub(super) fn json(&mut self) -> Parsed {
        let rest = self.rest();
        let mut values =
            serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                self.at += values.byte_offset();
                Ok(())
            }
            _ => Err(self.fault("the JSON value is broken")),
        }
    }

    /// One level further in; [`Parser::leave`] undoes it.
    pub(super) fn enter(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fault("it is nested too deep"));
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Items with commas between them, at least one.
    pub(super) fn list(&mut self, mut item: impl FnMut(&mut Self) -> Parsed) -> Parsed<usize> {
        let mut count = 0;
        loop {
            self.spaces();
            item(self)?;
            count += 1;
            self.spaces();
            if !self.eat(',') {
                return Ok(count);
            }
        }
    }

    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault {
            position: self.text[..self.at].chars().count(),
            message: message.into(),
        }
    }

    pub(super) fn expected(&self, what: &str) -> Fault {
        match self.peek() {
            Some(found) => self.fault(format!("expected {what}, found `{found}`")),
            None => self.fault(format!("expected {what}, found the end")),
        }
    }

    /// That nothing follows.
    pub(super) fn end(&self) -> Parsed {
        if self.done() {
            Ok(())
        } else {
            Err(self.expected("the end"))
        }
    }
}
