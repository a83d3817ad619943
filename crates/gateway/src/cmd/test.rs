//! `tollgate test`.

use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tollgate_author::update::update;
use tollgate_author::watch::Watch;
use tollgate_author::{Run, Session, Suite, report};

/// Run the fixtures (`*.test`) that stand beside a configuration: requests, scripted upstreams, expectations.
///
/// Exit status: 0 when all pass, 1 when a case fails, the configuration is refused or coverage is too low, 2 when a
/// file is not there or there is nothing to run. The format of fixtures: `tollgate test --explain`.
#[derive(Args)]
pub(crate) struct Test {
    /// The configuration (a file or its folder; here, when left out), then fixtures or folders of fixtures.
    paths: Vec<PathBuf>,
    /// Run only cases whose title or file has this in it.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// How to print the verdicts.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also write the verdicts to a file as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print which steps and branches of the documents ran.
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "text")]
    coverage: Option<CoverageFormat>,
    /// Write the coverage to a file instead.
    #[arg(long, value_name = "FILE", requires = "coverage")]
    coverage_file: Option<PathBuf>,
    /// Fail when fewer percent of steps and branches ran.
    #[arg(long, value_name = "PERCENT")]
    min_coverage: Option<f64>,
    /// Run again what a change has touched, until stopped.
    #[arg(long)]
    watch: bool,
    /// Rewrite expectations that fail to what came, and show what changed.
    #[arg(long, conflicts_with = "watch")]
    update: bool,
    /// How many cases run at one time; as many as there are cores, when left out.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Describe the format of fixtures and end.
    #[arg(long)]
    explain: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: a line for each fixture, and what failed in full.
    Text,
    /// One JSON object.
    Json,
    /// JUnit XML.
    Junit,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CoverageFormat {
    /// A table.
    Text,
    /// For lcov and editors.
    Lcov,
    /// One JSON object.
    Json,
}

impl Test {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut out = std::io::stdout().lock();
        if self.explain {
            write!(out, "{}", tollgate_engine::fixture::FORMAT)?;
            return Ok(ExitCode::SUCCESS);
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let suite = Suite::new(&self.paths);
        let mut session = Session::new(suite, self.filter.clone(), self.jobs.unwrap_or(cores));
        if self.watch {
            return self.watched(session, &mut out);
        }
        let run = if self.update {
            self.updated(&mut session, &mut out)
        } else {
            session.run()
        };
        match run {
            Ok(run) => Ok(ExitCode::from(self.report(&run, &mut out)?)),
            Err(why) => {
                eprintln!("error: {why}");
                Ok(ExitCode::from(2))
            }
        }
    }

    /// Rewrites expectations, and says which; gives the run after that.
    fn updated(&self, session: &mut Session, out: &mut impl Write) -> Result<Run, String> {
        let updated = update(session)?;
        if let Format::Text = self.format {
            let files = updated.files.len();
            let said = if files == 0 {
                writeln!(out, "nothing to update")
            } else {
                let edits = updated.edits;
                let diff = updated.diff();
                writeln!(out, "{diff}updated: expectations {edits}, files {files}")
            };
            said.map_err(|why| why.to_string())?;
        }
        Ok(updated.run)
    }

    /// Prints and writes what was asked for; gives the exit status.
    fn report(&self, run: &Run, out: &mut impl Write) -> anyhow::Result<u8> {
        match self.format {
            Format::Text => write!(out, "{}", report::text(run))?,
            Format::Json => writeln!(out, "{}", report::json(run))?,
            Format::Junit => write!(out, "{}", report::junit(run))?,
        }
        if let Some(file) = &self.junit {
            std::fs::write(file, report::junit(run))?;
        }
        if let Some(format) = self.coverage.filter(|_| run.refused.is_none()) {
            let text = match format {
                CoverageFormat::Text => run.coverage.text(),
                CoverageFormat::Lcov => run.coverage.lcov(),
                CoverageFormat::Json => format!("{}\n", run.coverage.json()),
            };
            match &self.coverage_file {
                Some(file) => std::fs::write(file, text)?,
                None => write!(out, "{text}")?,
            }
        }
        out.flush()?;
        if run.refused.is_none() && run.verdicts.is_empty() {
            eprintln!(
                "error: no case to run: fixtures are files `*.test` in the configuration's folder or below"
            );
            return Ok(2);
        }
        if !run.passed() {
            return Ok(1);
        }
        let percent = run.coverage.ratio().percent();
        if let Some(wanted) = self.min_coverage.filter(|wanted| percent < *wanted) {
            eprintln!("error: coverage is {percent:.1} %, {wanted} % are wanted");
            return Ok(1);
        }
        Ok(0)
    }

    fn watched(&self, session: Session, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        let (mut watch, run) = match Watch::begin(session) {
            Ok(begun) => begun,
            Err(why) => {
                eprintln!("error: {why}");
                return Ok(ExitCode::from(2));
            }
        };
        self.report(&run, out)?;
        let mut changes = watch.changes();
        loop {
            eprintln!("waiting for changes; Ctrl-C ends");
            let changed = changes.wait(|| watch.files());
            match watch.again(&changed) {
                Ok(run) => drop(self.report(&run, out)?),
                // A fixture that was named is gone for now.
                Err(why) => eprintln!("error: {why}"),
            }
        }
    }
}
