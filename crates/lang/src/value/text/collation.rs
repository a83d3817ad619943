//! The order of texts in .NET's invariant culture ("word sort").
//!
//! What must stay true: ASCII is exactly in the order of Windows (`'` and `-` count only when all else is equal, then
//! punctuation, digits, letters; lower case before upper case). Beyond ASCII, letters sort by their base letter and then by
//! their marks, other scripts after Latin by code point.

use std::cmp::Ordering;
use unicode_normalization::UnicodeNormalization;

/// ASCII characters in their order; letters share a place with their other case.
const ORDER: &[u8] = b" \t\n\x0b\x0c\r!\"#$%&()*,./:;?@[\\]^_`{|}~";
/// Mathematical signs, after all other punctuation.
const SIGNS: &[u8] = b"+<=>";

/// Place of the first weight of each kind.
const SYMBOL: u32 = 100;
const SIGN: u32 = 0x20_0000;
const DIGIT: u32 = 0x20_0100;
const LATIN: u32 = 0x40_0000;
const LETTER: u32 = 0x40_0100;

/// What a character weighs: 0 is ignored at this level.
const fn ascii_weights() -> [u32; 128] {
    let mut out = [0; 128];
    let mut i = 0;
    while i < ORDER.len() {
        out[ORDER[i] as usize] = 1 + i as u32;
        i += 1;
    }
    i = 0;
    while i < SIGNS.len() {
        out[SIGNS[i] as usize] = SIGN + i as u32;
        i += 1;
    }
    i = 0;
    while i < 10 {
        out[b'0' as usize + i] = DIGIT + i as u32;
        i += 1;
    }
    i = 0;
    while i < 26 {
        out[b'a' as usize + i] = LATIN + i as u32;
        out[b'A' as usize + i] = LATIN + i as u32;
        i += 1;
    }
    out
}

static ASCII: [u32; 128] = ascii_weights();

/// A character that counts only when all else is equal.
fn is_special(b: u8) -> bool {
    matches!(b, b'\'' | b'-')
}

/// Whether a character has no weight at any level: a search by culture passes over it.
pub(crate) fn is_weightless(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{8}'
            | '\u{e}'..='\u{1f}'
            | '\u{7f}'..='\u{84}'
            | '\u{86}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// Invariant-culture order.
pub(crate) fn compare_culture(a: &str, b: &str, ignore_case: bool) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    if a.is_ascii() && b.is_ascii() {
        let order = compare_ascii(a.as_bytes(), b.as_bytes(), ignore_case);
        return order.then_with(|| specials(a).cmp(specials(b)));
    }
    let (x, y) = (weigh(a), weigh(b));
    let level = |f: fn(&Weight) -> u32| {
        let of = |w: &[Weight]| w.iter().map(f).filter(|n| *n != 0).collect::<Vec<_>>();
        of(&x).cmp(&of(&y))
    };
    level(|w| w.letter)
        .then_with(|| x.iter().map(|w| w.mark).cmp(y.iter().map(|w| w.mark)))
        .then_with(|| {
            if ignore_case {
                Ordering::Equal
            } else {
                x.iter().map(|w| w.upper).cmp(y.iter().map(|w| w.upper))
            }
        })
        .then_with(|| specials(a).cmp(specials(b)))
}

/// Letters first, then case.
fn compare_ascii(a: &[u8], b: &[u8], ignore_case: bool) -> Ordering {
    let weighed = |s: &'_ [u8]| {
        s.iter()
            .map(|b| (ASCII[usize::from(*b & 127)], b.is_ascii_uppercase()))
            .filter(|(w, _)| *w != 0)
            .collect::<smallvec::SmallVec<[(u32, bool); 32]>>()
    };
    let (x, y) = (weighed(a), weighed(b));
    let letters = x.iter().map(|w| w.0).cmp(y.iter().map(|w| w.0));
    if ignore_case {
        return letters;
    }
    letters.then_with(|| x.iter().map(|w| w.1).cmp(y.iter().map(|w| w.1)))
}

/// Places of hyphens and apostrophes.
fn specials(s: &str) -> impl Iterator<Item = (usize, u8)> {
    s.bytes()
        .filter(|b| !b.is_ascii() || ASCII[usize::from(*b)] != 0 || is_special(*b))
        .enumerate()
        .filter(|(_, b)| is_special(*b))
}

struct Weight {
    letter: u32,
    mark: u32,
    upper: bool,
}

fn weigh(s: &str) -> Vec<Weight> {
    let mut out: Vec<Weight> = Vec::new();
    let push = |c: char, mark: u32, out: &mut Vec<Weight>| {
        let letter = letter(c);
        if letter != 0 {
            out.push(Weight {
                letter,
                mark,
                upper: c.is_uppercase(),
            });
        }
    };
    for c in s.nfd() {
        if unicode_normalization::char::is_combining_mark(c) {
            if let Some(w) = out.last_mut() {
                w.mark = w.mark.wrapping_mul(31).wrapping_add(u32::from(c));
            }
            continue;
        }
        match c {
            '\u{e6}' => "ae".chars().for_each(|c| push(c, 0, &mut out)),
            '\u{c6}' => "AE".chars().for_each(|c| push(c, 0, &mut out)),
            '\u{153}' => "oe".chars().for_each(|c| push(c, 0, &mut out)),
            '\u{152}' => "OE".chars().for_each(|c| push(c, 0, &mut out)),
            '\u{df}' => "ss".chars().for_each(|c| push(c, 0, &mut out)),
            '\u{fe}' => "th".chars().for_each(|c| push(c, 0, &mut out)),
            '\u{de}' => "TH".chars().for_each(|c| push(c, 0, &mut out)),
            // Letters with a stroke, which do not decompose.
            '\u{f8}' => push('o', 0x338, &mut out),
            '\u{d8}' => push('O', 0x338, &mut out),
            '\u{111}' | '\u{f0}' => push('d', 0x335, &mut out),
            '\u{110}' | '\u{d0}' => push('D', 0x335, &mut out),
            '\u{127}' => push('h', 0x335, &mut out),
            '\u{126}' => push('H', 0x335, &mut out),
            '\u{142}' => push('l', 0x335, &mut out),
            '\u{141}' => push('L', 0x335, &mut out),
            '\u{131}' => push('i', 0x335, &mut out),
            c if is_weightless(c) => {}
            c => push(c, 0, &mut out),
        }
    }
    out
}

fn letter(c: char) -> u32 {
    if c.is_ascii() {
        return ASCII[c as usize];
    }
    let c = super::lower_char(c);
    if c.is_alphabetic() {
        LETTER + u32::from(c)
    } else if c.is_numeric() {
        DIGIT + 10 + u32::from(c)
    } else {
        SYMBOL + u32::from(c)
    }
}
