//! Entry points for fuzzing: any bytes go in, and what must hold for every input is asserted.
//!
//! `fuzz/` calls them with coverage guidance, the property tests with random data.

mod program;

use crate::diagnostic::Diagnostics;
use crate::document::{self, Element, NamedValues, Node, Text, TextKind};
use crate::expr::eval::{composite, formatted};
use crate::expr::fixture::Fixture;
use crate::expr::types::Num;
use crate::expr::{self, Target};
use crate::source::{FileId, Sources, Span};
use crate::value::number::read::{read, read_usual};
use crate::value::number::symbols::INVARIANT;
use crate::value::number::{self};
use crate::value::{DateTime, Kind, Value};
use rust_decimal::Decimal;

struct Named;

impl NamedValues for Named {
    fn get(&self, display_name: &str) -> Option<&str> {
        match display_name {
            "key" => Some("a \"quoted\" <value> & more"),
            "exp" => Some("@(context.Request.IpAddress)"),
            "cr" => Some("\r"),
            "none" => Some(""),
            _ => None,
        }
    }

    fn names(&self) -> Vec<&str> {
        vec!["key", "exp", "cr", "none"]
    }
}

/// Reads `data` as a policy document.
///
/// # Panics
/// When a span is out of bounds or inside a character, or when a document of which nothing was wrong has no root.
pub fn policy_document(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut sources = Sources::default();
    let file = sources.add("fuzz.xml", &*text);
    let mut diagnostics = Diagnostics::default();
    let read = document::read(file, &text, &Named, &mut diagnostics);
    let check = |span: Span| {
        assert_eq!(span.file, file);
        assert!(
            text.get(span.start as usize..span.end as usize).is_some(),
            "{span:?} in {} bytes",
            text.len()
        );
    };
    assert!(read.is_some() || diagnostics.has_errors());
    if let Some(document) = &read {
        check_element(&document.root, &check);
    }
    let mut last = 0;
    for diagnostic in diagnostics.items() {
        let span = diagnostic.span.expect("the reader's faults have a place");
        assert!(last <= span.start, "not in order");
        last = span.start;
        check(span);
        diagnostic.related.iter().for_each(|(span, _)| check(*span));
        assert!(
            !diagnostic.message.is_empty() && !diagnostic.message.contains('\n'),
            "{}",
            diagnostic.message
        );
    }
    diagnostics.render(&sources, true);
    diagnostics.render_compact(&sources);
}

fn check_element(element: &Element, check: &dyn Fn(Span)) {
    check(element.span);
    check(element.name_span);
    for attribute in &element.attributes {
        check(attribute.name_span);
        check_text(&attribute.value, check);
    }
    for child in &element.children {
        match child {
            Node::Element(child) => check_element(child, check),
            Node::Text(text) => check_text(text, check),
        }
    }
}

fn check_text(text: &Text, check: &dyn Fn(Span)) {
    check(text.span);
    let whole = text.locate(0..text.text.len());
    assert!(
        text.span.start <= whole.start && whole.end <= text.span.end,
        "{whole:?} outside {:?}",
        text.span
    );
    let mut last = 0;
    for (at, ch) in text.text.char_indices() {
        let span = text.locate(at..at + ch.len_utf8());
        check(span);
        check(text.locate(at..at));
        assert!(
            last <= span.start,
            "places go backwards at {at} of {text:?}"
        );
        last = span.start;
    }
}

/// Compiles `data` as the code of an expression; its first byte picks the form and the target.
///
/// # Panics
/// When a diagnostic has its place out of bounds or inside a character, or when nothing came back without one.
pub fn expression(data: &[u8]) {
    const TARGETS: [Target; 7] = [
        Target::Text,
        Target::Bool,
        Target::Int,
        Target::Long,
        Target::Double,
        Target::Body,
        Target::Any,
    ];
    let Some((first, code)) = data.split_first() else {
        return;
    };
    let code = String::from_utf8_lossy(code);
    let mut sources = Sources::default();
    let file: FileId = sources.add("fuzz.cs", &*code);
    let text = Text::expression(file, &code, first & 1 == 1);
    debug_assert_ne!(text.kind, TextKind::Literal);
    let mut diagnostics = Diagnostics::default();
    let compiled = expr::compile(
        &text,
        TARGETS[usize::from(first >> 1) % TARGETS.len()],
        &mut diagnostics,
    );
    assert!(compiled.is_some() || diagnostics.has_errors());
    for diagnostic in diagnostics.items() {
        for span in diagnostic
            .span
            .iter()
            .chain(diagnostic.related.iter().map(|(span, _)| span))
        {
            assert!(
                code.get(span.start as usize..span.end as usize).is_some(),
                "{span:?} in {} bytes",
                code.len()
            );
        }
    }
    diagnostics.render(&sources, false);
}

