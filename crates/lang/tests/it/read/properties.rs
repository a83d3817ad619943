//! What holds for every text: the reader does not panic, its spans are sound, and what a small generator writes
//! comes back as it was meant.

use super::{Named, read};
use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use std::collections::BTreeMap;
use std::fmt::Write;
use tollgate_lang::document::{Element, Node, Text, TextKind};
use tollgate_lang::fuzz;

/// Bits that documents are made of, whole and broken.
const BITS: [&str; 48] = [
    "<policies>",
    "</policies>",
    "<inbound>",
    "</inbound>",
    "<base />",
    "<base>",
    "<a b=\"",
    "<a b='",
    "\"",
    "'",
    ">",
    "/>",
    "<",
    "</",
    "</a>",
    "@(",
    "@{",
    ")",
    "}",
    "x",
    " y=\"z\"",
    "=",
    "\"\"",
    "&amp;",
    "&",
    "&#10;",
    "&quot;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
    "{{key}}",
    "{{nope}}",
    "{{exp}}",
    "\n",
    "\r\n",
    " ",
    "é",
    "\u{feff}",
    "//",
    "/*",
    "$\"{",
    "\\",
    "<set-body template=\"liquid\">",
    "</set-body>",
    "<!DOCTYPE",
];

#[test]
fn any_text_is_read_without_harm() {
    arbtest(|u| {
        let mut text = String::new();
        while !u.is_empty() {
            match u.int_in_range(0..=9)? {
                0 => text.push(u.arbitrary()?),
                1 => text.push_str(u.arbitrary()?),
                _ => text.push_str(u.choose(&BITS)?),
            }
        }
        fuzz::policy_document(text.as_bytes());
        Ok(())
    })
    .size_max(4096);
}

#[test]
fn any_damage_to_a_good_document_is_read_without_harm() {
    arbtest(|u| {
        let mut text = String::new();
        write_element(&mut text, &element(u, 0)?, false);
        let mut bytes = text.into_bytes();
        for _ in 0..u.int_in_range(1..=4)? {
            if bytes.is_empty() {
                break;
            }
            let at = u.choose_index(bytes.len())?;
            match u.int_in_range(0..=2)? {
                0 => drop(bytes.remove(at)),
                1 => bytes[at] = *u.choose(b"<>\"'@(){}=/& \n")?,
                _ => bytes.truncate(at),
            }
        }
        fuzz::policy_document(&bytes);
        Ok(())
    });
}

/// What the generator means to write.
#[derive(Debug)]
struct Plan {
    name: String,
    attributes: Vec<(String, Value)>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Empty,
    Value(Value),
    Elements(Vec<Plan>),
}

#[derive(Debug)]
enum Value {
    Literal(String),
    Expression(String, bool),
}

fn element(u: &mut Unstructured<'_>, depth: usize) -> Result<Plan> {
    let name = u
        .choose(&[
            "policies",
            "inbound",
            "set-header",
            "value",
            "when",
            "x:y",
            "ü",
        ])?
        .to_string();
    let mut attributes: Vec<(String, Value)> = Vec::new();
    for name in ["name", "condition", "exists-action"] {
        if u.ratio(1, 3)? {
            attributes.push((name.to_owned(), value(u)?));
        }
    }
    let content = match u.int_in_range(0..=2)? {
        0 => Content::Empty,
        1 => Content::Value(value(u)?),
        _ if depth > 5 => Content::Empty,
        _ => {
            let count = u.int_in_range(1..=3)?;
            Content::Elements(
                (0..count)
                    .map(|_| element(u, depth + 1))
                    .collect::<Result<_>>()?,
            )
        }
    };
    Ok(Plan {
        name,
        attributes,
        content,
    })
}

