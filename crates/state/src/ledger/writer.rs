//! Writes one thread's records: one write(2) for each, out of a buffer that is used again.
//!
//! What must stay true: what `write` said `Ok` of survives the end of this process; a part that could not be written
//! whole is taken back, or a reader skips it; intents that are open when a new segment begins stand in it again, so that
//! a recovery reads two segments of each thread and no more; what waits to be written has a bound.

use super::days::Day;
use super::folder::{Folder, Segment};
use super::frame::{self, Header};
use super::numbers::{Numbers, Observer, What, count};
use super::record::{CARRIED, Record};
use super::sync::{Commits, Synced, Written};
use crate::key::Hashed;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Bytes at which a thread begins a new segment.
const MOST_BYTES: u64 = 256 << 20;

/// How far the clock may go back over midnight while records stay in the later day's folder. A reader looks that far.
pub(super) const SLACK_MS: u64 = 3_600_000;

/// Most bytes of settlements that wait in memory while they cannot be written: some twenty thousand.
const MOST_QUEUED: usize = 4 << 20;

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The kernel has it.
    Written,
    /// It waits in memory, and is written before the next record.
    Queued,
    /// Too much waits already: it was dropped, and counted.
    Lost,
}

/// Where a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The part of the thread's segments.
    pub part: u32,
    /// Bytes of it.
    pub bytes: u64,
}

/// Writes one thread's records.
pub struct Writer {
    folder: Arc<Folder>,
    thread: u16,
    segment: Option<Open>,
    parts: u32,
    sequence: u64,
    buffer: Vec<u8>,
    /// Where in the segment the intents of open calls begin.
    open: HashMap<u128, Place, Hashed>,
    /// Settlements that could not be written, encoded, with their times.
    queue: VecDeque<(u64, Vec<u8>)>,
    queued_bytes: usize,
    commits: Arc<Commits>,
    numbers: Arc<Numbers>,
    observer: Arc<dyn Observer>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("thread", &self.thread)
            .field("segment", &self.segment)
            .finish_non_exhaustive()
    }
}

/// The segment that is written.
#[derive(Debug)]
struct Open {
    day: Day,
    part: u32,
    written: Arc<Written>,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    at: u64,
    length: u32,
}

impl Writer {
    /// Of a thread; the number is its own in this process. Nothing is synced but by [`Writer::sync`].
    #[must_use]
    pub fn new(folder: Arc<Folder>, thread: u16) -> Writer {
        let (commits, numbers) = (Arc::default(), Arc::default());
        Writer::committed(folder, thread, commits, numbers, Arc::new(()))
    }

    /// The same with a group commit.
    pub(super) fn committed(
        folder: Arc<Folder>,
        thread: u16,
        commits: Arc<Commits>,
        numbers: Arc<Numbers>,
        observer: Arc<dyn Observer>,
    ) -> Writer {
        Writer {
            folder,
            thread,
            segment: None,
            parts: 0,
            sequence: 0,
            buffer: Vec::with_capacity(1024),
            open: HashMap::default(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            commits,
            numbers,
            observer,
        }
    }

    /// Calls that have an intent and no settlement yet.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.open.len()
    }

    /// Writes a record: when this returns, the kernel has it. Its time decides the day's folder.
    ///
    /// # Errors
    /// The file's own (a full disk). The record is then not in the ledger, and may be written again.
    pub fn write(&mut self, record: &Record<'_>) -> io::Result<Position> {
        let written = self.try_write(record);
        let outcome = written.as_ref().map(|_| ());
        self.numbers.note(What::Write, outcome, &*self.observer);
        written
    }

    /// Writes what ends a call, or keeps it in memory until it can be written.
    pub fn settle(&mut self, record: &Record<'_>) -> Settled {
        if self.write(record).is_ok() {
            return Settled::Written;
        }
        let mut frame = Vec::new();
        let sequence = self.sequence + 1;
        if self.queued_bytes < MOST_QUEUED
            && frame::append(&mut frame, |out| record.encode(out, sequence))
        {
            // The number is taken, so that what comes later is not held for a repetition of this.
            self.sequence = sequence;
            self.queued_bytes += frame.len();
            self.queue.push_back((record.time_ms(), frame));
            count(&self.numbers.queued, 1);
            self.close(record);
            return Settled::Queued;
        }
        count(&self.numbers.lost, 1);
        Settled::Lost
    }

    /// Counts a call that was refused, since its intent could not be written.
    pub fn count_refused(&self) {
        count(&self.numbers.refused, 1);
    }

    /// Counts a call that went on without an intent that would survive.
    pub fn count_unrecorded(&self) {
        count(&self.numbers.unrecorded, 1);
    }

    /// A future that is ready when all that this has written is on the disk. `None`: nothing is written yet.
    #[must_use]
    pub fn synced(&self) -> Option<Synced> {
        let segment = self.segment.as_ref()?;
        Some(Synced {
            file: segment.written.clone(),
            bytes: segment.bytes,
            commits: self.commits.clone(),
            asked: false,
        })
    }

    /// Brings the current segment to the disk, now.
    ///
    /// # Errors
    /// The file's own.
    pub fn sync(&mut self) -> io::Result<()> {
        match &self.segment {
            Some(segment) => segment.written.file.sync_all(),
            None => Ok(()),
        }
    }

