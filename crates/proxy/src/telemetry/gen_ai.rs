//! OpenTelemetry's metrics of generative AI, and the calls that no price was known for.
//!
//! Names, units, attributes and bucket boundaries are those of the semantic conventions for generative AI metrics since
//! version 1.37.0, which is the first with `gen_ai.provider.name`. Counted at settlement by `shard`. What must stay true: only calls that went upstream count, an answer
//! of the semantic cache is no model's work; models are named by callers, so series are bounded.

use super::metric::{Attributes, Distribution, Metric, Points, pairs};
use super::overflow::{Bounded, Overflows};
use super::shard::{OVERFLOW, Shard, cut};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tollgate_engine::exchange::AttemptEnd;
use tollgate_engine::llm_call::LlmCall;
use tollgate_engine::settle::{Outcome, Record};
use tollgate_lang::value::Str;
use tollgate_llm::{Operation, dialect};

type Bounds = &'static [f64];

/// Of `gen_ai.client.token.usage`, tokens.
const USAGE: Bounds = &[
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0,
    16777216.0, 67108864.0,
];

/// Of `gen_ai.client.operation.duration`, seconds.
const DURATION: Bounds = &[
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

/// Of `gen_ai.server.time_to_first_token`, seconds.
const FIRST_TOKEN: Bounds = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Of `gen_ai.server.time_per_output_token`, seconds.
const PER_TOKEN: Bounds = &[
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5,
];

/// Most kinds of errors of calls with the same attributes; an upstream may answer any status.
const MOST_ERRORS: usize = 16;

/// What has no name of its own.
const OTHER: &str = "_OTHER";

/// Attributes that the metrics have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    operation: &'static str,
    provider: Str,
    request_model: Str,
    response_model: Str,
}

impl Key {
    /// What is not known is left out.
    fn attributes(&self) -> Attributes {
        let mut attributes = pairs(&[
            ("gen_ai.operation.name", self.operation),
            ("gen_ai.provider.name", &self.provider),
            ("gen_ai.request.model", &self.request_model),
            ("gen_ai.response.model", &self.response_model),
        ]);
        attributes.retain(|(_, value)| !value.is_empty());
        attributes
    }
}

/// What a call adds. Times in nanoseconds.
#[derive(Clone, Debug, Default)]
struct Measured {
    duration: u64,
    /// `error.type`, of a call that failed.
    error: Option<Str>,
    /// From acceptance to the first token of a stream.
    first_token: Option<u64>,
    /// Input and output.
    tokens: Option<(u64, u64)>,
    /// The whole answer was handed on.
    whole: bool,
}

#[derive(Clone, Debug)]
struct Histogram {
    bounds: Bounds,
    count: u64,
    sum: f64,
    /// One more than the bounds: the last has none.
    buckets: Box<[u64]>,
}

impl Histogram {
    fn new(bounds: Bounds) -> Histogram {
        Histogram {
            bounds,
            count: 0,
            sum: 0.0,
            buckets: vec![0; bounds.len() + 1].into(),
        }
    }

    fn observe(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket] += 1;
        self.count += 1;
        self.sum += value;
    }

    fn add(&mut self, other: &Histogram) {
        for (sum, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum += more;
        }
        self.count += other.count;
        self.sum += other.sum;
    }
}

/// The metrics of calls with the same attributes.
#[derive(Clone, Debug)]
struct Series {
    input: Histogram,
    output: Histogram,
    /// Of calls that did not fail.
    duration: Histogram,
    /// Durations of those that did, by `error.type`.
    failed: Vec<(Str, Histogram)>,
    first_token: Histogram,
    per_token: Histogram,
}

impl Default for Series {
    fn default() -> Series {
        Series {
            input: Histogram::new(USAGE),
            output: Histogram::new(USAGE),
            duration: Histogram::new(DURATION),
            failed: Vec::new(),
            first_token: Histogram::new(FIRST_TOKEN),
            per_token: Histogram::new(PER_TOKEN),
        }
    }
}

impl Series {
    fn count(&mut self, call: &Measured) {
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let duration = match &call.error {
            None => &mut self.duration,
            Some(error) => self.failed(error),
        };
        duration.observe(seconds(call.duration));
        if let Some((input, output)) = call.tokens {
            self.input.observe(input as f64);
            self.output.observe(output as f64);
        }
        let Some(first) = call.first_token else {
            return;
        };
        self.first_token.observe(seconds(first));
        // (duration - time to first token) / (output tokens - 1), of answers that were not cut.
        if let Some((_, output)) = call.tokens.filter(|(_, output)| call.whole && *output > 1) {
            let rest = seconds(call.duration.saturating_sub(first));
            self.per_token.observe(rest / (output - 1) as f64);
        }
    }

