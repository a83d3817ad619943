//! `System.Text.Encoding`: text to bytes and back.

use super::super::{Row, m};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use bytes::Bytes;
use std::any::Any;
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Ascii,
    Latin1,
    Utf16,
    Utf16Big,
    Utf32,
}

/// Encodings with their names, the official one first, code page and English name.
const ALL: [(Encoding, &[&str], i32, &str); 6] = [
    (
        Encoding::Utf8,
        &["utf-8", "utf8", "unicode-1-1-utf-8"],
        65001,
        "Unicode (UTF-8)",
    ),
    (
        Encoding::Ascii,
        &["us-ascii", "ascii", "ansi_x3.4-1968"],
        20127,
        "US-ASCII",
    ),
    (
        Encoding::Latin1,
        &["iso-8859-1", "latin1", "iso_8859-1", "l1"],
        28591,
        "Western European (ISO)",
    ),
    (
        Encoding::Utf16,
        &["utf-16", "utf-16le", "unicode", "ucs-2"],
        1200,
        "Unicode",
    ),
    (
        Encoding::Utf16Big,
        &["utf-16be", "unicodefffe"],
        1201,
        "Unicode (Big-Endian)",
    ),
    (
        Encoding::Utf32,
        &["utf-32", "utf-32le"],
        12000,
        "Unicode (UTF-32)",
    ),
];

impl Object for Encoding {
    fn ty(&self) -> Ty {
        Ty::class("Encoding")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Encoding>() == Some(self)
    }
}

impl Encoding {
    fn value(self) -> R {
        Ok(Value::Object(Rc::new(self)))
    }

    fn entry(self) -> (&'static str, i32, &'static str) {
        let found = ALL.iter().find(|(e, ..)| *e == self);
        found.map_or(
            ("utf-8", 65001, "Unicode (UTF-8)"),
            |(_, names, page, english)| (names[0], *page, *english),
        )
    }

    fn encode(self, s: &str) -> Vec<u8> {
        // What an encoding lacks becomes one `?` for each UTF-16 unit.
        let narrow = |most: u16| {
            s.encode_utf16()
                .map(|u| if u <= most { u as u8 } else { b'?' })
                .collect()
        };
        match self {
            Encoding::Utf8 => s.as_bytes().to_vec(),
            Encoding::Ascii => narrow(0x7f),
            Encoding::Latin1 => narrow(0xff),
            Encoding::Utf16 => s.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16Big => s.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Encoding::Utf32 => s.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        }
    }

    fn decode(self, b: &[u8]) -> String {
        let wide = |read: fn([u8; 2]) -> u16| {
            let pairs = b.chunks_exact(2);
            let cut = !pairs.remainder().is_empty();
            let mut s: String = char::decode_utf16(pairs.map(|p| read([p[0], p[1]])))
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            if cut {
                s.push(char::REPLACEMENT_CHARACTER);
            }
            s
        };
        match self {
            Encoding::Utf8 => String::from_utf8_lossy(b).into_owned(),
            Encoding::Ascii => b
                .iter()
                .map(|b| if b.is_ascii() { char::from(*b) } else { '?' })
                .collect(),
            Encoding::Latin1 => b.iter().map(|b| char::from(*b)).collect(),
            Encoding::Utf16 => wide(u16::from_le_bytes),
            Encoding::Utf16Big => wide(u16::from_be_bytes),
            Encoding::Utf32 => b
                .chunks(4)
                .map(|c| {
                    <[u8; 4]>::try_from(c)
                        .ok()
                        .and_then(|c| char::from_u32(u32::from_le_bytes(c)))
                        .unwrap_or(char::REPLACEMENT_CHARACTER)
                })
                .collect(),
        }
    }

    fn preamble(self) -> &'static [u8] {
        match self {
            Encoding::Utf8 => &[0xef, 0xbb, 0xbf],
            Encoding::Utf16 => &[0xff, 0xfe],
            Encoding::Utf16Big => &[0xfe, 0xff],
            Encoding::Utf32 => &[0xff, 0xfe, 0, 0],
            _ => &[],
        }
    }
}

fn this(a: &Args<'_>) -> Result<Encoding, Throw> {
    a.object::<Encoding>(0).copied()
}

fn null(name: &str) -> Throw {
    throw(
        "ArgumentNullException",
        format!("Value cannot be null. (Parameter '{name}')"),
    )
}

fn bytes_of(cx: &mut Cx<'_>, e: Encoding, s: &str) -> R {
    let bytes = e.encode(s);
    cx.charge(bytes.len())?;
    Ok(Value::Bytes(bytes.into()))
}

/// Text of a `char[]`.
fn chars(a: &Args<'_>, i: usize) -> Result<String, Throw> {
    let list = a.list(i).map_err(|_| null("chars"))?;
    let units: Vec<u16> = list
        .items()
        .iter()
        .map(|c| if let Value::Char(c) = c { *c } else { 0 })
        .collect();
    Ok(String::from_utf16_lossy(&units))
}

