//! Results of the stateless revisions, which must say more than those before them did.
//!
//! For answers that somebody wrote by hand, as documents of API Management do. What must stay true: what stands in a
//! result stays byte for byte; an error and what is no result stay as they are.
//! Source: MCP 2026-07-28, `resultType` and "Caching".

use crate::list::Members;
use std::borrow::Cow;

/// Methods whose results say how long and for whom they may be kept.
const CACHEABLE: [&str; 6] = [
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
];

/// Adds what a result of `method` lacks: that it is complete, and for lists that it may not be kept and is the caller's
/// own. `None`: it lacks nothing, or is no result.
pub fn complete(message: &str, method: &str) -> Option<String> {
    let mut message: Members<'_> = serde_json::from_str(message.trim_ascii()).ok()?;
    let place = message.find("result")?;
    let mut result: Members<'_> = serde_json::from_str(message.value(place)).ok()?;
    let mut lacks = Vec::new();
    if result.find("resultType").is_none() {
        lacks.push(("resultType", "\"complete\""));
    }
    let questions = result.find("inputRequests").is_some() || result.find("requestState").is_some();
    if CACHEABLE.contains(&method) && !questions {
        for (name, value) in [("ttlMs", "0"), ("cacheScope", "\"private\"")] {
            if result.find(name).is_none() {
                lacks.push((name, value));
            }
        }
    }
    if lacks.is_empty() || questions {
        return None;
    }
    for (name, value) in lacks {
        result.push(name, value);
    }
    let result = result.write();
    message.replace(place, Cow::Owned(result));
    Some(message.write())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_gets_what_it_lacks_and_keeps_what_it_has() {
        assert_eq!(
            complete(
                r#"{"jsonrpc":"2.0","id":1e0,"result":{"tools":[{"x":1e400}]}}"#,
                "tools/list"
            )
            .unwrap(),
            r#"{"jsonrpc":"2.0","id":1e0,"result":{"tools":[{"x":1e400}],"resultType":"complete","ttlMs":0,"cacheScope":"private"}}"#
        );
        assert_eq!(
            complete(r#"{"result":{"content":[]}}"#, "tools/call").unwrap(),
            r#"{"result":{"content":[],"resultType":"complete"}}"#
        );
        assert_eq!(
            complete(
                r#"{"result":{"ttlMs":60000,"resultType":"complete"}}"#,
                "tools/list"
            )
            .unwrap(),
            r#"{"result":{"ttlMs":60000,"resultType":"complete","cacheScope":"private"}}"#
        );
    }

    #[test]
    fn what_lacks_nothing_stays() {
        for message in [
            r#"{"result":{"tools":[],"resultType":"complete","ttlMs":5,"cacheScope":"public"}}"#,
            r#"{"result":{"resultType":"input_required","inputRequests":{}}}"#,
            r#"{"result":{"inputRequests":{}}}"#,
            r#"{"error":{"code":-32601,"message":"x"}}"#,
            r#"{"result":7}"#,
            "",
            "nonsense",
            "[]",
        ] {
            assert_eq!(complete(message, "tools/list"), None, "{message}");
        }
    }

    #[test]
    fn any_text_becomes_json_or_stays() {
        arbtest::arbtest(|u| {
            let message: String = u.arbitrary()?;
            if let Some(new) = complete(&message, "tools/list") {
                assert!(serde_json::from_str::<serde_json::Value>(&new).is_ok());
            }
            Ok(())
        });
    }
}
