//! Deterministic semantic vectors: hashed words and character trigrams, stop words damped.
//!
//! Called by `embeddings`. It stands in for a trained model: texts that share most of their content
//! words lie within a cosine distance of 0.15, texts that share none lie beyond 0.85.
//! What must stay true: a vector depends on model and text only, and has length one.

use super::hash::{fnv, mix};

/// Share of a word's weight that is spread over its trigrams, so that typing errors stay near.
const TRIGRAM_WEIGHT: f32 = 0.25;
/// Weight of words that carry no meaning of their own.
const STOP_WEIGHT: f32 = 0.08;
/// Coordinates that each feature touches; more than one keeps hash collisions harmless.
const SPREAD: u64 = 4;

/// Words that questions share whatever they ask.
pub(super) const STOP_WORDS: &[&str] = &[
    "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been",
    "being", "but", "by", "can", "could", "describe", "did", "do", "does", "doing", "done", "each",
    "explain", "for", "from", "get", "give", "had", "has", "have", "having", "he", "help", "her",
    "here", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "kindly",
    "know", "let", "like", "may", "me", "might", "more", "most", "must", "my", "need", "of", "on",
    "or", "our", "please", "shall", "she", "should", "show", "so", "some", "such", "tell", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "too",
    "us", "very", "want", "was", "we", "were", "what", "when", "where", "which", "while", "who",
    "whom", "why", "will", "with", "would", "you", "your",
];

/// Whether a lower-case word carries no meaning of its own.
pub(super) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// The words of a text: runs of letters and digits, lower case.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .map(|word| word.trim_matches('\'').to_lowercase())
        .filter(|word| !word.is_empty())
}

/// The vector of a text for a model, normalised.
pub(super) fn embed(model: &str, text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0; dimensions];
    if dimensions == 0 {
        return vector;
    }
    for word in words(text) {
        let stop = is_stop_word(&word);
        let weight = if stop { STOP_WEIGHT } else { 1.0 };
        let stem = stem(&word);
        add(&mut vector, fnv([model, "word", stem]), weight);
        if !stop {
            let framed: Vec<char> = format!("^{stem}$").chars().collect();
            let count = framed.len().saturating_sub(2).max(1);
            let share = TRIGRAM_WEIGHT / (count as f32).sqrt();
            for gram in framed.windows(3) {
                add(
                    &mut vector,
                    fnv([model, "gram", &String::from_iter(gram)]),
                    share,
                );
            }
        }
    }
    normalise(&mut vector, model);
    vector
}

/// Strips the commonest English endings, so that "scales", "scaled" and "scaling" meet.
fn stem(word: &str) -> &str {
    for ending in ["ingly", "edly", "ing", "ies", "es", "ed", "ly", "s", "e"] {
        if let Some(stem) = word.strip_suffix(ending)
            && (stem.chars().count() >= 4
                || (ending == "s" && stem.chars().count() >= 3 && !stem.ends_with('s')))
        {
            return stem;
        }
    }
    word
}

/// Adds one feature at a few signed coordinates.
fn add(vector: &mut [f32], feature: u64, weight: f32) {
    let share = weight / (SPREAD as f32).sqrt();
    for salt in 0..SPREAD {
        let bits = mix(feature.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let at = (bits >> 1) % vector.len() as u64;
        vector[at as usize] += if bits & 1 == 0 { share } else { -share };
    }
}

fn normalise(vector: &mut [f32], model: &str) {
    let mut norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm == 0.0 {
        // A text without words still needs a direction.
        add(vector, fnv([model, "empty"]), 1.0);
        norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    }
    if norm == 0.0 {
        // With few dimensions a feature's signs can cancel.
        vector[0] = 1.0;
        norm = 1.0;
    }
    vector.iter_mut().for_each(|x| *x /= norm);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: &str, b: &str) -> f32 {
        let model = "text-embedding-3-small";
        let (a, b) = (embed(model, a, 1536), embed(model, b, 1536));
        1.0 - a.iter().zip(&b).map(|(x, y)| x * y).sum::<f32>()
    }

    #[test]
    fn stop_words_are_sorted_for_binary_search() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn paraphrases_are_near() {
        for (a, b) in [
            (
                "How does App Service scale an MCP server?",
                "How does App Service horizontally scale an MCP server?",
            ),
            (
                "What is the capital of France?",
                "Tell me the capital of France, please.",
            ),
            (
                "Explain token limits of the gateway",
                "What are the token limits of a gateway?",
            ),
            ("How do I reset my password?", "how can i reset my password"),
            ("Say hello.", "Say hello!"),
        ] {
            assert!(distance(a, b) < 0.15, "{a} / {b}: {}", distance(a, b));
        }
    }

    #[test]
    fn unrelated_prompts_are_far() {
        for (a, b) in [
            (
                "What is the capital of France?",
                "How do I reset my password?",
            ),
            (
                "Explain token limits of the gateway",
                "What should we cook for dinner?",
            ),
            (
                "How does App Service scale an MCP server?",
                "Which football club won in 1998?",
            ),
            ("Summarise this contract", "Translate the poem into German"),
        ] {
            assert!(distance(a, b) > 0.85, "{a} / {b}: {}", distance(a, b));
        }
    }

    #[test]
    fn every_text_has_a_unit_vector() {
        for text in ["", "???", "a", "hello", &"long ".repeat(5000)] {
            for dimensions in [1, 2, 256, 1536] {
                let norm: f32 = embed("m", text, dimensions).iter().map(|x| x * x).sum();
                assert!((norm - 1.0).abs() < 1e-3, "{text:?} {dimensions}: {norm}");
            }
        }
    }
}
