//! What `rate-limit` and `rate-limit-by-key` tell of their limits.

use super::{Tell, Told};
use crate::compile::Compile;
use crate::exchange::Exchange;
use crate::failure::Failure;
use http::StatusCode;
use tollgate_lang::document::Element;
use tollgate_state::Decision;
use tollgate_state::counters::retry_after_seconds;

/// Where the numbers of a limit of calls are told.
#[derive(Debug)]
pub(crate) struct CallsTold {
    retry_after: Tell,
    remaining: Tell,
    total: Tell,
}

impl CallsTold {
    /// From the attributes that `rate-limit` and `rate-limit-by-key` share.
    pub(crate) fn compile(element: &Element, cx: &mut Compile<'_>) -> CallsTold {
        CallsTold {
            retry_after: Tell::compile(
                element,
                Some("retry-after-header-name"),
                Some("retry-after-variable-name"),
                cx,
            ),
            remaining: Tell::compile(
                element,
                Some("remaining-calls-header-name"),
                Some("remaining-calls-variable-name"),
                cx,
            ),
            total: Tell::compile(element, Some("total-calls-header-name"), None, cx),
        }
    }

    /// The refusal, with all that is told of it.
    pub(crate) fn refusal(
        &self,
        rq: &mut Exchange,
        limit: u64,
        decision: &Decision,
    ) -> Box<Failure> {
        let seconds = retry_after_seconds(decision.retry_after_ms);
        let message = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
        let failure = Failure::refused(
            "",
            "RateLimitExceeded",
            StatusCode::TOO_MANY_REQUESTS,
            message,
        );
        let failure = self.retry_after.refuse(rq, failure, seconds);
        let failure = self.remaining.refuse(rq, failure, decision.remaining);
        self.total.refuse(rq, failure, limit)
    }

    /// What an admitted call is told.
    pub(crate) fn admitted(&self, rq: &mut Exchange, told: &mut Told, limit: u64, remaining: u64) {
        self.remaining.set(rq, remaining);
        told.put(&self.remaining, remaining);
        told.put(&self.total, limit);
    }
}
