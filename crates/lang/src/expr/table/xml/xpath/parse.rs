//! The text of an XPath expression (XPath 1.0, section 3).
//!
//! What must stay true: the size and the depth of what is read are bounded, so that evaluating it with recursion is safe;
//! messages are .NET's.

use super::functions::{check, is_core};
use super::{Axis, Expr, Operator, Origin, Step, Test};
use crate::value::xml::is_name;

/// Deepest nest of parentheses, predicates and calls, and most operators.
const MAX_NESTED: usize = 48;
const MAX_OPERATORS: usize = 160;
/// Longest path in characters.
const MAX_LENGTH: usize = 16_384;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A name with its prefix; `*` as the local part stands for all.
    Name(Option<String>, String),
    Text(String),
    Number(f64),
    Symbol(&'static str),
    Variable,
    End,
}

const SYMBOLS: [&str; 24] = [
    "//", "::", "..", "!=", "<=", ">=", "/", "(", ")", "[", "]", ".", "@", ",", "|", "+", "-", "=",
    "<", ">", "*", "$", "!", ":",
];

/// Reads an expression; the error is the message of an `XPathException`.
pub(crate) fn parse(path: &str) -> Result<Expr, String> {
    read(path, false)
}

/// Reads an expression of a stylesheet: with variables, and functions that XPath does not have.
pub(crate) fn parse_extended(path: &str) -> Result<Expr, String> {
    read(path, true)
}

fn read(path: &str, extended: bool) -> Result<Expr, String> {
    if path.chars().count() > MAX_LENGTH {
        return Err(String::from("The xpath query is too complex."));
    }
    let mut p = Parser {
        path,
        rest: path,
        now: Token::End,
        nested: 0,
        operators: 0,
        extended,
    };
    p.advance()?;
    let expr = p.expr(0)?;
    if p.now != Token::End {
        return Err(p.invalid());
    }
    Ok(expr)
}

struct Parser<'p> {
    path: &'p str,
    rest: &'p str,
    now: Token,
    nested: usize,
    operators: usize,
    /// Whether variables and any function may stand.
    extended: bool,
}

/// Operators by how loosely they bind.
const LEVELS: [&[(&str, Operator)]; 7] = [
    &[("or", Operator::Or)],
    &[("and", Operator::And)],
    &[("=", Operator::Equal), ("!=", Operator::NotEqual)],
    &[
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[
        ("*", Operator::Multiply),
        ("div", Operator::Divide),
        ("mod", Operator::Modulo),
    ],
    &[("|", Operator::Union)],
];

fn name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\u{b7}')
}

