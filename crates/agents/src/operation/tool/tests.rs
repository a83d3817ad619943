//! Whole tools: what is listed, what is refused, what is sent.

use super::*;
use crate::operation::contract::{BodyKind, Field, Location, Parameter, Style};

fn spec<'a>(contract: &'a Contract, method: &'a str, url_template: &'a str) -> ToolSpec<'a> {
    ToolSpec {
        name: "t",
        title: None,
        description: None,
        annotations: Annotations::default(),
        output_schema: false,
        method,
        url_template,
        contract,
        reserved: Reserved::default(),
    }
}

fn query(name: &str, schema: Value) -> Parameter {
    Parameter {
        name: name.to_owned(),
        location: Location::Query,
        required: false,
        style: Style::Form,
        explode: true,
        allow_reserved: false,
        json: false,
        schema,
        description: None,
    }
}

fn listed(spec: ToolSpec<'_>) -> Value {
    let mut set = ToolSet::default();
    let index = set.add(spec).unwrap();
    serde_json::from_str(set.tools()[index].json(true)).unwrap()
}

#[test]
fn the_list_tells_all() {
    let contract = Contract {
        summary: Some(String::from("Find\u{200b} orders")),
        description: Some(String::from("  Finds orders by text. ")),
        deprecated: true,
        ..Contract::default()
    };
    assert_eq!(
        listed(spec(&contract, "GET", "/orders/{id}")),
        json!({
            "name": "t",
            "title": "Find orders",
            "description": "Finds orders by text.\n\nDeprecated: prefer another tool if one fits.",
            "inputSchema": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"], "additionalProperties": false},
            "annotations": {"readOnlyHint": true, "openWorldHint": true}
        })
    );
    let configured = ToolSpec {
        title: Some("Orders"),
        description: Some("For the model."),
        annotations: Annotations {
            destructive: Some(false),
            ..Annotations::default()
        },
        ..spec(&contract, "DELETE", "/orders")
    };
    let found = listed(configured);
    assert_eq!(found["title"], "Orders");
    assert!(
        found["description"]
            .as_str()
            .unwrap()
            .starts_with("For the model.")
    );
    assert_eq!(
        found["annotations"],
        json!({"destructiveHint": false, "idempotentHint": true, "openWorldHint": true})
    );
}

#[test]
fn what_cannot_be_a_tool_says_why() {
    let mut set = ToolSet::default();
    let plain = Contract::default();
    for (method, template) in [
        ("*", "/a"),
        ("TRACE", "/a"),
        ("GET", "/a/*"),
        ("GET", "/a/{*}"),
    ] {
        assert!(
            set.add(spec(&plain, method, template)).is_err(),
            "{method} {template}"
        );
    }
    let form = Contract {
        body: Some(Body {
            media_type: String::from("multipart/form-data"),
            kind: BodyKind::Multipart,
            required: true,
            schema: json!({"type": "array"}),
            description: None,
            fields: Default::default(),
        }),
        ..Contract::default()
    };
    let refused = set.add(spec(&form, "POST", "/a")).unwrap_err();
    assert!(
        refused.why.contains("multipart/form-data"),
        "{}",
        refused.why
    );
    let huge = Contract {
        parameters: (0..2000)
            .map(|n| {
                query(
                    &format!("p{n}"),
                    json!({"type": "string", "description": "x".repeat(500)}),
                )
            })
            .collect(),
        ..Contract::default()
    };
    assert!(
        set.add(spec(&huge, "GET", "/a"))
            .unwrap_err()
            .why
            .contains("bytes")
    );
}

