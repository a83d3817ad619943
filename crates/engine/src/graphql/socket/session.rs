//! One socket, from its handshake to its close: the operations that a client asks for, side by side.
//!
//! What must stay true: of one subscription the events are executed and sent one after the other, so that a client that does
//! not read holds back its own queue only, up to the bound of its feed; nothing is read while a message is being sent.

use super::message::{self, Message};
use super::{Close, MOST_OPERATIONS, Received, Wire};
use crate::LocalBoxFuture;
use crate::exchange::Exchange;
use crate::graphql::GraphQl;
use crate::graphql::document::Document;
use crate::graphql::error::Error;
use crate::graphql::events::{Feed, MOST_WAITING};
use crate::graphql::execute::{self, Subscribed, public};
use crate::graphql::request::GraphQlRequest;
use crate::graphql::rules::MessageRules;
use crate::pipeline::inner;
use crate::services::SendOptions;
use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::FuturesUnordered;
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Serves a socket whose handshake was answered in `rq`.
pub(super) async fn serve(
    rules: &[MessageRules],
    options: SendOptions,
    rq: &Exchange,
    wire: &mut impl Wire,
) {
    let snapshot = rq.snapshot.clone();
    let api = rq.api.map(|at| &snapshot.apis[at as usize]);
    let Some(graphql) = api.and_then(|api| api.graphql.as_deref()) else {
        return;
    };
    let _open = rq.services.graphql_events.socket();
    let mut session = Session {
        rq,
        graphql,
        rules,
        options,
        acknowledged: false,
        operations: HashMap::new(),
        work: FuturesUnordered::new(),
    };
    if let Some(close) = session.run(wire).await {
        session.work.clear();
        wire.close(&close).await;
    }
}

/// An operation under way.
struct Running {
    abort: AbortHandle,
    /// Whether it goes on until the client or the gateway ends it.
    subscription: bool,
}

/// What an operation is known by.
struct Operation {
    id: String,
    /// What rules took out of it, as errors of each answer.
    removed: Vec<Json>,
}

/// What an operation has come to.
struct Step {
    operation: Rc<Operation>,
    came: Came,
}

enum Came {
    /// The answer of a query or mutation.
    Answer(Map<String, Json>),
    /// The answer for an event; more may come.
    Event(Map<String, Json>, Rc<Subscribed>, Feed),
    /// It ended with these errors.
    Failed(Vec<Error>),
}

struct Session<'a> {
    rq: &'a Exchange,
    graphql: &'a GraphQl,
    rules: &'a [MessageRules],
    options: SendOptions,
    acknowledged: bool,
    /// By their ids.
    operations: HashMap<String, Running>,
    work: FuturesUnordered<Abortable<LocalBoxFuture<'a, Step>>>,
}

impl<'a> Session<'a> {
    /// Why the gateway closes the socket; `None`: the client has gone.
    async fn run(&mut self, wire: &mut impl Wire) -> Option<Close> {
        let mut late = self.rq.services.clock.sleep(wire.patience());
        let mut closing: Option<Close> = None;
        loop {
            if closing.is_some() && self.operations.values().all(|one| one.subscription) {
                return closing;
            }
            tokio::select! {
                biased;
                received = wire.receive(), if closing.is_none() => match received {
                    Received::Text(text) => {
                        let replies = match self.take(&text) {
                            Ok(reply) => reply,
                            Err(close) => return Some(close),
                        };
                        if let Some(reply) = replies && !wire.send(reply).await {
                            return None;
                        }
                    }
                    Received::Close(close) => closing = Some(close),
                    Received::Gone => return None,
                },
                Some(step) = self.work.next(), if !self.work.is_empty() => {
                    if let Ok(step) = step && !self.tell(step, wire).await {
                        return None;
                    }
                }
                () = &mut late, if !self.acknowledged => {
                    return Some(Close::new(4408, "Connection initialisation timeout"));
                }
            }
        }
    }

    /// Takes a message; gives the reply to be sent at once.
    fn take(&mut self, text: &str) -> Result<Option<String>, Close> {
        match Message::read(text)? {
            Message::ConnectionInit if self.acknowledged => {
                Err(Close::new(4429, "Too many initialisation requests"))
            }
            Message::ConnectionInit => {
                self.acknowledged = true;
                Ok(Some(message::acknowledged()))
            }
            Message::Ping(payload) => Ok(Some(message::pong(payload))),
            Message::Pong => Ok(None),
            Message::Subscribe(..) if !self.acknowledged => Err(Close::new(4401, "Unauthorized")),
            Message::Subscribe(id, request) => {
                if self.operations.contains_key(&id) {
                    let why = format!("Subscriber for {id} already exists");
                    return Err(Close::because(4409, why));
                }
                let current = self.rq.services.around.snapshot();
                if !Arc::ptr_eq(&current, &self.rq.snapshot) {
                    return Err(Close::RELOADED);
                }
                let refused = self.begin(&id, *request).err();
                Ok(refused.map(|errors| message::error(&id, &errors)))
            }
            Message::Complete(id) => {
                if let Some(running) = self.operations.remove(&id) {
                    running.abort.abort();
                }
                Ok(None)
            }
        }
    }

