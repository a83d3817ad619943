//! From the change of one policy in a configuration of 200 APIs to the verdict of its tests, as `tollgate test --watch`
//! does it: the file is written, the change is noticed, the configuration is loaded again, its cases run.
//!
//! `cargo bench -p tollgate-author` prints the times.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench stops at the first surprise"
)]

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use tollgate_author::watch::Watch;
use tollgate_author::{Session, Suite};

const APIS: usize = 200;
const ROUNDS: usize = 20;

fn main() {
    let folder = std::env::temp_dir().join(format!("tollgate-test-loop-{}", std::process::id()));
    write(&folder);
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let suite = Suite::new(std::slice::from_ref(&folder));
    let began = Instant::now();
    let (mut watch, run) = Watch::begin(Session::new(suite, None, jobs)).unwrap();
    let first = began.elapsed();
    assert!(run.passed(), "{}", tollgate_author::report::text(&run));
    let mut changes = watch.changes();
    let mut times: Vec<Duration> = Vec::new();
    for round in 0..ROUNDS {
        let file = folder.join(format!("policies/api-{:03}.xml", round * 7 % APIS));
        let began = Instant::now();
        std::fs::write(&file, policy(round * 7 % APIS, round + 1)).unwrap();
        let changed = changes.wait(|| watch.files());
        let run = watch.again(&changed).unwrap();
        times.push(began.elapsed());
        let (passed, failed) = run.counts();
        assert_eq!(
            (passed, failed),
            (3, 0),
            "{}",
            tollgate_author::report::text(&run)
        );
    }
    times.sort();
    let ms = |d: Duration| d.as_secs_f64() * 1000.0;
    println!(
        "{APIS} APIs, {} cases: first run {:.0} ms; one policy changed to verdict: median {:.0} ms, worst {:.0} ms",
        run.verdicts.len(),
        ms(first),
        ms(times[ROUNDS / 2]),
        ms(times[ROUNDS - 1]),
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Each API with a document of its own and a fixture of three cases.
fn write(folder: &Path) {
    std::fs::create_dir_all(folder.join("policies")).unwrap();
    std::fs::create_dir_all(folder.join("tests")).unwrap();
    let mut config = String::from("apis:\n");
    for api in 0..APIS {
        writeln!(
            config,
            "  - id: api-{api:03}\n    displayName: API {api}\n    path: team/{api:03}\n    serviceUrl: http://backend-{api:03}.test\n    subscriptionRequired: false\n    policy: policies/api-{api:03}.xml\n    operations:\n      - {{ id: get, method: GET, urlTemplate: \"/items/{{id}}\" }}\n      - {{ id: add, method: POST, urlTemplate: /items }}"
        )
        .unwrap();
        std::fs::write(
            folder.join(format!("policies/api-{api:03}.xml")),
            policy(api, 0),
        )
        .unwrap();
        let fixture = format!(
            "-- case an item\n-- send GET /team/{api:03}/items/7\n-- expect 200\nx-api: api-{api:03}\n-- upstream saw GET http://backend-{api:03}.test/items/7\n\n-- case a large one\n-- send POST /team/{api:03}/items\ncontent-type: application/json\n\n{{\"size\": 100}}\n-- expect 413\n\n-- case a small one\n-- send POST /team/{api:03}/items\ncontent-type: application/json\n\n{{\"size\": 1}}\n-- expect 200\n"
        );
        std::fs::write(folder.join(format!("tests/api-{api:03}.test")), fixture).unwrap();
    }
    std::fs::write(folder.join("tollgate.yaml"), config).unwrap();
}

fn policy(api: usize, round: usize) -> String {
    format!(
        r#"<policies>
    <inbound>
        <base />
        <rate-limit-by-key calls="1000" renewal-period="60" counter-key="@("api-{api:03}" + context.Request.IpAddress)" />
        <set-variable name="tier" value="@(context.Request.Headers.GetValueOrDefault("x-tier", "basic"))" />
        <set-header name="x-round" exists-action="override"><value>{round}</value></set-header>
        <choose>
            <when condition="@(context.Request.Method == "POST" && (int)context.Request.Body.As<JObject>(preserveContent: true)["size"] > 10)">
                <return-response>
                    <set-status code="413" reason="Content Too Large" />
                    <set-body>@(new JObject(new JProperty("api", context.Api.Id)).ToString())</set-body>
                </return-response>
            </when>
            <when condition="@((string)context.Variables["tier"] == "gold")">
                <set-header name="x-priority" exists-action="override"><value>1</value></set-header>
            </when>
        </choose>
    </inbound>
    <backend><base /></backend>
    <outbound>
        <base />
        <set-header name="x-api" exists-action="override"><value>@(context.Api.Id)</value></set-header>
    </outbound>
    <on-error><base /></on-error>
</policies>
"#
    )
}
