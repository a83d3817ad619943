//! Tests of `stream`: recorded shapes of streams, cut anywhere.
use arbtest::arbtest;
use bytes::Bytes;

use super::*;
use crate::sse::tests::{cuts, stream};
use crate::{Operation, Usage};

const CHAT: &str = concat!(
    r#"data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}],"usage":null}"#,
    "\n\n",
    r#"data: {"choices":[{"content_filter_results":{},"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null,"index":0,"logprobs":null}],"model":"gpt-4o-2024-08-06","usage":null}"#,
    "\n\n",
    r#"data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":null,"index":0}],"model":"gpt-4o-2024-08-06","usage":null}"#,
    "\n\n",
    r#"data: {"choices":[{"delta":{"content":" \"usage\":{ \u00e9"},"finish_reason":null,"index":0}],"model":"gpt-4o-2024-08-06","usage":null}"#,
    "\n\n",
    r#"data: {"choices":[{"delta":{},"finish_reason":"stop","index":0}],"model":"gpt-4o-2024-08-06","usage":null}"#,
    "\n\n",
);
const USAGE: &str = concat!(
    r#"data: {"choices":[],"created":1,"model":"gpt-4o-2024-08-06","usage":{"completion_tokens":9,"prompt_tokens":20,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4}}}"#,
    "\n\n",
);
const DONE: &str = "data: [DONE]\n\n";

const RESPONSES: &str = concat!(
    "event: response.created\n",
    r#"data: {"type":"response.created","response":{"id":"r","model":"gpt-4.1","usage":null}}"#,
    "\n\nevent: response.output_text.delta\n",
    r#"data: {"type":"response.output_text.delta","delta":"Hi","obfuscation":"x"}"#,
    "\n\nevent: response.output_text.done\n",
    r#"data: {"type":"response.output_text.done","text":"Hi"}"#,
    "\n\nevent: response.completed\n",
    r#"data: {"type":"response.completed","response":{"model":"gpt-4.1-2025","output":[{"text":"Hi"}],"usage":{"input_tokens":37,"output_tokens":11,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":48}}}"#,
    "\n\n",
);

const ANTHROPIC: &str = concat!(
    "event: message_start\n",
    r#"data: {"type":"message_start","message":{"model":"claude","usage":{"input_tokens":25,"output_tokens":1}}}"#,
    "\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
    "\n\nevent: message_delta\n",
    r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}"#,
    "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

fn chunks(stream: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let mut from = 0;
    let ends = cuts.iter().copied().chain([stream.len()]);
    ends.map(|end| Bytes::copy_from_slice(&stream[std::mem::replace(&mut from, end)..end]))
        .collect()
}

fn meter(operation: Operation, stream: &str, cuts: &[usize]) -> Metered {
    let mut meter = Meter::events(operation);
    for chunk in chunks(stream.as_bytes(), cuts) {
        meter.feed(&chunk);
    }
    meter.finish(100, "gpt-4o")
}

fn hide(stream: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut filter = HideUsage::new();
    let mut out = Vec::new();
    for chunk in chunks(stream, cuts) {
        for passed in filter.push(chunk) {
            assert!(!passed.is_empty());
            out.extend_from_slice(&passed);
        }
    }
    out.extend(filter.finish().concat());
    out
}

/// The chunks as they are when nobody asked for usage.
fn unasked(stream: &str) -> String {
    stream.replace(",\"usage\":null", "")
}

#[test]
fn meters_a_chat_stream() {
    let metered = meter(
        Operation::ChatCompletions,
        &[CHAT, USAGE, DONE].concat(),
        &[],
    );
    let expected = Metered {
        usage: Some(Usage {
            input: 20,
            cached_input: 4,
            output: 9,
            total: 29,
            ..Usage::default()
        }),
        model: Some("gpt-4o-2024-08-06".to_owned()),
        events: 6,
        deltas: 2,
        first_token: Some(2),
        finish_reason: Some("stop".to_owned()),
        complete: true,
    };
    assert_eq!(metered, expected);
}

#[test]
fn estimates_when_the_stream_is_cut_off() {
    let metered = meter(Operation::ChatCompletions, CHAT, &[]);
    let output = crate::tokens::count("gpt-4o", "Hello \"usage\":{ é");
    assert_eq!(metered.usage, Some(Usage::estimate(100, output)));
    assert!(!metered.complete && output > 2);
    // Before the first token there is nothing to estimate from.
    assert_eq!(
        meter(Operation::ChatCompletions, &CHAT[..300], &[]).usage,
        None
    );
}

