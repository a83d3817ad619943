//! One thread's numbers.
//!
//! What must stay true: only the owning thread writes, so a counter is a load and a store; the lock is taken by the
//! owner and, for a moment, by a scrape; labels are texts of the configuration, cut to a bounded number of series.

use super::backends::BackendCounts;
use super::custom::CustomMetrics;
use super::gen_ai::GenAi;
use super::mcp::McpCounts;
use super::overflow::{Bounded, Overflows};
use crate::upstream::Hashed;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tollgate_engine::circuit_breaker::Phase;
use tollgate_engine::pipeline::inner::InnerCall;
use tollgate_engine::settle::{Outcome, Record};
use tollgate_engine::snapshot::BackendIndex;
use tollgate_engine::{Exchange, Snapshot};
use tollgate_lang::value::Str;
use tollgate_llm::usage::Usage;

/// Upper bounds of the buckets, in seconds: a proxy's own milliseconds to a model's minutes.
pub(crate) const BUCKETS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// The label of what is above the bound.
pub(crate) const OVERFLOW: &str = "overflow";

/// Most bytes of a label's value.
const LABEL: usize = 256;

/// Adds to a counter that only this thread writes.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.store(
        counter.load(Ordering::Relaxed).wrapping_add(amount),
        Ordering::Relaxed,
    );
}

/// Times.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) count: AtomicU64,
    pub(crate) nanos: AtomicU64,
    /// One more than the bounds: the last has none.
    pub(crate) buckets: [AtomicU64; BUCKETS.len() + 1],
}

impl Times {
    fn observe(&self, nanos: u64) {
        let seconds = nanos as f64 / 1e9;
        let bucket = BUCKETS.partition_point(|bound| *bound < seconds);
        add(&self.buckets[bucket], 1);
        add(&self.count, 1);
        add(&self.nanos, nanos);
    }
}

/// Labels of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RequestLabels {
    pub(crate) api: Str,
    pub(crate) operation: Str,
    pub(crate) product: Str,
    pub(crate) class: &'static str,
    pub(crate) outcome: &'static str,
}

/// Numbers of requests with the same labels.
#[derive(Default)]
pub(crate) struct Requests {
    pub(crate) times: Times,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

/// Labels of a call to a backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AttemptLabels {
    pub(crate) backend: Str,
    pub(crate) class: &'static str,
}

/// Labels of the call of a tool that is an operation of an API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ToolLabels {
    pub(crate) server: Str,
    pub(crate) tool: Str,
    pub(crate) class: &'static str,
}

/// Tokens of calls with the same dimensions.
#[derive(Default)]
pub(crate) struct Tokens {
    pub(crate) calls: AtomicU64,
    pub(crate) prompt: AtomicU64,
    pub(crate) cached: AtomicU64,
    pub(crate) completion: AtomicU64,
    pub(crate) reasoning: AtomicU64,
    pub(crate) cache_write: AtomicU64,
    pub(crate) audio_input: AtomicU64,
    pub(crate) audio_output: AtomicU64,
    pub(crate) image_input: AtomicU64,
    pub(crate) image_output: AtomicU64,
    pub(crate) total: AtomicU64,
}

/// Namespace and dimensions of a token metric.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TokenLabels {
    pub(crate) namespace: Str,
    pub(crate) dimensions: Vec<(Str, Str)>,
}

type ByIndex<K, V> = HashMap<K, Arc<V>, BuildHasherDefault<Hashed>>;

/// The numbers.
pub(crate) struct Shard {
    pub(crate) begun: AtomicU64,
    pub(crate) ended: AtomicU64,
    max_series: usize,
    overflows: Arc<Overflows>,
    hasher: RandomState,
    pub(crate) series: Mutex<Series>,
}

/// All series, and the short way to those of the snapshot seen last.
#[derive(Default)]
pub(crate) struct Series {
    /// Kept weakly: its address then names no other snapshot.
    snapshot: Weak<Snapshot>,
    requests_by_index: ByIndex<RequestIndex, Requests>,
    attempts_by_index: ByIndex<(u32, u32), Times>,
    tokens_by_hash: ByIndex<u64, (TokenLabels, Tokens)>,
    pub(crate) requests: HashMap<RequestLabels, Arc<Requests>>,
    pub(crate) attempts: HashMap<AttemptLabels, Arc<Times>>,
    pub(crate) tools: HashMap<ToolLabels, Arc<Times>>,
    pub(crate) tokens: HashMap<TokenLabels, Arc<(TokenLabels, Tokens)>>,
    pub(crate) refused: HashMap<u16, u64>,
    pub(super) backends: BackendCounts,
    /// By logger.
    pub(super) dropped_events: HashMap<Str, u64>,
    pub(super) mcp: McpCounts,
    pub(super) custom: CustomMetrics,
    pub(super) gen_ai: GenAi,
}

