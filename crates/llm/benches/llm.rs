//! What metering costs: a request body, a streamed event, a prompt. Run with `cargo bench -p tollgate-llm`.
//!
//! Allocations are counted too; a row of zeros has none.
#![allow(missing_docs, clippy::unwrap_used)]

use bytes::Bytes;
use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher, black_box};
use tollgate_llm::stream::{HideUsage, Meter};
use tollgate_llm::{Operation, Peek, request, tokens, usage};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    tokens::warm_up();
    divan::main();
}

fn chat(content: usize) -> Vec<u8> {
    let text = "The quick brown fox jumps over the lazy dog, twice. ".repeat(content / 52 + 1);
    format!(
        r#"{{"model":"gpt-4o-mini","messages":[{{"role":"system","content":"You are a helpful assistant."}},{{"role":"user","content":"{}"}}],"temperature":0.7,"stream":true,"max_tokens":256}}"#,
        &text[..content]
    )
    .into_bytes()
}

#[derive(serde::Deserialize)]
struct ModelOnly<'a> {
    #[serde(borrow)]
    model: &'a str,
}

/// The floor: only the model, with a derived borrowed struct.
#[divan::bench(args = [150, 9_000])]
fn model_only(bencher: Bencher<'_, '_>, content: usize) {
    let body = chat(content);
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        serde_json::from_slice::<ModelOnly<'_>>(black_box(&body))
            .unwrap()
            .model
            .len()
    });
}

#[divan::bench(args = [150, 9_000])]
fn peek(bencher: Bencher<'_, '_>, content: usize) {
    let body = chat(content);
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| Peek::new(black_box(&body)).unwrap().stream);
}

#[divan::bench(args = [150, 9_000])]
fn ask_for_usage(bencher: Bencher<'_, '_>, content: usize) {
    let body = chat(content);
    let peek = Peek::new(&body).unwrap();
    bencher.bench(|| request::ask_for_usage(black_box(&body), &peek));
}

const EVENT: &[u8] = br#"data: {"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"}},"delta":{"content":" word"},"finish_reason":null,"index":0,"logprobs":null}],"created":1723091495,"id":"chatcmpl-9tvT6","model":"gpt-4o-2024-08-06","object":"chat.completion.chunk","system_fingerprint":"fp_abc","usage":null}

"#;

/// 1,000 events, each a chunk: divide by 1,000.
#[divan::bench]
fn meter_1000_events(bencher: Bencher<'_, '_>) {
    let chunk = Bytes::from_static(EVENT);
    bencher
        .counter(BytesCount::new(EVENT.len() * 1000))
        .bench(|| {
            let mut meter = Meter::events(Operation::ChatCompletions);
            for _ in 0..1000 {
                meter.feed(black_box(&chunk));
            }
            meter.first_token()
        });
}

#[divan::bench]
fn meter_1000_events_without_text(bencher: Bencher<'_, '_>) {
    let chunk = Bytes::from_static(EVENT);
    bencher
        .counter(BytesCount::new(EVENT.len() * 1000))
        .bench(|| {
            let mut meter = Meter::events(Operation::ChatCompletions).without_text();
            for _ in 0..1000 {
                meter.feed(black_box(&chunk));
            }
            meter.first_token()
        });
}

#[divan::bench]
fn hide_1000_events(bencher: Bencher<'_, '_>) {
    let chunk = Bytes::from_static(EVENT);
    bencher
        .counter(BytesCount::new(EVENT.len() * 1000))
        .bench(|| {
            let mut filter = HideUsage::new();
            for _ in 0..1000 {
                black_box(filter.push(black_box(&chunk).clone()));
            }
        });
}

#[divan::bench]
fn usage_of_chat(bencher: Bencher<'_, '_>) {
    let body = format!(
        r#"{{"id":"x","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}}}}],"model":"gpt-4o","usage":{{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}}}"#,
        "word ".repeat(200)
    );
    bencher.bench(|| usage::from_body(Operation::ChatCompletions, black_box(body.as_bytes())));
}

#[divan::bench]
fn usage_of_embeddings(bencher: Bencher<'_, '_>) {
    let numbers = "-0.012345678,".repeat(1535);
    let body = format!(
        r#"{{"object":"list","data":[{{"object":"embedding","index":0,"embedding":[{numbers}0.1]}}],"model":"ada","usage":{{"prompt_tokens":8,"total_tokens":8}}}}"#
    );
    bencher.bench(|| usage::from_body(Operation::Embeddings, black_box(body.as_bytes())));
}

#[divan::bench(args = ["gpt-4o", "gpt-4"])]
fn count_1_kb(bencher: Bencher<'_, '_>, model: &str) {
    let text = "The quick brown fox jumps over the lazy dog, twice. ".repeat(20);
    bencher
        .counter(BytesCount::new(1024_usize))
        .bench(|| tokens::count(model, black_box(&text[..1024])));
}

#[divan::bench(args = [150, 9_000])]
fn estimate_prompt(bencher: Bencher<'_, '_>, content: usize) {
    let body = chat(content);
    let peek = Peek::new(&body).unwrap();
    bencher.bench(|| tokens::estimate_prompt(Operation::ChatCompletions, black_box(&peek), None));
}
