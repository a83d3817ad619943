//! Writes one thread's records: one write(2) for each, into a buffer that is used again.
//!
//! What must stay true: what `write` said `Ok` of survives the end of this process; a part that could not be written
//! whole is taken back, or a reader skips it; intents that are open when a new segment begins stand in it again, so that
//! a recovery reads two segments of each thread and no more.

use super::days::Day;
use super::folder::{Folder, Segment};
use super::frame::{self, Header};
use super::record::{CARRIED, Record};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes at which a thread begins a new segment.
const MOST_BYTES: u64 = 256 << 20;

/// How far the clock may go back over midnight while records stay in the later day's folder. A reader looks that far.
pub(super) const SLACK_MS: u64 = 3_600_000;

/// Where a record ends: what must be synced for it to survive the end of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The part of the thread's segments.
    pub part: u32,
    /// Bytes of it.
    pub bytes: u64,
}

/// Writes one thread's records.
#[derive(Debug)]
pub struct Writer {
    folder: Arc<Folder>,
    thread: u16,
    segment: Option<Open>,
    parts: u32,
    sequence: u64,
    buffer: Vec<u8>,
    /// Where in the segment the intents of open calls begin.
    open: HashMap<u128, Place>,
}

/// The segment that is written.
#[derive(Debug)]
struct Open {
    day: Day,
    part: u32,
    file: File,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    at: u64,
    length: u32,
}

impl Writer {
    /// Of a thread; the number is its own in this process. Nothing is written yet.
    #[must_use]
    pub fn new(folder: Arc<Folder>, thread: u16) -> Writer {
        Writer {
            folder,
            thread,
            segment: None,
            parts: 0,
            sequence: 0,
            buffer: Vec::with_capacity(1024),
            open: HashMap::new(),
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
        let segment = self.segment(Day::of(record.time_ms()), record.time_ms())?;
        let at = segment.bytes;
        let sequence = self.sequence + 1;
        self.buffer.clear();
        if !frame::append(&mut self.buffer, |out| record.encode(out, sequence)) {
            return Err(io::Error::other("a record is too large"));
        }
        let segment = self.segment.as_mut().expect("opened above");
        append(segment, &self.buffer)?;
        self.sequence = sequence;
        match record {
            Record::Intent(intent) => {
                let length = self.buffer.len() as u32;
                self.open.insert(intent.call.id, Place { at, length });
            }
            Record::Settlement(settlement) if settlement.call.attempt == 0 => {
                self.open.remove(&settlement.call.id);
            }
            _ => {}
        }
        Ok(Position {
            part: segment.part,
            bytes: segment.bytes,
        })
    }

    /// The segment for a day; begins a new one when it must.
    fn segment(&mut self, day: Day, time_ms: u64) -> io::Result<&Open> {
        let goes_on = self.segment.as_ref().is_some_and(|open| {
            let same = open.day == day
                || (day < open.day && time_ms.saturating_add(SLACK_MS) >= open.day.begin_ms());
            same && open.bytes < MOST_BYTES
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
        if let Some(parent) = named.path.parent() {
            fs::create_dir_all(parent)?;
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
            file,
            bytes: 0,
        };
        append(&mut begun, &header.encode())?;
        let mut carried = HashMap::with_capacity(self.open.len());
        if let Some(before) = &self.segment {
            for (id, place) in &self.open {
                let at = begun.bytes;
                carry(before, *place, &mut self.buffer)?;
                append(&mut begun, &self.buffer)?;
                let length = self.buffer.len() as u32;
                carried.insert(*id, Place { at, length });
            }
        }
        self.open = carried;
        self.segment = Some(begun);
        Ok(())
    }
}

/// Reads an intent back, as a frame that says that it is carried.
fn carry(from: &Open, place: Place, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut frame = vec![0; place.length as usize];
    from.file.read_exact_at(&mut frame, place.at)?;
    buffer.clear();
    frame::append(buffer, |out| {
        out.push(CARRIED);
        out.extend_from_slice(frame.get(frame::OVERHEAD + 1..).unwrap_or_default());
    });
    Ok(())
}

/// Appends bytes, all or none as far as that can be had.
fn append(segment: &mut Open, bytes: &[u8]) -> io::Result<()> {
    match segment.file.write_all(bytes) {
        Ok(()) => {
            segment.bytes += bytes.len() as u64;
            Ok(())
        }
        Err(error) => {
            // A part may have been written. Where it cannot be cut off, a reader skips it.
            if segment.file.set_len(segment.bytes).is_err()
                && let Ok(data) = segment.file.metadata()
            {
                segment.bytes = data.len();
            }
            Err(error)
        }
    }
}