    /// The durations of calls that failed so.
    fn failed(&mut self, error: &Str) -> &mut Histogram {
        let known = self.failed.iter().position(|(known, _)| known == error);
        let at = known.unwrap_or_else(|| {
            let error = if self.failed.len() < MOST_ERRORS {
                error.clone()
            } else {
                Str::from(OTHER)
            };
            let other = self.failed.iter().position(|(known, _)| *known == error);
            other.unwrap_or_else(|| {
                self.failed.push((error, Histogram::new(DURATION)));
                self.failed.len() - 1
            })
        });
        &mut self.failed[at].1
    }

    fn add(&mut self, other: &Series) {
        self.input.add(&other.input);
        self.output.add(&other.output);
        self.duration.add(&other.duration);
        for (error, histogram) in &other.failed {
            self.failed(error).add(histogram);
        }
        self.first_token.add(&other.first_token);
        self.per_token.add(&other.per_token);
    }
}

/// One thread's numbers.
#[derive(Clone, Default)]
pub(super) struct GenAi {
    series: HashMap<Key, Series>,
    /// Calls without a price, by model.
    unpriced: HashMap<Str, u64>,
}

impl GenAi {
    /// Counts a settled request, if it was a model call that went upstream.
    pub(super) fn settled(&mut self, record: &Record<'_>, most: usize, overflows: &Overflows) {
        let exchange = record.exchange;
        let Some(call) = exchange.llm.as_deref() else {
            return;
        };
        let path = exchange.request.path_and_query.path();
        let is_call = call.usage.is_some()
            || call.operation != Operation::Other
            || dialect::names_model_call(path);
        if !is_call || call.cache.is_hit() || exchange.attempts.iter().all(|hop| hop.aside) {
            return;
        }
        let charge = call.charge.as_ref();
        if charge.is_some_and(|charge| charge.cost.is_err()) {
            self.count_unpriced(&name(call), most, overflows);
        }
        let provider = charge.map(|charge| charge.paid.provider.clone());
        let key = Key {
            operation: operation_name(call.operation, path),
            provider: provider.unwrap_or_else(|| exchange.paid().provider),
            request_model: cut(&Str::from(call.model_name())),
            response_model: cut(&call.served_model.clone().unwrap_or_default()),
        };
        let first_token = call.first_token_nanos;
        let succeeded = exchange
            .response
            .as_ref()
            .is_some_and(|response| response.status.is_success());
        let measured = Measured {
            duration: record.elapsed_nanos,
            error: error_type(record),
            first_token: first_token.map(|at| at.saturating_sub(exchange.received_nanos)),
            tokens: call.usage.map(|usage| (usage.input, usage.output)),
            whole: succeeded && record.outcome == Outcome::Answered,
        };
        self.count(key, measured, most, overflows);
    }

    fn count(&mut self, mut key: Key, call: Measured, most: usize, overflows: &Overflows) {
        if self.series.len() >= most && !self.series.contains_key(&key) {
            key.request_model = Str::from(OVERFLOW);
            key.response_model = Str::from(OVERFLOW);
            overflows.count(Bounded::GenAi);
        }
        self.series.entry(key).or_default().count(&call);
    }

    fn count_unpriced(&mut self, model: &Str, most: usize, overflows: &Overflows) {
        if self.unpriced.len() >= most && !self.unpriced.contains_key(model) {
            overflows.count(Bounded::Unpriced);
        }
        super::backends::count(&mut self.unpriced, model, 1, most);
    }
}

/// The model that was asked for, else the one that was served.
fn name(call: &LlmCall) -> Str {
    match (call.model_name(), &call.served_model) {
        ("", Some(served)) => cut(served),
        (name, _) => cut(&Str::from(name)),
    }
}

/// `gen_ai.operation.name`: the well-known values, else `_OTHER`.
fn operation_name(operation: Operation, path: &str) -> &'static str {
    match operation {
        Operation::ChatCompletions | Operation::Responses => return "chat",
        Operation::Completions => return "text_completion",
        Operation::Embeddings => return "embeddings",
        Operation::Other => {}
    }
    let path = path.trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or(path);
    let action = last.rsplit(':').next().unwrap_or(last).to_ascii_lowercase();
    match &*action {
        "generatecontent" | "streamgeneratecontent" => "generate_content",
        "embedcontent" | "batchembedcontents" => "embeddings",
        "messages" | "converse" | "converse-stream" | "rawpredict" | "streamrawpredict" => "chat",
        _ => OTHER,
    }
}

