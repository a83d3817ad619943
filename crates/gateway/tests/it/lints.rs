//! `tollgate check`: lints of whole configurations, bare documents, SARIF and GitHub output.

use crate::process::{Folder, run};
use serde_json::Value;

/// Checks one API with this document, and a global one with a limit.
fn checked(policy: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = Folder::new();
    folder.write(
        "tollgate.yaml",
        "policy: global.xml\napis:\n  - { id: a, path: a, serviceUrl: \"https://a.example\", policy: a.xml, operations: [{ id: all, method: \"*\", urlTemplate: \"/*\" }] }\n",
    );
    folder.write(
        "global.xml",
        "<policies><inbound><rate-limit-by-key calls=\"9\" renewal-period=\"9\" counter-key=\"all\" /></inbound><backend><forward-request /></backend></policies>",
    );
    folder.write("a.xml", policy);
    let mut all = vec!["check", folder.text()];
    all.extend(arguments);
    let (code, out, _) = run(&all);
    (code, out)
}

/// What is warned of in a document, by code and line.
fn warnings(policy: &str) -> Vec<(String, u64)> {
    let (code, out) = checked(policy, &["--format", "json"]);
    assert_eq!(code, Some(0), "{out}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let found = found["diagnostics"].as_array().unwrap();
    found
        .iter()
        .map(|d| {
            assert!(d["help"].is_string(), "a warning has a remedy: {d}");
            let code = d["code"].as_str().unwrap().to_owned();
            (code, d["at"]["line"].as_u64().unwrap())
        })
        .collect()
}

fn inbound(policies: &str) -> String {
    format!("<policies><inbound><base />\n{policies}\n</inbound></policies>")
}

#[track_caller]
fn warns(policies: &str, code: &str, line: u64) {
    let found = warnings(&inbound(policies));
    assert_eq!(found, [(code.to_owned(), line)], "{policies}");
}

#[track_caller]
fn silent(policies: &str) {
    assert_eq!(warnings(&inbound(policies)), [], "{policies}");
}

const HEADER: &str = "<set-header name=\"x\"><value>1</value></set-header>";

#[test]
fn branches_that_never_run() {
    warns(
        &format!("<choose>\n<when condition=\"@(1 > 2)\">{HEADER}</when></choose>"),
        "TG0601",
        3,
    );
    warns(
        &format!(
            "<choose><when condition=\"true\">{HEADER}</when>\n<otherwise>{HEADER}</otherwise></choose>"
        ),
        "TG0601",
        3,
    );
    silent(&format!(
        "<choose><when condition=\"@(context.Request.Method == \"GET\")\">{HEADER}</when><otherwise>{HEADER}</otherwise></choose>"
    ));
}

#[test]
fn steps_behind_an_answer() {
    warns(&format!("<return-response />\n{HEADER}"), "TG0602", 3);
    warns(
        &format!(
            "<choose><when condition=\"@(context.Request.Method == \"GET\")\"><return-response /></when><otherwise><return-response /></otherwise></choose>\n{HEADER}"
        ),
        "TG0602",
        3,
    );
    silent(&format!(
        "<choose><when condition=\"@(context.Request.Method == \"GET\")\"><return-response /></when></choose>\n{HEADER}"
    ));
}

#[test]
fn variables_that_nothing_sets() {
    let read = "<set-header name=\"x\"><value>@((string)context.Variables[\"color\"])</value></set-header>";
    warns(read, "TG0603", 2);
    warns(
        "<set-body>@(context.Variables.GetValueOrDefault<string>(\"color\", \"red\"))</set-body>",
        "TG0603",
        2,
    );
    silent(&format!(
        "<set-variable name=\"color\" value=\"red\" />{read}"
    ));
    silent(&format!(
        "<cache-lookup-value key=\"k\" variable-name=\"color\" />{read}"
    ));
}

#[test]
fn responses_of_models_that_do_not_stream() {
    let model = "<policies><inbound><base /><llm-emit-token-metric><dimension name=\"API ID\" /></llm-emit-token-metric></inbound>\n<outbound><base />OUT</outbound></policies>";
    let read = "<set-header name=\"x\"><value>@(context.Response.Body.As<string>(preserveContent: true))</value></set-header>";
    assert_eq!(
        warnings(&model.replace("OUT", read)),
        [(String::from("TG0604"), 2)]
    );
    let guarded = format!(
        "<choose><when condition=\"@(context.Request.Headers.GetValueOrDefault(\"stream\", \"\") == \"\")\">{read}</when></choose>"
    );
    assert_eq!(warnings(&model.replace("OUT", &guarded)), []);
    assert_eq!(warnings(&model.replace("OUT", HEADER)), []);
}

#[test]
fn limits_that_never_refuse() {
    let limit = |calls, key| {
        format!(
            "<rate-limit-by-key calls=\"{calls}\" renewal-period=\"60\" counter-key=\"{key}\" />"
        )
    };
    warns(
        &format!("{}\n{}", limit(10, "k"), limit(20, "k")),
        "TG0605",
        3,
    );
    silent(&format!("{}\n{}", limit(10, "k"), limit(20, "other")));
    warns(
        "<rate-limit-by-key calls=\"1\" renewal-period=\"60\" counter-key=\"k\"\n increment-condition=\"@(false)\" />",
        "TG0605",
        3,
    );
}

#[test]
fn sections_that_drop_what_is_around_them() {
    let (_, out) = checked(
        &format!("<policies><inbound>{HEADER}</inbound></policies>"),
        &[],
    );
    assert!(
        out.contains("TG0606") && out.contains("drops `rate-limit-by-key` of the global policy"),
        "{out}"
    );
    // Nothing is dropped where there is nothing.
    assert_eq!(
        warnings(&format!(
            "<policies><outbound>{HEADER}</outbound></policies>"
        )),
        []
    );
}

#[test]
fn secrets_in_documents_are_found_and_not_shown() {
    let (code, out) = checked(
        &inbound(
            "<set-header name=\"Authorization\"><value>Basic dXNlcjpwYXNzd29yZA==</value></set-header>",
        ),
        &[],
    );
    assert_eq!(code, Some(0));
    assert!(out.contains("TG0607") && out.contains("a.xml:2:"), "{out}");
    assert!(!out.contains("dXNlcjpwYXNzd29yZA"), "{out}");
    warns(
        "<authentication-basic username=\"u\" password=\"hunter2\" />",
        "TG0607",
        2,
    );
    warns(
        "<set-header name=\"api-key\"><value>0123456789abcdef0123</value></set-header>",
        "TG0607",
        2,
    );
    silent(
        "<set-header name=\"api-key\"><value>@(context.Subscription.PrimaryKey)</value></set-header>",
    );
}

#[test]
fn apis_that_anybody_may_call() {
    let folder = Folder::new();
    let yaml = "apis:\n  - { id: a, path: a, serviceUrl: \"https://a.example\", subscriptionRequired: false, policy: a.xml, operations: [{ id: all, method: \"*\", urlTemplate: \"/*\" }] }\n";
    folder.write("tollgate.yaml", yaml);
    folder.write("a.xml", "<policies><inbound><base /></inbound></policies>");
    let (_, out, _) = run(&["check", folder.text()]);
    assert!(
        out.contains("warning[TG0608]: anybody may call API `a`"),
        "{out}"
    );
    folder.write("a.xml", "<policies><inbound><base /><ip-filter action=\"allow\"><address>10.0.0.1</address></ip-filter></inbound></policies>");
    let (_, out, _) = run(&["check", folder.text()]);
    assert!(!out.contains("TG0608"), "{out}");
}

#[test]
fn a_comment_takes_a_warning_back_and_deny_refuses() {
    let bad = inbound(&format!("<return-response />\n{HEADER}"));
    assert_eq!(checked(&bad, &["--deny", "warnings"]).0, Some(1));
    silent(&format!(
        "<return-response />\n<!-- tollgate:allow TG0602 kept for later -->\n{HEADER}"
    ));
    warns(
        &format!("<return-response />\n<!-- tollgate:allow TG0601 another one -->\n{HEADER}"),
        "TG0602",
        4,
    );
    let whole = format!("<!-- tollgate:allow TG0602 -->\n{bad}");
    assert_eq!(checked(&whole, &["--deny", "warnings"]).0, Some(0));
}

#[test]
fn documents_without_a_configuration() {
    let folder = Folder::new();
    folder.write("good.xml", "<policies><inbound><base /><set-backend-service backend-id=\"pool\" /><include-fragment fragment-id=\"f\" /><set-header name=\"x\"><value>{{color}}</value></set-header></inbound></policies>");
    folder.write(
        "fragment.xml",
        "<fragment><set-status code=\"200\" reason=\"OK\" /></fragment>",
    );
    folder.write("nothing.xml", "<html />");
    let (code, out, _) = run(&["check", folder.text()]);
    assert_eq!(code, Some(0), "{out}");
    for line in [
        "good.xml: ok",
        "fragment.xml: ok",
        "assumed backends: `pool`",
        "assumed fragments: `f`",
        "assumed named values: `color`",
    ] {
        assert!(out.contains(line), "{line} is missing in\n{out}");
    }
    assert!(!out.contains("nothing.xml"), "{out}");
    folder.write("bad.xml", "<policies><inbound><set-backend-service backend-id=\"pool\" /><retry count=\"{n}\" interval=\"1\" condition=\"@(contxt == 1)\"><set-method>GET</set-method></retry></inbound></policies>");
    let bad = format!("{}/bad.xml", folder.text());
    let (code, out, _) = run(&["check", &bad]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("`count` of `retry` cannot be `{n}`") && out.contains("contxt"),
        "{out}"
    );
    let (code, out, _) = run(&[
        "check",
        &bad,
        "--substitute",
        "{n}=3",
        "--substitute",
        "contxt=0",
    ]);
    assert_eq!(code, Some(0), "{out}");
    let missing = format!("{}/missing.xml", folder.text());
    assert_eq!(run(&["check", &missing]).0, Some(2));
}

#[test]
fn sarif_has_rules_and_regions_and_github_has_commands() {
    let bad = inbound(&format!("<return-response />\n{HEADER}\n<set-heder />"));
    let (code, out) = checked(&bad, &["--format", "sarif"]);
    assert_eq!(code, Some(1));
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2, "{out}");
    for result in results {
        let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        let rule = &run["tool"]["driver"]["rules"][at];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["text"].as_str().unwrap().len() > 20);
        let place = &result["locations"][0]["physicalLocation"];
        assert!(
            place["artifactLocation"]["uri"]
                .as_str()
                .unwrap()
                .ends_with("a.xml")
        );
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 3);
    }
    let (_, out) = checked(&bad, &["--format", "github"]);
    let error = out.lines().find(|l| l.starts_with("::error ")).unwrap();
    assert!(
        error.contains("a.xml,line=4,endLine=4,col=2")
            && error.contains("title=TG0311::unknown policy `set-heder`%0A"),
        "{out}"
    );
    assert!(
        out.lines()
            .any(|l| l.starts_with("::warning ") && l.contains("title=TG0602")),
        "{out}"
    );
}
