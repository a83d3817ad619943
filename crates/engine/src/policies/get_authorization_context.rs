//! `get-authorization-context`: the access token of a stored connection, for expressions.
//!
//! Connections are in the configuration; who made them keeps their tokens fresh. What must stay true: a token is not
//! given after its end; which connections there are is told to operators only, since callers may choose the ids.

use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::definition::{AuthorizationDefinition, AuthorizationProviders};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use std::sync::Arc;
use tollgate_lang::Diagnostic;
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::document::Element;
use tollgate_lang::value::{Str, Value};

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "get-authorization-context",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("provider-id", Kind::Text, "the authorization provider")
            .required()
            .expression(),
        attribute("authorization-id", Kind::Text, "its connection")
            .required()
            .expression(),
        attribute(
            "context-variable-name",
            Kind::Text,
            "the variable that gets the `Authorization`",
        )
        .required()
        .expression(),
        attribute(
            "identity-type",
            Kind::OneOf(&["managed", "jwt"]),
            "whose access counts; only `managed`, the gateway's own, is served",
        )
        .expression()
        .default("managed"),
        attribute(
            "identity",
            Kind::Text,
            "the caller's token where `identity-type` is `jwt`",
        )
        .expression(),
        attribute(
            "ignore-error",
            Kind::Bool,
            "set the variable to null when there is no token",
        )
        .expression()
        .default("false"),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Puts the access token of a stored connection into a variable, as an `Authorization`.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let step = AuthorizationContext {
        provider: cx.arg(element, "provider-id")?,
        authorization: cx.arg(element, "authorization-id")?,
        variable: cx.arg(element, "context-variable-name")?,
        identity_type: cx.arg(element, "identity-type")?,
        ignore_error: cx.arg(element, "ignore-error")?,
        providers: cx.authorization_providers(),
    };
    known(element, &step, cx);
    if let Some(kind) = step.identity_type.constant()
        && &**kind == "jwt"
        && let Some(attribute) = element.attribute("identity-type")
    {
        cx.report(
            Diagnostic::error(
                "TG0396",
                attribute.value.span,
                "`identity-type=\"jwt\"` is not served yet",
            )
            .label("expected `managed`")
            .help("the gateway keeps no access policies for connections: check the caller with `validate-jwt` before"),
        );
    }
    cx.step(step)
}

/// Ids that are known at load are looked up then.
fn known(element: &Element, step: &AuthorizationContext, cx: &mut Compile<'_>) {
    let Some(provider) = step.provider.constant() else {
        return;
    };
    let Some(authorizations) = step.providers.get(&**provider) else {
        let message = format!("there is no authorization provider `{provider}`");
        let near = nearest(provider, step.providers.keys().map(|id| &**id));
        unknown(element, "provider-id", message, near, cx);
        return;
    };
    if let Some(id) = step.authorization.constant()
        && !authorizations.contains_key(&**id)
    {
        let message =
            format!("the authorization provider `{provider}` has no authorization `{id}`");
        let near = nearest(id, authorizations.keys().map(|id| &**id));
        unknown(element, "authorization-id", message, near, cx);
    }
}

fn unknown(
    element: &Element,
    name: &str,
    message: String,
    near: Option<&str>,
    cx: &mut Compile<'_>,
) {
    let Some(attribute) = element.attribute(name) else {
        return;
    };
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => String::from("define it under `authorizationProviders`"),
    };
    cx.report(
        Diagnostic::error("TG0395", attribute.value.span, message)
            .label("expected the id of a stored connection")
            .help(help),
    );
}

#[derive(Debug)]
struct AuthorizationContext {
    provider: Arg<Str>,
    authorization: Arg<Str>,
    variable: Arg<Str>,
    identity_type: Arg<Str>,
    ignore_error: Arg<bool>,
    providers: Arc<AuthorizationProviders>,
}

impl AuthorizationContext {
    fn find(&self, rq: &mut Exchange) -> Result<&AuthorizationDefinition, Box<Failure>> {
        let provider = self.provider.get(rq)?;
        let authorization = self.authorization.get(rq)?;
        let kind = self.identity_type.get(rq)?;
        if !kind.eq_ignore_ascii_case("managed") {
            return Err(none(format!(
                "`identity-type` is `{kind}`: only `managed` is served"
            )));
        }
        let found = self
            .providers
            .get(&*provider)
            .and_then(|all| all.get(&*authorization))
            .ok_or_else(|| {
                none(format!(
                    "there is no authorization `{authorization}` of a provider `{provider}`"
                ))
            })?;
        match found.expires_millis {
            Some(end) if end <= rq.services.clock.unix_millis() => Err(none(format!(
                "the token of `{provider}` / `{authorization}` has ended"
            ))),
            _ => Ok(found),
        }
    }
}

fn none(why: String) -> Box<Failure> {
    Failure::internal(
        "",
        "AuthorizationContextFailure",
        format!("No access token: {why}"),
    )
}

impl Step for AuthorizationContext {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let value = match self.find(rq) {
            Ok(found) => {
                let claims = found.claims.iter();
                let claims = claims.map(|(name, value)| (name.clone(), claim(value)));
                Value::authorization(found.access_token.expose().clone(), claims)
            }
            Err(failure) => match self.ignore_error.get(rq) {
                Ok(true) => Value::Null,
                Ok(false) => return Flow::Fail(failure),
                Err(failure) => return Flow::Fail(failure),
            },
        };
        match self.variable.get(rq) {
            Ok(name) => rq.set_variable(&name, value),
            Err(failure) => return Flow::Fail(failure),
        }
        Flow::Next
    }
}

/// A claim as Json.NET would give it to an `object`.
fn claim(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::String(text) => Value::Str(Str::from(text.as_str())),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(n), _) => Value::Long(n),
            (None, Some(n)) => Value::Double(n),
            (None, None) => Value::Str(Str::from(number.to_string())),
        },
        other => Value::json(&other.to_string()).unwrap_or_default(),
    }
}
