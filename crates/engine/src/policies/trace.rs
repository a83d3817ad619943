//! `trace`: writes a message to the gateway's telemetry. The exchange does not change.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::services::TraceSeverity;
use crate::step::{Flow, Step};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "trace",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("source", Kind::Text, "who speaks, as the author names it").required(),
        attribute(
            "severity",
            Kind::OneOf(&["verbose", "information", "error"]),
            "how much it matters",
        )
        .default("verbose"),
    ],
    children: &[
        child("message", Content::Text, "the message").times(0, 1),
        child("metadata", Content::Empty, "a property of the message").attributes(&[
            attribute("name", Kind::Text, "its name")
                .required()
                .expression(),
            attribute("value", Kind::Text, "its value")
                .required()
                .expression(),
        ]),
    ],
    content: Content::Text,
    doc: "Writes a message with properties to the gateway's telemetry. It is never sampled away and does not change the exchange.\n\nThe message is the `message` element, or, as older documents write it, the policy's own text.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let source = cx.literal::<Str>(element, "source");
    let severity = cx.literal::<Str>(element, "severity");
    let mut message = None;
    let own = element.elements().next().is_none() && element.text().is_some();
    if own {
        message = cx.content::<Str>(element);
    } else if !element.elements().any(|e| &*e.name == "message") {
        cx.report(
            Diagnostic::error("TG0320", element.name_span, "`trace` needs a `message`")
                .label("expected the message"),
        );
    }
    let mut metadata = Vec::new();
    for child in element.elements() {
        if &*child.name == "message" {
            message = cx.content::<Str>(child);
        } else if let Some((name, value)) = child.attribute("name").zip(child.attribute("value")) {
            metadata.push((cx.text_arg(&name.value), cx.text_arg(&value.value)));
        }
    }
    let metadata = metadata
        .into_iter()
        .map(|(name, value)| name.zip(value))
        .collect::<Option<_>>();
    cx.step(Trace {
        source: source?,
        severity: match &*severity? {
            "information" => TraceSeverity::Information,
            "error" => TraceSeverity::Error,
            _ => TraceSeverity::Verbose,
        },
        message: message?,
        metadata: metadata?,
    })
}

#[derive(Debug)]
struct Trace {
    source: Str,
    severity: TraceSeverity,
    message: Arg<Str>,
    metadata: Vec<(Arg<Str>, Arg<Str>)>,
}

impl Trace {
    fn write(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let message = self.message.get(rq)?;
        let mut metadata = Vec::with_capacity(self.metadata.len());
        for (name, value) in &self.metadata {
            metadata.push((name.get(rq)?, value.get(rq)?));
        }
        rq.trace_message(&self.source, self.severity, &message, &metadata);
        Ok(())
    }
}

impl Step for Trace {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.write(rq).into()
    }
}
