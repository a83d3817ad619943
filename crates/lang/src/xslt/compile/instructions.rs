//! The bodies of templates: instructions, literal result elements, text (XSLT 1.0, sections 5 to 12).

use super::super::ir::{Block, Given, Instruction, Named, Sort, Template};
use super::super::number::{Level, Numbering};
use super::source::{At, Child};
use super::{Compiler, MAX_NESTED, SHAPE, TWICE, UNKNOWN, VALUE, XSLT};
use crate::expr::table::xml::xpath::{Axis, Expr, Origin, Step, Test};
use crate::value::Str;
use crate::value::xml::Name;

/// The attributes that each instruction may have.
const INSTRUCTIONS: [(&str, &[&str]); 22] = [
    ("apply-imports", &[]),
    ("apply-templates", &["select", "mode"]),
    ("attribute", &["name", "namespace"]),
    ("call-template", &["name"]),
    ("choose", &[]),
    ("comment", &[]),
    ("copy", &["use-attribute-sets"]),
    ("copy-of", &["select"]),
    ("element", &["name", "namespace", "use-attribute-sets"]),
    ("fallback", &[]),
    ("for-each", &["select"]),
    ("if", &["test"]),
    ("message", &["terminate"]),
    (
        "number",
        &[
            "level",
            "count",
            "from",
            "value",
            "format",
            "lang",
            "letter-value",
            "grouping-separator",
            "grouping-size",
        ],
    ),
    ("otherwise", &[]),
    ("param", &["name", "select"]),
    ("processing-instruction", &["name"]),
    ("text", &["disable-output-escaping"]),
    ("value-of", &["select", "disable-output-escaping"]),
    ("variable", &["name", "select"]),
    ("when", &["test"]),
    ("with-param", &["name", "select"]),
];

/// Whether an element of XSLT is an instruction: for `element-available()`.
pub(in super::super) fn is_instruction(local: &str) -> bool {
    !matches!(local, "otherwise" | "param" | "when" | "with-param")
        && INSTRUCTIONS.iter().any(|(name, _)| *name == local)
}

/// The node at hand, `.`.
fn here() -> Expr {
    Expr::Path {
        from: Origin::Context,
        filters: Vec::new(),
        steps: vec![Step {
            axis: Axis::Itself,
            test: Test::Any,
            filters: Vec::new(),
        }],
    }
}

