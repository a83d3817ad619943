//! `validate-azure-ad-token`: `validate-jwt` with the keys and issuers of Microsoft Entra ID.
//!
//! A tenant's tokens of both versions pass. API Management's page is unclear on which children are needed: here none is,
//! and a document that lets in every token of the tenant, whatever it was made for, gets a warning.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::jwt::elements::{
    AUDIENCES, DECRYPTION_KEYS, HEADER_NAME, MESSAGE, ProviderUrl, QUERY_NAME, REQUIRED_CLAIMS,
    STATUS, Skew, TOKEN_VALUE, VARIABLE,
};
use crate::jwt::validation::{Issuers, Validation};
use crate::step::Step;
use std::time::Duration;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// Where Entra ID is, unless `authentication-endpoint` says otherwise.
const ENDPOINT: &str = "https://login.microsoftonline.com";

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "validate-azure-ad-token",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "tenant-id",
            Kind::Text,
            "the tenant: its id, its domain, or `organizations`, `common`, `consumers`",
        )
        .required()
        .expression(),
        HEADER_NAME,
        QUERY_NAME,
        TOKEN_VALUE,
        attribute(
            "authentication-endpoint",
            Kind::Text,
            "where Entra ID is, for other clouds",
        )
        .expression()
        .default(ENDPOINT),
        STATUS,
        MESSAGE,
        VARIABLE,
    ],
    children: &[
        child(
            "client-application-ids",
            Content::Empty,
            "applications that may call (`appid`, `azp`)",
        )
        .times(0, 1)
        .children(&[child("application-id", Content::Text, "one of them").times(1, u32::MAX)]),
        child(
            "backend-application-ids",
            Content::Empty,
            "applications that the token may be for (`aud`)",
        )
        .times(0, 1)
        .children(&[child("application-id", Content::Text, "one of them").times(1, u32::MAX)]),
        AUDIENCES,
        REQUIRED_CLAIMS,
        DECRYPTION_KEYS,
    ],
    content: Content::Empty,
    doc: "Refuses a request without a valid token of Microsoft Entra ID.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let place = cx.token_place(element, Some("authorization"));
    let provider = provider(element, cx);
    let tenant = cx.arg::<Str>(element, "tenant-id");
    let keys = cx.own_keys(element);
    let (status, message) = (
        cx.arg(element, "failed-validation-httpcode"),
        cx.optional(element, "failed-validation-error-message"),
    );
    let (clients, backends, audiences, claims) = (
        cx.texts(element, "client-application-ids", "application-id"),
        cx.texts(element, "backend-application-ids", "application-id"),
        cx.texts(element, "audiences", "audience"),
        cx.required_claims(element),
    );
    if let (Some([]), Some([]), Some([]), Some([])) = (
        clients.as_deref(),
        backends.as_deref(),
        audiences.as_deref(),
        claims.as_deref(),
    ) {
        cx.report(
            Diagnostic::warning(
                "TG0375",
                element.name_span,
                "every token of the tenant passes, also those for other services",
            )
            .label("nothing says whom or what the token must be for")
            .help("add `client-application-ids`, `audiences` or `required-claims`"),
        );
    }
    let variable = cx.literal(element, "output-token-variable-name");
    cx.step(Validation {
        place: place?,
        scheme: None,
        status: status?,
        message: message?,
        require_expiration: Arg::Const(true),
        require_signed: Arg::Const(true),
        skew: Arg::Const(Skew(Duration::ZERO)),
        variable,
        providers: vec![provider?],
        keys: keys?,
        issuers: Issuers::Entra(tenant?),
        audiences: audiences?,
        backends: backends?,
        clients: clients?,
        claims: claims?,
    })
}

fn provider(element: &Element, cx: &mut Compile<'_>) -> Option<ProviderUrl> {
    let tenant = cx.arg::<Str>(element, "tenant-id")?;
    let endpoint = cx.arg::<Str>(element, "authentication-endpoint")?;
    let (Some(known), Some(base)) = (tenant.constant(), endpoint.constant()) else {
        return Some(ProviderUrl::Entra { tenant, endpoint });
    };
    let span = |name| {
        let attribute = element.attribute(name);
        attribute.map_or(element.name_span, |a| a.value.span)
    };
    match ProviderUrl::entra(base, known) {
        Ok(url) => cx.provider(&url, span("authentication-endpoint")),
        Err(why) => cx.bad_provider(
            span("tenant-id"),
            why,
            "expected its id, its domain, or `organizations`, `common`, `consumers`",
        ),
    }
}
