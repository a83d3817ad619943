//! `authorizationProviders:` of the configuration. Source: API Management's resources `authorizationProviders/{p}` and
//! `authorizations/{a}` of its credential manager.

use super::scalar::PlacedSecret;
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A provider of stored connections, for `get-authorization-context`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizationProvider {
    /// The `provider-id` of the policy.
    pub id: At<String>,
    /// What people call it. Not used by the gateway.
    pub display_name: Option<String>,
    /// Its kind, such as `github` or `aad`. Not used by the gateway.
    pub identity_provider: Option<String>,
    /// Its connections.
    pub authorizations: Vec<At<Authorization>>,
}

/// A stored connection.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorization {
    /// The `authorization-id` of the policy.
    pub id: At<String>,
    /// `OAuth2`. Not used by the gateway.
    pub authorization_type: Option<String>,
    /// How the token was got. Not used by the gateway.
    #[serde(rename = "oAuth2GrantType")]
    pub grant_type: Option<String>,
    /// `AccessToken` in expressions. Somebody else keeps it fresh: a changed file is read again.
    pub access_token: PlacedSecret,
    /// `Claims` in expressions.
    #[serde(default)]
    pub claims: BTreeMap<String, serde_json::Value>,
    /// When the token ends, as `2026-01-31T00:00:00Z`: it is not given afterwards. Default: never.
    pub expires_on: Option<At<String>>,
}
