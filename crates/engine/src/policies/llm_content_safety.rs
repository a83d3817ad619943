//! `llm-content-safety`: has prompts and completions checked by an Azure AI Content Safety service.
//!
//! In inbound it checks the prompt, and with `enforce-on-completions` leaves its rules for the completion; in outbound it
//! checks the completion. What must stay true: what cannot be checked is refused.

use crate::LocalBoxFuture;
use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::content_safety::{self, Rules, WINDOW};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::snapshot::BackendIndex;
use crate::step::{Flow, Step};
use http::{HeaderValue, header};
use std::rc::Rc;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

const CATEGORIES: [&str; 4] = ["Hate", "SelfHarm", "Sexual", "Violence"];
const OUTPUT_TYPES: [&str; 2] = ["FourSeverityLevels", "EightSeverityLevels"];

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "llm-content-safety",
    sections: Sections::INBOUND.or(Sections::OUTBOUND),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "backend-id",
            Kind::Text,
            "the backend of the Azure AI Content Safety service; without credentials of its own it gets a token of the gateway's identity",
        )
        .required()
        .expression(),
        attribute(
            "shield-prompt",
            Kind::Bool,
            "whether prompts are searched for attacks on the model",
        )
        .expression()
        .default("false"),
        attribute(
            "enforce-on-completions",
            Kind::Bool,
            "in inbound: whether the completion is held to the same categories and lists; in outbound without meaning",
        )
        .expression()
        .default("false"),
        attribute(
            "window-size",
            Kind::Int(1, WINDOW as i64),
            "characters of a completion that are checked at once; of a prompt always 10000",
        )
        .expression()
        .default("10000"),
        attribute(
            "window-overlap-size",
            Kind::Int(0, WINDOW as i64),
            "characters that two windows share",
        )
        .expression()
        .default("0"),
    ],
    children: &[
        child(
            "categories",
            Content::Empty,
            "categories of harm, and the severity from which a text is blocked",
        )
        .times(0, 1)
        .attributes(&[attribute(
            "output-type",
            Kind::OneOf(&OUTPUT_TYPES),
            "which severities the service tells: 0, 2, 4 and 6, or 0 to 7",
        )
        .expression()
        .default("FourSeverityLevels")])
        .children(&[child("category", Content::Empty, "one of them").attributes(&[
            attribute("name", Kind::OneOf(&CATEGORIES), "the category")
                .required()
                .expression(),
            attribute(
                "threshold",
                Kind::Int(0, 7),
                "a text of this severity and of higher ones is blocked",
            )
            .required()
            .expression(),
        ])]),
        child(
            "blocklists",
            Content::Empty,
            "lists of the service whose terms are blocked",
        )
        .times(0, 1)
        .children(&[child("id", Content::Text, "name of a list")]),
    ],
    content: Content::Empty,
    doc: "Has the text of prompts and completions checked by an Azure AI Content Safety service, and answers 403 for what it finds. A streamed completion is held back window by window, and ends where it does not pass.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let backend = match cx.arg::<Str>(element, "backend-id") {
        Some(Arg::Const(id)) => {
            let span = element.attribute("backend-id").map(|a| a.value.span)?;
            cx.backend(id.trim(), span).map(Backend::Known)
        }
        named => named.map(Backend::Named),
    };
    let shield = cx.arg(element, "shield-prompt");
    let enforce = cx.arg(element, "enforce-on-completions");
    let window = cx.arg(element, "window-size");
    let overlap = cx.arg(element, "window-overlap-size");
    let mut output_type = Some(Arg::Const(Str::from(OUTPUT_TYPES[0])));
    let mut categories = Vec::new();
    let mut blocklists = Vec::new();
    for child in element.elements() {
        if &*child.name == "blocklists" {
            blocklists.push(cx.contents::<Str>(child, "id"));
            continue;
        }
        if let Some(attribute) = child.attribute("output-type") {
            output_type = cx.text_arg(&attribute.value);
        }
        for category in child.elements() {
            let parts = category
                .attribute("name")
                .zip(category.attribute("threshold"));
            let parts = parts
                .map(|(name, threshold)| (cx.text_arg(&name.value), cx.text_arg(&threshold.value)));
            categories.push(parts.and_then(|(name, threshold)| name.zip(threshold)));
        }
    }
    let blocklists: Option<Vec<Vec<_>>> = blocklists.into_iter().collect();
    cx.step(ContentSafety {
        backend: backend?,
        shield: shield?,
        enforce: enforce?,
        window: window?,
        overlap: overlap?,
        output_type: output_type?,
        categories: categories.into_iter().collect::<Option<_>>()?,
        blocklists: blocklists?.into_iter().flatten().collect(),
    })
}

