//! Grouping records by dimensions, in one pass and bounded memory.
//!
//! Called by `report`, `statement` and `reconcile`. What must stay true: each record that the filters let through is
//! counted in the total and in exactly one group; there are never more groups than asked for: those that come later are
//! counted together in [`Groups::overflow`], and how many records that were is told.

#[cfg(test)]
mod tests;

use crate::dimension::{Dimension, Filter, Team};
use crate::entry::Entry;
use crate::period::{Days, Period};
use crate::sums::Sums;
use std::collections::HashMap;

/// How to group.
#[derive(Clone, Debug)]
pub struct Grouping {
    /// By what; by nothing gives the total only.
    pub by: Vec<Dimension>,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// Which records, by when their call was admitted.
    pub period: Period,
    /// Who is a team.
    pub team: Team,
    /// Most groups that are kept apart.
    pub limit: usize,
    /// Whether percentiles are wanted.
    pub timed: bool,
}

impl Grouping {
    /// More groups than a person or a spreadsheet reads; about 100 MB when all of them are used.
    pub const LIMIT: usize = 100_000;

    /// All records of a period, in one sum.
    #[must_use]
    pub fn of(period: &Period) -> Grouping {
        Grouping {
            by: Vec::new(),
            filters: Vec::new(),
            period: period.clone(),
            team: Team::default(),
            limit: Grouping::LIMIT,
            timed: false,
        }
    }
}

/// Groups with their sums.
#[derive(Clone, Debug)]
pub struct Groups {
    grouping: Grouping,
    days: Days,
    /// From the key, which [`Groups::add`] writes, to the place in `sums`.
    places: HashMap<Box<[u8]>, usize>,
    sums: Vec<Sums>,
    total: Sums,
    overflow: Sums,
    key: Vec<u8>,
}

impl Groups {
    /// No record yet.
    #[must_use]
    pub fn new(grouping: Grouping) -> Groups {
        Groups {
            days: Days::new(&grouping.period.zone),
            grouping,
            places: HashMap::new(),
            sums: Vec::new(),
            total: Sums::default(),
            overflow: Sums::default(),
            key: Vec::new(),
        }
    }

    /// How it groups.
    #[must_use]
    pub fn grouping(&self) -> &Grouping {
        &self.grouping
    }

    /// Counts a record, when it is in the period and all filters hold; says whether it did.
    pub fn add(&mut self, entry: &Entry<'_>) -> bool {
        let grouping = &self.grouping;
        if !grouping.period.contains(entry.at) {
            return false;
        }
        let days = &mut self.days;
        let mut filters = grouping.filters.iter();
        if !filters.all(|filter| filter.holds(entry, &grouping.team, days)) {
            return false;
        }
        self.total.add(entry, grouping.timed);
        if grouping.by.is_empty() {
            return true;
        }
        // Lengths before values: values hold any byte.
        self.key.clear();
        for dimension in &grouping.by {
            let value = dimension.value(entry, &grouping.team, days);
            self.key.extend_from_slice(&value.len().to_le_bytes());
            self.key.extend_from_slice(value.as_bytes());
        }
        let sums = match self.places.get(&*self.key) {
            Some(place) => &mut self.sums[*place],
            None if self.sums.len() >= grouping.limit => &mut self.overflow,
            None => {
                self.places
                    .insert(self.key.clone().into_boxed_slice(), self.sums.len());
                self.sums.push(Sums::default());
                self.sums.last_mut().expect("one was pushed")
            }
        };
        sums.add(entry, grouping.timed);
        true
    }

    /// The sum of everything.
    #[must_use]
    pub fn total(&self) -> &Sums {
        &self.total
    }

    /// What no longer had a group of its own; all zero when every group had.
    #[must_use]
    pub fn overflow(&self) -> &Sums {
        &self.overflow
    }

    /// The groups, in no order.
    pub fn rows(&self) -> impl Iterator<Item = (Vec<String>, &Sums)> {
        let rows = self.places.iter();
        rows.map(|(key, place)| (self.values(key), &self.sums[*place]))
    }

    /// The values of a key.
    fn values(&self, mut key: &[u8]) -> Vec<String> {
        const LENGTH: usize = size_of::<usize>();
        let mut values = Vec::with_capacity(self.grouping.by.len());
        while let Some((length, rest)) = key.split_first_chunk::<LENGTH>() {
            let length = usize::from_le_bytes(*length).min(rest.len());
            let (value, rest) = rest.split_at(length);
            values.push(String::from_utf8_lossy(value).into_owned());
            key = rest;
        }
        values
    }
}
