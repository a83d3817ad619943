//! Schemas made safe to validate with: no circle of references, and bounds on the time and the stack that one takes.
//!
//! What must stay true: a tamed schema accepts all that the schema accepts. What it leaves open, the API judges: a
//! schema that refers to itself is held to its first round.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Most subschemas, references written out.
const MOST_VISITS: u64 = 100_000;
/// Deepest nesting of subschemas, references written out: the validator recurses.
const DEEPEST: u64 = 96;

type Edges<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The schema, without the references that close a circle; without definitions when it is still too large.
pub(super) fn tame(schema: &Value) -> Value {
    let none = Map::new();
    let definitions = schema
        .get("$defs")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let mut tamed = schema.clone();
    let edges = edges(definitions);
    for (from, to) in circles(&edges) {
        if let Some(definition) = tamed.get_mut("$defs").and_then(|d| d.get_mut(from)) {
            forget(definition, to);
        }
    }
    let size = size(&tamed);
    if (size.visits > MOST_VISITS || size.depth > DEEPEST)
        && let Some(Value::Object(definitions)) = tamed.get_mut("$defs")
    {
        for definition in definitions.values_mut() {
            *definition = Value::Bool(true);
        }
    }
    tamed
}

/// The same for messages that are to be refused: circles stay where they cannot multiply, so that every round is held to
/// the schema. A value is nested no deeper than its parser allows.
pub(super) fn tame_for_messages(schema: &Value) -> Value {
    let opened = tame(schema);
    let Some(definitions) = schema.get("$defs").and_then(Value::as_object) else {
        return opened;
    };
    let edges = edges(definitions);
    let closing = circles(&edges);
    // Too large: what `tame` made of it.
    let given_up = definitions.values().any(|d| *d != Value::Bool(true))
        && opened
            .get("$defs")
            .and_then(Value::as_object)
            .is_some_and(|d| d.values().all(|d| *d == Value::Bool(true)));
    if closing.is_empty() || closing.len() > MOST_CIRCLES || given_up {
        return opened;
    }
    let mut within: BTreeSet<&str> = BTreeSet::new();
    for (from, to) in &closing {
        // Who is reached from the circle's one end and reaches its other is in it.
        let ahead = reached(to, &edges);
        within.extend(
            ahead
                .iter()
                .filter(|name| reached(name, &edges).contains(from)),
        );
    }
    let single = within.iter().all(|name| {
        let count = count(&definitions[*name], &within);
        // A definition that is another one of the circle adds nothing to it for the same value.
        count.here + count.below <= 1 && count.worst <= 1
    });
    let in_place: Edges<'_> = within
        .iter()
        .map(|name| {
            let mut to = BTreeSet::new();
            here(&definitions[*name], &mut to);
            to.retain(|name| within.contains(name));
            (*name, to)
        })
        .collect();
    if single && circles(&in_place).is_empty() {
        schema.clone()
    } else {
        opened
    }
}

/// Most circles that are looked at.
const MOST_CIRCLES: usize = 64;

/// Keywords whose schemas hold for the same value as the schema that they stand in.
pub const IN_PLACE: [&str; 8] = [
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "then",
    "else",
    "not",
    "dependentSchemas",
];

/// The schemas that hold for the same value.
fn same_value(members: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let parts = members
        .iter()
        .filter(|(keyword, _)| IN_PLACE.contains(&keyword.as_str()));
    parts.flat_map(|(keyword, value)| -> Vec<&Value> {
        match value {
            Value::Array(several) => several.iter().collect(),
            Value::Object(named) if keyword == "dependentSchemas" => named.values().collect(),
            one => vec![one],
        }
    })
}

/// References that hold for the same value.
fn here<'a>(schema: &'a Value, into: &mut BTreeSet<&'a str>) {
    if let Value::Object(members) = schema {
        into.extend(members.get("$ref").and_then(target));
        for part in same_value(members) {
            here(part, into);
        }
    }
}

/// How many references into a circle hold for one value.
#[derive(Clone, Copy, Default)]
struct Count {
    /// For the value itself.
    here: usize,
    /// For one value in it.
    below: usize,
    /// For one value anywhere in it, of the schemas written here.
    worst: usize,
}

