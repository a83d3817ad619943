//! What a store gives: the value, or a future of it when the store is remote.
//!
//! What must hold: memory answers `Now`, so that a step of the pipeline that needs no waiting allocates nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A value now or later.
pub enum Answer<T> {
    /// Here it is.
    Now(T),
    /// A remote store is being asked; the future has the store's deadline in it.
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> Answer<T> {
    /// The value when it is here already; else the answer itself, to be awaited.
    ///
    /// # Errors
    /// The future, when there is something to wait for.
    pub fn now(self) -> Result<T, Pin<Box<dyn Future<Output = T> + Send>>> {
        match self {
            Self::Now(value) => Ok(value),
            Self::Later(future) => Err(future),
        }
    }

    /// Waits when there is something to wait for.
    pub async fn get(self) -> T {
        match self {
            Self::Now(value) => value,
            Self::Later(future) => future.await,
        }
    }

    /// The answer with its value changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U + Send + 'static) -> Answer<U>
    where
        T: 'static,
    {
        match self {
            Self::Now(value) => Answer::Now(change(value)),
            Self::Later(future) => Answer::Later(Box::pin(async move { change(future.await) })),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(value) => f.debug_tuple("Now").field(value).finish(),
            Self::Later(_) => f.write_str("Later"),
        }
    }
}
