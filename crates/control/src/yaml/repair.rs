//! Reads a tree into a model and reports every fault on the way.
//!
//! What must stay true: each round removes one fault from the tree for good, so the loop ends; a property that was
//! taken out because it was wrong is not reported again as missing.

use super::at::Place;
use super::de::Tree;
use super::example::example;
use super::fault::{Fault, What};
use super::parse::{Key, Kind, Node};
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use tollgate_lang::{Diagnostic, Diagnostics, FileId, Span};

/// Most faults of one file that are worth reading.
const MOST_FAULTS: usize = 500;

/// The model of a tree; `None` when the rest cannot be read either.
pub(crate) fn read<T: DeserializeOwned>(
    file: FileId,
    root: &mut Node,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    read_with(file, root, diagnostics).map(|(model, _)| model)
}

/// The model of a tree, and what was put in for what is missing.
pub(crate) fn read_with<T: DeserializeOwned>(
    file: FileId,
    root: &mut Node,
    diagnostics: &mut Diagnostics,
) -> Option<(T, StandIns)> {
    let mut number = u32::MAX;
    let mut stand_ins = StandIns::default();
    let mut removed: HashSet<(u32, String)> = HashSet::new();
    for _ in 0..MOST_FAULTS {
        let fault = match T::deserialize(Tree(root)) {
            Ok(model) => return Some((model, stand_ins)),
            Err(fault) => fault,
        };
        let silent = match (&fault.what, fault.at) {
            (What::MissingProperty(name), Some((id, _))) => {
                removed.contains(&(id, (*name).to_owned()))
            }
            _ => false,
        };
        if !silent {
            diagnostics.push(told(&fault, file, root));
        }
        number -= 1;
        if let (What::MissingProperty(_), Some((_, place))) = (&fault.what, fault.at) {
            stand_ins.texts.push((StandIns::text(number), place));
        }
        if !repair(root, &fault, number, &mut removed) {
            return None;
        }
    }
    None
}

/// The fault, with an example of what would be right.
fn told(fault: &Fault, file: FileId, root: &Node) -> Diagnostic {
    let told = fault.diagnostic(file);
    let mut path = Vec::new();
    match (&fault.what, fault.at) {
        (What::WrongType { .. }, Some((target, _))) if leads(root, target, &mut path) => {}
        _ => return told,
    }
    match example(&path) {
        Some(example) => told.help(format!("for example `{example}`")),
        None => told,
    }
}

/// The keys that lead to a node.
fn leads<'t>(node: &'t Node, target: u32, path: &mut Vec<&'t str>) -> bool {
    if node.id == target {
        return true;
    }
    match &node.kind {
        Kind::Mapping(entries) => entries.iter().any(|(key, value)| {
            path.push(&key.text);
            let found = leads(value, target, path);
            if !found {
                path.pop();
            }
            found
        }),
        Kind::Sequence(items) => items.iter().any(|item| leads(item, target, path)),
        _ => false,
    }
}

/// What stands in texts in place of properties that are missing: nobody wrote it.
#[derive(Clone, Debug, Default)]
pub(crate) struct StandIns {
    /// The texts, and where the mappings stand that miss the properties.
    texts: Vec<(String, Place)>,
}

impl StandIns {
    /// The text of a node that was put in.
    pub(super) fn text(id: u32) -> String {
        format!("missing-{id}")
    }

    /// A diagnostic as it can be shown: `None` when it is about a text that nobody wrote.
    pub(crate) fn shown(&self, mut diagnostic: Diagnostic) -> Option<Diagnostic> {
        for (text, place) in &self.texts {
            if !diagnostic.message.contains(text) {
                continue;
            }
            let here = |span: Span| span.start == place.start && span.end == place.end;
            if diagnostic.span.is_some_and(here) {
                return None;
            }
            diagnostic.message = diagnostic.message.replace(text, "?");
        }
        Some(diagnostic)
    }
}

/// Takes the fault out of the tree. `false`: its place was not found.
fn repair(
    node: &mut Node,
    fault: &Fault,
    number: u32,
    removed: &mut HashSet<(u32, String)>,
) -> bool {
    let Some((target, place)) = fault.at else {
        return false;
    };
    if let What::MissingProperty(name) = &fault.what
        && node.id == target
    {
        let entry = (
            Key {
                id: number,
                place,
                text: (*name).to_owned(),
            },
            Node::absent(number, place),
        );
        match &mut node.kind {
            Kind::Mapping(entries) => entries.push(entry),
            // An empty value where a mapping was expected.
            Kind::Scalar { .. } => node.kind = Kind::Mapping(vec![entry]),
            _ => return false,
        }
        return true;
    }
    match &mut node.kind {
        Kind::Mapping(entries) => {
            let duplicate = match &fault.what {
                What::Duplicate(name) if node.id == target => {
                    entries.iter().rposition(|(key, _)| key.text == *name)
                }
                _ => None,
            };
            let wrong = !matches!(fault.what, What::MissingProperty(_));
            let found = duplicate.or_else(|| {
                entries
                    .iter()
                    .position(|(key, value)| wrong && (key.id == target || value.id == target))
            });
            if let Some(at) = found {
                if matches!(entries[at].1.kind, Kind::Absent) {
                    // A stand-in that does not fit cannot be mended.
                    return false;
                }
                let (key, value) = entries.remove(at);
                if value.id == target {
                    removed.insert((node.id, key.text));
                }
                return true;
            }
            entries
                .iter_mut()
                .any(|(_, value)| repair(value, fault, number, removed))
        }
        Kind::Sequence(items) => {
            let wrong = !matches!(fault.what, What::MissingProperty(_));
            if let Some(at) = items.iter().position(|item| wrong && item.id == target) {
                items.remove(at);
                return true;
            }
            items
                .iter_mut()
                .any(|item| repair(item, fault, number, removed))
        }
        _ => false,
    }
}
