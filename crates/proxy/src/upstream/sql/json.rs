//! Rows as JSON.
//!
//! Dates and times are ISO 8601, `uniqueidentifier` is lower case, bytes are Base64 (as `FOR JSON` has them), decimals keep
//! all digits. What must stay true: each row is one object with every name once; what the server sends never panics.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil;
use std::fmt::{Display, Write};
use tiberius::time::{DateTime, DateTime2, SmallDateTime, Time};
use tiberius::{Column, ColumnData, ColumnType, Row};

/// 100 ns units of a second.
const TICKS: u64 = 10_000_000;

/// 100 ns units of a day.
const TICKS_OF_DAY: i64 = 864_000_000_000;

/// The columns of a result.
#[derive(Default)]
pub(super) struct Columns {
    /// `"name":` of those that are written, and whether they are money.
    names: Vec<Option<(String, bool)>>,
}

impl Columns {
    /// Of columns with the same name the last one counts.
    pub(super) fn of(columns: &[Column]) -> Columns {
        let name = |(at, column): (usize, &Column)| {
            let again = columns[at + 1..].iter().any(|c| c.name() == column.name());
            let money = matches!(column.column_type(), ColumnType::Money | ColumnType::Money4);
            (!again).then(|| (text(column.name()) + ":", money))
        };
        Columns {
            names: columns.iter().enumerate().map(name).collect(),
        }
    }

    /// Writes a row as an object.
    pub(super) fn write(&self, row: &Row, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut first = true;
        for ((_, data), name) in row.cells().zip(&self.names) {
            let Some((name, money)) = name else { continue };
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(name.as_bytes());
            let value = match (data, money) {
                (ColumnData::F64(Some(amount)), true) => format!("{amount:.4}"),
                _ => json(data),
            };
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'}');
    }
}

/// A text as JSON.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn quoted(text: impl Display) -> String {
    format!("\"{text}\"")
}

fn json(data: &ColumnData<'_>) -> String {
    let written = match data {
        ColumnData::U8(n) => n.map(|n| n.to_string()),
        ColumnData::I16(n) => n.map(|n| n.to_string()),
        ColumnData::I32(n) => n.map(|n| n.to_string()),
        ColumnData::I64(n) => n.map(|n| n.to_string()),
        // Not finite is null, as JSON has it.
        ColumnData::F32(n) => n.and_then(|n| serde_json::to_string(&n).ok()),
        ColumnData::F64(n) => n.and_then(|n| serde_json::to_string(&n).ok()),
        ColumnData::Bit(b) => b.map(|b| b.to_string()),
        ColumnData::String(t) => t.as_deref().map(text),
        ColumnData::Guid(guid) => guid.map(|g| quoted(g.hyphenated())),
        ColumnData::Binary(bytes) => bytes.as_deref().map(|b| quoted(STANDARD.encode(b))),
        ColumnData::Numeric(n) => n.map(|n| decimal(n.value(), n.scale())),
        ColumnData::Xml(xml) => xml.as_ref().map(|xml| text(&xml.to_string())),
        ColumnData::DateTime(t) => t.and_then(date_time),
        ColumnData::SmallDateTime(t) => t.and_then(small_date_time),
        ColumnData::Time(t) => t.map(|t| quoted(clock(ticks(t)))),
        ColumnData::Date(d) => d.and_then(|d| Some(quoted(day(1, d.days().into())?))),
        ColumnData::DateTime2(t) => t.and_then(|t| moment(t, 0)).map(quoted),
        ColumnData::DateTimeOffset(t) => t.and_then(|t| {
            let minutes = t.offset();
            let local = moment(t.datetime2(), minutes)?;
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.unsigned_abs();
            Some(quoted(format_args!(
                "{local}{sign}{:02}:{:02}",
                minutes / 60,
                minutes % 60
            )))
        }),
    };
    written.unwrap_or_else(|| String::from("null"))
}

/// A decimal with all its digits: -0.50.
fn decimal(value: i128, scale: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    match fraction {
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    }
}

/// The date of a number of days after the first of January of a year.
fn day(year: i16, days: i64) -> Option<civil::Date> {
    let days = jiff::Span::new().try_days(days).ok()?;
    let date = civil::date(year, 1, 1).checked_add(days).ok()?;
    (date.year() >= 1).then_some(date)
}

/// `hh:mm:ss` and the digits of the second's fraction that are not zero.
fn clock(ticks: u64) -> String {
    let (seconds, fraction) = (ticks / TICKS, ticks % TICKS);
    let mut text = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction > 0 {
        let fraction = format!("{fraction:07}");
        // Writing to a text does not fail.
        let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
    }
    text
}

/// 100 ns units since midnight.
fn ticks(time: Time) -> u64 {
    match time.scale() {
        scale @ 0..=7 => time
            .increments()
            .saturating_mul(10u64.pow(7 - u32::from(scale))),
        scale => time.increments() / 10u64.saturating_pow(u32::from(scale) - 7),
    }
}

/// The date and time on a clock that is ahead of the one it is given on.
fn moment(time: DateTime2, minutes: i16) -> Option<String> {
    let ticks = i64::try_from(ticks(time.time())).ok()?;
    let local = ticks.checked_add(i64::from(minutes) * 600_000_000)?;
    let days = i64::from(time.date().days()) + local.div_euclid(TICKS_OF_DAY);
    let rest = local.rem_euclid(TICKS_OF_DAY).unsigned_abs();
    Some(format!("{}T{}", day(1, days)?, clock(rest)))
}

/// `datetime` counts in 300ths of a second, which read as milliseconds.
fn date_time(time: DateTime) -> Option<String> {
    let millis = (u64::from(time.seconds_fragments()) * 10 + 1) / 3;
    let date = day(1900, time.days().into())?;
    Some(quoted(format_args!("{date}T{}", clock(millis * 10_000))))
}

/// `smalldatetime` counts in minutes.
fn small_date_time(time: SmallDateTime) -> Option<String> {
    let minutes = u64::from(time.seconds_fragments());
    let date = day(1900, time.days().into())?;
    Some(quoted(format_args!(
        "{date}T{}",
        clock(minutes * 60 * TICKS)
    )))
}

#[cfg(test)]
mod tests;
