//! Limits that never refuse: behind a stricter one with the same key and window, or with nothing to count.
//!
//! What must stay true: only literal numbers are compared.

use super::documents::PolicyDocument;
use super::reach::constant;
use super::{Found, IDLE_LIMIT};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Element, TextKind};

/// Policy, the attributes that say which counter, the limit.
const LIMITS: [(&str, &[&str], &str); 4] = [
    ("rate-limit", &["renewal-period"], "calls"),
    (
        "rate-limit-by-key",
        &["counter-key", "renewal-period"],
        "calls",
    ),
    ("llm-token-limit", &["counter-key"], "tokens-per-minute"),
    (
        "azure-openai-token-limit",
        &["counter-key"],
        "tokens-per-minute",
    ),
];

pub(super) fn check(document: &PolicyDocument, found: &mut Found) {
    for (_, section) in document.sections() {
        let mut blocks: Vec<&Element> = Vec::new();
        document.visit(section, &mut |element, _| {
            blocks.push(element);
            if let Some(condition) = element.attribute("increment-condition")
                && constant(&condition.value) == Some(false)
            {
                found.push(
                    Diagnostic::warning(
                        IDLE_LIMIT,
                        condition.value.span,
                        format!("`{}` counts nothing", element.name),
                    )
                    .label("no call is counted, so none is refused")
                    .help("remove the limit, or change `increment-condition`"),
                );
            }
        });
        for block in blocks {
            let steps: Vec<&Element> = block.elements().collect();
            for (at, later) in steps.iter().enumerate() {
                for earlier in &steps[..at] {
                    shadowed(earlier, later, found);
                }
            }
        }
    }
}

/// Of two limits of one counter that run one after the other, the looser never refuses.
fn shadowed(first: &Element, second: &Element, found: &mut Found) {
    let Some((name, key, limit)) = LIMITS.iter().find(|(name, ..)| *name == &*first.name) else {
        return;
    };
    let same = |name: &&str| match (first.attribute(name), second.attribute(name)) {
        (Some(a), Some(b)) => a.value.text == b.value.text && a.value.kind == b.value.kind,
        (None, None) => true,
        _ => false,
    };
    let plain = |e: &Element| {
        let counted = ["increment-condition", "increment-count", "token-quota"];
        counted.iter().all(|name| e.attribute(name).is_none()) && e.elements().next().is_none()
    };
    if second.name != first.name || !key.iter().all(same) || !plain(first) || !plain(second) {
        return;
    }
    let number = |e: &Element| {
        let value = &e.attribute(limit)?.value;
        let literal = value.kind == TextKind::Literal && !value.holds_named_value();
        literal
            .then(|| value.text.trim().parse::<u64>().ok())
            .flatten()
    };
    let (Some(a), Some(b)) = (number(first), number(second)) else {
        return;
    };
    let (looser, stricter) = if a > b {
        (first, second)
    } else {
        (second, first)
    };
    found.push(
        Diagnostic::warning(
            IDLE_LIMIT,
            looser.name_span,
            format!("this `{name}` never refuses"),
        )
        .label("another one of the same counter is as strict or stricter")
        .related(stricter.name_span, "this one")
        .help("remove it, or give it a key or window of its own"),
    );
}
