//! Keys, encryption, certificates, and the checks against another implementation.

use super::check::{Keys, Unverified};
use super::claims::Claims;
use super::{Algorithm, Certificate, DecryptionKey, Key, KeySet, MOST_KEYS, VerifiedTokens};
use crate::fixture::signer::Signer;
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::PublicKeyData;
use serde_json::{Value, json};
use smallvec::SmallVec;

const ALGORITHMS: [&str; 13] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "HS256",
    "HS384", "HS512", "EdDSA",
];

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a set of keys says to a token.
fn verify(
    token: &str,
    own: &[&KeySet],
    decryption: &[DecryptionKey],
    require_signed: bool,
) -> Result<String, Unverified> {
    let keys = Keys {
        own: SmallVec::from_slice(own),
        providers: &[],
        decryption: SmallVec::from_iter([decryption]),
        require_signed,
    };
    keys.verify(token, &VerifiedTokens::default())
        .map(|v| v.claims.json().to_string())
}

fn signer(algorithm: &str) -> std::sync::Arc<Signer> {
    Signer::named(&format!("unit-{algorithm}"), algorithm).unwrap()
}

/// The verification key of a signer.
fn key(signer: &Signer) -> Key {
    match signer.secret() {
        Some(secret) => {
            let secret = base64::engine::general_purpose::STANDARD.decode(secret);
            Key::secret(&secret.unwrap()).unwrap()
        }
        None => {
            let jwks = json!({ "keys": [signer.jwk()] }).to_string();
            let mut set = KeySet::parse(jwks.as_bytes()).unwrap().into_keys();
            set.pop().unwrap()
        }
    }
}

