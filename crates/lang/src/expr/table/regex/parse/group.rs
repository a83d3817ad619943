//! Groups: what opens one, what it becomes when it closes, and how groups are numbered.

use super::{Parser, S, option};
use crate::expr::table::regex::class;
use crate::expr::table::regex::syntax::{Node, Refusal};
use std::collections::BTreeMap;

/// What a group is.
#[derive(Debug)]
pub(super) enum Kind {
    Plain,
    Capture {
        group: Option<usize>,
        takes_back: Option<usize>,
    },
    Look {
        not: bool,
    },
    Atomic,
    /// `(?(1)...)`.
    IfGroup(usize),
    /// `(?(test)...)`.
    IfMatches,
}

/// A group that is open.
#[derive(Debug)]
pub(super) struct Frame {
    kind: Kind,
    /// The alternative at hand is matched from right to left.
    back: bool,
    pub(super) parts: Vec<Node>,
    alternatives: Vec<Node>,
    /// The condition of [`Kind::IfMatches`].
    condition: Option<Node>,
}

fn only(mut nodes: Vec<Node>, all: fn(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        0 => Node::Empty,
        1 => nodes.remove(0),
        _ => all(nodes),
    }
}

impl Frame {
    pub(super) fn new(kind: Kind, options: i64) -> Frame {
        Frame {
            kind,
            back: options & option::RIGHT_TO_LEFT != 0,
            parts: Vec::new(),
            alternatives: Vec::new(),
            condition: None,
        }
    }

    /// Ends an alternative; the next is read with these options.
    pub(super) fn alternative(&mut self, options: i64) {
        let mut parts = std::mem::take(&mut self.parts);
        if self.back {
            parts.reverse();
        }
        self.alternatives.push(only(parts, Node::Sequence));
        self.back = options & option::RIGHT_TO_LEFT != 0;
    }

    /// The first group in a conditional is its condition and no part of it.
    pub(super) fn condition(&mut self, done: Node) -> Option<Node> {
        if matches!(self.kind, Kind::IfMatches) && self.condition.is_none() {
            self.condition = Some(done);
            return None;
        }
        Some(done)
    }

    pub(super) fn takes_options(&self) -> bool {
        !matches!(self.kind, Kind::IfMatches)
    }

    /// What the group is, at its end.
    pub(super) fn close(&mut self) -> S<Node> {
        self.alternative(0);
        let alternatives = std::mem::take(&mut self.alternatives);
        let kind = std::mem::replace(&mut self.kind, Kind::Plain);
        if let Kind::IfGroup(_) | Kind::IfMatches = kind {
            let mut branches = alternatives.into_iter();
            let yes = Box::new(branches.next().unwrap_or(Node::Empty));
            let no = branches.next().map(Box::new);
            if branches.next().is_some() {
                return Err(Refusal::Syntax(0, "Too many | in (?()|).".into()));
            }
            return Ok(match kind {
                Kind::IfGroup(group) => Node::IfGroup(group, yes, no),
                _ => Node::IfMatches(
                    Box::new(self.condition.take().unwrap_or(Node::Empty)),
                    yes,
                    no,
                ),
            });
        }
        let body = only(alternatives, Node::Alternate);
        Ok(match kind {
            Kind::Capture { group, takes_back } => Node::Capture {
                group,
                takes_back,
                body: Box::new(body),
            },
            Kind::Look { not } => Node::Look {
                not,
                body: Box::new(body),
            },
            Kind::Atomic => Node::Atomic(Box::new(body)),
            _ => body,
        })
    }
}

