//! The entry points with random pieces of what they read.

use arbtest::{arbitrary, arbtest};

fn pieces(u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    const PIECES: &[&str] = &[
        "apis:\n",
        "openapi: 3.1.0\n",
        "paths:\n",
        "  /a/{b}:\n",
        "    get:\n",
        "      operationId: é\n",
        "    post: {}\n",
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
        "gateway:\n",
        "  listen: 1\n",
        "  limits: { connections: -1 }\n",
        "null",
        "~",
        "1e999",
        "0x1F",
        "true",
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
        "backends:\n",
        "x: &a [*a]\n",
        "\r",
        "\0",
    ];
    let mut data = Vec::new();
    for _ in 0..u.int_in_range(0..=24)? {
        if u.ratio(1, 12)? {
            data.push(u.arbitrary()?);
        } else {
            data.extend_from_slice(u.choose(PIECES)?.as_bytes());
        }
    }
    Ok(data)
}

#[test]
fn any_configuration_is_read() {
    arbtest(|u| {
        super::configuration(&pieces(u)?);
        Ok(())
    });
}

#[test]
fn any_openapi_document_is_read() {
    arbtest(|u| {
        super::openapi_document(&pieces(u)?);
        Ok(())
    });
}
