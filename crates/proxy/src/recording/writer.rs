//! The thread that masks and writes records, and its files.
//!
//! What must stay true: the queue before it is bounded in records and bytes; what does not fit, or cannot be written,
//! is dropped and counted; files are readable by their owner only, and bounded in size and number.

use super::{Draft, DraftCall};
use crate::config::RecordingConfig;
use bytes::Bytes;
use http::HeaderMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tollgate_engine::probe::mask::Mask;
use tollgate_engine::recording::{
    Recorded, RecordedBody, RecordedCall, RecordedRequest, RecordedResponse, UNKNOWN_SUBSCRIPTION,
    VERSION, pseudonym,
};

/// Most records that wait for the writer.
const QUEUE: usize = 4096;

/// Most bytes that they hold.
const QUEUE_BYTES: usize = 64 << 20;

/// Takes records of all threads.
pub(crate) struct Recorder {
    pub(crate) config: RecordingConfig,
    sender: SyncSender<Draft>,
    numbers: Arc<Numbers>,
}

#[derive(Default)]
struct Numbers {
    queued_bytes: AtomicUsize,
    written: AtomicU64,
    dropped: AtomicU64,
}

impl Recorder {
    /// Opens the file and starts the writer, which ends with the last reference to this.
    pub(crate) fn start(config: RecordingConfig) -> std::io::Result<Arc<Recorder>> {
        let (sender, receiver) = sync_channel(QUEUE);
        let numbers = Arc::new(Numbers::default());
        let mut writer = Writer {
            file: Files::open(&config)?,
            numbers: numbers.clone(),
            failing: AtomicBool::new(false),
        };
        std::thread::Builder::new()
            .name(String::from("recording"))
            .spawn(move || writer.run(&receiver))?;
        Ok(Arc::new(Recorder {
            config,
            sender,
            numbers,
        }))
    }

    /// Takes a record, or drops it when too much waits already. Never waits.
    pub(super) fn take(&self, draft: Draft) {
        let size = draft.size();
        let queued = &self.numbers.queued_bytes;
        let before = queued.fetch_add(size, Ordering::Relaxed);
        if before.saturating_add(size) > QUEUE_BYTES || self.sender.try_send(draft).is_err() {
            queued.fetch_sub(size, Ordering::Relaxed);
            self.numbers.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// For `/metrics`: name, help, count.
    pub(crate) fn counts(&self) -> [(&'static str, &'static str, u64); 2] {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        [
            (
                "recording.written",
                "Requests that were recorded",
                read(&self.numbers.written),
            ),
            (
                "recording.dropped",
                "Requests that were to be recorded and were dropped",
                read(&self.numbers.dropped),
            ),
        ]
    }
}

struct Writer {
    file: Files,
    numbers: Arc<Numbers>,
    /// Whether the last line could not be written: said once.
    failing: AtomicBool,
}

impl Writer {
    fn run(&mut self, receiver: &Receiver<Draft>) {
        while let Ok(draft) = receiver.recv() {
            self.write(draft);
            while let Ok(draft) = receiver.try_recv() {
                self.write(draft);
            }
            let flushed = self.file.flush();
            self.note(flushed);
        }
    }

    fn write(&mut self, draft: Draft) {
        let size = draft.size();
        let line = serde_json::to_vec(&record(draft)).map_err(std::io::Error::other);
        let written = line.and_then(|line| self.file.line(&line));
        self.numbers.queued_bytes.fetch_sub(size, Ordering::Relaxed);
        let count = match &written {
            Ok(()) => &self.numbers.written,
            Err(_) => &self.numbers.dropped,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.note(written);
    }

    fn note(&self, written: std::io::Result<()>) {
        let failed = self.failing.swap(written.is_err(), Ordering::Relaxed);
        if let (false, Err(error)) = (failed, written) {
            let file = self.file.path.display();
            tracing::error!(%error, %file, "traffic cannot be recorded; it is served all the same");
        }
    }
}

/// The current file and its older ones.
pub(super) struct Files {
    path: PathBuf,
    file: BufWriter<File>,
    size: u64,
    most_size: u64,
    most: u32,
}

impl Files {
    pub(super) fn open(config: &RecordingConfig) -> std::io::Result<Files> {
        if let Some(folder) = config.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let (file, size) = append(&config.file)?;
        Ok(Files {
            path: config.file.clone(),
            file,
            size,
            most_size: config.file_size,
            most: config.files,
        })
    }

    pub(super) fn line(&mut self, line: &[u8]) -> std::io::Result<()> {
        let length = line.len() as u64 + 1;
        if self.size > 0 && self.size + length > self.most_size {
            self.turn()?;
        }
        self.file.write_all(line)?;
        self.file.write_all(b"\n")?;
        self.size += length;
        Ok(())
    }

    pub(super) fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }

    /// Begins a new file; the oldest goes.
    fn turn(&mut self) -> std::io::Result<()> {
        self.file.flush()?;
        for number in (1..self.most).rev() {
            let older = numbered(&self.path, number);
            let newer = match number {
                1 => self.path.clone(),
                number => numbered(&self.path, number - 1),
            };
            if newer.exists() {
                std::fs::rename(newer, older)?;
            }
        }
        if self.most <= 1 {
            std::fs::remove_file(&self.path)?;
        }
        (self.file, self.size) = append(&self.path)?;
        Ok(())
    }
}

/// `recording.2.jsonl` of `recording.jsonl`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    path.with_extension(format!("{number}.jsonl"))
}

fn append(path: &Path) -> std::io::Result<(BufWriter<File>, u64)> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    let size = file.metadata()?.len();
    Ok((BufWriter::new(file), size))
}

