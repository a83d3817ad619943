//! Backends of the snapshot: servers with their credentials and breakers, pools with their members in order.
//!
//! Built by [`super::build`], read by `upstream` for each call.

use super::{BackendIndex, fault, unknown};
use crate::circuit_breaker::CircuitBreaker;
use crate::client_certificate::ClientCertificates;
use crate::connect::{ConnectOptions, HttpProxy};
use crate::definition::{self, Definition, Secret, SingleBackend};
use crate::services::Origin;
use crate::upstream::Affinity;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate_lang::Diagnostics;
use tollgate_lang::value::Str;
use tollgate_llm::provider;

/// A base URL, taken apart once.
#[derive(Clone, Debug)]
pub struct BaseUrl {
    /// Where.
    pub origin: Origin,
    /// Path before the operation's, without a trailing `/`.
    pub path: Str,
    /// Query that the base itself carries, without `?`.
    pub query: Option<Str>,
    /// Who serves models there, by the name of the host.
    pub provider: Option<Str>,
    /// The region, by the name of the host.
    pub region: Option<Str>,
}

/// A backend.
#[derive(Debug)]
pub struct Backend {
    /// Its id.
    pub id: Str,
    /// Id of the workspace that it is in.
    pub workspace: Option<Str>,
    /// One server or a pool.
    pub kind: BackendKind,
}

/// One server or a pool.
#[derive(Debug)]
pub enum BackendKind {
    /// One server.
    Single(Box<Server>),
    /// Several.
    Pool(Pool),
}

/// One server.
#[derive(Debug)]
pub struct Server {
    /// Base URL.
    pub url: Arc<BaseUrl>,
    /// Credentials and TLS as configured.
    pub definition: SingleBackend,
    /// Headers ready for the wire.
    pub headers: Vec<(http::HeaderName, http::HeaderValue)>,
    /// Query parameters ready for the wire: `a=b&c=d`.
    pub query: Option<Str>,
    /// When it is left alone.
    pub breaker: Option<CircuitBreaker>,
}

/// A pool: members by priority.
#[derive(Debug)]
pub struct Pool {
    /// Groups, lowest priority number first.
    pub groups: Vec<PoolGroup>,
    /// Keeps sessions at one member.
    pub affinity: Option<Affinity>,
    /// Most members that one request tries without a `retry`; 1: no more than that.
    pub attempts: u32,
}

/// Members of one priority.
#[derive(Debug)]
pub struct PoolGroup {
    /// The priority.
    pub priority: u32,
    /// Members with their weights, at most 100 (all 0: as if all were 1), without a factor that all share.
    pub members: Vec<(BackendIndex, u32)>,
    /// The order of turns: positions in `members`, each as often as its weight says, as far apart as can be.
    pub order: Vec<u16>,
    /// Turns taken so far, by a hash of the set of members that were to be had.
    pub turns: [AtomicU64; 8],
}

/// The largest weight.
const HEAVIEST: u32 = 100;

impl PoolGroup {
    /// Begins the turns anew.
    pub(super) fn forget(&self) {
        for turns in &self.turns {
            turns.store(0, Ordering::Relaxed);
        }
    }

