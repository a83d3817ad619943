//! LINQ to XML: `Save` into a writer of text, and what annotations a node has.

use super::{UNFORMATTED, node, null, unwritable};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::table::{Row, m};
use crate::value::Value;
use crate::value::xml::{Declared, Kind, write};

/// `SaveOptions.OmitDuplicateNamespaces`.
pub(super) const OMIT: i64 = 2;

/// The annotations that are of a type.
pub(super) fn annotations(a: &Args<'_>) -> Result<Vec<Value>, Throw> {
    let ty = a.ty(0);
    let all = node(a)?.annotations.borrow();
    let fits = |v: &&Value| crate::expr::eval::types::is(&ty, v);
    Ok(all.iter().filter(fits).cloned().collect())
}

/// `Save(TextWriter)`: a declaration in UTF-16, which is what a text is in, and the tree.
fn save(cx: &mut Cx<'_>, a: &mut Args<'_>, options: i64) -> R {
    if a.is_null(1) {
        return Err(null("textWriter"));
    }
    let n = node(a)?.share();
    cx.step(n.weight() / 64)?;
    if n.is_document() && !n.children().iter().any(|c| c.is_element()) {
        let state = match n.has_children() {
            true => "Prolog",
            false => "Document",
        };
        return Err(throw(
            "InvalidOperationException",
            format!("Token EndDocument in state {state} would result in an invalid XML document."),
        ));
    }
    let standalone = match &n.kind {
        Kind::Document(place) => match &*place.borrow() {
            Value::Object(o) => o
                .as_any()
                .downcast_ref::<Declared>()
                .and_then(|d| d.0.borrow().standalone.clone()),
            _ => None,
        },
        _ => None,
    };
    let indent = options & UNFORMATTED == 0;
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-16\"");
    if let Some(standalone) = standalone {
        out.push_str(&format!(" standalone=\"{standalone}\""));
    }
    out.push_str("?>");
    if indent {
        out.push('\n');
    }
    write::write_as(&n, indent, options & OMIT != 0, &mut out).map_err(unwritable)?;
    cx.charge(out.len())?;
    let mut writer = [a.get(1)];
    let to = Args {
        values: &mut writer,
        types: &[],
    };
    crate::expr::table::strings::write_text(cx, &to, &out, false)
}

pub(super) const SAVE: &[Row] = &[
    m("void Save(TextWriter textWriter)", |cx, a| save(cx, a, 0)),
    m(
        "void Save(TextWriter textWriter, SaveOptions options)",
        |cx, a| {
            let options = a.int(2);
            save(cx, a, options)
        },
    ),
];
