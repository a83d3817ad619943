//! Model calls that policies make by themselves: what the ledger says of them, and what budgets spend for them.

use super::ledger::{ASK, Does, Scene, WHOLE, chat, run};
use http::StatusCode;
use std::sync::Arc;
use tollgate_engine::accounting::LedgerOptions;
use tollgate_engine::definition::{
    BackendDefinition, BackendKind, BudgetDefinition, BudgetScope, Definition, SingleBackend,
    UnpricedCalls,
};
use tollgate_state::budgets::{Calendar, Unit};
use tollgate_state::ledger::{EndReason, Flags, Settlement};

const VECTOR: &str = r#"{"data":[{"embedding":[1,0]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":40,"total_tokens":40}}"#;
const CACHED: &str = r#"<policies><inbound>
    <llm-semantic-cache-lookup score-threshold="0.1" embeddings-backend-id="embeddings" embeddings-backend-auth="system-assigned" />
</inbound><backend><forward-request /></backend><outbound><llm-semantic-cache-store duration="60" /></outbound></policies>"#;

/// A document that asks a model something before it forwards.
fn asking(element: &str) -> String {
    format!(
        r#"<policies><inbound>{element}</inbound><backend><forward-request /></backend></policies>"#
    )
}

const SEND: &str = r#"<send-request mode="new" response-variable-name="judged" timeout="20" ignore-error="false">
    <set-url>https://api.openai.com/v1/chat/completions</set-url><set-method>POST</set-method>
    <set-header name="Content-Type"><value>application/json</value></set-header>
    <set-body>{"model":"gpt-4o-mini","max_tokens":5,"messages":[{"role":"user","content":"Is this a river?"}]}</set-body>
</send-request>"#;
const JUDGED: &str = r#"{"choices":[{"message":{"content":"yes"},"finish_reason":"length"}],"model":"gpt-4o-mini-2024-07-18","usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110}}"#;

fn embeddings(definition: &mut Definition) {
    definition.backends.push(BackendDefinition {
        span: None,
        workspace: None,
        id: Arc::from("embeddings"),
        kind: BackendKind::Single(SingleBackend {
            url: Arc::from(
                "https://west.openai.azure.com/openai/deployments/text-embedding-3-small",
            ),
            ..SingleBackend::default()
        }),
    });
}

/// Of all calls, in tokens.
pub(super) fn budget(limit: u128) -> BudgetDefinition {
    BudgetDefinition {
        span: None,
        workspace: None,
        id: Arc::from("all"),
        unit: Unit::Tokens,
        limit,
        calendar: Calendar::endless(),
        hard: true,
        carry_over: None,
        thresholds: Vec::new(),
        notify: Vec::new(),
        parent: None,
        each: None,
        children_only: false,
        scope: BudgetScope::default(),
        unpriced: UnpricedCalls::default(),
    }
}

/// What the budget has spent.
pub(super) fn spent(scene: &Scene) -> u128 {
    let budget = scene.snapshot.budgets.find("all").unwrap();
    let now = scene.services.clock.unix_millis();
    let accounts = &scene.services.budgets.accounts;
    let figures = accounts.figures(&budget.rule, "", now);
    assert_eq!(figures.reserved, 0, "nothing is set aside any more");
    figures.spent
}

fn of<'a>(settlements: &'a [Settlement<'static>], purpose: &str) -> &'a Settlement<'static> {
    let mut found = settlements.iter().filter(|s| s.call.purpose == purpose);
    let one = found.next().unwrap();
    assert!(found.next().is_none(), "one of {purpose:?}");
    one
}

#[test]
fn embeddings_of_a_cache_cost_and_hits_save() {
    let scene = Scene::with(CACHED, LedgerOptions::default(), |definition| {
        embeddings(definition);
        definition.budgets.push(budget(1_000));
    });
    let script = &scene.provider.script;
    script
        .borrow_mut()
        .extend([Does::Answers(200, VECTOR), Does::Answers(200, WHOLE)]);
    run(scene.call(chat(ASK), None));
    let (intents, settlements) = scene.read();
    assert_eq!((intents.len(), settlements.len()), (2, 2));
    let vector = of(&settlements, "embedding_cache");
    assert_eq!((vector.end, vector.status), (EndReason::Done, 200));
    assert_eq!((vector.tokens.input, vector.total), (40, 40));
    // At 0.02 dollars for a million.
    assert_eq!(vector.cost_pico, Some(800_000));
    assert_eq!(&*vector.call.backend, "embeddings");
    assert_eq!(&*vector.call.subscription, "sub");
    assert_eq!(vector.call.budgets, ["all"]);
    let own = of(&settlements, "");
    assert_eq!(vector.call.parent, own.call.id);
    assert_ne!(vector.call.id, own.call.id);
    assert_eq!(own.cost_pico, Some(52_500_000));
    assert_eq!(spent(&scene), 40 + 14);

    // The same again is a hit: its vector costs, the answer does not.
    script.borrow_mut().push_back(Does::Answers(200, VECTOR));
    run(scene.call(chat(ASK), None));
    let (_, settlements) = scene.read();
    let hit = settlements.iter().find(|s| s.end == EndReason::CacheHit);
    let hit = hit.unwrap();
    assert_eq!((hit.cost_pico, hit.tokens.sum()), (Some(0), 0));
    assert_eq!((hit.saved_tokens, hit.saved_pico), (14, Some(52_500_000)));
    assert_eq!(&*hit.served_model, "gpt-4o-2024-08-06");
    assert_eq!(spent(&scene), 40 + 14 + 40);
}

