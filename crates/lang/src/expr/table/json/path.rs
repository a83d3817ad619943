//! `SelectToken` and `SelectTokens`: Json.NET 13's JSONPath, whole.
//!
//! Paths are read in `path/parse.rs`. What must stay true: names, filters and their comparisons mean what they mean in
//! Json.NET (a filter on an object looks at its properties, not at their values); every token that is looked at counts
//! as a step, since a path may ask for more tokens than the tree has.

mod parse;

use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::value::token::Kind;
use crate::value::token::compare;
use crate::value::token::write;
use crate::value::{Token, Value};

pub(crate) use parse::parse;

/// One step of a path.
#[derive(Debug)]
pub(crate) enum Filter {
    /// The root of the tree, in a query.
    Root,
    /// A name; none for all.
    Field(Option<String>),
    Fields(Vec<String>),
    /// An index; none for all.
    Index(Option<i32>),
    Indices(Vec<i32>),
    Slice {
        start: Option<i32>,
        end: Option<i32>,
        step: Option<i32>,
    },
    /// A name anywhere below; none for all.
    Scan(Option<String>),
    ScanFields(Vec<String>),
    Query(Query),
    /// A query of all below.
    ScanQuery(Query),
}

/// What a query asks.
#[derive(Debug)]
pub(crate) enum Query {
    Exists(Side),
    Test(Operator, Side, Side),
    And(Vec<Query>),
    Or(Vec<Query>),
}

/// A side of a comparison.
#[derive(Debug)]
pub(crate) enum Side {
    Path(Vec<Filter>),
    Value(Token),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equals,
    NotEquals,
    StrictEquals,
    StrictNotEquals,
    Matches,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

fn fault(message: impl Into<crate::value::Str>) -> Throw {
    throw("JsonException", message)
}

/// What a path finds, from the token and in the tree of `root`.
struct Search<'c, 'h> {
    cx: &'c mut Cx<'h>,
    root: Token,
    /// `errorWhenNoMatch`.
    strict: bool,
}

/// All tokens that a path finds.
pub(super) fn select(
    cx: &mut Cx<'_>,
    token: &Token,
    path: &str,
    strict: bool,
) -> Result<Vec<Token>, Throw> {
    cx.step(1 + path.len() / 16)?;
    let filters = parse(path)?;
    Search {
        cx,
        root: token.clone(),
        strict,
    }
    .walk(&filters, token)
}

/// `SelectToken`: the only token that a path finds.
pub(super) fn select_one(cx: &mut Cx<'_>, a: &Args<'_>, strict: bool) -> R {
    let path = a.str(1).map_err(|_| super::null("expression"))?;
    let mut all = select(cx, &a.token(0)?, &path, strict)?;
    if all.len() > 1 {
        return Err(fault("Path returned multiple tokens."));
    }
    Ok(all.pop().map_or(Value::Null, Value::Token))
}

/// For fuzzing and property tests: every token that a path finds is where its own path says.
pub(crate) fn probe(path: &str, json: &str) {
    let Ok(root) = crate::value::token::parse::parse(json) else {
        return;
    };
    let mut host = crate::expr::host::Nowhere::default();
    let mut cx = Cx::new(&mut host);
    let Ok(found) = select(&mut cx, &root, path, false) else {
        return;
    };
    for t in found.iter().take(64) {
        assert!(t.root().same(&root));
        let own = t.path();
        // A property is where its value is.
        let same = |one: &Token| one.same(t) || t.content().is_some_and(|v| v.same(one));
        if let Ok(again) = select(&mut cx, &root, &own, false)
            && !own.contains("$")
            && !own.starts_with(|c: char| c.is_whitespace())
            && again.len() == 1
        {
            assert!(same(&again[0]), "{own}");
        }
    }
    assert!(select(&mut cx, &root, path, true).map_or(true, |all| all.len() == found.len()));
}

impl Search<'_, '_> {
    fn walk(&mut self, filters: &[Filter], from: &Token) -> Result<Vec<Token>, Throw> {
        let mut now = vec![from.clone()];
        for filter in filters {
            let mut next = Vec::new();
            for t in &now {
                self.cx.step(1)?;
                self.apply(t, filter, &mut next)?;
            }
            self.cx.step(next.len())?;
            now = next;
        }
        Ok(now)
    }

    /// Fails when a step that found nothing must have found something.
    fn missed(&self, message: impl FnOnce() -> String) -> Result<(), Throw> {
        if self.strict {
            Err(fault(message()))
        } else {
            Ok(())
        }
    }

