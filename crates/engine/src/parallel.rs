//! Policies side by side: what `wait` runs its children with.
//!
//! Each child is a strand. A step that ends in [`Exchange::after`] or [`Exchange::begin`] leaves a future that holds
//! nothing of the exchange, and what it does with the result; all such futures run at one time. Every other step has the
//! exchange for itself while it runs, and the futures of the other strands go on beside it. What must stay true: values
//! are computed in document order; one step at a time has the exchange; a strand that is dropped gives up what it waits for.

use crate::LocalBoxFuture;
use crate::exchange::{Exchange, Then};
use crate::step::{Began, Block, Flow, PlacedStep};
use std::future::poll_fn;
use std::pin::pin;
use std::slice;
use std::task::{Context, Poll};

/// How far a strand is.
enum State<'a> {
    /// Not begun.
    Ready,
    /// The step waits for this.
    Waiting(&'a PlacedStep, LocalBoxFuture<'static, Then>, u64),
    /// It came as the first number tells, and waits for the exchange.
    Arrived(&'a PlacedStep, Then, u64, u64),
    /// All its steps have run.
    Ended,
}

/// One child and the steps that it still has to run, those of the innermost branch last.
struct Strand<'a> {
    rest: Vec<slice::Iter<'a, PlacedStep>>,
    state: State<'a>,
}

impl<'a> Strand<'a> {
    fn new(step: &'a PlacedStep) -> Strand<'a> {
        Strand {
            rest: vec![slice::from_ref(step).iter()],
            state: State::Ready,
        }
    }

    fn next(&mut self) -> Option<&'a PlacedStep> {
        while let Some(steps) = self.rest.last_mut() {
            match steps.next() {
                Some(step) => return Some(step),
                None => self.rest.pop(),
            };
        }
        None
    }

    /// Runs it until it waits for something that needs no exchange (`None`), or ends.
    async fn go_on(&mut self, rq: &mut Exchange) -> Option<Flow> {
        let mut flow = match std::mem::replace(&mut self.state, State::Ended) {
            State::Arrived(step, then, _, begun) => match step.came(then, begun, rq).await {
                Began::Later(later, begun) => {
                    self.state = State::Waiting(step, later, begun);
                    return None;
                }
                Began::Ended(flow) => flow,
                Began::Branch(block) => self.enter(block),
            },
            _ => Flow::Next,
        };
        while matches!(flow, Flow::Next) {
            let Some(step) = self.next() else {
                return Some(Flow::Next);
            };
            flow = match step.begin(rq).await {
                Began::Later(later, begun) => {
                    self.state = State::Waiting(step, later, begun);
                    return None;
                }
                Began::Ended(flow) => flow,
                Began::Branch(block) => self.enter(block),
            };
        }
        Some(flow)
    }

    fn enter(&mut self, block: &'a Block) -> Flow {
        self.rest.push(block.steps.iter());
        Flow::Next
    }

    /// Looks after what it waits for; true when that has come.
    fn poll(&mut self, cx: &mut Context<'_>, arrivals: &mut u64) -> bool {
        let State::Waiting(step, later, begun) = &mut self.state else {
            return false;
        };
        let Poll::Ready(then) = later.as_mut().poll(cx) else {
            return false;
        };
        self.state = State::Arrived(step, then, *arrivals, *begun);
        *arrivals += 1;
        true
    }
}

/// Runs the steps of a block side by side until all have ended, or one of them with `any`. A failure, and an answer, end
/// the others too.
pub(crate) async fn run(block: &Block, any: bool, rq: &mut Exchange) -> Flow {
    let mut strands: Vec<Strand<'_>> = block.steps.iter().map(Strand::new).collect();
    let mut arrivals = 0;
    loop {
        // All begin before the first goes on.
        let ready = strands
            .iter()
            .enumerate()
            .filter_map(|(at, strand)| match strand.state {
                State::Ready => Some((0, at)),
                State::Arrived(_, _, turn, _) => Some((1 + turn, at)),
                State::Waiting(..) | State::Ended => None,
            })
            .min();
        let Some((_, at)) = ready else {
            if strands.iter().all(|s| matches!(s.state, State::Ended)) {
                return Flow::Next;
            }
            poll_fn(|cx| {
                let mut came = false;
                for strand in &mut strands {
                    came |= strand.poll(cx, &mut arrivals);
                }
                if came { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            continue;
        };
        let (before, rest) = strands.split_at_mut(at);
        let Some((strand, behind)) = rest.split_first_mut() else {
            return Flow::Next;
        };
        let flow = {
            let mut going = pin!(strand.go_on(rq));
            poll_fn(|cx| {
                for other in before.iter_mut().chain(behind.iter_mut()) {
                    other.poll(cx, &mut arrivals);
                }
                going.as_mut().poll(cx)
            })
            .await
        };
        match flow {
            None => {}
            Some(Flow::Next) if !any => {}
            Some(flow) => return flow,
        }
    }
}
