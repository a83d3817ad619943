//! A result as rows and columns, and its forms: text for people, CSV for spreadsheets, JSON for programs.
//!
//! Made by `report` and `reconcile`. What must stay true: a cell of CSV that a spreadsheet would take for a formula is
//! guarded (CWE-1236); text for a terminal holds no control characters of data; JSON keeps exact numbers as they are
//! (amounts as text, so that no reader rounds them).

#[cfg(test)]
mod tests;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// A value with its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Not known, or there is none.
    None,
    /// Text of the data.
    Text(String),
    /// A count.
    Count(i128),
    /// An amount of money.
    Money(Decimal),
    /// Milliseconds.
    Millis(u32),
    /// Hundredths of a percent.
    Share(i128),
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in CSV and JSON: `cached_input`.
    pub name: String,
    /// Whether text for people leaves it out when it is zero or empty in all rows.
    pub sparse: bool,
}

/// Rows of cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows; each has as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// The sum of all rows; not in CSV, where a sum would be counted as a row.
    pub total: Option<Vec<Cell>>,
}

impl Cell {
    /// A text; none when it is empty.
    #[must_use]
    pub fn text(text: &str) -> Cell {
        if text.is_empty() {
            Cell::None
        } else {
            Cell::Text(text.to_owned())
        }
    }

    fn is_zero(&self) -> bool {
        match self {
            Cell::None => true,
            Cell::Text(text) => text.is_empty(),
            Cell::Count(n) | Cell::Share(n) => *n == 0,
            Cell::Money(n) => n.is_zero(),
            Cell::Millis(_) => false,
        }
    }

    /// For people.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Cell::None => String::from("-"),
            Cell::Text(text) => plain(text),
            Cell::Count(n) => grouped(*n),
            Cell::Money(n) => n.to_string(),
            Cell::Millis(ms) => format!("{ms} ms"),
            Cell::Share(n) => percent(*n),
        }
    }

    /// For CSV.
    #[must_use]
    pub fn csv(&self) -> String {
        match self {
            Cell::None => String::new(),
            Cell::Text(text) => guarded(text),
            Cell::Count(n) => n.to_string(),
            Cell::Money(n) => n.to_string(),
            Cell::Millis(ms) => ms.to_string(),
            Cell::Share(n) => share(*n).to_string(),
        }
    }

    /// For JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Cell::None => Value::Null,
            Cell::Text(text) => json!(text),
            Cell::Count(n) => i64::try_from(*n).map_or_else(|_| json!(n.to_string()), |n| json!(n)),
            Cell::Money(n) => json!(n.to_string()),
            Cell::Millis(ms) => json!(ms),
            Cell::Share(n) => json!(share(*n).to_string()),
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Cell::Text(_) | Cell::None)
    }
}

/// Hundredths of a percent as a fraction of one: 0.125.
fn share(n: i128) -> Decimal {
    let n = i64::try_from(n).unwrap_or(i64::MAX);
    Decimal::new(n, 4).normalize()
}

/// Hundredths of a percent, rounded to tenths of a percent: `12.5%`.
#[must_use]
pub fn percent(n: i128) -> String {
    let tenths = (n + if n < 0 { -5 } else { 5 }) / 10;
    let sign = if tenths < 0 { "-" } else { "" };
    let tenths = tenths.unsigned_abs();
    format!("{sign}{}.{}%", tenths / 10, tenths % 10)
}

/// An amount with so many digits after the point, where a decimal has room for them.
#[must_use]
pub fn with_places(mut amount: Decimal, places: u32) -> String {
    amount.rescale(places);
    amount.to_string()
}

