//! Parameters and headers held to their declarations: what `validate-parameters` and `validate-headers` share.
//!
//! What must stay true: every name in the message is either declared or unspecified; what the gateway or a connection
//! put there is neither.

use super::{Action, ActionArg, Finding, MOST, Subject};
use crate::compile::Compile;
use crate::contract::Contract;
use crate::contract::parameter::{Parameter, Wrong};
use crate::exchange::Exchange;
use crate::failure::Failure;
use http::HeaderMap;
use serde_json::Value;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// Headers of connections and of the gateway's own tracing.
const NOT_THE_MESSAGES: [&str; 10] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "traceparent",
    "tracestate",
];

/// The actions of one kind of parameter, as written.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) specified: Option<ActionArg>,
    pub(crate) unspecified: Option<ActionArg>,
    /// By name.
    pub(crate) named: Vec<(Str, ActionArg)>,
}

impl Rules {
    /// The children of an element that name a parameter; `false`: one was refused.
    pub(crate) fn name(&mut self, element: &Element, child: &str, cx: &mut Compile<'_>) -> bool {
        let mut whole = true;
        for child in element.elements().filter(|e| &*e.name == child) {
            let name = child.attribute("name").map(|a| a.value.text.clone());
            let action = ActionArg::of(child, "action", cx);
            match name.zip(action) {
                Some(named) => self.named.push(named),
                None => whole = false,
            }
        }
        whole
    }

    /// The actions for this request. `defaults`: where nothing is written here.
    pub(crate) fn get(
        &self,
        defaults: (Action, Action),
        rq: &mut Exchange,
    ) -> Result<Actions<'_>, Box<Failure>> {
        let or = |arg: &Option<ActionArg>, default, rq: &mut Exchange| match arg {
            Some(arg) => arg.get(rq),
            None => Ok(default),
        };
        let specified = or(&self.specified, defaults.0, rq)?;
        let unspecified = or(&self.unspecified, defaults.1, rq)?;
        let mut named = Vec::with_capacity(self.named.len());
        for (name, action) in &self.named {
            named.push((&**name, action.get(rq)?));
        }
        Ok(Actions {
            specified,
            unspecified,
            named,
        })
    }
}

/// The actions of one kind of parameter for a request.
#[derive(Debug)]
pub(crate) struct Actions<'r> {
    specified: Action,
    unspecified: Action,
    named: Vec<(&'r str, Action)>,
}

impl Actions<'_> {
    fn of(&self, name: &str, specified: bool) -> Action {
        let named = self
            .named
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        match named {
            Some((_, action)) => *action,
            None if specified => self.specified,
            None => self.unspecified,
        }
    }

    /// Whether nothing is looked for.
    fn idle(&self) -> bool {
        let ignored = |action| action == Action::Ignore;
        ignored(self.specified)
            && ignored(self.unspecified)
            && self.named.iter().all(|(_, a)| ignored(*a))
    }
}

/// Holds headers to their declarations. `own`: the header that carries the caller's key.
pub(crate) fn headers(
    actions: &Actions<'_>,
    subject: Subject,
    headers: &HeaderMap,
    declared: &[&Parameter],
    contract: Option<&Contract>,
    own: Option<&str>,
    findings: &mut Vec<Finding>,
) {
    if actions.idle() {
        return;
    }
    for parameter in declared {
        let action = actions.of(&parameter.name, true);
        let lines: Vec<&str> = headers
            .get_all(&*parameter.name)
            .iter()
            .map(|line| line.to_str().unwrap_or_default())
            .collect();
        check(action, subject, parameter, contract, findings, || {
            (!lines.is_empty()).then(|| parameter.texts(&lines))
        });
    }
    for name in headers.keys().map(http::HeaderName::as_str) {
        let known = NOT_THE_MESSAGES.contains(&name)
            || own.is_some_and(|own| own.eq_ignore_ascii_case(name))
            || declared.iter().any(|p| p.name.eq_ignore_ascii_case(name));
        if !known {
            unspecified(actions, subject, name, findings);
        }
    }
}

