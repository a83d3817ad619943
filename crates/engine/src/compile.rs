//! From a policy document to steps: sections, scopes, shapes of elements, arguments.
//!
//! A policy is a row: a [`PolicyDef`] with its sections, scopes, attributes and children, from which the shape check,
//! the manual and the editors' schema come, and a `compile` function that only reads what was already checked.
//! What must stay true: every fault of a document is reported in one go, with its place and its remedy.

pub mod arg;
pub mod def;
mod lookup;
mod places;
mod resolver;
pub mod shape;
mod space;
pub mod word;

pub use arg::{Arg, ArgType, BodyText};
pub use def::{
    AttributeDef, ChildDef, Content, Kind, Once, PolicyDef, ScopeKind, Scopes, Section, Sections,
    attribute, child,
};
pub use word::Word;

pub use places::SourcePlace;
pub use resolver::DATA_SOURCES;
pub use space::Named;

use crate::client_certificate::ClientCertificates;
use crate::contract::{ContractUses, schema::Schemas};
use crate::definition::{ApiKind, CertificateDefinition, Definition, PolicyText};
use crate::jwt::Certificate;
use crate::policies;
use crate::snapshot::BackendIndex;
use crate::step::{Block, Branch, Needs, PlacedStep, Step};
use bytes::Bytes;
use space::Space;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::document::{self, Document, Element, Node, TextKind};
use tollgate_lang::liquid::Template;
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Diagnostics, Span};

/// A compiled scope document.
#[derive(Debug)]
pub struct ScopeDocument {
    /// Its scope.
    pub kind: ScopeKind,
    /// The sections, by [`Section`] as index.
    pub sections: [SectionCode; 4],
    /// What its policies use of operations' contracts.
    pub uses: ContractUses,
}

/// One section around its `<base/>`.
#[derive(Debug, Default)]
pub struct SectionCode {
    /// Steps before `<base/>`, or all of them when there is none.
    pub before: Block,
    /// Whether the parent scope's section runs.
    pub base: bool,
    /// Steps after `<base/>`.
    pub after: Block,
    /// Whether a step of it, at any depth, reads the response's body.
    pub reads_response: bool,
    /// Its element's name; `None` where the document leaves the section out.
    pub place: Option<Span>,
    /// The name of its `<base />`.
    pub base_place: Option<Span>,
}

impl SectionCode {
    fn inherit() -> SectionCode {
        SectionCode {
            base: true,
            ..SectionCode::default()
        }
    }
}

impl ScopeDocument {
    /// A scope without a document: `<base/>` in every section.
    pub fn inherit(kind: ScopeKind) -> ScopeDocument {
        ScopeDocument {
            kind,
            sections: std::array::from_fn(|_| SectionCode::inherit()),
            uses: ContractUses::default(),
        }
    }

    /// One section.
    pub fn section(&self, section: Section) -> &SectionCode {
        &self.sections[section as usize]
    }
}

/// The document of a global scope that has none.
const DEFAULT_GLOBAL: &str = "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error /></policies>";

/// Compiles documents against one definition.
pub struct Compiler<'a> {
    /// The service, then the workspaces in the definition's order.
    spaces: Vec<Space<'a>>,
    authorization_providers: Arc<crate::definition::AuthorizationProviders>,
    openid_urls: RefCell<BTreeSet<Str>>,
    openid_authorities: &'a [(Str, Str)],
    client_authorities: bool,
    /// Values of secret named values, for [`Compile::holds_secret`].
    secrets: Vec<Str>,
    places: RefCell<Vec<SourcePlace>>,
    cross_domain: RefCell<Option<Bytes>>,
}

