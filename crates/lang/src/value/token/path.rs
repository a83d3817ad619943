//! `SelectToken` and `SelectTokens`: Json.NET's JSONPath.
//!
//! Covered: `$`, names, `['name']`, indices (also negative), `*`, `..`, slices, unions, and filters `?(@.a == 'b' && @.c)`.

use super::{Kind, Token};
use crate::value::{Value, number};

enum Step {
    Names(Vec<String>),
    Indices(Vec<i64>),
    Slice(Option<i64>, Option<i64>, i64),
    Wild,
    Scan(Option<String>),
    Filter(Filter),
}

enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Test(Operand, &'static str, Operand),
    Exists(Operand),
}

enum Operand {
    Path(Vec<Step>),
    Literal(Value),
}

/// The tokens a path names; the error is a message for `JsonException`.
pub(crate) fn select(token: &Token, path: &str) -> Result<Vec<Token>, String> {
    let steps = Parser {
        text: path,
        at: 0,
        depth: 0,
    }
    .path(true)?;
    Ok(walk(token, &steps))
}

fn walk(token: &Token, steps: &[Step]) -> Vec<Token> {
    let mut now = vec![token.clone()];
    for step in steps {
        let mut next = Vec::new();
        for t in &now {
            apply(t, step, &mut next);
        }
        now = next;
    }
    now
}

fn values(token: &Token) -> Vec<Token> {
    match token.kind() {
        Kind::Object(_) => token.children().iter().filter_map(Token::content).collect(),
        Kind::Array(_) => token.children(),
        _ => Vec::new(),
    }
}

fn apply(token: &Token, step: &Step, out: &mut Vec<Token>) {
    match step {
        Step::Names(names) => out.extend(names.iter().filter_map(|n| token.field(n))),
        Step::Indices(list) => {
            if let Kind::Array(a) = token.kind() {
                let a = a.borrow();
                out.extend(
                    list.iter()
                        .filter_map(|&i| usize::try_from(i).ok().and_then(|i| a.get(i).cloned())),
                );
            }
        }
        Step::Slice(start, end, step) => {
            let Kind::Array(a) = token.kind() else { return };
            let a = a.borrow();
            let n = a.len() as i64;
            let clamp = |i: i64| if i < 0 { (n + i).max(0) } else { i.min(n) };
            if *step > 0 {
                let (mut i, end) = (start.map_or(0, clamp), end.map_or(n, clamp));
                while i < end {
                    out.push(a[i as usize].clone());
                    i += step;
                }
            }
        }
        Step::Wild => out.extend(values(token)),
        Step::Scan(name) => {
            for t in token.descendants(true) {
                match (name, t.kind()) {
                    (Some(n), Kind::Property(m, v)) if **m == **n => out.push(v.borrow().clone()),
                    (None, Kind::Property(..)) => {}
                    (None, _) => out.push(t),
                    _ => {}
                }
            }
        }
        Step::Filter(filter) => out.extend(values(token).into_iter().filter(|t| holds(t, filter))),
    }
}

fn holds(token: &Token, filter: &Filter) -> bool {
    match filter {
        Filter::And(all) => all.iter().all(|f| holds(token, f)),
        Filter::Or(any) => any.iter().any(|f| holds(token, f)),
        Filter::Exists(o) => !operand(token, o).is_empty(),
        Filter::Test(a, op, b) => {
            let (left, right) = (operand(token, a), operand(token, b));
            left.iter().any(|x| right.iter().any(|y| compare(x, op, y)))
        }
    }
}

fn operand(token: &Token, o: &Operand) -> Vec<Value> {
    match o {
        Operand::Literal(v) => vec![v.clone()],
        Operand::Path(steps) => walk(token, steps)
            .into_iter()
            .map(|t| t.value().unwrap_or(Value::Token(t)))
            .collect(),
    }
}

