//! A running request: what it was given, and what it can do beside answering.
//!
//! Made by `legacy` and `modern`, used by the catalogs. What must stay true: a modern call never sends a request, it
//! answers with a question; a legacy one asks over its stream.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::super::State;
use super::content::Question;
use super::refusal::Refusal;
use super::session::Session;
use super::stream::EventLog;
use super::{Change, Settings};

/// Levels of log messages, lowest first (RFC 5424).
pub(super) const LEVELS: [&str; 8] = [
    "debug",
    "info",
    "notice",
    "warning",
    "error",
    "critical",
    "alert",
    "emergency",
];

/// How a call ends other than with a result.
pub(super) enum Stop {
    /// With an error of the protocol.
    Refused(Refusal),
    /// With questions for the client, and a state to bring back.
    Asks(Box<Asked>),
    /// With a failure that a tool tells in its result.
    Failed(String),
}

/// Questions in a result.
pub(super) struct Asked {
    /// By key, an object of requests.
    pub(super) requests: Map<String, Value>,
    /// What the client brings back with its answers.
    pub(super) state: Option<Value>,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a call ends with.
pub(super) type Done = Result<Value, Stop>;

/// The era's side of a call.
pub(super) enum Side {
    Legacy {
        session: Arc<Session>,
        /// The call's own stream; without one, the answer is one JSON object.
        stream: Option<Arc<EventLog>>,
    },
    Modern {
        capabilities: Value,
        /// Index of the lowest level that the request wants messages of.
        level: Option<usize>,
        /// What came back of an earlier round, opened.
        state: Option<Value>,
        /// Messages before the result; without it, the answer is one JSON object.
        messages: Option<mpsc::Sender<Value>>,
    },
}

/// A running request.
pub(super) struct Call {
    pub(super) state: Arc<State>,
    pub(super) settings: Settings,
    pub(super) params: Value,
    pub(super) side: Side,
}

impl Call {
    /// An argument of a tool or prompt; null when it is not there.
    pub(super) fn argument(&self, name: &str) -> &Value {
        &self.params["arguments"][name]
    }

    /// A text argument; empty when it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.argument(name).as_str().unwrap_or_default()
    }

    /// Whether the client has declared a capability.
    pub(super) fn has(&self, capability: &str) -> bool {
        let capabilities = match &self.side {
            Side::Legacy { session, .. } => &session.capabilities,
            Side::Modern { capabilities, .. } => capabilities,
        };
        capabilities.get(capability).is_some()
    }

    /// What the client brought back of an earlier round.
    pub(super) fn brought(&self) -> Option<&Value> {
        match &self.side {
            Side::Legacy { .. } => None,
            Side::Modern { state, .. } => state.as_ref(),
        }
    }

    /// Sends a notification on the call's stream.
    pub(super) async fn notify(&self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        match &self.side {
            Side::Legacy { stream, .. } => {
                if let Some(stream) = stream {
                    stream.push(&message);
                }
            }
            Side::Modern { messages, .. } => {
                if let Some(messages) = messages {
                    // The reader has gone: the call is about to be dropped.
                    let _ = messages.send(message).await;
                }
            }
        }
    }

    /// Reports progress to a client that wants it.
    pub(super) async fn progress(&self, progress: u64, total: u64, message: &str) {
        let token = &self.params["_meta"]["progressToken"];
        if !token.is_null() {
            let params = json!({ "progressToken": token, "progress": progress, "total": total, "message": message });
            self.notify("notifications/progress", params).await;
        }
    }

    /// Logs to a client that wants messages of the level.
    pub(super) async fn log(&self, level: &str, data: &str) {
        let at = LEVELS.iter().position(|known| *known == level).unwrap_or(0);
        let lowest = match &self.side {
            Side::Legacy { session, .. } => {
                usize::try_from(session.level.load(Ordering::Relaxed)).ok()
            }
            Side::Modern { level, .. } => *level,
        };
        if lowest.is_some_and(|lowest| lowest <= at) {
            let params = json!({ "level": level, "logger": "simulator", "data": data });
            self.notify("notifications/message", params).await;
        }
    }

    /// Tells every client that listens of a change.
    pub(super) fn announce(&self, change: &Change) {
        self.state.mcp.announce(change);
    }

    /// Ends the connection under the call's stream, if a client can resume it.
    pub(super) fn detach(&self) {
        if let Side::Legacy {
            stream: Some(stream),
            ..
        } = &self.side
        {
            stream.detach();
        }
    }

    /// Asks the client one question.
    pub(super) async fn ask(&self, key: &str, question: Question) -> Result<Value, Stop> {
        let mut answers = self.ask_all(&[(key, question)], None).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    /// Asks the client; gives its answers in the questions' order. In the modern era the call ends here until all
    /// answers are there, and `state` comes back with them.
    pub(super) async fn ask_all(
        &self,
        questions: &[(&str, Question)],
        state: Option<Value>,
    ) -> Result<Vec<Value>, Stop> {
        for (_, question) in questions {
            let capability = question.capability();
            if !self.has(capability) {
                return Err(match &self.side {
                    Side::Legacy { .. } => {
                        Stop::Failed(format!("The client does not support {capability}."))
                    }
                    Side::Modern { .. } => Refusal::capability(capability).into(),
                });
            }
        }
        match &self.side {
            Side::Legacy { session, stream } => {
                let stream = stream.as_ref().unwrap_or(&session.standalone);
                let mut answers = Vec::with_capacity(questions.len());
                for (_, question) in questions {
                    let answer = session.ask(question.method, &question.params, stream).await;
                    answers.push(answer.map_err(Stop::Failed)?);
                }
                Ok(answers)
            }
            Side::Modern { .. } => {
                let given = &self.params["inputResponses"];
                let answered = questions
                    .iter()
                    .all(|(key, question)| question.is_answered_by(&given[*key]));
                if answered {
                    let answers = questions.iter().map(|(key, _)| given[*key].clone());
                    return Ok(answers.collect());
                }
                let requests = questions.iter().map(|(key, question)| {
                    let request = json!({ "method": question.method, "params": question.params });
                    ((*key).to_owned(), request)
                });
                Err(Stop::Asks(Box::new(Asked {
                    requests: requests.collect(),
                    state,
                })))
            }
        }
    }
}
