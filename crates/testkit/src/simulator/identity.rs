//! Where tokens come from: IMDS, App Service's identity endpoint, and Entra ID's token endpoint.
//!
//! Called by the router. Shapes follow Microsoft's pages "How to use managed identities on an Azure
//! VM to acquire an access token" and "Managed identities for App Service", and Entra ID's v1 and
//! v2 token endpoints: expiry is a string where theirs is one. Tokens of users are in `users`.
//! What must stay true: a request that the real endpoint refuses is refused here.

use std::collections::HashMap;

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::State;
use super::billing::unix_millis;
use super::errors::Refusal;
use super::issuer::{MintOptions, SigningAlgorithm, SigningError, TokenVersion};
use super::reply::identifier;
use super::users;

/// `grant_type` of the test grant: it mints the JSON object in `claims`, signed with `alg`
/// (`RS256` or `ES256`), with another `kid` or with `key=unpublished` if asked.
pub const MINT_GRANT: &str = "urn:tollgate:params:oauth:grant-type:mint";

/// `client_assertion_type` of federated credentials (RFC 7523).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What Entra ID adds to the lifetime it states, so that clients refresh early.
pub(super) const STATED_EARLIER: u64 = 1;

impl From<SigningError> for Refusal {
    fn from(error: SigningError) -> Self {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            json!({ "error": "server_error", "error_description": error.to_string() }),
        )
    }
}

/// `GET /metadata/identity/oauth2/token`, the instance metadata service.
pub(super) async fn imds(state: &State, head: &Parts) -> Result<Value, Refusal> {
    let bad = |text: &str| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            json!({ "error": "invalid_request", "error_description": text }),
        )
    };
    if !head
        .headers
        .get("metadata")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
    {
        return Err(bad("Required metadata header not specified"));
    }
    if head.headers.contains_key("x-forwarded-for") {
        return Err(bad("Requests with an X-Forwarded-For header are refused"));
    }
    let query = form(head.uri.query().unwrap_or_default());
    if query
        .get("api-version")
        .is_none_or(|version| version.as_str() < "2018-02-01")
    {
        return Err(bad(
            "Required query variable 'api-version' is missing or too old",
        ));
    }
    let resource = query
        .get("resource")
        .filter(|resource| !resource.is_empty());
    let resource = resource.ok_or_else(|| bad("Required query variable 'resource' is missing"))?;
    let client_id = client(state, &query).ok_or_else(|| bad("Identity not found"))?;
    let (token, lifetime) = access_token(state, resource, &client_id).await?;
    let now = unix_millis() / 1000;
    Ok(json!({
        "access_token": token,
        "client_id": client_id,
        "expires_in": lifetime.saturating_sub(STATED_EARLIER).to_string(),
        "expires_on": (now + lifetime).to_string(),
        "ext_expires_in": lifetime.saturating_sub(STATED_EARLIER).to_string(),
        "not_before": now.to_string(),
        "resource": resource,
        "token_type": "Bearer"
    }))
}

/// `GET /msi/token`, App Service's `IDENTITY_ENDPOINT`.
pub(super) async fn app_service(state: &State, head: &Parts) -> Result<Value, Refusal> {
    let refuse = |status, text: &str| {
        Refusal::new(
            status,
            json!({ "statusCode": status.as_u16(), "message": text }),
        )
    };
    let secret = head
        .headers
        .get("x-identity-header")
        .map(|value| value.as_bytes());
    if secret != Some(state.config.identity.identity_header.as_bytes()) {
        return Err(refuse(
            StatusCode::UNAUTHORIZED,
            "The X-IDENTITY-HEADER does not match.",
        ));
    }
    let query = form(head.uri.query().unwrap_or_default());
    if query
        .get("api-version")
        .is_none_or(|version| version != "2019-08-01")
    {
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            "Unsupported api-version; expected 2019-08-01.",
        ));
    }
    let resource = query
        .get("resource")
        .filter(|resource| !resource.is_empty());
    let resource = resource.ok_or_else(|| {
        refuse(
            StatusCode::BAD_REQUEST,
            "The resource parameter is missing.",
        )
    })?;
    let client_id = client(state, &query);
    let client_id = client_id.ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."))?;
    let (token, lifetime) = access_token(state, resource, &client_id).await?;
    Ok(json!({
        "access_token": token,
        "client_id": client_id,
        "expires_on": (unix_millis() / 1000 + lifetime).to_string(),
        "resource": resource,
        "token_type": "Bearer"
    }))
}

