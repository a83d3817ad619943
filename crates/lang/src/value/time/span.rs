//! `TimeSpan` as text: .NET's formats `c`, `g`, `G` and custom ones, `Parse` and `ParseExact`.

use super::format::{quoted, run_of};
use super::{TICKS_PER_DAY, TICKS_PER_SECOND};

/// Why a text is no time span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadSpan {
    /// Not of the form.
    Text,
    /// A part is too big: `24:00`.
    Overflow,
    /// The format itself is wrong.
    Format,
}

/// A span taken apart, without its sign.
struct Split {
    days: u64,
    hours: u64,
    minutes: u64,
    seconds: u64,
    fraction: u64,
}

fn split(ticks: i64) -> Split {
    let t = ticks.unsigned_abs();
    let second = TICKS_PER_SECOND as u64;
    Split {
        days: t / (86_400 * second),
        hours: t / (3600 * second) % 24,
        minutes: t / (60 * second) % 60,
        seconds: t / second % 60,
        fraction: t % second,
    }
}

/// `TimeSpan.ToString(format)`; `None` for a wrong format.
pub(crate) fn format_span(ticks: i64, format: &str) -> Option<String> {
    let Split {
        days,
        hours: h,
        minutes: m,
        seconds: s,
        fraction: f,
    } = split(ticks);
    let sign = if ticks < 0 { "-" } else { "" };
    match format {
        "" | "c" | "t" | "T" => {
            let mut out = String::from(sign);
            if days > 0 {
                out.push_str(&format!("{days}."));
            }
            out.push_str(&format!("{h:02}:{m:02}:{s:02}"));
            if f > 0 {
                out.push_str(&format!(".{f:07}"));
            }
            Some(out)
        }
        "g" => {
            let mut out = String::from(sign);
            if days > 0 {
                out.push_str(&format!("{days}:"));
            }
            out.push_str(&format!("{h}:{m:02}:{s:02}"));
            if f > 0 {
                out.push('.');
                out.push_str(format!("{f:07}").trim_end_matches('0'));
            }
            Some(out)
        }
        "G" => Some(format!("{sign}{days}:{h:02}:{m:02}:{s:02}.{f:07}")),
        // One letter is a standard format; a custom one of one letter is written `%h`.
        one if one.chars().count() == 1 => None,
        _ => custom(ticks, format),
    }
}

fn custom(ticks: i64, format: &str) -> Option<String> {
    let parts = split(ticks);
    let chars: Vec<char> = format.chars().collect();
    let mut out = String::new();
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
        match c {
            'd' if run <= 8 => out.push_str(&format!("{:0run$}", parts.days)),
            'h' if run <= 2 => out.push_str(&format!("{:0run$}", parts.hours)),
            'm' if run <= 2 => out.push_str(&format!("{:0run$}", parts.minutes)),
            's' if run <= 2 => out.push_str(&format!("{:0run$}", parts.seconds)),
            'f' if run <= 7 => out.push_str(&format!("{:07}", parts.fraction)[..run]),
            'F' if run <= 7 => {
                out.push_str(format!("{:07}", parts.fraction)[..run].trim_end_matches('0'));
            }
            '\'' | '"' => used = quoted(&chars[i..], &mut out)?,
            '\\' => {
                out.push(*chars.get(i + 1)?);
                used = 2;
            }
            '%' => {
                used = 1;
                single = true;
                if chars.get(i + 1).is_none_or(|&x| x == '%') {
                    return None;
                }
            }
            _ => return None,
        }
        i += used;
    }
    Some(out)
}

/// Parts of a span as read: each is checked against its range when put together.
#[derive(Default)]
struct Parts {
    days: u64,
    hours: u64,
    minutes: u64,
    seconds: u64,
    /// Ticks within the second.
    fraction: u64,
}

impl Parts {
    fn ticks(&self, negative: bool) -> Result<i64, BadSpan> {
        if self.hours > 23 || self.minutes > 59 || self.seconds > 59 {
            return Err(BadSpan::Overflow);
        }
        let seconds = (self.hours * 60 + self.minutes) * 60 + self.seconds;
        let ticks = i128::from(self.days) * i128::from(TICKS_PER_DAY)
            + i128::from(seconds) * i128::from(TICKS_PER_SECOND)
            + i128::from(self.fraction);
        i64::try_from(if negative { -ticks } else { ticks }).map_err(|_| BadSpan::Overflow)
    }
}

/// A number of at most ten digits; leading zeros count for nothing.
fn number(s: &str) -> Result<u64, BadSpan> {
    if s.is_empty() || !s.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadSpan::Text);
    }
    let n = s.trim_start_matches('0');
    if n.len() > 8 {
        return Err(BadSpan::Overflow);
    }
    Ok(n.parse().unwrap_or(0))
}

