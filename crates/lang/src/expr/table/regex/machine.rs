//! Runs a compiled pattern on a text: .NET's `RegexInterpreter`, a backtracking machine without recursion.
//!
//! Called by [`super::program`]. What must stay true: work and memory of a search are bounded ([`MAX_WORK`],
//! [`MAX_TRACK`]); what an instruction pushes on the track is popped by the same instruction on the way back; places are
//! UTF-16 units.

use super::captures::Captures;
use super::class::{is_ecma_word, is_word, lower};
use super::code::{Code, Op, Start};
use super::syntax::{Anchor, Mode, Single};
use crate::expr::eval::Throw;

/// Most work of one search, in instructions; 16 characters that a loop runs over count as one.
pub(super) const MAX_WORK: usize = 16_000_000;
/// Instructions between two pauses of a search, about a millisecond.
const SLICE: usize = 200_000;
/// Most entries of the track and of the captures.
pub(super) const MAX_TRACK: usize = 2_000_000;

/// A text's unit: a byte of ASCII, or of UTF-16.
pub(super) trait Unit: Copy {
    fn unit(self) -> u16;
    /// Index of the first unit that is `byte`.
    fn find(text: &[Self], byte: u8) -> Option<usize>;
}

impl Unit for u8 {
    fn unit(self) -> u16 {
        u16::from(self)
    }
    fn find(text: &[u8], byte: u8) -> Option<usize> {
        memchr::memchr(byte, text)
    }
}

impl Unit for u16 {
    fn unit(self) -> u16 {
        self
    }
    fn find(text: &[u16], byte: u8) -> Option<usize> {
        text.iter().position(|u| *u == u16::from(byte))
    }
}

/// What a machine keeps between searches.
#[derive(Debug, Default)]
pub(super) struct Memory {
    track: Vec<i32>,
    stack: Vec<i32>,
    pub(super) captures: Captures,
}

impl Memory {
    /// Gives back what an extraordinary search needed.
    pub(super) fn forget_much(&mut self) {
        self.track.clear();
        self.track.shrink_to(4096);
        self.stack.clear();
        self.stack.shrink_to(4096);
        self.captures.forget_much();
    }
}

/// How a pattern looks at its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'t, T> {
    pub(super) text: &'t [T],
    /// The part that there is for the pattern.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Where the search starts.
    pub(super) start: usize,
    /// One further, as after an empty match.
    pub(super) bumped: bool,
}

/// A search that exceeded a bound.
#[derive(Debug)]
pub(super) enum Stopped {
    Work,
    Memory,
    /// Not by a bound of its own.
    Otherwise(Throw),
}

pub(super) struct Machine<'c, 't, T> {
    code: &'c Code,
    view: View<'t, T>,
    memory: &'c mut Memory,
    at: usize,
    pub(super) work: usize,
    /// When as much work is done, the search pauses or has exceeded its bound.
    pause_at: usize,
    /// A reference to a group without a capture matches nothing instead of failing.
    ecma: bool,
    back: bool,
}

/// What an instruction leads to.
enum Next {
    Go(usize),
    Fail,
    Stop,
}

use Next::{Fail, Go};

/// Goes on behind an instruction, or back.
fn on_if(good: bool, pc: usize) -> Next {
    if good { Go(pc + 1) } else { Fail }
}

impl<'c, 't, T: Unit> Machine<'c, 't, T> {
    pub(super) fn new(
        code: &'c Code,
        view: View<'t, T>,
        memory: &'c mut Memory,
        ecma: bool,
        back: bool,
    ) -> Machine<'c, 't, T> {
        Machine {
            code,
            at: view.start,
            view,
            memory,
            work: 0,
            pause_at: SLICE,
            ecma,
            back,
        }
    }

