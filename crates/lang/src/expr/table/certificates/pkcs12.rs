//! PKCS #12 (RFC 7292): the certificate with its private key out of a `.pfx` file.
//!
//! Called by [`super::read`]. The integrity check comes first: a file whose password is wrong opens nothing. Encryption is that
//! of today's files (PBES2 with AES, RFC 8018) and that of older ones (SHA-1 with triple DES). What must stay true: work is
//! bounded by [`MAX_ITERATIONS`]; keys and passwords never print.

mod asn1;

use asn1::{Element, elements, oid};
use aws_lc_rs::cipher::{AES_128, AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use des::cipher::generic_array::GenericArray;
use des::cipher::{BlockDecrypt, KeyInit};
use std::num::NonZeroU32;

/// Most iterations of a key derivation that are done.
const MAX_ITERATIONS: u32 = 1_000_000;
/// Iterations per step of the evaluation.
const ITERATIONS_PER_STEP: usize = 8;

const DATA: &str = "1.2.840.113549.1.7.1";
const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
const KEY_BAG: &str = "1.2.840.113549.1.12.10.1.1";
const SHROUDED_KEY_BAG: &str = "1.2.840.113549.1.12.10.1.2";
const CERTIFICATE_BAG: &str = "1.2.840.113549.1.12.10.1.3";
const X509_CERTIFICATE: &str = "1.2.840.113549.1.9.22.1";
const FRIENDLY_NAME: &str = "1.2.840.113549.1.9.20";
const LOCAL_KEY_ID: &str = "1.2.840.113549.1.9.21";
const PBES2: &str = "1.2.840.113549.1.5.13";
const PBKDF2: &str = "1.2.840.113549.1.5.12";
const SHA1_TRIPLE_DES: &str = "1.2.840.113549.1.12.1.3";

/// A file, not yet opened.
pub(super) struct Store<'d> {
    safe: &'d [u8],
    mac: Mac<'d>,
}

struct Mac<'d> {
    hash: Hash,
    value: &'d [u8],
    salt: &'d [u8],
    iterations: u32,
}

/// What was in a file.
pub(super) struct Opened {
    /// DER.
    pub(super) certificate: Vec<u8>,
    /// The other certificates of the file, DER.
    pub(super) others: Vec<Vec<u8>>,
    /// PKCS #8, DER.
    pub(super) key: Option<Vec<u8>>,
    pub(super) friendly: String,
}

#[derive(Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn of(oid: &str) -> Option<Hash> {
        Some(match oid {
            "1.3.14.3.2.26" => Hash::Sha1,
            "2.16.840.1.101.3.4.2.1" => Hash::Sha256,
            "2.16.840.1.101.3.4.2.2" => Hash::Sha384,
            "2.16.840.1.101.3.4.2.3" => Hash::Sha512,
            _ => return None,
        })
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha384 => &digest::SHA384,
            Hash::Sha512 => &digest::SHA512,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha384 => hmac::HMAC_SHA384,
            Hash::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

impl<'d> Store<'d> {
    /// Reads the outside; `None` when it is no such file.
    pub(super) fn of(der: &'d [u8]) -> Option<Store<'d>> {
        let [outer] = elements(der)?[..] else {
            return None;
        };
        let parts = outer.inner()?;
        let [version, safe, mac] = parts[..] else {
            return None;
        };
        (version.number()? == 3).then_some(())?;
        let safe = content(safe)?;
        let mac = mac.inner()?;
        let info = mac.first()?.inner()?;
        let hash = info.first()?.inner()?;
        let iterations = mac.get(2).map_or(Some(1), Element::number)?;
        Some(Store {
            safe,
            mac: Mac {
                hash: Hash::of(&oid(hash.first()?.content)?)?,
                value: info.get(1)?.content,
                salt: mac.get(1)?.content,
                iterations: u32::try_from(iterations).ok()?,
            },
        })
    }

    /// What opening it costs, in steps: a derivation for the check, and one for each thing inside.
    pub(super) fn work(&self) -> usize {
        let iterations = self.mac.iterations.min(MAX_ITERATIONS) as usize;
        1000 + 4 * iterations / ITERATIONS_PER_STEP
    }

    /// Opens it; the error says why not.
    pub(super) fn open(&self, password: &str) -> Result<Opened, &'static str> {
        let wide = self
            .password(password)
            .ok_or("The specified network password is not correct.")?;
        self.contents(password, &wide).ok_or(
            "The PKCS #12 file is encrypted in a way that is not read here: write it anew with AES (`openssl pkcs12 -export`).",
        )
    }

    /// The form of the password that the file was written with; `None` when it is another one.
    fn password(&self, password: &str) -> Option<Vec<u8>> {
        // As UTF-16 with a zero at its end; older writers know an empty password without that as well.
        let mut wide: Vec<u8> = password
            .encode_utf16()
            .chain([0])
            .flat_map(u16::to_be_bytes)
            .collect();
        if !self.is_intact(&wide)? {
            if !password.is_empty() {
                return None;
            }
            wide.clear();
            if !self.is_intact(&wide)? {
                return None;
            }
        }
        Some(wide)
    }

