//! The modern era, revision 2026-07-28: every request says all that it needs; nothing is kept between two.
//!
//! Called by `mcp`. What must stay true: headers say what the body says; a client that goes away cancels its call;
//! nothing but notifications goes before a result.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::sync::{broadcast, mpsc};
use tollgate_agents::Revision;
use tollgate_agents::jsonrpc::code;

use super::super::body::{SimulatorBody, full};
use super::super::model::whole_response;
use super::call::{Call, Done, LEVELS, Side, Stop};
use super::refusal::Refusal;
use super::stream::{Gone, Writer, pipe};
use super::{Change, Http, McpAnswers, VERSION, methods};

/// Prefix of the protocol's own keys in `_meta`.
const KEY: &str = "io.modelcontextprotocol/";
/// Messages that wait for a slow reader before a call waits with them.
const BUFFERED: usize = 64;
/// How long clients may keep lists, in milliseconds.
const TTL_MILLIS: u64 = 1_000;

/// Methods whose results say how long they may be kept.
const CACHEABLE: [&str; 6] = [
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
];

/// Answers a POST.
pub(super) async fn post(
    http: &Http<'_>,
    message: &Value,
) -> Result<Response<SimulatorBody>, Refusal> {
    let Some(method) = message["method"].as_str() else {
        return Err(Refusal::new(
            code::INVALID_REQUEST,
            "A client sends no responses in this revision",
        ));
    };
    let params = &message["params"];
    let id = &message["id"];
    if id.is_null() {
        let mut response = Response::new(full(Bytes::new()));
        *response.status_mut() = StatusCode::ACCEPTED;
        return Ok(response);
    }
    let capabilities = declared(http, params)?;
    mirrored(http, method, params)?;
    match method {
        "server/discover" => {
            let result = json!({
                "supportedVersions": [Revision::LATEST.as_str()],
                "capabilities": methods::capabilities(false),
                "instructions": "A simulated server. Everything it says is made up."
            });
            let answer = Finish::of(http, method, params, id).answer(Ok(result));
            return answer.map(|answer| whole_response(Bytes::from(answer.to_string())));
        }
        "subscriptions/listen" => return Ok(listen(http, id, &params["notifications"])),
        "tools/list"
        | "tools/call"
        | "resources/list"
        | "resources/templates/list"
        | "resources/read"
        | "prompts/list"
        | "prompts/get"
        | "completion/complete" => {}
        other => return Err(Refusal::method(other)),
    }
    let state = match params["requestState"].as_str() {
        None => None,
        Some(sealed) => {
            let opened = http
                .state
                .mcp
                .seal
                .open(sealed, method, methods::name(method, params));
            Some(opened.ok_or_else(|| Refusal::params("Invalid or expired requestState"))?)
        }
    };
    let level = params["_meta"][format!("{KEY}logLevel")].as_str();
    let level = match level {
        None => None,
        Some(level) => {
            let at = LEVELS.iter().position(|known| *known == level);
            Some(at.ok_or_else(|| Refusal::params("Invalid log level"))?)
        }
    };
    let (sender, messages) = mpsc::channel(BUFFERED);
    let call = Call {
        state: Arc::clone(http.state),
        settings: http.settings,
        params: params.clone(),
        side: Side::Modern {
            capabilities,
            level,
            state,
            messages: (http.settings.answers == McpAnswers::Stream).then_some(sender),
        },
    };
    run(http, call, method, id, messages).await
}

/// The client's capabilities, of a request that says what it must.
fn declared(http: &Http<'_>, params: &Value) -> Result<Value, Refusal> {
    let meta = &params["_meta"];
    let missing =
        |what: &str| Refusal::params(&format!("Missing required _meta field: {KEY}{what}"));
    let version = meta[format!("{KEY}protocolVersion")]
        .as_str()
        .ok_or_else(|| missing("protocolVersion"))?;
    let capabilities = &meta[format!("{KEY}clientCapabilities")];
    if !capabilities.is_object() {
        return Err(missing("clientCapabilities"));
    }
    if http.header(&VERSION) != Some(version) {
        return Err(mismatch("MCP-Protocol-Version"));
    }
    if version != Revision::LATEST.as_str() {
        let supported = [Revision::LATEST.as_str()];
        return Err(Refusal::new(
            code::UNSUPPORTED_VERSION,
            &format!("Unsupported protocol version: {version}"),
        )
        .data(json!({ "supported": supported, "requested": version })));
    }
    Ok(capabilities.clone())
}

