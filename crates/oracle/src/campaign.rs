//! `oracle campaign`: generated cases, ours against Mono's.

use crate::area;
use crate::attribute::attribute;
use crate::differences::Differences;
use crate::generate::{Catalog, Generator, Made};
use crate::mono::{Case, Mono};
use crate::report::{Groups, cause, line, members, refusal};
use crate::shrink::{Differing, shrink};
use crate::{ours, random::Random};
use anyhow::Result;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use tollgate_lang::expr::outcome;

/// Generate well-typed expressions over the whole catalog and compare what they come to.
///
/// Exit status: 0 when every difference is one of differences.yaml, 1 when another was found or Mono gave no outcome, 2 when it cannot run.
#[derive(clap::Args)]
pub(crate) struct Campaign {
    /// How many cases.
    #[arg(long, default_value_t = 100_000)]
    cases: usize,
    /// What the cases follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only members of an area: syntax, linq, text, time, json, xml, web, crypto.
    #[arg(long)]
    area: Option<String>,
    /// Cases that one compiler run takes.
    #[arg(long, default_value_t = 1500)]
    batch: usize,
    /// Add what is found to a file for each area in this folder.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Where to work.
    #[arg(long, default_value = "target/oracle")]
    folder: PathBuf,
    /// Leave what differs as long as it was generated.
    #[arg(long)]
    no_shrink: bool,
    /// Take away the rules of differences.yaml whose reason contains this, to see what they hide.
    #[arg(long)]
    without: Vec<String>,
    /// Add every difference that a rule explains to this file, as JSON lines.
    #[arg(long)]
    explained: Option<PathBuf>,
    /// Most causes that a batch shrinks.
    #[arg(long, default_value_t = 40)]
    shrink: usize,
}

/// What became of the cases.
#[derive(Default)]
struct Tally {
    compared: usize,
    refused: usize,
    /// Cases without an outcome in Mono, and why.
    lost: Vec<String>,
    bounded: usize,
    explained: BTreeMap<String, usize>,
    unexplained: usize,
    /// What rules explained, as lines to be written.
    examples: String,
}

impl Tally {
    fn explain(&mut self, why: &str, count: usize, case: &Case, ours: &Json, mono: &Json) {
        *self.explained.entry(why.to_string()).or_default() += count;
        let line = json!({
            "why": why, "expression": case.expression, "context": case.context, "ours": ours, "mono": mono,
        });
        self.examples += &format!("{line}\n");
    }
}

impl Campaign {
    pub(crate) fn run(&self) -> Result<bool> {
        let mut known = Differences::read()?;
        for text in &self.without {
            known.forget(text);
        }
        let catalog = Catalog::new(&known.newer);
        let mono = Mono::prepare(&self.folder, Some("max-heap-size=1g"))?;
        let mut generator = Generator::new(&catalog, self.seed);
        let mut order: Vec<usize> = (0..catalog.members.len())
            .filter(|at| {
                let l = &catalog.members[*at];
                l.left_out.is_none() && self.area.as_ref().is_none_or(|a| area::of(l.of) == a)
            })
            .collect();
        Random::new(self.seed).shuffle(&mut order);
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let mut groups = Groups::default();
        let mut tally = Tally::default();
        let mut next = 0;
        let mut done = 0;
        // A panic of ours is reported as an outcome; its trace would only fill the screen.
        std::panic::set_hook(Box::new(|_| {}));
        while done < self.cases {
            let count = self.batch.min(self.cases - done);
            let mut made: Vec<Made> = Vec::new();
            while made.len() < count {
                let focus = if order.is_empty() || generator.random.one_in(4) {
                    None
                } else {
                    next += 1;
                    Some(order[(next - 1) % order.len()])
                };
                made.push(generator.case(focus));
            }
            done += count;
            let differing =
                self.compare(&made, &mono, &catalog, &known, &mut tally, &mut reached)?;
            let mut open = Vec::new();
            for (d, why) in attribute(differing, &mono, &catalog, &known)? {
                match why {
                    Some(why) => tally.explain(&why, 1, &d.made.case(), &d.ours, &d.mono),
                    None => open.push(d),
                }
            }
            self.settle(open, &mono, &catalog, &known, &mut tally, &mut groups)?;
            eprintln!(
                "{done} cases: {} compared, {} refused by both, {} bounded, {} lost, {} explained, {} unexplained in {} groups",
                tally.compared,
                tally.refused,
                tally.bounded,
                tally.lost.len(),
                tally.explained.values().sum::<usize>(),
                tally.unexplained,
                groups.0.len()
            );
            let examples = std::mem::take(&mut tally.examples);
            if let Some(path) = &self.explained {
                let mut file = File::options().create(true).append(true).open(path)?;
                file.write_all(examples.as_bytes())?;
            }
            if let Some(folder) = &self.report {
                groups.append(folder)?;
            }
        }
        self.summary(&catalog, &tally, &groups, &reached, done);
        Ok(tally.unexplained == 0 && tally.lost.is_empty())
    }

