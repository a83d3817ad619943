//! Exports the metrics over OTLP (`http/protobuf`), every so often and once more when the gateway ends.
//!
//! Runs on the control runtime. What must stay true: no call waits for it; every export has a deadline, with at most
//! [`TRIES`] tries of a request inside of it; a collector that is away costs what was not taken, which is counted; what a
//! collector refuses for good is not sent again.

mod points;

use crate::config::OtlpConfig;
use crate::endpoint::{Endpoint, Refused, retry_after};
use crate::health::Health;
use crate::random::Random;
use crate::telemetry;
use crate::upstream::ClientTls;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use points::{Batch, Exported};
use prost::Message as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tollgate_engine::Body;
use tollgate_engine::client_certificate::ClientCertificate;
use tollgate_engine::connect::ConnectOptions;
use tollgate_engine::definition::BackendTls;
use tollgate_engine::services::Origin;
use tollgate_engine::snapshot::BaseUrl;

/// Most tries of one request.
const TRIES: u32 = 5;

/// Wait after a first failure; it doubles with each further one. Half of it, and up to as much again at random.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Longest wait between two tries, whatever the collector asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long a gateway that ends still tries to export.
const LAST_CHANCE: Duration = Duration::from_secs(3);

/// Most bytes of an answer.
const LIMIT: usize = 64 << 10;

/// The part that is degraded while exports fail.
const PART: &str = "OpenTelemetry metrics";

/// Numbers of exports.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    /// All of it was taken.
    pub(crate) exported: AtomicU64,
    /// Some of it was not.
    pub(crate) failed: AtomicU64,
    /// Points that the collector took.
    pub(crate) points: AtomicU64,
    /// Points that it refused.
    pub(crate) rejected: AtomicU64,
    /// Points that it was not there for. With delta temporality the next export makes up for them.
    pub(crate) lost: AtomicU64,
}

/// Where exports go.
pub(crate) struct Target {
    origin: Origin,
    uri: Uri,
    headers: HeaderMap,
    gzip: bool,
}

impl Target {
    /// Reads what each request has in common.
    ///
    /// # Errors
    /// What cannot be used, without secrets.
    pub(crate) fn new(config: &OtlpConfig) -> Result<Target, String> {
        let checks = BackendTls {
            ca_pem: config.ca_pem.clone(),
            ..BackendTls::default()
        };
        let mut origin = BaseUrl::parse(&config.url, Some(&checks))?.origin;
        if let Some(pem) = &config.client_certificate {
            let certificate = ClientCertificate::of_file(pem.expose().as_bytes(), "")
                .map_err(|why| format!("the client certificate {why}"))?;
            origin = origin.with(Some(Arc::new(ConnectOptions {
                certificate: Some(Arc::new(certificate)),
                proxy: None,
            })));
        }
        let uri: Uri = config
            .url
            .trim()
            .parse()
            .map_err(|e| format!("not a URL: {e}"))?;
        let path = uri.path_and_query().cloned();
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
            let value = HeaderValue::from_str(value.expose()).ok();
            let (Some(parsed), Some(mut value)) = (parsed, value) else {
                return Err(format!("the header `{name}` cannot be sent"));
            };
            value.set_sensitive(true);
            headers.insert(parsed, value);
        }
        let host = HeaderValue::from_str(&origin.authority)
            .map_err(|_| String::from("the URL's host cannot be sent"))?;
        headers.insert(header::HOST, host);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-protobuf"),
        );
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION"))),
        );
        if config.gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(Target {
            origin,
            uri: path.map_or_else(Uri::default, Uri::from),
            headers,
            gzip: config.gzip,
        })
    }
}

