//! Stylesheets against what `XslCompiledTransform` made of them.
//!
//! `tests/xslt/*.jsonl`: one case a line: stylesheet, input, parameters. `measured` is what .NET's engine gave in Mono 6.8
//! (`result`, `messages`, or the `error` that it refused with); where we differ on purpose `ours` stands beside it, with
//! the reason in `why`.

use serde_json::{Value as Json, json};
use tollgate_lang::document::{self, NoNamedValues};
use tollgate_lang::expr::fixture::Fixture;
use tollgate_lang::value::Str;
use tollgate_lang::xslt::{self, Stylesheet};
use tollgate_lang::{Diagnostics, Sources};

/// Compiles a stylesheet as a policy document holds it.
fn compiled(stylesheet: &str) -> Result<Stylesheet, String> {
    let text = format!("<xsl-transform>{stylesheet}</xsl-transform>");
    let mut sources = Sources::default();
    let file = sources.add("case.xml", &*text);
    let mut diagnostics = Diagnostics::default();
    let read = document::read(file, &text, &NoNamedValues, &mut diagnostics);
    let compiled = read.as_ref().and_then(|document| {
        let root = document.root.elements().next()?;
        xslt::compile(root, &mut diagnostics)
    });
    match compiled {
        Some(stylesheet) if !diagnostics.has_errors() => Ok(stylesheet),
        _ => Err(diagnostics.render_compact(&sources)),
    }
}

/// What we make of a case.
fn outcome(case: &Json) -> Json {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let stylesheet = match compiled(text("stylesheet")) {
        Ok(stylesheet) => stylesheet,
        Err(why) => return json!({ "error": why }),
    };
    let parameters: Vec<(Str, Str)> = case["parameters"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (Str::from(name.as_str()), Str::from(value.as_str().unwrap())))
        .collect();
    let mut host = Fixture::read(&Json::Null).unwrap();
    match stylesheet.transform(&mut host, text("input"), &parameters) {
        Ok(done) => {
            let result = tollgate_lang::interchange::decode(&done.body, Some(done.encoding));
            let mut out = json!({ "result": result });
            if !done.messages.is_empty() {
                out["messages"] = json!(done.messages);
            }
            out
        }
        Err(error) => json!({ "error": format!("{}: {}", error.exception, error.message) }),
    }
}

#[test]
fn stylesheets_transform_as_in_dotnet() {
    crate::measured::hold("xslt", "error", outcome);
}

/// What a stylesheet that does not end fails with.
fn endless(body: &str) -> String {
    let stylesheet = compiled(&format!(
        "<xsl:stylesheet version=\"1.0\" xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\">{body}</xsl:stylesheet>"
    ));
    let mut host = Fixture::read(&Json::Null).unwrap();
    let done = stylesheet.unwrap().transform(&mut host, "<a><b/></a>", &[]);
    done.unwrap_err().message
}

#[test]
fn what_does_not_end_is_stopped() {
    let deep = endless(
        "<xsl:template match=\"/\"><x><xsl:call-template name=\"t\"/></x></xsl:template>
         <xsl:template name=\"t\"><xsl:variable name=\"v\"><xsl:call-template name=\"t\"/></xsl:variable></xsl:template>",
    );
    assert!(deep.contains("infinite recursion"), "{deep}");
    let long = endless(
        "<xsl:template match=\"/\"><xsl:apply-templates select=\"//b\"/></xsl:template>
         <xsl:template match=\"b\"><xsl:apply-templates select=\".\"/></xsl:template>",
    );
    assert!(
        long.contains("20000000 steps") || long.contains("MB"),
        "{long}"
    );
    let nested = endless(
        "<xsl:template match=\"b|/\"><x><xsl:apply-templates select=\"//b\"/></x></xsl:template>",
    );
    assert!(nested.contains("nested too deeply"), "{nested}");
    let large = endless(
        "<xsl:template match=\"/\"><xsl:call-template name=\"t\"><xsl:with-param name=\"s\" select=\"'xx'\"/></xsl:call-template></xsl:template>
         <xsl:template name=\"t\"><xsl:param name=\"s\"/><xsl:call-template name=\"t\"><xsl:with-param name=\"s\" select=\"concat($s, $s)\"/></xsl:call-template></xsl:template>",
    );
    assert!(large.contains("MB"), "{large}");
}
