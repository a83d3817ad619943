//! Phases, the window against a list of times, and the one probe among many threads.

use super::window::Window;
use super::*;
use std::sync::atomic::AtomicUsize;

const SECOND: u64 = 1_000_000_000;

fn rule() -> CircuitBreakerRule {
    CircuitBreakerRule {
        count: Some(3),
        percentage: None,
        interval: Duration::from_secs(60),
        status_codes: vec![(429, 429), (500, 599)],
        error_reasons: vec![ErrorReason::Timeout],
        trip_duration: Duration::from_secs(30),
        accept_retry_after: true,
    }
}

fn call(breaker: &CircuitBreaker, called: Called, now: u64) -> Option<Transition> {
    let mut permit = breaker.admit(now).expect("the breaker lets it through");
    breaker.report(&mut permit, called, None, now)
}

fn trip(breaker: &CircuitBreaker, now: u64) {
    for _ in 0..2 {
        assert_eq!(call(breaker, Called::Status(503), now), None);
    }
    let opened = call(breaker, Called::Status(503), now).unwrap();
    assert_eq!((opened.from, opened.to), (Phase::Closed, Phase::Open));
    assert_eq!(
        (opened.failures, opened.because),
        (3, Some(Called::Status(503)))
    );
}

#[test]
fn opens_waits_probes_and_closes() {
    let breaker = CircuitBreaker::new(rule());
    trip(&breaker, SECOND);
    assert!(!breaker.is_available(30 * SECOND));
    assert!(breaker.admit(30 * SECOND).is_none());
    assert_eq!(breaker.wait(SECOND), Duration::from_secs(30));
    assert!(breaker.is_available(31 * SECOND));
    let mut probe = breaker.admit(31 * SECOND).unwrap();
    assert!(probe.is_probe());
    assert!(!breaker.is_available(99 * SECOND) && breaker.admit(99 * SECOND).is_none());
    let closed = breaker
        .report(&mut probe, Called::Status(200), None, 32 * SECOND)
        .unwrap();
    assert_eq!((closed.from, closed.to), (Phase::HalfOpen, Phase::Closed));
    // The window is empty again: it takes three to open.
    trip(&breaker, 33 * SECOND);
}

#[test]
fn a_failed_probe_opens_again_and_an_error_is_no_success() {
    let breaker = CircuitBreaker::new(rule());
    trip(&breaker, 0);
    let mut probe = breaker.admit(30 * SECOND).unwrap();
    let after = Some(Duration::from_secs(5));
    let opened = breaker
        .report(&mut probe, Called::Status(429), after, 30 * SECOND)
        .unwrap();
    assert_eq!((opened.to, opened.open_for), (Phase::Open, after));
    let mut probe = breaker.admit(35 * SECOND).unwrap();
    // The rule does not list it, but nothing has answered.
    let refused = Called::Failed(ErrorReason::BackendConnectionFailure);
    let opened = breaker
        .report(&mut probe, refused, None, 35 * SECOND)
        .unwrap();
    assert_eq!((opened.from, opened.to), (Phase::HalfOpen, Phase::Open));
    // What the rule lists and what it does not, while closed.
    let breaker = CircuitBreaker::new(rule());
    for _ in 0..9 {
        assert_eq!(call(&breaker, refused, 0), None);
        assert_eq!(call(&breaker, Called::Status(404), 0), None);
    }
    for _ in 0..2 {
        assert_eq!(
            call(&breaker, Called::Failed(ErrorReason::Timeout), 0),
            None
        );
    }
    assert!(call(&breaker, Called::Failed(ErrorReason::Timeout), 0).is_some());
}

