//! Recovery, group commit, full disks, retention.

use super::super::retention::Retention;
use super::super::*;
use super::{NOON, Scratch, intent, read, settlement};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn open(path: &Path, now_ms: u64, observer: Arc<dyn Observer>) -> Arc<Ledger> {
    Ledger::open(
        path,
        &Options::default(),
        Arc::new(move || now_ms),
        observer,
    )
    .unwrap()
}

fn crashed(intent: Intent<'static>) -> Settlement<'static> {
    Settlement {
        tokens: Tokens {
            input: intent.estimate,
            ..Tokens::default()
        },
        call: intent.call,
        settled_ms: NOON + 100,
        end: EndReason::GatewayCrash,
        ..Settlement::default()
    }
}

fn ends(path: &Path) -> Vec<(u128, EndReason)> {
    let mut ends: Vec<_> = read(path, Period::ALL)
        .0
        .into_iter()
        .filter_map(|record| match record {
            Record::Settlement(s) => Some((s.call.id, s.end)),
            _ => None,
        })
        .collect();
    ends.sort_unstable();
    ends
}

#[test]
fn open_calls_of_earlier_processes_are_settled_once() {
    let scratch = Scratch::new();
    {
        let first = open(&scratch.0, NOON, Arc::new(()));
        assert_eq!(first.recover(crashed).unwrap(), Recovered::default());
        let (mut one, mut two) = (first.writer(), first.writer());
        one.write(&intent(1, NOON)).unwrap();
        one.write(&intent(2, NOON)).unwrap();
        two.write(&intent(3, NOON)).unwrap();
        one.settle(&settlement(1, NOON + 1));
        // Over two midnights: call 2 is carried twice.
        one.write(&intent(4, NOON + 86_400_000)).unwrap();
        one.settle(&settlement(4, NOON + 86_400_001));
        one.write(&intent(5, NOON + 2 * 86_400_000)).unwrap();
        one.settle(&settlement(5, NOON + 2 * 86_400_001));
        // A crash drops nothing: what is in memory is gone, what was written stays.
    }
    for round in 1..4 {
        let next = open(&scratch.0, NOON, Arc::new(()));
        let recovered = next.recover(crashed).unwrap();
        assert_eq!(recovered.calls, if round == 1 { 2 } else { 0 });
        assert_eq!(next.numbers().crashed, recovered.calls);
    }
    use EndReason::{Done, GatewayCrash};
    let expected = [
        (1, Done),
        (2, GatewayCrash),
        (3, GatewayCrash),
        (4, Done),
        (5, Done),
    ];
    assert_eq!(ends(&scratch.0), expected);
}

#[test]
fn a_recovery_that_was_cut_short_goes_on() {
    let scratch = Scratch::new();
    {
        let first = open(&scratch.0, NOON, Arc::new(()));
        let mut writer = first.writer();
        for id in 1..=4 {
            writer.write(&intent(id, NOON)).unwrap();
        }
    }
    {
        // It dies behind its second settlement, and before it has noted that all are settled.
        let second = open(&scratch.0, NOON, Arc::new(()));
        let mut writer = second.numbered_for_tests();
        for id in 1..=2 {
            writer.settle(&Record::Settlement(crashed(Intent {
                call: super::call(id),
                ..Intent::default()
            })));
        }
    }
    let third = open(&scratch.0, NOON, Arc::new(()));
    assert_eq!(third.recover(crashed).unwrap().calls, 2);
    let ids: Vec<u128> = ends(&scratch.0).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
}

#[test]
fn a_torn_intent_was_never_admitted() {
    let scratch = Scratch::new();
    {
        let first = open(&scratch.0, NOON, Arc::new(()));
        let mut writer = first.writer();
        writer.write(&intent(1, NOON)).unwrap();
        writer.write(&intent(2, NOON)).unwrap();
    }
    let file = scratch.files().remove(0);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let second = open(&scratch.0, NOON, Arc::new(()));
    let recovered = second.recover(crashed).unwrap();
    assert_eq!((recovered.calls, recovered.damage.places), (1, 1));
    drop(second);
    // Half a marker says nothing: all is looked at again, and nothing is settled twice.
    std::fs::write(scratch.0.join("recovered"), "17").unwrap();
    let third = open(&scratch.0, NOON, Arc::new(()));
    assert_eq!(third.recover(crashed).unwrap().calls, 0);
}

/// Notes what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn failing(&self, why: &str) {
        self.0.lock().unwrap().push(why.to_owned());
    }
    fn recovered(&self) {
        self.0.lock().unwrap().push(String::from("recovered"));
    }
}

