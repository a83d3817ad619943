//! Ends a running stream when it has used what it was given, with the protocol's own last events.
//!
//! Called by `engine` for calls with a ceiling; it sits between the upstream and the meter. What must hold: every event
//! that passes is unchanged and whole, so the caller never sees half an event; an event whose text would pass the
//! ceiling is not passed at all; what is appended reads as a normal end for reasons of length. Tokens are counted event
//! by event, which is never less than the same text counted as one, but for a merge over the seam.

mod anthropic;
mod chat;
mod gemini;
mod responses;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use super::deltas;
use super::hide::{Passed, has_usage_object};
use super::meter::VERTEX;
use crate::dialect::Operation;
use crate::json;
use crate::sse::{self, Event, Splitter};
use crate::tokens::Vocabulary;
use crate::usage::{Found, Usage};

/// Bytes of output text that are kept for the last events of a Responses stream.
const MOST_TEXT: usize = 1 << 20;
/// Choices, or output items, that are closed one by one.
const MOST_PARTS: usize = 128;

/// What a stream has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Prompt tokens: as the provider reported them, else as estimated.
    pub input: u64,
    /// Output tokens that were passed on, or that the provider reported if that is more.
    pub output: u64,
}

impl Progress {
    /// Both together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// A filter on a stream of server-sent events that can end it.
#[derive(Debug)]
pub struct Cut {
    operation: Operation,
    splitter: Splitter,
    vocabulary: Vocabulary,
    /// The caller asked for the usage chunk (chat, completions).
    include_usage: bool,
    prompt: u64,
    counted: u64,
    found: crate::usage::Counts,
    form: Form,
    /// The last bytes that passed were a part of an event.
    inside: bool,
    cut: bool,
}

/// What is known of the stream's protocol.
#[derive(Debug, Default)]
enum Form {
    /// Nothing yet, or a vendor's own: it ends without more.
    #[default]
    Unknown,
    Chat(chat::Chat),
    Responses(Box<responses::Responses>),
    Anthropic(anthropic::Anthropic),
    Gemini(gemini::Gemini),
}

impl Cut {
    /// A filter for the answer to a request whose prompt has some `prompt` tokens, of a model of this name.
    #[must_use]
    pub fn new(operation: Operation, prompt: u64, model: &str, include_usage: bool) -> Self {
        Self {
            operation,
            splitter: Splitter::default(),
            vocabulary: Vocabulary::for_model(model),
            include_usage,
            prompt,
            counted: 0,
            found: crate::usage::Counts::default(),
            form: match operation {
                Operation::ChatCompletions | Operation::Completions => {
                    Form::Chat(chat::Chat::default())
                }
                Operation::Responses => Form::Responses(Box::default()),
                Operation::Embeddings | Operation::Other => Form::Unknown,
            },
            inside: false,
            cut: false,
        }
    }

    /// Takes the next chunk and returns what to send on. `allows` is asked before each event with output text, with what
    /// will have been used then; when it says no, the stream is cut: [`close`](Self::close) it, and push no more.
    pub fn push(&mut self, chunk: &Bytes, mut allows: impl FnMut(Progress) -> bool) -> Passed {
        let mut passed = Passed::new();
        if self.cut {
            return passed;
        }
        let whole_before = self.splitter.is_between();
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.push(chunk, |event| {
            if !self.cut && self.passes(&event, &mut allows) {
                passed.push(event.raw);
            } else {
                self.cut = true;
            }
        });
        self.splitter = splitter;
        if !self.cut && whole_before && self.splitter.is_between() && !passed.is_empty() {
            // The usual chunk: whole events that all pass.
            passed.clear();
            passed.push(chunk.clone());
        }
        passed
    }

    /// What was held when the upstream ended by itself.
    pub fn finish(&mut self) -> Option<Bytes> {
        let event = self.splitter.finish()?;
        (!self.cut).then_some(event.raw)
    }

    /// Whether the stream was ended here.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// What it has used so far, of what was passed on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let reported = self.found.usage().unwrap_or_default();
        Progress {
            input: match reported.input {
                0 => self.prompt,
                input => input,
            },
            output: reported.output.max(self.counted),
        }
    }

