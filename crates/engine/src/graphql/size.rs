//! How large an operation is: its depth and the number of its fields, fragments written out.
//!
//! What must stay true: a fragment is looked at once however often it is spread, so that a small document which writes out
//! to a huge one costs nothing. What is asked of the schema itself (`__schema`, `__type`) does not count.

use super::document::Document;
use apollo_compiler::Name;
use apollo_compiler::executable::{ExecutableDocument, Selection, SelectionSet};
use std::collections::HashMap;

/// Depth and fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Fields inside one another; `{ a }` has a depth of 1.
    pub depth: usize,
    /// Fields.
    pub fields: usize,
}

impl Size {
    /// The size of the operation that is meant.
    pub fn of(document: &Document) -> Size {
        let mut measure = Measure {
            document: document.whole(),
            fragments: HashMap::new(),
        };
        measure.set(&document.operation().selection_set)
    }

    fn beside(&mut self, other: Size) {
        self.depth = self.depth.max(other.depth);
        self.fields = self.fields.saturating_add(other.fields);
    }
}

struct Measure<'a> {
    document: &'a ExecutableDocument,
    fragments: HashMap<&'a Name, Size>,
}

impl<'a> Measure<'a> {
    fn set(&mut self, set: &'a SelectionSet) -> Size {
        let mut size = Size::default();
        for selection in &set.selections {
            size.beside(match selection {
                Selection::Field(field) => {
                    let of_schema = matches!(field.name.as_str(), "__schema" | "__type");
                    let inner = if of_schema {
                        Size::default()
                    } else {
                        self.set(&field.selection_set)
                    };
                    Size {
                        depth: inner.depth + 1,
                        fields: inner.fields.saturating_add(1),
                    }
                }
                Selection::InlineFragment(inline) => self.set(&inline.selection_set),
                Selection::FragmentSpread(spread) => self.fragment(&spread.fragment_name),
            });
        }
        size
    }

    fn fragment(&mut self, name: &'a Name) -> Size {
        if let Some(known) = self.fragments.get(name) {
            return *known;
        }
        // A valid document has no cycles; one would count as nothing.
        self.fragments.insert(name, Size::default());
        let Some(fragment) = self.document.fragments.get(name) else {
            return Size::default();
        };
        let size = self.set(&fragment.selection_set);
        self.fragments.insert(name, size);
        size
    }
}
