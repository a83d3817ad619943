//! Keys, credentials, tokens and prompts are in none of the places that a gateway writes to. Every one of them begins
//! with `canary-`, and everything that comes out is searched for that.

use crate::process::run_with;
use crate::scene::*;
use tollgate_testkit::client::{fetch, get, post_json, with_header};

const POLICY: &str = r#"<policies><inbound><base />
    <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
    <set-header name="x-named" exists-action="override"><value>{{named-secret}}</value></set-header>
    <llm-token-limit counter-key="@(context.Subscription.Id)" tokens-per-minute="2000" estimate-prompt-tokens="true" />
    <llm-semantic-cache-lookup score-threshold="0.05" embeddings-backend-id="aoai-embeddings-backend" embeddings-backend-auth="system-assigned" />
    <llm-emit-token-metric namespace="n"><dimension name="Subscription ID" /></llm-emit-token-metric>
</inbound><backend><base /></backend><outbound><base /><llm-semantic-cache-store duration="60" /></outbound><on-error><base /></on-error></policies>"#;

const ENVIRONMENT: [(&str, &str); 4] = [
    ("CANARY_NAMED", "canary-named-value"),
    ("CANARY_CREDENTIAL", "canary-credential"),
    ("TEAM_A_KEY", KEY_A),
    ("TEAM_B_KEY", KEY_B),
];

const MORE: &str = r#"  - id: guarded
    path: guarded
    subscriptionRequired: false
    backendId: guarded
    operations: [{ id: any, method: "*", urlTemplate: "/*" }]
  - id: nowhere
    path: nowhere
    backendId: nowhere
    operations: [{ id: any, method: "*", urlTemplate: "/*" }]
namedValues:
  - { id: named-secret, env: CANARY_NAMED, secret: true }
"#;

/// Backends with credentials, one of which nobody answers for.
const BACKENDS: &str = r#"backends:
  - { id: nowhere, url: "http://127.0.0.1:1", credentials: { header: { x-credential: { env: CANARY_CREDENTIAL } } } }
  - id: guarded
    url: "SIMULATOR"
    credentials:
      header: { x-credential: { env: CANARY_CREDENTIAL } }
      query: { code: { env: CANARY_CREDENTIAL } }
      authorization: { scheme: Bearer, parameter: { env: CANARY_CREDENTIAL } }
"#;

