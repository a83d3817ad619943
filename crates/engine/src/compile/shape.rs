//! Checks an element against its definition: attributes, children, content, literals.
//!
//! What must stay true: after a clean check a policy's `compile` function finds what the definition promises.

use super::{AttributeDef, ChildDef, Compile, Content, Kind, PolicyDef};
use tollgate_lang::Diagnostic;
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::document::{Element, Node, TextKind};

/// Checks a policy element.
pub fn check(element: &Element, def: &PolicyDef, cx: &mut Compile<'_>) {
    attributes(element, def.attributes, true, cx);
    children(element, def.children, def.content, cx);
}

fn attributes(element: &Element, defs: &[AttributeDef], id: bool, cx: &mut Compile<'_>) {
    for attribute in &element.attributes {
        let Some(def) = defs.iter().find(|d| d.name == &*attribute.name) else {
            if id && &*attribute.name == "id" {
                if attribute.value.kind != TextKind::Literal {
                    cx.report(
                        Diagnostic::error("TG0316", attribute.value.span, "`id` must be a literal")
                            .label("expected text without an expression"),
                    );
                }
                continue;
            }
            let diagnostic = Diagnostic::error(
                "TG0314",
                attribute.name_span,
                format!("`{}` has no attribute `{}`", element.name, attribute.name),
            );
            cx.report(
                match nearest(&attribute.name, defs.iter().map(|d| d.name)) {
                    Some(name) => diagnostic
                        .label("unknown attribute")
                        .help(format!("did you mean `{name}`?")),
                    None if defs.is_empty() => diagnostic.label("expected no attributes"),
                    None => diagnostic.label(format!(
                        "expected one of {}",
                        list(defs.iter().map(|d| d.name))
                    )),
                },
            );
            continue;
        };
        if attribute.value.kind == TextKind::Literal {
            if let Some(expected) = unfit(def.kind, &attribute.value.text) {
                cx.report(
                    Diagnostic::error(
                        "TG0315",
                        attribute.value.span,
                        format!(
                            "`{}` of `{}` cannot be `{}`",
                            def.name, element.name, attribute.value.text
                        ),
                    )
                    .label(format!("expected {expected}")),
                );
            }
        } else if !def.expression {
            cx.report(
                Diagnostic::error(
                    "TG0316",
                    attribute.value.span,
                    format!("`{}` of `{}` must be a literal", def.name, element.name),
                )
                .label("policy expressions are not allowed here")
                .help("use a literal, or a named value `{{name}}`"),
            );
        }
    }
    for def in defs.iter().filter(|d| d.required) {
        if element.attribute(def.name).is_none() {
            cx.report(
                Diagnostic::error(
                    "TG0317",
                    element.name_span,
                    format!("`{}` needs the attribute `{}`", element.name, def.name),
                )
                .label(def.doc.to_owned()),
            );
        }
    }
}

fn children(element: &Element, defs: &[ChildDef], content: Content, cx: &mut Compile<'_>) {
    // Elements of a text content (markup inside a literal body) are the policy's own affair only where it says so.
    if content == Content::Markup && defs.is_empty() {
        return;
    }
    for node in &element.children {
        match node {
            Node::Element(inner) => {
                if let Some(def) = defs.iter().find(|d| d.name == &*inner.name) {
                    // A policy that is another's part (`set-header` in `return-response`) may have an `id` too.
                    let id = crate::policies::find(def.name).is_some();
                    if def.content != Content::Markup {
                        attributes(inner, def.attributes, id, cx);
                    }
                    self::children(inner, def.children, def.content, cx);
                } else if !matches!(content, Content::Policies | Content::Markup) {
                    let diagnostic = Diagnostic::error(
                        "TG0318",
                        inner.name_span,
                        format!("`{}` cannot stand in `{}`", inner.name, element.name),
                    );
                    cx.report(match nearest(&inner.name, defs.iter().map(|d| d.name)) {
                        Some(name) => diagnostic
                            .label("unknown element")
                            .help(format!("did you mean `{name}`?")),
                        None if defs.is_empty() && content == Content::Empty => diagnostic.label(
                            format!("`{0}` holds nothing: write `<{0} … />`", element.name),
                        ),
                        None if defs.is_empty() => diagnostic.label("expected text"),
                        None => diagnostic
                            .label(format!("expected {}", list(defs.iter().map(|d| d.name)))),
                    });
                }
            }
            Node::Text(text) => match content {
                Content::Text => {}
                Content::Literal if text.kind == TextKind::Literal => {}
                Content::Literal => cx.report(
                    Diagnostic::error(
                        "TG0316",
                        text.span,
                        format!("the text of `{}` must be a literal", element.name),
                    )
                    .label("policy expressions are not allowed here"),
                ),
                // Text beside elements was reported by the reader.
                Content::Empty | Content::Markup if element.elements().next().is_some() => {}
                Content::Empty | Content::Markup => cx.report(
                    Diagnostic::error(
                        "TG0319",
                        text.span,
                        format!("`{}` holds text", element.name),
                    )
                    .label(if defs.is_empty() {
                        String::from("expected nothing here")
                    } else {
                        format!("expected {}", list(defs.iter().map(|d| d.name)))
                    }),
                ),
                // The block compiler says it.
                Content::Policies => {}
            },
        }
    }
    for def in defs {
        let count = element.elements().filter(|e| &*e.name == def.name).count();
        if count < def.min as usize {
            cx.report(
                Diagnostic::error(
                    "TG0320",
                    element.name_span,
                    format!(
                        "`{}` needs {} `{}`",
                        element.name,
                        if def.min == 1 { "a" } else { "more" },
                        def.name
                    ),
                )
                .label(def.doc.to_owned()),
            );
        } else if count > def.max as usize
            && let Some(extra) = element
                .elements()
                .filter(|e| &*e.name == def.name)
                .nth(def.max as usize)
        {
            cx.report(
                Diagnostic::error(
                    "TG0321",
                    extra.name_span,
                    format!(
                        "`{}` may hold `{}` only {} time(s)",
                        element.name, def.name, def.max
                    ),
                )
                .label("one too many"),
            );
        }
    }
}

/// What is expected instead, when a literal does not fit.
fn unfit(kind: Kind, text: &str) -> Option<String> {
    let text = text.trim();
    match kind {
        Kind::Text => None,
        Kind::Bool => (!text.eq_ignore_ascii_case("true") && !text.eq_ignore_ascii_case("false"))
            .then(|| String::from("`true` or `false`")),
        Kind::Int(low, high) => match text.parse::<i64>() {
            Ok(n) if (low..=high).contains(&n) => None,
            _ if high == i64::MAX || high == i64::from(i32::MAX) => {
                Some(format!("a whole number from {low}"))
            }
            _ => Some(format!("a whole number from {low} to {high}")),
        },
        Kind::Number(low, high) => match text.parse::<f64>() {
            Ok(n) if n >= low && n <= high => None,
            _ => Some(format!("a number from {low} to {high}")),
        },
        Kind::OneOf(words) => (!words.contains(&text)).then(|| list(words.iter().copied())),
    }
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words
        .map(|w| format!("`{w}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
