//! Patterns after `is`, in `case` and in the arms of a `switch` expression.
//!
//! Called by the expression and statement parsers. What must stay true: a name alone may be a type or a constant; the
//! binder tells them apart.

use super::{Lex, Parsed, Parser};
use crate::expr::ast::{Arm, Expr, Ident, Kind, Pattern};

impl Parser<'_> {
    /// Any pattern: `and` binds tighter than `or`.
    pub(super) fn pattern(&mut self) -> Parsed<Pattern> {
        self.deeper(|p| {
            let mut left = p.pattern_and()?;
            while p.is_word("or") {
                p.advance();
                left = Pattern::Or(Box::new(left), Box::new(p.pattern_and()?));
            }
            Ok(left)
        })
    }

    /// The pattern of a `case`, where a constant may have any operators: `A | B`.
    pub(super) fn case_pattern(&mut self) -> Parsed<Pattern> {
        let saved = self.at;
        let found = self.attempt(Self::pattern);
        if let Some(found) = found.filter(|_| self.ends_case()) {
            return Ok(found);
        }
        self.at = saved;
        let constant = self.attempt(Self::expr);
        if let Some(e) = constant.filter(|_| self.ends_case()) {
            return Ok(Pattern::Constant(Box::new(e)));
        }
        self.at = saved;
        self.pattern()
    }

    fn ends_case(&self) -> bool {
        self.is(":") || self.is_word("when")
    }

    /// Whether an operand follows, which makes a type in brackets before it a cast.
    fn at_operand(&self) -> bool {
        match self.lex() {
            Lex::Int(..) | Lex::Real(..) | Lex::Str(_) | Lex::Char(_) | Lex::Name(_) => true,
            Lex::Word(w) => {
                !matches!(&**w, "when" | "and" | "or" | "is" | "as") && !self.is_query_word()
            }
            Lex::Punct(p) => matches!(*p, "(" | "~"),
            _ => false,
        }
    }

    fn pattern_and(&mut self) -> Parsed<Pattern> {
        let mut left = self.pattern_not()?;
        while self.is_word("and") {
            self.advance();
            left = Pattern::And(Box::new(left), Box::new(self.pattern_not()?));
        }
        Ok(left)
    }

    fn pattern_not(&mut self) -> Parsed<Pattern> {
        if self.is_word("not") && !self.ends_pattern(1) {
            self.advance();
            return self.deeper(|p| Ok(Pattern::Not(Box::new(p.pattern_not()?))));
        }
        self.pattern_one()
    }

    /// Whether what stands there ends a pattern, so that the word before it is a name.
    fn ends_pattern(&self, n: usize) -> bool {
        match self.ahead(n) {
            Lex::Punct(p) => matches!(
                *p,
                ")" | "," | ":" | ";" | "}" | "]" | "=>" | "&&" | "||" | "?" | "."
            ),
            Lex::End => true,
            _ => false,
        }
    }

    fn pattern_one(&mut self) -> Parsed<Pattern> {
        if self.is_word("var") {
            if let Some(e) = self.attempt(|p| {
                p.advance();
                p.designated()
            }) {
                return Ok(var_pattern(&e));
            }
            if self.is_ident(1) {
                self.advance();
                return Ok(Pattern::Var(self.ident("a name")?));
            }
        }
        if self.is_word("_") && self.ends_pattern(1) {
            self.advance();
            return Ok(Pattern::Discard);
        }
        for op in ["<=", ">=", "<", ">"] {
            if self.is(op) {
                self.advance();
                let value = self.deeper(|p| p.binary(7))?;
                return Ok(Pattern::Relational(op, Box::new(value)));
            }
        }
        if self.is("{") {
            let members = self.member_patterns()?;
            let name = self.pattern_name()?;
            return Ok(Pattern::Members(None, members, name));
        }
        if self.is("(") {
            let saved = self.at;
            let listed = self.attempt(Self::pattern_list);
            let cast = listed.as_ref().is_some_and(|l| l.len() == 1) && self.at_operand();
            if cast {
                self.at = saved;
            } else if let Some(mut list) = listed {
                return Ok(match (list.len(), list.pop()) {
                    (1, Some(only)) => only,
                    (_, last) => {
                        list.extend(last);
                        Pattern::Parts(list)
                    }
                });
            }
        }
        let constant = match self.lex() {
            Lex::Word(w) => matches!(&**w, "null" | "true" | "false"),
            Lex::Punct("-") | Lex::Int(..) | Lex::Real(..) | Lex::Str(_) | Lex::Char(_) => true,
            _ => false,
        };
        if !constant && let Some(found) = self.attempt(Self::type_pattern) {
            return Ok(found);
        }
        Ok(Pattern::Constant(Box::new(self.deeper(|p| p.binary(7))?)))
    }

    /// `T`, `T x`, `T { A: 1 } x`; also a constant's name.
    fn type_pattern(&mut self) -> Parsed<Pattern> {
        let ty = self.type_ref_in_is()?;
        if self.is("{") && !ty.path.is_empty() {
            let members = self.member_patterns()?;
            let name = self.pattern_name()?;
            return Ok(Pattern::Members(Some(ty), members, name));
        }
        let name = self.pattern_name()?;
        // `Type.Method(…)`, `A + 1`: no type.
        let goes_on = ["(", "+", "-", "*", "/", "%", "<<", ">>"];
        if name.is_none() && goes_on.iter().any(|p| self.is(p)) {
            return self.expected("a pattern");
        }
        Ok(Pattern::Type(ty, name))
    }

    fn pattern_name(&mut self) -> Parsed<Option<Ident>> {
        let word = self.is_ident(0)
            && !["when", "and", "or"].iter().any(|w| self.is_word(w))
            && !self.is_query_word();
        if word {
            return Ok(Some(self.ident("a name")?));
        }
        // `is T and` at the end: the word is a variable.
        Ok(None)
    }

    /// Words that begin the next clause of a query: `where x is T select x`.
    pub(super) fn is_query_word(&self) -> bool {
        [
            "select",
            "where",
            "orderby",
            "group",
            "join",
            "let",
            "from",
            "into",
            "ascending",
            "descending",
            "on",
            "equals",
            "by",
        ]
        .iter()
        .any(|w| self.is_word(w))
            && !self.ends_pattern(1)
    }

    /// `{ A: p, B.C: q }`.
    fn member_patterns(&mut self) -> Parsed<Vec<(Ident, Pattern)>> {
        self.expect("{")?;
        let mut out = Vec::new();
        while !self.is("}") {
            let mut path = vec![self.ident("the name of a member")?];
            while self.eat(".") {
                path.push(self.ident("the name of a member")?);
            }
            self.expect(":")?;
            let mut pattern = self.pattern()?;
            while path.len() > 1
                && let Some(last) = path.pop()
            {
                pattern = Pattern::Members(None, vec![(last, pattern)], None);
            }
            out.extend(path.pop().map(|first| (first, pattern)));
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok(out)
    }

    fn pattern_list(&mut self) -> Parsed<Vec<Pattern>> {
        self.expect("(")?;
        let mut out = Vec::new();
        loop {
            out.push(self.pattern()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(out)
    }

    /// `of switch { pattern when test => value, … }` with `switch` at hand.
    pub(super) fn switch_expression(&mut self, of: Expr) -> Parsed<Expr> {
        let start = of.at.start;
        self.advance();
        self.expect("{")?;
        let mut arms = Vec::new();
        while !self.is("}") {
            let begin = self.start();
            let pattern = self.pattern()?;
            let when = if self.eat_word("when") {
                Some(self.expr()?)
            } else {
                None
            };
            self.expect("=>")?;
            let value = self.expr()?;
            arms.push(Arm {
                at: begin..self.before(),
                pattern,
                when,
                value,
            });
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::Switch(Box::new(of), arms),
        })
    }
}

/// `var (a, b)` as a pattern.
fn var_pattern(e: &Expr) -> Pattern {
    match &e.kind {
        Kind::Tuple(items) => Pattern::Parts(items.iter().map(|(_, e)| var_pattern(e)).collect()),
        Kind::Declare(_, name) if &*name.text != "_" => Pattern::Var(name.clone()),
        _ => Pattern::Discard,
    }
}
