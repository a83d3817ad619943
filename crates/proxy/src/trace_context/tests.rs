//! Parents that are taken, and what becomes of the others.

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn sent(parent: Option<&str>) -> (String, bool) {
    let mut headers = HeaderMap::new();
    headers.insert(&TRACESTATE, HeaderValue::from_static("a=1"));
    if let Some(parent) = parent {
        headers.insert(&TRACEPARENT, HeaderValue::from_str(parent).unwrap());
    }
    continue_trace(&mut headers, &Random::seeded());
    let text = headers[&TRACEPARENT].to_str().unwrap().to_owned();
    assert!(is_valid(text.as_bytes()), "{text}");
    (text, headers.contains_key(&TRACESTATE))
}

#[test]
fn a_valid_parent_goes_on_with_a_new_span() {
    let (text, state) = sent(Some(PARENT));
    assert!(state);
    assert_eq!(text[..36], PARENT[..36]);
    assert_eq!(text[52..], PARENT[52..]);
    assert_ne!(text[36..52], PARENT[36..52]);
}

#[test]
fn a_later_version_is_understood_as_far_as_it_goes() {
    let later = format!("cc{}-what-the-future-holds", &PARENT[2..]);
    let (text, state) = sent(Some(&later));
    assert!(state);
    assert_eq!(text[..36], PARENT[..36]);
}

#[test]
fn what_is_not_valid_starts_a_new_trace() {
    let bad = [
        None,
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"),
        Some("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
        Some("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        Some("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"),
        Some("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    for parent in bad {
        let (text, state) = sent(parent);
        assert!(!state, "{parent:?}");
        assert_ne!(text[3..35], PARENT[3..35]);
    }
}

#[test]
fn identifiers_have_the_form_of_uuid_4() {
    let random = Random::seeded();
    let (one, two) = (random.uuid(), random.uuid());
    assert_ne!(one, two);
    assert_eq!(uuid::Uuid::from_u128(one).get_version_num(), 4);
}
