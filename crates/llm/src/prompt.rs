//! The parts of a prompt, and its text for a semantic cache.
//!
//! Called by `engine` (cache lookup) and by the estimate here. What must hold: a prompt with a part that has no text
//! (an image, a file) says so, because two such prompts with equal text are not the same question.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json;
use crate::request::Peek;

/// The text that a semantic cache compares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// The texts of the messages, in order, joined by LF.
    pub text: String,
    /// How many messages the dialogue has, without the ones that were left out.
    pub messages: usize,
    /// False when a part is not in `text`: an image, audio, a file, a tool call, an item of unknown type, tokens in
    /// place of text, or an earlier response that only the provider has. Such a prompt must not be answered from a
    /// cache that compares text.
    pub text_only: bool,
}

/// The text of a request's prompt: chat `messages`, Responses `instructions` and `input`, completions `prompt`,
/// embeddings `input`, Vertex AI `contents`. With `ignore_system`, messages of the roles `system` and `developer` and
/// the instructions are left out.
#[must_use]
pub fn prompt_text(peek: &Peek<'_>, ignore_system: bool) -> Prompt {
    let mut prompt = Prompt {
        text_only: !peek.continues,
        ..Prompt::default()
    };
    if let Some(instructions) = peek.instructions
        && !ignore_system
        && !json::is_null(instructions)
    {
        prompt.messages += 1;
        prompt.content(instructions);
    }
    for list in [peek.messages, peek.contents, peek.input, peek.prompt]
        .into_iter()
        .flatten()
    {
        prompt.list(list, ignore_system);
    }
    prompt
}

impl Prompt {
    fn list(&mut self, list: &RawValue, ignore_system: bool) {
        if json::is_null(list) {
            return;
        }
        if !json::is_array(list) {
            self.messages += 1;
            return self.content(list);
        }
        let read = json::array(list, |item| {
            if !json::is_object(item) {
                self.messages += 1;
                return self.content(item);
            }
            let message = Message::new(item);
            let role = message.role.as_deref();
            if ignore_system && matches!(role, Some("system" | "developer")) {
                return;
            }
            self.messages += 1;
            match message.content {
                Some(content) => self.content(content),
                None => self.text_only = false,
            }
            if message.calls.is_some() {
                self.text_only = false;
            }
        });
        self.text_only &= read;
    }

    fn content(&mut self, content: &RawValue) {
        parts(content, |part| match part {
            Part::Text(text) => {
                if !self.text.is_empty() {
                    self.text.push('\n');
                }
                self.text.push_str(&text);
            }
            Part::Image | Part::Unknown(_) => self.text_only = false,
        });
    }
}

/// A message of a chat, or an item of a Responses input, as far as prompts need it.
#[derive(Default)]
pub(crate) struct Message<'a> {
    pub(crate) role: Option<Cow<'a, str>>,
    pub(crate) name: Option<Cow<'a, str>>,
    /// `content`, `parts` (Vertex AI), or `output` of a tool call
    pub(crate) content: Option<&'a RawValue>,
    /// `tool_calls` or `function_call` of a chat message
    pub(crate) calls: Option<&'a RawValue>,
    /// `arguments` of a Responses function call item
    pub(crate) arguments: Option<Cow<'a, str>>,
}

impl<'a> Message<'a> {
    pub(crate) fn new(item: &'a RawValue) -> Self {
        let mut message = Self::default();
        json::object(item, |name, value| match name {
            "role" => message.role = json::text(value),
            "name" => message.name = json::text(value),
            "content" | "parts" | "output" if !json::is_null(value) => {
                message.content = Some(value)
            }
            "tool_calls" | "function_call" if !json::is_null(value) => message.calls = Some(value),
            "arguments" => message.arguments = json::text(value),
            _ => {}
        });
        message
    }
}

/// One part of a message's content.
pub(crate) enum Part<'a> {
    Text(Cow<'a, str>),
    Image,
    /// Audio, a file, or a type that is not known.
    Unknown(&'a RawValue),
}

/// Calls `each` for every part of a `content`: a string, or an array of strings and typed parts.
pub(crate) fn parts<'a>(content: &'a RawValue, mut each: impl FnMut(Part<'a>)) {
    if json::is_null(content) {
    } else if json::is_array(content) {
        if !json::array(content, |part| each(self::part(part))) {
            each(Part::Unknown(content));
        }
    } else {
        each(part(content));
    }
}

fn part(part: &RawValue) -> Part<'_> {
    if !json::is_object(part) {
        return json::text(part).map_or(Part::Unknown(part), Part::Text);
    }
    let (mut text, mut image) = (None, false);
    json::object(part, |name, value| match name {
        "text" | "refusal" => text = json::text(value),
        "image_url" | "inlineData" | "inline_data" => image = true,
        "type" => {
            image |= json::text(value)
                .is_some_and(|kind| matches!(&*kind, "image" | "input_image" | "image_url"))
        }
        _ => {}
    });
    match text {
        _ if image => Part::Image,
        Some(text) => Part::Text(text),
        None => Part::Unknown(part),
    }
}
