//! The policy document reader.
//!
//! `tests/read/*.test` hold a document, a line `----------`, and the tree and diagnostics that reading it gives;
//! `UPDATE_EXPECT=1` rewrites the last part. Lines that begin with `%` before the document set it up:
//! `%named name=value` gives a named value, `%escapes` makes `\r`, `\0` and `\u{feff}` in the document what they
//! say, `%places` adds line and column to the tree.

mod bounds;
mod corpus;
mod properties;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use tollgate_lang::document::{self, Document, Element, NamedValues, Node, Text, TextKind};
use tollgate_lang::{Diagnostics, Sources, Span};

const RULE: &str = "----------";

/// Named values from a table.
#[derive(Default)]
struct Named(BTreeMap<String, String>);

impl NamedValues for Named {
    fn get(&self, display_name: &str) -> Option<&str> {
        self.0.get(display_name).map(String::as_str)
    }

    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// A document as read, with what is needed to print it.
struct Reading {
    sources: Sources,
    document: Option<Document>,
    diagnostics: Diagnostics,
}

fn read(name: &str, text: &str, named: &dyn NamedValues) -> Reading {
    let mut sources = Sources::default();
    let file = sources.add(name, text);
    let mut diagnostics = Diagnostics::default();
    let document = document::read(file, text, named, &mut diagnostics);
    Reading {
        sources,
        document,
        diagnostics,
    }
}

impl Reading {
    fn codes(&self) -> Vec<&'static str> {
        self.diagnostics.items().iter().map(|d| d.code).collect()
    }
}

