//! Tags of the ledger: from the configuration through calls to reports.

use crate::process::run;
use crate::scene::*;
use tollgate_testkit::client::{fetch, with_header};

const TAGS: &str = r#"  ledger:
    folder: ledger
    tags:
      team: '@(context.Request.Headers.GetValueOrDefault("x-team", ""))'
      plan: standard
      cost-center: '@((string)context.Variables["cost-center"])'
      wrong: '@(int.Parse(context.Request.Method).ToString())'
"#;

const POLICY: &str = r#"<policies><inbound><base />
  <choose><when condition="@(context.Request.Headers.ContainsKey("x-refuse"))"><return-response><set-status code="403" reason="No" /></return-response></when></choose>
  <set-variable name="cost-center" value="4711" />
  <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;

/// Lines of the API, then a product that the second team subscribes to.
const MORE: &str = r#"    ledgerTags: { surface: chat }
products:
  - { id: gold, apis: [azure-openai], ledgerTags: { plan: gold, surface: product } }
"#;

#[tokio::test]
async fn reports_group_by_tags_of_gateway_product_and_api() {
    let mut setting = Setting::new(POLICY);
    setting.gateway = TAGS;
    setting.more = MORE;
    let simulator = tollgate_testkit::Simulator::start(setting.providers)
        .await
        .unwrap();
    let configured = config(simulator.url(), setting.gateway, setting.more).replace(
        "id: team-b, scope: /apis/azure-openai",
        "id: team-b, scope: /products/gold",
    );
    let files = [
        ("global.xml", FORWARD),
        ("api.xml", setting.policy),
        ("tollgate.yaml", &*configured),
    ];
    let served = Served::start(&files, &[]);
    let call = async |key, team: &str, body, refuse: bool| {
        let mut request = with_header(chat(key, &body), "x-team", team);
        if refuse {
            request = with_header(request, "x-refuse", "1");
        }
        fetch(served.gateway, request).await.unwrap().status
    };
    assert_eq!(call(KEY_A, "red", ask("What is a toll?"), false).await, 200);
    assert_eq!(
        call(KEY_A, "red", ask_for_stream("A gate?"), false).await,
        200
    );
    assert_eq!(
        call(KEY_B, "blue", ask("What is a toll?"), false).await,
        200
    );
    assert_eq!(call(KEY_A, &"x".repeat(1000), ask("?"), true).await, 403);
    served.metrics().await;
    let ledger = served.folder.path().join("ledger");
    let report = |arguments: &[&str]| {
        let mut all = vec!["report", ledger.to_str().unwrap(), "--calls"];
        all.extend(arguments);
        let (code, out, err) = run(&all);
        assert_eq!(code, Some(0), "{err}");
        out
    };
    let out = report(&[
        "--by",
        "tag:team,tag:plan,tag:cost-center,tag:surface,tag:wrong",
        "--format",
        "csv",
    ]);
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    let long = format!("{},standard,,chat,,1", "x".repeat(256));
    for line in ["blue,gold,4711,chat,,1", "red,standard,4711,chat,,2", &long] {
        assert!(lines.contains(&line), "{line}\n{out}");
    }
    let out = report(&[
        "--by",
        "model",
        "--where",
        "tag:team=blue",
        "--format",
        "json",
    ]);
    assert!(
        out.contains("\"calls\": 1") || out.contains("\"calls\":1"),
        "{out}"
    );
    let rows = served.folder.path().join("focus.csv");
    let path = rows.to_str().unwrap();
    let (code, _, err) = run(&[
        "report",
        ledger.to_str().unwrap(),
        "--by",
        "tag:team,model",
        "--format",
        "focus",
        "--out",
        path,
    ]);
    assert_eq!(code, Some(0), "{err}");
    let rows = std::fs::read_to_string(rows).unwrap();
    assert!(rows.contains(r#"{""team"":""red""}"#), "{rows}");
}
