//! Ends of streams in the recorded shapes of each protocol, however the stream is cut into chunks.

use super::*;
use crate::sse::tests::cuts;
use arbtest::arbtest;

/// Events with a `data:` of JSON, whose `event:` is the type.
fn typed(events: &[&str]) -> String {
    let each = events.iter().map(|data| {
        let kind = serde_json::from_str::<Value>(data).unwrap()["type"]
            .as_str()
            .unwrap()
            .to_owned();
        format!("event: {kind}\ndata: {data}\n\n")
    });
    each.collect()
}

fn plain(events: &[&str]) -> String {
    events
        .iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

/// What a caller gets of a stream that may use `most` output tokens, and the filter at its end.
fn run(operation: Operation, stream: &str, most: u64, usage: bool, at: &[usize]) -> (String, Cut) {
    let mut cut = Cut::new(operation, 7, "gpt-4o", usage);
    let mut out = Vec::new();
    let mut from = 0;
    for end in at.iter().copied().chain([stream.len()]) {
        let chunk = Bytes::copy_from_slice(&stream.as_bytes()[from..end]);
        from = end;
        for passed in cut.push(&chunk, |used| used.output <= most) {
            out.extend_from_slice(&passed);
        }
    }
    out.extend_from_slice(&cut.finish().unwrap_or_default());
    if cut.is_cut() {
        out.extend_from_slice(&cut.close());
    }
    (String::from_utf8(out).unwrap(), cut)
}

/// The data of all events.
fn data(stream: &str) -> Vec<String> {
    let lines = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    lines.map(str::to_owned).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const CHAT: [&str; 6] = [
    r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[]}"#,
    r#"{"id":"c1","object":"chat.completion.chunk","created":5,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
    r#"{"id":"c1","object":"chat.completion.chunk","created":5,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}],"usage":null}"#,
    r#"{"id":"c1","object":"chat.completion.chunk","created":5,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}],"usage":null}"#,
    r#"{"id":"c1","object":"chat.completion.chunk","created":5,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#,
    r#"{"id":"c1","object":"chat.completion.chunk","created":5,"model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#,
];

fn chat() -> String {
    plain(&CHAT) + "data: [DONE]\n\n"
}

#[test]
fn what_fits_passes_unchanged() {
    let (out, cut) = run(Operation::ChatCompletions, &chat(), 2, true, &[]);
    assert_eq!(out, chat());
    assert!(!cut.is_cut());
    assert_eq!(
        cut.progress(),
        Progress {
            input: 9,
            output: 2
        }
    );
}

#[test]
fn a_chat_ends_with_length_usage_and_done() {
    let (out, cut) = run(Operation::ChatCompletions, &chat(), 1, true, &[]);
    assert!(cut.is_cut());
    let events = data(&out);
    assert_eq!(events[..3], CHAT[..3]);
    assert_eq!(
        json(&events[3]),
        json(
            r#"{"id":"c1","object":"chat.completion.chunk","created":5,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}],"usage":null}"#
        )
    );
    assert_eq!(
        json(&events[4]),
        json(
            r#"{"id":"c1","object":"chat.completion.chunk","created":5,"model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8}}"#
        )
    );
    assert_eq!(events[5..], ["[DONE]"]);
    let usage = cut.usage();
    assert_eq!(
        (usage.input, usage.output, usage.total, usage.estimated),
        (7, 1, 8, true)
    );
    // Nobody asked for the usage.
    let (out, _) = run(Operation::ChatCompletions, &chat(), 0, false, &[]);
    let events = data(&out);
    assert_eq!(events.len(), 4);
    assert_eq!(json(&events[2])["choices"][0]["finish_reason"], "length");
}

#[test]
fn each_open_choice_is_finished() {
    let stream = plain(&[
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}},{"index":2,"delta":{"content":"c"}}]}"#,
        r#"{"id":"c","choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":" more"}}]}"#,
    ]);
    let (out, _) = run(Operation::ChatCompletions, &stream, 3, false, &[]);
    let last: Vec<_> = data(&out)[2..4]
        .iter()
        .map(|event| json(event)["choices"][0]["index"].as_u64().unwrap())
        .collect();
    assert_eq!(last, [0, 2]);
}

#[test]
fn a_completion_ends_with_a_text() {
    let stream = plain(&[
        r#"{"id":"c","object":"text_completion","model":"m","choices":[{"text":"one","index":0,"finish_reason":null}]}"#,
        r#"{"id":"c","object":"text_completion","model":"m","choices":[{"text":" two","index":0,"finish_reason":null}]}"#,
    ]);
    let (out, _) = run(Operation::Completions, &stream, 1, false, &[]);
    assert_eq!(
        json(&data(&out)[1]),
        json(
            r#"{"id":"c","object":"text_completion","model":"m","choices":[{"index":0,"finish_reason":"length","logprobs":null,"text":""}]}"#
        )
    );
}

const RESPONSES: [&str; 6] = [
    r#"{"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","status":"in_progress","model":"gpt-4.1","output":[],"usage":null}}"#,
    r#"{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"m","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
    r#"{"type":"response.content_part.added","sequence_number":2,"item_id":"m","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
    r#"{"type":"response.output_text.delta","sequence_number":3,"item_id":"m","output_index":0,"content_index":0,"delta":"Hello"}"#,
    r#"{"type":"response.output_text.delta","sequence_number":4,"item_id":"m","output_index":0,"content_index":0,"delta":" there"}"#,
    r#"{"type":"response.output_text.delta","sequence_number":5,"item_id":"m","output_index":0,"content_index":0,"delta":"!"}"#,
];

