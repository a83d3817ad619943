//! The URL conventions of OData 4.0 and 4.01: whether the path and the query options of a request follow their grammar.
//!
//! `validate-odata-request` calls [`check`]. Source: OData Version 4.01, Part 2 (URL Conventions) and its ABNF. Names are not
//! looked up: the gateway has no model of the service. What must stay true: any text is judged without recursion beyond
//! [`parser::DEEPEST`], in time that grows with its length.

mod expression;
mod options;
mod parser;
mod path;

pub use parser::Fault;

use crate::routing::decode_query;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    /// In hundredths: 4.01 is `(4, 1)`, 4.1 would be `(4, 10)`.
    minor: u32,
}

impl Version {
    /// 4.0.
    pub const V40: Version = Version { major: 4, minor: 0 };
    /// 4.01.
    pub const V401: Version = Version { major: 4, minor: 1 };

    /// Reads `4.0`, `4.01`, `4`.
    pub fn parse(text: &str) -> Option<Version> {
        let (major, minor) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(major) || !digits(minor) || minor.len() > 2 || major.len() > 4 {
            return None;
        }
        let number: u32 = minor.parse().ok()?;
        Some(Version {
            major: major.parse().ok()?,
            minor: if minor.len() == 1 {
                number * 10
            } else {
                number
            },
        })
    }
}

/// What is wrong with a request's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The query option; none: the path.
    pub option: Option<String>,
    /// What, as a sentence.
    pub message: String,
}

/// Checks the path below the service's root, still encoded, and the query without its `?`.
pub fn check(path: &str, query: Option<&str>, version: Version) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Err(fault) = path::check(path, version) {
        problems.push(Problem {
            option: None,
            message: fault.to_string(),
        });
    }
    let mut seen: Vec<String> = Vec::new();
    let pairs = query.unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode_query(name), decode_query(value));
        let mut problem = |message: String| {
            problems.push(Problem {
                option: Some(name.clone().into_owned()),
                message,
            });
        };
        match options::Name::of(&name, version) {
            options::Name::Custom => continue,
            options::Name::Unknown => problem(String::from("It is not a query option of OData.")),
            options::Name::Alias => {
                if let Err(fault) = options::alias(&name, &value, version) {
                    problem(fault.to_string());
                }
            }
            options::Name::System(option) => {
                if let Err(fault) = options::check(option, &value, version) {
                    problem(fault.to_string());
                }
            }
        }
        let known = name.to_ascii_lowercase();
        let known = known.trim_start_matches('$').to_owned();
        if seen.contains(&known) {
            problem(String::from("It stands there more than once."));
        } else {
            seen.push(known);
        }
    }
    problems
}

#[cfg(test)]
mod tests;
