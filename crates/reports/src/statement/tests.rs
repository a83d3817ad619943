//! Statements over written ledgers.

use super::*;
use crate::sample::{Scratch, call, month, records, used};
use crate::source;
use expect_test::expect;
use tollgate_state::ledger::{Record, Tokens};

fn statement(ledger: &Scratch, team: &str) -> Statement {
    let mut months = Months::new(Subject {
        team: team.to_owned(),
        team_is: Team::default(),
        month: month("2026-11"),
        currency: String::from("USD"),
        limits: [(String::from("gold"), Limit::Cost(Decimal::new(2, 2)))].into(),
        allowance: None,
    });
    let read = source::each(ledger.path(), &months.period(), |entry| months.add(entry)).unwrap();
    months.finish(&read)
}

#[test]
fn the_statement_of_a_team() {
    let ledger = Scratch::with(&records());
    expect![[r#"
        AI usage of gold, 2026-11
        =========================

                       this month  month before  change
        -------------  ----------  ------------  -------
        cost USD           0.0149        0.0075  +98.7%
        calls                   4             1  +300.0%
        input tokens        3,320         1,000  +232.0%
        output tokens       1,510           500  +202.0%
        errors                  0             0  -

        By model

        model              calls  input tokens  output tokens    cost  month before
        -----------------  -----  ------------  -------------  ------  ------------
        gpt-4o                 2         1,220            490  0.0077        0.0075
        o4-mini                1         2,000          1,000  0.0066             -
        claude-sonnet-4-5      1           100             20  0.0006             -
        -----------------  -----  ------------  -------------  ------  ------------
        total                  4         3,320          1,510  0.0149        0.0075

        By user and subscription

        user            subscription  calls  input tokens  output tokens    cost
        --------------  ------------  -----  ------------  -------------  ------
        user-of-team-a  team-a            4         3,320          1,510  0.0149
        --------------  ------------  -----  ------------  -------------  ------
        total                             4         3,320          1,510  0.0149

        By day

        day         calls  input tokens  output tokens     cost
        ----------  -----  ------------  -------------  -------
        2026-11-01      1         1,200            500  0.00775
        2026-11-02      1         2,000            980  0.00640
        2026-11-20      1           100             20  0.00060
        2026-11-21      1            20             10  0.00015
        ----------  -----  ------------  -------------  -------
        total           4         3,320          1,510  0.01490

        How calls ended

        end reason      calls  input tokens  output tokens       cost
        --------------  -----  ------------  -------------  ---------
        done                3         3,210          1,510   0.014475
        client_left         1           100             20   0.000600
        upstream_broke      0            10              0   0.000025
        adjustment          0             0            -20  -0.000200
        --------------  -----  ------------  -------------  ---------
        total               4         3,320          1,510   0.014900

        Budgets: this team's use

        budget  limit     used cost  used tokens  used share
        ------  --------  ---------  -----------  ----------
        gold    0.02 USD     0.0149        4,830       74.5%
        org     -            0.0149        4,830           -

        note: 1 call (2.5% of the tokens, 0.0006 USD) counted by the gateway, because the provider reported no usage.
        note: Corrections from reconciling (1) come to -0.0002 USD; they are in the costs.
        note: A team is a product. Days are those of UTC. Costs are by the gateway's price table, in USD.
    "#]].assert_eq(&statement(&ledger, "gold").text());
}

#[test]
fn a_month_without_calls_is_a_statement_too() {
    let ledger = Scratch::with(&records());
    expect![[r#"
        AI usage of bronze, 2026-11
        ===========================

                       this month  month before  change
        -------------  ----------  ------------  ------
        cost USD                0             0  -
        calls                   0             0  -
        input tokens            0             0  -
        output tokens           0             0  -
        errors                  0             0  -

        By model

        model  calls  input tokens  output tokens  cost  month before
        -----  -----  ------------  -------------  ----  ------------
        -----  -----  ------------  -------------  ----  ------------
        total      0             0              0     0             0

        By user and subscription

        user   subscription  calls  input tokens  output tokens  cost
        -----  ------------  -----  ------------  -------------  ----
        -----  ------------  -----  ------------  -------------  ----
        total                    0             0              0     0

        By day

        day    calls  input tokens  output tokens  cost
        -----  -----  ------------  -------------  ----
        -----  -----  ------------  -------------  ----
        total      0             0              0     0

        How calls ended

        end reason  calls  input tokens  output tokens  cost
        ----------  -----  ------------  -------------  ----
        ----------  -----  ------------  -------------  ----
        total           0             0              0     0

        note: A team is a product. Days are those of UTC. Costs are by the gateway's price table, in USD.
    "#]].assert_eq(&statement(&ledger, "bronze").text());
    assert!(statement(&ledger, "bronze").html().contains("</html>"));
}

/// Nothing of the data is markup, nothing comes from elsewhere, tables and the chart can be heard.
#[test]
fn the_page_is_whole_and_safe() {
    let hostile = "<script>alert(1)</script>\"'&\u{202e}";
    let mut settled = used(
        call(1, "2026-11-05T12:00:00Z", "gold", "a", "m"),
        Tokens {
            input: 5,
            ..Tokens::default()
        },
        Some(1),
    );
    settled.served_model = hostile.into();
    settled.call.user = hostile.into();
    settled.call.product = hostile.into();
    let ledger = Scratch::with(&[Record::Settlement(settled)]);
    let page = statement(&ledger, hostile).html();
    assert!(
        !page.contains("<script") && !page.contains('\u{202e}'),
        "{page}"
    );
    assert_eq!(
        page.matches("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;")
            .count(),
        4
    );
    for wanted in [
        "<html lang=\"en\">",
        "default-src 'none'",
        "role=\"img\"",
        "<caption>",
        "scope=\"row\"",
        "@media print",
        "<title>2026-11-05: 0 USD</title>",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
    for elsewhere in ["src=", "href=", "url(", "@import", "http:", "https:"] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
    // Elements are closed in their order.
    let mut open = Vec::new();
    for tag in page
        .split('<')
        .skip(1)
        .filter_map(|tag| tag.split('>').next())
    {
        let name = tag.split([' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') || matches!(name, "meta" | "!DOCTYPE") => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_total_is_that_of_the_tables() {
    let ledger = Scratch::with(&records());
    let all = statement(&ledger, "");
    let sum = |table: &Table| -> Decimal {
        let costs = table.rows.iter().flatten().filter_map(|cell| match cell {
            Cell::Money(amount) => Some(*amount),
            _ => None,
        });
        costs.sum()
    };
    for table in [&all.by_user, &all.by_end, &all.day_table()] {
        assert_eq!(sum(table), all.total.cost());
    }
    assert_eq!(all.json()["cost"], all.total.cost().to_string());
}

#[test]
fn bars_are_within_the_chart_whatever_the_amounts() {
    for cost in [1, 179, 181, 1_000_000_007, i128::MAX] {
        let days: Vec<(Date, Sums)> = (1..=3)
            .map(|day| {
                let sums = Sums {
                    cost: cost / day,
                    ..Sums::default()
                };
                (Date::constant(2026, 11, day as i8), sums)
            })
            .collect();
        let svg = chart::days(&days, "USD");
        let heights = svg.split("height=\"").skip(1);
        let heights: Vec<i128> = heights
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect();
        assert!(
            heights.iter().all(|height| (0..=180).contains(height)),
            "{heights:?}"
        );
        assert_eq!(heights[0], 180, "{cost}");
    }
}
