//! Replacement patterns (`$1`, `${name}`, `$&`), for `Replace` and `Match.Result`.

use super::class;
use super::program::{Found, Joined, Program};
use super::syntax::option;
use crate::expr::eval::{Cx, Throw, throw};

/// A part of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
    Before,
    After,
    Last,
    All,
}

/// A replacement read for one program.
#[derive(Debug)]
pub(super) struct Replacement(Vec<Piece>);

impl Replacement {
    /// Reads as `RegexParser.ScanDollar` does: what is no reference stays as text.
    pub(super) fn read(replacement: &str, program: &Program) -> Result<Replacement, Throw> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = replacement;
        while let Some((before, after)) = rest.split_once('$') {
            plain.push_str(before);
            rest = after;
            match dollar(after, program)? {
                Some((piece, len)) => {
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(piece);
                    rest = after.get(len..).unwrap_or_default();
                }
                None => plain.push('$'),
            }
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Ok(Replacement(pieces))
    }

    /// Appends what replaces a match.
    pub(super) fn expand(
        &self,
        cx: &mut Cx<'_>,
        found: &Found,
        out: &mut Joined,
    ) -> Result<(), Throw> {
        let before = out.len();
        let subject = &found.subject;
        let whole = found.span();
        for piece in &self.0 {
            match piece {
                Piece::Text(s) => out.str(s),
                Piece::Group(group) => {
                    if let Some((start, length)) = found.last(*group) {
                        out.part(subject, start..start + length);
                    }
                }
                Piece::Before => out.part(subject, 0..whole.start),
                Piece::After => out.part(subject, whole.end..subject.len()),
                Piece::Last => {
                    if let Some((start, length)) = found.last(found.groups.len().wrapping_sub(1)) {
                        out.part(subject, start..start + length);
                    }
                }
                Piece::All => out.str(subject.given()),
            }
        }
        cx.charge(out.len() - before)
    }
}

/// A group's number: digits that are more than `int` holds are an error, as in .NET.
fn number(digits: &str) -> Result<usize, Throw> {
    digits
        .parse::<i32>()
        .ok()
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| {
            throw(
                "ArgumentException",
                "Invalid replacement pattern: Capture group numbers must be less than or equal to Int32.MaxValue.",
            )
        })
}

/// The reference after a `$` and its length.
fn dollar(rest: &str, program: &Program) -> Result<Option<(Piece, usize)>, Throw> {
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let inner = rest.strip_prefix('{').filter(|inner| !inner.is_empty());
    if let Some(inner) = inner {
        let n = digits(inner);
        if n > 0 {
            let group = program.groups.by_number(number(&inner[..n])?);
            let closed = inner[n..].starts_with('}');
            return Ok(group.filter(|_| closed).map(|g| (Piece::Group(g), n + 2)));
        }
        let end = inner
            .char_indices()
            .find(|(_, c)| !u16::try_from(u32::from(*c)).is_ok_and(class::is_word))
            .map_or(inner.len(), |(i, _)| i);
        if end == 0 || !inner[end..].starts_with('}') || !program.groups.named {
            return Ok(None);
        }
        let group = program.groups.by_name(&inner[..end]);
        return Ok(group.map(|g| (Piece::Group(g), end + 2)));
    }
    let n = digits(rest);
    if n > 0 {
        if program.options & option::ECMA_SCRIPT == 0 {
            let group = program.groups.by_number(number(&rest[..n])?);
            return Ok(group.map(|g| (Piece::Group(g), n)));
        }
        // As many digits as name a group.
        let mut found = None;
        for len in 1..=n {
            if let Some(group) = program.groups.by_number(number(&rest[..len])?) {
                found = Some((Piece::Group(group), len));
            }
        }
        return Ok(found);
    }
    let piece = match rest.bytes().next() {
        Some(b'$') => Piece::Text("$".into()),
        Some(b'&') => Piece::Group(0),
        Some(b'`') => Piece::Before,
        Some(b'\'') => Piece::After,
        Some(b'+') => Piece::Last,
        Some(b'_') => Piece::All,
        _ => return Ok(None),
    };
    Ok(Some((piece, 1)))
}
