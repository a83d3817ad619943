//! Metrics over OTLP, to a scripted collector.

use crate::support::*;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, HistogramDataPoint, metric, number_data_point,
};
use prost::Message as _;
use std::collections::VecDeque;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tollgate_engine::definition::Secret;
use tollgate_proxy::config::{OtlpConfig, Temporality};

/// What a collector got: head and message.
type Got = (http::request::Parts, ExportMetricsServiceRequest);

/// A collector that answers as told, then well.
#[derive(Clone)]
struct Collector {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<VecDeque<Response<Full<Bytes>>>>>,
}

impl Collector {
    async fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Collector {
            address: listener.local_addr().unwrap(),
            got: Arc::default(),
            answers: Arc::default(),
        };
        let serving = collector.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let collector = serving.clone();
                let service = service_fn(move |request| collector.clone().answer(request));
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        collector
    }

    async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (head, body) = request.into_parts();
        let mut body = body.collect().await?.to_bytes().to_vec();
        if head.headers.contains_key("content-encoding") {
            let mut plain = Vec::new();
            GzDecoder::new(&*body).read_to_end(&mut plain).unwrap();
            body = plain;
        }
        let message = ExportMetricsServiceRequest::decode(&*body).unwrap();
        self.got.lock().unwrap().push((head, message));
        let next = self.answers.lock().unwrap().pop_front();
        let good = || answer(200, &ExportMetricsServiceResponse::default());
        Ok(next.unwrap_or_else(good))
    }

    fn count(&self) -> usize {
        self.got.lock().unwrap().len()
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

fn answer(status: u16, message: &impl prost::Message) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(message.encode_to_vec())));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    response
}

fn config(address: SocketAddr) -> OtlpConfig {
    OtlpConfig {
        url: format!("http://{address}/v1/metrics?tenant=a"),
        headers: vec![(String::from("x-token"), Secret::new("hunter2"))],
        ca_pem: None,
        client_certificate: None,
        gzip: true,
        timeout: Duration::from_secs(10),
        interval: Duration::from_millis(20),
        temporality: Temporality::Cumulative,
        resource: vec![(String::from("service.name"), String::from("ai"))],
    }
}

const EMITS: &str = r#"<policies><inbound><base />
  <emit-metric name="Prompt length" value="2.5" namespace="mine"><dimension name="Team ID" value="red" /></emit-metric>
</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;

fn text(value: &KeyValue) -> (&str, &str) {
    match value.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => (&value.key, text),
        other => panic!("{other:?}"),
    }
}

fn has(attributes: &[KeyValue], pairs: &[(&str, &str)]) -> bool {
    let have: Vec<(&str, &str)> = attributes.iter().map(text).collect();
    pairs.iter().all(|pair| have.contains(pair))
}

/// The metrics of a message by scope and name.
fn find<'a>(
    message: &'a ExportMetricsServiceRequest,
    scope: &str,
    name: &str,
) -> Vec<&'a metric::Data> {
    let scopes = message
        .resource_metrics
        .iter()
        .flat_map(|r| &r.scope_metrics);
    let scopes = scopes.filter(|s| s.scope.as_ref().unwrap().name == scope);
    let metrics = scopes.flat_map(|s| &s.metrics).filter(|m| m.name == name);
    metrics.map(|m| m.data.as_ref().unwrap()).collect()
}

/// Settled requests as a message says; 0 where it says nothing.
fn requests(message: &ExportMetricsServiceRequest) -> i64 {
    let mut all = 0;
    for data in find(message, "tollgate", "tollgate.requests") {
        let metric::Data::Sum(sum) = data else {
            panic!("{data:?}");
        };
        assert!(sum.is_monotonic);
        for point in &sum.data_points {
            assert!(point.start_time_unix_nano > 0);
            assert!(point.time_unix_nano >= point.start_time_unix_nano);
            match point.value {
                Some(number_data_point::Value::AsInt(n)) => all += n,
                ref other => panic!("{other:?}"),
            }
        }
    }
    all
}

