//! `authentication-basic`: `Authorization: Basic` for the backend (RFC 7617, UTF-8).

use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use base64::Engine as _;
use http::{HeaderValue, header};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "authentication-basic",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("username", Kind::Text, "user name; must not hold a colon")
            .required()
            .expression(),
        attribute("password", Kind::Text, "password")
            .required()
            .expression(),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Sets `Authorization: Basic` on the request to the backend.",
    compile,
};

/// Compiles it; `send-request` uses it for its own message.
pub fn compile_basic(element: &Element, cx: &mut Compile<'_>) -> Option<Basic> {
    Some(Basic {
        username: cx.attribute_of(element, &DEF, "username")?,
        password: cx.attribute_of(element, &DEF, "password")?,
    })
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let step = compile_basic(element, cx)?;
    cx.step(step)
}

/// The compiled element.
#[derive(Debug)]
pub struct Basic {
    username: Arg<Str>,
    password: Arg<Str>,
}

impl Basic {
    /// The header's value for this request.
    pub fn header(&self, rq: &mut Exchange) -> Result<HeaderValue, Box<Failure>> {
        let credentials = format!("{}:{}", self.username.get(rq)?, self.password.get(rq)?);
        let text = format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(credentials)
        );
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| Failure::internal("", "", "The credentials cannot be sent."))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl Step for Basic {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.header(rq) {
            Ok(value) => {
                rq.request.headers.insert(header::AUTHORIZATION, value);
                Flow::Next
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}
