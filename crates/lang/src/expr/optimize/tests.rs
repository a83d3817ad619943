use super::super::{Target, compile};
use crate::document::Text;
use crate::{Diagnostics, Sources};

/// The IR of an expression, printed.
fn ir(code: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add("case", code);
    let mut diagnostics = Diagnostics::default();
    let text = Text::expression(file, code, false);
    match compile(&text, Target::Any, &mut diagnostics) {
        Some(e) => format!("{:?}", e.code),
        None => panic!("{}", diagnostics.render(&sources, false)),
    }
}

#[test]
fn what_no_exchange_changes_is_folded() {
    for (code, folded) in [
        ("\"a\".ToUpper() + 1.ToString()", "Text(\"A1\")"),
        ("$\"{1 + 1}-{\"x\"}\"", "Text(\"2-x\")"),
        ("string.IsNullOrEmpty(\"\")", "Const(Bool(true))"),
        ("int.Parse(\"7\") * 2", "Const(Int(14))"),
        ("Math.Max(3, 4) > 3 ? \"big\" : \"small\"", "Text(\"big\")"),
        (
            "TimeSpan.FromMinutes(1).TotalSeconds",
            "Const(Double(60.0))",
        ),
        ("context.Request.Url", "Host(Url(Request))"),
    ] {
        assert_eq!(ir(code), format!("Expr({folded})"), "{code}");
    }
}

#[test]
fn what_differs_or_throws_is_left() {
    for code in [
        "Guid.NewGuid().ToString()",
        "DateTime.UtcNow.Year",
        "new Random(1).Next()",
        "int.Parse(\"x\")",
        "1 / int.Parse(\"0\")",
        "new string('a', 100000)",
    ] {
        let ir = ir(code);
        assert!(
            ir.contains("Call") || ir.contains("Arithmetic"),
            "{code}: {ir}"
        );
    }
}

#[test]
fn names_are_resolved() {
    for (code, node) in [
        (
            "context.Request.Headers.GetValueOrDefault(\"X-A\", \"\") == \"b\"",
            "EqualText(true, Header(HeaderRead { message: Request, name: \"x-a\", missing: Some(\"\") }), \"b\")",
        ),
        (
            "(string)context.Variables[\"a\"]",
            "Variable(VariableRead { name: \"a\", cast: Some(String), missing: None })",
        ),
        (
            "context.Variables.GetValueOrDefault(\"n\", 1) < 2",
            "CompareInt(Lt, Variable(VariableRead { name: \"n\", cast: Some(Int), missing: Some(Int(1)) }), 2)",
        ),
        ("context.Variables.ContainsKey(\"a\")", "HasVariable(\"a\")"),
    ] {
        assert_eq!(ir(code), format!("Expr({node})"), "{code}");
    }
    for (code, node) in [
        ("context.RequestId.ToString()", "Call"),
        ("context.User.RegistrationDate", "Call"),
        ("context.Api.Id", "MemberOf(Api, ApiId)"),
        (
            "context.Product?.Name",
            "IfHas(Product, Member(ProductName))",
        ),
        (
            "context.User?.Email ?? \"\"",
            "IfHas(User, Member(UserEmail))",
        ),
        (
            "context.Response.StatusCode",
            "MemberOf(Response, ResponseStatusCode)",
        ),
        ("context.LastError?.Message.Length", "IfHas(LastError, Call"),
    ] {
        assert!(ir(code).contains(node), "{code}: {}", ir(code));
    }
    // Not a header's name.
    assert!(ir("context.Request.Headers.GetValueOrDefault(\"a b\")").contains("Call"));
}

/// Whether an expression may read a tree that others read.
fn only_reads(code: &str) -> bool {
    let mut sources = Sources::default();
    let file = sources.add("case", code);
    let mut diagnostics = Diagnostics::default();
    let text = Text::expression(file, code, true);
    match compile(&text, Target::Any, &mut diagnostics) {
        Some(e) => e.only_reads,
        None => panic!("{}", diagnostics.render(&sources, false)),
    }
}

#[test]
fn what_changes_a_tree_is_seen() {
    let body = "var b = context.Request.Body.As<JObject>(true);";
    for reading in [
        "return (string)b[\"model\"];",
        "return b.SelectToken(\"$.a\")?.ToString();",
        "return b.Properties().Select(p => p.Name).Count();",
        "var all = new List<string>(); foreach (var p in b) { all.Add(p.Key); } return all.Count;",
        "return JsonConvert.SerializeObject(b[\"a\"]);",
    ] {
        assert!(only_reads(&format!("{body}{reading}")), "{reading}");
    }
    for changing in [
        "b[\"model\"] = \"x\"; return b.ToString();",
        "b.Remove(\"model\"); return b.ToString();",
        "b.Properties().ToList().ForEach(p => p.Value = 1); return 1;",
        "return new JObject(new JProperty(\"a\", b)).ToString();",
        "b[\"a\"].Replace(1); return 1;",
        "return ((Func<JObject, int>)context.Variables[\"f\"])(b);",
        "return context.Variables.GetValueOrDefault<Func<JObject, int>>(\"f\")(b);",
    ] {
        assert!(!only_reads(&format!("{body}{changing}")), "{changing}");
    }
}
