//! Statements.

use super::{Fault, Lex, Parsed, Parser, TYPE_WORDS};
use crate::expr::ast::{
    Body, Catch, Expr, Ident, Kind, Label, LocalFunction, Param, Pass, Stmt, StmtKind, TypeRef,
};

impl Parser<'_> {
    pub(super) fn block(&mut self) -> Parsed<Vec<Stmt>> {
        self.expect("{")?;
        let mut out = Vec::new();
        while !self.is("}") {
            if self.at_end() {
                return self.expected("`}`");
            }
            out.push(self.statement()?);
        }
        self.advance();
        Ok(out)
    }

    pub(super) fn statement(&mut self) -> Parsed<Stmt> {
        self.deeper(|p| {
            let start = p.start();
            let kind = p.statement_kind()?;
            Ok(Stmt {
                at: start..p.before(),
                kind,
            })
        })
    }

    fn semicolon(&mut self) -> Parsed<()> {
        if self.eat(";") {
            return Ok(());
        }
        // The place to point at is behind what is complete, not the next thing.
        let end = self.before();
        let mut from = end.saturating_sub(1);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        Err(Fault::new(
            from..end,
            "expected `;`",
            "expected `;` after this",
        ))
    }

    fn condition(&mut self) -> Parsed<Expr> {
        self.expect("(")?;
        let e = self.expr()?;
        self.expect(")")?;
        Ok(e)
    }

    fn statement_kind(&mut self) -> Parsed<StmtKind> {
        if self.is("{") {
            return Ok(StmtKind::Block(self.block()?));
        }
        if self.eat(";") {
            return Ok(StmtKind::Empty);
        }
        let word = match self.lex() {
            Lex::Word(w) => w.clone(),
            _ => return self.local_or_expr(),
        };
        match &*word {
            "if" => self.if_statement(),
            "switch" => self.switch(),
            "while" => self.while_statement(),
            "do" => self.do_statement(),
            "for" => self.for_statement(),
            "foreach" => self.foreach(),
            "break" | "continue" | "return" | "throw" => self.jump(&word),
            "try" => self.try_statement(),
            "using" => self.using(),
            "checked" | "unchecked" if self.ahead_is(1, "{") => {
                self.advance();
                Ok(StmtKind::Checked(&*word == "checked", self.block()?))
            }
            "lock" if self.ahead_is(1, "(") => Err(Fault::new(
                self.here(),
                "`lock` cannot be used in a policy expression",
                "not available",
            )
            .help("leave it out: an expression runs on one thread and shares nothing")),
            "const" => self.constant(),
            "goto" => self.goto(),
            "static" if !self.ahead_is(2, "=") => {
                self.advance();
                match self.local_function()? {
                    Some(f) => Ok(StmtKind::Function(Box::new(f))),
                    None => self.expected("a local function after `static`"),
                }
            }
            _ if self.is_ident(0) && self.ahead_is(1, ":") => {
                let name = self.ident("a label")?;
                self.advance();
                Ok(StmtKind::Label(name))
            }
            "class" | "struct" | "enum" | "namespace" | "interface" | "public" | "private"
            | "protected" | "internal" => Err(Fault::new(
                self.here(),
                format!("`{word}`: nothing can be declared outside the method body"),
                "expected a statement",
            )
            .help("use a local function, a lambda or an anonymous type")),
            "else" => Err(Fault::new(
                self.here(),
                "`else` without `if`",
                "expected a statement",
            )),
            _ => self.local_or_expr(),
        }
    }

    fn foreach(&mut self) -> Parsed<StmtKind> {
        self.advance();
        self.expect("(")?;
        if let Some(targets) = self.foreach_targets()? {
            return self.foreach_apart(targets);
        }
        let ty = self.type_ref()?;
        let name = self.ident("the name of the loop variable")?;
        if !self.eat_word("in") {
            return self.expected("`in`");
        }
        let of = self.expr()?;
        self.expect(")")?;
        Ok(StmtKind::Foreach(
            explicit(ty),
            name,
            of,
            Box::new(self.statement()?),
        ))
    }

    /// `var (a, b)` or `(var a, int b)` before `in`.
    fn foreach_targets(&mut self) -> Parsed<Option<Expr>> {
        if let Some(e) = self.designation()? {
            return Ok(Some(e));
        }
        let start = self.start();
        Ok(self
            .is("(")
            .then(|| {
                self.attempt(|p| {
                    let e = p.bracketed(start)?;
                    if p.is_word("in") && matches!(e.kind, Kind::Tuple(_)) {
                        Ok(e)
                    } else {
                        p.expected("`in`")
                    }
                })
            })
            .flatten())
    }

    /// `foreach (var (a, b) in c) …` is a `foreach` over items that are taken apart first.
    fn foreach_apart(&mut self, targets: Expr) -> Parsed<StmtKind> {
        let at = targets.at.clone();
        self.advance();
        let of = self.expr()?;
        self.expect(")")?;
        let body = self.statement()?;
        // No name that can be written, and another one for a loop inside.
        let item = Ident {
            at: at.clone(),
            text: format!("<item{}>", at.start).into(),
        };
        let whole = Expr {
            at: at.clone(),
            kind: Kind::Name(item.clone(), Vec::new()),
        };
        let apart = Expr {
            at: at.clone(),
            kind: Kind::Assign("=", Box::new(targets), Box::new(whole)),
        };
        let apart = Stmt {
            at: at.clone(),
            kind: StmtKind::Expr(apart),
        };
        let body = Stmt {
            at: at.start..self.before(),
            kind: StmtKind::Block(vec![apart, body]),
        };
        Ok(StmtKind::Foreach(None, item, of, Box::new(body)))
    }

    fn while_statement(&mut self) -> Parsed<StmtKind> {
        self.advance();
        let test = self.condition()?;
        Ok(StmtKind::While(test, Box::new(self.statement()?)))
    }

    fn do_statement(&mut self) -> Parsed<StmtKind> {
        self.advance();
        let body = self.statement()?;
        if !self.eat_word("while") {
            return self.expected("`while` of `do … while`");
        }
        let test = self.condition()?;
        self.semicolon()?;
        Ok(StmtKind::Do(Box::new(body), test))
    }

    fn using(&mut self) -> Parsed<StmtKind> {
        self.advance();
        if !self.is("(") {
            let start = self.start();
            let Some(kind) = self.local(true)? else {
                return self.expected("`(` or a variable's declaration");
            };
            let at = start..self.before();
            self.semicolon()?;
            return Ok(StmtKind::UsingLocal(Box::new(Stmt { at, kind })));
        }
        if !self.is("(") {
            return Err(
                Fault::new(self.here(), "expected `(`", "expected `(resource)`")
                    .help("`using` declarations are C# 8; expressions are C# 7"),
            );
        }
        self.advance();
        let start = self.start();
        let kind = match self.local(false)? {
            Some(k) => k,
            None => StmtKind::Expr(self.expr()?),
        };
        let resource = Stmt {
            at: start..self.before(),
            kind,
        };
        self.expect(")")?;
        Ok(StmtKind::Using(
            Box::new(resource),
            Box::new(self.statement()?),
        ))
    }

    fn goto(&mut self) -> Parsed<StmtKind> {
        self.advance();
        let kind = if self.eat_word("case") {
            StmtKind::GotoCase(Some(self.expr()?))
        } else if self.eat_word("default") {
            StmtKind::GotoCase(None)
        } else {
            StmtKind::Goto(self.ident("a label")?)
        };
        self.semicolon()?;
        Ok(kind)
    }

    fn constant(&mut self) -> Parsed<StmtKind> {
        self.advance();
        match self.local(false)? {
            Some(StmtKind::Local(ty, names, _)) => {
                self.semicolon()?;
                Ok(StmtKind::Local(ty, names, true))
            }
            _ => self.expected("a constant's declaration"),
        }
    }

    /// `break`, `continue`, `return`, `throw`.
    fn jump(&mut self, word: &str) -> Parsed<StmtKind> {
        self.advance();
        let value = if self.is(";") || matches!(word, "break" | "continue") {
            None
        } else {
            Some(self.expr()?)
        };
        self.semicolon()?;
        Ok(match word {
            "break" => StmtKind::Break,
            "continue" => StmtKind::Continue,
            "return" => StmtKind::Return(value),
            _ => StmtKind::Throw(value),
        })
    }

    fn local_or_expr(&mut self) -> Parsed<StmtKind> {
        if let Some(function) = self.local_function()? {
            return Ok(StmtKind::Function(Box::new(function)));
        }
        if let Some(local) = self.local(true)? {
            self.semicolon()?;
            return Ok(local);
        }
        let e = self.expr()?;
        if !matches!(
            e.kind,
            Kind::Assign(..)
                | Kind::Call(..)
                | Kind::Step(..)
                | Kind::New(..)
                | Kind::NullConditional(..)
        ) {
            return Err(Fault::new(
                e.at,
                "only assignment, call, increment and `new` can stand as a statement",
                "this value is not used",
            )
            .help("in `@{ … }` the result is given with `return …;`"));
        }
        self.semicolon()?;
        Ok(StmtKind::Expr(e))
    }

    /// `T name [= value], …` without the semicolon, if it is a declaration.
    fn local(&mut self, statement: bool) -> Parsed<Option<StmtKind>> {
        let head = self.attempt(|p| {
            let ty = p.type_ref()?;
            if !p.is_ident(0) || p.is_word("is") || p.is_word("as") {
                return p.expected("a name");
            }
            let ok = match p.ahead(1) {
                Lex::Punct("=" | ";" | ",") => true,
                Lex::Punct(")") => !statement,
                // A missing semicolon is reported as such.
                Lex::Word(_) | Lex::End | Lex::Punct("}") => true,
                _ => false,
            };
            if ok { Ok(ty) } else { p.expected("`=`") }
        });
        let Some(ty) = head else { return Ok(None) };
        let mut names = Vec::new();
        loop {
            let name = self.ident("a name")?;
            let value = if self.eat("=") {
                if self.is("{") {
                    // `int[] a = { 1, 2 }`
                    let start = self.start();
                    let mut element = ty.clone();
                    let rank = element.take_array();
                    let items = self.array_items(rank)?;
                    Some(Expr {
                        at: start..self.before(),
                        kind: super::primary::new_array(
                            rank,
                            Some(element),
                            Vec::new(),
                            Some(items),
                        ),
                    })
                } else {
                    Some(self.expr()?)
                }
            } else {
                None
            };
            names.push((name, value));
            if !self.eat(",") {
                break;
            }
        }
        Ok(Some(StmtKind::Local(explicit(ty), names, false)))
    }

    fn local_function(&mut self) -> Parsed<Option<LocalFunction>> {
        let head = self.attempt(|p| {
            let result = p.type_ref()?;
            let name = p.ident("a name")?;
            let mut generics = Vec::new();
            if p.eat("<") {
                loop {
                    generics.push(p.ident("a type parameter")?);
                    if !p.eat(",") {
                        break;
                    }
                }
                p.expect(">")?;
            }
            if !p.is("(") {
                return p.expected("`(`");
            }
            // `T name(` only starts a function when a body follows the bracket.
            let mut depth = 0usize;
            let mut i = 0;
            loop {
                match p.ahead(i) {
                    Lex::Punct("(") => depth += 1,
                    Lex::Punct(")") => {
                        depth -= 1;
                        if depth == 0 {
                            break;
                        }
                    }
                    Lex::End => return p.expected("`)`"),
                    _ => {}
                }
                i += 1;
            }
            let constrained = matches!(p.ahead(i + 1), Lex::Word(w) if &**w == "where");
            if p.ahead_is(i + 1, "{") || p.ahead_is(i + 1, "=>") || constrained {
                Ok((result, name, generics))
            } else {
                p.expected("a body")
            }
        });
        let Some((result, name, generics)) = head else {
            return Ok(None);
        };
        self.expect("(")?;
        let mut params = Vec::new();
        while !self.is(")") {
            params.push(self.function_param()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        // `where T : class` says nothing that is needed here.
        while self.is_word("where") {
            while !(self.is("{") || self.is("=>") || self.at_end()) {
                self.advance();
            }
        }
        let body = if self.eat("=>") {
            let e = self.expr()?;
            self.semicolon()?;
            Body::Expr(Box::new(e))
        } else {
            Body::Block(self.block()?)
        };
        Ok(Some(LocalFunction {
            result,
            name,
            generics,
            params,
            body,
        }))
    }

    /// `int x`, `ref int x`, `out int x`, `params int[] x`, `int x = 1`.
    fn function_param(&mut self) -> Parsed<Param> {
        let pass = if self.eat_word("ref") {
            Pass::Ref
        } else if self.eat_word("out") {
            Pass::Out
        } else if self.eat_word("params") {
            Pass::Params
        } else {
            self.eat_word("in");
            Pass::Value
        };
        let ty = Some(self.type_ref()?);
        let name = self.ident("a parameter name")?;
        let default = if self.eat("=") {
            Some(self.expr()?)
        } else {
            None
        };
        Ok(Param {
            ty,
            name,
            pass,
            default,
        })
    }

    fn if_statement(&mut self) -> Parsed<StmtKind> {
        let mut branches = Vec::new();
        loop {
            self.advance();
            let test = self.condition()?;
            branches.push((test, self.statement()?));
            if !self.eat_word("else") {
                return Ok(StmtKind::If(branches, None));
            }
            if !self.is_word("if") {
                return Ok(StmtKind::If(branches, Some(Box::new(self.statement()?))));
            }
        }
    }

    fn switch(&mut self) -> Parsed<StmtKind> {
        self.advance();
        let of = self.condition()?;
        self.expect("{")?;
        let mut sections = Vec::new();
        while !self.eat("}") {
            let mut labels = Vec::new();
            loop {
                if self.is_word("default") && self.ahead_is(1, ":") {
                    self.advance();
                    labels.push(Label::Default);
                } else if self.eat_word("case") {
                    let pattern = self.case_pattern()?;
                    let when = if self.eat_word("when") {
                        Some(self.expr()?)
                    } else {
                        None
                    };
                    labels.push(Label::Case(pattern, when.map(Box::new)));
                } else {
                    break;
                }
                self.expect(":")?;
            }
            if labels.is_empty() {
                return self.expected("`case`, `default` or `}`");
            }
            let mut body = Vec::new();
            while !(self.is("}")
                || self.is_word("case")
                || (self.is_word("default") && self.ahead_is(1, ":")))
            {
                if self.at_end() {
                    return self.expected("`}` of the switch");
                }
                body.push(self.statement()?);
            }
            sections.push((labels, body));
        }
        Ok(StmtKind::Switch(of, sections))
    }

    fn for_statement(&mut self) -> Parsed<StmtKind> {
        self.advance();
        self.expect("(")?;
        let mut init = Vec::new();
        if !self.is(";") {
            let start = self.start();
            match self.local(true)? {
                Some(kind) => init.push(Stmt {
                    at: start..self.before(),
                    kind,
                }),
                None => loop {
                    let e = self.expr()?;
                    init.push(Stmt {
                        at: e.at.clone(),
                        kind: StmtKind::Expr(e),
                    });
                    if !self.eat(",") {
                        break;
                    }
                },
            }
        }
        self.expect(";")?;
        let test = if self.is(";") {
            None
        } else {
            Some(self.expr()?)
        };
        self.expect(";")?;
        let mut step = Vec::new();
        while !self.is(")") {
            step.push(self.expr()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(StmtKind::For(init, test, step, Box::new(self.statement()?)))
    }

    fn try_statement(&mut self) -> Parsed<StmtKind> {
        self.advance();
        let body = self.block()?;
        let mut catches = Vec::new();
        while self.eat_word("catch") {
            let (mut ty, mut name) = (None, None);
            if self.eat("(") {
                ty = Some(self.type_ref()?);
                if self.is_ident(0) {
                    name = Some(self.ident("a name")?);
                }
                self.expect(")")?;
            }
            let when = if self.eat_word("when") {
                Some(self.condition()?)
            } else {
                None
            };
            catches.push(Catch {
                ty,
                name,
                when,
                body: self.block()?,
            });
        }
        let finally = if self.eat_word("finally") {
            Some(self.block()?)
        } else {
            None
        };
        if catches.is_empty() && finally.is_none() {
            return self.expected("`catch` or `finally`");
        }
        Ok(StmtKind::Try(body, catches, finally))
    }
}

/// `var` is no type.
pub(super) fn explicit(ty: TypeRef) -> Option<TypeRef> {
    let var =
        ty.path.len() == 1 && ty.args.is_empty() && ty.suffix.is_empty() && is_var(&ty.path[0]);
    (!var).then_some(ty)
}

fn is_var(name: &Ident) -> bool {
    &*name.text == "var" && !TYPE_WORDS.contains(&"var")
}
