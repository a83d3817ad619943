//! Custom numeric formats: `0 # . , % \u{2030} E+0`, quoted text and sections between `;`.
//!
//! A format is read twice as .NET does it: once to count its places, then to write.

use super::Value;
use super::digits::{Digits, Wanted};
use super::standard::{exponent, group_ends};
use super::symbols::Symbols;

/// What the first reading of a section finds.
#[derive(Debug)]
struct Shape {
    /// Places for digits in all, and before the point.
    places: usize,
    point: usize,
    /// Place of the first and after the last `0`.
    first: Option<usize>,
    last: usize,
    scientific: bool,
    grouped: bool,
    /// Powers of ten by `%`, per mille and scaling commas.
    shift: i64,
}

/// Where the section for positive (0), negative (1) or zero (2) begins; the first when there is none.
fn section(format: &[char], mut number: usize) -> usize {
    let mut i = 0;
    while number > 0 && i < format.len() {
        let c = format[i];
        i += 1;
        match c {
            '\'' | '"' => i = after_quote(format, i, c),
            '\\' => i += 1,
            ';' => {
                number -= 1;
                if number == 0 {
                    return if matches!(format.get(i), Some(c) if *c != ';') {
                        i
                    } else {
                        0
                    };
                }
            }
            _ => {}
        }
    }
    0
}

/// The place after the closing quote.
fn after_quote(format: &[char], from: usize, quote: char) -> usize {
    let rest = format.get(from..).unwrap_or_default();
    rest.iter()
        .position(|c| *c == quote)
        .map_or(format.len(), |n| from + n + 1)
}

/// Whether an exponent stands after the `E` before `i`.
fn is_exponent(format: &[char], i: usize) -> bool {
    match format.get(i) {
        Some('0') => true,
        Some('+' | '-') => format.get(i + 1) == Some(&'0'),
        _ => false,
    }
}

fn shape(format: &[char], from: usize) -> Shape {
    let mut s = Shape {
        places: 0,
        point: 0,
        first: None,
        last: 0,
        scientific: false,
        grouped: false,
        shift: 0,
    };
    let mut point = None;
    let mut commas: Option<(usize, i64)> = None;
    let mut i = from;
    while let Some(c) = format.get(i).copied().filter(|c| *c != ';') {
        i += 1;
        match c {
            '#' => s.places += 1,
            '0' => {
                s.first.get_or_insert(s.places);
                s.places += 1;
                s.last = s.places;
            }
            '.' => {
                point.get_or_insert(s.places);
            }
            ',' if s.places > 0 && point.is_none() => match &mut commas {
                Some((at, n)) if *at == s.places => *n += 1,
                seen => {
                    s.grouped |= seen.is_some();
                    *seen = Some((s.places, 1));
                }
            },
            '%' => s.shift += 2,
            '\u{2030}' => s.shift += 3,
            '\'' | '"' => i = after_quote(format, i, c),
            '\\' => i += 1,
            'E' | 'e' if is_exponent(format, i) => {
                i += 1;
                while format.get(i) == Some(&'0') {
                    i += 1;
                }
                s.scientific = true;
            }
            _ => {}
        }
    }
    s.point = point.unwrap_or(s.places);
    if let Some((at, n)) = commas {
        if at == s.point {
            s.shift -= 3 * n;
        } else {
            s.grouped = true;
        }
    }
    s
}

