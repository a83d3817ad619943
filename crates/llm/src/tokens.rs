//! Counting tokens as the models do, and estimating what a request's prompt will cost.
//!
//! Called by `engine` for `llm-token-limit` and by the simulated providers. Vocabularies are embedded (bpe-openai).
//! What must hold: counting is linear in the text; a prompt of any size costs bounded time (`COUNT_LIMIT`); an estimate
//! says whether it is exact.

mod bound;
mod estimate;
mod functions;
#[cfg(test)]
mod tests;
mod vocabulary;

use bpe_openai::Tokenizer;

pub use bound::{MARGIN, bound_prompt};
pub use estimate::{COUNT_LIMIT, Estimate, IMAGE_TOKENS, estimate_prompt};
pub use vocabulary::Vocabulary;

/// A vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `o200k_base`: gpt-4o, gpt-4.1, gpt-4.5, gpt-5, the o-series, gpt-oss
    O200k,
    /// `cl100k_base`: gpt-4, gpt-3.5, the embedding models of the second and third generation
    Cl100k,
}

/// Names by their start, longest first where one is the start of another.
const BY_PREFIX: &[(&str, Encoding)] = &[
    ("gpt-4o", Encoding::O200k),
    ("gpt-4.1", Encoding::O200k),
    ("gpt-4.5", Encoding::O200k),
    ("gpt-4-", Encoding::Cl100k),
    ("gpt-5", Encoding::O200k),
    ("gpt-oss", Encoding::O200k),
    ("gpt-3.5", Encoding::Cl100k),
    ("gpt-35", Encoding::Cl100k),
    ("chatgpt-4o", Encoding::O200k),
    ("codex-mini", Encoding::O200k),
    ("computer-use-preview", Encoding::O200k),
    ("model-router", Encoding::O200k),
    ("text-embedding-ada-002", Encoding::Cl100k),
    ("text-embedding-3", Encoding::Cl100k),
    ("davinci-002", Encoding::Cl100k),
    ("babbage-002", Encoding::Cl100k),
];

impl Encoding {
    /// The vocabulary of a model, and whether the name is one of a known family. An unknown name (a deployment may be
    /// called anything) is searched for a known family, and else taken for a current model.
    #[must_use]
    pub fn for_model(model: &str) -> (Self, bool) {
        // `openai/gpt-4o`, `ft:gpt-4o-mini:org::id`
        let name = model.rsplit('/').next().unwrap_or(model);
        let name = name.strip_prefix("ft:").unwrap_or(name);
        if name.eq_ignore_ascii_case("gpt-4") || starts_with(name, "gpt-4:") {
            return (Self::Cl100k, true);
        }
        for (prefix, encoding) in BY_PREFIX {
            if starts_with(name, prefix) {
                return (*encoding, true);
            }
        }
        if let [b'o' | b'O', b'1'..=b'9', rest @ ..] = name.as_bytes()
            && matches!(rest.first(), None | Some(b'-' | b':'))
        {
            return (Self::O200k, true);
        }
        for (family, encoding) in BY_PREFIX {
            if name
                .as_bytes()
                .windows(family.len())
                .any(|part| part.eq_ignore_ascii_case(family.as_bytes()))
            {
                return (*encoding, false);
            }
        }
        (Self::O200k, false)
    }

    /// The number of tokens of `text`. Text that looks like a special token is counted as plain text.
    #[must_use]
    pub fn count(self, text: &str) -> u64 {
        if text.is_empty() {
            0
        } else {
            self.tokenizer().count(text) as u64
        }
    }

    fn tokenizer(self) -> &'static Tokenizer {
        match self {
            Self::O200k => bpe_openai::o200k_base(),
            Self::Cl100k => bpe_openai::cl100k_base(),
        }
    }
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.as_bytes()
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// The number of tokens of `text` for a model.
#[must_use]
pub fn count(model: &str, text: &str) -> u64 {
    Vocabulary::for_model(model).count(text)
}

/// Loads the vocabularies (60 to 230 ms) so that no request waits for it. Call once at start, off the data plane.
pub fn warm_up() {
    for encoding in [Encoding::O200k, Encoding::Cl100k] {
        std::hint::black_box(encoding.count("The quick brown fox, 42 times.\n"));
    }
    crate::stream::warm_up();
}
