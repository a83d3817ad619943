//! The compiled configuration: immutable, shared by all threads, swapped whole.
//!
//! Built by [`build`] from a [`Definition`]; requests hold on to the snapshot that they began with.

mod backend;
mod ids;

pub(crate) use backend::NTLM;
pub use backend::{Backend, BackendKind, BaseUrl, Pool, PoolGroup, Server};

use crate::accounting::LedgerTags;
use crate::client_certificate::ClientCertificates;
use crate::compile::{self, ScopeDocument};
use crate::contract::{self, Contract};
use crate::definition::{
    self, ApiKind, Definition, GatewayDefinition, Protocol, Secret, UserDefinition,
    VersionDefinition,
};
use crate::identify::Keys;
use crate::mcp::{self, Mcp, ToolRules};
use crate::routing::Router;
use ids::Spaces;
use std::collections::HashMap;
use std::sync::Arc;
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Diagnostics};

/// Index of a backend in [`Snapshot::backends`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BackendIndex(pub u32);

/// The compiled configuration.
pub struct Snapshot {
    /// Gateway settings.
    pub gateway: GatewayDefinition,
    /// APIs.
    pub apis: Vec<Api>,
    /// Products.
    pub products: Vec<Product>,
    /// Subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// Users.
    pub users: Vec<UserDefinition>,
    /// Backends.
    pub backends: Vec<Backend>,
    /// Backend ids, for `backend-id` expressions: those of the service, then those that each workspace sees.
    pub backend_ids: Vec<HashMap<Str, BackendIndex>>,
    /// Workspaces.
    pub workspaces: Vec<Workspace>,
    /// The global policy.
    pub policy: ScopeDocument,
    /// A global policy without a document: what an operation's own documents stand around when a tool calls it.
    pub plain: ScopeDocument,
    /// Whether an MCP server has protected-resource metadata.
    pub publishes_metadata: bool,
    /// The host's cross-domain policy file, when the global document has one.
    pub cross_domain: Option<bytes::Bytes>,
    /// Finds API and operation.
    pub router: Router,
    /// Finds subscriptions by key.
    pub keys: Keys,
    /// Authorities that client certificates are trusted by.
    pub client_authorities: Vec<rustls_pki_types::CertificateDer<'static>>,
    /// Certificates that the gateway can show to upstreams: those of the service, then those that each workspace sees.
    pub client_certificates: Vec<ClientCertificates>,
    /// Certificates, for `context.Deployment.Certificates`.
    pub certificates: Vec<definition::CertificateDefinition>,
    /// Every step and branch of every document, in document order.
    pub places: Vec<compile::SourcePlace>,
    /// The texts of the configuration; empty unless whoever built the snapshot filled them in.
    pub texts: crate::probe::Texts,
    /// What a trace must not show, as far as the configuration knows it.
    pub secrets: crate::probe::mask::Secrets,
    /// What models cost.
    pub prices: crate::pricing::Prices,
    /// Whether a subscription may trace.
    pub allows_tracing: bool,
    /// Budgets, and which calls draw from which.
    pub budgets: crate::budget::Plan,
    /// Configuration URLs of the OpenID providers that documents name as literals: fetched ahead, kept fresh.
    pub openid_urls: Vec<Str>,
    /// Tags of the ledger's records.
    pub(crate) ledger_tags: LedgerTags,
}

/// A workspace.
#[derive(Debug)]
#[allow(missing_docs, reason = "see WorkspaceDefinition")]
pub struct Workspace {
    pub id: Str,
    pub display_name: Str,
    pub policy: ScopeDocument,
}

/// An API.
#[derive(Debug)]
#[allow(missing_docs, reason = "see ApiDefinition")]
pub struct Api {
    pub id: Str,
    /// Index of its workspace.
    pub workspace: Option<u32>,
    /// Index of the revision that subscriptions and products name: the current one, of several that are not, the first.
    pub root: u32,
    pub display_name: Str,
    pub path: Str,
    pub protocols: Vec<Protocol>,
    pub service_url: Option<Arc<BaseUrl>>,
    pub backend: Option<BackendIndex>,
    pub subscription_required: bool,
    pub key_header: http::HeaderName,
    pub key_query: Str,
    pub kind: ApiKind,
    /// Of an MCP server.
    pub mcp: Option<Box<Mcp>>,
    /// Of a GraphQL API that has a schema.
    pub graphql: Option<Box<crate::graphql::GraphQl>>,
    pub version: Option<VersionDefinition>,
    pub revision: Str,
    pub is_current: bool,
    pub is_online: bool,
    pub operations: Vec<Operation>,
    /// Indexes of products that contain it.
    pub products: Vec<u32>,
    /// The product that opens it without a key.
    pub open_product: Option<u32>,
    pub token_accounting: definition::TokenAccounting,
    pub policy: ScopeDocument,
}

