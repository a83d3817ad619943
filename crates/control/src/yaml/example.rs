//! What a list or a mapping looks like, for who wrote something else there.
//!
//! `fault` shows it beside "cannot stand here". What must stay true: each list and each mapping of the schema has an
//! example, which keeps to the schema (`tests`).

/// Examples by property; `parent.property` where several of one name differ. Of `parent` the last name counts, and
/// items of lists have none.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "above",
        "above: [{ tokens: 200000, perMillion: { input: 5.5 } }]",
    ),
    ("allow", "allow: [search-products]"),
    ("allowedHosts", "allowedHosts: [ai.example.com]"),
    (
        "allowedOrigins",
        "allowedOrigins: [https://chat.example.com]",
    ),
    ("annotations", "annotations: { readOnlyHint: true }"),
    ("apiops", "apiops: { folder: apim-artifacts }"),
    ("apis", "apis: [{ id: orders, path: orders }]"),
    (
        "authorities",
        "authorities: { https://login.microsoftonline.com: http://127.0.0.1:8090 }",
    ),
    (
        "authorization",
        "authorization: { scheme: Bearer, parameter: { env: BACKEND_TOKEN } }",
    ),
    (
        "authorizationProviders",
        "authorizationProviders: [{ id: github, authorizations: [{ id: build, accessToken: { env: GITHUB_TOKEN } }] }]",
    ),
    (
        "authorizationServers",
        "authorizationServers: [https://login.example.com]",
    ),
    (
        "authorizations",
        "authorizations: [{ id: build, accessToken: { env: GITHUB_TOKEN } }]",
    ),
    (
        "backends",
        "backends: [{ id: east, url: https://east.example.com }]",
    ),
    (
        "budgets",
        "budgets: [{ id: research, limit: { tokens: 1000000 }, period: month }]",
    ),
    ("capacity", "capacity: { units: 50, unitHour: 1.00 }"),
    ("carryOverLimit", "carryOverLimit: { tokens: 1000000 }"),
    ("certificate", "certificate: [partner]"),
    ("certificateIds", "certificateIds: [partner]"),
    (
        "certificates",
        "certificates: [{ id: partner, certificate: certs/partner.pem }]",
    ),
    ("childKeys", "childKeys: { depth: 2 }"),
    (
        "circuitBreaker",
        "circuitBreaker: { rules: [{ failureCondition: { count: 3, statusCodeRanges: [{ min: 429, max: 429 }] }, tripDuration: PT30S }] }",
    ),
    ("claims", "claims: { login: build-bot }"),
    (
        "credentials",
        "credentials: { header: { api-key: { env: BACKEND_KEY } } }",
    ),
    ("dapr", "dapr: { httpEndpoint: http://localhost:3500 }"),
    ("deny", "deny: [delete-product]"),
    (
        "deployments",
        "deployments: { chat-prod: { model: gpt-4o } }",
    ),
    ("diagnostics", "diagnostics: [{ id: azuremonitor }]"),
    ("endpoints", "endpoints: [{ name: mcp, uriTemplate: /mcp }]"),
    (
        "errorReasons",
        "errorReasons: [Timeout, BackendConnectionFailure]",
    ),
    ("failover", "failover: { attempts: 2 }"),
    (
        "failureCondition",
        "failureCondition: { count: 3, interval: PT1M, statusCodeRanges: [{ min: 500, max: 599 }] }",
    ),
    (
        "gateway",
        "gateway: { listen: [{ address: 127.0.0.1:8080 }] }",
    ),
    ("gateway.budgets", "budgets: { path: budgets }"),
    ("gateway.keyVault", "keyVault: { refresh: 1h }"),
    ("groups", "groups: [developers]"),
    ("header", "header: { api-key: { env: BACKEND_KEY } }"),
    ("headers", "headers: [{ name: X-Count, type: integer }]"),
    ("identities", "identities: [{ id: ann, provider: Aad }]"),
    ("identity", "identity: { source: imds }"),
    (
        "keyVault",
        "keyVault: { secretIdentifier: https://contoso.vault.azure.net/secrets/partner-key }",
    ),
    ("ledger", "ledger: { folder: ledger }"),
    ("ledger.tags", "tags: { stage: production }"),
    ("ledgerTags", "ledgerTags: { plan: gold }"),
    ("limit", "limit: { tokens: 1000000 }"),
    ("limits", "limits: { requestBodySize: 16MiB }"),
    ("listen", "listen: [{ address: 127.0.0.1:8080 }]"),
    (
        "loggers",
        "loggers: [{ id: events, loggerType: azureEventHub, credentials: { name: calls, connectionString: { env: EVENT_HUB } } }]",
    ),
    (
        "loggers.credentials",
        "credentials: { name: calls, connectionString: { env: EVENT_HUB } }",
    ),
    ("logs", "logs: { level: info, format: json }"),
    (
        "managedIdentity",
        "managedIdentity: { resource: https://cognitiveservices.azure.com }",
    ),
    ("management", "management: { address: 127.0.0.1:8081 }"),
    ("mcp", "mcp: { tools: { allow: [search-products] } }"),
    (
        "mcp.authorization",
        "authorization: { authorizationServers: [https://login.example.com] }",
    ),
    ("mcp.tools", "tools: { allow: [search-products] }"),
    (
        "mcpProperties",
        "mcpProperties: { transportType: streamable }",
    ),
    (
        "mcpTools",
        "mcpTools: [{ name: search, operationId: /apis/catalog/operations/search }]",
    ),
    ("metrics", "metrics: { interval: 60s }"),
    ("models", "models: [gpt-4o]"),
    (
        "namedValues",
        "namedValues: [{ id: endpoint, env: BACKEND_ENDPOINT }]",
    ),
    (
        "notifications",
        "notifications: [{ id: finance, url: https://hooks.example.com/finance }]",
    ),
    ("notify", "notify: [finance]"),
    (
        "openId",
        "openId: { authorities: { https://login.microsoftonline.com: http://127.0.0.1:8090 } }",
    ),
    (
        "openTelemetry",
        "openTelemetry: { endpoint: http://127.0.0.1:4318 }",
    ),
    (
        "openTelemetry.headers",
        "headers: { x-team: { env: OTLP_TEAM } }",
    ),
    ("openTelemetry.tls", "tls: { ca: certs/collector.pem }"),
    (
        "operations",
        "operations: [{ id: rest, method: GET, urlTemplate: \"/items/{id}\" }]",
    ),
    ("perMillion", "perMillion: { input: 2.50, output: 10 }"),
    ("perThousand", "perThousand: { webSearch: 10 }"),
    (
        "policyFragments",
        "policyFragments: [{ id: stamp, policy: policies/stamp.xml }]",
    ),
    (
        "pool",
        "pool: { services: [{ id: east }, { id: west, priority: 2 }] }",
    ),
    (
        "prices",
        "prices: [{ models: [gpt-4o], perMillion: { input: 2.50, output: 10 } }]",
    ),
    ("products", "products: [{ id: ai, apis: [openai] }]"),
    ("products.apis", "apis: [openai]"),
    (
        "products.mcpTools",
        "mcpTools: [{ apiId: catalog-mcp, allow: [search-products] }]",
    ),
    ("protocols", "protocols: [https]"),
    ("providers", "providers: [azure.ai.openai]"),
    ("proxy", "proxy: { url: http://proxy.example.com:3128 }"),
    ("query", "query: { code: { env: BACKEND_CODE } }"),
    (
        "queryParameters",
        "queryParameters: [{ name: first, type: integer }]",
    ),
    ("recording", "recording: { path: recordings }"),
    ("regions", "regions: [westeurope]"),
    (
        "representations",
        "representations: [{ contentType: application/json }]",
    ),
    (
        "request",
        "request: { queryParameters: [{ name: first, type: integer }] }",
    ),
    (
        "resolvers",
        "resolvers: [{ path: Query/users, policy: resolvers/users.xml }]",
    ),
    (
        "resourceAttributes",
        "resourceAttributes: { service.namespace: ai }",
    ),
    (
        "responses",
        "responses: [{ statusCode: 200, representations: [{ contentType: application/json }] }]",
    ),
    (
        "rules",
        "rules: [{ failureCondition: { count: 3, statusCodeRanges: [{ min: 429, max: 429 }] }, tripDuration: PT30S }]",
    ),
    (
        "schemas",
        "schemas: [{ id: pets, value: schemas/pets.json }]",
    ),
    ("scope", "scope: { products: [research] }"),
    ("scope.apis", "apis: [openai]"),
    ("scope.backends", "backends: [east]"),
    ("scope.products", "products: [research]"),
    ("scope.subscriptions", "subscriptions: [team-a]"),
    ("scope.users", "users: [ann]"),
    ("scopesSupported", "scopesSupported: [mcp.read]"),
    ("send", "send: [{ notification: finance }]"),
    (
        "services",
        "services: [{ id: east }, { id: west, priority: 2 }]",
    ),
    (
        "sessionAffinity",
        "sessionAffinity: { sessionId: { source: Cookie, name: SessionId } }",
    ),
    (
        "sessionId",
        "sessionId: { source: Cookie, name: SessionId }",
    ),
    (
        "statements",
        "statements: { send: [{ notification: finance }] }",
    ),
    (
        "statusCodeRanges",
        "statusCodeRanges: [{ min: 500, max: 599 }]",
    ),
    (
        "subscriptionKeyParameterNames",
        "subscriptionKeyParameterNames: { header: api-key }",
    ),
    (
        "subscriptions",
        "subscriptions: [{ id: team-a, scope: /products/ai, primaryKey: { env: TEAM_A_KEY } }]",
    ),
    ("tags", "tags: [public]"),
    (
        "templateParameters",
        "templateParameters: [{ name: id, type: string }]",
    ),
    ("thresholds", "thresholds: [{ percent: 80 }]"),
    ("tiers", "tiers: { batch: { factor: 0.5 } }"),
    ("timeouts", "timeouts: { drain: 30s }"),
    ("tls", "tls: { certificateAuthorities: certs/roots.pem }"),
    (
        "listen.tls",
        "tls: { certificate: certs/chain.pem, key: certs/key.pem }",
    ),
    ("tokenAccounting", "tokenAccounting: { mode: strict }"),
    (
        "tools",
        "tools: [{ id: search, operationId: /apis/catalog/operations/search }]",
    ),
    ("trustedProxies", "trustedProxies: [10.0.0.0/8]"),
    ("users", "users: [{ id: ann, groups: [developers] }]"),
    ("values", "values: [dog, cat]"),
    (
        "versionSets",
        "versionSets: [{ id: orders, versioningScheme: Segment }]",
    ),
    (
        "workspaces",
        "workspaces: [{ id: partners, apis: [{ id: stock, path: stock }] }]",
    ),
    // What stands at the top or in a workspace, where a part of something else has the name.
    (
        ".groups",
        "groups: [{ id: partners, displayName: Partners }]",
    ),
    (
        "workspaces.groups",
        "groups: [{ id: partners, displayName: Partners }]",
    ),
    (".tags", "tags: [{ id: public }]"),
    ("workspaces.tags", "tags: [{ id: public }]"),
];

