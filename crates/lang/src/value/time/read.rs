//! Reading dates as .NET's `Parse` does with the invariant culture: parts in many orders, a clock, a zone.
//!
//! What must stay true: a text is read as .NET reads it or refused with .NET's reason; the work is linear in the text.
//! [`Read`] is what a text said, also for [`super::exact`]; [`Read::date`] and [`Read::offset`] make values of it.

use super::{
    DAYS, DateTime, DateTimeOffset, Kind, MAX_TICKS, MONTHS, Parts, TICKS_PER_DAY,
    TICKS_PER_SECOND, days_in_month, ticks_of,
};

/// Why a text is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadDate {
    /// Not of the form.
    Text,
    /// A word that means nothing, with the index of its first character.
    Word(usize),
    /// The day of the week is another one.
    Weekday,
    /// No such day or hour.
    Calendar,
    /// An offset of more than 14 hours.
    Offset,
    /// Beyond the years 1 to 9999 when in UTC.
    Range,
    /// The format itself is wrong.
    Format,
    /// No standard format has that letter.
    Standard,
}

/// `DateTimeStyles`, as far as they change something: white space is always allowed by `Parse`.
pub(crate) mod styles {
    pub(crate) const LEADING_WHITE: i64 = 1;
    pub(crate) const TRAILING_WHITE: i64 = 2;
    pub(crate) const INNER_WHITE: i64 = 4;
    pub(crate) const NO_CURRENT_DATE: i64 = 8;
    pub(crate) const ADJUST_TO_UNIVERSAL: i64 = 16;
    pub(crate) const ASSUME_LOCAL: i64 = 32;
    pub(crate) const ASSUME_UNIVERSAL: i64 = 64;
    pub(crate) const ROUNDTRIP_KIND: i64 = 128;
}

/// The zone that a text gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ZoneRead {
    /// `Z` or `GMT`.
    Utc,
    /// Minutes ahead of UTC.
    Offset(i64),
}

/// The time of day that a text gives.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    /// Ticks; a whole second when rounded up.
    pub(crate) fraction: i64,
}

/// What a text said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Read {
    pub(crate) year: Option<i64>,
    pub(crate) month: Option<i64>,
    pub(crate) day: Option<i64>,
    /// 0 is Sunday.
    pub(crate) weekday: Option<usize>,
    pub(crate) clock: Clock,
    pub(crate) zone: Option<ZoneRead>,
}

impl Read {
    /// Ticks on the clock of the text; what of the date is left out comes from today.
    fn ticks(&self, today: i64, style: i64) -> Result<i64, BadDate> {
        let now = Parts::of(today);
        let (year, month, day) = match (self.year, self.month, self.day) {
            (None, None, None) if style & styles::NO_CURRENT_DATE != 0 => (1, 1, 1),
            (None, None, None) => (now.year, i64::from(now.month), i64::from(now.day)),
            (y, m, d) => (y.unwrap_or(now.year), m.unwrap_or(1), d.unwrap_or(1)),
        };
        let c = self.clock;
        let date = ticks_of(year, month, day, 0, 0, 0, 0).ok_or(BadDate::Calendar)?;
        let within =
            (0..24).contains(&c.hour) && (0..60).contains(&c.minute) && (0..60).contains(&c.second);
        if !within {
            return Err(BadDate::Calendar);
        }
        let ticks =
            date + ((c.hour * 60 + c.minute) * 60 + c.second) * TICKS_PER_SECOND + c.fraction;
        if ticks > MAX_TICKS {
            return Err(BadDate::Range);
        }
        if self.weekday.is_some_and(|d| d != Parts::of(ticks).weekday) {
            return Err(BadDate::Weekday);
        }
        Ok(ticks)
    }

