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
