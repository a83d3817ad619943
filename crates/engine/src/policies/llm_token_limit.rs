//! `llm-token-limit`: limits the tokens of a key, by the minute and by fixed periods.
//!
//! `azure-openai-token-limit` is the same step. The estimate is reserved at admission and settled to real usage when the
//! request ends, however it ends. What must stay true: a refused call counts nothing; an answer from the cache counts
//! nothing; of two policies that share a counter in one request, one counts.

use crate::LocalBoxFuture;
use crate::compile::{
    Arg, AttributeDef, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, arg::Long,
    attribute,
};
use crate::exchange::{Deferred, Exchange, Hold};
use crate::failure::Failure;
use crate::limits::{Tell, Told, int, limits_nothing};
use crate::llm_call::Most;
use crate::probe::{Counted, Event};
use crate::settle::Outcome;
use crate::step::{Flow, Step};
use http::{HeaderValue, StatusCode};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;
use tollgate_llm::stream::Stopped;
use tollgate_state::counters::retry_after_seconds;
use tollgate_state::{Exceeded, Period, Reservation, TokenLimit, TokensLeft};

/// The attributes of both elements.
pub const ATTRIBUTES: &[AttributeDef] = &[
    attribute("counter-key", Kind::Text, "the key; each distinct value has a counter, which every policy with the same key counts on").required().expression(),
    attribute("tokens-per-minute", Kind::Int(1, i32::MAX as i64), "the most prompt and completion tokens in any minute"),
    attribute("token-quota", Kind::Int(1, i64::MAX), "the most prompt and completion tokens in a period; an expression must give a `long`").expression(),
    attribute("token-quota-period", Kind::OneOf(PERIODS), "the quota's period, in UTC; a week begins on Monday").expression(),
    attribute("estimate-prompt-tokens", Kind::Bool, "whether to count the prompt before the call and refuse what does not fit; of a stream it always is").default("false"),
    attribute("retry-after-header-name", Kind::Text, "header of a refusal that says after how many seconds to come back").default("Retry-After"),
    attribute("retry-after-variable-name", Kind::Text, "variable with the same number, for `on-error`"),
    attribute("remaining-quota-tokens-header-name", Kind::Text, "header of every answer with the tokens that are left of the quota"),
    attribute("remaining-quota-tokens-variable-name", Kind::Text, "variable with the same number"),
    attribute("remaining-tokens-header-name", Kind::Text, "header of every answer with the tokens that are left of the minute"),
    attribute("remaining-tokens-variable-name", Kind::Text, "variable with the same number"),
    attribute("tokens-consumed-header-name", Kind::Text, "header with the tokens that the call used; of an event stream, those that were estimated"),
    attribute("tokens-consumed-variable-name", Kind::Text, "variable with the same number: the estimate (0 without one), in `outbound` what was used"),
];

const PERIODS: &[&str] = &["Hourly", "Daily", "Weekly", "Monthly", "Yearly"];

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "llm-token-limit",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: ATTRIBUTES,
    children: &[],
    content: Content::Empty,
    doc: "Limits the tokens of a key: above `tokens-per-minute` a call is answered 429, above `token-quota` 403, both with `Retry-After`.\n\nA limit is exceeded when consumption passes it. Without an estimate a call is admitted while the limit is not passed, and counts when its usage is known, so calls under way may pass the limit by what they use; with `estimate-prompt-tokens`, and of a stream, the prompt is reserved until then. Usage is the provider's own; a stream is asked for it, and a caller who did not ask does not see it. When a caller leaves a stream, the gateway reads on for the provider's number (`timeouts.usage`); without it, the prompt and the output seen so far are counted with the model's tokenizer. Answers from the semantic cache count nothing. Requests that are not JSON pass and count only what their answer reports. A header that needs the usage keeps an answer that is not a stream in memory until it is whole.",
    compile,
};

