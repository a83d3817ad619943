//! Choosing the server of a call: the API's own URL, a backend, a member of a pool.
//!
//! `forward-request` and the gateway's own calls come here once for each attempt.

use crate::exchange::{Exchange, TargetBase};
use crate::failure::Failure;
use crate::snapshot::{BackendIndex, BackendKind, BaseUrl, Pool, Server, Snapshot};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A chosen server.
pub struct Choice<'a> {
    /// Where.
    pub url: Arc<BaseUrl>,
    /// The backend, when it is one of the configuration's.
    pub server: Option<(&'a Server, BackendIndex)>,
}

/// Chooses the server that the target names; a pool gives its next member.
pub fn choose<'a>(rq: &Exchange, snapshot: &'a Snapshot) -> Result<Choice<'a>, Box<Failure>> {
    match &rq.request.target.base {
        TargetBase::Url(url) => Ok(Choice {
            url: url.clone(),
            server: None,
        }),
        TargetBase::Backend(index) => server(snapshot, *index),
        TargetBase::ServiceUrl => {
            let url = rq
                .api()
                .and_then(|a| a.service_url.clone())
                .ok_or_else(|| {
                    Failure::internal(
                        "",
                        "BackendConnectionFailure",
                        "The API has no serviceUrl and no policy has set a backend.",
                    )
                })?;
            Ok(Choice { url, server: None })
        }
    }
}

/// The server of a backend, or the next member of a pool.
pub fn server(snapshot: &Snapshot, index: BackendIndex) -> Result<Choice<'_>, Box<Failure>> {
    let mut index = index;
    if let BackendKind::Pool(pool) = &snapshot.backend(index).kind {
        index = next(pool);
    }
    match &snapshot.backend(index).kind {
        BackendKind::Single(server) => Ok(Choice {
            url: server.url.clone(),
            server: Some((server, index)),
        }),
        // Refused at load: a pool's members are single.
        BackendKind::Pool(_) => Err(Failure::internal(
            "",
            "PoolIsInactive",
            "A pool's member is a pool.",
        )),
    }
}

/// The next member of the first priority group, by weight.
fn next(pool: &Pool) -> BackendIndex {
    let group = &pool.groups[0];
    let turn = group.turn.fetch_add(1, Ordering::Relaxed);
    let total: u64 = group.members.iter().map(|(_, w)| u64::from(*w)).sum();
    if total == 0 {
        return group.members[usize::try_from(turn % group.members.len() as u64).unwrap_or(0)].0;
    }
    // A stride that shares no factor with most totals spreads a member's turns over the cycle.
    let mut at = turn.wrapping_mul(GOLDEN) % total;
    if total.is_multiple_of(GOLDEN) {
        at = turn % total;
    }
    for (member, weight) in &group.members {
        match at.checked_sub(u64::from(*weight)) {
            Some(rest) => at = rest,
            None => return *member,
        }
    }
    group.members[0].0
}

/// A prime larger than most sums of weights (30 members of 100 at most: 3000).
const GOLDEN: u64 = 7919;

#[cfg(test)]
mod tests;
