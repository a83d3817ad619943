//! The last requests as the provider received them.
//!
//! Called by the router for every request except the simulator's own control endpoints, and read by
//! `GET /requests` and tests that assert what went upstream. What must stay true: bounded in count
//! and in bytes per entry. Credentials are recorded as they came: they are simulated ones.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use http::request::Parts;
use serde::{Deserialize, Serialize};

/// Bytes of a body that are kept.
pub const MAX_RECORDED_BODY: usize = 16 * 1024;

/// One received request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRequest {
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Protocol, such as `HTTP/1.1`.
    pub version: String,
    /// Header fields in order of arrival by name, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The first [`MAX_RECORDED_BODY`] bytes of the body.
    pub body: String,
    /// Length of the whole body.
    pub body_length: usize,
}

impl RecordedRequest {
    /// The first value of a header field; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The bounded list.
pub(super) struct Recorder {
    capacity: usize,
    requests: Mutex<VecDeque<RecordedRequest>>,
}

impl Recorder {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            requests: Mutex::default(),
        }
    }

    /// Keeps a request, dropping the oldest when full.
    pub(super) fn record(&self, head: &Parts, body: &[u8]) {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let headers = head.headers.iter().map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        });
        let request = RecordedRequest {
            method: head.method.to_string(),
            path: path.to_owned(),
            version: format!("{:?}", head.version),
            headers: headers.collect(),
            body: String::from_utf8_lossy(&body[..body.len().min(MAX_RECORDED_BODY)]).into_owned(),
            body_length: body.len(),
        };
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == self.capacity {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    /// The newest `last`, oldest first.
    pub(super) fn last(&self, last: usize) -> Vec<RecordedRequest> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests
            .iter()
            .skip(requests.len().saturating_sub(last))
            .cloned()
            .collect()
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
