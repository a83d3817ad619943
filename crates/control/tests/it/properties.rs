//! Loading never panics, and refuses with a place or loads.

use crate::folder::Folder;
use std::sync::Arc;
use tollgate_control::{Options, load_with};

const GOOD: &str = include_str!("../../../../examples/demo/tollgate.yaml");

/// Pieces that mean something to the reader.
const PIECES: &[&str] = &[
    "apis:\n",
    "  - id: a\n",
    "    path: b\n",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    "|\n",
    ">-\n",
    "&x ",
    "*x",
    "\n",
    "  ",
    "\"",
    "'",
    "<policies>",
    "</policies>",
    "<inbound>",
    "{{",
    "}}",
    "@(",
    ")",
    "gateway:\n",
    "null",
    "~",
    "1e999",
    "0x1F",
    ".inf",
    "true",
    "env: ",
    "\u{feff}",
    "é",
    "\t",
    "#",
    "---\n",
    "...\n",
    "!!binary ",
    "<<: *x\n",
    "? ",
    "%",
    "policy: ",
    "subscriptions:\n",
    "primaryKey: ",
    "backends:\n",
    "pool: ",
    "services: ",
    "weight: 999999999999999999999\n",
    "createdDate: 9999-99-99\n",
    "listen: ",
    "specification: tollgate.yaml\n",
    "timeouts: { drain: P1Y }\n",
];

#[test]
fn never_panics() {
    let options = Options {
        environment: Arc::new(|_| None),
        ..Options::default()
    };
    let folder = Folder::new();
    arbtest::arbtest(|u| {
        let mut text = String::new();
        if u.arbitrary()? {
            // A good file with parts cut, doubled and put in.
            text.push_str(GOOD);
            for _ in 0..u.int_in_range(1..=6)? {
                let at = text.floor_char_boundary(u.choose_index(text.len().max(1))?);
                match u.int_in_range(0..=2)? {
                    0 => text.insert_str(at, u.choose(PIECES)?),
                    1 => {
                        let length = u.int_in_range(0..=40)?;
                        let end = text.ceil_char_boundary((at + length).min(text.len()));
                        text.replace_range(at..end, "");
                    }
                    _ => text.truncate(at),
                }
            }
        } else {
            for _ in 0..u.int_in_range(0..=60)? {
                text.push_str(u.choose(PIECES)?);
            }
        }
        let path = folder.write("tollgate.yaml", &text);
        let loaded = load_with(&path, &options);
        // Printing must not panic either.
        let _ = loaded.diagnostics.render(&loaded.sources, true);
        let _ = loaded.json(&path).to_string();
        assert_eq!(
            loaded.snapshot.is_none(),
            loaded.diagnostics.has_errors(),
            "{text}"
        );
        Ok(())
    })
    .budget_ms(2_000);
}
