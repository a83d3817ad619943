//! `jsonp`: wraps the answer into a call of the function that a query parameter names.
//!
//! What must stay true: only a JavaScript identifier becomes part of the script; an answer to a request without the
//! parameter streams through untouched.

use crate::LocalBoxFuture;
use crate::body::coding::Coding;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use crate::routing::decode_query;
use crate::step::{Flow, Needs, Step};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "jsonp",
    sections: Sections::OUTBOUND,
    scopes: Scopes::ALL,
    once: Once::PerSection,
    attributes: &[attribute(
        "callback-parameter-name",
        Kind::Text,
        "the query parameter that names the function",
    )
    .required()
    .expression()],
    children: &[],
    content: Content::Empty,
    doc: "Answers with padding (JSONP) when the caller names a function in the query: the body becomes `function(body)` with the type `application/javascript`. Without the parameter the answer stays as it is.\n\nA name that is not a JavaScript identifier, or several with dots between, is refused with 400.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let parameter = cx.arg(element, "callback-parameter-name")?;
    cx.step(Jsonp { parameter })
}

#[derive(Debug)]
struct Jsonp {
    parameter: Arg<Str>,
}

impl Jsonp {
    /// The function that the caller names, if any.
    fn callback(&self, rq: &mut Exchange) -> Result<Option<String>, Box<Failure>> {
        let parameter = self.parameter.get(rq)?;
        let query = rq.request.path_and_query.query().unwrap_or("");
        let found = query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            decode_query(name)
                .eq_ignore_ascii_case(&parameter)
                .then(|| decode_query(value).into_owned())
        });
        match found.filter(|name| !name.is_empty()) {
            Some(name) if !is_function(&name) => Err(Failure::refused(
                "",
                "CallbackParameterInvalid",
                StatusCode::BAD_REQUEST,
                format!(
                    "Value of callback parameter {parameter} is not a valid JavaScript identifier."
                ),
            )),
            found => Ok(found),
        }
    }

    async fn wrap(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let Some(callback) = self.callback(rq)? else {
            return Ok(());
        };
        let status = rq.response_mut().status;
        if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
            // Answers that cannot have a body.
            return Ok(());
        }
        let needs = Needs {
            request_body: false,
            response_body: true,
        };
        rq.buffer(needs, DEF.name).await?;
        let most = rq.snapshot.gateway.max_buffered_body;
        let response = rq.response_mut();
        let plain = match &response.body {
            BodyState::Buffered(body) => match Coding::of(&response.headers).undo(body, most) {
                Some(plain) => plain,
                // In a coding that cannot be undone there is nothing to wrap.
                None => return Ok(()),
            },
            BodyState::Streaming(_) => return Ok(()),
            BodyState::None | BodyState::Consumed => Bytes::new(),
        };
        let mut script = Vec::with_capacity(callback.len() + plain.len() + 2);
        script.extend_from_slice(callback.as_bytes());
        script.push(b'(');
        script.extend_from_slice(&plain);
        script.push(b')');
        rq.replace_body(script.into());
        rq.response_mut().headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/javascript"),
        );
        Ok(())
    }
}

/// Whether a text is a JavaScript identifier, or several with dots between (ECMAScript 2024, 12.7, without escapes).
fn is_function(text: &str) -> bool {
    let starts = |c: char| c == '$' || c == '_' || c.is_alphabetic();
    text.len() <= 256
        && text.split('.').all(|part| {
            let mut chars = part.chars();
            chars.next().is_some_and(starts) && chars.all(|c| starts(c) || c.is_numeric())
        })
}

impl Step for Jsonp {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.callback(rq) {
            Ok(None) => Flow::Next,
            Ok(Some(_)) => Flow::Wait,
            Err(failure) => Flow::Fail(failure),
        }
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.wrap(rq).await.into() })
    }

    fn may_wait(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::is_function;

    #[test]
    fn only_names_of_functions_pass() {
        for good in [
            "cb",
            "$",
            "_1",
            "jQuery21_3",
            "app.on.data",
            "\u{e9}t\u{e9}",
        ] {
            assert!(is_function(good), "{good}");
        }
        for bad in [
            "",
            "1a",
            "a b",
            "a;b",
            "a.",
            ".a",
            "a()",
            "alert(1)//",
            "a[0]",
            "<x>",
        ] {
            assert!(!is_function(bad), "{bad}");
        }
        assert!(!is_function(&"a".repeat(257)));
    }
}
