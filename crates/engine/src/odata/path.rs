//! The resource path: segments, keys, function calls and the segments that begin with `$`.

use super::Version;
use super::parser::{Fault, Parser};
use percent_encoding::percent_decode_str;

/// Segments that nothing follows.
const LAST: [&str; 6] = ["$batch", "$count", "$metadata", "$query", "$ref", "$value"];
/// Segments that others may follow.
const WITHIN: [&str; 3] = ["$all", "$each", "$entity"];

/// Checks the path below the service's root, still encoded.
pub(super) fn check(path: &str, version: Version) -> Result<(), Fault> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let segments = split(path.strip_suffix('/').unwrap_or(path));
    if segments == [""] {
        return Ok(());
    }
    let mut before = 0;
    for (at, segment) in segments.iter().enumerate() {
        let decoded = percent_decode_str(segment)
            .decode_utf8()
            .map_err(|_| Fault {
                position: before,
                message: String::from("a segment is not UTF-8"),
            })?;
        let last = at + 1 == segments.len();
        self::segment(&decoded, last, version).map_err(|mut fault| {
            fault.position += before;
            fault
        })?;
        before += segment.chars().count() + 1;
    }
    Ok(())
}

/// At the slashes that stand outside of quotes.
fn split(path: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, c) in path.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '/' if !quoted => {
                segments.push(&path[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    segments.push(&path[start..]);
    segments
}

fn segment(text: &str, last: bool, version: Version) -> Result<(), Fault> {
    let mut parser = Parser::new(text, version);
    if text.is_empty() {
        return Err(parser.fault("a segment is empty"));
    }
    if text.starts_with('$') {
        parser.skip(1);
        let name = parser.while_is(|c| c.is_ascii_alphabetic());
        let known = |list: &[&str]| list.iter().any(|k| &k[1..] == name);
        return match (name, parser.peek()) {
            ("filter", Some('(')) => {
                parser.skip(1);
                parser.spaces();
                parser.expression()?;
                parser.spaces();
                parser.need(')')?;
                parser.end()
            }
            ("crossjoin", Some('(')) => {
                parser.skip(1);
                parser.list(|p| match p.identifier() {
                    Some(_) => Ok(()),
                    None => Err(p.expected("the name of an entity set")),
                })?;
                parser.need(')')?;
                parser.end()
            }
            ("root" | "it", None) => Ok(()),
            (_, None) if known(&WITHIN) || known(&LAST) && last => Ok(()),
            (_, None) if known(&LAST) => Err(parser.fault(format!("nothing may follow `{text}`"))),
            _ => {
                Err(Parser::new(text, version).fault(format!("`{text}` is not a segment of OData")))
            }
        };
    }
    if !text.contains(['(', ')', '\'']) {
        // A name, or a key that stands as a segment.
        return Ok(());
    }
    if parser.qualified().is_none() {
        return Err(parser.expected("a name"));
    }
    while parser.peek() == Some('(') {
        parser.arguments()?;
    }
    parser.end()
}
