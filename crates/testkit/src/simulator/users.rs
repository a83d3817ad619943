//! Tokens for users and for applications with chosen claims, as Entra ID's v1 and v2 endpoints write them.
//!
//! Called by `identity`, whose token endpoint serves the grant `password` (which real tenants discourage, and which
//! needs no browser) and lets `client_credentials` choose claims.
//! What must stay true: a token differs between versions in the claims in which Entra ID's differ.

use std::collections::HashMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::State;
use super::billing::unix_millis;
use super::config::User;
use super::errors::Refusal;
use super::identity::{STATED_EARLIER, entra};
use super::issuer::{MintOptions, TokenVersion};
use super::reply::identifier;

/// Scopes of OpenID Connect itself: they name no resource.
const OPENID_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What a token is asked for.
struct Wanted {
    audience: String,
    /// Names of scopes, separated by spaces.
    scopes: String,
    version: TokenVersion,
    /// `claims` of the form: they go over everything else; `null` leaves a claim out.
    claims: Map<String, Value>,
}

fn invalid(status: StatusCode, error: &str, code: u32, text: &str) -> Refusal {
    entra(status, error, code, text)
}

/// Whether a `client_credentials` request chooses what is in its token.
pub(super) fn chooses(form: &HashMap<String, String>) -> bool {
    form.contains_key("claims") || form.contains_key("token_version")
}

/// The grant `password`: a user of [`IdentityConfig::users`](super::IdentityConfig::users), without a browser.
pub(super) async fn password(
    state: &State,
    form: &HashMap<String, String>,
    version: TokenVersion,
    client_id: &str,
) -> Result<Value, Refusal> {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let user = state
        .config
        .identity
        .users
        .iter()
        .find(|user| user.username == field("username") && user.password == field("password"))
        .ok_or_else(|| {
            invalid(
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                50126,
                "Error validating credentials due to invalid username or password.",
            )
        })?;
    let wanted = wanted(form, version)?;
    issue(state, wanted, client_id, Some(user)).await
}

/// The grant `client_credentials` with `claims` or `token_version`; the client has been checked.
pub(super) async fn application(
    state: &State,
    form: &HashMap<String, String>,
    version: TokenVersion,
    client_id: &str,
) -> Result<Value, Refusal> {
    let wanted = wanted(form, version)?;
    issue(state, wanted, client_id, None).await
}

fn wanted(form: &HashMap<String, String>, version: TokenVersion) -> Result<Wanted, Refusal> {
    let refuse = |text: &str| invalid(StatusCode::BAD_REQUEST, "invalid_request", 900144, text);
    let version = match form.get("token_version").map(String::as_str) {
        None => version,
        Some("1" | "1.0") => TokenVersion::V1,
        Some("2" | "2.0") => TokenVersion::V2,
        Some(_) => return Err(refuse("token_version must be 1 or 2.")),
    };
    let claims = form.get("claims").map_or("{}", String::as_str);
    let claims = serde_json::from_str(claims)
        .map_err(|error| refuse(&format!("claims must be a JSON object: {error}.")))?;
    let mut audience = form.get("resource").cloned();
    let mut names = Vec::new();
    let scope = form.get("scope").map_or("", String::as_str);
    for scope in scope.split_whitespace() {
        if OPENID_SCOPES.contains(&scope) {
            continue;
        }
        match scope.rsplit_once('/') {
            Some((resource, name)) => {
                match &audience {
                    Some(other) if other != resource => {
                        return Err(invalid(
                            StatusCode::BAD_REQUEST,
                            "invalid_request",
                            28000,
                            "Provided value for the input parameter scope is not valid because it contains more than one resource.",
                        ));
                    }
                    _ => audience = Some(resource.to_owned()),
                }
                names.push(name);
            }
            None => names.push(scope),
        }
    }
    let audience = audience.ok_or_else(|| {
        refuse("The request body must contain the following parameter: 'scope', as api://app/Name.")
    })?;
    // A v2 token names the application, not the URI that was made of it.
    let audience = match (version, audience.strip_prefix("api://")) {
        (TokenVersion::V2, Some(id)) if uuid::Uuid::parse_str(id).is_ok() => id.to_owned(),
        _ => audience,
    };
    names.retain(|name| *name != ".default");
    Ok(Wanted {
        audience,
        scopes: names.join(" "),
        version,
        claims,
    })
}

async fn issue(
    state: &State,
    wanted: Wanted,
    client_id: &str,
    user: Option<&User>,
) -> Result<Value, Refusal> {
    let now = unix_millis() / 1000;
    let lifetime = state.issuer.lifetime();
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("aud", wanted.audience.into());
    put("iss", state.issuer.named(wanted.version).into());
    put("iat", now.into());
    put("nbf", now.into());
    put("exp", (now + lifetime).into());
    put("aio", identifier("").into());
    put("rh", "0.".into());
    put("uti", identifier("").into());
    put("tid", state.config.identity.tenant_id.clone().into());
    // A public client proves nothing; an application proved its secret.
    let proof = if user.is_some() { "0" } else { "1" };
    let (application, method, version) = match wanted.version {
        TokenVersion::V1 => ("appid", "appidacr", "1.0"),
        TokenVersion::V2 => ("azp", "azpacr", "2.0"),
    };
    put(application, client_id.into());
    put(method, proof.into());
    put("ver", version.into());
    match user {
        Some(user) => {
            put("oid", user.object_id.clone().into());
            put("sub", user.object_id.clone().into());
            put("name", user.name.clone().into());
            if !user.roles.is_empty() {
                put("roles", json!(user.roles));
            }
            if !user.groups.is_empty() {
                put("groups", json!(user.groups));
            }
            let scopes = if wanted.scopes.is_empty() {
                String::from("user_impersonation")
            } else {
                wanted.scopes
            };
            put("scp", scopes.into());
            match wanted.version {
                TokenVersion::V1 => {
                    put("amr", json!(["pwd"]));
                    put("upn", user.username.clone().into());
                    put("unique_name", user.username.clone().into());
                }
                TokenVersion::V2 => {
                    put("preferred_username", user.username.clone().into());
                }
            }
        }
        None => {
            put("oid", client_id.into());
            put("sub", client_id.into());
            put("idtyp", "app".into());
        }
    }
    claims.extend(wanted.claims);
    let token = state.issuer.mint(claims, &MintOptions::default()).await?;
    let stated = lifetime.saturating_sub(STATED_EARLIER);
    Ok(match wanted.version {
        TokenVersion::V1 => json!({
            "token_type": "Bearer", "expires_in": stated.to_string(),
            "expires_on": (now + lifetime).to_string(), "not_before": now.to_string(), "access_token": token
        }),
        TokenVersion::V2 => {
            json!({ "token_type": "Bearer", "expires_in": stated, "ext_expires_in": stated, "access_token": token })
        }
    })
}
