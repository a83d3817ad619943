//! Rewrites a .NET pattern for the regex engine, called by [`super::program`].
//!
//! The engine accepts .NET syntax with another meaning in places (`a++`, `$` before a final newline, the numbers of named
//! groups), so a pattern is parsed here as .NET's `RegexParser` does and written anew. What must stay true: what cannot
//! mean the same is refused. A text outside the Basic Multilingual Plane is seen as .NET sees it, as two halves of a pair:
//! [`half`] gives each its own character.

mod class;
mod escape;

pub(super) use escape::{escape, unescape};

use std::collections::BTreeSet;

/// `RegexOptions`.
pub(super) mod option {
    pub(in super::super) const IGNORE_CASE: i64 = 1;
    pub(in super::super) const MULTILINE: i64 = 2;
    pub(in super::super) const EXPLICIT_CAPTURE: i64 = 4;
    pub(in super::super) const SINGLELINE: i64 = 16;
    pub(in super::super) const IGNORE_WHITESPACE: i64 = 32;
    pub(in super::super) const RIGHT_TO_LEFT: i64 = 64;
    pub(in super::super) const ECMA_SCRIPT: i64 = 256;
    /// Bits that .NET knows.
    pub(in super::super) const ALL: i64 = 0x3ff;
}

/// Deepest nest of groups; the engine's parser recurses.
const MAX_NEST: usize = 50;
/// Longest pattern, in characters.
const MAX_PATTERN: usize = 32 * 1024;

/// Why a pattern is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not a .NET pattern: where and why.
    Syntax(usize, String),
    /// A .NET pattern that this engine cannot run with the same meaning.
    Unsupported(String),
}

/// What is known about the text to be searched; a narrower pattern is a faster one with the same meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Subject {
    /// Only ASCII.
    pub(super) ascii: bool,
    /// Ends with a newline, before which `$` matches too.
    pub(super) final_newline: bool,
    /// The search starts after the place that `\G` stands for.
    pub(super) past_last: bool,
}

/// A group as .NET numbers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) number: usize,
    /// Its name; the number's digits if it has none.
    pub(super) name: String,
    /// May match more than once in one match: the engine keeps only the last.
    pub(super) repeats: bool,
}

/// A pattern for the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Translation {
    pub(super) text: String,
    /// All groups by number; the first is the whole match.
    pub(super) groups: Vec<Group>,
    /// For each capture of the engine, from its first, the index of the group that it belongs to.
    pub(super) captures: Vec<usize>,
    /// What of the subject the text depends on.
    pub(super) uses: Subject,
}

/// The character that stands for half of a surrogate pair.
pub(super) fn half(unit: u16) -> char {
    char::from_u32(0x10_F800 + u32::from(unit).wrapping_sub(0xD800) % 0x800)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The half of a pair that a character stands for.
pub(super) fn unit_of_half(c: char) -> Option<u16> {
    let n = u32::from(c).checked_sub(0x10_F800)?;
    u16::try_from(0xD800 + n).ok()
}

/// A text as .NET's engine sees it: one character per UTF-16 unit.
pub(super) fn by_units(s: &str) -> String {
    let mut out = String::with_capacity(s.len() * 2);
    for c in s.chars() {
        let mut pair = [0; 2];
        match c.encode_utf16(&mut pair) {
            [high, low] => out.extend([half(*high), half(*low)]),
            _ => out.push(c),
        }
    }
    out
}

/// The character of a UTF-16 unit.
fn unit(n: u32) -> char {
    char::from_u32(n).unwrap_or_else(|| half(n as u16))
}

/// `RegexCharClass.IsBoundaryWordChar`.
fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric() || matches!(c, '\u{200c}' | '\u{200d}')
}

/// Reads a pattern for a subject.
pub(super) fn translate(
    pattern: &str,
    options: i64,
    subject: Subject,
) -> Result<Translation, Refusal> {
    if options & !option::ALL != 0 {
        return Err(Refusal::Syntax(
            0,
            "Specified argument was out of the range of valid values.".into(),
        ));
    }
    if options & option::RIGHT_TO_LEFT != 0 {
        return Err(Refusal::Unsupported("RegexOptions.RightToLeft".into()));
    }
    if options & option::ECMA_SCRIPT != 0 {
        return Err(Refusal::Unsupported("RegexOptions.ECMAScript".into()));
    }
    let chars: Vec<char> = by_units(pattern).chars().collect();
    if chars.len() > MAX_PATTERN {
        return Err(Refusal::Unsupported(format!(
            "a pattern of more than {MAX_PATTERN} characters"
        )));
    }
    // The first reading learns the groups: `\12` means one thing when there are twelve, another when not.
    let mut first = Scan::new(&chars, options, subject, None);
    first.pattern()?;
    let (groups, keys) = number(&first.captures, first.next_number);
    let mut known = Known {
        groups,
        keys,
        order: Vec::new(),
        inline_case: first.inline_case,
    };
    known.order = first
        .captures
        .iter()
        .filter_map(|c| known.index(&c.key))
        .collect();
    let mut second = Scan::new(&chars, options, subject, Some(&known));
    second.pattern()?;
    let Scan {
        out,
        captures,
        uses,
        ..
    } = second;
    let mut groups = known.groups.clone();
    for (capture, index) in captures.iter().zip(&known.order) {
        if let Some(g) = groups.get_mut(*index) {
            g.repeats |= capture.repeats;
        }
    }
    Ok(Translation {
        text: out,
        groups,
        captures: known.order,
        uses,
    })
}

