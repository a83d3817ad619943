//! `send-one-way-request`: a request that nobody waits for.
//!
//! It goes on when the caller's own has ended. What must stay true: it has a deadline, and what is under way on a thread is
//! bounded in number and bytes; above that it is dropped and the log says so. What becomes of it never touches the call.

use crate::LocalBoxFuture;
use crate::accounting::Purpose;
use crate::compile::{Compile, Content, Once, PolicyDef, Scopes, Sections};
use crate::exchange::Exchange;
use crate::side_request::{CHILDREN, MODE, Prepared, SideRequest, TIMEOUT};
use crate::step::{Flow, Step};
use std::cell::Cell;
use tollgate_lang::document::Element;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "send-one-way-request",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[MODE, TIMEOUT],
    children: CHILDREN,
    content: Content::Empty,
    doc: "Sends a request of its own to a URL and does not wait for the answer.\n\nA failure of the request is logged and touches nothing else; an expression that fails ends the section as everywhere. At most 512 such requests, and 64 MB of their bodies, are under way on one thread; more are dropped, and the log says so.",
    compile,
};

/// Most requests of one thread that are under way at one time.
const MOST: usize = 512;
/// Most bytes of body that they hold.
const MOST_BYTES: usize = 64 << 20;
/// The answer is read this far, so that its connection can serve again.
const MOST_ANSWER: usize = 64 << 10;
/// That of a model call further: its usage stands at the end.
const MOST_ACCOUNTED: usize = 4 << 20;

thread_local! {
    static UNDER_WAY: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// A place among the requests under way, with the bytes that it holds.
struct Seat(usize);

impl Seat {
    fn take(bytes: usize) -> Option<Seat> {
        let (requests, held) = UNDER_WAY.get();
        let fits = requests < MOST && held.saturating_add(bytes) <= MOST_BYTES;
        fits.then(|| {
            UNDER_WAY.set((requests + 1, held + bytes));
            Seat(bytes)
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let (requests, held) = UNDER_WAY.get();
        UNDER_WAY.set((requests.saturating_sub(1), held.saturating_sub(self.0)));
    }
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let step = SendOneWayRequest(SideRequest::compile(element, cx)?);
    cx.step(step)
}

#[derive(Debug)]
struct SendOneWayRequest(SideRequest);

impl Step for SendOneWayRequest {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let mut request = match self.0.prepare(rq) {
            Ok(request) => request,
            Err(failure) => return Flow::Fail(failure),
        };
        let id = uuid::Uuid::from_u128(rq.id);
        match Seat::take(request.size()) {
            Some(seat) => {
                if let Err(refused) = request.account(rq, Purpose::SendOneWayRequest) {
                    return Flow::Fail(refused);
                }
                request.tell(rq);
                let work = send(rq, request, seat);
                rq.services.transport.detach(work);
            }
            None => tracing::warn!(
                request_id = %id,
                "a send-one-way-request was dropped: too many are under way"
            ),
        }
        Flow::Next
    }
}

fn send(rq: &Exchange, request: Prepared, seat: Seat) -> LocalBoxFuture<'static, ()> {
    let services = rq.services.clone();
    let id = uuid::Uuid::from_u128(rq.id);
    Box::pin(async move {
        let most = if request.is_accounted() {
            MOST_ACCOUNTED
        } else {
            MOST_ANSWER
        };
        if let Err(failure) = request.send(&services, most).await {
            tracing::warn!(
                request_id = %id,
                reason = failure.reason,
                error = %failure.message,
                "a send-one-way-request failed"
            );
        }
        drop(seat);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let all: Vec<Seat> = std::iter::from_fn(|| Seat::take(1)).collect();
        assert_eq!(all.len(), MOST);
        drop(all);
        let large = Seat::take(MOST_BYTES);
        assert!(large.is_some());
        assert!(Seat::take(1).is_none());
        drop(large);
        assert!(Seat::take(usize::MAX).is_none());
        assert!(Seat::take(1).is_some());
    }
}
