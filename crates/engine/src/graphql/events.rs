//! Events on their way from `publish-event` to the subscribers of GraphQL APIs, within this process.
//!
//! One [`Events`] for all threads of a gateway. Resolvers publish, sockets hold a [`Feed`] for each subscription. What must
//! stay true: publishing never waits, and costs one load while nobody subscribes; what waits is bounded in number for each
//! subscriber and in bytes for all; a subscriber that falls behind is ended and told so, never skipped in silence.

use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::mpsc;
use tollgate_lang::value::Str;

/// Most events that wait for one subscriber.
pub const MOST_WAITING: usize = 64;

/// Most subscriptions of a gateway.
pub const MOST_SUBSCRIPTIONS: usize = 100_000;

/// Most bytes of events that wait, over all subscribers; above, one event waits for each.
const MOST_BYTES: usize = 64 << 20;

/// What is subscribed to: a field of the subscription type of an API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Id of the API's workspace.
    pub workspace: Option<Str>,
    /// The API's id.
    pub api: Str,
    /// The field.
    pub field: Str,
}

/// An event: the value that a subscription's operation is executed on, an object with the field as its only member.
#[derive(Debug)]
pub struct Event {
    root: Json,
    bytes: usize,
    waiting: Arc<AtomicUsize>,
}

impl Event {
    /// The object.
    pub fn root(&self) -> &Json {
        &self.root
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Numbers for `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sockets that are open.
    pub sockets: u64,
    /// Subscriptions that are open.
    pub subscriptions: u64,
    /// Events that had a subscriber.
    pub events: u64,
    /// Subscriptions that were ended because they fell behind.
    pub slow: u64,
}

struct Subscriber {
    queue: mpsc::Sender<Arc<Event>>,
    fell_behind: Arc<AtomicBool>,
}

/// By their numbers.
type Subscribers = Mutex<HashMap<u64, Subscriber>>;

/// Who subscribes to what.
#[derive(Default)]
pub struct Events {
    /// Locked for writing when a subscription begins or ends, and then before a list; publishing holds one of the two at a time.
    topics: RwLock<HashMap<Topic, Arc<Subscribers>>>,
    subscriptions: AtomicUsize,
    sockets: AtomicUsize,
    numbers: AtomicU64,
    published: AtomicU64,
    slow: AtomicU64,
    bytes: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.counts())
    }
}

impl Events {
    /// Whether nobody subscribes to anything.
    pub fn idle(&self) -> bool {
        self.subscriptions.load(Ordering::Relaxed) == 0
    }

    /// Whether somebody subscribes to this.
    pub fn wanted(&self, topic: &Topic) -> bool {
        !self.idle() && self.read().contains_key(topic)
    }

    /// Gives an event to all who subscribe. `value`: the field's, made of `bytes` bytes.
    pub fn publish(&self, topic: &Topic, value: Json, bytes: usize) {
        let subscribers = self.read().get(topic).cloned();
        let Some(subscribers) = subscribers else {
            return;
        };
        let mut root = serde_json::Map::new();
        root.insert(topic.field.to_string(), value);
        let waiting = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let event = Arc::new(Event {
            root: Json::Object(root),
            bytes,
            waiting: self.bytes.clone(),
        });
        self.published.fetch_add(1, Ordering::Relaxed);
        let crowded = waiting.saturating_add(bytes) > MOST_BYTES;
        locked(&subscribers).retain(|_, one| {
            let behind = crowded && one.queue.capacity() < MOST_WAITING;
            let kept = !behind && one.queue.try_send(event.clone()).is_ok();
            // One that has gone is no slow one, but nobody reads its flag either.
            if !kept && !one.queue.is_closed() {
                one.fell_behind.store(true, Ordering::Release);
                self.slow.fetch_add(1, Ordering::Relaxed);
            }
            kept
        });
    }

    /// Subscribes; `None`: the gateway has as many subscriptions as it takes.
    pub fn subscribe(self: &Arc<Self>, topic: Topic) -> Option<Feed> {
        if self.subscriptions.fetch_add(1, Ordering::Relaxed) >= MOST_SUBSCRIPTIONS {
            self.subscriptions.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let fell_behind = Arc::new(AtomicBool::new(false));
        let subscriber = Subscriber {
            queue,
            fell_behind: fell_behind.clone(),
        };
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        locked(topics.entry(topic.clone()).or_default()).insert(number, subscriber);
        drop(topics);
        Some(Feed {
            events: self.clone(),
            topic,
            number,
            waiting,
            fell_behind,
        })
    }

    /// Counts an open socket until it is dropped.
    pub fn socket(self: &Arc<Self>) -> Seat {
        self.sockets.fetch_add(1, Ordering::Relaxed);
        Seat(self.clone())
    }

    /// The numbers of now.
    pub fn counts(&self) -> Counts {
        let of = |n: &AtomicUsize| n.load(Ordering::Relaxed) as u64;
        Counts {
            sockets: of(&self.sockets),
            subscriptions: of(&self.subscriptions),
            events: self.published.load(Ordering::Relaxed),
            slow: self.slow.load(Ordering::Relaxed),
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<Topic, Arc<Subscribers>>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn locked(subscribers: &Subscribers) -> MutexGuard<'_, HashMap<u64, Subscriber>> {
    subscribers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket that is open.
#[derive(Debug)]
pub struct Seat(Arc<Events>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The events of one subscription. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Feed {
    events: Arc<Events>,
    topic: Topic,
    number: u64,
    waiting: mpsc::Receiver<Arc<Event>>,
    fell_behind: Arc<AtomicBool>,
}

impl Feed {
    /// The next event; `None` when there is none any more because the subscriber fell behind.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        self.waiting.recv().await
    }

    /// Whether it ended because more than [`MOST_WAITING`] events waited.
    pub fn fell_behind(&self) -> bool {
        self.fell_behind.load(Ordering::Acquire)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let topics = &self.events.topics;
        let mut topics = topics.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(subscribers) = topics.get(&self.topic) {
            let mut subscribers = locked(subscribers);
            subscribers.remove(&self.number);
            let last = subscribers.is_empty();
            drop(subscribers);
            if last {
                topics.remove(&self.topic);
            }
        }
        drop(topics);
        self.events.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
