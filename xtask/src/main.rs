//! The project's own commands: `cargo xtask demo | test | bench | oracle | deny | ci`.
//!
//! Uses the standard library only, so that it builds in a second. What must stay true: what a command needs beyond
//! Rust it installs itself, into `.tools/` where that is possible, and says what it does.

mod bench;
mod deny;
mod node;
mod oracle;
mod python;
mod run;
mod test;

use run::{Outcome, run};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
cargo xtask <command>

  demo [options]   build and start the demo: a governed gateway before simulated providers
  test             install what the tests need and run all of them
  bench [filter]   measure the gateway against a minimal proxy and nginx, in one run
  oracle <command> hold expressions against C# in Mono: `golden` measures the golden cases again (--check: only
                   compares), `campaign --cases N --seed N [--area AREA]` generates cases and reports what differs,
                   `documents FOLDER` compares the expressions of policy documents in invented contexts
  deny             check licences, sources and advisories of the dependencies
  ci               what .ci/run does
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let outcome = match command.as_str() {
        "demo" => demo(&rest),
        "test" => test::test(&rest),
        "bench" => bench::bench(&rest),
        "oracle" => oracle::oracle(&rest),
        "deny" => deny::deny(),
        "ci" => run(Command::new("bash").arg(".ci/run")),
        _ => {
            eprint!("{USAGE}");
            return if command.is_empty() || command == "help" {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(2)
            };
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask {command}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn demo(args: &[String]) -> Outcome {
    run(Command::new(run::cargo())
        .args([
            "run",
            "--release",
            "--locked",
            "--package",
            "tollgate",
            "--",
            "demo",
        ])
        .args(args))
}
