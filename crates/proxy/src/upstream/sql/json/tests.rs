//! Values as JSON.

use super::*;
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTimeOffset};

#[test]
fn decimals_keep_their_digits() {
    for (value, scale, text) in [
        (0, 0, "0"),
        (-50, 2, "-0.50"),
        (5, 3, "0.005"),
        (12345, 2, "123.45"),
        (i128::MAX, 0, "170141183460469231731687303715884105727"),
        (-1, 38, "-0.00000000000000000000000000000000000001"),
    ] {
        assert_eq!(decimal(value, scale), text);
    }
    let data = ColumnData::Numeric(Some(Numeric::new_with_scale(1230, 2)));
    assert_eq!(json(&data), "12.30");
}

#[test]
fn dates_and_times_are_iso_8601() {
    let noon = |scale, increments| Time::new(increments, scale);
    for (data, text) in [
        (ColumnData::Date(Some(Date::new(738_944))), "\"2024-02-29\""),
        (ColumnData::Date(Some(Date::new(0))), "\"0001-01-01\""),
        (ColumnData::Date(Some(Date::new(0xff_ffff))), "null"),
        (ColumnData::Time(Some(noon(0, 43_200))), "\"12:00:00\""),
        (ColumnData::Time(Some(noon(7, 1))), "\"00:00:00.0000001\""),
        (
            ColumnData::Time(Some(noon(3, 43_200_500))),
            "\"12:00:00.5\"",
        ),
        (
            ColumnData::DateTime(Some(DateTime::new(45_349, 12_960_001))),
            "\"2024-02-29T12:00:00.003\"",
        ),
        (
            ColumnData::DateTime(Some(DateTime::new(-53_690, 0))),
            "\"1753-01-01T00:00:00\"",
        ),
        (
            ColumnData::SmallDateTime(Some(SmallDateTime::new(45_349, 725))),
            "\"2024-02-29T12:05:00\"",
        ),
        (
            ColumnData::DateTime2(Some(DateTime2::new(
                Date::new(738_944),
                noon(7, 12_345_678),
            ))),
            "\"2024-02-29T00:00:01.2345678\"",
        ),
        (
            ColumnData::DateTimeOffset(Some(DateTimeOffset::new(
                DateTime2::new(Date::new(738_944), noon(0, 82_800)),
                90,
            ))),
            "\"2024-03-01T00:30:00+01:30\"",
        ),
        (
            ColumnData::DateTimeOffset(Some(DateTimeOffset::new(
                DateTime2::new(Date::new(0), noon(0, 0)),
                -60,
            ))),
            "null",
        ),
    ] {
        assert_eq!(json(&data), text, "{data:?}");
    }
}

#[test]
fn other_values_are_what_json_has() {
    for (data, text) in [
        (ColumnData::U8(Some(255)), "255"),
        (ColumnData::I64(Some(i64::MIN)), "-9223372036854775808"),
        (ColumnData::F32(Some(0.1)), "0.1"),
        (ColumnData::F64(Some(1e300)), "1e+300"),
        (ColumnData::F64(Some(f64::NAN)), "null"),
        (ColumnData::Bit(Some(true)), "true"),
        (ColumnData::Bit(None), "null"),
        (
            ColumnData::String(Some("a\"\u{7f}é".into())),
            "\"a\\\"\u{7f}é\"",
        ),
        (ColumnData::Binary(Some([0u8, 255][..].into())), "\"AP8=\""),
        (
            ColumnData::Guid(Some(uuid::Uuid::from_u128(
                0x6F96_19FF_8B86_D011_B42D_00C0_4FC9_64FF,
            ))),
            "\"6f9619ff-8b86-d011-b42d-00c04fc964ff\"",
        ),
    ] {
        assert_eq!(json(&data), text, "{data:?}");
    }
}
