//! Policy expressions: lexer, parser, static binder, IR, evaluator.
//!
//! [`compile`] does everything that can be known at load: unknown members, wrong types and bad syntax are diagnostics.
//! [`Expr::eval`] looks nothing up by name and is bounded in steps, memory and nesting.

pub mod catalog;
pub mod fixture;
pub mod host;
pub mod outcome;

mod allowed;
mod ast;
mod bind;
pub(crate) mod eval;
pub(crate) mod ir;
mod lexer;
mod optimize;
mod parser;
pub(crate) mod table;
pub(crate) mod types;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::document::{Text, TextKind};
use crate::source::Span;
use crate::value::{Frozen, Lent, Value};
use bind::Binder;
use eval::{Cx, Direct, Slots, Throw};
use host::Host;
use ir::{Code, Frame, Ir};
use lexer::Fault;

/// What the place that an expression stands in wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Header, query, body text, key: any result, converted by [`Value::to_text`].
    Text,
    /// A condition.
    Bool,
    /// `int` or narrower.
    Int,
    /// `long` only (`token-quota`).
    Long,
    /// A number.
    Double,
    /// Text or `byte[]` (`set-body`, certificates).
    Body,
    /// Kept as it is (`set-variable`, `cache-store-value`).
    Any,
}

/// What evaluating may touch; known at load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Reads `context.Request.Body`.
    pub request_body: bool,
    /// Reads `context.Response.Body`.
    pub response_body: bool,
    /// Reads anything of `context.Response`.
    pub response: bool,
    /// Reads `context.LastError`.
    pub last_error: bool,
    /// Reads `context.Variables`.
    pub variables: bool,
    /// Reads `context.GraphQL`, which only resolvers have.
    pub graphql: bool,
}

impl Reads {
    /// Both together.
    #[must_use]
    pub fn union(self, other: Reads) -> Reads {
        Reads {
            request_body: self.request_body || other.request_body,
            response_body: self.response_body || other.response_body,
            response: self.response || other.response,
            last_error: self.last_error || other.last_error,
            variables: self.variables || other.variables,
            graphql: self.graphql || other.graphql,
        }
    }
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expr {
    code: Code,
    frame: Frame,
    target: Target,
    constant: Option<Frozen>,
    /// What runs instead of the code, when it only looks.
    direct: Option<Direct>,
    /// Whether its result is one for [`Target::Any`] as it is.
    is_settled: bool,
    reads: Reads,
    /// Arrays of bytes are changed in place: none may be shared.
    writes_bytes: bool,
    /// Whether it changes no JSON tree.
    only_reads: bool,
}

/// An exception that nothing caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    /// .NET type name, e.g. `System.NullReferenceException`.
    pub exception: &'static str,
    /// The exception's message.
    pub message: String,
}

/// Compiles an expression text (`kind` must not be `Literal`). `None` when refused; the reasons are in `diagnostics`.
pub fn compile(source: &Text, target: Target, diagnostics: &mut Diagnostics) -> Option<Expr> {
    compiled(source, target, diagnostics, true)
}

/// As [`compile`], also without what is done at load to make the evaluation quick.
pub(crate) fn compiled(
    source: &Text,
    target: Target,
    diagnostics: &mut Diagnostics,
    improve: bool,
) -> Option<Expr> {
    let text = &*source.text;
    if text.len() > MAX_TEXT {
        diagnostics.push(
            Diagnostic::error(
                "TG0204",
                source.span,
                format!("expression is longer than {} KB", MAX_TEXT / 1024),
            )
            .label("too long"),
        );
        return None;
    }
    let bound = match source.kind {
        TextKind::Multi => {
            parser::multi(text).map(|list| Binder::new(target).multi(&list, text.len()))
        }
        TextKind::Single | TextKind::Literal => {
            parser::single(text).map(|e| Binder::new(target).single(&e, target))
        }
    };
    let (made, binder) = match bound {
        Ok(b) => b,
        Err(fault) => {
            diagnostics.push(report(source, fault, "TG0201"));
            return None;
        }
    };
    for fault in binder.faults {
        diagnostics.push(report(source, fault, "TG0202"));
    }
    for warning in binder.warnings {
        let mut d = report(source, warning, "TG0203");
        d.severity = Severity::Warning;
        diagnostics.push(d);
    }
    if diagnostics.wants_portable() {
        for (at, what) in &binder.beyond {
            let span = located(source, at);
            diagnostics.push(
                Diagnostic::error(
                    "TG0205",
                    span,
                    format!("works in Tollgate, refused by API Management: `{what}`"),
                )
                .label("not on its list of allowed members"),
            );
        }
    }
    let (mut code, frame) = made?;
    let only_reads = improve && optimize::code(&mut code, binder.writes_bytes);
    let mut expr = Expr {
        code,
        frame,
        target,
        constant: None,
        direct: None,
        is_settled: false,
        reads: binder.reads,
        writes_bytes: binder.writes_bytes,
        only_reads,
    };
    if let Code::Expr(Ir::Const(_) | Ir::Text(_)) = &expr.code {
        // The same conversion as at run time, done once.
        expr.constant = expr
            .eval(&mut host::Nowhere::default())
            .ok()
            .and_then(|v| v.freeze());
    } else if improve {
        expr.direct = Direct::of(&expr.code);
        expr.is_settled = expr.direct.as_ref().is_some_and(Direct::is_settled);
    }
    Some(expr)
}

