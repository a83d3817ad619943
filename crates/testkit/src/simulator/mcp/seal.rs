//! `requestState`: what the server wants back, under a key of its own, because it comes back from a client.
//!
//! Called by `modern` and `call`. What must stay true: a state is taken only for the method and the name that it was
//! given for, within ten minutes, and unchanged.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::billing::unix_millis;

/// How long a state may travel.
const LIFETIME_MILLIS: u64 = 600_000;

/// The key.
pub(super) struct Seal(hmac::Key);

impl Default for Seal {
    fn default() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Self(key.expect("the system gives random bytes, or nothing of TLS works either"))
    }
}

impl Seal {
    /// Seals a state for one method and name.
    pub(super) fn seal(&self, state: &Value, method: &str, name: &str) -> String {
        let expires = unix_millis() + LIFETIME_MILLIS;
        let payload = json!({ "state": state, "method": method, "name": name, "exp": expires });
        let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
        let tag = hmac::sign(&self.0, payload.as_bytes());
        format!("{payload}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// Opens what came back; `None` when it is not what was given for this method and name.
    pub(super) fn open(&self, sealed: &str, method: &str, name: &str) -> Option<Value> {
        let (payload, tag) = sealed.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.0, payload.as_bytes(), &tag).ok()?;
        let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let fits = payload["method"] == method
            && payload["name"] == name
            && payload["exp"].as_u64()? >= unix_millis();
        fits.then(|| payload["state"].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_opens_only_for_what_it_was_given_for_and_unchanged() {
        let seal = Seal::default();
        let state = json!({ "step": 1 });
        let sealed = seal.seal(&state, "tools/call", "a");
        assert_eq!(seal.open(&sealed, "tools/call", "a"), Some(state));
        assert_eq!(seal.open(&sealed, "tools/call", "b"), None);
        assert_eq!(seal.open(&sealed, "prompts/get", "a"), None);
        assert_eq!(Seal::default().open(&sealed, "tools/call", "a"), None);
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            let opened = seal.open(&changed, "tools/call", "a");
            // The last letter of Base64 has bits that mean nothing.
            assert!(opened.is_none() || at + 1 == sealed.len(), "{at}");
        }
    }
}
