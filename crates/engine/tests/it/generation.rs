//! A provider's answer under way, for tests that keep a provider's books: token by token, with a pause before each.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll};
use tollgate_engine::body::{Body, BodyError};

/// The body: its parts, last first, and who is told of each that is taken. What `told` holds goes when the body does.
struct Generation<F> {
    parts: Vec<String>,
    told: F,
    pause: bool,
}

impl<F: FnMut(&str) + Unpin> http_body::Body for Generation<F> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.pause = !self.pause;
        if self.pause {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let part = self.parts.pop();
        if let Some(part) = &part {
            (self.told)(part);
        }
        Poll::Ready(part.map(|part| Ok(Frame::data(Bytes::from(part)))))
    }
}

/// An answer of these parts; `told` hears of each as it is taken.
pub(crate) fn answer(
    kind: &'static str,
    mut parts: Vec<String>,
    told: impl FnMut(&str) + Unpin + 'static,
) -> Response<Body> {
    parts.reverse();
    let mut response = Response::new(Body::Stream(Box::pin(Generation {
        parts,
        told,
        pause: false,
    })));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
