use super::{unit_at, units};

/// Places and lengths are counted in UTF-16 units, whatever the text is made of and wherever its blocks end.
#[test]
fn units_are_those_of_utf16() {
    let parts = ["a", "\u{e9}", "\u{20ac}", "\u{1f600}", "xyz"];
    for shift in 0..70 {
        for part in parts {
            let s = format!("{}{}\u{e9}b", "a".repeat(shift), part.repeat(60));
            let all: Vec<u16> = s.encode_utf16().collect();
            assert_eq!(units(&s), all.len(), "{s}");
            for at in 0..all.len() + 2 {
                assert_eq!(unit_at(&s, at), all.get(at).copied(), "{at} of {s}");
            }
        }
    }
    assert_eq!((units(""), unit_at("", 0)), (0, None));
}
