//! Values of a template: parameters, variables, expressions, copy loops.
//!
//! What must stay true: an expression that cannot be worked out is noted where it stands, and its value left out;
//! evaluation ends, whatever variables refer to.

use super::expression::{Expression, inside, parse};
use super::functions;
use super::nowhere;
use crate::azure::Note;
use crate::azure::tree::{list, mapping, text};
use crate::yaml::{Form, Kind, Node, Place};
use std::cell::Cell;

/// Deepest evaluation: variables that use variables that use variables.
const DEPTH: usize = 200;
/// Most rounds of a loop.
const MOST_ROUNDS: i64 = 800;
/// Most values that one template may come to.
const MOST_STEPS: usize = 2_000_000;

/// What names mean in a template.
pub(super) struct Scope<'t> {
    template: &'t Node,
    /// Given values, as `name: { value: ... }`, worked out.
    given: Option<Node>,
    /// The loops around: name and index.
    loops: Vec<(String, i64)>,
    steps: Cell<usize>,
}

/// The scope of a template that sees nothing of the one around it.
pub(super) fn child_scope<'t>(
    template: &'t Node,
    given: Option<&Node>,
    notes: &mut Vec<Note>,
) -> Scope<'t> {
    Scope::new(template, given, None, notes)
}

impl<'t> Scope<'t> {
    pub(super) fn new(
        template: &'t Node,
        given: Option<&Node>,
        loops: Option<Vec<(String, i64)>>,
        notes: &mut Vec<Note>,
    ) -> Scope<'t> {
        let scope = Scope {
            template,
            given: given.map(Node::copy),
            loops: loops.unwrap_or_default(),
            steps: Cell::new(0),
        };
        for (key, parameter) in template
            .property("parameters")
            .map_or(&[][..], Node::entries)
        {
            let given = scope.given(&key.text).is_some();
            if !given && parameter.property("defaultValue").is_none() {
                notes.push(Note::new(
                    key.place,
                    format!(
                        "parameter `{}` has no value: what uses it is left out",
                        key.text
                    ),
                ));
            }
        }
        scope
    }

    /// The same inside a loop.
    pub(super) fn in_loop(&self, name: &str, index: i64) -> Scope<'t> {
        let mut loops = self.loops.clone();
        loops.push((name.to_owned(), index));
        Scope {
            template: self.template,
            given: self.given.as_ref().map(Node::copy),
            loops,
            steps: Cell::new(self.steps.get()),
        }
    }

    /// How often a loop runs.
    pub(super) fn count(&self, copy: &Node, notes: &mut Vec<Note>) -> i64 {
        let count = copy.property("count").and_then(|c| self.value(c, notes));
        count
            .as_ref()
            .and_then(functions::integer)
            .unwrap_or(0)
            .clamp(0, MOST_ROUNDS)
    }

    /// The index of a loop by its name, or of the innermost one.
    pub(super) fn index(&self, name: Option<&str>) -> Option<i64> {
        let mut loops = self.loops.iter().rev();
        let found = loops.find(|(own, _)| name.is_none_or(|name| own.eq_ignore_ascii_case(name)));
        found.map(|(_, index)| *index)
    }

    fn given(&self, name: &str) -> Option<&Node> {
        self.given.as_ref()?.property(name)?.property("value")
    }

    /// A value with its expressions worked out. `None`: it is left out, which is noted.
    pub(super) fn value(&self, node: &Node, notes: &mut Vec<Note>) -> Option<Node> {
        self.resolved(node, notes, 0)
    }

    fn resolved(&self, node: &Node, notes: &mut Vec<Note>, depth: usize) -> Option<Node> {
        match &node.kind {
            Kind::Scalar {
                text: written,
                form: Form::Text,
            } => {
                let Some(expression) = inside(written) else {
                    let plain = written.strip_prefix("[[").map(|rest| format!("[{rest}"));
                    return Some(plain.map_or_else(|| node.copy(), |t| text(t, node.place)));
                };
                let value = parse(expression).and_then(|e| self.run(&e, node.place, depth));
                match value {
                    Ok(value) => Some(value),
                    Err(why) => {
                        notes.push(Note::new(node.place, format!("left out: {why}")));
                        None
                    }
                }
            }
            Kind::Scalar { .. } | Kind::Absent => Some(node.copy()),
            Kind::Sequence(items) => {
                let items = items
                    .iter()
                    .filter_map(|item| self.resolved(item, notes, depth))
                    .collect();
                Some(list(items, node.place))
            }
            Kind::Mapping(entries) => {
                let mut out = mapping(node.place);
                for (key, value) in entries {
                    if key.text == "copy" && matches!(value.kind, Kind::Sequence(_)) {
                        for copy in value.items() {
                            self.property_copy(copy, &mut out, notes, depth);
                        }
                        continue;
                    }
                    // A name may be an expression, too.
                    let name = text(key.text.clone(), key.place);
                    let name = match inside(&key.text) {
                        Some(_) => self.resolved(&name, notes, depth),
                        None => Some(name),
                    };
                    if let (Some(name), Some(value)) = (name, self.resolved(value, notes, depth))
                        && let Kind::Mapping(entries) = &mut out.kind
                    {
                        let key = crate::yaml::Key {
                            id: 0,
                            place: key.place,
                            text: name.text().unwrap_or_default().to_owned(),
                        };
                        entries.push((key, value));
                    }
                }
                Some(out)
            }
        }
    }

    /// `copy: [{ name, count, input }]` inside properties: a list under the name.
    fn property_copy(&self, copy: &Node, out: &mut Node, notes: &mut Vec<Note>, depth: usize) {
        let (Some(name), Some(input)) = (copy.property_text("name"), copy.property("input")) else {
            return;
        };
        let mut items = Vec::new();
        for index in 0..self.count(copy, notes) {
            let inside = self.in_loop(name, index);
            items.extend(inside.resolved(input, notes, depth + 1));
        }
        out.set(name, list(items, copy.place));
    }

    /// Works an expression out.
    pub(super) fn run(
        &self,
        expression: &Expression,
        place: Place,
        depth: usize,
    ) -> Result<Node, String> {
        self.steps.set(self.steps.get() + 1);
        if depth > DEPTH || self.steps.get() > MOST_STEPS {
            return Err(String::from(
                "the expression does not come to an end: does a variable use itself?",
            ));
        }
        match expression {
            Expression::Text(value) => Ok(text(value.clone(), place)),
            Expression::Integer(value) => Ok(functions::number(*value, place)),
            Expression::Member(of, name) => {
                let of = self.run(of, place, depth + 1)?;
                let found = of.property(name).map(Node::copy);
                found.ok_or_else(|| format!("there is no property `{name}`"))
            }
            Expression::Item(of, index) => {
                let of = self.run(of, place, depth + 1)?;
                let index = self.run(index, place, depth + 1)?;
                functions::item(&of, &index)
            }
            Expression::Call(name, arguments) => self.call(name, arguments, place, depth),
        }
    }

    fn call(
        &self,
        name: &str,
        arguments: &[Expression],
        place: Place,
        depth: usize,
    ) -> Result<Node, String> {
        // Of these only what is needed is worked out.
        match (name, arguments) {
            ("if", [condition, yes, no]) => {
                let condition = self.run(condition, place, depth + 1)?;
                let taken = if condition.is_true() { yes } else { no };
                return self.run(taken, place, depth + 1);
            }
            ("coalesce", _) => {
                for argument in arguments {
                    let value = self.run(argument, place, depth + 1)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                return Ok(functions::null(place));
            }
            ("tryget", [of, keys @ ..]) => {
                let mut value = self.run(of, place, depth + 1)?;
                for key in keys {
                    let key = self.run(key, place, depth + 1)?;
                    match functions::item(&value, &key) {
                        Ok(found) => value = found,
                        Err(_) => return Ok(functions::null(place)),
                    }
                }
                return Ok(value);
            }
            _ => {}
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.run(argument, place, depth + 1)?);
        }
        let named = |kind: &str| {
            let name = values.first().and_then(Node::text);
            name.ok_or_else(|| format!("`{kind}` needs a name"))
        };
        match name {
            "parameters" => self.parameter(named(name)?, depth),
            "variables" => self.variable(named(name)?, depth),
            "copyindex" => {
                let by_name = values
                    .first()
                    .and_then(Node::text)
                    .filter(|t| t.parse::<i64>().is_err());
                let index = self
                    .index(by_name)
                    .ok_or("there is no loop around `copyIndex`")?;
                let offset = values.last().and_then(functions::integer).unwrap_or(0);
                Ok(functions::number(index.saturating_add(offset), place))
            }
            _ => functions::call(name, &values, place),
        }
    }

    fn parameter(&self, name: &str, depth: usize) -> Result<Node, String> {
        if let Some(given) = self.given(name) {
            return Ok(given.copy());
        }
        let parameters = self.template.property("parameters");
        let parameter = parameters.and_then(|p| p.property(name));
        let parameter = parameter.ok_or_else(|| format!("there is no parameter `{name}`"))?;
        let default = parameter
            .property("defaultValue")
            .ok_or_else(|| format!("parameter `{name}` has no value"))?;
        self.needed(default, depth)
    }

    fn variable(&self, name: &str, depth: usize) -> Result<Node, String> {
        let variables = self.template.property("variables");
        if let Some(found) = variables.and_then(|v| v.property(name)) {
            return self.needed(found, depth);
        }
        // A variable that is made by a loop.
        let copies = variables.and_then(|v| v.property("copy"));
        let copy = copies.into_iter().flat_map(Node::items).find(|copy| {
            copy.property_text("name")
                .is_some_and(|n| n.eq_ignore_ascii_case(name))
        });
        let copy = copy.ok_or_else(|| format!("there is no variable `{name}`"))?;
        let mut out = mapping(copy.place);
        let mut notes = Vec::new();
        self.property_copy(copy, &mut out, &mut notes, depth + 1);
        match notes.into_iter().next() {
            Some(note) => Err(note.message),
            None => {
                let found = out.entries().first().map(|(_, value)| value.copy());
                Ok(found.unwrap_or_else(|| list(Vec::new(), nowhere())))
            }
        }
    }

    /// A value that an expression uses: what is wrong in it is wrong with the expression.
    fn needed(&self, node: &Node, depth: usize) -> Result<Node, String> {
        if depth > DEPTH {
            return Err(String::from(
                "the expression does not come to an end: does a variable use itself?",
            ));
        }
        let mut notes = Vec::new();
        let value = self.resolved(node, &mut notes, depth + 1);
        match (value, notes.into_iter().next()) {
            (Some(value), None) => Ok(value),
            (_, Some(note)) => {
                let why = note.message;
                Err(why
                    .strip_prefix("left out: ")
                    .map_or(why.clone(), str::to_owned))
            }
            (None, None) => Err(String::from("it has no value")),
        }
    }
}
