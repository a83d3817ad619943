//! `tollgate replay`.

use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tollgate_author::replay::{Fault, replay};
use tollgate_control::Options;

/// Run recorded traffic (`gateway.recording`) through another configuration: what would be refused, routed or cost
/// differently.
///
/// Backends are not called: they answer as they did. Exit status: 0 when every request comes to the same, 1 when one
/// does not or a configuration is refused, 2 when the recording cannot be read.
#[derive(Args)]
pub(crate) struct Replay {
    /// The recording: a file, or a folder with the files of one.
    recording: PathBuf,
    /// The configuration to try: a file, or its folder.
    #[arg(long, value_name = "PATH")]
    config: PathBuf,
    /// Compare with this configuration instead of with what was recorded.
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Groups of differences with examples.
    Text,
    /// One JSON object.
    Json,
}

impl Replay {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let options = Options::default();
        let against = self.against.as_deref();
        let report = match replay(&self.recording, &self.config, against, &options) {
            Ok(report) => report,
            Err(Fault::Refused(why)) => {
                eprintln!("{}\nthe configuration is refused", why.trim_end());
                return Ok(ExitCode::FAILURE);
            }
            Err(Fault::Unreadable(why)) => {
                eprintln!("error: {why}");
                return Ok(ExitCode::from(2));
            }
        };
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Text => write!(out, "{}", report.text())?,
            Format::Json => writeln!(out, "{}", report.json())?,
        }
        Ok(ExitCode::from(u8::from(report.different > 0)))
    }
}
