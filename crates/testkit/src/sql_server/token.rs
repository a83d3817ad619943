//! What a server answers: columns, rows, errors and ends.
//!
//! Source: MS-TDS 2.2.5.4, 2.2.5.5, 2.2.7.

/// `SQL_Latin1_General_CP1_CI_AS`.
pub(super) const COLLATION: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];

/// A type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the types of T-SQL")]
pub enum Column {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Real,
    Float,
    Money,
    SmallMoney,
    /// With its scale; the precision is 38.
    Decimal(u8),
    DateTime,
    SmallDateTime,
    Date,
    /// With its scale.
    Time(u8),
    /// With its scale.
    DateTime2(u8),
    /// With its scale.
    DateTimeOffset(u8),
    UniqueIdentifier,
    NVarChar,
    NVarCharMax,
    VarChar,
    VarBinary,
    VarBinaryMax,
    Xml,
    Text,
    NText,
    Image,
    SqlVariant,
}

/// A value of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// Whole numbers, bits, money in ten thousandths, decimals without their point.
    Number(i128),
    /// `real` and `float`.
    Float(f64),
    /// Texts and XML.
    Text(String),
    /// Bytes; a `uniqueidentifier` in the order of its text.
    Bytes(Vec<u8>),
    /// Days and a fraction of the day in the column's own unit: 300ths of a second, minutes, or what its scale says.
    Moment(i64, u64),
    /// The same in UTC, and how many minutes its clock is ahead.
    Offset(i64, u64, i16),
}

/// A result: columns, and rows.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Names and types; none: a statement that only changes rows.
    pub columns: Vec<(String, Column)>,
    /// Rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A result of these columns.
    pub fn new(columns: &[(&str, Column)], rows: Vec<Vec<Cell>>) -> Self {
        let columns = columns.iter();
        Self {
            columns: columns
                .map(|(name, ty)| ((*name).to_owned(), *ty))
                .collect(),
            rows,
        }
    }
}

pub(super) fn b_varchar(out: &mut Vec<u8>, text: &str) {
    out.push(text.encode_utf16().count() as u8);
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}

fn us_varchar(out: &mut Vec<u8>, text: &str) {
    out.extend((text.encode_utf16().count() as u16).to_le_bytes());
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}

/// `DONE`, `DONEPROC` or `DONEINPROC`.
pub(super) fn done(token: u8, status: u16, rows: u64) -> Vec<u8> {
    let mut out = vec![token];
    out.extend(status.to_le_bytes());
    out.extend([0xc1, 0]);
    out.extend(rows.to_le_bytes());
    out
}

const MORE: u16 = 0x01;
const ERROR: u16 = 0x02;
const COUNT: u16 = 0x10;
const ATTENTION: u16 = 0x20;

pub(super) fn attention() -> Vec<u8> {
    done(0xfd, ATTENTION, 0)
}

fn error(message: &str, number: u32, class: u8) -> Vec<u8> {
    let mut body = number.to_le_bytes().to_vec();
    body.extend([1, class]);
    us_varchar(&mut body, message);
    b_varchar(&mut body, "scripted");
    b_varchar(&mut body, "");
    body.extend(1u32.to_le_bytes());
    let mut out = vec![0xaa];
    out.extend((body.len() as u16).to_le_bytes());
    out.extend(body);
    out
}

/// A login that fails.
pub(super) fn refused(message: &str, number: u32, class: u8) -> Vec<u8> {
    let mut out = error(message, number, class);
    out.extend(done(0xfd, ERROR, 0));
    out
}

