//! What has no C# counterpart to measure: targets, reads, bounds, the host's side.

use super::compiled;
use serde_json::json;
use tollgate_lang::expr::fixture::Fixture;
use tollgate_lang::expr::{EvalError, Reads, Target};
use tollgate_lang::value::Value;

fn run(expression: &str, target: Target) -> Result<Value, EvalError> {
    run_in(expression, target, json!({}))
}

fn run_in(
    expression: &str,
    target: Target,
    context: serde_json::Value,
) -> Result<Value, EvalError> {
    compiled(expression, target)
        .unwrap_or_else(|f| panic!("{expression}: {f}"))
        .eval(&mut Fixture::read(&context).unwrap())
}

fn text(expression: &str) -> String {
    run(expression, Target::Text)
        .unwrap()
        .as_str()
        .unwrap()
        .to_string()
}

#[test]
fn results_fit_the_target() {
    assert_eq!(text("@(true)"), "True");
    assert_eq!(text("@(null)"), "");
    assert_eq!(text("@(1.5)"), "1.5");
    assert_eq!(
        text("@(new JObject(new JProperty(\"a\", 1)))"),
        "{\n  \"a\": 1\n}"
    );
    assert_eq!(text("@(JToken.Parse(\"\\\"x\\\"\"))"), "x");
    assert_eq!(text("@(context.Timestamp)"), "01/15/2026 10:20:30");
    let retry = "@(DateTime.UtcNow.AddSeconds(context.Variables.GetValueOrDefault<int>(\"retryAfter\")).ToString(\"o\"))";
    let after = run_in(retry, Target::Text, json!({"variables": {"retryAfter": 7}})).unwrap();
    assert_eq!(after.as_str(), Some("2026-01-15T10:20:37.1234567Z"));
    assert!(matches!(run("@(5)", Target::Int), Ok(Value::Int(5))));
    assert!(matches!(run("@((byte)5)", Target::Int), Ok(Value::Int(5))));
    assert!(matches!(run("@('a')", Target::Int), Ok(Value::Int(97))));
    assert!(matches!(run("@(5L)", Target::Long), Ok(Value::Long(5))));
    assert!(matches!(
        run("@(5)", Target::Double),
        Ok(Value::Double(5.0))
    ));
    assert!(matches!(
        run(
            "@{ if (context.Api.Id == \"x\") return 1; return 2.5f; }",
            Target::Double
        ),
        Ok(Value::Double(2.5))
    ));
    assert!(
        matches!(run("@(Encoding.UTF8.GetBytes(\"a\"))", Target::Body), Ok(Value::Bytes(b)) if &b[..] == b"a")
    );
    assert!(
        matches!(run("@(new byte[] { 1, 2 })", Target::Body), Ok(Value::Bytes(b)) if b[..] == [1, 2])
    );
    assert!(matches!(run("@(5)", Target::Body), Ok(Value::Str(s)) if &*s == "5"));
    assert!(matches!(
        run("@(true)", Target::Bool),
        Ok(Value::Bool(true))
    ));
}

#[test]
fn constants_are_known_at_load() {
    let constant = |e: &str, t| {
        compiled(e, t)
            .unwrap()
            .constant()
            .map(|v| v.to_text().to_string())
    };
    assert_eq!(
        constant("@(\"a\" + 1 + 'c' + true)", Target::Text).as_deref(),
        Some("a1cTrue")
    );
    assert_eq!(
        constant("@(2 * (3 + 4) == 14)", Target::Bool).as_deref(),
        Some("True")
    );
    assert_eq!(
        constant("@(string.Empty)", Target::Text).as_deref(),
        Some("")
    );
    assert_eq!(
        constant("@($\"x{1}\")", Target::Text).as_deref(),
        Some("x1")
    );
    assert_eq!(constant("@(context.Api.Id)", Target::Text), None);
    assert_eq!(constant("@(Guid.NewGuid())", Target::Text), None);
}

