//! Stopping answers where they are: what a test needs to know that calls really are in flight together.
//!
//! Set by [`Simulator::pause`](super::Simulator::pause), waited for by bodies and whole answers. What must stay true:
//! an answer that waits is open in the ledger, and is free to be dropped.

use tokio::sync::watch;

/// Whether answers stop, and after how many events with tokens.
pub(super) struct Pause {
    after: watch::Sender<Option<u32>>,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            after: watch::Sender::new(None),
        }
    }
}

impl Pause {
    /// Stops answers after so many events with tokens; `None` lets them go on.
    pub(super) fn set(&self, after: Option<u32>) {
        self.after.send_replace(after);
    }

    /// For an answer to wait at.
    pub(super) fn watch(&self) -> Watch {
        Watch(self.after.subscribe())
    }
}

/// One answer's view.
#[derive(Clone)]
pub(super) struct Watch(watch::Receiver<Option<u32>>);

impl Watch {
    /// Whether an answer that has sent so many events with tokens stops now.
    pub(super) fn stops(&self, sent: u32) -> bool {
        self.0.borrow().is_some_and(|after| sent >= after)
    }

    /// Waits until an answer that has sent so many may go on.
    pub(super) async fn passed(mut self, sent: u32) {
        // An error means that the simulator is gone, and with it the reason to wait.
        let _ = self
            .0
            .wait_for(|after| after.is_none_or(|after| sent < after))
            .await;
    }
}
