//! `set-url` of a resolver: where its request goes.
//!
//! An absolute URL names the host too, unless `set-backend-service` stands before it; one that begins with `/` is below
//! the backend, or below the API's own.

use crate::compile::{Arg, Compile, Content, Once, PolicyDef, Scopes, Sections};
use crate::exchange::{Exchange, TargetBase};
use crate::failure::Failure;
use crate::side_request::{self, Address};
use crate::snapshot::BaseUrl;
use crate::step::{Flow, Step};
use std::sync::Arc;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub(crate) const DEF: PolicyDef = PolicyDef {
    name: "set-url",
    sections: Sections::INBOUND,
    scopes: Scopes::RESOLVER,
    once: Once::Many,
    attributes: &[],
    children: &[],
    content: Content::Text,
    doc: "Sets the URL of a resolver's request.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let url = cx.content::<Str>(element)?;
    let below = url.constant().is_some_and(|u| u.trim().starts_with('/'));
    let span = element.text().map_or(element.name_span, |t| t.span);
    let url = if below {
        url
    } else {
        side_request::usable(url, span, cx)?
    };
    cx.step(SetUrl(url))
}

#[derive(Debug)]
struct SetUrl(Arg<Str>);

impl SetUrl {
    fn apply(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let text = self.0.get(rq)?;
        let text = text.trim();
        let broken = |why: String| {
            let why = format!("The resolver's URL cannot be used: {why}.");
            Failure::internal("", "BackendConnectionFailure", why)
        };
        let has_host = matches!(rq.request.target.base, TargetBase::ServiceUrl);
        if text.starts_with('/') {
            if has_host && rq.base_url().is_none() {
                let why = "it names no host, and the API has no backend";
                return Err(broken(String::from(why)));
            }
            let text = text.split('#').next().unwrap_or(text);
            let text = side_request::escaped(text);
            let (path, query) = text.split_once('?').unwrap_or((&text, ""));
            rq.request.target.path = Some(Str::from(path));
            rq.request.target.query = Some(Str::from(query));
            return Ok(());
        }
        let Address { url, path } = Address::parse(text).map_err(broken)?;
        rq.request.target.path = Some(Str::from(path.path()));
        rq.request.target.query = Some(Str::from(path.query().unwrap_or_default()));
        if has_host {
            rq.request.target.base = TargetBase::Url(Arc::new(BaseUrl {
                path: Str::from(""),
                query: None,
                ..url
            }));
        }
        Ok(())
    }
}

impl Step for SetUrl {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.apply(rq).into()
    }
}
