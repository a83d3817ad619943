//! Reads a .NET pattern as `RegexParser` does, called by [`super::program`].
//!
//! Two readings: the first counts the groups, because `\12` means one thing when there are twelve and another when not, and
//! named groups are numbered after the others. What must stay true: what .NET takes is taken and what it refuses is refused,
//! with its message; nothing recurses deeper than [`MAX_NEST`].

mod escape;
mod group;
mod set;

pub(super) use escape::{escape, unescape};

use super::class::{self, Class};
use super::syntax::{Anchor, Mode, Node, Refusal, Single, UNBOUNDED, option};
use group::{Frame, Kind};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Deepest nest of groups, and of sets in sets.
const MAX_NEST: usize = 200;
/// Most ranges that the sets of a pattern may have in all; without regard to case each letter of another case is one.
const MAX_RANGES: usize = 200_000;
/// Longest pattern, in UTF-16 units.
const MAX_PATTERN: usize = 32 * 1024;

/// A pattern that was read.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) root: Node,
    pub(super) groups: Groups,
    /// Ranges of all its sets, which take long to make.
    pub(super) ranges: usize,
}

/// The groups of a pattern.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Numbers in order; the first is 0, the whole match.
    pub(super) numbers: Vec<usize>,
    /// For each its name, which is its number when it has none.
    pub(super) names: Vec<String>,
    /// Some group has a name of its own, or a number is left out: then names are looked up, else read as numbers.
    pub(super) named: bool,
    by_name: HashMap<String, usize>,
}

impl Groups {
    /// Index of a group by number.
    pub(super) fn by_number(&self, number: usize) -> Option<usize> {
        self.numbers.binary_search(&number).ok()
    }

    /// Index of a group by name: `Regex.GroupNumberFromName`.
    pub(super) fn by_name(&self, name: &str) -> Option<usize> {
        if self.named {
            return self.by_name.get(name).copied();
        }
        if !name.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // .NET reads the empty name as 0.
        let number = if name.is_empty() {
            0
        } else {
            name.parse().ok()?
        };
        self.by_number(number)
    }
}

type S<T = ()> = Result<T, Refusal>;

/// Reads a pattern.
pub(super) fn parse(pattern: &str, options: i64) -> S<Pattern> {
    let together = option::ECMA_SCRIPT
        | option::IGNORE_CASE
        | option::MULTILINE
        | option::COMPILED
        | option::CULTURE_INVARIANT;
    if options & !option::ALL != 0
        || (options & option::ECMA_SCRIPT != 0 && options & !together != 0)
    {
        return Err(Refusal::Options);
    }
    let chars: Vec<u16> = pattern.encode_utf16().collect();
    if chars.len() > MAX_PATTERN {
        return Err(Refusal::Bound(format!(
            "a pattern may have {MAX_PATTERN} characters, this one has {}",
            chars.len()
        )));
    }
    let mut parser = Parser::new(&chars, options);
    parser.count()?;
    parser.assign_names();
    parser.at = 0;
    parser.options = options;
    parser.saved.clear();
    parser.next_group = 1;
    parser.ignore_next = false;
    let root = parser.scan()?;
    Ok(Pattern {
        root,
        groups: parser.groups,
        ranges: parser.ranges,
    })
}

struct Parser<'p> {
    chars: &'p [u16],
    at: usize,
    options: i64,
    /// Options to go back to, for each group that is open.
    saved: Vec<i64>,
    next_group: usize,
    /// The next `(` is the condition of a conditional.
    ignore_next: bool,
    /// Numbers of groups, and where each begins.
    slots: BTreeMap<usize, usize>,
    /// Names in the order of their groups, and each of them once.
    names: Vec<(String, usize)>,
    known: HashSet<String>,
    ranges: usize,
    groups: Groups,
    frame: Frame,
    outer: Vec<Frame>,
    unit: Option<Node>,
}

impl<'p> Parser<'p> {
    fn new(chars: &'p [u16], options: i64) -> Parser<'p> {
        Parser {
            chars,
            at: 0,
            options,
            saved: Vec::new(),
            next_group: 1,
            ignore_next: false,
            slots: BTreeMap::new(),
            names: Vec::new(),
            known: HashSet::new(),
            ranges: 0,
            groups: Groups::default(),
            frame: Frame::new(Kind::Plain, options),
            outer: Vec::new(),
            unit: None,
        }
    }

    fn has(&self, option: i64) -> bool {
        self.options & option != 0
    }

    fn mode(&self) -> Mode {
        Mode {
            fold: self.has(option::IGNORE_CASE),
            back: self.has(option::RIGHT_TO_LEFT),
        }
    }

    /// The unit ahead, as a byte when it is ASCII, for what the syntax is made of; 0 at the end.
    fn ahead(&self, by: usize) -> u8 {
        self.chars
            .get(self.at + by)
            .map_or(0, |u| u8::try_from(*u).unwrap_or(0xff))
    }

    fn peek(&self) -> Option<u16> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u16> {
        let unit = self.peek()?;
        self.at += 1;
        Some(unit)
    }

    /// Goes past the byte when it is there.
    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(u16::from(byte));
        self.at += usize::from(there);
        there
    }

