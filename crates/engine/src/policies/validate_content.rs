//! `validate-content`: holds the body of a request or response to a size and to the schema of its content type.
//!
//! What must stay true: no more than `max-size` bytes are read into memory, and a larger body goes on as a stream; a body
//! that nothing asks about is not read at all; what cannot be validated is never taken for valid.

use crate::body::coding::Coding;
use crate::compile::{
    Arg, ChildDef, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use crate::step::{Flow, Step};
use crate::validation::content::{self, Checked, Schema, Wanted};
use crate::validation::{self, Action, ActionArg, ERRORS_VARIABLE, Finding, Subject, action};
use crate::{LocalBoxFuture, mcp};
use bytes::Bytes;
use http::{HeaderMap, header};
use tollgate_agents::operation::contract::essence;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// Largest `max-size`, in bytes.
const LARGEST: i64 = 4 << 20;

const TYPE: ChildDef = child(
    "type",
    Content::Empty,
    "a content type that counts as another; the first that fits",
)
.attributes(&[
    attribute("from", Kind::Text, "the content type of the message"),
    attribute(
        "when",
        Kind::Bool,
        "instead of `from`: whether it counts as the other one",
    )
    .expression(),
    attribute("to", Kind::Text, "what it counts as").required(),
]);

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "validate-content",
    sections: Sections::INBOUND
        .or(Sections::OUTBOUND)
        .or(Sections::ON_ERROR),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        action(
            "unspecified-content-type-action",
            "what is done about a body whose content type the operation does not declare",
        )
        .required(),
        attribute(
            "max-size",
            Kind::Int(0, LARGEST),
            "most bytes of a body, not compressed; a larger one is not validated",
        )
        .required(),
        action(
            "size-exceeded-action",
            "what is done about a body of more bytes",
        )
        .required(),
        ERRORS_VARIABLE,
    ],
    children: &[
        child(
            "content-type-map",
            Content::Empty,
            "what content types count as",
        )
        .times(0, 1)
        .attributes(&[
            attribute(
                "any-content-type-value",
                Kind::Text,
                "what all content types count as",
            ),
            attribute(
                "missing-content-type-value",
                Kind::Text,
                "what a body without a content type counts as",
            ),
        ])
        .children(&[TYPE]),
        child(
            "content",
            Content::Empty,
            "how the bodies of a content type are validated",
        )
        .attributes(&[
            attribute(
                "type",
                Kind::Text,
                "the content type; none: each that the operation declares",
            ),
            attribute(
                "validate-as",
                Kind::OneOf(&["json", "xml", "soap"]),
                "the language of the schema; `soap`: XML in an envelope",
            )
            .required(),
            action("action", "what is done about a body that does not conform").required(),
            attribute(
                "schema-id",
                Kind::Text,
                "a schema of the service; none: the operation's own",
            ),
            attribute(
                "schema-ref",
                Kind::Text,
                "the part of the JSON document `schema-id` that is the schema, as `#/components/schemas/address`",
            ),
            attribute(
                "allow-additional-properties",
                Kind::Bool,
                "whether objects may have properties that the schema does not name; none: as the schema says",
            ),
            attribute(
                "case-insensitive-property-names",
                Kind::Bool,
                "whether names of properties compare without case",
            )
            .default("false"),
        ]),
    ],
    content: Content::Empty,
    doc: "Validates the size and the content of bodies against the operation's schemas, or against schemas of the service. With `prevent` a request that does not conform is refused with 400, a response replaced with a 502 that tells nothing of it.\n\nA body is read into memory up to `max-size` bytes.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let unspecified = ActionArg::of(element, "unspecified-content-type-action", cx);
    let size_exceeded = ActionArg::of(element, "size-exceeded-action", cx);
    let max_size = cx.literal::<i64>(element, "max-size");
    let mut contents = Vec::new();
    let mut types = Vec::new();
    let (mut any, mut missing) = (None, None);
    for child in element.elements() {
        if &*child.name == "content" {
            contents.push(Schema::compile(child, cx));
            continue;
        }
        let literal = |name: &str| child.attribute(name).map(|a| essence(&a.value.text));
        any = literal("any-content-type-value");
        missing = literal("missing-content-type-value");
        for entry in child.elements() {
            types.push(mapping(entry, cx));
        }
    }
    let variable = cx.literal(element, ERRORS_VARIABLE.name);
    cx.step(ValidateContent {
        unspecified: unspecified?,
        size_exceeded: size_exceeded?,
        max_size: usize::try_from(max_size?).ok()?,
        variable,
        any,
        missing,
        types: types.into_iter().collect::<Option<_>>()?,
        contents: contents.into_iter().collect::<Option<_>>()?,
    })
}

