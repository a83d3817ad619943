//! `llm-semantic-cache-lookup`: answers a prompt from the answer to a near-same one.
//!
//! `azure-openai-semantic-cache-lookup` is the same step. What must stay true: a search never leaves the partition (API,
//! operation, model, deployment, request settings, `vary-by`); whatever fails, the call goes on to the backend; every
//! answer that the lookup saw says in `x-llm-cache-status` what became of it.

use crate::LocalBoxFuture;
use crate::accounting;
use crate::compile::{
    Arg, AttributeDef, ChildDef, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections,
    attribute, child,
};
use crate::exchange::{BodyState, Deferred, Exchange, Response};
use crate::failure::Failure;
use crate::llm_call::{CacheStatus, CachedAnswer, Embedder, LlmCall};
use crate::probe::tell_found;
use crate::snapshot::BackendIndex;
use crate::step::{Flow, Step};
use http::{HeaderName, HeaderValue};
use std::rc::Rc;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Element, TextKind};
use tollgate_lang::value::Str;
use tollgate_llm::{Operation, prompt_text};

/// The attributes of both elements.
pub const ATTRIBUTES: &[AttributeDef] = &[
    attribute("score-threshold", Kind::Number(0.0, 1.0), "the largest cosine distance of a hit: lower is stricter, 0.05 is a good start").required().expression(),
    attribute("embeddings-backend-id", Kind::Text, "the backend whose embeddings compare prompts; its URL may end in `/embeddings` or before it").required().expression(),
    attribute("embeddings-backend-auth", Kind::OneOf(&["system-assigned"]), "managed identity, unless the backend has credentials of its own").required(),
    attribute("ignore-system-messages", Kind::Bool, "leave system messages out of the comparison").default("false"),
    attribute("max-message-count", Kind::Int(1, i32::MAX as i64), "dialogues of more messages are not looked up"),
    attribute("cache-id", Kind::Text, "which cache; this version has one, in memory"),
];

/// The children of both elements.
pub const CHILDREN: &[ChildDef] = &[child(
    "vary-by",
    Content::Text,
    "part of the partition: answers are never shared between its values",
)];

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "llm-semantic-cache-lookup",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::PerSection,
    attributes: ATTRIBUTES,
    children: CHILDREN,
    content: Content::Empty,
    doc: "Looks for an answer to a prompt that means nearly the same, and answers with it: the backend is not called, `outbound` runs.\n\n`score-threshold` is a distance: a stored prompt hits when its cosine distance is at most that. Hits stay inside a partition: the API, the operation, the model and deployment, every setting of the request beside its prompt, and each `vary-by`. Without a `vary-by`, all callers of the API share answers. The header `x-llm-cache-status` says `hit`, `miss` or `bypass` on every answer. Bypassed are streams, prompts that are more than text (images, files, tool calls, `previous_response_id`), embeddings, dialogues above `max-message-count`, and calls whose embedding could not be had; failures of the cache or of the embeddings never fail the call. A hit counts no tokens on token limits and emits no token metric.",
    compile,
};

/// A threshold above this is likely a similarity, or matches what it should not.
const LOOSE: f64 = 0.2;

/// Longest prompt in bytes that is looked up: embeddings models take 8,191 tokens.
const LONGEST_PROMPT: usize = 64 << 10;

static STATUS: HeaderName = HeaderName::from_static("x-llm-cache-status");

/// Compiles either element.
pub fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let threshold = cx.arg::<f64>(element, "score-threshold");
    if let (Some(Arg::Const(threshold)), Some(attribute)) =
        (&threshold, element.attribute("score-threshold"))
        && *threshold > LOOSE
        && *threshold <= 1.0
    {
        cx.report(
            Diagnostic::warning(
                "TG0346",
                attribute.value.span,
                format!("`score-threshold` {threshold} lets prompts match that differ"),
            )
            .label("a distance: lower is stricter")
            .help("start with 0.05; a similarity of 0.85 is a distance of 0.15"),
        );
    }
    let backend = match element.attribute("embeddings-backend-id") {
        Some(attribute) if attribute.value.kind == TextKind::Literal => cx
            .backend(attribute.value.text.trim(), attribute.value.span)
            .map(Backend::Known),
        _ => cx.arg(element, "embeddings-backend-id").map(Backend::Named),
    };
    let mut vary_by = Vec::new();
    for child in element.elements().filter(|e| &*e.name == "vary-by") {
        vary_by.push(cx.content::<Str>(child)?);
    }
    let ignore_system = cx.literal(element, "ignore-system-messages")?;
    let most_messages = element
        .attribute("max-message-count")
        .and_then(|_| usize::try_from(cx.literal::<i64>(element, "max-message-count")?).ok());
    cx.step(Lookup {
        threshold: threshold?,
        backend: backend?,
        ignore_system,
        most_messages,
        vary_by,
    })
}

