//! What is tested: a configuration, and the fixtures beside it.
//!
//! Called by the command. What must stay true: the order of fixtures is that of their paths; what is walked is bounded.

use std::path::{Path, PathBuf};

/// How a fixture's name ends.
const SUFFIX: &str = "test";

/// How deep folders are looked into.
const DEEPEST: usize = 12;

/// A configuration and where its fixtures are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// The configuration file, or its folder.
    pub config: PathBuf,
    /// Fixtures, and folders that hold some.
    fixtures: Vec<PathBuf>,
}

impl Suite {
    /// From the command's arguments: a configuration (here, when left out), then fixtures or folders of them. When the
    /// first is a fixture, its configuration is looked for in the folders around it. Without fixtures, all that stand
    /// in the configuration's folder and below are meant.
    pub fn new(paths: &[PathBuf]) -> Suite {
        let is_fixture = |path: &PathBuf| path.extension().is_some_and(|e| e == SUFFIX);
        let (config, fixtures) = match paths {
            [first, ..] if is_fixture(first) => (around(first), paths),
            [config, fixtures @ ..] => (config.clone(), fixtures),
            [] => (PathBuf::from("."), paths),
        };
        let fixtures = match fixtures {
            [] if config.is_dir() => vec![config.clone()],
            [] => vec![folder_of(&config)],
            some => some.to_vec(),
        };
        Suite { config, fixtures }
    }

    /// The fixtures that there are now. The error names what is not there.
    pub fn find(&self) -> Result<Vec<PathBuf>, String> {
        let mut found = Vec::new();
        for path in &self.fixtures {
            if path.is_dir() {
                walk(path, 0, &mut found);
            } else if path.is_file() {
                found.push(path.clone());
            } else {
                return Err(format!("{} is not there", path.display()));
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The nearest folder around a fixture that holds a configuration, else its own.
fn around(fixture: &Path) -> PathBuf {
    let own = folder_of(fixture);
    let absolute = std::path::absolute(&own).unwrap_or_else(|_| own.clone());
    let mut shown = own.clone();
    for folder in absolute.ancestors() {
        // An APIOps folder has its APIs in folders of their own.
        if folder.join("tollgate.yaml").is_file() || folder.join("apis").is_dir() {
            return shown;
        }
        shown = match shown.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            // Above where the written path begins only the absolute one leads.
            _ => folder
                .parent()
                .map_or_else(|| own.clone(), Path::to_path_buf),
        };
    }
    own
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            let skipped = name.starts_with('.') || matches!(&*name, "node_modules" | "target");
            if !skipped && depth < DEEPEST {
                walk(&path, depth + 1, found);
            }
        } else if path.extension().is_some_and(|e| e == SUFFIX) {
            found.push(
                path.strip_prefix(".")
                    .map_or(path.clone(), Path::to_path_buf),
            );
        }
    }
}
