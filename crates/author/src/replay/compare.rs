//! What differs between two outcomes, in groups of the same difference.

use super::Outcome;
use serde::Serialize;
use std::collections::BTreeMap;
use tollgate_engine::recording::Recorded;

/// Most examples of one group.
const EXAMPLES: usize = 3;

/// Most groups that are told apart; more are counted together.
const MOST_GROUPS: usize = 1000;

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Difference {
    /// The status of the answer, or why it is an error.
    Status,
    /// Where calls went.
    Backend,
    /// The model that served.
    Model,
    /// The tokens used.
    Tokens,
    /// Headers of the answer.
    Headers,
    /// A call that the recording has no answer for.
    Unknown,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Difference::Status => "status",
            Difference::Backend => "backend",
            Difference::Model => "model",
            Difference::Tokens => "tokens",
            Difference::Headers => "headers",
            Difference::Unknown => "unknown",
        })
    }
}

/// Requests that differ in the same way.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// In what.
    pub kind: Difference,
    /// From what to what.
    pub what: String,
    /// How many.
    pub count: usize,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// A request of a group.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// Line in the recording.
    pub line: usize,
    /// When it came.
    pub time: String,
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub target: String,
    /// The subscription's pseudonym.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
}

#[derive(Default)]
pub(super) struct Groups(BTreeMap<(Difference, String), Group>);

impl Groups {
    /// Notes the differences of a request; `true` when there is one.
    pub(super) fn add(
        &mut self,
        line: usize,
        record: &Recorded,
        before: &Outcome,
        after: &Outcome,
    ) -> bool {
        let differences = differences(before, after);
        for (kind, what) in &differences {
            let mut key = (*kind, what.clone());
            if self.0.len() >= MOST_GROUPS && !self.0.contains_key(&key) {
                key.1 = String::from("others");
            }
            let group = self.0.entry(key).or_insert_with_key(|(kind, what)| Group {
                kind: *kind,
                what: what.clone(),
                count: 0,
                examples: Vec::new(),
            });
            group.count += 1;
            if group.examples.len() < EXAMPLES {
                group.examples.push(Example {
                    line,
                    time: record.time.clone(),
                    method: record.request.method.clone(),
                    target: record.request.target.clone(),
                    subscription: record.request.subscription.clone(),
                });
            }
        }
        !differences.is_empty()
    }

    pub(super) fn sorted(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.0.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups
    }
}

fn differences(before: &Outcome, after: &Outcome) -> Vec<(Difference, String)> {
    let mut found = Vec::new();
    let status = |o: &Outcome| match &o.error {
        Some((source, reason)) => format!("{} ({source}: {reason})", o.status),
        None => o.status.to_string(),
    };
    if before.status != after.status || before.error != after.error {
        let what = format!("{} -> {}", status(before), status(after));
        found.push((Difference::Status, what));
    }
    if before.calls != after.calls {
        let what = format!("{} -> {}", calls(&before.calls), calls(&after.calls));
        found.push((Difference::Backend, what));
    }
    let model = |o: &Outcome| o.usage.as_ref().and_then(|u| u.model.clone());
    if before.usage.is_some() && after.usage.is_some() && model(before) != model(after) {
        let shown = |o: &Outcome| model(o).unwrap_or_else(|| String::from("none"));
        let what = format!("{} -> {}", shown(before), shown(after));
        found.push((Difference::Model, what));
    }
    let tokens = |o: &Outcome| o.usage.as_ref().map_or(0, |u| u.total);
    if tokens(before) != tokens(after) {
        let what = match (tokens(before), tokens(after)) {
            (0, _) => "used now",
            (_, 0) => "not used any more",
            (before, after) if after > before => "more",
            _ => "fewer",
        };
        found.push((Difference::Tokens, what.to_owned()));
    }
    // A refusal has other headers: that it is one says it all.
    if before.status == after.status && before.headers != after.headers {
        for what in headers(before, after) {
            found.push((Difference::Headers, what));
        }
    }
    if after.unknown > before.unknown {
        let what = "calls that were not made then: answered 200 with an empty object";
        found.push((Difference::Unknown, what.to_owned()));
    }
    found
}

fn calls(calls: &[String]) -> String {
    if calls.is_empty() {
        return String::from("none");
    }
    calls.join(", ")
}

fn headers(before: &Outcome, after: &Outcome) -> Vec<String> {
    let of = |o: &Outcome| {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in &o.headers {
            all.entry(name.clone()).or_default().push(value.clone());
        }
        all
    };
    let (before, after) = (of(before), of(after));
    let mut found = Vec::new();
    for (name, values) in &before {
        match after.get(name) {
            None => found.push(format!("`{name}` is gone")),
            Some(now) if now != values => found.push(format!("`{name}` has another value")),
            Some(_) => {}
        }
    }
    let new = after.keys().filter(|name| !before.contains_key(*name));
    found.extend(new.map(|name| format!("`{name}` is new")));
    found
}
