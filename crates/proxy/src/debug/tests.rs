//! The store of tokens and traces; what goes over the wire is tested in `tests/it/debug.rs`.

use super::*;

fn trace(n: u64) -> Trace {
    Trace {
        elapsed_micros: n,
        ..Trace::default()
    }
}

#[test]
fn traces_are_kept_for_an_hour_and_are_bounded() {
    let debug = Debug::default();
    debug.keep(String::from("a"), &trace(1), 1000);
    let text = debug.trace("a", 2000).unwrap();
    assert!(text.contains("\"elapsedMicros\": 1"), "{text}");
    assert!(debug.trace("b", 2000).is_none());
    assert!(debug.trace("a", 1000 + millis(KEPT)).is_none());
    for n in 0..MOST_TRACES {
        debug.keep(format!("t{n}"), &trace(2), 2000);
    }
    assert!(debug.trace("a", 2000).is_none(), "the oldest goes first");
    assert!(debug.trace("t0", 2000).is_some());
    assert!(lock(&debug.traces).bytes <= MOST_BYTES);
    debug.keep(String::from("late"), &trace(3), 2000 + millis(KEPT));
    assert_eq!(lock(&debug.traces).all.len(), 1, "what ended goes");
}

#[test]
fn a_token_is_known_by_all_of_it() {
    let debug = Debug::default();
    let token = Token {
        secret: String::from("0123456789"),
        api: Arc::from("api"),
        expires_millis: 5,
    };
    lock(&debug.tokens).insert(String::from("id"), token);
    assert!(debug.token("id.0123456789").is_some());
    for wrong in [
        "id.0123456788",
        "id.012345678",
        "id.01234567890",
        "id.",
        "id",
        "x.0123456789",
        "",
    ] {
        assert!(debug.token(wrong).is_none(), "{wrong}");
    }
}
