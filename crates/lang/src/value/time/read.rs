//! Reading dates and time spans as .NET does with the invariant culture.
//!
//! What must stay true: a text that .NET reads differently is refused rather than guessed.

use super::{
    DateTime, DateTimeOffset, Kind, MAX_TICKS, MONTHS, TICKS_PER_DAY, TICKS_PER_SECOND, ticks_of,
};
use crate::value::Value;

/// What a text said.
struct Read {
    ticks: i64,
    zone: Option<Option<i16>>, // Some(None) is `Z`
}

/// The date that Json.NET makes of a string token, if it looks like one: `yyyy-MM-ddTHH:mm:ss[.f][Z|±hh:mm]`.
pub(crate) fn json_date(s: &str) -> Option<Value> {
    let b = s.as_bytes();
    if b.len() < 19 || b.len() > 40 || !s.is_ascii() || b[4] != b'-' || b[10] != b'T' {
        return None;
    }
    let read = iso(s)?;
    Some(Value::DateTime(match read.zone {
        None => DateTime {
            ticks: read.ticks,
            kind: Kind::Unspecified,
        },
        Some(None) => DateTime {
            ticks: read.ticks,
            kind: Kind::Utc,
        },
        // Json.NET converts to local time, which is UTC here.
        Some(Some(o)) => DateTime {
            ticks: in_range(read.ticks - i64::from(o) * 60 * TICKS_PER_SECOND)?,
            kind: Kind::Local,
        },
    }))
}

fn in_range(ticks: i64) -> Option<i64> {
    (0..=MAX_TICKS).contains(&ticks).then_some(ticks)
}

fn digits(s: &str) -> Option<i64> {
    (!s.is_empty() && s.len() <= 9 && s.bytes().all(|b| b.is_ascii_digit()))
        .then(|| s.parse().ok())
        .flatten()
}

fn fraction(s: &str) -> Option<i64> {
    if s.is_empty() || !s.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Beyond seven digits .NET rounds; the eighth decides.
    let mut padded: String = s.chars().take(7).collect();
    while padded.len() < 7 {
        padded.push('0');
    }
    let up = s.as_bytes().get(7).is_some_and(|&d| d >= b'5');
    padded.parse::<i64>().ok().map(|n| n + i64::from(up))
}

/// `HH:mm[:ss[.f]]`, with `AM`/`PM`.
fn clock(s: &str) -> Option<i64> {
    let upper = s.trim().to_ascii_uppercase();
    let (body, half) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(b), _) => (b.trim_end().to_string(), Some(0)),
        (_, Some(b)) => (b.trim_end().to_string(), Some(12)),
        _ => (upper, None),
    };
    let mut parts = body.split(':');
    let mut hour = digits(parts.next()?)?;
    let minute = match parts.next() {
        Some(m) => digits(m)?,
        None if half.is_some() => 0,
        None => return None,
    };
    let (second, frac) = match parts.next() {
        None => (0, 0),
        Some(s) => match s.split_once(['.', ',']) {
            Some((s, f)) => (digits(s)?, fraction(f)?),
            None => (digits(s)?, 0),
        },
    };
    if parts.next().is_some() || minute > 59 || second > 59 {
        return None;
    }
    if let Some(add) = half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + add;
    }
    (hour < 24).then_some(((hour * 60 + minute) * 60 + second) * TICKS_PER_SECOND + frac)
}

/// Splits a zone off the end.
fn zone(s: &str) -> Option<(&str, Option<Option<i16>>)> {
    let t = s.trim_end();
    if let Some(rest) = t.strip_suffix(['Z', 'z']) {
        return Some((rest, Some(None)));
    }
    for name in ["GMT", "UTC"] {
        if let Some(rest) = t.strip_suffix(name) {
            return Some((rest.trim_end(), Some(None)));
        }
    }
    // An offset needs a clock before it: `2024-01-02` has no zone.
    let Some(at) = t.rfind(['+', '-']).filter(|&i| t[..i].contains(':')) else {
        return Some((t, None));
    };
    let (body, text) = t.split_at(at);
    let (h, m) = match text[1..].split_once(':') {
        Some((h, m)) => (digits(h)?, digits(m)?),
        None if text.len() == 5 => (digits(&text[1..3])?, digits(&text[3..])?),
        None => (digits(&text[1..])?, 0),
    };
    if h > 14 || m > 59 {
        return None;
    }
    let minutes = (h * 60 + m) as i16;
    Some((
        body.trim_end(),
        Some(Some(if text.starts_with('-') {
            -minutes
        } else {
            minutes
        })),
    ))
}

fn iso(s: &str) -> Option<Read> {
    let (body, zone) = zone(s)?;
    let (date, time) = body.split_once('T')?;
    let mut d = date.split('-');
    let (y, m, day) = (d.next()?, d.next()?, d.next()?);
    if d.next().is_some() || y.len() != 4 || m.len() != 2 || day.len() != 2 {
        return None;
    }
    let base = ticks_of(digits(y)?, digits(m)?, digits(day)?, 0, 0, 0, 0)?;
    Some(Read {
        ticks: in_range(base + clock(time)?)?,
        zone,
    })
}

