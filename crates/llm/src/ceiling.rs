//! The most that a model can take and produce, by the names of public models.
//!
//! Called by `engine` for strict accounting, where a call that names no bound reserves the model's own. Sources: the
//! providers' model pages. What must hold: a number may be too high, never too low; a name that is not known gives
//! nothing, and the caller falls back on what is configured and says so upstream.

#[cfg(test)]
mod tests;

/// What a model can do in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Tokens of the context window: no prompt is larger.
    pub context: u64,
    /// Output tokens of one choice, with reasoning.
    pub output: u64,
}

const fn ceiling(context: u64, output: u64) -> Ceiling {
    Ceiling { context, output }
}

/// Families by a part of the name; of those that fit, the first counts.
const FAMILIES: &[(&str, Ceiling)] = &[
    ("gpt-5-chat", ceiling(128_000, 16_384)),
    ("gpt-5-pro", ceiling(400_000, 272_000)),
    ("gpt-5.4", ceiling(1_050_000, 128_000)),
    ("gpt-5.5", ceiling(1_050_000, 128_000)),
    ("gpt-5.1", ceiling(400_000, 128_000)),
    ("gpt-5.2", ceiling(400_000, 272_000)),
    ("gpt-5.3", ceiling(400_000, 128_000)),
    ("gpt-5", ceiling(400_000, 128_000)),
    ("gpt-4.1", ceiling(1_047_576, 32_768)),
    ("gpt-4.5", ceiling(128_000, 16_384)),
    ("gpt-4o", ceiling(128_000, 16_384)),
    ("chatgpt-4o", ceiling(128_000, 16_384)),
    ("gpt-4-turbo", ceiling(128_000, 4_096)),
    ("gpt-4-1106", ceiling(128_000, 4_096)),
    ("gpt-4-0125", ceiling(128_000, 4_096)),
    ("gpt-4-32k", ceiling(32_768, 32_768)),
    ("gpt-4", ceiling(8_192, 8_192)),
    ("gpt-3.5-turbo-16k", ceiling(16_385, 16_385)),
    ("gpt-35-turbo-16k", ceiling(16_385, 16_385)),
    ("gpt-3.5-turbo", ceiling(16_385, 4_096)),
    ("gpt-35-turbo", ceiling(16_385, 4_096)),
    ("gpt-oss", ceiling(131_072, 131_072)),
    ("o1-mini", ceiling(128_000, 65_536)),
    ("o1-preview", ceiling(128_000, 32_768)),
    ("o1", ceiling(200_000, 100_000)),
    ("o3", ceiling(200_000, 100_000)),
    ("o4-mini", ceiling(200_000, 100_000)),
    ("codex-mini", ceiling(200_000, 100_000)),
    ("computer-use-preview", ceiling(8_192, 8_192)),
    ("davinci-002", ceiling(16_384, 16_384)),
    ("babbage-002", ceiling(16_384, 16_384)),
    ("claude-opus-4-6", ceiling(1_000_000, 128_000)),
    ("claude-opus-4-7", ceiling(1_000_000, 128_000)),
    ("claude-opus-4-5", ceiling(200_000, 64_000)),
    ("claude-opus-4", ceiling(200_000, 32_000)),
    ("claude-sonnet-4-6", ceiling(1_000_000, 128_000)),
    ("claude-sonnet-4", ceiling(1_000_000, 64_000)),
    ("claude-haiku-4", ceiling(200_000, 64_000)),
    ("claude-3-7-sonnet", ceiling(200_000, 128_000)),
    ("claude-3-5", ceiling(200_000, 8_192)),
    ("claude-3", ceiling(200_000, 4_096)),
    ("gemini-3.1", ceiling(1_048_576, 65_536)),
    ("gemini-3", ceiling(1_048_576, 65_536)),
    ("gemini-2.5", ceiling(1_048_576, 65_536)),
    ("gemini-2.0", ceiling(1_048_576, 8_192)),
    ("gemini-1.5-pro", ceiling(2_097_152, 8_192)),
    ("gemini-1.5", ceiling(1_048_576, 8_192)),
    ("mistral-large", ceiling(262_144, 262_144)),
    ("mistral-medium", ceiling(131_072, 131_072)),
    ("mistral-small", ceiling(131_072, 131_072)),
    ("llama-3.3", ceiling(131_072, 131_072)),
    ("llama-3.1", ceiling(131_072, 131_072)),
    ("command-r", ceiling(128_000, 4_096)),
    ("command-a", ceiling(256_000, 8_192)),
    ("deepseek-r1", ceiling(163_840, 163_840)),
    ("deepseek-v3", ceiling(163_840, 163_840)),
];

/// What a model of this name can do. Versions, prefixes and regions around a family's name do not matter
/// (`us.anthropic.claude-sonnet-4-20250514-v1:0`, `ft:gpt-4o-mini:org::id`, a deployment called `team-gpt-4o`).
#[must_use]
pub fn of(model: &str) -> Option<Ceiling> {
    let families = FAMILIES.iter();
    let mut found = families.filter(|(family, _)| names(model, family));
    found.next().map(|(_, ceiling)| *ceiling)
}

/// Whether a model of this name thinks before it answers, by OpenAI's families: in a chat it takes
/// `max_completion_tokens` and refuses `max_tokens`.
#[must_use]
pub fn reasons(model: &str) -> bool {
    let families = ["gpt-5", "o1", "o3", "o4-mini", "codex-mini"];
    families.iter().any(|family| names(model, family))
}

/// Whether the family's name stands in the model's, not inside a word, and not as the start of another version.
fn names(model: &str, family: &str) -> bool {
    let (model, family) = (model.as_bytes(), family.as_bytes());
    let mut windows = model.windows(family.len()).enumerate();
    windows.any(|(at, part)| {
        part.eq_ignore_ascii_case(family)
            && !at
                .checked_sub(1)
                .is_some_and(|before| model[before].is_ascii_alphanumeric())
            && !matches!(
                &model[at + family.len()..],
                [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..]
            )
    })
}
