//! `set-backend-service`: chooses the backend by id, base URL or Dapr service.
//!
//! A backend chosen by id keeps its credentials, TLS and pool; a `base-url` has none. Once a document has chosen by
//! id, a `base-url` does not override it (API Management's rule for inherited documents).

use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::definition::MISSING;
use crate::exchange::{Exchange, TargetBase};
use crate::failure::Failure;
use crate::snapshot::{BackendIndex, BaseUrl};
use crate::step::{Flow, Step};
use std::sync::Arc;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "set-backend-service",
    sections: Sections::INBOUND.or(Sections::BACKEND),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "base-url",
            Kind::Text,
            "base URL that replaces the API's `serviceUrl`",
        )
        .expression(),
        attribute(
            "backend-id",
            Kind::Text,
            "id of a configured backend, or `dapr`",
        )
        .expression(),
        attribute("dapr-app-id", Kind::Text, "Dapr application").expression(),
        attribute("dapr-method", Kind::Text, "Dapr method").expression(),
        attribute("dapr-namespace", Kind::Text, "Dapr namespace").expression(),
        attribute("sf-resolve-condition", Kind::Text, "Service Fabric only").expression(),
        attribute(
            "sf-service-instance-name",
            Kind::Text,
            "Service Fabric only",
        )
        .expression(),
        attribute("sf-partition-key", Kind::Text, "Service Fabric only").expression(),
        attribute("sf-replica-type", Kind::Text, "Service Fabric only").expression(),
        attribute("sf-listener-name", Kind::Text, "Service Fabric only").expression(),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Sends the request to another backend: a configured one by its id, any URL, or a Dapr service.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    if let Some(fabric) = element
        .attributes
        .iter()
        .find(|a| a.name.starts_with("sf-"))
    {
        cx.report(
            Diagnostic::error(
                "TG0332",
                fabric.name_span,
                "Service Fabric's naming service is reachable only inside its cluster",
            )
            .label("cannot be served")
            .help("point `base-url` at the service, or at a reverse proxy in front of it"),
        );
    }
    let (url, id) = (
        element.attribute("base-url"),
        element.attribute("backend-id"),
    );
    let step = match (url, id) {
        (Some(_), Some(_)) => {
            cx.exclusive(element, "base-url", "backend-id");
            return None;
        }
        (None, None) => {
            cx.report(
                Diagnostic::error(
                    "TG0317",
                    element.name_span,
                    "`set-backend-service` needs `base-url` or `backend-id`",
                )
                .label("expected one of them"),
            );
            return None;
        }
        (Some(url), None) => match cx.text_arg::<Str>(&url.value)? {
            // What it will be is known when the value is there.
            Arg::Const(text) if text.contains(MISSING) => {
                SetBackendService::UrlOf(Arg::Const(text))
            }
            Arg::Const(text) => match BaseUrl::parse(&text, None) {
                Ok(base) => SetBackendService::Url(Arc::new(base)),
                Err(why) => {
                    cx.report(
                        Diagnostic::error("TG0333", url.value.span, why)
                            .label("expected an absolute URL such as `https://host/path`"),
                    );
                    return None;
                }
            },
            arg => SetBackendService::UrlOf(arg),
        },
        (None, Some(id)) => match cx.text_arg::<Str>(&id.value)? {
            Arg::Const(text) if &*text == "dapr" => {
                for name in ["dapr-app-id", "dapr-method"] {
                    if element.attribute(name).is_none() {
                        cx.report(
                            Diagnostic::error(
                                "TG0317",
                                element.name_span,
                                format!("a Dapr backend needs `{name}`"),
                            )
                            .label("missing"),
                        );
                    }
                }
                SetBackendService::Dapr {
                    app: cx.arg(element, "dapr-app-id")?,
                    method: cx.arg(element, "dapr-method")?,
                    namespace: cx.arg(element, "dapr-namespace"),
                }
            }
            Arg::Const(text) => SetBackendService::Backend(cx.backend(&text, id.value.span)?),
            arg => SetBackendService::BackendOf(arg),
        },
    };
    cx.step(step)
}

#[derive(Debug)]
enum SetBackendService {
    Url(Arc<BaseUrl>),
    UrlOf(Arg<Str>),
    Backend(BackendIndex),
    BackendOf(Arg<Str>),
    Dapr {
        app: Arg<Str>,
        method: Arg<Str>,
        namespace: Option<Arg<Str>>,
    },
}

impl SetBackendService {
    fn apply(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        match self {
            SetBackendService::Backend(index) => {
                rq.request.target.base = TargetBase::Backend(*index)
            }
            SetBackendService::BackendOf(arg) => {
                let id = arg.get(rq)?;
                let index = rq.backend_named(&id)?;
                rq.request.target.base = TargetBase::Backend(index);
            }
            SetBackendService::Url(base) => set_url(rq, base.clone()),
            SetBackendService::UrlOf(arg) => {
                let text = arg.get(rq)?;
                set_url(rq, Arc::new(parse(&text)?));
            }
            SetBackendService::Dapr {
                app,
                method,
                namespace,
            } => {
                let (app, method) = (app.get(rq)?, method.get(rq)?);
                let namespace = namespace
                    .as_ref()
                    .map(|n| n.get(rq))
                    .transpose()?
                    .filter(|n| !n.is_empty());
                let app = namespace.map_or_else(|| app.to_string(), |n| format!("{app}.{n}"));
                let url = format!(
                    "{}/v1.0/invoke/{app}/method/{}",
                    rq.snapshot.gateway.dapr_endpoint,
                    method.trim_start_matches('/')
                );
                rq.request.target.base = TargetBase::Url(Arc::new(parse(&url)?));
                rq.request.target.path = Some(Str::from(""));
            }
        }
        Ok(())
    }
}

fn parse(text: &str) -> Result<BaseUrl, Box<Failure>> {
    BaseUrl::parse(text, None)
        .map_err(|why| Failure::internal("", "", format!("`{text}` is no base URL: {why}.")))
}

fn set_url(rq: &mut Exchange, base: Arc<BaseUrl>) {
    if !matches!(rq.request.target.base, TargetBase::Backend(_)) {
        rq.request.target.base = TargetBase::Url(base);
    }
}

impl Step for SetBackendService {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.apply(rq).into()
    }
}
