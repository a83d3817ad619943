//! A host made of the JSON fixture that the cases carry; the oracle's `Context.cs` reads the same.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::rc::Rc;
use tollgate_lang::expr::host::{BodyError, Entity, Field, Host, ListOf, Message, UrlOf, UrlParts};
use tollgate_lang::value::{Response, Str, Value};

/// 2026-01-15T10:20:30.1234567Z.
const TIMESTAMP: i64 = 639_040_692_301_234_567;

/// The exchange of a case.
pub(crate) struct Fixture {
    json: Json,
    headers: [HeaderMap; 2],
    bodies: [Option<Bytes>; 2],
    had: [bool; 2],
    parameters: Vec<(Str, Str)>,
    variables: BTreeMap<String, Value>,
    urls: [UrlParts; 3],
    /// What `context.Trace` said.
    pub(crate) traced: Vec<String>,
    seed: u64,
}

fn headers(j: &Json) -> HeaderMap {
    let mut out = HeaderMap::new();
    for (name, value) in j.as_object().into_iter().flatten() {
        let name: HeaderName = name.parse().unwrap();
        let all = match value {
            Json::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        for v in all {
            out.append(
                name.clone(),
                HeaderValue::from_str(v.as_str().unwrap()).unwrap(),
            );
        }
    }
    out
}

fn body(j: &Json) -> Option<Bytes> {
    match j {
        Json::Null => None,
        Json::String(s) => Some(s.clone().into()),
        other => Some(other.to_string().into()),
    }
}

fn url(text: &str) -> UrlParts {
    let (scheme, rest) = text.split_once("://").unwrap();
    let (authority, path) = rest.find('/').map_or((rest, "/"), |i| rest.split_at(i));
    let (path, query) = path.find('?').map_or((path, ""), |i| path.split_at(i));
    let (host, port) = authority.split_once(':').map_or(
        (authority, if scheme == "http" { 80 } else { 443 }),
        |(h, p)| (h, p.parse().unwrap()),
    );
    UrlParts {
        scheme: scheme.into(),
        host: host.into(),
        port,
        path: path.into(),
        query_string: query.into(),
    }
}

fn response(r: &Json) -> Response {
    Response::new(
        r["statusCode"].as_u64().unwrap_or(200) as u16,
        r["statusReason"].as_str().unwrap_or("OK"),
        headers(&r["headers"]),
        body(&r["body"]),
    )
}

fn variable(j: &Json) -> Value {
    let Some(ty) = j["$type"].as_str() else {
        return match j {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(*b),
            Json::String(s) => Value::from(s.as_str()),
            Json::Number(n) => n.as_i64().map_or_else(
                || Value::Double(n.as_f64().unwrap()),
                |n| Value::Int(n as i32),
            ),
            other => Value::json(&other.to_string()).unwrap(),
        };
    };
    let v = &j["value"];
    match ty {
        "int" => Value::Int(v.as_i64().unwrap() as i32),
        "long" => Value::Long(v.as_i64().unwrap()),
        "double" => Value::Double(v.as_f64().unwrap()),
        "bytes" => {
            use base64::Engine;
            Value::Bytes(
                base64::engine::general_purpose::STANDARD
                    .decode(v.as_str().unwrap())
                    .unwrap()
                    .into(),
            )
        }
        "IResponse" => Value::Response(Rc::new(response(v))),
        "JObject" | "JArray" | "JToken" => Value::json(&v.to_string()).unwrap(),
        other => panic!("unknown $type {other}"),
    }
}

impl Fixture {
    /// From the `context` of a case.
    pub(crate) fn new(json: &Json) -> Fixture {
        let rq = &json["request"];
        let this = rq["url"]
            .as_str()
            .unwrap_or("https://gateway.example/openai/chat/completions?api-version=2024-10-21");
        let original = rq["originalUrl"].as_str().unwrap_or(this);
        let service = json["api"]["serviceUrl"]
            .as_str()
            .unwrap_or("https://backend.example/");
        let bodies = [body(&rq["body"]), body(&json["response"]["body"])];
        Fixture {
            headers: [
                headers(&rq["headers"]),
                headers(&json["response"]["headers"]),
            ],
            had: [bodies[0].is_some(), bodies[1].is_some()],
            bodies,
            parameters: rq["matchedParameters"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, v)| (k.as_str().into(), v.as_str().unwrap().into()))
                .collect(),
            variables: json["variables"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, v)| (k.clone(), variable(v)))
                .collect(),
            urls: [url(this), url(original), url(service)],
            json: json.clone(),
            traced: Vec::new(),
            seed: 1,
        }
    }

    /// Sets a variable.
    pub(crate) fn set_variable(&mut self, name: &str, value: Value) {
        self.variables.insert(name.into(), value);
    }

    fn text(&self, object: &str, name: &str, default: Option<&str>) -> Value {
        match self.json[object][name]
            .as_str()
            .or(if self.json[object].is_object() {
                None
            } else {
                default
            }) {
            Some(s) => Value::from(s),
            None => Value::Null,
        }
    }
}

impl Host for Fixture {
    fn has(&self, entity: Entity) -> bool {
        let given = |name: &str| self.json[name].is_object();
        match entity {
            Entity::Api | Entity::Operation | Entity::Response => true,
            Entity::Product => given("product"),
            Entity::Subscription => given("subscription"),
            Entity::User => given("user"),
            Entity::LastError => given("lastError"),
            Entity::RequestBody => self.had[0],
            Entity::ResponseBody => self.had[1],
            Entity::ApiServiceUrl => self.json["api"]["serviceUrl"].is_string(),
            Entity::Workspace => false,
        }
    }

