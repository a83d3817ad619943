//! The little DER that RSA keys need: sequences of integers, and the wrappings of PKCS #8 and SubjectPublicKeyInfo.

/// `rsaEncryption`, with its null parameter.
const ALGORITHM: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
pub(super) const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;
const BIT_STRING: u8 = 3;
const OCTET_STRING: u8 = 4;

/// A tag, the length and the content.
pub(in super::super) fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 128 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let digits: Vec<u8> = bytes.into_iter().skip_while(|b| *b == 0).collect();
        out.push(0x80 | digits.len() as u8);
        out.extend(digits);
    }
    out.extend_from_slice(content);
    out
}

/// A number without sign.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let mut digits: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
    if digits.first().is_none_or(|b| *b >= 0x80) {
        digits.insert(0, 0);
    }
    wrapped(INTEGER, &digits)
}

/// `SubjectPublicKeyInfo` of a PKCS #1 public key.
pub(super) fn spki(pkcs1: &[u8]) -> Vec<u8> {
    let mut bits = vec![0];
    bits.extend_from_slice(pkcs1);
    let mut inner = ALGORITHM.to_vec();
    inner.extend(wrapped(BIT_STRING, &bits));
    wrapped(SEQUENCE, &inner)
}

/// Content of the element of a tag that a text begins with, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (length, mut rest) = rest.split_first()?;
    let mut length = usize::from(*length);
    if length >= 0x80 {
        let digits = length - 0x80;
        if digits > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(digits)?;
        length = bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
        rest = after;
    }
    (*found == tag)
        .then(|| rest.split_at_checked(length))
        .flatten()
}

/// The integers of a sequence, without their signs.
pub(super) fn integers(der: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut rest, _) = element(der, SEQUENCE)?;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (digits, after) = element(rest, INTEGER)?;
        out.push(digits.iter().copied().skip_while(|b| *b == 0).collect());
        rest = after;
    }
    Some(out)
}

/// The PKCS #1 public key in a `SubjectPublicKeyInfo`.
pub(super) fn of_spki(der: &[u8]) -> Option<&[u8]> {
    let (inner, _) = element(der, SEQUENCE)?;
    let (_, rest) = element(inner, SEQUENCE)?;
    let (bits, _) = element(rest, BIT_STRING)?;
    bits.get(1..)
}

/// The PKCS #1 private key in a PKCS #8 one.
pub(super) fn of_pkcs8(der: &[u8]) -> Option<&[u8]> {
    let (inner, _) = element(der, SEQUENCE)?;
    let (_, rest) = element(inner, INTEGER)?;
    let (_, rest) = element(rest, SEQUENCE)?;
    element(rest, OCTET_STRING).map(|(key, _)| key)
}
