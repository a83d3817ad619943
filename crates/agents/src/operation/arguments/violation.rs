//! What is wrong with a value, in the words of Json.NET Schema, which API Management validates with.
//!
//! The validation policies tell callers so. What must stay true: as many as [`MOST`], each bounded and in one line;
//! `allOf` and references are passed through to what failed in them, alternatives are not.

use super::super::text;
use boon::{ErrorKind, InstanceToken, Type, ValidationError};
use serde_json::Value;
use std::fmt::Display;

/// Most violations that are told.
pub const MOST: usize = 16;
/// Longest text of one, in bytes.
const LONGEST: usize = 500;

/// A place in a value: the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a property.
    Property(String),
    /// Into an item.
    Item(usize),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub location: Vec<Step>,
    /// Whether it is the property's name at this place that is wrong, not its value.
    pub name: bool,
    /// What, as a sentence.
    pub message: String,
}

/// All of an error.
pub(super) fn of(error: &ValidationError<'_, '_>, value: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    collect(error, value, &mut found);
    found.truncate(MOST);
    found
}

fn collect(error: &ValidationError<'_, '_>, root: &Value, into: &mut Vec<Violation>) {
    if into.len() >= MOST {
        return;
    }
    let location = || -> Vec<Step> {
        let tokens = error.instance_location.tokens.iter();
        tokens
            .map(|token| match token {
                InstanceToken::Prop(name) => Step::Property(name.clone().into_owned()),
                InstanceToken::Item(at) => Step::Item(*at),
            })
            .collect()
    };
    let mut tell = |location: Vec<Step>, name: bool, message: String| {
        into.push(Violation {
            location,
            name,
            message: text::clean(&message, LONGEST),
        });
    };
    let undefined = |name: &str| {
        format!(
            "Property '{name}' has not been defined and the schema does not allow additional properties."
        )
    };
    let message = match &error.kind {
        ErrorKind::AdditionalProperties { got } => {
            for name in got {
                let mut location = location();
                location.push(Step::Property(name.clone().into_owned()));
                tell(location, true, undefined(name));
            }
            return;
        }
        ErrorKind::FalseSchema => match error.instance_location.tokens.last() {
            Some(InstanceToken::Prop(name)) => {
                tell(location(), true, undefined(name));
                return;
            }
            Some(InstanceToken::Item(at)) => format!(
                "Index {at} has not been defined and the schema does not allow additional items."
            ),
            None => String::from("Schema always fails validation."),
        },
        kind => match own(kind, || at(root, &error.instance_location.tokens)) {
            Some(message) => message,
            None => {
                error.causes.iter().for_each(|c| collect(c, root, into));
                return;
            }
        },
    };
    tell(location(), false, message);
}