#[derive(Debug)]
enum Backend {
    Known(BackendIndex),
    Named(Arg<Str>),
}

#[derive(Debug)]
struct ContentSafety {
    backend: Backend,
    shield: Arg<bool>,
    enforce: Arg<bool>,
    window: Arg<i64>,
    overlap: Arg<i64>,
    output_type: Arg<Str>,
    categories: Vec<(Arg<Str>, Arg<i64>)>,
    blocklists: Vec<Arg<Str>>,
}

/// One of the words that an attribute knows.
fn word(
    known: &'static [&'static str],
    found: &str,
    what: &str,
) -> Result<&'static str, Box<Failure>> {
    known
        .iter()
        .find(|k| **k == found.trim())
        .copied()
        .ok_or_else(|| {
            let why = format!("`{found}` is not {what}: expected {}.", known.join(", "));
            Failure::internal("", "", why)
        })
}

fn number(found: i64, low: i64, high: i64, what: &str) -> Result<usize, Box<Failure>> {
    usize::try_from(found)
        .ok()
        .filter(|_| (low..=high).contains(&found))
        .ok_or_else(|| {
            let why = format!("`{found}` is not {what}: expected {low} to {high}.");
            Failure::internal("", "", why)
        })
}

impl ContentSafety {
    /// The rules for this request, and whether they are for the completion too.
    fn rules(&self, rq: &mut Exchange) -> Result<(Rc<Rules>, bool), Box<Failure>> {
        const LARGEST: i64 = WINDOW as i64;
        let backend = match &self.backend {
            Backend::Known(index) => *index,
            Backend::Named(id) => {
                let id = id.get(rq)?;
                rq.backend_named(id.trim())?
            }
        };
        let mut categories = Vec::with_capacity(self.categories.len());
        for (name, threshold) in &self.categories {
            let name = word(&CATEGORIES, &name.get(rq)?, "a category")?;
            let threshold = threshold.get(rq)?;
            number(threshold, 0, 7, "a threshold")?;
            categories.push((name, threshold));
        }
        let mut blocklists = Vec::with_capacity(self.blocklists.len());
        for list in &self.blocklists {
            let name = list.get(rq)?;
            blocklists.push(Str::from(name.trim()));
        }
        let rules = Rules {
            backend,
            shield: self.shield.get(rq)?,
            window: number(self.window.get(rq)?, 1, LARGEST, "a window size")?,
            overlap: number(self.overlap.get(rq)?, 0, LARGEST, "an overlap")?,
            output_type: word(&OUTPUT_TYPES, &self.output_type.get(rq)?, "an output type")?,
            categories,
            blocklists,
        };
        Ok((Rc::new(rules), self.enforce.get(rq)?))
    }

    async fn check(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let (rules, enforce) = self.rules(rq)?;
        if !rq.section.on_request() {
            return content_safety::completion(rq, &rules).await;
        }
        content_safety::prompt(rq, &rules).await?;
        if enforce && rules.check_completions() {
            // A completion that is coded cannot be checked while it streams.
            let identity = HeaderValue::from_static("identity");
            rq.request.headers.insert(header::ACCEPT_ENCODING, identity);
            rq.completion_rules.push(rules);
        }
        Ok(())
    }
}

impl Step for ContentSafety {
    fn run(&self, _: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.check(rq).await.into() })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
