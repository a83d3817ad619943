//! What the official conformance suite asks of a server: its tools, resources and prompts, by the names and with the
//! answers that its scenarios describe.
//!
//! Source: npm `@modelcontextprotocol/conformance` 0.2.0-alpha.12, the descriptions of its server scenarios.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::Change;
use super::call::{Asked, Call, Done, Stop};
use super::content::{
    PNG, Question, WAV, failed, form, image, resource, result, say, text, tool, user,
};
use super::refusal::Refusal;

/// Between two messages of a call.
const PAUSE: Duration = Duration::from_millis(50);

/// Tools without arguments: name and description.
const PLAIN: [(&str, &str); 24] = [
    ("test_simple_text", "Answers a text"),
    ("test_image_content", "Answers an image"),
    ("test_audio_content", "Answers a sound"),
    ("test_embedded_resource", "Answers a resource"),
    (
        "test_multiple_content_types",
        "Answers content of three types",
    ),
    ("test_tool_with_logging", "Logs three times"),
    ("test_logging_tool", "Logs three times"),
    (
        "test_tool_with_progress",
        "Reports its progress in three steps",
    ),
    ("test_error_handling", "Fails"),
    (
        "test_reconnection",
        "Ends its connection in the middle of the call",
    ),
    (
        "test_elicitation_sep1034_defaults",
        "Asks with a default for every type",
    ),
    (
        "test_elicitation_sep1330_enums",
        "Asks with every form of a choice",
    ),
    ("test_input_required_result_elicitation", "Asks for a name"),
    (
        "test_input_required_result_sampling",
        "Asks the client's model",
    ),
    (
        "test_input_required_result_list_roots",
        "Asks for the client's roots",
    ),
    (
        "test_input_required_result_request_state",
        "Gives a state and wants it back",
    ),
    (
        "test_input_required_result_multiple_inputs",
        "Asks three questions at one time",
    ),
    (
        "test_input_required_result_multi_round",
        "Asks a second question after the first",
    ),
    (
        "test_input_required_result_tampered_state",
        "Gives a state and refuses another",
    ),
    (
        "test_input_required_result_capabilities",
        "Asks only for what the client can",
    ),
    ("test_streaming_elicitation", "Reports progress, then asks"),
    (
        "test_missing_capability",
        "Cannot work for a client without sampling",
    ),
    (
        "test_trigger_tool_change",
        "Says that the tools have changed",
    ),
    (
        "test_trigger_prompt_change",
        "Says that the prompts have changed",
    ),
];

/// Its tools.
pub(super) fn tools() -> Vec<Value> {
    let mut tools: Vec<Value> = PLAIN
        .iter()
        .map(|(name, description)| tool(name, description, json!({}), &[]))
        .collect();
    let string = json!({ "type": "string" });
    tools.push(tool(
        "test_sampling",
        "Asks the client's model",
        json!({ "prompt": string }),
        &["prompt"],
    ));
    tools.push(tool(
        "test_elicitation",
        "Asks the user",
        json!({ "message": string }),
        &["message"],
    ));
    tools.push(tool(
        "test_custom_headers",
        "Has arguments that the client repeats in headers",
        json!({
            "region": { "type": "string", "x-mcp-header": "Region" },
            "priority": { "type": "integer", "x-mcp-header": "Priority" },
            "verbose": { "type": "boolean", "x-mcp-header": "Verbose" }
        }),
        &[],
    ));
    tools.push(json!({
        "name": "json_schema_2020_12_tool",
        "description": "Has a schema with much of JSON Schema 2020-12",
        "inputSchema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": { "address": {
                "$anchor": "addressDef", "type": "object",
                "properties": { "street": string, "city": string }
            } },
            "properties": {
                "name": string, "address": { "$ref": "#/$defs/address" },
                "contactMethod": { "type": "string", "enum": ["phone", "email"] },
                "phone": string, "email": string
            },
            "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
            "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
            "then": { "required": ["phone"] },
            "else": { "required": ["email"] },
            "additionalProperties": false
        }
    }));
    tools
}

