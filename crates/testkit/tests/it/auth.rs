//! Credentials: keys, bearer tokens, and the bodies of refusals.

use serde_json::{Map, Value, json};
use tollgate_testkit::client::{self, Fetched};
use tollgate_testkit::simulator::{COGNITIVE_SERVICES, MintOptions, SigningAlgorithm};
use tollgate_testkit::{Simulator, SimulatorConfig};

use crate::{CHAT, question};

async fn call(simulator: &Simulator, header: Option<(&'static str, &str)>) -> Fetched {
    let mut request = client::post_json(CHAT, &question("Say hello.", json!({})));
    if let Some((name, value)) = header {
        request = client::with_header(request, name, value);
    }
    client::fetch(simulator.addr(), request).await.unwrap()
}

async fn strict() -> Simulator {
    let config = SimulatorConfig {
        api_keys: Some(vec!["right".to_owned()]),
        strict_auth: true,
        ..SimulatorConfig::default()
    };
    Simulator::start(config).await.unwrap()
}

fn claims(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn keys_are_checked() {
    let simulator = strict().await;
    assert_eq!(
        call(&simulator, Some(("api-key", "right"))).await.status,
        200
    );
    for refused in [
        call(&simulator, Some(("api-key", "wrong"))).await,
        call(&simulator, None).await,
    ] {
        assert_eq!(refused.status, 401);
        let error = refused.json()["error"].clone();
        assert_eq!(error["code"], "401");
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .starts_with("Access denied due to invalid subscription key")
        );
    }
}

#[tokio::test]
async fn only_tokens_of_the_issuer_are_accepted() {
    let simulator = strict().await;
    let good = simulator
        .mint(
            claims(json!({ "aud": COGNITIVE_SERVICES })),
            &MintOptions::default(),
        )
        .await
        .unwrap();
    assert_eq!(
        call(
            &simulator,
            Some(("authorization", &format!("Bearer {good}")))
        )
        .await
        .status,
        200
    );
    let es256 = MintOptions {
        algorithm: SigningAlgorithm::Es256,
        ..MintOptions::default()
    };
    let good = simulator
        .mint(claims(json!({ "aud": COGNITIVE_SERVICES })), &es256)
        .await
        .unwrap();
    assert_eq!(
        call(
            &simulator,
            Some(("authorization", &format!("Bearer {good}")))
        )
        .await
        .status,
        200
    );

    let foreign = MintOptions {
        unpublished_key: true,
        ..MintOptions::default()
    };
    let mut tampered = good.clone();
    tampered.replace_range(good.len() - 8..good.len() - 4, "AAAA");
    let bad = [
        "made-up".to_owned(),
        tampered,
        simulator
            .mint(
                claims(json!({ "aud": "https://vault.azure.net" })),
                &MintOptions::default(),
            )
            .await
            .unwrap(),
        simulator
            .mint(
                claims(json!({ "aud": COGNITIVE_SERVICES, "exp": 1000 })),
                &MintOptions::default(),
            )
            .await
            .unwrap(),
        simulator
            .mint(
                claims(json!({ "aud": COGNITIVE_SERVICES, "iss": "https://elsewhere" })),
                &MintOptions::default(),
            )
            .await
            .unwrap(),
        simulator
            .mint(claims(json!({ "aud": COGNITIVE_SERVICES })), &foreign)
            .await
            .unwrap(),
    ];
    for token in bad {
        let refused = call(
            &simulator,
            Some(("authorization", &format!("Bearer {token}"))),
        )
        .await;
        assert_eq!(refused.status, 401, "{token}");
        assert_eq!(refused.json()["statusCode"], 401);
        assert!(
            refused.json()["message"]
                .as_str()
                .unwrap()
                .contains(COGNITIVE_SERVICES)
        );
    }
}

#[tokio::test]
async fn keys_can_be_disabled() {
    let config = SimulatorConfig {
        require_bearer: true,
        ..SimulatorConfig::default()
    };
    let simulator = Simulator::start(config).await.unwrap();
    let refused = call(&simulator, Some(("api-key", "right"))).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]["code"]),
        (403, &json!("AuthenticationTypeDisabled"))
    );
}

#[tokio::test]
async fn a_withdrawn_key_no_longer_counts() {
    let simulator = strict().await;
    let token = simulator
        .mint(
            claims(json!({ "aud": COGNITIVE_SERVICES })),
            &MintOptions::default(),
        )
        .await
        .unwrap();
    let bearer = format!("Bearer {token}");
    simulator.rotate_keys(false).await.unwrap();
    assert_eq!(
        call(&simulator, Some(("authorization", &bearer)))
            .await
            .status,
        200,
        "rotated, still published"
    );
    simulator.rotate_keys(true).await.unwrap();
    assert_eq!(
        call(&simulator, Some(("authorization", &bearer)))
            .await
            .status,
        401
    );
}
