//! `gateway:` to [`Settings`]: addresses, networks, certificates.

use super::Reader;
use crate::model::gateway::{Gateway, Ledger, Listener, Recording};
use crate::settings::{self, Identity, Limits, Listen, ListenTls, Logs, Settings, Timeouts};
use crate::yaml::{At, Place};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tollgate_engine::client_certificate::ClientCertificate;
use tollgate_engine::definition::GatewayDefinition;

impl Reader<'_, '_> {
    pub(super) fn settings(&mut self, gateway: &Gateway) -> Settings {
        let default = Settings::default();
        let listen: Vec<Listen> = gateway
            .listen
            .iter()
            .filter_map(|l| self.listener(l))
            .collect();
        let management = match &gateway.management {
            None => default.management,
            Some(m) if m.address.trim().eq_ignore_ascii_case("off") => None,
            Some(m) => self.address(&m.address),
        };
        let limits = self.limits(gateway);
        if let Some(threads) = &gateway.threads
            && !(1..=1024).contains(&threads.value)
        {
            self.fault(
                threads.place,
                format!("{} threads", threads.value),
                "expected 1 to 1024",
                "leave it out for one thread on each core",
            );
        }
        Settings {
            listen: if gateway.listen.is_empty() {
                default.listen
            } else {
                listen
            },
            management,
            threads: gateway.threads.as_ref().map(|t| usize::from(t.value)),
            trusted_proxies: gateway
                .trusted_proxies
                .iter()
                .filter_map(|n| self.network(n))
                .collect(),
            limits,
            timeouts: self.timeouts(gateway),
            identity: Identity {
                source: gateway.identity.source,
                endpoint: gateway.identity.endpoint.as_ref().map(|e| self.url(e)),
            },
            key_vault: self.key_vault.clone(),
            logs: Logs {
                format: gateway.logs.format.unwrap_or_default(),
                level: gateway
                    .logs
                    .level
                    .as_ref()
                    .map_or(default.logs.level, |l| Arc::from(l.as_str())),
                requests: gateway.logs.requests.unwrap_or(true),
            },
            recording: gateway.recording.as_ref().and_then(|r| self.recording(r)),
            ledger: gateway.ledger.as_ref().and_then(|l| self.ledger(l)),
            otlp: self.otlp(gateway),
            statements: self.statements(gateway),
            watch: gateway.watch.unwrap_or(true),
        }
    }

    /// Base URL of the Dapr sidecar, without a `/` at its end.
    pub(super) fn dapr_endpoint(
        &mut self,
        gateway: &Gateway,
        default: &GatewayDefinition,
    ) -> Arc<str> {
        match &gateway.dapr.http_endpoint {
            Some(endpoint) => Arc::from(self.url(endpoint).trim().trim_end_matches('/')),
            None => default.dapr_endpoint.clone(),
        }
    }

    fn ledger(&mut self, ledger: &Ledger) -> Option<settings::Ledger> {
        const INTERVALS: std::ops::RangeInclusive<Duration> =
            Duration::from_millis(10)..=Duration::from_secs(3600);
        if let Some(days) = &ledger.retention_days
            && !(1..=36_500).contains(&days.value)
        {
            self.fault(
                days.place,
                format!("{} days", days.value),
                "expected 1 to 36500",
                "leave it out to keep all days",
            );
        }
        if let Some(interval) = &ledger.sync_interval
            && !INTERVALS.contains(&interval.value.0)
        {
            self.fault(
                interval.place,
                format!("{:?} is out of range", interval.value.0),
                "expected 10 ms to 1 h",
                "",
            );
        }
        let folder = ledger.folder.trim();
        if folder.is_empty() {
            self.fault(
                ledger.folder.place,
                "the ledger has no folder",
                "expected a folder such as `ledger`, relative to this file",
                "",
            );
            return None;
        }
        Some(settings::Ledger {
            folder: self.files.resolve(folder),
            retention_days: ledger.retention_days.as_ref().map(|days| days.value),
            durability: ledger.durability,
            on_failure: ledger.on_failure,
            sync_interval: ledger
                .sync_interval
                .as_ref()
                .map_or(Duration::from_secs(1), |interval| interval.value.0),
        })
    }

