//! Tokens of users, chosen claims, rotation and outage of the issuer.

use http::Request;
use jsonwebtoken::dangerous::insecure_decode;
use serde_json::{Map, Value, json};
use tollgate_testkit::Simulator;
use tollgate_testkit::client::{self, Fetched};
use tollgate_testkit::simulator::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_TENANT};

use crate::{get, simulator};

const APP: &str = "0c1d2e3f-0000-4000-8000-00000000a991";

async fn token(simulator: &Simulator, version: &str, form: &[(&str, &str)]) -> Fetched {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let form: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let path = format!("/{DEFAULT_TENANT}/oauth2{version}/token");
    let request = Request::post(path).body(form.join("&").into()).unwrap();
    client::fetch(simulator.addr(), request).await.unwrap()
}

fn claims(answer: &Fetched) -> Map<String, Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let token = answer["access_token"].as_str().unwrap();
    insecure_decode::<Map<String, Value>>(token).unwrap().claims
}

#[tokio::test]
async fn users_sign_in_with_their_roles() {
    let simulator = simulator().await;
    let alice = [
        ("grant_type", "password"),
        ("client_id", "my-cli"),
        ("username", "alice@contoso.example"),
        ("password", "alice-password"),
    ];
    let scope = format!("openid api://{APP}/Chat.Use");
    let form = [&alice[..], &[("scope", &*scope)]].concat();
    let second = claims(&token(&simulator, "/v2.0", &form).await);
    assert_eq!(second["ver"], "2.0");
    assert_eq!(second["aud"], APP, "a v2 token names the application");
    assert_eq!(second["iss"], simulator.issuer());
    assert_eq!(second["roles"], json!(["Chat.User", "Chat.Admin"]));
    assert_eq!(second["scp"], "Chat.Use");
    assert_eq!(second["azp"], "my-cli");
    assert_eq!(second["preferred_username"], "alice@contoso.example");
    assert!(!second.contains_key("appid") && !second.contains_key("upn"));

    let resource = format!("api://{APP}");
    let form = [&alice[..], &[("resource", &*resource)]].concat();
    let first = claims(&token(&simulator, "", &form).await);
    assert_eq!(first["ver"], "1.0");
    assert_eq!(first["aud"], format!("api://{APP}"));
    assert_eq!(
        first["iss"],
        format!("{}/{DEFAULT_TENANT}/", simulator.url())
    );
    assert_eq!(first["appid"], "my-cli");
    assert_eq!(first["upn"], "alice@contoso.example");
    assert_eq!(first["scp"], "user_impersonation");
    // Each version's discovery document names the issuer of its tokens.
    for (path, claims) in [("", &first), ("/v2.0", &second)] {
        let path = format!("/{DEFAULT_TENANT}{path}/.well-known/openid-configuration");
        assert_eq!(
            get(&simulator, &path).await.json()["issuer"],
            claims["iss"],
            "{path}"
        );
    }

    let wrong = [&alice[..3], &[("password", "guess"), ("scope", &scope)]].concat();
    let refused = token(&simulator, "/v2.0", &wrong).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error_codes"][0]),
        (400, &json!(50126))
    );
}

#[tokio::test]
async fn claims_can_be_chosen() {
    let simulator = simulator().await;
    let application = [
        ("grant_type", "client_credentials"),
        ("client_id", DEFAULT_CLIENT_ID),
        ("client_secret", DEFAULT_CLIENT_SECRET),
        ("scope", "api://orders/.default"),
    ];
    let chosen =
        r#"{"roles":["Tasks.Read"],"groups":["g1","g2"],"tid":"other","nbf":null,"sub":"s"}"#;
    let form = [&application[..], &[("claims", chosen)]].concat();
    let second = claims(&token(&simulator, "/v2.0", &form).await);
    assert_eq!(
        (&second["roles"], &second["tid"], &second["sub"]),
        (&json!(["Tasks.Read"]), &json!("other"), &json!("s"))
    );
    assert_eq!(second["aud"], "api://orders");
    assert_eq!(
        (&second["azp"], &second["azpacr"]),
        (&json!(DEFAULT_CLIENT_ID), &json!("1"))
    );
    assert!(!second.contains_key("nbf") && !second.contains_key("scp"));
    let form = [&application[..], &[("token_version", "1")]].concat();
    let first = claims(&token(&simulator, "/v2.0", &form).await);
    assert_eq!(
        (&first["ver"], &first["appid"]),
        (&json!("1.0"), &json!(DEFAULT_CLIENT_ID))
    );

    for wrong in [("claims", "[]"), ("token_version", "3")] {
        let form = [&application[..], &[wrong]].concat();
        assert_eq!(token(&simulator, "/v2.0", &form).await.status, 400);
    }
    let form = [&application[..2], &[("claims", chosen)]].concat();
    assert_eq!(
        token(&simulator, "/v2.0", &form).await.status,
        401,
        "an application needs its secret"
    );
}

#[tokio::test]
async fn the_issuer_rotates_and_fails_on_demand() {
    let simulator = simulator().await;
    let keys = "/discovery/keys";
    let plain = get(&simulator, "/.well-known/openid-configuration")
        .await
        .json();
    assert_eq!(plain["issuer"], simulator.url());
    assert_eq!(plain["jwks_uri"], format!("{}{keys}", simulator.url()));
    let common = get(&simulator, "/common/v2.0/.well-known/openid-configuration").await;
    assert_eq!(
        common.headers["cache-control"], "max-age=86400, private",
        "as Entra ID says it"
    );
    assert_eq!(
        common.json()["issuer"],
        format!("{}/{{tenantid}}/v2.0", simulator.url())
    );

    let count = || async {
        get(&simulator, keys).await.json()["keys"]
            .as_array()
            .unwrap()
            .len()
    };
    let post = |path: &'static str, body: Value| {
        client::fetch(simulator.addr(), client::post_json(path, &body))
    };
    assert_eq!(count().await, 2);
    assert_eq!(post("/issuer/rotate", json!({})).await.unwrap().status, 200);
    assert_eq!(count().await, 4);
    let after = post("/issuer/withdraw", json!({})).await.unwrap().json();
    assert_eq!(count().await, 2);
    assert_eq!(after["kids"].as_array().unwrap().len(), 2);

    post("/issuer/outage", json!({ "status": 502 }))
        .await
        .unwrap();
    assert_eq!(get(&simulator, keys).await.status, 502);
    assert_eq!(
        get(&simulator, "/.well-known/openid-configuration")
            .await
            .status,
        502
    );
    let form = [
        ("grant_type", "password"),
        ("client_id", "c"),
        ("username", "bob@contoso.example"),
        ("password", "bob-password"),
        ("scope", "api://orders/x"),
    ];
    claims(&token(&simulator, "/v2.0", &form).await);
    post("/issuer/outage", json!({ "reset": true }))
        .await
        .unwrap();
    assert!(
        client::fetch(simulator.addr(), client::get(keys))
            .await
            .is_err()
    );
    let ended = Request::delete("/issuer/outage")
        .body(Default::default())
        .unwrap();
    client::fetch(simulator.addr(), ended).await.unwrap();
    assert_eq!(count().await, 2);
}
