//! What a call of a row costs beyond a step: most rows go through a text or a list that they get.
//!
//! Called before every row runs, so that a row need count only what it makes, or goes through more than once. What must
//! stay true: a row that is not named here counts as going through all it gets.

use super::{Cx, Throw};
use crate::expr::ir::Call;
use crate::value::Value;

/// Bytes of a text that are looked at in one step, where that is all that happens to them.
pub(super) const LIGHT: usize = 512;
/// Bytes of a text that are searched, changed or copied in one step.
const HEAVY: usize = 32;
/// The same of a text beyond ASCII, where it is weighed by culture.
const WIDE: usize = 10;
/// Bytes of a URI that are taken apart in one step.
const PARSED: usize = 1;
/// The same for a regular expression.
const SEARCHED: usize = 16;
/// Items of a list that are gone through in one step.
const ITEMS: usize = 8;

/// Members that look at a text no more than its length asks for.
const LIGHT_OF_TEXT: [&str; 10] = [
    "Length",
    "this",
    "ToString",
    "Equals",
    "op_Equality",
    "IsNullOrEmpty",
    "Substring",
    "GetValueOrDefault",
    "ContainsKey",
    "Append",
];

/// Members of collections that do not depend on their size.
const LIGHT_OF_LIST: [&str; 24] = [
    "Count",
    "Length",
    "LongLength",
    "this",
    "Add",
    "TryAdd",
    "Push",
    "Pop",
    "Peek",
    "TryPeek",
    "TryPop",
    "Enqueue",
    "ContainsKey",
    "TryGetValue",
    "GetValueOrDefault",
    "GetValue",
    "SetValue",
    "GetType",
    "AsEnumerable",
    "Rank",
    "Capacity",
    "Comparer",
    "IsReadOnly",
    "Select",
];

/// Counts what the row will do with one of its arguments.
#[inline]
pub(super) fn count(cx: &mut Cx<'_>, c: &Call, v: &Value) -> Result<(), Throw> {
    match v {
        Value::Str(s) if s.len() >= HEAVY => text(cx, c, s.len(), Some(s)),
        Value::Bytes(b) if b.len() >= HEAVY => text(cx, c, b.len(), None),
        Value::List(l) => list(cx, c, l.items().len()),
        Value::Dict(d) => list(cx, c, d.len()),
        _ => Ok(()),
    }
}

#[cold]
fn text(cx: &mut Cx<'_>, c: &Call, len: usize, text: Option<&str>) -> Result<(), Throw> {
    let (of, name) = c.member.map_or(("", ""), |m| (m.of, m.name));
    let bytes = if LIGHT_OF_TEXT.contains(&name) {
        LIGHT
    } else if of == "Regex" {
        SEARCHED
    } else if of == "Uri" && !name.contains("scape") {
        PARSED
    } else if text.is_some_and(|s| !s.is_ascii()) {
        WIDE
    } else {
        HEAVY
    };
    cx.step(len / bytes)
}

fn list(cx: &mut Cx<'_>, c: &Call, len: usize) -> Result<(), Throw> {
    // Without a row it is a cell of an array.
    if len < ITEMS || c.member.is_none_or(|m| LIGHT_OF_LIST.contains(&m.name)) {
        return Ok(());
    }
    cx.step(len / ITEMS)
}

#[cfg(test)]
mod tests;