fn compare(a: &Value, op: &str, b: &Value) -> bool {
    let order = match (number::as_f64(a), number::as_f64(b)) {
        (Some(x), Some(y)) => x.partial_cmp(&y),
        _ => match (a, b) {
            (Value::Token(_), _) | (_, Value::Token(_)) => None,
            (Value::Null, Value::Null) => Some(std::cmp::Ordering::Equal),
            (Value::Null, _) | (_, Value::Null) => None,
            _ => Some(a.to_text().cmp(&b.to_text())),
        },
    };
    match (op, order) {
        ("==", Some(o)) => o.is_eq(),
        ("!=", o) => o.is_none_or(std::cmp::Ordering::is_ne),
        ("<", Some(o)) => o.is_lt(),
        ("<=", Some(o)) => o.is_le(),
        (">", Some(o)) => o.is_gt(),
        (">=", Some(o)) => o.is_ge(),
        _ => false,
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn eat(&mut self, s: &str) -> bool {
        let found = self.rest().starts_with(s);
        if found {
            self.at += s.len();
        }
        found
    }

    fn blank(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn name(&mut self) -> String {
        let end = self
            .rest()
            .find(['.', '[', ']', ' ', '(', ')', '=', '<', '>', '!', '&', '|'])
            .unwrap_or(self.rest().len());
        let s = self.rest()[..end].to_string();
        self.at += end;
        s
    }

    fn path(&mut self, whole: bool) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        let rooted = self.eat("$") || (!whole && self.eat("@"));
        if whole && !rooted && !self.rest().is_empty() && !self.rest().starts_with(['[', '.']) {
            steps.push(name_step(self.name()));
        }
        loop {
            if self.eat("..") {
                let name = if self.rest().starts_with('[') {
                    String::new()
                } else {
                    self.name()
                };
                steps.push(Step::Scan(
                    (name != "*" && !name.is_empty()).then_some(name),
                ));
            } else if self.eat(".") {
                let name = self.name();
                if name.is_empty() {
                    return Err("Unexpected end while parsing path.".into());
                }
                steps.push(name_step(name));
            } else if self.eat("[") {
                steps.push(self.bracket()?);
            } else if whole && !self.rest().is_empty() {
                return Err(format!(
                    "Unexpected character while parsing path: {}",
                    self.rest().chars().next().unwrap_or(' ')
                ));
            } else {
                return Ok(steps);
            }
        }
    }

    fn quoted(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        let mut escape = false;
        for (i, c) in self.text[self.at..].char_indices() {
            match c {
                _ if escape => {
                    out.push(c);
                    escape = false;
                }
                '\\' => escape = true,
                '\'' => {
                    self.at += i + 1;
                    return Ok(out);
                }
                c => out.push(c),
            }
        }
        Err("Path ended with an open string.".into())
    }

    fn bracket(&mut self) -> Result<Step, String> {
        self.blank();
        let step = if self.eat("?(") {
            let f = self.or()?;
            if !self.eat(")") {
                return Err("Path ended with open filter.".into());
            }
            Step::Filter(f)
        } else if self.rest().starts_with('\'') {
            let mut names = vec![self.quoted()?];
            self.blank();
            while self.eat(",") {
                self.blank();
                if !self.rest().starts_with('\'') {
                    return Err("Unexpected character while parsing path indexer.".into());
                }
                names.push(self.quoted()?);
                self.blank();
            }
            Step::Names(names)
        } else if self.eat("*") {
            Step::Wild
        } else {
            let end = self
                .rest()
                .find(']')
                .ok_or("Path ended with open indexer.")?;
            let inner = self.rest()[..end].to_string();
            self.at += end;
            let number = |s: &str| -> Result<Option<i64>, String> {
                let s = s.trim();
                if s.is_empty() {
                    Ok(None)
                } else {
                    s.parse().map(Some).map_err(|_| {
                        format!("Unexpected character while parsing path indexer: {s}")
                    })
                }
            };
            if inner.contains(':') {
                let mut parts = inner.splitn(3, ':');
                let (a, b, c) = (
                    parts.next().unwrap_or(""),
                    parts.next().unwrap_or(""),
                    parts.next().unwrap_or(""),
                );
                let step = number(c)?.unwrap_or(1);
                if step == 0 {
                    return Err("Step cannot be zero.".into());
                }
                Step::Slice(number(a)?, number(b)?, step)
            } else {
                let list: Result<Vec<i64>, String> = inner
                    .split(',')
                    .map(|s| number(s)?.ok_or_else(|| "Array index expected.".to_string()))
                    .collect();
                Step::Indices(list?)
            }
        };
        self.blank();
        if !self.eat("]") {
            return Err("Path ended with open indexer.".into());
        }
        Ok(step)
    }

    fn or(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > 32 {
            return Err("The filter is nested too deeply.".into());
        }
        let mut any = vec![self.and()?];
        self.blank();
        while self.eat("||") {
            any.push(self.and()?);
            self.blank();
        }
        self.depth -= 1;
        Ok(Filter::Or(any))
    }

    fn and(&mut self) -> Result<Filter, String> {
        let mut all = vec![self.test()?];
        self.blank();
        while self.eat("&&") {
            all.push(self.test()?);
            self.blank();
        }
        Ok(Filter::And(all))
    }

    fn test(&mut self) -> Result<Filter, String> {
        self.blank();
        if self.eat("(") {
            let f = self.or()?;
            self.blank();
            return if self.eat(")") {
                Ok(f)
            } else {
                Err("Path ended with open filter.".into())
            };
        }
        let left = self.operand()?;
        self.blank();
        for op in ["==", "!=", "<=", ">=", "<", ">"] {
            if self.eat(op) {
                self.blank();
                let right = self.operand()?;
                return Ok(Filter::Test(left, op, right));
            }
        }
        Ok(Filter::Exists(left))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        if self.rest().starts_with(['@', '$']) {
            return Ok(Operand::Path(self.path(false)?));
        }
        if self.rest().starts_with('\'') {
            return Ok(Operand::Literal(Value::from(self.quoted()?)));
        }
        let end = self
            .rest()
            .find([' ', ')', '&', '|', ']'])
            .unwrap_or(self.rest().len());
        let word = self.rest()[..end].to_string();
        self.at += end;
        Ok(Operand::Literal(match word.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            w => match (w.parse::<i64>(), w.parse::<f64>()) {
                (Ok(n), _) => Value::Long(n),
                (_, Ok(f)) => Value::Double(f),
                _ => {
                    return Err(format!(
                        "Unexpected character while parsing path query: {w}"
                    ));
                }
            },
        }))
    }
}

fn name_step(name: String) -> Step {
    if name == "*" {
        Step::Wild
    } else {
        Step::Names(vec![name])
    }
}
