//! A session of a Realtime API: a WebSocket over which many answers of a model pass.
//!
//! Made by `proxy::tunnel`, which shows it what passes to the caller. What must stay true: each response that the model
//! begins has an intent, and one settlement with the usage that the provider reports, and draws from the budgets that
//! the connection's caller draws from; when one of the hard ones is used up, the session ends behind the response that
//! used it, with the protocol's error. Bytes pass as they come until then.

use crate::accounting::SideCall;
use crate::exchange::Exchange;
use bytes::Bytes;
use tollgate_lang::value::Str;
use tollgate_llm::dialect;
use tollgate_llm::realtime::{Event, Reader, end};
use tollgate_state::ledger::EndReason;

/// Responses that are under way at one time in a session; the protocol has one, and a few beside it.
const MOST_OPEN: usize = 16;

/// What is known of a session.
pub struct Session {
    reader: Reader,
    model: Str,
    open: Vec<(String, Box<SideCall>)>,
    /// Something could not be accounted.
    missed: bool,
}

/// Where a session ends.
#[derive(Debug)]
pub struct Last {
    /// How many of the bytes shown last still pass.
    pub keep: usize,
    /// What is sent behind them.
    pub frames: Bytes,
}

/// What passes a connection's messages, and what they settle: which of the open responses, with what it used.
enum Step {
    Begin(String),
    End(String, Option<tollgate_llm::Usage>, EndReason),
    Model(Str),
}

impl Session {
    /// The session of an upgraded exchange, when it is a Realtime API's and something counts it.
    pub fn of(rq: &Exchange) -> Option<Session> {
        let counted = rq.services.ledger.is_some()
            || !rq.snapshot.budgets.is_empty()
            || rq.child_key.is_some();
        if !counted || !is_realtime(rq) {
            return None;
        }
        Some(Session {
            reader: Reader::default(),
            model: asked_model(rq),
            open: Vec::new(),
            missed: false,
        })
    }

    /// Takes in bytes on their way to the caller; says when and how the session ends.
    pub fn see(&mut self, rq: &mut Exchange, bytes: &[u8]) -> Option<Last> {
        let mut reader = std::mem::take(&mut self.reader);
        let mut last = None;
        reader.read(bytes, |event, at| {
            let stopped = match step(event) {
                Step::Model(model) => {
                    self.model = model;
                    None
                }
                Step::Begin(id) => self.begin(rq, id),
                Step::End(id, usage, end) => self.end_response(rq, &id, usage, end),
            };
            last = stopped.map(|message| Last {
                keep: at,
                frames: Bytes::from(end(&message)),
            });
            last.is_none()
        });
        self.missed |= reader.is_broken();
        self.reader = reader;
        last
    }

    /// A response begins; a message when its budgets have nothing for it.
    fn begin(&mut self, rq: &mut Exchange, id: String) -> Option<String> {
        if self.open.len() >= MOST_OPEN {
            self.missed = true;
            return None;
        }
        match SideCall::in_session(rq, &self.model) {
            Ok(side) => {
                self.open.extend(side.map(|side| (id, side)));
                None
            }
            Err(failure) => {
                self.missed = true;
                Some(failure.message.to_string())
            }
        }
    }

    /// A response has ended; a message when its budgets have no more.
    fn end_response(
        &mut self,
        rq: &mut Exchange,
        id: &str,
        usage: Option<tollgate_llm::Usage>,
        end: EndReason,
    ) -> Option<String> {
        if !self.open.iter().any(|(open, _)| open == id) {
            // One whose beginning was not told.
            let stopped = self.begin(rq, id.to_owned());
            if stopped.is_some() {
                return stopped;
            }
        }
        let at = self.open.iter().position(|(open, _)| open == id)?;
        self.open.swap_remove(at).1.reported(usage, end);
        SideCall::fits(rq, &self.model)
            .err()
            .map(|failure| failure.message.to_string())
    }

    /// The connection has ended: what the model was still working on is settled as left.
    pub fn close(self, rq: &mut Exchange) {
        if !self.missed {
            crate::accounting::counted_apart(rq);
        }
    }
}

/// Whether an exchange opens a session.
pub(crate) fn is_realtime(rq: &Exchange) -> bool {
    rq.request.upgrade.is_some()
        && (dialect::names_realtime(rq.request.path_and_query.path())
            || dialect::names_realtime(rq.target_path()))
}

/// The model, or Azure's deployment, that the query asks for.
fn asked_model(rq: &Exchange) -> Str {
    let query = rq.request.path_and_query.query().unwrap_or_default();
    let value = |wanted: &str| {
        query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            (name == wanted).then(|| percent_encoding::percent_decode_str(value))
        })
    };
    let model = value("model").or_else(|| value("deployment"));
    Str::from(&*model.map_or_else(Default::default, |model| model.decode_utf8_lossy()))
}

fn step(event: Event<'_>) -> Step {
    match event {
        Event::Model(model) => Step::Model(Str::from(&*model)),
        Event::Began(id) => Step::Begin(id.into_owned()),
        Event::Ended { id, usage, reason } => {
            let end = match &*reason {
                "max_output_tokens" => EndReason::Length,
                "content_filter" => EndReason::ContentFilter,
                "failed" => EndReason::UpstreamBroke,
                _ => EndReason::Done,
            };
            Step::End(id.into_owned(), usage, end)
        }
    }
}
