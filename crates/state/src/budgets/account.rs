//! What one budget has spent and reserved in its present period.
//!
//! Called by `budgets` under the account's lock. What must hold: a period is left only when its time has passed; a clock
//! that jumped ahead and came back finds what it left; a threshold is reported once in a period.

use super::{Amount, Bounds, Figures, Notice, Rule, Standing, Unit};
use crate::counters::table::Counter;
use std::sync::Arc;

/// By how much clocks of threads and small corrections may differ: a time that is this far before the period's
/// beginning counts in it. One that is farther before comes of a clock that had jumped ahead.
const JITTER_MS: i64 = 5000;

/// Most periods that are looked at one by one to carry over what was left; after these it is the cap.
const MOST_CARRIED: u32 = 400;

/// An account: a budget, or one of the subjects that a budget applies to each of.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The rule that was used last; `None` until the first use.
    pub(super) rule: Option<Arc<Rule>>,
    pub(super) subject: Arc<str>,
    /// Whether the subject comes from the configuration, so that what it spent is not forgotten for want of room.
    pub(super) lasting: bool,
    period: Option<Period>,
    /// The period before, for a clock that comes back.
    before: Option<Period>,
    pub(super) reserved: u128,
    pub(super) held: u64,
    touched: u64,
}

#[derive(Clone, Debug)]
struct Period {
    bounds: Bounds,
    spent: u128,
    /// Left over from periods before.
    carried: u128,
    /// The highest threshold that was reported, percent.
    reported: u16,
    /// The limit of which a refusal was reported.
    refused: Option<u128>,
    /// The limit of which it was reported that nothing is left.
    exhausted: Option<u128>,
}

impl Period {
    fn new(bounds: Bounds, carried: u128) -> Period {
        Period {
            bounds,
            spent: 0,
            carried,
            reported: 0,
            refused: None,
            exhausted: None,
        }
    }

    /// What may be spent in it.
    fn limit(&self, rule: &Rule) -> u128 {
        if self.bounds.open {
            rule.limit.saturating_add(self.carried)
        } else {
            0
        }
    }
}

impl Counter for Account {
    fn is_idle(&self, now: u64) -> bool {
        let Some(period) = &self.period else {
            return true;
        };
        let carries = self.rule.as_ref().is_some_and(|r| r.carry_over.is_some());
        let over = i64::try_from(now).is_ok_and(|now| !period.bounds.contains(now));
        if carries {
            return false;
        }
        period.spent == 0 && period.carried == 0 || over
    }

    fn is_held(&self) -> bool {
        self.held > 0
            || self.lasting
                && self
                    .period
                    .as_ref()
                    .is_some_and(|p| p.spent > 0 || p.carried > 0)
    }

    fn touched(&self) -> u64 {
        self.touched
    }
}

impl Account {
    /// Brings the account to the period of `now`.
    pub(super) fn turn(&mut self, rule: &Arc<Rule>, now: u64) {
        self.touched = now;
        let other = match &self.rule {
            Some(old) if Arc::ptr_eq(old, rule) => false,
            old => {
                let other = old.as_ref().is_some_and(|o| o.calendar != rule.calendar);
                self.rule = Some(rule.clone());
                other
            }
        };
        let at = i64::try_from(now).unwrap_or(i64::MAX);
        let Some(period) = &mut self.period else {
            self.period = Some(Period::new(rule.calendar.bounds(now), 0));
            return;
        };
        if other {
            // The configuration has other periods now. What was spent stays spent until the new one ends.
            period.bounds = rule.calendar.bounds(now);
            self.before = None;
            return;
        }
        if period.bounds.contains(at) {
            return;
        }
        if at < period.bounds.start {
            let back = at < period.bounds.start.saturating_sub(JITTER_MS);
            if back && self.before.as_ref().is_some_and(|b| b.bounds.contains(at)) {
                let later =
                    std::mem::replace(period, self.before.take().expect("looked at just now"));
                period.spent = period.spent.saturating_add(later.spent);
            }
            return;
        }
        let next = rule.calendar.bounds(now);
        let carried = carried(period, rule, next.start);
        self.before = Some(std::mem::replace(period, Period::new(next, carried)));
    }

    fn period(&mut self, rule: &Arc<Rule>, now: u64) -> &mut Period {
        self.turn(rule, now);
        self.period
            .get_or_insert_with(|| Period::new(Bounds::ALWAYS, 0))
    }

