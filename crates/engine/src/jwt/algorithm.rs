//! The signature algorithms of RFC 7518 and RFC 8037, and how a prepared key checks each.
//!
//! Called by [`super::keys`]. What must stay true: a name stands for exactly one algorithm, and `none` is not one.

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, RsaParameters, VerificationAlgorithm,
};
use aws_lc_rs::{digest, hmac};

/// A JWS algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "RFC 7518's own names")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    Hs256,
    Hs384,
    Hs512,
    EdDsa,
}

/// Those that an RSA key serves.
pub(super) const RSA: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::Rs256, &signature::RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::Rs384, &signature::RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::Rs512, &signature::RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::Ps256, &signature::RSA_PSS_2048_8192_SHA256),
    (Algorithm::Ps384, &signature::RSA_PSS_2048_8192_SHA384),
    (Algorithm::Ps512, &signature::RSA_PSS_2048_8192_SHA512),
];

/// Those that a shared secret serves.
pub(super) const HMAC: [(Algorithm, hmac::Algorithm); 3] = [
    (Algorithm::Hs256, hmac::HMAC_SHA256),
    (Algorithm::Hs384, hmac::HMAC_SHA384),
    (Algorithm::Hs512, hmac::HMAC_SHA512),
];

/// What a curve's name in a JWK stands for.
pub(super) struct Curve {
    pub(super) name: &'static str,
    pub(super) algorithm: Algorithm,
    pub(super) verification: &'static EcdsaVerificationAlgorithm,
    /// Bytes of a coordinate.
    pub(super) size: usize,
}

/// The curves of RFC 7518 §6.2.1.1: each serves one algorithm.
pub(super) const CURVES: [Curve; 3] = [
    Curve {
        name: "P-256",
        algorithm: Algorithm::Es256,
        verification: &signature::ECDSA_P256_SHA256_FIXED,
        size: 32,
    },
    Curve {
        name: "P-384",
        algorithm: Algorithm::Es384,
        verification: &signature::ECDSA_P384_SHA384_FIXED,
        size: 48,
    },
    Curve {
        name: "P-521",
        algorithm: Algorithm::Es512,
        verification: &signature::ECDSA_P521_SHA512_FIXED,
        size: 66,
    },
];

/// Edwards curve signatures (RFC 8037).
pub(super) const ED25519: &dyn VerificationAlgorithm = &signature::ED25519;

impl Algorithm {
    /// By its name in a header or a JWK. Names are case-sensitive.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        Some(match name {
            "RS256" => Algorithm::Rs256,
            "RS384" => Algorithm::Rs384,
            "RS512" => Algorithm::Rs512,
            "PS256" => Algorithm::Ps256,
            "PS384" => Algorithm::Ps384,
            "PS512" => Algorithm::Ps512,
            "ES256" => Algorithm::Es256,
            "ES384" => Algorithm::Es384,
            "ES512" => Algorithm::Es512,
            "HS256" => Algorithm::Hs256,
            "HS384" => Algorithm::Hs384,
            "HS512" => Algorithm::Hs512,
            // RFC 9864 names the curve.
            "EdDSA" | "Ed25519" => Algorithm::EdDsa,
            _ => return None,
        })
    }

    /// Bytes of the shortest secret that may serve it (RFC 7518 §3.2); 0 for others.
    pub fn least_secret(self) -> usize {
        match self {
            Algorithm::Hs256 => digest::SHA256_OUTPUT_LEN,
            Algorithm::Hs384 => digest::SHA384_OUTPUT_LEN,
            Algorithm::Hs512 => digest::SHA512_OUTPUT_LEN,
            _ => 0,
        }
    }
}
