//! `validate-headers`: holds the headers of a response to those that the operation declares for its status.

use crate::compile::{
    ChildDef, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use crate::validation::parameters::{self, Rules};
use crate::validation::{self, ActionArg, ERRORS_VARIABLE, Finding, Subject, action};
use http::HeaderMap;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

const HEADER: ChildDef = child(
    "header",
    Content::Empty,
    "a header with an action of its own, declared or not",
)
.attributes(&[
    attribute("name", Kind::Text, "its name, any case").required(),
    action("action", "what is done about it").required(),
]);

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "validate-headers",
    sections: Sections::OUTBOUND.or(Sections::ON_ERROR),
    scopes: Scopes::ALL,
    once: Once::PerSection,
    attributes: &[
        action(
            "specified-header-action",
            "what is done when a declared header does not fit its declaration",
        )
        .required(),
        action(
            "unspecified-header-action",
            "what is done about headers that are not declared",
        )
        .required(),
        ERRORS_VARIABLE,
    ],
    children: &[HEADER],
    content: Content::Empty,
    doc: "Validates the headers of responses against the operation's definition for their status. With `prevent` a response that does not conform is replaced with a 502 that tells nothing of it.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    cx.contract().headers = true;
    let specified = ActionArg::of(element, "specified-header-action", cx);
    let unspecified = ActionArg::of(element, "unspecified-header-action", cx);
    let mut rules = Rules::default();
    let whole = rules.name(element, HEADER.name, cx);
    let step = ValidateHeaders {
        specified: specified?,
        unspecified: unspecified?,
        variable: cx.literal(element, ERRORS_VARIABLE.name),
        rules,
    };
    if whole { cx.step(step) } else { None }
}

#[derive(Debug)]
struct ValidateHeaders {
    specified: ActionArg,
    unspecified: ActionArg,
    variable: Option<Str>,
    rules: Rules,
}

impl ValidateHeaders {
    fn findings(&self, rq: &mut Exchange) -> Result<Vec<Finding>, Box<Failure>> {
        let defaults = (self.specified.get(rq)?, self.unspecified.get(rq)?);
        let actions = self.rules.get(defaults, rq)?;
        let none = HeaderMap::new();
        let (status, headers) = match &rq.response {
            Some(response) => (response.status.as_u16(), &response.headers),
            None => (200, &none),
        };
        let contract = rq.operation().and_then(|o| o.contract.as_deref());
        let response = contract.and_then(|c| c.response(status));
        let declared: Vec<_> = response.into_iter().flat_map(|r| &r.headers).collect();
        let mut findings = Vec::new();
        let subject = Subject::ResponseHeader;
        parameters::headers(
            &actions,
            subject,
            headers,
            &declared,
            contract,
            None,
            &mut findings,
        );
        Ok(findings)
    }
}

impl Step for ValidateHeaders {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.findings(rq) {
            Ok(findings) => validation::conclude(DEF.name, self.variable.as_ref(), &findings, rq),
            Err(failure) => Flow::Fail(failure),
        }
    }
}
