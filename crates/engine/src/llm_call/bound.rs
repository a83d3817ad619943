//! The most that a call can use, for strict accounting: what is reserved before it goes upstream.
//!
//! Used by token limits and budgets through [`Exchange::most_of_call`]. What must stay true: the bound is never below
//! what the provider can report, so far as the request shows it; where the bound is not the provider's own or the
//! caller's, the request leaves with it, so that the provider keeps to it; a call that cannot be bounded says so.

use super::{LlmCall, is_json};
use crate::definition::TokenAccounting;
use crate::exchange::Exchange;
use crate::failure::Failure;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tollgate_llm::request::limit_output;
use tollgate_llm::tokens::bound_prompt;
use tollgate_llm::{Operation, Peek, Usage, ceiling};

/// Output tokens of one choice of a model that is not known, when neither the call nor the configuration says.
pub const DEFAULT_MAX_TOKENS: u64 = 4_096;

/// Header of an answer whose call was sent with fewer output tokens than it asked for: the bound of each choice.
pub const CLAMPED: HeaderName = HeaderName::from_static("x-tollgate-max-tokens");

/// The most tokens that a call can use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Most {
    /// Of the prompt.
    pub prompt: u64,
    /// Of the output, over all choices, with reasoning.
    pub output: u64,
    /// Choices that the output is for; at least 1.
    pub choices: u64,
}

impl Most {
    /// Both together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.prompt.saturating_add(self.output)
    }

    /// The least that the call is sent with when its output may be lowered to `clamp` tokens for each choice.
    #[must_use]
    pub fn least(self, clamp: Option<u64>) -> u64 {
        let output = clamp.map_or(self.output, |each| {
            each.saturating_mul(self.choices).min(self.output)
        });
        self.prompt.saturating_add(output)
    }
}

/// A bound that was worked out.
pub(super) struct Bound {
    most: Most,
    /// The request leaves with it.
    sent: bool,
    /// It is lower than what the call asked for.
    clamped: bool,
    /// Accounting is strict: what is not reported counts as the bound.
    strict: bool,
}

impl Exchange {
    /// How token limits hold for this request: what the API says, else the product, else the gateway.
    pub fn token_accounting(&self) -> TokenAccounting {
        let api = self.api().map(|api| api.token_accounting);
        let product = self.product().map(|product| product.token_accounting);
        let gateway = self.snapshot.gateway.token_accounting;
        let wider = product.unwrap_or_default().over(gateway);
        api.unwrap_or_default().over(wider)
    }

    /// The most that the model call can use, worked out once. A request that is no model call uses nothing.
    ///
    /// # Errors
    /// When there is no bound: the body cannot be read, or part of the prompt is only at the provider.
    pub fn most_of_call(&mut self) -> Result<Most, Box<Failure>> {
        let accounting = self.token_accounting();
        self.llm_call();
        let Some(mut call) = self.llm.take() else {
            return Ok(Most::default());
        };
        let most = call.most(self, accounting);
        self.llm = Some(call);
        most
    }
}

impl LlmCall {
    fn most(&mut self, rq: &Exchange, accounting: TokenAccounting) -> Result<Most, Box<Failure>> {
        if let Some(bound) = &self.bound {
            return Ok(bound.most);
        }
        let bound = if rq.request.method != Method::POST {
            None
        } else if self.readable {
            self.bound_of_body(accounting)?
        } else if self.operation != Operation::Other || is_json(&rq.request.headers, false) {
            return Err(unbounded("The request's body is not JSON."));
        } else {
            None
        };
        let bound = bound.unwrap_or(Bound {
            most: Most {
                choices: 1,
                ..Most::default()
            },
            sent: false,
            clamped: false,
            strict: false,
        });
        let most = bound.most;
        self.bound = Some(bound);
        Ok(most)
    }

    /// The most that a policy's own call can use, which its body is then held to.
    pub(crate) fn most_beside(
        &mut self,
        accounting: TokenAccounting,
    ) -> Result<Most, Box<Failure>> {
        let bound = self.bound_of_body(accounting)?;
        let most = bound
            .as_ref()
            .map_or_else(Most::default, |bound| bound.most);
        self.bound = bound;
        Ok(most)
    }

