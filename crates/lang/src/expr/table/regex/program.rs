//! Compiled patterns, the texts they search, and what they find. Used by the rows of [`super`], and by the binder to check
//! constant patterns.
//!
//! What must stay true: a search is bounded (see [`super::machine`]) and its work counts as steps of the evaluation; the
//! caches are bounded; a compiled pattern is shared by all threads and never changes; places are UTF-16 units.

use super::captures::Span;
use super::code::{self, Code};
use super::machine::{MAX_TRACK, MAX_WORK, Machine, Memory, Stopped, Unit, View};
use super::parse::{self, Groups};
use super::syntax::{Refusal, option};
use crate::expr::eval::{Cx, Throw, throw};
use crate::value::Str;
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Patterns that are kept compiled, in each of two generations.
const CACHED: usize = 256;
/// Instructions that they may have in all, in each.
const CACHED_CODE: usize = 100_000;
/// Patterns that a thread finds by the place of their text.
const NEAR: usize = 32;
/// Ranges of sets that are made in a step of the evaluation.
const RANGES_PER_STEP: usize = 4;
/// Instructions of a search per step of the evaluation.
const WORK_PER_STEP: usize = 16;

/// A pattern with its options.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) pattern: Str,
    pub(super) options: i64,
    pub(super) groups: Groups,
    code: Code,
    /// Ranges of its sets.
    ranges: usize,
}

/// A pattern's text and options, and what they compile to.
type Near = (Str, i64, Arc<Program>);

/// Compiled patterns by their text: those that were used lately, and those before.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<(Str, i64), Arc<Program>>,
    old: HashMap<(Str, i64), Arc<Program>>,
    /// Instructions of the young.
    code: usize,
}

static CACHE: LazyLock<Mutex<Generations>> = LazyLock::new(Mutex::default);

thread_local! {
    /// Patterns by the address of their text: that of a constant stays, so the text need not be read to find it.
    static LATELY: RefCell<[Option<Near>; NEAR]> = RefCell::default();
    static MEMORY: Cell<Memory> = Cell::default();
}

impl Generations {
    fn get(&mut self, key: &(Str, i64)) -> Option<Arc<Program>> {
        if let Some(p) = self.young.get(key) {
            return Some(p.clone());
        }
        let program = self.old.remove(key)?;
        self.put(program.clone());
        Some(program)
    }

    fn put(&mut self, program: Arc<Program>) {
        if self.young.len() >= CACHED || self.code >= CACHED_CODE {
            self.old = std::mem::take(&mut self.young);
            self.code = 0;
        }
        self.code += program.code.ops.len();
        self.young
            .insert((program.pattern.clone(), program.options), program);
    }
}

/// How many patterns are kept.
#[cfg(test)]
pub(super) fn cached() -> usize {
    let cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    cache.young.len() + cache.old.len()
}

impl Refusal {
    /// As .NET words it.
    pub(super) fn message(&self, pattern: &str) -> String {
        match self {
            Refusal::Syntax(at, reason) => {
                format!("Invalid pattern '{pattern}' at offset {at}. {reason}")
            }
            Refusal::Options => {
                "Specified argument was out of the range of valid values. (Parameter 'options')"
                    .into()
            }
            Refusal::Bound(bound) => format!("The pattern '{pattern}' is too large: {bound}."),
        }
    }

    pub(super) fn thrown(&self, pattern: &str) -> Throw {
        let class = match self {
            Refusal::Syntax(..) => "ArgumentException",
            Refusal::Options => "ArgumentOutOfRangeException",
            Refusal::Bound(_) => "NotSupportedException",
        };
        throw(class, self.message(pattern))
    }
}

impl Program {
    /// The compiled pattern; from a cache if it was used before.
    pub(super) fn of(cx: &mut Cx<'_>, pattern: &Str, options: i64) -> Result<Arc<Program>, Throw> {
        let place = pattern.as_ptr().addr() / 16 % NEAR;
        let near = LATELY.with_borrow(|lately| match lately.get(place) {
            Some(Some((text, o, program))) if Arc::ptr_eq(text, pattern) && *o == options => {
                Some(program.clone())
            }
            _ => None,
        });
        if let Some(program) = near {
            return Ok(program);
        }
        cx.step(24 + 2 * pattern.len())?;
        let program = Program::shared(pattern, options).map_err(|r| r.thrown(pattern))?;
        cx.step(program.ranges / RANGES_PER_STEP)?;
        LATELY.with_borrow_mut(|lately| {
            if let Some(slot) = lately.get_mut(place) {
                *slot = Some((pattern.clone(), options, program.clone()));
            }
        });
        Ok(program)
    }

