//! Model knowledge: API dialects, the usage inside bodies and streams, prompt estimates.
//!
//! Called by `engine` (token policies, semantic cache) and by the simulated providers.
//! What must hold: no I/O, no clock, no runtime; no input makes it panic; a body is never turned into a tree of
//! values, and what is not asked for is skipped over, not parsed.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod ceiling;
pub mod dialect;
pub mod eventstream;
pub mod fuzz;
mod json;
pub mod price;
pub mod prompt;
pub mod provider;
pub mod realtime;
pub mod request;
pub mod sse;
pub mod stream;
pub mod tokens;
pub mod usage;

pub use dialect::Operation;
pub use prompt::{Prompt, prompt_text};
pub use request::Peek;
pub use usage::Usage;
