//! FOCUS rows: their sum is the ledger's, to the last digit; their fields are those of the specification.

use super::*;
use crate::capacity::Deployment;
use crate::entry::money;
use crate::group::{Grouping, Groups};
use crate::sample::{Scratch, call, month, records, used};
use crate::source;
use expect_test::expect;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use tollgate_llm::price::{File, Pico};
use tollgate_state::ledger::{Record, Tokens};

fn prices() -> Arc<PriceTable> {
    let file: File = serde_json::from_value(serde_json::json!({
        "version": "test-1",
        "prices": [
            { "models": ["gpt-4o"], "perMillion": { "input": 2.5, "cachedInput": 1.25, "output": 10 } },
            { "models": ["claude-sonnet-4-5"], "perMillion": { "input": 3, "output": 15 } },
        ],
    }))
    .unwrap();
    Arc::new(PriceTable::new(&file).unwrap())
}

fn grouping(by: &[&str]) -> Grouping {
    Grouping {
        by: by
            .iter()
            .map(|name| Dimension::parse(name).unwrap())
            .collect(),
        ..Grouping::of(&month("2026-11"))
    }
}

fn account() -> Account {
    Account {
        billing_account: String::from("tollgate"),
        currency: String::from("USD"),
    }
}

/// The rows of a ledger, each by its columns.
fn rows(ledger: &Scratch, grouping: Grouping) -> (Vec<BTreeMap<String, String>>, Vec<String>) {
    let period = grouping.period.clone();
    let mut focus = Focus::new(grouping, account(), prices());
    source::each(ledger.path(), &period, |entry| focus.add(entry)).unwrap();
    let csv = focus.csv().unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows = reader.deserialize().map(Result::unwrap).collect();
    (rows, focus.notes())
}

