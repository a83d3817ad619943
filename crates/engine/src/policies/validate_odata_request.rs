//! `validate-odata-request`: refuses requests whose URL, version headers or size OData does not allow.
//!
//! The grammar is [`crate::odata`]'s. Names are not checked: the gateway has no model of the service.

use crate::LocalBoxFuture;
use crate::body::coding::Coding;
use crate::compile::{Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use crate::odata::{self, Version};
use crate::step::{Flow, Step};
use crate::validation::{self, Action, Finding, Subject};
use http::HeaderName;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

static ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");
static ODATA_MAX_VERSION: HeaderName = HeaderName::from_static("odata-maxversion");

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "validate-odata-request",
    sections: Sections::INBOUND,
    scopes: Scopes::GLOBAL
        .or(Scopes::WORKSPACE)
        .or(Scopes::PRODUCT)
        .or(Scopes::API),
    once: Once::PerSection,
    attributes: &[
        attribute(
            "error-variable-name",
            Kind::Text,
            "variable that gets what was found, as a `JArray` of objects with `Name`, `Type`, `ValidationRule`, `Details` and `Action`",
        ),
        attribute(
            "default-odata-version",
            Kind::Text,
            "the version of a request without `OData-Version`",
        )
        .default("4.0"),
        attribute(
            "min-odata-version",
            Kind::Text,
            "the lowest `OData-Version` that is accepted",
        ),
        attribute(
            "max-odata-version",
            Kind::Text,
            "the highest `OData-Version` that is accepted",
        ),
        attribute(
            "max-size",
            Kind::Int(0, i32::MAX as i64),
            "most bytes of the request's body, not compressed; none: any",
        ),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Refuses, with 400, requests that do not follow the URL conventions of OData 4.0 and 4.01: path, keys, system query options and the expressions in them, and version headers.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let default = version(element, "default-odata-version", cx);
    let min = version(element, "min-odata-version", cx);
    let max = version(element, "max-odata-version", cx);
    let (default, min, max) = (default?, min?, max?);
    if let (Some(low), Some(high), Some(at)) = (min, max, element.attribute("max-odata-version"))
        && low > high
    {
        let fault = Diagnostic::error(
            "TG0549",
            at.value.span,
            "`max-odata-version` is below `min-odata-version`",
        );
        cx.report(fault.label("no request would be accepted"));
        return None;
    }
    let max_size = match element.attribute("max-size") {
        Some(_) => Some(usize::try_from(cx.literal::<i64>(element, "max-size")?).ok()?),
        None => None,
    };
    let variable = cx.literal(element, "error-variable-name");
    cx.step(ValidateODataRequest {
        variable,
        default: default.unwrap_or(Version::V40),
        min,
        max,
        max_size,
    })
}

/// A version attribute; the outer `None`: it is none.
fn version(element: &Element, name: &str, cx: &mut Compile<'_>) -> Option<Option<Version>> {
    let Some(attribute) = element.attribute(name) else {
        return Some(None);
    };
    let found = Version::parse(&attribute.value.text);
    if found.is_none() {
        let text = attribute.value.text.trim();
        let fault = Diagnostic::error(
            "TG0548",
            attribute.value.span,
            format!("`{text}` is not a version of OData"),
        );
        cx.report(fault.label("expected a version such as `4.0` or `4.01`"));
    }
    found.map(Some)
}

#[derive(Debug)]
struct ValidateODataRequest {
    variable: Option<Str>,
    default: Version,
    min: Option<Version>,
    max: Option<Version>,
    max_size: Option<usize>,
}

impl ValidateODataRequest {
    fn conclude(&self, rq: &mut Exchange) -> Flow {
        let findings = self.findings(rq);
        validation::conclude(DEF.name, self.variable.as_ref(), &findings, rq)
    }

    fn findings(&self, rq: &Exchange) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut tell = |name: &str, subject: Subject, rule: &'static str, details: String| {
            let finding = Finding::told(name, subject, rule, details, Action::Prevent);
            if findings.len() < validation::MOST {
                findings.push(finding);
            }
        };
        let mut spoken = self.default;
        for name in [&ODATA_VERSION, &ODATA_MAX_VERSION] {
            let Some(value) = rq.request.headers.get(name) else {
                continue;
            };
            let text = value.to_str().unwrap_or_default();
            // A caller that takes newer answers may say so.
            let bounds = name == ODATA_VERSION;
            let outside = |v: Version| {
                bounds && (self.min.is_some_and(|m| v < m) || self.max.is_some_and(|m| v > m))
            };
            let header = if bounds {
                "OData-Version"
            } else {
                "OData-MaxVersion"
            };
            let details = match Version::parse(text) {
                None => format!("Value of the header {header} is not a version of OData."),
                Some(v) if outside(v) => format!("OData version {} is not supported.", text.trim()),
                Some(v) => {
                    if bounds {
                        spoken = v;
                    }
                    continue;
                }
            };
            tell(header, Subject::RequestHeader, "IncorrectMessage", details);
        }
        for problem in odata::check(rq.target_path(), rq.target_query(), spoken) {
            let (name, subject, what) = match &problem.option {
                Some(name) => (
                    name.as_str(),
                    Subject::QueryParameter,
                    format!("Query option {name} is not valid."),
                ),
                None => (
                    "",
                    Subject::PathParameter,
                    String::from("The path is not valid."),
                ),
            };
            tell(
                name,
                subject,
                "IncorrectMessage",
                format!("{what} {}", problem.message),
            );
        }
        if let Some(limit) = self.max_size
            && let Some(size) = size(rq, limit)
        {
            let details = format!(
                "Request's body is {size} bytes long and it exceeds the limit of {limit} bytes."
            );
            tell("", Subject::RequestBody, "SizeLimit", details);
        }
        findings
    }

    async fn read(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        if let Some(limit) = self.max_size {
            rq.keep_body_within(limit).await?;
        }
        Ok(self.conclude(rq))
    }
}

/// The size of a body that is larger, as far as it is known.
fn size(rq: &Exchange, limit: usize) -> Option<String> {
    match &rq.request.body {
        BodyState::None | BodyState::Consumed => None,
        BodyState::Streaming(_) => Some(format!("more than {limit}")),
        BodyState::Buffered(bytes) => {
            let plain = Coding::of(&rq.request.headers).undo(bytes, limit);
            match plain {
                Some(plain) if plain.len() <= limit => None,
                Some(plain) => Some(plain.len().to_string()),
                None => Some(format!("more than {limit}")),
            }
        }
    }
}

impl Step for ValidateODataRequest {
    fn run(&self, rq: &mut Exchange) -> Flow {
        if self.max_size.is_some() && matches!(rq.request.body, BodyState::Streaming(_)) {
            return Flow::Wait;
        }
        self.conclude(rq)
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.read(rq).await.unwrap_or_else(Flow::Fail) })
    }

    fn may_wait(&self) -> bool {
        self.max_size.is_some()
    }
}
