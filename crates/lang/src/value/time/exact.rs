//! Reading dates by a given format, as .NET's `ParseExact` does with the invariant culture.

use super::format::{pattern, quoted, run_of};
use super::read::{BadDate, Cursor, Read, ZoneRead, fraction, full_year, styles};
use super::{DAYS, MONTHS};

/// What a format has found so far.
struct Reader<'t> {
    at: Cursor<'t>,
    read: Read,
    hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    fraction: Option<i64>,
    afternoon: Option<bool>,
    /// Whether the hour is one of twelve.
    twelve: bool,
    inner_white: bool,
    trailing_white: bool,
}

/// Reads a text by a format, standard or custom. `for_offset`: for a `DateTimeOffset`.
pub(crate) fn parse(
    text: &str,
    format: &str,
    style: i64,
    for_offset: bool,
) -> Result<Read, BadDate> {
    let mut zone = None;
    if text.is_empty() {
        return Err(BadDate::Text);
    }
    let mut letters = format.chars();
    let format = match (letters.next(), letters.next()) {
        (None, _) => return Err(BadDate::Format),
        (Some(c), None) => {
            match c {
                'U' if for_offset => return Err(BadDate::Format),
                'U' => zone = Some(ZoneRead::Utc),
                'r' | 'R' | 'u' if for_offset => zone = Some(ZoneRead::Utc),
                _ => {}
            }
            pattern(c).ok_or(BadDate::Standard)?
        }
        _ => format,
    };
    let (mut format, mut text) = (format, text);
    if style & styles::LEADING_WHITE != 0 {
        (format, text) = (format.trim_start(), text.trim_start());
    }
    if style & styles::TRAILING_WHITE != 0 {
        (format, text) = (format.trim_end(), text.trim_end());
    }
    if text.is_empty() {
        return Err(BadDate::Text);
    }
    let mut r = Reader {
        at: Cursor { text, at: 0 },
        read: Read {
            zone,
            ..Read::default()
        },
        hour: None,
        minute: None,
        second: None,
        fraction: None,
        afternoon: None,
        twelve: false,
        inner_white: style & styles::INNER_WHITE != 0,
        trailing_white: style & styles::TRAILING_WHITE != 0,
    };
    r.all(&format.chars().collect::<Vec<_>>())?;
    r.finish()
}

/// Keeps a value; one that was there before must be the same.
fn keep<T: PartialEq>(place: &mut Option<T>, value: T) -> Result<(), BadDate> {
    match place {
        Some(old) if *old != value => Err(BadDate::Text),
        _ => {
            *place = Some(value);
            Ok(())
        }
    }
}

