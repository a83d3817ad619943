//! Values with a notation of their own: durations, sizes and secrets.
//!
//! What must stay true: a secret never prints, and says where it comes from.

use crate::yaml::{At, Place};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use std::borrow::Cow;

/// A span of time: seconds as a number, `250ms`, `30s`, `5m`, `1h`, or ISO 8601 as `PT1M30S`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(pub std::time::Duration);

/// Longest duration: a year.
const LONGEST: f64 = 366.0 * 86_400.0;

impl Duration {
    /// Reads any of the notations.
    pub fn parse(text: &str) -> Option<Duration> {
        let text = text.trim();
        let seconds = if text.starts_with(['P', 'p']) {
            iso(&text[1..])?
        } else {
            let unit = text
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(text.len());
            let number: f64 = text[..unit].parse().ok()?;
            let scale = match text[unit..].trim() {
                "" | "s" => 1.0,
                "ms" => 0.001,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
            number * scale
        };
        Duration::seconds(seconds)
    }

    fn seconds(seconds: f64) -> Option<Duration> {
        (0.0..=LONGEST)
            .contains(&seconds)
            .then(|| Duration(std::time::Duration::from_secs_f64(seconds)))
    }
}

/// `1DT2H3M4.5S`.
fn iso(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut time = false;
    let mut rest = text;
    if rest.is_empty() || rest.ends_with(['T', 't']) {
        return None;
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(['T', 't']) {
            if time {
                return None;
            }
            time = true;
            rest = after;
            continue;
        }
        let unit = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..unit].parse().ok()?;
        let scale = match (time, rest[unit..].chars().next()?.to_ascii_uppercase()) {
            (false, 'W') => 604_800.0,
            (false, 'D') => 86_400.0,
            (true, 'H') => 3600.0,
            (true, 'M') => 60.0,
            (true, 'S') => 1.0,
            _ => return None,
        };
        seconds += number * scale;
        rest = &rest[unit + 1..];
    }
    Some(seconds)
}

const A_DURATION: &str = "a duration such as `30s`, `5m`, `PT1M` or a number of seconds";

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Duration;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(A_DURATION)
            }

            // It is missing, which has been reported.
            fn visit_none<E>(self) -> Result<Duration, E> {
                Ok(Duration(std::time::Duration::ZERO))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
                Duration::parse(text)
                    .ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
                #[allow(clippy::cast_precision_loss, reason = "beyond the bound anyway")]
                self.visit_f64(seconds as f64)
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
                Duration::seconds(seconds)
                    .ok_or_else(|| E::invalid_value(Unexpected::Other("number"), &self))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Duration")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Seconds as a number, `250ms`, `30s`, `5m`, `1h`, or ISO 8601 as `PT1M30S`.",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": "^([0-9.]+ *(ms|s|m|min|h|d)?|[Pp].+)$" },
            ],
        })
    }
}

/// A number of bytes: a number, or with `KiB`, `MiB`, `GiB` (also `KB`, `MB`, `GB`, which mean the same).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    /// Reads any of the notations.
    pub fn parse(text: &str) -> Option<Size> {
        let text = text.trim();
        let unit = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let number: u64 = text[..unit].parse().ok()?;
        let shift = match text[unit..].trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "kib" | "kb" | "k" => 10,
            "mib" | "mb" | "m" => 20,
            "gib" | "gb" | "g" => 30,
            _ => return None,
        };
        number.checked_mul(1 << shift).map(Size)
    }
}

const A_SIZE: &str = "a size such as `16MiB` or a number of bytes";

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Size;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(A_SIZE)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                Size::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
            }

            fn visit_u64<E: Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Size")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Bytes as a number, or `64KiB`, `16MiB`, `1GiB`.",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]+ *([KkMmGg]([Ii]?[Bb])?|[Bb])?$" },
            ],
        })
    }
}

/// Where a secret comes from.
#[derive(Clone)]
pub enum Secret {
    /// Written in the file; may hold `{{named-value}}`.
    Literal(String),
    /// An environment variable.
    Env(String),
    /// A file, relative to the configuration file; a newline at its end does not count.
    File(String),
    /// It is missing, which has been reported.
    Absent,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Secret::Literal(_) => f.write_str("Literal(…)"),
            Secret::Env(name) => write!(f, "Env({name})"),
            Secret::File(path) => write!(f, "File({path})"),
            Secret::Absent => f.write_str("Absent"),
        }
    }
}

/// A reference to a secret: exactly one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    env: Option<String>,
    file: Option<String>,
}

const A_SECRET: &str = "text, `env: NAME` or `file: path`";

struct ReadSecret;

impl<'de> Visitor<'de> for ReadSecret {
    type Value = Secret;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(A_SECRET)
    }

    fn visit_str<E>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::Literal(text.to_owned()))
    }

    fn visit_none<E>(self) -> Result<Secret, E> {
        Ok(Secret::Absent)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
        let reference = Reference::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        match (reference.env, reference.file) {
            (Some(name), None) => Ok(Secret::Env(name)),
            (None, Some(path)) => Ok(Secret::File(path)),
            _ => Err(A::Error::custom(format!(
                "a secret is one of {A_SECRET}, not both and not neither"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        deserializer.deserialize_any(ReadSecret)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Secret")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A secret: `env: NAME`, `file: path`, or the text itself (a warning), which may hold `{{named-value}}`.",
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": { "env": { "type": "string", "description": "Environment variable." } },
                    "required": ["env"],
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "properties": { "file": { "type": "string", "description": "Path of a file." } },
                    "required": ["file"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// One secret (its place is the whole value's, so none of its own) or, as API Management writes headers and query
/// parameters, a list of them.
#[derive(Clone, Debug)]
pub struct Secrets(pub Vec<PlacedSecret>);

/// A secret that is the whole value.
fn alone(value: Secret) -> PlacedSecret {
    At {
        value,
        place: Place::default(),
    }
}

impl<'de> Deserialize<'de> for Secrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secrets, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Secrets;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{A_SECRET}, or a list of them")
            }

            fn visit_str<E>(self, text: &str) -> Result<Secrets, E> {
                Ok(Secrets(vec![alone(Secret::Literal(text.to_owned()))]))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secrets, A::Error> {
                ReadSecret.visit_map(map).map(|s| Secrets(vec![alone(s)]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Secrets, A::Error> {
                let mut secrets = Vec::new();
                while let Some(secret) = seq.next_element()? {
                    secrets.push(secret);
                }
                Ok(Secrets(secrets))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Secrets {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Secrets")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Secret>();
        json_schema!({
            "description": "One value, or a list of them as API Management writes it.",
            "anyOf": [one.clone(), { "type": "array", "items": one }],
        })
    }
}

/// The schema of a whole number that samples also write as text.
pub(super) fn number_or_text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^[0-9]+$" },
        ],
    })
}

/// The same where the property may be left out.
pub(super) fn optional_number_or_text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^[0-9]+$" },
            { "type": "null" },
        ],
    })
}

/// A secret and its place, for what the model holds many of.
pub type PlacedSecret = At<Secret>;

#[cfg(test)]
mod tests;
