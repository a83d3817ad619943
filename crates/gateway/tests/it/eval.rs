//! `tollgate eval`.

use crate::process::{Folder, run};

#[test]
fn prints_type_and_value() {
    for (expression, printed) in [
        ("@(1 + 1)", "System.Int32: 2\n"),
        ("@(\"a\" + 1L)", "System.String: a1\n"),
        ("@((string)null)", "null\n"),
        (
            "@(new[] { 1, 2 })",
            "System.Int32[]: 2 items\n  System.Int32: 1\n  System.Int32: 2\n",
        ),
        (
            "@{ var o = new JObject(); o[\"a\"] = 1; return o; }",
            "Newtonsoft.Json.Linq.JObject: {\n  \"a\": 1\n}\n",
        ),
    ] {
        let (code, out, err) = run(&["eval", expression]);
        assert_eq!((code, &*out), (Some(0), printed), "{expression}: {err}");
    }
}

#[test]
fn faults_and_exceptions_have_their_place_and_type() {
    let (code, out, err) = run(&["eval", "@(context.Request.Methd + 1)"]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert_eq!(
        err.trim_end(),
        "\
error[TG0202]: `IRequest` has no member `Methd`
 --> expression:1:19
  |
1 | @(context.Request.Methd + 1)
  |                   ^^^^^ not a member of `IRequest` that expressions may use
  |
  = help: did you mean `Method`?"
    );
    let (code, _, err) = run(&["eval", "@(int.Parse(\"x\"))"]);
    assert_eq!(code, Some(1));
    assert!(err.starts_with("System.FormatException: "), "{err}");
    let (code, _, err) = run(&["eval", "1 + 1"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("expected `@(…)` or `@{…}`"), "{err}");
}

#[test]
fn reads_a_context_and_cases() {
    let folder = Folder::new();
    let path = |name: &str| format!("{}/{name}", folder.text());
    folder.write(
        "context.json",
        r#"{"request": {"headers": {"x-a": ["1", "2"]}, "body": {"model": "m"}}, "variables": {"n": {"$type": "long", "value": 7}}}"#,
    );
    let expression = "@(context.Request.Headers.GetValueOrDefault(\"X-A\") + context.Request.Body.As<JObject>()[\"model\"] + (long)context.Variables[\"n\"])";
    let (code, out, err) = run(&["eval", expression, "--context", &path("context.json")]);
    assert_eq!((code, &*out), (Some(0), "System.String: 1,2m7\n"), "{err}");
    folder.write("wrong.json", r#"{"request": {"metod": "GET"}}"#);
    let (code, _, err) = run(&["eval", "@(1)", "--context", &path("wrong.json")]);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("request: unknown key `metod`: did you mean `method`?"),
        "{err}"
    );
    folder.write(
        "cases.jsonl",
        "{\"id\": \"1\", \"expression\": \"@(context.Subscription?.Id ?? \\\"anonymous\\\")\", \"context\": {\"subscription\": {\"id\": \"s\"}}}\n\n{\"id\": 2, \"expression\": \"@(1 / int.Parse(\\\"0\\\"))\"}\n{\"id\": \"3\", \"expression\": \"@(1 +)\"}\n",
    );
    let (code, out, err) = run(&["eval", "--cases", &path("cases.jsonl")]);
    assert_eq!(code, Some(0), "{err}");
    let lines: Vec<serde_json::Value> = out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(
        lines[0],
        serde_json::json!({"id": "1", "ok": true, "result": {"type": "System.String", "value": "s"}})
    );
    assert_eq!(lines[1]["exception"], "System.DivideByZeroException");
    assert_eq!(lines[2]["id"], "3");
    assert!(lines[2]["compile_error"].is_string(), "{out}");
}
