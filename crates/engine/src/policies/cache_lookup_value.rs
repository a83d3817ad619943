//! `cache-lookup-value`: puts a cached value into a variable.
//!
//! What must stay true: on a miss without a default the variable is not set (documents ask `ContainsKey`); a value from
//! the cache shares nothing with what was stored.

use crate::compile::{
    Arg, AttributeDef, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, arg::AnyArg,
    attribute,
};
use crate::exchange::Exchange;
use crate::probe::tell_found;
use crate::step::{Flow, Step};
use std::sync::Arc;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// `caching-type`, on every cache policy.
pub const CACHING_TYPE: AttributeDef = attribute(
    "caching-type",
    Kind::OneOf(&["internal", "external", "prefer-external"]),
    "which cache; this version has one, in memory, and every value means it",
)
.default("prefer-external");

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "cache-lookup-value",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("key", Kind::Text, "the key")
            .required()
            .expression(),
        attribute(
            "variable-name",
            Kind::Text,
            "the variable that gets the value",
        )
        .required(),
        attribute(
            "default-value",
            Kind::Text,
            "the variable's value when the key is not there; without it, the variable is not set",
        )
        .expression(),
        CACHING_TYPE,
    ],
    children: &[],
    content: Content::Empty,
    doc: "Looks a value up in the cache and puts it into a variable.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let key = cx.arg(element, "key");
    let default = cx.any_arg(element, "default-value");
    let variable = cx.literal(element, "variable-name")?;
    cx.step(CacheLookupValue(Arc::new(Inner {
        key: key?,
        variable,
        default,
    })))
}

#[derive(Debug)]
struct CacheLookupValue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: Arg<Str>,
    variable: Str,
    default: Option<AnyArg>,
}

impl Step for CacheLookupValue {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let key = match self.0.key.get(rq) {
            Ok(key) => key,
            Err(failure) => return Flow::Fail(failure),
        };
        let found = rq.services.cache.get(&key, rq.services.clock.unix_millis());
        let inner = self.0.clone();
        rq.after(found, move |rq, found| {
            tell_found(rq, &key, found.is_some());
            let value = match (found, &inner.default) {
                (Some(frozen), _) => frozen.thaw(),
                (None, None) => return Flow::Next,
                (None, Some(default)) => match default.get(rq) {
                    Ok(value) => value,
                    Err(failure) => return Flow::Fail(failure),
                },
            };
            rq.set_variable(&inner.variable, value);
            Flow::Next
        })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
