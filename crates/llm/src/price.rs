//! What calls cost: prices of models by class of tokens, region, tier, length of the prompt and date.
//!
//! Called by `engine` (accounting, cost preview), by `control` (which reads the operator's file) and by reports. The
//! rules are the providers' own: a price is for so many tokens of a class, classes do not overlap, and the length of
//! the whole prompt decides which step of a stepped price holds for all of the call. What must hold: arithmetic is
//! exact; what has no price is [`Unpriced`] and says why, never zero; looking up never scans the table.

mod file;
mod money;
mod rates;
mod table;
#[cfg(test)]
mod tests;

pub use file::{Amount, Entry, Fault, File, Tools};
pub use money::Pico;
pub use rates::{Price, Priced, Rates, Step, Unpriced};
pub use table::{PriceTable, Query, canonical};

/// The class of service that a call was made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tier {
    /// Pay as you go.
    #[default]
    Standard = 0,
    /// Answered within a day, at a discount.
    Batch = 1,
    /// Answered when there is room, at a discount.
    Flex = 2,
    /// Answered before others, at a premium.
    Priority = 3,
    /// From capacity that is paid by the hour (PTU, provisioned throughput, scale tier): a token costs nothing more.
    Provisioned = 4,
}

impl Tier {
    /// All of them, by code.
    pub const ALL: [Self; 5] = [
        Self::Standard,
        Self::Batch,
        Self::Flex,
        Self::Priority,
        Self::Provisioned,
    ];

    /// The number that ledgers keep.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The tier of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Its name in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Batch => "batch",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Provisioned => "provisioned",
        }
    }

    /// What a provider calls it: `service_tier` of OpenAI and Anthropic, `trafficType` of Vertex AI, a deployment's
    /// own word. `None` for `auto`, which is a wish and not an answer, and for words that are not known.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            ("standard", Self::Standard),
            ("default", Self::Standard),
            ("on_demand", Self::Standard),
            ("batch", Self::Batch),
            ("flex", Self::Flex),
            ("on_demand_flex", Self::Flex),
            ("priority", Self::Priority),
            ("on_demand_priority", Self::Priority),
            ("provisioned", Self::Provisioned),
            ("provisioned_throughput", Self::Provisioned),
            ("scale", Self::Provisioned),
            ("reserved", Self::Provisioned),
        ]
        .into_iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(name))
        .map(|(_, tier)| tier)
    }
}

/// One call's share of an hour of provisioned capacity: the hour's price divided by the tokens of all calls in it. An
/// hour without a call leaves all of its price to nobody, which reports name as idle.
///
/// The share is rounded down to a pico; who adds the shares up gives the rest to the last one.
#[must_use]
pub fn amortise(hour: Pico, tokens: u64, all: u64) -> Pico {
    if all == 0 {
        return Pico::ZERO;
    }
    let (tokens, all) = (u128::from(tokens.min(all)), u128::from(all));
    // The hour's price in two parts, so that the product fits for any of them.
    let (whole, rest) = (hour.0 / all, hour.0 % all);
    Pico(whole * tokens + rest * tokens / all)
}
