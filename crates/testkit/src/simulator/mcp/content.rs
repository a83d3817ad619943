//! The shapes that tools, prompts and questions are made of.

use serde_json::{Value, json};

/// A PNG of one pixel.
pub(super) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// A WAV without a sample.
pub(super) const WAV: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

/// A content block of text.
pub(super) fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// A content block with the PNG.
pub(super) fn image() -> Value {
    json!({ "type": "image", "data": PNG, "mimeType": "image/png" })
}

/// A content block with a resource.
pub(super) fn resource(uri: &str, mime_type: &str, text: &str) -> Value {
    json!({ "type": "resource", "resource": { "uri": uri, "mimeType": mime_type, "text": text } })
}

/// A tool's result.
pub(super) fn result(content: Vec<Value>) -> Value {
    json!({ "content": content, "isError": false })
}

/// A tool's result of one text.
pub(super) fn say(words: &str) -> Value {
    result(vec![text(words)])
}

/// A tool's own failure, which a model may read.
pub(super) fn failed(why: &str) -> Value {
    json!({ "content": [text(why)], "isError": true })
}

/// A prompt's message.
pub(super) fn user(content: &Value) -> Value {
    json!({ "role": "user", "content": content })
}

/// A tool as it stands in a list.
pub(super) fn tool(name: &str, description: &str, properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    json!({ "name": name, "description": description, "inputSchema": schema })
}

/// A question to the user with a form of one field.
pub(super) fn form(message: &str, field: &str, kind: &str) -> Question {
    Question::form(message, json!({ field: { "type": kind } }), &[field])
}

/// What a server may ask a client.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: &'static str,
    pub(super) params: Value,
}

impl Question {
    /// Asks the user to fill in a form.
    pub(super) fn form(message: &str, properties: Value, required: &[&str]) -> Self {
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        Self {
            method: "elicitation/create",
            params: json!({ "message": message, "requestedSchema": schema }),
        }
    }

    /// Asks the client's model.
    pub(super) fn sample(prompt: &str, max_tokens: u32) -> Self {
        Self {
            method: "sampling/createMessage",
            params: json!({ "messages": [user(&text(prompt))], "maxTokens": max_tokens }),
        }
    }

    /// Asks for the client's roots.
    pub(super) fn roots() -> Self {
        Self {
            method: "roots/list",
            params: json!({}),
        }
    }

    /// The capability that a client must have declared.
    pub(super) fn capability(&self) -> &'static str {
        match self.method {
            "elicitation/create" => "elicitation",
            "sampling/createMessage" => "sampling",
            _ => "roots",
        }
    }

    /// Whether a client's answer has the shape that the question wants.
    pub(super) fn is_answered_by(&self, answer: &Value) -> bool {
        match self.method {
            "elicitation/create" => {
                let required = self.params["requestedSchema"]["required"].as_array();
                match answer["action"].as_str() {
                    Some("accept") => required.into_iter().flatten().all(|name| {
                        let name = name.as_str().unwrap_or_default();
                        answer["content"].get(name).is_some()
                    }),
                    Some("decline" | "cancel") => true,
                    _ => false,
                }
            }
            "sampling/createMessage" => answer["content"]["text"].is_string(),
            _ => answer["roots"].is_array(),
        }
    }
}