#[test]
fn estimates_by_deltas_without_text() {
    let mut meter = Meter::events(Operation::ChatCompletions).without_text();
    meter.feed(&Bytes::from_static(CHAT.as_bytes()));
    assert_eq!(meter.first_token(), Some(2));
    assert_eq!(meter.finish(7, "").usage, Some(Usage::estimate(7, 2)));
}

#[test]
fn long_output_is_counted_in_parts() {
    let mut meter = Meter::events(Operation::ChatCompletions);
    let piece = " lorem ipsum".repeat(100);
    let event = Bytes::from(format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{piece}\"}}}}]}}\n\n"
    ));
    for _ in 0..200 {
        meter.feed(&event);
    }
    let usage = meter.finish(0, "gpt-4o").usage.unwrap();
    assert_eq!(
        usage.output,
        crate::tokens::count("gpt-4o", &piece.repeat(200))
    );
}

#[test]
fn tool_call_arguments_are_output() {
    let stream = concat!(
        r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"weather","arguments":""}}]}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":\"Oslo\"}"}}]}}]}"#,
        "\n\n"
    );
    let metered = meter(Operation::ChatCompletions, stream, &[]);
    let output = crate::tokens::count("gpt-4o", "weather{\"city\":\"Oslo\"}");
    assert_eq!(metered.usage, Some(Usage::estimate(100, output)));
}

#[test]
fn meters_responses_completions_and_anthropic() {
    let metered = meter(Operation::Responses, RESPONSES, &[]);
    let usage = metered.usage.unwrap();
    assert_eq!(
        (usage.input, usage.output, usage.reasoning, usage.total),
        (37, 11, 3, 48)
    );
    assert_eq!(
        (
            metered.model.as_deref(),
            metered.deltas,
            metered.first_token
        ),
        (Some("gpt-4.1-2025"), 1, Some(1))
    );
    assert!(metered.complete);

    let stream = concat!(
        r#"data: {"choices":[{"text":"a b","index":0,"finish_reason":null}],"model":"gpt-3.5-turbo-instruct"}"#,
        "\n\n",
        r#"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
        "\n\ndata: [DONE]"
    );
    let metered = meter(Operation::Completions, stream, &[]);
    assert_eq!(
        (
            metered.usage.unwrap().total,
            metered.deltas,
            metered.complete
        ),
        (3, 1, true)
    );

    let metered = meter(Operation::Other, ANTHROPIC, &[]);
    let usage = metered.usage.unwrap();
    assert_eq!(
        (usage.input, usage.output, usage.total, metered.deltas),
        (25, 15, 40, 1)
    );
    assert!(metered.complete);
}

#[test]
fn meters_whole_bodies() {
    let body =
        r#"{"model":"m","usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;
    for cut in 0..body.len() {
        let mut meter = Meter::body(Operation::ChatCompletions);
        for chunk in chunks(body.as_bytes(), &[cut]) {
            meter.feed(&chunk);
        }
        let metered = meter.finish(0, "");
        assert_eq!(
            (metered.usage.unwrap().total, metered.model.as_deref()),
            (7, Some("m"))
        );
    }
    let mut meter = Meter::body(Operation::Embeddings);
    meter.feed(&Bytes::from_static(b"{\"data\":[{\"embedding\":["));
    for _ in 0..1000 {
        meter.feed(&Bytes::from(vec![b'1'; 1000]));
    }
    meter.feed(&Bytes::from_static(
        b"]}],\"model\":\"e\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}",
    ));
    assert_eq!(meter.finish(0, "").usage.unwrap().input, 8);
    let mut meter = Meter::body(Operation::ChatCompletions);
    assert_eq!(meter.finish(0, "").usage, None);
    // A body above the limit is passed over, its end is not taken for a whole.
    let mut meter = Meter::body(Operation::ChatCompletions);
    let spaces = Bytes::from(vec![b' '; 1 << 20]);
    for _ in 0..17 {
        meter.feed(&spaces);
    }
    meter.feed(&Bytes::from_static(body.as_bytes()));
    assert_eq!(meter.finish(0, "").usage, None);
}

#[test]
fn a_meter_reads_the_same_under_any_cut() {
    let chat = [CHAT, USAGE, DONE].concat();
    arbtest(|u| {
        let crlf = chat.replace('\n', "\r\n");
        let (operation, stream) = match u.int_in_range(0..=4)? {
            0 => (Operation::ChatCompletions, chat.as_str()),
            1 => (Operation::ChatCompletions, crlf.as_str()),
            2 => (Operation::ChatCompletions, CHAT),
            3 => (Operation::Responses, RESPONSES),
            _ => (Operation::Other, ANTHROPIC),
        };
        let cuts = cuts(u, stream.len())?;
        assert_eq!(
            meter(operation, stream, &cuts),
            meter(operation, stream, &[]),
            "{cuts:?}"
        );
        Ok(())
    });
}

