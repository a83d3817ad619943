//! Finds the end of `@(…)` and `@{…}`: bracket matching that knows C# strings, characters and comments.
//!
//! The scanner calls it to cut expressions out of a document that is not XML inside them. What must stay true: it
//! agrees with the lexer in `expr` on where each string and comment ends; linear time; any input.

/// How deep interpolation holes nest before their contents count as plain text.
const MAX_HOLES: u32 = 16;

/// What was met on the way; it tells why an expression has no end, or an unlikely one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// A string or character literal that the end of its line broke off.
    pub(super) broken_string: Option<usize>,
    /// The last `//` comment.
    pub(super) line_comment: Option<usize>,
    /// An XML entity in the code itself (outside strings): the author escaped the expression.
    pub(super) entity: Option<usize>,
    /// The innermost bracket of the expression's kind that nothing closes.
    pub(super) open: usize,
}

/// `text[at..]` begins with `@(` or `@{`: one past its closing bracket, if there is one.
pub(super) fn expression_end(text: &str, at: usize) -> (Option<usize>, Seen) {
    let mut matcher = Matcher {
        bytes: text.as_bytes(),
        text,
        pos: at + 2,
        seen: Seen {
            open: at + 1,
            ..Seen::default()
        },
        holes: 0,
    };
    let (open, close) = if matcher.bytes[at + 1] == b'{' {
        (b'{', b'}')
    } else {
        (b'(', b')')
    };
    let mut opened = vec![at + 1];
    while let Some(byte) = matcher.peek(0) {
        if byte == open {
            opened.push(matcher.pos);
        } else if byte == close {
            opened.pop();
            if opened.is_empty() {
                return (Some(matcher.pos + 1), matcher.seen);
            }
        }
        matcher.token(byte);
    }
    matcher.seen.open = opened.last().copied().unwrap_or(at + 1);
    (None, matcher.seen)
}

/// Whether an expression begins at `at`.
pub(super) fn begins(text: &str, at: usize) -> bool {
    matches!(text.as_bytes().get(at..at + 2), Some(b"@(" | b"@{"))
}

struct Matcher<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pos: usize,
    seen: Seen,
    holes: u32,
}