    /// A group of members with their weights as configured.
    pub fn new(priority: u32, mut members: Vec<(BackendIndex, u32)>) -> PoolGroup {
        let alike = members.iter().all(|(_, weight)| *weight == 0);
        for (_, weight) in &mut members {
            *weight = if alike { 1 } else { (*weight).min(HEAVIEST) };
        }
        let divisor = members.iter().fold(0, |d, (_, weight)| gcd(d, *weight));
        for (_, weight) in &mut members {
            *weight /= divisor.max(1);
        }
        // Each turn all gain their weight, and the one that has most pays for all.
        let total: i64 = members.iter().map(|(_, weight)| i64::from(*weight)).sum();
        let mut credit = vec![0i64; members.len()];
        let mut order = Vec::new();
        for _ in 0..total {
            let mut most = 0;
            for (at, (_, weight)) in members.iter().enumerate() {
                credit[at] += i64::from(*weight);
                if credit[at] > credit[most] {
                    most = at;
                }
            }
            credit[most] -= total;
            order.push(u16::try_from(most).unwrap_or(0));
        }
        PoolGroup {
            priority,
            members,
            order,
            turns: Default::default(),
        }
    }
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl BaseUrl {
    /// Takes a URL apart. The error says what is wrong with it.
    pub fn parse(url: &str, tls: Option<&definition::BackendTls>) -> Result<BaseUrl, String> {
        let uri: http::Uri = url.trim().parse().map_err(|e| format!("not a URL: {e}"))?;
        let secure = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            Some(other) => {
                return Err(format!("scheme `{other}` is not served; use http or https"));
            }
            None => {
                return Err(String::from(
                    "expected an absolute URL such as https://host/path",
                ));
            }
        };
        let authority = uri.authority().ok_or("the URL has no host")?;
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let port = authority
            .port_u16()
            .unwrap_or(if secure { 443 } else { 80 });
        let tls = secure.then(|| Arc::new(tls.cloned().unwrap_or_default()));
        let authority = authority.as_str().rsplit('@').next().unwrap_or_default();
        let origin = Origin::new(tls, host, port, authority);
        let path = uri.path().trim_end_matches('/');
        let serves = provider::of_host(host);
        Ok(BaseUrl {
            origin,
            path: Str::from(path),
            query: uri.query().map(Str::from),
            provider: serves.provider.map(Str::from),
            region: serves.region.map(Str::from),
        })
    }
}

impl Origin {
    /// An origin with its key.
    pub fn new(
        tls: Option<Arc<definition::BackendTls>>,
        host: &str,
        port: u16,
        authority: &str,
    ) -> Origin {
        let origin = Origin {
            tls,
            host: Arc::from(host),
            port,
            authority: Arc::from(authority),
            connect: None,
            key: 0,
        };
        origin.with(None)
    }

    /// The same origin, connected to in this way.
    #[must_use]
    pub fn with(&self, connect: Option<Arc<ConnectOptions>>) -> Origin {
        let key =
            std::hash::BuildHasherDefault::<std::collections::hash_map::DefaultHasher>::default()
                .hash_one((&self.tls, &*self.host, self.port, &connect));
        Origin {
            connect,
            key,
            ..self.clone()
        }
    }
}

/// The certificate and the proxy of a backend.
fn connect(
    backend: &definition::BackendDefinition,
    single: &SingleBackend,
    certificates: &ClientCertificates,
    diagnostics: &mut Diagnostics,
) -> ConnectOptions {
    let mut certificate = None;
    let mut name = |found: Result<_, String>, refused: bool| match found {
        Ok(found) => {
            certificate.get_or_insert(found);
        }
        Err(_) if refused => {}
        Err(why) => fault(
            diagnostics,
            backend.span,
            format!("credentials of backend `{}`: {why}", backend.id),
            "define it under `certificates`, with its key",
        ),
    };
    for id in &single.certificate_ids {
        name(certificates.by_id(id), certificates.is_refused(Some(id)));
    }
    for thumbprint in &single.certificates {
        let refused = certificates.is_refused(None);
        name(certificates.by_thumbprint(thumbprint), refused);
    }
    let proxy = single.proxy.as_ref().and_then(|proxy| {
        let password = proxy.password.as_ref().map(|p| &**p.expose());
        match HttpProxy::new(&proxy.url, proxy.username.as_deref(), password) {
            Ok(proxy) => Some(Arc::new(proxy)),
            Err(why) => {
                fault(
                    diagnostics,
                    backend.span,
                    format!("proxy of backend `{}`: {why}", backend.id),
                    NTLM,
                );
                None
            }
        }
    });
    ConnectOptions { certificate, proxy }
}

/// What helps where a proxy cannot be used.
pub(crate) const NTLM: &str = "use a proxy with Basic authentication or none over http; one that wants NTLM can be reached through a local proxy that speaks it";

