//! Responses of every kind.

use super::*;

fn of(status: u16, content_type: &str, body: &str) -> Value {
    let answer = HttpAnswer {
        status,
        content_type: (!content_type.is_empty()).then_some(content_type),
        retry_after: None,
        body: body.as_bytes(),
        from_backend: true,
    };
    Value::Object(result("t", answer).json(false))
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}

#[test]
fn json_is_structured_and_text() {
    let found = of(200, "application/json; charset=utf-8", "{ \"a\": [1, 2] }");
    assert_eq!(
        found,
        json!({"content": [{"type": "text", "text": "{\"a\":[1,2]}"}], "structuredContent": {"a": [1, 2]}})
    );
    let list = HttpAnswer {
        status: 200,
        content_type: Some("application/vnd.x+json"),
        retry_after: None,
        body: b"[1]",
        from_backend: true,
    };
    assert_eq!(
        result("t", list).json(true)["structuredContent"],
        json!({"result": [1]})
    );
    assert_eq!(
        result("t", list).json(false)["structuredContent"],
        json!([1])
    );
    // A body that only says it is JSON is passed as the text it is.
    assert_eq!(
        of(200, "application/json", "{oops"),
        json!({"content": [{"type": "text", "text": "{oops"}]})
    );
    assert_eq!(
        of(200, "", "{\"a\":1}")["structuredContent"],
        json!({"a": 1})
    );
}

#[test]
fn other_kinds_have_their_own_blocks() {
    assert_eq!(text(&of(204, "", "")), "No content");
    assert_eq!(text(&of(200, "text/html", "<p>")), "<p>");
    assert_eq!(text(&of(200, "application/atom+xml", "<a/>")), "<a/>");
    assert_eq!(
        of(200, "image/png", "abc")["content"][0],
        json!({"type": "image", "data": "YWJj", "mimeType": "image/png"})
    );
    assert_eq!(
        of(200, "audio/wav", "abc")["content"][0],
        json!({"type": "audio", "data": "YWJj", "mimeType": "audio/wav"})
    );
    assert_eq!(
        of(200, "application/pdf", "abc")["content"][0],
        json!({"type": "resource", "resource": {"uri": "tool://t/result", "mimeType": "application/pdf", "blob": "YWJj"}})
    );
    let latin = HttpAnswer {
        status: 200,
        content_type: Some("text/plain; charset=ISO-8859-1"),
        retry_after: None,
        body: &[0xfc],
        from_backend: true,
    };
    assert_eq!(result("t", latin).content[0]["text"], "\u{fc}");
}

#[test]
fn streams_become_one_result() {
    assert_eq!(
        of(200, "application/x-ndjson", "{\"a\":1}\n\n{\"a\":2}\n")["structuredContent"],
        json!([{"a": 1}, {"a": 2}])
    );
    let found = of(
        200,
        "text/event-stream",
        "event: x\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\n: note\n\ndata: {\"a\":2}\n\ndata: [DONE]\n\n",
    );
    assert_eq!(found["structuredContent"], json!([{"a": 1}, {"a": 2}]));
    assert_eq!(
        text(&of(200, "text/event-stream", "data: one\n\ndata: two\n\n")),
        "one\ntwo"
    );
    assert_eq!(
        text(&of(200, "text/event-stream", ": nothing\n\n")),
        "No content"
    );
}

#[test]
fn failures_are_for_the_model_and_tell_no_secrets() {
    let found = of(404, "application/json", "{\"message\":\"no order 7\"}");
    assert_eq!(found["isError"], true);
    assert_eq!(
        text(&found),
        "The API answered with status 404 (Not Found).\n{\"message\":\"no order 7\"}"
    );
    assert_eq!(found["_meta"], json!({"tollgate/httpStatus": 404}));
    let found = of(500, "application/json", "{\"stack\":\"at secret.cs:7\"}");
    assert_eq!(
        text(&found),
        "The API answered with status 500 (Internal Server Error)."
    );
    let found = of(
        503,
        "application/problem+json",
        "{\"title\":\"busy\",\"detail\":\"try later\",\"trace\":\"secret\"}",
    );
    assert!(text(&found).ends_with("{\"title\":\"busy\",\"detail\":\"try later\"}"));
    for status in [401, 403, 407] {
        let found = of(
            status,
            "application/json",
            "{\"message\":\"key abc is wrong\"}",
        );
        assert!(text(&found).starts_with("Upstream authorization failed"));
        assert!(!found.to_string().contains("abc"));
    }
    // A policy of the gateway speaks to the caller.
    let policy = HttpAnswer {
        status: 403,
        content_type: Some("application/json"),
        retry_after: None,
        body: b"{\"message\":\"orders above 100 need approval\"}",
        from_backend: false,
    };
    assert!(text(&Value::Object(result("t", policy).json(false))).contains("need approval"));
    assert!(text(&of(302, "text/html", "x")).contains("redirect"));
    assert_eq!(
        text(&of(400, "text/html", "<html>")),
        "The API answered with status 400 (Bad Request)."
    );
    assert!(text(&of(400, "text/plain", &"x".repeat(5000))).len() < 2200);
}

#[test]
fn a_retry_is_hinted() {
    let answer = |after| HttpAnswer {
        status: 429,
        content_type: None,
        retry_after: Some(after),
        body: b"",
        from_backend: true,
    };
    let found = result("t", answer("7"));
    assert_eq!(
        found.content[0]["text"],
        "The API answered with status 429 (Too Many Requests).\nRetry after 7 seconds."
    );
    assert_eq!(found.meta["tollgate/retryAfterSeconds"], 7);
    let found = result("t", answer("Wed, 21 Oct 2026 07:28:00 GMT"));
    assert!(
        found.content[0]["text"]
            .as_str()
            .unwrap()
            .ends_with("Retry after Wed, 21 Oct 2026 07:28:00 GMT.")
    );
}
