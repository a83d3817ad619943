//! What compiling costs, and which allocations an evaluation makes. Run with `cargo bench -p tollgate-lang`.
//!
//! A row of zeros under `alloc` has none. `compile_2000` compiles the list of `expressions.jsonl` twenty times.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use divan::{AllocProfiler, Bencher, black_box};
use exchange::{Exchange, cases, code, compiled};
use serde_json::json;
use tollgate_lang::document::Text;
use tollgate_lang::expr::{Target, compile};
use tollgate_lang::{Diagnostics, Sources};

#[global_allocator]
static ALLOCATIONS: AllocProfiler<mimalloc::MiMalloc> = AllocProfiler::new(mimalloc::MiMalloc);

fn main() {
    divan::main();
}

/// 2,000 expressions on one core; goal: 150 ms.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn compile_2000(bencher: Bencher<'_, '_>) {
    let mut sources = Sources::default();
    let texts: Vec<Text> = cases()
        .iter()
        .map(|c| {
            let (code, multi) = code(&c.text);
            Text::expression(sources.add("case", code), code, multi)
        })
        .collect();
    bencher.bench_local(|| {
        let mut diagnostics = Diagnostics::default();
        for _ in 0..2000 / texts.len() {
            for t in &texts {
                black_box(compile(t, Target::Any, &mut diagnostics).is_some());
            }
        }
    });
}

const PLAIN: [&str; 8] = [
    "@(context.Response.StatusCode == 429 || context.Response.StatusCode >= 500)",
    "@(context.Request.Method == \"POST\")",
    "@((string)context.Variables[\"tier\"] == \"free\")",
    "@(context.Variables.GetValueOrDefault<string>(\"tier\", \"none\") == \"free\")",
    "@(context.Variables.ContainsKey(\"tier\"))",
    "@(context.Subscription?.Id == \"team-a\")",
    "@(context.Request.Headers.GetValueOrDefault(\"x-tier\", \"none\") == \"free\")",
    "@(context.Request.Headers.GetValueOrDefault(\"Content-Type\", \"\") == \"application/json\")",
];

/// Comparisons as they stand in conditions: no allocation.
#[divan::bench(args = PLAIN)]
fn comparison(bencher: Bencher<'_, '_>, text: &str) {
    let mut context = cases().remove(0).context;
    context["subscription"] = json!({ "id": "team-a" });
    let mut exchange = Exchange::new(&context);
    let expr = compiled(text);
    bencher.bench_local(|| black_box(expr.eval(&mut exchange)).is_ok());
}