fn mismatch(header: &str) -> Refusal {
    Refusal::new(
        code::HEADER_MISMATCH,
        &format!("Header mismatch: {header} does not match the request body"),
    )
}

/// Compares the headers that mirror the body.
fn mirrored(http: &Http<'_>, method: &str, params: &Value) -> Result<(), Refusal> {
    if http.header(&HeaderName::from_static("mcp-method")) != Some(method) {
        return Err(mismatch("Mcp-Method"));
    }
    let named = matches!(method, "tools/call" | "prompts/get" | "resources/read");
    let name = methods::name(method, params);
    if named {
        let header = http.header(&HeaderName::from_static("mcp-name"));
        if header.and_then(decoded).as_deref() != Some(name) {
            return Err(mismatch("Mcp-Name"));
        }
    }
    if method != "tools/call" {
        return Ok(());
    }
    let tools = methods::tools(http.settings.catalog);
    let tool = tools.iter().find(|tool| tool["name"] == name);
    let properties = tool.and_then(|tool| tool["inputSchema"]["properties"].as_object());
    for (argument, schema) in properties.into_iter().flatten() {
        let Some(header) = schema["x-mcp-header"].as_str() else {
            continue;
        };
        let name = format!("mcp-param-{}", header.to_ascii_lowercase());
        let sent = http.head.headers.get(&name);
        let sent = sent.map(|value| value.to_str().ok().and_then(|text| decoded(text.trim())));
        let agrees = match (&params["arguments"][argument], sent) {
            (Value::Null, None) => true,
            (Value::String(text), Some(Some(sent))) => *text == sent,
            (Value::Bool(flag), Some(Some(sent))) => flag.to_string() == sent,
            (Value::Number(number), Some(Some(sent))) => number
                .as_i64()
                .is_some_and(|number| sent.parse() == Ok(number)),
            _ => false,
        };
        if !agrees {
            return Err(mismatch(&format!("Mcp-Param-{header}")));
        }
    }
    Ok(())
}

/// The value of a mirroring header: plain, or Base64 in a sentinel.
fn decoded(value: &str) -> Option<String> {
    let inner = value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="));
    match inner {
        None => Some(value.to_owned()),
        Some(base64) => String::from_utf8(STANDARD.decode(base64).ok()?).ok(),
    }
}

/// Runs a call. What it says before anything else decides the answer: an error has a status, and no stream.
async fn run(
    http: &Http<'_>,
    call: Call,
    method: &str,
    id: &Value,
    mut messages: mpsc::Receiver<Value>,
) -> Result<Response<SimulatorBody>, Refusal> {
    let owned = method.to_owned();
    let finish = Finish::of(http, method, &call.params, id);
    let mut running = Box::pin(async move { methods::run(&call, &owned, Revision::LATEST).await });
    let first = tokio::select! {
        biased;
        message = messages.recv(), if http.settings.answers == McpAnswers::Stream => message,
        done = running.as_mut() => {
            let answer = finish.answer(done)?;
            return Ok(match http.settings.answers {
                McpAnswers::Json => whole_response(Bytes::from(answer.to_string())),
                McpAnswers::Stream => {
                    let (mut writer, response) = pipe(http.cut.clone());
                    http.state.mcp.spawn(async move {
                        let _ = writer.message(&answer).await;
                    });
                    response
                }
            });
        }
    };
    let (mut writer, response) = pipe(http.cut.clone());
    http.state.mcp.spawn(async move {
        // An early end means that the client has gone, and with it the call.
        let _ = async {
            if let Some(first) = first {
                writer.message(&first).await?;
            }
            let done = loop {
                tokio::select! {
                    biased;
                    Some(message) = messages.recv() => writer.message(&message).await?,
                    done = running.as_mut() => break done,
                    () = writer.closed() => return Err(Gone),
                }
            };
            while let Ok(message) = messages.try_recv() {
                writer.message(&message).await?;
            }
            let answer = finish
                .answer(done)
                .unwrap_or_else(|refusal| refusal.message(&finish.id));
            writer.message(&answer).await
        }
        .await;
    });
    Ok(response)
}

