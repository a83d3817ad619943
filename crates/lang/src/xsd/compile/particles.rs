//! Particles and attributes: elements, wildcards, groups.

use super::{ANY_SIMPLE, Attribute, Compiler, Fault, MAX_LEAVES, Type, attribute, children, shown};
use crate::value::Str;
use crate::value::xml::{Name, Node, XML};
use crate::xsd::builtin::XS;
use crate::xsd::content::{Leaf, Particle, Shape, Term};
use crate::xsd::load::Document;
use crate::xsd::model::{Any, Namespaces, Process};
use std::rc::Rc;
use std::sync::Arc;

/// The elements of an `xs:all`, which of them must be there, and whether all may be left out.
pub(super) type All = (Vec<(Leaf, bool)>, bool);

/// `minOccurs` and `maxOccurs`.
fn occurs(node: &Rc<Node>, document: &Document) -> Result<(u32, Option<u32>), Fault> {
    let number = |text: &str| {
        text.trim().parse::<u32>().map_err(|_| {
            document.fault(
                node,
                format!("The value '{text}' is no number of occurrences."),
            )
        })
    };
    let min = match attribute(node, "minOccurs") {
        Some(text) => number(&text)?,
        None => 1,
    };
    let max = match attribute(node, "maxOccurs").as_deref().map(str::trim) {
        Some("unbounded") => None,
        Some(text) => Some(number(text)?),
        None => Some(1),
    };
    if max.is_some_and(|max| min > max) {
        return Err(document.fault(
            node,
            "minOccurs value cannot be greater than maxOccurs value.",
        ));
    }
    Ok((min, max))
}

impl Compiler {
    /// Counts what is compiled: groups that name each other are compiled for each place.
    fn counted(&mut self, node: &Rc<Node>, document: &Document) -> Result<(), Fault> {
        self.leaves += 1;
        if self.leaves > MAX_LEAVES {
            return Err(document.fault(
                node,
                format!("The content models have more than {MAX_LEAVES} parts."),
            ));
        }
        Ok(())
    }

    fn leaf(&mut self, node: &Rc<Node>, document: &Document, term: Term) -> Result<Leaf, Fault> {
        self.counted(node, document)?;
        Ok(Leaf {
            order: self.leaves,
            term,
        })
    }

    /// The element at a place of a model.
    fn local_element(&mut self, node: &Rc<Node>, document: &Rc<Document>) -> Result<usize, Fault> {
        if let Some(text) = attribute(node, "ref") {
            let name = self.reference(node, document, &text)?;
            return self
                .element_named(&name)
                .map_err(|why| self.placed(why, node, document));
        }
        let Some(local) = attribute(node, "name") else {
            return Err(document.fault(node, "The required attribute 'name' is missing."));
        };
        let qualified = match attribute(node, "form").as_deref() {
            Some(form) => form == "qualified",
            None => document.qualified_elements,
        };
        let name = Name {
            namespace: if qualified {
                document.target.clone()
            } else {
                Str::from("")
            },
            local,
        };
        self.element(node, document, name)
    }

    fn any(&self, node: &Rc<Node>, document: &Document) -> Any {
        let said = attribute(node, "namespace").unwrap_or_else(|| Str::from("##any"));
        let words: Vec<&str> = said.split_ascii_whitespace().collect();
        let mut shown = said.trim().to_owned();
        let namespaces = match words.as_slice() {
            ["##any"] => Namespaces::Any,
            ["##other"] => Namespaces::Other(document.target.clone()),
            words => {
                shown = words.join(", ");
                let meaning = |word: &&str| match *word {
                    "##local" => Str::from(""),
                    "##targetNamespace" => document.target.clone(),
                    namespace => Str::from(namespace),
                };
                Namespaces::These(words.iter().map(meaning).collect())
            }
        };
        Any {
            namespaces,
            process: match attribute(node, "processContents").as_deref() {
                Some("lax") => Process::Lax,
                Some("skip") => Process::Skip,
                _ => Process::Strict,
            },
            shown,
        }
    }

