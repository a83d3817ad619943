//! The ceiling over a running answer: token limits and budgets say how far it may go, and a stream that comes there is
//! ended with its protocol's own last events.
//!
//! What must stay true: without a ceiling a stream has no filter on it; an event that would pass the lowest ceiling is
//! not passed; a stream that was ended closes its upstream, so that it stops to cost, and settles what it passed.

use super::LlmCall;
use bytes::Bytes;
use tollgate_llm::Usage;
use tollgate_llm::stream::{Cut, Passed, Progress, Stopped};

/// Asked before each event with output text, with what the call will have used then; an error ends the stream and is told
/// to the caller.
pub type Allowance = Box<dyn FnMut(Progress) -> Result<(), Stopped>>;

/// How an answer lies in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Server-sent events.
    Events,
    /// Frames of Amazon's.
    Frames,
    /// One JSON array, an element for each event.
    Array,
    /// All at once.
    Whole,
}

/// How far an answer may go. The lowest ceiling counts.
pub(super) struct Ceiling {
    output: u64,
    total: u64,
    allowances: Vec<Allowance>,
    /// Why it was ended.
    stopped: Option<Stopped>,
}

impl Default for Ceiling {
    fn default() -> Self {
        Ceiling {
            output: u64::MAX,
            total: u64::MAX,
            allowances: Vec::new(),
            stopped: None,
        }
    }
}

impl Ceiling {
    fn allows(&mut self, used: Progress) -> bool {
        let stopped = if used.output > self.output || used.total() > self.total {
            Err(Stopped {
                message: String::from("All the tokens that were reserved for the call are used."),
                rate: false,
            })
        } else {
            let mut allowances = self.allowances.iter_mut();
            allowances.try_for_each(|allows| allows(used))
        };
        self.stopped = stopped.err();
        self.stopped.is_none()
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

    /// Whether an answer of this shape has a ceiling.
    pub(super) fn may_be_cut(&self, shape: Shape) -> bool {
        self.ceiling.is_some() && shape != Shape::Whole
    }

    /// The filter for a streamed answer, when there is a ceiling.
    pub(super) fn cutting(&mut self, shape: Shape) -> Option<Box<Cutting>> {
        let ceiling = self.ceiling.take_if(|_| shape != Shape::Whole)?;
        let prompt = self.estimate().tokens;
        let cut = Cut::new(
            self.operation,
            prompt,
            self.model_name(),
            self.include_usage,
        );
        let cut = match shape {
            Shape::Events | Shape::Whole => cut,
            Shape::Frames => cut.frames(),
            Shape::Array => cut.array(),
        };
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
        let stopped = self.ceiling.stopped.take();
        self.cut.close(&stopped.unwrap_or(Stopped {
            message: String::from("The stream was ended."),
            rate: false,
        }))
    }
}
