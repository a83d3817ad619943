//! Bodies and their schemas, as `validate-content` holds one to the other.
//!
//! What must stay true: for each way in which the documents of the operation want its bodies held to their schemas there
//! is a compiled one ([`BodyRules`]), found by comparing three small values.

use super::Place;
use super::xml_schema::XmlSchema;
use serde_json::{Map, Value};
use std::sync::Arc;
use tollgate_agents::operation::arguments::{IN_PLACE, Validator, Validators};
use tollgate_agents::operation::{self as operation, BodySchema};
use tollgate_lang::value::Str;

/// In which way bodies are held to a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyRules {
    /// `allow-additional-properties`; none: as the schema says.
    pub additional: Option<bool>,
    /// `case-insensitive-property-names`.
    pub ignore_case: bool,
    /// `validate-as="soap"`: the content of the envelope.
    pub soap: bool,
}

/// A body of one content type.
#[derive(Debug)]
pub struct Representation {
    /// The content type without parameters, in lower case.
    pub essence: Str,
    /// What its schema is called, for messages.
    pub definition: Str,
    /// The compiled schema, for each of the ways in use.
    pub validations: Vec<(BodyRules, Validation)>,
}

/// What a body is held to.
#[derive(Clone, Debug)]
pub enum Validation {
    /// Nothing is declared.
    None,
    /// The schema that was named does not exist.
    Missing,
    /// JSON Schema.
    Json {
        /// The schema.
        validator: Validator,
        /// Whether names of properties are told apart by their letters only.
        ignore_case: bool,
    },
    /// XML Schema.
    Xml {
        /// The schema.
        schema: Arc<dyn XmlSchema>,
        /// Whether the document is an envelope.
        soap: bool,
    },
    /// It cannot be used; why.
    Broken(String),
}

impl Representation {
    pub(super) fn build(
        declared: &operation::Representation,
        definitions: &Map<String, Value>,
        rules: &[BodyRules],
        validators: &mut Validators,
        place: &mut Place<'_>,
    ) -> Representation {
        let mut validations = Vec::new();
        for rules in rules {
            let validation = match &declared.schema {
                None => Validation::None,
                Some(BodySchema::Missing) => Validation::Missing,
                Some(BodySchema::Json(schema)) => {
                    let whole = with_definitions(schema, definitions);
                    json_validation(&whole, *rules, validators, place)
                }
                Some(BodySchema::Xml(text)) => {
                    let schemas = place.schemas.clone();
                    match schemas.xml(text, rules.soap) {
                        Ok(validation) => validation,
                        Err(why) => {
                            place.warn(&format!(
                                "the schema of its `{}` {why}",
                                declared.content_type
                            ));
                            Validation::Broken(why)
                        }
                    }
                }
            };
            validations.push((*rules, validation));
        }
        Representation {
            essence: operation::contract::essence(&declared.content_type).into(),
            definition: declared.definition.as_str().into(),
            validations,
        }
    }

    /// What a body is held to in this way.
    pub fn validation(&self, rules: BodyRules) -> &Validation {
        let found = self.validations.iter().find(|(r, _)| *r == rules);
        found.map_or(&Validation::None, |(_, validation)| validation)
    }

    /// Whether a body of this content type (without parameters, in lower case) is one of these.
    pub fn takes(&self, essence: &str) -> bool {
        match self.essence.strip_suffix("/*") {
            Some("*") => true,
            Some(kind) => essence.split('/').next() == Some(kind),
            None => *self.essence == *essence,
        }
    }
}

/// Compiles a JSON schema. One that cannot be compiled is a warning, and its bodies are refused.
pub(crate) fn json_validation(
    schema: &Value,
    rules: BodyRules,
    validators: &mut Validators,
    place: &mut Place<'_>,
) -> Validation {
    let mut schema = schema.clone();
    if let Some(allow) = rules.additional {
        additional(&mut schema, allow, true);
    }
    if rules.ignore_case {
        lower(&mut schema);
    }
    match validators.add_for_messages(&schema) {
        Ok((validator, whole)) => {
            if !whole {
                place.warn("a `pattern` of a schema is not one that can be checked, so no pattern of that schema is");
            }
            Validation::Json {
                validator,
                ignore_case: rules.ignore_case,
            }
        }
        Err(why) => {
            place.warn(&format!("a schema cannot be used: {why}"));
            Validation::Broken(why)
        }
    }
}

