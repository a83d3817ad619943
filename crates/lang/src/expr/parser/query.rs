//! Query expressions (`from … where … select …`), rewritten to the calls that C# makes of them (C# §12.20.3).
//!
//! What must stay true: a range variable means the same in every later clause. More than one are carried in an anonymous
//! object; the lambda of a clause takes it apart again, so no name is replaced in what the author wrote.

use super::{Fault, Lex, Parsed, Parser};
use crate::expr::ast::{
    Arg, ArgValue, At, Body, Expr, Ident, Kind, Param, Stmt, StmtKind, TypeRef,
};
use crate::value::Str;

/// Most clauses of one query.
const MOST_CLAUSES: usize = 64;

/// A query so far.
struct Query {
    source: Expr,
    names: Vec<Ident>,
    /// The source's items are anonymous objects of the names, not the one variable itself.
    carried: bool,
    /// Parameter that carries several range variables: no name that can be written, and another in each query, of which
    /// one may stand in a clause of another.
    carrier: Str,
}

impl Parser<'_> {
    /// Whether a query begins here: `from x in`, or `from T x in`.
    pub(super) fn is_query(&mut self) -> bool {
        if !self.is_word("from") || !matches!(self.ahead(1), Lex::Word(_) | Lex::Name(_)) {
            return false;
        }
        let begin = self.at;
        let found = self.attempt(|p| {
            p.advance();
            p.range_variable()
        });
        self.at = begin;
        found.is_some()
    }

    /// `[T] x in`.
    fn range_variable(&mut self) -> Parsed<(Option<TypeRef>, Ident)> {
        let ty = if self.is_ident(0) && matches!(self.ahead(1), Lex::Word(w) if &**w == "in") {
            None
        } else {
            Some(self.type_ref()?)
        };
        let name = self.ident("a range variable")?;
        if !self.eat_word("in") {
            return self.expected("`in`");
        }
        Ok((ty, name))
    }

    /// The whole query.
    pub(super) fn query(&mut self) -> Parsed<Expr> {
        self.queries += 1;
        let made = self.clauses();
        self.queries -= 1;
        made
    }

    fn clauses(&mut self) -> Parsed<Expr> {
        let start = self.start();
        self.advance();
        let (ty, name) = self.range_variable()?;
        let source = self.expr()?;
        let mut query = Query {
            source: cast(ty, source),
            names: vec![name],
            carried: false,
            carrier: Str::from(format!("<>range{start}").as_str()),
        };
        // Whether a clause stands before `select`.
        let mut clauses = false;
        for _ in 0..MOST_CLAUSES {
            let at = self.start();
            if self.eat_word("from") {
                let (ty, name) = self.range_variable()?;
                let inner = cast(ty, self.expr()?);
                query.flatten(inner, name, at..self.before())?;
                clauses = true;
            } else if self.eat_word("let") {
                let name = self.ident("a range variable")?;
                self.expect("=")?;
                let value = self.expr()?;
                query.bind(name, value, at..self.before())?;
                clauses = true;
            } else if self.eat_word("where") {
                let condition = self.expr()?;
                let f = query.lambda(condition);
                query.call("Where", vec![f], at..self.before());
                clauses = true;
            } else if self.eat_word("join") {
                self.join_clause(&mut query, at)?;
                clauses = true;
            } else if self.eat_word("orderby") {
                self.order_clause(&mut query, at)?;
                clauses = true;
            } else if self.eat_word("select") {
                let selected = self.expr()?;
                // The range variable itself behind other clauses is what there is already.
                if !(clauses && query.is_whole(&selected)) {
                    let f = query.lambda(selected);
                    query.call("Select", vec![f], at..self.before());
                }
                clauses = false;
                if !self.goes_on(&mut query)? {
                    return Ok(query.done(start));
                }
            } else if self.eat_word("group") {
                let element = self.expr()?;
                if !self.eat_word("by") {
                    return self.expected("`by`");
                }
                let key = self.expr()?;
                let whole = query.is_whole(&element);
                clauses = false;
                let mut lambdas = vec![query.lambda(key)];
                if !whole {
                    lambdas.push(query.lambda(element));
                }
                query.call("GroupBy", lambdas, at..self.before());
                if !self.goes_on(&mut query)? {
                    return Ok(query.done(start));
                }
            } else {
                return self.expected("`select`, `group` or another clause of the query");
            }
        }
        Err(Fault::new(
            self.here(),
            format!("the query has more than {MOST_CLAUSES} clauses"),
            "too many",
        ))
    }

    /// `into x`: what was selected is the source of the rest.
    fn goes_on(&mut self, query: &mut Query) -> Parsed<bool> {
        if !self.eat_word("into") {
            return Ok(false);
        }
        query.names = vec![self.ident("a range variable")?];
        query.carried = false;
        Ok(true)
    }

    /// `join x in e on a equals b [into g]`.
    fn join_clause(&mut self, query: &mut Query, at: usize) -> Parsed<()> {
        let (ty, name) = self.range_variable()?;
        let inner = cast(ty, self.expr()?);
        if !self.eat_word("on") {
            return self.expected("`on`");
        }
        let outer_key = self.expr()?;
        if !self.eat_word("equals") {
            return self.expected("`equals`");
        }
        let inner_key = self.expr()?;
        let group = if self.eat_word("into") {
            Some(self.ident("a range variable")?)
        } else {
            None
        };
        let at = at..self.before();
        let outer = query.lambda(outer_key);
        let own = lambda(vec![name.clone()], Body::Expr(Box::new(inner_key)), &at);
        let method = if group.is_some() { "GroupJoin" } else { "Join" };
        let result = query.joined(group.unwrap_or(name), &at)?;
        query.call(method, vec![inner, outer, own, result], at);
        Ok(())
    }

    /// `orderby a, b descending`.
    fn order_clause(&mut self, query: &mut Query, at: usize) -> Parsed<()> {
        let mut first = true;
        loop {
            let key = self.expr()?;
            let descending = self.eat_word("descending");
            if !descending {
                self.eat_word("ascending");
            }
            let method = match (first, descending) {
                (true, false) => "OrderBy",
                (true, true) => "OrderByDescending",
                (false, false) => "ThenBy",
                (false, true) => "ThenByDescending",
            };
            let f = query.lambda(key);
            query.call(method, vec![f], at..self.before());
            first = false;
            if !self.eat(",") {
                return Ok(());
            }
        }
    }
}