#[test]
fn reads_are_exact() {
    let reads = |e: &str| {
        compiled(e, Target::Any)
            .unwrap_or_else(|f| panic!("{f}"))
            .reads()
    };
    let none = Reads::default();
    assert_eq!(reads("@(context.Subscription?.Id ?? \"anonymous\")"), none);
    assert_eq!(
        reads("@(context.Request.Headers.GetValueOrDefault(\"a\", \"\"))"),
        none
    );
    assert_eq!(
        reads("@(context.Request.Body.As<string>(true))"),
        Reads {
            request_body: true,
            ..none
        }
    );
    assert_eq!(reads("@(context.Request.Body != null)"), none);
    assert_eq!(
        reads("@(context.Request.Body?.As<JObject>(true))"),
        Reads {
            request_body: true,
            ..none
        }
    );
    assert_eq!(
        reads("@(new[] { 1 }.Select(i => context.Request.Body.As<string>(true)).First())"),
        Reads {
            request_body: true,
            ..none
        }
    );
    assert_eq!(
        reads("@{ var b = context.Request.Body; return 1; }"),
        Reads {
            request_body: true,
            ..none
        }
    );
    assert_eq!(
        reads("@(context.Response.StatusCode == 200)"),
        Reads {
            response: true,
            ..none
        }
    );
    assert_eq!(
        reads("@(context.Response.Headers.GetValueOrDefault(\"a\"))"),
        Reads {
            response: true,
            ..none
        }
    );
    assert_eq!(
        reads("@(context.Response.Body.As<string>())"),
        Reads {
            response: true,
            response_body: true,
            ..none
        }
    );
    assert_eq!(
        reads("@{ var r = context.Response; return r.Body.As<string>(); }"),
        Reads {
            response: true,
            response_body: true,
            ..none
        }
    );
    assert_eq!(
        reads("@{ IResponse r = context.Response; return r.Body.As<string>(); }"),
        Reads {
            response: true,
            response_body: true,
            ..none
        }
    );
    assert_eq!(
        reads("@{ IResponse r = context.Response; return r.StatusCode; }"),
        Reads {
            response: true,
            ..none
        }
    );
    assert_eq!(
        reads("@(((IResponse)context.Variables[\"x\"]).Body.As<string>())"),
        Reads {
            variables: true,
            ..none
        }
    );
    assert_eq!(
        reads(
            "@(context.Response.StatusCode == 200 ? ((IResponse)context.Variables[\"x\"]).Body.As<string>() : null)"
        ),
        Reads {
            response: true,
            variables: true,
            ..none
        }
    );
    assert_eq!(
        reads("@(context.LastError.Reason)"),
        Reads {
            last_error: true,
            ..none
        }
    );
}

#[test]
fn evaluation_is_bounded() {
    let fails = |e: &str, exception: &str, word: &str| match run(e, Target::Any) {
        Err(error) => assert!(
            error.exception == exception && error.message.contains(word),
            "{e}: {error:?}"
        ),
        Ok(v) => panic!("{e} gave {v:?}"),
    };
    fails("@{ while (true) { } }", "System.TimeoutException", "steps");
    fails(
        "@{ try { while (true) { } } catch { return 1; } finally { } }",
        "System.TimeoutException",
        "steps",
    );
    // What is walked or copied counts, not only what is found.
    let wide = "var r = XElement.Parse(\"<r>\" + string.Concat(Enumerable.Repeat(\"<a/>\", 4000)) + \"</r>\");";
    fails(
        &format!("@{{ {wide} while (true) {{ r.Element(\"b\"); }} }}"),
        "System.TimeoutException",
        "steps",
    );
    fails(
        "@{ var e = new XElement(\"e\", new string('x', 200000)); while (true) { e.Add(\"y\"); } }",
        "System.TimeoutException",
        "steps",
    );
    fails(
        "@{ var s = \"xxxxxxxx\"; while (true) { s += s; } }",
        "System.OutOfMemoryException",
        "MB",
    );
    fails(
        "@{ var l = new List<string>(); while (true) { l.Add(new string('x', 10000)); } }",
        "System.OutOfMemoryException",
        "MB",
    );
    fails(
        "@(new string('x', 2000000000))",
        "System.OutOfMemoryException",
        "MB",
    );
    fails(
        "@(Enumerable.Range(0, 2000000000).Max())",
        "System.TimeoutException",
        "steps",
    );
    fails(
        "@(Enumerable.Repeat(new string('x', 40000), 2000000000).Aggregate((a, b) => a + b))",
        "System.OutOfMemoryException",
        "MB",
    );
    // A chain of queries, run: it is as deep as it is long. Built and dropped it costs nothing.
    fails(
        "@{ var q = Enumerable.Range(0, 3); for (var i = 0; i < 12000; i++) { q = q.Where(x => true); } return q.Count(); }",
        "System.InsufficientExecutionStackException",
        "nested",
    );
    for deep in [
        "@{ var q = Enumerable.Range(0, 3); for (var i = 0; i < 12000; i++) { q = q.Concat(q.Where(x => true)); } return q.First(); }",
        "@{ var q = Enumerable.Range(0, 3); for (var i = 0; i < 12000; i++) { var p = q; q = new[] { 1 }.SelectMany(x => p); } return 1; }",
        "@{ object o = null; for (var i = 0; i < 12000; i++) { o = new { a = o }; } return 1; }",
        "@{ object o = null; for (var i = 0; i < 12000; i++) { o = new { a = o }; } return o.ToString(); }",
        "@{ object o = null; for (var i = 0; i < 12000; i++) { o = new KeyValuePair<object, object>(o, o); } return o.Equals(o); }",
        "@{ object o = null; for (var i = 0; i < 12000; i++) { o = new[] { o }.GroupBy(x => x).First(); } return 1; }",
        "@{ var l = new List<object>(); l.Add(l); l.Add(l); l.Add(new[] { 1 }.Select(x => l)); return l; }",
        "@{ var d = new Dictionary<string, object>(); d[\"a\"] = d; d[\"b\"] = new[] { d, d }; return d; }",
    ] {
        let _ = run(deep, Target::Any);
    }
    fails(
        "@(\"\".PadLeft(2000000000))",
        "System.OutOfMemoryException",
        "MB",
    );
    fails(
        "@{ int F(int n) { return F(n + 1) + 1; } return F(0); }",
        "System.InsufficientExecutionStackException",
        "deep",
    );
    fails(
        "@{ Func<int, int> f = null; f = n => f(n + 1); return f(0); }",
        "System.InsufficientExecutionStackException",
        "deep",
    );
    fails(
        "@{ var a = new JArray(); for (;;) { var b = new JArray(); b.Add(a); a = b; } }",
        "System.InsufficientExecutionStackException",
        "deep",
    );
}

