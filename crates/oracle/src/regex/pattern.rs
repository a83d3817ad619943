//! Patterns from the grammar, with texts and replacements for them. What must stay true: most are what .NET takes, so that
//! the search is measured and not only the refusal.

use crate::random::Random;

/// Characters of patterns and texts: few, so that patterns often match.
const LETTERS: [&str; 14] = [
    "a", "b", "a", "b", "a", "A", "B", "1", "2", "_", "-", " ", "\n", "\u{e9}",
];
/// Those that have another case, or belong to words in some sense only. None whose case Mono has of an older Unicode, and
/// none of two units: halves of pairs are no text here.
const RARE: [&str; 8] = [
    "\u{df}", "\u{c9}", "\u{1c5}", "\u{660}", "\u{200d}", "\u{a0}", "Z", "\u{3a3}",
];

/// Deepest nest of groups.
const DEEP: usize = 4;

/// Makes one case.
pub(super) struct Maker<'r> {
    random: &'r mut Random,
    deep: usize,
    /// Groups so far.
    groups: usize,
}

impl<'r> Maker<'r> {
    pub(super) fn new(random: &'r mut Random) -> Maker<'r> {
        Maker {
            random,
            deep: 0,
            groups: 0,
        }
    }

    fn letter(&mut self) -> String {
        let of: &[&str] = if self.random.one_in(12) {
            &RARE
        } else {
            &LETTERS
        };
        self.random.word(of).to_string()
    }

    /// `RegexOptions`.
    pub(super) fn options(&mut self) -> i64 {
        if self.random.one_in(12) {
            // ECMAScript, with what goes together with it.
            return 256 | [0, 1, 2, 3, 8][self.random.below(5)];
        }
        if self.random.one_in(100) {
            return self.random.below(2048) as i64;
        }
        let mut options = 0;
        for (option, often) in [
            (1, 3),
            (2, 5),
            (4, 10),
            (8, 20),
            (16, 5),
            (32, 8),
            (64, 5),
            (512, 20),
        ] {
            if self.random.one_in(often) {
                options |= option;
            }
        }
        options
    }

    pub(super) fn text(&mut self) -> String {
        let n = self.random.below(14);
        (0..n).map(|_| self.letter()).collect()
    }

    /// A replacement with references, some of which there are.
    pub(super) fn replacement(&mut self) -> String {
        const PARTS: [&str; 26] = [
            "$1", "$2", "$0", "$$", "$&", "$`", "$'", "$+", "$_", "${x}", "${1}", "${y}", "$10",
            "${", "$", "x", "<", ">", "${0}", "$3", "${x", "${12}", "$a", "${_}", "$01", "\n",
        ];
        let n = self.random.below(5);
        (0..n).map(|_| self.random.word(&PARTS)).collect()
    }

    pub(super) fn pattern(&mut self) -> String {
        let mut pattern = self.alternatives();
        // What no grammar makes: a character more or less.
        if self.random.one_in(15) {
            let mut chars: Vec<char> = pattern.chars().collect();
            let at = self.random.below(chars.len() + 1);
            if self.random.one_in(2) && at < chars.len() {
                chars.remove(at);
            } else {
                const ODD: [&str; 20] = [
                    "(", ")", "[", "]", "{", "}", "\\", "?", "*", "+", "|", "^", "$", ".", "-",
                    "<", ">", ":", "#", "'",
                ];
                chars.splice(at..at, self.random.word(&ODD).chars());
            }
            pattern = chars.into_iter().collect();
        }
        pattern
    }

    fn alternatives(&mut self) -> String {
        let n = if self.random.one_in(4) {
            2 + self.random.below(2)
        } else {
            1
        };
        (0..n)
            .map(|_| self.sequence())
            .collect::<Vec<_>>()
            .join("|")
    }

    fn sequence(&mut self) -> String {
        let n = self.random.below(4) + usize::from(!self.random.one_in(8));
        let mut out = String::new();
        for _ in 0..n {
            let part = self.part();
            out.push_str(&part);
            if self.random.one_in(3) {
                let quantifier = self.quantifier();
                out.push_str(&quantifier);
            }
        }
        out
    }

    fn quantifier(&mut self) -> String {
        let mut out = match self.random.below(9) {
            0 | 1 => "*".to_string(),
            2 | 3 => "+".to_string(),
            4 | 5 => "?".to_string(),
            6 => format!("{{{}}}", self.random.below(4)),
            7 => format!("{{{},}}", self.random.below(3)),
            _ => {
                let least = self.random.below(3);
                format!("{{{least},{}}}", least + self.random.below(3))
            }
        };
        if self.random.one_in(3) {
            out.push('?');
        }
        if self.random.one_in(80) {
            out.push('+');
        }
        out
    }

    fn part(&mut self) -> String {
        const SHORT: [&str; 22] = [
            ".",
            ".",
            r"\w",
            r"\W",
            r"\d",
            r"\D",
            r"\s",
            r"\S",
            r"\p{L}",
            r"\P{Lu}",
            r"\p{Ll}",
            r"\p{Lu}",
            r"\p{IsBasicLatin}",
            r"\P{N}",
            r"\x61",
            r"\u0062",
            r"\x41",
            r"\n",
            r"\cA",
            r"\061",
            r"\141",
            r"\-",
        ];
        const PLACE: [&str; 12] = [
            "^", "$", r"\b", r"\B", r"\A", r"\z", r"\Z", r"\G", "^", "$", r"\b", r"\b",
        ];
        match self.random.below(16) {
            0..=4 => {
                let letter = self.letter();
                if letter == "-" && self.random.one_in(2) {
                    r"\-".into()
                } else {
                    letter
                }
            }
            5 => format!("{}{}", self.letter(), self.letter()),
            6 | 7 => self.random.word(&SHORT).to_string(),
            8 => self.random.word(&PLACE).to_string(),
            9 | 10 => self.set(),
            11 => self.reference(),
            _ if self.deep >= DEEP => self.letter(),
            _ => self.group(),
        }
    }

    fn reference(&mut self) -> String {
        let number = 1 + self.random.below(self.groups + 1);
        match self.random.below(10) {
            0..=5 => format!(r"\{number}"),
            6 => format!(r"\k<{number}>"),
            7 => r"\k<x>".into(),
            8 => r"\k'y'".into(),
            _ => {
                const ODD: [&str; 8] = [
                    r"\<x>", r"\'1'", r"\10", r"\11", r"\0", r"\00", r"\k{x}", r"\8",
                ];
                self.random.word(&ODD).into()
            }
        }
    }

    fn set(&mut self) -> String {
        const PARTS: [&str; 26] = [
            "a",
            "b",
            "A-B",
            "a-b",
            "a-z",
            "0-9",
            r"\w",
            r"\d",
            r"\s",
            r"\W",
            r"\D",
            r"\S",
            r"\p{Lu}",
            r"\P{L}",
            "_",
            "^",
            r"\-",
            r"\b",
            r"\n",
            " ",
            "!-~",
            r"\]",
            "A-z",
            "[",
            r"\u00e0-\u00ff",
            "-",
        ];
        let mut out = String::from(if self.random.one_in(3) { "[^" } else { "[" });
        for _ in 0..=self.random.below(3) {
            if self.random.one_in(8) {
                let letter = self.letter();
                out.push_str(&letter);
            } else {
                out.push_str(self.random.word(&PARTS));
            }
        }
        if self.random.one_in(6) && self.deep < DEEP {
            self.deep += 1;
            let without = self.set();
            self.deep -= 1;
            out.push('-');
            out.push_str(&without);
        }
        out.push(']');
        out
    }

    fn group(&mut self) -> String {
        const OPTIONS: [&str; 16] = [
            "i", "m", "n", "s", "x", "-i", "i-s", "-n", "-x", "im", "i-m", "-", "n-i", "-m", "-s",
            "ix",
        ];
        self.deep += 1;
        let kind = self.random.below(24);
        let before = self.groups;
        if matches!(kind, 0..=7 | 19 | 20) {
            self.groups += 1;
        }
        let inner = self.alternatives();
        let out = match kind {
            0..=5 => format!("({inner})"),
            6 => format!("(?<x>{inner})"),
            7 => format!("(?'y'{inner})"),
            8 | 9 => format!("(?:{inner})"),
            10 => format!("(?={inner})"),
            11 => format!("(?!{inner})"),
            12 | 13 => format!("(?<={inner})"),
            14 => format!("(?<!{inner})"),
            15 => format!("(?>{inner})"),
            16 => format!("(?{}:{inner})", self.random.word(&OPTIONS)),
            17 => format!("(?{}){inner}", self.random.word(&OPTIONS)),
            18 => format!("(?#{})", self.random.word(&["", "a", "b c"])),
            19 => match self.random.below(4) {
                0 => format!("(?<{}>{inner})", 1 + self.random.below(5)),
                1 => format!("(?<x>{inner})(?<y-x>{})", self.sequence()),
                2 => format!("(?<-{}>{inner})", 1 + self.random.below(before + 1)),
                _ => format!("(?<x-{}>{inner})", 1 + self.random.below(before + 1)),
            },
            20 => format!("(?<x>{inner})*(?<-x>{})*(?(x)(?!))", self.sequence()),
            21 => {
                let other = self.sequence();
                format!(
                    "(?({}){}|{other})",
                    1 + self.random.below(before + 1),
                    self.sequence()
                )
            }
            22 => {
                let test = self.random.word(&[
                    "x", "y", "?=a", "?!b", "a", "(a)", "?<=a", r"\b", "^", "?>a+",
                ]);
                format!("(?({test}){}|{})", self.sequence(), self.sequence())
            }
            // Without the other branch, Mono takes it that the first is always matched.
            _ => {
                let (test, other) = (self.random.word(&["1", "x", "a", "?!a"]), self.sequence());
                format!("(?({test}){inner}|{other})")
            }
        };
        self.deep -= 1;
        out
    }
}
