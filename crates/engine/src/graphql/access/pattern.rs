//! The `path` of a rule: `/Type/field`, `/Type`, `/field` of a root type, `/`, each part with a `*` at its end if wished.
//!
//! What must stay true: `__typename`, which clients ask of every object, is meant only by a path that writes it out.

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// `/`: every field.
    All,
    /// `/Name`: every field of the type, or the field of a root type.
    One(Part),
    /// `/Type/field`.
    Two(Part, Part),
}

/// A name, or how names begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    text: String,
    open: bool,
}

impl Part {
    fn parse(text: &str) -> Option<Part> {
        let (text, open) = match text.strip_suffix('*') {
            Some(begin) => (begin, true),
            None => (text, false),
        };
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let named = text.chars().all(letters) && !text.starts_with(|c: char| c.is_ascii_digit());
        (named && (open || !text.is_empty())).then(|| Part {
            text: text.to_owned(),
            open,
        })
    }

    fn fits(&self, name: &str) -> bool {
        if self.open {
            name.starts_with(&self.text)
        } else {
            name == self.text
        }
    }

    /// The same of a field's name.
    fn means(&self, field: &str) -> bool {
        self.fits(field) && (!self.open || field != "__typename")
    }
}

impl Pattern {
    /// Reads a path; `None` when it is none.
    pub fn parse(text: &str) -> Option<Pattern> {
        let rest = text.trim().strip_prefix('/')?;
        if rest.is_empty() {
            return Some(Pattern::All);
        }
        match rest.split_once('/') {
            None => Part::parse(rest).map(Pattern::One),
            Some((name, field)) => Some(Pattern::Two(Part::parse(name)?, Part::parse(field)?)),
        }
    }

    /// Whether it means a field of a type. `root`: the type is a root of operations.
    pub fn matches(&self, name: &str, field: &str, root: bool) -> bool {
        match self {
            Pattern::All => field != "__typename",
            Pattern::One(part) => {
                part.fits(name) && field != "__typename" || root && part.means(field)
            }
            Pattern::Two(of, part) => of.fits(name) && part.means(field),
        }
    }

    /// The larger, the more specific.
    pub fn specificity(&self) -> (u8, bool, bool, usize) {
        match self {
            Pattern::All => (0, false, false, 0),
            Pattern::One(part) => (1, false, !part.open, part.text.len()),
            Pattern::Two(of, part) => (2, !part.open, !of.open, of.text.len() + part.text.len()),
        }
    }
}