fn mapping(element: &Element, cx: &mut Compile<'_>) -> Option<(From, String)> {
    let both = cx.exclusive(element, "from", "when");
    let from = match (element.attribute("from"), element.attribute("when")) {
        _ if both => None,
        (Some(from), _) => Some(From::Type(essence(&from.value.text))),
        (None, Some(when)) => cx.text_arg(&when.value).map(From::When),
        (None, None) => {
            let fault = Diagnostic::error(
                "TG0542",
                element.name_span,
                "`type` needs the attribute `from` or `when`",
            );
            cx.report(fault.label("expected one of them"));
            None
        }
    };
    Some((from?, essence(&element.attribute("to")?.value.text)))
}

/// What a mapping is for.
#[derive(Debug)]
enum From {
    Type(String),
    When(Arg<bool>),
}

#[derive(Debug)]
struct ValidateContent {
    unspecified: ActionArg,
    size_exceeded: ActionArg,
    max_size: usize,
    variable: Option<Str>,
    any: Option<String>,
    missing: Option<String>,
    types: Vec<(From, String)>,
    contents: Vec<Schema>,
}

/// What is to be done with a body, known before it is read.
#[derive(Debug)]
struct Plan {
    /// The content type that counts, without parameters.
    content_type: String,
    size_exceeded: Action,
    unspecified: Action,
    /// Which of the contents validates it, and what is done about what it finds.
    content: Option<(usize, Action)>,
}

fn message(rq: &Exchange) -> Option<(&HeaderMap, &BodyState)> {
    if rq.section.on_request() {
        return Some((&rq.request.headers, &rq.request.body));
    }
    // The stream of an MCP server has no end to wait for.
    let response = rq.response.as_ref()?;
    let open = matches!(response.body, BodyState::Streaming(_)) && mcp::is_open_stream(rq);
    (!open).then_some((&response.headers, &response.body))
}

impl ValidateContent {
    /// `None`: there is no body and nothing to say of it.
    fn plan(&self, rq: &mut Exchange) -> Result<Option<Plan>, Box<Failure>> {
        let Some((headers, body)) = message(rq) else {
            return Ok(None);
        };
        let told = headers.get(header::CONTENT_TYPE);
        let told = told.and_then(|v| v.to_str().ok()).map(essence);
        let told = told.filter(|t| !t.is_empty());
        let empty = match body {
            BodyState::None => true,
            BodyState::Buffered(bytes) => bytes.is_empty(),
            BodyState::Streaming(_) | BodyState::Consumed => false,
        };
        if empty && (told.is_none() || !rq.section.on_request()) {
            return Ok(None);
        }
        let content_type = self.counts_as(told, rq)?;
        let size_exceeded = self.size_exceeded.get(rq)?;
        let unspecified = self.unspecified.get(rq)?;
        let content = content::find(&self.contents, &content_type, rq);
        let content = match content {
            Wanted::Validated(at) => Some((at, self.contents[at].action.get(rq)?)),
            Wanted::Specified | Wanted::Unspecified => None,
        };
        Ok(Some(Plan {
            unspecified: match content::find(&self.contents, &content_type, rq) {
                Wanted::Unspecified => unspecified,
                _ => Action::Ignore,
            },
            content_type,
            size_exceeded,
            content: content.filter(|(_, action)| *action != Action::Ignore),
        }))
    }

    /// The content type that counts for what the message tells.
    fn counts_as(&self, told: Option<String>, rq: &mut Exchange) -> Result<String, Box<Failure>> {
        for (from, to) in &self.types {
            let fits = match from {
                From::Type(from) => told.as_deref() == Some(from),
                From::When(when) => when.get(rq)?,
            };
            if fits {
                return Ok(to.clone());
            }
        }
        let mapped = match (&self.any, &told) {
            (Some(any), _) => Some(any.clone()),
            (None, Some(_)) => None,
            (None, None) => self.missing.clone(),
        };
        Ok(mapped.or(told).unwrap_or_default())
    }

    /// Whether the plan needs the body in memory.
    fn reads(&self, plan: &Plan, rq: &Exchange) -> bool {
        let Some((_, BodyState::Streaming(body))) = message(rq) else {
            return false;
        };
        let length = http_body::Body::size_hint(body).exact();
        plan.content.is_some() || (plan.size_exceeded != Action::Ignore && length.is_none())
    }

