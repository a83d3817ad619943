//! The entry points with random pieces of what they read.

use arbtest::{arbitrary, arbtest};

fn pieces(u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    const PIECES: &[&str] = &[
        "apis:\n",
        "openapi: 3.1.0\n",
        "paths:\n",
        "  /a/{b}:\n",
        "    get:\n",
        "      operationId: é\n",
        "    post: {}\n",
        "  - id: a\n",
        "    path: b\n",
        "- ",
        ": ",
        "[",
        "]",
        "{",
        "}",
        "|\n",
        ">-\n",
        "&x ",
        "*x",
        "\n",
        "  ",
        "\"",
        "'",
        "gateway:\n",
        "  listen: 1\n",
        "  limits: { connections: -1 }\n",
        "null",
        "~",
        "1e999",
        "0x1F",
        "true",
        "\u{feff}",
        "é",
        "\t",
        "#",
        "---\n",
        "...\n",
        "!!binary ",
        "<<: *x\n",
        "? ",
        "%",
        "backends:\n",
        "x: &a [*a]\n",
        "\r",
        "\0",
    ];
    let mut data = Vec::new();
    for _ in 0..u.int_in_range(0..=24)? {
        if u.ratio(1, 12)? {
            data.push(u.arbitrary()?);
        } else {
            data.extend_from_slice(u.choose(PIECES)?.as_bytes());
        }
    }
    Ok(data)
}

#[test]
fn any_configuration_is_read() {
    arbtest(|u| {
        super::configuration(&pieces(u)?);
        Ok(())
    });
}

#[test]
fn any_openapi_document_is_read() {
    arbtest(|u| {
        super::openapi_document(&pieces(u)?);
        Ok(())
    });
}

/// A value of the vocabulary of specifications, right and wrong.
fn value(u: &mut arbitrary::Unstructured<'_>, left: u32) -> arbitrary::Result<serde_json::Value> {
    use serde_json::{Value, json};
    const NAMES: &[&str] = &[
        "type",
        "properties",
        "items",
        "required",
        "$ref",
        "allOf",
        "oneOf",
        "anyOf",
        "not",
        "enum",
        "nullable",
        "readOnly",
        "writeOnly",
        "exclusiveMinimum",
        "minimum",
        "maxLength",
        "pattern",
        "format",
        "default",
        "example",
        "additionalProperties",
        "const",
        "x-mcp-header",
        "a",
        "b",
        "schema",
        "name",
        "in",
        "description",
        "content",
        "application/json",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "parameters",
        "requestBody",
        "style",
        "explode",
        "collectionFormat",
        "encoding",
        "200",
        "responses",
        "$defs",
        "contentMediaType",
    ];
    const TEXTS: &[&str] = &[
        "object",
        "string",
        "integer",
        "array",
        "null",
        "file",
        "path",
        "query",
        "header",
        "body",
        "formData",
        "a",
        "b",
        "#/components/schemas/A",
        "#/components/schemas/B",
        "#/definitions/A",
        "#",
        "#/paths",
        "http://x/y",
        "(?=x)",
        "[",
        "binary",
        "deepObject",
        "label",
        "pipeDelimited",
        "multi",
        "tsv",
        "Region",
        "",
    ];
    Ok(match u.int_in_range(0..=if left == 0 { 3 } else { 6 })? {
        0 => json!(u.arbitrary::<bool>()?),
        1 => json!(u.arbitrary::<i16>()?),
        2 | 3 => json!(u.choose(TEXTS)?),
        4 => {
            let count = u.int_in_range(0..=3)?;
            Value::Array(
                (0..count)
                    .map(|_| value(u, left - 1))
                    .collect::<arbitrary::Result<_>>()?,
            )
        }
        _ => {
            let mut members = serde_json::Map::new();
            for _ in 0..u.int_in_range(0..=5)? {
                members.insert((*u.choose(NAMES)?).to_owned(), value(u, left - 1)?);
            }
            Value::Object(members)
        }
    })
}

#[test]
fn any_contract_becomes_a_tool_or_says_why() {
    use serde_json::json;
    arbtest(|u| {
        let parameter = |u: &mut arbitrary::Unstructured<'_>| {
            let mut parameter = value(u, 3)?;
            if !parameter.is_object() {
                parameter = json!({});
            }
            parameter["name"] = json!(u.choose(&["a", "b", "id"])?);
            parameter["in"] = json!(u.choose(&["path", "query", "header", "body", "formData"])?);
            Ok(parameter)
        };
        let parameters = (0..u.int_in_range(0..=3)?)
            .map(|_| parameter(u))
            .collect::<arbitrary::Result<Vec<_>>>()?;
        let kind = *u.choose(&[
            "application/json",
            "multipart/form-data",
            "text/csv",
            "application/x-www-form-urlencoded",
        ])?;
        let mut document = json!({
            "paths": { "/x/{id}": { "post": {
                "operationId": "x",
                "parameters": parameters,
                "requestBody": { "required": u.arbitrary::<bool>()?, "content": { kind: { "schema": value(u, 4)? } } },
                "responses": { "200": { "content": { "application/json": { "schema": value(u, 4)? } }, "schema": value(u, 2)? } }
            } } },
            "components": { "schemas": { "A": value(u, 4)?, "B": value(u, 4)? } },
            "definitions": { "A": value(u, 3)? }
        });
        match u.int_in_range(0..=2)? {
            0 => document["swagger"] = json!("2.0"),
            1 => document["openapi"] = json!("3.0.3"),
            _ => document["openapi"] = json!("3.1.0"),
        }
        super::openapi_document(document.to_string().as_bytes());
        Ok(())
    });
}
