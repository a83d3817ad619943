use super::program::{self, Program, Search, Subject};
use super::syntax::Refusal;
use super::{parse, probe};
use crate::expr::eval::{Cx, Throw};
use crate::expr::host::Nowhere;
use crate::value::Str;
use std::sync::Arc;

fn program(pattern: &str) -> Arc<Program> {
    Program::shared(&Str::from(pattern), 0).unwrap()
}

fn search(pattern: &str, text: &str) -> Result<bool, Throw> {
    let mut host = Nowhere::default();
    let mut cx = Cx::new(&mut host);
    let subject = Subject::of(&Str::from(text));
    let search = Search {
        within: 0..subject.len(),
        start: 0,
        bumped: false,
    };
    program(pattern)
        .find(&mut cx, &subject, search)
        .map(|found| found.is_some())
}

#[test]
fn named_groups_are_numbered_last() {
    let groups = |pattern: &str, options| -> Vec<(usize, String)> {
        let groups = parse::parse(pattern, options).unwrap().groups;
        groups.numbers.into_iter().zip(groups.names).collect()
    };
    let named = |n: usize, s: &str| (n, s.to_string());
    assert_eq!(
        groups("(?<x>a)(b)(?<y>c)(d)", 0),
        [
            named(0, "0"),
            named(1, "1"),
            named(2, "2"),
            named(3, "x"),
            named(4, "y")
        ]
    );
    // A number that is taken is skipped.
    assert_eq!(
        groups("(?<2>a)(b)(?<n>c)", 0),
        [named(0, "0"), named(1, "1"), named(2, "2"), named(3, "n")]
    );
    assert_eq!(groups("(a)(?<n>b)", 4), [named(0, "0"), named(1, "n")]);
}

#[test]
fn what_is_too_large_is_refused() {
    let refused = |pattern: String| match parse::parse(&pattern, 1) {
        Err(Refusal::Bound(bound)) => bound,
        other => panic!("{other:?}"),
    };
    assert!(refused("(".repeat(1000)).contains("nested"));
    assert!(refused("[a-z-".repeat(1000)).contains("nested"));
    assert!(refused("a".repeat(100_000)).contains("characters"));
    assert!(refused("[\u{80}-\u{fff0}]".repeat(5_000)).contains("ranges"));
}

/// Backtracking without end stops with an error that names the bound and that an expression cannot catch.
#[test]
fn a_search_is_bounded() {
    for (pattern, text, bound) in [
        (r"^(a|aa)+(?=b)\1$", "a".repeat(60), "instructions"),
        (r"(a+)+$", format!("{}b", "a".repeat(60)), "instructions"),
        (r"^(?:(.)(?<-1>)?)*$", "ab".repeat(300_000), "places"),
    ] {
        match search(pattern, &text) {
            Err(Throw::Bound(b)) => {
                assert_eq!(
                    b.exception,
                    "System.Text.RegularExpressions.RegexMatchTimeoutException"
                );
                assert!(b.message.contains(bound), "{}", b.message);
            }
            other => panic!("{pattern}: {other:?}"),
        }
    }
}

/// The frequent patterns take long texts.
#[test]
fn long_texts_are_searched() {
    let text = format!("{}END", "some words, and more of them. ".repeat(10_000));
    for pattern in ["END", "E.D$", r"\bEND", "(?i)end", r"(\w+\W)*END", "[^E]*E"] {
        assert!(search(pattern, &text).unwrap(), "{pattern}");
    }
}

/// Patterns that are no longer used are forgotten, and those that are used are found.
#[test]
fn the_cache_is_bounded() {
    let kept = program("kept");
    for i in 0..2000 {
        program(&format!("p{i}"));
        assert!(Arc::ptr_eq(&kept, &program("kept")));
    }
    assert!(program::cached() <= 600, "{}", program::cached());
}

/// Any pattern is taken or refused, and a search with it keeps what [`probe`] asserts.
#[test]
fn any_pattern_is_taken_or_refused() {
    let alphabet: Vec<char> = r"aab01\()()[]{}<>?*+|^$.,:=!-#kpPLuwdsxcizZAGn'& 😀é"
        .chars()
        .collect();
    arbtest::arbtest(|u| {
        let n = u.int_in_range(0..=24)?;
        let mut pattern = String::new();
        for _ in 0..n {
            pattern.push(*u.choose(&alphabet)?);
        }
        let options = u.int_in_range(0..=1023)?;
        probe(&pattern, options, "ab01-aab \né😀a\n");
        Ok(())
    });
}