    fn left(&self) -> usize {
        self.chars.len() - self.at
    }

    fn syntax<T>(&self, reason: impl Into<String>) -> S<T> {
        Err(Refusal::Syntax(self.at, reason.into()))
    }

    fn too_deep<T>(&self, what: &str) -> S<T> {
        Err(Refusal::Bound(format!(
            "{what} may be nested {MAX_NEST} deep"
        )))
    }

    /// Part of the pattern, for names.
    fn part(&self, from: usize, to: usize) -> String {
        String::from_utf16_lossy(self.chars.get(from..to).unwrap_or_default())
    }

    /// White space and comments, where they do not count.
    fn blank(&mut self) -> S {
        loop {
            if self.has(option::IGNORE_WHITESPACE) {
                while self.left() > 0 && is_blank(self.ahead(0)) {
                    self.at += 1;
                }
                if self.ahead(0) == b'#' {
                    while self.left() > 0 && self.ahead(0) != b'\n' {
                        self.at += 1;
                    }
                    continue;
                }
            }
            if !(self.left() >= 3
                && self.ahead(0) == b'('
                && self.ahead(1) == b'?'
                && self.ahead(2) == b'#')
            {
                return Ok(());
            }
            while self.left() > 0 && self.ahead(0) != b')' {
                self.at += 1;
            }
            if self.left() == 0 {
                return self.syntax("Unterminated (?#...) comment.");
            }
            self.at += 1;
        }
    }

    /// The second reading.
    fn scan(&mut self) -> S<Node> {
        self.frame = Frame::new(
            Kind::Capture {
                group: Some(0),
                takes_back: None,
            },
            self.options,
        );
        let mut quantified = false;
        while self.left() > 0 {
            let after_quantifier = std::mem::take(&mut quantified);
            self.blank()?;
            let from = self.at;
            while self.left() > 0 && !self.stops_here() {
                self.at += 1;
            }
            let to = self.at;
            self.blank()?;
            let special = (self.left() > 0 && is_special(self.ahead(0))).then(|| self.ahead(0));
            if special.is_some() {
                self.at += 1;
            }
            let quantifier = special.is_some_and(is_quantifier);
            let mut after_quantifier = after_quantifier;
            if from < to {
                after_quantifier = false;
                let plain = to - usize::from(quantifier);
                self.text(from, plain);
                if quantifier {
                    self.unit = Some(self.one(self.chars[to - 1]));
                }
            }
            let Some(special) = special else { continue };
            match special {
                b'[' => {
                    let fold = self.has(option::IGNORE_CASE);
                    let set = self.set(fold, 0)?;
                    self.unit = Some(self.set_node(set));
                }
                b'(' => {
                    self.saved.push(self.options);
                    match self.group_open()? {
                        None => {
                            self.saved.pop();
                        }
                        Some(kind) => {
                            if self.outer.len() >= MAX_NEST {
                                return self.too_deep("groups");
                            }
                            let inner = Frame::new(kind, self.options);
                            self.outer.push(std::mem::replace(&mut self.frame, inner));
                        }
                    }
                    continue;
                }
                b'|' => {
                    self.frame.alternative(self.options);
                    continue;
                }
                b')' => {
                    let Some(outer) = self.outer.pop() else {
                        return self.syntax("Too many )'s.");
                    };
                    let done = self.frame.close()?;
                    self.frame = outer;
                    self.unit = self.frame.condition(done);
                    if let Some(options) = self.saved.pop() {
                        self.options = options;
                    }
                    if self.unit.is_none() {
                        continue;
                    }
                }
                b'\\' => self.unit = Some(self.backslash()?),
                b'^' if self.has(option::MULTILINE) => self.anchor(Anchor::LineStart),
                b'^' => self.anchor(Anchor::Beginning),
                b'$' if self.has(option::MULTILINE) => self.anchor(Anchor::LineEnd),
                b'$' => self.anchor(Anchor::EndOrNewline),
                b'.' => {
                    let single = if self.has(option::SINGLELINE) {
                        let mut all = Class::default();
                        all.add(0, u16::MAX);
                        Single::Set(Box::new(all.finish()))
                    } else {
                        Single::NotOne(u16::from(b'\n'))
                    };
                    self.unit = Some(Node::Single(single, self.mode()));
                }
                c => {
                    if self.unit.is_none() {
                        let c = char::from(c);
                        return self.syntax(if after_quantifier {
                            format!("Nested quantifier '{c}'.")
                        } else {
                            format!("Quantifier '{c}' following nothing.")
                        });
                    }
                    self.at -= 1;
                }
            }
            self.blank()?;
            if self.left() == 0 || !self.quantifier_here() {
                self.keep();
                continue;
            }
            quantified = true;
            self.quantifier()?;
        }
        if !self.outer.is_empty() {
            return self.syntax("Not enough )'s.");
        }
        self.frame.close()
    }

