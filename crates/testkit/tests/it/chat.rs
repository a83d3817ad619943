//! Chat and legacy completions: shapes, determinism, limits on the answer, tools, formats.

use serde_json::{Value, json};

use crate::{CHAT, get, post, question, simulator};

/// The text that a stream's deltas spell.
fn spelled(events: &[Value]) -> String {
    events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect()
}

#[tokio::test]
async fn whole_answer_has_azures_shape_and_true_counts() {
    let simulator = simulator().await;
    let answer = post(&simulator, CHAT, &question("Say hello.", json!({}))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    for name in [
        "x-request-id",
        "apim-request-id",
        "x-ms-region",
        "azureml-model-session",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-limit-tokens",
    ] {
        assert!(!answer.header(name).is_empty(), "{name}");
    }
    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "gpt-4o-mini-2024-07-18");
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(
        body["choices"][0]["content_filter_results"]["hate"]["severity"],
        "safe"
    );
    assert_eq!(body["prompt_filter_results"][0]["prompt_index"], 0);
    // "Say hello." is 3 tokens of o200k; role 1, message 3, reply 3.
    assert_eq!(body["usage"]["prompt_tokens"], 10);
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    let tokens = bpe_openai::o200k_base().count(text) as u64;
    assert_eq!(body["usage"]["completion_tokens"], tokens);
    assert_eq!(body["usage"]["total_tokens"], 10 + tokens);
}

