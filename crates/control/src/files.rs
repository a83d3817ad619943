//! The files of one load: read once, bounded, remembered for watching.
//!
//! Used by `load` and `define`. What must stay true: a fault of a file that cannot be read stands where its path is
//! written; secret texts never enter [`Sources`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tollgate_lang::{FileId, Sources};

/// Largest file that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// Why a file of another encoding cannot be read.
pub(crate) const NOT_UTF8: &str = "it is not UTF-8 text";

/// Most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// Where files come from.
#[derive(Clone, Debug, Default)]
pub enum FileSource {
    /// The disk.
    #[default]
    Disk,
    /// Texts in the program, by their path relative to the configuration's folder.
    Embedded(&'static [(&'static str, &'static str)]),
}

/// The files of one load.
pub(crate) struct Files<'a> {
    source: &'a FileSource,
    /// Folder of the configuration file: what paths in it are relative to.
    folder: PathBuf,
    pub(crate) sources: Sources,
    texts: HashMap<PathBuf, (FileId, Arc<str>)>,
    /// Every path that was asked for, also those that could not be read: a reload may help them.
    pub(crate) asked: Vec<PathBuf>,
}

impl<'a> Files<'a> {
    pub(crate) fn new(source: &'a FileSource, main: &Path) -> Files<'a> {
        Files {
            source,
            folder: main.parent().map(Path::to_path_buf).unwrap_or_default(),
            sources: Sources::default(),
            texts: HashMap::new(),
            asked: Vec::new(),
        }
    }

    /// A path of the configuration file, as the process can open it.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path.trim())
    }

    /// The same of a path.
    pub(crate) fn resolved(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// What a folder holds, sorted: names, and whether each is a folder. Nothing for one that cannot be read. A change
    /// of the folder is a change of the configuration.
    pub(crate) fn list(&mut self, path: &Path) -> Vec<(String, bool)> {
        let mut names: Vec<(String, bool)> = match self.source {
            FileSource::Embedded(files) => files
                .iter()
                .filter_map(|(name, _)| Path::new(name).strip_prefix(path).ok())
                .filter_map(|rest| {
                    let mut parts = rest.components();
                    let name = parts.next()?.as_os_str().to_str()?.to_owned();
                    Some((name, parts.next().is_some()))
                })
                .collect(),
            FileSource::Disk => {
                if !self.asked.iter().any(|p| p == path) {
                    self.asked.push(path.to_path_buf());
                }
                let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
                entries
                    .filter_map(|entry| {
                        let name = entry.file_name().into_string().ok()?;
                        Some((name, entry.path().is_dir()))
                    })
                    .take(MOST_ENTRIES)
                    .collect()
            }
        };
        names.sort();
        names.dedup();
        names
    }

    /// A text file that diagnostics may show. The error says why it cannot be read.
    pub(crate) fn text(&mut self, path: &Path) -> Result<(FileId, Arc<str>), String> {
        if let Some((id, text)) = self.texts.get(path) {
            return Ok((*id, text.clone()));
        }
        let text: Arc<str> = Arc::from(self.read(path)?);
        let id = self
            .sources
            .add(path.display().to_string().as_str(), text.clone());
        self.texts.insert(path.to_path_buf(), (id, text.clone()));
        Ok((id, text))
    }

    /// Whether any text that was read has `what` in it.
    pub(crate) fn mention(&self, what: &str) -> bool {
        self.texts.values().any(|(_, text)| text.contains(what))
    }

    /// Notes a file that somebody else reads: a change of it is a change of the configuration.
    pub(crate) fn watch(&mut self, path: &Path) {
        if !self.asked.iter().any(|p| p == path) {
            self.asked.push(path.to_path_buf());
        }
    }

    /// A file that diagnostics never show: a secret, a key, a certificate.
    pub(crate) fn read(&mut self, path: &Path) -> Result<String, String> {
        let bytes = self.read_bytes(path)?;
        String::from_utf8(bytes).map_err(|_| String::from(NOT_UTF8))
    }

    /// The same of a file that is no text.
    pub(crate) fn read_bytes(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        if !self.asked.iter().any(|p| p == path) {
            self.asked.push(path.to_path_buf());
        }
        if let FileSource::Embedded(files) = self.source {
            return files
                .iter()
                .find(|(name, _)| Path::new(name) == path)
                .map(|(_, text)| text.as_bytes().to_vec())
                .ok_or_else(|| String::from("no such file"));
        }
        let about = std::fs::metadata(path).map_err(|e| reason(&e))?;
        if about.is_dir() {
            return Err(String::from("it is a folder"));
        }
        if about.len() > LARGEST {
            return Err(format!("it is larger than {} MiB", LARGEST >> 20));
        }
        std::fs::read(path).map_err(|e| reason(&e))
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => String::from("no such file"),
        std::io::ErrorKind::PermissionDenied => String::from("permission denied"),
        _ => error.to_string(),
    }
}
