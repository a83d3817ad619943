//! What the overrides of `validate-content` make of schemas.

use super::*;
use serde_json::json;
use tollgate_lang::Diagnostics;

fn fits(schema: &Value, rules: BodyRules, value: &Value) -> bool {
    let mut validators = Validators::default();
    let mut diagnostics = Diagnostics::default();
    let mut place = Place {
        of: String::from("test"),
        span: None,
        diagnostics: &mut diagnostics,
        schemas: Arc::default(),
    };
    let validation = json_validation(schema, rules, &mut validators, &mut place);
    let Validation::Json { validator, .. } = validation else {
        panic!("{validation:?}");
    };
    let lowered = if rules.ignore_case {
        lowered(value)
    } else {
        Some(value.clone())
    };
    lowered.is_some_and(|v| validators.violations(validator, &v).is_empty())
}

#[test]
fn additional_properties_are_overridden_everywhere() {
    let schema = json!({"allOf": [{"$ref": "#/$defs/Pet"}, {"properties": {"age": {"type": "integer"}}}],
        "$defs": {"Pet": {"type": "object", "additionalProperties": true, "properties": {
            "name": {"type": "string"}, "owner": {"$ref": "#/$defs/Owner"}, "tags": {"items": {"type": "object", "properties": {"t": {}}}}}},
            "Owner": {"type": "object", "properties": {"id": {}}}}});
    let forbid = BodyRules {
        additional: Some(false),
        ..BodyRules::default()
    };
    for (value, allowed) in [
        (
            json!({"name": "a", "age": 1, "owner": {"id": 1}, "tags": [{"t": 1}]}),
            true,
        ),
        (json!({"other": 1}), false),
        (json!({"owner": {"id": 1, "x": 2}}), false),
        (json!({"tags": [{"t": 1, "x": 2}]}), false),
    ] {
        assert_eq!(fits(&schema, forbid, &value), allowed, "{value}");
        assert!(fits(&schema, BodyRules::default(), &value), "{value}");
    }
    let closed = json!({"type": "object", "properties": {"a": {"additionalProperties": false}}, "additionalProperties": false});
    let allow = BodyRules {
        additional: Some(true),
        ..BodyRules::default()
    };
    let value = json!({"a": {"b": 1}, "c": 2});
    assert!(fits(&closed, allow, &value));
    assert!(!fits(&closed, BodyRules::default(), &value));
}

#[test]
fn names_without_case() {
    let schema = json!({"type": "object", "required": ["Name"], "properties": {"Name": {"type": "string"}, "Child": {"$ref": "#/$defs/Child"}},
        "dependentRequired": {"Child": ["Name"]}, "$defs": {"Child": {"type": "object", "required": ["ID"], "additionalProperties": false, "properties": {"ID": {}}}}});
    let ignore = BodyRules {
        ignore_case: true,
        ..BodyRules::default()
    };
    for (value, allowed) in [
        (json!({"NAME": "x", "child": {"id": 1}}), true),
        (json!({"name": 1}), false),
        (json!({"name": "x", "child": {"iD": 1, "x": 1}}), false),
        (json!({"name": "x", "NAME": 1}), false),
    ] {
        assert_eq!(fits(&schema, ignore, &value), allowed, "{value}");
    }
    assert!(!fits(&schema, BodyRules::default(), &json!({"NAME": "x"})));
}
