//! Literal result elements (XSLT 1.0, section 7.1.1): their names, namespaces and attributes as they come out.

use super::super::ir::{Block, Instruction, LiteralElement, Template};
use super::source::{At, split};
use super::{Compiler, XSLT};
use crate::document::Attribute;
use crate::value::Str;
use crate::value::xml::{Name, XML};

impl<'d> Compiler<'d, '_> {
    /// What an alias makes of a namespace.
    fn aliased(&self, prefix: &Str, namespace: &Str) -> (Str, Str) {
        match self.aliases.get(namespace) {
            Some((prefix, namespace)) => (prefix.clone(), namespace.clone()),
            None => (prefix.clone(), namespace.clone()),
        }
    }

    /// A literal result element.
    pub(super) fn literal(&mut self, at: &At<'d>, out: &mut Block) {
        let (prefix, namespace) = self.aliased(&at.prefix, &at.name.namespace);
        let sets = self.used_sets(at, at.xslt_attribute("use-attribute-sets"));
        let mut attributes = Vec::new();
        for attribute in &at.element.attributes {
            attributes.extend(self.literal_attribute(at, attribute));
        }
        let mut namespaces = Vec::new();
        for (p, n) in at.prefixes().iter() {
            let kept = &**n != XSLT && &**n != XML && !n.is_empty() && !at.excluded.contains(n);
            if kept {
                namespaces.push(self.aliased(p, n));
            }
        }
        let body = self.body(at);
        out.push(Instruction::Literal(Box::new(LiteralElement {
            prefix,
            name: Name {
                namespace,
                local: at.name.local.clone(),
            },
            namespaces,
            sets,
            attributes,
            body,
        })));
    }

    fn literal_attribute(
        &mut self,
        at: &At<'d>,
        attribute: &'d Attribute,
    ) -> Option<(Str, Name, Template)> {
        let written = &*attribute.name;
        let (prefix, local) = split(written);
        if written == "xmlns" || prefix == "xmlns" {
            return None;
        }
        let namespace = if prefix.is_empty() {
            Str::from("")
        } else {
            match at.namespace(prefix) {
                Some(namespace) => namespace,
                None => {
                    self.undeclared(prefix, attribute.name_span);
                    return None;
                }
            }
        };
        if &*namespace == XSLT {
            let known = [
                "exclude-result-prefixes",
                "extension-element-prefixes",
                "use-attribute-sets",
                "version",
            ];
            if !known.contains(&local) && !at.forwards {
                self.unknown_attribute(at, written, attribute.name_span);
            }
            return None;
        }
        let value = self.template(at, attribute)?;
        let (prefix, namespace) = self.aliased(&Str::from(prefix), &namespace);
        Some((
            prefix,
            Name {
                namespace,
                local: Str::from(local),
            },
            value,
        ))
    }
}
