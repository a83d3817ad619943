//! Bodies that the simulator sends: whole, or a paced stream of events with its bill and its fault.
//!
//! Called by the router, polled by hyper. What must stay true: a frame is generated only when the
//! connection asks for it, its tokens are billed when it is handed over, and dropping the body at
//! any point settles the bill.

use std::io;
use std::iter::Peekable;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tokio::time::{Instant, Sleep, sleep};

use super::billing::Bill;
use super::connection::ConnectionControl;
use super::faults::Fault;
use super::pause::Watch;

/// The body type of every answer.
pub(super) type SimulatorBody = UnsyncBoxBody<Bytes, io::Error>;

/// Gives the bytes that are already written time to leave before the connection goes.
const FLUSH_GRACE: Duration = Duration::from_millis(20);

/// A body that is known whole.
pub(super) fn full(bytes: Bytes) -> SimulatorBody {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A part of an answer.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) bytes: Bytes,
    /// Tokens that sending it bills; events with tokens wait for their turn.
    pub(super) tokens: u32,
}

impl Event {
    /// An event that costs nothing and is sent at once.
    pub(super) fn free(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            tokens: 0,
        }
    }
}

/// The events of an answer in order.
pub(super) type Events = Box<dyn Iterator<Item = Event> + Send>;

/// When tokens leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) first_token: Duration,
    pub(super) per_token: Duration,
}

/// How a stream ends other than by its last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Close,
    Reset,
    Stall(Duration),
    BadSse,
}

enum Phase {
    Running,
    /// The wait before the ending strikes.
    Ending(Ending),
    /// The last bytes of a broken stream are out.
    Broken,
    /// The connection has been told to go.
    Gone,
}

/// An answer in parts.
pub(super) struct EventStream {
    events: Peekable<Events>,
    held: Option<Event>,
    bill: Option<Bill>,
    due: Instant,
    per_token: Duration,
    sleep: Pin<Box<Sleep>>,
    ending: Option<(u32, Ending)>,
    sent: u32,
    /// Whether events without tokens count for `cut-after` too: parts of a whole body do.
    count_all: bool,
    /// Whether the end of the events closes the connection: the length that was announced lies.
    close_at_end: bool,
    phase: Phase,
    pause: Option<Watch>,
    paused: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    control: Arc<ConnectionControl>,
}

impl EventStream {
    /// A stream of `events`. `cut-after` counts those with tokens.
    pub(super) fn new(
        events: Events,
        bill: Bill,
        pace: Pace,
        fault: &Fault,
        control: Arc<ConnectionControl>,
    ) -> Self {
        let due = Instant::now() + pace.first_token;
        Self {
            events: events.peekable(),
            held: None,
            bill: Some(bill),
            due,
            per_token: pace.per_token,
            sleep: Box::pin(sleep(Duration::ZERO)),
            ending: ending(fault),
            sent: 0,
            count_all: false,
            close_at_end: fault.wrong_length,
            phase: Phase::Running,
            pause: None,
            paused: None,
            control,
        }
    }

    /// Stops where the simulator is paused.
    pub(super) fn pausing(mut self, pause: Watch) -> Self {
        self.pause = Some(pause);
        self
    }

    /// Waits while the simulator is paused.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.paused.is_none()
            && let Some(pause) = &self.pause
            && pause.stops(self.sent)
        {
            self.paused = Some(Box::pin(pause.clone().passed(self.sent)));
        }
        if let Some(paused) = &mut self.paused {
            ready!(paused.as_mut().poll(cx));
            self.paused = None;
        }
        Poll::Ready(())
    }

    /// A whole answer, already billed, that a fault ends in its middle, or with `cut-after=0` before its first byte.
    pub(super) fn broken_whole(
        bytes: &Bytes,
        fault: &Fault,
        control: Arc<ConnectionControl>,
    ) -> Self {
        let middle = bytes.len() / 2;
        let halves = [bytes.slice(..middle), bytes.slice(middle..)].map(Event::free);
        Self {
            events: (Box::new(halves.into_iter()) as Events).peekable(),
            held: None,
            bill: None,
            due: Instant::now(),
            per_token: Duration::ZERO,
            sleep: Box::pin(sleep(Duration::ZERO)),
            ending: ending(fault).map(|(after, ending)| (after.min(1), ending)),
            sent: 0,
            count_all: true,
            close_at_end: fault.wrong_length,
            phase: Phase::Running,
            pause: None,
            paused: None,
            control,
        }
    }

    /// Bills an event, and closes the bill with the last one: the ledger is right before the
    /// client can see the end.
    fn hand_over(&mut self, event: &Event) {
        self.sent += u32::from(self.count_all || event.tokens > 0);
        let last = self.events.peek().is_none();
        if let Some(bill) = &mut self.bill {
            bill.add(event.tokens);
            if last {
                bill.finish();
                self.bill = None;
            }
        }
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match self.phase {
                Phase::Running => {
                    ready!(self.wait(cx));
                    if let Some((after, ending)) = self.ending
                        && self.sent >= after
                    {
                        if ending == Ending::BadSse {
                            self.phase = Phase::Broken;
                            return Poll::Ready(Some(Bytes::from_static(
                                b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"trunc\n\nnonsense without a field\n\ndata: \xff\xfe\n\n",
                            )));
                        }
                        let wait = if let Ending::Stall(time) = ending {
                            time
                        } else {
                            FLUSH_GRACE
                        };
                        self.sleep.as_mut().reset(Instant::now() + wait);
                        self.phase = Phase::Ending(ending);
                        continue;
                    }
                    let Some(event) = self.held.take().or_else(|| self.events.next()) else {
                        if !self.close_at_end {
                            return Poll::Ready(None);
                        }
                        self.sleep.as_mut().reset(Instant::now() + FLUSH_GRACE);
                        self.phase = Phase::Ending(Ending::Close);
                        continue;
                    };
                    if event.tokens > 0 {
                        let now = Instant::now();
                        if now < self.due {
                            self.held = Some(event);
                            self.sleep.as_mut().reset(self.due);
                            ready!(self.sleep.as_mut().poll(cx));
                            continue;
                        }
                        self.due += self.per_token * event.tokens;
                    }
                    self.hand_over(&event);
                    return Poll::Ready(Some(event.bytes));
                }
                Phase::Ending(ending) => {
                    ready!(self.sleep.as_mut().poll(cx));
                    if ending == Ending::Reset {
                        self.control.reset()
                    } else {
                        self.control.close()
                    }
                    self.phase = Phase::Gone;
                }
                Phase::Broken => return Poll::Ready(None),
                Phase::Gone => return Poll::Pending,
            }
        }
    }
}

/// What a fault does to a stream, and after how many events with tokens.
fn ending(fault: &Fault) -> Option<(u32, Ending)> {
    let after = fault.cut_after.unwrap_or(1);
    if let Some(time) = fault.stall {
        Some((after, Ending::Stall(time)))
    } else if fault.bad_sse {
        Some((after, Ending::BadSse))
    } else if fault.reset {
        Some((after, Ending::Reset))
    } else {
        fault.cut_after.map(|after| (after, Ending::Close))
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.next(cx)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
