//! Character classes: `[a-z-[aeiou]]`, `\w`, `\p{Lu}`.

use super::{Refusal, S, Scan, half, unit_of_half};

/// General categories that .NET and the engine both know.
const CATEGORIES: [&str; 35] = [
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc",
    "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C",
    "Cc", "Cf", "Cn",
];

impl Scan<'_> {
    /// A class after its `[`, as the engine writes it.
    pub(super) fn class(&mut self, depth: usize) -> S<String> {
        if depth > 8 {
            return Err(Refusal::Unsupported(
                "class subtractions nested so deep".into(),
            ));
        }
        let mut items = String::new();
        let mut minus = None;
        let negated = self.peek() == Some('^');
        self.at += usize::from(negated);
        // The low end of a range that has begun.
        let mut low: Option<char> = None;
        let mut first = true;
        loop {
            let Some(mut c) = self.take() else {
                return self.syntax("Unterminated [] set.");
            };
            let mut literal = true;
            if c == ']' && !first {
                break;
            }
            if c == '\\' && self.peek().is_some() {
                let e = self.take().unwrap_or('\\');
                let whole = match e {
                    'd' | 'D' | 'w' | 'W' | 's' | 'S' => Some(self.shorthand(e)),
                    'p' | 'P' => Some(self.property(e == 'P')?),
                    _ => None,
                };
                if let Some(whole) = whole {
                    if low.is_some() {
                        return self
                            .syntax(format!("Cannot include class \\{e} in character range."));
                    }
                    items.push_str(&whole);
                    first = false;
                    continue;
                }
                if e == '-' {
                    match low.take() {
                        Some(l) if number(l) > number('-') => {
                            return self.syntax("[x-y] range in reverse order.");
                        }
                        Some(l) => range(l, '-', &mut items),
                        None => one('-', &mut items),
                    }
                    first = false;
                    continue;
                }
                self.at -= 1;
                c = self.char_escape()?;
                literal = false;
            } else if c == '[' && self.peek() == Some(':') && low.is_none() {
                // .NET skips `[::]`, its unfinished POSIX classes.
                if self.peek_at(1) == Some(':') && self.peek_at(2) == Some(']') {
                    return Err(Refusal::Unsupported("`[::]` in a class".into()));
                }
            }
            if let Some(l) = low.take() {
                if c == '[' && literal && !first {
                    // No range after all: `[a-[b]]`.
                    one(l, &mut items);
                    minus = Some(self.subtraction(depth)?);
                } else if number(l) > number(c) {
                    return self.syntax("[x-y] range in reverse order.");
                } else {
                    range(l, c, &mut items);
                }
            } else if self.peek() == Some('-') && self.peek_at(1).is_some_and(|c| c != ']') {
                low = Some(c);
                self.at += 1;
            } else if c == '-' && literal && self.peek() == Some('[') && !first {
                self.at += 1;
                minus = Some(self.subtraction(depth)?);
            } else {
                one(c, &mut items);
            }
            first = false;
        }
        let not = if negated { "^" } else { "" };
        Ok(match minus {
            None => format!("[{not}{items}]"),
            // Negation binds before subtraction.
            Some(m) => format!("[[{not}{items}]--{m}]"),
        })
    }

    fn subtraction(&mut self, depth: usize) -> S<String> {
        let set = self.class(depth + 1)?;
        if self.peek().is_some_and(|c| c != ']') {
            return self.syntax("A subtraction must be the last element in a character class.");
        }
        Ok(set)
    }

    /// `\d`, `\w`, `\s` and their complements, as items of a class.
    pub(super) fn shorthand(&mut self, c: char) -> String {
        self.uses.ascii = true;
        let set = match (c.to_ascii_lowercase(), self.subject.ascii) {
            ('d', true) => "0-9",
            ('d', false) => "\\p{Nd}",
            ('w', true) => "0-9A-Z_a-z",
            ('w', false) => "\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}",
            (_, true) => "\\t-\\r\\x20",
            (_, false) => "\\s",
        };
        if c.is_ascii_uppercase() {
            format!("[^{set}]")
        } else {
            set.to_string()
        }
    }

    /// `\p{Name}` after the letter.
    pub(super) fn property(&mut self, not: bool) -> S<String> {
        if self.peek().is_none() || self.peek_at(1).is_none() || self.peek_at(2).is_none() {
            return self.syntax("Incomplete \\p{X} character escape.");
        }
        if self.take() != Some('{') {
            return self.syntax("Malformed \\p{X} character escape.");
        }
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| super::is_word(*c) || *c == '-') {
            name.push(c);
            self.at += 1;
        }
        if self.take() != Some('}') {
            return self.syntax("Incomplete \\p{X} character escape.");
        }
        let set = match &*name {
            "Lu" | "Ll" | "Lt" if self.options.case => "\\p{Lu}\\p{Ll}\\p{Lt}".to_string(),
            // The halves of pairs stand where the private characters of the last plane would.
            "Cs" => format!("{}-{}", half(0xD800), half(0xDFFF)),
            "Co" => "\\x{e000}-\\x{f8ff}".to_string(),
            n if CATEGORIES.contains(&n) => format!("\\p{{{n}}}"),
            n if n.starts_with("Is") => {
                return Err(Refusal::Unsupported(format!(
                    "the Unicode block \\p{{{n}}}"
                )));
            }
            n => return self.syntax(format!("Unknown property '{n}'.")),
        };
        Ok(if not { format!("[^{set}]") } else { set })
    }
}

fn one(c: char, out: &mut String) {
    if matches!(c, '[' | ']' | '^' | '-' | '&' | '~' | '\\' | '#') || c.is_whitespace() {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
    } else {
        out.push(c);
    }
}

fn range(low: char, high: char, out: &mut String) {
    // The halves of pairs lie elsewhere than in .NET's order, so a range over them is written in parts.
    let (low, high) = (number(low), number(high));
    for (from, to) in [(0, 0xD7FF), (0xD800, 0xDFFF), (0xE000, 0xFFFF)] {
        let (from, to) = (low.max(from), high.min(to));
        if from <= to {
            one(super::unit(from), out);
            out.push('-');
            one(super::unit(to), out);
        }
    }
}

/// The UTF-16 unit of a character.
fn number(c: char) -> u32 {
    unit_of_half(c).map_or(u32::from(c), u32::from)
}