/// Runs a tool.
pub(super) async fn call(call: &Call, name: &str) -> Done {
    Ok(match name {
        "test_simple_text" => say("This is a simple text response for testing."),
        "test_image_content" => result(vec![image()]),
        "test_audio_content" => result(vec![
            json!({ "type": "audio", "data": WAV, "mimeType": "audio/wav" }),
        ]),
        "test_embedded_resource" => result(vec![resource(
            "test://embedded-resource",
            "text/plain",
            "This is an embedded resource content.",
        )]),
        "test_multiple_content_types" => result(vec![
            text("Multiple content types test:"),
            image(),
            resource(
                "test://mixed-content-resource",
                "application/json",
                r#"{"test":"data","value":123}"#,
            ),
        ]),
        "test_tool_with_logging" | "test_logging_tool" => {
            for words in [
                "Tool execution started",
                "Tool processing data",
                "Tool execution completed",
            ] {
                call.log("info", words).await;
                sleep(PAUSE).await;
            }
            say("Tool with logging executed successfully")
        }
        "test_tool_with_progress" => {
            for step in [0, 50, 100] {
                call.progress(step, 100, &format!("{step} of 100")).await;
                sleep(PAUSE).await;
            }
            say("Tool with progress executed successfully")
        }
        "test_error_handling" => failed("This tool intentionally returns an error for testing"),
        "test_reconnection" => {
            // The client has seen an id before its connection ends.
            sleep(PAUSE).await;
            call.detach();
            sleep(4 * PAUSE).await;
            say("Reconnection test completed")
        }
        "test_sampling" => {
            let question = Question::sample(call.text("prompt"), 100);
            let answer = call.ask("sample", question).await?;
            let words = answer["content"]["text"].as_str().unwrap_or_default();
            say(&format!("LLM response: {words}"))
        }
        "test_elicitation" => {
            let properties = json!({
                "username": { "type": "string", "description": "User's response" },
                "email": { "type": "string", "description": "User's email address" }
            });
            let question = Question::form(call.text("message"), properties, &["username", "email"]);
            told("User response", &call.ask("response", question).await?)
        }
        "test_elicitation_sep1034_defaults" => {
            let question = Question::form("Who are you?", defaults(), &[]);
            told("Elicitation completed", &call.ask("who", question).await?)
        }
        "test_elicitation_sep1330_enums" => {
            let question = Question::form("Which?", choices(), &[]);
            told("Elicitation completed", &call.ask("which", question).await?)
        }
        "test_streaming_elicitation" => {
            call.progress(1, 2, "half").await;
            greeting(call).await?
        }
        "test_missing_capability" if !call.has("sampling") => {
            return Err(Refusal::capability("sampling").into());
        }
        "test_missing_capability" => say("The client can sample."),
        "test_trigger_tool_change" => {
            call.announce(&Change::Tools);
            say("told")
        }
        "test_trigger_prompt_change" => {
            call.announce(&Change::Prompts);
            say("told")
        }
        "test_custom_headers" | "json_schema_2020_12_tool" => {
            say(&call.params["arguments"].to_string())
        }
        other => rounds(call, other).await?,
    })
}

/// The tools that ask in their results.
async fn rounds(call: &Call, name: &str) -> Done {
    let answer_of = |answer: &Value, field: &str| {
        answer["content"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    match name {
        "test_input_required_result_elicitation" => greeting(call).await,
        "test_input_required_result_sampling" => {
            let question = Question::sample("What is the capital of France?", 100);
            let answer = call.ask("capital_question", question).await?;
            Ok(say(&format!(
                "The model says: {}",
                answer_of(&answer, "text")
            )))
        }
        "test_input_required_result_list_roots" => {
            let answer = call.ask("client_roots", Question::roots()).await?;
            let roots = answer["roots"].as_array().into_iter().flatten();
            let roots: Vec<_> = roots.filter_map(|root| root["uri"].as_str()).collect();
            Ok(say(&format!("Roots: {}", roots.join(", "))))
        }
        "test_input_required_result_request_state"
        | "test_input_required_result_tampered_state" => {
            let question = form("Please confirm", "ok", "boolean");
            call.ask_all(&[("confirm", question.clone())], Some(json!("asked")))
                .await?;
            if call.brought().is_none_or(|state| state != "asked") {
                // Answers without the state: as if it had not been asked yet.
                let requests =
                    json!({ "confirm": { "method": question.method, "params": question.params } });
                let requests = requests.as_object().cloned().unwrap_or_default();
                return Err(Stop::Asks(Box::new(Asked {
                    requests,
                    state: Some(json!("asked")),
                })));
            }
            Ok(say("state-ok"))
        }
        "test_input_required_result_multiple_inputs" => {
            let questions = [
                ("user_name", form("What is your name?", "name", "string")),
                ("greeting", Question::sample("Generate a greeting", 50)),
                ("client_roots", Question::roots()),
            ];
            let answers = call.ask_all(&questions, Some(json!("asked"))).await?;
            let words = answer_of(&answers[1], "text");
            Ok(say(&format!("{words}, {}", answer_of(&answers[0], "name"))))
        }
        "test_input_required_result_multi_round" => {
            let first = match call.brought().and_then(|state| state["name"].as_str()) {
                Some(name) => name.to_owned(),
                None => {
                    let question = form("Step 1: What is your name?", "name", "string");
                    let state = Some(json!({ "step": 1 }));
                    let answers = call.ask_all(&[("step1", question)], state).await?;
                    answer_of(&answers[0], "name")
                }
            };
            let question = form("Step 2: What is your favorite color?", "color", "string");
            let state = Some(json!({ "step": 2, "name": first }));
            let answers = call.ask_all(&[("step2", question)], state).await?;
            Ok(say(&format!(
                "{first} likes {}",
                answer_of(&answers[0], "color")
            )))
        }
        _ => {
            let questions: Vec<_> = [
                ("user_name", form("What is your name?", "name", "string")),
                ("greeting", Question::sample("Generate a greeting", 50)),
                ("client_roots", Question::roots()),
            ]
            .into_iter()
            .filter(|(_, question)| call.has(question.capability()))
            .collect();
            call.ask_all(&questions, None).await?;
            Ok(say("nothing more to ask"))
        }
    }
}

async fn greeting(call: &Call) -> Done {
    let question = form("What is your name?", "name", "string");
    let answer = call.ask("user_name", question).await?;
    let name = answer["content"]["name"].as_str().unwrap_or("nobody");
    Ok(say(&format!("Hello, {name}!")))
}

fn told(what: &str, answer: &Value) -> Value {
    let action = answer["action"].as_str().unwrap_or_default();
    let content = answer.get("content").cloned().unwrap_or_else(|| json!({}));
    say(&format!("{what}: action={action}, content={content}"))
}

fn defaults() -> Value {
    json!({
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true }
    })
}

fn choices() -> Value {
    let plain = ["option1", "option2", "option3"];
    let titled = json!([
        { "const": "value1", "title": "First Option" },
        { "const": "value2", "title": "Second Option" }
    ]);
    json!({
        "untitledSingle": { "type": "string", "enum": plain },
        "titledSingle": { "type": "string", "oneOf": titled },
        "legacyEnum": { "type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"] },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": plain } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled } }
    })
}

