//! Runs fixtures against a loaded configuration, on all cores.
//!
//! Called by the command and by [`crate::watch`]. What must stay true: a case sees nothing of another one; the order of
//! verdicts is that of files and cases, whoever ran first; a configuration is loaded once for each set of values that
//! fixtures give it.

use crate::coverage::{Coverage, Hits};
use crate::suite::Suite;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use tollgate_control::{Loaded, Options, load_with};
use tollgate_engine::definition::Definition;
use tollgate_engine::fixture::{self, Case, Edit, Fixture, Given, Setup};
use tollgate_engine::{Snapshot, snapshot};
use tollgate_lang::Diagnostics;

/// Stack of a thread that runs cases: nested containers and expressions take some, most of it in debug builds.
const STACK: usize = 16 << 20;

/// What came of one case.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The fixture.
    pub file: PathBuf,
    /// The case's title; empty for a fixture without cases.
    pub title: String,
    /// Line of its head, or of its row in a table.
    pub line: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// Why it did not pass.
    pub fault: Option<Failed>,
    /// Names of the configuration's texts whose policies ran.
    pub touched: BTreeSet<String>,
}

/// Where and why a case did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The fixture, or a file that it includes.
    pub file: PathBuf,
    /// Line.
    pub line: usize,
    /// What was expected and what came.
    pub message: String,
    /// What would make the expectation say what came.
    pub edits: Vec<Edit>,
}

/// What came of all of them.
#[derive(Debug, Default)]
pub struct Run {
    /// One for each case.
    pub verdicts: Vec<Verdict>,
    /// What of the configuration's documents ran.
    pub coverage: Coverage,
    /// Why the configuration was refused; then nothing ran.
    pub refused: Option<String>,
    /// How long reading and compiling took.
    pub loading: Duration,
    /// How long everything took.
    pub elapsed: Duration,
}

impl Run {
    /// How many cases passed and failed.
    pub fn counts(&self) -> (usize, usize) {
        let failed = self.verdicts.iter().filter(|v| v.fault.is_some()).count();
        (self.verdicts.len() - failed, failed)
    }

    /// Whether all that ran has passed.
    pub fn passed(&self) -> bool {
        self.refused.is_none() && self.counts().1 == 0
    }
}

/// A fixture's file as read.
struct FixtureFile {
    path: PathBuf,
    fixture: Result<Fixture, Failed>,
    /// What it includes.
    files: BTreeSet<PathBuf>,
}

/// A configuration as loaded with some values.
pub(crate) struct Load {
    definition: Definition,
    pub(crate) loaded: Loaded,
    snapshot: Arc<Snapshot>,
}

/// A suite as it is run, once or again and again.
pub struct Session {
    suite: Suite,
    filter: Option<String>,
    jobs: usize,
    loads: BTreeMap<Given, Arc<Load>>,
    fixtures: Vec<FixtureFile>,
    /// Every file that the last run read.
    files: BTreeSet<PathBuf>,
}

/// One case to run.
struct Job<'a> {
    file: &'a FixtureFile,
    case: &'a Case,
    given: Given,
}

impl Session {
    /// `filter`: cases whose title or file has this in it. `jobs`: how many run at one time.
    pub fn new(suite: Suite, filter: Option<String>, jobs: usize) -> Session {
        Session {
            suite,
            filter,
            jobs: jobs.max(1),
            loads: BTreeMap::new(),
            fixtures: Vec::new(),
            files: BTreeSet::new(),
        }
    }

    /// The suite.
    pub fn suite(&self) -> &Suite {
        &self.suite
    }

    /// Every file that the last run read: configuration, documents, fixtures.
    pub fn files(&self) -> &BTreeSet<PathBuf> {
        &self.files
    }

    /// Reads everything anew and runs all cases. The error names a fixture that is not there.
    pub fn run(&mut self) -> Result<Run, String> {
        self.loads.clear();
        self.run_some(&|_, _, _| true)
    }

    /// Runs all cases again, of the fixtures as they are now, in the configuration as it was loaded.
    pub fn again(&mut self) -> Result<Run, String> {
        self.run_some(&|_, _, _| true)
    }

