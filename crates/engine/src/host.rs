//! The exchange as policy expressions see it: the data behind `context`.
//!
//! Source of the members: API Management, "policy expressions", context variable. What must stay true: reading a
//! member allocates nothing but what .NET would call a new object.

use crate::body::coding::Coding;
use crate::clock::ticks;
use crate::definition::Protocol;
use crate::exchange::{BodyState, Exchange, TargetBase};
use crate::snapshot::{Api, BackendKind, BaseUrl};
use bytes::Bytes;
use http::HeaderMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use tollgate_lang::expr::host::{
    ApiParts, BodyError, Entity, Field, GraphQlPart, Host, ListOf, Message, Parsed, UrlOf, UrlParts,
};
use tollgate_lang::value::{Lent, Str, Value};

/// Keys the seeds of this process.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

/// Built-in groups that need no definition.
static PUBLISHED: LazyLock<Str> = LazyLock::new(|| Str::from("Published"));
static NOT_PUBLISHED: LazyLock<Str> = LazyLock::new(|| Str::from("NotPublished"));
static INSTANCE: LazyLock<Str> =
    LazyLock::new(|| Str::from(format!("tollgate-{}", std::process::id())));

impl Host for Exchange {
    fn has(&self, entity: Entity) -> bool {
        match entity {
            Entity::Api => self.api.is_some(),
            Entity::Operation => self.operation.is_some(),
            Entity::Product => self.product.is_some(),
            Entity::Subscription => self.subscription.is_some(),
            Entity::User => self.user().is_some(),
            Entity::LastError => self.last_error.is_some(),
            // Documents read `context.Response.StatusCode` before there is one: an object with a 200.
            // After a failed attempt inside `retry` it is null, as its conditions expect.
            Entity::Response => self.response.is_some() || !self.attempt_failed,
            Entity::RequestBody => self.request.body.is_some() || self.is_mcp(),
            Entity::ResponseBody => self
                .response
                .as_ref()
                .is_some_and(|r| r.body.is_some() || self.is_mcp()),
            Entity::ApiServiceUrl => self.api().is_some_and(|a| a.service_url.is_some()),
            Entity::Workspace => self.workspace().is_some(),
            Entity::GraphQl => self.resolving.is_some(),
        }
    }

