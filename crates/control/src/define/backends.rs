//! `backends:`.

use super::secrets::STAND_IN_URL;
use super::{Reader, id_of};
use crate::model::Lists;
use crate::model::backend::{Backend, BackendType, Pool};
use crate::yaml::{At, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_engine::definition::{
    BackendDefinition, BackendKind, BackendTls, PoolDefinition, PoolMember, ProxyDefinition,
    Secret, SessionAffinity, SingleBackend,
};

/// Most members of a pool, as in API Management.
const MOST_MEMBERS: usize = 30;

impl Reader<'_, '_> {
    pub(super) fn backends(&mut self, lists: Lists<'_>) -> Vec<BackendDefinition> {
        let service = self.service.backends.clone();
        let own = lists.backends.iter().map(|b| b.id.as_str());
        let ids: BTreeSet<&str> = own.chain(service.iter().map(String::as_str)).collect();
        lists
            .backends
            .iter()
            .map(|backend| BackendDefinition {
                span: Some(self.span(backend.id.place)),
                workspace: self.workspace.clone(),
                id: Arc::from(backend.id.as_str()),
                kind: self.backend(backend, &ids),
            })
            .collect()
    }

    fn backend(&mut self, backend: &Backend, ids: &BTreeSet<&str>) -> BackendKind {
        if let Some(kind) = &backend.kind
            && (kind.value == BackendType::Pool) != backend.pool.is_some()
        {
            let expected = if backend.pool.is_some() {
                "`Pool`, because it has a `pool`"
            } else {
                "`Single`, because it has no `pool`"
            };
            self.fault(
                kind.place,
                format!("the type of backend `{}` does not fit", backend.id.value),
                &format!("expected {expected}"),
                "leave `type` out",
            );
        }
        match (&backend.pool, &backend.url) {
            (Some(pool), url) => {
                if let Some(url) = url {
                    self.fault(
                        url.place,
                        format!("pool `{}` has a url of its own", backend.id.value),
                        "remove it: the members have theirs",
                        "",
                    );
                }
                if let Some(breaker) = &backend.circuit_breaker {
                    self.fault(
                        breaker.place,
                        format!(
                            "pool `{}` has a circuit breaker of its own",
                            backend.id.value
                        ),
                        "a pool has none",
                        "give it to the members",
                    );
                }
                let members = self.pool(&backend.id, pool, ids);
                if members.is_empty() && !pool.services.is_empty() {
                    // All were refused already.
                    return stand_in();
                }
                BackendKind::Pool(PoolDefinition {
                    members,
                    session_affinity: self.session_affinity(pool),
                    failover_attempts: self.failover(pool),
                })
            }
            (None, Some(url)) => {
                let url = self.url(url);
                BackendKind::Single(self.single(backend, &url))
            }
            (None, None) => {
                self.fault(
                    backend.id.place,
                    format!("backend `{}` has no url", backend.id.value),
                    "expected `url` or `pool` beside it",
                    "",
                );
                stand_in()
            }
        }
    }

    fn single(&mut self, backend: &Backend, url: &str) -> SingleBackend {
        let credentials = &backend.credentials;
        let headers = self.pairs(&credentials.header);
        let query = self.pairs(&credentials.query);
        let authorization = credentials.authorization.as_ref().map(|a| {
            let scheme: Arc<str> = Arc::from(self.text(&a.scheme));
            let parameter = self.secret(&a.parameter, a.parameter.place, "authorization");
            (scheme, parameter)
        });
        let managed_identity = credentials.managed_identity.as_ref().map(|m| {
            let resource: Arc<str> = Arc::from(self.text(&m.resource));
            let client = m.client_id.as_ref().map(|id| Arc::from(self.text(id)));
            (resource, client)
        });
        if let (Some(a), Some(_)) = (&credentials.authorization, &credentials.managed_identity) {
            self.fault(
                a.scheme.place,
                format!(
                    "backend `{}` has both `authorization` and `managedIdentity`",
                    backend.id.value
                ),
                "both set the `Authorization` header",
                "keep one of them",
            );
        }
        let circuit_breaker = backend
            .circuit_breaker
            .as_ref()
            .and_then(|breaker| self.circuit_breaker(&backend.id, breaker));
        let tls = &backend.tls;
        SingleBackend {
            url: Arc::from(url),
            headers,
            query,
            authorization,
            managed_identity,
            tls: BackendTls {
                validate_chain: tls.validate_certificate_chain.unwrap_or(true),
                validate_name: tls.validate_certificate_name.unwrap_or(true),
                ca_pem: tls
                    .certificate_authorities
                    .as_ref()
                    .and_then(|path| self.certificates(path)),
            },
            certificate_ids: credentials
                .certificate_ids
                .iter()
                .map(|id| Arc::from(id_of(id, "certificates")))
                .collect(),
            certificates: credentials
                .certificate
                .iter()
                .map(|thumbprint| Arc::from(self.text(thumbprint)))
                .collect(),
            proxy: backend.proxy.as_ref().map(|proxy| ProxyDefinition {
                url: Arc::from(self.text(&proxy.url)),
                username: proxy.username.as_ref().map(|u| Arc::from(self.text(u))),
                password: proxy
                    .password
                    .as_ref()
                    .map(|p| self.secret(p, p.place, "password")),
            }),
            circuit_breaker,
            models: self.models(backend),
        }
    }

    fn pairs(
        &mut self,
        values: &BTreeMap<String, At<crate::model::scalar::Secrets>>,
    ) -> Vec<(Arc<str>, Secret)> {
        let mut pairs = Vec::new();
        for (name, secrets) in values {
            for secret in &secrets.value.0 {
                let place = if secret.place == Place::default() {
                    secrets.place
                } else {
                    secret.place
                };
                let value = self.secret(secret, place, name);
                pairs.push((Arc::from(name.as_str()), value));
            }
        }
        pairs
    }

    fn pool(&mut self, id: &At<String>, pool: &Pool, ids: &BTreeSet<&str>) -> Vec<PoolMember> {
        if pool.services.len() > MOST_MEMBERS {
            self.fault(
                id.place,
                format!("pool `{}` has {} members", id.value, pool.services.len()),
                &format!("expected {MOST_MEMBERS} at most"),
                "",
            );
        }
        let mut members = Vec::new();
        for service in &pool.services {
            let member = id_of(&service.id, "backends");
            if let Some(weight) = &service.weight
                && weight.value > 100
            {
                self.fault(
                    weight.place,
                    format!("weight {} is out of range", weight.value),
                    "expected 0 to 100",
                    "",
                );
            }
            if let Some(carbon) = &service.preferred_carbon_emission {
                self.warning(
                    carbon.place,
                    String::from("`preferredCarbonEmission` has no effect"),
                    "the gateway does not know a region's emission; order members by `priority`",
                );
            }
            if self.known(&service.id, member, "backend", "backends", ids) {
                members.push(PoolMember {
                    id: Arc::from(member),
                    priority: service.priority.as_ref().map_or(1, |p| p.value),
                    weight: service.weight.as_ref().map_or(1, |w| w.value),
                });
            }
        }
        members
    }

    fn session_affinity(&mut self, pool: &Pool) -> Option<SessionAffinity> {
        let affinity = pool.session_affinity.as_ref()?;
        Some(SessionAffinity {
            cookie: Arc::from(affinity.session_id.name.as_str()),
            key: affinity
                .key
                .as_ref()
                .map(|key| self.secret(key, key.place, "sessionAffinity")),
        })
    }

    fn failover(&mut self, pool: &Pool) -> Option<u32> {
        let attempts = &pool.failover.as_ref()?.attempts;
        if !(1..=MOST_MEMBERS).contains(&(attempts.value as usize)) {
            self.fault(
                attempts.place,
                format!("{} attempts are out of range", attempts.value),
                &format!("expected 1 to {MOST_MEMBERS}: the members that one request tries"),
                "",
            );
        }
        Some(attempts.value)
    }
}

/// A backend in place of one that was refused.
fn stand_in() -> BackendKind {
    BackendKind::Single(SingleBackend {
        url: Arc::from(STAND_IN_URL),
        ..SingleBackend::default()
    })
}
