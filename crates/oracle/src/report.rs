//! What a campaign found: counts, and differences grouped by the members that cause them.

use crate::area;
use crate::generate::{Catalog, Made};
use crate::mono::start;
use crate::shrink::{Differing, kind};
use anyhow::Result;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Most lines of an area's file.
const MAX_LINES: usize = 60;

/// Differences of one cause.
pub(crate) struct Group {
    pub(crate) count: usize,
    pub(crate) area: &'static str,
    pub(crate) example: Differing,
}

/// Groups by cause.
#[derive(Default)]
pub(crate) struct Groups(pub(crate) BTreeMap<String, Group>);

/// The members that a case uses.
pub(crate) fn members<'c>(made: &Made, catalog: &'c Catalog) -> Vec<&'c str> {
    let mut used = Vec::new();
    made.node.members(&mut used);
    let mut labels: Vec<&str> = used.iter().map(|at| &*catalog.members[*at].label).collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// What a difference is grouped by: what a compiler says that refuses it, else the outermost member and how the outcomes
/// differ.
pub(crate) fn cause(d: &Differing, catalog: &Catalog) -> String {
    if let Some(fault) = refusal(&d.ours) {
        let fault = fault.split_once(": ").map_or(fault, |(_, rest)| rest);
        return format!("we refuse: {}", start(fault, 140));
    }
    if let Some(fault) = refusal(&d.mono) {
        return format!("C# refuses: {}", start(fault, 140));
    }
    let mut used = Vec::new();
    d.made.node.members(&mut used);
    let outermost = used
        .first()
        .map_or("(syntax)", |at| &*catalog.members[*at].label);
    format!("{outermost}: {}", kind(&d.ours, &d.mono))
}

/// The first line of what a compiler says.
pub(crate) fn refusal(outcome: &Json) -> Option<&str> {
    let said = outcome.get("compile_error")?.as_str()?;
    said.lines().find(|l| !l.trim().is_empty())
}

fn area_of(d: &Differing, catalog: &Catalog) -> &'static str {
    let mut used = Vec::new();
    d.made.node.members(&mut used);
    let outermost = used
        .first()
        .map_or("syntax", |at| area::of(catalog.members[*at].of));
    if let Some(fault) = refusal(&d.ours) {
        // The type that the fault names, else the language.
        let named = fault.split('`').nth(1).unwrap_or("");
        let of = catalog
            .members
            .iter()
            .find(|l| l.of.name == named || crate::shape::keyword(l.of.name) == named);
        return of.map_or("syntax", |l| area::of(l.of));
    }
    match refusal(&d.mono) {
        Some(f) if crate::missing::CODES.iter().any(|c| f.contains(c)) => "missing",
        Some(_) => "syntax",
        None => outermost,
    }
}

impl Groups {
    pub(crate) fn add(&mut self, d: Differing, count: usize, catalog: &Catalog) {
        let (cause, area) = (cause(&d, catalog), area_of(&d, catalog));
        let group = self.0.entry(cause).or_insert_with(|| Group {
            count: 0,
            area,
            example: d.clone(),
        });
        group.count += count;
        if d.made.node.size() < group.example.made.node.size() {
            group.example = d;
        }
    }

    /// The groups, the most frequent first.
    pub(crate) fn sorted(&self) -> Vec<(&str, &Group)> {
        let mut all: Vec<(&str, &Group)> = self.0.iter().map(|(k, g)| (&**k, g)).collect();
        all.sort_by_key(|(_, g)| std::cmp::Reverse(g.count));
        all
    }

    /// Adds what a file of an area does not have yet, one line for each group.
    pub(crate) fn append(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        for area in area::AREAS.into_iter().chain(["missing"]) {
            let path = folder.join(format!("{area}.txt"));
            let mut text = std::fs::read_to_string(&path).unwrap_or_default();
            let mut lines = text.lines().count();
            for (cause, group) in self.sorted() {
                if group.area != area
                    || text.contains(&format!("] {cause} |"))
                    || lines >= MAX_LINES
                {
                    continue;
                }
                let line = line(cause, group);
                writeln!(text, "{line}")?;
                lines += 1;
            }
            std::fs::write(path, text)?;
        }
        Ok(())
    }
}

/// A group on one line.
pub(crate) fn line(cause: &str, group: &Group) -> String {
    let case = group.example.made.case();
    let context = if case.expression.contains("context") {
        format!(" | context {}", start(&case.context.to_string(), 300))
    } else {
        String::new()
    };
    format!(
        "[{}x] {cause} | {}{context} | ours {} | mono {}",
        group.count,
        case.expression.replace('\n', "\\n"),
        brief(&group.example.ours),
        brief(&group.example.mono)
    )
}

/// An outcome in few words.
fn brief(o: &Json) -> String {
    if let Some(e) = o.get("compile_error").and_then(Json::as_str) {
        let first: Vec<&str> = e.lines().filter(|l| !l.trim().is_empty()).collect();
        return format!("REFUSED {}", start(first.first().unwrap_or(&""), 160));
    }
    if o["ok"] == Json::Bool(true) {
        return start(&o["result"].to_string(), 260).replace('\n', "\\n");
    }
    let message = o["message"].as_str().unwrap_or("").replace('\n', "\\n");
    format!(
        "{} ({})",
        o["exception"].as_str().unwrap_or("?"),
        start(&message, 100)
    )
}
