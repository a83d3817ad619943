//! Managed identity over the real protocols, against scripted endpoints.

use crate::support::*;
use crate::tls::Folder;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_engine::clock::SystemClock;
use tollgate_engine::vault::{SecretIdentifier, Vault};
use tollgate_proxy::config::IdentityConfig;
use tollgate_proxy::{Gateway, Identity, KeyVault, ProxyConfig, Shared, SnapshotHandle};

const POLICY: &str = r#"<policies><inbound><base /><authentication-managed-identity resource="https://cognitiveservices.azure.com" /></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;

/// A token endpoint that answers from a script and keeps what it was asked.
struct Tokens {
    backend: Backend,
    asked: Arc<Mutex<Vec<String>>>,
    count: Arc<AtomicUsize>,
}

impl Tokens {
    async fn serve(answer: impl Fn(usize) -> String + Send + Sync + 'static) -> Tokens {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let count: Arc<AtomicUsize> = Arc::default();
        let (kept, counted, answer) = (asked.clone(), count.clone(), Arc::new(answer));
        let backend = Backend::serve(move |mut wire| {
            let (kept, counted, answer) = (kept.clone(), counted.clone(), answer.clone());
            async move {
                while let Some(request) = wire.message().await {
                    kept.lock().unwrap().push(request);
                    let number = counted.fetch_add(1, Ordering::SeqCst);
                    wire.send(&answer(number)).await;
                }
            }
        })
        .await;
        Tokens {
            backend,
            asked,
            count,
        }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    fn last(&self) -> String {
        self.asked
            .lock()
            .unwrap()
            .last()
            .cloned()
            .unwrap_or_default()
    }
}

fn json(status: &str, text: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    )
}

fn token(number: usize, lifetime: u64) -> String {
    json(
        "200 OK",
        &format!(
            r#"{{"access_token":"token-{number}","expires_in":"{lifetime}","token_type":"Bearer"}}"#
        ),
    )
}

/// A gateway whose one API wants a token from what these variables name.
fn gateway(url: &str, variables: &[(&str, String)]) -> Running {
    let variables: HashMap<String, String> = variables
        .iter()
        .map(|(n, v)| ((*n).to_owned(), v.clone()))
        .collect();
    let identity = Identity::new(
        &IdentityConfig::default(),
        Arc::new(SystemClock::default()),
        |name| variables.get(name).cloned(),
    );
    let config = ProxyConfig {
        threads: std::num::NonZeroUsize::new(2),
        ..ProxyConfig::default()
    };
    let snapshots = SnapshotHandle::new(snapshot(definition(url, Some(POLICY))));
    let shared = Shared::in_memory(&identity, 1 << 20);
    let gateway = Gateway::start(config, snapshots.clone(), shared, Some(identity)).unwrap();
    let address = gateway.addresses()[0];
    Running {
        gateway,
        snapshots,
        address,
    }
}

async fn authorization(running: &Running) -> String {
    let mut wire = running.connect().await;
    let answer = wire.get("/api/x").await;
    assert_eq!(status(&answer), 200, "{answer}");
    header(body(&answer), "authorization")
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn imds_is_asked_once_for_many() {
    let backend = Backend::echo().await;
    let tokens = Tokens::serve(|n| token(n, 3600)).await;
    let running = Arc::new(gateway(
        &backend.url(),
        &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", tokens.backend.url())],
    ));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let running = running.clone();
            tokio::spawn(async move { authorization(&running).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), "Bearer token-0");
    }
    assert_eq!(tokens.count(), 1);
    let asked = tokens.last();
    assert!(
        asked.starts_with("GET /metadata/identity/oauth2/token?api-version=2018%2D02%2D01&resource=https%3A%2F%2Fcognitiveservices%2Eazure%2Ecom HTTP/1.1\r\n"),
        "{asked}"
    );
    assert_eq!(header(&asked, "metadata"), Some("true"));
}

#[tokio::test]
async fn app_service_wants_its_header() {
    let backend = Backend::echo().await;
    let tokens = Tokens::serve(|_| {
        json(
            "200 OK",
            r#"{"access_token":"app","expires_on":"4102444800","resource":"r"}"#,
        )
    })
    .await;
    let running = gateway(
        &backend.url(),
        &[
            (
                "IDENTITY_ENDPOINT",
                format!("{}/msi/token", tokens.backend.url()),
            ),
            ("IDENTITY_HEADER", String::from("secret-header")),
        ],
    );
    assert_eq!(authorization(&running).await, "Bearer app");
    let asked = tokens.last();
    assert!(
        asked.starts_with("GET /msi/token?api-version=2019%2D08%2D01&resource="),
        "{asked}"
    );
    assert_eq!(header(&asked, "x-identity-header"), Some("secret-header"));
}

