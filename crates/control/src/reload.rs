//! Keeps a running gateway up to date: loads again when files change or a signal asks, publishes what is good.
//!
//! The binary starts one [`Reload`] beside the data plane. What must stay true: a configuration with a fault changes
//! nothing but what is reported; changes in quick succession are one load; it works without file events, by polling.

use crate::changes::{Fingerprint, Folders, fingerprint};
use crate::load::{Loaded, Options, load_with};
use crate::settings::Settings;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tollgate_engine::Snapshot;

/// How long files must be quiet before they are read.
const QUIET: Duration = Duration::from_millis(150);

/// Longest wait for quiet: files that never rest are read all the same.
const LONGEST_QUIET: Duration = Duration::from_secs(2);

/// How often files are looked at without an event: some file systems send none.
const POLL: Duration = Duration::from_secs(2);

/// How often it is looked whether a secret in Key Vault is due, when files are not watched.
const SECRETS: Duration = Duration::from_secs(30);

/// Where snapshots go.
pub trait Publish: Send {
    /// Puts a snapshot in force; gives its generation.
    fn publish(&self, snapshot: Arc<Snapshot>) -> u64;

    /// Notes that a load was refused; the running configuration stays.
    fn refuse(&self, why: String);
}

enum Message {
    /// Something moved in a watched folder.
    Touched,
    /// A signal asks for a load.
    Load,
    Stop,
}

/// Asks for a load, from anywhere.
#[derive(Clone)]
pub struct Trigger(SyncSender<Message>);

impl Trigger {
    /// Asks for a load even when no file has changed. Never waits: a full queue holds a request already.
    pub fn load(&self) {
        let _ = self.0.try_send(Message::Load);
    }
}

/// The thread that loads again. Dropping it stops it.
pub struct Reload {
    sender: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
}

impl Reload {
    /// Starts after a first load that was good. `path` and `options` as given to that load.
    pub fn start(
        path: PathBuf,
        options: Options,
        first: &Loaded,
        publish: impl Publish + 'static,
    ) -> std::io::Result<Reload> {
        let (sender, receiver) = sync_channel(16);
        let watch = first.settings.watch;
        let mut work = Work {
            path,
            options,
            settings: first.settings.clone(),
            publish: Box::new(publish),
            seen: fingerprint(&first.files),
            files: first.files.clone(),
            watcher: watch
                .then(|| {
                    let sender = sender.clone();
                    // A full queue holds a message already; without a receiver the gateway stops.
                    Folders::new(move || {
                        let _ = sender.try_send(Message::Touched);
                    })
                })
                .flatten(),
            watch,
        };
        work.watch_folders();
        let thread = std::thread::Builder::new()
            .name(String::from("reload"))
            .spawn(move || work.run(&receiver))?;
        Ok(Reload {
            sender,
            thread: Some(thread),
        })
    }

    /// Something to ask for loads with.
    pub fn trigger(&self) -> Trigger {
        Trigger(self.sender.clone())
    }
}

impl Drop for Reload {
    fn drop(&mut self) {
        // A queue full of touches drains quickly; the thread reads until it sees the stop.
        let _ = self.sender.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Work {
    path: PathBuf,
    options: Options,
    settings: Settings,
    publish: Box<dyn Publish>,
    files: Vec<PathBuf>,
    seen: Fingerprint,
    watcher: Option<Folders>,
    watch: bool,
}

impl Work {
    fn run(&mut self, receiver: &Receiver<Message>) {
        loop {
            let wait = if self.watch { POLL } else { SECRETS };
            match receiver.recv_timeout(wait) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Message::Load) => self.load(),
                Ok(Message::Touched) | Err(RecvTimeoutError::Timeout) => {
                    if self.options.secrets.refresh(Instant::now()) {
                        self.load();
                        continue;
                    }
                    if !self.watch || fingerprint(&self.files) == self.seen {
                        continue;
                    }
                    match self.settle(receiver) {
                        Settled::Stop => return,
                        Settled::Quiet => self.load(),
                    }
                }
            }
        }
    }

    /// Waits until the files rest.
    fn settle(&self, receiver: &Receiver<Message>) -> Settled {
        let mut waited = Duration::ZERO;
        let mut last = fingerprint(&self.files);
        while waited < LONGEST_QUIET {
            match receiver.recv_timeout(QUIET) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return Settled::Stop,
                Ok(Message::Load) => return Settled::Quiet,
                Ok(Message::Touched) => {}
                Err(RecvTimeoutError::Timeout) => {
                    let now = fingerprint(&self.files);
                    if now == last {
                        break;
                    }
                    last = now;
                }
            }
            waited += QUIET;
        }
        Settled::Quiet
    }

    fn load(&mut self) {
        // Taken before reading: a change while reading is seen at the next look.
        let before = fingerprint(&self.files);
        let loaded = load_with(&self.path, &self.options);
        let report = loaded.diagnostics.render(&loaded.sources, false);
        match &loaded.snapshot {
            Some(snapshot) => {
                let generation = self.publish.publish(snapshot.clone());
                tracing::info!(generation, found = %loaded.summary, "configuration loaded");
                if !report.is_empty() {
                    tracing::warn!("the configuration has warnings\n{}", report.trim_end());
                }
                if loaded.settings != self.settings {
                    tracing::warn!("`gateway` has changed: restart to apply it");
                }
            }
            None => {
                let summary = loaded.diagnostics.summary();
                // Before it is told: who reads the log finds it in `/readyz`.
                self.publish.refuse(refusal(&loaded));
                tracing::error!(
                    "configuration refused, the running one stays: {summary}\n{}",
                    report.trim_end()
                );
            }
        }
        self.seen = if loaded.files == self.files {
            before
        } else {
            fingerprint(&loaded.files)
        };
        self.files = loaded.files;
        self.watch_folders();
    }

    fn watch_folders(&mut self) {
        if let Some(watcher) = &mut self.watcher {
            watcher.watch(&self.files);
        }
    }
}

enum Settled {
    Quiet,
    Stop,
}

/// The first error in one line, and how many there are.
fn refusal(loaded: &Loaded) -> String {
    let first = loaded
        .diagnostics
        .render_compact(&loaded.sources)
        .lines()
        .find(|line| line.contains("error["))
        .unwrap_or_default()
        .to_owned();
    format!("{}; {first}", loaded.diagnostics.summary())
}
