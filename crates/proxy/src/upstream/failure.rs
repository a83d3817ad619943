//! What a failed call means: the caller's fault, no connection, or not HTTP.

use std::error::Error;
use tollgate_engine::BodyError;
use tollgate_engine::services::SendError;

/// Sorts an error of the HTTP client.
pub(crate) fn classify(error: &hyper::Error) -> SendError {
    if error.is_user() {
        // The request's body failed: the engine wants to know how.
        let source = error.source().and_then(|s| s.downcast_ref::<BodyError>());
        return SendError::Request(match source {
            Some(BodyError::TooLarge(limit)) => BodyError::TooLarge(*limit),
            Some(BodyError::Stalled(idle)) => BodyError::Stalled(*idle),
            Some(other) => BodyError::Other(other.to_string()),
            None => BodyError::Other(in_full(error)),
        });
    }
    if error.is_parse() || error.is_parse_too_large() {
        return SendError::Protocol(in_full(error));
    }
    SendError::Connect(in_full(error))
}

/// The error with its causes.
pub(crate) fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