impl Parser<'_> {
    /// The first reading: which groups there are. Follows `RegexParser.CountCaptures`.
    pub(super) fn count(&mut self) -> S {
        self.slots.insert(0, 0);
        while let Some(unit) = self.take() {
            let from = self.at - 1;
            match u8::try_from(unit).unwrap_or(0) {
                b'\\' => self.at += usize::from(self.left() > 0),
                b'#' if self.has(option::IGNORE_WHITESPACE) => {
                    self.at -= 1;
                    self.blank()?;
                }
                b'[' => self.skip_set(0)?,
                b')' => {
                    if let Some(options) = self.saved.pop() {
                        self.options = options;
                    }
                }
                b'(' => self.count_group(from)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn count_group(&mut self, from: usize) -> S {
        if self.left() >= 2 && self.ahead(0) == b'?' && self.ahead(1) == b'#' {
            self.at -= 1;
            self.blank()?;
            self.ignore_next = false;
            return Ok(());
        }
        self.saved.push(self.options);
        if self.eat(b'?') {
            if self.left() > 1 && matches!(self.ahead(0), b'<' | b'\'') {
                self.at += 1;
                let unit = self.peek().unwrap_or(0);
                if unit != u16::from(b'0') && class::is_word(unit) {
                    if self.ahead(0).is_ascii_digit() {
                        let number = self.decimal()?;
                        self.slots.entry(number as usize).or_insert(from);
                    } else {
                        let name = self.name();
                        if self.known.insert(name.clone()) {
                            self.names.push((name, from));
                        }
                    }
                }
            } else {
                self.inline_options();
                if self.ahead(0) == b')' && self.left() > 0 {
                    self.at += 1;
                    self.saved.pop();
                } else if self.ahead(0) == b'(' {
                    // The condition that follows captures nothing.
                    self.ignore_next = true;
                    return Ok(());
                }
            }
        } else if !self.has(option::EXPLICIT_CAPTURE) && !self.ignore_next {
            self.slots.entry(self.next_group).or_insert(from);
            self.next_group += 1;
        }
        self.ignore_next = false;
        Ok(())
    }

    /// Numbers for the named groups: those that are left.
    pub(super) fn assign_names(&mut self) {
        let mut named: BTreeMap<usize, String> = BTreeMap::new();
        for (name, from) in std::mem::take(&mut self.names) {
            while self.slots.contains_key(&self.next_group) {
                self.next_group += 1;
            }
            self.slots.insert(self.next_group, from);
            named.insert(self.next_group, name);
            self.next_group += 1;
        }
        let gap = self
            .slots
            .last_key_value()
            .is_some_and(|(last, _)| last + 1 > self.slots.len());
        self.groups.named = gap || !named.is_empty();
        for (index, number) in self.slots.keys().enumerate() {
            let own = named.get(number);
            let name = own.map_or_else(|| number.to_string(), String::clone);
            // A group may be called by a number that another has; the name given counts.
            if own.is_some() {
                self.groups.by_name.insert(name.clone(), index);
            } else {
                self.groups.by_name.entry(name.clone()).or_insert(index);
            }
            self.groups.numbers.push(*number);
            self.groups.names.push(name);
        }
    }

    /// A name that a group of the pattern has.
    pub(super) fn named_group(&self, name: &str) -> Option<usize> {
        self.groups
            .named
            .then(|| self.groups.by_name(name))
            .flatten()
    }

    pub(super) fn numbered_group(&self, number: i32) -> Option<usize> {
        self.groups.by_number(usize::try_from(number).ok()?)
    }

    fn unrecognized<T>(&self) -> S<T> {
        self.syntax("Unrecognized grouping construct.")
    }

    fn invalid_name<T>(&self) -> S<T> {
        self.syntax("Invalid group name: Group names must begin with a word character.")
    }

    /// What follows a `(`; `None` when it only sets options.
    pub(super) fn group_open(&mut self) -> S<Option<Kind>> {
        if self.ahead(0) != b'?' || self.left() == 0 || (self.left() > 1 && self.ahead(1) == b')') {
            if self.has(option::EXPLICIT_CAPTURE) || self.ignore_next {
                self.ignore_next = false;
                return Ok(Some(Kind::Plain));
            }
            let group = self.groups.by_number(self.next_group);
            self.next_group += 1;
            return Ok(Some(Kind::Capture {
                group,
                takes_back: None,
            }));
        }
        self.at += 1;
        let Some(unit) = self.take() else {
            return self.unrecognized();
        };
        let kind = match u8::try_from(unit).unwrap_or(0) {
            b':' => Kind::Plain,
            c @ (b'=' | b'!') => {
                self.options &= !option::RIGHT_TO_LEFT;
                Kind::Look { not: c == b'!' }
            }
            b'>' => Kind::Atomic,
            c @ (b'<' | b'\'') => {
                let close = if c == b'<' { b'>' } else { b'\'' };
                match self.ahead(0) {
                    _ if self.left() == 0 => return self.unrecognized(),
                    look @ (b'=' | b'!') if close == b'>' => {
                        self.at += 1;
                        self.options |= option::RIGHT_TO_LEFT;
                        Kind::Look { not: look == b'!' }
                    }
                    b'=' | b'!' => return self.unrecognized(),
                    _ => self.named(close)?,
                }
            }
            b'(' => self.conditional()?,
            _ => {
                self.at -= 1;
                if self.frame.takes_options() {
                    self.inline_options();
                }
                match self.take() {
                    Some(0x29) => return Ok(None),
                    Some(0x3a) => Kind::Plain,
                    _ => return self.unrecognized(),
                }
            }
        };
        Ok(Some(kind))
    }

    /// `(?<name>`, `(?<1>`, `(?<new-old>`.
    fn named(&mut self, close: u8) -> S<Kind> {
        let mut group = None;
        let mut open = false;
        let first = self.peek().unwrap_or(0);
        let ends = |p: &Self| p.left() > 0 && p.ahead(0) != close && p.ahead(0) != b'-';
        if self.ahead(0).is_ascii_digit() {
            let number = self.decimal()?;
            group = self.numbered_group(number);
            if ends(self) {
                return self.invalid_name();
            }
            if number == 0 {
                return self.syntax("Capture number cannot be zero.");
            }
        } else if class::is_word(first) {
            let name = self.name();
            group = self.named_group(&name);
            if ends(self) {
                return self.invalid_name();
            }
        } else if first == u16::from(b'-') {
            open = true;
        } else {
            return self.invalid_name();
        }
        let mut takes_back = None;
        if (group.is_some() || open) && self.ahead(0) == b'-' && self.left() > 0 {
            self.at += 1;
            let first = self.peek().unwrap_or(0);
            if self.ahead(0).is_ascii_digit() {
                let number = self.decimal()?;
                takes_back = self.numbered_group(number);
                if takes_back.is_none() {
                    return self.syntax(format!("Reference to undefined group number {number}."));
                }
            } else if class::is_word(first) {
                let name = self.name();
                takes_back = self.named_group(&name);
                if takes_back.is_none() {
                    return self.syntax(format!("Reference to undefined group name '{name}'."));
                }
            } else {
                return self.invalid_name();
            }
            if self.left() > 0 && self.ahead(0) != close {
                return self.invalid_name();
            }
        }
        if (group.is_some() || takes_back.is_some()) && self.eat(close) {
            return Ok(Kind::Capture { group, takes_back });
        }
        self.unrecognized()
    }

    /// `(?(`: what follows is a group's number or name, or a condition.
    fn conditional(&mut self) -> S<Kind> {
        let from = self.at;
        if self.ahead(0).is_ascii_digit() {
            let number = self.decimal()?;
            if !self.eat(b')') {
                return self.syntax(format!(
                    "Conditional alternation is missing a closing parenthesis after the group number {number}."
                ));
            }
            return match self.numbered_group(number) {
                Some(group) => Ok(Kind::IfGroup(group)),
                None => self.syntax(format!(
                    "Conditional alternation refers to an undefined group number {number}."
                )),
            };
        }
        if self.peek().is_some_and(class::is_word) {
            let name = self.name();
            if let Some(group) = self.named_group(&name)
                && self.eat(b')')
            {
                return Ok(Kind::IfGroup(group));
            }
        }
        self.at = from - 1;
        self.ignore_next = true;
        if self.left() >= 3 && self.ahead(1) == b'?' {
            match self.ahead(2) {
                b'#' => return self.syntax("Alternation conditions cannot be comments."),
                b'\'' => {
                    return self
                        .syntax("Alternation conditions do not capture and cannot be named.");
                }
                b'<' if self.left() >= 4 && !matches!(self.ahead(3), b'!' | b'=') => {
                    return self
                        .syntax("Alternation conditions do not capture and cannot be named.");
                }
                _ => {}
            }
        }
        Ok(Kind::IfMatches)
    }
}
