//! A time zone: of the database, or made by an expression from rules.
//!
//! What must stay true: the local zone is UTC; what a clock shows is read in the same way for both sorts of zones.

use super::rules::Adjustment;
use super::windows;
use crate::expr::types::Ty;
use crate::value::time::{MAX_TICKS, TICKS_PER_SECOND, UNIX_EPOCH};
use crate::value::{Kind, Object, Str};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Dst, Offset, TimeZone, TimeZoneDatabase};
use std::any::Any;
use std::rc::Rc;
use std::sync::LazyLock;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Where the offsets come from.
#[derive(Debug, PartialEq)]
pub(super) enum Source {
    Database(TimeZone),
    /// `CreateCustomTimeZone`: offset from UTC in ticks, and when it differs.
    Custom(i64, Vec<Rc<Adjustment>>),
}

/// A `TimeZoneInfo`.
#[derive(Debug)]
pub(super) struct Zone {
    pub(super) id: Str,
    /// Names of a custom zone: display, standard, daylight.
    pub(super) names: Option<[Str; 3]>,
    pub(super) source: Source,
    /// Whether it is `TimeZoneInfo.Local`, whose dates are local ones.
    pub(super) local: bool,
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
        Some(self.text())
    }
    // `TimeZoneInfo.Utc` gives one object always.
    fn is_single(&self) -> bool {
        *self.id == *"UTC"
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Zone>();
        other.is_some_and(|o| o.id.eq_ignore_ascii_case(&self.id) && self.same_rules(o))
    }
}

pub(super) fn moment(utc_ticks: i64) -> Timestamp {
    let seconds = (utc_ticks - UNIX_EPOCH).div_euclid(TICKS_PER_SECOND);
    // Beyond what it takes, the last rule holds.
    Timestamp::from_second(seconds.clamp(-60_000_000_000, 253_402_200_000))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) fn ticks(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * TICKS_PER_SECOND
}

/// Dates end where .NET's do.
pub(super) fn within(ticks: i64) -> i64 {
    ticks.clamp(0, MAX_TICKS)
}

/// What a clock in a zone shows, seen from UTC.
pub(super) enum Reading {
    /// The offset, and whether it is of summer time.
    Once(i64, bool),
    /// In the hour that is left out: the offset before.
    Never(i64),
    /// In the hour that comes twice: the standard offset, and the other.
    Twice(i64, i64),
}

impl Reading {
    pub(super) fn offset(&self) -> i64 {
        match self {
            Reading::Once(t, _) | Reading::Never(t) | Reading::Twice(t, _) => *t,
        }
    }
}

