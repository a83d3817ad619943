//! Arithmetic of enums.
//!
//! Called by the binary operators. What must stay true: an enum and a number give the enum again, and null gives null.

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
        (a, b): (Bound, Bound),
        of: &Ty,
        difference: bool,
        nullable: bool,
        at: &At,
    ) -> B<Bound> {
        let lifted = |t: Ty| if nullable { Ty::nullable(t) } else { t };
        let mut number = |x: Bound| -> B<Ir> {
            Ok(if is_enum(x.ty.plain()) {
                let number = Ir::FromEnum(Num::Int, Box::new(x.ir));
                self.fold(Bound::new(number, Ty::Int)).ir
            } else {
                self.coerce(x, &lifted(Ty::Int), at)?.ir
            })
        };
        let kind = arith(op).unwrap_or(Arith::Add);
        let (a, b) = (number(a)?, number(b)?);
        let sum = Ir::Arithmetic(kind, Num::Int, Box::new(a), Box::new(b));
        let sum = self.fold(Bound::new(sum, Ty::Int)).ir;
        let enum_type = table().of(of).and_then(|t| t.enum_type);
        Ok(self.fold(match enum_type {
            Some(e) if !difference => Bound::new(Ir::ToEnum(e, Box::new(sum)), lifted(of.clone())),
            _ => Bound::new(sum, lifted(Ty::Int)),
        }))
    }
}
