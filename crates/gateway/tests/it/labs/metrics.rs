//! Token metrics with dimensions of the policy's own, and the record that each call leaves.

use super::*;
use crate::scene::{ask, ask_for_stream, sum};

const METRICS: &str = include_str!("../../documents/labs/token-metrics.xml");
const LOGGING: &str = include_str!("../../documents/labs/logging.xml");

/// The second policy of `zero-to-production`, which is that of `token-metrics-emitting`: tokens by subscription, address,
/// API and user, streams included.
#[tokio::test]
async fn tokens_are_counted_by_four_dimensions() {
    let values = [("{backend-id}", "the-model"), ("{retry-count}", "2")];
    for policy in documents(METRICS, "zero-to-production/policy-2.xml", &values) {
        let lab = Lab::start(&policy, |url| server("the-model", &format!("{url}/openai"))).await;
        for user in ["ann", "bob", "bob"] {
            let answer = lab
                .call_with("x-user-id", user, &ask("What is a toll?"))
                .await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let stream = lab.call(KEY_A, &ask_for_stream("What is a gate?")).await;
        assert!(stream.complete, "{}", stream.text());
        let other = lab.call(KEY_B, &ask("What is a toll?")).await;
        assert_eq!(other.status, 200, "{}", other.text());
        let billed = lab.simulator.usage().totals;
        let metrics = lab.served.metrics().await;
        let counted = |what: &str, labels: &[(&str, &str)]| {
            let mut all = vec![("namespace", "openai"), ("api_id", "openai")];
            all.extend([("client_ip", "127.0.0.1")]);
            all.extend(labels);
            sum(&metrics, &format!("tollgate_llm_{what}_tokens_total"), &all)
        };
        assert_eq!(counted("total", &[]), billed.total_tokens);
        assert_eq!(counted("prompt", &[]), billed.prompt_tokens);
        assert_eq!(counted("completion", &[]), billed.completion_tokens);
        let (ann, bob) = (
            counted("total", &[("user_id", "ann")]),
            counted("total", &[("user_id", "bob")]),
        );
        assert!(ann > 0 && bob == 2 * ann, "{ann} {bob}");
        // Without the header.
        let team = |team| counted("total", &[("user_id", "N/A"), ("subscription_id", team)]);
        let (a, b) = (team("team-a"), team("team-b"));
        assert!(a > 0 && b == ann, "{a} {b}");
        assert_eq!(a + b + ann + bob, billed.total_tokens);
        // OpenTelemetry's own metrics: five calls, one of them a stream.
        let conventions = |name: &str| {
            let labels = [("gen_ai_operation_name", "chat")];
            sum(&metrics, &format!("gen_ai_{name}_count"), &labels)
        };
        assert_eq!(
            conventions("client_operation_duration_seconds"),
            5,
            "{metrics}"
        );
        assert_eq!(conventions("client_token_usage"), 10);
        assert_eq!(conventions("server_time_to_first_token_seconds"), 1);
        assert_eq!(conventions("server_time_per_output_token_seconds"), 1);
    }
}

/// `built-in-logging`: without a policy for it, each call leaves a record of who called what.
#[tokio::test]
async fn each_call_is_recorded() {
    let values = [("{backend-id}", "the-model")];
    for policy in documents(LOGGING, "built-in-logging/policy.xml", &values) {
        let mut lab =
            Lab::start(&policy, |url| server("the-model", &format!("{url}/openai"))).await;
        for (key, team, product) in [(KEY_A, "team-a", "gold"), (KEY_B, "team-b", "bronze")] {
            let answer = lab.call(key, &ask("What is a toll?")).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let id = answer.header("tollgate-request-id");
            let record = lab.served.running.line(id);
            for part in [
                "ChatCompletions_Create",
                team,
                product,
                "the-model",
                "status=200",
            ] {
                assert!(record.contains(part), "no {part} in {record}");
            }
            assert!(!record.contains(key), "{record}");
        }
    }
}
