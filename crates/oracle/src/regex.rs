//! `oracle regex`: patterns made from the grammar of .NET's regular expressions, ours beside Mono's.
//!
//! The campaign reaches patterns through a few constants only; here all of the grammar is combined, over short texts. What
//! must stay true: a case follows from its seed, and each pattern is measured with every way to search.

mod pattern;

use crate::mono::{Case, Mono};
use crate::{ours, random::Random};
use anyhow::Result;
use pattern::Maker;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// Compare patterns made from the grammar of regular expressions, ours against Mono's.
///
/// Exit status: 0 when nothing differs.
#[derive(clap::Args)]
pub(crate) struct Regex {
    /// How many patterns.
    #[arg(long, default_value_t = 10_000)]
    cases: usize,
    /// What the patterns follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to work.
    #[arg(long, default_value = "target/oracle")]
    folder: PathBuf,
}

/// Patterns that one evaluation searches with, and evaluations of one process.
const AT_ONCE: usize = 10;
const BATCH: usize = 200;

/// What is done with each pattern: a line for each way to search. Mono may need long where we have a bound: it gives up.
const SEARCH: &str = include_str!("regex/search.cs");

impl Regex {
    pub(crate) fn run(&self) -> Result<bool> {
        let mono = Mono::prepare(&self.folder, Some("max-heap-size=1g"))?;
        let mut random = Random::new(self.seed);
        let (mut searched, mut refused, mut skipped, mut different) = (0, 0, 0, 0);
        while searched + refused + skipped < self.cases {
            let asked: Vec<Vec<Json>> = (0..BATCH)
                .map(|_| (0..AT_ONCE).map(|_| search(&mut random)).collect())
                .collect();
            let cases: Vec<Case> = asked.iter().map(|a| case(a)).collect();
            let (ours, theirs) = (ours::outcomes(&cases), mono.run(&cases)?);
            for ((asked, o), m) in asked.iter().zip(&ours).zip(&theirs) {
                let (o, m) = (lines(o), lines(m));
                for (i, search) in asked.iter().enumerate() {
                    let (o, m) = (o.get(i).cloned(), m.get(i).cloned());
                    match (&o, &m) {
                        (Some(o), Some(m)) if o == m => {
                            if o.starts_with("refused") {
                                refused += 1;
                            } else {
                                searched += 1;
                            }
                        }
                        // One of the two has no end.
                        (None, _) | (_, None) => skipped += 1,
                        // Or Mono's engine lost its place.
                        (_, Some(m))
                            if m.contains("thrown RegexMatchTimeoutException")
                                || m.contains("thrown IndexOutOfRangeException") =>
                        {
                            skipped += 1;
                        }
                        (Some(o), Some(m)) => {
                            searched += 1;
                            different += 1;
                            println!("DIFFERENT {search}\n  ours {o:?}\n  mono {m:?}");
                        }
                    }
                }
            }
            eprintln!(
                "{searched} searched with, {refused} refused by both, {skipped} without an end, {different} different"
            );
        }
        Ok(different == 0)
    }
}

/// A pattern with what it is used on.
fn search(random: &mut Random) -> Json {
    let mut maker = Maker::new(random);
    let options = maker.options();
    let pattern = maker.pattern();
    let text = maker.text();
    let replacement = maker.replacement();
    let length = text.encode_utf16().count();
    json!({
        "pattern": pattern, "options": options, "text": text, "with": replacement,
        "from": random.below(length + 1), "most": random.below(4),
    })
}

fn case(asked: &[Json]) -> Case {
    Case {
        expression: SEARCH.trim().to_string(),
        context: json!({"request": {"body": Json::from(asked).to_string()}}),
    }
}

/// What was found with each pattern; nothing when the evaluation did not end.
fn lines(outcome: &Json) -> Vec<String> {
    let text = outcome["result"]["value"].as_str().unwrap_or("");
    text.split('\u{1}').skip(1).map(str::to_string).collect()
}