    /// Searches; where the next search starts when there is a match.
    pub(super) fn search(
        &mut self,
        groups: usize,
        pause: &mut dyn FnMut() -> Result<(), Throw>,
    ) -> Result<Option<usize>, Stopped> {
        let last = if self.back {
            self.view.from
        } else {
            self.view.to
        };
        let back = self.back;
        let bump = |at: usize| if back { at - 1 } else { at + 1 };
        let mut at = self.view.start;
        self.memory.captures.reset(groups);
        self.work += groups / 16;
        if self.view.bumped {
            if at == last {
                return Ok(None);
            }
            at = bump(at);
        }
        loop {
            match self.candidate(at) {
                None => return Ok(None),
                Some(found) => {
                    // Looking at characters is work too.
                    self.work += found.abs_diff(at) / 64;
                    at = found;
                }
            }
            self.undo_to(0);
            self.memory.track.clear();
            self.memory.stack.clear();
            self.at = at;
            self.run(pause)?;
            if self.memory.captures.last(0).is_some() {
                return Ok(Some(self.at));
            }
            if at == last {
                return Ok(None);
            }
            at = bump(at);
        }
    }

    /// The next place from `at` on where a match can begin.
    fn candidate(&self, at: usize) -> Option<usize> {
        let ahead = || self.view.text.get(at..self.view.to).unwrap_or_default();
        match self.code.start {
            Start::Anywhere => Some(at),
            Start::Beginning => (at == self.view.from).then_some(at),
            Start::Here => (at == self.view.start).then_some(at),
            Start::At(byte) => T::find(ahead(), byte).map(|i| at + i),
            Start::With(ascii) => ahead()
                .iter()
                .position(|u| u.unit() >= 128 || ascii >> u.unit() & 1 == 1)
                .map(|i| at + i),
        }
    }

    fn run(&mut self, pause: &mut dyn FnMut() -> Result<(), Throw>) -> Result<(), Stopped> {
        let mut pc = 0;
        loop {
            self.work += 1;
            if self.work > self.pause_at {
                if self.work > MAX_WORK {
                    return Err(Stopped::Work);
                }
                self.pause_at = (self.work + SLICE).min(MAX_WORK);
                pause().map_err(Stopped::Otherwise)?;
            }
            let mut next = self.forward(pc);
            loop {
                match next {
                    Go(to) => {
                        pc = to;
                        break;
                    }
                    Next::Stop => return Ok(()),
                    Fail => {
                        self.work += 1;
                        let Some(code) = self.memory.track.pop() else {
                            return Ok(());
                        };
                        next = self.backward(code.unsigned_abs() as usize, code < 0);
                    }
                }
            }
            if self.memory.track.len() + self.memory.captures.len() > MAX_TRACK {
                return Err(Stopped::Memory);
            }
        }
    }

    /// Remembers values and the instruction that will take them.
    fn remember(&mut self, values: &[i32], pc: usize) {
        self.memory.track.extend_from_slice(values);
        self.memory.track.push(pc as i32);
    }

    /// The same for the instruction's second way back.
    fn remember_second(&mut self, values: &[i32], pc: usize) {
        self.memory.track.extend_from_slice(values);
        self.memory.track.push(-(pc as i32));
    }

    fn recall(&mut self) -> i32 {
        self.memory.track.pop().unwrap_or(0)
    }

    fn push(&mut self, value: i32) {
        self.memory.stack.push(value);
    }

    fn pop(&mut self) -> i32 {
        self.memory.stack.pop().unwrap_or(0)
    }

    fn here(&self) -> i32 {
        self.at as i32
    }

    fn go_to(&mut self, at: i32) {
        let at = usize::try_from(at).unwrap_or(0);
        self.at = at.clamp(self.view.from, self.view.to);
    }

    /// The characters left in a direction.
    fn left(&self, mode: Mode) -> usize {
        if mode.back {
            self.at - self.view.from
        } else {
            self.view.to - self.at
        }
    }

    /// The character at a place; a place outside has none that matches.
    fn unit(&self, at: usize) -> u16 {
        self.view.text.get(at).map_or(0, |u| u.unit())
    }