/// Results, and an error behind them.
pub(super) fn results(
    tables: &[Table],
    in_procedure: bool,
    failed: Option<(u32, u8, &str)>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let inner = if in_procedure { 0xff } else { 0xfd };
    for (at, table) in tables.iter().enumerate() {
        if !table.columns.is_empty() {
            metadata(table, &mut out);
        }
        for row in &table.rows {
            if table.columns.is_empty() {
                continue;
            }
            out.push(0xd1);
            for ((_, column), cell) in table.columns.iter().zip(row) {
                value(*column, cell, &mut out);
            }
        }
        let last = at + 1 == tables.len() && failed.is_none() && !in_procedure;
        let more = if last { 0 } else { MORE };
        out.extend(done(inner, COUNT | more, table.rows.len() as u64));
    }
    if let Some((number, class, message)) = failed {
        out.extend(error(message, number, class));
    }
    let status = if failed.is_some() { ERROR } else { 0 };
    if in_procedure {
        // RETURNSTATUS, and the procedure's end.
        out.push(0x79);
        out.extend(status.min(1).to_le_bytes());
        out.extend([0, 0]);
        out.extend(done(0xfe, status, 0));
    } else if failed.is_some() || tables.is_empty() {
        out.extend(done(0xfd, status, 0));
    }
    out
}

fn metadata(table: &Table, out: &mut Vec<u8>) {
    out.push(0x81);
    out.extend((table.columns.len() as u16).to_le_bytes());
    for (name, column) in &table.columns {
        // User type; nullable, read and written.
        out.extend([0, 0, 0, 0, 0x09, 0]);
        let wide = |out: &mut Vec<u8>, kind: u8, most: u16| {
            out.push(kind);
            out.extend(most.to_le_bytes());
        };
        match *column {
            Column::Bit => out.extend([0x68, 1]),
            Column::TinyInt => out.extend([0x26, 1]),
            Column::SmallInt => out.extend([0x26, 2]),
            Column::Int => out.extend([0x26, 4]),
            Column::BigInt => out.extend([0x26, 8]),
            Column::Real => out.extend([0x6d, 4]),
            Column::Float => out.extend([0x6d, 8]),
            Column::Money => out.extend([0x6e, 8]),
            Column::SmallMoney => out.extend([0x6e, 4]),
            Column::Decimal(scale) => out.extend([0x6c, 17, 38, scale]),
            Column::DateTime => out.extend([0x6f, 8]),
            Column::SmallDateTime => out.extend([0x6f, 4]),
            Column::Date => out.push(0x28),
            Column::Time(scale) => out.extend([0x29, scale]),
            Column::DateTime2(scale) => out.extend([0x2a, scale]),
            Column::DateTimeOffset(scale) => out.extend([0x2b, scale]),
            Column::UniqueIdentifier => out.extend([0x24, 16]),
            Column::NVarChar => {
                wide(out, 0xe7, 8000);
                out.extend(COLLATION);
            }
            Column::NVarCharMax => {
                wide(out, 0xe7, 0xffff);
                out.extend(COLLATION);
            }
            Column::VarChar => {
                wide(out, 0xa7, 8000);
                out.extend(COLLATION);
            }
            Column::VarBinary => wide(out, 0xa5, 8000),
            Column::VarBinaryMax => wide(out, 0xa5, 0xffff),
            Column::Xml => out.extend([0xf1, 0]),
            Column::Text | Column::NText | Column::Image => {
                let kind = match column {
                    Column::Text => 0x23,
                    Column::NText => 0x63,
                    _ => 0x22,
                };
                out.push(kind);
                out.extend(0x7fff_fffeu32.to_le_bytes());
                if kind != 0x22 {
                    out.extend(COLLATION);
                }
                out.push(1);
                us_varchar(out, "table");
            }
            Column::SqlVariant => {
                out.push(0x62);
                out.extend(8009u32.to_le_bytes());
            }
        }
        b_varchar(out, name);
    }
}