/// What is needed to make the answer when the request has gone.
struct Finish {
    state: Arc<super::State>,
    catalog: super::Catalog,
    method: String,
    name: String,
    id: Value,
}

impl Finish {
    fn of(http: &Http<'_>, method: &str, params: &Value, id: &Value) -> Self {
        Self {
            state: Arc::clone(http.state),
            catalog: http.settings.catalog,
            method: method.to_owned(),
            name: methods::name(method, params).to_owned(),
            id: id.clone(),
        }
    }

    fn answer(&self, done: Done) -> Result<Value, Refusal> {
        let mut result = match done {
            Ok(mut result) => {
                result["resultType"] = json!("complete");
                if CACHEABLE.contains(&self.method.as_str()) {
                    result["ttlMs"] = json!(TTL_MILLIS);
                    result["cacheScope"] = json!("public");
                }
                result
            }
            Err(Stop::Asks(asked)) => {
                let mut result =
                    json!({ "resultType": "input_required", "inputRequests": asked.requests });
                if let Some(state) = asked.state {
                    let sealed = self.state.mcp.seal.seal(&state, &self.method, &self.name);
                    result["requestState"] = json!(sealed);
                }
                result
            }
            Err(Stop::Refused(refusal)) => return Err(refusal),
            Err(Stop::Failed(why)) => return Err(Refusal::new(code::INTERNAL_ERROR, &why)),
        };
        let key = format!("{KEY}serverInfo");
        result["_meta"][key] = methods::server_info(self.catalog);
        Ok(json!({ "jsonrpc": "2.0", "id": self.id, "result": result }))
    }
}

/// A stream of the changes that a client wants to know of.
fn listen(http: &Http<'_>, id: &Value, wanted: &Value) -> Response<SimulatorBody> {
    let flag = |name: &str| wanted[name].as_bool() == Some(true);
    let uris = wanted["resourceSubscriptions"].as_array();
    let uris: Vec<String> = uris
        .into_iter()
        .flatten()
        .filter_map(|uri| uri.as_str().map(str::to_owned))
        .collect();
    let mut honoured = Map::new();
    for name in [
        "toolsListChanged",
        "promptsListChanged",
        "resourcesListChanged",
    ] {
        if flag(name) {
            honoured.insert(name.to_owned(), json!(true));
        }
    }
    if !uris.is_empty() {
        honoured.insert(String::from("resourceSubscriptions"), json!(uris));
    }
    let honoured = Value::Object(honoured);
    let mut changes = http.state.mcp.changes.subscribe();
    let (mut writer, response) = pipe(http.cut.clone());
    let id = id.clone();
    http.state.mcp.spawn(async move {
        let acknowledged = json!({
            "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
            "params": { "notifications": honoured }
        });
        // An early end means that the client has gone.
        let _ = follow(&mut writer, &mut changes, &id, acknowledged, &honoured).await;
    });
    response
}

async fn follow(
    writer: &mut Writer,
    changes: &mut broadcast::Receiver<Change>,
    id: &Value,
    acknowledged: Value,
    honoured: &Value,
) -> Result<(), Gone> {
    let tagged = |mut message: Value| {
        message["params"]["_meta"][format!("{KEY}subscriptionId")] = id.clone();
        message
    };
    writer.message(&tagged(acknowledged)).await?;
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = writer.closed() => return Err(Gone),
            () = tokio::time::sleep(super::stream::KEEP_ALIVE) => {
                writer.send(String::from(":\n\n")).await?;
                continue;
            }
        };
        let change = match change {
            Ok(change) => change,
            // Too slow: what was missed is lost, as a client must expect.
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return Ok(()),
        };
        let wanted = match &change {
            Change::Tools => honoured.get("toolsListChanged").is_some(),
            Change::Prompts => honoured.get("promptsListChanged").is_some(),
            Change::Resources => honoured.get("resourcesListChanged").is_some(),
            Change::Resource(uri) => honoured["resourceSubscriptions"]
                .as_array()
                .is_some_and(|uris| uris.iter().any(|known| known == uri)),
        };
        if wanted {
            writer.message(&tagged(change.message())).await?;
        }
    }
}