/// Compiles either element.
pub fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let key = cx.arg(element, "counter-key");
    let per_minute = element
        .attribute("tokens-per-minute")
        .and_then(|_| u64::try_from(cx.literal::<i64>(element, "tokens-per-minute")?).ok());
    let quota = match (
        element.attribute("token-quota"),
        element.attribute("token-quota-period"),
    ) {
        (Some(_), Some(_)) => match (
            cx.arg(element, "token-quota"),
            cx.arg(element, "token-quota-period"),
        ) {
            (Some(quota), Some(period)) => Some((quota, period)),
            _ => return None,
        },
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            cx.report(
                Diagnostic::error(
                    "TG0343",
                    element.name_span,
                    format!("`{}` has half a quota", element.name),
                )
                .label("expected both `token-quota` and `token-quota-period`"),
            );
            return None;
        }
    };
    if element.attribute("tokens-per-minute").is_none() && quota.is_none() {
        let expected = "`tokens-per-minute`, or `token-quota` with `token-quota-period`";
        limits_nothing(element, expected, cx);
        return None;
    }
    let retry_after = Tell::compile(
        element,
        Some("retry-after-header-name"),
        Some("retry-after-variable-name"),
        cx,
    );
    let left_of_quota = Tell::compile(
        element,
        Some("remaining-quota-tokens-header-name"),
        Some("remaining-quota-tokens-variable-name"),
        cx,
    );
    let left_of_minute = Tell::compile(
        element,
        Some("remaining-tokens-header-name"),
        Some("remaining-tokens-variable-name"),
        cx,
    );
    let consumed = Tell::compile(
        element,
        Some("tokens-consumed-header-name"),
        Some("tokens-consumed-variable-name"),
        cx,
    );
    let estimate = cx.literal(element, "estimate-prompt-tokens")?;
    cx.step(LlmTokenLimit(Arc::new(Inner {
        key: key?,
        per_minute,
        quota,
        estimate,
        retry_after,
        left_of_quota,
        left_of_minute,
        consumed,
    })))
}

#[derive(Debug)]
struct LlmTokenLimit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: Arg<Str>,
    per_minute: Option<u64>,
    quota: Option<(Arg<Long>, Arg<Str>)>,
    estimate: bool,
    retry_after: Tell,
    left_of_quota: Tell,
    left_of_minute: Tell,
    consumed: Tell,
}

impl Inner {
    fn limit(&self, rq: &mut Exchange) -> Result<TokenLimit, Box<Failure>> {
        let mut limit = TokenLimit {
            per_minute: self.per_minute,
            quota: None,
        };
        if let Some((quota, period)) = &self.quota {
            let Long(tokens) = quota.get(rq)?;
            let name = period.get(rq)?;
            let period = match &*name {
                "Hourly" => Period::Hour,
                "Daily" => Period::Day,
                "Weekly" => Period::Week,
                "Monthly" => Period::Month,
                "Yearly" => Period::Year,
                _ => {
                    return Err(Failure::internal(
                        "",
                        "",
                        format!(
                            "`token-quota-period` is `{name}`; it must be one of {}.",
                            PERIODS.join(", ")
                        ),
                    ));
                }
            };
            limit.quota = Some((u64::try_from(tokens).unwrap_or(0), period));
        }
        Ok(limit)
    }

    fn told(&self) -> bool {
        self.left_of_quota.is_some() || self.left_of_minute.is_some()
    }

    fn admit(self: &Arc<Self>, rq: &mut Exchange) -> Flow {
        let (key, limit) = match self.key.get(rq).and_then(|key| Ok((key, self.limit(rq)?))) {
            Ok(both) => both,
            Err(failure) => return Flow::Fail(failure),
        };
        let accounting = rq.token_accounting();
        let strict = accounting.is_strict();
        let mut most = Most::default();
        if strict {
            match rq.most_of_call() {
                Ok(bound) => most = bound,
                Err(failure) => return Flow::Fail(failure),
            }
        }
        let call = rq.llm_call();
        // Of a stream the prompt is estimated whatever the document says, as in API Management.
        let estimate = if self.estimate || call.stream {
            call.estimate().tokens
        } else {
            0
        };
        // A counter that an earlier policy of this request counts on is only checked.
        let mut counting = limit;
        let mut checking = TokenLimit::default();
        if limit.per_minute.is_some() && !call.claim((key.clone(), None)) {
            checking.per_minute = counting.per_minute.take();
        }
        if let Some((_, period)) = limit.quota
            && !call.claim((key.clone(), Some(period)))
        {
            checking.quota = counting.quota.take();
        }
        let admitted = Admitted {
            limits: self.clone(),
            key,
            limit,
            held: Held::Nothing,
            estimate,
            asks: match strict {
                true => Asks::Most(most, accounting.clamp()),
                false => Asks::Prompt,
            },
            stops: accounting.stops_streams(),
            told: Told::default(),
        };
        if strict && most.least(accounting.clamp()) > lowest(limit) {
            return admitted.never_fits(rq, most);
        }
        if checking == TokenLimit::default() {
            return admitted.reserve(rq, counting);
        }
        let now = rq.services.clock.moment();
        let checked = rq
            .services
            .counters
            .reserve(&admitted.key, checking, 0..=0, now);
        rq.after(checked, move |rq, checked| match checked {
            Err(exceeded) => admitted.refuse(rq, exceeded),
            Ok(unused) => {
                drop(unused);
                if counting == TokenLimit::default() {
                    admitted.pass(rq)
                } else {
                    admitted.reserve(rq, counting)
                }
            }
        })
    }
}

