//! Tests of `pricing`: what is kept is what was found, and a bound is above every charge.
use super::*;
use tollgate_llm::price::File;

fn prices(json: serde_json::Value) -> Prices {
    let file: File = serde_json::from_value(json).unwrap();
    Prices::new(Arc::new(PriceTable::new(&file).unwrap()))
}

fn paid(provider: &str, tier: Tier) -> Paid {
    Paid {
        provider: Str::from(provider),
        tier,
        ..Paid::default()
    }
}

#[test]
fn a_price_is_kept_for_its_day_and_no_longer() {
    let prices = prices(serde_json::json!({"version": "t", "prices": [
        {"models": ["m"], "until": "1970-01-02", "perMillion": {"input": 1}},
        {"models": ["m"], "from": "1970-01-02", "perMillion": {"input": 2}},
        {"providers": ["p"], "models": ["m"], "regions": ["eu"], "perMillion": {"input": 3}},
        {"providers": ["p"], "models": ["m"], "perMillion": {"input": 4},
         "tiers": {"flex": {"factor": 0.5}}},
    ]}));
    let input = |paid: &Paid, at| {
        let price = prices.find("m", paid, at).ok()?;
        price.rates(0).unit(Class::Input).map(|unit| unit.0 / 1000)
    };
    let other = paid("other", Tier::Standard);
    let eu = Paid {
        region: Some(Str::from("eu")),
        ..paid("p", Tier::Standard)
    };
    // Each twice: found, then kept.
    for _ in 0..2 {
        assert_eq!(input(&other, 0), Some(1000));
        assert_eq!(input(&other, 86_399), Some(1000));
        assert_eq!(input(&other, 86_400), Some(2000));
        assert_eq!(input(&eu, 0), Some(3000));
        assert_eq!(input(&paid("p", Tier::Standard), 0), Some(4000));
        assert_eq!(input(&paid("p", Tier::Flex), 0), Some(2000));
        assert_eq!(
            prices.find("m", &paid("p", Tier::Batch), 0),
            Err(Unpriced::Tier)
        );
        assert_eq!(prices.find("x", &other, 0), Err(Unpriced::Model));
    }
    assert_eq!(input(&other, u64::MAX), Some(2000));
}

#[test]
fn what_is_kept_is_bounded() {
    let prices = prices(serde_json::json!({"version": "t", "prices": [
        {"models": ["m*"], "perMillion": {"input": 1}}]}));
    for at in 0..10 * KEPT {
        let found = prices.find(&format!("m{at}"), &Paid::default(), 0);
        assert!(found.is_ok());
    }
    assert!(prices.kept.len() <= KEPT);
}

#[test]
fn a_bound_is_above_every_charge() {
    let prices = prices(
        serde_json::json!({"version": "t", "prices": [{"models": ["m"],
        "perMillion": {"input": 3, "cachedInput": 0.3, "cacheWrite": 3.75, "cacheWriteHour": 6, "output": 15},
        "above": [{"tokens": 100, "perMillion": {"input": 6, "output": 22.5}}]}]}),
    );
    let price = prices.find("m", &Paid::default(), 0).unwrap();
    for (input, output) in [(0, 0), (100, 7), (101, 7), (5, 0)] {
        let most = bound(&price, input, output).unwrap().most;
        for classes in [
            Classes {
                input,
                output,
                ..Classes::default()
            },
            Classes {
                cached_input: input,
                reasoning: output,
                ..Classes::default()
            },
            Classes {
                cache_write_hour: input,
                output,
                ..Classes::default()
            },
        ] {
            assert!(price.cost(&classes).unwrap().cost <= most);
        }
        assert!(plain(&price, input, output).unwrap().cost <= most);
    }
    let input_only = self::prices(serde_json::json!({"version": "t", "prices": [
        {"models": ["m"], "perMillion": {"input": 1}}]}));
    let price = input_only.find("m", &Paid::default(), 0).unwrap();
    assert_eq!(bound(&price, 3, 0).unwrap().most, Pico(3_000_000));
    assert_eq!(bound(&price, 3, 1), Err(Unpriced::Class(Class::Output)));
}
