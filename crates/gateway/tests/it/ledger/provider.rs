//! A provider that keeps books of its own: which calls came, what each used, and which ones it finished.
//!
//! Some of its answers it finishes also when nobody reads them any more, as providers do.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A call as the provider knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Billed {
    /// Tokens of prompt and completion.
    pub(super) tokens: (u64, u64),
    /// Whether it came to its end, so that it is billed.
    pub(super) finished: bool,
}

#[derive(Default)]
struct Books {
    calls: Mutex<BTreeMap<u128, Billed>>,
    /// Grows with everything that happens.
    progress: AtomicU64,
    moved: Notify,
}

impl Books {
    fn step(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_waiters();
    }

    fn finish(&self, id: u128) {
        self.calls.lock().unwrap().get_mut(&id).unwrap().finished = true;
    }
}

/// The provider.
pub(super) struct Provider {
    pub(super) address: SocketAddr,
    books: Arc<Books>,
    task: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    pub(super) async fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let books = Arc::new(Books::default());
        let served = books.clone();
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                let books = served.clone();
                tokio::spawn(async move {
                    let answer = service_fn(|request| answer(books.clone(), request));
                    // The gateway dies in the middle: that is what this is for.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        });
        Provider {
            address,
            books,
            task,
        }
    }

    /// Its books: calls by the id that came with them.
    pub(super) fn billed(&self) -> BTreeMap<u128, Billed> {
        self.books.calls.lock().unwrap().clone()
    }

    /// Waits until so many more things have happened here.
    pub(super) async fn moves(&self, steps: u64) {
        let end = self.books.progress.load(Ordering::Relaxed) + steps;
        loop {
            let moved = self.books.moved.notified();
            if self.books.progress.load(Ordering::Relaxed) >= end {
                return;
            }
            moved.await;
        }
    }
}

/// A number of a call's own, the same each time.
fn mixed(id: u128) -> u64 {
    let mut z = (id as u64) ^ ((id >> 64) as u64);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z ^ (z >> 27)
}

async fn answer(
    books: Arc<Books>,
    request: Request<Incoming>,
) -> Result<Response<Generation>, Infallible> {
    let id = request.headers()["x-client-request-id"].to_str().unwrap();
    let id: u128 = uuid::Uuid::parse_str(id).unwrap().as_u128();
    let Ok(body) = request.into_body().collect().await else {
        // It never came to be a call.
        return Ok(Response::new(Generation::nothing(books)));
    };
    let body: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
    let random = mixed(id);
    let tokens = (50 + random % 451, 1 + random / 1000 % 30);
    let billed = Billed {
        tokens,
        finished: false,
    };
    let known = books.calls.lock().unwrap().insert(id, billed);
    assert!(known.is_none(), "call {id:x} came twice");
    books.step();
    let usage = format!(
        r#""usage":{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}}"#,
        tokens.0,
        tokens.1,
        tokens.0 + tokens.1
    );
    let mut parts = Vec::new();
    let kind = if body["stream"] == true {
        assert_eq!(body["stream_options"]["include_usage"], true);
        for _ in 0..tokens.1 {
            parts.push(String::from("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" way\"},\"finish_reason\":null}],\"model\":\"gpt-4o-mini\",\"usage\":null}\n\n"));
        }
        parts.push(String::from("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"model\":\"gpt-4o-mini\",\"usage\":null}\n\n"));
        parts.push(format!(
            "data: {{\"choices\":[],\"model\":\"gpt-4o-mini\",{usage}}}\n\n"
        ));
        parts.push(String::from("data: [DONE]\n\n"));
        "text/event-stream"
    } else {
        parts.push(format!(
            r#"{{"choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},"finish_reason":"stop"}}],"model":"gpt-4o-mini",{usage}}}"#,
            " way".repeat(usize::try_from(tokens.1).unwrap())
        ));
        "application/json"
    };
    parts.reverse();
    let mut response = Response::new(Generation {
        id: Some(id),
        parts,
        pauses: random % 40,
        paused: 0,
        works_on: random.is_multiple_of(2),
        books,
    });
    response
        .headers_mut()
        .insert("content-type", kind.parse().unwrap());
    Ok(response)
}

/// An answer that is being made.
struct Generation {
    id: Option<u128>,
    /// Last first.
    parts: Vec<String>,
    /// Turns of the scheduler before each part.
    pauses: u64,
    paused: u64,
    works_on: bool,
    books: Arc<Books>,
}

impl Generation {
    fn nothing(books: Arc<Books>) -> Generation {
        Generation {
            id: None,
            parts: Vec::new(),
            pauses: 0,
            paused: 0,
            works_on: false,
            books,
        }
    }
}

impl http_body::Body for Generation {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.paused < self.pauses {
            self.paused += 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.paused = 0;
        self.books.step();
        let part = self.parts.pop();
        // Who has told the usage bills it, whether or not anybody reads the end.
        if part
            .as_ref()
            .is_some_and(|part| part.contains("total_tokens"))
            && let Some(id) = self.id.take()
        {
            self.books.finish(id);
        }
        Poll::Ready(part.map(|part| Ok(Frame::data(Bytes::from(part)))))
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        self.books.step();
        if let Some(id) = self.id.filter(|_| self.works_on) {
            self.books.finish(id);
        }
    }
}
