//! One load: `tollgate.yaml` and everything that it names, to a snapshot or to a list of faults.
//!
//! What must stay true: all faults of all files come out of one call; `None` for the snapshot exactly when there is an
//! error among them.

mod served;
mod source;

use crate::define::{Reader, black_out, without_secrets};
use crate::files::{FileSource, Files, NOT_UTF8};
use crate::model::Configuration;
use crate::settings::{Listen, Settings};
use crate::vault::Secrets;
use crate::yaml;
use source::Source;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tollgate_engine::Snapshot;
use tollgate_engine::definition::Definition;
use tollgate_engine::probe::Texts;
use tollgate_lang::{Diagnostic, Diagnostics, Severity, Sources};

/// Looks up environment variables.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Looks at a whole configuration; what it finds is shown with the other faults.
pub type Lint = fn(&Definition, &mut Diagnostics);

/// How to load.
#[derive(Clone)]
pub struct Options {
    /// Where files come from.
    pub files: FileSource,
    /// Where `env:` looks.
    pub environment: Environment,
    /// Whether secrets may stand in the file without a warning: only for the demo.
    pub literal_secrets: bool,
    /// Whether an environment variable or secret file that is missing is only a warning: for checks in a place that
    /// has no secrets.
    pub missing_secrets: bool,
    /// Values of secrets in Key Vault, over all loads of a process. Default: they are not asked for.
    pub secrets: Arc<Secrets>,
    /// Of an APIOps folder: the overrides of an environment (`configuration.prod.yaml`).
    pub overrides: Option<PathBuf>,
    /// The one listener, without TLS, in place of those of the configuration.
    pub listen: Option<SocketAddr>,
    /// The management address in place of the configuration's.
    pub management: Option<SocketAddr>,
    /// Whether what works here and is refused by API Management is a fault.
    pub portable: bool,
    /// Values that named values get in place of their own, by display name: for tests.
    pub named_values: BTreeMap<String, String>,
    /// Whether [`Loaded::definition`] is wanted.
    pub definition: bool,
    /// What else looks at the configuration before it is compiled, for `tollgate check`.
    pub lint: Option<Lint>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            files: FileSource::Disk,
            environment: Arc::new(|name| std::env::var(name).ok()),
            literal_secrets: false,
            missing_secrets: false,
            secrets: Arc::default(),
            overrides: None,
            listen: None,
            management: None,
            portable: false,
            named_values: BTreeMap::new(),
            definition: false,
            lint: None,
        }
    }
}

/// What one load made.
pub struct Loaded {
    /// The compiled configuration; `None` when anything was refused.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Settings of the process.
    pub settings: Settings,
    /// The texts that the diagnostics point into. Literal secrets are blacked out.
    pub sources: Sources,
    /// Every fault.
    pub diagnostics: Diagnostics,
    /// Every file that was asked for, for watching.
    pub files: Vec<PathBuf>,
    /// What was found.
    pub summary: Summary,
    /// Whether any document has a policy for language models, which need their token tables.
    pub meters_models: bool,
    /// What the snapshot was compiled from, when [`Options::definition`] asks for it.
    pub definition: Option<Definition>,
}

/// What a configuration holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// APIs.
    pub apis: usize,
    /// Operations of all APIs.
    pub operations: usize,
    /// Products.
    pub products: usize,
    /// Subscriptions.
    pub subscriptions: usize,
    /// Backends.
    pub backends: usize,
    /// Policy documents and fragments.
    pub policies: usize,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            (self.apis, "API", "APIs"),
            (self.operations, "operation", "operations"),
            (self.products, "product", "products"),
            (self.subscriptions, "subscription", "subscriptions"),
            (self.backends, "backend", "backends"),
            (self.policies, "policy document", "policy documents"),
        ];
        for (at, (count, one, many)) in parts.into_iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            let what = if count == 1 { one } else { many };
            write!(f, "{separator}{count} {what}")?;
        }
        Ok(())
    }
}

/// Loads `tollgate.yaml` (or the folder that holds it), or an APIOps folder, from disk, with the process's environment.
pub fn load(path: &Path) -> Loaded {
    load_with(path, &Options::default())
}

