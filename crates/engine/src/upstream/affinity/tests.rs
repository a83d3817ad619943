//! Cookies that bind, and cookies that do not.

use super::*;
use crate::definition::Secret;

fn affinity(pool: &str, key: Option<&str>) -> Affinity {
    let definition = SessionAffinity {
        cookie: Str::from("SessionId"),
        key: key.map(Secret::new),
    };
    let members = ["east", "west"].into_iter().enumerate();
    let members = members.map(|(n, id)| (BackendIndex(u32::try_from(n).unwrap()), Str::from(id)));
    Affinity::new(pool, &definition, members).unwrap()
}

fn cookies(values: &[&str]) -> HeaderMap {
    values
        .iter()
        .map(|v| (header::COOKIE, HeaderValue::from_str(v).unwrap()))
        .collect()
}

fn value(affinity: &Affinity, member: u32) -> String {
    let cookie = affinity.set_cookie(BackendIndex(member), true).unwrap();
    let (value, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
    assert_eq!(rest, " Path=/; HttpOnly; SameSite=Lax; Secure");
    value.to_owned()
}

#[test]
fn a_cookie_finds_its_member_again() {
    let affinity = affinity("pool", None);
    let west = value(&affinity, 1);
    assert!(!west.contains("west"));
    assert_eq!(affinity.member(&cookies(&[&west])), Some(BackendIndex(1)));
    let among = format!("a=b; {west};c=d");
    assert_eq!(
        affinity.member(&cookies(&["x=y", &among])),
        Some(BackendIndex(1))
    );
    // A stale one of another path does not hide the good one.
    let twice = format!("SessionId=old; {west}");
    assert_eq!(affinity.member(&cookies(&[&twice])), Some(BackendIndex(1)));
}

#[test]
fn a_made_up_cookie_finds_nothing() {
    let affinity = affinity("pool", Some("key"));
    let east = value(&affinity, 0);
    let wrong = format!("{}x", &east[..east.len() - 1]);
    for made_up in [
        "SessionId=east",
        "SessionId=0",
        "SessionId=",
        "SessionId",
        &wrong,
        &east[1..],
    ] {
        assert_eq!(affinity.member(&cookies(&[made_up])), None, "{made_up}");
    }
}

#[test]
fn the_value_depends_on_key_and_pool_only() {
    assert_eq!(
        value(&affinity("p", Some("k")), 0),
        value(&affinity("p", Some("k")), 0)
    );
    assert_ne!(
        value(&affinity("p", Some("k")), 0),
        value(&affinity("p", Some("l")), 0)
    );
    assert_ne!(
        value(&affinity("p", Some("k")), 0),
        value(&affinity("q", Some("k")), 0)
    );
    assert_eq!(
        value(&affinity("p", None), 0),
        value(&affinity("p", None), 0)
    );
}

#[test]
fn a_name_that_is_none_is_refused() {
    let definition = SessionAffinity {
        cookie: Str::from("a b"),
        key: None,
    };
    let refused = Affinity::new("p", &definition, std::iter::empty());
    assert_eq!(refused.unwrap_err(), "`a b` is not a cookie's name");
}
