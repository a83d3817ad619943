//! An operation's contract, compiled: what validation policies hold its messages to and `mock-response` answers from.
//!
//! [`crate::snapshot::build`] makes it, for those operations only whose documents have such a policy, and of those parts
//! only that the policies use ([`ContractUses`]). What must stay true: requests compile nothing.

pub mod body;
pub mod parameter;
pub mod position;
pub mod sample;
pub mod schema;
pub(crate) mod source;
pub mod xml_schema;

use crate::compile::Section;
use body::{BodyRules, Representation};
use parameter::Parameter;
use sample::Sample;
use std::sync::Arc;
use tollgate_agents::operation::arguments::Validators;
use tollgate_agents::operation::openapi::Document;
use tollgate_agents::operation::{DeclaredResponse, Messages};
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Diagnostics, Span};

/// What the policies of a document use of contracts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractUses {
    /// Parameters of requests.
    pub parameters: bool,
    /// Headers of responses.
    pub headers: bool,
    /// Statuses of responses.
    pub statuses: bool,
    /// Examples and samples of responses.
    pub samples: bool,
    /// The schema of a GraphQL API; no operation has a part of it.
    pub graphql: bool,
    /// Subscriptions of a GraphQL API that a resolver's document publishes to, and where it names them.
    pub subscriptions: Vec<(Str, Span)>,
    /// Bodies of requests: in which ways they are held to their schemas.
    pub requests: Vec<BodyRules>,
    /// Bodies of responses.
    pub responses: Vec<BodyRules>,
}

impl ContractUses {
    /// Whether nothing is used.
    pub fn none(&self) -> bool {
        let rest = ContractUses {
            graphql: false,
            ..self.clone()
        };
        rest == ContractUses::default()
    }

    /// Adds another document's.
    pub fn add(&mut self, other: &ContractUses) {
        self.parameters |= other.parameters;
        self.headers |= other.headers;
        self.statuses |= other.statuses;
        self.samples |= other.samples;
        self.graphql |= other.graphql;
        self.subscriptions.extend_from_slice(&other.subscriptions);
        for rules in &other.requests {
            self.body(*rules, Section::Inbound);
        }
        for rules in &other.responses {
            self.body(*rules, Section::Outbound);
        }
    }

    /// Bodies that are held to their schemas in this way.
    pub fn body(&mut self, rules: BodyRules, section: Section) {
        let list = if section.on_request() {
            &mut self.requests
        } else {
            &mut self.responses
        };
        if !list.contains(&rules) {
            list.push(rules);
        }
    }
}

/// A compiled contract.
#[derive(Debug, Default)]
pub struct Contract {
    /// The schemas that the rest names.
    pub validators: Validators,
    /// Parameters of the path, the query and headers.
    pub parameters: Vec<Parameter>,
    /// Bodies that a request may have.
    pub request: Vec<Representation>,
    /// Answers.
    pub responses: Vec<Response>,
}

/// An answer.
#[derive(Debug, Default)]
pub struct Response {
    declared: DeclaredResponse,
    /// Its headers.
    pub headers: Vec<Parameter>,
    /// Its bodies.
    pub representations: Vec<Representation>,
    /// What `mock-response` answers, by content type.
    pub samples: Vec<Sample>,
}

impl Contract {
    /// The answer that is declared for a status, the most exact one.
    pub fn response(&self, status: u16) -> Option<&Response> {
        DeclaredResponse::most_exact(&self.responses, status, |r| &r.declared)
    }

    /// Compiles the parts that are used. What cannot be checked is a warning.
    pub fn build(messages: &Messages, uses: &ContractUses, place: &mut Place<'_>) -> Contract {
        let mut contract = Contract::default();
        let validators = &mut contract.validators;
        if uses.parameters {
            contract.parameters = messages
                .parameters
                .iter()
                .map(|p| Parameter::build(p, &messages.request_definitions, validators, place))
                .collect();
        }
        if !uses.requests.is_empty() {
            contract.request = messages
                .request
                .iter()
                .map(|r| {
                    let definitions = &messages.request_definitions;
                    Representation::build(r, definitions, &uses.requests, validators, place)
                })
                .collect();
        }
        let answers = uses.headers || uses.statuses || uses.samples || !uses.responses.is_empty();
        for declared in messages.responses.iter().filter(|_| answers) {
            let definitions = &messages.response_definitions;
            let mut response = Response {
                declared: DeclaredResponse {
                    status: declared.status.clone(),
                    ..DeclaredResponse::default()
                },
                ..Response::default()
            };
            if uses.headers {
                response.headers = declared
                    .headers
                    .iter()
                    .map(|h| Parameter::build(h, definitions, validators, place))
                    .collect();
            }
            if !uses.responses.is_empty() {
                response.representations = declared
                    .representations
                    .iter()
                    .map(|r| {
                        Representation::build(r, definitions, &uses.responses, validators, place)
                    })
                    .collect();
            }
            if uses.samples {
                response.samples = declared
                    .representations
                    .iter()
                    .map(|r| Sample::build(r, definitions))
                    .collect();
            }
            contract.responses.push(response);
        }
        contract
    }
}

/// Where what is said of a contract is said.
#[derive(Debug)]
pub struct Place<'d> {
    /// The operation (`list-pets` of API `pets`), or the schema.
    pub of: String,
    /// Where it stands.
    pub span: Option<Span>,
    /// What is said.
    pub diagnostics: &'d mut Diagnostics,
    /// The schemas of the service, for those that include others.
    pub schemas: Arc<schema::Schemas>,
}

impl Place<'_> {
    /// Notes what is not checked.
    pub fn warn(&mut self, what: &str) {
        self.note(Diagnostic {
            code: "TG0540",
            severity: tollgate_lang::Severity::Warning,
            message: format!("{}: {what}", self.of),
            span: self.span,
            label: String::new(),
            help: Some(String::from(
                "messages that only this part would refuse pass; write it in another way",
            )),
            related: Vec::new(),
        });
    }

    fn note(&mut self, diagnostic: Diagnostic) {
        let known = self.diagnostics.items().iter();
        if !known
            .filter(|d| d.code == diagnostic.code)
            .any(|d| d.message == diagnostic.message)
        {
            self.diagnostics.push(diagnostic);
        }
    }
}

/// A text as a document whose parts references name, whatever of OpenAPI or JSON Schema it is.
pub fn document(text: &str) -> Result<Document, String> {
    let mut root: serde_json::Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let serde_json::Value::Object(members) = &mut root else {
        return Err(String::from("expected an object"));
    };
    let dialect = members.get("$schema").and_then(|s| s.as_str());
    let old = dialect.map_or(members.contains_key("definitions"), |d| {
        d.contains("draft-0") || d.contains("draft-3")
    });
    if !members.contains_key("openapi") && !members.contains_key("swagger") {
        let (name, version) = match (old, members.contains_key("components")) {
            (true, _) => ("swagger", "2.0"),
            (false, true) => ("openapi", "3.0.3"),
            (false, false) => ("openapi", "3.1.0"),
        };
        members.insert(String::from(name), version.into());
    }
    Ok(Document::new(root))
}
