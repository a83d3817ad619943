//! The tests of `lang` that go through its public API, in one binary (one link).
//!
//! A module per subject; each reads its data from `tests/<subject>/`.

#![allow(missing_docs, clippy::unwrap_used)]

mod diagnostics;
mod eval;
mod measured;
mod read;
mod xsd;
mod xslt;
