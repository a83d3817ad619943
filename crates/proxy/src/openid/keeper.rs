//! One provider: when it is fetched, and what those who wait are told.
//!
//! A task on the control thread, made by the desk. What must stay true: fetches of a provider follow one another; an
//! ask for an unknown key is never answered by a fetch that began before the ask, since the key may be newer; keys end
//! [`stale`](crate::config::OpenIdConfig::stale) after the last good fetch and not before.

use super::desk::{Desk, State, part};
use super::discovery::Found;
use super::metrics::Provider as Metrics;
use super::{Answer, Ask, Kept, Want};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tollgate_engine::services::OpenIdProvider;

/// Most names of keys that are remembered as missing.
const MOST_MISSED: usize = 1024;

/// How long a missing key that nobody wants is remembered.
const MISSED_KEPT: Duration = Duration::from_secs(600);

/// Longest wait between tries while a provider fails.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// Most names of keys in a line of the log.
const MOST_NAMED: usize = 8;

/// A number of fetches at once, then one an interval.
pub(super) struct Bucket {
    most: u32,
    interval: Duration,
    left: u32,
    filled: Instant,
}

impl Bucket {
    pub(super) fn new(most: u32, interval: Duration) -> Bucket {
        Bucket {
            most,
            interval,
            left: most,
            filled: Instant::now(),
        }
    }

    /// Whether there is one.
    fn fill(&mut self) -> bool {
        let now = Instant::now();
        while self.left < self.most && self.filled + self.interval <= now {
            self.left += 1;
            self.filled += self.interval;
        }
        if self.left == self.most {
            self.filled = now;
        }
        0 < self.left
    }

    fn take(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}

pub(super) struct Keeper {
    desk: Rc<Desk>,
    url: Rc<str>,
    asks: mpsc::Receiver<Ask>,
    state: Rc<State>,
    bucket: Bucket,
    /// When the newest good fetch began and ended, and how long it may go without another.
    fetched: Option<Fetched>,
    /// Of the key set that is kept.
    digest: Option<u64>,
    /// What the last fetch said, if it failed, and how many did in a row.
    failure: Option<(String, u32)>,
    /// The next look without being asked.
    due: Instant,
    /// Keys that good fetches did not bring.
    missed: HashMap<Option<Box<str>>, Missed>,
    metrics: Arc<Metrics>,
}

struct Missed {
    /// When the newest good fetch began, which did not bring it either.
    confirmed: Instant,
    /// When it was last wanted.
    asked: Instant,
}

struct Fetched {
    began: Instant,
    ended: Instant,
}

enum Event {
    Asked(Ask),
    Published,
    Due,
    /// The desk made room.
    Dropped,
}

impl Keeper {
    pub(super) fn new(
        desk: Rc<Desk>,
        url: Rc<str>,
        asks: mpsc::Receiver<Ask>,
        state: Rc<State>,
    ) -> Keeper {
        let config = &desk.cache.config;
        Keeper {
            asks,
            state,
            bucket: Bucket::new(config.refetches, config.refetch_interval),
            fetched: None,
            digest: None,
            failure: None,
            // Whoever wanted it asks at once.
            due: Instant::now() + config.lifetime,
            missed: HashMap::new(),
            metrics: desk.health.openid.provider(&url),
            desk,
            url,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            match self.next().await {
                Event::Asked(ask) => self.answer(ask).await,
                Event::Published => {
                    let fresh = self.desk.cache.config.shortest_lifetime;
                    let known = self.fetched.as_ref();
                    // A reload is also how an operator brings keys up to date.
                    if known.is_none_or(|f| fresh <= f.ended.elapsed()) {
                        self.fetch().await;
                    }
                }
                Event::Due => {
                    self.expire();
                    if self.wanted() {
                        self.fetch().await;
                    } else if self.desk.dismiss(&self.url, &self.asks) {
                        break;
                    }
                }
                Event::Dropped => break,
            }
        }
    }

    async fn next(&mut self) -> Event {
        tokio::select! {
            biased;
            ask = self.asks.recv() => ask.map_or(Event::Dropped, Event::Asked),
            () = self.state.published.notified() => Event::Published,
            () = tokio::time::sleep_until(self.due) => Event::Due,
        }
    }

    /// Whether another fetch is worth it: the snapshot names it, somebody used it since the last, or its keys outlive an
    /// outage.
    fn wanted(&self) -> bool {
        let lately = || self.state.asked.get().elapsed() < self.desk.cache.config.idle;
        self.state.pinned.get()
            || match self.desk.cache.kept(&self.url) {
                Some(kept) => kept.used.swap(false, Ordering::Relaxed) || self.failure.is_some(),
                None => lately(),
            }
    }