/// The lower of both limits.
fn lowest(limit: TokenLimit) -> u64 {
    let quota = limit.quota.map(|(most, _)| most);
    limit
        .per_minute
        .into_iter()
        .chain(quota)
        .min()
        .unwrap_or(u64::MAX)
}

impl Step for LlmTokenLimit {
    fn run(&self, rq: &mut Exchange) -> Flow {
        if rq.awaits_model_request() {
            return Flow::Wait;
        }
        self.0.admit(rq)
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(rq.with_model_request(|rq| self.0.admit(rq)))
    }

    fn may_wait(&self) -> bool {
        true
    }
}

/// A call on its way through one policy, settled when its usage is known.
struct Admitted {
    limits: Arc<Inner>,
    key: Str,
    limit: TokenLimit,
    /// Until it has been settled.
    held: Held,
    estimate: u64,
    asks: Asks,
    /// A stream ends when the limit is used up.
    stops: bool,
    told: Told,
}

/// What of a limit is set aside for a call under way.
#[derive(Clone, Copy)]
enum Asks {
    /// The estimate of its prompt.
    Prompt,
    /// The most that it can use; with a number, as much as fits, but so many output tokens for each choice.
    Most(Most, Option<u64>),
}

impl Asks {
    fn is_strict(self) -> bool {
        matches!(self, Asks::Most(..))
    }
}

/// What is set aside.
enum Held {
    Nothing,
    Own(Reservation),
    /// The running stream takes more of the limit as it goes.
    Shared(Rc<RefCell<Option<Reservation>>>),
}

impl Held {
    fn take(&mut self) -> Option<Reservation> {
        match std::mem::replace(self, Held::Nothing) {
            Held::Nothing => None,
            Held::Own(reservation) => Some(reservation),
            Held::Shared(shared) => shared.borrow_mut().take(),
        }
    }

    fn is_some(&self) -> bool {
        !matches!(self, Held::Nothing)
    }
}

/// What the caller of a stream is told that was ended.
fn stopped(limit: TokenLimit) -> Stopped {
    let used_up = match (limit.per_minute, limit.quota) {
        (_, None) => "Token limit is exceeded.",
        (None, Some(_)) => "Token quota is exceeded.",
        (Some(_), Some(_)) => "Token limit or token quota is exceeded.",
    };
    Stopped {
        message: String::from(used_up),
        rate: limit.quota.is_none(),
    }
}

impl Admitted {
    fn reserve(mut self, rq: &mut Exchange, counting: TokenLimit) -> Flow {
        let now = rq.services.clock.moment();
        let tokens = match self.asks {
            Asks::Prompt => self.estimate..=self.estimate,
            Asks::Most(most, clamp) => most.least(clamp)..=most.total(),
        };
        let counters = &rq.services.counters;
        let answer = counters.reserve(&self.key, counting, tokens, now);
        rq.after(answer, move |rq, reserved| {
            let count = reserved.as_ref().map_or(self.estimate, Reservation::tokens);
            self.told_to_probe(rq, count, reserved.is_ok());
            match reserved {
                Ok(reservation) => {
                    self.hold(rq, reservation);
                    self.pass(rq)
                }
                Err(exceeded) => self.refuse(rq, exceeded),
            }
        })
    }

