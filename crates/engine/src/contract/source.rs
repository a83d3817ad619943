//! From definitions to contracts: which operations need one, and the one of each.
//!
//! Called once by [`crate::snapshot::build`]. What must stay true: of an API without a policy that uses contracts nothing
//! is read and nothing is kept.

use super::{Contract, ContractUses, Place, schema::Schemas};
use crate::compile::ScopeDocument;
use crate::definition::ApiDefinition;
use crate::snapshot::{Api, Product, Workspace};
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_lang::Diagnostics;

/// Gives the operations of all APIs their contracts. `schemas`: those that a workspace, by its index, sees.
pub(crate) fn fill(
    definitions: &[ApiDefinition],
    global: &ScopeDocument,
    workspaces: &[Workspace],
    products: &[Product],
    schemas: &dyn Fn(Option<u32>) -> Arc<Schemas>,
    apis: &mut [Api],
    diagnostics: &mut Diagnostics,
) {
    for (definition, api) in definitions.iter().zip(apis) {
        let Some(source) = &definition.contracts else {
            continue;
        };
        let mut shared = global.uses.clone();
        shared.add(&api.policy.uses);
        if let Some(workspace) = api.workspace {
            shared.add(&workspaces[workspace as usize].policy.uses);
        }
        for product in &api.products {
            shared.add(&products[*product as usize].policy.uses);
        }
        let uses: Vec<ContractUses> = api
            .operations
            .iter()
            .map(|operation| {
                let mut uses = shared.clone();
                uses.add(&operation.policy.uses);
                uses
            })
            .collect();
        let wanted: BTreeSet<&str> = api
            .operations
            .iter()
            .zip(&uses)
            .filter(|(_, uses)| !uses.none())
            .map(|(operation, _)| &*operation.id)
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let mut found = source.read(&wanted, diagnostics);
        for (operation, uses) in api.operations.iter_mut().zip(&uses) {
            let Some(messages) = found.remove(&*operation.id) else {
                continue;
            };
            let mut place = Place {
                of: format!("operation `{}` of API `{}`", operation.id, api.id),
                span: definition.span,
                diagnostics,
                schemas: schemas(api.workspace),
            };
            let contract = Contract::build(&messages, uses, &mut place);
            operation.contract = Some(Box::new(contract));
        }
    }
}