    /// The compiled pattern, which all threads share.
    pub(super) fn shared(pattern: &Str, options: i64) -> Result<Arc<Program>, Refusal> {
        let lock = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        let found = lock().get(&(pattern.clone(), options));
        if let Some(program) = found {
            return Ok(program);
        }
        // Compiled without the lock; that two threads may do so at once does no harm.
        let program = Arc::new(Program::new(pattern, options)?);
        lock().put(program.clone());
        Ok(program)
    }

    fn new(pattern: &Str, options: i64) -> Result<Program, Refusal> {
        let read = parse::parse(pattern, options)?;
        let code = code::compile(&read.root, options & option::RIGHT_TO_LEFT != 0)?;
        Ok(Program {
            pattern: pattern.clone(),
            options,
            groups: read.groups,
            code,
            ranges: read.ranges,
        })
    }

    pub(super) fn is_back(&self) -> bool {
        self.options & option::RIGHT_TO_LEFT != 0
    }

    /// Where a search of the whole text starts.
    pub(super) fn first(&self, subject: &Subject) -> usize {
        if self.is_back() { subject.len() } else { 0 }
    }

    /// Searches: whether there is a match, and then what `then` makes of it.
    fn run<R>(
        &self,
        cx: &mut Cx<'_>,
        subject: &Subject,
        search: &Search,
        then: impl FnOnce(&Memory, usize) -> R,
    ) -> Result<Option<R>, Throw> {
        match &subject.units {
            Some(units) => self.run_on(cx, units, search, then),
            None => self.run_on(cx, subject.given.as_bytes(), search, then),
        }
    }

    fn run_on<T: Unit, R>(
        &self,
        cx: &mut Cx<'_>,
        text: &[T],
        search: &Search,
        then: impl FnOnce(&Memory, usize) -> R,
    ) -> Result<Option<R>, Throw> {
        let view = View {
            text,
            from: search.within.start,
            to: search.within.end,
            start: search.start,
            bumped: search.bumped,
        };
        // A delegate of a row may search while its caller does not: each search takes the memory for itself.
        let mut memory = MEMORY.take();
        let ecma = self.options & option::ECMA_SCRIPT != 0;
        let mut machine = Machine::new(&self.code, view, &mut memory, ecma, self.is_back());
        let found = machine.search(self.groups.numbers.len(), &mut || cx.pause());
        let work = machine.work;
        let out = match found {
            Ok(Some(next)) => Ok(Some(then(&memory, next))),
            Ok(None) => Ok(None),
            Err(stopped) => Err(self.stopped(stopped)),
        };
        memory.forget_much();
        MEMORY.set(memory);
        cx.step(1 + work / WORK_PER_STEP)?;
        out
    }

    pub(super) fn is_match(
        &self,
        cx: &mut Cx<'_>,
        subject: &Subject,
        start: usize,
    ) -> Result<bool, Throw> {
        let search = Search {
            within: 0..subject.len(),
            start,
            bumped: false,
        };
        Ok(self.run(cx, subject, &search, |_, _| ())?.is_some())
    }

    /// The first match.
    pub(super) fn find(
        self: &Arc<Program>,
        cx: &mut Cx<'_>,
        subject: &Rc<Subject>,
        search: Search,
    ) -> Result<Option<Rc<Found>>, Throw> {
        let found = self.run(cx, subject, &search, |memory, next| {
            (memory.captures.tidy(), next)
        })?;
        let Some((groups, next)) = found else {
            return Ok(None);
        };
        let spans: usize = groups.iter().map(SmallVec::len).sum();
        cx.step(groups.len() / 4)?;
        cx.charge((groups.len() + spans) * size_of::<SmallVec<[Span; 1]>>() + 128)?;
        Ok(Some(Rc::new(Found {
            program: self.clone(),
            subject: subject.clone(),
            groups,
            next,
            within: search.within,
        })))
    }

