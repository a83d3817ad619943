//! Watching and filtering a model's response while it streams.
//!
//! `Meter` observes chunks as they pass and tells usage at the end; `HideUsage` takes the extra usage chunk out for a
//! caller who did not ask for it; `Cut` ends a stream that has used what it was given. Called by `engine` for every chunk, so what is not needed is scanned over, not parsed.

mod cut;
mod deltas;
mod finish;
mod hide;
mod meter;
#[cfg(test)]
mod tests;

pub use cut::{Cut, Progress, Stopped};
pub use deltas::texts as output_texts;
pub use hide::{HideUsage, Passed};
pub(crate) use meter::warm_up;
pub use meter::{Meter, Metered};
