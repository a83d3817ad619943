//! Filters of texts.
//!
//! What must stay true: nil stays nil; lengths and places count UTF-16 units, as in .NET.

use super::{Cx, Item, Throw, int, list, made, string};
use crate::expr::eval::{formatted, throw};
use crate::expr::table::{culture, regex, web};
use crate::value::{Str, Value, text, time};

type Made = Result<Item, Throw>;

/// A filter that makes one text of another; nil stays.
fn mapped(cx: &mut Cx<'_>, input: &Item, f: impl FnOnce(&str) -> String) -> Made {
    match string(input)? {
        Some(s) => {
            let out = f(&s);
            made(cx, out)
        }
        None => Ok(input.clone()),
    }
}

/// An argument as a text; nil is empty.
fn given(args: &[Item], at: usize) -> Result<Str, Throw> {
    match args.get(at) {
        Some(item) => Ok(string(item)?.unwrap_or_else(|| Str::from(""))),
        None => Ok(Str::from("")),
    }
}

pub(super) fn append(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let with = given(args, 0)?;
    mapped(cx, input, |s| format!("{s}{with}"))
}

pub(super) fn prepend(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let with = given(args, 0)?;
    mapped(cx, input, |s| format!("{with}{s}"))
}

pub(super) fn capitalize(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    mapped(cx, input, culture::title_case)
}

pub(super) fn downcase(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    mapped(cx, input, text::lower_invariant)
}

pub(super) fn upcase(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    mapped(cx, input, text::upper_invariant)
}

pub(super) fn escape(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    mapped(cx, input, web::html_encode)
}

pub(super) fn url_encode(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    mapped(cx, input, web::url_encode)
}

pub(super) fn url_decode(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    mapped(cx, input, web::url_decode)
}

pub(super) fn strip(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    mapped(cx, input, |s| s.trim().to_owned())
}

pub(super) fn lstrip(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    mapped(cx, input, |s| s.trim_start().to_owned())
}

pub(super) fn rstrip(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    mapped(cx, input, |s| s.trim_end().to_owned())
}

/// A fixed pattern in the place of another text.
fn substituted(cx: &mut Cx<'_>, input: &Item, pattern: &str, with: &str) -> Made {
    match string(input)? {
        Some(s) => {
            regex::replaced(cx, &s, &Str::from(pattern), &Str::from(with), None).map(Item::Value)
        }
        None => Ok(input.clone()),
    }
}

pub(super) fn newline_to_br(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    substituted(cx, input, r"(\r?\n)", "<br />$1")
}

pub(super) fn strip_newlines(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    substituted(cx, input, r"(\r?\n)", "")
}

pub(super) fn strip_html(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    let blocks = r"(?is)<script.*?</script>|<!--.*?-->|<style.*?</style>";
    let rest = substituted(cx, input, blocks, "")?;
    substituted(cx, &rest, "(?s)<.*?>", "")
}

/// `Replace` and `ReplaceFirst`: what is looked for is a regular expression.
fn regex_replaced(cx: &mut Cx<'_>, input: &Item, args: &[Item], most: Option<usize>) -> Made {
    let pattern = given(args, 0)?;
    let with = given(args, 1)?;
    match string(input)? {
        Some(s) if !s.is_empty() && !pattern.is_empty() => {
            regex::replaced(cx, &s, &pattern, &with, most).map(Item::Value)
        }
        _ => Ok(input.clone()),
    }
}

pub(super) fn replace(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    regex_replaced(cx, input, args, None)
}

/// Unlike `Replace`, the replacement is text and no pattern (`$1` stays).
pub(super) fn replace_first(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let with: Str = given(args, 1)?.replace('$', "$$").into();
    let args = [
        args.first().cloned().unwrap_or(Item::Empty),
        Item::text(with),
    ];
    regex_replaced(cx, input, &args, Some(1))
}

pub(super) fn remove(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let what = given(args, 0)?;
    if what.is_empty() && string(input)?.is_some_and(|s| !s.trim().is_empty()) {
        return Err(throw(
            "ArgumentException",
            "String cannot be of zero length. (Parameter 'oldValue')",
        ));
    }
    mapped(cx, input, |s| s.replace(&*what, ""))
}

