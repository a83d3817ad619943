//! Tasks that can stop in the middle of a poll: how an expression that takes long lets its thread's other work go on.
//!
//! Connections and streams of callers run as [`Pausable`]. Each poll runs on a stack of its own (a coroutine); [`pause`],
//! called from anywhere below, leaves that stack as it is and gives the thread back to its runtime, which polls the task
//! again after all others that are ready. What must stay true: code that calls [`pause`] holds nothing that other tasks
//! of the thread need (a borrow of shared state, a thread-local taken for a while); a task that is dropped while it pauses
//! is first brought to the end of its poll, with [`pause`] saying that nobody waits any more.

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};

/// Bytes of a stack: those of a thread. Only what is touched takes memory.
const STACK: usize = 2 << 20;
/// Stacks that a thread keeps for its next polls. One is in use at a time, but for those of tasks that pause.
const KEPT: usize = 4;

type Pauses = Yielder<(), ()>;

thread_local! {
    /// The way out of the poll that runs now; null outside of one.
    static RUNNING: Cell<*const Pauses> = const { Cell::new(ptr::null()) };
    /// Whether the task that runs now was dropped.
    static DROPPED: Cell<bool> = const { Cell::new(false) };
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// Lets the thread's other tasks run, if the task that runs now can be paused. `false` when it was dropped meanwhile:
/// what it works at is of no use to anyone.
#[allow(
    unsafe_code,
    reason = "the one reference that cannot be handed down: futures and policies lie between"
)]
pub(crate) fn pause() -> bool {
    if DROPPED.get() {
        return false;
    }
    let running = RUNNING.get();
    if running.is_null() {
        return true;
    }
    // SAFETY: while a coroutine's body runs, `RUNNING` is its own yielder, which lives as long as the body: set when the
    // body begins and here when it goes on, and put back by `resume` whenever the body's stack is left, also by a panic.
    // All of it is of one thread: a `Pausable` is not `Send`.
    unsafe { &*running }.suspend(());
    RUNNING.set(running);
    !DROPPED.get()
}

type Polled<F> = (Pin<Box<F>>, Poll<<F as Future>::Output>);
type Poller<F> = Coroutine<(), (), Polled<F>, DefaultStack>;

enum State<F: Future + 'static> {
    /// Between polls.
    Waits(Pin<Box<F>>),
    /// In the middle of one.
    Pauses(Poller<F>),
    Ended,
}

/// A future in which [`pause`] works.
pub(crate) struct Pausable<F: Future + 'static>(State<F>);

impl<F: Future + 'static> Pausable<F> {
    pub(crate) fn new(future: F) -> Pausable<F> {
        Pausable(State::Waits(Box::pin(future)))
    }
}

/// Puts back whose poll runs, when the stack of another's is left.
struct Outer(*const Pauses);

impl Drop for Outer {
    fn drop(&mut self) {
        RUNNING.set(self.0);
    }
}

fn resume<F: Future>(poller: &mut Poller<F>) -> CoroutineResult<(), Polled<F>> {
    let _outer = Outer(RUNNING.get());
    poller.resume(())
}

/// A stack for a poll. Without memory for one the poll runs where it is.
fn stack() -> Option<DefaultStack> {
    STACKS
        .with_borrow_mut(Vec::pop)
        .or_else(|| DefaultStack::new(STACK).ok())
}

fn give_back(stack: DefaultStack) {
    STACKS.with_borrow_mut(|kept| {
        if kept.len() < KEPT {
            kept.push(stack);
        }
    });
}

impl<F: Future + 'static> Future for Pausable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut poller = match std::mem::replace(&mut self.0, State::Ended) {
            State::Waits(mut future) => {
                let Some(stack) = stack() else {
                    let polled = future.as_mut().poll(cx);
                    self.0 = State::Waits(future);
                    return polled;
                };
                let waker = cx.waker().clone();
                Poller::with_stack(stack, move |yielder: &Pauses, ()| {
                    RUNNING.set(yielder);
                    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
                    (future, polled)
                })
            }
            State::Pauses(poller) => poller,
            State::Ended => return Poll::Pending,
        };
        match resume(&mut poller) {
            CoroutineResult::Yield(()) => {
                self.0 = State::Pauses(poller);
                // To the end of the queue of tasks that are ready.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            CoroutineResult::Return((future, polled)) => {
                give_back(poller.into_stack());
                if polled.is_pending() {
                    self.0 = State::Waits(future);
                }
                polled
            }
        }
    }
}

impl<F: Future + 'static> Drop for Pausable<F> {
    fn drop(&mut self) {
        let State::Pauses(mut poller) = std::mem::replace(&mut self.0, State::Ended) else {
            return;
        };
        let outer = DROPPED.replace(true);
        // `pause` does not suspend any more: once is enough.
        while let CoroutineResult::Yield(()) = resume(&mut poller) {}
        DROPPED.set(outer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;
    use std::task::Waker;

    /// Counts turns with a pause after each; ends early when it was dropped.
    async fn counts(turns: u32, counted: Rc<Cell<u32>>, left: Rc<Cell<bool>>) -> u32 {
        for _ in 0..turns {
            counted.set(counted.get() + 1);
            if !pause() {
                left.set(true);
                break;
            }
        }
        tokio::task::yield_now().await;
        counted.get()
    }

    #[tokio::test]
    async fn tasks_take_turns_in_the_middle_of_a_poll() {
        let (one, other) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let left = Rc::new(Cell::new(false));
        let mut apart = 0;
        let mut first = Box::pin(Pausable::new(counts(100, one.clone(), left.clone())));
        let mut second = Box::pin(Pausable::new(counts(100, other.clone(), left.clone())));
        let (mut a, mut b) = (None, None);
        std::future::poll_fn(|cx| {
            for (task, result) in [(&mut first, &mut a), (&mut second, &mut b)] {
                if result.is_none()
                    && let Poll::Ready(n) = task.as_mut().poll(cx)
                {
                    *result = Some(n);
                }
            }
            apart = apart.max(one.get().abs_diff(other.get()));
            if a.is_some() && b.is_some() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        assert_eq!((a, b), (Some(100), Some(100)));
        assert_eq!(apart, 0, "neither runs ahead of the other");
        assert!(!left.get());
    }

    #[test]
    fn one_that_is_dropped_ends_its_poll() {
        let counted = Rc::new(Cell::new(0));
        let left = Rc::new(Cell::new(false));
        let mut task = Box::pin(Pausable::new(counts(
            u32::MAX,
            counted.clone(),
            left.clone(),
        )));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(task.as_mut().poll(&mut cx).is_pending());
        }
        drop(task);
        assert_eq!(counted.get(), 3);
        assert!(left.get());
        assert!(pause(), "what comes after is not held for dropped");
    }

    #[test]
    fn outside_of_a_task_it_does_nothing() {
        assert!(pause());
    }

    #[test]
    fn stacks_are_used_again() {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..10 {
            let mut task = Box::pin(Pausable::new(async {}));
            assert!(task.as_mut().poll(&mut cx).is_ready());
            assert_eq!(STACKS.with_borrow(Vec::len), 1);
        }
    }
}
