//! `exists-action`: what `set-header` and `set-query-parameter` do when the name is there already.
//!
//! Source: API Management, `set-header`. What must stay true: a word that is known at load is checked at load.

use crate::compile::{AttributeDef, Compile, Kind, PolicyDef, Word, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The attribute's name.
const NAME: &str = "exists-action";

/// The attribute.
pub const EXISTS_ACTION: AttributeDef = attribute(
    NAME,
    Kind::OneOf(WORDS),
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

/// The words, in the order of [`ACTIONS`].
const WORDS: &[&str] = &["override", "skip", "append", "delete"];
const ACTIONS: [ExistsAction; 4] = [
    ExistsAction::Override,
    ExistsAction::Skip,
    ExistsAction::Append,
    ExistsAction::Delete,
];

/// The compiled attribute.
#[derive(Debug)]
pub struct ExistsActionArg(Word);

impl ExistsActionArg {
    /// `append`, for what has no attribute to say so.
    pub const APPEND: ExistsActionArg = ExistsActionArg(Word::Known(2));

    /// From an element of `def`, which has [`EXISTS_ACTION`].
    pub fn compile(
        element: &Element,
        def: &'static PolicyDef,
        cx: &mut Compile<'_>,
    ) -> Option<ExistsActionArg> {
        let arg = cx.attribute_of::<Str>(element, def, NAME)?;
        Word::of(arg, element, NAME, WORDS, cx).map(ExistsActionArg)
    }

    /// The action when it is known at load.
    pub fn known(&self) -> Option<ExistsAction> {
        match self.0 {
            Word::Known(at) => ACTIONS.get(at).copied(),
            Word::Dynamic(..) => None,
        }
    }

    /// The action for this request.
    pub fn get(&self, rq: &mut Exchange) -> Result<ExistsAction, Box<Failure>> {
        let at = self.0.get(rq)?;
        Ok(ACTIONS.get(at).copied().unwrap_or(ExistsAction::Override))
    }
}
