//! Text in, intermediate representation out: policy documents, C# expressions, .NET value semantics, diagnostics.
//!
//! Who calls it: `engine` compiles policies with it and evaluates expressions; `control` prints its diagnostics.
//! What must stay true: no I/O, no clock, no tokio. Reading never fails: every reader returns what it could
//! make of the text and puts each fault into [`Diagnostics`], so one pass reports all of them.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod certificate;
pub mod diagnostic;
pub mod document;
pub mod expr;
pub mod fuzz;
pub mod interchange;
pub mod liquid;
pub mod source;
pub mod value;
pub mod xsd;
pub mod xslt;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use source::{FileId, Sources, Span};
