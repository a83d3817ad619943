//! The committed JSON Schemas are the ones that the program prints, and say what it reads.

use serde_json::Value;
use std::path::Path;
use tollgate_llm::price::{File, PriceTable};
use tollgate_llm::usage::Class;

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

/// Whether the schema of prices takes a file, and whether the program does.
fn taken(yaml: &str) -> (bool, bool) {
    let schema: Value = serde_json::from_str(tollgate_control::schema::prices()).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("prices.json", schema).unwrap();
    let index = compiler.compile("prices.json", &mut schemas).unwrap();
    let value: Value = serde_saphyr::from_str(yaml).unwrap();
    let read = serde_saphyr::from_str::<File>(yaml).is_ok_and(|file| {
        let tools = file.tools.iter().all(|tools| tools.rates().is_ok());
        tools && PriceTable::new(&file).is_ok()
    });
    (schemas.validate(&value, index).is_ok(), read)
}

#[test]
fn prices_are_what_their_schema_says() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../llm/data/prices.yaml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    assert_eq!(taken(&shipped), (true, true));
    for good in [
        "version: a",
        "{version: a, currency: EUR, fallback: {input: 1, output: '2.5'}}",
        "{version: a, tools: [{providers: [x], perThousand: {webSearch: 5}}]}",
        "{version: a, prices: [{models: ['*'], perMillion: {input: 1}, above: [{tokens: 5, perMillion: {input: 2}}], tiers: {batch: {factor: 0.5}}}]}",
    ] {
        assert_eq!(taken(good), (true, true), "{good}");
    }
    for bad in [
        "{currency: EUR}",
        "{version: a, extra: 1}",
        "{version: a, fallback: {input: -1}}",
        "{version: a, fallback: {tokens: 1}}",
        "{version: a, tools: [{providers: [x], perThousand: {input: 5}}]}",
        "{version: a, prices: [{models: [], perMillion: {input: 1}}]}",
        "{version: a, prices: [{models: ['a*b'], perMillion: {input: 1}}]}",
        "{version: a, prices: [{models: [a], perMillion: {input: 1}, from: soon}]}",
        "{version: a, prices: [{models: [a], perMillion: {input: 1}, tiers: {standard: {factor: 1}}}]}",
        "{version: a, prices: [{models: [a], perMillion: {input: 1}, above: [{tokens: 0, perMillion: {}}]}]}",
    ] {
        assert_eq!(taken(bad), (false, false), "{bad}");
    }
    // Each class has its place.
    let schema: Value = serde_json::from_str(tollgate_control::schema::prices()).unwrap();
    let amounts = schema["$defs"]["Amounts"]["properties"]
        .as_object()
        .unwrap();
    assert_eq!(amounts.len(), Class::COUNT);
}