/// `POST /{tenant}/oauth2/v2.0/token` and, with `v1`, `POST /{tenant}/oauth2/token`.
pub(super) async fn token(
    state: &State,
    head: &Parts,
    body: &[u8],
    tenant: &str,
    v1: bool,
) -> Result<Value, Refusal> {
    if head.method != Method::POST {
        return Err(entra(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            900561,
            "The endpoint only accepts POST requests.",
        ));
    }
    let form = form(&String::from_utf8_lossy(body));
    let field = |name: &str| {
        form.get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    };
    let missing = |name: &str| {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        entra(StatusCode::BAD_REQUEST, "invalid_request", 900144, &text)
    };
    match field("grant_type") {
        None => return Err(missing("grant_type")),
        Some(MINT_GRANT) => return mint(state, &form).await,
        Some("client_credentials" | "password") => {}
        Some(other) => {
            let text = format!("The app requested an unsupported grant type '{other}'.");
            return Err(entra(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                70003,
                &text,
            ));
        }
    }
    let identity = &state.config.identity;
    if tenant != identity.tenant_id {
        let text = format!("Tenant '{tenant}' not found.");
        return Err(entra(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            90002,
            &text,
        ));
    }
    let client_id = field("client_id").ok_or_else(|| missing("client_id"))?;
    if !known_client(state, client_id) {
        let text = format!(
            "Application with identifier '{client_id}' was not found in the directory '{tenant}'."
        );
        return Err(entra(
            StatusCode::BAD_REQUEST,
            "unauthorized_client",
            700016,
            &text,
        ));
    }
    let version = if v1 {
        TokenVersion::V1
    } else {
        TokenVersion::V2
    };
    let for_user = field("grant_type") == Some("password");
    match (field("client_secret"), field("client_assertion")) {
        // Users sign in through public clients, which have no secret.
        (None, None) if for_user => {}
        (Some(secret), _) if secret == identity.client_secret => {}
        (Some(_), _) => {
            let text = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.";
            return Err(entra(
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                7000215,
                text,
            ));
        }
        (None, Some(assertion)) => {
            check_assertion(state, field("client_assertion_type"), assertion)?
        }
        (None, None) => {
            let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            return Err(entra(
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                7000218,
                text,
            ));
        }
    }
    if for_user {
        return users::password(state, &form, version, client_id).await;
    }
    if users::chooses(&form) {
        return users::application(state, &form, version, client_id).await;
    }
    let resource = if v1 {
        field("resource")
            .ok_or_else(|| missing("resource"))?
            .to_owned()
    } else {
        let scope = field("scope").ok_or_else(|| missing("scope"))?;
        let Some(resource) = scope.strip_suffix("/.default") else {
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier."
            );
            return Err(entra(
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                1002012,
                &text,
            ));
        };
        resource.to_owned()
    };
    let (token, lifetime) = access_token(state, &resource, client_id).await?;
    let stated = lifetime.saturating_sub(STATED_EARLIER);
    if v1 {
        let now = unix_millis() / 1000;
        return Ok(json!({
            "token_type": "Bearer", "expires_in": stated.to_string(), "ext_expires_in": stated.to_string(),
            "expires_on": (now + lifetime).to_string(), "not_before": now.to_string(), "resource": resource,
            "access_token": token
        }));
    }
    Ok(
        json!({ "token_type": "Bearer", "expires_in": stated, "ext_expires_in": stated, "access_token": token }),
    )
}

