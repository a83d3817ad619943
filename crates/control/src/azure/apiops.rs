//! An APIOps folder (Azure/apiops, extractor): its files to resources.
//!
//! Layout: `apis/{api}/apiInformation.json` and so on, a `policy.xml` beside what it is of, a `specification.*` beside
//! the API. Names of folders are read with and without blanks; associations also as the lists that older releases
//! wrote. What must stay true: a file that is not understood is a fault with a place, one that has no effect a note.

use super::overrides;
use super::tree::{mapping, text};
use super::{Note, Resource, joined::Joined, tokens};
use crate::files::Files;
use crate::load::Environment;
use crate::yaml::{self, Kind, Node, Place};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tollgate_lang::{Diagnostic, Diagnostics};

/// What a folder holds.
pub(crate) struct Folder {
    pub(crate) resources: Vec<Resource>,
    pub(crate) notes: Vec<Note>,
}

/// The folders of a service or a workspace, without blanks and in lower case, and the kinds of what is in them.
const FOLDERS: [(&str, &str); 16] = [
    ("apis", "apis"),
    ("backends", "backends"),
    ("namedvalues", "namedvalues"),
    ("policyfragments", "policyfragments"),
    ("products", "products"),
    ("subscriptions", "subscriptions"),
    ("versionsets", "apiversionsets"),
    ("apiversionsets", "apiversionsets"),
    ("loggers", "loggers"),
    ("diagnostics", "diagnostics"),
    ("groups", "groups"),
    ("gateways", "gateways"),
    ("tags", "tags"),
    ("caches", "caches"),
    ("schemas", "schemas"),
    ("certificates", "certificates"),
];

/// The folders below a resource.
const INNER: [&str; 11] = [
    "operations",
    "resolvers",
    "diagnostics",
    "releases",
    "schemas",
    "tags",
    "apis",
    "groups",
    "products",
    "tools",
    "users",
];

/// Whether a folder is one: it has one of the folders, with a resource in it that APIOps has written.
pub fn is_folder(path: &Path) -> bool {
    let folders = |path: &Path| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
    };
    let name = |path: &Path| plain(&path.file_name().unwrap_or_default().to_string_lossy());
    let written = |path: PathBuf| {
        let files = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut names = files.map(|file| name(&file.path()));
        names.any(|name| {
            name.ends_with("information.json") || name == "policy.xml" || name == "operations"
        })
    };
    folders(path).any(|folder| {
        let plain = name(&folder);
        plain == "workspaces" && folders(&folder).any(|inner| is_folder(&inner))
            || FOLDERS.iter().any(|(known, _)| *known == plain) && folders(&folder).any(written)
    })
}

fn plain(name: &str) -> String {
    name.replace(' ', "").to_ascii_lowercase()
}

