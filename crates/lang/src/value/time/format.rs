//! .NET's format strings for dates, standard and custom, in the invariant culture.

use super::{DAYS, Kind, MONTHS, Parts, TICKS_PER_SECOND, Zone, ticks_of};
use std::fmt::Write;

/// `+02:00`.
pub(crate) fn offset_text(minutes: i16) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let m = minutes.unsigned_abs();
    format!("{sign}{:02}:{:02}", m / 60, m % 60)
}

/// A date in a .NET format, standard (one letter) or custom; `None` for a wrong format.
pub(crate) fn format(p: &Parts, format: &str) -> Option<String> {
    let mut chars = format.chars();
    match (chars.next(), chars.next()) {
        (None, _) => custom(p, general(p)),
        (Some(c), None) => standard(p, c),
        _ => custom(p, format),
    }
}

fn general(p: &Parts) -> &'static str {
    match p.zone {
        Zone::Offset(_) => "MM/dd/yyyy HH:mm:ss zzz",
        Zone::Kind(_) => "MM/dd/yyyy HH:mm:ss",
    }
}

/// What a standard format stands for in the invariant culture, which `ParseExact` reads by too.
pub(crate) fn pattern(c: char) -> Option<&'static str> {
    Some(match c {
        'd' => "MM/dd/yyyy",
        'D' => "dddd, dd MMMM yyyy",
        'f' => "dddd, dd MMMM yyyy HH:mm",
        'F' | 'U' => "dddd, dd MMMM yyyy HH:mm:ss",
        'g' => "MM/dd/yyyy HH:mm",
        'G' => "MM/dd/yyyy HH:mm:ss",
        'm' | 'M' => "MMMM dd",
        'o' | 'O' => "yyyy'-'MM'-'dd'T'HH':'mm':'ss.fffffffK",
        'r' | 'R' => "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
        's' => "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
        't' => "HH:mm",
        'T' => "HH:mm:ss",
        'u' => "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
        'y' | 'Y' => "yyyy MMMM",
        _ => return None,
    })
}

/// The moment in UTC.
fn in_utc(p: &Parts) -> Parts {
    let Zone::Offset(o) = p.zone else { return *p };
    let ticks = ticks_of(
        p.year,
        i64::from(p.month),
        i64::from(p.day),
        p.hour,
        p.minute,
        p.second,
        p.fraction,
    );
    ticks.map_or(*p, |t| Parts {
        zone: Zone::Offset(0),
        ..Parts::of(t - i64::from(o) * 60 * TICKS_PER_SECOND)
    })
}

fn standard(p: &Parts, c: char) -> Option<String> {
    let pattern = pattern(c)?;
    match (c, p.zone) {
        // An offset has no such form.
        ('U', Zone::Offset(_)) => None,
        ('r' | 'R' | 'u', Zone::Offset(_)) => custom(&in_utc(p), pattern),
        _ => custom(p, pattern),
    }
}

/// `-05:30` in `z` characters.
fn zone(offset: i16, run: usize, out: &mut String) -> std::fmt::Result {
    let sign = if offset < 0 { '-' } else { '+' };
    let (h, m) = (offset.unsigned_abs() / 60, offset.unsigned_abs() % 60);
    match run {
        1 => write!(out, "{sign}{h}"),
        2 => write!(out, "{sign}{h:02}"),
        _ => write!(out, "{sign}{h:02}:{m:02}"),
    }
}

/// How often the letter at the start of a format repeats; 1 for what has no meaning by its number, which keeps the time of
/// reading a format linear.
pub(super) fn run_of(format: &[char]) -> usize {
    match format.first() {
        Some(c) if "dMyhHmsfFtzg".contains(*c) => format.iter().take_while(|x| *x == c).count(),
        Some(_) => 1,
        None => 0,
    }
}

fn custom(p: &Parts, format: &str) -> Option<String> {
    let chars: Vec<char> = format.chars().collect();
    let mut out = String::with_capacity(format.len() + 8);
    let mut i = 0;
    // Behind `%` a character stands for itself alone.
    let mut single = false;
    while i < chars.len() {
        let c = chars[i];
        let run = if std::mem::take(&mut single) {
            1
        } else {
            run_of(&chars[i..])
        };
        let mut used = run;
        let offset = match p.zone {
            Zone::Offset(o) => o,
            Zone::Kind(_) => 0,
        };
        let name = |all: &'static [&'static str], at: usize| {
            let name = all.get(at).copied().unwrap_or_default();
            if run == 3 { &name[..3] } else { name }
        };
        let written = match c {
            'd' if run <= 2 => write!(out, "{:01$}", p.day, run),
            'd' => out.write_str(name(&DAYS, p.weekday)),
            'M' if run <= 2 => write!(out, "{:01$}", p.month, run),
            'M' => out.write_str(name(&MONTHS, p.month as usize - 1)),
            'y' if run <= 2 => write!(out, "{:01$}", p.year % 100, run),
            'y' => {
                // Not as a width, which Rust bounds.
                let year = p.year.to_string();
                out.extend(std::iter::repeat_n('0', run.saturating_sub(year.len())));
                out.write_str(&year)
            }
            'h' => write!(out, "{:01$}", (p.hour + 11) % 12 + 1, run.min(2)),
            'H' => write!(out, "{:01$}", p.hour, run.min(2)),
            'm' => write!(out, "{:01$}", p.minute, run.min(2)),
            's' => write!(out, "{:01$}", p.second, run.min(2)),
            'f' | 'F' => {
                if run > 7 {
                    return None;
                }
                let digits = format!("{:07}", p.fraction);
                let digits = &digits[..run];
                let kept = if c == 'f' {
                    digits
                } else {
                    digits.trim_end_matches('0')
                };
                if kept.is_empty() && out.ends_with('.') {
                    out.pop();
                }
                out.write_str(kept)
            }
            't' => {
                let half = if p.hour < 12 { "AM" } else { "PM" };
                out.write_str(if run == 1 { &half[..1] } else { half })
            }
            'K' => {
                used = 1;
                match p.zone {
                    Zone::Kind(Kind::Utc) => out.write_char('Z'),
                    Zone::Kind(Kind::Unspecified) => Ok(()),
                    _ => out.write_str(&offset_text(offset)),
                }
            }
            'z' => zone(offset, run, &mut out),
            'g' => out.write_str("A.D."),
            '\'' | '"' => {
                used = quoted(&chars[i..], &mut out)?;
                Ok(())
            }
            '\\' => {
                out.push(*chars.get(i + 1)?);
                used = 2;
                Ok(())
            }
            '%' => {
                used = 1;
                single = true;
                match chars.get(i + 1) {
                    None | Some('%') => return None,
                    Some(_) => Ok(()),
                }
            }
            other => {
                out.push(other);
                used = 1;
                Ok(())
            }
        };
        written.ok()?;
        i += used;
    }
    Some(out)
}

/// A quoted part at the start of a format, with `\` before what is meant as such; gives the characters used.
pub(super) fn quoted(format: &[char], out: &mut String) -> Option<usize> {
    let quote = *format.first()?;
    let mut i = 1;
    loop {
        match *format.get(i)? {
            c if c == quote => return Some(i + 1),
            '\\' => {
                out.push(*format.get(i + 1)?);
                i += 2;
            }
            c => {
                out.push(c);
                i += 1;
            }
        }
    }
}