#[test]
fn fixtures() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read"));
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "test"));
    paths.sort();
    assert!(paths.len() > 30, "the fixtures are missing");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut failed = Vec::new();
    for path in paths {
        let content = std::fs::read_to_string(&path)
            .unwrap()
            .replace("\r\n", "\n");
        let (given, expected) = content
            .split_once(&format!("\n{RULE}\n"))
            .unwrap_or((content.trim_end(), ""));
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let actual = outcome(&format!("{stem}.xml"), given);
        if actual == expected {
            continue;
        }
        if update {
            std::fs::write(&path, format!("{given}\n{RULE}\n{actual}")).unwrap();
        } else {
            failed.push(format!(
                "=== {}\n--- expected\n{expected}\n--- actual\n{actual}",
                path.display()
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "{}\n{} fixtures differ; UPDATE_EXPECT=1 rewrites them",
        failed.join("\n"),
        failed.len()
    );
}

fn outcome(name: &str, given: &str) -> String {
    let (mut named, mut escapes, mut places) = (Named::default(), false, false);
    let mut text = given;
    while let Some((line, rest)) = text
        .split_once('\n')
        .filter(|(line, _)| line.starts_with('%'))
    {
        match line.split_once(' ') {
            Some(("%named", pair)) => {
                let (name, value) = pair.split_once('=').unwrap();
                named.0.insert(name.into(), value.into());
            }
            _ if line == "%escapes" => escapes = true,
            _ if line == "%places" => places = true,
            _ => panic!("{name}: {line}"),
        }
        text = rest;
    }
    let text = if escapes {
        text.replace("\\r", "\r")
            .replace("\\0", "\0")
            .replace("\\u{feff}", "\u{feff}")
    } else {
        text.to_owned()
    };
    let reading = read(name, &text, &named);
    let mut out = String::new();
    match &reading.document {
        Some(document) => dump(
            &mut out,
            &document.root,
            0,
            places.then_some(&reading.sources),
        ),
        None => out.push_str("no document\n"),
    }
    let rendered = reading.diagnostics.render(&reading.sources, false);
    if !rendered.is_empty() {
        let lines: Vec<&str> = rendered.trim_end().lines().map(str::trim_end).collect();
        let _ = write!(
            out,
            "\n{}\n\n{}\n",
            lines.join("\n"),
            reading.diagnostics.summary()
        );
    }
    out
}

fn dump(out: &mut String, element: &Element, depth: usize, places: Option<&Sources>) {
    let place = |span: Span| match places {
        Some(sources) => {
            let (line, column) = sources.line_column(span.file, span.start);
            let (last, end) = sources.line_column(span.file, span.end);
            if line == last {
                format!(" {line}:{column}-{end}")
            } else {
                format!(" {line}:{column}-{last}:{end}")
            }
        }
        None => String::new(),
    };
    let indent = "  ".repeat(depth);
    let _ = write!(out, "{indent}{}{}", element.name, place(element.span));
    for attribute in &element.attributes {
        let _ = write!(
            out,
            " {}={}{}",
            attribute.name,
            value(&attribute.value),
            place(attribute.value.span)
        );
    }
    out.push('\n');
    for child in &element.children {
        match child {
            Node::Element(child) => dump(out, child, depth + 1, places),
            Node::Text(text) => {
                let _ = writeln!(out, "{indent}  {}{}", value(text), place(text.span));
            }
        }
    }
}

fn value(text: &Text) -> String {
    let broken = if text.is_broken() { " (broken)" } else { "" };
    let shown = match text.kind {
        TextKind::Literal => format!("{:?}", text.text),
        TextKind::Single => format!("@({:?})", text.text),
        TextKind::Multi => format!("@{{{:?}}}", text.text),
    };
    shown + broken
}

#[test]
fn a_test_expression_spans_its_file() {
    let mut sources = Sources::default();
    let file = sources.add("e", "1 + 2");
    let text = Text::expression(file, "1 + 2", false);
    assert_eq!(text.kind, TextKind::Single);
    assert_eq!(text.locate(4..5), Span::new(file, 4..5));
}

#[test]
fn debug_output_holds_no_named_value() {
    let named = Named(BTreeMap::from([("key".into(), "s3cret".into())]));
    let text =
        r#"<policies><inbound a="{{key}}" b="@("{{key}}")">x {{key}} &lt; y</inbound></policies>"#;
    let reading = read("a.xml", text, &named);
    assert_eq!(reading.codes(), Vec::<&str>::new());
    let debug = format!("{:?}", reading.document);
    assert!(
        !debug.contains("s3cret") && debug.contains("x {{...}} < y"),
        "{debug}"
    );
}

#[test]
fn faults_quote_the_token_not_the_named_value() {
    let named = Named(BTreeMap::from([("key".into(), "s3cret\" & <oops".into())]));
    let text = r#"<policies><inbound a="@({{key}}" b={{key}} c="x" {{key}}="1"><{{key}}></inbound>{{key}}</policies>"#;
    let reading = read("a.xml", text, &named);
    let printed = reading.diagnostics.render(&reading.sources, false)
        + &reading.diagnostics.render_compact(&reading.sources);
    assert!(
        reading.diagnostics.has_errors() && !printed.contains("s3cret"),
        "{printed}"
    );
}

#[test]
fn prints_in_one_line_and_as_a_count_and_in_colour() {
    let reading = read(
        "p/a.xml",
        "<policies>\n  <inbound a=\"@(1) + 1\" b='1' b='2' />\n  <base>\n</policies>",
        &Named::default(),
    );
    let compact = reading.diagnostics.render_compact(&reading.sources);
    let lines: Vec<&str> = compact.lines().collect();
    assert_eq!(lines.len(), 3, "{compact}");
    assert!(
        lines[0].starts_with("p/a.xml:2:15: warning[TG0124]: "),
        "{compact}"
    );
    assert_eq!(
        lines[2],
        "p/a.xml:3:3: error[TG0101]: the element `<base>` is never closed; expected `</base>` before `</policies>`; did you mean `<base />`?"
    );
    assert_eq!(reading.diagnostics.summary(), "2 errors, 1 warning");
    assert!(
        reading
            .diagnostics
            .render(&reading.sources, true)
            .contains("\u{1b}[")
    );
    assert_eq!(Diagnostics::default().summary(), "");
}
