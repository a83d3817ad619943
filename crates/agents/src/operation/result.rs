//! From the operation's HTTP response to the tool's result (`CallToolResult`).
//!
//! What must stay true: a failure of the operation is a result with `isError`, never a JSON-RPC error; what a backend
//! says about the gateway's own credentials, and what a server error tells of its inside, does not reach the model.

use super::contract::{essence, is_json};
use super::text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Longest text of an error that goes to the model, in bytes.
const LONGEST_ERROR: usize = 2048;

/// A response, its body in memory and not coded.
#[derive(Clone, Copy, Debug)]
pub struct HttpAnswer<'a> {
    /// Status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// Body.
    pub body: &'a [u8],
    /// Whether the backend gave it; else the gateway's policies did.
    pub from_backend: bool,
}

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// `content`.
    pub content: Vec<Value>,
    /// `structuredContent`.
    pub structured: Option<Value>,
    /// `isError`.
    pub is_error: bool,
    /// `_meta`.
    pub meta: Map<String, Value>,
}

impl ToolResult {
    /// An error that the model should read.
    pub fn error(text: impl Into<String>) -> ToolResult {
        ToolResult {
            content: vec![json!({"type": "text", "text": text.into()})],
            structured: None,
            is_error: true,
            meta: Map::new(),
        }
    }

    fn plain(content: Vec<Value>) -> ToolResult {
        ToolResult {
            content,
            structured: None,
            is_error: false,
            meta: Map::new(),
        }
    }

    /// As MCP writes it. `objects_only`: revisions before 2026-07-28 take only an object as structured content.
    pub fn json(self, objects_only: bool) -> Map<String, Value> {
        let mut result = Map::new();
        result.insert(String::from("content"), Value::Array(self.content));
        if let Some(structured) = self.structured {
            let structured = if objects_only && !structured.is_object() {
                json!({ "result": structured })
            } else {
                structured
            };
            result.insert(String::from("structuredContent"), structured);
        }
        if self.is_error {
            result.insert(String::from("isError"), Value::Bool(true));
        }
        if !self.meta.is_empty() {
            result.insert(String::from("_meta"), Value::Object(self.meta));
        }
        result
    }
}

/// The result of a response. `tool` names it in links to what it returned.
pub fn result(tool: &str, answer: HttpAnswer<'_>) -> ToolResult {
    if !(200..300).contains(&answer.status) {
        return failed(answer);
    }
    if answer.body.is_empty() {
        return ToolResult::plain(vec![text_block("No content")]);
    }
    let kind = essence(answer.content_type.unwrap_or_default());
    if is_json(&kind) || kind.is_empty() {
        if let Ok(value) = serde_json::from_slice::<Value>(answer.body) {
            return structured(value);
        }
        return ToolResult::plain(vec![text_block(&decoded(answer))]);
    }
    match kind.as_str() {
        "application/x-ndjson"
        | "application/jsonl"
        | "application/json-lines"
        | "application/jsonlines" => lines(answer),
        "text/event-stream" => events(answer),
        _ if kind.starts_with("image/") && kind != "image/svg+xml" => {
            media("image", &kind, answer.body)
        }
        _ if kind.starts_with("audio/") => media("audio", &kind, answer.body),
        _ if is_text(&kind) => ToolResult::plain(vec![text_block(&decoded(answer))]),
        _ => ToolResult::plain(vec![json!({
            "type": "resource",
            "resource": {
                "uri": format!("tool://{tool}/result"),
                "mimeType": kind,
                "blob": STANDARD.encode(answer.body),
            }
        })]),
    }
}

/// A value as structured content and, for who does not read that, as text.
fn structured(value: Value) -> ToolResult {
    ToolResult {
        content: vec![text_block(&value.to_string())],
        structured: Some(value),
        is_error: false,
        meta: Map::new(),
    }
}

fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn media(kind: &str, mime: &str, body: &[u8]) -> ToolResult {
    ToolResult::plain(vec![
        json!({"type": kind, "data": STANDARD.encode(body), "mimeType": mime}),
    ])
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.ends_with("+xml")
        || kind.ends_with("+yaml")
        || matches!(
            kind,
            "application/xml"
                | "application/yaml"
                | "application/x-yaml"
                | "application/javascript"
                | "application/graphql"
                | "application/sql"
                | "application/x-www-form-urlencoded"
        )
}

