//! The documents of a configuration, read once, with the fragments that they include.
//!
//! What must stay true: a document whose text has faults is left out; reading costs no more than compiling does.

use super::allow::{Allowed, allowed};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_engine::compile::{Named, ScopeKind, Section};
use tollgate_engine::definition::{ApiDefinition, Definition, PolicyText};
use tollgate_lang::document::{self, Element};
use tollgate_lang::{Diagnostic, Diagnostics, FileId};

/// A document with its place among the scopes.
pub(super) struct PolicyDocument {
    pub(super) kind: ScopeKind,
    pub(super) workspace: Option<Arc<str>>,
    /// The API of an API's or an operation's document; of a product's, its APIs.
    pub(super) apis: Vec<Arc<str>>,
    /// As a message names it.
    pub(super) title: String,
    pub(super) root: Element,
    /// Texts of its fragments, by id: what `include-fragment` means here.
    fragments: BTreeMap<String, Arc<Element>>,
}

impl PolicyDocument {
    /// A section, when the document has it.
    pub(super) fn section(&self, section: Section) -> Option<&Element> {
        self.root.elements().find(|e| &*e.name == section.name())
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = (Section, &Element)> {
        self.root
            .elements()
            .filter_map(|e| Some((Section::from_name(&e.name)?, e)))
    }

    /// What an `include-fragment` stands for.
    pub(super) fn fragment(&self, include: &Element) -> Option<&Element> {
        let id = include.attribute("fragment-id")?;
        self.fragments.get(&*id.value.text).map(|root| &**root)
    }

    /// Every element below, those of fragments too, with the elements that it is in, outermost first.
    pub(super) fn visit<'e>(
        &'e self,
        from: &'e Element,
        look: &mut dyn FnMut(&'e Element, &[&'e Element]),
    ) {
        self.visit_in(from, &mut Vec::new(), look);
    }

    fn visit_in<'e>(
        &'e self,
        from: &'e Element,
        outer: &mut Vec<&'e Element>,
        look: &mut dyn FnMut(&'e Element, &[&'e Element]),
    ) {
        look(from, outer);
        outer.push(from);
        let fragment = (&*from.name == "include-fragment")
            .then(|| self.fragment(from))
            .flatten();
        for child in from
            .elements()
            .chain(fragment.into_iter().flat_map(Element::elements))
        {
            // A fragment includes none, and documents nest to a bound: this ends.
            if outer.len() <= 2 * document::MAX_DEPTH {
                self.visit_in(child, outer, look);
            }
        }
        outer.pop();
    }

    /// Whether a request can run through both, and this one is of a broader scope.
    pub(super) fn is_around(&self, other: &PolicyDocument) -> bool {
        if self.kind as u8 >= other.kind as u8 {
            return false;
        }
        match self.kind {
            ScopeKind::Global => true,
            ScopeKind::Workspace => self.workspace == other.workspace,
            _ => self.apis.iter().any(|api| other.apis.contains(api)),
        }
    }
}

/// All documents.
pub(super) struct Documents<'a> {
    definition: &'a Definition,
    all: Vec<PolicyDocument>,
    resolvers: Vec<PolicyDocument>,
    allowed: BTreeMap<FileId, (Arc<str>, Vec<Allowed>)>,
}

