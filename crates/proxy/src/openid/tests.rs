//! When providers are fetched and what requests are told, with scripted answers and turned time.

use super::discovery::{Found, Source};
use super::*;
use crate::snapshots::SnapshotHandle;
use std::cell::{Cell, RefCell};
use std::time::Duration;
use tollgate_engine::clock::SystemClock;
use tollgate_engine::definition::Definition;
use tollgate_engine::jwt::{Key, KeySet};
use tollgate_engine::{Snapshot, snapshot};
use tollgate_lang::Diagnostics;
use tollgate_lang::value::Str;

const URL: &str = "https://login.test/.well-known/openid-configuration";

/// A provider that can be rotated and switched off.
#[derive(Default)]
struct Script {
    kids: RefCell<Vec<&'static str>>,
    down: Cell<bool>,
    max_age: Cell<Option<Duration>>,
    /// How long an answer takes. It holds the keys of the moment when it was asked for.
    takes: Cell<Duration>,
    asked: Cell<usize>,
}

impl Source for Script {
    fn fetch<'a>(&'a self, _url: &'a str) -> LocalBoxFuture<'a, Result<Found, String>> {
        Box::pin(async move {
            self.asked.set(self.asked.get() + 1);
            let kids = self.kids.borrow().clone();
            tokio::time::sleep(self.takes.get()).await;
            if self.down.get() {
                return Err(String::from("503 Service Unavailable"));
            }
            let key = |kid: &&str| {
                Key::secret(&[7; 64])
                    .unwrap()
                    .with_id(Some(Str::from(*kid)))
            };
            Ok(Found {
                issuer: Str::from("https://login.test/"),
                keys: KeySet::new(kids.iter().map(key).collect()),
                digest: std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default()
                    .hash_one(&kids),
                max_age: self.max_age.get(),
            })
        })
    }
}

use std::hash::BuildHasher;

struct Scene {
    cache: Arc<OpenIdCache>,
    script: Rc<Script>,
    health: Arc<Health>,
    snapshots: SnapshotHandle,
}

fn empty(urls: &[&str]) -> Arc<Snapshot> {
    let mut diagnostics = Diagnostics::default();
    let mut snapshot = snapshot::build(Definition::default(), &mut diagnostics).unwrap();
    snapshot.openid_urls = urls.iter().map(|url| Str::from(*url)).collect();
    Arc::new(snapshot)
}

impl Scene {
    fn begin(urls: &[&str], config: OpenIdConfig) -> Scene {
        let snapshots = SnapshotHandle::new(empty(urls));
        let health = Arc::new(Health::new(
            snapshots.clone(),
            100,
            Arc::new(tollgate_engine::clock::SystemClock::default()),
            Arc::default(),
        ));
        let cache = OpenIdCache::new(config, Arc::new(SystemClock::default()));
        let script = Rc::new(Script::default());
        script.kids.borrow_mut().push("a");
        script.takes.set(Duration::from_millis(1));
        tokio::task::spawn_local(cache.clone().serve(script.clone(), health.clone()));
        Scene {
            cache,
            script,
            health,
            snapshots,
        }
    }

    async fn got(&self) -> Arc<OpenIdProvider> {
        self.cache.fetch(URL).await.unwrap()
    }

    fn asked(&self) -> usize {
        self.script.asked.get()
    }

    fn number(&self, get: fn(&Provider) -> &std::sync::atomic::AtomicU64) -> u64 {
        let all = self.health.openid.all();
        all.iter()
            .map(|(_, p)| get(p).load(Ordering::Relaxed))
            .sum()
    }

    async fn looks_for(&self, kid: &str) -> bool {
        let seen = self.cache.cached(URL).unwrap();
        let newest = self.cache.unknown_key(URL, Some(kid), &seen).await;
        newest.is_ok_and(|newest| newest.keys.has(kid))
    }
}

fn played(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(test);
}

async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[test]
fn many_wait_for_one_fetch() {
    played(async {
        let scene = Scene::begin(&[], OpenIdConfig::default());
        scene.script.takes.set(Duration::from_secs(1));
        assert!(scene.cache.cached(URL).is_none());
        let fetches: Vec<_> = (0..50)
            .map(|_| {
                let cache = scene.cache.clone();
                tokio::task::spawn_local(async move { cache.fetch(URL).await.unwrap() })
            })
            .collect();
        for fetch in fetches {
            assert!(fetch.await.unwrap().keys.has("a"));
        }
        assert_eq!(scene.asked(), 1);
        assert_eq!(
            &*scene.cache.cached(URL).unwrap().issuer,
            "https://login.test/"
        );
    });
}

