//! A closed-loop load driver: each connection sends its next request when the last one ended.
//!
//! Called by tests and `cargo xtask bench`. What must stay true: every request is counted exactly
//! once, as answered, aborted on purpose, or failed; which requests are aborted depends on their
//! number only.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::client::{Client, DEADLINE};

/// What to send, and how.
#[derive(Clone)]
pub struct Load {
    /// Server.
    pub target: SocketAddr,
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// Requests in all.
    pub requests: usize,
    /// Share of the requests that are given up in mid-answer, 0 to 1.
    pub abort: f64,
    /// Parts of the body that are read before giving up.
    pub abort_after: usize,
    /// Makes the request of a number, from 0.
    pub request: Arc<dyn Fn(usize) -> Request<Bytes> + Send + Sync>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct LoadReport {
    /// Whole answers by status.
    pub statuses: BTreeMap<u16, usize>,
    /// Answers that were given up on purpose.
    pub aborted: usize,
    /// Exchanges that failed, by message.
    pub failures: BTreeMap<String, usize>,
    /// Bytes of all bodies.
    pub bytes: u64,
    /// Time to the last byte of whole answers, sorted.
    pub latencies: Vec<Duration>,
    /// Time to the first byte of the body of all answers, sorted.
    pub first_bytes: Vec<Duration>,
    /// Wall time of the whole run.
    pub elapsed: Duration,
}

impl LoadReport {
    /// Requests that were accounted for.
    pub fn total(&self) -> usize {
        self.statuses.values().sum::<usize>() + self.aborted + self.failures.values().sum::<usize>()
    }

    /// A quantile of the latencies, 0 to 1; zero without answers.
    pub fn latency(&self, quantile: f64) -> Duration {
        quantile_of(&self.latencies, quantile)
    }

    /// A quantile of the times to the first byte, 0 to 1; zero without answers.
    pub fn first_byte(&self, quantile: f64) -> Duration {
        quantile_of(&self.first_bytes, quantile)
    }

    fn add(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
        self.aborted += other.aborted;
        self.bytes += other.bytes;
        self.latencies.extend(other.latencies);
        self.first_bytes.extend(other.first_bytes);
    }
}

fn quantile_of(sorted: &[Duration], quantile: f64) -> Duration {
    let at = (sorted.len() as f64 * quantile.clamp(0.0, 1.0)) as usize;
    sorted
        .get(at.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

impl Load {
    /// Whole answers only: `connections` x `requests` of what `request` makes.
    pub fn new(
        target: SocketAddr,
        connections: usize,
        requests: usize,
        request: impl Fn(usize) -> Request<Bytes> + Send + Sync + 'static,
    ) -> Self {
        Self {
            target,
            connections,
            requests,
            abort: 0.0,
            abort_after: 1,
            request: Arc::new(request),
        }
    }

    /// Gives up this share of the answers after so many parts of their body.
    #[must_use]
    pub fn aborting(mut self, share: f64, after: usize) -> Self {
        self.abort = share.clamp(0.0, 1.0);
        self.abort_after = after;
        self
    }

    /// Whether the request of this number is given up: evenly spread over all.
    fn gives_up(&self, number: usize) -> bool {
        let before = (number as f64 * self.abort).floor();
        ((number + 1) as f64 * self.abort).floor() > before
    }

    /// Runs to the end.
    pub async fn run(self) -> LoadReport {
        let start = Instant::now();
        let next = Arc::new(AtomicUsize::new(0));
        let mut workers = JoinSet::new();
        for _ in 0..self.connections.max(1) {
            workers.spawn(worker(self.clone(), Arc::clone(&next)));
        }
        let mut report = LoadReport::default();
        while let Some(done) = workers.join_next().await {
            match done {
                Ok(part) => report.add(part),
                Err(error) => *report.failures.entry(error.to_string()).or_default() += 1,
            }
        }
        report.latencies.sort_unstable();
        report.first_bytes.sort_unstable();
        report.elapsed = start.elapsed();
        report
    }
}

async fn worker(load: Load, next: Arc<AtomicUsize>) -> LoadReport {
    let mut report = LoadReport::default();
    let mut client = None;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= load.requests {
            return report;
        }
        let give_up = load.gives_up(number);
        match exchange(&load, &mut client, number, give_up, &mut report).await {
            Ok(Some(status)) => *report.statuses.entry(status).or_default() += 1,
            Ok(None) => {
                report.aborted += 1;
                // Dropping the connection is what a vanished client looks like.
                client = None;
            }
            Err(error) => {
                *report.failures.entry(error.to_string()).or_default() += 1;
                client = None;
            }
        }
    }
}

/// One exchange; `None` when it was given up.
async fn exchange(
    load: &Load,
    slot: &mut Option<Client>,
    number: usize,
    give_up: bool,
    report: &mut LoadReport,
) -> io::Result<Option<u16>> {
    let client = match slot {
        Some(client) => client,
        None => slot.insert(Client::connect(load.target).await?),
    };
    let start = Instant::now();
    let response = client.open((load.request)(number)).await?;
    let status = response.status().as_u16();
    let closes = response
        .headers()
        .get("connection")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
    let mut body = response.into_body();
    let mut parts = 0;
    while let Some(frame) = timeout(DEADLINE, body.frame()).await? {
        let frame = frame.map_err(io::Error::other)?;
        if parts == 0 {
            report.first_bytes.push(start.elapsed());
        }
        parts += 1;
        report.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        if give_up && parts >= load.abort_after {
            return Ok(None);
        }
    }
    report.latencies.push(start.elapsed());
    if closes {
        *slot = None;
    }
    Ok(Some(status))
}
