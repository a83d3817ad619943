//! What is well-formed, and where what is not stops being so (at `¦`).

use super::check;

#[test]
fn well_formed() {
    for text in [
        "<a/>",
        "\u{feff}<?xml version=\"1.0\"?><!-- c --><a></a >\n<?pi?>",
        "<a b='\"' c=\">\">&lt;&#65;&#x41;<![CDATA[ <&]] ]]>]]</a>",
        "<x:y.z-1 é=\"\n\"\n/>",
        "<a><!----><b/><b/></a>",
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

#[test]
fn not_well_formed() {
    for marked in [
        "¦",
        "<!-- c -->¦",
        "¦x<a/>",
        "<a/>¦x",
        "<a/>¦<b/>",
        "<a>¦</b>",
        "<a><b>¦</a></b>",
        "<a>¦",
        "<a¦",
        "<a b¦/>",
        "<a b=¦c/>",
        "<a b=\"1\"¦c=\"2\"/>",
        "<a b=\"1\" ¦b=\"2\"/>",
        "<a b=\"¦<\"/>",
        "<a b=\"¦&\"/>",
        "<a>¦&nbsp;</a>",
        "<a>¦&#0;</a>",
        "<a>¦]]></a>",
        "<a><!-- b --¦ c --></a>",
        "<a>¦\u{1}</a>",
        "<¦!DOCTYPE a><a/>",
        "<a/>¦<?xml version=\"1.0\"?>",
        "<¦1/>",
    ] {
        let at = marked.find('¦').unwrap();
        assert_eq!(check(&marked.replace('¦', "")), Err(at), "{marked}");
    }
}
