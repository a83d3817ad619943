//! Compiles a parsed pattern for [`super::machine`], as .NET's `RegexWriter` does.
//!
//! What must stay true: the first instruction is [`Op::Branch`] to the last, [`Op::Stop`], so that a search without a match
//! ends there with no capture of the whole.

use super::syntax::{Anchor, Mode, Node, Refusal, Single, UNBOUNDED};

/// Most instructions of a pattern.
const MAX_CODE: usize = 100_000;

/// An instruction. Targets are indices; marks and counts live on the machine's stack.
#[derive(Debug)]
pub(super) enum Op {
    Stop,
    Nothing,
    Single(Single, Mode),
    /// That many times.
    Times(Single, Mode, i32),
    /// Up to that many times, as many as possible first.
    Greedy(Single, Mode, i32),
    /// As few as possible first.
    Lazy(Single, Mode, i32),
    Text(Vec<u16>, Mode),
    Reference(usize, Mode),
    Anchor(Anchor),
    /// Goes on; on the way back goes there.
    Branch(usize),
    Goto(usize),
    SetMark,
    NullMark,
    LoopMark(usize),
    LazyLoopMark(usize),
    SetCount(i32),
    NullCount,
    LoopCount(usize, i32),
    LazyLoopCount(usize, i32),
    GetMark,
    Capture(Option<usize>, Option<usize>),
    SetJump,
    BackJump,
    ForeJump,
    IfGroup(usize),
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) ops: Vec<Op>,
    /// Where a match can begin.
    pub(super) start: Start,
}

/// What is known about where a match begins; for patterns that go forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Anywhere,
    /// At the beginning of the text.
    Beginning,
    /// Where the search starts.
    Here,
    /// With one of these ASCII characters, or one beyond ASCII.
    With(u128),
    /// With this ASCII character.
    At(u8),
}

/// Compiles.
pub(super) fn compile(root: &Node, back: bool) -> Result<Code, Refusal> {
    let mut writer = Writer { ops: Vec::new() };
    let branch = writer.emit(Op::Branch(0))?;
    writer.node(root)?;
    let stop = writer.here();
    writer.patch(branch, stop);
    writer.emit(Op::Stop)?;
    Ok(Code {
        ops: writer.ops,
        start: if back { Start::Anywhere } else { start(root) },
    })
}

struct Writer {
    ops: Vec<Op>,
}

type W<T = ()> = Result<T, Refusal>;

impl Writer {
    fn here(&self) -> usize {
        self.ops.len()
    }

    fn emit(&mut self, op: Op) -> W<usize> {
        if self.ops.len() >= MAX_CODE {
            return Err(Refusal::Bound(format!(
                "a pattern may compile to {MAX_CODE} instructions"
            )));
        }
        self.ops.push(op);
        Ok(self.ops.len() - 1)
    }

    fn patch(&mut self, at: usize, target: usize) {
        if let Some(Op::Branch(to) | Op::Goto(to)) = self.ops.get_mut(at) {
            *to = target;
        }
    }

    fn node(&mut self, node: &Node) -> W {
        match node {
            Node::Empty => {}
            Node::Nothing => {
                self.emit(Op::Nothing)?;
            }
            Node::Single(single, mode) => {
                self.emit(Op::Single(single.clone(), *mode))?;
            }
            Node::Text(text, mode) => {
                self.emit(Op::Text(text.clone(), *mode))?;
            }
            Node::Reference(group, mode) => {
                self.emit(Op::Reference(*group, *mode))?;
            }
            Node::Anchor(anchor) => {
                self.emit(Op::Anchor(*anchor))?;
            }
            Node::Sequence(parts) => {
                for part in parts {
                    self.node(part)?;
                }
            }
            Node::Alternate(alternatives) => self.alternate(alternatives)?,
            Node::Loop {
                lazy,
                min,
                max,
                body,
            } => match &**body {
                Node::Single(single, mode) => self.repeat(single, *mode, *lazy, *min, *max)?,
                body => self.repeated(body, *lazy, *min, *max)?,
            },
            Node::Capture {
                group,
                takes_back,
                body,
            } => {
                self.emit(Op::SetMark)?;
                self.node(body)?;
                self.emit(Op::Capture(*group, *takes_back))?;
            }
            Node::Look { not: false, body } => {
                self.emit(Op::SetJump)?;
                self.emit(Op::SetMark)?;
                self.node(body)?;
                self.emit(Op::GetMark)?;
                self.emit(Op::ForeJump)?;
            }
            Node::Look { not: true, body } => {
                self.emit(Op::SetJump)?;
                let branch = self.emit(Op::Branch(0))?;
                self.node(body)?;
                self.emit(Op::BackJump)?;
                self.patch(branch, self.here());
                self.emit(Op::ForeJump)?;
            }
            Node::Atomic(body) => {
                self.emit(Op::SetJump)?;
                self.node(body)?;
                self.emit(Op::ForeJump)?;
            }
            Node::IfGroup(group, yes, no) => {
                self.emit(Op::SetJump)?;
                let branch = self.emit(Op::Branch(0))?;
                self.emit(Op::IfGroup(*group))?;
                self.emit(Op::ForeJump)?;
                self.branches(branch, yes, no.as_deref(), false)?;
            }
            Node::IfMatches(condition, yes, no) => {
                self.emit(Op::SetJump)?;
                self.emit(Op::SetMark)?;
                let branch = self.emit(Op::Branch(0))?;
                self.node(condition)?;
                self.emit(Op::GetMark)?;
                self.emit(Op::ForeJump)?;
                self.branches(branch, yes, no.as_deref(), true)?;
            }
        }
        Ok(())
    }

