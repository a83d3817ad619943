//! A data-plane thread's access to the ledger.
//!
//! Held by [`Services`](crate::Services). What must stay true: no borrow of the writer across a wait.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tollgate_state::ledger::{Record, Settled, Synced, Writer};

/// What happens to calls while the ledger cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// They are refused with 503 and `Retry-After`.
    #[default]
    Refuse,
    /// They go on; what is missing in the ledger is counted and told.
    Degrade,
}

/// How calls use the ledger.
#[derive(Clone, Debug)]
pub struct LedgerOptions {
    /// See [`OnFailure`].
    pub on_failure: OnFailure,
    /// Whether an intent must be on the disk before its call goes upstream; else the kernel has it, which a crash of the
    /// process leaves whole, and one of the machine may not.
    pub to_disk: bool,
    /// How long a call waits for the disk.
    pub sync_timeout: Duration,
}

impl Default for LedgerOptions {
    fn default() -> LedgerOptions {
        LedgerOptions {
            on_failure: OnFailure::Refuse,
            to_disk: false,
            sync_timeout: Duration::from_secs(5),
        }
    }
}

/// A thread's access to the ledger.
pub struct Ledger {
    writer: RefCell<Writer>,
    options: LedgerOptions,
    ids: Cell<u128>,
}

impl Ledger {
    /// With a writer of the thread's own.
    pub fn new(writer: Writer, options: LedgerOptions) -> Ledger {
        Ledger {
            writer: RefCell::new(writer),
            options,
            ids: Cell::new(0),
        }
    }

    pub(super) fn options(&self) -> &LedgerOptions {
        &self.options
    }

    /// Another id for a call of the same request.
    pub(super) fn another_id(&self, id: u128) -> u128 {
        self.ids.set(self.ids.get().wrapping_add(1));
        id.wrapping_add(self.ids.get())
    }

    /// Writes what is about no call.
    ///
    /// # Errors
    /// Those of the file.
    pub fn note(&self, record: &Record<'_>) -> io::Result<()> {
        self.writer.borrow_mut().write(record).map(|_| ())
    }

    /// Writes an intent; with `to_disk`, what to wait for.
    pub(super) fn admit(&self, intent: &Record<'_>) -> io::Result<Option<Synced>> {
        let mut writer = self.writer.borrow_mut();
        writer.write(intent)?;
        Ok(if self.options.to_disk {
            writer.synced()
        } else {
            None
        })
    }

    /// Writes what ends a call.
    pub(super) fn settle(&self, settlement: &Record<'_>) -> Settled {
        self.writer.borrow_mut().settle(settlement)
    }

    /// A call was refused, since its intent could not be written.
    pub(super) fn count_refused(&self) {
        self.writer.borrow().count_refused();
    }

    /// A call goes on without an intent that would survive.
    pub(super) fn count_unrecorded(&self) {
        self.writer.borrow().count_unrecorded();
    }
}

/// Waits for the disk, at most until the deadline.
pub(super) async fn within(
    mut synced: Synced,
    mut deadline: crate::LocalBoxFuture<'static, ()>,
) -> io::Result<()> {
    poll_fn(|cx| {
        if let Poll::Ready(done) = Pin::new(&mut synced).poll(cx) {
            return Poll::Ready(done);
        }
        deadline
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    })
    .await
}
