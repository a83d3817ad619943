//! Loggers of `log-to-eventhub`: events wait in a queue of the thread and go to the event hub in batches.
//!
//! One call of a logger's partition is under way at a time; what is logged meanwhile goes together in the next. What
//! must stay true: logging never waits; queues are bounded in events, bytes and number, and what is dropped is counted;
//! a call that failed for a passing reason is made again a few times, then its events are dropped.

use crate::definition::{LoggerDefinition, LoggerKind, MISSING, Secret};
use crate::messaging::{self, Credential};
use crate::services::Services;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tollgate_lang::value::Str;

/// Most bytes of one event; what is longer is cut (the policy's page).
const MOST_EVENT: usize = 200_000;
/// Most bytes of events in one call; the smallest limit of the service's tiers is 256 KB.
const MOST_BATCH: usize = 240_000;
/// Most events that wait for one partition of a logger.
const MOST_EVENTS: usize = 8_192;
/// Most bytes of events that wait on a thread.
const MOST_BYTES: usize = 16 << 20;
/// Most queues of a thread.
const MOST_QUEUES: usize = 1_024;
/// How often a call is made.
const ATTEMPTS: u32 = 4;

/// An event hub, ready to be sent to.
#[derive(Clone, Debug)]
pub struct EventHub {
    logger: Str,
    namespace: Str,
    hub: Str,
    credential: Credential,
}

impl EventHub {
    /// Of a logger's definition. The error says what is missing.
    pub(crate) fn of(logger: &LoggerDefinition) -> Result<EventHub, String> {
        let kind = match logger.kind {
            LoggerKind::AzureEventHub => None,
            LoggerKind::ApplicationInsights => Some("applicationInsights"),
            LoggerKind::AzureMonitor => Some("azureMonitor"),
        };
        if let Some(kind) = kind {
            return Err(format!("its `loggerType` is `{kind}`, not `azureEventHub`"));
        }
        let credential = |name: &str| {
            let value = logger.credentials.get(name).map(Secret::expose);
            value.filter(|v| !v.trim().is_empty())
        };
        let name = credential("name").map(|n| &**n);
        if let Some(text) = credential("connectionString") {
            let parts = ConnectionString::parse(text);
            let (Some(endpoint), Some(key_name), Some(key), Some(hub)) = (
                parts.endpoint,
                parts.key_name,
                parts.key,
                name.or(parts.entity),
            ) else {
                // What is not there yet has been told.
                if text.starts_with(MISSING) {
                    return Ok(EventHub::at(logger, "missing.invalid", "missing", None));
                }
                return Err(String::from(
                    "its connection string lacks `Endpoint`, `SharedAccessKeyName`, `SharedAccessKey` or the hub (`EntityPath`, or `name` beside it)",
                ));
            };
            let mut event_hub = EventHub::at(logger, endpoint, hub, None);
            event_hub.credential =
                Credential::SharedAccessKey(Str::from(key_name), Secret::new(key));
            return Ok(event_hub);
        }
        let (Some(endpoint), Some(hub)) = (credential("endpointAddress"), name) else {
            return Err(String::from(
                "its `credentials` have neither `connectionString` nor `name` and `endpointAddress`",
            ));
        };
        let client_id = credential("identityClientId");
        let client_id = client_id.filter(|id| !id.eq_ignore_ascii_case("systemAssigned"));
        Ok(EventHub::at(logger, endpoint, hub, client_id.cloned()))
    }

    /// Reached with a token of the gateway's identity.
    fn at(
        logger: &LoggerDefinition,
        namespace: &str,
        hub: &str,
        client_id: Option<Str>,
    ) -> EventHub {
        EventHub {
            logger: logger.id.clone(),
            namespace: Str::from(namespace),
            hub: Str::from(hub),
            credential: Credential::Identity {
                resource: Str::from("https://eventhubs.azure.net"),
                client_id,
            },
        }
    }

