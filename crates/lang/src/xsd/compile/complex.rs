//! `xs:complexType`: content and attributes, extended and restricted.

use super::{
    ANY_TYPE, Attribute, Compiler, EXTENSION, Fault, RESTRICTION, attribute, children, in_schema,
    shown, ways, yes,
};
use crate::value::xml::{Name, Node};
use crate::xsd::builtin::XS;
use crate::xsd::content::{Content, Leaf, Particle, Shape, Term};
use crate::xsd::load::Document;
use crate::xsd::model::{Any, Complex, Namespaces, Process, Type};
use std::rc::Rc;
use std::sync::Arc;

/// The anyType: whatever there is, held to what is declared of it.
pub(super) fn any_type() -> Complex {
    let any = Any {
        namespaces: Namespaces::Any,
        process: Process::Lax,
        shown: String::from("##any"),
    };
    let leaf = Particle::new(Shape::Leaf(Leaf {
        order: 0,
        term: Term::Any(any.clone()),
    }));
    Complex {
        name: Some(in_schema("anyType")),
        base: None,
        derived: 0,
        is_abstract: false,
        block: 0,
        content: Content::Children {
            model: Particle::repeated(leaf, 0, None),
            mixed: true,
        },
        attributes: Vec::new(),
        any_attribute: Some(any),
    }
}

/// What a type is derived from, and how.
struct Derived {
    base: Option<Type>,
    how: u8,
    content: Content,
    attributes: Vec<Attribute>,
    any: Option<Any>,
}

impl Compiler {
    pub(super) fn complex(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
        name: Option<Name>,
    ) -> Result<usize, Fault> {
        self.deeper(document, node)?;
        let mixed = yes(node, "mixed");
        let parts = children(node);
        let derived = match parts.first() {
            Some((kind, part)) if &**kind == "simpleContent" => {
                self.simple_content(part, document)?
            }
            Some((kind, part)) if &**kind == "complexContent" => {
                let mixed = match attribute(part, "mixed") {
                    Some(_) => yes(part, "mixed"),
                    None => mixed,
                };
                self.complex_content(part, document, mixed)?
            }
            _ => {
                let content = self.content(node, document, mixed)?;
                let (attributes, any) = self.attributes(node, document)?;
                Derived {
                    base: Some(Type::Complex(ANY_TYPE)),
                    how: RESTRICTION,
                    content,
                    attributes,
                    any,
                }
            }
        };
        self.depth -= 1;
        let block = attribute(node, "block");
        self.model.complexes.push(Complex {
            name,
            base: derived.base,
            derived: derived.how,
            is_abstract: yes(node, "abstract"),
            block: ways(block.as_deref().unwrap_or(&document.block)),
            content: derived.content,
            attributes: derived.attributes,
            any_attribute: derived.any,
        });
        Ok(self.model.complexes.len() - 1)
    }

    /// The `extension` or `restriction` in a content, whether it extends, and its base.
    fn derivation(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
    ) -> Result<(Rc<Node>, bool, Type), Fault> {
        let Some((kind, part)) = children(node).into_iter().next() else {
            return Err(document.fault(node, "The content needs 'restriction' or 'extension'."));
        };
        let extends = match &*kind {
            "extension" => true,
            "restriction" => false,
            other => {
                return Err(document.fault(
                    &part,
                    format!("The '{XS}:{other}' element is not supported in this context."),
                ));
            }
        };
        let Some(base) = attribute(&part, "base") else {
            return Err(document.fault(&part, "The required attribute 'base' is missing."));
        };
        let name = self.reference(&part, document, &base)?;
        let name = self.meant(&name);
        let known =
            self.parts.types.contains_key(&name) || self.model.global_types.contains_key(&name);
        if !known {
            let how = if extends { "extension" } else { "restriction" };
            return Err(document.fault(
                &part,
                format!(
                    "Undefined complexType '{}' is used as a base for complex type {how}.",
                    shown(&name)
                ),
            ));
        }
        let base = self
            .type_named(&name)
            .map_err(|why| self.placed(why, &part, document))?;
        self.shallow(base, &part, document)?;
        Ok((part, extends, base))
    }