#[test]
fn long_evaluations_pause() {
    let long = [
        "@{ var n = 0; for (var i = 0; i < 20000; i++) { n += i % 7; } return n; }",
        "@{ var n = 0; foreach (var i in Enumerable.Range(0, 30000)) { n += i % 7; } return n; }",
        "@(Enumerable.Range(0, 20000).Select(i => i % 7).Sum())",
        r#"@(Regex.IsMatch(new string('a', 18) + "!", "^(a|a)*$"))"#,
        r#"@(JArray.Parse("[" + new string('x', 100000).Replace("x", "1,") + "1]").Count)"#,
        r#"@(JsonConvert.SerializeObject(new string[150000]).Length)"#,
    ];
    for expression in long {
        let compiled = compiled(expression, Target::Any).unwrap();
        let mut host = Fixture::read(&json!({})).unwrap();
        compiled.eval(&mut host).unwrap();
        assert!(host.pauses() > 1, "{expression}: {}", host.pauses());

        let mut host = Fixture::read(&json!({})).unwrap();
        host.leave_at(2);
        let left = compiled.eval(&mut host).unwrap_err();
        assert_eq!(left.exception, "System.OperationCanceledException");
        assert_eq!(host.pauses(), 2, "{expression}");
    }
    let mut host = Fixture::read(&json!({})).unwrap();
    compiled("@(context.Api.Id.Split('-').Last())", Target::Any)
        .unwrap()
        .eval(&mut host)
        .unwrap();
    assert_eq!(host.pauses(), 0);
}

#[test]
fn deep_nests_of_objects_are_dropped_without_recursion() {
    let v = run("@{ object x = null; for (int i = 0; i < 100000; i++) { x = new object[] { x }; } return x; }", Target::Any).unwrap();
    assert!(v.freeze().is_none(), "too deep to keep");
    drop(v);
    let v = run(
        "@{ Func<int> f = () => 0; for (int i = 0; i < 20000; i++) { var g = f; f = () => g == null ? 1 : 2; } return f(); }",
        Target::Any,
    );
    assert!(matches!(v, Ok(Value::Int(2))), "{v:?}");
}