    fn url(&self, partition: Option<&str>) -> String {
        match partition {
            Some(id) => messaging::url(&self.namespace, &[&self.hub, "partitions", id, "messages"]),
            None => messaging::url(&self.namespace, &[&self.hub, "messages"]),
        }
    }
}

/// What a connection string of Event Hubs says.
#[derive(Debug, Default, PartialEq, Eq)]
struct ConnectionString<'t> {
    endpoint: Option<&'t str>,
    key_name: Option<&'t str>,
    key: Option<&'t str>,
    entity: Option<&'t str>,
}

impl<'t> ConnectionString<'t> {
    /// `Name=value` pairs with `;` between them; names in any case, values may hold `=`.
    fn parse(text: &'t str) -> ConnectionString<'t> {
        let mut parts = ConnectionString::default();
        for pair in text.split(';') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let part = match name.trim().to_ascii_lowercase().as_str() {
                "endpoint" => &mut parts.endpoint,
                "sharedaccesskeyname" => &mut parts.key_name,
                "sharedaccesskey" => &mut parts.key,
                "entitypath" => &mut parts.entity,
                _ => continue,
            };
            *part = Some(value.trim()).filter(|v| !v.is_empty());
        }
        parts
    }
}

/// An event on its way.
#[derive(Debug)]
struct Event {
    text: String,
    partition_key: Option<Str>,
}

impl Event {
    /// Its share of a call's size.
    fn size(&self) -> usize {
        self.text.len() + self.partition_key.as_ref().map_or(0, |k| k.len()) + 64
    }

    fn message(self) -> Value {
        let mut message = Map::new();
        message.insert("Body".into(), Value::String(self.text));
        if let Some(key) = self.partition_key {
            let properties =
                Map::from_iter([(String::from("PartitionKey"), Value::String(key.to_string()))]);
            message.insert("BrokerProperties".into(), Value::Object(properties));
        }
        Value::Object(message)
    }
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    sending: bool,
}

/// Which queue: the URL, by which a changed logger begins a new one.
type Key = Str;

/// The queues of one thread.
#[derive(Debug, Default)]
pub struct EventHubs(Rc<RefCell<Queues>>);

#[derive(Debug, Default)]
struct Queues {
    queues: HashMap<Key, Queue>,
    bytes: usize,
}

impl Queues {
    /// Takes an event in; `false` when there is no room. `Some(true)`: somebody must begin to send.
    fn push(&mut self, key: &Key, event: Event) -> Option<bool> {
        let size = event.size();
        if self.bytes.saturating_add(size) > MOST_BYTES {
            return None;
        }
        if !self.queues.contains_key(key) && self.queues.len() >= MOST_QUEUES {
            return None;
        }
        let queue = self.queues.entry(key.clone()).or_default();
        if queue.events.len() >= MOST_EVENTS {
            return None;
        }
        self.bytes += size;
        queue.events.push_back(event);
        Some(!std::mem::replace(&mut queue.sending, true))
    }

    /// The events of the next call; none: the queue is gone.
    fn next(&mut self, key: &Key) -> Vec<Event> {
        let mut batch = Vec::new();
        let mut size = 0;
        if let Some(queue) = self.queues.get_mut(key) {
            while let Some(event) = queue.events.front() {
                size += event.size();
                if size > MOST_BATCH && !batch.is_empty() {
                    break;
                }
                batch.extend(queue.events.pop_front());
            }
        }
        let freed: usize = batch.iter().map(Event::size).sum();
        self.bytes = self.bytes.saturating_sub(freed);
        if batch.is_empty() {
            self.queues.remove(key);
        }
        batch
    }
}

/// A sender of a queue: when it ends early, with its thread, what waits in the queue is gone.
struct Sender {
    queues: Rc<RefCell<Queues>>,
    key: Key,
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut queues = self.queues.borrow_mut();
        if let Some(queue) = queues.queues.remove(&self.key) {
            let freed: usize = queue.events.iter().map(Event::size).sum();
            queues.bytes = queues.bytes.saturating_sub(freed);
        }
    }
}

