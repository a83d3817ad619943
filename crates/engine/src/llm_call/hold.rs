//! Keeps a response in memory before its head goes out, for steps that must say in the head what the body tells.
//!
//! Only when a step asked ([`Exchange::hold`]). What must stay true: an event stream is never held for a header, and a
//! body above the limit passes on instead of failing.

use super::is_event_stream;
use crate::body::{Body, BodyError};
use crate::exchange::{BodyState, Exchange, Hold};
use crate::failure::Failure;
use crate::step::Needs;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use std::pin::Pin;

/// Reads the response as far as the steps asked.
pub(crate) async fn hold(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    if rq.hold == Hold::Always {
        let needs = Needs {
            response_body: true,
            ..Needs::default()
        };
        return rq.buffer(needs, "forward-request").await;
    }
    let limit = rq.snapshot.gateway.max_buffered_body;
    let Some(response) = &mut rq.response else {
        return Ok(());
    };
    let BodyState::Streaming(body) = &mut response.body else {
        return Ok(());
    };
    if rq.hold == Hold::No
        || is_event_stream(&response.headers)
        || body.size_hint().lower() > limit as u64
    {
        return Ok(());
    }
    let held = read(std::mem::take(body), limit).await;
    response.body = match held {
        Ok(state) => state,
        Err(error) => {
            rq.answer_broke(&error);
            return Err(Failure::internal(
                "forward-request",
                "BackendConnectionFailure",
                error.to_string(),
            ));
        }
    };
    Ok(())
}

/// The body in memory, or, above the limit, a body that gives again what was read of it.
async fn read(mut body: Body, limit: usize) -> Result<BodyState, BodyError> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
                first = Bytes::new();
            }
            all.extend_from_slice(&data);
        }
        if first.len().max(all.len()) > limit {
            let head = if all.is_empty() { first } else { all.freeze() };
            return Ok(BodyState::Streaming(Body::resumed(head, body)));
        }
    }
    let whole = if all.is_empty() { first } else { all.freeze() };
    Ok(BodyState::Buffered(whole))
}
