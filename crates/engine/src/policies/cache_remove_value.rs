//! `cache-remove-value`: removes a value from the cache. A key that is not there is no error.

use super::cache_lookup_value::CACHING_TYPE;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::probe::{CacheAccess, Event};
use crate::step::{Flow, Step};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "cache-remove-value",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("key", Kind::Text, "the key")
            .required()
            .expression(),
        CACHING_TYPE,
    ],
    children: &[],
    content: Content::Empty,
    doc: "Removes the value of a key from the cache.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let key = cx.arg(element, "key")?;
    cx.step(CacheRemoveValue { key })
}

#[derive(Debug)]
struct CacheRemoveValue {
    key: Arg<Str>,
}

impl Step for CacheRemoveValue {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let key = match self.key.get(rq) {
            Ok(key) => key,
            Err(failure) => return Flow::Fail(failure),
        };
        rq.tell(|| Event::Cache {
            access: CacheAccess::Removed,
            key: &key,
        });
        // A later lookup of this request must miss, so this is waited for.
        let removed = rq
            .services
            .cache
            .remove(&key, rq.services.clock.unix_millis());
        rq.after(removed, |_, _| Flow::Next)
    }

    fn may_wait(&self) -> bool {
        true
    }
}
