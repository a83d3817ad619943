//! Compiled patterns, the texts they search, and what they find. Used by the rows of [`super`].
//!
//! What must stay true: a search is bounded (backtracking, and steps of the evaluation); the cache of a thread is bounded;
//! offsets inside are bytes of the searched text, offsets outside are UTF-16 units.

use super::translate::{self, Group, Refusal};
use crate::expr::eval::{Cx, Throw, throw};
use crate::value::Str;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

/// Most steps back of one search, after which it stops with an error that expressions cannot catch.
const BACKTRACK_LIMIT: usize = 1_000_000;
/// Most bytes of a compiled pattern.
const SIZE_LIMIT: usize = 4 << 20;
/// Patterns that a thread keeps compiled, in each of two generations.
const CACHED: usize = 64;
/// Bytes searched per step of the evaluation.
const BYTES_PER_STEP: usize = 64;

/// A pattern with its options.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) pattern: Str,
    pub(super) options: i64,
    pub(super) groups: Vec<Group>,
    /// For each capture of the engine its group.
    captures: Vec<usize>,
    /// What of a subject makes a difference to the pattern.
    uses: translate::Subject,
    /// One for each kind of subject, compiled on first use.
    variants: [OnceCell<Result<fancy_regex::Regex, String>>; 8],
}

type Generation = HashMap<(Box<str>, i64), Rc<Program>>;

thread_local! {
    static CACHE: RefCell<(Generation, Generation)> = RefCell::default();
}

/// How many patterns this thread keeps.
#[cfg(test)]
pub(super) fn cached() -> usize {
    CACHE.with_borrow(|(young, old)| young.len() + old.len())
}

fn refused(pattern: &str, refusal: &Refusal) -> Throw {
    match refusal {
        Refusal::Syntax(at, reason) => throw(
            "ArgumentException",
            format!("Invalid pattern '{pattern}' at offset {at}. {reason}"),
        ),
        Refusal::Unsupported(what) => throw(
            "NotSupportedException",
            format!("Invalid pattern '{pattern}': {what} is not supported here."),
        ),
    }
}

impl Program {
    /// The compiled pattern, from this thread's cache if it was used before.
    pub(super) fn of(pattern: &Str, options: i64) -> Result<Rc<Program>, Throw> {
        CACHE.with_borrow_mut(|(young, old)| {
            let key = (Box::from(&**pattern), options);
            if let Some(p) = young.get(&key) {
                return Ok(p.clone());
            }
            let program = match old.remove(&key) {
                Some(p) => p,
                None => Rc::new(Program::new(pattern, options)?),
            };
            if young.len() >= CACHED {
                *old = std::mem::take(young);
            }
            young.insert(key, program.clone());
            Ok(program)
        })
    }

    fn new(pattern: &Str, options: i64) -> Result<Program, Throw> {
        let plain = translate::Subject {
            ascii: true,
            ..Default::default()
        };
        let t = translate::translate(pattern, options, plain).map_err(|r| refused(pattern, &r))?;
        let program = Program {
            pattern: pattern.clone(),
            options,
            groups: t.groups,
            captures: t.captures,
            uses: t.uses,
            variants: Default::default(),
        };
        // What the engine refuses is known now, not with the first text.
        program.engine(plain)?;
        Ok(program)
    }

    fn engine(&self, subject: translate::Subject) -> Result<&fancy_regex::Regex, Throw> {
        let subject = translate::Subject {
            ascii: subject.ascii && self.uses.ascii,
            final_newline: subject.final_newline && self.uses.final_newline,
            past_last: subject.past_last && self.uses.past_last,
        };
        let variant = &self.variants[usize::from(subject.ascii)
            | usize::from(subject.final_newline) << 1
            | usize::from(subject.past_last) << 2];
        let compiled = variant.get_or_init(|| {
            let t = translate::translate(&self.pattern, self.options, subject)
                .map_err(|_| String::new())?;
            fancy_regex::RegexBuilder::new(&t.text)
                .backtrack_limit(BACKTRACK_LIMIT)
                .delegate_size_limit(SIZE_LIMIT)
                .max_prog_size(SIZE_LIMIT / 64)
                .build()
                .map_err(|e| e.to_string())
        });
        compiled.as_ref().map_err(|e| {
            throw(
                "NotSupportedException",
                format!(
                    "Invalid pattern '{}': not supported here ({e}).",
                    self.pattern
                ),
            )
        })
    }