#[tokio::test]
async fn stream_spells_the_whole_answer_chunk_by_chunk() {
    let simulator = simulator().await;
    let prompt = "How does App Service scale an MCP server?";
    let whole = post(&simulator, CHAT, &question(prompt, json!({})))
        .await
        .json();
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap();

    let stream = post(
        &simulator,
        CHAT,
        &question(prompt, json!({ "stream": true })),
    )
    .await;
    assert_eq!(
        stream.header("content-type"),
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(stream.events().last().unwrap(), "[DONE]");
    let events = stream.json_events();
    assert_eq!(events[0]["choices"], json!([]));
    assert!(events[0]["prompt_filter_results"].is_array());
    assert_eq!(events[1]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(
        events.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
    assert_eq!(spelled(&events), text);
    assert_eq!(
        events.len() as u64,
        whole["usage"]["completion_tokens"].as_u64().unwrap() + 3
    );
    assert!(
        events.iter().all(|event| event.get("usage").is_none()),
        "usage was not asked for"
    );
}

#[tokio::test]
async fn include_usage_adds_null_everywhere_and_numbers_last() {
    let simulator = simulator().await;
    let body = question(
        "Count to five.",
        json!({ "stream": true, "stream_options": { "include_usage": true } }),
    );
    let events = post(&simulator, CHAT, &body).await.json_events();
    let (last, others) = events.split_last().unwrap();
    assert!(
        others
            .iter()
            .all(|event| event.get("usage") == Some(&Value::Null))
    );
    assert_eq!(last["choices"], json!([]));
    let usage = &simulator.usage().requests[0];
    assert_eq!(last["usage"]["prompt_tokens"], usage.prompt_tokens);
    assert_eq!(last["usage"]["completion_tokens"], usage.completion_tokens);
    assert_eq!(last["usage"]["total_tokens"], usage.total_tokens);
}

#[tokio::test]
async fn limits_choices_and_stops_are_kept() {
    let simulator = simulator().await;
    for field in ["max_tokens", "max_completion_tokens"] {
        let body = post(
            &simulator,
            CHAT,
            &question("Count to 100.", json!({ field: 7 })),
        )
        .await
        .json();
        assert_eq!(body["choices"][0]["finish_reason"], "length");
        assert_eq!(body["usage"]["completion_tokens"], 7);
    }
    let body = post(
        &simulator,
        CHAT,
        &question("Explain bridges", json!({ "n": 3 })),
    )
    .await
    .json();
    assert_eq!(body["choices"].as_array().unwrap().len(), 3);
    assert_eq!(body["choices"][2]["index"], 2);
    let body = post(
        &simulator,
        CHAT,
        &question("Count to 100.", json!({ "stop": ["9,"] })),
    )
    .await
    .json();
    assert_eq!(
        body["choices"][0]["message"]["content"],
        "1, 2, 3, 4, 5, 6, 7, 8, "
    );
}

#[tokio::test]
async fn tools_are_called_and_the_loop_ends() {
    let simulator = simulator().await;
    let tools = json!([{ "type": "function", "function": { "name": "weather", "description": "Tells the weather",
        "parameters": { "type": "object", "required": ["city", "days"],
                        "properties": { "city": { "type": "string" }, "days": { "type": "integer", "minimum": 2 } } } } }]);
    let ask = question("Will it rain in Oslo?", json!({ "tools": tools }));
    let body = post(&simulator, CHAT, &ask).await.json();
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    let message = body["choices"][0]["message"].clone();
    let call = &message["tool_calls"][0];
    let arguments: Value =
        serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["city"].is_string());
    assert_eq!(arguments["days"], 2);

    let mut streaming = ask.clone();
    streaming["stream"] = true.into();
    let events = post(&simulator, CHAT, &streaming).await.json_events();
    let deltas = || {
        events
            .iter()
            .map(|event| &event["choices"][0]["delta"]["tool_calls"][0])
    };
    let streamed: String = deltas()
        .filter_map(|delta| delta["function"]["arguments"].as_str())
        .collect();
    assert_eq!(streamed, call["function"]["arguments"].as_str().unwrap());
    assert_eq!(
        deltas()
            .filter_map(|delta| delta["id"].as_str())
            .collect::<Vec<_>>(),
        [call["id"].as_str().unwrap()]
    );

    let mut next = ask;
    let result = json!({ "role": "tool", "tool_call_id": call["id"], "content": "rain all day" });
    next["messages"]
        .as_array_mut()
        .unwrap()
        .extend([message, result]);
    let body = post(&simulator, CHAT, &next).await.json();
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert!(
        body["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .contains("rain all day")
    );
}

#[tokio::test]
async fn response_formats_give_json() {
    let simulator = simulator().await;
    let schema = json!({ "type": "object", "properties": { "title": { "type": "string" }, "score": { "type": "number" } },
                         "required": ["title", "score"], "additionalProperties": false });
    let format =
        json!({ "type": "json_schema", "json_schema": { "name": "review", "schema": schema } });
    let body = post(
        &simulator,
        CHAT,
        &question("Review the book", json!({ "response_format": format })),
    )
    .await
    .json();
    let value: Value =
        serde_json::from_str(body["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert!(value["title"].is_string() && value["score"].is_number());

    let format = json!({ "response_format": { "type": "json_object" } });
    let body = post(
        &simulator,
        CHAT,
        &question("Answer in JSON: why?", format.clone()),
    )
    .await
    .json();
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(text).unwrap().is_object());
    let refused = post(&simulator, CHAT, &question("Why?", format)).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"]["param"], "messages");
}

#[tokio::test]
async fn refusals_have_the_services_bodies() {
    let simulator = simulator().await;
    let refused = post(&simulator, CHAT, &json!({})).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]["param"]),
        (400, &json!("messages"))
    );
    let path = "/openai/deployments/nothing/chat/completions?api-version=2024-10-21";
    let refused = post(&simulator, path, &question("hi", json!({}))).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]["code"]),
        (404, &json!("DeploymentNotFound"))
    );
    let path = "/openai/deployments/gpt-4o-mini/chat/completions";
    let refused = post(&simulator, path, &question("hi", json!({}))).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]["code"]),
        (404, &json!("404"))
    );
    let path = "/openai/deployments/text-embedding-3-small/chat/completions?api-version=2024-10-21";
    let refused = post(&simulator, path, &question("hi", json!({}))).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]["code"]),
        (400, &json!("OperationNotSupported"))
    );
    let mut request = crate::keyed(tollgate_testkit::client::post_json(CHAT, &json!({})));
    *request.body_mut() = "{not json".into();
    let refused = tollgate_testkit::client::fetch(simulator.addr(), request)
        .await
        .unwrap();
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]["type"]),
        (400, &json!("invalid_request_error"))
    );
    assert_eq!(
        simulator.usage().totals.requests,
        0,
        "refusals are not billed"
    );
}