impl<'a> Compiler<'a> {
    /// Reads what all documents share. `backends` and `client_certificates`: what ids mean in the service, then in each
    /// workspace.
    pub fn new(
        definition: &'a Definition,
        backends: &'a [HashMap<Str, BackendIndex>],
        client_certificates: &'a [ClientCertificates],
        diagnostics: &mut Diagnostics,
    ) -> Compiler<'a> {
        let service = &definition.named_values;
        let mut spaces: Vec<Space<'a>> = Vec::with_capacity(backends.len());
        for (at, (backends, shown)) in backends.iter().zip(client_certificates).enumerate() {
            let workspace = at.checked_sub(1).and_then(|n| definition.workspaces.get(n));
            let own = workspace.map(|w| &w.named_values);
            let fragments = workspace.map_or(&definition.fragments, |w| &w.fragments);
            let named = Named { own, service };
            let owner = workspace.map(|w| &w.id);
            let all = definition.loggers.iter();
            let own = all.clone().filter(|l| l.workspace.as_ref() == owner);
            let service = all.filter(|l| owner.is_some() && l.workspace.is_none());
            let loggers = own.chain(service).collect();
            let mut space = Space::new(named, fragments, backends, loggers, shown, diagnostics);
            space.schemas = Arc::new(Schemas::new(&definition.schemas, owner));
            let own = definition.certificates.iter();
            let own = own.filter(|c| c.workspace.as_ref() == owner);
            if let Some(service) = spaces.first() {
                space.certificates.clone_from(&service.certificates);
            }
            space.certificates.extend(certificates(own, diagnostics));
            spaces.push(space);
        }
        Compiler {
            spaces,
            authorization_providers: definition.authorization_providers.clone(),
            openid_urls: RefCell::default(),
            openid_authorities: &definition.gateway.openid_authorities,
            client_authorities: definition.gateway.client_authorities.is_some(),
            secrets: definition
                .workspaces
                .iter()
                .map(|w| &w.named_values)
                .chain([&definition.named_values])
                .flat_map(BTreeMap::values)
                .filter(|v| v.secret)
                .map(|v| v.value.expose().clone())
                .filter(|v| !v.trim().is_empty())
                .collect(),
            places: RefCell::default(),
            cross_domain: RefCell::default(),
        }
    }

    /// The schemas that a workspace sees, by its index; `None`: those of the service.
    pub(crate) fn schemas(&self, workspace: Option<u32>) -> Arc<Schemas> {
        let space = workspace.map_or(0, |w| w as usize + 1);
        self.spaces[space].schemas.clone()
    }

    /// What `cross-domain` publishes.
    pub fn cross_domain(&self) -> Option<Bytes> {
        self.cross_domain.take()
    }

    /// Configuration URLs of the OpenID providers that the documents name, sorted.
    pub fn openid_urls(&self) -> Vec<Str> {
        self.openid_urls.borrow().iter().cloned().collect()
    }

    /// Compiles the document of one scope; without one it inherits everything. `workspace`: index of the one that the
    /// document is in.
    pub fn scope(
        &self,
        text: Option<&PolicyText>,
        kind: ScopeKind,
        api: ApiKind,
        workspace: Option<u32>,
        diagnostics: &mut Diagnostics,
    ) -> ScopeDocument {
        let default;
        let text = match text {
            Some(text) => text,
            None if kind == ScopeKind::Global => {
                default = PolicyText {
                    file: tollgate_lang::FileId(u32::MAX),
                    text: Arc::from(DEFAULT_GLOBAL),
                };
                &default
            }
            None => return ScopeDocument::inherit(kind),
        };
        let space = workspace.map_or(0, |w| w as usize + 1);
        match document::read(
            text.file,
            &text.text,
            &self.spaces[space].named,
            diagnostics,
        ) {
            Some(document) => self.document(&document, kind, api, space, diagnostics),
            None => ScopeDocument::inherit(kind),
        }
    }

    fn document(
        &self,
        document: &Document,
        scope: ScopeKind,
        api: ApiKind,
        space: usize,
        diagnostics: &mut Diagnostics,
    ) -> ScopeDocument {
        let root = &document.root;
        // A section that a document leaves out behaves as `<base/>`: real documents rely on it.
        let mut compiled = ScopeDocument::inherit(scope);
        if &*root.name != "policies" {
            let message = format!(
                "a policy document's root is `<policies>`, not `<{}>`",
                root.name
            );
            let mut fault =
                Diagnostic::error("TG0302", root.name_span, message).label("expected `policies`");
            fault.help = match &*root.name {
                "fragment" => Some("name a fragment under `policyFragments`, and include it"),
                name if DATA_SOURCES.contains(&name) => {
                    Some("name a resolver under `resolvers` of a GraphQL API")
                }
                _ => None,
            }
            .map(String::from);
            diagnostics.push(fault);
            return compiled;
        }
        for attribute in &root.attributes {
            diagnostics.push(
                Diagnostic::error(
                    "TG0303",
                    attribute.name_span,
                    format!("`policies` has no attribute `{}`", attribute.name),
                )
                .label("remove it"),
            );
        }
        let mut seen: [Option<Span>; 4] = [None; 4];
        let mut once = OnceSeen::default();
        for node in &root.children {
            let element = match node {
                Node::Element(e) => e,
                // Text beside elements was reported by the reader.
                Node::Text(_) if root.elements().next().is_some() => continue,
                Node::Text(t) => {
                    diagnostics.push(
                        Diagnostic::error("TG0304", t.span, "text stands between the sections")
                            .label("expected `inbound`, `backend`, `outbound` or `on-error`"),
                    );
                    continue;
                }
            };
            let Some(section) = Section::from_name(&element.name) else {
                let hint = if policies::find(&element.name).is_some() {
                    format!(
                        "`{}` is a policy: put it inside `<inbound>`, `<backend>`, `<outbound>` or `<on-error>`",
                        element.name
                    )
                } else {
                    String::from("the sections are `inbound`, `backend`, `outbound` and `on-error`")
                };
                diagnostics.push(
                    Diagnostic::error(
                        "TG0304",
                        element.name_span,
                        format!("`{}` is not a section", element.name),
                    )
                    .label("expected a section")
                    .help(hint),
                );
                continue;
            };
            if let Some(first) = seen[section as usize] {
                diagnostics.push(
                    Diagnostic::error(
                        "TG0305",
                        element.name_span,
                        format!("section `{}` stands twice", element.name),
                    )
                    .label("second one")
                    .related(first, "first one"),
                );
                continue;
            }
            seen[section as usize] = Some(element.name_span);
            once.section();
            let mut cx = Compile {
                compiler: self,
                space: &self.spaces[space],
                diagnostics,
                section,
                scope,
                path: String::new(),
                needs: Needs::default(),
                reads_response: false,
                fragment: None,
                once: &mut once,
                def: None,
                uses: &mut compiled.uses,
                part: None,
            };
            compiled.sections[section as usize] = cx.section_code(element, api);
        }
        if scope == ScopeKind::Global && seen[Section::Backend as usize].is_none() {
            // There is nothing to inherit from: what is left out is as in a service without a global document.
            let default = self.scope(None, scope, api, None, diagnostics);
            let [_, backend, _, _] = default.sections;
            compiled.sections[Section::Backend as usize] = backend;
        }
        compiled
    }
}

