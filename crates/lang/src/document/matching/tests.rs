//! One row per C# form: the expression ends at `¦`.

use super::expression_end;

#[track_caller]
fn check(marked: &str) {
    let end = marked.find('¦').unwrap();
    let text = marked.replace('¦', "");
    assert_eq!(expression_end(&text, 0).0, Some(end), "{marked}");
}

#[test]
fn brackets() {
    check("@(a)¦)");
    check("@((a) + (b))¦ + (c)");
    check("@{ if (a) { return 1; } return 2; }¦ }");
    check("@( a } { )¦");
    check("@{ ( ( }¦");
}

#[test]
fn strings() {
    check(r#"@("a")¦"#);
    check(r#"@(")")¦"#);
    check(r#"@("\")")¦"#);
    check(r#"@("\\")¦")"#);
    check(r#"@(@"\")¦")"#);
    check(r#"@(@"a"")b")¦"#);
    check("@(@\"a\n)\")¦");
    check(r#"@("" + ")")¦"#);
    check("@(\"\"\"a\")b\"\"\")¦");
}

#[test]
fn interpolated_strings() {
    check(r#"@($"a)")¦"#);
    check(r#"@($"{d["a)"]})")¦"#);
    check(r#"@($"{{)")¦"#);
    check(r#"@($"{(a ? ")" : "(")}")¦"#);
    check(r#"@($"{t:yyyy-MM-dd)}")¦"#);
    check(r#"@($@"a"")\")¦")"#);
    check("@(@$\"{a}\n)\")¦");
    check(r#"@($"{$"{$")"}"}")¦"#);
    check(r#"@($"{f(x => { return ")"; })}")¦"#);
    check(r#"@{ return $"{global::System.String.Empty}}}}"; }¦"#);
}

#[test]
fn characters() {
    check("@('(')¦");
    check(r#"@('"')¦"#);
    check(r"@('\'')¦");
    check(r"@('\\')¦");
    check(r"@('\u0028')¦");
    check("@('é' + ')')¦");
}

#[test]
fn comments() {
    check("@{ // }\n }¦");
    check("@{ /* } \" */ }¦");
    check("@{ // it's \"\n }¦");
}

#[test]
fn what_has_no_end() {
    for (text, open) in [
        ("@(", 1),
        ("@(a(b)", 1),
        ("@(a(b", 3),
        ("@(\")", 1),
        ("@{ // }", 1),
        ("@{ /* }", 1),
        ("@(@\")", 1),
        ("@($\"{)", 1),
    ] {
        let (end, seen) = expression_end(text, 0);
        assert_eq!((end, seen.open), (None, open), "{text}");
    }
    assert_eq!(expression_end("@(\"a\nb)", 0).1.broken_string, Some(2));
    assert_eq!(expression_end("@{ // }", 0).1.line_comment, Some(3));
    assert_eq!(expression_end("@(a &amp;&amp; b)", 0).1.entity, Some(4));
    assert_eq!(expression_end("@(\"&amp;\")", 0).1.entity, None);
}
