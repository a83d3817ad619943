//! `oracle missing`: the members of the catalog that Mono's class library does not have.
//!
//! Prints lines for `newer` in differences.yaml; each is to be read before it goes there, for a member that no .NET has
//! would be printed too.

use crate::differences::Differences;
use crate::generate::{Catalog, Generator, key};
use crate::mono::{Case, Mono};
use crate::ours;
use crate::report::refusal;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Uses of a member that are tried.
const TRIES: usize = 4;

/// What Mono's compiler says of a member that is not there, or not public, or has no such overload.
pub(crate) const CODES: [&str; 16] = [
    "CS0117", "CS1061", "CS0246", "CS1501", "CS1502", "CS1503", "CS1739", "CS0103", "CS0122",
    "CS1729", "CS0234", "CS1929", "CS0308", "CS0119", "CS0305", "CS0411",
];

/// Print the members of the catalog that Mono's compiler does not find.
#[derive(clap::Args)]
pub(crate) struct Missing {
    /// Where to work.
    #[arg(long, default_value = "target/oracle")]
    folder: PathBuf,
}

impl Missing {
    pub(crate) fn run(&self) -> Result<bool> {
        let known = Differences::read()?;
        let catalog = Catalog::new(&BTreeSet::new());
        let mono = Mono::prepare(&self.folder, Some("max-heap-size=1g"))?;
        let mut generator = Generator::new(&catalog, 1);
        let members: Vec<usize> = (0..catalog.members.len())
            .filter(|at| catalog.members[*at].left_out.is_none())
            .collect();
        // A member is missing when every use of it is refused for it.
        let mut refused: BTreeMap<usize, usize> = BTreeMap::new();
        for some in members.chunks(400) {
            let mut cases: Vec<(usize, Case)> = Vec::new();
            for at in some {
                for _ in 0..TRIES {
                    cases.push((*at, generator.plain(*at).case()));
                }
            }
            let all: Vec<Case> = cases.iter().map(|(_, c)| c.clone()).collect();
            let said = ours::outcomes(&all);
            let theirs = mono.run(&all)?;
            for (((at, _), o), m) in cases.iter().zip(said).zip(theirs) {
                let missing = refusal(&m).is_some_and(|f| CODES.iter().any(|c| f.contains(c)));
                if refusal(&o).is_none() && missing {
                    *refused.entry(*at).or_default() += 1;
                }
            }
        }
        for (at, count) in refused {
            let l = &catalog.members[at];
            let name = key(l.of, l.member);
            if count == TRIES && !known.newer.contains(&name) {
                println!("  - {:?}", name);
            }
        }
        Ok(true)
    }
}
