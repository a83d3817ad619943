//! Texts that are written as expressions are and lack the `@( )` around them.
//!
//! What must stay true: a text counts only when it begins with a member of `context`, so that prose about one does not.

use super::documents::PolicyDocument;
use super::{Found, LITERAL_EXPRESSION};
use tollgate_engine::compile::ScopeKind;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Element, Text, TextKind};

pub(super) fn check(document: &PolicyDocument, found: &mut Found) {
    let sections = document.sections().map(|(_, section)| section);
    let resolver = (document.kind == ScopeKind::Resolver).then_some(&document.root);
    for part in sections.chain(resolver) {
        document.visit(part, &mut |element, _| {
            let attributes = element.attributes.iter().map(|a| &a.value);
            for text in attributes.chain(content(element)) {
                if text.kind == TextKind::Literal && is_expression(&text.text) {
                    let warning = Diagnostic::warning(
                        LITERAL_EXPRESSION,
                        text.span,
                        format!("the text of `{}` looks like an expression", element.name),
                    );
                    found.push(
                        warning
                            .label("taken as it is written")
                            .help("write `@( )` around it to have its value"),
                    );
                }
            }
        });
    }
}

/// The text of an element, unless it is a template.
fn content(element: &Element) -> Option<&Text> {
    let template = element.attribute("template").is_some();
    element.text().filter(|_| !template)
}

/// Whether a text is one member of `context` after another, to its end or to a call.
fn is_expression(text: &str) -> bool {
    const MEMBERS: [&str; 12] = [
        "Api",
        "Deployment",
        "GraphQL",
        "LastError",
        "Operation",
        "Product",
        "Request",
        "RequestId",
        "Response",
        "Subscription",
        "User",
        "Variables",
    ];
    let Some(rest) = text.trim().strip_prefix("context.") else {
        return false;
    };
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
    let (member, rest) = rest.split_at(end.unwrap_or(rest.len()));
    MEMBERS.contains(&member) && rest.chars().next().is_none_or(|c| ".?[( ".contains(c))
}

#[cfg(test)]
mod tests {
    use super::is_expression;

    #[test]
    fn members_of_context_and_no_prose() {
        for text in [
            "context.Request.Method",
            " context.Variables[\"x\"] ",
            "context.User?.Id",
            "context.RequestId",
        ] {
            assert!(is_expression(text), "{text}");
        }
        for text in [
            "",
            "context",
            "context.txt",
            "context.requests",
            "the context.Request",
            "@(context.Request)",
        ] {
            assert!(!is_expression(text), "{text}");
        }
    }
}