#[test]
fn what_the_snapshot_names_is_fetched_at_once_and_kept_fresh() {
    played(async {
        let scene = Scene::begin(&[URL], OpenIdConfig::default());
        after(1).await;
        let first = scene.cache.cached(URL).expect("fetched without a request");
        after(2 * 3600).await;
        let fetched = scene.asked();
        assert!(
            (3..=4).contains(&fetched),
            "ahead of each hour's end: {fetched}"
        );
        assert!(
            Arc::ptr_eq(&first, &scene.cache.cached(URL).unwrap()),
            "what did not change stays the same object"
        );
        // A reload asks again, unless that was done a moment ago.
        scene.snapshots.publish(empty(&[URL]));
        after(1).await;
        assert_eq!(scene.asked(), fetched + 1);
        scene.snapshots.publish(empty(&[URL]));
        after(1).await;
        assert_eq!(scene.asked(), fetched + 1);
        // No longer named and not used: forgotten at the next look.
        scene.snapshots.publish(empty(&[]));
        after(2 * 3600).await;
        assert!(scene.cache.kept(URL).is_none());
        assert!(scene.health.openid.all().is_empty());
        let asked = scene.asked();
        after(24 * 3600).await;
        assert_eq!(scene.asked(), asked);
    });
}

#[test]
fn the_providers_own_lifetime_counts_within_bounds() {
    played(async {
        for (max_age, least, most) in [(600, 13, 14), (0, 123, 138), (86_400, 3, 3)] {
            let scene = Scene::begin(&[URL], OpenIdConfig::default());
            scene.script.max_age.set(Some(Duration::from_secs(max_age)));
            after(6600).await;
            let asked = scene.asked();
            assert!((least..=most).contains(&asked), "{max_age}: {asked}");
        }
    });
}

#[test]
fn a_provider_that_only_requests_name_is_kept_while_it_is_used() {
    played(async {
        let scene = Scene::begin(&[], OpenIdConfig::default());
        scene.got().await;
        for _ in 0..4 {
            after(3000).await;
            assert!(scene.cache.cached(URL).is_some());
        }
        let asked = scene.asked();
        assert!((4..=5).contains(&asked), "{asked}");
        after(3 * 3600).await;
        assert!(scene.cache.kept(URL).is_none());
        // A request begins anew.
        scene.got().await;
        assert!(scene.cache.cached(URL).is_some());
    });
}

#[test]
fn a_new_key_is_looked_for_at_once() {
    played(async {
        let scene = Scene::begin(&[URL], OpenIdConfig::default());
        after(1).await;
        scene.script.takes.set(Duration::from_secs(1));
        scene.script.kids.borrow_mut().push("b");
        let seen = scene.cache.cached(URL).unwrap();
        let looks: Vec<_> = (0..20)
            .map(|_| {
                let (cache, seen) = (scene.cache.clone(), seen.clone());
                tokio::task::spawn_local(async move {
                    cache
                        .unknown_key(URL, Some("b"), &seen)
                        .await
                        .unwrap()
                        .keys
                        .has("b")
                })
            })
            .collect();
        for look in looks {
            assert!(look.await.unwrap());
        }
        assert_eq!(scene.asked(), 2, "one for all who wait");
        assert_eq!(scene.number(|p| &p.changed), 1);
        // Who comes late with what he saw is not a reason to ask.
        assert!(
            scene
                .cache
                .unknown_key(URL, Some("b"), &seen)
                .await
                .unwrap()
                .keys
                .has("b")
        );
        let newest = scene.cache.unknown_key(URL, None, &seen).await.unwrap();
        assert!(newest.keys.has("b"));
        assert_eq!(scene.asked(), 2);
    });
}

