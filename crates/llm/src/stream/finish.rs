//! Why a model ended its answer, out of a whole body or the last event of a Responses stream.
//!
//! What must hold: a scan from the end, not a parse; a word of the provider's own is given as it stands.

use crate::dialect::Operation;
use crate::json;

/// `finish_reason` of the last choice (chat, completions), `stop_reason` (Anthropic), `finishReason` (Gemini),
/// `stopReason` (Bedrock); of Responses why an answer is incomplete.
pub(super) fn reason(operation: Operation, body: &[u8]) -> Option<String> {
    let names: &[&[u8]] = match operation {
        Operation::Embeddings => return None,
        Operation::Responses => return incomplete(body),
        Operation::ChatCompletions | Operation::Completions => &[b"\"finish_reason\""],
        Operation::Other => &[
            b"\"stop_reason\"",
            b"\"finishReason\"",
            b"\"stopReason\"",
            b"\"finish_reason\"",
        ],
    };
    names.iter().find_map(|name| {
        let at = json::last_value_of(body, name)?;
        json::text(json::leading(&body[at..])?).map(std::borrow::Cow::into_owned)
    })
}

fn incomplete(body: &[u8]) -> Option<String> {
    let at = json::last_value_of(body, b"\"incomplete_details\"")?;
    let mut reason = None;
    json::object(json::leading(&body[at..])?, |name, value| {
        if name == "reason" {
            reason = json::text(value).map(std::borrow::Cow::into_owned);
        }
    });
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_whole_bodies() {
        for (operation, body, expected) in [
            (
                Operation::ChatCompletions,
                r#"{"choices":[{"message":{"content":"\"finish_reason\":\"no\""},"finish_reason":"length"}],"usage":{}}"#,
                Some("length"),
            ),
            (
                Operation::Responses,
                r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}"#,
                Some("max_output_tokens"),
            ),
            (
                Operation::Responses,
                r#"{"status":"completed","incomplete_details":null}"#,
                None,
            ),
            (
                Operation::Other,
                r#"{"content":[{"type":"tool_use","input":{"stop_reason":"x"}}],"stop_reason":"max_tokens"}"#,
                Some("max_tokens"),
            ),
            (
                Operation::Other,
                r#"{"candidates":[{"finishReason":"SAFETY"}]}"#,
                Some("SAFETY"),
            ),
            (Operation::Other, r#"{"stopReason":3}"#, None),
            (Operation::Other, r#"{"stopReason":"#, None),
            (Operation::Embeddings, r#"{"finish_reason":"stop"}"#, None),
        ] {
            assert_eq!(
                reason(operation, body.as_bytes()).as_deref(),
                expected,
                "{body}"
            );
        }
    }
}
