//! The Responses API.

use serde_json::{Value, json};

use crate::{get, post, simulator};

const RESPONSES: &str = "/openai/v1/responses";

#[tokio::test]
async fn whole_and_streamed_answers_agree() {
    let simulator = simulator().await;
    let mut body =
        json!({ "model": "gpt-4o-mini", "input": "Count to five.", "instructions": "Be brief." });
    let whole = post(&simulator, RESPONSES, &body).await.json();
    assert_eq!(
        (&whole["object"], &whole["status"]),
        (&json!("response"), &json!("completed"))
    );
    let text = whole["output"][0]["content"][0]["text"].as_str().unwrap();
    assert_eq!(text, "1, 2, 3, 4, 5.");

    body["stream"] = true.into();
    let stream = post(&simulator, RESPONSES, &body).await;
    let names: Vec<String> = stream
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .map(str::to_owned)
        .collect();
    let events = stream.json_events();
    assert_eq!(names.len(), events.len());
    let (first, last) = (names[..4].to_vec(), names[names.len() - 4..].to_vec());
    assert_eq!(
        first,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added"
        ]
    );
    assert_eq!(
        last,
        [
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed"
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
        assert_eq!(event["type"], names[number]);
    }
    let deltas = events
        .iter()
        .filter(|event| event["type"] == "response.output_text.delta");
    assert_eq!(
        deltas
            .filter_map(|event| event["delta"].as_str())
            .collect::<String>(),
        text
    );
    assert_eq!(events.last().unwrap()["response"]["usage"], whole["usage"]);
    let usage = simulator.usage();
    assert_eq!(
        usage.requests[0].completion_tokens,
        usage.requests[1].completion_tokens
    );
    assert_eq!(
        whole["usage"]["output_tokens"],
        usage.requests[1].completion_tokens
    );
}

#[tokio::test]
async fn a_cut_response_is_incomplete() {
    let simulator = simulator().await;
    let body = json!({ "model": "gpt-4o", "input": "Count to 90.", "max_output_tokens": 16, "stream": true });
    let events = post(&simulator, RESPONSES, &body).await.json_events();
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(
        last["response"]["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    assert_eq!(last["response"]["usage"]["output_tokens"], 16);
}

#[tokio::test]
async fn functions_are_called_and_conversations_continue() {
    let simulator = simulator().await;
    let tools = json!([{ "type": "function", "name": "lookup", "parameters": {
        "type": "object", "properties": { "key": { "type": "string" } }, "required": ["key"] } }]);
    let body = json!({ "model": "gpt-4o", "input": "What is the answer?", "tools": tools });
    let first = post(&simulator, RESPONSES, &body).await.json();
    let call = &first["output"][0];
    assert_eq!(call["type"], "function_call");
    assert!(
        serde_json::from_str::<Value>(call["arguments"].as_str().unwrap()).unwrap()["key"]
            .is_string()
    );
    let output = json!([{ "type": "function_call_output", "call_id": call["call_id"], "output": "forty-two" }]);
    let body = json!({ "model": "gpt-4o", "previous_response_id": first["id"], "input": output, "tools": tools });
    let second = post(&simulator, RESPONSES, &body).await.json();
    assert!(
        second["output"][0]["content"][0]["text"]
            .as_str()
            .unwrap()
            .contains("forty-two")
    );
    let id = second["id"].as_str().unwrap();
    let stored = get(&simulator, &format!("{RESPONSES}/{id}")).await;
    assert_eq!(stored.json()["output"], second["output"]);
    let lost = json!({ "model": "gpt-4o", "previous_response_id": "resp_none", "input": "go on" });
    assert_eq!(
        post(&simulator, RESPONSES, &lost).await.json()["error"]["code"],
        "previous_response_not_found"
    );
}
