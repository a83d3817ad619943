//! `gateway.openTelemetry` of the configuration.

use super::scalar::{Duration, PlacedSecret};
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A collector that metrics are exported to over OTLP. What is left out is as OpenTelemetry's environment variables say.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenTelemetry {
    /// Base URL of the collector, to which `/v1/metrics` is added. Default: `OTEL_EXPORTER_OTLP_ENDPOINT`, else
    /// `http://localhost:4318`.
    pub endpoint: Option<At<String>>,
    /// Headers of each request, such as `Authorization`. Default: `OTEL_EXPORTER_OTLP_HEADERS`.
    #[serde(default)]
    pub headers: BTreeMap<String, PlacedSecret>,
    /// How it is spoken to. Default: `http/protobuf`.
    pub protocol: Option<OtlpProtocol>,
    /// How requests are compressed. Default: `OTEL_EXPORTER_OTLP_COMPRESSION`, else `none`.
    pub compression: Option<OtlpCompression>,
    /// Most time for one export, with all its tries. Default: `OTEL_EXPORTER_OTLP_TIMEOUT`, else 10 s.
    pub timeout: Option<At<Duration>>,
    /// TLS, where the collector needs more than the system's authorities.
    #[serde(default)]
    pub tls: OtlpTls,
    /// Attributes of the resource, such as `deployment.environment.name`. `service.name` is `gateway.serviceName` unless
    /// it stands here, in `OTEL_SERVICE_NAME` or in `OTEL_RESOURCE_ATTRIBUTES`.
    #[serde(default)]
    pub resource_attributes: BTreeMap<String, At<String>>,
    /// Metrics.
    #[serde(default)]
    pub metrics: OtlpMetrics,
}

/// Protocols of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum OtlpProtocol {
    /// Protocol buffers over HTTP/1.1.
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}

/// Compression of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OtlpCompression {
    /// None.
    None,
    /// gzip.
    Gzip,
}

/// TLS towards a collector.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtlpTls {
    /// File with authorities (PEM) that are trusted beside the system's. Default: `OTEL_EXPORTER_OTLP_CERTIFICATE`.
    pub ca: Option<At<String>>,
    /// File with the certificate chain (PEM) that the gateway shows. Default: `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`.
    pub certificate: Option<At<String>>,
    /// File with its private key (PEM). Default: `OTEL_EXPORTER_OTLP_CLIENT_KEY`.
    pub key: Option<At<String>>,
}

/// What is exported of metrics.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtlpMetrics {
    /// URL that metrics are posted to, as it is. Default: `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, else as `endpoint` says.
    pub endpoint: Option<At<String>>,
    /// Time between two exports, 1 s to 1 h. Default: `OTEL_METRIC_EXPORT_INTERVAL`, else 60 s.
    pub interval: Option<At<Duration>>,
    /// What counters and histograms count from: the start of the process, or the export before. `lowMemory` is taken as
    /// `delta`. Default: `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`, else `cumulative`.
    pub temporality: Option<OtlpTemporality>,
}

/// What counters and histograms count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OtlpTemporality {
    /// The start of the process.
    Cumulative,
    /// The export before.
    Delta,
    /// As `delta`.
    LowMemory,
}