impl<'d> Compiler<'d, '_> {
    /// What stands in an `xsl:template`: parameters first.
    pub(super) fn template_body(&mut self, part: &At<'d>) -> Block {
        let mut out = Block::new();
        let mut children = part.children(self);
        let params = children
            .iter()
            .take_while(|c| matches!(c, Child::Element(e) if e.is("param")))
            .count();
        let rest = children.split_off(params);
        for child in children {
            if let Child::Element(param) = child {
                let value = self.given(&param);
                if let Some((name, place)) = self.variable(&param) {
                    out.push(Instruction::Parameter { name, place, value });
                }
            }
        }
        self.sequence(rest, &mut out);
        out
    }

    /// Instructions, with variables of their own.
    pub(super) fn body(&mut self, at: &At<'d>) -> Block {
        let children = at.children(self);
        self.block(children)
    }

    fn block(&mut self, children: Vec<Child<'d>>) -> Block {
        self.scoped(|c| {
            let mut out = Block::new();
            c.sequence(children, &mut out);
            out
        })
    }

    fn sequence(&mut self, children: Vec<Child<'d>>, out: &mut Block) {
        self.depth += 1;
        if self.depth > MAX_NESTED {
            if let Some(Child::Element(e)) = children.first() {
                self.fault(
                    SHAPE,
                    e.element.name_span,
                    format!("elements of a stylesheet are nested more than {MAX_NESTED} deep"),
                    "expected fewer levels: call a template",
                );
            }
        } else {
            for child in children {
                match child {
                    Child::Text(text) => out.push(Instruction::Text {
                        text: Str::from(&*text.text),
                        raw: false,
                    }),
                    Child::Element(e) if &*e.name.namespace == XSLT => self.instruction(&e, out),
                    Child::Element(e) => self.literal(&e, out),
                }
            }
        }
        self.depth -= 1;
    }

    /// A new variable of the template.
    fn variable(&mut self, at: &At<'d>) -> Option<(Name, usize)> {
        let attribute = self.required(at, "name")?;
        let name = self.name_of(at, attribute)?;
        if self.reserved(&name, attribute.value.span) {
            return None;
        }
        if self.locals.iter().any(|(n, _)| *n == name) {
            self.fault(
                TWICE,
                attribute.value.span,
                format!("`${}` is there already", name.local),
                "expected another name: a variable cannot be set again",
            );
            return None;
        }
        let slot = self.slot();
        self.locals.push((name.clone(), slot));
        Some((name, slot))
    }

    /// What a variable or parameter is set to.
    pub(super) fn given(&mut self, at: &At<'d>) -> Given {
        self.attributes(at);
        let children = at.children(self);
        match at.attribute("select") {
            Some(select) => {
                if !children.is_empty() {
                    self.fault(
                        SHAPE,
                        at.element.name_span,
                        format!("`{}` has `select` and content", at.element.name),
                        "expected one of them",
                    );
                }
                self.select(at, select).map_or(Given::Empty, Given::Select)
            }
            None if children.is_empty() => Given::Empty,
            None => Given::Content(self.block(children)),
        }
    }

    /// Attributes that an instruction does not have.
    fn attributes(&mut self, at: &At<'d>) {
        let Some((_, known)) = INSTRUCTIONS.iter().find(|(n, _)| *n == &*at.name.local) else {
            return;
        };
        for attribute in &at.element.attributes {
            let name = &*attribute.name;
            if !known.contains(&name) && name != "xmlns" && !name.contains(':') && !at.forwards {
                self.unknown_attribute(at, &attribute.name, attribute.name_span);
            }
        }
    }

    fn yes(&mut self, at: &At<'d>, name: &str) -> bool {
        let Some(attribute) = at.attribute(name) else {
            return false;
        };
        match attribute.value.text.trim() {
            "yes" => true,
            "no" => false,
            other => {
                let message = format!("`{name}` cannot be `{other}`");
                self.fault(
                    VALUE,
                    attribute.value.span,
                    message,
                    "expected `yes` or `no`",
                );
                false
            }
        }
    }

    fn required_select(&mut self, at: &At<'d>, name: &str) -> Option<Expr> {
        let attribute = self.required(at, name)?;
        self.select(at, attribute)
    }

    fn empty(&mut self, at: &At<'d>) {
        if !at.children(self).is_empty() {
            self.fault(
                SHAPE,
                at.element.name_span,
                format!("`{}` cannot have content", at.element.name),
                "expected an empty element",
            );
        }
    }

    pub(super) fn instruction(&mut self, at: &At<'d>, out: &mut Block) {
        self.attributes(at);
        match &*at.name.local {
            "apply-templates" => self.apply_templates(at, out),
            "apply-imports" => {
                self.empty(at);
                out.push(Instruction::ApplyImports);
            }
            "call-template" => {
                let Some(attribute) = self.required(at, "name") else {
                    return;
                };
                let Some(name) = self.name_of(at, attribute) else {
                    return;
                };
                let children = at.children(self);
                let with = self.with(children, out).0;
                match self.templates.get(&name) {
                    Some(template) => out.push(Instruction::CallTemplate {
                        template: *template,
                        with,
                    }),
                    None => {
                        let near = crate::diagnostic::nearest::nearest(
                            &name.local,
                            self.templates.keys().map(|n| &*n.local),
                        );
                        let fault = crate::Diagnostic::error(
                            UNKNOWN,
                            attribute.value.span,
                            format!("there is no template `{}`", name.local),
                        )
                        .label("expected the `name` of an `xsl:template`");
                        let fault = match near {
                            Some(near) => fault.help(format!("did you mean `{near}`?")),
                            None => fault,
                        };
                        self.report(fault);
                    }
                }
            }
            "for-each" => {
                let select = self.required_select(at, "select");
                let mut children = at.children(self);
                let count = children
                    .iter()
                    .take_while(|c| matches!(c, Child::Element(e) if e.is("sort")))
                    .count();
                let rest = children.split_off(count);
                let sorts = children
                    .into_iter()
                    .filter_map(|c| match c {
                        Child::Element(e) => self.sort(&e),
                        Child::Text(_) => None,
                    })
                    .collect();
                let body = self.block(rest);
                if let Some(select) = select {
                    out.push(Instruction::ForEach {
                        select,
                        sorts,
                        body,
                    });
                }
            }
            "if" => {
                let test = self.required_select(at, "test");
                let body = self.body(at);
                if let Some(test) = test {
                    out.push(Instruction::Choose {
                        when: vec![(test, body)],
                        otherwise: Block::new(),
                    });
                }
            }
            "choose" => self.choose(at, out),
            "value-of" => {
                self.empty(at);
                let raw = self.yes(at, "disable-output-escaping");
                if let Some(select) = self.required_select(at, "select") {
                    out.push(Instruction::ValueOf { select, raw });
                }
            }
            "text" => {
                let raw = self.yes(at, "disable-output-escaping");
                for child in at.children(self) {
                    match child {
                        Child::Text(text) => out.push(Instruction::Text {
                            text: Str::from(&*text.text),
                            raw,
                        }),
                        Child::Element(e) => self.fault(
                            SHAPE,
                            e.element.name_span,
                            format!("`{}` cannot stand in `{}`", e.element.name, at.element.name),
                            "expected text",
                        ),
                    }
                }
            }
            "element" | "attribute" => {
                let Some(named) = self.computed(at) else {
                    return;
                };
                if at.is("attribute") {
                    let body = self.body(at);
                    return out.push(Instruction::Attribute { named, body });
                }
                let sets = self.used_sets(at, at.attribute("use-attribute-sets"));
                let body = self.body(at);
                out.push(Instruction::Element { named, sets, body });
            }
            "comment" => {
                let body = self.body(at);
                out.push(Instruction::Comment(body));
            }
            "processing-instruction" => {
                let name = self.required(at, "name").and_then(|a| self.template(at, a));
                let body = self.body(at);
                if let Some(name) = name {
                    out.push(Instruction::Processing { name, body });
                }
            }
            "copy" => {
                let sets = self.used_sets(at, at.attribute("use-attribute-sets"));
                let body = self.body(at);
                out.push(Instruction::Copy { sets, body });
            }
            "copy-of" => {
                self.empty(at);
                if let Some(select) = self.required_select(at, "select") {
                    out.push(Instruction::CopyOf(select));
                }
            }
            "variable" => {
                let value = self.given(at);
                if let Some((_, place)) = self.variable(at) {
                    out.push(Instruction::Variable { place, value });
                }
            }
            "number" => self.number(at, out),
            "message" => {
                let terminate = self.yes(at, "terminate");
                let body = self.body(at);
                out.push(Instruction::Message { terminate, body });
            }
            // It is there for those who do not know what it stands in.
            "fallback" => {
                self.body(at);
            }
            _ if at.forwards => self.unknown(at, out),
            "param" => self.fault(
                SHAPE,
                at.element.name_span,
                format!("`{}` does not come first", at.element.name),
                "expected it before everything else in `xsl:template`",
            ),
            _ => self.fault(
                SHAPE,
                at.element.name_span,
                format!("`{}` cannot stand here", at.element.name),
                "expected an instruction of XSLT 1.0",
            ),
        }
    }

    /// An instruction that XSLT 1.0 does not know: its fallbacks run in its place.
    fn unknown(&mut self, at: &At<'d>, out: &mut Block) {
        let mut fallbacks = Vec::new();
        for child in at.children(self) {
            if let Child::Element(e) = child
                && e.is("fallback")
            {
                fallbacks.push(e);
            }
        }
        if fallbacks.is_empty() {
            out.push(Instruction::Fail(format!(
                "'{}' cannot be a child of the template: it is not an instruction of XSLT 1.0.",
                at.element.name
            )));
        }
        for fallback in fallbacks {
            let body = self.body(&fallback);
            out.push(Instruction::Choose {
                when: Vec::new(),
                otherwise: body,
            });
        }
    }

    fn apply_templates(&mut self, at: &At<'d>, out: &mut Block) {
        let select = match at.attribute("select") {
            Some(select) => match self.select(at, select) {
                Some(select) => Some(select),
                None => return,
            },
            None => None,
        };
        let mode = match at.attribute("mode") {
            Some(attribute) => match self.name_of(at, attribute) {
                Some(name) => self.mode(Some(name)),
                None => return,
            },
            None => 0,
        };
        let children = at.children(self);
        let (with, sorts) = self.with(children, out);
        out.push(Instruction::ApplyTemplates {
            select,
            mode,
            sorts,
            with,
        });
    }

    /// `xsl:with-param` and `xsl:sort`. What is given as content is put into a place of its own first.
    fn with(
        &mut self,
        children: Vec<Child<'d>>,
        out: &mut Block,
    ) -> (Vec<(Name, Expr)>, Vec<Sort>) {
        let (mut with, mut sorts): (Vec<(Name, Expr)>, Vec<Sort>) = (Vec::new(), Vec::new());
        for child in children {
            let e = match child {
                Child::Element(e) => e,
                Child::Text(text) => {
                    self.fault(
                        SHAPE,
                        text.span,
                        "text cannot stand here",
                        "expected `xsl:with-param` or `xsl:sort`",
                    );
                    continue;
                }
            };
            if e.is("sort") {
                sorts.extend(self.sort(&e));
                continue;
            }
            if !e.is("with-param") {
                self.fault(
                    SHAPE,
                    e.element.name_span,
                    format!("`{}` cannot stand here", e.element.name),
                    "expected `xsl:with-param` or `xsl:sort`",
                );
                continue;
            }
            let value = self.given(&e);
            let Some(attribute) = self.required(&e, "name") else {
                continue;
            };
            let Some(name) = self.name_of(&e, attribute) else {
                continue;
            };
            if with.iter().any(|(n, _)| *n == name) {
                self.fault(
                    TWICE,
                    attribute.value.span,
                    format!("`{}` is passed twice", name.local),
                    "expected another name",
                );
                continue;
            }
            let value = match value {
                Given::Select(expr) => expr,
                Given::Empty => Expr::Text(String::new()),
                content => {
                    let place = self.slot();
                    out.push(Instruction::Variable {
                        place,
                        value: content,
                    });
                    Expr::Variable(name.local.to_string(), place)
                }
            };
            with.push((name, value));
        }
        (with, sorts)
    }

    fn sort(&mut self, at: &At<'d>) -> Option<Sort> {
        self.empty(at);
        let select = match at.attribute("select") {
            Some(select) => self.select(at, select)?,
            None => here(),
        };
        let word = |c: &mut Self, name: &str, usual: &str| match at.attribute(name) {
            Some(attribute) => c.template(at, attribute),
            None => Some(Template::Literal(Str::from(usual))),
        };
        let number = word(self, "data-type", "text")?;
        let order = word(self, "order", "ascending")?;
        let case_order = match at.attribute("case-order") {
            Some(attribute) => Some(self.template(at, attribute)?),
            None => None,
        };
        for (name, template, words) in [
            ("data-type", &number, ["text", "number"]),
            ("order", &order, ["ascending", "descending"]),
        ] {
            if let Template::Literal(said) = template
                && !words.contains(&&**said)
                && !(name == "data-type" && said.contains(':'))
                && let Some(attribute) = at.attribute(name)
            {
                let message = format!("`{name}` cannot be `{said}`");
                let label = format!("expected `{}` or `{}`", words[0], words[1]);
                self.fault(VALUE, attribute.value.span, message, &label);
            }
        }
        Some(Sort {
            select,
            number,
            order,
            case_order,
        })
    }

    fn choose(&mut self, at: &At<'d>, out: &mut Block) {
        let mut when = Vec::new();
        let mut otherwise = None;
        for child in at.children(self) {
            match child {
                Child::Element(e) if e.is("when") && otherwise.is_none() => {
                    self.attributes(&e);
                    let test = self.required_select(&e, "test");
                    let body = self.body(&e);
                    if let Some(test) = test {
                        when.push((test, body));
                    }
                }
                Child::Element(e) if e.is("otherwise") && otherwise.is_none() => {
                    self.attributes(&e);
                    otherwise = Some(self.body(&e));
                }
                Child::Element(e) => self.fault(
                    SHAPE,
                    e.element.name_span,
                    format!("`{}` cannot stand here", e.element.name),
                    "expected `xsl:when`, and one `xsl:otherwise` at the end",
                ),
                Child::Text(text) => self.fault(
                    SHAPE,
                    text.span,
                    "text cannot stand here",
                    "expected `xsl:when` or `xsl:otherwise`",
                ),
            }
        }
        if when.is_empty() && !self.failed {
            self.fault(
                SHAPE,
                at.element.name_span,
                format!("`{}` has no `xsl:when`", at.element.name),
                "expected one",
            );
        }
        out.push(Instruction::Choose {
            when,
            otherwise: otherwise.unwrap_or_default(),
        });
    }

    fn computed(&mut self, at: &At<'d>) -> Option<Named> {
        let attribute = self.required(at, "name")?;
        let name = self.template(at, attribute)?;
        let namespace = match at.attribute("namespace") {
            Some(attribute) => Some(self.template(at, attribute)?),
            None => None,
        };
        if let (Template::Literal(name), None) = (&name, &namespace) {
            // What is known now is said now.
            self.qualified(at, name, attribute.value.span)?;
        }
        Some(Named {
            name,
            namespace,
            prefixes: at.prefixes(),
        })
    }

    fn number(&mut self, at: &At<'d>, out: &mut Block) {
        self.empty(at);
        let level = match at.attribute("level") {
            None => Level::Single,
            Some(attribute) => match attribute.value.text.trim() {
                "single" => Level::Single,
                "multiple" => Level::Multiple,
                "any" => Level::Any,
                other => {
                    return self.fault(
                        VALUE,
                        attribute.value.span,
                        format!("`level` cannot be `{other}`"),
                        "expected `single`, `multiple` or `any`",
                    );
                }
            },
        };
        let mut pattern = |name: &str| match at.attribute(name) {
            Some(a) if self.literal_value(a) => Some(self.pattern(at, &a.value.text, a.value.span)),
            _ => None,
        };
        let (count, from) = (pattern("count"), pattern("from"));
        let mut template = |name: &str| at.attribute(name).map(|a| self.template(at, a));
        let (format, separator, size) = (
            template("format"),
            template("grouping-separator"),
            template("grouping-size"),
        );
        let value = at.attribute("value").map(|a| self.select(at, a));
        let all = (|| {
            Some(Numbering {
                level,
                count: count.map_or(Some(None), |p| p.map(Some))?,
                from: from.map_or(Some(None), |p| p.map(Some))?,
                value: value.map_or(Some(None), |p| p.map(Some))?,
                format: format.unwrap_or(Some(Template::Literal(Str::from("1"))))?,
                separator: separator.map_or(Some(None), |p| p.map(Some))?,
                size: size.map_or(Some(None), |p| p.map(Some))?,
            })
        })();
        if let Some(numbering) = all {
            out.push(Instruction::Number(Box::new(numbering)));
        }
    }
}
