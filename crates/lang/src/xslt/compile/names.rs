//! Expressions, patterns, value templates and names of a stylesheet.
//!
//! What must stay true: in a compiled expression each prefix is its namespace, each variable its place, and each name that
//! a function is given as a literal is written `{namespace}local`.

use super::super::functions;
use super::super::pattern::Pattern;
use super::source::{At, split};
use super::{
    Compiler, EXSLT, Expr, GLOBAL, MICROSOFT, NOT_SERVED, Part, SYNTAX, Template, UNKNOWN, XSLT,
};
use crate::Span;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::nearest::nearest;
use crate::document::Attribute;
use crate::expr::table::xml::xpath::{self, Origin, Step, Test};
use crate::value::Str;
use crate::value::xml::{Name, is_name};

impl<'d> Compiler<'d, '_> {
    /// A name of the stylesheet: without a prefix it has no namespace.
    pub(super) fn qualified(&mut self, at: &At<'d>, written: &str, span: Span) -> Option<Name> {
        let written = written.trim();
        let (prefix, local) = split(written);
        if !is_name(local) || (written.contains(':') && !is_name(prefix)) {
            self.fault(
                SYNTAX,
                span,
                format!("`{written}` is no name"),
                "expected a name of XML",
            );
            return None;
        }
        let namespace = if prefix.is_empty() {
            Some(Str::from(""))
        } else {
            at.namespace(prefix)
        };
        let Some(namespace) = namespace else {
            self.undeclared(prefix, span);
            return None;
        };
        Some(Name {
            namespace,
            local: Str::from(local),
        })
    }

    pub(super) fn undeclared(&mut self, prefix: &str, span: Span) {
        self.fault(
            SYNTAX,
            span,
            format!("the prefix `{prefix}` is not declared"),
            "expected `xmlns` for it on this element or one around it",
        );
    }

    /// The name that an attribute gives.
    pub(super) fn name_of(&mut self, at: &At<'d>, attribute: &'d Attribute) -> Option<Name> {
        if !self.literal_value(attribute) {
            return None;
        }
        self.qualified(at, &attribute.value.text, attribute.value.span)
    }

    /// An attribute as an expression.
    pub(super) fn select(&mut self, at: &At<'d>, attribute: &'d Attribute) -> Option<Expr> {
        if !self.literal_value(attribute) {
            return None;
        }
        self.expression(at, &attribute.value.text, attribute.value.span)
    }

    pub(super) fn expression(&mut self, at: &At<'d>, text: &str, span: Span) -> Option<Expr> {
        match xpath::parse_extended(text) {
            Ok(mut expr) => self.resolve(at, &mut expr, span).then_some(expr),
            Err(why) => {
                self.fault(
                    SYNTAX,
                    span,
                    why.trim_end_matches('.'),
                    "expected an XPath expression",
                );
                None
            }
        }
    }

    pub(super) fn pattern(&mut self, at: &At<'d>, text: &str, span: Span) -> Option<Pattern> {
        let expr = self.expression(at, text, span)?;
        let pattern = Pattern::of(expr);
        if pattern.is_none() {
            self.fault(
                SYNTAX,
                span,
                format!("`{text}` is no pattern"),
                "expected steps of children, attributes and `//`, or `key()` and `id()`, joined by `|`",
            );
        }
        pattern
    }

    /// A value with expressions in braces.
    pub(super) fn template(&mut self, at: &At<'d>, attribute: &'d Attribute) -> Option<Template> {
        if !self.literal_value(attribute) {
            return None;
        }
        let (text, span) = (&*attribute.value.text, attribute.value.span);
        if !text.contains(['{', '}']) {
            return Some(Template::Literal(Str::from(text)));
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if rest.starts_with("{{") || rest.starts_with("}}") {
                literal.push(c);
                rest = &rest[2..];
            } else if c == '}' {
                self.fault(
                    SYNTAX,
                    span,
                    "a `}` that closes nothing",
                    "expected `}}` for a brace as text",
                );
                return None;
            } else if c == '{' {
                let Some(end) = closing(&rest[1..]) else {
                    self.fault(
                        SYNTAX,
                        span,
                        "a `{` that is not closed",
                        "expected `}` after the expression",
                    );
                    return None;
                };
                if !literal.is_empty() {
                    parts.push(Part::Text(Str::from(std::mem::take(&mut literal))));
                }
                parts.push(Part::Expr(self.expression(at, &rest[1..=end], span)?));
                rest = &rest[end + 2..];
            } else {
                literal.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        if parts.is_empty() {
            return Some(Template::Literal(Str::from(literal)));
        }
        if !literal.is_empty() {
            parts.push(Part::Text(Str::from(literal)));
        }
        Some(Template::Parts(parts))
    }

    /// Puts namespaces for prefixes, places for variables. The parser bounds the depth.
    fn resolve(&mut self, at: &At<'d>, expr: &mut Expr, span: Span) -> bool {
        match expr {
            Expr::Text(_) | Expr::Number(_) => true,
            Expr::Variable(written, place) => {
                let Some(name) = self.qualified(at, written, span) else {
                    return false;
                };
                if let Some((_, slot)) = self.locals.iter().rev().find(|(n, _)| *n == name) {
                    *place = *slot;
                } else if let Some(global) = self.globals.get(&name) {
                    *place = GLOBAL | *global;
                    if !self.names.contains(global) {
                        self.names.push(*global);
                    }
                } else {
                    let known: Vec<Str> =
                        self.locals.iter().map(|(n, _)| n.local.clone()).collect();
                    let fault = Diagnostic::error(
                        UNKNOWN,
                        span,
                        format!("there is no variable `${written}` here"),
                    )
                    .label("expected a variable or parameter of the template before this, or of the stylesheet");
                    let all = known.iter().map(|k| &**k);
                    let globals = self.globals.keys().map(|n| &*n.local);
                    let fault = match nearest(&name.local, all.chain(globals)) {
                        Some(near) => fault.help(format!("did you mean `${near}`?")),
                        None => fault,
                    };
                    self.report(fault);
                    return false;
                }
                true
            }
            Expr::Negate(of) => self.resolve(at, of, span),
            Expr::Binary(_, a, b) => {
                let left = self.resolve(at, a, span);
                self.resolve(at, b, span) && left
            }
            Expr::Call(name, args) => {
                let mut fine = true;
                for arg in args.iter_mut() {
                    fine &= self.resolve(at, arg, span);
                }
                fine && self.function(at, name, args, span)
            }
            Expr::Path {
                from,
                filters,
                steps,
            } => {
                let mut fine = match from {
                    Origin::Expr(e) => self.resolve(at, e, span),
                    Origin::Context | Origin::Root => true,
                };
                for filter in filters {
                    fine &= self.resolve(at, filter, span);
                }
                for step in steps {
                    fine &= self.step(at, step, span);
                }
                fine
            }
        }
    }

    fn step(&mut self, at: &At<'d>, step: &mut Step, span: Span) -> bool {
        let prefix = match &mut step.test {
            Test::Prefixed(prefix) | Test::Name(Some(prefix), _) => Some(prefix),
            _ => None,
        };
        let mut fine = true;
        if let Some(prefix) = prefix {
            match at.namespace(prefix) {
                Some(namespace) => *prefix = namespace.to_string(),
                None => {
                    self.undeclared(&prefix.clone(), span);
                    fine = false;
                }
            }
        }
        for filter in &mut step.filters {
            fine &= self.resolve(at, filter, span);
        }
        fine
    }

    /// A call: whether the function is there and takes as much; names in literals are resolved.
    fn function(&mut self, at: &At<'d>, name: &mut String, args: &mut [Expr], span: Span) -> bool {
        if xpath::is_core(name) {
            return true;
        }
        let (prefix, local) = split(name);
        if !prefix.is_empty() {
            let Some(namespace) = at.namespace(prefix) else {
                self.undeclared(prefix, span);
                return false;
            };
            if matches!(&*namespace, MICROSOFT | EXSLT) && local == "node-set" {
                *name = String::from("node-set");
            } else if at.forwards {
                *name = format!("{{{namespace}}}{local}");
                return true;
            } else {
                self.report(
                    Diagnostic::error(
                        NOT_SERVED,
                        span,
                        format!("the function `{name}()` is not served"),
                    )
                    .label("expected a function of XPath 1.0 or XSLT 1.0, or `node-set()`")
                    .help("scripts and objects of .NET do not run here: compute the value in an expression, and pass it in with `<parameter>`"),
                );
                return false;
            }
        }
        if name == "document" {
            self.report(
                Diagnostic::error(NOT_SERVED, span, "`document()` is not served")
                    .label("a transformation reads its body alone")
                    .help("fetch the document with `send-request`, and pass what is needed of it in with `<parameter>`"),
            );
            return false;
        }
        let Some((least, most)) = functions::arguments(name) else {
            if at.forwards {
                return true;
            }
            let near = nearest(name, functions::names());
            let fault =
                Diagnostic::error(UNKNOWN, span, format!("there is no function `{name}()`"))
                    .label("expected a function of XPath 1.0 or XSLT 1.0");
            self.report(match near {
                Some(near) => fault.help(format!("did you mean `{near}()`?")),
                None => fault,
            });
            return false;
        };
        if args.len() < least || args.len() > most {
            self.fault(
                SYNTAX,
                span,
                format!("`{name}()` cannot have {} arguments", args.len()),
                &if least == most {
                    format!("expected {least}")
                } else {
                    format!("expected {least} to {most}")
                },
            );
            return false;
        }
        let named = match name.as_str() {
            "key" | "system-property" | "function-available" | "element-available" => {
                args.first_mut()
            }
            "format-number" => args.get_mut(2),
            _ => None,
        };
        let kind = name.clone();
        let Some(Expr::Text(text)) = named else {
            return true;
        };
        if kind == "function-available" || kind == "element-available" {
            // What is not declared is not there.
            let (prefix, local) = split(text);
            let default = kind == "element-available";
            let namespace = if prefix.is_empty() && !default {
                Some(Str::from(""))
            } else {
                at.namespace(prefix)
                    .or((prefix.is_empty()).then(|| Str::from("")))
            };
            *text = format!("{{{}}}{local}", namespace.as_deref().unwrap_or("?"));
            return true;
        }
        let Some(found) = self.qualified(at, text, span) else {
            return false;
        };
        let known = match kind.as_str() {
            "key" => self.keys.contains(&found),
            "format-number" => self.program.formats.contains_key(&found),
            _ => true,
        };
        if !known {
            let (what, remedy) = if kind == "key" {
                ("key", "expected the `name` of an `xsl:key`")
            } else {
                (
                    "decimal format",
                    "expected the `name` of an `xsl:decimal-format`",
                )
            };
            self.fault(
                UNKNOWN,
                span,
                format!("there is no {what} `{text}`"),
                remedy,
            );
            return false;
        }
        *text = format!("{{{}}}{}", found.namespace, found.local);
        true
    }

    /// Whether a name is of XSLT's own namespace, which a stylesheet cannot give to its parts.
    pub(super) fn reserved(&mut self, name: &Name, span: Span) -> bool {
        let reserved = &*name.namespace == XSLT;
        if reserved {
            self.fault(
                SYNTAX,
                span,
                format!("`{}` is a name of XSLT's own namespace", name.local),
                "expected a name without a prefix, or of a namespace of yours",
            );
        }
        reserved
    }
}

/// Where the brace closes that is open; braces in literals do not count.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    for (i, c) in text.char_indices() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c == '}' => return Some(i),
            None => {}
        }
    }
    None
}