/// Bytes that a time of a scale takes.
fn time_bytes(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

/// A value's own bytes; `None` is null.
fn raw(column: Column, cell: &Cell) -> Option<Vec<u8>> {
    let days = |days: i64| (days as u32).to_le_bytes()[..3].to_vec();
    let time = |scale: u8, of_day: u64| of_day.to_le_bytes()[..time_bytes(scale)].to_vec();
    let narrow = |text: &str| text.chars().map(|c| c as u8).collect::<Vec<u8>>();
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Some(match (column, cell) {
        (_, Cell::Null) => return None,
        (Column::Bit | Column::TinyInt, Cell::Number(n)) => vec![*n as u8],
        (Column::SmallInt, Cell::Number(n)) => (*n as i16).to_le_bytes().to_vec(),
        (Column::Int | Column::SmallMoney, Cell::Number(n)) => (*n as i32).to_le_bytes().to_vec(),
        (Column::BigInt, Cell::Number(n)) => (*n as i64).to_le_bytes().to_vec(),
        (Column::Real, Cell::Float(n)) => (*n as f32).to_le_bytes().to_vec(),
        (Column::Float, Cell::Float(n)) => n.to_le_bytes().to_vec(),
        (Column::Money, Cell::Number(n)) => {
            // The high half comes first.
            let bytes = (*n as i64).to_le_bytes();
            [&bytes[4..], &bytes[..4]].concat()
        }
        (Column::Decimal(_), Cell::Number(n)) => {
            let mut bytes = vec![u8::from(*n >= 0)];
            bytes.extend(n.unsigned_abs().to_le_bytes());
            bytes
        }
        (Column::DateTime, Cell::Moment(d, t)) => {
            let mut bytes = (*d as i32).to_le_bytes().to_vec();
            bytes.extend((*t as u32).to_le_bytes());
            bytes
        }
        (Column::SmallDateTime, Cell::Moment(d, t)) => {
            let mut bytes = (*d as u16).to_le_bytes().to_vec();
            bytes.extend((*t as u16).to_le_bytes());
            bytes
        }
        (Column::Date, Cell::Moment(d, _)) => days(*d),
        (Column::Time(scale), Cell::Moment(_, t)) => time(scale, *t),
        (Column::DateTime2(scale), Cell::Moment(d, t)) => [time(scale, *t), days(*d)].concat(),
        (Column::DateTimeOffset(scale), Cell::Offset(d, t, minutes)) => {
            [time(scale, *t), days(*d), minutes.to_le_bytes().to_vec()].concat()
        }
        (Column::UniqueIdentifier, Cell::Bytes(b)) => {
            let mut bytes = b.clone();
            bytes[..4].reverse();
            bytes[4..6].reverse();
            bytes[6..8].reverse();
            bytes
        }
        (Column::VarChar | Column::Text, Cell::Text(text)) => narrow(text),
        (_, Cell::Text(text)) => wide(text),
        // A variant holds an int here.
        (Column::SqlVariant, Cell::Number(n)) => {
            let mut bytes = vec![0x38, 0];
            bytes.extend((*n as i32).to_le_bytes());
            bytes
        }
        (_, Cell::Bytes(bytes)) => bytes.clone(),
        (column, cell) => panic!("{cell:?} is no value of {column:?}"),
    })
}

fn value(column: Column, cell: &Cell, out: &mut Vec<u8>) {
    let bytes = raw(column, cell);
    match column {
        Column::NVarChar | Column::VarChar | Column::VarBinary => match bytes {
            None => out.extend([0xff, 0xff]),
            Some(bytes) => {
                out.extend((bytes.len() as u16).to_le_bytes());
                out.extend(bytes);
            }
        },
        Column::NVarCharMax | Column::VarBinaryMax | Column::Xml => match bytes {
            None => out.extend([0xff; 8]),
            Some(bytes) => {
                out.extend((bytes.len() as u64).to_le_bytes());
                // In chunks, as the real one sends what is long.
                for chunk in bytes.chunks(2000) {
                    out.extend((chunk.len() as u32).to_le_bytes());
                    out.extend_from_slice(chunk);
                }
                out.extend([0; 4]);
            }
        },
        Column::Text | Column::NText | Column::Image => match bytes {
            None => out.push(0),
            Some(bytes) => {
                // A pointer and a time stamp, which nobody reads.
                out.push(16);
                out.extend([1; 24]);
                out.extend((bytes.len() as u32).to_le_bytes());
                out.extend(bytes);
            }
        },
        Column::SqlVariant => {
            let bytes = bytes.unwrap_or_default();
            out.extend((bytes.len() as u32).to_le_bytes());
            out.extend(bytes);
        }
        _ => {
            let bytes = bytes.unwrap_or_default();
            out.push(bytes.len() as u8);
            out.extend(bytes);
        }
    }
}