    fn try_write(&mut self, record: &Record<'_>) -> io::Result<Position> {
        if !self.queue.is_empty() {
            self.flush()?;
        }
        let at = self.segment(record.time_ms())?.bytes;
        let sequence = self.sequence + 1;
        self.buffer.clear();
        if !frame::append(&mut self.buffer, |out| record.encode(out, sequence)) {
            return Err(io::Error::other("a record is too large"));
        }
        let segment = self.segment.as_mut().expect("opened above");
        append(segment, &self.buffer, &self.numbers)?;
        let position = Position {
            part: segment.part,
            bytes: segment.bytes,
        };
        self.sequence = sequence;
        count(&self.numbers.records, 1);
        if let Record::Intent(intent) = record {
            let length = self.buffer.len() as u32;
            self.open.insert(intent.call.id, Place { at, length });
        }
        self.close(record);
        Ok(position)
    }

    /// Notes that a settlement closes its call.
    fn close(&mut self, record: &Record<'_>) {
        if let Record::Settlement(settlement) = record
            && settlement.call.attempt == 0
        {
            self.open.remove(&settlement.call.id);
        }
    }

    /// Writes what waits.
    fn flush(&mut self) -> io::Result<()> {
        while let Some((time_ms, frame)) = self.queue.pop_front() {
            let written = self.segment(time_ms).map(|_| ()).and_then(|()| {
                let segment = self.segment.as_mut().expect("opened above");
                append(segment, &frame, &self.numbers)
            });
            if let Err(error) = written {
                self.queue.push_front((time_ms, frame));
                return Err(error);
            }
            self.queued_bytes -= frame.len();
            self.numbers.queued.fetch_sub(1, Ordering::Relaxed);
            count(&self.numbers.records, 1);
        }
        Ok(())
    }

    /// The segment for a time; begins a new one when it must.
    fn segment(&mut self, time_ms: u64) -> io::Result<&Open> {
        let day = Day::of(time_ms);
        let goes_on = self.segment.as_ref().is_some_and(|open| {
            let same = open.day == day
                || (day < open.day && time_ms.saturating_add(SLACK_MS) >= open.day.begin_ms());
            same && open.bytes < MOST_BYTES && !open.written.bad.load(Ordering::Relaxed)
        });
        if !goes_on {
            self.begin(day)?;
        }
        Ok(self.segment.as_ref().expect("just begun, or it went on"))
    }

    /// Begins a segment, with the intents that are open.
    fn begin(&mut self, day: Day) -> io::Result<()> {
        let header = Header {
            process: self.folder.process(),
            thread: self.thread,
        };
        let named = Segment::named(self.folder.path(), day, header, self.parts);
        let folder = named.path.parent().map(ToOwned::to_owned);
        if let Some(folder) = &folder {
            fs::create_dir_all(folder)?;
        }
        let file = File::options()
            .read(true)
            .append(true)
            .create_new(true)
            .open(&named.path)?;
        // The name is used, whatever becomes of the file.
        self.parts += 1;
        let mut begun = Open {
            day,
            part: named.part,
            written: Written::new(file, folder),
            bytes: 0,
        };
        let carried = self.carry_into(&mut begun, &header);
        if carried.is_err() {
            // Without its beginning it is of no use; where it cannot be removed, a reader finds no header, or no more
            // than the part before tells.
            let _ = fs::remove_file(&named.path);
        }
        self.open = carried?;
        count(&self.numbers.segments, 1);
        self.commits.add(begun.written.clone());
        self.segment = Some(begun);
        Ok(())
    }

    /// Writes a segment's beginning: its header, and the intents that are open. Gives where these are.
    fn carry_into(
        &mut self,
        begun: &mut Open,
        header: &Header,
    ) -> io::Result<HashMap<u128, Place, Hashed>> {
        append(begun, &header.encode(), &self.numbers)?;
        let mut carried = HashMap::with_capacity_and_hasher(self.open.len(), Hashed);
        let Some(before) = &self.segment else {
            return Ok(carried);
        };
        for (id, place) in &self.open {
            let at = begun.bytes;
            let mut frame = vec![0; place.length as usize];
            before.written.file.read_exact_at(&mut frame, place.at)?;
            self.buffer.clear();
            frame::append(&mut self.buffer, |out| {
                out.push(CARRIED);
                out.extend_from_slice(frame.get(frame::OVERHEAD + 1..).unwrap_or_default());
            });
            append(begun, &self.buffer, &self.numbers)?;
            let length = self.buffer.len() as u32;
            carried.insert(*id, Place { at, length });
        }
        Ok(carried)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.queue.is_empty() && self.flush().is_err() {
            count(&self.numbers.lost, self.queue.len() as u64);
        }
    }
}

/// Appends bytes, all or none as far as that can be had.
fn append(segment: &mut Open, bytes: &[u8], numbers: &Numbers) -> io::Result<()> {
    let mut file = &segment.written.file;
    match file.write_all(bytes) {
        Ok(()) => {
            segment.bytes += bytes.len() as u64;
            segment
                .written
                .bytes
                .store(segment.bytes, Ordering::Release);
            count(&numbers.bytes, bytes.len() as u64);
            Ok(())
        }
        Err(error) => {
            // A part may have been written. Where it cannot be cut off, a reader skips it.
            if file.set_len(segment.bytes).is_err()
                && let Ok(data) = file.metadata()
            {
                segment.bytes = data.len();
            }
            Err(error)
        }
    }
}
