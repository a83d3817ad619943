//! Schema documents to a model.
//!
//! Simple types are in `compile/simple.rs`, complex ones in `compile/complex.rs`, particles and attributes in
//! `compile/particles.rs`. What must stay true: every name is resolved here; what elements are made of is compiled from a
//! list and not by recursion, so that schemas may be as deep as they like.

mod complex;
mod particles;
mod simple_types;

use super::builtin::{self, XS};
use super::content::{self, Content};
use super::load::{Document, Parts, Raw, attribute, children, redefined};
use super::model::{
    Attribute, Constraint, EXTENSION, Element, Kind, Model, RESTRICTION, SUBSTITUTION, Type,
};
use super::simple::{Simple, Variety};
use crate::value::Str;
use crate::value::xml::{Name, Node};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Deepest row of types and groups that are made of each other.
const MAX_NESTED: usize = 60;
/// Most elements and wildcards of all models.
const MAX_LEAVES: usize = 100_000;

/// The anyType, and the anySimpleType.
const ANY_TYPE: usize = 0;
const ANY_SIMPLE: usize = 0;

type Fault = String;

struct Compiler {
    parts: Parts,
    model: Model,
    /// Types that are being compiled.
    open: HashSet<Name>,
    /// Elements whose type is not compiled yet.
    waiting: Vec<(usize, Rc<Node>, Rc<Document>)>,
    attributes: HashMap<Name, Attribute>,
    depth: usize,
    leaves: usize,
    /// The part that is redefined now.
    redefining: Option<Name>,
}

/// Compiles all parts.
pub(super) fn compile(parts: Parts) -> Result<Model, Fault> {
    let mut c = Compiler {
        model: Model {
            targets: parts.targets.clone(),
            ..Model::default()
        },
        parts,
        open: HashSet::new(),
        waiting: Vec::new(),
        attributes: HashMap::new(),
        depth: 0,
        leaves: 0,
        redefining: None,
    };
    c.builtins();
    let sorted = |all: &HashMap<Name, Raw>| {
        let mut names: Vec<Name> = all.keys().cloned().collect();
        names.sort_by_key(|n| (n.namespace.clone(), n.local.clone()));
        names
    };
    for name in sorted(&c.parts.types) {
        c.type_named(&name)?;
    }
    for name in sorted(&c.parts.attributes) {
        c.attribute_named(&name)?;
    }
    for name in sorted(&c.parts.elements) {
        c.element_named(&name)?;
    }
    for name in sorted(&c.parts.groups) {
        c.group_named(&name)?;
    }
    while let Some((at, node, document)) = c.waiting.pop() {
        let ty = c.type_of_element(&node, &document)?;
        c.model.elements[at].ty = ty;
        c.check_values(at, &node, &document)?;
    }
    c.inherit_types()?;
    c.substitutions();
    c.constraints()?;
    for complex in &c.model.complexes {
        if let Content::Children { model, .. } = &complex.content
            && let Some(name) = content::ambiguous(&c.model, model)
        {
            return Err(format!(
                "Multiple definition of element '{}' causes the content model to become ambiguous. A content model must be formed such that during validation of an element information item sequence, the particle contained directly, indirectly or implicitly therein with which to attempt to validate each item in the sequence in turn can be uniquely determined without examining the content or attributes of that item, and without any information about the items in the remainder of the sequence.",
                shown(&name)
            ));
        }
    }
    c.model.global_attributes = std::mem::take(&mut c.attributes);
    Ok(c.model)
}

/// A name as messages have it.
pub(super) fn shown(name: &Name) -> String {
    if name.namespace.is_empty() {
        name.local.to_string()
    } else {
        format!("{}:{}", name.namespace, name.local)
    }
}

fn in_schema(local: &str) -> Name {
    Name {
        namespace: XS.into(),
        local: local.into(),
    }
}

/// `block` and `final`: the ways that are closed.
fn ways(text: &str) -> u8 {
    text.split_ascii_whitespace().fold(0, |all, word| {
        all | match word {
            "#all" => EXTENSION | RESTRICTION | SUBSTITUTION,
            "extension" => EXTENSION,
            "restriction" => RESTRICTION,
            "substitution" => SUBSTITUTION,
            _ => 0,
        }
    })
}

