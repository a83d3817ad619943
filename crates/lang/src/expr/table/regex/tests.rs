use super::program::{self, Program};
use super::translate::{Refusal, Subject, Translation, translate};
use crate::expr::eval::{Cx, Throw};
use crate::expr::host::Nowhere;
use crate::value::Str;

const PLAIN: Subject = Subject {
    ascii: true,
    final_newline: false,
    past_last: false,
};

fn groups(pattern: &str, options: i64) -> Vec<(usize, String)> {
    translate(pattern, options, PLAIN)
        .unwrap()
        .groups
        .into_iter()
        .map(|g| (g.number, g.name))
        .collect()
}

fn unsupported(pattern: &str, options: i64) -> String {
    match translate(pattern, options, PLAIN) {
        Err(Refusal::Unsupported(what)) => what,
        other => panic!("{pattern}: {other:?}"),
    }
}

#[test]
fn what_cannot_mean_the_same_is_refused() {
    assert!(unsupported("(?<a-b>x)", 0).contains("balancing"));
    assert!(unsupported("(?<-b>x)", 0).contains("balancing"));
    assert!(unsupported("(?(1)a|b)", 0).contains("conditional"));
    assert!(unsupported("(?(?=a)a|b)", 0).contains("conditional"));
    assert!(unsupported("(?<=(a))b", 0).contains("lookbehind"));
    assert!(unsupported(r"\p{IsGreek}", 0).contains("IsGreek"));
    assert!(unsupported(r"(?<n>a)(?<n>b)\k<n>", 0).contains("more than once"));
    assert_eq!(unsupported("a", 64), "RegexOptions.RightToLeft");
    assert_eq!(unsupported("a", 256), "RegexOptions.ECMAScript");
    assert!(unsupported(&"(".repeat(100), 0).contains("deep"));
    assert!(unsupported(&"a".repeat(100_000), 0).contains("characters"));
}

#[test]
fn named_groups_are_numbered_last() {
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
    assert_eq!(
        groups("(?<n>a)(?<1>b)", 0),
        [named(0, "0"), named(1, "1"), named(2, "n")]
    );
    assert_eq!(groups("(a)(?<n>b)", 4), [named(0, "0"), named(1, "n")]);
}

#[test]
fn a_repeated_group_is_known() {
    let repeats = |p: &str| -> Vec<bool> {
        translate(p, 0, PLAIN)
            .unwrap()
            .groups
            .into_iter()
            .skip(1)
            .map(|g| g.repeats)
            .collect()
    };
    assert_eq!(
        repeats("(a)(b)+(?:(c)|d){2,3}(e)?"),
        [false, true, true, false]
    );
}

/// A pattern that backtracks without end stops with an error that an expression cannot catch.
#[test]
fn a_search_is_bounded() {
    let mut host = Nowhere::default();
    let mut cx = Cx::new(&mut host);
    let program = Program::of(&Str::from(r"^(a|aa)+(?=b)\1$"), 0).unwrap();
    let text: Str = "a".repeat(60).into();
    match program.find(&mut cx, &program::Subject::of(&text), 0) {
        Err(Throw::Bound(b)) => {
            assert_eq!(
                b.exception,
                "System.Text.RegularExpressions.RegexMatchTimeoutException"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// A thread forgets patterns that it no longer uses, and finds those it does.
#[test]
fn the_cache_is_bounded() {
    let kept = Program::of(&Str::from("kept"), 0).unwrap();
    for i in 0..1000 {
        Program::of(&Str::from(format!("p{i}")), 0).unwrap();
        assert!(std::rc::Rc::ptr_eq(
            &kept,
            &Program::of(&Str::from("kept"), 0).unwrap()
        ));
    }
    assert!(program::cached() <= 128, "{}", program::cached());
}

#[test]
fn the_subject_narrows_the_pattern() {
    let text = |p: &str, s| -> String { translate(p, 0, s).map(|t: Translation| t.text).unwrap() };
    assert_eq!(text("^a$", PLAIN), r"(?:\A)a(?:\z)");
    assert_eq!(
        text(
            "^a$",
            Subject {
                final_newline: true,
                ..PLAIN
            }
        ),
        r"(?:\A)a(?:(?=\n?\z))"
    );
    assert_eq!(text(r"\w", PLAIN), "[0-9A-Z_a-z]");
    assert_eq!(
        text(
            r"\w",
            Subject {
                ascii: false,
                ..PLAIN
            }
        ),
        r"[\p{L}\p{Mn}\p{Nd}\p{Pc}]"
    );
}

/// Any text is translated or refused, and what is translated the engine takes or refuses: nothing panics.
#[test]
fn any_pattern_is_taken_or_refused() {
    let alphabet: Vec<char> = r"ab01\()[]{}<>?*+|^$.,:=!-#kpPLuwdsxcizZAG'& 😀é"
        .chars()
        .collect();
    arbtest::arbtest(|u| {
        let n = u.int_in_range(0..=24)?;
        let mut pattern = String::new();
        for _ in 0..n {
            pattern.push(*u.choose(&alphabet)?);
        }
        let options = u.int_in_range(0..=63)?;
        for subject in [
            PLAIN,
            Subject {
                ascii: false,
                final_newline: true,
                past_last: false,
            },
        ] {
            if let Ok(t) = translate(&pattern, options, subject)
                && let Ok(engine) = fancy_regex::RegexBuilder::new(&t.text)
                    .backtrack_limit(1000)
                    .build()
            {
                assert_eq!(
                    engine.captures_len(),
                    t.captures.len() + 1,
                    "{pattern} as {}",
                    t.text
                );
                let _ = engine.captures("ab01-ab \n");
            }
        }
        Ok(())
    });
}
