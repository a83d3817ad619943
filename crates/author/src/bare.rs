//! Policy documents without a configuration: what they refer to is assumed and listed, everything else is checked.
//!
//! `tollgate check a.xml` calls it. What must stay true: a document that loads in a configuration that has what it names
//! is not refused here; nothing that is assumed hides another fault.

#[cfg(test)]
mod tests;

use crate::lint;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tollgate_control::{
    Loaded, Settings, Summary, named_value_of_token, pipeline_tokens, without_secrets,
};
use tollgate_engine::compile::DATA_SOURCES;
use tollgate_engine::definition::{
    Definition, GraphQlDefinition, NamedValue, PolicyText, ResolverDefinition, Secret,
};
use tollgate_engine::fixture::Setup;
use tollgate_engine::snapshot;
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::{Diagnostic, Diagnostics, Severity, Sources, document};

/// Most documents of one folder that are read.
const MOST_DOCUMENTS: usize = 10_000;

/// How deep folders are looked into.
const DEEPEST: usize = 32;

/// Largest file that is read, in bytes; what is larger than a document may be is told by the reader.
const LARGEST: u64 = 16 << 20;

/// What documents name, by kind, as `named values`.
pub type Assumed = BTreeMap<&'static str, BTreeSet<String>>;

/// Codes of references to what a configuration would have, and what each refers to.
const REFERENCES: [(&str, &str); 8] = [
    ("TG0312", "backends"),
    ("TG0313", "fragments"),
    ("TG0376", "certificates"),
    ("TG0395", "authorizations"),
    ("TG0504", "certificates"),
    ("TG0545", "schemas"),
    ("TG0562", "loggers"),
    (NO_SUBSCRIPTION, "subscriptions"),
];

/// The code of a `publish-event` to what the schema does not have.
const NO_SUBSCRIPTION: &str = "TG0706";

/// How documents are checked.
#[derive(Clone, Debug, Default)]
pub struct Bare {
    /// What named values are, where it matters; what is not here is made up.
    pub named_values: BTreeMap<String, String>,
    /// Placeholders of a template, and what stands in their place.
    pub substitutes: Vec<(String, String)>,
    /// Whether what works here and is refused by API Management is a fault.
    pub portable: bool,
}

/// The policy documents that a path means: the file itself when it is XML, those of a folder that is no configuration.
/// `None`: it is not for here.
pub fn documents(path: &Path) -> Option<Vec<PathBuf>> {
    if path.is_dir() {
        let mut found = Vec::new();
        let configuration =
            path.join("tollgate.yaml").exists() || tollgate_control::is_apiops(path);
        if !configuration {
            walk(path, 0, &mut found);
            found.sort();
        }
        return (!found.is_empty()).then_some(found);
    }
    let xml = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("xml"));
    let begins = || {
        let text = read(path).ok()?;
        text.trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with('<')
            .then_some(())
    };
    (xml || begins().is_some()).then(|| vec![path.to_path_buf()])
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_xml = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("xml"));
        if found.len() >= MOST_DOCUMENTS {
            return;
        }
        if path.is_dir() && depth < DEEPEST {
            walk(&path, depth + 1, found);
        } else if is_xml && read(&path).is_ok_and(|text| is_document(&text)) {
            found.push(path);
        }
    }
}

/// Whether a text looks like a policy document, a fragment or a resolver.
fn is_document(text: &str) -> bool {
    let mut roots = ["policies", "fragment"].into_iter().chain(DATA_SOURCES);
    roots.any(|root| text.contains(&format!("<{root}")))
}

/// The name of a text's root element: behind a declaration, comments and a document type.
fn root(text: &str) -> &str {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = match rest {
            _ if rest.starts_with("<!--") => "-->",
            _ if rest.starts_with("<?") || rest.starts_with("<!") => ">",
            _ => break,
        };
        let Some((_, behind)) = rest.split_once(end) else {
            return "";
        };
        rest = behind.trim_start();
    }
    let name = rest.strip_prefix('<').unwrap_or_default();
    let end = name.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'));
    name.get(..end.unwrap_or(name.len())).unwrap_or_default()
}