/// A number with commas between thousands.
#[must_use]
pub fn grouped(n: i128) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    if n < 0 {
        out.push('-');
    }
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Text without what moves a terminal's cursor, changes its colours or the direction of writing.
#[must_use]
pub fn plain(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars()
        .map(|c| if hidden(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Text that a spreadsheet does not take for a formula: with an apostrophe before what would begin one. Tabs and line
/// ends count too, since some programs strip them first. (OWASP, "CSV Injection".)
#[must_use]
pub fn guarded(text: &str) -> String {
    if text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

impl Table {
    /// Columns in line, numbers to the right, the sum below a rule.
    #[must_use]
    pub fn text(&self) -> String {
        let every = || self.rows.iter().chain(&self.total);
        let shown: Vec<usize> = (0..self.columns.len())
            .filter(|at| !self.columns[*at].sparse || !every().all(|row| row[*at].is_zero()))
            .collect();
        // Points of amounts stand below each other.
        let places = |at: usize| {
            let amounts = every().filter_map(|row| match row[at] {
                Cell::Money(amount) => Some(amount.scale()),
                _ => None,
            });
            amounts.max().unwrap_or(0)
        };
        let places: Vec<u32> = shown.iter().map(|at| places(*at)).collect();
        let cells = |row: &Vec<Cell>| -> Vec<String> {
            let cells = shown.iter().zip(&places);
            let cells = cells.map(|(at, places)| match row[*at] {
                Cell::Money(amount) => with_places(amount, *places),
                ref cell => cell.shown(),
            });
            cells.collect()
        };
        let head: Vec<String> = shown
            .iter()
            .map(|at| self.columns[*at].name.replace('_', " "))
            .collect();
        let body: Vec<Vec<String>> = self.rows.iter().map(&cells).collect();
        let total = self.total.as_ref().map(&cells);
        let left: Vec<bool> = shown
            .iter()
            .map(|at| every().all(|row| row[*at].is_text()))
            .collect();
        let width = |column: usize| {
            let rows = body.iter().chain(total.as_ref());
            let widths = rows.chain([&head]).map(|row| row[column].chars().count());
            widths.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..shown.len()).map(width).collect();
        let mut out = String::new();
        let mut line = |row: &[String]| {
            let mut text = String::new();
            for (at, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[at].saturating_sub(cell.chars().count()));
                let gap = if at == 0 { "" } else { "  " };
                // Writing to a String does not fail.
                let _ = if left[at] {
                    write!(text, "{gap}{cell}{pad}")
                } else {
                    write!(text, "{gap}{pad}{cell}")
                };
            }
            out.push_str(text.trim_end());
            out.push('\n');
        };
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        line(&head);
        line(&rule);
        body.iter().for_each(|row| line(row));
        if let Some(total) = total {
            line(&rule);
            line(&total);
        }
        out
    }

    /// RFC 4180, with a head. Without the sum.
    #[must_use]
    pub fn csv(&self) -> String {
        let head = self.columns.iter().map(|column| column.name.clone());
        let rows = self.rows.iter();
        csv_of(head, rows.map(|row| row.iter().map(Cell::csv)))
    }

    /// A list of objects, one for each row.
    #[must_use]
    pub fn json_rows(&self) -> Vec<Value> {
        self.rows.iter().map(|row| self.object(row)).collect()
    }

    /// The object of a row.
    #[must_use]
    pub fn object(&self, row: &[Cell]) -> Value {
        let members = self.columns.iter().zip(row);
        let members = members.map(|(column, cell)| (column.name.clone(), cell.json()));
        Value::Object(members.collect::<Map<_, _>>())
    }
}

/// CSV of fields that are guarded already.
pub(crate) fn csv_of<R>(head: impl Iterator<Item = String>, rows: impl Iterator<Item = R>) -> String
where
    R: Iterator<Item = String>,
{
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    const WHY: &str = "memory takes it, and every row has as many fields as the head";
    writer.write_record(head).expect(WHY);
    for row in rows {
        writer.write_record(row).expect(WHY);
    }
    let bytes = writer.into_inner().expect(WHY);
    String::from_utf8(bytes).expect("every field was text")
}
