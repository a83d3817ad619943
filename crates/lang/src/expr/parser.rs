//! C# 7 expressions and types: tokens to syntax tree. Statements are in `parser/statements.rs`.
//!
//! Called by `compile`. What must stay true: nesting is bounded by [`MAX_DEPTH`] (also long chains of postfix operators),
//! so no later walk can overflow the stack; the first fault ends the parse of this one expression.

mod lambda;
mod patterns;
mod primary;
mod query;
mod statements;
mod tuples;
mod types;

use super::ast::{At, Expr, Ident, Kind, Stmt};
use super::lexer::{Fault, Lex, Lexeme, lex};
use crate::value::Str;
use std::ops::Range;

/// Deepest nest of expressions and statements.
pub(crate) const MAX_DEPTH: usize = 48;
/// Most operands in one run of binary operators of the same precedence, and most postfix operators in a row.
pub(crate) const MAX_CHAIN: usize = 400;

pub(crate) type Parsed<T> = Result<T, Fault>;

/// Parses the inside of `@( … )`.
pub(crate) fn single(text: &str) -> Parsed<Expr> {
    let mut p = Parser::new(text, 0..text.len(), 0)?;
    let e = p.expr()?;
    p.finish()?;
    Ok(e)
}

/// Parses the inside of `@{ … }`.
pub(crate) fn multi(text: &str) -> Parsed<Vec<Stmt>> {
    let mut p = Parser::new(text, 0..text.len(), 0)?;
    let mut out = Vec::new();
    while !p.at_end() {
        out.push(p.statement()?);
    }
    Ok(out)
}

/// Parses a type, for the signatures of the table.
pub(crate) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Lexeme>,
    at: usize,
    depth: usize,
    /// How many queries are around: in one, the words of its clauses are no names.
    queries: usize,
}

const KEYWORDS: &[&str] = &[
    "abstract",
    "as",
    "base",
    "bool",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "checked",
    "class",
    "const",
    "continue",
    "decimal",
    "default",
    "delegate",
    "do",
    "double",
    "else",
    "enum",
    "event",
    "explicit",
    "extern",
    "false",
    "finally",
    "fixed",
    "float",
    "for",
    "foreach",
    "goto",
    "if",
    "implicit",
    "in",
    "int",
    "interface",
    "internal",
    "is",
    "lock",
    "long",
    "namespace",
    "new",
    "null",
    "object",
    "operator",
    "out",
    "override",
    "params",
    "private",
    "protected",
    "public",
    "readonly",
    "ref",
    "return",
    "sbyte",
    "sealed",
    "short",
    "sizeof",
    "stackalloc",
    "static",
    "string",
    "struct",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "uint",
    "ulong",
    "unchecked",
    "unsafe",
    "ushort",
    "using",
    "virtual",
    "void",
    "volatile",
    "while",
];

/// Keywords that name a type.
const TYPE_WORDS: [&str; 16] = [
    "bool", "byte", "sbyte", "char", "decimal", "double", "float", "int", "uint", "long", "ulong",
    "object", "short", "ushort", "string", "void",
];

/// Level of `<`, `is` and `as`.
const RELATIONAL: usize = 6;

