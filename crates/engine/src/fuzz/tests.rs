//! The entry points with random pieces of what they read.

use arbtest::{arbitrary, arbtest};

fn pieces(u: &mut arbitrary::Unstructured<'_>, of: &[&str]) -> arbitrary::Result<Vec<u8>> {
    let mut data = Vec::new();
    for _ in 0..u.int_in_range(0..=16)? {
        if u.ratio(1, 12)? {
            data.push(u.arbitrary()?);
        } else {
            data.extend_from_slice(u.choose(of)?.as_bytes());
        }
    }
    Ok(data)
}

#[test]
fn any_target_is_routed() {
    const PIECES: &[&str] = &[
        "/", "/", "\n", "\n/", "a", "b", "A", "é", "%2e", "%C3", "%2F", "{x}", "{*x}", "*",
        "x{y}z", "?", "a=1", "&", "k={x}", ".", "..", "{", "}", "//", "+", "#", "\\",
    ];
    arbtest(|u| {
        super::route(&pieces(u, PIECES)?);
        Ok(())
    });
}

#[test]
fn any_location_is_resolved() {
    const PIECES: &[&str] = &[
        "http", "https", ":", "//", "/", "host", "other", "@", "?", "#", "é", "..", "%", "[", "]",
        "::1", ":8443", ":99999", " ", "\\",
    ];
    arbtest(|u| {
        super::location(&pieces(u, PIECES)?);
        Ok(())
    });
}

#[test]
fn any_token_is_refused_without_a_key() {
    const PIECES: &[&str] = &[
        "\n",
        "\n",
        "{",
        "}",
        "\"alg\"",
        ":",
        ",",
        "\"HS256\"",
        "\"none\"",
        "\"kid\"",
        "\"k\"",
        "\"exp\"",
        "1",
        "1e999",
        "-1",
        "\"iss\"",
        "\"aud\"",
        "[",
        "]",
        "\"a\"",
        "null",
        "true",
        "\"\\u0061lg\"",
        ".",
        "..",
        "=",
        "eyJhbGciOiJIUzI1NiJ9",
        "e30",
        "AAAA",
        "\"crit\"",
        "\"b64\"",
        "\"keys\"",
        "\"kty\"",
        "\"RSA\"",
        "\"roles\"",
        "\\ud800",
    ];
    let whole = "e30.e30.\n{\"alg\":\"HS256\",\"kid\":\"k\"}\n{\"exp\":1}\nx";
    super::token(whole.as_bytes());
    super::token(br#"{"exp":1,"roles":["a",{"b":[1.5,null]}],"iss":"x"}"#);
    arbtest(|u| {
        super::token(&pieces(u, PIECES)?);
        Ok(())
    });
}

#[test]
fn any_graphql_request_is_read() {
    const PIECES: &[&str] = &[
        "{",
        "}",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        "!",
        "$v",
        "@skip(if: $v)",
        "@include(if: true)",
        "...",
        "...F",
        "... on A",
        "fragment F on A",
        "query",
        "query Q($v: Boolean!)",
        "mutation",
        "subscription",
        "a",
        "b",
        "u",
        "s",
        "x",
        "y",
        "m(id: 1)",
        "A",
        "B",
        "C",
        "X",
        "i: {v: 1}",
        "n: [1,",
        "r: Y",
        "__typename",
        "__schema",
        "1",
        "1e9",
        "\"a\"",
        "\"\"\"",
        "#",
        "null",
        ",",
        " ",
        "\n",
        "query=",
        "&",
        "%7B",
        "é",
        "{\"query\":\"",
        "\"}",
    ];
    for whole in [
        "{a{x b{x ... on A{y}}}s u{... on C{x c{x}}}}",
        "query Q($v:Boolean!){a{...F}b{b{x}}}fragment F on A{x @skip(if:$v)y(f:1)b{...G}}fragment G on B{x}",
        "{\"query\":\"{a{x y}}\",\"variables\":{\"v\":[1,2.5,null]}}",
        "query=%7Bs%20b%7Bx%7D%7D&variables=%7B%7D",
        "{__schema{types{name}}b{b{x}}}",
    ] {
        super::graphql(whole.as_bytes());
    }
    // Nested deeper than anything is read.
    for deep in [100, 10_000] {
        super::graphql(format!("{}x{}", "{a".repeat(deep), "}".repeat(deep)).as_bytes());
        super::graphql(format!("{{a(i:{}1{})}}", "{i:".repeat(deep), "}".repeat(deep)).as_bytes());
        super::graphql(format!("{{s(n:{}1{})}}", "[".repeat(deep), "]".repeat(deep)).as_bytes());
        let fragments: String = (0..deep)
            .map(|n| format!("fragment F{n} on A{{...F{}}}", n + 1))
            .collect();
        super::graphql(format!("{{a{{...F0}}}}{fragments} fragment F{deep} on A{{x}}").as_bytes());
    }
    arbtest(|u| {
        super::graphql(&pieces(u, PIECES)?);
        Ok(())
    });
}

#[test]
fn any_connection_string_is_read() {
    const PIECES: &[&str] = &[
        "Server=h",
        "server",
        "Password",
        "SECRETS",
        "User ID",
        "Encrypt",
        "Timeout",
        "Max Pool Size",
        "=",
        "=",
        "=",
        ";",
        ";",
        ";",
        "'",
        "\"",
        "{",
        "}",
        " ",
        "\n",
        "tcp:",
        ",",
        "1433",
        "\\",
        "true",
        "strict",
        "-1",
        "0",
        "é",
        "\u{0}",
    ];
    arbtest(|u| {
        super::connection_string(&pieces(u, PIECES)?);
        Ok(())
    });
}