    /// Whether there is a match from a byte offset on.
    pub(super) fn is_match(
        &self,
        cx: &mut Cx<'_>,
        subject: &Subject,
        from: usize,
    ) -> Result<bool, Throw> {
        let engine = self.engine(subject.kind())?;
        let searched = subject.searched();
        cx.step(1 + (searched.len() - from) / BYTES_PER_STEP)?;
        if from == 0 {
            return engine.is_match(searched).map_err(|e| self.stopped(&e));
        }
        Ok(engine
            .find_from_pos(searched, from)
            .map_err(|e| self.stopped(&e))?
            .is_some())
    }

    /// The first match from a byte offset on.
    pub(super) fn find(
        self: &Rc<Program>,
        cx: &mut Cx<'_>,
        subject: &Rc<Subject>,
        from: usize,
    ) -> Result<Option<Rc<Found>>, Throw> {
        self.search(cx, subject, from, false)
    }

    fn search(
        self: &Rc<Program>,
        cx: &mut Cx<'_>,
        subject: &Rc<Subject>,
        from: usize,
        past_last: bool,
    ) -> Result<Option<Rc<Found>>, Throw> {
        let kind = translate::Subject {
            past_last,
            ..subject.kind()
        };
        let engine = self.engine(kind)?;
        let searched = subject.searched();
        let captures = engine
            .captures_from_pos(searched, from)
            .map_err(|e| self.stopped(&e))?;
        let end = captures
            .as_ref()
            .and_then(|c| c.get(0))
            .map_or(searched.len(), |m| m.end());
        cx.step(1 + (end - from.min(end)) / BYTES_PER_STEP)?;
        let Some(captures) = captures else {
            return Ok(None);
        };
        let mut spans: Vec<Option<Range<usize>>> = vec![None; self.groups.len()];
        spans[0] = captures.get(0).map(|m| m.start()..m.end());
        for (i, group) in self.captures.iter().enumerate() {
            // Where a number is there twice the later capture counts.
            if let (Some(m), Some(place)) = (captures.get(i + 1), spans.get_mut(*group))
                && place.as_ref().is_none_or(|old| old.start <= m.start())
            {
                *place = Some(m.start()..m.end());
            }
        }
        cx.charge(spans.len() * size_of::<Option<Range<usize>>>() + 128)?;
        Ok(Some(Rc::new(Found {
            program: self.clone(),
            subject: subject.clone(),
            spans,
        })))
    }

    /// The match after another. An empty one is followed by a search one character on, as .NET does.
    pub(super) fn find_next(
        self: &Rc<Program>,
        cx: &mut Cx<'_>,
        last: &Found,
    ) -> Result<Option<Rc<Found>>, Throw> {
        let span = last.span();
        let from = if span.is_empty() {
            match last.subject.searched()[span.end..].chars().next() {
                Some(c) => span.end + c.len_utf8(),
                None => return Ok(None),
            }
        } else {
            span.end
        };
        self.search(cx, &last.subject, from, span.is_empty())
    }

    /// Index in `groups` of a group's number or name.
    pub(super) fn group(&self, key: &str) -> Option<usize> {
        self.groups
            .iter()
            .position(|g| g.name == key)
            .or_else(|| self.group_number(key.parse().ok()?))
    }

    pub(super) fn group_number(&self, number: usize) -> Option<usize> {
        self.groups.iter().position(|g| g.number == number)
    }

    fn stopped(&self, e: &fancy_regex::Error) -> Throw {
        Throw::bound(
            "System.Text.RegularExpressions.RegexMatchTimeoutException",
            format!(
                "the pattern '{}' took too long to match the text ({e})",
                self.pattern
            ),
        )
    }
}

/// A text to be searched.
#[derive(Debug)]
pub(super) struct Subject {
    given: Str,
    /// By UTF-16 units, when that is not the same.
    mapped: Option<String>,
    ascii: bool,
}

impl Subject {
    pub(super) fn of(given: &Str) -> Rc<Subject> {
        let ascii = given.is_ascii();
        // Only the lead byte of a character outside the Basic Multilingual Plane is that high.
        let mapped =
            (!ascii && given.bytes().any(|b| b >= 0xf0)).then(|| translate::by_units(given));
        Rc::new(Subject {
            given: given.clone(),
            mapped,
            ascii,
        })
    }

