//! The ceiling over a running answer: token limits and budgets say how far it may go, and a stream that comes there is
//! ended with its protocol's own last events.
//!
//! What must stay true: without a ceiling a stream has no filter on it; an event that would pass the lowest ceiling is
//! not passed; a stream that was ended closes its upstream, so that it stops to cost, and settles what it passed.

use super::LlmCall;
use bytes::Bytes;
use tollgate_llm::Usage;
use tollgate_llm::stream::{Cut, Passed, Progress};

/// Asked before each event with output text, with what the call will have used then; `false` ends the stream.
pub type Allowance = Box<dyn FnMut(Progress) -> bool>;

/// How far an answer may go. The lowest ceiling counts.
pub(super) struct Ceiling {
    output: u64,
    total: u64,
    allowances: Vec<Allowance>,
}

impl Default for Ceiling {
    fn default() -> Self {
        Ceiling {
            output: u64::MAX,
            total: u64::MAX,
            allowances: Vec::new(),
        }
    }
}

impl Ceiling {
    fn allows(&mut self, used: Progress) -> bool {
        used.output <= self.output
            && used.total() <= self.total
            && self.allowances.iter_mut().all(|allows| allows(used))
    }
}

impl LlmCall {
    /// Ends a streamed answer before it has more than so many tokens of output, over all its choices. To be called before
    /// the backend answers; of several, the lowest counts. A whole answer passes as it is.
    pub fn limit_output(&mut self, tokens: u64) {
        let ceiling = self.ceiling.get_or_insert_default();
        ceiling.output = ceiling.output.min(tokens);
    }

    /// The same for prompt and output together; the prompt counts as estimated until the provider has told.
    pub fn limit_total(&mut self, tokens: u64) {
        let ceiling = self.ceiling.get_or_insert_default();
        ceiling.total = ceiling.total.min(tokens);
    }

    /// The same for limits that are shared with other calls under way: asked while the stream runs.
    pub fn stop_unless(&mut self, allows: Allowance) {
        self.ceiling.get_or_insert_default().allowances.push(allows);
    }

    /// Whether the answer was ended at a ceiling: its end reason is `cut_by_budget`.
    pub fn is_cut(&self) -> bool {
        self.tally.borrow().is_cut()
    }

    /// The filter for an event stream, when there is a ceiling.
    pub(super) fn cutting(&mut self) -> Option<Box<Cutting>> {
        let ceiling = self.ceiling.take()?;
        let prompt = self.estimate().tokens;
        let cut = Cut::new(
            self.operation,
            prompt,
            self.model_name(),
            self.include_usage,
        );
        Some(Box::new(Cutting { cut, ceiling }))
    }
}

/// The filter with the ceiling that it asks.
pub(super) struct Cutting {
    cut: Cut,
    ceiling: Box<Ceiling>,
}

impl Cutting {
    /// See [`Cut::push`].
    pub(super) fn push(&mut self, data: &Bytes) -> Passed {
        let ceiling = &mut self.ceiling;
        self.cut.push(data, |used| ceiling.allows(used))
    }

    /// See [`Cut::finish`].
    pub(super) fn finish(&mut self) -> Option<Bytes> {
        self.cut.finish()
    }

    /// What was used, once the stream was ended.
    pub(super) fn cut(&self) -> Option<Usage> {
        self.cut.is_cut().then(|| self.cut.usage())
    }

    /// See [`Cut::close`].
    pub(super) fn close(&mut self) -> Bytes {
        self.cut.close()
    }
}
