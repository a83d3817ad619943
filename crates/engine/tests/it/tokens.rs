//! The table of tokens, `tests/tokens/cases.txt`: every case becomes a fixture and runs through the whole pipeline.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write;
use tollgate_engine::fixture::{self, Setup};

const KEYS: &str = "\
key rs: RS256
key rs384: RS384
key rs512: RS512
key ps: PS256
key ps384: PS384
key ps512: PS512
key es: ES256
key es384: ES384
key es512: ES512
key ed: EdDSA
key hs: HS256
key hs384: HS384
key hs512: HS512
key stranger: RS256
key rs-as-secret: HS256 of rs
";

struct Case {
    line: usize,
    title: String,
    lines: BTreeMap<String, String>,
    outcome: String,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix('[') {
            cases.push(Case {
                line: at + 1,
                title: title.strip_suffix(']').unwrap().to_owned(),
                lines: BTreeMap::new(),
                outcome: String::new(),
            });
            continue;
        }
        // What stands before the first case, and after the end of one, is for people.
        let Some(case) = cases.last_mut().filter(|c| c.outcome.is_empty()) else {
            continue;
        };
        if let Some(outcome) = line.strip_prefix("=> ") {
            case.outcome = outcome.to_owned();
        } else {
            let (name, value) = line.split_once(':').unwrap();
            let known = "by header whole-header claims payload send keys policy children";
            assert!(
                known.split(' ').any(|k| k == name),
                "line {}: `{name}`",
                at + 1
            );
            let value = value.strip_prefix(' ').unwrap_or(value);
            case.lines.insert(name.to_owned(), value.to_owned());
        }
    }
    cases
}

/// The case as a fixture.
fn fixture(case: &Case) -> String {
    let line = |name: &str, default: &str| -> String {
        case.lines
            .get(name)
            .map_or(default, String::as_str)
            .to_owned()
    };
    let published = line("keys", "rs rs384 rs512 ps ps384 ps512 es es384 es512 ed");
    let children = line(
        "children",
        r#"<openid-config url="https://id.test/" /><audiences><audience>api</audience></audiences>"#,
    );
    let mut text = format!(
        "-- case {}\n-- config\n{KEYS}openid https://id.test/: https://id.test/ {published}\n",
        case.title
    );
    let policy = line("policy", "");
    writeln!(
        text,
        r#"-- policy.xml
<inbound><validate-jwt header-name="Authorization" require-scheme="Bearer" {policy}>{children}</validate-jwt></inbound>
<on-error><set-header name="why"><value>@(context.LastError.Reason + ": " + context.LastError.Message)</value></set-header></on-error>"#
    )
    .unwrap();
    let by = line("by", "rs");
    writeln!(text, "-- token t by {by}").unwrap();
    match case.lines.get("whole-header") {
        Some(header) => writeln!(text, "{header}").unwrap(),
        None => {
            let members: Map<String, Value> = serde_json::from_str(&line("header", "{}")).unwrap();
            for (name, value) in members {
                writeln!(text, "{name}: {value}").unwrap();
            }
        }
    }
    let mut claims: Map<String, Value> = serde_json::from_str(
        r#"{"iss": "https://id.test/", "aud": "api", "sub": "alice", "exp": 1767229200}"#,
    )
    .unwrap();
    claims.extend(serde_json::from_str::<Map<String, Value>>(&line("claims", "{}")).unwrap());
    claims.retain(|_, value| !value.is_null());
    let payload = match case.lines.get("payload") {
        Some(payload) => payload.clone(),
        None => Value::Object(claims).to_string(),
    };
    writeln!(text, "\n{payload}").unwrap();
    let mut send = line("send", "<token t>");
    if send.contains("<signature of another>") {
        // The same key signs another text; its signature alone is sent.
        writeln!(text, "-- token another by {by}\n\n{{}}").unwrap();
        send = send.replace("<signature of another>", "<signature another>");
    }
    writeln!(text, "-- send GET /\nauthorization: Bearer {send}").unwrap();
    match case.outcome.as_str() {
        "passes" => writeln!(text, "-- expect 200").unwrap(),
        refused => writeln!(text, "-- expect 401\nwhy: {refused}").unwrap(),
    }
    text
}

#[test]
fn every_token_of_the_table() {
    let table = include_str!("../tokens/cases.txt");
    let cases = cases(table);
    let mut report = String::new();
    for case in &cases {
        assert!(!case.outcome.is_empty(), "line {}: no outcome", case.line);
        for outcome in fixture::run(&fixture(case), &Setup::default()) {
            if let Some(fault) = outcome.fault {
                let (line, title) = (case.line, &case.title);
                writeln!(report, "cases.txt:{line}: {title}\n{}\n", fault.message).unwrap();
            }
        }
    }
    assert!(report.is_empty(), "{report}");
    let good = cases.iter().filter(|c| c.outcome == "passes").count();
    println!("{} tokens, {good} of them good", cases.len());
    assert!(cases.len() >= 60 && good >= 20, "the table was read");
}

#[test]
fn a_wrong_expectation_does_not_pass() {
    let wrong = "[t]\n=> TokenExpired: <any>\n[u]\nby: stranger\n=> passes\n";
    for case in cases(wrong) {
        let outcome = fixture::run(&fixture(&case), &Setup::default());
        assert!(outcome[0].fault.is_some());
    }
}
