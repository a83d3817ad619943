//! Who gets which events, and who is ended.

use super::*;
use futures_util::FutureExt;
use serde_json::json;

fn topic(field: &str) -> Topic {
    Topic {
        workspace: None,
        api: Str::from("shop"),
        field: Str::from(field),
    }
}

fn next(feed: &mut Feed) -> Option<Option<Json>> {
    let event = feed.next().now_or_never()?;
    Some(event.map(|event| event.root().clone()))
}

#[test]
fn an_event_reaches_those_who_subscribe_to_its_field_in_order() {
    let events = Arc::new(Events::default());
    assert!(events.idle());
    events.publish(&topic("made"), json!(0), 1);
    let mut first = events.subscribe(topic("made")).unwrap();
    let mut second = events.subscribe(topic("made")).unwrap();
    let mut other = events.subscribe(topic("gone")).unwrap();
    assert!(events.wanted(&topic("made")) && !events.wanted(&topic("new")));
    events.publish(&topic("made"), json!(1), 1);
    drop(second.next().now_or_never());
    drop(second);
    events.publish(&topic("made"), json!(2), 1);
    assert_eq!(next(&mut first), Some(Some(json!({"made": 1}))));
    assert_eq!(next(&mut first), Some(Some(json!({"made": 2}))));
    assert_eq!(next(&mut first), None);
    assert_eq!(next(&mut other), None);
    drop((first, other));
    assert!(events.idle() && events.read().is_empty());
    assert_eq!(events.counts().events, 2);
    assert_eq!(events.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn who_falls_behind_gets_what_waited_and_is_ended() {
    let events = Arc::new(Events::default());
    let mut slow = events.subscribe(topic("made")).unwrap();
    let mut quick = events.subscribe(topic("made")).unwrap();
    for number in 0..=MOST_WAITING {
        events.publish(&topic("made"), json!(number), 1);
        assert_eq!(next(&mut quick), Some(Some(json!({"made": number}))));
    }
    assert_eq!(events.counts().slow, 1);
    for number in 0..MOST_WAITING {
        assert_eq!(next(&mut slow), Some(Some(json!({"made": number}))));
    }
    assert_eq!(next(&mut slow), Some(None));
    assert!(slow.fell_behind() && !quick.fell_behind());
    events.publish(&topic("made"), json!("later"), 1);
    assert_eq!(next(&mut quick), Some(Some(json!({"made": "later"}))));
}

#[test]
fn when_much_waits_one_event_waits_for_each() {
    let events = Arc::new(Events::default());
    let mut slow = events.subscribe(topic("made")).unwrap();
    let mut quick = events.subscribe(topic("made")).unwrap();
    events.publish(&topic("made"), json!(1), MOST_BYTES);
    assert!(next(&mut quick).is_some());
    events.publish(&topic("made"), json!(2), 1);
    assert_eq!(next(&mut quick), Some(Some(json!({"made": 2}))));
    assert_eq!(next(&mut slow), Some(Some(json!({"made": 1}))));
    assert_eq!(next(&mut slow), Some(None));
    assert!(slow.fell_behind());
    assert_eq!(events.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn a_gateway_has_so_many_subscriptions() {
    let events = Arc::new(Events::default());
    events
        .subscriptions
        .store(MOST_SUBSCRIPTIONS - 1, Ordering::Relaxed);
    let last = events.subscribe(topic("made"));
    assert!(last.is_some());
    assert!(events.subscribe(topic("made")).is_none());
    drop(last);
    assert!(events.subscribe(topic("made")).is_some());
}