/// Whether an attribute says yes.
fn yes(node: &Node, name: &str) -> bool {
    matches!(
        attribute(node, name).as_deref().map(str::trim),
        Some("true" | "1")
    )
}

impl Compiler {
    fn builtins(&mut self) {
        self.model.simples.push(Simple {
            name: Some(in_schema("anySimpleType")),
            base: None,
            variety: Variety::Any,
            space: builtin::Space::Preserve,
            facets: Default::default(),
        });
        let put = |model: &mut Model, local: &str, ty| {
            model.global_types.insert(in_schema(local), ty);
        };
        put(&mut self.model, "anySimpleType", Type::Simple(ANY_SIMPLE));
        for (at, of) in builtin::ALL.iter().enumerate() {
            let base = match self.model.global_types.get(&in_schema(of.base)) {
                Some(Type::Simple(base)) => *base,
                _ => ANY_SIMPLE,
            };
            let simple = Simple::builtin(at, Some(base));
            let place = self.model.simples.len();
            self.model.simples.push(simple);
            put(&mut self.model, of.name, Type::Simple(place));
        }
        for (list, item) in [
            ("NMTOKENS", "NMTOKEN"),
            ("IDREFS", "IDREF"),
            ("ENTITIES", "ENTITY"),
        ] {
            let Some(Type::Simple(item)) = self.model.global_types.get(&in_schema(item)).copied()
            else {
                continue;
            };
            let place = self.model.simples.len();
            self.model.simples.push(Simple {
                name: Some(in_schema(list)),
                base: Some(ANY_SIMPLE),
                variety: Variety::List(item),
                space: builtin::Space::Collapse,
                facets: Default::default(),
            });
            put(&mut self.model, list, Type::Simple(place));
        }
        self.model.complexes.push(complex::any_type());
        put(&mut self.model, "anyType", Type::Complex(ANY_TYPE));
    }

    /// A name that an attribute of a schema refers to.
    fn reference(&self, node: &Node, document: &Document, text: &str) -> Result<Name, Fault> {
        let text = text.trim();
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        let namespace = match node.namespace_of(prefix) {
            Some(namespace) => namespace,
            None if prefix.is_empty() => Str::from(""),
            None => {
                return Err(document.fault(node, format!("'{prefix}' is an undeclared prefix.")));
            }
        };
        let namespace = if namespace.is_empty() && document.chameleon {
            document.target.clone()
        } else {
            namespace
        };
        Ok(Name {
            namespace,
            local: local.into(),
        })
    }

    /// A part under a name; in a redefinition its own name means what is redefined.
    fn meant(&self, name: &Name) -> Name {
        match &self.redefining {
            Some(own) if own == name => redefined(name),
            _ => name.clone(),
        }
    }

    /// Whether a base is not yet made of too many others.
    fn shallow(&self, base: Type, node: &Node, document: &Document) -> Result<(), Fault> {
        let mut at = Some(base);
        for _ in 0..MAX_NESTED {
            at = match at {
                Some(Type::Complex(ANY_TYPE)) | None => return Ok(()),
                Some(Type::Complex(complex)) => {
                    self.model.complexes.get(complex).and_then(|c| c.base)
                }
                Some(Type::Simple(simple)) => {
                    let base = self.model.simples.get(simple).and_then(|s| s.base);
                    base.map(Type::Simple)
                }
            };
        }
        Err(document.fault(
            node,
            format!("Types are derived from each other more than {MAX_NESTED} deep."),
        ))
    }

