//! Why a call goes to a server and to no other: what a probe is told of a choice.
//!
//! Called by `choose` only while a probe watches, after the choice. What must stay true: it chooses nothing and takes no
//! turn; a reason holds as of the moment after the choice.

use crate::exchange::Exchange;
use crate::probe::{Chosen, Rejected};
use crate::snapshot::{BackendIndex, Pool, Server, Snapshot};
use std::time::Duration;

/// Of a single backend.
pub(super) fn single<'a, T>(
    index: BackendIndex,
    server: &'a Server,
    admitted: &Result<T, Duration>,
) -> Chosen<'a> {
    match admitted {
        Ok(_) => Chosen {
            pool: false,
            backend: Some(index),
            url: Some(&server.url),
            rejected: Vec::new(),
        },
        Err(wait) => Chosen {
            pool: false,
            backend: None,
            url: None,
            rejected: vec![(index, Rejected::BreakerOpen(*wait))],
        },
    }
}

/// Of a pool: the chosen member, if one could be, and what speaks against each other one.
pub(super) fn pool<'a>(
    rq: &Exchange,
    snapshot: &'a Snapshot,
    pool: &Pool,
    chosen: Option<BackendIndex>,
    bound: Option<BackendIndex>,
) -> Chosen<'a> {
    let now = rq.services.clock.monotonic_nanos();
    let group_of = |index: BackendIndex| {
        let has = |g: &crate::snapshot::PoolGroup| g.members.iter().any(|(m, _)| *m == index);
        pool.groups.iter().position(has)
    };
    let best = chosen.and_then(group_of).map(|at| pool.groups[at].priority);
    let mut rejected = Vec::new();
    for group in &pool.groups {
        for (index, weight) in &group.members {
            if Some(*index) == chosen {
                continue;
            }
            let breaker = snapshot.server(*index).and_then(|s| s.breaker.as_ref());
            let open = breaker
                .filter(|b| !b.is_available(now))
                .map(|b| b.wait(now));
            let failed = |a: &crate::exchange::Attempt| a.failed && a.backend == Some(*index);
            let why = if let Some(wait) = open {
                Rejected::BreakerOpen(wait)
            } else if rq.attempts.iter().any(failed) {
                Rejected::Failed
            } else if bound.is_some() && bound == chosen {
                Rejected::Session
            } else {
                match best {
                    Some(best) if group.priority > best => {
                        Rejected::LowerPriority(group.priority, best)
                    }
                    _ => Rejected::Turn(*weight),
                }
            };
            rejected.push((*index, why));
        }
    }
    Chosen {
        pool: true,
        backend: chosen,
        url: chosen.and_then(|index| Some(&snapshot.server(index)?.url)),
        rejected,
    }
}