/// The fraction of a second as ticks: at most seven digits; more are rounded where the first is zero.
fn fraction(s: &str) -> Result<u64, BadSpan> {
    const DIGITS: u32 = 7;
    let rest = s.trim_start_matches('0');
    let zeros = s.len() - rest.len();
    if rest.is_empty() || zeros > DIGITS as usize {
        return number(s).map(|_| 0);
    }
    let n = match rest.parse::<u32>() {
        Ok(n) if rest.bytes().all(|b| b.is_ascii_digit()) && n <= i32::MAX as u32 => u64::from(n),
        _ => return number(s).and(Err(BadSpan::Overflow)),
    };
    let missing = DIGITS as i64 - s.len() as i64;
    match u32::try_from(missing) {
        Ok(missing) => Ok(n * 10u64.pow(missing)),
        Err(_) if zeros == 0 => Err(BadSpan::Overflow),
        Err(_) => {
            let unit = 10u64.pow(missing.unsigned_abs().min(18) as u32);
            Ok((n + unit / 2) / unit)
        }
    }
}

/// Which separators a form allows between days and hours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `Parse`: both.
    Any,
    /// `g`.
    Short,
    /// `G`: everything must be there.
    Long,
}

/// Reads `h:m:s`; where the hour is too big and a colon may follow days, it is read as `d:h:m`, as .NET does.
fn standard(s: &str, form: Form) -> Result<i64, BadSpan> {
    let read = by_form(s, form);
    let colons = s.matches(':').count() == 2 && !s.contains('.');
    if read == Err(BadSpan::Overflow) && colons && matches!(form, Form::Any | Form::Short) {
        return by_form(&format!("{}:0", s.trim_end()), form);
    }
    if read.is_err() && has_large_number(s) {
        return Err(BadSpan::Overflow);
    }
    read
}

/// Whether a number of the text is beyond 32 bits: .NET says so before it looks at what stands between the numbers, of
/// which it reads five.
fn has_large_number(s: &str) -> bool {
    let runs = s.split(|c: char| !c.is_ascii_digit());
    let mut numbers = runs.filter(|run| !run.is_empty()).take(6);
    numbers.any(|run| {
        let n = run.trim_start_matches('0');
        n.len() > 10 || n.parse::<u64>().is_ok_and(|n| n > i32::MAX as u64)
    })
}

fn by_form(s: &str, form: Form) -> Result<i64, BadSpan> {
    let t = s.trim_matches(char::is_whitespace);
    let (negative, t) = t.strip_prefix('-').map_or((false, t), |rest| (true, rest));
    let fields: Vec<&str> = t.split(':').collect();
    let (first, rest) = fields.split_first().ok_or(BadSpan::Text)?;
    // `d.hh:mm`: a day before a dot in front of the first colon.
    let dotted = first.split_once('.').filter(|_| !rest.is_empty());
    if dotted.is_some() && matches!(form, Form::Short | Form::Long) {
        return Err(BadSpan::Text);
    }
    let mut all: Vec<&str> = match dotted {
        Some((day, hour)) => vec![day, hour],
        None => vec![first],
    };
    all.extend(rest);
    let mut parts = Parts::default();
    if let Some((seconds, f)) = all.last().and_then(|l| l.split_once('.')) {
        let whole = if dotted.is_some() { 4 } else { 3 };
        if all.len() < whole {
            return Err(BadSpan::Text);
        }
        let last = all.len() - 1;
        all[last] = seconds;
        parts.fraction = fraction(f)?;
    } else if form == Form::Long {
        return Err(BadSpan::Text);
    }
    let numbers: Vec<u64> = all.iter().map(|n| number(n)).collect::<Result<_, _>>()?;
    let day_colon = numbers.len() == 4 && dotted.is_none();
    if form == Form::Long && !day_colon {
        return Err(BadSpan::Text);
    }
    match (numbers[..].as_ref(), dotted.is_some()) {
        ([d], _) => parts.days = *d,
        ([d, h, m], true) => (parts.days, parts.hours, parts.minutes) = (*d, *h, *m),
        ([h, m], _) => (parts.hours, parts.minutes) = (*h, *m),
        ([h, m, s], _) => (parts.hours, parts.minutes, parts.seconds) = (*h, *m, *s),
        ([d, h, m, s], _) => {
            (parts.days, parts.hours, parts.minutes, parts.seconds) = (*d, *h, *m, *s);
        }
        _ => return Err(BadSpan::Text),
    }
    parts.ticks(negative)
}

