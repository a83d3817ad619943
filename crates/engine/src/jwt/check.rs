//! From a token's text to claims that its signer vouches for.
//!
//! Called by [`super::validation`]. What must stay true (RFC 8725): the signature is checked before anything of the
//! payload is read; the algorithm is one that the key serves; a token without signature passes only where the document
//! says so; what is not understood is refused.

use super::claims::Claims;
use super::jwe::{self, DecryptionKey};
use super::refusal::Refusal;
use super::token::{Compact, Header, Signed, decode, decode_text};
use super::verified::{Verified, VerifiedTokens};
use super::{Algorithm, Key, KeySet};
use crate::services::OpenIdProvider;
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;
use tollgate_lang::value::Str;

/// Most signatures that are computed for one token.
const MOST_TRIES: usize = 32;

/// The keys that a token may have been made with.
pub(super) struct Keys<'a> {
    /// Those of the document.
    pub(super) own: SmallVec<[&'a KeySet; 2]>,
    /// Those of OpenID providers.
    pub(super) providers: &'a [Arc<OpenIdProvider>],
    /// Those that decrypt.
    pub(super) decryption: SmallVec<[&'a [DecryptionKey]; 2]>,
    /// Whether a token needs a signature.
    pub(super) require_signed: bool,
}

/// Why there are no claims.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unverified {
    Refused(Refusal),
    /// As refused; but a provider may have got the key of this name since it was asked. `None`: the token names none.
    UnknownKey(Refusal, Option<String>),
}

impl From<Refusal> for Unverified {
    fn from(refusal: Refusal) -> Unverified {
        Unverified::Refused(refusal)
    }
}

impl KeySet {
    /// Whether one of these keys signed a token, and its claims can be read; what they say is not looked at.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify(&self, token: &str, remembered: &VerifiedTokens) -> Result<(), Refusal> {
        let keys = Keys {
            own: SmallVec::from_slice(&[self]),
            providers: &[],
            decryption: SmallVec::new(),
            require_signed: true,
        };
        match keys.verify(token, remembered) {
            Ok(_) => Ok(()),
            Err(Unverified::Refused(refusal) | Unverified::UnknownKey(refusal, _)) => Err(refusal),
        }
    }
}

impl<'a> Keys<'a> {
    fn sets(&self) -> impl Iterator<Item = &'a KeySet> + use<'a, '_> {
        let providers = self.providers.iter().map(|p| &p.keys);
        self.own.iter().copied().chain(providers)
    }

    /// Checks a token's signature, or finds that this was done.
    pub(super) fn verify(
        &self,
        token: &str,
        remembered: &VerifiedTokens,
    ) -> Result<Rc<Verified>, Unverified> {
        match Compact::cut(token)? {
            Compact::Signed(signed) => {
                let hash = VerifiedTokens::hash(token);
                if let Some(verified) = remembered.get(&hash, self.sets().map(KeySet::generation)) {
                    return Ok(verified);
                }
                let verified = Rc::new(self.signed(&signed)?);
                if verified.generation.is_some() {
                    remembered.keep(hash, &verified);
                }
                Ok(verified)
            }
            Compact::Encrypted(encrypted) => {
                let keys = self.decryption.iter().copied().flatten();
                let (text, nested) = jwe::decrypt(&encrypted, keys)?;
                if !nested && !self.require_signed && text.starts_with('{') {
                    let header = decode_text(encrypted.header, "header")?;
                    let claims = Claims::parse(text)?;
                    return Ok(Rc::new(Verified::new(claims, header.into(), None, None)));
                }
                // RFC 7519 §11.2: signed, then encrypted. Once: what is inside must be signed.
                match Compact::cut(&text)? {
                    Compact::Signed(signed) => Ok(Rc::new(self.signed(&signed)?)),
                    Compact::Encrypted(_) => Err(Refusal::invalid(
                        "A token that is encrypted twice is not served.",
                    )
                    .into()),
                }
            }
        }
    }

    fn signed(&self, token: &Signed<'_>) -> Result<Verified, Unverified> {
        let json = decode_text(token.header, "header")?;
        let header = Header::parse(&json)?;
        let signer = if header.alg == "none" {
            if self.require_signed || !token.signature.is_empty() {
                return Err(Refusal::signature(
                    "IDX10504: Unable to validate signature, token does not have a signature.",
                )
                .into());
            }
            None
        } else {
            Some(self.signer(token, &header)?)
        };
        let claims = Claims::parse(decode_text(token.payload, "payload")?)?;
        let generation = signer.map(|(set, ..)| set.generation());
        let signer = signer.and_then(|(_, key, algorithm)| Some((*key.material()?, algorithm)));
        Ok(Verified::new(claims, Str::from(json), generation, signer))
    }

    /// The key that signed, with its set and the algorithm.
    fn signer(
        &self,
        token: &Signed<'_>,
        header: &Header,
    ) -> Result<(&'a KeySet, &'a Key, Algorithm), Unverified> {
        if token.signature.is_empty() {
            return Err(Refusal::signature(
                "IDX10504: Unable to validate signature, token does not have a signature.",
            )
            .into());
        }
        let algorithm: Algorithm = header.algorithm().ok_or_else(|| {
            Refusal::signature(
                "IDX10511: Signature validation failed. The algorithm is not served.",
            )
        })?;
        let signature = decode(token.signature, "signature")?;
        let kid = header.kid.as_deref();
        let (mut candidates, mut named, mut tries) = (false, false, 0);
        for set in self.sets() {
            for key in set.keys() {
                // A key without an id may be the one that the token names.
                match (kid, key.id()) {
                    (Some(kid), Some(id)) if kid != id => continue,
                    (Some(_), Some(_)) => named = true,
                    _ => {}
                }
                candidates = true;
                if !key.serves(algorithm) || tries == MOST_TRIES {
                    continue;
                }
                tries += 1;
                if key.verifies(algorithm, token.message.as_bytes(), &signature) {
                    return Ok((set, key, algorithm));
                }
            }
        }
        let refusal = match (candidates, tries) {
            (false, _) => Refusal::key_not_found(kid),
            (true, 0) => Refusal::signature(
                "IDX10511: Signature validation failed. The key does not serve the algorithm of the token.",
            ),
            (true, _) => Refusal::signature("IDX10511: Signature validation failed."),
        };
        // A key of the name that the token gives was tried: no other one will do.
        Err(match named || self.providers.is_empty() {
            true => Unverified::Refused(refusal),
            false => Unverified::UnknownKey(refusal, header.kid.clone()),
        })
    }
}
