//! Entry points for fuzzing: any bytes go in, and what must hold for every input is asserted.
//!
//! `fuzz/` calls them with coverage guidance, the property tests at the end with random data.

#[cfg(test)]
mod tests;

use crate::model::Configuration;
use crate::{openapi, yaml};
use tollgate_agents::operation::input::Reserved;
use tollgate_agents::operation::{Annotations, Contract, ToolSet, ToolSpec};
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
/// Likewise, when two operations have one id, and when one that becomes a tool has no input schema.
pub fn openapi_document(data: &[u8]) {
    read(data, |file, text, diagnostics| {
        let operations = openapi::operations(file, text, diagnostics);
        let mut ids: Vec<&str> = operations.iter().flatten().map(|o| o.id.as_str()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        let wanted = ids.into_iter().collect();
        let contracts = openapi::contracts(file, text, &wanted, diagnostics);
        for operation in operations.iter().flatten() {
            tool(operation, contracts.get(&operation.id));
        }
        operations.is_some()
    });
}

/// Makes an operation a tool and calls it without arguments.
fn tool(operation: &openapi::Operation, contract: Option<&Contract>) {
    let mut set = ToolSet::default();
    let bare = Contract::default();
    let added = set.add(ToolSpec {
        name: "tool",
        title: None,
        description: None,
        annotations: Annotations::default(),
        output_schema: true,
        method: &operation.method,
        url_template: &operation.url_template,
        contract: contract.unwrap_or(&bare),
        reserved: Reserved::default(),
    });
    let (Ok(index), tools) = (added, set.tools()) else {
        return;
    };
    let tool = &tools[index];
    for objects_only in [true, false] {
        let listed: serde_json::Value =
            serde_json::from_str(tool.json(objects_only)).expect("a tool is JSON");
        assert_eq!(listed["inputSchema"]["type"], "object");
    }
    let none = serde_json::json!({});
    if set.check(tool, &none).is_ok()
        && let Some(none) = none.as_object()
        && let Ok(parts) = tool.request(none)
    {
        assert!(parts.path.starts_with('/'), "{}", parts.path);
    }
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
