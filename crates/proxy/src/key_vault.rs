//! Azure Key Vault over its REST API, with the gateway's managed identity.
//!
//! The `gateway` crate hands it to the loader. What must stay true: a call has a deadline and a runtime of its own, so
//! that it works before the data plane runs; after a failure the vault is left alone for a while; nothing secret prints.

use crate::config::IdentityConfig;
use crate::endpoint::Endpoint;
use crate::identity::Source;
use crate::upstream::ClientTls;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tollgate_engine::definition::Secret;
use tollgate_engine::vault::{SecretIdentifier, Vault};

/// What tokens are for.
const RESOURCE: &str = "https://vault.azure.net";

/// The version of the REST API.
const API_VERSION: &str = "7.4";

/// Most time for one secret, its token included.
const DEADLINE: Duration = Duration::from_secs(15);

/// How long a failure is answered again without asking: a load may want many secrets.
const FAILURE_TTL: Duration = Duration::from_secs(10);

/// Most bytes of an answer; a secret has at most 25 KiB.
const LIMIT: usize = 256 << 10;

/// Key Vault.
pub struct KeyVault {
    source: Source,
    tls: Arc<ClientTls>,
    failed: Mutex<Option<(Instant, String, String)>>,
}

/// What Key Vault answers.
#[derive(Deserialize)]
struct SecretBundle {
    value: Option<String>,
}

impl KeyVault {
    /// Chooses where tokens come from, as [`crate::Identity::new`] does.
    pub fn new(
        config: &IdentityConfig,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Arc<KeyVault> {
        Arc::new(KeyVault {
            source: Source::choose(config, &environment),
            tls: Arc::new(ClientTls::new()),
            failed: Mutex::default(),
        })
    }

    async fn ask(&self, id: &SecretIdentifier, client_id: Option<&str>) -> Result<Secret, String> {
        let endpoint = Endpoint::new(self.tls.clone());
        let token = self.source.fetch(&endpoint, RESOURCE, client_id).await?;
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        let token = token.into_token(now)?.token;
        let bearer = token
            .header
            .to_str()
            .map_err(|_| String::from("the token cannot be sent"))?;
        let url = format!("{id}?api-version={API_VERSION}");
        let answered = endpoint
            .call(&url, &[("authorization", bearer)], None, LIMIT)
            .await
            .map_err(|refused| format!("{}: {}", id.vault, refused.why))?;
        let bundle: SecretBundle = serde_json::from_slice(&answered.body)
            .map_err(|_| format!("{} did not answer as Key Vault does", id.vault))?;
        bundle
            .value
            .map(Secret::new)
            .ok_or_else(|| format!("{} gave no value", id.vault))
    }
}

impl Vault for KeyVault {
    fn secret(&self, id: &SecretIdentifier, client_id: Option<&str>) -> Result<Secret, String> {
        let failed = || self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, vault, why)) = &*failed()
            && at.elapsed() < FAILURE_TTL
            && *vault == id.vault
        {
            return Err(why.clone());
        }
        // The caller may be inside a runtime, where none can be entered.
        let answer = std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|why| why.to_string())?;
                let local = tokio::task::LocalSet::new();
                local.block_on(&runtime, async {
                    let asked = self.ask(id, client_id);
                    let asked = tokio::time::timeout(DEADLINE, asked).await;
                    asked.unwrap_or_else(|_| {
                        Err(format!("{} did not answer within {DEADLINE:?}", id.vault))
                    })
                })
            });
            asking
                .join()
                .unwrap_or_else(|_| Err(String::from("the call broke off")))
        });
        if let Err(why) = &answer {
            // Of a secret that is not there, the others may be.
            let of_vault = !why.contains("404") && !why.contains("403");
            *failed() = of_vault.then(|| (Instant::now(), id.vault.clone(), why.clone()));
        }
        answer
    }
}
