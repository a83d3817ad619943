//! After a crash: calls that were admitted and never settled.
//!
//! Called by [`Ledger::recover`](super::Ledger::recover) before the first request. What must stay true: a call is
//! settled once, also when the recovery itself is cut short and begins again; of each thread two segments are read, since
//! open intents are carried from one into the next.

use super::days::Period;
use super::folder::{self, Segment};
use super::reader::{Damage, Reader};
use super::record::{Intent, Record};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The thread number of the writer that settles calls of earlier processes.
pub(super) const THREAD: u16 = u16::MAX;

/// Names the last process whose calls are all settled.
const MARKER: &str = "recovered";

/// The last process whose calls are all settled; 0 when nothing says so.
fn recovered(folder: &Path) -> u64 {
    fs::read_to_string(folder.join(MARKER))
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

/// Notes that the calls of this process and all before it are settled.
pub(super) fn mark(folder: &Path, process: u64) -> io::Result<()> {
    let new = folder.join("recovered.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{process}")?;
    file.sync_all()?;
    fs::rename(new, folder.join(MARKER))?;
    File::open(folder)?.sync_all()
}

/// What earlier processes left open.
pub(super) struct Left {
    /// Their intents.
    pub(super) open: Vec<Intent<'static>>,
    /// The last of them.
    pub(super) process: u64,
    /// What could not be read.
    pub(super) damage: Damage,
}

/// Finds the calls of processes before `process` that have no settlement.
pub(super) fn open_calls(folder: &Path, process: u64) -> io::Result<Left> {
    let marker = recovered(folder);
    let mut writers: BTreeMap<(u64, u16), Vec<Segment>> = BTreeMap::new();
    for segment in folder::segments(folder, Period::ALL)? {
        let writer = segment.writer;
        if (marker + 1..process).contains(&writer.process) {
            let key = (writer.process, writer.thread);
            writers.entry(key).or_default().push(segment);
        }
    }
    let mut left = Left {
        open: Vec::new(),
        process: marker,
        damage: Damage::default(),
    };
    let mut open: HashMap<u128, Intent<'static>> = HashMap::new();
    for ((process, thread), mut segments) in writers {
        left.process = left.process.max(process);
        segments.sort_unstable_by_key(|segment| segment.part);
        if thread != THREAD {
            segments.drain(..segments.len().saturating_sub(2));
        }
        let mut reader = Reader::of(segments, Period::ALL);
        reader.each(true, |record, _| {
            match record {
                Record::Intent(intent) => {
                    let id = intent.call.id;
                    if let Record::Intent(intent) = Record::Intent(intent).into_owned() {
                        open.insert(id, intent);
                    }
                }
                Record::Settlement(settlement) if settlement.call.attempt == 0 => {
                    open.remove(&settlement.call.id);
                }
                _ => {}
            }
            true
        })?;
        left.damage.join(reader.damage());
    }
    left.open = open.into_values().collect();
    left.open
        .sort_unstable_by_key(|intent| (intent.call.admitted_ms, intent.call.id));
    Ok(left)
}
