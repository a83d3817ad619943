//! What serde complains about, kept as data so that it can be reported and repaired.
//!
//! Made by the tree's deserializer and by serde's derived code; turned into a [`Diagnostic`] by `repair`.

use super::at::Place;
use super::parse::{Form, Kind, Node};
use serde::de::{Expected, Unexpected};
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::{Diagnostic, FileId, Span};

/// A fault and the node (by its number) that it belongs to.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: Option<(u32, Place)>,
    pub(super) what: What,
}

/// Kinds of fault.
#[derive(Debug)]
pub(super) enum What {
    UnknownProperty {
        name: String,
        known: &'static [&'static str],
    },
    MissingProperty(&'static str),
    Duplicate(&'static str),
    UnknownValue {
        value: String,
        known: &'static [&'static str],
    },
    WrongType {
        found: String,
        expected: String,
    },
    Other(String),
}

impl Fault {
    pub(super) fn wrong_type(node: &Node, expected: &str) -> Fault {
        Fault {
            at: Some((node.id, node.place)),
            what: What::WrongType {
                found: describe(node),
                expected: expected.to_owned(),
            },
        }
    }

    /// Sets the place, unless an inner value has set a better one.
    pub(super) fn or_at(mut self, id: u32, place: Place) -> Fault {
        self.at.get_or_insert((id, place));
        self
    }

    pub(super) fn diagnostic(&self, file: FileId) -> Diagnostic {
        let place = self.at.map(|(_, place)| place).unwrap_or_default();
        let span = Span {
            file,
            start: place.start,
            end: place.end,
        };
        match &self.what {
            What::UnknownProperty { name, known } => {
                let fault = Diagnostic::error("TG0403", span, format!("unknown property `{name}`"));
                match nearest(name, known.iter().copied()) {
                    Some(near) => fault
                        .label("not a property here")
                        .help(format!("did you mean `{near}`?")),
                    None => fault
                        .label("not a property here")
                        .help(format!("properties here are {}", list(known))),
                }
            }
            What::MissingProperty(name) => {
                Diagnostic::error("TG0404", span, format!("`{name}` is missing"))
                    .label(format!("expected `{name}` among these properties"))
            }
            What::Duplicate(name) => {
                Diagnostic::error("TG0402", span, format!("`{name}` stands twice"))
                    .label("remove one of the two")
            }
            What::UnknownValue { value, known } => {
                let fault = Diagnostic::error("TG0405", span, format!("unknown value `{value}`"))
                    .label(format!("expected {}", list(known)));
                match nearest(value, known.iter().copied()) {
                    Some(near) => fault.help(format!("did you mean `{near}`?")),
                    None => fault,
                }
            }
            What::WrongType { found, expected } => {
                Diagnostic::error("TG0405", span, format!("{found} cannot stand here"))
                    .label(format!("expected {expected}"))
            }
            What::Other(message) => {
                Diagnostic::error("TG0405", span, message.clone()).label("cannot be used")
            }
        }
    }
}

/// `a`, `b` or `c`.
fn list(names: &[&str]) -> String {
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            text.push_str(if at + 1 == names.len() { " or " } else { ", " });
        }
        text.push('`');
        text.push_str(name);
        text.push('`');
    }
    text
}

/// A node in words. Never the text itself: it may be a secret.
fn describe(node: &Node) -> String {
    String::from(match &node.kind {
        Kind::Scalar { form, .. } => match form {
            Form::Null => "nothing",
            Form::Bool(_) => "a truth value",
            Form::Integer(_) | Form::Float(_) => "a number",
            Form::Text => "text",
        },
        Kind::Sequence(_) => "a list",
        Kind::Mapping(_) => "a mapping",
        Kind::Absent => "nothing",
    })
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.what)
    }
}

impl std::error::Error for Fault {}

impl From<What> for Fault {
    fn from(what: What) -> Fault {
        Fault { at: None, what }
    }
}

impl serde::de::Error for Fault {
    fn custom<T: std::fmt::Display>(message: T) -> Fault {
        What::Other(message.to_string()).into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        let found = match found {
            Unexpected::Bool(_) => "a truth value",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Str(_) | Unexpected::Char(_) => "text",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a mapping",
            _ => "nothing",
        };
        What::WrongType {
            found: found.to_owned(),
            expected: expected.to_string(),
        }
        .into()
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        match found {
            Unexpected::Signed(n) => {
                What::Other(format!("{n} is out of range: expected {expected}")).into()
            }
            Unexpected::Unsigned(n) => {
                What::Other(format!("{n} is out of range: expected {expected}")).into()
            }
            Unexpected::Other(found) => What::WrongType {
                found: format!("this {found}"),
                expected: expected.to_string(),
            }
            .into(),
            _ => What::Other(format!("not usable: expected {expected}")).into(),
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Fault {
        What::UnknownProperty {
            name: field.to_owned(),
            known: expected,
        }
        .into()
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Fault {
        What::UnknownValue {
            value: variant.to_owned(),
            known: expected,
        }
        .into()
    }

    fn missing_field(field: &'static str) -> Fault {
        What::MissingProperty(field).into()
    }

    fn duplicate_field(field: &'static str) -> Fault {
        What::Duplicate(field).into()
    }
}
