//! Block ciphers in the modes and paddings of .NET, piece by piece.
//!
//! aws-lc-rs does AES; DES, which it has only at the price of all its bindings, comes from RustCrypto's `des`. Used by the
//! transforms of [`super`]. What must stay true: keys never print; what cannot be decrypted gives one error whatever was
//! wrong with it; the padding is not compared byte by byte with an early end.

use super::{cryptographic, padding};
use crate::expr::eval::Throw;
use crate::expr::table::crypto::random_bytes;
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use des::cipher::generic_array::GenericArray;
use des::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};

/// Block of AES in bytes.
const AES_BLOCK: usize = 16;
/// Block of DES in bytes.
const DES_BLOCK: usize = 8;

/// A cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Aes,
    Des,
    TripleDes,
}

impl Family {
    /// Block in bytes.
    pub(super) fn block(self) -> usize {
        match self {
            Family::Aes => AES_BLOCK,
            _ => DES_BLOCK,
        }
    }

    /// Lengths of keys in bytes: least, most, step.
    pub(super) fn keys(self) -> (usize, usize, usize) {
        match self {
            Family::Aes => (16, 32, 8),
            Family::Des => (8, 8, 0),
            Family::TripleDes => (16, 24, 8),
        }
    }

    pub(super) fn takes(self, key: usize) -> bool {
        let (least, most, _) = self.keys();
        (least..=most).contains(&key) && key.is_multiple_of(8)
    }
}

/// How blocks follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Cbc,
    Ecb,
    /// Feedback of a byte.
    Cfb8,
    /// Feedback of a block.
    CfbBlock,
}

/// What encrypts or decrypts, piece by piece.
pub(super) struct Cipher {
    blocks: Blocks,
    family: Family,
    encrypts: bool,
    mode: Mode,
    padding: i64,
    /// What the next block depends on.
    register: Vec<u8>,
}

enum Blocks {
    Encrypting(EncryptingKey),
    Decrypting(DecryptingKey),
    Des(Box<des::Des>),
    TripleDes(Box<des::TdesEde3>),
}

/// What an encryption or a decryption of broken input says, whatever was broken.
fn broken() -> Throw {
    cryptographic("Padding is invalid and cannot be removed.")
}

fn incomplete() -> Throw {
    cryptographic("The input data is not a complete block.")
}

impl Cipher {
    /// `key` and `iv` have the lengths of the family.
    pub(super) fn new(
        family: Family,
        mode: Mode,
        padding: i64,
        key: &[u8],
        iv: &[u8],
        encrypts: bool,
    ) -> Result<Cipher, Throw> {
        let blocks = match family {
            Family::Aes => aes(mode, key, encrypts)?,
            Family::Des => Blocks::Des(Box::new(
                des::Des::new_from_slice(key).map_err(|_| broken())?,
            )),
            Family::TripleDes => {
                let mut whole = key.to_vec();
                if whole.len() == 16 {
                    // Two keys: the first is the third as well.
                    whole.extend_from_within(..8);
                }
                Blocks::TripleDes(Box::new(
                    des::TdesEde3::new_from_slice(&whole).map_err(|_| broken())?,
                ))
            }
        };
        Ok(Cipher {
            blocks,
            family,
            encrypts,
            mode,
            padding,
            register: iv.to_vec(),
        })
    }

    pub(super) fn block(&self) -> usize {
        self.family.block()
    }

    /// What input is padded to: in feedback of a byte there is no block to fill.
    fn unit(&self) -> usize {
        if self.mode == Mode::Cfb8 {
            1
        } else {
            self.block()
        }
    }

    /// The last block has to be kept back, because there may be padding in it.
    pub(super) fn keeps_last(&self) -> bool {
        !self.encrypts && !matches!(self.padding, padding::NONE | padding::ZEROS)
    }

    /// Works on whole blocks.
    pub(super) fn update(&mut self, buffer: &mut [u8]) -> Result<(), Throw> {
        if !buffer.len().is_multiple_of(self.block()) {
            return Err(incomplete());
        }
        self.crypt(buffer)
    }

