//! `System.Text.Encoding`: text to bytes and back.

mod nearest;

use super::super::strings::{range, units_of};
use super::super::{Row, m};
use crate::expr::eval::{Args, Cx, R, Throw, null_argument as null, out_of_range, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use bytes::Bytes;
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    /// `new UTF8Encoding()`: without the mark at the beginning.
    Utf8Plain,
    Ascii,
    Latin1,
    Utf16,
    /// `new UnicodeEncoding(false, false)`: without the mark at the beginning.
    Utf16Plain,
    Utf16Big,
    /// `new UnicodeEncoding(true, false)`.
    Utf16BigPlain,
    Utf32,
}

/// Encodings with their names, the official one first, code page and English name.
const ALL: [(Encoding, &[&str], i32, &str); 6] = [
    (
        Encoding::Utf8,
        &[
            "utf-8",
            "unicode-1-1-utf-8",
            "unicode-2-0-utf-8",
            "x-unicode-1-1-utf-8",
            "x-unicode-2-0-utf-8",
        ],
        65001,
        "Unicode (UTF-8)",
    ),
    (
        Encoding::Ascii,
        &[
            "us-ascii",
            "ascii",
            "us",
            "ansi_x3.4-1968",
            "ansi_x3.4-1986",
            "cp367",
            "csascii",
            "ibm367",
            "iso-ir-6",
            "iso646-us",
            "iso_646.irv:1991",
        ],
        20127,
        "US-ASCII",
    ),
    (
        Encoding::Latin1,
        &[
            "iso-8859-1",
            "latin1",
            "l1",
            "iso8859-1",
            "iso_8859-1",
            "iso_8859-1:1987",
            "iso-ir-100",
            "cp819",
            "ibm819",
            "csisolatin1",
        ],
        28591,
        "Western European (ISO)",
    ),
    (
        Encoding::Utf16,
        &["utf-16", "utf-16le", "unicode", "ucs-2", "iso-10646-ucs-2"],
        1200,
        "Unicode",
    ),
    (
        Encoding::Utf16Big,
        &["utf-16BE", "unicodefffe"],
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
        Ty::class(match self {
            Encoding::Utf8 | Encoding::Utf8Plain => "UTF8Encoding",
            Encoding::Ascii => "ASCIIEncoding",
            Encoding::Utf16
            | Encoding::Utf16Plain
            | Encoding::Utf16Big
            | Encoding::Utf16BigPlain => "UnicodeEncoding",
            Encoding::Utf32 => "UTF32Encoding",
            // .NET does not show the class.
            Encoding::Latin1 => "Encoding",
        })
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
    fn text(&self) -> String {
        self.class_name().unwrap_or_else(|| self.ty().full_name())
    }
    fn class_name(&self) -> Option<String> {
        matches!(self, Encoding::Latin1).then(|| "System.Text.Latin1Encoding".into())
    }
}

impl Encoding {
    /// The one of the static properties, the same object always.
    fn value(self) -> R {
        thread_local! {
            static SHARED: RefCell<Vec<Rc<Encoding>>> = const { RefCell::new(Vec::new()) };
        }
        let shared = SHARED.with_borrow_mut(|all| {
            if let Some(known) = all.iter().find(|e| ***e == self) {
                return known.clone();
            }
            let made = Rc::new(self);
            all.push(made.clone());
            made
        });
        Ok(Value::Object(shared))
    }

    /// A new one.
    fn made(self) -> R {
        Ok(Value::Object(Rc::new(self)))
    }

    fn entry(self) -> (&'static str, i32, &'static str) {
        let of = match self {
            Encoding::Utf8Plain => Encoding::Utf8,
            Encoding::Utf16Plain => Encoding::Utf16,
            Encoding::Utf16BigPlain => Encoding::Utf16Big,
            other => other,
        };
        let found = ALL.iter().find(|(e, ..)| *e == of);
        found.map_or(
            ("utf-8", 65001, "Unicode (UTF-8)"),
            |(_, names, page, english)| (names[0], *page, *english),
        )
    }

    fn encode(self, s: &str) -> Vec<u8> {
        // What an encoding lacks becomes one `?` for each UTF-16 unit.
        let narrow = |most: u8, other: fn(u16) -> u8| {
            s.encode_utf16()
                .map(|u| match u8::try_from(u) {
                    Ok(b) if b <= most => b,
                    _ => other(u),
                })
                .collect()
        };
        match self {
            Encoding::Utf8 | Encoding::Utf8Plain => s.as_bytes().to_vec(),
            Encoding::Ascii => narrow(0x7f, |_| b'?'),
            Encoding::Latin1 => narrow(0xff, nearest::byte),
            Encoding::Utf16 | Encoding::Utf16Plain => {
                s.encode_utf16().flat_map(u16::to_le_bytes).collect()
            }
            Encoding::Utf16Big | Encoding::Utf16BigPlain => {
                s.encode_utf16().flat_map(u16::to_be_bytes).collect()
            }
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
            Encoding::Utf8 | Encoding::Utf8Plain => String::from_utf8_lossy(b).into_owned(),
            Encoding::Ascii => b
                .iter()
                .map(|b| if b.is_ascii() { char::from(*b) } else { '?' })
                .collect(),
            Encoding::Latin1 => b.iter().map(|b| char::from(*b)).collect(),
            Encoding::Utf16 | Encoding::Utf16Plain => wide(u16::from_le_bytes),
            Encoding::Utf16Big | Encoding::Utf16BigPlain => wide(u16::from_be_bytes),
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

fn bytes_of(cx: &mut Cx<'_>, e: Encoding, s: &str) -> R {
    let bytes = e.encode(s);
    cx.charge(bytes.len())?;
    Ok(Value::Bytes(bytes.into()))
}

/// Text of a `char[]`.
fn chars(a: &Args<'_>, i: usize) -> Result<String, Throw> {
    Ok(String::from_utf16_lossy(&units_of(a, i, "chars")?))
}

/// Text of a part of a `char[]` or text whose start and length come after it.
fn char_part(a: &Args<'_>, i: usize) -> Result<String, Throw> {
    let units: Vec<u16> = match a.values.get(i) {
        Some(Value::Str(s)) => s.encode_utf16().collect(),
        _ => units_of(a, i, "chars")?,
    };
    let (from, n) = (a.size(i + 1, "index")?, a.size(i + 2, "count")?);
    let part = from.checked_add(n).and_then(|end| units.get(from..end));
    part.map(String::from_utf16_lossy).ok_or_else(|| {
        range(
            "chars",
            "Index and count must refer to a location within the buffer.",
        )
    })
}

/// Writes bytes into a `byte[]` at a place.
fn write_bytes(cx: &mut Cx<'_>, a: &Args<'_>, to: usize, s: &str) -> R {
    let bytes = this(a)?.encode(s);
    cx.step(bytes.len() / 8)?;
    if a.is_null(to) {
        return Err(null("bytes"));
    }
    let list = a.list(to).map_err(|_| {
        throw(
            "NotSupportedException",
            "Bytes that a method returned cannot be changed here; copy them with ToArray() first.",
        )
    })?;
    let len = list.items().len();
    let at = usize::try_from(a.int(to + 1)).ok().filter(|at| *at <= len);
    let at = at.ok_or_else(|| out_of_range("byteIndex"))?;
    let mut items = list.items_mut();
    let place = at
        .checked_add(bytes.len())
        .and_then(|end| items.get_mut(at..end));
    let place = place.ok_or_else(|| {
        throw("ArgumentException", "The output byte buffer is too small to contain the encoded data, encoding codepage and fallback. (Parameter 'bytes')")
    })?;
    for (place, b) in place.iter_mut().zip(&bytes) {
        *place = Value::Byte(*b);
    }
    Ok(Value::Int(bytes.len() as i32))
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

/// The text of bytes in an encoding by its name.
pub(crate) fn decode(name: &str, bytes: &[u8]) -> Option<String> {
    let name = name.trim();
    let found = ALL
        .iter()
        .find(|(_, names, ..)| names.iter().any(|n| n.eq_ignore_ascii_case(name)));
    found.map(|(encoding, ..)| encoding.decode(bytes))
}

/// The encoding that something is written in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written(Encoding);

impl Written {
    /// By a name; UTF-8 when it is not known.
    pub(crate) fn of(name: &str) -> Written {
        let found = ALL
            .iter()
            .find(|(_, names, ..)| names.iter().any(|n| n.eq_ignore_ascii_case(name.trim())));
        Written(found.map_or(Encoding::Utf8Plain, |(encoding, ..)| *encoding))
    }

    /// `Encoding.WebName`.
    pub(crate) fn name(self) -> &'static str {
        self.0.entry().0
    }

    /// The last character that it has.
    pub(crate) fn last(self) -> u32 {
        match self.0 {
            Encoding::Ascii => 0x7f,
            Encoding::Latin1 => 0xff,
            _ => 0x10_ffff,
        }
    }

    /// The bytes; those of UTF-16 and UTF-32 begin with their mark.
    pub(crate) fn encode(self, text: String) -> Vec<u8> {
        match self.0 {
            Encoding::Utf8 | Encoding::Utf8Plain => text.into_bytes(),
            other => {
                let mut out = other.preamble().to_vec();
                out.extend(other.encode(&text));
                out
            }
        }
    }
}

fn by_number(n: i64) -> R {
    if n == 0 {
        return Encoding::Utf8.value();
    }
    if let Some((e, ..)) = ALL.iter().find(|(_, _, page, _)| i64::from(*page) == n) {
        return e.value();
    }
    Err(match n {
        // Numbers that stand for settings of Windows.
        1 | 2 | 3 | 42 => throw(
            "ArgumentException",
            format!("{n} is not a supported code page. (Parameter 'codepage')"),
        ),
        0..=65535 => throw(
            "NotSupportedException",
            format!("No data is available for encoding {n}."),
        ),
        _ => range(
            "codepage",
            "Valid values are between 0 and 65535, inclusive.",
        ),
    })
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
        by_number(a.int(0))
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
        cx.new_list(
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

/// The UTF-16 that writers of text name: without the mark at the beginning.
pub(in crate::expr::table) fn utf16() -> R {
    Encoding::Utf16Plain.made()
}

/// Most bytes for so many units, and most units for so many bytes.
fn bounds(e: Encoding, n: i64, bytes: bool) -> i64 {
    match (e, bytes) {
        (Encoding::Utf8 | Encoding::Utf8Plain, true) => (n + 1) * 3,
        (Encoding::Utf8 | Encoding::Utf8Plain, false) => n + 1,
        (Encoding::Ascii | Encoding::Latin1, true) => n + 1,
        (Encoding::Ascii | Encoding::Latin1, false) => n,
        (Encoding::Utf32, true) => (n + 1) * 4,
        (Encoding::Utf32, false) => n / 2 + 2,
        // UTF-16.
        (_, true) => (n + 1) * 2,
        (_, false) => (n >> 1) + (n & 1) + 1,
    }
}

fn most(a: &Args<'_>, bytes: bool, name: &str) -> R {
    let n = a.int(1);
    if n < 0 {
        return Err(range(name, "Non-negative number required."));
    }
    let most = bounds(this(a)?, n, bytes);
    i32::try_from(most).map(Value::Int).map_err(|_| {
        range(
            name,
            "Too many characters. The resulting number of bytes is larger than what can be returned as an int.",
        )
    })
}

fn count(cx: &mut Cx<'_>, a: &Args<'_>, s: &str) -> R {
    cx.step(1 + s.len() / 64)?;
    Ok(Value::Int(this(a)?.encode(s).len() as i32))
}

/// Rows with parts of arrays, and the bounds.
pub(super) const PARTS: &[Row] = &[
    m(
        "byte[] GetBytes(char[] chars, int index, int count)",
        |cx, a| {
            let s = char_part(a, 1)?;
            bytes_of(cx, this(a)?, &s)
        },
    ),
    m(
        "byte[] GetBytes(string s, int index, int count)",
        |cx, a| {
            let s = char_part(a, 1)?;
            bytes_of(cx, this(a)?, &s)
        },
    ),
    m(
        "int GetBytes(string s, int charIndex, int charCount, byte[] bytes, int byteIndex)",
        |cx, a| {
            a.not_null(&["", "chars", "", "", "bytes"])?;
            let s = char_part(a, 1)?;
            write_bytes(cx, a, 4, &s)
        },
    ),
    m(
        "int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex)",
        |cx, a| {
            a.not_null(&["", "chars", "", "", "bytes"])?;
            let s = char_part(a, 1)?;
            write_bytes(cx, a, 4, &s)
        },
    ),
    m("int GetByteCount(char[] chars)", |cx, a| {
        let s = chars(a, 1)?;
        count(cx, a, &s)
    }),
    m(
        "int GetByteCount(char[] chars, int index, int count)",
        |cx, a| {
            let s = char_part(a, 1)?;
            count(cx, a, &s)
        },
    ),
    m(
        "char[] GetChars(byte[] bytes, int index, int count)",
        |cx, a| {
            let s = this(a)?.decode(&part(a)?);
            cx.new_list(
                Ty::array(Ty::Char),
                s.encode_utf16().map(Value::Char).collect(),
            )
        },
    ),
    m(
        "int GetCharCount(byte[] bytes, int index, int count)",
        |_, a| {
            let s = this(a)?.decode(&part(a)?);
            Ok(Value::Int(crate::value::text::units(&s) as i32))
        },
    ),
    m("int GetMaxByteCount(int charCount)", |_, a| {
        most(a, true, "charCount")
    }),
    m("int GetMaxCharCount(int byteCount)", |_, a| {
        most(a, false, "byteCount")
    }),
    m("bool IsSingleByte", |_, a| {
        Ok(Value::Bool(matches!(
            this(a)?,
            Encoding::Ascii | Encoding::Latin1
        )))
    }),
    m(
        "static byte[] Convert(Encoding srcEncoding, Encoding dstEncoding, byte[] bytes, int index, int count)",
        |cx, a| {
            let (from, to) = (this(a)?, *a.object::<Encoding>(1)?);
            let all = a.bytes(2).map_err(|_| null("bytes"))?;
            let (at, n) = (a.size(3, "index")?, a.size(4, "count")?);
            let part = at.checked_add(n).and_then(|end| all.get(at..end));
            let part = part.ok_or_else(|| {
                range(
                    "bytes",
                    "Index and count must refer to a location within the buffer.",
                )
            })?;
            let s = from.decode(part);
            cx.charge(s.len())?;
            bytes_of(cx, to, &s)
        },
    ),
];

fn utf8(mark: bool) -> R {
    if mark {
        Encoding::Utf8.made()
    } else {
        Encoding::Utf8Plain.made()
    }
}

pub(super) const UTF8: &[Row] = &[
    m("new()", |_, _| utf8(false)),
    m("new(bool encoderShouldEmitUTF8Identifier)", |_, a| {
        utf8(a.bool(0))
    }),
];

pub(super) const ASCII: &[Row] = &[m("new()", |_, _| Encoding::Ascii.made())];

pub(super) const UNICODE: &[Row] = &[
    m("new()", |_, _| Encoding::Utf16.made()),
    m("new(bool bigEndian, bool byteOrderMark)", |_, a| {
        match (a.bool(0), a.bool(1)) {
            (true, true) => Encoding::Utf16Big,
            (true, false) => Encoding::Utf16BigPlain,
            (false, true) => Encoding::Utf16,
            (false, false) => Encoding::Utf16Plain,
        }
        .made()
    }),
];

pub(super) const UTF32: &[Row] = &[m("new()", |_, _| Encoding::Utf32.made())];
