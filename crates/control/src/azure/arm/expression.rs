//! `[concat(parameters('a'), '-', variables('b')[0].name)]`: text to tree.
//!
//! Source: ARM's template syntax. What must stay true: nesting is bounded, and a fault says what was expected where.

/// Deepest nesting.
const DEPTH: usize = 64;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Text(String),
    Integer(i64),
    /// A function by its name in lower case, namespaces included.
    Call(String, Vec<Expression>),
    /// `.name`
    Member(Box<Expression>, String),
    /// `[index]`
    Item(Box<Expression>, Box<Expression>),
}

/// The expression that a text is, if it is one.
pub(super) fn inside(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    (!inside.starts_with('[')).then_some(inside)
}

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut reader = Reader { rest: text };
    let expression = reader.expression(0)?;
    reader.blank();
    if reader.rest.is_empty() {
        Ok(expression)
    } else {
        Err(format!("expected the end before `{}`", shown(reader.rest)))
    }
}

fn shown(text: &str) -> String {
    text.chars().take(20).collect()
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: char) -> bool {
        self.blank();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: char) -> Result<(), String> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(format!("expected `{token}` before `{}`", shown(self.rest)))
        }
    }

    fn expression(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > DEPTH {
            return Err(format!("more than {DEPTH} expressions inside each other"));
        }
        self.blank();
        let mut expression = match self.rest.chars().next() {
            Some('\'') => self.text()?,
            Some(c) if c.is_ascii_digit() || c == '-' => self.number()?,
            Some(c) if c.is_alphabetic() || c == '_' => self.call(depth)?,
            _ => return Err(format!("expected a value before `{}`", shown(self.rest))),
        };
        loop {
            if self.eat('.') {
                let name = self.name();
                if name.is_empty() {
                    return Err(String::from("expected a name behind `.`"));
                }
                expression = Expression::Member(Box::new(expression), name);
            } else if self.eat('[') {
                let index = self.expression(depth + 1)?;
                self.expect(']')?;
                expression = Expression::Item(Box::new(expression), Box::new(index));
            } else {
                return Ok(expression);
            }
        }
    }

    /// `'it''s'`
    fn text(&mut self) -> Result<Expression, String> {
        let mut text = String::new();
        let mut rest = self.rest.get(1..).unwrap_or_default();
        loop {
            let Some((before, after)) = rest.split_once('\'') else {
                return Err(String::from("a text does not end"));
            };
            text.push_str(before);
            match after.strip_prefix('\'') {
                Some(more) => {
                    text.push('\'');
                    rest = more;
                }
                None => {
                    self.rest = after;
                    return Ok(Expression::Text(text));
                }
            }
        }
    }

    fn number(&mut self) -> Result<Expression, String> {
        let sign = usize::from(self.rest.starts_with('-'));
        let digits = self.rest[sign..]
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(self.rest.len() - sign);
        let (number, rest) = self.rest.split_at(sign + digits);
        let number = number
            .parse()
            .map_err(|_| format!("`{}` is not a whole number", shown(number)))?;
        self.rest = rest;
        Ok(Expression::Integer(number))
    }

    fn name(&mut self) -> String {
        self.blank();
        let end = self
            .rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name.to_owned()
    }

    fn call(&mut self, depth: usize) -> Result<Expression, String> {
        let mut name = self.name().to_ascii_lowercase();
        while self.eat('.') {
            name.push('.');
            name.push_str(&self.name().to_ascii_lowercase());
        }
        self.expect('(')?;
        let mut arguments = Vec::new();
        if self.eat(')') {
            return Ok(Expression::Call(name, arguments));
        }
        loop {
            arguments.push(self.expression(depth + 1)?);
            if self.eat(')') {
                return Ok(Expression::Call(name, arguments));
            }
            self.expect(',')?;
        }
    }
}
