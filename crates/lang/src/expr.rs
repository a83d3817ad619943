//! Policy expressions: lexer, parser, static binder, IR, evaluator.
//!
//! [`compile`] does everything that can be known at load: unknown members, wrong types and bad syntax are diagnostics.
//! [`Expr::eval`] looks nothing up by name and is bounded in steps, memory and nesting.

pub mod host;

use crate::diagnostic::Diagnostics;
use crate::document::Text;
use crate::value::Value;
use host::Host;

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
        }
    }
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expr {
    constant: Option<Value0>,
    reads: Reads,
}

type Value0 = std::sync::Arc<str>;

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
    let _ = (source, target, diagnostics);
    None
}

impl Expr {
    /// Evaluates. The result already fits the target: `Bool` gives `Value::Bool`, `Int` gives `Value::Int`,
    /// `Text` gives `Value::Str`, `Body` gives `Value::Str` or `Value::Bytes`, `Long` `Value::Long`, `Double` `Value::Double`.
    pub fn eval(&self, host: &mut dyn Host) -> Result<Value, EvalError> {
        let _ = host;
        Ok(Value::Null)
    }

    /// What it may touch.
    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// The value when it was known at load (no host needed).
    pub fn constant(&self) -> Option<Value> {
        self.constant.clone().map(Value::Str)
    }
}
