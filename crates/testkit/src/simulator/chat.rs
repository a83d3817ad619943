//! Chat completions, whole and streamed.
//!
//! Called by the router. What must stay true: whole and streamed answers of one request carry the
//! same text; without `stream_options.include_usage` a stream says nothing about usage, with it
//! every chunk has `usage` and the last one has the numbers.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::answer::{self, Conversation, Finish, Format, Generation, Role, Tool, ToolChoice, Turn};
use super::body::Event;
use super::errors::Refusal;
use super::reply::{self, Call, Reply};
use super::tokens;

/// Most choices (`n`) of one request.
const MAX_CHOICES: u64 = 128;

/// Answers `POST .../chat/completions`.
pub(super) fn complete(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body;
    let Some(messages) = body.get("messages") else {
        return Err(Refusal::missing("messages"));
    };
    let Some(messages) = messages.as_array() else {
        return Err(Refusal::invalid(
            "Invalid type for 'messages': expected an array of objects.",
            Some("messages"),
            Some("invalid_type"),
        ));
    };
    if messages.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.";
        return Err(Refusal::invalid(
            message,
            Some("messages"),
            Some("empty_array"),
        ));
    }
    let model = &call.deployment.model;
    let tools = body["tools"].as_array().map_or(&[][..], Vec::as_slice);
    let conversation = Conversation {
        model: model.clone(),
        turns: messages
            .iter()
            .enumerate()
            .map(|(at, message)| turn(at, message))
            .collect::<Result<_, _>>()?,
        tools: tools
            .iter()
            .enumerate()
            .map(|(at, tool)| definition(at, tool))
            .collect::<Result<_, _>>()?,
        tool_choice: tool_choice(&body["tool_choice"]),
        format: format(&body["response_format"], messages)?,
        max_tokens: limit(body, "max_completion_tokens")?.or(limit(body, "max_tokens")?),
        stop: stop(&body["stop"]),
    };
    let choices = body["n"].as_u64().unwrap_or(1);
    if !(1..=MAX_CHOICES).contains(&choices) {
        let message = format!("Invalid 'n': expected a value between 1 and {MAX_CHOICES}.");
        return Err(Refusal::invalid(
            message,
            Some("n"),
            Some("integer_above_max_value"),
        ));
    }
    let generations: Vec<Generation> = (0..choices as u32)
        .map(|choice| answer::generate(&conversation, choice))
        .collect();
    let prompt = tokens::chat_prompt(model, messages, tools);
    let completion = generations.iter().map(|generation| generation.tokens).sum();
    let estimate = reply::estimate(prompt, conversation.max_tokens, choices as u32);
    if body["stream"] == true {
        let include_usage = body["stream_options"]["include_usage"] == true;
        let stream = ChatStream::new(call, include_usage, reply::usage(prompt, completion));
        Ok(Reply::stream(
            prompt,
            completion,
            estimate,
            Box::new(stream.events(generations)),
        ))
    } else {
        let value = whole(call, &generations, reply::usage(prompt, completion));
        Ok(Reply::whole(prompt, completion, estimate, &value))
    }
}

fn whole(call: &Call<'_>, generations: &[Generation], usage: Value) -> Value {
    let choices: Vec<Value> = generations
        .iter()
        .enumerate()
        .map(|(index, generation)| {
            let mut choice = Map::new();
            if call.azure {
                choice.insert(
                    "content_filter_results".into(),
                    reply::content_filter_results(),
                );
            }
            choice.insert("finish_reason".into(), generation.finish.as_str().into());
            choice.insert("index".into(), index.into());
            choice.insert("logprobs".into(), Value::Null);
            choice.insert("message".into(), message(generation));
            Value::Object(choice)
        })
        .collect();
    let mut answer = json!({
        "choices": choices,
        "created": reply::created(),
        "id": reply::identifier("chatcmpl-"),
        "model": reply::model_version(&call.deployment.model),
        "object": "chat.completion"
    });
    if call.azure {
        answer["prompt_filter_results"] = reply::prompt_filter_results(1);
    }
    answer["system_fingerprint"] = reply::fingerprint(&call.deployment.model).into();
    answer["usage"] = usage;
    answer
}

