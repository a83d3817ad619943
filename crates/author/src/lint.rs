//! What only the whole configuration shows: warnings of `tollgate check`, each with a code of its own.
//!
//! `control` calls [`check`] with the definition before it is compiled. What must stay true: a document that is refused
//! gives no warning that its faults cause; a warning names a remedy; nothing here refuses. docs/check.md describes each.

mod allow;
mod base;
mod documents;
mod limits;
mod literals;
mod open;
mod reach;
mod secrets;
mod streaming;
mod variables;

use documents::{Documents, PolicyDocument};
use tollgate_engine::definition::Definition;
use tollgate_lang::{Diagnostic, Diagnostics};

/// A branch that never runs.
pub const DEAD_BRANCH: &str = "TG0601";
/// A step behind an answer.
pub const DEAD_STEP: &str = "TG0602";
/// A variable that nothing sets.
pub const UNSET_VARIABLE: &str = "TG0603";
/// A read of a response that would stream.
pub const HELD_RESPONSE: &str = "TG0604";
/// A limit that never refuses.
pub const IDLE_LIMIT: &str = "TG0605";
/// A section without `<base />` that drops policies.
pub const DROPPED_BASE: &str = "TG0606";
/// A secret in a document. `control` blacks out what it points at.
pub const LITERAL_SECRET: &str = "TG0607";
/// An API that anybody may call.
pub const OPEN_API: &str = "TG0608";

/// A text that looks like an expression.
pub const LITERAL_EXPRESSION: &str = "TG0742";

/// Looks at a whole configuration.
pub fn check(definition: &Definition, diagnostics: &mut Diagnostics) {
    let documents = Documents::read(definition);
    let mut found = Vec::new();
    alone(&documents, &mut found);
    variables::check(&documents, &mut found);
    base::check(&documents, &mut found);
    streaming::check(definition, &documents, &mut found);
    open::check(definition, &documents, &mut found);
    tell(&documents, found, diagnostics);
}

/// Looks at documents without a configuration: what they show by themselves. Variables, `<base />` and keys of APIs need the
/// documents around them.
pub(crate) fn check_bare(definition: &Definition, diagnostics: &mut Diagnostics) {
    let documents = Documents::read(definition);
    let mut found = Vec::new();
    alone(&documents, &mut found);
    streaming::check(definition, &documents, &mut found);
    tell(&documents, found, diagnostics);
}

/// What each document shows by itself.
fn alone(documents: &Documents<'_>, found: &mut Found) {
    for document in documents.all() {
        reach::check(document, found);
        limits::check(document, found);
        secrets::check(document, found);
        literals::check(document, found);
    }
    for document in documents.resolvers() {
        secrets::check(document, found);
        literals::check(document, found);
    }
}

/// Tells what no comment takes back, once: a fragment is looked at for each document that includes it.
fn tell(documents: &Documents<'_>, found: Found, diagnostics: &mut Diagnostics) {
    let mut told: Vec<(&str, Option<tollgate_lang::Span>)> = Vec::new();
    for warning in found {
        let key = (warning.code, warning.span);
        if !told.contains(&key) && !documents.allows(&warning) {
            told.push(key);
            diagnostics.push(warning);
        }
    }
}

type Found = Vec<Diagnostic>;

fn is_answer(name: &str) -> bool {
    name == "return-response"
}

/// Of the documents that a request runs through, those around another one.
fn around<'d>(
    documents: &'d Documents<'_>,
    of: &'d PolicyDocument,
) -> impl Iterator<Item = &'d PolicyDocument> {
    documents.all().iter().filter(|d| d.is_around(of))
}
