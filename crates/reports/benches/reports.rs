//! How long a million records take: reading alone, grouped, as FOCUS rows.

use divan::Bencher;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use tollgate_llm::price::PriceTable;
use tollgate_reports::dimension::Dimension;
use tollgate_reports::focus::{Account, Focus};
use tollgate_reports::group::{Grouping, Groups};
use tollgate_reports::period::Period;
use tollgate_reports::source;
use tollgate_state::ledger::{Call, EndReason, Folder, Record, Settlement, Tokens, Writer};

const RECORDS: u64 = 1_000_000;
const MONTH_MS: u64 = 30 * 86_400_000;

/// A month of a million calls: 20 teams, 200 users, 5 models.
static LEDGER: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = std::env::temp_dir().join(format!("tollgate-bench-{}", std::process::id()));
    let folder = Folder::open(&path, 1).expect("a temporary folder can be made");
    let mut writer = Writer::new(Arc::new(folder), 0);
    let models = [
        "gpt-4o",
        "gpt-4o-mini",
        "gpt-4.1",
        "o4-mini",
        "claude-sonnet-4-5",
    ];
    for id in 0..RECORDS {
        let at = 1_793_491_200_000 + id * (MONTH_MS / RECORDS);
        let model = models[(id % 5) as usize];
        let settlement = Settlement {
            call: Call {
                id: u128::from(id) + 1,
                admitted_ms: at,
                api: "chat".into(),
                operation: "completions".into(),
                product: format!("team-{}", id % 20).into(),
                subscription: format!("key-{}", id % 200).into(),
                user: format!("user-{}", id % 200).into(),
                backend: "pool".into(),
                provider: "openai".into(),
                model: model.into(),
                tier: "standard".into(),
                budgets: vec!["team".into(), "org".into()],
                tags: vec![("project".into(), "p1".into())],
                ..Call::default()
            },
            settled_ms: at + 900,
            end: EndReason::Done,
            status: 200,
            served_model: model.into(),
            tokens: Tokens {
                input: 1_000 + id % 100,
                output: 100 + id % 10,
                ..Tokens::default()
            },
            cost_pico: Some(3_500_000_000),
            price_version: "bench".into(),
            first_token_ms: Some(200),
            duration_ms: 900 + id % 500,
            attempts: 1,
            ..Settlement::default()
        };
        writer
            .write(&Record::Settlement(settlement))
            .expect("there is room for a million records");
    }
    path
});

fn main() {
    divan::main();
    let _ = std::fs::remove_dir_all(&*LEDGER);
}

fn grouping(by: &[&str], timed: bool) -> Grouping {
    let period = Period::all(&jiff::tz::TimeZone::UTC);
    Grouping {
        by: by
            .iter()
            .map(|name| Dimension::parse(name).expect("it is one"))
            .collect(),
        timed,
        ..Grouping::of(&period)
    }
}

fn grouped(by: &[&str], timed: bool) -> u64 {
    let mut groups = Groups::new(grouping(by, timed));
    let period = groups.grouping().period.clone();
    source::each(&LEDGER, &period, |entry| {
        groups.add(entry);
    })
    .expect("the ledger is there");
    groups.total().calls
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn reading_alone(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| grouped(&[], false));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn by_team_and_model(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| grouped(&["team", "model"], true));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn by_day_user_and_model(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| grouped(&["day", "user", "model"], false));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn focus_rows(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let account = Account {
            billing_account: String::from("bench"),
            currency: String::from("USD"),
        };
        let grouping = grouping(&["team", "model"], false);
        let period = grouping.period.clone();
        let mut focus = Focus::new(grouping, account, PriceTable::shipped());
        source::each(&LEDGER, &period, |entry| focus.add(entry)).expect("the ledger is there");
        focus.csv().map(|csv| csv.len())
    });
}
