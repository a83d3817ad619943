//! What `tollgate check` found as workflow commands of GitHub Actions, which show it beside the changed lines.
//!
//! Source: GitHub, "Workflow commands for GitHub Actions". What must stay true: no text of a document can end a command
//! or begin another one.

use std::fmt::Write as _;
use std::path::Path;
use tollgate_control::Loaded;

/// One command a line.
pub fn commands(path: &Path, loaded: &Loaded) -> String {
    let mut out = String::new();
    for diagnostic in loaded.diagnostics.items() {
        let place = diagnostic.span.and_then(|span| {
            let name = loaded.sources.get(span.file)?.name.clone();
            let (line, column) = loaded.sources.line_column(span.file, span.start);
            let (end_line, end_column) = loaded.sources.line_column(span.file, span.end);
            let mut place = format!("file={},line={line},endLine={end_line}", property(&name));
            // GitHub refuses columns of a range over lines.
            if line == end_line {
                place += &format!(",col={column},endColumn={end_column}");
            }
            Some(place)
        });
        let place =
            place.unwrap_or_else(|| format!("file={}", property(&path.display().to_string())));
        let mut message = diagnostic.message.clone();
        for more in [Some(&diagnostic.label), diagnostic.help.as_ref()] {
            if let Some(more) = more.filter(|m| !m.is_empty()) {
                message += &format!("\n{more}");
            }
        }
        writeln!(
            out,
            "::{} {place},title={}::{}",
            diagnostic.severity.name(),
            diagnostic.code,
            data(&message)
        )
        .expect("text grows");
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
