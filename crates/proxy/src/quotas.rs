//! Quotas of fixed periods in the data folder, so that a restart does not forget what a month has used.
//!
//! Started by `gateway` beside the ledger, whose lock keeps other gateways out of the folder. A thread of its own writes
//! every few seconds and at the end. What must stay true: the file is replaced whole, so a crash leaves the one before;
//! a file that cannot be read is put aside and told, and counting begins anew; a disk that fails shows in `/readyz`.

use crate::health::Health;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;
use tollgate_state::Counters;
use tollgate_state::counters::LARGEST_SNAPSHOT;

/// Time between two writes: what is counted in it is forgotten when the process is killed.
const INTERVAL: Duration = Duration::from_secs(5);

/// The file in the folder.
const FILE: &str = "quotas.tgq";

/// Name of the part in `/readyz`.
const PART: &str = "quotas";

/// The thread that keeps the file. Dropping it writes for the last time.
pub(crate) struct Quotas {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Quotas {
    /// Takes over what the folder has, and keeps it from then on. Nothing may have been counted before.
    pub(crate) fn start(
        folder: &Path,
        counters: Arc<dyn Counters>,
        health: &Arc<Health>,
    ) -> io::Result<Quotas> {
        restore(folder, &*counters, health);
        let mut kept = Kept {
            folder: folder.to_owned(),
            counters,
            health: Arc::downgrade(health),
            last: None,
        };
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name(String::from("quotas"))
            .spawn(move || {
                while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    kept.write();
                }
                kept.write();
            })?;
        Ok(Quotas {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Quotas {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that keeps quotas panicked");
        }
    }
}

fn restore(folder: &Path, counters: &dyn Counters, health: &Health) {
    let path = folder.join(FILE);
    let bytes = match read(&path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return,
        Err(error) => return begin_anew(&path, &error.to_string()),
    };
    match counters.restore(&bytes, health.clock.unix_millis()) {
        Ok(quotas) => tracing::info!(quotas, "quotas go on where they stood"),
        Err(error) => begin_anew(&path, &error.to_string()),
    }
}

/// Puts a file aside that cannot be used.
fn begin_anew(path: &Path, why: &str) {
    let aside = path.with_extension("damaged");
    let moved = fs::rename(path, &aside);
    tracing::error!(
        file = %path.display(),
        put_aside = moved.is_ok(),
        "quotas begin anew, what was used is forgotten: {why}"
    );
}

/// The file, unless there is none.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    // One byte more than may be, so that a larger file is seen to be one.
    let most = LARGEST_SNAPSHOT as u64 + 1;
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

struct Kept {
    folder: PathBuf,
    counters: Arc<dyn Counters>,
    health: Weak<Health>,
    /// What the file holds.
    last: Option<Vec<u8>>,
}

impl Kept {
    fn write(&mut self) {
        let Some(bytes) = self.counters.snapshot() else {
            return;
        };
        if self.last.as_ref() == Some(&bytes) {
            return;
        }
        let health = self.health.upgrade();
        match replace(&self.folder, &bytes) {
            Ok(()) => {
                self.last = Some(bytes);
                if let Some(health) = health {
                    health.recover(PART);
                }
            }
            Err(error) => {
                tracing::error!(%error, "quotas cannot be written, a restart would forget them");
                if let Some(health) = health {
                    health.degrade(PART, &format!("quotas cannot be written: {error}"));
                }
            }
        }
    }
}

/// Replaces the file: whole, and on the disk.
fn replace(folder: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = folder.join("quotas.new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}
