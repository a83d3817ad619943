//! `JsonLoadSettings`, `JsonMergeSettings`, `JsonSelectSettings` and `JsonSerializerSettings`.
//!
//! `JsonSerializerSettings` is an extension beyond what API Management lists; only what its rows name is there, so that a
//! setting that would not be kept is a fault at load.

use super::merge::Arrays;
use crate::expr::eval::{Args, Throw};
use crate::expr::table::{Row, Type, enums, m, ty, ty_of};
use crate::expr::types::Ty;
use crate::value::token::parse::{Duplicates, Reading};
use crate::value::token::write::{Escape, Style};
use crate::value::{EnumType, List, Object, Str, Value};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// Settings of any of these classes: what was set, by the name of the property.
#[derive(Debug)]
struct Settings {
    class: &'static str,
    set: RefCell<Vec<(&'static str, Value)>>,
}

impl Object for Settings {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Settings {
    fn get(&self, name: &str) -> Option<Value> {
        let set = self.set.borrow();
        set.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
    }

    fn put(&self, name: &'static str, value: Value) {
        let mut set = self.set.borrow_mut();
        set.retain(|(n, _)| *n != name);
        set.push((name, value));
    }
}

fn made(class: &'static str) -> Value {
    Value::Object(Rc::new(Settings {
        class,
        set: RefCell::default(),
    }))
}

/// A setting of the settings at a place, if they are there and it was set.
fn setting(a: &Args<'_>, i: usize, name: &str) -> Option<Value> {
    a.object::<Settings>(i).ok()?.get(name)
}

fn number(a: &Args<'_>, i: usize, name: &str) -> Option<i64> {
    match setting(a, i, name)? {
        Value::Enum(_, n) => Some(n),
        v => v.as_i64(),
    }
}

/// `JsonLoadSettings` at a place, or what applies without.
pub(super) fn loading(a: &Args<'_>, i: usize) -> Reading {
    Reading {
        comments: number(a, i, "CommentHandling") == Some(1),
        duplicates: match number(a, i, "DuplicatePropertyNameHandling") {
            Some(1) => Duplicates::Ignore,
            Some(2) => Duplicates::Error,
            _ => Duplicates::Replace,
        },
        ..Reading::default()
    }
}

/// `JsonMergeSettings`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merging {
    pub(super) arrays: Arrays,
    /// Whether null replaces what is there.
    pub(super) nulls: bool,
    /// How names compare (`StringComparison`).
    pub(super) comparison: i64,
}

/// The settings of a merge at a place, or what applies without.
pub(super) fn merging(a: &Args<'_>, i: usize) -> Merging {
    Merging {
        arrays: match number(a, i, "MergeArrayHandling") {
            Some(1) => Arrays::Union,
            Some(2) => Arrays::Replace,
            Some(3) => Arrays::Merge,
            _ => Arrays::Concat,
        },
        nulls: number(a, i, "MergeNullValueHandling") == Some(1),
        comparison: number(a, i, "PropertyNameComparison").unwrap_or(4),
    }
}

/// `JsonSelectSettings.ErrorWhenNoMatch`.
pub(super) fn strict(a: &Args<'_>, i: usize) -> bool {
    setting(a, i, "ErrorWhenNoMatch").is_some_and(|v| v.as_bool() == Some(true))
}

/// What of `JsonSerializerSettings` concerns writing.
#[derive(Clone, Debug, Default)]
pub(super) struct Writing {
    /// Whether text is made, which has comments; not a tree.
    pub(super) text: bool,
    pub(super) style: Style,
    /// Members that are null are left out.
    pub(super) no_nulls: bool,
    /// Members that have the default value of their type are left out.
    pub(super) no_defaults: bool,
    /// `DateFormatString`.
    pub(super) date_format: Option<Str>,
    /// `MicrosoftDateFormat`.
    pub(super) microsoft_dates: bool,
    /// `DateTimeZoneHandling`.
    pub(super) zone: Option<i64>,
    /// Names of members begin with a small letter.
    pub(super) camel_case: bool,
    /// Enums are written by name.
    pub(super) enum_names: bool,
}

/// `JsonSerializerSettings` at a place.
pub(super) fn writing(a: &Args<'_>, i: usize) -> Writing {
    let class_of = |v: Value| match v {
        Value::Object(o) => Some(o.ty()),
        _ => None,
    };
    let converters = match setting(a, i, "Converters") {
        Some(Value::List(l)) => l.items().clone(),
        _ => Vec::new(),
    };
    Writing {
        text: false,
        style: Style {
            indented: number(a, i, "Formatting") == Some(1),
            escape: match number(a, i, "StringEscapeHandling") {
                Some(1) => Escape::NonAscii,
                Some(2) => Escape::Html,
                _ => Escape::Default,
            },
        },
        no_nulls: number(a, i, "NullValueHandling") == Some(1),
        no_defaults: number(a, i, "DefaultValueHandling").is_some_and(|n| n & 1 == 1),
        date_format: setting(a, i, "DateFormatString").and_then(|v| match v {
            Value::Str(s) => Some(s),
            _ => None,
        }),
        microsoft_dates: number(a, i, "DateFormatHandling") == Some(1),
        zone: number(a, i, "DateTimeZoneHandling"),
        camel_case: setting(a, i, "ContractResolver")
            .and_then(class_of)
            .is_some_and(|t| t.is_class("CamelCasePropertyNamesContractResolver")),
        enum_names: converters
            .into_iter()
            .filter_map(class_of)
            .any(|t| t.is_class("StringEnumConverter")),
    }
}

/// What of `JsonSerializerSettings` concerns reading.
pub(super) fn reading(a: &Args<'_>, i: usize) -> Reading {
    Reading {
        dates: number(a, i, "DateParseHandling") != Some(0),
        decimals: number(a, i, "FloatParseHandling") == Some(1),
        ..Reading::default()
    }
}

fn get(a: &Args<'_>, name: &str, default: Value) -> Result<Value, Throw> {
    // A format that is null is the default one.
    let set = a.object::<Settings>(0)?.get(name);
    Ok(set.filter(|v| !v.is_null()).unwrap_or(default))
}

fn set(a: &Args<'_>, name: &'static str) -> Result<Value, Throw> {
    a.object::<Settings>(0)?.put(name, a.get(1));
    Ok(Value::Null)
}

fn of(e: &'static EnumType, n: i64) -> Value {
    Value::Enum(e, n)
}

macro_rules! settings {
    ($class:literal, $($ty:literal $name:literal = $default:expr),* $(,)?) => {
        &[
            m("new()", |_, _| Ok(made($class))),
            $(
                m(concat!($ty, " ", $name), |_, a| get(a, $name, $default)),
                m(concat!("set ", $ty, " ", $name), |_, a| set(a, $name)),
            )*
        ]
    };
}

const LOAD: &[Row] = settings!("JsonLoadSettings",
    "CommentHandling" "CommentHandling" = of(&enums::COMMENT_HANDLING, 0),
    "LineInfoHandling" "LineInfoHandling" = of(&enums::LINE_INFO_HANDLING, 1),
    "DuplicatePropertyNameHandling" "DuplicatePropertyNameHandling" = of(&enums::DUPLICATE_PROPERTY_NAME_HANDLING, 0),
);

const MERGE: &[Row] = settings!("JsonMergeSettings",
    "MergeArrayHandling" "MergeArrayHandling" = of(&enums::MERGE_ARRAY_HANDLING, 0),
    "MergeNullValueHandling" "MergeNullValueHandling" = of(&enums::MERGE_NULL_VALUE_HANDLING, 0),
    "StringComparison" "PropertyNameComparison" = of(&enums::STRING_COMPARISON, 4),
);

const SELECT: &[Row] = settings!("JsonSelectSettings",
    "bool" "ErrorWhenNoMatch" = Value::Bool(false),
);

const CONVERTERS: &[Row] = &[
    m("IList<JsonConverter> Converters", |_, a| {
        let settings = a.object::<Settings>(0)?;
        if settings.get("Converters").is_none() {
            let ty = Ty::generic("List", vec![Ty::class("JsonConverter")]);
            settings.put("Converters", Value::List(List::new(ty, Vec::new())));
        }
        Ok(settings.get("Converters").unwrap_or_default())
    }),
    m("set IList<JsonConverter> Converters", |_, a| {
        set(a, "Converters")
    }),
];

const SERIALIZER: &[Row] = settings!("JsonSerializerSettings",
    "Formatting" "Formatting" = of(&enums::FORMATTING, 0),
    "NullValueHandling" "NullValueHandling" = of(&enums::NULL_VALUE_HANDLING, 0),
    "DefaultValueHandling" "DefaultValueHandling" = of(&enums::DEFAULT_VALUE_HANDLING, 0),
    "DateFormatHandling" "DateFormatHandling" = of(&enums::DATE_FORMAT_HANDLING, 0),
    "string" "DateFormatString" = Value::from("yyyy'-'MM'-'dd'T'HH':'mm':'ss.FFFFFFFK"),
    "DateTimeZoneHandling" "DateTimeZoneHandling" = of(&enums::DATE_TIME_ZONE_HANDLING, 3),
    "DateParseHandling" "DateParseHandling" = of(&enums::DATE_PARSE_HANDLING, 1),
    "FloatParseHandling" "FloatParseHandling" = of(&enums::FLOAT_PARSE_HANDLING, 0),
    "StringEscapeHandling" "StringEscapeHandling" = of(&enums::STRING_ESCAPE_HANDLING, 0),
    "IContractResolver" "ContractResolver" = Value::Null,
);

/// Classes without members that only say what they are.
fn bare(class: &'static str) -> Result<Value, Throw> {
    Ok(made(class))
}

const CAMEL: &[Row] = &[m("new()", |_, _| {
    bare("CamelCasePropertyNamesContractResolver")
})];
const DEFAULT: &[Row] = &[m("new()", |_, _| bare("DefaultContractResolver"))];
const ENUMS: &[Row] = &[m("new()", |_, _| bare("StringEnumConverter"))];

pub(in crate::expr::table) const TYPES: &[Type] = &[
    ty("class Newtonsoft.Json.Linq.JsonLoadSettings", LOAD),
    ty("class Newtonsoft.Json.Linq.JsonMergeSettings", MERGE),
    ty("class Newtonsoft.Json.Linq.JsonSelectSettings", SELECT),
    ty_of(
        "class Newtonsoft.Json.JsonSerializerSettings",
        &[SERIALIZER, CONVERTERS],
    ),
    ty(
        "interface Newtonsoft.Json.Serialization.IContractResolver",
        &[],
    ),
    ty(
        "class Newtonsoft.Json.Serialization.DefaultContractResolver : IContractResolver",
        DEFAULT,
    ),
    ty(
        "class Newtonsoft.Json.Serialization.CamelCasePropertyNamesContractResolver : DefaultContractResolver",
        CAMEL,
    ),
    ty(
        "class Newtonsoft.Json.Converters.StringEnumConverter : JsonConverter",
        ENUMS,
    ),
];
