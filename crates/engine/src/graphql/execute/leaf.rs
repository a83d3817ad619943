//! Values of scalars and enums (result coercion, 3.5 of the specification).
//!
//! What must stay true: what a data source writes in another form of the same value (a number as a text, as XML has it)
//! is that value; nothing is rounded or cut.

use apollo_compiler::schema::ExtendedType;
use serde_json::{Number, Value as Json};

/// The value as its type has it; `None`: it does not fit.
pub(super) fn coerce(name: &str, definition: &ExtendedType, value: &Json) -> Option<Json> {
    if let ExtendedType::Enum(words) = definition {
        let word = value.as_str()?;
        return words.values.contains_key(word).then(|| value.clone());
    }
    match name {
        "Int" => int(value).map(Json::from),
        "Float" => match value {
            Json::Number(_) => Some(value.clone()),
            Json::String(text) => {
                let number = text.trim().parse::<f64>().ok()?;
                Number::from_f64(number).map(Json::Number)
            }
            _ => None,
        },
        "String" => text(value),
        "Boolean" => match value {
            Json::Bool(_) => Some(value.clone()),
            Json::String(text) => match text.trim() {
                "true" => Some(Json::Bool(true)),
                "false" => Some(Json::Bool(false)),
                _ => None,
            },
            _ => None,
        },
        "ID" => match value {
            Json::Number(number) if !number.is_f64() => Some(Json::from(number.to_string())),
            Json::String(_) => Some(value.clone()),
            _ => None,
        },
        // A scalar of the schema's own.
        _ => Some(value.clone()),
    }
}

fn text(value: &Json) -> Option<Json> {
    match value {
        Json::String(_) => Some(value.clone()),
        Json::Number(_) | Json::Bool(_) => Some(Json::from(value.to_string())),
        _ => None,
    }
}

fn int(value: &Json) -> Option<i32> {
    match value {
        Json::Number(number) => match number.as_i64() {
            Some(whole) => i32::try_from(whole).ok(),
            None => number.as_f64().and_then(whole),
        },
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A number without a fraction.
fn whole(number: f64) -> Option<i32> {
    let fits = number.fract() == 0.0 && number.abs() <= f64::from(i32::MAX);
    // It was seen to fit.
    #[allow(clippy::cast_possible_truncation)]
    fits.then_some(number as i32)
}

#[cfg(test)]
mod tests;
