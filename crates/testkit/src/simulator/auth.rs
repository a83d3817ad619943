//! Who may call a deployment.
//!
//! Called by the router before anything else is looked at, as Azure does. What must stay true:
//! refusals have the bodies of the real front door, which differ for keys and for tokens.

use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::State;
use super::config::COGNITIVE_SERVICES;
use super::errors::Refusal;
use super::router::Form;

/// Admits or refuses the credentials of a request.
pub(super) fn check(state: &State, headers: &HeaderMap, form: Form) -> Result<(), Refusal> {
    let config = &state.config;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    // A token goes before a key, as it does on the real service.
    if let Some(token) = bearer.filter(|token| !token.is_empty()) {
        let listed = config
            .api_keys
            .as_ref()
            .is_some_and(|keys| keys.iter().any(|key| key == token));
        return match form {
            Form::OpenAi if key_is_known(state, token) => Ok(()),
            Form::OpenAi => Err(bad_key(form)),
            _ if !config.strict_auth => Ok(()),
            // The v1 surface takes keys as bearer tokens.
            Form::V1 if listed && !config.require_bearer => Ok(()),
            _ => state
                .issuer
                .verify(token, Some(COGNITIVE_SERVICES))
                .map(|_| ())
                .ok_or_else(bad_token),
        };
    }
    match text("api-key").filter(|key| !key.is_empty()) {
        Some(_) if config.require_bearer => Err(Refusal::azure(
            StatusCode::FORBIDDEN,
            "AuthenticationTypeDisabled",
            "Key based authentication is disabled for this resource.",
        )),
        Some(key) if key_is_known(state, key) => Ok(()),
        Some(_) => Err(bad_key(form)),
        None if config.allow_anonymous => Ok(()),
        None => Err(bad_key(form)),
    }
}

fn key_is_known(state: &State, key: &str) -> bool {
    state
        .config
        .api_keys
        .as_ref()
        .is_none_or(|keys| keys.iter().any(|known| known == key))
}

fn bad_token() -> Refusal {
    let text = format!(
        "Unauthorized. Access token is missing, invalid, audience is incorrect ({COGNITIVE_SERVICES}), or have expired."
    );
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        json!({ "statusCode": 401, "message": text }),
    )
    .with("www-authenticate", "Bearer")
}

fn bad_key(form: Form) -> Refusal {
    if form == Form::OpenAi {
        let error = json!({
            "message": "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
            "type": "invalid_request_error", "param": null, "code": "invalid_api_key"
        });
        return Refusal::new(StatusCode::UNAUTHORIZED, json!({ "error": error }));
    }
    Refusal::azure(
        StatusCode::UNAUTHORIZED,
        "401",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an \
         active subscription and use a correct regional API endpoint for your resource.",
    )
}
