//! Tests of the testkit over real sockets: the simulator's dialects, faults, limits and identity,
//! and the scripted upstreams.

#![allow(clippy::unwrap_used)]

mod auth;
mod chat;
mod embeddings;
mod faults;
mod identity;
mod limits;
mod mcp;
mod responses;
mod upstream;
mod usage;
mod users;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use tollgate_testkit::client::{self, Fetched};
use tollgate_testkit::{Simulator, SimulatorConfig};

/// The Azure path of a chat call.
const CHAT: &str = "/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21";
/// The Azure path of an embeddings call.
const EMBEDDINGS: &str =
    "/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21";

async fn simulator() -> Simulator {
    Simulator::start(SimulatorConfig::default()).await.unwrap()
}

fn keyed(request: Request<Bytes>) -> Request<Bytes> {
    client::with_header(request, "api-key", "any-key")
}

/// A user's question as a chat request, with more fields merged in.
fn question(text: &str, more: Value) -> Value {
    let mut body = json!({ "messages": [{ "role": "user", "content": text }] });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

async fn post(simulator: &Simulator, path: &str, body: &Value) -> Fetched {
    client::fetch(simulator.addr(), keyed(client::post_json(path, body)))
        .await
        .unwrap()
}

async fn get(simulator: &Simulator, path: &str) -> Fetched {
    client::fetch(simulator.addr(), keyed(client::get(path)))
        .await
        .unwrap()
}