#[tokio::test]
async fn the_v1_surfaces_name_the_deployment_in_the_body() {
    let simulator = simulator().await;
    let body = question("Say hello.", json!({ "model": "gpt-4o" }));
    let azure = post(&simulator, "/openai/v1/chat/completions", &body)
        .await
        .json();
    assert!(azure.get("prompt_filter_results").is_some());
    let request = tollgate_testkit::client::post_json("/v1/chat/completions", &body);
    let request = tollgate_testkit::client::with_bearer(request, "sk-any");
    let openai = tollgate_testkit::client::fetch(simulator.addr(), request)
        .await
        .unwrap()
        .json();
    assert!(openai.get("prompt_filter_results").is_none());
    assert_eq!(
        openai["choices"][0]["message"],
        azure["choices"][0]["message"]
    );
    let models = get(&simulator, "/openai/v1/models").await.json();
    assert!(
        models["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|model| model["id"] == "gpt-4o")
    );
}

#[tokio::test]
async fn legacy_completions_answer_whole_and_streamed() {
    let simulator = simulator().await;
    let path = "/openai/deployments/gpt-35-turbo-instruct/completions?api-version=2024-10-21";
    let whole = post(
        &simulator,
        path,
        &json!({ "prompt": ["Count to 20.", "Say hello."], "max_tokens": 30 }),
    )
    .await
    .json();
    assert_eq!(whole["object"], "text_completion");
    assert_eq!(whole["choices"].as_array().unwrap().len(), 2);
    let first = whole["choices"][0]["text"].as_str().unwrap();
    assert!(first.starts_with("1, 2, 3"));
    let body = json!({ "prompt": "Count to 20.", "max_tokens": 30, "stream": true });
    let events = post(&simulator, path, &body).await.json_events();
    let text: String = events
        .iter()
        .filter_map(|event| event["choices"][0]["text"].as_str())
        .collect();
    assert_eq!(text, first);
    assert_eq!(
        events.last().unwrap()["choices"][0]["finish_reason"],
        "length"
    );
}

#[tokio::test]
async fn the_gateways_exact_estimates_are_what_is_billed() {
    use tollgate_llm::{Operation, Peek, tokens};

    let simulator = simulator().await;
    let chat = json!({ "model": "gpt-4o", "messages": [
        { "role": "system", "content": "Answer in one sentence." },
        { "role": "user", "name": "anna", "content": "Größe: how does App Service scale an MCP server? 😀" },
        { "role": "assistant", "content": "It adds instances." },
        { "role": "user", "content": [{ "type": "text", "text": "And then?" }] }
    ] });
    let calls = [
        (
            "/openai/v1/chat/completions",
            Operation::ChatCompletions,
            chat,
        ),
        (
            "/openai/v1/responses",
            Operation::Responses,
            json!({ "model": "gpt-4o", "instructions": "Be brief.", "input": "Why?" }),
        ),
        (
            "/openai/v1/embeddings",
            Operation::Embeddings,
            json!({ "model": "text-embedding-3-small", "input": ["one two", "three"] }),
        ),
        (
            "/openai/v1/completions",
            Operation::Completions,
            json!({ "model": "gpt-35-turbo-instruct", "prompt": "Once upon a time" }),
        ),
    ];
    for (path, operation, body) in calls {
        simulator.reset_usage();
        assert_eq!(post(&simulator, path, &body).await.status, 200);
        let bytes = body.to_string();
        let estimate =
            tokens::estimate_prompt(operation, &Peek::new(bytes.as_bytes()).unwrap(), None);
        assert!(estimate.exact, "{path}");
        assert_eq!(
            estimate.tokens,
            u64::from(simulator.usage().requests[0].prompt_tokens),
            "{path}"
        );
    }
}