    /// Keeps what was set aside, and lets no stream use more than that.
    fn hold(&mut self, rq: &mut Exchange, reservation: Reservation) {
        let clock = rq.services.clock.clone();
        let call = rq.llm_call();
        match self.asks {
            Asks::Most(most, _) => {
                let tokens = reservation.tokens();
                if tokens < most.total() {
                    call.lower_output(tokens.saturating_sub(most.prompt));
                }
                call.limit_total(tokens);
            }
            Asks::Prompt if self.stops && call.stream => {
                let shared = Rc::new(RefCell::new(Some(reservation)));
                self.held = Held::Shared(shared.clone());
                let limit = self.limit;
                call.stop_unless(Box::new(move |used| {
                    let mut held = shared.borrow_mut();
                    // Settled: what comes now has been counted.
                    let fits = held.as_mut().is_none_or(|held| {
                        let more = used.total().saturating_sub(held.tokens());
                        more == 0 || held.grow(more, clock.moment())
                    });
                    if fits { Ok(()) } else { Err(stopped(limit)) }
                }));
                return;
            }
            Asks::Prompt => {}
        }
        self.held = Held::Own(reservation);
    }

    /// Tells a probe of tokens reserved or counted.
    fn told_to_probe(&self, rq: &Exchange, count: u64, allowed: bool) {
        rq.tell(|| {
            Event::Counter(Counted {
                key: &self.key,
                limit: self
                    .limit
                    .per_minute
                    .or(self.limit.quota.map(|(most, _)| most)),
                count,
                used: None,
                remaining: None,
                allowed,
            })
        });
    }

    fn left(&self, rq: &mut Exchange) -> tollgate_state::Answer<TokensLeft> {
        if !self.limits.told() {
            return tollgate_state::Answer::Now(TokensLeft::default());
        }
        let now = rq.services.clock.moment();
        rq.services.counters.tokens_left(&self.key, self.limit, now)
    }

    fn pass(mut self, rq: &mut Exchange) -> Flow {
        let left = self.left(rq);
        rq.after(left, move |rq, left| {
            self.limits.consumed.set(rq, self.estimate);
            if self.estimate > 0 {
                self.told.put(&self.limits.consumed, self.estimate);
            }
            self.tell(rq, left);
            if self.limits.consumed.is_some() || self.limits.told() {
                rq.hold(Hold::Whole);
            }
            rq.deferred.push(Box::new(self));
            Flow::Next
        })
    }

    fn tell(&mut self, rq: &mut Exchange, left: TokensLeft) {
        for (tell, number) in [
            (&self.limits.left_of_minute, left.per_minute),
            (&self.limits.left_of_quota, left.quota),
        ] {
            if let Some(number) = number {
                tell.set(rq, number);
                self.told.put(tell, number);
            }
        }
    }

    /// Refuses a call that no wait would let through: it may use more than the whole limit.
    fn never_fits(self, rq: &mut Exchange, most: Most) -> Flow {
        let lowest = lowest(self.limit);
        let message = format!(
            "The call may use {} tokens ({} of its prompt, {} of its output), more than the limit of {lowest}. Ask for fewer output tokens or send a shorter prompt.",
            most.total(),
            most.prompt,
            most.output
        );
        let failure = Failure::refused("", "TokenLimitTooLow", StatusCode::BAD_REQUEST, message);
        self.refused(rq, failure)
    }

    fn refuse(self, rq: &mut Exchange, exceeded: Exceeded) -> Flow {
        let (reason, status, what, wait) = match exceeded {
            Exceeded::PerMinute { retry_after_ms } => (
                "OpenAITokenLimitExceeded",
                StatusCode::TOO_MANY_REQUESTS,
                "limit",
                retry_after_ms,
            ),
            Exceeded::Quota { retry_after_ms } => (
                "OpenAITokenQuotaExceeded",
                StatusCode::FORBIDDEN,
                "quota",
                retry_after_ms,
            ),
        };
        let seconds = retry_after_seconds(wait);
        let message = format!("Token {what} is exceeded. Try again in {seconds} seconds.");
        let failure = Failure::refused("", reason, status, message);
        let failure = self.limits.retry_after.refuse(rq, failure, seconds);
        self.refused(rq, failure)
    }