    fn apply(&mut self, t: &Token, filter: &Filter, out: &mut Vec<Token>) -> Result<(), Throw> {
        let class = t.class();
        match filter {
            Filter::Root => out.push(self.root.clone()),
            Filter::Field(name) => match (t.kind(), name) {
                (Kind::Object(_), Some(name)) => match t.field(name) {
                    Some(found) => out.push(found),
                    None => {
                        self.missed(|| format!("Property '{name}' does not exist on JObject."))?
                    }
                },
                (Kind::Object(_), None) => {
                    out.extend(t.children().iter().filter_map(Token::content));
                }
                _ => self.missed(|| {
                    let name = name.as_deref().unwrap_or("*");
                    format!("Property '{name}' not valid on {class}.")
                })?,
            },
            Filter::Fields(names) => match t.kind() {
                Kind::Object(_) => {
                    for name in names {
                        out.extend(t.field(name));
                        // Json.NET says so of the first name even when it is there.
                        self.missed(|| format!("Property '{name}' does not exist on JObject."))?;
                    }
                }
                _ => self.missed(|| {
                    let names: Vec<String> = names.iter().map(|n| format!("'{n}'")).collect();
                    format!("Properties {} not valid on {class}.", names.join(", "))
                })?,
            },
            Filter::Index(Some(at)) => self.item(t, *at, out)?,
            Filter::Indices(all) => {
                for at in all {
                    self.item(t, *at, out)?;
                }
            }
            Filter::Index(None) => match t.items() {
                Some(items) => out.extend(items.borrow().iter().cloned()),
                None => self.missed(|| format!("Index * not valid on {class}."))?,
            },
            Filter::Slice { start, end, step } => self.slice(t, *start, *end, *step, out)?,
            Filter::Scan(name) => {
                let below = t.descendants(false);
                self.cx.step(below.len())?;
                match name {
                    None => {
                        out.push(t.clone());
                        let property = |t: &Token| matches!(t.kind(), Kind::Property(..));
                        out.extend(below.into_iter().filter(|t| !property(t)));
                    }
                    Some(name) => out.extend(
                        below
                            .iter()
                            .filter(|t| t.name().is_some_and(|n| **n == **name))
                            .filter_map(Token::content),
                    ),
                }
            }
            Filter::ScanFields(names) => {
                let below = t.descendants(false);
                self.cx.step(below.len().saturating_mul(names.len()))?;
                for t in below {
                    let Some(own) = t.name() else { continue };
                    let times = names.iter().filter(|n| ***n == **own).count();
                    out.extend(t.content().into_iter().cycle().take(times));
                }
            }
            Filter::Query(query) => {
                for child in t.children() {
                    if self.holds(query, &child)? {
                        out.push(child);
                    }
                }
            }
            Filter::ScanQuery(query) => {
                for t in t.descendants(true) {
                    if self.holds(query, &t)? {
                        out.push(t);
                    }
                }
            }
        }
        Ok(())
    }

    fn item(&mut self, t: &Token, at: i32, out: &mut Vec<Token>) -> Result<(), Throw> {
        let class = t.class();
        let Some(items) = t.items() else {
            return self.missed(|| format!("Index {at} not valid on {class}."));
        };
        let index = usize::try_from(at).map_err(|_| crate::expr::eval::out_of_range("index"))?;
        match items.borrow().get(index) {
            Some(found) => out.push(found.clone()),
            None => self.missed(|| format!("Index {at} outside the bounds of {class}."))?,
        }
        Ok(())
    }

    fn slice(
        &mut self,
        t: &Token,
        start: Option<i32>,
        end: Option<i32>,
        step: Option<i32>,
        out: &mut Vec<Token>,
    ) -> Result<(), Throw> {
        let step = i64::from(step.unwrap_or(1));
        if step == 0 {
            return Err(fault("Step cannot be zero."));
        }
        let Kind::Array(items) = t.kind() else {
            return self.missed(|| format!("Array slice is not valid on {}.", t.class()));
        };
        let items = items.borrow();
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let up = step > 0;
        let place = |at: Option<i32>, none: i64| match at.map(i64::from) {
            None => none,
            Some(at) if at < 0 => count + at,
            Some(at) => at,
        };
        let mut from = place(start, if up { 0 } else { count - 1 });
        from = from.max(if up { 0 } else { i64::from(i32::MIN) });
        from = from.min(if up { count } else { count - 1 });
        let to = place(end, if up { count } else { -1 }).clamp(-1, count);
        if !(if up { from < to } else { from > to }) {
            let shown = |n: Option<i32>| n.map_or_else(|| "*".to_owned(), |n| n.to_string());
            return self.missed(|| {
                format!(
                    "Array slice of {} to {} returned no results.",
                    shown(start),
                    shown(end)
                )
            });
        }
        while if up { from < to } else { from > to } {
            match usize::try_from(from).ok().and_then(|at| items.get(at)) {
                Some(found) => out.push(found.clone()),
                None => break,
            }
            from += step;
        }
        Ok(())
    }

