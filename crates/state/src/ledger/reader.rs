//! Reads the ledger: the records of a period, from all segments, once each.
//!
//! Segments are read one after another, oldest day first; records of one thread keep their order, those of several do
//! not. What must stay true: a torn or damaged part costs only the records in it, and is told ([`Reader::damage`]); memory
//! is one buffer, however long the period.

use super::days::Period;
use super::folder::{self, Segment};
use super::frame::Frames;
use super::record::Record;
use super::writer::SLACK_MS;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What could not be read, or was there twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Segments without a good header.
    pub segments: u64,
    /// Places in segments at which bytes had to be skipped; the torn end of a segment is one.
    pub places: u64,
    /// Bytes skipped there.
    pub bytes: u64,
    /// Records that were written twice, and counted once.
    pub repeated: u64,
    /// Records of a kind that only a newer gateway knows.
    pub unknown: u64,
}

impl Damage {
    /// With that of another reader.
    pub(super) fn join(&mut self, other: Damage) {
        self.segments += other.segments;
        self.places += other.places;
        self.bytes += other.bytes;
        self.repeated += other.repeated;
        self.unknown += other.unknown;
    }
}

/// The records of a period.
pub struct Reader {
    period: Period,
    segments: std::vec::IntoIter<Segment>,
    frames: Option<Frames<File>>,
    path: PathBuf,
    /// The highest sequence of the segment so far.
    sequence: u64,
    damage: Damage,
}

impl Reader {
    /// Of a ledger's folder, whether a gateway writes in it now or not. What is written while this reads may be missing.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn open(folder: &Path, period: Period) -> io::Result<Reader> {
        let folders = Period {
            to_ms: period.to_ms.saturating_add(SLACK_MS),
            ..period
        };
        Ok(Reader::of(folder::segments(folder, folders)?, period))
    }

    /// Of these segments.
    pub(super) fn of(segments: Vec<Segment>, period: Period) -> Reader {
        Reader {
            period,
            segments: segments.into_iter(),
            frames: None,
            path: PathBuf::new(),
            sequence: 0,
            damage: Damage::default(),
        }
    }

    /// What could not be read so far.
    #[must_use]
    pub fn damage(&self) -> Damage {
        self.damage
    }

    /// The segment that is read, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads on; gives each record, borrowed, to `take`, which says whether to go on.
    ///
    /// # Errors
    /// Those of the files; the message names the file.
    pub fn for_each(&mut self, mut take: impl FnMut(Record<'_>) -> bool) -> io::Result<()> {
        self.each(false, |record, _| take(record))
    }

    /// The same; `carried` also gives what stands in an earlier segment too.
    pub(super) fn each(
        &mut self,
        carried: bool,
        mut take: impl FnMut(Record<'_>, bool) -> bool,
    ) -> io::Result<()> {
        loop {
            let Some(frames) = &mut self.frames else {
                if !self.next_segment()? {
                    return Ok(());
                }
                continue;
            };
            let payload = match frames.payload() {
                Ok(payload) => payload,
                Err(error) => {
                    self.frames = None;
                    return Err(named(&self.path, &error));
                }
            };
            let Some(payload) = payload else {
                self.damage.places += frames.damaged();
                self.damage.bytes += frames.skipped();
                self.frames = None;
                continue;
            };
            let Some(decoded) = Record::decode(payload) else {
                self.damage.unknown += 1;
                continue;
            };
            if decoded.carried {
                if let Some(record) = decoded.record
                    && carried
                    && !take(record, true)
                {
                    return Ok(());
                }
                continue;
            }
            // A writer that could not tell whether a record was written writes it again.
            if decoded.sequence <= self.sequence {
                self.damage.repeated += 1;
                continue;
            }
            self.sequence = decoded.sequence;
            let Some(record) = decoded.record else {
                self.damage.unknown += 1;
                continue;
            };
            if self.period.has(record.time_ms()) && !take(record, false) {
                return Ok(());
            }
        }
    }

    fn next_segment(&mut self) -> io::Result<bool> {
        let Some(segment) = self.segments.next() else {
            return Ok(false);
        };
        self.sequence = 0;
        match segment.open() {
            Ok(Some(file)) => self.frames = Some(Frames::new(file)),
            Ok(None) => self.damage.segments += 1,
            // Retention may have taken it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(named(&segment.path, &error)),
        }
        self.path = segment.path;
        Ok(true)
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

impl Iterator for Reader {
    type Item = io::Result<Record<'static>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut found = None;
        let read = self.for_each(|record| {
            found = Some(record.into_owned());
            false
        });
        match read {
            Ok(()) => found.map(Ok),
            Err(error) => Some(Err(error)),
        }
    }
}
