//! API Management's own forms of a configuration: an APIOps folder, an ARM template.
//!
//! `load` serves a folder with it, `import` writes a `tollgate.yaml`. Both forms become a list of [`Resource`]s
//! ([`apiops`], [`arm`]), and that becomes the tree that a `tollgate.yaml` would have given ([`convert`]), so there is one
//! reader for all of them and every fault stands where its value was written. What must stay true: what has no effect
//! here is told once, in one line, and never left out in silence.

pub(crate) mod apiops;
pub(crate) mod arm;
pub(crate) mod convert;
pub(crate) mod import;
pub(crate) mod joined;
mod overrides;
mod prune;
pub(crate) mod tokens;
mod tree;
mod write;

use crate::yaml::{Node, Place};

/// A resource of API Management.
#[derive(Debug)]
pub(crate) struct Resource {
    /// The workspace that it is in.
    pub(crate) workspace: Option<String>,
    /// Its type below the service, as `apis/operations`, in lower case and without the workspace.
    pub(crate) kind: String,
    /// The names of it and of what it is in, outermost first: as many as `kind` has parts.
    pub(crate) names: Vec<String>,
    /// Its `properties`: a mapping.
    pub(crate) properties: Node,
    /// Where it stands.
    pub(crate) place: Place,
}

impl Resource {
    /// Its own name.
    pub(crate) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The name of what it is directly in.
    pub(crate) fn outer(&self) -> &str {
        let at = self.names.len().checked_sub(2);
        at.and_then(|at| self.names.get(at))
            .map_or("", String::as_str)
    }
}

/// Something that did not carry over, or has no effect.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// Where it stands.
    pub(crate) place: Place,
    /// What and why, in one line.
    pub(crate) message: String,
}

impl Note {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Note {
        Note {
            place,
            message: message.into(),
        }
    }
}

/// The environment variable for a secret that a folder or template does not hold: `TOLLGATE_`, what it is of, the ids
/// in capitals with `_` for everything else.
pub(crate) fn variable(parts: &[&str]) -> String {
    let mut name = String::from("TOLLGATE");
    for part in parts.iter().filter(|part| !part.is_empty()) {
        name.push('_');
        name.extend(part.chars().map(|c| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        }));
    }
    name
}
