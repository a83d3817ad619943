//! Values as parameters.

use super::*;
use arbtest::arbtest;
use tollgate_lang::value::Token;

fn sent(ty: &str, value: &Value) -> Result<(String, SqlValue), String> {
    SqlType::parse(ty)?.value(value)
}

fn text(text: &str) -> Value {
    Value::Str(Str::from(text))
}

fn some(text: &str) -> SqlValue {
    SqlValue::Text(Some(text.to_owned()))
}

#[test]
fn every_type_takes_a_value_and_a_null() {
    for name in SqlType::names() {
        let (declared, null) = sent(name, &Value::Null).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(
            matches!(null, SqlValue::Text(None) | SqlValue::Binary(None)),
            "{name}"
        );
        assert!(!declared.is_empty());
        let fitting = match name {
            "date" | "datetime" | "datetime2" | "datetimeoffset" | "smalldatetime" => "2024-02-29",
            "time" => "12:30",
            "uniqueidentifier" => "6F9619FF-8B86-D011-B42D-00C04FC964FF",
            "image" | "binary" | "varbinary" | "rowversion" | "timestamp" => "AAEC",
            _ => "1",
        };
        let made = sent(name, &text(fitting)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(
            !matches!(made.1, SqlValue::Text(None) | SqlValue::Binary(None)),
            "{name}"
        );
    }
}

#[test]
fn declarations_have_the_sizes_that_are_needed() {
    let long = "x".repeat(4001);
    let longer = "x".repeat(8001);
    for (ty, value, declared) in [
        ("NVarChar", "ab", "nvarchar(4000)"),
        ("nvarchar", long.as_str(), "nvarchar(max)"),
        ("nvarchar(MAX)", "a", "nvarchar(max)"),
        ("varchar(20)", "a", "varchar(20)"),
        ("varchar", long.as_str(), "varchar(8000)"),
        ("VarChar", longer.as_str(), "varchar(max)"),
        ("Char", "abc", "char(3)"),
        ("NChar", "", "nchar(1)"),
        ("Binary", "AAEC", "binary(3)"),
        ("varbinary", "AAEC", "varbinary(8000)"),
        ("timestamp", "AAEC", "binary(8)"),
        ("Decimal", "1.25", "decimal(38,2)"),
        ("decimal( 10 , 2 )", "1", "decimal(10,2)"),
        ("numeric(9)", "1", "numeric(9,0)"),
        ("datetime2(3)", "2024-01-01", "datetime2(3)"),
        ("float(24)", "1", "float(24)"),
        ("Variant", "a", "sql_variant"),
        ("INT", "1", "int"),
    ] {
        assert_eq!(sent(ty, &text(value)).unwrap().0, declared, "{ty}");
    }
}

#[test]
fn values_are_converted_or_refused() {
    let json = |text: &str| Value::Token(Token::of_json(text).unwrap());
    for (ty, value, expected) in [
        ("int", text(" 12 "), SqlValue::Int(12)),
        ("int", text("12.0"), SqlValue::Int(12)),
        ("int", text("1.2e1"), SqlValue::Int(12)),
        (
            "bigint",
            json("9007199254740993"),
            SqlValue::BigInt(9_007_199_254_740_993),
        ),
        ("tinyint", Value::Int(255), SqlValue::TinyInt(255)),
        ("smallint", Value::Bool(true), SqlValue::SmallInt(1)),
        ("bit", text("True"), SqlValue::Bit(true)),
        ("bit", json("0"), SqlValue::Bit(false)),
        ("float", json("1.5"), SqlValue::Float(1.5)),
        ("real", text("-0.5"), SqlValue::Real(-0.5)),
        (
            "money",
            text("-1.50"),
            SqlValue::Decimal {
                unscaled: -150,
                scale: 2,
            },
        ),
        (
            "decimal",
            text("1e3"),
            SqlValue::Decimal {
                unscaled: 1000,
                scale: 0,
            },
        ),
        ("xml", text("<a/>"), some("<a/>")),
        ("nvarchar", json("[1,2]"), some("[1,2]")),
        ("nvarchar", Value::Int(7), some("7")),
        (
            "varbinary",
            Value::Bytes(Bytes::from_static(b"x")),
            SqlValue::Binary(Some(Bytes::from_static(b"x"))),
        ),
        ("date", text("2024-02-29"), SqlValue::Date(738_944)),
        (
            "datetime",
            text("2024-02-29T12:00:00"),
            SqlValue::DateTime2(738_944, 432_000_000_000),
        ),
        (
            "datetime2",
            text("2024-02-29T12:00:00+02:00"),
            SqlValue::DateTime2(738_944, 432_000_000_000),
        ),
        (
            "datetimeoffset",
            text("2024-02-29T01:00:00+02:00"),
            SqlValue::DateTimeOffset(738_943, 828_000_000_000, 120),
        ),
        (
            "datetimeoffset",
            text("2024-02-29T01:00:00Z"),
            SqlValue::DateTimeOffset(738_944, 36_000_000_000, 0),
        ),
        ("time", text("00:00:01.5"), SqlValue::Time(15_000_000)),
        ("time", Value::TimeSpan(10), SqlValue::Time(10)),
        ("sql_variant", Value::Int(3), SqlValue::Int(3)),
    ] {
        assert_eq!(sent(ty, &value).unwrap().1, expected, "{ty} {value:?}");
    }
    for (ty, value) in [
        ("int", "1.5"),
        ("int", "2147483648"),
        ("int", ""),
        ("tinyint", "-1"),
        ("bit", "perhaps"),
        ("float", "inf"),
        ("real", "1e39"),
        ("decimal", "1e-38"),
        ("decimal", "100000000000000000000000000000000000000"),
        ("money", "1,5"),
        ("uniqueidentifier", "x"),
        ("date", "29.2.2024"),
        ("datetimeoffset", "0001-01-01T00:00:00+01:00"),
        ("time", "25:00"),
        ("varbinary", "not Base64!"),
    ] {
        let why = sent(ty, &text(value)).expect_err(value);
        assert_eq!(why, format!("the value is no `{ty}`"));
    }
}

#[test]
fn types_that_cannot_be_given_are_refused() {
    for (ty, why) in [
        ("strin", "it is no type of T-SQL"),
        ("", "it is no type of T-SQL"),
        ("Structured", "a value of type `structured` cannot be given"),
        ("udt", "a value of type `udt` cannot be given"),
        ("decimal(39)", "the size of `decimal` must be"),
        ("decimal(2,3)", "the size of `decimal` must be"),
        ("nvarchar(4001)", "the size of `nvarchar` must be"),
        ("nvarchar(", "the size of `nvarchar` must be"),
        ("varchar(0)", "the size of `varchar` must be"),
        ("time(8)", "the size of `time` must be"),
        ("int(4)", "`int` has no size"),
        ("int); DROP TABLE x --", "it is no type of T-SQL"),
    ] {
        let fault = SqlType::parse(ty).expect_err(ty);
        assert!(fault.starts_with(why), "{ty}: {fault}");
    }
}

#[test]
fn a_type_is_inferred_as_dot_net_does() {
    let json = |text: &str| Value::Token(Token::of_json(text).unwrap());
    for (value, declared) in [
        (Value::Null, "nvarchar(4000)"),
        (json("null"), "nvarchar(4000)"),
        (json("\"a\""), "nvarchar(4000)"),
        (json("5"), "int"),
        (json("5000000000"), "bigint"),
        (json("1.5"), "float"),
        (json("true"), "bit"),
        (json("{\"a\":1}"), "nvarchar(4000)"),
        (Value::Byte(1), "int"),
        (Value::ULong(u64::MAX), "decimal(38,0)"),
        (Value::Bytes(Bytes::new()), "varbinary(8000)"),
        (Value::Guid([0; 16]), "uniqueidentifier"),
        (Value::TimeSpan(1), "time"),
        (Value::TimeSpan(-1), "nvarchar(4000)"),
    ] {
        assert_eq!(inferred(&value).0, declared, "{value:?}");
    }
}

/// No text makes a type, a value or a declaration that holds more than its own name and sizes.
#[test]
fn any_text_is_a_parameter_or_is_refused() {
    const PIECES: &[&str] = &[
        "1",
        "-",
        "+",
        ".",
        "e",
        "E9",
        "99999999999",
        "T",
        ":",
        "2024-01-01",
        "Z",
        "é",
        "'",
        " ",
        "0x",
        "=",
        "\u{0}",
    ];
    let names: Vec<&str> = SqlType::names().collect();
    arbtest(|u| {
        let mut given = String::new();
        for _ in 0..u.int_in_range(0..=8)? {
            given.push_str(u.choose(PIECES)?);
        }
        let ty = u.choose(&names)?;
        if let Ok((declared, made)) = sent(ty, &text(&given)) {
            let fits = |c: char| c.is_ascii_alphanumeric() || "(),_".contains(c);
            assert!(declared.chars().all(fits), "{declared}");
            if let SqlValue::Decimal { unscaled, scale } = made {
                assert!(unscaled.unsigned_abs() < 10u128.pow(38) && scale < 38);
            }
        }
        Ok(())
    });
}