#[test]
fn broken_streams_are_metered_alike_too() {
    arbtest(|u| {
        let noise = String::from_utf8_lossy(&stream(u)?).into_owned();
        let cut_at = CHAT.floor_char_boundary(u.int_in_range(0..=CHAT.len())?);
        let stream = [&CHAT[..cut_at], &noise, &CHAT[cut_at..], USAGE, &noise].concat();
        let cuts = cuts(u, stream.len())?;
        let operation = *u.choose(&[
            Operation::ChatCompletions,
            Operation::Completions,
            Operation::Other,
        ])?;
        let (cut, whole) = (
            meter(operation, &stream, &cuts),
            meter(operation, &stream, &[]),
        );
        assert_eq!(cut, whole, "{cuts:?}");
        Ok(())
    });
}

#[test]
fn hides_only_the_usage_chunk() {
    arbtest(|u| {
        let crlf: bool = u.arbitrary()?;
        let line = |text: &str| {
            if crlf {
                text.replace('\n', "\r\n")
            } else {
                text.to_owned()
            }
        };
        let stream = [line(CHAT), line(USAGE), line(DONE)].concat();
        let expected = [unasked(&line(CHAT)), line(DONE)].concat();
        let cuts = cuts(u, stream.len())?;
        let hidden = hide(stream.as_bytes(), &cuts);
        assert_eq!(String::from_utf8_lossy(&hidden), expected, "{cuts:?}");
        Ok(())
    });
}

#[test]
fn hides_a_usage_chunk_that_ends_the_stream() {
    assert_eq!(
        hide([CHAT, USAGE.trim_end()].concat().as_bytes(), &[]),
        unasked(CHAT).as_bytes()
    );
}

#[test]
fn hiding_is_the_identity_without_a_usage_chunk() {
    arbtest(|u| {
        let mut bytes = if u.arbitrary()? {
            unasked(CHAT).into_bytes()
        } else {
            Vec::new()
        };
        bytes.extend(stream(u)?);
        let cuts = cuts(u, bytes.len())?;
        assert_eq!(hide(&bytes, &cuts), bytes, "{cuts:?}");
        Ok(())
    });
}

#[test]
fn usage_beside_a_choice_or_in_another_shape_stays() {
    for stream in [
        "data: {\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"choices\":[],\"usage\":{\"x\":1}}\n\n",
        "data: {\"choices\":[],\"x\":{\"usage\":{\"prompt_tokens\":1}}}\n\n",
        "data: {\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\",\"usage\":null}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\",\\\"usage\\\":null}\"}}]}\n\n",
        "data: {\"usage\":null}\n\n",
    ] {
        assert_eq!(hide(stream.as_bytes(), &[]), stream.as_bytes());
    }
}

#[test]
fn a_null_goes_however_it_is_written() {
    for (stream, expected) in [
        (
            "data: {\"id\":1, \"usage\": null}\n\n",
            "data: {\"id\":1}\n\n",
        ),
        (
            "data: {\"id\":1,\"usage\":null,\"obfuscation\":\"x\"}\r\n\r\n",
            "data: {\"id\":1,\"obfuscation\":\"x\"}\r\n\r\n",
        ),
        ("data: {\"id\":1,\"usage\":null}", "data: {\"id\":1}"),
    ] {
        let hidden = hide(stream.as_bytes(), &[]);
        assert_eq!(String::from_utf8_lossy(&hidden), expected);
    }
}

#[test]
fn a_chunk_of_whole_events_leaves_as_slices_of_it() {
    let mut filter = HideUsage::new();
    let plain = Bytes::from(unasked(CHAT));
    let passed = filter.push(plain.clone());
    assert_eq!((passed.len(), passed[0].as_ptr()), (1, plain.as_ptr()));
    let event = CHAT.split_inclusive("\n\n").nth(2).unwrap();
    let chunk = Bytes::from_static(event.as_bytes());
    let passed = filter.push(chunk.clone());
    // The two halves, without a copy and without room for more than two.
    assert!(!passed.spilled());
    assert_eq!((passed.len(), passed[0].as_ptr()), (2, chunk.as_ptr()));
    let end = |bytes: &Bytes| bytes.as_ptr() as usize + bytes.len();
    assert_eq!(end(&passed[1]), end(&chunk));
    assert!(filter.push(Bytes::from_static(USAGE.as_bytes())).is_empty());
    assert!(filter.has_hidden());
    assert_eq!(filter.push(Bytes::from_static(DONE.as_bytes())).len(), 1);
}
