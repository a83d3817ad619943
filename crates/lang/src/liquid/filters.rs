//! The filters, by the names that API Management lists.
//!
//! [`super::markup`] finds them when a template is compiled. Source: DotLiquid's `StandardFilters` at syntax level 2.0. What
//! must stay true: what a filter makes is counted; a filter that cannot take what it gets throws as .NET would.

mod lists;
mod numbers;
mod text;

use super::condition::converted;
use super::item::{Item, not_convertible};
use crate::expr::eval::{Cx, Throw};
use crate::expr::types::Num;
use crate::value::{Str, Value};
use std::ops::RangeInclusive;

/// What a filter does: with its input, its arguments, and the day that a time without a date means.
type Run = fn(&mut Cx<'_>, &Item, &[Item], i64) -> Result<Item, Throw>;

/// A filter.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) name: &'static str,
    /// How many arguments it takes.
    pub(super) args: RangeInclusive<usize>,
    pub(super) run: Run,
}

const fn filter(name: &'static str, args: RangeInclusive<usize>, run: Run) -> Filter {
    Filter { name, args, run }
}

static FILTERS: &[Filter] = &[
    filter("Abs", 0..=0, numbers::abs),
    filter("Append", 1..=1, text::append),
    filter("AtLeast", 1..=1, numbers::at_least),
    filter("AtMost", 1..=1, numbers::at_most),
    filter("Capitalize", 0..=0, text::capitalize),
    filter("Compact", 0..=0, lists::compact),
    filter("Currency", 0..=1, numbers::currency),
    filter("Date", 1..=1, text::date),
    filter("Default", 1..=1, text::default),
    filter("DividedBy", 1..=1, numbers::divided_by),
    filter("Downcase", 0..=0, text::downcase),
    filter("Escape", 0..=0, text::escape),
    filter("First", 0..=0, lists::first),
    filter("H", 0..=0, text::escape),
    filter("Join", 0..=1, lists::join),
    filter("Last", 0..=0, lists::last),
    filter("Lstrip", 0..=0, text::lstrip),
    filter("Map", 1..=1, lists::map),
    filter("Minus", 1..=1, numbers::minus),
    filter("Modulo", 1..=1, numbers::modulo),
    filter("NewlineToBr", 0..=0, text::newline_to_br),
    filter("Plus", 1..=1, numbers::plus),
    filter("Prepend", 1..=1, text::prepend),
    filter("Remove", 1..=1, text::remove),
    filter("RemoveFirst", 1..=1, text::remove_first),
    filter("Replace", 1..=2, text::replace),
    filter("ReplaceFirst", 1..=2, text::replace_first),
    filter("Round", 0..=1, numbers::round),
    filter("Rstrip", 0..=0, text::rstrip),
    filter("Size", 0..=0, lists::size),
    filter("Slice", 1..=2, text::slice),
    filter("Sort", 0..=1, lists::sort),
    filter("Split", 1..=1, text::split),
    filter("Strip", 0..=0, text::strip),
    filter("StripHtml", 0..=0, text::strip_html),
    filter("StripNewlines", 0..=0, text::strip_newlines),
    filter("Times", 1..=1, numbers::times),
    filter("Truncate", 0..=2, text::truncate),
    filter("TruncateWords", 0..=2, text::truncate_words),
    filter("Uniq", 0..=0, lists::uniq),
    filter("Upcase", 0..=0, text::upcase),
    filter("UrlDecode", 0..=0, text::url_decode),
    filter("UrlEncode", 0..=0, text::url_encode),
];

/// A filter by its name, with its case.
pub(super) fn find(name: &str) -> Option<&'static Filter> {
    FILTERS.iter().find(|f| f.name == name)
}

/// The names of all.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    FILTERS.iter().map(|f| f.name)
}

/// A parameter of type `string`; nil is null.
fn string(item: &Item) -> Result<Option<Str>, Throw> {
    match item.scalar() {
        Some(Value::Null) => Ok(None),
        Some(value) => Ok(Some(value.to_text())),
        None => Err(not_convertible("System.String")),
    }
}

/// A parameter of type `int`, or what stands for one that is not given.
fn int(args: &[Item], at: usize, default: i64) -> Result<i64, Throw> {
    match args.get(at) {
        None => Ok(default),
        Some(item) => {
            let value = item
                .scalar()
                .ok_or_else(|| not_convertible("System.Int32"))?;
            Ok(converted(&value, Num::Int)?.as_i64().unwrap_or(default))
        }
    }
}

/// A text that was made, counted.
fn made(cx: &mut Cx<'_>, text: impl Into<String>) -> Result<Item, Throw> {
    let text = text.into();
    cx.step(text.len() / 64)?;
    cx.text(text).map(Item::Value)
}

/// A list that was made, counted.
fn list(cx: &mut Cx<'_>, items: Vec<Item>) -> Result<Item, Throw> {
    cx.charge(items.len().saturating_mul(size_of::<Item>()))?;
    cx.step(items.len() / 8)?;
    Ok(Item::list(items))
}
