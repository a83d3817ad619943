//! `tollgate schema`.

use clap::Args;
use std::io::Write;
use std::process::ExitCode;

/// Print the JSON Schema of tollgate.yaml or of a file of prices, or the XML Schema of policy documents, for editors.
#[derive(Args)]
pub(crate) struct Schema {
    /// The XML Schema of policy documents.
    #[arg(long)]
    policies: bool,
    /// The JSON Schema of the file of `gateway.prices`.
    #[arg(long, conflicts_with = "policies")]
    prices: bool,
}

impl Schema {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = if self.policies {
            tollgate_author::schema::policies_xsd()
        } else if self.prices {
            tollgate_control::schema::prices().to_owned()
        } else {
            tollgate_control::schema::json()
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}