/// What a pattern calls a group.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Number(usize),
    Name(String),
}

#[derive(Debug)]
struct Capture {
    key: Key,
    /// Where it starts in what is written.
    at: usize,
    repeats: bool,
}

/// Groups of the pattern, after the first reading.
#[derive(Debug)]
struct Known {
    groups: Vec<Group>,
    keys: Vec<(Key, usize)>,
    /// For each capture in the order of the pattern, its group.
    order: Vec<usize>,
    inline_case: bool,
}

impl Known {
    fn index(&self, key: &Key) -> Option<usize> {
        self.keys.iter().find(|(k, _)| k == key).map(|(_, i)| *i)
    }
}

/// .NET numbers unnamed groups in order, then named ones with the numbers that are left.
fn number(captures: &[Capture], mut next: usize) -> (Vec<Group>, Vec<(Key, usize)>) {
    let mut numbers: BTreeSet<usize> = BTreeSet::from([0]);
    numbers.extend(captures.iter().filter_map(|c| {
        if let Key::Number(n) = c.key {
            Some(n)
        } else {
            None
        }
    }));
    let mut named: Vec<(&str, usize)> = Vec::new();
    for c in captures {
        if let Key::Name(name) = &c.key
            && !named.iter().any(|(n, _)| n == name)
        {
            while numbers.contains(&next) {
                next += 1;
            }
            numbers.insert(next);
            named.push((name, next));
            next += 1;
        }
    }
    let mut groups = Vec::new();
    let mut keys = Vec::new();
    for (i, n) in numbers.into_iter().enumerate() {
        let name = named.iter().find(|(_, k)| *k == n).map(|(name, _)| *name);
        if let Some(name) = name {
            keys.push((Key::Name(name.to_string()), i));
        }
        keys.push((Key::Number(n), i));
        groups.push(Group {
            number: n,
            name: name.map_or_else(|| n.to_string(), str::to_string),
            repeats: false,
        });
    }
    (groups, keys)
}

/// Inline options in force.
#[derive(Clone, Copy, Debug)]
struct Options {
    case: bool,
    multiline: bool,
    explicit: bool,
    single: bool,
    blank: bool,
}

/// A group that is open.
#[derive(Debug)]
struct Open {
    /// Options to go back to.
    options: Options,
    /// Where it starts in what is written.
    at: usize,
    behind: bool,
}

struct Scan<'p> {
    chars: &'p [char],
    at: usize,
    out: String,
    options: Options,
    subject: Subject,
    known: Option<&'p Known>,
    open: Vec<Open>,
    /// Start of what a quantifier would repeat.
    atom: Option<usize>,
    after_quantifier: bool,
    captures: Vec<Capture>,
    next_number: usize,
    /// Case sensitivity changes inside the pattern.
    inline_case: bool,
    uses: Subject,
}

type S<T = ()> = Result<T, Refusal>;

