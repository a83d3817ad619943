//! Liquid templates as API Management runs them: DotLiquid in "C# mode", bound to a body and to `context`.
//!
//! The engine compiles a template when a document is loaded and renders it for each exchange. Sources: API Management's
//! page on `set-body`, templates that it generates itself, and DotLiquid's published behaviour (syntax level 2.0);
//! docs/transformations.md tells the decisions. What must stay true: rendering parses nothing; nesting, work and memory
//! are bounded as an expression's are; every fault of a template is reported at load, with its place.

mod condition;
mod context;
mod filters;
mod item;
mod loops;
mod markup;
mod node;
mod parse;
mod render;
mod tokens;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::Text;
use crate::expr::eval::Cx;
use crate::expr::host::{Host, Message};
use crate::expr::{EvalError, Reads};
use node::Node;
use std::ops::Range;

/// What `body` is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// XML.
    Xml,
}

/// How a template is bound: attributes of `set-body`, and what is known of the message.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The message whose body is `body`.
    pub message: Message,
    /// By the message's content type; `None`: `body` is nil.
    pub format: Option<Format>,
    /// The charset of its content type.
    pub charset: Option<&'a str>,
    /// `xsi-nil="null"`: elements with `xsi:nil` are nil, not empty.
    pub nil_is_null: bool,
    /// `parse-date`: texts of a JSON body that look like dates are dates.
    pub parse_date: bool,
}

/// A compiled template.
#[derive(Debug)]
pub struct Template {
    nodes: Vec<Node>,
    /// How many `ifchanged` and `cycle` there are.
    slots: usize,
    uses: Uses,
}

/// What a template names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    body: bool,
    response: bool,
    variables: bool,
}

/// A fault of a template, or a warning about it.
#[derive(Debug)]
pub(crate) struct Fault {
    code: &'static str,
    /// Where, in the template's text.
    at: Range<usize>,
    message: String,
    label: String,
    help: Option<String>,
    /// Only a warning.
    mild: bool,
}

impl Fault {
    /// Whether its place is in a text, between characters.
    pub(crate) fn fits(&self, text: &str) -> bool {
        text.get(self.at.clone()).is_some()
    }
}

/// Compiles a template. `None` when it was refused; faults and warnings are in `diagnostics`.
pub fn compile(text: &Text, diagnostics: &mut Diagnostics) -> Option<Template> {
    let (template, faults) = read(&text.text);
    for fault in faults {
        let start = text.text.floor_char_boundary(fault.at.start);
        let end = text.text.ceil_char_boundary(fault.at.end.max(start));
        let span = text.locate(start..end);
        let diagnostic = if fault.mild {
            Diagnostic::warning(fault.code, span, fault.message)
        } else {
            Diagnostic::error(fault.code, span, fault.message)
        };
        let diagnostic = diagnostic.label(fault.label);
        diagnostics.push(match fault.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }
    template
}

/// Reads a template; `None` when one of the faults is more than a warning.
pub(crate) fn read(text: &str) -> (Option<Template>, Vec<Fault>) {
    let (template, mut faults) = parse::template(text);
    faults.sort_by_key(|f| f.at.start);
    let refused = faults.iter().any(|f| !f.mild);
    ((!refused).then_some(template), faults)
}

impl Template {
    /// What of an exchange it reads, when `body` is that of `message`.
    pub fn reads(&self, message: Message) -> Reads {
        Reads {
            request_body: self.uses.body && message == Message::Request,
            response_body: self.uses.body && message == Message::Response,
            response: self.uses.response,
            last_error: false,
            variables: self.uses.variables,
            graphql: false,
        }
    }

    /// The text that it makes. The body that it reads stays.
    ///
    /// # Errors
    /// A body that cannot be read, a filter that cannot take what it gets, and what goes over an evaluation's bounds.
    pub fn render(&self, host: &mut dyn Host, binding: &Binding<'_>) -> Result<String, EvalError> {
        let mut cx = Cx::new(host).sharing(true);
        let text = render::Renderer::new(&mut cx, self, binding).whole()?;
        cx.pass_on(&crate::value::Value::Null);
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
