//! `validate-parameters`: holds the headers, query and path parameters of a request to the operation's declarations.
//!
//! A parameter's own action counts before that of its kind, that before the policy's. The caller's key and headers of
//! the connection need no declaration.

use crate::compile::{
    AttributeDef, ChildDef, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute,
    child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::routing;
use crate::step::{Flow, Step};
use crate::validation::parameters::{self, Actions, Rules};
use crate::validation::{self, ActionArg, ERRORS_VARIABLE, Finding, Subject, action};
use std::borrow::Cow;
use tollgate_agents::operation::Location;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

const SPECIFIED: AttributeDef = action(
    "specified-parameter-action",
    "what is done when a declared parameter does not fit its declaration",
);
const UNSPECIFIED: AttributeDef = action(
    "unspecified-parameter-action",
    "what is done about parameters that are not declared",
);

const PARAMETER: ChildDef = child(
    "parameter",
    Content::Empty,
    "a parameter with an action of its own, declared or not",
)
.attributes(&[
    attribute("name", Kind::Text, "its name, any case").required(),
    action("action", "what is done about it").required(),
]);

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "validate-parameters",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::PerSection,
    attributes: &[
        SPECIFIED.required(),
        UNSPECIFIED.required(),
        ERRORS_VARIABLE,
    ],
    children: &[
        child("headers", Content::Empty, "other actions for headers")
            .times(0, 1)
            .attributes(&[SPECIFIED, UNSPECIFIED])
            .children(&[PARAMETER]),
        child(
            "query",
            Content::Empty,
            "other actions for query parameters",
        )
        .times(0, 1)
        .attributes(&[SPECIFIED, UNSPECIFIED])
        .children(&[PARAMETER]),
        child("path", Content::Empty, "other actions for path parameters")
            .times(0, 1)
            .attributes(&[SPECIFIED])
            .children(&[PARAMETER]),
    ],
    content: Content::Empty,
    doc: "Validates headers, query and path parameters of requests against the operation's definition. With `prevent` a request that does not conform is refused with 400.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    cx.contract().parameters = true;
    let specified = ActionArg::of(element, SPECIFIED.name, cx);
    let unspecified = ActionArg::of(element, UNSPECIFIED.name, cx);
    let mut step = ValidateParameters {
        specified: specified?,
        unspecified: unspecified?,
        variable: cx.literal(element, ERRORS_VARIABLE.name),
        headers: Rules::default(),
        query: Rules::default(),
        path: Rules::default(),
    };
    let mut whole = true;
    for child in element.elements() {
        let rules = match &*child.name {
            "headers" => &mut step.headers,
            "query" => &mut step.query,
            _ => &mut step.path,
        };
        let specified = ActionArg::optional(child, SPECIFIED.name, cx);
        let unspecified = ActionArg::optional(child, UNSPECIFIED.name, cx);
        whole &= specified.is_ok() && unspecified.is_ok();
        rules.specified = specified.unwrap_or_default();
        rules.unspecified = unspecified.unwrap_or_default();
        whole &= rules.name(child, PARAMETER.name, cx);
    }
    if whole { cx.step(step) } else { None }
}

#[derive(Debug)]
struct ValidateParameters {
    specified: ActionArg,
    unspecified: ActionArg,
    variable: Option<Str>,
    headers: Rules,
    query: Rules,
    path: Rules,
}

impl ValidateParameters {
    fn findings(&self, rq: &mut Exchange) -> Result<Vec<Finding>, Box<Failure>> {
        let defaults = (self.specified.get(rq)?, self.unspecified.get(rq)?);
        let headers = self.headers.get(defaults, rq)?;
        let query = self.query.get(defaults, rq)?;
        let path = self.path.get(defaults, rq)?;
        Ok(check(rq, [&headers, &query, &path]))
    }
}

/// Holds a request to the operation's declarations, with the actions for headers, query and path.
fn check(rq: &Exchange, [headers, query, path]: [&Actions<'_>; 3]) -> Vec<Finding> {
    let operation = rq.operation();
    let contract = operation.and_then(|o| o.contract.as_deref());
    let declared = |location: Location| {
        let all = contract.into_iter().flat_map(|c| &c.parameters);
        all.filter(move |p| p.location == location)
            .collect::<Vec<_>>()
    };
    let mut findings = Vec::new();
    parameters::headers(
        headers,
        Subject::RequestHeader,
        &rq.request.headers,
        &declared(Location::Header),
        contract,
        rq.api().map(|api| api.key_header.as_str()),
        &mut findings,
    );
    let text = match &rq.request.target.query {
        Some(query) => Some(&**query),
        None => rq.request.path_and_query.query(),
    };
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = text
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (routing::decode_query(name), routing::decode_query(value))
        })
        .collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
    let mut own: Vec<&str> = rq.api().map(|api| &*api.key_query).into_iter().collect();
    own.extend(
        operation
            .iter()
            .flat_map(|o| &o.template_query)
            .map(|n| &**n),
    );
    let in_query = declared(Location::Query);
    parameters::query(query, &pairs, &in_query, contract, &own, &mut findings);
    let matched: Vec<(Str, Str)> = rq
        .request
        .matched
        .iter()
        // Those of a template's query are the query's.
        .filter(|(name, _)| operation.is_none_or(|o| o.url_template_has(name)))
        .cloned()
        .collect();
    let in_path = declared(Location::Path);
    parameters::path(path, &matched, &in_path, contract, &mut findings);
    findings
}

impl Step for ValidateParameters {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.findings(rq) {
            Ok(findings) => validation::conclude(DEF.name, self.variable.as_ref(), &findings, rq),
            Err(failure) => Flow::Fail(failure),
        }
    }
}