/// Holds the query to its declarations: pairs of decoded names and values. `own`: names that need no declaration.
pub(crate) fn query(
    actions: &Actions<'_>,
    pairs: &[(&str, &str)],
    declared: &[&Parameter],
    contract: Option<&Contract>,
    own: &[&str],
    findings: &mut Vec<Finding>,
) {
    if actions.idle() {
        return;
    }
    let subject = Subject::QueryParameter;
    for parameter in declared {
        let action = actions.of(&parameter.name, true);
        let mine: Vec<(&str, &str)> = pairs
            .iter()
            .filter(|(name, _)| parameter.named(name))
            .copied()
            .collect();
        check(action, subject, parameter, contract, findings, || {
            (!mine.is_empty()).then(|| parameter.query(&mine))
        });
    }
    let mut seen: Vec<&str> = Vec::new();
    for (name, _) in pairs {
        let known = own.iter().any(|own| own.eq_ignore_ascii_case(name))
            || declared.iter().any(|p| p.named(name))
            || seen.contains(name);
        if !known {
            if seen.len() < MOST {
                seen.push(name);
            }
            unspecified(actions, subject, name, findings);
        }
    }
}

/// Holds the parameters of the path, decoded, to their declarations.
pub(crate) fn path(
    actions: &Actions<'_>,
    matched: &[(Str, Str)],
    declared: &[&Parameter],
    contract: Option<&Contract>,
    findings: &mut Vec<Finding>,
) {
    if actions.idle() {
        return;
    }
    let subject = Subject::PathParameter;
    for parameter in declared {
        let action = actions.of(&parameter.name, true);
        let value = matched
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&parameter.name));
        check(action, subject, parameter, contract, findings, || {
            value.map(|(_, text)| parameter.texts(&[text]))
        });
    }
    for (name, _) in matched {
        if !declared.iter().any(|p| p.name.eq_ignore_ascii_case(name)) {
            unspecified(actions, subject, name, findings);
        }
    }
}

fn unspecified(actions: &Actions<'_>, subject: Subject, name: &str, findings: &mut Vec<Finding>) {
    let action = actions.of(name, false);
    if action != Action::Ignore && findings.len() < MOST {
        let details = format!("Unspecified {} {name} is not allowed.", subject.noun());
        findings.push(Finding::told(name, subject, "Unspecified", details, action));
    }
}

/// Holds one declared parameter to its schema.
fn check(
    action: Action,
    subject: Subject,
    parameter: &Parameter,
    contract: Option<&Contract>,
    findings: &mut Vec<Finding>,
    value: impl FnOnce() -> Option<Result<Value, Wrong>>,
) {
    let Some(contract) = contract.filter(|_| action != Action::Ignore && findings.len() < MOST)
    else {
        return;
    };
    let (name, noun) = (&*parameter.name, subject.noun());
    let found = value().map(|v| v.and_then(|v| parameter.check(&contract.validators, &v)));
    let message = if subject == Subject::ResponseHeader {
        "Response"
    } else {
        "Request"
    };
    let (rule, details) = match found {
        None if !parameter.required => return,
        Some(Ok(())) => return,
        None => (
            "IncorrectMessage",
            format!("Required {noun} {name} is missing."),
        ),
        Some(Err(Wrong::Multiple)) => (
            "IncorrectMessage",
            format!("{message} cannot contain multiple values for the {noun} {name}."),
        ),
        Some(Err(Wrong::Unparsed(why))) => (
            "IncorrectMessage",
            format!(
                "Value of the {noun} {name} cannot be parsed according to the definition. {why}"
            ),
        ),
        Some(Err(Wrong::Unfit(why))) => (
            "IncorrectMessage",
            format!("Value of the {noun} {name} does not conform to the definition. {why}"),
        ),
        Some(Err(Wrong::Broken(why))) => {
            let mut noun = noun.to_owned();
            noun[..1].make_ascii_uppercase();
            let details = format!("{noun} {name} cannot be validated. {why}");
            let finding = Finding::told(name, subject, "ValidationError", details, action);
            findings.push(finding.hidden());
            return;
        }
    };
    findings.push(Finding::told(name, subject, rule, details, action));
}
