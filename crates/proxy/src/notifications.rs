//! Posts reports of budgets to webhooks: thresholds, refusals, nothing left.
//!
//! Runs on the control runtime. Posts are CloudEvents 1.0 (structured JSON), signed as Standard Webhooks has it. What must
//! stay true: no call waits for it; a report is posted until somebody took it or its deadline has come, always with the
//! same id, also after a restart where there is a data folder; there is a bound to how many are tried at one time.

mod outbox;

use crate::endpoint::Endpoint;
use crate::health::Health;
use crate::upstream::ClientTls;
use crate::webhook::{self, Message};
use outbox::{Kept, Outbox};
use serde_json::{Value, json};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tollgate_engine::Snapshot;
use tollgate_engine::budget::{Told, show};
use tollgate_engine::definition::NotificationDefinition;
use tollgate_state::budgets::{Notice, Standing, Unit};

/// Most posts that are tried at one time; more are dropped and counted.
const MOST: usize = 256;

/// Wait after a first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long a gateway that ends still tries to post what waits.
const LAST_CHANCE: Duration = Duration::from_secs(3);

/// Numbers of posts.
#[derive(Debug, Default)]
pub(crate) struct Posts {
    /// Somebody took them.
    pub(crate) delivered: AtomicU64,
    /// Their deadline came.
    pub(crate) failed: AtomicU64,
    /// There were too many at one time.
    pub(crate) dropped: AtomicU64,
}

/// One post.
struct Post {
    target: Arc<NotificationDefinition>,
    kept: Kept,
}

