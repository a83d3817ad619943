//! The backend by the request's model, and a pool that is written in policies.

use super::*;
use crate::scene::ask;
use serde_json::json;
use tollgate_testkit::client::post_json;

const MODELS: &str = include_str!("../../documents/labs/model-routing.xml");
const OWN_POOL: &str = include_str!("../../documents/labs/own-pool.xml");

/// `model-routing`: the model in the body, or the deployment in the path, chooses the resource; others are refused.
#[tokio::test]
async fn the_model_chooses_the_backend() {
    let values = [
        ("{first-backend-id}", "first"),
        ("{second-backend-id}", "second"),
    ];
    for policy in documents(MODELS, "model-routing/policy.xml", &values) {
        let lab = Lab::start(&policy, |url| {
            server("first", &format!("{url}/north/openai"))
                + &server("second", &format!("{url}/west/openai"))
        })
        .await;
        let call = async |path: &str, body: &Value| {
            let request = with_header(post_json(path, body), "ocp-apim-subscription-key", KEY_A);
            fetch(lab.served.gateway, request).await.unwrap()
        };
        let v1 = "/openai/v1/chat/completions";
        let mut body = ask("What is a toll?");
        body["model"] = "gpt-4o-mini".into();
        let first = call(v1, &body).await;
        assert_eq!(
            (first.status.as_u16(), first.header("x-ms-region")),
            (200, "North Europe"),
            "{}",
            first.text()
        );
        let by_path = lab.call(KEY_A, &ask("What is a gate?")).await;
        assert_eq!(by_path.header("x-ms-region"), "North Europe");
        body["model"] = "GPT-35-turbo".into();
        // The second resource has no such deployment, and says so itself.
        let second = call(v1, &body).await;
        assert_eq!(
            (second.status.as_u16(), second.header("x-ms-region")),
            (404, "West US"),
            "{}",
            second.text()
        );
        body["model"] = "davinci".into();
        let refused = call(v1, &body).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        assert_eq!(
            refused.json(),
            json!({ "error": { "message": "The model davinci is not served here." } })
        );
        let nothing = call(v1, &ask("What is a toll?")).await;
        assert_eq!(nothing.status, 400, "{}", nothing.text());
        assert_eq!(
            nothing.json()["error"]["message"],
            "The request names no model."
        );
        assert_eq!(lab.simulator.requests(100).len(), 4, "one for a token");
    }
}

/// `advanced-load-balancing`: priorities and throttling kept in the cache by expressions, without the gateway's own pools.
#[tokio::test]
async fn expressions_make_a_pool() {
    for policy in documents(
        OWN_POOL,
        "_deprecated/advanced-load-balancing/policy.xml",
        &[],
    ) {
        let lab = Lab::start(&policy, |url| {
            let named = r#"namedValues:
  - id: openai-lb-config
    value: '[{"name":"west","priority":2,"weight":1},{"name":"east","priority":1,"weight":1}]'
"#;
            server("east", &format!("{url}/east/openai"))
                + &server("west", &format!("{url}/west/openai"))
                + named
        })
        .await;
        let by = async |region: &str, backend: &str| {
            let answer = lab.call(KEY_A, &ask("What is a toll?")).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(
                (answer.header("x-ms-region"), answer.header("x-ms-openai")),
                (region, backend)
            );
        };
        by("East US", "east").await;
        let fault = "status=429;retry-after=2";
        lab.simulator.queue_fault(Some("east"), fault, 1).unwrap();
        // The caller does not see the refusal, and the next calls do not ask the throttled one again.
        by("West US", "west").await;
        by("West US", "west").await;
        assert_eq!(lab.asked("east"), 2);
        crate::scene::until("it is asked again after its time", async || {
            let answer = lab.call(KEY_A, &ask("What is a toll?")).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.header("x-ms-openai") == "east"
        })
        .await;
        // When nobody is left, the caller gets the last answer.
        let fault = "status=429;retry-after=30";
        lab.simulator.queue_fault(None, fault, 2).unwrap();
        let none = lab.call(KEY_A, &ask("What is a toll?")).await;
        assert_eq!(none.status, 429, "{}", none.text());
    }
}