    /// `None` for a body that is not a model's.
    fn bound_of_body(&self, accounting: TokenAccounting) -> Result<Option<Bound>, Box<Failure>> {
        let peek = self.peek();
        let parts = [peek.messages, peek.contents, peek.input, peek.prompt];
        if self.operation == Operation::Other && parts.iter().all(Option::is_none) {
            return Ok(None);
        }
        // The path's deployment is what Azure serves, whatever the body calls it.
        let model = self.deployment.as_deref().or(self.model.as_deref());
        let known = model.and_then(ceiling::of);
        let prompt = bound_prompt(self.operation, &self.body, &peek, model);
        // No prompt is larger than the context; embeddings take several, each with its own.
        let context = known
            .map(|known| known.context)
            .filter(|_| self.operation != Operation::Embeddings);
        let prompt = match (prompt, context) {
            (Some(prompt), context) => prompt.min(context.unwrap_or(u64::MAX)),
            (None, Some(context)) => context,
            (None, None) => {
                return Err(unbounded(
                    "Part of the prompt is only at the provider, and the model is not known.",
                ));
            }
        };
        let choices = peek.choices(self.operation);
        let (each, sent) = if self.operation == Operation::Embeddings {
            (0, false)
        } else if let Some(each) = peek.output_bound(self.operation) {
            (each, false)
        } else {
            match (accounting.max_tokens, known) {
                (Some(most), known) => (most.min(known.map_or(most, |known| known.output)), true),
                (None, Some(known)) => (known.output, false),
                (None, None) => (DEFAULT_MAX_TOKENS, true),
            }
        };
        // What of a prediction is rejected is billed as output.
        let predicted = peek
            .output
            .prediction
            .map_or(0, |text| text.get().len() as u64);
        Ok(Some(Bound {
            most: Most {
                prompt,
                output: each.saturating_mul(choices).saturating_add(predicted),
                choices,
            },
            sent: sent && self.takes_bound(&peek),
            clamped: false,
            strict: accounting.is_strict(),
        }))
    }

    /// Whether the API has a member that bounds the output: those of vendors do, for messages and contents.
    fn takes_bound(&self, peek: &Peek<'_>) -> bool {
        match self.operation {
            Operation::Embeddings => false,
            Operation::Other => peek.messages.is_some() || peek.contents.is_some(),
            _ => true,
        }
    }

    /// Sends the call with at most so many output tokens, over all its choices, which is fewer than it asked for.
    pub fn lower_output(&mut self, output: u64) {
        let takes = self.takes_bound(&self.peek());
        if let Some(bound) = &mut self.bound
            && output < bound.most.output
            && takes
        {
            bound.most.output = output;
            (bound.sent, bound.clamped) = (true, true);
        }
    }

    /// Output tokens of each choice, when that is fewer than the call asked for.
    pub fn clamped(&self) -> Option<u64> {
        let bound = self.bound.as_ref().filter(|bound| bound.clamped)?;
        Some(bound.most.output / bound.most.choices.max(1))
    }

    /// Under strict accounting: a call that the provider may have worked on without telling what it used (also when it did
    /// not answer in time) has used the most that it could.
    pub(crate) fn hold_to_bound(&mut self, timed_out: bool) {
        let Some(Bound { most, .. }) = self.bound.as_ref().filter(|bound| bound.strict) else {
            return;
        };
        let unknown = match self.usage {
            Some(usage) => usage.estimated && usage.total < most.total(),
            None => timed_out,
        };
        if unknown {
            self.usage = Some(Usage {
                tier: self.usage.and_then(|usage| usage.tier),
                ..Usage::estimate(most.prompt, most.output)
            });
        }
    }

    /// Tells the bound of a call that was lowered.
    pub(super) fn tell_clamped(&self, headers: &mut HeaderMap) {
        if let Some(each) = self.clamped() {
            headers.insert(CLAMPED, HeaderValue::from(each));
        }
    }

    /// The body with the bound that was reserved, if it must be written into it. `same` tells that it is the body which
    /// the bound is of; one that a policy wrote since is held to it in any case.
    pub(crate) fn bounded(&self, body: &[u8], same: bool) -> Option<Bytes> {
        let bound = self.bound.as_ref().filter(|bound| bound.sent || !same)?;
        let peek = Peek::new(body).ok()?;
        if bound.most.output == 0 || !self.takes_bound(&peek) {
            return None;
        }
        let choices = peek.choices(self.operation);
        let model = self.deployment.as_deref().or(self.model.as_deref());
        // A deployment can be called anything: the newer name is the one that all newer models take.
        let reasons = model.is_none_or(|model| {
            ceiling::reasons(model) || (self.deployment.is_some() && ceiling::of(model).is_none())
        });
        let each = (bound.most.output / choices).max(1);
        limit_output(self.operation, body, &peek, each, reasons)
    }
}

fn unbounded(why: &str) -> Box<Failure> {
    Failure::refused(
        "",
        "TokenBoundUnknown",
        StatusCode::BAD_REQUEST,
        format!("The tokens of the call cannot be bounded. {why}"),
    )
}
