//! A ledger that cannot be written, and one that another gateway has.

use super::provider::Provider;
use super::{Site, ask};
use crate::scene::{metrics, sum};
use std::net::SocketAddr;
use std::process::Command;
use tollgate_state::ledger::{EndReason, Flags};
use tollgate_testkit::client::{Fetched, fetch, get};

async fn call(gateway: SocketAddr) -> Fetched {
    fetch(gateway, ask(false)).await.unwrap()
}

/// What `/readyz` says is degraded.
async fn degraded(management: SocketAddr) -> String {
    let ready = fetch(management, get("/readyz")).await.unwrap();
    assert_eq!(ready.status, 200);
    ready.json()["degraded"].to_string()
}

/// A folder of files where nothing more can be written, and can again: a filesystem of its own that is full. Where none
/// can be mounted, `None`.
struct Full<'a> {
    site: &'a Site,
}

impl<'a> Full<'a> {
    fn mount(site: &'a Site) -> Option<Full<'a>> {
        let ledger = site.ledger();
        std::fs::create_dir_all(&ledger).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(&ledger)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: no filesystem can be mounted here (that needs root)");
        }
        mounted.then_some(Full { site })
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let ballast = self.site.ledger().join("ballast");
        let mut size = 512 << 10;
        let mut file = std::fs::File::create(ballast).unwrap();
        while size > 0 {
            if std::io::Write::write_all(&mut file, &vec![1; size]).is_err() {
                size /= 2;
            }
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.site.ledger().join("ballast")).unwrap();
    }
}

impl Drop for Full<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.site.ledger()).output();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_calls_until_there_is_room() {
    let provider = Provider::start().await;
    let site = Site::new(provider.address, "onFailure: refuse");
    let Some(full) = Full::mount(&site) else {
        return;
    };
    let (mut running, gateway, management) = site.start();
    assert_eq!(call(gateway).await.status, 200);
    full.fill();
    // The pages of the threads' files may have room for some more: each thread is full when many calls on end are refused.
    let (mut went_on, mut refusals, mut on_end) = (1, 0, 0);
    let refused = loop {
        let answer = call(gateway).await;
        if answer.status == 200 {
            went_on += 1;
            on_end = 0;
            assert!(went_on < 200);
            assert!(went_on < 200);
            continue;
        }
        refusals += 1;
        on_end += 1;
        if on_end == 20 {
            break answer;
        }
    };
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(refused.json()["statusCode"], 503);
    assert!(
        degraded(management)
            .await
            .contains("No space left on device")
    );
    let page = metrics(management).await;
    assert_eq!(
        sum(&page, "tollgate_ledger_refused_calls_total", &[]),
        refusals
    );
    assert_eq!(provider.billed().len(), went_on);
    full.empty();
    assert_eq!(call(gateway).await.status, 200);
    assert_eq!(degraded(management).await, "{}");
    running.line("the ledger cannot be written, model calls are refused");
    running.line("the ledger can be written again");
    running.signal("TERM");
    assert_eq!(running.end(), Some(0));
    let books = site.read();
    assert_eq!(books.settlements.len(), went_on + 1);
    assert!(
        books
            .settlements
            .values()
            .all(|s| s[0].end == EndReason::Done)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_lets_calls_go_on_when_that_is_configured() {
    let provider = Provider::start().await;
    let site = Site::new(provider.address, "onFailure: degrade");
    let Some(full) = Full::mount(&site) else {
        return;
    };
    let (mut running, gateway, management) = site.start();
    full.fill();
    for _ in 0..40 {
        assert_eq!(call(gateway).await.status, 200);
    }
    assert!(
        degraded(management)
            .await
            .contains("model calls go on without it")
    );
    let page = metrics(management).await;
    let unrecorded = sum(&page, "tollgate_ledger_unrecorded_calls_total", &[]);
    assert!(unrecorded > 0);
    assert!(sum(&page, "tollgate_ledger_queued_settlements", &[]) >= unrecorded);
    full.empty();
    assert_eq!(call(gateway).await.status, 200);
    running.signal("TERM");
    assert_eq!(running.end(), Some(0));
    let books = site.read();
    // All that happened is in the ledger in the end.
    assert_eq!(books.settlements.len(), 41);
    let without = books
        .settlements
        .values()
        .filter(|s| s[0].flags.has(Flags::NO_INTENT));
    assert_eq!(without.count() as u64, unrecorded);
    let tokens: u64 = books.settlements.values().map(|s| s[0].tokens.sum()).sum();
    let billed: u64 = provider
        .billed()
        .values()
        .map(|b| b.tokens.0 + b.tokens.1)
        .sum();
    assert_eq!(tokens, billed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_do_not_share_a_ledger() {
    let provider = Provider::start().await;
    let site = Site::new(provider.address, "durability: disk");
    let (mut first, gateway, management) = site.start();
    assert_eq!(call(gateway).await.status, 200);
    let mut second = site.spawn();
    assert_eq!(second.end(), Some(1));
    let said = second.output();
    assert!(said.contains("cannot keep the ledger"), "{said}");
    assert!(said.contains("is locked by process"), "{said}");
    let page = metrics(management).await;
    assert!(sum(&page, "tollgate_ledger_syncs_total", &[]) >= 1);
    // A crash leaves no lock behind.
    first.signal("KILL");
    first.end();
    let (_third, gateway, _) = site.start();
    assert_eq!(call(gateway).await.status, 200);
}
