//! The known name that an unknown one was probably meant to be, for "did you mean" hints.

/// The candidate nearest to `name`: the same but for case, or within a third of its length in edits.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer names come from hostile input only, and the distance is quadratic.
    let length = name.chars().count();
    if length == 0 || length > 128 {
        return None;
    }
    let wanted: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    let bound = (length / 3).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.is_empty() {
            continue;
        }
        let known: Vec<char> = candidate
            .chars()
            .take(160)
            .flat_map(char::to_lowercase)
            .collect();
        if known.len().abs_diff(wanted.len()) > bound {
            continue;
        }
        let distance = distance(&wanted, &known);
        if distance <= bound && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Edits (insert, remove, replace, swap neighbours) from `a` to `b`.
pub(crate) fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn prefers_the_fewest_edits_and_gives_up_beyond_a_third() {
        let known = ["api-key", "api-keys", "backend-url", "x"];
        assert_eq!(nearest("api-kye", known), Some("api-key"));
        assert_eq!(nearest("API-KEYS", known), Some("api-keys"));
        assert_eq!(nearest("backendurl", known), Some("backend-url"));
        assert_eq!(nearest("tenant", known), None);
        assert_eq!(nearest("", known), None);
    }
}
