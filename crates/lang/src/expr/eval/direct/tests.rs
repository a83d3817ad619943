//! The direct form says what the evaluator says.

use crate::document::Text;
use crate::expr::fixture::Fixture;
use crate::expr::outcome::shown;
use crate::expr::{Expr, Target, compiled};
use crate::{Diagnostics, Sources};
use serde_json::{Value as Json, json};

fn expr(code: &str, target: Target, improve: bool) -> Expr {
    let mut sources = Sources::default();
    let file = sources.add("case", code);
    let mut diagnostics = Diagnostics::default();
    let text = Text::expression(file, code, false);
    match compiled(&text, target, &mut diagnostics, improve) {
        Some(e) => e,
        None => panic!("{}", diagnostics.render(&sources, false)),
    }
}

fn outcome(expr: &Expr, context: &Json) -> Json {
    let mut fixture = Fixture::read(context).expect("a fixture");
    match expr.eval(&mut fixture) {
        Ok(v) => shown(&v).expect("the value has a text"),
        Err(e) => json!({ "exception": e.exception, "message": e.message }),
    }
}

/// Full, and with nothing in it.
fn contexts() -> [Json; 2] {
    [
        json!({
            "request": { "method": "OPTIONS", "headers": { "X-One": "a", "X-Two": ["a", "b"] } },
            "response": { "statusCode": 503, "headers": {} },
            "subscription": { "id": "team-a" },
            "product": { "id": "p", "name": "Unlimited" },
            "lastError": { "source": "quota", "reason": "r", "message": "m" },
            "variables": {
                "text": "free", "empty": "", "yes": true, "none": null,
                "int": { "$type": "int", "value": 7 },
                "tree": { "$type": "JObject", "value": { "a": [1, "x"] } },
                "bytes": { "$type": "bytes", "value": "AQI=" }
            }
        }),
        json!({ "variables": { "text": { "$type": "int", "value": 3 }, "yes": "no", "int": "seven" } }),
    ]
}

const LOOKING: [&str; 34] = [
    "context.Subscription?.Id ?? \"portal\"",
    "context.Subscription.Id",
    "context.Product?.Name?.ToString() ?? \"portal\"",
    "context.Product == null",
    "null != context.Product",
    "context.Request.Method == \"OPTIONS\"",
    "context.Request.IpAddress",
    "context.Response.StatusCode == 429 || context.Response.StatusCode >= 500",
    "!(context.Response.StatusCode < 500 && context.Variables.ContainsKey(\"text\"))",
    "context.Request.Headers.GetValueOrDefault(\"X-One\", \"none\")",
    "context.Request.Headers.GetValueOrDefault(\"X-Two\")",
    "context.Request.Headers.GetValueOrDefault(\"X-Two\") == \"a,b\"",
    "context.Request.Headers.GetValueOrDefault(\"X-Three\", \"\") != \"\"",
    "context.Request.Headers.GetValueOrDefault(\"X-Three\").Length",
    "(string)context.Variables[\"text\"]",
    "(string)context.Variables[\"none\"] == null",
    "(string)context.Variables[\"missing\"]",
    "(string)context.Variables[\"text\"] == \"free\" ? \"low\" : context.Api.Id",
    "context.Variables.GetValueOrDefault<string>(\"text\", \"other\")",
    "context.Variables.GetValueOrDefault<int>(\"int\") > 6",
    "(int)context.Variables[\"int\"] != 7",
    "(bool)context.Variables[\"yes\"] == true",
    "(bool)context.Variables[\"yes\"] != true",
    "!context.Variables.GetValueOrDefault<bool>(\"yes\")",
    "(bool)context.Variables[\"none\"] && true",
    "context.Variables[\"tree\"]",
    "context.Variables[\"bytes\"]",
    "context.Variables.GetValueOrDefault(\"none\", 5)",
    "string.IsNullOrEmpty((string)context.Variables.GetValueOrDefault(\"empty\", \"x\"))",
    "((string)context.Variables[\"text\"]).Length > (int)context.Variables[\"int\"]",
    "\"a-\" + context.Subscription.Id + context.Variables[\"tree\"] + context.Variables[\"none\"]",
    "$\"{context.Variables[\"yes\"]}-{context.Response.StatusCode}\"",
    "context.LastError.Source == \"quota\" || context.LastError?.Reason == null",
    "context.Variables.ContainsKey(\"none\") == false",
];

#[test]
fn what_only_looks_gives_what_the_evaluator_gives() {
    for code in LOOKING {
        for target in [Target::Any, Target::Text, Target::Body] {
            let direct = expr(code, target, true);
            assert!(direct.direct.is_some(), "{code} has no direct form");
            let plain = expr(code, target, false);
            assert!(plain.direct.is_none());
            for context in contexts() {
                assert_eq!(
                    outcome(&direct, &context),
                    outcome(&plain, &context),
                    "{code} {target:?} {context}"
                );
            }
        }
    }
}

#[test]
fn what_calls_or_keeps_state_has_no_direct_form() {
    for code in [
        "context.Request.Body.As<string>()",
        "Guid.NewGuid().ToString()",
        "((string)context.Variables[\"text\"]).Split('.')[0]",
        "$\"{(int)context.Variables[\"int\"]:X4}\"",
        "new [] { \"a\" }.Select(x => x + context.Api.Id)",
    ] {
        assert!(expr(code, Target::Any, true).direct.is_none(), "{code}");
    }
}

#[test]
fn an_expression_of_many_parts_takes_the_long_way() {
    let many = |n| vec!["(string)context.Variables[\"text\"]"; n].join(" + ");
    let longest = (1..100)
        .take_while(|n| expr(&many(*n), Target::Any, true).direct.is_some())
        .last();
    assert!(longest.is_some_and(|n| n < 40), "{longest:?}");
}
