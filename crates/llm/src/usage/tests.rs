//! Tests of `usage`: the shapes that the providers document.
use super::*;

fn read(operation: Operation, body: &str) -> (Usage, Option<String>) {
    let (usage, model) = from_body(operation, body.as_bytes()).unwrap();
    (usage, model.map(Cow::into_owned))
}

#[test]
fn chat() {
    let (usage, model) = read(
        Operation::ChatCompletions,
        r#"{"id":"c","object":"chat.completion","model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant",
        "content":"\"usage\":{\"prompt_tokens\":1}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1117,"completion_tokens":46,
        "total_tokens":1163,"prompt_tokens_details":{"cached_tokens":1024,"audio_tokens":0},
        "completion_tokens_details":{"reasoning_tokens":6,"accepted_prediction_tokens":0}},"system_fingerprint":null}"#,
    );
    let expected = Usage {
        input: 1117,
        cached_input: 1024,
        output: 46,
        reasoning: 6,
        total: 1163,
        ..Usage::default()
    };
    assert_eq!(
        (usage, model.as_deref()),
        (expected, Some("gpt-4o-2024-08-06"))
    );
    let classes = Classes {
        input: 93,
        cached_input: 1024,
        cache_write: 0,
        output: 40,
        reasoning: 6,
        ..Classes::default()
    };
    assert_eq!(usage.classes(), classes);
}

#[test]
fn responses_echo_of_tools_is_not_usage() {
    let (usage, model) = read(
        Operation::Responses,
        r#"{"id":"resp_1","object":"response","status":"completed","model":"gpt-4.1","output":[],
        "usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":87,
        "output_tokens_details":{"reasoning_tokens":64},"total_tokens":123},
        "tools":[{"type":"function","parameters":{"properties":{"usage":{"input_tokens":0,"output_tokens":0}}}}]}"#,
    );
    assert_eq!(
        (usage.input, usage.output, usage.reasoning, usage.total),
        (36, 87, 64, 123)
    );
    assert_eq!(model.as_deref(), Some("gpt-4.1"));
}

#[test]
fn embeddings_also_from_the_tail_alone() {
    let body = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.0023,-0.0093]}],
        "model":"text-embedding-ada-002","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    for body in [body, &body[40..]] {
        let (usage, model) = read(Operation::Embeddings, body);
        assert_eq!((usage.input, usage.output, usage.total), (8, 0, 8));
        assert_eq!(model.as_deref(), Some("text-embedding-ada-002"));
    }
}

#[test]
fn completions_without_total() {
    let (usage, _) = read(
        Operation::Completions,
        r#"{"usage":{"prompt_tokens":5,"completion_tokens":7}}"#,
    );
    assert_eq!((usage.input, usage.output, usage.total), (5, 7, 12));
}

#[test]
fn anthropic_counts_its_cache_beside_the_input() {
    let (usage, model) = read(
        Operation::Other,
        r#"{"type":"message","model":"claude","content":[],"usage":{"input_tokens":10,"cache_creation_input_tokens":200,
        "cache_read_input_tokens":3000,"output_tokens":40}}"#,
    );
    assert_eq!(
        (usage.input, usage.cached_input, usage.cache_write),
        (3210, 3000, 200)
    );
    assert_eq!((usage.output, usage.total), (40, 3250));
    assert_eq!(usage.classes().input, 10);
    assert_eq!(model.as_deref(), Some("claude"));
}

#[test]
fn vertex_counts_thoughts_beside_the_candidates() {
    let (usage, model) = read(
        Operation::Other,
        r#"{"candidates":[],"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":20,
        "thoughtsTokenCount":30,"totalTokenCount":150},"modelVersion":"gemini-2.5-pro"}"#,
    );
    assert_eq!(
        (
            usage.input,
            usage.cached_input,
            usage.output,
            usage.reasoning,
            usage.total
        ),
        (100, 60, 50, 30, 150)
    );
    assert_eq!(model.as_deref(), Some("gemini-2.5-pro"));
}

#[test]
fn absurd_counts_are_cut() {
    for (count, expected) in [
        ("-5", 0),
        ("1e400", Usage::MAX),
        ("99999999999999999999", Usage::MAX),
        ("7.9", 7),
    ] {
        let body =
            format!(r#"{{"usage":{{"prompt_tokens":{count},"completion_tokens":{count}}}}}"#);
        let (usage, _) = read(Operation::ChatCompletions, &body);
        assert_eq!((usage.input, usage.output), (expected, expected), "{count}");
        assert!(usage.total <= Usage::MAX);
    }
}

#[test]
fn no_usage() {
    for body in [
        r#"{"error":{"code":"429","message":"x"}}"#,
        r#"{"usage":null}"#,
        r#"{"usage":{}}"#,
        r#"{"usage":"12"}"#,
        r#"{"usage":{"prompt_tokens":"1"}}"#,
        "not json",
        "",
    ] {
        assert_eq!(
            from_body(Operation::ChatCompletions, body.as_bytes()),
            None,
            "{body}"
        );
    }
    assert_eq!(
        from_body(
            Operation::Embeddings,
            br#"{"model":"\"usage\":{\"prompt_tokens\":4}"}"#
        ),
        None
    );
}

#[test]
fn a_body_that_was_cut_behind_its_usage_has_told_it() {
    let (usage, _) = read(
        Operation::ChatCompletions,
        r#"{"usage":{"prompt_tokens":1}"#,
    );
    assert_eq!(usage.input, 1);
}

#[test]
fn usage_is_found_behind_any_text() {
    // Text cannot hold the member itself: its quotes are escaped.
    let body = br#"{"choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":9}, \"model\":\"x\""}}],
        "model":"gpt-4o-mini", "usage" : {"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;
    let (usage, model) = read(
        Operation::ChatCompletions,
        std::str::from_utf8(body).unwrap(),
    );
    assert_eq!((usage.input, usage.output), (3, 4));
    assert_eq!(model.as_deref(), Some("gpt-4o-mini"));
}