    /// A refusal with what is left of the limits.
    fn refused(self, rq: &mut Exchange, mut failure: Box<Failure>) -> Flow {
        let left = self.left(rq);
        rq.after(left, move |rq, left| {
            let limits = &self.limits;
            for (tell, number) in [
                (&limits.left_of_minute, left.per_minute),
                (&limits.left_of_quota, left.quota),
            ] {
                if let Some(number) = number {
                    failure = tell.refuse(rq, failure, number);
                }
            }
            if let Some(header) = &limits.consumed.header {
                failure = failure.header(header.clone(), HeaderValue::from(0));
            }
            if let Some(variable) = &limits.consumed.variable {
                rq.set_variable(variable, int(0));
            }
            Flow::Fail(failure)
        })
    }

    /// Counts the call and tells what was used.
    fn settle(&mut self, rq: &mut Exchange, used: u64) {
        self.told_to_probe(rq, used, true);
        let now = rq.services.clock.moment();
        let settled = self
            .held
            .take()
            .map(|reservation| rq.services.counters.settle(reservation, used, now));
        if let Some(answer) = settled {
            rq.forget(answer);
        }
        self.limits.consumed.set(rq, used);
        self.told.put(&self.limits.consumed, used);
        match self.left(rq).now() {
            Ok(left) => self.tell(rq, left),
            // The head does not wait for a store that is far away: what was told at admission stays.
            Err(late) => drop(late),
        }
    }
}

impl Admitted {
    /// Tokens of the call, when they are known before its answer has been sent.
    fn known_now(&self, rq: &Exchange) -> Option<u64> {
        if metered(rq) {
            return known(rq);
        }
        let reserved = match &self.held {
            Held::Own(reservation) if self.asks.is_strict() => reservation.tokens(),
            _ => return Some(known(rq).unwrap_or(0)),
        };
        Some(at_most(rq, reserved))
    }
}

/// Tokens of a call under strict accounting: what the provider reported; of a call that it may have worked on without
/// telling what it used, all that was reserved.
fn at_most(rq: &Exchange, reserved: u64) -> u64 {
    let Some(call) = rq.llm.as_ref().filter(|call| !call.cache.is_hit()) else {
        return 0;
    };
    match call.usage {
        Some(usage) if !usage.estimated => usage.total,
        Some(usage) => usage.total.max(reserved),
        None if rq
            .last_error
            .as_ref()
            .is_some_and(|e| e.reason == "Timeout") =>
        {
            reserved
        }
        None => 0,
    }
}

impl Deferred for Admitted {
    fn on_response(&mut self, rq: &mut Exchange) {
        if let Some(used) = self.known_now(rq) {
            self.settle(rq, used);
        } else if let Ok(left) = self.left(rq).now() {
            self.tell(rq, left);
        }
        self.told.on_response(rq);
    }

    fn on_answer(&mut self, rq: &mut Exchange) {
        // A call that failed before the backend answered used nothing.
        if self.held.is_some() && rq.last_error.is_some() && !metered(rq) {
            let used = self.known_now(rq).unwrap_or(0);
            self.settle(rq, used);
        }
        self.told.on_answer(rq);
    }

    fn on_settle(&mut self, rq: &mut Exchange, _outcome: Outcome) {
        if let Some(reservation) = self.held.take() {
            let used = match self.asks {
                Asks::Prompt => known(rq).unwrap_or(0),
                Asks::Most(..) => at_most(rq, reservation.tokens()),
            };
            self.told_to_probe(rq, used, true);
            let now = rq.services.clock.moment();
            rq.forget(rq.services.counters.settle(reservation, used, now));
        }
    }
}

/// Whether the answer's usage is still to come.
fn metered(rq: &Exchange) -> bool {
    rq.llm.as_ref().is_some_and(|call| call.is_metered())
}

/// Tokens of the call, once they are known.
fn known(rq: &Exchange) -> Option<u64> {
    let call = rq.llm.as_ref()?;
    if call.cache.is_hit() {
        return Some(0);
    }
    call.usage.map(|usage| usage.total)
}