    /// The match after another. An empty one is followed by a search one character on.
    pub(super) fn find_next(
        self: &Arc<Program>,
        cx: &mut Cx<'_>,
        last: &Found,
    ) -> Result<Option<Rc<Found>>, Throw> {
        let search = Search {
            within: last.within.clone(),
            start: last.next,
            bumped: last.span().is_empty(),
        };
        self.find(cx, &last.subject, search)
    }

    fn stopped(&self, stopped: Stopped) -> Throw {
        let bound = match stopped {
            Stopped::Work => format!("more than {MAX_WORK} instructions"),
            Stopped::Memory => format!("more than {MAX_TRACK} places to go back to"),
            Stopped::Otherwise(throw) => return throw,
        };
        Throw::bound(
            "System.Text.RegularExpressions.RegexMatchTimeoutException",
            format!(
                "the pattern '{}' took {bound} to match the text",
                self.pattern
            ),
        )
    }
}

/// Where to search.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) within: Range<usize>,
    pub(super) start: usize,
    pub(super) bumped: bool,
}

/// A text to be searched.
#[derive(Debug)]
pub(super) struct Subject {
    given: Str,
    /// Its UTF-16 units, unless it is ASCII: then its bytes are.
    units: Option<Vec<u16>>,
}

impl Subject {
    pub(super) fn of(given: &Str) -> Rc<Subject> {
        Rc::new(Subject {
            given: given.clone(),
            units: (!given.is_ascii()).then(|| given.encode_utf16().collect()),
        })
    }

    pub(super) fn given(&self) -> &Str {
        &self.given
    }

    /// Length in UTF-16 units.
    pub(super) fn len(&self) -> usize {
        self.units.as_ref().map_or(self.given.len(), Vec::len)
    }

    pub(super) fn part(&self, span: Range<usize>) -> String {
        let mut out = Joined::default();
        out.part(self, span);
        out.finish()
    }
}

/// A text put together of parts of subjects and of others. Halves of a pair that come to stand side by side are one
/// character again; one without the other becomes a replacement character: texts here hold none.
#[derive(Debug, Default)]
pub(super) struct Joined {
    text: String,
    /// The first half of a pair, whose second may come.
    high: Option<u16>,
}

impl Joined {
    pub(super) fn str(&mut self, text: &str) {
        if !text.is_empty() {
            self.end();
            self.text.push_str(text);
        }
    }

    pub(super) fn part(&mut self, subject: &Subject, span: Range<usize>) {
        let Some(units) = &subject.units else {
            return self.str(subject.given.get(span).unwrap_or_default());
        };
        let mut part = units.get(span).unwrap_or_default();
        if let ([low @ 0xdc00..=0xdfff, rest @ ..], Some(high)) = (part, self.high) {
            self.high = None;
            self.units(&[high, *low]);
            part = rest;
        }
        if let [most @ .., high @ 0xd800..=0xdbff] = part {
            self.units(most);
            self.high = Some(*high);
        } else {
            self.units(part);
        }
    }

    fn units(&mut self, units: &[u16]) {
        if units.is_empty() {
            return;
        }
        self.end();
        let decoded = char::decode_utf16(units.iter().copied());
        self.text
            .extend(decoded.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }

    /// What comes next is no second half.
    fn end(&mut self) {
        if self.high.take().is_some() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn finish(mut self) -> String {
        self.end();
        self.text
    }
}

/// A match.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) program: Arc<Program>,
    pub(super) subject: Rc<Subject>,
    /// For each group of the program its captures.
    pub(super) groups: Vec<SmallVec<[Span; 1]>>,
    /// Where the next search starts.
    next: usize,
    within: Range<usize>,
}

impl Found {
    /// The whole match.
    pub(super) fn span(&self) -> Range<usize> {
        let (start, length) = self.last(0).unwrap_or_default();
        start..start + length
    }

    /// The last capture of a group.
    pub(super) fn last(&self, group: usize) -> Option<Span> {
        self.groups.get(group)?.last().copied()
    }
}
