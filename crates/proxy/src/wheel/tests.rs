//! Deadlines of the wheel on a paused clock.

use super::*;
use std::future::poll_fn;
use tokio::time::Instant;

fn run(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(test());
}

async fn wait(timer: &mut Timer, after: Duration) {
    poll_fn(|cx| timer.poll(cx, after)).await;
}

#[test]
fn fires_after_its_time_and_not_before() {
    run(async || {
        let wheel = Wheel::start();
        let mut timer = Timer::new(&wheel);
        for _ in 0..2 {
            let begin = Instant::now();
            wait(&mut timer, Duration::from_millis(60)).await;
            assert!(begin.elapsed() >= Duration::from_millis(60));
            timer.rest();
        }
    });
}

#[test]
fn slots_are_used_again_and_the_tick_rests() {
    run(async || {
        let wheel = Wheel::start();
        let cx = Context::from_waker(Waker::noop());
        for _ in 0..10 {
            let mut one = Timer::new(&wheel);
            let mut two = Timer::new(&wheel);
            assert!(one.poll(&cx, Duration::from_secs(9)).is_pending());
            assert!(two.poll(&cx, Duration::from_secs(9)).is_pending());
        }
        assert_eq!(wheel.slots.borrow().len(), 2);
        assert_eq!(wheel.armed.get(), 0);
    });
}
