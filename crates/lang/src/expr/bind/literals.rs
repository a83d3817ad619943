//! Texts of literals: equal ones are one object in the whole process, as the CLR interns them. What an expression put into
//! a variable is the same object as the literal that another one compares it with by `==` on `object`.
//!
//! Called when expressions are bound, never when they run. What must stay true: a text that no expression has any more goes.

use crate::value::Str;
use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Fewer literals than this are never looked through for those that nobody has any more.
const FEW: usize = 1024;

struct Literals {
    texts: HashSet<Str>,
    /// How many there may be before they are looked through.
    most: usize,
}

static LITERALS: LazyLock<Mutex<Literals>> = LazyLock::new(|| {
    Mutex::new(Literals {
        texts: HashSet::new(),
        most: FEW,
    })
});

/// The one object of all literals with the text.
pub(super) fn interned(text: &Str) -> Str {
    let mut literals = LITERALS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = literals.texts.get(text) {
        return known.clone();
    }
    if literals.texts.len() >= literals.most {
        literals.texts.retain(|text| Arc::strong_count(text) > 1);
        literals.most = FEW.max(literals.texts.len().saturating_mul(2));
    }
    literals.texts.insert(text.clone());
    text.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_object_while_somebody_has_it() {
        let first = interned(&Str::from("one text of a literal"));
        let second = interned(&Str::from("one text of a literal"));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &interned(&Str::from("another"))));
        // Many that nobody keeps do not stay.
        for number in 0..10 * FEW {
            interned(&Str::from(format!("literal {number}")));
        }
        let kept = LITERALS.lock().unwrap().texts.len();
        assert!(kept < 10 * FEW, "{kept}");
        assert!(Arc::ptr_eq(
            &first,
            &interned(&Str::from("one text of a literal"))
        ));
    }
}