#[test]
fn deepest_allowed_expressions_fit_a_small_stack() {
    // Parsed, bound, run and dropped on the stack of a runtime's worker thread.
    let nests = [
        format!("@({}1{})", "(".repeat(40), ")".repeat(40)),
        format!("@({}1{})", "Math.Abs(".repeat(40), ")".repeat(40)),
        format!("@({}1{})", "new JArray(".repeat(40), ")".repeat(40)),
        format!("@({}1)", "- ".repeat(40)),
        format!("@(1{})", " + context.Api.Id.Length".repeat(90)),
        format!("@(\"\"{})", " + context.Api.Id".repeat(390)),
        format!("@(context.Api.Id{})", ".Trim()".repeat(45)),
        format!("@(true{})", " && context.Api != null".repeat(390)),
        format!("@{{ {} return 1; {} return 2; }}", "if (context.Api != null) {".repeat(20), "}".repeat(20)),
        "@{ int F(int n) { if (n > 0) { var x = new[] { n }.Select(y => F(y - 1)).First(); return x + 1; } return 0; } return F(100000); }".to_string(),
    ];
    for e in nests {
        let shown: String = e.chars().take(60).collect();
        std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || match compiled(&e, Target::Any) {
                Ok(x) => drop(x.eval(&mut Fixture::read(&json!({})).unwrap())),
                Err(f) => panic!("{f}"),
            })
            .unwrap()
            .join()
            .unwrap_or_else(|_| panic!("{shown}"));
    }
    for e in [
        "(", "[", "{", "x.y<", "new{a=", "()=>", "?", "!", "$\"{", "if(a)", "a?.b(", "(a)", "-",
    ] {
        let e = format!("@({})", e.repeat(20_000));
        assert!(compiled(&e, Target::Any).is_err());
    }
}

#[test]
fn exceptions_have_their_dotnet_names() {
    let error = run("@(context.Product.Name)", Target::Text).unwrap_err();
    assert_eq!(
        (error.exception, &*error.message),
        (
            "System.NullReferenceException",
            "Object reference not set to an instance of an object."
        )
    );
    let error = run("@(context.Variables[\"x\"])", Target::Text).unwrap_err();
    assert_eq!(
        (error.exception, &*error.message),
        (
            "System.Collections.Generic.KeyNotFoundException",
            "The given key 'x' was not present in the dictionary."
        )
    );
    let error = run("@(JObject.Parse(\"{\"))", Target::Text).unwrap_err();
    assert_eq!(error.exception, "Newtonsoft.Json.JsonReaderException");
    let error = run("@(context.Request.Body.As<string>())", Target::Text).unwrap_err();
    assert_eq!(error.exception, "System.NullReferenceException");
}

#[test]
fn a_body_is_read_once_unless_preserved() {
    let context = json!({"request": {"body": {"a": 1}}});
    let twice = |first: &str| {
        format!("@{{ var a = {first}; return context.Request.Body.As<JObject>()[\"a\"]; }}")
    };
    assert!(
        run_in(
            &twice("context.Request.Body.As<string>(preserveContent: true)"),
            Target::Text,
            context.clone()
        )
        .is_ok()
    );
    assert!(
        run_in(
            &twice("context.Request.Body.As<string>(true)"),
            Target::Text,
            context.clone()
        )
        .is_ok()
    );
    let error = run_in(
        &twice("context.Request.Body.As<string>()"),
        Target::Text,
        context,
    )
    .unwrap_err();
    assert_eq!(error.exception, "System.InvalidOperationException");
}

#[test]
fn traces_reach_the_host() {
    let e = compiled("@{ context.Trace(\"a\" + 1); return null; }", Target::Any).unwrap();
    let mut host = Fixture::read(&json!({})).unwrap();
    e.eval(&mut host).unwrap();
    assert_eq!(host.traced(), ["a1"]);
}

#[test]
fn compiled_expressions_and_frozen_values_cross_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    let e = compiled(
        "@(new JObject { [\"a\"] = new JArray(1, DateTime.MinValue) })",
        Target::Any,
    )
    .unwrap();
    shared(&e);
    let v = e.eval(&mut Fixture::read(&json!({})).unwrap()).unwrap();
    let frozen = v.freeze().unwrap();
    shared(&frozen);
    assert!(frozen.weight() > 100);
    let other = std::thread::spawn(move || frozen.thaw().to_text().to_string())
        .join()
        .unwrap();
    assert_eq!(other, &*v.to_text());
}

#[test]
fn thawed_values_share_nothing() {
    let v = Value::json("{\"a\":[1]}").unwrap();
    let frozen = v.freeze().unwrap();
    let mut host = Fixture::read(&json!({})).unwrap();
    host.set_variable("o", v.clone());
    compiled(
        "@{ ((JArray)((JObject)context.Variables[\"o\"])[\"a\"]).Add(2); return 1; }",
        Target::Any,
    )
    .unwrap()
    .eval(&mut host)
    .unwrap();
    assert!(v.to_text().contains('2'));
    assert!(!frozen.thaw().to_text().contains('2'));
}

#[test]
fn random_and_guids_come_from_the_host() {
    assert_eq!(text("@(Guid.NewGuid().ToString().Length)"), "36");
    assert_ne!(
        text("@(Guid.NewGuid())"),
        "00000000-0000-0000-0000-000000000000"
    );
    let n: i32 = text("@(new Random().Next(1, 7))").parse().unwrap();
    assert!((1..7).contains(&n));
    assert_eq!(
        text("@(new Random(7).Next())"),
        text("@(new Random(7).Next())")
    );
}