/// `ParseExact` by `c`: `[-][d.]h:m[:[s][.f]]` or `[-]d`, of whose fraction seven digits are read.
fn constant(s: &str) -> Result<i64, BadSpan> {
    const DAYS: u64 = (i64::MAX / TICKS_PER_DAY) as u64;
    let blank = [' ', '\t'];
    let t = s.trim_matches(blank);
    let (negative, mut rest) = t.strip_prefix('-').map_or((false, t), |rest| (true, rest));
    let mut parts = Parts::default();
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let timed = if after.starts_with(':') {
        true
    } else {
        parts.days = up_to(&mut rest, DAYS)?;
        takes(&mut rest, '.')
    };
    if timed {
        parts.hours = up_to(&mut rest, 23)?;
        if !takes(&mut rest, ':') {
            return Err(BadSpan::Text);
        }
        parts.minutes = up_to(&mut rest, 59)?;
        if takes(&mut rest, ':') {
            if !rest.starts_with('.') {
                parts.seconds = up_to(&mut rest, 59)?;
            }
            if takes(&mut rest, '.') {
                let digits = rest.bytes().take(7).take_while(u8::is_ascii_digit).count();
                let (read, unread) = rest.split_at(digits);
                parts.fraction = format!("{read:0<7}").parse().unwrap_or(0);
                rest = unread;
            }
        }
    }
    match rest.trim_start_matches(blank) {
        "" => parts.ticks(negative),
        _ => Err(BadSpan::Text),
    }
}

/// Takes a character off the front, where it stands there.
fn takes(text: &mut &str, c: char) -> bool {
    let rest = text.strip_prefix(c);
    *text = rest.unwrap_or(text);
    rest.is_some()
}

/// Takes a number off the front that is not larger.
fn up_to(text: &mut &str, most: u64) -> Result<u64, BadSpan> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - rest.len()];
    if digits.is_empty() {
        return Err(BadSpan::Text);
    }
    *text = rest;
    let n = digits.parse::<u64>().ok().filter(|n| *n <= most);
    n.ok_or(BadSpan::Overflow)
}

/// `TimeSpan.Parse`: `[-]d`, `[-][d.]hh:mm[:ss[.f]]` or `[-]d:hh:mm:ss[.f]`.
pub(crate) fn read_span(s: &str) -> Result<i64, BadSpan> {
    standard(s, Form::Any)
}

/// As [`read_span`] where only success counts.
pub(crate) fn parse_span(s: &str) -> Option<i64> {
    read_span(s).ok()
}

/// `TimeSpan.ParseExact`; `negative` is `TimeSpanStyles.AssumeNegative`, which only custom formats heed.
pub(crate) fn exact_span(s: &str, format: &str, negative: bool) -> Result<i64, BadSpan> {
    match format {
        "" => Err(BadSpan::Format),
        "c" | "t" | "T" => constant(s),
        "g" => standard(s, Form::Short),
        "G" => standard(s, Form::Long),
        one if one.chars().count() == 1 => Err(BadSpan::Format),
        _ => by_format(s, format, negative),
    }
}

/// Takes digits off the front: at least and at most so many.
fn digits<'t>(text: &mut &'t str, least: usize, most: usize) -> Result<&'t str, BadSpan> {
    let n = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if n < least {
        return Err(BadSpan::Format);
    }
    let (taken, rest) = text.split_at(n);
    *text = rest;
    Ok(taken)
}

fn by_format(s: &str, format: &str, negative: bool) -> Result<i64, BadSpan> {
    let chars: Vec<char> = format.chars().collect();
    let mut text = s;
    let mut parts = Parts::default();
    let mut seen = [false; 5];
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        let run = run_of(&chars[i..]);
        let mut used = run;
        // Each part stands once and within its width.
        let mut once = |part: usize, widest: usize| {
            if run > widest || std::mem::replace(&mut seen[part], true) {
                Err(BadSpan::Format)
            } else {
                Ok(())
            }
        };
        let two = |text: &mut &str| {
            let most = if run == 1 { 2 } else { run };
            digits(text, run, most).and_then(number)
        };
        match c {
            'h' => {
                once(0, 2)?;
                parts.hours = two(&mut text)?;
            }
            'm' => {
                once(1, 2)?;
                parts.minutes = two(&mut text)?;
            }
            's' => {
                once(2, 2)?;
                parts.seconds = two(&mut text)?;
            }
            'f' | 'F' => {
                once(3, 7)?;
                let least = if c == 'f' { run } else { 0 };
                let f = digits(&mut text, least, run)?;
                parts.fraction = if f.is_empty() { 0 } else { fraction(f)? };
            }
            'd' => {
                once(4, 8)?;
                let (least, most) = if run < 2 { (1, 8) } else { (run, run) };
                parts.days = number(digits(&mut text, least, most)?)?;
            }
            '\'' | '"' => {
                let mut literal = String::new();
                used = quoted(&chars[i..], &mut literal).ok_or(BadSpan::Format)?;
                text = text.strip_prefix(literal.as_str()).ok_or(BadSpan::Format)?;
            }
            '%' => {
                used = 1;
                if chars.get(i + 1).is_none_or(|&x| x == '%') {
                    return Err(BadSpan::Format);
                }
            }
            '\\' => {
                let next = *chars.get(i + 1).ok_or(BadSpan::Format)?;
                text = text.strip_prefix(next).ok_or(BadSpan::Format)?;
                used = 2;
            }
            _ => return Err(BadSpan::Format),
        }
        i += used;
    }
    if !text.is_empty() {
        return Err(BadSpan::Text);
    }
    parts.ticks(negative)
}