fn part(a: &Args<'_>) -> Result<Bytes, Throw> {
    let all = a.bytes(1).map_err(|_| null("bytes"))?;
    let (from, n) = (a.size(2, "index")?, a.size(3, "count")?);
    let to = from.checked_add(n).filter(|to| *to <= all.len());
    to.map(|to| all.slice(from..to)).ok_or_else(|| {
        throw(
            "ArgumentOutOfRangeException",
            "Index and count must refer to a location within the buffer. (Parameter 'bytes')",
        )
    })
}

fn named(name: &str) -> R {
    let found = ALL
        .iter()
        .find(|(_, names, ..)| names.iter().any(|n| n.eq_ignore_ascii_case(name)));
    match found {
        Some((e, ..)) => e.value(),
        None => Err(throw(
            "ArgumentException",
            format!("'{name}' is not a supported encoding name. (Parameter 'name')"),
        )),
    }
}

pub(super) const ROWS: &[Row] = &[
    m("static Encoding UTF8", |_, _| Encoding::Utf8.value()),
    m("static Encoding ASCII", |_, _| Encoding::Ascii.value()),
    m("static Encoding Unicode", |_, _| Encoding::Utf16.value()),
    m("static Encoding BigEndianUnicode", |_, _| {
        Encoding::Utf16Big.value()
    }),
    m("static Encoding UTF32", |_, _| Encoding::Utf32.value()),
    m("static Encoding Latin1", |_, _| Encoding::Latin1.value()),
    m("static Encoding Default", |_, _| Encoding::Utf8.value()),
    m("static Encoding GetEncoding(string name)", |_, a| {
        named(a.text(0).map_err(|_| null("name"))?)
    }),
    m("static Encoding GetEncoding(int codepage)", |_, a| {
        let n = a.int(0);
        let found = ALL.iter().find(|(_, _, page, _)| i64::from(*page) == n);
        match found {
            Some((e, ..)) => e.value(),
            None => Err(throw(
                "NotSupportedException",
                format!("No data is available for encoding {n}."),
            )),
        }
    }),
    m(
        "static byte[] Convert(Encoding srcEncoding, Encoding dstEncoding, byte[] bytes)",
        |cx, a| {
            let (from, to) = (this(a)?, *a.object::<Encoding>(1)?);
            let s = from.decode(&a.bytes(2).map_err(|_| null("bytes"))?);
            cx.charge(s.len())?;
            bytes_of(cx, to, &s)
        },
    ),
    m("byte[] GetBytes(string s)", |cx, a| {
        let s = a.str(1).map_err(|_| null("s"))?;
        bytes_of(cx, this(a)?, &s)
    }),
    m("byte[] GetBytes(char[] chars)", |cx, a| {
        let s = chars(a, 1)?;
        bytes_of(cx, this(a)?, &s)
    }),
    m("int GetByteCount(string s)", |cx, a| {
        let s = a.text(1).map_err(|_| null("s"))?;
        cx.step(1 + s.len() / 64)?;
        Ok(Value::Int(this(a)?.encode(s).len() as i32))
    }),
    m("string GetString(byte[] bytes)", |cx, a| {
        let s = this(a)?.decode(&a.bytes(1).map_err(|_| null("bytes"))?);
        cx.text(s)
    }),
    m(
        "string GetString(byte[] bytes, int index, int count)",
        |cx, a| {
            let s = this(a)?.decode(&part(a)?);
            cx.text(s)
        },
    ),
    m("char[] GetChars(byte[] bytes)", |cx, a| {
        let s = this(a)?.decode(&a.bytes(1).map_err(|_| null("bytes"))?);
        cx.list(
            Ty::array(Ty::Char),
            s.encode_utf16().map(Value::Char).collect(),
        )
    }),
    m("int GetCharCount(byte[] bytes)", |_, a| {
        let s = this(a)?.decode(&a.bytes(1).map_err(|_| null("bytes"))?);
        Ok(Value::Int(crate::value::text::units(&s) as i32))
    }),
    m("byte[] GetPreamble()", |_, a| {
        Ok(Value::Bytes(Bytes::from_static(this(a)?.preamble())))
    }),
    m("string WebName", |_, a| Ok(Value::from(this(a)?.entry().0))),
    m("string HeaderName", |_, a| {
        Ok(Value::from(this(a)?.entry().0))
    }),
    m("string BodyName", |_, a| {
        Ok(Value::from(this(a)?.entry().0))
    }),
    m("int CodePage", |_, a| Ok(Value::Int(this(a)?.entry().1))),
    m("string EncodingName", |_, a| {
        Ok(Value::from(this(a)?.entry().2))
    }),
];
