//! Operators: numeric promotion, lifting over null, equality, text concatenation, operators of the table.

use super::convert::implicit;
use super::{B, Binder, Bound};
use crate::expr::ast::{At, Expr, Kind};
use crate::expr::ir::{Arith, Call, Cmp, Ir};
use crate::expr::lexer::Fault;
use crate::expr::table::{Member, MemberKind, TypeKind, table};
use crate::expr::types::{Num, Ty};
use crate::value::{Frozen, Value};

/// How deep a run of operators may nest in the IR.
const MAX_NEST: usize = 100;

pub(super) fn arith(op: &str) -> Option<Arith> {
    Some(match op {
        "+" => Arith::Add,
        "-" => Arith::Sub,
        "*" => Arith::Mul,
        "/" => Arith::Div,
        "%" => Arith::Rem,
        "&" => Arith::And,
        "|" => Arith::Or,
        "^" => Arith::Xor,
        "<<" => Arith::Shl,
        ">>" => Arith::Shr,
        _ => return None,
    })
}

fn cmp(op: &str) -> Option<Cmp> {
    Some(match op {
        "<" => Cmp::Lt,
        "<=" => Cmp::Le,
        ">" => Cmp::Gt,
        ">=" => Cmp::Ge,
        _ => return None,
    })
}

pub(super) fn is_enum(t: &Ty) -> bool {
    matches!(t, Ty::Class(n, _) if table().get(n).is_some_and(|i| i.kind == TypeKind::Enum))
}

