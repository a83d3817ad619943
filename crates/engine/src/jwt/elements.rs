//! The child elements of the two token policies: how they are declared, and what they compile to.
//!
//! Called by `policies::validate_jwt` and `policies::validate_azure_ad_token`. What must stay true: every key that is
//! known at load is prepared then, and one that can never verify anything is a fault and not a silent gap.

use super::claims::Claims;
use super::refusal::Refusal;
use super::validation::{OwnKeys, Place};
use super::{DecryptionKey, Key, KeySet, entra, keys};
use crate::compile::{
    Arg, ArgType, AttributeDef, ChildDef, Compile, Content, Kind, attribute, child,
};
use crate::definition::{MISSING, rewrite_authority};
use crate::exchange::Exchange;
use crate::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use smallvec::SmallVec;
use std::time::Duration;
use tollgate_lang::document::{Element, Node};
use tollgate_lang::expr::Target;
use tollgate_lang::value::{Lent, Str, Value};
use tollgate_lang::{Diagnostic, Span};

/// Longest clock skew: a year. Above, a skew is a mistake.
const MOST_SKEW: Duration = Duration::from_secs(366 * 86_400);

/// `header-name`, `query-parameter-name`, `token-value`.
pub(crate) const HEADER_NAME: AttributeDef =
    attribute("header-name", Kind::Text, "the header that holds the token").expression();
pub(crate) const QUERY_NAME: AttributeDef = attribute(
    "query-parameter-name",
    Kind::Text,
    "the query parameter that holds the token",
)
.expression();
pub(crate) const TOKEN_VALUE: AttributeDef = attribute(
    "token-value",
    Kind::Text,
    "the token itself, without a scheme before it",
)
.expression();
pub(crate) const STATUS: AttributeDef = attribute(
    "failed-validation-httpcode",
    Kind::Int(200, 999),
    "the status of the refusal",
)
.expression()
.default("401");
pub(crate) const MESSAGE: AttributeDef = attribute(
    "failed-validation-error-message",
    Kind::Text,
    "the message of the refusal; default: `JWT not present.` or `Invalid JWT.`",
)
.expression();
pub(crate) const VARIABLE: AttributeDef = attribute(
    "output-token-variable-name",
    Kind::Text,
    "the variable that gets the token as a `Jwt`",
);

/// `<audiences>`.
pub(crate) const AUDIENCES: ChildDef =
    child("audiences", Content::Empty, "allowed values of `aud`")
        .times(0, 1)
        .children(&[child("audience", Content::Text, "one of them").times(1, u32::MAX)]);

/// `<decryption-keys>`.
pub(crate) const DECRYPTION_KEYS: ChildDef = child(
    "decryption-keys",
    Content::Empty,
    "keys that encrypted tokens are decrypted with",
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
        "a certificate of the configuration, with its key",
    ),
])]);

/// `<required-claims>`.
pub(crate) const REQUIRED_CLAIMS: ChildDef = child(
    "required-claims",
    Content::Empty,
    "claims that must be there",
)
.times(0, 1)
.children(&[
    child("claim", Content::Empty, "a claim and its allowed values")
        .times(1, u32::MAX)
        .attributes(&[
            attribute("name", Kind::Text, "the claim's name")
                .required()
                .expression(),
            attribute(
                "match",
                Kind::OneOf(&["all", "any"]),
                "whether the claim must hold all values, or any of them",
            )
            .expression()
            .default("all"),
            attribute(
                "separator",
                Kind::Text,
                "splits a claim that is one text into several values",
            )
            .expression(),
        ])
        .children(&[child(
            "value",
            Content::Text,
            "an allowed value; without any, the claim must only be there",
        )]),
]);

/// A clock skew: seconds, or a `TimeSpan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skew(pub(crate) Duration);

impl ArgType for Skew {
    const TARGET: Target = Target::Any;

    fn literal(text: &str) -> Option<Skew> {
        let text = text.trim();
        let duration = match text.split_once(':') {
            None => Duration::try_from_secs_f64(text.parse().ok()?).ok()?,
            Some(_) => time_span(text)?,
        };
        (duration <= MOST_SKEW).then_some(Skew(duration))
    }