impl Matcher<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.pos + ahead).copied()
    }

    fn starts(&self, with: &str) -> bool {
        self.bytes[self.pos..].starts_with(with.as_bytes())
    }

    /// Steps over one token (at least one byte) of code.
    fn token(&mut self, byte: u8) {
        match byte {
            b'"' => self.plain_string(),
            b'\'' => self.character(),
            b'@' if self.starts("@\"") => {
                self.pos += 2;
                self.verbatim();
            }
            b'$' if self.starts("$@\"") => self.interpolated(3, true),
            b'@' if self.starts("@$\"") => self.interpolated(3, true),
            b'$' if self.starts("$\"") => {
                self.pos += 1;
                if !self.raw_string() {
                    self.pos -= 1;
                    self.interpolated(2, false);
                }
            }
            b'/' if self.starts("//") => {
                self.seen.line_comment = Some(self.pos);
                self.pos = self.line_end();
            }
            b'/' if self.starts("/*") => {
                let end = memchr::memmem::find(&self.bytes[self.pos + 2..], b"*/");
                self.pos = end.map_or(self.bytes.len(), |n| self.pos + 2 + n + 2);
            }
            b'&' => {
                let entity = ["&quot;", "&amp;", "&lt;", "&gt;", "&apos;"]
                    .iter()
                    .any(|e| self.starts(e));
                if entity && self.seen.entity.is_none() {
                    self.seen.entity = Some(self.pos);
                }
                self.pos += 1;
            }
            _ => self.pos += 1,
        }
    }

    fn line_end(&self) -> usize {
        memchr::memchr2(b'\n', b'\r', &self.bytes[self.pos..])
            .map_or(self.bytes.len(), |n| self.pos + n)
    }

    fn broken(&mut self, from: usize) {
        if self.seen.broken_string.is_none() {
            self.seen.broken_string = Some(from);
        }
    }

    /// `"…"` with `\` escapes; `"""…"""` too.
    fn plain_string(&mut self) {
        if self.raw_string() {
            return;
        }
        let from = self.pos;
        self.pos += 1;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    self.pos += 1;
                    return;
                }
                b'\n' | b'\r' => break,
                b'\\' if !matches!(self.peek(1), None | Some(b'\n' | b'\r')) => self.pos += 2,
                _ => self.pos += 1,
            }
        }
        self.broken(from);
    }

    /// Three or more quotes open a raw string that as many close. Without a close, pairs of them are empty strings.
    fn raw_string(&mut self) -> bool {
        let quotes = self.bytes[self.pos..]
            .iter()
            .take_while(|b| **b == b'"')
            .count();
        if quotes < 3 {
            return false;
        }
        let body = self.pos + quotes;
        self.pos = match memchr::memmem::find(&self.bytes[body..], &self.bytes[self.pos..body]) {
            Some(end) => body + end + quotes,
            // All at once: counting the rest again after each pair would take quadratic time.
            None => self.pos + quotes / 2 * 2,
        };
        true
    }

    /// After `@"`: up to a quote that no second one follows.
    fn verbatim(&mut self) {
        let from = self.pos;
        while let Some(n) = memchr::memchr(b'"', &self.bytes[self.pos..]) {
            self.pos += n + 1;
            if self.peek(0) != Some(b'"') {
                return;
            }
            self.pos += 1;
        }
        self.pos = self.bytes.len();
        self.broken(from);
    }

    fn character(&mut self) {
        let rest = &self.bytes[self.pos + 1..];
        let length = match rest.first() {
            Some(b'\\') => {
                // `'\''`, `'\u0041'`, `'\U00000041'`.
                let close = rest
                    .iter()
                    .skip(2)
                    .take(10)
                    .take_while(|b| !matches!(b, b'\'' | b'\n' | b'\r'))
                    .count()
                    + 2;
                (rest.get(close) == Some(&b'\'')).then_some(close + 2)
            }
            Some(b'\'' | b'\n' | b'\r') | None => None,
            Some(_) => {
                let ch = self
                    .text
                    .get(self.pos + 1..)
                    .and_then(|t| t.chars().next())
                    .map_or(1, char::len_utf8);
                (rest.get(ch) == Some(&b'\'')).then_some(ch + 2)
            }
        };
        self.pos += length.unwrap_or(1);
    }

    /// `$"…{hole}…"`; `prefix` bytes long at the start, quote included.
    fn interpolated(&mut self, prefix: usize, verbatim: bool) {
        let from = self.pos;
        self.pos += prefix;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' if verbatim && self.peek(1) == Some(b'"') => self.pos += 2,
                b'"' => {
                    self.pos += 1;
                    return;
                }
                b'\n' | b'\r' if !verbatim => break,
                b'\\' if !verbatim && !matches!(self.peek(1), None | Some(b'\n' | b'\r')) => {
                    self.pos += 2
                }
                b'{' if self.peek(1) == Some(b'{') => self.pos += 2,
                b'{' if self.holes < MAX_HOLES => {
                    self.pos += 1;
                    self.holes += 1;
                    self.hole(verbatim);
                    self.holes -= 1;
                }
                _ => self.pos += 1,
            }
        }
        self.broken(from);
    }

    /// Code up to the `}` of the hole; `:` outside brackets begins a format, which is plain text.
    fn hole(&mut self, verbatim: bool) {
        let mut depth = 0u32;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'}' if depth == 0 => {
                    self.pos += 1;
                    return;
                }
                b'(' | b'[' | b'{' => {
                    depth += 1;
                    self.pos += 1;
                }
                b')' | b']' | b'}' => {
                    depth = depth.saturating_sub(1);
                    self.pos += 1;
                }
                b'\n' | b'\r' if !verbatim => return,
                b':' if depth == 0 && self.peek(1) != Some(b':') => {
                    let rest = &self.bytes[self.pos..];
                    let end = memchr::memchr3(b'}', b'"', b'\n', rest).unwrap_or(rest.len());
                    self.pos += end + usize::from(rest.get(end) == Some(&b'}'));
                    return;
                }
                b':' => self.pos += if depth == 0 { 2 } else { 1 },
                _ => self.token(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests;
