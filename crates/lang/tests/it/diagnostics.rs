//! Printing of diagnostics, apart from who found them.

use tollgate_lang::{Diagnostic, Diagnostics, FileId, Severity, Sources, Span};

fn print(text: &str, diagnostic: Diagnostic) -> String {
    let mut sources = Sources::default();
    sources.add("f.yaml", text);
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(diagnostic);
    diagnostics.render_compact(&sources);
    diagnostics.render(&sources, true);
    diagnostics.render(&sources, false)
}

fn at(start: usize, end: usize) -> Span {
    Span::new(FileId(0), start..end)
}

#[test]
fn without_a_place_there_is_only_the_message() {
    let fault = Diagnostic {
        span: None,
        ..Diagnostic::error("TG0900", at(0, 0), "no such file").help("create it")
    };
    assert_eq!(
        print("", fault),
        "error[TG0900]: no such file\n |\n = help: create it\n\n"
    );
}

#[test]
fn any_span_can_be_printed() {
    let texts = [
        "",
        "\n",
        "é",
        "\u{feff}a\r\nb",
        "one line",
        "日本\n\t語",
        "\n\n\n",
        &"x".repeat(5000),
        &"é\t".repeat(900),
    ];
    for text in texts {
        for start in [0, 1, 2, 3, 7, 900, 4999, 5000, 70_000] {
            for end in [0, 1, 2, 5, 899, 5001, 4_000_000] {
                for other in [0, 4, 4_000] {
                    let fault = Diagnostic::warning("TG0900", at(start, end), "m")
                        .label("l")
                        .related(at(other, end), "r");
                    let printed =
                        print(text, fault.related(Span::new(FileId(9), 1..2), "elsewhere"));
                    assert!(printed.starts_with("warning[TG0900]: m\n"), "{printed}");
                    assert!(
                        printed.lines().all(|line| line.chars().count() < 300),
                        "{printed}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let text = format!("{}<here>{}", "a".repeat(3000), "b".repeat(3000));
    let printed = print(
        &text,
        Diagnostic::error("TG0900", at(3000, 3006), "m").label("l"),
    );
    assert!(
        printed.contains("f.yaml:1:3001")
            && printed.contains("...aaa")
            && printed.contains("bbb..."),
        "{printed}"
    );
    let lines: Vec<&str> = printed.lines().collect();
    let (source, carets) = (lines[3], lines[4]);
    assert_eq!(source.find("<here>"), carets.find("^^^^^^"), "{printed}");
}

#[test]
fn related_places_in_other_files_get_their_own_snippet() {
    let mut sources = Sources::default();
    let (a, b) = (sources.add("a", "one\ntwo\n"), sources.add("b", "three\n"));
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(
        Diagnostic::error("TG0900", Span::new(a, 4..7), "m")
            .label("l")
            .related(Span::new(b, 0..5), "see this"),
    );
    let expected = "\
error[TG0900]: m
 --> a:2:1
  |
2 | two
  | ^^^ l
  |
note: see this
 --> b:1:1
  |
1 | three
  | ^^^^^

";
    assert_eq!(diagnostics.render(&sources, false), expected);
    assert_eq!(
        (diagnostics.summary().as_str(), Severity::Error.name()),
        ("1 error", "error")
    );
}
