//! Models and classes out of the names that bills give them.
//!
//! What must stay true: two names of the same model become the same text; a name that is not understood stays apart
//! (and is then seen as a difference) instead of being guessed.

use super::Measure;

/// A model's name without what bills and APIs write around it: the path of a resource, the region of an inference
/// profile, the vendor, the version's date. `us.anthropic.claude-sonnet-4-5-20250929-v1:0` is `claude-sonnet-4-5`.
#[must_use]
pub fn canonical(name: &str) -> String {
    let mut name = name.trim().to_ascii_lowercase().replace([' ', '_'], "-");
    if let Some((_, last)) = name.rsplit_once('/') {
        name = last.to_owned();
    }
    for prefix in [
        "us.",
        "eu.",
        "apac.",
        "au.",
        "jp.",
        "ca.",
        "us-gov.",
        "global.",
        "anthropic.",
        "amazon.",
        "meta.",
        "mistral.",
        "cohere.",
        "openai.",
        "deepseek.",
        "qwen.",
    ] {
        if let Some(rest) = name.strip_prefix(prefix) {
            name = rest.to_owned();
        }
    }
    if let Some((before, version)) = name.rsplit_once(':')
        && version.bytes().all(|b| b.is_ascii_digit())
    {
        name = before.to_owned();
    }
    for suffix in ["-v1", "-v2", "-latest"] {
        if let Some(rest) = name.strip_suffix(suffix) {
            name = rest.to_owned();
        }
    }
    let parts: Vec<&str> = name.split('-').collect();
    let digits = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit())
    };
    let kept = match parts[..] {
        [.., y, m, d] if digits(y, 4) && digits(m, 2) && digits(d, 2) => parts.len() - 3,
        [.., date] if digits(date, 8) => parts.len() - 1,
        // Azure's meters and older names: a month and a day.
        [_, .., date] if digits(date, 4) && plausible(date) => parts.len() - 1,
        _ => parts.len(),
    };
    parts[..kept].join("-")
}

/// Whether four digits are a month and a day.
fn plausible(date: &str) -> bool {
    let number = |text: Option<&str>| text.and_then(|t| t.parse::<u8>().ok()).unwrap_or(0);
    (1..=12).contains(&number(date.get(..2))) && (1..=31).contains(&number(date.get(2..)))
}

/// What a meter counts: the model and the measure, when it says one. Azure: `gpt 4o 0806 Inp glbl Tokens`, AWS:
/// `USE1-Claude3.5Sonnet-input-tokens`, OpenAI: `gpt-4o-2024-08-06, cached input`.
pub(super) fn meter(text: &str) -> (String, Option<Measure>) {
    let lower = text.to_ascii_lowercase();
    let mut model = Vec::new();
    let (mut input, mut output, mut cached, mut write, mut audio) =
        (false, false, false, false, false);
    for (at, word) in lower.split([' ', ',', '_', '-', ':', '/']).enumerate() {
        match word {
            "input" | "inp" | "inpt" | "in" | "prompt" => input = true,
            "output" | "outp" | "outpt" | "out" | "opt" | "completion" => output = true,
            "cached" | "cache" | "cchd" | "cd" | "cach" | "read" => cached = true,
            "write" | "wr" | "creation" => write = true,
            "audio" | "aud" => audio = true,
            "" | "tokens" | "token" | "count" | "units" | "unit" | "1k" | "1m" | "global"
            | "glbl" | "gl" | "regional" | "regnl" | "rgnl" | "datazone" | "dzone" | "dz"
            | "data" | "zone" | "batch" | "standard" | "std" | "usage" | "cross" | "region"
            | "ondemand" => {}
            // A region of AWS: use1, euc1, apn1.
            region if at == 0 && is_aws_region(region) => {}
            word => model.push(word),
        }
    }
    let measure = match (input, output, cached, write, audio) {
        (_, _, _, true, _) => Some(Measure::CacheWrite),
        (_, false, true, false, _) => Some(Measure::CachedInput),
        (true, false, false, false, true) => Some(Measure::AudioInput),
        (false, true, _, false, true) => Some(Measure::AudioOutput),
        (true, false, false, false, false) => Some(Measure::Input),
        (false, true, _, false, false) => Some(Measure::Output),
        _ => None,
    };
    (model.join("-"), measure)
}

fn is_aws_region(word: &str) -> bool {
    word.len() == 4
        && word.ends_with(|c: char| c.is_ascii_digit())
        && ["us", "eu", "ap", "ca", "sa", "me", "af", "il", "mx"]
            .iter()
            .any(|area| word.starts_with(area))
}

/// By what a meter's quantity is multiplied: `1K`, `1K tokens`, `1M`, `1000 Tokens`.
pub(super) fn multiplier(unit: &str) -> i64 {
    let unit = unit.trim().to_ascii_lowercase();
    let first = unit.split(' ').next().unwrap_or_default().replace(',', "");
    match first.as_str() {
        "1k" | "k" | "1000" => 1_000,
        "10k" | "10000" => 10_000,
        "100k" => 100_000,
        "1m" | "m" | "1000000" => 1_000_000,
        _ => 1,
    }
}
