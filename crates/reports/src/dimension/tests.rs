//! Names of dimensions, teams and filters.

use super::*;
use crate::entry::Entry;
use crate::sample::call;

#[test]
fn names_come_back() {
    for name in [
        "team",
        "model",
        "tag:cost centre",
        "agent-run",
        "status",
        "budget",
        "week",
    ] {
        assert_eq!(Dimension::parse(name).unwrap().to_string(), name);
    }
    for name in ["", "Model", "tag:", "colour"] {
        let fault = Dimension::parse(name).unwrap_err().to_string();
        assert!(fault.contains("use team, api, operation"), "{fault}");
    }
}

#[test]
fn a_team_is_what_is_asked_for() {
    let settled = call(1, "2026-11-15T12:00:00Z", "gold", "a", "m");
    let entry = Entry::of(&settled.call);
    let team = |name: &str| Team::parse(name).unwrap().of(&entry).to_owned();
    assert_eq!(Team::default().of(&entry), "gold");
    assert_eq!(team("subscription"), "a");
    assert_eq!(team("tag:project"), "p1");
    assert_eq!(team("tag:other"), "");
    assert!(Team::parse("model").is_err());
    assert!(Team::parse("team").is_err());
    let groups = [(String::from("user-of-a"), String::from("research"))].into();
    assert_eq!(Team::Group(groups).of(&entry), "research");
}

#[test]
fn filters() {
    let settled = call(1, "2026-11-15T12:00:00Z", "gold", "a", "m");
    let entry = Entry::of(&settled.call);
    let mut days = Days::new(&jiff::tz::TimeZone::UTC);
    let mut holds = |text: &str| {
        Filter::parse(text)
            .unwrap()
            .holds(&entry, &Team::default(), &mut days)
    };
    assert!(holds("product=gold"));
    assert!(holds("team=silver|gold"));
    assert!(!holds("product!=gold"));
    assert!(holds("budget=org > gold"));
    assert!(holds("agent-run="));
    assert!(holds("tag:project=p1"));
    assert!(!holds("tag:project=p=1"));
    assert!(Filter::parse("product").is_err());
    assert!(Filter::parse("colour=red").is_err());
}
