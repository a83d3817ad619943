//! `cache-store`: keeps the answer to a request that `cache-lookup` did not find.
//!
//! What must stay true: the answer passes as it comes and is kept only when it is whole; nothing that fails here fails
//! the call; one caller's cookies are not given to another.

use crate::body::coding::Coding;
use crate::body::recorder;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::{Exchange, forget_body};
use crate::failure::Failure;
use crate::llm_call::is_event_stream;
use crate::probe::{CacheAccess, Event};
use crate::response_cache::CachedResponse;
use crate::step::{Flow, Step};
use http::{HeaderName, StatusCode, header};
use tollgate_lang::document::Element;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "cache-store",
    sections: Sections::OUTBOUND,
    scopes: Scopes::ALL,
    // API Management's page says once in a section; real documents have one in each branch of a `choose`.
    once: Once::Many,
    attributes: &[
        attribute(
            "duration",
            Kind::Int(1, i32::MAX as i64),
            "how many seconds the answer is kept",
        )
        .required()
        .expression(),
        attribute(
            "cache-response",
            Kind::Bool,
            "whether this answer is kept, whatever its status; without it, answers with status 200 are",
        )
        .expression(),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Keeps the answer, as it is at this place, for requests like the one that `cache-lookup` looked up and did not find. Answers up to 2 MiB are kept, without their `Set-Cookie`; event streams, empty answers and answers in a coding other than gzip and deflate are not.",
    compile,
};

/// Largest answer that is kept, in bytes.
const LARGEST: usize = 2 << 20;

/// Headers that belong to one exchange.
const NOT_KEPT: [HeaderName; 5] = [
    header::SET_COOKIE,
    header::CONNECTION,
    header::AGE,
    header::DATE,
    header::TRAILER,
];

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let duration = cx.arg(element, "duration");
    let always = match element.attribute("cache-response") {
        Some(attribute) => Some(cx.text_arg::<bool>(&attribute.value)?),
        None => None,
    };
    cx.step(CacheStore {
        duration: duration?,
        always,
    })
}

#[derive(Debug)]
struct CacheStore {
    duration: Arg<i64>,
    always: Option<Arg<bool>>,
}

impl CacheStore {
    fn store(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let Some(missed) = rq.missed.take() else {
            return Ok(());
        };
        let seconds = u64::try_from(self.duration.get(rq)?).unwrap_or(0);
        let wanted = match &self.always {
            Some(always) => always.get(rq)?,
            None => rq.response_mut().status == StatusCode::OK,
        };
        if !wanted || seconds == 0 {
            return Ok(());
        }
        let services = rq.services.clone();
        let response = rq.response_mut();
        missed.downstream.tell(&mut response.headers, seconds);
        if is_event_stream(&response.headers) {
            return Ok(());
        }
        let coding = Coding::of(&response.headers);
        let now = services.clock.unix_millis();
        let mut headers = response.headers.clone();
        forget_body(&mut headers);
        for name in &NOT_KEPT {
            headers.remove(name);
        }
        let mut kept = CachedResponse {
            status: response.status,
            reason: response.reason.clone(),
            headers,
            body: bytes::Bytes::new(),
            stored_millis: now,
            expires_millis: now.saturating_add(seconds.saturating_mul(1000)),
        };
        let key = missed.key.clone();
        recorder::record(response, LARGEST, move |body| {
            let Some(plain) = coding.undo(&body, LARGEST) else {
                return;
            };
            kept.body = plain;
            let now = services.clock.unix_millis();
            let left = kept.expires_millis.saturating_sub(now);
            let weight = kept.weight();
            let stored = services.responses.put(&missed.key, kept, weight, left, now);
            services.forget(stored);
        });
        rq.tell(|| Event::Cache {
            access: CacheAccess::Stored,
            key: &key,
        });
        Ok(())
    }
}

impl Step for CacheStore {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.store(rq).into()
    }
}