    /// Runs cases for which `wanted` says so of fixture, what it includes, and title. A configuration that is loaded
    /// already is not loaded again.
    pub(crate) fn run_some(
        &mut self,
        wanted: &dyn Fn(&Path, &BTreeSet<PathBuf>, &Case) -> bool,
    ) -> Result<Run, String> {
        let began = Instant::now();
        let paths = self.suite.find()?;
        self.fixtures = paths.into_iter().map(FixtureFile::read).collect();
        let mut run = Run::default();
        let filter = self.filter.clone().unwrap_or_default();
        let mut jobs = Vec::new();
        let mut given = BTreeSet::from([Given::default()]);
        for file in &self.fixtures {
            match &file.fixture {
                Ok(fixture) => {
                    let named = file.path.to_string_lossy().contains(&filter);
                    let cases = fixture.cases.iter().filter(|case| {
                        (named || case.title.contains(&filter))
                            && wanted(&file.path, &file.files, case)
                    });
                    for case in cases {
                        let values = case.given();
                        given.insert(values.clone());
                        jobs.push(Job {
                            file,
                            case,
                            given: values,
                        });
                    }
                }
                Err(failed) => run.verdicts.push(Verdict {
                    file: file.path.clone(),
                    title: String::new(),
                    line: failed.line,
                    elapsed: Duration::ZERO,
                    fault: Some(failed.clone()),
                    touched: BTreeSet::new(),
                }),
            }
        }
        // Without values nothing is loaded that no case needs, unless there is no case at all.
        if !jobs.is_empty() && !jobs.iter().any(|job| job.given == Given::default()) {
            given.remove(&Given::default());
        }
        self.files = self.fixtures.iter().map(|f| f.path.clone()).collect();
        for file in &self.fixtures {
            self.files.extend(file.files.iter().cloned());
        }
        for values in given {
            if self.loads.contains_key(&values) {
                continue;
            }
            let load = load(&self.suite.config, &values);
            self.files.extend(load.files().iter().cloned());
            match load {
                Attempt::Good(load) => drop(self.loads.insert(values, Arc::from(load))),
                Attempt::Refused(loaded) => {
                    let report = loaded.diagnostics.render(&loaded.sources, false);
                    run.refused = Some(report);
                    run.loading = began.elapsed();
                    run.elapsed = run.loading;
                    return Ok(run);
                }
            }
        }
        for load in self.loads.values() {
            self.files.extend(load.loaded.files.iter().cloned());
        }
        run.loading = began.elapsed();
        let (verdicts, hits) = work(&jobs, &self.loads, self.jobs);
        run.verdicts.extend(verdicts);
        run.verdicts
            .sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        if let Some(load) = self.loads.values().next() {
            run.coverage = Coverage::of(&load.snapshot, &hits);
        }
        run.elapsed = began.elapsed();
        Ok(run)
    }

    /// Loads the configuration anew at the next run.
    pub(crate) fn forget_loads(&mut self) {
        self.loads.clear();
    }

    /// Whether a file is a policy document or a fragment, as far as the loads know, and nothing else.
    pub(crate) fn is_document(&self, path: &Path) -> bool {
        self.loads.values().all(|load| {
            let sources = &load.loaded.sources;
            let definition = &load.definition;
            let file = |text: &tollgate_engine::definition::PolicyText| text.file;
            let apis = &definition.apis;
            let mut files = definition
                .policy
                .iter()
                .chain(definition.fragments.values())
                .chain(definition.products.iter().filter_map(|p| p.policy.as_ref()))
                .chain(apis.iter().filter_map(|a| a.policy.as_ref()))
                .chain(
                    apis.iter()
                        .flat_map(|a| a.operations.iter().filter_map(|o| o.policy.as_ref())),
                )
                .map(file);
            let shown = path.display().to_string();
            files.any(|id| sources.get(id).is_some_and(|source| *source.name == *shown))
        })
    }
}

impl FixtureFile {
    fn read(path: PathBuf) -> FixtureFile {
        let mut files = BTreeSet::new();
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let fixture = match std::fs::read_to_string(&path) {
            Err(why) => Err(Failed {
                file: path.clone(),
                line: 1,
                message: format!("it cannot be read: {why}"),
                edits: Vec::new(),
            }),
            Ok(text) => {
                let mut include = |name: &str| {
                    let file = folder.join(name);
                    let text = std::fs::read_to_string(&file).map_err(|why| why.to_string());
                    files.insert(file);
                    text
                };
                Fixture::parse_with(&text, &mut include).map_err(|fault| failed(&path, fault))
            }
        };
        FixtureFile {
            path,
            fixture,
            files,
        }
    }
}

