//! `PRELOGIN` and `LOGIN7`: what a client says of itself, and what it is told.
//!
//! Source: MS-TDS 2.2.6.4, 2.2.6.5.

use super::request::Reader;
use super::token;
use std::io;

pub(super) const ON: u8 = 1;
pub(super) const NOT_SUPPORTED: u8 = 2;

/// Who logs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
    /// Access token of Entra ID.
    pub token: Option<String>,
    /// Application.
    pub application: String,
    /// The client's own host.
    pub workstation: String,
    /// The server that it thinks it reaches.
    pub server: String,
    /// Database.
    pub database: String,
    /// Whether it came over TLS.
    pub secure: bool,
    /// Whether it says that it will only read.
    pub read_only: bool,
}

/// The encryption that a client's PRELOGIN asks for.
pub(super) fn wanted_encryption(payload: &[u8]) -> io::Result<u8> {
    let broken = || io::Error::other("the PRELOGIN is broken");
    let mut at = 0;
    while *payload.get(at).ok_or_else(broken)? != 0xff {
        let entry = payload.get(at..at + 5).ok_or_else(broken)?;
        let place = usize::from(u16::from_be_bytes([entry[1], entry[2]]));
        if entry[0] == 1 {
            return payload.get(place).copied().ok_or_else(broken);
        }
        at += 5;
    }
    Err(broken())
}

/// Version and encryption, the instance, no thread, no MARS, and a token is welcome.
pub(super) fn prelogin_answer(encryption: u8) -> Vec<u8> {
    let mut answer = Vec::new();
    let options: [(u8, &[u8]); 6] = [
        (0, &[16, 0, 16, 0, 0, 0]),
        (1, &[encryption]),
        (2, &[0]),
        (3, &[]),
        (4, &[0]),
        (6, &[1]),
    ];
    let mut at = (options.len() * 5 + 1) as u16;
    for (option, value) in options {
        let (place, length) = (at.to_be_bytes(), (value.len() as u16).to_be_bytes());
        answer.extend([option, place[0], place[1], length[0], length[1]]);
        at += value.len() as u16;
    }
    answer.push(0xff);
    answer.extend(options.iter().flat_map(|(_, value)| value.iter().copied()));
    answer
}

impl Login {
    pub(super) fn parse(payload: &[u8], secure: bool) -> io::Result<Login> {
        let mut head = Reader::new(payload);
        if head.u32()? as usize != payload.len() {
            return Err(io::Error::other("LOGIN7 has another length than it says"));
        }
        let version = head.u32()?;
        if version < 0x7300_0003 {
            return Err(io::Error::other("LOGIN7 is of an old version"));
        }
        let flags = *payload
            .get(24..28)
            .and_then(|f| f.first_chunk::<4>())
            .ok_or_else(|| io::Error::other("LOGIN7 is cut"))?;
        let field = |at: usize| -> io::Result<Vec<u8>> {
            let mut entry = Reader::new(payload.get(at..).unwrap_or_default());
            let (place, length) = (usize::from(entry.u16()?), usize::from(entry.u16()?));
            let field = payload.get(place..place + length * 2);
            Ok(field
                .ok_or_else(|| io::Error::other("a field of LOGIN7 lies outside"))?
                .to_vec())
        };
        let text = |at: usize| field(at).map(|bytes| utf16(&bytes));
        // Nibbles exchanged, then each byte by 0xA5.
        let password: Vec<u8> = field(44)?
            .iter()
            .map(|b| (b ^ 0xa5).rotate_left(4))
            .collect();
        let mut token = None;
        if flags[3] & 0x10 != 0 {
            let mut entry = Reader::new(payload.get(56..).unwrap_or_default());
            let place = usize::from(entry.u16()?);
            let mut place = Reader::new(payload.get(place..).unwrap_or_default());
            let features = place.u32()? as usize;
            let mut features = Reader::new(payload.get(features..).unwrap_or_default());
            loop {
                let feature = features.u8()?;
                if feature == 0xff {
                    break;
                }
                let length = features.u32()? as usize;
                let data = features.bytes(length)?;
                if feature == 2 {
                    let mut data = Reader::new(data);
                    let _library = data.u8()?;
                    let length = data.u32()? as usize;
                    token = Some(utf16(data.bytes(length)?));
                }
            }
        }
        Ok(Login {
            workstation: text(36)?,
            user: text(40)?,
            password: utf16(&password),
            application: text(48)?,
            server: text(52)?,
            database: text(68)?,
            token,
            secure,
            read_only: flags[2] & 0x20 != 0,
        })
    }

    pub(super) fn is_let_in(&self, password: &(String, String), token: Option<&str>) -> bool {
        match &self.token {
            Some(own) => Some(own.as_str()) == token && self.secure,
            None => (&self.user, &self.password) == (&password.0, &password.1),
        }
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

/// What a client is told that is let in.
pub(super) fn answer(database: &str, by_token: bool, route: Option<&(String, u16)>) -> Vec<u8> {
    let mut out = Vec::new();
    let change = |out: &mut Vec<u8>, body: Vec<u8>| {
        out.push(0xe3);
        out.extend((body.len() as u16).to_le_bytes());
        out.extend(body);
    };
    let named = |kind: u8, new: &str, old: &str| {
        let mut body = vec![kind];
        token::b_varchar(&mut body, new);
        token::b_varchar(&mut body, old);
        body
    };
    change(&mut out, named(1, database, "master"));
    let mut collation = vec![7, 5];
    collation.extend(token::COLLATION);
    collation.push(0);
    change(&mut out, collation);
    change(&mut out, named(2, "us_english", ""));
    // LOGINACK: SQL Server 2022 by TDS 7.4.
    let mut body = vec![1, 0x74, 0, 0, 4];
    token::b_varchar(&mut body, "Microsoft SQL Server");
    body.extend([16, 0, 16, 0]);
    out.push(0xad);
    out.extend((body.len() as u16).to_le_bytes());
    out.extend(body);
    change(&mut out, named(4, "4096", "4096"));
    if by_token {
        out.extend([0xae, 2, 0, 0, 0, 0, 0xff]);
    }
    if let Some((host, port)) = route {
        let mut data = vec![0];
        data.extend(port.to_le_bytes());
        data.extend((host.encode_utf16().count() as u16).to_le_bytes());
        data.extend(host.encode_utf16().flat_map(u16::to_le_bytes));
        let mut body = vec![20];
        body.extend((data.len() as u16).to_le_bytes());
        body.extend(data);
        body.extend([0, 0]);
        change(&mut out, body);
    }
    out.extend(token::done(0xfd, 0, 0));
    out
}
