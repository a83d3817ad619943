//! Unicode general categories as `char` knows them, and `string.Normalize`.
//!
//! Called by the rows of `char` and `string`. The tables are those of the regular expression engine, read once on first use.

use regex_syntax::hir::{Class, HirKind};
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;

/// `System.Globalization.UnicodeCategory`, by its short names in the order of its numbers.
const NAMES: [&str; 30] = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf",
    "", "Co", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "",
];
/// `UnicodeCategory.Surrogate` and `OtherNotAssigned`.
const SURROGATE: u8 = 16;
const UNASSIGNED: u8 = 29;

/// First and last character and category, in order.
static RANGES: LazyLock<Vec<(u32, u32, u8)>> = LazyLock::new(|| {
    let mut out = Vec::new();
    for (number, name) in NAMES.iter().enumerate().filter(|(_, n)| !n.is_empty()) {
        let Ok(hir) = regex_syntax::Parser::new().parse(&format!("\\p{{{name}}}")) else {
            continue;
        };
        match hir.kind() {
            HirKind::Class(Class::Unicode(class)) => {
                for r in class.ranges() {
                    out.push((u32::from(r.start()), u32::from(r.end()), number as u8));
                }
            }
            // A category of one character.
            HirKind::Literal(text) => {
                let text = std::str::from_utf8(&text.0).unwrap_or("");
                for c in text.chars() {
                    out.push((u32::from(c), u32::from(c), number as u8));
                }
            }
            _ => {}
        }
    }
    out.sort_unstable();
    out
});

/// The category of a code point, as `UnicodeCategory`'s number.
pub(crate) fn category(c: u32) -> u8 {
    if (0xd800..0xe000).contains(&c) {
        return SURROGATE;
    }
    let after = RANGES.partition_point(|(first, ..)| *first <= c);
    match after.checked_sub(1).and_then(|i| RANGES.get(i)) {
        Some((_, last, number)) if c <= *last => *number,
        _ => UNASSIGNED,
    }
}

/// `char.IsWhiteSpace`.
pub(crate) fn is_white(c: char) -> bool {
    c.is_whitespace()
}

/// The number of `NormalizationForm`: C (1), D (2), KC (5), KD (6).
pub(crate) fn normalize(s: &str, form: i64) -> Option<String> {
    Some(match form {
        1 => s.nfc().collect(),
        2 => s.nfd().collect(),
        5 => s.nfkc().collect(),
        6 => s.nfkd().collect(),
        _ => return None,
    })
}

/// Value of a decimal digit of any script: they stand in runs of ten.
pub(crate) fn digit(c: u32) -> Option<u32> {
    const DECIMAL: u8 = 8;
    let after = RANGES.partition_point(|(first, ..)| *first <= c);
    let (first, last, number) = *RANGES.get(after.checked_sub(1)?)?;
    (number == DECIMAL && c <= last).then(|| (c - first) % 10)
}
