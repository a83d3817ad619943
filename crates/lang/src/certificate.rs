//! X.509 certificates for the gateway itself: what one says, in .NET's words, and what a PKCS #12 file holds.
//!
//! Expressions have the same readers as `X509Certificate2`. What must stay true: nothing here trusts a certificate; a private
//! key never prints.

use crate::expr::table::certificates;
use crate::value::Str;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// `Subject`, the last part first.
    pub subject: Str,
    /// `Issuer`.
    pub issuer: Str,
    /// `SerialNumber`, upper hexadecimal.
    pub serial_number: Str,
    /// `Thumbprint`: SHA-1 of the certificate, upper hexadecimal.
    pub thumbprint: String,
    /// The last common name of the subject.
    pub common_name: Option<Str>,
    /// DNS names among the alternative names.
    pub dns_names: Vec<Str>,
    /// When it begins to be valid, Unix seconds.
    pub not_before: i64,
    /// When it ends, Unix seconds.
    pub not_after: i64,
    /// The bits of its public key (RFC 5280, `subjectPublicKey`).
    pub public_key: Vec<u8>,
}

/// Reads a certificate in DER; what stands behind it is not looked at.
pub fn describe(der: &[u8]) -> Option<Described> {
    certificates::describe(der)
}

/// Certificates in DER that stand one behind the other, at most ten; what is none ends them.
pub fn split_der(mut all: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while found.len() < 10
        && let Some(length) = certificates::length(all)
    {
        let (one, rest) = all.split_at(length);
        found.push(one);
        all = rest;
    }
    found
}

/// What a PKCS #12 file held.
#[derive(Clone)]
pub struct Opened {
    /// The certificate of the key, then the others, DER.
    pub chain: Vec<Vec<u8>>,
    /// The private key, PKCS #8 in DER.
    pub key: Option<Vec<u8>>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("certificates", &self.chain.len())
            .field("key", &self.key.is_some())
            .finish()
    }
}

impl Opened {
    /// As PEM texts: the certificates, and the key.
    pub fn to_pem(&self) -> (String, Option<String>) {
        let certificates = self.chain.iter().map(|der| pem("CERTIFICATE", der));
        let key = self.key.as_ref().map(|der| pem("PRIVATE KEY", der));
        (certificates.collect(), key)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let coded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in coded.as_bytes().chunks(64) {
        text.extend(line.iter().map(|b| char::from(*b)));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// The bytes of a text in Base64, whatever white space is in it.
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let plain: String = text.split_whitespace().collect();
    STANDARD.decode(plain).ok()
}

/// Most work that opening a file may be, in steps of an evaluation: about half a second.
pub const MOST_WORK: usize = 200_000;

/// Opens a PKCS #12 file (RFC 7292). `None`: it is no such file. The error says why it does not open.
pub fn open_pkcs12(der: &[u8], password: &str) -> Option<Result<Opened, &'static str>> {
    certificates::open_pkcs12(der, password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_none() {
        assert!(open_pkcs12(b"", "").is_none());
        assert!(open_pkcs12(&[0x30, 0x03, 0x02, 0x01, 0x03], "").is_none());
        assert!(describe(b"\x30\x00").is_none());
    }
}
