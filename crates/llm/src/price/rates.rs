//! The price of a model, and what it makes of a call.

use super::{Pico, Tier};
use crate::usage::{Class, Classes};
use jiff::civil::Date;
use rust_decimal::Decimal;

/// What one unit of each class costs; `None` where the provider names no price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates(pub(super) [Option<u64>; Class::COUNT]);

impl Rates {
    /// Pico for one unit of a class (a token; a search), by these rules where the class has no price of its own: a
    /// cached or written token without a discount costs what input costs; an hour's write what a write costs; audio and
    /// images cost what text does; reasoning costs what output does.
    #[must_use]
    pub fn unit(&self, class: Class) -> Option<Pico> {
        self.0[usize::from(class.code())]
            .map(|pico| Pico(u128::from(pico)))
            .or_else(|| self.unit(instead(class, self)?))
    }

    /// What a million tokens of a class cost, a thousand searches, when the class has a price of its own.
    #[must_use]
    pub fn per_million(&self, class: Class) -> Option<Decimal> {
        let many = if class.is_tokens() { 1_000_000 } else { 1_000 };
        Some(self.own(class)?.saturating_mul(many).decimal())
    }

    /// Pico for one unit of a class, when the class has a price of its own.
    #[must_use]
    pub fn own(&self, class: Class) -> Option<Pico> {
        self.0[usize::from(class.code())].map(|pico| Pico(u128::from(pico)))
    }
}

fn instead(class: Class, rates: &Rates) -> Option<Class> {
    match class {
        Class::Input | Class::Output | Class::WebSearch | Class::FileSearch => None,
        Class::CachedInput | Class::CacheWrite | Class::AudioInput | Class::ImageInput => {
            Some(Class::Input)
        }
        Class::CacheWriteHour => Some(Class::CacheWrite),
        // Where audio has a price of its own, text's discount is not audio's.
        Class::CachedAudioInput => Some(match rates.own(Class::AudioInput) {
            Some(_) => Class::AudioInput,
            None => Class::CachedInput,
        }),
        Class::CachedImageInput => Some(match rates.own(Class::ImageInput) {
            Some(_) => Class::ImageInput,
            None => Class::CachedInput,
        }),
        Class::Reasoning | Class::AudioOutput | Class::ImageOutput => Some(Class::Output),
    }
}

/// Rates that hold for prompts above a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// They hold when the whole prompt (cached tokens and writes with it) has more tokens than this.
    pub above: u64,
    /// The rates, for every token of the call.
    pub rates: Rates,
}

/// The price of a model for one tier, in a region or everywhere, for a time or for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// `gen_ai.provider.name` of OpenTelemetry; empty for any.
    pub provider: Box<str>,
    /// The model, or the pattern that named it.
    pub model: Box<str>,
    /// The region; `None` for all that have no price of their own.
    pub region: Option<Box<str>>,
    /// The tier.
    pub tier: Tier,
    /// First day (UTC).
    pub from: Option<Date>,
    /// First day on which it holds no more (UTC).
    pub until: Option<Date>,
    /// Rates by the length of the prompt; the first begins at 0, each is above the one before. Empty for a provisioned
    /// tier.
    pub steps: Box<[Step]>,
    /// The most output tokens that the model makes for one choice.
    pub max_output: Option<u64>,
    /// The most tokens of a prompt and its completion.
    pub context: Option<u64>,
    /// Where it was published.
    pub source: Box<str>,
    /// When it was read there.
    pub seen: Option<Date>,
    /// Whether it is the price for models that have none.
    pub fallback: bool,
    /// Version of the table that holds it.
    pub version: Box<str>,
}

/// What a call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The charge.
    pub cost: Pico,
    /// The model has no price; this is by the price that the operator gave for such.
    pub fallback: bool,
    /// The capacity is paid by the hour: `cost` is zero here and shared out in reports.
    pub provisioned: bool,
}

/// Why a call has no charge. Such calls are counted and named, never taken for free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unpriced {
    /// The table has no such model of the provider, or not for the day.
    Model,
    /// The model is there, but not for the tier.
    Tier,
    /// The price says nothing of a class that the call used.
    Class(Class),
    /// The usage is not known.
    Usage,
}

impl std::fmt::Display for Unpriced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Model => f.write_str("the model has no price"),
            Self::Tier => f.write_str("the model has no price for the service tier"),
            Self::Class(class) => write!(f, "the model has no price for {}", class.name()),
            Self::Usage => f.write_str("the usage is not known"),
        }
    }
}

impl Price {
    /// The charge for these counts.
    ///
    /// # Errors
    /// When a class that was used has no price.
    pub fn cost(&self, classes: &Classes) -> Result<Priced, Unpriced> {
        let mut cost = Pico::ZERO;
        if self.tier != Tier::Provisioned {
            let rates = self.rates(classes.input_tokens());
            for (class, count) in classes.iter() {
                let unit = rates.unit(class).ok_or(Unpriced::Class(class))?;
                cost = cost.saturating_add(unit.saturating_mul(count));
            }
        }
        Ok(Priced {
            cost,
            fallback: self.fallback,
            provisioned: self.tier == Tier::Provisioned,
        })
    }

    /// Whether it holds on a day.
    #[must_use]
    pub fn holds(&self, at: Date) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// The rates for a prompt of so many tokens.
    #[must_use]
    pub fn rates(&self, prompt: u64) -> &Rates {
        static NONE: Rates = Rates([None; Class::COUNT]);
        self.steps
            .iter()
            .rev()
            .find(|step| step.above == 0 || prompt > step.above)
            .map_or(&NONE, |step| &step.rates)
    }

    /// The highest rates of a class, whatever the prompt's length: what a reservation must hold.
    #[must_use]
    pub fn highest(&self, class: Class) -> Option<Pico> {
        self.steps
            .iter()
            .filter_map(|step| step.rates.unit(class))
            .max()
    }
}
