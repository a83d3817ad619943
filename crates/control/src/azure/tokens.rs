//! `{#[NAME]#}`: what a publishing pipeline replaces before it publishes, in JSON files and in policy documents.
//!
//! Used by `apiops` for the texts of JSON files, by `define` for documents and by `tollgate check` for bare ones. What must
//! stay true: in a document a token becomes a named value of the same length, so that every place stays where it is.

use crate::load::Environment;
use std::collections::BTreeSet;
use std::ops::Range;

const OPENS: &str = "{#[";
const CLOSES: &str = "]#}";

/// The first token from a place on: where it stands, and its name.
fn next(text: &str, from: usize) -> Option<(Range<usize>, &str)> {
    let start = from + text.get(from..)?.find(OPENS)?;
    let name = start + OPENS.len();
    let end = name + text.get(name..)?.find(CLOSES)?;
    Some((start..end + CLOSES.len(), &text[name..end]))
}

/// Replaces tokens from the environment; the names of those that it does not have.
pub(super) fn replace(text: &mut String, environment: &Environment) -> BTreeSet<String> {
    let mut missing = BTreeSet::new();
    let mut from = 0;
    while let Some((place, name)) = next(text, from) {
        let name = name.trim().to_owned();
        from = match environment(&name) {
            Some(value) => {
                let end = place.start + value.len();
                text.replace_range(place, &value);
                end
            }
            None => {
                missing.insert(name);
                place.end
            }
        };
    }
    missing
}

/// The name of the named value that stands for a token in a document.
pub fn stand_in(token: &str) -> String {
    format!("_{token}_")
}

/// Names of tokens, with where each stands first.
pub type Tokens = Vec<(String, Range<usize>)>;

/// A document whose tokens are named values. `None`: it has none.
pub fn as_named_values(text: &str) -> Option<(String, Tokens)> {
    let mut out = String::with_capacity(text.len());
    let mut found = Tokens::new();
    let (mut from, mut done) = (0, 0);
    while let Some((place, name)) = next(text, from) {
        from = place.start + OPENS.len();
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if name.is_empty() || name.len() > 128 || !name.bytes().all(plain) {
            continue;
        }
        from = place.end;
        out.push_str(&text[done..place.start]);
        out.push_str(&format!("{{{{_{name}_}}}}"));
        done = place.end;
        if !found.iter().any(|(known, _)| known == name) {
            found.push((name.to_owned(), place));
        }
    }
    out.push_str(&text[done..]);
    (!found.is_empty()).then_some((out, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_document_keeps_its_places() {
        let text = "<a b=\"{#[HOST]#}/x{#[not a name]#}{#[HOST]#}\" c='{#[' />";
        let (out, found) = as_named_values(text).unwrap();
        assert_eq!(
            out,
            "<a b=\"{{_HOST_}}/x{#[not a name]#}{{_HOST_}}\" c='{#[' />"
        );
        assert_eq!(out.len(), text.len());
        assert_eq!(found, [(String::from("HOST"), 6..16)]);
        assert_eq!(as_named_values("{#[]#} {#[\u{e9}]#} {#[A"), None);
    }

    #[test]
    fn a_text_is_replaced_once() {
        let environment: Environment = Arc::new(|name| (name == "A").then(|| "{#[A]#}".into()));
        let mut text = String::from("{#[ A ]#}-{#[B]#}-{#[A]#}-{#[");
        let missing = replace(&mut text, &environment);
        assert_eq!(text, "{#[A]#}-{#[B]#}-{#[A]#}-{#[");
        assert_eq!(missing, BTreeSet::from([String::from("B")]));
    }
}
