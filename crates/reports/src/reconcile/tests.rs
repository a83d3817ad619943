//! Exports of each provider against written ledgers.

use super::*;
use crate::dimension::Dimension;
use crate::group::{Grouping, Groups};
use crate::sample::{Scratch, call, month, ms, records, used};
use crate::source;
use expect_test::{Expect, expect};
use jiff::tz::TimeZone;
use tollgate_llm::price::PriceTable;
use tollgate_state::ledger::{EndReason, Record, Tokens};

fn question() -> Question {
    Question {
        period: month("2026-11"),
        filters: Vec::new(),
        team: Team::default(),
        aliases: HashMap::new(),
        tolerance: 0,
        tokens: 0,
        cost: 0,
    }
}

fn parsed(text: &str, provider: Provider) -> Export {
    export::parse(text.as_bytes(), provider, &Columns::new(), &TimeZone::UTC).unwrap()
}

fn compared(ledger: &Scratch, export: &Export, question: Question) -> Comparison {
    let period = question.period.clone();
    let mut comparison = Comparison::new(question, export);
    source::each(ledger.path(), &period, |entry| comparison.add(entry)).unwrap();
    comparison
}

/// Rows of an export as text: day, model, numbers that are told.
fn shown(export: &Export) -> String {
    let line = |row: &Row| {
        let told = export
            .told
            .iter()
            .filter(|measure| row.numbers.get(**measure) != 0);
        let numbers = told.map(|m| match m {
            Measure::Cost => format!("cost={}", money(row.numbers.get(*m))),
            m => format!("{}={}", m.name(), row.numbers.get(*m)),
        });
        let numbers: Vec<String> = numbers.collect();
        format!(
            "{} {:?} {}\n",
            row.day,
            canonical(&row.model),
            numbers.join(" ")
        )
    };
    let rows: String = export.rows.iter().map(line).collect();
    format!(
        "{rows}skipped {} currencies {:?}\n",
        export.skipped, export.currencies
    )
}