/// Joins the operands of waiting operators of a level or above, from the top of the stacks.
fn join(operands: &mut Vec<Expr>, waiting: &mut Vec<(&'static str, At, usize)>, lowest: usize) {
    while let Some(level) = waiting.last().map(|w| w.2).filter(|l| *l >= lowest) {
        let run = waiting.iter().rev().take_while(|w| w.2 == level).count();
        let rest = operands.split_off(operands.len().saturating_sub(run));
        let ops = waiting.split_off(waiting.len() - run);
        let Some(first) = operands.pop() else { return };
        let rest: Vec<(&'static str, At, Expr)> = ops
            .into_iter()
            .zip(rest)
            .map(|((op, at, _), e)| (op, at, e))
            .collect();
        let end = rest.last().map_or(first.at.end, |(_, _, e)| e.at.end);
        let at = first.at.start..end;
        operands.push(Expr {
            at,
            kind: Kind::Binary(Box::new(first), rest),
        });
    }
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str, range: Range<usize>, depth: usize) -> Parsed<Parser<'a>> {
        Ok(Parser {
            text,
            tokens: lex(text, range)?,
            at: 0,
            depth,
            queries: 0,
        })
    }

    pub(crate) fn lex(&self) -> &Lex {
        // The list ends with `End`, and `advance` never goes beyond it.
        &self.tokens[self.at].kind
    }

    fn ahead(&self, n: usize) -> &Lex {
        &self.tokens[(self.at + n).min(self.tokens.len() - 1)].kind
    }

    fn here(&self) -> At {
        self.tokens[self.at].at.clone()
    }

    fn start(&self) -> usize {
        self.tokens[self.at].at.start
    }

    fn before(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |i| self.tokens[i].at.end)
    }

    pub(crate) fn at_end(&self) -> bool {
        *self.lex() == Lex::End
    }

    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    /// Takes the token at hand and tells where it stood.
    pub(crate) fn take(&mut self) -> At {
        let at = self.here();
        self.advance();
        at
    }

    pub(crate) fn is(&self, p: &str) -> bool {
        matches!(self.lex(), Lex::Punct(q) if *q == p)
    }

    fn ahead_is(&self, n: usize, p: &str) -> bool {
        matches!(self.ahead(n), Lex::Punct(q) if *q == p)
    }

    pub(crate) fn eat(&mut self, p: &str) -> bool {
        let found = self.is(p);
        if found {
            self.advance();
        }
        found
    }

    pub(crate) fn is_word(&self, w: &str) -> bool {
        matches!(self.lex(), Lex::Word(x) if **x == *w)
    }

    pub(crate) fn eat_word(&mut self, w: &str) -> bool {
        let found = self.is_word(w);
        if found {
            self.advance();
        }
        found
    }

    fn describe(&self) -> String {
        match self.lex() {
            Lex::End => "the end of the expression".into(),
            _ => format!("`{}`", &self.text[self.here()]),
        }
    }

    pub(crate) fn expected<T>(&self, what: &str) -> Parsed<T> {
        let mut at = self.here();
        if at.is_empty() {
            at = self.before().saturating_sub(1)..self.before().max(1).min(self.text.len());
            while !self.text.is_char_boundary(at.start) {
                at.start -= 1;
            }
        }
        Err(Fault::new(
            at,
            format!("expected {what}, found {}", self.describe()),
            format!("expected {what}"),
        ))
    }

    pub(crate) fn expect(&mut self, p: &'static str) -> Parsed<()> {
        if self.eat(p) {
            Ok(())
        } else {
            self.expected(&format!("`{p}`"))
        }
    }

    pub(crate) fn finish(&self) -> Parsed<()> {
        if self.at_end() {
            Ok(())
        } else {
            self.expected("the end of the expression")
        }
    }

    /// An identifier that is no keyword.
    fn ident(&mut self, what: &str) -> Parsed<Ident> {
        let text: Str = match self.lex() {
            Lex::Name(n) => n.clone(),
            Lex::Word(w) if !is_keyword(w) => w.clone(),
            _ => return self.expected(what),
        };
        let at = self.here();
        self.advance();
        Ok(Ident { at, text })
    }

    fn is_ident(&self, n: usize) -> bool {
        match self.ahead(n) {
            Lex::Name(_) => true,
            Lex::Word(w) => !is_keyword(w),
            _ => false,
        }
    }

    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault::new(
                self.here(),
                format!("expression is nested more than {MAX_DEPTH} deep"),
                "too deep here",
            )
            .help("keep a part in a variable"));
        }
        self.depth += 1;
        let r = f(self);
        self.depth -= 1;
        r
    }

    /// Tries a parse and goes back when it fails.
    fn attempt<T>(&mut self, f: impl FnOnce(&mut Self) -> Parsed<T>) -> Option<T> {
        let (at, depth) = (self.at, self.depth);
        match f(self) {
            Ok(t) => Some(t),
            Err(_) => {
                self.at = at;
                self.depth = depth;
                None
            }
        }
    }

    /// Any expression.
    pub(crate) fn expr(&mut self) -> Parsed<Expr> {
        self.deeper(Self::assignment)
    }

    fn assignment(&mut self) -> Parsed<Expr> {
        self.refuse_async()?;
        if self.is_lambda() {
            return self.lambda();
        }
        if self.is_query() {
            return self.query();
        }
        let start = self.start();
        if let Some(targets) = self.designation()? {
            self.expect("=")?;
            let right = self.expr()?;
            return Ok(Expr {
                at: start..self.before(),
                kind: Kind::Assign("=", Box::new(targets), Box::new(right)),
            });
        }
        if self.eat_word("throw") {
            let e = self.expr()?;
            return Ok(Expr {
                at: start..self.before(),
                kind: Kind::Throw(Box::new(e)),
            });
        }
        let left = self.conditional()?;
        let op = match self.lex() {
            Lex::Punct("=") => "=",
            Lex::Punct("+=") => "+",
            Lex::Punct("-=") => "-",
            Lex::Punct("*=") => "*",
            Lex::Punct("/=") => "/",
            Lex::Punct("%=") => "%",
            Lex::Punct("&=") => "&",
            Lex::Punct("|=") => "|",
            Lex::Punct("^=") => "^",
            Lex::Punct("<<=") => "<<",
            Lex::Punct("??=") => "??",
            Lex::Punct(">") if self.ahead_is(1, ">=") => {
                self.advance();
                ">>"
            }
            _ => return Ok(left),
        };
        self.advance();
        let right = self.expr()?;
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::Assign(op, Box::new(left), Box::new(right)),
        })
    }

    fn conditional(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let test = self.coalesce()?;
        if !self.eat("?") {
            return Ok(test);
        }
        let yes = self.expr()?;
        if !self.eat(":") {
            return self.expected("`:` of the conditional `a ? b : c`");
        }
        let no = self.expr()?;
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::Conditional(Box::new(test), Box::new(yes), Box::new(no)),
        })
    }

    /// `a ?? b ?? c` groups from the right.
    fn coalesce(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let left = self.binary(0)?;
        if !self.eat("??") {
            return Ok(left);
        }
        let right = if self.is_word("throw") {
            self.expr()?
        } else {
            self.deeper(Self::coalesce)?
        };
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::Coalesce(Box::new(left), Box::new(right)),
        })
    }

    /// The binary operator at hand and its level of precedence.
    fn operator(&self) -> Option<(&'static str, usize)> {
        const LEVELS: [&[&str]; 10] = [
            &["||"],
            &["&&"],
            &["|"],
            &["^"],
            &["&"],
            &["==", "!="],
            &["<", ">", "<=", ">="],
            &["<<", ">>"],
            &["+", "-"],
            &["*", "/", "%"],
        ];
        if self.is_word("is") || self.is_word("as") {
            return Some((if self.is_word("is") { "is" } else { "as" }, RELATIONAL));
        }
        let Lex::Punct(p) = self.lex() else {
            return None;
        };
        if *p == ">"
            && matches!(self.ahead(1), Lex::Punct(">" | ">="))
            && self.tokens[self.at].at.end == self.tokens[self.at + 1].at.start
        {
            return self.ahead_is(1, ">").then_some((">>", 7));
        }
        LEVELS
            .iter()
            .enumerate()
            .find_map(|(level, list)| list.iter().find(|q| *q == p).map(|q| (*q, level)))
    }

    /// Binary operators of a level or above, without recursion: operands and operators wait on stacks.
    fn binary(&mut self, lowest: usize) -> Parsed<Expr> {
        let mut operands = vec![self.operand()?];
        let mut waiting: Vec<(&'static str, At, usize)> = Vec::new();
        while let Some((op, level)) = self.operator().filter(|(_, level)| *level >= lowest) {
            let at = self.here();
            if waiting.len() >= MAX_CHAIN {
                return Err(Fault::new(
                    at,
                    format!("more than {MAX_CHAIN} operands in a row"),
                    "too many here",
                )
                .help("keep a part in a variable"));
            }
            let test = matches!(op, "is" | "as");
            join(
                &mut operands,
                &mut waiting,
                if test { level } else { level + 1 },
            );
            self.advance();
            if test {
                self.type_test(op, &mut operands)?;
                continue;
            }
            if op == ">>" {
                self.advance();
            }
            waiting.push((op, at, level));
            operands.push(self.operand()?);
        }
        join(&mut operands, &mut waiting, 0);
        match operands.pop() {
            Some(e) => Ok(e),
            None => self.expected("an expression"),
        }
    }

    /// An operand: with `switch { … }` behind it, or a range.
    fn operand(&mut self) -> Parsed<Expr> {
        let start = self.start();
        if self.is("..") {
            return self.range(None, start);
        }
        let mut e = self.unary()?;
        while self.is_word("switch") && self.ahead_is(1, "{") {
            e = self.deeper(|p| p.switch_expression(e))?;
        }
        if self.is("..") {
            return self.range(Some(e), start);
        }
        Ok(e)
    }

    #[inline(never)]
    fn range(&mut self, from: Option<Expr>, start: usize) -> Parsed<Expr> {
        self.advance();
        let to = if matches!(self.lex(), Lex::Punct("]" | ")" | ",") | Lex::End) {
            None
        } else {
            Some(Box::new(self.deeper(Self::unary)?))
        };
        Ok(Expr {
            at: start..self.before(),
            kind: Kind::Range(from.map(Box::new), to),
        })
    }

    fn type_test(&mut self, op: &str, operands: &mut Vec<Expr>) -> Parsed<()> {
        let Some(of) = operands.pop() else {
            return Ok(());
        };
        let start = of.at.start;
        let kind = if op == "is" {
            Kind::Is(Box::new(of), self.pattern()?)
        } else {
            Kind::As(Box::new(of), self.type_ref_in_is()?)
        };
        operands.push(Expr {
            at: start..self.before(),
            kind,
        });
        Ok(())
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let op = match self.lex() {
            Lex::Punct("-") => "-",
            Lex::Punct("+") => "+",
            Lex::Punct("!") => "!",
            Lex::Punct("~") => "~",
            Lex::Punct("++") => "++",
            Lex::Punct("--") => "--",
            Lex::Punct("^") => "^",
            Lex::Punct("(") => {
                if let Some(cast) = self.cast(start)? {
                    return Ok(cast);
                }
                return self.postfix();
            }
            _ => return self.postfix(),
        };
        self.advance();
        let operand = Box::new(self.deeper(Self::unary)?);
        let kind = if op == "^" {
            Kind::FromEnd(operand)
        } else if op.len() == 2 {
            Kind::Step(if op == "++" { "+" } else { "-" }, true, operand)
        } else {
            Kind::Unary(op, operand)
        };
        Ok(Expr {
            at: start..self.before(),
            kind,
        })
    }

    fn cast(&mut self, start: usize) -> Parsed<Option<Expr>> {
        let saved = self.at;
        self.advance();
        let found = self.attempt(|p| {
            let ty = p.type_ref()?;
            p.expect(")")?;
            Ok(ty)
        });
        if let Some(ty) = found {
            let surely = !ty.suffix.is_empty()
                || !ty.args.is_empty()
                || (ty.path.len() == 1 && TYPE_WORDS.contains(&&*ty.path[0].text));
            let follows = match self.lex() {
                Lex::Word(w) => {
                    let of_query = self.queries > 0 && self.is_query_word();
                    !of_query && !matches!(&**w, "as" | "is")
                }
                Lex::Name(_)
                | Lex::Int(..)
                | Lex::Real(..)
                | Lex::Str(_)
                | Lex::Char(_)
                | Lex::Interpolated(_) => true,
                Lex::Punct("(" | "!" | "~") => true,
                Lex::Punct("-" | "+") => surely,
                _ => false,
            };
            if follows && !(self.is_word("switch") && self.ahead_is(1, "{")) {
                let operand = self.deeper(Self::unary)?;
                return Ok(Some(Expr {
                    at: start..self.before(),
                    kind: Kind::Cast(ty, Box::new(operand)),
                }));
            }
        }
        self.at = saved;
        Ok(None)
    }
}
