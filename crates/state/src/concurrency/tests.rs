use super::Concurrency;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn the_limit_holds_for_each_key_and_a_slot_comes_back() {
    let all = Arc::new(Concurrency::default());
    let (a, b) = (all.enter("k", 2), all.enter("k", 2));
    assert!(a.is_some() && b.is_some());
    assert!(all.enter("k", 2).is_none());
    assert!(all.enter("other", 1).is_some());
    // A policy with another limit counts on the same key.
    assert!(all.enter("k", 1).is_none());
    let c = all.enter("k", 3);
    assert!(c.is_some());
    drop(a);
    assert!(all.enter("k", 2).is_none());
    drop(b);
    assert!(all.enter("k", 2).is_some());
    drop(c);
    assert_eq!(all.keys(), 0);
}

#[test]
fn nobody_enters_where_nobody_may() {
    let all = Arc::new(Concurrency::default());
    assert!(all.enter("k", 0).is_none());
    assert_eq!(all.keys(), 0);
}

#[test]
fn the_map_is_bounded() {
    let all = Arc::new(Concurrency::new(2));
    let (a, b) = (all.enter("a", 9), all.enter("b", 9));
    assert!(a.is_some() && b.is_some());
    assert!(all.enter("c", 9).is_none());
    assert!(all.enter("a", 9).is_some(), "a key that is there goes on");
    drop(a);
    assert!(all.enter("c", 9).is_some());
}

#[test]
fn threads_never_meet_above_the_limit() {
    const MOST: u32 = 3;
    let all = Arc::new(Concurrency::default());
    let inside = AtomicU32::new(0);
    let entered = AtomicU32::new(0);
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                for _ in 0..2000 {
                    if let Some(slot) = all.enter("k", MOST) {
                        assert!(inside.fetch_add(1, Ordering::SeqCst) < MOST);
                        entered.fetch_add(1, Ordering::Relaxed);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(slot);
                    }
                }
            });
        }
    });
    assert!(entered.load(Ordering::Relaxed) > 0);
    assert_eq!(all.keys(), 0);
}

#[test]
fn who_waits_is_woken_when_somebody_leaves() {
    use std::pin::Pin;
    use std::sync::atomic::AtomicBool;
    use std::task::{Context, Poll, Wake, Waker};

    struct Flag(AtomicBool);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(flag.clone());
    let mut cx = Context::from_waker(&waker);
    let all = Arc::new(Concurrency::default());
    assert_eq!(Pin::new(&mut all.left("k")).poll(&mut cx), Poll::Ready(()));

    let slot = all.enter("k", 1);
    let (mut first, mut second, mut gone) = (all.left("k"), all.left("k"), all.left("k"));
    for waiting in [&mut first, &mut second, &mut gone] {
        assert!(Pin::new(waiting).poll(&mut cx).is_pending());
    }
    drop(gone);
    drop(all.enter("other", 1));
    assert!(Pin::new(&mut first).poll(&mut cx).is_pending());
    assert!(!flag.0.load(Ordering::SeqCst));
    drop(slot);
    assert!(flag.0.load(Ordering::SeqCst));
    // Ready also when somebody else came in since.
    let again = all.enter("k", 1);
    assert!(again.is_some());
    assert!(Pin::new(&mut first).poll(&mut cx).is_ready());
    assert!(Pin::new(&mut second).poll(&mut cx).is_ready());
    drop((first, second, again));
    assert!(all.waiting().is_empty());
    assert_eq!(all.waiters.load(Ordering::SeqCst), 0);
}
