//! Names and labels for Prometheus.

use super::*;

#[test]
fn names_for_prometheus_have_their_unit_once() {
    let name = |name: &str, unit: &'static str| {
        let metric = Metric {
            scope: String::new(),
            name: name.to_owned(),
            help: "",
            unit,
            points: Points::Gauge(Vec::new()),
        };
        metric.prometheus_name()
    };
    assert_eq!(
        name("gen_ai.client.operation.duration", "s"),
        "gen_ai_client_operation_duration_seconds"
    );
    assert_eq!(
        name("gen_ai.client.token.usage", "{token}"),
        "gen_ai_client_token_usage"
    );
    assert_eq!(
        name("tollgate.request.body", "By"),
        "tollgate_request_body_bytes"
    );
    assert_eq!(name("tollgate.ledger.bytes", "By"), "tollgate_ledger_bytes");
    assert_eq!(name("a.kilobytes", "By"), "a_kilobytes_bytes");
    assert_eq!(name("bytes", "By"), "bytes_bytes");
}

#[test]
fn attributes_become_labels_and_none_stands_twice() {
    let dimensions = [
        ("User ID", "ada"),
        ("user-id", "bob"),
        ("namespace", "mine"),
        ("9", "nine"),
        ("é", "x"),
    ]
    .map(|(name, value)| (Str::from(name), Str::from(value)));
    let attributes = with_dimensions(pairs(&[("namespace", "ns")]), &dimensions);
    assert_eq!(
        attributes[3],
        (String::from("namespace_"), String::from("mine"))
    );
    let names: Vec<String> = labels(&attributes)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "namespace",
            "user_id",
            "user_id_",
            "namespace_",
            "dimension_9",
            "dimension__"
        ]
    );
}