/// Exports until the gateway ends, and once more then.
pub(crate) async fn run(
    config: &OtlpConfig,
    target: Target,
    tls: Arc<ClientTls>,
    health: Arc<Health>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut exporter = Exporter {
        endpoint: Endpoint::new(tls),
        target,
        state: Exported::new(config, health.clock.unix_nanos()),
        random: Random::seeded(),
        health,
    };
    let mut ticks = tokio::time::interval_at(Instant::now() + config.interval, config.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let export = async {
            ticks.tick().await;
            exporter.export(config.timeout).await;
        };
        // An export that the end comes into is given up: the last one has all of it.
        tokio::select! {
            () = export => {}
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    exporter.export(config.timeout.min(LAST_CHANCE)).await;
}

struct Exporter {
    endpoint: Endpoint,
    target: Target,
    state: Exported,
    random: Random,
    health: Arc<Health>,
}

/// What became of a request.
enum Outcome {
    /// Taken, but for so many points.
    Taken(u64),
    /// Refused for good.
    Refused(String),
    /// The collector is away.
    Away(String),
}

impl Exporter {
    /// Exports what there is now, in at most this time.
    async fn export(&mut self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let metrics = telemetry::for_otlp(&self.health);
        let mut export = self.state.begin(metrics, self.health.clock.unix_nanos());
        let mut failure = None;
        while let Some(batch) = export.next(&self.state) {
            let outcome = match &failure {
                // It would not be there for the rest either.
                Some(why) => Outcome::Away(String::clone(why)),
                None => self.deliver(&batch, deadline).await,
            };
            let Some(numbers) = self.health.exports.get() else {
                return;
            };
            let count = |counter: &AtomicU64, more| counter.fetch_add(more, Ordering::Relaxed);
            match outcome {
                Outcome::Taken(rejected) => {
                    let rejected = rejected.min(batch.points);
                    count(&numbers.points, batch.points - rejected);
                    count(&numbers.rejected, rejected);
                    self.state.commit(batch);
                }
                Outcome::Refused(why) => {
                    count(&numbers.rejected, batch.points);
                    self.state.commit(batch);
                    self.failing(&why);
                    count(&numbers.failed, 1);
                    return;
                }
                Outcome::Away(why) => {
                    count(&numbers.lost, batch.points);
                    failure = Some(why);
                }
            }
        }
        match &failure {
            None => self.health.recover(PART),
            Some(why) => self.failing(why),
        }
        if let Some(numbers) = self.health.exports.get() {
            let ended = match &failure {
                None => &numbers.exported,
                Some(_) => &numbers.failed,
            };
            ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn failing(&self, why: &str) {
        tracing::warn!(
            target: "tollgate::metrics",
            collector = &*self.target.origin.authority,
            why,
            "metrics were not exported"
        );
        self.health.degrade(PART, why);
    }

    /// Posts until it is taken, refused, or the deadline has come.
    async fn deliver(&self, batch: &Batch, deadline: Instant) -> Outcome {
        let mut body = batch.request.encode_to_vec();
        if self.target.gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            // Writing into memory does not fail.
            let compressed = encoder.write_all(&body).and_then(|()| encoder.finish());
            match compressed {
                Ok(compressed) => body = compressed,
                Err(error) => return Outcome::Refused(error.to_string()),
            }
        }
        let body = Bytes::from(body);
        let mut wait = FIRST_WAIT;
        let mut tries = 0;
        loop {
            tries += 1;
            let tried = tokio::time::timeout_at(deadline, self.post(body.clone())).await;
            let (why, after) = match tried {
                Err(_) => return Outcome::Away(String::from("no answer in time")),
                Ok(Ok(outcome)) => return outcome,
                Ok(Err(Refused {
                    why, retry_after, ..
                })) => (why, retry_after),
            };
            let half = wait / 2;
            let random =
                Duration::from_micros(self.random.next() % 1024 * half.as_micros() as u64 / 1024);
            let pause = after.map_or(half + random, Duration::from_secs);
            wait *= 2;
            let next = Instant::now() + pause.min(LONGEST_WAIT);
            if tries >= TRIES || next >= deadline {
                return Outcome::Away(why);
            }
            tokio::time::sleep_until(next).await;
        }
    }

    /// Posts once. The error is one that another try may mend, as OTLP says which are.
    async fn post(&self, body: Bytes) -> Result<Outcome, Refused> {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.uri.clone();
        request.headers_mut().clone_from(&self.target.headers);
        let sent = self.endpoint.send(&self.target.origin, request, LIMIT);
        let (head, body) = sent.await?;
        if head.status.is_success() {
            let answer = ExportMetricsServiceResponse::decode(body).unwrap_or_default();
            let Some(partial) = answer.partial_success else {
                return Ok(Outcome::Taken(0));
            };
            if !partial.error_message.is_empty() {
                tracing::warn!(
                    target: "tollgate::metrics",
                    rejected = partial.rejected_data_points,
                    why = excerpt(&partial.error_message),
                    "the collector says of exported metrics"
                );
            }
            let rejected = u64::try_from(partial.rejected_data_points).unwrap_or(0);
            return Ok(Outcome::Taken(rejected));
        }
        let status = head.status.as_u16();
        let told = Status::decode(body).unwrap_or_default().message;
        let why = match excerpt(&told) {
            told if told.is_empty() => head.status.to_string(),
            told => format!("{}: {told}", head.status),
        };
        if !matches!(status, 429 | 502 | 503 | 504) {
            return Ok(Outcome::Refused(why));
        }
        Err(Refused {
            why,
            status,
            retry_after: retry_after(&head.headers),
        })
    }
}

/// What a collector says, cut to a length for the log.
fn excerpt(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(300).collect()
}

/// `google.rpc.Status`, which errors are answered with.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}