#[test]
fn what_cannot_be_written_waits_and_is_told() {
    let scratch = Scratch::new();
    let told = Arc::new(Told::default());
    let ledger = open(&scratch.0, NOON, told.clone());
    let mut writer = ledger.writer();
    writer.write(&intent(1, NOON)).unwrap();
    // A file stands where tomorrow's folder should be.
    let tomorrow = NOON + 86_400_000;
    let blocked = scratch.0.join(Day::of(tomorrow).to_string());
    std::fs::write(&blocked, "").unwrap();
    assert_eq!(writer.settle(&settlement(1, tomorrow)), Settled::Queued);
    assert!(writer.write(&intent(2, tomorrow)).is_err());
    assert!(ledger.is_failing());
    assert_eq!((ledger.numbers().queued, ledger.numbers().failures), (1, 2));
    assert_eq!(told.0.lock().unwrap().len(), 1);
    std::fs::remove_file(&blocked).unwrap();
    writer.write(&intent(3, tomorrow)).unwrap();
    assert!(!ledger.is_failing());
    assert_eq!(ledger.numbers().queued, 0);
    assert_eq!(told.0.lock().unwrap()[1..], ["recovered"]);
    let records = read(&scratch.0, Period::ALL).0;
    let expected = [
        intent(1, NOON),
        settlement(1, tomorrow),
        intent(3, tomorrow),
    ];
    assert_eq!(records, expected);
}

#[test]
fn what_waits_has_a_bound() {
    let scratch = Scratch::new();
    let ledger = open(&scratch.0, NOON, Arc::new(()));
    std::fs::write(scratch.0.join(Day::of(NOON).to_string()), "").unwrap();
    let mut writer = ledger.writer();
    let mut queued = 0;
    while writer.settle(&settlement(queued + 1, NOON)) == Settled::Queued {
        queued += 1;
    }
    assert!(queued > 10_000, "{queued}");
    assert_eq!(ledger.numbers().lost, 1);
    // At the end of the process they are lost, and that is counted too.
    drop(writer);
    assert_eq!(u128::from(ledger.numbers().lost), queued + 1);
}

/// A filesystem of its own, of 256 KiB.
struct Small(Scratch);

impl Small {
    /// `None` where mounting is not allowed.
    fn mount() -> Option<Small> {
        let scratch = Scratch::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(&scratch.0)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then(|| Small(scratch))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0.0).output();
    }
}

#[test]
fn a_full_disk_loses_nothing_that_was_written() {
    let Some(small) = Small::mount() else {
        eprintln!("no filesystem can be mounted here");
        return;
    };
    let path = &small.0.0;
    let ballast = path.join("ballast");
    std::fs::write(&ballast, vec![1; 190_000]).unwrap();
    let ledger = open(path, NOON, Arc::new(()));
    let mut writer = ledger.writer();
    let mut admitted = 0;
    while writer.write(&intent(admitted + 1, NOON)).is_ok() {
        admitted += 1;
    }
    assert!(admitted > 50, "{admitted}");
    for id in 1..=admitted {
        writer.settle(&settlement(id, NOON + 1));
    }
    assert!(ledger.numbers().queued > 0);
    std::fs::remove_file(&ballast).unwrap();
    writer.write(&intent(admitted + 1, NOON)).unwrap();
    assert_eq!((ledger.numbers().queued, ledger.numbers().lost), (0, 0));
    let (records, damage) = read(path, Period::ALL);
    let intents = records.iter().filter(|r| matches!(r, Record::Intent(_)));
    assert_eq!(intents.count() as u128, admitted + 1);
    assert_eq!(ends(path).len() as u128, admitted);
    assert_eq!(damage, Damage::default());
}

