//! Gateways, scripted backends and raw callers for the tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tollgate_engine::clock::SystemClock;
use tollgate_engine::definition::{
    ApiDefinition, ApiKind, BackendDefinition, BackendKind, BackendTls, Definition,
    OperationDefinition, PolicyText, Protocol, Secret, SingleBackend, SubscriptionDefinition,
    SubscriptionScope,
};
use tollgate_engine::snapshot::{Snapshot, build};
use tollgate_lang::{Diagnostics, FileId};
use tollgate_proxy::config::{IdentityConfig, ListenerConfig};
use tollgate_proxy::{Gateway, Identity, ProxyConfig, Shared, SnapshotHandle, StartError};

/// The key of the one subscription.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Fails instead of hanging.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it happens in time")
}

/// Waits until something holds.
pub async fn until(mut holds: impl FnMut() -> bool) {
    soon(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// One API `/api`, any method and path, open to the key; `/open` needs none.
pub fn definition(url: &str, policy: Option<&str>) -> Definition {
    let api = |id: &str, subscription_required| ApiDefinition {
        span: None,
        workspace: None,
        id: Arc::from(id),
        display_name: Arc::from(id),
        path: Arc::from(id),
        protocols: vec![Protocol::Http, Protocol::Https, Protocol::Ws, Protocol::Wss],
        service_url: Some(Arc::from(url)),
        backend: None,
        subscription_required,
        key_header: Arc::from("Ocp-Apim-Subscription-Key"),
        key_query: Arc::from("subscription-key"),
        kind: ApiKind::Http,
        mcp: None,
        graphql: None,
        version: None,
        revision: Arc::from("1"),
        is_current: true,
        is_online: true,
        operations: vec![OperationDefinition {
            id: Arc::from("any"),
            display_name: Arc::from("any"),
            method: Arc::from("*"),
            url_template: Arc::from("/*"),
            contract: None,
            policy: None,
        }],
        token_accounting: Default::default(),
        contracts: None,
        policy: policy.map(|text| PolicyText {
            file: FileId(0),
            text: Arc::from(text),
        }),
    };
    Definition {
        apis: vec![api("api", true), api("open", false)],
        subscriptions: vec![SubscriptionDefinition {
            span: None,
            workspace: None,
            id: Arc::from("team"),
            display_name: Arc::from("team"),
            scope: SubscriptionScope::AllApis,
            owner: None,
            primary_key: Secret::new(KEY),
            secondary_key: None,
            active: true,
            created_millis: 0,
            start_millis: None,
            end_millis: None,
            allow_tracing: false,
        }],
        ..Definition::default()
    }
}

/// A backend `tls` with the given checks, for documents that name it.
pub fn with_backend(mut definition: Definition, url: &str, tls: BackendTls) -> Definition {
    definition.backends.push(BackendDefinition {
        span: None,
        workspace: None,
        id: Arc::from("tls"),
        kind: BackendKind::Single(SingleBackend {
            url: Arc::from(url),
            tls,
            ..SingleBackend::default()
        }),
    });
    definition
}

/// A document whose backend section is the given text.
pub fn backend_section(text: &str) -> String {
    format!(
        "<policies><inbound><base /></inbound><backend>{text}</backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    )
}

pub fn snapshot(definition: Definition) -> Arc<Snapshot> {
    let mut diagnostics = Diagnostics::default();
    let built = build(definition, &mut diagnostics);
    Arc::new(built.unwrap_or_else(|| panic!("{diagnostics:?}")))
}

/// A gateway and where it is.
pub struct Running {
    pub gateway: Gateway,
    pub snapshots: SnapshotHandle,
    pub address: SocketAddr,
}

/// One data-plane thread, one plain listener, unless `change` says otherwise.
pub fn start(definition: Definition, change: impl FnOnce(&mut ProxyConfig)) -> Running {
    try_start(definition, change).unwrap()
}

/// The same, or why it does not start.
pub fn try_start(
    definition: Definition,
    change: impl FnOnce(&mut ProxyConfig),
) -> Result<Running, StartError> {
    let mut config = ProxyConfig {
        threads: std::num::NonZeroUsize::new(1),
        listeners: vec![ListenerConfig::default()],
        ..ProxyConfig::default()
    };
    change(&mut config);
    let identity = Identity::new(
        &IdentityConfig::default(),
        Arc::new(SystemClock::default()),
        |_| None,
    );
    let snapshots = SnapshotHandle::new(snapshot(definition));
    let shared = Shared::in_memory(&identity, 1 << 20);
    let gateway = Gateway::start(config, snapshots.clone(), shared, Some(identity))?;
    let address = gateway.addresses()[0];
    Ok(Running {
        gateway,
        snapshots,
        address,
    })
}

/// A gateway before a scripted backend.
pub fn before(backend: &Backend) -> Running {
    start(definition(&backend.url(), None), |_| {})
}

impl Running {
    /// One caller's connection.
    pub async fn connect(&self) -> Wire<TcpStream> {
        Wire::new(soon(TcpStream::connect(self.address)).await.unwrap())
    }

    /// The value of a metric's line that begins with `start`, 0 without one.
    pub fn metric(&self, start: &str) -> u64 {
        let text = self.gateway.metrics();
        let lines = text.lines().filter(|l| l.starts_with(start));
        lines
            .filter_map(|l| l.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }

    /// Settled requests with this outcome.
    pub fn settled(&self, outcome: &str) -> u64 {
        let text = self.gateway.metrics();
        let outcome = format!("outcome=\"{outcome}\"");
        let lines = text
            .lines()
            .filter(|l| l.starts_with("tollgate_requests_total{") && l.contains(&outcome));
        lines
            .filter_map(|l| l.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }
}

/// A scripted backend.
pub struct Backend {
    pub address: SocketAddr,
    /// Connections accepted so far.
    pub accepted: Arc<AtomicUsize>,
    /// Connections that the script still holds.
    pub open: Arc<AtomicUsize>,
}

impl Backend {
    /// Runs the script on every connection.
    pub async fn serve<F>(script: impl Fn(Wire<TcpStream>) -> F + 'static + Send) -> Backend
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = Backend {
            address: listener.local_addr().unwrap(),
            accepted: Arc::default(),
            open: Arc::default(),
        };
        let (accepted, open) = (backend.accepted.clone(), backend.open.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                accepted.fetch_add(1, Ordering::SeqCst);
                open.fetch_add(1, Ordering::SeqCst);
                let (open, serving) = (open.clone(), script(Wire::new(stream)));
                tokio::spawn(async move {
                    serving.await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        backend
    }

    /// Answers every request with its own head and body as the body.
    pub async fn echo() -> Backend {
        Backend::serve(|mut wire| async move {
            while let Some(request) = wire.message().await {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nx-backend: echo\r\n\r\n{request}",
                    request.len()
                );
                wire.send(&answer).await;
            }
        })
        .await
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// HTTP/1.1 as bytes, from either side.
pub struct Wire<S> {
    pub stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn new(stream: S) -> Wire<S> {
        Wire {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Sends text. A peer that has gone is the reader's matter.
    pub async fn send(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes()).await;
        let _ = self.stream.flush().await;
    }

    /// Reads more; false at the end.
    async fn more(&mut self) -> bool {
        matches!(soon(self.stream.read_buf(&mut self.buffer)).await, Ok(n) if n > 0)
    }

    /// Text up to and with `end`. `None` when the peer ends before.
    pub async fn until(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some(at) = find(&self.buffer, end.as_bytes()) {
                let taken: Vec<u8> = self.buffer.drain(..at + end.len()).collect();
                return Some(String::from_utf8_lossy(&taken).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Exactly so many bytes.
    pub async fn exactly(&mut self, length: usize) -> Option<String> {
        while self.buffer.len() < length {
            if !self.more().await {
                return None;
            }
        }
        let taken: Vec<u8> = self.buffer.drain(..length).collect();
        Some(String::from_utf8_lossy(&taken).into_owned())
    }

    /// Everything until the peer closes.
    pub async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.buffer)).into_owned()
    }

    /// A head with the body that its length or chunks tell.
    pub async fn message(&mut self) -> Option<String> {
        let mut message = self.until("\r\n\r\n").await?;
        let head = message.to_ascii_lowercase();
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        if let Some(length) = length {
            message.push_str(&self.exactly(length).await?);
        } else if head.contains("transfer-encoding: chunked") {
            loop {
                let size = self.until("\r\n").await?;
                let size = usize::from_str_radix(size.trim(), 16).unwrap();
                let chunk = self.exactly(size + 2).await?;
                if size == 0 {
                    break;
                }
                message.push_str(&chunk[..size]);
            }
        }
        Some(message)
    }

    /// Sends a request and reads the whole answer.
    pub async fn call(&mut self, request: &str) -> String {
        self.send(request).await;
        self.message().await.unwrap_or_default()
    }

    /// A `GET` with the key.
    pub async fn get(&mut self, path: &str) -> String {
        self.call(&get(path)).await
    }
}

/// A `GET` with the key, as text.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\n\r\n")
}

/// The part behind the head.
pub fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The status of an answer.
pub fn status(message: &str) -> u16 {
    let status = message.split(' ').nth(1).and_then(|s| s.parse().ok());
    status.unwrap_or_else(|| panic!("no answer: {message:?}"))
}

/// The value of a header.
pub fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let head = message.split("\r\n\r\n").next()?;
    head.lines().skip(1).find_map(|line| {
        let (n, value) = line.split_once(':')?;
        n.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}
