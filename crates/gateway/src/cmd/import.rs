//! `tollgate import`.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tollgate_control::{Imported, Options, import, load_with};

/// Write a tollgate.yaml from another form of configuration.
#[derive(Args)]
pub(crate) struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Subcommand)]
enum From {
    Azure(Azure),
}

/// From API Management: an ARM template, JSON that Bicep has built, or an APIOps folder.
///
/// Says in one line each what did not carry over, and why. Secrets are not written: the configuration takes them from
/// environment variables, which are listed at the end. Exit status: 0 when the written configuration loads (without
/// its secrets), 1 when it is refused, 2 when the source cannot be read.
#[derive(Args)]
struct Azure {
    /// The template, or the folder.
    source: PathBuf,
    /// The folder to write into; it is made, and must be empty.
    #[arg(short, long)]
    output: PathBuf,
    /// Of a template: a parameters file.
    #[arg(long)]
    parameters: Option<PathBuf>,
    /// Of an APIOps folder: what an environment says over it, as configuration.prod.yaml.
    #[arg(long)]
    overrides: Option<PathBuf>,
}

impl Import {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let From::Azure(azure) = &self.from;
        azure.run()
    }
}

impl Azure {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let overrides = self.overrides.as_deref().map(std::path::absolute);
        let options = Options {
            overrides: overrides.transpose()?,
            ..Options::default()
        };
        let imported = import(&self.source, self.parameters.as_deref(), &options);
        print!("{}", imported.diagnostics.render_compact(&imported.sources));
        if imported.diagnostics.has_errors() {
            return Ok(ExitCode::from(2));
        }
        write(&imported, &self.output)?;
        let options = Options {
            missing_secrets: true,
            ..Options::default()
        };
        let loaded = load_with(&self.output, &options);
        // What is missing is what is listed below.
        for line in loaded.diagnostics.render_compact(&loaded.sources).lines() {
            if !line.contains("warning[TG0408]") {
                println!("{line}");
            }
        }
        println!(
            "{}: {} ({} file{})",
            self.output.display(),
            loaded.summary,
            imported.files.len(),
            if imported.files.len() == 1 { "" } else { "s" },
        );
        if !imported.variables.is_empty() {
            println!("set before it is served:");
            for variable in &imported.variables {
                println!("  {variable}");
            }
        }
        Ok(if loaded.snapshot.is_some() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn write(imported: &Imported, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    if std::fs::read_dir(folder)?.next().is_some() {
        bail!("{} is not empty; name a new folder", folder.display());
    }
    for (name, text) in &imported.files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
