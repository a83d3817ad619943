//! An attribute whose value is one of a few words.
//!
//! Policies compile it. What must stay true: a word that is known at load is checked at load.

use super::{Arg, Compile};
use crate::exchange::Exchange;
use crate::failure::Failure;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// A word of a few, by its place among them.
#[derive(Debug)]
pub enum Word {
    /// Known at load.
    Known(usize),
    /// Evaluated for each request; then the attribute and its words.
    Dynamic(Arg<Str>, &'static str, &'static [&'static str]),
}

impl Word {
    /// An attribute whose value is one of `words`.
    pub fn compile(
        element: &Element,
        name: &'static str,
        words: &'static [&'static str],
        cx: &mut Compile<'_>,
    ) -> Option<Word> {
        let arg = cx.arg(element, name)?;
        Word::of(arg, element, name, words, cx)
    }

    /// The same of an argument that was compiled already.
    pub fn of(
        arg: Arg<Str>,
        element: &Element,
        name: &'static str,
        words: &'static [&'static str],
        cx: &mut Compile<'_>,
    ) -> Option<Word> {
        match arg {
            Arg::Const(text) => {
                let known = words.iter().position(|w| *w == text.trim());
                if known.is_none() {
                    let all: Vec<_> = words.iter().map(|w| format!("`{w}`")).collect();
                    cx.unknown_word(element, name, &text, &all.join(", "));
                }
                known.map(Word::Known)
            }
            dynamic => Some(Word::Dynamic(dynamic, name, words)),
        }
    }

    /// Which of the words it is for this request.
    pub fn get(&self, rq: &mut Exchange) -> Result<usize, Box<Failure>> {
        match self {
            Word::Known(at) => Ok(*at),
            Word::Dynamic(arg, name, words) => {
                let text = arg.get(rq)?;
                let at = words.iter().position(|w| *w == text.trim());
                at.ok_or_else(|| Failure::internal("", "", format!("`{name}` cannot be `{text}`.")))
            }
        }
    }
}
