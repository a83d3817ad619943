//! `xs:simpleType`: restrictions, lists and unions.

use super::{ANY_SIMPLE, Compiler, Fault, attribute, children, shown};
use crate::value::Str;
use crate::value::xml::{Name, Node};
use crate::xsd::builtin::{self, Kind, Space};
use crate::xsd::content::Content;
use crate::xsd::load::Document;
use crate::xsd::model::Type;
use crate::xsd::simple::{Facets, Simple, Variety, check_pattern, translated};
use std::rc::Rc;

impl Compiler {
    /// The simple type of a name.
    pub(super) fn simple_named(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
        text: &str,
    ) -> Result<usize, Fault> {
        let name = self.reference(node, document, text)?;
        let name = self.meant(&name);
        let found = self
            .type_named(&name)
            .map_err(|why| self.placed(why, node, document))?;
        match found {
            Type::Simple(simple) => Ok(simple),
            Type::Complex(complex) => match &self.model.complexes[complex].content {
                Content::Simple(simple) => Ok(*simple),
                _ => Err(document.fault(node, format!("'{}' is no simple type.", shown(&name)))),
            },
        }
    }

    pub(super) fn simple(
        &mut self,
        node: &Rc<Node>,
        document: &Rc<Document>,
        name: Option<Name>,
    ) -> Result<usize, Fault> {
        self.deeper(document, node)?;
        let Some((kind, part)) = children(node).into_iter().next() else {
            return Err(document.fault(
                node,
                "A simple type needs 'restriction', 'list' or 'union'.",
            ));
        };
        let inner = |c: &mut Self, part: &Rc<Node>| -> Result<Vec<usize>, Fault> {
            let mut all = Vec::new();
            for (kind, inner) in children(part) {
                if &*kind == "simpleType" {
                    all.push(c.simple(&inner, document, None)?);
                }
            }
            Ok(all)
        };
        let made = match &*kind {
            "restriction" => {
                let base = match attribute(&part, "base") {
                    Some(base) => self.simple_named(&part, document, &base)?,
                    None => match inner(self, &part)?.first() {
                        Some(base) => *base,
                        None => return Err(document.fault(&part, "A restriction needs a base.")),
                    },
                };
                self.restricted(base, &part, document, name)?
            }
            "list" => {
                let item = match attribute(&part, "itemType") {
                    Some(item) => self.simple_named(&part, document, &item)?,
                    None => match inner(self, &part)?.first() {
                        Some(item) => *item,
                        None => return Err(document.fault(&part, "A list needs a type of items.")),
                    },
                };
                self.add(Simple {
                    name,
                    base: Some(ANY_SIMPLE),
                    variety: Variety::List(item),
                    space: Space::Collapse,
                    facets: Facets::default(),
                })
            }
            "union" => {
                let mut members = Vec::new();
                let named = attribute(&part, "memberTypes").unwrap_or_else(|| Str::from(""));
                for member in named.split_ascii_whitespace() {
                    members.push(self.simple_named(&part, document, member)?);
                }
                members.extend(inner(self, &part)?);
                self.add(Simple {
                    name,
                    base: Some(ANY_SIMPLE),
                    variety: Variety::Union(members),
                    space: Space::Preserve,
                    facets: Facets::default(),
                })
            }
            other => {
                return Err(document.fault(
                    &part,
                    format!(
                        "The '{}:{other}' element is not supported in this context.",
                        builtin::XS
                    ),
                ));
            }
        };
        self.depth -= 1;
        Ok(made)
    }

    pub(super) fn add(&mut self, simple: Simple) -> usize {
        self.model.simples.push(simple);
        self.model.simples.len() - 1
    }

