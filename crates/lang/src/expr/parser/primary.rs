//! Primary expressions, postfix operators, object creation, interpolated strings.

use super::{Fault, Lex, MAX_CHAIN, Parsed, Parser, TYPE_WORDS, is_keyword};
use crate::expr::ast::{
    Arg, ArgValue, At, Body, Expr, Ident, Init, InitKey, InitValue, Kind, Literal, Piece, TypeRef,
    TypeSuffix,
};
use crate::expr::lexer::Part;
use crate::value::Str;

/// An array's creation, by its rank.
pub(super) fn new_array(
    rank: u8,
    ty: Option<TypeRef>,
    sizes: Vec<Expr>,
    items: Option<Vec<Expr>>,
) -> Kind {
    if rank > 1 {
        Kind::NewRectangular(rank, ty, sizes, items)
    } else {
        Kind::NewArray(ty, sizes, items)
    }
}

impl Parser<'_> {
    pub(super) fn postfix(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let first = self.primary()?;
        self.postfix_of(first, start, 0)
    }

    fn postfix_of(&mut self, mut e: Expr, start: usize, mut links: usize) -> Parsed<Expr> {
        loop {
            links += 1;
            if links > MAX_CHAIN.min(100) {
                return Err(Fault::new(
                    self.here(),
                    "too many calls in a row",
                    "keep a part in a variable",
                ));
            }
            let kind = match self.lex() {
                Lex::Punct(".") => {
                    self.advance();
                    self.member(e)?
                }
                Lex::Punct("(") => {
                    let args = self.args("(", ")")?;
                    Kind::Call(Box::new(e), args)
                }
                Lex::Punct("[") => {
                    let args = self.args("[", "]")?;
                    Kind::Index(Box::new(e), args)
                }
                Lex::Punct("?.") => {
                    self.advance();
                    let at = self.here();
                    let link = self.member(Expr {
                        at: at.clone(),
                        kind: Kind::Receiver,
                    })?;
                    let link = Expr {
                        at: at.start..self.before(),
                        kind: link,
                    };
                    let rest = self.deeper(|p| p.postfix_of(link, at.start, links))?;
                    Kind::NullConditional(Box::new(e), Box::new(rest))
                }
                Lex::Punct("?") if self.ahead_is(1, "[") => {
                    self.advance();
                    let at = self.here();
                    let args = self.args("[", "]")?;
                    let receiver = Box::new(Expr {
                        at: at.clone(),
                        kind: Kind::Receiver,
                    });
                    let link = Expr {
                        at: at.start..self.before(),
                        kind: Kind::Index(receiver, args),
                    };
                    let rest = self.deeper(|p| p.postfix_of(link, at.start, links))?;
                    Kind::NullConditional(Box::new(e), Box::new(rest))
                }
                Lex::Punct("++") => {
                    self.advance();
                    Kind::Step("+", false, Box::new(e))
                }
                Lex::Punct("--") => {
                    self.advance();
                    Kind::Step("-", false, Box::new(e))
                }
                // `x!` (null-forgiving) is newer C#, and harmless.
                Lex::Punct("!") if matches!(self.ahead(1), Lex::Punct("." | "[")) => {
                    self.advance();
                    continue;
                }
                _ => return Ok(e),
            };
            e = Expr {
                at: start..self.before(),
                kind,
            };
        }
    }

    /// Whether a text ends directly before the token at hand.
    fn ends_with_text(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|i| self.tokens.get(i));
        before.is_some_and(|t| matches!(t.kind, Lex::Str(_)) && t.at.end == self.start())
    }

    fn member(&mut self, of: Expr) -> Parsed<Kind> {
        let name = self.ident("the name of a member")?;
        let args = self.generic_args();
        Ok(Kind::Member(Box::new(of), name, args))
    }

    pub(super) fn args(&mut self, open: &'static str, close: &'static str) -> Parsed<Vec<Arg>> {
        self.expect(open)?;
        let mut out = Vec::new();
        while !self.is(close) {
            let name = if self.is_ident(0) && self.ahead_is(1, ":") && !self.ahead_is(1, "::") {
                let n = self.ident("a name")?;
                self.advance();
                Some(n)
            } else {
                None
            };
            let value = if self.eat_word("out") {
                self.out_arg()?
            } else if self.eat_word("ref") || (self.is_word("in") && self.eat_word("in")) {
                ArgValue::Out(self.expr()?)
            } else {
                ArgValue::Expr(self.expr()?)
            };
            out.push(Arg { name, value });
            if !self.eat(",") {
                break;
            }
        }
        if self.eat(close) {
            return Ok(out);
        }
        let doubled = self.ends_with_text() && matches!(self.lex(), Lex::Str(_));
        self.expected(&format!("`,` or `{close}`"))
            .map_err(|fault: Fault| {
                if doubled {
                    fault.help(
                        "two quotes stand for one only in a verbatim text: write `\\\"`, or put `@` before it",
                    )
                } else {
                    fault
                }
            })
    }

    fn out_arg(&mut self) -> Parsed<ArgValue> {
        if self.is_word("var") && self.is_ident(1) {
            self.advance();
            return Ok(ArgValue::OutVar(None, self.ident("a name")?));
        }
        if self.is_word("_") && matches!(self.ahead(1), Lex::Punct("," | ")")) {
            return Ok(ArgValue::OutVar(None, self.ident("a name")?));
        }
        let typed = self.attempt(|p| {
            let ty = p.type_ref()?;
            let name = p.ident("a name")?;
            Ok((ty, name))
        });
        match typed {
            Some((ty, name)) => Ok(ArgValue::OutVar(Some(ty), name)),
            None => Ok(ArgValue::Out(self.expr()?)),
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let at = self.here();
        let start = at.start;
        match self.lex().clone() {
            Lex::Int(n, s) => Ok(self.literal(Literal::Int(n, s))),
            Lex::Real(n, s) => Ok(self.literal(Literal::Real(n, s))),
            Lex::Str(s) => Ok(self.literal(Literal::Str(s))),
            Lex::Char(c) => Ok(self.literal(Literal::Char(c))),
            Lex::Interpolated(parts) => self.interpolated(parts, at),
            Lex::Punct("(") => self.bracketed(start),
            Lex::Punct("[") => self.collection(start),
            Lex::Name(text) => self.named(text, at),
            Lex::Word(w) => self.word(w, at),
            Lex::Punct("@") => self.expected("an expression"),
            _ => self.expected("an expression"),
        }
    }

    #[inline(never)]
    fn word(&mut self, w: Str, at: At) -> Parsed<Expr> {
        let start = at.start;
        match &*w {
            "null" => Ok(self.literal(Literal::Null)),
            "true" => Ok(self.literal(Literal::Bool(true))),
            "false" => Ok(self.literal(Literal::Bool(false))),
            "new" => self.creation(),
            "typeof" => self.type_of(start),
            "default" => self.default_value(start),
            "nameof" if self.ahead_is(1, "(") => self.name_of(start),
            "checked" | "unchecked" if self.ahead_is(1, "(") => self.checked(&w, start),
            "delegate" => self.anonymous_method(),
            "sizeof" if self.ahead_is(1, "(") => self.size_of(start),
            "stackalloc" => Err(Fault::new(
                at,
                "`stackalloc` cannot be used in a policy expression",
                "not available",
            )
            .help("create an array: `new byte[n]`")),
            "await" if self.is_ident(1) => Err(Fault::new(
                at,
                "`async` and `await` cannot be used in a policy expression",
                "not available",
            )),
            word if TYPE_WORDS.contains(&word) => {
                self.advance();
                let ident = Ident {
                    at: at.clone(),
                    text: w.clone(),
                };
                Ok(Expr {
                    at: at.clone(),
                    kind: Kind::Type(TypeRef {
                        at,
                        path: vec![ident],
                        args: Vec::new(),
                        names: Vec::new(),
                        suffix: Vec::new(),
                    }),
                })
            }
            word if is_keyword(word) => self.expected("an expression"),
            _ => {
                self.advance();
                if self.is("::") && &*w == "global" {
                    self.advance();
                    return self.primary();
                }
                let args = self.generic_args();
                Ok(Expr {
                    at: at.clone(),
                    kind: Kind::Name(Ident { at, text: w }, args),
                })
            }
        }
    }

    /// The token at hand as a literal.
    fn literal(&mut self, l: Literal) -> Expr {
        let at = self.take();
        Expr {
            at,
            kind: Kind::Literal(l),
        }
    }

    #[inline(never)]
    fn interpolated(&mut self, parts: Vec<Part>, at: At) -> Parsed<Expr> {
        self.advance();
        let pieces = parts
            .into_iter()
            .map(|p| self.piece(p))
            .collect::<Parsed<Vec<_>>>()?;
        Ok(Expr {
            at,
            kind: Kind::Interpolated(pieces),
        })
    }

    #[inline(never)]
    fn named(&mut self, text: Str, at: At) -> Parsed<Expr> {
        self.advance();
        let args = self.generic_args();
        Ok(Expr {
            at: at.clone(),
            kind: Kind::Name(Ident { at, text }, args),
        })
    }

    #[inline(never)]
    fn type_of(&mut self, start: usize) -> Parsed<Expr> {
        self.advance();
        self.expect("(")?;
        let ty = self.type_ref()?;
        self.expect(")")?;
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::TypeOf(ty),
        })
    }

    #[inline(never)]
    fn default_value(&mut self, start: usize) -> Parsed<Expr> {
        self.advance();
        let ty = if self.eat("(") {
            let ty = self.type_ref()?;
            self.expect(")")?;
            Some(ty)
        } else {
            None
        };
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::Default(ty),
        })
    }

    #[inline(never)]
    fn name_of(&mut self, start: usize) -> Parsed<Expr> {
        self.advance();
        self.advance();
        let e = self.expr()?;
        self.expect(")")?;
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::NameOf(Box::new(e)),
        })
    }

    #[inline(never)]
    fn checked(&mut self, w: &str, start: usize) -> Parsed<Expr> {
        self.advance();
        self.advance();
        let e = self.expr()?;
        self.expect(")")?;
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::Checked(w == "checked", Box::new(e)),
        })
    }

    #[inline(never)]
    fn size_of(&mut self, start: usize) -> Parsed<Expr> {
        self.advance();
        self.advance();
        let ty = self.type_ref()?;
        self.expect(")")?;
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::SizeOf(ty),
        })
    }

    /// `[a, b]`.
    #[inline(never)]
    fn collection(&mut self, start: usize) -> Parsed<Expr> {
        self.advance();
        let mut items = Vec::new();
        while !self.is("]") {
            items.push(self.expr()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect("]")?;
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::Collection(items),
        })
    }

    fn piece(&mut self, part: Part) -> Parsed<Piece> {
        let (code, format) = match part {
            Part::Text(t) => return Ok(Piece::Text(t)),
            Part::Hole { code, format } => (code, format),
        };
        if self.text[code.clone()].trim().is_empty() {
            return Err(Fault::new(
                code.start.saturating_sub(1)..code.end + 1,
                "empty `{}` in an interpolated text",
                "expected an expression",
            ));
        }
        let mut inner = Parser::new(self.text, code, self.depth)?;
        let e = inner.expr()?;
        let alignment = if inner.eat(",") {
            Some(Box::new(inner.expr()?))
        } else {
            None
        };
        inner.finish()?;
        Ok(Piece::Hole(Box::new(e), alignment, format))
    }

    fn creation(&mut self) -> Parsed<Expr> {
        let start = self.start();
        self.advance();
        if self.is("{") {
            let kind = self.anonymous()?;
            return Ok(Expr {
                at: start..self.before(),
                kind,
            });
        }
        if self.is("[") {
            let rank = self.brackets()?;
            let items = self.array_items(rank)?;
            return Ok(Expr {
                at: start..self.before(),
                kind: new_array(rank, None, Vec::new(), Some(items)),
            });
        }
        if self.is("(") {
            let items = self.attempt(|p| {
                let ty = p.tuple_type()?;
                if p.is("[") { Ok(ty) } else { p.expected("`[`") }
            });
            if let Some(ty) = items {
                return self.array_creation(ty, start);
            }
            return self.created(None, start);
        }
        self.typed_creation(start)
    }

    #[inline(never)]
    fn typed_creation(&mut self, start: usize) -> Parsed<Expr> {
        let mut ty = self.type_for_new()?;
        if self.is("?") && (self.ahead_is(1, "[") || self.ahead_is(1, "(")) {
            self.advance();
            ty.suffix.push(TypeSuffix::Nullable);
        }
        if self.is("[") {
            return self.array_creation(ty, start);
        }
        self.created(Some(ty), start)
    }

    /// Arguments and initialiser after the type.
    fn created(&mut self, ty: Option<TypeRef>, start: usize) -> Parsed<Expr> {
        let args = if self.is("(") {
            Some(self.args("(", ")")?)
        } else {
            None
        };
        let init = if self.is("{") {
            Some(self.initialiser()?)
        } else {
            None
        };
        if args.is_none() && init.is_none() {
            return self.expected("`(`, `[` or `{` after the type");
        }
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::New(ty, args.unwrap_or_default(), init),
        })
    }

    #[inline(never)]
    fn array_creation(&mut self, mut ty: TypeRef, start: usize) -> Parsed<Expr> {
        let mut sizes = Vec::new();
        let rank = if self.at_brackets() {
            self.brackets()?
        } else {
            let at = self.start();
            self.advance();
            sizes.push(self.expr()?);
            while self.eat(",") {
                sizes.push(self.expr()?);
            }
            self.expect("]")?;
            super::types::rank_of(sizes.len(), at..self.before())?
        };
        while self.at_brackets() {
            let rank = self.brackets()?;
            ty.suffix.push(TypeSuffix::Array(rank));
        }
        let items = if self.is("{") {
            Some(self.array_items(rank)?)
        } else {
            None
        };
        if sizes.is_empty() && items.is_none() {
            return self.expected("a size or `{ items }` of the array");
        }
        Ok(Expr {
            at: start..self.before(),
            kind: new_array(rank, Some(ty), sizes, items),
        })
    }

    /// `{ … }` of an array: expressions, or rows for each dimension but the last.
    pub(super) fn array_items(&mut self, rank: u8) -> Parsed<Vec<Expr>> {
        let Some(inner) = rank.checked_sub(1).filter(|r| *r > 0) else {
            return self.items();
        };
        self.expect("{")?;
        let mut out = Vec::new();
        while !self.is("}") {
            let start = self.start();
            let row = self.array_items(inner)?;
            out.push(Expr {
                at: start..self.before(),
                kind: Kind::Row(row),
            });
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok(out)
    }

    fn items(&mut self) -> Parsed<Vec<Expr>> {
        self.expect("{")?;
        let mut out = Vec::new();
        while !self.is("}") {
            out.push(self.expr()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok(out)
    }

    #[inline(never)]
    fn anonymous(&mut self) -> Parsed<Kind> {
        self.expect("{")?;
        let mut out = Vec::new();
        while !self.is("}") {
            let name = if self.is_ident(0) && self.ahead_is(1, "=") {
                let n = self.ident("a name")?;
                self.advance();
                Some(n)
            } else {
                None
            };
            out.push((name, self.expr()?));
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok(Kind::Anonymous(out))
    }

    #[inline(never)]
    fn initialiser(&mut self) -> Parsed<Init> {
        self.deeper(|p| {
            p.expect("{")?;
            let members = p.is("[") || (p.is_ident(0) && p.ahead_is(1, "="));
            let mut keyed = Vec::new();
            let mut items = Vec::new();
            while !p.is("}") {
                if members {
                    let key = if p.is("[") {
                        let start = p.start();
                        let args = p.args("[", "]")?;
                        InitKey::Index(start..p.before(), args)
                    } else {
                        InitKey::Name(p.ident("the name of a member")?)
                    };
                    p.expect("=")?;
                    let value = if p.is("{") {
                        InitValue::Nested(p.initialiser()?)
                    } else {
                        InitValue::Expr(p.expr()?)
                    };
                    keyed.push((key, value));
                } else if p.is("{") {
                    items.push(p.items()?);
                } else {
                    items.push(vec![p.expr()?]);
                }
                if !p.eat(",") {
                    break;
                }
            }
            p.expect("}")?;
            Ok(if members {
                Init::Members(keyed)
            } else {
                Init::Items(items)
            })
        })
    }

    /// Body of a lambda or local function after `=>`.
    pub(super) fn body(&mut self) -> Parsed<Body> {
        if self.is("{") {
            Ok(Body::Block(self.block()?))
        } else {
            Ok(Body::Expr(Box::new(self.expr()?)))
        }
    }
}
