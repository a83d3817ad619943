//! What only the integer types have: their bounds.

use super::{Row, limit, m};
use crate::expr::types::Num;

macro_rules! bounds {
    ($rows:ident, $name:literal, $num:expr) => {
        pub(super) const $rows: &[Row] = &[
            m(concat!("const ", $name, " MaxValue"), |_, _| {
                limit($num, true)
            }),
            m(concat!("const ", $name, " MinValue"), |_, _| {
                limit($num, false)
            }),
        ];
    };
}

bounds!(SBYTE, "sbyte", Num::SByte);
bounds!(BYTE, "byte", Num::Byte);
bounds!(SHORT, "short", Num::Short);
bounds!(USHORT, "ushort", Num::UShort);
bounds!(INT, "int", Num::Int);
bounds!(UINT, "uint", Num::UInt);
bounds!(LONG, "long", Num::Long);
bounds!(ULONG, "ulong", Num::ULong);
