use super::*;

fn peek(text: &str) -> Result<Envelope<'_>, Malformed> {
    Envelope::peek(text.as_bytes())
}

#[test]
fn a_call_is_peeked_without_reading_its_arguments() {
    let call = peek(
        r#" {"jsonrpc":"2.0","id":"a\"b","method":"tools/call","params":{"name":"echo","arguments":{"deep":[1,{"name":"x"}]},
            "_meta":{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28","traceparent":"00-x"}}} "#,
    )
    .unwrap();
    assert_eq!(call.kind(), Kind::Request);
    assert_eq!(call.id.unwrap().json(), r#""a\"b""#);
    assert_eq!(call.tool(), Some("echo"));
    assert_eq!(call.mirrored_name(), Some(Some("echo")));
    assert_eq!(
        call.params.arguments.unwrap().get(),
        r#"{"deep":[1,{"name":"x"}]}"#
    );
    let meta = call.params.meta.unwrap();
    assert_eq!(meta.progress_token.unwrap().get(), "7");
    assert_eq!(meta.protocol_version.as_deref(), Some("2026-07-28"));
    assert_eq!(meta.traceparent.as_deref(), Some("00-x"));
}

#[test]
fn kinds_are_told_apart() {
    let kind = |text: &str| peek(text).map(|e| e.kind());
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","method":"ping","id":-3}"#),
        Ok(Kind::Request)
    );
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","method":"n"}"#),
        Ok(Kind::Notification)
    );
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
        Ok(Kind::Response)
    );
    assert_eq!(
        kind(r#"{"jsonrpc":"2.0","id":null,"error":{}}"#),
        Ok(Kind::Response)
    );
    assert_eq!(kind(r#"{"jsonrpc":"2.0","error":{}}"#), Ok(Kind::Response));
}

#[test]
fn what_is_no_message_is_refused() {
    let code = |text: &str| peek(text).map_err(|m| m.code()).unwrap_err();
    for text in [
        "",
        "{",
        "nonsense",
        r#"{"jsonrpc":"2.0","method":"a",}"#,
        "[1",
        "\u{feff}{}",
    ] {
        assert_eq!(code(text), code::PARSE_ERROR, "{text}");
    }
    for text in [
        "[]",
        "1",
        "null",
        "{}",
        r#"{"jsonrpc":"1.0","method":"a"}"#,
        r#"{"jsonrpc":"2.0"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","result":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":1,"error":1}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1e3,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":true,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":5}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":5}}"#,
    ] {
        assert_eq!(code(text), code::INVALID_REQUEST, "{text}");
    }
    assert_eq!(
        Envelope::peek(b"{\"a\":\"\xff\"}").unwrap_err().code(),
        code::PARSE_ERROR
    );
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":"{}","method":"a"}}"#,
        "x".repeat(600)
    );
    assert_eq!(code(&long), code::INVALID_REQUEST);
}

#[test]
fn a_name_that_two_readers_read_differently_is_refused() {
    for (text, name) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}"#,
            "method",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","Method":"tools/call"}"#,
            "method",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","m\u0065thod":"tools/call"}"#,
            "method",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
            "name",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"NAME":"b"}}"#,
            "name",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{},"_META":{}}}"#,
            "_meta",
        ),
    ] {
        assert_eq!(
            peek(text).unwrap_err(),
            Malformed::Ambiguous(name.to_owned()),
            "{text}"
        );
    }
    // Names of other objects are none of ours.
    assert!(peek(r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{"name":1,"Name":2}},"x":1}"#).is_ok());
}

#[test]
fn answers_keep_the_id_and_are_json() {
    let call = peek(r#"{"jsonrpc":"2.0","id": 0012345678901234567890 ,"method":"a"}"#);
    assert!(call.is_err(), "a leading zero is not JSON");
    let call = peek(r#"{"jsonrpc":"2.0","id": 12345678901234567890123 ,"method":"a"}"#).unwrap();
    let text = error(
        call.id,
        code::INVALID_PARAMS,
        "Unknown tool: \"x\"\n",
        Some("{\"a\":1}"),
    );
    assert_eq!(
        text,
        r#"{"jsonrpc":"2.0","id":12345678901234567890123,"error":{"code":-32602,"message":"Unknown tool: \"x\"\n","data":{"a":1}}}"#
    );
    let text = result(call.id.unwrap(), "{}");
    assert_eq!(peek(&text).unwrap().kind(), Kind::Response);
    assert!(error(None, 1, "m", None).contains(r#""id":null"#));
    assert_eq!(
        peek(&notification("a/b", "{}")).unwrap().kind(),
        Kind::Notification
    );
}

#[test]
fn deep_messages_do_not_end_the_stack() {
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{{"arguments":{}1{}}}}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    // Refused or taken: no crash.
    let _ = peek(&deep);
}

#[test]
fn any_bytes_are_taken_or_refused() {
    arbtest::arbtest(|u| {
        let bytes: Vec<u8> = u.arbitrary()?;
        if let Ok(envelope) = Envelope::peek(&bytes) {
            assert!(
                envelope.method.is_some() || envelope.result.is_some() || envelope.error.is_some()
            );
        }
        Ok(())
    });
}