    fn value(value: Lent<'_>) -> Option<Skew> {
        let duration = match value.into_value() {
            // Ticks of 100 ns.
            Value::TimeSpan(ticks) => {
                Duration::from_nanos(u64::try_from(ticks).ok()?.checked_mul(100)?)
            }
            Value::Double(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
            Value::Str(text) => return Skew::literal(&text),
            other => Duration::from_secs(u64::try_from(other.as_i64()?).ok()?),
        };
        (duration <= MOST_SKEW).then_some(Skew(duration))
    }
}

/// `[d.]hh:mm[:ss]`.
fn time_span(text: &str) -> Option<Duration> {
    let (days, clock) = match text.split_once('.') {
        Some((days, clock)) => (days.parse::<u64>().ok()?, clock),
        None => (0, text),
    };
    let parts: Vec<u64> = clock
        .split(':')
        .map(|p| p.parse().ok())
        .collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match *parts {
        [hours, minutes] => (hours, minutes, 0),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return None,
    };
    let fits = days < 10_000 && hours < 24 && minutes < 60 && seconds < 60;
    fits.then(|| Duration::from_secs(((days * 24 + hours) * 60 + minutes) * 60 + seconds))
}

/// The configuration URL of a provider.
#[derive(Debug)]
pub(crate) enum ProviderUrl {
    /// Known at load, authority rewritten.
    Known(Str),
    /// As an expression gives it.
    Dynamic(Arg<Str>),
    /// Entra ID's for a tenant at an endpoint.
    Entra {
        tenant: Arg<Str>,
        endpoint: Arg<Str>,
    },
}

impl ProviderUrl {
    /// The URL of Entra ID's configuration for a tenant; the error says what is wrong.
    pub(crate) fn entra(endpoint: &str, tenant: &str) -> Result<String, String> {
        let (endpoint, tenant) = (endpoint.trim().trim_end_matches('/'), tenant.trim());
        if !entra::is_tenant(tenant) {
            return Err(format!("`{tenant}` is not a tenant"));
        }
        let scheme = if endpoint.contains("://") {
            ""
        } else {
            "https://"
        };
        Ok(format!(
            "{scheme}{endpoint}/{tenant}/v2.0/.well-known/openid-configuration"
        ))
    }

    /// The URL for this request.
    pub(crate) fn get(&self, rq: &mut Exchange) -> Result<Str, Box<Failure>> {
        let text: Str = match self {
            ProviderUrl::Known(url) => return Ok(url.clone()),
            ProviderUrl::Dynamic(url) => url.get(rq)?,
            ProviderUrl::Entra { tenant, endpoint } => {
                let (tenant, endpoint) = (tenant.get(rq)?, endpoint.get(rq)?);
                let url = ProviderUrl::entra(&endpoint, &tenant);
                url.map_err(|why| Failure::internal("", "", format!("{why}.")))?
                    .into()
            }
        };
        let url = rewrite_authority(&rq.snapshot.gateway.openid_authorities, text.trim());
        check_url(&url).map_err(|why| Failure::internal("", "", format!("{why}.")))?;
        Ok(url)
    }
}

/// Whether a provider can be asked at a URL.
fn check_url(url: &str) -> Result<(), String> {
    crate::snapshot::BaseUrl::parse(url, None)
        .map(drop)
        .map_err(|why| format!("`{url}` is no URL of an OpenID configuration: {why}"))
}

/// A shared secret that an expression gives, Base64.
#[derive(Debug)]
pub(crate) struct SecretText {
    text: Arg<Str>,
    id: Option<Str>,
}

impl SecretText {
    pub(crate) fn signing(&self, rq: &mut Exchange) -> Result<Key, Box<Failure>> {
        let secret = base64(&self.text.get(rq)?);
        secret
            .and_then(|s| Key::secret(&s))
            .map(|k| k.with_id(self.id.clone()))
            .ok_or_else(|| unusable("32 bytes or more, as Base64"))
    }

