//! `exists-action`: what `set-header` and `set-query-parameter` do when the name is there already.
//!
//! Source: API Management, `set-header`. What must stay true: a word that is known at load is checked at load.

use crate::compile::{Arg, AttributeDef, Compile, Kind, PolicyDef, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The attribute's name.
const NAME: &str = "exists-action";

/// The attribute.
pub const EXISTS_ACTION: AttributeDef = attribute(
    NAME,
    Kind::OneOf(&["override", "skip", "append", "delete"]),
    "what to do when it is there already",
)
.expression()
.default("override");

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistsAction {
    /// What is there goes, the values take its place.
    Override,
    /// What is there stays, the values are dropped.
    Skip,
    /// The values are added.
    Append,
    /// What is there goes, the values are dropped.
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

/// The compiled attribute.
#[derive(Debug)]
pub enum ExistsActionArg {
    /// Known at load.
    Known(ExistsAction),
    /// Evaluated for each request.
    Dynamic(Arg<Str>),
}

impl ExistsActionArg {
    /// From an element of `def`, which has [`EXISTS_ACTION`].
    pub fn compile(
        element: &Element,
        def: &'static PolicyDef,
        cx: &mut Compile<'_>,
    ) -> Option<ExistsActionArg> {
        let action = cx.attribute_of::<Str>(element, def, NAME)?;
        let Arg::Const(text) = &action else {
            return Some(ExistsActionArg::Dynamic(action));
        };
        let known = ExistsAction::parse(text);
        if known.is_none() {
            let words = "`override`, `skip`, `append`, `delete`";
            cx.unknown_word(element, NAME, text, words);
        }
        known.map(ExistsActionArg::Known)
    }

    /// The action when it is known at load.
    pub fn known(&self) -> Option<ExistsAction> {
        match self {
            ExistsActionArg::Known(action) => Some(*action),
            ExistsActionArg::Dynamic(_) => None,
        }
    }

    /// The action for this request.
    pub fn get(&self, rq: &mut Exchange) -> Result<ExistsAction, Box<Failure>> {
        match self {
            ExistsActionArg::Known(action) => Ok(*action),
            ExistsActionArg::Dynamic(arg) => {
                let text = arg.get(rq)?;
                ExistsAction::parse(&text).ok_or_else(|| {
                    Failure::internal("", "", format!("`{text}` is not an exists-action."))
                })
            }
        }
    }
}
