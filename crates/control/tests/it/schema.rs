//! The committed JSON Schema is the one that the program prints.

use std::path::Path;

#[test]
fn is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/tollgate.schema.json");
    let schema = tollgate_control::schema::json();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == schema,
        "schema/tollgate.schema.json is not what `tollgate schema` prints; UPDATE_EXPECT=1 rewrites it"
    );
}

#[test]
fn names_what_is_needed_and_allows_nothing_else() {
    let schema: serde_json::Value =
        serde_json::from_str(&tollgate_control::schema::json()).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    let api = &schema["$defs"]["Api"];
    assert_eq!(api["required"], serde_json::json!(["id", "path"]));
    assert_eq!(api["additionalProperties"], false);
    let subscription = &schema["$defs"]["Subscription"];
    assert_eq!(
        subscription["required"],
        serde_json::json!(["id", "scope", "primaryKey"])
    );
    let pool = &schema["$defs"]["PoolService"];
    assert_eq!(pool["required"], serde_json::json!(["id"]));
}
