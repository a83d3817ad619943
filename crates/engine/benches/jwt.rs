//! What checking a token costs. Run with `cargo bench -p tollgate-engine`.
//!
//! `fresh` computes the signature, `remembered` finds that this was done; `other_library` is what `jsonwebtoken` takes for
//! the signature alone. Allocations are counted too.
#![allow(missing_docs, clippy::unwrap_used)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use divan::{AllocProfiler, Bencher, black_box};
use serde_json::json;
use std::sync::LazyLock;
use tollgate_engine::jwt::{KeySet, VerifiedTokens};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A token as Entra ID issues them, about 1.4 KB, and the key set of who signed it.
struct Sample {
    token: String,
    jwk: serde_json::Value,
    keys: KeySet,
}

fn message(alg: &str) -> String {
    let header = json!({ "typ": "JWT", "alg": alg, "kid": "bench", "x5t": "bench" });
    let claims = json!({
        "aud": "api://11111111-1111-1111-1111-111111111111",
        "iss": "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
        "iat": 1_767_225_600, "nbf": 1_767_225_600, "exp": 1_767_229_200, "acr": "1",
        "aio": "AVQAq/8TAAAAgkQ0Y7T5Q1m2Yq9mJ3bq7y0VnJ1l0d0s8h4m7g3n1r5t9w2x6z8B", "amr": ["pwd", "mfa"],
        "appid": "22222222-2222-2222-2222-222222222222", "appidacr": "0", "family_name": "Doe",
        "given_name": "Jane", "groups": ["33333333-3333-3333-3333-333333333333", "44444444-4444-4444-4444-444444444444"],
        "ipaddr": "192.0.2.1", "name": "Jane Doe", "oid": "55555555-5555-5555-5555-555555555555",
        "rh": "0.AAAA", "roles": ["reader", "writer"], "scp": "user_impersonation", "sub": "abcdefghijklmnopqrstuvwxyz",
        "tid": "11111111-1111-1111-1111-111111111111", "unique_name": "jane@contoso.com",
        "upn": "jane@contoso.com", "uti": "abcdefghijklmnopqrstuv", "ver": "1.0"
    });
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    )
}

fn sample(message: String, signature: &[u8], jwk: serde_json::Value) -> Sample {
    let keys = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
    Sample {
        token: format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)),
        jwk,
        keys,
    }
}

static RS256: LazyLock<Sample> = LazyLock::new(|| {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let message = message("RS256");
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({ "kty": "RSA", "kid": "bench", "alg": "RS256", "n": encode(&public.n), "e": encode(&public.e) });
    sample(message, &signature, jwk)
});

static ES256: LazyLock<Sample> = LazyLock::new(|| {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let message = message("ES256");
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    let point = pair.public_key().as_ref();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "kid": "bench", "alg": "ES256", "x": encode(&point[1..33]), "y": encode(&point[33..]) });
    sample(message, signature.as_ref(), jwk)
});

fn by_name(name: &str) -> &'static Sample {
    match name {
        "RS256" => &RS256,
        _ => &ES256,
    }
}

#[divan::bench(args = ["RS256", "ES256"])]
fn fresh(bencher: Bencher<'_, '_>, name: &str) {
    let sample = by_name(name);
    bencher
        .with_inputs(VerifiedTokens::default)
        .bench_local_refs(|remembered| sample.keys.verify(black_box(&sample.token), remembered));
}

#[divan::bench(args = ["RS256", "ES256"])]
fn remembered(bencher: Bencher<'_, '_>, name: &str) {
    let sample = by_name(name);
    let remembered = VerifiedTokens::default();
    sample.keys.verify(&sample.token, &remembered).unwrap();
    bencher.bench_local(|| sample.keys.verify(black_box(&sample.token), &remembered));
}

#[divan::bench(args = ["RS256", "ES256"])]
fn other_library(bencher: Bencher<'_, '_>, name: &str) {
    let sample = by_name(name);
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(sample.jwk.clone()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
    let algorithm = name.parse().unwrap();
    let (message, signature) = sample.token.rsplit_once('.').unwrap();
    bencher.bench_local(|| {
        assert!(
            jsonwebtoken::crypto::verify(black_box(signature), message.as_bytes(), &key, algorithm)
                .unwrap()
        );
    });
}

#[divan::bench]
fn signature_alone(bencher: Bencher<'_, '_>) {
    let (message, signature) = RS256.token.rsplit_once('.').unwrap();
    let key = &RS256.keys.keys()[0];
    bencher.bench_local(|| {
        let signature = URL_SAFE_NO_PAD.decode(black_box(signature)).unwrap();
        assert!(key.verifies(
            tollgate_engine::jwt::Algorithm::Rs256,
            message.as_bytes(),
            &signature
        ));
    });
}
