//! From the file's model to the engine's `Definition`: secrets resolved, files read, references checked.
//!
//! Called by `load`. What must stay true: a fault stands at the very value that causes it; what was refused here is
//! left out of the definition in such a way that the compiler does not complain a second time.

mod apis;
mod authorizations;
mod backends;
mod breakers;
mod budgets;
mod certificates;
mod contracts;
mod graphql;
mod ledger_tags;
mod mcp;
mod places;
mod policies;
mod prices;
mod products;
mod secrets;
mod settings;
mod statements;
mod telemetry;
mod token_accounting;
mod tools;
mod workspaces;

use crate::files::Files;
use crate::load::Options;
use crate::model::{Configuration, Lists};
use crate::settings::{Identity, KeyVault, Settings};
use crate::yaml::{At, Place};
use places::Inline;
pub use places::without_secrets;
pub(crate) use places::{Places, black_out};
pub(crate) use prices::over;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use tollgate_engine::definition::{
    Definition, GatewayDefinition, NamedValue, SchemaDefinition, TagScope,
};
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::{Diagnostic, Diagnostics, FileId, Span};

/// Reads a model into a definition.
pub(crate) struct Reader<'a, 'f> {
    file: FileId,
    text: Arc<str>,
    files: &'a mut Files<'f>,
    diagnostics: &'a mut Diagnostics,
    options: &'a Options,
    /// The workspace that is read.
    workspace: Option<Arc<str>>,
    /// Where secrets in Key Vault come from, and the identity to ask with: needed before the other settings are read.
    key_vault: KeyVault,
    identity: Identity,
    /// What the service has, while a workspace is read.
    service: Service,
    /// Of what is read: the service or a workspace.
    named_values: BTreeMap<String, NamedValue>,
    /// Named values whose variable or file is missing.
    without_value: HashSet<String>,
    /// Literal secrets of the file, to be blacked out.
    secrets: Vec<Place>,
    inline: Vec<Inline>,
    policies: HashSet<FileId>,
}

impl<'a, 'f> Reader<'a, 'f> {
    pub(crate) fn new(
        file: FileId,
        text: Arc<str>,
        files: &'a mut Files<'f>,
        diagnostics: &'a mut Diagnostics,
        options: &'a Options,
    ) -> Reader<'a, 'f> {
        Reader {
            file,
            text,
            files,
            diagnostics,
            options,
            workspace: None,
            key_vault: KeyVault::default(),
            identity: Identity::default(),
            service: Service::default(),
            named_values: BTreeMap::new(),
            without_value: HashSet::new(),
            secrets: Vec::new(),
            inline: Vec::new(),
            policies: HashSet::new(),
        }
    }

    /// Reads everything; faults are in the diagnostics.
    pub(crate) fn read(&mut self, model: &Configuration) -> (Definition, Settings) {
        let lists = model.lists();
        self.key_vault(&model.gateway);
        self.named_values(lists);
        let settings = self.settings(&model.gateway);
        let gateway = self.gateway(model, &settings);
        let fragments = self.fragments(lists);
        let policy = lists
            .policy
            .and_then(|policy| self.policy(policy, "the global policy"));
        self.public_metadata(model);
        let ledger = model.gateway.ledger.as_ref();
        let tags = ledger.map_or_else(Vec::new, |ledger| {
            self.ledger_tags(&ledger.tags, TagScope::Gateway)
        });
        let mut definition = Definition {
            ledger_tags: tags,
            gateway,
            fragments,
            policy,
            authorization_providers: self.authorization_providers(model),
            users: self.users(model),
            budget_settings: self.budget_settings(&model.gateway.budgets),
            ..Definition::default()
        };
        self.lists(lists, model, &mut definition);
        self.workspaces(model, &mut definition);
        self.budgets_without_ledger(model, &definition);
        definition.named_values = std::mem::take(&mut self.named_values);
        (definition, settings)
    }

    /// What the service and a workspace have in common.
    fn lists(&mut self, lists: Lists<'_>, model: &Configuration, definition: &mut Definition) {
        definition.backends.extend(self.backends(lists));
        definition.loggers.extend(self.loggers(lists));
        let certificates = self.certificate_definitions(lists);
        definition.certificates.extend(certificates);
        // What an operation of a workspace names is the workspace's own, then the service's.
        let own = self.schemas(lists.schemas);
        let service = definition.schemas.iter().filter(|s| s.workspace.is_none());
        let known: Vec<SchemaDefinition> = own.iter().chain(service).cloned().collect();
        definition.schemas.extend(own);
        let apis = self.apis(lists, &known);
        let first = index(definition.apis.len());
        for (at, api) in (first..).zip(lists.apis) {
            let tags = self.ledger_tags(&api.ledger_tags, TagScope::Api(at));
            definition.ledger_tags.extend(tags);
        }
        definition.apis.extend(apis);
        let first = index(definition.products.len());
        for (at, product) in (first..).zip(lists.products) {
            let tags = self.ledger_tags(&product.ledger_tags, TagScope::Product(at));
            definition.ledger_tags.extend(tags);
        }
        definition.products.extend(self.products(lists));
        let subscriptions = self.subscriptions(lists, model);
        definition.subscriptions.extend(subscriptions);
        let budgets = self.budgets(lists, model);
        definition.budgets.extend(budgets);
    }

