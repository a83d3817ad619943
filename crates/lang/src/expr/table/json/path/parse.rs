//! The text of a JSONPath, as Json.NET 13's `JPath` reads it.
//!
//! What must stay true: what Json.NET takes is taken and means the same (`a && b || c` is `a && (b || c)`), what it
//! refuses gets its message; a path is read in time that grows with its text.

use super::{Filter, Operator, Query, Side, fault};
use crate::expr::eval::{Throw, throw};
use crate::expr::table::numbers::unread;
use crate::expr::types::Num;
use crate::value::number::read::read_usual;
use crate::value::token::Form;
use crate::value::{Token, Value};

/// Deepest nest of paths in queries.
const MAX_NESTED: usize = 32;

const OPEN_INDEXER: &str = "Path ended with open indexer.";
const OPEN_QUERY: &str = "Path ended with open query.";

/// Reads a path.
pub(crate) fn parse(text: &str) -> Result<Vec<Filter>, Throw> {
    let chars: Vec<char> = text.chars().collect();
    let mut p = Parser {
        text: &chars,
        at: 0,
        nested: 0,
    };
    let mut filters = Vec::new();
    if chars.is_empty() {
        return Ok(filters);
    }
    p.blank();
    let mut start = 0;
    if p.now() == Some('$') {
        if chars.len() == 1 {
            return Ok(filters);
        }
        if matches!(chars.get(p.at + 1), Some('.' | '[')) {
            p.at += 1;
            start = p.at;
        }
    }
    if !p.path(&mut filters, start, false)? {
        let last = p.at;
        p.blank();
        if p.now().is_some() {
            return Err(unexpected("path", chars.get(last).copied()));
        }
    }
    Ok(filters)
}

fn unexpected(part: &str, c: Option<char>) -> Throw {
    match c {
        Some(c) => fault(format!("Unexpected character while parsing {part}: {c}")),
        None => throw(
            "IndexOutOfRangeException",
            "Index was outside the bounds of the array.",
        ),
    }
}

struct Parser<'a> {
    text: &'a [char],
    at: usize,
    nested: usize,
}

fn named(name: &[char], scan: bool, trim: bool) -> Filter {
    let mut name: String = name.iter().collect();
    if trim {
        name.truncate(name.trim_end().len());
    }
    member((name != "*").then_some(name), scan)
}

fn member(name: Option<String>, scan: bool) -> Filter {
    if scan {
        Filter::Scan(name)
    } else {
        Filter::Field(name)
    }
}

