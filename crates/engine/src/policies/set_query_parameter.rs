//! `set-query-parameter`: sets, appends, skips or deletes a query parameter of the request to the backend.
//!
//! Names compare without case, as the gateway does everywhere. What must stay true: the other parameters keep their
//! order and their own encoding.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::exists_action::{EXISTS_ACTION, ExistsAction, ExistsActionArg};
use crate::failure::Failure;
use crate::routing::{decode_query, encode_query};
use crate::step::{Flow, Step};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "set-query-parameter",
    sections: Sections::INBOUND.or(Sections::BACKEND),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("name", Kind::Text, "the parameter's name")
            .required()
            .expression(),
        EXISTS_ACTION,
    ],
    children: &[child(
        "value",
        Content::Text,
        "a value; each is a parameter of its own",
    )],
    content: Content::Empty,
    doc: "Sets, appends or deletes a query parameter of the request to the backend.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let name = cx.arg::<Str>(element, "name");
    let action = ExistsActionArg::compile(element, &DEF, cx);
    let values = cx.contents::<Str>(element, "value");
    let (name, action) = (name?, action?);
    if let Some(known) = action.known()
        && known != ExistsAction::Delete
        && element.elements().next().is_none()
    {
        cx.report(
            Diagnostic::error(
                "TG0320",
                element.name_span,
                "`set-query-parameter` needs a `value`",
            )
            .label("expected a `value` to set")
            .help("to remove the parameter, write `exists-action=\"delete\"`"),
        );
        return None;
    }
    cx.step(SetQueryParameter {
        name,
        action,
        values: values?,
    })
}

#[derive(Debug)]
struct SetQueryParameter {
    name: Arg<Str>,
    action: ExistsActionArg,
    values: Vec<Arg<Str>>,
}

impl SetQueryParameter {
    fn apply(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let name = self.name.get(rq)?;
        let action = self.action.get(rq)?;
        let removes = matches!(action, ExistsAction::Override | ExistsAction::Delete);
        let adds = action != ExistsAction::Delete;
        let mut new = String::new();
        if adds {
            for value in &self.values {
                let value = value.get(rq)?;
                push(
                    &mut new,
                    &format!("{}={}", encode_query(&name), encode_query(&value)),
                );
            }
        }
        let mut query = String::new();
        let mut there = false;
        for pair in rq
            .target_query()
            .unwrap_or("")
            .split('&')
            .filter(|p| !p.is_empty())
        {
            let key = pair.split('=').next().unwrap_or(pair);
            if decode_query(key).eq_ignore_ascii_case(&name) {
                there = true;
                if removes {
                    continue;
                }
            }
            push(&mut query, pair);
        }
        if action == ExistsAction::Skip && there {
            return Ok(());
        }
        push(&mut query, &new);
        rq.request.target.query = Some(Str::from(query));
        Ok(())
    }
}

fn push(query: &mut String, pair: &str) {
    if !query.is_empty() && !pair.is_empty() {
        query.push('&');
    }
    query.push_str(pair);
}

impl Step for SetQueryParameter {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.apply(rq).into()
    }
}