    pub(crate) fn decryption(&self, rq: &mut Exchange) -> Result<DecryptionKey, Box<Failure>> {
        let secret = base64(&self.text.get(rq)?);
        secret
            .and_then(|s| DecryptionKey::secret(&s, self.id.clone()))
            .ok_or_else(|| unusable("16, 24, 32, 48 or 64 bytes, as Base64"))
    }
}

fn unusable(expected: &str) -> Box<Failure> {
    Failure::internal(
        "",
        "",
        format!("The key that an expression gave cannot be used: expected {expected}."),
    )
}

/// Standard Base64; blanks of a document's lay-out are passed over.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}

/// A claim that must be there.
#[derive(Debug)]
pub(crate) struct RequiredClaim {
    name: Arg<Str>,
    matching: Arg<Str>,
    separator: Option<Arg<Str>>,
    values: Vec<Arg<Str>>,
}

impl RequiredClaim {
    /// Checks all; missing claims are told together, as API Management does.
    pub(super) fn check(
        all: &[RequiredClaim],
        rq: &mut Exchange,
        claims: &Claims,
    ) -> Result<Result<(), Refusal>, Box<Failure>> {
        struct Found<'a> {
            claim: &'a RequiredClaim,
            name: Str,
            texts: &'a [Str],
        }
        let mut found: SmallVec<[Found<'_>; 2]> = SmallVec::new();
        let mut missing: Vec<Str> = Vec::new();
        for claim in all {
            let name = claim.name.get(rq)?;
            let texts = claims.texts(&name);
            match texts.is_empty() {
                true => missing.push(name),
                false => found.push(Found { claim, name, texts }),
            }
        }
        if !missing.is_empty() {
            return Ok(Err(Refusal::claims_missing(&missing)));
        }
        for Found { claim, name, texts } in &found {
            if !claim.holds(rq, texts)? {
                let value = texts.iter().map(|t| &**t).collect::<Vec<_>>().join(",");
                return Ok(Err(Refusal::claim_value(name, &value)));
            }
        }
        Ok(Ok(()))
    }

    fn holds(&self, rq: &mut Exchange, texts: &[Str]) -> Result<bool, Box<Failure>> {
        if self.values.is_empty() {
            return Ok(true);
        }
        let any = match &*self.matching.get(rq)? {
            "any" => true,
            "all" => false,
            other => {
                let why =
                    format!("`{other}` is not a way to match a claim: expected `all` or `any`.");
                return Err(Failure::internal("", "", why));
            }
        };
        let separator = match &self.separator {
            Some(separator) => Some(separator.get(rq)?).filter(|s| !s.is_empty()),
            None => None,
        };
        for value in &self.values {
            let value = value.get(rq)?;
            let held = texts.iter().any(|text| match &separator {
                Some(separator) => text.split(&**separator).any(|part| part == &*value),
                None => *text == value,
            });
            if held == any {
                return Ok(any);
            }
        }
        Ok(!any)
    }
}

impl Compile<'_> {
    /// Where the token is: one of the three attributes. Without any, `default` as a header.
    pub(crate) fn token_place(
        &mut self,
        element: &Element,
        default: Option<&'static str>,
    ) -> Option<Place> {
        let names = ["header-name", "query-parameter-name", "token-value"];
        let given: Vec<_> = names.iter().filter_map(|n| element.attribute(n)).collect();
        if given.len() > 1 || given.is_empty() && default.is_none() {
            let span = given.get(1).map_or(element.name_span, |a| a.name_span);
            self.report(
                Diagnostic::error(
                    "TG0370",
                    span,
                    format!("`{}` must say in one way where the token is", element.name),
                )
                .label("expected one of `header-name`, `query-parameter-name` and `token-value`"),
            );
            return None;
        }
        let Some(attribute) = given.first() else {
            return HeaderName::try_from(default?).ok().map(Place::Header);
        };
        let (name, span) = (attribute.name.clone(), attribute.value.span);
        let arg = self.arg::<Str>(element, &name)?;
        Some(match (&*name, arg) {
            ("header-name", Arg::Const(text)) => Place::Header(self.known_header(&text, span)?),
            ("header-name", arg) => Place::DynamicHeader(arg),
            ("query-parameter-name", arg) => Place::Query(arg),
            (_, arg) => Place::Value(arg),
        })
    }

    /// An optional attribute; outer `None` when it was refused.
    pub(crate) fn optional<T: ArgType>(
        &mut self,
        element: &Element,
        name: &str,
    ) -> Option<Option<Arg<T>>> {
        match element.attribute(name) {
            None => Some(None),
            Some(_) => self.arg(element, name).map(Some),
        }
    }

