//! `llm-semantic-cache-store`: keeps the answer to a prompt that the lookup did not find.
//!
//! `azure-openai-semantic-cache-store` is the same step. What must stay true: the answer passes as it comes and is kept
//! only when it is whole; nothing that fails here fails the call.

use crate::body::recorder;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::llm_call::{CacheStatus, CachedAnswer, is_encoded, is_event_stream};
use crate::probe::{CacheAccess, Event};
use crate::services::Services;
use crate::step::{Flow, Step};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use std::rc::Rc;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "llm-semantic-cache-store",
    sections: Sections::OUTBOUND,
    scopes: Scopes::ALL,
    once: Once::PerSection,
    attributes: &[attribute(
        "duration",
        Kind::Int(1, i32::MAX as i64),
        "how many seconds the answer is kept",
    )
    .required()
    .expression()],
    children: &[],
    content: Content::Empty,
    doc: "Keeps the answer under the prompt that `llm-semantic-cache-lookup` looked up and did not find. Only whole answers with status 200 and at most 1 MiB are kept, as they are at this place of `outbound`.",
    compile,
};

/// Largest answer that is kept.
const LARGEST: usize = 1 << 20;

/// Headers that belong to the answer and not to the call it was given to.
const KEPT: [HeaderName; 2] = [header::CONTENT_TYPE, header::CONTENT_LANGUAGE];

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let duration = cx.arg(element, "duration")?;
    cx.step(Store { duration })
}

#[derive(Debug)]
struct Store {
    duration: Arg<i64>,
}

impl Store {
    fn store(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let Some(CacheStatus::Miss { partition, vector }) = rq.llm.as_ref().map(|call| &call.cache)
        else {
            return Ok(());
        };
        let (partition, vector) = (partition.clone(), vector.clone());
        let seconds = u64::try_from(self.duration.get(rq)?).unwrap_or(0);
        let services = rq.services.clone();
        let Some(response) = rq.response.as_mut().filter(|r| {
            r.status == StatusCode::OK && !is_encoded(&r.headers) && !is_event_stream(&r.headers)
        }) else {
            return Ok(());
        };
        let headers = KEPT
            .iter()
            .filter_map(|name| Some((name.clone(), response.headers.get(name)?.clone())))
            .collect();
        let key = partition.clone();
        let place = Place {
            services,
            partition,
            vector,
            ttl_ms: seconds.saturating_mul(1000),
            headers,
        };
        recorder::record(response, LARGEST, |body| place.keep(body));
        rq.tell(|| Event::Cache {
            access: CacheAccess::Stored,
            key: &key,
        });
        Ok(())
    }
}

impl Step for Store {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.store(rq).into()
    }
}

/// Where the answer goes.
struct Place {
    services: Rc<Services>,
    partition: Str,
    vector: Rc<[f32]>,
    ttl_ms: u64,
    headers: HeaderMap,
}

impl Place {
    fn keep(self, body: Bytes) {
        let weight = (body.len() + 256) as u64;
        let answer = CachedAnswer {
            status: StatusCode::OK,
            headers: self.headers,
            body,
        };
        let now = self.services.clock.unix_millis();
        let stored = self.services.vectors.put(
            &self.partition,
            &self.vector,
            answer,
            weight,
            self.ttl_ms,
            now,
        );
        self.services.forget(stored);
    }
}
