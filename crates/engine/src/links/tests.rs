//! Which links are rewritten, and how they are written.

use super::{Base, Links};

fn rewritten(from: &[(&str, &str, &str)], to: (&str, &str, &str), text: &str) -> Option<String> {
    let base = |(scheme, authority, path): (&str, &str, &str)| Base::new(scheme, authority, path);
    let links = Links::new(from.iter().copied().map(base).collect(), base(to));
    let found = links.rewritten(text.as_bytes(), 10_000).unwrap();
    found.map(|b| String::from_utf8(b.to_vec()).unwrap())
}

/// From `http://backend.test/v1` to `https://gw.test/api`.
fn usual(text: &str) -> Option<String> {
    rewritten(
        &[("http", "backend.test", "/v1")],
        ("https", "gw.test", "/api"),
        text,
    )
}

#[test]
fn every_spelling_of_a_slash_stays_as_it_was() {
    for (text, expected) in [
        (
            "http://backend.test/v1/x?a=1#b",
            "https://gw.test/api/x?a=1#b",
        ),
        (
            r#"{"u":"http:\/\/backend.test\/v1\/x"}"#,
            r#"{"u":"https:\/\/gw.test\/api\/x"}"#,
        ),
        (
            r#"{"u":"http:\u002F\u002Fbackend.test\u002fv1"}"#,
            r#"{"u":"https:\u002F\u002Fgw.test\u002Fapi"}"#,
        ),
        (
            "<a href='http:&#x2F;&#x2F;backend.test&#x2F;v1&#x2F;x'>",
            "<a href='https:&#x2F;&#x2F;gw.test&#x2F;api&#x2F;x'>",
        ),
        (
            "http:&#47;&#47;backend.test&#47;v1",
            "https:&#47;&#47;gw.test&#47;api",
        ),
        (
            "?next=http%3A%2F%2Fbackend.test%2Fv1%2Fx%3Fa&b",
            "?next=https%3A%2F%2Fgw.test%2Fapi%2Fx%3Fa&b",
        ),
        ("HTTP://Backend.TEST/v1", "https://gw.test/api"),
    ] {
        assert_eq!(usual(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn only_links_to_the_base_itself() {
    for text in [
        "http://backend.test/v10",
        "http://backend.test/v1-x",
        "http://backend.test/v1%20x",
        "http://backend.test/V1",
        "http://backend.test/",
        "http://backend.test",
        "http://backend.tester/v1",
        "http://backend.test.evil.test/v1",
        "http://backend.test@evil.test/v1",
        "http://backend.test:8080/v1",
        "http://user@backend.test/v1",
        "http://my.backend.test/v1",
        "ftp://backend.test/v1",
        "http:/backend.test/v1",
        r"http:\/\/backend.test/v1",
        "a//backend.test/v1",
        "backend.test/v1",
        "",
    ] {
        assert_eq!(usual(text), None, "{text}");
    }
    let other = [("http", "backend.test", "")];
    let to = ("http", "gw.test", "");
    for text in [
        "http://backend.test.",
        "(http://backend.test)",
        "http://backend.test: x",
    ] {
        let expected = text.replace("backend", "gw");
        assert_eq!(rewritten(&other, to, text), Some(expected), "{text}");
    }
    for text in [
        "http://backend.test.x",
        "http://backend.test..",
        "http://backend.test\u{e4}",
    ] {
        assert_eq!(rewritten(&other, to, text), None, "{text}");
    }
}

#[test]
fn ports_and_schemes() {
    for (text, expected) in [
        ("http://backend.test:80/v1", "https://gw.test/api"),
        ("https://backend.test:443/v1/", "https://gw.test/api/"),
        ("\"//backend.test/v1\"", "\"//gw.test/api\""),
        (r#"["\/\/backend.test\/v1"]"#, r#"["\/\/gw.test\/api"]"#),
    ] {
        assert_eq!(usual(text).as_deref(), Some(expected), "{text}");
    }
    let from = [("https", "[::1]:8443", "/")];
    let to = ("http", "gw.test:8080", "");
    for (text, expected) in [
        ("https://[::1]:8443/x", Some("http://gw.test:8080/x")),
        (
            "x=https%3a%2f%2f[::1]%3a8443",
            Some("x=http%3a%2f%2fgw.test%3A8080"),
        ),
        ("https://[::1]/x", None),
        ("https://[::1]:84430", None),
    ] {
        assert_eq!(rewritten(&from, to, text).as_deref(), expected, "{text}");
    }
}

#[test]
fn of_several_bases_the_longest_and_everything_else_stays() {
    let from = [
        ("http", "a.test", ""),
        ("http", "a.test", "/deep/er"),
        ("http", "b.test", "/x"),
    ];
    let text =
        "\0http://a.test/deep/er/1 http://a.test/deep http://b.test/x,http://b.test/y //a.test";
    let found = rewritten(&from, ("http", "g.test", ""), text).unwrap();
    assert_eq!(
        found,
        "\0http://g.test/1 http://g.test/deep http://g.test,http://b.test/y //g.test"
    );
}

#[test]
fn the_result_is_bounded_and_bytes_stay() {
    let links = Links::new(
        vec![Base::new("http", "a", "")],
        Base::new("http", "much-longer", ""),
    );
    assert_eq!(links.rewritten(b"http://a", 17), Err(18));
    assert_eq!(links.rewritten(b"http://a", 18).unwrap().unwrap().len(), 18);
    let found = links.rewritten(b"\xff//a \xfe http://a", 100).unwrap();
    assert_eq!(&found.unwrap()[..], b"\xff//a \xfe http://much-longer");
}
