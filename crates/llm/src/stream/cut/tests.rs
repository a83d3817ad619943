//! Ends of streams in the recorded shapes of each protocol, however the stream is cut into chunks.

use super::*;
use crate::eventstream::tests::frame;
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
    let cut = Cut::new(operation, 7, "gpt-4o", usage);
    let (out, cut) = pass(cut, stream.as_bytes(), most, at);
    (String::from_utf8(out).unwrap(), cut)
}

fn stopped() -> Stopped {
    Stopped {
        message: "Budget `team` is used up.".into(),
        rate: false,
    }
}

fn pass(mut cut: Cut, stream: &[u8], most: u64, at: &[usize]) -> (Vec<u8>, Cut) {
    let mut out = Vec::new();
    let mut from = 0;
    for end in at.iter().copied().chain([stream.len()]) {
        let chunk = Bytes::copy_from_slice(&stream[from..end]);
        from = end;
        for passed in cut.push(&chunk, |used| used.output <= most) {
            out.extend_from_slice(&passed);
        }
    }
    out.extend_from_slice(&cut.finish().unwrap_or_default());
    if cut.is_cut() {
        out.extend_from_slice(&cut.close(&stopped()));
    }
    (out, cut)
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
    assert_eq!(
        json(&events[5]),
        json(
            r#"{"error":{"message":"Budget `team` is used up.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#
        )
    );
    assert_eq!(events[6..], ["[DONE]"]);
    let usage = cut.usage();
    assert_eq!(
        (usage.input, usage.output, usage.total, usage.estimated),
        (7, 1, 8, true)
    );
    // Nobody asked for the usage.
    let (out, _) = run(Operation::ChatCompletions, &chat(), 0, false, &[]);
    let events = data(&out);
    assert_eq!(events.len(), 5);
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
            ("error", 9),
        ]
    );
    assert_eq!(events[9]["code"], "insufficient_quota");
    assert_eq!(events[9]["message"], "Budget `team` is used up.");
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
                r#"{"type":"error","error":{"type":"billing_error","message":"Budget `team` is used up."}}"#,
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
    assert_eq!(
        json(&data(&out)[1]),
        json(
            r#"{"error":{"code":429,"message":"Budget `team` is used up.","status":"RESOURCE_EXHAUSTED"}}"#
        )
    );
    assert_eq!(cut.usage().reasoning, 5);
}

/// Gemini without `alt=sse`: one JSON array, as it comes.
const ARRAY: &str = "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}],\"role\":\"model\"},\"index\":0}],\"modelVersion\":\"gemini-2.5-pro\"}\n,\r\n{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" \\\"]}\"}],\"role\":\"model\"},\"index\":0}]}\n,\r\n{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" there\"}],\"role\":\"model\"},\"index\":0,\"finishReason\":\"STOP\"}]}\n]";

fn array(most: u64, at: &[usize]) -> (String, Cut) {
    let cut = Cut::new(Operation::Other, 7, "gemini-2.5-pro", false).array();
    let (out, cut) = pass(cut, ARRAY.as_bytes(), most, at);
    (String::from_utf8(out).unwrap(), cut)
}

#[test]
fn an_array_ends_as_an_array() {
    assert_eq!(array(100, &[]).0, ARRAY);
    for (most, elements) in [(0, 0), (1, 1), (3, 2)] {
        let (out, cut) = array(most, &[]);
        assert!(cut.is_cut());
        let whole: Vec<Value> = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
        let sent: Vec<Value> = serde_json::from_str(ARRAY).unwrap();
        assert_eq!(whole[..elements], sent[..elements]);
        let end = &whole[elements];
        assert_eq!(end["candidates"][0]["finishReason"], "MAX_TOKENS");
        assert_eq!(
            end["usageMetadata"]["candidatesTokenCount"],
            cut.usage().output
        );
        assert_eq!(end["modelVersion"], "gemini-2.5-pro");
        assert_eq!(whole[elements + 1]["error"]["status"], "RESOURCE_EXHAUSTED");
        assert_eq!(whole.len(), elements + 2);
    }
    arbtest(|u| {
        let most = u.int_in_range(0..=4)?;
        let at = cuts(u, ARRAY.len())?;
        assert_eq!(array(most, &at).0, array(most, &[]).0);
        Ok(())
    });
}

