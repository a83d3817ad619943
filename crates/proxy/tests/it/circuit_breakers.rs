//! Circuit breakers and pools over real sockets: state in metrics and on the management pages, one probe for all threads,
//! reloads, streams that break, failover before the first byte, sessions.

use crate::support::*;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tollgate_engine::definition::{
    BackendDefinition, BackendKind, CircuitBreakerRule, Definition, ErrorReason, PoolDefinition,
    PoolMember, SessionAffinity, SingleBackend,
};

/// Opens at the first 429, 5xx or error.
fn rule(trip: Duration) -> CircuitBreakerRule {
    CircuitBreakerRule {
        count: Some(1),
        percentage: None,
        interval: Duration::from_secs(60),
        status_codes: vec![(429, 429), (500, 599)],
        error_reasons: ErrorReason::ALL.to_vec(),
        trip_duration: trip,
        accept_retry_after: true,
    }
}

/// `/open` goes to the pool `models` of these backends, by priority in this order.
fn pool(urls: &[String], trip: Duration, backend: &str) -> Definition {
    let mut definition = definition("http://unused.invalid", Some(&backend_section(backend)));
    let mut members = Vec::new();
    for (n, url) in urls.iter().enumerate() {
        let id = Arc::from(format!("member-{n}"));
        members.push(PoolMember {
            id: Arc::clone(&id),
            priority: u32::try_from(n).unwrap(),
            weight: 1,
        });
        definition.backends.push(BackendDefinition {
            span: None,
            workspace: None,
            id,
            kind: BackendKind::Single(SingleBackend {
                url: Arc::from(url.as_str()),
                circuit_breaker: Some(rule(trip)),
                ..SingleBackend::default()
            }),
        });
    }
    definition.backends.push(BackendDefinition {
        span: None,
        workspace: None,
        id: Arc::from("models"),
        kind: BackendKind::Pool(PoolDefinition {
            members,
            ..PoolDefinition::default()
        }),
    });
    for api in &mut definition.apis {
        api.backend = Some(Arc::from("models"));
    }
    definition
}

fn change_pool(definition: &mut Definition, change: impl FnOnce(&mut PoolDefinition)) {
    match &mut definition.backends.last_mut().unwrap().kind {
        BackendKind::Pool(pool) => change(pool),
        BackendKind::Single(_) => panic!("the last is the pool"),
    }
}

const FORWARD: &str = "<forward-request />";

const RETRY: &str = r#"<retry condition="@(context.Response == null || context.Response.StatusCode >= 500)" count="2" interval="0"><forward-request buffer-request-body="true" /></retry>"#;

/// Answers 200 or, while `ill`, 503, and counts.
async fn moody(ill: &Arc<AtomicBool>, served: &Arc<AtomicUsize>) -> Backend {
    let (ill, served) = (ill.clone(), served.clone());
    Backend::serve(move |mut wire| {
        let (ill, served) = (ill.clone(), served.clone());
        async move {
            while wire.message().await.is_some() {
                served.fetch_add(1, Ordering::SeqCst);
                let status = if ill.load(Ordering::SeqCst) {
                    "503 Busy"
                } else {
                    "200 OK"
                };
                wire.send(&format!(
                    "HTTP/1.1 {status}\r\ncontent-length: 5\r\n\r\nmoody"
                ))
                .await;
            }
        }
    })
    .await
}

