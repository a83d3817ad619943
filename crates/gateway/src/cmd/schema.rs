//! `tollgate schema`.

use clap::Args;
use std::io::Write;
use std::process::ExitCode;

/// Print the JSON Schema of tollgate.yaml, for editors.
#[derive(Args)]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        std::io::stdout().write_all(tollgate_control::schema::json().as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}
