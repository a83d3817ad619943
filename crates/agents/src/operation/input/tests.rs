//! How properties get their names and places.

use super::*;
use crate::operation::contract::Body;

fn parameter(name: &str, location: Location) -> Parameter {
    Parameter {
        name: name.to_owned(),
        location,
        required: location == Location::Path,
        style: Style::Form,
        explode: true,
        allow_reserved: false,
        json: false,
        schema: json!({"type": "string"}),
        description: None,
    }
}

fn json_body(schema: Value) -> Body {
    Body {
        media_type: String::from("application/json"),
        kind: BodyKind::Json,
        required: true,
        schema,
        description: None,
        fields: Default::default(),
    }
}

fn names(contract: &Contract, template: &str) -> Vec<String> {
    let template = Template::parse(template).unwrap();
    let input = input(contract, &template, &Reserved::default()).unwrap();
    let keys: Vec<String> = input.schema["properties"]
        .as_object()
        .map(|p| p.keys().cloned().collect())
        .unwrap_or_default();
    let bound: Vec<String> = input.bindings.iter().map(|b| b.property.clone()).collect();
    assert_eq!(keys, bound);
    keys
}

#[test]
fn the_body_stands_beside_the_parameters_unless_names_collide() {
    let body = json_body(
        json!({"type": "object", "properties": {"id": {"type": "integer"}, "note": {"type": "string"}}}),
    );
    let mut contract = Contract {
        parameters: vec![parameter("q", Location::Query)],
        body: Some(body),
        ..Contract::default()
    };
    assert_eq!(names(&contract, "/a"), ["q", "id", "note"]);
    assert_eq!(names(&contract, "/a/{id}"), ["id", "q", "body"]);
    contract.parameters.push(parameter("id", Location::Query));
    contract.parameters.push(parameter("body", Location::Query));
    assert_eq!(
        names(&contract, "/a/{id}"),
        ["id__path", "q", "id__query", "body__query", "body"]
    );
}

#[test]
fn odd_names_are_made_fit() {
    let contract = Contract {
        parameters: vec![
            parameter("$filter", Location::Query),
            parameter("filter[a]", Location::Query),
            parameter("filter(a)", Location::Query),
            parameter(&"x".repeat(80), Location::Query),
        ],
        ..Contract::default()
    };
    let found = names(&contract, "/a");
    assert_eq!(found[0], "_filter");
    assert_eq!(found[1], "filter_a___query");
    assert_eq!(found[2], "filter_a___query_2");
    assert_eq!(found[3].len(), 64);
}

#[test]
fn credentials_and_what_the_gateway_writes_are_no_arguments() {
    let contract = Contract {
        parameters: vec![
            parameter("Authorization", Location::Header),
            parameter("Accept", Location::Header),
            parameter("Cookie", Location::Header),
            parameter("session", Location::Cookie),
            parameter("Ocp-Apim-Subscription-Key", Location::Header),
            parameter("Mcp-Session-Id", Location::Header),
            parameter("api-version", Location::Query),
            parameter("kind", Location::Query),
            parameter("X-Team", Location::Header),
            parameter("gone", Location::Path),
        ],
        ..Contract::default()
    };
    let reserved = Reserved {
        headers: vec![String::from("ocp-apim-subscription-key")],
        query: vec![String::from("Api-Version")],
    };
    let template = Template::parse("/a?kind=book").unwrap();
    let input = input(&contract, &template, &reserved).unwrap();
    let keys: Vec<&String> = input.schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(keys, ["X-Team"]);
}

#[test]
fn all_of_is_merged_and_definitions_are_pruned() {
    let contract = Contract {
        body: Some(json_body(json!({"allOf": [{"$ref": "#/$defs/Base"}, {"properties": {"b": {"$ref": "#/$defs/Used"}}, "required": ["b"]}]}))),
        definitions: json!({
            "Base": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": {"type": "string"}},
            "Used": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Used"}}},
            "Unused": {"type": "string"}
        })
        .as_object()
        .unwrap()
        .clone(),
        ..Contract::default()
    };
    let input = input(
        &contract,
        &Template::parse("/a").unwrap(),
        &Reserved::default(),
    )
    .unwrap();
    assert_eq!(
        input.schema,
        json!({
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"$ref": "#/$defs/Used"}},
            "required": ["a", "b"],
            "additionalProperties": {"type": "string"},
            "$defs": {"Used": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Used"}}}}
        })
    );
    assert!(input.extras);
    let choice = Contract {
        body: Some(json_body(
            json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}),
        )),
        ..Contract::default()
    };
    assert_eq!(names(&choice, "/a"), ["body"]);
}

#[test]
fn nothing_to_say_is_an_empty_object() {
    let input = input(
        &Contract::default(),
        &Template::parse("/a").unwrap(),
        &Reserved::default(),
    )
    .unwrap();
    assert_eq!(
        input.schema,
        json!({"type": "object", "additionalProperties": false})
    );
}
