//! A gateway process before simulated providers of this process, and callers that can stop in the middle of a stream.

use crate::process::{Folder, PATIENCE, Running, address};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tollgate_testkit::client::{Client, Fetched, fetch, get, post_json, with_header};
use tollgate_testkit::{Simulator, SimulatorConfig};

pub(crate) const CHAT: &str =
    "/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21";
/// The key of `team-a`; with `b` at its end that of `team-b`.
pub(crate) const KEY_A: &str = "canary-key-of-team-a";
pub(crate) const KEY_B: &str = "canary-key-of-team-b";

/// Every API forwards, and does nothing else.
pub(crate) const FORWARD: &str =
    "<policies><inbound /><backend><forward-request /></backend><outbound /></policies>";

/// The same, with the gateway's own identity.
pub(crate) const MANAGED: &str = r#"<policies><inbound><base />
    <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;

/// What a scene is made of.
pub(crate) struct Setting<'a> {
    /// The document of the API `azure-openai`.
    pub(crate) policy: &'a str,
    /// More lines of `gateway:`, each with two spaces and a line end.
    pub(crate) gateway: &'a str,
    /// More lines at the end.
    pub(crate) more: &'a str,
    /// More variables than the keys.
    pub(crate) environment: &'a [(&'a str, &'a str)],
    /// The providers.
    pub(crate) providers: SimulatorConfig,
}

impl<'a> Setting<'a> {
    /// Providers that take the simulated issuer's tokens and, from tests, any key.
    pub(crate) fn new(policy: &'a str) -> Setting<'a> {
        Setting {
            policy,
            gateway: "",
            more: "",
            environment: &[],
            providers: SimulatorConfig {
                strict_auth: true,
                ..SimulatorConfig::default()
            },
        }
    }
}

/// The running whole.
pub(crate) struct Scene {
    pub(crate) running: Running,
    pub(crate) gateway: SocketAddr,
    pub(crate) management: SocketAddr,
    pub(crate) simulator: Simulator,
    pub(crate) folder: Folder,
}

/// A configuration like the quickstart's.
pub(crate) fn config(simulator: &str, gateway: &str, more: &str) -> String {
    format!(
        r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 2
  identity: {{ source: imds, endpoint: "{simulator}" }}
{gateway}policy: global.xml
backends:
  - {{ id: aoai-backend, url: "{simulator}/openai", provider: azure.ai.openai }}
  - {{ id: aoai-embeddings-backend, url: "{simulator}/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21" }}
subscriptions:
  - {{ id: team-a, scope: /apis/azure-openai, primaryKey: {{ env: TEAM_A_KEY }} }}
  - {{ id: team-b, scope: /apis/azure-openai, primaryKey: {{ env: TEAM_B_KEY }} }}
apis:
  - id: azure-openai
    path: openai
    backendId: aoai-backend
    policy: api.xml
    operations:
      - {{ id: ChatCompletions_Create, method: POST, urlTemplate: "/deployments/{{deployment-id}}/chat/completions" }}
      - {{ id: Embeddings_Create, method: POST, urlTemplate: "/deployments/{{deployment-id}}/embeddings" }}
{more}"#
    )
}

/// A gateway process with files of a test's own, and the two teams' keys in its environment.
pub(crate) struct Served {
    pub(crate) running: Running,
    pub(crate) gateway: SocketAddr,
    pub(crate) management: SocketAddr,
    pub(crate) folder: Folder,
}

impl Served {
    /// Starts `serve` on a folder of these files, `tollgate.yaml` among them, and waits until it is ready.
    pub(crate) fn start(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Served {
        let folder = Folder::new();
        for (name, text) in files {
            folder.write(name, text);
        }
        let mut all = vec![("TEAM_A_KEY", KEY_A), ("TEAM_B_KEY", KEY_B)];
        all.extend(environment);
        let mut running = Running::start(&["serve", folder.text()], &all);
        let gateway = address(&running.line("serving http://"));
        let management = address(&running.line("management http://"));
        running.line("ready");
        Served {
            running,
            gateway,
            management,
            folder,
        }
    }

    /// The page of metrics, once everything has settled.
    pub(crate) async fn metrics(&self) -> String {
        until("nothing in flight", async || {
            sum(
                &metrics(self.management).await,
                "tollgate_requests_in_flight",
                &[],
            ) == 0
        })
        .await;
        metrics(self.management).await
    }
}

/// The page of metrics as it is.
pub(crate) async fn metrics(management: SocketAddr) -> String {
    let answer = fetch(management, get("/metrics")).await.unwrap();
    assert_eq!(answer.status, 200);
    answer.text()
}

impl Scene {
    pub(crate) async fn start(setting: Setting<'_>) -> Scene {
        let simulator = Simulator::start(setting.providers).await.unwrap();
        let configured = config(simulator.url(), setting.gateway, setting.more);
        let files = [
            ("global.xml", FORWARD),
            ("api.xml", setting.policy),
            ("tollgate.yaml", &configured),
        ];
        let Served {
            running,
            gateway,
            management,
            folder,
        } = Served::start(&files, setting.environment);
        Scene {
            running,
            gateway,
            management,
            simulator,
            folder,
        }
    }

