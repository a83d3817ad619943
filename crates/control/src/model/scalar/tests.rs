//! Notations of durations and sizes; secrets do not print.

use super::{Duration, Secret, Size};

#[test]
fn durations() {
    let seconds = |text| Duration::parse(text).map(|d| d.0.as_secs_f64());
    for (text, expected) in [
        ("30", 30.0),
        ("30s", 30.0),
        (" 1.5 s ", 1.5),
        ("250ms", 0.25),
        ("5m", 300.0),
        ("2min", 120.0),
        ("1h", 3600.0),
        ("1d", 86_400.0),
        ("PT1M", 60.0),
        ("PT1H2M3.5S", 3723.5),
        ("P1DT1S", 86_401.0),
        ("P2W", 1_209_600.0),
        ("0", 0.0),
    ] {
        assert_eq!(seconds(text), Some(expected), "{text}");
    }
    for text in [
        "", "s", "-1", "1x", "P", "PT", "P1M", "PT1D", "PT1", "1e9d", "P1T", "PTT1S", "400d",
        "1.2.3", "NaN", "inf",
    ] {
        assert_eq!(seconds(text), None, "{text}");
    }
}

#[test]
fn sizes() {
    for (text, expected) in [
        ("0", 0),
        ("1024", 1024),
        ("64KiB", 64 << 10),
        ("16 MB", 16 << 20),
        ("1g", 1 << 30),
    ] {
        assert_eq!(Size::parse(text), Some(Size(expected)), "{text}");
    }
    for text in ["", "KiB", "-1", "1.5MiB", "1TiB", "99999999999999GiB"] {
        assert_eq!(Size::parse(text), None, "{text}");
    }
}

#[test]
fn a_secret_does_not_print() {
    let text = format!("{:?}", Secret::Literal(String::from("hunter2")));
    assert!(!text.contains("hunter2"), "{text}");
}
