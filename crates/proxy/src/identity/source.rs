//! Azure's sources of tokens and how each is asked.
//!
//! The choice follows `DefaultAzureCredential`: environment, workload identity, managed identity (App Service, then the
//! instance metadata service). What must stay true: errors name the source, what was asked, and what to configure.

use super::token::TokenAnswer;
use crate::config::{IdentityConfig, IdentitySource};
use crate::endpoint::{Endpoint, Refused};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::PathBuf;
use std::time::Duration;
use tollgate_engine::definition::Secret;

const IMDS: &str = "http://169.254.169.254";
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// Most bytes of a token answer.
const LIMIT: usize = 256 << 10;

/// Tries of one fetch.
const TRIES: u32 = 5;

/// A source with what it needs.
pub(crate) enum Source {
    ClientSecret {
        token_url: String,
        client_id: String,
        secret: Secret,
    },
    WorkloadIdentity {
        token_url: String,
        client_id: Option<String>,
        file: PathBuf,
    },
    AppService {
        endpoint: String,
        header: Secret,
    },
    Imds {
        endpoint: String,
    },
    /// The configuration names a source that the environment does not complete.
    Missing {
        name: &'static str,
        why: String,
    },
}

impl Source {
    /// The configured source, or the first of Azure's chain that the environment completes.
    pub(crate) fn choose(
        config: &IdentityConfig,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Source {
        let get = |name: &str| environment(name).filter(|v| !v.trim().is_empty());
        let order = match config.source {
            Some(only) => vec![only],
            None => vec![
                IdentitySource::ClientSecret,
                IdentitySource::WorkloadIdentity,
                IdentitySource::AppService,
                IdentitySource::Imds,
            ],
        };
        let mut missing = None;
        for source in order {
            match Source::complete(source, config, &get) {
                Ok(source) => return source,
                Err((name, variables)) => {
                    missing = Some(Source::Missing {
                        name,
                        why: format!("{name} needs {variables} in the environment"),
                    });
                }
            }
        }
        missing.unwrap_or(Source::Imds {
            endpoint: String::from(IMDS),
        })
    }

    fn complete(
        source: IdentitySource,
        config: &IdentityConfig,
        get: &impl Fn(&str) -> Option<String>,
    ) -> Result<Source, (&'static str, &'static str)> {
        let token_url = || {
            let host = get("AZURE_AUTHORITY_HOST").unwrap_or_else(|| String::from(AUTHORITY));
            let tenant = get("AZURE_TENANT_ID")?;
            let host = host.trim_end_matches('/');
            // Some set the host without its scheme.
            let scheme = if host.contains("://") { "" } else { "https://" };
            Some(format!("{scheme}{host}/{tenant}/oauth2/v2.0/token"))
        };
        match source {
            IdentitySource::ClientSecret => {
                let all = token_url()
                    .zip(get("AZURE_CLIENT_ID"))
                    .zip(get("AZURE_CLIENT_SECRET"));
                let ((token_url, client_id), secret) = all.ok_or((
                    "the client secret",
                    "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
                ))?;
                Ok(Source::ClientSecret {
                    token_url,
                    client_id,
                    secret: Secret::new(secret),
                })
            }
            IdentitySource::WorkloadIdentity => {
                let all = token_url().zip(get("AZURE_FEDERATED_TOKEN_FILE"));
                let (token_url, file) = all.ok_or((
                    "workload identity",
                    "AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID and AZURE_CLIENT_ID",
                ))?;
                Ok(Source::WorkloadIdentity {
                    token_url,
                    client_id: get("AZURE_CLIENT_ID"),
                    file: PathBuf::from(file),
                })
            }
            IdentitySource::AppService => {
                let all = get("IDENTITY_ENDPOINT").zip(get("IDENTITY_HEADER"));
                let (endpoint, header) = all.ok_or((
                    "the App Service identity endpoint",
                    "IDENTITY_ENDPOINT and IDENTITY_HEADER",
                ))?;
                Ok(Source::AppService {
                    endpoint,
                    header: Secret::new(header),
                })
            }
            IdentitySource::Imds => {
                let endpoint = config
                    .imds_endpoint
                    .clone()
                    .or_else(|| get("AZURE_POD_IDENTITY_AUTHORITY_HOST"))
                    .unwrap_or_else(|| String::from(IMDS));
                Ok(Source::Imds {
                    endpoint: endpoint.trim_end_matches('/').to_owned(),
                })
            }
        }
    }

    /// For people.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Source::ClientSecret { .. } => "the client secret",
            Source::WorkloadIdentity { .. } => "workload identity",
            Source::AppService { .. } => "the App Service identity endpoint",
            Source::Imds { .. } => "the instance metadata service",
            Source::Missing { name, .. } => name,
        }
    }

    /// Asks for a token; tries again where the source's documentation says that it helps.
    pub(crate) async fn fetch(
        &self,
        endpoint: &Endpoint,
        resource: &str,
        client_id: Option<&str>,
    ) -> Result<TokenAnswer, String> {
        if let Source::Missing { why, .. } = self {
            return Err(why.clone());
        }
        let mut wait = Duration::from_millis(500);
        let mut tried = 0;
        loop {
            tried += 1;
            let refused = match self.ask(endpoint, resource, client_id).await {
                Ok(answer) => return Ok(answer),
                Err(refused) => refused,
            };
            if tried == TRIES || !self.worth_another_try(&refused) {
                return Err(self.explain(resource, client_id, &refused, tried));
            }
            let asked = refused.retry_after.map(Duration::from_secs);
            tokio::time::sleep(asked.unwrap_or(wait).min(Duration::from_secs(10))).await;
            wait *= 2;
        }
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        resource: &str,
        client_id: Option<&str>,
    ) -> Result<TokenAnswer, Refused> {
        let scope = format!("{}/.default", plain_resource(resource));
        match self {
            Source::ClientSecret {
                token_url,
                client_id,
                secret,
            } => {
                let form = form(&[
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    ("client_secret", secret.expose()),
                    ("scope", &scope),
                ]);
                call(endpoint, token_url, &[], Some(form)).await
            }
            Source::WorkloadIdentity {
                token_url,
                client_id: own,
                file,
            } => {
                let unsent = |why| Refused {
                    why,
                    status: 0,
                    retry_after: None,
                };
                let client_id = client_id
                    .or(own.as_deref())
                    .ok_or_else(|| unsent(String::from("AZURE_CLIENT_ID is not set")))?;
                // The platform rotates the file.
                let assertion = std::fs::read_to_string(file)
                    .map_err(|e| unsent(format!("{}: {e}", file.display())))?;
                let form = form(&[
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    (
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    ),
                    ("client_assertion", assertion.trim()),
                    ("scope", &scope),
                ]);
                call(endpoint, token_url, &[], Some(form)).await
            }
            Source::AppService {
                endpoint: url,
                header,
            } => {
                let url = managed(url, "2019-08-01", resource, client_id);
                let headers = [("x-identity-header", &**header.expose())];
                call(endpoint, &url, &headers, None).await
            }
            Source::Imds { endpoint: host } => {
                let url = format!("{host}/metadata/identity/oauth2/token");
                let url = managed(&url, "2018-02-01", resource, client_id);
                call(endpoint, &url, &[("metadata", "true")], None).await
            }
            Source::Missing { why, .. } => Err(Refused {
                why: why.clone(),
                status: 0,
                retry_after: None,
            }),
        }
    }

    fn worth_another_try(&self, refused: &Refused) -> bool {
        match refused.status {
            // No answer: the file or the address is wrong, or the network blinked.
            0 => !matches!(self, Source::WorkloadIdentity { .. }),
            // IMDS says 410 while it updates itself, and 404 while an identity is being assigned.
            404 | 410 => matches!(self, Source::Imds { .. }),
            429 => true,
            status => status >= 500,
        }
    }

    fn explain(
        &self,
        resource: &str,
        client_id: Option<&str>,
        refused: &Refused,
        tried: u32,
    ) -> String {
        let identity = client_id.map_or_else(String::new, |id| format!(" with client id {id}"));
        let times = if tried == 1 {
            String::new()
        } else {
            format!(" (tried {tried} times)")
        };
        let hint = match self {
            Source::Imds { endpoint } if refused.status == 0 => format!(
                " Nothing answers at {endpoint}: outside an Azure virtual machine set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or AZURE_FEDERATED_TOKEN_FILE, or IDENTITY_ENDPOINT and IDENTITY_HEADER."
            ),
            Source::Imds { .. } | Source::AppService { .. } if refused.status == 400 => {
                String::from(" Assign the identity to this host, and check resource and client id.")
            }
            _ => String::new(),
        };
        format!(
            "{} was asked for {resource}{identity}: {}{times}.{hint}",
            self.name(),
            refused.why
        )
    }
}

/// Documents name a resource; some write the scope of the newer endpoint.
fn plain_resource(resource: &str) -> &str {
    resource.strip_suffix("/.default").unwrap_or(resource)
}

fn managed(url: &str, version: &str, resource: &str, client_id: Option<&str>) -> String {
    let mut query = vec![
        ("api-version", version),
        ("resource", plain_resource(resource)),
    ];
    query.extend(client_id.map(|id| ("client_id", id)));
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{}", form(&query))
}

fn form(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    pairs.join("&")
}

/// One call for a token.
async fn call(
    endpoint: &Endpoint,
    url: &str,
    headers: &[(&'static str, &str)],
    form: Option<String>,
) -> Result<TokenAnswer, Refused> {
    let answered = endpoint.call(url, headers, form, LIMIT).await?;
    // The parser's message could quote the token.
    serde_json::from_slice(&answered.body).map_err(|_| Refused {
        why: String::from("the answer is not a token answer"),
        status: 200,
        retry_after: None,
    })
}
