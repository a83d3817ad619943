//! `DateTime`, `DateTimeOffset` and `TimeSpan`: ticks, calendar, .NET format strings and parsing, invariant culture.
//!
//! The local time zone is UTC, as on the service's gateways.

pub(crate) mod read;

/// 100 ns units in a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
/// 100 ns units in a day.
pub const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
/// `DateTime.MaxValue.Ticks`.
pub const MAX_TICKS: i64 = 3_155_378_975_999_999_999;
/// Ticks at 1970-01-01.
pub const UNIX_EPOCH: i64 = 621_355_968_000_000_000;

/// `DateTimeKind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No zone given.
    Unspecified,
    /// UTC.
    Utc,
    /// Local, which here is UTC too.
    Local,
}

/// `System.DateTime`.
#[derive(Clone, Copy, Debug)]
pub struct DateTime {
    /// 100 ns units since 0001-01-01.
    pub ticks: i64,
    /// Which clock it is from.
    pub kind: Kind,
}

/// `System.DateTimeOffset`.
#[derive(Clone, Copy, Debug)]
pub struct DateTimeOffset {
    /// 100 ns units since 0001-01-01 on the clock of the offset.
    pub ticks: i64,
    /// Minutes ahead of UTC.
    pub offset_minutes: i16,
}

impl DateTimeOffset {
    /// Ticks of the same moment in UTC.
    pub fn utc_ticks(&self) -> i64 {
        self.ticks - i64::from(self.offset_minutes) * 60 * TICKS_PER_SECOND
    }
}

/// A moment taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    /// Ticks within the second.
    pub(crate) fraction: i64,
    /// 0 is Sunday.
    pub(crate) weekday: usize,
    pub(crate) zone: Zone,
}

/// What `K` and `z` print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    Kind(Kind),
    Offset(i16),
}

pub(crate) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(crate) fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

pub(crate) fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Ticks of a date and time, if there is such a one between the years 1 and 9999.
pub(crate) fn ticks_of(
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    fraction: i64,
) -> Option<i64> {
    let m = u32::try_from(month).ok().filter(|m| (1..=12).contains(m))?;
    let valid = (1..=9999).contains(&year)
        && (1..=i64::from(days_in_month(year, m))).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && (0..TICKS_PER_SECOND).contains(&fraction);
    if !valid {
        return None;
    }
    // Days from civil, era arithmetic; 306 days separate 0000-03-01 from 0001-01-01.
    let y = if month <= 2 { year - 1 } else { year };
    let shifted = (month + 9) % 12;
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (shifted * 306 + 5) / 10 + day - 1 - 306;
    Some(days * TICKS_PER_DAY + ((hour * 60 + minute) * 60 + second) * TICKS_PER_SECOND + fraction)
}

impl Parts {
    pub(crate) fn of(ticks: i64) -> Parts {
        let days = ticks.div_euclid(TICKS_PER_DAY);
        let in_day = ticks.rem_euclid(TICKS_PER_DAY);
        let z = days + 306;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        let seconds = in_day / TICKS_PER_SECOND;
        Parts {
            year,
            month: month as u32,
            day: day as u32,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            fraction: in_day % TICKS_PER_SECOND,
            weekday: (days + 1).rem_euclid(7) as usize,
            zone: Zone::Kind(Kind::Unspecified),
        }
    }

    pub(crate) fn of_date(date: DateTime) -> Parts {
        Parts {
            zone: Zone::Kind(date.kind),
            ..Parts::of(date.ticks)
        }
    }

    pub(crate) fn of_offset(date: DateTimeOffset) -> Parts {
        Parts {
            zone: Zone::Offset(date.offset_minutes),
            ..Parts::of(date.ticks)
        }
    }

    /// From 1.
    pub(crate) fn day_of_year(&self) -> u32 {
        (1..self.month)
            .map(|m| days_in_month(self.year, m))
            .sum::<u32>()
            + self.day
    }

    /// Moves by months and keeps the day within the month.
    pub(crate) fn add_months(&self, months: i64) -> Option<i64> {
        let total = self
            .year
            .checked_mul(12)?
            .checked_add(i64::from(self.month) - 1)?
            .checked_add(months)?;
        let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
        if !(1..=9999).contains(&year) {
            return None;
        }
        let day = self.day.min(days_in_month(year, month as u32));
        ticks_of(
            year,
            month,
            i64::from(day),
            self.hour,
            self.minute,
            self.second,
            self.fraction,
        )
    }
}

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

fn standard(p: &Parts, c: char) -> Option<String> {
    // `r`, `R` and `u` print an offset's moment in UTC.
    let utc = |p: &Parts| match p.zone {
        Zone::Offset(o) if o != 0 => {
            let ticks = ticks_of(
                p.year,
                i64::from(p.month),
                i64::from(p.day),
                p.hour,
                p.minute,
                p.second,
                p.fraction,
            );
            ticks.map_or(*p, |t| Parts::of(t - i64::from(o) * 60 * TICKS_PER_SECOND))
        }
        _ => *p,
    };
    custom(
        &if matches!(c, 'r' | 'R' | 'u' | 'U') {
            utc(p)
        } else {
            *p
        },
        match c {
            'd' => "MM/dd/yyyy",
            'D' => "dddd, dd MMMM yyyy",
            'f' => "dddd, dd MMMM yyyy HH:mm",
            'F' | 'U' => "dddd, dd MMMM yyyy HH:mm:ss",
            'g' => "MM/dd/yyyy HH:mm",
            'G' => "MM/dd/yyyy HH:mm:ss",
            'm' | 'M' => "MMMM dd",
            'o' | 'O' => "yyyy-MM-ddTHH:mm:ss.fffffffK",
            'r' | 'R' => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
            's' => "yyyy-MM-ddTHH:mm:ss",
            't' => "HH:mm",
            'T' => "HH:mm:ss",
            'u' => "yyyy-MM-dd HH:mm:ss'Z'",
            'y' | 'Y' => "yyyy MMMM",
            _ => return None,
        },
    )
}

