//! The fault campaign: the gateway is killed (SIGKILL) at random instants under load, again and again. Then its ledger is
//! held against the provider's books.
//!
//! `TOLLGATE_KILLS` says how often; `cargo xtask test` sets 200.

use super::provider::{Billed, Provider};
use super::{Books, Site, ask};
use crate::process::PATIENCE;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tollgate_state::ledger::{
    Adjustment, Call, EndReason, Flags, Folder, Record, Settlement, SignedTokens, Tokens, Writer,
};
use tollgate_testkit::client::Client;

/// Callers at one time.
const CALLERS: usize = 16;

/// Kills, unless the environment says another number.
const KILLS: usize = 20;

/// What a call does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Whole,
    Stream,
    /// A stream that is left after its beginning.
    Aborted,
}

fn manner(call: usize) -> Manner {
    match call % 6 {
        0..3 => Manner::Whole,
        3 | 4 => Manner::Stream,
        _ => Manner::Aborted,
    }
}

/// Draws numbers: the seed is printed, so that a failure can be looked into.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Answers that callers got to their last byte, by the id of the answer.
type Whole = Arc<Mutex<BTreeSet<u128>>>;

/// Calls without a pause until `stop`; a call that breaks is followed by the next one, to wherever the gateway is then.
async fn caller(number: usize, mut gateway: watch::Receiver<Option<SocketAddr>>, whole: Whole) {
    let mut call = number;
    loop {
        let address = *gateway.borrow_and_update();
        let Some(address) = address else {
            // Between two gateways, or at the end.
            if gateway.changed().await.is_err() {
                return;
            }
            continue;
        };
        call += CALLERS;
        if let Some(id) = one(address, manner(call)).await {
            assert!(whole.lock().unwrap().insert(id), "an id came twice");
        }
        if gateway.has_changed().is_err() {
            return;
        }
    }
}

