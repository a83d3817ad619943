//! The dates that Json.NET's reader makes of strings (`DateParseHandling.DateTime`).
//!
//! Source: Json.NET 13's `DateTimeParser` and `DateTimeUtils`. What must stay true: only texts that it takes become dates;
//! all others stay text.

use crate::value::time::{MAX_TICKS, TICKS_PER_DAY, TICKS_PER_SECOND, UNIX_EPOCH, ticks_of};
use crate::value::{DateTime, Kind, Value};

/// The date that a text is, if it looks like one: `yyyy-MM-ddTHH:mm:ss[.f][Z|+hh[[:]mm]]` or `/Date(n)/`.
pub(crate) fn date(s: &str) -> Option<Value> {
    let b = s.as_bytes();
    let made = if b.first() == Some(&b'/') {
        microsoft(s)
    } else if (19..=40).contains(&b.len()) && b[0].is_ascii_digit() && b[10] == b'T' {
        iso(b)
    } else {
        None
    };
    made.map(Value::DateTime)
}

fn number(b: &[u8], at: usize, len: usize) -> Option<i64> {
    let digits = b.get(at..at + len)?;
    digits.iter().try_fold(0, |n, d| {
        d.is_ascii_digit().then(|| n * 10 + i64::from(d - b'0'))
    })
}

fn iso(b: &[u8]) -> Option<DateTime> {
    let is = |at: usize, c: u8| b.get(at) == Some(&c);
    let two = |at: usize| number(b, at, 2);
    if !(is(4, b'-') && is(7, b'-') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    if minute > 59 || second > 59 || hour > 24 || (hour == 24 && (minute, second) != (0, 0)) {
        return None;
    }
    let mut at = 19;
    let mut fraction = 0;
    if is(at, b'.') {
        at += 1;
        let begin = at;
        while at - begin < 7 && b.get(at).is_some_and(u8::is_ascii_digit) {
            fraction = fraction * 10 + i64::from(b[at] - b'0');
            at += 1;
        }
        if at == begin {
            return None;
        }
        fraction *= 10_i64.pow(u32::try_from(7 - (at - begin)).ok()?);
        if hour == 24 && fraction != 0 {
            return None;
        }
    }
    // Minutes before or after UTC.
    let mut zone = None;
    let mut utc = false;
    match b.get(at) {
        None => {}
        Some(b'Z' | b'z') => {
            utc = true;
            at += 1;
        }
        Some(sign @ (b'+' | b'-')) => {
            let hours = two(at + 1)?;
            at += 3;
            if is(at, b':') {
                at += 1;
            }
            let minutes = match two(at) {
                Some(minutes) => {
                    at += 2;
                    minutes
                }
                None => 0,
            };
            let all = hours * 60 + minutes;
            zone = Some(if *sign == b'-' { -all } else { all });
        }
        Some(_) => return None,
    }
    if at != b.len() || is(at - 1, b':') {
        return None;
    }
    let day = ticks_of(number(b, 0, 4)?, two(5)?, two(8)?, 0, 0, 0, 0)?;
    let clock = ((hour * 60 + minute) * 60 + second) * TICKS_PER_SECOND + fraction;
    let ticks = day + clock;
    if hour == 24 && day + TICKS_PER_DAY > MAX_TICKS {
        return None;
    }
    Some(match zone {
        // Json.NET converts to local time, which is UTC here; what is out of range stops at its end.
        Some(zone) => DateTime {
            ticks: (ticks - zone * 60 * TICKS_PER_SECOND).clamp(0, MAX_TICKS),
            kind: Kind::Local,
        },
        None => DateTime {
            ticks,
            kind: if utc { Kind::Utc } else { Kind::Unspecified },
        },
    })
}

/// `/Date(milliseconds[+hhmm])/`: the offset only says that the date is local.
fn microsoft(s: &str) -> Option<DateTime> {
    let inner = s.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let at = inner
        .char_indices()
        .skip(1)
        .find(|(_, c)| matches!(c, '+' | '-'))
        .map(|(at, _)| at);
    let (number, kind) = match at {
        Some(at) => {
            let offset = &inner.as_bytes()[at + 1..];
            let fits = matches!(offset.len(), 2 | 4 | 5)
                && offset.iter().all(|b| b.is_ascii_digit() || *b == b':');
            if !fits {
                return None;
            }
            (&inner[..at], Kind::Local)
        }
        None => (inner, Kind::Utc),
    };
    let since: i64 = number.parse().ok()?;
    let ticks = since.checked_mul(10_000)?.checked_add(UNIX_EPOCH)?;
    (0..=MAX_TICKS)
        .contains(&ticks)
        .then_some(DateTime { ticks, kind })
}