/// `error.type` of a call that failed: the provider's status, else how it ended, else the status that a policy gave it.
fn error_type(record: &Record<'_>) -> Option<Str> {
    let failed = |status: u16| status >= 400;
    let last = record.exchange.attempts.last()?;
    let how = match (last.end, record.outcome) {
        _ if failed(last.status) => return Some(Str::from(last.status.to_string())),
        (AttemptEnd::TimedOut, _) => "timeout",
        (AttemptEnd::Unanswered | AttemptEnd::NotSent, _) => "upstream_error",
        (AttemptEnd::Broke, _) | (_, Outcome::UpstreamFailed) => "upstream_broke",
        (_, Outcome::ClientLeft) => "client_left",
        (AttemptEnd::Answered, Outcome::Answered) => {
            let status = record.exchange.response.as_ref()?.status.as_u16();
            return failed(status).then(|| Str::from(status.to_string()));
        }
    };
    Some(Str::from(how))
}

/// All threads' metrics of model calls, then their calls without a price.
pub(super) fn metrics(shards: &[Arc<Shard>]) -> [Metric; 5] {
    let mut sums: BTreeMap<Key, Series> = BTreeMap::new();
    let mut unpriced: BTreeMap<Attributes, u64> = BTreeMap::new();
    for shard in shards {
        let numbers = shard.lock().gen_ai.clone();
        for (key, series) in numbers.series {
            sums.entry(key).or_default().add(&series);
        }
        for (model, count) in numbers.unpriced {
            let labels = pairs(&[("model", &model)]);
            *unpriced.entry(labels).or_default() += count;
        }
    }
    let [first_token, per_token] = TIMES.map(|(name, bounds, help, histogram)| {
        let series = sums.iter();
        let series = series.map(|(key, series)| (key.attributes(), histogram(series)));
        convention(name, "s", help, bounds, series)
    });
    let durations = sums.iter().flat_map(|(key, series)| {
        let failed = series.failed.iter().map(|(error, histogram)| {
            let mut attributes = key.attributes();
            attributes.push((String::from("error.type"), error.to_string()));
            (attributes, histogram)
        });
        [(key.attributes(), &series.duration)]
            .into_iter()
            .chain(failed)
    });
    let name = "gen_ai.client.operation.duration";
    let help = "Time of model calls, from acceptance to the end of the answer";
    let duration = convention(name, "s", help, DURATION, durations);
    let usage = sums.iter().flat_map(|(key, series)| {
        [("input", &series.input), ("output", &series.output)].map(|(kind, histogram)| {
            let mut attributes = key.attributes();
            attributes.push((String::from("gen_ai.token.type"), String::from(kind)));
            (attributes, histogram)
        })
    });
    let name = "gen_ai.client.token.usage";
    let help = "Number of input and output tokens used";
    [
        convention(name, "{token}", help, USAGE, usage),
        duration,
        first_token,
        per_token,
        Metric::counter(
            "llm.unpriced_calls",
            "{call}",
            "Model calls that were charged nothing because no price was known",
            unpriced,
        ),
    ]
}

type Row = (
    &'static str,
    Bounds,
    &'static str,
    fn(&Series) -> &Histogram,
);

const TIMES: [Row; 2] = [
    (
        "gen_ai.server.time_to_first_token",
        FIRST_TOKEN,
        "Time until the first token of streams",
        |s| &s.first_token,
    ),
    (
        "gen_ai.server.time_per_output_token",
        PER_TOKEN,
        "Time for each token after the first of whole streams",
        |s| &s.per_token,
    ),
];

/// A metric by its name in the conventions, which has no prefix.
fn convention<'a>(
    name: &str,
    unit: &'static str,
    help: &'static str,
    bounds: Bounds,
    series: impl Iterator<Item = (Attributes, &'a Histogram)>,
) -> Metric {
    // A metric that a call has not, as the first token of what was no stream, has no empty series.
    let series = series.filter(|(_, histogram)| histogram.count > 0);
    let points = series.map(|(attributes, histogram)| {
        let distribution = Distribution {
            count: histogram.count,
            sum: Some(histogram.sum),
            buckets: histogram.buckets.to_vec(),
            range: None,
        };
        (attributes, distribution)
    });
    Metric {
        scope: String::new(),
        name: name.to_owned(),
        help,
        unit,
        points: Points::Histogram(Cow::Borrowed(bounds), points.collect()),
    }
}

#[cfg(test)]
mod tests;
