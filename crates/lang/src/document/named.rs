//! Named values: `{{name}}` tokens replaced as raw text before anything is interpreted.
//!
//! The reader calls it first. What must stay true: one pass, no recursion (a value that holds `{{other}}` is not
//! expanded), and the result stays bounded. Source: API Management, "Use named values in policies".

use super::NamedValues;
use super::origin::{Effective, Origin, Piece};
use crate::source::{FileId, Span};
use std::borrow::Cow;
use std::ops::Range;

/// Longest display name, in bytes (its characters are ASCII).
const MAX_NAME: usize = 256;

/// A token whose name nobody knows; it stayed in the text.
pub(super) struct Unknown {
    /// Where it stands in the effective text, braces included.
    pub(super) range: Range<usize>,
    /// The name.
    pub(super) name: String,
}

/// The text with every known token replaced, and the tokens of unknown name. `Err` when it would grow beyond
/// `limit` bytes: the written place of the token that went over.
pub(super) fn expand<'a>(
    file: FileId,
    written: &'a str,
    named: &dyn NamedValues,
    limit: usize,
) -> Result<(Effective<'a>, Vec<Unknown>), Span> {
    let mut unknown = Vec::new();
    let mut text = String::new();
    let mut pieces = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(&written.as_bytes()[at..], b"{{") {
        at += found;
        let Some(range) = token(written, at) else {
            at += 1;
            continue;
        };
        at = range.end;
        let name = &written[range.start + 2..range.end - 2];
        let Some(value) = named.get(name) else {
            // `$"{{{x}}}"` is C# for a brace, the hole `{x}`, a brace.
            if !(written[..range.start].ends_with('{') && written[range.end..].starts_with('}')) {
                let start = text.len() + (range.start - copied);
                unknown.push(Unknown {
                    range: start..start + range.len(),
                    name: name.to_owned(),
                });
            }
            continue;
        };
        copy(&mut text, &mut pieces, file, written, copied..range.start);
        copied = range.end;
        if text.len() + value.len() > limit {
            return Err(Span::new(file, range));
        }
        pieces.push(Piece {
            at: text.len() as u32,
            span: Span::new(file, range),
            origin: Origin::NamedValue,
        });
        text.push_str(value);
    }
    if pieces.is_empty() {
        return Ok((
            Effective {
                file,
                text: Cow::Borrowed(written),
                pieces,
                written,
            },
            unknown,
        ));
    }
    copy(&mut text, &mut pieces, file, written, copied..written.len());
    Ok((
        Effective {
            file,
            text: Cow::Owned(text),
            pieces,
            written,
        },
        unknown,
    ))
}

fn copy(
    text: &mut String,
    pieces: &mut Vec<Piece>,
    file: FileId,
    written: &str,
    range: Range<usize>,
) {
    if !range.is_empty() {
        pieces.push(Piece {
            at: text.len() as u32,
            span: Span::new(file, range.clone()),
            origin: Origin::Written,
        });
        text.push_str(&written[range]);
    }
}

/// The token `{{name}}` at `at`. Liquid (`{{ body.x | Upcase }}`) and JSON braces have other characters inside.
fn token(text: &str, at: usize) -> Option<Range<usize>> {
    let inner = &text.as_bytes()[at + 2..];
    let name = inner
        .iter()
        .take(MAX_NAME + 1)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        .count();
    let fits = (1..=MAX_NAME).contains(&name) && inner[name..].starts_with(b"}}");
    fits.then(|| at..at + 2 + name + 2)
}
