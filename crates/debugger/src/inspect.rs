//! What a held exchange answers: its stack, its scopes, its values, any policy expression.
//!
//! Runs on the exchange's own thread, where its values live. What must stay true: an evaluation leaves the bodies, and the
//! random numbers to come, as they were; every text is masked; references are good until the exchange goes on.

use crate::hold::{Frame, Hold};
use crate::protocol::Request;
use crate::session::REFERENCES;
use serde_json::{Value as Json, json};
use tollgate_engine::body::coding::Coding;
use tollgate_engine::exchange::{BodyState, Exchange};
use tollgate_engine::probe::show;
use tollgate_engine::step::Needs;
use tollgate_lang::expr::outcome::compiled;
use tollgate_lang::expr::{Expr, Target};
use tollgate_lang::value::Value;

/// Most children of one value, and most references of one stop.
const MOST: usize = 1000;
const MOST_REFERENCES: i64 = REFERENCES - 1;

/// Most bytes of a value's text.
const LONGEST: usize = 16 << 10;

/// What a reference stands for.
enum Held {
    Variables,
    Context,
    Request,
    Response,
    LastError,
    Headers(Vec<(String, String)>),
    Value(String, Value),
    Json(String, Json),
}

/// One stop.
pub(crate) struct Inspection {
    thread: i64,
    frames: Vec<Frame>,
    why: Json,
    held: Vec<Held>,
}

/// A child of a scope or a value.
struct Child {
    name: String,
    value: String,
    of: String,
    inside: Option<Held>,
}

fn child(name: &str, of: &str, value: impl Into<String>) -> Child {
    Child {
        name: name.to_owned(),
        value: value.into(),
        of: of.to_owned(),
        inside: None,
    }
}

/// The text of an expression, with or without its `@( )`.
fn compile(text: &str, target: Target) -> Result<Expr, String> {
    let text = text.trim();
    let whole = if text.starts_with("@(") || text.starts_with("@{") {
        text.to_owned()
    } else {
        format!("@({text})")
    };
    compiled(&whole, target).map_err(|faults| {
        let first = faults.lines().next().unwrap_or_default();
        first
            .trim_start_matches("error")
            .trim_start_matches(['[', ':', ' '])
            .to_owned()
    })
}

/// Evaluates in the exchange as it is; what it would consume is put back.
fn run(rq: &mut Exchange, expr: &Expr) -> Result<Value, String> {
    let keep = |body: &BodyState| match body {
        BodyState::Buffered(bytes) => Some(bytes.clone()),
        _ => None,
    };
    let request = keep(&rq.request.body);
    let response = rq.response.as_ref().and_then(|r| keep(&r.body));
    let random = rq.random;
    let result = expr.eval(rq);
    rq.random = random;
    if let Some(bytes) = request {
        rq.request.body = BodyState::Buffered(bytes);
    }
    if let (Some(bytes), Some(to)) = (response, rq.response.as_mut()) {
        to.body = BodyState::Buffered(bytes);
    }
    result.map_err(|error| format!("{}: {}", error.exception, error.message))
}

/// Evaluates at once: what it reads of bodies must be in memory.
pub(crate) fn evaluate(rq: &mut Exchange, text: &str, target: Target) -> Result<Value, String> {
    let expr = compile(text, target)?;
    run(rq, &expr)
}