    fn holds(&mut self, query: &Query, t: &Token) -> Result<bool, Throw> {
        self.cx.step(1)?;
        Ok(match query {
            Query::And(all) => {
                for q in all {
                    if !self.holds(q, t)? {
                        return Ok(false);
                    }
                }
                true
            }
            Query::Or(any) => {
                for q in any {
                    if self.holds(q, t)? {
                        return Ok(true);
                    }
                }
                false
            }
            Query::Exists(side) => !self.side(side, t)?.is_empty(),
            Query::Test(operator, left, right) => {
                let left = self.side(left, t)?;
                if left.is_empty() {
                    return Ok(false);
                }
                let right = self.side(right, t)?;
                for l in &left {
                    for r in &right {
                        self.cx.step(1)?;
                        if self.fits(*operator, l, r)? {
                            return Ok(true);
                        }
                    }
                }
                false
            }
        })
    }

    fn side(&mut self, side: &Side, t: &Token) -> Result<Vec<Token>, Throw> {
        match side {
            Side::Value(value) => Ok(vec![value.clone()]),
            Side::Path(filters) => {
                // In a query nothing needs to be there.
                let strict = std::mem::replace(&mut self.strict, false);
                let found = self.walk(filters, t);
                self.strict = strict;
                found
            }
        }
    }

    fn fits(&mut self, operator: Operator, l: &Token, r: &Token) -> Result<bool, Throw> {
        let (Some(a), Some(b)) = (l.value(), r.value()) else {
            // What is no value differs from everything.
            return Ok(operator == Operator::NotEquals);
        };
        let order = || compare::values(l.type_number(), &a, &b);
        Ok(match operator {
            Operator::Equals => equals(l, r)?,
            Operator::NotEquals => !equals(l, r)?,
            Operator::StrictEquals => equals_strictly(l, r)?,
            Operator::StrictNotEquals => !equals_strictly(l, r)?,
            Operator::Less => order()?.is_lt(),
            Operator::LessOrEqual => order()?.is_le(),
            Operator::Greater => order()?.is_gt(),
            Operator::GreaterOrEqual => order()?.is_ge(),
            Operator::Matches => match (&a, &b) {
                (Value::Str(text), Value::Str(pattern)) => {
                    // `/pattern/options`
                    let end = pattern.rfind('/').unwrap_or(pattern.len());
                    let options = pattern[end..].chars().fold(0, |all, c| {
                        all | match c {
                            'i' => 1,
                            'm' => 2,
                            'x' => 4,
                            's' => 16,
                            _ => 0,
                        }
                    });
                    let pattern = pattern.get(1..end).unwrap_or("");
                    super::super::regex::is_match(self.cx, text, pattern, options)?
                }
                _ => false,
            },
        })
    }
}

fn numbers_of_two_kinds(l: &Token, r: &Token) -> bool {
    matches!((l.type_number(), r.type_number()), (6, 7) | (7, 6))
}

fn same_number(l: &Token, r: &Token) -> Result<bool, Throw> {
    let (a, b) = (l.value().unwrap_or_default(), r.value().unwrap_or_default());
    Ok(compare::values(l.type_number(), &a, &b)?.is_eq())
}

/// Equality that compares a text with what is written as one.
fn equals(l: &Token, r: &Token) -> Result<bool, Throw> {
    if l.value_equals(r) {
        return Ok(true);
    }
    if numbers_of_two_kinds(l, r) {
        return same_number(l, r);
    }
    let (Some(value), Some(Value::Str(wanted))) = (l.value(), r.value()) else {
        return Ok(false);
    };
    if r.type_number() != 8 {
        return Ok(false);
    }
    let mut text = String::new();
    match value {
        Value::DateTime(_)
        | Value::DateTimeOffset(_)
        | Value::Bytes(_)
        | Value::Guid(_)
        | Value::TimeSpan(_)
        | Value::Object(_)
            if l.type_number() != 6 =>
        {
            write::scalar(&value, &mut text);
        }
        _ => return Ok(false),
    }
    Ok(text.trim_matches('"') == &*wanted)
}

fn equals_strictly(l: &Token, r: &Token) -> Result<bool, Throw> {
    if numbers_of_two_kinds(l, r) {
        return same_number(l, r);
    }
    Ok(l.value_equals(r))
}
