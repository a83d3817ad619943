//! Tests of `tokens`: counts that the providers' own tools give, and the documented rules.
use super::*;
use crate::{Operation, Peek};
use arbtest::arbtest;

fn estimate(operation: Operation, body: &str, model: &str) -> Estimate {
    estimate_prompt(operation, &Peek::new(body.as_bytes()).unwrap(), Some(model))
}

fn exact(tokens: u64) -> Estimate {
    Estimate {
        tokens,
        exact: true,
    }
}

#[test]
fn encodings_by_model() {
    use Encoding::{Cl100k, O200k};
    for (model, expected) in [
        ("gpt-4o-mini", (O200k, true)),
        ("gpt-4.1-nano", (O200k, true)),
        ("gpt-4", (Cl100k, true)),
        ("GPT-4-32k", (Cl100k, true)),
        ("gpt-4-turbo-2024-04-09", (Cl100k, true)),
        ("gpt-35-turbo", (Cl100k, true)),
        ("gpt-5-mini", (O200k, true)),
        ("o1", (O200k, true)),
        ("o4-mini", (O200k, true)),
        ("ft:gpt-4o:org::1", (O200k, true)),
        ("openai/gpt-3.5-turbo", (Cl100k, true)),
        ("text-embedding-3-large", (Cl100k, true)),
        ("team-gpt-4o-eu", (O200k, false)),
        ("prod-gpt-35-turbo", (Cl100k, false)),
        ("oasis", (O200k, false)),
        ("my-model", (O200k, false)),
        ("", (O200k, false)),
        ("größe-\u{1F600}", (O200k, false)),
    ] {
        assert_eq!(Encoding::for_model(model), expected, "{model}");
    }
}

/// From OpenAI's cookbook, "How to count tokens with tiktoken".
#[test]
fn counts_as_the_cookbook() {
    assert_eq!(count("gpt-4", "tiktoken is great!"), 6);
    assert_eq!(count("gpt-4", "antidisestablishmentarianism"), 6);
    assert_eq!(count("gpt-4o", "antidisestablishmentarianism"), 6);
    assert_eq!(count("gpt-4", "2 + 2 = 4"), 7);
    assert_eq!(count("gpt-4o", "2 + 2 = 4"), 7);
    assert_eq!(count("gpt-4", "お誕生日おめでとう"), 9);
    assert_eq!(count("gpt-4o", "お誕生日おめでとう"), 8);
    assert_eq!(count("gpt-4o", ""), 0);
}