#[derive(Debug)]
enum Backend {
    Known(BackendIndex),
    Named(Arg<Str>),
}

#[derive(Debug)]
struct Lookup {
    threshold: Arg<f64>,
    backend: Backend,
    ignore_system: bool,
    most_messages: Option<usize>,
    vary_by: Vec<Arg<Str>>,
}

/// What is looked up.
struct Wanted {
    partition: Str,
    text: String,
    threshold: f64,
    backend: BackendIndex,
}

impl Lookup {
    fn wanted(&self, rq: &mut Exchange) -> Result<Option<Wanted>, Box<Failure>> {
        let threshold = self.threshold.get(rq)?;
        let backend = match &self.backend {
            Backend::Known(index) => Some(*index),
            Backend::Named(name) => {
                let name = name.get(rq)?;
                rq.backend_index(name.trim())
            }
        };
        let mut parts = Vec::with_capacity(self.vary_by.len() + 5);
        parts.push(rq.api().map_or_else(|| Str::from(""), |a| a.id.clone()));
        parts.push(
            rq.operation()
                .map_or_else(|| Str::from(""), |o| o.id.clone()),
        );
        for part in &self.vary_by {
            parts.push(part.get(rq)?);
        }
        let call = rq.llm_call();
        let Some(text) = self.text(call) else {
            return Ok(None);
        };
        let Some(settings) = call.settings() else {
            return Ok(None);
        };
        parts.push(call.model.clone().unwrap_or_default());
        parts.push(call.deployment.clone().unwrap_or_default());
        parts.push(Str::from(if self.ignore_system { "1" } else { "0" }));
        let Some(backend) = backend else {
            return Ok(None);
        };
        // Lengths keep values apart that would read the same when joined.
        let mut partition = String::with_capacity(128);
        for part in &parts {
            partition.push_str(&part.len().to_string());
            partition.push(':');
            partition.push_str(part);
        }
        partition.push_str(&settings);
        Ok(Some(Wanted {
            partition: Str::from(partition),
            text,
            threshold,
            backend,
        }))
    }

    /// The text to compare; none for what is not cached.
    fn text(&self, call: &LlmCall) -> Option<String> {
        if !call.readable || call.stream || call.operation == Operation::Embeddings {
            return None;
        }
        let prompt = prompt_text(&call.peek(), self.ignore_system);
        let short = self
            .most_messages
            .is_none_or(|most| prompt.messages <= most)
            && prompt.text.len() <= LONGEST_PROMPT;
        (prompt.text_only && short && !prompt.text.trim().is_empty()).then_some(prompt.text)
    }

    async fn look(&self, rq: &mut Exchange) -> Flow {
        if !matches!(rq.llm_call().cache, CacheStatus::Unseen) {
            // A narrower document has looked already.
            return Flow::Next;
        }
        rq.deferred.push(Box::new(TellStatus));
        rq.llm_call().cache = CacheStatus::Bypass;
        let wanted = match self.wanted(rq) {
            Ok(Some(wanted)) => wanted,
            Ok(None) => return Flow::Next,
            Err(failure) => return Flow::Fail(failure),
        };
        let vector = match Embedder::new(wanted.backend).embed(rq, &wanted.text).await {
            Ok(vector) => vector,
            Err(why) => {
                tracing::debug!(error = %why, "semantic cache bypassed");
                return Flow::Next;
            }
        };
        let now = rq.services.clock.unix_millis();
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a distance from 0 to 1 needs no more digits than its vectors have"
        )]
        let nearest = rq
            .services
            .vectors
            .nearest(&wanted.partition, &vector, wanted.threshold as f32, now)
            .get()
            .await;
        tell_found(rq, &wanted.partition, nearest.is_some());
        match nearest {
            Some((_, answer)) => {
                rq.llm_call().cache = CacheStatus::Hit;
                rq.response = Some(response(answer));
                accounting::note_saved(rq);
                Flow::Answered
            }
            None => {
                rq.llm_call().cache = CacheStatus::Miss {
                    partition: wanted.partition,
                    vector: Rc::from(vector),
                };
                Flow::Next
            }
        }
    }
}

fn response(answer: CachedAnswer) -> Response {
    let mut response = Response::new(answer.status);
    response.headers = answer.headers;
    response.body = BodyState::Buffered(answer.body);
    response
}

impl Step for Lookup {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move {
            if let Flow::Fail(failure) = rq.with_model_request(|_| Flow::Next).await {
                return Flow::Fail(failure);
            }
            self.look(rq).await
        })
    }

    fn may_wait(&self) -> bool {
        true
    }
}

/// Says on the answer what the cache did.
struct TellStatus;

impl Deferred for TellStatus {
    fn on_answer(&mut self, rq: &mut Exchange) {
        if let Some(status) = rq.llm.as_ref().and_then(|call| call.cache.as_str()) {
            rq.response_mut()
                .headers
                .insert(STATUS.clone(), HeaderValue::from_static(status));
        }
    }
}
