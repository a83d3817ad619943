//! Arithmetic of enums.
//!
//! Called by the binary operators. What must stay true: an enum and a number give the enum again.

use super::operators::{arith, is_enum};
use super::{B, Binder, Bound};
use crate::expr::ast::At;
use crate::expr::ir::{Arith, Ir};
use crate::expr::table::table;
use crate::expr::types::{Num, Ty};

impl Binder {
    /// An enum and steps from it, or the steps between two of its values.
    pub(super) fn enum_arithmetic(
        &mut self,
        op: &str,
        a: Bound,
        b: Bound,
        of: &Ty,
        difference: bool,
        at: &At,
    ) -> B<Bound> {
        let mut number = |x: Bound| -> B<Ir> {
            Ok(if is_enum(&x.ty) {
                Ir::FromEnum(Num::Int, Box::new(x.ir))
            } else {
                self.coerce(x, &Ty::Int, at)?.ir
            })
        };
        let kind = arith(op).unwrap_or(Arith::Add);
        let (a, b) = (number(a)?, number(b)?);
        let sum = Ir::Arithmetic(kind, Num::Int, Box::new(a), Box::new(b));
        let enum_type = table().of(of).and_then(|t| t.enum_type);
        Ok(self.fold(match enum_type {
            Some(e) if !difference => Bound::new(Ir::ToEnum(e, Box::new(sum)), of.clone()),
            _ => Bound::new(sum, Ty::Int),
        }))
    }
}
