//! Tuples: their types `(int a, string b)`, their literals `(1, name: x)` and what a deconstruction assigns to.
//!
//! Called by the expression and type parsers. What must stay true: a bracket with one expression stays that expression.

use super::{Fault, Lex, Parsed, Parser};
use crate::expr::ast::{Expr, Ident, Kind, TypeRef};

impl Parser<'_> {
    /// `(T a, U b)` with the bracket at hand.
    pub(super) fn tuple_type(&mut self) -> Parsed<TypeRef> {
        let start = self.start();
        self.expect("(")?;
        let (mut args, mut names) = (Vec::new(), Vec::new());
        loop {
            args.push(self.type_ref()?);
            let name = if self.is_ident(0) {
                Some(self.ident("a name")?)
            } else {
                None
            };
            let taken = |n: &Ident| names.iter().flatten().any(|m: &Ident| m.text == n.text);
            if let Some(n) = name.as_ref().filter(|n| taken(n)) {
                return Err(Fault::new(
                    n.at.clone(),
                    format!("`{}` is there twice", n.text),
                    "expected another name",
                ));
            }
            names.push(name);
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        if args.len() < 2 {
            return self.expected("a tuple of two types or more");
        }
        Ok(TypeRef {
            at: start..self.before(),
            path: Vec::new(),
            args,
            names,
            suffix: Vec::new(),
        })
    }

    /// An expression in brackets, or a tuple.
    #[inline(never)]
    pub(super) fn bracketed(&mut self, start: usize) -> Parsed<Expr> {
        self.advance();
        let first = self.tuple_element()?;
        let declares = matches!(first.1.kind, Kind::Declare(..));
        if !self.is(",") && (declares || first.0.is_some()) {
            return self.expected("`,` and another element of the tuple");
        }
        let mut items = vec![first];
        while self.eat(",") {
            items.push(self.tuple_element()?);
        }
        self.expect(")")?;
        let at = start..self.before();
        if items.len() > 1 {
            return Ok(Expr {
                at,
                kind: Kind::Tuple(items),
            });
        }
        match items.pop() {
            Some((_, e)) => Ok(Expr { at, kind: e.kind }),
            None => self.expected("an expression"),
        }
    }

    fn tuple_element(&mut self) -> Parsed<(Option<Ident>, Expr)> {
        if self.is_ident(0) && self.ahead_is(1, ":") {
            let name = self.ident("a name")?;
            self.advance();
            return Ok((Some(name), self.expr()?));
        }
        if let Some(e) = self.designation()? {
            return Ok((None, e));
        }
        let start = self.start();
        let declared = self.attempt(|p| {
            let ty = p.type_ref()?;
            let name = p.ident("a name")?;
            if matches!(p.lex(), Lex::Punct("," | ")")) {
                Ok((ty, name))
            } else {
                p.expected("`,`")
            }
        });
        let e = match declared {
            Some((ty, name)) => Expr {
                at: start..self.before(),
                kind: Kind::Declare(super::statements::explicit(ty), name),
            },
            None => self.expr()?,
        };
        Ok((None, e))
    }

    /// `var (a, b)`, if that is at hand: the tuple of its declarations.
    pub(super) fn designation(&mut self) -> Parsed<Option<Expr>> {
        if !self.is_word("var") || !self.ahead_is(1, "(") {
            return Ok(None);
        }
        Ok(self.attempt(|p| {
            p.advance();
            let e = p.designated()?;
            if matches!(p.lex(), Lex::Punct("=" | "," | ")")) || p.is_word("in") {
                Ok(e)
            } else {
                p.expected("`=`")
            }
        }))
    }

    /// `(a, (b, _))` after `var`.
    pub(super) fn designated(&mut self) -> Parsed<Expr> {
        self.deeper(|p| {
            let start = p.start();
            p.expect("(")?;
            let mut items = Vec::new();
            loop {
                items.push(if p.is("(") {
                    (None, p.designated()?)
                } else {
                    let name = p.ident("a name")?;
                    let at = name.at.clone();
                    let kind = Kind::Declare(None, name);
                    (None, Expr { at, kind })
                });
                if !p.eat(",") {
                    break;
                }
            }
            p.expect(")")?;
            let at = start..p.before();
            if items.len() < 2 {
                return Err(Fault::new(
                    at,
                    "a deconstruction needs two variables or more",
                    "expected `,`",
                ));
            }
            Ok(Expr {
                at,
                kind: Kind::Tuple(items),
            })
        })
    }
}
