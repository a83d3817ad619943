//! The ledger: what every model call was admitted for and what it came to, append-only, in files.
//!
//! Written by `engine::accounting` (intents and settlements), by budgets (grants) and by `tollgate reconcile`
//! (adjustments); read by reports, by budgets after a restart and by the recovery at start. One folder for each UTC day,
//! one segment for each process start and thread, a [`frame`] with length and checksum around each record.
//! What must stay true: a record is never changed or taken back, only adjusted by another one; a settlement says by
//! itself all that a report needs; what a crash tore is skipped, never guessed; an old reader skips what a newer
//! gateway writes, and a new one reads what an older one wrote.

mod days;
mod fields;
mod folder;
pub mod frame;
mod numbers;
mod reader;
mod record;
mod recovery;
mod retention;
mod running;
mod sync;
#[cfg(test)]
mod tests;
mod writer;

pub use days::{Day, Period};
pub use folder::{Folder, OpenError};
pub use numbers::{Counted, Numbers, Observer};
pub use reader::{Damage, Reader};
pub use record::{
    Adjustment, Call, EndReason, Flags, Grant, GrantUnit, Intent, Record, Settlement, SignedTokens,
    Text, Tokens,
};
pub use running::{Ledger, Options, Recovered, WallClock};
pub use sync::Synced;
pub use writer::{Position, Settled, Writer};