fn month(s: &str) -> Option<i64> {
    let s = s.trim_end_matches(['.', ',']);
    let at = MONTHS
        .iter()
        .position(|m| m.eq_ignore_ascii_case(s) || m[..3].eq_ignore_ascii_case(s))?;
    Some(at as i64 + 1)
}

fn read(s: &str, today: i64) -> Option<Read> {
    let s = s.trim();
    if !s.is_ascii() || s.len() > 64 {
        return None;
    }
    if let Some(read) = iso(s) {
        return Some(read);
    }
    let (body, zone) = zone(s)?;
    // A weekday in front is only checked for being one.
    let body = match body.split_once(',') {
        Some((day, rest))
            if super::DAYS
                .iter()
                .any(|d| d.eq_ignore_ascii_case(day) || d[..3].eq_ignore_ascii_case(day)) =>
        {
            rest.trim_start()
        }
        _ => body,
    };
    let (date, time) = match body.find(':') {
        Some(colon) => {
            let from = body[..colon].rfind([' ', 'T']).map_or(0, |i| i + 1);
            (
                body[..from].trim_end_matches([' ', 'T', ',']),
                clock(&body[from..])?,
            )
        }
        None => (body, 0),
    };
    let base = if date.is_empty() {
        today
    } else {
        date_only(date)?
    };
    Some(Read {
        ticks: in_range(base + time)?,
        zone,
    })
}

fn date_only(date: &str) -> Option<i64> {
    let year = |s: &str| -> Option<i64> {
        let n = digits(s)?;
        Some(match s.len() {
            1 | 2 if n < 50 => 2000 + n,
            1 | 2 => 1900 + n,
            _ => n,
        })
    };
    let fields: Vec<&str> = date
        .split(['/', '-', ' ', ','])
        .filter(|f| !f.is_empty())
        .collect();
    let (y, m, d) = match fields[..] {
        [y, m, d] if y.len() >= 3 && digits(y).is_some() => {
            (digits(y)?, digits(m).or_else(|| month(m))?, digits(d)?)
        }
        [m, d, y] if digits(m).is_some() && digits(d).is_some() => {
            (year(y)?, digits(m)?, digits(d)?)
        }
        [d, m, y] if digits(d).is_some() => (year(y)?, month(m)?, digits(d)?),
        [m, d, y] => (year(y)?, month(m)?, digits(d)?),
        [m, y] if y.len() == 4 && digits(m).is_none() => (digits(y)?, month(m)?, 1),
        [y, m] if y.len() == 4 => (digits(y)?, digits(m)?, 1),
        _ => return None,
    };
    ticks_of(y, m, d, 0, 0, 0, 0)
}

/// `DateTime.Parse`: a zone converts to local time, which is UTC here. `today` are the ticks of the current date.
pub(crate) fn parse_date(s: &str, today: i64) -> Option<DateTime> {
    let r = read(s, today)?;
    Some(match r.zone {
        None => DateTime {
            ticks: r.ticks,
            kind: Kind::Unspecified,
        },
        Some(o) => DateTime {
            ticks: in_range(r.ticks - i64::from(o.unwrap_or(0)) * 60 * TICKS_PER_SECOND)?,
            kind: Kind::Local,
        },
    })
}

/// `DateTimeOffset.Parse`.
pub(crate) fn parse_offset(s: &str, today: i64) -> Option<DateTimeOffset> {
    let r = read(s, today)?;
    Some(DateTimeOffset {
        ticks: r.ticks,
        offset_minutes: r.zone.flatten().unwrap_or(0),
    })
}

/// `TimeSpan.Parse`: `[-][d.]hh:mm[:ss[.f]]` or `d`.
pub(crate) fn parse_span(s: &str) -> Option<i64> {
    let t = s.trim();
    let (negative, t) = match t.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, t),
    };
    let (days, rest) = match (t.find('.'), t.find(':')) {
        (Some(dot), Some(colon)) if dot < colon => (digits(&t[..dot])?, &t[dot + 1..]),
        (None, None) => (digits(t)?, ""),
        _ => (0, t),
    };
    let mut ticks = days.checked_mul(TICKS_PER_DAY)?;
    if !rest.is_empty() {
        let parts: Vec<&str> = rest.split(':').collect();
        let (d, h, m, sec) = match parts[..] {
            [h, m] => ("0", h, m, "0"),
            [h, m, s] => ("0", h, m, s),
            [d, h, m, s] => (d, h, m, s),
            _ => return None,
        };
        let (sec, frac) = match sec.split_once('.') {
            Some((s, f)) if f.len() <= 7 => (digits(s)?, fraction(f)?),
            Some(_) => return None,
            None => (digits(sec)?, 0),
        };
        let (h, m) = (digits(h)?, digits(m)?);
        if h > 23 || m > 59 || sec > 59 {
            return None;
        }
        ticks = ticks
            .checked_add(digits(d)?.checked_mul(TICKS_PER_DAY)?)?
            .checked_add(((h * 60 + m) * 60 + sec) * TICKS_PER_SECOND + frac)?;
    }
    Some(if negative { -ticks } else { ticks })
}
