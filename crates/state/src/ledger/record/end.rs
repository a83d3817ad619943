//! How a call ended: the end reasons, with their numbers in files and their names.
//!
//! Written by `engine::accounting`. What must stay true: a number is never used again for another reason; one that is
//! not known reads as [`EndReason::Unknown`].

/// How a call ended. Each has a charging rule in `docs/accounting.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EndReason {
    /// A newer gateway wrote what this one does not know.
    #[default]
    Unknown,
    /// The model had finished.
    Done,
    /// The model reached the most output tokens.
    Length,
    /// The provider's content filter ended it.
    ContentFilter,
    /// The caller left before the end.
    ClientLeft,
    /// No answer, or one with an error status.
    UpstreamError,
    /// The answer broke after its beginning.
    UpstreamBroke,
    /// No answer in time.
    Timeout,
    /// The gateway ended a running stream since a budget had run out.
    CutByBudget,
    /// A policy, a limit or a budget refused the call before it went upstream.
    PolicyRejection,
    /// Answered from a cache.
    CacheHit,
    /// The gateway died in the middle of the call.
    GatewayCrash,
    /// The gateway failed after the provider had answered.
    GatewayError,
}

/// Numbers of the end reasons in files, with their names in reports, metrics and logs.
const ENDS: [(u8, EndReason, &str); 13] = [
    (0, EndReason::Unknown, "unknown"),
    (1, EndReason::Done, "done"),
    (2, EndReason::Length, "length"),
    (3, EndReason::ContentFilter, "content_filter"),
    (4, EndReason::ClientLeft, "client_left"),
    (5, EndReason::UpstreamError, "upstream_error"),
    (6, EndReason::UpstreamBroke, "upstream_broke"),
    (7, EndReason::Timeout, "timeout"),
    (8, EndReason::CutByBudget, "cut_by_budget"),
    (9, EndReason::PolicyRejection, "policy_rejection"),
    (10, EndReason::CacheHit, "cache_hit"),
    (11, EndReason::GatewayCrash, "gateway_crash"),
    (12, EndReason::GatewayError, "gateway_error"),
];

impl EndReason {
    /// All of them, with the one for what a newer gateway wrote.
    pub fn all() -> impl Iterator<Item = EndReason> {
        ENDS.iter().map(|(_, reason, _)| *reason)
    }

    /// Its name, as in reports, metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        ENDS.iter()
            .find(|(_, reason, _)| *reason == self)
            .map_or("unknown", |(_, _, name)| name)
    }

    pub(super) fn code(self) -> u8 {
        ENDS.iter()
            .find(|(_, reason, _)| *reason == self)
            .map_or(0, |(code, _, _)| *code)
    }

    pub(super) fn from_code(code: u64) -> EndReason {
        ENDS.iter()
            .find(|(known, _, _)| u64::from(*known) == code)
            .map_or(EndReason::Unknown, |(_, reason, _)| *reason)
    }
}