fn value(u: &mut Unstructured<'_>) -> Result<Value> {
    if u.ratio(1, 2)? {
        let code = [
            "a < b && c > d",
            "f(\"x\")",
            "$\"{a[\"b\"]}\"",
            "'\"'",
            "/* ) */ 1",
            "@\"\\\"",
            "List<string>(\"</value>\")",
            "\"é\"",
        ];
        return Ok(Value::Expression(
            (*u.choose(&code)?).to_owned(),
            u.arbitrary()?,
        ));
    }
    let bits = [
        "a", "é", "<", ">", "&", "\"", "'", " ", "{", "}", "@x", "]", "-->", "&amp;", "\n",
    ];
    let mut text = String::from("t");
    for _ in 0..u.int_in_range(0..=6)? {
        text.push_str(u.choose(&bits)?);
    }
    Ok(Value::Literal(text))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn write_value(out: &mut String, value: &Value, escaped: bool) {
    match value {
        Value::Literal(text) => out.push_str(&escape(text)),
        Value::Expression(code, multi) => {
            let code = if escaped { escape(code) } else { code.clone() };
            let _ = if *multi {
                write!(out, "@{{{code}}}")
            } else {
                write!(out, "@({code})")
            };
        }
    }
}

fn write_element(out: &mut String, plan: &Plan, escaped: bool) {
    let _ = write!(out, "<{}", plan.name);
    for (name, value) in &plan.attributes {
        let _ = write!(out, "\n  {name}=\"");
        write_value(out, value, escaped);
        out.push('"');
    }
    match &plan.content {
        Content::Empty => out.push_str(" /> <!-- \"> -->"),
        Content::Value(value) => {
            out.push('>');
            write_value(out, value, escaped);
            let _ = write!(out, "</{} >", plan.name);
        }
        Content::Elements(children) => {
            out.push_str(">\n");
            for child in children {
                write_element(out, child, escaped);
                out.push('\n');
            }
            let _ = write!(out, "</{}>", plan.name);
        }
    }
}

#[track_caller]
fn same_value(text: &Text, value: &Value) {
    match value {
        Value::Literal(literal) => assert_eq!(
            (&*text.text, text.kind),
            (literal.as_str(), TextKind::Literal)
        ),
        Value::Expression(code, multi) => {
            let kind = if *multi {
                TextKind::Multi
            } else {
                TextKind::Single
            };
            assert_eq!((&*text.text, text.kind), (code.as_str(), kind));
        }
    }
}

fn same(element: &Element, plan: &Plan) {
    assert_eq!(&*element.name, plan.name);
    assert_eq!(element.attributes.len(), plan.attributes.len());
    for (attribute, (name, value)) in element.attributes.iter().zip(&plan.attributes) {
        assert_eq!(&*attribute.name, name);
        same_value(&attribute.value, value);
    }
    match (&plan.content, element.children.as_slice()) {
        (Content::Empty, []) => {}
        (Content::Value(value), [Node::Text(text)]) => same_value(text, value),
        (Content::Elements(plans), children) => {
            assert_eq!(children.len(), plans.len());
            for (child, plan) in element.elements().zip(plans) {
                same(child, plan);
            }
        }
        (content, children) => panic!("{content:?} came back as {children:?}"),
    }
}

#[test]
fn what_is_written_is_read_back() {
    arbtest(|u| {
        let plan = element(u, 0)?;
        for escaped in [false, true] {
            let mut text = String::new();
            write_element(&mut text, &plan, escaped);
            if !escaped {
                // Raw text must not happen to be well-formed: entities in expressions would be decoded then.
                text.push_str("<!-- -- -->");
            }
            fuzz::policy_document(text.as_bytes());
            let reading = read("a", &text, &Named::default());
            assert_eq!(
                reading.codes(),
                Vec::<&str>::new(),
                "{text}\n{}",
                reading.diagnostics.render_compact(&reading.sources)
            );
            same(&reading.document.unwrap().root, &plan);
        }
        Ok(())
    });
}

#[test]
fn spans_lead_back_to_what_was_written() {
    let named = Named(BTreeMap::from([
        ("key".into(), "a \"long\" b".into()),
        ("exp".into(), "@(1 + x)".into()),
    ]));
    let text = "<a b=\"@(é + {{key}} + c)\" d=\"p &lt; q\" e='{{exp}}'>u{{key}}v\r\nw</a>";
    let reading = read("a", text, &named);
    let root = reading.document.unwrap().root;
    let at = |value: &Text, part: &str| {
        let start = value.text.find(part).unwrap();
        let span = value.locate(start..start + part.len());
        &text[span.start as usize..span.end as usize]
    };
    let [b, d, e] = [0, 1, 2].map(|i| &root.attributes[i].value);
    assert_eq!(
        (at(b, "é"), at(b, "long"), at(b, "c")),
        ("é", "{{key}}", "c")
    );
    assert_eq!(
        (at(b, "é + "), at(b, "é + a"), at(b, "b + c")),
        ("é + ", "é + {{key}}", "{{key}} + c")
    );
    assert_eq!(
        (at(d, "p"), at(d, "<"), at(d, " q"), at(d, "p < q")),
        ("p", "&lt;", " q", "p &lt; q")
    );
    assert_eq!(
        (e.kind, &*e.text, at(e, "x")),
        (TextKind::Single, "1 + x", "{{exp}}")
    );
    let inner = root.text().unwrap();
    assert_eq!(&*inner.text, "ua \"long\" bv\nw");
    assert_eq!(
        (
            at(inner, "u"),
            at(inner, "bv"),
            at(inner, "w"),
            at(inner, "v\nw")
        ),
        ("u", "{{key}}v", "w", "v\r\nw")
    );
}