/// Posts until the gateway ends.
pub(crate) async fn run(
    tls: Arc<ClientTls>,
    health: Arc<Health>,
    mut stopped: watch::Receiver<bool>,
) {
    let posting = Rc::new(Posting {
        endpoint: Endpoint::new(tls),
        outbox: Outbox::new(health.data_folder.get().cloned()),
        health: health.clone(),
    });
    let mut under_way: JoinSet<()> = JoinSet::new();
    posting.resume(&mut under_way);
    loop {
        tokio::select! {
            told = health.budgets.notices.next() => {
                begin(&told, &posting, &mut under_way);
            }
            Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    while let Some(told) = health.budgets.notices.take() {
        begin(&told, &posting, &mut under_way);
    }
    let all = async { while under_way.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_CHANCE, all).await;
}

/// What all posts share.
struct Posting {
    endpoint: Endpoint,
    outbox: Outbox,
    health: Arc<Health>,
}

impl Posting {
    /// Goes on with what a process before this one left.
    fn resume(self: &Rc<Self>, under_way: &mut JoinSet<()>) {
        let snapshot = self.health.snapshots.current();
        let targets = &snapshot.budgets.settings.notifications;
        for kept in self.outbox.left(MOST) {
            match targets.iter().find(|target| *target.id == *kept.target) {
                Some(target) => {
                    let target = Arc::new(target.clone());
                    under_way.spawn_local(deliver(Post { target, kept }, self.clone()));
                }
                // Nobody of that name is told any more.
                None => self.outbox.forget(&kept.file),
            }
        }
    }
}

fn begin(told: &Told, posting: &Rc<Posting>, under_way: &mut JoinSet<()>) {
    let health = &posting.health;
    let snapshot = health.snapshots.current();
    let notice = &told.notice;
    tracing::warn!(
        budget = &*notice.rule.id,
        of = &*notice.subject,
        standing = kind(notice.standing).0,
        percent = notice.spent.saturating_mul(100) / notice.limit.max(1),
        "budget"
    );
    for (at, target) in targets(&snapshot, notice).into_iter().enumerate() {
        if under_way.len() >= MOST {
            health.posts.dropped.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let id = uuid::Uuid::from_u128(told.id).to_string();
        let life = u64::try_from(target.deadline.as_millis()).unwrap_or(u64::MAX);
        let kept = Kept {
            file: format!("{id}-{at}.json"),
            target: target.id.to_string(),
            until_ms: health.clock.unix_millis().saturating_add(life),
            body: event(&snapshot, notice, &id).to_string(),
            id,
        };
        posting.outbox.keep(&kept);
        under_way.spawn_local(deliver(Post { target, kept }, posting.clone()));
    }
}

/// Who is told, as the configuration in force has it.
fn targets(snapshot: &Snapshot, notice: &Notice) -> Vec<Arc<NotificationDefinition>> {
    let plan = &snapshot.budgets;
    let Some(budget) = plan.find(&notice.rule.id) else {
        return Vec::new();
    };
    let told = match notice.standing {
        Standing::Threshold(percent) => budget
            .thresholds
            .iter()
            .find(|(at, _)| *at == percent)
            .map_or(&[][..], |(_, told)| told),
        Standing::Refused | Standing::Exhausted => &budget.notify,
    };
    let all = &plan.settings.notifications;
    told.iter()
        .filter_map(|at| all.get(*at as usize))
        .map(|target| Arc::new(target.clone()))
        .collect()
}

/// Type of the event, and the percentage of a threshold.
fn kind(standing: Standing) -> (&'static str, Option<u16>) {
    match standing {
        Standing::Threshold(percent) => ("dev.tollgate.budget.threshold", Some(percent)),
        Standing::Refused => ("dev.tollgate.budget.refused", None),
        Standing::Exhausted => ("dev.tollgate.budget.exhausted", None),
    }
}

/// The CloudEvent.
fn event(snapshot: &Snapshot, notice: &Notice, id: &str) -> Value {
    let rule = &notice.rule;
    let (kind, percent) = kind(notice.standing);
    let of = |number| show::amount(rule.unit, number);
    let mut subject = format!("budgets/{}", rule.id);
    let mut data = json!({
        "budget": &*rule.id,
        "unit": if rule.unit == Unit::Tokens { "tokens" } else { "money" },
        "limit": of(notice.limit),
        "spent": of(notice.spent),
        "remaining": of(notice.limit.saturating_sub(notice.spent)),
        "hard": rule.hard,
        "period": {
            "start": show::instant(notice.bounds.start),
            "end": notice.bounds.end.and_then(show::instant),
        },
    });
    if let Some(percent) = percent {
        data["percent"] = Value::from(percent);
    }
    if rule.unit == Unit::Money {
        data["currency"] = Value::from(snapshot.budgets.currency());
    }
    if !notice.subject.is_empty() {
        subject = format!("{subject}/{}", notice.subject);
        data["of"] = Value::from(&*notice.subject);
    }
    json!({
        "specversion": "1.0",
        "id": id,
        "source": format!("urn:tollgate:gateway:{}", snapshot.gateway.id),
        "type": kind,
        "subject": subject,
        "time": i64::try_from(notice.at).ok().and_then(show::instant),
        "datacontenttype": "application/json",
        "data": data,
    })
}

/// Posts until somebody takes it.
async fn deliver(post: Post, posting: Rc<Posting>) {
    let health = &posting.health;
    let part = format!("notifications to {}", post.target.id);
    // A clock that was set back makes nobody wait longer than the deadline.
    let left = post
        .kept
        .until_ms
        .saturating_sub(health.clock.unix_millis());
    let deadline = Instant::now() + Duration::from_millis(left).min(post.target.deadline);
    let mut wait = FIRST_WAIT;
    loop {
        let why = match attempt(&post, &posting.endpoint, health).await {
            Ok(()) => {
                posting.outbox.forget(&post.kept.file);
                health.posts.delivered.fetch_add(1, Ordering::Relaxed);
                health.recover(&part);
                return;
            }
            Err(why) => why,
        };
        health.degrade(&part, &why);
        if Instant::now() + wait >= deadline {
            posting.outbox.forget(&post.kept.file);
            health.posts.failed.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                notification = &*post.target.id,
                id = post.kept.id,
                why,
                "a report of a budget was not delivered in time"
            );
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn attempt(post: &Post, endpoint: &Endpoint, health: &Health) -> Result<(), String> {
    let message = Message {
        id: &post.kept.id,
        at: health.clock.unix_millis() / 1000,
        content_type: "application/cloudevents+json; charset=utf-8",
        body: &post.kept.body,
    };
    let posted = webhook::send(
        endpoint,
        &post.target.url,
        post.target.secret.as_ref(),
        &message,
    );
    posted.await.map_err(|(why, _)| why)
}
