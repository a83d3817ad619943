//! Entry points for fuzzing: any bytes go in, and what must hold for every input is asserted.
//!
//! `fuzz/` calls them with coverage guidance, the property tests at the end with random data.

#[cfg(test)]
mod tests;

use crate::model::Configuration;
use crate::{openapi, yaml};
use tollgate_lang::{Diagnostics, FileId, Sources};

/// Reads `data` as `tollgate.yaml`.
///
/// # Panics
/// When a fault has its place out of bounds or inside a character, or when nothing came back without one.
pub fn configuration(data: &[u8]) {
    read(data, |file, text, diagnostics| {
        yaml::parse(file, text, diagnostics)
            .and_then(|mut root| yaml::read::<Configuration>(file, &mut root, diagnostics))
            .is_some()
    });
}

/// Reads `data` as an OpenAPI document.
///
/// # Panics
/// Likewise, and when two operations have one id.
pub fn openapi_document(data: &[u8]) {
    read(data, |file, text, diagnostics| {
        let operations = openapi::operations(file, text, diagnostics);
        let mut ids: Vec<&str> = operations.iter().flatten().map(|o| o.id.as_str()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        operations.is_some()
    });
}

fn read(data: &[u8], reader: impl FnOnce(FileId, &str, &mut Diagnostics) -> bool) {
    let text = String::from_utf8_lossy(data);
    let mut sources = Sources::default();
    let file = sources.add("fuzz.yaml", &*text);
    let mut diagnostics = Diagnostics::default();
    let found = reader(file, &text, &mut diagnostics);
    assert!(found || diagnostics.has_errors());
    for diagnostic in diagnostics.items() {
        let related = diagnostic.related.iter().map(|(span, _)| span);
        for span in diagnostic.span.iter().chain(related) {
            assert!(
                text.get(span.start as usize..span.end as usize).is_some(),
                "{span:?} in {} bytes: {}",
                text.len(),
                diagnostic.message
            );
        }
    }
    diagnostics.render(&sources, true);
    diagnostics.render_compact(&sources);
}
