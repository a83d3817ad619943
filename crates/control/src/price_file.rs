//! A file of prices by itself: what `tollgate check` says of one that no configuration names yet.
//!
//! What must stay true: it is read as `gateway.prices` would be, with the same faults at the same places; a file that is
//! something else is nobody's fault here.

use crate::define::over;
use crate::load::{Loaded, Summary};
use crate::model::price::PriceFile;
use crate::settings::Settings;
use crate::yaml;
use std::path::Path;
use tollgate_lang::{Diagnostics, source::Sources};
use tollgate_llm::price::PriceTable;

/// Members that only a file of prices has, and those that only a configuration has.
const PRICES: [&str; 3] = ["prices:", "fallback:", "tools:"];
const CONFIGURATION: [&str; 5] = ["apis:", "gateway:", "backends:", "products:", "include:"];

/// Checks a file of prices; `None` when it is none.
#[must_use]
pub fn load_prices(path: &Path) -> Option<Loaded> {
    let text = std::fs::read_to_string(path).ok()?;
    let begins = |names: &[&str]| {
        text.lines()
            .any(|line| names.iter().any(|name| line.starts_with(name)))
    };
    if !begins(&PRICES) || begins(&CONFIGURATION) {
        return None;
    }
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add(path.display().to_string(), text.as_str());
    if let Some(mut root) = yaml::parse(file, &text, &mut diagnostics)
        && let Some(written) = yaml::read::<PriceFile>(file, &mut root, &mut diagnostics)
    {
        over(file, &written, &PriceTable::shipped(), &mut diagnostics);
    }
    Some(Loaded {
        snapshot: None,
        settings: Settings::default(),
        sources,
        diagnostics,
        files: vec![path.to_path_buf()],
        summary: Summary::default(),
        meters_models: false,
        definition: None,
    })
}
