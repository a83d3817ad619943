//! Documents of resolvers: the root is a data source, whose parts hold policies.
//!
//! `crate::graphql` asks for them when an API is built. What must stay true: a part holds what API Management's page lists
//! for it and nothing else, also where a fragment is included.

use super::{Block, Compile, Compiler, Diagnostics, OnceSeen, PolicyDef, ScopeKind, Section};
use crate::contract::ContractUses;
use crate::definition::PolicyText;
use crate::graphql::set_url;
use crate::step::Needs;
use tollgate_lang::Diagnostic;
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::document::{self, Element, Node};

/// The roots of resolvers' documents.
pub const DATA_SOURCES: [&str; 3] = [
    "http-data-source",
    "sql-data-source",
    "cosmosdb-data-source",
];

impl Compiler<'_> {
    /// Compiles the document of a resolver: one step, the data source. `workspace`: index of the one that its API is in.
    /// `uses` gets the subscriptions that it publishes to.
    pub fn resolver(
        &self,
        text: &PolicyText,
        workspace: Option<u32>,
        uses: &mut ContractUses,
        diagnostics: &mut Diagnostics,
    ) -> Option<Block> {
        let space = &self.spaces[workspace.map_or(0, |w| w as usize + 1)];
        let document = document::read(text.file, &text.text, &space.named, diagnostics)?;
        let mut cx = Compile {
            compiler: self,
            space,
            diagnostics,
            section: Section::Backend,
            scope: ScopeKind::Resolver,
            path: String::new(),
            needs: Needs::default(),
            reads_response: false,
            fragment: None,
            once: &mut OnceSeen::default(),
            def: None,
            uses,
            part: None,
        };
        if !DATA_SOURCES.contains(&&*document.root.name) {
            cx.no_data_source(&document.root);
            return None;
        }
        let block = cx.block(&[Node::Element(document.root)]);
        (!block.is_empty()).then_some(block)
    }
}

impl Compile<'_> {
    /// The policies of a part of a resolver's document, which acts on the message of `section`.
    pub fn part(
        &mut self,
        part: &Element,
        section: Section,
        allowed: &'static [&'static str],
    ) -> Block {
        let before = (self.section, self.part.replace(allowed));
        self.section = section;
        let block = self.block(&part.children);
        (self.section, self.part) = before;
        block
    }

    /// What stands in parts of resolvers' documents alone.
    pub(super) fn own_of_part(&self, name: &str) -> Option<&'static PolicyDef> {
        let def = &set_url::DEF;
        (self.part.is_some() && name == def.name).then_some(def)
    }

    /// Checks that an element may stand where it does.
    pub(super) fn place_in_resolver(&mut self, element: &Element, def: &'static PolicyDef) {
        let Some(allowed) = self.part else {
            return;
        };
        if allowed.contains(&def.name) {
            return;
        }
        let list: Vec<String> = allowed.iter().map(|name| format!("`{name}`")).collect();
        self.report(
            Diagnostic::error(
                "TG0575",
                element.name_span,
                format!("`{}` cannot stand in this part of a resolver", def.name),
            )
            .label(format!("expected {}", list.join(", "))),
        );
    }

    fn no_data_source(&mut self, root: &Element) {
        let list: Vec<String> = DATA_SOURCES.iter().map(|n| format!("`<{n}>`")).collect();
        let message = format!("the document of a resolver cannot be `<{}>`", root.name);
        let fault = Diagnostic::error("TG0574", root.name_span, message);
        let fault = fault.label(format!("expected {}", list.join(" or ")));
        self.report(match nearest(&root.name, DATA_SOURCES) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault,
        });
    }
}
