//! What stands inside `{{ }}` and `{% %}`: values, paths, filters and conditions.
//!
//! [`super::parse`] calls it. Source: the patterns of DotLiquid (`QuotedFragment`, `VariableParser`). What must stay true:
//! reading never fails; what means nothing is a [`Fault`] with its place; recursion is bounded.

use super::filters;
use super::node::{Chain, Condition, Expr, Literal, Operator, Part, Test};
use super::{Fault, Uses};
use crate::diagnostic::nearest::nearest;
use crate::value::Str;
use std::collections::HashSet;
use std::ops::Range;

/// How deep a value may stand in another: `(1..(1..2))`, `a[b[c]]`.
const MAX_NESTING: usize = 8;

/// Reads markup, and notes what it names and what is wrong.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    /// The whole template.
    pub(super) text: &'t str,
    pub(super) faults: Vec<Fault>,
    pub(super) uses: Uses,
    /// Roots of paths, with their places: known names are only known at the end.
    pub(super) roots: Vec<(Str, Range<usize>)>,
    /// Names that the template itself gives.
    pub(super) names: HashSet<Str>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Reader<'t> {
        Reader {
            text,
            faults: Vec::new(),
            uses: Uses::default(),
            roots: Vec::new(),
            names: HashSet::new(),
        }
    }

    pub(super) fn part(&self, at: &Range<usize>) -> &'t str {
        &self.text[at.clone()]
    }

    /// A fault, with what was expected instead.
    pub(super) fn wrong(
        &mut self,
        code: &'static str,
        at: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) {
        self.fault(code, at, message.into(), label.into(), None, false);
    }

    pub(super) fn fault(
        &mut self,
        code: &'static str,
        at: Range<usize>,
        message: String,
        label: String,
        help: Option<String>,
        mild: bool,
    ) {
        // A template of nothing but faults is told of in part.
        if self.faults.len() < 100 {
            self.faults.push(Fault {
                code,
                at,
                message,
                label,
                help,
                mild,
            });
        }
    }

    /// The next fragment in a range: quoted text, or what stands without blanks, commas (unless `commas`) and bars.
    pub(super) fn fragment(&self, within: &Range<usize>, commas: bool) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let ends = |b: u8| b.is_ascii_whitespace() || b == b'|' || (b == b',' && !commas);
        let quoted = |at: usize| {
            let rest = bytes.get(at + 1..within.end)?;
            memchr::memchr(bytes[at], rest).map(|n| at + n + 2)
        };
        let mut start = within.start;
        while start < within.end {
            let b = bytes[start];
            if b == b'"' || b == b'\'' {
                if let Some(end) = quoted(start) {
                    return Some(start..end);
                }
            } else if !ends(b) {
                break;
            }
            start += 1;
        }
        let mut end = start;
        while end < within.end {
            let b = bytes[end];
            if b == b'"' || b == b'\'' {
                match quoted(end) {
                    Some(after) => end = after,
                    None => break,
                }
            } else if ends(b) {
                break;
            } else {
                end += 1;
            }
        }
        (end > start).then_some(start..end)
    }

    /// An output: a value and its filters.
    pub(super) fn chain(&mut self, within: Range<usize>) -> Chain {
        let Some(first) = self.fragment(&within, true) else {
            // `{{ }}` prints nothing.
            return Chain {
                first: Expr::Const(Literal::Nil),
                filters: Vec::new(),
            };
        };
        let mut rest = first.end..within.end;
        let first = self.expr(first, 0);
        let mut filters = Vec::new();
        if let Some(bar) = self.unquoted(&rest, b'|') {
            rest.start = bar + 1;
            loop {
                let next = self.unquoted(&rest, b'|');
                let piece = rest.start..next.unwrap_or(rest.end);
                filters.extend(self.filter(piece));
                match next {
                    Some(bar) => rest.start = bar + 1,
                    None => break,
                }
            }
        }
        Chain { first, filters }
    }

    /// The next byte of a kind outside quoted text.
    fn unquoted(&self, within: &Range<usize>, wanted: u8) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = within.start;
        while at < within.end {
            let b = bytes[at];
            if b == wanted {
                return Some(at);
            }
            if (b == b'"' || b == b'\'')
                && let Some(n) = memchr::memchr(b, &bytes[at + 1..within.end])
            {
                at += n + 1;
            }
            at += 1;
        }
        None
    }

    /// One filter with its arguments; an unknown one is passed over, with a warning.
    fn filter(&mut self, within: Range<usize>) -> Option<(&'static filters::Filter, Vec<Expr>)> {
        let piece = self.part(&within);
        let start = within.start + piece.find(|c: char| c.is_alphanumeric() || c == '_')?;
        let rest = &self.text[start..within.end];
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let name_at = start..start + length.unwrap_or(rest.len());
        let name = self.part(&name_at);
        let mut args = Vec::new();
        let mut at = name_at.end;
        while at < within.end {
            let b = self.text.as_bytes()[at];
            at += 1;
            if b == b':' || b == b',' {
                let blank = &self.text[at..within.end];
                let from = at + blank.len() - blank.trim_start().len();
                if let Some(found) = self.fragment(&(from..within.end), false)
                    && found.start == from
                {
                    at = found.end;
                    args.push(self.expr(found, 0));
                }
            }
        }
        let Some(filter) = filters::find(name) else {
            let known = filters::names();
            let near = known
                .clone()
                .find(|n| n.eq_ignore_ascii_case(&name.replace('_', "")))
                .or_else(|| nearest(name, known));
            self.fault(
                "TG0524",
                name_at,
                format!("there is no filter `{name}`, and the value passes it as it is"),
                "not a filter of API Management".into(),
                near.map(|n| format!("did you mean `{n}`?")),
                true,
            );
            return None;
        };
        if !filter.args.contains(&args.len()) {
            let (least, most) = (filter.args.start(), filter.args.end());
            let wanted = match (least, most) {
                (0, 0) => String::from("none"),
                (a, b) if a == b => a.to_string(),
                (a, b) => format!("{a} to {b}"),
            };
            self.wrong(
                "TG0523",
                name_at,
                format!("the filter `{name}` does not take {} arguments", args.len()),
                format!("expected {wanted}"),
            );
            return None;
        }
        Some((filter, args))
    }

    /// A value.
    pub(super) fn expr(&mut self, at: Range<usize>, depth: usize) -> Expr {
        let text = self.part(&at);
        let literal = match text {
            "" | "nil" | "null" => Literal::Nil,
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            "empty" | "blank" => return Expr::Empty,
            _ => match quoted(text).map(|t| Literal::Text(Str::from(t))) {
                Some(literal) => literal,
                None => match number(text) {
                    Some(literal) => literal,
                    None => return self.compound(at, depth),
                },
            },
        };
        Expr::Const(literal)
    }

    /// A range or a path.
    fn compound(&mut self, at: Range<usize>, depth: usize) -> Expr {
        let text = self.part(&at);
        if depth >= MAX_NESTING {
            self.wrong(
                "TG0522",
                at,
                "a value is nested too deeply",
                "expected a simple value",
            );
            return Expr::Empty;
        }
        if let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'))
            && let Some(dots) = inner
                .rfind("..")
                .filter(|dots| *dots > 0 && dots + 2 < inner.len())
        {
            let from = at.start + 1;
            let first = self.expr(from..from + dots, depth + 1);
            let last = self.expr(from + dots + 2..at.end - 1, depth + 1);
            return Expr::Range(Box::new((first, last)));
        }
        self.path(at, depth)
    }

    /// A path: names, and values in brackets.
    fn path(&mut self, at: Range<usize>, depth: usize) -> Expr {
        let mut parts: Vec<Part> = Vec::new();
        let mut places: Vec<Range<usize>> = Vec::new();
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let mut from = at.start;
        while from < at.end {
            let rest = &self.text[from..at.end];
            if rest.starts_with('[')
                && let Some(length) = bracket(rest)
            {
                let inner = from + 1..from + length - 1;
                let inner = trimmed(self.text, inner);
                parts.push(Part::Index(self.expr(inner, depth + 1)));
                places.push(from..from + length);
                from += length;
            } else if rest.starts_with(word) {
                let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
                parts.push(Part::Name(Str::from(&rest[..length])));
                places.push(from..from + length);
                from += length;
            } else {
                from += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        match parts.first() {
            None => {
                let text = self.part(&at);
                self.wrong(
                    "TG0522",
                    at,
                    format!("`{text}` is no value"),
                    "expected a name or a literal",
                );
            }
            Some(Part::Name(root)) => {
                let root = root.clone();
                self.named(&root, &parts, &places);
                self.roots.push((root, places[0].clone()));
            }
            // Only the exchange says what it names.
            Some(Part::Index(_)) => {
                self.uses = Uses {
                    body: true,
                    response: true,
                    variables: true,
                }
            }
        }
        Expr::Path(parts)
    }

    /// Notes what a path reads, and what it asks of `context` that is not there.
    fn named(&mut self, root: &str, parts: &[Part], places: &[Range<usize>]) {
        self.uses.body |= root == "body";
        if root != "context" || self.names.contains(root) {
            return;
        }
        let names: Vec<&str> = parts
            .iter()
            .map_while(|p| match p {
                Part::Name(name) => Some(&**name),
                Part::Index(Expr::Const(Literal::Text(name))) => Some(&**name),
                Part::Index(_) => None,
            })
            .collect();
        self.uses.variables |= names.get(1).is_none_or(|n| *n == "Variables");
        self.uses.response |= names.get(1).is_none_or(|n| *n == "Response");
        let mut known: &[&str] = &["Request", "Response", "Variables"];
        for (i, name) in names.iter().enumerate().skip(1) {
            if !known.contains(name) {
                let owner = names[..i].join(".");
                let near = nearest(name, known.iter().copied());
                self.fault(
                    "TG0525",
                    places[i].clone(),
                    format!("templates have no `{owner}.{name}`, which is nil"),
                    format!("expected {}", list(known)),
                    near.map(|n| format!("did you mean `{n}`?")),
                    true,
                );
                return;
            }
            known = match (i, *name) {
                (1, "Request") => super::context::REQUEST,
                (1, "Response") => super::context::RESPONSE,
                (2, "Url" | "OriginalUrl") => super::context::URL,
                _ => return,
            };
        }
    }

    /// A condition: tests with `and` and `or` between them.
    pub(super) fn condition(&mut self, within: Range<usize>) -> Option<Condition> {
        let mut tests: Vec<(bool, Vec<Range<usize>>)> = vec![(true, Vec::new())];
        let mut rest = within.clone();
        while let Some(found) = self.fragment(&rest, false) {
            rest.start = found.end;
            match self.part(&found) {
                word @ ("and" | "or") => tests.push((word == "and", Vec::new())),
                _ => {
                    if let Some((_, words)) = tests.last_mut() {
                        words.push(found);
                    }
                }
            }
        }
        let mut made = Vec::new();
        for (and, words) in tests {
            made.push((and, self.test(&within, &words)?));
        }
        let mut made = made.into_iter();
        let (_, first) = made.next()?;
        Some(Condition {
            first,
            rest: made.collect(),
        })
    }

    fn test(&mut self, within: &Range<usize>, words: &[Range<usize>]) -> Option<Test> {
        let (left, operator, right) = match words {
            [] => {
                self.wrong(
                    "TG0522",
                    within.clone(),
                    "a condition is missing",
                    "expected a value",
                );
                return None;
            }
            [left] => {
                let text = self.part(left);
                if !text.starts_with(['"', '\''])
                    && let Some(joined) = ["==", "!=", "<>", "<=", ">=", "<", ">"]
                        .iter()
                        .find(|o| text.contains(**o))
                {
                    self.wrong(
                        "TG0522",
                        left.clone(),
                        format!("`{text}` is read as one name"),
                        format!("expected blanks around `{joined}`"),
                    );
                    return None;
                }
                return Some(Test {
                    left: self.expr(left.clone(), 0),
                    right: None,
                });
            }
            [left, operator] => (left, operator, None),
            [left, operator, right] => (left, operator, Some(right)),
            [_, _, _, more, ..] => {
                self.wrong(
                    "TG0522",
                    more.clone(),
                    "a condition compares two values",
                    "expected `and` or `or`",
                );
                return None;
            }
        };
        let text = self.part(operator);
        let Some(operator) = operator_of(text) else {
            self.wrong(
                "TG0522",
                operator.clone(),
                format!("there is no operator `{text}`"),
                "expected `==`, `!=`, `<`, `>`, `<=`, `>=` or `contains`",
            );
            return None;
        };
        let left = self.expr(left.clone(), 0);
        let right = match right {
            Some(right) => self.expr(right.clone(), 0),
            None => Expr::Const(Literal::Nil),
        };
        Some(Test {
            left,
            right: Some((operator, right)),
        })
    }
}

/// The operator of a word, as DotLiquid spells them and as C# names them.
pub(super) fn operator_of(text: &str) -> Option<Operator> {
    Some(match text {
        "==" => Operator::Equal,
        "!=" | "<>" => Operator::NotEqual,
        "<" => Operator::Less,
        ">" => Operator::Greater,
        "<=" => Operator::LessOrEqual,
        ">=" => Operator::GreaterOrEqual,
        "contains" | "Contains" => Operator::Contains,
        "startsWith" | "startswith" | "StartsWith" => Operator::StartsWith,
        "endsWith" | "endswith" | "EndsWith" => Operator::EndsWith,
        "hasKey" | "haskey" | "HasKey" => Operator::HasKey,
        "hasValue" | "hasvalue" | "HasValue" => Operator::HasValue,
        _ => return None,
    })
}

fn list(names: &[&str]) -> String {
    let all: Vec<_> = names.iter().map(|n| format!("`{n}`")).collect();
    all.join(", ")
}

/// The text between quotes.
fn quoted(text: &str) -> Option<&str> {
    let inner = |q: char| text.strip_prefix(q)?.strip_suffix(q);
    inner('\'').or_else(|| inner('"'))
}

/// A number: whole, or with a point. Commas group digits.
fn number(text: &str) -> Option<Literal> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        let plain = text.strip_prefix('+').unwrap_or(text);
        return match (plain.parse(), plain.parse(), plain.parse()) {
            (Ok(n), _, _) => Some(Literal::Int(n)),
            (_, Ok(n), _) => Some(Literal::Long(n)),
            (_, _, Ok(n)) => Some(Literal::Double(n)),
            _ => None,
        };
    }
    let fits = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','));
    fits.then(|| text.replace(',', "").trim_start_matches('+').parse().ok())
        .flatten()
        .map(Literal::Double)
}

/// The length of a bracket and what it holds; a bracket or a quote inside a quoted text does not end it.
fn bracket(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut open = 0usize;
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        match b {
            b'[' => open += 1,
            b']' => {
                open -= 1;
                if open == 0 {
                    return (at > 1).then_some(at + 1);
                }
            }
            b'"' | b'\'' => {
                if let Some(n) = memchr::memchr(b, &bytes[at + 1..]) {
                    at += n + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn trimmed(text: &str, at: Range<usize>) -> Range<usize> {
    let part = &text[at.clone()];
    let start = at.start + part.len() - part.trim_start().len();
    start..(start + part.trim().len())
}