/// A number in a custom format; `None` for what is not a number.
pub(super) fn custom(v: &Value, format: &str, info: &Symbols) -> Option<String> {
    // A NUL ends a format.
    let format: Vec<char> = format.chars().take_while(|c| *c != '\0').collect();
    let wanted = match v {
        Value::Float(f) => {
            if let Some(s) = info.special(f64::from(*f)) {
                return Some(s.to_string());
            }
            Wanted::Significant(7)
        }
        Value::Double(f) => {
            if let Some(s) = info.special(*f) {
                return Some(s.to_string());
            }
            Wanted::Significant(15)
        }
        _ => Wanted::Shortest,
    };
    let mut n = Digits::of(v, wanted)?;
    let number = match (n.is_zero(), n.negative) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    };
    let mut start = section(&format, number);
    let mut s;
    loop {
        s = shape(&format, start);
        if n.is_zero() {
            n.negative &= n.float;
            n.scale = 0;
            break;
        }
        n.scale += s.shift;
        let keep = if s.scientific {
            s.places as i64
        } else {
            n.scale + s.places as i64 - s.point as i64
        };
        n.round(keep, false);
        if !n.is_zero() {
            break;
        }
        // Rounded to zero: the section for zero, if there is another.
        let zero = section(&format, 2);
        if zero == start {
            break;
        }
        start = zero;
    }
    let mut out = String::new();
    let signed = n.negative && start == 0;
    if signed && n.scale != 0 {
        out.push_str(&info.minus);
    }
    write(&format, start, &s, &n, info, &mut out);
    if signed && n.scale == 0 && !out.is_empty() {
        out.insert_str(0, &info.minus);
    }
    Some(out)
}

fn write(format: &[char], start: usize, s: &Shape, n: &Digits, info: &Symbols, out: &mut String) {
    let point = s.point as i64;
    // Places counted from the point: where zeros are forced before it and after it.
    let first = s.first.map_or(0, |f| (point - f as i64).max(0));
    let last = (point - s.last as i64).min(0);
    // Digits that the places before the point do not hold (or places without a digit, negative).
    let mut extra = if s.scientific { 0 } else { n.scale - point };
    let mut place = if s.scientific {
        point
    } else {
        n.scale.max(point)
    };
    let breaks = if s.grouped {
        let shown = (place + extra.min(0)).max(first);
        group_ends(usize::try_from(shown).unwrap_or(0), &info.number.sizes)
    } else {
        Vec::new()
    };
    let separate = |place: i64, out: &mut String| {
        if place > 1 && usize::try_from(place - 1).is_ok_and(|p| breaks.binary_search(&p).is_ok()) {
            out.push_str(&info.number.separator);
        }
    };
    let mut used = 0;
    let mut scientific = s.scientific;
    let mut point_written = false;
    let mut i = start;
    while let Some(c) = format.get(i).copied().filter(|c| *c != ';') {
        i += 1;
        if extra > 0 && matches!(c, '#' | '0' | '.') {
            while extra > 0 {
                out.push(n.at(used));
                used += 1;
                separate(place, out);
                place -= 1;
                extra -= 1;
            }
        }
        match c {
            '#' | '0' => {
                let digit = if extra < 0 {
                    extra += 1;
                    (place <= first).then_some('0')
                } else if used < n.digits.len() {
                    used += 1;
                    Some(n.at(used - 1))
                } else {
                    (place > last).then_some('0')
                };
                if let Some(d) = digit {
                    out.push(d);
                    separate(place, out);
                }
                place -= 1;
            }
            '.' => {
                let digits_left = s.point < s.places && used < n.digits.len();
                if place == 0 && !point_written && (last < 0 || digits_left) {
                    out.push_str(&info.number.point);
                    point_written = true;
                }
            }
            '\u{2030}' => out.push_str(&info.per_mille),
            '%' => out.push_str(&info.percent_symbol),
            ',' => {}
            '\'' | '"' => {
                let end = after_quote(format, i, c);
                let text = format.get(i..end).unwrap_or_default();
                out.extend(text.iter().filter(|t| **t != c));
                i = end;
            }
            '\\' => {
                out.extend(format.get(i));
                i += 1;
            }
            'E' | 'e' if scientific && is_exponent(format, i) => {
                let plus = format.get(i) == Some(&'+');
                let from = i + usize::from(format.get(i) != Some(&'0'));
                i = from;
                while format.get(i) == Some(&'0') {
                    i += 1;
                }
                let e = if n.is_zero() { 0 } else { n.scale - point };
                exponent(e, c, (i - from).min(10), plus, info, out);
                scientific = false;
            }
            'E' | 'e' if !scientific => {
                out.push(c);
                if let Some(sign @ ('+' | '-')) = format.get(i) {
                    out.push(*sign);
                    i += 1;
                }
                while format.get(i) == Some(&'0') {
                    out.push('0');
                    i += 1;
                }
            }
            c => out.push(c),
        }
    }
}