impl Binder {
    pub(super) fn binary(
        &mut self,
        first: &Expr,
        rest: &[(&'static str, At, Expr)],
        at: &At,
    ) -> B<Bound> {
        let mut left = self.value(first)?;
        let mut nested = 0;
        for (op, op_at, e) in rest {
            if matches!(*op, "&&" | "||") {
                left = self.logical(left, op, e, &first.at)?;
                continue;
            }
            let right = self.value(e)?;
            let span = first.at.start..e.at.end;
            let _ = at;
            left = self.operator(op, left, right, op_at, &span)?;
            nested = if matches!(left.ir, Ir::Concat(_) | Ir::Const(_) | Ir::Text(_)) {
                0
            } else {
                nested + 1
            };
            if nested > MAX_NEST {
                return Err(Fault::new(
                    op_at.clone(),
                    format!("more than {MAX_NEST} operands in a row"),
                    "too many here",
                )
                .help("keep a part in a variable"));
            }
        }
        Ok(left)
    }

    fn logical(&mut self, left: Bound, op: &str, e: &Expr, at: &At) -> B<Bound> {
        let left = self
            .coerce(left, &Ty::Bool, at)
            .map_err(|f| f.help(format!("`{op}` needs `bool` on both sides")))?;
        let right = self.condition(e)?;
        let mut list = match (op, left.ir) {
            ("&&", Ir::And(list)) | ("||", Ir::Or(list)) => list,
            (_, ir) => vec![ir],
        };
        list.push(right);
        let ir = if op == "&&" {
            Ir::And(list)
        } else {
            Ir::Or(list)
        };
        Ok(self.fold(Bound::new(ir, Ty::Bool)))
    }

    /// One binary operator on bound operands.
    pub(super) fn operator(
        &mut self,
        op: &str,
        a: Bound,
        b: Bound,
        op_at: &At,
        at: &At,
    ) -> B<Bound> {
        for t in [&a.ty, &b.ty] {
            if *t == Ty::Void {
                return Err(Fault::new(
                    at.clone(),
                    "the expression has no value",
                    "expected a value",
                ));
            }
        }
        if a.ty == Ty::Unknown || b.ty == Ty::Unknown {
            return Ok(Bound::new(a.ir, Ty::Unknown));
        }
        if matches!(op, "==" | "!=") {
            return self.equality(op == "==", a, b, op_at, at);
        }
        let (x, y) = (a.ty.plain().clone(), b.ty.plain().clone());
        if op == "+" && (a.ty == Ty::String || b.ty == Ty::String) {
            // A type's own operator goes before: `XNamespace + string` is a name.
            return match user_operator(op, &x, &y) {
                Some(row) => self.table_operator(row, a, b),
                None => Ok(self.concatenation(a, b)),
            };
        }
        let nullable =
            a.ty.is_nullable() || b.ty.is_nullable() || a.ty == Ty::Null || b.ty == Ty::Null;
        if let Some(row) = user_operator(op, &x, &y) {
            return self.table_operator(row, a, b);
        }
        // A null operand of a lifted operator takes the other's type.
        let x = if a.ty == Ty::Null { y.clone() } else { x };
        let y = if b.ty == Ty::Null { x.clone() } else { y };
        if let (Some(m), Some(n)) = (x.numeric(), y.numeric()) {
            return self.numeric(op, a, b, m, n, nullable, op_at);
        }
        if x == Ty::Bool && y == Ty::Bool && matches!(op, "&" | "|" | "^") {
            let ty = if nullable {
                Ty::nullable(Ty::Bool)
            } else {
                Ty::Bool
            };
            let kind = arith(op).unwrap_or(Arith::And);
            return Ok(self.fold(Bound::new(
                Ir::Logic(kind, Box::new(a.ir), Box::new(b.ir)),
                ty,
            )));
        }
        // The constant 0 is a value of every enum.
        if !nullable && cmp(op).is_some() && is_enum(&x) != is_enum(&y) {
            let zero = |b: &Bound| matches!(b.constant(), Some(Frozen::Int(0)));
            if is_enum(&x) && zero(&b) {
                let b = self.coerce(b, &x, at)?;
                return self.operator(op, a, b, op_at, at);
            }
            if is_enum(&y) && zero(&a) {
                let a = self.coerce(a, &y, at)?;
                return self.operator(op, a, b, op_at, at);
            }
        }
        if is_enum(&x) && x == y {
            if let Some(c) = cmp(op) {
                return Ok(self.fold(Bound::new(
                    Ir::Compare(c, Box::new(a.ir), Box::new(b.ir)),
                    Ty::Bool,
                )));
            }
            if matches!(op, "&" | "|" | "^") {
                let kind = arith(op).unwrap_or(Arith::Or);
                let ty = if nullable { Ty::nullable(x) } else { x };
                return Ok(self.fold(Bound::new(
                    Ir::Logic(kind, Box::new(a.ir), Box::new(b.ir)),
                    ty,
                )));
            }
        }
        if matches!(op, "+" | "-") && (is_enum(&x) || is_enum(&y)) {
            let steps = |t: &Ty| implicit(t, &Ty::Int, None).is_some();
            let both = x == y && op == "-";
            if both || (is_enum(&x) && steps(&y)) || (is_enum(&y) && steps(&x) && op == "+") {
                let of = if is_enum(&x) { x } else { y };
                return self.enum_arithmetic(op, (a, b), &of, both, nullable, at);
            }
        }
        if let Some(c) = cmp(op)
            && ordered_struct(&x)
            && ordered_struct(&y)
        {
            let common = if implicit(&x, &y, None).is_some() {
                y
            } else {
                x
            };
            let to = if nullable {
                Ty::nullable(common)
            } else {
                common
            };
            let (a, b) = (self.coerce(a, &to, at)?, self.coerce(b, &to, at)?);
            return Ok(Bound::new(
                Ir::Compare(c, Box::new(a.ir), Box::new(b.ir)),
                Ty::Bool,
            ));
        }
        Err(undefined_for(op, &a.ty, &b.ty, at))
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "an operator and its two typed operands"
    )]
    fn numeric(
        &mut self,
        op: &str,
        a: Bound,
        b: Bound,
        m: Num,
        n: Num,
        nullable: bool,
        op_at: &At,
    ) -> B<Bound> {
        let shift = matches!(op, "<<" | ">>");
        if shift && implicit(b.ty.plain(), &Ty::Int, b.constant().as_ref()).is_none() {
            return Err(undefined_for(op, &a.ty, &b.ty, op_at));
        }
        let constant = |x: &Bound| x.constant();
        let num = if shift {
            Some(m.promote_alone())
        } else {
            // An int constant that fits takes the other's unsigned type.
            let (m2, n2) = (m, n);
            let fits = |c: Option<Frozen>, to: Num| {
                c.is_some_and(|c| implicit(&Ty::Int, &to.ty(), Some(&c)).is_some())
            };
            if m2 == Num::Int && matches!(n2, Num::UInt | Num::ULong) && fits(constant(&a), n2) {
                Some(n2)
            } else if n2 == Num::Int
                && matches!(m2, Num::UInt | Num::ULong)
                && fits(constant(&b), m2)
            {
                Some(m2)
            } else {
                m.promote(n)
            }
        };
        let Some(num) = num else {
            return Err(Fault::new(
                op_at.clone(),
                format!(
                    "operator `{op}` is not defined for `{}` and `{}`",
                    a.ty, b.ty
                ),
                "cast one side",
            ));
        };
        let float = matches!(num, Num::Float | Num::Double | Num::Decimal);
        if float && matches!(op, "&" | "|" | "^" | "<<" | ">>") {
            return Err(Fault::new(
                op_at.clone(),
                format!("operator `{op}` is not defined for `{}`", num.ty()),
                "integers only",
            ));
        }
        let widen = |x: Bound, from: Num, to: Num| {
            if from == to {
                x.ir
            } else {
                Ir::Number(to, Box::new(x.ir))
            }
        };
        let zero = matches!(op, "/" | "%")
            && (!float || num == Num::Decimal)
            && constant(&b).is_some_and(|c| match c.thaw() {
                Value::ULong(n) => n == 0,
                Value::Decimal(d) => d.is_zero(),
                Value::Char(c) => c == 0,
                v => v.as_i64() == Some(0),
            });
        if zero {
            return Err(Fault::new(
                op_at.clone(),
                "division by constant zero",
                "always fails",
            ));
        }
        let left = {
            let b = Bound::new(widen(a, m, num), num.ty());
            self.fold(b).ir
        };
        let right = if shift {
            widen(b, n, Num::Int)
        } else {
            let r = Bound::new(widen(b, n, num), num.ty());
            self.fold(r).ir
        };
        if let Some(c) = cmp(op) {
            return Ok(self.fold(Bound::new(
                Ir::Compare(c, Box::new(left), Box::new(right)),
                Ty::Bool,
            )));
        }
        let ty = if nullable {
            Ty::nullable(num.ty())
        } else {
            num.ty()
        };
        let kind = arith(op).unwrap_or(Arith::Add);
        let checks = !float && self.checked != Some(false);
        // What is lifted is no constant expression.
        if checks && !nullable && constant_overflows(kind, num, &left, &right) {
            return Err(overflow(op_at));
        }
        let decimals =
            num == Num::Decimal && !nullable && super::constant(&left) && super::constant(&right);
        let (left, right) = (Box::new(left), Box::new(right));
        let ir = if checks && self.checked == Some(true) {
            Ir::CheckedArithmetic(kind, num, left, right)
        } else {
            Ir::Arithmetic(kind, num, left, right)
        };
        let bound = self.fold(Bound::new(ir, ty));
        // C# folds the smallest number by -1, which is an exception at run time: the rest is 0, and unchecked the quotient
        // is the smallest number again.
        if matches!(kind, Arith::Rem | Arith::Div)
            && !float
            && !nullable
            && bound.constant().is_none()
            && let Ir::Arithmetic(_, _, left, right) | Ir::CheckedArithmetic(_, _, left, right) =
                &bound.ir
            && super::constant(right)
            && let Ir::Const(smallest) = &**left
        {
            if kind == Arith::Div {
                return Ok(Bound::new(Ir::Const(smallest.clone()), bound.ty));
            }
            let zero = Bound::new(Ir::Const(Frozen::Int(0)), Ty::Int);
            return Ok(self.fold(Bound::new(widen(zero, Num::Int, num), num.ty())));
        }
        // Decimals have no unchecked arithmetic.
        if decimals && bound.constant().is_none() {
            return Err(overflow(op_at));
        }
        Ok(bound)
    }

    fn concatenation(&mut self, a: Bound, b: Bound) -> Bound {
        for t in [&a.ty, &b.ty] {
            if t.is_class("ContextResponse") {
                self.response_escapes = true;
            }
        }
        let mut list = match (a.ty == Ty::String, a.ir) {
            (true, Ir::Concat(list)) => list,
            (_, ir) => vec![ir],
        };
        match (b.ty == Ty::String, b.ir) {
            (true, Ir::Concat(more)) => list.extend(more),
            (_, ir) => list.push(ir),
        }
        // Neighbouring constants join.
        let mut joined: Vec<Ir> = Vec::with_capacity(list.len());
        for ir in list {
            if let (Some(Ir::Text(last)), Ir::Text(next)) = (joined.last_mut(), &ir) {
                *last = format!("{last}{next}").into();
            } else {
                joined.push(ir);
            }
        }
        self.fold(Bound::new(Ir::Concat(joined), Ty::String))
    }

    pub(super) fn table_operator(&mut self, row: &'static Member, a: Bound, b: Bound) -> B<Bound> {
        let lifted = a.ty.is_nullable() || b.ty.is_nullable();
        let (p, q) = (row.params[0].ty.clone(), row.params[1].ty.clone());
        let lift = |t: &Ty| {
            if lifted && t.is_value() {
                Ty::nullable(t.clone())
            } else {
                t.clone()
            }
        };
        let a = self.coerce(a, &lift(&p), &(0..0))?;
        let b = self.coerce(b, &lift(&q), &(0..0))?;
        let call = |a: Ir, b: Ir| {
            Ir::Call(Box::new(Call {
                run: row.run,
                member: Some(row),
                checked: false,
                args: vec![a, b],
                types: Vec::new(),
                outs: Vec::new(),
            }))
        };
        if !lifted {
            return Ok(Bound::new(call(a.ir, b.ir), row.result.clone()));
        }
        // Both sides are evaluated before either is looked at.
        let (left, right) = (self.slot(), self.slot());
        let (s, t) = (self.slot(), self.slot());
        let inner = Ir::NullConditional(
            t,
            Box::new(Ir::Local(right)),
            Box::new(call(Ir::Local(s), Ir::Local(t))),
        );
        let ir = Ir::Let(
            vec![(left, a.ir), (right, b.ir)],
            Box::new(Ir::NullConditional(
                s,
                Box::new(Ir::Local(left)),
                Box::new(inner),
            )),
        );
        if row.result == Ty::Bool {
            return Ok(Bound::new(
                Ir::Coalesce(Box::new(ir), Box::new(Ir::Const(Frozen::Bool(false)))),
                Ty::Bool,
            ));
        }
        Ok(Bound::new(ir, Ty::nullable(row.result.clone())))
    }

    pub(super) fn unary(&mut self, op: &str, operand: &Expr, at: &At) -> B<Bound> {
        // `-2147483648` is an int although `2147483648` is not.
        if op == "-"
            && let Kind::Literal(crate::expr::ast::Literal::Int(n, suffix)) = &operand.kind
        {
            use crate::expr::lexer::Suffix;
            if *n == 1 << 31 && *suffix == Suffix::None {
                return Ok(Bound::new(Ir::Const(Frozen::Int(i32::MIN)), Ty::Int));
            }
            if *n == 1 << 63 && matches!(suffix, Suffix::None | Suffix::L) {
                return Ok(Bound::new(Ir::Const(Frozen::Long(i64::MIN)), Ty::Long));
            }
        }
        let b = self.value(operand)?;
        if b.ty == Ty::Unknown {
            return Ok(b);
        }
        let undefined = |t: &Ty| {
            Fault::new(
                at.clone(),
                format!("operator `{op}` is not defined for `{t}`"),
                format!("this is `{t}`"),
            )
        };
        if op == "!" {
            if *b.ty.plain() != Ty::Bool {
                return Err(undefined(&b.ty).help("`!` needs a `bool`; cast it: `!(bool)…`"));
            }
            let ty = b.ty.clone();
            return Ok(self.fold(Bound::new(Ir::Not(Box::new(b.ir)), ty)));
        }
        if op == "+" && b.ty.plain().is_class("TimeSpan") {
            return Ok(b);
        }
        if op == "-" && b.ty.plain().is_class("TimeSpan") {
            let zero = Bound::new(Ir::Const(Frozen::TimeSpan(0)), Ty::class("TimeSpan"));
            return self.operator("-", zero, b, at, at);
        }
        if op == "~" && is_enum(b.ty.plain()) {
            let ty = b.ty.clone();
            let number = Ir::FromEnum(Num::Int, Box::new(b.ir));
            let number = self.fold(Bound::new(number, Ty::Int)).ir;
            let made = Bound::new(Ir::Complement(Num::Int, Box::new(number)), Ty::Int);
            let made = self.fold(made);
            let mut made = self.apply(made, super::Conversion::ToEnum, ty.plain());
            made.ty = ty;
            return Ok(self.fold(made));
        }
        let Some(from) = b.ty.plain().numeric() else {
            return Err(undefined(&b.ty));
        };
        let mut to = from.promote_alone();
        if op == "-" && to == Num::UInt {
            to = Num::Long;
        }
        if (op == "-" && to == Num::ULong) || (op == "~" && to >= Num::Float) {
            return Err(undefined(&b.ty));
        }
        let nullable = b.ty.is_nullable();
        let wide = if from == to {
            b.ir
        } else {
            Ir::Number(to, Box::new(b.ir))
        };
        let wide = self.fold(Bound::new(wide, to.ty())).ir;
        let lowest = Bound::new(Ir::Const(Frozen::Int(0)), Ty::Int);
        if op == "-" && to < Num::Float && self.checked != Some(false) {
            let zero = self
                .apply(lowest, super::Conversion::Number(to), &to.ty())
                .ir;
            if constant_overflows(Arith::Sub, to, &zero, &wide) {
                return Err(overflow(at));
            }
            if self.checked == Some(true) {
                let ir = Ir::CheckedArithmetic(Arith::Sub, to, Box::new(zero), Box::new(wide));
                let ty = if nullable {
                    Ty::nullable(to.ty())
                } else {
                    to.ty()
                };
                return Ok(self.fold(Bound::new(ir, ty)));
            }
        }
        let ir = match op {
            "-" => Ir::Negate(to, Box::new(wide)),
            "~" => Ir::Complement(to, Box::new(wide)),
            _ => wide,
        };
        let ty = if nullable {
            Ty::nullable(to.ty())
        } else {
            to.ty()
        };
        Ok(self.fold(Bound::new(ir, ty)))
    }
}

/// Whether an operation on two constants gives what its type does not hold.
fn constant_overflows(op: Arith, num: Num, a: &Ir, b: &Ir) -> bool {
    let wide = |ir: &Ir| match ir {
        Ir::Const(c) => match c.thaw() {
            crate::value::Value::ULong(n) => Some(i128::from(n)),
            v => v.as_i64().map(i128::from),
        },
        _ => None,
    };
    let (Some(a), Some(b)) = (wide(a), wide(b)) else {
        return false;
    };
    let (lowest, highest) = crate::expr::table::json::convert::range(num);
    crate::expr::eval::exact(op, a, b).is_some_and(|n| n < lowest || n > highest)
}

fn overflow(at: &At) -> Fault {
    Fault::new(
        at.clone(),
        "the operation overflows at compile time in checked mode",
        "the constant does not fit its type",
    )
    .help("write `unchecked(…)` around it if it shall wrap")
}

fn ordered_struct(t: &Ty) -> bool {
    ["DateTime", "DateTimeOffset", "TimeSpan"]
        .iter()
        .any(|n| t.is_class(n))
}

/// Operator row for the operand types: exact first, then by conversion.
pub(super) fn user_operator(op: &str, x: &Ty, y: &Ty) -> Option<&'static Member> {
    let mut best: Option<(u32, &'static Member)> = None;
    for t in [x, y] {
        let Some(info) = table().of(t) else { continue };
        for m in info
            .members
            .iter()
            .filter(|m| m.kind == MemberKind::Operator && m.name == op && m.params.len() == 2)
        {
            let cost = |from: &Ty, to: &Ty| {
                if from == to {
                    Some(0)
                } else {
                    implicit(from, to, None).map(|_| 1)
                }
            };
            if let (Some(a), Some(b)) = (cost(x, &m.params[0].ty), cost(y, &m.params[1].ty))
                && best.is_none_or(|(c, _)| a + b < c)
            {
                best = Some((a + b, m));
            }
        }
    }
    best.map(|(_, m)| m)
}

pub(super) fn undefined_for(op: &str, a: &Ty, b: &Ty, at: &At) -> Fault {
    let fault = Fault::new(
        at.clone(),
        format!("operator `{op}` is not defined for `{a}` and `{b}`"),
        format!("`{a}` {op} `{b}`"),
    );
    match cast_hint(a, b) {
        Some(h) => fault.help(h),
        None => fault,
    }
}

/// What to write when a token or an object meets a plain value.
pub(super) fn cast_hint(a: &Ty, b: &Ty) -> Option<String> {
    let loose = |t: &Ty| *t == Ty::Object || t.is_class("JToken");
    match (loose(a), loose(b)) {
        (true, false) => Some(format!("cast the left side: `({b})…`")),
        (false, true) => Some(format!("cast the right side: `({a})…`")),
        _ => None,
    }
}
