//! `xsl-transform`: transforms the body of the current message with a stylesheet of XSLT 1.0.
//!
//! The engine of the language is `tollgate_lang::xslt`. What must stay true: the stylesheet is compiled when the document
//! is loaded; a message without a body stays as it is.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::conversion::{body_text, fits, refused};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::media;
use crate::probe::Event;
use crate::services::TraceSeverity;
use crate::step::{Flow, Needs, Step};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;
use tollgate_lang::xslt::Stylesheet;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "xsl-transform",
    sections: Sections::INBOUND.or(Sections::OUTBOUND),
    scopes: Scopes::ALL,
    once: Once::PerSection,
    attributes: &[],
    children: &[
        child(
            "parameter",
            Content::Text,
            "the value of an `xsl:param` of the stylesheet",
        )
        .attributes(&[
            attribute("name", Kind::Text, "its name"),
            attribute(
                "parameter-name",
                Kind::Text,
                "the same, as some documents have it",
            ),
        ]),
        child(
            "xsl:stylesheet",
            Content::Markup,
            "the stylesheet; `xsl:transform`, another prefix, and a literal result element with `xsl:version` do too",
        )
        .times(0, 1),
    ],
    content: Content::Markup,
    doc: "Transforms the body, which must be XML, with a stylesheet of XSLT 1.0: of the request in `inbound`, of the response in `outbound`.\n\nAll of XSLT 1.0 is there as .NET runs it, with `msxsl:node-set()`; other files, `document()` and scripts are refused when the document is loaded. The `Content-Type` stays. A message without a body stays as it is; a body that is not XML is an error: `json-to-xml` before it makes XML of JSON. See [transformations](../transformations.md#stylesheets).",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let mut parameters = Vec::new();
    for parameter in element.elements().filter(|e| &*e.name == "parameter") {
        let attribute = parameter
            .attribute("name")
            .or_else(|| parameter.attribute("parameter-name"));
        let Some(attribute) = attribute else {
            cx.report(
                Diagnostic::error("TG0589", parameter.name_span, "`parameter` has no name")
                    .label("expected `name`, which an `xsl:param` of the stylesheet has"),
            );
            continue;
        };
        let name = Str::from(attribute.value.text.trim());
        parameters.push((name, cx.content::<Str>(parameter)?));
    }
    let mut sheets = element.elements().filter(|e| &*e.name != "parameter");
    let (first, second) = (sheets.next(), sheets.next());
    let (Some(sheet), None) = (first, second) else {
        cx.report(
            Diagnostic::error(
                "TG0580",
                second.map_or(element.name_span, |e| e.name_span),
                "`xsl-transform` needs one stylesheet",
            )
            .label("expected one `xsl:stylesheet` after the parameters"),
        );
        return None;
    };
    let stylesheet = cx.stylesheet(sheet)?;
    let request_body = cx.section.on_request();
    cx.needs(Needs {
        request_body,
        response_body: !request_body,
    });
    cx.step(Transformation {
        stylesheet,
        parameters,
    })
}

#[derive(Debug)]
struct Transformation {
    stylesheet: Stylesheet,
    parameters: Vec<(Str, Arg<Str>)>,
}

impl Transformation {
    fn replace(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let mut parameters = Vec::with_capacity(self.parameters.len());
        for (name, value) in &self.parameters {
            parameters.push((name.clone(), value.get(rq)?));
        }
        let Some(text) = body_text(rq)? else {
            return Ok(());
        };
        let done = self
            .stylesheet
            .transform(rq, &text, &parameters)
            .map_err(|e| refused(&e))?;
        for message in &done.messages {
            rq.tell(|| Event::Traced {
                source: DEF.name,
                severity: TraceSeverity::Information,
                message,
                metadata: &[],
            });
        }
        fits(rq, done.body.len())?;
        rq.replace_body(done.body.into());
        media::say_charset(rq.current_headers(), done.encoding);
        Ok(())
    }
}

impl Step for Transformation {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.replace(rq).into()
    }
}
