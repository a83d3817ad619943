//! What loads, and then serves nothing.
//!
//! Called by `load` for a configuration without faults: with one there is another reason.

use tollgate_engine::definition::{ApiKind, Definition};
use tollgate_lang::{Diagnostic, FileId, Span};

/// Warnings about what answers every call with 404.
pub(super) fn silent(definition: &Definition, file: FileId) -> Vec<Diagnostic> {
    if definition.apis.is_empty() {
        let start = Span {
            file,
            start: 0,
            end: 0,
        };
        let warning = Diagnostic::warning("TG0740", start, "no API is configured")
            .label("every call is answered with 404")
            .help("add one under `apis`; docs/getting-started.md leads through it");
        return vec![warning];
    }
    let apis = definition.apis.iter();
    let empty = apis.filter(|api| api.kind == ApiKind::Http && api.operations.is_empty());
    empty
        .filter_map(|api| {
            let message = format!("API `{}` has no operations", api.id);
            let warning = Diagnostic::warning("TG0741", api.span?, message)
                .label("every call of it is answered with 404")
                .help("name an OpenAPI file whose `paths` are not empty as `specification`, or add `operations`: for all calls `{ id: all, method: \"*\", urlTemplate: \"/*\" }`");
            Some(warning)
        })
        .collect()
}
