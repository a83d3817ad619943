//! `set-header`: sets, appends, skips or deletes a header of the current message.
//!
//! Values are joined with `,`, except for headers whose values may hold commas or dates, which are repeated.
//! `Connection`, `Content-Length`, `Keep-Alive` and `Transfer-Encoding` belong to the connection and stay untouched.

use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "set-header",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("name", Kind::Text, "the header's name").required().expression(),
        attribute("exists-action", Kind::OneOf(&["override", "skip", "append", "delete"]), "what to do when the header is there").expression().default("override"),
    ],
    children: &[child("value", Content::Text, "a value")],
    content: Content::Empty,
    doc: "Sets, appends or deletes a header: of the request in `inbound` and `backend`, of the response in `outbound` and `on-error`.",
    compile,
};

/// Compiles it; `return-response` and `send-request` use it for their own messages.
pub fn compile_header(element: &Element, cx: &mut Compile<'_>) -> Option<SetHeader> {
    let name = cx.attribute_of::<Str>(element, &DEF, "name")?;
    let name = match name {
        Arg::Const(text) => {
            let span = element.attribute("name").map_or(element.name_span, |a| a.value.span);
            Name::Known(cx.known_header(&text, span)?)
        }
        expr => Name::Dynamic(expr),
    };
    let action = cx.attribute_of::<Str>(element, &DEF, "exists-action")?;
    let action = match &action {
        Arg::Const(text) => match ExistsAction::parse(text) {
            Some(action) => Action::Known(action),
            None => {
                cx.unknown_word(element, "exists-action", text, "`override`, `skip`, `append`, `delete`");
                return None;
            }
        },
        Arg::Expr(_) => Action::Dynamic(action),
    };
    let values = element.elements().filter(|e| &*e.name == "value").map(|e| cx.content::<Str>(e)).collect::<Option<_>>()?;
    Some(SetHeader { name, action, values })
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let header = compile_header(element, cx)?;
    cx.step(header)
}

/// The compiled element.
#[derive(Debug)]
pub struct SetHeader {
    name: Name,
    action: Action,
    values: Vec<Arg<Str>>,
}

#[derive(Debug)]
enum Name {
    Known(HeaderName),
    Dynamic(Arg<Str>),
}

#[derive(Debug)]
enum Action {
    Known(ExistsAction),
    Dynamic(Arg<Str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExistsAction {
    Override,
    Skip,
    Append,
    Delete,
}

impl ExistsAction {
    fn parse(text: &str) -> Option<ExistsAction> {
        match text.trim() {
            "override" => Some(ExistsAction::Override),
            "skip" => Some(ExistsAction::Skip),
            "append" => Some(ExistsAction::Append),
            "delete" => Some(ExistsAction::Delete),
            _ => None,
        }
    }
}

impl SetHeader {
    /// Applies it to the message that `headers` picks out of the exchange.
    pub fn apply(
        &self,
        rq: &mut Exchange,
        headers: impl FnOnce(&mut Exchange) -> &mut HeaderMap,
    ) -> Result<(), Box<Failure>> {
        match self.change(rq)? {
            Some(change) => change.apply(headers(rq)),
            None => Ok(()),
        }
    }

    /// Applies it to a message that the exchange does not hold.
    pub fn apply_to(&self, rq: &mut Exchange, headers: &mut HeaderMap) -> Result<(), Box<Failure>> {
        match self.change(rq)? {
            Some(change) => change.apply(headers),
            None => Ok(()),
        }
    }

    /// What is to be done for this request; `None` for a header that belongs to the connection.
    fn change(&self, rq: &mut Exchange) -> Result<Option<Change>, Box<Failure>> {
        let name = match &self.name {
            Name::Known(name) => name.clone(),
            Name::Dynamic(arg) => {
                let text = arg.get(rq)?;
                HeaderName::try_from(text.trim()).map_err(|_| {
                    Failure::internal("", "", format!("`{text}` is not a header name."))
                })?
            }
        };
        let action = match &self.action {
            Action::Known(action) => *action,
            Action::Dynamic(arg) => {
                let text = arg.get(rq)?;
                ExistsAction::parse(&text).ok_or_else(|| {
                    Failure::internal("", "", format!("`{text}` is not an exists-action."))
                })?
            }
        };
        let mut values: SmallVec<[Str; 2]> = SmallVec::new();
        if action != ExistsAction::Delete {
            for value in &self.values {
                values.push(value.get(rq)?);
            }
        }
        let connection = matches!(
            name,
            header::CONNECTION | header::CONTENT_LENGTH | header::TRANSFER_ENCODING
        ) || name == "keep-alive";
        Ok((!connection).then_some(Change {
            name,
            action,
            values,
        }))
    }
}

/// A change of one header.
struct Change {
    name: HeaderName,
    action: ExistsAction,
    values: SmallVec<[Str; 2]>,
}

impl Change {
    fn apply(self, headers: &mut HeaderMap) -> Result<(), Box<Failure>> {
        let Change {
            name,
            action,
            values,
        } = self;
        if action == ExistsAction::Skip && headers.contains_key(&name) {
            return Ok(());
        }
        let mut new: SmallVec<[HeaderValue; 2]> = SmallVec::new();
        if repeats(&name) || values.len() < 2 {
            for value in &values {
                new.push(header_value(&name, value)?);
            }
        } else {
            new.push(header_value(&name, &values.join(","))?);
        }
        // An override without a value removes, as an empty list of values is no header.
        if matches!(action, ExistsAction::Delete | ExistsAction::Override) {
            headers.remove(&name);
        }
        for value in new {
            headers.append(name.clone(), value);
        }
        Ok(())
    }
}

/// Headers that are sent once for each value: their values may hold commas or dates.
fn repeats(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::USER_AGENT
            | header::WWW_AUTHENTICATE
            | header::PROXY_AUTHENTICATE
            | header::COOKIE
            | header::SET_COOKIE
            | header::WARNING
            | header::DATE
            | header::EXPIRES
            | header::IF_MODIFIED_SINCE
            | header::IF_UNMODIFIED_SINCE
            | header::LAST_MODIFIED
            | header::RETRY_AFTER
    )
}

fn header_value(name: &HeaderName, text: &str) -> Result<HeaderValue, Box<Failure>> {
    HeaderValue::from_bytes(text.trim().as_bytes()).map_err(|_| Failure::internal("", "", format!("The value for header `{name}` holds characters that a header cannot carry.")))
}

impl Step for SetHeader {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.apply(rq, Exchange::current_headers) {
            Ok(()) => Flow::Next,
            Err(failure) => Flow::Fail(failure),
        }
    }
}
