//! Token limits by subscription and by product, and the semantic cache.

use super::*;
use crate::scene::{ask, sum};

const LIMIT: &str = include_str!("../../documents/labs/token-rate-limiting.xml");
const CACHE: &str = include_str!("../../documents/labs/semantic-caching.xml");
const PRODUCTS: &str = include_str!("../../documents/labs/products.xml");

fn one_server(url: &str) -> String {
    server("the-model", &format!("{url}/openai"))
}

/// Calls until one is refused; gives it and the tokens of each answer before.
async fn until_refused(lab: &Lab, key: &str) -> (Fetched, Vec<u64>) {
    let mut used = Vec::new();
    for n in 0..50 {
        let answer = lab
            .call(key, &ask(&format!("Tell me about {n} rivers.")))
            .await;
        if answer.status != 200 {
            return (answer, used);
        }
        used.push(answer.json()["usage"]["total_tokens"].as_u64().unwrap());
    }
    panic!("never refused: {used:?}");
}

/// `token-rate-limiting`: the calls that exceed 100 tokens a minute are answered 429, for each subscription alone.
#[tokio::test]
async fn a_subscription_has_its_tokens_a_minute() {
    let values = [("{backend-id}", "the-model")];
    for policy in documents(LIMIT, "token-rate-limiting/policy.xml", &values) {
        let lab = Lab::start(&policy, one_server).await;
        let (refused, used) = until_refused(&lab, KEY_A).await;
        assert_eq!(refused.status, 429, "{}", refused.text());
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(refused.json()["statusCode"], 429);
        // Without an estimate, the call that goes over the limit is the last that is served.
        let before: u64 = used[..used.len() - 1].iter().sum();
        assert!(before < 100 && used.iter().sum::<u64>() >= 100, "{used:?}");
        assert_eq!(lab.served("chat"), used.len());
        let other = lab.call(KEY_B, &ask("Is there some left?")).await;
        assert_eq!(other.status, 200, "{}", other.text());
    }
}

/// `semantic-caching`: a prompt that means the same is answered without the model.
#[tokio::test]
async fn prompts_of_one_meaning_are_answered_once() {
    let values = [("{backend-id}", "the-model")];
    for policy in documents(CACHE, "semantic-caching/policy.xml", &values) {
        let lab = Lab::start(&policy, |url| {
            let embeddings = format!(
                "{url}/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21"
            );
            one_server(url) + &server("embeddings-backend", &embeddings)
        })
        .await;
        let first = lab
            .call(KEY_A, &ask("How do I brew the perfect cup of coffee?"))
            .await;
        assert_eq!(first.status, 200, "{}", first.text());
        for prompt in [
            "How do I brew the perfect cup of coffee?",
            "How do I brew a perfect cup of coffee, please?",
            "What are the steps to brew the perfect cup of coffee?",
        ] {
            let again = lab.call(KEY_A, &ask(prompt)).await;
            assert_eq!(again.header("x-llm-cache-status"), "hit", "{prompt}");
            assert_eq!(again.body, first.body);
        }
        assert_eq!(lab.served("chat"), 1);
    }
}

/// `finops-framework`: what a product may use follows from its id, and usage is counted by product.
#[tokio::test]
async fn a_product_has_its_tokens_a_minute() {
    let limits: String = [("gold", 20_000), ("bronze", 100)]
        .map(|(product, tokens)| {
            format!(
                r#"<when condition="@(context.Product.Id == "{product}")">
                    <azure-openai-token-limit counter-key="@(context.Subscription.Id)" tokens-per-minute="{tokens}" estimate-prompt-tokens="false" remaining-tokens-header-name="left" />
                </when>"#
            )
        })
        .concat();
    let values = [
        ("{backend-id}", "the-model"),
        ("{product-token-limits}", &*limits),
    ];
    for policy in documents(PRODUCTS, "finops-framework/policy.xml", &values) {
        let lab = Lab::start(&policy, one_server).await;
        let (refused, used) = until_refused(&lab, KEY_B).await;
        assert_eq!(refused.status, 429, "{}", refused.text());
        let bronze: u64 = used.iter().sum();
        let mut gold = 0;
        while gold < 2 * bronze {
            let answer = lab.call(KEY_A, &ask("Tell me about rivers.")).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            gold += answer.json()["usage"]["total_tokens"].as_u64().unwrap();
            let left: u64 = answer.header("left").parse().unwrap();
            assert_eq!(left, 20_000 - gold);
        }
        let metrics = lab.served.metrics().await;
        for (product, tokens) in [("gold", gold), ("bronze", bronze)] {
            let labels = [("namespace", "aiusage"), ("product", product)];
            let counted = sum(&metrics, "tollgate_llm_total_tokens_total", &labels);
            assert_eq!(counted, tokens, "{product}");
        }
    }
}
