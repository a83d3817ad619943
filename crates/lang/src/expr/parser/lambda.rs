//! Lambdas and anonymous methods.

use super::{Fault, Lex, Parsed, Parser};
use crate::expr::ast::{Body, Expr, Kind, Param};

impl Parser<'_> {
    pub(super) fn is_lambda(&self) -> bool {
        self.is_lambda_at(0)
    }

    fn is_lambda_at(&self, n: usize) -> bool {
        if self.is_ident(n) && self.ahead_is(n + 1, "=>") {
            return true;
        }
        if !self.ahead_is(n, "(") {
            return false;
        }
        // The bracket's end, then `=>`.
        let mut depth = 0usize;
        for (i, t) in self.tokens.iter().skip(self.at + n).enumerate() {
            match t.kind {
                Lex::Punct("(") => depth += 1,
                Lex::Punct(")") => {
                    depth -= 1;
                    if depth == 0 {
                        return self.ahead_is(n + i + 1, "=>");
                    }
                }
                Lex::Punct("{" | ";" | "=>") | Lex::End => return false,
                _ => {}
            }
        }
        false
    }

    pub(super) fn lambda(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let mut params = Vec::new();
        if self.eat("(") {
            while !self.is(")") {
                let typed = !(self.is_ident(0) && matches!(self.ahead(1), Lex::Punct("," | ")")));
                let ty = if typed { Some(self.type_ref()?) } else { None };
                params.push(Param::plain(ty, self.ident("a parameter name")?));
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")")?;
        } else {
            params.push(Param::plain(None, self.ident("a parameter name")?));
        }
        self.expect("=>")?;
        let body = self.body()?;
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::Lambda(params, body),
        })
    }

    /// `delegate (int x) { … }`, `delegate { … }`.
    pub(super) fn anonymous_method(&mut self) -> Parsed<Expr> {
        let start = self.start();
        self.advance();
        let mut params = None;
        if self.eat("(") {
            let mut list = Vec::new();
            while !self.is(")") {
                let ty = Some(self.type_ref()?);
                list.push(Param::plain(ty, self.ident("a parameter name")?));
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")")?;
            params = Some(list);
        }
        let body = self.block()?;
        let at = start..self.before();
        let kind = match params {
            Some(list) => Kind::Lambda(list, Body::Block(body)),
            None => Kind::Delegate(body),
        };
        Ok(Expr { at, kind })
    }

    /// `async` in front of a lambda.
    pub(super) fn refuse_async(&self) -> Parsed<()> {
        let lambda = self.ahead_is(1, "(") || (self.is_ident(1) && self.ahead_is(2, "=>"));
        if self.is_word("async") && lambda && matches!(self.ahead(1), Lex::Punct(_) | Lex::Word(_))
        {
            let at = self.here();
            if self.ahead_is(1, "(") && !self.is_lambda_at(1) {
                return Ok(());
            }
            return Err(Fault::new(
                at,
                "`async` and `await` cannot be used in a policy expression",
                "not available",
            )
            .help("leave `async` out; nothing here waits"));
        }
        Ok(())
    }
}