/// A log point's text: `{expression}` stands for its value.
pub(crate) fn interpolate(rq: &mut Exchange, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        let inner = &rest[at + 1..];
        let mut depth = 1usize;
        let end = inner.char_indices().find(|(_, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let Some((end, _)) = end else {
            out.push_str(&rest[at..]);
            return out;
        };
        match evaluate(rq, &inner[..end], Target::Any) {
            Ok(value) => out.push_str(&show::text(&value)),
            Err(why) => out.push_str(&format!("<{why}>")),
        }
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    out
}

/// Reads the bodies into memory that an expression reads, where their length is known. A stream of unknown length may
/// never end.
async fn buffer(rq: &mut Exchange, expr: &Expr) -> Result<(), String> {
    let reads = expr.reads();
    let streams = |body: Option<&BodyState>| match body {
        Some(BodyState::Streaming(body)) => Some(http_body_exact(body)),
        _ => None,
    };
    let request = streams(Some(&rq.request.body)).filter(|_| reads.request_body);
    let response = streams(rq.response.as_ref().map(|r| &r.body)).filter(|_| reads.response_body);
    if [request, response].contains(&Some(None)) {
        return Err(String::from(
            "the body is still on its way, and its length is not known",
        ));
    }
    let needs = Needs {
        request_body: request.is_some(),
        response_body: response.is_some(),
    };
    if needs.none() {
        return Ok(());
    }
    rq.buffer(needs, "debug")
        .await
        .map_err(|failure| failure.message)
}

fn http_body_exact(body: &tollgate_engine::Body) -> Option<u64> {
    http_body::Body::size_hint(body).exact()
}

impl Inspection {
    pub(crate) fn new(thread: i64, frames: Vec<Frame>, why: Json) -> Inspection {
        Inspection {
            thread,
            frames,
            why,
            held: Vec::new(),
        }
    }

    fn reference(&mut self, held: Held) -> i64 {
        let at = i64::try_from(self.held.len()).unwrap_or(MOST_REFERENCES) + 1;
        if at > MOST_REFERENCES {
            return 0;
        }
        self.held.push(held);
        self.thread * REFERENCES + at
    }

    /// Answers a request that `session` sent here.
    pub(crate) async fn answer(
        &mut self,
        hold: &Hold,
        rq: &mut Exchange,
        request: &Request,
    ) -> Result<Json, String> {
        let arguments = &request.arguments;
        match request.command.as_str() {
            "stackTrace" => Ok(self.stack(rq, arguments)),
            "scopes" => Ok(self.scopes(rq)),
            "variables" => self.variables(hold, rq, arguments),
            "evaluate" => {
                let text = arguments["expression"].as_str().unwrap_or_default();
                let expr = compile(text, Target::Any)?;
                buffer(rq, &expr).await?;
                let value = run(rq, &expr)?;
                Ok(self.evaluated(hold, text, value))
            }
            "exceptionInfo" => Ok(json!({
                "exceptionId": self.why["exceptionId"],
                "description": self.why["text"],
                "breakMode": "always",
            })),
            other => Err(format!("`{other}` is not answered here")),
        }
    }

    fn stack(&self, rq: &Exchange, arguments: &Json) -> Json {
        let texts = &rq.snapshot.texts;
        let shown = self.frames.iter().filter(|f| !f.hidden);
        let all: Vec<Json> = shown
            .enumerate()
            .map(|(at, frame)| {
                let id = self.thread * REFERENCES + i64::try_from(at).unwrap_or(0) + 1;
                let mut out = json!({ "id": id, "name": frame.name, "line": 0, "column": 0 });
                if let Some(position) = frame.place.and_then(|place| texts.position(place)) {
                    let path = crate::breakpoints::canonical(std::path::Path::new(&*position.file));
                    out["line"] = json!(position.line);
                    out["column"] = json!(position.column);
                    out["source"] = json!({
                        "name": path.file_name().map(|n| n.to_string_lossy()),
                        "path": path.to_string_lossy(),
                    });
                }
                out
            })
            .collect();
        let number =
            |name: &str| usize::try_from(arguments[name].as_u64().unwrap_or(0)).unwrap_or(0);
        let (from, levels) = (number("startFrame"), number("levels"));
        let levels = if levels == 0 { usize::MAX } else { levels };
        let total = all.len();
        let frames: Vec<Json> = all.into_iter().skip(from).take(levels).collect();
        json!({ "stackFrames": frames, "totalFrames": total })
    }

    fn scopes(&mut self, rq: &Exchange) -> Json {
        let mut scopes = Vec::new();
        let mut scope = |name: &str, held: Held, costly: bool| {
            let reference = self.reference(held);
            scopes.push(json!({
                "name": name,
                "variablesReference": reference,
                "expensive": costly,
            }));
        };
        scope("context.Variables", Held::Variables, false);
        scope("context.Request", Held::Request, false);
        scope("context.Response", Held::Response, false);
        if rq.last_error.is_some() {
            scope("context.LastError", Held::LastError, false);
        }
        scope("context", Held::Context, true);
        json!({ "scopes": scopes })
    }

    fn variables(&mut self, hold: &Hold, rq: &Exchange, arguments: &Json) -> Result<Json, String> {
        let reference = arguments["variablesReference"].as_i64().unwrap_or(0);
        let at = usize::try_from(reference % REFERENCES).unwrap_or(0);
        let held = at.checked_sub(1).and_then(|at| self.held.get(at));
        let held = held.ok_or("this value was of another stop")?;
        let children = children(held, rq);
        let number =
            |name: &str| usize::try_from(arguments[name].as_u64().unwrap_or(0)).unwrap_or(0);
        let (from, count) = (number("start"), number("count"));
        let count = if count == 0 { MOST } else { count.min(MOST) };
        let children: Vec<Json> = children
            .into_iter()
            .skip(from)
            .take(count)
            .map(|child| self.told(hold, child))
            .collect();
        Ok(json!({ "variables": children }))
    }

    fn told(&mut self, hold: &Hold, child: Child) -> Json {
        let mut value = hold.masked_named(&child.name, &child.value);
        if value.len() > LONGEST {
            value.truncate(value.floor_char_boundary(LONGEST));
            value.push_str("...");
        }
        let reference = child.inside.map_or(0, |held| self.reference(held));
        json!({
            "name": child.name,
            "value": value,
            "type": child.of,
            "variablesReference": reference,
        })
    }

    fn evaluated(&mut self, hold: &Hold, text: &str, value: Value) -> Json {
        // What was asked for by a secret name is hidden as such a variable is.
        let name = text
            .rsplit(['.', '"', '[', '('])
            .find(|w| w.chars().any(char::is_alphanumeric));
        let child = of_value(
            name.unwrap_or_default().trim_end_matches([')', ']', '"']),
            value,
        );
        let told = self.told(hold, child);
        json!({
            "result": told["value"],
            "type": told["type"],
            "variablesReference": told["variablesReference"],
        })
    }
}

/// A value with its parts, when it has some.
fn of_value(name: &str, value: Value) -> Child {
    let mut out = child(name, &show::type_name(&value), show::text(&value));
    if let Value::Str(text) = &value {
        out.value = show::quoted(text);
    }
    out.inside = match &value {
        Value::Token(_) => serde_json::from_str(&value.to_text())
            .ok()
            .filter(|json: &Json| json.is_object() || json.is_array())
            .map(|json| Held::Json(name.to_owned(), json)),
        Value::List(_) | Value::Dict(_) | Value::Response(_) => {
            Some(Held::Value(name.to_owned(), value))
        }
        Value::Object(object) if object.items().is_some() => {
            Some(Held::Value(name.to_owned(), value))
        }
        _ => None,
    };
    out
}

fn of_json(name: &str, json: &Json) -> Child {
    let of = match json {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    let mut out = child(name, of, json.to_string());
    if json.is_object() || json.is_array() {
        out.inside = Some(Held::Json(name.to_owned(), json.clone()));
    }
    out
}

fn headers(headers: &http::HeaderMap) -> Child {
    let pairs: Vec<(String, String)> = headers
        .iter()
        .map(|(n, v)| {
            (
                n.to_string(),
                String::from_utf8_lossy(v.as_bytes()).into_owned(),
            )
        })
        .collect();
    let mut out = child("Headers", "", format!("{} headers", pairs.len()));
    out.inside = Some(Held::Headers(pairs));
    out
}

fn of_text(name: &str, text: &str) -> Child {
    match serde_json::from_str::<Json>(text) {
        Ok(json) if json.is_object() || json.is_array() => of_json(name, &json),
        _ => child(name, "string", text),
    }
}

fn body(state: Option<&BodyState>, headers: &http::HeaderMap) -> Child {
    match state {
        Some(BodyState::Buffered(bytes)) => {
            let plain = Coding::of(headers).undo(bytes, 1 << 20);
            let text = plain.as_ref().map(|b| String::from_utf8_lossy(b));
            match text {
                Some(text) => of_text("Body", &text),
                None => child("Body", "", format!("{} bytes", bytes.len())),
            }
        }
        Some(BodyState::Streaming(_)) => child(
            "Body",
            "",
            "on its way: evaluate an expression that reads it",
        ),
        Some(BodyState::Consumed) => child("Body", "", "consumed"),
        Some(BodyState::None) | None => child("Body", "", "null"),
    }
}

fn children(held: &Held, rq: &Exchange) -> Vec<Child> {
    match held {
        Held::Variables => rq
            .variables
            .iter()
            .map(|(name, value)| of_value(name, value.clone()))
            .collect(),
        Held::Headers(pairs) => pairs
            .iter()
            .map(|(name, value)| child(name, "string", value.as_str()))
            .collect(),
        Held::Request => {
            let request = &rq.request;
            let mut all = vec![
                child("Method", "string", request.method.as_str()),
                child(
                    "OriginalUrl",
                    "string",
                    format!(
                        "{}://{}{}",
                        request.scheme, request.authority, request.path_and_query
                    ),
                ),
                child("IpAddress", "string", request.client_ip.to_string()),
            ];
            if let Some(base) = rq.base_url() {
                let query = rq.target_query().map_or(String::new(), |q| format!("?{q}"));
                let scheme = if base.origin.tls.is_some() {
                    "https"
                } else {
                    "http"
                };
                let (authority, path) = (&base.origin.authority, &base.path);
                let url = format!("{scheme}://{authority}{path}{}{query}", rq.target_path());
                all.push(child("Url", "string", url));
            }
            let matched = request.matched.iter();
            all.extend(
                matched.map(|(n, v)| child(&format!("MatchedParameters[{n}]"), "string", &**v)),
            );
            all.push(headers(&request.headers));
            all.push(body(Some(&request.body), &request.headers));
            all
        }
        Held::Response => match &rq.response {
            None => vec![child("StatusCode", "int", "200 (there is no response yet)")],
            Some(response) => vec![
                child("StatusCode", "int", response.status.as_u16().to_string()),
                headers(&response.headers),
                body(Some(&response.body), &response.headers),
            ],
        },
        Held::LastError => rq.last_error.as_ref().map_or_else(Vec::new, |error| {
            vec![
                child("Source", "string", error.source),
                child("Reason", "string", error.reason),
                child("Message", "string", &*error.message),
                child("Scope", "string", error.place.scope),
                child("Section", "string", error.place.section),
                child("Path", "string", error.place.path.as_deref().unwrap_or("")),
                child(
                    "PolicyId",
                    "string",
                    error.place.policy_id.as_deref().unwrap_or(""),
                ),
            ]
        }),
        Held::Context => {
            let id = |name: &str, id: Option<&str>| child(name, "string", id.unwrap_or("null"));
            vec![
                child("Section", "string", rq.section.name()),
                id("Api.Id", rq.api().map(|a| &*a.id)),
                id("Operation.Id", rq.operation().map(|o| &*o.id)),
                id("Product.Id", rq.product().map(|p| &*p.id)),
                id("Subscription.Id", rq.subscription().map(|s| &*s.id)),
                id("User.Id", rq.user().map(|u| &*u.id)),
            ]
        }
        Held::Value(name, value) => parts(name, value),
        Held::Json(_, Json::Object(members)) => members
            .iter()
            .map(|(name, json)| of_json(name, json))
            .collect(),
        Held::Json(_, Json::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(at, json)| of_json(&format!("[{at}]"), json))
            .collect(),
        Held::Json(name, json) => vec![of_json(name, json)],
    }
}

/// The parts of a collection or a response.
fn parts(name: &str, value: &Value) -> Vec<Child> {
    let list = |items: &[Value]| {
        let items = items.iter().take(MOST).enumerate();
        items
            .map(|(at, item)| of_value(&format!("[{at}]"), item.clone()))
            .collect()
    };
    match value {
        Value::List(items) => list(&items.items()),
        Value::Dict(dict) => dict
            .entries()
            .into_iter()
            .take(MOST)
            .map(|(key, value)| of_value(&key.to_text(), value))
            .collect(),
        Value::Response(response) => {
            let mut all = vec![
                child("StatusCode", "int", response.status.to_string()),
                child("StatusReason", "string", &*response.reason),
                headers(&response.headers),
            ];
            all.push(match &*response.body.borrow() {
                Some(bytes) => of_text("Body", &String::from_utf8_lossy(bytes)),
                None => child("Body", "", "consumed"),
            });
            all
        }
        Value::Object(object) => list(&object.items().unwrap_or_default()),
        value => vec![of_value(name, value.clone())],
    }
}
