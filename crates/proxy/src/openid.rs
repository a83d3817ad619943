//! Keys of OpenID providers: one cache for all threads, filled by the control thread.
//!
//! Data-plane threads read [`OpenIdCache::cached`] and ask over a bounded channel; [`OpenIdCache::run`] keeps a task
//! ([`keeper::Keeper`]) for each provider, which fetches once for all who wait. What must stay true: keys that work go
//! on working while their provider is away, for [`OpenIdConfig::stale`]; no caller can make the gateway ask a provider
//! more often than the limits below; what is kept is bounded.

mod desk;
mod discovery;
mod keeper;
mod metrics;

pub(crate) use metrics::{OpenIdMetrics, Provider};

use crate::config::OpenIdConfig;
use crate::endpoint::Endpoint;
use crate::health::Health;
use crate::upstream::ClientTls;
use arc_swap::ArcSwap;
use desk::Desk;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tollgate_engine::LocalBoxFuture;
use tollgate_engine::clock::Clock;
use tollgate_engine::services::{OpenIdProvider, OpenIdProviders};

/// Most providers: documents may compute their URLs.
const MOST_PROVIDERS: usize = 256;

/// Most requests that wait for the control thread.
const MOST_WAITING: usize = 4096;

/// Most bytes of a key's name that is looked for.
const LONGEST_KID: usize = 512;

/// Providers by the URL of their configuration document.
pub(crate) struct OpenIdCache {
    config: OpenIdConfig,
    clock: Arc<dyn Clock>,
    kept: ArcSwap<HashMap<Box<str>, Arc<Kept>>>,
    asks: mpsc::Sender<Ask>,
    /// Taken by `run`.
    asked: Mutex<Option<mpsc::Receiver<Ask>>>,
}

/// A provider whose keys are known.
struct Kept {
    provider: Arc<OpenIdProvider>,
    /// Whether somebody took it since it was last fetched: then it is worth a refresh.
    used: AtomicBool,
}

/// What a request wants.
struct Ask {
    url: Box<str>,
    want: Want,
    at: Instant,
    answer: oneshot::Sender<Answer>,
}

enum Want {
    /// Nothing is cached.
    Provider,
    /// What is cached lacks this key (`None`: no key of it verifies).
    Key {
        kid: Option<Box<str>>,
        seen: Arc<OpenIdProvider>,
    },
}

type Answer = Result<Arc<OpenIdProvider>, String>;

impl OpenIdCache {
    pub(crate) fn new(config: OpenIdConfig, clock: Arc<dyn Clock>) -> Arc<OpenIdCache> {
        let (asks, asked) = mpsc::channel(MOST_WAITING);
        Arc::new(OpenIdCache {
            config,
            clock,
            kept: ArcSwap::default(),
            asks,
            asked: Mutex::new(Some(asked)),
        })
    }

    /// Answers asks until the runtime ends, and keeps the providers fresh that the snapshot in force names.
    pub(crate) async fn run(self: Arc<Self>, tls: Arc<ClientTls>, health: Arc<Health>) {
        let endpoint = Rc::new(Endpoint::new(tls));
        self.serve(endpoint, health).await;
    }

    async fn serve(self: Arc<Self>, source: Rc<dyn discovery::Source>, health: Arc<Health>) {
        let asked = self
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut asked) = asked else {
            tracing::error!("a cache of OpenID providers serves one gateway only");
            return;
        };
        let mut published = health.snapshots.published();
        let desk = Desk::new(self, source, health.clone());
        loop {
            published.mark_unchanged();
            desk.pin(&health.snapshots.current().openid_urls);
            loop {
                tokio::select! {
                    ask = asked.recv() => match ask {
                        Some(ask) => desk.take(ask),
                        None => return,
                    },
                    changed = published.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return,
                    },
                }
            }
        }
    }

    async fn ask(&self, url: &str, want: Want) -> Answer {
        let (answer, answered) = oneshot::channel();
        let ask = Ask {
            url: Box::from(url),
            want,
            at: Instant::now(),
            answer,
        };
        let busy = || String::from("too many requests wait for keys of OpenID providers");
        self.asks.try_send(ask).map_err(|_| busy())?;
        let patience = self.config.patience();
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(busy()),
            Err(_) => Err(format!("{url} gave no keys within {patience:?}")),
        }
    }

    fn kept(&self, url: &str) -> Option<Arc<Kept>> {
        self.kept.load().get(url).cloned()
    }

    /// Called by the control thread only, so that no change is lost.
    fn keep(&self, url: &str, kept: Option<Arc<Kept>>) {
        let mut all = HashMap::clone(&self.kept.load());
        match kept {
            Some(kept) => all.insert(Box::from(url), kept),
            None => all.remove(url),
        };
        self.kept.store(Arc::new(all));
    }
}

impl OpenIdProviders for OpenIdCache {
    fn cached(&self, url: &str) -> Option<Arc<OpenIdProvider>> {
        let all = self.kept.load();
        let kept = all.get(url)?;
        if !kept.used.load(Ordering::Relaxed) {
            kept.used.store(true, Ordering::Relaxed);
        }
        Some(kept.provider.clone())
    }

    fn fetch<'a>(&'a self, url: &'a str) -> LocalBoxFuture<'a, Answer> {
        Box::pin(self.ask(url, Want::Provider))
    }

    fn unknown_key<'a>(
        &'a self,
        url: &'a str,
        kid: Option<&'a str>,
        seen: &'a Arc<OpenIdProvider>,
    ) -> LocalBoxFuture<'a, Answer> {
        Box::pin(async move {
            if kid.is_some_and(|kid| LONGEST_KID < kid.len()) {
                return Ok(seen.clone());
            }
            let want = Want::Key {
                kid: kid.map(Box::from),
                seen: seen.clone(),
            };
            self.ask(url, want).await
        })
    }
}

#[cfg(test)]
mod tests;