    fn deeper(&mut self, document: &Document, node: &Node) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_NESTED {
            return Err(document.fault(
                node,
                format!("Types and groups are made of each other more than {MAX_NESTED} deep."),
            ));
        }
        Ok(())
    }

    /// The type of a name.
    fn type_named(&mut self, name: &Name) -> Result<Type, Fault> {
        if let Some(known) = self.model.global_types.get(name) {
            return Ok(*known);
        }
        let Some(raw) = self.parts.types.get(name).cloned() else {
            return Err(format!("Type '{}' is not declared.", shown(name)));
        };
        if !self.open.insert(name.clone()) {
            return Err(raw.document.fault(&raw.node, "Circular type reference."));
        }
        self.deeper(&raw.document, &raw.node)?;
        let outer = std::mem::replace(&mut self.redefining, raw.redefines.then(|| name.clone()));
        // What was redefined keeps its name in messages.
        let said = Name {
            namespace: name.namespace.clone(),
            local: name.local.trim_end_matches('\u{0}').into(),
        };
        let simple = super::load::local(&raw.node).as_deref() == Some("simpleType");
        let ty = if simple {
            Type::Simple(self.simple(&raw.node, &raw.document, Some(said))?)
        } else {
            Type::Complex(self.complex(&raw.node, &raw.document, Some(said))?)
        };
        self.redefining = outer;
        self.depth -= 1;
        self.open.remove(name);
        self.model.global_types.insert(name.clone(), ty);
        Ok(ty)
    }

    /// The element of a name; its type follows.
    fn element_named(&mut self, name: &Name) -> Result<usize, Fault> {
        if let Some(known) = self.model.global_elements.get(name) {
            return Ok(*known);
        }
        let Some(raw) = self.parts.elements.get(name).cloned() else {
            return Err(format!("The '{}' element is not declared.", shown(name)));
        };
        let at = self.element(&raw.node, &raw.document, name.clone())?;
        if let Some(head) = attribute(&raw.node, "substitutionGroup") {
            let head = self.reference(&raw.node, &raw.document, &head)?;
            if !self.parts.elements.contains_key(&head) {
                return Err(raw.document.fault(
                    &raw.node,
                    format!(
                        "Substitution group refers to '{}', an undeclared element.",
                        shown(&head)
                    ),
                ));
            }
            self.model.elements[at].head = Some(head);
        }
        self.model.global_elements.insert(name.clone(), at);
        Ok(at)
    }

    /// A declaration, whose type waits.
    fn element(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
        name: Name,
    ) -> Result<usize, Fault> {
        let at = self.model.elements.len();
        let block = attribute(node, "block");
        let (fixed, default) = (attribute(node, "fixed"), attribute(node, "default"));
        if fixed.is_some() && default.is_some() {
            return Err(document.fault(
                node,
                "The fixed and default attributes cannot both be present.",
            ));
        }
        let mut constraints = Vec::new();
        for (kind, part) in children(node) {
            let kind = match &*kind {
                "key" => Kind::Key,
                "unique" => Kind::Unique,
                "keyref" => Kind::KeyRef,
                _ => continue,
            };
            constraints.push(self.constraint(kind, &part, document)?);
        }
        self.model.elements.push(Element {
            name,
            ty: Type::Complex(ANY_TYPE),
            nillable: yes(node, "nillable"),
            is_abstract: yes(node, "abstract"),
            fixed,
            default,
            block: ways(block.as_deref().unwrap_or(&document.block)),
            constraints,
            head: None,
        });
        self.waiting.push((at, node.clone(), document.clone()));
        Ok(at)
    }

    fn type_of_element(&mut self, node: &Rc<Node>, document: &Rc<Document>) -> Result<Type, Fault> {
        if let Some(name) = attribute(node, "type") {
            let name = self.reference(node, document, &name)?;
            return self
                .type_named(&name)
                .map_err(|why| self.placed(why, node, document));
        }
        for (kind, part) in children(node) {
            match &*kind {
                "simpleType" => return Ok(Type::Simple(self.simple(&part, document, None)?)),
                "complexType" => return Ok(Type::Complex(self.complex(&part, document, None)?)),
                "key" | "unique" | "keyref" => {}
                other => {
                    return Err(document.fault(
                        &part,
                        format!("The '{XS}:{other}' element is not supported in this context."),
                    ));
                }
            }
        }
        Ok(Type::Complex(ANY_TYPE))
    }

    /// A message with a place, if it has none.
    fn placed(&self, why: String, node: &Node, document: &Document) -> String {
        if why.contains(" Line ") {
            why
        } else {
            document.fault(node, why)
        }
    }

    /// Default and fixed values must be values of the type.
    fn check_values(
        &self,
        at: usize,
        node: &Rc<Node>,
        document: &Rc<Document>,
    ) -> Result<(), Fault> {
        let element = &self.model.elements[at];
        let simple = match element.ty {
            Type::Simple(simple) => Some(simple),
            Type::Complex(complex) => match &self.model.complexes[complex].content {
                Content::Simple(simple) => Some(*simple),
                _ => None,
            },
        };
        for (said, what) in [(&element.fixed, "fixed"), (&element.default, "default")] {
            let (Some(text), Some(simple)) = (said, simple) else {
                continue;
            };
            let all = &self.model.simples;
            if let Err(why) = all[simple].value(all, text, Some(node)) {
                return Err(document.fault(
                    node,
                    format!(
                        "The {what} value '{text}' of the element '{}' is invalid - {why}",
                        element.name.local
                    ),
                ));
            }
        }
        Ok(())
    }

    /// An element without a type of its own has that of its head.
    fn inherit_types(&mut self) -> Result<(), Fault> {
        let names: Vec<Name> = self.model.global_elements.keys().cloned().collect();
        for name in names {
            let mut at = name.clone();
            let mut steps = 0;
            let ty = loop {
                let Some(raw) = self.parts.elements.get(&at) else {
                    break None;
                };
                let own = attribute(&raw.node, "type").is_some()
                    || children(&raw.node)
                        .iter()
                        .any(|(k, _)| matches!(&**k, "simpleType" | "complexType"));
                let place = self.model.global_elements.get(&at).copied();
                let head = place.and_then(|p| self.model.elements[p].head.clone());
                match head {
                    Some(head) if !own => at = head,
                    _ => break place.map(|p| self.model.elements[p].ty),
                }
                steps += 1;
                if steps > MAX_NESTED {
                    return Err(format!(
                        "Circular substitution group affiliation of '{}'.",
                        shown(&name)
                    ));
                }
            };
            if let (Some(ty), Some(place)) = (ty, self.model.global_elements.get(&name)) {
                self.model.elements[*place].ty = ty;
            }
        }
        Ok(())
    }

    /// Who may stand for whom.
    fn substitutions(&mut self) {
        let mut names: Vec<Name> = self.model.global_elements.keys().cloned().collect();
        names.sort_by_key(|n| (n.namespace.clone(), n.local.clone()));
        for name in names {
            let Some(member) = self.model.global_elements.get(&name).copied() else {
                continue;
            };
            let mut head = self.model.elements[member].head.clone();
            let mut steps = 0;
            while let Some(at) = head.and_then(|h| self.model.global_elements.get(&h).copied()) {
                if self.model.elements[at].block & SUBSTITUTION == 0 {
                    self.model.members.entry(at).or_default().push(member);
                }
                head = self.model.elements[at].head.clone();
                steps += 1;
                if steps > MAX_NESTED {
                    break;
                }
            }
        }
    }

    fn constraint(
        &self,
        kind: Kind,
        node: &Rc<Node>,
        document: &Rc<Document>,
    ) -> Result<Constraint, Fault> {
        let Some(local) = attribute(node, "name") else {
            return Err(document.fault(node, "The required attribute 'name' is missing."));
        };
        let refer = match (kind, attribute(node, "refer")) {
            (Kind::KeyRef, Some(refer)) => Some(self.reference(node, document, &refer)?),
            (Kind::KeyRef, None) => {
                return Err(document.fault(node, "The required attribute 'refer' is missing."));
            }
            _ => None,
        };
        let (mut selector, mut fields) = (None, Vec::new());
        for (kind, part) in children(node) {
            let Some(path) = attribute(&part, "xpath") else {
                return Err(document.fault(&part, "The required attribute 'xpath' is missing."));
            };
            let field = &*kind == "field";
            let paths = super::identity::parse(&path, &part, field)
                .map_err(|why| document.fault(&part, why))?;
            if field {
                fields.push(paths);
            } else {
                selector = Some(paths);
            }
        }
        let (Some(selector), false) = (selector, fields.is_empty()) else {
            return Err(
                document.fault(node, "An identity constraint needs a selector and a field.")
            );
        };
        Ok(Constraint {
            kind,
            name: Name {
                namespace: document.target.clone(),
                local,
            },
            refer,
            selector,
            fields,
        })
    }

    /// Every reference of a keyref must be there.
    fn constraints(&self) -> Result<(), Fault> {
        let all = self.model.elements.iter().flat_map(|e| &e.constraints);
        let names: HashSet<&Name> = all
            .clone()
            .filter(|c| c.kind != Kind::KeyRef)
            .map(|c| &c.name)
            .collect();
        for constraint in all {
            if let Some(refer) = &constraint.refer
                && !names.contains(refer)
            {
                return Err(format!(
                    "The '{}' identity constraint is not declared.",
                    shown(refer)
                ));
            }
        }
        Ok(())
    }
}
