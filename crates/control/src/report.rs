//! The outcome of a load as JSON, for editors and pipelines (`tollgate check --format json`).

use crate::load::Loaded;
use serde_json::{Value, json};
use std::path::Path;
use tollgate_lang::{Severity, Span};

impl Loaded {
    /// Number of errors and of warnings.
    pub fn counts(&self) -> (usize, usize) {
        let count = |severity| {
            let items = self.diagnostics.items().iter();
            items.filter(|d| d.severity == severity).count()
        };
        (count(Severity::Error), count(Severity::Warning))
    }

    /// The outcome as one JSON object. Lines and columns count from 1, columns in characters.
    pub fn json(&self, path: &Path) -> Value {
        let (errors, warnings) = self.counts();
        let diagnostics: Vec<Value> = self
            .diagnostics
            .items()
            .iter()
            .map(|d| {
                let related: Vec<Value> = d
                    .related
                    .iter()
                    .map(|(span, text)| json!({ "message": text, "at": self.place(*span) }))
                    .collect();
                json!({
                    "code": d.code,
                    "severity": d.severity.name(),
                    "message": d.message,
                    "at": d.span.map(|span| self.place(span)),
                    "label": (!d.label.is_empty()).then_some(&d.label),
                    "help": d.help,
                    "related": related,
                })
            })
            .collect();
        json!({
            "path": path.display().to_string(),
            "ok": errors == 0,
            "errors": errors,
            "warnings": warnings,
            "found": {
                "apis": self.summary.apis,
                "operations": self.summary.operations,
                "products": self.summary.products,
                "subscriptions": self.summary.subscriptions,
                "backends": self.summary.backends,
                "policies": self.summary.policies,
            },
            "diagnostics": diagnostics,
        })
    }

    fn place(&self, span: Span) -> Value {
        let Some(source) = self.sources.get(span.file) else {
            return Value::Null;
        };
        let (line, column) = self.sources.line_column(span.file, span.start);
        let (end_line, end_column) = self.sources.line_column(span.file, span.end);
        json!({
            "file": &*source.name,
            "line": line,
            "column": column,
            "endLine": end_line,
            "endColumn": end_column,
        })
    }
}