#[test]
fn output_schemas_are_opted_into_and_kept() {
    let contract = Contract {
        output: Some(
            json!({"type": "array", "items": {"$ref": "#/$defs/I"}, "$defs": {"I": {"type": "integer"}}}),
        ),
        ..Contract::default()
    };
    assert!(
        listed(spec(&contract, "GET", "/a"))
            .get("outputSchema")
            .is_none()
    );
    let mut set = ToolSet::default();
    set.add(ToolSpec {
        output_schema: true,
        ..spec(&contract, "GET", "/a")
    })
    .unwrap();
    let tool = &set.tools()[0];
    let legacy: Value = serde_json::from_str(tool.json(true)).unwrap();
    assert_eq!(
        legacy["outputSchema"],
        json!({"type": "object", "properties": {"result": {"type": "array", "items": {"$ref": "#/$defs/I"}}}, "required": ["result"], "$defs": {"I": {"type": "integer"}}})
    );
    let modern: Value = serde_json::from_str(tool.json(false)).unwrap();
    assert_eq!(modern["outputSchema"]["type"], "array");
    let answer = |body: &'static [u8]| HttpAnswer {
        status: 200,
        content_type: Some("application/json"),
        retry_after: None,
        body,
        from_backend: true,
    };
    assert!(!set.result(tool, answer(b"[1]")).is_error);
    assert!(set.result(tool, answer(b"[\"x\"]")).is_error);
    assert!(set.result(tool, answer(b"")).is_error);
}

#[test]
fn null_is_as_none_where_it_is_not_taken() {
    let contract = Contract {
        parameters: vec![
            query("a", json!({"type": "string"})),
            query("b", json!({"type": ["string", "null"]})),
        ],
        ..Contract::default()
    };
    let mut set = ToolSet::default();
    set.add(spec(&contract, "GET", "/x")).unwrap();
    let tool = &set.tools()[0];
    let arguments = json!({"a": null, "b": null});
    assert_eq!(set.check(tool, &arguments), Ok(()));
    let parts = tool.request(arguments.as_object().unwrap()).unwrap();
    assert_eq!(parts.query.as_deref(), Some("b="));
    assert!(
        set.check(tool, &json!({"a": 1}))
            .unwrap_err()
            .starts_with("Invalid arguments:\nat '/a'")
    );
}

#[test]
fn bodies_of_every_kind_are_written() {
    let sent = |kind, media_type: &str, schema: Value, arguments: Value| {
        let contract = Contract {
            body: Some(Body {
                media_type: media_type.to_owned(),
                kind,
                required: true,
                schema,
                description: None,
                fields: [(
                    String::from("csv"),
                    Field {
                        explode: false,
                        ..Field::default()
                    },
                )]
                .into(),
            }),
            ..Contract::default()
        };
        let mut set = ToolSet::default();
        set.add(spec(&contract, "POST", "/x")).unwrap();
        let tool = &set.tools()[0];
        set.check(tool, &arguments).unwrap();
        let (kind, body) = tool
            .request(arguments.as_object().unwrap())
            .unwrap()
            .body
            .unwrap();
        format!("{kind} {}", String::from_utf8_lossy(&body))
    };
    let object = json!({"type": "object", "properties": {"a": {}, "csv": {}}});
    assert_eq!(
        sent(
            BodyKind::Json,
            "application/json",
            object.clone(),
            json!({"a": {"b": 1}})
        ),
        "application/json {\"a\":{\"b\":1}}"
    );
    assert_eq!(
        sent(BodyKind::Json, "*/*", object.clone(), json!({})),
        "application/json {}"
    );
    assert_eq!(
        sent(
            BodyKind::Form,
            "application/x-www-form-urlencoded",
            object,
            json!({"a": {"b": "c d"}, "csv": [1, 2]})
        ),
        "application/x-www-form-urlencoded a=%7B%22b%22%3A%22c%20d%22%7D&csv=1,2"
    );
    assert_eq!(
        sent(
            BodyKind::Text,
            "text/plain",
            json!({}),
            json!({"body": "hi"})
        ),
        "text/plain hi"
    );
    assert_eq!(
        sent(
            BodyKind::Binary,
            "image/png",
            json!({}),
            json!({"body": "YWJj"})
        ),
        "image/png abc"
    );
    assert_eq!(
        sent(
            BodyKind::Json,
            "application/json",
            json!({"type": "array"}),
            json!({"body": [1]})
        ),
        "application/json [1]"
    );
}