impl Reader<'_> {
    fn all(&mut self, format: &[char]) -> Result<(), BadDate> {
        let mut i = 0;
        while i < format.len() {
            if self.inner_white {
                self.at.skip_white();
            }
            i += self.one(&format[i..])?;
        }
        if self.inner_white || self.trailing_white {
            self.at.skip_white();
        }
        if self.at.rest().is_empty() {
            Ok(())
        } else {
            Err(BadDate::Text)
        }
    }

    /// A number of the width that a run of letters asks for: one letter takes one or two digits.
    fn digits(&mut self, run: usize) -> Result<i64, BadDate> {
        let most = if run == 1 { 2 } else { run };
        // No number of a date has more digits than these.
        if run > 8 {
            return Err(BadDate::Text);
        }
        self.at.number(run, most).ok_or(BadDate::Text)
    }

    /// Reads by the start of the format; gives how much of it was used.
    fn one(&mut self, format: &[char]) -> Result<usize, BadDate> {
        let c = format[0];
        let run = run_of(format);
        match c {
            'y' => {
                let n = self.digits(run)?;
                let year = if run <= 2 { full_year(n) } else { n };
                keep(&mut self.read.year, year)?;
            }
            'M' if run <= 2 => {
                let n = self.digits(run)?;
                keep(&mut self.read.month, n)?;
            }
            'M' => {
                let n = self.at.name(&MONTHS, run == 3).ok_or(BadDate::Text)?;
                keep(&mut self.read.month, n as i64 + 1)?;
            }
            'd' if run <= 2 => {
                let n = self.digits(run)?;
                keep(&mut self.read.day, n)?;
            }
            'd' => {
                let n = self.at.name(&DAYS, run == 3).ok_or(BadDate::Text)?;
                keep(&mut self.read.weekday, n)?;
            }
            'g' => {
                self.at.name(&["A.D.", "AD"], false).ok_or(BadDate::Text)?;
            }
            'h' | 'H' => {
                self.twelve |= c == 'h';
                let n = self.digits(run.min(2))?;
                keep(&mut self.hour, n)?;
            }
            'm' => {
                let n = self.digits(run.min(2))?;
                keep(&mut self.minute, n)?;
            }
            's' => {
                let n = self.digits(run.min(2))?;
                keep(&mut self.second, n)?;
            }
            'f' | 'F' if run <= 7 => {
                let d = self.at.digits(run);
                if c == 'f' && d.len() < run {
                    return Err(BadDate::Text);
                }
                keep(&mut self.fraction, fraction(d))?;
            }
            't' => self.half(run)?,
            'z' => {
                let zone = self.zone(run)?;
                keep(&mut self.read.zone, ZoneRead::Offset(zone))?;
            }
            'Z' => {
                let found = ["GMT", "Z"].into_iter().any(|n| self.word(n));
                if !found || self.read.zone.is_some() {
                    return Err(BadDate::Text);
                }
                self.read.zone = Some(ZoneRead::Utc);
                return Ok(1);
            }
            'K' => {
                let zone = if self.at.eat('Z') {
                    ZoneRead::Utc
                } else if matches!(self.at.peek(), Some('+' | '-')) {
                    ZoneRead::Offset(self.zone(3)?)
                } else {
                    return Ok(1);
                };
                if self.read.zone.replace(zone).is_some() {
                    return Err(BadDate::Text);
                }
                return Ok(1);
            }
            '\'' | '"' => {
                let mut literal = String::new();
                let used = quoted(format, &mut literal).ok_or(BadDate::Format)?;
                for c in literal.chars() {
                    if c == ' ' && self.inner_white {
                        self.at.skip_white();
                    } else if !self.at.eat(c) {
                        return Err(BadDate::Text);
                    }
                }
                return Ok(used);
            }
            '%' => {
                return match format.get(1) {
                    None | Some('%') => Err(BadDate::Format),
                    Some(_) => Ok(1),
                };
            }
            '\\' => {
                let next = *format.get(1).ok_or(BadDate::Format)?;
                return if self.at.eat(next) {
                    Ok(2)
                } else {
                    Err(BadDate::Text)
                };
            }
            // A point before an optional fraction goes with it.
            '.' if !self.at.eat('.') => {
                let fraction = format[1..].iter().take_while(|&&x| x == 'F').count();
                return if fraction > 0 {
                    Ok(1 + fraction)
                } else {
                    Err(BadDate::Text)
                };
            }
            '.' => return Ok(1),
            ' ' if self.inner_white => return Ok(1),
            'G' if format.starts_with(&['G', 'M', 'T']) => {
                if !self.word("GMT") || self.read.zone.is_some() {
                    return Err(BadDate::Text);
                }
                // Unlike `Z`, it does not make a UTC date with `RoundtripKind`.
                self.read.zone = Some(ZoneRead::Offset(0));
                return Ok(3);
            }
            'f' | 'F' => return Err(BadDate::Text),
            other => {
                return if self.at.eat(other) {
                    Ok(1)
                } else {
                    Err(BadDate::Text)
                };
            }
        }
        Ok(run)
    }

    /// A word in any case.
    fn word(&mut self, word: &str) -> bool {
        self.at.name(&[word], false).is_some()
    }

    /// `AM` or `PM`, or their first letters.
    fn half(&mut self, run: usize) -> Result<(), BadDate> {
        let (am, pm) = if run == 1 { ("A", "P") } else { ("AM", "PM") };
        let afternoon = if self.word(am) {
            false
        } else if self.word(pm) {
            true
        } else {
            return Err(BadDate::Text);
        };
        keep(&mut self.afternoon, afternoon)
    }

    /// `+h`, `+hh` or `+hh:mm` in minutes.
    fn zone(&mut self, run: usize) -> Result<i64, BadDate> {
        let negative = self.at.eat('-');
        if !negative && !self.at.eat('+') {
            return Err(BadDate::Text);
        }
        let (hours, minutes) = match run {
            1 | 2 => (self.digits(run)?, 0),
            _ => {
                let hours = self.digits(1)?;
                let minutes = if self.at.eat(':') {
                    self.digits(1)?
                } else {
                    self.digits(2)?
                };
                (hours, minutes)
            }
        };
        let all = hours * 60 + minutes;
        if minutes > 59 {
            return Err(BadDate::Text);
        }
        Ok(if negative { -all } else { all })
    }

    fn finish(mut self) -> Result<Read, BadDate> {
        let mut hour = self.hour.unwrap_or(0);
        if self.twelve {
            if hour > 12 {
                return Err(BadDate::Text);
            }
            hour = hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 };
        } else if self.afternoon.is_some_and(|pm| pm != (hour >= 12)) {
            return Err(BadDate::Text);
        }
        let clock = &mut self.read.clock;
        clock.hour = hour;
        clock.minute = self.minute.unwrap_or(0);
        clock.second = self.second.unwrap_or(0);
        clock.fraction = self.fraction.unwrap_or(0);
        if self.read.year.is_some() && self.read.month.is_none() && self.read.day.is_none() {
            (self.read.month, self.read.day) = (Some(1), Some(1));
        }
        Ok(self.read)
    }
}
