//! Records and files: what is written is read, whatever happens to the bytes.

mod running;

use super::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// 2026-11-20T12:00:00Z.
const NOON: u64 = 1_795_176_000_000;

/// A folder of a test, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("tollgate-ledger-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn files(&self) -> Vec<PathBuf> {
        let segments = folder::segments(&self.0, Period::ALL).unwrap();
        segments.into_iter().map(|s| s.path).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn call(id: u128) -> Call<'static> {
    Call {
        id,
        admitted_ms: NOON,
        api: "chat".into(),
        operation: "create".into(),
        subscription: "team-a".into(),
        model: "gpt-4o".into(),
        stream: true,
        budgets: vec!["org".into(), "team-a".into()],
        tags: vec![("cost-center".into(), "4711".into())],
        purpose: "send_request".into(),
        parent: u128::MAX,
        ..Call::default()
    }
}

fn intent(id: u128, at: u64) -> Record<'static> {
    Record::Intent(Intent {
        call: Call {
            admitted_ms: at,
            ..call(id)
        },
        estimate: 100,
        reserved_tokens: 1000,
        reserved_pico: 5_000_000_000,
    })
}

fn settlement(id: u128, at: u64) -> Record<'static> {
    Record::Settlement(Settlement {
        call: call(id),
        settled_ms: at,
        end: EndReason::Done,
        status: 200,
        served_model: "gpt-4o-2024-08-06".into(),
        tokens: Tokens {
            input: 90,
            cached_input: 10,
            output: 40,
            reasoning: u64::MAX,
            ..Tokens::default()
        },
        total: 140,
        flags: Flags::default().with(Flags::ESTIMATED, true),
        cost_pico: Some(u128::MAX),
        saved_tokens: 3,
        saved_pico: Some(0),
        first_token_ms: Some(0),
        duration_ms: 1234,
        attempts: 1,
        ..Settlement::default()
    })
}

fn read(folder: &Path, period: Period) -> (Vec<Record<'static>>, Damage) {
    let mut reader = Reader::open(folder, period).unwrap();
    let records = reader.by_ref().map(Result::unwrap).collect();
    (records, reader.damage())
}

#[test]
fn what_is_written_is_read() {
    let scratch = Scratch::new();
    let folder = Arc::new(Folder::open(&scratch.0, NOON).unwrap());
    let mut writer = Writer::new(folder, 0);
    let mut all = vec![intent(1, NOON), settlement(1, NOON + 5)];
    all.push(Record::Adjustment(Adjustment {
        id: 7,
        at_ms: NOON + 6,
        call: call(0),
        tokens: SignedTokens {
            input: -3,
            image_output: i64::MIN,
            ..SignedTokens::default()
        },
        cost_pico: i128::MIN,
        source: "export.csv".into(),
        note: "2026-11".into(),
    }));
    all.push(Record::Grant(Grant {
        id: 8,
        at_ms: NOON + 7,
        budget: "run-1".into(),
        parent: "team-a".into(),
        unit: GrantUnit::Money,
        ceiling: 1,
        expires_ms: NOON + 60_000,
        revoked: true,
        ..Grant::default()
    }));
    for record in &all {
        writer.write(record).unwrap();
    }
    assert_eq!(read(&scratch.0, Period::ALL), (all, Damage::default()));
}

#[test]
fn days_have_one_name_each() {
    for (ms, name) in [
        (0, "1970-01-01"),
        (NOON, "2026-11-20"),
        (u64::MAX, "9999-12-31"),
    ] {
        assert_eq!(Day::of(ms).to_string(), name);
        assert_eq!(Day::parse(name), Some(Day::of(ms)));
    }
    for name in [
        "",
        "lock",
        "1969-12-31",
        "2026-11-20T00",
        "20261120",
        "+002026-11-20",
    ] {
        assert_eq!(Day::parse(name), None, "{name}");
    }
}

/// A folder with one segment of `count` records, and the offsets at which they end.
fn sample(count: u128) -> (Scratch, PathBuf, Vec<u8>, Vec<usize>, Vec<Record<'static>>) {
    let scratch = Scratch::new();
    let folder = Arc::new(Folder::open(&scratch.0, NOON).unwrap());
    let mut writer = Writer::new(folder, 3);
    let mut ends = Vec::new();
    let mut records = Vec::new();
    for id in 1..=count {
        for record in [intent(id, NOON), settlement(id, NOON + 1)] {
            ends.push(usize::try_from(writer.write(&record).unwrap().bytes).unwrap());
            records.push(record);
        }
    }
    let file = scratch.files().remove(0);
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(ends.last(), Some(&bytes.len()));
    (scratch, file, bytes, ends, records)
}

#[test]
fn a_torn_tail_costs_what_was_in_it() {
    let (scratch, file, bytes, ends, records) = sample(3);
    for length in 0..bytes.len() {
        std::fs::write(&file, &bytes[..length]).unwrap();
        let (found, damage) = read(&scratch.0, Period::ALL);
        let whole = ends.iter().filter(|end| **end <= length).count();
        assert_eq!(found, records[..whole], "cut at {length}");
        let torn = length > frame::HEADER && !ends.contains(&length);
        assert_eq!(damage.places, u64::from(torn), "cut at {length}");
        assert_eq!(damage.segments, u64::from(length < frame::HEADER));
    }
}