/// An operation.
#[derive(Debug)]
#[allow(missing_docs, reason = "see OperationDefinition")]
pub struct Operation {
    pub id: Str,
    pub display_name: Str,
    pub method: Str,
    pub url_template: Str,
    /// Names of query parameters that the template declares.
    pub template_query: Vec<Str>,
    /// What its messages are held to, where a policy does so.
    pub contract: Option<Box<Contract>>,
    pub policy: ScopeDocument,
}

impl Operation {
    /// Whether the path of its template (not the query) has a parameter of this name.
    pub fn url_template_has(&self, name: &str) -> bool {
        let path = self.url_template.split('?').next().unwrap_or_default();
        path.split('{').skip(1).any(|part| {
            let own = part.split('}').next().unwrap_or_default();
            own.trim_start_matches('*') == name
        })
    }
}

/// A product.
#[derive(Debug)]
#[allow(missing_docs, reason = "see ProductDefinition")]
pub struct Product {
    pub id: Str,
    pub display_name: Str,
    pub subscription_required: bool,
    pub approval_required: bool,
    pub subscriptions_limit: Option<i32>,
    pub published: bool,
    pub apis: Vec<u32>,
    pub groups: Vec<definition::Group>,
    /// Which tools of an API it opens, for the APIs that it says so of.
    pub mcp_tools: Vec<(u32, ToolRules)>,
    pub token_accounting: definition::TokenAccounting,
    pub policy: ScopeDocument,
}

/// What a subscription opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One product's APIs.
    Product(u32),
    /// One API.
    Api(u32),
    /// All APIs of the service, or of the subscription's workspace.
    AllApis,
}

/// A subscription.
#[derive(Debug)]
#[allow(missing_docs, reason = "see SubscriptionDefinition")]
pub struct Subscription {
    pub id: Str,
    /// Index of its workspace.
    pub workspace: Option<u32>,
    pub display_name: Str,
    pub scope: Scope,
    /// Index into `users`.
    pub owner: Option<u32>,
    pub primary_key: Secret,
    pub secondary_key: Option<Secret>,
    pub active: bool,
    pub created_millis: u64,
    pub start_millis: Option<u64>,
    pub end_millis: Option<u64>,
    pub allow_tracing: bool,
}

impl Snapshot {
    /// A backend by index.
    pub fn backend(&self, index: BackendIndex) -> &Backend {
        &self.backends[index.0 as usize]
    }

    /// The server behind an index; `None` for a pool.
    pub fn server(&self, index: BackendIndex) -> Option<&Server> {
        match &self.backend(index).kind {
            BackendKind::Single(server) => Some(server),
            BackendKind::Pool(_) => None,
        }
    }

    /// Takes over what outlives a configuration: the state of circuit breakers that have the same rule for the same
    /// backend at the same URL. Called once, before the first request.
    pub fn inherit(&self, before: &Snapshot) {
        self.prices.inherit(&before.prices);
        for backend in &self.backends {
            let BackendKind::Single(server) = &backend.kind else {
                continue;
            };
            let old = before
                .backends
                .iter()
                .find(|old| old.id == backend.id && old.workspace == backend.workspace)
                .and_then(|old| match &old.kind {
                    BackendKind::Single(server) => Some(server),
                    BackendKind::Pool(_) => None,
                })
                .filter(|old| old.definition.url == server.definition.url);
            if let (Some(breaker), Some(old)) =
                (&server.breaker, old.and_then(|old| old.breaker.as_ref()))
            {
                breaker.inherit(old);
            }
        }
    }
}

impl Snapshot {
    /// Whether serving leaves something in it: breakers and the turns of pools.
    pub fn keeps_state(&self) -> bool {
        self.backends.iter().any(|backend| match &backend.kind {
            BackendKind::Single(server) => server.breaker.is_some(),
            BackendKind::Pool(_) => true,
        })
    }

