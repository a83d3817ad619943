//! `set-header`: sets, appends, skips or deletes a header of the current message.
//!
//! Values are joined with `,`, except for headers whose values may hold commas or dates, which are repeated.
//! `Connection`, `Content-Length`, `Keep-Alive` and `Transfer-Encoding` belong to the connection and stay untouched.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::exists_action::{EXISTS_ACTION, ExistsAction, ExistsActionArg};
use crate::failure::Failure;
use crate::step::{Flow, Step};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Element, Text};
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "set-header",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("name", Kind::Text, "the header's name")
            .required()
            .expression(),
        EXISTS_ACTION,
    ],
    children: &[child("value", Content::Text, "a value")],
    content: Content::Empty,
    doc: "Sets, appends or deletes a header: of the request in `inbound` and `backend`, of the response in `outbound` and `on-error`.",
    compile,
};

/// Compiles it; `return-response` and `send-request` use it for their own messages.
pub fn compile_header(element: &Element, cx: &mut Compile<'_>) -> Option<SetHeader> {
    let name = cx.attribute_of::<Str>(element, &DEF, "name")?;
    let name = compile_name(name, element, cx)?;
    let action = ExistsActionArg::compile(element, &DEF, cx)?;
    let values: Vec<Arg<Str>> = cx.contents(element, "value")?;
    let texts = element.elements().filter_map(Element::text);
    let values = compile_values(&name, values, texts, element, cx)?;
    Some(SetHeader {
        name,
        action,
        values,
    })
}

/// Compiles `<header name="" value="" />` of `invoke-request`, which adds a value.
pub fn compile_added(element: &Element, cx: &mut Compile<'_>) -> Option<SetHeader> {
    let attribute = |name: &str| element.attribute(name).map(|a| &a.value);
    let name = attribute("name").and_then(|text| cx.text_arg::<Str>(text));
    let value = match attribute("value") {
        Some(text) => cx.text_arg::<Str>(text),
        None => Some(Arg::Const(Str::from(""))),
    };
    let name = compile_name(name?, element, cx)?;
    let texts = attribute("value").into_iter();
    let values = compile_values(&name, vec![value?], texts, element, cx)?;
    Some(SetHeader {
        name,
        action: ExistsActionArg::APPEND,
        values,
    })
}

fn compile_name(name: Arg<Str>, element: &Element, cx: &mut Compile<'_>) -> Option<Name> {
    Some(match name {
        Arg::Const(text) => {
            let span = element
                .attribute("name")
                .map_or(element.name_span, |a| a.value.span);
            Name::Known(cx.known_header(&text, span)?)
        }
        expr => Name::Dynamic(expr),
    })
}

fn compile_values<'a>(
    name: &Name,
    values: Vec<Arg<Str>>,
    mut texts: impl Iterator<Item = &'a Text>,
    element: &Element,
    cx: &mut Compile<'_>,
) -> Option<Values> {
    let known: Option<SmallVec<[Str; 2]>> = values.iter().map(|v| v.constant().cloned()).collect();
    let (Name::Known(name), Some(known)) = (name, known) else {
        return Some(Values::Dynamic(values));
    };
    match header_values(name, &known) {
        Ok(mut values) => {
            // A named value may be a secret: it is not indexed by HTTP/2 and not shown by debuggers.
            let secret = texts.any(Text::holds_named_value);
            values.iter_mut().for_each(|v| v.set_sensitive(secret));
            Some(Values::Known(values))
        }
        Err(failure) => {
            cx.report(
                Diagnostic::error(
                    "TG0359",
                    element.name_span,
                    failure.message.trim_end_matches('.'),
                )
                .label("expected values without control characters"),
            );
            None
        }
    }
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let header = compile_header(element, cx)?;
    cx.step(header)
}

/// The compiled element.
#[derive(Debug)]
pub struct SetHeader {
    name: Name,
    action: ExistsActionArg,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// Ready for the wire.
    Known(SmallVec<[HeaderValue; 2]>),
    Dynamic(Vec<Arg<Str>>),
}

#[derive(Debug)]
enum Name {
    Known(HeaderName),
    Dynamic(Arg<Str>),
}

impl SetHeader {
    /// Applies it to the message that `headers` picks out of the exchange.
    pub fn apply(
        &self,
        rq: &mut Exchange,
        headers: impl FnOnce(&mut Exchange) -> &mut HeaderMap,
    ) -> Result<(), Box<Failure>> {
        if let Some(change) = self.change(rq)? {
            change.apply(headers(rq));
        }
        Ok(())
    }

    /// Applies it to a message that the exchange does not hold.
    pub fn apply_to(&self, rq: &mut Exchange, headers: &mut HeaderMap) -> Result<(), Box<Failure>> {
        if let Some(change) = self.change(rq)? {
            change.apply(headers);
        }
        Ok(())
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
        let action = self.action.get(rq)?;
        let values = match &self.values {
            _ if action == ExistsAction::Delete => SmallVec::new(),
            Values::Known(values) => values.clone(),
            Values::Dynamic(args) => {
                let mut texts: SmallVec<[Str; 2]> = SmallVec::new();
                for arg in args {
                    texts.push(arg.get(rq)?);
                }
                header_values(&name, &texts)?
            }
        };
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
    values: SmallVec<[HeaderValue; 2]>,
}

impl Change {
    fn apply(self, headers: &mut HeaderMap) {
        let Change {
            name,
            action,
            values,
        } = self;
        if action == ExistsAction::Skip && headers.contains_key(&name) {
            return;
        }
        // An override without a value removes, as an empty list of values is no header.
        if matches!(action, ExistsAction::Delete | ExistsAction::Override) {
            headers.remove(&name);
        }
        for value in values {
            headers.append(name.clone(), value);
        }
    }
}

/// The values as they go on the wire.
fn header_values(
    name: &HeaderName,
    texts: &[Str],
) -> Result<SmallVec<[HeaderValue; 2]>, Box<Failure>> {
    if repeats(name) || texts.len() < 2 {
        return texts.iter().map(|text| header_value(name, text)).collect();
    }
    Ok(smallvec::smallvec![header_value(name, &texts.join(","))?])
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
    HeaderValue::from_bytes(text.trim().as_bytes()).map_err(|_| {
        Failure::internal(
            "",
            "",
            format!("The value for header `{name}` holds characters that a header cannot carry."),
        )
    })
}

impl Step for SetHeader {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.apply(rq, Exchange::current_headers).into()
    }
}