#[test]
fn one_row_for_each_day_group_and_class() {
    let ledger = Scratch::with(&records());
    let (rows, notes) = rows(&ledger, grouping(&["team", "model", "tag:project"]));
    let mut text = String::new();
    for row in &rows {
        let get = |name: &str| row[name].clone();
        text += &[
            get("ChargePeriodStart")[..10].to_owned(),
            get("BillingPeriodStart")[..10].to_owned(),
            get("ChargeCategory"),
            get("ChargeClass"),
            get("SubAccountId"),
            get("SkuPriceId"),
            get("PricingQuantity"),
            get("ListUnitPrice"),
            get("BilledCost"),
            get("x_TokenClass"),
            get("x_CallCount"),
            get("x_Unpriced"),
            get("Tags"),
        ]
        .join(" | ");
        text.push('\n');
    }
    expect![[r#"
        2026-11-01 | 2026-11-01 | Usage |  | gold | openai/gpt-4o/standard/cached_input@0.00000125 | 200.0 | 0.00000125 | 0.00025 | cached_input | 0 | false | {"project":"p1"}
        2026-11-01 | 2026-11-01 | Usage |  | gold | openai/gpt-4o/standard/input@0.0000025 | 1000.0 | 0.0000025 | 0.0025 | input | 1 | false | {"project":"p1"}
        2026-11-01 | 2026-11-01 | Usage |  | gold | openai/gpt-4o/standard/output@0.00001 | 500.0 | 0.00001 | 0.005 | output | 0 | false | {"project":"p1"}
        2026-11-02 | 2026-12-01 | Usage | Correction | gold |  |  |  | -0.0002 | all | 0 | false | {"project":"p1"}
        2026-11-02 | 2026-11-01 | Usage |  | gold | openai/o4-mini/standard/all@0.0000022 | 3000.0 | 0.0000022 | 0.0066 | all | 1 | false | {"project":"p1"}
        2026-11-02 | 2026-11-01 | Usage |  | silver | openai/gpt-4o/standard/input@0.0000025 | 3.0 | 0.0000025 | 0.0000075 | input | 1 | false | {"project":"p1"}
        2026-11-02 | 2026-11-01 | Usage |  | silver | openai/gpt-4o/standard/output@0.00001 | 1.0 | 0.00001 | 0.00001 | output | 0 | false | {"project":"p1"}
        2026-11-20 | 2026-11-01 | Usage |  | gold | anthropic/claude-sonnet-4-5/standard/input@0.000003 | 100.0 | 0.000003 | 0.0003 | input | 1 | false | {"project":"p1"}
        2026-11-20 | 2026-11-01 | Usage |  | gold | anthropic/claude-sonnet-4-5/standard/output@0.000015 | 20.0 | 0.000015 | 0.0003 | output | 0 | false | {"project":"p1"}
        2026-11-20 | 2026-11-01 | Usage |  | silver | openai/house-model/standard/input@0.0 | 700.0 | 0.0 | 0.0 | input | 1 | true | {"project":"p1"}
        2026-11-20 | 2026-11-01 | Usage |  | silver | openai/house-model/standard/output@0.0 | 300.0 | 0.0 | 0.0 | output | 0 | true | {"project":"p1"}
        2026-11-21 | 2026-11-01 | Usage |  | gold | openai/gpt-4o/standard/input@0.0000025 | 20.0 | 0.0000025 | 0.00005 | input | 1 | false | {"project":"p1"}
        2026-11-21 | 2026-11-01 | Usage |  | gold | openai/gpt-4o/standard/output@0.00001 | 10.0 | 0.00001 | 0.0001 | output | 0 | false | {"project":"p1"}
    "#]].assert_eq(&text);
    expect![[r#"
        Some usage has no price. FOCUS does not allow a cost to be null: its rows have a cost of 0, PricingCategory Other and x_Unpriced true.
        The costs of 1 call come from other prices than those given; they stand in rows of all token classes together."#]].assert_eq(&notes.join("\n"));
}

#[test]
fn a_row_has_all_columns() {
    let ledger = Scratch::with(&records());
    let (rows, _) = rows(
        &ledger,
        grouping(&["team", "subscription", "tag:cost centre"]),
    );
    let first = rows[0]
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"));
    expect![[r#"
        AvailabilityZone: 
        BilledCost: 0.00025
        BillingAccountId: tollgate
        BillingAccountName: tollgate
        BillingAccountType: Gateway
        BillingCurrency: USD
        BillingPeriodEnd: 2026-12-01T00:00:00Z
        BillingPeriodStart: 2026-11-01T00:00:00Z
        CapacityReservationId: 
        CapacityReservationStatus: 
        ChargeCategory: Usage
        ChargeClass: 
        ChargeDescription: Cached Input tokens of gpt-4o (standard)
        ChargeFrequency: Usage-Based
        ChargePeriodEnd: 2026-11-02T00:00:00Z
        ChargePeriodStart: 2026-11-01T00:00:00Z
        CommitmentDiscountCategory: 
        CommitmentDiscountId: 
        CommitmentDiscountName: 
        CommitmentDiscountQuantity: 
        CommitmentDiscountStatus: 
        CommitmentDiscountType: 
        CommitmentDiscountUnit: 
        ConsumedQuantity: 200.0
        ConsumedUnit: Tokens
        ContractedCost: 0.00025
        ContractedUnitPrice: 0.00000125
        EffectiveCost: 0.00025
        InvoiceId: 
        InvoiceIssuerName: OpenAI
        ListCost: 0.00025
        ListUnitPrice: 0.00000125
        PricingCategory: Standard
        PricingCurrency: USD
        PricingCurrencyContractedUnitPrice: 0.00000125
        PricingCurrencyEffectiveCost: 0.00025
        PricingCurrencyListUnitPrice: 0.00000125
        PricingQuantity: 200.0
        PricingUnit: Tokens
        ProviderName: OpenAI
        PublisherName: OpenAI
        RegionId: swedencentral
        RegionName: swedencentral
        ResourceId: gpt-4o-eu
        ResourceName: gpt-4o-eu
        ResourceType: Model deployment
        ServiceCategory: AI and Machine Learning
        ServiceName: OpenAI API
        ServiceSubcategory: Generative AI
        SkuId: openai/gpt-4o
        SkuMeter: Cached Input Tokens
        SkuPriceDetails: {"x_TokenClass":"cached_input","x_Tier":"standard"}
        SkuPriceId: openai/gpt-4o/standard/cached_input@0.00000125
        SubAccountId: gold
        SubAccountName: gold
        SubAccountType: Team
        Tags: 
        x_CallCount: 0
        x_EstimatedQuantity: 0.0
        x_Model: gpt-4o
        x_PriceVersion: test-1
        x_Provider: openai
        x_Subscription: team-a
        x_TagCostCentre: 
        x_Tier: standard
        x_TokenClass: cached_input
        x_TokenQuantity: 200.0
        x_Unpriced: false
    "#]]
    .assert_eq(&first.collect::<String>());
}

/// The costs of all rows are what a report says, whatever the prices at hand make of them.
#[test]
fn the_sum_is_the_ledgers() {
    arbtest::arbtest(|u| {
        let mut records = Vec::new();
        for id in 0..u.int_in_range(1..=12)? {
            let day = u.int_in_range(1..=30)?;
            let at = format!("2026-11-{day:02}T12:00:00Z");
            let model = *u.choose(&["gpt-4o", "claude-sonnet-4-5", "unknown"])?;
            let tokens = Tokens {
                input: u.int_in_range(0..=200_000)?,
                cached_input: u.int_in_range(0..=200_000)?,
                output: u.int_in_range(0..=200_000)?,
                reasoning: u.int_in_range(0..=9)?,
                ..Tokens::default()
            };
            let own = |input: u64, cached: u64, output: u64| {
                let sum = tokens.input * input
                    + tokens.cached_input * cached
                    + (tokens.output + tokens.reasoning) * output;
                u128::from(sum)
            };
            let cost = match (u.arbitrary::<Option<u64>>()?, model) {
                (Some(any), _) => Some(u128::from(any)),
                (None, "gpt-4o") => Some(own(2_500_000, 1_250_000, 10_000_000)),
                (None, "claude-sonnet-4-5") => Some(own(3_000_000, 3_000_000, 15_000_000)),
                (None, _) => None,
            };
            let settled = used(call(id, &at, "gold", "a", model), tokens, cost);
            records.push(Record::Settlement(settled));
        }
        let ledger = Scratch::with(&records);
        let mut groups = Groups::new(grouping(&[]));
        source::each(ledger.path(), &month("2026-11"), |entry| {
            groups.add(entry);
        })
        .unwrap();
        let (rows, _) = rows(&ledger, grouping(&["team"]));
        let sum = |name: &str| -> Decimal {
            let values = rows
                .iter()
                .filter_map(|row| row[name].parse::<Decimal>().ok());
            values.sum()
        };
        assert_eq!(sum("BilledCost"), money(groups.total().cost));
        assert_eq!(
            sum("x_TokenQuantity"),
            Decimal::from(groups.total().total_tokens())
        );
        for row in rows.iter().filter(|row| row["x_TokenClass"] != "all") {
            let [price, quantity, cost] = ["ListUnitPrice", "PricingQuantity", "ListCost"]
                .map(|name| row[name].parse::<Decimal>().unwrap());
            assert_eq!(price * quantity, cost);
        }
        Ok(())
    })
    .budget_ms(500);
}

#[test]
fn too_many_rows_are_a_fault() {
    let ledger = Scratch::with(&records());
    let grouping = Grouping {
        limit: 3,
        ..grouping(&["team"])
    };
    let period = grouping.period.clone();
    let mut focus = Focus::new(grouping, account(), prices());
    source::each(ledger.path(), &period, |entry| focus.add(entry)).unwrap();
    assert_eq!(focus.csv(), Err(TooMany(3)));
}

/// Capacity that is paid by the hour: what was bought, what calls used of it, what nobody did.
#[test]
fn capacity_is_bought_used_and_idle() {
    let tokens = |input| Tokens {
        input,
        ..Tokens::default()
    };
    let provisioned = |id, at: &str, team: &'static str, input| {
        let mut settled = used(call(id, at, team, "a", "gpt-4o"), tokens(input), Some(0));
        settled.call.tier = "provisioned".into();
        Record::Settlement(settled)
    };
    let ledger = Scratch::with(&[
        provisioned(1, "2026-11-01T10:15:00Z", "gold", 300),
        provisioned(2, "2026-11-01T10:45:00Z", "silver", 100),
        provisioned(3, "2026-11-02T00:10:00Z", "gold", 50),
    ]);
    let mut capacities = Capacities::default();
    capacities.add(Deployment {
        backend: String::from("pool-1"),
        name: String::from("gpt-4o-eu"),
        hour: Pico(2_000_000_000_000),
        ..Deployment::default()
    });
    let grouping = grouping(&["team"]);
    let period = grouping.period.clone();
    source::each(ledger.path(), &period, |entry| capacities.note(entry)).unwrap();
    let mut focus = Focus::new(grouping.clone(), account(), prices());
    source::each(ledger.path(), &period, |entry| {
        focus.add(&capacities.charge(entry));
    })
    .unwrap();
    focus.commit(&capacities, "2026-11-02T02:30:00Z".parse().unwrap());
    let csv = focus.csv().unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let mut text = String::new();
    for row in &rows {
        let names = [
            "ChargeCategory",
            "CommitmentDiscountStatus",
            "SubAccountId",
            "BilledCost",
            "EffectiveCost",
            "CommitmentDiscountQuantity",
            "PricingQuantity",
            "PricingUnit",
            "ConsumedQuantity",
            "PricingCategory",
            "ChargeFrequency",
            "x_Model",
        ];
        text += &names.map(|name| row[name].clone()).join(" | ");
        text.push('\n');
    }
    expect![[r#"
        Usage | Used | gold | 0.0 | 1.5 | 0.75 | 300.0 | Tokens | 300.0 | Committed | Usage-Based | gpt-4o
        Usage | Used | silver | 0.0 | 0.5 | 0.25 | 100.0 | Tokens | 100.0 | Committed | Usage-Based | gpt-4o
        Purchase |  |  | 48.0 | 0.0 | 24.0 | 24.0 | Hours |  | Standard | Recurring | gpt-4o
        Usage | Unused |  | 0.0 | 46.0 | 23.0 | 23.0 | Hours |  | Committed | Usage-Based | gpt-4o
        Usage | Used | gold | 0.0 | 2.0 | 1.0 | 50.0 | Tokens | 50.0 | Committed | Usage-Based | gpt-4o
        Purchase |  |  | 4.0 | 0.0 | 2.0 | 2.0 | Hours |  | Standard | Recurring | gpt-4o
        Usage | Unused |  | 0.0 | 2.0 | 1.0 | 1.0 | Hours |  | Committed | Usage-Based | gpt-4o
    "#]].assert_eq(&text);
    let sum = |name: &str| -> Decimal {
        let values = rows.iter().map(|row| row[name].parse::<Decimal>().unwrap());
        values.sum()
    };
    // 26 hours at 2 dollars, however one looks at it.
    assert_eq!(sum("BilledCost"), Decimal::from(52));
    assert_eq!(sum("EffectiveCost"), Decimal::from(52));
    // With a filter nobody's hours are no one's.
    let filtered = Grouping {
        filters: vec![Filter::only(Dimension::Team, "gold")],
        ..grouping
    };
    let mut focus = Focus::new(filtered, account(), prices());
    focus.commit(&capacities, "2026-11-02T02:30:00Z".parse().unwrap());
    assert_eq!(focus.csv().unwrap().lines().count(), 1);
}