/// Logs an event: to a partition by its id, or to that of a key, or to any.
pub(crate) fn log(
    services: &Rc<Services>,
    hub: &Arc<EventHub>,
    text: &str,
    partition_id: Option<&str>,
    partition_key: Option<Str>,
) {
    let end = text.floor_char_boundary(MOST_EVENT);
    let event = Event {
        text: String::from(&text[..end]),
        partition_key,
    };
    let key = Str::from(hub.url(partition_id));
    let queues = services.event_hubs.0.clone();
    let pushed = queues.borrow_mut().push(&key, event);
    match pushed {
        None => dropped(services, hub, 1, "too many events wait"),
        Some(false) => {}
        Some(true) => {
            let sender = Sender { queues, key };
            let work = send(services.clone(), hub.clone(), sender);
            services.transport.detach(Box::pin(work));
        }
    }
}

async fn send(services: Rc<Services>, hub: Arc<EventHub>, sender: Sender) {
    loop {
        let events = sender.queues.borrow_mut().next(&sender.key);
        if events.is_empty() {
            return;
        }
        let count = events.len();
        let messages: Vec<Value> = events.into_iter().map(Event::message).collect();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let request = messaging::batch(&sender.key, &messages, &hub.credential, &services);
            match messaging::deliver(request, &services, "Event Hubs").await {
                Ok(()) => break,
                Err(undelivered) if undelivered.transient && attempt < ATTEMPTS => {
                    let pause = Duration::from_secs(1 << attempt.min(10));
                    services.clock.sleep(pause).await;
                }
                Err(undelivered) => {
                    dropped(&services, &hub, count, &undelivered.failure.message);
                    break;
                }
            }
        }
    }
}

fn dropped(services: &Services, hub: &EventHub, events: usize, why: &str) {
    services.telemetry.events_dropped(&hub.logger, events);
    tracing::warn!(logger = %hub.logger, events, why, "events of log-to-eventhub were dropped");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Event {
        Event {
            text: "x".repeat(bytes),
            partition_key: None,
        }
    }

    #[test]
    fn a_connection_string_has_four_parts() {
        let text = "Endpoint=sb://n.servicebus.windows.net/; sharedaccesskeyname=send;SharedAccessKey=a+b/c==;EntityPath=hub;;x";
        let expected = ConnectionString {
            endpoint: Some("sb://n.servicebus.windows.net/"),
            key_name: Some("send"),
            key: Some("a+b/c=="),
            entity: Some("hub"),
        };
        assert_eq!(ConnectionString::parse(text), expected);
        assert_eq!(
            ConnectionString::parse("EntityPath="),
            ConnectionString::default()
        );
    }

    #[test]
    fn a_queue_has_one_sender_and_bounded_batches() {
        let mut queues = Queues::default();
        let key = Str::from("u");
        assert_eq!(queues.push(&key, event(100_000)), Some(true));
        assert_eq!(queues.push(&key, event(100_000)), Some(false));
        assert_eq!(queues.push(&key, event(100_000)), Some(false));
        assert_eq!(queues.next(&key).len(), 2);
        assert_eq!(queues.next(&key).len(), 1);
        assert!(queues.next(&key).is_empty());
        assert_eq!(queues.bytes, 0);
        assert_eq!(queues.push(&key, event(1)), Some(true));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut queues = Queues::default();
        let key = Str::from("u");
        let taken = (0..MOST_EVENTS + 1).filter(|_| queues.push(&key, event(1)).is_some());
        assert_eq!(taken.count(), MOST_EVENTS);
        let other = Str::from("v");
        assert!(queues.push(&other, event(MOST_BYTES)).is_none());
        for n in 0..MOST_QUEUES {
            queues.push(&Str::from(format!("q{n}")), event(1));
        }
        assert!(queues.push(&other, event(1)).is_none());
        assert_eq!(queues.queues.len(), MOST_QUEUES);
    }
}
