//! Strings of JSON: either quote, escapes.

use super::Parser;

impl Parser<'_> {
    pub(super) fn string(&mut self, quote: u8) -> Result<String, String> {
        self.at += 1;
        self.begun = true;
        let bytes = self.text.as_bytes();
        let start = self.at;
        while let Some(&b) = bytes.get(self.at) {
            if b == quote {
                let s = self.text[start..self.at].to_string();
                self.at += 1;
                return Ok(s);
            }
            if b == b'\\' {
                return self.escaped(start, quote);
            }
            self.at += 1;
        }
        Err(self.unterminated(quote))
    }

    fn unterminated(&mut self, quote: u8) -> String {
        self.at = self.text.len();
        self.error(&format!(
            "Unterminated string. Expected delimiter: {}.",
            quote as char
        ))
    }

    fn escaped(&mut self, start: usize, quote: u8) -> Result<String, String> {
        let mut units: Vec<u16> = Vec::new();
        let mut out = self.text[start..self.at].to_string();
        loop {
            let Some(c) = self.peek() else {
                return Err(self.unterminated(quote));
            };
            self.at += c.len_utf8();
            if c != '\\' {
                flush(&mut units, &mut out);
                if c as u32 == u32::from(quote) {
                    return Ok(out);
                }
                out.push(c);
                continue;
            }
            let Some(e) = self.peek() else {
                return Err(self.unterminated(quote));
            };
            self.at += e.len_utf8();
            if e == 'u' {
                units.push(self.unit()?);
                continue;
            }
            flush(&mut units, &mut out);
            out.push(match e {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                '"' | '\'' | '/' | '\\' => e,
                _ => return Err(self.error(&format!("Bad JSON escape sequence: \\{e}."))),
            });
        }
    }

    /// The four digits after `\u`.
    fn unit(&mut self) -> Result<u16, String> {
        let rest = &self.text[self.at..];
        let four: String = rest.chars().take(4).collect();
        if four.encode_utf16().count() < 4 {
            self.at = self.text.len();
            return Err(self.error("Unexpected end while parsing Unicode escape sequence."));
        }
        let hex = four.bytes().all(|b| b.is_ascii_hexdigit());
        match u16::from_str_radix(&four, 16).ok().filter(|_| hex) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => Err(self.error(&format!("Invalid Unicode escape sequence: \\u{four}."))),
        }
    }
}

fn flush(units: &mut Vec<u16>, out: &mut String) {
    if !units.is_empty() {
        out.push_str(&String::from_utf16_lossy(units));
        units.clear();
    }
}
