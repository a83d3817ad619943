//! The messages that an operation of any version declares.
//!
//! What must stay true: nothing is chosen here: all content types and all statuses come out, in the document's order.

use super::contract::{declared, described, parameter};
use super::document::{Document, Version};
use super::schema::{Direction, Schemas};
use super::swagger;
use crate::operation::contract::{BodyKind, Location};
use crate::operation::messages::{BodySchema, DeclaredResponse, Messages, Representation};
use serde_json::Value;

/// Reads the messages of an operation, given with its path item; beside them what was left out, in words.
pub fn read(document: &Document, item: &Value, operation: &Value) -> (Messages, Vec<String>) {
    let mut input = Schemas::whole(document, Direction::Input);
    let mut messages = Messages::default();
    let declared = declared(document, item, operation, &mut input);
    if document.version == Version::V20 {
        swagger_request(document, operation, &declared, &mut input, &mut messages);
    } else {
        messages.parameters = declared
            .iter()
            .filter_map(|p| parameter(p, &mut input))
            .collect();
        let body = operation.get("requestBody").map(|b| document.resolve(b));
        match body {
            Some(Ok(body)) => {
                messages.request = representations(document, body.get("content"), &mut input);
            }
            Some(Err(why)) => input.note(why),
            None => {}
        }
    }
    let mut output = Schemas::whole(document, Direction::Output);
    let responses = operation.get("responses").and_then(Value::as_object);
    for (status, response) in responses.into_iter().flatten() {
        match document.resolve(response) {
            Ok(response) if !status.starts_with("x-") => messages.responses.push(self::response(
                document,
                operation,
                status,
                response,
                &mut output,
            )),
            Ok(_) => {}
            Err(why) => output.note(why),
        }
    }
    let (definitions, mut notes) = input.finish();
    messages.request_definitions = definitions;
    let (definitions, others) = output.finish();
    messages.response_definitions = definitions;
    for note in others {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    (messages, notes)
}

/// One schema of a document by a local reference (`#/components/schemas/address`), or all of it (`#`), with its `$defs`.
/// The error says why there is none.
pub fn definition(document: &Document, reference: &str) -> Result<Value, String> {
    let target = document.target(reference)?;
    if !target.is_object() && !target.is_boolean() {
        return Err(format!("`{reference}` is not a schema"));
    }
    let mut schemas = Schemas::whole(document, Direction::Input);
    let mut schema = schemas.convert(target);
    let (definitions, notes) = schemas.finish();
    if let Some(note) = notes.into_iter().next() {
        return Err(note);
    }
    if let (false, Value::Object(schema)) = (definitions.is_empty(), &mut schema) {
        schema.insert(String::from("$defs"), Value::Object(definitions));
    }
    Ok(schema)
}

/// The last part of a schema's reference: what messages call it.
fn name(schema: &Value) -> String {
    let reference = schema.get("$ref").and_then(Value::as_str);
    let last = reference.and_then(|r| r.rsplit('/').next());
    last.unwrap_or_default().to_owned()
}

fn representations(
    document: &Document,
    content: Option<&Value>,
    schemas: &mut Schemas<'_>,
) -> Vec<Representation> {
    let content = content.and_then(Value::as_object);
    content
        .into_iter()
        .flatten()
        .map(|(content_type, media)| {
            let schema = media.get("schema");
            representation(document, content_type, schema, schemas, |examples| {
                examples.extend(media.get("example").cloned());
                let named = media.get("examples").and_then(Value::as_object);
                for example in named.into_iter().flatten().map(|(_, e)| e) {
                    let example = document.resolve(example).ok();
                    examples.extend(example.and_then(|e| e.get("value")).cloned());
                }
            })
        })
        .collect()
}

fn representation(
    document: &Document,
    content_type: &str,
    schema: Option<&Value>,
    schemas: &mut Schemas<'_>,
    add_examples: impl FnOnce(&mut Vec<Value>),
) -> Representation {
    let mut examples = Vec::new();
    add_examples(&mut examples);
    if let (true, Some(schema)) = (examples.is_empty(), schema) {
        let schema = document.resolve(schema).unwrap_or(schema);
        examples.extend(schema.get("example").cloned());
    }
    Representation {
        content_type: content_type.to_owned(),
        definition: schema.map(name).unwrap_or_default(),
        schema: schema.map(|schema| BodySchema::Json(schemas.convert(schema))),
        examples,
    }
}

fn response(
    document: &Document,
    operation: &Value,
    status: &str,
    response: &Value,
    schemas: &mut Schemas<'_>,
) -> DeclaredResponse {
    let mut headers = Vec::new();
    let declared = response.get("headers").and_then(Value::as_object);
    let declared = declared.into_iter().flatten();
    for (name, header) in declared {
        match document.resolve(header) {
            Ok(header) if document.version == Version::V20 => {
                headers.push(swagger::described(name, Location::Header, header, schemas));
            }
            Ok(header) => headers.push(described(name, Location::Header, header, schemas)),
            Err(why) => schemas.note(why),
        }
    }
    let representations = if document.version == Version::V20 {
        swagger_answers(document, operation, response, schemas)
    } else {
        representations(document, response.get("content"), schemas)
    };
    DeclaredResponse {
        status: status.to_owned(),
        headers,
        representations,
    }
}

/// 2.0: one schema for all that the operation produces, examples by content type.
fn swagger_answers(
    document: &Document,
    operation: &Value,
    response: &Value,
    schemas: &mut Schemas<'_>,
) -> Vec<Representation> {
    let schema = response.get("schema");
    let examples = response.get("examples").and_then(Value::as_object);
    let mut types: Vec<&str> = examples
        .into_iter()
        .flatten()
        .map(|(content_type, _)| content_type.as_str())
        .collect();
    if schema.is_some() {
        for content_type in swagger::media_types(document, operation, "produces") {
            if !types.contains(&content_type) {
                types.push(content_type);
            }
        }
        if types.is_empty() {
            types.push("application/json");
        }
    }
    types
        .into_iter()
        .map(|content_type| {
            representation(document, content_type, schema, schemas, |found| {
                found.extend(examples.and_then(|e| e.get(content_type)).cloned());
            })
        })
        .collect()
}

/// 2.0: bodies and forms are parameters.
fn swagger_request(
    document: &Document,
    operation: &Value,
    declared: &[&Value],
    schemas: &mut Schemas<'_>,
    messages: &mut Messages,
) {
    let mut form = swagger::Form::default();
    for parameter in declared {
        let Some(name) = parameter.get("name").and_then(Value::as_str) else {
            continue;
        };
        match parameter.get("in").and_then(Value::as_str) {
            Some("body") => {
                let mut types = swagger::media_types(document, operation, "consumes");
                if types.is_empty() {
                    types.push("application/json");
                }
                let schema = parameter.get("schema");
                messages.request = types
                    .into_iter()
                    .map(|t| representation(document, t, schema, schemas, |_| ()))
                    .collect();
            }
            Some("formData") => form.add(name, parameter),
            _ => messages
                .parameters
                .extend(swagger::parameter(name, parameter, schemas)),
        }
    }
    if !form.properties.is_empty() {
        let mut types = swagger::media_types(document, operation, "consumes");
        types.retain(|t| matches!(BodyKind::of(t), Some(BodyKind::Form | BodyKind::Multipart)));
        let body = form.body(document, operation, schemas);
        if types.is_empty() {
            types.push(&body.media_type);
        }
        messages.request = types
            .into_iter()
            .map(|content_type| Representation {
                content_type: content_type.to_owned(),
                schema: Some(BodySchema::Json(body.schema.clone())),
                ..Representation::default()
            })
            .collect();
    }
}
