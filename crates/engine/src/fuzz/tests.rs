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
