//! `authentication-managed-identity`: a token of the gateway's own identity for the backend.
//!
//! Tokens are cached and refreshed ahead of expiry by [`crate::services::IdentityTokens`]; only the first call waits.

use crate::LocalBoxFuture;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::services::IdentityToken;
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

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let client_id = match element.attribute("client-id") {
        Some(_) => Some(cx.arg(element, "client-id")?),
        None => None,
    };
    let step = ManagedIdentity {
        resource: cx.arg(element, "resource")?,
        client_id,
        variable: cx.literal(element, "output-token-variable-name"),
        ignore_error: cx.arg(element, "ignore-error")?,
    };
    cx.step(step)
}

#[derive(Debug)]
struct ManagedIdentity {
    resource: Arg<Str>,
    client_id: Option<Arg<Str>>,
    variable: Option<Str>,
    ignore_error: Arg<bool>,
}

impl ManagedIdentity {
    fn wanted(&self, rq: &mut Exchange) -> Result<(Str, Option<Str>), Box<Failure>> {
        let resource = self.resource.get(rq)?;
        let client_id = self
            .client_id
            .as_ref()
            .map(|c| c.get(rq))
            .transpose()?
            .filter(|c| !c.is_empty());
        Ok((resource, client_id))
    }

    fn apply(&self, rq: &mut Exchange, token: &IdentityToken) {
        match &self.variable {
            Some(variable) => rq.set_variable(variable, Value::Str(token.token.expose().clone())),
            None => {
                rq.request
                    .headers
                    .insert(header::AUTHORIZATION, token.header.clone());
            }
        }
    }

    async fn fetch(&self, rq: &mut Exchange) -> Result<Arc<IdentityToken>, Box<Failure>> {
        let (resource, client_id) = self.wanted(rq)?;
        let tokens = rq.services.tokens.clone();
        tokens
            .token(&resource, client_id.as_deref())
            .await
            .map_err(|why| Failure::no_identity_token(&resource, &why))
    }
}

impl Step for ManagedIdentity {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let (resource, client_id) = match self.wanted(rq) {
            Ok(wanted) => wanted,
            Err(failure) => return Flow::Fail(failure),
        };
        match rq.services.tokens.cached(&resource, client_id.as_deref()) {
            Some(token) => {
                self.apply(rq, &token);
                Flow::Next
            }
            None => Flow::Wait,
        }
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move {
            match self.fetch(rq).await {
                Ok(token) => self.apply(rq, &token),
                Err(failure) => match self.ignore_error.get(rq) {
                    Ok(true) => {}
                    Ok(false) => return Flow::Fail(failure),
                    Err(failure) => return Flow::Fail(failure),
                },
            }
            Flow::Next
        })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