/// Loads a configuration.
pub fn load_with(path: &Path, options: &Options) -> Loaded {
    let main = source::main_file(path, options);
    let mut files = Files::new(&options.files, &main);
    let mut diagnostics = Diagnostics::default();
    let mut loaded = Loaded {
        snapshot: None,
        settings: Settings::default(),
        sources: Sources::default(),
        diagnostics: Diagnostics::default(),
        files: Vec::new(),
        summary: Summary::default(),
        meters_models: false,
        definition: None,
    };
    match source::read(path, &main, options, &mut files, &mut diagnostics) {
        Ok(mut source) => {
            let root = source.root.take();
            // Before the tree is mended: that takes out what is wrong.
            let mut secrets = root
                .as_ref()
                .map_or_else(|| yaml::sensitive_text(&source.text), yaml::sensitive);
            let model = root.and_then(|mut root| {
                yaml::read_with::<Configuration>(source.file, &mut root, &mut diagnostics)
            });
            let mut stand_ins = yaml::StandIns::default();
            if let Some((model, missing)) = model {
                stand_ins = missing;
                let mut reader = Reader::new(
                    source.file,
                    source.text.clone(),
                    &mut files,
                    &mut diagnostics,
                    options,
                );
                let (definition, settings) = reader.read(&model);
                let places = reader.finish();
                loaded.summary = Summary {
                    apis: definition.apis.len(),
                    operations: definition.apis.iter().map(|a| a.operations.len()).sum(),
                    products: definition.products.len(),
                    subscriptions: definition.subscriptions.len(),
                    backends: definition.backends.len(),
                    policies: places.policies,
                };
                loaded.definition = options.definition.then(|| definition.clone());
                let mut compiled = Diagnostics::portable(options.portable);
                if let Some(lint) = options.lint {
                    lint(&definition, &mut compiled);
                }
                let silent = served::silent(&definition, source.file);
                let snapshot = tollgate_engine::snapshot::build(definition, &mut compiled);
                for diagnostic in compiled.items() {
                    diagnostics.push(places.of(diagnostic.clone()));
                }
                loaded.settings = settings;
                if let Some(address) = options.listen {
                    loaded.settings.listen = vec![Listen { address, tls: None }];
                }
                if options.management.is_some() {
                    loaded.settings.management = options.management;
                }
                secrets.extend(&places.secrets);
                if !diagnostics.has_errors() {
                    for warning in silent {
                        diagnostics.push(warning);
                    }
                    let sources = shown(&secrets, &source, &files);
                    let outer = source.outer.clone();
                    loaded.snapshot = snapshot.map(|mut snapshot| {
                        let place = move |span| outer.span(places.outer(span));
                        snapshot.texts = Texts::new(sources, place);
                        Arc::new(snapshot)
                    });
                }
            }
            loaded.sources = shown(&secrets, &source, &files);
            let items = diagnostics.items().to_vec();
            diagnostics = Diagnostics::default();
            for item in items {
                // What is missing was told; what stands in for it is nobody's mistake.
                if let Some(item) = stand_ins.shown(item) {
                    diagnostics.push(source.outer.diagnostic(item));
                }
            }
        }
        Err(why) => diagnostics.push(Diagnostic {
            code: "TG0400",
            severity: Severity::Error,
            message: format!("{} cannot be read: {why}", main.display()),
            span: None,
            label: String::new(),
            help: Some(String::from(if why == NOT_UTF8 {
                "save it as UTF-8"
            } else {
                "name a configuration file, a folder with a `tollgate.yaml`, or an APIOps folder"
            })),
            related: Vec::new(),
        }),
    }
    if loaded.snapshot.is_some() {
        options.secrets.sweep();
    }
    loaded.meters_models = files.mention("<llm-") || files.mention("<azure-openai-");
    loaded.files = files.asked;
    loaded.diagnostics = in_order(&diagnostics);
    loaded.sources = without_secrets(&diagnostics, loaded.sources);
    loaded
}

/// The texts without what must not be shown.
fn shown(secrets: &[yaml::Place], source: &Source, files: &Files<'_>) -> Sources {
    let outer = &source.outer;
    let secrets: Vec<_> = secrets.iter().map(|place| outer.place(*place)).collect();
    black_out(&secrets, outer.hidden(), &files.sources)
}

/// The diagnostics as a reader goes through the files.
fn in_order(diagnostics: &Diagnostics) -> Diagnostics {
    let mut items = diagnostics.items().to_vec();
    items.sort_by_key(|d| d.span.map(|span| (span.file, span.start)));
    let mut sorted = Diagnostics::default();
    for item in items {
        sorted.push(item);
    }
    sorted
}
