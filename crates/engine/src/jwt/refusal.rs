//! Why a token is refused: `context.LastError.Reason` and its message.
//!
//! Source: API Management, "error handling in policies", predefined errors of `validate-jwt`. The texts are those of
//! its token library as far as they are public, number first, because operators search for them. What must stay true:
//! no message repeats a token, a signature or a key.

use std::borrow::Cow;

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `context.LastError.Reason`.
    pub reason: &'static str,
    /// `context.LastError.Message`.
    pub message: Cow<'static, str>,
}

impl Refusal {
    fn new(reason: &'static str, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            reason,
            message: message.into(),
        }
    }

    /// `TokenNotPresent`.
    pub(crate) fn not_present() -> Refusal {
        Refusal::new("TokenNotPresent", "JWT not present.")
    }

    /// `JwtInvalid`: anything that has no reason of its own.
    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::new("JwtInvalid", message)
    }

    /// `TokenSignatureInvalid`.
    pub(super) fn signature(message: &str) -> Refusal {
        Refusal::new("TokenSignatureInvalid", format!("{message} Access denied."))
    }

    /// `TokenSignatureKeyNotFound`.
    pub(super) fn key_not_found(kid: Option<&str>) -> Refusal {
        let message = match kid {
            Some(kid) => format!(
                "IDX10503: Signature validation failed. The token's kid is: '{}', but did not match any keys. Access denied.",
                shown(kid)
            ),
            None => String::from(
                "IDX10500: Signature validation failed. No security keys were provided to validate the signature. Access denied.",
            ),
        };
        Refusal::new("TokenSignatureKeyNotFound", message)
    }

    /// `TokenExpired`, with both times as Unix milliseconds.
    pub(super) fn expired(expires: f64, now: f64) -> Refusal {
        Refusal::new(
            "TokenExpired",
            format!(
                "IDX10223: Lifetime validation failed. The token is expired. ValidTo (UTC): '{}', Current time (UTC): '{}'. Access denied.",
                moment(expires),
                moment(now)
            ),
        )
    }

    /// A token that is not valid yet.
    pub(super) fn not_yet(not_before: f64, now: f64) -> Refusal {
        Refusal::invalid(format!(
            "IDX10222: Lifetime validation failed. The token is not yet valid. ValidFrom (UTC): '{}', Current time (UTC): '{}'.",
            moment(not_before),
            moment(now)
        ))
    }

    /// `TokenAudienceNotAllowed`.
    pub(super) fn audience<T: AsRef<str>>(audiences: &[T]) -> Refusal {
        let message = match audiences {
            [] => String::from(
                "IDX10206: Unable to validate audience. The 'audiences' parameter is empty. Access denied.",
            ),
            all => {
                let all: Vec<&str> = all.iter().map(AsRef::as_ref).collect();
                format!(
                    "IDX10214: Audience validation failed. Audiences: '{}'. Did not match any of the valid audiences. Access denied.",
                    shown(&all.join(", "))
                )
            }
        };
        Refusal::new("TokenAudienceNotAllowed", message)
    }

    /// `TokenIssuerNotAllowed`.
    pub(super) fn issuer(issuer: Option<&str>) -> Refusal {
        let message = match issuer {
            Some(issuer) => format!(
                "IDX10205: Issuer validation failed. Issuer: '{}'. Did not match any of the valid issuers. Access denied.",
                shown(issuer)
            ),
            None => String::from(
                "IDX10211: Unable to validate issuer. The 'issuer' parameter is null or whitespace. Access denied.",
            ),
        };
        Refusal::new("TokenIssuerNotAllowed", message)
    }

    /// `TokenClaimNotFound`.
    pub(super) fn claims_missing<T: AsRef<str>>(names: &[T]) -> Refusal {
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        Refusal::new(
            "TokenClaimNotFound",
            format!(
                "JWT token is missing the following claims: {}. Access denied.",
                names.join(", ")
            ),
        )
    }

    /// `TokenClaimValueNotAllowed`.
    pub(super) fn claim_value(name: &str, value: &str) -> Refusal {
        Refusal::new(
            "TokenClaimValueNotAllowed",
            format!(
                "Claim {name} value of {} is not allowed. Access denied.",
                shown(value)
            ),
        )
    }
}

/// A text out of a token for a message: bounded, and without control characters.
fn shown(text: &str) -> String {
    const MOST: usize = 200;
    let mut out: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if out.len() < text.len() && text.chars().nth(MOST).is_some() {
        out.push_str("...");
    }
    out
}

/// Unix milliseconds as .NET writes them in these messages.
fn moment(millis: f64) -> String {
    jiff::Timestamp::from_millisecond(millis as i64).map_or_else(
        |_| String::from("?"),
        |t| t.strftime("%m/%d/%Y %H:%M:%S").to_string(),
    )
}
