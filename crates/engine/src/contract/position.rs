//! Line and position of a part of a JSON text, as Json.NET counts them.
//!
//! Called only for what a validation policy refuses. What must stay true: any text and any way through it give an answer;
//! the time is linear in the text.

use tollgate_agents::operation::arguments::violation::Step;

/// Line from 1, and the characters of it that were read when the part ended: the value at `way`, or with `name` the
/// property's name. `ignore_case`: the way's names are in lower case. What is not there is at the end of what holds it.
pub fn of(text: &[u8], way: &[Step], name: bool, ignore_case: bool) -> (usize, usize) {
    let end = end(text, way, name, ignore_case).min(text.len());
    let before = &text[..end];
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    (
        line,
        String::from_utf8_lossy(&before[start..]).chars().count(),
    )
}

fn end(text: &[u8], way: &[Step], name: bool, ignore_case: bool) -> usize {
    let mut at = blank(text, 0);
    for (depth, step) in way.iter().enumerate() {
        let found = match step {
            Step::Property(wanted) => property(text, at, wanted, ignore_case),
            Step::Item(wanted) => item(text, at, *wanted).map(|at| (at, at)),
        };
        let Some((colon, value)) = found else {
            break;
        };
        if name && depth + 1 == way.len() {
            return colon;
        }
        at = value;
    }
    skip(text, at)
}

/// The end of the colon behind a property's name, and the start of its value. Of several with one name the last counts.
fn property(text: &[u8], object: usize, wanted: &str, ignore_case: bool) -> Option<(usize, usize)> {
    if text.get(object) != Some(&b'{') {
        return None;
    }
    let mut at = blank(text, object + 1);
    let mut found = None;
    while text.get(at) == Some(&b'"') {
        let end = skip(text, at);
        let name: String = serde_json::from_slice(&text[at..end]).unwrap_or_default();
        let colon = blank(text, end) + 1;
        let value = blank(text, colon);
        if name == wanted || ignore_case && name.to_lowercase() == wanted {
            found = Some((colon, value));
        }
        at = blank(text, skip(text, value));
        if text.get(at) == Some(&b',') {
            at = blank(text, at + 1);
        }
    }
    found
}

/// The start of an item.
fn item(text: &[u8], array: usize, wanted: usize) -> Option<usize> {
    if text.get(array) != Some(&b'[') {
        return None;
    }
    let mut at = blank(text, array + 1);
    for _ in 0..wanted {
        at = blank(text, skip(text, at));
        if text.get(at) != Some(&b',') {
            return None;
        }
        at = blank(text, at + 1);
    }
    (at < text.len()).then_some(at)
}

fn blank(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// The end of the value that begins here; never less than one byte further, unless the text ends.
fn skip(text: &[u8], from: usize) -> usize {
    let mut at = from;
    let mut depth = 0usize;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while let Some(byte) = text.get(at) {
                    match byte {
                        b'\\' => at += 1,
                        b'"' => break,
                        _ => {}
                    }
                    at += 1;
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
            }
            _ if depth == 0 => {
                while text.get(at + 1).is_some_and(|b| {
                    !matches!(b, b',' | b'}' | b']' | b':') && !b.is_ascii_whitespace()
                }) {
                    at += 1;
                }
            }
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at.min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(parts: &[&str]) -> Vec<Step> {
        let step = |p: &&str| match p.parse() {
            Ok(n) => Step::Item(n),
            Err(_) => Step::Property((*p).to_owned()),
        };
        parts.iter().map(step).collect()
    }

    #[test]
    fn counts_what_was_read() {
        let text = b"{\n  \"a\": [1, {\"b\\\"\": \"x]\"}],\n  \"C\" : true }";
        for (parts, name, expected) in [
            (&[] as &[&str], false, (3, 14)),
            (&["a"], false, (2, 25)),
            (&["a"], true, (2, 6)),
            (&["a", "0"], false, (2, 9)),
            (&["a", "1", "b\""], false, (2, 23)),
            (&["a", "1", "b\""], true, (2, 18)),
            (&["a", "7"], false, (2, 25)),
            (&["C"], false, (3, 12)),
            (&["none"], true, (3, 14)),
        ] {
            assert_eq!(of(text, &way(parts), name, false), expected, "{parts:?}");
        }
        assert_eq!(of(text, &way(&["c"]), false, true), (3, 12));
        assert_eq!(of(b"12", &[], false, false), (1, 2));
    }

    #[test]
    fn any_text_has_positions() {
        arbtest::arbtest(|u| {
            let text: Vec<u8> = u.arbitrary()?;
            let parts: Vec<u8> = u.arbitrary()?;
            let way: Vec<Step> = parts
                .into_iter()
                .map(|p| match p {
                    0..128 => Step::Item(p.into()),
                    _ => Step::Property(char::from(p).to_string()),
                })
                .collect();
            let (line, _) = of(&text, &way, u.arbitrary()?, u.arbitrary()?);
            assert!(line >= 1);
            Ok(())
        });
    }
}
