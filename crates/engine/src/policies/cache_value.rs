//! `cache-value`: a cached value, or the one that its policies compute, which is then kept.
//!
//! Microsoft's policy toolkit is the only description. What must stay true: of the requests that need a value of one key
//! at one time, one computes it and the others wait for it, but not for ever; a value that is only due for a refresh is
//! given to all but the one that refreshes it, and to that one too when the refresh fails.

use super::cache_lookup_value::CACHING_TYPE;
use crate::LocalBoxFuture;
use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, arg::AnyArg, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::probe::{CacheAccess, Event, tell_found};
use crate::step::{Block, Flow, Step};
use std::time::Duration;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::{Frozen, Str, Value};

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "cache-value",
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
            "the variable that gets the value, and that the policies in `value` set",
        )
        .required(),
        attribute(
            "expires-after",
            Kind::Int(0, i32::MAX as i64),
            "seconds that a computed value is kept, 0: not at all; without it, until there is no room. It is read after the policies in `value` have run",
        )
        .expression(),
        attribute(
            "refresh-after",
            Kind::Int(0, i32::MAX as i64),
            "seconds after which one request computes the value anew while the others still get the old one; less than `expires-after`",
        )
        .expression(),
        attribute(
            "default-value",
            Kind::Text,
            "the variable's value when the policies in `value` set none; without it, the variable is not set",
        )
        .expression(),
        CACHING_TYPE,
    ],
    children: &[child(
        "value",
        Content::Policies,
        "policies that compute the value: they run when nothing is cached and must set the variable",
    )
    .times(1, 1)],
    content: Content::Empty,
    doc: "Puts a cached value into a variable; when there is none, runs the policies in `value` and keeps what they put there.\n\nOf the requests that need the value of a key at one time, one runs the policies and the others wait for what it finds, 30 seconds at most. The keys are those of `cache-lookup-value` and `cache-remove-value`. A refresh that fails leaves the old value in use; any other failure of the policies is the request's.",
    compile,
};

/// How long a request waits for another one that computes the value. Then it computes it too.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it looks again: others that wait may enter first, and fail.
const MOST_TRIES: u32 = 100;

/// Without `expires-after`: longer than a process lives, in milliseconds.
const FOR_EVER: u64 = 1 << 42;

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let key = cx.arg(element, "key");
    let default = cx.any_arg(element, "default-value");
    let mut seconds = |name: &str| {
        let there = element.attribute(name).is_some();
        let arg = there.then(|| cx.arg::<i64>(element, name));
        // Refused: reported already.
        (arg.as_ref().is_some_and(Option::is_none), arg.flatten())
    };
    let (bad_expiry, expires_after) = seconds("expires-after");
    let (bad_refresh, refresh_after) = seconds("refresh-after");
    if let (Some(Arg::Const(expires)), Some(Arg::Const(refresh))) = (&expires_after, &refresh_after)
        && refresh >= expires
        && let Some(attribute) = element.attribute("refresh-after")
    {
        cx.report(
            Diagnostic::error(
                "TG0502",
                attribute.value.span,
                format!(
                    "a value that ends after {expires} s cannot be refreshed after {refresh} s"
                ),
            )
            .label("expected less than `expires-after`"),
        );
    }
    let value = element.elements().find(|e| &*e.name == "value");
    let block = value.map(|value| cx.branch(value, None).0);
    let variable = cx.literal(element, "variable-name")?;
    if bad_expiry || bad_refresh {
        return None;
    }
    cx.step(CacheValue {
        key: key?,
        variable,
        expires_after,
        refresh_after,
        default,
        block: block?,
    })
}

#[derive(Debug)]
struct CacheValue {
    key: Arg<Str>,
    variable: Str,
    expires_after: Option<Arg<i64>>,
    refresh_after: Option<Arg<i64>>,
    default: Option<AnyArg>,
    block: Block,
}

