//! The account of one request: a tree of what the pipeline did, with places, values and times.
//!
//! A [`Recorder`] is the probe that makes a [`Trace`] of one exchange; `tollgate trace` prints it, the gateway keeps it for
//! whoever has a debug token. The serialized form is documented in `docs/trace.md`. What must stay true: every text went
//! through the mask twice, when it was told and when the trace ends (what is learned to be secret late hides what was
//! told early); entries and bytes are bounded, and what did not fit is counted.

mod recorder;
pub mod text;

pub use recorder::Recorder;

use serde::Serialize;
use std::collections::BTreeMap;

/// The account of one request.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The request's id, as on its answer.
    pub request_id: String,
    /// When it came (RFC 3339).
    pub time: String,
    /// What the caller sent.
    pub request: Request,
    /// API, operation, product, subscription and user, as far as they were found: their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub matched: BTreeMap<&'static str, String>,
    /// What happened.
    pub entries: Vec<Entry>,
    /// What the caller got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// `answered`, `client_left` or `upstream_failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// Microseconds from acceptance to settlement.
    pub elapsed_micros: u64,
    /// Entries that did not fit.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A request's head.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
}

/// A response.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The body's beginning, as text; empty for an upstream's, which passes on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Bytes of the whole body.
    #[serde(skip_serializing_if = "is_zero")]
    #[serde(rename = "bodyBytes")]
    pub body_bytes: u64,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What.
    #[serde(flatten)]
    pub what: What,
    /// Microseconds after acceptance.
    pub at_micros: u64,
    /// How long it took, for what has an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_micros: Option<u64>,
    /// Where it stands in the documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What happened inside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
}

/// A place in a text of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
}

/// A value with its C# type.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Its type.
    #[serde(rename = "type")]
    pub of: String,
    /// On one line, masked.
    pub value: String,
}

/// Kinds of entries.
#[derive(Clone, Debug, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum What {
    /// A section of a scope's document.
    Section {
        /// `inbound`, `backend`, `outbound`, `on-error`.
        section: &'static str,
        /// `operation`, `api`, `product`, `global`.
        scope: &'static str,
        /// The scope's id.
        id: String,
        /// Whether the scope has no document, or leaves the section out.
        inherits: bool,
    },
    /// A policy.
    Step {
        /// Its element.
        policy: String,
        /// Its nesting.
        path: String,
        /// `next`, `return`, `answered`, `failed`; `cut short` when another step's end ended it.
        decision: &'static str,
    },
    /// A branch that was taken.
    Branch {
        /// `when`, `otherwise`.
        name: String,
        /// Its nesting.
        path: String,
    },
    /// An attempt of a `retry`.
    Attempt {
        /// From 1.
        number: i64,
    },
    /// An expression.
    Expression {
        /// As written.
        text: String,
        /// What it gave.
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Shown>,
        /// The exception that it threw.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A variable was set.
    Variable {
        /// Its name.
        name: String,
        /// What it was.
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<Shown>,
        /// What it is.
        after: Shown,
    },
    /// A server was chosen.
    Backend {
        /// The backend's id; none for a bare URL, or when none was available.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Where the call goes.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// Those that were not chosen, and why.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        rejected: Vec<Rejected>,
    },
    /// A request to an upstream.
    UpstreamRequest(Request),
    /// The head of its answer.
    UpstreamResponse(Response),
    /// There was no answer.
    UpstreamFailure {
        /// Why.
        message: String,
    },
    /// A counter.
    Counter {
        /// Its key.
        key: String,
        /// Its limit.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<u64>,
        /// How much was to be counted; 0 only asked.
        count: u64,
        /// What stood on it before, where it says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<u64>,
        /// And after.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
        /// What is left.
        #[serde(skip_serializing_if = "Option::is_none")]
        remaining: Option<u64>,
        /// Whether the call may pass.
        allowed: bool,
    },
    /// A cache.
    Cache {
        /// `hit`, `miss`, `stored`, `removed`.
        access: &'static str,
        /// The key.
        key: String,
    },
    /// A message of the document.
    Message {
        /// Who speaks.
        origin: String,
        /// `verbose`, `information`, `error`.
        severity: &'static str,
        /// What.
        message: String,
        /// Properties.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        metadata: Vec<(String, String)>,
    },
    /// The request failed.
    Failure {
        /// `context.LastError.Source`.
        origin: String,
        /// `context.LastError.Reason`.
        reason: String,
        /// `context.LastError.Message`.
        message: String,
        /// Status of the default answer.
        status: u16,
    },
    /// The call of an operation that a tool stands for answered with this status.
    ToolAnswer {
        /// Status.
        status: u16,
    },
}

/// A backend that was not chosen.
#[derive(Clone, Debug, Serialize)]
pub struct Rejected {
    /// Its id.
    pub id: String,
    /// Why.
    pub reason: String,
}

impl Trace {
    /// As JSON, on several lines.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Changes every text that may hold a value.
    fn each_text(&mut self, change: &dyn Fn(&mut String)) {
        self.request.each_text(change);
        if let Some(response) = &mut self.response {
            response.each_text(change);
        }
        self.entries.iter_mut().for_each(|e| e.each_text(change));
    }
}

fn each_header(headers: &mut [(String, String)], change: &dyn Fn(&mut String)) {
    headers.iter_mut().for_each(|(_, value)| change(value));
}

impl Request {
    fn each_text(&mut self, change: &dyn Fn(&mut String)) {
        change(&mut self.url);
        each_header(&mut self.headers, change);
    }
}

impl Response {
    fn each_text(&mut self, change: &dyn Fn(&mut String)) {
        change(&mut self.body);
        each_header(&mut self.headers, change);
    }
}

impl Entry {
    fn each_text(&mut self, change: &dyn Fn(&mut String)) {
        match &mut self.what {
            What::Section { .. }
            | What::Step { .. }
            | What::Branch { .. }
            | What::Attempt { .. }
            | What::ToolAnswer { .. } => {}
            What::Expression {
                text,
                result,
                error,
            } => {
                change(text);
                result.iter_mut().for_each(|r| change(&mut r.value));
                error.iter_mut().for_each(change);
            }
            What::Variable { before, after, .. } => {
                before.iter_mut().for_each(|v| change(&mut v.value));
                change(&mut after.value);
            }
            What::Backend { url, .. } => url.iter_mut().for_each(change),
            What::UpstreamRequest(request) => request.each_text(change),
            What::UpstreamResponse(response) => response.each_text(change),
            What::UpstreamFailure { message } | What::Failure { message, .. } => change(message),
            What::Counter { key, .. } | What::Cache { key, .. } => change(key),
            What::Message {
                message, metadata, ..
            } => {
                change(message);
                each_header(metadata, change);
            }
        }
        self.entries.iter_mut().for_each(|e| e.each_text(change));
    }
}

#[cfg(test)]
mod tests;
