//! `tollgate check` and `tollgate schema`.

use crate::process::{Folder, run};

/// A policy as a web page mangled it: the tags are not closed where they were, quotes moved, end tags were made up.
/// Our own copy of the facts of the acceptance document.
pub(crate) const MANGLED: &str = r#"<policies><inbound> <base> <rate-limit-by-key calls="1000" renewal-period="60" counter-key="@(context.Request.IpAddress)" increment-condition="@(context.Response.StatusCode == 200)" remaining-calls-variable-name="remaining" retry-after-header-name="Retry-After" retry-after-variable-name="retryAfter"> </rate-limit-by-key></inbound> <on-error> <choose> <when condition="@(context.LastError.Reason == " ratelimitexceeded")"=""> <set-header name="Retry-After" exists-action="override"> <value>@(DateTime.UtcNow.ToString("o"))</int></value> </set-header> </when> </choose> <base> </on-error></policies>"#;

#[test]
fn prints_every_fault_of_every_file() {
    let folder = Folder::new();
    folder.write(
        "tollgate.yaml",
        "gateway:\n  lisen: []\npolicy: global.xml\nbackends:\n  - id: one\n    url: nowhere\napis:\n  - id: a\n    path: a\n    backendId: tow\n    policy: a.xml\n",
    );
    folder.write(
        "global.xml",
        "<policies>\n  <inbound>\n    <set-heder />\n  </inbound>\n</policies>\n",
    );
    folder.write("a.xml", MANGLED);
    let (code, out, _) = run(&["check", folder.text()]);
    assert_eq!(code, Some(1), "{out}");
    for fault in [
        "tollgate.yaml:2:3",
        "did you mean `listen`?",
        "tollgate.yaml:6:10",
        "tollgate.yaml:10:16",
        "global.xml:3:6",
        "did you mean `set-header`?",
        "a.xml:1:",
    ] {
        assert!(out.contains(fault), "{fault} is missing in\n{out}");
    }
    assert!(out.lines().last().unwrap().contains("refused, "), "{out}");
}

#[test]
fn a_mangled_document_is_refused_with_place_and_expectation() {
    let folder = Folder::new();
    folder.write(
        "tollgate.yaml",
        "apis:\n  - { id: a, path: a, serviceUrl: \"https://a.example\", policy: a.xml }\n",
    );
    folder.write("a.xml", MANGLED);
    let (code, out, _) = run(&["check", folder.text()]);
    assert_eq!(code, Some(1));
    // The first fault: `<base>` at column 21 never closes, so `</inbound>` comes where `</base>` is due.
    assert!(out.contains("a.xml:1:"), "{out}");
    assert!(out.contains("expected"), "{out}");
    let (code, _, err) = run(&["serve", folder.text()]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("a.xml:1:") && err.contains("nothing was started"),
        "{err}"
    );
}

#[test]
fn tells_good_from_bad_by_exit_status() {
    let folder = Folder::new();
    folder.write(
        "good/tollgate.yaml",
        "apis:\n  - { id: a, path: a, serviceUrl: \"https://a.example\", operations: [{ id: all, method: \"*\", urlTemplate: \"/*\" }] }\nsubscriptions:\n  - { id: s, scope: /apis, primaryKey: { env: TOLLGATE_TEST_NO_SUCH_KEY } }\n",
    );
    let good = format!("{}/good", folder.text());
    let (code, out, _) = run(&["check", &good, "--without-secrets"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("ok, 1 warning (1 API, 1 operation, "), "{out}");
    // A pipeline without secrets still refuses what else is warned of.
    let pipeline = |path: &str| run(&["check", path, "--without-secrets", "--deny", "warnings"]);
    let (code, out, _) = pipeline(&good);
    assert_eq!(code, Some(0), "{out}");
    folder.write("empty/tollgate.yaml", "");
    let (code, out, _) = pipeline(&format!("{}/empty", folder.text()));
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("TG0740") && out.contains("refused, 1 warning"),
        "{out}"
    );
    let (code, out, _) = run(&["check", &good, "--format", "json"]);
    assert_eq!(code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["ok"], &json["errors"]), (&false.into(), &1.into()));
    let at = &json["diagnostics"][0]["at"];
    assert_eq!(
        (&at["line"], &at["column"]),
        (&4.into(), &42.into()),
        "{json}"
    );
    let missing = format!("{}/missing", folder.text());
    assert_eq!(run(&["check", &missing]).0, Some(2));
    // The worst of several.
    assert_eq!(run(&["check", &good, &missing]).0, Some(2));
    assert_eq!(run(&["chekc"]).0, Some(2));
}

#[test]
fn portable_names_what_api_management_refuses() {
    let folder = Folder::new();
    folder.write(
        "tollgate.yaml",
        "apis:\n  - { id: a, path: a, serviceUrl: \"https://a.example\", policy: a.xml }\n",
    );
    folder.write(
        "a.xml",
        r#"<policies>
  <inbound>
    <base />
    <set-variable name="a" value="@{ DateTime t; return new[] { 1 }.Select(i => DateTime.TryParse("x", out t)).First(); }" />
    <set-variable name="b" value="@(DateTime.Parse("2024-01-01").AddDays(1).Year + DateTimeKind.Utc.ToString())" />
  </inbound>
</policies>
"#,
    );
    let (code, out, _) = run(&["check", folder.text()]);
    assert_eq!(code, Some(0), "{out}");
    assert!(!out.contains("TG0205"), "{out}");
    let (code, out, _) = run(&["check", folder.text(), "--portable"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("works in Tollgate, refused by API Management: `DateTime.TryParse`")
            && out.contains("a.xml:4:90"),
        "{out}"
    );
    assert_eq!(out.matches("TG0205").count(), 1, "{out}");
}

#[test]
fn schema_is_json() {
    let (code, out, _) = run(&["schema"]);
    assert_eq!(code, Some(0));
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(schema["properties"]["apis"].is_object());
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("schema")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The schema is larger than what a pipe holds.
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}
