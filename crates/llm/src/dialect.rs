//! Which model operation a request path names, and which deployment.
//!
//! Called by `engine` once per request, or once per API operation when the template is fixed.
//! Paths are judged by their end, because the gateway's API prefix and the provider's differ:
//! `/openai/deployments/{d}/chat/completions`, `/openai/v1/responses`, `/v1/embeddings`.

#[cfg(test)]
mod tests;

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
        let mut segments = segments(path).rev();
        let Some(last) = segments.next() else {
            return Self::Other;
        };
        if last.eq_ignore_ascii_case("completions") {
            if segments
                .next()
                .is_some_and(|before| before.eq_ignore_ascii_case("chat"))
            {
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
    let mut segments = segments(path);
    segments.find(|segment| segment.eq_ignore_ascii_case("deployments"))?;
    segments.next()
}

fn segments(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    path[..end].split('/').filter(|segment| !segment.is_empty())
}
