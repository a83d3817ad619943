//! What a running match has captured: for each group a pile of spans, with .NET's bookkeeping for balancing groups.
//!
//! Used by [`super::machine`]. Follows `RegexMatch` (`AddMatch`, `BalanceMatch`, `RemoveMatch`, `Tidy`). A capture that was
//! taken back stays in the pile behind a marker, so that going back can restore it.

use smallvec::SmallVec;

/// A span in UTF-16 units: start and length.
pub(super) type Span = (usize, usize);

/// An entry of a pile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Span(usize, usize),
    /// What was captured last was taken back: the last that counts is the entry below this index, if any.
    Left(Option<usize>),
}

/// Captures of all groups.
#[derive(Debug, Default)]
pub(super) struct Captures {
    piles: Vec<Vec<Entry>>,
    /// Groups in the order of their entries.
    order: Vec<usize>,
}

impl Captures {
    pub(super) fn reset(&mut self, groups: usize) {
        self.piles.resize_with(groups, Vec::new);
        for pile in &mut self.piles {
            pile.clear();
        }
        self.order.clear();
    }

    /// Gives back what an extraordinary search needed.
    pub(super) fn forget_much(&mut self) {
        self.piles.truncate(64);
        for pile in &mut self.piles {
            pile.clear();
            pile.shrink_to(64);
        }
        self.order.clear();
        self.order.shrink_to(256);
    }

    /// How many entries there are, to go back to.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Takes away the last entry.
    pub(super) fn undo(&mut self) {
        if let Some(group) = self.order.pop()
            && let Some(pile) = self.piles.get_mut(group)
        {
            pile.pop();
        }
    }

    fn push(&mut self, group: usize, entry: Entry) {
        if let Some(pile) = self.piles.get_mut(group) {
            pile.push(entry);
            self.order.push(group);
        }
    }

    pub(super) fn add(&mut self, group: usize, from: usize, to: usize) {
        let (from, to) = (from.min(to), from.max(to));
        self.push(group, Entry::Span(from, to - from));
    }

    /// The last capture of a group that counts.
    pub(super) fn last(&self, group: usize) -> Option<Span> {
        let pile = self.piles.get(group)?;
        match pile.last()? {
            Entry::Span(start, length) => Some((*start, *length)),
            Entry::Left(at) => match pile.get((*at)?)? {
                Entry::Span(start, length) => Some((*start, *length)),
                Entry::Left(_) => None,
            },
        }
    }

    /// Takes back the last capture of `old`; what lies between it and here goes to `group`.
    pub(super) fn transfer(&mut self, group: Option<usize>, old: usize, from: usize, to: usize) {
        let (mut start, mut end) = (from.min(to), from.max(to));
        let (old_start, old_length) = self.last(old).unwrap_or_default();
        let old_end = old_start + old_length;
        if start >= old_end {
            (start, end) = (old_end, start);
        } else if end <= old_start {
            start = old_start;
        } else {
            end = end.min(old_end);
            start = start.max(old_start);
        }
        self.take_back(old);
        if let Some(group) = group {
            self.add(group, start, end);
        }
    }

    fn take_back(&mut self, group: usize) {
        let Some(pile) = self.piles.get(group) else {
            return;
        };
        let top = match pile.last() {
            Some(Entry::Left(Some(at))) => *at,
            _ => pile.len().saturating_sub(1),
        };
        let left = top.checked_sub(1).and_then(|below| match pile.get(below) {
            Some(Entry::Left(at)) => *at,
            _ => Some(below),
        });
        self.push(group, Entry::Left(left));
    }

    /// The captures of each group that count, in the order in which they were made.
    pub(super) fn tidy(&self) -> Vec<SmallVec<[Span; 1]>> {
        self.piles
            .iter()
            .map(|pile| {
                let mut kept: SmallVec<[Span; 1]> = SmallVec::new();
                for entry in pile {
                    match entry {
                        Entry::Span(start, length) => kept.push((*start, *length)),
                        Entry::Left(_) => {
                            kept.pop();
                        }
                    }
                }
                kept
            })
            .collect()
    }
}
