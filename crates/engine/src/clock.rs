//! Time as the engine sees it, so that tests and the author's loop can turn the clock themselves.
//!
//! What must stay true: nothing in the engine reads the system clock but through [`Clock`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollgate_state::Moment;

/// .NET ticks (100 ns since 0001-01-01) at the Unix epoch.
pub const UNIX_EPOCH_TICKS: i64 = 621_355_968_000_000_000;

/// A source of time.
pub trait Clock: Send + Sync {
    /// Wall clock, nanoseconds since the Unix epoch.
    fn unix_nanos(&self) -> u64;

    /// A clock that never goes back, nanoseconds since an arbitrary start.
    fn monotonic_nanos(&self) -> u64;

    /// A future that is ready after `duration` of this clock.
    fn sleep(&self, duration: Duration) -> crate::LocalBoxFuture<'static, ()>;

    /// Wall clock in milliseconds since the Unix epoch.
    fn unix_millis(&self) -> u64 {
        self.unix_nanos() / 1_000_000
    }

    /// The clock that never goes back, in milliseconds: what sliding windows are counted by.
    fn steady_millis(&self) -> u64 {
        self.monotonic_nanos() / 1_000_000
    }

    /// Both, for counters of tokens.
    fn moment(&self) -> Moment {
        Moment {
            unix_ms: self.unix_millis(),
            steady_ms: self.steady_millis(),
        }
    }
}

/// .NET ticks of a wall-clock time.
pub fn ticks(unix_nanos: u64) -> i64 {
    UNIX_EPOCH_TICKS + i64::try_from(unix_nanos / 100).unwrap_or(i64::MAX - UNIX_EPOCH_TICKS)
}

/// The system's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock {
            start: std::time::Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn unix_nanos(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX))
    }

    fn monotonic_nanos(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn sleep(&self, duration: Duration) -> crate::LocalBoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
