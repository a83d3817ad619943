//! What a deployment admits per minute.
//!
//! Called by the router before an answer is sent, and by billing when it ends. Reserved capacity
//! follows Microsoft's description of provisioned throughput ("How utilization performance
//! works"): a leaky bucket that refuses at 100 %, takes an estimate in, and corrects it afterwards.
//! What must stay true: time only comes in as an argument; nothing is awaited under the lock.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::config::DeploymentKind;

/// The window of pay-as-you-go quotas.
const WINDOW: Duration = Duration::from_secs(60);
/// What an unlimited deployment shows as its limit.
const SHOWN_LIMIT: u32 = 1_000_000;

/// What the rate-limit headers say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quota {
    pub(super) limit_tokens: u32,
    pub(super) remaining_tokens: u32,
    pub(super) limit_requests: u32,
    pub(super) remaining_requests: u32,
    /// Utilisation in percent, for reserved capacity.
    pub(super) utilization: Option<f64>,
}

/// A refusal: how long to wait, and what the headers say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Throttled {
    pub(super) retry_after: Duration,
    pub(super) quota: Quota,
}

/// The counter of one deployment.
pub(super) struct Capacity {
    kind: DeploymentKind,
    level: Mutex<Level>,
}

struct Level {
    /// Tokens in the bucket, or used in the window.
    tokens: f64,
    requests: u32,
    /// Last leak of the bucket, or start of the window.
    since: Instant,
}

impl Capacity {
    pub(super) fn new(kind: DeploymentKind) -> Self {
        Self {
            kind,
            level: Mutex::new(Level {
                tokens: 0.0,
                requests: 0,
                since: Instant::now(),
            }),
        }
    }

    /// Whether it is reserved capacity.
    pub(super) fn is_provisioned(&self) -> bool {
        matches!(self.kind, DeploymentKind::Ptu { .. })
    }

    /// Admits a request that will probably cost `estimate` tokens, or refuses it.
    pub(super) fn admit(&self, estimate: u32, now: Instant) -> Result<Quota, Throttled> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let estimate = f64::from(estimate);
        match self.kind {
            DeploymentKind::Ptu { tokens_per_minute } => {
                level.leak(tokens_per_minute, now);
                let limit = f64::from(tokens_per_minute);
                if level.tokens >= limit {
                    let seconds = (level.tokens - limit) / (limit / 60.0).max(f64::MIN_POSITIVE);
                    let retry_after = Duration::from_secs_f64(seconds.clamp(0.001, 3600.0));
                    return Err(Throttled {
                        retry_after,
                        quota: level.quota(tokens_per_minute, true),
                    });
                }
                level.tokens += estimate;
                level.requests += 1;
                Ok(level.quota(tokens_per_minute, true))
            }
            DeploymentKind::PayAsYouGo { tokens_per_minute } => {
                if now.duration_since(level.since) >= WINDOW {
                    *level = Level {
                        tokens: 0.0,
                        requests: 0,
                        since: now,
                    };
                }
                if let Some(limit) = tokens_per_minute
                    && level.tokens + estimate > f64::from(limit)
                {
                    let retry_after = WINDOW.saturating_sub(now.duration_since(level.since));
                    return Err(Throttled {
                        retry_after,
                        quota: level.quota(limit, false),
                    });
                }
                level.tokens += estimate;
                level.requests += 1;
                Ok(level.quota(tokens_per_minute.unwrap_or(SHOWN_LIMIT), false))
            }
        }
    }

    /// Corrects reserved capacity to what a call really cost. Quotas keep the estimate, as the
    /// real service does.
    pub(super) fn settle(&self, estimate: u32, actual: u32, now: Instant) {
        if let DeploymentKind::Ptu { tokens_per_minute } = self.kind {
            let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
            level.leak(tokens_per_minute, now);
            level.tokens = (level.tokens + f64::from(actual) - f64::from(estimate)).max(0.0);
        }
    }
}

impl Level {
    fn leak(&mut self, per_minute: u32, now: Instant) {
        let elapsed = now.saturating_duration_since(self.since);
        self.tokens = (self.tokens - elapsed.as_secs_f64() * f64::from(per_minute) / 60.0).max(0.0);
        self.since = now;
    }

    fn quota(&self, limit_tokens: u32, provisioned: bool) -> Quota {
        let limit_requests = (limit_tokens / 1000).max(1).saturating_mul(6);
        let left = f64::from(limit_tokens) - self.tokens;
        Quota {
            limit_tokens,
            remaining_tokens: left.max(0.0) as u32,
            limit_requests,
            remaining_requests: limit_requests.saturating_sub(self.requests),
            utilization: provisioned.then(|| 100.0 * self.tokens / f64::from(limit_tokens.max(1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_capacity_refuses_when_full_and_drains() {
        let start = Instant::now();
        let capacity = Capacity::new(DeploymentKind::Ptu {
            tokens_per_minute: 600,
        });
        assert!(capacity.admit(500, start).is_ok());
        assert!(
            capacity.admit(500, start).is_ok(),
            "admitted below 100 %, whatever it costs"
        );
        let throttled = capacity.admit(1, start).unwrap_err();
        assert_eq!(
            throttled.retry_after.as_secs(),
            40,
            "400 tokens above at 10 per second"
        );
        assert_eq!(throttled.quota.remaining_tokens, 0);
        assert!(capacity.admit(1, start + Duration::from_secs(41)).is_ok());
    }

    #[test]
    fn reserved_capacity_corrects_the_estimate() {
        let start = Instant::now();
        let capacity = Capacity::new(DeploymentKind::Ptu {
            tokens_per_minute: 600,
        });
        capacity.admit(900, start).unwrap();
        assert!(capacity.admit(1, start).is_err());
        capacity.settle(900, 100, start);
        assert_eq!(capacity.admit(0, start).unwrap().remaining_tokens, 500);
    }

    #[test]
    fn quotas_refuse_what_does_not_fit_the_window() {
        let start = Instant::now();
        let capacity = Capacity::new(DeploymentKind::PayAsYouGo {
            tokens_per_minute: Some(100),
        });
        assert!(capacity.admit(60, start).is_ok());
        assert!(capacity.admit(60, start).is_err());
        assert!(capacity.admit(40, start).is_ok());
        assert!(capacity.admit(60, start + Duration::from_secs(61)).is_ok());
    }
}