/// The example of the property that `path` ends with.
pub(super) fn example(path: &[&str]) -> Option<&'static str> {
    let (property, before) = path.split_last()?;
    let qualified = format!("{}.{property}", before.last().unwrap_or(&""));
    let of = |name: &str| EXAMPLES.iter().find(|(of, _)| *of == name);
    of(&qualified)
        .or_else(|| of(property))
        .map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::{EXAMPLES, example};
    use crate::yaml::{Form, Kind, Node, parse};
    use serde_json::Value;
    use std::collections::BTreeSet;
    use tollgate_lang::{Diagnostics, Sources};

    struct Schema {
        root: Value,
        used: BTreeSet<&'static str>,
        seen: BTreeSet<String>,
    }

    impl Schema {
        /// A schema without references, and without the choice of null.
        fn plain(&self, schema: &Value) -> Value {
            if let Some(name) = schema["$ref"].as_str() {
                let pointer = name.trim_start_matches('#');
                return self.plain(self.root.pointer(pointer).expect("it is defined"));
            }
            let choices = schema["anyOf"].as_array().into_iter().flatten();
            let mut choices = choices.filter(|choice| choice["type"] != "null");
            match (choices.next(), choices.next()) {
                (Some(only), None) => self.plain(only),
                _ => schema.clone(),
            }
        }

        /// Looks at each property of an object: what is a list or a mapping has an example that is one.
        fn walk(&mut self, path: &[&str], object: &Value) {
            for (name, schema) in object["properties"].as_object().into_iter().flatten() {
                let schema = self.plain(schema);
                let path = [path, &[name]].concat();
                let list = is(&schema, "array");
                if !list && !is(&schema, "object") {
                    continue;
                }
                let text = example(&path).unwrap_or_else(|| panic!("no example for {path:?}"));
                self.used.insert(text);
                self.check(&path, text, &schema);
                let inner = if list {
                    self.plain(&schema["items"])
                } else {
                    schema
                };
                // An API in a workspace has the properties of every API.
                if self.seen.insert(format!("{name} {inner}")) {
                    self.walk(&path, &inner);
                    let named = self.plain(&inner["additionalProperties"]);
                    self.walk(&[&path[..], &["*"]].concat(), &named);
                }
            }
        }

        fn check(&self, path: &[&str], text: &str, schema: &Value) {
            let mut sources = Sources::default();
            let mut faults = Diagnostics::default();
            let file = sources.add("example", text);
            let root = parse(file, text, &mut faults).unwrap_or_else(|| panic!("{text}"));
            let Kind::Mapping(entries) = &root.kind else {
                panic!("{text}");
            };
            assert_eq!(Some(&&*entries[0].0.text), path.last(), "{text}");
            self.fits(&format!("{path:?} {text}"), &entries[0].1, schema);
        }

        /// As much of JSON Schema as says whether the shape is right.
        fn fits(&self, what: &str, node: &Node, schema: &Value) {
            let schema = self.plain(schema);
            match &node.kind {
                Kind::Sequence(items) => {
                    assert!(is(&schema, "array"), "{what}: a list");
                    assert!(!items.is_empty(), "{what}");
                    for item in items {
                        self.fits(what, item, &schema["items"]);
                    }
                }
                Kind::Mapping(entries) if is(&schema, "object") => {
                    for required in schema["required"].as_array().into_iter().flatten() {
                        let there = entries
                            .iter()
                            .any(|(key, _)| Some(&*key.text) == required.as_str());
                        assert!(there, "{what}: no {required}");
                    }
                    for (key, value) in entries {
                        let of = &schema["properties"][&key.text];
                        let any = &schema["additionalProperties"];
                        assert!(
                            !of.is_null() || *any != Value::Bool(false),
                            "{what}: {}",
                            key.text
                        );
                        if !of.is_null() {
                            self.fits(what, value, of);
                        }
                    }
                }
                Kind::Mapping(_) => assert!(
                    schema["type"].is_null() || schema["anyOf"].is_array(),
                    "{what}: a mapping"
                ),
                Kind::Scalar { form, .. } => {
                    assert!(
                        !is(&schema, "array") && !is(&schema, "object"),
                        "{what}: a scalar"
                    );
                    assert!(*form != Form::Null, "{what}");
                }
                Kind::Absent => unreachable!("the parser makes none"),
            }
        }
    }

    fn is(schema: &Value, kind: &str) -> bool {
        match &schema["type"] {
            Value::Array(kinds) => kinds.iter().any(|k| k == kind),
            one => one == kind,
        }
    }

    #[test]
    fn each_list_and_mapping_has_an_example_that_fits() {
        let mut schema = Schema {
            root: serde_json::from_str(&crate::schema::json()).unwrap(),
            used: BTreeSet::new(),
            seen: BTreeSet::new(),
        };
        let root = schema.root.clone();
        schema.walk(&[], &root);
        assert!(schema.used.len() > 90, "{}", schema.used.len());
        // Of files of prices, whose schema stands beside.
        let prices = [
            "above",
            "perMillion",
            "perThousand",
            "prices",
            "providers",
            "regions",
            "tiers",
        ];
        for (name, text) in EXAMPLES {
            assert!(
                schema.used.contains(text) || prices.contains(name),
                "{name} is of no property"
            );
        }
    }
}