    /// The value of `DateTime.Parse`. The local zone is UTC. `today` are the ticks of the current date.
    pub(crate) fn date(&self, today: i64, style: i64) -> Result<DateTime, BadDate> {
        let ticks = self.ticks(today, style)?;
        let adjusted = style & styles::ADJUST_TO_UNIVERSAL != 0;
        let in_zone = if adjusted { Kind::Utc } else { Kind::Local };
        let offset = match self.zone {
            None if style & (styles::ASSUME_LOCAL | styles::ASSUME_UNIVERSAL) != 0 => {
                return Ok(DateTime {
                    ticks,
                    kind: in_zone,
                });
            }
            None => {
                return Ok(DateTime {
                    ticks,
                    kind: Kind::Unspecified,
                });
            }
            Some(ZoneRead::Utc) if style & styles::ROUNDTRIP_KIND != 0 => {
                return Ok(DateTime {
                    ticks,
                    kind: Kind::Utc,
                });
            }
            Some(ZoneRead::Utc) => 0,
            Some(ZoneRead::Offset(o)) if o.abs() > 14 * 60 => return Err(BadDate::Offset),
            Some(ZoneRead::Offset(o)) => o,
        };
        let mut moved = ticks - offset * 60 * TICKS_PER_SECOND;
        // On the first day, the time of day is kept within the day.
        if moved < 0 {
            moved += TICKS_PER_DAY;
        }
        if !(0..=MAX_TICKS).contains(&moved) {
            return Err(BadDate::Range);
        }
        Ok(DateTime {
            ticks: moved,
            kind: in_zone,
        })
    }

    /// The value of `DateTimeOffset.Parse`.
    pub(crate) fn offset(&self, today: i64, style: i64) -> Result<DateTimeOffset, BadDate> {
        let minutes = match self.zone {
            Some(ZoneRead::Offset(o)) => o,
            _ => 0,
        };
        // A date without a year is only of the current year where no zone says what that is.
        let partial = self.year.is_none() && (self.month.is_some() || self.day.is_some());
        if partial && self.zone.is_some() {
            return Err(BadDate::Text);
        }
        let ticks = self.ticks(today, style)?;
        let utc = ticks - minutes * 60 * TICKS_PER_SECOND;
        if !(0..=MAX_TICKS).contains(&utc) {
            return Err(BadDate::Range);
        }
        let offset_minutes = i16::try_from(minutes)
            .ok()
            .filter(|m| m.abs() <= 14 * 60)
            .ok_or(BadDate::Offset)?;
        Ok(if style & styles::ADJUST_TO_UNIVERSAL != 0 {
            DateTimeOffset {
                ticks: utc,
                offset_minutes: 0,
            }
        } else {
            DateTimeOffset {
                ticks,
                offset_minutes,
            }
        })
    }
}

/// A year of one or two digits is of the century around now, as Windows has it: up to 2049.
pub(super) fn full_year(n: i64) -> i64 {
    match n {
        0..=49 => 2000 + n,
        50..=99 => 1900 + n,
        n => n,
    }
}

/// Digits of a fraction of a second as ticks, rounded; .NET adds them up as a double.
pub(super) fn fraction(digits: &[u8]) -> i64 {
    let (mut sum, mut base) = (0.0f64, 0.1f64);
    for d in digits {
        sum += f64::from(d - b'0') * base;
        base *= 0.1;
    }
    (sum * TICKS_PER_SECOND as f64).round_ties_even() as i64
}

/// A text being read from the front.
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    pub(super) fn skip_white(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(char::is_whitespace).len();
    }

    /// The digits here, at most so many.
    pub(super) fn digits(&mut self, most: usize) -> &'t [u8] {
        let rest = &self.text.as_bytes()[self.at..];
        let n = rest
            .iter()
            .take(most)
            .take_while(|b| b.is_ascii_digit())
            .count();
        self.at += n;
        &rest[..n]
    }

    /// A number of so many digits.
    pub(super) fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let d = self.digits(most);
        (d.len() >= least).then(|| value_of(d))
    }

    /// The longest of the names that starts here, any case.
    pub(super) fn name(&mut self, names: &[&str], abbreviated: bool) -> Option<usize> {
        let rest = self.rest().as_bytes();
        let starts = |n: &str| {
            rest.get(..n.len())
                .is_some_and(|r| r.eq_ignore_ascii_case(n.as_bytes()))
        };
        let found = names
            .iter()
            .position(|n| starts(if abbreviated { &n[..3] } else { n }))?;
        self.at += if abbreviated { 3 } else { names[found].len() };
        Some(found)
    }

    /// `+hh`, `+hhmm` or `+hh:mm` in minutes.
    fn zone(&mut self) -> Option<i64> {
        let negative = self.eat('-');
        if !negative && !self.eat('+') {
            return None;
        }
        let d = self.digits(5);
        let n = value_of(d);
        let (hours, minutes) = match d.len() {
            1 | 2 if self.eat(':') => (n, self.number(1, 2)?),
            1 | 2 => (n, 0),
            3 | 4 => (n / 100, n % 100),
            _ => return None,
        };
        let all = hours * 60 + minutes;
        (minutes < 60).then_some(if negative { -all } else { all })
    }
}