/// A federated credential must be a JWT that has not expired; one of our own must verify.
fn check_assertion(state: &State, kind: Option<&str>, assertion: &str) -> Result<(), Refusal> {
    let refuse = |code, text: &str| entra(StatusCode::UNAUTHORIZED, "invalid_client", code, text);
    if kind != Some(JWT_BEARER) {
        return Err(refuse(
            900144,
            "The request body must contain the following parameter: 'client_assertion_type'.",
        ));
    }
    let claims = jsonwebtoken::dangerous::insecure_decode::<Map<String, Value>>(assertion)
        .map(|data| data.claims);
    let Ok(claims) = claims else {
        return Err(refuse(50027, "JWT token is invalid or malformed."));
    };
    if claims
        .get("exp")
        .and_then(Value::as_u64)
        .is_some_and(|exp| exp * 1000 < unix_millis())
    {
        return Err(refuse(
            700024,
            "Client assertion is not within its valid time range.",
        ));
    }
    let ours = claims.get("iss").and_then(Value::as_str) == Some(&state.issuer.name());
    if ours && state.issuer.verify(assertion, None).is_none() {
        return Err(refuse(
            700027,
            "Client assertion failed signature validation.",
        ));
    }
    Ok(())
}

async fn mint(state: &State, form: &HashMap<String, String>) -> Result<Value, Refusal> {
    let refuse = |text: &str| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            json!({ "error": "invalid_request", "error_description": text }),
        )
    };
    let claims = form.get("claims").map(String::as_str).unwrap_or("{}");
    let claims: Map<String, Value> =
        serde_json::from_str(claims).map_err(|error| refuse(&format!("claims: {error}")))?;
    let algorithm = match form.get("alg").map(String::as_str) {
        None | Some("RS256") => SigningAlgorithm::Rs256,
        Some("ES256") => SigningAlgorithm::Es256,
        Some(_) => return Err(refuse("alg must be RS256 or ES256")),
    };
    let unpublished_key = form.get("key").is_some_and(|key| key == "unpublished");
    let options = MintOptions {
        algorithm,
        kid: form.get("kid").cloned(),
        unpublished_key,
    };
    let token = state.issuer.mint(claims, &options).await?;
    Ok(
        json!({ "token_type": "Bearer", "expires_in": state.issuer.lifetime(), "access_token": token }),
    )
}

/// An application token as Entra ID issues to a managed identity, and its lifetime in seconds.
pub(super) async fn access_token(
    state: &State,
    resource: &str,
    client_id: &str,
) -> Result<(String, u64), SigningError> {
    let identity = &state.config.identity;
    let lifetime = state.issuer.lifetime();
    let now = unix_millis() / 1000;
    let claims = json!({
        "aud": resource, "iss": state.issuer.name(), "iat": now, "nbf": now, "exp": now + lifetime,
        "aio": identifier(""), "appid": client_id, "appidacr": "2", "idp": state.issuer.name(), "idtyp": "app",
        "oid": client_id, "rh": "0.", "sub": client_id, "tid": identity.tenant_id, "uti": identifier(""), "ver": "1.0"
    });
    let Value::Object(claims) = claims else {
        return Err(SigningError);
    };
    Ok((
        state.issuer.mint(claims, &MintOptions::default()).await?,
        lifetime,
    ))
}

/// The identity a managed-identity request is for: the system-assigned one unless it names one.
fn client(state: &State, query: &HashMap<String, String>) -> Option<String> {
    match query.get("client_id") {
        None => Some(state.config.identity.client_id.clone()),
        Some(client_id) => known_client(state, client_id).then(|| client_id.clone()),
    }
}

fn known_client(state: &State, client_id: &str) -> bool {
    let identity = &state.config.identity;
    let others = identity.user_assigned.as_ref();
    client_id == identity.client_id
        || others.is_none_or(|known| known.iter().any(|known| known == client_id))
}

/// Entra ID's error body.
pub(super) fn entra(status: StatusCode, error: &str, code: u32, text: &str) -> Refusal {
    let trace = uuid::Uuid::new_v4().to_string();
    Refusal::new(
        status,
        json!({
            "error": error,
            "error_description": format!("AADSTS{code}: {text} Trace ID: {trace}"),
            "error_codes": [code],
            "trace_id": trace,
            "correlation_id": uuid::Uuid::new_v4().to_string(),
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}")
        }),
    )
}

/// The fields of `application/x-www-form-urlencoded`; of repeated names the first counts.
pub(super) fn form(text: &str) -> HashMap<String, String> {
    let mut fields = HashMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.entry(decode(name)).or_insert_with(|| decode(value));
    }
    fields
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}