    /// Forgets what serving left in it, as if it were new. For tests; nothing may be under way.
    pub fn forget(&self) {
        for backend in &self.backends {
            match &backend.kind {
                BackendKind::Single(server) => {
                    if let Some(breaker) = &server.breaker {
                        breaker.forget();
                    }
                }
                BackendKind::Pool(pool) => pool.groups.iter().for_each(PoolGroup::forget),
            }
        }
    }
}

/// Compiles a definition. `None` when anything was refused; every fault of every part is in `diagnostics`.
pub fn build(definition: Definition, diagnostics: &mut Diagnostics) -> Option<Snapshot> {
    let spaces = Spaces::new(&definition.workspaces, diagnostics);
    let backend_ids = spaces.backends(&definition.backends, diagnostics);
    let client_certificates = spaces.certificates(&definition);
    let backends = definition
        .backends
        .iter()
        .map(|b| {
            let space = spaces.at(b.workspace.as_ref());
            let (ids, certificates) = (&backend_ids[space], &client_certificates[space]);
            backend::build(b, ids, certificates, &definition, diagnostics)
        })
        .collect::<Vec<_>>();
    let compiler =
        compile::Compiler::new(&definition, &backend_ids, &client_certificates, diagnostics);
    let policy = compiler.scope(
        definition.policy.as_ref(),
        compile::ScopeKind::Global,
        ApiKind::Http,
        None,
        diagnostics,
    );
    let plain = compiler.scope(
        None,
        compile::ScopeKind::Global,
        ApiKind::Http,
        None,
        diagnostics,
    );
    let workspaces = (0u32..).zip(&definition.workspaces).map(|(at, workspace)| {
        let policy = compiler.scope(
            workspace.policy.as_ref(),
            compile::ScopeKind::Workspace,
            ApiKind::Http,
            Some(at),
            diagnostics,
        );
        Workspace {
            id: workspace.id.clone(),
            display_name: workspace.display_name.clone(),
            policy,
        }
    });
    let workspaces: Vec<Workspace> = workspaces.collect();

    let (api_ids, roots) = spaces.apis(&definition.apis, diagnostics);
    let mut apis = Vec::with_capacity(definition.apis.len());
    for (api, root) in definition.apis.iter().zip(roots) {
        let space = spaces.at(api.workspace.as_ref());
        let mut built = build_api(
            api,
            spaces.index(api.workspace.as_ref()),
            &compiler,
            &backend_ids[space],
            diagnostics,
        );
        built.root = root;
        apis.push(built);
    }
    for (at, api) in definition.apis.iter().enumerate() {
        let mcp = Mcp::build(api, &definition, &apis, &api_ids[0], diagnostics);
        apis[at].mcp = mcp.map(Box::new);
    }
    let mut products = Vec::with_capacity(definition.products.len());
    let mut product_ids = spaces.maps();
    for product in &definition.products {
        let index = products.len() as u32;
        let space = spaces.at(product.workspace.as_ref());
        let api_ids = &api_ids[space];
        let known: &mut HashMap<Str, u32> = &mut product_ids[space];
        if known.insert(product.id.clone(), index).is_some() {
            fault(
                diagnostics,
                product.span,
                format!("product `{}` is defined twice", product.id),
                "rename or remove one of them",
            );
        }
        let mut members = Vec::new();
        for id in &product.apis {
            match api_ids.get(id) {
                Some(&api) => {
                    members.push(api);
                    apis[api as usize].products.push(index);
                    if !product.subscription_required {
                        let open = &mut apis[api as usize].open_product;
                        if open.is_some() {
                            fault(
                                diagnostics,
                                product.span,
                                format!("API `{id}` is in two open products"),
                                "at most one product without subscriptionRequired may hold an API",
                            );
                        }
                        *open = Some(index);
                    }
                }
                None => unknown(diagnostics, product.span, "API", id, api_ids.keys()),
            }
        }
        products.push(Product {
            id: product.id.clone(),
            display_name: product.display_name.clone(),
            subscription_required: product.subscription_required,
            approval_required: product.approval_required,
            subscriptions_limit: product.subscriptions_limit,
            published: product.published,
            apis: members,
            groups: product.groups.clone(),
            mcp_tools: mcp::product_tools(product, api_ids, diagnostics),
            token_accounting: product.token_accounting,
            policy: compiler.scope(
                product.policy.as_ref(),
                compile::ScopeKind::Product,
                ApiKind::Http,
                spaces.index(product.workspace.as_ref()),
                diagnostics,
            ),
        });
    }
    // What holds an API holds all its revisions.
    for at in 0..apis.len() {
        let root = &apis[apis[at].root as usize];
        let (in_products, open) = (root.products.clone(), root.open_product);
        apis[at].products = in_products;
        apis[at].open_product = open;
    }
    let mut subscriptions: Vec<Subscription> = Vec::with_capacity(definition.subscriptions.len());
    for sub in &definition.subscriptions {
        let workspace = spaces.index(sub.workspace.as_ref());
        let space = spaces.at(sub.workspace.as_ref());
        let same = |s: &Subscription| s.id == sub.id && s.workspace == workspace;
        if subscriptions.iter().any(same) {
            fault(
                diagnostics,
                sub.span,
                format!("subscription `{}` is defined twice", sub.id),
                "rename or remove one of them",
            );
        }
        let scope = match &sub.scope {
            definition::SubscriptionScope::AllApis => Some(Scope::AllApis),
            definition::SubscriptionScope::Api(id) => {
                found(diagnostics, sub.span, "API", id, &api_ids[space]).map(Scope::Api)
            }
            definition::SubscriptionScope::Product(id) => {
                found(diagnostics, sub.span, "product", id, &product_ids[space]).map(Scope::Product)
            }
        };
        let owner = sub.owner.as_ref().and_then(|id| {
            let at = definition.users.iter().position(|u| u.id == *id);
            if at.is_none() {
                unknown(
                    diagnostics,
                    sub.span,
                    "user",
                    id,
                    definition.users.iter().map(|u| &u.id),
                );
            }
            at.and_then(|n| u32::try_from(n).ok())
        });
        let blocked = owner.is_some_and(|at| definition.users[at as usize].blocked);
        subscriptions.push(Subscription {
            id: sub.id.clone(),
            workspace,
            display_name: sub.display_name.clone(),
            scope: scope.unwrap_or(Scope::AllApis),
            owner,
            primary_key: sub.primary_key.clone(),
            secondary_key: sub.secondary_key.clone(),
            active: sub.active && !blocked,
            created_millis: sub.created_millis,
            start_millis: sub.start_millis,
            end_millis: sub.end_millis,
            allow_tracing: sub.allow_tracing,
        });
    }
    crate::graphql::check(
        &definition.apis,
        &policy,
        &workspaces,
        &products,
        &apis,
        diagnostics,
    );
    contract::source::fill(
        &definition.apis,
        &policy,
        &workspaces,
        &products,
        &|workspace| compiler.schemas(workspace),
        &mut apis,
        diagnostics,
    );
    let openid_urls = compiler.openid_urls();
    let cross_domain = compiler.cross_domain();
    let budgets = crate::budget::Plan::build(
        &definition,
        &crate::budget::Space {
            backends: &backend_ids,
            apis: &api_ids,
            products: &product_ids,
            of: &|workspace| spaces.at(workspace),
            built: (&apis, &products, &subscriptions),
        },
        diagnostics,
    );
    let ledger_tags = LedgerTags::build(&definition, &compiler, (&apis, &products), diagnostics);
    let keys = Keys::build(&subscriptions, &definition.subscriptions, diagnostics);
    let router = Router::build(&apis, &definition.apis, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    let publishes_metadata = apis
        .iter()
        .any(|a: &Api| a.mcp.as_ref().is_some_and(|m| m.authorization.is_some()));
    let secrets = crate::probe::mask::Secrets::of(&definition);
    let places = compiler.into_places();
    let mut service_certificates = definition.certificates;
    service_certificates.retain(|c| c.workspace.is_none());
    let allows_tracing = subscriptions.iter().any(|s| s.allow_tracing);
    let client_authorities = definition.gateway.client_authorities.as_deref();
    let client_authorities = crate::client_certificate::authorities(client_authorities);
    Some(Snapshot {
        places,
        allows_tracing,
        prices: crate::pricing::Prices::new(definition.gateway.prices.clone()),
        texts: crate::probe::Texts::default(),
        secrets,
        gateway: definition.gateway,
        apis,
        products,
        subscriptions,
        users: definition.users,
        backends,
        backend_ids,
        workspaces,
        policy,
        plain,
        publishes_metadata,
        client_certificates,
        client_authorities,
        cross_domain,
        router,
        keys,
        budgets,
        openid_urls,
        ledger_tags,
        certificates: service_certificates,
    })
}

fn build_api(
    api: &definition::ApiDefinition,
    workspace: Option<u32>,
    compiler: &compile::Compiler<'_>,
    backend_ids: &HashMap<Str, BackendIndex>,
    diagnostics: &mut Diagnostics,
) -> Api {
    let backend = api.backend.as_ref().and_then(|id| {
        let found = backend_ids.get(id).copied();
        if found.is_none() {
            unknown(diagnostics, api.span, "backend", id, backend_ids.keys());
        }
        found
    });
    let service_url = api
        .service_url
        .as_deref()
        .filter(|u| !u.is_empty())
        .and_then(|url| match BaseUrl::parse(url, None) {
            Ok(base) => Some(Arc::new(base)),
            Err(why) => {
                fault(
                    diagnostics,
                    api.span,
                    format!("serviceUrl of API `{}`: {why}", api.id),
                    "write an absolute URL such as https://host/path",
                );
                None
            }
        });
    let key_header = http::HeaderName::try_from(&*api.key_header).unwrap_or_else(|_| {
        fault(
            diagnostics,
            api.span,
            format!("`{}` is not a header name", api.key_header),
            "use letters, digits and hyphens",
        );
        http::HeaderName::from_static("ocp-apim-subscription-key")
    });
    let operations = api
        .operations
        .iter()
        .map(|op| Operation {
            id: op.id.clone(),
            display_name: op.display_name.clone(),
            method: op.method.clone(),
            url_template: op.url_template.clone(),
            template_query: crate::routing::template_query(&op.url_template),
            contract: None,
            policy: compiler.scope(
                op.policy.as_ref(),
                compile::ScopeKind::Operation,
                api.kind,
                workspace,
                diagnostics,
            ),
        })
        .collect();
    Api {
        id: api.id.clone(),
        workspace,
        root: 0,
        display_name: api.display_name.clone(),
        path: api.path.clone(),
        protocols: api.protocols.clone(),
        service_url,
        backend,
        subscription_required: api.subscription_required,
        key_header,
        key_query: api.key_query.clone(),
        kind: api.kind,
        mcp: None,
        graphql: crate::graphql::GraphQl::build(api, compiler, workspace, diagnostics)
            .map(Box::new),
        version: api.version.clone(),
        revision: api.revision.clone(),
        is_current: api.is_current,
        is_online: api.is_online,
        operations,
        products: Vec::new(),
        open_product: None,
        token_accounting: api.token_accounting,
        policy: compiler.scope(
            api.policy.as_ref(),
            compile::ScopeKind::Api,
            api.kind,
            workspace,
            diagnostics,
        ),
    }
}

pub(crate) fn found(
    diagnostics: &mut Diagnostics,
    span: Option<tollgate_lang::Span>,
    what: &str,
    id: &Str,
    ids: &HashMap<Str, u32>,
) -> Option<u32> {
    let index = ids.get(id).copied();
    if index.is_none() {
        unknown(diagnostics, span, what, id, ids.keys());
    }
    index
}

pub(crate) fn unknown<'a>(
    diagnostics: &mut Diagnostics,
    span: Option<tollgate_lang::Span>,
    what: &str,
    id: &str,
    known: impl Iterator<Item = &'a Str>,
) {
    let mut known: Vec<&str> = known.map(|s| &**s).collect();
    known.sort_unstable();
    let help = if known.is_empty() {
        format!("no {what} is defined")
    } else {
        format!("known: {}", known.join(", "))
    };
    fault(
        diagnostics,
        span,
        format!("there is no {what} `{id}`"),
        &help,
    );
}

/// A fault of the configuration (not of a document).
pub(crate) fn fault(
    diagnostics: &mut Diagnostics,
    span: Option<tollgate_lang::Span>,
    message: String,
    help: &str,
) {
    diagnostics.push(Diagnostic {
        code: "TG0301",
        severity: tollgate_lang::Severity::Error,
        message,
        span,
        label: String::new(),
        help: Some(help.to_owned()),
        related: Vec::new(),
    });
}
