//! Reading an absolute URI into its [`Parts`].
//!
//! Source: .NET's `Uri.ParseSchemeCheckImplicitFile`, `PrivateParseMinimal` and `CheckAuthorityHelper`, as they run on
//! Windows.

use super::super::percent_byte;
use super::escape::{international, is_international, is_well_escaped};
use super::host::Host;
use super::parts::{Parts, Raw, without_dots};
use super::syntax::{
    COMPRESSED, DOS_PATH, EMPTY_HOST, FILE, MAIL, MUST_HAVE_AUTHORITY, OPTIONAL_AUTHORITY, PORT,
    QUERY, ROOTED, SLASHES, Syntax, UNESCAPED_DOTS, UNKNOWN, USER, default_port, is_scheme,
};
use super::{Sort, Wrong};

/// Longest text that .NET takes (65519 characters).
const MAX: usize = 65_519;
/// Longest scheme.
const MAX_SCHEME: usize = 1024;

/// White space around a URI.
pub(super) const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

fn is_slash(c: char) -> bool {
    matches!(c, '/' | '\\')
}

/// Whether a text begins with a drive: a letter, `:` or `|`. `None` when it does not, else whether a slash follows.
fn drive(s: &str) -> Option<bool> {
    match s.as_bytes() {
        [letter, b':' | b'|', rest @ ..] if letter.is_ascii_alphabetic() => {
            Some(matches!(rest.first(), Some(b'/' | b'\\')))
        }
        _ => None,
    }
}

/// A text as far as it has been read.
struct Reading<'t> {
    scheme: String,
    syntax: Syntax,
    /// A file that is given as a path.
    implicit: bool,
    /// A path on a drive.
    dos: bool,
    /// A path on a server.
    unc: bool,
    authority: bool,
    user: Option<&'t str>,
    host: Host,
    port: i32,
    /// The port as it was given, with its `:`.
    given_port: &'t str,
    /// What stands behind the host.
    rest: &'t str,
    /// How many slashes of either sort stand behind the scheme, and whether two of them are `//`.
    slashes: usize,
    plain_slashes: bool,
}

/// An absolute URI.
pub(super) fn parse(text: &str) -> Result<Parts, Wrong> {
    if text.is_empty() {
        return Err(Wrong::Empty);
    }
    if text.len() > MAX && text.chars().map(char::len_utf16).sum::<usize>() > MAX {
        return Err(Wrong::TooLong);
    }
    let whole = text.trim_start_matches(SPACE);
    let trimmed = whole.trim_end_matches(SPACE);
    let mut reading = scheme(whole, trimmed)?;
    if !reading.implicit {
        reading.authority()?;
    } else if reading.unc {
        reading.host()?;
    }
    // .NET reads an internationalised text again, as it was given.
    let behind = &whole[trimmed.len()..];
    let again = !behind.is_empty()
        && reading.authority
        && !reading.syntax.has(FILE)
        && is_international(text);
    Ok(reading.parts(is_international(text), if again { behind } else { "" }))
}

/// Reads the scheme, or that it is a path of Windows.
fn scheme<'t>(whole: &str, text: &'t str) -> Result<Reading<'t>, Wrong> {
    let mut reading = Reading {
        scheme: "file".into(),
        syntax: Syntax::of("file"),
        implicit: true,
        dos: false,
        unc: false,
        authority: true,
        user: None,
        host: Host::none(true),
        port: -1,
        given_port: "",
        rest: text,
        slashes: 0,
        plain_slashes: false,
    };
    let colon = text.find(':');
    if whole.chars().map(char::len_utf16).sum::<usize>() < 3 || colon == Some(0) {
        return Err(Wrong::Format);
    }
    if let Some(rooted) = drive(text) {
        reading.dos = true;
        return if rooted {
            Ok(reading)
        } else {
            Err(Wrong::Drive)
        };
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (_, Some(':')) => return Err(Wrong::Scheme),
        (_, Some('|')) => return Err(Wrong::Format),
        (Some('/' | '\\'), Some('/' | '\\')) => {
            reading.unc = true;
            reading.rest = text.trim_start_matches(is_slash);
            return Ok(reading);
        }
        (Some('/' | '\\'), _) => return Err(Wrong::Format),
        _ => {}
    }
    let (scheme, rest) = colon.map(|i| text.split_at(i)).ok_or(Wrong::Format)?;
    if !is_scheme(scheme) {
        return Err(Wrong::Scheme);
    }
    if scheme.len() > MAX_SCHEME {
        return Err(Wrong::SchemeTooLong);
    }
    reading.scheme = scheme.to_ascii_lowercase();
    reading.syntax = Syntax::of(&reading.scheme);
    reading.implicit = false;
    reading.authority = false;
    reading.host = Host::none(false);
    reading.port = default_port(&reading.scheme);
    reading.rest = &rest[1..];
    Ok(reading)
}

