use super::*;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;

fn call(name: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{name},"arguments":{arguments},{META}}}}}"#
    )
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        })
        .collect()
}

fn of(name: &str) -> Vec<(&str, &str)> {
    vec![
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", name),
    ]
}

#[test]
fn what_the_head_repeats_must_be_what_the_body_says() {
    let text = call(r#""caf\u00e9""#, "{}");
    let message = Envelope::peek(text.as_bytes()).unwrap();
    let check = |pairs: &[(&str, &str)]| agree(&headers(pairs), &message);
    assert_eq!(check(&of(" =?base64?Y2Fmw6k=?= ")), Ok(()));
    for (pairs, why) in [
        (of("cafe"), "Mcp-Name is not what the body says"),
        (
            of("caf\u{e9}"),
            "Mcp-Name holds a character that is not visible ASCII",
        ),
        (
            of("=?base64?Y2Fmw6k?="),
            "Mcp-Name holds no Base64 of UTF-8 between its markers",
        ),
        (of("x")[..2].to_vec(), "Mcp-Name is missing"),
        (of("x")[1..].to_vec(), "MCP-Protocol-Version is missing"),
        (
            vec![("mcp-protocol-version", "2025-11-25")],
            "MCP-Protocol-Version is not what the body says",
        ),
        (
            vec![
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "Tools/Call"),
            ],
            "Mcp-Method is not what the body says",
        ),
        (of("x")[..1].to_vec(), "Mcp-Method is missing"),
    ] {
        assert_eq!(check(&pairs), Err(why.to_owned()), "{pairs:?}");
    }
    let mut with = of("=?base64?Y2Fmw6k=?=");
    with.push(("mcp-param-region", "=?base64?!?="));
    assert!(check(&with).is_err());
    with.pop();
    with.push(("mcp-param-region", "anything that can be read"));
    assert_eq!(check(&with), Ok(()));
}

#[test]
fn headers_follow_a_rewritten_message() {
    let before = call(
        r#""old""#,
        r#"{"region":"eu","copy":"eu","count":7,"deep":{"Tenant-Id":"a"},"gone":"x","list":["eu"]}"#,
    );
    let after = call(
        r#""n\u00e9w""#,
        r#"{"region":"us west ","copy":"ca","count":8,"deep":{"Tenant-Id":"b"},"list":["us"]}"#,
    );
    let mut map = headers(&of("old"));
    for (name, value) in [
        ("mcp-param-region", "eu"),
        ("mcp-param-number", "07"),
        ("mcp-param-tenantid", "a"),
        ("mcp-param-gone", "x"),
        ("mcp-param-odd", "never sent as an argument"),
    ] {
        map.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let (before, after) = (
        Envelope::peek(before.as_bytes()).unwrap(),
        Envelope::peek(after.as_bytes()).unwrap(),
    );
    follow(&mut map, &before, &after);
    let now = |name: &str| map.get(name).map(|v| v.to_str().unwrap());
    assert_eq!(now("mcp-name"), Some("=?base64?bsOpdw==?="));
    assert_eq!(now("mcp-param-region"), Some("=?base64?dXMgd2VzdCA=?="));
    assert_eq!(now("mcp-param-number"), Some("8"));
    assert_eq!(now("mcp-param-tenantid"), Some("b"));
    assert_eq!(now("mcp-param-gone"), None);
    assert_eq!(now("mcp-param-odd"), None);
    assert_eq!(agree(&map, &after), Ok(()));
}

#[test]
fn a_repeated_value_that_nobody_can_place_is_taken_out() {
    let before = call(r#""t""#, r#"{"a":"x","b":"x"}"#);
    let same = call(r#""t""#, r#"{"a":"y","b":"y"}"#);
    let other = call(r#""t""#, r#"{"a":"y","b":"z"}"#);
    for (after, expected) in [(same, Some("y")), (other, None)] {
        let mut map = headers(&of("t"));
        map.insert("mcp-param-c", HeaderValue::from_static("x"));
        follow(
            &mut map,
            &Envelope::peek(before.as_bytes()).unwrap(),
            &Envelope::peek(after.as_bytes()).unwrap(),
        );
        assert_eq!(
            map.get("mcp-param-c").map(|v| v.to_str().unwrap()),
            expected
        );
    }
}
