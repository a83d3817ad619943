//! `proxy`: the HTTP proxy that the request goes through on its way to the backend.
//!
//! What must stay true: what is wrong with a proxy that is known at load is told at load; passwords never print.

use crate::compile::{
    Arg, AttributeDef, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute,
};
use crate::connect::{ConnectOptions, HttpProxy};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::snapshot::NTLM;
use crate::step::{Flow, Step};
use std::sync::Arc;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The attributes.
pub const ATTRIBUTES: &[AttributeDef] = &[
    attribute("url", Kind::Text, "the proxy, as `http://host:port`")
        .required()
        .expression(),
    attribute(
        "username",
        Kind::Text,
        "user of Basic authentication at the proxy",
    )
    .expression(),
    attribute("password", Kind::Text, "its password").expression(),
];

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "proxy",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: ATTRIBUTES,
    children: &[],
    content: Content::Empty,
    doc: "Sends the request to the backend through an HTTP proxy: a backend on `https` through a tunnel (CONNECT), one on `http` by its whole URL.\n\nThe proxy is spoken to over plain HTTP, with Basic authentication where a user is given. NTLM is not spoken. It takes the place of the backend's own proxy.",
    compile,
};

/// The compiled element.
#[derive(Debug)]
pub(crate) enum Proxy {
    Known(Arc<HttpProxy>),
    Of {
        url: Arg<Str>,
        username: Option<Arg<Str>>,
        password: Option<Arg<Str>>,
    },
}

/// Compiles it; `send-request` uses it for its own request.
pub(crate) fn compile_proxy(element: &Element, cx: &mut Compile<'_>) -> Option<Proxy> {
    let url = cx.arg::<Str>(element, "url");
    let mut whole = true;
    let mut optional = |name: &str| {
        let there = element.attribute(name).is_some();
        let arg = there.then(|| cx.arg::<Str>(element, name)).flatten();
        whole &= !there || arg.is_some();
        arg
    };
    let (username, password) = (optional("username"), optional("password"));
    let url = url?;
    if !whole {
        return None;
    }
    let known = |arg: &Option<Arg<Str>>| arg.as_ref().is_none_or(|a| a.constant().is_some());
    let Some(text) = url
        .constant()
        .filter(|_| known(&username) && known(&password))
    else {
        return Some(Proxy::Of {
            url,
            username,
            password,
        });
    };
    let text_of = |arg: &Option<Arg<Str>>| arg.as_ref().and_then(Arg::constant).cloned();
    match HttpProxy::new(
        text,
        text_of(&username).as_deref(),
        text_of(&password).as_deref(),
    ) {
        Ok(proxy) => Some(Proxy::Known(Arc::new(proxy))),
        Err(why) => {
            let span = element
                .attribute("url")
                .map_or(element.name_span, |a| a.value.span);
            cx.report(
                Diagnostic::error("TG0506", span, why)
                    .label("not a proxy that can be used")
                    .help(NTLM),
            );
            None
        }
    }
}

impl Proxy {
    /// The proxy for this request.
    pub(crate) fn get(&self, rq: &mut Exchange) -> Result<Arc<HttpProxy>, Box<Failure>> {
        let (url, username, password) = match self {
            Proxy::Known(proxy) => return Ok(proxy.clone()),
            Proxy::Of {
                url,
                username,
                password,
            } => (url, username, password),
        };
        let url = url.get(rq)?;
        let username = username.as_ref().map(|u| u.get(rq)).transpose()?;
        let password = password.as_ref().map(|p| p.get(rq)).transpose()?;
        match HttpProxy::new(&url, username.as_deref(), password.as_deref()) {
            Ok(proxy) => Ok(Arc::new(proxy)),
            Err(why) => Err(Failure::internal(
                "",
                "BackendConnectionFailure",
                format!("The proxy cannot be used: {why}."),
            )),
        }
    }
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let proxy = compile_proxy(element, cx)?;
    cx.step(SetProxy(proxy))
}

#[derive(Debug)]
struct SetProxy(Proxy);

impl Step for SetProxy {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.0.get(rq) {
            Ok(proxy) => {
                let options = ConnectOptions {
                    certificate: None,
                    proxy: Some(proxy),
                };
                rq.request.target.connect(&options);
                Flow::Next
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}
