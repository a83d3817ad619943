//! Simulated Azure OpenAI, OpenAI, MCP server, Entra ID and managed identity on one loopback port.
//!
//! Called by `tollgate demo`, `tollgate simulate` and tests. One accept task, one task per
//! connection, HTTP/1.1 and HTTP/2 with prior knowledge.
//! What must stay true: an SDK cannot tell the difference; the ledger equals what was sent; memory
//! is bounded; [`Simulator::shutdown`] ends every task.

mod answer;
mod auth;
mod billing;
mod body;
mod capacity;
mod chat;
mod completions;
mod config;
mod connection;
mod control;
mod embeddings;
mod errors;
mod faults;
mod hash;
mod identity;
mod issuer;
mod mcp;
mod model;
mod pause;
mod recorder;
mod reply;
mod responses;
mod router;
mod schema;
mod server;
mod tokens;
mod usage;
mod users;
mod vector;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use config::{
    CHAT_DEPLOYMENT, COGNITIVE_SERVICES, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET,
    DEFAULT_IDENTITY_HEADER, DEFAULT_TENANT, Deployment, DeploymentKind, EMBEDDINGS_DEPLOYMENT,
    IdentityConfig, PAY_AS_YOU_GO, PTU_DEPLOYMENT, PTU_EAST, PTU_TOKENS_PER_MINUTE, PTU_WEST,
    RESOURCE_TOKENS_PER_MINUTE, Resource, SimulatorConfig, User,
};
pub use faults::{FAULT_HEADER, Fault, QueuedFault};
pub use identity::MINT_GRANT;
pub use issuer::{IssuerOutage, MintOptions, SigningAlgorithm, SigningError, TokenVersion};
pub use mcp::{McpAnswers, McpCall, McpOutcome};
pub use recorder::{MAX_RECORDED_BODY, RecordedRequest};
pub use usage::{Outcome, UsageRecord, UsageReport, UsageTotals};

use capacity::Capacity;
use faults::FaultQueue;
use issuer::Issuer;
use mcp::Mcp;
use pause::Pause;
use recorder::Recorder;
use responses::ResponseStore;
use usage::Ledger;

/// What all connections share.
struct State {
    config: SimulatorConfig,
    url: String,
    deployments: Vec<DeploymentState>,
    usage: Ledger,
    requests: Recorder,
    faults: FaultQueue,
    pause: Pause,
    issuer: Issuer,
    responses: ResponseStore,
    mcp: Mcp,
}

struct DeploymentState {
    /// Index of its resource; `None` is the main one.
    resource: Option<usize>,
    config: Deployment,
    capacity: Capacity,
    session: String,
}

impl State {
    fn new(config: SimulatorConfig, url: String) -> Self {
        let main = config
            .deployments
            .iter()
            .map(|deployment| (None, deployment));
        let others = config.resources.iter().enumerate();
        let others = others.flat_map(|(at, resource)| {
            let deployments = resource.deployments.iter();
            deployments.map(move |deployment| (Some(at), deployment))
        });
        let deployments = main
            .chain(others)
            .map(|(resource, deployment)| DeploymentState {
                resource,
                capacity: Capacity::new(deployment.kind.clone()),
                session: Uuid::new_v4().simple().to_string(),
                config: deployment.clone(),
            });
        Self {
            deployments: deployments.collect(),
            usage: Ledger::new(config.usage_capacity),
            requests: Recorder::new(config.requests_capacity),
            faults: FaultQueue::default(),
            pause: Pause::default(),
            issuer: Issuer::new(
                url.clone(),
                config.identity.tenant_id.clone(),
                config.identity.token_lifetime,
            ),
            responses: ResponseStore::default(),
            mcp: Mcp::default(),
            url,
            config,
        }
    }

    /// The resource's deployment of this name, or its first of this model.
    fn find(&self, resource: Option<usize>, name: &str) -> Option<usize> {
        let position = |wanted: &dyn Fn(&Deployment) -> bool| {
            self.deployments
                .iter()
                .position(|d| d.resource == resource && wanted(&d.config))
        };
        position(&|d| d.name == name).or_else(|| position(&|d| d.model == name))
    }

