//! An operation's URL template: its path and what its query fixes; filling it with argument values.
//!
//! What must stay true: a filled template has the template's segments, each not empty and never `.` or `..`; a value
//! cannot end its segment, begin the query, or be read as an escape.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is not escaped in a value: RFC 3986's unreserved characters.
pub const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// What a template's own text may not hold as it is.
const LITERAL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A piece of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Text, ready for the wire.
    Literal(String),
    /// A parameter inside one segment.
    Parameter(String),
    /// `{*name}`: the rest of the path, slashes included.
    Wildcard(String),
}

/// A template taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    /// Pairs of the query with fixed values, ready for the wire.
    query: Vec<String>,
    /// Query parameters: name on the wire, name of the parameter.
    query_parameters: Vec<(String, String)>,
}

impl Template {
    /// Reads a template that routing has accepted. The error says what a tool cannot do with it.
    pub fn parse(template: &str) -> Result<Template, String> {
        let (path, query) = template.split_once('?').unwrap_or((template, ""));
        let mut pieces = Vec::new();
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        let mut literal = String::from("/");
        while let Some(open) = rest.find('{') {
            let Some(close) = rest[open..].find('}') else {
                return Err(String::from("its braces do not match"));
            };
            let name = &rest[open + 1..open + close];
            literal.extend(utf8_percent_encode(&rest[..open], LITERAL));
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            pieces.push(match name.strip_prefix('*') {
                Some("") => return Err(String::from(UNNAMED)),
                Some(name) => Piece::Wildcard(name.to_owned()),
                None if name.is_empty() => return Err(String::from("a parameter has no name")),
                None => Piece::Parameter(name.to_owned()),
            });
            rest = &rest[open + close + 1..];
        }
        if rest == "*" || rest.ends_with("/*") {
            return Err(String::from(UNNAMED));
        }
        literal.extend(utf8_percent_encode(rest, LITERAL));
        pieces.push(Piece::Literal(literal));
        let mut fixed = Vec::new();
        let mut query_parameters = Vec::new();
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match value.strip_prefix('{').and_then(|v| v.strip_suffix('}')) {
                Some(parameter) => {
                    query_parameters.push((name.to_owned(), parameter.to_owned()));
                }
                None => fixed.push(utf8_percent_encode(pair, LITERAL).to_string()),
            }
        }
        Ok(Template {
            pieces,
            query: fixed,
            query_parameters,
        })
    }

    /// Names of the path's parameters, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Parameter(name) | Piece::Wildcard(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// Query parameters that the template declares: name on the wire, name of the parameter.
    pub fn query_parameters(&self) -> &[(String, String)] {
        &self.query_parameters
    }

    /// Pairs of the query that the template fixes.
    pub fn query(&self) -> &[String] {
        &self.query
    }

    /// Whether the template fixes a query parameter's value.
    pub fn fixes(&self, name: &str) -> bool {
        self.query
            .iter()
            .any(|pair| pair.split('=').next().unwrap_or(pair) == name)
    }

    /// Whether a parameter takes the rest of the path.
    pub fn is_wildcard(&self, name: &str) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Wildcard(n) if n == name))
    }

    /// The path with values in it. `value` gives a parameter's text as [`value`] or [`rest`] escaped it.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, Unfilled> {
        let mut path = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => path.push_str(text),
                Piece::Parameter(name) | Piece::Wildcard(name) => {
                    path.push_str(value(name).ok_or_else(|| Unfilled {
                        parameter: name.clone(),
                        why: "it is missing",
                    })?);
                }
            }
        }
        // A value beside text, as in `.{x}`, could still make a dot segment of both.
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(Unfilled {
                parameter: self.path_parameters().last().unwrap_or_default().to_owned(),
                why: "it would change the path",
            });
        }
        Ok(path)
    }
}

const UNNAMED: &str = "its wildcard has no name; write `{*path}`";

/// A parameter that does not fit into the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfilled {
    /// The parameter.
    pub parameter: String,
    /// Why.
    pub why: &'static str,
}

/// A value for one segment, escaped, or why it may not stand there.
pub fn value(text: &str) -> Result<String, &'static str> {
    plain(text)?;
    if text.contains(['/', '\\']) {
        return Err("it may not hold a slash");
    }
    // Behind a server that undoes escapes twice these would be a slash or a dot.
    if holds_escape(text) {
        return Err("it may not hold an escaped slash or dot");
    }
    Ok(utf8_percent_encode(text, VALUE).to_string())
}

/// A value for the rest of the path, its slashes kept.
pub fn rest(text: &str) -> Result<String, &'static str> {
    let mut out = String::new();
    for segment in text.split('/') {
        if !out.is_empty() {
            out.push('/');
        }
        out.push_str(&value(segment)?);
    }
    Ok(out)
}

fn plain(text: &str) -> Result<(), &'static str> {
    match text {
        "" => Err("it may not be empty"),
        "." | ".." => Err("it may not be `.` or `..`"),
        _ if text.chars().any(char::is_control) => Err("it may not hold control characters"),
        _ => Ok(()),
    }
}

fn holds_escape(text: &str) -> bool {
    text.as_bytes().windows(3).any(|w| {
        w[0] == b'%'
            && [b"2f", b"5c", b"2e"]
                .iter()
                .any(|code| w[1..].eq_ignore_ascii_case(*code))
    })
}

#[cfg(test)]
mod tests;
