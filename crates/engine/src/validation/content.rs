//! Bodies held to schemas: the `content` elements of `validate-content`.
//!
//! What must stay true: a schema of the service is compiled with the document that names it, the operation's own with
//! the operation; a body of a declared type that no `content` is for passes, one of another type is unspecified.

use super::{Action, ActionArg, Finding, MOST, Subject};
use crate::compile::Compile;
use crate::contract::body::{BodyRules, Representation, Validation, lowered};
use crate::contract::position;
use crate::contract::schema::called;
use crate::definition::SchemaKind;
use crate::exchange::Exchange;
use tollgate_agents::operation::arguments::Validators;
use tollgate_agents::operation::contract::essence;
use tollgate_lang::Diagnostic;
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// A `content` element.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The content type without parameters; none: each that the operation declares.
    content_type: Option<String>,
    pub(crate) action: ActionArg,
    rules: BodyRules,
    /// A schema of the service, and what it is called.
    own: Option<(Validators, Validation, Str)>,
}

/// Which `content` is for a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Validated(usize),
    /// None, and the operation declares the content type.
    Specified,
    /// None, and it does not.
    Unspecified,
}

/// What a body is checked as.
#[derive(Debug)]
pub(crate) struct Checked<'c> {
    pub(crate) content_type: &'c str,
    pub(crate) subject: Subject,
    pub(crate) action: Action,
}

impl Checked<'_> {
    fn whose(&self) -> &'static str {
        match self.subject {
            Subject::RequestBody => "request",
            _ => "response",
        }
    }

    /// It cannot be validated.
    pub(crate) fn cannot(&self, why: &str) -> Finding {
        let details = format!(
            "Body of the {} cannot be validated for the content type {}. {why}",
            self.whose(),
            self.content_type
        );
        Finding::told(
            "",
            self.subject,
            "ValidationException",
            details,
            self.action,
        )
        .hidden()
    }

    fn schema(&self, name: &str, rule: &'static str, details: String) -> Finding {
        let subject = if rule.is_empty() {
            Subject::ApiSchema
        } else {
            self.subject
        };
        Finding::told(name, subject, rule, details, self.action).hidden()
    }

    /// It does not conform.
    fn unfit(&self, definition: &str, message: &str, line: usize, position: usize) -> Finding {
        // Schemas that stand in the operation itself have no name.
        let definition = if definition.is_empty() {
            String::from("definition")
        } else {
            format!("definition {definition},")
        };
        let details = format!(
            "Body of the {} does not conform to the {definition} which is associated with the content type {}. {message} Line: {line}, Position: {position}",
            self.whose(),
            self.content_type
        );
        let name = self.content_type;
        Finding::told(name, self.subject, "IncorrectMessage", details, self.action)
    }
}

/// The representations that the operation declares for the current message.
fn declared(rq: &Exchange) -> &[Representation] {
    let contract = rq.operation().and_then(|o| o.contract.as_deref());
    let Some(contract) = contract else {
        return &[];
    };
    if rq.section.on_request() {
        return &contract.request;
    }
    let status = rq.response.as_ref().map_or(200, |r| r.status.as_u16());
    let response = contract.response(status);
    response.map_or(&[], |r| &r.representations)
}

/// The first of the contents that is for a content type (without parameters, in lower case).
pub(crate) fn find(contents: &[Schema], content_type: &str, rq: &Exchange) -> Wanted {
    let specified = declared(rq).iter().any(|r| r.takes(content_type));
    let found = contents.iter().position(|content| {
        let fits = match &content.content_type {
            Some(own) => own == content_type,
            None => specified,
        };
        fits && (specified || content.own.is_some())
    });
    match (found, specified) {
        (Some(at), _) => Wanted::Validated(at),
        (None, true) => Wanted::Specified,
        (None, false) => Wanted::Unspecified,
    }
}

impl Schema {
    pub(crate) fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Schema> {
        let literal = |name: &str| element.attribute(name).map(|a| a.value.text.trim());
        let flag = |name: &str| literal(name).map(|text| text.eq_ignore_ascii_case("true"));
        let action = ActionArg::of(element, "action", cx);
        let language = literal("validate-as")?;
        let rules = BodyRules {
            additional: flag("allow-additional-properties"),
            ignore_case: flag("case-insensitive-property-names").unwrap_or(false),
            soap: language == "soap",
        };
        let own = match element.attribute("schema-id") {
            Some(_) => Some(named(element, language, rules, cx)?),
            None => {
                if let Some(reference) = element.attribute("schema-ref") {
                    let fault = Diagnostic::error(
                        "TG0543",
                        reference.name_span,
                        "`schema-ref` needs `schema-id`",
                    );
                    cx.report(fault.label("it names a part of that schema"));
                    return None;
                }
                let section = cx.section;
                cx.contract().body(rules, section);
                None
            }
        };
        Some(Schema {
            content_type: literal("type").map(essence).filter(|t| !t.is_empty()),
            action: action?,
            rules,
            own,
        })
    }