#[test]
fn a_set_takes_what_it_can_use_and_counts_the_rest() {
    let rsa = Value::Object(signer("RS256").jwk());
    let with = |member: &str, value: Value| {
        let mut jwk = rsa.clone();
        jwk[member] = value;
        jwk
    };
    let jwks = json!({ "keys": [
        rsa, with("use", json!("enc")), with("kid", json!(7)), with("alg", json!("ES256")),
        with("kty", json!("oct")), with("n", json!("!!")), json!({}), 5, with("kid", Value::Null),
    ], "x": 1 });
    let set = KeySet::parse(jwks.to_string().as_bytes()).unwrap();
    assert_eq!((set.keys().len(), set.left_out()), (2, 7));
    assert!(set.has("unit-RS256") && !set.has("other"));
    assert!(set.keys()[0].serves(Algorithm::Rs256) && !set.keys()[0].serves(Algorithm::Ps256));
    assert_ne!(set.generation(), KeySet::new(Vec::new()).generation());

    let many = vec![rsa.clone(); MOST_KEYS + 5];
    let set = KeySet::parse(json!({ "keys": many }).to_string().as_bytes()).unwrap();
    assert_eq!((set.keys().len(), set.left_out()), (MOST_KEYS, 5));

    for bad in [
        "",
        "[]",
        "{}",
        r#"{"keys": 1}"#,
        r#"{"keys": [], "keys": []}"#,
        "{\"keys\": [",
    ] {
        assert!(KeySet::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let large = format!(
        "{{\"keys\": [], \"x\": \"{}\"}}",
        "a".repeat(super::MOST_BYTES)
    );
    assert!(KeySet::parse(large.as_bytes()).is_err());
}

#[test]
fn a_doubled_member_makes_a_key_unusable() {
    let text = Value::Object(signer("RS256").jwk()).to_string();
    let doubled = text.replacen('{', r#"{"use": "sig", "#, 1);
    let set = KeySet::parse(format!(r#"{{"keys": [{doubled}, {text}]}}"#).as_bytes()).unwrap();
    assert_eq!((set.keys().len(), set.left_out()), (1, 1));
}

#[test]
fn secrets_serve_what_they_are_long_enough_for() {
    let serves = |length: usize| {
        let key = Key::secret(&vec![7; length])?;
        let all = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];
        Some(all.map(|a| key.serves(a)))
    };
    assert_eq!(serves(31), None);
    assert_eq!(serves(32), Some([true, false, false]));
    assert_eq!(serves(48), Some([true, true, false]));
    assert_eq!(serves(64), Some([true, true, true]));
}

#[test]
fn a_key_never_prints() {
    let secret = Key::secret(&[b'k'; 32]).unwrap();
    assert_eq!(format!("{secret:?}"), "Key(None [Hs256])");
    let secret = DecryptionKey::secret(&[b'k'; 32], None).unwrap();
    assert_eq!(format!("{secret:?}"), "DecryptionKey(None)");
}

/// What `jsonwebtoken` says to a token's signature.
fn other_says(signer: &Signer, token: &str) -> bool {
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(Value::Object(signer.jwk())).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
    let algorithm = signer.algorithm().parse().unwrap();
    let mut validation = jsonwebtoken::Validation::new(algorithm);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    validation.validate_aud = false;
    jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok()
}

#[test]
fn signatures_are_judged_as_another_library_judges_them() {
    for algorithm in ALGORITHMS.into_iter().filter(|a| *a != "ES512") {
        let signer = signer(algorithm);
        let set = KeySet::new(vec![key(&signer)]);
        let token = signer.token(&format!(r#"{{"alg":"{algorithm}"}}"#), br#"{"sub":"a"}"#);
        assert!(verify(&token, &[&set], &[], true).is_ok(), "{algorithm}");
        assert!(other_says(&signer, &token), "{algorithm}");
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for at in [0, signature.len() / 2, signature.len() - 1] {
            let mut flipped = signature.clone();
            flipped[at] ^= 1;
            let token = format!("{message}.{}", b64(&flipped));
            assert!(
                verify(&token, &[&set], &[], true).is_err(),
                "{algorithm} {at}"
            );
            assert!(!other_says(&signer, &token), "{algorithm} {at}");
        }
        let mut long = signature.clone();
        long.push(0);
        let token = format!("{message}.{}", b64(&long));
        assert!(verify(&token, &[&set], &[], true).is_err(), "{algorithm}");
    }
}

#[test]
fn one_signature_has_one_text() {
    // The last character of 64 bytes stands for four bits and two that must be zero.
    let signer = signer("ES256");
    let set = KeySet::new(vec![key(&signer)]);
    let token = signer.token(r#"{"alg":"ES256"}"#, b"{}");
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (front, last) = token.split_at(token.len() - 1);
    let at = alphabet.find(last).unwrap();
    assert_eq!(at % 4, 0);
    let other = format!("{front}{}", &alphabet[at + 1..at + 2]);
    assert!(verify(&token, &[&set], &[], true).is_ok());
    assert!(verify(&other, &[&set], &[], true).is_err());
}

#[test]
fn a_token_is_bounded() {
    let signer = signer("HS256");
    let set = KeySet::new(vec![key(&signer)]);
    let of = |length: usize| {
        let claims = format!(r#"{{"a":"{}"}}"#, "a".repeat(length));
        signer.token(r#"{"alg":"HS256"}"#, claims.as_bytes())
    };
    assert!(verify(&of(1 << 10), &[&set], &[], true).is_ok());
    let Err(Unverified::Refused(refusal)) =
        verify(&of(super::MOST_TOKEN_BYTES), &[&set], &[], true)
    else {
        panic!("too large a token passed");
    };
    assert_eq!(refusal.reason, "JwtInvalid");
    assert!(refusal.message.starts_with("IDX10209"));
    let claims: Vec<String> = (0..600).map(|n| format!(r#""c{n}":1"#)).collect();
    let many = signer.token(
        r#"{"alg":"HS256"}"#,
        format!("{{{}}}", claims.join(",")).as_bytes(),
    );
    assert!(verify(&many, &[&set], &[], true).is_err());
}

#[test]
fn what_was_verified_is_remembered_for_its_keys_only() {
    let signer = signer("RS256");
    let token = signer.token(r#"{"alg":"RS256"}"#, br#"{"sub":"a"}"#);
    let remembered = VerifiedTokens::default();
    let with = |set: &KeySet| {
        let keys = Keys {
            own: SmallVec::from_slice(&[set]),
            providers: &[],
            decryption: SmallVec::new(),
            require_signed: true,
        };
        keys.verify(&token, &remembered)
    };
    let (first, same, none) = (
        KeySet::new(vec![key(&signer)]),
        KeySet::new(vec![key(&signer)]),
        KeySet::new(Vec::new()),
    );
    let one = with(&first).unwrap();
    assert!(std::rc::Rc::ptr_eq(&one, &with(&first).unwrap()));
    assert!(
        with(&none).is_err(),
        "a withdrawn key does not verify any more"
    );
    assert!(!std::rc::Rc::ptr_eq(&one, &with(&same).unwrap()));
}

/// An encrypted token by `dir`, or with the content key wrapped by `wrap`.
fn encrypt(header: &Value, content: &[u8], wrapped: &[u8], plain: &[u8]) -> String {
    let protected = b64(header.to_string());
    let (iv, text, tag) = match header["enc"].as_str().unwrap() {
        name if name.ends_with("GCM") => {
            let algorithm = match name {
                "A128GCM" => &aead::AES_128_GCM,
                "A192GCM" => &aead::AES_192_GCM,
                _ => &aead::AES_256_GCM,
            };
            let key = LessSafeKey::new(UnboundKey::new(algorithm, content).unwrap());
            let mut text = plain.to_vec();
            let nonce = Nonce::assume_unique_for_key([5; 12]);
            let aad = Aad::from(protected.as_bytes());
            let tag = key
                .seal_in_place_separate_tag(nonce, aad, &mut text)
                .unwrap();
            (vec![5; 12], text, tag.as_ref().to_vec())
        }
        name => {
            let (cipher, hash) = match name {
                "A128CBC-HS256" => (&cipher::AES_128, hmac::HMAC_SHA256),
                "A192CBC-HS384" => (&cipher::AES_192, hmac::HMAC_SHA384),
                _ => (&cipher::AES_256, hmac::HMAC_SHA512),
            };
            let (mac, key) = content.split_at(content.len() / 2);
            let key = UnboundCipherKey::new(cipher, key).unwrap();
            let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap();
            let mut text = plain.to_vec();
            let context = EncryptionContext::Iv128(FixedLength::from([6; 16]));
            key.less_safe_encrypt(&mut text, context).unwrap();
            let bits = (protected.len() as u64 * 8).to_be_bytes();
            let message = [protected.as_bytes(), &[6; 16], &text, &bits].concat();
            let tag = hmac::sign(&hmac::Key::new(hash, mac), &message);
            (vec![6; 16], text, tag.as_ref()[..mac.len()].to_vec())
        }
    };
    format!(
        "{protected}.{}.{}.{}.{}",
        b64(wrapped),
        b64(iv),
        b64(text),
        b64(tag)
    )
}

const ENCRYPTIONS: [(&str, usize); 6] = [
    ("A128CBC-HS256", 32),
    ("A192CBC-HS384", 48),
    ("A256CBC-HS512", 64),
    ("A128GCM", 16),
    ("A192GCM", 24),
    ("A256GCM", 32),
];

#[test]
fn encrypted_tokens_of_every_kind_are_decrypted_and_then_verified() {
    let signer = signer("ES256");
    let set = KeySet::new(vec![key(&signer)]);
    let inner = signer.token(r#"{"alg":"ES256"}"#, br#"{"sub":"a"}"#);
    let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let pem = rcgen::CertificateParams::new(vec!["tokens.test".into()])
        .unwrap()
        .self_signed(&made)
        .unwrap()
        .pem();
    let certificate = Certificate::parse(&pem, Some(&made.serialize_pem())).unwrap();
    let rsa = [certificate.decryption_key(None).unwrap()];
    let public = PublicEncryptingKey::from_der(&made.subject_public_key_info()).unwrap();
    let public = OaepPublicEncryptingKey::new(public).unwrap();
    for (enc, size) in ENCRYPTIONS {
        let content: Vec<u8> = (0..size as u8).collect();
        // dir
        let header = json!({ "alg": "dir", "enc": enc, "cty": "JWT" });
        let token = encrypt(&header, &content, &[], inner.as_bytes());
        let own = [DecryptionKey::secret(&content, None).unwrap()];
        assert_eq!(
            verify(&token, &[&set], &own, true).unwrap(),
            r#"{"sub":"a"}"#,
            "{enc}"
        );
        assert!(
            verify(&token, &[], &own, true).is_err(),
            "the inner signature counts"
        );
        let other = [DecryptionKey::secret(&vec![9; size], None).unwrap()];
        assert!(verify(&token, &[&set], &other, true).is_err(), "{enc}");
        // A?KW
        for (alg, kek) in [("A128KW", vec![3; 16]), ("A256KW", vec![4; 32])] {
            let cipher = if alg == "A128KW" {
                &key_wrap::AES_128
            } else {
                &key_wrap::AES_256
            };
            let mut wrapped = vec![0; size + 8];
            let wrapped = AesKek::new(cipher, &kek)
                .unwrap()
                .wrap(&content, &mut wrapped)
                .unwrap();
            let header = json!({ "alg": alg, "enc": enc, "cty": "jwt", "kid": "k" });
            let token = encrypt(&header, &content, wrapped, inner.as_bytes());
            let own = [
                DecryptionKey::secret(&content, Some("other".into())).unwrap(),
                DecryptionKey::secret(&kek, Some("k".into())).unwrap(),
            ];
            assert!(verify(&token, &[&set], &own, true).is_ok(), "{alg} {enc}");
            assert!(
                verify(&token, &[&set], &own[..1], true).is_err(),
                "{alg} {enc}"
            );
        }
        // RSA-OAEP
        for (alg, oaep) in [
            ("RSA-OAEP", &OAEP_SHA1_MGF1SHA1),
            ("RSA-OAEP-256", &OAEP_SHA256_MGF1SHA256),
        ] {
            let mut wrapped = vec![0; public.ciphertext_size()];
            let wrapped = public.encrypt(oaep, &content, &mut wrapped, None).unwrap();
            let header = json!({ "alg": alg, "enc": enc });
            let token = encrypt(&header, &content, wrapped, inner.as_bytes());
            assert!(verify(&token, &[&set], &rsa, true).is_ok(), "{alg} {enc}");
            assert!(
                verify(&token, &[&set], &own, true).is_err(),
                "a secret is no RSA key"
            );
        }
        // Every part is authenticated.
        let parts: Vec<&str> = token.split('.').collect();
        for at in [0, 2, 3, 4] {
            let mut bytes = URL_SAFE_NO_PAD.decode(parts[at]).unwrap();
            let last = bytes.len() - if at == 0 { 3 } else { 1 };
            bytes[last] ^= 1;
            let mut changed: Vec<String> = parts.iter().map(|p| (*p).to_owned()).collect();
            changed[at] = b64(&bytes);
            assert!(
                verify(&changed.join("."), &[&set], &own, true).is_err(),
                "{enc} {at}"
            );
        }
    }
}

#[test]
fn encryption_is_no_signature() {
    let content = [7; 32];
    let own = [DecryptionKey::secret(&content, None).unwrap()];
    let header = json!({ "alg": "dir", "enc": "A256GCM" });
    let bare = encrypt(&header, &content, &[], br#"{"sub":"a"}"#);
    assert!(verify(&bare, &[], &own, true).is_err());
    assert!(verify(&bare, &[], &own, false).is_ok());
    let twice = encrypt(&header, &content, &[], bare.as_bytes());
    assert!(verify(&twice, &[], &own, false).is_err());
    let unsigned = format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(r#"{"sub":"a"}"#));
    let nested = encrypt(&header, &content, &[], unsigned.as_bytes());
    assert!(verify(&nested, &[], &own, true).is_err());
    for header in [
        json!({ "alg": "RSA1_5", "enc": "A256GCM" }),
        json!({ "alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 1_000_000_000, "p2s": "AAAA" }),
        json!({ "alg": "dir", "enc": "A256GCM", "zip": "DEF" }),
        json!({ "alg": "dir", "enc": "A256GCM", "crit": ["x"] }),
    ] {
        let token = encrypt(&header, &content, &[], br#"{"sub":"a"}"#);
        assert!(verify(&token, &[], &own, false).is_err(), "{header}");
    }
}

#[test]
fn certificates_verify_with_any_key_that_signs() {
    for algorithm in [
        &rcgen::PKCS_RSA_SHA256,
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ] {
        let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let params = rcgen::CertificateParams::new(vec!["a.test".into()]).unwrap();
        let pem = params.self_signed(&pair).unwrap().pem();
        let certificate = Certificate::parse(&pem, None).unwrap();
        assert!(certificate.verification_key().is_some(), "{algorithm:?}");
        assert!(certificate.decryption_key(None).is_none());
        let with_key = Certificate::parse(&pem, Some(&pair.serialize_pem())).unwrap();
        let rsa = algorithm == &rcgen::PKCS_RSA_SHA256;
        assert_eq!(with_key.decryption_key(None).is_some(), rsa);
        assert!(!format!("{with_key:?}").contains("PRIVATE"));
        assert!(Certificate::parse(&pem, Some("nonsense")).is_err());
    }
    assert!(Certificate::parse("nonsense", None).is_err());
}

#[test]
fn claims_have_the_texts_that_expressions_see() {
    arbtest::arbtest(|u| {
        let value = arbitrary_json(u, 3)?;
        let name: String = u.arbitrary()?;
        let mut object = serde_json::Map::new();
        object.insert(format!("c{name}"), value.clone());
        let text = Value::Object(object).to_string();
        let claims = Claims::parse(text.clone()).unwrap();
        let found: Vec<String> = claims
            .texts(&format!("c{name}"))
            .iter()
            .map(|t| t.to_string())
            .collect();
        let shown = tollgate_lang::value::Value::claim_texts(&value.to_string());
        let expected: Vec<String> = match &value {
            Value::Null => Vec::new(),
            _ => shown.iter().map(|t| t.to_string()).collect(),
        };
        assert_eq!(found, expected, "{text}");
        assert!(tollgate_lang::value::Value::jwt_of("{}", &text).is_some());
        Ok(())
    });
}

fn arbitrary_json(
    u: &mut arbtest::arbitrary::Unstructured<'_>,
    depth: u32,
) -> arbtest::arbitrary::Result<Value> {
    Ok(match u.int_in_range(0..=if depth == 0 { 4 } else { 6 })? {
        0 => Value::Null,
        1 => Value::Bool(u.arbitrary()?),
        2 => json!(u.arbitrary::<i64>()?),
        3 => json!(f64::from(u.arbitrary::<i32>()?) / 8.0),
        4 => Value::String(u.arbitrary()?),
        5 => {
            let n = u.int_in_range(0..=3)?;
            Value::Array(
                (0..n)
                    .map(|_| arbitrary_json(u, depth - 1))
                    .collect::<Result<_, _>>()?,
            )
        }
        _ => {
            let n = u.int_in_range(0..=3)?;
            let member = |u: &mut arbtest::arbitrary::Unstructured<'_>| {
                Ok((u.arbitrary::<String>()?, arbitrary_json(u, depth - 1)?))
            };
            Value::Object((0..n).map(|_| member(u)).collect::<Result<_, _>>()?)
        }
    })
}
