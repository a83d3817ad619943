//! Keys that verify signatures, prepared once.
//!
//! Called by `proxy` (a provider's JWKS) and when a document is compiled (`issuer-signing-keys`). What must stay true:
//! a key serves only the algorithms that its type, and its own `alg`, allow; a key that cannot be used is left out and
//! does not take the others with it. aws-lc-rs is used directly and not through jsonwebtoken, which parses the key anew
//! for each signature (`benches/jwt.rs` compares them) and does not know ES512.

use super::algorithm::{self, Algorithm};
use aws_lc_rs::digest::{self, SHA256, SHA256_OUTPUT_LEN};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate_lang::value::Str;

/// Most keys of one set; what comes after them is left out.
pub const MOST_KEYS: usize = 128;

/// Most bytes of a JWKS document.
pub const MOST_BYTES: usize = 1 << 20;

/// A set of verification keys.
#[derive(Debug)]
pub struct KeySet {
    keys: Box<[Key]>,
    left_out: usize,
    generation: u64,
}

/// A verification key.
pub struct Key {
    id: Option<Str>,
    issuer: Option<Str>,
    material: Option<Material>,
    verifiers: SmallVec<[(Algorithm, Verifier); 1]>,
}

/// SHA-256 of a public key: two providers may publish the same one.
pub(super) type Material = [u8; SHA256_OUTPUT_LEN];

enum Verifier {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

/// The members of a JWK (RFC 7517) that matter here. A member that is there twice, or has another type than its own,
/// makes the key unusable.
#[derive(Deserialize)]
struct Jwk<'a> {
    kty: std::borrow::Cow<'a, str>,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// Entra ID's: the issuer that this key signs for.
    issuer: Option<String>,
}

#[derive(Deserialize)]
struct Jwks<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl KeySet {
    /// Reads a JWKS document (RFC 7517 §5). Keys that cannot verify a signature are left out: another `use` or
    /// `key_ops`, an unknown type, curve or `alg`, RSA below 2048 bits, shared secrets (a published secret is none).
    ///
    /// # Errors
    /// When it is not a JWKS document at all; the text says why, without repeating its content.
    pub fn parse(jwks: &[u8]) -> Result<KeySet, String> {
        if jwks.len() > MOST_BYTES {
            return Err(format!("the key set is larger than {MOST_BYTES} bytes"));
        }
        let jwks: Jwks<'_> = serde_json::from_slice(jwks).map_err(|e| {
            format!(
                "not a JSON Web Key Set: {:?} at line {}",
                e.classify(),
                e.line()
            )
        })?;
        let all = jwks.keys.len();
        let keys = jwks.keys.iter().take(MOST_KEYS);
        let keys: Vec<Key> = keys.filter_map(|raw| Key::from_jwk(raw.get())).collect();
        let left_out = all - keys.len();
        Ok(KeySet {
            left_out,
            ..KeySet::new(keys)
        })
    }

    /// A set of these keys.
    pub fn new(keys: Vec<Key>) -> KeySet {
        static GENERATION: AtomicU64 = AtomicU64::new(0);
        KeySet {
            keys: keys.into_boxed_slice(),
            left_out: 0,
            generation: GENERATION.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The keys, in the order of the document.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The keys, for a test that looks at one.
    #[cfg(test)]
    pub(super) fn into_keys(self) -> Vec<Key> {
        self.keys.into_vec()
    }

    /// How many keys of the document cannot be used.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Unlike that of any other set of this process.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a key has this id.
    pub fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|k| k.id() == Some(id))
    }
}

impl Key {
    /// Reads one JWK; `None` when it cannot verify a signature.
    fn from_jwk(json: &str) -> Option<Key> {
        let jwk: Jwk<'_> = serde_json::from_str(json).ok()?;
        if jwk.r#use.as_deref().is_some_and(|u| u != "sig")
            || jwk
                .key_ops
                .as_ref()
                .is_some_and(|ops| !ops.iter().any(|op| op == "verify"))
        {
            return None;
        }
        let only = match jwk.alg.as_deref() {
            None => None,
            Some(name) => Some(Algorithm::from_name(name)?),
        };
        let mut key = match &*jwk.kty {
            "RSA" => Key::rsa(&decode(jwk.n.as_deref()?)?, &decode(jwk.e.as_deref()?)?)?,
            "EC" => {
                let (x, y) = (decode(jwk.x.as_deref()?)?, decode(jwk.y.as_deref()?)?);
                Key::ec(jwk.crv.as_deref()?, &x, &y)?
            }
            "OKP" if jwk.crv.as_deref() == Some("Ed25519") => Key::public(
                Algorithm::EdDsa,
                algorithm::ED25519,
                &decode(jwk.x.as_deref()?)?,
            )?,
            _ => return None,
        };
        if let Some(only) = only {
            key.verifiers.retain(|(a, _)| *a == only);
        }
        key.id = jwk.kid.map(Str::from);
        key.issuer = jwk.issuer.map(Str::from);
        (!key.verifiers.is_empty()).then_some(key)
    }

