//! OpenTelemetry's metrics of generative AI, and the calls that no price was known for.
//!
//! Names, attributes and bucket boundaries are those of the semantic conventions for generative AI metrics, in
//! Prometheus' form. Counted at settlement by `shard`. What must stay true: only calls that went upstream count, an answer
//! of the semantic cache is no model's work; models are named by callers, so series are bounded.

use super::exposition::{Labels, counters, pairs};
use super::overflow::{Bounded, Overflows};
use super::shard::{OVERFLOW, Shard, cut};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
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

/// Attributes that the metrics have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    operation: &'static str,
    provider: Str,
    request_model: Str,
    response_model: Str,
}

impl Key {
    fn labels(&self) -> Labels {
        pairs(&[
            ("gen_ai_operation_name", self.operation),
            ("gen_ai_provider_name", &self.provider),
            ("gen_ai_request_model", &self.request_model),
            ("gen_ai_response_model", &self.response_model),
        ])
    }
}

/// What a call adds. Times in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    duration: u64,
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
    duration: Histogram,
    first_token: Histogram,
    per_token: Histogram,
}

impl Default for Series {
    fn default() -> Series {
        Series {
            input: Histogram::new(USAGE),
            output: Histogram::new(USAGE),
            duration: Histogram::new(DURATION),
            first_token: Histogram::new(FIRST_TOKEN),
            per_token: Histogram::new(PER_TOKEN),
        }
    }
}

impl Series {
    fn count(&mut self, call: Measured) {
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        self.duration.observe(seconds(call.duration));
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

    fn add(&mut self, other: &Series) {
        self.input.add(&other.input);
        self.output.add(&other.output);
        self.duration.add(&other.duration);
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
        if !is_call || call.cache.is_hit() || exchange.attempts.is_empty() {
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
        self.series.entry(key).or_default().count(call);
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
        _ => "_OTHER",
    }
}

/// All threads' metrics, added up.
#[derive(Debug, Default)]
pub(super) struct GenAiSums(BTreeMap<Key, Series>);

/// All threads' calls without a price.
#[derive(Debug, Default)]
pub(super) struct UnpricedCalls(BTreeMap<Labels, u64>);

/// Reads both.
pub(super) fn read(shards: &[Arc<Shard>]) -> (GenAiSums, UnpricedCalls) {
    let (mut sums, mut unpriced) = (GenAiSums::default(), UnpricedCalls::default());
    for shard in shards {
        let numbers = shard.lock().gen_ai.clone();
        for (key, series) in numbers.series {
            sums.0.entry(key).or_default().add(&series);
        }
        for (model, count) in numbers.unpriced {
            let labels = pairs(&[("model", &model)]);
            *unpriced.0.entry(labels).or_default() += count;
        }
    }
    (sums, unpriced)
}

impl Collector for UnpricedCalls {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Model calls that were charged nothing because no price was known";
        counters(&mut encoder, "llm_unpriced_calls", help, &self.0)
    }
}

type Metric = (&'static str, &'static str, fn(&Series) -> &Histogram);

const TIMES: [Metric; 3] = [
    (
        "gen_ai_client_operation_duration",
        "Seconds of model calls, from acceptance to the end of the answer",
        |s| &s.duration,
    ),
    (
        "gen_ai_server_time_to_first_token",
        "Seconds until the first token of streams",
        |s| &s.first_token,
    ),
    (
        "gen_ai_server_time_per_output_token",
        "Seconds for each token after the first of whole streams",
        |s| &s.per_token,
    ),
];

impl Collector for GenAiSums {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let usage = self.0.iter().flat_map(|(key, series)| {
            [("input", &series.input), ("output", &series.output)].map(|(kind, histogram)| {
                let mut labels = key.labels();
                labels.push((String::from("gen_ai_token_type"), String::from(kind)));
                (labels, histogram)
            })
        });
        let help = "Tokens of model calls";
        encode(&mut encoder, "gen_ai_client_token_usage", help, usage)?;
        for (name, help, histogram) in TIMES {
            let series = self.0.iter();
            let series = series.map(|(key, series)| (key.labels(), histogram(series)));
            encode(&mut encoder, name, help, series)?;
        }
        Ok(())
    }
}

fn encode<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    series: impl Iterator<Item = (Labels, &'a Histogram)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    // A metric that a call has not, as the first token of what was no stream, has no empty series.
    for (labels, histogram) in series.filter(|(_, histogram)| histogram.count > 0) {
        let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(histogram.buckets.iter().copied()).collect();
        family.encode_family(&labels)?.encode_histogram::<Labels>(
            histogram.sum,
            histogram.count,
            &buckets,
            None,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