fn read(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > LARGEST {
        return Err(format!("it has {size} bytes, {LARGEST} are the most"));
    }
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Bare {
    /// Checks one document; what it names is added to `assumed`.
    pub fn check(&self, path: &Path, assumed: &mut Assumed) -> Loaded {
        let name = path.display().to_string();
        match read(path) {
            Ok(text) => self.check_text(&name, &text, assumed),
            Err(why) => {
                let mut diagnostics = Diagnostics::default();
                diagnostics.push(Diagnostic {
                    code: "TG0400",
                    severity: Severity::Error,
                    message: format!("{name} cannot be read: {why}"),
                    span: None,
                    label: String::new(),
                    help: Some(String::from(
                        "name a policy document, a configuration or a folder",
                    )),
                    related: Vec::new(),
                });
                loaded(Sources::default(), diagnostics)
            }
        }
    }

    /// Checks the text of a document.
    pub fn check_text(&self, name: &str, text: &str, assumed: &mut Assumed) -> Loaded {
        let mut text = text.to_owned();
        for (from, to) in &self.substitutes {
            text = text.replace(from, to);
        }
        let roots = ["policies", "fragment"].into_iter().chain(DATA_SOURCES);
        let root = nearest(root(&text), roots).unwrap_or_default();
        let places: &[Place] = match root {
            "fragment" => &[
                Place::Included("inbound"),
                Place::Included("backend"),
                Place::Included("outbound"),
                Place::Included("on-error"),
            ],
            _ if DATA_SOURCES.contains(&root) => &[Place::Resolver],
            _ => &[Place::Product, Place::Api, Place::Global],
        };
        // The place that suits it: where it has the fewest faults.
        let mut best = self.attempt(name, &text, places[0]);
        for place in &places[1..] {
            if best.errors() == 0 {
                break;
            }
            let attempt = self.attempt(name, &text, *place);
            if attempt.errors() < best.errors() {
                best = attempt;
            }
        }
        for (kind, name) in best.assumed {
            assumed.entry(kind).or_default().insert(name);
        }
        let sources = without_secrets(&best.diagnostics, best.sources);
        loaded(sources, best.diagnostics)
    }

    fn attempt(&self, name: &str, text: &str, place: Place) -> Attempt {
        attempt(name, text, place, &self.named_values, self.portable)
    }
}

fn loaded(sources: Sources, diagnostics: Diagnostics) -> Loaded {
    Loaded {
        snapshot: None,
        settings: Settings::default(),
        sources,
        diagnostics,
        files: Vec::new(),
        summary: Summary::default(),
        meters_models: false,
        definition: None,
    }
}

/// Where a document is tried: it does not say what it is of.
#[derive(Clone, Copy)]
enum Place {
    Product,
    Api,
    Global,
    /// In a section, as a fragment.
    Included(&'static str),
    /// As a resolver of a GraphQL API.
    Resolver,
}

struct Attempt {
    sources: Sources,
    diagnostics: Diagnostics,
    assumed: Vec<(&'static str, String)>,
}

impl Attempt {
    fn errors(&self) -> usize {
        let items = self.diagnostics.items().iter();
        items.filter(|d| d.severity == Severity::Error).count()
    }
}

fn attempt(
    name: &str,
    text: &str,
    place: Place,
    values: &BTreeMap<String, String>,
    portable: bool,
) -> Attempt {
    let mut sources = Sources::default();
    let text: Arc<str> = Arc::from(text);
    let file = sources.add(name, text.clone());
    let (text, tokens) = match pipeline_tokens(&text) {
        Some((replaced, tokens)) => (Arc::from(replaced), tokens),
        None => (text, Vec::new()),
    };
    let tokens: BTreeMap<String, String> = tokens
        .into_iter()
        .map(|(token, _)| (named_value_of_token(&token), token))
        .collect();
    let document = PolicyText {
        file,
        text: text.clone(),
    };
    let mut definition = Setup::default().definition;
    let mut assumed = named_values(&text, values, &tokens, &mut definition);
    match place {
        Place::Product => definition.products[0].policy = Some(document),
        Place::Api => definition.apis[0].policy = Some(document),
        Place::Global => definition.policy = Some(document),
        Place::Included(section) => {
            definition
                .fragments
                .insert(String::from(FRAGMENT), document);
            let all = format!(
                "<policies><{section}><include-fragment fragment-id=\"{FRAGMENT}\" /></{section}></policies>"
            );
            let file = sources.add("(a document that includes it)", all.as_str());
            definition.apis[0].policy = Some(PolicyText {
                file,
                text: Arc::from(all),
            });
        }
        Place::Resolver => {
            let schema = format!("type Query {{ {FRAGMENT}: String }}");
            let file = sources.add("(a schema that has the field)", schema.as_str());
            let schema = PolicyText {
                file,
                text: Arc::from(schema),
            };
            let api = &mut definition.apis[0];
            api.graphql = Some(Box::new(GraphQlDefinition {
                schema: Some(schema),
                resolvers: vec![ResolverDefinition {
                    span: None,
                    id: Arc::from(FRAGMENT),
                    type_name: Arc::from("Query"),
                    field: Arc::from(FRAGMENT),
                    policy: document,
                }],
            }));
        }
    }
    let mut found = Diagnostics::portable(portable);
    lint::check_bare(&definition, &mut found);
    snapshot::build(definition, &mut found);
    let mut diagnostics = Diagnostics::default();
    let mut items = found.items().to_vec();
    items.sort_by_key(|d| d.span.map(|span| (span.file, span.start)));
    for item in items {
        let missing = item.message.starts_with("there is no ") || item.code == NO_SUBSCRIPTION;
        let kind = REFERENCES
            .iter()
            .find(|(code, _)| missing && *code == item.code);
        match kind {
            Some((_, kind)) => assumed.push((*kind, named(&item))),
            None => diagnostics.push(item),
        }
    }
    Attempt {
        sources,
        diagnostics,
        assumed,
    }
}

/// A symmetric key of 64 zero bytes: made up where a document names one.
const KEY: &str =
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";

/// Connection strings that are made up where a document names one.
const SQL: &str = "Server=value.test;Database=value;User ID=value;Password=value";
const COSMOS: &str = "AccountEndpoint=https://value.test/;AccountKey=AAAA;";

/// The id under which a fragment is tried, and the field whose resolver is.
const FRAGMENT: &str = "document";

/// What a fault says is not there: what stands in its last code marks.
fn named(fault: &Diagnostic) -> String {
    let mut parts = fault.message.rsplit('`');
    parts.next();
    parts.next().unwrap_or_default().to_owned()
}

/// Gives a value to each named value that the text refers to, as the reader of documents tells: a token in a comment or
/// in a Liquid template refers to none. `tokens`: those of a pipeline, by the named values that stand for them.
fn named_values(
    text: &str,
    values: &BTreeMap<String, String>,
    tokens: &BTreeMap<String, String>,
    definition: &mut Definition,
) -> Vec<(&'static str, String)> {
    let mut assumed = Vec::new();
    for (name, token) in referred(text) {
        if definition.named_values.contains_key(name) {
            continue;
        }
        // A number fits most places; a base URL wants one, and so does a key.
        let stands_in = |places: &[&str]| {
            let mut places = places.iter();
            places.any(|place| text.contains(&format!("{place}{{{{{token}}}}}")))
        };
        let (kind, shown) = match tokens.get(name) {
            Some(token) => ("tokens of a pipeline", token.as_str()),
            None => ("named values", name),
        };
        let value = match values.get(shown) {
            Some(value) => value.as_str(),
            None if stands_in(&["base-url=\"", " url=\"", "<set-url>", "<set-url>@($\""]) => {
                "https://value.test"
            }
            None if stands_in(&["<key>"]) => KEY,
            None if is_connection(text, token) && root(text) == "sql-data-source" => SQL,
            None if is_connection(text, token) => COSMOS,
            None => "1",
        };
        let value = NamedValue {
            value: Secret::new(value),
            secret: false,
        };
        definition.named_values.insert(name.to_owned(), value);
        if !values.contains_key(shown) {
            assumed.push((kind, shown.to_owned()));
        }
    }
    assumed
}

/// Whether a named value is a connection string, all of it.
fn is_connection(text: &str, token: &str) -> bool {
    let mut elements = text.split("<connection-string").skip(1);
    elements.any(|element| {
        let content = element.split(['>', '<']).nth(1).unwrap_or_default();
        content.trim() == format!("{{{{{token}}}}}")
    })
}

/// The code of a named value that is not there.
const UNKNOWN_NAMED_VALUE: &str = "TG0121";

/// The named values that a text refers to: name, and what stands between the braces.
fn referred(text: &str) -> Vec<(&str, &str)> {
    let file = Sources::default().add("", "");
    let mut faults = Diagnostics::default();
    document::read(file, text, &document::NoNamedValues, &mut faults);
    let items = faults.items().iter();
    let mut unknown: Vec<_> = items
        .filter(|fault| fault.code == UNKNOWN_NAMED_VALUE)
        .filter_map(|fault| {
            let span = fault.span?;
            text.get(span.start as usize..span.end as usize)
        })
        .collect();
    let all = || {
        let after = text.split("{{").skip(1);
        after.filter_map(|rest| rest.split_once("}}").map(|(token, _)| token))
    };
    // A document with so many faults, or one that is not read to its end without its values: what looks like one is.
    let whole =
        faults.items().len() < document::MAX_FAULTS && faults.items().len() == unknown.len();
    if !whole {
        unknown = all().collect();
    }
    let inner = unknown.into_iter().map(|token| {
        let token = token.strip_prefix("{{").unwrap_or(token);
        token.strip_suffix("}}").unwrap_or(token)
    });
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    inner
        .map(|token| (token.trim(), token))
        .filter(|(inside, _)| inside.chars().all(name))
        .collect()
}