/// Reads certificates; one that cannot be read is a fault and stays known as `None`.
fn certificates<'d>(
    definitions: impl Iterator<Item = &'d CertificateDefinition>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<Str, Option<Certificate>> {
    let mut certificates = BTreeMap::new();
    for definition in definitions {
        let key = definition.key.as_ref().map(|k| &**k.expose());
        let parsed = definition
            .certificate
            .as_ref()
            .map(|c| Certificate::parse(c, key));
        let certificate = match parsed {
            None => None,
            Some(Ok(certificate)) => Some(certificate),
            Some(Err(why)) => {
                let id = &definition.id;
                crate::snapshot::fault(
                    diagnostics,
                    definition.span,
                    format!("certificate `{id}` {why}"),
                    "give the certificate and its key as PEM",
                );
                None
            }
        };
        certificates.insert(definition.id.clone(), certificate);
    }
    certificates
}

/// Which single-use policies were seen.
#[derive(Default)]
struct OnceSeen {
    section: Vec<(&'static str, Span)>,
    document: Vec<(&'static str, Span)>,
}

impl OnceSeen {
    fn section(&mut self) {
        self.section.clear();
    }
}

/// What a policy's `compile` function works with.
pub struct Compile<'a> {
    compiler: &'a Compiler<'a>,
    space: &'a Space<'a>,
    diagnostics: &'a mut Diagnostics,
    /// The section it stands in.
    pub section: Section,
    /// The scope of its document.
    pub scope: ScopeKind,
    path: String,
    needs: Needs,
    /// Whether a step of the section reads the response's body.
    reads_response: bool,
    fragment: Option<Str>,
    once: &'a mut OnceSeen,
    def: Option<&'static PolicyDef>,
    uses: &'a mut ContractUses,
    /// Of a resolver's document: what may stand in the part that is compiled; `None`: its root.
    part: Option<&'static [&'static str]>,
}

