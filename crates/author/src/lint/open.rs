//! APIs that anybody may call: no key, and no policy that asks who calls.
//!
//! What must stay true: an API that an MCP server uses for its tools only is no exception; it answers callers too.

use super::documents::Documents;
use super::{Found, OPEN_API};
use tollgate_engine::compile::Section;
use tollgate_engine::definition::Definition;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;

/// Policies that refuse a caller for who it is.
const ASKS: [&str; 5] = [
    "validate-jwt",
    "validate-azure-ad-token",
    "validate-client-certificate",
    "check-header",
    "ip-filter",
];

pub(super) fn check(definition: &Definition, documents: &Documents<'_>, found: &mut Found) {
    for api in definition
        .apis
        .iter()
        .filter(|api| !api.subscription_required)
    {
        let Some(span) = api.span else { continue };
        let mut asks = false;
        for document in documents.of_api(api) {
            let Some(section) = document.section(Section::Inbound) else {
                continue;
            };
            document.visit(section, &mut |element, _| {
                asks |= ASKS.contains(&&*element.name) || compares(element)
            });
        }
        if !asks {
            found.push(
                Diagnostic::warning(OPEN_API, span, format!("anybody may call API `{}`", api.id))
                    .label("it needs no key, and no policy asks who calls")
                    .help("leave out `subscriptionRequired: false`, or add `validate-jwt` or another policy that refuses strangers"),
            );
        }
    }
}

/// Whether a condition of the document's own looks at a credential.
fn compares(element: &Element) -> bool {
    element.attribute("condition").is_some_and(|a| {
        let code = &a.value.text;
        code.contains("Authorization") || code.contains("Certificate") || code.contains("Jwt")
    })
}