/// API, operation, product (each one up, 0 for none), class and outcome.
type RequestIndex = (u32, u32, u32, u32);

impl Shard {
    pub(crate) fn new(max_series: usize, overflows: Arc<Overflows>) -> Shard {
        Shard {
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            max_series,
            overflows,
            hasher: RandomState::new(),
            series: Mutex::default(),
        }
    }

    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, Series> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn refused(&self, status: u16) {
        *self.lock().refused.entry(status).or_default() += 1;
    }

    pub(crate) fn breaker_changed(&self, backend: &Str, to: Phase) {
        self.lock().backends.changed(backend, to, self.max_series);
    }

    pub(crate) fn backend_inactive(&self, backend: &Str) {
        self.lock().backends.inactive(backend, self.max_series);
    }

    pub(crate) fn events_dropped(&self, logger: &Str, events: usize) {
        let more = u64::try_from(events).unwrap_or(u64::MAX);
        let counts = &mut self.lock().dropped_events;
        super::backends::count(counts, logger, more, self.max_series);
    }

    pub(crate) fn metric(
        &self,
        namespace: &Str,
        name: &Str,
        value: f64,
        dimensions: &[(Str, Str)],
    ) {
        let most = self.max_series;
        self.lock()
            .custom
            .add(namespace, name, value, dimensions, most, &self.overflows);
    }

    pub(crate) fn settled(&self, record: &Record<'_>) {
        let exchange = record.exchange;
        // The request counts once: as that of the MCP server.
        if exchange.inner.is_none() {
            add(&self.ended, 1);
        }
        let mut series = self.lock();
        let series = &mut *series;
        if series.snapshot.as_ptr() != Arc::as_ptr(&exchange.snapshot) {
            series.snapshot = Arc::downgrade(&exchange.snapshot);
            series.requests_by_index.clear();
            series.attempts_by_index.clear();
        }
        let status = exchange.response.as_ref().map_or(0, |r| r.status.as_u16());
        let class = Class::of(status);
        let up = |index: Option<u32>| index.map_or(0, |i| i.saturating_add(1));
        if let Some(inner) = &exchange.inner {
            series
                .tool_series(exchange, inner, class, self.max_series)
                .observe(record.elapsed_nanos);
        } else {
            if exchange.mcp.is_some() {
                series.mcp.count(exchange, self.max_series);
            }
            let index = (
                up(exchange.api),
                up(exchange.operation),
                up(exchange.product),
                class as u32 * 8 + outcome_index(record.outcome),
            );
            let requests = match series.requests_by_index.get(&index) {
                Some(requests) => requests,
                None => {
                    let found =
                        series.request_series(exchange, class, record.outcome, self.max_series);
                    series.requests_by_index.entry(index).or_insert(found)
                }
            };
            requests.times.observe(record.elapsed_nanos);
            add(&requests.sent, record.sent_bytes);
            add(&requests.received, exchange.received_bytes);
        }
        series
            .gen_ai
            .settled(record, self.max_series, &self.overflows);
        for attempt in &exchange.attempts {
            let class = Class::of(attempt.status);
            let index = (up(attempt.backend.map(|b| b.0)), class as u32);
            let times = match series.attempts_by_index.get(&index) {
                Some(times) => times,
                None => {
                    let found =
                        series.attempt_series(exchange, attempt.backend, class, self.max_series);
                    series.attempts_by_index.entry(index).or_insert(found)
                }
            };
            times.observe(attempt.nanos);
        }
    }

    pub(crate) fn tokens(&self, namespace: &str, dimensions: &[(Str, Str)], usage: &Usage) {
        let hash = self.hasher.hash_one((namespace, dimensions));
        let mut series = self.lock();
        let series = &mut *series;
        let known = series
            .tokens_by_hash
            .get(&hash)
            .filter(|known| *known.0.namespace == *namespace && known.0.dimensions == dimensions);
        let known = match known {
            Some(known) => known.clone(),
            None => {
                let known =
                    series.token_series(namespace, dimensions, self.max_series, &self.overflows);
                // A short way for what overflows would itself grow without bound.
                if known.0.dimensions == dimensions {
                    series.tokens_by_hash.insert(hash, known.clone());
                }
                known
            }
        };
        let tokens = &known.1;
        add(&tokens.calls, 1);
        add(&tokens.prompt, usage.input);
        add(&tokens.cached, usage.cached_input);
        add(&tokens.completion, usage.output);
        add(&tokens.reasoning, usage.reasoning);
        add(&tokens.cache_write, usage.cache_write);
        add(&tokens.audio_input, usage.audio_input);
        add(&tokens.audio_output, usage.audio_output);
        add(&tokens.image_input, usage.image_input);
        add(&tokens.image_output, usage.image_output);
        add(&tokens.total, usage.total);
    }
}