/// Any text compiles or is refused, and what compiles evaluates or fails; nothing panics.
#[test]
fn any_input_is_survived() {
    const WORDS: [&str; 74] = [
        "context",
        ".",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ";",
        ",",
        "?",
        ":",
        "??",
        "?.",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        ">",
        "=>",
        "=",
        "&&",
        "||",
        "!",
        "1",
        "2.5",
        "\"a\"",
        "'c'",
        "$\"{",
        "}\"",
        "null",
        "true",
        "new",
        "JObject",
        "JArray",
        "JProperty",
        "List<int>",
        "string",
        "int",
        "var",
        "x",
        "y",
        "if",
        "else",
        "return",
        "foreach",
        "in",
        "for",
        "while",
        "try",
        "catch",
        "Request",
        "Body",
        "As<JObject>",
        "Variables",
        "\"k\"",
        "Select",
        "Where",
        "First",
        "ToString",
        "Split",
        "Length",
        "Count",
        "is",
        "as",
        "(string)",
        "(int)",
        "++",
        "Headers",
        "Substring",
    ];
    arbtest::arbtest(|u| {
        let mut code = String::new();
        for _ in 0..u.int_in_range(0..=30)? {
            if u.ratio(1, 12)? {
                code.push_str(u.arbitrary::<&str>()?);
            } else {
                code.push_str(u.choose(&WORDS)?);
            }
            if u.ratio(1, 2)? {
                code.push(' ');
            }
        }
        for wrapped in [
            format!("@({code})"),
            format!("@{{{code}}}"),
            format!("@{{ return {code}; }}"),
        ] {
            if let Ok(e) = compiled(&wrapped, Target::Any) {
                drop(
                    e.eval(
                        &mut Fixture::read(
                            &json!({"request": {"body": {"k": [1, "a"]}}, "variables": {"k": 1}}),
                        )
                        .unwrap(),
                    ),
                );
            }
        }
        Ok(())
    })
    .budget_ms(1500);
}

/// A body that expressions only read is parsed once; what one changes the next does not see.
#[test]
fn parsed_bodies_are_shared_by_what_reads() {
    let context = json!({"request": {"body": {"model": "gpt-4o", "a": {"b": [1, 2]}}}});
    let mut fixture = Fixture::read(&context).unwrap();
    let mut run = |expression: &str| {
        compiled(expression, Target::Any)
            .unwrap()
            .eval(&mut fixture)
            .unwrap()
    };
    let body = "context.Request.Body.As<JObject>(true)";
    let text = |v: &Value| v.to_text().to_string();
    assert_eq!(
        text(&run(&format!("@((string){body}[\"model\"])"))),
        "gpt-4o"
    );
    assert_eq!(text(&run(&format!("@((int){body}[\"a\"][\"b\"][1])"))), "2");
    // One changes its own, twice.
    let change = format!(
        "@{{ var x = {body}; var y = {body}; x[\"model\"] = \"z\"; y[\"n\"] = 1; return (string)x[\"model\"] + y[\"model\"] + x[\"n\"]; }}"
    );
    assert_eq!(text(&run(&change)), "zgpt-4o");
    assert_eq!(
        text(&run(&format!("@((string){body}[\"model\"])"))),
        "gpt-4o"
    );
    // What leaves is nobody else's.
    let (first, second) = (run(&format!("@({body})")), run(&format!("@({body})")));
    let (Value::Token(first), Value::Token(second)) = (first, second) else {
        panic!("not tokens");
    };
    let mut other = Fixture::read(&json!({})).unwrap();
    other.set_variable("t", Value::Token(first));
    compiled(
        "@{ ((JObject)context.Variables[\"t\"])[\"model\"] = \"changed\"; return 1; }",
        Target::Any,
    )
    .unwrap()
    .eval(&mut other)
    .unwrap();
    assert!(Value::Token(second).to_text().contains("gpt-4o"));
    assert_eq!(
        text(&run(&format!("@((string){body}[\"model\"])"))),
        "gpt-4o"
    );
}

/// Programs made at random give the same with and without what is done at load to make them quick.
#[test]
fn what_is_done_at_load_changes_no_outcome() {
    arbtest::arbtest(|u| {
        let n = u.arbitrary_len::<u8>()?;
        tollgate_lang::fuzz::evaluation(u.bytes(n)?);
        Ok(())
    })
    .budget_ms(700);
}
