//! Bodies of an exchange, from the wire into memory.
//!
//! Steps ask for them (`Needs`, `buffer-request-body`, `max-size`). What must stay true: each has a limit in bytes; a body
//! that breaks says whose it was.

use super::{BodyState, Exchange, Response};
use crate::body::{Body, BodyError};
use crate::failure::Failure;
use crate::step::Needs;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body as _;
use std::pin::Pin;

impl Exchange {
    /// Reads the bodies that a step needs into memory.
    pub async fn buffer(&mut self, needs: Needs, source: &'static str) -> Result<(), Box<Failure>> {
        let limit = self.snapshot.gateway.max_buffered_body;
        if needs.request_body
            && let BodyState::Streaming(body) = &mut self.request.body
        {
            let body = std::mem::take(body);
            match collect(body, limit).await {
                Ok(bytes) => {
                    self.received_bytes = bytes.len() as u64;
                    self.request.body = BodyState::Buffered(bytes);
                }
                Err(BodyError::TooLarge(limit)) => {
                    self.request.body = BodyState::Consumed;
                    return Err(Failure::refused(
                        source,
                        "RequestBodyTooLarge",
                        StatusCode::PAYLOAD_TOO_LARGE,
                        format!(
                            "The request body is larger than the {limit} bytes that a policy may read."
                        ),
                    ));
                }
                Err(error) => return Err(self.caller_broke(source, &error)),
            }
        }
        if needs.response_body
            && !crate::mcp::is_open_stream(self)
            && let Some(Response {
                body: state @ BodyState::Streaming(_),
                ..
            }) = &mut self.response
        {
            let BodyState::Streaming(body) = std::mem::replace(state, BodyState::Consumed) else {
                return Ok(());
            };
            match collect(body, limit).await {
                Ok(bytes) => self.response_mut().body = BodyState::Buffered(bytes),
                Err(error) => {
                    self.answer_broke(&error);
                    return Err(Failure::internal(
                        source,
                        "BackendConnectionFailure",
                        error.to_string(),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Reads the request body into memory so that it can be sent again. One that is larger than the limit, which may
    /// show only on the way, stays a stream.
    pub(crate) async fn keep_request_body(
        &mut self,
        source: &'static str,
    ) -> Result<(), Box<Failure>> {
        let limit = self.snapshot.gateway.max_buffered_body;
        self.keep_request_body_within(limit, source).await
    }

    async fn keep_request_body_within(
        &mut self,
        limit: usize,
        source: &'static str,
    ) -> Result<(), Box<Failure>> {
        let BodyState::Streaming(body) = &mut self.request.body else {
            return Ok(());
        };
        let body = std::mem::take(body);
        match collect_or_resume(body, limit).await {
            Ok(Collected::Whole(bytes)) => {
                self.received_bytes = bytes.len() as u64;
                self.request.body = BodyState::Buffered(bytes);
                Ok(())
            }
            Ok(Collected::Larger(body)) => {
                self.request.body = BodyState::Streaming(body);
                Ok(())
            }
            Err(error) => Err(self.caller_broke(source, &error)),
        }
    }

    /// Reads the body of the current section's message into memory, if it has no more than `limit` bytes; else it goes
    /// on as a stream. A failure's source is filled in by the runner.
    pub(crate) async fn keep_body_within(&mut self, limit: usize) -> Result<(), Box<Failure>> {
        if self.section.on_request() {
            return self.keep_request_body_within(limit, "").await;
        }
        let state = self.response.as_mut().map(|r| &mut r.body);
        let Some(BodyState::Streaming(body)) = state else {
            return Ok(());
        };
        let body = std::mem::take(body);
        let kept = collect_or_resume(body, limit).await;
        let body = match kept {
            Ok(Collected::Whole(bytes)) => BodyState::Buffered(bytes),
            Ok(Collected::Larger(body)) => BodyState::Streaming(body),
            Err(error) => {
                self.answer_broke(&error);
                let why = error.to_string();
                return Err(Failure::internal("", "BackendConnectionFailure", why));
            }
        };
        self.response_mut().body = body;
        Ok(())
    }

    /// The request body broke before its end.
    fn caller_broke(&mut self, source: &'static str, error: &BodyError) -> Box<Failure> {
        self.request.body = BodyState::Consumed;
        Failure::refused(
            source,
            "ClientConnectionFailure",
            StatusCode::BAD_REQUEST,
            format!("the caller stopped sending: {error}"),
        )
    }
}

/// Reads a body to its end, at most `limit` bytes. One chunk is not copied.
pub async fn collect(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    match collect_or_resume(body, limit).await? {
        Collected::Whole(bytes) => Ok(bytes),
        Collected::Larger(_) => Err(BodyError::TooLarge(limit)),
    }
}

/// A body that was read into memory, if it fits.
pub(crate) enum Collected {
    /// It does.
    Whole(Bytes),
    /// It does not: all of it, from its beginning.
    Larger(Body),
}

/// The same, but a body that is larger goes on as a stream.
pub(crate) async fn collect_or_resume(
    mut body: Body,
    limit: usize,
) -> Result<Collected, BodyError> {
    let mut first: Option<Bytes> = None;
    let mut all: Option<BytesMut> = None;
    let size = body.size_hint();
    let hint = size.upper().and_then(|n| usize::try_from(n).ok());
    if hint.is_some_and(|n| n > limit) || size.lower() > limit as u64 {
        return Ok(Collected::Larger(body));
    }
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let read = all.as_ref().map(BytesMut::len);
        let read = read.or(first.as_ref().map(Bytes::len)).unwrap_or(0);
        if let Some(all) = &mut all {
            all.extend_from_slice(&data);
        } else if let Some(one) = first.take() {
            let mut buffer = BytesMut::with_capacity(hint.unwrap_or(0).max(one.len() + data.len()));
            buffer.extend_from_slice(&one);
            buffer.extend_from_slice(&data);
            all = Some(buffer);
        } else {
            first = Some(data.clone());
        }
        if read + data.len() > limit {
            let head = all.map(BytesMut::freeze).or(first).unwrap_or_default();
            return Ok(Collected::Larger(Body::resumed(head, body)));
        }
    }
    let bytes = all.map(BytesMut::freeze).or(first).unwrap_or_default();
    Ok(Collected::Whole(bytes))
}
