//! Showback and chargeback over the ledger: reports, monthly statements, and reconciliation with providers' exports.
//!
//! Called by the commands `tollgate report`, `statement` and `reconcile`. Everything is a function of entries, which
//! [`source`] reads in one pass. What must stay true: sums are exact; memory is bounded whatever the ledger's length;
//! what a number leaves out is said beside it; nothing here changes a record (a correction is a new one).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod capacity;
pub mod dimension;
pub mod entry;
pub mod focus;
pub mod group;
pub mod histogram;
pub mod period;
pub mod reconcile;
pub mod report;
#[cfg(test)]
pub(crate) mod sample;
pub mod source;
pub mod statement;
pub mod sums;
pub mod table;