    /// The cases that differ and that no rule explains.
    fn compare(
        &self,
        made: &[Made],
        mono: &Mono,
        catalog: &Catalog,
        known: &Differences,
        tally: &mut Tally,
        reached: &mut BTreeSet<usize>,
    ) -> Result<Vec<Differing>> {
        let cases: Vec<Case> = made.iter().map(Made::case).collect();
        let ours = ours::outcomes(&cases);
        let theirs = mono.run(&cases)?;
        let mut out = Vec::new();
        for (((made, case), o), m) in made.iter().zip(&cases).zip(ours).zip(theirs) {
            // What runs for too long here may run for too long there.
            if ours::bounded(&o) {
                tally.bounded += 1;
                continue;
            }
            if let Some(why) = m.get("lost") {
                match known.reason(&members(made, catalog), &case.expression, &o, &m) {
                    Some(why) => tally.explain(why, 1, case, &o, &m),
                    None => {
                        let lost = format!("{why} {} {}", case.expression, case.context);
                        tally.lost.push(lost);
                    }
                }
                continue;
            }
            if outcome::same(&o, &m) {
                if o.get("compile_error").is_some() {
                    tally.refused += 1;
                } else {
                    tally.compared += 1;
                    let mut used = Vec::new();
                    made.node.members(&mut used);
                    reached.extend(used);
                }
                continue;
            }
            match known.reason(&members(made, catalog), &case.expression, &o, &m) {
                Some(why) => tally.explain(why, 1, case, &o, &m),
                None => out.push(Differing {
                    made: made.clone(),
                    ours: o,
                    mono: m,
                }),
            }
        }
        Ok(out)
    }

    /// Shrinks one of each cause, asks the rules again, and groups.
    fn settle(
        &self,
        all: Vec<Differing>,
        mono: &Mono,
        catalog: &Catalog,
        known: &Differences,
        tally: &mut Tally,
        groups: &mut Groups,
    ) -> Result<()> {
        let mut causes: BTreeMap<String, (usize, Vec<Differing>)> = BTreeMap::new();
        for d in all {
            let entry = causes.entry(cause(&d, catalog)).or_default();
            entry.0 += 1;
            if entry.1.len() < 2 {
                entry.1.push(d);
            }
        }
        let mut counted: Vec<(usize, Differing)> = Vec::new();
        for (count, list) in causes.into_values() {
            let share = count / list.len();
            let rest = count - share * list.len();
            for (i, d) in list.into_iter().enumerate() {
                counted.push((if i == 0 { share + rest } else { share }, d));
            }
        }
        counted.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let mut examples: Vec<Differing> = counted.iter().map(|(_, d)| d.clone()).collect();
        if !self.no_shrink {
            // What a compiler says names its cause already, and causes that are known have an example.
            let mut fresh: Vec<usize> = (0..examples.len())
                .filter(|i| {
                    let d = &examples[*i];
                    refusal(&d.ours).is_none()
                        && refusal(&d.mono).is_none()
                        && !groups.0.contains_key(&cause(d, catalog))
                })
                .collect();
            fresh.truncate(self.shrink);
            let mut few: Vec<Differing> = fresh.iter().map(|i| examples[*i].clone()).collect();
            shrink(&mut few, mono, catalog)?;
            for (i, d) in fresh.into_iter().zip(few) {
                examples[i] = d;
            }
        }
        for ((count, _), d) in counted.into_iter().zip(examples) {
            let case = d.made.case();
            match known.reason(
                &members(&d.made, catalog),
                &case.expression,
                &d.ours,
                &d.mono,
            ) {
                Some(why) => tally.explain(why, count, &case, &d.ours, &d.mono),
                None => {
                    tally.unexplained += count;
                    groups.add(d, count, catalog);
                }
            }
        }
        Ok(())
    }

    fn summary(
        &self,
        catalog: &Catalog,
        tally: &Tally,
        groups: &Groups,
        reached: &BTreeSet<usize>,
        done: usize,
    ) {
        println!("seed {}, {done} cases", self.seed);
        println!("  {} compared and the same", tally.compared);
        println!("  {} refused by both compilers", tally.refused);
        println!("  {} ended by a bound of ours", tally.bounded);
        println!(
            "  {} without an outcome in Mono (no end, or the process ended)",
            tally.lost.len()
        );
        for lost in &tally.lost {
            println!("    {lost}");
        }
        println!(
            "  {} different by {} rules of differences.yaml",
            tally.explained.values().sum::<usize>(),
            tally.explained.len()
        );
        println!(
            "  {} unexplained, of {} causes",
            tally.unexplained,
            groups.0.len()
        );
        for (cause, group) in groups.sorted() {
            println!("{}", line(cause, group));
        }
        println!("differences.yaml:");
        for (why, count) in &tally.explained {
            println!("  {count} {why}");
        }
        let wanted: Vec<&str> = catalog
            .members
            .iter()
            .enumerate()
            .filter(|(at, l)| {
                !reached.contains(at)
                    && l.left_out.is_none()
                    && self.area.as_ref().is_none_or(|a| area::of(l.of) == a)
            })
            .map(|(_, l)| &*l.member.signature)
            .collect();
        println!(
            "{} members of {} reached; {} never compared with success:",
            reached.len(),
            catalog.members.len(),
            wanted.len()
        );
        for signature in wanted {
            println!("  {signature}");
        }
        println!("left out:");
        for l in &catalog.members {
            if let Some(why) = l.left_out {
                println!("  {}: {why}", l.label);
            }
        }
    }
}
