//! Where steps and branches stand, for whoever watches or counts what ran; and where secrets do.
//!
//! Filled in by `compile` as it goes. What must stay true: every step that can run is listed, once for each inclusion of
//! the fragment that it stands in.

use super::{Compile, Compiler, ScopeKind, Section};
use std::sync::Arc;
use tollgate_lang::Span;
use tollgate_lang::document::Text;
use tollgate_lang::value::Str;

/// A step or a branch of a document, whether it ever runs or not: what can be covered, and where one can stop.
#[derive(Clone, Debug)]
pub struct SourcePlace {
    /// Element name.
    pub name: Arc<str>,
    /// Whether it is a branch (`when`, `otherwise`) and not a step.
    pub branch: bool,
    /// The name of its element. A fragment's steps stand in the fragment's text, once for each inclusion.
    pub span: Span,
    /// Nesting, as [`crate::step::PlacedStep::path`] has it.
    pub path: Str,
    /// The section it was compiled for.
    pub section: Section,
    /// The scope of its document.
    pub scope: ScopeKind,
}

impl Compiler<'_> {
    /// Every step and branch that was compiled, in document order.
    pub fn into_places(self) -> Vec<SourcePlace> {
        self.places.into_inner()
    }

    pub(super) fn placed(&self, place: SourcePlace) {
        self.places.borrow_mut().push(place);
    }
}

impl Compile<'_> {
    /// Whether the value of a secret named value stands in a text.
    pub fn holds_secret(&self, text: &Text) -> bool {
        text.holds_named_value()
            && self
                .compiler
                .secrets
                .iter()
                .any(|secret| text.text.contains(&**secret))
    }
}
