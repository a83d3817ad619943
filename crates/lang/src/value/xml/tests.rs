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
        write::write(&document, false, &mut out).unwrap_or_else(|why| panic!("{text}: {why:?}"));
        let again = read::document(&out, true).unwrap_or_else(|why| panic!("{out}: {why}"));
        assert!(document.deep_equals(&again), "{text}\n{out}");
        Ok(())
    });
}

/// The message of a text that is refused.
fn refused(text: &str) -> String {
    read::document(text, false).map_or_else(|why| why, |_| panic!("{text} was read"))
}

#[test]
fn a_wide_document_is_read_in_one_pass() {
    let attributes: String = (0..1000).map(|n| format!(" a{n}=''")).collect();
    let text = format!("<r{attributes}>{}</r>", "<b/>".repeat(50_000));
    let document = read::document(&text, false).unwrap();
    let root = document.children().remove(0);
    assert_eq!(root.attributes().len(), 1000);
    assert_eq!(root.children().len(), 50_000);
}

#[test]
fn attributes_on_the_way_to_an_element_are_bounded() {
    let attributes =
        |of: &str, n: usize| -> String { (0..n).map(|i| format!(" xmlns:{of}{i}='u'")).collect() };
    let (half, over) = (MAX_ATTRIBUTES / 2, MAX_ATTRIBUTES + 1);
    let told = "more than 1024 attributes";
    assert!(refused(&format!("<r{}/>", attributes("a", over))).contains(told));
    let (outer, inner) = (attributes("a", half), attributes("b", half));
    // Siblings do not add up, what stands inside does.
    let twice = format!("<r{outer}><x{inner}/><x{inner}></x></r>");
    assert!(read::document(&twice, false).is_ok());
    let nested = format!("<r{outer}><x{inner}><y z='1'/></x></r>");
    assert!(refused(&nested).contains(told));
}

#[test]
fn a_prefix_means_what_the_nearest_element_says() {
    let text = "<r xmlns='d' xmlns:p='1'><p:a xmlns:p='2' xmlns=''><b/><p:c/></p:a><p:e/><f/></r>";
    let document = read::document(text, false).unwrap();
    let all = document.descendants();
    let names: Vec<String> = all.iter().filter_map(|n| Some(n.name()?.text())).collect();
    assert_eq!(names, ["{d}r", "{2}a", "b", "{2}c", "{1}e", "{d}f"]);
    assert!(refused("<r><a xmlns:q='1'/><q:b/></r>").contains("undeclared prefix"));
}

#[test]
fn white_space_is_kept_where_the_nearest_element_says_so() {
    let text = "<r> <a xml:space='preserve'> <b/><c xml:space='default'> <d/></c> </a> </r>";
    let document = read::document(text, false).unwrap();
    let mut out = String::new();
    write::write(&document, false, &mut out).unwrap();
    assert_eq!(
        out,
        "<r><a xml:space=\"preserve\"> <b /><c xml:space=\"default\"><d /></c> </a></r>"
    );
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for (text, why) in [
        ("<!DOCTYPE a><!DOCTYPE a><a/>", "Unexpected DTD declaration"),
        ("<a/><!DOCTYPE a>", "Unexpected DTD declaration"),
        ("<a><!DOCTYPE a></a>", "Unexpected DTD declaration"),
        ("<a/><b/>", "multiple root elements"),
        ("<a>&#1;</a>", "invalid character"),
        ("<a>&#xFFFF;</a>", "invalid character"),
        (
            "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
            "undeclared entity 'e'",
        ),
        (
            "<!DOCTYPE a [<!ENTITY e \"x\">]><a b='&e;'/>",
            "unrecognized entity",
        ),
    ] {
        let told = refused(text);
        assert!(told.contains(why), "{text}: {told}");
    }
}

#[test]
fn a_node_does_not_keep_its_parent() {
    let child = {
        let document = read::document("<a><b/></a>", false).unwrap();
        document.descendants().pop().unwrap()
    };
    assert!(child.parent().is_none());
}
