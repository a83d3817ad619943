//! Ends a running stream when it has used what it was given, with the protocol's own last events.
//!
//! Called by `engine` for calls with a ceiling; it sits between the upstream and the meter. What must hold: every event
//! that passes is unchanged and whole, so the caller never sees half an event; an event whose text would pass the
//! ceiling is not passed at all; what is appended is what the protocol has for an end at its length, then its error.
//! Tokens are counted event by event, which is never less than the same text counted as one, but for a merge over the
//! seam.

mod anthropic;
mod array;
mod bedrock;
mod chat;
mod gemini;
mod out;
mod responses;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::deltas;
use super::hide::{Passed, has_usage_object};
use super::meter::VERTEX;
use crate::dialect::Operation;
use crate::sse::{self, Event};
use crate::tokens::Vocabulary;
use crate::usage::{Found, Usage};
use crate::{eventstream, json};
use out::{Out, Wire};

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

/// What a caller is told of the end, in its protocol's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// A sentence: what is used up.
    pub message: String,
    /// Whether it is a limit of a rate, which passes within a minute.
    pub rate: bool,
}

/// A filter on a stream of events that can end it.
#[derive(Debug)]
pub struct Cut {
    operation: Operation,
    framing: Framing,
    vocabulary: Vocabulary,
    /// The caller asked for the usage chunk (chat, completions).
    include_usage: bool,
    prompt: u64,
    counted: u64,
    found: crate::usage::Counts,
    form: Form,
    /// The last bytes that passed were a part of an event.
    inside: bool,
    /// Events have passed.
    began: bool,
    cut: bool,
}

/// How the stream is cut into events.
#[derive(Debug)]
enum Framing {
    Events(sse::Splitter),
    /// Frames, and whether they hold the model's own events (`chunk`).
    Frames(eventstream::Splitter, bool),
    Array(array::Splitter),
}

impl Framing {
    /// Whether nothing is held.
    fn is_between(&self) -> bool {
        match self {
            Framing::Events(splitter) => splitter.is_between(),
            Framing::Frames(splitter, _) => splitter.is_between(),
            Framing::Array(splitter) => splitter.is_between(),
        }
    }
}

/// An event, whatever frames it.
struct Piece<'a> {
    /// Its bytes, or those of its JSON.
    raw: &'a [u8],
    /// Its JSON, which can be read only of a whole one.
    data: Option<Cow<'a, [u8]>>,
    /// `event`, or `:event-type`.
    name: Option<&'a [u8]>,
    whole: bool,
}

impl<'a> Piece<'a> {
    /// Bytes that cannot be read.
    fn part(raw: &'a [u8]) -> Self {
        Piece {
            raw,
            data: None,
            name: None,
            whole: false,
        }
    }

    fn of_event(event: &'a Event) -> Self {
        Piece {
            raw: &event.raw,
            data: event.data(),
            name: event.field("event"),
            whole: event.whole,
        }
    }
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
    Bedrock(bedrock::Bedrock),
}

impl Cut {
    /// A filter for the answer, a stream of server-sent events, to a request whose prompt has some `prompt` tokens, of a
    /// model of this name.
    #[must_use]
    pub fn new(operation: Operation, prompt: u64, model: &str, include_usage: bool) -> Self {
        Self {
            operation,
            framing: Framing::Events(sse::Splitter::default()),
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
            began: false,
            cut: false,
        }
    }

    /// The same for a stream in Amazon's framing: Bedrock's `ConverseStream` and `InvokeModelWithResponseStream`.
    #[must_use]
    pub fn frames(self) -> Self {
        Self {
            framing: Framing::Frames(eventstream::Splitter::default(), false),
            ..self
        }
    }

    /// The same for a stream that is one JSON array, an element for each event (Gemini without `alt=sse`).
    #[must_use]
    pub fn array(self) -> Self {
        Self {
            framing: Framing::Array(array::Splitter::default()),
            form: Form::Gemini(gemini::Gemini::default()),
            ..self
        }
    }