    fn recording(&mut self, recording: &Recording) -> Option<settings::Recording> {
        const LARGEST_BODY: u64 = 64 << 10;
        let mut bounded = |value: Option<(u64, Place)>, least: u64, most: u64| {
            let (value, place) = value?;
            if !(least..=most).contains(&value) {
                self.fault(
                    place,
                    format!("{value} is out of range"),
                    &format!("expected {least} to {most}"),
                    "",
                );
            }
            Some(value.clamp(least, most))
        };
        let size =
            |value: &Option<At<crate::model::Size>>| value.as_ref().map(|v| (v.value.0, v.place));
        let count = |value: &Option<At<u32>>| value.as_ref().map(|v| (u64::from(v.value), v.place));
        let file_size = bounded(size(&recording.file_size), 1 << 16, u64::MAX);
        let files = bounded(count(&recording.files), 1, 1000);
        let percent = bounded(count(&recording.percent), 1, 100);
        let body = bounded(size(&recording.body_size), 1, LARGEST_BODY);
        let small = |value: Option<u64>, default: u32| {
            value.map_or(default, |v| u32::try_from(v).unwrap_or(default))
        };
        let written = recording.path.trim();
        if written.is_empty() {
            self.fault(
                recording.path.place,
                "the recording has no path",
                "expected a folder or a file such as `recordings/gateway.jsonl`",
                "",
            );
            return None;
        }
        let path = self.files.resolve(written);
        let is_file = path.extension().is_some_and(|e| e == "jsonl");
        Some(settings::Recording {
            file: if is_file {
                path
            } else {
                path.join("recording.jsonl")
            },
            file_size: file_size.unwrap_or(100 << 20),
            files: small(files, 5),
            percent: small(percent, 100),
            bodies: recording
                .bodies
                .then(|| usize::try_from(body.unwrap_or(LARGEST_BODY)).unwrap_or(usize::MAX)),
        })
    }

    fn listener(&mut self, listener: &Listener) -> Option<Listen> {
        let address = self.address(&listener.address);
        let tls = match &listener.tls {
            None => None,
            Some(tls) => {
                let certificate = self.certificates(&tls.certificate);
                let key = self.private_key(&tls.key);
                // Without either, a listener that was meant to be safe must not become an open one.
                let (certificate, key) = certificate.zip(key)?;
                if let Err(why) = ClientCertificate::of_pem(&certificate, &key) {
                    self.fault(
                        tls.key.place,
                        format!("{} {why}", tls.certificate.value),
                        &format!("expected the key that belongs to {}", tls.certificate.value),
                        "",
                    );
                    return None;
                }
                Some(ListenTls {
                    certificate: self.files.resolve(&tls.certificate),
                    key: self.files.resolve(&tls.key),
                    negotiate_client_certificate: tls.negotiate_client_certificate,
                })
            }
        };
        Some(Listen {
            address: address?,
            tls,
        })
    }

    /// A PEM file with at least one certificate.
    pub(super) fn certificates(&mut self, path: &At<String>) -> Option<Arc<str>> {
        let text = self.pem(path)?;
        let found = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .is_ok_and(|list| !list.is_empty());
        if !found {
            self.fault(
                path.place,
                format!("{} holds no certificate", path.value),
                "expected a PEM file with `BEGIN CERTIFICATE`",
                "",
            );
        }
        found.then(|| Arc::from(text))
    }

    fn private_key(&mut self, path: &At<String>) -> Option<String> {
        let text = self.pem(path)?;
        let found = PrivateKeyDer::from_pem_slice(text.as_bytes()).is_ok();
        if !found {
            self.fault(
                path.place,
                format!("{} holds no private key", path.value),
                "expected a PEM file with `BEGIN PRIVATE KEY`, not encrypted",
                "",
            );
        }
        found.then_some(text)
    }

    pub(super) fn pem(&mut self, path: &At<String>) -> Option<String> {
        let resolved = self.files.resolve(path);
        match self.files.read(&resolved) {
            Ok(text) => Some(text),
            Err(why) => {
                self.fault(
                    path.place,
                    format!("{} cannot be read: {why}", resolved.display()),
                    "expected the path of a PEM file, relative to this file",
                    "",
                );
                None
            }
        }
    }