    /// A base with the facets that stand in a restriction.
    pub(super) fn restricted(
        &mut self,
        base: usize,
        node: &Rc<Node>,
        document: &Rc<Document>,
        name: Option<Name>,
    ) -> Result<usize, Fault> {
        self.shallow(Type::Simple(base), node, document)?;
        let of = self.model.simples[base].clone();
        let mut simple = Simple {
            name,
            base: Some(base),
            ..of.clone()
        };
        let mut patterns = Vec::new();
        let mut enumeration = Vec::new();
        for (facet, part) in children(node) {
            if matches!(
                &*facet,
                "simpleType" | "attribute" | "attributeGroup" | "anyAttribute"
            ) {
                continue;
            }
            let Some(text) = attribute(&part, "value") else {
                return Err(document.fault(&part, "The required attribute 'value' is missing."));
            };
            let shown = facet_name(&facet);
            let invalid = |why: &str| {
                document.fault(
                    &part,
                    format!("The {shown} constraining facet is invalid - {why}"),
                )
            };
            if !applies(&of, &facet) {
                return Err(document.fault(
                    &part,
                    format!(
                        "The {shown} constraining facet is prohibited for '{}'.",
                        of.code(&self.model.simples)
                    ),
                ));
            }
            let count = || {
                text.trim().parse::<usize>().map_err(|_| {
                    invalid(&format!(
                        "The string '{text}' is not a valid Integer value."
                    ))
                })
            };
            let facets = &mut simple.facets;
            match &*facet {
                "length" => facets.length = Some(count()?),
                "minLength" => facets.min_length = Some(count()?),
                "maxLength" => facets.max_length = Some(count()?),
                "totalDigits" => facets.total_digits = Some(count()?),
                "fractionDigits" => facets.fraction_digits = Some(count()?),
                "whiteSpace" => {
                    simple.space = match text.trim() {
                        "preserve" => Space::Preserve,
                        "replace" => Space::Replace,
                        "collapse" => Space::Collapse,
                        other => return Err(invalid(&format!("'{other}' is an invalid value."))),
                    };
                }
                "pattern" => {
                    let pattern = Str::from(translated(&text));
                    check_pattern(&pattern).map_err(|why| invalid(&why))?;
                    patterns.push(pattern);
                }
                "enumeration" | "minInclusive" | "maxInclusive" | "minExclusive"
                | "maxExclusive" => {
                    let value = of
                        .value(&self.model.simples, &text, Some(&part))
                        .map_err(|why| invalid(&why))?;
                    match &*facet {
                        "enumeration" => enumeration.push(value),
                        "minInclusive" => facets.min_inclusive = Some(value),
                        "maxInclusive" => facets.max_inclusive = Some(value),
                        "minExclusive" => facets.min_exclusive = Some(value),
                        _ => facets.max_exclusive = Some(value),
                    }
                }
                other => {
                    return Err(document.fault(
                        &part,
                        format!(
                            "The '{}:{other}' element is not supported in this context.",
                            builtin::XS
                        ),
                    ));
                }
            }
        }
        if !patterns.is_empty() {
            simple.facets.patterns.push(patterns);
        }
        if !enumeration.is_empty() {
            simple.facets.enumeration = Some(enumeration);
        }
        Ok(self.add(simple))
    }
}

/// As messages have it.
fn facet_name(facet: &str) -> String {
    let mut chars = facet.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// Whether a type may have a facet.
fn applies(simple: &Simple, facet: &str) -> bool {
    let lengths = matches!(facet, "length" | "minLength" | "maxLength");
    let bounds = matches!(
        facet,
        "minInclusive" | "maxInclusive" | "minExclusive" | "maxExclusive"
    );
    let digits = matches!(facet, "totalDigits" | "fractionDigits");
    let Some(kind) = simple.kind().map(|b| b.kind) else {
        return match &simple.variety {
            Variety::Union(_) => matches!(facet, "pattern" | "enumeration"),
            _ => !bounds && !digits,
        };
    };
    let ordered = matches!(
        kind,
        Kind::Decimal
            | Kind::Integer(..)
            | Kind::Whole(..)
            | Kind::Float(_)
            | Kind::Duration
            | Kind::DateTime
            | Kind::Time
            | Kind::Date
            | Kind::YearMonth
            | Kind::Year
            | Kind::MonthDay
            | Kind::Day
            | Kind::Month
    );
    let decimal = matches!(kind, Kind::Decimal | Kind::Integer(..) | Kind::Whole(..));
    if lengths {
        return !ordered && kind != Kind::Boolean;
    }
    (!bounds || ordered) && (!digits || decimal)
}
