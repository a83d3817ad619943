//! The arguments of a field, with variables and defaults in place (CoerceArgumentValues, 6.4.1 of the specification).
//!
//! What must stay true: the document is valid, so that literals fit their types; variables were coerced before.

use super::Execution;
use apollo_compiler::ast::{Type, Value};
use apollo_compiler::executable::Field;
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use serde_json::{Map, Number, Value as Json};

impl Execution<'_> {
    /// The error is for the caller.
    pub(super) fn arguments(
        &self,
        definition: &FieldDefinition,
        field: &Field,
    ) -> Result<Map<String, Json>, String> {
        let mut all = Map::new();
        for argument in &definition.arguments {
            let name = argument.name.as_str();
            let given = field.arguments.iter().find(|a| a.name == argument.name);
            let mut value = match given {
                Some(given) => self.value(&argument.ty, &given.value)?,
                None => None,
            };
            if let (None, Some(default)) = (&value, &argument.default_value) {
                value = self.value(&argument.ty, default)?;
            }
            match value {
                Some(Json::Null) | None if argument.ty.is_non_null() => {
                    return Err(format!("The argument `{name}` needs a value."));
                }
                Some(value) => {
                    all.insert(name.to_owned(), value);
                }
                None => {}
            }
        }
        Ok(all)
    }

    /// A value of a type; `None`: a variable without a value.
    fn value(&self, ty: &Type, value: &Value) -> Result<Option<Json>, String> {
        if let Value::Variable(name) = value {
            return Ok(self.variables.get(name.as_str()).cloned());
        }
        if value.is_null() {
            return Ok(Some(Json::Null));
        }
        match ty {
            Type::List(inner) | Type::NonNullList(inner) => {
                // One value stands for a list of it.
                let Value::List(items) = value else {
                    let one = self.value(inner, value)?;
                    return Ok(Some(Json::Array(one.into_iter().collect())));
                };
                let items = items.iter().map(|item| {
                    let item = self.value(inner, item)?.unwrap_or(Json::Null);
                    if item.is_null() && inner.is_non_null() {
                        return Err(String::from("An item of a list needs a value."));
                    }
                    Ok(item)
                });
                Ok(Some(Json::Array(items.collect::<Result<_, _>>()?)))
            }
            Type::Named(name) | Type::NonNullNamed(name) => {
                let types = &self.graphql.schema.types().types;
                let (Some(ExtendedType::InputObject(input)), Value::Object(given)) =
                    (types.get(name), value)
                else {
                    return literal(value, self).map(Some);
                };
                let mut object = Map::new();
                for (name, field) in &input.fields {
                    let given = given.iter().find(|(n, _)| n == name);
                    let mut value = match given {
                        Some((_, value)) => self.value(&field.ty, value)?,
                        None => None,
                    };
                    if let (None, Some(default)) = (&value, &field.default_value) {
                        value = self.value(&field.ty, default)?;
                    }
                    match value {
                        Some(Json::Null) | None if field.ty.is_non_null() => {
                            return Err(format!("The input field `{name}` needs a value."));
                        }
                        Some(value) => {
                            object.insert(name.to_string(), value);
                        }
                        None => {}
                    }
                }
                Ok(Some(Json::Object(object)))
            }
        }
    }
}

/// A scalar or an enum's word; of a scalar of the schema's own any value.
fn literal(value: &Value, of: &Execution<'_>) -> Result<Json, String> {
    let number = |text: &str| {
        let number = text.parse::<Number>();
        number
            .map(Json::Number)
            .map_err(|_| format!("The number {text} is too large."))
    };
    Ok(match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => Json::Bool(*value),
        Value::String(text) => Json::from(text.as_str()),
        Value::Enum(word) => Json::from(word.as_str()),
        Value::Int(text) => number(text.as_str())?,
        Value::Float(text) => number(text.as_str())?,
        Value::Variable(name) => {
            let value = of.variables.get(name.as_str());
            value.cloned().unwrap_or(Json::Null)
        }
        Value::List(items) => {
            let items = items.iter().map(|item| literal(item, of));
            Json::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| Ok((name.to_string(), literal(value, of)?)));
            Json::Object(fields.collect::<Result<_, String>>()?)
        }
    })
}
