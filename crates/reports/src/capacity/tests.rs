//! Shares and what is idle are the price of all hours.

use super::*;
use crate::sample::{call, month, used};
use crate::source::settled;
use tollgate_state::ledger::{Settlement, Tokens};

fn deployment(hour: Pico) -> Deployment {
    Deployment {
        backend: String::from("pool-1"),
        name: String::from("gpt-4o-eu"),
        hour,
        ..Deployment::default()
    }
}

fn provisioned(mut settlement: Settlement<'static>) -> Settlement<'static> {
    settlement.call.tier = "provisioned".into();
    settlement
}

#[test]
fn shares_and_idle_are_the_whole() {
    arbtest::arbtest(|u| {
        let hour = Pico(u128::from(u.arbitrary::<u64>()?));
        let mut capacities = Capacities::default();
        capacities.add(deployment(hour));
        let mut calls = Vec::new();
        for id in 0..u.int_in_range(0..=9)? {
            let at = format!("2026-11-05T{:02}:15:00Z", u.int_in_range(0..=3)?);
            let model = *u.choose(&["gpt-4o", "o4-mini"])?;
            let tokens = Tokens {
                input: u.arbitrary::<u32>()?.into(),
                ..Tokens::default()
            };
            calls.push(provisioned(used(
                call(id, &at, "gold", "a", model),
                tokens,
                Some(0),
            )));
        }
        calls
            .iter()
            .for_each(|call| capacities.note(&settled(call)));
        let mut shared = 0;
        for call in &calls {
            let charged = capacities.charge(&settled(call));
            shared += charged.cost.unwrap();
            assert!(call.call.model == "gpt-4o" || charged.cost == Some(0));
        }
        let period = month("2026-11");
        let now = "2026-11-06T00:30:00Z".parse().unwrap();
        let (all, told, idle) = capacities.idle(&period, now);
        assert_eq!(all, i128::try_from(hour.0).unwrap() * 120);
        assert_eq!((told, all), (shared, shared + idle));
        let days = capacities.commitments(&period, now);
        assert_eq!(days.iter().map(|day| day.hours).sum::<u32>(), 120);
        assert_eq!(days.iter().map(|day| day.idle).sum::<i128>(), idle);
        Ok(())
    });
}

/// An hour with calls costs nearly all of its price; what rounding leaves is below a pico for each call.
#[test]
fn an_hour_is_shared_by_tokens() {
    let mut capacities = Capacities::default();
    capacities.add(deployment(Pico(1_000_000)));
    let one = |id, input| {
        let tokens = Tokens {
            input,
            ..Tokens::default()
        };
        provisioned(used(
            call(id, "2026-11-05T10:15:00Z", "gold", "a", "gpt-4o"),
            tokens,
            Some(0),
        ))
    };
    let calls = [one(1, 100), one(2, 200), one(3, 0)];
    calls
        .iter()
        .for_each(|call| capacities.note(&settled(call)));
    let costs = calls
        .each_ref()
        .map(|call| capacities.charge(&settled(call)).cost);
    assert_eq!(costs, [Some(333_333), Some(666_666), Some(0)]);
}

/// What went past the capacity is paid for by its tokens, and has no share besides.
#[test]
fn what_spilled_over_has_no_share() {
    let mut capacities = Capacities::default();
    capacities.add(deployment(Pico(1_000_000)));
    let tokens = Tokens {
        input: 10,
        ..Tokens::default()
    };
    let mut spilled = used(
        call(1, "2026-11-05T10:15:00Z", "gold", "a", "gpt-4o"),
        tokens,
        Some(77),
    );
    spilled.call.tier = "standard".into();
    capacities.note(&settled(&spilled));
    assert_eq!(capacities.charge(&settled(&spilled)).cost, Some(77));
}
