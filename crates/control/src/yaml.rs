//! YAML with places: a tree of nodes that know where they stand, and serde on top of it that does not stop.
//!
//! `load` reads `tollgate.yaml` with it. serde ends at the first fault; [`read`] therefore reports the fault, takes it
//! out of the tree and asks serde again, until the rest is good. What must stay true: no input panics or loops, every
//! fault has a place, and what is left out never causes a second fault.

mod at;
mod de;
mod example;
mod fault;
mod json;
mod parse;
mod repair;
mod sensitive;

pub use at::{At, Place};
pub(crate) use parse::{Form, Key, Kind, Node, parse};
pub(crate) use repair::{StandIns, read, read_with};
pub(crate) use sensitive::{sensitive, sensitive_text};

#[cfg(test)]
mod tests;