#[test]
fn a_flipped_bit_costs_one_record() {
    let (scratch, file, bytes, ends, records) = sample(2);
    for at in 0..bytes.len() {
        for bit in [0, 7] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            std::fs::write(&file, &flipped).unwrap();
            let (found, damage) = read(&scratch.0, Period::ALL);
            if at < frame::HEADER {
                assert_eq!((found.len(), damage.segments), (0, 1));
                continue;
            }
            let hit = ends.iter().filter(|end| **end <= at).count();
            let mut rest = records.clone();
            rest.remove(hit);
            assert_eq!(found, rest, "bit {bit} of byte {at}");
            assert_eq!(damage.places, 1);
        }
    }
}

#[test]
fn bytes_between_records_are_passed_over() {
    let (scratch, file, bytes, ends, records) = sample(2);
    // Torn parts that a writer could not cut off, and a head that promises more than there is.
    let (before, behind) = bytes.split_at(ends[1]);
    for torn in [
        &behind[..20],
        &[0xD5, 0x1E, 0xFF, 0x3F][..],
        &[0xD5; 100_000],
    ] {
        let all = [before, torn, behind].concat();
        std::fs::write(&file, all).unwrap();
        let (found, damage) = read(&scratch.0, Period::ALL);
        assert_eq!(found, records);
        assert_eq!((damage.places, damage.bytes), (1, torn.len() as u64));
    }
}

#[test]
fn a_copied_segment_and_a_repeated_record_count_once() {
    let (scratch, file, bytes, ends, records) = sample(2);
    std::fs::copy(&file, file.with_file_name("000000000000001-000-00000.tgl")).unwrap();
    let repeated = [&bytes[..], &bytes[ends[2]..]].concat();
    std::fs::write(&file, repeated).unwrap();
    let (found, damage) = read(&scratch.0, Period::ALL);
    assert_eq!(found, records);
    assert_eq!((damage.segments, damage.repeated), (1, 1));
}

#[test]
fn open_calls_are_carried_into_the_next_day_and_told_once() {
    let scratch = Scratch::new();
    let folder = Arc::new(Folder::open(&scratch.0, NOON).unwrap());
    let mut writer = Writer::new(folder, 0);
    let tomorrow = NOON + 86_400_000;
    for record in [
        intent(1, NOON),
        intent(2, NOON),
        settlement(1, NOON + 1),
        settlement(2, tomorrow),
        intent(3, tomorrow),
    ] {
        writer.write(&record).unwrap();
    }
    assert_eq!(writer.open_calls(), 1);
    let (found, damage) = read(&scratch.0, Period::ALL);
    assert_eq!((found.len(), damage), (5, Damage::default()));
    let mut carried = Vec::new();
    let segments = folder::segments(&scratch.0, Period::ALL).unwrap();
    Reader::of(segments[1..].to_vec(), Period::ALL)
        .each(true, |record, again| {
            carried.extend(again.then(|| record.into_owned()));
            true
        })
        .unwrap();
    assert_eq!(carried, [intent(2, NOON)]);
    let day = Period {
        from_ms: NOON,
        to_ms: NOON + 1,
    };
    assert_eq!(read(&scratch.0, day).0, [intent(1, NOON), intent(2, NOON)]);
}

#[test]
fn a_clock_that_jumps_makes_no_more_folders_than_days() {
    let scratch = Scratch::new();
    let folder = Arc::new(Folder::open(&scratch.0, NOON).unwrap());
    let mut writer = Writer::new(folder, 0);
    let midnight = Day::of(NOON).begin_ms();
    let century = 100 * 365 * 86_400_000;
    for id in 0..100 {
        // To and fro over midnight, and once a hundred years ahead.
        let at = match id {
            50 => NOON + century,
            _ if id % 2 == 0 => midnight,
            _ => midnight - 1,
        };
        writer.write(&intent(id + 1, at)).unwrap();
    }
    // The first is of yesterday, then the writer stays; the jump makes one folder, the way back one segment more.
    assert_eq!(folder::days(&scratch.0).unwrap().len(), 3);
    assert_eq!(scratch.files().len(), 4);
    assert_eq!(read(&scratch.0, Period::ALL).0.len(), 100);
    let before = Period {
        from_ms: 0,
        to_ms: midnight,
    };
    assert_eq!(read(&scratch.0, before).0.len(), 50);
}

#[test]
fn one_process_writes_and_numbers_grow() {
    let scratch = Scratch::new();
    let first = Folder::open(&scratch.0, NOON).unwrap();
    let refused = Folder::open(&scratch.0, NOON).unwrap_err().to_string();
    assert!(
        refused.contains(&std::process::id().to_string()),
        "{refused}"
    );
    let first = Arc::new(first);
    let mut writer = Writer::new(first, 0);
    writer.write(&intent(1, NOON)).unwrap();
    drop(writer);
    // The clock went back.
    let second = Folder::open(&scratch.0, 5).unwrap();
    assert_eq!(second.process(), NOON + 1);
}

#[test]
fn fields_of_a_newer_gateway_are_skipped() {
    let mut payload = Vec::new();
    settlement(9, NOON).encode(&mut payload, 1);
    fields::number(&mut payload, 125, 5u32);
    fields::text(&mut payload, 126, "new");
    fields::id(&mut payload, 127, 1 << 100);
    let decoded = Record::decode(&payload).unwrap();
    assert_eq!(decoded.record, Some(settlement(9, NOON)));
    payload[0] = 200;
    assert!(Record::decode(&payload).unwrap().record.is_none());
}

#[test]
fn any_payload_is_read_without_a_panic() {
    arbtest::arbtest(|bytes| {
        let payload: Vec<u8> = bytes.arbitrary()?;
        if let Some(decoded) = Record::decode(&payload)
            && let Some(record) = decoded.record
        {
            let mut again = Vec::new();
            record.encode(&mut again, decoded.sequence);
            let _ = Record::decode(&again);
        }
        Ok(())
    });
}