/// `from T x in e` is `e.Cast<T>()`.
fn cast(ty: Option<TypeRef>, source: Expr) -> Expr {
    let Some(ty) = ty else { return source };
    let at = source.at.clone();
    let method = Expr {
        at: at.clone(),
        kind: Kind::Member(Box::new(source), ident("Cast", &at), vec![ty]),
    };
    Expr {
        at,
        kind: Kind::Call(Box::new(method), Vec::new()),
    }
}

fn ident(text: &str, at: &At) -> Ident {
    Ident {
        at: at.clone(),
        text: Str::from(text),
    }
}

fn name(of: &Ident) -> Expr {
    Expr {
        at: of.at.clone(),
        kind: Kind::Name(of.clone(), Vec::new()),
    }
}

fn lambda(params: Vec<Ident>, body: Body, at: &At) -> Expr {
    let params = params.into_iter().map(|name| Param::plain(None, name));
    Expr {
        at: at.clone(),
        kind: Kind::Lambda(params.collect(), body),
    }
}

impl Query {
    /// Whether an expression is the only range variable.
    fn is_whole(&self, e: &Expr) -> bool {
        matches!(
            (&e.kind, self.names.as_slice()),
            (Kind::Name(n, args), [only]) if args.is_empty() && n.text == only.text && !self.carried
        )
    }