#[test]
fn a_probe_that_is_dropped_gives_its_place_back() {
    let breaker = CircuitBreaker::new(rule());
    trip(&breaker, 0);
    let probe = breaker.admit(40 * SECOND).unwrap();
    assert!(breaker.admit(40 * SECOND).is_none());
    assert_eq!(breaker.status(40 * SECOND).phase, Phase::HalfOpen);
    drop(probe);
    let mut next = breaker.admit(40 * SECOND).unwrap();
    assert!(next.is_probe());
    assert!(
        breaker
            .report(&mut next, Called::Status(200), None, 41 * SECOND)
            .is_some()
    );
    // A permit that has reported drops without effect.
    drop(next);
    assert_eq!(breaker.status(41 * SECOND).phase, Phase::Closed);
}

#[test]
fn what_began_before_the_last_change_does_not_count() {
    let breaker = CircuitBreaker::new(rule());
    let mut old = breaker.admit(0).unwrap();
    let mut older = breaker.admit(0).unwrap();
    trip(&breaker, 0);
    assert_eq!(
        breaker.report(&mut old, Called::Status(200), None, SECOND),
        None
    );
    assert_eq!(breaker.status(SECOND).phase, Phase::Open);
    let mut probe = breaker.admit(30 * SECOND).unwrap();
    assert_eq!(
        breaker.report(&mut older, Called::Status(500), None, 30 * SECOND),
        None
    );
    assert!(
        breaker
            .report(&mut probe, Called::Status(200), None, 30 * SECOND)
            .is_some()
    );
    assert_eq!(
        breaker.report(
            &mut old,
            Called::Broke(ErrorReason::Timeout),
            None,
            31 * SECOND
        ),
        None
    );
    assert_eq!(breaker.status(31 * SECOND).failures, 0);
    // The probe's own answer may still break.
    assert_eq!(
        breaker.report(
            &mut probe,
            Called::Broke(ErrorReason::Timeout),
            None,
            31 * SECOND
        ),
        None
    );
    assert_eq!(breaker.status(31 * SECOND).failures, 1);
}

#[test]
fn retry_after_is_bounded_and_only_heeded_if_accepted() {
    let open_for = |rule: CircuitBreakerRule, seconds| {
        let breaker = CircuitBreaker::new(CircuitBreakerRule {
            count: Some(1),
            ..rule
        });
        let mut permit = breaker.admit(0).unwrap();
        let after = Some(Duration::from_secs(seconds));
        let opened = breaker
            .report(&mut permit, Called::Status(429), after, 0)
            .unwrap();
        opened.open_for.unwrap().as_secs()
    };
    assert_eq!(open_for(rule(), 7), 7);
    assert_eq!(open_for(rule(), 0), 1);
    assert_eq!(open_for(rule(), u64::MAX), 3600);
    let long = CircuitBreakerRule {
        trip_duration: Duration::from_secs(7200),
        ..rule()
    };
    assert_eq!(open_for(long, u64::MAX), 7200);
    let deaf = CircuitBreakerRule {
        accept_retry_after: false,
        ..rule()
    };
    assert_eq!(open_for(deaf, 7), 30);
}

#[test]
fn a_percentage_needs_enough_calls() {
    let breaker = CircuitBreaker::new(CircuitBreakerRule {
        count: None,
        percentage: Some(50),
        ..rule()
    });
    for _ in 0..FEWEST_CALLS - 1 {
        assert_eq!(call(&breaker, Called::Status(500), 0), None);
    }
    assert!(call(&breaker, Called::Status(500), 0).is_some());
    let breaker = CircuitBreaker::new(breaker.rule().clone());
    for n in 0..100 {
        let status = if n % 5 > 2 { 500 } else { 200 };
        assert_eq!(
            call(&breaker, Called::Status(status), n * SECOND / 10),
            None
        );
    }
    assert_eq!(breaker.status(10 * SECOND).calls, Some(100));
    for _ in 0..19 {
        assert_eq!(call(&breaker, Called::Status(500), 10 * SECOND), None);
    }
    assert!(call(&breaker, Called::Status(500), 10 * SECOND).is_some());
}