fn count(schema: &Value, within: &BTreeSet<&str>) -> Count {
    let Value::Object(members) = schema else {
        return Count::default();
    };
    let reference = members.get("$ref").and_then(target);
    let mut found = Count {
        here: usize::from(reference.is_some_and(|name| within.contains(name))),
        ..Count::default()
    };
    for part in same_value(members) {
        let part = count(part, within);
        found.here += part.here;
        found.below += part.below;
        found.worst = found.worst.max(part.worst);
    }
    let mut named = 0;
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            // Each is for another value than its neighbours.
            ("properties", Value::Object(all)) => {
                for one in all.values() {
                    let one = count(one, within);
                    named = named.max(one.here);
                    found.worst = found.worst.max(one.worst).max(one.below);
                }
            }
            ("patternProperties", Value::Object(all)) => {
                for one in all.values() {
                    let one = count(one, within);
                    found.below += one.here;
                    found.worst = found.worst.max(one.worst).max(one.below);
                }
            }
            (
                "items"
                | "additionalProperties"
                | "contains"
                | "propertyNames"
                | "unevaluatedItems"
                | "unevaluatedProperties",
                one,
            ) => {
                let one = count(one, within);
                // A named property is no additional one.
                if matches!(
                    keyword.as_str(),
                    "additionalProperties" | "unevaluatedProperties"
                ) {
                    named = named.max(one.here);
                } else {
                    found.below += one.here;
                }
                found.worst = found.worst.max(one.worst).max(one.below);
            }
            ("prefixItems", Value::Array(all)) => {
                for one in all {
                    let one = count(one, within);
                    named = named.max(one.here);
                    found.worst = found.worst.max(one.worst).max(one.below);
                }
            }
            _ => {}
        }
    }
    found.below += named;
    found.worst = found.worst.max(found.below);
    found
}

/// The definitions that one leads to, itself only if it leads back.
fn reached<'a>(from: &str, edges: &Edges<'a>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut pending: Vec<&str> = edges.get(from).into_iter().flatten().copied().collect();
    while let Some(name) = pending.pop() {
        if let Some((name, to)) = edges.get_key_value(name)
            && found.insert(*name)
        {
            pending.extend(to);
        }
    }
    found
}

fn edges(definitions: &Map<String, Value>) -> Edges<'_> {
    definitions
        .iter()
        .map(|(name, definition)| {
            let mut to = BTreeSet::new();
            references(definition, &mut to);
            to.retain(|name| definitions.contains_key(*name));
            (name.as_str(), to)
        })
        .collect()
}

fn target(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix("#/$defs/")
}

fn references<'a>(value: &'a Value, into: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("$ref").and_then(target));
            members.values().for_each(|m| references(m, into));
        }
        Value::Array(items) => items.iter().for_each(|i| references(i, into)),
        _ => {}
    }
}

/// Edges that close a circle, found without recursion: a chain of definitions may be long.
fn circles<'a>(edges: &Edges<'a>) -> Vec<(&'a str, &'a str)> {
    let mut open = BTreeSet::new();
    let mut done = BTreeSet::new();
    let mut found = Vec::new();
    for (start, to) in edges {
        if done.contains(start) {
            continue;
        }
        let mut stack: Vec<(&str, Vec<&str>)> = vec![(start, to.iter().copied().collect())];
        open.insert(*start);
        while let Some((from, left)) = stack.last_mut() {
            let Some(to) = left.pop() else {
                open.remove(from);
                done.insert(*from);
                stack.pop();
                continue;
            };
            if open.contains(to) {
                found.push((*from, to));
            } else if !done.contains(to) {
                open.insert(to);
                let next = edges.get(to).into_iter().flatten().copied().collect();
                stack.push((to, next));
            }
        }
    }
    found
}

fn forget(value: &mut Value, to: &str) {
    match value {
        Value::Object(members) => {
            if members.get("$ref").and_then(target) == Some(to) {
                members.shift_remove("$ref");
            }
            members.values_mut().for_each(|m| forget(m, to));
        }
        Value::Array(items) => items.iter_mut().for_each(|i| forget(i, to)),
        _ => {}
    }
}

/// How much there is of a schema when every reference is written out.
#[derive(Clone, Copy)]
struct Size {
    visits: u64,
    depth: u64,
}

/// Of a schema without circles.
fn size(schema: &Value) -> Size {
    let none = Map::new();
    let definitions = schema
        .get("$defs")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let mut known: BTreeMap<&str, Size> = BTreeMap::new();
    let mut left: Vec<(&String, &Value)> = definitions.iter().collect();
    // Each round settles at least one definition: one whose references are all known.
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(name, definition)| {
            let mut to = BTreeSet::new();
            references(definition, &mut to);
            let settled = to
                .iter()
                .all(|r| known.contains_key(r) || !definitions.contains_key(*r));
            if settled {
                known.insert(name, measure(definition, &known));
            }
            !settled
        });
        if left.len() == before {
            return Size {
                visits: u64::MAX,
                depth: u64::MAX,
            };
        }
    }
    let root: Vec<Size> = schema
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(keyword, _)| *keyword != "$defs")
        .map(|(_, member)| measure(member, &known))
        .collect();
    let reference = schema
        .get("$ref")
        .and_then(target)
        .and_then(|name| known.get(name));
    Size {
        visits: root
            .iter()
            .chain(reference)
            .fold(1, |sum, s| u64::saturating_add(sum, s.visits)),
        depth: root
            .iter()
            .chain(reference)
            .map(|s| s.depth)
            .max()
            .unwrap_or(0)
            + 1,
    }
}

