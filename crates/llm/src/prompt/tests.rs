//! Tests of `prompt`: what a semantic cache compares.
use super::*;

fn prompt(body: &str, ignore_system: bool) -> Prompt {
    prompt_text(&Peek::new(body.as_bytes()).unwrap(), ignore_system)
}

fn text(text: &str, messages: usize) -> Prompt {
    Prompt {
        text: text.to_owned(),
        messages,
        text_only: true,
    }
}

#[test]
fn texts_in_order() {
    let chat = r#"{"messages":[{"role":"system","content":"Be kind"},{"role":"developer","content":"and short"},
        {"role":"user","content":[{"type":"text","text":"hi"},{"type":"text","text":"\u00e9"}]},{"role":"assistant","content":"yes?"}]}"#;
    assert_eq!(
        prompt(chat, false),
        text("Be kind\nand short\nhi\né\nyes?", 4)
    );
    assert_eq!(prompt(chat, true), text("hi\né\nyes?", 2));
    let responses = r#"{"instructions":"Be kind","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#;
    assert_eq!(prompt(responses, false), text("Be kind\nhi", 2));
    assert_eq!(prompt(responses, true), text("hi", 1));
    assert_eq!(prompt(r#"{"input":"hi"}"#, true), text("hi", 1));
    assert_eq!(prompt(r#"{"prompt":["a","b"]}"#, false), text("a\nb", 2));
    assert_eq!(
        prompt(
            r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#,
            false
        ),
        text("hi", 1)
    );
    assert_eq!(prompt("{}", false), text("", 0));
}

#[test]
fn what_is_not_text_is_told() {
    for body in [
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"x"}}]}]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}"#,
        r#"{"messages":[{"role":"assistant","content":null,"tool_calls":[]}]}"#,
        r#"{"messages":[{"role":"assistant","content":"x","tool_calls":[{}]}]}"#,
        r#"{"input":[{"type":"item_reference","id":"x"}]}"#,
        r#"{"input":"hi","previous_response_id":"r"}"#,
        r#"{"input":[1,2]}"#,
        r#"{"messages":[{"role":"user","content":"\ud800"}]}"#,
    ] {
        assert!(!prompt(body, false).text_only, "{body}");
    }
}
