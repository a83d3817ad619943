//! Statements: batches, and calls of `sp_executesql`.
//!
//! Source: MS-TDS 2.2.6.6, 2.2.6.7, 2.2.5.4. What must stay true: what does not end where it says is refused.

use super::packet::Message;
use std::io;

/// What a client asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    /// The text.
    pub text: String,
    /// How it declares its parameters; empty: it has none.
    pub declarations: String,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Whether the session began anew with it.
    pub resets: bool,
}

/// A parameter as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type on the wire.
    pub ty: &'static str,
    /// Its value as a text; `None` is null. Bytes are in hexadecimal.
    pub value: Option<String>,
}

pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    pub(super) fn bytes(&mut self, length: usize) -> io::Result<&'a [u8]> {
        let (part, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| io::Error::other("a message ends early"))?;
        self.0 = rest;
        Ok(part)
    }

    fn number<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = self.bytes(N)?;
        Ok(*bytes.first_chunk().expect("so many were taken"))
    }

    pub(super) fn u8(&mut self) -> io::Result<u8> {
        self.number::<1>().map(|b| b[0])
    }

    pub(super) fn u16(&mut self) -> io::Result<u16> {
        self.number().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> io::Result<u32> {
        self.number().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> io::Result<u64> {
        self.number().map(u64::from_le_bytes)
    }

    fn text(&mut self, units: usize) -> io::Result<String> {
        let bytes = self.bytes(units * 2)?;
        text(bytes)
    }
}

fn text(bytes: &[u8]) -> io::Result<String> {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16(&units).map_err(io::Error::other)
}

/// `ALL_HEADERS` say nothing that matters here.
fn after_headers(payload: &[u8]) -> io::Result<Reader<'_>> {
    let mut reader = Reader::new(payload);
    let length = reader.u32()? as usize;
    reader.bytes(length.saturating_sub(4))?;
    Ok(reader)
}

pub(super) fn batch(message: &Message) -> io::Result<Statement> {
    let reader = after_headers(&message.payload)?;
    Ok(Statement {
        text: text(reader.0)?,
        resets: message.resets,
        ..Statement::default()
    })
}

pub(super) fn rpc(message: &Message) -> io::Result<Statement> {
    let mut reader = after_headers(&message.payload)?;
    let units = reader.u16()?;
    let procedure = match units {
        0xffff => match reader.u16()? {
            10 => String::from("sp_executesql"),
            other => other.to_string(),
        },
        units => reader.text(units.into())?,
    };
    if procedure != "sp_executesql" {
        let why = format!("no procedure `{procedure}` is scripted");
        return Err(io::Error::other(why));
    }
    let _options = reader.u16()?;
    let mut given = Vec::new();
    while !reader.0.is_empty() {
        given.push(parameter(&mut reader)?);
    }
    let mut given = given.into_iter();
    let mut next = || given.next().and_then(|p| p.value);
    let text = next().ok_or_else(|| io::Error::other("there is no statement"))?;
    let declarations = next().unwrap_or_default();
    let parameters: Vec<Parameter> = given.collect();
    // The real one refuses what is not declared, and what has no name behind what has one.
    for parameter in &parameters {
        let declared = declarations
            .split(", ")
            .any(|d| d.split(' ').next() == Some(parameter.name.as_str()));
        if !declared && !parameter.name.is_empty() {
            let why = format!("`{}` is not declared", parameter.name);
            return Err(io::Error::other(why));
        }
    }
    Ok(Statement {
        text,
        declarations,
        parameters,
        resets: message.resets,
    })
}

fn parameter(reader: &mut Reader<'_>) -> io::Result<Parameter> {
    let units = reader.u8()?;
    let name = reader.text(units.into())?;
    let _status = reader.u8()?;
    let (ty, value) = value(reader)?;
    Ok(Parameter { name, ty, value })
}