impl Zone {
    pub(super) fn named(id: &str) -> Option<Zone> {
        let windows = windows::NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(id));
        let rules = DATABASE.get(windows.map_or(id, |(_, iana)| iana)).ok()?;
        Some(Zone {
            id: Str::from(windows.map_or(id, |(name, _)| name)),
            names: None,
            source: Source::Database(rules),
            local: false,
        })
    }

    pub(super) fn utc() -> Zone {
        Zone {
            id: Str::from("UTC"),
            names: None,
            source: Source::Database(TimeZone::UTC),
            local: false,
        }
    }

    pub(super) fn local() -> Zone {
        Zone {
            local: true,
            ..Zone::utc()
        }
    }

    /// The kind of the dates of this zone.
    pub(super) fn kind(&self) -> Kind {
        match (self.local, self.is_utc()) {
            (true, _) => Kind::Local,
            (_, true) => Kind::Utc,
            _ => Kind::Unspecified,
        }
    }

    pub(super) fn is_utc(&self) -> bool {
        &*self.id == "UTC" && self.names.is_none()
    }

    pub(super) fn same_rules(&self, other: &Zone) -> bool {
        self.source == other.source
    }

    /// The rule of a custom zone in whose years a clock is.
    fn rule(&self, clock: i64) -> Option<&Adjustment> {
        match &self.source {
            Source::Database(_) => None,
            Source::Custom(_, rules) => rules.iter().find(|r| r.covers(clock)).map(|r| &**r),
        }
    }

    /// An offset of the database in ticks. Those of old times have seconds: .NET has whole minutes before or after the
    /// offset of today.
    fn whole(&self, offset: Offset) -> i64 {
        let exact = ticks(offset);
        let minute = 60 * TICKS_PER_SECOND;
        if exact % minute == 0 {
            return exact;
        }
        let base = self.base();
        base + (exact - base) / minute * minute
    }

    /// Ticks from UTC at a moment, and whether it is summer time.
    pub(super) fn info(&self, utc_ticks: i64) -> (i64, bool) {
        match &self.source {
            Source::Database(rules) => {
                let info = rules.to_offset_info(moment(utc_ticks));
                (self.whole(info.offset()), info.dst() == Dst::Yes)
            }
            Source::Custom(base, _) => {
                let standard = within(utc_ticks + base);
                match self.rule(standard) {
                    Some(r) if r.is_summer_at(utc_ticks, *base) => (base + r.delta, true),
                    _ => (*base, false),
                }
            }
        }
    }

    /// Ticks from UTC at a moment.
    pub(super) fn at(&self, utc_ticks: i64) -> i64 {
        self.info(utc_ticks).0
    }

    pub(super) fn is_summer(&self, utc_ticks: i64) -> bool {
        self.info(utc_ticks).1
    }

    pub(super) fn read(&self, clock: i64) -> Reading {
        match &self.source {
            Source::Database(rules) => {
                let shown = Offset::UTC.to_datetime(moment(clock));
                match rules.to_ambiguous_timestamp(shown).offset() {
                    AmbiguousOffset::Unambiguous { offset } => {
                        let offset = self.whole(offset);
                        Reading::Once(offset, self.is_summer(clock - offset))
                    }
                    AmbiguousOffset::Gap { before, .. } => Reading::Never(self.whole(before)),
                    AmbiguousOffset::Fold { before, after } => {
                        let (a, b) = (self.whole(before), self.whole(after));
                        Reading::Twice(a.min(b), a.max(b))
                    }
                }
            }
            Source::Custom(base, _) => match self.rule(clock) {
                None => Reading::Once(*base, false),
                Some(r) if r.skips(clock) => Reading::Never(*base),
                Some(r) if r.repeats(clock) => {
                    Reading::Twice((*base).min(base + r.delta), (*base).max(base + r.delta))
                }
                Some(r) if r.is_summer(clock) => Reading::Once(base + r.delta, true),
                Some(_) => Reading::Once(*base, false),
            },
        }
    }

    /// The offset without summer time; of a zone of the database, that of the years around 2025.
    pub(super) fn base(&self) -> i64 {
        if let Source::Custom(base, _) = &self.source {
            return *base;
        }
        // The first of January and of July.
        let halves = [1_735_689_600, 1_751_328_000].map(|s| s * TICKS_PER_SECOND + UNIX_EPOCH);
        let winter = halves.into_iter().find(|t| !self.is_summer(*t));
        self.at(winter.unwrap_or(halves[0]))
    }

    pub(super) fn has_summer(&self) -> bool {
        match &self.source {
            Source::Custom(_, rules) => !rules.is_empty(),
            // Since 2005, month by month: as far back as Windows keeps rules.
            Source::Database(_) => (0..12 * 22)
                .map(|n| (1_104_537_600 + n * 2_629_746) * TICKS_PER_SECOND + UNIX_EPOCH)
                .any(|t| self.is_summer(t)),
        }
    }

    pub(super) fn display(&self) -> String {
        if let Some([display, _, _]) = &self.names {
            return display.to_string();
        }
        if self.is_utc() {
            return String::from("(UTC) Coordinated Universal Time");
        }
        let minutes = self.base() / TICKS_PER_SECOND / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        format!("(UTC{sign}{hours:02}:{rest:02}) {}", self.id)
    }

    pub(super) fn standard_name(&self) -> Str {
        match &self.names {
            Some([_, standard, _]) => standard.clone(),
            None if self.is_utc() => Str::from("Coordinated Universal Time"),
            None => self.id.clone(),
        }
    }

    pub(super) fn daylight_name(&self) -> Str {
        match &self.names {
            Some([_, _, daylight]) => daylight.clone(),
            None => self.standard_name().replace("Standard", "Daylight").into(),
        }
    }
}