/// Longest expression.
const MAX_TEXT: usize = 256 * 1024;

/// The text that a policy is given.
fn text(cx: &mut Cx<'_>, value: Value) -> Result<Value, Throw> {
    let mut out = String::new();
    eval::write_text(cx, value, &mut out)?;
    Ok(Value::from(out))
}

fn located(source: &Text, at: &ast::At) -> Span {
    // Whole characters, whatever the place was computed from.
    let start = source.text.floor_char_boundary(at.start);
    let end = source.text.ceil_char_boundary(at.end.max(start));
    source.locate(start..end)
}

fn report(source: &Text, fault: Fault, code: &'static str) -> Diagnostic {
    let span = located(source, &fault.at);
    let d = Diagnostic::error(code, span, fault.message).label(fault.label);
    match fault.help {
        Some(h) => d.help(h),
        None => d,
    }
}

impl Expr {
    /// Evaluates. The result already fits the target: `Bool` gives `Value::Bool`, `Int` gives `Value::Int`,
    /// `Text` gives `Value::Str`, `Body` gives `Value::Str` or `Value::Bytes`, `Long` `Value::Long`, `Double` `Value::Double`.
    #[inline]
    pub fn eval(&self, host: &mut dyn Host) -> Result<Value, EvalError> {
        self.lend(host).map(Lent::into_value)
    }

    /// As [`Expr::eval`], without a share of the value where the exchange or the expression has it.
    pub fn lend<'a>(&'a self, host: &'a mut dyn Host) -> Result<Lent<'a>, EvalError> {
        if let Some(constant) = &self.constant {
            return Ok(Lent::constant(constant));
        }
        let Some(direct) = &self.direct else {
            return self.run(host).map(Lent::Own);
        };
        match self.target {
            Target::Bool | Target::Int | Target::Long | Target::Double => Ok(direct.eval(host)?),
            Target::Any if self.is_settled => Ok(direct.eval(host)?),
            Target::Text => match direct.eval(host)? {
                lent if lent.as_str().is_some() => Ok(lent),
                other => Ok(Lent::Own(Value::Str(other.to_text()))),
            },
            Target::Any | Target::Body => {
                let value = direct.eval(host)?.into_value();
                Ok(Lent::Own(self.fitted(&mut Cx::new(host), value)?))
            }
        }
    }

    fn run(&self, host: &mut dyn Host) -> Result<Value, EvalError> {
        let mut cx = Cx::new(host).sharing(self.only_reads);
        cx.own_bytes = self.writes_bytes;
        let mut frame = Slots::new();
        self.frame.fill(&mut frame);
        let value = eval::code(&mut cx, &mut frame, &self.code)?;
        let result = self.fitted(&mut cx, value)?;
        cx.pass_on(&result);
        Ok(result)
    }

    /// A result as the target wants it.
    #[inline]
    fn fitted(&self, cx: &mut Cx<'_>, value: Value) -> Result<Value, Throw> {
        Ok(match self.target {
            Target::Bool | Target::Int | Target::Long | Target::Double => value,
            Target::Any => eval::sequence::settled(cx, value)?,
            Target::Text => match value {
                Value::Str(_) => value,
                other => text(cx, other)?,
            },
            Target::Body => match value {
                Value::Str(_) | Value::Bytes(_) => value,
                other => match other.as_bytes() {
                    Some(b) => Value::Bytes(b),
                    None => text(cx, other)?,
                },
            },
        })
    }

    /// What it may touch.
    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// The value when it was known at load (no host needed).
    pub fn constant(&self) -> Option<Value> {
        self.constant.as_ref().map(Frozen::thaw)
    }
}
