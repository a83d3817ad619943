//! A compiled stylesheet: templates as instructions, everything by its place and nothing by its name.
//!
//! `xslt/compile.rs` makes it, `xslt/run.rs` runs it. What must stay true: it is shared by all threads, so nothing in it
//! changes; names in expressions are namespaces and local names, prefixes are gone.

use super::format_number::DecimalFormat;
use super::number::Numbering;
use super::output::Output;
use super::pattern::Pattern;
use crate::expr::table::xml::xpath::Expr;
use crate::value::Str;
use crate::value::xml::Name;
use std::collections::HashMap;
use std::sync::Arc;

/// The place of a variable: of the template, or of the whole stylesheet when this bit is set.
pub(super) const GLOBAL: usize = 1 << 48;

/// Instructions that run one after another.
pub(super) type Block = Vec<Instruction>;

/// Prefixes and what they mean, the nearest first.
pub(super) type Prefixes = Arc<[(Str, Str)]>;

/// A value with expressions in braces.
#[derive(Debug)]
pub(super) enum Template {
    /// No braces.
    Literal(Str),
    /// Its parts.
    Parts(Vec<Part>),
}

#[derive(Debug)]
pub(super) enum Part {
    Text(Str),
    Expr(Expr),
}

/// What a variable or parameter is set to.
#[derive(Debug)]
pub(super) enum Given {
    Empty,
    Select(Expr),
    Content(Block),
}

#[derive(Debug)]
pub(super) struct Sort {
    pub(super) select: Expr,
    pub(super) number: Template,
    pub(super) order: Template,
    pub(super) case_order: Option<Template>,
}

/// A name that is known when the stylesheet runs only, or before.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: Template,
    pub(super) namespace: Option<Template>,
    /// What prefixes mean where it stands.
    pub(super) prefixes: Prefixes,
}

#[derive(Debug)]
pub(super) struct LiteralElement {
    pub(super) prefix: Str,
    pub(super) name: Name,
    pub(super) namespaces: Vec<(Str, Str)>,
    pub(super) sets: Vec<usize>,
    pub(super) attributes: Vec<(Str, Name, Template)>,
    pub(super) body: Block,
}

#[derive(Debug)]
pub(super) enum Instruction {
    ApplyTemplates {
        select: Option<Expr>,
        mode: usize,
        sorts: Vec<Sort>,
        with: Vec<(Name, Expr)>,
    },
    ApplyImports,
    CallTemplate {
        template: usize,
        with: Vec<(Name, Expr)>,
    },
    ForEach {
        select: Expr,
        sorts: Vec<Sort>,
        body: Block,
    },
    Choose {
        when: Vec<(Expr, Block)>,
        otherwise: Block,
    },
    ValueOf {
        select: Expr,
        raw: bool,
    },
    Text {
        text: Str,
        raw: bool,
    },
    Literal(Box<LiteralElement>),
    Element {
        named: Named,
        sets: Vec<usize>,
        body: Block,
    },
    Attribute {
        named: Named,
        body: Block,
    },
    Comment(Block),
    /// `xsl:processing-instruction`.
    Processing {
        name: Template,
        body: Block,
    },
    Copy {
        sets: Vec<usize>,
        body: Block,
    },
    CopyOf(Expr),
    Variable {
        place: usize,
        value: Given,
    },
    /// A parameter: what was passed under its name, else its value.
    Parameter {
        name: Name,
        place: usize,
        value: Given,
    },
    Number(Box<Numbering>),
    /// The attributes of a set.
    UseSet(usize),
    Message {
        terminate: bool,
        body: Block,
    },
    /// What XSLT 1.0 does not know, reached in forwards-compatible mode.
    Fail(String),
}

/// A `xsl:template`.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) body: Block,
    /// Places of its variables.
    pub(super) slots: usize,
}

/// A pattern of a template in a mode.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) pattern: Pattern,
    pub(super) priority: f64,
    pub(super) template: usize,
}

/// The rules of a mode. Each list has the rule that wins first.
#[derive(Debug, Default)]
pub(super) struct Mode {
    pub(super) rules: Vec<Rule>,
    /// Rules whose pattern ends with a name of an element.
    pub(super) elements: HashMap<Name, Vec<usize>>,
    /// Rules whose pattern ends with a name of an attribute.
    pub(super) attributes: HashMap<Name, Vec<usize>>,
    /// All others.
    pub(super) others: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Global {
    pub(super) name: Name,
    pub(super) parameter: bool,
    pub(super) value: Given,
    pub(super) slots: usize,
    /// Globals to have before it, in order: what its own text names.
    pub(super) needs: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: Name,
    pub(super) pattern: Pattern,
    pub(super) using: Expr,
}

/// `xsl:strip-space` and `xsl:preserve-space`: what an element's white space is.
#[derive(Debug)]
pub(super) struct SpaceRule {
    /// `None`: any namespace.
    pub(super) namespace: Option<Str>,
    /// `None`: any name.
    pub(super) local: Option<Str>,
    pub(super) strip: bool,
}

#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) templates: Vec<Code>,
    pub(super) modes: Vec<Mode>,
    pub(super) globals: Vec<Global>,
    pub(super) keys: Vec<Key>,
    pub(super) sets: Vec<Code>,
    /// By name; the default has an empty one.
    pub(super) formats: HashMap<Name, DecimalFormat>,
    /// The rule that wins first.
    pub(super) space: Vec<SpaceRule>,
    pub(super) output: Output,
}