    fn done(self, start: usize) -> Expr {
        let mut query = self.source;
        query.at.start = start;
        query
    }

    /// `source.method(args)` becomes the source.
    fn call(&mut self, method: &str, args: Vec<Expr>, at: At) {
        let nothing = Expr {
            at: at.clone(),
            kind: Kind::Receiver,
        };
        let source = std::mem::replace(&mut self.source, nothing);
        let whole = source.at.start..at.end;
        let method = Expr {
            at: at.clone(),
            kind: Kind::Member(Box::new(source), ident(method, &at), Vec::new()),
        };
        let args = args.into_iter().map(|value| Arg {
            name: None,
            value: ArgValue::Expr(value),
        });
        self.source = Expr {
            at: whole,
            kind: Kind::Call(Box::new(method), args.collect()),
        };
    }

    /// The parameter of a clause's lambda, and what takes it apart.
    fn parameter(&self, at: &At) -> (Ident, Vec<Stmt>) {
        if !self.carried {
            return (self.names[0].clone(), Vec::new());
        }
        let carrier = ident(&self.carrier, at);
        let apart = self.names.iter().map(|variable| Stmt {
            at: variable.at.clone(),
            kind: StmtKind::Local(
                None,
                vec![(
                    variable.clone(),
                    Some(Expr {
                        at: variable.at.clone(),
                        kind: Kind::Member(Box::new(name(&carrier)), variable.clone(), Vec::new()),
                    }),
                )],
                false,
            ),
        });
        (carrier.clone(), apart.collect())
    }

    /// A lambda over the range variables, and perhaps one more.
    fn lambda_with(&self, more: Option<Ident>, result: Expr) -> Expr {
        let at = result.at.clone();
        let (first, mut body) = self.parameter(&at);
        let params = std::iter::once(first).chain(more).collect();
        if body.is_empty() {
            return lambda(params, Body::Expr(Box::new(result)), &at);
        }
        body.push(Stmt {
            at: at.clone(),
            kind: StmtKind::Return(Some(result)),
        });
        lambda(params, Body::Block(body), &at)
    }

    fn lambda(&self, result: Expr) -> Expr {
        self.lambda_with(None, result)
    }

    /// An object of all variables and the new one.
    fn carrying(&self, new: &Ident, value: Expr, at: &At) -> Parsed<Expr> {
        if self.names.iter().any(|n| n.text == new.text) {
            return Err(Fault::new(
                new.at.clone(),
                format!("the query has a range variable `{}` already", new.text),
                "expected another name",
            ));
        }
        let mut fields: Vec<(Option<Ident>, Expr)> = self
            .names
            .iter()
            .map(|n| (Some(n.clone()), name(n)))
            .collect();
        fields.push((Some(new.clone()), value));
        Ok(Expr {
            at: at.clone(),
            kind: Kind::Anonymous(fields),
        })
    }

    /// `let x = e`.
    fn bind(&mut self, new: Ident, value: Expr, at: At) -> Parsed<()> {
        let object = self.carrying(&new, value, &at)?;
        let f = self.lambda(object);
        self.call("Select", vec![f], at);
        self.names.push(new);
        self.carried = true;
        Ok(())
    }

    /// The lambda that makes the object of a join; the new variable is in scope from then on.
    fn joined(&mut self, new: Ident, at: &At) -> Parsed<Expr> {
        let object = self.carrying(&new, name(&new), at)?;
        let f = self.lambda_with(Some(new.clone()), object);
        self.names.push(new);
        self.carried = true;
        Ok(f)
    }

    /// A second `from`.
    fn flatten(&mut self, inner: Expr, new: Ident, at: At) -> Parsed<()> {
        let each = self.lambda(inner);
        let result = self.joined(new, &at)?;
        self.call("SelectMany", vec![each, result], at);
        Ok(())
    }
}
