//! `send-request`: a request of the document's own, whose answer becomes an `IResponse` in a variable.
//!
//! An error status is an answer like any other. What must stay true: the wait has a deadline, the answer a bound; without
//! an answer the variable is null, not what an earlier request left there.

use crate::accounting::Purpose;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::side_request::{Answer, CHILDREN, MODE, SideRequest, TIMEOUT};
use crate::step::{Flow, Step};
use tollgate_lang::document::Element;
use tollgate_lang::value::{Str, Value};

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "send-request",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        MODE,
        attribute(
            "response-variable-name",
            Kind::Text,
            "the variable that gets the answer; without it the answer is dropped",
        ),
        TIMEOUT,
        attribute(
            "ignore-error",
            Kind::Bool,
            "go on with a null variable when there is no answer",
        )
        .expression()
        .default("false"),
    ],
    children: CHILDREN,
    content: Content::Empty,
    doc: "Sends a request of its own to a URL and puts the answer into a variable as an `IResponse`.\n\nAny status is an answer. No connection, no answer within `timeout` and a body larger than a policy may read are errors (`BackendConnectionFailure`, `Timeout`), which end the section unless `ignore-error` is true. Redirects are not followed. The request reaches whatever host the document names: where a part of the URL comes from the caller, the document must make sure that it is one the caller may reach.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let request = SideRequest::compile(element, cx);
    let step = SendRequest {
        variable: cx.literal(element, "response-variable-name"),
        ignore_error: cx.arg(element, "ignore-error")?,
        request: request?,
    };
    cx.step(step)
}

#[derive(Debug)]
struct SendRequest {
    request: SideRequest,
    variable: Option<Str>,
    ignore_error: Arg<bool>,
}

impl SendRequest {
    fn begin(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        let mut request = self.request.prepare(rq)?;
        let ignore_error = self.ignore_error.get(rq)?;
        if let Err(refused) = request.account(rq, Purpose::SendRequest) {
            if !ignore_error {
                return Err(refused);
            }
            if let Some(variable) = &self.variable {
                rq.set_variable(variable, Value::Null);
            }
            return Ok(Flow::Next);
        }
        let services = rq.services.clone();
        let limit = rq.snapshot.gateway.max_buffered_body;
        let variable = self.variable.clone();
        request.tell(rq);
        let sent = async move { request.send(&services, limit).await };
        Ok(rq.begin(sent, move |rq, sent| {
            Answer::tell(rq, &sent);
            let value = match sent {
                Ok(answer) => answer.into_value(limit),
                Err(_) if ignore_error => Value::Null,
                Err(failure) => return Flow::Fail(failure),
            };
            if let Some(variable) = &variable {
                rq.set_variable(variable, value);
            }
            Flow::Next
        }))
    }
}

impl Step for SendRequest {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.begin(rq).unwrap_or_else(Flow::Fail)
    }

    fn may_wait(&self) -> bool {
        true
    }
}