#[tokio::test]
async fn client_secret_and_workload_identity_ask_entra() {
    let backend = Backend::echo().await;
    let tokens = Tokens::serve(|n| {
        json(
            "200 OK",
            &format!(r#"{{"access_token":"entra-{n}","expires_in":3599}}"#),
        )
    })
    .await;
    let entra = [
        ("AZURE_AUTHORITY_HOST", format!("{}/", tokens.backend.url())),
        ("AZURE_TENANT_ID", String::from("tenant")),
        ("AZURE_CLIENT_ID", String::from("client")),
    ];
    let mut with_secret = entra.to_vec();
    with_secret.push(("AZURE_CLIENT_SECRET", String::from("s+c/r=t")));
    let running = gateway(&backend.url(), &with_secret);
    assert_eq!(authorization(&running).await, "Bearer entra-0");
    let asked = tokens.last();
    assert!(
        asked.starts_with("POST /tenant/oauth2/v2.0/token HTTP/1.1\r\n"),
        "{asked}"
    );
    assert_eq!(
        body(&asked),
        "grant_type=client%5Fcredentials&client_id=client&client_secret=s%2Bc%2Fr%3Dt&scope=https%3A%2F%2Fcognitiveservices%2Eazure%2Ecom%2F%2Edefault"
    );

    let folder = Folder::new();
    let file = folder.write("token", "federated\n");
    let mut federated = entra.to_vec();
    federated.push(("AZURE_FEDERATED_TOKEN_FILE", file.display().to_string()));
    let running = gateway(&backend.url(), &federated);
    assert_eq!(authorization(&running).await, "Bearer entra-1");
    let asked = tokens.last();
    assert!(
        body(&asked).contains("&client_assertion=federated&"),
        "{asked}"
    );
    assert!(body(&asked).contains("client_assertion_type=urn%3Aietf%3Aparams%3Aoauth"));
}

#[tokio::test]
async fn a_token_is_refreshed_before_it_ends() {
    let backend = Backend::echo().await;
    let tokens = Tokens::serve(|n| token(n, if n == 0 { 2 } else { 3600 })).await;
    let running = gateway(
        &backend.url(),
        &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", tokens.backend.url())],
    );
    assert_eq!(authorization(&running).await, "Bearer token-0");
    // Nobody calls meanwhile: the refresh is not a caller's wait.
    until(|| tokens.count() == 2).await;
    soon(async {
        while authorization(&running).await != "Bearer token-1" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(tokens.count(), 2);
}

#[tokio::test]
async fn a_busy_source_is_asked_again() {
    let backend = Backend::echo().await;
    let tokens = Tokens::serve(|n| match n {
        0 => json("410 Gone", "{}"),
        1 => json("429 Too Many Requests", "{}"),
        n => token(n, 3600),
    })
    .await;
    let running = gateway(
        &backend.url(),
        &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", tokens.backend.url())],
    );
    assert_eq!(authorization(&running).await, "Bearer token-2");
}

#[tokio::test]
async fn a_refusal_reaches_the_caller_without_its_detail_and_is_not_repeated() {
    let backend = Backend::echo().await;
    let tokens = Tokens::serve(|_| {
        json(
            "400 Bad Request",
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
        )
    })
    .await;
    let running = gateway(
        &backend.url(),
        &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", tokens.backend.url())],
    );
    let mut wire = running.connect().await;
    for _ in 0..5 {
        let answer = wire.get("/api/x").await;
        assert_eq!(status(&answer), 500);
        assert!(!answer.contains("Identity not found"));
    }
    assert!(tokens.count() < 5, "a failure is remembered for a moment");
    assert_eq!(backend.accepted(), 0);
}

#[tokio::test]
async fn key_vault_gives_a_secret_for_a_token_and_is_left_alone_when_it_fails() {
    let vault = Tokens::serve(|n| match n {
        0 | 2 => token(n, 3600),
        1 => json("200 OK", r#"{"value":"very-secret","id":"x"}"#),
        3 => json("503 Service Unavailable", r#"{"error":{"message":"busy"}}"#),
        _ => String::from("it was asked again"),
    })
    .await;
    let url = vault.backend.url();
    let config = IdentityConfig {
        imds_endpoint: Some(url.clone()),
        ..IdentityConfig::default()
    };
    let keys = KeyVault::new(&config, |_| None);
    let id = SecretIdentifier::parse(&format!("{url}/secrets/partner-key")).unwrap();
    let ask = |client: Option<&'static str>| {
        let (keys, id) = (keys.clone(), id.clone());
        tokio::task::spawn_blocking(move || keys.secret(&id, client))
    };
    let value = ask(Some("client-7")).await.unwrap().unwrap();
    assert_eq!(&**value.expose(), "very-secret");
    let asked = vault.last();
    assert!(
        asked.starts_with("GET /secrets/partner-key?api-version=7.4 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert_eq!(header(&asked, "authorization"), Some("Bearer token-0"));
    let of_identity = vault.asked.lock().unwrap()[0].clone();
    assert!(
        of_identity.contains("resource=https%3A%2F%2Fvault%2Eazure%2Enet")
            && of_identity.contains("client_id=client%2D7"),
        "{of_identity}"
    );
    let why = ask(None).await.unwrap().unwrap_err();
    assert_eq!(why, format!("{url}: 503 Service Unavailable: busy"));
    assert_eq!(ask(None).await.unwrap(), Err(why));
    assert_eq!(vault.count(), 4);
}
