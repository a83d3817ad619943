//! Callers that prove themselves with tokens of Entra ID.

use super::*;
use crate::scene::ask;
use serde_json::{Map, json};
use tollgate_testkit::client::{get, post_json, with_bearer};
use tollgate_testkit::simulator::{DEFAULT_TENANT, MintOptions};

const ACCESS: &str = include_str!("../../documents/labs/access.xml");
const RESPONSES: &str = include_str!("../../documents/labs/secure-responses.xml");
/// The application that may call.
const CLIENT: &str = "0c1d2e3f-1111-4222-8333-444455556666";

fn one_server(url: &str) -> String {
    server("the-model", &format!("{url}/openai"))
}

/// A token with these claims over those of an application's token.
async fn token(lab: &Lab, claims: Value, options: &MintOptions) -> String {
    let mut all = json!({ "tid": DEFAULT_TENANT, "aud": "https://cognitiveservices.azure.com", "azp": CLIENT, "sub": "someone" });
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    let all: Map<String, Value> = all.as_object().unwrap().clone();
    lab.simulator.mint(all, options).await.unwrap()
}

/// `access-controlling`: only one application of one tenant calls, beside its subscription.
#[tokio::test]
async fn one_application_may_call() {
    let values = [
        ("{backend-id}", "the-model"),
        ("{tenant-id}", DEFAULT_TENANT),
        ("{client-application-id}", CLIENT),
    ];
    for policy in documents(ACCESS, "access-controlling/policy.xml", &values) {
        let lab = Lab::start(&policy, one_server).await;
        let call = async |token: &str| {
            let request = with_bearer(chat(KEY_A, &ask("What is a toll?")), token);
            fetch(lab.served.gateway, request).await.unwrap()
        };
        let right = MintOptions::default();
        // Both versions of Entra ID's tokens name the application.
        for claims in [json!({}), json!({ "azp": null, "appid": CLIENT })] {
            let token = token(&lab, claims, &right).await;
            let answer = call(&token).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            // The provider sees the gateway's own token.
            let seen = lab.simulator.requests(1).pop().unwrap();
            assert!(!seen.header("authorization").unwrap().contains(&token));
        }
        let before = lab.served("chat");
        let none = lab.call(KEY_A, &ask("What is a toll?")).await;
        assert_eq!(none.status, 401, "{}", none.text());
        assert_eq!(none.json()["statusCode"], 401);
        let unpublished = MintOptions {
            unpublished_key: true,
            ..MintOptions::default()
        };
        for (claims, options) in [
            (
                json!({ "azp": "99999999-1111-4222-8333-444455556666" }),
                &right,
            ),
            (json!({ "azp": null }), &right),
            (json!({ "exp": 1_700_000_000 }), &right),
            (
                json!({ "iss": "https://login.example/tenant/v2.0" }),
                &right,
            ),
            (
                json!({ "tid": "22222222-2222-4222-8222-222222222222" }),
                &right,
            ),
            (json!({}), &unpublished),
        ] {
            let token = token(&lab, claims.clone(), options).await;
            let refused = call(&token).await;
            assert_eq!(refused.status, 401, "{claims}: {}", refused.text());
        }
        let without_key = with_bearer(
            post_json(crate::scene::CHAT, &ask("What is a toll?")),
            &token(&lab, json!({}), &right).await,
        );
        let refused = fetch(lab.served.gateway, without_key).await.unwrap();
        assert_eq!(refused.status, 401, "{}", refused.text());
        assert_eq!(lab.served("chat"), before);
    }
}

/// `secure-responses-api`: a stored response is its user's alone, though the provider would give it to anyone.
#[tokio::test]
async fn a_response_is_its_users() {
    let values = [("{backend-id}", "the-model")];
    for policy in documents(RESPONSES, "secure-responses-api/secure-policy.xml", &values) {
        let lab = Lab::start(&policy, |url| {
            one_server(url)
                + &format!("namedValues:\n  - {{ id: entraid-tenant, value: {DEFAULT_TENANT} }}\n")
        })
        .await;
        let claims = json!({ "aud": "https://management.azure.com/" });
        let token = token(&lab, claims, &MintOptions::default()).await;
        let call = async |request, user: &str| {
            let request = with_header(request, "ocp-apim-subscription-key", KEY_A);
            let request = with_header(request, "userid", user);
            let answer = fetch(lab.served.gateway, with_bearer(request, &token));
            answer.await.unwrap()
        };
        let path = "/openai/v1/responses";
        let body = json!({ "model": "gpt-4o-mini", "input": "My name is Ann." });
        let nobody = call(post_json(path, &body), "").await;
        assert_eq!(nobody.status, 400, "{}", nobody.text());
        let first = call(post_json(path, &body), "ann").await;
        assert_eq!(first.status, 200, "{}", first.text());
        let id = first.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(
            (
                first.header("x-debug-output-response-id"),
                first.header("x-debug-user-id")
            ),
            (&*id, "ann")
        );
        let next = json!({ "model": "gpt-4o-mini", "input": "And?", "previous_response_id": id });
        let stored = format!("{path}/{id}");
        for (user, status) in [("ann", 200), ("bob", 403)] {
            let read = call(get(&stored), user).await;
            assert_eq!(read.status, status, "{user}: {}", read.text());
            let more = call(post_json(path, &next), user).await;
            assert_eq!(more.status, status, "{user}: {}", more.text());
        }
        let stranger = with_header(post_json(path, &body), "ocp-apim-subscription-key", KEY_A);
        let stranger = fetch(lab.served.gateway, stranger).await.unwrap();
        assert_eq!(stranger.status, 401, "{}", stranger.text());
    }
}
