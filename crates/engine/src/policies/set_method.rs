//! `set-method`: sets the verb of the request to the backend.
//!
//! The standard verbs may be written in any case, as .NET takes them; any other verb is sent as written.

use crate::compile::{Arg, Compile, Content, Once, PolicyDef, Scopes, Sections};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use http::Method;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Span};

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "set-method",
    sections: Sections::INBOUND.or(Sections::ON_ERROR),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[],
    children: &[],
    content: Content::Text,
    doc: "Sets the HTTP method of the request to the backend. The content is the verb, or an expression that gives it.",
    compile,
};

/// Compiles it; `send-request` uses it for its own message.
pub fn compile_method(element: &Element, cx: &mut Compile<'_>) -> Option<SetMethod> {
    let span = element.text().map_or(element.name_span, |t| t.span);
    let text = cx.content::<Str>(element)?;
    known(text, span, cx)
}

/// From a text, which must be a verb where it is known at load.
pub fn known(text: Arg<Str>, span: Span, cx: &mut Compile<'_>) -> Option<SetMethod> {
    Some(match text {
        Arg::Const(text) => match method(&text) {
            Some(method) => SetMethod(Verb::Known(method)),
            None => {
                cx.report(
                    Diagnostic::error(
                        "TG0351",
                        span,
                        format!("`{}` is not an HTTP method", text.trim()),
                    )
                    .label("expected a verb such as `GET` or `POST`"),
                );
                return None;
            }
        },
        expr => SetMethod(Verb::Dynamic(expr)),
    })
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let step = compile_method(element, cx)?;
    cx.step(step)
}

fn method(text: &str) -> Option<Method> {
    const STANDARD: [&str; 9] = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT",
    ];
    let text = text.trim();
    let standard = STANDARD.iter().find(|s| s.eq_ignore_ascii_case(text));
    Method::from_bytes(standard.unwrap_or(&text).as_bytes()).ok()
}

/// The compiled element.
#[derive(Debug)]
pub struct SetMethod(Verb);

#[derive(Debug)]
enum Verb {
    Known(Method),
    Dynamic(Arg<Str>),
}

impl SetMethod {
    /// The method for this request.
    pub fn get(&self, rq: &mut Exchange) -> Result<Method, Box<Failure>> {
        match &self.0 {
            Verb::Known(method) => Ok(method.clone()),
            Verb::Dynamic(arg) => {
                let text = arg.get(rq)?;
                method(&text).ok_or_else(|| {
                    Failure::internal("", "", format!("`{text}` is not an HTTP method."))
                })
            }
        }
    }
}

impl Step for SetMethod {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.get(rq) {
            Ok(method) => {
                rq.request.method = method;
                Flow::Next
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}
