//! Reading what was written gives the same tree, and no text panics.

use super::*;
use arbtest::arbtest;

const PARTS: [&str; 24] = [
    "<a>",
    "</a>",
    "<a/>",
    "<p:b xmlns:p=\"u\">",
    "</p:b>",
    "<a x='1' y=\"2\">",
    "text",
    " ",
    "\n",
    "&amp;",
    "&#65;",
    "&#0;",
    "&no;",
    "<!-- c -->",
    "<![CDATA[",
    "]]>",
    "<?pi d?>",
    "<!DOCTYPE a>",
    "<?xml version=\"1.0\"?>",
    "<",
    ">",
    "\"",
    "\u{e9}",
    "<a xmlns=\"u\">",
];

#[test]
fn no_text_panics_and_what_is_read_can_be_written() {
    arbtest(|u| {
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=24)? {
            text.push_str(u.choose(&PARTS)?);
        }
        if u.ratio(1, 2)? {
            text = format!("<r>{text}</r>");
        }
        let Ok(document) = read::document(&text, true) else {
            return Ok(());
        };
        let mut out = String::new();
        write::write(&document, false, &mut out).unwrap_or_else(|why| panic!("{text}: {why}"));
        let again = read::document(&out, true).unwrap_or_else(|why| panic!("{out}: {why}"));
        assert!(document.deep_equals(&again), "{text}\n{out}");
        Ok(())
    });
}

#[test]
fn a_wide_document_is_read_in_one_pass() {
    let attributes: String = (0..20_000).map(|n| format!(" a{n}=''")).collect();
    let text = format!("<r{attributes}>{}</r>", "<b/>".repeat(50_000));
    let document = read::document(&text, false).unwrap();
    let root = document.children().remove(0);
    assert_eq!(root.attributes().len(), 20_000);
    assert_eq!(root.children().len(), 50_000);
}

#[test]
fn a_node_does_not_keep_its_parent() {
    let child = {
        let document = read::document("<a><b/></a>", false).unwrap();
        document.descendants().pop().unwrap()
    };
    assert!(child.parent().is_none());
}