    /// Takes the next chunk and returns what to send on. `allows` is asked before each event with output text, with what
    /// will have been used then; when it says no, the stream is cut: [`close`](Self::close) it, and push no more.
    pub fn push(&mut self, chunk: &Bytes, mut allows: impl FnMut(Progress) -> bool) -> Passed {
        let mut passed = Passed::new();
        if self.cut {
            return passed;
        }
        let whole_before = self.framing.is_between();
        let between = Framing::Events(sse::Splitter::default());
        let mut framing = std::mem::replace(&mut self.framing, between);
        match &mut framing {
            Framing::Events(splitter) => splitter.push(chunk, |event| {
                if self.takes(&Piece::of_event(&event), &mut allows) {
                    passed.push(event.raw);
                }
            }),
            Framing::Frames(splitter, chunks) => splitter.split(chunk, |piece| {
                let (raw, takes) = match &piece {
                    eventstream::Piece::Rest(raw) => {
                        (*raw, self.takes(&Piece::part(raw), &mut allows))
                    }
                    eventstream::Piece::Frame(frame) => {
                        let data = frame.event();
                        *chunks |= matches!(data, Some(Cow::Owned(_)));
                        let piece = Piece {
                            raw: data.as_deref().unwrap_or_default(),
                            data: data.as_deref().map(Cow::Borrowed),
                            name: frame.header(":event-type"),
                            whole: true,
                        };
                        (frame.raw, self.takes(&piece, &mut allows))
                    }
                };
                if takes {
                    passed.push(Bytes::copy_from_slice(raw));
                }
            }),
            Framing::Array(splitter) => splitter.split(chunk, |piece| {
                let raw = piece.raw;
                let piece = Piece {
                    raw,
                    data: piece.element.map(Cow::Borrowed),
                    name: None,
                    whole: piece.whole,
                };
                if self.takes(&piece, &mut allows) {
                    passed.push(Bytes::copy_from_slice(raw));
                }
            }),
        }
        self.framing = framing;
        if !self.cut && whole_before && self.framing.is_between() && !passed.is_empty() {
            // The usual chunk: whole events that all pass.
            passed.clear();
            passed.push(chunk.clone());
        }
        passed
    }

    /// Whether an event passes; the first that does not ends the stream.
    fn takes(&mut self, piece: &Piece<'_>, allows: &mut impl FnMut(Progress) -> bool) -> bool {
        let takes = !self.cut && self.passes(piece, allows);
        self.cut |= !takes;
        self.began |= takes;
        takes
    }

