//! `gateway.openTelemetry` and OpenTelemetry's environment variables to [`settings::Otlp`].
//!
//! What must stay true: the file goes over the environment; a variable that cannot be used is a warning and left out, as
//! OpenTelemetry's specification has it; values of headers are secrets.

use super::Reader;
use crate::model::gateway::Gateway;
use crate::model::telemetry::{OpenTelemetry, OtlpCompression, OtlpTemporality};
use crate::settings;
use crate::yaml::{At, Place};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tollgate_engine::client_certificate::ClientCertificate;
use tollgate_engine::definition::Secret;
use tollgate_engine::snapshot::BaseUrl;
use tollgate_lang::Diagnostic;

/// Where a collector listens.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// What metrics are posted to below a base URL.
const PATH: &str = "v1/metrics";

/// Most attributes of the resource, and most headers.
const MOST: usize = 128;

/// Shortest and longest time between two exports.
const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// Shortest and longest time for one export.
const TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_secs(600);

impl Reader<'_, '_> {
    /// Where metrics go: when the file says so, or a variable names an endpoint. Nowhere when `OTEL_SDK_DISABLED` or
    /// `OTEL_METRICS_EXPORTER` say so.
    pub(super) fn otlp(&mut self, gateway: &Gateway) -> Option<settings::Otlp> {
        let written = gateway.open_telemetry.as_ref();
        let named = ["METRICS_ENDPOINT", "ENDPOINT"];
        if written.is_none() && !named.iter().any(|name| self.otel(name).is_some()) {
            return None;
        }
        let disabled = self.value("OTEL_SDK_DISABLED");
        let exporter = self.value("OTEL_METRICS_EXPORTER");
        let exports = exporter.is_none_or(|names| names.split(',').any(|n| n.trim() == "otlp"));
        let disabled = disabled.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let none = OpenTelemetry::default();
        let settings = self.exporter(written.unwrap_or(&none), gateway);
        (exports && !disabled).then_some(settings).flatten()
    }

    fn exporter(&mut self, written: &OpenTelemetry, gateway: &Gateway) -> Option<settings::Otlp> {
        if let Some((name, text)) = self.either("PROTOCOL")
            && written.protocol.is_none()
            && text != "http/protobuf"
        {
            let why = format!("metrics are exported by `http/protobuf`, not by `{text}`");
            self.ignored(&name, &why);
        }
        let url = self.collector(written);
        let headers = self.headers(written);
        let metrics = &written.metrics;
        let timeout = self.wait(written.timeout.as_ref(), &TIMEOUTS);
        let timeout = timeout.or_else(|| {
            let (name, text) = self.either("TIMEOUT")?;
            self.milliseconds(&name, &text, &TIMEOUTS)
        });
        let interval = self.wait(metrics.interval.as_ref(), &INTERVALS);
        let interval = interval.or_else(|| {
            let name = "OTEL_METRIC_EXPORT_INTERVAL";
            let text = self.value(name)?;
            self.milliseconds(name, &text, &INTERVALS)
        });
        let gzip = match (written.compression, self.either("COMPRESSION")) {
            (Some(compression), _) => compression == OtlpCompression::Gzip,
            (None, None) => false,
            (None, Some((name, text))) => match &*text {
                "gzip" => true,
                "none" => false,
                _ => {
                    self.ignored(&name, "expected `gzip` or `none`");
                    false
                }
            },
        };
        let delta = match metrics.temporality {
            Some(temporality) => temporality != OtlpTemporality::Cumulative,
            None => self.prefers_delta(),
        };
        let tls = &written.tls;
        let ca = self.file(tls.ca.as_ref(), "CERTIFICATE");
        let ca_pem = ca.and_then(|path| self.certificates(&path));
        let client_certificate = self.client_certificate(written);
        Some(settings::Otlp {
            url: url?,
            headers,
            ca_pem,
            client_certificate,
            gzip,
            timeout: timeout.unwrap_or(Duration::from_secs(10)),
            interval: interval.unwrap_or(Duration::from_secs(60)),
            delta,
            resource: self.resource(written, gateway),
        })
    }

