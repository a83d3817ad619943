//! `tollgate.yaml` as serde structs: the file's own shape, from which the JSON Schema is generated.
//!
//! Names are API Management's where it has the thing. Read by `load`, made into a `Definition` by `define`.
//! What must stay true: an unknown property is a fault; the doc comments here are the editors' hints.

pub mod api;
pub mod authorization;
pub mod backend;
pub mod budget;
pub mod certificate;
pub mod contract;
pub mod gateway;
pub mod mcp;
pub mod price;
pub mod product;
pub mod scalar;
pub mod statements;
pub mod telemetry;
pub mod token_accounting;
pub mod workspace;

use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;

pub use api::{Api, Operation, VersionSet};
pub use authorization::AuthorizationProvider;
pub use backend::Backend;
pub use budget::Budget;
pub use certificate::Certificate;
pub use gateway::Gateway;
pub use product::{Product, Subscription, User};
pub use scalar::{Duration, Secret, Size};
pub use workspace::{Diagnostic, Group, Lists, Logger, Tag, Workspace};

/// The configuration of a gateway: itself, and what it publishes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "tollgate.yaml")]
pub struct Configuration {
    /// JSON Schema of this file, for editors. Not used.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,
    /// The gateway itself: where it listens, its limits, its identity and its logs.
    #[serde(default)]
    pub gateway: Gateway,
    /// An APIOps folder that is read with this file. Read before everything else.
    pub apiops: Option<Apiops>,
    /// Values that documents name as `{{name}}`.
    #[serde(default)]
    pub named_values: Vec<At<NamedValue>>,
    /// Pieces of policy that documents include by id.
    #[serde(default)]
    pub policy_fragments: Vec<At<PolicyFragment>>,
    /// The policy of all APIs: a path, or the document itself.
    pub policy: Option<At<String>>,
    /// Servers that calls go to, and pools of them.
    #[serde(default)]
    pub backends: Vec<At<Backend>>,
    /// Loggers: where records of calls go.
    #[serde(default)]
    pub loggers: Vec<At<Logger>>,
    /// What is logged of calls. Read, but has no effect.
    #[serde(default)]
    pub diagnostics: Vec<At<Diagnostic>>,
    /// Stored connections to other services, for `get-authorization-context`.
    #[serde(default)]
    pub authorization_providers: Vec<At<AuthorizationProvider>>,
    /// Sets of versions of one API.
    #[serde(default)]
    pub version_sets: Vec<At<VersionSet>>,
    /// APIs.
    #[serde(default)]
    pub apis: Vec<At<Api>>,
    /// Products: APIs that are subscribed to together.
    #[serde(default)]
    pub products: Vec<At<Product>>,
    /// Subscriptions, with their keys.
    #[serde(default)]
    pub subscriptions: Vec<At<Subscription>>,
    /// Users, for `context.User`.
    #[serde(default)]
    pub users: Vec<At<User>>,
    /// Groups of users.
    #[serde(default)]
    pub groups: Vec<At<Group>>,
    /// Tags. Not used by the gateway.
    #[serde(default)]
    pub tags: Vec<At<Tag>>,
    /// Workspaces: teams' own APIs, products, subscriptions and names.
    #[serde(default)]
    pub workspaces: Vec<At<Workspace>>,
    /// Budgets: what may be spent in a period, in tokens or in money.
    #[serde(default)]
    pub budgets: Vec<At<Budget>>,
    /// Certificates that policies name by `certificate-id`.
    #[serde(default)]
    pub certificates: Vec<At<Certificate>>,
    /// Schemas that policies name by `schema-id`, and operations by `schemaId`.
    #[serde(default)]
    pub schemas: Vec<At<contract::Schema>>,
}

/// An APIOps folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Apiops {
    /// Its path.
    pub folder: String,
    /// What an environment says over it: the path of a `configuration.{environment}.yaml`.
    pub overrides: Option<String>,
}

/// A named value.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedValue {
    /// Its id.
    pub id: At<String>,
    /// The name that stands between the braces. Default: the id.
    pub display_name: Option<At<String>>,
    /// The value itself. One of `value`, `env`, `file` and `keyVault` is needed.
    pub value: Option<At<String>>,
    /// The environment variable that holds the value.
    pub env: Option<At<String>>,
    /// The file that holds the value; a newline at its end does not count.
    pub file: Option<At<String>>,
    /// The secret of a Key Vault that holds the value.
    pub key_vault: Option<At<KeyVaultSecret>>,
    /// Whether it is a secret, which is never printed. Default: false.
    #[serde(default)]
    pub secret: bool,
    /// Tags. Not used by the gateway.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A secret of a Key Vault.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyVaultSecret {
    /// `https://{vault}.vault.azure.net/secrets/{name}`, with or without a version.
    pub secret_identifier: At<String>,
    /// A user-assigned identity to ask with.
    pub identity_client_id: Option<At<String>>,
}

/// A policy fragment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyFragment {
    /// The `fragment-id` of `include-fragment`.
    pub id: At<String>,
    /// What it does. Not used by the gateway.
    pub description: Option<String>,
    /// The fragment: a path, or the document itself (its root is `<fragment>`).
    #[serde(alias = "value")]
    pub policy: At<String>,
}