// The shared connection must answer while this waits for the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn are_written_nowhere() {
    let more = MORE
        .replace("    backendId: guarded\n", "")
        .replace("    backendId: nowhere\n", "");
    let setting = Setting {
        gateway: "  logs: { level: trace, format: json }\n",
        more: &more,
        environment: &ENVIRONMENT,
        ..Setting::new(POLICY)
    };
    let mut scene = Scene::start(setting).await;
    let gateway = "  logs: { level: trace, format: json }\n";
    let backends = BACKENDS.replace("SIMULATOR", scene.simulator.url());
    let good = config(scene.simulator.url(), gateway, MORE).replacen("backends:\n", &backends, 1);
    scene.folder.write("tollgate.yaml", &good);
    until("reloaded", async || {
        scene.metric("tollgate_configuration_generation", &[]).await == 2
    })
    .await;

    // What callers are answered.
    let mut answers = Vec::new();
    let chat_path = |path: &str| {
        let mut request = chat(KEY_A, &ask("canary-prompt"));
        *request.uri_mut() = path.parse().unwrap();
        request
    };
    let by_query = format!("{CHAT}&subscription-key={KEY_A}");
    let wrong_query = format!("{CHAT}&subscription-key=canary-wrong-key");
    let requests = [
        (200, chat(KEY_A, &ask("canary-prompt"))),
        (200, chat(KEY_A, &ask("canary-prompt"))),
        (200, chat(KEY_B, &ask_for_stream("canary-prompt"))),
        (200, post_json(&by_query, &ask("canary-prompt"))),
        (401, chat("canary-wrong-key", &ask("canary-prompt"))),
        (401, post_json(&wrong_query, &ask("canary-prompt"))),
        (
            404,
            chat_path("/openai/nothing?subscription-key=canary-in-query"),
        ),
        (
            404,
            chat_path("/elsewhere?subscription-key=canary-in-query"),
        ),
        (
            404,
            with_header(
                get("/guarded/x"),
                "authorization",
                "Bearer canary-own-token",
            ),
        ),
        (
            401,
            with_header(
                get("/nowhere/x"),
                "ocp-apim-subscription-key",
                "canary-wrong-key",
            ),
        ),
        (429, chat(KEY_A, &ask(&"canary-prompt ".repeat(2_000)))),
        (
            500,
            with_header(chat(KEY_A, &ask("Fail.")), "x-simulate-fault", "status=500"),
        ),
        (
            500,
            with_header(chat(KEY_A, &ask("Fail.")), "x-simulate-fault", "reset"),
        ),
    ];
    for (status, request) in requests {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = fetch(scene.gateway, request).await.unwrap();
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        if status != 200 {
            answers.push(format!("{:?} {}", answer.headers, answer.text()));
        }
    }
    // The same over HTTP/2, whose library logs frames.
    let sender = http2(scene.gateway).await;
    let mut shared = Way::Http2(sender)
        .open(chat(KEY_A, &ask("canary-prompt")))
        .await;
    assert_eq!(shared.response.status(), 200);
    shared.rest().await;
    // A caller that leaves.
    scene.simulator.pause(2);
    let mut stream = Way::Http1(scene.gateway)
        .open(chat(KEY_A, &ask_for_stream("canary-prompt")))
        .await;
    assert!(stream.read(2).await);
    drop(stream);
    scene.simulator.resume();
    scene.settled().await;

    // Broken configurations, with the secrets of people who do not use the environment.
    let literal = "subscriptions:\n  - { id: literal, scope: /apis, primaryKey: canary-literal, bogus: 1 }\n  - { id: misspelt, scope: /apis, primaryKye: canary-misspelt }\n";
    for broken in [
        good.replacen("subscriptions:\n", literal, 1),
        good.replacen("{ env: CANARY_CREDENTIAL }", "{ evn: canary-misplaced }", 1),
        good.replacen(
            "subscriptions:\n",
            "subscriptions:\n  - { id: x, primaryKey: canary-unclosed\n",
            1,
        ),
    ] {
        let refused = [("result", "refused")];
        let name = "tollgate_configuration_reloads_total";
        let before = scene.metric(name, &refused).await;
        scene.folder.write("tollgate.yaml", &broken);
        until("refused", async || {
            scene.metric(name, &refused).await > before
        })
        .await;
        answers.push(
            fetch(scene.management, get("/readyz"))
                .await
                .unwrap()
                .text(),
        );
        for format in ["text", "json"] {
            let (code, out, err) = run_with(
                &["check", "--format", format, scene.folder.text()],
                &ENVIRONMENT,
            );
            assert_eq!(code, Some(1), "{out}");
            answers.push(out + &err);
        }
    }
    answers.push(scene.metrics().await);

    // The identity's tokens are secrets as well.
    let mut secrets = vec![String::from("canary-")];
    for request in scene.simulator.requests(1000) {
        let token = request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer ey"));
        secrets.extend(
            token
                .and_then(|token| token.rsplit('.').next())
                .map(str::to_owned),
        );
    }
    assert!(secrets.len() > 5, "no token was seen");
    // Both of these reach the providers: the search below would find them.
    let seen = format!("{:?}", scene.simulator.requests(1000));
    assert!(seen.contains("canary-named-value") && seen.contains("canary-credential"));

    scene.running.signal("TERM");
    assert_eq!(scene.running.end(), Some(0));
    let log = scene.running.output();
    assert!(
        log.contains("\"level\":\"DEBUG\"") && log.contains("\"status\":401"),
        "{log:.2000}"
    );
    answers.push(log);
    for text in &answers {
        for secret in &secrets {
            if let Some(at) = text.find(secret.as_str()) {
                let from = text.floor_char_boundary(at.saturating_sub(300));
                panic!("{secret} is in: {:.800}", &text[from..]);
            }
        }
    }
}
