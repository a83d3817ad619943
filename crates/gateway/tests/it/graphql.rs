//! GraphQL APIs through a whole gateway: subscriptions over real sockets, and the npm packages that people use as clients.

use crate::mcp_clients::asset;
use crate::node::Node;
use crate::scene::{FORWARD, Served, metrics, sum};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tollgate_testkit::client::{fetch, post_json};
use tollgate_testkit::upstream::{
    ReceivedRequest, Script, ScriptedUpstream, WebSocketClient, WebSocketEcho, WebSocketMessage,
};

const SCHEMA: &str = "
type Query { order(id: ID!): Order  hello: String }
type Mutation { place(article: String!): Order  announce(text: String!): String }
type Subscription { placed: Order!  announced: String }
type Order { id: ID!  article: String  customer: Customer }
type Customer { name: String }
";

/// The document of a resolver that asks `{{data}}` and publishes to a subscription, if one is named.
fn resolver(request: &str, publishes: &str) -> String {
    let response = match publishes {
        "" => String::new(),
        field => format!(
            r#"<http-response><publish-event><targets><graphql-subscription id="{field}" /></targets></publish-event></http-response>"#
        ),
    };
    format!("<http-data-source><http-request>{request}</http-request>{response}</http-data-source>")
}

/// A gateway with the synthetic API `/shop` over a server of REST's.
struct Shop {
    served: Served,
    _data: ScriptedUpstream,
}

fn config(data: &str, limits: &str) -> String {
    format!(
        r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 2
{limits}namedValues:
  - {{ id: data, value: "{data}" }}
subscriptions:
  - {{ id: team-a, scope: /apis/shop, primaryKey: {{ env: TEAM_A_KEY }} }}
apis:
  - id: shop
    type: graphql
    path: shop
    specification: shop.graphql
    policy: api.xml
    resolvers:
      - {{ path: Mutation/place, policy: place.xml }}
      - {{ path: Mutation/announce, policy: announce.xml }}
      - {{ path: Query/order, policy: order.xml }}
      - {{ path: Query/hello, policy: hello.xml }}
      - {{ path: Order/customer, policy: customer.xml }}
  - id: through
    type: graphql
    path: through
    serviceUrl: "{data}"
    subscriptionRequired: false
    specification: shop.graphql
    policy: api.xml
"#
    )
}

/// The server behind the API.
async fn data() -> ScriptedUpstream {
    ScriptedUpstream::start(|request: &ReceivedRequest| {
        let path = request.path.as_str();
        Script::json(
            200,
            &match path {
                "/orders" => json!({ "id": 7, "article": request.json()["arguments"]["article"] }),
                "/announcements" => request.json()["arguments"]["text"].clone(),
                "/hello" => json!("hello"),
                path if path.starts_with("/customers") => {
                    json!({ "name": format!("Ada of {path}") })
                }
                path => json!({ "id": path.trim_start_matches("/orders/"), "article": "pen" }),
            },
        )
    })
    .await
    .unwrap()
}

impl Shop {
    async fn start(limits: &str) -> Shop {
        let data = data().await;
        let url = data.url();
        Shop {
            served: Self::serve(&url, limits),
            _data: data,
        }
    }

    fn serve(url: &str, limits: &str) -> Served {
        let post = |path: &str, field: &str| {
            let request =
                format!("<set-method>POST</set-method><set-url>{{{{data}}}}/{path}</set-url>");
            resolver(&request, field)
        };
        let place = post("orders", "placed");
        let announce = post("announcements", "announced");
        let order = resolver(
            r#"<set-url>@("{{data}}/orders/" + context.GraphQL.Arguments["id"])</set-url>"#,
            "",
        );
        let hello = resolver("<set-url>{{data}}/hello</set-url>", "");
        let customer = resolver(
            r#"<set-url>@("{{data}}/customers/" + context.GraphQL.Parent["id"])</set-url>"#,
            "",
        );
        let configured = config(url, limits);
        Served::start(
            &[
                ("shop.graphql", SCHEMA),
                ("api.xml", FORWARD),
                ("place.xml", &place),
                ("announce.xml", &announce),
                ("order.xml", &order),
                ("hello.xml", &hello),
                ("customer.xml", &customer),
                ("tollgate.yaml", &configured),
            ],
            &[],
        )
    }

    fn gateway(&self) -> SocketAddr {
        self.served.gateway
    }

    async fn post(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        let path = "/shop?subscription-key=canary-key-of-team-a";
        fetch(self.gateway(), post_json(path, &body))
            .await
            .unwrap()
            .json()
    }

    async fn number(&self, name: &str) -> u64 {
        sum(&metrics(self.served.management).await, name, &[])
    }
}

/// A client's socket.
struct Socket(WebSocketClient);