#[test]
fn responses_end_incomplete_with_what_was_said() {
    let (out, _) = run(Operation::Responses, &typed(&RESPONSES), 2, false, &[]);
    let events: Vec<_> = data(&out).iter().map(|event| json(event)).collect();
    let kinds: Vec<_> = events[5..]
        .iter()
        .map(|event| {
            (
                event["type"].as_str().unwrap(),
                event["sequence_number"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("response.output_text.done", 5),
            ("response.content_part.done", 6),
            ("response.output_item.done", 7),
            ("response.incomplete", 8),
        ]
    );
    assert_eq!(events[5]["text"], "Hello there");
    let response = &events[8]["response"];
    assert_eq!(response["id"], "r");
    assert_eq!(response["status"], "incomplete");
    assert_eq!(
        response["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    assert_eq!(response["output"][0]["content"][0]["text"], "Hello there");
    assert_eq!(response["output"][0]["status"], "incomplete");
    assert_eq!(response["usage"]["total_tokens"], 9);
    assert!(out.contains("event: response.incomplete\n"));
}

#[test]
fn a_call_that_is_open_ends_with_its_arguments_so_far() {
    let stream = typed(&[
        RESPONSES[0],
        r#"{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"f","type":"function_call","status":"in_progress","name":"look","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","sequence_number":2,"item_id":"f","output_index":0,"delta":"{\"at"}"#,
        r#"{"type":"response.function_call_arguments.delta","sequence_number":3,"item_id":"f","output_index":0,"delta":"\":1}"}"#,
    ]);
    let (out, _) = run(Operation::Responses, &stream, 2, false, &[]);
    let events: Vec<_> = data(&out).iter().map(|event| json(event)).collect();
    assert_eq!(events[3]["type"], "response.function_call_arguments.done");
    assert_eq!(events[3]["arguments"], "{\"at");
    assert_eq!(events[5]["response"]["output"][0]["arguments"], "{\"at");
}

const ANTHROPIC: [&str; 5] = [
    r#"{"type":"message_start","message":{"model":"claude","usage":{"input_tokens":25,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" there"}}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
];

#[test]
fn anthropic_messages_end_with_max_tokens() {
    let (out, cut) = run(Operation::Other, &typed(&ANTHROPIC), 1, false, &[]);
    assert_eq!(
        out,
        typed(&ANTHROPIC[..3])
            + &typed(&[
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":1}}"#,
                r#"{"type":"message_stop"}"#,
            ])
    );
    // The prompt is the provider's own count, which it gives first.
    assert_eq!(cut.usage().total, 26);
}

#[test]
fn gemini_ends_with_max_tokens() {
    let stream = plain(&[
        r#"{"candidates":[{"content":{"parts":[{"text":"Hello"}],"role":"model"},"index":0}],"modelVersion":"gemini-2.5-pro","usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1,"thoughtsTokenCount":5,"totalTokenCount":10}}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":" there"}],"role":"model"},"index":0}],"modelVersion":"gemini-2.5-pro"}"#,
    ]);
    let (out, _) = run(Operation::Other, &stream, 6, false, &[]);
    // Reported: six with the thoughts; the next piece is not more than that.
    assert_eq!(out, stream);
    let (out, cut) = run(Operation::Other, &stream, 5, false, &[]);
    assert_eq!(
        json(&data(&out)[0]),
        json(
            r#"{"modelVersion":"gemini-2.5-pro","candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"MAX_TOKENS","index":0}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1,"thoughtsTokenCount":5,"totalTokenCount":10}}"#
        )
    );
    assert_eq!(cut.usage().reasoning, 5);
}

#[test]
fn an_event_too_large_to_be_read_is_counted_by_its_bytes() {
    let head = r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":""#;
    let stream = format!("{head}{}\"}}}}]}}\n\n", "a".repeat(3 << 20));
    let at: Vec<_> = (1..stream.len() >> 16).map(|n| n << 16).collect();
    let (out, cut) = run(Operation::ChatCompletions, &stream, 2 << 20, false, &at);
    assert!(cut.is_cut() && out.len() < (2 << 20) + 1000);
    assert!(out.ends_with("data: [DONE]\n\n"));
    // What was open is ended before what closes the stream.
    assert!(out.contains("a\n\ndata: {"));
}

#[test]
fn where_the_stream_is_cut_changes_nothing() {
    let streams = [
        (Operation::ChatCompletions, chat()),
        (Operation::Responses, typed(&RESPONSES)),
        (Operation::Other, typed(&ANTHROPIC)),
        (Operation::ChatCompletions, chat().replace('\n', "\r\n")),
    ];
    arbtest(|u| {
        let (operation, stream) = u.choose(&streams)?;
        let most = u.int_in_range(0..=3)?;
        let whole = run(*operation, stream, most, true, &[]).0;
        let at = cuts(u, stream.len())?;
        let (out, cut) = run(*operation, stream, most, true, &at);
        assert_eq!(data(&out), data(&whole));
        assert!(cut.progress().output <= most.max(2));
        assert!(!cut.is_cut() || cut.usage().output <= most.max(1));
        Ok(())
    });
}
