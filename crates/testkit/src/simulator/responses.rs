//! The Responses API: whole answers, streams of named events, and stored conversations.
//!
//! Called by the router. What must stay true: events carry consecutive `sequence_number`s and the
//! last one holds the response with its usage; `previous_response_id` continues a stored
//! conversation and bills its whole prompt again, as the real service does.

mod store;
mod stream;

use http::{Method, StatusCode};
use serde_json::{Value, json};

pub(super) use store::ResponseStore;

use super::State;
use super::answer::{self, Conversation, Finish, Format, Generation, Role, Tool, Turn};
use super::chat;
use super::errors::Refusal;
use super::reply::{self, Call, Reply};
use super::tokens;
use store::Stored;

/// Tokens that the template adds around each item.
const PER_ITEM: u32 = 4;
/// Tokens that prime the assistant's reply.
const REPLY_PRIMING: u32 = 3;

/// Answers `POST .../responses`.
pub(super) fn create(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body;
    let model = &call.deployment.model;
    let mut turns = match body["previous_response_id"].as_str() {
        None => Vec::new(),
        Some(id) => state.responses.turns(id).ok_or_else(|| {
            let text = format!("Previous response with id '{id}' not found.");
            Refusal::invalid(
                text,
                Some("previous_response_id"),
                Some("previous_response_not_found"),
            )
        })?,
    };
    input(&body["input"], &mut turns)?;
    let remembered = turns.clone();
    if let Some(instructions) = body["instructions"].as_str() {
        turns.insert(
            0,
            Turn {
                role: Role::Instruction,
                text: instructions.to_owned(),
                calls: Vec::new(),
            },
        );
    }
    let definitions = body["tools"].as_array().map_or(&[][..], Vec::as_slice);
    let functions = definitions.iter().filter(|tool| tool["type"] == "function");
    let tools = functions.map(|tool| {
        let name = tool["name"]
            .as_str()
            .ok_or_else(|| Refusal::missing("tools[0].name"))?;
        Ok::<_, Refusal>(Tool {
            name: name.to_owned(),
            parameters: tool["parameters"].clone(),
        })
    });
    let text: u32 = turns
        .iter()
        .map(|turn| PER_ITEM + tokens::count(model, &turn.text))
        .sum();
    let prompt = text + REPLY_PRIMING + tokens::definitions(model, definitions);
    let conversation = Conversation {
        model: model.clone(),
        tools: tools.collect::<Result<_, _>>()?,
        turns,
        tool_choice: chat::tool_choice(&body["tool_choice"]),
        format: format(&body["text"]["format"]),
        max_tokens: chat::limit(body, "max_output_tokens")?,
        stop: Vec::new(),
    };
    let generation = answer::generate(&conversation, 0);
    let completion = generation.tokens;
    let estimate = reply::estimate(prompt, conversation.max_tokens, 1);
    let answer = Answer::new(call, generation, prompt);
    if body["store"] != false {
        let mut turns = remembered;
        turns.push(answer.turn());
        state.responses.insert(
            answer.id.clone(),
            Stored {
                turns,
                value: answer.finished(),
            },
        );
    }
    if body["stream"] == true {
        return Ok(Reply::stream(
            prompt,
            completion,
            estimate,
            stream::events(answer),
        ));
    }
    Ok(Reply::whole(
        prompt,
        completion,
        estimate,
        &answer.finished(),
    ))
}

/// Answers `GET` and `DELETE .../responses/{id}`.
pub(super) fn stored(state: &State, method: &Method, id: &str) -> Result<Value, Refusal> {
    let missing = || {
        let text = format!("Response with id '{id}' not found.");
        let error = json!({ "message": text, "type": "invalid_request_error", "param": null, "code": null });
        Refusal::new(StatusCode::NOT_FOUND, json!({ "error": error }))
    };
    match *method {
        Method::GET => state.responses.value(id).ok_or_else(missing),
        Method::DELETE if state.responses.remove(id) => {
            Ok(json!({ "id": id, "object": "response.deleted", "deleted": true }))
        }
        Method::DELETE => Err(missing()),
        _ => Err(Refusal::resource_not_found()),
    }
}

