//! `tollgate`: the command line. Wiring only; what it does is in `control`, `proxy` and `testkit`.
//!
//! What must stay true: diagnostics and errors say what to do next; exit status 0 is success, 1 a refused
//! configuration or a failed start, 2 a command that cannot be understood or a file that cannot be read.

mod cmd;
mod logs;
mod open_files;
mod plane;
mod statements;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Small allocations in many threads: mimalloc returns memory between bursts and is quick at both.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A control plane for AI traffic: an API Management compatible gateway in front of models, tools and agents.
#[derive(Parser)]
#[command(name = "tollgate", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(cmd::serve::Serve),
    Check(cmd::check::Check),
    Eval(cmd::eval::Eval),
    Demo(cmd::demo::Demo),
    Import(cmd::import::Import),
    Prices(cmd::prices::Prices),
    Reconcile(cmd::reconcile::Reconcile),
    Replay(cmd::replay::Replay),
    Report(cmd::report::Report),
    Schema(cmd::schema::Schema),
    Simulate(cmd::simulate::Simulate),
    Statement(cmd::statement::Statement),
    Test(cmd::test::Test),
    Trace(cmd::trace::Trace),
    Debug(cmd::debug::Debug),
}

fn main() -> ExitCode {
    open_files::raise();
    let outcome = match Cli::parse().command {
        Command::Serve(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Eval(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Prices(command) => command.run(),
        Command::Reconcile(command) => command.run(),
        Command::Replay(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Simulate(command) => command.run(),
        Command::Statement(command) => command.run(),
        Command::Test(command) => command.run(),
        Command::Trace(command) => command.run(),
        Command::Debug(command) => command.run(),
    };
    match outcome {
        Ok(code) => code,
        // Whoever read the output has seen enough (`| head`).
        Err(error) if is_closed(&error) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the reader of the output has gone.
fn is_closed(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
