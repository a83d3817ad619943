//! Which tools a caller may see and call: lists of names with `*`, allowed and denied.
//!
//! What must stay true: a tool that is denied anywhere is denied; matching takes time linear in pattern and name.

/// Most patterns in one list.
pub const MOST_PATTERNS: usize = 1000;
/// Longest pattern, in bytes.
pub const LONGEST_PATTERN: usize = 256;

/// A tool's name, or a pattern: `*` stands for any characters, also none. Names are case-sensitive, as MCP says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolPattern(Box<str>);

impl ToolPattern {
    /// Takes a pattern. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<ToolPattern, String> {
        if text.is_empty() {
            return Err(String::from("a pattern is empty"));
        }
        if text.len() > LONGEST_PATTERN {
            return Err(format!("a pattern is longer than {LONGEST_PATTERN} bytes"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(format!("the pattern `{text}` holds a space"));
        }
        Ok(ToolPattern(text.into()))
    }

    /// Whether a name fits. Greedy with one place to come back to: linear for what patterns look like, and at worst the
    /// product of two bounded lengths.
    pub fn fits(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while n < name.len() {
            if p < pattern.len() && pattern[p] == b'*' {
                back = Some((p, n));
                p += 1;
            } else if p < pattern.len() && pattern[p] == name[n] {
                p += 1;
                n += 1;
            } else if let Some((star, from)) = back {
                back = Some((star, from + 1));
                p = star + 1;
                n = from + 1;
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|b| *b == b'*')
    }
}

/// An allow list and a deny list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolRules {
    allow: Option<Box<[ToolPattern]>>,
    deny: Box<[ToolPattern]>,
}

impl ToolRules {
    /// Compiles the lists. Without an allow list all is allowed that is not denied; an empty one allows nothing.
    pub fn compile<T: AsRef<str>>(allow: Option<&[T]>, deny: &[T]) -> Result<ToolRules, String> {
        let list = |patterns: &[T]| {
            if patterns.len() > MOST_PATTERNS {
                return Err(format!("a list holds more than {MOST_PATTERNS} patterns"));
            }
            patterns
                .iter()
                .map(|p| ToolPattern::parse(p.as_ref()))
                .collect::<Result<Box<[_]>, _>>()
        };
        Ok(ToolRules {
            allow: allow.map(list).transpose()?,
            deny: list(deny)?,
        })
    }

    /// Whether every tool may be used.
    pub fn allows_all(&self) -> bool {
        self.allow.is_none() && self.deny.is_empty()
    }

    /// Whether a tool may be used.
    pub fn allows(&self, name: &str) -> bool {
        let listed = |list: &[ToolPattern]| list.iter().any(|p| p.fits(name));
        !listed(&self.deny) && self.allow.as_deref().is_none_or(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_written() {
        let fits = |pattern: &str, name: &str| ToolPattern::parse(pattern).unwrap().fits(name);
        for (pattern, name) in [
            ("echo", "echo"),
            ("*", ""),
            ("*", "x"),
            ("get_*", "get_"),
            ("get_*", "get_weather"),
            ("*_admin", "x_admin"),
            ("a*b*c", "a_b_bb_c"),
            ("**", "x"),
            ("a*a*a*a*b", "aaaaaaaaaab"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("echo", "Echo"),
            ("echo", "echo2"),
            ("get_*", "get"),
            ("*_admin", "x_admin2"),
            ("a*b*c", "a_c_b"),
            ("?", "x"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
        assert!(ToolPattern::parse("").is_err());
        assert!(ToolPattern::parse("a b").is_err());
        assert!(ToolPattern::parse(&"x".repeat(LONGEST_PATTERN + 1)).is_err());
    }

    #[test]
    fn deny_wins_and_no_allow_list_allows() {
        let rules =
            |allow: Option<&[&str]>, deny: &[&str]| ToolRules::compile(allow, deny).unwrap();
        assert!(rules(None, &[]).allows_all());
        assert!(rules(None, &["x"]).allows("y") && !rules(None, &["x"]).allows("x"));
        let both = rules(Some(&["get_*"]), &["*_secret"]);
        assert!(both.allows("get_a") && !both.allows("get_secret") && !both.allows("set"));
        assert!(
            !rules(Some(&[]), &[]).allows("x"),
            "an empty list allows nothing"
        );
    }

    #[test]
    fn a_pattern_agrees_with_a_plain_search() {
        fn slow(pattern: &[u8], name: &[u8]) -> bool {
            match pattern.split_first() {
                None => name.is_empty(),
                Some((b'*', rest)) => (0..=name.len()).any(|at| slow(rest, &name[at..])),
                Some((c, rest)) => name
                    .split_first()
                    .is_some_and(|(d, name)| c == d && slow(rest, name)),
            }
        }
        arbtest::arbtest(|u| {
            let letters = |u: &mut arbtest::arbitrary::Unstructured<'_>, of: &[u8]| {
                let count = u.int_in_range(0..=7)?;
                (0..count)
                    .map(|_| u.choose(of).copied())
                    .collect::<arbtest::arbitrary::Result<Vec<u8>>>()
            };
            let pattern = String::from_utf8(letters(u, b"ab*")?).unwrap();
            let name = String::from_utf8(letters(u, b"ab")?).unwrap();
            if let Ok(compiled) = ToolPattern::parse(&pattern) {
                assert_eq!(
                    compiled.fits(&name),
                    slow(pattern.as_bytes(), name.as_bytes()),
                    "{pattern} {name}"
                );
            }
            Ok(())
        });
    }
}
