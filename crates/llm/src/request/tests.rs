//! Tests of `request`: what is read, and that asking for usage changes nothing else.
use crate::Operation;
use arbtest::arbtest;

use super::*;

fn asked(body: &str) -> Option<String> {
    let peek = Peek::new(body.as_bytes()).unwrap();
    ask_for_usage(body.as_bytes(), &peek).map(|body| String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn reads_a_chat_request() {
    let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":true,"n":2,
        "stream_options":{"include_usage":true},"max_tokens":10,"max_completion_tokens":20,"user":"u\u0031","x":{"model":"no"}}"#;
    let peek = Peek::new(body).unwrap();
    assert_eq!(peek.model.as_deref(), Some("gpt-4o"));
    assert!(matches!(peek.model, Some(Cow::Borrowed(_))));
    assert!(peek.stream && peek.include_usage && !peek.continues);
    assert_eq!(
        (peek.max_output_tokens, peek.n, peek.max_output()),
        (Some(20), Some(2), Some(40))
    );
    assert_eq!(peek.user.as_deref(), Some("u1"));
    assert_eq!(
        peek.messages.unwrap().get(),
        r#"[{"role":"user","content":"hi"}]"#
    );
}

#[test]
fn unexpected_types_count_as_absent_and_the_last_of_a_name_counts() {
    let body = br#"{"model":1,"stream":"yes","n":-3,"max_tokens":1e99,"m\u006fdel":"late","stream_options":[],"user":null}"#;
    let peek = Peek::new(body).unwrap();
    assert_eq!(peek.model.as_deref(), Some("late"));
    assert!(!peek.stream && !peek.include_usage);
    assert_eq!(
        (peek.n, peek.max_output_tokens, peek.user),
        (Some(0), Some(u64::MAX), None)
    );
    assert_eq!(peek.max_output_tokens.map(|_| ()), Some(()));
    let peek = Peek::new(br#"{"stream":false,"stream":true,"previous_response_id":"r"}"#).unwrap();
    assert!(peek.stream && peek.continues);
}

#[test]
fn malformed_is_an_error() {
    for body in [
        "",
        "null",
        "[]",
        "{",
        "{}x",
        r#"{"model":}"#,
        r#"{"model":"a}"#,
        r#"{"a":1,}"#,
        "\u{feff}{}",
        r#""x""#,
    ] {
        assert!(Peek::new(body.as_bytes()).is_err(), "{body}");
    }
    assert!(Peek::new(b"{\"model\":\"\xff\"}").is_err());
    let deep = format!("{{\"messages\":{}", "[".repeat(1_000_000));
    assert!(Peek::new(deep.as_bytes()).is_err());
}

#[test]
fn asks_for_usage() {
    for (body, expected) in [
        (
            r#"{"stream":true}"#,
            Some(r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
        ),
        (
            "{\"stream\" : true\n}\n",
            Some("{\"stream\" : true\n,\"stream_options\":{\"include_usage\":true}}\n"),
        ),
        (
            r#"{"stream":true,"stream_options":null,"n":1}"#,
            Some(r#"{"stream":true,"stream_options":{"include_usage":true},"n":1}"#),
        ),
        (
            r#"{"stream_options": { } ,"stream":true}"#,
            Some(r#"{"stream_options": {"include_usage":true } ,"stream":true}"#),
        ),
        (
            r#"{"stream_options":{ "x":{}},"stream":true}"#,
            Some(r#"{"stream_options":{"include_usage":true, "x":{}},"stream":true}"#),
        ),
        (
            r#"{"stream":true,"stream_options":{"include_usage": false,"x":1}}"#,
            Some(r#"{"stream":true,"stream_options":{"include_usage": true,"x":1}}"#),
        ),
        (
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            None,
        ),
        (r#"{"stream":true,"stream_options":"x"}"#, None),
        (r#"{"stream":false}"#, None),
        ("{}", None),
    ] {
        assert_eq!(asked(body).as_deref(), expected, "{body}");
    }
}

#[test]
fn a_peek_of_another_body_is_harmless() {
    let peek = Peek::new(br#"{"stream":true,"stream_options":{}}"#).unwrap();
    assert_eq!(ask_for_usage(b"{}", &peek), None);
}

/// The asked body parses, asks, and is the input but for that member.
#[test]
fn asking_changes_only_the_member() {
    arbtest(|u| {
        let mut body = serde_json::Map::new();
        body.insert("stream".into(), true.into());
        for _ in 0..u.int_in_range(0..=4)? {
            let value: serde_json::Value = match u.int_in_range(0..=4)? {
                0 => u.arbitrary::<String>()?.into(),
                1 => u.arbitrary::<i64>()?.into(),
                2 => serde_json::json!({ u.arbitrary::<String>()?: [{}] }),
                3 => serde_json::Value::Null,
                _ => serde_json::json!([u.arbitrary::<bool>()?]),
            };
            let name = if u.arbitrary()? {
                u.arbitrary::<String>()?
            } else {
                "messages".to_owned()
            };
            if name != "stream" && name != "stream_options" {
                body.insert(name, value);
            }
        }
        let mut options = serde_json::Map::new();
        match u.int_in_range(0..=3)? {
            0 => {}
            1 => {
                body.insert("stream_options".into(), serde_json::Value::Null);
            }
            _ => {
                for name in ["a", "include_usage", "b}"] {
                    if u.arbitrary()? {
                        options.insert(name.into(), false.into());
                    }
                }
                body.insert("stream_options".into(), options.clone().into());
            }
        }
        if u.arbitrary()? {
            body.insert("last".into(), serde_json::json!({}));
        }
        let text = if u.arbitrary()? {
            serde_json::to_string_pretty(&body)
        } else {
            serde_json::to_string(&body)
        }
        .unwrap();
        let asked = asked(&text).expect("a stream that does not ask is made to");
        options.insert("include_usage".into(), true.into());
        body.insert("stream_options".into(), options.into());
        let parsed: serde_json::Map<_, _> = serde_json::from_str(&asked).unwrap();
        assert_eq!(parsed, body, "{text}");
        assert!(Peek::new(asked.as_bytes()).unwrap().include_usage);
        Ok(())
    });
}

#[test]
fn no_bytes_panic() {
    arbtest(|u| {
        let bytes: Vec<u8> = u.arbitrary()?;
        if let Ok(peek) = Peek::new(&bytes) {
            let _ = ask_for_usage(&bytes, &peek);
        }
        Ok(())
    });
}

#[test]
fn bounds_are_those_that_the_provider_reads() {
    let of = |operation, body: &str| {
        let peek = Peek::new(body.as_bytes()).unwrap();
        (peek.output_bound(operation), peek.choices(operation))
    };
    let (chat, completions) = (Operation::ChatCompletions, Operation::Completions);
    let (responses, other) = (Operation::Responses, Operation::Other);
    for (operation, body, expected) in [
        (chat, r#"{"max_tokens":5}"#, (Some(5), 1)),
        (
            chat,
            r#"{"max_tokens":5,"max_completion_tokens":7,"n":3}"#,
            (Some(7), 3),
        ),
        (chat, r#"{"max_output_tokens":5,"n":0}"#, (None, 1)),
        (chat, r#"{"max_tokens":null}"#, (None, 1)),
        (
            completions,
            r#"{"max_tokens":5,"n":2,"best_of":4,"prompt":["a","b"]}"#,
            (Some(5), 8),
        ),
        (
            completions,
            r#"{"max_tokens":5,"prompt":[1,2,3]}"#,
            (Some(5), 1),
        ),
        (
            responses,
            r#"{"max_output_tokens":5,"max_tokens":1}"#,
            (Some(5), 1),
        ),
        (other, r#"{"max_tokens":5}"#, (Some(5), 1)),
        (
            other,
            r#"{"contents":[],"generationConfig":{"maxOutputTokens":9,"candidateCount":2}}"#,
            (Some(9), 2),
        ),
        (
            other,
            r#"{"inferenceConfig":{"maxTokens":9}}"#,
            (Some(9), 1),
        ),
    ] {
        assert_eq!(of(operation, body), expected, "{body}");
    }
}

#[test]
fn a_bound_is_set_where_the_api_has_it() {
    let set = |operation, body: &str, reasons| {
        let peek = Peek::new(body.as_bytes()).unwrap();
        limit_output(operation, body.as_bytes(), &peek, 10, reasons)
            .map(|body| String::from_utf8(body.to_vec()).unwrap())
    };
    let (chat, responses, other) = (
        Operation::ChatCompletions,
        Operation::Responses,
        Operation::Other,
    );
    for (operation, body, reasons, expected) in [
        (
            chat,
            r#"{"a":1}"#,
            false,
            Some(r#"{"a":1,"max_tokens":10}"#),
        ),
        (chat, "{}", true, Some(r#"{"max_completion_tokens":10}"#)),
        (
            chat,
            r#"{"max_tokens": 11, "b":2}"#,
            true,
            Some(r#"{"max_tokens": 10, "b":2}"#),
        ),
        (
            chat,
            r#"{"max_completion_tokens":99,"max_tokens":11}"#,
            true,
            Some(r#"{"max_completion_tokens":10,"max_tokens":10}"#),
        ),
        (chat, r#"{"max_tokens":10}"#, false, None),
        (
            chat,
            r#"{"max_tokens":null}"#,
            false,
            Some(r#"{"max_tokens":10}"#),
        ),
        (
            responses,
            r#"{"input":"a"}"#,
            true,
            Some(r#"{"input":"a","max_output_tokens":10}"#),
        ),
        (Operation::Embeddings, "{}", false, None),
        (
            other,
            r#"{"contents":[]}"#,
            false,
            Some(r#"{"contents":[],"generationConfig":{"maxOutputTokens":10}}"#),
        ),
        (
            other,
            r#"{"contents":[],"generationConfig":{"topP":1}}"#,
            false,
            Some(r#"{"contents":[],"generationConfig":{"maxOutputTokens":10,"topP":1}}"#),
        ),
        (
            other,
            r#"{"generationConfig":{"maxOutputTokens":77}}"#,
            false,
            Some(r#"{"generationConfig":{"maxOutputTokens":10}}"#),
        ),
        (
            other,
            r#"{"inferenceConfig":{}}"#,
            false,
            Some(r#"{"inferenceConfig":{"maxTokens":10}}"#),
        ),
        (
            other,
            r#"{"messages":[]}"#,
            false,
            Some(r#"{"messages":[],"max_tokens":10}"#),
        ),
    ] {
        assert_eq!(set(operation, body, reasons).as_deref(), expected, "{body}");
    }
}