fn value_of(digits: &[u8]) -> i64 {
    // At most nine digits get here, so that nothing overflows.
    digits.iter().fold(0i64, |n, d| {
        n.wrapping_mul(10).wrapping_add(i64::from(d - b'0'))
    })
}

/// State of [`parse`].
struct Reader<'t> {
    at: Cursor<'t>,
    read: Read,
    /// Numbers of one or two digits of the date, in order.
    numbers: Vec<i64>,
    /// Whether the year stands before every number.
    year_first: bool,
    /// Whether the month's name came before any number.
    month_first: bool,
    /// The date is complete: a clock or a zone follows.
    closed: bool,
    clocked: bool,
    afternoon: Option<bool>,
    /// After a `/` or `-`, a part of the date must follow.
    joined: bool,
}

/// Reads a date as `DateTime.Parse` does.
pub(crate) fn parse(text: &str) -> Result<Read, BadDate> {
    // Control characters at the end, and the quoting of Visual Basic, are not part of the text.
    let mut body = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if let Some(inner) = body.strip_prefix('#') {
        body = inner.strip_suffix('#').ok_or(BadDate::Text)?;
    }
    let mut r = Reader {
        at: Cursor { text: body, at: 0 },
        read: Read::default(),
        numbers: Vec::new(),
        year_first: false,
        month_first: false,
        closed: false,
        clocked: false,
        afternoon: None,
        joined: false,
    };
    while let Some(c) = r.at.peek() {
        match c {
            c if c.is_whitespace() || matches!(c, ',' | '.') => r.at.at += c.len_utf8(),
            '0'..='9' => r.number()?,
            '/' | '-' if r.begun() && !r.complete() => {
                if r.joined {
                    return Err(BadDate::Text);
                }
                r.at.at += 1;
                r.joined = true;
            }
            '+' | '-' if r.clocked || r.complete() => {
                let zone = r.at.zone().ok_or(BadDate::Text)?;
                r.zoned(ZoneRead::Offset(zone))?;
            }
            c if c.is_alphabetic() => r.word()?,
            _ => return Err(BadDate::Text),
        }
    }
    r.finish()
}

