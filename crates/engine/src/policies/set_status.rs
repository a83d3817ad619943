//! `set-status`: sets status and reason phrase of the response.
//!
//! Without `reason` the phrase is the standard one of the new code. Inside `return-response` it may stand anywhere.

use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::{Exchange, Response};
use crate::failure::Failure;
use crate::step::{Flow, Step};
use http::StatusCode;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "set-status",
    sections: Sections::BACKEND
        .or(Sections::OUTBOUND)
        .or(Sections::ON_ERROR),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "code",
            Kind::Int(200, 999),
            "the status code; codes below 200 are no final answers",
        )
        .required()
        .expression(),
        attribute(
            "reason",
            Kind::Text,
            "the reason phrase; without it, the code's standard phrase",
        )
        .expression(),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Sets the status code and the reason phrase of the response.",
    compile,
};

/// Compiles it; `return-response` uses it for its own message.
pub fn compile_status(element: &Element, cx: &mut Compile<'_>) -> Option<SetStatus> {
    let code = cx.attribute_of::<i64>(element, &DEF, "code");
    let reason = match element.attribute("reason") {
        Some(reason) => Some(cx.text_arg::<Str>(&reason.value)?),
        None => None,
    };
    Some(SetStatus {
        code: code?,
        reason,
    })
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let status = compile_status(element, cx)?;
    cx.step(status)
}

/// The compiled element.
#[derive(Debug)]
pub struct SetStatus {
    code: Arg<i64>,
    reason: Option<Arg<Str>>,
}

impl SetStatus {
    /// The status and the phrase for this request.
    pub fn get(&self, rq: &mut Exchange) -> Result<(StatusCode, Option<Str>), Box<Failure>> {
        let code = self.code.get(rq)?;
        let status = u16::try_from(code)
            .ok()
            .filter(|c| *c >= 200)
            .and_then(|c| StatusCode::from_u16(c).ok())
            .ok_or_else(|| {
                Failure::internal(
                    "",
                    "",
                    format!("`{code}` is not a status code from 200 to 999."),
                )
            })?;
        let reason = match &self.reason {
            Some(reason) => Some(reason.get(rq)?).filter(|r| !r.is_empty()),
            None => None,
        };
        Ok((status, reason))
    }

    /// Applies it to a response.
    pub fn apply(found: (StatusCode, Option<Str>), to: &mut Response) {
        (to.status, to.reason) = found;
    }
}

impl Step for SetStatus {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.get(rq) {
            Ok(found) => {
                SetStatus::apply(found, rq.response_mut());
                Flow::Next
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}