    /// One call on a connection of its own.
    pub(crate) async fn call(&self, key: &str, body: &Value) -> Fetched {
        fetch(self.gateway, chat(key, body)).await.unwrap()
    }

    /// What the providers answer to the same prompt without a gateway between.
    pub(crate) async fn told_directly(&self, prompt: &str) -> String {
        let request = with_header(post_json(CHAT, &ask(prompt)), "api-key", "a test's own");
        let answer = fetch(self.simulator.addr(), request).await.unwrap();
        content(&answer.json())
    }

    pub(crate) async fn metrics(&self) -> String {
        metrics(self.management).await
    }

    /// The sum of a metric over the series that have all these labels.
    pub(crate) async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        sum(&self.metrics().await, name, labels)
    }

    /// Waits until the gateway has settled everything and the providers have nothing open.
    pub(crate) async fn settled(&self) {
        until("nothing in flight", async || {
            self.simulator.usage().open == 0
                && self.metric("tollgate_requests_in_flight", &[]).await == 0
        })
        .await;
    }
}

/// The sum of a metric in an exposition.
pub(crate) fn sum(metrics: &str, name: &str, labels: &[(&str, &str)]) -> u64 {
    let lines = metrics.lines().filter(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels
                .iter()
                .all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
    });
    lines
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// Waits for what must come true.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "it never came to: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A prompt of one message.
pub(crate) fn ask(prompt: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": prompt }] })
}

/// The same, to be streamed.
pub(crate) fn ask_for_stream(prompt: &str) -> Value {
    let mut body = ask(prompt);
    body["stream"] = true.into();
    body
}

/// A chat call as the Azure OpenAI SDKs make it: the key under both names.
pub(crate) fn chat(key: &str, body: &Value) -> Request<Bytes> {
    let request = with_header(post_json(CHAT, body), "ocp-apim-subscription-key", key);
    with_header(request, "api-key", key)
}

/// The text of a whole answer.
pub(crate) fn content(answer: &Value) -> String {
    let text = answer["choices"][0]["message"]["content"].as_str();
    text.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// A connection of HTTP/2, for many calls at one time.
pub(crate) async fn http2(address: SocketAddr) -> http2::SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

/// How a caller connects.
#[derive(Clone)]
pub(crate) enum Way {
    /// A connection of its own.
    Http1(SocketAddr),
    /// A stream among others.
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Way {
    /// Sends a request and gives the answer once its head is there.
    pub(crate) async fn open(self, request: Request<Bytes>) -> Stream {
        let (response, client) = match self {
            Way::Http1(address) => {
                let mut client = Client::connect(address).await.unwrap();
                (client.open(request).await.unwrap(), Some(client))
            }
            Way::Http2(mut sender) => {
                let mut request = request.map(Full::new);
                let target = format!("http://gateway{}", request.uri());
                *request.uri_mut() = target.parse().unwrap();
                sender.ready().await.unwrap();
                (sender.send_request(request).await.unwrap(), None)
            }
        };
        Stream {
            response,
            text: Vec::new(),
            _client: client,
        }
    }
}

/// An answer that is read bit by bit. Dropping it is what a caller that hangs up looks like.
pub(crate) struct Stream {
    pub(crate) response: Response<Incoming>,
    text: Vec<u8>,
    _client: Option<Client>,
}

impl Stream {
    /// Reads until so many events with text are there; false when the answer ended before.
    pub(crate) async fn read(&mut self, events: usize) -> bool {
        while self.contents().len() < events {
            if !self.frame().await {
                return false;
            }
        }
        true
    }

    /// The next event's data, as JSON; `None` at the end. Comments are skipped.
    pub(crate) async fn event(&mut self) -> Option<Value> {
        loop {
            if let Some(at) = self.text.windows(2).position(|w| w == b"\n\n") {
                let event: Vec<u8> = self.text.drain(..at + 2).collect();
                let event = String::from_utf8(event).unwrap();
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                if let Some(data) = data {
                    return Some(serde_json::from_str(data).unwrap());
                }
            } else if !self.frame().await {
                return None;
            }
        }
    }

    /// Reads to the end.
    pub(crate) async fn rest(&mut self) -> String {
        while self.frame().await {}
        String::from_utf8(self.text.clone()).unwrap()
    }

    /// The pieces of text so far.
    pub(crate) fn contents(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.text);
        let whole = text.rfind("\n\n").map_or("", |at| &text[..at]);
        let events = whole
            .split("\n\n")
            .filter_map(|event| serde_json::from_str::<Value>(event.strip_prefix("data: ")?).ok());
        events
            .filter_map(|event| {
                let piece = event["choices"][0]["delta"]["content"].as_str()?;
                (!piece.is_empty()).then(|| piece.to_owned())
            })
            .collect()
    }

    async fn frame(&mut self) -> bool {
        let frame = tokio::time::timeout(PATIENCE, self.response.body_mut().frame())
            .await
            .expect("something arrives");
        match frame {
            None => false,
            Some(frame) => {
                let data = frame.expect("the answer does not break off").into_data();
                self.text.extend(data.unwrap_or_default());
                true
            }
        }
    }
}

/// Lets this process hold thousands of sockets.
pub(crate) fn many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
}
