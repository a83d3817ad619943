//! Recorded traffic through another configuration: what would be refused, routed or cost differently.
//!
//! Called by the command `replay`. Upstreams answer what they answered then, time is the recorded one. What must stay
//! true: every record that can be read is played, in the order of time and through one gateway, so that limits and
//! caches fill up as they would have.

mod compare;
mod play;
mod recording;

pub use compare::{Difference, Example, Group};
pub use recording::read;

use play::Player;
use std::path::Path;
use tollgate_control::{Loaded, Options, load_with};
use tollgate_engine::recording::Recorded;

/// What a request came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Status of the answer.
    pub status: u16,
    /// Source and reason of the failure, if there was one.
    pub error: Option<(String, String)>,
    /// Where its calls went: method, scheme, host and path.
    pub calls: Vec<String>,
    /// Model and tokens of a model call.
    pub usage: Option<tollgate_engine::recording::RecordedUsage>,
    /// Headers of the answer, but those that differ from call to call.
    pub headers: Vec<(String, String)>,
    /// Calls that the recording has no answer for.
    pub unknown: usize,
}

/// What came of a replay.
#[derive(Debug, Default)]
pub struct Report {
    /// How many requests were played.
    pub requests: usize,
    /// Lines that are no records.
    pub unreadable: usize,
    /// How many came to something else.
    pub different: usize,
    /// How many need credentials that were masked, and were refused for it: nothing can be said of them.
    pub without_credentials: usize,
    /// The differences, most frequent first.
    pub groups: Vec<Group>,
    /// Tokens of all requests before and after.
    pub tokens: (u64, u64),
    /// Refused requests (status 401, 403, 429) before and after.
    pub refused: (usize, usize),
}

/// Why a replay could not be made.
#[derive(Debug)]
pub enum Fault {
    /// A configuration was refused: its report.
    Refused(String),
    /// The recording cannot be read, or holds nothing.
    Unreadable(String),
}

/// Plays a recording through `config` and compares with `against`, or with what was recorded.
pub fn replay(
    recording: &Path,
    config: &Path,
    against: Option<&Path>,
    options: &Options,
) -> Result<Report, Fault> {
    let (records, unreadable) = read(recording).map_err(Fault::Unreadable)?;
    if records.is_empty() {
        let why = format!("{} holds no record", recording.display());
        return Err(Fault::Unreadable(why));
    }
    let mut new = Player::new(&loaded(config, options)?);
    let mut old = match against {
        Some(path) => Some(Player::new(&loaded(path, options)?)),
        None => None,
    };
    let mut report = Report {
        unreadable,
        ..Report::default()
    };
    let mut groups = compare::Groups::default();
    for (line, record) in &records {
        let after = new.play(record);
        let before = match &mut old {
            Some(old) => old.play(record),
            None => recorded(record),
        };
        report.requests += 1;
        let tokens = |o: &Outcome| o.usage.as_ref().map_or(0, |u| u.total);
        report.tokens.0 += tokens(&before);
        report.tokens.1 += tokens(&after);
        report.refused.0 += usize::from(is_refused(before.status));
        report.refused.1 += usize::from(is_refused(after.status));
        // Against an old configuration both sides miss the same credentials.
        if old.is_none() && after.status == 401 && before.status != 401 && is_masked(record) {
            report.without_credentials += 1;
            continue;
        }
        if groups.add(*line, record, &before, &after) {
            report.different += 1;
        }
    }
    report.groups = groups.sorted();
    Ok(report)
}

fn is_refused(status: u16) -> bool {
    matches!(status, 401 | 403 | 429)
}

/// Whether the request had credentials that the recording does not hold.
fn is_masked(record: &Recorded) -> bool {
    let hidden = tollgate_engine::probe::mask::HIDDEN;
    let headers = &record.request.headers;
    headers.iter().any(|(_, value)| value.contains(hidden))
        || record.request.target.contains(hidden)
}

/// Loads a configuration whose secrets may be missing: upstreams are not asked.
fn loaded(path: &Path, options: &Options) -> Result<Loaded, Fault> {
    let options = Options {
        missing_secrets: true,
        literal_secrets: true,
        ..options.clone()
    };
    let loaded = load_with(path, &options);
    if loaded.snapshot.is_none() {
        return Err(Fault::Refused(
            loaded.diagnostics.render(&loaded.sources, false),
        ));
    }
    Ok(loaded)
}

/// What was recorded, in the form of what is played.
fn recorded(record: &Recorded) -> Outcome {
    Outcome {
        status: record.response.status,
        error: record.error.clone(),
        calls: record
            .calls
            .iter()
            .map(|call| play::called(&call.method, &call.url))
            .collect(),
        usage: record.usage.clone(),
        headers: play::lasting(
            record
                .response
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        ),
        unknown: 0,
    }
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        use std::fmt::Write;
        let mut out = String::new();
        for group in &self.groups {
            let _ = writeln!(out, "{:>6}  {}: {}", group.count, group.kind, group.what);
            for example in &group.examples {
                let _ = writeln!(
                    out,
                    "        line {}: {} {} at {}",
                    example.line, example.method, example.target, example.time
                );
            }
        }
        let same = self.requests - self.different - self.without_credentials;
        let _ = writeln!(
            out,
            "{} requests: {same} the same, {} different; refused {} before, {} after; tokens {} before, {} after",
            self.requests,
            self.different,
            self.refused.0,
            self.refused.1,
            self.tokens.0,
            self.tokens.1
        );
        if self.without_credentials > 0 {
            let _ = writeln!(
                out,
                "{} requests need credentials that the recording does not hold: compare two configurations with --against",
                self.without_credentials
            );
        }
        if self.unreadable > 0 {
            let _ = writeln!(
                out,
                "{} lines of the recording are no records",
                self.unreadable
            );
        }
        out
    }

    /// One JSON value.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "requests": self.requests,
            "different": self.different,
            "withoutCredentials": self.without_credentials,
            "unreadable": self.unreadable,
            "refused": { "before": self.refused.0, "after": self.refused.1 },
            "tokens": { "before": self.tokens.0, "after": self.tokens.1 },
            "groups": self.groups,
        })
    }
}
