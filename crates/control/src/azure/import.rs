//! `tollgate import azure`: an ARM template, what Bicep builds, or an APIOps folder as a `tollgate.yaml` with files beside it.
//!
//! Called by the binary, which writes the files. What must stay true: nothing of the source is lost without a line that
//! says what and why; no secret is written.

use super::convert::{Manner, convert};
use super::joined::Joined;
use super::tree::text;
use super::{Note, Resource, apiops, arm, write};
use crate::files::Files;
use crate::load::Options;
use crate::yaml::{self, Kind, Node};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tollgate_lang::{Diagnostic, Diagnostics, Severity, Sources, Span};

/// What an import made.
pub struct Imported {
    /// The files to write: `tollgate.yaml` first, paths relative to it.
    pub files: Vec<(PathBuf, String)>,
    /// What could not be read, and as warnings what did not carry over and why.
    pub diagnostics: Diagnostics,
    /// The texts that they point into.
    pub sources: Sources,
    /// The environment variables that the configuration needs.
    pub variables: BTreeSet<String>,
}

/// Reads a template or an APIOps folder. `parameters`: a template's parameters file.
pub fn import(source: &Path, parameters: Option<&Path>, options: &Options) -> Imported {
    let main = source.join("tollgate.yaml");
    let main = if source.is_dir() { &main } else { source };
    let mut files = Files::new(&options.files, main);
    let mut joined = Joined::default();
    let mut diagnostics = Diagnostics::default();
    let (resources, mut notes) = if source.is_dir() {
        let folder = apiops::read(
            Path::new(""),
            options.overrides.as_deref(),
            &mut files,
            &mut joined,
            &options.environment,
            &mut diagnostics,
        );
        (folder.resources, folder.notes)
    } else {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut tree =
            |path: &Path| json(&absolute(path), &mut files, &mut joined, &mut diagnostics);
        let parameters = parameters.and_then(&mut tree);
        match tree(source) {
            Some(root) => template(&root, parameters.as_ref(), &mut diagnostics, &joined),
            None => (Vec::new(), Vec::new()),
        }
    };
    let manner = Manner {
        environment: &options.environment,
        import: true,
        tls: false,
        stand_ins: false,
    };
    let converted = convert(resources, &manner);
    notes.extend(converted.notes);
    let mut root = converted.root;
    let mut writer = Writer {
        files: &mut files,
        written: Vec::new(),
        paths: BTreeSet::new(),
        notes: Vec::new(),
    };
    writer.space(&mut root, "");
    let (written, more) = (writer.written, writer.notes);
    notes.extend(more);
    for note in notes {
        diagnostics.push(Diagnostic {
            code: "TG0413",
            severity: Severity::Warning,
            message: note.message,
            span: joined.of(note.place),
            label: String::new(),
            help: None,
            related: Vec::new(),
        });
    }
    let mut variables = BTreeSet::new();
    needed(&root, &mut variables);
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let head = format!("# Written by `tollgate import azure` from {name}.\n");
    let mut all = vec![(
        PathBuf::from("tollgate.yaml"),
        write::document(&root, &head),
    )];
    all.extend(written);
    Imported {
        files: all,
        diagnostics,
        sources: files.sources,
        variables,
    }
}

/// A JSON file as a tree whose places are those of the whole.
fn json(
    path: &Path,
    files: &mut Files<'_>,
    joined: &mut Joined,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let read = files.text(path).and_then(|(file, content)| {
        let base = joined.add(file, &content);
        Ok((file, content, base.ok_or("it is too large")?))
    });
    match read {
        Ok((file, content, base)) => {
            let mut tree = yaml::parse(file, &content, diagnostics)?;
            tree.shift(base, &mut 0);
            Some(tree)
        }
        Err(why) => {
            diagnostics.push(Diagnostic {
                code: "TG0400",
                severity: Severity::Error,
                message: format!("{} cannot be read: {why}", path.display()),
                span: None,
                label: String::new(),
                help: Some(String::from("name an ARM template, or an APIOps folder")),
                related: Vec::new(),
            });
            None
        }
    }
}

fn template(
    root: &Node,
    parameters: Option<&Node>,
    diagnostics: &mut Diagnostics,
    joined: &Joined,
) -> (Vec<Resource>, Vec<Note>) {
    if !arm::is_template(root) {
        let span = joined.of(root.place).unwrap_or(Span {
            file: tollgate_lang::FileId(0),
            start: 0,
            end: 0,
        });
        diagnostics.push(
            Diagnostic::error("TG0414", span, "this is no ARM template")
                .label("expected an object with `resources`")
                .help("build Bicep first: `bicep build main.bicep`"),
        );
        return (Vec::new(), Vec::new());
    }
    let template = arm::read(root, parameters);
    (template.resources, template.notes)
}

/// The variables that a tree refers to.
fn needed(node: &Node, variables: &mut BTreeSet<String>) {
    if let Some(name) = node.get("env").and_then(Node::text) {
        variables.insert(name.to_owned());
    }
    for item in node.items() {
        needed(item, variables);
    }
    for (_, value) in node.entries() {
        needed(value, variables);
    }
}

