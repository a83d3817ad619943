//! `cache-store-value`: keeps a value in the cache.
//!
//! What must stay true: nothing waits for the store, and a value that cannot be kept fails no request.

use super::cache_lookup_value::CACHING_TYPE;
use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, arg::AnyArg, attribute,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::probe::{CacheAccess, Event};
use crate::step::{Flow, Step};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "cache-store-value",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("key", Kind::Text, "the key")
            .required()
            .expression(),
        attribute("value", Kind::Text, "the value, kept with its type")
            .required()
            .expression(),
        attribute(
            "duration",
            Kind::Int(1, i32::MAX as i64),
            "how many seconds it is kept",
        )
        .required()
        .expression(),
        CACHING_TYPE,
    ],
    children: &[],
    content: Content::Empty,
    doc: "Keeps a value in the cache under a key. A value that cannot be kept (too large, or of a type that has no copy) is dropped without an error.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let (key, value, duration) = (
        cx.arg(element, "key"),
        cx.any_arg(element, "value"),
        cx.arg(element, "duration"),
    );
    cx.step(CacheStoreValue {
        key: key?,
        value: value?,
        duration: duration?,
    })
}

#[derive(Debug)]
struct CacheStoreValue {
    key: Arg<Str>,
    value: AnyArg,
    duration: Arg<i64>,
}

impl CacheStoreValue {
    fn store(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let key = self.key.get(rq)?;
        let value = self.value.get(rq)?;
        let seconds = u64::try_from(self.duration.get(rq)?).unwrap_or(0);
        if let Some(frozen) = value.freeze() {
            let weight = frozen.weight() as u64;
            rq.tell(|| Event::Cache {
                access: CacheAccess::Stored,
                key: &key,
            });
            let now = rq.services.clock.unix_millis();
            rq.forget(rq.services.cache.put(
                &key,
                frozen,
                weight,
                seconds.saturating_mul(1000),
                now,
            ));
        }
        Ok(())
    }
}

impl Step for CacheStoreValue {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.store(rq).into()
    }
}
