//! Event streams: of the legacy era, which a client can resume, and of the modern one, which ends with its reader.
//!
//! Called by `legacy` and `modern`. What must stay true: a log keeps a bounded number of events; a reader that has gone
//! ends its task; each event goes to one reader.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::super::body::SimulatorBody;
use super::super::connection::ConnectionControl;
use super::super::faults::Fault;

/// How many events of a stream can be asked for again.
const KEPT: usize = 1_000;
/// A comment goes out when a stream has been silent for so long.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What clients are told to wait before they resume.
const RETRY_MILLIS: u32 = 100;
/// Gives written bytes the time to leave before the connection goes.
const FLUSH_GRACE: Duration = Duration::from_millis(20);

/// A fault in the middle of a stream.
#[derive(Clone)]
pub(super) struct Cut {
    after: u32,
    reset: bool,
    control: Arc<ConnectionControl>,
}

impl Cut {
    pub(super) fn of(fault: &Fault, control: &Arc<ConnectionControl>) -> Option<Self> {
        let after = fault.cut_after?;
        Some(Self {
            after,
            reset: fault.reset,
            control: Arc::clone(control),
        })
    }

    async fn strike(&self) {
        sleep(FLUSH_GRACE).await;
        if self.reset {
            self.control.reset();
        } else {
            self.control.close();
        }
    }
}

/// The writing end of an answer.
pub(super) struct Writer {
    frames: mpsc::Sender<Bytes>,
    sent: u32,
    cut: Option<Cut>,
}

/// The reader has gone.
pub(super) struct Gone;

impl Writer {
    /// Sends a piece of the stream.
    pub(super) async fn send(&mut self, text: String) -> Result<(), Gone> {
        self.frames.send(text.into()).await.map_err(|_| Gone)?;
        self.sent += 1;
        if let Some(cut) = &self.cut
            && self.sent >= cut.after
        {
            cut.strike().await;
            return Err(Gone);
        }
        Ok(())
    }

    /// Sends a message as an event without an id.
    pub(super) async fn message(&mut self, message: &Value) -> Result<(), Gone> {
        self.send(format!("event: message\ndata: {message}\n\n"))
            .await
    }

    /// Ends when the reader has gone.
    pub(super) async fn closed(&self) {
        self.frames.closed().await;
    }
}

/// A stream and its writing end.
pub(super) fn pipe(cut: Option<Cut>) -> (Writer, Response<SimulatorBody>) {
    let (frames, receiver) = mpsc::channel(16);
    let mut response = Response::new(Pipe(receiver).boxed_unsync());
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let writer = Writer {
        frames,
        sent: 0,
        cut,
    };
    (writer, response)
}

struct Pipe(mpsc::Receiver<Bytes>);

impl Body for Pipe {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0
            .poll_recv(cx)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A stream that can be resumed: its events by number, from 1.
pub(super) struct EventLog {
    /// Its number in the session, the first part of an event's id.
    number: u64,
    events: Mutex<Events>,
    wake: watch::Sender<()>,
}

#[derive(Default)]
struct Events {
    kept: VecDeque<(u64, String)>,
    last: u64,
    done: bool,
    /// The reader that the stream belongs to; an older one stops.
    reader: u64,
    attached: bool,
}

impl EventLog {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            events: Mutex::default(),
            wake: watch::Sender::new(()),
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message.
    pub(super) fn push(&self, message: &Value) {
        {
            let mut events = self.lock();
            if events.done {
                return;
            }
            events.last += 1;
            let number = events.last;
            if events.kept.len() >= KEPT {
                events.kept.pop_front();
            }
            events.kept.push_back((number, message.to_string()));
        }
        self.wake.send_replace(());
    }

    /// No message comes any more.
    pub(super) fn finish(&self) {
        self.lock().done = true;
        self.wake.send_replace(());
    }

    /// Ends the connection of whoever reads; the stream goes on.
    pub(super) fn detach(&self) {
        {
            let mut events = self.lock();
            events.reader += 1;
            events.attached = false;
        }
        self.wake.send_replace(());
    }

    pub(super) fn is_done(&self) -> bool {
        self.lock().done
    }

    pub(super) fn is_attached(&self) -> bool {
        self.lock().attached
    }

    pub(super) fn last(&self) -> u64 {
        self.lock().last
    }

    /// Sends the events after a number, and those to come. With `priming`, an event without a message goes before them,
    /// so that the client knows an id from the beginning.
    pub(super) async fn read(self: Arc<Self>, after: u64, priming: bool, mut writer: Writer) {
        let reader = {
            let mut events = self.lock();
            events.reader += 1;
            events.attached = true;
            events.reader
        };
        // Ends by itself: the reader goes, another comes, or the log is finished.
        let _ = self.copy(after, priming, reader, &mut writer).await;
        let mut events = self.lock();
        if events.reader == reader {
            events.attached = false;
        }
    }

    async fn copy(
        &self,
        mut after: u64,
        priming: bool,
        reader: u64,
        writer: &mut Writer,
    ) -> Result<(), Gone> {
        let mut woken = self.wake.subscribe();
        if priming {
            let id = format!("{}-{after}", self.number);
            let event = format!("id: {id}\nretry: {RETRY_MILLIS}\ndata: \n\n");
            writer.send(event).await?;
        }
        loop {
            let (next, over) = {
                let events = self.lock();
                if events.reader != reader {
                    return Ok(());
                }
                let next = events.kept.iter().find(|(number, _)| *number > after);
                (next.cloned(), events.done)
            };
            if let Some((number, message)) = next {
                after = number;
                let id = format!("{}-{number}", self.number);
                let event = format!("event: message\nid: {id}\ndata: {message}\n\n");
                writer.send(event).await?;
                continue;
            }
            if over {
                return Ok(());
            }
            tokio::select! {
                _ = woken.changed() => {}
                () = writer.closed() => return Err(Gone),
                () = sleep(KEEP_ALIVE) => writer.send(String::from(": \n\n")).await?,
            }
        }
    }
}