/// Moves documents and specifications into files of their own.
struct Writer<'a, 'f> {
    files: &'a mut Files<'f>,
    written: Vec<(PathBuf, String)>,
    paths: BTreeSet<String>,
    notes: Vec<Note>,
}

impl Writer<'_, '_> {
    /// The service, or a workspace, whose files go below `folder`.
    fn space(&mut self, root: &mut Node, folder: &str) {
        self.policy(root, &format!("{folder}policies/global"));
        each(root, "policyFragments", |item, id| {
            self.policy(item, &format!("{folder}policies/fragments/{id}"));
        });
        each(root, "products", |item, id| {
            self.policy(item, &format!("{folder}policies/products/{id}"));
        });
        each(root, "apis", |item, id| {
            self.policy(item, &format!("{folder}policies/apis/{id}"));
            self.specification(item, &format!("{folder}specifications/{id}"));
            each(item, "schemas", |schema, name| {
                self.schema(schema, &format!("{folder}schemas/{id}/{name}"));
            });
            each(item, "resolvers", |resolver, name| {
                self.policy(resolver, &format!("{folder}policies/apis/{id}/{name}"));
            });
            each(item, "operations", |operation, name| {
                self.policy(operation, &format!("{folder}policies/apis/{id}/{name}"));
            });
        });
        each(root, "schemas", |item, id| {
            self.schema(item, &format!("{folder}schemas/{id}"));
        });
        each(root, "workspaces", |item, id| {
            self.space(item, &format!("workspaces/{id}/"));
        });
    }

    fn policy(&mut self, item: &mut Node, path: &str) {
        let Some(value) = item.property("policy") else {
            return;
        };
        let place = value.place;
        let written = value.text().unwrap_or_default().to_owned();
        let trimmed = written.trim_start();
        let document = if trimmed.starts_with('<') || trimmed.starts_with("&lt;") {
            format!("{}\n", written.trim())
        } else {
            match self.files.read(&self.files.resolve(&written)) {
                Ok(document) => document,
                Err(why) => {
                    let why = format!("{written} cannot be read: {why}");
                    self.notes.push(Note::new(place, why));
                    item.take("policy");
                    return;
                }
            }
        };
        let path = self.path(path, "xml");
        item.set("policy", text(path.clone(), place));
        self.written.push((PathBuf::from(path), document));
    }

    fn specification(&mut self, item: &mut Node, path: &str) {
        let Some(value) = item.property("specification") else {
            return;
        };
        let place = value.place;
        // An object, as some templates have it, or a text, or the path of a file.
        let written = match value.text() {
            Some(text) => text.to_owned(),
            None => serde_json::to_string_pretty(&value.json()).unwrap_or_default(),
        };
        let inline = written.contains('\n') || written.contains('{');
        let content = if inline {
            written
        } else {
            match self.files.read(&self.files.resolve(&written)) {
                Ok(content) => content,
                Err(why) => {
                    let why = format!("{written} cannot be read: {why}");
                    self.notes.push(Note::new(place, why));
                    item.take("specification");
                    return;
                }
            }
        };
        let ending = match () {
            () if item.property_text("type") == Some("graphql") => "graphql",
            () if content.trim_start().starts_with('{') => "json",
            () => "yaml",
        };
        let path = self.path(path, ending);
        item.set("specification", text(path.clone(), place));
        self.written.push((PathBuf::from(path), content));
    }

    /// A schema: a text, or an object.
    fn schema(&mut self, item: &mut Node, path: &str) {
        let (name, content) = match (item.property("value"), item.property("document")) {
            (Some(value), _) => ("value", value.text().map(str::to_owned)),
            (None, Some(object)) => (
                "document",
                serde_json::to_string_pretty(&object.json()).ok(),
            ),
            (None, None) => return,
        };
        let Some((content, value)) = content.zip(item.take(name)) else {
            return;
        };
        let xml = content.trim_start().starts_with('<');
        let path = self.path(path, if xml { "xsd" } else { "json" });
        item.set("value", text(path.clone(), value.place));
        self.written.push((PathBuf::from(path), content));
    }

    /// A path that no other file has.
    fn path(&mut self, path: &str, ending: &str) -> String {
        let mut name = format!("{path}.{ending}");
        let mut number = 2;
        while !self.paths.insert(name.to_ascii_lowercase()) {
            name = format!("{path}-{number}.{ending}");
            number += 1;
        }
        name
    }
}

/// Calls `work` for each item of a list, with its id as a name of a file.
fn each(node: &mut Node, name: &str, mut work: impl FnMut(&mut Node, &str)) {
    let Kind::Mapping(entries) = &mut node.kind else {
        return;
    };
    let Some((_, list)) = entries.iter_mut().find(|(key, _)| key.text == name) else {
        return;
    };
    if let Kind::Sequence(items) = &mut list.kind {
        for item in items {
            let id = file_name(item.property_text("id").unwrap_or_default());
            work(item, &id);
        }
    }
}

/// An id as part of a path.
fn file_name(id: &str) -> String {
    let id = id.replace(";rev=", ".rev");
    let name: String = id
        .chars()
        .map(|c| match c {
            c if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') => c,
            _ => '-',
        })
        .collect();
    let name = name.trim_matches('.');
    String::from(if name.is_empty() { "item" } else { name })
}
