//! The JSON Schema of `tollgate.yaml`, for editors.
//!
//! Printed by `tollgate schema`; a copy is committed and a test keeps it current.

use crate::model::Configuration;

/// The schema as pretty-printed JSON with a newline at its end.
pub fn json() -> String {
    let schema = schemars::schema_for!(Configuration);
    let mut text = serde_json::to_string_pretty(&schema)
        .expect("a schema has only text keys and plain values");
    text.push('\n');
    text
}

/// The JSON Schema of the file of `gateway.prices`, as `tollgate schema --prices` prints it.
#[must_use]
pub fn prices() -> &'static str {
    include_str!("../../../schema/prices.schema.json")
}
