//! The differences that are Mono's or Json.NET 6's own and not API Management's: `differences.yaml`.

use anyhow::{Context, Result};
use fancy_regex::Regex;
use jiff::civil::DateTime;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use tollgate_lang::expr::outcome;

const FILE: &str = include_str!("../differences.yaml");

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Members that Mono's class library and Json.NET 6 do not have.
    newer: BTreeSet<String>,
    rules: Vec<Written>,
}

/// A rule as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Members of which one is used: `Type.Member`, `Type.new`, `Type.*`.
    #[serde(default)]
    members: Vec<String>,
    /// Patterns that all must match: of the expression, of our outcome, of Mono's.
    expression: Option<String>,
    ours: Option<String>,
    mono: Option<String>,
    /// Whether the outcomes must be the same but for the last digits of fractions.
    #[serde(default)]
    rounded: bool,
    /// Whether the outcomes must be the same but for the order of items.
    #[serde(default)]
    reordered: bool,
    /// Whether the outcomes must be the same but for the day of today.
    #[serde(default)]
    today: bool,
    /// Whether the outcomes must be the same but for parts of a millisecond.
    #[serde(default)]
    milliseconds: bool,
    /// Whether the outcomes must be integers of which ours is one more.
    #[serde(default)]
    one_more: bool,
    /// Whether the outcomes must be whole numbers beside each other, of which ours is the even one.
    #[serde(default)]
    to_even: bool,
    /// Whether the outcomes must be integers of the same sign.
    #[serde(default)]
    same_sign: bool,
    /// Whether the outcomes must be the same but for what a float does not hold.
    #[serde(default)]
    single: bool,
    /// Why it is theirs.
    reason: String,
}

/// A rule.
struct Rule {
    members: Vec<String>,
    patterns: [Option<Regex>; 3],
    /// How the outcomes must be the same.
    alike: Vec<fn(&Json, &Json) -> bool>,
    reason: String,
}

/// All rules.
pub(crate) struct Differences {
    /// `Type: signature` of members that are too new to be measured.
    pub(crate) newer: BTreeSet<String>,
    rules: Vec<Rule>,
}

