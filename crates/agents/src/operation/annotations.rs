//! Hints about what a tool does (MCP's `annotations`), from the operation's verb, overridden by configuration.

use serde_json::{Map, Value};

/// Hints; `None` leaves MCP's own default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// It changes nothing.
    pub read_only: Option<bool>,
    /// It may destroy something.
    pub destructive: Option<bool>,
    /// Calling it twice is as calling it once.
    pub idempotent: Option<bool>,
    /// It reaches out of the server.
    pub open_world: Option<bool>,
}

impl Annotations {
    /// What a verb promises (RFC 9110, section 9.2).
    pub fn of(method: &str) -> Annotations {
        let is = |verbs: &[&str]| verbs.iter().any(|v| method.eq_ignore_ascii_case(v));
        Annotations {
            read_only: is(&["GET", "HEAD"]).then_some(true),
            destructive: is(&["DELETE"]).then_some(true),
            idempotent: is(&["PUT", "DELETE"]).then_some(true),
            open_world: Some(true),
        }
    }

    /// These, with what `other` says put over them.
    pub fn overridden(self, other: Annotations) -> Annotations {
        Annotations {
            read_only: other.read_only.or(self.read_only),
            destructive: other.destructive.or(self.destructive),
            idempotent: other.idempotent.or(self.idempotent),
            open_world: other.open_world.or(self.open_world),
        }
    }

    /// As MCP writes them.
    pub fn json(self) -> Map<String, Value> {
        [
            ("readOnlyHint", self.read_only),
            ("destructiveHint", self.destructive),
            ("idempotentHint", self.idempotent),
            ("openWorldHint", self.open_world),
        ]
        .into_iter()
        .filter_map(|(name, hint)| Some((name.to_owned(), Value::Bool(hint?))))
        .collect()
    }
}
