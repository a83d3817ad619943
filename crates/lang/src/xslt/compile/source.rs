//! The elements of a stylesheet with their names resolved, and their children without the white space that does not
//! count (XSLT 1.0, section 3.4).

use super::super::ir::Prefixes;
use super::{Compiler, EXPRESSION, SYNTAX, XSLT};
use crate::document::{Attribute, Element, Node, Text, TextKind};
use crate::value::Str;
use crate::value::xml::{Name, XML, is_name};
use std::sync::Arc;

/// What a prefix means from an element on.
#[derive(Debug)]
pub(super) struct Scope {
    prefix: Str,
    namespace: Str,
    /// How deep the element stands that declares it.
    level: usize,
    up: Option<Arc<Scope>>,
}

/// An element, and what is known of where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<'d> {
    pub(super) element: &'d Element,
    pub(super) name: Name,
    pub(super) prefix: Str,
    pub(super) scope: Option<Arc<Scope>>,
    /// How many elements it stands in.
    level: usize,
    /// White space is kept (`xml:space`).
    preserve: bool,
    /// Forwards-compatible mode (section 2.5).
    pub(super) forwards: bool,
    /// Namespaces that are not written to the result.
    pub(super) excluded: Arc<[Str]>,
}

pub(super) enum Child<'d> {
    Element(At<'d>),
    Text(&'d Text),
}

/// The prefix of a name as written, and what is behind it.
pub(super) fn split(written: &str) -> (&str, &str) {
    written.split_once(':').unwrap_or(("", written))
}

impl<'d> At<'d> {
    /// The root of a stylesheet.
    pub(super) fn root(element: &'d Element, c: &mut Compiler<'d, '_>) -> Option<At<'d>> {
        At::of(
            element,
            &At {
                element,
                name: super::plain(""),
                prefix: Str::from(""),
                scope: None,
                level: 0,
                preserve: false,
                forwards: false,
                excluded: Arc::from([]),
            },
            c,
        )
    }

    fn of(element: &'d Element, above: &At<'d>, c: &mut Compiler<'d, '_>) -> Option<At<'d>> {
        let mut at = At {
            element,
            scope: above.scope.clone(),
            excluded: above.excluded.clone(),
            level: above.level + 1,
            ..above.clone()
        };
        for attribute in &element.attributes {
            let prefix = match &*attribute.name {
                "xmlns" => "",
                name => match name.strip_prefix("xmlns:") {
                    Some(prefix) => prefix,
                    None => continue,
                },
            };
            if !c.literal_value(attribute) {
                return None;
            }
            at.scope = Some(Arc::new(Scope {
                prefix: Str::from(prefix),
                namespace: Str::from(attribute.value.text.trim()),
                level: at.level,
                up: at.scope.take(),
            }));
        }
        let (prefix, local) = split(&element.name);
        let Some(namespace) = at
            .namespace(prefix)
            .or((prefix.is_empty()).then(|| Str::from("")))
        else {
            c.fault(
                SYNTAX,
                element.name_span,
                format!("the prefix `{prefix}` is not declared"),
                "expected `xmlns` for it on this element or one around it",
            );
            return None;
        };
        if !is_name(local) {
            c.fault(
                SYNTAX,
                element.name_span,
                format!("`{}` is no name", element.name),
                "expected a name of XML",
            );
            return None;
        }
        at.name = Name {
            namespace,
            local: Str::from(local),
        };
        at.prefix = Str::from(prefix);
        match element.attribute("xml:space").map(|a| a.value.text.trim()) {
            Some("preserve") => at.preserve = true,
            Some(_) => at.preserve = false,
            None => {}
        }
        let own = &*at.name.namespace == XSLT;
        let version = if own && (at.is("stylesheet") || at.is("transform")) {
            at.attribute("version")
        } else if own {
            None
        } else {
            at.xslt_attribute("version")
        };
        if let Some(version) = version {
            at.forwards = version.value.text.trim() != "1.0";
        }
        at.exclude(own, c);
        Some(at)
    }

    /// `exclude-result-prefixes` and `extension-element-prefixes`.
    fn exclude(&mut self, own: bool, c: &mut Compiler<'d, '_>) {
        let mut more: Vec<Str> = Vec::new();
        for name in ["exclude-result-prefixes", "extension-element-prefixes"] {
            let attribute = if own {
                self.attribute(name)
            } else {
                self.xslt_attribute(name)
            };
            let Some(attribute) = attribute else { continue };
            for prefix in attribute.value.text.split_ascii_whitespace() {
                let wanted = if prefix == "#default" { "" } else { prefix };
                match self.namespace(wanted) {
                    Some(namespace) => more.push(namespace),
                    None => c.fault(
                        SYNTAX,
                        attribute.value.span,
                        format!("the prefix `{prefix}` is not declared"),
                        "expected `xmlns` for it on this element or one around it",
                    ),
                }
            }
        }
        if !more.is_empty() {
            more.extend(self.excluded.iter().cloned());
            self.excluded = more.into();
        }
    }

    /// What a prefix means here; the empty one means nothing without a declaration.
    pub(super) fn namespace(&self, prefix: &str) -> Option<Str> {
        if prefix == "xml" {
            return Some(Str::from(XML));
        }
        let mut at = self.scope.as_deref();
        while let Some(scope) = at {
            if &*scope.prefix == prefix {
                return Some(scope.namespace.clone());
            }
            at = scope.up.as_deref();
        }
        None
    }

    /// All that is declared here: that of the nearest element first, each in the order in which it stands.
    pub(super) fn prefixes(&self) -> Prefixes {
        let mut all: Vec<&Scope> = Vec::new();
        let mut at = self.scope.as_deref();
        while let Some(scope) = at {
            if !all.iter().any(|s| s.prefix == scope.prefix) {
                all.push(scope);
            }
            at = scope.up.as_deref();
        }
        all.reverse();
        all.sort_by_key(|s| std::cmp::Reverse(s.level));
        let pairs = all.into_iter();
        pairs
            .map(|s| (s.prefix.clone(), s.namespace.clone()))
            .collect()
    }

    /// Whether it is the element of XSLT with that name.
    pub(super) fn is(&self, local: &str) -> bool {
        &*self.name.namespace == XSLT && &*self.name.local == local
    }

    /// An attribute without a prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<&'d Attribute> {
        self.element.attribute(name)
    }

    /// An attribute of XSLT on a literal result element.
    pub(super) fn xslt_attribute(&self, local: &str) -> Option<&'d Attribute> {
        self.element.attributes.iter().find(|a| {
            let (prefix, name) = split(&a.name);
            name == local && !prefix.is_empty() && self.namespace(prefix).as_deref() == Some(XSLT)
        })
    }

    /// The children that count.
    pub(super) fn children(&self, c: &mut Compiler<'d, '_>) -> Vec<Child<'d>> {
        let keeps = self.preserve || self.is("text");
        let mut out = Vec::new();
        for node in &self.element.children {
            match node {
                Node::Element(element) => {
                    out.extend(At::of(element, self, c).map(Child::Element));
                }
                Node::Text(text) if text.kind != TextKind::Literal => {
                    c.fault(
                        EXPRESSION,
                        text.span,
                        "a policy expression cannot stand in a stylesheet",
                        "expected text; pass it in with `<parameter name=\"...\">` and `xsl:param`",
                    );
                }
                Node::Text(text) => {
                    let blank = text
                        .text
                        .bytes()
                        .all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
                    if keeps || !blank {
                        out.push(Child::Text(text));
                    }
                }
            }
        }
        out
    }
}

impl<'d> Compiler<'d, '_> {
    /// Whether an attribute is no policy expression; reported.
    pub(super) fn literal_value(&mut self, attribute: &Attribute) -> bool {
        let literal = attribute.value.kind == TextKind::Literal;
        if !literal {
            self.fault(
                EXPRESSION,
                attribute.value.span,
                "a policy expression cannot stand in a stylesheet",
                "expected text; pass it in with `<parameter name=\"...\">` and `xsl:param`",
            );
        }
        literal
    }
}
