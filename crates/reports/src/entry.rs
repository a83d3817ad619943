//! What reports see of a record of the ledger: one call that was settled, or one correction of what was settled.
//!
//! Made by `source`, which reads the folder; everything else here is a function of these. What must stay true: money
//! is exact (an integer of 10^-12 currency units); the classes of tokens do not overlap, so that their sum is the
//! call's total.

use jiff::Timestamp;
use rust_decimal::Decimal;
use tollgate_llm::usage::Class;
use tollgate_state::ledger::Call;

/// Counts by class, each at its [`Class::code`]. A correction's may be negative.
pub type Tokens = [i64; Class::COUNT];

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call that was settled.
    Call,
    /// An earlier attempt of a call, at another backend, that may have cost too. It is not a call of its own.
    Attempt,
    /// A correction that reconciling wrote. It is dated to the day that it corrects.
    Adjustment {
        /// When it was written.
        written: Timestamp,
    },
}

/// A record of the ledger. An empty text is a dimension that the record does not have.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// A call, an attempt or a correction.
    pub kind: Kind,
    /// When the call was settled, or the time that a correction is about: what decides on its day and month.
    pub at: Timestamp,
    /// Its dimensions.
    pub call: &'a Call<'a>,
    /// The model that the provider says it was.
    pub served_model: &'a str,
    /// Why the call ended.
    pub end_reason: &'static str,
    /// The price table's version.
    pub price_version: &'a str,
    /// The status that the caller got; 0 when none was sent.
    pub status: u16,
    /// Counts by class.
    pub tokens: Tokens,
    /// Whether the gateway estimated them.
    pub estimated: bool,
    /// In 10^-12 units of the currency; `None` when nobody knows the price.
    pub cost: Option<i128>,
    /// What an hour of the capacity costs that the call was made on; its `cost` is then a share of that.
    pub capacity_hour: Option<i128>,
    /// Tokens that an answer from a cache did not use again.
    pub saved_tokens: i64,
    /// What these would have cost, in 10^-12 units; `None` when nobody knows the price.
    pub saved: Option<i128>,
    /// Milliseconds to the first token of a stream.
    pub first_token_ms: Option<u32>,
    /// Milliseconds that the call took; `None` where it is unknown (corrections, calls that a crash cut).
    pub duration_ms: Option<u32>,
}

impl<'a> Entry<'a> {
    /// An entry of a call without any numbers, to begin with.
    #[must_use]
    pub fn of(call: &'a Call<'a>) -> Entry<'a> {
        Entry {
            kind: Kind::Call,
            at: at(call.admitted_ms),
            call,
            served_model: "",
            end_reason: "",
            price_version: "",
            status: 0,
            tokens: [0; Class::COUNT],
            estimated: false,
            cost: None,
            capacity_hour: None,
            saved_tokens: 0,
            saved: None,
            first_token_ms: None,
            duration_ms: None,
        }
    }

    /// The model that served the call; the one that was asked for where the provider did not say.
    #[must_use]
    pub fn model(&self) -> &str {
        if self.served_model.is_empty() {
            &self.call.model
        } else {
            self.served_model
        }
    }

    /// The value of a tag.
    #[must_use]
    pub fn tag(&self, name: &str) -> &str {
        let mut tags = self.call.tags.iter();
        tags.find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// Tokens of all classes.
    #[must_use]
    pub fn total(&self) -> i128 {
        let counts = Class::ALL.iter().zip(self.tokens);
        let tokens = counts.filter(|(class, _)| class.is_tokens());
        tokens.map(|(_, count)| i128::from(count)).sum()
    }

    /// Whether it used something and nobody knows the price.
    #[must_use]
    pub fn unpriced(&self) -> bool {
        self.cost.is_none() && self.tokens.iter().any(|t| *t != 0)
    }

    /// Whether the caller got an error, or no answer.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.kind == Kind::Call && (self.status >= 400 || self.status == 0)
    }
}

/// The instant of Unix milliseconds; the last that there is for times beyond the calendar.
#[must_use]
pub fn at(unix_ms: u64) -> Timestamp {
    let ms = i64::try_from(unix_ms).ok();
    ms.and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Money from its exact integer. Amounts beyond 79 quadrillion units lose places at the end, never before the point.
#[must_use]
pub fn money(pico: i128) -> Decimal {
    let mut value = pico;
    let mut scale = 12;
    loop {
        match Decimal::try_from_i128_with_scale(value, scale) {
            Ok(money) => return money.normalize(),
            Err(_) if scale > 0 => {
                value /= 10;
                scale -= 1;
            }
            Err(_) => return if pico < 0 { Decimal::MIN } else { Decimal::MAX },
        }
    }
}

/// The exact integer of an amount; `None` when it is finer than 10^-12, or too large.
#[must_use]
pub fn pico(amount: Decimal) -> Option<i128> {
    let amount = amount.normalize();
    let places = 12u32.checked_sub(amount.scale())?;
    amount.mantissa().checked_mul(10i128.checked_pow(places)?)
}
