//! The children of `xsl:stylesheet`: first all that has a name, then what names it.

use super::super::format_number::DecimalFormat;
use super::super::ir::{Block, Code, Given, Global, Key, Rule, SpaceRule};
use super::super::output::{Method, Output};
use super::super::pattern::Pattern;
use super::source::{At, Child};
use super::{
    CIRCLE, Compiler, MICROSOFT, NOT_SERVED, OTHER_FILE, SHAPE, TWICE, UNKNOWN, VALUE, XSLT, plain,
};
use crate::Span;
use crate::diagnostic::Diagnostic;
use crate::document::Attribute;
use crate::value::Str;
use crate::value::xml::Name;

impl<'d> Compiler<'d, '_> {
    pub(super) fn top_level(&mut self, root: &At<'d>) {
        let mut parts = Vec::new();
        for child in root.children(self) {
            match child {
                Child::Element(part) => parts.push(part),
                Child::Text(text) => self.fault(
                    SHAPE,
                    text.span,
                    "text between the parts of a stylesheet",
                    "expected elements",
                ),
            }
        }
        for part in &parts {
            self.declare(part);
        }
        // The more exact wins, then the later.
        let exact = |r: &SpaceRule| u8::from(r.namespace.is_some()) + u8::from(r.local.is_some());
        self.program.space.reverse();
        self.program
            .space
            .sort_by_key(|r| std::cmp::Reverse(exact(r)));
        for part in &parts {
            self.define(part);
        }
        self.attribute_sets();
        self.order_globals();
        self.arrange();
    }

    /// The name of a part; one that is not there is reported.
    fn named(&mut self, part: &At<'d>) -> Option<(Name, Span)> {
        let attribute = self.required(part, "name")?;
        let name = self.name_of(part, attribute)?;
        let span = attribute.value.span;
        (!self.reserved(&name, span)).then_some((name, span))
    }

    /// An attribute that has to be there.
    pub(super) fn required(&mut self, at: &At<'d>, name: &str) -> Option<&'d Attribute> {
        let found = at.attribute(name);
        if found.is_none() {
            self.fault(
                SHAPE,
                at.element.name_span,
                format!("`{}` needs the attribute `{name}`", at.element.name),
                "it is missing",
            );
        }
        found
    }

    fn twice(&mut self, what: &str, name: &Name, span: Span) {
        self.fault(
            TWICE,
            span,
            format!("there are two {what} `{}`", name.local),
            "expected another name",
        );
    }

    /// Notes what a part is called.
    fn declare(&mut self, part: &At<'d>) {
        if &*part.name.namespace != XSLT {
            if &*part.name.namespace == MICROSOFT && &*part.name.local == "script" {
                self.report(
                    Diagnostic::error(
                        NOT_SERVED,
                        part.element.name_span,
                        "scripts in a stylesheet are not served",
                    )
                    .label("code of another language does not run here")
                    .help("compute the value in a policy expression, and pass it in with `<parameter>`"),
                );
            } else if part.name.namespace.is_empty() {
                self.fault(
                    SHAPE,
                    part.element.name_span,
                    format!(
                        "`{}` cannot stand at the top of a stylesheet",
                        part.element.name
                    ),
                    "expected elements of XSLT, or of a namespace of yours",
                );
            }
            return;
        }
        match &*part.name.local {
            "import" | "include" => self.report(
                Diagnostic::error(
                    OTHER_FILE,
                    part.element.name_span,
                    format!("`{}` is not served", part.element.name),
                )
                .label("a stylesheet of a policy has no other files")
                .help("put the templates into this stylesheet"),
            ),
            "variable" | "param" => {
                if let Some((name, span)) = self.named(part) {
                    let next = self.program.globals.len();
                    if self.globals.insert(name.clone(), next).is_some() {
                        return self.twice("global variables", &name, span);
                    }
                    self.program.globals.push(Global {
                        name,
                        parameter: part.is("param"),
                        value: Given::Empty,
                        slots: 0,
                        needs: Vec::new(),
                    });
                }
            }
            "template" => {
                let next = self.program.templates.len();
                self.program.templates.push(Code {
                    body: Block::new(),
                    slots: 0,
                });
                if part.attribute("name").is_some()
                    && let Some((name, span)) = self.named(part)
                    && self.templates.insert(name.clone(), next).is_some()
                {
                    self.twice("templates", &name, span);
                }
            }
            "key" => {
                if let Some((name, _)) = self.named(part) {
                    self.keys.insert(name);
                }
            }
            "attribute-set" => {
                if let Some((name, _)) = self.named(part) {
                    let next = self.set_elements.len();
                    let at = *self.sets.entry(name).or_insert(next);
                    if at == next {
                        self.set_elements.push(Vec::new());
                    }
                    self.set_elements[at].push(part.clone());
                }
            }
            "decimal-format" => self.decimal_format(part),
            "namespace-alias" => self.alias(part),
            "output" => self.output(part),
            "strip-space" | "preserve-space" => self.space(part),
            _ if part.forwards => {}
            _ => self.fault(
                SHAPE,
                part.element.name_span,
                format!("`{}` cannot stand at the top of a stylesheet", part.element.name),
                "expected `xsl:template`, `xsl:variable`, `xsl:output` or another top-level element",
            ),
        }
    }

    /// Compiles what a part holds.
    fn define(&mut self, part: &At<'d>) {
        if &*part.name.namespace != XSLT {
            return;
        }
        match &*part.name.local {
            "variable" | "param" => {
                let at = part
                    .attribute("name")
                    .and_then(|a| self.name_of(part, a))
                    .and_then(|n| self.globals.get(&n).copied());
                let Some(at) = at else { return };
                self.slots = 0;
                self.names.clear();
                let value = self.scoped(|c| c.given(part));
                let (slots, names) = (
                    std::mem::take(&mut self.slots),
                    std::mem::take(&mut self.names),
                );
                if let Some(global) = self.program.globals.get_mut(at) {
                    global.value = value;
                    global.slots = slots;
                    global.needs = names;
                }
            }
            "template" => self.define_template(part),
            "key" => self.define_key(part),
            _ => {}
        }
    }

    fn define_template(&mut self, part: &At<'d>) {
        // The first that has no body yet is this one: parts come in the same order again.
        let at = self.defined;
        self.defined += 1;
        self.slots = 0;
        let body = self.scoped(|c| c.template_body(part));
        if let Some(code) = self.program.templates.get_mut(at) {
            code.body = body;
            code.slots = std::mem::take(&mut self.slots);
        }
        let mode = part.attribute("mode");
        let priority = part.attribute("priority").and_then(|a| {
            let parsed = crate::expr::table::xml::xpath::to_number(&a.value.text);
            if parsed.is_nan() {
                self.fault(
                    VALUE,
                    a.value.span,
                    "`priority` is no number",
                    "expected a number",
                );
            }
            (!parsed.is_nan()).then_some(parsed)
        });
        let mode_name = match mode {
            Some(attribute) => match self.name_of(part, attribute) {
                Some(name) => Some(name),
                None => return,
            },
            None => None,
        };
        match part.attribute("match") {
            Some(attribute) => {
                if !self.literal_value(attribute) {
                    return;
                }
                let mode = self.mode(mode_name);
                self.rule_in(
                    mode,
                    &attribute.value.text,
                    at,
                    priority,
                    part,
                    attribute.value.span,
                );
            }
            None => {
                if part.attribute("name").is_none() {
                    self.fault(
                        SHAPE,
                        part.element.name_span,
                        format!("`{}` has neither `match` nor `name`", part.element.name),
                        "expected one of them",
                    );
                }
                if mode.is_some() || priority.is_some() {
                    self.fault(
                        SHAPE,
                        part.element.name_span,
                        format!(
                            "`{}` has `mode` or `priority` without `match`",
                            part.element.name
                        ),
                        "expected `match` beside it",
                    );
                }
            }
        }
    }

    /// A rule of the mode without a name.
    pub(super) fn rule(
        &mut self,
        pattern: &str,
        template: usize,
        priority: Option<f64>,
        at: &At<'d>,
        span: Span,
    ) {
        self.rule_in(0, pattern, template, priority, at, span);
    }

    fn rule_in(
        &mut self,
        mode: usize,
        pattern: &str,
        template: usize,
        priority: Option<f64>,
        at: &At<'d>,
        span: Span,
    ) {
        let Some(pattern) = self.pattern(at, pattern, span) else {
            return;
        };
        // Each alternative is a rule of its own.
        for path in pattern.0 {
            let rule = Rule {
                priority: priority.unwrap_or_else(|| path.priority()),
                pattern: Pattern(vec![path]),
                template,
            };
            if let Some(mode) = self.program.modes.get_mut(mode) {
                mode.rules.push(rule);
            }
        }
    }

    fn define_key(&mut self, part: &At<'d>) {
        let (Some((name, _)), Some(matches), Some(using)) = (
            self.named(part),
            self.required(part, "match"),
            self.required(part, "use"),
        ) else {
            return;
        };
        if !self.literal_value(matches) {
            return;
        }
        let pattern = self.pattern(part, &matches.value.text, matches.value.span);
        let using = self.select(part, using);
        if let (Some(pattern), Some(using)) = (pattern, using) {
            self.program.keys.push(Key {
                name,
                pattern,
                using,
            });
        }
    }

    fn attribute_sets(&mut self) {
        let all = std::mem::take(&mut self.set_elements);
        let mut uses: Vec<Vec<usize>> = Vec::new();
        for parts in &all {
            self.slots = 0;
            let mut body = Block::new();
            let mut used = Vec::new();
            for part in parts {
                let sets = self.used_sets(part, part.attribute("use-attribute-sets"));
                used.extend(sets.iter().copied());
                body.extend(sets.into_iter().map(super::Instruction::UseSet));
                for child in part.children(self) {
                    match child {
                        Child::Element(child) if child.is("attribute") => {
                            self.instruction(&child, &mut body);
                        }
                        Child::Element(other) => self.fault(
                            SHAPE,
                            other.element.name_span,
                            format!("`{}` cannot stand in an attribute set", other.element.name),
                            "expected `xsl:attribute`",
                        ),
                        Child::Text(text) => self.fault(
                            SHAPE,
                            text.span,
                            "text in an attribute set",
                            "expected `xsl:attribute`",
                        ),
                    }
                }
            }
            uses.push(used);
            self.program.sets.push(Code {
                body,
                slots: std::mem::take(&mut self.slots),
            });
        }
        for (i, parts) in all.iter().enumerate() {
            if order(i, &uses).is_none()
                && let Some(part) = parts.first()
            {
                return self.fault(
                    CIRCLE,
                    part.element.name_span,
                    "an attribute set uses itself",
                    "expected sets that do not lead back here",
                );
            }
        }
    }

    /// The places of the sets that an attribute names.
    pub(super) fn used_sets(
        &mut self,
        at: &At<'d>,
        attribute: Option<&'d Attribute>,
    ) -> Vec<usize> {
        let mut out = Vec::new();
        let Some(attribute) = attribute.filter(|a| self.literal_value(a)) else {
            return out;
        };
        for written in attribute.value.text.split_ascii_whitespace() {
            let Some(name) = self.qualified(at, written, attribute.value.span) else {
                continue;
            };
            match self.sets.get(&name) {
                Some(set) => out.push(*set),
                None => self.fault(
                    UNKNOWN,
                    attribute.value.span,
                    format!("there is no attribute set `{written}`"),
                    "expected the `name` of an `xsl:attribute-set`",
                ),
            }
        }
        out
    }

    /// Puts what each global needs in an order in which it can be had.
    fn order_globals(&mut self) {
        let uses: Vec<Vec<usize>> = self
            .program
            .globals
            .iter()
            .map(|g| g.needs.clone())
            .collect();
        for i in 0..uses.len() {
            match order(i, &uses) {
                Some(mut all) => {
                    all.pop();
                    self.program.globals[i].needs = all;
                }
                None => {
                    let name = self.program.globals[i].name.local.clone();
                    let span = self.sheet;
                    return self.fault(
                        CIRCLE,
                        span,
                        format!("the variable `${name}` needs itself"),
                        "expected variables that do not lead back to themselves",
                    );
                }
            }
        }
    }

    fn output(&mut self, part: &At<'d>) {
        let mut output: Output = std::mem::take(&mut self.program.output);
        for attribute in &part.element.attributes {
            if !self.literal_value(attribute) {
                continue;
            }
            let (text, span) = (attribute.value.text.trim(), attribute.value.span);
            let yes = |c: &mut Self| match text {
                "yes" => Some(true),
                "no" => Some(false),
                _ => {
                    c.fault(
                        VALUE,
                        span,
                        format!("`{}` cannot be `{text}`", attribute.name),
                        "expected `yes` or `no`",
                    );
                    None
                }
            };
            match &*attribute.name {
                "method" => match text {
                    "xml" => output.method = Some(Method::Xml),
                    "html" => output.method = Some(Method::Html),
                    "text" => output.method = Some(Method::Text),
                    _ => self.fault(
                        VALUE,
                        span,
                        format!("`method` cannot be `{text}`"),
                        "expected `xml`, `html` or `text`",
                    ),
                },
                "indent" => output.indent = yes(self),
                "omit-xml-declaration" => output.omit_declaration = yes(self),
                "standalone" => output.standalone = yes(self),
                "encoding" => output.encoding = Some(Str::from(text)),
                "doctype-public" => output.doctype_public = Some(Str::from(text)),
                "doctype-system" => output.doctype_system = Some(Str::from(text)),
                "media-type" => output.media_type = Some(Str::from(text)),
                "version" => {}
                "cdata-section-elements" => {
                    for written in text.split_ascii_whitespace() {
                        // Here, unlike elsewhere, the default namespace counts.
                        let name = if written.contains(':') {
                            self.qualified(part, written, span)
                        } else {
                            Some(Name {
                                namespace: part.namespace("").unwrap_or_else(|| Str::from("")),
                                local: Str::from(written),
                            })
                        };
                        output.cdata.extend(name);
                    }
                }
                name if name.starts_with("xmlns") || name.contains(':') || part.forwards => {}
                name => {
                    let name = name.to_owned();
                    self.unknown_attribute(part, &name, attribute.name_span);
                }
            }
        }
        self.program.output = output;
    }

    pub(super) fn unknown_attribute(&mut self, at: &At<'d>, name: &str, span: Span) {
        self.fault(
            SHAPE,
            span,
            format!("`{}` has no attribute `{name}`", at.element.name),
            "unknown attribute",
        );
    }

    fn decimal_format(&mut self, part: &At<'d>) {
        let name = match part.attribute("name") {
            Some(_) => match self.named(part) {
                Some((name, _)) => name,
                None => return,
            },
            None => plain(""),
        };
        let mut format = DecimalFormat::default();
        for attribute in &part.element.attributes {
            if !self.literal_value(attribute) {
                continue;
            }
            let text = &*attribute.value.text;
            let place = match &*attribute.name {
                "decimal-separator" => &mut format.decimal_separator,
                "grouping-separator" => &mut format.grouping_separator,
                "minus-sign" => &mut format.minus,
                "percent" => &mut format.percent,
                "per-mille" => &mut format.per_mille,
                "zero-digit" => &mut format.zero,
                "digit" => &mut format.digit,
                "pattern-separator" => &mut format.pattern_separator,
                "infinity" => {
                    format.infinity = text.to_owned();
                    continue;
                }
                "NaN" => {
                    format.nan = text.to_owned();
                    continue;
                }
                "name" => continue,
                name if name.starts_with("xmlns") || name.contains(':') || part.forwards => {
                    continue;
                }
                name => {
                    let name = name.to_owned();
                    self.unknown_attribute(part, &name, attribute.name_span);
                    continue;
                }
            };
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => *place = c,
                _ => self.fault(
                    VALUE,
                    attribute.value.span,
                    format!("`{}` is no single character", attribute.name),
                    "expected one character",
                ),
            }
        }
        self.program.formats.insert(name, format);
    }

    fn alias(&mut self, part: &At<'d>) {
        let (Some(from), Some(to)) = (
            self.required(part, "stylesheet-prefix"),
            self.required(part, "result-prefix"),
        ) else {
            return;
        };
        let namespace = |c: &mut Self, attribute: &Attribute| {
            let written = attribute.value.text.trim();
            let prefix = if written == "#default" { "" } else { written };
            let found = part
                .namespace(prefix)
                .or(prefix.is_empty().then(|| Str::from("")));
            if found.is_none() {
                c.fault(
                    UNKNOWN,
                    attribute.value.span,
                    format!("the prefix `{written}` is not declared"),
                    "expected `xmlns` for it on this element or one around it",
                );
            }
            found.map(|n| (Str::from(prefix), n))
        };
        if let (Some((_, from)), Some(to)) = (namespace(self, from), namespace(self, to)) {
            self.aliases.insert(from, to);
        }
    }

    fn space(&mut self, part: &At<'d>) {
        let Some(elements) = self.required(part, "elements") else {
            return;
        };
        if !self.literal_value(elements) {
            return;
        }
        for written in elements.value.text.split_ascii_whitespace() {
            let (prefix, local) = super::source::split(written);
            let (namespace, local) = if written == "*" {
                (None, None)
            } else {
                let named = if local == "*" { "x" } else { local };
                let name = if prefix.is_empty() {
                    named.to_owned()
                } else {
                    format!("{prefix}:{named}")
                };
                let Some(name) = self.qualified(part, &name, elements.value.span) else {
                    continue;
                };
                let local = (local != "*").then_some(name.local);
                (Some(name.namespace), local)
            };
            self.program.space.push(SpaceRule {
                namespace,
                local,
                strip: part.is("strip-space"),
            });
        }
    }
}

/// What a thing needs, each before what needs it, itself last; `None` when it needs itself.
fn order(of: usize, uses: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut out: Vec<usize> = Vec::new();
    // Places, and how many of their needs were looked at.
    let mut path: Vec<(usize, usize)> = vec![(of, 0)];
    while let Some((at, next)) = path.last_mut() {
        match uses.get(*at).and_then(|n| n.get(*next)).copied() {
            Some(need) => {
                *next += 1;
                if path.iter().any(|(p, _)| *p == need) {
                    return None;
                }
                if !out.contains(&need) {
                    path.push((need, 0));
                }
            }
            None => {
                out.push(*at);
                path.pop();
            }
        }
    }
    Some(out)
}