/// Text in the charset that is told: UTF-8, or Latin 1.
fn decoded(answer: HttpAnswer<'_>) -> String {
    let told = answer.content_type.unwrap_or_default().to_ascii_lowercase();
    let latin = told.split("charset=").nth(1).is_some_and(|c| {
        let c = c.trim_matches(|c| c == '"' || c == ' ');
        c.starts_with("iso-8859-1") || c.starts_with("latin1") || c.starts_with("windows-1252")
    });
    if latin {
        answer.body.iter().map(|b| char::from(*b)).collect()
    } else {
        let body = answer
            .body
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(answer.body);
        String::from_utf8_lossy(body).into_owned()
    }
}

/// Lines of JSON as one array; as text when one is not JSON.
fn lines(answer: HttpAnswer<'_>) -> ToolResult {
    let text = decoded(answer);
    let values: Result<Vec<Value>, _> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(serde_json::from_str)
        .collect();
    match values {
        Ok(values) => structured(Value::Array(values)),
        Err(_) => ToolResult::plain(vec![text_block(&text)]),
    }
}

/// The data of an event stream's events: as one array when all is JSON, else as text.
fn events(answer: HttpAnswer<'_>) -> ToolResult {
    let text = decoded(answer).replace("\r\n", "\n").replace('\r', "\n");
    let events: Vec<String> = text
        .split("\n\n")
        .map(|event| {
            let data: Vec<&str> = event
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(|data| data.strip_prefix(' ').unwrap_or(data))
                .collect();
            data.join("\n")
        })
        .filter(|data| !data.is_empty() && data != "[DONE]")
        .collect();
    let values: Result<Vec<Value>, _> = events.iter().map(|e| serde_json::from_str(e)).collect();
    match values {
        Ok(values) if !values.is_empty() => structured(Value::Array(values)),
        _ if events.is_empty() => ToolResult::plain(vec![text_block("No content")]),
        _ => ToolResult::plain(vec![text_block(&events.join("\n"))]),
    }
}

/// What a failure says to the model.
fn failed(answer: HttpAnswer<'_>) -> ToolResult {
    let status = answer.status;
    let mut said = match status {
        401 | 403 | 407 if answer.from_backend => String::from(
            "Upstream authorization failed: the API refused the gateway's credentials. Calling again will not help.",
        ),
        300..=399 => {
            format!("The API answered with a redirect (status {status}), which is not followed.")
        }
        _ => {
            let mut said = format!("The API answered with status {status}");
            if let Some(reason) = http::StatusCode::from_u16(status)
                .ok()
                .and_then(|s| s.canonical_reason())
            {
                said.push_str(&format!(" ({reason})"));
            }
            said.push('.');
            if let Some(details) = details(answer) {
                said.push('\n');
                said.push_str(&details);
            }
            said
        }
    };
    let mut meta = Map::new();
    meta.insert(String::from("tollgate/httpStatus"), json!(status));
    if let Some(after) = answer
        .retry_after
        .map(str::trim)
        .filter(|_| matches!(status, 429 | 500..=599))
    {
        if let Ok(seconds) = after.parse::<u64>() {
            said.push_str(&format!("\nRetry after {seconds} seconds."));
            meta.insert(String::from("tollgate/retryAfterSeconds"), json!(seconds));
        } else if after.len() < 64 && after.is_ascii() {
            said.push_str(&format!("\nRetry after {}.", text::clean(after, 64)));
        }
    }
    ToolResult {
        meta,
        ..ToolResult::error(said)
    }
}

/// The part of an error's body that is meant for who made the call.
fn details(answer: HttpAnswer<'_>) -> Option<String> {
    let kind = essence(answer.content_type.unwrap_or_default());
    let server_fault = answer.status >= 500;
    if is_json(&kind) || kind.is_empty() {
        let value: Value = serde_json::from_slice(answer.body).ok()?;
        // Problem details are written for the caller (RFC 9457), also those of a server's fault.
        let told = if kind == "application/problem+json" {
            pick(&value, &["title", "detail", "errors"])
        } else if server_fault {
            None
        } else {
            Some(value.to_string())
        };
        return told.map(|t| text::clean(&t, LONGEST_ERROR));
    }
    (!server_fault && kind == "text/plain")
        .then(|| text::clean(&decoded(answer), LONGEST_ERROR))
        .filter(|t| !t.is_empty())
}

fn pick(value: &Value, names: &[&str]) -> Option<String> {
    let picked: Map<String, Value> = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), value.get(*name)?.clone())))
        .collect();
    (!picked.is_empty()).then(|| Value::Object(picked).to_string())
}

#[cfg(test)]
mod tests;