#[test]
fn a_key_that_appears_while_a_fetch_runs_is_found() {
    played(async {
        let scene = Scene::begin(&[URL], OpenIdConfig::default());
        after(1).await;
        scene.script.takes.set(Duration::from_secs(2));
        let foreign = {
            let (cache, seen) = (scene.cache.clone(), scene.cache.cached(URL).unwrap());
            tokio::task::spawn_local(async move {
                cache
                    .unknown_key(URL, Some("foreign"), &seen)
                    .await
                    .unwrap()
                    .keys
                    .has("foreign")
            })
        };
        after(1).await;
        // The fetch under way will not bring it.
        scene.script.kids.borrow_mut().push("b");
        assert!(scene.looks_for("b").await);
        assert!(!foreign.await.unwrap());
        assert_eq!(scene.asked(), 3);
    });
}

#[test]
fn unknown_keys_cost_no_more_than_the_limits_allow() {
    played(async {
        let scene = Scene::begin(&[URL], OpenIdConfig::default());
        after(1).await;
        for _ in 0..1000 {
            assert!(!scene.looks_for("x").await);
        }
        assert_eq!(
            scene.asked(),
            2,
            "one that was missed is not looked for again"
        );
        for n in 0..1000 {
            assert!(!scene.looks_for(&format!("x{n}")).await);
        }
        assert_eq!(scene.asked(), 7, "six at once");
        assert_eq!(scene.number(|p| &p.withheld), 995);
        for n in 0..100 {
            after(1).await;
            assert!(!scene.looks_for(&format!("y{n}")).await);
        }
        let asked = scene.asked();
        assert!((26..=28).contains(&asked), "one each five seconds: {asked}");
        // Even so a new key is found soon.
        scene.script.kids.borrow_mut().push("b");
        let mut waited = 0;
        while !scene.looks_for("b").await {
            after(1).await;
            waited += 1;
            scene.looks_for(&format!("z{waited}")).await;
        }
        assert!(waited <= 5, "{waited}");
        let long = "k".repeat(LONGEST_KID + 1);
        let asked = scene.asked();
        after(60).await;
        assert!(!scene.looks_for(&long).await);
        assert_eq!(scene.asked(), asked);
    });
}

#[test]
fn many_old_tokens_do_not_keep_a_new_key_waiting() {
    played(async {
        let scene = Scene::begin(&[URL], OpenIdConfig::default());
        after(1).await;
        // Twenty clients, each with a token of its own old key, call every second.
        for second in 0..600 {
            for old in 0..20 {
                assert!(!scene.looks_for(&format!("old{old}")).await);
            }
            if second == 300 {
                scene.script.kids.borrow_mut().push("b");
                assert!(scene.looks_for("b").await);
            }
            after(1).await;
        }
        let asked = scene.asked();
        // The first look for each within the limit, then one each half minute for all of them.
        assert!((25..=45).contains(&asked), "{asked}");
    });
}

#[test]
fn all_providers_together_have_a_limit() {
    played(async {
        let config = OpenIdConfig {
            refetches_of_all: 10,
            ..OpenIdConfig::default()
        };
        let scene = Scene::begin(&[], config);
        for n in 0..5 {
            let url = format!("{URL}/{n}");
            let seen = scene.cache.fetch(&url).await.unwrap();
            for kid in 0..6 {
                let kid = format!("k{kid}");
                scene
                    .cache
                    .unknown_key(&url, Some(&kid), &seen)
                    .await
                    .unwrap();
            }
        }
        assert_eq!(scene.asked(), 5 + 10);
    });
}

#[test]
fn keys_outlive_an_outage_and_end_after_a_day() {
    played(async {
        let scene = Scene::begin(&[URL], OpenIdConfig::default());
        after(1).await;
        scene.script.down.set(true);
        after(23 * 3600).await;
        assert!(scene.cache.cached(URL).is_some());
        let (_, detail) = scene.health.ready(true);
        assert!(
            detail.contains("go on working") && detail.contains("503 Service Unavailable"),
            "{detail}"
        );
        let failed = scene.number(|p| &p.failed);
        // Some 22 hours with a try each half minute.
        assert!((2000..4000).contains(&failed), "{failed}");
        // An unknown key does not hurry it, and nobody says that it does not exist.
        let asked = scene.asked();
        let seen = scene.cache.cached(URL).unwrap();
        for _ in 0..100 {
            let newest = scene.cache.unknown_key(URL, Some("b"), &seen).await;
            assert!(newest.unwrap_err().contains("503"));
        }
        assert!(scene.asked() <= asked + 1);
        after(3600).await;
        assert!(scene.cache.cached(URL).is_none());
        assert_eq!(scene.number(|p| &p.keys), 0);
        assert!(scene.cache.fetch(URL).await.unwrap_err().contains("503"));
        // It comes back by itself.
        scene.script.down.set(false);
        after(60).await;
        assert!(scene.cache.cached(URL).is_some());
        assert_eq!(scene.health.degraded_parts(), 0);
    });
}

