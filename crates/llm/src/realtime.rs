//! What passes to a caller over the WebSocket of a Realtime API: which response of the model began and ended, and what it
//! used.
//!
//! Called by `engine::realtime` with the bytes of the upstream's side, as they come. Frames: RFC 6455, section 5.2;
//! without extensions, since the gateway asks for none. What must hold: bytes are only looked at; memory is bounded by
//! [`LIMIT`]; a message is told at the byte that ends it; what cannot be read is noted, and nothing of it is believed.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::json;

use crate::json;
use crate::usage::{Found, Usage};

/// Messages above this are passed over. Those that tell of a response are some kilobytes; audio comes in other ones.
pub const LIMIT: usize = 1 << 20;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// `1008`, the policy violation of RFC 6455.
const POLICY_VIOLATION: u16 = 1008;

/// Names of events that are read; audio and text are not.
static EVENTS: [LazyLock<Finder<'static>>; 4] = [
    LazyLock::new(|| Finder::new("\"session.created\"")),
    LazyLock::new(|| Finder::new("\"session.updated\"")),
    LazyLock::new(|| Finder::new("\"response.created\"")),
    LazyLock::new(|| Finder::new("\"response.done\"")),
];

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The session's model.
    Model(Cow<'a, str>),
    /// The model begins a response.
    Began(Cow<'a, str>),
    /// A response has ended.
    Ended {
        /// Its id.
        id: Cow<'a, str>,
        /// What it used; `None` when nothing is said of it.
        usage: Option<Usage>,
        /// `completed`, `cancelled`, `failed`, or why it is `incomplete`.
        reason: Cow<'a, str>,
    },
}

/// Reads one side of a WebSocket, the server's.
#[derive(Debug, Default)]
pub struct Reader {
    /// The head of a frame that is not whole yet.
    head: Vec<u8>,
    /// Bytes to come of the frame's payload.
    left: u64,
    frame: Frame,
    message: Vec<u8>,
    /// The message is larger than the limit.
    over: bool,
    broken: bool,
}

/// The frame whose payload is being read.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// A part of a message that is text.
    text: bool,
    last: bool,
}

impl Reader {
    /// Takes the next bytes and calls `each` with the events of messages that end in them, and with where the message ends
    /// there, until it says no.
    pub fn read(&mut self, bytes: &[u8], mut each: impl FnMut(Event<'_>, usize) -> bool) {
        let mut at = 0;
        while at < bytes.len() && !self.broken {
            if self.left == 0 {
                self.head.push(bytes[at]);
                at += 1;
                if !self.begins() || self.left > 0 {
                    continue;
                }
            } else {
                let rest = &bytes[at..];
                let taken = usize::try_from(self.left)
                    .unwrap_or(usize::MAX)
                    .min(rest.len());
                if self.frame.text && !self.over {
                    self.over = self.message.len() + taken > LIMIT;
                    if self.over {
                        self.message = Vec::new();
                    } else {
                        self.message.extend_from_slice(&rest[..taken]);
                    }
                }
                self.left -= taken as u64;
                at += taken;
                if self.left > 0 {
                    continue;
                }
            }
            if self.frame.text && self.frame.last {
                self.over = false;
                let message = std::mem::take(&mut self.message);
                let goes_on = event(&message).is_none_or(|event| each(event, at));
                self.message = message;
                self.message.clear();
                if !goes_on {
                    return;
                }
            }
        }
    }

    /// Whether something came that is no WebSocket frame, or has an extension that nobody asked for.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether the head of a frame is whole: then its payload follows.
    fn begins(&mut self) -> bool {
        let [first, second, length @ ..] = &self.head[..] else {
            return false;
        };
        let (opcode, short) = (first & 0x0f, second & 0x7f);
        // A server masks nothing, and no extension was asked for.
        if first & 0x70 != 0 || second & 0x80 != 0 {
            self.broken = true;
            return false;
        }
        let wanted = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if length.len() < wanted {
            return false;
        }
        self.left = match short {
            126 | 127 => length
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            _ => short.into(),
        };
        // Control frames may stand between those of a message.
        self.frame = Frame {
            text: opcode == TEXT || opcode == CONTINUATION,
            last: first & 0x80 != 0,
        };
        self.head.clear();
        true
    }
}

/// What a message says, when it is one of those that count.
fn event(message: &[u8]) -> Option<Event<'_>> {
    EVENTS.iter().find(|name| name.find(message).is_some())?;
    let (mut kind, mut session, mut response) = (None, None, None);
    let mut found = Found::default();
    json::members(message, |name, value| match name {
        "type" => kind = json::text(value),
        "session" => session = Some(value),
        "response" => {
            found.member(name, value);
            response = Some(value);
        }
        _ => {}
    })
    .ok()?;
    let member = |of: Option<&'_ serde_json::value::RawValue>, wanted: &str| {
        let mut text = None;
        json::object(of?, |name, value| {
            if name == wanted {
                text = json::text(value).map(Cow::into_owned);
            }
        });
        text.map(Cow::Owned)
    };
    match kind.as_deref()? {
        "session.created" | "session.updated" => member(session, "model").map(Event::Model),
        "response.created" => member(response, "id").map(Event::Began),
        "response.done" => {
            let mut reason = None;
            json::object(response?, |name, value| {
                if name == "status_details" {
                    json::object(value, |name, value| {
                        if name == "reason" {
                            reason = json::text(value).map(Cow::into_owned);
                        }
                    });
                }
            });
            let status = member(response, "status").unwrap_or_default();
            Some(Event::Ended {
                id: member(response, "id").unwrap_or_default(),
                usage: found.counts.usage(),
                reason: match reason {
                    Some(reason) if status == "incomplete" => Cow::Owned(reason),
                    _ => status,
                },
            })
        }
        _ => None,
    }
}

/// The last frames of a session that is ended for want of budget: the protocol's event `error`, and a close with code 1008.
#[must_use]
pub fn end(message: &str) -> Vec<u8> {
    const CODE: &str = "insufficient_quota";
    let error = json!({
        "type": "error",
        "event_id": "event_budget",
        "error": {"type": CODE, "code": CODE, "message": message, "param": null, "event_id": null},
    });
    let mut frames = frame(TEXT, error.to_string().as_bytes());
    let mut close = POLICY_VIOLATION.to_be_bytes().to_vec();
    close.extend_from_slice(CODE.as_bytes());
    frames.extend(frame(CLOSE, &close));
    frames
}

/// A frame of a server.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..=125 => frame.push(u8::try_from(short).unwrap_or_default()),
        medium @ 126..=0xffff => {
            frame.push(126);
            frame.extend_from_slice(&u16::try_from(medium).unwrap_or_default().to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}