impl Compile<'_> {
    fn section_code(&mut self, section: &Element, api: ApiKind) -> SectionCode {
        for attribute in &section.attributes {
            self.report(
                Diagnostic::error(
                    "TG0303",
                    attribute.name_span,
                    format!("`{}` has no attribute `{}`", section.name, attribute.name),
                )
                .label("remove it"),
            );
        }
        let mut code = SectionCode {
            place: Some(section.name_span),
            ..SectionCode::default()
        };
        self.reads_response = false;
        let mut first_base: Option<Span> = None;
        let mut steps = Vec::new();
        for (at, node) in section.children.iter().enumerate() {
            if let Node::Element(e) = node
                && &*e.name == "base"
            {
                shape::check(e, &policies::base::DEF, self);
                if let Some(first) = first_base {
                    self.report(
                        Diagnostic::error(
                            "TG0306",
                            e.name_span,
                            format!("`{}` holds more than one `<base />`", section.name),
                        )
                        .label("second one")
                        .related(first, "first one"),
                    );
                    continue;
                }
                first_base = Some(e.name_span);
                code.base = true;
                code.base_place = Some(e.name_span);
                code.before = Block::new(std::mem::take(&mut steps));
            } else if let Some(step) = self.node(node, at, &section.children) {
                steps.push(step);
            }
        }
        if code.base {
            code.after = Block::new(steps)
        } else {
            code.before = Block::new(steps)
        }
        code.reads_response = self.reads_response;
        // An MCP server's calls are forwarded even when the document's backend section is empty.
        if api == ApiKind::Mcp
            && self.section == Section::Backend
            && !code.base
            && code.before.is_empty()
        {
            code.base = true;
        }
        code
    }

    /// Compiles policies that stand in a container.
    pub fn block(&mut self, children: &[Node]) -> Block {
        let mut steps = Vec::new();
        for (at, node) in children.iter().enumerate() {
            if let Some(step) = self.node(node, at, children) {
                steps.push(step);
            }
        }
        Block::new(steps)
    }

    /// Compiles the children of a container's child (`when`, `otherwise`), which adds itself to the path. `nth` counts
    /// from 1 where several stand side by side. Gives the block and the path.
    pub fn branch(&mut self, child: &Element, nth: Option<usize>) -> (Block, Str) {
        let length = self.enter(&child.name, nth);
        let path = Str::from(self.path.as_str());
        self.compiler.placed(SourcePlace {
            name: child.name.clone(),
            branch: true,
            span: child.name_span,
            path: path.clone(),
            section: self.section,
            scope: self.scope,
        });
        let mut block = self.block(&child.children);
        block.branch = Some(Box::new(Branch {
            name: child.name.clone(),
            path: path.clone(),
            place: child.name_span,
        }));
        self.path.truncate(length);
        (block, path)
    }

    /// Adds an element to the path, as `LastError.Path` writes it; gives the length to cut it back to.
    fn enter(&mut self, name: &str, nth: Option<usize>) -> usize {
        let length = self.path.len();
        if !self.path.is_empty() {
            self.path.push('\\');
        }
        self.path.push_str(name);
        if let Some(nth) = nth {
            self.path.push_str(&format!("[{nth}]"));
        }
        length
    }

    fn node(&mut self, node: &Node, at: usize, siblings: &[Node]) -> Option<PlacedStep> {
        let element = match node {
            Node::Element(e) => e,
            // Text beside elements was reported by the reader.
            Node::Text(_) if siblings.len() > 1 => return None,
            Node::Text(text) => {
                let what = if text.kind == TextKind::Literal {
                    "text"
                } else {
                    "an expression"
                };
                self.report(
                    Diagnostic::error(
                        "TG0304",
                        text.span,
                        format!("{what} stands where a policy is expected"),
                    )
                    .label("expected a policy element"),
                );
                return None;
            }
        };
        let def = policies::find(&element.name).or_else(|| self.own_of_part(&element.name));
        let Some(def) = def else {
            self.unknown_policy(element);
            return None;
        };
        if self.fragment.is_some() && matches!(def.name, "base" | "include-fragment") {
            self.report(
                Diagnostic::error(
                    "TG0307",
                    element.name_span,
                    format!("`{}` is not allowed in a fragment", def.name),
                )
                .label("not allowed here")
                .help("put it into the document that includes the fragment"),
            );
            return None;
        }
        self.place(element, def);
        // LastError.Path numbers policies from 1 where several of the same name stand side by side.
        let same = |n: &&Node| matches!(n, Node::Element(e) if e.name == element.name);
        let nth = siblings[..=at].iter().filter(same).count();
        let several = siblings.iter().filter(same).count() > 1;
        let length = self.enter(def.name, several.then_some(nth));
        self.compiler.placed(SourcePlace {
            name: element.name.clone(),
            branch: false,
            span: element.name_span,
            path: Str::from(self.path.as_str()),
            section: self.section,
            scope: self.scope,
        });
        shape::check(element, def, self);
        let outer_needs = std::mem::take(&mut self.needs);
        let outer_def = self.def.replace(def);
        let step = (def.compile)(element, self);
        self.def = outer_def;
        if step.is_none() && !self.diagnostics.has_errors() {
            // A policy that cannot be compiled must never be left out in silence.
            self.report(
                Diagnostic::error(
                    "TG0323",
                    element.name_span,
                    format!("`{}` cannot be compiled as it stands", def.name),
                )
                .label("one of its values does not fit"),
            );
        }
        let needs = std::mem::replace(&mut self.needs, outer_needs);
        self.reads_response |= needs.response_body;
        let path: Str = Str::from(self.path.as_str());
        self.path.truncate(length);
        let id = element.attribute("id").map(|a| a.value.text.clone());
        step.map(|step| PlacedStep {
            policy: def.name,
            id,
            path,
            place: element.name_span,
            needs,
            step,
        })
    }

    /// Checks section, scope and single use.
    fn place(&mut self, element: &Element, def: &'static PolicyDef) {
        if self.scope == ScopeKind::Resolver {
            return self.place_in_resolver(element, def);
        }
        if !def.sections.contains(self.section) {
            self.report(
                Diagnostic::error(
                    "TG0308",
                    element.name_span,
                    format!("`{}` is not allowed in `{}`", def.name, self.section.name()),
                )
                .label(format!("expected in {}", def.sections.names())),
            );
        }
        if !def.scopes.contains(self.scope) {
            self.report(
                Diagnostic::error(
                    "TG0309",
                    element.name_span,
                    format!(
                        "`{}` is not allowed in a document of the {} scope",
                        def.name,
                        self.scope.name()
                    ),
                )
                .label(format!("allowed at {} scope", def.scopes.names())),
            );
        }
        let seen = match def.once {
            Once::Many => return,
            Once::PerSection => &mut self.once.section,
            Once::PerDocument => &mut self.once.document,
        };
        if let Some((_, first)) = seen.iter().find(|(name, _)| *name == def.name) {
            let first = *first;
            let per = if def.once == Once::PerSection {
                "section"
            } else {
                "document"
            };
            self.diagnostics.push(
                Diagnostic::error(
                    "TG0310",
                    element.name_span,
                    format!("`{}` may stand only once per {per}", def.name),
                )
                .label("second one")
                .related(first, "first one"),
            );
        } else {
            seen.push((def.name, element.name_span));
        }
    }

    fn unknown_policy(&mut self, element: &Element) {
        let not_yet = policies::NOT_YET.contains(&&*element.name);
        let message = if not_yet {
            format!("policy `{}` is not served yet", element.name)
        } else {
            format!("unknown policy `{}`", element.name)
        };
        let diagnostic = Diagnostic::error("TG0311", element.name_span, message);
        let diagnostic = if Section::from_name(&element.name).is_some() {
            diagnostic
                .label("a section cannot stand inside a section")
                .help("close the enclosing section first")
        } else if not_yet {
            diagnostic
                .label("not served by this version")
                .help("API Management has it, Tollgate does not yet: the document is refused rather than half obeyed")
        } else {
            match nearest(&element.name, policies::all().iter().map(|d| d.name)) {
                Some(name) => diagnostic
                    .label("expected a policy element")
                    .help(format!("did you mean `{name}`?")),
                None => diagnostic.label("expected a policy element"),
            }
        };
        self.report(diagnostic);
    }

    /// Notes a fault.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A literal text as a Liquid template; what is wrong with it is reported.
    pub fn liquid(&mut self, text: &tollgate_lang::document::Text) -> Option<Template> {
        tollgate_lang::liquid::compile(text, self.diagnostics)
    }

    /// An element as a stylesheet; what is wrong with it is reported.
    pub fn stylesheet(&mut self, element: &Element) -> Option<tollgate_lang::xslt::Stylesheet> {
        tollgate_lang::xslt::compile(element, self.diagnostics)
    }

    /// Marks that the step reads bodies itself.
    pub fn needs(&mut self, needs: Needs) {
        self.needs.request_body |= needs.request_body;
        self.needs.response_body |= needs.response_body;
    }

    /// A step that is already compiled, boxed.
    pub fn step<S: Step + 'static>(&self, step: S) -> Option<Box<dyn Step>> {
        Some(Box::new(step))
    }
}
