//! Child keys: a caller hands a part of what it may spend to somebody else, as an orchestrator to a sub-agent.
//!
//! A child key authenticates as its parent's subscription and draws from everything that the parent draws from, and from
//! a ceiling of its own. Nothing is set aside for it when it is made: it draws as it spends, so that what it leaves is
//! never missing elsewhere, and taking it back returns what it has not spent. What must stay true: a key is kept as a
//! hash, and told once; there is a bound to how many there are and how deep they go.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use papaya::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tollgate_lang::value::Str;
use tollgate_state::budgets::{Calendar, Rule, Unit};

/// How every child key begins, so that others are not looked for among them.
const PREFIX: &str = "tgk_";

/// How the id of a child key's budget begins.
pub const BUDGET: &str = "key:";

/// A child key.
#[derive(Debug)]
pub struct ChildKey {
    /// Its id.
    pub id: u128,
    /// The child key that it was made with; `None`: the subscription's own.
    pub parent: Option<Arc<ChildKey>>,
    /// The subscription that it authenticates as, with its workspace's name.
    pub subscription: Str,
    /// What it is for.
    pub label: Str,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// Its ceiling.
    pub rule: Arc<Rule>,
    /// When it was made, Unix milliseconds.
    pub created_ms: u64,
    /// When it ends, Unix milliseconds.
    pub expires_ms: u64,
    revoked: AtomicBool,
}

/// What a new key is made of.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The key that it is made with; `None`: the subscription's own.
    pub parent: Option<Arc<ChildKey>>,
    /// The subscription.
    pub subscription: Str,
    /// What it is for.
    pub label: Str,
    /// What its ceiling counts.
    pub unit: Unit,
    /// The ceiling.
    pub ceiling: u128,
    /// When it ends, Unix milliseconds.
    pub expires_ms: u64,
}

/// Why a key is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There are too many levels above it.
    Depth,
    /// There are too many keys.
    Count,
    /// The key that it is made with has ended.
    Ended,
    /// Its ceiling, or its end, is beyond that of the key that it is made with.
    BeyondParent,
    /// No randomness.
    Random,
}

impl ChildKey {
    /// Whether it opens anything: neither it nor one above it has ended or was taken back.
    pub fn is_good(&self, now_ms: u64) -> bool {
        self.line()
            .all(|key| now_ms < key.expires_ms && !key.revoked.load(Ordering::Relaxed))
    }

    /// Whether it was taken back.
    pub fn is_revoked(&self) -> bool {
        self.line().any(|key| key.revoked.load(Ordering::Relaxed))
    }

    /// It and the keys above it, nearest first.
    pub fn line(&self) -> impl Iterator<Item = &ChildKey> {
        std::iter::successors(Some(self), |key| key.parent.as_deref())
    }

    /// Whether it was made with a key, or with one that was.
    pub fn is_below(&self, other: u128) -> bool {
        self.line().skip(1).any(|key| key.id == other)
    }

    /// Levels below the subscription's own key: 1 for one that was made with that.
    pub fn depth(&self) -> usize {
        self.line().count()
    }

    /// Its id as text.
    pub fn id_text(&self) -> String {
        uuid::Uuid::from_u128(self.id).to_string()
    }

    /// A key that was made before a restart.
    pub fn restored(wanted: Wanted, id: u128, hash: [u8; 32], created_ms: u64) -> ChildKey {
        ChildKey {
            id,
            rule: rule(id, wanted.unit, wanted.ceiling),
            parent: wanted.parent,
            subscription: wanted.subscription,
            label: wanted.label,
            hash,
            created_ms,
            expires_ms: wanted.expires_ms,
            revoked: AtomicBool::new(false),
        }
    }
}

/// The budget of a key's ceiling.
fn rule(id: u128, unit: Unit, ceiling: u128) -> Arc<Rule> {
    Arc::new(Rule {
        id: Arc::from(format!("{BUDGET}{}", uuid::Uuid::from_u128(id))),
        unit,
        limit: ceiling,
        calendar: Calendar::endless(),
        hard: true,
        carry_over: None,
        thresholds: Box::new([]),
    })
}

/// SHA-256 of a key. It has 256 random bits, so a slow hash would add nothing.
pub fn hash(key: &str) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

/// Child keys by their hashes.
#[derive(Debug, Default)]
pub struct Keys {
    keys: HashMap<[u8; 32], Arc<ChildKey>>,
    ids: HashMap<u128, Arc<ChildKey>>,
}

impl Keys {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The key that a text is, if it is a child key that is good.
    pub fn find(&self, key: &str, now_ms: u64) -> Option<Arc<ChildKey>> {
        if !key.starts_with(PREFIX) || self.is_empty() {
            return None;
        }
        let found = self.keys.pin().get(&hash(key)).cloned()?;
        found.is_good(now_ms).then_some(found)
    }

    /// A key by its id.
    pub fn by_id(&self, id: u128) -> Option<Arc<ChildKey>> {
        self.ids.pin().get(&id).cloned()
    }

    /// The keys of a subscription, newest first, at most `most`.
    pub fn of(&self, subscription: &str, most: usize) -> Vec<Arc<ChildKey>> {
        let ids = self.ids.pin();
        let own = ids
            .values()
            .filter(|key| *key.subscription == *subscription);
        let mut keys: Vec<_> = own.cloned().collect();
        keys.sort_by_key(|key| (std::cmp::Reverse(key.created_ms), key.id));
        keys.truncate(most);
        keys
    }

    /// Every key.
    pub fn all(&self) -> Vec<Arc<ChildKey>> {
        self.ids.pin().values().cloned().collect()
    }

    /// Makes a key, which is told here and never again. It opens something once it was [put](Keys::put) in.
    ///
    /// # Errors
    /// Why not.
    pub fn make(
        &self,
        wanted: Wanted,
        depth: u32,
        most: usize,
        now_ms: u64,
    ) -> Result<(Arc<ChildKey>, String), Denied> {
        let above = wanted.parent.as_ref().map_or(0, |parent| parent.depth());
        if above >= depth as usize {
            return Err(Denied::Depth);
        }
        if let Some(parent) = &wanted.parent {
            if !parent.is_good(now_ms) {
                return Err(Denied::Ended);
            }
            let same = parent.rule.unit == wanted.unit;
            if same && wanted.ceiling > parent.rule.limit || wanted.expires_ms > parent.expires_ms {
                return Err(Denied::BeyondParent);
            }
        }
        if self.len() >= most {
            self.sweep(now_ms);
        }
        if self.len() >= most {
            return Err(Denied::Count);
        }
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| Denied::Random)?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
        let id = uuid::Uuid::new_v4().as_u128();
        let key = ChildKey::restored(wanted, id, hash(&text), now_ms);
        Ok((Arc::new(key), text))
    }

    /// Puts a key in force.
    pub fn put(&self, key: Arc<ChildKey>) {
        self.keys.pin().insert(key.hash, key.clone());
        self.ids.pin().insert(key.id, key);
    }

    /// Takes a key back, and with it all that were made with it. They stay listed until they would have ended.
    pub fn revoke(&self, id: u128) -> bool {
        let Some(key) = self.by_id(id) else {
            return false;
        };
        key.revoked.store(true, Ordering::Relaxed);
        true
    }

    /// Forgets keys that have ended.
    pub fn sweep(&self, now_ms: u64) {
        let (keys, ids) = (self.keys.pin(), self.ids.pin());
        for (id, key) in &ids {
            // Those below end no later, or are no good without it.
            if !key.is_good(now_ms) {
                keys.remove(&key.hash);
                ids.remove(id);
            }
        }
    }
}
