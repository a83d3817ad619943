//! `circuitBreaker` of a backend.

use super::Reader;
use crate::model::backend::{CircuitBreaker, CircuitBreakerRule};
use crate::yaml::{At, Place};
use std::time::Duration;
use tollgate_engine::definition::{self, ErrorReason};

/// The interval where none is given.
const INTERVAL: Duration = Duration::from_secs(60);

impl Reader<'_, '_> {
    /// The rule; `None` for none, and for one that was refused.
    pub(super) fn circuit_breaker(
        &mut self,
        backend: &str,
        breaker: &At<CircuitBreaker>,
    ) -> Option<definition::CircuitBreakerRule> {
        let rules = &breaker.value.rules;
        if let Some(second) = rules.get(1) {
            self.fault(
                second.place,
                format!(
                    "the circuit breaker of backend `{backend}` has {} rules",
                    rules.len()
                ),
                "expected one",
                "keep the one that matters",
            );
        }
        if rules.is_empty() {
            self.warning(
                breaker.place,
                format!("the circuit breaker of backend `{backend}` has no rule"),
                "it never opens",
            );
        }
        self.rule(backend, rules.first()?)
    }

    fn rule(
        &mut self,
        backend: &str,
        rule: &At<CircuitBreakerRule>,
    ) -> Option<definition::CircuitBreakerRule> {
        let condition = &rule.failure_condition;
        if condition.count.is_none() && condition.percentage.is_none() {
            self.fault(
                rule.place,
                format!("the circuit breaker of backend `{backend}` never opens"),
                "expected `count` or `percentage` under `failureCondition`",
                "say how many failures open it, as `count: 3`",
            );
        }
        for (number, most, what) in [
            (&condition.count, u32::MAX, "a count of 1 or more"),
            (&condition.percentage, 100, "1 to 100"),
        ] {
            if let Some(number) = number
                && !(1..=most).contains(&number.value)
            {
                self.fault(
                    number.place,
                    format!("{} is out of range", number.value),
                    &format!("expected {what}"),
                    "",
                );
            }
        }
        let mut status_codes = Vec::new();
        for range in &condition.status_code_ranges {
            let (min, max) = (range.min, range.max);
            if min > max || !(100..=599).contains(&min) || max > 599 {
                self.fault(
                    range.place,
                    format!("{min} to {max} are no status codes"),
                    "expected `min` and `max` from 100 to 599, the lower first",
                    "",
                );
            }
            status_codes.push((min, max));
        }
        let mut error_reasons = Vec::new();
        for written in &condition.error_reasons {
            match ErrorReason::ALL.into_iter().find(|r| r.as_str() == written.value) {
                Some(reason) => error_reasons.push(reason),
                None => self.warning(
                    written.place,
                    format!("no error has the reason `{}`", written.value),
                    "it counts nothing; reasons are `Timeout` and `BackendConnectionFailure`, status codes stand in \
                     `statusCodeRanges`",
                ),
            }
        }
        if status_codes.is_empty() && error_reasons.is_empty() {
            self.fault(
                rule.place,
                format!("for the circuit breaker of backend `{backend}` nothing is a failure"),
                "expected `statusCodeRanges` or `errorReasons` under `failureCondition`",
                "name them, as `statusCodeRanges: [{ min: 429, max: 429 }, { min: 500, max: 599 }]`",
            );
        }
        let interval = condition.interval.as_ref();
        if let Some(interval) = interval {
            self.some_time(interval.place, interval.value.0);
        }
        let trip = &rule.trip_duration;
        // Where it is missing, that has been reported, at the rule.
        if trip.place != rule.place {
            self.some_time(trip.place, trip.value.0);
        }
        Some(definition::CircuitBreakerRule {
            count: condition.count.as_ref().map(|n| n.value),
            percentage: condition.percentage.as_ref().map(|n| n.value),
            interval: interval.map_or(INTERVAL, |i| i.value.0),
            status_codes,
            error_reasons,
            trip_duration: trip.value.0,
            accept_retry_after: rule.accept_retry_after,
        })
    }

    fn some_time(&mut self, place: Place, time: Duration) {
        if time.is_zero() {
            self.fault(
                place,
                String::from("a circuit breaker's time is zero"),
                "expected a longer time, as `PT1M`",
                "",
            );
        }
    }
}
