//! JUnit XML, in the form that CI systems agree on: `testsuites`, a `testsuite` for each fixture, `testcase`, `failure`.

use crate::run::{Run, Verdict};
use std::fmt::Write;

/// The run as JUnit XML. A refused configuration is an error of a suite of its own.
pub fn junit(run: &Run) -> String {
    let (passed, failed) = run.counts();
    let errors = usize::from(run.refused.is_some());
    let seconds = run.elapsed.as_secs_f64();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tollgate test\" tests=\"{}\" failures=\"{failed}\" errors=\"{errors}\" time=\"{seconds:.3}\">\n",
        passed + failed + errors
    );
    if let Some(refused) = &run.refused {
        let _ = writeln!(
            out,
            "  <testsuite name=\"configuration\" tests=\"1\" failures=\"0\" errors=\"1\" time=\"{seconds:.3}\">\n    <testcase classname=\"configuration\" name=\"loads\" time=\"{seconds:.3}\"><error message=\"the configuration is refused\">{}</error></testcase>\n  </testsuite>",
            escape(refused)
        );
    }
    for verdicts in run.verdicts.chunk_by(|a, b| a.file == b.file) {
        suite(verdicts, &mut out);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(verdicts: &[Verdict], out: &mut String) {
    let file = escape(&verdicts[0].file.display().to_string());
    let failed = verdicts.iter().filter(|v| v.fault.is_some()).count();
    let seconds: f64 = verdicts.iter().map(|v| v.elapsed.as_secs_f64()).sum();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"{seconds:.3}\">",
        verdicts.len()
    );
    for verdict in verdicts {
        let title = if verdict.title.is_empty() {
            &file
        } else {
            &escape(&verdict.title)
        };
        let _ = write!(
            out,
            "    <testcase classname=\"{file}\" name=\"{title}\" file=\"{file}\" line=\"{}\" time=\"{:.3}\"",
            verdict.line,
            verdict.elapsed.as_secs_f64()
        );
        let Some(fault) = &verdict.fault else {
            out.push_str(" />\n");
            continue;
        };
        let place = format!("{}:{}", fault.file.display(), fault.line);
        let first = fault.message.lines().next().unwrap_or_default();
        let _ = writeln!(
            out,
            ">\n      <failure message=\"{}\">{}\n{}</failure>\n    </testcase>",
            escape(first),
            escape(&place),
            escape(&fault.message)
        );
    }
    out.push_str("  </testsuite>\n");
}

/// Text as it may stand in XML 1.0, in an attribute too: what it cannot hold at all becomes a replacement character.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                out.push(c);
            }
            _ => out.push('\u{fffd}'),
        }
    }
    out
}
