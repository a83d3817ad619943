//! Links in a text of any kind: those below one of some base URLs are moved below another (`redirect-content-urls`).
//!
//! A link is found by its `//`, in the spellings that JSON, HTML and queries have for a slash, and is written again in its
//! own spelling. What must stay true: a longer host, another port and a longer path segment are other links; every byte
//! that is not part of a link stays; one pass, and the result has a bound.

use crate::snapshot::BaseUrl;
use bytes::Bytes;

/// How a slash is written, and the colons beside it: text, JSON, HTML, queries.
const SPELLINGS: [(&str, &str); 6] = [
    ("/", ":"),
    ("\\/", ":"),
    ("\\u002f", ":"),
    ("&#x2f;", ":"),
    ("&#47;", ":"),
    ("%2f", "%3a"),
];

/// A URL that links begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    /// `http` or `https`.
    scheme: &'static str,
    /// Lower case.
    host: String,
    /// Unless it is the scheme's own.
    port: Option<String>,
    /// Without a trailing slash.
    path: String,
}

impl Base {
    /// From its parts.
    pub(crate) fn new(scheme: &str, authority: &str, path: &str) -> Base {
        let (scheme, own) = match scheme {
            "https" | "wss" => ("https", "443"),
            _ => ("http", "80"),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
            _ => (authority, ""),
        };
        Base {
            scheme,
            host: host.to_ascii_lowercase(),
            port: (!port.is_empty() && port != own).then(|| port.to_owned()),
            path: path.trim_end_matches('/').to_owned(),
        }
    }

    /// A base URL.
    pub(crate) fn of(url: &BaseUrl) -> Base {
        let scheme = if url.origin.tls.is_some() {
            "https"
        } else {
            "http"
        };
        Base::new(scheme, &url.origin.authority, &url.path)
    }

    /// With another path behind its own.
    pub(crate) fn with(mut self, path: &str) -> Base {
        self.path.push_str(path.trim_end_matches('/'));
        self
    }

    /// The length of host, port and path at the beginning of `text`, if they stand there whole.
    fn length(&self, text: &[u8], slash: &str, colon: &str) -> Option<usize> {
        let mut at = prefix(text, &self.host)?;
        if let Some(port) = prefix(&text[at..], colon).map(|n| at + n) {
            let digits = text[port..].iter().take_while(|b| b.is_ascii_digit());
            let digits = digits.count();
            let told = &text[port..port + digits];
            match &self.port {
                Some(own) if own.as_bytes() == told => at = port + digits,
                None if told == b"80" || told == b"443" => at = port + digits,
                None if digits == 0 => {}
                _ => return None,
            }
        } else if self.port.is_some() {
            return None;
        }
        for part in self.path.split('/').skip(1) {
            at += prefix(&text[at..], slash)?;
            let rest = text[at..].strip_prefix(part.as_bytes())?;
            at = text.len() - rest.len();
        }
        ends(&text[at..], slash).then_some(at)
    }

