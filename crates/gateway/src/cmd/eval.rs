//! `tollgate eval`.

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value as Json, json};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use tollgate_lang::expr::Target;
use tollgate_lang::expr::fixture::Fixture;
use tollgate_lang::expr::outcome;
use tollgate_lang::{Diagnostics, Sources};

/// Evaluate a policy expression: its type and value, or what is wrong with it and where.
///
/// Exit status: 0 when it gave a value, 1 when it is refused or threw an exception, 2 when the context cannot be read.
#[derive(Args)]
pub(crate) struct Eval {
    /// The expression: `@(…)` or `@{…}`.
    #[arg(required_unless_present = "cases", conflicts_with = "cases")]
    expression: Option<String>,
    /// A JSON file that describes `context`: request, response, variables, subscription and so on.
    #[arg(long, conflicts_with = "cases")]
    context: Option<PathBuf>,
    /// Evaluate the cases of a file, one JSON object `{"id", "expression", "context"}` on a line, and print what each comes
    /// to the same way.
    #[arg(long)]
    cases: Option<PathBuf>,
}

impl Eval {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if let Some(file) = &self.cases {
            return cases(file);
        }
        let context = match &self.context {
            None => Json::Null,
            Some(path) => match context(path) {
                Ok(context) => context,
                Err(error) => {
                    eprintln!("error: {error:#}");
                    return Ok(ExitCode::from(2));
                }
            },
        };
        let mut fixture = match Fixture::read(&context) {
            Ok(fixture) => fixture,
            Err(fault) => {
                let path = self.context.clone().unwrap_or_default();
                eprintln!("error: {}: {fault}", path.display());
                return Ok(ExitCode::from(2));
            }
        };
        let mut sources = Sources::default();
        let mut diagnostics = Diagnostics::default();
        let text = self.expression.as_deref().unwrap_or_default();
        let expr = outcome::compiled_in(
            "expression",
            text,
            Target::Any,
            &mut sources,
            &mut diagnostics,
        );
        let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        eprint!("{}", diagnostics.render(&sources, color));
        let Some(expr) = expr else {
            return Ok(ExitCode::FAILURE);
        };
        let outcome = outcome::run(&expr, &mut fixture);
        let mut out = std::io::stdout().lock();
        if outcome["ok"] == json!(true) {
            write_value(&mut out, &outcome["result"], 0)?;
            return Ok(ExitCode::SUCCESS);
        }
        let part = |key: &str| outcome[key].as_str().unwrap_or_default().to_string();
        eprintln!("{}: {}", part("exception"), part("message"));
        Ok(ExitCode::FAILURE)
    }
}

fn context(path: &PathBuf) -> anyhow::Result<Json> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// `type: value`, or `type: n items` with the items below it.
fn write_value(out: &mut impl Write, result: &Json, depth: usize) -> std::io::Result<()> {
    let indent = "  ".repeat(depth);
    let of = match result["type"].as_str() {
        Some(of) => format!("{of}: "),
        None => String::new(),
    };
    match (result["items"].as_array(), result["value"].as_str()) {
        (Some(items), _) => {
            let plural = if items.len() == 1 { "" } else { "s" };
            writeln!(out, "{indent}{of}{} item{plural}", items.len())?;
            items
                .iter()
                .try_for_each(|item| write_value(out, item, depth + 1))
        }
        (None, Some(value)) => writeln!(out, "{indent}{of}{value}"),
        (None, None) => writeln!(out, "{indent}{}", of.trim_end_matches(": ")),
    }
}

/// Evaluates the cases of a file.
fn cases(file: &PathBuf) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (i, line) in text
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty())
    {
        let place = || format!("{}:{}", file.display(), i + 1);
        let case: Json = serde_json::from_str(line).with_context(place)?;
        let Some(expression) = case["expression"].as_str() else {
            bail!("{}: `expression` is missing", place());
        };
        let mut said = json!({"id": case["id"]});
        let came = outcome::of(expression, &case["context"]);
        if let (Some(said), Json::Object(came)) = (said.as_object_mut(), came) {
            said.extend(came);
        }
        writeln!(out, "{said}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