impl Series {
    fn request_series(
        &mut self,
        exchange: &Exchange,
        class: Class,
        outcome: Outcome,
        most: usize,
    ) -> Arc<Requests> {
        let none = || Str::from("");
        let mut labels = RequestLabels {
            api: exchange.api().map_or_else(none, |a| a.id.clone()),
            operation: exchange.operation().map_or_else(none, |o| o.id.clone()),
            product: exchange.product().map_or_else(none, |p| p.id.clone()),
            class: class.text(),
            outcome: outcome.as_str(),
        };
        if self.requests.len() >= most && !self.requests.contains_key(&labels) {
            let other = Str::from(OVERFLOW);
            (labels.api, labels.operation, labels.product) = (other.clone(), other.clone(), other);
        }
        self.requests.entry(labels).or_default().clone()
    }

    fn tool_series(
        &mut self,
        exchange: &Exchange,
        inner: &InnerCall,
        class: Class,
        most: usize,
    ) -> Arc<Times> {
        let server = exchange.snapshot.apis.get(inner.server as usize);
        let mut labels = ToolLabels {
            server: server.map_or_else(|| Str::from(""), |api| api.id.clone()),
            tool: inner.tool.clone(),
            class: class.text(),
        };
        if self.tools.len() >= most && !self.tools.contains_key(&labels) {
            let other = Str::from(OVERFLOW);
            (labels.server, labels.tool) = (other.clone(), other);
        }
        self.tools.entry(labels).or_default().clone()
    }

    fn attempt_series(
        &mut self,
        exchange: &Exchange,
        backend: Option<BackendIndex>,
        class: Class,
        most: usize,
    ) -> Arc<Times> {
        let backend = backend.map_or_else(
            || Str::from(""),
            |b| exchange.snapshot.backend(b).id.clone(),
        );
        let mut labels = AttemptLabels {
            backend,
            class: class.text(),
        };
        if self.attempts.len() >= most && !self.attempts.contains_key(&labels) {
            labels.backend = Str::from(OVERFLOW);
        }
        self.attempts.entry(labels).or_default().clone()
    }

    fn token_series(
        &mut self,
        namespace: &str,
        dimensions: &[(Str, Str)],
        most: usize,
        overflows: &Overflows,
    ) -> Arc<(TokenLabels, Tokens)> {
        let mut labels = TokenLabels {
            namespace: Str::from(namespace),
            dimensions: dimensions
                .iter()
                .map(|(name, value)| (cut(name), cut(value)))
                .collect(),
        };
        if self.tokens.len() >= most && !self.tokens.contains_key(&labels) {
            overflows.count(Bounded::Tokens);
            for (_, value) in &mut labels.dimensions {
                *value = Str::from(OVERFLOW);
            }
            // Names may be computed too.
            if self.tokens.len() >= most.saturating_mul(2) && !self.tokens.contains_key(&labels) {
                labels.dimensions.clear();
            }
        }
        if let Some(known) = self.tokens.get(&labels) {
            return known.clone();
        }
        let tokens = Arc::new((labels.clone(), Tokens::default()));
        self.tokens.insert(labels, tokens.clone());
        tokens
    }
}

/// A label of bounded length: dimensions may come out of requests.
pub(super) fn cut(text: &Str) -> Str {
    if text.len() <= LABEL {
        return text.clone();
    }
    Str::from(&text[..text.floor_char_boundary(LABEL)])
}

/// Status classes.
#[derive(Clone, Copy)]
enum Class {
    None,
    Informational,
    Success,
    Redirection,
    ClientError,
    ServerError,
}

impl Class {
    fn of(status: u16) -> Class {
        match status / 100 {
            1 => Class::Informational,
            2 => Class::Success,
            3 => Class::Redirection,
            4 => Class::ClientError,
            5.. => Class::ServerError,
            _ => Class::None,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Class::None => "none",
            Class::Informational => "1xx",
            Class::Success => "2xx",
            Class::Redirection => "3xx",
            Class::ClientError => "4xx",
            Class::ServerError => "5xx",
        }
    }
}

fn outcome_index(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Answered => 0,
        Outcome::ClientLeft => 1,
        Outcome::UpstreamFailed => 2,
    }
}

#[cfg(test)]
mod tests;