/// Whatever a model writes: the request stays below the template, and sets no query parameter that is not its own.
#[test]
fn arguments_never_leave_their_places() {
    let contract = Contract {
        parameters: vec![
            query("q", json!({})),
            Parameter {
                style: Style::DeepObject,
                ..query("deep", json!({}))
            },
            Parameter {
                location: Location::Header,
                ..query("X-Note", json!({}))
            },
        ],
        ..Contract::default()
    };
    let mut set = ToolSet::default();
    set.add(ToolSpec {
        reserved: Reserved {
            headers: Vec::new(),
            query: vec![String::from("subscription-key")],
        },
        ..spec(&contract, "GET", "/base/{id}/end?fixed=1")
    })
    .unwrap();
    let tool = &set.tools()[0];
    arbtest::arbtest(|u| {
        let words = [
            "a",
            "/",
            "..",
            "%2f",
            "&",
            "=",
            "#",
            "?",
            "subscription-key",
            "Subscription-Key",
            "fixed",
            "\r\n",
            "http://evil/",
            "@",
            "\u{fc}",
            ";",
            "[",
            "]",
            "+",
            " ",
        ];
        fn value(
            u: &mut arbtest::arbitrary::Unstructured<'_>,
            words: &[&str],
            left: u32,
        ) -> arbtest::arbitrary::Result<Value> {
            Ok(match u.int_in_range(0..=if left == 0 { 1 } else { 3 })? {
                0 => {
                    let count = u.int_in_range(0..=3)?;
                    Value::String(
                        (0..count)
                            .map(|_| u.choose(words).copied())
                            .collect::<arbtest::arbitrary::Result<String>>()?,
                    )
                }
                1 => json!(u.arbitrary::<i32>()?),
                2 => Value::Array(
                    (0..u.int_in_range(0..=2)?)
                        .map(|_| value(u, words, left - 1))
                        .collect::<arbtest::arbitrary::Result<_>>()?,
                ),
                _ => {
                    let mut members = Map::new();
                    for _ in 0..u.int_in_range(0..=2)? {
                        let key = u.choose(words)?.to_string();
                        members.insert(key, value(u, words, left - 1)?);
                    }
                    Value::Object(members)
                }
            })
        }
        let mut arguments = Map::new();
        for name in ["id", "q", "deep", "X-Note"] {
            arguments.insert(name.to_owned(), value(u, &words, 2)?);
        }
        let Ok(parts) = tool.request(&arguments) else {
            return Ok(());
        };
        let segments: Vec<&str> = parts.path.split('/').collect();
        assert_eq!(segments.len(), 4, "{}", parts.path);
        assert_eq!((segments[1], segments[3]), ("base", "end"));
        assert!(!matches!(segments[2], "" | "." | ".."));
        let query = parts.query.unwrap_or_default();
        let uri: http::Uri = format!("{}?{query}", parts.path).parse().unwrap();
        assert!(uri.host().is_none() && uri.query() == Some(query.as_str()));
        let keys = query.split('&').map(|pair| {
            let key = pair.split('=').next().unwrap_or_default();
            percent_encoding::percent_decode_str(key)
                .decode_utf8_lossy()
                .to_lowercase()
        });
        let mut fixed = 0;
        for key in keys {
            assert_ne!(key, "subscription-key");
            fixed += u32::from(key == "fixed");
        }
        assert_eq!(fixed, 1, "{query}");
        for (_, value) in &parts.headers {
            assert!(
                value
                    .as_bytes()
                    .iter()
                    .all(|b| !matches!(b, b'\r' | b'\n' | 0))
            );
        }
        Ok(())
    });
}