/// One call. Gives its id when the whole answer came.
async fn one(address: SocketAddr, manner: Manner) -> Option<u128> {
    let mut client = Client::connect(address).await.ok()?;
    let mut response = client.open(ask(manner != Manner::Whole)).await.ok()?;
    assert_eq!(response.status(), 200);
    let id = response.headers()["tollgate-request-id"].to_str().unwrap();
    let id = uuid::Uuid::parse_str(id).unwrap().as_u128();
    let mut parts = 0;
    while let Some(frame) = http_body_util::BodyExt::frame(response.body_mut()).await {
        frame.ok()?;
        parts += 1;
        if manner == Manner::Aborted && parts == 2 {
            return None;
        }
    }
    Some(id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_or_counted_twice() {
    let kills: usize = std::env::var("TOLLGATE_KILLS")
        .ok()
        .map_or(KILLS, |text| text.parse().unwrap());
    let seed = std::env::var("TOLLGATE_SEED").map_or_else(
        |_| u64::from(std::process::id()) * 0x9E37_79B9 + 1,
        |text| text.parse().unwrap(),
    );
    println!("TOLLGATE_SEED={seed} TOLLGATE_KILLS={kills}");
    let mut random = Random(seed);
    let provider = Provider::start().await;
    let site = Arc::new(Site::new(provider.address, "syncInterval: 50 ms"));
    let whole = Whole::default();
    let (gateway, at) = watch::channel(None);
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..CALLERS {
        callers.spawn(caller(number, at.clone(), whole.clone()));
    }
    drop(at);
    for kill in 0..kills {
        if kill % 8 == 7 {
            // Also while it starts, which is when it settles what the last one left.
            let mut running = site.spawn();
            if random.below(2) == 0 {
                running.line("serving http://");
            }
            running.signal("KILL");
            running.end();
            continue;
        }
        let starting = site.clone();
        let started = tokio::task::spawn_blocking(move || starting.start());
        let (mut running, address, _) = started.await.unwrap();
        gateway.send_replace(Some(address));
        let steps = 1 + random.below(400);
        tokio::select! {
            moved = tokio::time::timeout(PATIENCE, provider.moves(steps)) => moved.unwrap(),
            Some(failed) = callers.join_next() => failed.unwrap(),
        }
        running.signal("KILL");
        gateway.send_replace(None);
        tokio::task::spawn_blocking(move || running.end())
            .await
            .unwrap();
    }
    // The last one ends well, so that nothing is open behind it.
    let starting = site.clone();
    let started = tokio::task::spawn_blocking(move || starting.start());
    let (mut running, address, _) = started.await.unwrap();
    gateway.send_replace(Some(address));
    provider.moves(200).await;
    drop(gateway);
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    running.signal("TERM");
    let status = tokio::task::spawn_blocking(move || running.end()).await;
    assert_eq!(status.unwrap(), Some(0));

    let billed = provider.billed();
    let whole = std::mem::take(&mut *whole.lock().unwrap());
    check(&site.read(), &billed, &whole, kills);
    reconcile(&site, &billed);
}

fn sum(tokens: &Tokens) -> u64 {
    tokens.sum()
}

/// Holds the ledger against the provider's books and the callers' answers.
fn check(books: &Books, billed: &BTreeMap<u128, Billed>, whole: &BTreeSet<u128>, kills: usize) {
    // A crash tears at most one record of each thread, and the header of a segment that just began.
    let threads = 3 * (kills as u64 + 1);
    assert!(
        books.damage.places + books.damage.segments <= threads,
        "{:?}",
        books.damage
    );
    assert_eq!((books.damage.repeated, books.damage.unknown), (0, 0));
    for (id, intents) in &books.intents {
        assert_eq!(intents.len(), 1, "call {id:x} was admitted more than once");
        let settled = books.settlements.get(id).map_or(0, Vec::len);
        assert_eq!(settled, 1, "call {id:x} has {settled} settlements");
    }
    for id in books.settlements.keys() {
        assert!(
            books.intents.contains_key(id),
            "call {id:x} was never admitted"
        );
    }
    // Nothing reached the provider of which the ledger does not know.
    for id in billed.keys() {
        assert!(
            books.intents.contains_key(id),
            "call {id:x} is not in the ledger"
        );
    }
    // Every whole answer is there with exactly what the provider reported.
    for id in whole {
        let (settlement, billed) = (&books.settlements[id][0], billed[id]);
        assert_eq!(settlement.end, EndReason::Done);
        assert_eq!(settlement.tokens.input, billed.tokens.0);
        assert_eq!(settlement.tokens.output, billed.tokens.1);
    }
    // What is not flagged is exact, and of a call that the provider finished.
    let mut ends: BTreeMap<EndReason, u64> = BTreeMap::new();
    let (mut ledger, mut provider) = (0, 0);
    for (id, settlement) in exact(books) {
        ledger += sum(&settlement.tokens);
        let billed = billed.get(&id).copied().filter(|billed| billed.finished);
        let tokens = billed.map_or((0, 0), |billed| billed.tokens);
        provider += tokens.0 + tokens.1;
        assert_eq!(
            sum(&settlement.tokens),
            tokens.0 + tokens.1,
            "{settlement:?}"
        );
    }
    assert_eq!(ledger, provider);
    for settlement in books.settlements.values().flatten() {
        *ends.entry(settlement.end).or_default() += 1;
    }
    println!(
        "{} calls, {} whole answers, {} reached the provider, {ledger} tokens exact; {ends:?}; {:?}",
        books.intents.len(),
        whole.len(),
        billed.len(),
        books.damage
    );
    assert!(!whole.is_empty());
    let crashed = ends.get(&EndReason::GatewayCrash).copied().unwrap_or(0);
    assert!(crashed > 0, "no call was open at any kill");
}

/// Settlements whose numbers are the provider's.
fn exact(books: &Books) -> impl Iterator<Item = (u128, &Settlement<'static>)> {
    books.settlements.iter().filter_map(|(id, settlements)| {
        let settlement = settlements.first()?;
        (!settlement.flags.has(Flags::ESTIMATED)).then_some((*id, settlement))
    })
}

/// Corrects what the ledger could only estimate by the provider's books, as `tollgate reconcile` does by an export: then
/// both sums are equal.
fn reconcile(site: &Site, billed: &BTreeMap<u128, Billed>) {
    let now = 4_000_000_000_000;
    let folder = Arc::new(Folder::open_beside(&site.ledger(), now).unwrap());
    let mut writer = Writer::new(folder, 60_000);
    let books = site.read();
    for (id, settlements) in &books.settlements {
        let settlement = &settlements[0];
        if !settlement.flags.has(Flags::UNCERTAIN) && !settlement.flags.has(Flags::ESTIMATED) {
            continue;
        }
        let billed = billed.get(id).filter(|billed| billed.finished);
        let (input, output) = billed.map_or((0, 0), |billed| billed.tokens);
        let difference = |real: u64, charged: u64| {
            i64::try_from(real).unwrap() - i64::try_from(charged).unwrap()
        };
        let tokens = SignedTokens {
            input: difference(input, settlement.tokens.input),
            output: difference(output, settlement.tokens.output),
            ..SignedTokens::default()
        };
        if tokens == SignedTokens::default() {
            continue;
        }
        let adjustment = Adjustment {
            id: *id,
            at_ms: now,
            call: Call {
                id: *id,
                admitted_ms: settlement.call.admitted_ms,
                ..Call::default()
            },
            tokens,
            source: "the provider's books".into(),
            ..Adjustment::default()
        };
        writer.write(&Record::Adjustment(adjustment)).unwrap();
    }
    drop(writer);
    let books = site.read();
    let charged: u64 = books.settlements.values().map(|s| sum(&s[0].tokens)).sum();
    let adjusted: i64 = books
        .adjustments
        .iter()
        .map(|a| a.tokens.input + a.tokens.output)
        .sum();
    let finished = billed.values().filter(|billed| billed.finished);
    let real: u64 = finished
        .map(|billed| billed.tokens.0 + billed.tokens.1)
        .sum();
    println!(
        "charged {charged}, adjusted by {adjusted} in {} records, billed {real}",
        books.adjustments.len()
    );
    assert_eq!(charged.checked_add_signed(adjusted), Some(real));
}