#[test]
fn failures_leave_the_window() {
    let breaker = CircuitBreaker::new(rule());
    for second in [0, 30, 61, 95] {
        assert_eq!(call(&breaker, Called::Status(500), second * SECOND), None);
    }
    assert!(call(&breaker, Called::Status(500), 100 * SECOND).is_some());
}

#[test]
fn state_goes_to_the_next_configuration_with_the_same_rule() {
    let before = CircuitBreaker::new(rule());
    trip(&before, 0);
    let after = CircuitBreaker::new(rule());
    after.inherit(&before);
    let mut probe = before.admit(30 * SECOND).unwrap();
    assert!(after.admit(30 * SECOND).is_none());
    // Reported through the old, seen through the new.
    assert!(
        before
            .report(&mut probe, Called::Status(200), None, 30 * SECOND)
            .is_some()
    );
    assert_eq!(after.status(30 * SECOND).phase, Phase::Closed);
    let other = CircuitBreaker::new(CircuitBreakerRule {
        count: Some(1),
        ..rule()
    });
    other.inherit(&before);
    assert!(call(&other, Called::Status(500), 31 * SECOND).is_some());
    assert!(before.is_available(31 * SECOND));
}

#[test]
fn the_last_failure_is_told() {
    let breaker = CircuitBreaker::new(rule());
    assert_eq!(breaker.status(0).last_failure, None);
    for called in [Called::Status(429), Called::Failed(ErrorReason::Timeout)] {
        call(&breaker, called, 5);
        assert_eq!(breaker.status(9).last_failure, Some((called, 5)));
    }
}

#[test]
fn one_probe_among_many_threads() {
    for round in 0..200u64 {
        let breaker = CircuitBreaker::new(CircuitBreakerRule {
            count: Some(1),
            ..rule()
        });
        call(&breaker, Called::Status(500), 0);
        let admitted = AtomicUsize::new(0);
        let barrier = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    let permit = breaker.admit(31 * SECOND + round);
                    admitted.fetch_add(usize::from(permit.is_some()), Ordering::SeqCst);
                    // Nobody gives up the place before all have asked.
                    barrier.wait();
                    drop(permit);
                });
            }
        });
        assert_eq!(admitted.load(Ordering::SeqCst), 1);
        assert!(breaker.admit(32 * SECOND).is_some_and(|p| p.is_probe()));
    }
}

#[test]
fn threads_count_together() {
    let breaker = CircuitBreaker::new(CircuitBreakerRule {
        count: Some(4000),
        ..rule()
    });
    let opened = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..1000 {
                    let opens = call(&breaker, Called::Status(500), n * 1000).is_some();
                    opened.fetch_add(usize::from(opens), Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(opened.load(Ordering::SeqCst), 1);
}

#[test]
fn the_window_counts_like_a_list_of_times() {
    arbtest::arbtest(|u| {
        let interval = u.int_in_range(1..=120u64)? * SECOND;
        let window = Window::new(Duration::from_nanos(interval));
        let mut times = Vec::new();
        let mut now = u.int_in_range(0..=1_000_000_000_000_000u64)?;
        for _ in 0..u.int_in_range(1..=200)? {
            now += match u.int_in_range(0..=3)? {
                0 => 0,
                1 => u.int_in_range(0..=interval / 50)?,
                2 => u.int_in_range(0..=interval / 3)?,
                _ => u.int_in_range(0..=interval * 3)?,
            };
            if u.ratio(2, 3)? {
                window.failure(now);
                times.push(now);
            }
            let within = |span: u64| times.iter().filter(|t| now - **t < span).count() as u64;
            let counted = window.failures(now);
            assert!(
                counted <= within(interval),
                "{counted} of {times:?} at {now}"
            );
            assert!(
                counted >= within(interval - interval / 20),
                "{counted} of {times:?} at {now}"
            );
        }
        window.clear();
        assert_eq!(window.failures(now), 0);
        Ok(())
    })
    .budget_ms(300);
}
