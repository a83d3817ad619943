//! What `emit-metric` emits, as OTLP shows it.

use super::*;

fn shard(values: &[(&str, &str, f64)]) -> Vec<Arc<Shard>> {
    let shard = Shard::new(100, Arc::default());
    for (name, team, value) in values {
        let dimensions = [(Str::from("Team"), Str::from(*team))];
        shard.metric(&Str::from("ns"), &Str::from(*name), *value, &dimensions);
    }
    vec![Arc::new(shard)]
}

fn points(metric: &Metric) -> &[(Attributes, Distribution)] {
    match &metric.points {
        Points::Histogram(bounds, points) if bounds.is_empty() => points,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_metric_has_its_own_name_in_its_namespace() {
    let shards = shard(&[
        ("Prompt length", "a", 2.5),
        ("Prompt length", "a", 1.0),
        ("Prompt_length", "a", 4.0),
        ("2nd", "b", 1.0),
    ]);
    let metrics = otlp(&shards);
    let names: Vec<(&str, &str)> = metrics.iter().map(|m| (&*m.scope, &*m.name)).collect();
    assert_eq!(names, [("ns", "Prompt_length"), ("ns", "metric_2nd")]);
    let expected = Distribution {
        count: 3,
        sum: Some(7.5),
        buckets: Vec::new(),
        range: Some((1.0, 4.0)),
    };
    let by = vec![(String::from("Team"), String::from("a"))];
    assert_eq!(points(&metrics[0]), [(by, expected)]);
}

#[test]
fn a_histogram_of_negative_values_has_no_sum_and_a_metric_beside_it_has() {
    let metrics = otlp(&shard(&[("left", "a", -2.0), ("left", "b", 3.0)]));
    assert_eq!(metrics.len(), 2);
    assert_eq!(metrics[0].name, "left.sum");
    let Points::UpDownCounter(sums) = &metrics[0].points else {
        panic!("{:?}", metrics[0]);
    };
    assert_eq!(sums[0].1, Number::Decimal(-2.0));
    assert!(points(&metrics[1]).iter().all(|(_, d)| d.sum.is_none()));
    assert_eq!(points(&metrics[1])[0].1.range, Some((-2.0, -2.0)));
}
