//! Reports over written ledgers, as golden text.

use super::*;
use crate::dimension::{Dimension, Filter};
use crate::group::Grouping;
use crate::period::Period;
use crate::sample::{Scratch, month, records};
use crate::source;
use expect_test::{Expect, expect};

struct Asked<'a> {
    by: &'a [&'a str],
    filters: &'a [&'a str],
    period: Period,
    measures: &'a [Measure],
    limit: usize,
    top: Option<usize>,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Asked {
            by: &["team", "model"],
            filters: &[],
            period: month("2026-11"),
            measures: &Measure::DEFAULT,
            limit: Grouping::LIMIT,
            top: None,
        }
    }
}

fn report(ledger: &Scratch, asked: &Asked<'_>) -> Report {
    let mut groups = Groups::new(Grouping {
        by: asked
            .by
            .iter()
            .map(|d| Dimension::parse(d).unwrap())
            .collect(),
        filters: asked
            .filters
            .iter()
            .map(|f| Filter::parse(f).unwrap())
            .collect(),
        limit: asked.limit,
        timed: asked.measures.iter().any(|m| m.timed()),
        ..Grouping::of(&asked.period)
    });
    let read = source::each(ledger.path(), &asked.period, |entry| {
        groups.add(entry);
    })
    .unwrap();
    Report::new(
        &groups,
        asked.measures,
        Order::Cost,
        asked.top,
        &read,
        "USD",
    )
}

fn check(asked: &Asked<'_>, wanted: &Expect) {
    let ledger = Scratch::with(&records());
    wanted.assert_eq(&report(&ledger, asked).text());
}