    /// What the diagnostics of the compiler need to be shown.
    pub(crate) fn finish(self) -> Places {
        Places {
            file: self.file,
            inline: self.inline,
            secrets: self.secrets,
            policies: self.policies.len(),
        }
    }

    fn gateway(&mut self, model: &Configuration, settings: &Settings) -> GatewayDefinition {
        let default = GatewayDefinition::default();
        let gateway = &model.gateway;
        let or = |value: &Option<String>, default: &Arc<str>| match value {
            Some(text) => Arc::from(text.as_str()),
            None => default.clone(),
        };
        GatewayDefinition {
            id: or(&gateway.id, &default.id),
            region: or(&gateway.region, &default.region),
            service_name: or(&gateway.service_name, &default.service_name),
            max_buffered_body: settings.limits.buffered_body_size,
            body_idle_timeout: settings.timeouts.body_idle,
            usage_timeout: settings.timeouts.usage,
            public_url: self.public_url(gateway),
            allowed_hosts: self.allowed_hosts(gateway),
            openid_authorities: self.openid_authorities(gateway),
            client_authorities: gateway
                .client_certificate_authorities
                .as_ref()
                .and_then(|path| self.certificates(path)),
            dapr_endpoint: self.dapr_endpoint(gateway, &default),
            token_accounting: self.token_accounting(gateway.token_accounting.as_ref()),
            prices: self.prices(gateway),
            cost_headers: gateway.cost_headers.unwrap_or(false),
        }
    }

    /// The span of a place in the configuration file.
    fn span(&self, place: Place) -> Span {
        Span {
            file: self.file,
            start: place.start,
            end: place.end,
        }
    }

    /// Notes an error at a value.
    fn fault(
        &mut self,
        place: Place,
        message: impl Into<String>,
        label: &str,
        help: impl Into<String>,
    ) {
        let help = help.into();
        let mut fault = Diagnostic::error("TG0406", self.span(place), message).label(label);
        if !help.is_empty() {
            fault = fault.help(help);
        }
        self.diagnostics.push(fault);
    }

    /// Notes a warning at a value.
    fn warning(&mut self, place: Place, message: impl Into<String>, help: impl Into<String>) {
        let warning = Diagnostic::warning("TG0407", self.span(place), message).help(help);
        self.diagnostics.push(warning);
    }

    /// Reports ids that stand twice.
    fn once<'m>(&mut self, ids: impl Iterator<Item = &'m At<String>>, what: &str) {
        let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
        for id in ids {
            if let Some(first) = seen.get(id.as_str()) {
                let first = self.span(*first);
                let fault = Diagnostic::error(
                    "TG0406",
                    self.span(id.place),
                    format!("{what} `{}` is defined twice", id.value),
                )
                .label("second one")
                .help("rename or remove one of them")
                .related(first, "first one");
                self.diagnostics.push(fault);
            } else {
                seen.insert(id.as_str(), id.place);
            }
        }
    }

    /// Whether a reference names something; reports it when not.
    fn known(
        &mut self,
        reference: &At<String>,
        name: &str,
        what: &str,
        section: &str,
        ids: &BTreeSet<&str>,
    ) -> bool {
        if ids.contains(name) {
            return true;
        }
        let help = match nearest(name, ids.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if ids.is_empty() => format!("`{section}` is empty"),
            None => format!("define it under `{section}`"),
        };
        self.fault(
            reference.place,
            format!("there is no {what} `{name}`"),
            &format!("expected the id of one of `{section}`"),
            help,
        );
        false
    }
}

/// An index as snapshots have them.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What the service has that a workspace may name.
#[derive(Default)]
struct Service {
    named_values: BTreeMap<String, NamedValue>,
    backends: BTreeSet<String>,
    groups: BTreeMap<String, Arc<str>>,
}

/// The id at the end of `/products/x` and of absolute Azure ids, if the segment before it is `kind`.
fn last_of<'t>(reference: &'t str, kind: &str) -> Option<&'t str> {
    let mut segments = reference.trim_end_matches('/').rsplit('/');
    let id = segments.next().filter(|id| !id.is_empty())?;
    let before = segments.next()?;
    before.eq_ignore_ascii_case(kind).then_some(id)
}

/// The id of an API, which may be written alone, as a resource path, and with a revision.
fn api_id_of(reference: &str) -> &str {
    without_revision(id_of(reference, "apis"))
}

/// `petstore` of `petstore;rev=2`.
fn without_revision(id: &str) -> &str {
    id.split_once(";rev=").map_or(id, |(id, _)| id)
}

/// An id that may be written alone or as a resource path.
fn id_of<'t>(reference: &'t str, kind: &str) -> &'t str {
    last_of(reference, kind).unwrap_or(reference)
}
