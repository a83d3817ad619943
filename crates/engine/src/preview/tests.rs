//! Tests of `preview`: amounts by the stated rules, and what is not known.
use super::*;
use crate::definition::{
    BackendDefinition, BackendKind, Definition, DeploymentDefinition, ModelService, SingleBackend,
};
use std::collections::BTreeMap;
use tollgate_lang::Diagnostics;
use tollgate_llm::price::{File, PriceTable};

fn snapshot() -> Snapshot {
    let file: File = serde_json::from_value(json!({"version": "t", "prices": [
        {"providers": ["openai"], "models": ["gpt-4o"], "perMillion": {"input": 2.5, "output": 10}, "maxOutput": 1000},
        {"providers": ["anthropic"], "models": ["claude*"],
         "perMillion": {"input": 3, "cacheWriteHour": 6, "output": 15}},
        {"providers": ["openai"], "models": ["embed"], "perMillion": {"input": 0.02}},
    ]}))
    .unwrap();
    let mut definition = Definition::default();
    definition.gateway.prices = Arc::new(PriceTable::new(&file).unwrap());
    let deployment = |model: Option<&str>, tier| DeploymentDefinition {
        model: model.map(Arc::from),
        tier,
        ..DeploymentDefinition::default()
    };
    definition.backends.push(BackendDefinition {
        span: None,
        workspace: None,
        id: Arc::from("azure"),
        kind: BackendKind::Single(SingleBackend {
            url: Arc::from("https://contoso.test"),
            models: ModelService {
                provider: Some(Arc::from("openai")),
                deployments: BTreeMap::from([
                    (Arc::from("chat-prod"), deployment(Some("gpt-4o"), None)),
                    (
                        Arc::from("chat-ptu"),
                        deployment(Some("gpt-4o"), Some(Tier::Provisioned)),
                    ),
                ]),
                ..ModelService::default()
            },
            ..SingleBackend::default()
        }),
    });
    let mut diagnostics = Diagnostics::default();
    let built = crate::snapshot::build(definition, &mut diagnostics);
    built.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

fn candidates(snapshot: &Snapshot, body: &Value) -> Vec<Value> {
    let shown = preview(snapshot, 0, None, body.to_string().as_bytes()).unwrap();
    assert_eq!(
        (&shown["currency"], &shown["price_version"]),
        (&json!("USD"), &json!("t"))
    );
    shown["candidates"].as_array().unwrap().clone()
}

fn request() -> Value {
    json!({"model": "gpt-4o", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]})
}

#[test]
fn a_bare_request_is_priced_for_its_model() {
    // 3 for the message, 1 for the role, 1 for `hello`, 3 that prime the answer; at most 16 more.
    let row = &candidates(&snapshot(), &request())[0];
    assert_eq!(row["prompt_tokens"], 8);
    assert_eq!(row["prompt_tokens_maximum"], 24);
    assert_eq!(
        (&row["provider"], &row["tier"]),
        (&json!("openai"), &json!("standard"))
    );
    // 8 x 2.5 + 100 x 10 and 24 x 2.5 + 100 x 10, for a million; nothing is known of the model, so the bound is expected
    assert_eq!(row["output_tokens_expected"], 100);
    assert_eq!(row["expected"], "0.00102");
    assert_eq!(row["maximum"], "0.00106");
}

#[test]
fn averages_are_expected_and_never_more_than_the_most() {
    let snapshot = snapshot();
    for _ in 0..200 {
        snapshot.prices.learn(&Str::from("gpt-4o"), 40);
    }
    assert_eq!(
        candidates(&snapshot, &request())[0]["output_tokens_expected"],
        40
    );
    for _ in 0..200 {
        snapshot.prices.learn(&Str::from("gpt-4o"), u64::MAX);
    }
    let row = &candidates(&snapshot, &request())[0];
    assert_eq!(row["output_tokens_expected"], 100);
    // After a reload they are still there.
    let next = self::snapshot();
    next.inherit(&snapshot);
    assert!(next.prices.average("gpt-4o").unwrap() > 40);
}

#[test]
fn candidates_by_provider_backend_and_tier() {
    let body = json!({"path": "/v1/chat/completions",
    "request": {"messages": [{"role": "user", "content": "hello"}], "n": 2},
    "candidates": [
        {"model": "gpt-4o"},
        {"model": "chat-prod", "backend": "azure"},
        {"model": "chat-ptu", "backend": "azure"},
        {"model": "claude-opus-4-5", "provider": "Anthropic"},
        {"model": "gpt-4o", "provider": "openai", "tier": "batch"},
        {"model": "mystery"},
    ]});
    let rows = candidates(&snapshot(), &body);
    assert_eq!(rows.len(), 6);
    // The price's bound for each of two choices; 256 are expected.
    assert_eq!(
        (
            &rows[0]["output_tokens_maximum"],
            &rows[0]["output_tokens_expected"]
        ),
        (&json!(2000), &json!(256))
    );
    assert_eq!(rows[1]["expected"], rows[0]["expected"]);
    assert_eq!(rows[1]["priced_as"], "gpt-4o");
    assert_eq!(
        (&rows[2]["expected"], &rows[2]["provisioned"]),
        (&json!("0"), &json!(true))
    );
    // Of a prompt each token may have to be written to the cache for an hour.
    let (prompt, output) = (
        rows[3]["prompt_tokens_maximum"].as_u64().unwrap(),
        rows[3]["output_tokens_maximum"].as_u64().unwrap(),
    );
    let most = prompt * 6_000_000 + output * 15_000_000;
    assert_eq!(
        rows[3]["maximum"],
        tollgate_llm::price::Pico(u128::from(most)).to_string()
    );
    assert_eq!(
        rows[4]["unpriced"],
        "the model has no price for the service tier"
    );
    assert_eq!(rows[5]["unpriced"], "the model has no price");
}

#[test]
fn embeddings_have_no_output() {
    let row = &candidates(&snapshot(), &json!({"model": "embed", "input": "hello"}))[0];
    assert_eq!(
        (
            &row["output_tokens_maximum"],
            &row["output_tokens_expected"]
        ),
        (&json!(0), &json!(0))
    );
    assert_eq!(row["expected"], "0.00000002");
}

#[test]
fn what_is_not_known_is_said() {
    let mut body = request();
    body["model"] = json!("claude-x");
    body.as_object_mut().unwrap().remove("max_tokens");
    let row = &candidates(&snapshot(), &body)[0];
    assert_eq!(row["maximum"], Value::Null);
    assert!(
        row["unbounded"]
            .as_str()
            .unwrap()
            .contains("no bound of its output")
    );
    let later = json!({"model": "gpt-4o", "input": "and?", "previous_response_id": "r"});
    let row = &candidates(&snapshot(), &later)[0];
    assert_eq!(
        row["unbounded"],
        "part of the prompt is only at the provider"
    );
    let snapshot = snapshot();
    let many: Vec<Value> = (0..=CANDIDATES).map(|_| json!({"model": "m"})).collect();
    for body in [
        json!([]),
        json!({"messages": []}),
        json!({"request": {}, "candidates": [{"model": "gpt-4o", "backend": "none"}]}),
        json!({"request": {}, "candidates": [{"model": "gpt-4o", "tier": "first"}]}),
        json!({"request": {}, "candidate": []}),
        json!({"request": {}, "candidates": many}),
    ] {
        let shown = preview(&snapshot, 0, None, body.to_string().as_bytes());
        assert!(shown.is_err(), "{body}: {shown:?}");
    }
    assert!(preview(&snapshot, 0, None, b"{").is_err());
}
