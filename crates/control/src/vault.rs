//! Values of Key Vault secrets: asked while a configuration is loaded, kept and asked again while it is served.
//!
//! `define` asks for values, `reload` for what has changed. What must stay true: a value that was had once stays when its
//! vault fails; a value is never older than the refresh time while its vault answers.

use crate::settings::{Identity, KeyVault};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tollgate_engine::definition::Secret;
use tollgate_engine::vault::{SecretIdentifier, Vault};

/// Longest time between two looks at a secret, as in API Management.
pub(crate) const LONGEST_REFRESH: Duration = Duration::from_secs(4 * 3600);

/// How soon a vault that failed is asked again.
const RETRY: Duration = Duration::from_secs(60);

/// Most values that are kept.
const MOST_KEPT: usize = 10_000;

/// Makes the vault that is asked over the network, for an identity.
pub type Connect = Arc<dyn Fn(&Identity) -> Arc<dyn Vault> + Send + Sync>;

/// The values of one process, over all its loads.
#[derive(Default)]
pub struct Secrets {
    /// `None`: vaults are not asked, as in a check.
    connect: Option<Connect>,
    kept: Mutex<HashMap<Key, Kept>>,
}

/// The secret, and the identity to ask with.
type Key = (SecretIdentifier, Option<String>);

struct Kept {
    value: Secret,
    vault: Arc<dyn Vault>,
    refresh: Duration,
    /// When it is asked for again.
    due: Instant,
    /// Whether the last good load has it.
    used: bool,
}

/// What came of asking.
pub(crate) enum Answer {
    /// A value; with what went wrong when it is an old one.
    Value(Secret, Option<String>),
    /// There is none, and why.
    None(String),
    /// Nobody asks here.
    Unasked,
}

impl Secrets {
    /// Secrets of vaults that `connect` makes.
    pub fn new(connect: Connect) -> Secrets {
        Secrets {
            connect: Some(connect),
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a secret, for a load.
    pub(crate) fn value(
        &self,
        id: &SecretIdentifier,
        client_id: Option<&str>,
        settings: &KeyVault,
        identity: &Identity,
    ) -> Answer {
        let key = (id.clone(), client_id.map(str::to_owned));
        let known = self.kept().get_mut(&key).map(|kept| {
            kept.used = true;
            (kept.value.clone(), kept.vault.clone())
        });
        // A file is read with every load: that may be why there is one.
        let vault: Arc<dyn Vault> = match (&settings.folder, &known, &self.connect) {
            (Some(folder), ..) => Arc::new(Folder(folder.clone())),
            (None, Some((value, _)), _) => return Answer::Value(value.clone(), None),
            (None, None, Some(connect)) => connect(identity),
            (None, None, None) => return Answer::Unasked,
        };
        match (vault.secret(id, client_id), known) {
            (Ok(value), _) => {
                let mut all = self.kept();
                if all.len() < MOST_KEPT || all.contains_key(&key) {
                    let kept = Kept {
                        value: value.clone(),
                        vault,
                        refresh: settings.refresh,
                        due: Instant::now() + settings.refresh,
                        used: true,
                    };
                    all.insert(key, kept);
                }
                Answer::Value(value, None)
            }
            (Err(why), Some((value, _))) => Answer::Value(value, Some(why)),
            (Err(why), None) => Answer::None(why),
        }
    }

    /// Forgets what a good load did not ask for.
    pub(crate) fn sweep(&self) {
        self.kept().retain(|_, kept| std::mem::take(&mut kept.used));
    }

    /// Asks again for what is due. Whether a value has changed, so that the configuration must be loaded again.
    pub(crate) fn refresh(&self, now: Instant) -> bool {
        let due: Vec<(Key, Arc<dyn Vault>)> = {
            let all = self.kept();
            let due = all.iter().filter(|(_, kept)| kept.due <= now);
            due.map(|(key, kept)| (key.clone(), kept.vault.clone()))
                .collect()
        };
        let mut changed = false;
        for (key, vault) in due {
            // Asked without the lock: a load may go on meanwhile.
            let answer = vault.secret(&key.0, key.1.as_deref());
            let mut all = self.kept();
            let Some(kept) = all.get_mut(&key) else {
                continue;
            };
            match answer {
                Ok(value) => {
                    changed |= value != kept.value;
                    kept.value = value;
                    kept.due = now + kept.refresh;
                }
                Err(why) => {
                    tracing::warn!(secret = %key.0, why, "a Key Vault secret cannot be read again; the old value stays");
                    kept.due = now + RETRY.min(kept.refresh);
                }
            }
        }
        changed
    }
}

/// A folder with a file for each secret, named as the secret: what Kubernetes' secrets store driver mounts. A version is
/// what the mount says, so that of an identifier does not count.
pub struct Folder(PathBuf);

impl Folder {
    /// Secrets of a folder.
    pub fn new(path: PathBuf) -> Folder {
        Folder(path)
    }
}

impl Vault for Folder {
    fn secret(&self, id: &SecretIdentifier, _: Option<&str>) -> Result<Secret, String> {
        let path = self.0.join(&id.name);
        let text = std::fs::read_to_string(&path)
            .map_err(|why| format!("{} cannot be read: {why}", path.display()))?;
        Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
    }
}

#[cfg(test)]
mod tests;
