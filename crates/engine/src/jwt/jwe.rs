//! Encrypted tokens (RFC 7516): `decryption-keys`.
//!
//! Called by [`super::check`]. What must stay true: the way the content key is found follows from the type of *our* key;
//! every failure is told with the same words; RSA1_5, PBES2 and compression are not served (RFC 8725 §3.2, §3.6).

use super::refusal::Refusal;
use super::token::{Encrypted, Header, decode, decode_text};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::{constant_time, hmac};
use smallvec::SmallVec;
use tollgate_lang::value::Str;

/// A content key: 64 bytes at most (A256CBC-HS512).
type ContentKey = SmallVec<[u8; 64]>;

/// A key that decrypts tokens.
pub struct DecryptionKey {
    id: Option<Str>,
    kind: Kind,
}

enum Kind {
    /// Is the content key (`dir`), or wraps it (A128KW, A256KW).
    Secret(Box<[u8]>),
    /// Unwraps it (RSA-OAEP, RSA-OAEP-256).
    Rsa(OaepPrivateDecryptingKey),
}

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DecryptionKey({:?})", self.id)
    }
}

impl DecryptionKey {
    /// A shared secret of 16, 24, 32, 48 or 64 bytes, the sizes that a content or wrapping key can have.
    pub fn secret(secret: &[u8], id: Option<Str>) -> Option<DecryptionKey> {
        matches!(secret.len(), 16 | 24 | 32 | 48 | 64).then(|| DecryptionKey {
            id,
            kind: Kind::Secret(secret.into()),
        })
    }

    /// An RSA private key, PKCS #8.
    pub fn rsa(pkcs8: &[u8], id: Option<Str>) -> Option<DecryptionKey> {
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8).ok()?;
        if key.key_size_bits() < 2048 {
            return None;
        }
        let key = OaepPrivateDecryptingKey::new(key).ok()?;
        Some(DecryptionKey {
            id,
            kind: Kind::Rsa(key),
        })
    }

    /// The content key of a token.
    fn content_key(&self, alg: &str, encrypted: &[u8]) -> Option<ContentKey> {
        match (&self.kind, alg) {
            (Kind::Secret(secret), "dir") => {
                encrypted.is_empty().then(|| ContentKey::from_slice(secret))
            }
            (Kind::Secret(secret), "A128KW" | "A256KW") => {
                let cipher = match alg {
                    "A128KW" => &key_wrap::AES_128,
                    _ => &key_wrap::AES_256,
                };
                let mut key = vec![0; encrypted.len()];
                let kek = AesKek::new(cipher, secret).ok()?;
                let key = kek.unwrap(encrypted, &mut key).ok()?;
                Some(ContentKey::from_slice(key))
            }
            (Kind::Rsa(rsa), "RSA-OAEP" | "RSA-OAEP-256") => {
                let algorithm = match alg {
                    "RSA-OAEP" => &OAEP_SHA1_MGF1SHA1,
                    _ => &OAEP_SHA256_MGF1SHA256,
                };
                let mut key = vec![0; rsa.min_output_size()];
                let key = rsa.decrypt(algorithm, encrypted, &mut key, None).ok()?;
                Some(ContentKey::from_slice(key))
            }
            _ => None,
        }
    }
}

/// A content encryption algorithm (RFC 7518 §5).
#[derive(Clone, Copy)]
enum Encryption {
    /// AES-CBC with HMAC: cipher, HMAC, bytes of each half of the key (and of the tag).
    CbcHmac(&'static cipher::Algorithm, hmac::Algorithm, usize),
    Gcm(&'static aead::Algorithm),
}

impl Encryption {
    fn from_name(name: &str) -> Option<Encryption> {
        Some(match name {
            "A128CBC-HS256" => Encryption::CbcHmac(&cipher::AES_128, hmac::HMAC_SHA256, 16),
            "A192CBC-HS384" => Encryption::CbcHmac(&cipher::AES_192, hmac::HMAC_SHA384, 24),
            "A256CBC-HS512" => Encryption::CbcHmac(&cipher::AES_256, hmac::HMAC_SHA512, 32),
            "A128GCM" => Encryption::Gcm(&aead::AES_128_GCM),
            "A192GCM" => Encryption::Gcm(&aead::AES_192_GCM),
            "A256GCM" => Encryption::Gcm(&aead::AES_256_GCM),
            _ => return None,
        })
    }

    /// Checks the tag, then decrypts.
    fn open(self, key: &[u8], aad: &[u8], iv: &[u8], text: &[u8], tag: &[u8]) -> Option<Vec<u8>> {
        match self {
            Encryption::CbcHmac(cipher, hmac, half) => {
                if key.len() != 2 * half || tag.len() != half {
                    return None;
                }
                let (mac_key, cipher_key) = key.split_at(half);
                let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac, mac_key));
                mac.update(aad);
                mac.update(iv);
                mac.update(text);
                mac.update(&(aad.len() as u64 * 8).to_be_bytes());
                let mac = mac.sign();
                constant_time::verify_slices_are_equal(mac.as_ref().get(..half)?, tag).ok()?;
                let key = UnboundCipherKey::new(cipher, cipher_key).ok()?;
                let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
                let context = DecryptionContext::Iv128(FixedLength::<16>::try_from(iv).ok()?);
                let mut text = text.to_vec();
                let length = key.decrypt(&mut text, context).ok()?.len();
                text.truncate(length);
                Some(text)
            }
            Encryption::Gcm(algorithm) => {
                if tag.len() != algorithm.tag_len() {
                    return None;
                }
                let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
                let nonce = Nonce::try_assume_unique_for_key(iv).ok()?;
                let mut sealed = [text, tag].concat();
                let length = key
                    .open_in_place(nonce, Aad::from(aad), &mut sealed)
                    .ok()?
                    .len();
                sealed.truncate(length);
                Some(sealed)
            }
        }
    }
}

/// Decrypts a token with the first of these keys that fits. Gives what was encrypted, and whether that is said to be a
/// token itself.
pub(super) fn decrypt<'k>(
    token: &Encrypted<'_>,
    keys: impl Iterator<Item = &'k DecryptionKey>,
) -> Result<(String, bool), Refusal> {
    let header = Header::parse(&decode_text(token.header, "header")?)?;
    let nested = header
        .cty
        .as_deref()
        .is_some_and(|c| c.eq_ignore_ascii_case("JWT"));
    let encryption = header.enc.as_deref().and_then(Encryption::from_name);
    let encryption = encryption.ok_or_else(|| {
        Refusal::invalid("The content encryption (`enc`) of the token is not served.")
    })?;
    let encrypted = decode(token.key, "encrypted key")?;
    let iv = decode(token.iv, "initialization vector")?;
    let text = decode(token.ciphertext, "ciphertext")?;
    let tag = decode(token.tag, "authentication tag")?;
    let fits = |key: &&DecryptionKey| match (&header.kid, &key.id) {
        (Some(kid), Some(id)) => **kid == **id,
        _ => true,
    };
    for key in keys.filter(fits) {
        let Some(content) = key.content_key(&header.alg, &encrypted) else {
            continue;
        };
        // RFC 7516 §5.2: the header as it came is authenticated too.
        if let Some(text) = encryption.open(&content, token.header.as_bytes(), &iv, &text, &tag)
            && let Ok(text) = String::from_utf8(text)
        {
            return Ok((text, nested));
        }
    }
    Err(Refusal::invalid(
        "IDX10603: Decryption failed. No key decrypts the token.",
    ))
}
