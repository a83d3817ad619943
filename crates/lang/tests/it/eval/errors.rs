//! What the binder says about wrong expressions: message, place, remedy.

use super::compiled;
use tollgate_lang::expr::Target;

/// The diagnostics of a refused expression hold every given text.
#[track_caller]
fn refused(expression: &str, target: Target, parts: &[&str]) {
    match compiled(expression, target) {
        Ok(_) => panic!("{expression} compiled"),
        Err(faults) => {
            for part in parts {
                assert!(
                    faults.contains(part),
                    "{expression}: no `{part}` in\n{faults}"
                );
            }
        }
    }
}

/// What public documents hold that is not C#: each kind gets what a C# compiler says, and a remedy.
#[test]
fn what_public_documents_get_wrong_is_named_as_csharp_does() {
    refused(
        "@(!context.Variables.ContainsKey(\"latlong=\"\"\"))",
        Target::Bool,
        &["expected `,` or `)`", "verbatim text"],
    );
    refused(
        "@(context.Variables[\"response=\"\"\"])",
        Target::Any,
        &["expected `,` or `]`", "verbatim text"],
    );
    refused(
        "@(\"a\" + (string)context.Request.MatchedParameters(\"blobContainer\"))",
        Target::Any,
        &[
            "non-invocable member `MatchedParameters` cannot be used like a method",
            "MatchedParameters[…]",
        ],
    );
    refused(
        "@(DateTime.UtcNow.AddSeconds((string)context.Request.MatchedParameters[\"ttl\"]))",
        Target::Any,
        &["convert `string` to `double`", "AddSeconds(double value)"],
    );
}

#[test]
fn reads_before_assignment_are_faults() {
    refused(
        "@{ int x; if (context.Tracing) x = 1; return x; }",
        Target::Any,
        &["use of unassigned local variable `x`", "1:46"],
    );
    refused(
        "@{ object o = 1; if (o is int n) { } return n; }",
        Target::Any,
        &["use of unassigned local variable `n`"],
    );
}

#[test]
fn unknown_names_are_reported_with_the_nearest_one() {
    refused(
        "@(context.Request.IpAdress)",
        Target::Any,
        &[
            "TG0202",
            "`IRequest` has no member `IpAdress`",
            "1:19",
            "did you mean `IpAddress`",
        ],
    );
    refused(
        "@(contxt.Api.Id)",
        Target::Any,
        &["unknown name `contxt`", "did you mean `context`"],
    );
    refused(
        "@(\"a\".ToUper())",
        Target::Any,
        &["`string` has no member `ToUper`", "did you mean `ToUpper`"],
    );
    refused(
        "@(new Jobject())",
        Target::Any,
        &["unknown type `Jobject`", "did you mean `JObject`"],
    );
    refused(
        "@(String.IsNulOrEmpty(\"\"))",
        Target::Any,
        &["did you mean `IsNullOrEmpty`"],
    );
    refused("@(\"\".IsNullOrEmpty())", Target::Any, &["is static"]);
    refused(
        "@(StringComparison.OrdinalIgnorCase)",
        Target::Any,
        &["did you mean `OrdinalIgnoreCase`"],
    );
    refused(
        "@(System.IO.File.ReadAllText(\"x\"))",
        Target::Any,
        &["unknown type"],
    );
}