#[test]
fn by_team_and_model() {
    check(
        &Asked::default(),
        &expect![[r#"
            2026-11, USD

            team    model              calls  input  cached input  output  reasoning  tokens       cost  adjusted  estimated calls  estimated share  unpriced calls  unpriced tokens
            ------  -----------------  -----  -----  ------------  ------  ---------  ------  ---------  --------  ---------------  ---------------  --------------  ---------------
            gold    gpt-4o                 2  1,020           200     490          0   1,710  0.0077000   -0.0002                0             0.0%               0                0
            gold    o4-mini                1  2,000             0     100        900   3,000  0.0066000    0.0000                0             0.0%               0                0
            gold    claude-sonnet-4-5      1    100             0      20          0     120  0.0006000    0.0000                1           100.0%               0                0
            silver  gpt-4o                 2      3             0       1          0       4  0.0000175    0.0000                0             0.0%               0                0
            silver  house-model            1    700             0     300          0   1,000          -    0.0000                0             0.0%               1            1,000
            ------  -----------------  -----  -----  ------------  ------  ---------  ------  ---------  --------  ---------------  ---------------  --------------  ---------------
            total                          7  3,823           200     911        900   5,834  0.0149175   -0.0002                1             2.1%               1            1,000

            note: 1 call with 1,000 tokens of models without a price: in no cost. Add the models to the price table, or say the `provider` of their backend.
            note: 1 call (2.1% of the tokens, 0.0006 USD) counted by the gateway, because the provider reported no usage.
            note: Corrections from reconciling (1) come to -0.0002 USD; they are in the costs.
        "#]],
    );
}

#[test]
fn by_day_with_a_filter() {
    let asked = Asked {
        by: &["day", "end-reason"],
        filters: &["product=gold"],
        measures: &[
            Measure::Calls,
            Measure::Cost,
            Measure::Errors,
            Measure::Latency,
            Measure::FirstToken,
        ],
        ..Asked::default()
    };
    check(
        &asked,
        &expect![[r#"
        2026-11, USD

        day         end-reason      calls       cost  adjusted  errors  latency p50  latency p90  latency p99  first token p50  first token p90  first token p99
        ----------  --------------  -----  ---------  --------  ------  -----------  -----------  -----------  ---------------  ---------------  ---------------
        2026-11-01  done                1   0.007750    0.0000       0      1020 ms      1020 ms      1020 ms           202 ms           202 ms           202 ms
        2026-11-02  done                1   0.006600    0.0000       0      1030 ms      1030 ms      1030 ms                -                -                -
        2026-11-20  client_left         1   0.000600    0.0000       0      1060 ms      1060 ms      1060 ms           206 ms           206 ms           206 ms
        2026-11-21  done                1   0.000125    0.0000       0      1080 ms      1080 ms      1080 ms           208 ms           208 ms           208 ms
        2026-11-21  upstream_broke      0   0.000025    0.0000       0            -            -            -                -                -                -
        2026-11-02  adjustment          0  -0.000200   -0.0002       0            -            -            -                -                -                -
        ----------  --------------  -----  ---------  --------  ------  -----------  -----------  -----------  ---------------  ---------------  ---------------
        total                           4   0.014900   -0.0002       0      1080 ms      1080 ms      1080 ms           207 ms           208 ms           208 ms

        note: 1 call (2.5% of the tokens, 0.0006 USD) counted by the gateway, because the provider reported no usage.
        note: Corrections from reconciling (1) come to -0.0002 USD; they are in the costs.
    "#]],
    );
}

#[test]
fn nothing_in_the_period() {
    let asked = Asked {
        period: month("2024-02"),
        ..Asked::default()
    };
    check(
        &asked,
        &expect![[r#"
            2024-02, USD

            team   model  calls  tokens  cost
            -----  -----  -----  ------  ----
            -----  -----  -----  ------  ----
            total             0       0     0
        "#]],
    );
}

#[test]
fn groups_beyond_the_bound_are_together_and_told() {
    let asked = Asked {
        limit: 2,
        ..Asked::default()
    };
    check(
        &asked,
        &expect![[r#"
        2026-11, USD

        team     model    calls  input  cached input  output  reasoning  tokens       cost  adjusted  estimated calls  estimated share  unpriced calls  unpriced tokens
        -------  -------  -----  -----  ------------  ------  ---------  ------  ---------  --------  ---------------  ---------------  --------------  ---------------
        gold     gpt-4o       2  1,020           200     490          0   1,710  0.0077000   -0.0002                0             0.0%               0                0
        gold     o4-mini      1  2,000             0     100        900   3,000  0.0066000    0.0000                0             0.0%               0                0
        (other)  -            4    803             0     321          0   1,124  0.0006175    0.0000                1            10.7%               1            1,000
        -------  -------  -----  -----  ------------  ------  ---------  ------  ---------  --------  ---------------  ---------------  --------------  ---------------
        total                 7  3,823           200     911        900   5,834  0.0149175   -0.0002                1             2.1%               1            1,000

        note: 1 call with 1,000 tokens of models without a price: in no cost. Add the models to the price table, or say the `provider` of their backend.
        note: 1 call (2.1% of the tokens, 0.0006 USD) counted by the gateway, because the provider reported no usage.
        note: Corrections from reconciling (1) come to -0.0002 USD; they are in the costs.
        note: Only 2 groups are kept apart; later ones (4 calls) are in the row (other). Group by less, filter with --where, or raise --max-groups.
    "#]],
    );
}

#[test]
fn the_first_rows_and_the_rest() {
    let asked = Asked {
        by: &["model"],
        top: Some(1),
        measures: &[Measure::Calls, Measure::Cost],
        ..Asked::default()
    };
    check(
        &asked,
        &expect![[r#"
        2026-11, USD

        model    calls       cost  adjusted
        -------  -----  ---------  --------
        gpt-4o       4  0.0077175   -0.0002
        (other)      3  0.0072000    0.0000
        -------  -----  ---------  --------
        total        7  0.0149175   -0.0002

        note: 1 call with 1,000 tokens of models without a price: in no cost. Add the models to the price table, or say the `provider` of their backend.
        note: 1 call (2.1% of the tokens, 0.0006 USD) counted by the gateway, because the provider reported no usage.
        note: Corrections from reconciling (1) come to -0.0002 USD; they are in the costs.
        note: The row (other) is 3 more rows.
    "#]],
    );
}

#[test]
fn without_a_grouping_there_is_the_total() {
    let asked = Asked {
        by: &[],
        measures: &[Measure::Calls, Measure::Cost],
        ..Asked::default()
    };
    check(
        &asked,
        &expect![[r#"
        2026-11, USD

        calls       cost  adjusted
        -----  ---------  --------
            7  0.0149175   -0.0002

        note: 1 call with 1,000 tokens of models without a price: in no cost. Add the models to the price table, or say the `provider` of their backend.
        note: 1 call (2.1% of the tokens, 0.0006 USD) counted by the gateway, because the provider reported no usage.
        note: Corrections from reconciling (1) come to -0.0002 USD; they are in the costs.
    "#]],
    );
}

#[test]
fn csv_and_json_have_the_same_numbers() {
    let ledger = Scratch::with(&records());
    let asked = Asked {
        by: &["team"],
        ..Asked::default()
    };
    let report = report(&ledger, &asked);
    expect![[r#"
        team,calls,input,cached_input,cache_write,output,reasoning,audio_input,audio_output,image_input,image_output,cache_write_hour,cached_audio_input,cached_image_input,web_search,file_search,tokens,cost,adjusted,estimated_calls,estimated_share,unpriced_calls,unpriced_tokens,saved_tokens,saved_cost
        gold,4,3120,200,0,610,900,0,0,0,0,0,0,0,0,0,4830,0.0149,-0.0002,1,0.0248,0,0,0,0
        silver,3,703,0,0,301,0,0,0,0,0,0,0,0,0,0,1004,0.0000175,0,0,0,1,1000,0,0
    "#]].assert_eq(&report.table.csv().replace("\r\n", "\n"));
    expect![[r#"
        {
          "period": "2026-11",
          "currency": "USD",
          "rows": [
            {
              "team": "gold",
              "calls": 4,
              "input": 3120,
              "cached_input": 200,
              "cache_write": 0,
              "output": 610,
              "reasoning": 900,
              "audio_input": 0,
              "audio_output": 0,
              "image_input": 0,
              "image_output": 0,
              "cache_write_hour": 0,
              "cached_audio_input": 0,
              "cached_image_input": 0,
              "web_search": 0,
              "file_search": 0,
              "tokens": 4830,
              "cost": "0.0149",
              "adjusted": "-0.0002",
              "estimated_calls": 1,
              "estimated_share": "0.0248",
              "unpriced_calls": 0,
              "unpriced_tokens": 0,
              "saved_tokens": 0,
              "saved_cost": "0"
            },
            {
              "team": "silver",
              "calls": 3,
              "input": 703,
              "cached_input": 0,
              "cache_write": 0,
              "output": 301,
              "reasoning": 0,
              "audio_input": 0,
              "audio_output": 0,
              "image_input": 0,
              "image_output": 0,
              "cache_write_hour": 0,
              "cached_audio_input": 0,
              "cached_image_input": 0,
              "web_search": 0,
              "file_search": 0,
              "tokens": 1004,
              "cost": "0.0000175",
              "adjusted": "0",
              "estimated_calls": 0,
              "estimated_share": "0",
              "unpriced_calls": 1,
              "unpriced_tokens": 1000,
              "saved_tokens": 0,
              "saved_cost": "0"
            }
          ],
          "total": {
            "calls": 7,
            "input": 3823,
            "cached_input": 200,
            "cache_write": 0,
            "output": 911,
            "reasoning": 900,
            "audio_input": 0,
            "audio_output": 0,
            "image_input": 0,
            "image_output": 0,
            "cache_write_hour": 0,
            "cached_audio_input": 0,
            "cached_image_input": 0,
            "web_search": 0,
            "file_search": 0,
            "tokens": 5834,
            "cost": "0.0149175",
            "adjusted": "-0.0002",
            "estimated_calls": 1,
            "estimated_share": "0.0205",
            "unpriced_calls": 1,
            "unpriced_tokens": 1000,
            "saved_tokens": 0,
            "saved_cost": "0"
          },
          "notes": [
            "1 call with 1,000 tokens of models without a price: in no cost. Add the models to the price table, or say the `provider` of their backend.",
            "1 call (2.1% of the tokens, 0.0006 USD) counted by the gateway, because the provider reported no usage.",
            "Corrections from reconciling (1) come to -0.0002 USD; they are in the costs."
          ]
        }"#]].assert_eq(&serde_json::to_string_pretty(&report.json()).unwrap());
}

/// A crash in the middle of a record: what stands before it counts, and the report says that something is missing.
#[test]
fn a_torn_ledger_is_told() {
    let ledger = Scratch::with(&records());
    let segment = std::fs::read_dir(ledger.path().join("2026-11-20"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..bytes.len() - 7]).unwrap();
    let torn = report(&ledger, &Asked::default());
    let all = Scratch::with(&records());
    let whole = report(&all, &Asked::default());
    assert_eq!(torn.total.calls + 1, whole.total.calls);
    assert_eq!(
        torn.total.cost, whole.total.cost,
        "the torn one was a refusal"
    );
    let told = torn
        .notes
        .iter()
        .any(|note| note.contains("torn or damaged"));
    assert!(told, "{:?}", torn.notes);
    assert!(!whole.notes.iter().any(|note| note.contains("torn")));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = source::each("/no/such/ledger".as_ref(), &month("2026-11"), |_| {}).unwrap_err();
    assert!(error.to_string().contains("/no/such/ledger"), "{error}");
}