#[test]
fn keys_that_are_seldom_used_outlive_an_outage_too() {
    played(async {
        let scene = Scene::begin(&[], OpenIdConfig::default());
        scene.got().await;
        scene.cache.cached(URL).unwrap();
        scene.script.down.set(true);
        for _ in 0..20 {
            after(3600).await;
            assert!(scene.cache.cached(URL).is_some());
        }
        scene.script.down.set(false);
        after(60).await;
        assert_eq!(scene.health.degraded_parts(), 0);
        assert!(scene.cache.kept(URL).is_some());
        after(3 * 3600).await;
        assert!(scene.cache.kept(URL).is_none());
    });
}

#[test]
fn what_a_good_fetch_did_not_bring_is_not_looked_for() {
    played(async {
        let scene = Scene::begin(&[URL], OpenIdConfig::default());
        scene.script.kids.borrow_mut().push("b");
        after(1).await;
        scene.script.kids.borrow_mut().remove(0);
        assert!(!scene.looks_for("foreign").await);
        assert_eq!(scene.asked(), 2);
        // Withdrawn a moment ago, as that fetch showed.
        assert!(!scene.looks_for("a").await);
        assert_eq!(scene.asked(), 2);
        // It is known not to be there, even while the provider is away; of another key nobody knows.
        scene.script.down.set(true);
        let seen = scene.cache.cached(URL).unwrap();
        let look = |kid| scene.cache.unknown_key(URL, Some(kid), &seen);
        assert!(look("other").await.is_err());
        assert!(look("foreign").await.is_ok());
        assert!(look("b").await.unwrap().keys.has("b"));
        after(40).await;
        assert!(look("foreign").await.is_err());
    });
}

#[test]
fn a_failure_is_told_again_without_asking() {
    played(async {
        let scene = Scene::begin(&[], OpenIdConfig::default());
        scene.script.down.set(true);
        for _ in 0..100 {
            let why = scene.cache.fetch(URL).await.unwrap_err();
            assert_eq!(why, format!("{URL}: 503 Service Unavailable"));
        }
        assert_eq!(scene.asked(), 1);
        assert_eq!(scene.health.degraded_parts(), 1);
        // Tried again by itself, more and more rarely, then no more.
        after(60).await;
        let asked = scene.asked();
        assert!((6..=8).contains(&asked), "{asked}");
        after(3600).await;
        let asked = scene.asked();
        after(3600).await;
        assert_eq!(scene.asked(), asked);
        assert_eq!(scene.health.degraded_parts(), 0);
        assert!(scene.health.openid.all().is_empty());
        scene.script.down.set(false);
        scene.got().await;
    });
}

#[test]
fn a_provider_that_hangs_is_given_up() {
    played(async {
        let scene = Scene::begin(&[], OpenIdConfig::default());
        scene.script.takes.set(Duration::from_secs(3600));
        let began = Instant::now();
        let why = scene.cache.fetch(URL).await.unwrap_err();
        assert_eq!(why, format!("{URL}: no answer within 10s"));
        assert!(began.elapsed() < Duration::from_secs(12));
    });
}

#[test]
fn providers_make_room_but_not_those_that_are_named() {
    played(async {
        let scene = Scene::begin(&[URL], OpenIdConfig::default());
        after(1).await;
        for n in 0..2 * MOST_PROVIDERS {
            let url = format!("https://login.test/{n}");
            scene.cache.fetch(&url).await.unwrap();
            scene.cache.cached(&url).unwrap();
            after(1).await;
        }
        assert!(scene.cache.kept.load().len() <= MOST_PROVIDERS);
        assert!(scene.health.openid.all().len() <= MOST_PROVIDERS);
        assert!(scene.cache.cached(URL).is_some());
        let last = format!("https://login.test/{}", 2 * MOST_PROVIDERS - 1);
        assert!(scene.cache.cached(&last).is_some());
    });
}
