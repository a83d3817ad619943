//! What an operation takes and gives, and schemas: `operations/{id}` and `schemas/{id}` of API Management.
//!
//! What must stay true: names are those of its resources; with a specification, what stands here comes over what the
//! specification says of the same parameter, content type or status.

use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A parameter, or a header.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    pub name: At<String>,
    /// Its type, as JSON Schema names it: `string`, `integer`, `number`, `boolean`, `array` or `object`. Default:
    /// `string`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Whether it must be there. Default: false; a parameter of the path always must.
    #[serde(default)]
    pub required: bool,
    /// The values that it may have; none: any.
    #[serde(default)]
    pub values: Vec<String>,
    /// What stands in its place. Not used by the gateway.
    pub default_value: Option<Value>,
    /// What it means. Not used by the gateway.
    pub description: Option<String>,
    /// Its schema: an id of the API's `schemas`, else of `schemas`.
    pub schema_id: Option<At<String>>,
    /// The schema's name in that document; none: all of it.
    pub type_name: Option<String>,
    /// Values by name. Not used by the gateway.
    pub examples: Option<Value>,
}

/// What a request takes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// What it is. Not used by the gateway.
    pub description: Option<String>,
    /// Parameters in the query.
    #[serde(default)]
    pub query_parameters: Vec<At<Parameter>>,
    /// Headers.
    #[serde(default)]
    pub headers: Vec<At<Parameter>>,
    /// Bodies, one for each content type.
    #[serde(default)]
    pub representations: Vec<At<Representation>>,
}

/// What an answer is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Response {
    /// Its status: a code as `200`, a range as `2XX`, or `default`.
    pub status_code: At<Value>,
    /// What it means. Not used by the gateway.
    pub description: Option<String>,
    /// Its headers.
    #[serde(default)]
    pub headers: Vec<At<Parameter>>,
    /// Its bodies, one for each content type.
    #[serde(default)]
    pub representations: Vec<At<Representation>>,
}

impl Response {
    /// Its status as text; `None`: it is none.
    pub fn status(&self) -> Option<String> {
        let text = match &self.status_code.value {
            Value::String(text) => text.trim().to_owned(),
            number => number.to_string(),
        };
        let bytes = text.as_bytes();
        let code = bytes.len() == 3
            && (b'1'..=b'9').contains(&bytes[0])
            && (bytes[1..].iter().all(u8::is_ascii_digit)
                || bytes[1..].eq_ignore_ascii_case(b"xx"));
        (code || text.eq_ignore_ascii_case("default")).then_some(text)
    }
}

/// A body of one content type.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Representation {
    /// `Content-Type`.
    pub content_type: At<String>,
    /// Its schema: an id of the API's `schemas`, else of `schemas`.
    pub schema_id: Option<At<String>>,
    /// The schema's name in that document; none: all of it.
    pub type_name: Option<String>,
    /// Bodies by name, each with a `value`: what `mock-response` answers.
    pub examples: Option<Value>,
    /// One body, as the older form of `examples`.
    pub sample: Option<String>,
    /// Fields of a form. Not used by the gateway.
    pub form_parameters: Option<Value>,
}

/// A schema.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schema {
    /// Its id.
    pub id: At<String>,
    /// Its language. Default: as its text looks.
    pub schema_type: Option<SchemaType>,
    /// Content type of the schema. Not used by the gateway.
    pub content_type: Option<String>,
    /// What it is. Not used by the gateway.
    pub description: Option<String>,
    /// The schema: the path of a file, or the text itself.
    pub value: Option<At<String>>,
    /// The schema, as an object: a JSON Schema, or one with `components` or `definitions`, or with its text as `value`.
    pub document: Option<Value>,
}

/// Languages of schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SchemaType {
    /// JSON Schema.
    Json,
    /// XML Schema.
    Xml,
}
