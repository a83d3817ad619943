//! What a simulator simulates: deployments, credentials, identity and latency.
//!
//! Called by whoever starts a [`Simulator`](super::Simulator). What must stay true: `Default` gives
//! a useful simulator on a free loopback port, without latency.

use std::net::SocketAddr;
use std::time::Duration;

use super::mcp::McpAnswers;

/// Audience (`aud`) that Azure OpenAI demands of bearer tokens.
pub const COGNITIVE_SERVICES: &str = "https://cognitiveservices.azure.com";
/// Tenant of the simulated issuer unless configured.
pub const DEFAULT_TENANT: &str = "11111111-2222-3333-4444-555555555555";
/// Client (application) identifier of the simulated managed identity unless configured.
pub const DEFAULT_CLIENT_ID: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
/// Value of `X-IDENTITY-HEADER` that the App Service endpoint expects unless configured.
pub const DEFAULT_IDENTITY_HEADER: &str = "simulated-identity-header";
/// Client secret that the token endpoint accepts unless configured.
pub const DEFAULT_CLIENT_SECRET: &str = "simulated-client-secret";

/// The chat deployment of the default set, pay-as-you-go.
pub const CHAT_DEPLOYMENT: &str = "gpt-4o-mini";
/// The reserved-capacity deployment of the default set.
pub const PTU_DEPLOYMENT: &str = "gpt-4o-mini-ptu";
/// Tokens per minute of [`PTU_DEPLOYMENT`].
pub const PTU_TOKENS_PER_MINUTE: u32 = 6_000;
/// The embeddings deployment of the default set.
pub const EMBEDDINGS_DEPLOYMENT: &str = "text-embedding-3-small";

/// The first resource with reserved capacity beside the main one.
pub const PTU_EAST: &str = "ptu-east";
/// The second.
pub const PTU_WEST: &str = "ptu-west";
/// The pay-as-you-go resource beside the main one.
pub const PAY_AS_YOU_GO: &str = "payg";
/// Tokens per minute of each reserved resource: a few calls fill it, and it drains within seconds.
pub const RESOURCE_TOKENS_PER_MINUTE: u32 = 600;

/// How a deployment is paid for, which decides how it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentKind {
    /// Provisioned throughput: a leaky bucket that holds one minute of tokens and drains evenly.
    Ptu {
        /// Tokens that the bucket drains per minute.
        tokens_per_minute: u32,
    },
    /// Standard: a quota of estimated tokens per clock minute of the deployment.
    PayAsYouGo {
        /// Tokens admitted per minute; `None` admits everything.
        tokens_per_minute: Option<u32>,
    },
}

/// One model deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Name in the path of the Azure form, and in `model` of the v1 form.
    pub name: String,
    /// The model, which decides vocabulary and operations.
    pub model: String,
    /// Reserved or pay-as-you-go.
    pub kind: DeploymentKind,
    /// Length of embedding vectors; 0 for models that produce text.
    pub dimensions: usize,
}

impl Deployment {
    /// A pay-as-you-go deployment without a limit; vector length follows from the model's name.
    pub fn new(name: impl Into<String>, model: impl Into<String>) -> Self {
        let model = model.into();
        let dimensions = match model.as_str() {
            "text-embedding-3-large" => 3072,
            model if model.contains("embedding") => 1536,
            _ => 0,
        };
        let kind = DeploymentKind::PayAsYouGo {
            tokens_per_minute: None,
        };
        Self {
            name: name.into(),
            model,
            kind,
            dimensions,
        }
    }

    /// Makes it reserved capacity with this many tokens per minute.
    #[must_use]
    pub fn ptu(mut self, tokens_per_minute: u32) -> Self {
        self.kind = DeploymentKind::Ptu { tokens_per_minute };
        self
    }

    /// Limits a pay-as-you-go deployment to this many tokens per minute.
    #[must_use]
    pub fn tokens_per_minute(mut self, tokens_per_minute: u32) -> Self {
        self.kind = DeploymentKind::PayAsYouGo {
            tokens_per_minute: Some(tokens_per_minute),
        };
        self
    }
}

/// Another Azure OpenAI resource beside the main one, at `/{name}/openai`: deployments, capacity and region of its own,
/// the credentials of all.
#[derive(Clone, Debug)]
pub struct Resource {
    /// First segment of its paths. Faults can wait for all its calls by this name, or for `name/deployment`.
    pub name: String,
    /// Value of `x-ms-region` in its answers.
    pub region: String,
    /// Its deployments.
    pub deployments: Vec<Deployment>,
}

impl Resource {
    /// A resource with one chat deployment of the default name.
    pub fn new(name: impl Into<String>, region: impl Into<String>, kind: DeploymentKind) -> Self {
        let mut deployment = Deployment::new(CHAT_DEPLOYMENT, CHAT_DEPLOYMENT);
        deployment.kind = kind;
        Self {
            name: name.into(),
            region: region.into(),
            deployments: vec![deployment],
        }
    }
}

/// Somebody who can sign in at the simulated issuer. It has no `Debug`, because it holds a password.
#[derive(Clone)]
pub struct User {
    /// `upn` and `preferred_username`.
    pub username: String,
    /// What the grant `password` must bring.
    pub password: String,
    /// `oid` and `sub`.
    pub object_id: String,
    /// `name`.
    pub name: String,
    /// `roles`; left out of tokens when empty.
    pub roles: Vec<String>,
    /// `groups`, object identifiers; left out of tokens when empty.
    pub groups: Vec<String>,
}