/// A fault with the file that it stands in.
fn failed(fixture: &Path, fault: fixture::Fault) -> Failed {
    let file = match &fault.file {
        Some(included) => fixture.parent().unwrap_or(Path::new("")).join(&**included),
        None => fixture.to_path_buf(),
    };
    Failed {
        file,
        line: fault.line,
        message: fault.message,
        edits: fault.edits,
    }
}

enum Attempt {
    Good(Box<Load>),
    Refused(Box<Loaded>),
}

impl Attempt {
    fn files(&self) -> &[PathBuf] {
        match self {
            Attempt::Good(load) => &load.loaded.files,
            Attempt::Refused(loaded) => &loaded.files,
        }
    }
}

/// How a test loads a configuration: values that are not given are stood in for, none comes from outside.
pub fn options(given: &Given) -> Options {
    let environment = given.environment.clone();
    Options {
        environment: Arc::new(move |name| environment.get(name).cloned()),
        literal_secrets: true,
        missing_secrets: true,
        named_values: given.named_values.clone(),
        definition: true,
        ..Options::default()
    }
}

fn load(config: &Path, given: &Given) -> Attempt {
    let mut loaded = load_with(config, &options(given));
    match (loaded.snapshot.clone(), loaded.definition.take()) {
        (Some(snapshot), Some(definition)) => Attempt::Good(Box::new(Load {
            definition,
            loaded,
            snapshot,
        })),
        _ => Attempt::Refused(Box::new(loaded)),
    }
}

/// Runs the jobs on threads.
fn work(
    jobs: &[Job<'_>],
    loads: &BTreeMap<Given, Arc<Load>>,
    threads: usize,
) -> (Vec<Verdict>, Hits) {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = channel();
    let worker = || {
        let mut setups: BTreeMap<&Given, Setup> = BTreeMap::new();
        let hits = Hits::default();
        let mut verdicts = Vec::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(load) = loads.get(&job.given) else {
                continue;
            };
            let setup = setups
                .entry(&job.given)
                .or_insert_with(|| load.setup(&hits));
            let began = Instant::now();
            let outcome = fixture::run_case(job.case, setup, &mut |_, _| ());
            let touched = hits.take_files();
            let name = |file| load.loaded.sources.get(file).map(|s| s.name.to_string());
            verdicts.push(Verdict {
                file: job.file.path.clone(),
                title: job.case.title.clone(),
                line: job.case.line,
                elapsed: began.elapsed(),
                fault: outcome.err().map(|fault| failed(&job.file.path, fault)),
                touched: touched.into_iter().filter_map(name).collect(),
            });
        }
        (verdicts, hits)
    };
    let threads = threads.min(jobs.len()).max(1);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            let work = move || drop(sender.send(worker()));
            let builder = std::thread::Builder::new().stack_size(STACK);
            if builder.spawn_scoped(scope, work).is_err() {
                // The threads there are take all jobs; without any the caller's own does.
                break;
            }
        }
    });
    drop(sender);
    let mut results: Vec<_> = receiver.into_iter().collect();
    if results.is_empty() {
        results.push(worker());
    }
    let (mut verdicts, hits) = (Vec::new(), Hits::default());
    for (more, seen) in results {
        verdicts.extend(more);
        hits.add(&seen);
    }
    (verdicts, hits)
}

impl Load {
    /// What cases build on. A snapshot that keeps state is one thread's own.
    fn setup(&self, hits: &Hits) -> Setup {
        let own = || {
            let compiled = snapshot::build(self.definition.clone(), &mut Diagnostics::default());
            compiled.map(Arc::new)
        };
        let snapshot = if self.snapshot.keeps_state() {
            own()
        } else {
            Some(self.snapshot.clone())
        };
        Setup {
            definition: self.definition.clone(),
            sources: self.loaded.sources.clone(),
            key: None,
            origin: ("https", Arc::from("gateway.test")),
            snapshot,
            watch: Some(hits.watch()),
            fixture: None,
        }
    }
}
