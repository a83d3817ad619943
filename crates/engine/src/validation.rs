//! What the validation policies share: actions, findings, and how a request or response is refused.
//!
//! Source of names, rules and sentences: API Management, "validation errors". What must stay true: every finding reaches
//! the errors variable and the telemetry, whatever its action; callers read nothing of what is wrong with a response.

pub(crate) mod content;
pub(crate) mod parameters;

use crate::compile::{Arg, AttributeDef, Compile, Kind, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::services::TraceSeverity;
use crate::step::Flow;
use http::StatusCode;
use serde_json::{Value as Json, json};
use tollgate_lang::document::Element;
use tollgate_lang::value::{Str, Token, Value};

/// Most findings of one step.
pub(crate) const MOST: usize = 100;

/// What callers read when it is not their fault.
const HIDDEN: &str =
    "The request could not be processed due to an internal error. Contact the API owner.";

/// What is done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is not looked for.
    Ignore,
    /// The message is refused.
    Prevent,
    /// It is logged.
    Detect,
}

impl Action {
    fn of(word: &str) -> Option<Action> {
        Some(match word.trim() {
            "ignore" => Action::Ignore,
            "prevent" => Action::Prevent,
            "detect" => Action::Detect,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Action::Ignore => "ignore",
            Action::Prevent => "prevent",
            Action::Detect => "detect",
        }
    }
}

/// The words of an action attribute.
pub(crate) const ACTIONS: Kind = Kind::OneOf(&["ignore", "prevent", "detect"]);

/// An attribute with an action, which may be an expression.
pub(crate) const fn action(name: &'static str, doc: &'static str) -> AttributeDef {
    attribute(name, ACTIONS, doc).expression()
}

/// `errors-variable-name`.
pub(crate) const ERRORS_VARIABLE: AttributeDef = attribute(
    "errors-variable-name",
    Kind::Text,
    "variable that gets what was found, as a `JArray` of objects with `Name`, `Type`, `ValidationRule`, `Details` and `Action`",
);

/// A compiled action attribute.
#[derive(Debug)]
pub(crate) enum ActionArg {
    Known(Action),
    Dynamic(Arg<Str>),
}

impl ActionArg {
    /// An attribute of an element; `None` when it is not there or was refused.
    pub(crate) fn of(element: &Element, name: &str, cx: &mut Compile<'_>) -> Option<ActionArg> {
        match cx.text_arg::<Str>(&element.attribute(name)?.value)? {
            Arg::Const(word) => {
                let action = Action::of(&word);
                if action.is_none() {
                    cx.unknown_word(element, name, &word, "`ignore`, `prevent`, `detect`");
                }
                action.map(ActionArg::Known)
            }
            dynamic => Some(ActionArg::Dynamic(dynamic)),
        }
    }

    /// The same for an attribute that may be left out; the error: it was refused.
    pub(crate) fn optional(
        element: &Element,
        name: &str,
        cx: &mut Compile<'_>,
    ) -> Result<Option<ActionArg>, ()> {
        match element.attribute(name) {
            Some(_) => ActionArg::of(element, name, cx).map(Some).ok_or(()),
            None => Ok(None),
        }
    }

    pub(crate) fn get(&self, rq: &mut Exchange) -> Result<Action, Box<Failure>> {
        match self {
            ActionArg::Known(action) => Ok(*action),
            ActionArg::Dynamic(arg) => {
                let word = arg.get(rq)?;
                Action::of(&word).ok_or_else(|| {
                    let why = format!(
                        "`{word}` is not an action: expected `ignore`, `prevent` or `detect`."
                    );
                    Failure::internal("", "", why)
                })
            }
        }
    }
}

/// `Type` of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    RequestBody,
    ResponseBody,
    ApiSchema,
    QueryParameter,
    PathParameter,
    RequestHeader,
    ResponseHeader,
    StatusCode,
}

impl Subject {
    /// As a sentence has it.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Subject::QueryParameter => "query parameter",
            Subject::PathParameter => "path parameter",
            _ => "header",
        }
    }
}

/// Something that is wrong with a message.
#[derive(Debug)]
pub(crate) struct Finding {
    /// `Name`: of the parameter or header, the content type or the status.
    pub(crate) name: String,
    /// `Type`.
    pub(crate) subject: Subject,
    /// `ValidationRule`; empty for the schema's own faults.
    pub(crate) rule: &'static str,
    /// `Details`.
    pub(crate) details: String,
    /// What the caller reads; `None`: that it is the API's fault.
    pub(crate) public: Option<String>,
    /// What is done about it.
    pub(crate) action: Action,
}

impl Finding {
    /// One that callers may read as it is.
    pub(crate) fn told(
        name: &str,
        subject: Subject,
        rule: &'static str,
        details: String,
        action: Action,
    ) -> Finding {
        Finding {
            name: name.to_owned(),
            subject,
            rule,
            public: Some(details.clone()),
            details,
            action,
        }
    }

    /// One that callers may not read.
    pub(crate) fn hidden(mut self) -> Finding {
        self.public = None;
        self
    }

    fn json(&self) -> Json {
        json!({
            "Name": self.name,
            "Type": format!("{:?}", self.subject),
            "ValidationRule": self.rule,
            "Details": self.details,
            "Action": self.action.name(),
        })
    }
}

/// What a policy does with its findings: the variable, the telemetry, and a refusal if one of them is to be prevented.
pub(crate) fn conclude(
    policy: &'static str,
    variable: Option<&Str>,
    findings: &[Finding],
    rq: &mut Exchange,
) -> Flow {
    if findings.is_empty() {
        return Flow::Next;
    }
    if let Some(variable) = variable {
        append(variable, findings, rq);
    }
    let telemetry = rq.services.telemetry.clone();
    for finding in findings {
        let text = |text: &str| Str::from(text);
        let metadata = [
            (text("Name"), text(&finding.name)),
            (text("Type"), Str::from(format!("{:?}", finding.subject))),
            (text("ValidationRule"), text(finding.rule)),
            (text("Action"), text(finding.action.name())),
        ];
        let severity = TraceSeverity::Information;
        telemetry.trace(rq.id, policy, severity, &finding.details, &metadata);
    }
    let Some(first) = findings.iter().find(|f| f.action == Action::Prevent) else {
        return Flow::Next;
    };
    let on_request = rq.section.on_request();
    let (reason, status) = if on_request {
        ("Bad request", StatusCode::BAD_REQUEST)
    } else {
        ("Response not allowed", StatusCode::BAD_GATEWAY)
    };
    let public = first.public.clone().filter(|_| on_request);
    let failure = Failure::refused("", reason, status, first.details.clone())
        .public(public.unwrap_or_else(|| String::from(HIDDEN)));
    if rq.section == crate::compile::Section::OnError {
        // A failure of on-error would be the gateway's own: the answer that must not go out is replaced instead.
        rq.response = Some(failure.response(rq.id));
        return Flow::Return;
    }
    Flow::Fail(failure)
}

fn append(variable: &Str, findings: &[Finding], rq: &mut Exchange) {
    let mut all: Vec<Json> = match rq.variable(variable) {
        Some(before @ Value::Token(_)) => {
            serde_json::from_str(&before.to_text()).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    all.extend(findings.iter().map(Finding::json));
    if let Some(token) = Token::of_json(&Json::Array(all).to_string()) {
        rq.set_variable(variable, Value::Token(token));
    }
}
