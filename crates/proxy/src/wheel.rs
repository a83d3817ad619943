//! Coarse deadlines for one thread: a tick that looks at every armed timer, instead of a timer of the runtime for each.
//!
//! Used for everything that is armed on each request and nearly never fires (response head, silence in a body, idle
//! connections). What must stay true: arming costs two stores and no allocation; a timer never fires early; the tick
//! stands still while nothing is armed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::Notify;

/// The grain of all coarse deadlines.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Ticks since the thread began, readable by parts of a connection that may cross threads.
pub(crate) type Ticks = Arc<AtomicU64>;

/// The timers of one thread.
pub(crate) struct Wheel {
    now: Ticks,
    slots: RefCell<Vec<Slot>>,
    free: RefCell<Vec<u32>>,
    armed: Cell<usize>,
    started: Notify,
}

#[derive(Default)]
struct Slot {
    /// Tick at which it fires; 0: not armed.
    due: u64,
    waker: Option<Waker>,
}

impl Wheel {
    /// A wheel whose tick runs on the current thread's runtime.
    pub(crate) fn start() -> Rc<Wheel> {
        let wheel = Rc::new(Wheel {
            // 0 means "not armed" in a slot and "never" in a connection.
            now: Arc::new(AtomicU64::new(1)),
            slots: RefCell::default(),
            free: RefCell::default(),
            armed: Cell::new(0),
            started: Notify::new(),
        });
        let weak = Rc::downgrade(&wheel);
        tokio::task::spawn_local(async move {
            loop {
                let Some(wheel) = weak.upgrade() else {
                    return;
                };
                if wheel.armed.get() == 0 {
                    wheel.started.notified().await;
                }
                drop(wheel);
                tokio::time::sleep(TICK).await;
                let Some(wheel) = weak.upgrade() else {
                    return;
                };
                wheel.turn();
            }
        });
        wheel
    }

    /// The tick counter.
    pub(crate) fn ticks(&self) -> &Ticks {
        &self.now
    }

    /// The current tick.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    fn turn(&self) {
        let now = self.now() + 1;
        self.now.store(now, Ordering::Relaxed);
        // Wakers only schedule; none runs its task here.
        for slot in self.slots.borrow_mut().iter_mut() {
            if slot.due != 0
                && slot.due <= now
                && let Some(waker) = slot.waker.take()
            {
                waker.wake();
            }
        }
    }

    /// Wakes the owner of every armed timer, which then looks at its state again.
    pub(crate) fn wake_all(&self) {
        for slot in self.slots.borrow().iter() {
            if let Some(waker) = &slot.waker {
                waker.wake_by_ref();
            }
        }
    }

    fn arm(&self, slot: u32, after: Duration, waker: &Waker) {
        if self.armed.replace(self.armed.get() + 1) == 0 {
            self.started.notify_one();
        }
        let slot = &mut self.slots.borrow_mut()[slot as usize];
        slot.due = self.now().saturating_add(in_ticks(after));
        slot.waker = Some(waker.clone());
    }

    fn disarm(&self, slot: u32) {
        let slot = &mut self.slots.borrow_mut()[slot as usize];
        if slot.due != 0 {
            slot.due = 0;
            self.armed.set(self.armed.get() - 1);
        }
        slot.waker = None;
    }
}

/// Whole ticks, rounded up; one more because the current one has begun already.
pub(crate) fn in_ticks(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(TICK.as_nanos()))
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

/// One deadline of the wheel.
pub(crate) struct Timer {
    wheel: Rc<Wheel>,
    slot: Option<u32>,
    armed: bool,
}

impl Timer {
    /// A timer that is not armed.
    pub(crate) fn new(wheel: &Rc<Wheel>) -> Timer {
        Timer {
            wheel: wheel.clone(),
            slot: None,
            armed: false,
        }
    }

    /// Arms it on the first call since [`Timer::rest`], and is ready once `after` has passed since then.
    pub(crate) fn poll(&mut self, cx: &Context<'_>, after: Duration) -> Poll<()> {
        let slot = match self.slot {
            Some(slot) => slot,
            None => {
                let free = self.wheel.free.borrow_mut().pop();
                let slot = free.unwrap_or_else(|| {
                    let mut slots = self.wheel.slots.borrow_mut();
                    slots.push(Slot::default());
                    u32::try_from(slots.len() - 1).unwrap_or(u32::MAX)
                });
                self.slot = Some(slot);
                slot
            }
        };
        if !self.armed {
            self.armed = true;
            self.wheel.arm(slot, after, cx.waker());
            return Poll::Pending;
        }
        let now = self.wheel.now();
        let slot = &mut self.wheel.slots.borrow_mut()[slot as usize];
        if slot.due <= now {
            return Poll::Ready(());
        }
        match &slot.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => slot.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Forgets the deadline; the next poll begins a new one.
    pub(crate) fn rest(&mut self) {
        if std::mem::take(&mut self.armed)
            && let Some(slot) = self.slot
        {
            self.wheel.disarm(slot);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.rest();
        if let Some(slot) = self.slot {
            self.wheel.free.borrow_mut().push(slot);
        }
    }
}

#[cfg(test)]
mod tests;