    fn contents(&self, password: &str, wide: &[u8]) -> Option<Opened> {
        let mut found = Found::default();
        for info in elements(self.safe)?.first()?.inner()? {
            let parts = info.inner()?;
            let kind = oid(parts.first()?.content)?;
            match kind.as_str() {
                DATA => found.bags(content(info)?, password, wide)?,
                ENCRYPTED_DATA => {
                    let data = parts.get(1)?.inner()?;
                    let encrypted = data.first()?.inner()?.get(1)?.inner()?;
                    let algorithm = encrypted.get(1)?;
                    let plain = decrypted(algorithm, encrypted.get(2)?.content, password, wide)?;
                    found.bags(&plain, password, wide)?;
                }
                _ => return None,
            }
        }
        found.opened()
    }

    fn is_intact(&self, wide: &[u8]) -> Option<bool> {
        let mac = &self.mac;
        let length = mac.hash.digest().output_len();
        let key = derived(mac.hash, 3, wide, mac.salt, mac.iterations, length)?;
        let key = hmac::Key::new(mac.hash.hmac(), &key);
        let made = hmac::sign(&key, self.safe);
        Some(constant_time::verify_slices_are_equal(made.as_ref(), mac.value).is_ok())
    }
}

/// The octets of a `ContentInfo` with plain data.
fn content(info: Element<'_>) -> Option<&[u8]> {
    let parts = info.inner()?;
    (oid(parts.first()?.content)? == DATA).then_some(())?;
    Some(parts.get(1)?.inner()?.first()?.content)
}

