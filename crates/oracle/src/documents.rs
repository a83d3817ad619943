//! `oracle documents`: the expressions that policy documents really hold, over invented contexts, ours against Mono's.
//!
//! A campaign looks for rare members; this looks at the usual ones in the combinations that people write. What must stay
//! true: a seed repeats its cases; a difference counts unless differences.yaml has a reason for it.

mod contexts;

use crate::differences::Differences;
use crate::generate::Catalog;
use crate::mono::{Case, Mono};
use crate::{ours, random::Random};
use anyhow::{Context as _, Result, bail};
use contexts::Contexts;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tollgate_lang::document::{self, Element, NamedValues, Node, Text, TextKind};
use tollgate_lang::expr::{Target, compile, outcome};
use tollgate_lang::{Diagnostics, Sources};

/// Cases that one compiler run takes.
const BATCH: usize = 1500;

/// What gives something else each time, in an expression.
const UNSTEADY: [&str; 7] = [
    "UtcNow",
    "DateTime.Now",
    "DateTimeOffset.Now",
    "Today",
    "NewGuid",
    "Random",
    "GetHashCode",
];

/// Evaluate the expressions of policy documents in invented contexts, here and in Mono, and print those that differ.
///
/// Exit status: 0 when every difference is one of differences.yaml, 1 when another was found, 2 when it cannot run.
#[derive(clap::Args)]
pub(crate) struct Documents {
    /// A document, or a folder of documents and folders.
    path: PathBuf,
    /// Contexts for each expression.
    #[arg(long, default_value_t = 20)]
    contexts: usize,
    /// What the contexts follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to work.
    #[arg(long, default_value = "target/oracle")]
    folder: PathBuf,
}

/// Differences of one expression, and of one kind.
struct Found {
    count: usize,
    case: Case,
    ours: Json,
    mono: Json,
}

impl Documents {
    pub(crate) fn run(&self) -> Result<bool> {
        let (expressions, unsteady) = self.expressions()?;
        let known = Differences::read()?;
        let catalog = Catalog::new(&known.newer);
        let mono = Mono::prepare(&self.folder, Some("max-heap-size=1g"))?;
        let mut random = Random::new(self.seed);
        let mut cases = Vec::new();
        for expression in &expressions {
            let mut contexts = Contexts::new(expression, &mut random);
            for _ in 0..self.contexts {
                cases.push(Case {
                    expression: expression.clone(),
                    context: contexts.next(),
                });
            }
        }
        let (mut values, mut exceptions, mut refused, mut lost, mut bounded) = (0, 0, 0, 0, 0);
        let mut explained: BTreeMap<&str, usize> = BTreeMap::new();
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        for batch in cases.chunks(BATCH) {
            let ours = ours::outcomes(batch);
            let theirs = mono.run(batch)?;
            for ((case, o), m) in batch.iter().zip(ours).zip(theirs) {
                if ours::bounded(&o) {
                    bounded += 1;
                } else if m.get("lost").is_some() {
                    lost += 1;
                } else if outcome::same(&o, &m) {
                    match (o.get("compile_error"), &o["ok"]) {
                        (Some(_), _) => refused += 1,
                        (None, Json::Bool(true)) => values += 1,
                        _ => exceptions += 1,
                    }
                } else if let Some(why) =
                    known.reason(&named(&case.expression, &catalog), &case.expression, &o, &m)
                {
                    *explained.entry(why).or_default() += 1;
                } else {
                    let kind = format!("{} {}", case.expression, crate::shrink::kind(&o, &m));
                    let entry = found.entry(kind).or_insert_with(|| Found {
                        count: 0,
                        case: case.clone(),
                        ours: o,
                        mono: m,
                    });
                    entry.count += 1;
                }
            }
        }
        println!(
            "{} expressions ({unsteady} more have the time or chance in them), {} cases of seed {}",
            expressions.len(),
            cases.len(),
            self.seed
        );
        println!("  {values} the same value, {exceptions} the same exception");
        println!("  {refused} refused by both compilers");
        println!("  {bounded} ended by a bound of ours");
        println!("  {lost} without an outcome in Mono (no end, or the process ended)");
        println!("  {} explained", explained.values().sum::<usize>());
        let unexplained: usize = found.values().map(|f| f.count).sum();
        println!(
            "  {unexplained} unexplained, of {} expressions and kinds",
            found.len()
        );
        for f in found.values() {
            println!(
                "[{}x] {}\n  context {}\n  ours {}\n  mono {}",
                f.count, f.case.expression, f.case.context, f.ours, f.mono
            );
        }
        for (why, count) in explained {
            println!("{count} {why}");
        }
        Ok(unexplained == 0 && lost == 0)
    }

