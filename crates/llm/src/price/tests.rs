//! Tests of `price`: amounts are exact, the right price is found, what has none says so.
use super::*;
use crate::usage::{Class, Classes};
use jiff::civil::Date;
use rust_decimal::Decimal;

fn file(text: &str) -> File {
    serde_saphyr::from_str(text).unwrap()
}

fn table(text: &str) -> PriceTable {
    PriceTable::new(&file(text)).unwrap()
}

fn query(provider: &'static str, model: &'static str) -> Query<'static> {
    Query {
        provider,
        model,
        region: None,
        tier: Tier::Standard,
        at: "2026-11-20".parse().unwrap(),
    }
}

fn fault(text: &str) -> Fault {
    PriceTable::new(&file(text)).unwrap_err().1
}

#[test]
fn a_charge_is_the_sum_of_its_classes() {
    let table = table(
        "{version: t, prices: [{providers: [openai], models: [m], perMillion: {input: 2.5, cachedInput: 1.25, output: 10}}]}",
    );
    let price = table.lookup(&query("openai", "m")).unwrap();
    let classes = Classes {
        input: 93,
        cached_input: 1024,
        output: 40,
        reasoning: 6,
        ..Classes::default()
    };
    let priced = price.cost(&classes).unwrap();
    // 93 x 2.5 + 1024 x 1.25 + 46 x 10, for a million
    assert_eq!(
        priced.cost.decimal(),
        "0.0019725".parse::<Decimal>().unwrap()
    );
    assert_eq!(priced.cost.to_string(), "0.0019725");
    assert!(!priced.fallback && !priced.provisioned);
}

#[test]
fn a_class_without_a_price_is_not_free() {
    let table = table("{version: t, prices: [{models: [m], perMillion: {input: 1}}]}");
    let price = table.lookup(&query("any", "m")).unwrap();
    let output = Classes {
        output: 1,
        ..Classes::default()
    };
    assert_eq!(price.cost(&output), Err(Unpriced::Class(Class::Output)));
    let cached = Classes {
        cached_input: 3,
        audio_input: 2,
        cache_write_hour: 1,
        cached_image_input: 1,
        ..Classes::default()
    };
    assert_eq!(price.cost(&cached).unwrap().cost, Pico(7 * 1_000_000));
}

#[test]
fn the_length_of_the_prompt_decides_for_the_whole_call() {
    let table = table(
        "{version: t, prices: [{models: [m], perMillion: {input: 1, output: 2, cachedInput: 0.5}, \
         above: [{tokens: 100, perMillion: {input: 10, output: 20}}]}]}",
    );
    let price = table.lookup(&query("", "m")).unwrap();
    let call = |input, cached_input| Classes {
        input,
        cached_input,
        output: 1,
        ..Classes::default()
    };
    assert_eq!(price.cost(&call(60, 40)).unwrap().cost, Pico(82_000_000));
    // One token more, and each of them costs more; a class that the step does not name keeps its price.
    assert_eq!(price.cost(&call(61, 40)).unwrap().cost, Pico(650_000_000));
    assert_eq!(price.highest(Class::Output), Some(Pico(20_000_000)));
}

#[test]
fn the_most_particular_price_is_found() {
    let default = table(
        "{version: d, prices: [
            {providers: [openai], models: [gpt-4o*], perMillion: {input: 1}},
            {providers: [openai], models: [gpt-4o-mini*], perMillion: {input: 2}},
            {providers: [openai], models: [gpt-4o-mini-tts], perMillion: {input: 3}},
            {providers: [openai], models: [gpt-4o], regions: [eu], perMillion: {input: 4}},
            {providers: [openai], models: [gpt-4o], from: 2026-12-01, perMillion: {input: 5}},
            {providers: [aws.bedrock], models: ['anthropic.claude*'], perMillion: {input: 6}},
            {models: [gpt-4o], perMillion: {input: 7}}]}",
    );
    let own = table(
        "{version: o, prices: [{providers: [openai], models: [gpt-4o-m*], perMillion: {input: 9}}]}",
    );
    let input = |table: &PriceTable, query: &Query<'_>| {
        let price = table.lookup(query).ok()?;
        price
            .rates(0)
            .unit(Class::Input)
            .map(|pico| pico.0 / 1_000_000)
    };
    for (provider, model, expected) in [
        ("openai", "gpt-4o-2024-08-06", Some(1)),
        ("openai", "gpt-4o-mini", Some(2)),
        ("openai", "GPT-4o-Mini-TTS", Some(3)),
        ("openai", "openai/gpt-4o-mini", Some(2)),
        ("groq", "gpt-4o", Some(7)),
        ("groq", "gpt-4o-mini", None),
        ("aws.bedrock", "anthropic.claude-x-v1:0", Some(6)),
        ("aws.bedrock", "eu.anthropic.claude-x-v1:0", Some(6)),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-x-v1:0",
            Some(6),
        ),
    ] {
        let query = Query {
            provider,
            model,
            ..query("", "")
        };
        assert_eq!(input(&default, &query), expected, "{provider} {model}");
    }
    let gpt = query("openai", "gpt-4o");
    assert_eq!(
        input(&default, &gpt),
        Some(7),
        "an exact name beats a pattern"
    );
    assert_eq!(
        input(
            &default,
            &Query {
                region: Some("EU"),
                ..gpt
            }
        ),
        Some(4)
    );
    let later = Query {
        at: "2026-12-01".parse().unwrap(),
        ..gpt
    };
    assert_eq!(input(&default, &later), Some(5));
    let both = own.over(&default);
    assert_eq!(both.version(), "o+d");
    assert_eq!(input(&both, &query("openai", "gpt-4o-mini-tts")), Some(9));
    assert_eq!(input(&both, &query("openai", "gpt-4o-2024-08-06")), Some(1));
}