#[test]
fn exports_of_providers() {
    let check =
        |provider, text: &str, wanted: Expect| wanted.assert_eq(&shown(&parsed(text, provider)));
    check(
        Provider::OpenAi,
        r#"{"object":"page","data":[{"object":"bucket","start_time":1793491200,"end_time":1793577600,"results":[
            {"object":"organization.usage.completions.result","input_tokens":1200,"output_tokens":500,"input_cached_tokens":200,
             "input_audio_tokens":0,"output_audio_tokens":7,"num_model_requests":1,"project_id":null,"model":"gpt-4o-2024-08-06"}]}],
            "has_more":false,"next_page":null}"#,
        expect![[r#"
            2026-11-01 "gpt-4o" requests=1 input=1000 cached_input=200 output=500 audio_output=7
            skipped 0 currencies {}
        "#]],
    );
    check(
        Provider::OpenAi,
        r#"{"object":"page","data":[{"object":"bucket","start_time":1793491200,"end_time":1793577600,"results":[
            {"object":"organization.costs.result","amount":{"value":0.00775,"currency":"usd"},"line_item":"gpt-4o-2024-08-06, input"},
            {"object":"organization.costs.result","amount":{"value":1.5e-5,"currency":"usd"},"line_item":null}]}]}"#,
        expect![[r#"
            2026-11-01 "gpt-4o" cost=0.00775
            2026-11-01 "" cost=0.000015
            skipped 0 currencies {"USD"}
        "#]],
    );
    check(
        Provider::OpenAi,
        "start_time,end_time,start_time_iso,end_time_iso,num_model_requests,model,input_tokens,output_tokens,input_cached_tokens\n\
         1793491200,1793577600,2026-11-01T00:00:00+00:00,2026-11-02T00:00:00+00:00,1,gpt-4o-2024-08-06,1200,500,200\n",
        expect![[r#"
            2026-11-01 "gpt-4o" requests=1 input=1000 cached_input=200 output=500
            skipped 0 currencies {}
        "#]],
    );
    check(
        Provider::Anthropic,
        r#"{"data":[{"starting_at":"2026-11-20T00:00:00Z","ending_at":"2026-11-21T00:00:00Z","results":[
            {"uncached_input_tokens":100,"cache_creation":{"ephemeral_1h_input_tokens":3,"ephemeral_5m_input_tokens":5},
             "cache_read_input_tokens":2,"output_tokens":20,"model":"claude-sonnet-4-5-20250929"}]}],"has_more":false}
           {"data":[{"starting_at":"2026-11-20T00:00:00Z","ending_at":"2026-11-21T00:00:00Z","results":[
            {"currency":"USD","amount":"123.78912","model":"claude-sonnet-4-5-20250929","token_type":"output_tokens"}]}]}"#,
        expect![[r#"
            2026-11-20 "claude-sonnet-4-5" input=100 cached_input=2 cache_write=8 output=20
            2026-11-20 "claude-sonnet-4-5" cost=1.2378912
            skipped 0 currencies {"USD"}
        "#]],
    );
    check(
        Provider::Anthropic,
        "usage_date_utc,model_version,api_key,workspace,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,\
         usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens\n\
         2026-11-20,claude-sonnet-4-5-20250929,k,w,100,5,3,2,20\n",
        expect![[r#"
            2026-11-20 "claude-sonnet-4-5" input=100 cached_input=2 cache_write=8 output=20
            skipped 0 currencies {}
        "#]],
    );
    check(
        Provider::Azure,
        "Date,MeterCategory,MeterSubCategory,MeterName,Quantity,UnitOfMeasure,CostInBillingCurrency,BillingCurrency\r\n\
         11/01/2026,Cognitive Services,Azure OpenAI,gpt 4o 0806 Inp glbl Tokens,1.0,1K,0.0025,USD\r\n\
         11/01/2026,Cognitive Services,Azure OpenAI,gpt 4o 0806 cached Inp glbl Tokens,0.2,1K,0.00025,USD\r\n\
         11/01/2026,Foundry Models,Azure OpenAI,gpt 4o 0806 Outp glbl Tokens,0.5,1K,0.005,USD\r\n\
         11/01/2026,Virtual Machines,Dv5,D4 v5,24,1 Hour,4.6,USD\r\n",
        expect![[r#"
            2026-11-01 "gpt-4o" input=1000 cost=0.0025
            2026-11-01 "gpt-4o" cached_input=200 cost=0.00025
            2026-11-01 "gpt-4o" output=500 cost=0.005
            skipped 1 currencies {"USD"}
        "#]],
    );
    check(
        Provider::Bedrock,
        "identity/LineItemId,lineItem/UsageStartDate,lineItem/ProductCode,lineItem/UsageType,lineItem/UsageAmount,pricing/unit,\
         lineItem/UnblendedCost,lineItem/CurrencyCode\n\
         1,2026-11-20T00:00:00Z,AmazonBedrock,USE1-Claude3.5Sonnet-input-tokens,0.1,1K tokens,0.0003,USD\n\
         2,2026-11-20T00:00:00Z,AmazonBedrock,USE1-Claude3.5Sonnet-output-tokens,0.02,1K tokens,0.0003,USD\n\
         3,2026-11-20T00:00:00Z,AmazonEC2,BoxUsage:t3.micro,1,Hrs,0.01,USD\n",
        expect![[r#"
            2026-11-20 "claude3.5sonnet" input=100 cost=0.0003
            2026-11-20 "claude3.5sonnet" output=20 cost=0.0003
            skipped 1 currencies {"USD"}
        "#]],
    );
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let check = |provider, text: &str, wanted: &str| {
        let fault = export::parse(text.as_bytes(), provider, &Columns::new(), &TimeZone::UTC);
        let fault = fault.unwrap_err().to_string();
        assert!(fault.contains(wanted), "{fault}");
    };
    check(Provider::Generic, "", "no column says the day");
    check(
        Provider::Generic,
        "day,model\n",
        "no column says tokens or cost",
    );
    check(
        Provider::Generic,
        "day,cost\n2026-11-01,1\nsoon,1\n",
        "line 3: \"soon\" is not a day",
    );
    check(
        Provider::Generic,
        "day,cost\n2026-11-01,much\n",
        "line 2: \"much\" is not a number",
    );
    check(Provider::Generic, "day,cost\n2026-11-01\n", "line 2: ");
    check(
        Provider::Generic,
        "day,cost,call\n2026-11-01,1,7\n",
        "line 2: \"7\" is not an id of a call",
    );
    check(
        Provider::OpenAi,
        "{\"data\":[{}]}",
        "a bucket has no `start_time`",
    );
    check(
        Provider::OpenAi,
        "{\"data\":",
        "the JSON is no usage or cost report",
    );
    check(Provider::OpenAi, "[1]", "it has no `data`");
    check(
        Provider::Anthropic,
        r#"{"data":[{"starting_at":"2026-11-20T00:00:00Z","results":[{"output_tokens":1.5}]}]}"#,
        "1.5 is not a count",
    );
    let columns = Columns::from([(String::from("cost"), String::from("Price"))]);
    let fault =
        export::parse(b"day,cost\n", Provider::Generic, &columns, &TimeZone::UTC).unwrap_err();
    assert!(
        fault
            .to_string()
            .contains("--map cost=Price: the export has no such column")
    );
}

/// Any bytes give rows or a fault.
#[test]
fn any_bytes_are_read_without_a_panic() {
    arbtest::arbtest(|u| {
        let pieces = [
            "day,cost",
            "\n",
            "2026-11-01",
            ",",
            "\"",
            "{",
            "\"data\":[",
            "]",
            "1e9",
            "-",
            "99999999999999999999999999",
            "start_time",
            ":",
            "null",
            "\u{1F4B6}",
            ";",
            "20261101",
            "0.0000000000000001",
        ];
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=20)? {
            text.push_str(u.choose(&pieces)?);
        }
        for provider in [
            Provider::OpenAi,
            Provider::Azure,
            Provider::Anthropic,
            Provider::Bedrock,
            Provider::Generic,
        ] {
            let read = export::parse(text.as_bytes(), provider, &Columns::new(), &TimeZone::UTC);
            if let Ok(export) = read {
                let _ = Comparison::new(question(), &export).lines();
            }
        }
        Ok(())
    });
}

#[test]
fn models_have_one_name() {
    for (name, wanted) in [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt 4o 0806", "gpt-4o"),
        ("GPT-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-sonnet-4-5",
        ),
        (
            "arn:aws:bedrock:eu:1:inference-profile/eu.anthropic.claude-3-5-sonnet-20241022-v2:0",
            "claude-3-5-sonnet",
        ),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("o4-mini", "o4-mini"),
        ("text-embedding-3-large", "text-embedding-3-large"),
        ("gpt-3.5-turbo-9999", "gpt-3.5-turbo-9999"),
        ("", ""),
    ] {
        assert_eq!(canonical(name), wanted);
    }
}

const EXPORT: &str = "day,model,requests,input,cached_input,output,cost\n\
    2026-11-01,gpt-4o,1,1000,200,500,0.00775\n\
    2026-11-02,gpt-4o,2,53,0,1,0.00\n\
    2026-11-03,gpt-5,1,10,0,10,0.001\n";

#[test]
fn differences_by_model_and_day() {
    let ledger = Scratch::with(&records());
    let comparison = compared(&ledger, &parsed(EXPORT, Provider::Generic), question());
    let lines = comparison.lines();
    expect![[r#"
        day         model              measure   provider      ledger  difference    share  verdict
        ----------  -----------------  --------  --------  ----------  ----------  -------  -------------
        2026-11-02  gpt-4o             requests         2           1           1    50.0%  differs
        2026-11-02  gpt-4o             input           53           3          50    94.3%  differs
        2026-11-02  gpt-4o             output           1         -19          20  2000.0%  differs
        2026-11-02  gpt-4o             cost         0.000  -0.0001825   0.0001825        -  differs
        2026-11-02  o4-mini            requests         0           1          -1        -  only ledger
        2026-11-02  o4-mini            input            0       2,000      -2,000        -  only ledger
        2026-11-02  o4-mini            output           0       1,000      -1,000        -  only ledger
        2026-11-02  o4-mini            cost         0.000   0.0066000  -0.0066000        -  only ledger
        2026-11-03  gpt-5              requests         1           0           1   100.0%  only provider
        2026-11-03  gpt-5              input           10           0          10   100.0%  only provider
        2026-11-03  gpt-5              output          10           0          10   100.0%  only provider
        2026-11-03  gpt-5              cost         0.001   0.0000000   0.0010000   100.0%  only provider
        2026-11-20  claude-sonnet-4-5  requests         0           1          -1        -  only ledger
        2026-11-20  claude-sonnet-4-5  input            0         100        -100        -  only ledger
        2026-11-20  claude-sonnet-4-5  output           0          20         -20        -  only ledger
        2026-11-20  claude-sonnet-4-5  cost         0.000   0.0006000  -0.0006000        -  only ledger
        2026-11-20  house-model        requests         0           1          -1        -  only ledger
        2026-11-20  house-model        input            0         700        -700        -  only ledger
        2026-11-20  house-model        output           0         300        -300        -  only ledger
        2026-11-21  gpt-4o             requests         0           1          -1        -  only ledger
        2026-11-21  gpt-4o             input            0          20         -20        -  only ledger
        2026-11-21  gpt-4o             output           0          10         -10        -  only ledger
        2026-11-21  gpt-4o             cost         0.000   0.0001500  -0.0001500        -  only ledger
    "#]].assert_eq(&comparison.table(&lines, false).text());
    let agree = lines
        .iter()
        .filter(|line| line.verdict == Verdict::Agrees)
        .count();
    assert_eq!(agree, 5);
    let generous = Question {
        tolerance: 10_000,
        tokens: 5_000,
        cost: 10_000_000_000,
        ..question()
    };
    let comparison = compared(&ledger, &parsed(EXPORT, Provider::Generic), generous);
    assert!(
        comparison
            .lines()
            .iter()
            .all(|line| line.verdict == Verdict::Agrees)
    );
}

/// After applying, both sides agree; applying again writes nothing. The team that used the model gets the correction.
#[test]
fn applying_twice_is_applying_once() {
    let ledger = Scratch::with(&records());
    let export = parsed(EXPORT, Provider::Generic);
    let once = || {
        let lock = Lock::take(ledger.path(), ms("2026-12-01T00:00:00Z")).unwrap();
        let busy = Lock::take(ledger.path(), 0).unwrap_err();
        assert!(busy.to_string().contains("is at work"), "{busy}");
        let comparison = compared(&ledger, &export, question());
        let lines = comparison.lines();
        let now = ms("2026-12-01T09:00:00Z");
        let prices = PriceTable::shipped();
        let applied = apply(&lock, &comparison, &lines, &prices, "test.csv", now, true).unwrap();
        let wrong = lines
            .iter()
            .filter(|l| l.verdict != Verdict::Agrees && l.measure != Measure::Requests);
        (applied, wrong.count())
    };
    let (first, wrong) = once();
    assert!(first.corrections > 0 && wrong > 0);
    let (second, wrong) = once();
    assert_eq!((second, wrong), (Applied::default(), 0));
    let mut groups = Groups::new(Grouping {
        by: vec![
            Dimension::parse("day").unwrap(),
            Dimension::parse("team").unwrap(),
            Dimension::parse("model").unwrap(),
        ],
        ..Grouping::of(&month("2026-11"))
    });
    source::each(ledger.path(), &month("2026-11"), |entry| {
        groups.add(entry);
    })
    .unwrap();
    let mut rows: Vec<String> = groups
        .rows()
        .map(|(key, sums)| {
            format!(
                "{} {} tokens {}",
                key.join(" "),
                sums.cost(),
                sums.total_tokens()
            )
        })
        .collect();
    rows.sort();
    expect![[r#"
        2026-11-01 gold gpt-4o 0.00775 tokens 1700
        2026-11-02 gold gpt-4o -0.000032183909 tokens 43
        2026-11-02 gold o4-mini 0 tokens 0
        2026-11-02 silver gpt-4o 0.000032183909 tokens 11
        2026-11-03  gpt-5 0.001 tokens 20
        2026-11-20 gold claude-sonnet-4-5 0 tokens 0
        2026-11-20 silver gpt-4o 0 tokens 0
        2026-11-20 silver house-model 0 tokens 0
        2026-11-21 gold gpt-4o 0 tokens 0"#]]
    .assert_eq(&rows.join("\n"));
}

#[test]
fn a_correction_is_shared_out_whole() {
    let settled = |id, subscription, cost| {
        let tokens = Tokens {
            input: 10,
            ..Tokens::default()
        };
        Record::Settlement(used(
            call(id, "2026-11-05T12:00:00Z", "gold", subscription, "m"),
            tokens,
            Some(cost),
        ))
    };
    arbtest::arbtest(|u| {
        let count = u.int_in_range(1..=6)?;
        let names = ["a", "b", "c", "d", "e", "f"];
        let records: Vec<Record<'_>> = (0..count)
            .map(|at| {
                Ok(settled(
                    at as u128 + 1,
                    names[at],
                    u128::from(u.arbitrary::<u64>()?),
                ))
            })
            .collect::<Result<_, arbtest::arbitrary::Error>>()?;
        let ledger = Scratch::with(&records);
        let (input, cost) = (u.arbitrary::<u32>()?, u.arbitrary::<u32>()?);
        let text = format!("day,model,input,cost\n2026-11-05,m,{input},{cost}.000000000001\n");
        let export = parsed(&text, Provider::Generic);
        let lock = Lock::take(ledger.path(), 1).unwrap();
        let comparison = compared(&ledger, &export, question());
        apply(
            &lock,
            &comparison,
            &comparison.lines(),
            &PriceTable::shipped(),
            "t",
            1,
            true,
        )
        .unwrap();
        let after = compared(&ledger, &export, question());
        let left: Vec<Line> = after
            .lines()
            .into_iter()
            .filter(|l| l.verdict != Verdict::Agrees)
            .collect();
        assert!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .budget_ms(400);
}

/// The provider knows what became of a call that a crash of the gateway cut.
#[test]
fn a_call_that_a_crash_cut_is_mended() {
    let mut crashed = call(0xabc, "2026-11-05T12:00:00Z", "gold", "team-a", "gpt-4o");
    crashed.end = EndReason::GatewayCrash;
    crashed.status = 0;
    crashed.cost_pico = Some(0);
    let whole = used(
        call(0xdef, "2026-11-05T13:00:00Z", "gold", "team-a", "gpt-4o"),
        Tokens {
            input: 10,
            output: 5,
            ..Tokens::default()
        },
        Some(75_000_000),
    );
    let ledger = Scratch::with(&[Record::Settlement(crashed), Record::Settlement(whole)]);
    let text = "timestamp,model,input,output,tollgate-request-id\n\
        2026-11-05T11:59:58Z,gpt-4o-2024-08-06,1000,100,00000000-0000-0000-0000-000000000abc\n\
        2026-11-05T12:59:58Z,gpt-4o-2024-08-06,10,0,00000000-0000-0000-0000-000000000def\n\
        2026-11-05T12:59:59Z,gpt-4o-2024-08-06,0,5,00000000-0000-0000-0000-000000000def-2\n\
        2026-11-05T14:00:00Z,gpt-4o-2024-08-06,1,1,00000000000000000000000000000123\n";
    let export = parsed(text, Provider::Generic);
    let comparison = compared(&ledger, &export, question());
    let lines = comparison.lines();
    expect![[r#"
        day         model   call                              measure  provider  ledger  difference   share  verdict
        ----------  ------  --------------------------------  -------  --------  ------  ----------  ------  -------------
        2026-11-05  gpt-4o  00000000000000000000000000000123  input           1       0           1  100.0%  only provider
        2026-11-05  gpt-4o  00000000000000000000000000000123  output          1       0           1  100.0%  only provider
        2026-11-05  gpt-4o  00000000000000000000000000000abc  input       1,000       0       1,000  100.0%  gateway crash
        2026-11-05  gpt-4o  00000000000000000000000000000abc  output        100       0         100  100.0%  gateway crash
        2026-11-05  gpt-4o  00000000000000000000000000000def  input          10      10           0    0.0%  agrees
        2026-11-05  gpt-4o  00000000000000000000000000000def  output          5       5           0    0.0%  agrees
    "#]].assert_eq(&comparison.table(&lines, true).text());
    let lock = Lock::take(ledger.path(), 1).unwrap();
    let applied = apply(
        &lock,
        &comparison,
        &lines,
        &PriceTable::shipped(),
        "calls.csv",
        1,
        true,
    )
    .unwrap();
    assert_eq!(applied.mended, 1);
    assert_eq!(applied.corrections, 2);
    let again = compared(&ledger, &export, question());
    assert!(
        again
            .lines()
            .iter()
            .all(|line| line.verdict == Verdict::Agrees)
    );
}