#[test]
fn a_commit_wakes_who_waits() {
    let scratch = Scratch::new();
    let options = Options {
        // Only who asks gets one.
        sync_interval: Duration::from_secs(3600),
        ..Options::default()
    };
    let ledger = Ledger::open(&scratch.0, &options, Arc::new(|| NOON), Arc::new(())).unwrap();
    let mut writer = ledger.writer();
    assert!(writer.synced().is_none());
    for id in 1..=3 {
        writer.write(&intent(id, NOON)).unwrap();
        wait(writer.synced().unwrap()).unwrap();
    }
    assert!((1..=3).contains(&ledger.numbers().syncs));
}

/// Runs a future on this thread.
fn wait<F: Future + Unpin>(mut future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut cx = std::task::Context::from_waker(&waker);
    loop {
        if let std::task::Poll::Ready(value) = std::pin::Pin::new(&mut future).poll(&mut cx) {
            return value;
        }
        std::thread::park();
    }
}

#[test]
fn a_deleted_segment_is_noticed_and_another_begins() {
    let scratch = Scratch::new();
    let told = Arc::new(Told::default());
    let ledger = open(&scratch.0, NOON, told.clone());
    let mut writer = ledger.writer();
    writer.write(&intent(1, NOON)).unwrap();
    std::fs::remove_dir_all(scratch.0.join(Day::of(NOON).to_string())).unwrap();
    assert!(wait(writer.synced().unwrap()).is_err());
    assert!(!told.0.lock().unwrap().is_empty());
    writer.settle(&settlement(1, NOON + 1));
    wait(writer.synced().unwrap()).unwrap();
    assert_eq!(ends(&scratch.0), [(1, EndReason::Done)]);
}

#[test]
fn old_days_go_one_at_a_time_and_only_by_a_steady_clock() {
    let scratch = Scratch::new();
    let day = 86_400_000;
    for age in 0..6 {
        let name = Day::of(NOON - age * day).to_string();
        std::fs::create_dir_all(scratch.0.join(name)).unwrap();
    }
    std::fs::create_dir_all(scratch.0.join("1999-notes")).unwrap();
    let left = || folder::days(&scratch.0).unwrap().len();
    let numbers = Numbers::default();
    let (start, hour) = (Instant::now(), Duration::from_secs(3600));
    let mut retention = Retention::new(2, start, NOON - 3 * 3_600_000);
    let mut at = |hours: u32, now_ms: u64| {
        retention.sweep(&scratch.0, start + hour * hours, now_ms, &numbers);
        left()
    };
    // The clock jumps a hundred years ahead, and back.
    assert_eq!(at(1, NOON + 36_500 * day), 6);
    assert_eq!(at(2, NOON - 3_600_000), 6);
    assert_eq!(at(3, NOON), 5);
    assert_eq!(at(3, NOON), 5);
    assert_eq!(at(4, NOON + 3_600_000), 4);
    assert_eq!(at(5, NOON + 2 * 3_600_000), 3);
    assert_eq!(at(6, NOON + 3 * 3_600_000), 3);
    assert_eq!(numbers.read().removed_days, 3);
}

#[test]
fn adjustments_are_written_beside_a_gateway() {
    let scratch = Scratch::new();
    let ledger = open(&scratch.0, NOON, Arc::new(()));
    ledger.writer().write(&intent(1, NOON)).unwrap();
    let beside = Arc::new(Folder::open_beside(&scratch.0, NOON).unwrap());
    assert!(Folder::open_beside(&scratch.0, NOON).is_err());
    let adjustment = Record::Adjustment(Adjustment {
        id: 1,
        at_ms: NOON,
        ..Adjustment::default()
    });
    let mut writer = Writer::new(beside, 60_000);
    writer.write(&adjustment).unwrap();
    writer.sync().unwrap();
    assert_eq!(
        read(&scratch.0, Period::ALL).0,
        [intent(1, NOON), adjustment]
    );
}