pub(super) fn remove_first(cx: &mut Cx<'_>, input: &Item, args: &[Item], today: i64) -> Made {
    replace_first(cx, input, args, today)
}

pub(super) fn default(_: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let value = string(input)?.filter(|s| !s.trim().is_empty());
    Ok(match value {
        Some(s) => Item::text(s),
        None => Item::text(given(args, 0)?),
    })
}

/// A date in a .NET format. A text is read as one; what is none stays as it is.
pub(super) fn date(cx: &mut Cx<'_>, input: &Item, args: &[Item], today: i64) -> Made {
    let format = given(args, 0)?;
    let blank = format.trim().is_empty();
    let value = match input.scalar() {
        None => return Err(super::not_convertible("System.DateTime")),
        Some(Value::Null) => return Ok(input.clone()),
        Some(date @ Value::DateTime(_)) => date,
        Some(other) => {
            let text = other.to_text();
            let now = matches!(&*text.to_ascii_lowercase(), "now" | "today");
            if now {
                Value::utc(cx.host.now())
            } else {
                match time::parse_date(&text, today) {
                    Some(date) if !blank => Value::DateTime(date),
                    _ => return Ok(Item::text(text)),
                }
            }
        }
    };
    let text = formatted(&value, Some(&*format).filter(|_| !blank))?;
    made(cx, text)
}

pub(super) fn slice(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let (start, length) = (int(args, 0, 0)?, int(args, 1, 1)?);
    match input {
        Item::Value(Value::Str(_)) | Item::Xml(_) => {}
        Item::List(items) => {
            // Only texts are joined; of another list nothing is cut.
            let from = if start < 0 {
                (items.len() as i64 + start).max(0)
            } else {
                start
            };
            let from = usize::try_from(from).unwrap_or(0);
            let length = usize::try_from(length).unwrap_or(0);
            let part: String = items
                .iter()
                .skip(from)
                .take(length)
                .map(|i| i.plain().to_string())
                .collect();
            return made(cx, part);
        }
        other => return Ok(other.clone()),
    }
    let Some(s) = string(input)? else {
        return Ok(input.clone());
    };
    let units = text::units(&s) as i64;
    let (mut start, mut length) = (start, length);
    if start > units {
        return Ok(Item::Value(Value::Null));
    }
    if start < 0 {
        start += units;
        if start < 0 {
            length = (length + start).max(0);
            start = 0;
        }
    }
    length = length.min(units - start);
    let (Ok(start), Ok(length)) = (usize::try_from(start), usize::try_from(length)) else {
        return Err(throw(
            "ArgumentOutOfRangeException",
            "Length cannot be less than zero. (Parameter 'length')",
        ));
    };
    made(cx, text::slice(&s, start, length))
}

pub(super) fn split(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let Some(s) = string(input)?.filter(|s| !s.trim().is_empty()) else {
        return Ok(Item::list(vec![input.clone()]));
    };
    let by = given(args, 0)?;
    cx.charge(s.len().saturating_mul(4))?;
    let parts = if by.is_empty() {
        crate::liquid::item::characters(&s)
    } else {
        s.split(&*by)
            .filter(|p| !p.is_empty())
            .map(Item::text)
            .collect()
    };
    list(cx, parts)
}

pub(super) fn truncate(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let length = int(args, 0, 50)?;
    let end = if args.len() > 1 {
        given(args, 1)?
    } else {
        Str::from("...")
    };
    mapped(cx, input, |s| {
        if s.is_empty() {
            return String::new();
        }
        let Ok(most) = usize::try_from(length) else {
            return end.to_string();
        };
        if text::units(s) <= most {
            return s.to_owned();
        }
        let kept = most.saturating_sub(text::units(&end));
        format!("{}{end}", text::slice(s, 0, kept))
    })
}

pub(super) fn truncate_words(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let words = int(args, 0, 15)?;
    let end = if args.len() > 1 {
        given(args, 1)?
    } else {
        Str::from("...")
    };
    mapped(cx, input, |s| {
        if s.is_empty() {
            return String::new();
        }
        let Some(most) = usize::try_from(words).ok().filter(|n| *n > 0) else {
            return end.to_string();
        };
        match s.match_indices(' ').nth(most - 1) {
            Some((at, _)) => format!("{}{end}", &s[..at]),
            None => s.to_owned(),
        }
    })
}
