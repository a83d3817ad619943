//! What a URI of each scheme may hold. Source: the flags of .NET's `UriParser`.

/// `//` and a host follow the scheme.
pub(super) const MUST_HAVE_AUTHORITY: u32 = 1;
/// `//` and a host may follow the scheme.
pub(super) const OPTIONAL_AUTHORITY: u32 = 1 << 1;
pub(super) const USER: u32 = 1 << 2;
pub(super) const PORT: u32 = 1 << 3;
/// Without it a question mark is a character of the path.
pub(super) const QUERY: u32 = 1 << 4;
pub(super) const EMPTY_HOST: u32 = 1 << 5;
/// A host that is no name of the internet, but one of a Windows network.
pub(super) const UNC_HOST: u32 = 1 << 6;
/// A host that is a name of the internet or an address.
pub(super) const INTERNET_HOST: u32 = 1 << 7;
pub(super) const DOS_PATH: u32 = 1 << 8;
/// As `file:`.
pub(super) const FILE: u32 = 1 << 9;
/// As `mailto:`: a host without `//`.
pub(super) const MAIL: u32 = 1 << 10;
/// Behind a host the path begins with a slash, also when none is there.
pub(super) const ROOTED: u32 = 1 << 11;
/// `\` in a path is `/`.
pub(super) const SLASHES: u32 = 1 << 12;
/// Dot segments are resolved behind a host.
pub(super) const COMPRESSED: u32 = 1 << 13;
/// Escaped dots and slashes are read before that.
pub(super) const UNESCAPED_DOTS: u32 = 1 << 14;
/// A scheme that .NET does not know.
pub(super) const UNKNOWN: u32 = 1 << 15;

const HOSTS: u32 = INTERNET_HOST | UNC_HOST;
const SERVER: u32 = MUST_HAVE_AUTHORITY | USER | PORT | HOSTS | ROOTED;
const PATHS: u32 = SLASHES | COMPRESSED;
const PIPE: u32 = MUST_HAVE_AUTHORITY | QUERY | INTERNET_HOST | ROOTED | PATHS | UNESCAPED_DOTS;

/// The syntax of a scheme.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syntax(u32);

impl Syntax {
    /// That of a scheme in small letters.
    pub(super) fn of(scheme: &str) -> Syntax {
        Syntax(match scheme {
            "http" | "https" | "ws" | "wss" => SERVER | QUERY | PATHS,
            "ftp" => SERVER | PATHS,
            "gopher" | "nntp" | "telnet" => SERVER,
            "ldap" => SERVER | QUERY | EMPTY_HOST,
            "file" => {
                MUST_HAVE_AUTHORITY
                    | EMPTY_HOST
                    | HOSTS
                    | QUERY
                    | FILE
                    | ROOTED
                    | DOS_PATH
                    | PATHS
                    | UNESCAPED_DOTS
            }
            "vsmacros" => {
                MUST_HAVE_AUTHORITY | EMPTY_HOST | HOSTS | FILE | DOS_PATH | PATHS | UNESCAPED_DOTS
            }
            "news" | "uuid" => 0,
            "mailto" => EMPTY_HOST | HOSTS | USER | PORT | QUERY | MAIL,
            "net.pipe" => PIPE,
            "net.tcp" => PIPE | PORT,
            _ => {
                UNKNOWN
                    | OPTIONAL_AUTHORITY
                    | USER
                    | PORT
                    | QUERY
                    | EMPTY_HOST
                    | HOSTS
                    | ROOTED
                    | DOS_PATH
                    | PATHS
            }
        })
    }

    /// Whether one of the flags is set.
    pub(super) fn has(self, flags: u32) -> bool {
        self.0 & flags != 0
    }
}

/// The port of a scheme that names none; -1: none.
pub(super) fn default_port(scheme: &str) -> i32 {
    match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        "gopher" => 70,
        "nntp" => 119,
        "telnet" => 23,
        "ldap" => 389,
        "mailto" => 25,
        "net.tcp" => 808,
        _ => -1,
    }
}

/// Whether a text has the form of a scheme.
pub(super) fn is_scheme(s: &str) -> bool {
    s.starts_with(|c: char| c.is_ascii_alphabetic())
        && s.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}