fn custom(p: &Parts, format: &str) -> Option<String> {
    use std::fmt::Write;
    let chars: Vec<char> = format.chars().collect();
    let mut out = String::with_capacity(format.len() + 8);
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        let run = chars[i..].iter().take_while(|&&x| x == c).count();
        let mut used = run;
        let offset = match p.zone {
            Zone::Offset(o) => o,
            Zone::Kind(_) => 0,
        };
        let written = match c {
            'd' if run <= 2 => write!(out, "{:01$}", p.day, run),
            'd' => write!(
                out,
                "{}",
                if run == 3 {
                    &DAYS[p.weekday][..3]
                } else {
                    DAYS[p.weekday]
                }
            ),
            'M' if run <= 2 => write!(out, "{:01$}", p.month, run),
            'M' => {
                let name = MONTHS[p.month as usize - 1];
                write!(out, "{}", if run == 3 { &name[..3] } else { name })
            }
            'y' if run <= 2 => write!(out, "{:01$}", p.year % 100, run),
            'y' => write!(out, "{:01$}", p.year, run),
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
                if c == 'f' {
                    write!(out, "{digits}")
                } else {
                    let kept = digits.trim_end_matches('0');
                    if kept.is_empty() && out.ends_with('.') {
                        out.pop();
                    }
                    write!(out, "{kept}")
                }
            }
            't' => {
                let half = if p.hour < 12 { "AM" } else { "PM" };
                write!(out, "{}", if run == 1 { &half[..1] } else { half })
            }
            'K' => {
                used = 1;
                match p.zone {
                    Zone::Kind(Kind::Utc) => write!(out, "Z"),
                    Zone::Kind(Kind::Unspecified) => Ok(()),
                    _ => write!(out, "{}", offset_text(offset)),
                }
            }
            'z' => {
                let sign = if offset < 0 { '-' } else { '+' };
                let (h, m) = (offset.unsigned_abs() / 60, offset.unsigned_abs() % 60);
                match run {
                    1 => write!(out, "{sign}{h}"),
                    2 => write!(out, "{sign}{h:02}"),
                    _ => write!(out, "{sign}{h:02}:{m:02}"),
                }
            }
            'g' => write!(out, "A.D."),
            '\'' | '"' => {
                let end = chars[i + 1..].iter().position(|&x| x == c)?;
                out.extend(&chars[i + 1..i + 1 + end]);
                used = end + 2;
                Ok(())
            }
            '\\' => {
                out.push(*chars.get(i + 1)?);
                used = 2;
                Ok(())
            }
            '%' => {
                used = 1;
                if chars.get(i + 1).is_none_or(|&x| x == '%') {
                    return None;
                }
                Ok(())
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

/// `TimeSpan.ToString(format)`; `None` for a wrong format.
pub(crate) fn format_span(ticks: i64, format: &str) -> Option<String> {
    let t = ticks.unsigned_abs();
    let second = TICKS_PER_SECOND as u64;
    let days = t / (86_400 * second);
    let (h, m, s, f) = (
        t / (3600 * second) % 24,
        t / (60 * second) % 60,
        t / second % 60,
        t % second,
    );
    let sign = if ticks < 0 { "-" } else { "" };
    match format {
        "" | "c" | "t" | "T" => {
            let day = if days > 0 {
                format!("{days}.")
            } else {
                String::new()
            };
            let fraction = if f > 0 {
                format!(".{f:07}")
            } else {
                String::new()
            };
            return Some(format!("{sign}{day}{h:02}:{m:02}:{s:02}{fraction}"));
        }
        "g" => {
            let day = if days > 0 {
                format!("{days}:")
            } else {
                String::new()
            };
            let fraction = if f > 0 {
                format!(".{}", format!("{f:07}").trim_end_matches('0'))
            } else {
                String::new()
            };
            return Some(format!("{sign}{day}{h}:{m:02}:{s:02}{fraction}"));
        }
        "G" => return Some(format!("{sign}{days}:{h:02}:{m:02}:{s:02}.{f:07}")),
        _ => {}
    }
    let chars: Vec<char> = format.chars().collect();
    let mut out = String::new();
    let mut i = 0;
    if chars.len() == 1 && !matches!(chars[0], 'd') {
        return None;
    }
    while i < chars.len() {
        let c = chars[i];
        let run = chars[i..].iter().take_while(|&&x| x == c).count();
        let mut used = run;
        match c {
            'd' => out.push_str(&format!("{days:0run$}")),
            'h' => out.push_str(&format!("{h:0run$}")),
            'm' => out.push_str(&format!("{m:0run$}")),
            's' => out.push_str(&format!("{s:0run$}")),
            'f' if run <= 7 => out.push_str(&format!("{f:07}")[..run]),
            'F' if run <= 7 => out.push_str(format!("{f:07}")[..run].trim_end_matches('0')),
            '\'' | '"' => {
                let end = chars[i + 1..].iter().position(|&x| x == c)?;
                out.extend(&chars[i + 1..i + 1 + end]);
                used = end + 2;
            }
            '\\' => {
                out.push(*chars.get(i + 1)?);
                used = 2;
            }
            '%' => used = 1,
            _ => return None,
        }
        i += used;
    }
    Some(out)
}

pub(crate) use read::{json_date, parse_date, parse_offset, parse_span};