/// Frames of `ConverseStream`; the second text block begins with its first delta.
fn converse() -> Vec<u8> {
    let events = [
        ("messageStart", r#"{"role":"assistant"}"#),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello"}}"#,
        ),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        (
            "contentBlockStart",
            r#"{"contentBlockIndex":1,"start":{"toolUse":{"name":"look","toolUseId":"t"}}}"#,
        ),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"there"}}}"#,
        ),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":" again"}}}"#,
        ),
        ("messageStop", r#"{"stopReason":"tool_use"}"#),
    ];
    let frames = events.map(|(name, payload)| frame(name, payload.as_bytes()));
    frames.concat()
}

/// Of each frame: what kind it is, and its event.
fn frames(stream: &[u8]) -> Vec<(String, Value)> {
    let (mut splitter, mut found) = (eventstream::Splitter::default(), Vec::new());
    splitter.look(stream, |frame| {
        let name = frame
            .header(":event-type")
            .or(frame.header(":exception-type"));
        let name = String::from_utf8(name.unwrap().to_vec()).unwrap();
        found.push((
            name,
            serde_json::from_slice(&frame.event().unwrap()).unwrap(),
        ));
    });
    assert!(splitter.is_between());
    found
}

#[test]
fn frames_end_with_max_tokens_and_an_exception() {
    let cut = || Cut::new(Operation::Other, 7, "amazon.nova-pro-v1:0", false).frames();
    let (out, ended) = pass(cut(), &converse(), 2, &[]);
    assert!(ended.is_cut());
    let events = frames(&out);
    let end = [
        ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
        ("messageStop", r#"{"stopReason":"max_tokens"}"#),
        (
            "metadata",
            r#"{"usage":{"inputTokens":7,"outputTokens":2,"totalTokens":9}}"#,
        ),
        (
            "throttlingException",
            r#"{"message":"Budget `team` is used up."}"#,
        ),
    ];
    assert_eq!(events[..5], frames(&converse())[..5]);
    assert_eq!(
        events[5..],
        end.map(|(name, event)| (name.to_owned(), json(event)))
    );
    arbtest(|u| {
        let most = u.int_in_range(0..=4)?;
        let at = cuts(u, converse().len())?;
        assert_eq!(
            pass(cut(), &converse(), most, &at).0,
            pass(cut(), &converse(), most, &[]).0
        );
        Ok(())
    });
}

#[test]
fn frames_with_a_models_own_events_end_as_it_does() {
    use base64::Engine as _;
    let cut = || Cut::new(Operation::Other, 7, "anthropic.claude", false).frames();
    let chunk = |event: &&str| {
        let bytes = base64::engine::general_purpose::STANDARD.encode(event);
        frame("chunk", format!(r#"{{"bytes":"{bytes}"}}"#).as_bytes())
    };
    let stream = ANTHROPIC.iter().map(chunk).collect::<Vec<_>>().concat();
    let (out, _) = pass(cut(), &stream, 1, &[]);
    let events = frames(&out);
    let kinds: Vec<_> = events[3..]
        .iter()
        .map(|(name, event)| (&**name, event["type"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("chunk", "content_block_stop"),
            ("chunk", "message_delta"),
            ("chunk", "message_stop"),
            ("throttlingException", ""),
        ]
    );
    let nova = [
        r#"{"messageStart":{"role":"assistant"}}"#,
        r#"{"contentBlockDelta":{"delta":{"text":"Hello"},"contentBlockIndex":0}}"#,
        r#"{"contentBlockDelta":{"delta":{"text":" there"},"contentBlockIndex":0}}"#,
    ];
    let stream = nova.iter().map(chunk).collect::<Vec<_>>().concat();
    let events = frames(&pass(cut(), &stream, 1, &[]).0);
    assert_eq!(
        events[2].1,
        json(r#"{"contentBlockStop":{"contentBlockIndex":0}}"#)
    );
    assert_eq!(
        events[3].1,
        json(r#"{"messageStop":{"stopReason":"max_tokens"}}"#)
    );
    assert_eq!(events[4].1["metadata"]["usage"]["outputTokens"], 1);
    assert_eq!(events[5].0, "throttlingException");
    // One whose end is not known gets the exception alone.
    let llama = [r#"{"generation":"Hello"}"#, r#"{"generation":" there"}"#];
    let stream = llama.iter().map(chunk).collect::<Vec<_>>().concat();
    let events = frames(&pass(cut(), &stream, 1, &[]).0);
    assert_eq!((events.len(), &*events[1].0), (2, "throttlingException"));
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
