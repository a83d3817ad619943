//! `authentication-managed-identity`: a token of the gateway's own identity for the backend.
//!
//! Tokens are cached and refreshed ahead of expiry by [`crate::services::IdentityTokens`]; only the first call waits.

use crate::LocalBoxFuture;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::probe::Event;
use crate::services::{IdentityToken, Services};
use crate::step::{Flow, Step};
use http::header;
use std::sync::Arc;
use tollgate_lang::document::Element;
use tollgate_lang::value::{Str, Value};

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "authentication-managed-identity",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("resource", Kind::Text, "the resource that the token is for")
            .required()
            .expression(),
        attribute(
            "client-id",
            Kind::Text,
            "a user-assigned identity; default: the system-assigned one",
        )
        .expression(),
        attribute(
            "output-token-variable-name",
            Kind::Text,
            "put the token into this variable instead of the `Authorization` header",
        ),
        attribute(
            "ignore-error",
            Kind::Bool,
            "go on without a token when none can be had",
        )
        .expression()
        .default("false"),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Gets a token of the gateway's managed identity and sets it as `Authorization: Bearer`, or stores it in a variable.",
    compile,
};

/// Compiles the part that says which token; `send-request` uses it for its own message.
pub fn compile_identity(element: &Element, cx: &mut Compile<'_>) -> Option<Identity> {
    let client_id = match element.attribute("client-id") {
        Some(_) => Some(cx.attribute_of(element, &DEF, "client-id")?),
        None => None,
    };
    Some(Identity {
        resource: cx.attribute_of(element, &DEF, "resource")?,
        client_id,
        ignore_error: cx.attribute_of(element, &DEF, "ignore-error")?,
    })
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let step = ManagedIdentity {
        identity: compile_identity(element, cx)?,
        variable: cx.literal(element, "output-token-variable-name"),
    };
    cx.step(step)
}

/// Which token.
#[derive(Debug)]
pub struct Identity {
    resource: Arg<Str>,
    client_id: Option<Arg<Str>>,
    ignore_error: Arg<bool>,
}

/// The same, computed for one request.
#[derive(Debug)]
pub struct Wanted {
    resource: Str,
    client_id: Option<Str>,
    /// Whether to go on without a token when none can be had.
    pub ignore_error: bool,
}

impl Identity {
    /// Which token this request needs.
    pub fn wanted(&self, rq: &mut Exchange) -> Result<Wanted, Box<Failure>> {
        let client_id = self.client_id.as_ref().map(|c| c.get(rq)).transpose()?;
        Ok(Wanted {
            resource: self.resource.get(rq)?,
            client_id: client_id.filter(|c| !c.is_empty()),
            ignore_error: self.ignore_error.get(rq)?,
        })
    }
}

impl Wanted {
    /// The token of `resource` that another policy needs, of the system-assigned identity unless a client id is named.
    pub fn new(resource: Str, client_id: Option<Str>) -> Wanted {
        Wanted {
            resource,
            client_id: client_id.filter(|c| !c.is_empty()),
            ignore_error: false,
        }
    }

    fn cached(&self, services: &Services) -> Option<Arc<IdentityToken>> {
        services
            .tokens
            .cached(&self.resource, self.client_id.as_deref())
    }

    /// The cached token, or a fetched one.
    pub async fn token(&self, services: &Services) -> Result<Arc<IdentityToken>, Box<Failure>> {
        services
            .tokens
            .token(&self.resource, self.client_id.as_deref())
            .await
            .map_err(|why| Failure::no_identity_token(&self.resource, &why))
    }
}

#[derive(Debug)]
struct ManagedIdentity {
    identity: Identity,
    variable: Option<Str>,
}

impl ManagedIdentity {
    fn apply(&self, rq: &mut Exchange, token: &IdentityToken) {
        rq.tell(|| Event::Secret(token.token.expose()));
        match &self.variable {
            Some(variable) => rq.set_variable(variable, Value::Str(token.token.expose().clone())),
            None => {
                rq.request
                    .headers
                    .insert(header::AUTHORIZATION, token.header.clone());
            }
        }
    }

    async fn fetch(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let wanted = self.identity.wanted(rq)?;
        let services = rq.services.clone();
        match wanted.token(&services).await {
            Ok(token) => self.apply(rq, &token),
            Err(_) if wanted.ignore_error => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}

impl Step for ManagedIdentity {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let wanted = match self.identity.wanted(rq) {
            Ok(wanted) => wanted,
            Err(failure) => return Flow::Fail(failure),
        };
        match wanted.cached(&rq.services) {
            Some(token) => {
                self.apply(rq, &token);
                Flow::Next
            }
            None => Flow::Wait,
        }
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.fetch(rq).await.into() })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
