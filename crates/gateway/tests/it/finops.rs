//! Showback and chargeback from the command line, over ledgers that the gateway's own writer made.

use crate::process::{Folder, run};
use crate::python;
use std::path::Path;
use std::sync::Arc;
use tollgate_state::ledger::{self, Call, EndReason, Record, Settlement, Tokens, Writer};

/// Calls of two teams in November 2026: priced as the shipped table does, and one of a model that it does not have.
fn ledger(folder: &Path) {
    let mut writer = Writer::new(Arc::new(ledger::Folder::open(folder, 1).unwrap()), 0);
    let teams = [
        ("gold", "gpt-4o-mini"),
        ("silver", "gpt-4o-mini"),
        ("silver", "house-model"),
    ];
    for id in 0..30 {
        let (product, model) = teams[id % 3];
        let at: jiff::Timestamp = format!("2026-11-{:02}T12:00:00Z", id + 1).parse().unwrap();
        let at: u64 = at.as_millisecond().try_into().unwrap();
        let tokens = Tokens {
            input: 1_000 + id as u64,
            output: 100,
            ..Tokens::default()
        };
        let cost = u128::from(tokens.input) * 150_000 + u128::from(tokens.output) * 600_000;
        let settlement = Settlement {
            call: Call {
                id: id as u128 + 1,
                admitted_ms: at - 900,
                api: "chat".into(),
                product: product.into(),
                subscription: format!("{product}-key").into(),
                user: "=HYPERLINK(\"http://x\")".into(),
                provider: "openai".into(),
                model: model.into(),
                tier: "standard".into(),
                ..Call::default()
            },
            settled_ms: at,
            end: EndReason::Done,
            status: 200,
            tokens,
            total: tokens.sum(),
            cost_pico: (model != "house-model").then_some(cost),
            duration_ms: 900,
            attempts: 1,
            ..Settlement::default()
        };
        writer.write(&Record::Settlement(settlement)).unwrap();
    }
}

#[test]
fn the_report_of_a_ledger() {
    let folder = Folder::new();
    ledger(folder.path());
    let path = folder.path().to_str().unwrap();
    let (code, out, err) = run(&[
        "report",
        path,
        "--period",
        "2026-11",
        "--by",
        "team,model",
        "--cost",
        "--calls",
    ]);
    assert_eq!(code, Some(0), "{err}");
    expect_test::expect![[r#"
        2026-11, USD

        team    model        calls        cost
        ------  -----------  -----  ----------
        silver  gpt-4o-mini     10  0.00212175
        gold    gpt-4o-mini     10  0.00212025
        silver  house-model     10           -
        ------  -----------  -----  ----------
        total                   30  0.00424200

        note: 10 calls with 11,155 tokens of models without a price: in no cost. Add the models to the price table.
    "#]].assert_eq(&out);
    let (code, out, err) = run(&[
        "report", path, "--period", "2026-11", "--by", "user", "--format", "csv",
    ]);
    assert_eq!(code, Some(0), "{err}");
    assert!(
        out.contains("\"'=HYPERLINK(\"\"http://x\"\")\",30,"),
        "{out}"
    );
    assert!(err.contains("note: 10 calls with "), "{err}");
}

#[test]
fn the_public_validator_accepts_the_focus_rows() {
    let folder = Folder::new();
    ledger(folder.path());
    let path = folder.path().to_str().unwrap();
    let rows = folder.path().join("focus.csv");
    let (code, out, err) = run(&[
        "report",
        path,
        "--period",
        "2026-11",
        "--by",
        "team,model,user",
        "--time-zone",
        "Europe/Berlin",
        "--format",
        "focus",
        "--out",
        rows.to_str().unwrap(),
    ]);
    assert_eq!((code, &*out), (Some(0), ""), "{err}");
    if let Some(said) = python::focus(&rows) {
        assert!(said.trim_end().ends_with("ok"), "{said}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_what_to_do() {
    for (args, told) in [
        (&["/no/such/folder"][..], "/no/such/folder"),
        (
            &[".", "--by", "colour"],
            "\"colour\" is not a dimension: use team, api",
        ),
        (
            &[".", "--period", "soon"],
            "\"soon\" is not a period: write a year",
        ),
        (&[".", "--where", "gold"], "write product=gold"),
        (
            &[".", "--time-zone", "Mars"],
            "there is no time zone \"Mars\"",
        ),
        (&[".", "--from", "2026-11-01"], "--to"),
    ] {
        let (code, _, err) = run(&[&["report"], args].concat());
        assert_ne!(code, Some(0), "{args:?}");
        assert!(err.contains(told), "{args:?}: {err}");
    }
}
