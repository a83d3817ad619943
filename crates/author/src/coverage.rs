//! Which steps and branches of the configuration's documents ran.
//!
//! Steps are policies, branches are `when` and `otherwise`. What must stay true: every step and branch that there is
//! counts, run or not; a fragment's count once, however often it is included.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollgate_engine::Snapshot;
use tollgate_engine::exchange::Exchange;
use tollgate_engine::fixture::Watch;
use tollgate_engine::probe::{Event, Probe};
use tollgate_lang::{FileId, Span};

/// What ran.
#[derive(Debug, Default)]
struct Seen {
    places: BTreeMap<(FileId, u32), u64>,
    files: BTreeSet<FileId>,
}

/// Counts what runs, on one thread. Its clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hits(Arc<Mutex<Seen>>);

impl Hits {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hit(&self, place: Span) {
        let mut seen = self.seen();
        *seen.places.entry((place.file, place.start)).or_default() += 1;
        seen.files.insert(place.file);
    }

    /// The files that ran since the last call.
    pub(crate) fn take_files(&self) -> BTreeSet<FileId> {
        std::mem::take(&mut self.seen().files)
    }

    pub(crate) fn add(&self, other: &Hits) {
        let mut seen = self.seen();
        for (place, count) in &other.seen().places {
            *seen.places.entry(*place).or_default() += count;
        }
    }

    /// Makes what watches a request.
    pub(crate) fn watch(&self) -> Watch {
        let hits = self.clone();
        Watch(Arc::new(move || Rc::new(hits.clone())))
    }
}

impl Probe for Hits {
    fn tell(&self, _rq: &Exchange, event: &Event<'_>) {
        match event {
            Event::StepBegins(step) => self.hit(step.place),
            Event::BranchBegins(branch) => self.hit(branch.place),
            Event::SectionBegins(part) => {
                if let Some(place) = part.code.place {
                    self.seen().files.insert(place.file);
                }
            }
            _ => {}
        }
    }
}

/// A step or a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Line in the document's file, from 1.
    pub line: usize,
    /// Element name.
    pub name: String,
    /// Whether it is a branch and not a step.
    pub branch: bool,
    /// How often it ran.
    pub hits: u64,
}

/// The coverage of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Its path as the configuration names it.
    pub name: String,
    /// Its steps and branches in document order.
    pub parts: Vec<Part>,
}

/// The coverage of all documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Files with steps or branches, by name.
    pub files: Vec<File>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio {
    /// How many ran.
    pub covered: usize,
    /// How many there are.
    pub all: usize,
}

impl Ratio {
    /// In percent; of nothing, all is covered.
    pub fn percent(self) -> f64 {
        if self.all == 0 {
            return 100.0;
        }
        self.covered as f64 * 100.0 / self.all as f64
    }
}

impl File {
    /// How many of its parts ran.
    pub fn ratio(&self, branches: Option<bool>) -> Ratio {
        let wanted = |p: &&Part| branches.is_none_or(|b| p.branch == b);
        Ratio {
            covered: self
                .parts
                .iter()
                .filter(wanted)
                .filter(|p| p.hits > 0)
                .count(),
            all: self.parts.iter().filter(wanted).count(),
        }
    }

    /// Lines with something that did not run, in ranges: `3, 7-9`.
    pub fn uncovered(&self) -> String {
        let lines: BTreeSet<usize> = self
            .parts
            .iter()
            .filter(|p| p.hits == 0)
            .map(|p| p.line)
            .collect();
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for line in lines {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == line => *last = line,
                _ => ranges.push((line, line)),
            }
        }
        let shown = ranges.iter().map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        });
        shown.collect::<Vec<_>>().join(", ")
    }
}