async fn get(address: SocketAddr, path: &str) -> String {
    let stream = soon(tokio::net::TcpStream::connect(address)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n");
    Wire::new(stream).call(&request).await
}

async fn page(running: &Running, path: &str) -> serde_json::Value {
    let answer = get(running.gateway.management().unwrap(), path).await;
    assert_eq!(status(&answer), 200, "{answer}");
    serde_json::from_str(body(&answer)).unwrap()
}

fn managed(config: &mut tollgate_proxy::ProxyConfig) {
    config.management = Some((Ipv4Addr::LOCALHOST, 0).into());
}

#[tokio::test]
async fn opens_shows_itself_and_closes() {
    let (ill, served) = (Arc::new(AtomicBool::new(true)), Arc::default());
    let backend = moody(&ill, &served).await;
    let definition = pool(&[backend.url()], Duration::from_millis(400), FORWARD);
    let running = start(definition, managed);
    let state = r#"tollgate_backend_circuit_breaker_state{backend="member-0"}"#;
    assert_eq!(running.metric(state), 0);
    let shown = page(&running, "/backends").await;
    assert_eq!(shown["backends"][0]["circuitBreaker"]["state"], "closed");
    assert_eq!(
        shown["backends"][0]["circuitBreaker"]["since"],
        serde_json::Value::Null
    );

    let opened = Instant::now();
    let mut wire = running.connect().await;
    assert_eq!(status(&wire.get("/open/x").await), 503);
    let refused = wire.get("/open/x").await;
    // On a machine that is slow enough the time may be over already.
    let in_time = opened.elapsed() < Duration::from_millis(300);
    if in_time {
        assert!(
            refused.starts_with("HTTP/1.1 503 Backend pool is temporarily unavailable"),
            "{refused}"
        );
        assert_eq!(header(&refused, "retry-after"), Some("1"));
        assert_eq!(served.load(Ordering::SeqCst), 1);
        let shown = page(&running, "/backends").await;
        let ready = page(&running, "/readyz").await;
        let open = running.metric(state);
        if opened.elapsed() < Duration::from_millis(350) {
            assert_eq!(open, 2);
            assert_eq!(ready["circuitBreakers"]["member-0"], "open", "{ready}");
            let one = &shown["backends"][0]["circuitBreaker"];
            assert_eq!(one["state"], "open", "{shown}");
            assert_eq!(one["lastFailure"]["reason"], "status 503");
            assert!(one["until"].as_str() > one["since"].as_str(), "{shown}");
            let pool = &shown["backends"][1];
            assert_eq!(
                (&pool["type"], &pool["active"]),
                (&"Pool".into(), &false.into())
            );
        }
        let inactive = r#"tollgate_backend_inactive_total{backend="models"}"#;
        assert_eq!(running.metric(inactive), 1);
    }
    ill.store(false, Ordering::SeqCst);
    soon(async {
        while status(&wire.get("/open/x").await) != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(running.metric(state), 0);
    assert_eq!(
        page(&running, "/readyz").await["circuitBreakers"],
        serde_json::json!({})
    );
    for state in ["open", "half-open", "closed"] {
        let changes = format!(
            r#"tollgate_backend_circuit_breaker_transitions_total{{backend="member-0",state="{state}"}}"#
        );
        assert!(running.metric(&changes) >= 1, "{state}");
    }
    // Callers see none of it.
    let ready = get(running.address, "/readyz").await;
    assert!(
        status(&ready) == 200 && !ready.contains("circuitBreakers"),
        "{ready}"
    );
    assert_eq!(status(&get(running.address, "/backends").await), 404);
}

#[tokio::test]
async fn one_probe_for_all_threads() {
    let served = Arc::new(AtomicUsize::new(0));
    let (release, ill) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(true)));
    let backend = {
        let (served, release, ill) = (served.clone(), release.clone(), ill.clone());
        Backend::serve(move |mut wire| {
            let (served, release, ill) = (served.clone(), release.clone(), ill.clone());
            async move {
                while wire.message().await.is_some() {
                    served.fetch_add(1, Ordering::SeqCst);
                    if ill.load(Ordering::SeqCst) {
                        wire.send("HTTP/1.1 500 Ill\r\ncontent-length: 0\r\n\r\n")
                            .await;
                    } else {
                        release.notified().await;
                        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                            .await;
                    }
                }
            }
        })
        .await
    };
    let definition = pool(&[backend.url()], Duration::from_millis(1), FORWARD);
    let running = start(definition, |config| config.threads = NonZeroUsize::new(4));
    let mut wires = Vec::new();
    for _ in 0..24 {
        wires.push(running.connect().await);
    }
    assert_eq!(status(&wires[0].get("/open/x").await), 500);
    ill.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let calls = wires
        .into_iter()
        .map(|mut wire| tokio::spawn(async move { status(&wire.get("/open/x").await) }));
    let calls: Vec<_> = calls.collect();
    // All but the probe are refused while it waits.
    until(|| running.metric(r#"tollgate_backend_inactive_total{backend="models"}"#) == 23).await;
    // The probe may still be on its way.
    until(|| served.load(Ordering::SeqCst) == 2).await;
    release.notify_one();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(soon(call).await.unwrap());
    }
    assert_eq!(served.load(Ordering::SeqCst), 2);
    answers.sort_unstable();
    assert_eq!(
        (answers[0], answers[1..].iter().all(|s| *s == 503)),
        (200, true)
    );
}

#[tokio::test]
async fn a_probe_whose_caller_leaves_gives_its_place_back() {
    let (ill, served) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
    );
    let backend = {
        let (ill, served) = (ill.clone(), served.clone());
        Backend::serve(move |mut wire| {
            let (ill, served) = (ill.clone(), served.clone());
            async move {
                while let Some(request) = wire.message().await {
                    served.fetch_add(1, Ordering::SeqCst);
                    if ill.load(Ordering::SeqCst) {
                        wire.send("HTTP/1.1 500 Ill\r\ncontent-length: 0\r\n\r\n")
                            .await;
                    } else if request.contains("/slow") {
                        // Until the gateway hangs up.
                        wire.rest().await;
                        return;
                    } else {
                        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                            .await;
                    }
                }
            }
        })
        .await
    };
    let definition = pool(&[backend.url()], Duration::from_millis(1), FORWARD);
    let running = start(definition, |_| {});
    let mut wire = running.connect().await;
    assert_eq!(status(&wire.get("/open/x").await), 500);
    ill.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut leaver = running.connect().await;
    leaver
        .send("GET /open/slow HTTP/1.1\r\nhost: gateway\r\n\r\n")
        .await;
    until(|| served.load(Ordering::SeqCst) == 2).await;
    assert_eq!(status(&wire.get("/open/x").await), 503);
    drop(leaver);
    until(|| running.settled("client_left") == 1).await;
    assert_eq!(status(&wire.get("/open/x").await), 200);
}

#[tokio::test]
async fn a_reload_keeps_breakers_whose_rule_is_the_same() {
    let (ill, served) = (Arc::new(AtomicBool::new(true)), Arc::default());
    let backend = moody(&ill, &served).await;
    let long = Duration::from_secs(600);
    let running = start(pool(&[backend.url()], long, FORWARD), |_| {});
    let mut wire = running.connect().await;
    assert_eq!(status(&wire.get("/open/x").await), 503);
    ill.store(false, Ordering::SeqCst);
    let state = r#"tollgate_backend_circuit_breaker_state{backend="member-0"}"#;
    for _ in 0..2 {
        running
            .snapshots
            .publish(snapshot(pool(&[backend.url()], long, FORWARD)));
        assert_eq!(running.metric(state), 2);
        assert_eq!(status(&wire.get("/open/x").await), 503);
    }
    assert_eq!(served.load(Ordering::SeqCst), 1);
    let other = pool(&[backend.url()], long * 2, FORWARD);
    running.snapshots.publish(snapshot(other));
    assert_eq!(running.metric(state), 0);
    assert_eq!(status(&wire.get("/open/x").await), 200);
}

const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Sends the head of a stream and `events`, then nothing more.
async fn holds_after(events: &'static str) -> Backend {
    Backend::serve(move |mut wire| async move {
        if wire.message().await.is_some() {
            wire.send(STREAM).await;
            if !events.is_empty() {
                wire.send(&format!("{:x}\r\n{events}\r\n", events.len()))
                    .await;
            }
            wire.stream.readable().await.ok();
        }
    })
    .await
}

/// Sends a whole stream.
async fn streams(event: &'static str) -> Backend {
    Backend::serve(move |mut wire| async move {
        while wire.message().await.is_some() {
            wire.send(&format!(
                "{STREAM}{:x}\r\n{event}\r\n0\r\n\r\n",
                event.len()
            ))
            .await;
        }
    })
    .await
}

/// Hangs up after the head of an answer.
async fn cut_after_the_head() -> Backend {
    Backend::serve(|mut wire| async move {
        if wire.message().await.is_some() {
            wire.send(STREAM).await;
        }
    })
    .await
}

const ASK: &str = "POST /open/x HTTP/1.1\r\nhost: gateway\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn a_stream_cut_before_its_first_byte_is_retried_at_another_member() {
    let (first, second) = (cut_after_the_head().await, streams("data: whole\n\n").await);
    let definition = pool(
        &[first.url(), second.url()],
        Duration::from_secs(600),
        RETRY,
    );
    let running = start(definition, |_| {});
    let answer = running.connect().await.call(ASK).await;
    assert_eq!(
        (status(&answer), body(&answer)),
        (200, "data: whole\n\n"),
        "{answer}"
    );
    assert_eq!(
        running.metric(r#"tollgate_backend_circuit_breaker_state{backend="member-0"}"#),
        2
    );
    // The breaker is open: straight to the second.
    assert_eq!(status(&running.connect().await.call(ASK).await), 200);
    assert_eq!((first.accepted(), second.accepted()), (1, 1));
}

#[tokio::test]
async fn failover_needs_no_retry() {
    let refusing = {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", free.local_addr().unwrap())
    };
    let (ill, served) = (Arc::new(AtomicBool::new(true)), Arc::default());
    let (moody, cut) = (moody(&ill, &served).await, cut_after_the_head().await);
    let good = streams("data: whole\n\n").await;
    let urls = [refusing, moody.url(), cut.url(), good.url()];
    let mut definition = pool(&urls, Duration::from_secs(600), FORWARD);
    change_pool(&mut definition, |pool| pool.failover_attempts = Some(4));
    let running = start(definition, |_| {});
    let answer = running.connect().await.call(ASK).await;
    assert_eq!(
        (status(&answer), body(&answer)),
        (200, "data: whole\n\n"),
        "{answer}"
    );
    assert_eq!(
        (
            served.load(Ordering::SeqCst),
            cut.accepted(),
            good.accepted()
        ),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn failover_ends_with_the_last_answer() {
    let (ill, served) = (Arc::new(AtomicBool::new(true)), Arc::default());
    let (one, two, three) = (
        moody(&ill, &served).await,
        moody(&ill, &served).await,
        moody(&ill, &served).await,
    );
    let urls = [one.url(), two.url(), three.url()];
    let mut definition = pool(&urls, Duration::from_secs(600), FORWARD);
    change_pool(&mut definition, |pool| pool.failover_attempts = Some(2));
    let running = start(definition, |_| {});
    let answer = running.connect().await.call(ASK).await;
    assert_eq!((status(&answer), body(&answer)), (503, "moody"), "{answer}");
    assert_eq!(
        (one.accepted(), two.accepted(), three.accepted()),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn a_stream_that_breaks_later_reaches_its_caller_broken_and_opens_the_breaker() {
    let cut = Backend::serve(|mut wire| async move {
        if wire.message().await.is_some() {
            wire.send(&format!("{STREAM}9\r\ndata: a\n\n\r\n")).await;
        }
    })
    .await;
    let good = streams("data: whole\n\n").await;
    let mut definition = pool(&[cut.url(), good.url()], Duration::from_secs(600), RETRY);
    change_pool(&mut definition, |pool| pool.failover_attempts = Some(2));
    let running = start(definition, |_| {});
    let mut wire = running.connect().await;
    wire.send(ASK).await;
    let answer = wire.rest().await;
    assert!(
        answer.contains("data: a") && !answer.contains("whole"),
        "{answer}"
    );
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
    until(|| running.settled("upstream_failed") == 1).await;
    assert_eq!(good.accepted(), 0);
    let answer = running.connect().await.call(ASK).await;
    assert_eq!(body(&answer), "data: whole\n\n");
}

#[tokio::test]
async fn a_caller_that_leaves_a_stream_does_not_count() {
    let endless = holds_after("data: a\n\n").await;
    let running = start(
        pool(&[endless.url()], Duration::from_secs(600), FORWARD),
        |_| {},
    );
    let mut wire = running.connect().await;
    wire.send(ASK).await;
    wire.until("data: a").await.unwrap();
    drop(wire);
    until(|| running.settled("client_left") == 1).await;
    let state = r#"tollgate_backend_circuit_breaker_state{backend="member-0"}"#;
    assert_eq!(running.metric(state), 0);
}

#[tokio::test]
async fn a_session_stays_at_its_member_while_that_is_there() {
    let answers = |text: &'static str| {
        Backend::serve(move |mut wire| async move {
            while let Some(request) = wire.message().await {
                let status = if request.contains("/fail") {
                    "500 No"
                } else {
                    "200 OK"
                };
                let length = text.len();
                wire.send(&format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{text}"
                ))
                .await;
            }
        })
    };
    let (east, west) = (answers("east").await, answers("west").await);
    let mut definition = pool(&[east.url(), west.url()], Duration::from_secs(600), FORWARD);
    change_pool(&mut definition, |pool| {
        for member in &mut pool.members {
            member.priority = 1;
        }
        pool.session_affinity = Some(SessionAffinity {
            cookie: Arc::from("SessionId"),
            key: None,
        });
    });
    let running = start(definition, |_| {});
    let mut wire = running.connect().await;
    let first = wire.get("/open/x").await;
    let cookie = header(&first, "set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert!(!cookie.contains("member"), "{cookie}");
    let pair = cookie.split(';').next().unwrap().to_owned();
    let mut with_cookie = async |path: &str, pair: &str| {
        wire.call(&format!(
            "GET {path} HTTP/1.1\r\nhost: gateway\r\ncookie: a=b; {pair}\r\n\r\n"
        ))
        .await
    };
    for _ in 0..4 {
        let again = with_cookie("/open/x", &pair).await;
        assert_eq!(body(&again), body(&first));
        assert_eq!(header(&again, "set-cookie"), None);
    }
    // Its member fails: the session moves, and is told so.
    assert_eq!(status(&with_cookie("/open/fail", &pair).await), 500);
    let moved = with_cookie("/open/x", &pair).await;
    assert_ne!(body(&moved), body(&first));
    let other = header(&moved, "set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert_ne!(other, pair);
    let there = with_cookie("/open/x", &other).await;
    assert_eq!(
        (body(&there), header(&there, "set-cookie")),
        (body(&moved), None)
    );
}

/// Reads requests and never answers.
async fn silent() -> Backend {
    Backend::serve(|mut wire| async move {
        wire.rest().await;
    })
    .await
}

#[tokio::test]
async fn a_slow_caller_does_not_open_the_breaker_and_a_slow_backend_does() {
    let backend = silent().await;
    let forward = r#"<forward-request timeout-ms="150" />"#;
    let running = start(
        pool(&[backend.url()], Duration::from_secs(600), forward),
        |_| {},
    );
    let state = r#"tollgate_backend_circuit_breaker_state{backend="member-0"}"#;
    let mut slow = running.connect().await;
    slow.send("POST /open/x HTTP/1.1\r\nhost: gateway\r\ncontent-length: 5\r\n\r\nhel")
        .await;
    assert_eq!(status(&slow.message().await.unwrap()), 500);
    assert_eq!(running.metric(state), 0);
    let answer = running.connect().await.call(ASK).await;
    assert_eq!(status(&answer), 500);
    assert_eq!(running.metric(state), 2);
}

#[tokio::test]
async fn a_stream_that_stalls_before_its_first_byte_is_tried_elsewhere() {
    let (stalls, good) = (holds_after("").await, streams("data: whole\n\n").await);
    let mut definition = pool(
        &[stalls.url(), good.url()],
        Duration::from_secs(600),
        FORWARD,
    );
    change_pool(&mut definition, |pool| pool.failover_attempts = Some(2));
    let running = start(definition, |config| {
        config.limits.body_idle_timeout = Duration::from_millis(200);
    });
    let answer = running.connect().await.call(ASK).await;
    assert_eq!(
        (status(&answer), body(&answer)),
        (200, "data: whole\n\n"),
        "{answer}"
    );
    let shown = running.metric(r#"tollgate_backend_circuit_breaker_state{backend="member-0"}"#);
    assert_eq!(shown, 2);
}
