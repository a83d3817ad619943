//! The nearest names to one that is unknown.
//!
//! The binder asks when a member, type or local does not exist. What must stay true: of long names only the beginning is
//! compared, since the distance is quadratic.

use crate::diagnostic::nearest::distance;

/// Most characters of a name that are compared.
const COMPARED: usize = 64;

/// Up to three names close to the wrong one, nearest first.
pub(crate) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = wrong.to_lowercase();
    let wanted: Vec<char> = lower.chars().take(COMPARED).collect();
    let limit = wrong.chars().count() / 3 + 1;
    let mut found: Vec<(usize, &str)> = names
        .filter_map(|n| {
            let other = n.to_lowercase();
            let known: Vec<char> = other.chars().take(COMPARED).collect();
            let d = distance(&wanted, &known);
            let part = lower.len() >= 4
                && (other.starts_with(&lower) || lower.starts_with(&other))
                && other.len() >= 4;
            (d <= limit || part).then_some((d, n))
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(3).map(|(_, n)| n).collect()
}

/// `did you mean …?`
pub(crate) fn hint<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let near = nearest(wrong, names);
    (!near.is_empty()).then(|| {
        format!(
            "did you mean {}?",
            near.iter()
                .map(|n| format!("`{n}`"))
                .collect::<Vec<_>>()
                .join(" or ")
        )
    })
}
