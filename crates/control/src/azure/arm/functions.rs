//! Functions of ARM templates that need no Azure.
//!
//! Source: "ARM template functions". What only a deployment knows (`reference`, `listKeys`, ...) is an error that says so.
//! What must stay true: what comes out has a bound, and nothing here panics on any argument.

use crate::azure::tree::{list, mapping, text};
use crate::yaml::{Form, Kind, Node, Place};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Most bytes of a text and most items of a list.
const LONGEST: usize = 16 << 20;
const MOST_ITEMS: usize = 100_000;

/// The subscription and the group that ids are made with: nothing looks at them.
const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
const GROUP: &str = "resource-group";

type Value = Result<Node, String>;

pub(super) fn null(place: Place) -> Node {
    scalar("null", Form::Null, place)
}

pub(super) fn number(value: i64, place: Place) -> Node {
    scalar(&value.to_string(), Form::Integer(value.into()), place)
}

fn flag(value: bool, place: Place) -> Node {
    scalar(
        if value { "true" } else { "false" },
        Form::Bool(value),
        place,
    )
}

fn scalar(text: &str, form: Form, place: Place) -> Node {
    let kind = Kind::Scalar {
        text: text.to_owned(),
        form,
    };
    Node { id: 0, place, kind }
}

/// A whole number, also one written as text.
pub(super) fn integer(node: &Node) -> Option<i64> {
    node.text()?.trim().parse().ok()
}

/// An item of a list by its number, or a property of an object by its name.
pub(super) fn item(of: &Node, index: &Node) -> Value {
    let name = index.text().unwrap_or_default();
    let found = match &of.kind {
        Kind::Sequence(items) => {
            let at = integer(index).and_then(|at| usize::try_from(at).ok());
            at.and_then(|at| items.get(at))
        }
        _ => of.property(name),
    };
    found
        .map(Node::copy)
        .ok_or_else(|| format!("there is no item `{name}`"))
}

