//! Entry points for fuzzing: any bytes go in, and what must hold for every input is asserted.
//!
//! `fuzz/` calls them with coverage guidance, the property test at the end with random data.

use crate::jsonrpc::{Envelope, Kind, Malformed};
use crate::list::filter_tools;
use crate::mirror;
use serde_json::Value;

/// Peeks at a message. What was peeked is what a whole reader reads, under every name once.
///
/// # Panics
/// When that does not hold.
pub fn envelope(data: &[u8]) {
    let whole = serde_json::from_slice::<Value>(data);
    let envelope = match Envelope::peek(data) {
        Ok(envelope) => envelope,
        Err(Malformed::NotJson(_)) => {
            // Values in a message are not read, so a whole reader may refuse more, and a deeper one less.
            assert!(
                whole.is_err() || std::str::from_utf8(data).is_err(),
                "{whole:?}"
            );
            return;
        }
        Err(_) => return,
    };
    // Nested too deep for it, or a number that it cannot hold.
    let Ok(whole) = whole else {
        return;
    };
    let method = whole.get("method").and_then(Value::as_str);
    assert_eq!(envelope.method.as_deref(), method);
    assert_eq!(envelope.kind() == Kind::Response, method.is_none());
    assert_eq!(
        envelope
            .id
            .map(|id| serde_json::from_str::<Value>(id.json()).ok()),
        whole
            .get("id")
            .filter(|id| !id.is_null())
            .map(|id| Some(id.clone())),
    );
    let params = |name: &str| whole.get("params").and_then(|p| p.get(name));
    assert_eq!(
        envelope.params.name.as_deref(),
        params("name").and_then(Value::as_str)
    );
    assert_eq!(
        envelope.params.uri.as_deref(),
        params("uri").and_then(Value::as_str)
    );
    if let Some(tool) = envelope.tool() {
        assert_eq!(
            mirror::decode(mirror::encode(tool).as_bytes()).as_deref(),
            Ok(tool)
        );
    }
}

/// Filters a list of tools: what is left is what a whole reader finds allowed, in order, and the rest is the same.
///
/// # Panics
/// When that does not hold.
pub fn tool_list(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let allows = |name: &str| !name.starts_with('x');
    let Some(new) = filter_tools(text, &allows, false) else {
        return;
    };
    let (Ok(Value::Object(before)), Ok(Value::Object(after))) =
        (serde_json::from_str(text), serde_json::from_str(&new))
    else {
        return;
    };
    let names = |list: &Value| {
        let tools = list.get("tools").and_then(Value::as_array);
        tools.map(|tools| {
            let names = tools.iter().map(|t| t.get("name").and_then(Value::as_str));
            names.map(|n| n.map(str::to_owned)).collect::<Vec<_>>()
        })
    };
    if let Some(after) = after.get("result").and_then(names) {
        for name in after {
            assert!(name.is_some_and(|name| allows(&name)), "{new}");
        }
    }
    for (name, value) in &before {
        if !name.eq_ignore_ascii_case("result") {
            assert_eq!(after.get(name), Some(value));
        }
    }
    assert_eq!(filter_tools(&new, &allows, false).as_deref(), Some(&*new));
}

#[cfg(test)]
mod tests {
    use arbtest::arbtest;

    const PIECES: [&str; 36] = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"jsonrpc\":\"2.0\"",
        "\"id\":",
        "1",
        "-3",
        "\"a\"",
        "null",
        "\"method\":",
        "\"tools/call\"",
        "\"ping\"",
        "\"params\":{",
        "\"name\":",
        "\"x\"",
        "\"n\\u0061me\":",
        "\"Name\":",
        "\"uri\":",
        "\"_meta\":{",
        "\"progressToken\":",
        "\"result\":{",
        "\"tools\":[",
        "{\"name\":\"a\"}",
        "{\"name\":\"xb\"}",
        "\"error\":{}",
        "1e400",
        "\\ud800",
        "é",
        " ",
        "\n",
        "true",
        "\"arguments\":",
        "\"\\u0000\"",
    ];

    #[test]
    fn any_message_is_read_alike() {
        arbtest(|u| {
            let mut data = Vec::new();
            for _ in 0..u.int_in_range(0..=24)? {
                data.extend_from_slice(u.choose(&PIECES)?.as_bytes());
            }
            super::envelope(&data);
            super::tool_list(&data);
            // Whole messages are rare among pieces.
            let mut whole = br#"{"jsonrpc":"2.0","id":1,"#.to_vec();
            whole.extend_from_slice(&data);
            whole.push(b'}');
            super::envelope(&whole);
            super::tool_list(&whole);
            Ok(())
        });
        super::envelope(br#"{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"\u00e9","uri":"u"}}"#);
        super::tool_list(
            br#"{"id":1,"result":{"tools":[{"name":"a"},{"name":"x"},{"n":1}],"nextCursor":"c"}}"#,
        );
    }
}
