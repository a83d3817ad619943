//! The differences that are Mono's or Json.NET 6's own and not API Management's: `differences.yaml`.

use anyhow::{Context, Result};
use fancy_regex::Regex;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeSet;

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
    /// Whether the outcomes must be the same but for the digits of fractions.
    #[serde(default)]
    rounded: bool,
    /// Why it is theirs.
    reason: String,
}

/// A rule.
struct Rule {
    members: Vec<String>,
    patterns: [Option<Regex>; 3],
    rounded: bool,
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
                    rounded: w.rounded,
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
                let alike = || same_but_digits(ours, mono);
                used && (!rule.rounded || alike())
                    && rule.patterns.iter().zip(&texts).all(|(p, text)| {
                        p.as_ref().is_none_or(|p| p.is_match(text).unwrap_or(false))
                    })
            })
            .map(|rule| &*rule.reason)
    }
}

/// Whether the outcomes are the same but for the digits of fractions; the class of an iterator is an implementation's.
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
    rounded(&ours.to_string()) == rounded(&mono.to_string())
}

/// The text with every number rounded to six digits.
fn rounded(text: &str) -> String {
    let mut out = String::new();
    let mut number = String::new();
    let end = |out: &mut String, number: &mut String| {
        match number.parse::<f64>() {
            Ok(n) => {
                // 15 digits of the largest double are a little more than it.
                let n = n.clamp(f64::MIN, f64::MAX);
                // The smallest floats have few digits of their own.
                let n = if n != 0.0 && n.abs() < 1e-37 && n.abs() > 1e-46 {
                    f64::from(n as f32)
                } else {
                    n
                };
                *out += &format!("{:.5e}", if n == 0.0 { 0.0 } else { n });
            }
            Err(_) => *out += number,
        }
        number.clear();
    };
    for c in text.chars() {
        let signs = matches!(c, '-' | '+') && (number.is_empty() || number.ends_with(['e', 'E']));
        let exponent = matches!(c, 'e' | 'E') && number.ends_with(|c: char| c.is_ascii_digit());
        if c.is_ascii_digit() || c == '.' || signs || exponent {
            number.push(c);
        } else {
            end(&mut out, &mut number);
            out.push(c);
        }
    }
    end(&mut out, &mut number);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_every_rule_says_where_it_holds() {
        let rules = Differences::read().expect("the file is good");
        for rule in &rules.rules {
            let bound = !rule.members.is_empty()
                || rule.rounded
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
}
