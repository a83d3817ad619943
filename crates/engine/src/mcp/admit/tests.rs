use super::*;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect()
}

#[test]
fn an_accept_takes_what_its_ranges_say() {
    let takes = |accept: &str, kind: &str| accepts(&headers(&[("accept", accept)]), kind);
    assert!(accepts(&HeaderMap::new(), "text/event-stream"));
    for accept in [
        "*/*",
        "text/*",
        "TEXT/event-stream",
        "application/json, text/event-stream;q=0.5",
        "text/event-stream ; charset=utf-8",
    ] {
        assert!(takes(accept, "text/event-stream"), "{accept}");
    }
    for accept in [
        "application/json",
        "application/*",
        "text/event-stream;q=0",
        "text/event-streams",
        "",
    ] {
        assert!(!takes(accept, "text/event-stream"), "{accept}");
    }
    let two = headers(&[("accept", "application/json")]);
    let mut two = two;
    two.append(
        header::ACCEPT,
        HeaderValue::from_static("text/event-stream"),
    );
    assert!(accepts(&two, "application/json") && accepts(&two, "text/event-stream"));
}

#[test]
fn only_plain_json_is_a_message() {
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        assert!(is_json(&headers(&[("content-type", kind)])), "{kind}");
    }
    for kind in [
        "text/plain",
        "application/json-rpc",
        "",
        "application/x-json",
    ] {
        assert!(!is_json(&headers(&[("content-type", kind)])), "{kind}");
    }
    assert!(!is_json(&HeaderMap::new()));
    let coded = [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    assert!(!is_json(&headers(&coded)));
}
