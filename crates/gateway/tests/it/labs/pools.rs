//! Pools of backends with circuit breakers, and sessions that stay at one member.

use super::*;
use crate::scene::{ask, until};
use std::collections::BTreeSet;

const POOL: &str = include_str!("../../documents/labs/pool.xml");
const SESSION: &str = include_str!("../../documents/labs/session.xml");

/// A server with the labs' breaker: the first 429 opens it, for as long as `Retry-After` says.
fn member(url: &str, name: &str) -> String {
    let server = server(name, &format!("{url}/{name}/openai"));
    let breaker = "circuitBreaker: { rules: [ { name: limited, failureCondition: { count: 1, interval: PT5M, \
         errorReasons: [ Server errors ], statusCodeRanges: [ { min: 429, max: 429 } ] }, \
         tripDuration: PT1M, acceptRetryAfter: true } ] }";
    server.replace(" }\n", &format!(", {breaker} }}\n"))
}

/// One member first, two others by equal weights when it is out.
fn pool(url: &str) -> String {
    let members = ["east", "north", "west"].map(|name| member(url, name));
    members.concat()
        + r#"  - id: the-pool
    type: Pool
    pool:
      services:
        - { id: /backends/east, priority: 1 }
        - { id: /backends/north, priority: 2, weight: 50 }
        - { id: /backends/west, priority: 2, weight: 50 }
"#
}

/// `backend-pool-load-balancing`, and its policy in two other labs: the first member until it is throttled, then the two
/// others; nobody sees a refusal while one is left, and nobody sees the pool when none is.
#[tokio::test]
async fn a_pool_fails_over_and_does_not_show() {
    let id = ("{backend-id}", "the-pool");
    let mut policies = documents(POOL, "backend-pool-load-balancing-tf/policy.xml", &[id]);
    policies.extend(original("private-connectivity/policy.xml", &[id]));
    let values = [id, ("{retry-count}", "2")];
    policies.extend(original("zero-to-production/policy-1.xml", &values));
    for policy in policies {
        let lab = Lab::start(&policy, pool).await;
        let region = async || {
            let answer = lab.call(KEY_A, &ask("What is a toll?")).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.header("x-ms-region").to_owned()
        };
        let throttle = |member: &str, seconds: u32| {
            let fault = format!("status=429;retry-after={seconds}");
            lab.simulator.queue_fault(Some(member), &fault, 1).unwrap();
        };
        for _ in 0..4 {
            assert_eq!(region().await, "East US");
        }
        throttle("east", 1);
        assert_ne!(region().await, "East US");
        until("the first member is back", async || {
            region().await == "East US"
        })
        .await;
        let before = lab.asked("east");
        throttle("east", 600);
        let mut regions = BTreeSet::new();
        for _ in 0..8 {
            regions.insert(region().await);
        }
        assert_eq!(
            regions.into_iter().collect::<Vec<_>>(),
            ["North Europe", "West US"]
        );
        assert_eq!(lab.asked("east"), before + 1, "it is left alone");

        throttle("north", 600);
        throttle("west", 600);
        let before = lab.simulator.requests(1000).len();
        for _ in 0..3 {
            let none = lab.call(KEY_A, &ask("What is a toll?")).await;
            assert_eq!(none.status, 503, "{}", none.text());
            let shown = format!("{:?} {}", none.headers, none.text()).to_lowercase();
            for secret in ["pool", "east", "north", "west", "breaker"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        let after = lab.simulator.requests(1000).len();
        assert_eq!(after, before + 2, "each was asked once more");
    }
}

/// `session-awareness`: a cookie keeps a caller's calls at one member of the pool, by region.
#[tokio::test]
async fn a_session_stays_at_its_member() {
    let values = [("{backend-id}", "the-pool")];
    for policy in documents(SESSION, "session-awareness/policy.xml", &values) {
        let lab = Lab::start(&policy, |url| {
            pool(url).replace("priority: 2, weight: 50", "priority: 1")
                + "      sessionAffinity: { sessionId: { source: Cookie, name: SessionId } }\n"
        })
        .await;
        let first = lab.call(KEY_A, &ask("What is a toll?")).await;
        assert_eq!(first.status, 200, "{}", first.text());
        let region = first.header("x-backend-region").to_owned();
        let cookie = first.header("set-cookie");
        assert!(cookie.starts_with("SessionId="), "{cookie}");
        let session = cookie.split(';').next().unwrap().to_owned();
        for _ in 0..8 {
            let next = lab.call_with("cookie", &session, &ask("And a gate?")).await;
            assert_eq!(
                (next.status.as_u16(), next.header("x-backend-region")),
                (200, &*region)
            );
            // The same id went to the provider, which names it in its answer.
            let id = next.header("x-request-id");
            let sent = lab.simulator.requests(1).pop().unwrap();
            assert_eq!(sent.header("x-request-id"), Some(id));
        }
        let mut regions = BTreeSet::new();
        for _ in 0..12 {
            let other = lab.call(KEY_A, &ask("What is a toll?")).await;
            regions.insert(other.header("x-backend-region").to_owned());
        }
        assert_eq!(regions.len(), 3, "{regions:?}");

        // Its member is out: the session goes on elsewhere, and stays there.
        let member = region.split(' ').next().unwrap().to_lowercase();
        let fault = "status=429;retry-after=600";
        lab.simulator.queue_fault(Some(&member), fault, 1).unwrap();
        let refused = lab.call_with("cookie", &session, &ask("More?")).await;
        assert_eq!(refused.status, 429, "this policy has no retry");
        let moved = lab.call_with("cookie", &session, &ask("More?")).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        let new_region = moved.header("x-backend-region").to_owned();
        assert_ne!(new_region, region);
        let cookie = moved.header("set-cookie").to_owned();
        let session = cookie.split(';').next().unwrap();
        for _ in 0..4 {
            let next = lab.call_with("cookie", session, &ask("More?")).await;
            assert_eq!(next.header("x-backend-region"), new_region);
        }
    }
}
