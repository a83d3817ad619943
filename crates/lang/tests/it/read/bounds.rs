//! Bounds of the reader, and that hostile documents take linear time (they would hang here if they did not).

use super::{Named, read};
use std::collections::BTreeMap;
use tollgate_lang::document::{MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_FAULTS};

fn document(content: &str) -> String {
    format!("<policies><inbound>{content}</inbound></policies>")
}

#[test]
fn a_document_of_the_largest_size_is_read_and_a_larger_one_refused() {
    let frame = document("").len() + "<!---->".len();
    let fits = document(&format!(
        "<!--{}-->",
        "x".repeat(MAX_DOCUMENT_BYTES - frame)
    ));
    assert_eq!(fits.len(), MAX_DOCUMENT_BYTES);
    assert_eq!(
        read("a", &fits, &Named::default()).codes(),
        Vec::<&str>::new()
    );
    let reading = read("a", &format!("{fits} "), &Named::default());
    assert_eq!(reading.codes(), ["TG0100"]);
    assert!(reading.document.is_none());
}

#[test]
fn named_values_cannot_blow_a_document_up() {
    let named = Named(BTreeMap::from([("a".into(), "x".repeat(4096))]));
    let reading = read("a", &document(&"{{a}}".repeat(20_000)), &named);
    assert_eq!(reading.codes(), ["TG0100"]);
}

#[test]
fn elements_nest_up_to_the_bound() {
    let nested = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    assert_eq!(
        read("a", &nested(MAX_DEPTH), &Named::default()).codes(),
        Vec::<&str>::new()
    );
    assert_eq!(
        read("a", &nested(MAX_DEPTH + 1), &Named::default()).codes(),
        ["TG0122"]
    );
    assert_eq!(
        read("a", &"<a>".repeat(100_000), &Named::default()).codes(),
        ["TG0122"]
    );
}

#[test]
fn faults_stop_at_the_bound() {
    let reading = read("a", &document(&"</x>".repeat(1000)), &Named::default());
    assert_eq!(reading.codes().len(), MAX_FAULTS + 1);
    assert_eq!(reading.codes().last(), Some(&"TG0126"));
}

#[test]
fn hostile_documents_take_linear_time() {
    let n = MAX_DOCUMENT_BYTES / 8;
    for piece in [
        "@(",
        "@{\"",
        "<a>@(b)",
        "<a>@(b)<c/>",
        "<a b=\"@(\" ",
        "<a b=\"@(c\"d)\" e=\"\"/>",
        "<a b=\"",
        "<a b=\"<",
        "<a b='\"<' ",
        "\"",
        "a=\"",
        " <!---->",
        "{{a}}<!--{{a}}-->",
        "&",
        "&amp;",
        "<![CDATA[",
        "<![CDATA[]]>",
        "<!--",
        "<?",
        "</",
        "<",
        "@($\"{",
        "@(\"\"\"",
        "{{",
        "\r",
        "\u{feff}",
    ] {
        for (start, end) in [
            ("", ""),
            ("<a>", ""),
            ("<a b=\"", ""),
            ("<a b=\"", "\"/>"),
            ("<a>x &nope; ", "</a>"),
            ("<a>@(", "</a>"),
        ] {
            let text = format!("{start}{}{end}", piece.repeat(n / piece.len()));
            let reading = read("a", &text, &Named::default());
            assert!(reading.codes().len() <= MAX_FAULTS + 1);
        }
    }
}
