//! The vocabulary of a model: embedded for OpenAI's, approximated for those of other vendors.
//!
//! Called for estimates, where a provider reports no usage. An approximation is a weighted sum: of what both embedded
//! vocabularies count, and of how many characters of each kind the text has. The weights are fitted by
//! `tests/node/tokens.mjs` to the texts of `tests/counts/fit.txt`, with vocabularies that vendors have published, and
//! tested with those of `check.txt` (`tests/estimates.rs`). What must hold: counting is linear in the text.

use super::Encoding;

/// How the tokens of a model's text are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// The embedded vocabulary that is the model's, or is nearest.
    pub encoding: Encoding,
    /// Whether it is known to be the model's.
    pub known: bool,
    approximation: Option<Approximation>,
}

/// A vendor's vocabulary that is not embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Approximation {
    weights: &'static Weights,
    /// What its count is multiplied with, in hundredths.
    percent: u64,
}

/// Thousandths of a token, for each token of `o200k_base` and of `cl100k_base`, and for each character of a kind.
#[derive(Debug, PartialEq, Eq)]
struct Weights([i64; 2 + KINDS]);

const KINDS: usize = 13;

/// Claude's, as its vendor published it once (`@anthropic-ai/tokenizer`).
static CLAUDE: Weights = Weights([
    324, 699, 46, -103, -28, -113, 575, 22, 43, 307, 130, 872, 404, 44, 0,
]);

/// Gemma's, which its vendor derives from Gemini's.
static GEMMA: Weights = Weights([
    615, 104, 31, 661, 225, 211, 242, 102, -158, 217, 32, -66, 47, -122, -58,
]);

/// Llama 2's.
static LLAMA2: Weights = Weights([
    41, 754, 65, 575, 248, 96, 474, 590, 256, 990, -54, 853, 371, 157, 335,
]);

/// Llama 3's.
static LLAMA3: Weights = Weights([
    320, 589, 41, 74, 8, 11, -113, -104, -151, -177, -106, -468, -150, -201, 36,
]);

/// Mistral's of 32,000 tokens (versions 1 to 3).
static MISTRAL: Weights = Weights([
    -2, 781, 78, 597, 228, 77, 543, 308, 304, 504, -17, 731, 336, -25, -49,
]);

/// Parts of models' names, the first that fits counting; `None`: a vocabulary that nobody has published in a form that
/// could be compared.
const FAMILIES: &[(&str, Option<&Weights>)] = &[
    ("claude", Some(&CLAUDE)),
    ("gemini", Some(&GEMMA)),
    ("gemma", Some(&GEMMA)),
    ("llama-4", None),
    ("llama4", None),
    ("codellama", Some(&LLAMA2)),
    ("llama-2", Some(&LLAMA2)),
    ("llama2", Some(&LLAMA2)),
    ("llama", Some(&LLAMA3)),
    ("mixtral", Some(&MISTRAL)),
    ("mistral-7b", Some(&MISTRAL)),
    ("mistral-tiny", Some(&MISTRAL)),
    ("mistral-small-2402", Some(&MISTRAL)),
    ("mistral-large-2402", Some(&MISTRAL)),
    ("mistral-large-2407", Some(&MISTRAL)),
];

/// Claude from 4.7 on counts about 30% more than the models before, as Anthropic's migration guide says.
const NEWER_CLAUDE: u64 = 130;

impl Vocabulary {
    /// Of a model; see [`Encoding::for_model`] for names that are not known.
    #[must_use]
    pub fn for_model(model: &str) -> Self {
        let (encoding, known) = Encoding::for_model(model);
        let family = |name: &str| {
            model
                .as_bytes()
                .windows(name.len())
                .position(|part| part.eq_ignore_ascii_case(name.as_bytes()))
        };
        let found = FAMILIES
            .iter()
            .filter(|_| !known)
            .find_map(|(name, weights)| Some((family(name)? + name.len(), *weights)));
        let approximation = found.and_then(|(end, weights)| {
            let weights = weights?;
            let newer = *weights == CLAUDE && is_newer_claude(&model[end..]);
            Some(Approximation {
                weights,
                percent: if newer { NEWER_CLAUDE } else { 100 },
            })
        });
        Self {
            encoding,
            known,
            approximation,
        }
    }