    fn field(&self, field: Field) -> Lent<'_> {
        let date = |millis: u64| Lent::from(ticks(millis.saturating_mul(1_000_000)));
        macro_rules! of {
            ($entity:expr, |$it:ident| $value:expr) => {
                $entity.map_or(Lent::NULL, |$it| $value)
            };
        }
        match field {
            Field::ApiId => of!(self.api(), |a| Lent::Text(&a.id)),
            Field::ApiName => of!(self.api(), |a| Lent::Text(&a.display_name)),
            Field::ApiPath => of!(self.api(), |a| Lent::Text(&a.path)),
            Field::ApiRevision => of!(self.api(), |a| Lent::Text(&a.revision)),
            Field::ApiVersion => of!(
                self.api()
                    .and_then(|a| a.version.as_ref())
                    .and_then(|v| v.version.as_ref()),
                |v| Lent::Text(v)
            ),
            Field::ApiKeyHeader => {
                of!(self.api(), |a| Lent::Part(a.key_header.as_str()))
            }
            Field::ApiKeyQuery => of!(self.api(), |a| Lent::Text(&a.key_query)),
            Field::ApiIsCurrentRevision => of!(self.api(), |a| Lent::from(a.is_current)),
            Field::OperationId => of!(self.operation(), |o| Lent::Text(&o.id)),
            Field::OperationName => of!(self.operation(), |o| Lent::Text(&o.display_name)),
            Field::OperationMethod => of!(self.operation(), |o| Lent::Text(&o.method)),
            Field::OperationUrlTemplate => of!(self.operation(), |o| Lent::Text(&o.url_template)),
            Field::ProductId => of!(self.product(), |p| Lent::Text(&p.id)),
            Field::ProductName => of!(self.product(), |p| Lent::Text(&p.display_name)),
            Field::ProductApprovalRequired => {
                of!(self.product(), |p| Lent::from(p.approval_required))
            }
            Field::ProductSubscriptionRequired => {
                of!(self.product(), |p| Lent::from(p.subscription_required))
            }
            Field::ProductState => of!(self.product(), |p| Lent::Text(if p.published {
                &PUBLISHED
            } else {
                &NOT_PUBLISHED
            })),
            Field::ProductSubscriptionLimit => {
                of!(self.product().and_then(|p| p.subscriptions_limit), |n| {
                    Lent::from(n)
                })
            }
            Field::SubscriptionId => of!(self.subscription(), |s| Lent::Text(&s.id)),
            Field::SubscriptionName => of!(self.subscription(), |s| Lent::Text(&s.display_name)),
            Field::SubscriptionKey => of!(self.key.as_ref(), |k| Lent::Text(k.expose())),
            Field::SubscriptionPrimaryKey => {
                of!(self.subscription(), |s| Lent::Text(s.primary_key.expose()))
            }
            Field::SubscriptionSecondaryKey => of!(
                self.subscription().and_then(|s| s.secondary_key.as_ref()),
                |k| Lent::Text(k.expose())
            ),
            Field::SubscriptionCreatedDate => {
                of!(self.subscription(), |s| date(s.created_millis))
            }
            Field::SubscriptionStartDate => of!(self.subscription(), |s| date(
                s.start_millis.unwrap_or(s.created_millis)
            )),
            Field::SubscriptionEndDate => {
                of!(self.subscription().and_then(|s| s.end_millis), |m| date(m))
            }
            Field::UserId => of!(self.user(), |u| Lent::Text(&u.id)),
            Field::UserEmail => of!(self.user(), |u| Lent::Text(&u.email)),
            Field::UserFirstName => of!(self.user(), |u| Lent::Text(&u.first_name)),
            Field::UserLastName => of!(self.user(), |u| Lent::Text(&u.last_name)),
            Field::UserNote => of!(self.user(), |u| Lent::Text(&u.note)),
            Field::UserRegistrationDate => of!(self.user(), |u| date(u.registered_millis)),
            Field::LastErrorSource => of!(self.last_error.as_ref(), |e| Lent::Part(e.source)),
            Field::LastErrorReason => of!(
                self.last_error.as_ref().filter(|e| !e.reason.is_empty()),
                |e| Lent::Part(e.reason)
            ),
            Field::LastErrorMessage => of!(self.last_error.as_ref(), |e| Lent::Text(&e.message)),
            Field::LastErrorScope => of!(
                self.last_error
                    .as_ref()
                    .filter(|e| !e.place.scope.is_empty()),
                |e| Lent::Part(e.place.scope)
            ),
            Field::LastErrorSection => of!(
                self.last_error
                    .as_ref()
                    .filter(|e| !e.place.section.is_empty()),
                |e| Lent::Part(e.place.section)
            ),
            Field::LastErrorPath => of!(
                self.last_error.as_ref().and_then(|e| e.place.path.as_ref()),
                |p| Lent::Text(p)
            ),
            Field::LastErrorPolicyId => of!(
                self.last_error
                    .as_ref()
                    .and_then(|e| e.place.policy_id.as_ref()),
                |p| Lent::Text(p)
            ),
            Field::LastErrorHttpErrorCode => of!(self.last_error.as_ref(), |e| Lent::from(
                i32::from(e.status.as_u16())
            )),
            Field::DeploymentGatewayId => Lent::Text(&self.snapshot.gateway.id),
            Field::DeploymentRegion => Lent::Text(&self.snapshot.gateway.region),
            Field::DeploymentServiceId | Field::DeploymentServiceName => {
                Lent::Text(&self.snapshot.gateway.service_name)
            }
            Field::DeploymentInstanceId => Lent::Text(&INSTANCE),
            Field::DeploymentIsManaged => Lent::from(false),
            Field::RequestMethod => Lent::Part(self.request.method.as_str()),
            Field::RequestOriginalMethod => Lent::Part(self.request.original_method.as_str()),
            Field::RequestIpAddress => Lent::Text(
                self.client_ip
                    .get_or_init(|| Str::from(self.request.client_ip.to_string())),
            ),
            Field::ResponseStatusCode => Lent::from(
                self.response
                    .as_ref()
                    .map_or(200, |r| i32::from(r.status.as_u16())),
            ),
            Field::ResponseStatusReason => match self.response.as_ref() {
                Some(r) => r.reason.as_ref().map_or_else(
                    || Lent::Part(r.status.canonical_reason().unwrap_or("")),
                    Lent::Text,
                ),
                None => Lent::Part("OK"),
            },
            Field::Tracing => Lent::from(self.probe.as_ref().is_some_and(|p| p.traces())),
            Field::WorkspaceId => of!(self.workspace(), |w| Lent::Text(&w.id)),
            Field::WorkspaceName => of!(self.workspace(), |w| Lent::Text(&w.display_name)),
        }
    }

    fn list(&self, list: ListOf) -> Vec<(Str, Str)> {
        match list {
            ListOf::UserGroups => self.user().map(|u| u.groups.clone()).unwrap_or_default(),
            ListOf::UserIdentities => self
                .user()
                .map(|u| u.identities.clone())
                .unwrap_or_default(),
            ListOf::ProductGroups => self.product().map(|p| p.groups.clone()).unwrap_or_default(),
            ListOf::ApiProtocols => self
                .api()
                .map(|a| {
                    protocols(a)
                        .into_iter()
                        .map(|p| (p, Str::from("")))
                        .collect()
                })
                .unwrap_or_default(),
        }
    }

    fn product_apis(&self) -> Vec<ApiParts> {
        let apis = self.product().map(|p| &p.apis).into_iter().flatten();
        apis.map(|i| &self.snapshot.apis[*i as usize])
            .map(|a| ApiParts {
                id: a.id.clone(),
                name: a.display_name.clone(),
                path: a.path.clone(),
                protocols: protocols(a),
                service_url: a
                    .service_url
                    .as_ref()
                    .map(|base| parts(base, &base.path, base.query.as_deref())),
                key_header: Str::from(a.key_header.as_str()),
                key_query: a.key_query.clone(),
            })
            .collect()
    }

    fn caller_certificate(&self) -> Option<Bytes> {
        self.request.client_certificate.clone()
    }

    fn headers(&self, message: Message) -> &HeaderMap {
        match message {
            Message::Request => &self.request.headers,
            Message::Response => self.response.as_ref().map_or(&NO_HEADERS, |r| &r.headers),
        }
    }

    fn url(&self, url: UrlOf) -> UrlParts {
        match url {
            UrlOf::Original => {
                let authority = http::uri::Authority::try_from(&*self.request.authority).ok();
                let default = if self.request.scheme == "https" {
                    443
                } else {
                    80
                };
                let query = self.request.path_and_query.query();
                UrlParts {
                    scheme: Str::from(self.request.scheme),
                    host: Str::from(authority.as_ref().map_or("", |a| a.host())),
                    port: authority
                        .as_ref()
                        .and_then(|a| a.port_u16())
                        .unwrap_or(default),
                    path: Str::from(self.request.path_and_query.path()),
                    query_string: query
                        .map_or_else(|| Str::from(""), |q| Str::from(format!("?{q}"))),
                }
            }
            UrlOf::ApiService => match self.api().and_then(|a| a.service_url.as_ref()) {
                Some(base) => parts(base, &base.path, base.query.as_deref()),
                None => UrlParts::default(),
            },
            UrlOf::Request => match self.base_url() {
                // The URL as it would go out now.
                Some(base) => {
                    let path = format!("{}{}", base.path, self.target_path());
                    parts(
                        &base,
                        if path.is_empty() { "/" } else { &path },
                        self.target_query(),
                    )
                }
                None => {
                    let mut url = self.url(UrlOf::Original);
                    if let Some(path) = &self.request.target.path {
                        url.path = path.clone();
                    }
                    if let Some(query) = &self.request.target.query {
                        url.query_string = if query.is_empty() {
                            query.clone()
                        } else {
                            Str::from(format!("?{query}"))
                        };
                    }
                    url
                }
            },
        }
    }

    fn matched_parameters(&self) -> &[(Str, Str)] {
        &self.request.matched
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        Exchange::variable(self, name)
    }

    fn variable_names(&self) -> Vec<Str> {
        self.variables.iter().map(|(n, _)| n.clone()).collect()
    }

    fn body(&mut self, message: Message, preserve: bool) -> Result<Bytes, BodyError> {
        let limit = self.snapshot.gateway.max_buffered_body;
        let is_mcp = self.is_mcp();
        let (state, headers) = match message {
            Message::Request => (&mut self.request.body, &self.request.headers),
            Message::Response => match &mut self.response {
                Some(response) => (&mut response.body, &response.headers),
                None => return Err(BodyError::Missing),
            },
        };
        let bytes = match state {
            // A stream without an end says nothing that could be read whole.
            BodyState::None | BodyState::Streaming(_) if is_mcp => return Ok(Bytes::new()),
            BodyState::None => return Err(BodyError::Missing),
            // A step that reads a body has it buffered before it runs.
            BodyState::Consumed | BodyState::Streaming(_) => return Err(BodyError::Consumed),
            BodyState::Buffered(bytes) if preserve => bytes.clone(),
            BodyState::Buffered(bytes) => {
                let bytes = std::mem::take(bytes);
                *state = BodyState::Consumed;
                bytes
            }
        };
        // What cannot be read plain is given as it is.
        Ok(Coding::of(headers).undo(&bytes, limit).unwrap_or(bytes))
    }

    fn parsed(&mut self, message: Message) -> Option<Parsed> {
        self.parsed[usize::from(message == Message::Response)].take()
    }

    fn keep_parsed(&mut self, message: Message, parsed: Parsed) {
        self.parsed[usize::from(message == Message::Response)] = Some(parsed);
    }

    fn query(&self, url: UrlOf, read: &mut dyn FnMut(&str)) {
        match url {
            UrlOf::Original => read(self.request.path_and_query.query().unwrap_or("")),
            UrlOf::Request | UrlOf::ApiService => read(&self.url(url).query_string),
        }
    }

    fn certificates(&self) -> Vec<(Str, Bytes, Option<Str>)> {
        let all = self.snapshot.certificates.iter();
        all.filter_map(|c| {
            let certificate = Bytes::copy_from_slice(c.certificate.as_ref()?.as_bytes());
            let key = c.key.as_ref().map(|k| k.expose().clone());
            Some((c.id.clone(), certificate, key))
        })
        .collect()
    }

    fn graphql(&self, part: GraphQlPart) -> Value {
        self.resolving
            .as_ref()
            .map_or(Value::Null, |resolving| resolving.part(part))
    }

    fn request_id(&self) -> u128 {
        self.id
    }

    fn timestamp(&self) -> i64 {
        ticks(self.received_unix_nanos)
    }

    fn now(&self) -> i64 {
        ticks(self.services.clock.unix_nanos())
    }

    fn random(&mut self) -> u64 {
        // splitmix64. The request id is on the answer, so the seed also needs a key that is not:
        // a caller must not foresee what `Guid.NewGuid()` gives a document.
        if self.random == 0 {
            self.random = SEED.hash_one(self.id) | 1;
        }
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn pause(&mut self) -> bool {
        self.services.around.pause()
    }

    fn trace(&mut self, text: &str) {
        self.trace_message(
            "expression",
            crate::services::TraceSeverity::Verbose,
            text,
            &[],
        );
    }
}