    /// A particle; `None` when it may not stand at all.
    pub(super) fn particle(
        &mut self,
        kind: &str,
        node: &Rc<Node>,
        document: &Rc<Document>,
    ) -> Result<Option<Arc<Particle>>, Fault> {
        let (min, max) = occurs(node, document)?;
        self.counted(node, document)?;
        self.deeper(document, node)?;
        let made = match kind {
            "element" => {
                let at = self.local_element(node, document)?;
                Particle::new(Shape::Leaf(self.leaf(node, document, Term::Element(at))?))
            }
            "any" => {
                let any = self.any(node, document);
                Particle::new(Shape::Leaf(self.leaf(node, document, Term::Any(any))?))
            }
            "sequence" | "choice" => {
                let mut all = Vec::new();
                for (kind, part) in children(node) {
                    all.extend(self.particle(&kind, &part, document)?);
                }
                Particle::new(if kind == "sequence" {
                    Shape::Sequence(all)
                } else {
                    Shape::Choice(all)
                })
            }
            "group" => {
                let Some(text) = attribute(node, "ref") else {
                    return Err(document.fault(node, "The required attribute 'ref' is missing."));
                };
                let name = self.reference(node, document, &text)?;
                let name = self.meant(&name);
                self.group_named(&name)
                    .map_err(|why| self.placed(why, node, document))?
            }
            other => {
                return Err(document.fault(
                    node,
                    format!("The '{XS}:{other}' element is not supported in this context."),
                ));
            }
        };
        self.depth -= 1;
        Ok((max != Some(0)).then(|| Particle::repeated(made, min, max)))
    }

    /// What a group stands for, made anew for each place.
    pub(super) fn group_named(&mut self, name: &Name) -> Result<Arc<Particle>, Fault> {
        let Some(raw) = self.parts.groups.get(name).cloned() else {
            return Err(format!(
                "The '{}' model group is not declared.",
                shown(name)
            ));
        };
        // Names of types and groups are apart.
        let key = Name {
            namespace: name.namespace.clone(),
            local: format!("{}\u{1}", name.local).into(),
        };
        if !self.open.insert(key.clone()) {
            return Err(raw.document.fault(&raw.node, "Circular group reference."));
        }
        let outer = std::mem::replace(&mut self.redefining, raw.redefines.then(|| name.clone()));
        let mut made = None;
        for (kind, part) in children(&raw.node) {
            made = match &*kind {
                "all" => Some(self.all_as_particle(&part, &raw.document)?),
                kind => self.particle(kind, &part, &raw.document)?,
            };
        }
        self.redefining = outer;
        self.open.remove(&key);
        Ok(made.unwrap_or_else(|| Particle::new(Shape::Sequence(Vec::new()))))
    }

    /// The elements of an `xs:all`, and whether all of them may be left out.
    pub(super) fn all(&mut self, node: &Rc<Node>, document: &Rc<Document>) -> Result<All, Fault> {
        let (min, _) = occurs(node, document)?;
        let mut leaves = Vec::new();
        for (kind, part) in children(node) {
            if &*kind != "element" {
                return Err(document.fault(
                    &part,
                    format!("The '{XS}:{kind}' element is not supported in this context."),
                ));
            }
            let (least, most) = occurs(&part, document)?;
            if most.is_none_or(|most| most > 1) {
                return Err(document.fault(&part, "The {max occurs} of all the particles in the {particles} of an all group must be 0 or 1."));
            }
            let at = self.local_element(&part, document)?;
            let leaf = self.leaf(&part, document, Term::Element(at))?;
            if most != Some(0) {
                leaves.push((leaf, least > 0));
            }
        }
        Ok((leaves, min == 0))
    }

    /// The elements of a group that is an `xs:all`.
    pub(super) fn all_of_group(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
    ) -> Result<Option<All>, Fault> {
        let Some(text) = attribute(node, "ref") else {
            return Ok(None);
        };
        let name = self.reference(node, document, &text)?;
        let name = self.meant(&name);
        let Some(raw) = self.parts.groups.get(&name).cloned() else {
            return Ok(None);
        };
        for (kind, part) in children(&raw.node) {
            if &*kind == "all" {
                let (leaves, optional) = self.all(&part, &raw.document)?;
                let (min, _) = occurs(node, document)?;
                return Ok(Some((leaves, optional || min == 0)));
            }
        }
        Ok(None)
    }

    /// An `xs:all` where the model is only looked at as a whole: its elements, each of which may stand.
    fn all_as_particle(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
    ) -> Result<Arc<Particle>, Fault> {
        let (leaves, _) = self.all(node, document)?;
        let parts = leaves
            .into_iter()
            .map(|(leaf, _)| Particle::new(Shape::Leaf(leaf)));
        let choice = Particle::new(Shape::Choice(parts.collect()));
        Ok(Particle::repeated(choice, 0, None))
    }