    fn field(&self, field: Field) -> Value {
        use Field as F;
        match field {
            F::ApiId => self.text("api", "id", Some("openai")),
            F::ApiName => self.text("api", "name", Some("OpenAI")),
            F::ApiPath => self.text("api", "path", Some("openai")),
            F::ApiVersion => self.text("api", "version", None),
            F::ApiRevision => Value::from(self.json["api"]["revision"].as_str().unwrap_or("1")),
            F::ApiIsCurrentRevision => Value::Bool(true),
            F::OperationId => self.text("operation", "id", Some("chat")),
            F::OperationName => self.text("operation", "name", Some("Chat")),
            F::OperationMethod => self.text("operation", "method", Some("POST")),
            F::OperationUrlTemplate => {
                self.text("operation", "urlTemplate", Some("/chat/completions"))
            }
            F::ProductId => self.text("product", "id", None),
            F::ProductName => self.text("product", "name", None),
            F::ProductSubscriptionRequired => Value::Bool(true),
            F::ProductApprovalRequired => Value::Bool(false),
            F::ProductState => Value::from("Published"),
            F::SubscriptionId => self.text("subscription", "id", None),
            F::SubscriptionName => self.text("subscription", "name", None),
            F::SubscriptionKey => self.text("subscription", "key", None),
            F::SubscriptionPrimaryKey => self.text("subscription", "primaryKey", None),
            F::SubscriptionSecondaryKey => self.text("subscription", "secondaryKey", None),
            F::UserId => self.text("user", "id", None),
            F::UserEmail => self.text("user", "email", None),
            F::UserFirstName => self.text("user", "firstName", None),
            F::UserLastName => self.text("user", "lastName", None),
            F::UserNote => self.text("user", "note", None),
            F::LastErrorSource => self.text("lastError", "source", None),
            F::LastErrorReason => self.text("lastError", "reason", None),
            F::LastErrorMessage => self.text("lastError", "message", None),
            F::LastErrorScope => self.text("lastError", "scope", None),
            F::LastErrorSection => self.text("lastError", "section", None),
            F::LastErrorPath => self.text("lastError", "path", None),
            F::LastErrorPolicyId => self.text("lastError", "policyId", None),
            F::DeploymentGatewayId => Value::from("managed"),
            F::DeploymentRegion => Value::from("local"),
            F::DeploymentServiceId | F::DeploymentServiceName => Value::from("tollgate"),
            F::DeploymentInstanceId => Value::from("gw-1"),
            F::DeploymentIsManaged => Value::Bool(true),
            F::RequestMethod => {
                Value::from(self.json["request"]["method"].as_str().unwrap_or("POST"))
            }
            F::RequestIpAddress => Value::from(
                self.json["request"]["ipAddress"]
                    .as_str()
                    .unwrap_or("203.0.113.7"),
            ),
            F::ResponseStatusCode => {
                Value::Int(self.json["response"]["statusCode"].as_i64().unwrap_or(200) as i32)
            }
            F::ResponseStatusReason => Value::from(
                self.json["response"]["statusReason"]
                    .as_str()
                    .unwrap_or("OK"),
            ),
            F::Tracing => Value::Bool(false),
            _ => Value::Null,
        }
    }

    fn list(&self, list: ListOf) -> Vec<(Str, Str)> {
        match list {
            ListOf::UserGroups => self.json["user"]["groups"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|g| {
                    (
                        g["id"].as_str().unwrap_or("").into(),
                        g["name"].as_str().unwrap_or("").into(),
                    )
                })
                .collect(),
            ListOf::ApiProtocols => vec![("https".into(), "".into())],
            _ => Vec::new(),
        }
    }

    fn headers(&self, message: Message) -> &HeaderMap {
        &self.headers[usize::from(message == Message::Response)]
    }

    fn url(&self, url: UrlOf) -> UrlParts {
        let i = match url {
            UrlOf::Request => 0,
            UrlOf::Original => 1,
            UrlOf::ApiService => 2,
        };
        self.urls[i].clone()
    }

    fn matched_parameters(&self) -> &[(Str, Str)] {
        &self.parameters
    }

    fn variable(&self, name: &str) -> Option<Value> {
        self.variables.get(name).cloned()
    }

    fn variable_names(&self) -> Vec<Str> {
        self.variables.keys().map(|k| k.as_str().into()).collect()
    }

    fn body(&mut self, message: Message, preserve: bool) -> Result<Bytes, BodyError> {
        let i = usize::from(message == Message::Response);
        let body = if preserve {
            self.bodies[i].clone()
        } else {
            self.bodies[i].take()
        };
        body.ok_or(if self.had[i] {
            BodyError::Consumed
        } else {
            BodyError::Missing
        })
    }

    fn request_id(&self) -> u128 {
        0x6f1c_1d4e_0a6b_4f43_9f0e_2f3a_0c1b_7d55
    }

    fn timestamp(&self) -> i64 {
        TIMESTAMP
    }

    fn now(&self) -> i64 {
        TIMESTAMP
    }

    fn random(&mut self) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.seed
    }

    fn trace(&mut self, text: &str) {
        self.traced.push(text.to_string());
    }
}
