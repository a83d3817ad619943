//! Taps, however the body ends.

use super::*;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

/// A body of these chunks that says when it has given the last, as one of a known length does.
struct Announced(VecDeque<&'static str>, bool);

impl http_body::Body for Announced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let chunk = self.0.pop_front().map(|c| Bytes::from_static(c.as_bytes()));
        Poll::Ready(chunk.map(|c| Ok(Frame::data(c))))
    }

    fn is_end_stream(&self) -> bool {
        self.1 && self.0.is_empty()
    }
}

/// Holds the last letter back, and notes the end.
struct Last(Option<u8>, Rc<RefCell<u32>>);

impl Tap for Last {
    fn chunk(&mut self, chunk: Bytes) -> Option<Bytes> {
        let mut out: Vec<u8> = self.0.take().into_iter().collect();
        out.extend_from_slice(&chunk);
        self.0 = out.pop();
        (!out.is_empty()).then(|| out.into())
    }

    fn end(&mut self) -> Option<Bytes> {
        *self.1.borrow_mut() += 1;
        self.0.take().map(|last| vec![last].into())
    }
}

fn frames(body: &mut Body) -> Vec<String> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut frames = Vec::new();
    while !http_body::Body::is_end_stream(body) {
        match http_body::Body::poll_frame(Pin::new(&mut *body), &mut cx) {
            Poll::Ready(Some(frame)) => {
                let data = frame.unwrap().into_data().unwrap();
                frames.push(String::from_utf8(data.to_vec()).unwrap());
            }
            Poll::Ready(None) => break,
            Poll::Pending => panic!("nothing waits here"),
        }
    }
    frames
}

#[test]
fn taps_end_once_whether_the_end_is_announced_or_found() {
    for (announced, expected) in [(true, vec!["a", "bcde"]), (false, vec!["a", "bc", "de"])] {
        let ended = Rc::new(RefCell::new(0));
        let inner = Announced(VecDeque::from(["abc", "de"]), announced);
        let taps: Vec<Box<dyn Tap>> = vec![
            Box::new(Last(None, ended.clone())),
            Box::new(Last(None, ended.clone())),
        ];
        let mut body = Tapped::wrap(Body::Stream(Box::pin(inner)), taps);
        assert_eq!(frames(&mut body), expected);
        assert_eq!(*ended.borrow(), 2);
        assert!(http_body::Body::is_end_stream(&body));
    }
}

/// A body of these chunks that does not tell its length.
fn untold(chunks: &[&'static str]) -> Body {
    Body::Stream(Box::pin(Announced(chunks.iter().copied().collect(), false)))
}

#[tokio::test]
async fn a_body_that_turns_out_too_large_goes_on_from_its_beginning() {
    use crate::exchange::{Collected, collect, collect_or_resume};
    match collect_or_resume(untold(&["ab", "cd"]), 4).await.unwrap() {
        Collected::Whole(bytes) => assert_eq!(&*bytes, b"abcd"),
        Collected::Larger(_) => panic!("it fits"),
    }
    for limit in 0..4 {
        match collect_or_resume(untold(&["ab", "", "cd", "ef"]), limit)
            .await
            .unwrap()
        {
            Collected::Whole(_) => panic!("it does not fit into {limit}"),
            Collected::Larger(mut body) => {
                assert_eq!(frames(&mut body).concat(), "abcdef", "{limit}");
            }
        }
        let told = collect(untold(&["abcdef"]), limit).await;
        assert!(matches!(told, Err(BodyError::TooLarge(n)) if n == limit));
    }
}

/// A body that ends in trailers.
struct Trailed(VecDeque<Frame<Bytes>>);

impl http_body::Body for Trailed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

#[test]
fn what_a_tap_held_goes_before_the_trailers() {
    let ends = Rc::new(RefCell::new(0));
    let frames = [
        Frame::data(Bytes::from_static(b"ab")),
        Frame::trailers(http::HeaderMap::new()),
    ];
    let inner = Body::Stream(Box::pin(Trailed(frames.into())));
    let mut body = Tapped::wrap(inner, vec![Box::new(Last(None, ends.clone()))]);
    let mut cx = Context::from_waker(Waker::noop());
    let mut next = || match http_body::Body::poll_frame(Pin::new(&mut body), &mut cx) {
        Poll::Ready(Some(frame)) => Some(frame.unwrap()),
        Poll::Ready(None) => None,
        Poll::Pending => panic!("nothing waits here"),
    };
    for data in ["a", "b"] {
        assert_eq!(next().unwrap().into_data().unwrap(), data);
    }
    assert!(next().unwrap().is_trailers());
    assert!(next().is_none());
    assert_eq!(*ends.borrow(), 1);
}
