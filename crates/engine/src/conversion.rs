//! What `json-to-xml` and `xml-to-json` have in common: whether a body is converted, and how the result takes its place;
//! `xsl-transform` reads and replaces bodies with it too.
//!
//! Source: API Management's pages on both (`apply`, `consider-accept-header`). What must stay true: a message that is
//! not converted goes on as it came and streams; a body is read only when it will be converted.

use crate::LocalBoxFuture;
use crate::body::coding::Coding;
use crate::compile::{Arg, AttributeDef, Compile, Kind, Word, attribute};
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use crate::media::{self, Format};
use crate::step::{Flow, Needs, Step};
use http::header;
use tollgate_lang::document::Element;
use tollgate_lang::expr::EvalError;

/// `apply`, of which `word` is the second value.
pub const fn apply(words: &'static [&'static str], doc: &'static str) -> AttributeDef {
    attribute("apply", Kind::OneOf(words), doc)
        .required()
        .expression()
}

/// `consider-accept-header`.
pub const fn consider_accept_header(doc: &'static str) -> AttributeDef {
    attribute("consider-accept-header", Kind::Bool, doc)
        .expression()
        .default("true")
}

/// The step of a policy that converts.
#[derive(Debug)]
pub struct Conversion<R> {
    /// The policy.
    pub policy: &'static str,
    /// When it converts.
    pub when: When,
    /// How.
    pub rules: R,
}

impl<R: Convert + Send + Sync> Step for Conversion<R> {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.when.run(rq, &self.rules)
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(self.when.wait(rq, self.policy, &self.rules))
    }

    fn may_wait(&self) -> bool {
        true
    }
}

/// The attributes that both policies have.
#[derive(Debug)]
pub struct When {
    apply: Word,
    consider_accept: Arg<bool>,
    from: Format,
    to: Format,
}

impl When {
    /// Of an element; `words` are those of `apply`, the first of them `always`.
    pub fn compile(
        element: &Element,
        words: &'static [&'static str],
        (from, to): (Format, Format),
        cx: &mut Compile<'_>,
    ) -> Option<When> {
        let apply = Word::compile(element, "apply", words, cx);
        let consider_accept = cx.arg(element, "consider-accept-header");
        Some(When {
            apply: apply?,
            consider_accept: consider_accept?,
            from,
            to,
        })
    }

    /// Whether to convert; then the media type that the caller asked for, if that was looked at.
    fn decide(&self, rq: &mut Exchange) -> Result<Option<Option<&'static str>>, Box<Failure>> {
        if self.apply.get(rq)? != 0 && Format::of(rq.current_headers()) != Some(self.from) {
            return Ok(None);
        }
        if !self.consider_accept.get(rq)? {
            return Ok(Some(None));
        }
        Ok(media::requested(&rq.request.headers, self.to).map(Some))
    }

    /// The first half of a step: says [`Flow::Wait`] when there is a body to convert that is not in memory yet.
    fn run(&self, rq: &mut Exchange, convert: &dyn Convert) -> Flow {
        let asked = match self.decide(rq) {
            Ok(Some(asked)) => asked,
            Ok(None) => return Flow::Next,
            Err(failure) => return Flow::Fail(failure),
        };
        match current_body(rq) {
            BodyState::Streaming(_) => Flow::Wait,
            _ => self.replace(rq, asked, convert).into(),
        }
    }

    /// The second half: reads the body, then converts it.
    async fn wait(&self, rq: &mut Exchange, policy: &'static str, convert: &dyn Convert) -> Flow {
        let request_body = rq.section.on_request();
        let needs = Needs {
            request_body,
            response_body: !request_body,
        };
        if let Err(failure) = rq.buffer(needs, policy).await {
            return Flow::Fail(failure);
        }
        match self.decide(rq) {
            Ok(Some(asked)) => self.replace(rq, asked, convert).into(),
            Ok(None) => Flow::Next,
            Err(failure) => Flow::Fail(failure),
        }
    }

    /// Puts the converted body in the place of the one that is there. A message without a body stays as it is.
    fn replace(
        &self,
        rq: &mut Exchange,
        asked: Option<&'static str>,
        convert: &dyn Convert,
    ) -> Result<(), Box<Failure>> {
        let Some(text) = body_text(rq)? else {
            return Ok(());
        };
        let text = convert.convert(rq, &text)?;
        fits(rq, text.len())?;
        rq.replace_body(text.into());
        let headers = rq.current_headers();
        let kind = media::converted(headers, self.to, asked);
        headers.insert(header::CONTENT_TYPE, kind);
        Ok(())
    }
}

/// The text of the current message's body, which is in memory; `None`: it has no body.
pub fn body_text(rq: &mut Exchange) -> Result<Option<String>, Box<Failure>> {
    let most = rq.snapshot.gateway.max_buffered_body;
    let BodyState::Buffered(bytes) = current_body(rq) else {
        return Ok(None);
    };
    let bytes = bytes.clone();
    if bytes.is_empty() {
        return Ok(None);
    }
    let headers = rq.current_headers();
    let plain = Coding::of(headers)
        .undo(&bytes, most)
        .ok_or_else(|| failed("The body's content coding cannot be undone.".into()))?;
    let text = media::text(&plain, headers).ok_or_else(|| {
        let charset = media::charset(headers).unwrap_or("");
        failed(format!("The body's charset `{charset}` is not known."))
    })?;
    Ok(Some(text))
}

/// Whether a new body may have as many bytes.
pub fn fits(rq: &Exchange, length: usize) -> Result<(), Box<Failure>> {
    let most = rq.snapshot.gateway.max_buffered_body;
    if length > most {
        return Err(failed(format!(
            "The body would grow to {length} bytes; a body may have {most} bytes."
        )));
    }
    Ok(())
}

/// Makes the new body.
pub trait Convert {
    /// From the text of the old one.
    fn convert(&self, rq: &mut Exchange, text: &str) -> Result<String, Box<Failure>>;
}

/// The body of the message that the current section acts on.
fn current_body(rq: &mut Exchange) -> &BodyState {
    if rq.section.on_request() {
        &rq.request.body
    } else {
        &rq.response_mut().body
    }
}

fn failed(message: String) -> Box<Failure> {
    Failure::internal("", "", message)
}

/// A text that cannot be converted: what the reader said.
pub fn refused(error: &EvalError) -> Box<Failure> {
    failed(error.message.clone())
}