    /// Usage of a stream that was cut: what the provider had reported, completed by what was counted.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let progress = self.progress();
        let reported = self.found.usage().unwrap_or_default();
        Usage {
            input: progress.input,
            output: progress.output,
            total: progress.total().min(Usage::MAX),
            estimated: true,
            ..reported
        }
    }

    fn passes(&mut self, event: &Event, allows: &mut impl FnMut(Progress) -> bool) -> bool {
        let tokens = if event.whole {
            self.read_usage(&event.raw);
            let (vocabulary, mut tokens) = (self.vocabulary, 0_u64);
            deltas::texts(self.operation, &event.raw, |piece| {
                tokens = tokens.saturating_add(vocabulary.count(piece).max(1));
            });
            tokens
        } else {
            // A part of an event that is too large to be read: no token is shorter than a byte.
            event.raw.len() as u64
        };
        let data = event.data();
        if tokens > 0 {
            let before = self.counted;
            self.counted = before.saturating_add(tokens);
            if !allows(self.progress()) {
                self.counted = before;
                if let Some(data) = &data {
                    self.form.know(event, data);
                    self.form.head(data);
                }
                return false;
            }
        }
        self.inside = !event.whole;
        if let Some(data) = data {
            self.form.know(event, &data);
            self.form.see(&data);
        }
        true
    }

    fn read_usage(&mut self, raw: &[u8]) {
        if !has_usage_object(raw)
            && (self.operation != Operation::Other || VERTEX.find(raw).is_none())
        {
            return;
        }
        let Some(data) = sse::data(raw) else {
            return;
        };
        let mut found = Found {
            counts: self.found,
            ..Found::default()
        };
        if json::members(&data, |name, value| found.member(name, value)).is_ok() {
            self.found = found.counts;
        }
    }

    /// The events that end a stream that was cut.
    pub fn close(&mut self) -> Bytes {
        let mut out = Events(Vec::new());
        if self.inside {
            // Whatever was open ends here; a parser drops or fails on that event alone.
            out.0.extend_from_slice(b"\n\n");
        }
        let usage = self.usage();
        match &mut self.form {
            Form::Unknown => {}
            Form::Chat(chat) => {
                let include_usage = self.include_usage;
                chat.close(self.operation, include_usage.then_some(usage), &mut out);
            }
            Form::Responses(responses) => responses.close(usage, &mut out),
            Form::Anthropic(anthropic) => anthropic.close(usage, &mut out),
            Form::Gemini(gemini) => gemini.close(usage, &mut out),
        }
        Bytes::from(out.0)
    }
}

impl Form {
    /// Settles which protocol this is, by the first event that tells.
    fn know(&mut self, event: &Event, data: &[u8]) {
        if !matches!(self, Form::Unknown) {
            return;
        }
        if event.field("event") == Some(b"message_start") {
            *self = Form::Anthropic(anthropic::Anthropic::default());
            return;
        }
        // A broken event says nothing; what stood before the break counts.
        let _ = json::members(data, |name, _| match name {
            "candidates" => *self = Form::Gemini(gemini::Gemini::default()),
            "choices" => *self = Form::Chat(chat::Chat::default()),
            _ => {}
        });
    }

    /// Reads only what names the answer, of an event that does not pass.
    fn head(&mut self, data: &[u8]) {
        match self {
            Form::Chat(chat) => chat.head(data),
            Form::Gemini(gemini) => gemini.see(data),
            Form::Unknown | Form::Responses(_) | Form::Anthropic(_) => {}
        }
    }

    /// Reads an event that passes.
    fn see(&mut self, data: &[u8]) {
        match self {
            Form::Unknown => {}
            Form::Chat(chat) => chat.see(data),
            Form::Responses(responses) => responses.see(data),
            Form::Anthropic(anthropic) => anthropic.see(data),
            Form::Gemini(gemini) => gemini.see(data),
        }
    }
}

/// The choices (candidates) that were seen, and whether each has finished.
#[derive(Debug, Default)]
struct Choices(Vec<(u64, bool)>);

impl Choices {
    /// Takes in one event's list, whose elements finish with a member `reason`.
    fn see(&mut self, list: &RawValue, reason: &str) {
        json::array(list, |choice| {
            let (mut index, mut finished) = (0, false);
            json::object(choice, |name, member| {
                if name == "index" {
                    index = json::number(member).unwrap_or(0);
                } else if name == reason {
                    finished = !json::is_null(member);
                }
            });
            match self.0.iter().position(|(seen, _)| *seen == index) {
                Some(at) => self.0[at].1 |= finished,
                None if self.0.len() < MOST_PARTS => self.0.push((index, finished)),
                None => {}
            }
        });
    }

    /// The indexes of those that have not finished; of none, the first.
    fn open(&self) -> Vec<u64> {
        if self.0.is_empty() {
            return vec![0];
        }
        let open = self.0.iter().filter(|(_, finished)| !finished);
        open.map(|(index, _)| *index).collect()
    }
}

/// Events as bytes.
struct Events(Vec<u8>);

impl Events {
    /// One without a name.
    fn data(&mut self, value: &Value) {
        self.0.extend_from_slice(b"data: ");
        self.0.extend_from_slice(value.to_string().as_bytes());
        self.0.extend_from_slice(b"\n\n");
    }

    /// One whose name is its `type`.
    fn typed(&mut self, value: &Value) {
        let name = value["type"].as_str().unwrap_or_default();
        self.0.extend_from_slice(b"event: ");
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'\n');
        self.data(value);
    }
}

/// A member's value as it came; `null` where it nests too deep to be built.
fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}
