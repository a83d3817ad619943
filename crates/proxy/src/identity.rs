//! Managed-identity tokens: one cache for all threads, filled by the control thread.
//!
//! Data-plane threads read [`Identity::cached`] and ask over a bounded channel; [`Identity::run`] fetches once for all
//! who wait, and again before a token that is in use ends. What must stay true: a token is never given after its end; a
//! failing source is not asked more than once a second for one token; every wait has a deadline.

mod source;
mod token;

use crate::config::IdentityConfig;
use crate::endpoint::Endpoint;
use crate::health::Health;
use crate::upstream::ClientTls;
use arc_swap::ArcSwap;
pub(crate) use source::Source;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use token::Fetched;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tollgate_engine::LocalBoxFuture;
use tollgate_engine::clock::Clock;
use tollgate_engine::services::{IdentityToken, IdentityTokens};

/// How long a request waits for a token.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a failure is answered again without asking.
const FAILURE_TTL: Duration = Duration::from_secs(1);

/// How soon a failed refresh is tried again, while the old token still works.
const REFRESH_RETRY: Duration = Duration::from_secs(30);

/// Most tokens kept: resources may come from expressions.
const MOST_TOKENS: usize = 256;

/// Most requests that wait for the control thread.
const MOST_WAITING: usize = 4096;

/// Resource and client id.
type Key = (Box<str>, Option<Box<str>>);

type Answer = Result<Arc<IdentityToken>, String>;

/// Tokens of the gateway's identities.
pub struct Identity {
    source: Source,
    clock: Arc<dyn Clock>,
    tokens: ArcSwap<HashMap<Box<str>, Vec<Arc<Kept>>>>,
    asks: mpsc::Sender<Ask>,
    /// Taken by `run`.
    asked: Mutex<Option<mpsc::Receiver<Ask>>>,
}

/// A token that is kept.
struct Kept {
    client_id: Option<Box<str>>,
    token: Arc<IdentityToken>,
    /// Whether somebody took it since it was fetched: then it is worth a refresh.
    used: AtomicBool,
}

struct Ask {
    key: Key,
    answer: oneshot::Sender<Answer>,
}

impl Identity {
    /// Chooses the source. `environment` looks variables up (`std::env::var` outside tests).
    pub fn new(
        config: &IdentityConfig,
        clock: Arc<dyn Clock>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Arc<Identity> {
        let (asks, asked) = mpsc::channel(MOST_WAITING);
        Arc::new(Identity {
            source: Source::choose(config, &environment),
            clock,
            tokens: ArcSwap::default(),
            asks,
            asked: Mutex::new(Some(asked)),
        })
    }

    /// What tokens come from, for people.
    pub fn source(&self) -> &'static str {
        self.source.name()
    }

    /// Answers asks until the runtime ends.
    pub(crate) async fn run(self: Arc<Self>, tls: Arc<ClientTls>, health: Arc<Health>) {
        let asked = self
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut asked) = asked else {
            tracing::error!("an identity serves one gateway only");
            return;
        };
        let desk = Rc::new(Desk {
            identity: self,
            endpoint: Endpoint::new(tls),
            health,
            waiting: RefCell::default(),
            failures: RefCell::default(),
        });
        while let Some(ask) = asked.recv().await {
            desk.take(ask);
        }
    }

    fn seconds(&self) -> u64 {
        self.clock.unix_millis() / 1000
    }

    fn kept(&self, resource: &str, client_id: Option<&str>) -> Option<Arc<Kept>> {
        let tokens = self.tokens.load();
        let kept = tokens
            .get(resource)?
            .iter()
            .find(|k| k.client_id.as_deref() == client_id)?;
        (kept.token.expires > self.seconds()).then(|| kept.clone())
    }

    fn keep(&self, key: &Key, token: &Arc<IdentityToken>) {
        let now = self.seconds();
        let mut tokens = HashMap::clone(&self.tokens.load());
        tokens.retain(|_, list: &mut Vec<Arc<Kept>>| {
            list.retain(|k| k.token.expires > now);
            !list.is_empty()
        });
        if tokens.len() >= MOST_TOKENS {
            tokens.clear();
        }
        let list = tokens.entry(key.0.clone()).or_default();
        list.retain(|k| k.client_id != key.1);
        if list.len() >= MOST_TOKENS {
            list.clear();
        }
        list.push(Arc::new(Kept {
            client_id: key.1.clone(),
            token: token.clone(),
            used: AtomicBool::new(false),
        }));
        self.tokens.store(Arc::new(tokens));
    }
}

