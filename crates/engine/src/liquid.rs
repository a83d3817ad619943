//! Liquid templates that make a body: `template="liquid"`.
//!
//! `set-body` uses it, alone and in the policies that hold it, and so can every policy whose text may be a template. What
//! must stay true: a template is compiled when its document is loaded; it reads the body of the message that its section
//! acts on, which is in memory before the step runs ([`Compile::needs`]) and stays there.

use crate::compile::Compile;
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::media::{self, Format};
use crate::step::Needs;
use bytes::Bytes;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Element, Node, Text, TextKind};
use tollgate_lang::expr::host::Message;
use tollgate_lang::liquid::{self, Binding, Template};

/// How a template sees a body.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// `xsi-nil="null"`: elements with `xsi:nil` are nil; else they are empty.
    pub nil_is_null: bool,
    /// `parse-date`: texts of JSON that look like dates are dates.
    pub parse_date: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            nil_is_null: false,
            parse_date: true,
        }
    }
}

/// A compiled template.
#[derive(Debug)]
pub struct LiquidText {
    /// `None`: the element is empty, and so is the text.
    template: Option<Template>,
    message: Message,
    options: Options,
}

impl LiquidText {
    /// The text of an element as a template; notes what it reads. `None` when it was refused.
    pub fn compile(
        element: &Element,
        options: Options,
        cx: &mut Compile<'_>,
    ) -> Option<LiquidText> {
        let message = if cx.section.on_request() {
            Message::Request
        } else {
            Message::Response
        };
        let template = match element.children.as_slice() {
            [] => None,
            [Node::Text(text)] => Some(compiled(text, cx)?),
            _ => return None,
        };
        if let Some(template) = &template {
            cx.needs(Needs::from(template.reads(message)));
        }
        Some(LiquidText {
            template,
            message,
            options,
        })
    }

    /// The text for this request.
    pub fn get(&self, rq: &mut Exchange) -> Result<Bytes, Box<Failure>> {
        let Some(template) = &self.template else {
            return Ok(Bytes::new());
        };
        let headers = match self.message {
            Message::Request => Some(&rq.request.headers),
            Message::Response => rq.response.as_ref().map(|r| &r.headers),
        };
        let format = headers.and_then(Format::of).map(|format| match format {
            Format::Json => liquid::Format::Json,
            Format::Xml => liquid::Format::Xml,
        });
        let charset = headers.and_then(media::charset).map(str::to_owned);
        let binding = Binding {
            message: self.message,
            format,
            charset: charset.as_deref(),
            nil_is_null: self.options.nil_is_null,
            parse_date: self.options.parse_date,
        };
        let most = rq.snapshot.gateway.max_buffered_body;
        let text = template.render(rq, &binding).map_err(|e| {
            Failure::internal("", "", format!("The Liquid template failed. {}", e.message))
        })?;
        if text.len() > most {
            return Err(Failure::internal(
                "",
                "",
                format!(
                    "The template makes {} bytes; a body may have {most} bytes.",
                    text.len()
                ),
            ));
        }
        Ok(Bytes::from(text))
    }
}

fn compiled(text: &Text, cx: &mut Compile<'_>) -> Option<Template> {
    if text.kind != TextKind::Literal {
        cx.report(
            Diagnostic::error("TG0528", text.span, "a Liquid template is no expression")
                .label("expected a template as text")
                .help("what an expression gives can be put into a variable, and read as `context.Variables[\"name\"]`"),
        );
        return None;
    }
    cx.liquid(text)
}
