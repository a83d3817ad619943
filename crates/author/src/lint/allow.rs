//! Comments that take a warning back: `<!-- tollgate:allow TG0601 why -->`.
//!
//! What must stay true: one that stands before the root counts for the whole document, another one for the next line
//! that is not blank or its own; nothing but the codes that it names.

/// A warning that a comment takes back.
pub(super) struct Allowed {
    pub(super) code: String,
    /// First and last line (from 1); `None`: the whole document.
    pub(super) lines: Option<(usize, usize)>,
}

/// What comments of a text take back.
pub(super) fn allowed(text: &str) -> Vec<Allowed> {
    const MARK: &str = "tollgate:allow";
    let root = text.find("<policies").or_else(|| text.find("<fragment"));
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find("<!--").map(|n| at + n) {
        let end = text[start..].find("-->").map_or(text.len(), |n| start + n);
        let comment = text[start + 4..end.max(start + 4)].trim();
        if let Some(rest) = comment.strip_prefix(MARK) {
            let first = line(text, start);
            let after = &text[end..];
            let blank = after.get(3..).unwrap_or_default();
            let skipped = blank.len() - blank.trim_start().len();
            let next = line(text, (end + 3 + skipped).min(text.len()));
            let lines = root
                .is_none_or(|root| start > root)
                .then_some((first, next));
            let codes = rest.split_whitespace();
            for code in codes.take_while(|w| w.starts_with("TG")) {
                let code = code.trim_end_matches([',', ':']).to_owned();
                found.push(Allowed { code, lines });
            }
        }
        at = end;
    }
    found
}

fn line(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())]
        .iter()
        .filter(|b| **b == b'\n')
        .count()
        + 1
}
