//! Showback and chargeback from the command line: over ledgers that the gateway's own writer made, and as docs/finops.md
//! leads through it, with a gateway before the simulated providers.

use crate::examples::{example, shell};
use crate::process::{Folder, Running, address, run};
use crate::python;
use crate::scene::Served;
use std::ops::Range;
use std::path::{Path, PathBuf};
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

        note: 10 calls with 11,155 tokens of models without a price: in no cost. Add the models to the price table, or say the `provider` of their backend.
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

/// The same of capacity that is paid by the hour: purchases, what calls used of them, and what nobody did.
#[test]
fn the_public_validator_accepts_commitments() {
    let folder = Folder::new();
    let books = folder.path().join("ledger");
    let mut writer = Writer::new(Arc::new(ledger::Folder::open(&books, 1).unwrap()), 0);
    for (id, team, input) in [(1, "gold", 700), (2, "silver", 333), (3, "gold", 90)] {
        let at: jiff::Timestamp = format!("2026-11-0{id}T12:00:00Z").parse().unwrap();
        let at: u64 = at.as_millisecond().try_into().unwrap();
        let tokens = Tokens {
            input,
            ..Tokens::default()
        };
        let settlement = Settlement {
            call: Call {
                id,
                admitted_ms: at,
                product: team.into(),
                provider: "azure.ai.openai".into(),
                backend: "azure".into(),
                deployment: "chat".into(),
                model: "gpt-4o".into(),
                tier: "provisioned".into(),
                ..Call::default()
            },
            settled_ms: at,
            end: EndReason::Done,
            status: 200,
            tokens,
            total: tokens.sum(),
            cost_pico: Some(0),
            attempts: 1,
            ..Settlement::default()
        };
        writer.write(&Record::Settlement(settlement)).unwrap();
    }
    let config = "gateway:\n  ledger:\n    folder: ledger\nbackends:\n  - id: azure\n    url: https://contoso.openai.azure.com/openai\n    deployments:\n      chat: { model: gpt-4o, capacity: { units: 50, unitHour: 1.5 } }\napis: []\n";
    std::fs::write(folder.path().join("tollgate.yaml"), config).unwrap();
    let rows = folder.path().join("focus.csv");
    let (code, _, err) = run(&[
        "report",
        folder.path().to_str().unwrap(),
        "--from",
        "2026-11-01",
        "--to",
        "2026-11-03",
        "--by",
        "team",
        "--format",
        "focus",
        "--out",
        rows.to_str().unwrap(),
    ]);
    assert_eq!(code, Some(0), "{err}");
    let text = std::fs::read_to_string(&rows).unwrap();
    let count = |word: &str| text.lines().filter(|line| line.contains(word)).count();
    assert_eq!(
        (count(",Purchase,"), count(",Used,"), count(",Unused,")),
        (3, 3, 3),
        "{text}"
    );
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

/// The lines of the indented blocks of a page.
fn blocks(lines: &[String]) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let inside = line.starts_with("    ");
        match blocks.last_mut() {
            // A block may hold empty lines.
            Some(block) if inside && lines[block.end..at].iter().all(String::is_empty) => {
                block.end = at + 1;
            }
            _ if inside => blocks.push(at..at + 1),
            _ => {}
        }
    }
    blocks
}

/// What a reader of the page would see, in place of its ports, its paths and its day.
struct Reader {
    simulator: String,
    _simulate: Running,
    served: Served,
    day: String,
    desk: Folder,
}

impl Reader {
    fn new(day: String) -> Reader {
        let mut simulate = Running::start(&["simulate", "--listen", "127.0.0.1:0", "--json"], &[]);
        let simulator = address(&simulate.line("simulator")).to_string();
        let text = std::fs::read_to_string(example("finops").join("tollgate.yaml")).unwrap();
        let text = text.replace("127.0.0.1:808", "127.0.0.1:0 #");
        let served = Served::start(
            &[("tollgate.yaml", &text)],
            &[
                ("PROVIDER_URL", &format!("http://{simulator}")),
                ("PROVIDER_KEY", "any"),
                ("RESEARCH_KEY", "research-key"),
                ("SUPPORT_KEY", "support-key"),
            ],
        );
        Reader {
            simulator,
            _simulate: simulate,
            served,
            day,
            desk: Folder::new(),
        }
    }

    /// What a block of commands prints, as the page would say it. A status of 1 is a difference.
    fn does(&self, commands: &str) -> Option<String> {
        let commands = commands
            .replace("127.0.0.1:8090", &self.simulator)
            .replace("127.0.0.1:8080", &self.served.gateway.to_string())
            .replace("examples/finops", self.served.folder.text());
        let script = format!(
            "cd {}; tollgate() {{ {} \"$@\"; }}; exec 2>&1; {commands}\n[ $? -le 1 ]",
            self.desk.text(),
            env!("CARGO_BIN_EXE_tollgate"),
        );
        let printed = shell(&script)?;
        Some(
            printed
                .replace(&self.day, "2026-11-20")
                .replace(&self.day[..7], "2026-11"),
        )
    }
}

/// The page's commands, in their order, print what the page says. `UPDATE_EXPECT=1` writes what they print.
#[test]
fn the_page_leads_to_a_statement() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/finops.md");
    let today = || jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    loop {
        let page = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
        let reader = Reader::new(today());
        let mut compared = 0;
        let mut changed = false;
        // From the end, so that places before stay; first what the commands print, in their order.
        let blocks = blocks(&lines);
        let mut printed: Vec<(Range<usize>, String)> = Vec::new();
        for (at, block) in blocks.iter().enumerate() {
            let text: String = lines[block.clone()]
                .iter()
                .map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or("")))
                .collect();
            let first = text.split(' ').next().unwrap_or_default();
            let is_traffic = text.starts_with("for n in");
            let is_ours =
                matches!(first, "tollgate" | "curl" | "sed") && !text.contains("tollgate simulate");
            if !(is_traffic || is_ours) {
                continue;
            }
            let Some(out) = reader.does(&text) else {
                return;
            };
            if is_traffic {
                assert_eq!(out, "200\n".repeat(16));
            } else if !out.is_empty() {
                printed.push((blocks[at + 1].clone(), out));
            }
        }
        if today() != reader.day {
            // Midnight came between; the page is of one day.
            continue;
        }
        for (block, out) in printed.into_iter().rev() {
            let indented = out.trim_end().lines().map(|line| match line {
                "" => String::new(),
                line => format!("    {line}"),
            });
            let indented: Vec<String> = indented.collect();
            compared += 1;
            if lines[block.clone()] != indented {
                if std::env::var_os("UPDATE_EXPECT").is_none() {
                    panic!(
                        "docs/finops.md:{}: the page should say\n{out}",
                        block.start + 1
                    );
                }
                lines.splice(block, indented);
                changed = true;
            }
        }
        assert!(
            compared >= 6,
            "{compared} outputs of the page were compared"
        );
        if changed {
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        }
        // The FOCUS rows that the page made of a real ledger.
        if let Some(said) = python::focus(&reader.desk.path().join("focus.csv")) {
            assert!(said.trim_end().ends_with("ok"), "{said}");
        }
        return;
    }
}
