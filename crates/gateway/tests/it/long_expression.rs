//! A long expression lets the other calls of its thread go on.

use crate::scene::Served;
use tollgate_testkit::client::{fetch, get};

/// One thread. `/work` notes that it has begun, counts, and notes that it has ended; `/state` tells what was noted.
const CONFIG: &str = r#"gateway:
  listen: [{ address: "127.0.0.1:0" }]
  management: { address: "127.0.0.1:0" }
  threads: 1
apis:
  - id: work
    path: work
    subscriptionRequired: false
    operations: [{ id: all, method: GET, urlTemplate: "/" }]
    policy: |
      <policies>
        <inbound>
          <cache-store-value key="state" value="begun" duration="60" />
          <set-variable name="sum" value="@{
            long sum = 0;
            for (var i = 0; i < 80000; i++) { sum += i % 7; }
            return Enumerable.Range(0, 20000).Select(i => (long)i % 3).Sum() + sum;
          }" />
          <cache-store-value key="state" value="ended" duration="60" />
          <return-response><set-body>@(context.Variables["sum"].ToString())</set-body></return-response>
        </inbound>
      </policies>
  - id: state
    path: state
    subscriptionRequired: false
    operations: [{ id: all, method: GET, urlTemplate: "/" }]
    policy: |
      <policies>
        <inbound>
          <cache-lookup-value key="state" variable-name="state" default-value="nothing" />
          <return-response><set-body>@((string)context.Variables["state"])</set-body></return-response>
        </inbound>
      </policies>
"#;

#[tokio::test]
async fn others_are_served_while_a_long_expression_runs() {
    let served = Served::start(&[("tollgate.yaml", CONFIG)], &[]);
    let gateway = served.gateway;
    let work = tokio::spawn(fetch(gateway, get("/work")));
    let mut seen = Vec::new();
    while !work.is_finished() {
        let state = fetch(gateway, get("/state")).await.unwrap().text();
        if seen.last() != Some(&state) {
            seen.push(state);
        }
    }
    let answer = work.await.unwrap().unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "259993"));
    // A thread that evaluates to the end before it looks at anything else is never seen in between.
    assert!(seen.iter().any(|s| s == "begun"), "{seen:?}");
}