impl<'p> Scan<'p> {
    fn new(
        chars: &'p [char],
        options: i64,
        subject: Subject,
        known: Option<&'p Known>,
    ) -> Scan<'p> {
        let has = |o| options & o != 0;
        let options = Options {
            case: has(option::IGNORE_CASE),
            multiline: has(option::MULTILINE),
            explicit: has(option::EXPLICIT_CAPTURE),
            single: has(option::SINGLELINE),
            blank: has(option::IGNORE_WHITESPACE),
        };
        let mut out = String::new();
        if options.case && known.is_some_and(|k| !k.inline_case) {
            out.push_str("(?i)");
        }
        Scan {
            chars,
            at: 0,
            out,
            options,
            subject,
            known,
            open: Vec::new(),
            atom: None,
            after_quantifier: false,
            captures: Vec::new(),
            next_number: 1,
            inline_case: false,
            uses: Subject::default(),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn syntax<T>(&self, reason: impl Into<String>) -> S<T> {
        Err(Refusal::Syntax(self.at, reason.into()))
    }

    /// White space and comments where they do not count.
    fn blank(&mut self) -> S {
        loop {
            match self.peek() {
                Some(' ' | '\t'..='\r') if self.options.blank => self.at += 1,
                Some('#') if self.options.blank => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                Some('(') if self.peek_at(1) == Some('?') && self.peek_at(2) == Some('#') => {
                    while self.peek().is_some_and(|c| c != ')') {
                        self.at += 1;
                    }
                    if self.take().is_none() {
                        return self.syntax("Unterminated (?#...) comment.");
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn pattern(&mut self) -> S {
        loop {
            self.blank()?;
            if self.quantifier_here() {
                self.quantifier()?;
                continue;
            }
            let Some(c) = self.take() else { break };
            self.after_quantifier = false;
            match c {
                '|' => {
                    self.out.push('|');
                    self.atom = None;
                }
                '(' => self.group()?,
                ')' => self.close()?,
                '[' => {
                    let set = self.class(0)?;
                    self.write(&set);
                }
                '.' => self.write(if self.options.single {
                    "(?s:.)"
                } else {
                    "[^\\n]"
                }),
                '^' => self.assertion(if self.options.multiline {
                    "(?m:^)"
                } else {
                    "\\A"
                }),
                '$' if self.options.multiline => self.assertion("(?m:$)"),
                '$' => self.end(),
                '\\' => self.escape()?,
                c => self.literal(c),
            }
        }
        if self.open.is_empty() {
            Ok(())
        } else {
            self.syntax("Not enough )'s.")
        }
    }

    /// Writes something that a quantifier may follow.
    fn write(&mut self, s: &str) {
        self.atom = Some(self.out.len());
        if self.options.case && self.known.is_none_or(|k| k.inline_case) {
            self.out.push_str("(?i:");
            self.out.push_str(s);
            self.out.push(')');
        } else {
            self.out.push_str(s);
        }
    }

    fn assertion(&mut self, s: &str) {
        self.atom = Some(self.out.len());
        self.out.push_str("(?:");
        self.out.push_str(s);
        self.out.push(')');
    }

    fn end(&mut self) {
        self.uses.final_newline = true;
        self.assertion(if self.subject.final_newline {
            "(?=\\n?\\z)"
        } else {
            "\\z"
        });
    }

    fn literal(&mut self, c: char) {
        let mut s = String::new();
        if matches!(
            c,
            '\\' | '.'
                | '+'
                | '*'
                | '?'
                | '('
                | ')'
                | '|'
                | '['
                | ']'
                | '{'
                | '}'
                | '^'
                | '$'
                | '#'
        ) {
            s.push('\\');
        }
        s.push(c);
        self.write(&s);
    }

    fn quantifier_here(&self) -> bool {
        match self.peek() {
            Some('*' | '+' | '?') => true,
            Some('{') => {
                let mut i = 1;
                let digits = |i: &mut usize| {
                    let from = *i;
                    while self.peek_at(*i).is_some_and(|c| c.is_ascii_digit()) {
                        *i += 1;
                    }
                    *i > from
                };
                if !digits(&mut i) {
                    return false;
                }
                if self.peek_at(i) == Some(',') {
                    i += 1;
                    digits(&mut i);
                }
                self.peek_at(i) == Some('}')
            }
            _ => false,
        }
    }

    /// A decimal number; `None` beyond `int`.
    fn decimal(&mut self) -> S<usize> {
        let mut n: usize = 0;
        while let Some(d) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            n = n * 10 + d as usize;
            if n > i32::MAX as usize {
                return self
                    .syntax("Capture group numbers must be less than or equal to Int32.MaxValue.");
            }
        }
        Ok(n)
    }

    fn quantifier(&mut self) -> S {
        let c = self.take().unwrap_or('*');
        let (min, max) = match c {
            '*' => (0, None),
            '+' => (1, None),
            '?' => (0, Some(1)),
            _ => {
                let min = self.decimal()?;
                let max = if self.peek() == Some(',') {
                    self.at += 1;
                    if self.peek() == Some('}') {
                        None
                    } else {
                        Some(self.decimal()?)
                    }
                } else {
                    Some(min)
                };
                self.at += 1;
                (min, max)
            }
        };
        let Some(atom) = self.atom.take() else {
            return if self.after_quantifier {
                self.syntax(format!("Nested quantifier '{c}'."))
            } else {
                self.syntax(format!("Quantifier '{c}' following nothing."))
            };
        };
        self.blank()?;
        let lazy = self.peek() == Some('?');
        self.at += usize::from(lazy);
        if max.is_some_and(|m| min > m) {
            return self.syntax("Illegal {x,y} with x > y.");
        }
        if max.is_none_or(|m| m > 1) {
            for capture in self.captures.iter_mut().filter(|c| c.at >= atom) {
                capture.repeats = true;
            }
        }
        match (min, max) {
            (0, None) => self.out.push('*'),
            (1, None) => self.out.push('+'),
            (0, Some(1)) => self.out.push('?'),
            (n, None) => self.out.push_str(&format!("{{{n},}}")),
            (n, Some(m)) if n == m => self.out.push_str(&format!("{{{n}}}")),
            (n, Some(m)) => self.out.push_str(&format!("{{{n},{m}}}")),
        }
        if lazy {
            self.out.push('?');
        }
        self.after_quantifier = true;
        Ok(())
    }

    fn opened(&mut self, head: &str, options: Options, behind: bool) -> S {
        if self.open.len() >= MAX_NEST {
            return Err(Refusal::Unsupported(format!(
                "groups nested more than {MAX_NEST} deep"
            )));
        }
        self.open.push(Open {
            options,
            at: self.out.len(),
            behind,
        });
        self.out.push_str(head);
        self.atom = None;
        Ok(())
    }

    fn capture(&mut self, key: Key) -> S {
        if self.open.iter().any(|o| o.behind) {
            return Err(Refusal::Unsupported(
                "a capturing group in a lookbehind".into(),
            ));
        }
        self.captures.push(Capture {
            key,
            at: self.out.len(),
            repeats: false,
        });
        self.opened("(", self.options, false)
    }

    fn close(&mut self) -> S {
        let Some(open) = self.open.pop() else {
            return self.syntax("Too many )'s.");
        };
        self.options = open.options;
        self.out.push(')');
        self.atom = Some(open.at);
        Ok(())
    }

    fn group(&mut self) -> S {
        let options = self.options;
        if self.peek() != Some('?') || self.peek_at(1) == Some(')') {
            return if options.explicit {
                self.opened("(?:", options, false)
            } else {
                let n = self.next_number;
                self.next_number += 1;
                self.capture(Key::Number(n))
            };
        }
        self.at += 1;
        match self.take() {
            Some(':') => self.opened("(?:", options, false),
            Some('=') => self.opened("(?=", options, false),
            Some('!') => self.opened("(?!", options, false),
            Some('>') => self.opened("(?>", options, false),
            Some('<') if self.peek() == Some('=') => {
                self.at += 1;
                self.opened("(?<=", options, true)
            }
            Some('<') if self.peek() == Some('!') => {
                self.at += 1;
                self.opened("(?<!", options, true)
            }
            Some('<') => self.named('>'),
            Some('\'') => self.named('\''),
            Some('(') => Err(Refusal::Unsupported(
                "a conditional group, `(?(…)…)`".into(),
            )),
            Some(_) => {
                self.at -= 1;
                self.inline_options()?;
                match self.take() {
                    Some(')') => {
                        self.atom = None;
                        Ok(())
                    }
                    Some(':') => self.opened("(?:", options, false),
                    _ => self.syntax("Unrecognized grouping construct."),
                }
            }
            None => self.syntax("Unrecognized grouping construct."),
        }
    }

    fn inline_options(&mut self) -> S {
        let mut on = true;
        while let Some(c) = self.peek() {
            let case = self.options.case;
            match c.to_ascii_lowercase() {
                '-' => on = false,
                '+' => on = true,
                'i' => self.options.case = on,
                'm' => self.options.multiline = on,
                'n' => self.options.explicit = on,
                's' => self.options.single = on,
                'x' => self.options.blank = on,
                _ => break,
            }
            self.inline_case |= self.options.case != case;
            self.at += 1;
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| is_word(*c)) {
            name.push(c);
            self.at += 1;
        }
        name
    }

    fn named(&mut self, close: char) -> S {
        let key = match self.peek() {
            Some('-') => return Err(balancing()),
            Some(c) if c.is_ascii_digit() => match self.decimal()? {
                0 => return self.syntax("Capture number cannot be zero."),
                n => Key::Number(n),
            },
            Some(c) if is_word(c) => Key::Name(self.name()),
            _ => {
                return self
                    .syntax("Invalid group name: Group names must begin with a word character.");
            }
        };
        match self.take() {
            Some(c) if c == close => self.capture(key),
            Some('-') => Err(balancing()),
            _ => self.syntax("Invalid group name: Group names must begin with a word character."),
        }
    }
}

fn balancing() -> Refusal {
    Refusal::Unsupported("a balancing group, `(?<a-b>…)`".into())
}