    /// Whether the text of the pattern ends here.
    fn stops_here(&self) -> bool {
        let c = self.ahead(0);
        let stops = if self.has(option::IGNORE_WHITESPACE) {
            is_special(c) || c == b'#' || is_blank(c)
        } else {
            is_special(c)
        };
        stops && (c != b'{' || self.quantifier_here())
    }

    /// Puts the unit at hand, if any, behind what is there.
    fn keep(&mut self) {
        let unit = self.unit.take();
        self.frame.parts.extend(unit);
    }

    fn anchor(&mut self, anchor: Anchor) {
        self.unit = Some(Node::Anchor(anchor));
    }

    fn one(&self, unit: u16) -> Node {
        let mode = self.mode();
        let unit = if mode.fold { class::lower(unit) } else { unit };
        Node::Single(Single::One(unit), mode)
    }

    fn set_node(&self, set: Class) -> Node {
        Node::Single(Single::Set(Box::new(set.finish())), self.mode())
    }

    /// Text that no quantifier follows.
    fn text(&mut self, from: usize, to: usize) {
        let Some(text) = self.chars.get(from..to).filter(|t| !t.is_empty()) else {
            return;
        };
        if let [one] = text {
            let node = self.one(*one);
            self.frame.parts.push(node);
            return;
        }
        let mode = self.mode();
        let text = if mode.fold {
            text.iter().map(|u| class::lower(*u)).collect()
        } else {
            text.to_vec()
        };
        self.frame.parts.push(Node::Text(text, mode));
    }

    /// `RegexParser.IsTrueQuantifier`: a `{` that begins none is text.
    fn quantifier_here(&self) -> bool {
        let c = self.ahead(0);
        if c != b'{' {
            return is_quantifier(c);
        }
        let digits = |mut i: usize| {
            while self.ahead(i).is_ascii_digit() {
                i += 1;
            }
            i
        };
        let mut i = digits(1);
        if i == 1 {
            return false;
        }
        if self.ahead(i) == b',' {
            i = digits(i + 1);
        }
        self.ahead(i) == b'}'
    }

    /// A decimal number; none reads as 0.
    fn decimal(&mut self) -> S<i32> {
        let mut n: i32 = 0;
        while self.ahead(0).is_ascii_digit() {
            let digit = i32::from(self.ahead(0) - b'0');
            self.at += 1;
            n = match n.checked_mul(10).and_then(|n| n.checked_add(digit)) {
                Some(n) => n,
                None => {
                    return self.syntax(
                        "Capture group numbers must be less than or equal to Int32.MaxValue.",
                    );
                }
            };
        }
        Ok(n)
    }

    fn quantifier(&mut self) -> S {
        let (min, max) = match self.take().map_or(0, |u| u as u8) {
            b'*' => (0, UNBOUNDED),
            b'+' => (1, UNBOUNDED),
            b'?' => (0, 1),
            _ => {
                let min = self.decimal()?;
                let max = if !self.eat(b',') {
                    min
                } else if self.ahead(0) == b'}' {
                    UNBOUNDED
                } else {
                    self.decimal()?
                };
                self.eat(b'}');
                (min, max)
            }
        };
        self.blank()?;
        let lazy = self.eat(b'?');
        if min > max {
            return self.syntax("Illegal {x,y} with x > y.");
        }
        if let Some(unit) = self.unit.take() {
            self.frame.parts.push(unit.repeated(lazy, min, max));
        }
        Ok(())
    }

    /// A group's name.
    fn name(&mut self) -> String {
        let from = self.at;
        while self.peek().is_some_and(class::is_word) {
            self.at += 1;
        }
        self.part(from, self.at)
    }

    /// `i`, `-m` and the like, up to what is none.
    fn inline_options(&mut self) {
        let mut off = false;
        while self.left() > 0 {
            let option = match self.ahead(0) {
                b'-' => {
                    off = true;
                    0
                }
                b'+' => {
                    off = false;
                    0
                }
                c => match c.to_ascii_lowercase() {
                    b'i' => option::IGNORE_CASE,
                    b'm' => option::MULTILINE,
                    b'n' => option::EXPLICIT_CAPTURE,
                    b's' => option::SINGLELINE,
                    b'x' => option::IGNORE_WHITESPACE,
                    _ => return,
                },
            };
            if off {
                self.options &= !option;
            } else {
                self.options |= option;
            }
            self.at += 1;
        }
    }
}

/// What `RegexParser` takes for white space: no vertical tab.
fn is_blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r')
}

fn is_quantifier(c: u8) -> bool {
    matches!(c, b'*' | b'+' | b'?' | b'{')
}

fn is_special(c: u8) -> bool {
    is_quantifier(c) || matches!(c, b'$' | b'(' | b')' | b'.' | b'[' | b'\\' | b'^' | b'|')
}