    /// Gives up keys that have not been confirmed for too long.
    fn expire(&mut self) {
        let stale = self.desk.cache.config.stale;
        if self
            .fetched
            .as_ref()
            .is_some_and(|f| stale <= f.ended.elapsed())
        {
            self.fetched = None;
            self.desk.cache.keep(&self.url, None);
            self.metrics.lost();
            tracing::error!(
                url = &*self.url,
                "no keys for {stale:?}: the old ones are given up"
            );
        }
    }

    async fn answer(&mut self, ask: Ask) {
        // Who asked may have gone while an earlier ask was served.
        if ask.answer.is_closed() {
            return;
        }
        if self.must_fetch(&ask) {
            self.fetch().await;
            if let (Want::Key { kid, .. }, Some(fetched)) = (&ask.want, &self.fetched)
                && ask.at <= fetched.began
            {
                let began = fetched.began;
                self.note_missed(kid, began);
            }
        }
        if let Want::Key { kid, .. } = &ask.want
            && let Some(missed) = self.missed.get_mut(kid)
        {
            missed.asked = Instant::now();
        }
        let answer = self.known(&ask.want);
        let _ = ask.answer.send(answer);
    }

    fn known(&self, want: &Want) -> Answer {
        let kept = self.desk.cache.kept(&self.url);
        match (kept, &self.failure) {
            (Some(kept), failure) => {
                kept.used.store(true, Ordering::Relaxed);
                match failure {
                    // It may have the key: nobody knows.
                    Some((why, _)) if !self.settles(&kept.provider, want) => Err(why.clone()),
                    _ => Ok(kept.provider.clone()),
                }
            }
            (None, Some((why, _))) => Err(why.clone()),
            (None, None) => Err(format!("{} has not been fetched", self.url)),
        }
    }

    /// Whether what is known answers the question: the key is there, or was looked for a moment ago.
    fn settles(&self, provider: &Arc<OpenIdProvider>, want: &Want) -> bool {
        let Want::Key { kid, seen } = want else {
            return true;
        };
        let there = match kid {
            Some(kid) => provider.keys.has(kid),
            None => !Arc::ptr_eq(provider, seen),
        };
        let patience = self.desk.cache.config.missed;
        there
            || self
                .missed
                .get(kid)
                .is_some_and(|missed| missed.confirmed.elapsed() < patience)
    }

    /// Whether an ask is worth a fetch; spends what such a fetch costs.
    fn must_fetch(&mut self, ask: &Ask) -> bool {
        let failing = self.failure.is_some() && Instant::now() < self.due;
        let kept = self.desk.cache.kept(&self.url);
        let (kid, kept) = match (&ask.want, kept) {
            (_, None) => return !failing,
            (Want::Provider, Some(_)) => return false,
            (Want::Key { kid, .. }, Some(kept)) => (kid, kept),
        };
        if failing || self.settles(&kept.provider, &ask.want) {
            return false;
        }
        if let Some(began) = self.fetched.as_ref().map(|f| f.began)
            && ask.at <= began
        {
            self.note_missed(kid, began);
            return false;
        }
        let mut all = self.desk.bucket.borrow_mut();
        if !self.bucket.fill() || !all.fill() {
            self.metrics.withheld();
            return false;
        }
        self.bucket.take();
        all.take();
        true
    }

    fn note_missed(&mut self, kid: &Option<Box<str>>, began: Instant) {
        let kept = self.desk.cache.kept(&self.url);
        let there = |kid: &str| kept.as_ref().is_some_and(|k| k.provider.keys.has(kid));
        if kid.as_deref().is_some_and(there) {
            return;
        }
        let patience = self.desk.cache.config.missed;
        if MOST_MISSED <= self.missed.len() {
            self.missed
                .retain(|_, missed| missed.asked.elapsed() < patience);
        }
        if self.missed.len() < MOST_MISSED {
            let missed = Missed {
                confirmed: began,
                asked: Instant::now(),
            };
            self.missed.insert(kid.clone(), missed);
        }
    }

    /// Fetches once, and notes what came of it everywhere.
    async fn fetch(&mut self) {
        let began = Instant::now();
        let limit = self.desk.cache.config.timeout;
        let source = self.desk.source.clone();
        let found = match tokio::time::timeout(limit, source.fetch(&self.url)).await {
            Ok(found) => found,
            Err(_) => Err(format!("no answer within {limit:?}")),
        };
        // The desk made room meanwhile: what is not to be kept must not come back.
        if self.asks.is_closed() {
            return;
        }
        match found {
            Ok(found) => self.fetched(began, found),
            Err(why) => self.failed(&why),
        }
    }

