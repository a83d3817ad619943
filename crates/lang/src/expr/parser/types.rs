//! Types as written: `string`, `List<int>`, `int?`, `byte[]`, `Newtonsoft.Json.Linq.JObject`.

use super::{Lex, Parsed, Parser, TYPE_WORDS, is_keyword};
use crate::expr::ast::{At, Ident, TypeRef, TypeSuffix};
use crate::expr::lexer::Fault;

/// Most dimensions that .NET gives an array.
const RANKS: usize = 32;

/// Types within generic ones.
const WITHIN: [&str; 2] = ["KeyCollection", "ValueCollection"];

/// The rank of an array, unless it is more than .NET has.
pub(super) fn rank_of(n: usize, at: At) -> Parsed<u8> {
    u8::try_from(n).ok().filter(|_| n <= RANKS).ok_or_else(|| {
        Fault::new(
            at,
            format!("an array has at most {RANKS} dimensions"),
            format!("these are {n}"),
        )
    })
}

impl Parser<'_> {
    /// A type; in an expression the caller decides whether it was one.
    pub(crate) fn type_ref(&mut self) -> Parsed<TypeRef> {
        self.deeper(|p| p.type_inner(true))
    }

    /// After `is` or `as`, where `T ? x : y` is a conditional unless the `?` cannot be one.
    pub(super) fn type_ref_in_is(&mut self) -> Parsed<TypeRef> {
        self.deeper(|p| p.type_inner(false))
    }

    /// A type without array brackets, after `new`.
    pub(super) fn type_for_new(&mut self) -> Parsed<TypeRef> {
        self.deeper(Self::type_name)
    }

    fn type_inner(&mut self, nullable: bool) -> Parsed<TypeRef> {
        let mut ty = if self.is("(") {
            self.tuple_type()?
        } else {
            self.type_name()?
        };
        loop {
            if self.is("?")
                && (nullable
                    || self.begins_nothing(1)
                    || (self.ahead_is(1, "[") && (self.ahead_is(2, "]") || self.ahead_is(2, ","))))
            {
                self.advance();
                ty.suffix.push(TypeSuffix::Nullable);
            } else if self.at_brackets() {
                let rank = self.brackets()?;
                ty.suffix.push(TypeSuffix::Array(rank));
            } else {
                break;
            }
        }
        ty.at.end = self.before();
        Ok(ty)
    }

    /// Whether no expression can begin with what stands there, so that a `?` before it belongs to a type.
    fn begins_nothing(&self, n: usize) -> bool {
        match self.ahead(n) {
            Lex::End => true,
            Lex::Punct(p) => !matches!(
                *p,
                "(" | "[" | "{" | "+" | "-" | "!" | "~" | "++" | "--" | "^" | ".."
            ),
            Lex::Word(w) => matches!(&**w, "is" | "as"),
            _ => false,
        }
    }

    /// Whether brackets without sizes follow: `[]`, `[,]`.
    pub(super) fn at_brackets(&self) -> bool {
        self.is("[") && (self.ahead_is(1, "]") || self.ahead_is(1, ","))
    }

    /// `[]`, `[,]`: the rank.
    pub(super) fn brackets(&mut self) -> Parsed<u8> {
        let start = self.start();
        self.expect("[")?;
        let mut rank = 1;
        while self.eat(",") {
            rank += 1;
        }
        self.expect("]")?;
        rank_of(rank, start..self.before())
    }

    fn type_name(&mut self) -> Parsed<TypeRef> {
        let start = self.start();
        let mut path = Vec::new();
        let mut args = Vec::new();
        loop {
            let text = match self.lex() {
                Lex::Word(w) if TYPE_WORDS.contains(&&**w) && path.is_empty() => w.clone(),
                Lex::Word(w) if !is_keyword(w) => w.clone(),
                Lex::Name(w) => w.clone(),
                _ => return self.expected("a type"),
            };
            path.push(Ident {
                at: self.here(),
                text,
            });
            self.advance();
            if self.is("::") && path.len() == 1 && &*path[0].text == "global" {
                self.advance();
                path.clear();
                continue;
            }
            if self.is("<") && args.is_empty() {
                args = self.type_args()?;
            }
            // The types within a generic one, which have its type arguments.
            let within = || match self.ahead(1) {
                Lex::Word(w) | Lex::Name(w) => WITHIN.contains(&&**w),
                _ => false,
            };
            if self.is(".") && self.is_ident(1) && (args.is_empty() || within()) {
                self.advance();
            } else {
                break;
            }
        }
        Ok(TypeRef {
            at: start..self.before(),
            path,
            args,
            names: Vec::new(),
            suffix: Vec::new(),
        })
    }

    /// `<A, B>`.
    pub(super) fn type_args(&mut self) -> Parsed<Vec<TypeRef>> {
        self.expect("<")?;
        let mut args = Vec::new();
        loop {
            args.push(self.type_ref()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect(">")?;
        Ok(args)
    }

    /// `<A, B>` after a name in an expression, when what follows says that it is not a comparison.
    pub(super) fn generic_args(&mut self) -> Vec<TypeRef> {
        if !self.is("<") {
            return Vec::new();
        }
        let saved = self.at;
        let found = self.attempt(Self::type_args).filter(|_| {
            matches!(
                self.lex(),
                Lex::Punct(
                    "(" | ")"
                        | "]"
                        | "}"
                        | ":"
                        | ";"
                        | ","
                        | "."
                        | "?"
                        | "?."
                        | "=="
                        | "!="
                        | "|"
                        | "^"
                        | "&&"
                        | "||"
                        | "&"
                        | "["
                ) | Lex::End
            )
        });
        found.unwrap_or_else(|| {
            self.at = saved;
            Vec::new()
        })
    }
}
