//! A document that holds one operation and what it uses.
//!
//! What must stay true: it is valid where the whole one was: no fragment and no variable stays that nothing uses.

use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{
    DirectiveList, ExecutableDocument, Fragment, Operation, OperationMap, Selection, SelectionSet,
    Value,
};
use apollo_compiler::{Name, Node};
use std::collections::{HashMap, HashSet};

/// The document of an operation with another selection set. `fragments`: those that are left, as they are now.
pub(super) fn document(
    operation: &Node<Operation>,
    set: SelectionSet,
    fragments: HashMap<Name, Node<Fragment>>,
) -> String {
    let mut operation = Operation::clone(operation);
    operation.selection_set = set;
    let mut uses = Uses {
        all: &fragments,
        fragments: IndexMap::default(),
        variables: HashSet::new(),
    };
    uses.directives(&operation.directives);
    uses.set(&operation.selection_set);
    let Uses {
        fragments: used,
        variables,
        ..
    } = uses;
    operation.variables.retain(|v| variables.contains(&v.name));
    let document = ExecutableDocument {
        sources: Default::default(),
        operations: OperationMap::from_one(operation),
        fragments: used,
    };
    document.to_string()
}

struct Uses<'a> {
    all: &'a HashMap<Name, Node<Fragment>>,
    fragments: IndexMap<Name, Node<Fragment>>,
    variables: HashSet<Name>,
}

impl Uses<'_> {
    fn set(&mut self, set: &SelectionSet) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    self.directives(&field.directives);
                    for argument in &field.arguments {
                        self.value(&argument.value);
                    }
                    self.set(&field.selection_set);
                }
                Selection::InlineFragment(inline) => {
                    self.directives(&inline.directives);
                    self.set(&inline.selection_set);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.directives);
                    let name = &spread.fragment_name;
                    if self.fragments.contains_key(name) {
                        continue;
                    }
                    if let Some(fragment) = self.all.get(name).cloned() {
                        self.fragments.insert(name.clone(), fragment.clone());
                        self.directives(&fragment.directives);
                        self.set(&fragment.selection_set);
                    }
                }
            }
        }
    }

    fn directives(&mut self, directives: &DirectiveList) {
        for directive in directives.iter() {
            for argument in &directive.arguments {
                self.value(&argument.value);
            }
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Variable(name) => {
                self.variables.insert(name.clone());
            }
            Value::List(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(fields) => fields.iter().for_each(|(_, field)| self.value(field)),
            _ => {}
        }
    }
}