    /// What was held when the upstream ended by itself.
    pub fn finish(&mut self) -> Option<Bytes> {
        let rest = match &mut self.framing {
            Framing::Events(splitter) => splitter.finish()?.raw,
            Framing::Frames(splitter, _) => splitter.finish().into(),
            Framing::Array(splitter) => splitter.finish().into(),
        };
        (!self.cut && !rest.is_empty()).then_some(rest)
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

    fn passes(&mut self, piece: &Piece<'_>, allows: &mut impl FnMut(Progress) -> bool) -> bool {
        let reported = self.found;
        let tokens = if piece.whole {
            self.read_usage(piece);
            let (vocabulary, mut tokens) = (self.vocabulary, 0_u64);
            deltas::texts(self.operation, piece.raw, |text| {
                tokens = tokens.saturating_add(vocabulary.count(text).max(1));
            });
            tokens
        } else {
            // A part of an event that is too large to be read: no token is shorter than a byte.
            piece.raw.len() as u64
        };
        if tokens > 0 {
            let before = self.counted;
            self.counted = before.saturating_add(tokens);
            if !allows(self.progress()) {
                self.counted = before;
                // What does not pass was not used, though the event says so itself. A first report tells the prompt and
                // what was thought before.
                if reported.usage().is_some() {
                    self.found = reported;
                }
                if let Some(data) = &piece.data {
                    self.form.know(piece.name, data);
                    self.form.head(data);
                }
                return false;
            }
        }
        self.inside = !piece.whole;
        if let Some(data) = &piece.data {
            self.form.know(piece.name, data);
            self.form.see(piece.name, data);
        }
        true
    }

    fn read_usage(&mut self, piece: &Piece<'_>) {
        let raw = piece.raw;
        if !has_usage_object(raw)
            && (self.operation != Operation::Other || VERTEX.find(raw).is_none())
        {
            return;
        }
        let Some(data) = &piece.data else {
            return;
        };
        let mut found = Found {
            counts: self.found,
            ..Found::default()
        };
        if json::members(data, |name, value| found.member(name, value)).is_ok() {
            self.found = found.counts;
        }
    }

    /// The events that end a stream that was cut: what the protocol has for an end at its length, then its error.
    pub fn close(&mut self, stopped: &Stopped) -> Bytes {
        let wire = match self.framing {
            Framing::Events(_) => Wire::Events,
            Framing::Frames(_, chunks) => Wire::Frames { chunks },
            Framing::Array(_) => Wire::Array { more: self.began },
        };
        let mut out = Out::new(wire);
        if self.inside {
            if wire != Wire::Events {
                // What is open there cannot be closed: nothing behind it could be read.
                return Bytes::new();
            }
            // Whatever was open ends here; a parser drops or fails on that event alone.
            out.bytes.extend_from_slice(b"\n\n");
        }
        let usage = self.usage();
        let frames = matches!(wire, Wire::Frames { .. });
        // Frames have an error of their own.
        let told = (!frames).then_some(stopped);
        match &mut self.form {
            Form::Unknown => {}
            Form::Chat(chat) => {
                let include_usage = self.include_usage;
                chat.close(self.operation, include_usage.then_some(usage), &mut out);
                if let Some(stopped) = told {
                    out.data(&json!({"error": openai(stopped)}));
                    out.bytes.extend_from_slice(b"data: [DONE]\n\n");
                }
            }
            Form::Responses(responses) => responses.close(usage, told, &mut out),
            Form::Anthropic(anthropic) => anthropic.close(usage, told, &mut out),
            Form::Gemini(gemini) => gemini.close(usage, told, &mut out),
            Form::Bedrock(bedrock) => bedrock.close(usage, &mut out),
        }
        out.end(&stopped.message);
        Bytes::from(out.bytes)
    }
}

/// The error of OpenAI's APIs, with the words that their own limits have.
fn openai(stopped: &Stopped) -> Value {
    let (kind, code) = if stopped.rate {
        ("tokens", "rate_limit_exceeded")
    } else {
        ("insufficient_quota", "insufficient_quota")
    };
    json!({"message": stopped.message, "type": kind, "param": null, "code": code})
}

impl Form {
    /// Settles which protocol this is, by the first event that tells.
    fn know(&mut self, name: Option<&[u8]>, data: &[u8]) {
        if !matches!(self, Form::Unknown) {
            return;
        }
        let mut known = Form::Unknown;
        if name == Some(b"message_start") {
            known = Form::Anthropic(anthropic::Anthropic::default());
        } else if name.is_some_and(bedrock::is_own) {
            known = Form::Bedrock(bedrock::Bedrock::default());
        } else {
            // A broken event says nothing; what stood before the break counts.
            let _ = json::members(data, |name, member| match name {
                "candidates" => known = Form::Gemini(gemini::Gemini::default()),
                "choices" => known = Form::Chat(chat::Chat::default()),
                "type" if json::text(member).as_deref() == Some("message_start") => {
                    known = Form::Anthropic(anthropic::Anthropic::default());
                }
                "messageStart" => known = Form::Bedrock(bedrock::Bedrock::default()),
                _ => {}
            });
        }
        *self = known;
    }

    /// Reads only what names the answer, of an event that does not pass.
    fn head(&mut self, data: &[u8]) {
        match self {
            Form::Chat(chat) => chat.head(data),
            Form::Gemini(gemini) => gemini.head(data),
            Form::Unknown | Form::Responses(_) | Form::Anthropic(_) | Form::Bedrock(_) => {}
        }
    }

    /// Reads an event that passes.
    fn see(&mut self, name: Option<&[u8]>, data: &[u8]) {
        match self {
            Form::Unknown => {}
            Form::Chat(chat) => chat.see(data),
            Form::Responses(responses) => responses.see(data),
            Form::Anthropic(anthropic) => anthropic.see(data),
            Form::Gemini(gemini) => gemini.see(data),
            Form::Bedrock(bedrock) => bedrock.see(name, data),
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

/// A member's value as it came; `null` where it nests too deep to be built.
fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}
