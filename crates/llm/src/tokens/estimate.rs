//! How many tokens a request's prompt has, before the provider says.
//!
//! Chat: 3 per message, plus role, content and name (+1), plus 3 that prime the answer, as OpenAI's cookbook counts.
//! Responses input counts as chat, `instructions` as one message. Images count as [`IMAGE_TOKENS`], API Management's
//! upper bound. Embeddings and completions count text, or token ids one each, without overhead. Not exact: images,
//! tools, audio, files, models of unknown family, prompts above [`COUNT_LIMIT`], and what only the provider has.

use serde_json::value::RawValue;

use super::{Vocabulary, functions};
use crate::dialect::Operation;
use crate::json;
use crate::prompt::{Message, Part, parts};
use crate::request::Peek;

/// Tokens that one image counts for (API Management: "at most 1200 tokens").
pub const IMAGE_TOKENS: u64 = 1200;

/// Bytes of text that are counted for one request; the rest is taken to be as dense. A thread that serves requests is
/// busy for some 10 ms with this much.
pub const COUNT_LIMIT: usize = 512 << 10;

const PER_MESSAGE: u64 = 3;
const PRIMING: u64 = 3;

/// An estimate of a prompt's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Prompt tokens.
    pub tokens: u64,
    /// Whether the provider is expected to count the same.
    pub exact: bool,
}

/// Estimates the prompt of a request. `model` is what the gateway knows of the model (the deployment's model or name);
/// the body's own `model` is used when it is `None`.
#[must_use]
pub fn estimate_prompt(operation: Operation, peek: &Peek<'_>, model: Option<&str>) -> Estimate {
    let vocabulary = Vocabulary::for_model(model.or(peek.model.as_deref()).unwrap_or_default());
    let mut count = Count::new(vocabulary, vocabulary.known && !peek.continues);
    match operation {
        Operation::ChatCompletions => count.messages(peek.messages),
        Operation::Completions => count.texts(peek.prompt),
        Operation::Embeddings => count.texts(peek.input),
        Operation::Responses => {
            count.message_of("system", peek.instructions);
            count.messages(peek.input);
        }
        Operation::Other => {
            count.exact = false;
            count.message_of("system", peek.instructions);
            let list = peek.messages.or(peek.contents).or(peek.input);
            if list.is_some() {
                count.messages(list);
            } else {
                count.texts(peek.prompt);
            }
        }
    }
    if !matches!(operation, Operation::Embeddings | Operation::Completions) {
        for tools in [peek.tools, peek.functions].into_iter().flatten() {
            functions::count(tools, &mut count);
        }
    }
    Estimate {
        tokens: count.tokens,
        exact: count.exact,
    }
}

/// A running count with its bound.
pub(super) struct Count {
    pub(super) vocabulary: Vocabulary,
    pub(super) tokens: u64,
    pub(super) exact: bool,
    /// Text bytes counted, and the tokens they gave.
    read: usize,
    read_tokens: u64,
}

impl Count {
    fn new(vocabulary: Vocabulary, exact: bool) -> Self {
        Self {
            vocabulary,
            tokens: 0,
            exact,
            read: 0,
            read_tokens: 0,
        }
    }

    pub(super) fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens);
    }

    pub(super) fn text(&mut self, text: &str) {
        let left = COUNT_LIMIT - self.read;
        let head = &text[..text.floor_char_boundary(left)];
        let tokens = self.vocabulary.count(head);
        self.read += head.len();
        self.read_tokens += tokens;
        self.add(tokens);
        let rest = (text.len() - head.len()) as u64;
        if rest > 0 {
            self.exact = false;
            let read = self.read.max(1) as u128;
            let more = u128::from(rest) * u128::from(self.read_tokens) / read;
            self.add(u64::try_from(more).unwrap_or(u64::MAX).max(rest / 16));
            // The remainder of the budget may be less than a character: it is used up all the same.
            self.read = COUNT_LIMIT;
        }
    }

    /// A value whose meaning is not known counts as its JSON text.
    pub(super) fn unknown(&mut self, value: &RawValue) {
        self.exact = false;
        self.text(value.get());
    }

    fn messages(&mut self, list: Option<&RawValue>) {
        let Some(list) = list.filter(|list| !json::is_null(list)) else {
            return;
        };
        if json::is_array(list) {
            if !json::array(list, |item| self.message(item)) {
                self.unknown(list);
            }
        } else {
            self.message_of("user", Some(list));
        }
        self.add(PRIMING);
    }

    fn message(&mut self, item: &RawValue) {
        if !json::is_object(item) {
            return self.message_of("user", Some(item));
        }
        let message = Message::new(item);
        self.add(PER_MESSAGE);
        if let Some(role) = &message.role {
            self.text(role);
        }
        match message.content {
            Some(content) => self.content(content),
            // A tool call, a reference, reasoning: approximated by what it says.
            None if message.calls.is_none() && message.arguments.is_none() => self.unknown(item),
            None => self.exact = false,
        }
        if let Some(name) = &message.name {
            self.text(name);
            self.add(1);
        }
        if let Some(arguments) = &message.arguments {
            self.text(arguments);
        }
        if let Some(calls) = message.calls {
            self.unknown(calls);
        }
    }

    fn message_of(&mut self, role: &str, content: Option<&RawValue>) {
        if let Some(content) = content.filter(|content| !json::is_null(content)) {
            // Vertex AI wraps the parts of its instruction.
            let wrapped = json::is_object(content).then(|| Message::new(content).content);
            let content = wrapped.flatten().unwrap_or(content);
            self.add(PER_MESSAGE);
            self.text(role);
            self.content(content);
        }
    }

    fn content(&mut self, content: &RawValue) {
        parts(content, |part| match part {
            Part::Text(text) => self.text(&text),
            Part::Image => {
                self.exact = false;
                self.add(IMAGE_TOKENS);
            }
            Part::Unknown(value) => self.unknown_part(value),
        });
    }

    /// Audio and files stand in the body as base64, whose text says nothing of their tokens.
    fn unknown_part(&mut self, value: &RawValue) {
        let mut media = false;
        json::object(value, |name, _| {
            media |= matches!(
                name,
                "input_audio" | "file" | "file_data" | "file_id" | "fileData"
            )
        });
        if media {
            self.exact = false;
            self.add(IMAGE_TOKENS);
        } else {
            self.unknown(value);
        }
    }

    /// A text, several, token ids, or several lists of token ids.
    fn texts(&mut self, value: Option<&RawValue>) {
        let Some(value) = value.filter(|value| !json::is_null(value)) else {
            return;
        };
        if json::is_array(value) {
            if !json::array(value, |item| self.item(item)) {
                self.unknown(value);
            }
        } else {
            self.item(value);
        }
    }

    fn item(&mut self, item: &RawValue) {
        if let Some(text) = json::text(item) {
            self.text(&text);
        } else if json::is_array(item) {
            json::array(item, |_| self.add(1));
        } else if json::number(item).is_some() {
            self.add(1);
        } else {
            self.unknown(item);
        }
    }
}