    /// A global attribute.
    pub(super) fn attribute_named(&mut self, name: &Name) -> Result<Attribute, Fault> {
        if let Some(known) = self.attributes.get(name) {
            return Ok(known.clone());
        }
        if &*name.namespace == XML {
            return Ok(Attribute {
                name: name.clone(),
                ty: ANY_SIMPLE,
                required: false,
                prohibited: false,
                fixed: None,
            });
        }
        let Some(raw) = self.parts.attributes.get(name).cloned() else {
            return Err(format!("The '{}' attribute is not declared.", shown(name)));
        };
        let made = self.attribute_of(&raw.node, &raw.document, name.clone())?;
        self.attributes.insert(name.clone(), made.clone());
        Ok(made)
    }

    fn attribute_of(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
        name: Name,
    ) -> Result<Attribute, Fault> {
        let ty = match attribute(node, "type") {
            Some(text) => {
                let named = self.reference(node, document, &text)?;
                let found = self
                    .type_named(&named)
                    .map_err(|why| self.placed(why, node, document))?;
                match found {
                    Type::Simple(simple) => simple,
                    Type::Complex(_) => {
                        return Err(document.fault(
                            node,
                            format!(
                                "The type of the attribute '{}' is no simple type.",
                                name.local
                            ),
                        ));
                    }
                }
            }
            None => {
                let inner = children(node)
                    .into_iter()
                    .find(|(k, _)| &**k == "simpleType");
                match inner {
                    Some((_, inner)) => self.simple(&inner, document, None)?,
                    None => ANY_SIMPLE,
                }
            }
        };
        let used = attribute(node, "use");
        Ok(Attribute {
            name,
            ty,
            required: used.as_deref() == Some("required"),
            prohibited: used.as_deref() == Some("prohibited"),
            fixed: attribute(node, "fixed"),
        })
    }

    /// The attributes that a type or group names, and its wildcard.
    pub(super) fn attributes(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
    ) -> Result<(Vec<Attribute>, Option<Any>), Fault> {
        self.counted(node, document)?;
        self.deeper(document, node)?;
        let (mut out, mut any): (Vec<Attribute>, Option<Any>) = (Vec::new(), None);
        for (kind, part) in children(node) {
            match &*kind {
                "attribute" => {
                    let made = self.attribute_use(&part, document)?;
                    if out.iter().any(|a| a.name == made.name) {
                        return Err(document.fault(
                            &part,
                            format!("The attribute '{}' already exists.", shown(&made.name)),
                        ));
                    }
                    out.push(made);
                }
                "attributeGroup" => {
                    let Some(text) = attribute(&part, "ref") else {
                        return Err(
                            document.fault(&part, "The required attribute 'ref' is missing.")
                        );
                    };
                    let name = self.reference(&part, document, &text)?;
                    let name = self.meant(&name);
                    let Some(raw) = self.parts.attribute_groups.get(&name).cloned() else {
                        return Err(document.fault(
                            &part,
                            format!("The '{}' attribute group is not declared.", shown(&name)),
                        ));
                    };
                    let outer = std::mem::replace(
                        &mut self.redefining,
                        raw.redefines.then(|| name.clone()),
                    );
                    let (more, wildcard) = self.attributes(&raw.node, &raw.document)?;
                    self.redefining = outer;
                    out.retain(|a| !more.iter().any(|m| m.name == a.name));
                    out.extend(more);
                    any = any.or(wildcard);
                }
                "anyAttribute" => any = Some(self.any(&part, document)),
                _ => {}
            }
        }
        self.depth -= 1;
        Ok((out, any))
    }

    fn attribute_use(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
    ) -> Result<Attribute, Fault> {
        if let Some(text) = attribute(node, "ref") {
            let name = self.reference(node, document, &text)?;
            let mut made = self
                .attribute_named(&name)
                .map_err(|why| self.placed(why, node, document))?;
            let used = attribute(node, "use");
            made.required = used.as_deref() == Some("required");
            made.prohibited = used.as_deref() == Some("prohibited");
            if let Some(fixed) = attribute(node, "fixed") {
                made.fixed = Some(fixed);
            }
            return Ok(made);
        }
        let Some(local) = attribute(node, "name") else {
            return Err(document.fault(node, "The required attribute 'name' is missing."));
        };
        let qualified = match attribute(node, "form").as_deref() {
            Some(form) => form == "qualified",
            None => document.qualified_attributes,
        };
        let namespace = if qualified {
            document.target.clone()
        } else {
            Str::from("")
        };
        self.attribute_of(node, document, Name { namespace, local })
    }
}