/// The cookbook's example messages: 129 prompt tokens for gpt-4, 124 for gpt-4o.
#[test]
fn chat_counts_as_the_cookbook() {
    let body = r#"{"messages":[
      {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
      {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
      {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
      {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
      {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
      {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#;
    assert_eq!(
        estimate(Operation::ChatCompletions, body, "gpt-4-0613"),
        exact(129)
    );
    assert_eq!(
        estimate(Operation::ChatCompletions, body, "gpt-4o"),
        exact(124)
    );
    assert_eq!(
        estimate(Operation::ChatCompletions, body, "my-deployment"),
        Estimate {
            tokens: 124,
            exact: false
        }
    );
}

/// The cookbook's example of a tool: 105 prompt tokens for gpt-4, 101 for gpt-4o.
#[test]
fn tools_count_as_the_cookbook() {
    let body = r#"{"messages":[
        {"role":"system","content":"You are a helpful assistant that can answer to questions about the weather."},
        {"role":"user","content":"What's the weather like in San Francisco?"}],
      "tools":[{"type":"function","function":{"name":"get_current_weather","description":"Get the current weather in a given location",
        "parameters":{"type":"object","properties":{
          "location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},
          "unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},
        "required":["location"]}}}]}"#;
    let gpt4o = estimate(Operation::ChatCompletions, body, "gpt-4o");
    let gpt4 = estimate(Operation::ChatCompletions, body, "gpt-4");
    assert_eq!(
        gpt4o,
        Estimate {
            tokens: 101,
            exact: false
        }
    );
    assert_eq!(
        gpt4,
        Estimate {
            tokens: 105,
            exact: false
        }
    );
}

#[test]
fn content_parts() {
    let text = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hello"}]}]}"#;
    let plain = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
    assert_eq!(
        estimate(Operation::ChatCompletions, text, "gpt-4o"),
        exact(8)
    );
    assert_eq!(
        estimate(Operation::ChatCompletions, plain, "gpt-4o"),
        exact(8)
    );
    let image = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hello"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"image_url","image_url":{"url":"https://x"}}]}]}"#;
    assert_eq!(
        estimate(Operation::ChatCompletions, image, "gpt-4o"),
        Estimate {
            tokens: 2408,
            exact: false
        }
    );
    let calls = r#"{"messages":[{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}]}"#;
    assert!(!estimate(Operation::ChatCompletions, calls, "gpt-4o").exact);
}

#[test]
fn embeddings_and_completions() {
    for (body, tokens) in [
        (r#"{"input":"hello world"}"#, 2),
        (r#"{"input":["hello","hello world"]}"#, 3),
        (r#"{"input":[1,2,3,4]}"#, 4),
        (r#"{"input":[[1,2],[3]]}"#, 3),
        (r#"{"input":null}"#, 0),
        (r#"{}"#, 0),
    ] {
        assert_eq!(
            estimate(Operation::Embeddings, body, "text-embedding-3-small"),
            exact(tokens),
            "{body}"
        );
        let body = body.replace("input", "prompt");
        assert_eq!(
            estimate(Operation::Completions, &body, "gpt-3.5-turbo-instruct"),
            exact(tokens),
            "{body}"
        );
    }
}

#[test]
fn responses() {
    let string = r#"{"input":"hello"}"#;
    assert_eq!(estimate(Operation::Responses, string, "gpt-4.1"), exact(8));
    let items = r#"{"instructions":"Be kind","input":[{"role":"user","content":[{"type":"input_text","text":"hello"}]}]}"#;
    assert_eq!(
        estimate(Operation::Responses, items, "gpt-4.1"),
        exact(8 + 3 + 1 + 2)
    );
    let more = r#"{"input":[{"role":"user","content":"hello"},{"type":"function_call","name":"f","arguments":"{}"},
        {"type":"function_call_output","output":"sunny"},{"type":"item_reference","id":"x"}]}"#;
    let estimated = estimate(Operation::Responses, more, "gpt-4.1");
    assert!(estimated.tokens > 20 && !estimated.exact);
    let continued = r#"{"input":"hello","previous_response_id":"r"}"#;
    assert_eq!(
        estimate(Operation::Responses, continued, "gpt-4.1"),
        Estimate {
            tokens: 8,
            exact: false
        }
    );
}

#[test]
fn a_prompt_above_the_limit_is_extrapolated() {
    let body = format!(r#"{{"input":"{}"}}"#, "hello ".repeat(200_000));
    let estimated = estimate(Operation::Embeddings, &body, "text-embedding-3-small");
    assert!(!estimated.exact);
    assert!(estimated.tokens.abs_diff(200_000) < 100, "{estimated:?}");
}

#[test]
fn text_that_names_no_character_counts_roughly() {
    let body = r#"{"messages":[{"role":"user","content":"\ud800 hello"}]}"#;
    let estimated = estimate(Operation::ChatCompletions, body, "gpt-4o");
    assert!(!estimated.exact && estimated.tokens > 7);
}

#[test]
fn nested_tools_end() {
    let mut schema = r#"{"type":"object","properties":{"a":{"type":"string"}}}"#.to_owned();
    for _ in 0..200 {
        schema = format!(r#"{{"type":"object","properties":{{"a":{schema}}}}}"#);
    }
    let body = format!(
        r#"{{"messages":[],"tools":[{{"type":"function","name":"f","parameters":{schema}}}]}}"#
    );
    assert!(estimate(Operation::ChatCompletions, &body, "gpt-4o").tokens > 1000);
}

#[test]
fn no_request_panics() {
    arbtest::arbtest(|u| {
        let part = |u: &mut arbtest::arbitrary::Unstructured<'_>| {
            let parts = [
                r#""x""#,
                "null",
                "1",
                "[]",
                "{}",
                r#"{"role":1,"content":{}}"#,
                r#"[{"content":[{"type":"text"}]}]"#,
                r#"[[1,"a",null]]"#,
                r#"{"type":"function","function":{"parameters":{"properties":[]}}}"#,
                r#"["a",{}]"#,
            ];
            u.choose(&parts).map(|part| (*part).to_owned())
        };
        let body = format!(
            r#"{{"messages":{},"input":[{}],"prompt":{},"tools":[{}],"instructions":{},"contents":{}}}"#,
            part(u)?,
            part(u)?,
            part(u)?,
            part(u)?,
            part(u)?,
            part(u)?
        );
        let peek = Peek::new(body.as_bytes()).unwrap();
        for operation in [
            Operation::ChatCompletions,
            Operation::Completions,
            Operation::Responses,
            Operation::Embeddings,
            Operation::Other,
        ] {
            let _ = estimate_prompt(operation, &peek, None);
        }
        let _ = crate::prompt_text(&peek, true);
        Ok(())
    });
}

fn bound(operation: Operation, body: &str) -> Option<u64> {
    let peek = Peek::new(body.as_bytes()).unwrap();
    bound_prompt(operation, body.as_bytes(), &peek, peek.model.as_deref())
}

#[test]
fn a_bound_is_the_count_where_that_is_exact() {
    let chat = Operation::ChatCompletions;
    let body =
        r#"{"model":"gpt-4o","temperature":1,"messages":[{"role":"user","content":"Say hello"}]}"#;
    assert_eq!(bound(chat, body), Some(9 + MARGIN));
    // A format is put into the prompt, in a way that is not known.
    let body = r#"{"model":"gpt-4o","response_format":{"type":"json_object"},"messages":[{"role":"user","content":"Say hello"}]}"#;
    assert_eq!(bound(chat, body), Some(body.len() as u64 + 1024));
    // No vocabulary is known: no token is shorter than a byte.
    let body = r#"{"model":"claude-sonnet-4","max_tokens":5,"messages":[{"role":"user","content":"Say hello"}]}"#;
    assert_eq!(
        bound(Operation::Other, body),
        Some(body.len() as u64 + 1024)
    );
}

#[test]
fn a_bound_of_images_is_not_that_of_their_bytes() {
    let data = "A".repeat(100_000);
    let of = |model: &str| {
        let body = format!(
            r#"{{"model":"{model}","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]}}]}}"#
        );
        bound(Operation::ChatCompletions, &body).unwrap()
    };
    assert!((10_000..12_000).contains(&of("gpt-4o")), "{}", of("gpt-4o"));
    assert!((48_000..51_000).contains(&of("gpt-4o-mini")));
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":[{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}]}}]}}"#
    );
    assert!(bound(Operation::Other, &body).unwrap() < 12_000);
}

#[test]
fn what_only_the_provider_has_is_not_bounded() {
    for body in [
        r#"{"model":"gpt-4o","input":"more","previous_response_id":"r"}"#,
        r#"{"model":"gpt-4o","prompt":{"id":"pmpt_1"}}"#,
        r#"{"model":"gpt-4o","input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]}"#,
        r#"{"model":"gpt-4o","input":"a","tools":[{"type":"web_search"}]}"#,
        r#"{"contents":[{"parts":[{"fileData":{"fileUri":"gs://a"}}]}]}"#,
    ] {
        assert_eq!(bound(Operation::Responses, body), None, "{body}");
    }
    let body = r#"{"model":"gpt-4o","input":"a","tools":[{"type":"function","name":"f"}]}"#;
    assert!(bound(Operation::Responses, body).is_some());
}

#[test]
fn a_bound_is_never_below_the_estimate() {
    arbtest(|u| {
        let text: String = u.arbitrary()?;
        let model = *u.choose(&["gpt-4o", "claude-sonnet-4", "x"])?;
        let body =
            serde_json::json!({"model": model, "messages": [{"role": "user", "content": text}]});
        let body = body.to_string();
        let peek = Peek::new(body.as_bytes()).unwrap();
        let chat = Operation::ChatCompletions;
        let bound = bound_prompt(chat, body.as_bytes(), &peek, Some(model)).unwrap();
        assert!(bound >= estimate_prompt(chat, &peek, Some(model)).tokens);
        assert!(bound >= text.len() as u64 || model == "gpt-4o");
        Ok(())
    });
}