    /// Begins an operation.
    fn begin(&mut self, id: &str, mut request: GraphQlRequest) -> Result<(), Vec<Error>> {
        let refused = |why: String| vec![Error::new(why)];
        if self.operations.len() >= MOST_OPERATIONS {
            let why = format!("The socket has {MOST_OPERATIONS} operations already.");
            return Err(refused(why));
        }
        let schema = &self.graphql.schema;
        let mut removed = Vec::new();
        for rules in self.rules {
            removed.extend(rules.hold(schema, &mut request)?);
        }
        let document = Document::read(schema, &request)?;
        let operation = Rc::new(Operation {
            id: id.to_owned(),
            removed,
        });
        let subscription = document.operation().is_subscription();
        let work = if subscription {
            let subscribed = Subscribed::new(self.graphql, &request, document)?;
            let topic = self.rq.topic(&subscribed.field);
            let events = &self.rq.services.graphql_events;
            let feed = topic.and_then(|topic| events.subscribe(topic));
            let feed = feed.ok_or_else(|| {
                refused(String::from("The gateway takes no more subscriptions now."))
            })?;
            self.event(operation, Rc::new(subscribed), feed)
        } else {
            self.single(operation, request, document)
        };
        let (abort, registration) = AbortHandle::new_pair();
        self.work.push(Abortable::new(work, registration));
        let running = Running {
            abort,
            subscription,
        };
        self.operations.insert(id.to_owned(), running);
        Ok(())
    }

    /// Waits for the next event of a subscription, and executes its operation on it.
    fn event(
        &self,
        operation: Rc<Operation>,
        subscribed: Rc<Subscribed>,
        mut feed: Feed,
    ) -> LocalBoxFuture<'a, Step> {
        let (rq, graphql, options) = (self.rq, self.graphql, self.options);
        Box::pin(async move {
            let came = match feed.next().await {
                Some(event) => {
                    let answer = subscribed.answer(rq, graphql, event.root(), options);
                    let answer = answer.await;
                    Came::Event(answer, subscribed, feed)
                }
                None => Came::Failed(vec![Error::new(format!(
                    "The subscriber is too slow: {MOST_WAITING} events waited for it, and another came."
                ))]),
            };
            Step { operation, came }
        })
    }

    /// Answers a query or mutation.
    fn single(
        &self,
        operation: Rc<Operation>,
        request: GraphQlRequest,
        document: Document,
    ) -> LocalBoxFuture<'a, Step> {
        let (rq, graphql, options) = (self.rq, self.graphql, self.options);
        Box::pin(async move {
            let mut rq = inner::of_message(rq, request.to_body());
            let answer = execute::answer(&mut rq, graphql, &request, &document, options, 0);
            let came = match answer.await {
                Ok(Ok(Json::Object(answer))) => Came::Answer(answer),
                Ok(Ok(_)) => Came::Failed(Vec::new()),
                Ok(Err(errors)) => Came::Failed(errors),
                Err(failure) => Came::Failed(vec![Error::new(public(&failure))]),
            };
            Step { operation, came }
        })
    }

    /// Tells the client what an operation has come to. `false`: it has gone.
    async fn tell(&mut self, step: Step, wire: &mut impl Wire) -> bool {
        let Step { operation, came } = step;
        let id = &operation.id;
        match came {
            Came::Answer(answer) => {
                self.operations.remove(id);
                wire.send(message::next(id, &with(answer, &operation.removed)))
                    .await
                    && wire.send(message::complete(id)).await
            }
            Came::Event(answer, subscribed, feed) => {
                let text = message::next(id, &with(answer, &operation.removed));
                if !wire.send(text).await {
                    return false;
                }
                let id = id.clone();
                let work = self.event(operation, subscribed, feed);
                let (abort, registration) = AbortHandle::new_pair();
                if let Some(running) = self.operations.get_mut(&id) {
                    running.abort = abort;
                    self.work.push(Abortable::new(work, registration));
                }
                true
            }
            Came::Failed(errors) => {
                self.operations.remove(id);
                wire.send(message::error(id, &errors)).await
            }
        }
    }
}

/// An answer with more errors.
fn with(mut answer: Map<String, Json>, removed: &[Json]) -> Map<String, Json> {
    if !removed.is_empty() {
        let errors = answer
            .entry("errors")
            .or_insert_with(|| Json::Array(Vec::new()));
        if let Json::Array(errors) = errors {
            errors.extend_from_slice(removed);
        }
    }
    answer
}