/// What the bags hold: each with the identifier that ties a key to its certificate.
#[derive(Default)]
struct Found {
    certificates: Vec<(Vec<u8>, Option<Vec<u8>>, String)>,
    key: Option<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Found {
    fn bags(&mut self, safe: &[u8], password: &str, wide: &[u8]) -> Option<()> {
        for bag in elements(safe)?.first()?.inner()? {
            let parts = bag.inner()?;
            let value = parts.get(1)?.inner()?;
            let value = value.first()?;
            let (id, friendly) = attributes(parts.get(2));
            match oid(parts.first()?.content)?.as_str() {
                CERTIFICATE_BAG => {
                    let certificate = value.inner()?;
                    if oid(certificate.first()?.content)? == X509_CERTIFICATE {
                        let der = certificate.get(1)?.inner()?.first()?.content.to_vec();
                        self.certificates.push((der, id, friendly));
                    }
                }
                KEY_BAG => self.key = Some((value.whole.to_vec(), id)),
                SHROUDED_KEY_BAG => {
                    let shrouded = value.inner()?;
                    let [algorithm, data] = shrouded[..] else {
                        return None;
                    };
                    let key = decrypted(&algorithm, data.content, password, wide)?;
                    self.key = Some((key, id));
                }
                _ => {}
            }
        }
        Some(())
    }

    /// The certificate of the key; the first when there is none.
    fn opened(self) -> Option<Opened> {
        let (key, id) = match self.key {
            Some((key, id)) => (Some(key), id),
            None => (None, None),
        };
        let of_key = self
            .certificates
            .iter()
            .position(|(_, own, _)| id.is_some() && *own == id);
        let mut certificates = self.certificates;
        let at = of_key.unwrap_or(0);
        if at >= certificates.len() {
            return None;
        }
        let (certificate, _, friendly) = certificates.remove(at);
        Some(Opened {
            certificate,
            others: certificates.into_iter().map(|(der, _, _)| der).collect(),
            key,
            friendly,
        })
    }
}

/// Local identifier and friendly name.
fn attributes(set: Option<&Element<'_>>) -> (Option<Vec<u8>>, String) {
    let (mut id, mut friendly) = (None, String::new());
    for attribute in set.and_then(Element::inner).unwrap_or_default() {
        let Some(parts) = attribute.inner() else {
            continue;
        };
        let kind = parts.first().and_then(|e| oid(e.content));
        let value = parts
            .get(1)
            .and_then(Element::inner)
            .and_then(|values| values.first().map(|v| v.content));
        match (kind.as_deref(), value) {
            (Some(LOCAL_KEY_ID), Some(value)) => id = Some(value.to_vec()),
            (Some(FRIENDLY_NAME), Some(value)) => {
                let units = value
                    .chunks_exact(2)
                    .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                friendly = char::decode_utf16(units)
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect();
            }
            _ => {}
        }
    }
    (id, friendly)
}

/// Decrypts by an `AlgorithmIdentifier`.
fn decrypted(algorithm: &Element<'_>, data: &[u8], password: &str, wide: &[u8]) -> Option<Vec<u8>> {
    let parts = algorithm.inner()?;
    let kind = oid(parts.first()?.content)?;
    let parameters = parts.get(1)?.inner()?;
    let mut buffer = data.to_vec();
    match kind.as_str() {
        SHA1_TRIPLE_DES => {
            let salt = parameters.first()?.content;
            let iterations = u32::try_from(parameters.get(1)?.number()?).ok()?;
            let key = derived(Hash::Sha1, 1, wide, salt, iterations, 24)?;
            let iv = derived(Hash::Sha1, 2, wide, salt, iterations, 8)?;
            triple_des(&key, &iv, &mut buffer)?;
        }
        PBES2 => {
            let derivation = parameters.first()?.inner()?;
            (oid(derivation.first()?.content)? == PBKDF2).then_some(())?;
            let cipher = parameters.get(1)?.inner()?;
            let iv = cipher.get(1)?.content;
            let (algorithm, length) = match oid(cipher.first()?.content)?.as_str() {
                "2.16.840.1.101.3.4.1.2" => (&AES_128, 16),
                "2.16.840.1.101.3.4.1.42" => (&AES_256, 32),
                "1.2.840.113549.3.7" => {
                    let key = pbkdf2_key(derivation.get(1)?, password, 24)?;
                    triple_des(&key, iv, &mut buffer)?;
                    return unpadded(buffer, 8);
                }
                _ => return None,
            };
            let key = pbkdf2_key(derivation.get(1)?, password, length)?;
            let key = UnboundCipherKey::new(algorithm, &key).ok()?;
            let iv = FixedLength::<16>::try_from(iv).ok()?;
            DecryptingKey::cbc(key)
                .ok()?
                .decrypt(&mut buffer, DecryptionContext::Iv128(iv))
                .ok()?;
            return unpadded(buffer, 16);
        }
        _ => return None,
    }
    unpadded(buffer, 8)
}

/// Without the padding of PKCS #7; what it says is known to be right by the check before.
fn unpadded(mut buffer: Vec<u8>, block: usize) -> Option<Vec<u8>> {
    let told = usize::from(*buffer.last()?);
    let length = buffer.len().checked_sub(told)?;
    (told <= block).then_some(())?;
    buffer.truncate(length);
    Some(buffer)
}

fn triple_des(key: &[u8], iv: &[u8], buffer: &mut [u8]) -> Option<()> {
    let cipher = des::TdesEde3::new_from_slice(key).ok()?;
    let mut before: [u8; 8] = iv.try_into().ok()?;
    buffer.len().is_multiple_of(8).then_some(())?;
    for block in buffer.chunks_exact_mut(8) {
        let mut next = [0; 8];
        next.copy_from_slice(block);
        cipher.decrypt_block(GenericArray::from_mut_slice(block));
        for (byte, with) in block.iter_mut().zip(before) {
            *byte ^= with;
        }
        before = next;
    }
    Some(())
}

fn pbkdf2_key(parameters: &Element<'_>, password: &str, length: usize) -> Option<Vec<u8>> {
    let parts = parameters.inner()?;
    let salt = parts.first()?.content;
    let iterations = u32::try_from(parts.get(1)?.number()?).ok()?;
    // The key's length may stand between; the function is a sequence, and SHA-1 when it is left out.
    let function = parts.iter().skip(2).find_map(|p| p.inner());
    let algorithm = match function.and_then(|f| oid(f.first()?.content)).as_deref() {
        None | Some("1.2.840.113549.2.7") => pbkdf2::PBKDF2_HMAC_SHA1,
        Some("1.2.840.113549.2.9") => pbkdf2::PBKDF2_HMAC_SHA256,
        Some("1.2.840.113549.2.10") => pbkdf2::PBKDF2_HMAC_SHA384,
        Some("1.2.840.113549.2.11") => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return None,
    };
    let mut key = vec![0; length];
    let rounds = NonZeroU32::new(iterations).filter(|n| n.get() <= MAX_ITERATIONS)?;
    pbkdf2::derive(algorithm, rounds, salt, password.as_bytes(), &mut key);
    Some(key)
}

/// The key derivation of RFC 7292, appendix B.2. `purpose`: 1 is a key, 2 a vector, 3 a key of a MAC.
fn derived(
    hash: Hash,
    purpose: u8,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    length: usize,
) -> Option<Vec<u8>> {
    if iterations > MAX_ITERATIONS {
        return None;
    }
    let block = hash.digest().block_len();
    let filled = |bytes: &[u8]| -> Vec<u8> {
        let whole = bytes.len().div_ceil(block) * block;
        bytes.iter().copied().cycle().take(whole).collect()
    };
    let mut input = filled(salt);
    input.extend(filled(password));
    let mut out = Vec::with_capacity(length + 64);
    while out.len() < length {
        let mut first = vec![purpose; block];
        first.extend_from_slice(&input);
        let mut made = digest::digest(hash.digest(), &first);
        for _ in 1..iterations {
            made = digest::digest(hash.digest(), made.as_ref());
        }
        out.extend_from_slice(made.as_ref());
        let add: Vec<u8> = made.as_ref().iter().copied().cycle().take(block).collect();
        for piece in input.chunks_exact_mut(block) {
            // piece + add + 1, as one number.
            let mut carry = 1;
            for (byte, with) in piece.iter_mut().zip(&add).rev() {
                let sum = u16::from(*byte) + u16::from(*with) + carry;
                *byte = sum as u8;
                carry = sum >> 8;
            }
        }
    }
    out.truncate(length);
    Some(out)
}