    /// The texts of `<list><item>…`, trimmed where they are literals.
    pub(crate) fn texts(
        &mut self,
        element: &Element,
        list: &str,
        item: &str,
    ) -> Option<Vec<Arg<Str>>> {
        let Some(list) = element.elements().find(|e| &*e.name == list) else {
            return Some(Vec::new());
        };
        self.trimmed(list, item)
    }

    fn trimmed(&mut self, element: &Element, item: &str) -> Option<Vec<Arg<Str>>> {
        let texts = self.contents::<Str>(element, item)?;
        let trim = |arg: Arg<Str>| match arg {
            Arg::Const(text) => Arg::Const(Str::from(text.trim())),
            other => other,
        };
        Some(texts.into_iter().map(trim).collect())
    }

    /// `<required-claims>`.
    pub(crate) fn required_claims(&mut self, element: &Element) -> Option<Vec<RequiredClaim>> {
        let list = element.elements().filter(|e| &*e.name == "required-claims");
        let claims: Vec<_> = list
            .flat_map(Element::elements)
            .map(|claim| {
                let name = self.arg(claim, "name");
                let matching = match claim.attribute("match") {
                    Some(_) => self.arg(claim, "match"),
                    None => Some(Arg::Const(Str::from("all"))),
                };
                let separator = self.optional(claim, "separator");
                let values = self.trimmed(claim, "value");
                Some(RequiredClaim {
                    name: name?,
                    matching: matching?,
                    separator: separator?,
                    values: values?,
                })
            })
            .collect();
        claims.into_iter().collect()
    }

    /// `<issuer-signing-keys>` and `<decryption-keys>`.
    pub(crate) fn own_keys(&mut self, element: &Element) -> Option<OwnKeys> {
        let mut own = OwnKeys {
            signing: None,
            dynamic_signing: Vec::new(),
            decryption: Vec::new(),
            dynamic_decryption: Vec::new(),
        };
        let mut signing = Vec::new();
        let mut complete = true;
        for list in element.elements() {
            let decrypts = match &*list.name {
                "issuer-signing-keys" => false,
                "decryption-keys" => true,
                _ => continue,
            };
            for key in list.elements() {
                let done = match decrypts {
                    true => self.decryption_key(key, &mut own),
                    false => self.signing_key(key, &mut signing, &mut own),
                };
                complete &= done.is_some();
            }
        }
        own.signing = (!signing.is_empty()).then(|| KeySet::new(signing));
        complete.then_some(own)
    }

    fn signing_key(&mut self, key: &Element, keys: &mut Vec<Key>, own: &mut OwnKeys) -> Option<()> {
        if is_missing(key) {
            return Some(());
        }
        let id: Option<Str> = self.literal(key, "id");
        let place = self.key_place(key)?;
        let prepared = match place {
            KeyPlace::Certificate(certificate, span) => {
                let certificate = self.certificate(&certificate, span)?;
                certificate.verification_key().ok_or((
                    span,
                    "expected a certificate with an RSA key of 2048 bits or more, a NIST curve's or Ed25519",
                ))
            }
            KeyPlace::Rsa(n, e, span) => keys::decode(&n)
                .zip(keys::decode(&e))
                .and_then(|(n, e)| Key::rsa(&n, &e))
                .ok_or((
                    span,
                    "expected modulus and exponent of 2048 to 8192 bits, as Base64url",
                )),
            KeyPlace::Text(Arg::Const(text), span) => {
                base64(&text).and_then(|s| Key::secret(&s)).ok_or((
                    span,
                    "expected a shared secret of 32 bytes or more, as Base64",
                ))
            }
            KeyPlace::Text(text, _) => {
                own.dynamic_signing.push(SecretText { text, id });
                return Some(());
            }
        };
        let key = prepared
            .map_err(|(span, expected)| self.bad_key(span, expected))
            .ok()?;
        keys.push(key.with_id(id));
        Some(())
    }