    fn conclude(&self, plan: &Plan, rq: &mut Exchange) -> Flow {
        let findings = self.findings(plan, rq);
        validation::conclude(DEF.name, self.variable.as_ref(), &findings, rq)
    }

    fn findings(&self, plan: &Plan, rq: &Exchange) -> Vec<Finding> {
        let on_request = rq.section.on_request();
        let mut findings = Vec::new();
        let (plain, size) = match self.plain(rq) {
            Plain::Whole(bytes) => (Some(bytes), None),
            Plain::Larger(size) => (None, Some(size)),
            Plain::Unreadable => (None, None),
        };
        if let (Some(size), false) = (&size, plan.size_exceeded == Action::Ignore) {
            findings.push(too_large(
                size,
                self.max_size,
                on_request,
                plan.size_exceeded,
            ));
        }
        if plan.unspecified != Action::Ignore {
            let name = &plan.content_type;
            let details = format!("Unspecified content type {name} is not allowed.");
            let subject = body_of(on_request);
            findings.push(Finding::told(
                name,
                subject,
                "Unspecified",
                details,
                plan.unspecified,
            ));
        }
        let Some((at, action)) = plan.content.filter(|_| size.is_none()) else {
            return findings;
        };
        let checked = Checked {
            content_type: &plan.content_type,
            subject: body_of(on_request),
            action,
        };
        match plain {
            Some(bytes) => self.contents[at].check(&checked, &bytes, rq, &mut findings),
            None => findings.push(checked.cannot("The body cannot be read.")),
        }
        findings
    }

    /// The body without its content coding.
    fn plain(&self, rq: &Exchange) -> Plain {
        let Some((headers, body)) = message(rq) else {
            return Plain::Whole(Bytes::new());
        };
        match body {
            BodyState::None => Plain::Whole(Bytes::new()),
            BodyState::Consumed => Plain::Unreadable,
            BodyState::Streaming(body) => match http_body::Body::size_hint(body).exact() {
                Some(size) if size <= self.max_size as u64 => Plain::Whole(Bytes::new()),
                Some(size) => Plain::Larger(size.to_string()),
                None => Plain::Larger(format!("more than {}", self.max_size)),
            },
            BodyState::Buffered(bytes) => {
                let coding = Coding::of(headers);
                if let Some(plain) = coding.undo(bytes, self.max_size)
                    && plain.len() <= self.max_size
                {
                    return Plain::Whole(plain);
                }
                let limit = rq.snapshot.gateway.max_buffered_body;
                match coding.undo(bytes, limit.max(self.max_size)) {
                    Some(plain) => Plain::Larger(plain.len().to_string()),
                    None => Plain::Unreadable,
                }
            }
        }
    }

    async fn read(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        let Some(plan) = self.plan(rq)? else {
            return Ok(Flow::Next);
        };
        if self.reads(&plan, rq) {
            rq.keep_body_within(self.max_size).await?;
        }
        Ok(self.conclude(&plan, rq))
    }
}

/// A body as far as it can be looked at.
enum Plain {
    Whole(Bytes),
    /// Its size, as far as it is known.
    Larger(String),
    /// Its content coding is unknown, it is broken, or an expression has taken it.
    Unreadable,
}

fn body_of(on_request: bool) -> Subject {
    if on_request {
        Subject::RequestBody
    } else {
        Subject::ResponseBody
    }
}

fn too_large(size: &str, limit: usize, on_request: bool, action: Action) -> Finding {
    let whose = if on_request { "Request" } else { "Response" };
    let sentence = |configured: &str| {
        format!(
            "{whose}'s body is {size} bytes long and it exceeds the {configured}limit of {limit} bytes."
        )
    };
    let details = sentence("configured ");
    let mut finding = Finding::told("", body_of(on_request), "SizeLimit", details, action);
    finding.public = Some(sentence(""));
    finding
}

impl Step for ValidateContent {
    fn run(&self, rq: &mut Exchange) -> Flow {
        if message(rq).is_some_and(|(_, body)| matches!(body, BodyState::Streaming(_))) {
            return Flow::Wait;
        }
        match self.plan(rq) {
            Ok(Some(plan)) => self.conclude(&plan, rq),
            Ok(None) => Flow::Next,
            Err(failure) => Flow::Fail(failure),
        }
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.read(rq).await.unwrap_or_else(Flow::Fail) })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
