//! `validate-jwt`: lets only requests through whose token is signed by a known key and says what it must.
//!
//! What API Management's page leaves open is decided in `docs/tokens.md`. The check itself is in `jwt::validation`.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::jwt::elements::{
    AUDIENCES, DECRYPTION_KEYS, HEADER_NAME, MESSAGE, ProviderUrl, QUERY_NAME, REQUIRED_CLAIMS,
    STATUS, TOKEN_VALUE, VARIABLE,
};
use crate::jwt::validation::{Issuers, Validation};
use crate::step::Step;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "validate-jwt",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        HEADER_NAME,
        QUERY_NAME,
        TOKEN_VALUE,
        STATUS,
        MESSAGE,
        attribute(
            "require-expiration-time",
            Kind::Bool,
            "whether a token without `exp` is refused",
        )
        .expression()
        .default("true"),
        attribute(
            "require-scheme",
            Kind::Text,
            "the scheme that `Authorization` must have, such as `Bearer`",
        )
        .expression(),
        attribute(
            "require-signed-tokens",
            Kind::Bool,
            "whether a token without signature is refused",
        )
        .expression()
        .default("true"),
        attribute(
            "clock-skew",
            Kind::Text,
            "how far clocks may differ: seconds, or `hh:mm:ss`",
        )
        .expression()
        .default("0"),
        VARIABLE,
    ],
    children: &[
        child(
            "openid-config",
            Content::Empty,
            "an OpenID provider: its keys and its issuer count",
        )
        .attributes(&[attribute(
            "url",
            Kind::Text,
            "the address of its configuration document",
        )
        .required()
        .expression()]),
        child(
            "issuer-signing-keys",
            Content::Empty,
            "keys that signatures are checked with",
        )
        .times(0, 1)
        .children(&[child(
            "key",
            Content::Text,
            "a shared secret as Base64; or its attributes",
        )
        .times(1, u32::MAX)
        .attributes(&[
            attribute("id", Kind::Text, "compared with the token's `kid`"),
            attribute(
                "certificate-id",
                Kind::Text,
                "a certificate of the configuration",
            ),
            attribute("n", Kind::Text, "an RSA modulus, Base64url"),
            attribute("e", Kind::Text, "an RSA exponent, Base64url"),
        ])]),
        DECRYPTION_KEYS,
        AUDIENCES,
        child(
            "issuers",
            Content::Empty,
            "allowed values of `iss`, besides those of providers",
        )
        .times(0, 1)
        .children(&[child("issuer", Content::Text, "one of them").times(1, u32::MAX)]),
        REQUIRED_CLAIMS,
    ],
    content: Content::Empty,
    doc: "Refuses a request without a valid JSON Web Token: signature, lifetime, audience, issuer, claims.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let place = cx.token_place(element, None);
    let providers = providers(element, cx);
    let keys = cx.own_keys(element);
    let skew = cx.arg(element, "clock-skew");
    if skew.is_none()
        && let Some(attribute) = element.attribute("clock-skew")
    {
        cx.report(
            Diagnostic::error(
                "TG0372",
                attribute.value.span,
                "`clock-skew` is not a duration",
            )
            .label("expected seconds such as `300`, or `00:05:00`"),
        );
    }
    let (scheme, message) = (
        cx.optional(element, "require-scheme"),
        cx.optional(element, "failed-validation-error-message"),
    );
    let (status, require_expiration, require_signed) = (
        cx.arg(element, "failed-validation-httpcode"),
        cx.arg(element, "require-expiration-time"),
        cx.arg::<bool>(element, "require-signed-tokens"),
    );
    let (issuers, audiences, claims) = (
        cx.texts(element, "issuers", "issuer"),
        cx.texts(element, "audiences", "audience"),
        cx.required_claims(element),
    );
    let keyless = !element
        .elements()
        .any(|e| matches!(&*e.name, "openid-config" | "issuer-signing-keys"));
    if keyless && require_signed.as_ref().and_then(Arg::constant) == Some(&true) {
        cx.report(
            Diagnostic::warning(
                "TG0374",
                element.name_span,
                "`validate-jwt` refuses every token",
            )
            .label("no key could verify one")
            .help("add `openid-config` or `issuer-signing-keys`"),
        );
    }
    let variable = cx.literal(element, "output-token-variable-name");
    cx.step(Validation {
        place: place?,
        scheme: scheme?,
        status: status?,
        message: message?,
        require_expiration: require_expiration?,
        require_signed: require_signed?,
        skew: skew?,
        variable,
        providers: providers?,
        keys: keys?,
        issuers: Issuers::Listed(issuers?),
        audiences: audiences?,
        backends: Vec::new(),
        clients: Vec::new(),
        claims: claims?,
    })
}

fn providers(element: &Element, cx: &mut Compile<'_>) -> Option<Vec<ProviderUrl>> {
    let all: Vec<_> = element
        .elements()
        .filter(|e| &*e.name == "openid-config")
        .map(|config| match cx.arg::<Str>(config, "url")? {
            Arg::Const(url) => {
                let place = config.attribute("url");
                cx.provider(&url, place.map_or(config.name_span, |a| a.value.span))
            }
            dynamic => Some(ProviderUrl::Dynamic(dynamic)),
        })
        .collect();
    all.into_iter().collect()
}