#[test]
fn wrong_types_are_reported() {
    refused(
        "@{ int x = \"a\"; return x; }",
        Target::Any,
        &[
            "cannot implicitly convert `string` to `int`",
            "expected `int`, found `string`",
        ],
    );
    refused(
        "@(\"a\".Substring(\"b\"))",
        Target::Any,
        &[
            "cannot implicitly convert `string` to `int`",
            "nearest overload",
        ],
    );
    refused(
        "@(context.Variables[\"x\"] + 1)",
        Target::Any,
        &[
            "operator `+` is not defined for `object` and `int`",
            "cast the left side: `(int)…`",
        ],
    );
    refused(
        "@(context.Variables[\"x\"].Length)",
        Target::Any,
        &["`object` has no member `Length`"],
    );
    refused(
        "@(context.Variables[\"x\"][\"y\"])",
        Target::Any,
        &["cannot be indexed", "cast it first"],
    );
    refused(
        "@(context.Request.Body.As<JObject>()[\"a\"] == \"b\")",
        Target::Any,
        &["`JToken` and `string`", "(string)"],
    );
    refused(
        "@(1 + 2)",
        Target::Bool,
        &[
            "cannot implicitly convert `int` to `bool`",
            "expected `bool`, found `int`",
        ],
    );
    refused(
        "@(null)",
        Target::Bool,
        &["cannot implicitly convert `null` to `bool`"],
    );
    refused(
        "@(context.User?.Groups.Any())",
        Target::Bool,
        &["cannot implicitly convert `bool?` to `bool`"],
    );
    refused(
        "@(5L)",
        Target::Int,
        &["cannot implicitly convert `long` to `int`"],
    );
    refused(
        "@(5)",
        Target::Long,
        &[
            "expression return type 'System.Int32' is not allowed",
            "expected `long`",
        ],
    );
    refused(
        "@(\"5\")",
        Target::Long,
        &["cannot implicitly convert `string` to `long`"],
    );
    refused("@(context.Trace(\"x\"))", Target::Any, &["has no value"]);
}

#[test]
fn syntax_faults_say_what_was_expected() {
    refused(
        "@(1 + )",
        Target::Any,
        &["TG0201", "expected an expression"],
    );
    refused("@(foo(1, 2)", Target::Any, &["expected"]);
    refused("@{ return 1 }", Target::Any, &["expected `;`"]);
    refused("@(\"abc)", Target::Any, &["text is not closed"]);
    refused("@('ab')", Target::Any, &["bad character literal"]);
    refused("@(\"a\\qb\")", Target::Any, &["unknown escape `\\q`"]);
    refused("@($\"{1\")", Target::Any, &["is not closed"]);
    refused(
        "@{ if (context.Api != null) return 1; }",
        Target::Any,
        &["not every path returns a value"],
    );
    refused("@{ goto x; }", Target::Any, &["no label `x`"]);
    refused(
        "@(x => 1)",
        Target::Any,
        &["a lambda needs a delegate type"],
    );
    refused(
        "@(typeof(string).GetMethods())",
        Target::Any,
        &["`Type` has no member `GetMethods`"],
    );
    refused(
        "@{ dynamic x = 1; return x; }",
        Target::Any,
        &["unknown type `dynamic`"],
    );
    refused("@(“a”)", Target::Any, &["typographic"]);
}

#[test]
fn every_statement_is_checked() {
    let faults = compiled(
        "@{ int a = \"x\"; var b = context.Foo; return a + b + nope; }",
        Target::Any,
    )
    .unwrap_err();
    assert!(
        faults.contains("cannot implicitly convert")
            && faults.contains("`Foo`")
            && faults.contains("`nope`"),
        "{faults}"
    );
    assert_eq!(faults.matches("error[").count(), 3, "{faults}");
    let faults = compiled(
        "@{ var a = nope.Text; return Encoding.UTF8.GetBytes(a).Length + a.Foo(); }",
        Target::Any,
    )
    .unwrap_err();
    assert_eq!(faults.matches("error[").count(), 1, "{faults}");
}

#[test]
fn any_code_compiles_or_has_an_error_in_its_place() {
    const PIECES: &[&str] = &[
        "context",
        ".",
        "Request",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "$\"",
        "@\"",
        "return ",
        "var x = ",
        "if",
        "else",
        ";",
        "+",
        "??",
        "?.",
        "=>",
        "<",
        ">",
        "1",
        "1e9",
        "0x",
        "#",
        "//",
        "/*",
        "\n",
        "\u{e9}",
        "\u{1f600}",
        "\\u",
        "new JObject",
        "(string)",
        "as ",
        "typeof",
        "é",
    ];
    // What fuzzing has found.
    tollgate_lang::fuzz::expression(b"\x83#\x0f\xdb");
    arbtest::arbtest(|u| {
        let mut code: Vec<u8> = vec![u.arbitrary()?];
        for _ in 0..u.int_in_range(0..=16)? {
            if u.ratio(1, 12)? {
                code.push(u.arbitrary()?);
            } else {
                code.extend_from_slice(u.choose(PIECES)?.as_bytes());
            }
        }
        tollgate_lang::fuzz::expression(&code);
        Ok(())
    });
}
