//! `validate-status-code`: holds the status of a response to those that the operation declares.

use crate::compile::{
    ChildDef, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use crate::validation::{self, Action, ActionArg, ERRORS_VARIABLE, Finding, Subject, action};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

const STATUS_CODE: ChildDef = child(
    "status-code",
    Content::Empty,
    "a status with an action of its own, where it is not declared",
)
.attributes(&[
    attribute("code", Kind::Int(100, 999), "the status").required(),
    action("action", "what is done about it").required(),
]);

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "validate-status-code",
    sections: Sections::OUTBOUND.or(Sections::ON_ERROR),
    scopes: Scopes::ALL,
    once: Once::PerSection,
    attributes: &[
        action(
            "unspecified-status-code-action",
            "what is done about a status that is not declared",
        )
        .required(),
        ERRORS_VARIABLE,
    ],
    children: &[STATUS_CODE],
    content: Content::Empty,
    doc: "Validates the status of responses against the operation's definition. With `prevent` a response of another status is replaced with a 502 that tells nothing of it.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    cx.contract().statuses = true;
    let unspecified = ActionArg::of(element, "unspecified-status-code-action", cx);
    let mut codes = Vec::new();
    let mut whole = true;
    for child in element.elements() {
        let code = child.attribute("code");
        let code = code.and_then(|a| a.value.text.trim().parse::<u16>().ok());
        match code.zip(ActionArg::of(child, "action", cx)) {
            Some(one) => codes.push(one),
            None => whole = false,
        }
    }
    let step = ValidateStatusCode {
        unspecified: unspecified?,
        variable: cx.literal(element, ERRORS_VARIABLE.name),
        codes,
    };
    if whole { cx.step(step) } else { None }
}

#[derive(Debug)]
struct ValidateStatusCode {
    unspecified: ActionArg,
    variable: Option<Str>,
    codes: Vec<(u16, ActionArg)>,
}

impl ValidateStatusCode {
    fn finding(&self, rq: &mut Exchange) -> Result<Option<Finding>, Box<Failure>> {
        let status = rq.response.as_ref().map_or(200, |r| r.status.as_u16());
        let contract = rq.operation().and_then(|o| o.contract.as_deref());
        if contract.is_some_and(|c| c.response(status).is_some()) {
            return Ok(None);
        }
        let own = self.codes.iter().find(|(code, _)| *code == status);
        let action = match own {
            Some((_, action)) => action.get(rq)?,
            None => self.unspecified.get(rq)?,
        };
        let details = format!("Response status code {status} is not allowed.");
        let name = status.to_string();
        Ok((action != Action::Ignore)
            .then(|| Finding::told(&name, Subject::StatusCode, "Unspecified", details, action)))
    }
}

impl Step for ValidateStatusCode {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.finding(rq) {
            Ok(finding) => {
                let findings: Vec<Finding> = finding.into_iter().collect();
                validation::conclude(DEF.name, self.variable.as_ref(), &findings, rq)
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}