    fn kind(&self) -> translate::Subject {
        translate::Subject {
            ascii: self.ascii,
            final_newline: self.given.ends_with('\n'),
            past_last: false,
        }
    }

    pub(super) fn given(&self) -> &Str {
        &self.given
    }

    pub(super) fn searched(&self) -> &str {
        self.mapped.as_deref().unwrap_or(&self.given)
    }

    /// Appends a part.
    pub(super) fn append(&self, span: Range<usize>, out: &mut String) {
        let part = self.searched().get(span).unwrap_or_default();
        if self.mapped.is_none() {
            out.push_str(part);
            return;
        }
        let units = part
            .chars()
            .map(|c| translate::unit_of_half(c).unwrap_or(u32::from(c) as u16));
        out.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }

    pub(super) fn part(&self, span: Range<usize>) -> String {
        let mut out = String::new();
        self.append(span, &mut out);
        out
    }

    /// UTF-16 offset of a byte offset.
    pub(super) fn units(&self, at: usize) -> usize {
        if self.ascii {
            at
        } else {
            self.searched().get(..at).map_or(0, |s| s.chars().count())
        }
    }

    /// Byte offset of a UTF-16 offset; `None` beyond the end.
    pub(super) fn byte(&self, units: usize) -> Option<usize> {
        let s = self.searched();
        if self.ascii {
            return (units <= s.len()).then_some(units);
        }
        s.char_indices().map(|(i, _)| i).chain([s.len()]).nth(units)
    }
}

/// A match.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) program: Rc<Program>,
    pub(super) subject: Rc<Subject>,
    /// For each group of the program.
    pub(super) spans: Vec<Option<Range<usize>>>,
}

impl Found {
    /// The whole match.
    pub(super) fn span(&self) -> Range<usize> {
        self.spans.first().cloned().flatten().unwrap_or(0..0)
    }
}

/// A replacement: `$1`, `${name}`, `$&` and text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
    Before,
    After,
    Last,
    All,
}

/// A replacement read for one program.
#[derive(Debug)]
pub(super) struct Replacement(Vec<Piece>);

impl Replacement {
    /// Reads as `RegexParser.ScanDollar` does: what is no reference stays as text.
    pub(super) fn read(replacement: &str, program: &Program) -> Replacement {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = replacement;
        while let Some(at) = rest.find('$') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            match dollar(rest, program) {
                Some((piece, len)) => {
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(piece);
                    rest = &rest[len..];
                }
                None => plain.push('$'),
            }
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Replacement(pieces)
    }

    /// Appends what replaces a match.
    pub(super) fn expand(
        &self,
        cx: &mut Cx<'_>,
        found: &Found,
        out: &mut String,
    ) -> Result<(), Throw> {
        let before = out.len();
        let subject = &found.subject;
        let whole = found.span();
        for piece in &self.0 {
            match piece {
                Piece::Text(s) => out.push_str(s),
                Piece::Group(i) => {
                    if let Some(Some(span)) = found.spans.get(*i) {
                        subject.append(span.clone(), out);
                    }
                }
                Piece::Before => subject.append(0..whole.start, out),
                Piece::After => subject.append(whole.end..subject.searched().len(), out),
                Piece::Last => {
                    if let Some(Some(span)) = found.spans.last() {
                        subject.append(span.clone(), out);
                    }
                }
                Piece::All => out.push_str(subject.given()),
            }
        }
        cx.charge(out.len() - before)
    }
}

/// The reference after a `$` and its length.
fn dollar(rest: &str, program: &Program) -> Option<(Piece, usize)> {
    let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    if let Some(inner) = rest.strip_prefix('{') {
        let end = inner.find('}')?;
        let name = &inner[..end];
        let number = !name.is_empty() && digits(name) == name.len();
        let group = if number {
            program.group_number(name.parse().ok()?)
        } else {
            program.groups.iter().position(|g| g.name == name)
        };
        return Some((Piece::Group(group?), end + 2));
    }
    let n = digits(rest);
    if n > 0 {
        return Some((
            Piece::Group(program.group_number(rest[..n].parse().ok()?)?),
            n,
        ));
    }
    Some((
        match rest.chars().next()? {
            '$' => Piece::Text("$".into()),
            '&' => Piece::Group(0),
            '`' => Piece::Before,
            '\'' => Piece::After,
            '+' => Piece::Last,
            '_' => Piece::All,
            _ => return None,
        },
        1,
    ))
}
