//! The text of a request or a response, and its windows.
//!
//! What must stay true: a body that is no model request or completion as we know them is looked at whole: nothing passes
//! because it was written in another way.

use crate::body::coding::Coding;
use crate::llm_call::is_event_stream;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use tollgate_llm::sse::{DEFAULT_LIMIT, Splitter};
use tollgate_llm::stream::output_texts;
use tollgate_llm::{Operation, Peek, prompt_text};

/// Members of a completion that are its text, in all dialects.
const TEXTS: [&str; 9] = [
    "arguments",
    "content",
    "output_text",
    "partial_json",
    "reasoning",
    "reasoning_content",
    "refusal",
    "text",
    "thinking",
];

/// Deepest nesting that is walked; `serde_json` refuses what is deeper.
const DEEPEST: usize = 128;

/// All text of a prompt; `None`: the body cannot be read.
pub(super) fn of_request(headers: &HeaderMap, body: &Bytes, limit: usize) -> Option<String> {
    let body = Coding::of(headers).undo(body, limit)?;
    if let Ok(peek) = Peek::new(&body) {
        let prompt = prompt_text(&peek, false);
        if prompt.messages > 0 && prompt.text_only {
            return Some(prompt.text);
        }
    }
    // Tool calls, files, members that are not known: every text in it counts.
    Some(match serde_json::from_slice::<Value>(&body) {
        Ok(value) => {
            let mut text = String::new();
            all(&value, &mut text);
            text
        }
        Err(_) => String::from_utf8_lossy(&body).into_owned(),
    })
}

/// All text of a completion; `None`: the body cannot be read.
pub(super) fn of_response(headers: &HeaderMap, body: &Bytes, limit: usize) -> Option<String> {
    let body = Coding::of(headers).undo(body, limit)?;
    let mut text = String::new();
    if is_event_stream(headers) {
        let mut splitter = Splitter::new(DEFAULT_LIMIT);
        splitter.push(&body, |event| of_event(Operation::Other, &event, &mut text));
        if let Some(event) = splitter.finish() {
            of_event(Operation::Other, &event, &mut text);
        }
        return Some(text);
    }
    match serde_json::from_slice::<Value>(&body) {
        Ok(value) => named(&value, false, DEEPEST, &mut text),
        Err(_) => text = String::from_utf8_lossy(&body).into_owned(),
    }
    Some(text)
}

/// The text that an event adds; of one that cannot be taken apart all of it.
pub(super) fn of_event(operation: Operation, event: &tollgate_llm::sse::Event, text: &mut String) {
    if !event.whole {
        text.push_str(&String::from_utf8_lossy(&event.raw));
        return;
    }
    if let Some(data) = event.data() {
        output_texts(operation, &data, |piece| text.push_str(piece));
    }
}

fn add(piece: &str, text: &mut String) {
    if !piece.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(piece);
    }
}

/// Every text of a value. Bytes in Base64 (`data:` URLs) are none.
fn all(value: &Value, text: &mut String) {
    match value {
        Value::String(piece) if !piece.starts_with("data:") => add(piece, text),
        Value::Array(items) => items.iter().for_each(|item| all(item, text)),
        Value::Object(members) => members.values().for_each(|member| all(member, text)),
        _ => {}
    }
}

/// The texts under the names that completions have them under. `inside`: under one of these names.
fn named(value: &Value, inside: bool, left: usize, text: &mut String) {
    if left == 0 {
        return;
    }
    match value {
        Value::String(piece) if inside => add(piece, text),
        Value::Array(items) => {
            for item in items {
                named(item, inside, left - 1, text);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                named(member, TEXTS.contains(&name.as_str()), left - 1, text);
            }
        }
        _ => {}
    }
}

/// A text in windows of so many characters, each beginning with the last `overlap` of the one before.
pub(super) fn windows(text: &str, window: usize, overlap: usize) -> Vec<&str> {
    let window = window.max(1);
    let step = window.saturating_sub(overlap).max(1);
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let offset = |at: usize| starts.get(at).copied().unwrap_or(text.len());
    let mut windows = Vec::new();
    let mut at = 0;
    while at < starts.len() {
        windows.push(&text[offset(at)..offset(at + window)]);
        if at + window >= starts.len() {
            break;
        }
        at += step;
    }
    windows
}

/// The last characters of a text.
pub(super) fn tail(text: &str, characters: usize) -> &str {
    match characters.checked_sub(1) {
        None => "",
        Some(before) => {
            let at = text
                .char_indices()
                .rev()
                .nth(before)
                .map_or(0, |(at, _)| at);
            &text[at..]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_the_text_and_overlap() {
        assert_eq!(windows("abcdefg", 3, 0), ["abc", "def", "g"]);
        assert_eq!(windows("abcdefg", 3, 1), ["abc", "cde", "efg"]);
        assert_eq!(windows("äöü", 2, 0), ["äö", "ü"]);
        assert_eq!(windows("ab", 3, 2), ["ab"]);
        assert_eq!(windows("abc", 2, 9), ["ab", "bc"]);
        assert!(windows("", 3, 0).is_empty());
        assert_eq!(
            (tail("äöü", 2), tail("a", 9), tail("ab", 0)),
            ("öü", "a", "")
        );
    }

    #[test]
    fn every_text_of_a_prompt_counts() {
        let none = HeaderMap::new();
        let of = |body: &'static str| of_request(&none, &Bytes::from(body), 1 << 20).unwrap();
        assert_eq!(
            of(
                r#"{"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}]}]}"#
            ),
            "a\nb"
        );
        assert!(of(r#"{"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "bad"}}]}]}"#).contains("bad"));
        assert!(of(r#"{"query": "bad"}"#).contains("bad"));
        assert_eq!(of("bad words"), "bad words");
        let mut coded = HeaderMap::new();
        coded.insert("content-encoding", http::HeaderValue::from_static("br"));
        assert_eq!(of_request(&coded, &Bytes::from("x"), 9), None);
    }

    #[test]
    fn every_dialect_of_completions_has_its_text() {
        let none = HeaderMap::new();
        for (body, expected) in [
            (
                r#"{"id": "no", "choices": [{"message": {"role": "assistant", "content": "a", "tool_calls": [{"id": "no", "function": {"name": "no", "arguments": "b"}}]}}]}"#,
                "a\nb",
            ),
            (r#"{"choices": [{"text": "a"}]}"#, "a"),
            (
                r#"{"output": [{"type": "message", "content": [{"type": "output_text", "text": "a"}]}]}"#,
                "a",
            ),
            (
                r#"{"role": "assistant", "content": [{"type": "text", "text": "a"}]}"#,
                "a",
            ),
            (
                r#"{"candidates": [{"content": {"role": "model", "parts": [{"text": "a"}]}}]}"#,
                "a",
            ),
            ("plain", "plain"),
        ] {
            let found = of_response(&none, &Bytes::from(body), 1 << 20);
            assert_eq!(found.as_deref(), Some(expected), "{body}");
        }
    }
}
