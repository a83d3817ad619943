//! Faults found while loading, with their place and their remedy.
//!
//! What must stay true: a diagnostic names what was expected, and a reader never stops at the first one.

pub mod nearest;
mod render;

use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Loads, but the author should know.
    Warning,
    /// Refused.
    Error,
}

impl Severity {
    /// `error` or `warning`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Stable code, `TG0000`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line without a full stop.
    pub message: String,
    /// Where, and what to print under the carets (often what was expected). `None`: no place in a text.
    pub span: Option<Span>,
    /// Text under the carets.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that matter, with a word each.
    pub related: Vec<(Span, String)>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            span: Some(span),
            label: String::new(),
            help: None,
            related: Vec::new(),
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(code, span, message)
        }
    }

    /// What was expected: printed under the carets.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Another place that matters.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.related.push((span, text.into()));
        self
    }
}

/// Everything found in one load, in the order found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    portable: bool,
}

impl Diagnostics {
    /// A collection that also wants to hear of what works here and is refused by API Management (TG0205).
    #[must_use]
    pub fn portable(portable: bool) -> Diagnostics {
        Diagnostics {
            items: Vec::new(),
            portable,
        }
    }

    /// Whether it wants to hear of what API Management refuses.
    pub fn wants_portable(&self) -> bool {
        self.portable
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.push(diagnostic);
    }

    /// All of them.
    pub fn items(&self) -> &[Diagnostic] {
        &self.items
    }

    /// Whether anything was refused.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|d| d.severity == Severity::Error)
    }

    /// Takes the contents of another collection.
    pub fn append(&mut self, other: Diagnostics) {
        self.items.extend(other.items);
    }
}
