//! Arguments of policies: a literal, converted at load, or an expression, typed at load.
//!
//! What must stay true: reading a literal argument on the hot path costs a clone of the value and nothing else.

use super::{AttributeDef, Compile, Compiler, ScopeKind};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::probe::Event;
use crate::step::Needs;
use bytes::Bytes;
use tollgate_lang::document::{Element, Node, Text, TextKind};
use tollgate_lang::expr::{self, EvalError, Expr, Reads, Target};
use tollgate_lang::value::{Lent, Str, Value};
use tollgate_lang::{Diagnostic, Diagnostics, Span};

/// A literal or an expression.
#[derive(Debug)]
pub enum Arg<T> {
    /// Known at load.
    Const(T),
    /// Evaluated for each request.
    Expr(Box<PlacedExpr>),
}

/// An expression with its place in the document.
#[derive(Debug)]
pub struct PlacedExpr {
    expr: Expr,
    place: Span,
    /// Whether the value of a secret named value stands in it.
    secret: bool,
}

impl PlacedExpr {
    /// Its value for this request.
    pub fn eval(&self, rq: &mut Exchange) -> Result<Value, EvalError> {
        let result = self.expr.eval(rq);
        rq.tell(|| Event::Evaluated {
            place: self.place,
            secret: self.secret,
            result: result.as_ref(),
        });
        result
    }

    /// As [`PlacedExpr::eval`], without a share of the value where the exchange has it.
    pub fn lend<'a>(&'a self, rq: &'a mut Exchange) -> Result<Lent<'a>, EvalError> {
        if rq.probe.is_some() {
            return self.eval(rq).map(Lent::Own);
        }
        self.expr.lend(rq)
    }

    /// What it may touch.
    pub fn reads(&self) -> Reads {
        self.expr.reads()
    }
}

