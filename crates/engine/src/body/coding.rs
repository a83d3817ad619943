//! The content coding of a message (RFC 9110, 8.4), and a whole body without it.
//!
//! Policies and expressions read bodies plain. What must stay true: what a body expands to is bounded; a body that
//! cannot be read plain is never half read.

use bytes::Bytes;
use http::{HeaderMap, header};
use std::io::Read;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// None.
    Identity,
    /// `gzip`.
    Gzip,
    /// `deflate`, with its zlib frame.
    Deflate,
    /// Any other, and several.
    Unknown,
}

impl Coding {
    /// What the headers say.
    pub fn of(headers: &HeaderMap) -> Coding {
        let Some(coding) = headers.get(header::CONTENT_ENCODING) else {
            return Coding::Identity;
        };
        let coding = coding.as_bytes().trim_ascii();
        if coding.is_empty() || coding.eq_ignore_ascii_case(b"identity") {
            Coding::Identity
        } else if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") {
            Coding::Gzip
        } else if coding.eq_ignore_ascii_case(b"deflate") {
            Coding::Deflate
        } else {
            Coding::Unknown
        }
    }

    /// The plain body; `None` when the coding is unknown, the body broken, or more than `limit` bytes come out.
    pub fn undo(self, bytes: &Bytes, limit: usize) -> Option<Bytes> {
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut out = Vec::new();
        let read = match self {
            Coding::Identity => return Some(bytes.clone()),
            Coding::Gzip => flate2::read::GzDecoder::new(&bytes[..])
                .take(most)
                .read_to_end(&mut out),
            Coding::Deflate => flate2::read::ZlibDecoder::new(&bytes[..])
                .take(most)
                .read_to_end(&mut out),
            Coding::Unknown => return None,
        };
        (read.is_ok() && out.len() <= limit).then(|| Bytes::from(out))
    }
}
