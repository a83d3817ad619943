//! Tasks of HTTP/2: streams of callers, connections to backends.
//!
//! `thread` and `upstream` give these executors to hyper. What must stay true: they run on the thread that made them; a
//! stream whose caller takes nothing of its answer ends after the body idle time. The connection's own watch cannot see
//! that: with HTTP/2 the socket takes bytes while one stream's window is shut.

use crate::pausable::Pausable;
use crate::wheel::{Timer, Wheel};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

thread_local! {
    /// Whether the stream that is polled now waits for the gateway (the engine, a backend), not for its caller.
    static GATEWAY_WAITS: Cell<bool> = const { Cell::new(false) };
}

/// Notes that the stream which is polled now waits for the gateway, or that it has what it waited for.
pub(crate) fn note(waits: bool) {
    GATEWAY_WAITS.set(waits);
}

/// Runs what a stream waits for.
pub(crate) async fn gateway_waits<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|cx| {
        let polled = work.as_mut().poll(cx);
        note(polled.is_pending());
        polled
    })
    .await
}

/// Runs streams of callers.
#[derive(Clone)]
pub(crate) struct Streams {
    wheel: Rc<Wheel>,
    idle: Duration,
}

impl Streams {
    /// Streams that end when their caller takes nothing for `idle`.
    pub(crate) fn new(wheel: &Rc<Wheel>, idle: Duration) -> Streams {
        Streams {
            wheel: wheel.clone(),
            idle,
        }
    }
}

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let mut timer = Timer::new(&self.wheel);
        let idle = self.idle;
        tokio::task::spawn_local(async move {
            let mut stream = pin!(Pausable::new(stream));
            poll_fn(|cx| {
                note(false);
                if stream.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                if GATEWAY_WAITS.get() {
                    timer.rest();
                    return Poll::Pending;
                }
                timer.poll(cx, idle)
            })
            .await;
        });
    }
}

/// Runs connections to backends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local
where
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
