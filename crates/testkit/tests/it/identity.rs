//! The issuer and the endpoints that hand out tokens.

use std::time::Duration;

use http::Request;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value, json};
use tollgate_testkit::client::{self, Fetched};
use tollgate_testkit::simulator::{
    COGNITIVE_SERVICES, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_IDENTITY_HEADER,
    DEFAULT_TENANT, MINT_GRANT, MintOptions,
};
use tollgate_testkit::{IdentityConfig, Simulator, SimulatorConfig};

use crate::{get, simulator};

/// Checks a token as any relying party does: discovery, key set, signature, audience, issuer.
async fn verify(simulator: &Simulator, token: &str, audience: &str) -> Map<String, Value> {
    let discovery = get(
        simulator,
        &format!("/{DEFAULT_TENANT}/v2.0/.well-known/openid-configuration"),
    )
    .await
    .json();
    let path = discovery["jwks_uri"]
        .as_str()
        .unwrap()
        .strip_prefix(simulator.url())
        .unwrap()
        .to_owned();
    let keys: JwkSet = serde_json::from_slice(&get(simulator, &path).await.body).unwrap();
    let header = decode_header(token).unwrap();
    let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[discovery["issuer"].as_str().unwrap()]);
    decode(token, &DecodingKey::from_jwk(key).unwrap(), &validation)
        .unwrap()
        .claims
}

async fn metadata(simulator: &Simulator, query: &str) -> Fetched {
    let request = client::get(&format!("/metadata/identity/oauth2/token?{query}"));
    client::fetch(
        simulator.addr(),
        client::with_header(request, "metadata", "true"),
    )
    .await
    .unwrap()
}

async fn token(simulator: &Simulator, path: &str, form: &[(&str, &str)]) -> Fetched {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let form: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    client::fetch(
        simulator.addr(),
        request.body(form.join("&").into()).unwrap(),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn imds_gives_strings_and_demands_its_header() {
    let simulator = simulator().await;
    let query = "api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com";
    let answer = metadata(&simulator, query).await.json();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["resource"], COGNITIVE_SERVICES);
    for name in ["expires_in", "expires_on", "not_before"] {
        assert!(
            answer[name].as_str().unwrap().parse::<u64>().is_ok(),
            "{name}"
        );
    }
    let claims = verify(
        &simulator,
        answer["access_token"].as_str().unwrap(),
        COGNITIVE_SERVICES,
    )
    .await;
    assert_eq!(
        (&claims["appid"], &claims["tid"]),
        (&json!(DEFAULT_CLIENT_ID), &json!(DEFAULT_TENANT))
    );
    assert_eq!(answer["expires_on"], claims["exp"].to_string());

    let bare = client::fetch(
        simulator.addr(),
        client::get(&format!("/metadata/identity/oauth2/token?{query}")),
    )
    .await
    .unwrap();
    assert_eq!(
        (bare.status.as_u16(), &bare.json()["error"]),
        (400, &json!("invalid_request"))
    );
    assert_eq!(
        metadata(&simulator, "api-version=2018-02-01").await.status,
        400
    );
    assert_eq!(metadata(&simulator, "resource=x").await.status, 400);
}

#[tokio::test]
async fn unknown_identities_are_not_found() {
    let identity = IdentityConfig {
        user_assigned: Some(vec!["mine".to_owned()]),
        ..IdentityConfig::default()
    };
    let simulator = Simulator::start(SimulatorConfig {
        identity,
        ..SimulatorConfig::default()
    })
    .await
    .unwrap();
    let base = "api-version=2018-02-01&resource=https://vault.azure.net";
    let mine = metadata(&simulator, &format!("{base}&client_id=mine"))
        .await
        .json();
    let claims = verify(
        &simulator,
        mine["access_token"].as_str().unwrap(),
        "https://vault.azure.net",
    )
    .await;
    assert_eq!(claims["appid"], "mine");
    let other = metadata(&simulator, &format!("{base}&client_id=other")).await;
    assert_eq!(
        (other.status.as_u16(), &other.json()["error_description"]),
        (400, &json!("Identity not found"))
    );
}

#[tokio::test]
async fn app_service_demands_its_secret() {
    let simulator = simulator().await;
    let path = "/msi/token?api-version=2019-08-01&resource=https://cognitiveservices.azure.com";
    let ask = |secret: &'static str| {
        client::fetch(
            simulator.addr(),
            client::with_header(client::get(path), "x-identity-header", secret),
        )
    };
    let answer = ask(DEFAULT_IDENTITY_HEADER).await.unwrap().json();
    assert!(
        answer["expires_on"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .is_ok()
    );
    verify(
        &simulator,
        answer["access_token"].as_str().unwrap(),
        COGNITIVE_SERVICES,
    )
    .await;
    assert_eq!(ask("wrong").await.unwrap().status, 401);
}

#[tokio::test]
async fn client_credentials_by_secret_and_by_assertion() {
    let simulator = simulator().await;
    let path = format!("/{DEFAULT_TENANT}/oauth2/v2.0/token");
    let scope = ("scope", "https://cognitiveservices.azure.com/.default");
    let base = [
        ("grant_type", "client_credentials"),
        ("client_id", DEFAULT_CLIENT_ID),
        scope,
    ];
    let answer = token(
        &simulator,
        &path,
        &[&base[..], &[("client_secret", DEFAULT_CLIENT_SECRET)]].concat(),
    )
    .await
    .json();
    assert!(
        answer["expires_in"].is_u64(),
        "the v2 endpoint gives numbers"
    );
    verify(
        &simulator,
        answer["access_token"].as_str().unwrap(),
        COGNITIVE_SERVICES,
    )
    .await;

    let jwt_bearer = (
        "client_assertion_type",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    );
    let claims =
        json!({ "sub": "system:serviceaccount:default:app", "aud": "api://AzureADTokenExchange" });
    let assertion = simulator
        .mint(claims.as_object().unwrap().clone(), &MintOptions::default())
        .await
        .unwrap();
    let form = [&base[..], &[jwt_bearer, ("client_assertion", &assertion)]].concat();
    let answer = token(&simulator, &path, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());

    for (wrong, code) in [
        (("client_secret", "wrong"), 7_000_215),
        (("client_assertion", "not-a-jwt"), 50_027),
    ] {
        let refused = token(
            &simulator,
            &path,
            &[&base[..], &[jwt_bearer, wrong]].concat(),
        )
        .await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]),
            (401, &json!("invalid_client"))
        );
        assert_eq!(refused.json()["error_codes"][0], code);
    }
    let v1 = [
        base[0],
        base[1],
        ("client_secret", DEFAULT_CLIENT_SECRET),
        ("resource", "https://vault.azure.net"),
    ];
    let answer = token(&simulator, &format!("/{DEFAULT_TENANT}/oauth2/token"), &v1)
        .await
        .json();
    assert!(
        answer["expires_in"].is_string(),
        "the v1 endpoint gives strings"
    );
}

