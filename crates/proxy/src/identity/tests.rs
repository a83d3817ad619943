//! The choice of the source, and what token answers mean.

use super::source::Source;
use super::token::TokenAnswer;
use crate::config::{IdentityConfig, IdentitySource};

fn chosen(source: Option<IdentitySource>, variables: &[&str]) -> &'static str {
    let config = IdentityConfig {
        source,
        imds_endpoint: None,
    };
    let environment = |name: &str| variables.contains(&name).then(|| String::from("x"));
    Source::choose(&config, &environment).name()
}

#[test]
fn the_chain_is_azures() {
    const TENANT: &[&str] = &["AZURE_TENANT_ID", "AZURE_CLIENT_ID"];
    let with = |more: &[&'static str]| [TENANT, more].concat();
    let secret = with(&["AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"]);
    assert_eq!(chosen(None, &secret), "the client secret");
    let federated = with(&[
        "AZURE_FEDERATED_TOKEN_FILE",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
    ]);
    assert_eq!(chosen(None, &federated), "workload identity");
    let app = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"];
    assert_eq!(chosen(None, &app), "the App Service identity endpoint");
    assert_eq!(chosen(None, TENANT), "the instance metadata service");
    assert_eq!(
        chosen(Some(IdentitySource::Imds), &secret),
        "the instance metadata service"
    );
    // Named and not complete: an error later, not another source.
    assert_eq!(
        chosen(Some(IdentitySource::ClientSecret), TENANT),
        "the client secret"
    );
}

fn lifetime(text: &str) -> Result<(u64, u64), String> {
    let answer: TokenAnswer = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let fetched = answer.into_token(1_000)?;
    assert!(fetched.token.header.is_sensitive());
    assert!(!format!("{:?}", fetched.token).contains("very-secret"));
    Ok((fetched.token.expires, fetched.refresh_in.as_secs()))
}

#[test]
fn tokens_are_refreshed_ahead_of_their_end() {
    let token = |rest: &str| format!(r#"{{"access_token":"very-secret"{rest}}}"#);
    assert_eq!(lifetime(&token(r#","expires_in":3600"#)), Ok((4600, 3300)));
    assert_eq!(
        lifetime(&token(r#","expires_in":"86400""#)),
        Ok((87400, 43200))
    );
    assert_eq!(lifetime(&token(r#","expires_on":"1100""#)), Ok((1100, 80)));
    assert_eq!(
        lifetime(&token(r#","expires_in":86400,"refresh_in":"600""#)),
        Ok((87400, 600))
    );
    assert!(lifetime(&token("")).is_err());
    assert!(lifetime(r#"{"access_token":"very-secret\n","expires_in":1}"#).is_err());
}