    /// Works on the rest, with padding.
    pub(super) fn finish(&mut self, buffer: &mut Vec<u8>) -> Result<(), Throw> {
        if self.encrypts {
            self.pad(buffer)?;
            return self.crypt(buffer);
        }
        if !buffer.len().is_multiple_of(self.unit()) {
            return Err(incomplete());
        }
        self.crypt(buffer)?;
        self.strip(buffer)
    }

    fn crypt(&mut self, buffer: &mut [u8]) -> Result<(), Throw> {
        if buffer.is_empty() {
            return Ok(());
        }
        let chained = self.mode != Mode::Ecb;
        let block = self.block();
        let mut next = Vec::new();
        // What goes out when encrypting, and comes in when decrypting, is what the next block depends on.
        if chained && !self.encrypts {
            next = last(buffer, block);
        }
        match &self.blocks {
            Blocks::Encrypting(key) => {
                let context = if chained {
                    EncryptionContext::Iv128(vector(&self.register)?)
                } else {
                    EncryptionContext::None
                };
                key.less_safe_encrypt(buffer, context)
                    .map_err(|_| broken())?;
            }
            Blocks::Decrypting(key) => {
                let context = if chained {
                    DecryptionContext::Iv128(vector(&self.register)?)
                } else {
                    DecryptionContext::None
                };
                key.decrypt(buffer, context).map_err(|_| broken())?;
            }
            Blocks::Des(key) => self.with(&**key, buffer),
            Blocks::TripleDes(key) => self.with(&**key, buffer),
        }
        if chained && self.encrypts {
            next = last(buffer, block);
        }
        if chained {
            self.register = next;
        }
        Ok(())
    }

    /// The modes over a cipher that knows blocks only.
    fn with<C>(&self, cipher: &C, buffer: &mut [u8])
    where
        C: BlockEncrypt + BlockDecrypt,
    {
        let mut register = self.register.clone();
        let step = self.unit();
        for piece in buffer.chunks_exact_mut(step) {
            match (self.mode, self.encrypts) {
                (Mode::Ecb, true) => cipher.encrypt_block(GenericArray::from_mut_slice(piece)),
                (Mode::Ecb, false) => cipher.decrypt_block(GenericArray::from_mut_slice(piece)),
                (Mode::Cbc, true) => {
                    xor(piece, &register);
                    cipher.encrypt_block(GenericArray::from_mut_slice(piece));
                    register.copy_from_slice(piece);
                }
                (Mode::Cbc, false) => {
                    let cipher_text = piece.to_vec();
                    cipher.decrypt_block(GenericArray::from_mut_slice(piece));
                    xor(piece, &register);
                    register = cipher_text;
                }
                (Mode::Cfb8 | Mode::CfbBlock, encrypts) => {
                    let mut stream = register.clone();
                    cipher.encrypt_block(GenericArray::from_mut_slice(&mut stream));
                    register.drain(..step);
                    if !encrypts {
                        register.extend_from_slice(piece);
                    }
                    xor(piece, &stream);
                    if encrypts {
                        register.extend_from_slice(piece);
                    }
                }
            }
        }
    }

    fn pad(&self, buffer: &mut Vec<u8>) -> Result<(), Throw> {
        let unit = self.unit();
        let over = buffer.len() % unit;
        let missing = unit - over;
        // Never more than a block, so that it fits a byte.
        let told = missing as u8;
        match self.padding {
            padding::NONE if over != 0 => return Err(incomplete()),
            padding::NONE => {}
            padding::ZEROS if over == 0 => {}
            padding::ZEROS => buffer.resize(buffer.len() + missing, 0),
            padding::ANSI_X923 => {
                buffer.resize(buffer.len() + missing - 1, 0);
                buffer.push(told);
            }
            padding::ISO_10126 => {
                buffer.extend(random_bytes(missing - 1)?);
                buffer.push(told);
            }
            _ => buffer.resize(buffer.len() + missing, told),
        }
        Ok(())
    }

