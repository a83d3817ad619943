//! XSLT 1.0 as .NET's `XslCompiledTransform` runs it: stylesheets of `xsl-transform`.
//!
//! The engine compiles a stylesheet when a document is loaded and transforms a body with it for each exchange. Sources:
//! W3C, XSL Transformations 1.0; what .NET does was measured (`tests/xslt`). docs/transformations.md tells the decisions.
//! What must stay true: a transformation parses no stylesheet, reads nothing but its body and parameters, and ends: its
//! steps, its memory and the depth of its templates are bounded.

mod compile;
mod format_number;
mod functions;
mod ir;
mod marks;
mod number;
mod output;
mod pattern;
mod result;
mod run;
mod serialize;
mod state;

use crate::diagnostic::Diagnostics;
use crate::document::Element;
use crate::expr::EvalError;
use crate::expr::eval::{Cx, Throw, throw};
use crate::expr::host::Host;
use crate::expr::table::convert::encoding;
use crate::value::Str;
use crate::value::xml::read::{self, Reading};
use crate::value::xml::{Kind, Node, XML};
use marks::Marks;
use state::{Frame, State};
use std::rc::Rc;

/// Most steps of a transformation; a step is an instruction, or a node that a path looks at.
const MAX_STEPS: u64 = 20_000_000;

/// A compiled stylesheet.
#[derive(Debug)]
pub struct Stylesheet {
    program: ir::Program,
}

/// What a transformation gave.
#[derive(Debug)]
pub struct Transformed {
    /// The result, in its encoding.
    pub body: Vec<u8>,
    /// The encoding's name.
    pub encoding: &'static str,
    /// What `xsl:message` said.
    pub messages: Vec<String>,
}

/// Compiles the root element of a stylesheet in a policy document. `None` when it was refused; faults are in
/// `diagnostics`.
pub fn compile(element: &Element, diagnostics: &mut Diagnostics) -> Option<Stylesheet> {
    let program = compile::compile(element, diagnostics)?;
    Some(Stylesheet { program })
}

impl Stylesheet {
    /// Transforms a document. Parameters have names without a namespace.
    ///
    /// # Errors
    /// What is not well-formed, what the stylesheet ends with (`xsl:message`), and what goes over the bounds.
    pub fn transform(
        &self,
        host: &mut dyn Host,
        text: &str,
        parameters: &[(Str, Str)],
    ) -> Result<Transformed, EvalError> {
        let mut cx = Cx::with_steps(host, MAX_STEPS);
        let done = self.transformed(&mut cx, text, parameters);
        done.map_err(|thrown| {
            let error = EvalError::from(thrown);
            match error.exception {
                "System.TimeoutException" => EvalError {
                    message: format!("The transformation took more than {MAX_STEPS} steps."),
                    ..error
                },
                _ => error,
            }
        })
    }

    fn transformed(
        &self,
        cx: &mut Cx<'_>,
        text: &str,
        parameters: &[(Str, Str)],
    ) -> Result<Transformed, Throw> {
        cx.charge(text.len().saturating_mul(24))?;
        cx.step(40 + text.len() / 4)?;
        let mut marks = Marks::default();
        let mut note = |node: &Rc<Node>, prefix: &Str, _: u64| marks.prefix(node, prefix);
        let reading = Reading {
            keep_space: true,
            plain_text: true,
            note: Some(&mut note),
        };
        let source = read::document_as(text, reading).map_err(|why| throw("XmlException", why))?;
        self.strip(cx, &source, false)?;
        let frame = Frame::new(cx, 0, Vec::new())?;
        let mut state = State::new(&self.program, source, marks, parameters, frame);
        let root = state.transform(cx)?;
        let wanted = self.program.output.encoding.as_deref().unwrap_or("utf-8");
        let encoding = encoding::Written::of(wanted);
        let serializer = serialize::Serializer::new(
            &self.program.output,
            &state.marks,
            encoding.name(),
            encoding.last(),
        );
        let text = serializer.write(cx, &root)?;
        cx.charge(text.len())?;
        Ok(Transformed {
            body: encoding.encode(text),
            encoding: encoding.name(),
            messages: std::mem::take(&mut state.messages),
        })
    }

    /// Takes out the white space that `xsl:strip-space` names.
    fn strip(&self, cx: &mut Cx<'_>, node: &Rc<Node>, preserved: bool) -> Result<(), Throw> {
        if self.program.space.iter().all(|rule| !rule.strip) {
            return Ok(());
        }
        let mut preserved = preserved;
        let mut strips = false;
        if let Some(name) = node.name() {
            for attribute in node.attributes() {
                if attribute
                    .name()
                    .is_some_and(|n| &*n.namespace == XML && &*n.local == "space")
                {
                    preserved = &*attribute.inner_text() == "preserve";
                }
            }
            strips = self
                .program
                .space
                .iter()
                .find(|rule| {
                    rule.namespace.as_ref().is_none_or(|n| *n == name.namespace)
                        && rule.local.as_ref().is_none_or(|l| *l == name.local)
                })
                .is_some_and(|rule| rule.strip);
        }
        let children = node.children();
        cx.step(children.len())?;
        let blank = |n: &Node| match &n.kind {
            Kind::Text(text) => text
                .borrow()
                .bytes()
                .all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')),
            _ => false,
        };
        if strips && !preserved && children.iter().any(|n| blank(n)) {
            node.retain(|n| !blank(n));
        }
        for child in children.iter().filter(|n| n.is_element()) {
            self.strip(cx, child, preserved)?;
        }
        Ok(())
    }
}
