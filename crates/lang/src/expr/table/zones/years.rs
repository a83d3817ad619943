//! `GetAdjustmentRules` of a zone of the database: its transitions, put into rules as Windows keeps them.
//!
//! Years in which summer time starts and ends in the same way are one rule. What must stay true: a year whose transitions
//! cannot be said as one start and one end has no rule.

use super::rules::{Adjustment, Day, Transition};
use super::zone::{Source, Zone, moment, ticks};
use crate::value::time::{MAX_TICKS, Parts, TICKS_PER_DAY, UNIX_EPOCH, days_in_month, ticks_of};
use std::rc::Rc;

/// First and last year that are looked at: from 1970 on, until the rules only repeat.
const YEARS: std::ops::RangeInclusive<i64> = 1970..=2037;

/// The ways to say a moment of the clock as a floating rule; a fourth week may also be the last.
fn ways(clock: i64) -> Vec<Transition> {
    let p = Parts::of(clock);
    let last = i64::from(days_in_month(p.year, p.month));
    let day = i64::from(p.day);
    let mut weeks = vec![(day - 1) / 7 + 1];
    if day + 7 > last {
        weeks.push(5);
    }
    weeks.dedup();
    weeks
        .into_iter()
        .map(|week| Transition {
            month: i64::from(p.month),
            day: Day::Floating(week, p.weekday as i64),
            time: clock % TICKS_PER_DAY,
        })
        .collect()
}

/// Start and end of summer time in a year, each in its ways, and how far the clock is moved.
type Year = (Vec<Transition>, Vec<Transition>, i64);

fn year(zone: &jiff::tz::TimeZone, year: i64) -> Option<Year> {
    let begin = ticks_of(year, 1, 1, 0, 0, 0, 0)?;
    let (mut start, mut end) = (None, None);
    let mut before = zone.to_offset_info(moment(begin));
    for t in zone.following(moment(begin)).take(8) {
        let utc = t.timestamp().as_second() * crate::value::time::TICKS_PER_SECOND + UNIX_EPOCH;
        let now = t.dst() == jiff::tz::Dst::Yes;
        let clock = utc + ticks(before.offset());
        if Parts::of(clock).year != year {
            break;
        }
        let was = before.dst() == jiff::tz::Dst::Yes;
        let delta = ticks(t.offset()) - ticks(before.offset());
        match (was, now) {
            (false, true) if start.is_none() => start = Some((ways(clock), delta)),
            (true, false) if end.is_none() => end = Some(ways(clock)),
            (false, true) | (true, false) => return None,
            _ => {}
        }
        before = zone.to_offset_info(t.timestamp());
    }
    let (start, delta) = start?;
    Some((start, end?, delta))
}

fn common(a: &[Transition], b: &[Transition]) -> Vec<Transition> {
    a.iter().filter(|t| b.contains(t)).copied().collect()
}

/// The rules of a zone, oldest first.
pub(super) fn rules(zone: &Zone) -> Vec<Rc<Adjustment>> {
    let known = match &zone.source {
        Source::Custom(_, rules) => return rules.clone(),
        Source::Database(known) => known,
    };
    // First and last year, and what its years have in common.
    let mut runs: Vec<(i64, i64, Year)> = Vec::new();
    for y in YEARS {
        let Some((start, end, delta)) = year(known, y) else {
            continue;
        };
        if let Some((_, last, (s, e, d))) = runs.last_mut()
            && *last == y - 1
            && *d == delta
        {
            let (both_s, both_e) = (common(s, &start), common(e, &end));
            if !both_s.is_empty() && !both_e.is_empty() {
                (*last, *s, *e) = (y, both_s, both_e);
                continue;
            }
        }
        runs.push((y, y, (start, end, delta)));
    }
    runs.into_iter()
        .filter_map(|(first, last, (start, end, delta))| {
            let to = if last == *YEARS.end() {
                MAX_TICKS - MAX_TICKS % TICKS_PER_DAY
            } else {
                ticks_of(last, 12, 31, 0, 0, 0, 0)?
            };
            Some(Rc::new(Adjustment {
                from: ticks_of(first, 1, 1, 0, 0, 0, 0)?,
                to,
                delta,
                // The last week is the surer guess where both fit.
                start: *start.last()?,
                end: *end.last()?,
            }))
        })
        .collect()
}