    fn strip(&self, buffer: &mut Vec<u8>) -> Result<(), Throw> {
        if !self.keeps_last() || buffer.is_empty() {
            return Ok(());
        }
        let block = self.block();
        let told = buffer.last().copied().unwrap_or(0);
        let count = usize::from(told);
        let mut good = (1..=block).contains(&count) && count <= buffer.len();
        let last = &buffer[buffer.len().saturating_sub(block)..];
        for (at, byte) in last.iter().enumerate() {
            let inside = at + count >= last.len();
            good &= match self.padding {
                padding::PKCS7 => !inside | (*byte == told),
                padding::ANSI_X923 => !inside | (at + 1 == last.len()) | (*byte == 0),
                _ => true,
            };
        }
        if !good {
            return Err(broken());
        }
        buffer.truncate(buffer.len() - count);
        Ok(())
    }
}

fn last(buffer: &[u8], block: usize) -> Vec<u8> {
    buffer[buffer.len().saturating_sub(block)..].to_vec()
}

fn xor(piece: &mut [u8], with: &[u8]) {
    for (a, b) in piece.iter_mut().zip(with) {
        *a ^= b;
    }
}

fn vector(register: &[u8]) -> Result<FixedLength<AES_BLOCK>, Throw> {
    FixedLength::<AES_BLOCK>::try_from(register).map_err(|_| broken())
}

fn aes(mode: Mode, key: &[u8], encrypts: bool) -> Result<Blocks, Throw> {
    let algorithm = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        _ => &AES_256,
    };
    let key = UnboundCipherKey::new(algorithm, key).map_err(|_| broken())?;
    let made = match (mode, encrypts) {
        (Mode::Cbc, true) => EncryptingKey::cbc(key).map(Blocks::Encrypting),
        (Mode::Ecb, true) => EncryptingKey::ecb(key).map(Blocks::Encrypting),
        (Mode::Cfb8, true) => EncryptingKey::cfb8(key).map(Blocks::Encrypting),
        (Mode::CfbBlock, true) => EncryptingKey::cfb128(key).map(Blocks::Encrypting),
        (Mode::Cbc, false) => DecryptingKey::cbc(key).map(Blocks::Decrypting),
        (Mode::Ecb, false) => DecryptingKey::ecb(key).map(Blocks::Decrypting),
        (Mode::Cfb8, false) => DecryptingKey::cfb8(key).map(Blocks::Decrypting),
        (Mode::CfbBlock, false) => DecryptingKey::cfb128(key).map(Blocks::Decrypting),
    };
    made.map_err(|_| broken())
}

/// DES's weak and half-weak keys (FIPS 74), without parity: .NET refuses them.
const WEAK: [u64; 4] = [
    0x0101010101010101,
    0xfefefefefefefefe,
    0x1f1f1f1f0e0e0e0e,
    0xe0e0e0e0f1f1f1f1,
];
const SEMI_WEAK: [u64; 12] = [
    0x01fe01fe01fe01fe,
    0xfe01fe01fe01fe01,
    0x1fe01fe00ef10ef1,
    0xe01fe01ff10ef10e,
    0x01e001e001f101f1,
    0xe001e001f101f101,
    0x1ffe1ffe0efe0efe,
    0xfe1ffe1ffe0efe0e,
    0x011f011f010e010e,
    0x1f011f010e010e01,
    0xe0fee0fef1fef1fe,
    0xfee0fee0fef1fef1,
];

fn among(key: &[u8], keys: &[u64]) -> bool {
    const NO_PARITY: u64 = 0xfefe_fefe_fefe_fefe;
    let number = key.iter().fold(0, |n, b| n << 8 | u64::from(*b));
    keys.iter().any(|k| k & NO_PARITY == number & NO_PARITY)
}

pub(super) fn is_weak(key: &[u8]) -> bool {
    among(key, &WEAK)
}

pub(super) fn is_semi_weak(key: &[u8]) -> bool {
    among(key, &SEMI_WEAK)
}

/// A key of triple DES with two parts alike is no better than one of DES.
pub(super) fn is_weak_triple(key: &[u8]) -> bool {
    let part = |i: usize| -> Vec<u8> {
        key.get(i * 8..i * 8 + 8)
            .unwrap_or_default()
            .iter()
            .map(|b| b & 0xfe)
            .collect()
    };
    part(0) == part(1) || (key.len() == 24 && part(1) == part(2))
}