    fn decryption_key(&mut self, key: &Element, own: &mut OwnKeys) -> Option<()> {
        if is_missing(key) {
            return Some(());
        }
        let id: Option<Str> = self.literal(key, "id");
        let prepared = match self.key_place(key)? {
            KeyPlace::Certificate(certificate, span) => {
                let certificate = self.certificate(&certificate, span)?;
                certificate.decryption_key(id).ok_or((
                    span,
                    "expected a certificate with its RSA private key (`key`) of 2048 bits or more",
                ))
            }
            KeyPlace::Rsa(_, _, span) => Err((span, "a public key decrypts nothing")),
            KeyPlace::Text(Arg::Const(text), span) => base64(&text)
                .and_then(|s| DecryptionKey::secret(&s, id))
                .ok_or((span, "expected 16, 24, 32, 48 or 64 bytes, as Base64")),
            KeyPlace::Text(text, _) => {
                own.dynamic_decryption.push(SecretText { text, id });
                return Some(());
            }
        };
        let key = prepared
            .map_err(|(span, expected)| self.bad_key(span, expected))
            .ok()?;
        own.decryption.push(key);
        Some(())
    }

    fn key_place(&mut self, key: &Element) -> Option<KeyPlace> {
        let attribute = |name| {
            key.attribute(name)
                .map(|a| (a.value.text.clone(), a.value.span))
        };
        let (certificate, n, e) = (attribute("certificate-id"), attribute("n"), attribute("e"));
        let text = key.children.first();
        match (certificate, n, e, text) {
            (Some((id, span)), None, None, None) => Some(KeyPlace::Certificate(id, span)),
            (None, Some((n, span)), Some((e, _)), None) => Some(KeyPlace::Rsa(n, e, span)),
            (None, None, None, Some(_)) => {
                let span = match text {
                    Some(Node::Text(text)) => text.span,
                    _ => key.name_span,
                };
                self.content(key).map(|text| KeyPlace::Text(text, span))
            }
            _ => {
                self.bad_key(
                    key.name_span,
                    "expected one of a shared secret as text, `certificate-id`, or `n` with `e`",
                );
                None
            }
        }
    }

    /// The configuration URL of a provider that is known at load.
    pub(crate) fn provider(&mut self, url: &str, span: Span) -> Option<ProviderUrl> {
        let url = self.openid_url(url);
        match check_url(&url) {
            Ok(()) => Some(ProviderUrl::Known(url)),
            Err(why) => self.bad_provider(
                span,
                why,
                "expected the address of an OpenID configuration document",
            ),
        }
    }

    /// Tells that a provider cannot be asked.
    pub(crate) fn bad_provider<T>(&mut self, span: Span, why: String, expected: &str) -> Option<T> {
        self.report(Diagnostic::error("TG0373", span, why).label(expected.to_owned()));
        None
    }

    fn bad_key(&mut self, span: Span, expected: &str) {
        // Without the text: it may be a secret.
        self.report(
            Diagnostic::error("TG0371", span, "the key cannot be used").label(expected.to_owned()),
        );
    }
}

/// Whether a secret's stand-in is where the key should be: the configuration is only looked at, and that it lacks the
/// secret has been told.
fn is_missing(key: &Element) -> bool {
    matches!(&*key.children, [Node::Text(text)] if text.text.trim_start().starts_with(MISSING))
}

/// How a document gives a key.
enum KeyPlace {
    Certificate(Str, Span),
    Rsa(Str, Str, Span),
    Text(Arg<Str>, Span),
}

#[cfg(test)]
mod tests {
    use super::Skew;
    use crate::compile::ArgType;
    use std::time::Duration;

    #[test]
    fn a_skew_is_seconds_or_a_time_span() {
        let seconds = |text| Skew::literal(text).map(|s| s.0.as_secs_f64());
        assert_eq!(seconds("300"), Some(300.0));
        assert_eq!(seconds(" 0.5 "), Some(0.5));
        assert_eq!(seconds("00:05:00"), Some(300.0));
        assert_eq!(seconds("1.00:00:30"), Some(86_430.0));
        assert_eq!(seconds("00:05"), Some(300.0));
        for bad in [
            "-1", "1e99", "NaN", "", "five", "00:60:00", "25:00:00", "1:2:3:4",
        ] {
            assert_eq!(Skew::literal(bad), None, "{bad}");
        }
        let hour = Skew::value(tollgate_lang::value::Lent::Own(
            tollgate_lang::value::Value::TimeSpan(36_000_000_000),
        ));
        assert_eq!(hour, Some(Skew(Duration::from_secs(3600))));
    }
}
