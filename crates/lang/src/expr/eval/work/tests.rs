use super::super::{Cx, MAX_STEPS, Slots, code};
use crate::document::Text;
use crate::expr::host::Nowhere;
use crate::expr::{Target, compile};
use crate::{Diagnostics, Sources};

/// Steps of statements.
fn steps(statements: &str) -> u64 {
    let text = format!("{statements} return 1;");
    let mut sources = Sources::default();
    let file = sources.add("case", &*text);
    let mut diagnostics = Diagnostics::default();
    let text = Text::expression(file, &text, true);
    let expr = compile(&text, Target::Any, &mut diagnostics)
        .unwrap_or_else(|| panic!("{}", diagnostics.render(&sources, false)));
    let mut host = Nowhere::default();
    let mut cx = Cx::new(&mut host);
    let mut frame = Slots::new();
    expr.frame.fill(&mut frame);
    code(&mut cx, &mut frame, &expr.code).unwrap();
    MAX_STEPS - cx.steps
}

/// No loop of cheap steps can go through megabytes in each.
#[test]
fn what_goes_through_its_arguments_counts_them() {
    let long = "var s = new string('x', 2000000); var t = new string('x', 2000000);";
    let before = steps(long);
    for (work, least) in [
        ("s.Contains(\"y\")", 30_000),
        ("s.IndexOf('y')", 30_000),
        ("s.GetHashCode()", 30_000),
        ("s.EndsWith(t)", 30_000),
        ("string.Compare(s, t)", 30_000),
        ("s.TrimEnd('x')", 30_000),
        ("Encoding.UTF8.GetByteCount(s)", 30_000),
        ("int.TryParse(s, out var n)", 30_000),
        ("Regex.IsMatch(s, \"y\")", 100_000),
        ("s == t", 1_900),
        ("s.Equals(t)", 1_900),
        ("s[1999999]", 1_900),
        ("s.Length", 1_900),
    ] {
        let took = steps(&format!("{long} var r = {work};")) - before;
        assert!(took >= least, "{work}: {took} steps");
    }
    let many = "var l = Enumerable.Range(0, 80000).ToList(); var d = l.ToDictionary(x => x);";
    let before = steps(many);
    for work in [
        "l.Contains(-1)",
        "l.IndexOf(-1)",
        "d.ContainsValue(-1)",
        "l.Max()",
        "l.SequenceEqual(l)",
    ] {
        let took = steps(&format!("{many} var r = {work};")) - before;
        assert!(took >= 10_000, "{work}: {took} steps");
    }
    // What does not depend on the size stays a step.
    for work in ["l.Count", "l[7]", "d.ContainsKey(-1)", "d[7]"] {
        let took = steps(&format!("{many} var r = {work};")) - before;
        assert!(took < 20, "{work}: {took} steps");
    }
}