    /// Reads a character that is known to be there.
    fn read(&mut self, mode: Mode) -> u16 {
        if mode.back {
            self.at -= 1;
            self.unit(self.at)
        } else {
            let unit = self.unit(self.at);
            self.at += 1;
            unit
        }
    }

    /// Goes on if the next character is of the kind.
    fn one(&mut self, single: &Single, mode: Mode) -> bool {
        if self.left(mode) == 0 {
            return false;
        }
        let unit = self.read(mode);
        matches(single, mode, unit)
    }

    fn step(mode: Mode, at: i32, by: i32) -> i32 {
        if mode.back { at - by } else { at + by }
    }

    fn forward(&mut self, pc: usize) -> Next {
        let code = self.code;
        let Some(op) = code.ops.get(pc) else {
            return Next::Stop;
        };
        let on = Go(pc + 1);
        match op {
            Op::Stop => Next::Stop,
            Op::Nothing => Fail,
            Op::Single(single, mode) => on_if(self.one(single, *mode), pc),
            Op::Times(single, mode, n) => {
                let n = *n as usize;
                if self.left(*mode) < n {
                    return Fail;
                }
                self.work += n / 16;
                let good = (0..n).all(|_| self.one(single, *mode));
                on_if(good, pc)
            }
            Op::Greedy(single, mode, most) => {
                let from = self.here();
                let most = self.left(*mode).min(*most as usize);
                let read = self.run_length(single, *mode, most);
                self.work += read / 16;
                self.go_to(Self::step(*mode, from, read as i32));
                if read > 0 {
                    let one_less = Self::step(*mode, self.here(), -1);
                    self.remember(&[one_less, read as i32 - 1], pc);
                }
                on
            }
            Op::Lazy(_, mode, most) => {
                let most = self.left(*mode).min(*most as usize);
                if most > 0 {
                    let here = self.here();
                    self.remember(&[here, most as i32 - 1], pc);
                }
                on
            }
            Op::Text(text, mode) => on_if(self.text(text, *mode), pc),
            Op::Reference(group, mode) => match self.memory.captures.last(*group) {
                Some((start, length)) => on_if(self.same(start, length, *mode), pc),
                None if self.ecma => on,
                None => Fail,
            },
            Op::Anchor(anchor) => on_if(self.anchored(*anchor), pc),
            Op::Branch(_) => {
                let here = self.here();
                self.remember(&[here], pc);
                on
            }
            Op::Goto(to) => Go(*to),
            Op::SetMark => {
                self.push(self.here());
                self.remember(&[], pc);
                on
            }
            Op::NullMark => {
                self.push(-1);
                self.remember(&[], pc);
                on
            }
            Op::LoopMark(body) => {
                let mark = self.pop();
                let here = self.here();
                if here == mark {
                    self.remember_second(&[mark], pc);
                    return on;
                }
                self.remember(&[here, mark], pc);
                self.push(here);
                Go(*body)
            }
            Op::LazyLoopMark(_) => {
                let mark = self.pop();
                let here = self.here();
                if here == mark {
                    self.push(mark);
                    self.remember_second(&[mark], pc);
                } else {
                    let mark = if mark == -1 { here } else { mark };
                    self.remember(&[here, mark], pc);
                }
                on
            }
            Op::SetCount(count) => {
                self.push(self.here());
                self.push(*count);
                self.remember(&[], pc);
                on
            }
            Op::NullCount => {
                self.push(-1);
                self.push(0);
                self.remember(&[], pc);
                on
            }
            Op::LoopCount(body, most) => {
                let (count, mark) = (self.pop(), self.pop());
                let here = self.here();
                if count >= *most || (here == mark && count >= 0) {
                    self.remember_second(&[count, mark], pc);
                    return on;
                }
                self.remember(&[mark], pc);
                self.push(here);
                self.push(count + 1);
                Go(*body)
            }
            Op::LazyLoopCount(body, _) => {
                let (count, mark) = (self.pop(), self.pop());
                let here = self.here();
                if count >= 0 {
                    self.remember(&[here, count, mark], pc);
                    return on;
                }
                self.remember_second(&[mark], pc);
                self.push(here);
                self.push(count + 1);
                Go(*body)
            }
            Op::GetMark => {
                let mark = self.pop();
                self.remember(&[mark], pc);
                self.go_to(mark);
                on
            }
            Op::Capture(group, takes_back) => {
                if takes_back.is_some_and(|old| self.memory.captures.last(old).is_none()) {
                    return Fail;
                }
                let mark = self.pop();
                let from = mark.max(0) as usize;
                match (group, takes_back) {
                    (group, Some(old)) => {
                        self.memory.captures.transfer(*group, *old, from, self.at);
                    }
                    (Some(group), None) => self.memory.captures.add(*group, from, self.at),
                    (None, None) => {}
                }
                self.remember(&[mark], pc);
                on
            }
            Op::SetJump => {
                self.push(self.memory.track.len() as i32);
                self.push(self.memory.captures.len() as i32);
                self.remember(&[], pc);
                on
            }
            Op::BackJump => {
                let (captures, track) = (self.pop(), self.pop());
                self.memory.track.truncate(track as usize);
                self.undo_to(captures);
                Fail
            }
            Op::ForeJump => {
                let (captures, track) = (self.pop(), self.pop());
                self.memory.track.truncate(track as usize);
                self.remember(&[captures], pc);
                on
            }
            Op::IfGroup(group) => on_if(self.memory.captures.last(*group).is_some(), pc),
        }
    }

