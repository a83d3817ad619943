//! Values against schemas, with `boon` (JSON Schema 2020-12): a tool's arguments, and messages that policies validate.
//!
//! What must stay true: no schema is ever loaded from anywhere; what is told of a fault is bounded and helps the model
//! to write the call again; the time it takes grows with the value and not with a power of its depth.

mod tame;
pub mod violation;

pub use tame::IN_PLACE;

use super::text;
use boon::{Compiler, Draft, SchemaIndex, Schemas, UrlLoader};
use serde_json::Value;

/// Most faults that are told at once.
const MOST_FAULTS: usize = 8;
/// Longest text of one fault, in bytes.
const LONGEST_FAULT: usize = 300;

/// Refuses every URL: all that a schema refers to is in it.
struct Nothing;

impl UrlLoader for Nothing {
    fn load(&self, url: &str) -> Result<Value, Box<dyn std::error::Error>> {
        Err(format!("`{url}` is not in the schema").into())
    }
}

/// Compiled schemas of one server's tools.
#[derive(Default)]
pub struct Validators {
    schemas: Schemas,
    count: usize,
}

impl std::fmt::Debug for Validators {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Validators({})", self.count)
    }
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Validator(SchemaIndex);

impl Validators {
    /// Compiles a schema. Patterns that the regular-expression engine does not know (look-around) are left out: then
    /// the API itself judges the value. The error says what is wrong with the schema.
    pub fn add(&mut self, schema: &Value) -> Result<Validator, String> {
        self.add_tamed(schema, false)
            .map(|(validator, _)| validator)
    }

    /// The same for messages of callers and backends, whose texts must fit their `format` too. Beside it whether the
    /// schema's patterns are all checked.
    pub fn add_for_messages(&mut self, schema: &Value) -> Result<(Validator, bool), String> {
        self.add_tamed(schema, true)
    }

    fn add_tamed(&mut self, schema: &Value, formats: bool) -> Result<(Validator, bool), String> {
        let schema = if formats {
            tame::tame_for_messages(schema)
        } else {
            tame::tame(schema)
        };
        if let Ok(found) = self.compile(schema.clone(), formats) {
            return Ok((found, true));
        }
        let mut without = schema;
        forget_patterns(&mut without);
        self.compile(without, formats).map(|found| (found, false))
    }

    fn compile(&mut self, schema: Value, formats: bool) -> Result<Validator, String> {
        let mut compiler = Compiler::new();
        compiler.use_loader(Box::new(Nothing));
        compiler.set_default_draft(Draft::V2020_12);
        if formats {
            compiler.enable_format_assertions();
        }
        let name = format!("tool:{}", self.count);
        self.count += 1;
        compiler
            .add_resource(&name, schema)
            .map_err(|why| text::clean(&why.to_string(), LONGEST_FAULT))?;
        compiler
            .compile(&name, &mut self.schemas)
            .map(Validator)
            .map_err(|why| text::clean(&format!("{why:#}"), LONGEST_FAULT))
    }

    /// What is wrong with a value; nothing when it fits.
    pub fn violations(&self, validator: Validator, value: &Value) -> Vec<violation::Violation> {
        match self.schemas.validate(value, validator.0) {
            Ok(()) => Vec::new(),
            Err(error) => violation::of(&error, value),
        }
    }

    /// Whether a value fits; else what is wrong, place first.
    pub fn check(&self, validator: Validator, value: &Value) -> Result<(), Vec<String>> {
        let Err(error) = self.schemas.validate(value, validator.0) else {
            return Ok(());
        };
        let told = error.to_string();
        let mut faults: Vec<String> = told
            .lines()
            .skip(1)
            .map(|line| line.trim_start().trim_start_matches("- "))
            .map(|line| line.strip_prefix("at '': ").unwrap_or(line))
            .map(|line| text::clean(line, LONGEST_FAULT))
            .filter(|line| !line.is_empty())
            .collect();
        let more = faults.len().saturating_sub(MOST_FAULTS);
        faults.truncate(MOST_FAULTS);
        if more > 0 {
            faults.push(format!("and {more} more"));
        }
        if faults.is_empty() {
            faults.push(String::from("the value does not fit the schema"));
        }
        Err(faults)
    }
}

