//! A parameter's value in the driver's form.
//!
//! What must stay true: the driver asserts the bounds of decimals and dates, so that nothing beyond them reaches it.

use std::borrow::Cow;
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime2, DateTimeOffset, Time};
use tiberius::{ColumnData, IntoSql};
use tollgate_engine::sql::SqlValue;

/// Most days of a date, which has three bytes.
const MOST_DAYS: u32 = 0x00ff_ffff;

/// Digits behind the second's point that ticks of 100 ns have.
const TICKS: u8 = 7;

/// A value that is bound.
pub(super) struct Argument<'a>(pub(super) &'a SqlValue);

impl<'a> IntoSql<'a> for Argument<'a> {
    fn into_sql(self) -> ColumnData<'a> {
        let moment = |days: u32, ticks: u64| {
            DateTime2::new(Date::new(days.min(MOST_DAYS)), Time::new(ticks, TICKS))
        };
        match self.0 {
            SqlValue::Bit(b) => ColumnData::Bit(Some(*b)),
            SqlValue::TinyInt(n) => ColumnData::U8(Some(*n)),
            SqlValue::SmallInt(n) => ColumnData::I16(Some(*n)),
            SqlValue::Int(n) => ColumnData::I32(Some(*n)),
            SqlValue::BigInt(n) => ColumnData::I64(Some(*n)),
            SqlValue::Real(n) => ColumnData::F32(Some(*n)),
            SqlValue::Float(n) => ColumnData::F64(Some(*n)),
            SqlValue::Decimal { unscaled, scale } if *scale < 38 => {
                ColumnData::Numeric(Some(Numeric::new_with_scale(*unscaled, *scale)))
            }
            SqlValue::Decimal { unscaled, scale } => {
                ColumnData::String(Some(Cow::Owned(format!("{unscaled}e-{scale}"))))
            }
            SqlValue::Text(text) => ColumnData::String(text.as_deref().map(Cow::Borrowed)),
            SqlValue::Binary(bytes) => ColumnData::Binary(bytes.as_deref().map(Cow::Borrowed)),
            SqlValue::Guid(guid) => ColumnData::Guid(Some(uuid::Uuid::from_bytes(*guid))),
            SqlValue::Date(days) => ColumnData::Date(Some(Date::new((*days).min(MOST_DAYS)))),
            SqlValue::Time(ticks) => ColumnData::Time(Some(Time::new(*ticks, TICKS))),
            SqlValue::DateTime2(days, ticks) => ColumnData::DateTime2(Some(moment(*days, *ticks))),
            SqlValue::DateTimeOffset(days, ticks, minutes) => ColumnData::DateTimeOffset(Some(
                DateTimeOffset::new(moment(*days, *ticks), *minutes),
            )),
        }
    }
}