    fn backward(&mut self, pc: usize, second: bool) -> Next {
        let code = self.code;
        let on = Go(pc + 1);
        let Some(op) = code.ops.get(pc) else {
            return Next::Stop;
        };
        match op {
            Op::Branch(to) => {
                let at = self.recall();
                self.go_to(at);
                return Go(*to);
            }
            Op::Greedy(_, mode, _) => {
                let (more, at) = (self.recall(), self.recall());
                self.go_to(at);
                if more > 0 {
                    self.remember(&[Self::step(*mode, at, -1), more - 1], pc);
                }
                return on;
            }
            Op::Lazy(single, mode, _) => {
                let (more, at) = (self.recall(), self.recall());
                self.go_to(at);
                if !self.one(single, *mode) {
                    return Fail;
                }
                if more > 0 {
                    let here = self.here();
                    self.remember(&[here, more - 1], pc);
                }
                return on;
            }
            Op::SetMark | Op::NullMark => {
                self.pop();
            }
            Op::LoopMark(_) if second => {
                let mark = self.recall();
                self.push(mark);
            }
            Op::LoopMark(_) => {
                let (mark, at) = (self.recall(), self.recall());
                self.pop();
                self.go_to(at);
                self.remember_second(&[mark], pc);
                return on;
            }
            Op::LazyLoopMark(_) if second => {
                self.pop();
                let mark = self.recall();
                self.push(mark);
            }
            Op::LazyLoopMark(body) => {
                let (mark, at) = (self.recall(), self.recall());
                self.remember_second(&[mark], pc);
                self.push(at);
                self.go_to(at);
                return Go(*body);
            }
            Op::SetCount(_) | Op::NullCount | Op::SetJump => {
                self.pop();
                self.pop();
            }
            Op::LoopCount(..) if second => {
                let (mark, count) = (self.recall(), self.recall());
                self.push(mark);
                self.push(count);
            }
            Op::LoopCount(..) => {
                let old = self.recall();
                let (count, mark) = (self.pop(), self.pop());
                if count > 0 {
                    self.go_to(mark);
                    self.remember_second(&[count - 1, old], pc);
                    return on;
                }
                self.push(old);
                self.push(count - 1);
            }
            Op::LazyLoopCount(..) if second => {
                let old = self.recall();
                let (count, _) = (self.pop(), self.pop());
                self.push(old);
                self.push(count - 1);
            }
            Op::LazyLoopCount(body, most) => {
                let (mark, count, at) = (self.recall(), self.recall(), self.recall());
                if count < *most && at != mark {
                    self.go_to(at);
                    self.push(at);
                    self.push(count + 1);
                    self.remember_second(&[mark], pc);
                    return Go(*body);
                }
                self.push(mark);
                self.push(count);
            }
            Op::GetMark => {
                let mark = self.recall();
                self.push(mark);
            }
            Op::Capture(group, takes_back) => {
                let mark = self.recall();
                self.push(mark);
                self.memory.captures.undo();
                if group.is_some() && takes_back.is_some() {
                    self.memory.captures.undo();
                }
            }
            Op::ForeJump => {
                let captures = self.recall();
                self.undo_to(captures);
            }
            _ => {}
        }
        Fail
    }