fn histogram(
    message: &ExportMetricsServiceRequest,
    scope: &str,
    name: &str,
) -> Option<HistogramDataPoint> {
    let found = find(message, scope, name);
    let metric::Data::Histogram(histogram) = found.first()? else {
        panic!("{found:?}");
    };
    histogram.data_points.first().cloned()
}

#[tokio::test]
async fn everything_is_exported_with_names_units_and_attributes_and_once_more_at_the_end() {
    let collector = Collector::start().await;
    let backend = Backend::echo().await;
    let mut config = config(collector.address);
    // Only the last export.
    config.interval = Duration::from_secs(3600);
    let running = start(definition(&backend.url(), Some(EMITS)), |c| {
        c.otlp = Some(config);
    });
    let mut wire = running.connect().await;
    for _ in 0..3 {
        assert_eq!(status(&wire.call(&get("/api/x")).await), 200);
    }
    drop(wire);
    until(|| running.settled("answered") == 3).await;
    let gateway = running.gateway;
    tokio::task::spawn_blocking(move || gateway.drain(PATIENCE))
        .await
        .unwrap();
    let got = collector.got();
    let [(head, message)] = &got[..] else {
        panic!("{}", got.len());
    };
    assert_eq!(head.method, "POST");
    assert_eq!(head.uri.path_and_query().unwrap(), "/v1/metrics?tenant=a");
    let header = |name: &str| head.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/x-protobuf");
    assert_eq!(header("content-encoding"), "gzip");
    assert_eq!(header("x-token"), "hunter2");
    assert_eq!(header("host"), collector.address.to_string());
    let resource = message.resource_metrics[0].resource.as_ref().unwrap();
    assert!(has(&resource.attributes, &[("service.name", "ai")]));
    assert!(
        resource
            .attributes
            .iter()
            .any(|a| a.key == "service.instance.id")
    );

    assert_eq!(requests(message), 3);
    let duration = histogram(message, "tollgate", "tollgate.request.duration").unwrap();
    assert!(has(
        &duration.attributes,
        &[("api", "api"), ("outcome", "answered")]
    ));
    assert_eq!(duration.count, 3);
    assert_eq!(
        duration.bucket_counts.len(),
        duration.explicit_bounds.len() + 1
    );
    assert_eq!(duration.bucket_counts.iter().sum::<u64>(), 3);
    assert!(duration.sum.unwrap() > 0.0);
    let mine = histogram(message, "mine", "Prompt_length").unwrap();
    assert!(has(&mine.attributes, &[("Team ID", "red")]));
    assert_eq!(
        (mine.count, mine.sum, mine.min, mine.max),
        (3, Some(7.5), Some(2.5), Some(2.5))
    );
    assert!(mine.bucket_counts.is_empty() && mine.explicit_bounds.is_empty());
    let scopes = &message.resource_metrics[0].scope_metrics;
    let seconds = scopes
        .iter()
        .flat_map(|s| &s.metrics)
        .find(|m| m.name == "tollgate.request.duration");
    assert_eq!(seconds.unwrap().unit, "s");
    assert!(matches!(
        find(message, "tollgate", "tollgate.connections")[..],
        [metric::Data::Gauge(_)]
    ));
}