/// Under which the cache says that a value is not due for a refresh.
fn fresh_key(key: &str) -> String {
    format!("{key}\0fresh")
}

impl CacheValue {
    /// What is cached, and whether it is due for a refresh.
    async fn cached(&self, rq: &Exchange, key: &str) -> Option<(Frozen, bool)> {
        let cache = &rq.services.cache;
        let now = rq.services.clock.unix_millis();
        let found = cache.get(key, now).get().await;
        tell_found(rq, key, found.is_some());
        let found = found?;
        let due =
            self.refresh_after.is_some() && cache.get(&fresh_key(key), now).get().await.is_none();
        Some((found, due))
    }

    async fn get(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        let key = self.key.get(rq)?;
        let entrance = format!("{key}\0cache-value");
        let services = rq.services.clone();
        let begin = services.clock.monotonic_nanos();
        for _ in 0..MOST_TRIES {
            let found = match self.cached(rq, &key).await {
                Some((found, false)) => return Ok(self.give(rq, &found)),
                found => found.map(|(found, _)| found),
            };
            if let Some(_slot) = services.concurrency.enter(&entrance, 1) {
                // Who was inside until now may have kept it.
                return match self.cached(rq, &key).await {
                    Some((found, false)) => Ok(self.give(rq, &found)),
                    _ => self.compute(rq, &key, found).await,
                };
            }
            if let Some(found) = found {
                return Ok(self.give(rq, &found));
            }
            let waited = services.clock.monotonic_nanos().saturating_sub(begin);
            let patience = PATIENCE.saturating_sub(Duration::from_nanos(waited));
            tokio::select! {
                biased;
                () = services.concurrency.left(&entrance) => {}
                () = services.clock.sleep(patience) => break,
            }
        }
        self.compute(rq, &key, None).await
    }

    fn give(&self, rq: &mut Exchange, found: &Frozen) -> Flow {
        rq.set_variable(&self.variable, found.thaw());
        Flow::Next
    }

    /// Runs the policies and keeps what they put into the variable. `old`: what is in use until then.
    async fn compute(
        &self,
        rq: &mut Exchange,
        key: &str,
        old: Option<Frozen>,
    ) -> Result<Flow, Box<Failure>> {
        rq.variables.retain(|(name, _)| *name != self.variable);
        match (self.block.run(rq).await, old) {
            (Flow::Next, _) => {}
            (Flow::Fail(_), Some(old)) => return Ok(self.give(rq, &old)),
            (flow, _) => return Ok(flow),
        }
        let Some(value) = rq.variable(&self.variable) else {
            if let Some(default) = &self.default {
                let value = default.get(rq)?;
                rq.set_variable(&self.variable, value);
            }
            return Ok(Flow::Next);
        };
        let frozen = value.freeze();
        let life = millis(&self.expires_after, rq)?.unwrap_or(FOR_EVER);
        let fresh = millis(&self.refresh_after, rq)?;
        if let Some(frozen) = frozen {
            let now = rq.services.clock.unix_millis();
            let cache = &rq.services.cache;
            if let Some(fresh) = fresh
                && let Some(mark) = Value::Bool(true).freeze()
            {
                rq.forget(cache.put(&fresh_key(key), mark, 1, fresh, now));
            }
            let weight = frozen.weight() as u64;
            rq.tell(|| Event::Cache {
                access: CacheAccess::Stored,
                key,
            });
            rq.forget(cache.put(key, frozen, weight, life, now));
        }
        Ok(Flow::Next)
    }
}

fn millis(seconds: &Option<Arg<i64>>, rq: &mut Exchange) -> Result<Option<u64>, Box<Failure>> {
    let seconds = seconds.as_ref().map(|s| s.get(rq)).transpose()?;
    Ok(seconds.map(|s| u64::try_from(s).unwrap_or(0).saturating_mul(1000)))
}

impl Step for CacheValue {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.get(rq).await.unwrap_or_else(Flow::Fail) })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
