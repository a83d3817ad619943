//! The revisions of MCP and their two eras: a handshake and sessions, or everything in each request.

use std::fmt;

/// A revision that the gateway knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the revisions' own names")]
pub enum Revision {
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
}

/// How a revision opens a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// `initialize`, then sessions, GET streams and requests from the server: up to 2025-11-25.
    Legacy,
    /// Every request carries its version and the client's capabilities: from 2026-07-28.
    Modern,
}

impl Revision {
    /// All, oldest first.
    pub const ALL: [Revision; 5] = [
        Revision::V2024_11_05,
        Revision::V2025_03_26,
        Revision::V2025_06_18,
        Revision::V2025_11_25,
        Revision::V2026_07_28,
    ];
    /// The newest.
    pub const LATEST: Revision = Revision::V2026_07_28;
    /// The newest with a handshake.
    pub const LATEST_LEGACY: Revision = Revision::V2025_11_25;
    /// What a request without `MCP-Protocol-Version` is taken for.
    pub const ASSUMED: Revision = Revision::V2025_03_26;

    /// Reads a version as it stands in a header or body.
    pub fn parse(text: &str) -> Option<Revision> {
        Revision::ALL.into_iter().find(|r| r.as_str() == text)
    }

    /// The version's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Revision::V2024_11_05 => "2024-11-05",
            Revision::V2025_03_26 => "2025-03-26",
            Revision::V2025_06_18 => "2025-06-18",
            Revision::V2025_11_25 => "2025-11-25",
            Revision::V2026_07_28 => "2026-07-28",
        }
    }

    /// Its era.
    pub fn era(self) -> Era {
        if self >= Revision::V2026_07_28 {
            Era::Modern
        } else {
            Era::Legacy
        }
    }

    /// Whether every request names its version, client and capabilities.
    pub fn is_modern(self) -> bool {
        self.era() == Era::Modern
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a text is a date as revisions are named, known or not (`2027-01-31`).
pub fn is_version(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revision_reads_its_own_name() {
        for revision in Revision::ALL {
            assert_eq!(Revision::parse(revision.as_str()), Some(revision));
            assert!(is_version(revision.as_str()));
        }
        assert_eq!(Revision::parse("2025-06-17"), None);
        assert!(is_version("2027-01-31"));
        assert!(!is_version("2027-1-31") && !is_version("") && !is_version("20270-1-31"));
        assert_eq!(Revision::LATEST_LEGACY.era(), Era::Legacy);
        assert!(Revision::LATEST.is_modern());
    }
}