impl Exchange {
    /// Hands a message of the document to telemetry and to whoever watches.
    pub(crate) fn trace_message(
        &self,
        source: &str,
        severity: crate::services::TraceSeverity,
        message: &str,
        metadata: &[(Str, Str)],
    ) {
        let telemetry = &self.services.telemetry;
        telemetry.trace(self.id, source, severity, message, metadata);
        self.tell(|| crate::probe::Event::Traced {
            source,
            severity,
            message,
            metadata,
        });
    }

    /// The owner of the subscription.
    pub fn user(&self) -> Option<&crate::definition::UserDefinition> {
        self.subscription()
            .and_then(|s| s.owner)
            .map(|i| &self.snapshot.users[i as usize])
    }

    /// The base URL that the request would go to now; `None` for pools (chosen when sent) and when there is none.
    pub fn base_url(&self) -> Option<std::sync::Arc<BaseUrl>> {
        match &self.request.target.base {
            TargetBase::ServiceUrl => self.api().and_then(|a| a.service_url.clone()),
            TargetBase::Url(base) => Some(base.clone()),
            TargetBase::Backend(index) => match &self.snapshot.backend(*index).kind {
                BackendKind::Single(server) => Some(server.url.clone()),
                BackendKind::Pool(_) => None,
            },
        }
    }

    /// Path after the API's own path.
    pub fn target_path(&self) -> &str {
        match &self.request.target.path {
            Some(path) => path,
            None => &self.request.path_and_query.path()[self.request.api_path_len..],
        }
    }

    /// Query without `?`.
    pub fn target_query(&self) -> Option<&str> {
        match &self.request.target.query {
            Some(query) => Some(&**query).filter(|q| !q.is_empty()),
            None => self.request.path_and_query.query(),
        }
    }
}

/// Names of the schemes of an API.
fn protocols(api: &Api) -> Vec<Str> {
    let name = |p: &Protocol| match p {
        Protocol::Http => "http",
        Protocol::Https => "https",
        Protocol::Ws => "ws",
        Protocol::Wss => "wss",
    };
    api.protocols.iter().map(|p| Str::from(name(p))).collect()
}

fn parts(base: &BaseUrl, path: &str, query: Option<&str>) -> UrlParts {
    UrlParts {
        scheme: Str::from(if base.origin.tls.is_some() {
            "https"
        } else {
            "http"
        }),
        host: base.origin.host.clone(),
        port: base.origin.port,
        path: Str::from(path),
        query_string: query.map_or_else(|| Str::from(""), |q| Str::from(format!("?{q}"))),
    }
}
