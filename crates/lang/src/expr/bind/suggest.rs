//! The nearest name to one that is unknown.

/// Up to three names close to the wrong one, nearest first.
pub(crate) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = wrong.to_lowercase();
    let limit = wrong.chars().count() / 3 + 1;
    let mut found: Vec<(usize, &str)> = names
        .filter_map(|n| {
            let other = n.to_lowercase();
            let d = distance(&lower, &other);
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

/// Edit distance where a swap of neighbours counts one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut d = (rows[i - 1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                d = d.min(rows[i - 2][j - 2] + 1);
            }
            row.push(d);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
