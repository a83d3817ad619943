//! `cargo xtask oracle`: our expressions held against a real C# compiler and runtime (Mono with Json.NET).
//!
//! `golden` measures the golden cases of `tollgate-lang` again; `campaign` generates well-typed expressions over the whole
//! catalog and compares what they come to; `documents` does so for the expressions of policy documents in invented contexts,
//! `regex` for regular expressions from their grammar, `compare` for expressions of a file; `missing` finds the members that
//! are newer than Mono's class library. A development tool: nothing of it is in the released program. What must stay true:
//! a difference that is not ours to mend stands in `differences.yaml` with its reason, and nothing else may differ.

mod area;
mod attribute;
mod campaign;
mod compare;
mod differences;
mod documents;
mod generate;
mod golden;
mod missing;
mod mono;
mod node;
mod ours;
mod random;
#[cfg(test)]
mod reference;
mod regex;
mod report;
mod shape;
mod shrink;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "oracle")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Golden(golden::Golden),
    Campaign(campaign::Campaign),
    Compare(compare::Compare),
    Documents(documents::Documents),
    Missing(missing::Missing),
    Regex(regex::Regex),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Golden(command) => command.run(),
        Command::Campaign(command) => command.run(),
        Command::Compare(command) => command.run(),
        Command::Documents(command) => command.run(),
        Command::Missing(command) => command.run(),
        Command::Regex(command) => command.run(),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