    /// Writes it behind the scheme.
    fn write(&self, slash: &[u8], colon: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.host.as_bytes());
        if let Some(port) = &self.port {
            out.extend_from_slice(colon);
            out.extend_from_slice(port.as_bytes());
        }
        for part in self.path.split('/').skip(1) {
            out.extend_from_slice(slash);
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// The length of `wanted` where the text begins with it, in any case.
fn prefix(text: &[u8], wanted: &str) -> Option<usize> {
    let there = text.get(..wanted.len())?;
    there
        .eq_ignore_ascii_case(wanted.as_bytes())
        .then_some(wanted.len())
}

/// Whether what was read of a link can end before this: host or path segment do not go on.
fn ends(text: &[u8], slash: &str) -> bool {
    let goes_on = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    match text.first() {
        None => true,
        _ if prefix(text, slash).is_some() => true,
        Some(b'-' | b'_' | b'~' | b'@' | b'=' | b'+' | b'$' | b'*') => false,
        // The end of a sentence, or of a host.
        Some(b'.') => !goes_on(text.get(1)) && !matches!(text.get(1), Some(b'-' | b'_' | b'.')),
        Some(b':') => !text.get(1).is_some_and(u8::is_ascii_digit),
        // An escape, unless all of the link is escaped.
        Some(b'%') => slash.starts_with('%'),
        first => !goes_on(first),
    }
}

/// Which links lead elsewhere from now on.
pub(crate) struct Links {
    /// Longest path first.
    from: Vec<Base>,
    to: Base,
}

impl Links {
    /// Those below one of `from` are moved below `to`.
    pub(crate) fn new(mut from: Vec<Base>, to: Base) -> Links {
        from.sort_by_key(|base| std::cmp::Reverse(base.path.len()));
        Links { from, to }
    }

    /// The text with its links rewritten; `None` when there is none to rewrite. The error: a length above `most`.
    pub(crate) fn rewritten(&self, text: &[u8], most: usize) -> Result<Option<Bytes>, usize> {
        let mut out = Vec::new();
        let mut copied = 0;
        let mut at = 0;
        while let Some(found) = text[at..]
            .iter()
            .position(|b| matches!(b, b'/' | b'\\' | b'&' | b'%'))
        {
            at += found;
            let Some(link) = self.link(text, copied, at) else {
                at += 1;
                continue;
            };
            out.extend_from_slice(&text[copied..link.begin]);
            if let Some(colon) = link.colon {
                out.extend_from_slice(self.to.scheme.as_bytes());
                out.extend_from_slice(colon);
            }
            out.extend_from_slice(link.slash);
            out.extend_from_slice(link.slash);
            let colon = if link.slash.starts_with(b"%") {
                &b"%3A"[..]
            } else {
                b":"
            };
            self.to.write(link.slash, colon, &mut out);
            copied = link.end;
            at = link.end;
            let length = out.len() + (text.len() - copied);
            if length > most && length > text.len() {
                return Err(length);
            }
        }
        if copied == 0 {
            return Ok(None);
        }
        out.extend_from_slice(&text[copied..]);
        Ok(Some(Bytes::from(out)))
    }

    /// The link whose two slashes begin at `at`; nothing of it stands before `from`.
    fn link<'a>(&self, text: &'a [u8], from: usize, at: usize) -> Option<Link<'a>> {
        for (slash, colon) in SPELLINGS {
            let Some(host) = prefix(&text[at..], slash)
                .and_then(|one| prefix(&text[at + one..], slash))
                .map(|one| at + 2 * one)
            else {
                continue;
            };
            let (begin, colon_there) = match scheme(&text[from..at], colon) {
                Some(begin) => (from + begin, Some(&text[at - colon.len()..at])),
                None if relative(&text[..at], slash) => (at, None),
                None => continue,
            };
            let length = self
                .from
                .iter()
                .find_map(|base| base.length(&text[host..], slash, colon));
            if let Some(length) = length {
                return Some(Link {
                    begin,
                    colon: colon_there,
                    slash: &text[at..at + slash.len()],
                    end: host + length,
                });
            }
        }
        None
    }
}

/// A link as it stands in the text.
struct Link<'a> {
    begin: usize,
    /// Behind its scheme, if it has one.
    colon: Option<&'a [u8]>,
    slash: &'a [u8],
    /// Behind host, port and path.
    end: usize,
}

/// Where the scheme begins that a text ends with.
fn scheme(before: &[u8], colon: &str) -> Option<usize> {
    let end = before.len().checked_sub(colon.len())?;
    prefix(&before[end..], colon)?;
    ["https", "http"].into_iter().find_map(|scheme| {
        let begin = end.checked_sub(scheme.len())?;
        prefix(&before[begin..end], scheme).map(|_| begin)
    })
}

/// Whether a link without a scheme can begin behind this.
fn relative(before: &[u8], slash: &str) -> bool {
    !slash.starts_with('%')
        && before.last().is_none_or(|b| {
            b.is_ascii_whitespace()
                || matches!(b, b'"' | b'\'' | b'(' | b'=' | b'>' | b',' | b';' | b'[')
        })
}

#[cfg(test)]
mod tests;