/// Reads a folder. `written`: its path as paths in the configuration are written.
pub(crate) fn read(
    written: &Path,
    overrides: Option<&Path>,
    files: &mut Files<'_>,
    joined: &mut Joined,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Folder {
    let mut reader = Reader {
        files,
        joined,
        environment,
        diagnostics,
        number: 0,
        folder: Folder {
            resources: Vec::new(),
            notes: Vec::new(),
        },
    };
    reader.space(written, None);
    if let Some(path) = overrides
        && let Some(tree) = reader.tree(path)
    {
        overrides::apply(&tree, &mut reader.folder);
    }
    reader.folder
}

struct Reader<'a, 'f> {
    files: &'a mut Files<'f>,
    joined: &'a mut Joined,
    environment: &'a Environment,
    diagnostics: &'a mut Diagnostics,
    number: u32,
    folder: Folder,
}

impl Reader<'_, '_> {
    /// The service, or a workspace.
    fn space(&mut self, path: &Path, workspace: Option<&str>) {
        for (name, is_folder) in self.files.list(&self.files.resolved(path)) {
            let inner = path.join(&name);
            let plain = plain(&name);
            if !is_folder {
                if plain == "policy.xml" {
                    let names = vec![String::from("policy")];
                    self.policy(&inner, workspace, "policies", names);
                }
                continue;
            }
            if plain == "workspaces" && workspace.is_none() {
                for id in self.folders(&inner) {
                    let path = inner.join(&id);
                    self.resource(&path, None, "workspaces", vec![id.clone()], false);
                    self.space(&path, Some(&id));
                }
                continue;
            }
            let kind = FOLDERS.iter().find(|(folder, _)| *folder == plain);
            if let Some((_, kind)) = kind {
                for id in self.folders(&inner) {
                    self.resource(&inner.join(&id), workspace, kind, vec![id], true);
                }
            } else if !name.starts_with('.') {
                let place = self.place(&inner);
                self.folder
                    .notes
                    .push(Note::new(place, format!("folder `{name}` has no effect")));
            }
        }
    }

    /// A resource's folder: its information, its policy, its specification, and what is in it.
    fn resource(
        &mut self,
        path: &Path,
        workspace: Option<&str>,
        kind: &str,
        names: Vec<String>,
        descend: bool,
    ) {
        let entries = self.files.list(&self.files.resolved(path));
        let information = entries.iter().find(|(name, is_folder)| {
            let name = name.to_ascii_lowercase();
            !is_folder && name.ends_with("information.json")
        });
        // An operation's folder has only its policy: the operation is in the specification.
        if let Some((file, _)) = information
            && kind != "policyfragments"
        {
            self.information(&path.join(file), workspace, kind, names.clone());
        }
        for (name, is_folder) in &entries {
            let inner = path.join(name);
            let lower = name.to_ascii_lowercase();
            if *is_folder {
                let plain = plain(name);
                if descend && INNER.contains(&&*plain) {
                    for id in self.folders(&inner) {
                        let mut names = names.clone();
                        names.push(id.clone());
                        let kind = format!("{kind}/{plain}");
                        self.resource(&inner.join(&id), workspace, &kind, names, true);
                    }
                }
            } else if lower == "policy.xml" {
                let file = information.map(|(file, _)| path.join(file));
                if kind == "policyfragments" {
                    self.fragment(&inner, file.as_deref(), workspace, names.clone());
                } else if descend {
                    let mut names = names.clone();
                    names.push(String::from("policy"));
                    self.policy(&inner, workspace, &format!("{kind}/policies"), names);
                }
            } else if kind == "apis" && lower.starts_with("specification.") {
                let mut names = names.clone();
                names.push(name.clone());
                self.policy(&inner, workspace, "apis/specification", names);
            } else if matches!(&*lower, "apis.json" | "groups.json" | "tags.json") {
                self.association(
                    &inner,
                    lower.trim_end_matches(".json"),
                    workspace,
                    kind,
                    &names,
                );
            }
        }
    }

    fn information(
        &mut self,
        path: &Path,
        workspace: Option<&str>,
        kind: &str,
        names: Vec<String>,
    ) {
        let Some(mut tree) = self.tree(path) else {
            return;
        };
        let place = tree.place;
        let properties = tree.take("properties").unwrap_or_else(|| mapping(place));
        let properties = match properties.kind {
            Kind::Mapping(_) => properties,
            _ => mapping(place),
        };
        self.folder.resources.push(Resource {
            workspace: workspace.map(str::to_owned),
            kind: kind.to_owned(),
            names,
            properties,
            place,
        });
    }

    /// A document beside what it is of.
    fn policy(&mut self, path: &Path, workspace: Option<&str>, kind: &str, names: Vec<String>) {
        let place = self.place(path);
        let mut properties = mapping(place);
        properties.set("value", text(path.display().to_string(), place));
        self.folder.resources.push(Resource {
            workspace: workspace.map(str::to_owned),
            kind: kind.to_owned(),
            names,
            properties,
            place,
        });
    }

    fn fragment(
        &mut self,
        path: &Path,
        information: Option<&Path>,
        workspace: Option<&str>,
        names: Vec<String>,
    ) {
        self.policy(path, workspace, "policyfragments", names);
        let tree = information.and_then(|file| self.tree(file));
        let described = tree.and_then(|mut tree| tree.take("properties")?.take("description"));
        if let (Some(text), Some(resource)) = (described, self.folder.resources.last_mut()) {
            resource.properties.set("description", text);
        }
    }

    /// A list of names, as older releases wrote associations.
    fn association(
        &mut self,
        path: &Path,
        what: &str,
        workspace: Option<&str>,
        kind: &str,
        names: &[String],
    ) {
        let Some(tree) = self.tree(path) else {
            return;
        };
        for item in tree.items() {
            let name = item.text().or_else(|| item.property_text("name"));
            let Some(name) = name else {
                continue;
            };
            let mut names = names.to_vec();
            names.push(name.to_owned());
            self.folder.resources.push(Resource {
                workspace: workspace.map(str::to_owned),
                kind: format!("{kind}/{what}"),
                names,
                properties: mapping(item.place),
                place: item.place,
            });
        }
    }

    /// Names of the folders in a folder.
    fn folders(&mut self, path: &Path) -> Vec<String> {
        let entries = self.files.list(&self.files.resolved(path));
        let folders = entries.into_iter().filter(|(_, is_folder)| *is_folder);
        folders.map(|(name, _)| name).collect()
    }

    /// A JSON or YAML file as a tree whose places are those of the whole.
    fn tree(&mut self, path: &Path) -> Option<Node> {
        let path = self.files.resolved(path);
        let (file, content) = match self.files.text(&path) {
            Ok(found) => found,
            Err(why) => {
                self.unreadable(&path, &why);
                return None;
            }
        };
        // Some editors begin JSON with a byte order mark.
        let mut tree = yaml::parse(file, &content, self.diagnostics)?;
        let Some(base) = self.joined.add(file, &content) else {
            self.unreadable(&path, "the folder is too large");
            return None;
        };
        tree.shift(base, &mut self.number);
        let environment = self.environment;
        let mut missing = BTreeSet::new();
        tree.texts(&mut |text| missing.extend(tokens::replace(text, environment)));
        for name in missing {
            let why = format!("`{{#[{name}]#}}` stays as it is: the environment has no `{name}`");
            self.folder.notes.push(Note::new(tree.place, why));
        }
        Some(tree)
    }

    /// A place for what is no JSON: the whole of the file is meant.
    fn place(&mut self, path: &Path) -> Place {
        let name = self.files.resolved(path).display().to_string();
        let file = self.files.sources.add(name, "");
        let start = self.joined.add(file, "").unwrap_or_default();
        Place { start, end: start }
    }

    fn unreadable(&mut self, path: &Path, why: &str) {
        self.diagnostics.push(Diagnostic {
            code: "TG0400",
            severity: tollgate_lang::Severity::Error,
            message: format!("{} cannot be read: {why}", path.display()),
            span: None,
            label: String::new(),
            help: None,
            related: Vec::new(),
        });
    }
}
