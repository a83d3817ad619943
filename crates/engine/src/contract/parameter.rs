//! Parameters and headers: from their text to a value, and the value to its schema.
//!
//! Source of the styles: OpenAPI 3.1, section 4.8.12; of the sentences: API Management, "validation errors". What must
//! stay true: the text is untrusted: what is not of the declared type is told, never guessed.

use super::body::with_definitions;
use super::{Place, position};
use serde_json::{Map, Number, Value};
use tollgate_agents::operation::arguments::{Validator, Validators};
use tollgate_agents::operation::{self as operation, Location, Style};
use tollgate_lang::value::Str;

/// Most references in a row that are followed to a parameter's type.
const MOST_HOPS: usize = 8;

/// A parameter, or a header of an answer.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: Str,
    /// Where it stands.
    pub location: Location,
    /// Whether it must be there.
    pub required: bool,
    style: Style,
    explode: bool,
    json: bool,
    types: Types,
    /// Of the items of an array and of the members of an object that are not named.
    inner: Types,
    properties: Vec<(String, Types)>,
    validator: Result<Validator, String>,
}

/// What is wrong with a parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It stands there more than once and is no array.
    Multiple,
    /// It is not of the declared type; why.
    Unparsed(String),
    /// It does not conform to the schema: the sentences.
    Unfit(String),
    /// The schema cannot be used; why.
    Broken(String),
}

/// JSON types, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Types(u8);

impl Types {
    const NAMES: [&'static str; 7] = [
        "integer", "number", "boolean", "null", "string", "array", "object",
    ];

    fn of(schema: &Value, definitions: &Map<String, Value>) -> Types {
        let mut types = Types(0);
        let mut add = |name: &Value| {
            let at = Types::NAMES.iter().position(|n| name == n);
            types.0 |= at.map_or(0, |at| 1 << at);
        };
        match resolved(schema, definitions).get("type") {
            Some(Value::Array(several)) => several.iter().for_each(add),
            Some(one) => add(one),
            None => {}
        }
        types
    }

    fn has(self, name: &str) -> bool {
        Types::NAMES
            .iter()
            .position(|n| *n == name)
            .is_some_and(|at| self.0 & (1 << at) != 0)
    }

    /// A text as a value of one of these types.
    fn value(self, text: &str) -> Result<Value, String> {
        if self.0 == 0 {
            return Ok(Value::String(text.to_owned()));
        }
        if self.has("null") && text.is_empty() {
            return Ok(Value::Null);
        }
        if self.has("boolean")
            && let Some(value) = ["false", "true"]
                .iter()
                .position(|w| text.eq_ignore_ascii_case(w))
        {
            return Ok(Value::Bool(value == 1));
        }
        if (self.has("integer") || self.has("number"))
            && let Ok(number) = serde_json::from_str::<Number>(text)
            && (self.has("number") || number.as_f64().is_some_and(|n| n.fract() == 0.0))
        {
            return Ok(Value::Number(number));
        }
        if self.has("string") {
            return Ok(Value::String(text.to_owned()));
        }
        let names: Vec<&str> = Types::NAMES.into_iter().filter(|n| self.has(n)).collect();
        Err(format!(
            "The text '{text}' is not of type {}.",
            names.join(" or ")
        ))
    }
}