impl<'a> Documents<'a> {
    pub(super) fn read(definition: &'a Definition) -> Documents<'a> {
        let mut documents = Documents {
            definition,
            all: Vec::new(),
            resolvers: Vec::new(),
            allowed: BTreeMap::new(),
        };
        documents.add(
            &definition.policy,
            ScopeKind::Global,
            None,
            Vec::new(),
            String::from("the global policy"),
        );
        for workspace in &definition.workspaces {
            let id = Some(workspace.id.clone());
            let title = format!("workspace `{}`", workspace.id);
            documents.add(
                &workspace.policy,
                ScopeKind::Workspace,
                id,
                Vec::new(),
                title,
            );
        }
        for product in &definition.products {
            let title = format!("product `{}`", product.id);
            documents.add(
                &product.policy,
                ScopeKind::Product,
                product.workspace.clone(),
                product.apis.clone(),
                title,
            );
        }
        for api in &definition.apis {
            let title = format!("API `{}`", api.id);
            let apis = vec![api.id.clone()];
            documents.add(
                &api.policy,
                ScopeKind::Api,
                api.workspace.clone(),
                apis.clone(),
                title,
            );
            for operation in &api.operations {
                let title = format!("operation `{}`", operation.id);
                documents.add(
                    &operation.policy,
                    ScopeKind::Operation,
                    api.workspace.clone(),
                    apis.clone(),
                    title,
                );
            }
        }
        let scoped = documents.all.len();
        for api in &definition.apis {
            let resolvers = api.graphql.iter().flat_map(|g| &g.resolvers);
            for resolver in resolvers {
                documents.add(
                    &Some(resolver.policy.clone()),
                    ScopeKind::Resolver,
                    api.workspace.clone(),
                    vec![api.id.clone()],
                    format!("resolver `{}`", resolver.id),
                );
            }
        }
        documents.resolvers = documents.all.split_off(scoped);
        documents
    }

    fn add(
        &mut self,
        text: &Option<PolicyText>,
        kind: ScopeKind,
        workspace: Option<Arc<str>>,
        apis: Vec<Arc<str>>,
        title: String,
    ) {
        let Some(text) = text else { return };
        let own = self
            .definition
            .workspaces
            .iter()
            .find(|w| workspace.as_ref() == Some(&w.id));
        let named = Named {
            own: own.map(|w| &w.named_values),
            service: &self.definition.named_values,
        };
        let Some(root) = self.parsed(text, &named) else {
            return;
        };
        let mut fragments = BTreeMap::new();
        let service = self.definition.fragments.iter();
        for (id, text) in service.chain(own.into_iter().flat_map(|w| &w.fragments)) {
            if !includes(&root, id) {
                continue;
            }
            if let Some(root) = self.parsed(text, &named) {
                fragments.insert(id.clone(), Arc::new(root));
            }
        }
        self.all.push(PolicyDocument {
            kind,
            workspace,
            apis,
            title,
            root,
            fragments,
        });
    }

    /// The tree of a text without faults.
    fn parsed(&mut self, text: &PolicyText, named: &Named<'_>) -> Option<Element> {
        let mut faults = Diagnostics::default();
        let document = document::read(text.file, &text.text, named, &mut faults)?;
        self.allowed
            .entry(text.file)
            .or_insert_with(|| (text.text.clone(), allowed(&text.text)));
        (!faults.has_errors()).then_some(document.root)
    }

    pub(super) fn all(&self) -> &[PolicyDocument] {
        &self.all
    }

    /// Those of resolvers, which have no sections and inherit from none.
    pub(super) fn resolvers(&self) -> &[PolicyDocument] {
        &self.resolvers
    }

    /// The documents that can run for a request of an API.
    pub(super) fn of_api(&self, api: &ApiDefinition) -> impl Iterator<Item = &PolicyDocument> {
        let (id, workspace) = (api.id.clone(), api.workspace.clone());
        self.all.iter().filter(move |d| match d.kind {
            ScopeKind::Global => true,
            ScopeKind::Workspace => d.workspace == workspace,
            _ => d.apis.contains(&id),
        })
    }

    /// Whether a comment takes a warning back.
    pub(super) fn allows(&self, warning: &Diagnostic) -> bool {
        let Some(span) = warning.span else {
            return false;
        };
        let Some((text, allowed)) = self.allowed.get(&span.file) else {
            return false;
        };
        let before = text
            .as_bytes()
            .get(..span.start as usize)
            .unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        allowed.iter().any(|a| {
            let here = a
                .lines
                .is_none_or(|(first, last)| (first..=last).contains(&line));
            here && a.code == warning.code
        })
    }
}

/// Whether an element includes a fragment, at any depth.
fn includes(element: &Element, id: &str) -> bool {
    let own = &*element.name == "include-fragment"
        && element
            .attribute("fragment-id")
            .is_some_and(|a| &*a.value.text == id);
    own || element.elements().any(|child| includes(child, id))
}
