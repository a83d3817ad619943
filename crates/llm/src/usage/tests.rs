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

/// A count as a broken provider might write it.
fn count(u: &mut arbtest::arbitrary::Unstructured<'_>) -> arbtest::arbitrary::Result<String> {
    Ok(match u.int_in_range(0..=9)? {
        0 => "-3".to_owned(),
        1 => "18446744073709551615".to_owned(),
        2 => "1e300".to_owned(),
        3 => "2.5".to_owned(),
        4 => "null".to_owned(),
        5 => "\"12\"".to_owned(),
        6 => u.arbitrary::<u64>()?.to_string(),
        _ => u.arbitrary::<u8>()?.to_string(),
    })
}

/// Members of all shapes, mixed.
const MEMBERS: [&str; 22] = [
    r#""prompt_tokens":#"#,
    r#""completion_tokens":#"#,
    r#""total_tokens":#"#,
    r#""input_tokens":#"#,
    r#""output_tokens":#"#,
    r##""prompt_tokens_details":{"cached_tokens":#,"audio_tokens":#,"image_tokens":#}"##,
    r##""input_tokens_details":{"cached_tokens":#,"cached_tokens_details":{"audio_tokens":#,"image_tokens":#}}"##,
    r##""completion_tokens_details":{"reasoning_tokens":#,"audio_tokens":#,"image_tokens":#}"##,
    r#""cache_creation_input_tokens":#"#,
    r#""cache_read_input_tokens":#"#,
    r##""cache_creation":{"ephemeral_5m_input_tokens":#,"ephemeral_1h_input_tokens":#}"##,
    r#""promptTokenCount":#"#,
    r#""candidatesTokenCount":#"#,
    r#""thoughtsTokenCount":#"#,
    r#""toolUsePromptTokenCount":#"#,
    r#""cachedContentTokenCount":#"#,
    r##""promptTokensDetails":[{"modality":"AUDIO","tokenCount":#},{"modality":"IMAGE","tokenCount":#}]"##,
    r##""cacheTokensDetails":[{"modality":"AUDIO","tokenCount":#}]"##,
    r#""cacheWriteInputTokens":#"#,
    r##""cacheDetails":[{"ttl":"1h","inputTokens":#},{"ttl":"5m","inputTokens":#}]"##,
    r##""server_tool_use":{"web_search_requests":#}"##,
    r#""totalTokenCount":#"#,
];

