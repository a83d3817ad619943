//! Text out of a specification, made safe to show to a model: bounded, and without what a reader cannot see.
//!
//! What must stay true: nothing that changes how text is shown (bidirectional marks, tags, zero-width characters)
//! passes; a cut falls between characters and is marked.

/// Longest description, in bytes.
pub const LONGEST_DESCRIPTION: usize = 4096;
/// Longest title, in bytes.
pub const LONGEST_TITLE: usize = 256;
/// Longest description inside a schema, in bytes.
pub const LONGEST_NOTE: usize = 1024;

/// The text, trimmed, without invisible characters, at most `most` bytes.
pub fn clean(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    for c in text.trim().chars().filter(|c| visible(*c)) {
        if out.len() + c.len_utf8() > most {
            while out.len() + "...".len() > most && out.pop().is_some() {}
            out.push_str("...");
            return out;
        }
        out.push(c);
    }
    out
}

fn visible(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        _ if c.is_control() => false,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_nothing() {
        assert_eq!(clean("  a\u{200b}b\u{202e}c\r\n\td\u{0} ", 99), "abc\n\td");
        assert_eq!(clean("\u{e0041}\u{e0042}x", 99), "x");
        assert_eq!(clean("gr\u{fc}n \u{1f600}", 99), "gr\u{fc}n \u{1f600}");
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(clean("abcdefgh", 8), "abcdefgh");
        assert_eq!(clean("abcdefghi", 8), "abcde...");
        assert_eq!(
            clean("\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}", 8),
            "\u{fc}\u{fc}..."
        );
        assert_eq!(clean("abcdef", 2), "...");
    }
}