    /// What a conditional does when its condition holds, and when not (`branch` leads there).
    fn branches(&mut self, branch: usize, yes: &Node, no: Option<&Node>, marked: bool) -> W {
        self.node(yes)?;
        let end = self.emit(Op::Goto(0))?;
        self.patch(branch, self.here());
        if marked {
            self.emit(Op::GetMark)?;
        }
        self.emit(Op::ForeJump)?;
        if let Some(no) = no {
            self.node(no)?;
        }
        self.patch(end, self.here());
        Ok(())
    }

    fn alternate(&mut self, alternatives: &[Node]) -> W {
        let mut ends = Vec::new();
        for (i, alternative) in alternatives.iter().enumerate() {
            if i + 1 == alternatives.len() {
                self.node(alternative)?;
                break;
            }
            let branch = self.emit(Op::Branch(0))?;
            self.node(alternative)?;
            ends.push(self.emit(Op::Goto(0))?);
            self.patch(branch, self.here());
        }
        for end in ends {
            self.patch(end, self.here());
        }
        Ok(())
    }

    fn repeat(&mut self, single: &Single, mode: Mode, lazy: bool, min: i32, max: i32) -> W {
        if min > 0 {
            self.emit(Op::Times(single.clone(), mode, min))?;
        }
        if max > min {
            let rest = if max == UNBOUNDED { max } else { max - min };
            self.emit(if lazy {
                Op::Lazy(single.clone(), mode, rest)
            } else {
                Op::Greedy(single.clone(), mode, rest)
            })?;
        }
        Ok(())
    }

    fn repeated(&mut self, body: &Node, lazy: bool, min: i32, max: i32) -> W {
        let counted = max < UNBOUNDED || min > 1;
        self.emit(match (counted, min) {
            (true, 0) => Op::NullCount,
            (true, _) => Op::SetCount(1 - min),
            (false, 0) => Op::NullMark,
            (false, _) => Op::SetMark,
        })?;
        let over = if min == 0 {
            Some(self.emit(Op::Goto(0))?)
        } else {
            None
        };
        let body_at = self.here();
        self.node(body)?;
        let jump = self.here();
        let most = if max == UNBOUNDED { max } else { max - min };
        self.emit(match (counted, lazy) {
            (true, false) => Op::LoopCount(body_at, most),
            (true, true) => Op::LazyLoopCount(body_at, most),
            (false, false) => Op::LoopMark(body_at),
            (false, true) => Op::LazyLoopMark(body_at),
        })?;
        if let Some(over) = over {
            self.patch(over, jump);
        }
        Ok(())
    }
}

/// Where a match of a pattern that goes forward can begin.
fn start(root: &Node) -> Start {
    if let Some(anchor) = leading(root) {
        match anchor {
            Anchor::Beginning => return Start::Beginning,
            Anchor::Start => return Start::Here,
            _ => {}
        }
    }
    let mut first = First {
        ascii: 0,
        beyond: false,
    };
    if first.add(root) {
        return Start::Anywhere;
    }
    if !first.beyond && first.ascii.count_ones() == 1 {
        return Start::At(first.ascii.trailing_zeros() as u8);
    }
    Start::With(first.ascii)
}

/// The anchor that every match begins with.
fn leading(node: &Node) -> Option<Anchor> {
    match node {
        Node::Anchor(a) => Some(*a),
        Node::Sequence(parts) => parts.first().and_then(leading),
        Node::Capture { body, .. } | Node::Atomic(body) => leading(body),
        _ => None,
    }
}

/// Characters that a match can begin with.
struct First {
    ascii: u128,
    /// Some beyond ASCII as well.
    beyond: bool,
}

impl First {
    /// Adds those of a node; true when it may match nothing, so that what follows counts as well.
    fn add(&mut self, node: &Node) -> bool {
        match node {
            Node::Empty | Node::Anchor(_) | Node::Look { .. } => true,
            Node::Nothing => false,
            Node::Single(single, mode) => {
                self.add_single(single, *mode);
                false
            }
            Node::Text(text, mode) => {
                if let Some(unit) = text.first() {
                    self.add_single(&Single::One(*unit), *mode);
                }
                text.is_empty()
            }
            Node::Reference(..) => {
                self.ascii = u128::MAX;
                self.beyond = true;
                true
            }
            Node::Sequence(parts) => parts.iter().all(|p| self.add(p)),
            Node::Alternate(alternatives) => {
                let mut empty = false;
                for a in alternatives {
                    empty |= self.add(a);
                }
                empty
            }
            Node::Loop { min, body, .. } => self.add(body) || *min == 0,
            Node::Capture { body, .. } | Node::Atomic(body) => self.add(body),
            Node::IfGroup(_, yes, no) | Node::IfMatches(_, yes, no) => {
                let yes = self.add(yes);
                yes | no.as_ref().is_none_or(|no| self.add(no))
            }
        }
    }

    fn add_single(&mut self, single: &Single, mode: Mode) {
        self.beyond |= mode.fold || !matches!(single, Single::One(unit) if *unit < 128);
        match single {
            Single::Set(set) => self.ascii |= set.ascii(),
            Single::One(unit) => {
                for c in 0..128u16 {
                    let seen = if mode.fold { super::class::lower(c) } else { c };
                    if seen == *unit {
                        self.ascii |= 1 << c;
                    }
                }
            }
            Single::NotOne(unit) => {
                self.ascii |= if *unit < 128 {
                    !(1 << *unit)
                } else {
                    u128::MAX
                };
            }
        }
    }
}
