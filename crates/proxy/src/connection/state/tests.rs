//! Verdicts over a connection's life.

use super::*;
use std::sync::Arc;

#[test]
fn heads_idleness_and_full_windows_have_their_own_limits() {
    let now: Ticks = Arc::new(AtomicU64::new(1));
    let limits = Limits {
        head_timeout: TICK * 10,
        idle_timeout: TICK * 100,
        body_idle_timeout: TICK * 50,
        ..Limits::default()
    };
    let pass = |ticks: u64| now.fetch_add(ticks, Relaxed);
    let open = |s: &ConnectionState| matches!(s.verdict(&limits), Verdict::Wait(_));

    let fresh = ConnectionState::new(&now, false);
    assert!(open(&fresh));
    pass(12);
    assert_eq!(
        fresh.verdict(&limits),
        Verdict::Close("the request head did not come in time")
    );

    let state = ConnectionState::new(&now, false);
    state.begin();
    pass(1000);
    assert!(open(&state), "a request may take its time");
    state.written(false);
    pass(40);
    assert!(open(&state));
    state.written(true);
    state.written(false);
    pass(52);
    assert_eq!(
        state.verdict(&limits),
        Verdict::Close("the caller took nothing of the answer")
    );
    state.written(true);
    state.end();
    pass(90);
    assert!(open(&state), "idle, not reading a head");
    state.read();
    pass(12);
    assert!(!open(&state), "a slow head");

    let multiplexed = ConnectionState::new(&now, true);
    multiplexed.read();
    pass(90);
    assert!(open(&multiplexed));
    pass(12);
    assert_eq!(
        multiplexed.verdict(&limits),
        Verdict::Close("the connection was idle")
    );
}
