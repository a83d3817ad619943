//! serde over the tree.
//!
//! What must stay true: numbers and truth values may be written as text where one is expected and the other way round
//! (API Management's samples do), and every fault carries the node it belongs to.

use super::at::MARK;
use super::fault::{Fault, What};
use super::parse::{Form, Key, Kind, Node};
use super::repair::StandIns;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

/// One node as a deserializer.
#[derive(Clone, Copy)]
pub(super) struct Tree<'a>(pub(super) &'a Node);

impl<'a> Tree<'a> {
    fn wrong<T>(self, expected: &str) -> Result<T, Fault> {
        Err(Fault::wrong_type(self.0, expected))
    }

    fn place<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.map_err(|fault| fault.or_at(self.0.id, self.0.place))
    }

    /// The number, also when written as text.
    fn integer(self, expected: &str) -> Result<i128, Fault> {
        match &self.0.kind {
            Kind::Scalar {
                form: Form::Integer(n),
                ..
            } => Ok(*n),
            Kind::Scalar {
                form: Form::Text,
                text,
            } => text.trim().parse().or_else(|_| self.wrong(expected)),
            Kind::Absent => Ok(0),
            _ => self.wrong(expected),
        }
    }

    fn entries(self) -> Result<&'a [(Key, Node)], Fault> {
        match &self.0.kind {
            Kind::Mapping(entries) => Ok(entries),
            Kind::Absent
            | Kind::Scalar {
                form: Form::Null, ..
            } => Ok(&[]),
            _ => self.wrong("a mapping"),
        }
    }
}

macro_rules! integers {
    ($($method:ident, $visit:ident, $type:ty, $expected:literal;)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
            let value = <$type>::try_from(self.integer($expected)?);
            match value {
                Ok(value) => self.place(visitor.$visit(value)),
                Err(_) => self.wrong($expected),
            }
        }
    )*};
}