/// A type that an argument can have.
pub trait ArgType: Clone + Sized {
    /// What the binder must deliver.
    const TARGET: Target;
    /// From a literal; the shape check has reported what does not fit.
    fn literal(text: &str) -> Option<Self>;
    /// From an expression's result, which fits the target.
    fn value(value: Lent<'_>) -> Option<Self>;
}

impl ArgType for Str {
    const TARGET: Target = Target::Text;
    fn literal(text: &str) -> Option<Self> {
        Some(Str::from(text))
    }
    fn value(value: Lent<'_>) -> Option<Self> {
        Some(value.into_text())
    }
}

impl ArgType for bool {
    const TARGET: Target = Target::Bool;
    fn literal(text: &str) -> Option<Self> {
        match text.trim() {
            t if t.eq_ignore_ascii_case("true") => Some(true),
            t if t.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
    fn value(value: Lent<'_>) -> Option<Self> {
        match value.into_value() {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }
}

impl ArgType for i64 {
    const TARGET: Target = Target::Int;
    fn literal(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
    fn value(value: Lent<'_>) -> Option<Self> {
        match value.into_value() {
            Value::Int(n) => Some(i64::from(n)),
            Value::Long(n) => Some(n),
            _ => None,
        }
    }
}

/// A C# `long` (`token-quota` accepts nothing narrower as an expression).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Long(pub i64);

impl ArgType for Long {
    const TARGET: Target = Target::Long;
    fn literal(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Long)
    }
    fn value(value: Lent<'_>) -> Option<Self> {
        match value.into_value() {
            Value::Int(n) => Some(Long(i64::from(n))),
            Value::Long(n) => Some(Long(n)),
            _ => None,
        }
    }
}

impl ArgType for f64 {
    const TARGET: Target = Target::Double;
    fn literal(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
    fn value(value: Lent<'_>) -> Option<Self> {
        match value.into_value() {
            Value::Int(n) => Some(f64::from(n)),
            Value::Long(n) => Some(n as f64),
            Value::Double(n) => Some(n),
            _ => None,
        }
    }
}

/// A body: text or bytes, and whether it is text.
#[derive(Clone, Debug)]
pub struct BodyText(pub Bytes, pub bool);

impl ArgType for BodyText {
    const TARGET: Target = Target::Body;
    fn literal(text: &str) -> Option<Self> {
        Some(BodyText(Bytes::copy_from_slice(text.as_bytes()), true))
    }
    fn value(value: Lent<'_>) -> Option<Self> {
        let text = |text: &str| BodyText(Bytes::copy_from_slice(text.as_bytes()), true);
        Some(match value.as_str() {
            Some(s) => text(s),
            None => match value.into_value() {
                Value::Bytes(b) => BodyText(b, false),
                other => text(&other.to_text()),
            },
        })
    }
}

impl<T: ArgType> Arg<T> {
    /// The value for this request. A failure's source is filled in by the runner.
    pub fn get(&self, rq: &mut Exchange) -> Result<T, Box<Failure>> {
        match self {
            Arg::Const(value) => Ok(value.clone()),
            Arg::Expr(expr) => {
                let value = expr.lend(rq).map_err(|e| Failure::expression("", &e))?;
                T::value(value).ok_or_else(|| {
                    Failure::internal("", "ExpressionValueEvaluationFailure", "Expression evaluation failed. The result does not have the type that is needed here.")
                })
            }
        }
    }

    /// Bodies that evaluating it reads: for steps that evaluate later than they start.
    pub fn needs(&self) -> Needs {
        match self {
            Arg::Const(_) => Needs::default(),
            Arg::Expr(expr) => expr.reads().into(),
        }
    }

    /// The value when it is known at load.
    pub fn constant(&self) -> Option<&T> {
        match self {
            Arg::Const(value) => Some(value),
            Arg::Expr(_) => None,
        }
    }
}

/// An argument kept with its .NET type: `set-variable`, `cache-store-value`.
#[derive(Debug)]
pub struct AnyArg(Arg<Str>);

impl AnyArg {
    /// The value for this request.
    pub fn get(&self, rq: &mut Exchange) -> Result<Value, Box<Failure>> {
        match &self.0 {
            Arg::Const(text) => Ok(Value::Str(text.clone())),
            Arg::Expr(expr) => expr.eval(rq).map_err(|e| Failure::expression("", &e)),
        }
    }
}

impl Compiler<'_> {
    /// A text of the configuration itself, which stands in no document, and what it may touch: nobody keeps bodies for
    /// it.
    pub(crate) fn outside_of_documents(
        &self,
        text: &Text,
        diagnostics: &mut Diagnostics,
    ) -> Option<(Arg<Str>, Reads)> {
        if text.kind == TextKind::Literal {
            return Some((Arg::Const(text.text.clone()), Reads::default()));
        }
        let expr = expr::compile(text, Str::TARGET, diagnostics)?;
        let reads = expr.reads();
        let placed = PlacedExpr {
            expr,
            place: text.span,
            secret: false,
        };
        Some((Arg::Expr(Box::new(placed)), reads))
    }
}

impl Compile<'_> {
    fn attribute_def(&self, name: &str) -> Option<&'static AttributeDef> {
        self.def?.attributes.iter().find(|d| d.name == name)
    }

    /// An attribute, or its default. `None` when absent without a default, and when it was refused.
    pub fn arg<T: ArgType>(&mut self, element: &Element, name: &str) -> Option<Arg<T>> {
        match element.attribute(name) {
            Some(attribute) => self.text_arg(&attribute.value),
            None => self
                .attribute_def(name)?
                .default
                .and_then(T::literal)
                .map(Arg::Const),
        }
    }

    /// A literal attribute, or its default.
    pub fn literal<T: ArgType>(&mut self, element: &Element, name: &str) -> Option<T> {
        match element.attribute(name) {
            Some(attribute) if attribute.value.kind == TextKind::Literal => {
                T::literal(&attribute.value.text)
            }
            Some(_) => None,
            None => self.attribute_def(name)?.default.and_then(T::literal),
        }
    }

    /// A value or text as an argument.
    pub fn text_arg<T: ArgType>(&mut self, text: &Text) -> Option<Arg<T>> {
        if text.kind == TextKind::Literal {
            return T::literal(&text.text).map(Arg::Const);
        }
        let expr = expr::compile(text, T::TARGET, self.diagnostics)?;
        self.allows(&expr, text)?;
        if let Some(value) = expr.constant()
            && let Some(value) = T::value(Lent::Own(value))
        {
            return Some(Arg::Const(value));
        }
        Some(self.placed_expr(expr, text))
    }

    /// Whether an expression may read what it reads here.
    fn allows(&mut self, expr: &Expr, text: &Text) -> Option<()> {
        if expr.reads().graphql && self.scope != ScopeKind::Resolver {
            let message = "`context.GraphQL` is there in resolvers only";
            self.report(
                Diagnostic::error("TG0573", text.span, message)
                    .label("this document belongs to no resolver")
                    .help("the arguments of a request stand in its body: `context.Request.Body`"),
            );
            return None;
        }
        Some(())
    }

    fn placed_expr<T>(&mut self, expr: Expr, text: &Text) -> Arg<T> {
        self.needs(expr.reads().into());
        Arg::Expr(Box::new(PlacedExpr {
            expr,
            place: text.span,
            secret: self.holds_secret(text),
        }))
    }

    /// An attribute kept with its .NET type.
    pub fn any_arg(&mut self, element: &Element, name: &str) -> Option<AnyArg> {
        self.any_text(&element.attribute(name)?.value)
    }

    /// The same of an element's text content; absent text is the empty literal.
    pub fn any_content(&mut self, element: &Element) -> Option<AnyArg> {
        match element.children.as_slice() {
            [] => Some(AnyArg(Arg::Const(Str::from("")))),
            [Node::Text(text)] => self.any_text(text),
            _ => None,
        }
    }

    fn any_text(&mut self, text: &Text) -> Option<AnyArg> {
        if text.kind == TextKind::Literal {
            return Some(AnyArg(Arg::Const(text.text.clone())));
        }
        let expr = expr::compile(text, Target::Any, self.diagnostics)?;
        self.allows(&expr, text)?;
        Some(AnyArg(self.placed_expr(expr, text)))
    }

    /// An element's text content as an argument; absent text is the empty literal.
    pub fn content<T: ArgType>(&mut self, element: &Element) -> Option<Arg<T>> {
        match element.children.as_slice() {
            [] => T::literal("").map(Arg::Const),
            [Node::Text(text)] => self.text_arg(text),
            _ => None,
        }
    }

    /// The text contents of all children of this name; `None` when one was refused, after all were looked at.
    pub fn contents<T: ArgType>(&mut self, element: &Element, name: &str) -> Option<Vec<Arg<T>>> {
        let children = element.elements().filter(|child| &*child.name == name);
        // Collected first: a `?` on the way would leave the faults of later children untold.
        let all: Vec<_> = children.map(|child| self.content(child)).collect();
        all.into_iter().collect()
    }

    /// Two attributes of which an element may have one; `true` when both were there, which is a fault.
    pub fn exclusive(&mut self, element: &Element, first: &str, second: &str) -> bool {
        let (Some(_), Some(extra)) = (element.attribute(first), element.attribute(second)) else {
            return false;
        };
        self.report(
            Diagnostic::error(
                "TG0331",
                extra.name_span,
                format!("`{first}` and `{second}` exclude each other"),
            )
            .label("remove one of them"),
        );
        true
    }

    /// A literal attribute as a header name; one that is none is a fault.
    pub fn header_name(&mut self, element: &Element, name: &str) -> Option<http::HeaderName> {
        let text: Str = self.literal(element, name)?;
        let span: Span = element
            .attribute(name)
            .map_or(element.name_span, |a| a.value.span);
        self.known_header(&text, span)
    }

    /// A text that is known at load as a header name; one that is none is a fault.
    pub fn known_header(&mut self, text: &str, span: Span) -> Option<http::HeaderName> {
        let header = http::HeaderName::try_from(text.trim()).ok();
        if header.is_none() {
            self.report(
                Diagnostic::error("TG0322", span, format!("`{text}` is not a header name"))
                    .label("expected letters, digits and hyphens"),
            );
        }
        header
    }

    /// A word that an expression gave at load and that the attribute does not know.
    pub fn unknown_word(&mut self, element: &Element, name: &str, word: &str, known: &str) {
        let span = element
            .attribute(name)
            .map_or(element.name_span, |a| a.value.span);
        // The shape check has told of literals.
        if element
            .attribute(name)
            .is_some_and(|a| a.value.kind != TextKind::Literal)
        {
            self.report(
                Diagnostic::error(
                    "TG0315",
                    span,
                    format!("`{name}` of `{}` cannot be `{word}`", element.name),
                )
                .label(format!("expected {known}")),
            );
        }
    }
}

impl Compile<'_> {
    /// An attribute of an element that another policy's element holds (`set-header` in `return-response`), with its own default.
    pub fn attribute_of<T: ArgType>(
        &mut self,
        element: &Element,
        def: &'static super::PolicyDef,
        name: &str,
    ) -> Option<Arg<T>> {
        match element.attribute(name) {
            Some(attribute) => self.text_arg(&attribute.value),
            None => def
                .attributes
                .iter()
                .find(|d| d.name == name)?
                .default
                .and_then(T::literal)
                .map(Arg::Const),
        }
    }
}