/// Appends `input`, a text or a list of items, to a conversation.
fn input(input: &Value, turns: &mut Vec<Turn>) -> Result<(), Refusal> {
    let items = match input {
        Value::Null => return Err(Refusal::missing("input")),
        Value::String(text) => {
            turns.push(Turn {
                role: Role::User,
                text: text.clone(),
                calls: Vec::new(),
            });
            return Ok(());
        }
        Value::Array(items) => items,
        _ => {
            return Err(Refusal::invalid(
                "Invalid type for 'input': expected a string or an array.",
                Some("input"),
                Some("invalid_type"),
            ));
        }
    };
    for (at, item) in items.iter().enumerate() {
        let turn = match item["type"].as_str().unwrap_or("message") {
            "message" => {
                let role = match item["role"].as_str() {
                    Some("system" | "developer") => Role::Instruction,
                    Some("assistant") => Role::Assistant,
                    Some("user") => Role::User,
                    _ => return Err(Refusal::missing(&format!("input[{at}].role"))),
                };
                Turn {
                    role,
                    text: chat::content(&item["content"]),
                    calls: Vec::new(),
                }
            }
            "function_call" => Turn {
                role: Role::Assistant,
                text: item["arguments"].as_str().unwrap_or_default().to_owned(),
                calls: item["name"]
                    .as_str()
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
            },
            "function_call_output" => Turn {
                role: Role::Tool,
                text: item["output"]
                    .as_str()
                    .map_or_else(|| chat::content(&item["output"]), str::to_owned),
                calls: Vec::new(),
            },
            // Reasoning, references and hosted tools carry nothing that this model reads.
            _ => continue,
        };
        turns.push(turn);
    }
    if turns.is_empty() {
        return Err(Refusal::invalid(
            "Invalid 'input': empty array.",
            Some("input"),
            Some("empty_array"),
        ));
    }
    Ok(())
}

fn format(format: &Value) -> Format {
    match format["type"].as_str() {
        Some("json_object") => Format::JsonObject,
        Some("json_schema") => Format::JsonSchema(format["schema"].clone()),
        _ => Format::Text,
    }
}

/// A generated response and everything its JSON repeats of the request.
struct Answer {
    id: String,
    item_id: String,
    created: u64,
    model: String,
    request: Value,
    generation: Generation,
    prompt: u32,
}

impl Answer {
    fn new(call: &Call<'_>, generation: Generation, prompt: u32) -> Self {
        let fields = [
            "instructions",
            "max_output_tokens",
            "metadata",
            "parallel_tool_calls",
            "previous_response_id",
            "reasoning",
            "store",
            "temperature",
            "text",
            "tool_choice",
            "tools",
            "top_p",
            "truncation",
            "user",
        ];
        let request = fields
            .iter()
            .filter_map(|field| Some(((*field).to_owned(), call.body.get(*field)?.clone())));
        Self {
            id: reply::identifier("resp_"),
            item_id: reply::identifier(if generation.calls.is_empty() {
                "msg_"
            } else {
                "fc_"
            }),
            created: reply::created(),
            model: call.deployment.name.clone(),
            request: Value::Object(request.collect()),
            generation,
            prompt,
        }
    }

    /// What a later request sees of this answer.
    fn turn(&self) -> Turn {
        let calls = self
            .generation
            .calls
            .iter()
            .map(|call| call.name.clone())
            .collect();
        Turn {
            role: Role::Assistant,
            text: self.generation.text(),
            calls,
        }
    }

    fn cut(&self) -> bool {
        self.generation.finish == Finish::Length
    }

    /// The status of the response and of its item when all is said.
    fn status(&self) -> &'static str {
        if self.cut() {
            "incomplete"
        } else {
            "completed"
        }
    }

    /// The response with what has been produced so far.
    fn value(&self, status: &str, output: Value, usage: Value) -> Value {
        let field = |name: &str, default: Value| match self.request.get(name) {
            Some(value) if !value.is_null() => value.clone(),
            _ => default,
        };
        let details = if status == "incomplete" {
            json!({ "reason": "max_output_tokens" })
        } else {
            Value::Null
        };
        json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": details,
            "instructions": field("instructions", Value::Null),
            "max_output_tokens": field("max_output_tokens", Value::Null),
            "model": self.model,
            "output": output,
            "parallel_tool_calls": field("parallel_tool_calls", true.into()),
            "previous_response_id": field("previous_response_id", Value::Null),
            "reasoning": field("reasoning", json!({ "effort": null, "summary": null })),
            "store": field("store", true.into()),
            "temperature": field("temperature", json!(1.0)),
            "text": field("text", json!({ "format": { "type": "text" } })),
            "tool_choice": field("tool_choice", "auto".into()),
            "tools": field("tools", json!([])),
            "top_p": field("top_p", json!(1.0)),
            "truncation": field("truncation", "disabled".into()),
            "usage": usage,
            "user": field("user", Value::Null),
            "metadata": field("metadata", json!({}))
        })
    }

    /// The response at its end.
    fn finished(&self) -> Value {
        let usage = json!({
            "input_tokens": self.prompt,
            "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": self.generation.tokens,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": self.prompt + self.generation.tokens
        });
        self.value(self.status(), json!([self.item()]), usage)
    }

    /// The one output item: a message or a function call.
    fn item(&self) -> Value {
        match self.generation.calls.first() {
            Some(call) => {
                let arguments: String = call
                    .arguments
                    .iter()
                    .map(|piece| piece.text.as_str())
                    .collect();
                json!({ "id": self.item_id, "type": "function_call", "status": self.status(), "arguments": arguments,
                        "call_id": call.id, "name": call.name })
            }
            None => json!({ "id": self.item_id, "type": "message", "status": self.status(),
                            "content": [self.part(&self.generation.text())], "role": "assistant" }),
        }
    }

    fn part(&self, text: &str) -> Value {
        json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
    }
}
