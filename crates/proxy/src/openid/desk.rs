//! The control thread's side: one task for each provider, and who may have one.
//!
//! Made by [`OpenIdCache::run`](super::OpenIdCache::run). What must stay true: a provider that the snapshot in force
//! names has a task as long as it is named; others have one while they are used, and make room for each other.

use super::discovery::Source;
use super::keeper::{Bucket, Keeper};
use super::{Ask, MOST_PROVIDERS, OpenIdCache};
use crate::health::Health;
use crate::random::Random;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tollgate_lang::value::Str;

/// Most requests that wait for one provider.
const MOST_ASKS: usize = 1024;

pub(super) struct Desk {
    pub(super) cache: Arc<OpenIdCache>,
    pub(super) source: Rc<dyn Source>,
    pub(super) health: Arc<Health>,
    pub(super) random: Random,
    /// Fetches for unknown keys, over all providers.
    pub(super) bucket: RefCell<Bucket>,
    providers: RefCell<HashMap<Rc<str>, Handle>>,
}

/// A provider's task as the desk sees it. Dropping it ends the task.
struct Handle {
    asks: mpsc::Sender<Ask>,
    state: Rc<State>,
}

/// What the desk and a provider's task share.
pub(super) struct State {
    /// Whether the snapshot in force names it.
    pub(super) pinned: Cell<bool>,
    /// When a request last waited for it.
    pub(super) asked: Cell<Instant>,
    /// A snapshot was published that names it.
    pub(super) published: Notify,
}

impl Desk {
    pub(super) fn new(
        cache: Arc<OpenIdCache>,
        source: Rc<dyn Source>,
        health: Arc<Health>,
    ) -> Rc<Desk> {
        let bucket = RefCell::new(Bucket::new(
            cache.config.refetches_of_all,
            cache.config.refetch_of_all_interval,
        ));
        Rc::new(Desk {
            cache,
            source,
            health,
            random: Random::seeded(),
            bucket,
            providers: RefCell::default(),
        })
    }

    /// These are fetched now, and kept fresh until the next call.
    pub(super) fn pin(self: &Rc<Self>, urls: &[Str]) {
        let named: HashSet<&str> = urls.iter().map(|url| &**url).collect();
        for (url, handle) in self.providers.borrow().iter() {
            handle.state.pinned.set(named.contains(&**url));
        }
        for url in named {
            match self.provider(url) {
                Some((_, state)) => {
                    state.pinned.set(true);
                    state.published.notify_one();
                }
                None => tracing::error!(
                    url,
                    "more than {MOST_PROVIDERS} OpenID providers: the keys of this one are not kept"
                ),
            }
        }
    }

    /// Hands a request to its provider's task. What is dropped here is answered with a failure.
    pub(super) fn take(self: &Rc<Self>, ask: Ask) {
        if let Some((asks, state)) = self.provider(&ask.url) {
            state.asked.set(Instant::now());
            let _ = asks.try_send(ask);
        }
    }

    /// The task of a provider, made if there is room or something unimportant that can go.
    fn provider(self: &Rc<Self>, url: &str) -> Option<(mpsc::Sender<Ask>, Rc<State>)> {
        let mut providers = self.providers.borrow_mut();
        if let Some(handle) = providers.get(url) {
            return Some((handle.asks.clone(), handle.state.clone()));
        }
        if MOST_PROVIDERS <= providers.len() {
            // Best to lose: what gave no keys, then what nobody uses, then what waited longest.
            let least = providers
                .iter()
                .filter(|(_, handle)| !handle.state.pinned.get())
                .min_by_key(|(url, handle)| {
                    let kept = self.cache.kept(url);
                    let used = kept.as_ref().map(|k| k.used.load(Ordering::Relaxed));
                    (used, handle.state.asked.get())
                })
                .map(|(url, _)| url.clone())?;
            providers.remove(&least);
            self.forget(&least);
        }
        let (asks, asked) = mpsc::channel(MOST_ASKS);
        let state = Rc::new(State {
            pinned: Cell::new(false),
            asked: Cell::new(Instant::now()),
            published: Notify::new(),
        });
        let url: Rc<str> = Rc::from(url);
        let keeper = Keeper::new(self.clone(), url.clone(), asked, state.clone());
        tokio::task::spawn_local(keeper.run());
        let handle = Handle {
            asks: asks.clone(),
            state: state.clone(),
        };
        providers.insert(url, handle);
        Some((asks, state))
    }

    /// A task has found that nobody needs it. False when somebody asked meanwhile.
    pub(super) fn dismiss(&self, url: &str, asks: &mpsc::Receiver<Ask>) -> bool {
        if !asks.is_empty() {
            return false;
        }
        self.providers.borrow_mut().remove(url);
        self.forget(url);
        true
    }

    fn forget(&self, url: &str) {
        self.cache.keep(url, None);
        self.health.recover(&part(url));
        self.health.openid.forget(url);
    }
}

/// The name of a provider as a part that can be degraded.
pub(super) fn part(url: &str) -> String {
    format!("OpenID provider {url}")
}
