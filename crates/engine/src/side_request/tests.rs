//! URLs as documents write them.

use super::*;

#[test]
fn a_url_is_taken_apart() {
    for (text, authority, path) in [
        ("https://a.test", "a.test", "/"),
        ("  http://a.test:8080/x/  ", "a.test:8080", "/x/"),
        ("https://a.test/x?y=1&z#f", "a.test", "/x?y=1&z"),
        ("https://a.test?y", "a.test", "/?y"),
        ("https://u:p@a.test/", "a.test", "/"),
        (
            "https://a.test/a b?q=\"{\u{e9}}\"",
            "a.test",
            "/a%20b?q=%22%7B%C3%A9%7D%22",
        ),
        ("https://a.test/%41?%20", "a.test", "/%41?%20"),
    ] {
        let address = Address::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(&*address.url.origin.authority, authority, "{text}");
        assert_eq!(address.path.as_str(), path, "{text}");
    }
}

#[test]
fn what_is_no_url_is_refused() {
    for text in [
        "",
        "a.test",
        "/x",
        "ftp://a.test",
        "https://",
        "https://a b/",
        "http://a\u{7}/x",
    ] {
        assert!(Address::parse(text).is_err(), "{text}");
    }
    assert!(Address::parse("http://a.test/\u{7}").is_err());
}

#[test]
fn a_character_that_needs_no_escape_costs_nothing() {
    assert!(matches!(
        escaped("https://a.test/x?y=%20"),
        std::borrow::Cow::Borrowed(_)
    ));
}
