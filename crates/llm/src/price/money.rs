//! Amounts of money, exact.
//!
//! What must hold: adding and multiplying never rounds; an amount that does not fit stays at the largest. There is one
//! currency for a gateway, so an amount does not name it.

use std::fmt;

use rust_decimal::Decimal;

/// An amount in 10^-12 units of the gateway's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pico(pub u128);

impl Pico {
    /// Digits after the point.
    pub const SCALE: u32 = 12;
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount in whole units; the largest decimal when it does not fit (above 7.9e16 units).
    #[must_use]
    pub fn decimal(self) -> Decimal {
        i128::try_from(self.0)
            .ok()
            .and_then(|pico| Decimal::try_from_i128_with_scale(pico, Self::SCALE).ok())
            .map_or(Decimal::MAX, |decimal| decimal.normalize())
    }

    /// The amount of a decimal; `None` when it is negative or has more than twelve digits after the point.
    #[must_use]
    pub fn from_decimal(decimal: Decimal) -> Option<Self> {
        let decimal = decimal.normalize();
        let mantissa = u128::try_from(decimal.mantissa()).ok()?;
        let zeros = Self::SCALE.checked_sub(decimal.scale())?;
        mantissa.checked_mul(10_u128.pow(zeros)).map(Self)
    }

    /// The sum.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// So many times the amount.
    #[must_use]
    pub fn saturating_mul(self, count: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(count)))
    }
}

/// Without zeros at the end: `0.0123`.
impl fmt::Display for Pico {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.decimal(), f)
    }
}