impl IdentityTokens for Identity {
    fn cached(&self, resource: &str, client_id: Option<&str>) -> Option<Arc<IdentityToken>> {
        let kept = self.kept(resource, client_id)?;
        if !kept.used.load(Ordering::Relaxed) {
            kept.used.store(true, Ordering::Relaxed);
        }
        Some(kept.token.clone())
    }

    fn fetch<'a>(
        &'a self,
        resource: &'a str,
        client_id: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Answer> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let ask = Ask {
                key: (Box::from(resource), client_id.map(Box::from)),
                answer,
            };
            self.asks
                .try_send(ask)
                .map_err(|_| String::from("too many requests wait for managed-identity tokens"))?;
            match tokio::time::timeout(PATIENCE, answered).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(String::from("the gateway is stopping")),
                Err(_) => Err(format!(
                    "{} gave no token within {PATIENCE:?}",
                    self.source.name()
                )),
            }
        })
    }
}

/// The control thread's side.
struct Desk {
    identity: Arc<Identity>,
    endpoint: Endpoint,
    health: Arc<Health>,
    waiting: RefCell<HashMap<Key, Vec<oneshot::Sender<Answer>>>>,
    failures: RefCell<HashMap<Key, (Instant, String)>>,
}

impl Desk {
    fn take(self: &Rc<Self>, ask: Ask) {
        if let Some(token) = self.identity.cached(&ask.key.0, ask.key.1.as_deref()) {
            let _ = ask.answer.send(Ok(token));
            return;
        }
        let now = Instant::now();
        let mut failures = self.failures.borrow_mut();
        failures.retain(|_, (at, _)| now < *at + FAILURE_TTL);
        if let Some((_, why)) = failures.get(&ask.key) {
            let _ = ask.answer.send(Err(why.clone()));
            return;
        }
        let mut waiting = self.waiting.borrow_mut();
        if let Some(others) = waiting.get_mut(&ask.key) {
            others.push(ask.answer);
            return;
        }
        waiting.insert(ask.key.clone(), vec![ask.answer]);
        let desk = self.clone();
        tokio::task::spawn_local(async move { desk.serve(ask.key).await });
    }

    /// Fetches for all who wait, then keeps the token fresh while it is used.
    async fn serve(self: Rc<Self>, key: Key) {
        let mut fetched = self.get(&key).await;
        let answer = match &fetched {
            Ok(fetched) => Ok(fetched.token.clone()),
            Err(why) => {
                tracing::warn!(resource = &*key.0, why, "no managed-identity token");
                self.failures
                    .borrow_mut()
                    .insert(key.clone(), (Instant::now(), why.clone()));
                Err(why.clone())
            }
        };
        let waiting = self.waiting.borrow_mut().remove(&key).unwrap_or_default();
        if let (Ok(_), Some(kept)) = (&answer, self.identity.kept(&key.0, key.1.as_deref())) {
            kept.used.store(!waiting.is_empty(), Ordering::Relaxed);
        }
        for waiter in waiting {
            let _ = waiter.send(answer.clone());
        }
        let part = format!("managed identity for {}", key.0);
        while let Ok(current) = fetched {
            tokio::time::sleep(current.refresh_in).await;
            let Some(kept) = self.identity.kept(&key.0, key.1.as_deref()) else {
                break;
            };
            if !kept.used.load(Ordering::Relaxed) {
                break;
            }
            fetched = match self.get(&key).await {
                Ok(fresh) => {
                    self.health.recover(&part);
                    Ok(fresh)
                }
                Err(why) => {
                    // The old token still works: no request has to know yet.
                    self.health.degrade(&part, &why);
                    Ok(Fetched {
                        token: current.token,
                        refresh_in: REFRESH_RETRY,
                    })
                }
            };
        }
        self.health.recover(&part);
    }

    async fn get(&self, key: &Key) -> Result<Fetched, String> {
        let source = &self.identity.source;
        let limit = PATIENCE - Duration::from_secs(1);
        let got = source.fetch(&self.endpoint, &key.0, key.1.as_deref());
        let answer = tokio::time::timeout(limit, got)
            .await
            .map_err(|_| format!("{} gave no token within {limit:?}", source.name()))??;
        let fetched = answer.into_token(self.identity.seconds())?;
        self.identity.keep(key, &fetched.token);
        Ok(fetched)
    }
}

#[cfg(test)]
mod tests;
