//! Where a token stands in its tree, as a text.
//!
//! Source: Json.NET 13's `JsonPosition`. Also used by the reader, for the places of faults.

use super::{Kind, Token, write};

impl Token {
    /// `JToken.Path`.
    pub(crate) fn path(&self) -> String {
        let mut way = vec![self.clone()];
        while let Some(up) = way.last().and_then(Token::parent) {
            way.push(up);
        }
        let mut out = String::new();
        if way.len() == 1 {
            return out;
        }
        while let Some(at) = way.pop() {
            match (at.kind(), way.last()) {
                (Kind::Property(name, _), _) => path_name(name, &mut out),
                (Kind::Array(_) | Kind::Constructor(..), Some(below)) => {
                    out.push_str(&format!("[{}]", at.position_of(below).unwrap_or(0)));
                }
                _ => {}
            }
        }
        out
    }
}

/// Adds a name to a path: in brackets and quotes when it has a character that a path gives a meaning.
pub(crate) fn path_name(name: &str, out: &mut String) {
    let special = |c: char| {
        matches!(
            c,
            '.' | ' '
                | '\''
                | '/'
                | '"'
                | '['
                | ']'
                | '('
                | ')'
                | '\t'
                | '\n'
                | '\r'
                | '\u{c}'
                | '\u{8}'
                | '\\'
                | '\u{85}'
                | '\u{2028}'
                | '\u{2029}'
        )
    };
    if name.contains(special) {
        out.push_str("['");
        write::escape(name, '\'', out);
        out.push_str("']");
    } else {
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(name);
    }
}
