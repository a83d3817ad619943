//! A stylesheet of a policy document, compiled: its top level (XSLT 1.0, section 2.2).
//!
//! `xslt::compile` calls it; instructions are in `compile/instructions.rs`, expressions and names in `compile/names.rs`.
//! What must stay true: every fault is reported with its place; what would need a file or code of another language is
//! refused here and never met when a body is transformed.

mod instructions;
mod literals;
mod names;
mod source;
mod top;

pub(super) use instructions::is_instruction;

use super::ir::{Block, Code, GLOBAL, Instruction, Mode, Part, Program, Template};
use crate::Span;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::Element;
use crate::expr::table::xml::xpath::Expr;
use crate::value::Str;
use crate::value::xml::Name;
use source::At;
use std::collections::{HashMap, HashSet};

/// Namespace of stylesheets.
pub(super) const XSLT: &str = "http://www.w3.org/1999/XSL/Transform";
/// Namespaces of `node-set()`.
const MICROSOFT: &str = "urn:schemas-microsoft-com:xslt";
const EXSLT: &str = "http://exslt.org/common";

/// Whether `node-set()` is a function of that namespace.
pub(super) fn has_node_set(namespace: &str) -> bool {
    matches!(namespace, MICROSOFT | EXSLT)
}

/// A part of the stylesheet is not where it can be, or lacks something.
const SHAPE: &str = "TG0580";
/// An expression, pattern or name that cannot be read.
const SYNTAX: &str = "TG0581";
/// A name that nothing has.
const UNKNOWN: &str = "TG0582";
/// Another file.
const OTHER_FILE: &str = "TG0583";
/// Code of another language, and functions that are not there.
const NOT_SERVED: &str = "TG0584";
/// Something is there twice.
const TWICE: &str = "TG0585";
/// Something needs itself.
const CIRCLE: &str = "TG0586";
/// A policy expression.
const EXPRESSION: &str = "TG0587";
/// A value that an attribute cannot have.
const VALUE: &str = "TG0588";

/// Deepest nest of elements in a stylesheet: compiling recurses.
const MAX_NESTED: usize = 100;

/// What is compiled so far.
pub(super) struct Compiler<'d, 'o> {
    diagnostics: &'o mut Diagnostics,
    program: Program,
    modes: HashMap<Name, usize>,
    templates: HashMap<Name, usize>,
    globals: HashMap<Name, usize>,
    sets: HashMap<Name, usize>,
    keys: HashSet<Name>,
    /// The elements of each set, and the sets that each names.
    set_elements: Vec<Vec<At<'d>>>,
    aliases: HashMap<Str, (Str, Str)>,
    /// Variables of the template at hand, the nearest last.
    locals: Vec<(Name, usize)>,
    slots: usize,
    /// Globals that the text at hand names.
    names: Vec<usize>,
    depth: usize,
    /// Templates that have a body.
    defined: usize,
    /// Where the stylesheet begins.
    sheet: Span,
    failed: bool,
}

/// Compiles; `None` when it was refused.
pub(super) fn compile(element: &Element, diagnostics: &mut Diagnostics) -> Option<Program> {
    let mut compiler = Compiler {
        diagnostics,
        program: Program::default(),
        modes: HashMap::new(),
        templates: HashMap::new(),
        globals: HashMap::new(),
        sets: HashMap::new(),
        keys: HashSet::new(),
        set_elements: Vec::new(),
        aliases: HashMap::new(),
        locals: Vec::new(),
        slots: 0,
        names: Vec::new(),
        depth: 0,
        defined: 0,
        sheet: element.name_span,
        failed: false,
    };
    compiler.stylesheet(element);
    (!compiler.failed).then_some(compiler.program)
}

/// A name without a namespace.
fn plain(local: &str) -> Name {
    Name {
        namespace: Str::from(""),
        local: Str::from(local),
    }
}

impl<'d> Compiler<'d, '_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.failed = true;
        self.diagnostics.push(diagnostic);
    }

    fn fault(&mut self, code: &'static str, span: Span, message: impl Into<String>, label: &str) {
        self.report(Diagnostic::error(code, span, message).label(label.to_owned()));
    }

    fn stylesheet(&mut self, element: &'d Element) {
        let Some(root) = At::root(element, self) else {
            return;
        };
        self.mode(None);
        let is_sheet = root.is("stylesheet") || root.is("transform");
        if &*root.name.namespace == XSLT && !is_sheet {
            return self.fault(
                SHAPE,
                element.name_span,
                format!("`{}` is no stylesheet", element.name),
                "expected `xsl:stylesheet`",
            );
        }
        if is_sheet {
            if root.attribute("version").is_none() {
                self.fault(
                    SHAPE,
                    element.name_span,
                    format!("`{}` needs the attribute `version`", element.name),
                    "expected `version=\"1.0\"`",
                );
            }
            return self.top_level(&root);
        }
        // A literal result element as a whole stylesheet (section 2.3).
        if root.xslt_attribute("version").is_none() {
            return self.fault(
                SHAPE,
                element.name_span,
                format!("`{}` is no stylesheet", element.name),
                "expected `xsl:stylesheet` of the namespace `http://www.w3.org/1999/XSL/Transform`, or an element with `xsl:version`",
            );
        }
        let body = self.scoped(|c| {
            let mut body = Block::new();
            c.literal(&root, &mut body);
            body
        });
        let slots = std::mem::take(&mut self.slots);
        self.program.templates.push(Code { body, slots });
        self.rule("/", 0, None, &root, element.name_span);
        self.arrange();
    }

    /// The place of a mode.
    fn mode(&mut self, name: Option<Name>) -> usize {
        let name = name.unwrap_or_else(|| plain(""));
        let next = self.modes.len();
        let at = *self.modes.entry(name).or_insert(next);
        if at == next {
            self.program.modes.push(Mode::default());
        }
        at
    }

    /// Compiles with variables of its own, which are gone afterwards.
    fn scoped<T>(&mut self, compile: impl FnOnce(&mut Self) -> T) -> T {
        let known = self.locals.len();
        let out = compile(self);
        self.locals.truncate(known);
        out
    }

    /// A new place for a variable of the template.
    fn slot(&mut self) -> usize {
        self.slots += 1;
        self.slots - 1
    }

    /// Puts the rules of each mode in the order in which they win.
    fn arrange(&mut self) {
        for mode in &mut self.program.modes {
            let mut order: Vec<usize> = (0..mode.rules.len()).collect();
            // Of two that match, the higher priority wins, then the later one.
            order.sort_by(|a, b| {
                let (x, y) = (&mode.rules[*a], &mode.rules[*b]);
                y.priority.total_cmp(&x.priority).then(b.cmp(a))
            });
            let mut rules: Vec<_> = std::mem::take(&mut mode.rules)
                .into_iter()
                .map(Some)
                .collect();
            mode.rules = order.iter().filter_map(|i| rules[*i].take()).collect();
            for (i, rule) in mode.rules.iter().enumerate() {
                match rule.pattern.0.first().and_then(|p| p.name()) {
                    Some((true, name)) => mode.attributes.entry(name).or_default().push(i),
                    Some((false, name)) => mode.elements.entry(name).or_default().push(i),
                    None => mode.others.push(i),
                }
            }
        }
    }
}
