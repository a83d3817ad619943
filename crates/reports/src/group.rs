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

/// Values by keys of several texts, at most so many. Finding a key that is there allocates nothing.
#[derive(Clone, Debug)]
pub(crate) struct Keyed<V> {
    /// From the key, as [`Keyed::push`] writes it, to the place in `values`.
    places: HashMap<Box<[u8]>, usize>,
    values: Vec<V>,
    limit: usize,
    key: Vec<u8>,
}

impl<V: Default> Keyed<V> {
    pub(crate) fn new(limit: usize) -> Keyed<V> {
        Keyed {
            places: HashMap::new(),
            values: Vec::new(),
            limit,
            key: Vec::new(),
        }
    }

    /// Begins a key.
    pub(crate) fn clear(&mut self) {
        self.key.clear();
    }

    /// Goes on with a key: the length before the text, because texts hold any byte.
    pub(crate) fn push(&mut self, text: &str) {
        self.key.extend_from_slice(&text.len().to_le_bytes());
        self.key.extend_from_slice(text.as_bytes());
    }

    /// The value of the key; `None` when it is new and there are too many.
    pub(crate) fn value(&mut self) -> Option<&mut V> {
        if let Some(place) = self.places.get(&*self.key) {
            return Some(&mut self.values[*place]);
        }
        if self.values.len() >= self.limit {
            return None;
        }
        let key = self.key.clone().into_boxed_slice();
        self.places.insert(key, self.values.len());
        self.values.push(V::default());
        self.values.last_mut()
    }

    /// Keys with their values, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Vec<String>, &V)> {
        let places = self.places.iter();
        places.map(|(key, place)| (texts(key), &self.values[*place]))
    }
}

/// The texts of a key.
fn texts(mut key: &[u8]) -> Vec<String> {
    const LENGTH: usize = size_of::<usize>();
    let mut texts = Vec::new();
    while let Some((length, rest)) = key.split_first_chunk::<LENGTH>() {
        let length = usize::from_le_bytes(*length).min(rest.len());
        let (text, rest) = rest.split_at(length);
        texts.push(String::from_utf8_lossy(text).into_owned());
        key = rest;
    }
    texts
}

/// Groups with their sums.
#[derive(Clone, Debug)]
pub struct Groups {
    grouping: Grouping,
    days: Days,
    sums: Keyed<Sums>,
    total: Sums,
    overflow: Sums,
}

impl Groups {
    /// No record yet.
    #[must_use]
    pub fn new(grouping: Grouping) -> Groups {
        Groups {
            days: Days::new(&grouping.period.zone),
            sums: Keyed::new(grouping.limit),
            grouping,
            total: Sums::default(),
            overflow: Sums::default(),
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
        self.sums.clear();
        for dimension in &grouping.by {
            self.sums
                .push(&dimension.value(entry, &grouping.team, days));
        }
        let sums = self.sums.value().unwrap_or(&mut self.overflow);
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
        self.sums.iter()
    }
}
