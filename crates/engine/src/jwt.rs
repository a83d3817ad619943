//! JSON Web Tokens: the keys that verify them, the tokens themselves, and what is checked.
//!
//! Called by `policies::validate_jwt` and `policies::validate_azure_ad_token`; `proxy` parses the key sets of OpenID
//! providers with [`KeySet`]. What must stay true (RFC 8725): the algorithm is the key's, a token only names one that
//! the key allows; keys are prepared once, outside requests; nothing that a token carries chooses or brings a key.

mod algorithm;
mod certificate;
mod check;
mod claims;
pub(crate) mod elements;
mod entra;
mod jwe;
mod keys;
mod refusal;
mod token;
pub(crate) mod validation;
mod verified;

pub use algorithm::Algorithm;
pub use certificate::Certificate;
pub use jwe::DecryptionKey;
pub use keys::{Key, KeySet, MOST_BYTES, MOST_KEYS};
pub use refusal::Refusal;
pub use token::MOST_TOKEN_BYTES;
pub use verified::VerifiedTokens;

/// Reads any text as claims and asks for each: for the fuzzer.
pub(crate) fn read_claims(text: &str) {
    if let Ok(claims) = claims::Claims::parse(text.to_owned()) {
        let _ = claims.check_lifetime(0.0, 0.0, true);
        for name in ["iss", "aud", "exp", "roles"] {
            for text in claims.texts(name) {
                assert!(text.len() <= claims.json().len() * 6 + 64, "a claim grew");
            }
        }
        let value = tollgate_lang::value::Value::jwt_of("{}", claims.json());
        assert!(value.is_some(), "expressions cannot read what was accepted");
    }
}

#[cfg(test)]
mod tests;
