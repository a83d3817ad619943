//! Values that a scalar takes, and as what.

use super::coerce;
use apollo_compiler::Schema;
use serde_json::{Value, json};

#[test]
fn what_scalars_take() {
    let schema = Schema::parse_and_validate(
        "type Query { a: Role d: Date i: Int f: Float id: ID } enum Role { A B } scalar Date",
        "schema",
    )
    .unwrap();
    let table: &[(&str, Value, Option<Value>)] = &[
        ("Int", json!(5), Some(json!(5))),
        ("Int", json!(5.0), Some(json!(5))),
        ("Int", json!("-7"), Some(json!(-7))),
        ("Int", json!(5.5), None),
        ("Int", json!(2_147_483_648_i64), None),
        ("Int", json!(1e300), None),
        ("Int", json!(true), None),
        ("Float", json!(1), Some(json!(1))),
        ("Float", json!("1.5"), Some(json!(1.5))),
        ("Float", json!("NaN"), None),
        ("Float", json!("x"), None),
        ("String", json!("x"), Some(json!("x"))),
        ("String", json!(1.5), Some(json!("1.5"))),
        ("String", json!(true), Some(json!("true"))),
        ("String", json!({"a": 1}), None),
        ("Boolean", json!(false), Some(json!(false))),
        ("Boolean", json!("true"), Some(json!(true))),
        ("Boolean", json!(1), None),
        ("ID", json!(12), Some(json!("12"))),
        ("ID", json!("a"), Some(json!("a"))),
        ("ID", json!(1.5), None),
        ("Role", json!("A"), Some(json!("A"))),
        ("Role", json!("C"), None),
        ("Role", json!(1), None),
        ("Date", json!({"any": [1]}), Some(json!({"any": [1]}))),
    ];
    for (name, value, wanted) in table {
        let definition = &schema.types[*name];
        assert_eq!(coerce(name, definition, value), *wanted, "{name} {value}");
    }
}
