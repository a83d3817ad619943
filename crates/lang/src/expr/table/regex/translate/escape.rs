//! What a backslash begins: anchors, references, single characters; and `Regex.Escape` and `Regex.Unescape`.

use super::{Key, Refusal, S, Scan, Subject, by_units, is_word, unit};

impl Scan<'_> {
    /// `\1`, `\k<name>`.
    fn back(&mut self, key: &Key) -> S {
        let Some(known) = self.known else {
            self.write("(?:)");
            return Ok(());
        };
        let Some(index) = known.index(key) else {
            return match key {
                Key::Number(n) => self.syntax(format!("Reference to undefined group number {n}.")),
                Key::Name(n) => self.syntax(format!("Reference to undefined group name '{n}'.")),
            };
        };
        if index == 0 {
            return Err(Refusal::Unsupported(
                "a reference to the whole match".into(),
            ));
        }
        // The engine numbers groups by their position.
        let mut places = known
            .order
            .iter()
            .enumerate()
            .filter(|(_, i)| **i == index)
            .map(|(place, _)| place + 1);
        match (places.next(), places.next()) {
            (Some(n), None) => {
                self.write(&format!("(?:\\{n})"));
                Ok(())
            }
            _ => Err(Refusal::Unsupported(
                "a reference to a group that is there more than once".into(),
            )),
        }
    }

    pub(super) fn escape(&mut self) -> S {
        let Some(c) = self.peek() else {
            return self.syntax("Illegal \\ at end of pattern.");
        };
        match c {
            'A' => self.simple("\\A"),
            'z' => self.simple("\\z"),
            'G' => {
                self.uses.past_last = true;
                self.simple(if self.subject.past_last {
                    "(?!)"
                } else {
                    "\\G"
                });
            }
            'Z' => {
                self.at += 1;
                self.end();
            }
            'b' | 'B' => {
                self.at += 1;
                let s = self.boundary(c == 'B');
                self.assertion(s);
            }
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => {
                self.at += 1;
                let set = format!("[{}]", self.shorthand(c));
                self.write(&set);
            }
            'p' | 'P' => {
                self.at += 1;
                let set = format!("[{}]", self.property(c == 'P')?);
                self.write(&set);
            }
            _ => return self.basic_escape(c),
        }
        Ok(())
    }

    fn simple(&mut self, s: &str) {
        self.at += 1;
        self.assertion(s);
    }

    /// .NET's word characters are fewer than the engine's, beyond ASCII.
    fn boundary(&mut self, not: bool) -> &'static str {
        macro_rules! word {
            () => {
                "[\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}]"
            };
        }
        self.uses.ascii = true;
        match (self.subject.ascii, not) {
            (true, false) => "\\b",
            (true, true) => "\\B",
            (false, false) => concat!(
                "(?<=",
                word!(),
                ")(?!",
                word!(),
                ")|(?<!",
                word!(),
                ")(?=",
                word!(),
                ")"
            ),
            (false, true) => concat!(
                "(?<=",
                word!(),
                ")(?=",
                word!(),
                ")|(?<!",
                word!(),
                ")(?!",
                word!(),
                ")"
            ),
        }
    }

    fn basic_escape(&mut self, c: char) -> S {
        let from = self.at;
        let mut close = None;
        if c == 'k' {
            self.at += 1;
            close = match self.take() {
                Some('<') => Some('>'),
                Some('\'') => Some('\''),
                _ => None,
            };
            if close.is_none() || self.peek().is_none() {
                return self.syntax("Malformed \\k<...> named back reference.");
            }
        } else if matches!(c, '<' | '\'') && self.peek_at(1).is_some() {
            close = Some(if c == '<' { '>' } else { '\'' });
            self.at += 1;
        }
        match (close, self.peek()) {
            (Some(close), Some(d)) if d.is_ascii_digit() => {
                let n = self.decimal()?;
                if self.take() == Some(close) {
                    return self.back(&Key::Number(n));
                }
            }
            (None, Some('1'..='9')) => {
                let n = self.decimal()?;
                let exists = self
                    .known
                    .is_none_or(|k| k.index(&Key::Number(n)).is_some());
                if exists || n <= 9 {
                    return self.back(&Key::Number(n));
                }
            }
            (Some(close), Some(d)) if is_word(d) => {
                let name = self.name();
                if self.take() == Some(close) {
                    return self.back(&Key::Name(name));
                }
            }
            _ => {}
        }
        self.at = from;
        let c = self.char_escape()?;
        self.literal(c);
        Ok(())
    }

    /// What follows a backslash and means one character.
    pub(super) fn char_escape(&mut self) -> S<char> {
        let Some(c) = self.take() else {
            return self.syntax("Illegal \\ at end of pattern.");
        };
        Ok(match c {
            '0'..='7' => {
                self.at -= 1;
                let mut n = 0;
                for _ in 0..3 {
                    let Some(d) = self.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    n = n * 8 + d;
                    self.at += 1;
                }
                unit(n & 0xff)
            }
            'x' => self.hex(2)?,
            'u' => self.hex(4)?,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'c' => match self.take().map(|c| c.to_ascii_uppercase()) {
                Some(c @ '@'..='_') => unit(u32::from(c) - u32::from('@')),
                Some(_) => return self.syntax("Unrecognized control character."),
                None => return self.syntax("Missing control character."),
            },
            c if is_word(c) => return self.syntax(format!("Unrecognized escape sequence \\{c}.")),
            c => c,
        })
    }

    fn hex(&mut self, digits: usize) -> S<char> {
        let mut n = 0;
        for _ in 0..digits {
            let Some(d) = self.peek().and_then(|c| c.to_digit(16)) else {
                return self.syntax("Insufficient or invalid hexadecimal digits.");
            };
            n = n * 16 + d;
            self.at += 1;
        }
        Ok(unit(n))
    }
}

/// `Regex.Unescape`.
pub(in super::super) fn unescape(text: &str) -> Result<String, Refusal> {
    let chars: Vec<char> = by_units(text).chars().collect();
    let mut scan = Scan::new(&chars, 0, Subject::default(), None);
    let mut out = String::new();
    while let Some(c) = scan.take() {
        out.push(if c == '\\' { scan.char_escape()? } else { c });
    }
    Ok(out)
}

/// `Regex.Escape`.
pub(in super::super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' | '*' | '+' | '?' | '|' | '{' | '[' | '(' | ')' | '^' | '$' | '.' | '#' | ' ' => {
                out.extend(['\\', c])
            }
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            c => out.push(c),
        }
    }
    out
}
