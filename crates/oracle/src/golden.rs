//! `oracle golden`: the golden cases of `tollgate-lang`, measured again.

use crate::mono::{Case, Mono};
use anyhow::{Context, Result};
use serde_json::Value as Json;
use std::path::PathBuf;
use tollgate_lang::expr::outcome;

/// Measure the golden cases again, and rewrite those whose outcome is another.
///
/// `ours` and `why` stay as they are. Exit status: 1 with --check when a measured outcome is another.
#[derive(clap::Args)]
pub(crate) struct Golden {
    /// Change nothing, only say what is different.
    #[arg(long)]
    check: bool,
    /// Where the cases are.
    #[arg(long, default_value = "crates/lang/tests/eval")]
    cases: PathBuf,
    /// Where to work.
    #[arg(long, default_value = "target/oracle")]
    folder: PathBuf,
}

impl Golden {
    pub(crate) fn run(&self) -> Result<bool> {
        let mono = Mono::prepare(&self.folder, None)?;
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.cases)
            .with_context(|| self.cases.display().to_string())?
            .flatten()
            .map(|f| f.path())
            .filter(|f| f.extension().is_some_and(|e| e == "jsonl"))
            .collect();
        files.sort();
        let (mut all, mut other) = (0, 0);
        for file in files {
            let text = std::fs::read_to_string(&file)?;
            let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
            let mut cases = Vec::new();
            let mut read: Vec<(usize, Json)> = Vec::new();
            for (i, line) in lines
                .iter()
                .enumerate()
                .filter(|(_, l)| !l.trim().is_empty())
            {
                let json: Json = serde_json::from_str(line)
                    .with_context(|| format!("{}:{}", file.display(), i + 1))?;
                // Settled by a document, not by a measurement.
                if json["measured"].is_null() {
                    continue;
                }
                cases.push(Case {
                    expression: json["expression"].as_str().unwrap_or("").to_string(),
                    context: json["context"].clone(),
                });
                read.push((i, json));
            }
            all += cases.len();
            let measured = mono.run(&cases)?;
            // What gives something else each time cannot be written down.
            let mut again: Vec<usize> = (0..cases.len())
                .filter(|i| !outcome::same(&read[*i].1["measured"], &measured[*i]))
                .collect();
            let twice: Vec<Case> = again.iter().map(|i| cases[*i].clone()).collect();
            let second = mono.run(&twice)?;
            let mut steady = second.iter();
            again.retain(|i| {
                steady
                    .next()
                    .is_some_and(|s| outcome::same(s, &measured[*i]))
            });
            for (at, ((i, mut json), now)) in read.into_iter().zip(measured).enumerate() {
                if !again.contains(&at) {
                    continue;
                }
                other += 1;
                println!(
                    "{}:{}: {}\n  was {}\n  is  {now}",
                    file.display(),
                    i + 1,
                    json["expression"].as_str().unwrap_or(""),
                    json["measured"]
                );
                json["measured"] = now;
                lines[i] = json.to_string();
            }
            if !self.check {
                std::fs::write(&file, lines.join("\n") + "\n")?;
            }
        }
        println!("{all} cases measured, {other} with another outcome");
        Ok(other == 0 || !self.check)
    }
}
