//! Periods with their bounds, also around changes of summer time.

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn shown(text: &str, zone: &TimeZone) -> String {
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    match Period::parse(text, zone, now) {
        Ok(p) => format!("{} {} {}", p.name, p.start, p.end),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn periods_have_names() {
    let utc = TimeZone::UTC;
    for (text, wanted) in [
        ("2026", "2026 2026-01-01T00:00:00Z 2027-01-01T00:00:00Z"),
        (
            "2026-Q4",
            "2026-Q4 2026-10-01T00:00:00Z 2027-01-01T00:00:00Z",
        ),
        (
            "2026-11",
            "2026-11 2026-11-01T00:00:00Z 2026-12-01T00:00:00Z",
        ),
        (
            "2026-12",
            "2026-12 2026-12-01T00:00:00Z 2027-01-01T00:00:00Z",
        ),
        (
            "2026-W53",
            "2026-W53 2026-12-28T00:00:00Z 2027-01-04T00:00:00Z",
        ),
        (
            "2028-02-29",
            "2028-02-29 2028-02-29T00:00:00Z 2028-03-01T00:00:00Z",
        ),
        (
            "today",
            "2026-11-20 2026-11-20T00:00:00Z 2026-11-21T00:00:00Z",
        ),
        (
            "yesterday",
            "2026-11-19 2026-11-19T00:00:00Z 2026-11-20T00:00:00Z",
        ),
        (
            "this-month",
            "2026-11 2026-11-01T00:00:00Z 2026-12-01T00:00:00Z",
        ),
        (
            "last-month",
            "2026-10 2026-10-01T00:00:00Z 2026-11-01T00:00:00Z",
        ),
        (
            "this-year",
            "2026 2026-01-01T00:00:00Z 2027-01-01T00:00:00Z",
        ),
    ] {
        assert_eq!(shown(text, &utc), wanted);
    }
    for text in [
        "",
        "26",
        "2026-13",
        "2026-0",
        "2026-1",
        "2026-+1",
        "2026-Q5",
        "2026-Q",
        "2027-W53",
        "2026-W1",
        "2027-02-29",
        "2026-11-20-1",
        "2026-11-2",
        "9999-12",
        "November",
        "\u{1F4B6}",
    ] {
        assert!(shown(text, &utc).contains("is not a period"), "{text}");
    }
}

#[test]
fn days_of_summer_time_are_whole() {
    let berlin = zone("Europe/Berlin");
    assert_eq!(
        shown("2026-10-25", &berlin),
        "2026-10-25 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z"
    );
    assert_eq!(
        shown("2026-03-29", &berlin),
        "2026-03-29 2026-03-28T23:00:00Z 2026-03-29T22:00:00Z"
    );
    // The day has no midnight: it begins at one o'clock.
    assert_eq!(
        shown("2026-09-06", &zone("America/Santiago")),
        "2026-09-06 2026-09-06T04:00:00Z 2026-09-07T03:00:00Z"
    );
    let days = Days::new(&berlin);
    let hour = |at: &str| days.hour(at.parse().unwrap());
    assert_eq!(hour("2026-10-25T00:30:00Z"), "2026-10-25T02:00+02:00");
    assert_eq!(hour("2026-10-25T01:30:00Z"), "2026-10-25T02:00+01:00");
}

#[test]
fn a_range_has_both_of_its_days() {
    let utc = TimeZone::UTC;
    let period = Period::between("2026-11-01", "2026-11-15", &utc).unwrap();
    assert_eq!(period.name, "2026-11-01 to 2026-11-15");
    assert_eq!(period.end.to_string(), "2026-11-16T00:00:00Z");
    assert_eq!(period.dates(100).len(), 15);
    assert_eq!(period.dates(3).len(), 3);
    assert!(Period::between("2026-11-02", "2026-11-01", &utc).is_err());
    assert!(Period::between("2026-11-02", "soon", &utc).is_err());
}

#[test]
fn a_month_has_one_before() {
    let utc = TimeZone::UTC;
    let month = Period::month("2026-01", &utc).unwrap();
    assert_eq!(month.month_before().unwrap().name, "2025-12");
    for text in ["2026", "2026-Q1", "2026-W01", "2026-01-01", "this-month"] {
        assert!(Period::month(text, &utc).is_err(), "{text}");
    }
}

/// Days that are asked for in any order come to what the calendar says.
#[test]
fn days_are_those_of_the_calendar() {
    let zones = [
        "UTC",
        "Europe/Berlin",
        "America/Santiago",
        "Asia/Kathmandu",
        "Pacific/Apia",
    ]
    .map(zone);
    arbtest::arbtest(|u| {
        let zone = u.choose(&zones)?;
        let mut days = Days::new(zone);
        for _ in 0..20 {
            let second = u.int_in_range(1_290_000_000..=1_900_000_000)?;
            let at = Timestamp::from_second(second).unwrap();
            assert_eq!(days.of(at), at.to_zoned(zone.clone()).date());
        }
        Ok(())
    });
}
