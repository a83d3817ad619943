//! What we say a case comes to. What must stay true: a panic of ours is an outcome, not the end of a campaign.

use crate::mono::Case;
use serde_json::{Value as Json, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tollgate_lang::expr::outcome;

/// As much as the threads that run expressions in a gateway have.
const STACK: usize = 16 << 20;

/// Longest text of a result that is compared; the harness cuts at the same place.
const MAX_TEXT: usize = 100_000;

/// The outcome of each case.
pub(crate) fn outcomes(cases: &[Case]) -> Vec<Json> {
    std::thread::scope(|scope| {
        let run = || cases.iter().map(of).collect::<Vec<Json>>();
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, run)
            .map_or_else(|_| Vec::new(), |t| t.join().unwrap_or_default())
    })
}

fn of(case: &Case) -> Json {
    let run = AssertUnwindSafe(|| outcome::of(&case.expression, &case.context));
    let mut said = catch_unwind(run).unwrap_or_else(|_| json!({"ok": false, "exception": "panic"}));
    if let Some(Json::String(text)) = said.pointer_mut("/result/value")
        && text.encode_utf16().count() > MAX_TEXT
    {
        let units: Vec<u16> = text.encode_utf16().take(MAX_TEXT).collect();
        *text = String::from_utf16_lossy(&units);
    }
    said
}

/// Whether one of our bounds ended it: Mono has none, or others.
pub(crate) fn bounded(outcome: &Json) -> bool {
    let exception = outcome["exception"].as_str().unwrap_or("");
    let message = outcome["message"].as_str().unwrap_or("");
    match exception {
        "System.TimeoutException" => message.contains("steps"),
        "System.OutOfMemoryException" => message.contains("MB"),
        "System.InsufficientExecutionStackException" => message.contains("deep"),
        _ => false,
    }
}