/// Bytes behind their length of one byte; `None` is null.
fn short<'a>(reader: &mut Reader<'a>) -> io::Result<Option<&'a [u8]>> {
    let length = reader.u8()?;
    match length {
        0 => Ok(None),
        length => reader.bytes(length.into()).map(Some),
    }
}

/// Bytes behind their length of two bytes, or in chunks where the type is `max`.
fn long(reader: &mut Reader<'_>, max: bool) -> io::Result<Option<Vec<u8>>> {
    if !max {
        return Ok(match reader.u16()? {
            0xffff => None,
            length => Some(reader.bytes(length.into())?.to_vec()),
        });
    }
    if reader.u64()? == u64::MAX {
        return Ok(None);
    }
    let mut all = Vec::new();
    loop {
        let length = reader.u32()? as usize;
        if length == 0 {
            return Ok(Some(all));
        }
        all.extend_from_slice(reader.bytes(length)?);
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Up to 16 bytes, little endian.
fn number(bytes: &[u8]) -> i128 {
    let whole = bytes
        .iter()
        .rev()
        .fold(0i128, |n, b| (n << 8) | i128::from(*b));
    let bits = bytes.len() as u32 * 8;
    match bits {
        0 | 128.. => whole,
        bits => (whole << (128 - bits)) >> (128 - bits),
    }
}

fn value(reader: &mut Reader<'_>) -> io::Result<(&'static str, Option<String>)> {
    let kind = reader.u8()?;
    Ok(match kind {
        // NULLTYPE, which is nothing else than null.
        0x1f => ("null", None),
        0x26 | 0x68 | 0x6d => {
            let size = reader.u8()?;
            let value = short(reader)?;
            let shown = value.map(|bytes| match (kind, bytes.len()) {
                (0x6d, 4) => f32::from_bits(number(bytes) as u32).to_string(),
                (0x6d, _) => f64::from_bits(number(bytes) as u64).to_string(),
                // tinyint has no sign.
                (_, 1) => bytes[0].to_string(),
                _ => number(bytes).to_string(),
            });
            let name = match (kind, size) {
                (0x68, _) => "bit",
                (0x6d, 4) => "real",
                (0x6d, _) => "float",
                (_, 1) => "tinyint",
                (_, 2) => "smallint",
                (_, 4) => "int",
                _ => "bigint",
            };
            (name, shown)
        }
        0x6a | 0x6c => {
            let (_size, _precision, scale) = (reader.u8()?, reader.u8()?, reader.u8()?);
            let shown = short(reader)?.map(|bytes| {
                let sign = if bytes[0] == 0 { "-" } else { "" };
                format!("{sign}{}e-{scale}", number(&bytes[1..]))
            });
            ("decimal", shown)
        }
        0x24 => {
            reader.u8()?;
            ("uniqueidentifier", short(reader)?.map(hexadecimal))
        }
        0x28 => ("date", short(reader)?.map(|b| number(b).to_string())),
        0x29..=0x2b => {
            let scale = reader.u8()?;
            let shown = short(reader)?.map(|b| format!("{} of scale {scale}", hexadecimal(b)));
            let name = ["time", "datetime2", "datetimeoffset"][usize::from(kind - 0x29)];
            (name, shown)
        }
        0xe7 | 0xef | 0xa7 | 0xaf => {
            let max = reader.u16()? == 0xffff;
            reader.bytes(5)?;
            let bytes = long(reader, max)?;
            let wide = kind >= 0xe0;
            let shown = match bytes {
                Some(bytes) if wide => Some(text(&bytes)?),
                bytes => bytes.map(|b| String::from_utf8_lossy(&b).into_owned()),
            };
            (if wide { "nvarchar" } else { "varchar" }, shown)
        }
        0xa5 | 0xad => {
            let max = reader.u16()? == 0xffff;
            ("varbinary", long(reader, max)?.as_deref().map(hexadecimal))
        }
        other => {
            let why = format!("a parameter of type {other:#x} is not understood");
            return Err(io::Error::other(why));
        }
    })
}