    fn undo_to(&mut self, captures: i32) {
        while self.memory.captures.len() > captures as usize {
            self.memory.captures.undo();
        }
    }

    /// How many characters from here on are of the kind.
    fn run_length(&self, single: &Single, mode: Mode, most: usize) -> usize {
        if mode.back {
            return (0..most)
                .position(|i| !matches(single, mode, self.unit(self.at - 1 - i)))
                .unwrap_or(most);
        }
        let ahead = self
            .view
            .text
            .get(self.at..self.at + most)
            .unwrap_or_default();
        // The frequent kinds have a loop of their own.
        match single {
            Single::Set(set) => ahead.iter().position(|u| !set.has(u.unit())),
            Single::NotOne(unit) if !mode.fold => match u8::try_from(*unit) {
                Ok(byte) => T::find(ahead, byte),
                Err(_) => ahead.iter().position(|u| u.unit() == *unit),
            },
            single => ahead.iter().position(|u| !matches(single, mode, u.unit())),
        }
        .unwrap_or(most)
    }

    fn text(&mut self, text: &[u16], mode: Mode) -> bool {
        if self.left(mode) < text.len() {
            return false;
        }
        self.work += text.len() / 16;
        let from = if mode.back {
            self.at - text.len()
        } else {
            self.at
        };
        let good = text.iter().enumerate().all(|(i, wanted)| {
            let unit = self.unit(from + i);
            *wanted == if mode.fold { lower(unit) } else { unit }
        });
        if good {
            self.at = if mode.back { from } else { from + text.len() };
        }
        good
    }

    /// The text of a capture once more.
    fn same(&mut self, start: usize, length: usize, mode: Mode) -> bool {
        if self.left(mode) < length {
            return false;
        }
        self.work += length / 16;
        let from = if mode.back { self.at - length } else { self.at };
        let good = (0..length).all(|i| {
            let (a, b) = (self.unit(start + i), self.unit(from + i));
            a == b || (mode.fold && lower(a) == lower(b))
        });
        if good {
            self.at = if mode.back { from } else { from + length };
        }
        good
    }

    fn anchored(&self, anchor: Anchor) -> bool {
        let (at, from, to) = (self.at, self.view.from, self.view.to);
        let newline = u16::from(b'\n');
        let edge = |word: fn(u16) -> bool| {
            (at > from && word(self.unit(at - 1))) != (at < to && word(self.unit(at)))
        };
        match anchor {
            Anchor::LineStart => at == from || self.unit(at - 1) == newline,
            Anchor::LineEnd => at == to || self.unit(at) == newline,
            Anchor::Boundary => edge(is_word),
            Anchor::NotBoundary => !edge(is_word),
            Anchor::EcmaBoundary => edge(is_ecma_word),
            Anchor::NotEcmaBoundary => !edge(is_ecma_word),
            Anchor::Beginning => at == from,
            Anchor::Start => at == self.view.start,
            Anchor::EndOrNewline => at == to || (at + 1 == to && self.unit(at) == newline),
            Anchor::End => at == to,
        }
    }
}

fn matches(single: &Single, mode: Mode, unit: u16) -> bool {
    let seen = |unit| if mode.fold { lower(unit) } else { unit };
    match single {
        Single::One(c) => seen(unit) == *c,
        Single::NotOne(c) => seen(unit) != *c,
        Single::Set(set) => set.has(unit),
    }
}