fn forget_patterns(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("pattern").is_some_and(Value::is_string) {
                members.shift_remove("pattern");
            }
            if members
                .get("patternProperties")
                .is_some_and(Value::is_object)
            {
                members.shift_remove("patternProperties");
                // What the patterns allowed must not be refused now.
                members.shift_remove("additionalProperties");
            }
            members.values_mut().for_each(forget_patterns);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_patterns),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(schema: &Value, value: &Value) -> Vec<String> {
        let mut validators = Validators::default();
        let validator = validators.add(schema).unwrap();
        validators.check(validator, value).err().unwrap_or_default()
    }

    #[test]
    fn tells_place_and_fault() {
        let schema = json!({"type": "object", "required": ["q"], "additionalProperties": false,
            "properties": {"q": {"type": "string"}, "n": {"$ref": "#/$defs/N"}}, "$defs": {"N": {"type": "integer", "maximum": 5}}});
        assert!(faults(&schema, &json!({"q": "x", "n": 5})).is_empty());
        assert_eq!(
            faults(&schema, &json!({"n": 7, "x": 1})),
            [
                "missing properties 'q'",
                "at '/n': must be <=5, but got 7",
                "additionalProperties 'x' not allowed"
            ]
        );
    }

    #[test]
    fn never_loads_and_never_overflows() {
        let mut validators = Validators::default();
        for url in [
            "http://127.0.0.1:1/x.json",
            "file:///etc/passwd",
            "other.json",
        ] {
            assert!(validators.add(&json!({"$ref": url})).is_err(), "{url}");
        }
        let loops = json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}});
        assert!(
            faults(&loops, &json!(1)).is_empty(),
            "it says nothing about a value"
        );
        let laughs = json!({"$ref": "#/$defs/F", "$defs": {"F": {"anyOf": [
            {"type": "object", "properties": {"f": {"$ref": "#/$defs/F"}}, "required": ["x"]},
            {"type": "object", "properties": {"f": {"$ref": "#/$defs/F"}}, "required": ["y"]}]}}});
        let mut nested = json!({});
        for _ in 0..100 {
            nested = json!({ "f": nested });
        }
        assert!(!faults(&laughs, &nested).is_empty());
        let tree = json!({"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}}}});
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({ "t": deep });
        }
        assert!(faults(&tree, &deep).is_empty());
        let many = json!({"type": "object", "additionalProperties": {"type": "string"}});
        let values: serde_json::Map<String, Value> =
            (0..50).map(|n| (n.to_string(), json!(n))).collect();
        assert_eq!(faults(&many, &Value::Object(values)).len(), MOST_FAULTS + 1);
    }

    #[test]
    fn every_round_of_a_message_is_held_to_its_schema() {
        let tree = json!({"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "required": ["n"], "properties": {"t": {"$ref": "#/$defs/T"}, "l": {"items": {"$ref": "#/$defs/T"}}}}}});
        let mut validators = Validators::default();
        let (validator, _) = validators.add_for_messages(&tree).unwrap();
        let good = json!({"n": 1, "t": {"n": 1, "l": [{"n": 1}]}});
        assert!(validators.violations(validator, &good).is_empty());
        let mut bad = json!({"n": 1, "l": [{}]});
        for _ in 0..50 {
            bad = json!({"n": 1, "t": bad});
        }
        assert_eq!(validators.violations(validator, &bad).len(), 1);
    }

    #[test]
    fn a_pattern_beyond_the_engine_is_left_to_the_api() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "(?=a)b"}, "b": {"type": "integer"}}});
        assert!(faults(&schema, &json!({"a": "zzz"})).is_empty());
        assert!(!faults(&schema, &json!({"b": "zzz"})).is_empty());
    }
}