#[tokio::test]
async fn any_claims_can_be_minted_and_keys_rotate() {
    let simulator = simulator().await;
    let path = format!("/{DEFAULT_TENANT}/oauth2/v2.0/token");
    let claims = json!({ "aud": "me", "roles": ["admin"], "nbf": null }).to_string();
    for alg in ["RS256", "ES256"] {
        let form = [
            ("grant_type", MINT_GRANT),
            ("claims", &claims),
            ("alg", alg),
        ];
        let answer = token(&simulator, &path, &form).await.json();
        let minted = verify(&simulator, answer["access_token"].as_str().unwrap(), "me").await;
        assert_eq!(minted["roles"], json!(["admin"]));
        assert!(!minted.contains_key("nbf"));
    }
    let keys = || async {
        get(
            &simulator,
            &format!("/{DEFAULT_TENANT}/discovery/v2.0/keys"),
        )
        .await
        .json()["keys"]
            .as_array()
            .unwrap()
            .len()
    };
    let before = keys().await;
    let rotate = client::post_json(&format!("/{DEFAULT_TENANT}/keys/rotate"), &json!({}));
    assert_eq!(
        client::fetch(simulator.addr(), rotate)
            .await
            .unwrap()
            .status,
        200
    );
    assert_eq!(keys().await, before + 2);
}

#[tokio::test]
async fn the_lifetime_can_be_set() {
    let simulator = simulator().await;
    simulator.set_token_lifetime(Duration::from_secs(30));
    let answer = metadata(&simulator, "api-version=2018-02-01&resource=r")
        .await
        .json();
    let claims = verify(&simulator, answer["access_token"].as_str().unwrap(), "r").await;
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        30
    );
}
