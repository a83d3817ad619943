//! Legacy completions, whole and streamed.
//!
//! Called by the router. What must stay true: several prompts give `n` choices each, numbered
//! through; token arrays are decoded with the model's vocabulary.

use serde_json::{Map, Value, json};

use super::answer::{self, Conversation, Finish, Generation, Role, Turn};
use super::body::Event;
use super::chat;
use super::errors::Refusal;
use super::reply::{self, Call, Reply};
use super::tokens;

/// What the API generates unless `max_tokens` says otherwise.
const DEFAULT_MAX_TOKENS: u32 = 16;
/// Most prompts and most choices of one request.
const MAX_PROMPTS: usize = 128;

/// Answers `POST .../completions`.
pub(super) fn complete(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body;
    let model = &call.deployment.model;
    let prompts = texts(model, &body["prompt"], "prompt")?;
    let max_tokens = chat::limit(body, "max_tokens")?.unwrap_or(DEFAULT_MAX_TOKENS);
    let n = body["n"].as_u64().unwrap_or(1).clamp(1, MAX_PROMPTS as u64) as u32;
    let echo = body["echo"] == true;
    let prompt_tokens: u32 = prompts
        .iter()
        .map(|prompt| tokens::count(model, prompt))
        .sum();
    let mut choices = Vec::new();
    for prompt in &prompts {
        let turn = Turn {
            role: Role::User,
            text: prompt.clone(),
            calls: Vec::new(),
        };
        let conversation = Conversation {
            model: model.clone(),
            turns: vec![turn],
            max_tokens: Some(max_tokens),
            stop: chat::stop(&body["stop"]),
            ..Conversation::default()
        };
        for choice in 0..n {
            choices.push((
                echo.then(|| prompt.clone()),
                answer::generate(&conversation, choice),
            ));
        }
    }
    let completion_tokens = choices
        .iter()
        .map(|(_, generation)| generation.tokens)
        .sum();
    let estimate = reply::estimate(prompt_tokens, Some(max_tokens), choices.len() as u32);
    let answer = Envelope {
        azure: call.azure,
        id: reply::identifier("cmpl-"),
        created: reply::created(),
        model: reply::model_version(model).to_owned(),
    };
    let usage = reply::usage(prompt_tokens, completion_tokens);
    if body["stream"] == true {
        let include_usage = body["stream_options"]["include_usage"] == true;
        let events = answer.events(choices, prompts.len(), include_usage.then_some(usage));
        return Ok(Reply::stream(
            prompt_tokens,
            completion_tokens,
            estimate,
            Box::new(events.into_iter()),
        ));
    }
    let values = choices
        .iter()
        .enumerate()
        .map(|(index, (echo, generation))| {
            let text = format!(
                "{}{}",
                echo.as_deref().unwrap_or_default(),
                generation.text()
            );
            answer.choice(index, &text, Some(generation.finish))
        });
    let mut value = answer.value(values.collect());
    if call.azure {
        value["prompt_filter_results"] = reply::prompt_filter_results(prompts.len());
    }
    value["usage"] = usage;
    Ok(Reply::whole(
        prompt_tokens,
        completion_tokens,
        estimate,
        &value,
    ))
}

struct Envelope {
    azure: bool,
    id: String,
    created: u64,
    model: String,
}

impl Envelope {
    fn events(
        &self,
        choices: Vec<(Option<String>, Generation)>,
        prompts: usize,
        usage: Option<Value>,
    ) -> Vec<Event> {
        let with_usage = |mut value: Value| {
            if usage.is_some() {
                value["usage"] = Value::Null;
            }
            reply::data(&value)
        };
        let mut events = Vec::new();
        if self.azure {
            let mut first = self.value(Vec::new());
            first["prompt_filter_results"] = reply::prompt_filter_results(prompts);
            events.push(Event::free(with_usage(first)));
        }
        for (index, (echo, generation)) in choices.iter().enumerate() {
            if let Some(echo) = echo {
                events.push(Event::free(with_usage(
                    self.value(vec![self.choice(index, echo, None)]),
                )));
            }
            for piece in &generation.pieces {
                let bytes = with_usage(self.value(vec![self.choice(index, &piece.text, None)]));
                events.push(Event {
                    bytes,
                    tokens: piece.tokens,
                });
            }
            let last = self.value(vec![self.choice(index, "", Some(generation.finish))]);
            events.push(Event::free(with_usage(last)));
        }
        if let Some(usage) = &usage {
            let mut last = self.value(Vec::new());
            last["usage"] = usage.clone();
            events.push(Event::free(reply::data(&last)));
        }
        events.push(reply::done());
        events
    }

    fn choice(&self, index: usize, text: &str, finish: Option<Finish>) -> Value {
        let mut choice = Map::new();
        if self.azure {
            choice.insert(
                "content_filter_results".into(),
                reply::content_filter_results(),
            );
        }
        choice.insert("finish_reason".into(), finish.map(Finish::as_str).into());
        choice.insert("index".into(), index.into());
        choice.insert("logprobs".into(), Value::Null);
        choice.insert("text".into(), text.into());
        Value::Object(choice)
    }

    fn value(&self, choices: Vec<Value>) -> Value {
        json!({
            "choices": choices, "created": self.created, "id": self.id, "model": self.model,
            "object": "text_completion"
        })
    }
}

/// The texts of `prompt` or `input`: a string, strings, a token array or several.
pub(super) fn texts(model: &str, value: &Value, field: &str) -> Result<Vec<String>, Refusal> {
    let invalid = |reason: &str| {
        Refusal::invalid(
            format!("'{field}' {reason}"),
            Some(field),
            Some("invalid_type"),
        )
    };
    let wrong = || {
        invalid(
            "must be a string, an array of strings, an array of integers, or an array of arrays of integers.",
        )
    };
    let decode = |ids: &[Value]| -> Result<String, Refusal> {
        let ids: Option<Vec<u32>> = ids
            .iter()
            .map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok()))
            .collect();
        tokens::decode(model, &ids.ok_or_else(wrong)?)
            .ok_or_else(|| invalid("contains a token that the model does not have."))
    };
    match value {
        Value::Null => Err(Refusal::missing(field)),
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(items) if items.is_empty() => Err(invalid("must not be empty.")),
        Value::Array(items) if items[0].is_number() => Ok(vec![decode(items)?]),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(text.clone()),
                Value::Array(ids) => decode(ids),
                _ => Err(wrong()),
            })
            .collect(),
        _ => Err(wrong()),
    }
}
