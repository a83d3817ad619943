//! A sliding window: additions with their times, and sums over the last so many milliseconds.
//!
//! Algorithm: a log of spans (first time, last time, count). Up to `EXACT` spans every millisecond has its own, so limits
//! of everyday size are exact. Above that, additions within 1/`GRAIN` of the remembered time join the newest span, which
//! then counts until its *last* addition leaves the window: never too little is counted, and a refusal lasts at most
//! 1/256 of the window (0.23 s of a minute) longer than it must. So a log has at most `EXACT + GRAIN + 1` spans.

use std::collections::VecDeque;

const EXACT: usize = 64;
const GRAIN: u64 = 256;

#[derive(Clone, Copy, Debug)]
struct Span {
    first: u64,
    last: u64,
    count: u64,
}

/// The log of one key. Times that go back (threads that read the clock before the lock) are taken as the newest known.
#[derive(Debug, Default)]
pub(super) struct Window {
    spans: VecDeque<Span>,
    total: u64,
    /// The longest window that anyone asked for, in milliseconds.
    keep: u64,
    newest: u64,
}

impl Window {
    /// Forgets what no window reaches any more.
    fn forget(&mut self, length: u64, now: u64) -> u64 {
        self.keep = self.keep.max(length);
        self.newest = self.newest.max(now);
        while let Some(oldest) = self.spans.front()
            && oldest.last.saturating_add(self.keep) <= self.newest
        {
            self.total = self.total.saturating_sub(oldest.count);
            self.spans.pop_front();
        }
        self.newest
    }

    /// Adds at `now`; `length` is the window of who adds.
    pub(super) fn add(&mut self, length: u64, count: u64, now: u64) {
        let now = self.forget(length, now);
        if count == 0 {
            return;
        }
        self.total = self.total.saturating_add(count);
        let crowded = self.spans.len() >= EXACT;
        if let Some(newest) = self.spans.back_mut()
            && (newest.first == now || (crowded && now - newest.first < self.keep / GRAIN))
        {
            newest.last = now;
            newest.count = newest.count.saturating_add(count);
        } else {
            self.spans.push_back(Span {
                first: now,
                last: now,
                count,
            });
        }
    }

    /// The sum over the `length` milliseconds that end at `now`.
    pub(super) fn used(&mut self, length: u64, now: u64) -> u64 {
        let now = self.forget(length, now);
        if length == self.keep {
            return self.total;
        }
        let inside = self
            .spans
            .iter()
            .rev()
            .take_while(|span| span.last.saturating_add(length) > now);
        inside.fold(0, |sum: u64, span| sum.saturating_add(span.count))
    }

    /// Milliseconds until at least `excess` of what is counted has left the window; the whole window when that much is
    /// not in it.
    pub(super) fn until_freed(&self, length: u64, excess: u64, now: u64) -> u64 {
        let now = self.newest.max(now);
        let mut freed = 0_u64;
        for span in self
            .spans
            .iter()
            .skip_while(|span| span.last.saturating_add(length) <= now)
        {
            freed = freed.saturating_add(span.count);
            if freed >= excess {
                return (span.last.saturating_add(length) - now).max(1);
            }
        }
        length.max(1)
    }

    /// Whether nothing would be lost with this log.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        self.spans
            .back()
            .is_none_or(|newest| newest.last.saturating_add(self.keep) <= now)
    }

    #[cfg(test)]
    pub(super) fn spans(&self) -> usize {
        self.spans.len()
    }
}
