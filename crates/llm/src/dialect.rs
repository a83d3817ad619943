//! Which model operation a request path names, and which deployment.
//!
//! Called by `engine` once per request, or once per API operation when the template is fixed.
//! Paths are judged by their end, because the gateway's API prefix and the provider's differ:
//! `/openai/deployments/{d}/chat/completions`, `/openai/v1/responses`, `/v1/embeddings`.

#[cfg(test)]
mod tests;

use memchr::{memchr, memchr2, memrchr};

/// A model operation, as far as metering needs to tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `…/chat/completions`
    ChatCompletions,
    /// `…/completions`, the legacy text completion
    Completions,
    /// `…/responses` (creating one; `…/responses/{id}` is `Other`)
    Responses,
    /// `…/embeddings`
    Embeddings,
    /// Anything else: bodies are still searched for usage in the shapes of other vendors.
    Other,
}

impl Operation {
    /// The operation that a request path names. A query, a fragment and trailing slashes are ignored; case too.
    #[must_use]
    pub fn from_path(path: &str) -> Self {
        let (before, last) = split_last(without_query(path));
        if last.eq_ignore_ascii_case("completions") {
            if split_last(before).1.eq_ignore_ascii_case("chat") {
                Self::ChatCompletions
            } else {
                Self::Completions
            }
        } else if last.eq_ignore_ascii_case("responses") {
            Self::Responses
        } else if last.eq_ignore_ascii_case("embeddings") {
            Self::Embeddings
        } else {
            Self::Other
        }
    }

    /// Whether `stream_options.include_usage` is known to the operation. The Responses API reports usage unasked, in
    /// its last event, and refuses the member.
    #[must_use]
    pub fn takes_include_usage(self) -> bool {
        matches!(self, Self::ChatCompletions | Self::Completions)
    }
}

/// The deployment id of an Azure OpenAI path (`…/deployments/{id}/…`), still percent-encoded.
#[must_use]
pub fn deployment(path: &str) -> Option<&str> {
    const NAME: &[u8] = b"deployments";
    let path = without_query(path);
    let mut start = 0;
    loop {
        let end = memchr(b'/', &path.as_bytes()[start..]).map_or(path.len(), |n| start + n);
        let found = path.as_bytes()[start..end].eq_ignore_ascii_case(NAME);
        if end == path.len() {
            return None;
        }
        start = end + 1;
        if found {
            let rest = path[start..].trim_start_matches('/');
            let id = &rest[..memchr(b'/', rest.as_bytes()).unwrap_or(rest.len())];
            return (!id.is_empty()).then_some(id);
        }
    }
}

/// The model that a path names, still percent-encoded, and whether the path asks for a stream: Gemini and Vertex AI
/// (`…/models/{model}:streamGenerateContent`), Bedrock (`/model/{model}/converse-stream`).
#[must_use]
pub fn model_in_path(path: &str) -> Option<(&str, bool)> {
    let path = without_query(path).trim_end_matches('/');
    let (before, last) = split_last(path);
    if let Some((model, action)) = last.rsplit_once(':') {
        // `generateContent`, `embedContent`, `predict`, `rawPredict`, and their streams.
        let known = ["content", "predict", "tokens", "contents"]
            .iter()
            .any(|end| ends_with(action, end));
        let parent = split_last(before).1.trim_end_matches('/');
        if known && parent.eq_ignore_ascii_case("models") && !model.is_empty() {
            return Some((model, starts_with(action, "stream")));
        }
        return None;
    }
    let stream = match last {
        _ if last.eq_ignore_ascii_case("converse") || last.eq_ignore_ascii_case("invoke") => false,
        _ if last.eq_ignore_ascii_case("converse-stream")
            || last.eq_ignore_ascii_case("invoke-with-response-stream") =>
        {
            true
        }
        _ => return None,
    };
    // An id may be an ARN, whose slashes are encoded; some clients leave them as they are.
    let start = before
        .as_bytes()
        .windows(7)
        .position(|part| part.eq_ignore_ascii_case(b"/model/"))?;
    let model = before[start + 7..].trim_end_matches('/');
    (!model.is_empty()).then_some((model, stream))
}

/// Whether a path is one that models are called at: the operations that are known, and those of other vendors by their
/// last segments.
#[must_use]
pub fn names_model_call(path: &str) -> bool {
    const LAST: [&str; 5] = ["messages", "rerank", "generations", "edits", "speech"];
    const AUDIO: [&str; 2] = ["transcriptions", "translations"];
    if Operation::from_path(path) != Operation::Other || model_in_path(path).is_some() {
        return true;
    }
    let (before, last) = split_last(without_query(path));
    let is = |name: &&str| last.eq_ignore_ascii_case(name);
    LAST.iter().any(is)
        || (AUDIO.iter().any(is) && split_last(before).1.eq_ignore_ascii_case("audio"))
}

/// Whether a path is one of a Realtime API: a WebSocket over which many model answers pass.
#[must_use]
pub fn names_realtime(path: &str) -> bool {
    split_last(without_query(path))
        .1
        .eq_ignore_ascii_case("realtime")
}

fn starts_with(text: &str, start: &str) -> bool {
    text.as_bytes()
        .get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

fn ends_with(text: &str, end: &str) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|at| text.as_bytes().get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
}

fn without_query(path: &str) -> &str {
    &path[..memchr2(b'?', b'#', path.as_bytes()).unwrap_or(path.len())]
}

/// The last segment, and what stands before it; empty segments do not count.
fn split_last(path: &str) -> (&str, &str) {
    let path = path.trim_end_matches('/');
    let start = memrchr(b'/', path.as_bytes()).map_or(0, |n| n + 1);
    path.split_at(start)
}
