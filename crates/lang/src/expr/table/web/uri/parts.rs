//! The parts of an absolute URI in normal form, and what .NET makes of them.

use super::super::percent_decode;
use super::Sort;
use super::escape::{escaped, readable, reserved, unreserved};
use super::host::Host;
use super::syntax::{QUERY, Syntax, default_port};
use crate::value::Str;

/// The parts as they were given, but for escapes that are not needed and, of the path, dot segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) user: String,
    pub(super) path: String,
    /// With its `?`.
    pub(super) query: String,
    /// With its `#`.
    pub(super) fragment: String,
    /// A path of Windows in place of a URI, in which nothing is escaped.
    pub(super) implicit: bool,
    /// No path was given.
    pub(super) bare: bool,
    /// The port with its `:`.
    pub(super) port: String,
}

/// The parts in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) scheme: String,
    /// Whether `//` and a host follow the scheme.
    pub(super) authority: bool,
    /// What stands before an `@`.
    pub(super) user: Option<String>,
    pub(super) host: Host,
    /// -1: none.
    pub(super) port: i32,
    /// That of a drive begins with a slash where there is a host.
    pub(super) path: String,
    /// With its `?`.
    pub(super) query: String,
    /// With its `#`.
    pub(super) fragment: String,
    pub(super) raw: Raw,
    /// A path on a drive.
    pub(super) dos: bool,
    /// A path on a server.
    pub(super) unc: bool,
    /// Whether it was given as it is written.
    pub(super) well_formed: bool,
    /// Whether the port is written also where it is the scheme's own.
    pub(super) whole_port: bool,
}

/// What a path may hold as it is.
pub(super) fn path_byte(b: u8) -> bool {
    unreserved(b) || (reserved(b) && !matches!(b, b'?' | b'#'))
}

fn part_byte(b: u8) -> bool {
    unreserved(b) || reserved(b)
}

/// Resolves `.` and `..`: the segments from the last to the first. The first, which no slash stands before, stays, but where
/// the scheme writes a path `as_file`.
pub(super) fn without_dots(path: &str, as_file: bool) -> String {
    let mut segments: Vec<&str> = path.split('/').collect();
    let first = segments.remove(0);
    let mut out: Vec<&str> = Vec::new();
    let mut ups = 0usize;
    for (i, s) in segments.iter().enumerate().rev() {
        let last = i + 1 == segments.len();
        match *s {
            "." | ".." => {
                ups += s.len() - 1;
                if last {
                    out.push("");
                }
            }
            s if ups > 0 => {
                ups -= 1;
                if last {
                    out.push(s);
                }
            }
            s => out.push(s),
        }
    }
    let dots = !first.is_empty() && first.bytes().all(|b| b == b'.');
    if !(as_file && ((ups > 0 && !first.is_empty()) || dots)) {
        out.push(first);
    }
    out.reverse();
    out.join("/")
}

impl Parts {
    pub(super) fn new(
        scheme: String,
        authority: bool,
        user: Option<String>,
        host: Host,
        port: i32,
        raw: Raw,
    ) -> Parts {
        let whole = |s: &str| escaped(s, false, part_byte);
        Parts {
            user: user.as_deref().map(whole),
            path: escaped(&raw.path, raw.implicit, path_byte),
            query: whole(&raw.query),
            fragment: whole(&raw.fragment),
            scheme,
            authority,
            host,
            port,
            raw,
            dos: false,
            unc: false,
            well_formed: true,
            whole_port: false,
        }
    }

    pub(super) fn with(mut self, dos: bool, unc: bool, well_formed: bool) -> Parts {
        (self.dos, self.unc, self.well_formed) = (dos, unc, well_formed);
        self
    }

    pub(super) fn syntax(&self) -> Syntax {
        Syntax::of(&self.scheme)
    }

    /// Host, with the port when it is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        if self.port == default_port(&self.scheme) || self.port < 0 {
            self.host.name.clone()
        } else {
            format!("{}:{}", self.host.name, self.port)
        }
    }

    /// Everything before the path, with a user as it is written.
    fn left_of(&self, user: &str) -> String {
        let user = self
            .user
            .as_ref()
            .map_or_else(String::new, |_| format!("{user}@"));
        let mark = if self.authority { "//" } else { "" };
        let port = if self.whole_port { &*self.raw.port } else { "" };
        format!("{}:{mark}{user}{}{port}", self.scheme, self.authority())
    }

    pub(super) fn left(&self) -> String {
        self.left_of(self.user.as_deref().unwrap_or(""))
    }

    /// The same as `ToString()` has it, which leaves the user alone; a `safe` text is without escapes there too.
    pub(super) fn shown_left(&self, safe: bool) -> String {
        if safe {
            self.left_of(&readable(&self.raw.user, true))
        } else {
            self.left_of(&self.raw.user)
        }
    }

    pub(super) fn absolute(&self) -> String {
        format!(
            "{}{}{}{}",
            self.left(),
            self.path,
            self.query,
            self.fragment
        )
    }

    /// `ToString()`.
    pub(super) fn shown(&self, safe: bool) -> String {
        format!(
            "{}{}{}{}",
            self.shown_left(safe),
            self.shown_path(safe),
            readable(&self.raw.query, safe),
            readable(&self.raw.fragment, safe)
        )
    }

    /// The path as `ToString()` has it.
    pub(super) fn shown_path(&self, safe: bool) -> String {
        let path = &self.raw.path;
        if self.raw.implicit {
            // What could be taken for something else is escaped, and then what looks like an escape.
            let plain = !path.contains(|c: char| matches!(c, '?' | '#') || c.is_ascii_control());
            if plain {
                return path.clone();
            }
            return marks(&path.replace('%', "%25"));
        }
        let path = readable(path, safe);
        if self.syntax().has(QUERY) {
            path
        } else {
            marks(&path)
        }
    }

    /// `AbsolutePath`: that of a drive starts with the drive.
    pub(super) fn absolute_path(&self) -> &str {
        match self.path.strip_prefix('/') {
            Some(path) if self.dos => path,
            _ => &self.path,
        }
    }

    /// `LocalPath`: unescaped, and as Windows writes it when it is a file's.
    pub(super) fn local_path(&self) -> String {
        let path = percent_decode(self.absolute_path(), |_| true);
        if self.dos {
            path.replace('/', "\\")
        } else if self.unc {
            let path = if self.raw.bare { "" } else { &path };
            format!("//{}{path}", self.host.name).replace('/', "\\")
        } else {
            path
        }
    }

    pub(super) fn segments(&self) -> Vec<Str> {
        self.path.split_inclusive('/').map(Str::from).collect()
    }

    /// `DnsSafeHost` and `IdnHost` of an IPv6 address; `None` for another host.
    pub(super) fn bare_v6(&self) -> Option<String> {
        let inner = self.host.name.strip_prefix('[')?.strip_suffix(']')?;
        (self.host.sort == Sort::V6).then(|| format!("{inner}{}", self.host.scope))
    }
}

/// A path without the marks of a query and a fragment.
fn marks(path: &str) -> String {
    path.replace('?', "%3F").replace('#', "%23")
}

/// `Uri.GetLeftPart`; `None` for what is no part.
pub(super) fn left_part(p: &Parts, part: i64) -> Option<String> {
    Some(match part {
        0 if p.authority => format!("{}://", p.scheme),
        0 => format!("{}:", p.scheme),
        1 if p.authority && !p.dos => p.left(),
        1 => String::new(),
        2 => format!("{}{}", p.left(), p.path),
        3 => format!("{}{}{}", p.left(), p.path, p.query),
        _ => return None,
    })
}