#[test]
fn tiers() {
    let table = table(
        "{version: t, prices: [{models: [m], perMillion: {input: 1.5, output: 3, webSearch: 10},
          above: [{tokens: 10, perMillion: {input: 3}}],
          tiers: {batch: {factor: 0.5}, priority: {perMillion: {input: 4}}}}]}",
    );
    let at = |tier| {
        table.lookup(&Query {
            tier,
            ..query("", "m")
        })
    };
    let batch = at(Tier::Batch).unwrap();
    assert_eq!(batch.rates(0).unit(Class::Input), Some(Pico(750_000)));
    assert_eq!(batch.rates(11).unit(Class::Input), Some(Pico(1_500_000)));
    assert_eq!(
        batch.rates(0).unit(Class::WebSearch),
        Some(Pico(10_000_000_000))
    );
    assert_eq!(
        at(Tier::Priority).unwrap().rates(0).unit(Class::Output),
        None
    );
    assert_eq!(at(Tier::Flex), Err(Unpriced::Tier));
    let provisioned = at(Tier::Provisioned).unwrap();
    let call = Classes {
        output: 7,
        ..Classes::default()
    };
    let priced = provisioned.cost(&call).unwrap();
    assert_eq!((priced.cost, priced.provisioned), (Pico::ZERO, true));
}

#[test]
fn unknown_models_have_the_price_that_the_operator_gives_them() {
    let none = table("{version: t, prices: []}");
    assert_eq!(none.lookup(&query("openai", "x")), Err(Unpriced::Model));
    let some = table("{version: t, fallback: {input: 5, output: 15}}");
    let price = some.lookup(&query("openai", "x")).unwrap();
    let one = Classes {
        input: 1,
        ..Classes::default()
    };
    let priced = price.cost(&one).unwrap();
    assert_eq!((priced.cost, priced.fallback), (Pico(5_000_000), true));
    assert!(some.over(&none).fallback().is_some() && none.over(&some).fallback().is_some());
}

#[test]
fn faults_name_the_property() {
    for (entry, property) in [
        ("{models: [], perMillion: {input: 1}}", "models"),
        ("{models: ['a*b'], perMillion: {input: 1}}", "models"),
        ("{models: [''], perMillion: {input: 1}}", "models"),
        ("{models: [m]}", "perMillion"),
        ("{models: [m], perMillion: {input: -1}}", "perMillion"),
        (
            "{models: [m], perMillion: {input: 0.0000001}}",
            "perMillion",
        ),
        ("{models: [m], perMillion: {input: 100001}}", "perMillion"),
        (
            "{models: [m], perMillion: {input: 1}, from: yesterday}",
            "from",
        ),
        (
            "{models: [m], perMillion: {input: 1}, from: 2026-01-02, until: 2026-01-02}",
            "until",
        ),
        (
            "{models: [m], perMillion: {input: 1}, above: [{tokens: 0, perMillion: {}}]}",
            "above",
        ),
        (
            "{models: [m], perMillion: {input: 0.000001}, tiers: {batch: {factor: 0.5}}}",
            "tiers",
        ),
    ] {
        let fault = fault(&format!("{{version: t, prices: [{entry}]}}"));
        assert_eq!(fault.property, property, "{entry}: {}", fault.message);
    }
}

#[test]
fn amounts_are_what_is_written() {
    for (text, pico) in [
        ("2.5", 2_500_000),
        ("\"0.075\"", 75_000),
        ("0.000001", 1),
        ("1e-1", 100_000),
        ("100000", 100_000_000_000),
        ("0.1", 100_000),
    ] {
        let table = table(&format!(
            "{{version: t, prices: [{{models: [m], perMillion: {{input: {text}}}}}]}}"
        ));
        let price = table.lookup(&query("", "m")).unwrap();
        assert_eq!(
            price.rates(0).unit(Class::Input),
            Some(Pico(pico)),
            "{text}"
        );
    }
}

