//! Tests again when files change: only what a change can have touched.
//!
//! A changed fixture runs its own cases. A changed document loads the configuration again and runs the cases in which it
//! ran before. Anything else runs everything. What must stay true: a case that failed or never ran is not forgotten.

use crate::run::{Run, Session, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tollgate_control::Changes;
use tollgate_engine::fixture::Case;

/// A suite under watch.
pub struct Watch {
    session: Session,
    /// The last verdict of every case, by fixture, line and title.
    known: BTreeMap<(PathBuf, usize, String), Verdict>,
}

impl Watch {
    /// Begins with a run of everything. The error names a fixture that is not there.
    pub fn begin(mut session: Session) -> Result<(Watch, Run), String> {
        let run = session.run()?;
        let mut watch = Watch {
            session,
            known: BTreeMap::new(),
        };
        watch.remember(&run);
        Ok((watch, run))
    }

    /// Something to wait with for changes of what the suite read, and of the fixtures that come.
    pub fn changes(&self) -> Changes {
        Changes::new(self.files())
    }

    /// Every file of the suite as it is now.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = self.session.files().clone();
        files.extend(self.session.suite().find().unwrap_or_default());
        files.into_iter().collect()
    }

    /// Runs what the changed files can have touched.
    pub fn again(&mut self, changed: &[PathBuf]) -> Result<Run, String> {
        let is_fixture = |path: &PathBuf| path.extension().is_some_and(|e| e == "test");
        let others: Vec<&PathBuf> = changed.iter().filter(|path| !is_fixture(path)).collect();
        let documents = others.iter().all(|path| self.session.is_document(path));
        if !documents {
            let run = self.session.run()?;
            self.known.clear();
            self.remember(&run);
            return Ok(run);
        }
        if !others.is_empty() {
            self.session.forget_loads();
        }
        let changed: BTreeSet<&PathBuf> = changed.iter().collect();
        let names: BTreeSet<String> = others.iter().map(|p| p.display().to_string()).collect();
        let known = &self.known;
        let wanted = |file: &Path, includes: &BTreeSet<PathBuf>, case: &Case| {
            let file = file.to_path_buf();
            if changed.contains(&file) || includes.iter().any(|i| changed.contains(i)) {
                return true;
            }
            match known.get(&(file, case.line, case.title.clone())) {
                Some(verdict) => verdict.fault.is_some() || !verdict.touched.is_disjoint(&names),
                None => true,
            }
        };
        let run = self.session.run_some(&wanted)?;
        if run.refused.is_none() {
            self.known.retain(|(file, _, _), _| !changed.contains(file));
            self.remember(&run);
        }
        Ok(run)
    }

    fn remember(&mut self, run: &Run) {
        for verdict in &run.verdicts {
            let key = (verdict.file.clone(), verdict.line, verdict.title.clone());
            self.known.insert(key, verdict.clone());
        }
    }
}