impl Parser<'_> {
    fn now(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while self.now() == Some(' ') {
            self.at += 1;
        }
    }

    /// The character at hand, or the message that the path has ended.
    fn need(&self, message: &'static str) -> Result<char, Throw> {
        self.now().ok_or_else(|| fault(message))
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = word
            .chars()
            .enumerate()
            .all(|(i, c)| self.text.get(self.at + i) == Some(&c));
        if found {
            self.at += word.chars().count();
        }
        found
    }

    /// Steps up to what ends them; whether that is the end of the text.
    fn path(&mut self, out: &mut Vec<Filter>, start: usize, query: bool) -> Result<bool, Throw> {
        let mut start = start;
        let (mut scan, mut after_indexer, mut after_dot) = (false, false, false);
        while let Some(c) = self.now() {
            match c {
                '[' | '(' => {
                    if self.at > start {
                        out.push(named(&self.text[start..self.at], scan, false));
                        scan = false;
                    }
                    out.push(self.indexer(c, scan)?);
                    scan = false;
                    self.at += 1;
                    start = self.at;
                    (after_indexer, after_dot) = (true, false);
                }
                ']' | ')' | ' ' => break,
                '.' => {
                    if self.at > start {
                        out.push(named(&self.text[start..self.at], scan, false));
                        scan = false;
                    }
                    if self.text.get(self.at + 1) == Some(&'.') {
                        scan = true;
                        self.at += 1;
                    }
                    self.at += 1;
                    start = self.at;
                    (after_indexer, after_dot) = (false, true);
                }
                '=' | '<' | '!' | '>' | '|' | '&' if query => break,
                c if after_indexer => {
                    return Err(fault(format!(
                        "Unexpected character following indexer: {c}"
                    )));
                }
                _ => self.at += 1,
            }
        }
        let ended = self.at >= self.text.len();
        if self.at > start {
            out.push(named(&self.text[start..self.at], scan, true));
        } else if after_dot && (ended || query) {
            return Err(fault("Unexpected end while parsing path."));
        }
        Ok(ended)
    }

    fn indexer(&mut self, open: char, scan: bool) -> Result<Filter, Throw> {
        self.at += 1;
        let close = if open == '[' { ']' } else { ')' };
        self.need(OPEN_INDEXER)?;
        self.blank();
        match self.now() {
            Some('\'') => self.quoted_names(close, scan),
            Some('?') => self.query(close, scan),
            Some(_) => self.indices(close),
            None => Err(unexpected("path indexer", None)),
        }
    }

    fn indices(&mut self, close: char) -> Result<Filter, Throw> {
        let mut start = self.at;
        let mut end = None;
        let mut list: Option<Vec<i32>> = None;
        let mut parts: Vec<Option<i32>> = Vec::new();
        while let Some(c) = self.now() {
            let upto = end.unwrap_or(self.at);
            let written: &[char] = self.text.get(start..upto).unwrap_or(&[]);
            match c {
                ' ' => {
                    end = Some(self.at);
                    self.blank();
                }
                c if c == close => {
                    if let Some(mut list) = list {
                        list.push(index(written)?);
                        return Ok(Filter::Indices(list));
                    }
                    if parts.is_empty() {
                        return Ok(Filter::Index(Some(index(written)?)));
                    }
                    let colons = parts.len();
                    let last = optional(written)?;
                    let part = |i: usize| parts.get(i).copied().flatten();
                    return Ok(Filter::Slice {
                        start: part(0),
                        end: if colons == 1 { last } else { part(1) },
                        step: match colons {
                            1 => None,
                            // More colons than a slice has: the last number that was written counts.
                            _ => last.or_else(|| parts[2..].iter().rev().find_map(|n| *n)),
                        },
                    });
                }
                ',' => {
                    list.get_or_insert_default().push(index(written)?);
                    self.at += 1;
                    self.blank();
                    (start, end) = (self.at, None);
                }
                '*' => {
                    self.at += 1;
                    self.need(OPEN_INDEXER)?;
                    self.blank();
                    if self.now() != Some(close) {
                        return Err(unexpected("path indexer", self.now().and(Some('*'))));
                    }
                    return Ok(Filter::Index(None));
                }
                ':' => {
                    parts.push(optional(written)?);
                    self.at += 1;
                    self.blank();
                    (start, end) = (self.at, None);
                }
                c if (c.is_numeric() || c == '-') && end.is_none() => self.at += 1,
                c => return Err(unexpected("path indexer", Some(c))),
            }
        }
        Err(fault(OPEN_INDEXER))
    }

    fn quoted_names(&mut self, close: char, scan: bool) -> Result<Filter, Throw> {
        let mut names = Vec::new();
        while self.now().is_some() {
            names.push(self.quoted()?);
            self.blank();
            match self.need(OPEN_INDEXER)? {
                c if c == close => {
                    return Ok(match (names.len(), scan) {
                        (1, _) => member(names.pop(), scan),
                        (_, true) => Filter::ScanFields(names),
                        (_, false) => Filter::Fields(names),
                    });
                }
                ',' => {
                    self.at += 1;
                    self.blank();
                }
                c => return Err(unexpected("path indexer", Some(c))),
            }
        }
        Err(fault(OPEN_INDEXER))
    }

    /// A text in single quotes; the character at hand is taken for the first of them.
    fn quoted(&mut self) -> Result<String, Throw> {
        self.at += 1;
        let mut out = String::new();
        while let Some(c) = self.now() {
            self.at += 1;
            match (c, self.now()) {
                ('\\', Some(e)) => {
                    self.at += 1;
                    out.push(match e {
                        'b' => '\u{8}',
                        't' => '\t',
                        'n' => '\n',
                        'f' => '\u{c}',
                        'r' => '\r',
                        '\\' | '"' | '\'' | '/' => e,
                        _ => return Err(fault(format!("Unknown escape character: \\{e}"))),
                    });
                }
                ('\'', _) => return Ok(out),
                _ => out.push(c),
            }
        }
        Err(fault("Path ended with an open string."))
    }

    fn query(&mut self, close: char, scan: bool) -> Result<Filter, Throw> {
        self.at += 1;
        let c = self.need(OPEN_INDEXER)?;
        if c != '(' {
            return Err(unexpected("path indexer", Some(c)));
        }
        self.at += 1;
        if self.nested >= MAX_NESTED {
            return Err(fault("The path nests too many queries."));
        }
        self.nested += 1;
        let query = self.expression()?;
        self.nested -= 1;
        self.at += 1;
        self.need(OPEN_INDEXER)?;
        self.blank();
        if self.now() != Some(close) {
            return Err(unexpected("path indexer", self.now()));
        }
        Ok(if scan {
            Filter::ScanQuery(query)
        } else {
            Filter::Query(query)
        })
    }

    /// Tests joined by `&&` and `||`: where the operator changes, what follows is one group.
    fn expression(&mut self) -> Result<Query, Throw> {
        // Each group with whether it is an `&&`.
        let mut groups: Vec<(bool, Vec<Query>)> = Vec::new();
        while self.now().is_some() {
            let left = self.side()?;
            let test = match self.now() {
                Some(')' | '|' | '&') => Query::Exists(left),
                _ => {
                    let operator = self.operator()?;
                    Query::Test(operator, left, self.side()?)
                }
            };
            let and = match self.now() {
                Some(')') => return Ok(joined(groups, test)),
                Some('&') if self.eat("&&") => true,
                Some('|') if self.eat("||") => false,
                Some('&' | '|') => return Err(unexpected("path query", self.now())),
                // Json.NET reads on, and forgets the test.
                _ => continue,
            };
            if groups.len() > MAX_NESTED {
                return Err(fault("The path nests too many queries."));
            }
            match groups.last_mut() {
                Some((same, group)) if *same == and => group.push(test),
                _ => groups.push((and, vec![test])),
            }
        }
        Err(fault(OPEN_QUERY))
    }

    fn side(&mut self) -> Result<Side, Throw> {
        self.blank();
        let side = match self.now() {
            Some(c @ ('$' | '@')) => {
                let mut filters = Vec::new();
                if c == '$' {
                    filters.push(Filter::Root);
                }
                self.at += 1;
                if self.path(&mut filters, self.at, true)? {
                    return Err(fault(OPEN_QUERY));
                }
                Side::Path(filters)
            }
            _ => match self.value()? {
                Some(value) => Side::Value(value),
                None => return Err(unexpected("path query", self.now())),
            },
        };
        self.blank();
        self.need(OPEN_QUERY)?;
        Ok(side)
    }

    fn value(&mut self) -> Result<Option<Token>, Throw> {
        let value = match self.now() {
            Some('\'') => {
                return Ok(Some(Token::formed(Value::from(self.quoted()?), Form::Text)));
            }
            Some(c) if c.is_numeric() || c == '-' => {
                let start = self.at;
                while !matches!(self.now(), None | Some(' ' | ')')) {
                    self.at += 1;
                }
                if self.now().is_none() {
                    return Ok(None);
                }
                let text: String = self.text[start..self.at].iter().collect();
                if text.contains(['.', 'e', 'E']) {
                    read_usual(&text, Num::Double).ok()
                } else {
                    text.parse().ok().map(Value::Long)
                }
            }
            Some('t') if self.eat("true") => Some(Value::Bool(true)),
            Some('f') if self.eat("false") => Some(Value::Bool(false)),
            Some('n') if self.eat("null") => Some(Value::Null),
            Some('/') => {
                let pattern = Value::from(self.regex()?);
                return Ok(Some(Token::formed(pattern, Form::Text)));
            }
            _ => None,
        };
        Ok(value.map(Token::scalar))
    }

    /// `/pattern/options`, whole.
    fn regex(&mut self) -> Result<String, Throw> {
        let start = self.at;
        self.at += 1;
        while let Some(c) = self.now() {
            self.at += 1;
            match c {
                '\\' if self.now().is_some() => self.at += 1,
                '/' => {
                    while self.now().is_some_and(char::is_alphabetic) {
                        self.at += 1;
                    }
                    return Ok(self.text[start..self.at].iter().collect());
                }
                _ => {}
            }
        }
        Err(fault("Path ended with an open regex."))
    }

    fn operator(&mut self) -> Result<Operator, Throw> {
        if self.at + 1 >= self.text.len() {
            return Err(fault(OPEN_QUERY));
        }
        const ALL: [(&str, Operator); 10] = [
            ("===", Operator::StrictEquals),
            ("==", Operator::Equals),
            ("=~", Operator::Matches),
            ("!==", Operator::StrictNotEquals),
            ("!=", Operator::NotEquals),
            ("<>", Operator::NotEquals),
            ("<=", Operator::LessOrEqual),
            ("<", Operator::Less),
            (">=", Operator::GreaterOrEqual),
            (">", Operator::Greater),
        ];
        let found = ALL.iter().find(|(text, _)| self.eat(text));
        found
            .map(|(_, operator)| *operator)
            .ok_or_else(|| fault("Could not read query operator."))
    }
}

/// The groups, each one a part of the group before it; the last test belongs to the last of them.
fn joined(mut groups: Vec<(bool, Vec<Query>)>, last: Query) -> Query {
    let Some((_, group)) = groups.last_mut() else {
        return last;
    };
    group.push(last);
    let mut inner: Option<Query> = None;
    for (and, mut all) in groups.into_iter().rev() {
        all.extend(inner);
        inner = Some(if and { Query::And(all) } else { Query::Or(all) });
    }
    inner.unwrap_or(Query::And(Vec::new()))
}

fn optional(written: &[char]) -> Result<Option<i32>, Throw> {
    if written.is_empty() {
        Ok(None)
    } else {
        index(written).map(Some)
    }
}

/// `Convert.ToInt32` of what stands in an indexer.
fn index(written: &[char]) -> Result<i32, Throw> {
    if written.is_empty() {
        return Err(fault("Array index expected."));
    }
    let text: String = written.iter().collect();
    match read_usual(&text, Num::Int) {
        Ok(Value::Int(n)) => Ok(n),
        Ok(_) => Err(fault("Array index expected.")),
        Err(why) => Err(unread(why, &text, Num::Int)),
    }
}