/// Builds one. Faults go to `diagnostics`.
pub(super) fn build(
    backend: &definition::BackendDefinition,
    ids: &HashMap<Str, BackendIndex>,
    certificates: &ClientCertificates,
    all: &Definition,
    diagnostics: &mut Diagnostics,
) -> Backend {
    let kind = match &backend.kind {
        definition::BackendKind::Single(single) => {
            let url = BaseUrl::parse(&single.url, Some(&single.tls)).unwrap_or_else(|why| {
                fault(
                    diagnostics,
                    backend.span,
                    format!("url of backend `{}`: {why}", backend.id),
                    "write an absolute URL such as https://host/path",
                );
                BaseUrl {
                    origin: Origin::new(None, "", 0, ""),
                    path: Str::from(""),
                    query: None,
                    provider: None,
                    region: None,
                }
            });
            let url = match connect(backend, single, certificates, diagnostics).some() {
                Some(options) => url.connected(&options),
                None => url,
            };
            let mut headers = Vec::new();
            let authorization = single.authorization.as_ref().map(|(scheme, parameter)| {
                (
                    Arc::<str>::from("Authorization"),
                    Secret::new(format!("{scheme} {}", parameter.expose())),
                )
            });
            for (name, value) in single.headers.iter().cloned().chain(authorization) {
                match (
                    http::HeaderName::try_from(&*name),
                    http::HeaderValue::try_from(&**value.expose()),
                ) {
                    (Ok(name), Ok(mut value)) => {
                        value.set_sensitive(true);
                        headers.push((name, value));
                    }
                    _ => fault(
                        diagnostics,
                        backend.span,
                        format!("header `{name}` of backend `{}` cannot be sent", backend.id),
                        "header names are tokens, values visible ASCII",
                    ),
                }
            }
            let mut query = String::new();
            for (name, value) in &single.query {
                if !query.is_empty() {
                    query.push('&');
                }
                query.push_str(&crate::routing::encode_query(name));
                query.push('=');
                query.push_str(&crate::routing::encode_query(value.expose()));
            }
            BackendKind::Single(Box::new(Server {
                url: Arc::new(url),
                definition: single.clone(),
                headers,
                query: (!query.is_empty()).then(|| Str::from(query)),
                breaker: single.circuit_breaker.clone().map(CircuitBreaker::new),
            }))
        }
        definition::BackendKind::Pool(pool) => {
            let mut groups: Vec<(u32, Vec<(BackendIndex, u32)>)> = Vec::new();
            for member in &pool.members {
                let Some(&index) = ids.get(&member.id) else {
                    unknown(diagnostics, backend.span, "backend", &member.id, ids.keys());
                    continue;
                };
                if matches!(
                    all.backends[index.0 as usize].kind,
                    definition::BackendKind::Pool(_)
                ) {
                    fault(
                        diagnostics,
                        backend.span,
                        format!("pool `{}` holds the pool `{}`", backend.id, member.id),
                        "a pool's members must be single backends",
                    );
                    continue;
                }
                match groups.iter_mut().find(|(p, _)| *p == member.priority) {
                    Some((_, members)) => members.push((index, member.weight)),
                    None => groups.push((member.priority, vec![(index, member.weight)])),
                }
            }
            groups.sort_by_key(|(priority, _)| *priority);
            let groups: Vec<PoolGroup> = groups
                .into_iter()
                .map(|(priority, members)| PoolGroup::new(priority, members))
                .collect();
            if groups.is_empty() {
                fault(
                    diagnostics,
                    backend.span,
                    format!("pool `{}` has no members", backend.id),
                    "list at least one backend under pool.services",
                );
            }
            let members = groups.iter().flat_map(|g| &g.members).map(|(i, _)| *i);
            let affinity = pool.session_affinity.as_ref().and_then(|affinity| {
                let ids = members.map(|i| (i, all.backends[i.0 as usize].id.clone()));
                Affinity::new(&backend.id, affinity, ids)
                    .map_err(|why| {
                        fault(
                            diagnostics,
                            backend.span,
                            format!("session affinity of pool `{}`: {why}", backend.id),
                            "name a cookie such as `SessionId`",
                        );
                    })
                    .ok()
            });
            BackendKind::Pool(Pool {
                groups,
                affinity,
                attempts: pool.failover_attempts.unwrap_or(1).max(1),
            })
        }
    };
    Backend {
        id: backend.id.clone(),
        workspace: backend.workspace.clone(),
        kind,
    }
}