/// A function of values. Its name is in lower case.
pub(super) fn call(name: &str, values: &[Node], place: Place) -> Value {
    let text_at = |at: usize| {
        let found = values.get(at).and_then(Node::text);
        found.ok_or_else(|| format!("`{name}` needs a text as argument {}", at + 1))
    };
    let int = |at: usize| {
        let found = values.get(at).and_then(integer);
        found.ok_or_else(|| format!("`{name}` needs a whole number as argument {}", at + 1))
    };
    let any = |at: usize| {
        let found = values.get(at);
        found.ok_or_else(|| format!("`{name}` needs {} arguments", at + 1))
    };
    let of_text = |value: String| bounded(text(value, place));
    Ok(match name {
        "concat" => return concat(values, place),
        "format" => return of_text(format_text(text_at(0)?, &values[1..])?),
        "tolower" => return of_text(text_at(0)?.to_lowercase()),
        "toupper" => return of_text(text_at(0)?.to_uppercase()),
        "trim" => return of_text(text_at(0)?.trim().to_owned()),
        "string" => return of_text(plain(any(0)?)),
        "replace" => {
            let (old, new) = (text_at(1)?, text_at(2)?);
            if old.is_empty() {
                return Err(String::from("`replace` needs a text to replace"));
            }
            let given = text_at(0)?;
            if given.matches(old).count().saturating_mul(new.len()) > LONGEST {
                return Err(too_long());
            }
            return of_text(given.replace(old, new));
        }
        "substring" => {
            let start = usize::try_from(int(1)?).unwrap_or(usize::MAX);
            let length = match values.get(2) {
                Some(_) => usize::try_from(int(2)?).unwrap_or(0),
                None => usize::MAX,
            };
            return of_text(text_at(0)?.chars().skip(start).take(length).collect());
        }
        "padleft" => {
            let (given, width) = (text_at(0)?, usize::try_from(int(1)?).unwrap_or(0));
            let with = values.get(2).and_then(Node::text);
            let with = with.and_then(|t| t.chars().next()).unwrap_or(' ');
            let missing = width.min(LONGEST).saturating_sub(given.chars().count());
            let padding: String = std::iter::repeat_n(with, missing).collect();
            return of_text(padding + given);
        }
        "startswith" => flag(lower(text_at(0)?).starts_with(&lower(text_at(1)?)), place),
        "endswith" => flag(lower(text_at(0)?).ends_with(&lower(text_at(1)?)), place),
        "indexof" | "lastindexof" => {
            let (given, wanted) = (lower(text_at(0)?), lower(text_at(1)?));
            let at = if name == "indexof" {
                given.find(&wanted)
            } else {
                given.rfind(&wanted)
            };
            let at = at.map(|at| given[..at].chars().count());
            number(at.and_then(|n| i64::try_from(n).ok()).unwrap_or(-1), place)
        }
        "split" => {
            let of_list = |items: &[Node]| {
                items
                    .iter()
                    .filter_map(|i| i.text().map(str::to_owned))
                    .collect()
            };
            let marks: Vec<String> = match &any(1)?.kind {
                Kind::Sequence(items) => of_list(items),
                _ => vec![text_at(1)?.to_owned()],
            };
            let mut parts = vec![text_at(0)?.to_owned()];
            for mark in marks.iter().filter(|m| !m.is_empty()) {
                parts = parts
                    .iter()
                    .flat_map(|p| {
                        p.split(mark.as_str())
                            .map(str::to_owned)
                            .collect::<Vec<_>>()
                    })
                    .collect();
            }
            let items = parts.into_iter().map(|p| text(p, place)).collect();
            return bounded(list(items, place));
        }
        "join" => {
            let parts: Vec<&str> = any(0)?.items().iter().filter_map(Node::text).collect();
            return of_text(parts.join(text_at(1)?));
        }
        "uri" => {
            let (base, rest) = (text_at(0)?, text_at(1)?);
            return of_text(format!(
                "{}/{}",
                base.trim_end_matches('/'),
                rest.trim_start_matches('/')
            ));
        }
        "base64" => return of_text(STANDARD.encode(text_at(0)?)),
        "base64tostring" => {
            let bytes = STANDARD.decode(text_at(0)?).ok();
            let decoded = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            return of_text(decoded.ok_or("it is not Base64 of a text")?);
        }
        "int" => number(int(0)?, place),
        "bool" => flag(
            any(0)?.is_true() || integer(any(0)?).is_some_and(|n| n != 0),
            place,
        ),
        "add" => number(int(0)?.saturating_add(int(1)?), place),
        "sub" => number(int(0)?.saturating_sub(int(1)?), place),
        "mul" => number(int(0)?.saturating_mul(int(1)?), place),
        "div" => number(
            int(0)?.checked_div(int(1)?).ok_or("a division by zero")?,
            place,
        ),
        "mod" => number(
            int(0)?.checked_rem(int(1)?).ok_or("a division by zero")?,
            place,
        ),
        "min" | "max" => {
            let numbers = values
                .iter()
                .chain(values.iter().flat_map(Node::items))
                .filter_map(integer);
            let found = if name == "min" {
                numbers.min()
            } else {
                numbers.max()
            };
            number(
                found.ok_or_else(|| format!("`{name}` needs numbers"))?,
                place,
            )
        }
        "true" => flag(true, place),
        "false" => flag(false, place),
        "null" => null(place),
        "not" => flag(!any(0)?.is_true(), place),
        "and" => flag(values.iter().all(Node::is_true), place),
        "or" => flag(values.iter().any(Node::is_true), place),
        "equals" => flag(any(0)?.json() == any(1)?.json(), place),
        "less" => flag(order(any(0)?, any(1)?).is_lt(), place),
        "lessorequals" => flag(order(any(0)?, any(1)?).is_le(), place),
        "greater" => flag(order(any(0)?, any(1)?).is_gt(), place),
        "greaterorequals" => flag(order(any(0)?, any(1)?).is_ge(), place),
        "empty" => flag(any(0)?.is_empty(), place),
        "length" => {
            let length = match &any(0)?.kind {
                Kind::Sequence(items) => items.len(),
                Kind::Mapping(entries) => entries.len(),
                _ => text_at(0)?.chars().count(),
            };
            number(i64::try_from(length).unwrap_or(i64::MAX), place)
        }
        "contains" => {
            let wanted = any(1)?;
            let found = match &any(0)?.kind {
                Kind::Sequence(items) => items.iter().any(|i| i.json() == wanted.json()),
                Kind::Mapping(_) => any(0)?.property(text_at(1)?).is_some(),
                _ => text_at(0)?.contains(text_at(1)?),
            };
            flag(found, place)
        }
        "first" | "last" => {
            let items = any(0)?.items();
            let found = if name == "first" {
                items.first()
            } else {
                items.last()
            };
            match (found, any(0)?.text()) {
                (Some(found), _) => found.copy(),
                (None, Some(given)) => {
                    let c = if name == "first" {
                        given.chars().next()
                    } else {
                        given.chars().last()
                    };
                    return of_text(c.map(String::from).unwrap_or_default());
                }
                _ => null(place),
            }
        }
        "skip" | "take" => {
            let n = usize::try_from(int(1)?).unwrap_or(0);
            let skips = name == "skip";
            if let Some(given) = any(0)?.text() {
                let chars = given.chars();
                let part = if skips {
                    chars.skip(n).collect()
                } else {
                    chars.take(n).collect()
                };
                return of_text(part);
            }
            let items = any(0)?.items();
            let items = if skips {
                items.get(n..)
            } else {
                items.get(..n.min(items.len()))
            };
            list(
                items.unwrap_or_default().iter().map(Node::copy).collect(),
                place,
            )
        }
        "createarray" => return bounded(list(values.iter().map(Node::copy).collect(), place)),
        "array" => match &any(0)?.kind {
            Kind::Sequence(_) => any(0)?.copy(),
            _ => list(vec![any(0)?.copy()], place),
        },
        "range" => {
            let (start, count) = (int(0)?, int(1)?.clamp(0, 10_000));
            let items = (0..count).map(|n| number(start.saturating_add(n), place));
            list(items.collect(), place)
        }
        "createobject" => {
            let mut object = mapping(place);
            for pair in values.chunks(2) {
                if let [name, value] = pair {
                    object.set(name.text().unwrap_or_default(), value.copy());
                }
            }
            object
        }
        "union" => return union(values, place),
        "items" => {
            let pairs = any(0)?.entries().iter().map(|(key, value)| {
                let mut pair = mapping(place);
                pair.set("key", text(key.text.clone(), place));
                pair.set("value", value.copy());
                pair
            });
            list(pairs.collect(), place)
        }
        "json" => {
            let given: serde_json::Value =
                serde_json::from_str(text_at(0)?).map_err(|e| format!("not JSON: {e}"))?;
            from_json(&given, place)
        }
        "resourceid" | "subscriptionresourceid" | "extensionresourceid" => {
            return resource_id(values, place);
        }
        "uniquestring" | "guid" => {
            // Only Azure knows the one that it makes; what it is part of is a name.
            let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
            for byte in values.iter().flat_map(|v| plain(v).into_bytes()) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
            return of_text(format!("{hash:013x}").chars().take(13).collect());
        }
        "subscription" => {
            return object(
                &[
                    ("subscriptionId", SUBSCRIPTION),
                    ("tenantId", SUBSCRIPTION),
                    ("id", &format!("/subscriptions/{SUBSCRIPTION}")),
                ],
                place,
            );
        }
        "tenant" => return object(&[("tenantId", SUBSCRIPTION)], place),
        "resourcegroup" => {
            return object(
                &[
                    ("name", GROUP),
                    ("location", "local"),
                    (
                        "id",
                        &format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"),
                    ),
                ],
                place,
            );
        }
        "deployment" => return object(&[("name", "deployment")], place),
        "reference" | "listkeys" | "listsecrets" | "list" | "pickzones" | "environment"
        | "utcnow" | "newguid" | "providers" | "getsecret" => {
            return Err(format!("`{name}` is known only in a deployment"));
        }
        _ => return Err(format!("function `{name}` is not known here")),
    })
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

fn too_long() -> String {
    String::from("the value grows too large")
}

/// Refuses what has grown beyond all bounds.
fn bounded(value: Node) -> Value {
    let fits = match &value.kind {
        Kind::Sequence(items) => items.len() <= MOST_ITEMS,
        _ => value.text().is_none_or(|t| t.len() <= LONGEST),
    };
    if fits { Ok(value) } else { Err(too_long()) }
}

/// A value as text: scalars as they are, the rest as JSON.
fn plain(value: &Node) -> String {
    match value.text() {
        Some(text) => text.to_owned(),
        None if value.is_null() => String::new(),
        None => value.json().to_string(),
    }
}

fn concat(values: &[Node], place: Place) -> Value {
    if values.iter().any(|v| matches!(v.kind, Kind::Sequence(_))) {
        let items = values.iter().flat_map(Node::items);
        if items.clone().count() > MOST_ITEMS {
            return Err(too_long());
        }
        return Ok(list(items.map(Node::copy).collect(), place));
    }
    let mut joined = String::new();
    for value in values {
        joined.push_str(&plain(value));
        if joined.len() > LONGEST {
            return Err(too_long());
        }
    }
    Ok(text(joined, place))
}

/// `{0}`, with `{{` and `}}` for braces. A format behind a colon is .NET's and not applied.
fn format_text(format: &str, values: &[Node]) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if after.starts_with(&rest[at..=at]) {
            out.push_str(&rest[at..=at]);
            rest = &after[1..];
            continue;
        }
        let end = after
            .find('}')
            .ok_or("the braces of `format` do not match")?;
        let number = after[..end].split([':', ',']).next().unwrap_or_default();
        let value = number
            .trim()
            .parse::<usize>()
            .ok()
            .and_then(|n| values.get(n));
        let value =
            value.ok_or_else(|| format!("`format` has no argument `{{{}}}`", &after[..end]))?;
        out.push_str(&plain(value));
        if out.len() > LONGEST {
            return Err(too_long());
        }
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn order(a: &Node, b: &Node) -> std::cmp::Ordering {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.text().cmp(&b.text()),
    }
}

