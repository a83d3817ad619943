//! Embeddings: encodings, dimensions, inputs, and what vectors mean.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::{EMBEDDINGS, post, simulator};

fn vector(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap() as f32)
        .collect()
}

#[tokio::test]
async fn both_encodings_carry_the_same_vector() {
    let simulator = simulator().await;
    let float = post(&simulator, EMBEDDINGS, &json!({ "input": "hello world" }))
        .await
        .json();
    let base64 = post(
        &simulator,
        EMBEDDINGS,
        &json!({ "input": "hello world", "encoding_format": "base64" }),
    )
    .await
    .json();
    let bytes = BASE64_STANDARD
        .decode(base64["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let decoded: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect();
    assert_eq!(decoded.len(), 1536);
    assert_eq!(vector(&float["data"][0]["embedding"]), decoded);
    assert_eq!(
        float["usage"],
        json!({ "prompt_tokens": 2, "total_tokens": 2 })
    );
}

#[tokio::test]
async fn inputs_and_dimensions() {
    let simulator = simulator().await;
    // [15339, 1917] is "hello world" in cl100k.
    let body = json!({ "input": [[15339, 1917], [15339]], "dimensions": 256 });
    let tokens = post(&simulator, EMBEDDINGS, &body).await.json();
    let body = json!({ "input": ["hello world", "hello"], "dimensions": 256 });
    let texts = post(&simulator, EMBEDDINGS, &body).await.json();
    assert_eq!(tokens["data"], texts["data"]);
    assert_eq!(tokens["data"][1]["index"], 1);
    assert_eq!(vector(&tokens["data"][0]["embedding"]).len(), 256);
    for bad in [
        json!({}),
        json!({ "input": [] }),
        json!({ "input": [[4_000_000]] }),
        json!({ "input": 5 }),
        json!({ "input": "x", "dimensions": 5000 }),
        json!({ "input": "x", "encoding_format": "hex" }),
    ] {
        assert_eq!(
            post(&simulator, EMBEDDINGS, &bad).await.status,
            400,
            "{bad}"
        );
    }
}