impl Coverage {
    /// What ran of a snapshot's documents.
    pub(crate) fn of(snapshot: &Snapshot, hits: &Hits) -> Coverage {
        let hits = hits.seen();
        let mut files: BTreeMap<String, BTreeMap<(usize, usize, bool), Part>> = BTreeMap::new();
        for place in snapshot.places.iter() {
            let Some(position) = snapshot.texts.position(place.span) else {
                // The gateway's own default document.
                continue;
            };
            let key = (place.span.file, place.span.start);
            let part = Part {
                line: position.line,
                name: place.name.to_string(),
                branch: place.branch,
                hits: hits.places.get(&key).copied().unwrap_or(0),
            };
            let parts = files.entry(position.file.to_string()).or_default();
            parts.insert((position.line, position.column, place.branch), part);
        }
        Coverage {
            files: files
                .into_iter()
                .map(|(name, parts)| File {
                    name,
                    parts: parts.into_values().collect(),
                })
                .collect(),
        }
    }

    /// How much of all documents ran.
    pub fn ratio(&self) -> Ratio {
        self.files.iter().fold(Ratio::default(), |sum, file| {
            let ratio = file.ratio(None);
            Ratio {
                covered: sum.covered + ratio.covered,
                all: sum.all + ratio.all,
            }
        })
    }

    /// A table for people.
    pub fn text(&self) -> String {
        let width = self.files.iter().map(|f| f.name.len()).max().unwrap_or(0);
        let width = width.max("document".len());
        let mut out = format!(
            "{:<width$}  {:>9}  {:>9}  {:>6}  uncovered lines\n",
            "document", "steps", "branches", "%"
        );
        let shown = |r: Ratio| format!("{}/{}", r.covered, r.all);
        for file in &self.files {
            let (steps, branches) = (file.ratio(Some(false)), file.ratio(Some(true)));
            let percent = file.ratio(None).percent();
            let line = format!(
                "{:<width$}  {:>9}  {:>9}  {percent:>6.1}  {}",
                file.name,
                shown(steps),
                shown(branches),
                file.uncovered()
            );
            let _ = writeln!(out, "{}", line.trim_end());
        }
        let all = self.ratio();
        let (covered, of) = (all.covered, all.all);
        let _ = writeln!(
            out,
            "coverage {:.1} % ({covered} of {of} steps and branches)",
            all.percent()
        );
        out
    }

    /// As `lcov` and editors read it: steps as lines, `when` and `otherwise` as branches.
    pub fn lcov(&self) -> String {
        let mut out = String::new();
        for file in &self.files {
            let _ = writeln!(out, "TN:\nSF:{}", file.name);
            for (at, part) in file.parts.iter().filter(|p| p.branch).enumerate() {
                let _ = writeln!(out, "BRDA:{},0,{at},{}", part.line, part.hits);
            }
            let branches = file.ratio(Some(true));
            let _ = writeln!(out, "BRF:{}\nBRH:{}", branches.all, branches.covered);
            let mut lines: BTreeMap<usize, u64> = BTreeMap::new();
            for part in file.parts.iter().filter(|p| !p.branch) {
                // A line is covered when all that stands on it is.
                let hits = lines.entry(part.line).or_insert(part.hits);
                *hits = (*hits).min(part.hits);
            }
            for (line, hits) in &lines {
                let _ = writeln!(out, "DA:{line},{hits}");
            }
            let hit = lines.values().filter(|h| **h > 0).count();
            let _ = writeln!(out, "LF:{}\nLH:{hit}\nend_of_record", lines.len());
        }
        out
    }

    /// One JSON value.
    pub fn json(&self) -> serde_json::Value {
        let all = self.ratio();
        let files: Vec<serde_json::Value> = self
            .files
            .iter()
            .map(|file| {
                let ratio = file.ratio(None);
                let uncovered: Vec<serde_json::Value> = file
                    .parts
                    .iter()
                    .filter(|p| p.hits == 0)
                    .map(|p| {
                        serde_json::json!({ "line": p.line, "name": p.name, "branch": p.branch })
                    })
                    .collect();
                serde_json::json!({
                    "file": file.name, "covered": ratio.covered, "all": ratio.all,
                    "percent": ratio.percent(), "uncovered": uncovered,
                })
            })
            .collect();
        serde_json::json!({
            "covered": all.covered, "all": all.all, "percent": all.percent(), "files": files,
        })
    }
}
