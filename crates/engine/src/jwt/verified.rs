//! Tokens whose signature was checked lately on this thread: callers bring the same token with every call for an hour.
//!
//! Called by [`super::check`]. What must stay true: only the signature is remembered, and only for the key set that
//! checked it; time, audience, issuer and claims are looked at in every request. No token is kept, only its hash.

use super::claims::Claims;
use super::keys::Material;
use super::{Algorithm, Key, KeySet};
use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use tollgate_lang::value::{Str, Value};

/// Most bytes of claims that a thread keeps.
const MOST_BYTES: u64 = 4 << 20;

/// Bytes of an entry besides its claims, about.
const ENTRY_BYTES: usize = 512;

/// A token with a good signature.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) claims: Claims,
    /// The decoded header.
    pub(super) header: Str,
    /// [`super::KeySet::generation`] of the set whose key signed; `None`: nobody signed.
    pub(super) generation: Option<u64>,
    /// The public key that signed, and by which algorithm.
    signer: Option<(Material, Algorithm)>,
    value: OnceCell<Value>,
}

impl Verified {
    pub(super) fn new(
        claims: Claims,
        header: Str,
        generation: Option<u64>,
        signer: Option<(Material, Algorithm)>,
    ) -> Verified {
        Verified {
            claims,
            header,
            generation,
            signer,
            value: OnceCell::new(),
        }
    }

    /// The key of this set that could have signed it. Providers may publish the same key: Entra ID's endpoints of both
    /// versions do, each for its own issuer.
    pub(super) fn key_in<'k>(&self, set: &'k KeySet) -> Option<&'k Key> {
        let (material, algorithm) = self.signer.as_ref()?;
        set.keys()
            .iter()
            .find(|key| key.material() == Some(material) && key.serves(*algorithm))
    }

    /// The `Jwt` for expressions, made once.
    pub(super) fn value(&self) -> Value {
        self.value
            .get_or_init(|| Value::jwt_of(&self.header, self.claims.json()).unwrap_or_default())
            .clone()
    }
}

type Hash = [u8; 32];

#[derive(Clone)]
struct Bytes;

impl Weighter<Hash, Rc<Verified>> for Bytes {
    fn weight(&self, _: &Hash, verified: &Rc<Verified>) -> u64 {
        // Claims are kept as text and, once an expression asked, as a tree some times as large.
        (ENTRY_BYTES + verified.header.len() + verified.claims.json().len() * 8) as u64
    }
}

/// The tokens that one thread remembers.
pub struct VerifiedTokens(RefCell<Cache<Hash, Rc<Verified>, Bytes>>);

impl Default for VerifiedTokens {
    fn default() -> VerifiedTokens {
        VerifiedTokens(RefCell::new(Cache::with_weighter(1024, MOST_BYTES, Bytes)))
    }
}

impl std::fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifiedTokens")
    }
}

impl VerifiedTokens {
    pub(super) fn hash(token: &str) -> Hash {
        let mut hash = Hash::default();
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        hash
    }

    /// A token that one of these key sets verified.
    pub(super) fn get(
        &self,
        hash: &Hash,
        generations: impl Iterator<Item = u64>,
    ) -> Option<Rc<Verified>> {
        let mut generations = generations;
        let cache = self.0.borrow();
        let found = cache.get(hash)?;
        let signed = found.generation?;
        generations.any(|g| g == signed).then(|| found.clone())
    }

    pub(super) fn keep(&self, hash: Hash, verified: &Rc<Verified>) {
        self.0.borrow_mut().insert(hash, verified.clone());
    }
}
