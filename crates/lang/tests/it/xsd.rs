//! Documents against schemas, as `XmlSchemaValidator` judged them.
//!
//! `tests/xsd/*.jsonl`: one case a line: schema, schemas that it names, document. `measured` is what .NET's validator said
//! in Mono 6.8: `violations` with line, column and message, or the `refused` schema; where we differ on purpose `ours`
//! stands beside it, with the reason in `why`.

use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;
use tollgate_lang::xsd;

/// What we make of a case.
fn outcome(case: &Json) -> Json {
    let included = |location: &str| -> Option<Arc<str>> {
        let id = location.rsplit('/').next()?;
        case["included"][id].as_str().map(Arc::from)
    };
    let schema = match xsd::compile(case["schema"].as_str().unwrap(), &included) {
        Ok(schema) => schema,
        Err(why) => return json!({ "refused": why }),
    };
    let soap = case["soap"].as_bool().unwrap_or(false);
    let found = schema.validate(case["input"].as_str().unwrap(), soap);
    let all = found
        .iter()
        .map(|v| json!([v.line, v.column, v.message]))
        .collect::<Vec<_>>();
    json!({ "violations": all })
}

#[test]
fn documents_are_held_to_schemas_as_in_dotnet() {
    crate::measured::hold("xsd", "refused", outcome);
}

/// Pieces of the measured cases, cut and joined anyhow: no panic, and an end.
#[test]
fn what_is_cut_and_joined_ends() {
    let texts = |folder: &str, names: [&str; 2]| -> Vec<[String; 2]> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(folder)
            .join("measured.jsonl");
        let lines = std::fs::read_to_string(path).unwrap();
        let case = |line: &str| {
            let case: Json = serde_json::from_str(line).unwrap();
            names.map(|n| case[n].as_str().unwrap_or_default().to_owned())
        };
        lines.lines().map(case).collect()
    };
    let schemas = texts("xsd", ["schema", "input"]);
    let sheets = texts("xslt", ["stylesheet", "input"]);
    arbtest::arbtest(|u| {
        for (all, run) in [
            (&schemas, tollgate_lang::fuzz::xml_schema as fn(&[u8])),
            (&sheets, tollgate_lang::fuzz::stylesheet),
        ] {
            let mut pick =
                || -> arbtest::arbitrary::Result<[String; 2]> { Ok(u.choose(all)?.clone()) };
            let ([one, input], [other, _]) = (pick()?, pick()?);
            let cut = |text: &str, at: usize| text.floor_char_boundary(at.min(text.len()));
            let at = u.int_in_range(0..=one.len())?;
            let from = u.int_in_range(0..=other.len())?;
            let joined = format!(
                "{}{}\n----\n{input}",
                &one[..cut(&one, at)],
                &other[cut(&other, from)..]
            );
            run(joined.as_bytes());
            // An attribute's value in the place of another's.
            let mut parts: Vec<&str> = one.split('"').collect();
            if parts.len() > 3 {
                let (a, b) = (
                    u.int_in_range(0..=parts.len() - 1)?,
                    u.int_in_range(0..=parts.len() - 1)?,
                );
                parts.swap(a, b);
            }
            run(format!("{}\n----\n{input}", parts.join("\"")).as_bytes());
        }
        Ok(())
    })
    .budget_ms(2_000);
}

#[test]
fn envelopes_are_opened() {
    let schema = "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"><xs:element name=\"a\" type=\"xs:int\"/></xs:schema>";
    let schema = xsd::compile(schema, &|_| None).unwrap();
    let judged = |text: &str| -> Vec<String> {
        let found = schema.validate(text, true);
        found.into_iter().map(|v| v.message).collect()
    };
    for namespace in [
        "http://schemas.xmlsoap.org/soap/envelope/",
        "http://www.w3.org/2003/05/soap-envelope",
    ] {
        let envelope =
            |body: &str| format!("<s:Envelope xmlns:s=\"{namespace}\">{body}</s:Envelope>");
        let none: [&str; 0] = [];
        assert_eq!(judged(&envelope("<s:Body><a>1</a></s:Body>")), none);
        assert_eq!(
            judged(&envelope("<s:Header><x/></s:Header><s:Body/>")),
            none
        );
        assert_eq!(
            judged(&envelope("<s:Body><s:Fault><x/></s:Fault></s:Body>")),
            none
        );
        assert!(judged(&envelope("<s:Body><a>x</a></s:Body>"))[0].contains("Int32"));
        assert!(judged(&envelope("<s:Body><b/></s:Body>"))[0].contains("not declared"));
        assert!(judged(&envelope("<s:Header/>"))[0].contains("no body"));
    }
    assert!(judged("<a>1</a>")[0].contains("no SOAP envelope"));
    assert!(judged("{}")[0].contains("root level"));
}
