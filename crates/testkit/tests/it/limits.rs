//! Capacity: reserved deployments refuse above their tokens per minute, pay-as-you-go by quota.

use serde_json::json;
use tollgate_testkit::simulator::{PAY_AS_YOU_GO, PTU_EAST, PTU_WEST};
use tollgate_testkit::{Deployment, Simulator, SimulatorConfig};

use crate::{get, post, question};

async fn limited() -> Simulator {
    let deployments = vec![
        Deployment::new("reserved", "gpt-4o-mini").ptu(300),
        Deployment::new("paygo", "gpt-4o-mini").tokens_per_minute(150),
        Deployment::new("free", "gpt-4o-mini"),
    ];
    Simulator::start(SimulatorConfig {
        deployments,
        ..SimulatorConfig::default()
    })
    .await
    .unwrap()
}

fn path(deployment: &str) -> String {
    format!("/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21")
}

#[tokio::test]
async fn reserved_capacity_answers_429_above_its_tokens_per_minute() {
    let simulator = limited().await;
    let body = question("Count to 50.", json!({ "max_tokens": 150 }));
    let mut refused = None;
    for _ in 0..10 {
        let answer = post(&simulator, &path("reserved"), &body).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        assert!(
            answer
                .header("azure-openai-deployment-utilization")
                .ends_with('%')
        );
    }
    let refused = refused.expect("ten calls exceed 300 tokens");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(refused.header("retry-after-ms").parse::<u64>().unwrap() >= 1);
    assert_eq!(refused.header("x-ratelimit-limit-tokens"), "300");
    assert_eq!(refused.header("x-ratelimit-remaining-tokens"), "0");
    assert_eq!(refused.json()["error"]["code"], "429");
    let billed = simulator.usage();
    assert!(
        billed.totals.total_tokens >= 300,
        "refused only when the minute was used up"
    );
    assert_eq!(
        post(&simulator, &path("free"), &body).await.status,
        200,
        "others are not concerned"
    );
}

#[tokio::test]
async fn pay_as_you_go_refuses_by_estimate() {
    let simulator = limited().await;
    let small = question("Say hello.", json!({ "max_tokens": 90 }));
    let first = post(&simulator, &path("paygo"), &small).await;
    assert_eq!(
        (
            first.status.as_u16(),
            first.header("x-ratelimit-remaining-tokens")
        ),
        (200, "50")
    );
    let second = post(&simulator, &path("paygo"), &small).await;
    assert_eq!(second.status, 429);
    let wait = second.header("retry-after").parse::<u64>().unwrap();
    assert!((1..=60).contains(&wait));
    assert!(
        second.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("ChatCompletions_Create")
    );
}

#[tokio::test]
async fn resources_beside_the_main_one_have_capacity_and_faults_of_their_own() {
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let at = |resource: &str| format!("/{resource}{}", path("gpt-4o-mini"));
    let body = question("Count to 50.", json!({}));
    let mut refused = None;
    for _ in 0..20 {
        let answer = post(&simulator, &at(PTU_EAST), &body).await;
        assert_eq!(answer.header("x-ms-region"), "East US");
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("twenty calls fill it");
    assert_eq!(refused.status, 429, "{}", refused.text());
    for other in [PTU_WEST, PAY_AS_YOU_GO] {
        let answer = post(&simulator, &at(other), &body).await;
        assert_eq!(answer.status, 200, "{other}: {}", answer.text());
    }
    let billed = simulator.usage().requests;
    let last = billed.last().unwrap();
    assert_eq!(last.deployment, "payg/gpt-4o-mini");

    simulator
        .queue_fault(Some(PAY_AS_YOU_GO), "status=503", 1)
        .unwrap();
    simulator
        .queue_fault(Some("ptu-west/gpt-4o-mini"), "status=500", 1)
        .unwrap();
    for (resource, status) in [(PAY_AS_YOU_GO, 503), (PTU_WEST, 500), (PAY_AS_YOU_GO, 200)] {
        let answer = post(&simulator, &at(resource), &body).await;
        assert_eq!(answer.status, status, "{resource}");
    }
    // Only the models are below a resource's name.
    for missing in [
        "/ptu-east/metadata/identity/oauth2/token",
        "/nobody/openai/models?api-version=2024-10-21",
    ] {
        assert_eq!(get(&simulator, missing).await.status, 404, "{missing}");
    }
    let models = get(&simulator, "/payg/openai/v1/models").await.json();
    assert_eq!(models["data"].as_array().unwrap().len(), 1, "{models}");
}
