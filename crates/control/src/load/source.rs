//! What a configuration is read from: a `tollgate.yaml`, an APIOps folder, or both together, as one tree.
//!
//! What must stay true: a place in the tree leads back to the file that it was written in.

use super::Options;
use crate::azure::apiops;
use crate::azure::convert::{Manner, convert};
use crate::azure::joined::Joined;
use crate::files::{FileSource, Files};
use crate::yaml::{self, Kind, Node, Place};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tollgate_lang::{Diagnostic, Diagnostics, FileId, Span};

/// The tree and where it comes from.
pub(super) struct Source {
    /// The file that places of the tree are of: the configuration file, or a text that joins all files.
    pub(super) file: FileId,
    /// Its text.
    pub(super) text: Arc<str>,
    /// `None`: it is not YAML.
    pub(super) root: Option<Node>,
    /// How its places lead to files.
    pub(super) outer: Outer,
}

/// Where places of the tree are in files that the user has.
#[derive(Clone)]
pub(super) struct Outer {
    file: FileId,
    /// The files of a joined text.
    joined: Option<Joined>,
}

impl Outer {
    /// A place of the tree.
    pub(super) fn place(&self, place: Place) -> Span {
        let outer = self.joined.as_ref().and_then(|joined| joined.of(place));
        outer.unwrap_or(Span {
            file: self.file,
            start: place.start,
            end: place.end,
        })
    }

    /// A span, which may be one of the tree.
    pub(super) fn span(&self, span: Span) -> Span {
        if span.file != self.file {
            return span;
        }
        self.place(Place {
            start: span.start,
            end: span.end,
        })
    }

    /// A diagnostic.
    pub(super) fn diagnostic(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.span = diagnostic.span.map(|span| self.span(span));
        for (span, _) in &mut diagnostic.related {
            *span = self.span(*span);
        }
        diagnostic
    }

    /// The text that no user has, if there is one.
    pub(super) fn hidden(&self) -> Option<FileId> {
        self.joined.is_some().then_some(self.file)
    }
}

/// The configuration file that a path means.
pub(super) fn main_file(path: &Path, options: &Options) -> PathBuf {
    if matches!(options.files, FileSource::Disk) && path.is_dir() {
        path.join("tollgate.yaml")
    } else {
        path.to_path_buf()
    }
}

/// Reads all of it. `main`: the configuration file that `path` means. The error says why that cannot be read.
pub(super) fn read(
    path: &Path,
    main: &Path,
    options: &Options,
    files: &mut Files<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Source, String> {
    let is_folder = matches!(options.files, FileSource::Disk) && apiops::is_folder(path);
    let (file, text) = match files.text(main) {
        Ok(found) => found,
        // A folder needs none.
        Err(_) if is_folder && !main.exists() => {
            let text: Arc<str> = Arc::from("");
            let name = path.display().to_string();
            (files.sources.add(name, text.clone()), text)
        }
        Err(why) => return Err(why),
    };
    let root = yaml::parse(file, &text, diagnostics);
    let apiops = root.as_ref().and_then(|root| root.get("apiops"));
    let named = |name: &str| {
        let value = apiops.and_then(|apiops| apiops.get(name));
        value.and_then(Node::text).map(PathBuf::from)
    };
    let folder = if is_folder {
        Some(PathBuf::new())
    } else {
        named("folder")
    };
    let overrides = match &options.overrides {
        Some(path) => std::path::absolute(path).ok(),
        None => named("overrides"),
    };
    let (Some(folder), Some(root)) = (&folder, root.as_ref().map(Node::copy)) else {
        return Ok(Source {
            file,
            text,
            root,
            outer: Outer { file, joined: None },
        });
    };
    let mut joined = Joined::default();
    let (root, notes) = with_folder(
        (file, &text, root),
        (folder, overrides.as_deref()),
        options,
        files,
        &mut joined,
        diagnostics,
    );
    let name = path.display().to_string();
    let text: Arc<str> = Arc::from(joined.take_text());
    let file = files.sources.add(name, text.clone());
    for (place, message) in notes {
        let span = Span {
            file,
            start: place.start,
            end: place.end,
        };
        diagnostics.push(Diagnostic::warning("TG0412", span, message));
    }
    Ok(Source {
        file,
        text,
        root: Some(root),
        outer: Outer {
            file,
            joined: Some(joined),
        },
    })
}

/// The tree of the configuration file and of the folder together, and what of the folder has no effect.
fn with_folder(
    (file, text, mut root): (FileId, &str, Node),
    (folder, overrides): (&Path, Option<&Path>),
    options: &Options,
    files: &mut Files<'_>,
    joined: &mut Joined,
    diagnostics: &mut Diagnostics,
) -> (Node, Vec<(Place, String)>) {
    let mut number = 0;
    let base = joined.add(file, text).unwrap_or_default();
    root.shift(base, &mut number);
    let found = apiops::read(
        folder,
        overrides,
        files,
        joined,
        &options.environment,
        diagnostics,
    );
    let manner = Manner {
        environment: &options.environment,
        import: false,
        tls: has_tls(&root),
        stand_ins: options.missing_secrets,
    };
    let converted = convert(found.resources, &manner);
    let mut notes = found.notes;
    notes.extend(converted.notes);
    if let Kind::Mapping(entries) = converted.root.kind {
        for (key, value) in entries {
            add(&mut root, &key.text, value);
        }
    }
    // All nodes have numbers of their own again.
    root.shift(0, &mut 0);
    let notes = notes.into_iter().map(|note| (note.place, note.message));
    (root, notes.collect())
}

/// Adds what the folder has to what the configuration file has. Of what there is only one of, that of the file counts.
fn add(root: &mut Node, name: &str, value: Node) {
    if let Kind::Mapping(entries) = &mut root.kind
        && let Some((_, own)) = entries.iter_mut().find(|(key, _)| key.text == name)
    {
        if let (Kind::Sequence(own), Kind::Sequence(more)) = (&mut own.kind, value.kind) {
            own.extend(more);
        }
        return;
    }
    root.set(name, value);
}

/// Whether a listener has TLS.
fn has_tls(root: &Node) -> bool {
    let listen = root
        .get("gateway")
        .and_then(|gateway| gateway.get("listen"));
    let listeners = listen.map(Node::items).unwrap_or_default();
    listeners
        .iter()
        .any(|listener| listener.get("tls").is_some())
}