/// Makes a program of `data` and evaluates it, as it was bound and as it was improved at load.
///
/// # Panics
/// When the two give something else, unless a bound stopped one of them.
pub fn evaluation(data: &[u8]) {
    let code = program::program(data);
    let context = serde_json::json!({
        "request": { "headers": { "x-a": "b" }, "body": { "a": [1, "x"], "model": "m" } },
        "variables": { "t": "text", "n": 3 },
        "user": { "id": "u" }
    });
    let mut outcomes = [true, false].into_iter().map(|improve| {
        let mut sources = Sources::default();
        let file = sources.add("fuzz.cs", &*code);
        let text = Text::expression(file, &code, true);
        let mut diagnostics = Diagnostics::default();
        let expr = expr::compiled(&text, Target::Any, &mut diagnostics, improve)?;
        let mut fixture = Fixture::read(&context).ok()?;
        // Twice: what the first leaves in the exchange must not be seen.
        let _ = expr.eval(&mut fixture);
        Some(match expr.eval(&mut fixture) {
            Ok(v) => Ok(format!("{} {}", v.type_name(), v.to_text())),
            Err(e) => Err((e.exception, e.message)),
        })
    });
    let (Some(Some(improved)), Some(Some(plain))) = (outcomes.next(), outcomes.next()) else {
        return;
    };
    let stopped = |r: &Result<String, (&str, String)>| matches!(r, Err((_, message)) if message.contains("the expression "));
    assert!(
        improved == plain || stopped(&improved) || stopped(&plain),
        "{code}\nimproved: {improved:?}\nplain: {plain:?}"
    );
}

/// Searches a text with a pattern: two bytes of options, the pattern, a line end, the text.
///
/// # Panics
/// When a match lies outside the text or before the last, or a replacement of matches by themselves changes the text.
pub fn regex(data: &[u8]) {
    let Some(([low, high], rest)) = data.split_first_chunk() else {
        return;
    };
    let options = i64::from(u16::from_le_bytes([*low, *high]) % 1024);
    let rest = String::from_utf8_lossy(rest);
    let (pattern, text) = rest.split_once('\n').unwrap_or((&rest, ""));
    expr::table::regex::probe(pattern, options, text);
}

/// Reads `data` as JSON as Json.NET does, and writes what was read.
///
/// # Panics
/// When what is written is read as something else, or a fault has no place.
pub fn json(data: &[u8]) {
    expr::table::json::probe(&String::from_utf8_lossy(data));
}

/// Searches JSON with a JSONPath: the path, a line end, the JSON.
///
/// # Panics
/// When a token that was found is not where its path says.
pub fn json_path(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (path, json) = text.split_once('\n').unwrap_or((&text, "{}"));
    expr::table::json::path::probe(path, json);
}

/// Reads a document of XML and searches it with XPath: the path, a line end, the document.
///
/// # Panics
/// When what is written of a tree is read as another one, or a path finds a node twice.
pub fn xml(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (path, document) = text.split_once('\n').unwrap_or((&text, "<a/>"));
    expr::table::xml::xpath::probe(path, document);
}

