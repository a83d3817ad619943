//! Reserved capacity and pay-as-you-go that saturate and break under callers who never stop: while one member of the pool
//! is healthy, no caller sees an error. Each test prints the timeline of its breakers.
//!
//! `cargo test -p tollgate --test it failover:: -- --nocapture` shows the timelines; `docs/failover.md` has them.

mod fleet;

use fleet::{CALLERS, Fleet, PAYG, PTU_1, PTU_2};

/// Both reserved members fill up, pay-as-you-go takes over, and they come back when their `Retry-After` is over.
#[tokio::test]
async fn saturation() {
    let mut fleet = Fleet::start(Some(600)).await;
    fleet.serves("calls begin", &[PTU_1, PTU_2]).await;
    fleet
        .step("both reserved are full", async |f| {
            let phases = f.phases().await;
            phases[0] == "open" && phases[1] == "open"
        })
        .await;
    fleet.serves("pay-as-you-go takes over", &[PAYG]).await;
    fleet.serves("both had room again", &[PTU_1, PTU_2]).await;
    fleet.end().await;
}

/// A member's host is gone: nobody listens there.
#[tokio::test]
async fn outage() {
    let mut fleet = Fleet::start(None).await;
    fleet.calm().await;
    for (what, member) in [("ptu-1 is gone", PTU_1), ("ptu-2 is gone", PTU_2)] {
        fleet.down(member).await;
        fleet.step(what, async |f| f.opened(member).await > 0).await;
    }
    fleet.serves("pay-as-you-go takes over", &[PAYG]).await;
    fleet.up(PTU_1).await;
    fleet.up(PTU_2).await;
    fleet
        .step("both are back", async |f| f.healthy().await)
        .await;
    fleet.serves("both serve", &[PTU_1, PTU_2]).await;
    fleet.end().await;
}

/// A head that does not come in time, a reset, answers and streams that end before their first byte.
#[tokio::test]
async fn broken_answers() {
    let mut fleet = Fleet::start(None).await;
    fleet.calm().await;
    for (what, fault) in [
        ("ptu-1 gives no head in time", "delay=30s"),
        ("ptu-1 resets", "reset"),
        ("ptu-1 cuts before a byte", "cut-after=0"),
        ("ptu-1 answers 500", "status=500"),
    ] {
        let opened = fleet.opened(PTU_1).await;
        fleet.fault(PTU_1, fault, 1);
        fleet
            .step(what, async |f| f.opened(PTU_1).await > opened)
            .await;
        fleet.step("it is back", async |f| f.healthy().await).await;
    }
    fleet.end().await;
}

/// A member that is up and down and up, and whose probes fail: only the probes meet it.
#[tokio::test]
async fn flapping() {
    let mut fleet = Fleet::start(None).await;
    fleet.calm().await;
    for _ in 0..2 {
        let opened = fleet.opened(PTU_1).await;
        fleet.fault(PTU_1, "status=503", 1000);
        fleet
            .step("ptu-1 answers 503", async |f| {
                f.opened(PTU_1).await > opened
            })
            .await;
        fleet
            .step("its probe fails", async |f| {
                f.opened(PTU_1).await > opened + 1
            })
            .await;
        let refused = 1000 - fleet.mend(PTU_1).await;
        fleet
            .step("its probe succeeds", async |f| f.healthy().await)
            .await;
        // Beside the probes, only what was under way when it opened first.
        let probes = fleet.opened(PTU_1).await - opened - 1;
        assert!(refused <= probes + CALLERS, "{refused} {probes}");
    }
    fleet.end().await;
}

/// Everybody is gone, and comes back.
#[tokio::test]
async fn all_down() {
    let mut fleet = Fleet::start(None).await;
    fleet.calm().await;
    fleet.forgive();
    for member in [PTU_1, PTU_2, PAYG] {
        fleet.down(member).await;
    }
    fleet
        .step("all are gone", async |f| {
            f.phases().await.iter().all(|phase| phase == "open")
        })
        .await;
    fleet
        .step("callers are told to wait", async |f| {
            let answer = f.call().await;
            let waits = answer.header("retry-after").parse::<u64>();
            answer.status == 503 && waits.is_ok_and(|wait| (1..=2).contains(&wait))
        })
        .await;
    fleet.up(PAYG).await;
    fleet
        .step("pay-as-you-go is back", async |f| {
            f.phase(PAYG).await == "closed"
        })
        .await;
    fleet.forgive_no_more().await;
    fleet.up(PTU_1).await;
    fleet.up(PTU_2).await;
    fleet
        .step("all are back", async |f| f.healthy().await)
        .await;
    fleet.end().await;
}

/// A reload in the middle: an open breaker stays open, and nobody's call is lost.
#[tokio::test]
async fn reload() {
    let mut fleet = Fleet::start(None).await;
    fleet.calm().await;
    fleet.fault(PTU_1, "status=429;retry-after=600", 1);
    fleet
        .step("ptu-1 is full for 10 minutes", async |f| {
            f.phase(PTU_1).await == "open"
        })
        .await;
    fleet.rounds().await;
    let asked = fleet.asked(PTU_1);
    fleet.configure("# The same, with a comment.\n");
    fleet
        .step("the configuration is loaded again", async |f| {
            f.generation().await == 2
        })
        .await;
    fleet.serves("ptu-2 goes on", &[PTU_2]).await;
    assert_eq!(fleet.phase(PTU_1).await, "open");
    assert_eq!(fleet.asked(PTU_1), asked, "nobody asked it");
    fleet.end().await;
}
