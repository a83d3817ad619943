//! Batches work while many requests run: first all that can be read is read, then all that is ready is written.
//! Used before a request goes upstream and before an answer, or a piece of a stream, goes to its caller.
//!
//! Each write may wake its peer; a peer that gets its messages in a row wakes once for several of them. With peers on
//! the same machine this is a fifth of a proxied request's CPU. What must stay true: a thread with little to do never
//! waits a turn, and a turn is one round of the tasks that are ready, never a timer.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

/// From how many requests in flight on a thread taking turns pays.
const MANY: usize = 8;

/// Requests in flight on a thread.
#[derive(Clone, Default)]
pub(crate) struct Busy(Rc<Cell<usize>>);

/// One of them.
pub(crate) struct InFlight(Busy);

impl Busy {
    /// Counts a request until the guard drops.
    pub(crate) fn begin(&self) -> InFlight {
        self.0.set(self.0.get() + 1);
        InFlight(self.clone())
    }
}

impl InFlight {
    /// All of them.
    pub(crate) fn thread(&self) -> &Busy {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let count = &self.0.0;
        count.set(count.get() - 1);
    }
}

impl Busy {
    /// Whether so much runs that taking turns pays.
    pub(crate) fn is_many(&self) -> bool {
        self.0.get() >= MANY
    }

    /// Lets every other task that is ready go first, if there are likely some.
    pub(crate) async fn pass(&self) {
        let mut passed = !self.is_many();
        poll_fn(|cx| {
            if std::mem::replace(&mut passed, true) {
                return Poll::Ready(());
            }
            // Waking oneself while running goes to the end of the queue, before the next look at the sockets.
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Waker};

    #[test]
    fn only_a_busy_thread_takes_turns() {
        let busy = Busy::default();
        let mut guards = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        for count in 1..MANY * 2 {
            guards.push(busy.begin());
            let mut turn = Box::pin(busy.pass());
            assert_eq!(turn.as_mut().poll(&mut cx).is_pending(), count >= MANY);
        }
        guards.truncate(2);
        let mut turn = Box::pin(busy.pass());
        assert!(turn.as_mut().poll(&mut cx).is_ready());
    }
}
