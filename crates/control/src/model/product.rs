//! `products:`, `subscriptions:` and `users:` of the configuration. Source: API Management's resources of these names.

use super::mcp::ProductTools;
use super::scalar::PlacedSecret;
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// APIs that are subscribed to together.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Product {
    /// `context.Product.Id`.
    pub id: At<String>,
    /// `context.Product.Name`. Default: the id.
    pub display_name: Option<String>,
    /// What it is. Not used by the gateway.
    pub description: Option<String>,
    /// Terms of use. Not used by the gateway.
    pub terms: Option<String>,
    /// Whether a key is needed. Default: true.
    pub subscription_required: Option<bool>,
    /// `context.Product.ApprovalRequired`. Default: false.
    #[serde(default)]
    pub approval_required: bool,
    /// `context.Product.SubscriptionLimit`. Default: none.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub subscriptions_limit: Option<i32>,
    /// Default: `published`. As in API Management it changes nothing at run time.
    pub state: Option<ProductState>,
    /// Ids of its APIs.
    #[serde(default)]
    pub apis: Vec<At<String>>,
    /// Tags. Not used by the gateway.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Ids of groups that see it: `context.Product.Groups`.
    #[serde(default)]
    pub groups: Vec<At<String>>,
    /// Which tools of its MCP servers it opens. Default: those that the server itself allows.
    #[serde(default)]
    pub mcp_tools: Vec<At<ProductTools>>,
    /// How token limits hold for its subscribers. Default: as the gateway says.
    pub token_accounting: Option<super::token_accounting::TokenAccounting>,
    /// Tags of the ledger's records of calls under it, as `gateway.ledger.tags`, before which they go; those of the API go
    /// before these.
    #[serde(default)]
    pub ledger_tags: BTreeMap<String, At<String>>,
    /// The product's policy: a path, or the document itself.
    pub policy: Option<At<String>>,
}

/// States of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProductState {
    /// Seen by administrators.
    NotPublished,
    /// Seen by its groups.
    Published,
}

/// A subscription: keys, and what they open.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subscription {
    /// `context.Subscription.Id`.
    pub id: At<String>,
    /// `context.Subscription.Name`. Default: the id.
    pub display_name: Option<String>,
    /// What it opens: `/products/{id}`, `/apis/{id}`, or `/apis` for all; of a workspace, when the subscription does not
    /// stand in it, `/workspaces/{id}/apis` and so on.
    pub scope: At<String>,
    /// Id of the user that owns it, or `/users/{id}`.
    pub owner_id: Option<At<String>>,
    /// The key.
    pub primary_key: PlacedSecret,
    /// A second key, for changing keys without a gap.
    pub secondary_key: Option<PlacedSecret>,
    /// Only `active` ones open anything. Default: `active`.
    pub state: Option<SubscriptionState>,
    /// `context.Subscription` may trace. Default: false.
    #[serde(default)]
    pub allow_tracing: bool,
    /// When it began, as `2026-01-31T00:00:00Z`: quotas count from here. Default: 1970.
    pub created_date: Option<At<String>>,
    /// `context.Subscription.StartDate`. Default: when it began.
    pub start_date: Option<At<String>>,
    /// `context.Subscription.EndDate`; `state` says whether it is still active. Default: none.
    pub end_date: Option<At<String>>,
}

/// States of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SubscriptionState {
    /// Opens what it is for.
    Active,
    /// Blocked.
    Suspended,
    /// Ended.
    Expired,
    /// Waits for approval.
    Submitted,
    /// Not approved.
    Rejected,
    /// Given up.
    Cancelled,
}

/// A user.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    /// `context.User.Id`.
    pub id: At<String>,
    /// `context.User.Email`.
    #[serde(default)]
    pub email: String,
    /// `context.User.FirstName`.
    #[serde(default)]
    pub first_name: String,
    /// `context.User.LastName`.
    #[serde(default)]
    pub last_name: String,
    /// `context.User.Note`.
    #[serde(default)]
    pub note: String,
    /// `blocked` and `deleted` ones' subscriptions open nothing. Default: `active`.
    pub state: Option<UserState>,
    /// Ids of its groups: `context.User.Groups`.
    #[serde(default)]
    pub groups: Vec<At<String>>,
    /// `context.User.RegistrationDate`, as `2026-01-31T00:00:00Z`. Default: 1970.
    pub registration_date: Option<At<String>>,
    /// `context.User.Identities`.
    #[serde(default)]
    pub identities: Vec<UserIdentity>,
}

/// States of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UserState {
    /// May call.
    Active,
    /// Has not confirmed yet.
    Pending,
    /// May not call.
    Blocked,
    /// Is gone.
    Deleted,
}

/// How a user is known to an identity provider.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserIdentity {
    /// Name at the provider.
    pub id: String,
    /// The provider: `Basic`, `Azure`, `AAD` …
    pub provider: String,
}