const PROTOCOL: [(&str, &str); 1] = [("sec-websocket-protocol", "graphql-transport-ws")];

impl Socket {
    /// Opens one and gets its acknowledgement.
    async fn open(gateway: SocketAddr) -> Socket {
        let path = "/shop?subscription-key=canary-key-of-team-a";
        let client = WebSocketClient::connect(gateway, path, &PROTOCOL)
            .await
            .unwrap();
        let mut socket = Socket(client);
        socket.send(json!({ "type": "connection_init" })).await;
        assert_eq!(socket.next().await, json!({ "type": "connection_ack" }));
        socket
    }

    async fn send(&mut self, message: Value) {
        self.0.send_text(&message.to_string()).await.unwrap();
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        let payload = json!({ "query": query });
        self.send(json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await;
        // What is behind it has been taken when this is answered.
        self.send(json!({ "type": "ping" })).await;
        assert_eq!(self.next().await, json!({ "type": "pong" }));
    }

    async fn next(&mut self) -> Value {
        match self.0.receive().await.unwrap() {
            WebSocketMessage::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn closed(&mut self) -> u16 {
        match self.0.receive().await.unwrap() {
            WebSocketMessage::Close(code) => code.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn subscribers_of_all_threads_get_what_a_mutation_gave() {
    let shop = Shop::start("").await;
    let mut sockets = Vec::new();
    for _ in 0..8 {
        let mut socket = Socket::open(shop.gateway()).await;
        socket
            .subscribe("1", "subscription { placed { article customer { name } } }")
            .await;
        sockets.push(socket);
    }
    assert_eq!(shop.number("tollgate_graphql_sockets").await, 8);
    assert_eq!(shop.number("tollgate_graphql_subscriptions").await, 8);
    let placed = shop
        .post("mutation { place(article: \"pen\") { id } }", json!({}))
        .await;
    assert_eq!(placed, json!({ "data": { "place": { "id": "7" } } }));
    for socket in &mut sockets {
        let data = json!({ "placed": { "article": "pen", "customer": { "name": "Ada of /customers/7" } } });
        let next = json!({ "id": "1", "type": "next", "payload": { "data": data } });
        assert_eq!(socket.next().await, next);
    }
    assert_eq!(shop.number("tollgate_graphql_events_total").await, 1);
    let mut first = sockets.remove(0);
    first.0.close(1000).await.unwrap();
    assert_eq!(first.closed().await, 1000);
    drop(sockets);
    let page = shop.served.metrics().await;
    assert_eq!(sum(&page, "tollgate_graphql_subscriptions", &[]), 0);
    assert_eq!(sum(&page, "tollgate_graphql_sockets", &[]), 0);
}

#[tokio::test]
async fn a_handshake_needs_the_key_and_the_sub_protocol() {
    let shop = Shop::start("").await;
    let refused = async |path: &str, headers: &[(&str, &str)]| {
        let socket = WebSocketClient::connect(shop.gateway(), path, headers).await;
        socket.err().unwrap().to_string()
    };
    assert!(refused("/shop", &PROTOCOL).await.contains("401"));
    let key = ("ocp-apim-subscription-key", "canary-key-of-team-a");
    assert!(refused("/shop", &[key]).await.contains("400"));
    let other = ("sec-websocket-protocol", "graphql-ws");
    assert!(refused("/shop", &[key, other]).await.contains("400"));
    let all = [key, PROTOCOL[0]];
    let socket = WebSocketClient::connect(shop.gateway(), "/shop", &all)
        .await
        .unwrap();
    let chosen = (
        "sec-websocket-protocol".to_owned(),
        "graphql-transport-ws".to_owned(),
    );
    assert!(socket.headers.contains(&chosen), "{:?}", socket.headers);
}

#[tokio::test]
async fn a_socket_ends_with_the_reason() {
    let shop = Shop::start("  timeouts: { requestHeader: 2s }\n").await;
    let path = "/shop?subscription-key=canary-key-of-team-a";
    let mut silent = WebSocketClient::connect(shop.gateway(), path, &PROTOCOL)
        .await
        .unwrap();
    assert_eq!(
        silent.receive().await.unwrap(),
        WebSocketMessage::Close(Some(4408))
    );
    let mut socket = Socket::open(shop.gateway()).await;
    socket.0.ping(b"there?").await.unwrap();
    assert_eq!(
        socket.0.receive().await.unwrap(),
        WebSocketMessage::Pong(b"there?".to_vec())
    );
    socket.0.send_binary(b"{}").await.unwrap();
    assert_eq!(socket.closed().await, 1003);
    let mut socket = Socket::open(shop.gateway()).await;
    let long = json!({ "type": "ping", "payload": { "x": "x".repeat(1 << 20) } });
    socket.send(long).await;
    assert_eq!(socket.closed().await, 1009);
    let mut socket = Socket::open(shop.gateway()).await;
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.closed().await, 4429);
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_ends() {
    let shop = Shop::start("  timeouts: { bodyIdle: 4s }\n").await;
    let mut socket = Socket::open(shop.gateway()).await;
    socket
        .subscribe("1", "subscription { placed { id } }")
        .await;
    // The client of these tests takes a ping for a fault, and answers none.
    let pinged = socket.0.receive().await.unwrap_err();
    assert!(pinged.to_string().contains("opcode"), "{pinged}");
    let ended = socket.0.receive().await.unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_slow_subscriber_is_ended_and_the_others_are_not() {
    let shop = Shop::start("").await;
    let mut slow = Socket::open(shop.gateway()).await;
    slow.subscribe("slow", "subscription { announced }").await;
    let mut quick = Socket::open(shop.gateway()).await;
    quick.subscribe("quick", "subscription { announced }").await;
    let mutation = "mutation M($text: String!) { announce(text: $text) }";
    let mut sent = 0;
    while shop.number("tollgate_graphql_slow_subscribers_total").await == 0 {
        assert!(sent < 1000, "nobody was too slow");
        let text = format!("{sent} {}", "x".repeat(400_000));
        shop.post(mutation, json!({ "text": text })).await;
        let next = quick.next().await;
        assert_eq!(next["payload"]["data"]["announced"], text);
        sent += 1;
    }
    for number in 0.. {
        let message = slow.next().await;
        if message["type"] == "error" {
            let why = message["payload"][0]["message"].as_str().unwrap();
            assert!(why.contains("too slow"), "{why}");
            assert!(number >= 64 && number < sent, "{number} of {sent}");
            break;
        }
        let text = message["payload"]["data"]["announced"].as_str().unwrap();
        assert!(text.starts_with(&format!("{number} ")), "{number}");
    }
    // The socket goes on.
    slow.subscribe("slow", "subscription { announced }").await;
    shop.post(mutation, json!({ "text": "again" })).await;
    assert_eq!(slow.next().await["payload"]["data"]["announced"], "again");
}

#[tokio::test]
async fn a_reload_and_a_drain_close_sockets_and_say_so() {
    let mut shop = Shop::start("").await;
    let mut socket = Socket::open(shop.gateway()).await;
    socket
        .subscribe("1", "subscription { placed { id } }")
        .await;
    shop.served.running.signal("HUP");
    assert_eq!(socket.closed().await, 1012);
    let mut socket = Socket::open(shop.gateway()).await;
    socket
        .subscribe("1", "subscription { placed { id } }")
        .await;
    shop.served.running.signal("TERM");
    assert_eq!(socket.closed().await, 1001);
    drop(socket);
    assert_eq!(shop.served.running.end(), Some(0));
}

#[tokio::test]
async fn without_resolvers_a_websocket_goes_to_the_backend() {
    let echo = WebSocketEcho::start().await.unwrap();
    let served = Shop::serve(&echo.url(), "");
    let offered = [("sec-websocket-protocol", "graphql-transport-ws, graphql-ws")];
    let mut socket = WebSocketClient::connect(served.gateway, "/through", &offered)
        .await
        .unwrap();
    let chosen = (
        "sec-websocket-protocol".to_owned(),
        "graphql-transport-ws".to_owned(),
    );
    assert!(socket.headers.contains(&chosen), "{:?}", socket.headers);
    let seen = &echo.requests()[0];
    assert_eq!(seen.header("sec-websocket-protocol"), Some(offered[0].1));
    socket
        .send_text(r#"{"type":"connection_init"}"#)
        .await
        .unwrap();
    let same = WebSocketMessage::Text(String::from(r#"{"type":"connection_init"}"#));
    assert_eq!(socket.receive().await.unwrap(), same);
}

/// Runs a script of `tests/node` before the gateway.
async fn client(script: &str, wanted_by: &str) {
    let Some(node) = Node::find(wanted_by) else {
        return;
    };
    let shop = Shop::start("").await;
    let mut command = node.script(&asset(&format!("node/{script}")));
    command
        .env("GATEWAY", shop.gateway().to_string())
        .env("SUBSCRIPTION_KEY", "canary-key-of-team-a");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && out.trim_end().ends_with("ok"),
        "{out}\n{err}"
    );
}

#[tokio::test]
async fn graphql_ws() {
    client("graphql_ws.cjs", "subscriptions by graphql-ws").await;
}

#[tokio::test]
async fn graphql_request() {
    client(
        "graphql_request.cjs",
        "queries and mutations by graphql-request",
    )
    .await;
}