fn union(values: &[Node], place: Place) -> Value {
    if values.iter().all(|v| matches!(v.kind, Kind::Sequence(_))) {
        let mut items: Vec<Node> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for item in values.iter().flat_map(Node::items) {
            if seen.insert(item.json().to_string()) {
                items.push(item.copy());
            }
        }
        return bounded(list(items, place));
    }
    let mut all = mapping(place);
    for value in values {
        all.merge(value);
    }
    Ok(all)
}

fn object(members: &[(&str, &str)], place: Place) -> Value {
    let mut object = mapping(place);
    for (name, value) in members {
        object.set(name, text(*value, place));
    }
    Ok(object)
}

/// `resourceId([subscription], [group], 'Namespace/type/type', name, name)`.
fn resource_id(values: &[Node], place: Place) -> Value {
    let texts: Vec<&str> = values.iter().filter_map(Node::text).collect();
    let at = texts
        .iter()
        .position(|t| t.contains('/') && t.contains('.'))
        .ok_or("`resourceId` needs a type")?;
    let mut types = texts[at].split('/');
    let mut id = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{}",
        types.next().unwrap_or_default()
    );
    let names = texts[at + 1..].iter().flat_map(|name| name.split('/'));
    for (kind, name) in types.zip(names) {
        id.push_str(&format!("/{kind}/{name}"));
    }
    bounded(text(id, place))
}

fn from_json(value: &serde_json::Value, place: Place) -> Node {
    match value {
        serde_json::Value::Null => null(place),
        serde_json::Value::Bool(value) => flag(*value, place),
        serde_json::Value::Number(value) => match value.as_i64() {
            Some(value) => number(value, place),
            None => scalar(
                &value.to_string(),
                Form::Float(value.as_f64().unwrap_or(0.0)),
                place,
            ),
        },
        serde_json::Value::String(value) => text(value.clone(), place),
        serde_json::Value::Array(items) => {
            list(items.iter().map(|i| from_json(i, place)).collect(), place)
        }
        serde_json::Value::Object(members) => {
            let mut object = mapping(place);
            for (name, value) in members {
                object.set(name, from_json(value, place));
            }
            object
        }
    }
}
