//! Templates, and values that try to leave them.

use super::*;

fn filled(template: &str, text: &str) -> Result<String, String> {
    let template = Template::parse(template).unwrap();
    let escaped = template
        .path_parameters()
        .map(|name| {
            let escape = if template.is_wildcard(name) {
                rest
            } else {
                value
            };
            escape(text).map(|v| (name.to_owned(), v))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(str::to_owned)?;
    template
        .fill(|name| {
            escaped
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
        })
        .map_err(|u| u.why.to_owned())
}

#[test]
fn fills() {
    for (template, text, path) in [
        ("/a/{id}", "x", "/a/x"),
        ("a/{id}/b", "x y", "/a/x%20y/b"),
        ("/a/{id}.json", "x?y#z", "/a/x%3Fy%23z.json"),
        ("/a b/{id}", "%", "/a%20b/%25"),
        ("/files/{*path}", "x/y z", "/files/x/y%20z"),
        ("/{a}/{b}", "gr\u{fc}n", "/gr%C3%BCn/gr%C3%BCn"),
        ("/", "", "/"),
        ("/a/{id}", "...", "/a/..."),
    ] {
        assert_eq!(
            filled(template, text).as_deref(),
            Ok(path),
            "{template} {text}"
        );
    }
}

#[test]
fn refuses_what_would_leave_its_place() {
    for text in [
        "", ".", "..", "a/b", "/", "../x", "a\\b", "%2f", "x%2Fy", "%2e%2e", "a\nb", "\0",
    ] {
        assert!(filled("/a/{id}/b", text).is_err(), "{text:?}");
    }
    for text in ["", "/", "a//b", "a/../b", "..", "a/.", "%2e%2e/x"] {
        assert!(filled("/a/{*rest}", text).is_err(), "{text:?}");
    }
    assert!(filled("/a/.{x}", ".").is_err());
    assert!(Template::parse("/a/*").is_err());
    assert!(Template::parse("/a/{*}").is_err());
}

#[test]
fn reads_the_query() {
    let template = Template::parse("/a?kind=book&q={text}&flag").unwrap();
    assert_eq!(template.query(), ["kind=book", "flag"]);
    assert_eq!(
        template.query_parameters(),
        [(String::from("q"), String::from("text"))]
    );
    assert!(template.fixes("kind") && template.fixes("flag") && !template.fixes("q"));
}

#[test]
fn no_value_escapes_the_template() {
    let template = Template::parse("/api/{a}/x-{b}/end").unwrap();
    arbtest::arbtest(|u| {
        let pieces = [
            "/", "..", ".", "%2f", "%2e", "%", "\\", "?", "#", "a", ";", "@", "//", "\u{fc}", ":",
            "&", " ",
        ];
        let text = |u: &mut arbtest::arbitrary::Unstructured<'_>| {
            let count = u.int_in_range(0..=5)?;
            (0..count)
                .map(|_| u.choose(&pieces).copied())
                .collect::<arbtest::arbitrary::Result<String>>()
        };
        let (a, b) = (text(u)?, text(u)?);
        let (Ok(ea), Ok(eb)) = (value(&a), value(&b)) else {
            return Ok(());
        };
        let path = template
            .fill(|name| {
                Some(if name == "a" {
                    ea.as_str()
                } else {
                    eb.as_str()
                })
            })
            .unwrap();
        let segments: Vec<&str> = path.split('/').collect();
        assert_eq!(segments.len(), 5, "{path}");
        assert_eq!((segments[1], segments[4]), ("api", "end"));
        let decode = |s: &str| {
            percent_encoding::percent_decode_str(s)
                .decode_utf8_lossy()
                .into_owned()
        };
        assert_eq!(decode(segments[2]), a);
        assert_eq!(decode(segments[3]), format!("x-{b}"));
        assert!(
            segments
                .iter()
                .all(|s| !matches!(decode(&decode(s)).as_str(), "." | ".."))
        );
        assert!(!decode(&decode(&path)).contains("/../"));
        assert!(
            path.parse::<http::Uri>()
                .is_ok_and(|uri| uri.host().is_none() && uri.path() == path)
        );
        Ok(())
    });
}
