//! `ToSerializedString` and `FromSerializedString` of a zone.
//!
//! Form: `id;offset in minutes;display;standard;daylight;[rules]`, a rule
//! `[from;to;minutes;[start];[end];]`, with `\` before
//! `[`, `]`, `;` and `\`. What must stay true: what is written reads back as an equal zone.

use super::rules::{Adjustment, Day, Transition};
use super::zone::{Source, Zone};
use crate::value::Str;
use crate::value::time::{Parts, TICKS_PER_DAY, TICKS_PER_SECOND, format, ticks_of};
use std::rc::Rc;

const MINUTE: i64 = 60 * TICKS_PER_SECOND;

fn escaped(s: &str, out: &mut String) {
    for c in s.chars() {
        if matches!(c, '[' | ']' | ';' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push(';');
}

fn day(ticks: i64) -> String {
    format(&Parts::of(ticks), "MM:dd:yyyy").unwrap_or_default()
}

fn transition(t: &Transition, out: &mut String) {
    let time = format(&Parts::of(t.time), "HH:mm:ss.FFF").unwrap_or_default();
    let (fixed, rest) = match t.day {
        Day::Fixed(day) => (1, format!("{day};")),
        Day::Floating(week, day) => (0, format!("{week};{day};")),
        Day::Default => (0, "0;0;".to_string()),
    };
    out.push_str(&format!("[{fixed};{time};{};{rest}];", t.month));
}

/// `ToSerializedString`.
pub(super) fn written(zone: &Zone) -> String {
    let mut out = String::new();
    escaped(&zone.id, &mut out);
    escaped(&(zone.base() / MINUTE).to_string(), &mut out);
    escaped(&zone.display(), &mut out);
    escaped(&zone.standard_name(), &mut out);
    escaped(&zone.daylight_name(), &mut out);
    for r in super::years::rules(zone) {
        out.push_str(&format!(
            "[{};{};{};",
            day(r.from),
            day(r.to),
            r.delta / MINUTE
        ));
        transition(&r.start, &mut out);
        transition(&r.end, &mut out);
        out.push(']');
    }
    out.push(';');
    out
}

/// Reads the fields of a text one by one.
struct Fields<'t>(&'t str);

impl Fields<'_> {
    fn text(&mut self) -> Option<String> {
        let mut out = String::new();
        let mut chars = self.0.char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                ';' => {
                    self.0 = &self.0[i + 1..];
                    return Some(out);
                }
                '\\' => out.push(chars.next()?.1),
                '[' | ']' => return None,
                c => out.push(c),
            }
        }
        None
    }

    fn number(&mut self, within: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.text()?.parse().ok().filter(|n| within.contains(n))
    }

    fn eat(&mut self, mark: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(mark)?;
        Some(())
    }

    fn day(&mut self) -> Option<i64> {
        let text = self.text()?;
        let mut parts = text.split(':').map(|p| p.parse().ok());
        let (month, day, year) = (parts.next()??, parts.next()??, parts.next()??);
        ticks_of(year, month, day, 0, 0, 0, 0)
    }

    fn transition(&mut self) -> Option<Transition> {
        self.eat("[")?;
        let fixed = self.number(0..=1)? == 1;
        let time = crate::value::time::parse_span(&self.text()?)?;
        let month = self.number(1..=12)?;
        let day = if fixed {
            Day::Fixed(self.number(1..=31)?)
        } else {
            Day::Floating(self.number(1..=5)?, self.number(0..=6)?)
        };
        self.eat("];")?;
        (0..TICKS_PER_DAY)
            .contains(&time)
            .then_some(Transition { month, day, time })
    }
}

/// `FromSerializedString`; `None` for a text that is none.
pub(super) fn read(text: &str) -> Option<Zone> {
    let mut f = Fields(text);
    let id = f.text().filter(|id| !id.is_empty())?;
    let base = f.number(-840..=840)? * MINUTE;
    let names = [f.text()?, f.text()?, f.text()?].map(Str::from);
    let mut rules = Vec::new();
    while f.eat("[").is_some() {
        let (from, to) = (f.day()?, f.day()?);
        let delta = f.number(-840..=840)? * MINUTE;
        let (start, end) = (f.transition()?, f.transition()?);
        f.eat("]")?;
        rules.push(Rc::new(Adjustment {
            from,
            to,
            delta,
            start,
            end,
        }));
    }
    (f.0 == ";").then(|| Zone {
        id: id.into(),
        names: Some(names),
        source: Source::Custom(base, rules),
        local: false,
    })
}
