//! Tokens for the rows of `validate-jwt`, and the key set that the mock publishes for them.
//!
//! Called by `main`. What must stay true: all tokens have one length, so that the load can write one over another; they
//! outlive the run.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use std::net::SocketAddr;

/// How many different tokens there are: many more than the gateway remembers as checked, which at this size of a token
/// is some 2,000 for each thread.
pub(crate) const TOKENS: usize = 20_000;

/// Signs.
pub(crate) struct Issuer(RsaKeyPair);

impl Issuer {
    pub(crate) fn generate() -> Result<Issuer, String> {
        RsaKeyPair::generate(KeySize::Rsa2048)
            .map(Issuer)
            .map_err(|_| String::from("no RSA key"))
    }

    /// The JSON Web Key Set.
    pub(crate) fn jwks(&self) -> String {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(self.0.public_key());
        json!({ "keys": [{ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "bench",
                           "n": text(&public.n), "e": text(&public.e) }] })
        .to_string()
    }

    /// Tokens of about the size that Entra ID's have, each with another `jti`.
    pub(crate) fn tokens(&self, issuer: SocketAddr, count: usize) -> Result<Vec<String>, String> {
        (0..count)
            .map(|n| {
                let groups: Vec<String> = (0..24)
                    .map(|g| format!("6f3b1c5e-8d0a-4a75-9b1e-{g:012}"))
                    .collect();
                let claims = json!({
                    "iss": format!("http://{issuer}"), "aud": "api://bench", "exp": 4_102_444_800u64,
                    "iat": 1_700_000_000, "nbf": 1_700_000_000, "jti": format!("{n:08}"), "ver": "2.0",
                    "tid": "11111111-2222-3333-4444-555555555555", "oid": "a11ce000-0000-4000-8000-000000000001",
                    "sub": "a11ce000-0000-4000-8000-000000000001", "azp": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
                    "preferred_username": "alice@contoso.example", "scp": "Chat.Use",
                    "roles": ["Chat.User", "Chat.Admin"], "groups": groups
                });
                self.sign(&claims.to_string())
            })
            .collect()
    }

    fn sign(&self, claims: &str) -> Result<String, String> {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let header = r#"{"typ":"JWT","alg":"RS256","kid":"bench"}"#;
        let message = format!("{}.{}", text(header.as_bytes()), text(claims.as_bytes()));
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .map_err(|_| String::from("a token could not be signed"))?;
        Ok(format!("{message}.{}", text(&signature)))
    }
}