#[tokio::test]
async fn differences_add_up_over_a_collector_that_was_away() {
    let collector = Collector::start().await;
    let backend = Backend::echo().await;
    let mut config = config(collector.address);
    config.temporality = Temporality::Delta;
    // One export, which is not tried again in the time that there is.
    let away = || {
        let mut response = answer(503, &ExportMetricsServiceResponse::default());
        response
            .headers_mut()
            .insert("retry-after", "3600".parse().unwrap());
        response
    };
    let failures: VecDeque<_> = (0..3).map(|_| away()).collect();
    collector.answers.lock().unwrap().extend(failures);
    let running = start(definition(&backend.url(), Some(EMITS)), |c| {
        c.otlp = Some(config);
    });
    let mut wire = running.connect().await;
    assert_eq!(status(&wire.call(&get("/api/x")).await), 200);
    until(|| collector.count() >= 4).await;
    assert!(running.metric("tollgate_otlp_points_total{result=\"lost\"}") > 0);
    assert_eq!(
        running.metric("tollgate_otlp_exports_total{result=\"failed\"}"),
        3
    );
    for _ in 0..4 {
        assert_eq!(status(&wire.call(&get("/api/x")).await), 200);
    }
    drop(wire);
    until(|| running.settled("answered") == 5).await;
    let gateway = running.gateway;
    tokio::task::spawn_blocking(move || gateway.drain(PATIENCE))
        .await
        .unwrap();
    let got = collector.got();
    let taken = &got[3..];
    assert_eq!(taken.iter().map(|(_, m)| requests(m)).sum::<i64>(), 5);
    let mine = taken
        .iter()
        .filter_map(|(_, m)| histogram(m, "mine", "Prompt_length"));
    let mine: Vec<HistogramDataPoint> = mine.collect();
    assert_eq!(mine.iter().map(|p| p.count).sum::<u64>(), 5);
    assert_eq!(mine.iter().map(|p| p.sum.unwrap()).sum::<f64>(), 12.5);
    // One begins where the one before has ended.
    for pair in mine.windows(2) {
        assert_eq!(pair[1].start_time_unix_nano, pair[0].time_unix_nano);
    }
    for (_, message) in taken {
        for data in find(message, "tollgate", "tollgate.requests") {
            let metric::Data::Sum(sum) = data else {
                panic!("{data:?}");
            };
            assert_eq!(
                sum.aggregation_temporality,
                AggregationTemporality::Delta as i32
            );
        }
    }
}

#[tokio::test]
async fn what_is_not_taken_is_counted_and_tried_again_only_where_that_helps() {
    let collector = Collector::start().await;
    let backend = Backend::echo().await;
    let partial = ExportMetricsServiceResponse {
        partial_success: Some(ExportMetricsPartialSuccess {
            rejected_data_points: 2,
            error_message: String::from("too old"),
        }),
    };
    let mut again = answer(429, &ExportMetricsServiceResponse::default());
    again
        .headers_mut()
        .insert("retry-after", "0".parse().unwrap());
    collector.answers.lock().unwrap().extend([
        again,
        answer(200, &partial),
        answer(400, &ExportMetricsServiceResponse::default()),
    ]);
    let running = start(definition(&backend.url(), None), |c| {
        c.otlp = Some(config(collector.address));
    });
    until(|| running.metric("tollgate_otlp_exports_total{result=\"exported\"}") >= 2).await;
    let got = collector.got();
    // The same once more, then what there was 20 ms later.
    assert_eq!(got[0].1, got[1].1);
    assert_ne!(got[1].1, got[2].1);
    assert_eq!(
        running.metric("tollgate_otlp_exports_total{result=\"failed\"}"),
        1
    );
    let rejected = running.metric("tollgate_otlp_points_total{result=\"rejected\"}");
    assert!(rejected > 2, "{rejected}");
    assert_eq!(
        running.metric("tollgate_otlp_points_total{result=\"lost\"}"),
        0
    );
    assert_eq!(running.metric("tollgate_degraded_parts"), 0);
}

#[tokio::test]
async fn a_collector_that_hangs_or_is_not_there_holds_nothing_up() {
    let backend = Backend::echo().await;
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(silent.local_addr().unwrap());
    config.timeout = Duration::from_millis(50);
    let running = start(definition(&backend.url(), None), |c| {
        c.otlp = Some(config);
    });
    until(|| running.metric("tollgate_otlp_exports_total{result=\"failed\"}") >= 2).await;
    let mut wire = running.connect().await;
    assert_eq!(status(&wire.call(&get("/api/x")).await), 200);
    assert_eq!(running.metric("tollgate_degraded_parts"), 1);
    drop(wire);
    drop(silent);
    let gateway = running.gateway;
    let drained = tokio::task::spawn_blocking(move || gateway.drain(PATIENCE));
    soon(drained).await.unwrap();
}