/// The value at a place.
fn at<'v>(root: &'v Value, tokens: &[InstanceToken<'_>]) -> &'v Value {
    let mut value = root;
    for token in tokens {
        let next = match token {
            InstanceToken::Prop(name) => value.get(name.as_ref()),
            InstanceToken::Item(at) => value.get(*at),
        };
        let Some(next) = next else {
            return &Value::Null;
        };
        value = next;
    }
    value
}

/// The sentence of an error that is one itself; `None`: its causes are.
fn own<'v>(kind: &ErrorKind<'_, '_>, value: impl Fn() -> &'v Value) -> Option<String> {
    let join = |names: &[&str]| names.join(", ");
    let string = || value().as_str().unwrap_or_default().to_owned();
    let number = |got: &dyn Display| {
        let text = got.to_string();
        let kind = if text.contains(['.', 'e', 'E']) {
            "Float"
        } else {
            "Integer"
        };
        format!("{kind} {text}")
    };
    Some(match kind {
        ErrorKind::Type { want, .. } => {
            let wanted: Vec<&str> = want.iter().map(name).collect();
            let got = match value() {
                Value::Number(n) if n.is_i64() || n.is_u64() => "Integer",
                Value::Number(_) => "Number",
                Value::Null => "Null",
                Value::Bool(_) => "Boolean",
                Value::String(_) => "String",
                Value::Array(_) => "Array",
                Value::Object(_) => "Object",
            };
            format!("Invalid type. Expected {} but got {got}.", join(&wanted))
        }
        ErrorKind::Enum { .. } => format!("Value {} is not defined in enum.", value()),
        ErrorKind::Const { .. } => format!("Value {} does not match const.", value()),
        ErrorKind::Format { want, .. } => {
            format!(
                "String '{}' does not validate against format '{want}'.",
                string()
            )
        }
        ErrorKind::MinProperties { got, want } => {
            format!("Object property count {got} is less than minimum count of {want}.")
        }
        ErrorKind::MaxProperties { got, want } => {
            format!("Object property count {got} exceeds maximum count of {want}.")
        }
        ErrorKind::PropertyName { prop } => {
            format!("Property name '{prop}' does not match schema.")
        }
        ErrorKind::Required { want } => {
            format!(
                "Required properties are missing from object: {}.",
                join(want)
            )
        }
        ErrorKind::Dependency { prop, missing }
        | ErrorKind::DependentRequired { prop, missing } => {
            format!(
                "Dependencies for property '{prop}' failed. Missing required keys: {}.",
                join(missing)
            )
        }
        ErrorKind::MinItems { got, want } => {
            format!("Array item count {got} is less than minimum count of {want}.")
        }
        ErrorKind::MaxItems { got, want } => {
            format!("Array item count {got} exceeds maximum count of {want}.")
        }
        ErrorKind::Contains => String::from("No items match contains."),
        ErrorKind::MinContains { got, want } => format!(
            "Contains match count {} is less than minimum contains count of {want}.",
            got.len()
        ),
        ErrorKind::MaxContains { got, want } => format!(
            "Contains match count {} exceeds maximum contains count of {want}.",
            got.len()
        ),
        ErrorKind::UniqueItems { got: [_, second] } => {
            format!("Non-unique array item at index {second}.")
        }
        ErrorKind::AdditionalItems { .. } => {
            String::from("The schema does not allow additional items.")
        }
        ErrorKind::MinLength { want, .. } => {
            format!(
                "String '{}' is less than minimum length of {want}.",
                string()
            )
        }
        ErrorKind::MaxLength { want, .. } => {
            format!("String '{}' exceeds maximum length of {want}.", string())
        }
        ErrorKind::Pattern { want, .. } => {
            format!(
                "String '{}' does not match regex pattern '{want}'.",
                string()
            )
        }
        ErrorKind::Minimum { got, want } => {
            format!("{} is less than minimum value of {want}.", number(got))
        }
        ErrorKind::Maximum { got, want } => {
            format!("{} exceeds maximum value of {want}.", number(got))
        }
        ErrorKind::ExclusiveMinimum { got, want } => bound(&number(got), got, want, "minimum"),
        ErrorKind::ExclusiveMaximum { got, want } => bound(&number(got), got, want, "maximum"),
        ErrorKind::MultipleOf { got, want } => {
            format!("{} is not a multiple of {want}.", number(got))
        }
        ErrorKind::Not => String::from("JSON is valid against schema from 'not'."),
        ErrorKind::AnyOf => String::from("JSON does not match any schemas from 'anyOf'."),
        ErrorKind::OneOf(None) => String::from("JSON is valid against no schemas from 'oneOf'."),
        ErrorKind::OneOf(Some((first, second))) => format!(
            "JSON is valid against more than one schema from 'oneOf'. Valid schema indexes: {first}, {second}."
        ),
        ErrorKind::RefCycle { .. } => String::from("The schema refers to itself without end."),
        ErrorKind::ContentEncoding { want, .. } => {
            format!(
                "String '{}' does not validate against content encoding '{want}'.",
                string()
            )
        }
        ErrorKind::ContentMediaType { want, .. } => {
            format!("String does not validate against media type '{want}'.")
        }
        ErrorKind::Group
        | ErrorKind::Schema { .. }
        | ErrorKind::Reference { .. }
        | ErrorKind::ContentSchema
        | ErrorKind::AllOf
        | ErrorKind::AdditionalProperties { .. }
        | ErrorKind::FalseSchema => return None,
    })
}

fn bound(number: &str, got: &dyn Display, want: &dyn Display, which: &str) -> String {
    if got.to_string() == want.to_string() {
        return format!("{number} equals {which} value of {want} and exclusive {which} is true.");
    }
    let verb = if which == "minimum" {
        "is less than"
    } else {
        "exceeds"
    };
    format!("{number} {verb} {which} value of {want}.")
}