fn message(generation: &Generation) -> Value {
    if generation.calls.is_empty() {
        return json!({ "annotations": [], "content": generation.text(), "refusal": null, "role": "assistant" });
    }
    let calls: Vec<Value> = generation.calls.iter().map(|call| {
        let arguments: String = call.arguments.iter().map(|piece| piece.text.as_str()).collect();
        json!({ "function": { "arguments": arguments, "name": call.name }, "id": call.id, "type": "function" })
    }).collect();
    json!({ "annotations": [], "content": null, "refusal": null, "role": "assistant", "tool_calls": calls })
}

/// Writes the chunks of a streamed answer.
struct ChatStream {
    azure: bool,
    include_usage: bool,
    usage: Value,
    id: String,
    created: u64,
    model: String,
    fingerprint: String,
}

impl ChatStream {
    fn new(call: &Call<'_>, include_usage: bool, usage: Value) -> Self {
        Self {
            azure: call.azure,
            include_usage,
            usage,
            id: reply::identifier("chatcmpl-"),
            created: reply::created(),
            model: reply::model_version(&call.deployment.model).to_owned(),
            fingerprint: reply::fingerprint(&call.deployment.model),
        }
    }

    /// The whole stream; content of several choices takes turns.
    fn events(self, generations: Vec<Generation>) -> impl Iterator<Item = Event> + Send {
        let mut head = Vec::new();
        if self.azure {
            head.push(Event::free(reply::data(&self.prompt_chunk())));
        }
        for (index, generation) in generations.iter().enumerate() {
            head.push(Event::free(self.chunk(
                index,
                opening(generation),
                None,
                false,
            )));
        }
        let mut tail: Vec<Event> = generations
            .iter()
            .enumerate()
            .map(|(index, generation)| {
                Event::free(self.chunk(index, json!({}), Some(generation.finish), false))
            })
            .collect();
        if self.include_usage {
            tail.push(Event::free(reply::data(
                &self.envelope(json!([]), Some(self.usage.clone())),
            )));
        }
        tail.push(reply::done());
        let longest = generations
            .iter()
            .map(|generation| generation.pieces.len() + call_parts(generation))
            .max();
        let choices = generations.len();
        let turns = (0..longest.unwrap_or(0))
            .flat_map(move |at| (0..choices).map(move |index| (at, index)));
        let body = turns.filter_map(move |(at, index)| {
            let (delta, tokens) = part(&generations[index], at)?;
            Some(Event {
                bytes: self.chunk(index, delta, None, true),
                tokens,
            })
        });
        head.into_iter().chain(body).chain(tail)
    }

