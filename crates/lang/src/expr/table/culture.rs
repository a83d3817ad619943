//! `System.Globalization.CultureInfo` and `IFormatProvider`.
//!
//! Rows that take a provider declare an `IFormatProvider` parameter and ignore it: what must stay true is that the only
//! culture there is, is the invariant one, so that no provider can change a result. Asking for another culture by name is
//! .NET's `CultureNotFoundException`, never a silent use of the invariant one. Other files use [`invariant`].

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, R, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value, text};
use std::any::Any;
use std::rc::Rc;

/// The invariant culture, or one of its parts (`NumberFormat`, `DateTimeFormat`).
#[derive(Debug)]
struct Invariant {
    class: &'static str,
    /// Whether it is the object that a class gives by itself, which is not that of the culture.
    own: bool,
}

impl Object for Invariant {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        match self.class {
            "CultureInfo" => String::new(),
            // The name of the culture follows, which is empty.
            "TextInfo" => String::from("TextInfo - "),
            _ => self.ty().full_name(),
        }
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Invariant>();
        other.is_some_and(|o| {
            // Cultures are equal by their name, which all of them share.
            o.class == self.class && (o.own == self.own || self.class == "CultureInfo")
        })
    }
    fn is_single(&self) -> bool {
        !(self.own && self.class == "CultureInfo")
    }
}

fn part(class: &'static str) -> R {
    Ok(Value::Object(Rc::new(Invariant { class, own: false })))
}

/// `CultureInfo.InvariantCulture`.
fn invariant() -> R {
    part("CultureInfo")
}

/// A culture by its name: the empty name is the invariant one.
fn named(name: Option<&str>) -> R {
    match name {
        Some("") => invariant(),
        Some(other) => Err(throw(
            "CultureNotFoundException",
            format!(
                "Only the invariant culture is supported in globalization-invariant mode. (Parameter 'name')\n{other} is an invalid culture identifier."
            ),
        )),
        None => Err(throw(
            "ArgumentNullException",
            "Value cannot be null. (Parameter 'name')",
        )),
    }
}

const CULTURE: &[Row] = &[
    m("new(string name)", |_, a| {
        named(a.values[0].as_str())?;
        // Unlike the shared one it can be written to.
        Ok(Value::Object(Rc::new(Invariant {
            class: "CultureInfo",
            own: true,
        })))
    }),
    m("static CultureInfo InvariantCulture", |_, _| invariant()),
    m("static CultureInfo CurrentCulture", |_, _| invariant()),
    m("static CultureInfo CurrentUICulture", |_, _| invariant()),
    m("static CultureInfo GetCultureInfo(string name)", |_, a| {
        named(a.values[0].as_str())
    }),
    m("string Name", |_, _| Ok(Value::from(""))),
    m("string EnglishName", |_, _| {
        Ok(Value::from("Invariant Language (Invariant Country)"))
    }),
    m("string DisplayName", |_, _| {
        Ok(Value::from("Invariant Language (Invariant Country)"))
    }),
    m("string NativeName", |_, _| {
        Ok(Value::from("Invariant Language (Invariant Country)"))
    }),
    m("string TwoLetterISOLanguageName", |_, _| {
        Ok(Value::from("iv"))
    }),
    m("string ThreeLetterISOLanguageName", |_, _| {
        Ok(Value::from("ivl"))
    }),
    m("int LCID", |_, _| Ok(Value::Int(127))),
    m("bool IsNeutralCulture", |_, _| Ok(Value::Bool(false))),
    m("bool IsReadOnly", |_, a| {
        Ok(Value::Bool(!a.object::<Invariant>(0)?.own))
    }),
    m("NumberFormatInfo NumberFormat", |_, _| {
        super::numbers::format_info::invariant()
    }),
    m("TextInfo TextInfo", |_, _| part("TextInfo")),
    m("DateTimeFormatInfo DateTimeFormat", |_, _| {
        part("DateTimeFormatInfo")
    }),
];

/// `ToTitleCase`: the first letter of each word goes up, the rest down, but for words all in upper case.
pub(crate) fn title_case(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut rest = s;
    while let Some(start) = rest.find(char::is_alphabetic) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let inside = |c: char| c.is_alphabetic() || c == '\'' || is_mark(c) || c.is_ascii_digit();
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        let mut letters = word.chars();
        if word.chars().any(char::is_lowercase) {
            out.extend(letters.next().map(text::upper_char));
            out.extend(letters.map(text::lower_char));
        } else if word.chars().count() == 1 {
            out.extend(letters.map(text::upper_char));
        } else {
            out.push_str(word);
        }
        rest = &rest[end..];
    }
    out + rest
}

/// A mark that stands on the letter before.
fn is_mark(c: char) -> bool {
    matches!(text::unicode::category(u32::from(c)), 5 | 6)
}

const TEXT: &[Row] = &[
    m("string ToTitleCase(string str)", |cx, a| {
        let s = title_case(a.named(1, "str")?);
        cx.text(s)
    }),
    m("string ToUpper(string str)", |cx, a| {
        let s = text::upper_invariant(a.named(1, "str")?);
        cx.text(s)
    }),
    m("string ToLower(string str)", |cx, a| {
        let s = text::lower_invariant(a.named(1, "str")?);
        cx.text(s)
    }),
    m("char ToUpper(char c)", |_, a| cased(a, text::upper_char)),
    m("char ToLower(char c)", |_, a| cased(a, text::lower_char)),
    m("string ListSeparator", |_, _| Ok(Value::from(","))),
    m("string CultureName", |_, _| Ok(Value::from(""))),
];

fn cased(a: &Args<'_>, f: fn(char) -> char) -> R {
    let unit = a.int(1) as u16;
    let c = char::from_u32(u32::from(unit)).map(f);
    Ok(Value::Char(
        c.and_then(|c| u16::try_from(u32::from(c)).ok())
            .unwrap_or(unit),
    ))
}

const DATE: &[Row] = &[
    m("static DateTimeFormatInfo InvariantInfo", |_, _| {
        Ok(Value::Object(Rc::new(Invariant {
            class: "DateTimeFormatInfo",
            own: true,
        })))
    }),
    m("static DateTimeFormatInfo CurrentInfo", |_, _| {
        part("DateTimeFormatInfo")
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty("interface System.IFormatProvider", &[]),
    ty(
        "class System.Globalization.CultureInfo : IFormatProvider",
        CULTURE,
    ),
    ty(
        "class System.Globalization.DateTimeFormatInfo : IFormatProvider",
        DATE,
    ),
    ty("class System.Globalization.TextInfo", TEXT),
];
