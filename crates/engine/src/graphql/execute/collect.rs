//! The fields that a selection asks of an object (CollectFields, 6.3.2 of the specification).

use super::Execution;
use apollo_compiler::collections::{HashSet, IndexMap};
use apollo_compiler::executable::{DirectiveList, Field, Selection, SelectionSet, Value};
use apollo_compiler::schema::{ExtendedType, ObjectType};
use apollo_compiler::{Name, Node};
use serde_json::Value as Json;

/// Fields by response key, in the order of the request.
pub(super) type Fields<'d> = IndexMap<&'d Name, Vec<&'d Node<Field>>>;

impl Execution<'_> {
    pub(super) fn collect<'d>(
        &'d self,
        object: &ObjectType,
        sets: &[&'d SelectionSet],
    ) -> Fields<'d> {
        let mut fields = Fields::default();
        let mut visited = HashSet::default();
        for set in sets {
            self.add(object, set, &mut visited, &mut fields);
        }
        fields
    }

    fn add<'d>(
        &'d self,
        object: &ObjectType,
        set: &'d SelectionSet,
        visited: &mut HashSet<&'d Name>,
        fields: &mut Fields<'d>,
    ) {
        for selection in &set.selections {
            if !self.included(selection.directives()) {
                continue;
            }
            match selection {
                Selection::Field(field) => {
                    fields.entry(field.response_key()).or_default().push(field);
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.type_condition.as_ref();
                    if condition.is_none_or(|name| self.is_a(object, name)) {
                        self.add(object, &inline.selection_set, visited, fields);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.fragment_name;
                    let whole = self.document.whole();
                    if let Some(fragment) = whole.fragments.get(name)
                        && visited.insert(name)
                        && self.is_a(object, fragment.type_condition())
                    {
                        self.add(object, &fragment.selection_set, visited, fields);
                    }
                }
            }
        }
    }

    /// `@skip` and `@include`.
    fn included(&self, directives: &DirectiveList) -> bool {
        let condition = |name: &str| {
            let argument = directives.get(name)?.specified_argument_by_name("if")?;
            match &**argument {
                Value::Boolean(condition) => Some(*condition),
                Value::Variable(name) => self.variables.get(name.as_str()).and_then(Json::as_bool),
                _ => None,
            }
        };
        !condition("skip").unwrap_or(false) && condition("include").unwrap_or(true)
    }

    /// Whether an object type is a type: itself, an interface that it has, or a union that it is in.
    fn is_a(&self, object: &ObjectType, name: &Name) -> bool {
        match self.graphql.schema.types().types.get(name) {
            Some(ExtendedType::Interface(_)) => object.implements_interfaces.contains(name),
            Some(ExtendedType::Union(union)) => union.members.contains(&object.name),
            _ => object.name == *name,
        }
    }
}
