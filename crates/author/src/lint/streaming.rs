//! Responses of models and MCP servers that are read whole, so that they do not stream.
//!
//! A policy of an MCP server's API reads each event by itself, which holds nothing back; to buffer the response does.
//! What must stay true: a read that a condition on streaming guards is the author's own decision.

use super::documents::Documents;
use super::variables::texts;
use super::{Found, HELD_RESPONSE};
use tollgate_engine::compile::Section;
use tollgate_engine::definition::{ApiKind, Definition};
use tollgate_lang::document::{Element, TextKind};
use tollgate_lang::expr::{self, Target};
use tollgate_lang::{Diagnostic, Diagnostics};

pub(super) fn check(definition: &Definition, documents: &Documents<'_>, found: &mut Found) {
    for api in &definition.apis {
        let what = if api.kind == ApiKind::Mcp {
            "an MCP server"
        } else if documents.of_api(api).any(|d| is_model(&d.root)) {
            "a model"
        } else {
            continue;
        };
        // What is common to all APIs is judged where it stands narrower.
        for document in documents.of_api(api).filter(|d| d.apis.contains(&api.id)) {
            for section in [Section::Backend, Section::Outbound] {
                let Some(element) = document.section(section) else {
                    continue;
                };
                document.visit(element, &mut |element, outer| {
                    if reads(element, section, api.kind) && !outer.iter().chain([&element]).any(|e| is_guard(e)) {
                        found.push(
                            Diagnostic::warning(
                                HELD_RESPONSE,
                                element.name_span,
                                format!("`{}` reads the whole response of {what}: it does not stream", element.name),
                            )
                            .label("the caller waits until the last byte is there")
                            .help("meter with the policies made for it (`llm-emit-token-metric`), or read only in a branch whose condition excludes `stream`"),
                        );
                    }
                });
            }
        }
    }
}

fn is_model(element: &Element) -> bool {
    element.name.starts_with("llm-")
        || element.name.starts_with("azure-openai-")
        || element.elements().any(is_model)
}

/// Whether a policy reads the response's body.
fn reads(element: &Element, section: Section, kind: ApiKind) -> bool {
    let buffers = element.attribute("buffer-response");
    if &*element.name == "forward-request"
        && buffers.is_some_and(|a| a.value.text.trim().eq_ignore_ascii_case("true"))
    {
        return true;
    }
    if kind == ApiKind::Mcp {
        return false;
    }
    let whole = [
        "find-and-replace",
        "json-to-xml",
        "xml-to-json",
        "redirect-content-urls",
        "validate-content",
    ];
    if section == Section::Outbound && whole.contains(&&*element.name) {
        return true;
    }
    texts(element).any(|text| {
        text.text.contains("Response")
            && expr::compile(text, Target::Any, &mut Diagnostics::default())
                .is_some_and(|e| e.reads().response_body)
    })
}

/// Whether a condition speaks of streaming.
fn is_guard(element: &Element) -> bool {
    element.attribute("condition").is_some_and(|a| {
        a.value.kind != TextKind::Literal && a.value.text.to_ascii_lowercase().contains("stream")
    })
}
