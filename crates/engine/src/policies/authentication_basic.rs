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

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let step = Basic {
        username: cx.arg(element, "username")?,
        password: cx.arg(element, "password")?,
    };
    cx.step(step)
}

#[derive(Debug)]
struct Basic {
    username: Arg<Str>,
    password: Arg<Str>,
}

impl Basic {
    fn apply(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let credentials = format!("{}:{}", self.username.get(rq)?, self.password.get(rq)?);
        let text = format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(credentials)
        );
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| Failure::internal("", "", "The credentials cannot be sent."))?;
        value.set_sensitive(true);
        rq.request.headers.insert(header::AUTHORIZATION, value);
        Ok(())
    }
}

impl Step for Basic {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.apply(rq).into()
    }
}