    /// Holds a body, without its content coding, to the schema.
    pub(crate) fn check(
        &self,
        checked: &Checked<'_>,
        body: &[u8],
        rq: &Exchange,
        findings: &mut Vec<Finding>,
    ) {
        let contract = rq.operation().and_then(|o| o.contract.as_deref());
        let representation = declared(rq).iter().find(|r| r.takes(checked.content_type));
        let (validators, validation, definition) = match (&self.own, representation, contract) {
            (Some((validators, validation, name)), ..) => (validators, validation, name),
            (None, Some(representation), Some(contract)) => (
                &contract.validators,
                representation.validation(self.rules),
                &representation.definition,
            ),
            _ => return,
        };
        let content_type = checked.content_type;
        match validation {
            Validation::None => {
                let details = String::from("API's schema does not specify definitions.");
                findings.push(checked.schema("", "", details));
            }
            Validation::Missing => {
                let details = format!(
                    "API's schema does not contain definition {definition}, which is associated with the content type {content_type}."
                );
                findings.push(checked.schema(content_type, "MissingDefinition", details));
            }
            Validation::Broken(why) => findings.push(checked.cannot(why)),
            Validation::Xml { schema, soap } => {
                for violation in schema.validate(body, *soap).into_iter().take(MOST) {
                    let (line, column) = (violation.line, violation.column);
                    findings.push(checked.unfit(definition, &violation.message, line, column));
                }
            }
            Validation::Json {
                validator,
                ignore_case,
            } => {
                let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
                let value = match serde_json::from_slice::<serde_json::Value>(body) {
                    Ok(value) if *ignore_case => match lowered(&value) {
                        Some(value) => value,
                        None => {
                            let why = "Two property names of an object differ only in case.";
                            findings.push(checked.unfit(definition, why, 1, 0));
                            return;
                        }
                    },
                    Ok(value) => value,
                    Err(why) => {
                        findings.push(checked.cannot(&format!("{why}.")));
                        return;
                    }
                };
                for violation in validators.violations(*validator, &value) {
                    let (line, position) =
                        position::of(body, &violation.location, violation.name, *ignore_case);
                    findings.push(checked.unfit(definition, &violation.message, line, position));
                }
            }
        }
    }
}

/// A schema of the service.
fn named(
    element: &Element,
    language: &str,
    rules: BodyRules,
    cx: &mut Compile<'_>,
) -> Option<(Validators, Validation, Str)> {
    let id = &element.attribute("schema-id")?.value;
    let reference = element.attribute("schema-ref").map(|a| &a.value);
    let schemas = cx.schemas();
    let Some(schema) = schemas.find(id.text.trim()) else {
        let name = id.text.trim();
        let fault = Diagnostic::error("TG0545", id.span, format!("there is no schema `{name}`"))
            .label("expected the id of a schema");
        cx.report(match nearest(name, schemas.ids()) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help("define it under `schemas`"),
        });
        return None;
    };
    let mut validators = Validators::default();
    let part = reference.map(|r| r.text.trim());
    let found = match (schema.kind, language) {
        (SchemaKind::Json, "json") => {
            let mut place = cx.schema_place(&schema.id, id.span);
            schemas.json(schema, part, rules, &mut validators, &mut place)
        }
        (SchemaKind::Xml, "xml" | "soap") if part.is_some() => Err(String::from(
            "is an XML Schema, of which `schema-ref` names no part",
        )),
        (SchemaKind::Xml, "xml" | "soap") => schemas.xml(&schema.text, rules.soap),
        (SchemaKind::Json, _) => Err(format!("is JSON, which cannot validate `{language}`")),
        (SchemaKind::Xml, _) => Err(String::from("is an XML Schema, which cannot validate JSON")),
    };
    match found {
        Ok(validation) => Some((validators, validation, called(&schema.id, part))),
        Err(why) => {
            let span = reference.map_or(id.span, |r| r.span);
            let fault = Diagnostic::error("TG0546", span, format!("schema `{}` {why}", schema.id));
            cx.report(fault.label("this schema cannot be used here"));
            None
        }
    }
}
