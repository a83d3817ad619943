//! The ledger's data folder: who may write in it, and what lies where.
//!
//! `FOLDER/2026-11-20/PROCESS-THREAD-PART.tgl`; `FOLDER/lock` is held with flock while a gateway runs, so that a crash
//! leaves nothing behind that would keep the next one out. What must stay true: one gateway writes at a time; the
//! numbers of processes grow, whatever the clock says.

use super::days::{Day, Period};
use super::frame::{HEADER, Header};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Ending of segments' names.
const ENDING: &str = ".tgl";

/// A folder that this process writes in.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    process: u64,
    _lock: File,
}

/// Why a folder cannot be written in.
#[derive(Debug)]
pub enum OpenError {
    /// Another process does.
    Locked {
        /// The lock's file.
        lock: PathBuf,
        /// The process that holds it, where it told.
        holder: String,
    },
    /// It cannot be made or read.
    Io(PathBuf, io::Error),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::Locked { lock, holder } => {
                write!(
                    f,
                    "another process writes in this folder: `{}` is locked",
                    lock.display()
                )?;
                if !holder.is_empty() {
                    write!(f, " by process {holder}")?;
                }
                Ok(())
            }
            OpenError::Io(path, error) => write!(f, "`{}`: {error}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

impl Folder {
    /// Takes a folder for a gateway; makes it when it is not there. `now_ms` is the wall clock, Unix milliseconds.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path, now_ms: u64) -> Result<Folder, OpenError> {
        Folder::locked(path, "lock", now_ms)
    }

    /// Takes a folder for adjustments, beside a gateway that may write in it: under a lock of their own. Writers of it
    /// take numbers of threads from 60000 on.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_beside(path: &Path, now_ms: u64) -> Result<Folder, OpenError> {
        Folder::locked(path, "adjustments.lock", now_ms)
    }

    fn locked(path: &Path, lock: &str, now_ms: u64) -> Result<Folder, OpenError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| OpenError::Io(path, error)
        };
        fs::create_dir_all(path).map_err(at(path))?;
        let name = path.join(lock);
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&name)
            .map_err(at(&name))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = lock.take(20).read_to_string(&mut holder);
                return Err(OpenError::Locked {
                    lock: name,
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(OpenError::Io(name, error)),
        }
        // Told to whoever is kept out; nothing reads it back.
        let _ = lock.set_len(0);
        let _ = writeln!(lock, "{}", std::process::id());
        let last = segments(path, Period::ALL)
            .map_err(at(path))?
            .iter()
            .map(|segment| segment.writer.process)
            .max();
        Ok(Folder {
            path: path.to_owned(),
            process: last.map_or(now_ms, |last| now_ms.max(last.saturating_add(1))),
            _lock: lock,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of this process start.
    #[must_use]
    pub fn process(&self) -> u64 {
        self.process
    }
}

/// A segment's file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    pub(super) day: Day,
    pub(super) writer: Name,
    pub(super) part: u32,
    pub(super) path: PathBuf,
}

/// Who wrote a segment, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) process: u64,
    pub(super) thread: u16,
}

impl Segment {
    /// The segment of a thread of a process.
    pub(super) fn named(folder: &Path, day: Day, header: Header, part: u32) -> Segment {
        let Header { process, thread } = header;
        Segment {
            day,
            writer: Name { process, thread },
            part,
            path: folder
                .join(day.to_string())
                .join(format!("{process:015}-{thread:03}-{part:05}{ENDING}")),
        }
    }

    fn parse(day: Day, path: PathBuf) -> Option<Segment> {
        let name = path.file_name()?.to_str()?.strip_suffix(ENDING)?;
        let (process, rest) = name.split_once('-')?;
        let (thread, part) = rest.split_once('-')?;
        Some(Segment {
            day,
            writer: Name {
                process: process.parse().ok()?,
                thread: thread.parse().ok()?,
            },
            part: part.parse().ok()?,
            path,
        })
    }

    /// Opens it for reading. `None` when its header is not its own: torn at once, or a copy of another segment.
    pub(super) fn open(&self) -> io::Result<Option<File>> {
        let mut file = File::open(&self.path)?;
        let mut bytes = [0; HEADER];
        match file.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let named = Header {
            process: self.writer.process,
            thread: self.writer.thread,
        };
        Ok((Header::decode(&bytes) == Some(named)).then_some(file))
    }
}

/// The day folders there are, oldest first.
pub(super) fn days(folder: &Path) -> io::Result<Vec<(Day, PathBuf)>> {
    let mut days = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let day = entry.file_name().to_str().and_then(Day::parse);
        if let Some(day) = day
            && entry.file_type()?.is_dir()
        {
            days.push((day, entry.path()));
        }
    }
    days.sort_unstable();
    Ok(days)
}

/// The segments of the days that a period touches, in the order of their days and writers.
pub(super) fn segments(folder: &Path, period: Period) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for (day, path) in days(folder)? {
        if !period.touches(day) {
            continue;
        }
        for entry in fs::read_dir(path)? {
            found.extend(Segment::parse(day, entry?.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}