    /// What is left, reservations taken off.
    pub(super) fn left(&mut self, rule: &Arc<Rule>, now: u64) -> u128 {
        let reserved = self.reserved;
        let period = self.period(rule, now);
        period
            .limit(rule)
            .saturating_sub(period.spent)
            .saturating_sub(reserved)
    }

    /// Sets an amount aside.
    pub(super) fn hold(&mut self, amount: Amount, rule: &Rule) {
        self.reserved = self.reserved.saturating_add(amount.of(rule.unit));
        self.held += 1;
    }

    /// More for a reservation that stands already.
    pub(super) fn hold_more(&mut self, amount: Amount, rule: &Rule) {
        self.reserved = self.reserved.saturating_add(amount.of(rule.unit));
    }

    /// Gives an amount back that was set aside.
    pub(super) fn release(&mut self, amount: Amount, unit: Unit) {
        self.reserved = self.reserved.saturating_sub(amount.of(unit));
        self.held = self.held.saturating_sub(1);
    }

    /// Spends, and says what is to be reported.
    pub(super) fn spend(
        &mut self,
        amount: Amount,
        rule: &Arc<Rule>,
        now: u64,
        notices: &mut Vec<Notice>,
    ) {
        let period = self.period(rule, now);
        period.spent = period.spent.saturating_add(amount.of(rule.unit));
        self.report(rule, false, now, notices);
    }

    /// Takes in what was spent before a restart: nobody is told of it again.
    pub(super) fn restore(&mut self, amount: Amount, rule: &Arc<Rule>, at: u64) {
        let spent = amount.of(rule.unit);
        let time = i64::try_from(at).unwrap_or(i64::MAX);
        if let Some(period) = &self.period
            && time < period.bounds.start
        {
            // A late record of a period that is over changes nothing but what the clock may come back to.
            if let Some(before) = self.before.as_mut().filter(|b| b.bounds.contains(time)) {
                before.spent = before.spent.saturating_add(spent);
            }
            return;
        }
        let period = self.period(rule, at);
        period.spent = period.spent.saturating_add(spent);
        self.report(rule, false, at, &mut Vec::new());
    }

    /// Says what is to be reported and was not yet; `refused`: a call was refused just now. A limit that a reload changed
    /// is another one.
    pub(super) fn report(
        &mut self,
        rule: &Arc<Rule>,
        refused: bool,
        now: u64,
        notices: &mut Vec<Notice>,
    ) {
        let subject = self.subject.clone();
        let period = self.period(rule, now);
        let limit = period.limit(rule);
        let mut note = |standing, period: &Period| {
            notices.push(Notice {
                rule: rule.clone(),
                subject: subject.clone(),
                standing,
                limit,
                spent: period.spent,
                bounds: period.bounds,
                at: now,
            });
        };
        if limit > 0 {
            for percent in rule.thresholds.iter().copied() {
                let due = period.spent.saturating_mul(100) >= limit.saturating_mul(percent.into());
                if percent > period.reported && due {
                    period.reported = percent;
                    note(Standing::Threshold(percent), period);
                }
            }
        }
        let exhausted = period.spent >= limit;
        if exhausted && period.bounds.open && period.exhausted != Some(limit) {
            period.exhausted = Some(limit);
            note(Standing::Exhausted, period);
        }
        if refused && !exhausted && period.refused != Some(limit) {
            period.refused = Some(limit);
            note(Standing::Refused, period);
        }
    }

    /// As it stands.
    pub(super) fn figures(&mut self, rule: &Arc<Rule>, now: u64) -> Figures {
        let reserved = self.reserved;
        let period = self.period(rule, now);
        let limit = period.limit(rule);
        Figures {
            limit,
            carried: period.carried,
            spent: period.spent,
            reserved,
            remaining: limit.saturating_sub(period.spent).saturating_sub(reserved),
            bounds: period.bounds,
        }
    }
}

/// What a period leaves to the one that begins at `next`.
fn carried(period: &Period, rule: &Rule, next: i64) -> u128 {
    let Some(cap) = rule.carry_over else {
        return 0;
    };
    let mut carried = period.limit(rule).saturating_sub(period.spent).min(cap);
    let mut end = period.bounds.end;
    // Periods that nobody spent anything in.
    for _ in 0..MOST_CARRIED {
        let Some(begun) = end.filter(|end| *end < next && carried < cap) else {
            return carried;
        };
        carried = carried.saturating_add(rule.limit).min(cap);
        end = rule.calendar.bounds(u64::try_from(begun).unwrap_or(0)).end;
    }
    cap
}