impl Differences {
    pub(crate) fn read() -> Result<Differences> {
        let document: Document =
            serde_saphyr::from_str(FILE).context("differences.yaml cannot be read")?;
        let pattern = |p: Option<String>| p.map(|p| Regex::new(&p)).transpose();
        let rules = document
            .rules
            .into_iter()
            .map(|w| {
                Ok(Rule {
                    members: w.members,
                    patterns: [pattern(w.expression)?, pattern(w.ours)?, pattern(w.mono)?],
                    alike: ALIKE
                        .into_iter()
                        .zip([
                            w.rounded,
                            w.reordered,
                            w.today,
                            w.milliseconds,
                            w.one_more,
                            w.to_even,
                            w.same_sign,
                            w.single,
                        ])
                        .filter_map(|(alike, wanted)| wanted.then_some(alike))
                        .collect(),
                    reason: w.reason,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Differences {
            newer: document.newer,
            rules,
        })
    }

    /// Takes away the rules whose reason contains a text.
    pub(crate) fn forget(&mut self, text: &str) {
        self.rules.retain(|rule| !rule.reason.contains(text));
    }

    /// The reasons, each once.
    #[cfg(test)]
    pub(crate) fn reasons(&self) -> Vec<&str> {
        let mut out: Vec<&str> = Vec::new();
        for rule in &self.rules {
            if !out.contains(&&*rule.reason) {
                out.push(&rule.reason);
            }
        }
        out
    }

    /// The reason for a difference, if it is known.
    pub(crate) fn reason(
        &self,
        members: &[&str],
        expression: &str,
        ours: &Json,
        mono: &Json,
    ) -> Option<&str> {
        let texts = [expression.to_string(), ours.to_string(), mono.to_string()];
        self.rules
            .iter()
            .find(|rule| {
                let used = rule.members.is_empty()
                    || rule.members.iter().any(|m| match m.strip_suffix('*') {
                        Some(of) => members.iter().any(|u| u.starts_with(of)),
                        None => members.contains(&&**m),
                    });
                used && rule.alike.iter().all(|alike| alike(ours, mono))
                    && rule.patterns.iter().zip(&texts).all(|(p, text)| {
                        p.as_ref().is_none_or(|p| p.is_match(text).unwrap_or(false))
                    })
            })
            .map(|rule| &*rule.reason)
    }
}

/// What `rounded`, `reordered`, `today`, `milliseconds`, `one_more`, `to_even`, `same_sign` and `single` ask for.
const ALIKE: [fn(&Json, &Json) -> bool; 8] = [
    same_but_digits,
    same_but_order,
    same_but_today,
    same_but_milliseconds,
    one_more,
    to_even,
    same_sign,
    same_single,
];

/// Whether the outcomes are the same but for the last digits of fractions; the class of an iterator is an implementation's.
fn same_but_digits(ours: &Json, mono: &Json) -> bool {
    let (ours_type, mono_type) = (&ours["result"]["type"], &mono["result"]["type"]);
    let iterator = ours_type.as_str().is_some_and(|t| {
        t.starts_with("System.Collections.Generic.IEnumerable`")
            || t.starts_with("System.Linq.IOrderedEnumerable`")
    }) && mono_type
        .as_str()
        .is_some_and(|t| t.starts_with("System.Linq."));
    let mut mono = mono.clone();
    if iterator {
        mono["result"]["type"] = ours_type.clone();
    }
    alike_in_pieces(ours, &mono, close)
}

/// Whether the outcomes are the same but for parts of a millisecond, as ticks or as seconds.
fn same_but_milliseconds(ours: &Json, mono: &Json) -> bool {
    /// Half a millisecond in ticks.
    const HALF: i64 = 5_000;
    // A date is written without fractions: the second before or after it is as near.
    if let (Some(x), Some(y)) = (date(ours), date(mono)) {
        return ours["result"]["type"] == mono["result"]["type"]
            && x.duration_since(y).as_secs().abs() <= 1;
    }
    alike_in_pieces(ours, mono, |ours, mono| {
        match (ours.parse::<i64>(), mono.parse::<i64>()) {
            (Ok(x), Ok(y)) => ours.len() > 8 && x.abs_diff(y) <= HALF.unsigned_abs(),
            _ => match (ours.parse::<f64>(), mono.parse::<f64>()) {
                (Ok(x), Ok(y)) => (x - y).abs() <= 0.000_51,
                _ => false,
            },
        }
    })
}

/// The date that an outcome is, without its offset from UTC.
fn date(outcome: &Json) -> Option<DateTime> {
    let text = outcome["result"]["value"].as_str()?;
    DateTime::strptime("%m/%d/%Y %H:%M:%S", text.get(..19)?).ok()
}

/// Whether both outcomes are integers, and ours is one more.
fn one_more(ours: &Json, mono: &Json) -> bool {
    let number = |o: &Json| o["result"]["value"].as_str()?.parse::<i64>().ok();
    let next = number(mono).and_then(|n| n.checked_add(1));
    next.is_some() && number(ours) == next
}

/// Whether the outcomes are the same but for fractions that one float stands for.
fn same_single(ours: &Json, mono: &Json) -> bool {
    /// Roundings of a float or two, of which each is off by 2^-24 at most.
    const NEAR: f64 = 2.5e-7;
    alike_in_pieces(ours, mono, |ours, mono| {
        match (ours.parse::<f64>(), mono.parse::<f64>()) {
            (Ok(x), Ok(y)) => {
                (ours.contains('.') || ours.contains('E')) && (x - y).abs() <= x.abs() * NEAR
            }
            _ => false,
        }
    })
}

/// Whether both outcomes are integers of the same sign.
fn same_sign(ours: &Json, mono: &Json) -> bool {
    let sign = |o: &Json| Some(o["result"]["value"].as_str()?.parse::<i64>().ok()?.signum());
    sign(ours).is_some() && sign(ours) == sign(mono)
}

/// Whether the outcomes are whole numbers beside each other, of which ours is even.
fn to_even(ours: &Json, mono: &Json) -> bool {
    let number = |o: &Json| o["result"]["value"].as_str()?.parse::<f64>().ok();
    number(ours)
        .zip(number(mono))
        .is_some_and(|(x, y)| x % 2.0 == 0.0 && (x - y).abs() == 1.0)
        && ours["result"]["type"] == "System.Double"
        && mono["result"]["type"] == "System.Double"
}

/// Whether the outcomes differ in numbers only, of which each two are alike.
fn alike_in_pieces(ours: &Json, mono: &Json, alike: fn(&str, &str) -> bool) -> bool {
    let (ours, mono) = (ours.to_string(), mono.to_string());
    let (ours, mono) = (pieces(&ours), pieces(&mono));
    ours.len() == mono.len() && ours.iter().zip(&mono).all(|(o, m)| o == m || alike(o, m))
}

/// Whether the outcomes are the same but for the order of items.
fn same_but_order(ours: &Json, mono: &Json) -> bool {
    let sorted = |outcome: &Json| {
        let mut outcome = outcome.clone();
        let items = outcome.pointer_mut("/result/items")?.as_array_mut()?;
        items.sort_by_key(Json::to_string);
        Some(outcome)
    };
    sorted(ours).is_some_and(|o| sorted(mono).is_some_and(|m| outcome::same(&o, &m)))
}

/// Whether the outcomes are the same but for the day of today: ours is that of the fixtures, the oracle's the machine's.
fn same_but_today(ours: &Json, mono: &Json) -> bool {
    let (ours, mono) = (ours.to_string(), mono.to_string());
    [("01/15/2026", '/'), ("2026-01-15", '-')]
        .iter()
        .any(|(day, mark)| {
            let Some(at) = ours.find(day) else {
                return false;
            };
            let is_day = |s: &str| {
                s.len() == day.len() && s.chars().all(|c| c.is_ascii_digit() || c == *mark)
            };
            mono.get(at..at + day.len())
                .filter(|s| is_day(s))
                .is_some_and(|theirs| ours.replace(day, theirs) == mono)
        })
}

/// A text cut into numbers and what stands between them.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut in_number = false;
    for (at, c) in text.char_indices() {
        let number = &text[start..at];
        let signs = matches!(c, '-' | '+')
            && (!in_number || number.ends_with(['e', 'E']))
            && text[at + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let exponent =
            matches!(c, 'e' | 'E') && in_number && number.ends_with(|c: char| c.is_ascii_digit());
        let part = c.is_ascii_digit() || c == '.' || signs || exponent;
        if part != in_number {
            out.push(number);
            (start, in_number) = (at, part);
        }
    }
    out.push(&text[start..]);
    out
}

/// Whether two numbers are the same but for the last digits: Mono prints 15 digits of a double and 7 of a float, and no sign
/// before zero.
fn close(ours: &str, mono: &str) -> bool {
    let (Ok(x), Ok(y)) = (ours.parse::<f64>(), mono.parse::<f64>()) else {
        return false;
    };
    // 15 digits of the largest double are a little more than it.
    let (x, y) = (x.clamp(f64::MIN, f64::MAX), y.clamp(f64::MIN, f64::MAX));
    let digits = |s: &str| {
        let mantissa = s.split(['e', 'E']).next().unwrap_or(s);
        let all = mantissa.chars().filter(char::is_ascii_digit);
        all.skip_while(|c| *c == '0').count()
    };
    let whole = |s: &str| s.chars().all(|c| c.is_ascii_digit());
    if x == y {
        return true;
    }
    if whole(ours) && whole(mono) {
        return false;
    }
    // The smallest numbers have few digits of their own.
    if x.abs() < 1e-30 && (x as f32 == y as f32 && x as f32 != 0.0) {
        return true;
    }
    let few = digits(ours).max(digits(mono)) <= 9;
    (x - y).abs() <= x.abs() * if few { 1e-6 } else { 2e-14 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_every_rule_says_where_it_holds() {
        let rules = Differences::read().expect("the file is good");
        for rule in &rules.rules {
            let bound = !rule.members.is_empty()
                || !rule.alike.is_empty()
                || rule.patterns.iter().any(Option::is_some);
            assert!(bound && rule.reason.len() > 20, "{}", rule.reason);
        }
    }

    #[test]
    fn the_class_of_an_iterator_and_digits_do_not_matter() {
        let of = |ty: &str, value: &str| serde_json::json!({"result": {"type": ty, "items": [{"value": value}]}});
        let ours = of(
            "System.Collections.Generic.IEnumerable`1[System.Double]",
            "5E-324",
        );
        let iterator = "System.Linq.Enumerable+Concat2Iterator`1[System.Double]";
        assert!(same_but_digits(
            &ours,
            &of(iterator, "4.94065645841247E-324")
        ));
        assert!(!same_but_digits(&ours, &of(iterator, "4.9")));
        assert!(!same_but_digits(&ours, &of("System.Double[]", "5E-324")));
    }

    #[test]
    fn digits_are_close_only_where_mono_rounds_them() {
        assert!(close("0.30000000000000004", "0.3"));
        assert!(close("-2.7105054E-20", "-2.710505E-20"));
        assert!(close("0.1000000014901161", "0.100000001490116"));
        assert!(!close("0.1000000014901161", "0.10000000149"));
        assert!(!close("1700000000000", "1700000000001"));
        assert!(!close("0.5", "0.50001"));
        assert!(close("1E-45", "1.401298E-45"));
    }

    #[test]
    fn parts_of_a_millisecond_may_make_another_second_and_integers_may_be_one_more() {
        let of =
            |ty: &str, value: &str| serde_json::json!({"result": {"type": ty, "value": value}});
        let date = |value: &str| of("System.DateTime", value);
        let last = date("12/31/2023 23:59:59");
        assert!(same_but_milliseconds(&last, &date("01/01/2024 00:00:00")));
        assert!(!same_but_milliseconds(&last, &date("01/01/2024 00:00:01")));
        let int = |value: &str| of("System.Int32", value);
        assert!(same_single(&int("-1.000000013351432E-10"), &int("-1E-10")));
        assert!(!same_single(&int("1.5"), &int("1.500001")));
        assert!(same_sign(&int("36"), &int("48")) && !same_sign(&int("-1"), &int("1")));
        assert!(one_more(&int("3"), &int("2")) && !one_more(&int("2"), &int("3")));
        assert!(!one_more(&int("2"), &int("2")) && !one_more(&last, &last));
        let double = |value: &str| of("System.Double", value);
        assert!(to_even(&double("-0"), &double("-1")) && to_even(&double("2"), &double("3")));
        assert!(!to_even(&double("3"), &double("2")) && !to_even(&double("2"), &double("2")));
    }

    #[test]
    fn a_day_may_differ_and_items_may_change_places() {
        let of = |value: &str| serde_json::json!({"result": {"value": value}});
        let ours = of("01/15/2026 10:20:30");
        assert!(same_but_today(&ours, &of("11/20/2026 10:20:30")));
        assert!(!same_but_today(&ours, &of("11/20/2026 10:20:31")));
        let items = |all: [i32; 3]| serde_json::json!({"ok": true, "result": {"items": all.map(|n| serde_json::json!({"value": n}))}});
        assert!(same_but_order(&items([1, 2, 3]), &items([2, 1, 3])));
        assert!(!same_but_order(&items([1, 2, 3]), &items([2, 1, 4])));
    }
}
