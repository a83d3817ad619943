//! Changes of files: what they looked like, events of their folders, and a wait for the next change.
//!
//! [`crate::Reload`] and `tollgate test --watch` use it. What must stay true: it works without file events, by looking
//! now and then; a file that is being written is not reported before it rests.

use notify::{RecursiveMode, Watcher};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, SystemTime};

/// What a file looked like: changed time and length, `None` when it is not there.
pub(crate) type Fingerprint = Vec<Option<(SystemTime, u64)>>;

pub(crate) fn fingerprint(files: &[PathBuf]) -> Fingerprint {
    files
        .iter()
        .map(|path| {
            let about = std::fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        })
        .collect()
}

/// File events of the folders that hold the files: editors and Kubernetes replace files rather than write them.
pub(crate) struct Folders {
    watcher: notify::RecommendedWatcher,
    folders: HashSet<PathBuf>,
}

impl Folders {
    /// `None` when the system offers no file events: polling remains.
    pub(crate) fn new(touched: impl Fn() + Send + 'static) -> Option<Folders> {
        match notify::recommended_watcher(move |_| touched()) {
            Ok(watcher) => Some(Folders {
                watcher,
                folders: HashSet::new(),
            }),
            Err(error) => {
                tracing::debug!(%error, "no file events; files are looked at now and then");
                None
            }
        }
    }

    pub(crate) fn watch(&mut self, files: &[PathBuf]) {
        let wanted: HashSet<PathBuf> = files
            .iter()
            .filter_map(|file| file.parent())
            .map(|folder| {
                if folder.as_os_str().is_empty() {
                    Path::new(".").to_path_buf()
                } else {
                    folder.to_path_buf()
                }
            })
            .collect();
        for folder in self.folders.difference(&wanted) {
            let _ = self.watcher.unwatch(folder);
        }
        for folder in wanted.difference(&self.folders) {
            if let Err(error) = self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::debug!(%error, folder = %folder.display(), "no file events here");
            }
        }
        self.folders = wanted;
    }
}

/// How often files are looked at without an event.
const LOOK: Duration = Duration::from_millis(500);

/// How long files must be quiet before a change is told.
const QUIET: Duration = Duration::from_millis(10);

/// How many times they are given to rest.
const MOST_WAITS: u32 = 100;

/// Waits for changes of files.
pub struct Changes {
    receiver: Receiver<()>,
    folders: Option<Folders>,
    files: Vec<PathBuf>,
    seen: Fingerprint,
}

impl Changes {
    /// Begins to watch these files as they are now.
    pub fn new(files: Vec<PathBuf>) -> Changes {
        let (sender, receiver) = sync_channel(1);
        let mut changes = Changes {
            receiver,
            folders: Folders::new(move || {
                let _ = sender.try_send(());
            }),
            files: Vec::new(),
            seen: Vec::new(),
        };
        changes.watch(files);
        changes
    }

    fn watch(&mut self, files: Vec<PathBuf>) {
        self.seen = fingerprint(&files);
        if let Some(folders) = &mut self.folders {
            folders.watch(&files);
        }
        self.files = files;
    }

    /// Waits until files have changed, come or gone, and rest; gives them. `files` says which there are then.
    pub fn wait(&mut self, files: impl Fn() -> Vec<PathBuf>) -> Vec<PathBuf> {
        loop {
            // An event or the time to look: either way the files say whether anything has changed.
            let _ = self.receiver.recv_timeout(LOOK);
            let mut now = files();
            if now == self.files && fingerprint(&now) == self.seen {
                continue;
            }
            for _ in 0..MOST_WAITS {
                let before = fingerprint(&now);
                let _ = self.receiver.recv_timeout(QUIET);
                now = files();
                if fingerprint(&now) == before {
                    break;
                }
            }
            let changed = self.differing(&now);
            self.watch(now);
            if !changed.is_empty() {
                return changed;
            }
        }
    }

    /// Files that look otherwise than before, or were not there, or are no more.
    fn differing(&self, now: &[PathBuf]) -> Vec<PathBuf> {
        let looks = fingerprint(now);
        let before = |path: &PathBuf| {
            let at = self.files.iter().position(|file| file == path)?;
            self.seen.get(at)
        };
        let mut changed: Vec<PathBuf> = now
            .iter()
            .zip(&looks)
            .filter(|(path, look)| before(path) != Some(*look))
            .map(|(path, _)| path.clone())
            .collect();
        let gone = self.files.iter().filter(|file| !now.contains(file));
        changed.extend(gone.cloned());
        changed
    }
}

#[cfg(test)]
mod tests;
