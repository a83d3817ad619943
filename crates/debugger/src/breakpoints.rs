//! Breakpoints: lines of documents and fragments, snapped to the next step.
//!
//! Set by `session`, asked by `hold` before each step. What must stay true: a breakpoint is verified exactly when a step
//! of the configuration in force stands at the line that the editor is told.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollgate_engine::Snapshot;
use tollgate_lang::Span;

/// Most breakpoints of one file.
const MOST: usize = 1000;

/// One breakpoint.
#[derive(Clone, Debug)]
pub(crate) struct Breakpoint {
    pub(crate) id: i64,
    /// The file as the editor names it.
    path: PathBuf,
    /// The line that was asked for.
    wanted: usize,
    /// Where the step stands: line and column. `None`: nowhere yet.
    at: Option<(usize, usize)>,
    /// A C# expression that must be true.
    pub(crate) condition: Option<String>,
    /// From which hit on it stops.
    pub(crate) from_hit: u64,
    /// Prints this instead of stopping; `{expression}` stands for its value.
    pub(crate) log: Option<String>,
}

/// Where a step stands.
#[derive(Clone, Debug)]
struct Place {
    path: PathBuf,
    line: usize,
    column: usize,
}

#[derive(Default)]
struct State {
    all: Vec<Breakpoint>,
    next_id: i64,
    places: Vec<Place>,
    /// The configuration that they are of.
    snapshot: Option<Arc<Snapshot>>,
}

/// All breakpoints.
#[derive(Default)]
pub(crate) struct Breakpoints(Mutex<State>);

/// The file as the system knows it; as it is written when it cannot be found.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

impl Breakpoints {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The breakpoints of one file, in place of those that it had. Gives what the editor is told of each.
    pub(crate) fn set(&self, path: &str, wanted: &[Value]) -> Vec<Value> {
        let path = canonical(Path::new(path));
        let mut state = self.state();
        state.all.retain(|b| b.path != path);
        let mut told = Vec::new();
        for wanted in wanted.iter().take(MOST) {
            state.next_id += 1;
            let text = |name: &str| {
                let text = wanted[name].as_str().map(str::trim);
                text.filter(|t| !t.is_empty()).map(str::to_owned)
            };
            let line = wanted["line"]
                .as_u64()
                .and_then(|l| usize::try_from(l).ok());
            let mut breakpoint = Breakpoint {
                id: state.next_id,
                path: path.clone(),
                wanted: line.unwrap_or(1),
                at: None,
                condition: text("condition"),
                from_hit: text("hitCondition")
                    .and_then(|n| n.trim_start_matches(['>', '=', ' ']).parse().ok())
                    .unwrap_or(1),
                log: text("logMessage"),
            };
            breakpoint.snap(&state.places);
            told.push(breakpoint.told());
            state.all.push(breakpoint);
        }
        told
    }

    /// Holds them against a configuration. Gives what changed for the editor.
    pub(crate) fn load(&self, snapshot: &Arc<Snapshot>) -> Vec<Value> {
        let mut state = self.state();
        if state
            .snapshot
            .as_ref()
            .is_some_and(|old| Arc::ptr_eq(old, snapshot))
        {
            return Vec::new();
        }
        let steps = snapshot.places.iter().filter(|p| !p.branch);
        state.places = steps.filter_map(|p| Place::of(snapshot, p.span)).collect();
        state.snapshot = Some(snapshot.clone());
        let State { all, places, .. } = &mut *state;
        let changed = all.iter_mut().filter_map(|b| {
            let before = b.at;
            b.snap(places);
            (b.at != before).then(|| b.told())
        });
        changed.collect()
    }

    /// Those at a step.
    pub(crate) fn at(&self, snapshot: &Snapshot, span: Span) -> Vec<Breakpoint> {
        let state = self.state();
        if state.all.is_empty() {
            return Vec::new();
        }
        let Some(place) = Place::of(snapshot, span) else {
            return Vec::new();
        };
        let here =
            |b: &&Breakpoint| b.at == Some((place.line, place.column)) && b.path == place.path;
        state.all.iter().filter(here).cloned().collect()
    }

    /// Lines of a file at which one can stop.
    pub(crate) fn lines(&self, path: &str, from: usize, to: usize) -> Vec<Value> {
        let path = canonical(Path::new(path));
        let state = self.state();
        let mut lines: Vec<usize> = state
            .places
            .iter()
            .filter(|p| p.path == path && (from..=to).contains(&p.line))
            .map(|p| p.line)
            .collect();
        lines.sort_unstable();
        lines.dedup();
        lines
            .into_iter()
            .map(|line| json!({ "line": line }))
            .collect()
    }

    /// Takes all of them away.
    pub(crate) fn clear(&self) {
        self.state().all.clear();
    }
}

impl Place {
    fn of(snapshot: &Snapshot, span: Span) -> Option<Place> {
        let position = snapshot.texts.position(span)?;
        Some(Place {
            path: canonical(Path::new(&*position.file)),
            line: position.line,
            column: position.column,
        })
    }
}

impl Breakpoint {
    fn snap(&mut self, places: &[Place]) {
        let behind = places
            .iter()
            .filter(|p| p.path == self.path && p.line >= self.wanted);
        self.at = behind.map(|p| (p.line, p.column)).min();
    }

    fn told(&self) -> Value {
        match self.at {
            Some((line, column)) => {
                json!({ "id": self.id, "verified": true, "line": line, "column": column })
            }
            None => json!({
                "id": self.id,
                "verified": false,
                "line": self.wanted,
                "message": "no policy stands at this line or behind it",
            }),
        }
    }
}
