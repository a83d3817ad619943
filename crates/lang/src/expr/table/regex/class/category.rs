//! General categories of UTF-16 units, by .NET's names. Halves of pairs are `Cs`, as in .NET.

use crate::value::text::unicode;

/// Names, in the order of the bits of a mask, which is that of `UnicodeCategory`.
const NAMES: [&str; 30] = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf",
    "Cs", "Co", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn",
];

/// Bits of the categories whose names begin so.
const fn mask(prefix: &[u8]) -> u32 {
    let mut bits = 0;
    let mut i = 0;
    while i < NAMES.len() {
        let name = NAMES[i].as_bytes();
        if name[0] == prefix[0] && (prefix.len() == 1 || name[1] == prefix[1]) {
            bits |= 1 << i;
        }
        i += 1;
    }
    bits
}

pub(super) const DECIMAL: u32 = mask(b"Nd");
/// What `\p{Lu}` means without regard to case.
pub(super) const CASED: u32 = mask(b"Lu") | mask(b"Ll") | mask(b"Lt");
/// `\w`.
pub(in super::super) const CATEGORIES_OF_WORD: u32 =
    mask(b"L") | mask(b"Mn") | mask(b"Nd") | mask(b"Pc");

/// The mask of a name (`Lu`, `L`).
pub(super) fn named(name: &str) -> Option<u32> {
    let known =
        NAMES.contains(&name) || (name.len() == 1 && NAMES.iter().any(|n| n.starts_with(name)));
    known.then(|| mask(name.as_bytes()))
}

/// The bit of a unit's category.
pub(super) fn category(unit: u16) -> u32 {
    1 << unicode::category(u32::from(unit))
}

/// `RegexCharClass.IsBoundaryWordChar`: the two joiners belong to words.
pub(in super::super) fn is_word(unit: u16) -> bool {
    if unit < 128 {
        let c = unit as u8;
        return c == b'_' || c.is_ascii_alphanumeric();
    }
    CATEGORIES_OF_WORD & category(unit) != 0 || matches!(unit, 0x200c | 0x200d)
}
