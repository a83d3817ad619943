//! `workspaces:`, `groups:`, `tags:`, `loggers:` and `diagnostics:` of the configuration, and what the service and a
//! workspace have in common. Source: API Management's resources of these names.

use super::contract::Schema;
use super::scalar::Secret;
use super::{
    Api, Backend, Budget, Certificate, Configuration, NamedValue, PolicyFragment, Product,
    Subscription, VersionSet,
};
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A workspace: a team's own APIs, products, subscriptions and names. What its items and documents name is looked for
/// in the workspace, then in the service; never in another workspace.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workspace {
    /// `context.Workspace.Id`.
    pub id: At<String>,
    /// `context.Workspace.Name`. Default: the id.
    pub display_name: Option<String>,
    /// What it is for. Not used by the gateway.
    pub description: Option<String>,
    /// The policy of all its APIs, inside the global one: a path, or the document itself.
    pub policy: Option<At<String>>,
    /// Values that its documents name as `{{name}}`.
    #[serde(default)]
    pub named_values: Vec<At<NamedValue>>,
    /// Pieces of policy that its documents include by id.
    #[serde(default)]
    pub policy_fragments: Vec<At<PolicyFragment>>,
    /// Servers that calls go to, and pools of them.
    #[serde(default)]
    pub backends: Vec<At<Backend>>,
    /// Loggers.
    #[serde(default)]
    pub loggers: Vec<At<Logger>>,
    /// What is logged of calls. Read, but has no effect.
    #[serde(default)]
    pub diagnostics: Vec<At<Diagnostic>>,
    /// Sets of versions of one API.
    #[serde(default)]
    pub version_sets: Vec<At<VersionSet>>,
    /// APIs. Their paths share the host with all others.
    #[serde(default)]
    pub apis: Vec<At<Api>>,
    /// Products.
    #[serde(default)]
    pub products: Vec<At<Product>>,
    /// Subscriptions to its APIs and products.
    #[serde(default)]
    pub subscriptions: Vec<At<Subscription>>,
    /// Groups of users.
    #[serde(default)]
    pub groups: Vec<At<Group>>,
    /// Tags. Not used by the gateway.
    #[serde(default)]
    pub tags: Vec<At<Tag>>,
    /// Budgets of calls of its APIs.
    #[serde(default)]
    pub budgets: Vec<At<Budget>>,
    /// Certificates that its policies name by `certificate-id`.
    #[serde(default)]
    pub certificates: Vec<At<Certificate>>,
    /// Schemas that its policies name by `schema-id`, and its operations by `schemaId`.
    #[serde(default)]
    pub schemas: Vec<At<Schema>>,
}

/// What the service and a workspace have in common.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "see Configuration")]
pub struct Lists<'a> {
    pub named_values: &'a [At<NamedValue>],
    pub policy_fragments: &'a [At<PolicyFragment>],
    pub policy: Option<&'a At<String>>,
    pub backends: &'a [At<Backend>],
    pub loggers: &'a [At<Logger>],
    pub diagnostics: &'a [At<Diagnostic>],
    pub version_sets: &'a [At<VersionSet>],
    pub apis: &'a [At<Api>],
    pub products: &'a [At<Product>],
    pub subscriptions: &'a [At<Subscription>],
    pub groups: &'a [At<Group>],
    pub budgets: &'a [At<Budget>],
    pub certificates: &'a [At<Certificate>],
    pub schemas: &'a [At<Schema>],
}

macro_rules! lists {
    ($of:ident) => {
        impl $of {
            /// Its lists.
            pub fn lists(&self) -> Lists<'_> {
                Lists {
                    named_values: &self.named_values,
                    policy_fragments: &self.policy_fragments,
                    policy: self.policy.as_ref(),
                    backends: &self.backends,
                    loggers: &self.loggers,
                    diagnostics: &self.diagnostics,
                    version_sets: &self.version_sets,
                    apis: &self.apis,
                    products: &self.products,
                    subscriptions: &self.subscriptions,
                    groups: &self.groups,
                    budgets: &self.budgets,
                    certificates: &self.certificates,
                    schemas: &self.schemas,
                }
            }
        }
    };
}

lists!(Configuration);
lists!(Workspace);

/// A group of users.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// Its id. `administrators`, `developers` and `guests` are there without being defined.
    pub id: At<String>,
    /// Its name in `context.User.Groups` and `context.Product.Groups`. Default: the id.
    pub display_name: Option<String>,
    /// What it is. Not used by the gateway.
    pub description: Option<String>,
    /// Default: `custom`.
    #[serde(rename = "type")]
    pub kind: Option<GroupType>,
    /// Of an external group: its id at the identity provider. Not used by the gateway.
    pub external_id: Option<String>,
}

/// Kinds of group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GroupType {
    /// Made by an administrator.
    Custom,
    /// One of those that are always there.
    System,
    /// Of an identity provider.
    External,
}

/// A tag.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tag {
    /// Its id.
    pub id: At<String>,
    /// Its name.
    pub display_name: Option<String>,
}

/// Where records of calls go: what `logger-id` names.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logger {
    /// Its id.
    pub id: At<String>,
    /// What it writes to.
    pub logger_type: LoggerType,
    /// What it is. Not used by the gateway.
    pub description: Option<String>,
    /// How it is reached: `name`, `connectionString`, `endpointAddress`, `identityClientId`, `instrumentationKey`.
    #[serde(default)]
    pub credentials: BTreeMap<String, At<Secret>>,
    /// Whether records may wait for others and go together. Default: true.
    pub is_buffered: Option<bool>,
    /// The Azure resource behind it. Not used by the gateway.
    pub resource_id: Option<String>,
}

/// Kinds of logger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LoggerType {
    /// Azure Event Hubs.
    AzureEventHub,
    /// Application Insights.
    ApplicationInsights,
    /// Azure Monitor.
    AzureMonitor,
}

/// What is logged of calls.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Diagnostic {
    /// `applicationinsights`, `azuremonitor` or `local`.
    pub id: At<String>,
    /// The logger: an id of `loggers`.
    pub logger_id: Option<At<String>>,
    /// `allErrors`: errors are logged whatever the sampling says.
    pub always_log: Option<String>,
    /// `verbose`, `information` or `error`.
    pub verbosity: Option<String>,
    /// `None`, `Legacy` or `W3C`.
    pub http_correlation_protocol: Option<String>,
    /// Whether the caller's address is logged.
    pub log_client_ip: Option<bool>,
    /// Whether custom metrics are sent.
    pub metrics: Option<bool>,
    /// `Name` or `Url`.
    pub operation_name_format: Option<String>,
    /// Which share of calls is logged.
    pub sampling: Option<serde_json::Value>,
    /// What is logged of callers' messages.
    pub frontend: Option<serde_json::Value>,
    /// What is logged of backends' messages.
    pub backend: Option<serde_json::Value>,
    /// What is logged of calls of language models.
    pub large_language_model: Option<serde_json::Value>,
}
