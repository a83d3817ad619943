//! The styles of OpenAPI 3.1, section 4.8.12.4, read back.

use super::*;
use crate::contract::schema::Schemas;
use serde_json::json;
use std::sync::Arc;
use tollgate_lang::Diagnostics;

fn parameter(location: Location, style: Style, explode: bool, schema: Value) -> Parameter {
    let declared = operation::Parameter {
        name: String::from("c"),
        location,
        required: false,
        style,
        explode,
        allow_reserved: false,
        json: false,
        schema,
        description: None,
    };
    let mut diagnostics = Diagnostics::default();
    let mut place = Place {
        of: String::from("test"),
        span: None,
        diagnostics: &mut diagnostics,
        schemas: Arc::new(Schemas::default()),
    };
    Parameter::build(
        &declared,
        &Map::new(),
        &mut Validators::default(),
        &mut place,
    )
}

#[test]
fn styles_of_the_path_and_headers_are_read_back() {
    let array = json!({"type": "array", "items": {"type": "string"}});
    let object = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let colours = json!(["blue", "black", "brown"]);
    let rgb = json!({"R": 100, "G": 200, "B": 150});
    for (style, explode, schema, text, expected) in [
        (Style::Simple, false, &array, "blue,black,brown", &colours),
        (Style::Simple, false, &object, "R,100,G,200,B,150", &rgb),
        (Style::Simple, true, &object, "R=100,G=200,B=150", &rgb),
        (Style::Label, false, &array, ".blue,black,brown", &colours),
        (Style::Label, true, &array, ".blue.black.brown", &colours),
        (Style::Label, true, &object, ".R=100.G=200.B=150", &rgb),
        (
            Style::Matrix,
            false,
            &array,
            ";c=blue,black,brown",
            &colours,
        ),
        (
            Style::Matrix,
            true,
            &array,
            ";c=blue;c=black;c=brown",
            &colours,
        ),
        (Style::Matrix, false, &object, ";c=R,100,G,200,B,150", &rgb),
        (Style::Matrix, true, &object, ";R=100;G=200;B=150", &rgb),
        (
            Style::Matrix,
            false,
            &json!({"type": "integer"}),
            ";c=7",
            &json!(7),
        ),
        (
            Style::Label,
            false,
            &json!({"type": "integer"}),
            ".7",
            &json!(7),
        ),
    ] {
        let parameter = parameter(Location::Path, style, explode, schema.clone());
        assert_eq!(parameter.texts(&[text]).as_ref(), Ok(expected), "{text}");
    }
    let header = parameter(Location::Header, Style::Simple, false, array);
    assert_eq!(header.texts(&["a, b", "c"]), Ok(json!(["a", "b", "c"])));
    let header = parameter(
        Location::Header,
        Style::Simple,
        false,
        json!({"type": "string"}),
    );
    assert_eq!(header.texts(&["a", "b"]), Err(Wrong::Multiple));
}

#[test]
fn styles_of_the_query_are_read_back() {
    let array = json!({"type": "array", "items": {"type": "integer"}});
    let object = json!({"type": "object", "properties": {"R": {"type": "integer"}, "G": {"type": "boolean"}}});
    for (style, explode, schema, pairs, expected) in [
        (
            Style::Form,
            true,
            &array,
            &[("c", "1"), ("c", "2")][..],
            json!([1, 2]),
        ),
        (
            Style::Form,
            false,
            &array,
            &[("c", "1,2")][..],
            json!([1, 2]),
        ),
        (
            Style::Space,
            false,
            &array,
            &[("c", "1 2")][..],
            json!([1, 2]),
        ),
        (
            Style::Pipe,
            false,
            &array,
            &[("c", "1|2")][..],
            json!([1, 2]),
        ),
        (
            Style::Tab,
            false,
            &array,
            &[("c", "1\t2")][..],
            json!([1, 2]),
        ),
        (Style::Form, false, &array, &[("c", "")][..], json!([])),
        (
            Style::Form,
            true,
            &object,
            &[("R", "1"), ("G", "true")][..],
            json!({"R": 1, "G": true}),
        ),
        (
            Style::Form,
            false,
            &object,
            &[("c", "R,1,G,false")][..],
            json!({"R": 1, "G": false}),
        ),
        (
            Style::DeepObject,
            true,
            &object,
            &[("c[R]", "1"), ("c[x]", "y")][..],
            json!({"R": 1, "x": "y"}),
        ),
    ] {
        let parameter = parameter(Location::Query, style, explode, schema.clone());
        assert!(
            pairs.iter().all(|(name, _)| parameter.named(name)),
            "{pairs:?}"
        );
        assert_eq!(parameter.query(pairs), Ok(expected), "{pairs:?}");
    }
}

#[test]
fn what_is_of_another_type_is_told() {
    for (kind, text, expected) in [
        (
            json!("integer"),
            "1.5",
            Err("The text '1.5' is not of type integer."),
        ),
        (json!("integer"), "1.0", Ok(json!(1.0))),
        (
            json!("integer"),
            "0x1",
            Err("The text '0x1' is not of type integer."),
        ),
        (json!("number"), "1e3", Ok(json!(1e3))),
        (json!("boolean"), "TRUE", Ok(json!(true))),
        (
            json!("boolean"),
            "1",
            Err("The text '1' is not of type boolean."),
        ),
        (json!(["integer", "null"]), "", Ok(json!(null))),
        (
            json!(["integer", "boolean"]),
            "x",
            Err("The text 'x' is not of type integer or boolean."),
        ),
        (json!(["integer", "string"]), "x", Ok(json!("x"))),
        (json!(7), "x", Ok(json!("x"))),
    ] {
        let parameter = parameter(Location::Query, Style::Form, true, json!({ "type": kind }));
        let expected = expected.map_err(|why| Wrong::Unparsed(why.to_owned()));
        assert_eq!(parameter.query(&[("c", text)]), expected, "{text}");
    }
}
