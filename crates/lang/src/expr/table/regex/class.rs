//! Sets of characters: `[...]`, `\w`, `\p{...}`. A character is a UTF-16 unit, as in .NET.
//!
//! Made by [`super::parse`], asked by [`super::machine`]. What must stay true: the answer for ASCII is in one word, so the
//! frequent case looks nothing up.

mod blocks;
mod category;

pub(super) use category::{CATEGORIES_OF_WORD, is_word};

use category::category;
use std::sync::LazyLock;

/// Lower case as `char.ToLowerInvariant`: one unit for one unit.
pub(super) fn lower(unit: u16) -> u16 {
    if unit < 128 {
        return u16::from((unit as u8).to_ascii_lowercase());
    }
    let Some(c) = char::from_u32(u32::from(unit)) else {
        return unit;
    };
    let mut lowered = c.to_lowercase();
    match (lowered.next(), lowered.next()) {
        (Some(l), None) => u16::try_from(u32::from(l)).unwrap_or(unit),
        _ => unit,
    }
}

/// Every unit that has another lower case, with that.
static LOWERED: LazyLock<Vec<(u16, u16)>> = LazyLock::new(|| {
    (0..=u16::MAX)
        .map(|unit| (unit, lower(unit)))
        .filter(|(unit, low)| unit != low)
        .collect()
});

/// Some categories of Unicode, or all but these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Categories {
    pub(super) mask: u32,
    pub(super) not: bool,
}

/// White space is asked apart: it is no category.
const SPACE: u32 = 1 << 31;

impl Categories {
    fn has(self, unit: u16) -> bool {
        let inside = if self.mask == SPACE {
            char::from_u32(u32::from(unit)).is_some_and(char::is_whitespace)
        } else {
            self.mask & category(unit) != 0
        };
        inside != self.not
    }
}

/// A set.
#[derive(Clone, Debug, Default)]
pub(super) struct Class {
    not: bool,
    /// Looks at the lower case of a character.
    fold: bool,
    ranges: Vec<(u16, u16)>,
    categories: Vec<Categories>,
    without: Option<Box<Class>>,
    /// The answers for ASCII, once finished.
    ascii: u128,
}

impl Class {
    pub(super) fn negate(&mut self) {
        self.not = true;
    }

    pub(super) fn add(&mut self, first: u16, last: u16) {
        self.ranges.push((first, last));
    }

    pub(super) fn add_categories(&mut self, mask: u32, not: bool) {
        self.categories.push(Categories { mask, not });
    }

    /// `\d`, `\s`, `\w` or their opposites.
    pub(super) fn add_shorthand(&mut self, letter: u8, ecma: bool) {
        let not = letter.is_ascii_uppercase();
        let kind = letter.to_ascii_lowercase();
        if !ecma {
            let mask = match kind {
                b'd' => category::DECIMAL,
                b's' => SPACE,
                _ => CATEGORIES_OF_WORD,
            };
            return self.add_categories(mask, not);
        }
        let ranges: &[(u16, u16)] = match kind {
            b'd' => &[(0x30, 0x39)],
            b's' => &[(0x9, 0xd), (0x20, 0x20)],
            _ => ECMA_WORD,
        };
        self.add_ranges(ranges, not);
    }

    fn add_ranges(&mut self, ranges: &[(u16, u16)], not: bool) {
        if !not {
            self.ranges.extend_from_slice(ranges);
            return;
        }
        let mut from: u32 = 0;
        for (first, last) in ranges {
            if u32::from(*first) > from {
                self.ranges.push((from as u16, first - 1));
            }
            from = u32::from(*last) + 1;
        }
        if let Ok(from) = u16::try_from(from) {
            self.ranges.push((from, u16::MAX));
        }
    }

    /// `\p{name}`; false when there is no such property.
    pub(super) fn add_property(&mut self, name: &str, not: bool, fold: bool) -> bool {
        if let Some(mask) = category::named(name) {
            let cased = fold && matches!(name, "Ll" | "Lu" | "Lt");
            self.add_categories(if cased { category::CASED } else { mask }, not);
            return true;
        }
        match blocks::block(name) {
            Some(range) => {
                self.add_ranges(&[range], not);
                true
            }
            None => false,
        }
    }

    /// `[a-z-[aeiou]]`.
    pub(super) fn subtract(&mut self, without: Class) {
        self.without = Some(Box::new(without));
    }

    /// How many ranges it has.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Ignores case: `RegexCharClass.AddLowercase`.
    pub(super) fn fold(&mut self) {
        self.fold = true;
        // Each range is looked through: none of them twice.
        self.merge();
        let mut more = Vec::new();
        for range in &mut self.ranges {
            if range.0 == range.1 {
                *range = (lower(range.0), lower(range.0));
                continue;
            }
            let from = LOWERED.partition_point(|(unit, _)| *unit < range.0);
            let to = LOWERED.partition_point(|(unit, _)| *unit <= range.1);
            more.extend(
                LOWERED
                    .get(from..to)
                    .unwrap_or_default()
                    .iter()
                    .map(|(_, low)| (*low, *low)),
            );
        }
        self.ranges.extend(more);
    }

    /// Puts the ranges in order, and those that touch together.
    fn merge(&mut self) {
        self.ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(self.ranges.len());
        for (first, last) in std::mem::take(&mut self.ranges) {
            match merged.last_mut() {
                Some((_, end)) if u32::from(first) <= u32::from(*end) + 1 => {
                    *end = last.max(*end);
                }
                _ => merged.push((first, last)),
            }
        }
        self.ranges = merged;
    }

    /// Makes it ready to be asked.
    pub(super) fn finish(mut self) -> Class {
        self.merge();
        self.ascii = 0;
        for unit in 0..128 {
            let looked_at = if self.fold { lower(unit) } else { unit };
            if self.holds(looked_at) {
                self.ascii |= 1 << unit;
            }
        }
        self
    }

    /// Whether a character of a text is in the set.
    pub(super) fn has(&self, unit: u16) -> bool {
        if unit < 128 {
            return self.ascii >> unit & 1 == 1;
        }
        self.holds(if self.fold { lower(unit) } else { unit })
    }

    /// The answers for ASCII, a bit each.
    pub(super) fn ascii(&self) -> u128 {
        self.ascii
    }

    fn holds(&self, unit: u16) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= unit);
        let inside = after
            .checked_sub(1)
            .and_then(|i| self.ranges.get(i))
            .is_some_and(|(_, last)| unit <= *last)
            || self.categories.iter().any(|c| c.has(unit));
        inside != self.not && !self.without.as_ref().is_some_and(|w| w.holds(unit))
    }
}

/// `\w` of ECMAScript, with the dotted capital I, as .NET has it.
const ECMA_WORD: &[(u16, u16)] = &[
    (0x30, 0x39),
    (0x41, 0x5a),
    (0x5f, 0x5f),
    (0x61, 0x7a),
    (0x130, 0x130),
];

/// Whether a character is of a word in the sense of ECMAScript.
pub(super) fn is_ecma_word(unit: u16) -> bool {
    ECMA_WORD.iter().any(|(a, b)| (*a..=*b).contains(&unit))
}
