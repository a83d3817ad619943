//! JSON Web Tokens: the keys that verify them, the tokens themselves, and what is checked.
//!
//! Called by `policies::validate_jwt` and `policies::validate_azure_ad_token`; `proxy` parses the key sets of OpenID
//! providers with [`KeySet`]. What must stay true (RFC 8725): the algorithm is the key's, a token only names one that
//! the key allows; keys are prepared once, outside requests; nothing that a token carries chooses or brings a key.

mod algorithm;
mod keys;

pub use algorithm::Algorithm;
pub use keys::{Key, KeySet, MOST_BYTES, MOST_KEYS};