    fn simple_content(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
    ) -> Result<Derived, Fault> {
        let (part, extends, base) = self.derivation(node, document)?;
        let (own, any) = self.attributes(&part, document)?;
        let (simple, attributes, base_any) = match base {
            Type::Simple(simple) => (simple, Vec::new(), None),
            Type::Complex(complex) => {
                let complex = &self.model.complexes[complex];
                match &complex.content {
                    Content::Simple(simple) => (
                        *simple,
                        complex.attributes.clone(),
                        complex.any_attribute.clone(),
                    ),
                    _ => {
                        return Err(document
                            .fault(&part, "The base of a simple content has no simple content."));
                    }
                }
            }
        };
        if extends {
            return Ok(Derived {
                base: Some(base),
                how: EXTENSION,
                content: Content::Simple(simple),
                attributes: merged(attributes, own),
                any: any.or(base_any),
            });
        }
        let inner = children(&part)
            .into_iter()
            .find(|(k, _)| &**k == "simpleType");
        let of = match inner {
            Some((_, inner)) => self.simple(&inner, document, None)?,
            None => simple,
        };
        let simple = self.restricted(of, &part, document, None)?;
        Ok(Derived {
            base: Some(base),
            how: RESTRICTION,
            content: Content::Simple(simple),
            attributes: merged(attributes, own),
            any,
        })
    }

    fn complex_content(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
        mixed: bool,
    ) -> Result<Derived, Fault> {
        let (part, extends, base) = self.derivation(node, document)?;
        let Type::Complex(complex) = base else {
            return Err(document.fault(&part, "The base of a complex content is a simple type."));
        };
        let own = self.content(&part, document, mixed)?;
        let (attributes, any) = self.attributes(&part, document)?;
        let of = &self.model.complexes[complex];
        let inherited = of.attributes.clone();
        if !extends {
            return Ok(Derived {
                base: Some(base),
                how: RESTRICTION,
                content: own,
                attributes: merged(inherited, attributes),
                any,
            });
        }
        let content = match (of.content.clone(), own) {
            (base, Content::Empty) => base,
            (Content::Empty, own) => own,
            (
                Content::Children {
                    model: first,
                    mixed,
                },
                Content::Children { model: then, .. },
            ) => Content::Children {
                model: Particle::new(Shape::Sequence(vec![first, then])),
                mixed,
            },
            _ => {
                return Err(document.fault(
                    &part,
                    "A type with 'all' or with simple content cannot be extended by more content.",
                ));
            }
        };
        let any = any.or_else(|| self.model.complexes[complex].any_attribute.clone());
        Ok(Derived {
            base: Some(base),
            how: EXTENSION,
            content,
            attributes: merged(inherited, attributes),
            any,
        })
    }

    /// The children that a type names.
    fn content(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
        mixed: bool,
    ) -> Result<Content, Fault> {
        let mut model: Option<Arc<Particle>> = None;
        for (kind, part) in children(node) {
            match &*kind {
                "all" => {
                    let (leaves, optional) = self.all(&part, document)?;
                    return Ok(Content::All {
                        leaves,
                        optional,
                        mixed,
                    });
                }
                "sequence" | "choice" => model = self.particle(&kind, &part, document)?,
                "group" => {
                    if let Some(all) = self.all_of_group(&part, document)? {
                        return Ok(Content::All {
                            leaves: all.0,
                            optional: all.1,
                            mixed,
                        });
                    }
                    model = self.particle(&kind, &part, document)?;
                }
                "attribute" | "attributeGroup" | "anyAttribute" => {}
                other => {
                    return Err(document.fault(
                        &part,
                        format!("The '{XS}:{other}' element is not supported in this context."),
                    ));
                }
            }
        }
        Ok(match model {
            Some(model) => Content::Children { model, mixed },
            None if mixed => Content::Children {
                model: Particle::new(Shape::Sequence(Vec::new())),
                mixed,
            },
            None => Content::Empty,
        })
    }
}

/// Attributes of a base with those of what is derived from it, which win.
fn merged(mut base: Vec<Attribute>, own: Vec<Attribute>) -> Vec<Attribute> {
    base.retain(|b| !own.iter().any(|o| o.name == b.name));
    base.extend(own);
    base
}