#[test]
fn what_a_document_asks_a_model_is_charged() {
    for (element, purpose) in [
        (String::from(SEND), "send_request"),
        (
            SEND.replace("<send-request mode=\"new\" response-variable-name=\"judged\" timeout=\"20\" ignore-error=\"false\">", "<send-one-way-request mode=\"new\" timeout=\"20\">")
                .replace("</send-request>", "</send-one-way-request>"),
            "send_one_way_request",
        ),
        (
            String::from(r#"<invoke-request method="POST" url="https://api.openai.com/v1/chat/completions" response-variable-name="judged"><header name="Content-Type" value="application/json" /><body>{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Is this a river?"}]}</body></invoke-request>"#),
            "invoke_request",
        ),
    ] {
        let scene = Scene::with(&asking(&element), LedgerOptions::default(), |definition| {
            definition.budgets.push(budget(1_000));
        });
        let (first, second) = match purpose {
            // It goes out when the caller's own call has its answer.
            "send_one_way_request" => (WHOLE, JUDGED),
            _ => (JUDGED, WHOLE),
        };
        let answers = [Does::Answers(200, first), Does::Answers(200, second)];
        scene.provider.script.borrow_mut().extend(answers);
        run(scene.call(chat(ASK), None));
        let (intents, settlements) = scene.read();
        assert_eq!((intents.len(), settlements.len()), (2, 2), "{purpose}");
        let judged = of(&settlements, purpose);
        assert_eq!((judged.end, judged.total), (EndReason::Length, 110));
        assert_eq!(&*judged.call.provider, "openai");
        assert_eq!(&*judged.served_model, "gpt-4o-mini-2024-07-18");
        // 100 at 0.15 and 10 at 0.60 dollars for a million.
        assert_eq!(judged.cost_pico, Some(21_000_000), "{purpose}");
        let own = of(&settlements, "");
        assert_eq!(&*own.call.provider, "azure.ai.openai", "{purpose}");
        assert_eq!(own.cost_pico, Some(52_500_000), "{purpose}");
        assert_eq!(spent(&scene), 110 + 14, "{purpose}");
    }
}

#[test]
fn what_is_no_model_call_is_none() {
    let plain = SEND
        .replace(
            "https://api.openai.com/v1/chat/completions",
            "https://hooks.test/messages",
        )
        .replace(r#""model":"gpt-4o-mini","#, "");
    let scene = Scene::new(&asking(&plain), LedgerOptions::default());
    let answers = [Does::Answers(200, "{}"), Does::Answers(200, WHOLE)];
    scene.provider.script.borrow_mut().extend(answers);
    run(scene.call(chat(ASK), None));
    let (intents, settlements) = scene.read();
    assert_eq!((intents.len(), settlements.len()), (1, 1));
    of(&settlements, "");
}

#[test]
fn calls_that_fail_are_settled_too() {
    for (does, end, flag) in [
        (Does::IsLate, EndReason::Timeout, true),
        (Does::IsAway, EndReason::UpstreamError, true),
        (Does::Answers(500, "{}"), EndReason::UpstreamError, false),
    ] {
        let scene = Scene::new(
            &asking(&SEND.replace("\"false\"", "\"true\"")),
            LedgerOptions::default(),
        );
        let answers = [does, Does::Answers(200, WHOLE)];
        scene.provider.script.borrow_mut().extend(answers);
        run(scene.call(chat(ASK), None));
        let (_, settlements) = scene.read();
        let failed = of(&settlements, "send_request");
        assert_eq!((failed.end, failed.cost_pico), (end, Some(0)));
        assert_eq!(failed.flags.has(Flags::UNCERTAIN), flag, "{failed:?}");
        of(&settlements, "");
    }
}

#[test]
fn a_caller_that_leaves_meanwhile_has_asked_for_the_prompt() {
    let scene = Scene::with(&asking(SEND), LedgerOptions::default(), |definition| {
        definition.budgets.push(budget(1_000));
    });
    scene.provider.script.borrow_mut().push_back(Does::Hangs);
    run(scene.call(chat(ASK), None));
    let (_, settlements) = scene.read();
    let left = of(&settlements, "send_request");
    assert_eq!(left.end, EndReason::ClientLeft);
    assert!(
        left.flags.has(Flags::ESTIMATED) && left.total > 5,
        "{left:?}"
    );
    assert_eq!(spent(&scene), u128::from(left.total));
}

#[test]
fn a_budget_refuses_what_does_not_fit() {
    let scene = Scene::with(&asking(SEND), LedgerOptions::default(), |definition| {
        definition.budgets.push(budget(8));
    });
    let (status, _) = run(scene.call(chat(ASK), None));
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (intents, settlements) = scene.read();
    assert!(intents.is_empty());
    assert_eq!(of(&settlements, "").end, EndReason::PolicyRejection);
    assert_eq!(spent(&scene), 0);
}