/// The record as it is written, masked.
fn record(draft: Draft) -> Recorded {
    let Draft { mask, head, .. } = draft;
    let (key_header, key_query) = match &draft.key_names {
        Some((header, query)) => (header.as_str(), &**query),
        None => ("ocp-apim-subscription-key", "subscription-key"),
    };
    let mut request_headers = headers(&mask, &head.headers);
    let had_key = request_headers.iter().any(|(name, _)| name == key_header);
    request_headers.retain(|(name, _)| name != key_header);
    let subscription = match &draft.subscription {
        Some(id) => Some(pseudonym(id)),
        None => had_key.then(|| String::from(UNKNOWN_SUBSCRIPTION)),
    };
    Recorded {
        version: VERSION,
        time: time(head.unix_nanos),
        id: uuid::Uuid::from_u128(draft.id).to_string(),
        request: RecordedRequest {
            method: head.method.to_string(),
            scheme: head.scheme.to_owned(),
            authority: head.authority.to_string(),
            target: target(&mask, &head.target, key_query),
            client_ip: head.client_ip.to_string(),
            subscription,
            headers: request_headers,
            body: body(&mask, draft.body),
        },
        calls: draft.calls.into_iter().map(|c| call(&mask, c)).collect(),
        response: RecordedResponse {
            status: draft
                .answer
                .as_ref()
                .map_or(0, |(status, _)| status.as_u16()),
            headers: draft
                .answer
                .as_ref()
                .map(|(_, all)| headers(&mask, all))
                .unwrap_or_default(),
            took_ms: draft.took,
        },
        outcome: draft.outcome.to_owned(),
        api: draft.api.map(|id| id.to_string()),
        operation: draft.operation.map(|id| id.to_string()),
        error: draft.error.map(|(s, r)| (s.to_owned(), r.to_owned())),
        usage: draft.usage,
    }
}

fn call(mask: &Mask, draft: DraftCall) -> RecordedCall {
    let (origin, path) = match draft.url.find("://") {
        Some(at) => {
            let path = draft.url[at + 3..].find('/').map(|p| at + 3 + p);
            draft.url.split_at(path.unwrap_or(draft.url.len()))
        }
        None => ("", &*draft.url),
    };
    let answer = draft.answer;
    RecordedCall {
        method: draft.method.to_string(),
        url: format!("{origin}{}", target(mask, path, "")),
        after_ms: draft.after,
        took_ms: answer.as_ref().map_or(0, |a| a.took),
        status: answer
            .as_ref()
            .and_then(|a| a.status)
            .map_or(0, |s| s.as_u16()),
        failure: match &answer {
            Some(answer) => answer.failure.clone(),
            None => Some(String::from("unanswered")),
        },
        headers: answer
            .map(|a| headers(mask, &a.headers))
            .unwrap_or_default(),
        body: body(mask, draft.body),
    }
}

fn headers(mask: &Mask, headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), mask.named(name.as_str(), &value))
        })
        .collect()
}

/// A path and query with secrets hidden and the key taken out.
fn target(mask: &Mask, target: &str, key: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return mask.text(target);
    };
    let kept: Vec<String> = query
        .split('&')
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name.eq_ignore_ascii_case(key) {
                return None;
            }
            let value = mask.named(name, value);
            Some(if pair.contains('=') {
                format!("{name}={value}")
            } else {
                name.to_owned()
            })
        })
        .collect();
    let path = mask.text(path);
    if kept.is_empty() {
        path
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

fn body(mask: &Mask, (size, pieces): (u64, Option<Vec<Bytes>>)) -> RecordedBody {
    let text = pieces.filter(|_| size > 0).and_then(|pieces| {
        let bytes = pieces.concat();
        let text = String::from_utf8(bytes).ok()?;
        Some(mask.text(&text))
    });
    RecordedBody {
        body_size: size,
        body: text,
    }
}

/// RFC 3339, in UTC, to the millisecond.
fn time(unix_nanos: u64) -> String {
    let millis = i64::try_from(unix_nanos / 1_000_000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map_or_else(|_| String::new(), |t| t.to_string())
}