/// A schema together with those definitions that it may refer to.
pub(crate) fn with_definitions(schema: &Value, definitions: &Map<String, Value>) -> Value {
    let used = operation::input::reachable(schema, definitions);
    let mut schema = schema.clone();
    if let (false, Value::Object(schema)) = (used.is_empty(), &mut schema) {
        schema.insert(String::from("$defs"), Value::Object(used));
    }
    schema
}

/// Allows or forbids properties that a schema does not name, in it and in all that are inside. `outer`: it is not a part
/// of another schema of the same value, which would see its properties as additional ones.
fn additional(schema: &mut Value, allow: bool, outer: bool) {
    let Value::Object(members) = schema else {
        return;
    };
    if allow {
        for keyword in ["additionalProperties", "unevaluatedProperties"] {
            if members.get(keyword) == Some(&Value::Bool(false)) {
                members.shift_remove(keyword);
            }
        }
    } else if outer && of_objects(members) {
        members.shift_remove("additionalProperties");
        members.insert(String::from("unevaluatedProperties"), Value::Bool(false));
    } else {
        members.shift_remove("additionalProperties");
    }
    for (keyword, value) in members.iter_mut() {
        let outer = !IN_PLACE.contains(&keyword.as_str());
        match keyword.as_str() {
            "properties" | "patternProperties" | "dependentSchemas" => {
                for inner in value.as_object_mut().into_iter().flatten() {
                    additional(inner.1, allow, outer);
                }
            }
            // A definition is a part of what refers to it, which forbids for both.
            "$defs" => {
                for inner in value.as_object_mut().into_iter().flatten() {
                    additional(inner.1, allow, false);
                }
            }
            "enum" | "const" | "default" | "examples" | "required" => {}
            _ => match value {
                Value::Object(_) => additional(value, allow, outer),
                Value::Array(several) => {
                    for inner in several {
                        additional(inner, allow, outer);
                    }
                }
                _ => {}
            },
        }
    }
}

/// Whether a schema says something of objects.
fn of_objects(members: &Map<String, Value>) -> bool {
    let object = |kind: &Value| kind == "object";
    let kind = members.get("type").is_some_and(|kind| match kind {
        Value::Array(several) => several.iter().any(object),
        one => object(one),
    });
    let says = [
        "properties",
        "patternProperties",
        "additionalProperties",
        "required",
        "$ref",
        "allOf",
        "anyOf",
        "oneOf",
    ];
    kind || says.iter().any(|k| members.contains_key(*k))
}

/// Writes the names of properties in lower case.
fn lower(schema: &mut Value) {
    let Value::Object(members) = schema else {
        return;
    };
    for (keyword, value) in members.iter_mut() {
        match keyword.as_str() {
            "properties" | "dependentSchemas" => {
                lower_keys(value);
                for inner in value.as_object_mut().into_iter().flatten() {
                    lower(inner.1);
                }
            }
            "patternProperties" | "$defs" => {
                for inner in value.as_object_mut().into_iter().flatten() {
                    lower(inner.1);
                }
            }
            "required" => lower_names(value),
            "dependentRequired" => {
                lower_keys(value);
                for names in value.as_object_mut().into_iter().flatten() {
                    lower_names(names.1);
                }
            }
            "enum" | "const" | "default" | "examples" => {}
            _ => match value {
                Value::Object(_) => lower(value),
                Value::Array(several) => several.iter_mut().for_each(lower),
                _ => {}
            },
        }
    }
}

fn lower_names(names: &mut Value) {
    for name in names.as_array_mut().into_iter().flatten() {
        if let Value::String(name) = name {
            *name = name.to_lowercase();
        }
    }
}

/// Of two names that become one the first stays.
fn lower_keys(value: &mut Value) {
    if let Value::Object(members) = value {
        let mut lowered = Map::new();
        for (name, value) in std::mem::take(members) {
            lowered.entry(name.to_lowercase()).or_insert(value);
        }
        *members = lowered;
    }
}

/// A value with all names of properties in lower case. `None`: two names of an object differ in nothing else.
pub(crate) fn lowered(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Object(members) => {
            let mut lowered = Map::new();
            for (name, value) in members {
                let before = lowered.insert(name.to_lowercase(), self::lowered(value)?);
                if before.is_some() {
                    return None;
                }
            }
            Value::Object(lowered)
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(self::lowered).collect::<Option<_>>()?)
        }
        plain => plain.clone(),
    })
}

#[cfg(test)]
mod tests;
