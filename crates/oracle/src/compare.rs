//! `oracle compare`: expressions of a file, ours beside Mono's, and what differs written as golden cases on request.

use crate::mono::{Case, Mono};
use crate::ours;
use anyhow::{Context, Result};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use tollgate_lang::expr::outcome;

/// Evaluate the expressions of a file here and in Mono, and print those that differ.
///
/// A line is an expression or a JSON object with `expression` and `context`. Exit status: 0 when nothing differs.
#[derive(clap::Args)]
pub(crate) struct Compare {
    /// The expressions, one a line.
    file: PathBuf,
    /// Print also what is the same.
    #[arg(long)]
    all: bool,
    /// Print golden cases instead, numbered behind this prefix.
    #[arg(long)]
    golden: Option<String>,
    /// Where to work.
    #[arg(long, default_value = "target/oracle")]
    folder: PathBuf,
}

impl Compare {
    pub(crate) fn run(&self) -> Result<bool> {
        let text =
            std::fs::read_to_string(&self.file).with_context(|| self.file.display().to_string())?;
        let cases = text
            .lines()
            .filter(|l| !l.trim().is_empty())
            .map(read)
            .collect::<Result<Vec<Case>>>()?;
        let ours = ours::outcomes(&cases);
        let theirs = Mono::prepare(&self.folder, Some("max-heap-size=1g"))?.run(&cases)?;
        let mut different = 0;
        for (i, ((case, o), m)) in cases.iter().zip(&ours).zip(&theirs).enumerate() {
            let same = outcome::same(o, m);
            different += usize::from(!same);
            if let Some(prefix) = &self.golden {
                let id = format!("{prefix}-{}", i + 1);
                let mut line = json!({"id": id, "expression": case.expression, "measured": m});
                if !case.context.is_null() {
                    line["context"] = case.context.clone();
                }
                println!("{line}");
            } else if self.all || !same {
                let mark = if same { "same" } else { "DIFFERENT" };
                println!("{mark} {}\n  ours {o}\n  mono {m}", case.expression);
            }
        }
        eprintln!("{} cases, {different} different", cases.len());
        Ok(different == 0)
    }
}

fn read(line: &str) -> Result<Case> {
    if !line.starts_with('{') {
        return Ok(Case {
            expression: line.to_string(),
            context: Json::Null,
        });
    }
    let json: Json = serde_json::from_str(line).with_context(|| line.to_string())?;
    Ok(Case {
        expression: json["expression"].as_str().unwrap_or("").to_string(),
        context: json["context"].clone(),
    })
}