    /// The resource that a path belongs to, and the rest of the path.
    fn resource<'p>(&self, path: &'p str) -> (Option<usize>, &'p str) {
        let mut resources = self.config.resources.iter().enumerate();
        resources
            .find_map(|(at, resource)| {
                let rest = path.strip_prefix('/')?.strip_prefix(&*resource.name)?;
                rest.starts_with("/openai/").then_some((Some(at), rest))
            })
            .unwrap_or((None, path))
    }

    /// `name`, or `resource/name`: how faults and bills tell deployments apart.
    fn full_name(&self, resource: Option<usize>, name: &str) -> String {
        match resource {
            None => name.to_owned(),
            Some(at) => format!("{}/{name}", self.config.resources[at].name),
        }
    }
}

/// Running simulated providers. Dropping it stops them at once; [`Simulator::shutdown`] lets open
/// answers end.
pub struct Simulator {
    addr: SocketAddr,
    state: Arc<State>,
    stop: watch::Sender<bool>,
    accept: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Listens and serves on tasks of the current tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(config: SimulatorConfig) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(config.listen).await?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State::new(config, format!("http://{addr}")));
        let (stop, stopped) = watch::channel(false);
        let service = Arc::clone(&state);
        let accept = tokio::spawn(server::accept(
            listener,
            stopped,
            move |control, request| router::serve(Arc::clone(&service), control, request),
        ));
        Ok(Self {
            addr,
            state,
            stop,
            accept: Some(accept),
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// `iss` of the tokens it issues; the discovery document is below it.
    pub fn issuer(&self) -> String {
        self.state.issuer.name()
    }

    /// Everything billed so far.
    pub fn usage(&self) -> UsageReport {
        self.state.usage.report(None)
    }

    /// Forgets what was billed.
    pub fn reset_usage(&self) {
        self.state.usage.reset();
    }

    /// The newest received requests, oldest first.
    pub fn requests(&self, last: usize) -> Vec<RecordedRequest> {
        self.state.requests.last(last)
    }

    /// The newest calls that the MCP server ran, oldest first.
    pub fn mcp_calls(&self) -> Vec<McpCall> {
        self.state.mcp.ledger.list()
    }

    /// Lets the next `count` requests to a deployment, to a resource (or to any) run into a fault.
    ///
    /// # Errors
    /// When the fault's text cannot be understood or too many wait.
    pub fn queue_fault(
        &self,
        deployment: Option<&str>,
        fault: &str,
        count: u32,
    ) -> Result<(), String> {
        let queued = QueuedFault {
            deployment: deployment.map(str::to_owned),
            fault: fault.to_owned(),
            count,
        };
        self.state.faults.push(queued)
    }

    /// Forgets the faults that wait.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// Stops answers from now on: streams after `after` events with tokens, whole ones before they are sent. Those that
    /// stop count as `open` in [`Simulator::usage`]; [`Simulator::resume`] lets them go on.
    pub fn pause(&self, after: u32) {
        self.state.pause.set(Some(after));
    }

    /// Ends a [`Simulator::pause`].
    pub fn resume(&self) {
        self.state.pause.set(None);
    }

    /// Sets how long the tokens live that are issued from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.state.issuer.set_lifetime(lifetime);
    }

    /// A token with these claims. `iss`, `iat`, `nbf` and `exp` are filled in where left out; a
    /// claim given as `null` stays out.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub async fn mint(
        &self,
        claims: Map<String, Value>,
        options: &MintOptions,
    ) -> Result<String, SigningError> {
        self.state.issuer.mint(claims, options).await
    }

    /// Publishes new signing keys; with `withdraw`, the old ones are no longer published.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub async fn rotate_keys(&self, withdraw: bool) -> Result<(), SigningError> {
        self.state.issuer.rotate(withdraw).await
    }

    /// Stops publishing all but the newest signing keys.
    pub fn withdraw_keys(&self) {
        self.state.issuer.withdraw();
    }

    /// Begins or ends an outage of discovery and keys. Tokens are issued all the same.
    pub fn set_issuer_outage(&self, outage: Option<IssuerOutage>) {
        self.state.issuer.set_outage(outage);
    }

    /// Stops accepting, lets open answers end for up to five seconds, and waits until all tasks
    /// have ended.
    pub async fn shutdown(mut self) {
        self.state.mcp.close();
        // Without receivers the accept task has already ended.
        let _ = self.stop.send(true);
        if let Some(accept) = self.accept.take() {
            // An error means that the task was aborted or panicked; it is gone either way.
            let _ = accept.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.state.mcp.close();
        if let Some(accept) = self.accept.take() {
            accept.abort();
        }
    }
}