    /// Azure's first chunk, which has no identity of its own.
    fn prompt_chunk(&self) -> Value {
        let mut chunk = json!({
            "choices": [], "created": 0, "id": "", "model": "", "object": "",
            "prompt_filter_results": reply::prompt_filter_results(1)
        });
        if self.include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn chunk(&self, index: usize, delta: Value, finish: Option<Finish>, content: bool) -> Bytes {
        let mut choice = Map::new();
        if self.azure {
            let results = if content {
                reply::content_filter_results()
            } else {
                json!({})
            };
            choice.insert("content_filter_results".into(), results);
        }
        choice.insert("delta".into(), delta);
        choice.insert("finish_reason".into(), finish.map(Finish::as_str).into());
        choice.insert("index".into(), index.into());
        choice.insert("logprobs".into(), Value::Null);
        let usage = self.include_usage.then_some(Value::Null);
        reply::data(&self.envelope(json!([choice]), usage))
    }

    fn envelope(&self, choices: Value, usage: Option<Value>) -> Value {
        let mut chunk = json!({
            "choices": choices,
            "created": self.created,
            "id": self.id,
            "model": self.model,
            "object": "chat.completion.chunk",
            "system_fingerprint": self.fingerprint
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        chunk
    }
}

fn opening(generation: &Generation) -> Value {
    if generation.calls.is_empty() {
        json!({ "content": "", "refusal": null, "role": "assistant" })
    } else {
        json!({ "content": null, "refusal": null, "role": "assistant" })
    }
}

/// How many chunks the calls of a choice take: a head and its arguments each.
fn call_parts(generation: &Generation) -> usize {
    generation
        .calls
        .iter()
        .map(|call| 1 + call.arguments.len())
        .sum()
}

/// The `at`th delta of a choice and the tokens it bills.
fn part(generation: &Generation, at: usize) -> Option<(Value, u32)> {
    if let Some(piece) = generation.pieces.get(at) {
        return Some((json!({ "content": piece.text }), piece.tokens));
    }
    let mut at = at - generation.pieces.len();
    for (index, call) in generation.calls.iter().enumerate() {
        if at == 0 {
            let arguments: u32 = call.arguments.iter().map(|piece| piece.tokens).sum();
            let delta = json!({ "tool_calls": [{
                "function": { "arguments": "", "name": call.name }, "id": call.id, "index": index, "type": "function"
            }] });
            return Some((delta, generation.tokens - arguments));
        }
        at -= 1;
        if let Some(piece) = call.arguments.get(at) {
            let delta = json!({ "tool_calls": [{ "function": { "arguments": piece.text }, "index": index }] });
            return Some((delta, piece.tokens));
        }
        at -= call.arguments.len();
    }
    None
}

fn turn(at: usize, message: &Value) -> Result<Turn, Refusal> {
    let role = match message["role"].as_str() {
        Some("system" | "developer") => Role::Instruction,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool" | "function") => Role::Tool,
        Some(other) => {
            let text = format!(
                "Invalid value: '{other}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'."
            );
            return Err(Refusal::invalid(
                text,
                Some(&format!("messages[{at}].role")),
                Some("invalid_value"),
            ));
        }
        None => return Err(Refusal::missing(&format!("messages[{at}].role"))),
    };
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    let calls = calls
        .filter_map(|call| call["function"]["name"].as_str().map(str::to_owned))
        .collect();
    Ok(Turn {
        role,
        text: content(&message["content"]),
        calls,
    })
}

/// The text of a message: a string, or the text parts of a list.
pub(super) fn content(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

fn definition(at: usize, tool: &Value) -> Result<Tool, Refusal> {
    let name = tool["function"]["name"].as_str();
    let name = name.ok_or_else(|| Refusal::missing(&format!("tools[{at}].function.name")))?;
    Ok(Tool {
        name: name.to_owned(),
        parameters: tool["function"]["parameters"].clone(),
    })
}

/// `tool_choice` in the chat form and in the flat Responses form.
pub(super) fn tool_choice(choice: &Value) -> ToolChoice {
    match choice {
        Value::String(text) if text == "none" => ToolChoice::Never,
        Value::String(text) if text == "required" => ToolChoice::Required,
        Value::Object(_) => {
            let name = choice["function"]["name"]
                .as_str()
                .or(choice["name"].as_str());
            name.map_or(ToolChoice::Auto, |name| ToolChoice::Named(name.to_owned()))
        }
        _ => ToolChoice::Auto,
    }
}

fn format(format: &Value, messages: &[Value]) -> Result<Format, Refusal> {
    match format["type"].as_str() {
        None | Some("text") => Ok(Format::Text),
        Some("json_object") => {
            let said = |message: &Value| {
                content(&message["content"])
                    .to_ascii_lowercase()
                    .contains("json")
            };
            if messages.iter().any(said) {
                return Ok(Format::JsonObject);
            }
            let text = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
            Err(Refusal::invalid(text, Some("messages"), None))
        }
        Some("json_schema") => match format["json_schema"].get("schema") {
            Some(schema) => Ok(Format::JsonSchema(schema.clone())),
            None => Err(Refusal::missing("response_format.json_schema.schema")),
        },
        Some(other) => {
            let text = format!(
                "Invalid value: '{other}'. Supported values are: 'json_object', 'json_schema', and 'text'."
            );
            Err(Refusal::invalid(
                text,
                Some("response_format.type"),
                Some("invalid_value"),
            ))
        }
    }
}

/// A positive limit such as `max_tokens`.
pub(super) fn limit(body: &Value, field: &str) -> Result<Option<u32>, Refusal> {
    match &body[field] {
        Value::Null => Ok(None),
        value => match value
            .as_u64()
            .and_then(|value| u32::try_from(value).ok())
            .filter(|value| *value > 0)
        {
            Some(value) => Ok(Some(value)),
            None => {
                let text = format!("Invalid '{field}': expected an integer above 0.");
                Err(Refusal::invalid(
                    text,
                    Some(field),
                    Some("integer_below_min_value"),
                ))
            }
        },
    }
}

/// `stop`: a string or a list of strings.
pub(super) fn stop(stop: &Value) -> Vec<String> {
    match stop {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}
