//! Documents of every version, and sloppy ones.

mod contracts;

use super::{Operation, operations};
use tollgate_lang::{Diagnostics, FileId};

fn read(text: &str) -> (Vec<(String, String, String)>, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let found = operations(FileId(0), text, &mut diagnostics).unwrap_or_default();
    let found = found
        .into_iter()
        .map(|o: Operation| (o.id, o.method, o.url_template))
        .collect();
    let faults = diagnostics
        .items()
        .iter()
        .map(|d| d.message.clone())
        .collect();
    (found, faults)
}

fn three(id: &str, method: &str, template: &str) -> (String, String, String) {
    (id.into(), method.into(), template.into())
}

#[test]
fn reads_all_versions_in_both_notations() {
    let (found, faults) = read(
        "openapi: 3.0.3\npaths:\n  /items/{id}:\n    parameters: []\n    get: { operationId: getItem }\n    delete: { summary: Remove }\n",
    );
    assert_eq!(
        found,
        [
            three("getItem", "GET", "/items/{id}"),
            three("delete-items-id", "DELETE", "/items/{id}")
        ]
    );
    assert!(faults.is_empty());
    let (found, _) = read(
        "{\n\t\"swagger\": \"2.0\",\n\t\"paths\": {\"/a\": {\"POST\": {\"operationId\": \"Chat Completions_Create\"}}, \"x-note\": {\"get\": {}}}\n}",
    );
    assert_eq!(found, [three("Chat-Completions_Create", "POST", "/a")]);
    let (found, _) = read("openapi: 3.1.0\npaths:\n  a/b: { put: {operationId: 7} }\n");
    assert_eq!(found, [three("7", "PUT", "/a/b")]);
}

#[test]
fn says_what_is_wrong() {
    assert_eq!(read("a: 1").1, ["this is not an OpenAPI document"]);
    assert_eq!(
        read("openapi: 3.0.0\npaths: 1").1,
        ["the OpenAPI document has no `paths`"]
    );
    let (found, faults) = read(
        "openapi: 3.0.0\npaths:\n  /a: { get: {operationId: x} }\n  /b: { get: {operationId: x} }\n",
    );
    assert_eq!(found.len(), 1);
    assert_eq!(faults, ["two operations have the id `x`"]);
}