fn name(kind: Type) -> &'static str {
    match kind {
        Type::Null => "Null",
        Type::Boolean => "Boolean",
        Type::Number => "Number",
        Type::Integer => "Integer",
        Type::String => "String",
        Type::Array => "Array",
        Type::Object => "Object",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Validators;
    use super::*;
    use serde_json::json;

    fn told(schema: &Value, value: &Value) -> Vec<String> {
        let mut validators = Validators::default();
        let (validator, whole) = validators.add_for_messages(schema).unwrap();
        assert!(whole);
        let violations = validators.violations(validator, value);
        violations
            .into_iter()
            .map(|v| {
                let way: String = v
                    .location
                    .iter()
                    .map(|s| match s {
                        Step::Property(name) => format!("/{name}"),
                        Step::Item(at) => format!("/{at}"),
                    })
                    .collect();
                format!("{way}{} {}", if v.name { "!" } else { "" }, v.message)
            })
            .collect()
    }

    #[test]
    fn every_keyword_has_its_sentence() {
        for (schema, value, expected) in [
            (
                json!({"type": ["string", "null"]}),
                json!(1),
                " Invalid type. Expected Null, String but got Integer.",
            ),
            (
                json!({"enum": ["a"]}),
                json!("b"),
                " Value \"b\" is not defined in enum.",
            ),
            (
                json!({"const": 1}),
                json!({"a": 1}),
                " Value {\"a\":1} does not match const.",
            ),
            (
                json!({"format": "date-time"}),
                json!("x"),
                " String 'x' does not validate against format 'date-time'.",
            ),
            (
                json!({"format": "uuid"}),
                json!("x"),
                " String 'x' does not validate against format 'uuid'.",
            ),
            (
                json!({"minProperties": 1}),
                json!({}),
                " Object property count 0 is less than minimum count of 1.",
            ),
            (
                json!({"maxProperties": 0}),
                json!({"a": 1}),
                " Object property count 1 exceeds maximum count of 0.",
            ),
            (
                json!({"required": ["a", "b"]}),
                json!({}),
                " Required properties are missing from object: a, b.",
            ),
            (
                json!({"properties": {"a": {"additionalProperties": false}}}),
                json!({"a": {"x": 1}}),
                "/a/x! Property 'x' has not been defined and the schema does not allow additional properties.",
            ),
            (
                json!({"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}),
                json!({"a": 1, "b": 2}),
                "/b! Property 'b' has not been defined and the schema does not allow additional properties.",
            ),
            (
                json!({"dependentRequired": {"a": ["b"]}}),
                json!({"a": 1}),
                " Dependencies for property 'a' failed. Missing required keys: b.",
            ),
            (
                json!({"minItems": 1}),
                json!([]),
                " Array item count 0 is less than minimum count of 1.",
            ),
            (
                json!({"items": {"maxItems": 1}}),
                json!([[1, 2]]),
                "/0 Array item count 2 exceeds maximum count of 1.",
            ),
            (
                json!({"uniqueItems": true}),
                json!([1, 2, 1]),
                " Non-unique array item at index 2.",
            ),
            (
                json!({"contains": {"const": 1}}),
                json!([2]),
                " No items match contains.",
            ),
            (
                json!({"minLength": 2}),
                json!("x"),
                " String 'x' is less than minimum length of 2.",
            ),
            (
                json!({"maxLength": 1}),
                json!("xy"),
                " String 'xy' exceeds maximum length of 1.",
            ),
            (
                json!({"pattern": "^a"}),
                json!("b"),
                " String 'b' does not match regex pattern '^a'.",
            ),
            (
                json!({"minimum": 5}),
                json!(3),
                " Integer 3 is less than minimum value of 5.",
            ),
            (
                json!({"maximum": 5}),
                json!(5.5),
                " Float 5.5 exceeds maximum value of 5.",
            ),
            (
                json!({"exclusiveMaximum": 5}),
                json!(5),
                " Integer 5 equals maximum value of 5 and exclusive maximum is true.",
            ),
            (
                json!({"exclusiveMinimum": 5}),
                json!(4),
                " Integer 4 is less than minimum value of 5.",
            ),
            (
                json!({"multipleOf": 2}),
                json!(7),
                " Integer 7 is not a multiple of 2.",
            ),
            (
                json!({"not": {}}),
                json!(1),
                " JSON is valid against schema from 'not'.",
            ),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
                json!(1),
                " JSON does not match any schemas from 'anyOf'.",
            ),
            (
                json!({"oneOf": [{"type": "string"}, {"type": "null"}]}),
                json!(1),
                " JSON is valid against no schemas from 'oneOf'.",
            ),
            (
                json!({"oneOf": [{}, {}]}),
                json!(1),
                " JSON is valid against more than one schema from 'oneOf'. Valid schema indexes: 0, 1.",
            ),
            (
                json!({"allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "string"}}}),
                json!(1),
                " Invalid type. Expected String but got Integer.",
            ),
        ] {
            assert_eq!(told(&schema, &value), [expected], "{schema}");
        }
    }

    #[test]
    fn as_many_as_are_told() {
        let many: serde_json::Map<String, Value> =
            (0..100).map(|n| (n.to_string(), json!(n))).collect();
        let schema = json!({"additionalProperties": false});
        assert_eq!(told(&schema, &Value::Object(many.clone())).len(), MOST);
        let schema = json!({"additionalProperties": {"type": "string"}});
        assert_eq!(told(&schema, &Value::Object(many)).len(), MOST);
        assert!(told(&schema, &json!({"a": "b"})).is_empty());
    }
}