    /// Every expression once, and how many were left out.
    fn expressions(&self) -> Result<(Vec<String>, usize)> {
        let mut paths = Vec::new();
        files(&self.path, &mut paths);
        if paths.is_empty() {
            bail!("no documents at {}", self.path.display());
        }
        paths.sort();
        let mut out: Vec<String> = Vec::new();
        let mut unsteady = 0;
        for path in &paths {
            let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            // A named value stands for a text in one place and for a number in another.
            let (mut as_text, mut as_number) = (Vec::new(), Vec::new());
            expressions(&text, &Every("value"), &mut as_text);
            expressions(&text, &Every("1"), &mut as_number);
            for (text, number) in as_text.into_iter().zip(as_number) {
                let (expression, _) = if text.1 { text } else { number };
                if UNSTEADY.iter().any(|u| expression.contains(u)) {
                    unsteady += 1;
                } else if !out.contains(&expression) {
                    out.push(expression);
                }
            }
        }
        Ok((out, unsteady))
    }
}

/// Labels of the members whose names stand in an expression: the rules of differences.yaml ask for them.
fn named<'c>(expression: &str, catalog: &'c Catalog) -> Vec<&'c str> {
    let words: Vec<&str> = expression
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    let used = catalog.members.iter().filter(|l| {
        let (of, member) = l.label.split_once('.').unwrap_or((&l.label, ""));
        words.contains(&if member == "new" { of } else { member })
    });
    used.map(|l| &*l.label).collect()
}

/// Every named value is this.
struct Every(&'static str);

impl NamedValues for Every {
    fn get(&self, _: &str) -> Option<&str> {
        Some(self.0)
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// The expressions of a document, and whether each compiles.
fn expressions(text: &str, named: &Every, out: &mut Vec<(String, bool)>) {
    let mut sources = Sources::default();
    let file = sources.add("document", text);
    let Some(document) = document::read(file, text, named, &mut Diagnostics::default()) else {
        return;
    };
    texts(&document.root, &mut |text| {
        let expression = match text.kind {
            TextKind::Literal => return,
            _ if text.is_broken() => return,
            TextKind::Single => format!("@({})", text.text),
            TextKind::Multi => format!("@{{{}}}", text.text),
        };
        let compiles = compile(text, Target::Any, &mut Diagnostics::default()).is_some();
        out.push((expression, compiles));
    });
}

/// Each text of an element, its attributes first.
fn texts(element: &Element, each: &mut impl FnMut(&Text)) {
    for attribute in &element.attributes {
        each(&attribute.value);
    }
    for child in &element.children {
        match child {
            Node::Element(e) => texts(e, each),
            Node::Text(t) => each(t),
        }
    }
}

/// The files at a path.
fn files(path: &Path, out: &mut Vec<PathBuf>) {
    if path.is_file() {
        out.push(path.to_path_buf());
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        files(&entry.path(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_gives_its_expressions_as_they_are_written_in_cases() {
        let text = r#"<policies><inbound><set-header name="a" exists-action="@("{{n}}" + 1)"><value>@{ return "x"; }</value></set-header></inbound></policies>"#;
        let mut found = Vec::new();
        expressions(text, &Every("v"), &mut found);
        let wanted = [("@(\"v\" + 1)", true), ("@{ return \"x\"; }", true)];
        assert_eq!(found, wanted.map(|(e, c)| (e.to_string(), c)));
    }

    #[test]
    fn a_seed_repeats_its_contexts_and_they_can_be_read() {
        let expression = r#"@(context.Variables.GetValueOrDefault<string>("tenant") + context.Request.Headers["x-id"][0])"#;
        let of = |seed| {
            let mut random = Random::new(seed);
            let mut contexts = Contexts::new(expression, &mut random);
            (0..50).map(|_| contexts.next()).collect::<Vec<Json>>()
        };
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        for context in of(7) {
            let said = outcome::of(expression, &context);
            assert!(said.get("ok").is_some(), "{context}: {said}");
        }
    }
}
