//! Sessions of the legacy era: what a client has said of itself, its streams, its calls, and what it was asked.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tollgate_agents::Revision;
use uuid::Uuid;

use super::Change;
use super::stream::EventLog;

/// Most sessions; the oldest makes room.
const MOST_SESSIONS: usize = 10_000;
/// Most streams of a session that can be resumed.
const MOST_STREAMS: usize = 100;
/// Most resources that a session can subscribe to.
const MOST_SUBSCRIPTIONS: usize = 1_000;
/// How long a client may think about a request of ours.
const PATIENCE: Duration = Duration::from_secs(60);

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Table>);

#[derive(Default)]
struct Table {
    by_id: HashMap<String, Arc<Session>>,
    by_age: VecDeque<String>,
}

impl Sessions {
    pub(super) fn open(&self, revision: Revision, capabilities: Value) -> Arc<Session> {
        let session = Arc::new(Session::new(revision, capabilities));
        let mut table = lock(&self.0);
        while table.by_age.len() >= MOST_SESSIONS {
            let oldest = table.by_age.pop_front();
            if let Some(oldest) = oldest.and_then(|id| table.by_id.remove(&id)) {
                oldest.close();
            }
        }
        table.by_age.push_back(session.id.clone());
        table.by_id.insert(session.id.clone(), Arc::clone(&session));
        session
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Session>> {
        lock(&self.0).by_id.get(id).cloned()
    }

    /// Ends a session; whether there was one.
    pub(super) fn close(&self, id: &str) -> bool {
        let mut table = lock(&self.0);
        let Some(session) = table.by_id.remove(id) else {
            return false;
        };
        table.by_age.retain(|known| known != id);
        drop(table);
        session.close();
        true
    }

    pub(super) fn clear(&self) {
        let table = std::mem::take(&mut *lock(&self.0));
        for session in table.by_id.values() {
            session.close();
        }
    }

    /// Puts a change on the GET stream of every session that it concerns.
    pub(super) fn announce(&self, change: &Change) {
        let sessions: Vec<_> = lock(&self.0).by_id.values().cloned().collect();
        for session in sessions {
            let message = match change {
                Change::Resource(uri) if !lock(&session.subscriptions).contains(uri) => continue,
                other => other.message(),
            };
            session.standalone.push(&message);
        }
    }
}

impl Change {
    /// As a notification.
    pub(super) fn message(&self) -> Value {
        let (method, params) = match self {
            Self::Tools => ("notifications/tools/list_changed", json!({})),
            Self::Prompts => ("notifications/prompts/list_changed", json!({})),
            Self::Resources => ("notifications/resources/list_changed", json!({})),
            Self::Resource(uri) => ("notifications/resources/updated", json!({ "uri": uri })),
        };
        json!({ "jsonrpc": "2.0", "method": method, "params": params })
    }
}

/// One client's session.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) revision: Revision,
    pub(super) capabilities: Value,
    /// Index into the levels: messages below it are not sent.
    pub(super) level: AtomicU64,
    subscriptions: Mutex<BTreeSet<String>>,
    /// The stream of a GET.
    pub(super) standalone: Arc<EventLog>,
    streams: Mutex<VecDeque<Arc<EventLog>>>,
    next: AtomicU64,
    waiting: Mutex<HashMap<String, oneshot::Sender<Value>>>,
    running: Mutex<HashMap<String, AbortHandle>>,
}

impl Session {
    fn new(revision: Revision, capabilities: Value) -> Self {
        Self {
            id: Uuid::new_v4().simple().to_string(),
            revision,
            capabilities,
            level: AtomicU64::new(0),
            subscriptions: Mutex::default(),
            standalone: Arc::new(EventLog::new(0)),
            streams: Mutex::default(),
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
            running: Mutex::default(),
        }
    }

    /// A stream for a call.
    pub(super) fn stream(&self) -> Arc<EventLog> {
        let stream = Arc::new(EventLog::new(self.next.fetch_add(1, Ordering::Relaxed)));
        let mut streams = lock(&self.streams);
        if streams.len() >= MOST_STREAMS {
            // One that has ended goes first; a client with so many calls at one time loses the oldest for resuming.
            let ended = streams.iter().position(|stream| stream.is_done());
            streams.remove(ended.unwrap_or(0));
        }
        streams.push_back(Arc::clone(&stream));
        stream
    }

    /// Tells the client of changes of a resource.
    pub(super) fn subscribe(&self, uri: String) {
        let mut subscriptions = lock(&self.subscriptions);
        if subscriptions.len() < MOST_SUBSCRIPTIONS {
            subscriptions.insert(uri);
        }
    }

    /// Tells it no more.
    pub(super) fn unsubscribe(&self, uri: &str) {
        lock(&self.subscriptions).remove(uri);
    }

    /// The stream and the number of an event's id.
    pub(super) fn event(&self, id: &str) -> Option<(Arc<EventLog>, u64)> {
        let (stream, number) = id.split_once('-')?;
        let (stream, number): (u64, u64) = (stream.parse().ok()?, number.parse().ok()?);
        let log = if stream == 0 {
            Arc::clone(&self.standalone)
        } else {
            let streams = lock(&self.streams);
            let found = streams.iter().find(|log| log.number() == stream);
            Arc::clone(found?)
        };
        (number <= log.last()).then_some((log, number))
    }

    /// Asks the client and waits for its result. The error is what it, or the clock, said.
    pub(super) async fn ask(
        &self,
        method: &str,
        params: &Value,
        on: &EventLog,
    ) -> Result<Value, String> {
        let id = format!("server-{}", self.next.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        lock(&self.waiting).insert(id.clone(), sender);
        on.push(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let answer = timeout(PATIENCE, receiver).await;
        lock(&self.waiting).remove(&id);
        match answer {
            Ok(Ok(message)) => match message.get("result") {
                Some(result) => Ok(result.clone()),
                None => Err(message["error"]["message"]
                    .as_str()
                    .unwrap_or("the client answered with an error")
                    .to_owned()),
            },
            _ => Err(String::from("the client did not answer")),
        }
    }

    /// Takes the client's answer to a request of ours; whether one waits for it.
    pub(super) fn answered(&self, message: &Value) -> bool {
        let id = message["id"].as_str().unwrap_or_default();
        let waiting = lock(&self.waiting).remove(id);
        waiting.is_some_and(|waiting| waiting.send(message.clone()).is_ok())
    }

    /// Notes the task that runs a request.
    pub(super) fn runs(&self, id: &Value, task: AbortHandle) {
        let mut running = lock(&self.running);
        running.retain(|_, task| !task.is_finished());
        running.insert(id.to_string(), task);
    }

    /// Ends a request's task.
    pub(super) fn cancel(&self, id: &Value) {
        if let Some(task) = lock(&self.running).remove(&id.to_string()) {
            task.abort();
        }
    }

    fn close(&self) {
        for (_, task) in lock(&self.running).drain() {
            task.abort();
        }
        self.standalone.finish();
        for stream in lock(&self.streams).drain(..) {
            stream.finish();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