impl Parser<'_> {
    fn invalid(&self) -> String {
        format!("'{}' has an invalid token.", self.path)
    }

    fn advance(&mut self) -> Result<Token, String> {
        let next = self.scan()?;
        Ok(std::mem::replace(&mut self.now, next))
    }

    fn scan(&mut self) -> Result<Token, String> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        // .NET's scanner takes U+0000 for the end.
        let Some(c) = self.rest.chars().next().filter(|c| *c != '\0') else {
            return Ok(Token::End);
        };
        let digit = |c: char| c.is_ascii_digit();
        if matches!(c, '"' | '\'') {
            let inner = &self.rest[1..];
            let end = inner.find(c).ok_or("This is an unclosed string.")?;
            self.rest = &inner[end + 1..];
            return Ok(Token::Text(inner[..end].to_owned()));
        }
        if digit(c) || (c == '.' && self.rest[1..].starts_with(digit)) {
            let whole = self.rest.find(|c| !digit(c)).unwrap_or(self.rest.len());
            let mut end = whole;
            if self.rest[whole..].starts_with('.') {
                let after = &self.rest[whole + 1..];
                end = whole + 1 + after.find(|c| !digit(c)).unwrap_or(after.len());
            }
            let number = self.rest[..end].parse().map_err(|_| self.invalid())?;
            self.rest = &self.rest[end..];
            return Ok(Token::Number(number));
        }
        if c == '_' || c.is_alphabetic() {
            let local = self.word();
            // A prefix stands directly before its name; `::` ends the name of an axis.
            if let Some(after) = self.rest.strip_prefix(':')
                && !after.starts_with(':')
            {
                if let Some(rest) = after.strip_prefix('*') {
                    self.rest = rest;
                    return Ok(Token::Name(Some(local), "*".into()));
                }
                if after.starts_with(|c: char| c == '_' || c.is_alphabetic()) {
                    self.rest = after;
                    let name = self.word();
                    return Ok(Token::Name(Some(local), name));
                }
                return Err(format!("'{}' has an invalid qualified name.", self.path));
            }
            if !is_name(&local) {
                return Err(self.invalid());
            }
            return Ok(Token::Name(None, local));
        }
        let symbol = SYMBOLS
            .into_iter()
            .find(|s| self.rest.starts_with(s))
            .ok_or_else(|| self.invalid())?;
        self.rest = &self.rest[symbol.len()..];
        Ok(if symbol == "$" {
            Token::Variable
        } else {
            Token::Symbol(symbol)
        })
    }

    fn word(&mut self) -> String {
        let end = self.rest.find(|c| !name_char(c)).unwrap_or(self.rest.len());
        let word = self.rest[..end].to_owned();
        self.rest = &self.rest[end..];
        word
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(&self.now, Token::Symbol(s) if *s == symbol)
    }

    fn eat(&mut self, symbol: &str) -> Result<bool, String> {
        let found = self.is(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.eat(symbol)? {
            Ok(())
        } else {
            Err(self.invalid())
        }
    }

    fn enter(&mut self) -> Result<(), String> {
        self.nested += 1;
        if self.nested > MAX_NESTED {
            return Err(String::from("The xpath query is too complex."));
        }
        Ok(())
    }

    fn operator(&self, level: usize) -> Option<Operator> {
        let text = match &self.now {
            Token::Symbol(s) => *s,
            Token::Name(None, s) => s.as_str(),
            _ => return None,
        };
        let found = LEVELS[level].iter().find(|(s, _)| *s == text);
        found.map(|(_, operator)| *operator)
    }

    fn expr(&mut self, level: usize) -> Result<Expr, String> {
        let lower = |p: &mut Self| match level {
            6 => p.path(),
            5 => p.unary(),
            _ => p.expr(level + 1),
        };
        let mut left = lower(self)?;
        while let Some(operator) = self.operator(level) {
            self.operators += 1;
            if self.operators > MAX_OPERATORS {
                return Err(String::from("The xpath query is too complex."));
            }
            self.advance()?;
            let right = lower(self)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        let mut minus = false;
        while self.eat("-")? {
            minus = !minus;
        }
        let expr = self.expr(6)?;
        Ok(if minus {
            Expr::Negate(Box::new(expr))
        } else {
            expr
        })
    }

    /// Whether a function is called here, and no node test stands.
    fn is_call(&self) -> bool {
        let Token::Name(_, name) = &self.now else {
            return false;
        };
        let next = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        next.starts_with('(')
            && !matches!(
                name.as_str(),
                "node" | "text" | "comment" | "processing-instruction"
            )
    }

    fn path(&mut self) -> Result<Expr, String> {
        let start = match &self.now {
            Token::Text(s) => Some(Expr::Text(s.clone())),
            Token::Number(n) => Some(Expr::Number(*n)),
            Token::Variable if self.extended => Some(self.variable()?),
            Token::Variable => return Err(super::CONTEXT_NEEDED.into()),
            _ => None,
        };
        let start = match start {
            Some(literal) => {
                self.advance()?;
                Some(literal)
            }
            None if self.is("(") => {
                self.enter()?;
                self.advance()?;
                let inner = self.expr(0)?;
                self.expect(")")?;
                self.nested -= 1;
                Some(inner)
            }
            None if self.is_call() => Some(self.call()?),
            None => None,
        };
        let mut steps = Vec::new();
        let Some(start) = start else {
            let from = if self.is("/") || self.is("//") {
                Origin::Root
            } else {
                Origin::Context
            };
            let rooted = matches!(from, Origin::Root);
            if self.eat("/")? {
                // `/` alone is the root.
                if self.starts_step() {
                    self.steps(&mut steps)?;
                }
            } else {
                if !rooted && !self.starts_step() {
                    return Err(match self.now {
                        Token::End if self.path.trim().is_empty() => {
                            String::from("Expression must evaluate to a node-set.")
                        }
                        _ => self.invalid(),
                    });
                }
                self.steps(&mut steps)?;
            }
            return Ok(Expr::Path {
                from,
                filters: Vec::new(),
                steps,
            });
        };
        let filters = self.filters()?;
        if self.is("//") || self.eat("/")? {
            self.steps(&mut steps)?;
        }
        if filters.is_empty() && steps.is_empty() {
            return Ok(start);
        }
        Ok(Expr::Path {
            from: Origin::Expr(Box::new(start)),
            filters,
            steps,
        })
    }

    /// The name after a `$`, which becomes the token at hand.
    fn variable(&mut self) -> Result<Expr, String> {
        self.advance()?;
        match &self.now {
            Token::Name(_, local) if local == "*" => Err(self.invalid()),
            Token::Name(Some(prefix), local) => {
                Ok(Expr::Variable(format!("{prefix}:{local}"), usize::MAX))
            }
            Token::Name(None, local) => Ok(Expr::Variable(local.clone(), usize::MAX)),
            _ => Err(self.invalid()),
        }
    }

    fn starts_step(&self) -> bool {
        matches!(self.now, Token::Name(..)) || [".", "..", "@", "*"].iter().any(|s| self.is(s))
    }

    /// Steps with what stands between them; `//` may come first.
    fn steps(&mut self, out: &mut Vec<Step>) -> Result<(), String> {
        loop {
            if self.eat("//")? {
                out.push(Step {
                    axis: Axis::DescendantOrSelf,
                    test: Test::Any,
                    filters: Vec::new(),
                });
            }
            out.push(self.step()?);
            if !self.is("//") && !self.eat("/")? {
                return Ok(());
            }
        }
    }

    fn step(&mut self) -> Result<Step, String> {
        for (symbol, axis) in [("..", Axis::Parent), (".", Axis::Itself)] {
            if self.eat(symbol)? {
                return Ok(Step {
                    axis,
                    test: Test::Any,
                    filters: Vec::new(),
                });
            }
        }
        let mut axis = Axis::Child;
        if self.eat("@")? {
            axis = Axis::Attribute;
        } else if let Token::Name(None, name) = &self.now
            && self
                .rest
                .trim_start_matches([' ', '\t', '\r', '\n'])
                .starts_with("::")
        {
            axis = match name.as_str() {
                "ancestor" => Axis::Ancestor,
                "ancestor-or-self" => Axis::AncestorOrSelf,
                "attribute" => Axis::Attribute,
                "child" => Axis::Child,
                "descendant" => Axis::Descendant,
                "descendant-or-self" => Axis::DescendantOrSelf,
                "following" => Axis::Following,
                "following-sibling" => Axis::FollowingSibling,
                "parent" => Axis::Parent,
                "preceding" => Axis::Preceding,
                "preceding-sibling" => Axis::PrecedingSibling,
                "self" => Axis::Itself,
                "namespace" if self.extended => Axis::Namespace,
                "namespace" => return Err(String::from("The namespace axis is not supported.")),
                _ => return Err(self.invalid()),
            };
            self.advance()?;
            self.expect("::")?;
        }
        let test = self.test()?;
        let filters = self.filters()?;
        Ok(Step {
            axis,
            test,
            filters,
        })
    }

    fn test(&mut self) -> Result<Test, String> {
        if self.eat("*")? {
            return Ok(Test::Named);
        }
        let Token::Name(prefix, name) = self.now.clone() else {
            return Err(if self.now == Token::End {
                format!(
                    "Expression must evaluate to a node-set: '{}' ends.",
                    self.path
                )
            } else {
                self.invalid()
            });
        };
        self.advance()?;
        if prefix.is_none() && self.is("(") {
            self.advance()?;
            let test = match name.as_str() {
                "node" => Test::Any,
                "text" => Test::Text,
                "comment" => Test::Comment,
                "processing-instruction" => match self.now.clone() {
                    Token::Text(target) => {
                        self.advance()?;
                        Test::Instruction(Some(target))
                    }
                    _ => Test::Instruction(None),
                },
                _ => return Err(self.invalid()),
            };
            self.expect(")")?;
            return Ok(test);
        }
        Ok(match (prefix, name.as_str()) {
            (Some(prefix), "*") => Test::Prefixed(prefix),
            (prefix, _) => Test::Name(prefix, name),
        })
    }

    fn filters(&mut self) -> Result<Vec<Expr>, String> {
        let mut out = Vec::new();
        while self.is("[") {
            self.enter()?;
            self.advance()?;
            out.push(self.expr(0)?);
            self.expect("]")?;
            self.nested -= 1;
        }
        Ok(out)
    }

    fn call(&mut self) -> Result<Expr, String> {
        let Token::Name(prefix, name) = self.advance()? else {
            return Err(self.invalid());
        };
        self.enter()?;
        self.expect("(")?;
        let mut args = Vec::new();
        if !self.is(")") {
            loop {
                args.push(self.expr(0)?);
                if !self.eat(",")? {
                    break;
                }
            }
        }
        self.expect(")")?;
        self.nested -= 1;
        let name = match prefix {
            Some(prefix) => format!("{prefix}:{name}"),
            None => name,
        };
        if !self.extended || is_core(&name) {
            check(&name, args.len(), self.path)?;
        }
        Ok(Expr::Call(name, args))
    }
}