    /// The number of tokens of `text`. Text that looks like a special token is counted as plain text.
    #[must_use]
    pub fn count(self, text: &str) -> u64 {
        match self.approximation {
            None => self.encoding.count(text),
            Some(approximation) => approximation.count(text),
        }
    }
}

/// Whether what stands behind `claude` is a version from 4.7 on: the first two numbers of a digit or two, before a date.
/// (Behind `claude-3-5-sonnet` and `claude-opus-4-7` alike.)
fn is_newer_claude(rest: &str) -> bool {
    let mut numbers = rest
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map_while(|digits| digits.parse::<u32>().ok().filter(|_| digits.len() <= 2));
    let version = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    version >= (4, 7)
}

impl Approximation {
    fn count(self, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        let (first, second) = (Encoding::O200k.count(text), Encoding::Cl100k.count(text));
        let mut sum = 0_i128;
        let mut kinds = [0_u64; KINDS];
        for character in text.chars() {
            kinds[kind(character)] += 1;
        }
        let counts = [first, second].into_iter().chain(kinds);
        for (weight, count) in self.weights.0.iter().zip(counts) {
            sum += i128::from(*weight) * i128::from(count);
        }
        let tokens = (sum * i128::from(self.percent) + 50_000) / 100_000;
        // Far from all that was fitted to, no vocabulary is that much better or worse.
        let (least, most) = (first.min(second) / 2, first.max(second).saturating_mul(4));
        u64::try_from(tokens)
            .unwrap_or(0)
            .clamp(least.max(1), most.max(1))
    }
}

/// The kind of a character: Latin letters, digits, other ASCII, blanks, line ends; Han, kana, Hangul, Cyrillic, Latin with
/// marks, scripts from Greek to Thai, punctuation, anything else.
fn kind(character: char) -> usize {
    match character {
        '\n' => 4,
        ' ' | '\t' | '\r' => 3,
        'a'..='z' | 'A'..='Z' => 0,
        '0'..='9' => 1,
        '\0'..='\x7f' => 2,
        '\u{4e00}'..='\u{9fff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2ffff}' => 5,
        '\u{3040}'..='\u{30ff}' => 6,
        '\u{ac00}'..='\u{d7af}' | '\u{1100}'..='\u{11ff}' => 7,
        '\u{400}'..='\u{52f}' => 8,
        '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => 9,
        '\u{370}'..='\u{3ff}' | '\u{590}'..='\u{eff}' => 10,
        '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' => 11,
        _ => 12,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vocabularies_by_model() {
        for (model, weights, percent) in [
            ("gpt-4o", None, 0),
            ("claude-3-5-sonnet-20241022", Some(&CLAUDE), 100),
            ("claude-sonnet-4-20250514", Some(&CLAUDE), 100),
            ("us.anthropic.claude-opus-4-6-v1:0", Some(&CLAUDE), 100),
            ("claude-opus-4-7", Some(&CLAUDE), 130),
            ("Claude-Sonnet-5", Some(&CLAUDE), 130),
            ("claude-haiku-5-5@20261001", Some(&CLAUDE), 130),
            ("models/gemini-2.5-pro", Some(&GEMMA), 100),
            ("meta-llama/Llama-2-70b", Some(&LLAMA2), 100),
            ("meta.llama3-1-8b-instruct-v1:0", Some(&LLAMA3), 100),
            ("llama-4-maverick", None, 0),
            ("open-mixtral-8x7b", Some(&MISTRAL), 100),
            ("mistral-small-latest", None, 0),
            ("deepseek-chat", None, 0),
            ("", None, 0),
        ] {
            let found = Vocabulary::for_model(model).approximation;
            let found = found.map(|found| (found.weights, found.percent));
            assert_eq!(found, weights.map(|weights| (weights, percent)), "{model}");
        }
    }

    #[test]
    fn no_text_breaks_it() {
        let claude = Vocabulary::for_model("claude-3-opus");
        assert_eq!(claude.count(""), 0);
        for text in ["\u{10ffff}", "\0", "     ", "\n\n\n\n", "\u{e01}"] {
            let count = claude.count(&text.repeat(500));
            let text = text.repeat(500);
            let nearest = [Encoding::O200k, Encoding::Cl100k].map(|own| own.count(&text));
            let nearest = nearest[0].max(nearest[1]);
            assert!((1..=nearest * 4).contains(&count), "{text:?}: {count}");
        }
    }
}