/// Numbers, dates and texts in a format that `data` gives, and `data` read as numbers. Its first nine bytes pick the
/// values, the rest is the format.
///
/// # Panics
/// When a text is longer than its format allows, or when a number's own text does not read back as that number.
pub fn format(data: &[u8]) {
    let Some((head, rest)) = data.split_at_checked(9) else {
        return;
    };
    let bits = head[1..].iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
    let (low, high) = (bits as u32, (bits >> 32) as u32);
    let numbers = [
        (Num::Int, Value::Int(low as i32)),
        (Num::Long, Value::Long(bits as i64)),
        (Num::ULong, Value::ULong(bits)),
        (Num::SByte, Value::SByte(low as i8)),
        (Num::Double, Value::Double(f64::from_bits(bits))),
        (Num::Float, Value::Float(f32::from_bits(low))),
        (
            Num::Decimal,
            Value::Decimal(Decimal::from_parts(
                low,
                high,
                low.rotate_left(7) & u32::from(head[0]),
                head[0] & 1 == 1,
                u32::from(head[0]) % 29,
            )),
        ),
    ];
    let format = String::from_utf8_lossy(rest);
    for (num, v) in &numbers {
        if let Some(out) = number::format_with(v, &format, &INVARIANT) {
            // A precision allows a million digits; else every character of a format makes a few.
            let most = 1_000_500 + 16 * format.len();
            assert!(out.len() <= most, "{} from {format:?}", out.len());
        }
        let text = v.to_text();
        let back = read_usual(&text, *num).expect("a number's own text is a number");
        let nan = number::as_f64(v).is_some_and(f64::is_nan);
        assert!(nan || *back.to_text() == *text, "{text} read as {back:?}");
        for styles in [0, 7, 111, 167, 383, 511, 515, i64::from(low & 1023)] {
            let _ = read(&format, *num, styles, &INVARIANT);
        }
    }
    let ticks = (bits >> 2) as i64 % 3_155_378_975_999_999_999;
    let mut values: Vec<Value> = numbers.into_iter().map(|(_, v)| v).collect();
    values.extend([
        Value::DateTime(DateTime {
            ticks,
            kind: Kind::Utc,
        }),
        Value::TimeSpan(bits as i64),
        Value::Guid(u128::from(bits).to_be_bytes()),
        Value::Null,
        Value::from(&*format),
    ]);
    for v in &values {
        let _ = formatted(v, Some(&format));
    }
    let _ = composite(&format, &values, &INVARIANT);
}

/// Compiles `data` as a Liquid template and renders it against a body of JSON and one of XML.
///
/// # Panics
/// When a fault is outside the template or inside a character, or when a template is refused without one.
pub fn liquid_template(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (template, faults) = crate::liquid::read(&text);
    for fault in &faults {
        assert!(fault.fits(&text), "{fault:?} in {} bytes", text.len());
    }
    let Some(template) = template else {
        assert!(!faults.is_empty());
        return;
    };
    for (format, body) in [
        (
            crate::liquid::Format::Json,
            &br#"{"x": [3, "a", null, {"x": 1.5}], "body": true}"#[..],
        ),
        (
            crate::liquid::Format::Xml,
            &br#"<x body="1"><x>a</x><x/>t</x>"#[..],
        ),
    ] {
        let binding = crate::liquid::Binding {
            message: crate::expr::host::Message::Request,
            format: Some(format),
            charset: None,
            nil_is_null: false,
            parse_date: true,
        };
        let mut host = crate::expr::host::Nowhere::with_body(body);
        // What it makes is the template's affair; that it ends is ours.
        let _ = template.render(&mut host, &binding);
    }
}

/// Takes `data` as a stylesheet, up to a line of `----`, and the document that it transforms.
///
/// # Panics
/// When a fault has its place out of bounds, or a stylesheet is refused without one.
pub fn stylesheet(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (sheet, document) = text
        .split_once("\n----\n")
        .unwrap_or((&text, "<a><b/></a>"));
    let text = format!("<xsl-transform>{sheet}</xsl-transform>");
    let mut sources = Sources::default();
    let file = sources.add("fuzz.xml", &*text);
    let mut diagnostics = Diagnostics::default();
    let Some(read) = document::read(file, &text, &Named, &mut diagnostics) else {
        return;
    };
    let Some(root) = read.root.elements().next() else {
        return;
    };
    let compiled = crate::xslt::compile(root, &mut diagnostics);
    assert!(compiled.is_some() || diagnostics.has_errors());
    for diagnostic in diagnostics.items() {
        let span = diagnostic
            .span
            .expect("faults of a stylesheet have a place");
        assert!(text.get(span.start as usize..span.end as usize).is_some());
    }
    if let Some(stylesheet) = compiled {
        let mut host = crate::expr::host::Nowhere::default();
        let parameters = [(crate::value::Str::from("p"), crate::value::Str::from("1"))];
        let _ = stylesheet.transform(&mut host, document, &parameters);
    }
}

/// Takes `data` as an XML Schema, up to a line of `----`, and a document that is held to it.
///
/// # Panics
/// When a violation has no place.
pub fn xml_schema(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (schema, document) = text.split_once("\n----\n").unwrap_or((&text, "<a/>"));
    let included = |location: &str| (location == "self").then(|| std::sync::Arc::from(schema));
    let Ok(compiled) = crate::xsd::compile(schema, &included) else {
        return;
    };
    for soap in [false, true] {
        for violation in compiled.validate(document, soap) {
            assert!(violation.line > 0 && violation.column > 0 && !violation.message.is_empty());
        }
    }
}
