//! A tree as JSON, for what is passed on as data (schemas). Places are lost.

use super::parse::{Form, Kind, Node};
use serde_json::{Number, Value};

impl Node {
    /// The same as JSON. A whole number that JSON readers cannot hold becomes a fraction.
    pub(crate) fn json(&self) -> Value {
        match &self.kind {
            Kind::Absent => Value::Null,
            Kind::Scalar { text, form } => match form {
                Form::Null => Value::Null,
                Form::Bool(value) => Value::Bool(*value),
                Form::Integer(value) => {
                    Number::from_i128(*value).map_or(Value::Null, Value::Number)
                }
                Form::Float(value) => Number::from_f64(*value)
                    .map_or_else(|| Value::String(text.clone()), Value::Number),
                Form::Text => Value::String(text.clone()),
            },
            Kind::Sequence(items) => Value::Array(items.iter().map(Node::json).collect()),
            Kind::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.text.clone(), value.json()))
                    .collect(),
            ),
        }
    }
}