    fn fetched(&mut self, began: Instant, found: Found) {
        let ended = Instant::now();
        if let Some((_, failures)) = self.failure.take() {
            tracing::info!(
                url = &*self.url,
                failures,
                "the OpenID provider answers again"
            );
        }
        self.desk.health.recover(&part(&self.url));
        let config = &self.desk.cache.config;
        let lifetime = found
            .max_age
            .unwrap_or(config.lifetime)
            .clamp(config.shortest_lifetime, config.lifetime);
        // Ahead of the end, and gateways that started together do not ask together.
        self.due = ended + lifetime.mul_f64(0.8 + 0.1 * self.chance());
        self.fetched = Some(Fetched { began, ended });
        // One look serves all that are missing, so that many old tokens cost no more than one.
        self.missed.retain(|kid, missed| {
            missed.confirmed = began;
            let there = kid.as_deref().is_some_and(|kid| found.keys.has(kid));
            !there && missed.asked.elapsed() < MISSED_KEPT
        });
        let now = self.desk.cache.clock.unix_millis();
        self.metrics.fetched(now / 1000, found.keys.keys().len());
        let old = self.desk.cache.kept(&self.url);
        // The object stays the same as long as its content does, and so do caches that hang on it.
        if let Some(old) = &old
            && *old.provider.issuer == *found.issuer
            && self.digest == Some(found.digest)
        {
            return;
        }
        self.digest = Some(found.digest);
        self.announce(old.as_ref().map(|kept| &*kept.provider), &found);
        // What has just been withdrawn need not be looked for.
        let gone: Vec<Box<str>> = old
            .iter()
            .flat_map(|old| old.provider.keys.keys())
            .filter_map(|key| key.id().filter(|id| !found.keys.has(id)).map(Box::from))
            .collect();
        let kept = Kept {
            provider: Arc::new(OpenIdProvider {
                issuer: found.issuer,
                keys: found.keys,
                fetched_millis: now,
            }),
            used: AtomicBool::new(old.is_some_and(|kept| kept.used.load(Ordering::Relaxed))),
        };
        self.desk.cache.keep(&self.url, Some(Arc::new(kept)));
        for kid in gone {
            self.note_missed(&Some(kid), began);
        }
    }

    /// Tells the log what is new.
    fn announce(&self, old: Option<&OpenIdProvider>, found: &Found) {
        let (url, issuer) = (&*self.url, &*found.issuer);
        let keys = found.keys.keys().len();
        let left_out = found.keys.left_out();
        let Some(old) = old else {
            tracing::info!(url, issuer, keys, left_out, "OpenID provider fetched");
            return;
        };
        let ids = |keys: &tollgate_engine::jwt::KeySet| -> BTreeSet<String> {
            let ids = keys.keys().iter();
            ids.map(|key| key.id().unwrap_or("(without kid)").to_owned())
                .collect()
        };
        let (before, after) = (ids(&old.keys), ids(&found.keys));
        self.metrics.changed();
        tracing::info!(
            url,
            issuer,
            keys,
            left_out,
            added = named(after.difference(&before)),
            removed = named(before.difference(&after)),
            "keys of the OpenID provider changed"
        );
        if *old.issuer != *found.issuer {
            tracing::warn!(
                url,
                before = &*old.issuer,
                now = issuer,
                "the OpenID provider has another issuer"
            );
        }
    }

    fn failed(&mut self, why: &str) {
        let failures = self
            .failure
            .as_ref()
            .map_or(0, |(_, n)| *n)
            .saturating_add(1);
        let first = self.desk.cache.config.first_backoff;
        let backoff = first
            .saturating_mul(1 << failures.saturating_sub(1).min(16))
            .min(LONGEST_BACKOFF.max(first));
        self.due = Instant::now() + backoff.mul_f64(0.75 + 0.5 * self.chance());
        self.metrics.failed();
        let state = match &self.fetched {
            Some(fetched) => {
                let ended = fetched.ended;
                let stale = self.desk.cache.config.stale;
                // Not later, so that they end on time.
                self.due = self.due.min(ended + stale);
                let left = stale.saturating_sub(ended.elapsed());
                format!(
                    "its keys are {:?} old and go on working for {:?}",
                    whole(ended.elapsed()),
                    whole(left)
                )
            }
            None => String::from("no keys of it are known"),
        };
        let why = format!("{}: {why}", self.url);
        tracing::warn!(failures, state, why, "no answer from an OpenID provider");
        self.desk
            .health
            .degrade(&part(&self.url), &format!("{state}; {why}"));
        self.failure = Some((why, failures));
    }

    /// From 0 to 1.
    fn chance(&self) -> f64 {
        f64::from(self.desk.random.next() as u32) / f64::from(u32::MAX)
    }
}

/// Without fractions, for people.
fn whole(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

fn named<'a>(ids: impl Iterator<Item = &'a String>) -> String {
    let ids: Vec<&str> = ids.map(String::as_str).collect();
    let more = ids.len().saturating_sub(MOST_NAMED);
    let mut text = ids[..ids.len() - more].join(" ");
    if 0 < more {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