impl Reader<'_> {
    /// How many parts of a date there are.
    fn parts(&self) -> usize {
        self.numbers.len()
            + usize::from(self.read.year.is_some())
            + usize::from(self.read.month.is_some())
    }

    /// Whether a date is being read.
    fn begun(&self) -> bool {
        self.parts() > 0 && !self.closed
    }

    fn complete(&self) -> bool {
        self.closed || self.parts() == 3
    }

    fn zoned(&mut self, zone: ZoneRead) -> Result<(), BadDate> {
        if self.parts() > 0 {
            self.closed = true;
        }
        match self.read.zone.replace(zone) {
            None => Ok(()),
            Some(_) => Err(BadDate::Text),
        }
    }

    fn number(&mut self) -> Result<(), BadDate> {
        let digits = self.at.digits(9);
        if digits.len() > 8 {
            return Err(BadDate::Text);
        }
        let n = value_of(digits);
        let end = self.at.at;
        self.at.skip_white();
        if self.at.peek() == Some(':') {
            return self.time(n, digits.len());
        }
        if !self.clocked && digits.len() <= 2 && self.half() {
            self.begin_clock()?;
            self.read.clock.hour = n;
            return Ok(());
        }
        self.at.at = end;
        if self.complete() {
            return Err(BadDate::Text);
        }
        self.joined = false;
        if digits.len() > 2 {
            if self.read.year.replace(n).is_some() {
                return Err(BadDate::Text);
            }
            self.year_first = self.numbers.is_empty() && self.read.month.is_none();
        } else {
            self.numbers.push(n);
        }
        Ok(())
    }

    fn begin_clock(&mut self) -> Result<(), BadDate> {
        if self.clocked || self.joined {
            return Err(BadDate::Text);
        }
        self.clocked = true;
        self.closed |= self.parts() > 0;
        Ok(())
    }

    /// The clock from its first `:` on.
    fn time(&mut self, hour: i64, digits: usize) -> Result<(), BadDate> {
        self.begin_clock()?;
        if digits > 2 {
            return Err(BadDate::Text);
        }
        let part = |at: &mut Cursor<'_>| -> Result<i64, BadDate> {
            at.at += 1;
            at.skip_white();
            let d = at.digits(3);
            if d.is_empty() || d.len() > 2 {
                return Err(BadDate::Text);
            }
            Ok(value_of(d))
        };
        self.read.clock.hour = hour;
        self.read.clock.minute = part(&mut self.at)?;
        let end = self.at.at;
        self.at.skip_white();
        if self.at.peek() != Some(':') {
            self.at.at = end;
            return Ok(());
        }
        self.read.clock.second = part(&mut self.at)?;
        let end = self.at.at;
        if self.at.eat('.') {
            let digits = self.at.digits(usize::MAX);
            if digits.is_empty() {
                self.at.at = end;
            }
            self.read.clock.fraction = fraction(digits);
        }
        if self.at.peek() == Some(':') {
            return Err(BadDate::Text);
        }
        Ok(())
    }

    /// `AM` or `PM`.
    fn half(&mut self) -> bool {
        let rest = self.at.rest().as_bytes();
        let after = self.at.rest().chars().nth(2);
        let found = match rest {
            [h, m, ..]
                if m.eq_ignore_ascii_case(&b'M') && !after.is_some_and(char::is_alphabetic) =>
            {
                match h.to_ascii_uppercase() {
                    b'A' => Some(false),
                    b'P' => Some(true),
                    _ => None,
                }
            }
            _ => None,
        };
        if found.is_some() && self.afternoon.is_none() {
            self.afternoon = found;
            self.at.at += 2;
            return true;
        }
        false
    }

    fn word(&mut self) -> Result<(), BadDate> {
        let start = self.at.at;
        let rest = self.at.rest();
        let word = &rest[..rest
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(rest.len())];
        let is = |w: &str| word.eq_ignore_ascii_case(w);
        let index = |at: &Cursor<'_>| at.text[..start].encode_utf16().count();
        if is("T") && self.iso() {
            return self.iso_clock();
        }
        if is("Z") || is("GMT") {
            self.at.at += word.len();
            return self.zoned(ZoneRead::Utc);
        }
        if self.half() {
            return Ok(());
        }
        for era in ["A.D.", "AD"] {
            let found = rest
                .get(..era.len())
                .is_some_and(|r| r.eq_ignore_ascii_case(era));
            if found && word.len() <= era.len() {
                self.at.at += era.len();
                return Ok(());
            }
        }
        // Year, month and day in the scripts of East Asia stand after their number.
        if matches!(word, "年" | "月" | "日" | "년" | "월" | "일") && self.begun() {
            self.at.at += word.len();
            return Ok(());
        }
        for abbreviated in [false, true] {
            let whole = |n: &str| is(if abbreviated { &n[..3] } else { n });
            if let Some(month) = MONTHS.iter().position(|n| whole(n)) {
                self.at.at += word.len();
                if self.complete() || self.read.month.replace(month as i64 + 1).is_some() {
                    return Err(BadDate::Text);
                }
                self.month_first = self.numbers.is_empty();
                self.joined = false;
                return Ok(());
            }
            if let Some(day) = DAYS.iter().position(|n| whole(n)) {
                self.at.at += word.len();
                return match self.read.weekday.replace(day) {
                    None => Ok(()),
                    Some(_) => Err(BadDate::Text),
                };
            }
        }
        Err(BadDate::Word(index(&self.at)))
    }

    /// Whether a date as in ISO 8601 was read, so that its `T` may follow.
    fn iso(&self) -> bool {
        self.year_first && self.numbers.len() == 2 && !self.clocked && !self.joined
    }

    /// The clock of ISO 8601, in which every part has two digits; nothing but a zone follows.
    fn iso_clock(&mut self) -> Result<(), BadDate> {
        self.at.at += 1;
        self.begin_clock()?;
        let (clock, zone) = iso_time(&mut self.at).ok_or(BadDate::Text)?;
        self.read.clock = clock;
        self.read.zone = zone;
        self.at.skip_white();
        if self.at.rest().is_empty() {
            Ok(())
        } else {
            Err(BadDate::Text)
        }
    }

    fn finish(mut self) -> Result<Read, BadDate> {
        if self.joined {
            return Err(BadDate::Text);
        }
        if let Some(afternoon) = self.afternoon {
            let hour = &mut self.read.clock.hour;
            if !self.clocked || (!afternoon && *hour > 12) {
                return Err(BadDate::Text);
            }
            match (afternoon, *hour) {
                (false, 12) => *hour = 0,
                (true, h) if h < 12 => *hour += 12,
                _ => {}
            }
        }
        let exists = |y: i64, m: i64, d: i64| {
            (1..=9999).contains(&y)
                && (1..=12).contains(&m)
                && (1..=i64::from(days_in_month(y, m as u32))).contains(&d)
        };
        let Read { year, month, .. } = self.read;
        let (year, month, day) = match (year, month, &self.numbers[..]) {
            (None, None, []) if self.clocked => (None, None, None),
            (None, None, [m, d]) => (None, Some(*m), Some(*d)),
            (None, None, [m, d, y]) => (Some(full_year(*y)), Some(*m), Some(*d)),
            (Some(y), None, [m]) => (Some(y), Some(*m), Some(1)),
            (Some(y), None, [m, d]) => (Some(y), Some(*m), Some(*d)),
            (None, Some(m), [d]) if self.month_first => (None, Some(m), Some(*d)),
            (None, Some(m), [y]) => (Some(full_year(*y)), Some(m), Some(1)),
            (None, Some(m), [d, y]) if exists(full_year(*y), m, *d) => {
                (Some(full_year(*y)), Some(m), Some(*d))
            }
            (None, Some(m), [y, d]) => (Some(full_year(*y)), Some(m), Some(*d)),
            (Some(y), Some(m), []) => (Some(y), Some(m), Some(1)),
            (Some(y), Some(m), [d]) => (Some(y), Some(m), Some(*d)),
            _ => return Err(BadDate::Text),
        };
        (self.read.year, self.read.month, self.read.day) = (year, month, day);
        Ok(self.read)
    }
}

