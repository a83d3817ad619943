//! What a call adds to the histograms, how they read as text, and where their series end.

use super::*;
use crate::telemetry::exposition::text_of;

fn key(model: &str) -> Key {
    Key {
        operation: "chat",
        provider: Str::from("openai"),
        request_model: Str::from(model),
        response_model: Str::from("served"),
    }
}

const STREAM: Measured = Measured {
    duration: 3_000_000_000,
    error: None,
    first_token: Some(1_000_000_000),
    tokens: Some((20, 5)),
    whole: true,
};

#[test]
fn a_stream_tells_tokens_and_times_in_the_buckets_of_the_conventions() {
    let shard = Shard::new(3, Arc::default());
    let overflows = Overflows::default();
    shard.lock().gen_ai.count(key("a"), STREAM, 3, &overflows);
    let text = text_of(metrics(&[Arc::new(shard)]).to_vec());
    let labels = "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"openai\",gen_ai_request_model=\"a\",\
                  gen_ai_response_model=\"served\"";
    for line in [
        format!("gen_ai_client_token_usage_sum{{{labels},gen_ai_token_type=\"input\"}} 20.0"),
        format!("gen_ai_client_token_usage_sum{{{labels},gen_ai_token_type=\"output\"}} 5.0"),
        format!("gen_ai_client_operation_duration_seconds_sum{{{labels}}} 3.0"),
        format!("gen_ai_client_operation_duration_seconds_bucket{{le=\"2.56\",{labels}}} 0"),
        format!("gen_ai_client_operation_duration_seconds_bucket{{le=\"5.12\",{labels}}} 1"),
        format!("gen_ai_server_time_to_first_token_seconds_sum{{{labels}}} 1.0"),
        // Two seconds for four tokens after the first.
        format!("gen_ai_server_time_per_output_token_seconds_sum{{{labels}}} 0.5"),
        format!("gen_ai_server_time_per_output_token_seconds_bucket{{le=\"0.4\",{labels}}} 0"),
        format!("gen_ai_server_time_per_output_token_seconds_bucket{{le=\"0.5\",{labels}}} 1"),
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[test]
fn what_a_call_does_not_have_is_not_counted() {
    let mut series = Series::default();
    // No stream; cut by the caller; a single token.
    series.count(&Measured {
        first_token: None,
        ..STREAM
    });
    series.count(&Measured {
        whole: false,
        ..STREAM
    });
    series.count(&Measured {
        tokens: Some((1, 1)),
        ..STREAM
    });
    series.count(&Measured {
        tokens: None,
        ..STREAM
    });
    assert_eq!(series.duration.count, 4);
    assert_eq!(series.first_token.count, 3);
    assert_eq!(series.per_token.count, 0);
    assert_eq!((series.input.count, series.output.count), (3, 3));
}

#[test]
fn models_beyond_the_bound_share_a_series_and_are_counted() {
    let (mut numbers, overflows) = (GenAi::default(), Overflows::default());
    for model in ["a", "b", "c", "d", "a"] {
        numbers.count(key(model), STREAM, 2, &overflows);
        numbers.count_unpriced(&Str::from(model), 3, &overflows);
    }
    let mut rest = key(OVERFLOW);
    rest.response_model = Str::from(OVERFLOW);
    assert_eq!(numbers.series.len(), 3);
    assert_eq!(numbers.series[&rest].duration.count, 2);
    assert_eq!(numbers.series[&key("a")].duration.count, 2);
    assert_eq!(overflows.of(Bounded::GenAi), 2);
    assert_eq!(numbers.unpriced[&Str::from(OVERFLOW)], 1);
    assert_eq!(overflows.of(Bounded::Unpriced), 1);
    let text = text_of(vec![overflows.metric()]);
    let line = "tollgate_metric_series_overflow_total{metric=\"gen_ai\"} 2";
    assert!(text.lines().any(|l| l == line), "{text}");
}

#[test]
fn operations_have_their_well_known_names() {
    for (path, name) in [
        ("/openai/deployments/x/chat/completions", "chat"),
        ("/v1/responses", "chat"),
        ("/v1/completions", "text_completion"),
        ("/v1/embeddings", "embeddings"),
        ("/v1/messages", "chat"),
        ("/v1beta/models/g:streamGenerateContent", "generate_content"),
        ("/v1beta/models/g:embedContent", "embeddings"),
        ("/model/m/converse-stream/", "chat"),
        ("/v1/images/generations", "_OTHER"),
        ("", "_OTHER"),
    ] {
        assert_eq!(
            operation_name(Operation::from_path(path), path),
            name,
            "{path}"
        );
    }
}

#[test]
fn durations_of_failed_calls_are_by_their_error() {
    let shard = Shard::new(3, Arc::default());
    let overflows = Overflows::default();
    for status in 400..430 {
        let call = Measured {
            error: Some(Str::from(status.to_string())),
            first_token: None,
            tokens: None,
            ..STREAM
        };
        shard.lock().gen_ai.count(key("a"), call, 3, &overflows);
    }
    shard.lock().gen_ai.count(key("a"), STREAM, 3, &overflows);
    let text = text_of(metrics(&[Arc::new(shard)]).to_vec());
    let line = |error: &str, count: u32| {
        let name = "gen_ai_client_operation_duration_seconds_count";
        let with = format!(",error_type=\"{error}\"}} {count}");
        let lines = text.lines().filter(|l| l.starts_with(name));
        lines.filter(|l| l.ends_with(&with)).count()
    };
    assert_eq!(line("400", 1), 1, "{text}");
    assert_eq!(line("415", 1), 1, "{text}");
    assert_eq!(line("416", 1), 0, "{text}");
    assert_eq!(line("_OTHER", 14), 1, "{text}");
    let good = "gen_ai_response_model=\"served\"} 1";
    let name = "gen_ai_client_operation_duration_seconds_count";
    let good = text
        .lines()
        .filter(|l| l.starts_with(name) && l.ends_with(good));
    assert_eq!(good.count(), 1, "{text}");
}