#[test]
fn classes_never_overlap_whatever_is_reported() {
    arbtest::arbtest(|u| {
        let mut members = Vec::new();
        for _ in 0..u.int_in_range(0..=6)? {
            let mut member = String::new();
            for piece in u.choose(&MEMBERS)?.split_inclusive('#') {
                match piece.strip_suffix('#') {
                    Some(before) => {
                        member.push_str(before);
                        member.push_str(&count(u)?);
                    }
                    None => member.push_str(piece),
                }
            }
            members.push(member);
        }
        let body = format!(r#"{{"usage":{{{}}}}}"#, members.join(","));
        let Some((usage, _)) = from_body(Operation::Other, body.as_bytes()) else {
            return Ok(());
        };
        let classes = usage.classes();
        assert_eq!(classes.input_tokens(), usage.input, "{body}");
        assert_eq!(classes.output_tokens(), usage.output, "{body}");
        for (class, count) in classes.iter() {
            assert!(count <= Usage::MAX, "{class:?} of {body}");
        }
        assert!(usage.total <= Usage::MAX);
        // What fits is charged as reported.
        if !usage.inconsistent {
            assert_eq!(
                classes.cached_input + classes.cached_audio_input + classes.cached_image_input,
                usage.cached_input,
                "{body}"
            );
            assert_eq!(
                classes.cache_write + classes.cache_write_hour,
                usage.cache_write
            );
            assert_eq!(
                classes.audio_input + classes.cached_audio_input,
                usage.audio_input
            );
            assert_eq!(
                (classes.reasoning, classes.audio_output),
                (usage.reasoning, usage.audio_output)
            );
        }
        Ok(())
    });
}

#[test]
fn hand_made_usages_have_classes_too() {
    arbtest::arbtest(|u| {
        let usage = Usage {
            input: u.arbitrary::<u64>()?,
            cached_input: u.arbitrary()?,
            cache_write: u.arbitrary()?,
            cache_write_hour: u.arbitrary()?,
            output: u.arbitrary()?,
            reasoning: u.arbitrary()?,
            audio_input: u.arbitrary()?,
            cached_audio_input: u.arbitrary()?,
            audio_output: u.arbitrary()?,
            image_input: u.arbitrary()?,
            cached_image_input: u.arbitrary()?,
            image_output: u.arbitrary()?,
            ..Usage::default()
        };
        let classes = usage.classes();
        assert_eq!(classes.input_tokens(), usage.input);
        assert_eq!(classes.output_tokens(), usage.output);
        Ok(())
    });
}

#[test]
fn what_does_not_fit_is_said() {
    for (usage, inconsistent, input, output) in [
        (
            r#"{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}"#,
            false,
            5,
            2,
        ),
        (
            r#"{"prompt_tokens":5,"completion_tokens":2,"total_tokens":8}"#,
            true,
            5,
            2,
        ),
        (
            r#"{"prompt_tokens":-5,"completion_tokens":2,"total_tokens":2}"#,
            true,
            0,
            2,
        ),
        (
            r#"{"prompt_tokens":-0,"completion_tokens":2.0}"#,
            false,
            0,
            2,
        ),
        (r#"{"prompt_tokens":5.5,"completion_tokens":2}"#, true, 5, 2),
        (
            r#"{"prompt_tokens":9007199254740992,"completion_tokens":0}"#,
            true,
            Usage::MAX,
            0,
        ),
        (
            r#"{"prompt_tokens":5,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":6}}"#,
            true,
            5,
            0,
        ),
        (
            r#"{"prompt_tokens":5,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":2}}"#,
            true,
            5,
            1,
        ),
        // A missing count is what the total leaves.
        (r#"{"prompt_tokens":5,"total_tokens":8}"#, false, 5, 3),
        (r#"{"completion_tokens":5,"total_tokens":8}"#, false, 3, 5),
        (r#"{"prompt_tokens":5,"total_tokens":3}"#, true, 5, 0),
        // xAI counts reasoning beside the completion, and its total shows it.
        (
            r#"{"prompt_tokens":5,"completion_tokens":2,"total_tokens":10,"completion_tokens_details":{"reasoning_tokens":3}}"#,
            false,
            5,
            5,
        ),
        // Gemini's total decides on thoughts, too.
        (
            r#"{"promptTokenCount":5,"candidatesTokenCount":4,"thoughtsTokenCount":3,"totalTokenCount":9}"#,
            false,
            5,
            4,
        ),
        (
            r#"{"promptTokenCount":5,"candidatesTokenCount":4,"thoughtsTokenCount":3,"totalTokenCount":12}"#,
            false,
            5,
            7,
        ),
        // Cut off while it thought.
        (
            r#"{"promptTokenCount":5,"thoughtsTokenCount":3,"totalTokenCount":8}"#,
            false,
            5,
            3,
        ),
        (
            r#"{"input_tokens":5,"cache_creation_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2}}"#,
            true,
            9,
            0,
        ),
    ] {
        let body = format!(r#"{{"usage":{usage}}}"#);
        let (found, _) = read(Operation::Other, &body);
        assert_eq!(
            (found.inconsistent, found.input, found.output),
            (inconsistent, input, output),
            "{usage}"
        );
    }
}

#[test]
fn headers_of_bedrock() {
    let header = |name: &str| match name {
        "x-amzn-bedrock-input-token-count" => Some("10"),
        "x-amzn-bedrock-output-token-count" => Some(" 4 "),
        "x-amzn-bedrock-cache-read-input-token-count" => Some("90"),
        "x-amzn-bedrock-cache-write-input-token-count" => Some("no"),
        _ => None,
    };
    let usage = from_headers(header).unwrap();
    assert_eq!(
        (usage.input, usage.cached_input, usage.output),
        (100, 90, 4)
    );
    assert_eq!((usage.total, usage.inconsistent), (104, false));
    assert_eq!(from_headers(|_| None), None);
    assert_eq!(from_headers(|_| Some("-1")), None);
}

/// What the provider's own tools did: OpenAI tells it by the items of an answer, others in the usage.
#[test]
fn calls_of_tools_are_counted() {
    const ITEMS: &str = r#"[{"type":"reasoning"},
        {"type":"web_search_call","status":"completed","action":{"type":"search","query":"a \" web_search_call"}},
        {"type":"web_search_call","status":"completed","action":{"type":"open_page"}},
        {"type":"web_search_call","status":"failed","action":{"type":"search"}},
        {"type":"web_search_call","status":"completed"},
        {"type":"file_search_call","status":"completed","queries":["x"]},
        {"type":"message","content":[{"type":"output_text","text":"b"}]}]"#;
    let usage = r#""usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7}"#;
    let whole = format!(r#"{{"model":"gpt-5","output":{ITEMS},{usage}}}"#);
    let (found, _) = from_body(Operation::Responses, whole.as_bytes()).unwrap();
    assert_eq!((found.web_search, found.file_search), (2, 1));
    let classes = found.classes();
    assert_eq!((classes.web_search, classes.file_search), (2, 1));
    assert_eq!(classes.input_tokens() + classes.output_tokens(), 7);
    // Items repeated in a later event are not counted twice.
    let mut counts = Counts::default();
    let event = format!(r#"{{"response":{{"output":{ITEMS},{usage}}}}}"#);
    for _ in 0..2 {
        let mut seen = Found {
            counts,
            ..Found::default()
        };
        json::members(event.as_bytes(), |name, value| seen.member(name, value)).unwrap();
        counts = seen.counts;
    }
    let found = counts.usage().unwrap();
    assert_eq!((found.web_search, found.file_search), (2, 1));
    // Bedrock's answers have an object of that name.
    let bedrock =
        r#"{"output":{"message":{"content":[]}},"usage":{"inputTokens":1,"outputTokens":1}}"#;
    let (found, _) = from_body(Operation::Other, bedrock.as_bytes()).unwrap();
    assert_eq!(found.web_search, 0);
    let sonar = r#"{"usage":{"prompt_tokens":1,"completion_tokens":1,"num_search_queries":3}}"#;
    let (found, _) = from_body(Operation::ChatCompletions, sonar.as_bytes()).unwrap();
    assert_eq!(found.web_search, 3);
}