fn resolved<'s>(schema: &'s Value, definitions: &'s Map<String, Value>) -> &'s Value {
    let mut schema = schema;
    for _ in 0..MOST_HOPS {
        let name = schema.get("$ref").and_then(Value::as_str);
        match name.and_then(|r| definitions.get(r.strip_prefix("#/$defs/")?)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

impl Parameter {
    pub(super) fn build(
        declared: &operation::Parameter,
        definitions: &Map<String, Value>,
        validators: &mut Validators,
        place: &mut Place<'_>,
    ) -> Parameter {
        let schema = resolved(&declared.schema, definitions);
        let whole = with_definitions(&declared.schema, definitions);
        let validator = validators.add_for_messages(&whole);
        let name = &declared.name;
        match &validator {
            Ok((_, true)) => {}
            Ok((_, false)) => place.warn(&format!(
                "the `pattern` of parameter `{name}` is not one that can be checked"
            )),
            Err(why) => place.warn(&format!(
                "the schema of parameter `{name}` cannot be used: {why}"
            )),
        }
        let types =
            |schema: Option<&Value>| schema.map_or(Types::default(), |s| Types::of(s, definitions));
        let inner = types(
            schema
                .get("items")
                .or_else(|| schema.get("additionalProperties")),
        );
        let properties = schema.get("properties").and_then(Value::as_object);
        Parameter {
            name: name.as_str().into(),
            location: declared.location,
            required: declared.required || declared.location == Location::Path,
            style: declared.style,
            explode: declared.explode,
            json: declared.json,
            types: types(Some(schema)),
            inner,
            properties: properties
                .into_iter()
                .flatten()
                .map(|(name, schema)| (name.clone(), types(Some(schema))))
                .collect(),
            validator: validator.map(|(validator, _)| validator),
        }
    }

    /// Whether a name in the query is this parameter's, or a part of it.
    pub fn named(&self, name: &str) -> bool {
        if self.is_object() {
            if self.style == Style::DeepObject {
                let rest = strip(name, &self.name);
                return rest.is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'));
            }
            if self.explode {
                return self.properties.iter().any(|(n, _)| n == name);
            }
        }
        name.eq_ignore_ascii_case(&self.name)
    }

    fn is_object(&self) -> bool {
        self.types.has("object") && !self.json
    }

    fn is_array(&self) -> bool {
        self.types.has("array") && !self.json
    }

    /// The value that stands for it in a query: pairs of decoded names and values, those that are [`Parameter::named`].
    pub fn query(&self, pairs: &[(&str, &str)]) -> Result<Value, Wrong> {
        if self.is_object() && (self.explode || self.style == Style::DeepObject) {
            let mut members = Map::new();
            for (name, text) in pairs {
                let inner = strip(name, &self.name).and_then(|r| r.strip_prefix('['));
                let name = match inner {
                    Some(inner) if self.style == Style::DeepObject => inner.trim_end_matches(']'),
                    _ => name,
                };
                members.insert(name.to_owned(), self.member(name, text)?);
            }
            return Ok(Value::Object(members));
        }
        if self.is_array() && (pairs.len() > 1 || self.explode) {
            let items = pairs.iter().map(|(_, text)| self.item(text));
            return items.collect::<Result<_, _>>().map(Value::Array);
        }
        match pairs {
            [(_, text)] => self.one(text),
            _ => Err(Wrong::Multiple),
        }
    }

    /// The value that stands for it in the path (decoded), or in all lines of a header.
    pub fn texts(&self, texts: &[&str]) -> Result<Value, Wrong> {
        match texts {
            [text] => self.one(text),
            // Lines of one header are one list.
            several if self.is_array() => self.one(&several.join(",")),
            _ => Err(Wrong::Multiple),
        }
    }

    fn one(&self, text: &str) -> Result<Value, Wrong> {
        if self.json {
            return serde_json::from_str(text).map_err(|why| Wrong::Unparsed(format!("{why}.")));
        }
        if !self.is_array() && !self.is_object() {
            let text = match self.style {
                Style::Label => text.strip_prefix('.').unwrap_or(text),
                Style::Matrix => self.matrix(text),
                _ => text,
            };
            return self.types.value(text).map_err(Wrong::Unparsed);
        }
        let (text, separator) = match (self.style, self.location) {
            (Style::Label, _) => {
                let separator = if self.explode { '.' } else { ',' };
                (text.strip_prefix('.').unwrap_or(text), separator)
            }
            (Style::Matrix, _) if self.explode => (text.strip_prefix(';').unwrap_or(text), ';'),
            (Style::Matrix, _) => (self.matrix(text), ','),
            (Style::Space, _) => (text, ' '),
            (Style::Pipe, _) => (text, '|'),
            (Style::Tab, _) => (text, '\t'),
            _ => (text, ','),
        };
        let parts = || {
            let parts = text.split(separator);
            parts.map(|part| match self.location {
                Location::Header => part.trim(),
                _ => part,
            })
        };
        if self.is_array() {
            if text.is_empty() {
                return Ok(Value::Array(Vec::new()));
            }
            let items = parts().map(|part| match self.style {
                Style::Matrix if self.explode => self.item(self.matrix(part)),
                _ => self.item(part),
            });
            return items.collect::<Result<_, _>>().map(Value::Array);
        }
        let mut members = Map::new();
        let mut parts = parts();
        while let Some(part) = parts.next() {
            let (name, text) = if self.explode {
                part.split_once('=').unwrap_or((part, ""))
            } else {
                let Some(value) = parts.next() else {
                    let why = format!("The name '{part}' has no value.");
                    return Err(Wrong::Unparsed(why));
                };
                (part, value)
            };
            members.insert(name.to_owned(), self.member(name, text)?);
        }
        Ok(Value::Object(members))
    }

    /// What stands behind `;name=`.
    fn matrix<'t>(&self, text: &'t str) -> &'t str {
        let bare = text.strip_prefix(';').unwrap_or(text);
        strip(bare, &self.name)
            .and_then(|rest| rest.strip_prefix('='))
            .unwrap_or(bare)
    }

    fn item(&self, text: &str) -> Result<Value, Wrong> {
        self.inner.value(text).map_err(Wrong::Unparsed)
    }

    fn member(&self, name: &str, text: &str) -> Result<Value, Wrong> {
        let known = self.properties.iter().find(|(n, _)| n == name);
        let types = known.map_or(self.inner, |(_, types)| *types);
        types.value(text).map_err(Wrong::Unparsed)
    }

    /// Holds a value to the schema.
    pub fn check(&self, validators: &Validators, value: &Value) -> Result<(), Wrong> {
        let validator = match &self.validator {
            Ok(validator) => *validator,
            Err(why) => return Err(Wrong::Broken(why.clone())),
        };
        let violations = validators.violations(validator, value);
        if violations.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_vec(value).unwrap_or_default();
        let told: Vec<String> = violations
            .iter()
            .map(|v| {
                let (line, position) = position::of(&text, &v.location, v.name, false);
                format!("{} Line: {line}, Position: {position}", v.message)
            })
            .collect();
        Err(Wrong::Unfit(told.join("\n")))
    }
}

/// What stands behind a name, any case.
fn strip<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let begins = text.get(..name.len())?.eq_ignore_ascii_case(name);
    begins.then(|| &text[name.len()..])
}

#[cfg(test)]
mod tests;