#[test]
fn the_largest_charge_fits() {
    let table = table(
        "{version: t, prices: [{models: [m], perMillion: {input: 100000, output: 100000, webSearch: 100000}}]}",
    );
    let price = table.lookup(&query("", "m")).unwrap();
    let mut most = Classes::default();
    for class in Class::ALL {
        if class.is_tokens() {
            *most.get_mut(class) = crate::Usage::MAX;
        }
    }
    let cost = price.cost(&most).unwrap().cost;
    assert!(cost.decimal() < Decimal::MAX && cost.decimal() > Decimal::from(1_u64 << 50));
    assert_eq!(Pico::from_decimal(cost.decimal()), Some(cost));
    assert_eq!(Pico(u128::MAX).decimal(), Decimal::MAX);
}

#[test]
fn decimals_and_back() {
    for (text, pico) in [
        ("0", Some(0)),
        ("1", Some(1_000_000_000_000)),
        ("0.000000000001", Some(1)),
    ] {
        assert_eq!(
            Pico::from_decimal(text.parse().unwrap()).map(|pico| pico.0),
            pico
        );
    }
    for text in ["-0.1", "0.0000000000001"] {
        assert_eq!(Pico::from_decimal(text.parse().unwrap()), None);
    }
}

#[test]
fn an_hour_of_capacity_is_shared_by_tokens() {
    let hour = Pico(100_000_000_000_000);
    assert_eq!(amortise(hour, 250, 1000), Pico(25_000_000_000_000));
    assert_eq!(amortise(hour, 0, 0), Pico::ZERO);
    assert_eq!(amortise(hour, 9, 3), hour, "no share is above the whole");
    let thirds: u128 = (0..3).map(|_| amortise(hour, 1, 3).0).sum();
    assert!(hour.0 - thirds < 3);
    assert_eq!(
        amortise(Pico(u128::MAX), u64::MAX, u64::MAX),
        Pico(u128::MAX)
    );
}

#[test]
fn codes_and_names() {
    for class in Class::ALL {
        assert_eq!(Class::from_code(class.code()), Some(class));
    }
    for tier in Tier::ALL {
        assert_eq!(Tier::from_code(tier.code()), Some(tier));
        assert_eq!(Tier::from_name(tier.name()), Some(tier));
    }
    assert_eq!(
        Tier::from_name("PROVISIONED_THROUGHPUT"),
        Some(Tier::Provisioned)
    );
    assert_eq!(Tier::from_name("auto"), None);
}

#[test]
fn the_shipped_table_is_whole() {
    let shipped = PriceTable::shipped();
    assert_eq!(shipped.currency(), "USD");
    assert!(shipped.version().parse::<Date>().is_ok());
    for price in shipped.prices() {
        assert!(price.source.starts_with("https://"), "{price:?}");
    }
}

/// What a tool costs is the provider's, unless the price of the model says otherwise; for an operator's prices, too.
#[test]
fn tools_are_priced_by_provider() {
    let own: File = serde_saphyr::from_str(
        "{version: own, prices: [
            {providers: [openai], models: [gpt-4o], perMillion: {input: 1, output: 2}, tiers: {batch: {factor: 0.5}}},
            {providers: [openai], models: [gpt-4.1], perMillion: {input: 1, output: 2, webSearch: 25}},
            {providers: [house], models: [gpt-4o], perMillion: {input: 1, output: 2}}]}",
    )
    .unwrap();
    let table = PriceTable::new(&own).unwrap().over(&PriceTable::shipped());
    let searches = Classes {
        web_search: 3,
        file_search: 2,
        ..Classes::default()
    };
    let cost = |provider, model, tier| {
        let at = jiff::civil::date(2026, 11, 20);
        let query = Query {
            provider,
            model,
            region: None,
            tier,
            at,
        };
        table
            .find(&query)
            .unwrap()
            .cost(&searches)
            .map(|p| p.cost.to_string())
    };
    // 3 at 10 and 2 at 2.50 dollars for a thousand, in every tier.
    assert_eq!(cost("openai", "gpt-4o", Tier::Standard).unwrap(), "0.035");
    assert_eq!(cost("openai", "gpt-4o", Tier::Batch).unwrap(), "0.035");
    assert_eq!(cost("openai", "gpt-5", Tier::Standard).unwrap(), "0.035");
    assert_eq!(cost("openai", "gpt-4.1", Tier::Standard).unwrap(), "0.08");
    let none = cost("house", "gpt-4o", Tier::Standard);
    assert_eq!(none, Err(Unpriced::Class(Class::WebSearch)));
}