/// `HH:mm[:ss[.f]]` and a zone, as ISO 8601 writes them.
fn iso_time(at: &mut Cursor<'_>) -> Option<(Clock, Option<ZoneRead>)> {
    let mut clock = Clock {
        hour: at.number(2, 2)?,
        ..Clock::default()
    };
    at.skip_white();
    if !at.eat(':') {
        return None;
    }
    at.skip_white();
    clock.minute = at.number(2, 2)?;
    at.skip_white();
    if at.eat(':') {
        at.skip_white();
        clock.second = at.number(2, 2)?;
        if at.eat('.') {
            let digits = at.digits(usize::MAX);
            if digits.is_empty() {
                return None;
            }
            clock.fraction = fraction(digits);
        }
    }
    at.skip_white();
    let mut zone = None;
    if matches!(at.peek(), Some('+' | '-')) {
        zone = Some(ZoneRead::Offset(at.zone()?));
        at.skip_white();
    }
    if at.eat('Z') || at.eat('z') {
        zone = zone.or(Some(ZoneRead::Utc));
    }
    Some((clock, zone))
}

/// `DateTime.Parse` where only success counts. `today` are the ticks of the current date.
pub(crate) fn parse_date(s: &str, today: i64) -> Option<DateTime> {
    parse(s).and_then(|r| r.date(today, 0)).ok()
}

/// `DateTimeOffset.Parse` where only success counts.
pub(crate) fn parse_offset(s: &str, today: i64) -> Option<DateTimeOffset> {
    parse(s).and_then(|r| r.offset(today, 0)).ok()
}
