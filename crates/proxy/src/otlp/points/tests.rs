//! Requests have a bound, and differences are of what was taken.

use super::*;
use std::time::Duration;

fn config(temporality: Temporality) -> OtlpConfig {
    OtlpConfig {
        url: String::new(),
        headers: Vec::new(),
        ca_pem: None,
        client_certificate: None,
        gzip: false,
        timeout: Duration::from_secs(1),
        interval: Duration::from_secs(1),
        temporality,
        resource: Vec::new(),
    }
}

fn counter(values: impl Iterator<Item = u64>) -> Vec<Metric> {
    let points = values.enumerate().map(|(at, value)| {
        let by = vec![(String::from("at"), at.to_string())];
        (by, Number::Whole(value))
    });
    vec![Metric::own("x", "", "", Points::Counter(points.collect()))]
}

/// Start, end and value of each point.
fn points(batch: &Batch) -> Vec<(u64, u64, i64)> {
    let scopes = batch
        .request
        .resource_metrics
        .iter()
        .flat_map(|r| &r.scope_metrics);
    let mut all = Vec::new();
    for message in scopes.flat_map(|s| &s.metrics) {
        let Some(metric::Data::Sum(sum)) = &message.data else {
            panic!("{message:?}");
        };
        for point in &sum.data_points {
            let Some(number_data_point::Value::AsInt(value)) = point.value else {
                panic!("{point:?}");
            };
            all.push((point.start_time_unix_nano, point.time_unix_nano, value));
        }
    }
    all
}

#[test]
fn many_points_go_in_several_requests() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let mut state = Exported::new(&config(temporality), 1);
        let mut export = state.begin(counter(1..=9001), 2);
        let mut sizes = Vec::new();
        let mut sum = 0;
        while let Some(batch) = export.next(&state) {
            let points = points(&batch);
            assert_eq!(points.len() as u64, batch.points);
            sizes.push(points.len());
            sum += points.iter().map(|(.., value)| value).sum::<i64>();
            state.commit(batch);
        }
        assert_eq!(sizes, [4000, 4000, 1001]);
        assert_eq!(sum, 9001 * 9002 / 2);
    }
}

#[test]
fn cumulative_points_begin_with_the_process() {
    let mut state = Exported::new(&config(Temporality::Cumulative), 1);
    for (now, value) in [(2, 0), (3, 5)] {
        let mut export = state.begin(counter([value].into_iter()), now);
        let batch = export.next(&state).unwrap();
        assert_eq!(points(&batch), [(1, now, i64::try_from(value).unwrap())]);
        state.commit(batch);
        assert!(export.next(&state).is_none());
    }
    assert!(state.totals.is_empty());
}

#[test]
fn differences_are_told_until_they_are_taken() {
    let mut state = Exported::new(&config(Temporality::Delta), 1);
    let mut told = |now, values: &[u64], taken| {
        let mut export = state.begin(counter(values.iter().copied()), now);
        let Some(batch) = export.next(&state) else {
            return Vec::new();
        };
        let points = points(&batch);
        if taken {
            state.commit(batch);
        }
        points
    };
    assert_eq!(told(2, &[5], true), [(1, 2, 5)]);
    // Nothing has changed.
    assert_eq!(told(3, &[5], true), []);
    // Lost; the second series is new since the last time that was looked.
    assert_eq!(told(4, &[7, 1], false), [(2, 4, 2), (3, 4, 1)]);
    assert_eq!(told(5, &[8, 1], true), [(2, 5, 3), (4, 5, 1)]);
    assert_eq!(told(6, &[8, 2], true), [(5, 6, 1)]);
}

#[test]
fn differences_of_histograms_have_buckets_and_no_range() {
    let mut state = Exported::new(&config(Temporality::Delta), 1);
    let metric = |count, sum, buckets: [u64; 2]| {
        let distribution = Distribution {
            count,
            sum: Some(sum),
            buckets: buckets.to_vec(),
            range: Some((0.0, 9.0)),
        };
        let points = vec![(Vec::new(), distribution)];
        vec![Metric::own(
            "h",
            "s",
            "",
            Points::Histogram(vec![1.0].into(), points),
        )]
    };
    let mut last = None;
    for (now, metrics) in [(2, metric(2, 3.0, [1, 1])), (3, metric(5, 4.5, [4, 1]))] {
        let batch = state.begin(metrics, now).next(&state).unwrap();
        let data = batch.request.resource_metrics[0].scope_metrics[0].metrics[0]
            .data
            .clone();
        last = data;
        state.commit(batch);
    }
    let Some(metric::Data::Histogram(histogram)) = last else {
        panic!("{last:?}");
    };
    let point = &histogram.data_points[0];
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (2, 3));
    assert_eq!((point.count, point.sum), (3, Some(1.5)));
    assert_eq!(point.bucket_counts, [3, 0]);
    assert_eq!((point.min, point.max), (None, None));
}
