//! Which fields a request may ask for: the rules of `validate-graphql-request`, and a document without what they remove.
//!
//! Source: API Management, "Validate GraphQL request". What must stay true: the most specific rule decides; a field that
//! is selected through an interface or union is held to the rules of every type behind it, the strictest counts.

mod pattern;

pub use pattern::Pattern;

use super::document::Document;
use super::error::Error;
use super::rewrite;
use super::schema::Schema;
use apollo_compiler::executable::{ExecutableDocument, Field, Fragment, Selection, SelectionSet};
use apollo_compiler::{Name, Node};
use serde_json::Value as Json;
use std::collections::HashMap;

/// What a rule does with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It has no say.
    Ignore,
    /// The field stays.
    Allow,
    /// The field is taken out of the request.
    Remove,
    /// The request is refused.
    Reject,
}

impl Action {
    /// The words, in the order of the documentation.
    pub const WORDS: [&'static str; 4] = ["allow", "remove", "reject", "ignore"];

    /// By its place among the words.
    pub fn of(word: usize) -> Action {
        match word {
            0 => Action::Allow,
            1 => Action::Remove,
            2 => Action::Reject,
            _ => Action::Ignore,
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Access {
    /// The request is refused.
    pub rejected: Option<Error>,
    /// Fields that were taken out.
    pub removed: Vec<Error>,
    /// The document without them; `None` when it stays, and when nothing is left of it.
    pub document: Option<String>,
}

/// Holds a document to rules. `action` tells what a rule does for this request, by its place; it is asked once for each
/// rule that has a say.
pub fn authorize<E>(
    schema: &Schema,
    document: &Document,
    rules: &[Pattern],
    action: &mut dyn FnMut(usize) -> Result<Action, E>,
) -> Result<Access, E> {
    let mut order: Vec<usize> = (0..rules.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(rules[*at].specificity()));
    let mut walk = Walk {
        schema,
        document,
        rules,
        order,
        action,
        actions: vec![None; rules.len()],
        verdicts: HashMap::new(),
        path: Vec::new(),
        fragments: HashMap::new(),
        access: Access::default(),
    };
    let operation = document.operation();
    let set = walk.set(&operation.selection_set)?;
    let Walk {
        mut access,
        fragments,
        ..
    } = walk;
    if access.rejected.is_none() && !access.removed.is_empty() {
        match set {
            Some(set) => {
                let fragments = fragments
                    .into_iter()
                    .filter_map(|(name, f)| Some((name, f?)));
                access.document = Some(rewrite::document(operation, set, fragments.collect()));
            }
            // Nothing is left to ask for.
            None => access.rejected = access.removed.first().cloned(),
        }
    }
    Ok(access)
}

struct Walk<'a, E> {
    schema: &'a Schema,
    document: &'a Document,
    rules: &'a [Pattern],
    /// The rules, the most specific one first.
    order: Vec<usize>,
    action: &'a mut dyn FnMut(usize) -> Result<Action, E>,
    actions: Vec<Option<Action>>,
    verdicts: HashMap<(Name, Name), Action>,
    /// Response keys down to here.
    path: Vec<Json>,
    /// Fragments as they remain; `None`: nothing is left.
    fragments: HashMap<Name, Option<Node<Fragment>>>,
    access: Access,
}

impl<E> Walk<'_, E> {
    /// What is left of a selection set; `None`: nothing.
    fn set(&mut self, set: &SelectionSet) -> Result<Option<SelectionSet>, E> {
        let mut kept = SelectionSet::new(set.ty.clone());
        for selection in &set.selections {
            let left = match selection {
                Selection::Field(field) => self.field(&set.ty, field)?.map(Selection::Field),
                Selection::InlineFragment(inline) => {
                    self.set(&inline.selection_set)?.map(|selection_set| {
                        let mut inline = inline.clone();
                        inline.make_mut().selection_set = selection_set;
                        Selection::InlineFragment(inline)
                    })
                }
                Selection::FragmentSpread(spread) => self
                    .fragment(&spread.fragment_name)?
                    .then(|| selection.clone()),
            };
            if self.access.rejected.is_some() {
                return Ok(None);
            }
            kept.selections.extend(left);
        }
        Ok((!kept.is_empty()).then_some(kept))
    }

    fn field(&mut self, parent: &Name, field: &Node<Field>) -> Result<Option<Node<Field>>, E> {
        self.path.push(Json::from(field.response_key().as_str()));
        let verdict = self.verdict(parent, &field.name)?;
        let left = match verdict {
            Action::Allow | Action::Ignore => {
                // What is inside `__schema` and `__type` is the schema's, which the field itself stands for.
                let whole = field.selection_set.is_empty() || field.name.starts_with("__");
                if whole {
                    Some(field.clone())
                } else {
                    self.set(&field.selection_set)?.map(|selection_set| {
                        let mut field = field.clone();
                        field.make_mut().selection_set = selection_set;
                        field
                    })
                }
            }
            Action::Remove | Action::Reject => {
                let mut error = Error::new(format!(
                    "Access to the field `{}` of the type `{parent}` is not allowed.",
                    field.name
                ))
                .at(self.path.clone());
                error.locations = self.document.place(field.name.location());
                if verdict == Action::Reject {
                    self.access.rejected = Some(error);
                } else if self.access.removed.len() < super::error::MOST {
                    self.access.removed.push(error);
                }
                None
            }
        };
        self.path.pop();
        Ok(left)
    }

    /// Whether something is left of a fragment.
    fn fragment(&mut self, name: &Name) -> Result<bool, E> {
        if let Some(known) = self.fragments.get(name) {
            return Ok(known.is_some());
        }
        let whole: &ExecutableDocument = self.document.whole();
        let Some(fragment) = whole.fragments.get(name) else {
            return Ok(false);
        };
        let left = self.set(&fragment.selection_set)?.map(|selection_set| {
            let mut fragment = fragment.clone();
            fragment.make_mut().selection_set = selection_set;
            fragment
        });
        let any = left.is_some();
        self.fragments.insert(name.clone(), left);
        Ok(any)
    }

    /// What the rules say of a field: the strictest of what they say for the types that its parent may be.
    fn verdict(&mut self, parent: &Name, field: &Name) -> Result<Action, E> {
        let key = (parent.clone(), field.clone());
        if let Some(known) = self.verdicts.get(&key) {
            return Ok(*known);
        }
        let mut types = self.schema.possible(parent);
        if !types.contains(&parent) {
            types.push(parent);
        }
        let mut verdict = Action::Allow;
        for name in types {
            verdict = verdict.max(self.of_type(name, field)?);
        }
        self.verdicts.insert(key, verdict);
        Ok(verdict)
    }

    fn of_type(&mut self, name: &Name, field: &Name) -> Result<Action, E> {
        let root = self.schema.is_root(name);
        for at in 0..self.order.len() {
            let at = self.order[at];
            if !self.rules[at].matches(name, field, root) {
                continue;
            }
            let action = match self.actions[at] {
                Some(known) => known,
                None => *self.actions[at].insert((self.action)(at)?),
            };
            if action != Action::Ignore {
                return Ok(action);
            }
        }
        Ok(Action::Allow)
    }
}

#[cfg(test)]
mod tests;