impl Reading<'_> {
    /// What stands between the scheme and the path.
    fn authority(&mut self) -> Result<(), Wrong> {
        let rest = self.rest;
        let behind = rest.trim_start_matches(is_slash);
        self.slashes = rest.len() - behind.len();
        self.plain_slashes = rest.starts_with("//");
        let syntax = self.syntax;
        let file = syntax.has(FILE);
        // A drive or, of a file, a server may stand behind any slashes.
        if syntax.has(EMPTY_HOST)
            && syntax.has(DOS_PATH)
            && rest.len() > 1
            && (file || self.slashes <= 3)
        {
            self.authority = self.slashes >= 2;
            match drive(behind) {
                Some(true) => {
                    self.dos = true;
                    self.authority |= syntax.has(MUST_HAVE_AUTHORITY);
                    let rooted = !matches!(self.slashes, 0 | 2);
                    self.rest = &rest[self.slashes - usize::from(rooted)..];
                    self.host = Host::none(self.authority);
                    return Ok(());
                }
                Some(false) if file => return Err(Wrong::Drive),
                _ => {}
            }
            if file
                && self.slashes >= 2
                && self.slashes != 3
                && !behind.is_empty()
                && !behind.starts_with(['?', '#'])
            {
                self.unc = true;
                self.rest = behind;
                return self.host();
            }
        }
        let two = rest.len() > 1;
        if syntax.has(MUST_HAVE_AUTHORITY) {
            if !two || self.slashes < 2 {
                return Err(Wrong::Authority);
            }
        } else if syntax.has(OPTIONAL_AUTHORITY) {
            if !two || !(self.authority || self.plain_slashes) {
                self.authority = false;
                return Ok(());
            }
        } else if syntax.has(MAIL) {
            return self.host();
        } else {
            return Ok(());
        }
        self.authority = true;
        self.rest = &rest[2..];
        self.host()
    }

    /// The user, the host and the port.
    fn host(&mut self) -> Result<(), Wrong> {
        let (text, syntax) = (self.rest, self.syntax);
        let file = syntax.has(FILE);
        if text.is_empty() || text.starts_with(['/', '?', '#']) || (file && text.starts_with('\\'))
        {
            self.unc = false;
            if self.implicit || !syntax.has(EMPTY_HOST) {
                return Err(Wrong::Host);
            }
            self.host = Host::none(true);
            return Ok(());
        }
        let at = text
            .find(['@', '?', '#', '\\', '/'])
            .filter(|i| syntax.has(USER) && text[*i..].starts_with('@') && i + 1 < text.len());
        let text = at.map_or(text, |i| &text[i + 1..]);
        let mut found = Host::read(text, syntax, self.implicit);
        let end = found.as_ref().map_or(0, |(_, n)| *n);
        let mut behind = &text[end..];
        if behind.starts_with('\\') && found.is_some() && !file {
            if syntax.has(UNKNOWN) {
                return Err(Wrong::Host);
            }
            found = None;
        } else if let Some(port) = behind.strip_prefix(':') {
            if syntax.has(PORT) {
                let n = port.find(['/', '?', '#']).unwrap_or(port.len());
                let digits = &port[..n];
                if !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(Wrong::Port);
                }
                self.given_port = &behind[..=n];
                let digits = digits.trim_start_matches('0');
                if !digits.is_empty() {
                    let number = digits.parse::<u16>().map_err(|_| Wrong::Port)?;
                    self.port = i32::from(number);
                } else if n > 0 && self.port >= 0 {
                    // Where there is no port of the scheme, 0 is none.
                    self.port = 0;
                }
                behind = &port[n..];
            } else {
                found = None;
            }
        }
        match found {
            Some((host, _)) => {
                self.user = at.map(|i| &self.rest[..i]);
                self.host = host;
            }
            // One or two dots are a host of a scheme that is not known.
            None if syntax.has(UNKNOWN) => {
                let n = text.find(['/', '?', '#']).unwrap_or(text.len());
                if !matches!(&text[..n], "." | "..") {
                    return Err(Wrong::Host);
                }
                self.host = Host {
                    sort: Sort::Basic,
                    name: text[..n].to_string(),
                    scope: String::new(),
                    loopback: false,
                };
                behind = &text[n..];
            }
            None => return Err(Wrong::Host),
        }
        self.rest = behind;
        Ok(())
    }

    /// The parts in normal form; `behind` is the white space that belongs to the last of them.
    fn parts(self, unicode: bool, behind: &str) -> Parts {
        let syntax = self.syntax;
        let read = |s: &str| match unicode {
            true => international(s),
            false => s.to_string(),
        };
        let rest = format!("{}{behind}", self.rest);
        let (before, fragment) = match rest.find('#').filter(|_| !self.implicit) {
            Some(i) => rest.split_at(i),
            None => (&*rest, ""),
        };
        let query = before
            .find('?')
            .filter(|_| !self.implicit && syntax.has(QUERY));
        let (path, query) = query.map_or((before, ""), |i| before.split_at(i));
        let (user, path) = (self.user.map(read), read(path));
        let (query, fragment) = (read(query), read(fragment));
        let bare = self.authority && syntax.has(ROOTED) && !path.starts_with(is_slash);
        let well_formed = !self.implicit
            && user.as_deref().is_none_or(is_well_escaped)
            && is_well_escaped(&path)
            && (syntax.has(QUERY) || !path.contains('?'))
            && !(self.authority && syntax.has(UNESCAPED_DOTS) && has_escaped_dots(&path))
            && is_well_escaped(&query)
            && is_well_escaped(fragment.strip_prefix('#').unwrap_or(""))
            && (!bare || path.is_empty())
            && (!self.authority || self.plain_slashes)
            && !(self.dos && path.trim_start_matches('/')[1..].starts_with('|'));
        let none = path.is_empty();
        let path = self.path(if bare { format!("/{path}") } else { path });
        let raw = Raw {
            bare: none,
            port: self.given_port.to_string(),
            user: user.clone().unwrap_or_default(),
            path,
            query,
            fragment,
            implicit: self.implicit,
        };
        Parts::new(self.scheme, self.authority, user, self.host, self.port, raw).with(
            self.dos,
            self.unc,
            well_formed,
        )
    }

    /// The path with slashes of one sort and without dot segments.
    fn path(&self, mut path: String) -> String {
        let syntax = self.syntax;
        let drive = match (self.dos, path.starts_with(is_slash)) {
            (false, _) => 0,
            (true, slash) => 2 + usize::from(slash),
        };
        if self.dos {
            path.replace_range(drive - 1..drive, ":");
        }
        if !(self.dos || self.authority) {
            return path;
        }
        if syntax.has(UNESCAPED_DOTS) && !self.implicit && has_escaped_dots(&path) {
            path = unescaped_dots(&path);
        }
        if syntax.has(SLASHES) {
            path = path.replace('\\', "/");
        }
        if syntax.has(COMPRESSED) {
            path = format!(
                "{}{}",
                &path[..drive],
                without_dots(&path[drive..], !syntax.has(UNKNOWN))
            );
        }
        path
    }
}

/// The dot or slash that an escape stands for.
fn escaped_dot(s: &str, at: usize) -> Option<char> {
    let c = char::from(percent_byte(&s.as_bytes()[at..])?);
    matches!(c, '.' | '/' | '\\').then_some(c)
}

fn has_escaped_dots(s: &str) -> bool {
    s.match_indices('%')
        .any(|(i, _)| escaped_dot(s, i).is_some())
}

fn unescaped_dots(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut at = 0;
    for (i, _) in s.match_indices('%') {
        if let Some(c) = escaped_dot(s, i) {
            out.push_str(&s[at..i]);
            out.push(c);
            at = i + 3;
        }
    }
    out.push_str(&s[at..]);
    out
}
