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
    let edges: Edges<'_> = definitions
        .iter()
        .map(|(name, definition)| {
            let mut to = BTreeSet::new();
            references(definition, &mut to);
            to.retain(|name| definitions.contains_key(*name));
            (name.as_str(), to)
        })
        .collect();
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