impl<'a> Deserializer<'a> for Tree<'a> {
    type Error = Fault;

    integers! {
        deserialize_i8, visit_i8, i8, "a whole number from -128 to 127";
        deserialize_i16, visit_i16, i16, "a whole number from -32768 to 32767";
        deserialize_i32, visit_i32, i32, "a whole number";
        deserialize_i64, visit_i64, i64, "a whole number";
        deserialize_u8, visit_u8, u8, "a whole number from 0 to 255";
        deserialize_u16, visit_u16, u16, "a whole number from 0 to 65535";
        deserialize_u32, visit_u32, u32, "a whole number, 0 or more";
        deserialize_u64, visit_u64, u64, "a whole number, 0 or more";
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        let result = match &self.0.kind {
            Kind::Scalar { text, form } => match form {
                Form::Null => visitor.visit_unit(),
                Form::Bool(value) => visitor.visit_bool(*value),
                Form::Integer(n) => match (u64::try_from(*n), i64::try_from(*n)) {
                    (Ok(n), _) => visitor.visit_u64(n),
                    (_, Ok(n)) => visitor.visit_i64(n),
                    _ => visitor.visit_str(text),
                },
                Form::Float(value) => visitor.visit_f64(*value),
                Form::Text => visitor.visit_str(text),
            },
            Kind::Sequence(items) => visitor.visit_seq(Items(items.iter())),
            Kind::Mapping(entries) => visitor.visit_map(Entries::new(entries)),
            Kind::Absent => visitor.visit_none(),
        };
        self.place(result)
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = match &self.0.kind {
            Kind::Scalar {
                form: Form::Bool(value),
                ..
            } => *value,
            Kind::Scalar {
                form: Form::Text,
                text,
            } if text.eq_ignore_ascii_case("true") => true,
            Kind::Scalar {
                form: Form::Text,
                text,
            } if text.eq_ignore_ascii_case("false") => false,
            Kind::Absent => false,
            _ => return self.wrong("`true` or `false`"),
        };
        self.place(visitor.visit_bool(value))
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = match &self.0.kind {
            Kind::Scalar {
                form: Form::Float(value),
                ..
            } => *value,
            #[allow(clippy::cast_precision_loss, reason = "a float was asked for")]
            Kind::Scalar {
                form: Form::Integer(n),
                ..
            } => *n as f64,
            Kind::Scalar {
                form: Form::Text,
                text,
            } => match text.trim().parse() {
                Ok(value) => value,
                Err(_) => return self.wrong("a number"),
            },
            Kind::Absent => 0.0,
            _ => return self.wrong("a number"),
        };
        self.place(visitor.visit_f64(value))
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.kind {
            Kind::Scalar {
                form: Form::Null, ..
            } => self.wrong("text"),
            Kind::Scalar { text, .. } => self.place(visitor.visit_str(text)),
            // A text that collides with no other: ids and paths are unique.
            Kind::Absent => self.place(visitor.visit_string(StandIns::text(self.0.id))),
            _ => self.wrong("text"),
        }
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.kind {
            Kind::Absent
            | Kind::Scalar {
                form: Form::Null, ..
            } => self.place(visitor.visit_none()),
            _ => self.place(visitor.visit_some(self)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == MARK {
            self.place(visitor.visit_seq(Placed {
                node: self.0,
                step: 0,
            }))
        } else {
            self.place(visitor.visit_newtype_struct(self))
        }
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.kind {
            Kind::Sequence(items) => self.place(visitor.visit_seq(Items(items.iter()))),
            Kind::Absent
            | Kind::Scalar {
                form: Form::Null, ..
            } => self.place(visitor.visit_seq(Items([].iter()))),
            _ => self.wrong("a list"),
        }
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        let entries = Entries::new(self.entries()?);
        self.place(visitor.visit_map(entries))
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if matches!(self.0.kind, Kind::Absent) {
            let fields = AbsentFields {
                node: self.0,
                fields: fields.iter(),
            };
            return self.place(visitor.visit_map(fields));
        }
        let entries = Entries::new(self.entries()?);
        self.place(visitor.visit_map(entries))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let text = match &self.0.kind {
            Kind::Scalar { text, form } if *form != Form::Null => text.as_str(),
            Kind::Absent => variants.first().copied().unwrap_or_default(),
            _ => return self.wrong("text"),
        };
        // Azure accepts any case.
        let Some(variant) = variants.iter().find(|v| v.eq_ignore_ascii_case(text)) else {
            return self.place(Err(What::UnknownValue {
                value: text.to_owned(),
                known: variants,
            }
            .into()));
        };
        let variant: StrDeserializer<'_, Fault> = variant.into_deserializer();
        self.place(visitor.visit_enum(variant))
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.place(visitor.visit_unit())
    }

    serde::forward_to_deserialize_any! {
        <W: Visitor<'a>>
        bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        self.0.next().map(|n| seed.deserialize(Tree(n))).transpose()
    }
}

struct Entries<'a> {
    rest: std::slice::Iter<'a, (Key, Node)>,
    value: Option<&'a Node>,
}

impl<'a> Entries<'a> {
    fn new(entries: &'a [(Key, Node)]) -> Entries<'a> {
        Entries {
            rest: entries.iter(),
            value: None,
        }
    }
}

impl<'a> MapAccess<'a> for Entries<'a> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        let text: StrDeserializer<'_, Fault> = key.text.as_str().into_deserializer();
        match seed.deserialize(text) {
            Ok(key) => Ok(Some(key)),
            Err(fault) => Err(fault.or_at(key.id, key.place)),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.value.take() {
            Some(value) => seed.deserialize(Tree(value)),
            None => Err(de::Error::custom("a value without a key")),
        }
    }
}

/// All properties of a struct that is itself absent.
struct AbsentFields<'a> {
    node: &'a Node,
    fields: std::slice::Iter<'static, &'static str>,
}

impl<'a> MapAccess<'a> for AbsentFields<'a> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some(field) = self.fields.next() else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Fault> = field.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(Tree(self.node))
    }
}

/// Start, end and value, for [`super::At`].
struct Placed<'a> {
    node: &'a Node,
    step: u8,
}

impl<'a> SeqAccess<'a> for Placed<'a> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        self.step += 1;
        match self.step {
            1 => seed
                .deserialize(self.node.place.start.into_deserializer())
                .map(Some),
            2 => seed
                .deserialize(self.node.place.end.into_deserializer())
                .map(Some),
            3 => seed.deserialize(Tree(self.node)).map(Some),
            _ => Ok(None),
        }
    }
}