impl User {
    fn new(name: &str, object_id: &str, roles: &[&str]) -> Self {
        let first = name.to_lowercase();
        Self {
            username: format!("{first}@contoso.example"),
            password: format!("{first}-password"),
            object_id: object_id.to_owned(),
            name: name.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            groups: Vec::new(),
        }
    }
}

/// The issuer and the managed-identity endpoints.
#[derive(Clone)]
pub struct IdentityConfig {
    /// Tenant; the issuer is `{url}/{tenant_id}/v2.0`.
    pub tenant_id: String,
    /// Client identifier of the system-assigned identity.
    pub client_id: String,
    /// User-assigned client identifiers that the endpoints also serve.
    /// `None` serves any `client_id` that is asked for.
    pub user_assigned: Option<Vec<String>>,
    /// How long a token lives.
    pub token_lifetime: Duration,
    /// The value that `X-IDENTITY-HEADER` must have.
    pub identity_header: String,
    /// The client secret that `client_credentials` accepts.
    pub client_secret: String,
    /// Who can sign in with the grant `password`. Default: Alice (roles `Chat.User` and `Chat.Admin`), Bob
    /// (`Chat.User`) and Carol (none); `alice@contoso.example` has the password `alice-password`.
    pub users: Vec<User>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            tenant_id: DEFAULT_TENANT.to_owned(),
            client_id: DEFAULT_CLIENT_ID.to_owned(),
            user_assigned: None,
            token_lifetime: Duration::from_secs(3600),
            identity_header: DEFAULT_IDENTITY_HEADER.to_owned(),
            client_secret: DEFAULT_CLIENT_SECRET.to_owned(),
            users: vec![
                User::new(
                    "Alice",
                    "a11ce000-0000-4000-8000-000000000001",
                    &["Chat.User", "Chat.Admin"],
                ),
                User::new(
                    "Bob",
                    "b0b00000-0000-4000-8000-000000000002",
                    &["Chat.User"],
                ),
                User::new("Carol", "ca401000-0000-4000-8000-000000000003", &[]),
            ],
        }
    }
}

/// Everything that [`Simulator::start`](super::Simulator::start) needs. It has no `Debug`, because
/// it holds keys.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// Address to listen on; port 0 takes a free one. The control endpoints (`/usage`, `/faults`,
    /// `/requests`) have no credentials, so keep it on loopback.
    pub listen: SocketAddr,
    /// Time between two tokens of an answer.
    pub latency_per_token: Duration,
    /// Time before the first token.
    pub first_token_latency: Duration,
    /// The deployments; embeddings and text models side by side.
    pub deployments: Vec<Deployment>,
    /// More resources, each below its own path.
    pub resources: Vec<Resource>,
    /// Keys that are accepted; `None` accepts any key that is not empty.
    pub api_keys: Option<Vec<String>>,
    /// Whether a bearer token must be one that the simulated issuer signed for
    /// [`COGNITIVE_SERVICES`]. Otherwise any bearer token is accepted.
    pub strict_auth: bool,
    /// Whether keys are refused (`disableLocalAuth` of the resource).
    pub require_bearer: bool,
    /// Whether requests without credentials are served.
    pub allow_anonymous: bool,
    /// The issuer and the managed identity.
    pub identity: IdentityConfig,
    /// Value of `x-ms-region`.
    pub region: String,
    /// How the MCP server answers; `?answers=json` or `?answers=stream` in its URL says otherwise for one call.
    pub mcp_answers: McpAnswers,
    /// How many billed calls are kept; totals go on counting.
    pub usage_capacity: usize,
    /// How many received requests are kept.
    pub requests_capacity: usize,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            latency_per_token: Duration::ZERO,
            first_token_latency: Duration::ZERO,
            deployments: vec![
                Deployment::new(CHAT_DEPLOYMENT, "gpt-4o-mini"),
                Deployment::new("gpt-4o", "gpt-4o"),
                Deployment::new(PTU_DEPLOYMENT, "gpt-4o-mini").ptu(PTU_TOKENS_PER_MINUTE),
                Deployment::new("gpt-35-turbo-instruct", "gpt-35-turbo-instruct"),
                Deployment::new(EMBEDDINGS_DEPLOYMENT, "text-embedding-3-small"),
                Deployment::new("text-embedding-3-large", "text-embedding-3-large"),
                Deployment::new("text-embedding-ada-002", "text-embedding-ada-002"),
            ],
            resources: vec![
                Resource::new(PTU_EAST, "East US", reserved()),
                Resource::new(PTU_WEST, "West US", reserved()),
                Resource::new(
                    PAY_AS_YOU_GO,
                    "Sweden Central",
                    DeploymentKind::PayAsYouGo {
                        tokens_per_minute: None,
                    },
                ),
            ],
            api_keys: None,
            strict_auth: false,
            require_bearer: false,
            allow_anonymous: false,
            identity: IdentityConfig::default(),
            region: "East US".to_owned(),
            mcp_answers: McpAnswers::default(),
            usage_capacity: 100_000,
            requests_capacity: 1_000,
        }
    }
}

fn reserved() -> DeploymentKind {
    DeploymentKind::Ptu {
        tokens_per_minute: RESOURCE_TOKENS_PER_MINUTE,
    }
}
