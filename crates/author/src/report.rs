//! A run's verdicts: for people, for programs, and as JUnit XML for CI systems; what `check` found for CI systems.

mod github;
mod junit;
mod sarif;

pub use github::commands as github;
pub use junit::junit;
pub use sarif::{log as sarif, meaning};

use crate::run::{Run, Verdict};
use std::fmt::Write;

/// For people: a line for each fixture, and what failed in full.
pub fn text(run: &Run) -> String {
    let mut out = String::new();
    if let Some(refused) = &run.refused {
        let _ = writeln!(
            out,
            "{}\nthe configuration is refused: nothing was tested",
            refused.trim_end()
        );
        return out;
    }
    for verdicts in run.verdicts.chunk_by(|a, b| a.file == b.file) {
        let failed: Vec<&Verdict> = verdicts.iter().filter(|v| v.fault.is_some()).collect();
        let passed = verdicts.len() - failed.len();
        let file = verdicts[0].file.display();
        let word = if failed.is_empty() { "ok  " } else { "FAIL" };
        let _ = write!(out, "{word} {file}: {passed} passed");
        if !failed.is_empty() {
            let _ = write!(out, ", {} failed", failed.len());
        }
        out.push('\n');
        for verdict in failed {
            let Some(fault) = &verdict.fault else {
                continue;
            };
            let title = if verdict.title.is_empty() {
                "(no title)"
            } else {
                &verdict.title
            };
            let _ = writeln!(
                out,
                "\n  {title}\n  {}:{}",
                fault.file.display(),
                fault.line
            );
            for line in fault.message.trim_end().lines() {
                let _ = writeln!(out, "    {line}");
            }
            out.push('\n');
        }
    }
    let (passed, failed) = run.counts();
    let _ = writeln!(
        out,
        "{passed} passed, {failed} failed in {:.2} s (configuration {:.2} s)",
        run.elapsed.as_secs_f64(),
        run.loading.as_secs_f64()
    );
    out
}

/// One JSON value.
pub fn json(run: &Run) -> serde_json::Value {
    let (passed, failed) = run.counts();
    let case = |verdict: &Verdict| {
        let fault = verdict.fault.as_ref().map(|fault| {
            serde_json::json!({
                "file": fault.file.display().to_string(),
                "line": fault.line,
                "message": fault.message,
            })
        });
        serde_json::json!({
            "file": verdict.file.display().to_string(),
            "line": verdict.line,
            "case": verdict.title,
            "passed": verdict.fault.is_none(),
            "milliseconds": verdict.elapsed.as_secs_f64() * 1000.0,
            "fault": fault,
        })
    };
    serde_json::json!({
        "passed": passed,
        "failed": failed,
        "refused": run.refused,
        "seconds": run.elapsed.as_secs_f64(),
        "cases": run.verdicts.iter().map(case).collect::<Vec<_>>(),
        "coverage": run.coverage.json(),
    })
}