    fn address(&mut self, address: &At<String>) -> Option<SocketAddr> {
        let text = address.trim();
        let parsed = match text.rsplit_once(':') {
            Some((host, port)) if host.eq_ignore_ascii_case("localhost") => port
                .parse()
                .ok()
                .map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
            _ => text.parse().ok(),
        };
        if parsed.is_none() {
            self.fault(
                address.place,
                format!("`{text}` is not an address to listen on"),
                "expected an IP address and a port",
                "for example `127.0.0.1:8080`, `0.0.0.0:8080` for all interfaces, or `[::]:8080`",
            );
        }
        parsed
    }

    fn network(&mut self, network: &At<String>) -> Option<(IpAddr, u8)> {
        let (address, prefix) = match network.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (network.trim(), None),
        };
        let parsed = address.parse::<IpAddr>().ok().and_then(|address| {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.map_or(Some(most), |p| p.parse().ok())?;
            (prefix <= most).then_some((address, prefix))
        });
        if parsed.is_none() {
            self.fault(
                network.place,
                format!("`{}` is not a network", network.value),
                "expected an address or a network such as `10.0.0.0/8`",
                "",
            );
        }
        parsed
    }

    fn limits(&mut self, gateway: &Gateway) -> Limits {
        let default = Limits::default();
        let limits = &gateway.limits;
        let mut size = |value: &Option<At<crate::model::Size>>, default: u64, least: u64| {
            let Some(value) = value else {
                return default;
            };
            if value.value.0 < least {
                self.out_of_range(value.place, value.value.0, least);
            }
            value.value.0.max(least)
        };
        let mut bytes = |value, default: usize, least: u64| {
            usize::try_from(size(value, default as u64, least)).unwrap_or(usize::MAX)
        };
        let header = bytes(
            &limits.request_header_size,
            default.request_header_size,
            8 << 10,
        );
        let target = bytes(
            &limits.request_target_size,
            default.request_target_size,
            1 << 10,
        );
        let buffered = bytes(&limits.buffered_body_size, default.buffered_body_size, 1);
        let body = size(&limits.request_body_size, default.request_body_size, 1);
        let mut count = |value: &Option<At<u32>>, default: usize, least: u32| {
            let Some(value) = value else {
                return default;
            };
            if value.value < least {
                self.out_of_range(value.place, value.value.into(), least.into());
            }
            value.value.max(least) as usize
        };
        Limits {
            request_header_size: header,
            request_headers: count(&limits.request_headers, default.request_headers, 16),
            request_target_size: target,
            request_body_size: body,
            buffered_body_size: buffered,
            connections: count(&limits.connections, default.connections, 1),
            streams: u32::try_from(count(&limits.streams, default.streams as usize, 1))
                .unwrap_or(u32::MAX),
            backend_connections: count(&limits.backend_connections, default.backend_connections, 1),
            idle_backend_connections: count(
                &limits.idle_backend_connections,
                default.idle_backend_connections,
                0,
            ),
            metric_series: count(&limits.metric_series, default.metric_series, 1),
        }
    }

    fn out_of_range(&mut self, place: Place, value: u64, least: u64) {
        self.fault(
            place,
            format!("{value} is out of range"),
            &format!("expected {least} or more"),
            "",
        );
    }

    fn timeouts(&mut self, gateway: &Gateway) -> Timeouts {
        let default = Timeouts::default();
        let timeouts = &gateway.timeouts;
        let mut wait = |value: &Option<At<crate::model::Duration>>, default| match value {
            Some(value) if value.value.0.is_zero() => {
                self.fault(
                    value.place,
                    "a timeout of zero",
                    "expected a longer time",
                    "every wait has an end; choose a long one",
                );
                default
            }
            Some(value) => value.value.0,
            None => default,
        };
        Timeouts {
            request_header: wait(&timeouts.request_header, default.request_header),
            body_idle: wait(&timeouts.body_idle, default.body_idle),
            keep_alive: wait(&timeouts.keep_alive, default.keep_alive),
            connect: wait(&timeouts.connect, default.connect),
            backend_keep_alive: wait(&timeouts.backend_keep_alive, default.backend_keep_alive),
            drain: wait(&timeouts.drain, default.drain),
            // Zero means something here: do not wait at all.
            usage: timeouts.usage.as_ref().map_or(default.usage, |u| u.value.0),
            drain_delay: timeouts
                .drain_delay
                .as_ref()
                .map_or(default.drain_delay, |d| d.value.0),
        }
    }
}
