//! Branches that never run, and steps behind an answer.
//!
//! What must stay true: a condition counts as constant only when it needs no request.

use super::documents::PolicyDocument;
use super::{DEAD_BRANCH, DEAD_STEP, Found, is_answer};
use tollgate_lang::document::{Element, Text, TextKind};
use tollgate_lang::expr::{self, Target};
use tollgate_lang::value::Value;
use tollgate_lang::{Diagnostic, Diagnostics};

pub(super) fn check(document: &PolicyDocument, found: &mut Found) {
    for (_, section) in document.sections() {
        document.visit(section, &mut |element, _| {
            if &*element.name == "choose" {
                branches(element, found);
            }
            steps(document, element, found);
        });
        for include in section.elements() {
            if let Some(fragment) = document.fragment(include) {
                steps(document, fragment, found);
            }
        }
    }
}

fn branches(choose: &Element, found: &mut Found) {
    let mut always: Option<&Element> = None;
    for branch in choose.elements() {
        if let Some(first) = always {
            found.push(
                Diagnostic::warning(
                    DEAD_BRANCH,
                    branch.name_span,
                    format!("this `{}` never runs", branch.name),
                )
                .label("a branch before it always does")
                .related(first.name_span, "its condition is always true")
                .help("remove the branch, or change the condition before it"),
            );
        } else if let Some(condition) = branch.attribute("condition") {
            match constant(&condition.value) {
                Some(true) => always = Some(branch),
                Some(false) => found.push(
                    Diagnostic::warning(
                        DEAD_BRANCH,
                        condition.value.span,
                        "this branch never runs",
                    )
                    .label("the condition is always false")
                    .help("remove the branch, or change its condition"),
                ),
                None => {}
            }
        }
    }
}

/// Whether a condition is the same for every request.
pub(super) fn constant(condition: &Text) -> Option<bool> {
    // What a named value decides is another thing in another place.
    if condition.holds_named_value() {
        return None;
    }
    if condition.kind == TextKind::Literal {
        return match condition.text.trim() {
            t if t.eq_ignore_ascii_case("true") => Some(true),
            t if t.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
    }
    let compiled = expr::compile(condition, Target::Bool, &mut Diagnostics::default())?;
    match compiled.constant()? {
        Value::Bool(b) => Some(b),
        _ => None,
    }
}

/// The first step behind one that always answers.
fn steps(document: &PolicyDocument, block: &Element, found: &mut Found) {
    if !holds_steps(&block.name) {
        return;
    }
    let mut ends: Option<&Element> = None;
    for step in block.elements() {
        if let Some(end) = ends {
            found.push(
                Diagnostic::warning(
                    DEAD_STEP,
                    step.name_span,
                    format!("this `{}` never runs", step.name),
                )
                .label("the request is answered before")
                .related(end.name_span, "here")
                .help("remove what follows the answer, or put it before"),
            );
            return;
        }
        if answers(document, step) {
            ends = Some(step);
        }
    }
}

fn holds_steps(name: &str) -> bool {
    matches!(
        name,
        "inbound"
            | "backend"
            | "outbound"
            | "on-error"
            | "when"
            | "otherwise"
            | "retry"
            | "limit-concurrency"
            | "fragment"
    )
}

/// Whether a step always ends the request.
fn answers(document: &PolicyDocument, step: &Element) -> bool {
    match &*step.name {
        name if is_answer(name) => true,
        "choose" => {
            let whole = step.elements().any(|e| &*e.name == "otherwise");
            whole
                && step
                    .elements()
                    .all(|e| e.elements().any(|s| answers(document, s)))
        }
        "limit-concurrency" | "retry" => step.elements().any(|s| answers(document, s)),
        "include-fragment" => document
            .fragment(step)
            .is_some_and(|f| f.elements().any(|s| answers(document, s))),
        _ => false,
    }
}
