//! Answers that policies write to clients of the stateless revisions.
//!
//! The pipeline comes here when the sections have run. Documents of API Management write results as the revisions before
//! 2026-07-28 have them; a client of that one refuses a list that does not say how long and for whom it may be kept.
//! What must stay true: an answer that passes as bytes never comes here.

use super::events::is_coded;
use crate::exchange::{BodyState, Exchange, forget_body};
use bytes::Bytes;
use http::StatusCode;
use tollgate_agents::result;

/// Completes a result that is in memory, because the gateway or a policy made or read it.
pub(crate) fn complete(rq: &mut Exchange) {
    let (Some(call), Some(response)) = (rq.mcp.as_deref(), &mut rq.response) else {
        return;
    };
    let BodyState::Buffered(body) = &response.body else {
        return;
    };
    if !call.is_modern()
        || !call.is_request()
        || response.status != StatusCode::OK
        || is_coded(&response.headers)
    {
        return;
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return;
    };
    if let Some(new) = result::complete(text, call.method()) {
        forget_body(&mut response.headers);
        response.body = BodyState::Buffered(Bytes::from(new));
    }
}
