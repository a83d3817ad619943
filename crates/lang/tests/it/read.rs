//! The policy document reader.

use tollgate_lang::document::{Text, TextKind};
use tollgate_lang::source::Sources;

#[test]
fn a_test_expression_spans_its_file() {
    let mut sources = Sources::default();
    let file = sources.add("e", "1 + 2");
    let text = Text::expression(file, "1 + 2", false);
    assert_eq!(text.kind, TextKind::Single);
    assert_eq!(text.locate(4..5).start, 4);
}