fn measure(value: &Value, known: &BTreeMap<&str, Size>) -> Size {
    let of = |members: &mut dyn Iterator<Item = Size>| {
        members.fold(
            Size {
                visits: 0,
                depth: 0,
            },
            |sum, s| Size {
                visits: sum.visits.saturating_add(s.visits),
                depth: sum.depth.max(s.depth),
            },
        )
    };
    match value {
        Value::Object(members) => {
            let reference = members
                .get("$ref")
                .and_then(target)
                .and_then(|n| known.get(n));
            let inner = of(&mut members
                .values()
                .map(|m| measure(m, known))
                .chain(reference.copied()));
            Size {
                visits: inner.visits.saturating_add(1),
                depth: inner.depth.saturating_add(1),
            }
        }
        Value::Array(items) => of(&mut items.iter().map(|i| measure(i, known))),
        _ => Size {
            visits: 0,
            depth: 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn circles_that_do_not_multiply_stay_for_messages() {
        for (schema, stays) in [
            (
                json!({"$ref": "#/$defs/T", "$defs": {"T": {"properties": {"a": {"$ref": "#/$defs/T"}, "b": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/T"}]}}}}}),
                true,
            ),
            (
                json!({"$ref": "#/$defs/T", "$defs": {"T": {"properties": {"c": {"items": {"$ref": "#/$defs/T"}}}, "additionalProperties": {"$ref": "#/$defs/T"}}}}),
                true,
            ),
            (
                json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"properties": {"x": {"$ref": "#/$defs/A"}}}}}),
                true,
            ),
            (
                json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"allOf": [{"$ref": "#/$defs/A"}]}}}),
                false,
            ),
            (
                json!({"$ref": "#/$defs/F", "$defs": {"F": {"anyOf": [{"properties": {"f": {"$ref": "#/$defs/F"}}}, {"properties": {"f": {"$ref": "#/$defs/F"}}}]}}}),
                false,
            ),
            (
                json!({"$ref": "#/$defs/F", "$defs": {"F": {"properties": {"f": {"oneOf": [{"$ref": "#/$defs/F"}, {"items": {"$ref": "#/$defs/F"}}, {"$ref": "#/$defs/F"}]}}}}}),
                false,
            ),
            (
                json!({"$ref": "#/$defs/A", "$defs": {"A": {"allOf": [{"$ref": "#/$defs/B"}], "properties": {"x": {"$ref": "#/$defs/A"}}}, "B": {"properties": {"x": {"$ref": "#/$defs/A"}}}}}),
                false,
            ),
        ] {
            assert_eq!(tame_for_messages(&schema) == schema, stays, "{schema}");
        }
    }

    #[test]
    fn circles_are_opened() {
        let tree = json!({"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}}}});
        assert_eq!(
            tame(&tree)["$defs"]["T"],
            json!({"type": "object", "properties": {"t": {}}})
        );
        let endless = json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"allOf": [{"$ref": "#/$defs/A"}]}}});
        assert_eq!(
            tame(&endless)["$defs"],
            json!({"A": {"$ref": "#/$defs/B"}, "B": {"allOf": [{}]}})
        );
        let plain = json!({"properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}});
        assert_eq!(tame(&plain), plain);
    }

    #[test]
    fn doubling_and_long_chains_are_noticed() {
        let chain = |count: usize, times: usize| {
            let mut definitions = Map::new();
            for n in 0..count {
                let next = json!({"$ref": format!("#/$defs/D{}", n + 1)});
                definitions.insert(format!("D{n}"), json!({ "allOf": vec![next; times] }));
            }
            definitions.insert(format!("D{count}"), json!({"type": "object"}));
            tame(&json!({"$ref": "#/$defs/D0", "$defs": definitions}))
        };
        assert_ne!(chain(10, 2)["$defs"]["D0"], Value::Bool(true));
        assert_eq!(chain(20, 2)["$defs"]["D0"], Value::Bool(true));
        assert_eq!(chain(1000, 1)["$defs"]["D0"], Value::Bool(true));
    }
}