    /// An RSA key of 2048 to 8192 bits by modulus and exponent, big-endian.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Key> {
        let (n, e) = (without_zeros(modulus), without_zeros(exponent));
        let bits = n.len() * 8 - n.first().map_or(0, |b| b.leading_zeros() as usize);
        // RFC 7518 §3.3 asks for 2048 bits; the exponent's bound is the crypto library's.
        if !(2048..=8192).contains(&bits)
            || e.len() > 5
            || e.last().is_none_or(|b| b & 1 == 0)
            || e == [1]
        {
            return None;
        }
        let components = RsaPublicKeyComponents { n, e };
        let verifiers = algorithm::RSA
            .into_iter()
            .map(|(a, parameters)| {
                let key = components.to_parsed_public_key(parameters).ok()?;
                Some((a, Verifier::Public(key)))
            })
            .collect::<Option<_>>()?;
        Some(Key {
            material: Some(material(&[b"RSA", n, e])),
            ..Key::of(verifiers)
        })
    }

    /// A key on one of NIST's curves by its coordinates.
    fn ec(curve: &str, x: &[u8], y: &[u8]) -> Option<Key> {
        let curve = algorithm::CURVES.iter().find(|c| c.name == curve)?;
        if x.len() != curve.size || y.len() != curve.size {
            return None;
        }
        // SEC 1 §2.3.3: an uncompressed point. That it is on the curve is checked when it is parsed.
        let point = [&[4], x, y].concat();
        Key::public(curve.algorithm, curve.verification, &point)
    }

    /// A certificate's public key (RFC 5280 SubjectPublicKeyInfo): RSA, a curve of NIST's, or Ed25519.
    pub(super) fn from_spki(der: &[u8]) -> Option<Key> {
        if let Ok(rsa) = aws_lc_rs::rsa::PublicKey::from_der(der) {
            let (n, e) = (rsa.modulus(), rsa.exponent());
            return Key::rsa(
                n.big_endian_without_leading_zero(),
                e.big_endian_without_leading_zero(),
            );
        }
        let curves = algorithm::CURVES.iter();
        curves
            .map(|c| {
                (
                    c.algorithm,
                    c.verification as &'static dyn VerificationAlgorithm,
                )
            })
            .chain([(Algorithm::EdDsa, algorithm::ED25519)])
            .find_map(|(algorithm, verification)| Key::public(algorithm, verification, der))
    }

    fn public(
        algorithm: Algorithm,
        verification: &'static dyn VerificationAlgorithm,
        bytes: &[u8],
    ) -> Option<Key> {
        let key = ParsedPublicKey::new(verification, bytes).ok()?;
        let verifiers = SmallVec::from_iter([(algorithm, Verifier::Public(key))]);
        Some(Key {
            material: Some(material(&[format!("{algorithm:?}").as_bytes(), bytes])),
            ..Key::of(verifiers)
        })
    }

    /// A shared secret: serves those of HS256, HS384 and HS512 that it is long enough for (RFC 7518 §3.2), so none
    /// below 32 bytes.
    pub fn secret(secret: &[u8]) -> Option<Key> {
        let verifiers: SmallVec<_> = algorithm::HMAC
            .into_iter()
            .filter(|(a, _)| secret.len() >= a.least_secret())
            .map(|(a, h)| (a, Verifier::Secret(Box::new(hmac::Key::new(h, secret)))))
            .collect();
        (!verifiers.is_empty()).then(|| Key::of(verifiers))
    }

    fn of(verifiers: SmallVec<[(Algorithm, Verifier); 1]>) -> Key {
        Key {
            id: None,
            issuer: None,
            material: None,
            verifiers,
        }
    }

    /// The same key under this id.
    #[must_use]
    pub fn with_id(mut self, id: Option<Str>) -> Key {
        self.id = id;
        self
    }

    /// Its `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The issuer that it signs for, where the key set says so (Entra ID's do; may hold `{tenantid}`).
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// What tells it from other public keys; `None`: a shared secret.
    pub(super) fn material(&self) -> Option<&Material> {
        self.material.as_ref()
    }

    /// Whether it serves an algorithm.
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.verifiers.iter().any(|(a, _)| *a == algorithm)
    }

    /// Whether this is the signature of the message by this key. `false` too when the key does not serve the algorithm.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self.verifiers.iter().find(|(a, _)| *a == algorithm) {
            Some((_, Verifier::Public(key))) => key.verify_sig(message, signature).is_ok(),
            Some((_, Verifier::Secret(key))) => hmac::verify(key, message, signature).is_ok(),
            None => false,
        }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the material: it may be a secret.
        let algorithms: Vec<_> = self.verifiers.iter().map(|(a, _)| a).collect();
        write!(f, "Key({:?} {algorithms:?})", self.id)
    }
}

/// Base64url of a key; padding, which some providers write, is passed over.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// The hash of a public key's parts.
fn material(parts: &[&[u8]]) -> Material {
    let mut hash = digest::Context::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut material = Material::default();
    material.copy_from_slice(hash.finish().as_ref());
    material
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    &bytes[zeros..]
}