/// Its resources.
pub(super) fn resources() -> Vec<Value> {
    [
        ("static-text", "text/plain", "A text"),
        ("static-binary", "image/png", "An image"),
        ("watched-resource", "text/plain", "Can be subscribed to"),
    ]
    .into_iter()
    .map(|(name, mime_type, description)| {
        json!({ "uri": format!("test://{name}"), "name": name, "description": description, "mimeType": mime_type })
    })
    .collect()
}

/// Its resource templates.
pub(super) fn templates() -> Vec<Value> {
    vec![json!({
        "uriTemplate": "test://template/{id}/data", "name": "data",
        "description": "Data by its id", "mimeType": "application/json"
    })]
}

/// Reads a resource.
pub(super) fn read(uri: &str) -> Option<Value> {
    Some(match uri {
        "test://static-text" => {
            let text = "This is the content of the static text resource.";
            json!({ "uri": uri, "mimeType": "text/plain", "text": text })
        }
        "test://static-binary" => json!({ "uri": uri, "mimeType": "image/png", "blob": PNG }),
        "test://watched-resource" => {
            json!({ "uri": uri, "mimeType": "text/plain", "text": "Watched resource content" })
        }
        _ => {
            let id = uri
                .strip_prefix("test://template/")?
                .strip_suffix("/data")?;
            let data =
                json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            json!({ "uri": uri, "mimeType": "application/json", "text": data.to_string() })
        }
    })
}

/// Its prompts.
pub(super) fn prompts() -> Vec<Value> {
    let argument = |name: &str| json!({ "name": name, "description": name, "required": true });
    vec![
        json!({ "name": "test_simple_prompt", "description": "Without arguments" }),
        json!({
            "name": "test_prompt_with_arguments", "description": "With arguments",
            "arguments": [argument("arg1"), argument("arg2")]
        }),
        json!({
            "name": "test_prompt_with_embedded_resource", "description": "With a resource",
            "arguments": [argument("resourceUri")]
        }),
        json!({ "name": "test_prompt_with_image", "description": "With an image" }),
        json!({ "name": "test_input_required_result_prompt", "description": "Asks for its context" }),
    ]
}

/// Makes a prompt; `None` when there is none of this name.
pub(super) async fn prompt(call: &Call) -> Option<Done> {
    let words = |words: &str| user(&text(words));
    let messages = match call.params["name"].as_str()? {
        "test_simple_prompt" => vec![words("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (first, second) = (call.text("arg1"), call.text("arg2"));
            vec![words(&format!(
                "Prompt with arguments: arg1='{first}', arg2='{second}'"
            ))]
        }
        "test_prompt_with_embedded_resource" => vec![
            user(&resource(
                call.text("resourceUri"),
                "text/plain",
                "Embedded resource content for testing.",
            )),
            words("Please process the embedded resource above."),
        ],
        "test_prompt_with_image" => {
            vec![user(&image()), words("Please analyze the image above.")]
        }
        "test_input_required_result_prompt" => {
            let question = form("What context should the prompt use?", "context", "string");
            let answer = match call.ask("user_context", question).await {
                Ok(answer) => answer,
                Err(stop) => return Some(Err(stop)),
            };
            let context = answer["content"]["context"].as_str().unwrap_or_default();
            vec![words(&format!("In the context of {context}"))]
        }
        _ => return None,
    };
    Some(Ok(json!({ "messages": messages })))
}
