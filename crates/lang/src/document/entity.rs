//! Entities and character references of XML.

use std::ops::Range;

/// What an `&` in a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entity {
    /// A character, and how many bytes stand for it.
    Char(char, usize),
    /// `&name;` that XML does not know.
    Unknown(Range<usize>),
    /// `&#…;` that is no character which XML allows.
    Invalid(Range<usize>),
    /// An `&` that begins no reference.
    Bare,
}

/// `text[at]` is `&`.
pub(super) fn read(text: &str, at: usize) -> Entity {
    let rest = &text.as_bytes()[at + 1..];
    // The longest known name has four letters; long digit runs are invalid anyway.
    let length = rest
        .iter()
        .take(32)
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'#')
        .count();
    if length == 0 || rest.get(length) != Some(&b';') {
        return Entity::Bare;
    }
    let (name, range) = (&text[at + 1..at + 1 + length], at..at + length + 2);
    let ch = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => match name.strip_prefix('#') {
            None if name.contains('#') => return Entity::Bare,
            None => return Entity::Unknown(range),
            Some(number) => {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                match code.ok().and_then(char::from_u32).filter(|c| allowed(*c)) {
                    Some(ch) => ch,
                    None => return Entity::Invalid(range),
                }
            }
        },
    };
    Entity::Char(ch, length + 2)
}

/// Whether XML 1.0 allows the character.
pub(super) fn allowed(ch: char) -> bool {
    !matches!(ch, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// The number to write for an HTML entity that authors use although XML has none of them.
pub(super) fn html(name: &str) -> Option<u32> {
    const KNOWN: [(&str, u32); 14] = [
        ("nbsp", 160),
        ("copy", 169),
        ("reg", 174),
        ("deg", 176),
        ("middot", 183),
        ("times", 215),
        ("ndash", 8211),
        ("mdash", 8212),
        ("lsquo", 8216),
        ("rsquo", 8217),
        ("ldquo", 8220),
        ("rdquo", 8221),
        ("bull", 8226),
        ("hellip", 8230),
    ];
    KNOWN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, code)| *code)
}
