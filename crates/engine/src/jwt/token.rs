//! The compact form of a token taken apart (RFC 7515 §7.1, RFC 7516 §7.1).
//!
//! Called by [`super::check`], and by the fuzzer. What must stay true: nothing here trusts the token; what a JOSE
//! library may read in two ways (padding, doubled members, unknown critical extensions) is refused.

use super::Algorithm;
use super::refusal::Refusal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::fmt;

/// Most bytes of a token. Providers' tokens are below 16 KiB; the gateway's own header limit is 64 KiB by default.
pub const MOST_TOKEN_BYTES: usize = 64 << 10;

/// Most members of a header.
const MOST_MEMBERS: usize = 64;

/// A token as it came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Compact<'a> {
    Signed(Signed<'a>),
    Encrypted(Encrypted<'a>),
}

/// `header.payload.signature`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    /// What is signed: header, `.`, payload.
    pub(super) message: &'a str,
    pub(super) header: &'a str,
    pub(super) payload: &'a str,
    pub(super) signature: &'a str,
}

/// `header.key.iv.ciphertext.tag`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encrypted<'a> {
    pub(super) header: &'a str,
    pub(super) key: &'a str,
    pub(super) iv: &'a str,
    pub(super) ciphertext: &'a str,
    pub(super) tag: &'a str,
}

impl<'a> Compact<'a> {
    /// Cuts a token at its dots.
    pub(super) fn cut(token: &'a str) -> Result<Compact<'a>, Refusal> {
        if token.len() > MOST_TOKEN_BYTES {
            return Err(Refusal::invalid(format!(
                "IDX10209: Token has length: '{}' which is larger than the MaximumTokenLengthInBytes: '{MOST_TOKEN_BYTES}'.",
                token.len()
            )));
        }
        let parts: SmallVec<[&str; 6]> = token.splitn(6, '.').collect();
        match *parts {
            [header, payload, signature] => Ok(Compact::Signed(Signed {
                message: &token[..header.len() + 1 + payload.len()],
                header,
                payload,
                signature,
            })),
            [header, key, iv, ciphertext, tag] => Ok(Compact::Encrypted(Encrypted {
                header,
                key,
                iv,
                ciphertext,
                tag,
            })),
            _ => Err(Refusal::invalid(
                "IDX12741: JWT must have three segments (JWS) or five segments (JWE).",
            )),
        }
    }
}

/// Base64url without padding and without bits that nothing stands for: one text for one value (RFC 7515 §2).
pub(super) fn decode(text: &str, what: &'static str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| {
        Refusal::invalid(format!(
            "IDX12729: Unable to decode the {what} of the token as Base64Url encoded string."
        ))
    })
}

/// Base64url of JSON.
pub(super) fn decode_text(text: &str, what: &'static str) -> Result<String, Refusal> {
    String::from_utf8(decode(text, what)?)
        .map_err(|_| Refusal::invalid(format!("The {what} of the token is not UTF-8.")))
}

/// The members of a JOSE header that matter. `jwk`, `jku`, `x5u`, `x5c` and the like are not looked at: a token does
/// not bring its key (RFC 8725 §3.10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    pub(super) cty: Option<String>,
    pub(super) enc: Option<String>,
    has_zip: bool,
    has_crit: bool,
    has_b64: bool,
}

impl Header {
    /// Reads a decoded header.
    pub(super) fn parse(json: &str) -> Result<Header, Refusal> {
        let header: Header = serde_json::from_str(json).map_err(|e| {
            Refusal::invalid(format!("The header of the token is refused: {}", plain(&e)))
        })?;
        // RFC 7515 §4.1.11: extensions that must be understood; none is. RFC 7797's `b64` is one, marked or not.
        if header.has_crit || header.has_b64 {
            return Err(Refusal::invalid(
                "The header of the token has critical extensions (`crit`, `b64`), which are not served.",
            ));
        }
        // RFC 8725 §3.6: compressed before encryption.
        if header.has_zip {
            return Err(Refusal::invalid(
                "Compressed tokens (`zip`) are not served.",
            ));
        }
        Ok(header)
    }

    /// The algorithm that it names, if there is one of this name. `none` is not.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::from_name(&self.alg)
    }
}

/// What serde says, without the place and without what the token holds.
pub(super) fn plain(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => {
            let text = error.to_string();
            let end = text.rfind(" at line ").unwrap_or(text.len());
            // Texts of our own visitors begin with a backtick or a letter and repeat no value.
            match text.get(..end) {
                Some(text) if text.starts_with("member ") => format!("{text}."),
                _ => String::from("a member has another type than its own."),
            }
        }
        _ => String::from("it is not JSON."),
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                let mut seen: SmallVec<[Name<'de>; 8]> = SmallVec::new();
                let mut alg = None;
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    once(&name, &seen, MOST_MEMBERS)?;
                    match &*name.0 {
                        "alg" => alg = Some(map.next_value()?),
                        "kid" => header.kid = Some(map.next_value()?),
                        "cty" => header.cty = Some(map.next_value()?),
                        "enc" => header.enc = Some(map.next_value()?),
                        other => {
                            match other {
                                "zip" => header.has_zip = true,
                                "crit" => header.has_crit = true,
                                "b64" => header.has_b64 = true,
                                _ => {}
                            }
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                    seen.push(name);
                }
                header.alg =
                    alg.ok_or_else(|| serde::de::Error::custom("member `alg` is missing"))?;
                Ok(header)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Refuses a member that is there twice (RFC 7515 §4, RFC 7519 §4), and too many of them.
pub(super) fn once<E: serde::de::Error>(
    name: &Name<'_>,
    seen: &[Name<'_>],
    most: usize,
) -> Result<(), E> {
    if seen.len() >= most {
        return Err(E::custom(format_args!("member count is above {most}")));
    }
    if seen.iter().any(|s| s.0 == name.0) {
        return Err(E::custom(
            "member names must be unique, and one is there twice",
        ));
    }
    Ok(())
}

/// A member's name, borrowed where JSON allows.
#[derive(Debug)]
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name<'de>, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}