    fn collector(&mut self, written: &OpenTelemetry) -> Option<String> {
        let below = |base: &str| format!("{}/{PATH}", base.trim().trim_end_matches('/'));
        if let Some(url) = &written.metrics.endpoint {
            return self.usable(url.place, &url.value, url.trim().to_owned());
        }
        if let Some(base) = &written.endpoint {
            return self.usable(base.place, &base.value, below(base));
        }
        for (name, whole) in [("METRICS_ENDPOINT", true), ("ENDPOINT", false)] {
            let Some(text) = self.otel(name) else {
                continue;
            };
            let url = if whole { text.clone() } else { below(&text) };
            match BaseUrl::parse(&url, None) {
                Ok(_) => return Some(url),
                Err(why) => self.ignored(&format!("{PREFIX}{name}"), &why),
            }
        }
        Some(below(DEFAULT_ENDPOINT))
    }

    fn usable(&mut self, place: Place, text: &str, url: String) -> Option<String> {
        match BaseUrl::parse(&url, None) {
            Ok(_) => Some(url),
            Err(why) => {
                let help = "for example `http://collector:4318`";
                self.refused(
                    place,
                    format!("`{text}`: {why}"),
                    "not usable as a URL",
                    help,
                );
                None
            }
        }
    }

    fn headers(&mut self, written: &OpenTelemetry) -> Vec<(String, Secret)> {
        if written.headers.is_empty() {
            let Some((name, text)) = self.either("HEADERS") else {
                return Vec::new();
            };
            let pairs = self.pairs_of(&name, &text).into_iter();
            return pairs
                .map(|(name, value)| (name, Secret::new(value)))
                .collect();
        }
        let mut headers = Vec::new();
        for (name, value) in &written.headers {
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                let label = "expected letters, digits and hyphens";
                let message = format!("`{name}` is not a header name");
                self.refused(value.place, message, label, "");
                continue;
            }
            let secret = self.secret(&value.value, value.place, name);
            headers.push((name.clone(), secret));
        }
        headers
    }

    /// Attributes of the resource, each name once.
    fn resource(&mut self, written: &OpenTelemetry, gateway: &Gateway) -> Vec<(String, String)> {
        let service = gateway.service_name.as_deref().unwrap_or("tollgate");
        let mut all = BTreeMap::from([
            (String::from("service.name"), service.to_owned()),
            (
                String::from("service.version"),
                String::from(env!("CARGO_PKG_VERSION")),
            ),
        ]);
        let name = "OTEL_RESOURCE_ATTRIBUTES";
        if let Some(text) = self.value(name) {
            all.extend(self.pairs_of(name, &text));
        }
        if let Some(service) = self.value("OTEL_SERVICE_NAME") {
            all.insert(String::from("service.name"), service);
        }
        for (name, value) in &written.resource_attributes {
            all.insert(name.clone(), value.value.clone());
        }
        all.into_iter().take(MOST).collect()
    }

    /// Certificate and key in one text.
    fn client_certificate(&mut self, written: &OpenTelemetry) -> Option<Secret> {
        let tls = &written.tls;
        let certificate = self.file(tls.certificate.as_ref(), "CLIENT_CERTIFICATE");
        let key = self.file(tls.key.as_ref(), "CLIENT_KEY");
        let (certificate, key) = match (certificate, key) {
            (None, None) => return None,
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(one), None) | (None, Some(one)) => {
                let message = "a certificate needs its key, and a key its certificate";
                self.refused(one.place, message, "the other one is missing", "");
                return None;
            }
        };
        let pem = format!("{}\n{}", self.pem(&certificate)?, self.pem(&key)?);
        if let Err(why) = ClientCertificate::of_file(pem.as_bytes(), "") {
            let message = format!("the certificate {why}");
            self.refused(
                certificate.place,
                message,
                "not usable as a certificate",
                "",
            );
            return None;
        }
        Some(Secret::new(pem))
    }

    /// A file of the configuration, else of a variable.
    fn file(&self, written: Option<&At<String>>, name: &str) -> Option<At<String>> {
        written.cloned().or_else(|| {
            let (_, value) = self.either(name)?;
            // A path of the environment is the process's own, not relative to the file.
            let path = std::path::absolute(PathBuf::from(value)).ok()?;
            Some(At {
                value: path.to_str()?.to_owned(),
                place: Place::default(),
            })
        })
    }

    fn prefers_delta(&mut self) -> bool {
        let name = "METRICS_TEMPORALITY_PREFERENCE";
        let Some(text) = self.otel(name) else {
            return false;
        };
        match &*text.to_ascii_lowercase() {
            "cumulative" => false,
            "delta" | "lowmemory" => true,
            _ => {
                let why = "expected `cumulative`, `delta` or `lowmemory`";
                self.ignored(&format!("{PREFIX}{name}"), why);
                false
            }
        }
    }

    fn wait(
        &mut self,
        written: Option<&At<crate::model::Duration>>,
        range: &std::ops::RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let written = written?;
        if !range.contains(&written.value.0) {
            let label = format!("expected {:?} to {:?}", range.start(), range.end());
            let message = format!("{:?} is out of range", written.value.0);
            self.refused(written.place, message, &label, "");
        }
        Some(written.value.0)
    }

    fn milliseconds(
        &mut self,
        name: &str,
        text: &str,
        range: &std::ops::RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let time = text.trim().parse().ok().map(Duration::from_millis);
        let time = time.filter(|time| range.contains(time));
        if time.is_none() {
            let (least, most) = (range.start().as_millis(), range.end().as_millis());
            self.ignored(name, &format!("expected {least} to {most} milliseconds"));
        }
        time
    }

    /// `a=b,c=d` with percent-encoded values, as baggage is written.
    fn pairs_of(&mut self, name: &str, text: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
            let split = pair
                .split_once('=')
                .filter(|(key, _)| !key.trim().is_empty());
            let decoded = split.and_then(|(key, value)| {
                let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                Some((key.trim().to_owned(), value.into_owned()))
            });
            match decoded {
                Some(pair) if pairs.len() < MOST => pairs.push(pair),
                // What was written may be a secret.
                _ => self.ignored(name, "a part of it is not `name=value`"),
            }
        }
        pairs
    }

    /// A variable that is set and not empty.
    fn value(&self, name: &str) -> Option<String> {
        (self.options.environment)(name).filter(|value| !value.trim().is_empty())
    }

    fn otel(&self, name: &str) -> Option<String> {
        self.value(&format!("{PREFIX}{name}"))
    }

    /// The variable for metrics, else the one for all signals: its name and its value.
    fn either(&self, name: &str) -> Option<(String, String)> {
        let names = [format!("{PREFIX}METRICS_{name}"), format!("{PREFIX}{name}")];
        let mut names = names.into_iter();
        names.find_map(|name| self.value(&name).map(|value| (name, value)))
    }

    fn ignored(&mut self, variable: &str, why: &str) {
        let message = format!("the environment variable `{variable}` has no effect: {why}");
        let span = self.span(Place::default());
        let warning = Diagnostic::warning("TG0715", span, message)
            .help("set it anew, or say it under `gateway.openTelemetry`");
        self.diagnostics.push(warning);
    }

    fn refused(&mut self, place: Place, message: impl Into<String>, label: &str, help: &str) {
        let fault = Diagnostic::error("TG0714", self.span(place), message).label(label);
        let fault = if help.is_empty() {
            fault
        } else {
            fault.help(help)
        };
        self.diagnostics.push(fault);
    }
}

/// What the variables of the exporter begin with.
const PREFIX: &str = "OTEL_EXPORTER_OTLP_";
