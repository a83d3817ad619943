//! `xs:key`, `xs:unique` and `xs:keyref` (XML Schema, Part 1, section 3.11): their paths, and what they hold of a tree.

use super::compile::shown;
use super::model::{Constraint, Kind, Path, Step};
use super::validate::Validator;
use crate::value::Str;
use crate::value::xml::{Name, Node, is_name};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Most steps of a path.
const MAX_STEPS: usize = 100;

/// The keys of each constraint, below an element.
pub(super) type Tables = HashMap<Name, HashSet<Vec<String>>>;

/// Reads the path of a selector or field; `at`: where prefixes are declared.
pub(super) fn parse(text: &str, at: &Node, field: bool) -> Result<Vec<Path>, String> {
    let invalid = || format!("'{text}' is an invalid XPath for selector or field.");
    let mut out = Vec::new();
    for alternative in text.split('|') {
        let packed: String = alternative.split_ascii_whitespace().collect();
        let (deep, rest) = match packed.strip_prefix(".//") {
            Some(rest) => (true, rest),
            None => (false, packed.as_str()),
        };
        let mut steps = Vec::new();
        for step in rest.split('/') {
            if steps.len() >= MAX_STEPS {
                return Err(invalid());
            }
            if step == "." {
                continue;
            }
            let (attribute, name) = match (step.strip_prefix('@'), step.strip_prefix("attribute::"))
            {
                (Some(name), _) | (_, Some(name)) => (true, name),
                _ => (false, step.strip_prefix("child::").unwrap_or(step)),
            };
            if steps.last().is_some_and(|s: &Step| s.attribute) || (attribute && !field) {
                return Err(invalid());
            }
            let (prefix, local) = name.split_once(':').unwrap_or(("", name));
            if local != "*" && !is_name(local) {
                return Err(invalid());
            }
            let namespace = match prefix {
                "" if local == "*" => None,
                "" => Some(Str::from("")),
                prefix => Some(at.namespace_of(prefix).ok_or_else(invalid)?),
            };
            steps.push(Step {
                namespace,
                local: (local != "*").then(|| Str::from(local)),
                attribute,
            });
        }
        out.push(Path { deep, steps });
    }
    Ok(out)
}

fn takes(step: &Step, node: &Node) -> bool {
    node.name().is_some_and(|name| {
        step.namespace.as_ref().is_none_or(|n| *n == name.namespace)
            && step.local.as_ref().is_none_or(|l| *l == name.local)
    })
}

impl Validator<'_> {
    /// The nodes that paths lead to, in document order for each path.
    fn select(&mut self, paths: &[Path], from: &Rc<Node>) -> Vec<Rc<Node>> {
        let mut out: Vec<Rc<Node>> = Vec::new();
        for path in paths {
            let mut now = vec![from.clone()];
            if path.deep {
                let all = from.descendants();
                if !self.pays(all.len()) {
                    return Vec::new();
                }
                now.extend(all.into_iter().filter(|n| n.is_element()));
            }
            for step in &path.steps {
                let mut next = Vec::new();
                for node in &now {
                    let all = if step.attribute {
                        node.attributes()
                    } else {
                        node.children()
                    };
                    if !self.pays(all.len()) {
                        return Vec::new();
                    }
                    let kind = |n: &&Rc<Node>| n.is_attribute() || n.is_element();
                    next.extend(all.iter().filter(kind).filter(|n| takes(step, n)).cloned());
                }
                now = next;
            }
            out.extend(now);
        }
        out
    }

    /// Holds an element to its constraints; the keys below it are in `tables`.
    pub(super) fn constraints(&mut self, all: &[Constraint], node: &Rc<Node>) {
        let (keys, references): (Vec<&Constraint>, Vec<&Constraint>) =
            all.iter().partition(|c| c.kind != Kind::KeyRef);
        for constraint in keys {
            let mut table = HashSet::new();
            for selected in self.select(&constraint.selector, node) {
                match self.sequence(constraint, &selected) {
                    Some((key, _)) if !table.contains(&key) => {
                        table.insert(key);
                    }
                    Some((_, said)) => {
                        let name = shown(&constraint.name);
                        self.say(&selected, format!("There is a duplicate key sequence '{said}' for the '{name}' key or unique identity constraint."));
                    }
                    None if constraint.kind == Kind::Key => {
                        let name = shown(&constraint.name);
                        self.say(&selected, format!("The identity constraint '{name}' validation has failed. Either a key is missing or the existing key has an empty node."));
                    }
                    None => {}
                }
            }
            let known = self.tables.entry(constraint.name.clone()).or_default();
            known.extend(table);
        }
        for constraint in references {
            for selected in self.select(&constraint.selector, node) {
                let Some((key, said)) = self.sequence(constraint, &selected) else {
                    continue;
                };
                let refer = constraint.refer.as_ref();
                let known = refer.and_then(|r| self.tables.get(r));
                if !known.is_some_and(|k| k.contains(&key)) {
                    let name = refer.map(shown).unwrap_or_default();
                    self.say(&selected, format!("The key sequence '{said}' in '{name}' Keyref fails to refer to some key."));
                }
            }
        }
    }

    /// The values of the fields, compared and as written; `None` when one is missing.
    fn sequence(
        &mut self,
        constraint: &Constraint,
        node: &Rc<Node>,
    ) -> Option<(Vec<String>, String)> {
        let (mut key, mut said) = (Vec::new(), Vec::new());
        for field in &constraint.fields {
            let found = self.select(field, node).into_iter().next()?;
            let text = found.inner_text();
            let value = self.values.get(&Rc::as_ptr(&found)).cloned();
            key.push(value.unwrap_or_else(|| text.to_string()));
            said.push(text.to_string());
        }
        Some((key, said.join(" ")))
    }
}
